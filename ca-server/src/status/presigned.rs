//! Answers that were signed before, for as long as nothing has changed.
//!
//! An answer is kept only if no change was seen between reading the store and keeping it, and given
//! only while somebody has looked for changes a moment ago: a responder that cannot see the store
//! falls back to asking it, and so says that it cannot.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use esign_core::time::UnixTime;

use super::{Answer, NAMED_BY};
use crate::ids::{CertificateId, KeyId};
use crate::store::{Store, StoreError};

/// How long ago changes may have been looked for: the origin is to be right within a second, and
/// signing takes a moment, too.
const MAX_UNSEEN: Duration = Duration::from_millis(800);
/// How often to look for changes of other processes.
pub const POLL: Duration = Duration::from_millis(200);
/// Locks, so that threads seldom wait for each other.
const PARTS: usize = 16;

/// One answer for each digest by which the issuer may be named.
type Answers = [Option<Answer>; NAMED_BY.len()];

/// Two generations: when the young one is full, it takes the place of the old one, which is dropped.
/// What is asked for stays.
#[derive(Default)]
struct Part {
    young: HashMap<CertificateId, Answers>,
    old: HashMap<CertificateId, Answers>,
}

/// Which answer: of a certificate whose issuer is named by the digest of that place in [`NAMED_BY`].
pub(super) struct Place {
    pub(super) id: CertificateId,
    pub(super) by: usize,
}

/// What was seen of the store when an answer began to be made.
#[derive(Clone, Copy)]
pub(super) struct Ticket(u64);

/// Answers for single requests without a nonce.
pub(super) struct Presigned {
    parts: Vec<Mutex<Part>>,
    /// Certificates in one generation of one part.
    most: usize,
    hasher: RandomState,
    /// The last change that was seen of each issuer.
    seen: Mutex<Vec<(KeyId, Option<u64>)>>,
    /// Grows with every change that is seen.
    changes: AtomicU64,
    begun: Instant,
    /// Milliseconds after `begun` at which changes were looked for; 0 before the first time.
    looked: AtomicU64,
    /// What the store had committed by then.
    commits: AtomicU64,
}

impl Presigned {
    /// Keeps the answers of at most `most` certificates.
    pub(super) fn new(issuers: impl Iterator<Item = KeyId>, most: usize) -> Self {
        Self {
            parts: (0..PARTS).map(|_| Mutex::default()).collect(),
            most: most.div_ceil(PARTS.saturating_mul(2)),
            hasher: RandomState::new(),
            seen: Mutex::new(issuers.map(|issuer| (issuer, None)).collect()),
            changes: AtomicU64::new(0),
            begun: Instant::now(),
            looked: AtomicU64::new(0),
            commits: AtomicU64::new(u64::MAX),
        }
    }

    fn part(&self, id: &CertificateId) -> Option<MutexGuard<'_, Part>> {
        let hash = usize::try_from(self.hasher.hash_one(&id.serial)).unwrap_or(usize::MAX);
        let part = self.parts.get(hash % PARTS)?;
        Some(part.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The answer that is kept, if it may still be given.
    pub(super) fn find(&self, store: &dyn Store, place: &Place, at: UnixTime) -> Option<Answer> {
        if self.most == 0 {
            return None;
        }
        // What this process committed is known of at once; of others' changes the poll tells.
        if let Some(commits) = store.commits()
            && commits != self.commits.load(Ordering::SeqCst)
        {
            self.poll(store).ok()?;
        }
        let looked = Duration::from_millis(self.looked.load(Ordering::SeqCst));
        if looked.is_zero() || self.begun.elapsed().saturating_sub(looked) > MAX_UNSEEN {
            return None;
        }
        let mut part = self.part(&place.id)?;
        let found = match part.young.get(&place.id) {
            Some(answers) => answers.get(place.by)?.clone()?,
            None => {
                let answers = part.old.remove(&place.id)?;
                let found = answers.get(place.by)?.clone();
                part.young.insert(place.id.clone(), answers);
                found?
            }
        };
        drop(part);
        // Made anew after half of its time, so that none is given away that is about to end; and
        // where the clock was set back.
        let (made, until) = found.kept?;
        let left = until.seconds().saturating_sub(at.seconds());
        let whole = until.seconds().saturating_sub(made.seconds());
        (made <= at && left > whole / 2).then_some(found)
    }

    /// To be taken before the store is asked.
    pub(super) fn ticket(&self) -> Ticket {
        Ticket(self.changes.load(Ordering::SeqCst))
    }

    /// Keeps an answer, unless something changed since the ticket was taken.
    pub(super) fn keep(&self, ticket: Ticket, place: Place, answer: &Answer) {
        if self.most == 0 {
            return;
        }
        let Some(mut part) = self.part(&place.id) else {
            return;
        };
        // Under the lock: a change that is seen from here on takes the answer out again.
        if self.changes.load(Ordering::SeqCst) != ticket.0 {
            return;
        }
        if part.young.len() >= self.most && !part.young.contains_key(&place.id) {
            part.old = std::mem::take(&mut part.young);
        }
        let older = part.old.remove(&place.id).unwrap_or_default();
        let answers = part.young.entry(place.id).or_insert(older);
        if let Some(there) = answers.get_mut(place.by) {
            *there = Some(answer.clone());
        }
    }

    /// Looks for changes and drops the answers that they make wrong.
    pub(super) fn poll(&self, store: &dyn Store) -> Result<(), StoreError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let commits = store.commits().unwrap_or(0);
        let looked = self.begun.elapsed();
        for (issuer, last) in seen.iter_mut() {
            let Some(after) = *last else {
                // Nothing is kept that could be wrong.
                self.changes.fetch_add(1, Ordering::SeqCst);
                *last = Some(store.last_audit()?);
                continue;
            };
            let mut newest = after;
            store.visit_changes(issuer, after, &mut |change| {
                newest = newest.max(change.audit);
                self.changes.fetch_add(1, Ordering::SeqCst);
                if let Some(mut part) = self.part(&change.entry.id) {
                    part.young.remove(&change.entry.id);
                    part.old.remove(&change.entry.id);
                }
                ControlFlow::Continue(())
            })?;
            *last = Some(newest);
        }
        let looked = u64::try_from(looked.as_millis()).unwrap_or(u64::MAX).max(1);
        self.looked.store(looked, Ordering::SeqCst);
        self.commits.store(commits, Ordering::SeqCst);
        Ok(())
    }

    /// How long ago changes were looked for.
    pub(super) fn unseen(&self) -> Duration {
        let looked = Duration::from_millis(self.looked.load(Ordering::SeqCst));
        self.begun.elapsed().saturating_sub(looked)
    }

    /// How many certificates have an answer here.
    pub(super) fn len(&self) -> usize {
        self.parts
            .iter()
            .map(|part| {
                let part = part.lock().unwrap_or_else(PoisonError::into_inner);
                part.young.len().saturating_add(part.old.len())
            })
            .sum()
    }
}
