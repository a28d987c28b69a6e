//! The role `tsa`: a time-stamping unit, its clock's watch and its measurements.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};

use esign_core::keys::SigningKey;
use esign_core::oid::ObjectIdentifier;
use esign_core::tsp::Accuracy;
use esign_core::x509::Certificate;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntCounterVec, IntGauge, Opts, Registry};
use ring::rand::SystemRandom;

use super::ServiceError;
use super::alarms::AlarmsConfig;
use super::config::{ClockSource, TsaConfig};
use super::looks;
use super::roles::Added;
use crate::tsa::http::{Served, routes};
use crate::tsa::{
    Chrony, ClockWatch, INTERVAL, Synchronisation, SystemClocks, TimeStamper, TimeStamperOptions,
};

/// The unit that `config` describes, with its key, its certificate and those above it.
pub(super) fn tsa(
    config: &TsaConfig,
    key: Arc<dyn SigningKey>,
    certificate: Certificate,
    chain: &[Certificate],
    registry: &Registry,
    terms: &AlarmsConfig,
) -> Result<Added, ServiceError> {
    let policies = config
        .policies
        .iter()
        .map(|text| {
            ObjectIdentifier::new(text)
                .map_err(|e| ServiceError::new(format_args!("[tsa] policies: \"{text}\""), e))
        })
        .collect::<Result<Vec<_>, ServiceError>>()?;
    let Some(first) = policies.first() else {
        return Err(ServiceError::new("[tsa] policies", "there is none"));
    };
    let accuracy = Accuracy::from_micros(u64::from(config.accuracy_ms).saturating_mul(1000));
    let options = TimeStamperOptions {
        accuracy,
        ordering: config.ordering,
        ..TimeStamperOptions::new(*first)
    };
    let options = TimeStamperOptions {
        policies,
        ..options
    };
    let clock = Arc::new(ClockWatch::new(Box::new(SystemClocks::new()), accuracy));
    watch(&config.clock, &clock)?;
    let seen = vec![
        looks::clock(clock.clone(), terms),
        looks::certificate("tsa", &certificate, terms),
    ];
    let stamper = TimeStamper::new(
        key,
        certificate,
        chain,
        options,
        clock,
        Arc::new(SystemRandom::new()),
    )?;
    let served = Arc::new(Served {
        stamper: Arc::new(stamper),
        misdirected: AtomicU64::new(0),
    });
    let measured =
        Measured::new(&served.stamper).and_then(|measured| registry.register(Box::new(measured)));
    measured.map_err(|e| ServiceError::new("measurements of time-stamps", e))?;
    Ok(Added {
        routes: routes(served),
        looks: seen,
        ..Added::default()
    })
}

/// Has the clock vouched for: once by an operator's word, or again and again by the time daemon's.
fn watch(source: &ClockSource, clock: &Arc<ClockWatch>) -> Result<(), ServiceError> {
    let chrony = match source {
        ClockSource::Vouched => {
            let max_error = clock.accuracy();
            tracing::info!(
                "the clock of time-stamps is not watched: the configuration vouches for it"
            );
            clock.tell(Synchronisation::Vouched { max_error }, clock.monotonic());
            return Ok(());
        }
        ClockSource::Chrony { program } => Chrony {
            program: program.clone(),
        },
    };
    let asked = chrony.tell(clock);
    if let Synchronisation::Unsynchronised(why) = &asked {
        tracing::error!(why, "no time-stamps until the clock is to be trusted");
    }
    let clock = Arc::downgrade(clock);
    std::thread::Builder::new()
        .name("clock".to_owned())
        .spawn(move || ask_again(&chrony, &clock))
        .map_err(|e| ServiceError::new("the thread that watches the clock", e))?;
    Ok(())
}

/// Asks as long as there is an authority that goes by the clock.
fn ask_again(chrony: &Chrony, clock: &Weak<ClockWatch>) {
    let mut silent = false;
    loop {
        std::thread::sleep(INTERVAL);
        let Some(clock) = clock.upgrade() else { return };
        match chrony.tell(&clock) {
            Synchronisation::Unsynchronised(why) if !silent => {
                tracing::error!(why, "no time-stamps until the clock is to be trusted");
                silent = true;
            }
            Synchronisation::Unsynchronised(_) => {}
            Synchronisation::Synchronised { max_error }
            | Synchronisation::Vouched { max_error } => {
                if silent {
                    tracing::warn!(?max_error, "the clock is to be trusted again");
                }
                silent = false;
            }
        }
    }
}

/// What a unit has done, asked for when the measurements are.
struct Measured {
    stamper: Weak<TimeStamper>,
    answers: IntCounterVec,
    trusted: IntGauge,
    expires: IntGauge,
}

impl Measured {
    fn new(stamper: &Arc<TimeStamper>) -> Result<Self, prometheus::Error> {
        let expires = IntGauge::new(
            "ca_tsa_certificate_expires_seconds",
            "Last second of the unit's certificate, since 1970",
        )?;
        expires.set(stamper.not_after().seconds());
        Ok(Self {
            stamper: Arc::downgrade(stamper),
            answers: IntCounterVec::new(
                Opts::new(
                    "ca_tsa_answers_total",
                    "Time-stamp requests answered, by outcome",
                ),
                &["outcome"],
            )?,
            trusted: IntGauge::new(
                "ca_tsa_clock_trusted",
                "1 while the clock is to be trusted, else 0: nothing is stamped",
            )?,
            expires,
        })
    }
}

impl Collector for Measured {
    fn desc(&self) -> Vec<&Desc> {
        let mut all = self.answers.desc();
        all.extend(self.trusted.desc());
        all.extend(self.expires.desc());
        all
    }

    fn collect(&self) -> Vec<MetricFamily> {
        if let Some(stamper) = self.stamper.upgrade() {
            let counters = stamper.counters();
            let refused = counters
                .refused()
                .map(|(failure, number)| (failure.name(), number));
            for (outcome, number) in [("granted", counters.granted())].into_iter().chain(refused) {
                let counter = self.answers.with_label_values(&[outcome]);
                counter.inc_by(number.saturating_sub(counter.get()));
            }
            self.trusted.set(stamper.clock().now().is_ok().into());
        }
        let mut all = self.answers.collect();
        all.extend(self.trusted.collect());
        all.extend(self.expires.collect());
        all
    }
}
