//! Telling holders: posts the notices of [`crate::life::Notice`] until they are taken.
//!
//! Of several processes on one database the holder of a lease tells. How far he came is written down
//! after each post that was taken: what was posted and not written down is posted again, under the same
//! names.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use esign_core::time::UnixTime;
use prometheus::{IntCounterVec, Opts, Registry};
use serde::{Deserialize, Serialize};

use super::ServiceError;
use super::alarms::{AlarmsConfig, Kind, Running};
use super::config::PassphraseSource;
use super::watch::{Look, digest};
use super::webhook::{Backoff, Webhook};
use crate::error::{CentreError, CentreErrorKind};
use crate::life::{Life, NOTICES, Notice, Step};
use crate::store::Lease;

/// How often to look for what is to be told.
const TURN: Duration = Duration::from_secs(1);
/// Names under which the store keeps how far this came.
const ACTS: &str = "notices.acts";
const ENDS: &str = "notices.ends";

/// `[notices]`: where holders' notices are posted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NoticesConfig {
    /// The address, `https://…`.
    pub webhook: String,
    /// The certificates (PEM) of who certifies its server.
    #[serde(default)]
    pub webhook_authority: Option<std::path::PathBuf>,
    /// The key of the signatures under what is posted.
    pub webhook_secret: Option<PassphraseSource>,
    /// How long before its end a holder is told that his certificate ends; of one that is issued for a
    /// shorter time he is not told.
    #[serde(default = "default_expiry_days")]
    pub expiry_days: u32,
}

const fn default_expiry_days() -> u32 {
    30
}

/// What tells.
pub struct Notifier {
    life: Life,
    lease: Option<Arc<Lease>>,
    webhook: Webhook,
    /// How long before the end, in seconds.
    lead: i64,
    posts: IntCounterVec,
    /// Since when the first notice waits that was not taken yet.
    waiting: Mutex<Option<UnixTime>>,
}

impl std::fmt::Debug for Notifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notifier").finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Posted<'a> {
    schema: &'static str,
    notices: &'a [Notice],
}

impl Notifier {
    pub(super) fn new(
        life: Life,
        lease: Option<Arc<Lease>>,
        webhook: Webhook,
        config: &NoticesConfig,
        registry: &Registry,
    ) -> Result<Self, ServiceError> {
        let failed = |e: prometheus::Error| ServiceError::new("measurements of notices", e);
        let posts = IntCounterVec::new(
            Opts::new(
                "ca_notice_posts_total",
                "Posts to the webhook of the notices, by outcome",
            ),
            &["outcome"],
        )
        .map_err(failed)?;
        registry.register(Box::new(posts.clone())).map_err(failed)?;
        Ok(Self {
            life,
            lease,
            webhook,
            lead: i64::from(config.expiry_days).saturating_mul(86_400),
            posts,
            waiting: Mutex::new(None),
        })
    }

    /// Tells in a thread of its own, as long as this is kept.
    pub(super) fn start(self: &Arc<Self>, clock: fn() -> UnixTime) -> Result<(), ServiceError> {
        let weak = Arc::downgrade(self);
        std::thread::Builder::new()
            .name("notices".to_owned())
            .spawn(move || {
                let mut backoff = Backoff::default();
                while let Some(notifier) = weak.upgrade() {
                    let mut again = true;
                    while again {
                        again = notifier
                            .turn(&mut backoff, clock())
                            .unwrap_or_else(|error| {
                                tracing::error!(%error, "notices cannot be made; they wait");
                                false
                            });
                    }
                    drop(notifier);
                    std::thread::sleep(TURN);
                }
            })
            .map_err(|e| ServiceError::new("the thread of the notices", e))?;
        Ok(())
    }

    /// An alarm while a notice waits.
    pub(super) fn look(self: &Arc<Self>, terms: &AlarmsConfig) -> Look {
        let (this, term) = (self.clone(), terms.notice());
        Box::new(move |_| {
            let waiting = *this.waiting();
            let running = |since| Running::new(Kind::NoticeWaiting, "notices", since, term);
            Ok(waiting.map(running).into_iter().collect())
        })
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Option<UnixTime>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells a step; says whether to go on at once.
    fn turn(&self, backoff: &mut Backoff, at: UnixTime) -> Result<bool, CentreError> {
        if let Some(lease) = &self.lease
            && lease.fence()?.is_none()
        {
            *self.waiting() = None;
            return Ok(false);
        }
        if !backoff.is_over(at) {
            return Ok(false);
        }
        let store = self.life.store();
        let Some(acts) = store.progress(ACTS)? else {
            // Of what was done before anybody was to be told, nobody is told.
            let last = i64::try_from(store.last_audit()?).unwrap_or(i64::MAX);
            store.begin_progress(ACTS, last)?;
            return Ok(true);
        };
        let Some(ends) = store.progress(ENDS)? else {
            store.begin_progress(ENDS, at.seconds())?;
            return Ok(true);
        };
        let step = self.life.notices(acts)?;
        let Some(more) = self.tell(ACTS, acts, step, backoff, at)? else {
            return Ok(false);
        };
        let step = self.life.expiry_notices(ends, at.plus(self.lead))?;
        let Some(more_ends) = self.tell(ENDS, ends, step, backoff, at)? else {
            return Ok(false);
        };
        *self.waiting() = None;
        Ok(more || more_ends)
    }

    /// Posts a step and writes down that it was taken; says whether there is more. None where it was
    /// not taken.
    fn tell(
        &self,
        name: &str,
        from: i64,
        step: Step,
        backoff: &mut Backoff,
        at: UnixTime,
    ) -> Result<Option<bool>, CentreError> {
        for part in step.notices.chunks(NOTICES) {
            let body = serde_json::to_string(&Posted {
                schema: "esign-notices/1",
                notices: part,
            })
            .map_err(|e| CentreError::new(CentreErrorKind::Value, "notices", e))?;
            if let Err(what) = self.webhook.post(&digest(&body), &body, at) {
                backoff.failed(at);
                self.posts.with_label_values(&["failed"]).inc();
                tracing::warn!(what, "notices could not be posted; they are tried again");
                let first = part.first().and_then(|notice| notice.at).unwrap_or(at);
                self.waiting().get_or_insert(first);
                return Ok(None);
            }
            backoff.worked();
            self.posts.with_label_values(&["delivered"]).inc();
        }
        if step.upto > from {
            self.life.store().advance_progress(name, step.upto)?;
        }
        Ok(Some(step.more))
    }
}
