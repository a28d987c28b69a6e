//! The sequencer: from audit entries without a place to a signed, published head.

use std::ops::ControlFlow;
use std::sync::Arc;

use esign_core::keys::SigningKey;
use esign_core::log::{
    Appender, Checkpoint, Cosignature, Hash, KeyKind, NoteKey, NoteSignature, SignedNote,
};
use esign_core::time::UnixTime;

use super::{AuditError, DirectoryTiles, leaf};
use crate::records::AuditEntry;
use crate::store::{Attestation, Fence, Leaf, LogHead, LogStore, MAX_BATCH};

/// Numbers of audit entries before the last sequenced one among which an entry without a place is
/// looked for: where transactions of several replicas overlap, a lower number may be committed later.
const LOOK_BACK: u64 = 40_000;

/// Entries that are replayed before their tiles are written: some 20 MiB.
const HELD: u64 = 1 << 16;

/// When a head is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Schedule {
    /// At the latest so many seconds after the one before, if there is anything new.
    pub seconds: i64,
    /// As soon as so many entries wait.
    pub entries: usize,
}

impl Default for Schedule {
    /// Every minute, or every 10,000 entries.
    fn default() -> Self {
        Self {
            seconds: 60,
            entries: MAX_BATCH,
        }
    }
}

/// What stands in a log.
pub trait Entry {
    /// Its number in the store.
    fn id(&self) -> u64;

    /// Its octets in the log.
    ///
    /// # Errors
    /// None that an entry of a store can bring about.
    fn leaf(&self) -> Result<Vec<u8>, AuditError>;
}

impl Entry for AuditEntry {
    fn id(&self) -> u64 {
        self.id
    }

    fn leaf(&self) -> Result<Vec<u8>, AuditError> {
        leaf(self)
    }
}

impl Entry for Leaf {
    fn id(&self) -> u64 {
        self.id
    }

    fn leaf(&self) -> Result<Vec<u8>, AuditError> {
        Ok(self.octets.clone())
    }
}

/// Sequences the entries of one store, by default its audit, into one log. Two at once do no harm: the store takes only what
/// follows on its present size, so the slower one fails and must be opened again.
pub struct Sequencer<E = AuditEntry> {
    store: Arc<dyn LogStore<E>>,
    tiles: DirectoryTiles,
    named: NoteKey,
    key: Arc<dyn SigningKey>,
    fence: Option<Fence>,
    log: Appender,
    /// Whether every number up to the last sequenced one was looked at since opening.
    swept: bool,
    head_at: Option<UnixTime>,
}

impl<E: Entry> Sequencer<E> {
    /// Opens the log `origin` over `store` with its tiles in `tiles`; its heads are signed by `key`
    /// (Ed25519). Does what a crash left undone: writes the tiles of heads that were committed, signs
    /// and publishes them.
    ///
    /// # Errors
    /// The store is behind the published checkpoint (an older back-up: see
    /// [`reconcile`](super::reconcile)) or contradicts it or its tiles; those of store, tiles and key.
    pub fn open(
        store: Arc<dyn LogStore<E>>,
        tiles: DirectoryTiles,
        origin: &str,
        key: Arc<dyn SigningKey>,
    ) -> Result<Self, AuditError> {
        Self::open_under(store, tiles, origin, key, None)
    }

    /// Opens the log like [`Self::open`], for the holder of the lease
    /// [`Log`](crate::store::LeaseName::Log): the store refuses what it commits once another process
    /// holds that. Whoever lost the lease opens the log anew when he has it again.
    ///
    /// # Errors
    /// Those of [`Self::open`].
    pub fn open_under(
        store: Arc<dyn LogStore<E>>,
        tiles: DirectoryTiles,
        origin: &str,
        key: Arc<dyn SigningKey>,
        fence: Option<Fence>,
    ) -> Result<Self, AuditError> {
        let mut sequencer = Self::open_to_follow(store, tiles, origin, key)?;
        sequencer.fence = fence;
        sequencer.finish()?;
        Ok(sequencer)
    }

    /// Opens the log like [`Self::open`] and signs nothing: another process leads, and this one keeps
    /// tiles of its own by [`Self::follow`].
    ///
    /// # Errors
    /// Those of [`Self::open`].
    pub fn open_to_follow(
        store: Arc<dyn LogStore<E>>,
        tiles: DirectoryTiles,
        origin: &str,
        key: Arc<dyn SigningKey>,
    ) -> Result<Self, AuditError> {
        let named = NoteKey::new(origin, KeyKind::Note, key.public_key())?;
        // The folder may be behind the store, where another process signed the last heads.
        let log = match check_published(store.as_ref(), &tiles, &named)? {
            Some((size, root)) => Appender::open(&tiles, size, &root)?,
            None => Appender::new(),
        };
        let mut sequencer = Self {
            head_at: store.latest_head()?.map(|head| head.at),
            store,
            tiles,
            named,
            key,
            fence: None,
            log,
            swept: false,
        };
        if let Some(head) = sequencer.store.signed_head()? {
            sequencer.replay(head.size)?;
            sequencer.same_root(&head)?;
            sequencer.log.flush(&sequencer.tiles)?;
        }
        Ok(sequencer)
    }

    /// Brings the tiles up to the last signed head, and publishes it.
    ///
    /// # Errors
    /// The store has fewer entries than were published here; the entries give another root; those of
    /// store and tiles.
    pub fn follow(&mut self) -> Result<(), AuditError> {
        let size = self.log.size();
        let Some(head) = self.store.signed_head()? else {
            return match size {
                0 => Ok(()),
                _ => Err(behind(size)),
            };
        };
        if head.size < size {
            return Err(behind(size));
        }
        self.replay(head.size)?;
        self.same_root(&head)?;
        self.log.flush(&self.tiles)?;
        if let Some(note) = &head.note
            && self.tiles.checkpoint()?.as_deref() != Some(note.as_str())
        {
            self.tiles.publish(note)?;
        }
        Ok(())
    }

    /// The name and key of the log, as verifiers are told.
    pub fn key(&self) -> &NoteKey {
        &self.named
    }

    /// How many entries the last signed head covers.
    pub fn size(&self) -> u64 {
        self.log.size()
    }

    /// Whether a head is due at `now`.
    ///
    /// # Errors
    /// Those of the store.
    pub fn due(&self, schedule: &Schedule, now: UnixTime) -> Result<bool, AuditError> {
        let waiting = self.waiting(schedule.entries.clamp(1, MAX_BATCH))?.len();
        let age = self
            .head_at
            .map(|at| now.seconds().saturating_sub(at.seconds()));
        Ok(waiting >= schedule.entries.max(1)
            || waiting > 0 && age.is_none_or(|age| age >= schedule.seconds))
    }

    /// Sequences what waits, at most [`MAX_BATCH`] entries, and signs and publishes the head over all;
    /// gives it, or `None` if nothing waits. To be called again while it gives some.
    ///
    /// # Errors
    /// Those of store, tiles and key. What was committed before stays, and [`Self::open`] finishes it.
    pub fn run(&mut self, now: UnixTime) -> Result<Option<SignedNote>, AuditError> {
        // What an earlier run committed and could not sign comes first.
        let before = self.finish()?;
        let waiting = self.waiting(MAX_BATCH)?;
        if waiting.is_empty() {
            self.swept = true;
            return Ok(before);
        }
        let mut ahead = self.log.clone();
        let mut ids = Vec::with_capacity(waiting.len());
        for (id, leaf) in &waiting {
            ahead.append(leaf)?;
            ids.push(*id);
        }
        let head = LogHead {
            size: ahead.size(),
            root: ahead.root()?,
            // Heads do not go back in time where the clock does.
            at: self.head_at.map_or(now, |at| at.max(now)),
            note: None,
        };
        // From here on the head exists, whatever happens to this process.
        self.store
            .sequence(self.fence.as_ref(), self.log.size(), ids, head.clone())?;
        self.head_at = Some(head.at);
        ahead.flush(&self.tiles)?;
        self.log = ahead;
        self.sign(&head).map(Some)
    }

    /// Audit entries without a place and their leaves, the lowest numbers first.
    fn waiting(&self, most: usize) -> Result<Vec<(u64, Vec<u8>)>, AuditError> {
        let last = self.store.last_sequenced()?.unwrap_or(0);
        let after = if self.swept {
            last.saturating_sub(LOOK_BACK)
        } else {
            0
        };
        let mut waiting = Vec::new();
        let mut failed = None;
        self.store.visit_unsequenced(after, &mut |entry| {
            match entry.leaf() {
                Ok(leaf) => waiting.push((entry.id(), leaf)),
                Err(error) => failed = Some(error),
            }
            if failed.is_some() || waiting.len() >= most {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        failed.map_or(Ok(waiting), Err)
    }

    /// Does for every committed head what is left to do; gives the last one that it signed.
    fn finish(&mut self) -> Result<Option<SignedNote>, AuditError> {
        let mut open = Vec::new();
        let from = self.store.signed_head()?.map_or(0, |head| head.size);
        self.store
            .visit_heads(from.saturating_add(1), &mut |head| {
                open.push(head);
                ControlFlow::Continue(())
            })?;
        let mut last = None;
        for head in open {
            self.replay(head.size)?;
            self.same_root(&head)?;
            self.log.flush(&self.tiles)?;
            last = Some(self.sign(&head)?);
        }
        // A crash between signature and publication. Under a new name or key, what was signed by the
        // one before is not published as this one's: the next head is.
        if last.is_none()
            && let Some(note) = self.store.signed_head()?.and_then(|head| head.note)
            && self.tiles.checkpoint()?.as_deref() != Some(note.as_str())
            && SignedNote::parse(note.as_bytes())?
                .verify(&self.named)
                .is_ok()
        {
            self.tiles.publish(&note)?;
        }
        Ok(last)
    }

    /// Whether the entries up to a head's size give its root.
    fn same_root(&self, head: &LogHead) -> Result<(), AuditError> {
        let root = self.log.root()?;
        if root == head.root {
            return Ok(());
        }
        Err(AuditError::file(
            format_args!("log of {} entries", head.size),
            format_args!(
                "the entries give the root {root}, the committed head has {}",
                head.root
            ),
        ))
    }

    /// Appends the sequenced entries from the log's size up to `size`.
    fn replay(&mut self, size: u64) -> Result<(), AuditError> {
        let mut failed = None;
        let (log, tiles) = (&mut self.log, &self.tiles);
        if log.size() >= size {
            return Ok(());
        }
        self.store.visit_sequenced(log.size(), &mut |place| {
            let step = match &place.entry {
                Some(entry) if place.index == log.size() => entry.leaf().and_then(|leaf| {
                    log.append(&leaf)?;
                    if log.size() % HELD == 0 {
                        log.flush(tiles)?;
                    }
                    Ok(())
                }),
                _ => Err(AuditError::file(
                    format_args!("log entry {}", log.size()),
                    format_args!("entry {} is missing from the store", place.id),
                )),
            };
            failed = step.err();
            if failed.is_some() || log.size() >= size {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        failed.map_or(Ok(()), Err)
    }

    fn sign(&self, head: &LogHead) -> Result<SignedNote, AuditError> {
        let checkpoint = Checkpoint {
            origin: self.named.name().to_owned(),
            size: head.size,
            root: head.root,
            extensions: vec![format!("time {}", head.at.seconds())],
        };
        let mut note = checkpoint.to_note()?;
        note.sign(&self.named, self.key.as_ref())?;
        let text = note.to_string();
        self.store
            .sign_head(self.fence.as_ref(), head.size, &text)?;
        self.tiles.publish(&text)?;
        Ok(note)
    }
}

/// Keeps what somebody else says of the head of `size` entries: a witness's line, verified against
/// its key first, or a time-stamp token over the text of the checkpoint, which whoever obtained it has
/// verified.
///
/// # Errors
/// There is no such signed head; the cosignature is not one of `witness`; those of the store.
pub fn attest<E>(
    store: &dyn LogStore<E>,
    size: u64,
    attestation: &Attestation,
    witness: Option<&NoteKey>,
) -> Result<(), AuditError> {
    if let Attestation::Cosignature(line) = attestation {
        let mut held = None;
        store.visit_heads(size, &mut |head| {
            held = Some(head);
            ControlFlow::Break(())
        })?;
        let note = held
            .filter(|head| head.size == size)
            .and_then(|head| head.note)
            .ok_or_else(|| {
                AuditError::file(format_args!("log of {size} entries"), "has no signed head")
            })?;
        let mut note = SignedNote::parse(note.as_bytes())?;
        note.add(NoteSignature::parse(line)?)?;
        let witness = witness.ok_or_else(|| {
            AuditError::file(
                "cosignature",
                "cannot be kept without the key of its witness",
            )
        })?;
        Cosignature::verify(&note, witness)?;
    }
    Ok(store.attest(size, attestation)?)
}

/// The store must hold what was published: otherwise it is an older back-up, and going on would fork
/// the log. Gives size and root of what was published.
fn check_published<E>(
    store: &dyn LogStore<E>,
    tiles: &DirectoryTiles,
    named: &NoteKey,
) -> Result<Option<(u64, Hash)>, AuditError> {
    let Some(text) = tiles.checkpoint()? else {
        return Ok(None);
    };
    let note = SignedNote::parse(text.as_bytes())?;
    note.verify(named)?;
    let published = Checkpoint::of(&note)?;
    let mut held: Option<Hash> = None;
    store.visit_heads(published.size, &mut |head| {
        held = (head.size == published.size).then_some(head.root);
        ControlFlow::Break(())
    })?;
    match held {
        Some(root) if root == published.root => Ok(Some((published.size, root))),
        Some(root) => Err(AuditError::file(
            format_args!("log of {} entries", published.size),
            format_args!(
                "was published with the root {}, the store has {root}",
                published.root
            ),
        )),
        None => Err(behind(published.size)),
    }
}

fn behind(size: u64) -> AuditError {
    AuditError::file(
        "store",
        format_args!(
            "is behind the published log of {size} entries: it is an older back-up, or not this log's"
        ),
    )
}
