//! The public lists of valid, suspended and revoked certificates (law on electronic signature,
//! chapter 9): serial number and status, nothing of the holder.

use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use esign_core::crl::RevocationReason as ListReason;
use esign_core::time::UnixTime;

use super::Authority;
use crate::error::CentreError;
use crate::files::{self, Secrecy};
use crate::records::{Standing, StatusEntry};
use crate::store::{StatusFilter, Store};

/// The law's term for renewing them (9.4), in seconds.
pub const TERM: i64 = 3 * 3600;
/// They are made anew after a third of it: two tries may fail.
const EVERY: i64 = TERM / 3;

/// What the columns are.
const HEADER: &str = "serial,not-after,status,since,reason\n";

/// Writes the lists of one authority: `NAME-valid.csv`, `NAME-suspended.csv`, `NAME-revoked.csv`.
pub struct PublicLists {
    store: Arc<dyn Store>,
    authority: Authority,
    name: String,
    folder: PathBuf,
    made: Mutex<Option<UnixTime>>,
}

impl std::fmt::Debug for PublicLists {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PublicLists")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl PublicLists {
    /// Lists of what `authority` issued, as files of `folder` that begin with `name`.
    pub fn new(store: Arc<dyn Store>, authority: Authority, name: String, folder: PathBuf) -> Self {
        Self {
            store,
            authority,
            name,
            folder,
            made: Mutex::new(None),
        }
    }

    /// Writes them where a third of the term has passed; says whether it did.
    ///
    /// # Errors
    /// The store or the folder fails; they are still due then.
    pub fn publish_if_due(&self, at: UnixTime) -> Result<bool, CentreError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.is_some_and(|made| made <= at && at < made.plus(EVERY)) {
            return Ok(false);
        }
        self.publish(at)?;
        *made = Some(at);
        Ok(true)
    }

    /// When this process wrote them last.
    pub fn made(&self) -> Option<UnixTime> {
        *self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes all three.
    ///
    /// # Errors
    /// The store or the folder fails.
    pub fn publish(&self, at: UnixTime) -> Result<(), CentreError> {
        for (kind, filter) in [
            ("valid", StatusFilter::Good(at)),
            ("suspended", StatusFilter::Suspended),
            ("revoked", StatusFilter::Revoked),
        ] {
            let path = self.folder.join(format!("{}-{kind}.csv", self.name));
            files::write_with(&path, Secrecy::Public, |file| {
                let failed = |e| CentreError::io(&path, &e);
                let mut out = BufWriter::with_capacity(1 << 18, file);
                out.write_all(HEADER.as_bytes()).map_err(failed)?;
                let mut line = String::with_capacity(128);
                let mut broken = None;
                self.store
                    .visit_status(&self.authority.id(), None, filter, &mut |entry| {
                        line.clear();
                        put(&mut line, &entry);
                        match out.write_all(line.as_bytes()) {
                            Ok(()) => ControlFlow::Continue(()),
                            Err(error) => {
                                broken = Some(error);
                                ControlFlow::Break(())
                            }
                        }
                    })?;
                broken.map_or(Ok(()), |error| Err(failed(error)))?;
                out.flush().map_err(failed)
            })?;
        }
        Ok(())
    }
}

/// No field needs quotation marks (RFC 4180 2.5): digits, letters, `-` and `:`.
fn put(line: &mut String, entry: &StatusEntry) {
    let (status, since, reason) = match entry.standing {
        Standing::Good | Standing::Intended => ("valid", None, ""),
        Standing::Suspended { since, .. } => ("suspended", Some(since), "certificateHold"),
        Standing::Revoked { since, reason, .. } => {
            let reason = ListReason::from_number(reason.code()).map_or("", ListReason::name);
            ("revoked", Some(since), reason)
        }
    };
    let since = since.map(|since| since.to_string()).unwrap_or_default();
    // Writing to a String does not fail.
    let _ = writeln!(
        line,
        "{},{},{status},{since},{reason}",
        entry.id.serial, entry.not_after
    );
}
