use std::fs::{self, File};
use std::path::Path;

use rusqlite::params;

use super::{Options, SqliteStore, failure, open};
use crate::store::{StoreError, StoreErrorKind};

impl SqliteStore {
    /// Copies the store at `from` to `to`, which must not be there: the state of one moment, while
    /// others go on reading and writing. Gives the number of octets.
    ///
    /// # Errors
    /// There is a file at `to`, it cannot be written, or the store cannot be read; nothing is left of
    /// the copy then.
    pub fn back_up(from: &Path, to: &Path) -> Result<u64, StoreError> {
        let object = format!("copy {}", to.display());
        if to.exists() {
            return Err(StoreError::new(
                StoreErrorKind::Conflict,
                object,
                "there is such a file already",
            ));
        }
        // Under another name until it is whole.
        let mut half = to.as_os_str().to_owned();
        half.push(".part");
        let half = Path::new(&half);
        let _ = fs::remove_file(half);
        let copied = copy(from, half, &object).and_then(|octets| {
            fs::rename(half, to).map_err(|e| failure::file(&object, e))?;
            Ok(octets)
        });
        if copied.is_err() {
            let _ = fs::remove_file(half);
        }
        copied
    }
}

fn copy(from: &Path, to: &Path, object: &str) -> Result<u64, StoreError> {
    let connection = open::connect(from, Options::default().wait)?;
    open::identify(&connection, &failure::name(from))?;
    // Readable by its owner alone from the first octet; SQLite fills an empty file.
    open::create(to)?;
    connection
        .execute("VACUUM INTO ?1", params![to.to_string_lossy()])
        .map_err(|e| failure::sqlite(object, "copying", e))?;
    let flushed = || {
        let file = File::open(to)?;
        file.sync_all()?;
        Ok(file.metadata()?.len())
    };
    flushed().map_err(|e| failure::file(object, e))
}
