//! What is looked at for alarms: the store, the lists, the responder, the clock, the log.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use esign_core::time::UnixTime;
use esign_core::x509::Certificate;

use super::alarms::{AlarmsConfig, Kind, Running};
use super::watch::Look;
use crate::ceremony::RootList;
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
    /// Those of a key that issues, as the settings have them made.
    pub(super) fn of_issuing(life: &Life, issuer: KeyId, name: String) -> Self {
        let settings = life.settings();
        Self {
            store: life.store().clone(),
            issuer,
            name,
            shards: settings.crl_shards,
            deltas: settings.crl_deltas,
            lifetime: i64::from(settings.crl_hours).saturating_mul(3600),
        }
    }

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

/// The list of a root off line, which only a ceremony renews.
pub(super) fn root_list(path: PathBuf, name: String, root: Certificate) -> Look {
    Box::new(move |at| {
        let running = match RootList::read(&path, &root) {
            Ok(Some(list)) => {
                let (from, to) = (list.this_update(), list.next_update());
                let life = to.seconds().saturating_sub(from.seconds());
                Running::new(Kind::RootListEnding, name.clone(), from, life)
            }
            Ok(None) => unreadable(&name, "is missing", at),
            Err(error) => unreadable(&name, &error.to_string(), at),
        };
        Ok(vec![running])
    })
}

fn unreadable(name: &str, detail: &str, at: UnixTime) -> Running {
    Running {
        detail: detail.to_owned(),
        ..Running::new(Kind::RootListUnreadable, name, at, 0)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acts::{Act, Change};
    use crate::centre::{Authority, Centre, InitOptions, Who};
    use crate::ids::CertificateId;
    use crate::ids::Name;
    use crate::life::{IssuingKey, NewRequest};
    use crate::officers::{Officer, Role};
    use crate::records::RevocationReason;
    use crate::service::alarms::Severity;
    use crate::settings::Settings;
    use crate::status::{Authority as Listing, Publisher, PublisherOptions};
    use crate::store::sqlite::SqliteStore;

    #[test]
    fn a_roots_list_that_ends_is_missing_or_another_roots_is_told() {
        let dir = std::env::temp_dir().join(format!("ca-looks-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let at = UnixTime::from_seconds(1_800_000_000);
        std::fs::create_dir_all(&dir).unwrap();
        let centre = |folder: &str| {
            let mut options = InitOptions::new("Test", "Test MMC");
            options.test = true;
            let who = Who {
                by: Name::new("setup").unwrap(),
                at,
            };
            let made = Centre::init(&dir.join(folder), &options, None, &who).unwrap();
            made.crl(Authority::Root, &who).unwrap();
            made.certificate(Authority::Root).clone()
        };
        let (root, other) = (centre("one"), centre("other"));
        let path = dir.join("one").join("crl").join("root.crl");
        let look = |path: &PathBuf, root: &Certificate, seconds| {
            let look = root_list(path.clone(), "root".to_owned(), root.clone());
            let found = look(at.plus(seconds)).unwrap();
            (found[0].kind, found[0].severity(at.plus(seconds)))
        };
        // Of this demonstration the root's list is good for a day.
        let ending = Kind::RootListEnding;
        assert_eq!(look(&path, &root, 12 * 3600 - 1), (ending, None));
        assert_eq!(
            look(&path, &root, 12 * 3600),
            (ending, Some(Severity::Half))
        );
        assert_eq!(
            look(&path, &root, 24 * 3600),
            (ending, Some(Severity::Over))
        );
        let unreadable = (Kind::RootListUnreadable, Some(Severity::Over));
        assert_eq!(look(&path, &other, 0), unreadable);
        assert_eq!(look(&dir.join("none.crl"), &root, 0), unreadable);
        std::fs::write(&path, b"no list").unwrap();
        assert_eq!(look(&path, &root, 0), unreadable);
        std::fs::remove_dir_all(&dir).unwrap();
    }

    /// What publishes as it should never alarms, whatever changes; what stands still does, at the
    /// times of the law.
    #[test]
    fn lists_that_are_made_in_time_are_no_alarm_and_those_that_are_not_are() {
        let dir = std::env::temp_dir().join(format!("ca-lists-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let begin = UnixTime::from_seconds(1_800_000_000);
        let mut options = InitOptions::new("Test", "Test MMC");
        options.test = true;
        let by = Name::new("setup").unwrap();
        let who = Who { by, at: begin };
        let centre = Centre::init(&dir, &options, None, &who).unwrap();
        let certificate = centre.certificate(Authority::Issuing).clone();
        drop(centre);
        let pem = std::fs::read(dir.join("keys/issuing.pem")).unwrap();
        let key = Arc::new(esign_core::keys::PrivateKey::from_file(&pem, None).unwrap());
        let issuing = IssuingKey::new(certificate.clone(), key.clone()).unwrap();
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&dir.join("store.sqlite")).unwrap());
        let settings = Arc::new(Settings::read(&dir).unwrap());
        let life = Life::new(store.clone(), settings, vec![issuing.clone()]).unwrap();
        let authority = Listing::new(certificate).unwrap();
        let folder = PublisherOptions::new(dir.join("crl"), 24 * 3600);
        let publisher = Publisher::new(store.clone(), authority, key, "issuing".to_owned(), folder);

        let actor = |at| crate::life::Actor {
            officer: Officer::new(Name::new("x").unwrap(), KeyId([9; 32]), [Role::Registrar]),
            at,
        };
        let issue = |at| -> CertificateId {
            let own = esign_core::keys::KeySpec::Ec(esign_core::keys::Curve::P256);
            let own = esign_core::keys::PrivateKey::generate(own).unwrap();
            let name = esign_core::x509::NameBuilder::new()
                .with(esign_core::oid::COMMON_NAME, "x")
                .build()
                .unwrap();
            let csr = esign_core::x509::Request::sign(&name, &own).unwrap();
            let host = serde_json::json!({"host": {
                "names": ["host.example"], "organization": "Test MMC", "country": "AZ"
            }});
            let identity = serde_json::from_value(host).unwrap();
            let request = life.receive(
                &actor(at),
                &NewRequest {
                    csr: csr.der(),
                    identity: &identity,
                    profile: "tls-server",
                    listed: false,
                },
            );
            let request = request.unwrap();
            life.issue(&actor(at), &request).unwrap().id
        };
        let revoke = |id: CertificateId, at| {
            let act = Act {
                by: Name::new("officer").unwrap(),
                at,
                why: "lost".to_owned(),
                change: Change::Revoke {
                    id,
                    reason: RevocationReason::Superseded,
                    invalidity_date: None,
                },
            };
            store.commit(vec![act]).unwrap();
        };
        let terms = AlarmsConfig::default();
        let lists = || Lists::of_issuing(&life, issuing.id(), "issuing".to_owned());
        let look = lists().look(&terms, begin);
        let alarms = |at: UnixTime| -> Vec<(Kind, Severity)> {
            let running = look(at).unwrap().into_iter();
            running
                .filter_map(|one| Some((one.kind, one.severity(at)?)))
                .collect()
        };
        // Before there is any list, the time since the start counts.
        assert_eq!(alarms(begin), []);
        let late = vec![(Kind::ListAgeing, Severity::Half)];
        assert_eq!(alarms(begin.plus(12 * 3600 + 60)), late);

        let ids: Vec<_> = (0..10).map(|_| issue(begin)).collect();
        let mut at = begin;
        for turn in 0..3 * 24 * 60 {
            at = begin.plus(turn * 60);
            publisher.publish_if_due(at).unwrap();
            assert_eq!(alarms(at), [], "{at}");
            if turn % 500 == 0 {
                let n = usize::try_from(turn / 500).unwrap();
                if let Some(id) = ids.get(n) {
                    revoke(id.clone(), at.plus(5));
                }
            }
        }
        // Nobody publishes any more.
        let last = issue(at);
        let revoked = at.plus(10);
        revoke(last, revoked);
        assert_eq!(alarms(revoked.plus(1799)), []);
        let untold = (Kind::StatusUnpublished, Severity::Half);
        assert_eq!(alarms(revoked.plus(1800)), [untold]);
        let untold = (Kind::StatusUnpublished, Severity::Over);
        assert_eq!(alarms(revoked.plus(3600)), [untold]);
        assert!(alarms(revoked.plus(24 * 3600)).contains(&(Kind::ListAgeing, Severity::Over)));
        // The first list afterwards ends both.
        at = revoked.plus(24 * 3600);
        publisher.publish_if_due(at).unwrap();
        assert_eq!(alarms(at), []);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
