//! Asking witnesses to cosign the heads of a log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use esign_core::log::{NoteKey, SignedNote, TileReader};
use esign_core::x509::Certificate;

use super::ServiceError;
use super::register::Currency;
use super::webhook;
use crate::audit::{self, DirectoryTiles};
use crate::store::{Attestation, LogStore};
use crate::witness;

/// How often a witness is asked, if there is anything new: one head a minute is cosigned soon enough,
/// but what is issued now should be provable while its holder waits.
const EVERY: Duration = Duration::from_secs(1);
/// Largest answer: a line, or a size.
const MAX_ANSWER: u64 = 4096;

/// A witness as a log knows it.
pub(super) struct Address {
    url: String,
    key: NoteKey,
    agent: ureq::Agent,
}

impl Address {
    /// The witness at `url`, whose server `authorities` certify, by its key in the text form of
    /// signed-note.
    pub(super) fn new(
        url: &str,
        key: &str,
        authorities: &[Certificate],
    ) -> Result<Self, ServiceError> {
        let wrong = |e: &dyn std::fmt::Display| ServiceError::new("witness", e);
        let key = NoteKey::parse(key).map_err(|e| wrong(&e))?;
        Ok(Self {
            agent: webhook::agent("witness", url, authorities)?,
            url: format!("{}/add-checkpoint", url.trim_end_matches('/')),
            key,
        })
    }
}

/// A log whose heads a witness is asked to cosign.
pub(super) struct Shown<E> {
    pub(super) log: Arc<dyn LogStore<E>>,
    pub(super) tiles: DirectoryTiles,
    /// Whether this process signs the heads; those of another are its business.
    pub(super) leading: Arc<AtomicBool>,
    /// Told where a witness has seen more than the store has.
    pub(super) currency: Arc<Currency>,
}

/// One witness, and what it told.
struct Asker {
    address: Address,
    /// The size that it saw last, as far as it told.
    seen: u64,
    /// The size that it cosigned last for this process.
    cosigned: u64,
    /// Why it did not cosign the last time: told once, not every second.
    trouble: Option<String>,
}

/// Asks each witness by a thread of its own, as long as `shown` is held elsewhere.
pub(super) fn ask<E: 'static>(
    shown: &Arc<Shown<E>>,
    witnesses: Vec<Address>,
) -> Result<(), ServiceError> {
    for address in witnesses {
        let weak = Arc::downgrade(shown);
        let mut asker = Asker {
            address,
            seen: 0,
            cosigned: 0,
            trouble: None,
        };
        std::thread::Builder::new()
            .name("witness".to_owned())
            .spawn(move || {
                while let Some(shown) = weak.upgrade() {
                    let trouble = asker.turn(&shown).err();
                    if trouble != asker.trouble {
                        let witness = asker.address.key.name();
                        match &trouble {
                            Some(what) => tracing::warn!(witness, what, "does not cosign"),
                            None => tracing::info!(witness, "cosigns again"),
                        }
                    }
                    asker.trouble = trouble;
                    drop(shown);
                    std::thread::sleep(EVERY);
                }
            })
            .map_err(|e| ServiceError::new("the thread that asks a witness", e))?;
    }
    Ok(())
}

/// What a witness says.
enum Told {
    /// A line.
    Cosigned(String),
    /// The size that it saw last is another one.
    Seen(u64),
    /// What it saw does not lead to what it is shown.
    Fork,
}

impl Asker {
    /// Shows the witness the last signed head, if it has not cosigned that.
    fn turn<E>(&mut self, shown: &Shown<E>) -> Result<(), String> {
        if !shown.leading.load(Ordering::Relaxed) {
            return Ok(());
        }
        let text = |e: &dyn std::fmt::Display| e.to_string();
        let Some(head) = shown.log.signed_head().map_err(|e| text(&e))? else {
            return Ok(());
        };
        // Asked at least once after the start: it may have seen more than a store that was put back has.
        if head.size == self.cosigned {
            return Ok(());
        }
        let note = head.note.unwrap_or_default();
        let note = SignedNote::parse(note.as_bytes()).map_err(|e| text(&e))?;
        if self.seen > head.size {
            // To be asked again once there is more; until then nothing is answered.
            self.seen = 0;
        }
        let proof = match self.seen {
            0 => Vec::new(),
            seen => TileReader::new(&shown.tiles, head.size)
                .consistency(seen)
                .map_err(|e| text(&e))?,
        };
        match self.post(&witness::request(self.seen, &proof, &note))? {
            Told::Cosigned(line) => {
                let said = Attestation::Cosignature(line);
                let log = shown.log.as_ref();
                audit::attest(log, head.size, &said, Some(&self.address.key))
                    .map_err(|e| text(&e))?;
                self.seen = head.size;
                self.cosigned = head.size;
                shown.currency.follows(self.address.key.name());
                Ok(())
            }
            Told::Seen(size) if size > head.size => {
                self.seen = size;
                self.lags(
                    shown,
                    &format_args!("{size} entries, the store has {}", head.size),
                )
            }
            // The same size, another root; or no way from that root to ours.
            Told::Fork => self.lags(shown, &"another log"),
            Told::Seen(size) if size == self.seen => self.lags(shown, &"another log"),
            Told::Seen(size) => {
                self.seen = size;
                Ok(())
            }
        }
    }

    /// What the witness has seen does not lead to what the store has: an older one was put back.
    fn lags<E>(&self, shown: &Shown<E>, seen: &dyn std::fmt::Display) -> Result<(), String> {
        let name = self.address.key.name();
        let what = format!("is behind: witness {name} has seen {seen}");
        shown.currency.lags(name, &what);
        Err(what)
    }

    fn post(&self, request: &str) -> Result<Told, String> {
        let answer = self
            .address
            .agent
            .post(&self.address.url)
            .header("content-type", "text/plain; charset=utf-8")
            .send(request);
        let mut answer = answer.map_err(|e| e.to_string())?;
        let status = answer.status().as_u16();
        let body = answer
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER)
            .read_to_string()
            .map_err(|e| e.to_string())?;
        let mut lines = body.lines();
        match (status, lines.next()) {
            // Of several lines each would be its own; one key has one.
            (200, Some(line)) => Ok(Told::Cosigned(line.to_owned())),
            (409, Some(size)) => size
                .parse()
                .map(Told::Seen)
                .map_err(|_| "it answered 409 without a size".to_owned()),
            (422, _) => Ok(Told::Fork),
            _ => Err(format!("it answered {status}")),
        }
    }
}
