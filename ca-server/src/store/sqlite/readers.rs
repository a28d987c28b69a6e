//! Connections that read: kept, and no more of them than do any good.

use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;

use super::{failure, open};
use crate::store::StoreError;

/// Fewest short reads at once, however few cores there are: some wait for the disk.
const FEWEST: usize = 4;

/// The reading connections of one store.
pub(super) struct Readers {
    path: PathBuf,
    wait: Duration,
    /// Most short reads at once; whoever comes next waits. To open one connection more costs as much
    /// as fifty short reads, and whoever reads keeps a core busy anyway.
    most: usize,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Connection>,
    /// Short reads under way.
    busy: usize,
}

impl Readers {
    pub(super) fn new(path: PathBuf, wait: Duration) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            path,
            wait,
            most: cores.saturating_mul(2).max(FEWEST),
            state: Mutex::default(),
            freed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A short read, which calls nothing that reads.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Connection, &str) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut state = self
            .freed
            .wait_while(self.state(), |state| state.busy >= self.most)
            .unwrap_or_else(PoisonError::into_inner);
        state.busy = state.busy.saturating_add(1);
        let idle = state.idle.pop();
        drop(state);
        let _turn = Turn(self);
        self.with(idle, read)
    }

    /// A read of any length, which may read other things meanwhile: it waits for nobody.
    pub(super) fn visit<T>(
        &self,
        read: impl FnOnce(&Connection, &str) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.state().idle.pop();
        self.with(idle, read)
    }

    fn with<T>(
        &self,
        idle: Option<Connection>,
        read: impl FnOnce(&Connection, &str) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let connection = match idle {
            Some(connection) => connection,
            None => open::reader(&self.path, self.wait)?,
        };
        let value = read(&connection, &failure::name(&self.path))?;
        let mut state = self.state();
        if state.idle.len() < self.most {
            state.idle.push(connection);
        }
        Ok(value)
    }
}

/// One of the places of short reads; given up when this is dropped.
struct Turn<'a>(&'a Readers);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.busy = state.busy.saturating_sub(1);
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::store::StoreErrorKind;

    #[test]
    fn short_reads_take_turns_and_visits_wait_for_nobody() {
        let dir = std::env::temp_dir().join(format!("readers-{}", std::process::id()));
        let readers = Readers::new(dir.clone(), Duration::from_secs(1));
        open::create(&dir).unwrap();
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for n in 0..10 * readers.most {
                let (readers, now, most) = (&readers, &now, &most);
                scope.spawn(move || {
                    let read = readers.read(|_, object| {
                        let at_once = now.fetch_add(1, Ordering::SeqCst) + 1;
                        most.fetch_max(at_once, Ordering::SeqCst);
                        thread::sleep(Duration::from_millis(2));
                        now.fetch_sub(1, Ordering::SeqCst);
                        match n % 3 {
                            // A failed read gives up its turn as well.
                            0 => Err(StoreError::new(StoreErrorKind::Io, object, "")),
                            _ => Ok(()),
                        }
                    });
                    assert_eq!(read.is_err(), n % 3 == 0);
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= readers.most);
        assert_eq!(readers.state().busy, 0);
        assert!(readers.state().idle.len() <= readers.most);
        // Each visit holds its connection while it makes the next, beyond what short reads may.
        let mut depth = 0;
        nest(&readers, 3 * readers.most, &mut depth);
        assert_eq!(depth, 3 * readers.most);
        assert!(readers.state().idle.len() <= readers.most);
        std::fs::remove_file(dir).unwrap();
    }

    fn nest(readers: &Readers, levels: usize, depth: &mut usize) {
        if levels > 0 {
            *depth += 1;
            readers
                .visit(|_, _| {
                    nest(readers, levels - 1, depth);
                    Ok(())
                })
                .unwrap();
        }
    }
}
