//! Work that is done at once where it takes microseconds, and given room where it takes longer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What others may wait for: some ten signatures with a key in a file. To change threads costs about
/// one of them, so it pays only for keys on tokens and for stores across a network.
const LONG: Duration = Duration::from_micros(200);

/// Whether one kind of work took long when it was last done.
#[derive(Debug, Default)]
pub(crate) struct Pace(AtomicBool);

impl Pace {
    /// Does `work` on this thread of the runtime; others need not wait for it if it took long the last
    /// time, or is `known` to.
    pub(crate) fn run<T>(&self, known: bool, work: impl FnOnce() -> T) -> T {
        let timed = || {
            let began = Instant::now();
            let done = work();
            let long = began.elapsed() > LONG;
            if self.0.load(Ordering::Relaxed) != long {
                self.0.store(long, Ordering::Relaxed);
            }
            done
        };
        if known || self.0.load(Ordering::Relaxed) {
            tokio::task::block_in_place(timed)
        } else {
            timed()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_long_is_given_room_until_it_is_quick_again() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        runtime.block_on(async {
            let pace = Pace::default();
            let long = || pace.0.load(Ordering::Relaxed);
            assert_eq!(pace.run(false, || 1), 1);
            assert!(!long());
            pace.run(false, || std::thread::sleep(LONG * 3));
            assert!(long());
            pace.run(false, || std::thread::sleep(LONG * 3));
            assert!(long());
            pace.run(false, || ());
            assert!(!long());
        });
    }
}
