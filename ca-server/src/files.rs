//! Files of the folder: written beside their place, flushed, renamed.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use crate::error::{CentreError, CentreErrorKind};

/// Largest file of a centre that is read: keys, certificates and settings are a few KiB.
const MAX_FILE: u64 = 1 << 20;

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrecy {
    Public,
    Secret,
}

pub(crate) fn write(path: &Path, octets: &[u8], secrecy: Secrecy) -> Result<(), CentreError> {
    write_with(path, secrecy, |file| {
        file.write_all(octets)
            .map_err(|e| CentreError::io(path, &e))
    })
}

/// Writes a file whose octets are not all there at once.
pub(crate) fn write_with(
    path: &Path,
    secrecy: Secrecy,
    octets: impl FnOnce(&mut fs::File) -> Result<(), CentreError>,
) -> Result<(), CentreError> {
    let failed = |e| CentreError::io(path, &e);
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    // What a crashed process of the same number left would keep its permissions.
    let _ = fs::remove_file(&part);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if secrecy == Secrecy::Secret {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    let mut file = options.open(&part).map_err(failed)?;
    let done = octets(&mut file).and_then(|()| {
        file.sync_all()
            .and_then(|()| fs::rename(&part, path))
            .map_err(failed)
    });
    if done.is_err() {
        let _ = fs::remove_file(&part);
    }
    done?;
    // The name, too, has to survive the loss of power.
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let here = folder.as_os_str().is_empty();
        fs::File::open(if here { Path::new(".") } else { folder })
            .and_then(|folder| folder.sync_all())
            .map_err(failed)?;
    }
    Ok(())
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, CentreError> {
    let failed = |e| CentreError::io(path, &e);
    let mut octets = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut octets))
        .map_err(failed)?;
    if u64::try_from(octets.len()).unwrap_or(u64::MAX) > MAX_FILE {
        return Err(CentreError::new(
            CentreErrorKind::Io,
            path.display(),
            format_args!("is larger than {MAX_FILE} octets"),
        ));
    }
    Ok(octets)
}

pub(crate) fn folder(path: &Path) -> Result<(), CentreError> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|e| CentreError::io(path, &e))
}

/// Whether a new folder can take this place: it is missing, or empty.
pub(crate) fn free(dir: &Path) -> Result<(), CentreError> {
    match fs::read_dir(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(CentreError::io(dir, &e)),
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(CentreError::new(
                CentreErrorKind::Exists,
                dir.display(),
                "is not empty, and a centre begins in a folder of its own",
            )),
        },
    }
}

/// Fills a new folder beside its place and renames it, so that an interruption leaves no half of one.
/// The place must be [`free`].
pub(crate) fn whole_folder<T>(
    dir: &Path,
    fill: impl FnOnce(&Path) -> Result<T, CentreError>,
) -> Result<T, CentreError> {
    free(dir)?;
    let name = dir.file_name().ok_or_else(|| {
        CentreError::new(
            CentreErrorKind::Io,
            dir.display(),
            "is not the name of a folder",
        )
    })?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.part", std::process::id()));
    let part = dir.with_file_name(hidden);
    if part.exists() {
        fs::remove_dir_all(&part).map_err(|e| CentreError::io(&part, &e))?;
    }
    let made = folder(&part).and_then(|()| fill(&part)).and_then(|value| {
        fs::rename(&part, dir).map_err(|e| CentreError::io(dir, &e))?;
        Ok(value)
    });
    if made.is_err() {
        let _ = fs::remove_dir_all(&part);
    }
    made
}

/// Waits until no other process issues from or recovers this folder, and keeps them out for as long
/// as the result lives. The lock goes with the process, so a crash leaves none.
pub(crate) fn lock(folder: &Path) -> Result<fs::File, CentreError> {
    let path = folder.join(".lock");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options
        .open(&path)
        .map_err(|e| CentreError::io(&path, &e))?;
    file.lock().map_err(|e| CentreError::io(&path, &e))?;
    Ok(file)
}
