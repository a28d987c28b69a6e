//! The journal off the machine: every audit entry once more, chained and flushed, on another disk.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::{AuditError, leaf};
use crate::ids::Digest;
use crate::store::Store;

/// Most entries in one line: a line stays below [`MAX_LINE`] with entries of ordinary size.
const MAX_ENTRIES: usize = 1000;
/// Octets of leaves after which a line is ended.
const FULL: usize = 1 << 20;
/// Longest line, in octets: `FULL`, one more entry, each octet escaped in six at the worst.
const MAX_LINE: u64 = 8 << 20;

/// One line: entries in the order of their numbers, and the digest of the line before.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    v: u32,
    /// SHA-256 of the line before without its line feed, in hexadecimal digits; 64 zeros in the first.
    previous: String,
    entries: Vec<JournalEntry>,
}

/// One entry of the journal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalEntry {
    /// Number of the audit entry in the store.
    pub id: u64,
    /// Its leaf, as in the log.
    pub leaf: String,
}

/// A journal to write to. One process writes one journal.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    /// Octets that are whole lines.
    length: u64,
    previous: String,
    last: u64,
}

impl Journal {
    /// Opens the journal at `path`, or begins one. A line that a crash cut is taken away: what it told
    /// of was not acknowledged, and is written again by [`Self::follow`].
    ///
    /// # Errors
    /// [`AuditError::File`]: the file cannot be opened or locked, or its chain is broken.
    pub fn open(path: &Path) -> Result<Self, AuditError> {
        let failed = |error| AuditError::file(format_args!("journal {}", path.display()), error);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(failed)?;
        file.try_lock()
            .map_err(|error| AuditError::file(format_args!("journal {}", path.display()), error))?;
        let mut reader = JournalReader::open(path)?;
        let mut last = 0;
        while let Some(entry) = reader.next_entry()? {
            last = entry.id;
        }
        let length = reader.length;
        file.set_len(length).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(failed)?;
        }
        Ok(Self {
            path: path.to_owned(),
            state: Mutex::new(State {
                file,
                length,
                previous: reader.previous,
                last,
            }),
        })
    }

    /// Writes every audit entry of `store` that is not in the journal yet, and flushes it. To be called
    /// after each commit, before it is acknowledged; calls that wait for one another find their
    /// entries written.
    ///
    /// # Errors
    /// [`AuditError::File`] where it cannot be written: the acts are done, but only the store tells of
    /// them until a later call succeeds. Those of the store.
    pub fn follow(&self, store: &dyn Store) -> Result<(), AuditError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let mut entries = Vec::new();
            let mut octets: usize = 0;
            let mut failed = None;
            store.visit_audit(state.last, &mut |entry| {
                match leaf(&entry) {
                    Ok(leaf) => {
                        octets = octets.saturating_add(leaf.len());
                        entries.push(JournalEntry {
                            id: entry.id,
                            leaf: String::from_utf8_lossy(&leaf).into_owned(),
                        });
                    }
                    Err(error) => failed = Some(error),
                }
                if failed.is_some() || entries.len() >= MAX_ENTRIES || octets >= FULL {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })?;
            if let Some(error) = failed {
                return Err(error);
            }
            let Some(last) = entries.last().map(|entry| entry.id) else {
                return Ok(());
            };
            state.write(entries).map_err(|error| {
                AuditError::file(format_args!("journal {}", self.path.display()), error)
            })?;
            state.last = last;
        }
    }
}

impl State {
    fn write(&mut self, entries: Vec<JournalEntry>) -> std::io::Result<()> {
        let batch = Batch {
            v: 1,
            previous: self.previous.clone(),
            entries,
        };
        let mut line = serde_json::to_vec(&batch)?;
        let digest = Digest::of(&line).to_string();
        line.push(b'\n');
        // What an earlier, failed write left behind the last whole line is written over.
        self.file.seek(SeekFrom::Start(self.length))?;
        self.file.set_len(self.length)?;
        self.file.write_all(&line)?;
        self.file.sync_data()?;
        let written = u64::try_from(line.len()).unwrap_or(u64::MAX);
        self.length = self.length.saturating_add(written);
        self.previous = digest;
        Ok(())
    }
}

/// Reads a journal from its beginning and checks its chain.
#[derive(Debug)]
pub struct JournalReader {
    path: PathBuf,
    input: BufReader<File>,
    length: u64,
    lines: u64,
    previous: String,
    waiting: std::collections::VecDeque<JournalEntry>,
    last: u64,
}

impl JournalReader {
    /// A reader of the journal at `path`.
    ///
    /// # Errors
    /// [`AuditError::File`].
    pub fn open(path: &Path) -> Result<Self, AuditError> {
        let file = File::open(path)
            .map_err(|error| AuditError::file(format_args!("journal {}", path.display()), error))?;
        Ok(Self {
            path: path.to_owned(),
            input: BufReader::new(file),
            length: 0,
            lines: 0,
            previous: "0".repeat(64),
            waiting: std::collections::VecDeque::new(),
            last: 0,
        })
    }

    /// The next entry; `None` at the end, or at a last line that was cut.
    ///
    /// # Errors
    /// [`AuditError::File`]: the file cannot be read, or a line is not what the chain says.
    pub fn next_entry(&mut self) -> Result<Option<JournalEntry>, AuditError> {
        while self.waiting.is_empty() {
            if !self.next_line()? {
                return Ok(None);
            }
        }
        Ok(self.waiting.pop_front())
    }

    fn next_line(&mut self) -> Result<bool, AuditError> {
        let object = format!(
            "journal {}, line {}",
            self.path.display(),
            self.lines.saturating_add(1)
        );
        let mut line = Vec::new();
        (&mut self.input)
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)
            .map_err(|error| AuditError::file(&object, error))?;
        let octets = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if line.last() != Some(&b'\n') {
            if octets >= MAX_LINE {
                return Err(AuditError::file(
                    object,
                    format_args!("is longer than {MAX_LINE} octets"),
                ));
            }
            return Ok(false);
        }
        line.pop();
        let batch: Batch =
            serde_json::from_slice(&line).map_err(|error| AuditError::file(&object, error))?;
        if batch.v != 1 {
            return Err(AuditError::file(
                object,
                format_args!("has version {}, 1 is known", batch.v),
            ));
        }
        if batch.previous != self.previous {
            return Err(AuditError::file(
                object,
                format_args!(
                    "follows on {}, the line before is {}: the journal was altered",
                    batch.previous, self.previous
                ),
            ));
        }
        for entry in &batch.entries {
            if entry.id <= self.last {
                return Err(AuditError::file(
                    object,
                    format_args!("entry {} follows on entry {}", entry.id, self.last),
                ));
            }
            self.last = entry.id;
        }
        self.previous = Digest::of(&line).to_string();
        self.length = self.length.saturating_add(octets);
        self.lines = self.lines.saturating_add(1);
        self.waiting.extend(batch.entries);
        Ok(true)
    }
}
