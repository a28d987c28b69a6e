//! Revocation lists: made on a schedule and after each change, published as files.
//!
//! A number is reserved before anything is signed with it, the file is there before the store says
//! so; a crash between two steps leaves an unused number or a newer file, both harmless.
//!
//! Of several processes on one database, the holder of a lease publishes. Its lists are in the store
//! before they are in its folder, and the store takes none of a holder whose lease is over; the others
//! copy them into their folders.
//!
//! Shard 0 is the complete list of everything that the key signed. Where there are more shards, each
//! is a complete list for the certificates whose distribution point names it (RFC 5280 5.2.5). Of
//! each there may be a delta (5.2.4).

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use esign_core::crl::{
    Crl, CrlBuilder, CrlScope, IssuingDistributionPoint, RevocationReason as ListReason,
    RevokedCertificate,
};
use esign_core::report::{Finding, Indication};
use esign_core::time::UnixTime;
use esign_core::x509::{DistributionPoint, GeneralName, SerialNumber};

use super::{Authority, Key};
use crate::acts::{Act, Change};
use crate::error::{CentreError, CentreErrorKind};
use crate::files::{self, Secrecy};
use crate::ids::{Digest, Name};
use crate::life::{Who, commit};
use crate::records::{self, CrlKind, Standing, StatusEntry};
use crate::store::{Fence, Lease, StatusFilter, Store};

/// How lists are published.
#[derive(Clone, Debug)]
pub struct PublisherOptions {
    /// Folder of the lists.
    pub folder: PathBuf,
    /// From a list's thisUpdate to its nextUpdate, in seconds; a new one is made after half of it.
    pub lifetime: i64,
    /// How many shards there are beside the complete list: 1 to this number.
    pub shards: u32,
    /// From a delta's thisUpdate to its nextUpdate, in seconds; none makes no deltas.
    pub delta_lifetime: Option<i64>,
    /// Public address of the complete list (`….crl`), which names the lists to their readers. Needed
    /// for shards and deltas.
    pub address: Option<String>,
    /// What lets this process publish, where there are others; the rest copy what it publishes.
    pub lease: Option<Arc<Lease>>,
}

impl PublisherOptions {
    /// Complete lists alone.
    pub const fn new(folder: PathBuf, lifetime: i64) -> Self {
        Self {
            folder,
            lifetime,
            shards: 0,
            delta_lifetime: None,
            address: None,
            lease: None,
        }
    }
}

/// A complete list of so many entries is made at once after a change: it takes some 20 ms. A longer
/// one waits for [`PATIENCE`] where a delta tells of the change before.
const MADE_AT_ONCE: usize = 20_000;
/// How long a change may wait for a long complete list, in seconds: a quarter of the hour that
/// EN 319 411-1 6.2.4 gives.
const PATIENCE: i64 = 900;

/// Name of the file of a list and of its public address's last part, without `.crl`.
pub fn file_name(name: &str, shard: u32, delta: bool) -> String {
    let tail = if delta { "-delta" } else { "" };
    match shard {
        0 => format!("{name}{tail}"),
        n => format!("{name}-{n}{tail}"),
    }
}

/// The public address of a list, from that of the complete one; as it is where that does not end in
/// `.crl`.
pub(crate) fn shard_address(complete: &str, shard: u32, delta: bool) -> String {
    match complete.strip_suffix(".crl") {
        Some(stem) => format!("{}.crl", file_name(stem, shard, delta)),
        None => complete.to_owned(),
    }
}

/// Publishes the lists of one authority.
pub struct Publisher {
    store: Arc<dyn Store>,
    authority: Authority,
    key: Key,
    /// Name of the file, without `.crl`.
    name: String,
    options: PublisherOptions,
    seen: Mutex<Seen>,
    /// Numbers of the lists in the folder, as far as this process put them there.
    written: Mutex<HashMap<(u32, bool), u64>>,
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What this process saw and made.
#[derive(Default)]
struct Seen {
    /// Under which lease.
    fence: Option<Fence>,
    /// The last change that was seen; none before the first turn.
    audit: Option<u64>,
    scopes: Vec<Scope>,
}

/// One list and its delta.
#[derive(Default)]
struct Scope {
    complete: Option<Made>,
    delta: Option<UnixTime>,
    /// The first change that is not on the complete list.
    waiting: Option<UnixTime>,
    /// Whether something changed that is on neither list.
    untold: bool,
}

#[derive(Clone, Copy)]
struct Made {
    number: u64,
    at: UnixTime,
    entries: usize,
    /// Every change up to this one is on it.
    audit: u64,
}

/// One look at what is due.
#[derive(Clone, Copy)]
struct Turn {
    at: UnixTime,
    /// The last change that was seen.
    audit: u64,
    fence: Option<Fence>,
}

/// What a list is to be.
#[derive(Clone, Copy)]
struct Plan {
    shard: u32,
    at: UnixTime,
    fence: Option<Fence>,
    /// The complete list that a delta goes with.
    base: Option<Made>,
}

impl Publisher {
    /// Publishes the lists that `key` signs for `authority` as `NAME.crl`, `NAME-SHARD.crl` and,
    /// for deltas, `NAME-delta.crl`, `NAME-SHARD-delta.crl`.
    pub fn new(
        store: Arc<dyn Store>,
        authority: Authority,
        key: Key,
        name: String,
        options: PublisherOptions,
    ) -> Self {
        Self {
            store,
            authority,
            key,
            name,
            options,
            seen: Mutex::new(Seen::default()),
            written: Mutex::new(HashMap::new()),
        }
    }

    /// Makes and publishes the lists that are due: half the life of the last has passed, or something
    /// was suspended, restored or revoked since. To be called about every second; what changes in
    /// between goes on one list. One list that fails does not keep the others back.
    ///
    /// # Errors
    /// The store, the folder or the key fails: the first failure. What failed is still due.
    pub fn publish_if_due(&self, at: UnixTime) -> Result<Vec<Crl>, CentreError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(turn) = self.begin(&mut seen, at)? else {
            return Ok(Vec::new());
        };
        let mut made = Vec::new();
        let mut failed = None;
        for (shard, scope) in (0..).zip(&mut seen.scopes) {
            match self.turn(shard, scope, turn) {
                Ok(list) => made.extend(list),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(made), Err)
    }

    /// Makes and publishes the complete list.
    ///
    /// # Errors
    /// The store, the folder or the key fails, the clock stands before the list before, or another
    /// process publishes.
    pub fn publish(&self, at: UnixTime) -> Result<Crl, CentreError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(turn) = self.begin(&mut seen, at)? else {
            return Err(CentreError::new(
                CentreErrorKind::State,
                self.object(),
                "another process publishes it",
            ));
        };
        match seen.scopes.first_mut() {
            Some(scope) => self.complete(0, scope, turn),
            None => Err(CentreError::new(
                CentreErrorKind::State,
                "CRL",
                "no list is configured",
            )),
        }
    }

    /// Looks whether this process publishes, and what changed. Where another does, its lists are
    /// copied.
    fn begin(&self, seen: &mut Seen, at: UnixTime) -> Result<Option<Turn>, CentreError> {
        let fence = match &self.options.lease {
            None => None,
            Some(lease) => match lease.fence()? {
                Some(fence) => Some(fence),
                None => {
                    *seen = Seen::default();
                    self.follow()?;
                    return Ok(None);
                }
            },
        };
        // What was seen under a former lease may be long ago: others published since.
        if seen.fence != fence {
            *seen = Seen {
                fence,
                ..Seen::default()
            };
        }
        self.look(seen, at)?;
        Ok(Some(Turn {
            at,
            audit: seen.audit.unwrap_or(0),
            fence,
        }))
    }

    /// Copies the lists that another process published.
    fn follow(&self) -> Result<(), CentreError> {
        let issuer = self.authority.id();
        for shard in 0..=self.options.shards {
            let complete = self.store.latest_crl(&issuer, shard)?;
            let delta = match self.options.delta_lifetime {
                Some(_) => self.store.latest_delta(&issuer, shard)?,
                None => None,
            };
            for (list, is_delta) in [(complete, false), (delta, true)] {
                if let Some(list) = list {
                    self.copy(&list, is_delta)?;
                }
            }
        }
        Ok(())
    }

    /// Copies a list into the folder, unless it is there.
    fn copy(&self, list: &records::Crl, delta: bool) -> Result<(), CentreError> {
        let place = (list.shard, delta);
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.get(&place) == Some(&list.number) {
            return Ok(());
        }
        // Not kept any more: a newer one takes its place at this moment.
        if let Some(octets) = self.store.kept_list(list)? {
            files::write(&self.path(list.shard, delta), &octets, Secrecy::Public)?;
            written.insert(place, list.number);
        }
        Ok(())
    }

    fn path(&self, shard: u32, delta: bool) -> PathBuf {
        let file = format!("{}.crl", file_name(&self.name, shard, delta));
        self.options.folder.join(file)
    }

    fn commit(&self, plan: Plan, change: Change) -> Result<(), CentreError> {
        let who = who(plan.at)?;
        match plan.fence {
            None => commit(self.store.as_ref(), &who, "", vec![change]),
            Some(fence) => {
                let act = Act {
                    by: who.by,
                    at: who.at,
                    why: String::new(),
                    change,
                };
                self.store.commit_under(&fence, vec![act])?;
                Ok(())
            }
        }
    }

    /// Looks for changes since the last turn.
    fn look(&self, seen: &mut Seen, at: UnixTime) -> Result<(), CentreError> {
        let Some(after) = seen.audit else {
            // The first lists of this process have all that there is.
            seen.audit = Some(self.store.last_audit()?);
            let scopes = 0..=self.options.shards;
            seen.scopes = scopes.map(|_| Scope::default()).collect();
            return Ok(());
        };
        let mut newest = after;
        let scopes = &mut seen.scopes;
        let mut note = |shard: u32| {
            let place = usize::try_from(shard).ok();
            if let Some(scope) = place.and_then(|place| scopes.get_mut(place)) {
                scope.waiting = scope.waiting.or(Some(at));
                scope.untold = true;
            }
        };
        self.store
            .visit_changes(&self.authority.id(), after, &mut |change| {
                newest = newest.max(change.audit);
                note(0);
                if change.shard != 0 {
                    note(change.shard);
                }
                ControlFlow::Continue(())
            })?;
        seen.audit = Some(newest);
        Ok(())
    }

    fn turn(&self, shard: u32, scope: &mut Scope, turn: Turn) -> Result<Option<Crl>, CentreError> {
        let at = turn.at;
        let Some(last) = scope.complete else {
            return self.complete(shard, scope, turn).map(Some);
        };
        let patience = if last.entries <= MADE_AT_ONCE || self.options.delta_lifetime.is_none() {
            0
        } else {
            PATIENCE
        };
        let changed = scope
            .waiting
            .is_some_and(|since| since.plus(patience) <= at);
        if changed || last.at.plus(self.options.lifetime / 2) <= at {
            return self.complete(shard, scope, turn).map(Some);
        }
        let Some(lifetime) = self.options.delta_lifetime else {
            return Ok(None);
        };
        let due = scope
            .delta
            .is_none_or(|made| made < last.at || made.plus(lifetime / 2) <= at);
        // Lists of one moment would have to share a number (RFC 5280 5.2.3): the delta comes later.
        if (due || scope.untold) && last.at < at {
            let plan = Plan {
                shard,
                at,
                fence: turn.fence,
                base: Some(last),
            };
            let (list, _) = self.make(plan)?;
            scope.delta = Some(at);
            scope.untold = false;
            return Ok(Some(list));
        }
        Ok(None)
    }

    fn complete(&self, shard: u32, scope: &mut Scope, turn: Turn) -> Result<Crl, CentreError> {
        let Turn { at, audit, fence } = turn;
        let first = scope.complete.is_none();
        let plan = Plan {
            shard,
            at,
            fence,
            base: None,
        };
        if first {
            self.not_before_published(plan)?;
        }
        let (list, number) = self.make(plan)?;
        scope.complete = Some(Made {
            number,
            at,
            entries: list.len(),
            audit,
        });
        scope.waiting = None;
        scope.untold = false;
        Ok(list)
    }

    /// Takes numbers up to that of the file that is published: a store restored from a back-up may
    /// not know of it, and a clock that was set back would not be above it.
    fn not_before_published(&self, plan: Plan) -> Result<(), CentreError> {
        for delta in [false, true] {
            let Ok(octets) = std::fs::read(self.path(plan.shard, delta)) else {
                continue;
            };
            let published = Crl::from_der(&octets)
                .ok()
                .filter(|list| list.verify_signed_by(self.key.public_key()).is_ok())
                .and_then(|list| list.number().ok().flatten());
            let number = published.and_then(|number| {
                number.as_bytes().iter().try_fold(0_u64, |n, octet| {
                    n.checked_mul(256)?.checked_add(u64::from(*octet))
                })
            });
            let issuer = self.authority.id();
            let known = self.store.latest_crl_number(&issuer, plan.shard)?;
            if let Some(number) = number
                && known.unwrap_or(0) < number
            {
                let reserve = Change::ReserveCrlNumber {
                    issuer,
                    shard: plan.shard,
                    number,
                };
                self.commit(plan, reserve)?;
            }
        }
        Ok(())
    }

    /// Number, signature, file, record.
    fn make(&self, plan: Plan) -> Result<(Crl, u64), CentreError> {
        let Plan {
            shard, at, base, ..
        } = plan;
        let issuer = self.authority.id();
        let latest = self.store.latest_crl(&issuer, shard)?;
        if let Some(latest) = &latest
            && latest.this_update > at
        {
            return Err(CentreError::new(
                CentreErrorKind::State,
                self.object(),
                format_args!(
                    "would be of {at}, before {} of number {}: the clock was set back",
                    latest.this_update, latest.number
                ),
            ));
        }
        let reserved = self.store.latest_crl_number(&issuer, shard)?.unwrap_or(0);
        // Milliseconds of the clock: a store restored from a back-up goes on above what was published
        // after the back-up, of which it knows nothing.
        let clock = u64::try_from(at.seconds().saturating_mul(1000)).unwrap_or(0);
        let number = reserved.saturating_add(1).max(clock);
        let reserve = Change::ReserveCrlNumber {
            issuer,
            shard,
            number,
        };
        self.commit(plan, reserve)?;
        let lifetime = match (base, self.options.delta_lifetime) {
            (Some(_), Some(lifetime)) => lifetime,
            _ => self.options.lifetime,
        };
        let next_update = at.plus(lifetime);
        let list = self.sign(plan, number, next_update)?;
        let record = records::Crl {
            issuer,
            shard,
            number,
            kind: base.map_or(CrlKind::Complete, |base| CrlKind::Delta {
                base: base.number,
            }),
            this_update: at,
            next_update,
            digest: Digest(list.sha256()),
        };
        let path = self.path(shard, base.is_some());
        if plan.fence.is_some() {
            // The store decides who publishes, so it comes first: a process that was paused here finds
            // its lease over, and writes nothing.
            self.store.keep_list(&record, list.der())?;
            self.commit(plan, Change::PublishCrl(record))?;
            files::write(&path, list.der(), Secrecy::Public)?;
            self.written
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert((shard, base.is_some()), number);
            // A process that was paused right here has put an old list over a newer one, where it shares
            // its folder.
            let newest = match base {
                Some(_) => self.store.latest_delta(&issuer, shard)?,
                None => self.store.latest_crl(&issuer, shard)?,
            };
            if let Some(newest) = newest {
                self.copy(&newest, base.is_some())?;
            }
        } else {
            files::write(&path, list.der(), Secrecy::Public)?;
            self.commit(plan, Change::PublishCrl(record))?;
        }
        Ok((list, number))
    }

    fn sign(&self, plan: Plan, number: u64, next_update: UnixTime) -> Result<Crl, CentreError> {
        let certificate = self.authority.certificate();
        let object = self.object();
        let wrong = |e: &dyn std::fmt::Display| CentreError::new(CentreErrorKind::Key, &object, e);
        let key_identifier = match certificate.subject_key_identifier() {
            Ok(Some(id)) => id.to_vec(),
            _ => self.key.public_key().sha1_identifier().to_vec(),
        };
        let algorithm = *self
            .key
            .algorithms()
            .first()
            .ok_or_else(|| wrong(&"the key has no signature algorithm"))?;
        let builder = CrlBuilder {
            issuer: certificate.subject().clone(),
            key_identifier,
            number: number_of(number),
            this_update: plan.at,
            next_update,
            // Nothing is ever taken off a list because it expired.
            expired_certificates_since: Some(certificate.not_before()),
        };
        let mut draft = builder.draft(self.scope(plan)?);
        let issuer = self.authority.id();
        let one = (plan.shard != 0).then_some(plan.shard);
        match plan.base {
            None => self
                .store
                .visit_status(&issuer, one, StatusFilter::Listed, &mut |entry| {
                    if let Some(entry) = line(&entry) {
                        draft.revoke(&entry);
                    }
                    ControlFlow::Continue(())
                })?,
            Some(base) => self
                .store
                .visit_changes(&issuer, base.audit, &mut |change| {
                    if one.is_none_or(|one| one == change.shard) {
                        draft.revoke(
                            &line(&change.entry).unwrap_or_else(|| lifted(&change.entry, plan.at)),
                        );
                    }
                    ControlFlow::Continue(())
                })?,
        }
        let judged = draft
            .lint(self.key.public_key(), algorithm)
            .map_err(|e| wrong(&e))?;
        let unsigned = judged.value.ok_or_else(|| {
            let refusing = judged
                .report
                .iter()
                .find(|finding| finding.outcome != Indication::Passed)
                .map(|finding: &Finding| finding.rule.to_string());
            wrong(&format_args!(
                "a lint refused it: {}",
                refusing.unwrap_or_default()
            ))
        })?;
        unsigned
            .sign(self.key.as_ref())
            .map_err(|e| CentreError::key(&object, &e))
    }

    fn scope(&self, plan: Plan) -> Result<CrlScope, CentreError> {
        let address = |delta| {
            let complete = self.options.address.as_deref().ok_or_else(|| {
                CentreError::new(
                    CentreErrorKind::Settings,
                    self.object(),
                    "shards and deltas need the public address of the list",
                )
            })?;
            let address = shard_address(complete, plan.shard, delta);
            Ok::<_, CentreError>(vec![GeneralName::Uri(address)])
        };
        let issuing_distribution_point = match plan.shard {
            0 => None,
            _ => Some(IssuingDistributionPoint {
                full_name: address(false)?,
                ..IssuingDistributionPoint::default()
            }),
        };
        let freshest = match (plan.base, self.options.delta_lifetime) {
            (None, Some(_)) => vec![DistributionPoint {
                full_name: address(true)?,
                relative_name: None,
                reasons: None,
                crl_issuer: Vec::new(),
            }],
            _ => Vec::new(),
        };
        Ok(CrlScope {
            issuing_distribution_point,
            delta_base: plan.base.map(|base| number_of(base.number)),
            freshest,
        })
    }

    fn object(&self) -> String {
        format!("CRL of {}", self.authority.certificate().subject())
    }
}

fn who(at: UnixTime) -> Result<Who, CentreError> {
    Ok(Who {
        by: Name::new("status")?,
        at,
    })
}

fn number_of(number: u64) -> SerialNumber {
    SerialNumber::from_magnitude(&number.to_be_bytes())
}

/// A delta tells that a suspension was lifted (RFC 5280 5.2.4), even where no list had told of it.
fn lifted(entry: &StatusEntry, at: UnixTime) -> RevokedCertificate {
    RevokedCertificate {
        serial: SerialNumber::from(&entry.id.serial),
        revocation_date: at,
        reason: ListReason::RemoveFromCrl,
        invalidity_date: None,
    }
}

fn line(entry: &StatusEntry) -> Option<RevokedCertificate> {
    let serial = SerialNumber::from(&entry.id.serial);
    match entry.standing {
        Standing::Good | Standing::Intended => None,
        Standing::Suspended { since, .. } => Some(RevokedCertificate {
            serial,
            revocation_date: since,
            reason: ListReason::CertificateHold,
            invalidity_date: None,
        }),
        Standing::Revoked {
            since,
            reason,
            invalidity_date,
        } => Some(RevokedCertificate {
            serial,
            revocation_date: since,
            reason: ListReason::from_number(reason.code()).unwrap_or(ListReason::Unspecified),
            invalidity_date,
        }),
    }
}
