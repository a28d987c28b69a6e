//! Tiles in a folder that any web server can publish.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use esign_core::log::{LogError, LogErrorKind, TileId, TileStore};

use super::AuditError;

/// Name of the newest signed checkpoint in the folder (tlog-tiles).
const CHECKPOINT: &str = "checkpoint";
/// Largest tile that is read, in octets: a bundle of 256 entries of 65,535 octets each.
const MAX_TILE: u64 = 256 * (65_535 + 2);

/// A folder of tiles, and the newest checkpoint.
#[derive(Clone, Debug)]
pub struct DirectoryTiles {
    dir: PathBuf,
}

impl DirectoryTiles {
    /// The folder `dir`; made where it is missing.
    ///
    /// # Errors
    /// [`AuditError::File`].
    pub fn open(dir: &Path) -> Result<Self, AuditError> {
        fs::create_dir_all(dir).map_err(|error| AuditError::file(dir.display(), error))?;
        Ok(Self {
            dir: dir.to_owned(),
        })
    }

    /// The published checkpoint, if there is one.
    ///
    /// # Errors
    /// [`AuditError::File`].
    pub fn checkpoint(&self) -> Result<Option<String>, AuditError> {
        let path = self.dir.join(CHECKPOINT);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(AuditError::file(path.display(), error)),
        }
    }

    /// Publishes a checkpoint in place of the one before; whoever reads sees one or the other.
    ///
    /// # Errors
    /// [`AuditError::File`].
    pub fn publish(&self, note: &str) -> Result<(), AuditError> {
        let path = self.dir.join(CHECKPOINT);
        replace(&path, note.as_bytes()).map_err(|error| AuditError::file(path.display(), error))
    }
}

impl TileStore for DirectoryTiles {
    fn read(&self, tile: &TileId) -> Result<Option<Vec<u8>>, LogError> {
        let path = self.dir.join(tile.to_string());
        match fs::metadata(&path) {
            Ok(metadata) if metadata.len() > MAX_TILE => Err(LogError::new(
                LogErrorKind::Limit,
                format_args!(
                    "{}: has {} octets, a tile has at most {MAX_TILE}",
                    path.display(),
                    metadata.len()
                ),
            )),
            Ok(_) => fs::read(&path)
                .map(Some)
                .map_err(|error| failed(&path, &error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&path, &error)),
        }
    }

    fn write(&self, tile: &TileId, octets: &[u8]) -> Result<(), LogError> {
        // What was published stays as it was: after a restored back-up other octets would be a fork.
        match self.read(tile)? {
            Some(held) if held == octets => return Ok(()),
            Some(_) => {
                return Err(LogError::new(
                    LogErrorKind::Mismatch,
                    format_args!("{tile}: is there with other octets; the log would fork"),
                ));
            }
            None => {}
        }
        let path = self.dir.join(tile.to_string());
        let write = || {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            replace(&path, octets)
        };
        write().map_err(|error| failed(&path, &error))
    }
}

/// Writes a file whole and durably, or not at all.
fn replace(path: &Path, octets: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let draft = PathBuf::from(name);
    let mut file = File::create(&draft)?;
    file.write_all(octets)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&draft, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn failed(path: &Path, error: &io::Error) -> LogError {
    LogError::new(
        LogErrorKind::Storage,
        format_args!("{}: {error}", path.display()),
    )
}
