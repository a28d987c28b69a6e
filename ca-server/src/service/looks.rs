//! What is looked at for alarms: the store, the lists, the responder, the clock, the log.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use esign_core::crl::Crl;
use esign_core::time::UnixTime;
use esign_core::x509::Certificate;

use super::alarms::{AlarmsConfig, Kind, Running};
use super::watch::Look;
use crate::ids::KeyId;
use crate::life::Life;
use crate::records::RequestStatus;
use crate::status::{PublicLists, Responder, file_name};
use crate::store::{LogStore, Store};
use crate::tsa::ClockWatch;

/// How far beyond its half the life of what is renewed at its half may be, in seconds: tasks run every
/// second or two.
const SLACK: i64 = 60;
/// How long the responder may be unable to look for changes, in seconds: it looks five times a second.
const UNSEEING: i64 = 60;
/// Largest file that is taken for a root's list: 100,000 entries.
const MAX_LIST: u64 = 4 << 20;

/// Requests, the stop switch, and the certificate that issues.
pub(super) fn ca(life: &Life, terms: &AlarmsConfig) -> Look {
    let store = life.store().clone();
    let (decision, registration) = (terms.decision(), terms.registration());
    let longest = life.settings().profiles.iter();
    let longest = longest.map(|one| one.profile.validity_days).max();
    let issuing = life.issuing().first().map(|one| {
        Running::ending(
            Kind::IssuerEnding,
            "issuing",
            one.certificate.not_after(),
            terms.issuing(longest.unwrap_or(0)),
        )
    });
    Box::new(move |_| {
        let mut running: Vec<_> = issuing.iter().cloned().collect();
        for status in [RequestStatus::Pending, RequestStatus::Approved] {
            let Some(oldest) = store.requests(status, None, 1)?.pop() else {
                continue;
            };
            let mut term = |kind, term| {
                running.push(Running {
                    detail: format!("request {}", oldest.request.id),
                    ..Running::new(kind, "requests", oldest.received_at, term)
                });
            };
            if status == RequestStatus::Pending {
                term(Kind::RequestUndecided, decision);
            }
            term(Kind::RequestUnregistered, registration);
        }
        if let Some(stop) = store.stop()? {
            let stopped = Running::new(Kind::IssuanceStopped, "issuance", stop.since, 0);
            running.push(stopped);
        }
        Ok(running)
    })
}

/// A certificate of the service that only a person renews.
pub(super) fn certificate(name: &'static str, found: &Certificate, terms: &AlarmsConfig) -> Look {
    let ending = Running::ending(
        Kind::CertificateEnding,
        name,
        found.not_after(),
        terms.certificate(),
    );
    Box::new(move |_| Ok(vec![ending.clone()]))
}

/// The lists of one authority.
#[derive(Clone)]
pub(super) struct Lists {
    pub(super) store: Arc<dyn Store>,
    pub(super) issuer: KeyId,
    pub(super) name: String,
    pub(super) shards: u32,
    pub(super) deltas: bool,
    /// From a list's thisUpdate to its nextUpdate, in seconds.
    pub(super) lifetime: i64,
}

impl Lists {
    /// Of each kind of term only the one that is nearest to its end: an authority may have a thousand
    /// shards.
    pub(super) fn look(self, terms: &AlarmsConfig, began: UnixTime) -> Look {
        let (crl, revocation) = (terms.crl(), terms.revocation());
        Box::new(move |_| {
            let mut running = Vec::new();
            let mut oldest: Option<(UnixTime, u32, i64)> = None;
            let mut untold: Option<(UnixTime, u32)> = None;
            for shard in 0..=self.shards {
                let complete = self.store.latest_crl(&self.issuer, shard)?;
                let (made, life) = complete.as_ref().map_or((began, self.lifetime), |list| {
                    let life = list.next_update.seconds() - list.this_update.seconds();
                    (list.this_update, life)
                });
                if oldest.is_none_or(|(before, ..)| made < before) {
                    oldest = Some((made, shard, life));
                }
                let delta = match self.deltas {
                    true => self.store.latest_delta(&self.issuer, shard)?,
                    false => None,
                };
                let told = delta.map_or(made, |delta| made.max(delta.this_update));
                let one = (shard != 0).then_some(shard);
                let change = self.store.first_change(&self.issuer, one, told)?;
                if let Some(change) = change
                    && untold.is_none_or(|(before, _)| change < before)
                {
                    untold = Some((change, shard));
                }
            }
            if let Some((made, shard, life)) = oldest {
                let term = crl.min(life);
                running.push(Running {
                    detail: file_name(&self.name, shard, false),
                    // A list is made anew at half of its life, which may be later than half of the term.
                    slack: SLACK.saturating_add((self.lifetime / 2 - term / 2).max(0)),
                    ..Running::new(Kind::ListAgeing, self.name.clone(), made, term)
                });
            }
            if let Some((since, shard)) = untold {
                running.push(Running {
                    detail: file_name(&self.name, shard, false),
                    ..Running::new(
                        Kind::StatusUnpublished,
                        self.name.clone(),
                        since,
                        revocation,
                    )
                });
            }
            Ok(running)
        })
    }
}

/// The public lists of one authority, which this process writes.
pub(super) fn public_lists(
    lists: Arc<PublicLists>,
    name: String,
    terms: &AlarmsConfig,
    began: UnixTime,
) -> Look {
    let term = terms.public_lists();
    Box::new(move |_| {
        let made = lists.made().unwrap_or(began);
        Ok(vec![Running::new(
            Kind::PublicListsAgeing,
            name.clone(),
            made,
            term,
        )])
    })
}

/// The responder's certificates, and whether it sees the store. The age of its answers needs no alarm:
/// none is given after half of its time.
pub(super) fn responder(responder: Arc<Responder>) -> Look {
    Box::new(move |at| {
        let mut running: Vec<_> = responder
            .certificates()
            .into_iter()
            .map(|(issuer, certificate)| {
                let (from, to) = (certificate.not_before(), certificate.not_after());
                let life = to.seconds().saturating_sub(from.seconds());
                Running {
                    slack: SLACK,
                    ..Running::new(Kind::OcspCertificateAgeing, issuer.to_string(), from, life)
                }
            })
            .collect();
        let unseen = i64::try_from(responder.unseen().as_secs()).unwrap_or(i64::MAX);
        running.push(Running::new(
            Kind::OcspUnseeing,
            "ocsp",
            at.plus(unseen.saturating_neg()),
            UNSEEING,
        ));
        Ok(running)
    })
}

/// Lists in `folder` that this process does not make: those of roots off line, which only a ceremony
/// renews. `own` are the names of those that it makes.
pub(super) fn root_lists(folder: PathBuf, own: Vec<Lists>) -> Look {
    Box::new(move |at| {
        let mut running = Vec::new();
        // A folder that is not there yet holds no list.
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let listed = path.extension().is_some_and(|extension| extension == "crl");
            if listed && !own.iter().any(|lists| lists.makes(&stem)) {
                running.push(root_list(&path, &stem, at));
            }
        }
        Ok(running)
    })
}

impl Lists {
    fn makes(&self, stem: &str) -> bool {
        (0..=self.shards).any(|shard| {
            [false, true]
                .iter()
                .any(|d| file_name(&self.name, shard, *d) == stem)
        })
    }
}

fn root_list(path: &Path, name: &str, at: UnixTime) -> Running {
    let read = || {
        let size = std::fs::metadata(path).ok()?.len();
        let octets = (size <= MAX_LIST)
            .then(|| std::fs::read(path).ok())
            .flatten()?;
        let list = Crl::from_der(&octets).ok()?;
        Some((list.this_update(), list.next_update()?))
    };
    match read() {
        Some((from, to)) => {
            let life = to.seconds().saturating_sub(from.seconds());
            Running::new(Kind::RootListEnding, name, from, life)
        }
        None => Running::new(Kind::ListUnreadable, name, at, 0),
    }
}

/// The clock of time-stamps.
pub(super) fn clock(watch: Arc<ClockWatch>, terms: &AlarmsConfig) -> Look {
    let since = Mutex::new(None);
    let term = terms.clock();
    Box::new(move |at| {
        let mut since = since.lock().unwrap_or_else(PoisonError::into_inner);
        match watch.now() {
            Ok(_) => {
                *since = None;
                Ok(Vec::new())
            }
            Err(distrust) => Ok(vec![Running {
                detail: distrust.to_string(),
                ..Running::new(
                    Kind::ClockDistrusted,
                    "clock",
                    *since.get_or_insert(at),
                    term,
                )
            }]),
        }
    })
}

/// The signed log: the first act without a place, a head without its signature.
pub(super) fn log(log: Arc<dyn LogStore>, terms: &AlarmsConfig) -> Look {
    let term = terms.log();
    Box::new(move |_| {
        let mut since = log
            .latest_head()?
            .filter(|head| head.note.is_none())
            .map(|head| head.at);
        log.visit_unsequenced(log.last_sequenced()?.unwrap_or(0), &mut |entry| {
            since = Some(since.map_or(entry.at, |before| before.min(entry.at)));
            ControlFlow::Break(())
        })?;
        Ok(since
            .into_iter()
            .map(|since| Running::new(Kind::LogBehind, "log", since, term))
            .collect())
    })
}
