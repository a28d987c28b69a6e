use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{PathInputs, VerifiedPath, find_path};
use crate::x509::Certificate;

/// Leaves that one thread takes at a time: some milliseconds of work, so that none waits long for the
/// last, and taking them costs nothing.
const BLOCK: usize = 32;

/// As [`find_path`] for each of `leaves`, in their order, on all cores.
///
/// What leaves have in common is done once: a signature of an authority or of a list that was found
/// good for one leaf is not verified again for the next, and a list is indexed once.
pub fn find_paths(leaves: &[Certificate], inputs: &PathInputs<'_>) -> Vec<Option<VerifiedPath>> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(leaves.len().div_ceil(BLOCK)).max(1);
    let next = AtomicUsize::new(0);
    let blocks: Vec<&[Certificate]> = leaves.chunks(BLOCK).collect();
    let work = || {
        let mut done = Vec::new();
        loop {
            let taken = next.fetch_add(1, Ordering::Relaxed);
            let Some(block) = blocks.get(taken) else {
                return done;
            };
            let judged: Vec<_> = block.iter().map(|leaf| find_path(leaf, inputs)).collect();
            done.push((taken, judged));
        }
    };
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            match other.join() {
                Ok(more) => done.extend(more),
                // A thread that panicked has judged nothing: its panic goes on here.
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(block, _)| *block);
    done.into_iter().flat_map(|(_, judged)| judged).collect()
}
