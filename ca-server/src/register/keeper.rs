//! What bodies ask of the register, and what it answers to everybody.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use esign_core::keys::SigningKey;
use esign_core::log::Hash;
use esign_core::register::{
    Answer, Found, Leaf as LeafForm, LeafKind, Standing, StatusStatement, UnsignedStatusList,
    issue_commitment,
};
use esign_core::time::UnixTime;
use ring::rand::{SecureRandom, SystemRandom};

use super::vault::{Vault, VaultError};
use super::{Class, Issuer};
use crate::acts::{Act, Change};
use crate::error::{CentreError, CentreErrorKind};
use crate::ids::{Digest, IdempotencyKey, Locator, Name};
use crate::records::{Document, DocumentRecord, DocumentStatus, NewLeaf};
use crate::store::{
    DocumentLeaf, Leaf, LogStore, Outcome, RegisterStore, StoreError, StoreErrorKind,
};

/// Most documents that are registered by one call: half of the acts of a batch, as each has a leaf.
pub const MAX_REGISTRATIONS: usize = 1000;
/// Most octets that a body may have kept for its own retries: a signature with its certificates.
pub const MAX_KEEP: usize = 16 * 1024;
/// Largest box: eight blocks of 512 octets and a tag (`esign_core::register::seal_box`).
const MAX_BOX: usize = 8 * 512 + 16;
/// How old the head in an answer may be: sequencing takes as long.
const HEAD_AGE: Duration = Duration::from_millis(500);
/// Most documents that one call of a bulk revocation changes.
const MAX_REVOKED: usize = 1000;

/// A document to be registered.
#[derive(Clone)]
pub struct Registration {
    /// L, which the code gives.
    pub locator: [u8; 16],
    /// Salt of the box.
    pub salt: [u8; 16],
    /// The box, closed by the body under the code.
    pub sealed: Vec<u8>,
    /// D.
    pub digest: [u8; 32],
    /// F, where there is a file.
    pub file: Option<[u8; 32]>,
    /// The body's own name for this registration.
    pub key: IdempotencyKey,
    /// What was to be issued, as the body digests it: the same key with another one is a conflict. D
    /// and F where absent.
    pub content: Option<[u8; 32]>,
    /// What the body wants to be given back on a retry, encrypted by itself: record, seal, signature.
    pub keep: Vec<u8>,
}

/// A document that is registered, by this call or an earlier one with the same key.
#[derive(Clone)]
pub struct Registered {
    /// Whether this call did it.
    pub fresh: bool,
    /// L, of the first call.
    pub locator: [u8; 16],
    /// Salt of the box, of the first call.
    pub salt: [u8; 16],
    /// The box, of the first call.
    pub sealed: Vec<u8>,
    /// D, of the first call.
    pub digest: [u8; 32],
    /// What the body had kept.
    pub keep: Vec<u8>,
    /// When it was registered.
    pub at: UnixTime,
}

/// A change of a document's status.
#[derive(Clone)]
pub struct Order {
    /// L.
    pub locator: [u8; 16],
    /// The number of the status that the change was decided upon.
    pub seq: u32,
    /// The new status.
    pub status: DocumentStatus,
    /// Why, by the register's list of reasons.
    pub reason: Option<u32>,
    /// Why, in words, for the register's own books.
    pub why: String,
}

/// A status as it was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Changed {
    /// Number of the status.
    pub seq: u32,
    /// Since when.
    pub since: UnixTime,
    /// Whether this call did it.
    pub fresh: bool,
}

/// What is to be revoked at once.
#[derive(Clone, Debug)]
pub struct Bulk {
    /// The body whose documents.
    pub body: u32,
    /// Those that were not in the log at this time.
    pub not_logged_at: UnixTime,
    /// Why, by the register's list of reasons.
    pub reason: Option<u32>,
    /// Why, in words, for the register's own books.
    pub why: String,
}

/// What a bulk revocation did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Revoked {
    /// Documents revoked by this call.
    pub revoked: usize,
    /// Whether there are more: call again.
    pub more: bool,
}

/// The answer to a look-up.
pub struct Looked {
    /// The signed answer.
    pub answer: Vec<u8>,
    /// Salt and box, where there is such a document.
    pub sealed: Option<([u8; 16], Vec<u8>)>,
}

/// What the register holds beside its store.
pub struct KeeperKeys {
    /// Secrets of its rows.
    pub vault: Vault,
    /// The P-256 key that signs its answers.
    pub answers: Arc<dyn SigningKey>,
}

/// The register's acts and answers.
pub struct Keeper {
    store: Arc<dyn RegisterStore>,
    log: Arc<dyn LogStore<Leaf>>,
    keys: KeeperKeys,
    /// How long an answer may be relied upon, seconds.
    good_for: i64,
    head: Mutex<Option<(Instant, u64, Hash)>>,
}

/// What a row wraps.
struct Kept {
    locator: [u8; 16],
    salt: [u8; 16],
    digest: [u8; 32],
    sealed: Vec<u8>,
    keep: Vec<u8>,
}

/// What is wrapped beside a leaf of a status.
struct Detail {
    /// Opens the commitment.
    salt: [u8; 16],
    reason: Option<u32>,
    /// Of a redemption: the body's key for it, and the signed receipt.
    receipt: Option<([u8; 16], Vec<u8>)>,
}

impl Keeper {
    /// A register over `store` and its log, whose answers may be relied upon for `good_for` seconds.
    ///
    /// # Errors
    /// The key for answers is not P-256.
    pub fn new(
        store: Arc<dyn RegisterStore>,
        log: Arc<dyn LogStore<Leaf>>,
        keys: KeeperKeys,
        good_for: i64,
    ) -> Result<Self, CentreError> {
        let this = Self {
            store,
            log,
            keys,
            good_for,
            head: Mutex::new(None),
        };
        let key = this.keys.answers.public_key();
        this.answer(
            [0; 16],
            None,
            None,
            UnixTime::from_seconds(0),
            (0, Hash::empty()),
        )
        .to_be_signed(key)
        .map_err(|e| CentreError::new(CentreErrorKind::Key, "key for answers", e))?;
        Ok(this)
    }

    /// Registers documents of one class for a body: all that can be, each with its own outcome.
    ///
    /// # Errors
    /// For all: the body may not issue this class now, or there are too many. For one: a value is out
    /// of range; its key was used for another content; its locator is another document's.
    pub fn register(
        &self,
        body: &Issuer,
        class: &Class,
        items: &[Registration],
        at: UnixTime,
    ) -> Result<Vec<Result<Registered, CentreError>>, CentreError> {
        may_issue(body, class.number, at)?;
        if items.len() > MAX_REGISTRATIONS {
            return Err(value(
                "registrations",
                format_args!("are {}, at most {MAX_REGISTRATIONS} at once", items.len()),
            ));
        }
        let by = name(body.number)?;
        let mut made = Vec::with_capacity(items.len());
        for item in items {
            made.push(self.acts_of(&by, body, class, item, at));
        }
        let together: Vec<Act> = made
            .iter()
            .filter_map(|acts| acts.as_ref().ok())
            .flatten()
            .cloned()
            .collect();
        // The common case is one transaction without a look before.
        let done = together.is_empty() || self.store.commit(together).map_or_else(is_own, fresh)?;
        made.into_iter()
            .zip(items)
            .map(|(acts, item)| {
                Ok(acts.and_then(|acts| match done {
                    true => Ok(registered(item, at)),
                    false => self.register_one(&by, class, item, acts, at),
                }))
            })
            .collect()
    }

    /// Registers one where a batch was refused: it, or its neighbours, were registered before.
    fn register_one(
        &self,
        by: &Name,
        class: &Class,
        item: &Registration,
        acts: Vec<Act>,
        at: UnixTime,
    ) -> Result<Registered, CentreError> {
        if let Some(found) = self.again(by, class, item)? {
            return Ok(found);
        }
        match self.store.commit(acts) {
            Ok(_) => return Ok(registered(item, at)),
            Err(error) if error.kind() == StoreErrorKind::Conflict => {}
            Err(error) => return Err(error.into()),
        }
        // Meanwhile somebody did it, or the locator is another's: one in 2^79, or a twin.
        match self.again(by, class, item)? {
            Some(found) => Ok(found),
            None => Err(CentreError::new(
                CentreErrorKind::State,
                "locator",
                "is another document's: make the record anew, with another blind",
            )),
        }
    }

    /// What was registered under the item's key before.
    fn again(
        &self,
        by: &Name,
        class: &Class,
        item: &Registration,
    ) -> Result<Option<Registered>, CentreError> {
        let Some(found) = self.store.document_of_key(by, &item.key)? else {
            return Ok(None);
        };
        if found.document.digest != self.content(class.number, item) {
            return Err(CentreError::new(
                CentreErrorKind::State,
                format_args!("registration {}", item.key),
                "was made with other contents",
            ));
        }
        let kept = self.kept(&found)?;
        Ok(Some(Registered {
            fresh: false,
            locator: kept.locator,
            salt: kept.salt,
            sealed: kept.sealed,
            digest: kept.digest,
            keep: kept.keep,
            at: found.registered_at,
        }))
    }

    fn content(&self, class: u32, item: &Registration) -> Digest {
        let class = class.to_be_bytes();
        match &item.content {
            Some(content) => self.keys.vault.digest(&[b"given", &class, content]),
            None => {
                let file = item.file.unwrap_or([0; 32]);
                self.keys
                    .vault
                    .digest(&[b"own", &class, &item.digest, &file])
            }
        }
    }

    fn acts_of(
        &self,
        by: &Name,
        body: &Issuer,
        class: &Class,
        item: &Registration,
        at: UnixTime,
    ) -> Result<Vec<Act>, CentreError> {
        if item.sealed.is_empty() || item.sealed.len() > MAX_BOX {
            return Err(value(
                "box",
                format_args!("must have 1 to {MAX_BOX} octets, has {}", item.sealed.len()),
            ));
        }
        if item.keep.len() > MAX_KEEP {
            return Err(value(
                "keep",
                format_args!(
                    "has {} octets, at most {MAX_KEEP} are kept",
                    item.keep.len()
                ),
            ));
        }
        let row = self.keys.vault.row(&item.locator);
        let kept = Kept {
            locator: item.locator,
            salt: item.salt,
            digest: item.digest,
            sealed: item.sealed.clone(),
            keep: item.keep.clone(),
        };
        let document = Document {
            locator: row,
            sealed: self.keys.vault.wrap(&row, &kept.encode()).map_err(closed)?,
            digest: self.content(class.number, item),
            issuer: by.clone(),
            class: class.number,
            idempotency_key: item.key,
        };
        let leaf = NewLeaf {
            locator: row,
            version: 1,
            octets: leaf_of(
                LeafKind::Issue,
                body.number,
                class,
                at,
                issue_commitment(&item.digest, item.file.as_ref()),
            ),
            detail: None,
        };
        Ok(acts(
            by,
            at,
            "",
            [
                Change::RegisterDocument(document),
                Change::LogDocument(leaf),
            ],
        ))
    }

    /// Changes the status of a body's own document.
    ///
    /// # Errors
    /// There is no such document of this body; it has another status by now; the status does not
    /// permit it; its registration is not in the log yet.
    pub fn change(
        &self,
        body: &Issuer,
        class: impl Fn(u32) -> Option<Class>,
        order: &Order,
        at: UnixTime,
    ) -> Result<Changed, CentreError> {
        if order.status == DocumentStatus::Used {
            return Err(value("status", "used is what a redemption makes"));
        }
        let (row, found) = self.own(body, &order.locator)?;
        let now = &found.status;
        if now.version == order.seq.saturating_add(1) && now.status == order.status {
            return Ok(Changed {
                seq: now.version,
                since: now.since,
                fresh: false,
            });
        }
        let class = class_of(&class, &found)?;
        let leaves = self.store.leaves(&row)?;
        let at = at.max(now.since);
        let acts = self.acts_of_change(&found, &class, body.number, &leaves, order, None, at)?;
        self.store.commit(acts)?;
        Ok(Changed {
            seq: order.seq.saturating_add(1),
            since: at,
            fresh: true,
        })
    }

    /// Redeems a single-use document, once: the first call with its own `key` makes a signed receipt,
    /// the same call again is given the same octets, any other is refused.
    ///
    /// # Errors
    /// There is no such document of this body, its class is not for single use, it is not in force or
    /// was redeemed under another key; its registration is not in the log yet.
    pub fn redeem(
        &self,
        body: &Issuer,
        class: impl Fn(u32) -> Option<Class>,
        locator: &[u8; 16],
        key: &[u8; 16],
        at: UnixTime,
    ) -> Result<Vec<u8>, CentreError> {
        let (row, found) = self.own(body, locator)?;
        let class = class_of(&class, &found)?;
        if !class.single_use {
            return Err(CentreError::new(
                CentreErrorKind::State,
                format_args!("class {}", class.number),
                "is not one of single-use documents",
            ));
        }
        if let Some(receipt) = self.receipt(&row, key)? {
            return Ok(receipt);
        }
        let leaves = self.store.leaves(&row)?;
        // Clocks of replicas differ; statuses follow each other.
        let at = at.max(found.status.since);
        let order = Order {
            locator: *locator,
            seq: found.status.version,
            status: DocumentStatus::Used,
            reason: None,
            why: String::new(),
        };
        let used = Found {
            status: Standing::Used,
            since: at,
            reason: None,
            seq: order.seq.saturating_add(1),
            digest: self.kept(&found)?.digest,
            index: leaves.first().and_then(|leaf| leaf.index),
        };
        // Signed before it is true, and given away only once it is.
        let head = self.head()?;
        let receipt = self.signed(&self.answer(*locator, Some(key), Some(used), at, head))?;
        let detail = Some((*key, receipt.clone()));
        let acts = self.acts_of_change(&found, &class, body.number, &leaves, &order, detail, at)?;
        match self.store.commit(acts) {
            Ok(_) => Ok(receipt),
            // Another replica was quicker: with this key it made the receipt that counts.
            Err(error) => match self.receipt(&row, key)? {
                Some(receipt) => Ok(receipt),
                None => Err(error.into()),
            },
        }
    }

    /// The receipt of a redemption under this key.
    fn receipt(&self, row: &Locator, key: &[u8; 16]) -> Result<Option<Vec<u8>>, CentreError> {
        for leaf in self.store.leaves(row)? {
            if let Some(detail) = self.detail(row, &leaf)?
                && let Some((used, receipt)) = detail.receipt
            {
                if used == *key {
                    return Ok(Some(receipt));
                }
                return Err(CentreError::new(
                    CentreErrorKind::State,
                    "document",
                    "was redeemed before, under another key",
                ));
            }
        }
        Ok(None)
    }

    /// Revokes the documents of a body that were not in the log at a time: all that a stolen sealing
    /// key may have made since. Those that are final already stay as they are. Call again while there
    /// are more.
    ///
    /// # Errors
    /// Those of the store.
    pub fn revoke_since(
        &self,
        by: &Name,
        class: impl Fn(u32) -> Option<Class>,
        bulk: &Bulk,
        at: UnixTime,
    ) -> Result<Revoked, CentreError> {
        let body = bulk.body;
        let from = self.size_at(bulk.not_logged_at)?;
        let mut found = Vec::new();
        let mut more = false;
        self.store.visit_issued(&name(body)?, from, &mut |record| {
            let open = matches!(
                record.status.status,
                DocumentStatus::InForce | DocumentStatus::Suspended
            );
            if !open {
                return ControlFlow::Continue(());
            }
            if found.len() >= MAX_REVOKED {
                more = true;
                return ControlFlow::Break(());
            }
            found.push(record);
            ControlFlow::Continue(())
        })?;
        let mut all = Vec::new();
        for record in &found {
            let leaves = self.store.leaves(&record.document.locator)?;
            if leaves.first().is_none_or(|leaf| leaf.index.is_none()) {
                // In the log within a second or two.
                more = true;
                continue;
            }
            let order = Order {
                locator: self.kept(record)?.locator,
                seq: record.status.version,
                status: DocumentStatus::Revoked,
                reason: bulk.reason,
                why: bulk.why.clone(),
            };
            let class = class_of(&class, record)?;
            let at = at.max(record.status.since);
            let acts = self.acts_of_change(record, &class, body, &leaves, &order, None, at)?;
            all.extend(acts.into_iter().map(|act| Act {
                by: by.clone(),
                ..act
            }));
        }
        let revoked = all.len() / 2;
        if revoked > 0 {
            self.store.commit(all)?;
        }
        Ok(Revoked { revoked, more })
    }

    /// How many leaves the last head before `time` covers: times of heads never fall.
    fn size_at(&self, time: UnixTime) -> Result<u64, CentreError> {
        let (mut low, mut high) = (0, self.log.latest_head()?.map_or(0, |head| head.size));
        while low < high {
            let middle = low.midpoint(high).saturating_add(1);
            let mut first = None;
            // The head that covers the leaf before `middle`.
            self.log.visit_heads(middle, &mut |head| {
                first = Some(head);
                ControlFlow::Break(())
            })?;
            match first {
                Some(head) if head.at < time => low = head.size,
                _ => high = middle.saturating_sub(1),
            }
        }
        Ok(low)
    }

    /// What the register says of a locator to whoever asks.
    ///
    /// # Errors
    /// The store or the key fails.
    pub fn look_up(
        &self,
        locator: &[u8; 16],
        nonce: Option<&[u8]>,
        at: UnixTime,
    ) -> Result<Looked, CentreError> {
        let row = self.keys.vault.row(locator);
        // The head first: what it covers is in the store by then.
        let head = self.head()?;
        let Some(record) = self.store.document(&row)? else {
            return Ok(Looked {
                answer: self.signed(&self.answer(*locator, nonce, None, at, head))?,
                sealed: None,
            });
        };
        let kept = self.kept(&record)?;
        let leaves = self.store.leaves(&row)?;
        let mut reason = None;
        if let Some(leaf) = leaves.iter().find(|l| l.version == record.status.version)
            && let Some(detail) = self.detail(&row, leaf)?
        {
            reason = detail.reason;
        }
        let found = Found {
            status: standing(record.status.status),
            since: record.status.since,
            reason,
            seq: record.status.version,
            digest: kept.digest,
            index: leaves
                .first()
                .and_then(|leaf| leaf.index)
                // Sequenced since the head that this answer shows.
                .filter(|index| *index < head.0),
        };
        Ok(Looked {
            answer: self.signed(&self.answer(*locator, nonce, Some(found), at, head))?,
            sealed: Some((kept.salt, kept.sealed)),
        })
    }

    /// The list of all that is not in force, signed, for those who check without a network; its number is
    /// its time.
    ///
    /// # Errors
    /// The store or the key fails; more documents are not in force than a list holds.
    pub fn status_list(&self, at: UnixTime, next: UnixTime) -> Result<Vec<u8>, CentreError> {
        let wrong =
            |e: &dyn std::fmt::Display| CentreError::new(CentreErrorKind::Store, "status list", e);
        let head = self.head()?;
        let mut listed = Vec::new();
        let mut failed = None;
        self.store
            .visit_listed(&mut |record| match self.kept(&record) {
                Ok(kept) => {
                    listed.push((kept.digest, standing(record.status.status)));
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            })?;
        if let Some(error) = failed {
            return Err(error);
        }
        let number = u64::try_from(at.seconds()).unwrap_or(0);
        let list =
            UnsignedStatusList::new(at, next, number, head, &listed).map_err(|e| wrong(&e))?;
        let key = &self.keys.answers;
        let tbs = list.to_be_signed(key.public_key()).map_err(|e| wrong(&e))?;
        let signature = key
            .sign(tbs.algorithm, &tbs.bytes)
            .map_err(|e| CentreError::key("key for answers", &e))?;
        list.finish(key.public_key(), &signature)
            .map_err(|e| wrong(&e))
    }

    fn answer(
        &self,
        locator: [u8; 16],
        nonce: Option<&[u8]>,
        found: Option<Found>,
        at: UnixTime,
        (size, root): (u64, Hash),
    ) -> Answer {
        Answer {
            nonce: nonce.map(<[u8]>::to_vec),
            locator,
            now: at,
            until: at.plus(self.good_for),
            found,
            size,
            root,
        }
    }

    fn signed(&self, answer: &Answer) -> Result<Vec<u8>, CentreError> {
        let key = &self.keys.answers;
        let wrong = |e: &dyn std::fmt::Display| {
            CentreError::new(CentreErrorKind::Key, "key for answers", e)
        };
        let tbs = answer
            .to_be_signed(key.public_key())
            .map_err(|e| wrong(&e))?;
        let signature = key
            .sign(tbs.algorithm, &tbs.bytes)
            .map_err(|e| CentreError::key("key for answers", &e))?;
        answer
            .finish(key.public_key(), &signature)
            .map_err(|e| wrong(&e))
    }

    /// Size and root of the last signed head; the empty log before the first.
    fn head(&self) -> Result<(u64, Hash), CentreError> {
        let mut held = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((read, size, root)) = *held
            && read.elapsed() < HEAD_AGE
        {
            return Ok((size, root));
        }
        let (size, root) = self
            .log
            .signed_head()?
            .map_or((0, Hash::empty()), |head| (head.size, head.root));
        *held = Some((Instant::now(), size, root));
        Ok((size, root))
    }

    /// A document of this body; another's is none.
    fn own(
        &self,
        body: &Issuer,
        locator: &[u8; 16],
    ) -> Result<(Locator, DocumentRecord), CentreError> {
        let row = self.keys.vault.row(locator);
        let by = name(body.number)?;
        let found = self.store.document(&row)?;
        let own = found.filter(|record| record.document.issuer == by);
        own.map(|record| (row, record)).ok_or_else(|| {
            CentreError::new(
                CentreErrorKind::NotFound,
                "document",
                "this body has none of this locator",
            )
        })
    }

    #[expect(clippy::too_many_arguments, reason = "what one change is made of")]
    fn acts_of_change(
        &self,
        found: &DocumentRecord,
        class: &Class,
        body: u32,
        leaves: &[DocumentLeaf],
        order: &Order,
        receipt: Option<([u8; 16], Vec<u8>)>,
        at: UnixTime,
    ) -> Result<Vec<Act>, CentreError> {
        let row = found.document.locator;
        let (Some(index), Some(last)) = (
            leaves.first().and_then(|leaf| leaf.index),
            leaves
                .last()
                .and_then(|leaf| LeafForm::decode(&leaf.octets).ok()),
        ) else {
            return Err(CentreError::new(
                CentreErrorKind::State,
                "document",
                "its registration is being put into the log: ask again in a second",
            ));
        };
        let statement = StatusStatement {
            index,
            seq: order.seq.saturating_add(1),
            status: standing(order.status),
            since: at,
            reason: order.reason,
            previous: last.commitment,
        };
        let mut salt = [0; 16];
        SystemRandom::new()
            .fill(&mut salt)
            .map_err(|_| closed(VaultError::Randomness))?;
        let detail = Detail {
            salt,
            reason: order.reason,
            receipt,
        };
        let leaf = NewLeaf {
            locator: row,
            version: statement.seq,
            octets: leaf_of(
                LeafKind::Status,
                body,
                class,
                at,
                statement.commitment(&salt),
            ),
            detail: Some(
                self.keys
                    .vault
                    .wrap(&row, &detail.encode())
                    .map_err(closed)?,
            ),
        };
        let change = Change::ChangeDocument {
            locator: row,
            from_version: order.seq,
            status: order.status,
        };
        Ok(acts(
            &name(body)?,
            at,
            &order.why,
            [change, Change::LogDocument(leaf)],
        ))
    }

    fn kept(&self, record: &DocumentRecord) -> Result<Kept, CentreError> {
        let row = record.document.locator;
        let octets = self
            .keys
            .vault
            .unwrap(&row, &record.document.sealed)
            .map_err(closed)?;
        Kept::decode(&octets).ok_or_else(|| closed(VaultError::Closed))
    }

    fn detail(&self, row: &Locator, leaf: &DocumentLeaf) -> Result<Option<Detail>, CentreError> {
        let Some(wrapped) = &leaf.detail else {
            return Ok(None);
        };
        let octets = self.keys.vault.unwrap(row, wrapped).map_err(closed)?;
        let detail = Detail::decode(&octets).ok_or_else(|| closed(VaultError::Closed))?;
        Ok(Some(detail))
    }
}

impl Kept {
    fn encode(&self) -> Vec<u8> {
        let length = u32::try_from(self.sealed.len()).unwrap_or(u32::MAX);
        [
            self.locator.as_slice(),
            &self.salt,
            &self.digest,
            &length.to_be_bytes(),
            &self.sealed,
            &self.keep,
        ]
        .concat()
    }

    fn decode(octets: &[u8]) -> Option<Self> {
        let (locator, rest) = octets.split_first_chunk()?;
        let (salt, rest) = rest.split_first_chunk()?;
        let (digest, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (sealed, keep) = rest.split_at_checked(length)?;
        Some(Self {
            locator: *locator,
            salt: *salt,
            digest: *digest,
            sealed: sealed.to_vec(),
            keep: keep.to_vec(),
        })
    }
}

impl Detail {
    fn encode(&self) -> Vec<u8> {
        let mut out = self.salt.to_vec();
        out.push(u8::from(self.reason.is_some()));
        out.extend(self.reason.unwrap_or(0).to_be_bytes());
        if let Some((key, receipt)) = &self.receipt {
            out.extend(key);
            out.extend(receipt);
        }
        out
    }

    fn decode(octets: &[u8]) -> Option<Self> {
        let (salt, rest) = octets.split_first_chunk()?;
        let (given, rest) = rest.split_first()?;
        let (reason, rest) = rest.split_first_chunk()?;
        let receipt = match rest.split_first_chunk() {
            Some((key, receipt)) => Some((*key, receipt.to_vec())),
            None if rest.is_empty() => None,
            None => return None,
        };
        Some(Self {
            salt: *salt,
            reason: (*given == 1).then_some(u32::from_be_bytes(*reason)),
            receipt,
        })
    }
}

/// Whether the whole batch was new.
fn fresh(receipt: crate::store::Receipt) -> Result<bool, CentreError> {
    let new = |outcome: &Outcome| matches!(outcome, Outcome::Done { .. });
    Ok(receipt.outcomes.iter().all(new))
}

/// A refusal is about one of the batch, which are then done one by one.
fn is_own(error: StoreError) -> Result<bool, CentreError> {
    match error.kind() {
        StoreErrorKind::Conflict => Ok(false),
        _ => Err(error.into()),
    }
}

fn registered(item: &Registration, at: UnixTime) -> Registered {
    Registered {
        fresh: true,
        locator: item.locator,
        salt: item.salt,
        sealed: item.sealed.clone(),
        digest: item.digest,
        keep: item.keep.clone(),
        at,
    }
}

fn acts(by: &Name, at: UnixTime, why: &str, changes: [Change; 2]) -> Vec<Act> {
    changes
        .into_iter()
        .map(|change| Act {
            by: by.clone(),
            at,
            why: why.to_owned(),
            change,
        })
        .collect()
}

fn leaf_of(
    kind: LeafKind,
    issuer: u32,
    class: &Class,
    time: UnixTime,
    commitment: [u8; 32],
) -> Vec<u8> {
    LeafForm {
        kind,
        issuer,
        // That somebody was given a paper of this class may already tell too much.
        class: if class.sensitive { 0 } else { class.number },
        time,
        commitment,
    }
    .encode()
}

fn may_issue(body: &Issuer, class: u32, at: UnixTime) -> Result<(), CentreError> {
    let refused = |what: &dyn std::fmt::Display| {
        CentreError::new(
            CentreErrorKind::NotAllowed,
            format_args!("body {}", body.number),
            what,
        )
    };
    if !body.classes.contains(&class) {
        return Err(refused(&format_args!("may not issue class {class}")));
    }
    if at < body.from {
        return Err(refused(&format_args!(
            "may issue from {} on, it is {at}",
            body.from
        )));
    }
    match body.until {
        Some(until) if at > until => Err(refused(&format_args!(
            "might issue until {until}, it is {at}"
        ))),
        _ => Ok(()),
    }
}

fn class_of(
    class: &impl Fn(u32) -> Option<Class>,
    found: &DocumentRecord,
) -> Result<Class, CentreError> {
    class(found.document.class).ok_or_else(|| {
        CentreError::new(
            CentreErrorKind::Settings,
            format_args!("class {}", found.document.class),
            "is not in the register's list of classes any more",
        )
    })
}

const fn standing(status: DocumentStatus) -> Standing {
    match status {
        DocumentStatus::InForce => Standing::InForce,
        DocumentStatus::Revoked => Standing::Revoked,
        DocumentStatus::Superseded { .. } => Standing::Superseded,
        DocumentStatus::Suspended => Standing::Suspended,
        DocumentStatus::Used => Standing::Used,
    }
}

/// The name under which a body acts.
fn name(body: u32) -> Result<Name, CentreError> {
    Ok(Name::new(&format!("body-{body}"))?)
}

fn value(object: &str, what: impl std::fmt::Display) -> CentreError {
    CentreError::new(CentreErrorKind::Value, object, what)
}

fn closed(error: VaultError) -> CentreError {
    CentreError::new(CentreErrorKind::Store, "register", error)
}
