//! Leases: what only one process may do at a time, by the database's clock.
//!
//! A lease alone does not keep out a process that was paused and does not know that its time is over.
//! So each holder has an epoch, and the database compares it in every write of the work that the lease
//! is for: what a former holder began, it cannot finish.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Store, StoreError, StoreErrorKind};

/// Work that one process at a time may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LeaseName {
    /// Putting expired certificates into the archive.
    Archive,
    /// Taking CRL numbers and publishing lists.
    Lists,
    /// Sequencing the audit into the log and signing its heads.
    Log,
    /// Telling holders.
    Notices,
    /// Sequencing the register's log and signing its heads and lists.
    Register,
}

impl LeaseName {
    /// Its name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Lists => "lists",
            Self::Log => "log",
            Self::Notices => "notices",
            Self::Register => "register",
        }
    }
}

impl fmt::Display for LeaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a write shows: the lease that it is done under, and as whose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fence {
    pub(crate) lease: LeaseName,
    pub(crate) epoch: u64,
}

impl Fence {
    /// The lease.
    pub const fn lease(&self) -> LeaseName {
        self.lease
    }

    /// Which holder, counted from 1.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The refusal of a write under a lease that ended, or that another holds by now.
    pub(crate) fn lost(&self) -> StoreError {
        StoreError::new(
            StoreErrorKind::Fenced,
            format_args!("lease {}", self.lease),
            format_args!(
                "epoch {} is over: another process may do this now",
                self.epoch
            ),
        )
    }
}

/// How long a lease lasts unless it is renewed: a process that died is replaced after it, and one that
/// hangs longer has to stand back.
pub const LEASE: Duration = Duration::from_secs(10);

/// A process's hold on a lease, or its wish for it.
pub struct Lease {
    store: Arc<dyn Store>,
    name: LeaseName,
    /// The process, at random.
    holder: [u8; 16],
    lasts: Duration,
    held: Mutex<Option<Held>>,
}

#[derive(Clone, Copy)]
struct Held {
    epoch: u64,
    /// When it was asked for, by this process's clock that never goes back.
    asked: Instant,
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Lease {
    /// A lease that is not held yet. `holder` is this process's, random and no other's; `lasts` is
    /// [`LEASE`] but in tests.
    pub const fn new(
        store: Arc<dyn Store>,
        name: LeaseName,
        holder: [u8; 16],
        lasts: Duration,
    ) -> Self {
        Self {
            store,
            name,
            holder,
            lasts,
            held: Mutex::new(None),
        }
    }

    /// Takes the lease if it is free, renews it if a third of its time is over; none while another
    /// process has it. Whoever was given a fence shows it in every write; that it was given is no
    /// proof that it still holds.
    ///
    /// # Errors
    /// Those of the store; it is not known then whether the lease is held.
    pub fn fence(&self) -> Result<Option<Fence>, StoreError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let third = self.lasts.checked_div(3).unwrap_or_default();
        if let Some(now) = *held
            && now.asked.elapsed() < third
        {
            return Ok(Some(self.shown(now)));
        }
        let asked = Instant::now();
        let millis = u32::try_from(self.lasts.as_millis()).unwrap_or(u32::MAX);
        let taken = self.store.take_lease(self.name, &self.holder, millis);
        *held = match &taken {
            Ok(Some(epoch)) => Some(Held {
                epoch: *epoch,
                asked,
            }),
            _ => None,
        };
        taken?;
        Ok(held.map(|held| self.shown(held)))
    }

    /// Gives the lease back, so that another process need not wait for its end.
    ///
    /// # Errors
    /// Those of the store; the lease ends by itself then.
    pub fn release(&self) -> Result<(), StoreError> {
        let held = self
            .held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match held {
            Some(held) => self.store.release_lease(&self.shown(held)),
            None => Ok(()),
        }
    }

    const fn shown(&self, held: Held) -> Fence {
        Fence {
            lease: self.name,
            epoch: held.epoch,
        }
    }
}

impl Drop for Lease {
    /// Gives the lease back; if that fails, it ends by itself.
    fn drop(&mut self) {
        let _ = self.release();
    }
}

/// Takes or renews a lease, in one statement; `now` is the database's clock in milliseconds. Whoever
/// comes back after the end has another epoch, too: what it began before is not to go on.
pub(crate) fn taking(now: &str) -> String {
    format!(
        "INSERT INTO lease (name, holder, epoch, ends) VALUES ($1, $2, 1, {now} + $3) \
         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, ends = excluded.ends, \
         epoch = CASE WHEN lease.holder = excluded.holder AND lease.ends > {now} \
         THEN lease.epoch ELSE lease.epoch + 1 END \
         WHERE lease.holder = excluded.holder OR lease.ends <= {now} RETURNING epoch"
    )
}

/// Gives a row while the lease is held by that epoch.
pub(crate) fn holding(now: &str) -> String {
    format!("SELECT 1 FROM lease WHERE name = $1 AND epoch = $2 AND ends > {now}")
}

/// Ends a lease.
pub(crate) const RELEASING: &str = "UPDATE lease SET ends = 0 WHERE name = $1 AND epoch = $2";
