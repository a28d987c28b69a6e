//! The edge of the alarms: looks at what runs, shows it to Prometheus, posts what is to be told.
//!
//! Two threads, so that a store or a receiver that hangs holds up no alarm about itself: one looks, the
//! other goes by what was seen last and by the clock.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use esign_core::time::UnixTime;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};
use serde::Serialize;

use super::ServiceError;
use super::alarms::{AlarmsConfig, Board, Event, Kind, Running, Severity, Told};
use super::webhook::{Backoff, Webhook};
use crate::error::CentreError;
use crate::ids::sha256;

/// Looks at terms that run; an error is a store that cannot be asked.
pub(super) type Look = Box<dyn Fn(UnixTime) -> Result<Vec<Running>, CentreError> + Send + Sync>;

/// How often to look: a few queries by keys each time.
const LOOK: Duration = Duration::from_secs(5);
/// How often to go by what was seen.
const TURN: Duration = Duration::from_secs(1);
/// Most things that wait to be posted. Alarms that go on are told again, so the oldest may go.
const WAITING: usize = 256;

/// What a process watches.
pub struct Watch {
    config: AlarmsConfig,
    looks: Vec<Look>,
    seen: Mutex<Seen>,
    webhook: Option<Webhook>,
    measured: Measured,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Seen {
    /// What each look saw when it last could.
    running: Vec<Vec<Running>>,
    /// When all of them could; none before the first time.
    whole: Option<UnixTime>,
}

impl Watch {
    /// Watches what `looks` see; registers the measurements.
    pub(super) fn new(
        config: AlarmsConfig,
        looks: Vec<Look>,
        webhook: Option<Webhook>,
        registry: &Registry,
    ) -> Result<Self, ServiceError> {
        let failed = |e: prometheus::Error| ServiceError::new("measurements of alarms", e);
        let measured = Measured::new().map_err(failed)?;
        registry
            .register(Box::new(measured.clone()))
            .map_err(failed)?;
        Ok(Self {
            config,
            looks,
            seen: Mutex::default(),
            webhook,
            measured,
        })
    }

    /// Looks and tells, as the service at the address `source`, for as long as this is kept.
    pub(super) fn start(
        self: &Arc<Self>,
        source: String,
        clock: fn() -> UnixTime,
    ) -> Result<(), ServiceError> {
        let failed = |e| ServiceError::new("the threads of the alarms", e);
        self.seen().whole = Some(clock());
        let weak = Arc::downgrade(self);
        std::thread::Builder::new()
            .name("looks".to_owned())
            .spawn(move || every(&weak, LOOK, |watch| watch.look(clock())))
            .map_err(failed)?;
        let weak = Arc::downgrade(self);
        let mut teller = Teller::new(source);
        std::thread::Builder::new()
            .name("alarms".to_owned())
            .spawn(move || every(&weak, TURN, |watch| teller.turn(watch, clock())))
            .map_err(failed)?;
        Ok(())
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, at: UnixTime) {
        let mut whole = true;
        for (n, look) in self.looks.iter().enumerate() {
            // Not under the lock: this may take long.
            let found = look(at);
            let mut seen = self.seen();
            if seen.running.len() <= n {
                seen.running.resize_with(n.saturating_add(1), Vec::new);
            }
            match found {
                Ok(found) => {
                    if let Some(place) = seen.running.get_mut(n) {
                        *place = found;
                    }
                }
                // Terms go on running while nobody can look.
                Err(error) => {
                    tracing::debug!(%error, "cannot look at what runs");
                    whole = false;
                }
            }
        }
        if whole {
            self.seen().whole = Some(at);
        }
    }

    /// Everything that runs.
    fn running(&self, at: UnixTime) -> Vec<Running> {
        let seen = self.seen();
        let mut running: Vec<_> = seen.running.iter().flatten().cloned().collect();
        // A look that hangs is one that fails.
        let since = seen.whole.unwrap_or(at);
        running.push(Running::new(
            Kind::StoreUnreachable,
            "store",
            since,
            self.config.store(),
        ));
        running
    }
}

/// Does something again and again as long as `weak` is there.
fn every(weak: &Weak<Watch>, pause: Duration, mut what: impl FnMut(&Watch)) {
    while let Some(watch) = weak.upgrade() {
        what(&watch);
        drop(watch);
        std::thread::sleep(pause);
    }
}

/// Goes by what was seen, and posts.
struct Teller {
    source: String,
    board: Board,
    waiting: VecDeque<(String, String)>,
    backoff: Backoff,
}

impl Teller {
    fn new(source: String) -> Self {
        Self {
            source,
            board: Board::default(),
            waiting: VecDeque::new(),
            backoff: Backoff::default(),
        }
    }

    fn turn(&mut self, watch: &Watch, at: UnixTime) {
        let running = watch.running(at);
        let told = self.board.turn(&running, watch.config.repeat(), at);
        watch.measured.show(&running, &self.board, at);
        for one in told {
            log(&one, at);
            if one.event == Event::Raised {
                watch.measured.raised(one.running.kind);
            }
            if watch.webhook.is_some() {
                self.wait(watch, &one, at);
            }
        }
        if let Some(webhook) = &watch.webhook {
            self.post(watch, webhook, at);
        }
    }

    fn wait(&mut self, watch: &Watch, told: &Told, at: UnixTime) {
        let posted = posted(&self.source, told, at);
        let Ok(body) = serde_json::to_string(&posted) else {
            return;
        };
        if self.waiting.len() >= WAITING {
            self.waiting.pop_front();
            watch.measured.post("dropped");
        }
        self.waiting.push_back((posted.id, body));
    }

    fn post(&mut self, watch: &Watch, webhook: &Webhook, at: UnixTime) {
        while self.backoff.is_over(at)
            && let Some((id, body)) = self.waiting.front()
        {
            match webhook.post(id, body, at) {
                Ok(()) => {
                    self.waiting.pop_front();
                    self.backoff.worked();
                    watch.measured.post("delivered");
                }
                Err(what) => {
                    self.backoff.failed(at);
                    watch.measured.post("failed");
                    tracing::warn!(what, "an alarm could not be posted; it is tried again");
                }
            }
        }
    }
}

fn log(told: &Told, at: UnixTime) {
    let Told {
        event,
        running,
        severity,
        ..
    } = told;
    let (alarm, object, detail) = (running.kind.name(), &running.object, &running.detail);
    let used = running.used(at);
    match event {
        Event::Cleared => tracing::info!(alarm, object, "an alarm is over"),
        _ => tracing::error!(
            alarm,
            object,
            detail,
            used,
            term = running.term,
            severity = severity.name(),
            "a term runs out"
        ),
    }
}

/// What is posted of an alarm: `docs/formats/webhooks.md`.
#[derive(Serialize)]
struct Posted<'a> {
    schema: &'static str,
    id: String,
    event: Event,
    alarm: &'static str,
    alarm_id: String,
    object: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'a str,
    severity: Severity,
    since: UnixTime,
    term_seconds: i64,
    used_seconds: i64,
    raised: UnixTime,
    at: UnixTime,
    source: &'a str,
}

fn posted<'a>(source: &'a str, told: &'a Told, at: UnixTime) -> Posted<'a> {
    let Told {
        event,
        running,
        severity,
        raised,
    } = told;
    let alarm = running.kind.name();
    let object = running.object.as_str();
    // The same alarm of the same process has one name, so that a receiver puts its events together.
    let alarm_id = digest(&format!("{source}\n{alarm}\n{object}\n{raised}"));
    Posted {
        schema: "esign-alarm/1",
        id: digest(&format!("{alarm_id}\n{event:?}\n{at}")),
        event: *event,
        alarm,
        alarm_id,
        object,
        detail: &running.detail,
        severity: *severity,
        since: running.since,
        term_seconds: running.term,
        used_seconds: running.used(at),
        raised: *raised,
        at,
        source,
    }
}

/// 16 octets of SHA-256, hexadecimal: a name.
pub(super) fn digest(text: &str) -> String {
    sha256(text.as_bytes())
        .iter()
        .take(16)
        .map(|octet| format!("{octet:02x}"))
        .collect()
}

/// Terms and alarms for Prometheus.
#[derive(Clone)]
struct Measured {
    /// Held while these are filled and read, so that no measurement is of half a turn.
    lines: Arc<Mutex<Vec<Line>>>,
    alarms: IntGaugeVec,
    used: IntGaugeVec,
    terms: IntGaugeVec,
    raised: IntCounterVec,
    posts: IntCounterVec,
}

struct Line {
    kind: &'static str,
    object: String,
    used: i64,
    term: i64,
    /// 0, or 1 for half of the term, 2 for all of it.
    alarm: i64,
}

impl Measured {
    fn new() -> Result<Self, prometheus::Error> {
        let gauge = |name, help| IntGaugeVec::new(Opts::new(name, help), &["alarm", "object"]);
        Ok(Self {
            lines: Arc::default(),
            alarms: gauge(
                "ca_alarm",
                "1 while half of a term is over, 2 while all of it is, else 0",
            )?,
            used: gauge("ca_term_used_seconds", "How long a term has run")?,
            terms: gauge("ca_term_seconds", "How long a term is")?,
            raised: IntCounterVec::new(
                Opts::new("ca_alarms_raised_total", "Alarms raised, by kind"),
                &["alarm"],
            )?,
            posts: IntCounterVec::new(
                Opts::new(
                    "ca_alarm_posts_total",
                    "Posts to the webhook of the alarms, by outcome",
                ),
                &["outcome"],
            )?,
        })
    }

    fn lines(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn raised(&self, kind: Kind) {
        self.raised.with_label_values(&[kind.name()]).inc();
    }

    fn post(&self, outcome: &str) {
        self.posts.with_label_values(&[outcome]).inc();
    }

    fn show(&self, running: &[Running], board: &Board, at: UnixTime) {
        let lines = running
            .iter()
            .map(|one| Line {
                kind: one.kind.name(),
                object: one.object.clone(),
                used: one.used(at),
                term: one.term,
                alarm: board
                    .on()
                    .find(|(kind, object, _)| (*kind, *object) == (one.kind, &one.object))
                    .map_or(0, |(.., severity)| match severity {
                        Severity::Half => 1,
                        Severity::Over => 2,
                    }),
            })
            .collect();
        *self.lines() = lines;
    }
}

impl Collector for Measured {
    fn desc(&self) -> Vec<&Desc> {
        let mut all = self.alarms.desc();
        all.extend(self.used.desc());
        all.extend(self.terms.desc());
        all.extend(self.raised.desc());
        all.extend(self.posts.desc());
        all
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let lines = self.lines();
        for gauge in [&self.alarms, &self.used, &self.terms] {
            gauge.reset();
        }
        for line in lines.iter() {
            let labels = [line.kind, line.object.as_str()];
            self.alarms.with_label_values(&labels).set(line.alarm);
            self.used.with_label_values(&labels).set(line.used);
            self.terms.with_label_values(&labels).set(line.term);
        }
        let mut all = self.alarms.collect();
        all.extend(self.used.collect());
        all.extend(self.terms.collect());
        all.extend(self.raised.collect());
        all.extend(self.posts.collect());
        all
    }
}
