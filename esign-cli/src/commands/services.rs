//! What levels need from outside: time-stamping authorities, what is fetched, whom to trust.

use std::path::PathBuf;

use esign_core::fetch::http::{Http, HttpOptions};
use esign_core::fetch::{Fetch, FetchError, time_stamp};
use esign_core::keys::Digest;
use esign_core::levels::{LevelError, Services};
use esign_core::policy::Policy;
use esign_core::tsp::Timestamp;
use esign_core::x509::certificates;
use ring::rand::SystemRandom;

use super::trust::{Given, MaterialArgs, now, read};
use crate::failure::{Exit, Failure};
use crate::settings::Settings;

/// Flags of every command that reaches a level.
#[derive(clap::Args)]
pub(crate) struct ServiceArgs {
    /// Address of a time-stamping authority; the next is asked where one fails (may be repeated)
    #[arg(long, value_name = "URL", env = "ESIGN_TSA", value_delimiter = ' ')]
    pub(crate) tsa: Vec<String>,
    #[command(flatten)]
    pub(crate) material: MaterialArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

/// Flags of every command that fetches.
#[derive(clap::Args)]
pub(crate) struct NetworkArgs {
    /// Open no network connection: what is given must do
    #[arg(long)]
    pub(crate) offline: bool,
    /// Fetch from private and local addresses, too, when a certificate names them
    #[arg(long)]
    pub(crate) private_network: bool,
    /// Roots for https; without them only http is spoken (PEM or DER, may be repeated)
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_trust: Vec<PathBuf>,
}

/// The services of one call.
pub(crate) struct Outside {
    tsa: Vec<String>,
    /// To authorities that the user named.
    named: Option<Http>,
    /// To addresses that certificates name.
    strangers: Option<Http>,
    pub(crate) given: Given,
    policy: Policy,
}

impl ServiceArgs {
    /// Reads the files.
    pub(crate) fn load(&self, settings: &Settings) -> Result<Outside, Failure> {
        let tsa = if self.tsa.is_empty() {
            settings.tsa.clone()
        } else {
            self.tsa.clone()
        };
        let given = self.material.load(settings, None)?;
        Outside::new(tsa, &self.network, given)
    }
}

impl Outside {
    pub(crate) fn new(
        tsa: Vec<String>,
        network: &NetworkArgs,
        given: Given,
    ) -> Result<Self, Failure> {
        let mut tls_roots = Vec::new();
        for path in &network.tls_trust {
            tls_roots.extend(read(path, certificates)?);
        }
        let http = |private_addresses| {
            let tls_roots = tls_roots.clone();
            (!network.offline).then(|| {
                Http::new(&HttpOptions {
                    private_addresses,
                    tls_roots,
                })
            })
        };
        Ok(Self {
            tsa,
            // What the user names himself is where he wants to go.
            named: http(true),
            strangers: http(network.private_network),
            given,
            policy: Policy::basic(),
        })
    }

    fn stamp(&self, digest: &Digest) -> Result<Timestamp, FetchError> {
        let Some(http) = &self.named else {
            return Err(FetchError::new(
                "--offline",
                "a time-stamp comes from outside",
            ));
        };
        time_stamp(http, &self.tsa, digest, &SystemRandom::new())
    }

    /// Runs `work` with the services.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&Services<'_>) -> T) -> T {
        work(&Services {
            stamp: &|digest| self.stamp(digest),
            fetch: self.strangers.as_ref().map(|h| -> &dyn Fetch { h }),
            clock: &now,
            anchors: &self.given.anchors,
            evidence: &self.given.evidence,
            policy: &self.policy,
        })
    }

    /// A time-stamp of its own.
    pub(crate) fn time_stamp(&self, digest: &Digest) -> Result<Timestamp, Failure> {
        self.stamp(digest)
            .map_err(|e| failed(&LevelError::Fetch(e)))
    }
}

/// An error of a level, with what to do about it.
pub(crate) fn failed(error: &LevelError) -> Failure {
    let mut failure = Failure::new(error.to_string());
    match error {
        LevelError::Fetch(e) if e.url.is_empty() => {
            failure = failure.hint("name one with --tsa URL, or esign config tsa URL");
        }
        LevelError::Missing { missing, .. } => {
            failure.exit = Exit::Indeterminate;
            failure = failure.hint(if missing.iter().any(|m| m.what == "issuer") {
                "give the certificates with --trust and --intermediate, the status with --crl or --ocsp"
            } else {
                "give the status with --crl or --ocsp; --private-network fetches it from a local centre"
            });
        }
        LevelError::Unsound { .. } => {
            failure.exit = Exit::Failed;
            failure = failure.hint("see `esign verify` for what is wrong with it");
        }
        _ => {}
    }
    failure
}
