//! Files: read without holding them, written so that nothing is ever half there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once};
use std::time::SystemTime;

use esign_core::source::ReadAt;
use indicatif::{ProgressBar, ProgressStyle};

use crate::failure::Failure;

/// Largest file that is read whole: keys, certificates, lists of a million entries.
const MAX_WHOLE: u64 = 256 << 20;

/// A document opened for reading, which knows whether it was changed meanwhile.
pub(crate) struct Source {
    path: PathBuf,
    file: File,
    len: u64,
    modified: Option<SystemTime>,
    /// The content of a small file, so that it is read once.
    small: Option<Vec<u8>>,
    /// How far a large file was read, shown at a terminal.
    progress: Option<ProgressBar>,
}

/// Files from this size on take long enough to show progress.
const LARGE: u64 = 256 << 20;

/// Files up to this size are read whole at once: one system call instead of many.
const SMALL: u64 = 1 << 20;

impl Source {
    /// Opens a regular file.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let mut file =
            File::open(path).map_err(|e| Failure::io(&path.display().to_string(), &e))?;
        let failed = |e: io::Error| Failure::io(&path.display().to_string(), &e);
        let data = file.metadata().map_err(failed)?;
        if !data.is_file() {
            let what = if data.is_dir() {
                "is a folder"
            } else {
                "is not a regular file"
            };
            return Err(Failure::about(&path.display(), &what));
        }
        let small = if data.len() <= SMALL {
            let mut all = Vec::with_capacity(usize::try_from(data.len()).unwrap_or(0) + 1);
            file.read_to_end(&mut all).map_err(failed)?;
            Some(all)
        } else {
            None
        };
        let len = small.as_ref().map_or(data.len(), ReadAt::len);
        Ok(Self {
            path: path.to_owned(),
            file,
            len,
            modified: data.modified().ok(),
            small,
            progress: progress(len, path),
        })
    }

    /// Fails where the file is not what it was when it was opened.
    pub(crate) fn unchanged(&self) -> Result<(), Failure> {
        let now = fs::metadata(&self.path)
            .map_err(|e| Failure::io(&self.path.display().to_string(), &e))?;
        if now.len() == self.len && now.modified().ok() == self.modified {
            return Ok(());
        }
        Err(Failure::about(
            &self.path.display(),
            &format!(
                "changed while it was being read: {} octets before, {} now",
                self.len,
                now.len()
            ),
        )
        .hint("run the command again when nothing else writes to the file"))
    }

    /// Whether `path` is this very file.
    pub(crate) fn is_same_as(&self, path: &Path) -> bool {
        match (fs::canonicalize(&self.path), fs::canonicalize(path)) {
            (Ok(a), Ok(b)) => a == b,
            _ => false,
        }
    }
}

impl ReadAt for Source {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        match &self.small {
            Some(all) => all.read_at(offset, buf),
            None => {
                let n = self.file.read_at(offset, buf)?;
                if let Some(bar) = &self.progress {
                    let end = offset.saturating_add(u64::try_from(n).unwrap_or(0));
                    // The tail of a PDF is read first; the bar follows the pass over the whole.
                    if end.saturating_sub(bar.position()) <= 1 << 20 {
                        bar.set_position(end);
                    }
                }
                Ok(n)
            }
        }
    }

    fn as_slice(&self) -> Option<&[u8]> {
        self.small.as_deref()
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        if let Some(bar) = &self.progress {
            bar.finish_and_clear();
        }
    }
}

/// A bar on standard error for a large file, where that is a terminal.
fn progress(len: u64, path: &Path) -> Option<ProgressBar> {
    if len < LARGE || !io::stderr().is_terminal() {
        return None;
    }
    let style = ProgressStyle::with_template("{msg} {bar:30} {bytes}/{total_bytes} {eta}").ok()?;
    let bar = ProgressBar::new(len).with_style(style);
    bar.set_message(path.display().to_string());
    Some(bar)
}

/// Reads a whole file of moderate size.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |e: io::Error| Failure::io(&path.display().to_string(), &e);
    let file = File::open(path).map_err(failed)?;
    let mut all = Vec::new();
    file.take(MAX_WHOLE + 1)
        .read_to_end(&mut all)
        .map_err(failed)?;
    if ReadAt::len(&all) > MAX_WHOLE {
        return Err(Failure::about(&path.display(), &"larger than 256 MiB"));
    }
    Ok(all)
}

/// A file that is written beside its target and put in its place when it is whole. Dropped
/// before that, it leaves nothing behind.
pub(crate) struct Output {
    target: PathBuf,
    part: PathBuf,
    file: Option<File>,
}

/// Parts that are being written, to be removed where the command is interrupted. Owned by
/// [`Output`]: entered when a part is made, taken out when it is gone.
static PARTS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
/// The handler of interruptions is set with the first part.
static HANDLER: Once = Once::new();

/// Removes what is half-written, then ends as an interrupted command does.
fn remove_parts_when_interrupted() {
    HANDLER.call_once(|| {
        // Where no handler can be set, an interruption leaves a hidden part; the target is whole.
        let _ = ctrlc::set_handler(|| {
            if let Ok(parts) = PARTS.lock() {
                for part in parts.iter() {
                    let _ = fs::remove_file(part);
                }
            }
            std::process::exit(130);
        });
    });
}

/// Who may read a new file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// Everybody, as the system's default says.
    Public,
    /// The owner only: keys.
    Secret,
}

impl Output {
    /// Begins a file. `force` allows an existing one to be replaced.
    pub(crate) fn create(target: &Path, force: bool, secrecy: Secrecy) -> Result<Self, Failure> {
        let failed = |e: io::Error| Failure::io(&target.display().to_string(), &e);
        if !force && fs::symlink_metadata(target).is_ok() {
            return Err(Failure::about(&target.display(), &"exists already")
                .hint("--force replaces it, or name another file with -o"));
        }
        let name = target
            .file_name()
            .ok_or_else(|| Failure::about(&target.display(), &"is not the name of a file"))?;
        let mut tried = 0u32;
        loop {
            let mut hidden = std::ffi::OsString::from(".");
            hidden.push(name);
            hidden.push(format!(".{}-{tried}.part", std::process::id()));
            let part = target.with_file_name(hidden);
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            if secrecy == Secrecy::Secret {
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            }
            match options.open(&part) {
                Ok(file) => {
                    remove_parts_when_interrupted();
                    if let Ok(mut parts) = PARTS.lock() {
                        parts.push(part.clone());
                    }
                    return Ok(Self {
                        target: target.to_owned(),
                        part,
                        file: Some(file),
                    });
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && tried < 100 => tried += 1,
                Err(e) => return Err(failed(e)),
            }
        }
    }

    /// Puts the file in its place, after its content has reached the disk.
    pub(crate) fn commit(mut self, force: bool) -> Result<(), Failure> {
        let failed = |e: io::Error| Failure::io(&self.target.display().to_string(), &e);
        if let Some(file) = self.file.take() {
            file.sync_data().map_err(failed)?;
        }
        // Somebody else may have made it meanwhile; a hard link refuses where a rename replaces.
        let placed = if force {
            fs::rename(&self.part, &self.target)
        } else {
            match fs::hard_link(&self.part, &self.target) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
                    // A file system without hard links: the best that is left is to look again.
                    if fs::symlink_metadata(&self.target).is_ok() {
                        Err(io::ErrorKind::AlreadyExists.into())
                    } else {
                        fs::rename(&self.part, &self.target)
                    }
                }
                other => other,
            }
        };
        placed.map_err(failed)
    }
}

impl Write for Output {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.file
            .as_mut()
            .map_or(Err(io::ErrorKind::BrokenPipe.into()), |f| f.write(buf))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), File::flush)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // After a rename there is nothing left to remove.
        let _ = fs::remove_file(&self.part);
        if let Ok(mut parts) = PARTS.lock() {
            parts.retain(|p| *p != self.part);
        }
    }
}

/// Writes a whole small file.
pub(crate) fn write(
    target: &Path,
    content: &[u8],
    force: bool,
    secrecy: Secrecy,
) -> Result<(), Failure> {
    let mut output = Output::create(target, force, secrecy)?;
    output
        .write_all(content)
        .map_err(|e| Failure::io(&target.display().to_string(), &e))?;
    output.commit(force)
}
