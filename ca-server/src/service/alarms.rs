//! Alarms: terms that run, and what is told when half of one is over.
//!
//! Pure: what is seen comes in with the time, what to tell goes out. [`super::watch`] looks and tells.

use std::collections::BTreeMap;

use esign_core::time::UnixTime;
use serde::{Deserialize, Serialize};

/// `[alarms]`: terms and where alarms go. The law's own figures are the defaults (decision 27 of 2006,
/// chapter 9; EN 319 411-1), so that a centre with a stricter practice statement writes its own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AlarmsConfig {
    /// From a request to its decision: 24 h (EN 319 411-1 6.2.4 asks it of requests to revoke; the
    /// centre holds itself to it for all).
    pub decision_hours: u32,
    /// From a request to the entry in the register: 72 h (decision 27, 9.5); 24 for an accredited
    /// centre.
    pub registration_hours: u32,
    /// From a change of status to the list that tells of it: 60 min (EN 319 411-1 6.2.4).
    pub revocation_minutes: u32,
    /// Between two lists of valid, suspended and revoked certificates: 3 h (decision 27, 9.4).
    pub public_lists_hours: u32,
    /// Between two CRLs: 24 h (EN 319 411-1 6.3.9). Where a list's own life is shorter, that counts.
    pub crl_hours: u32,
    /// How long before its end the issuing certificate is to be replaced: the longest life that a
    /// profile gives where this is absent, as certificates do not outlive their issuer.
    pub issuing_days: Option<u32>,
    /// How long before their end the service's other certificates (officers' address, time-stamping
    /// unit) are to be replaced.
    pub certificate_days: u32,
    /// How long time-stamps may be refused because the clock is not to be trusted.
    pub clock_seconds: u32,
    /// How long an act may wait for its place in the signed log.
    pub log_minutes: u32,
    /// How long a notice to a holder may wait.
    pub notice_hours: u32,
    /// How long the store may be out of reach.
    pub store_seconds: u32,
    /// How often what goes on is told again, at the most.
    pub repeat_minutes: u32,
    /// Where alarms are posted, `https://…`.
    pub webhook: Option<String>,
    /// The certificates (PEM) of who certifies the webhook's server.
    pub webhook_authority: Option<std::path::PathBuf>,
    /// The key of the signatures under what is posted.
    pub webhook_secret: Option<super::config::PassphraseSource>,
}

impl Default for AlarmsConfig {
    fn default() -> Self {
        Self {
            decision_hours: 24,
            registration_hours: 72,
            revocation_minutes: 60,
            public_lists_hours: 3,
            crl_hours: 24,
            issuing_days: None,
            certificate_days: 60,
            clock_seconds: 60,
            log_minutes: 10,
            notice_hours: 24,
            store_seconds: 60,
            repeat_minutes: 60,
            webhook: None,
            webhook_authority: None,
            webhook_secret: None,
        }
    }
}

impl AlarmsConfig {
    pub(super) fn decision(&self) -> i64 {
        hours(self.decision_hours)
    }

    pub(super) fn registration(&self) -> i64 {
        hours(self.registration_hours)
    }

    pub(super) fn revocation(&self) -> i64 {
        i64::from(self.revocation_minutes).saturating_mul(60)
    }

    pub(super) fn public_lists(&self) -> i64 {
        hours(self.public_lists_hours)
    }

    pub(super) fn crl(&self) -> i64 {
        hours(self.crl_hours)
    }

    pub(super) fn certificate(&self) -> i64 {
        days(self.certificate_days)
    }

    pub(super) fn clock(&self) -> i64 {
        i64::from(self.clock_seconds)
    }

    pub(super) fn log(&self) -> i64 {
        i64::from(self.log_minutes).saturating_mul(60)
    }

    pub(super) fn notice(&self) -> i64 {
        hours(self.notice_hours)
    }

    pub(super) fn store(&self) -> i64 {
        i64::from(self.store_seconds)
    }

    pub(super) fn repeat(&self) -> i64 {
        i64::from(self.repeat_minutes).saturating_mul(60)
    }

    /// `longest` is the longest life that a profile gives, in days.
    pub(super) fn issuing(&self, longest: u32) -> i64 {
        days(self.issuing_days.unwrap_or(longest))
    }
}

fn hours(n: u32) -> i64 {
    i64::from(n).saturating_mul(3600)
}

fn days(n: u32) -> i64 {
    i64::from(n).saturating_mul(86_400)
}

/// What an alarm is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A certificate of the service comes to its end.
    CertificateEnding,
    /// The clock is not to be trusted: nothing is time-stamped.
    ClockDistrusted,
    /// Issuance is stopped.
    IssuanceStopped,
    /// The issuing certificate comes to its end.
    IssuerEnding,
    /// A revocation list was not made anew.
    ListAgeing,
    /// Acts wait for their place in the signed log, or its head for its signature.
    LogBehind,
    /// A notice to a holder waits to be taken.
    NoticeWaiting,
    /// An OCSP responder's certificate was not renewed.
    OcspCertificateAgeing,
    /// The responder cannot look for changes; kept answers are not given.
    OcspUnseeing,
    /// The public lists were not made anew.
    PublicListsAgeing,
    /// The oldest request without a decision.
    RequestUndecided,
    /// The oldest request without an entry in the register.
    RequestUnregistered,
    /// A root's list comes to its end.
    RootListEnding,
    /// A root's list is missing, or what stands there is none.
    RootListUnreadable,
    /// A suspension, restoration or revocation is on no list.
    StatusUnpublished,
    /// The store is out of reach.
    StoreUnreachable,
}

impl Kind {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CertificateEnding => "certificate.ending",
            Self::ClockDistrusted => "clock.distrusted",
            Self::IssuanceStopped => "issuance.stopped",
            Self::IssuerEnding => "issuer.ending",
            Self::ListAgeing => "list.ageing",
            Self::LogBehind => "log.behind",
            Self::NoticeWaiting => "notice.waiting",
            Self::OcspCertificateAgeing => "ocsp.certificate-ageing",
            Self::OcspUnseeing => "ocsp.unseeing",
            Self::PublicListsAgeing => "public-lists.ageing",
            Self::RequestUndecided => "request.undecided",
            Self::RequestUnregistered => "request.unregistered",
            Self::RootListEnding => "root-list.ending",
            Self::RootListUnreadable => "root-list.unreadable",
            Self::StatusUnpublished => "status.unpublished",
            Self::StoreUnreachable => "store.unreachable",
        }
    }
}

/// A term that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// What it is about.
    pub kind: Kind,
    /// Of which thing: a list's name, an authority's. Never a person, and few of them.
    pub object: String,
    /// More of it, that may change as time goes by: a request's name.
    pub detail: String,
    /// When it began.
    pub since: UnixTime,
    /// How long it is, in seconds; 0 is over at once.
    pub term: i64,
    /// How far beyond its half it may be before that is an alarm, in seconds: what is renewed at its
    /// half is not late at that very moment.
    pub slack: i64,
}

impl Running {
    pub(super) fn new(kind: Kind, object: impl Into<String>, since: UnixTime, term: i64) -> Self {
        Self {
            kind,
            object: object.into(),
            detail: String::new(),
            since,
            term,
            slack: 0,
        }
    }

    /// Something that ends at `end` and is to be replaced `before` seconds earlier: half of its term is
    /// over then, and all of it at the end.
    pub(super) fn ending(
        kind: Kind,
        object: impl Into<String>,
        end: UnixTime,
        before: i64,
    ) -> Self {
        let term = before.saturating_mul(2);
        Self::new(kind, object, end.plus(term.saturating_neg()), term)
    }

    /// How much of it is over, in seconds; 0 where the clock was set back.
    pub(super) fn used(&self, at: UnixTime) -> i64 {
        at.seconds().saturating_sub(self.since.seconds()).max(0)
    }

    /// How bad it is, if it is.
    pub(super) fn severity(&self, at: UnixTime) -> Option<Severity> {
        let used = self.used(at);
        if used >= self.term {
            return Some(Severity::Over);
        }
        let half = self.term.saturating_add(1) / 2;
        (used >= half.saturating_add(self.slack)).then_some(Severity::Half)
    }
}

/// How bad an alarm is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Half of the term is over.
    Half,
    /// The term is over.
    Over,
}

impl Severity {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Half => "half",
            Self::Over => "over",
        }
    }
}

/// What is told of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// It is over.
    Cleared,
    /// It began.
    Raised,
    /// It goes on.
    Repeated,
    /// The term is over by now.
    Worsened,
}

/// Something to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What happened.
    pub event: Event,
    /// The term, as it was seen last.
    pub running: Running,
    /// How bad it is, or was.
    pub severity: Severity,
    /// When the alarm was raised: with kind and object the name of this alarm.
    pub raised: UnixTime,
}

#[derive(Clone, Debug)]
struct Raised {
    running: Running,
    severity: Severity,
    raised: UnixTime,
    told: UnixTime,
}

/// The alarms that are on.
#[derive(Debug, Default)]
pub struct Board {
    raised: BTreeMap<(Kind, String), Raised>,
}

/// What goes on is told about eight times in its term: a root's list of a year need not be spoken of
/// every hour for half a year.
const TELLINGS: i64 = 8;

impl Board {
    /// Takes what runs at this time; gives what is to be told now. `repeat` is the least time, in
    /// seconds, after which an alarm is told again.
    pub fn turn(&mut self, running: &[Running], repeat: i64, at: UnixTime) -> Vec<Told> {
        let mut told = Vec::new();
        let mut on = BTreeMap::new();
        for one in running {
            let Some(severity) = one.severity(at) else {
                continue;
            };
            // Of two terms of one name the worse counts.
            let place = on
                .entry((one.kind, one.object.clone()))
                .or_insert((severity, one));
            if place.0 < severity {
                *place = (severity, one);
            }
        }
        self.raised.retain(|name, known| {
            let stays = on.contains_key(name);
            if !stays {
                told.push(known.told(Event::Cleared));
            }
            stays
        });
        for (name, (severity, running)) in on {
            let Some(known) = self.raised.get_mut(&name) else {
                let raised = Raised {
                    running: running.clone(),
                    severity,
                    raised: at,
                    told: at,
                };
                told.push(raised.told(Event::Raised));
                self.raised.insert(name, raised);
                continue;
            };
            known.running = running.clone();
            let pause = match severity {
                Severity::Half => repeat.max(running.term / TELLINGS),
                Severity::Over => repeat,
            };
            let event = if severity > known.severity {
                Event::Worsened
            } else if at < known.told || known.told.plus(pause) <= at {
                Event::Repeated
            } else {
                known.severity = severity;
                continue;
            };
            known.severity = severity;
            known.told = at;
            told.push(known.told(event));
        }
        told
    }

    /// The alarms that are on.
    pub fn on(&self) -> impl Iterator<Item = (Kind, &str, Severity)> {
        self.raised
            .iter()
            .map(|((kind, object), raised)| (*kind, object.as_str(), raised.severity))
    }
}

impl Raised {
    fn told(&self, event: Event) -> Told {
        Told {
            event,
            running: self.running.clone(),
            severity: self.severity,
            raised: self.raised,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(1_800_000_000 + seconds)
    }

    fn running(since: i64, term: i64) -> Running {
        Running::new(Kind::RequestUndecided, "requests", at(since), term)
    }

    /// One row a term of the law: nothing a second before its half, an alarm at it, another word at its end.
    #[test]
    fn half_of_each_legal_term_is_an_alarm() {
        let terms = AlarmsConfig::default();
        for (term, seconds) in [
            (terms.decision(), 24 * 3600),
            (terms.registration(), 72 * 3600),
            (terms.revocation(), 3600),
            (terms.public_lists(), 3 * 3600),
            (terms.crl(), 24 * 3600),
            (terms.issuing(730), 730 * 86_400),
            (terms.clock(), 60),
            (terms.log(), 600),
            (terms.notice(), 24 * 3600),
            (terms.store(), 60),
        ] {
            assert_eq!(term, seconds);
            let one = running(0, term);
            assert_eq!(one.severity(at(term / 2 - 1)), None, "{term}");
            assert_eq!(one.severity(at(term / 2)), Some(Severity::Half), "{term}");
            assert_eq!(one.severity(at(term - 1)), Some(Severity::Half), "{term}");
            assert_eq!(one.severity(at(term)), Some(Severity::Over), "{term}");
        }
        // A stop is told at once; what is renewed at its half has a little longer; an odd term's half is
        // rounded up; a clock that was set back accuses nobody.
        assert_eq!(running(0, 0).severity(at(0)), Some(Severity::Over));
        let late = Running {
            slack: 60,
            ..running(0, 3600)
        };
        assert_eq!(late.severity(at(1859)), None);
        assert_eq!(late.severity(at(1860)), Some(Severity::Half));
        assert_eq!(running(0, 3).severity(at(1)), None);
        assert_eq!(running(0, 60).severity(at(-100)), None);
        assert_eq!(
            running(0, i64::MAX).severity(UnixTime::from_seconds(i64::MAX)),
            None
        );
        let ending = Running::ending(Kind::IssuerEnding, "issuing", at(1000), 100);
        assert_eq!(ending.severity(at(899)), None);
        assert_eq!(ending.severity(at(900)), Some(Severity::Half));
        assert_eq!(ending.severity(at(1000)), Some(Severity::Over));
    }

    fn events(told: &[Told]) -> Vec<Event> {
        told.iter().map(|one| one.event).collect()
    }

    #[test]
    fn an_alarm_is_raised_once_repeated_worsened_and_cleared() {
        let mut board = Board::default();
        let one = [running(0, 86_400)];
        let mut turn = |running: &[Running], seconds| {
            let told = board.turn(running, 3600, at(seconds));
            (events(&told), told)
        };
        assert_eq!(turn(&one, 43_199).0, []);
        let (event, told) = turn(&one, 43_205);
        assert_eq!(event, [Event::Raised]);
        assert_eq!(
            (told[0].raised, told[0].severity),
            (at(43_205), Severity::Half)
        );
        // An eighth of the term later again, not before.
        assert_eq!(turn(&one, 43_205 + 10_799).0, []);
        assert_eq!(turn(&one, 43_205 + 10_800).0, [Event::Repeated]);
        // Of the same kind another, older, thing: the alarm goes on.
        let older = [Running {
            detail: "request b".to_owned(),
            ..running(-5, 86_400)
        }];
        assert_eq!(turn(&older, 60_000).0, []);
        let (event, told) = turn(&older, 86_395);
        assert_eq!(event, [Event::Worsened]);
        assert_eq!(told[0].running.detail, "request b");
        // Once it is over, every hour.
        assert_eq!(turn(&older, 86_395 + 3599).0, []);
        assert_eq!(turn(&older, 86_395 + 3600).0, [Event::Repeated]);
        // The clock is set back: told again rather than never.
        assert_eq!(turn(&older, 86_396).0, [Event::Repeated]);
        // Younger than its half: decided, and the next in line is not late.
        let (event, told) = turn(&[running(86_000, 86_400)], 86_500);
        assert_eq!(event, [Event::Cleared]);
        assert_eq!(told[0].raised, at(43_205));
        assert_eq!(turn(&[], 86_501).0, []);
        // Another time is another alarm.
        let (event, told) = turn(&one, 90_000);
        assert_eq!(event, [Event::Raised]);
        assert_eq!(
            (told[0].raised, told[0].severity),
            (at(90_000), Severity::Over)
        );
    }

    #[test]
    fn of_two_terms_of_one_name_the_worse_counts_and_others_stand_apart() {
        let mut board = Board::default();
        let other = Running::new(Kind::ListAgeing, "issuing", at(0), 10);
        let told = board.turn(
            &[running(0, 100), running(-100, 100), other, running(0, 120)],
            60,
            at(60),
        );
        assert_eq!(events(&told), [Event::Raised, Event::Raised]);
        let on: Vec<_> = board.on().collect();
        assert_eq!(
            on,
            [
                (Kind::ListAgeing, "issuing", Severity::Over),
                (Kind::RequestUndecided, "requests", Severity::Over)
            ]
        );
    }
}
