//! One file a command: its flags, its job, its answer.

pub(crate) mod ca;
pub(crate) mod centre;
pub(crate) mod cert;
pub(crate) mod cert_lint;
pub(crate) mod cert_request;
pub(crate) mod cert_show;
pub(crate) mod cert_verify;
pub(crate) mod code;
pub(crate) mod config;
pub(crate) mod extend;
mod identity;
pub(crate) mod key;
mod key_export;
mod key_list;
pub(crate) mod quickstart;
pub(crate) mod secrets;
mod services;
pub(crate) mod sign;
pub(crate) mod timestamp;
mod token;
pub(crate) mod trust;
pub(crate) mod verdict;
pub(crate) mod verify;

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::failure::Failure;

/// Runs `work` over the files with up to `jobs` threads; outcomes in the order of the files.
pub(crate) fn each<T: Send>(
    files: &[PathBuf],
    jobs: usize,
    work: impl Fn(usize, &PathBuf) -> Result<T, Failure> + Sync,
) -> Vec<Result<T, Failure>> {
    if jobs < 2 || files.len() < 2 {
        return files.iter().enumerate().map(|(i, f)| work(i, f)).collect();
    }
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(files.len()));
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(files.len()) {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = files.get(i) else { break };
                    let outcome = work(i, file);
                    if let Ok(mut done) = done.lock() {
                        done.push((i, outcome));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}
