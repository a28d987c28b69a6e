//! What a store lacks, by everything that remembers more: journal, published log, published CRLs.

use std::ops::ControlFlow;

use esign_core::log::{Checkpoint, SignedNote};

use super::{AuditError, JournalEntry, JournalReader, MAX_FINDINGS, leaf};
use crate::ids::KeyId;
use crate::store::{LogStore, Store};

/// A CRL that was found published.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublishedCrl {
    /// The key that signed it.
    pub issuer: KeyId,
    /// The part of its certificates.
    pub shard: u32,
    /// Its `cRLNumber`.
    pub number: u64,
}

/// What a comparison found. Until [`Self::agrees`], nothing may be issued and nothing answered "good".
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reconciled {
    /// Entries of the journal that the store lacks, the first [`MAX_FINDINGS`]: acts to be done again.
    pub lost: Vec<JournalEntry>,
    /// How many entries the store lacks.
    pub lost_count: u64,
    /// Numbers of entries that store and journal have with other contents, the first [`MAX_FINDINGS`].
    pub different: Vec<u64>,
    /// How many entries differ.
    pub different_count: u64,
    /// Entries of the store that the journal lacks: it is to follow, or was lost.
    pub not_journalled: u64,
    /// Size of the published log and of the store's, where the store is behind or contradicts it.
    pub log_behind: Option<(u64, u64)>,
    /// CRLs published with numbers beyond those that the store has taken, and its greatest one.
    pub crls_ahead: Vec<(PublishedCrl, Option<u64>)>,
}

impl Reconciled {
    /// Whether the store has everything that the others have.
    pub fn agrees(&self) -> bool {
        self.lost_count == 0
            && self.different_count == 0
            && self.log_behind.is_none()
            && self.crls_ahead.is_empty()
    }
}

/// Compares `store` with its journal, with the published checkpoint of its log (whose signature the
/// caller has verified), and with published CRLs; each where given.
///
/// # Errors
/// Those of the store; a journal that cannot be read or whose chain is broken.
pub fn reconcile(
    store: &dyn Store,
    log: &dyn LogStore,
    journal: Option<&mut JournalReader>,
    published: Option<&SignedNote>,
    crls: &[PublishedCrl],
) -> Result<Reconciled, AuditError> {
    let mut found = Reconciled::default();
    if let Some(journal) = journal {
        compare(store, journal, &mut found)?;
    }
    if let Some(published) = published {
        let published = Checkpoint::of(published)?;
        let size = log.latest_head()?.map_or(0, |head| head.size);
        let mut same = published.size == 0;
        log.visit_heads(published.size, &mut |head| {
            same |= head.size == published.size && head.root == published.root;
            ControlFlow::Break(())
        })?;
        if !same {
            found.log_behind = Some((published.size, size));
        }
    }
    for crl in crls {
        let taken = store.latest_crl_number(&crl.issuer, crl.shard)?;
        if taken.is_none_or(|taken| taken < crl.number) {
            found.crls_ahead.push((crl.clone(), taken));
        }
    }
    Ok(found)
}

/// Goes through both in the order of their numbers.
fn compare(
    store: &dyn Store,
    journal: &mut JournalReader,
    found: &mut Reconciled,
) -> Result<(), AuditError> {
    let mut next = journal.next_entry()?;
    let mut failed = None;
    store.visit_audit(0, &mut |entry| {
        let mut step = || -> Result<(), AuditError> {
            while let Some(lost) = next.take_if(|next| next.id < entry.id) {
                found.lose(lost);
                next = journal.next_entry()?;
            }
            match next.take_if(|next| next.id == entry.id) {
                Some(held) => {
                    if held.leaf.as_bytes() != leaf(&entry)? {
                        found.differ(entry.id);
                    }
                    next = journal.next_entry()?;
                }
                None => found.not_journalled = found.not_journalled.saturating_add(1),
            }
            Ok(())
        };
        failed = step().err();
        if failed.is_some() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    while let Some(lost) = next {
        found.lose(lost);
        next = journal.next_entry()?;
    }
    Ok(())
}

impl Reconciled {
    fn lose(&mut self, entry: JournalEntry) {
        self.lost_count = self.lost_count.saturating_add(1);
        if self.lost.len() < MAX_FINDINGS {
            self.lost.push(entry);
        }
    }

    fn differ(&mut self, id: u64) {
        self.different_count = self.different_count.saturating_add(1);
        if self.different.len() < MAX_FINDINGS {
            self.different.push(id);
        }
    }
}
