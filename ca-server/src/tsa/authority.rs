use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use esign_core::keys::{DigestAlgorithm, Random, SigningKey};
use esign_core::oid::ObjectIdentifier;
use esign_core::time::UnixTime;
use esign_core::tsp::{
    Accuracy, FailureInfo, GenTime, TimeStampReq, TimeStampResp, TokenSigner, TstInfoFields,
};
use esign_core::x509::{Certificate, GeneralName, SerialNumber};

use super::ClockWatch;
use crate::error::{CentreError, CentreErrorKind};

/// How an authority stamps.
#[derive(Clone, Debug)]
pub struct TimeStamperOptions {
    /// The policies under which it stamps; the first where the client names none. EN 319 422 asks that
    /// each token names one.
    pub policies: Vec<ObjectIdentifier>,
    /// How far `genTime` may lie from the true time: at most a second (EN 319 422 5.2.2).
    pub accuracy: Accuracy,
    /// Whether tokens are ordered by `genTime` alone. Holds for one process only, so not with replicas.
    pub ordering: bool,
    /// The digests that are stamped.
    pub digests: Vec<DigestAlgorithm>,
    /// Whether the token names the authority: its certificate's subject.
    pub tsa_name: bool,
}

impl TimeStamperOptions {
    /// One second, no ordering, every digest that validation accepts, under this policy.
    pub fn new(policy: ObjectIdentifier) -> Self {
        Self {
            policies: vec![policy],
            accuracy: MAX_ACCURACY,
            ordering: false,
            digests: vec![
                DigestAlgorithm::Sha256,
                DigestAlgorithm::Sha384,
                DigestAlgorithm::Sha512,
                DigestAlgorithm::Sha3_256,
                DigestAlgorithm::Sha3_384,
                DigestAlgorithm::Sha3_512,
            ],
            tsa_name: true,
        }
    }
}

/// EN 319 422 5.2.2: one second or better.
pub const MAX_ACCURACY: Accuracy = Accuracy::from_micros(1_000_000);

/// How many answers of each kind were given.
#[derive(Debug, Default)]
pub struct Counters {
    granted: AtomicU64,
    refused: [AtomicU64; FailureInfo::ALL.len()],
}

impl Counters {
    /// Tokens given.
    pub fn granted(&self) -> u64 {
        self.granted.load(Ordering::Relaxed)
    }

    /// Requests refused, by reason.
    pub fn refused(&self) -> impl Iterator<Item = (FailureInfo, u64)> + '_ {
        let numbers = self.refused.iter().map(|n| n.load(Ordering::Relaxed));
        FailureInfo::ALL.into_iter().zip(numbers)
    }

    fn count(&self, outcome: Result<(), FailureInfo>) {
        match outcome {
            Ok(()) => self.granted.fetch_add(1, Ordering::Relaxed),
            Err(failure) => FailureInfo::ALL
                .iter()
                .zip(&self.refused)
                .find(|(one, _)| **one == failure)
                .map_or(0, |(_, n)| n.fetch_add(1, Ordering::Relaxed)),
        };
    }
}

/// Answers requests with one key.
pub struct TimeStamper {
    signer: TokenSigner,
    options: TimeStamperOptions,
    tsa: Option<GeneralName>,
    clock: Arc<ClockWatch>,
    random: Arc<dyn Random>,
    counters: Counters,
    /// The last `genTime` given out, microseconds since 1970; used with ordering.
    last: AtomicI64,
}

/// A refusal: the code for the client's program and the words for its operator.
type Refusal = (FailureInfo, String);

impl TimeStamper {
    /// An authority with `key`, whose certificate is for time-stamping alone, and `chain` above it.
    ///
    /// # Errors
    /// Key and certificate do not go together, the certificate is for something else, there is no policy
    /// or no digest, the accuracy is none or worse than a second, or not that of `clock`.
    pub fn new(
        key: Arc<dyn SigningKey>,
        certificate: Certificate,
        chain: &[Certificate],
        options: TimeStamperOptions,
        clock: Arc<ClockWatch>,
        random: Arc<dyn Random>,
    ) -> Result<Self, CentreError> {
        let bad = |what: &str| {
            CentreError::new(CentreErrorKind::Settings, format_args!("time-stamps"), what)
        };
        if options.policies.is_empty() || options.digests.is_empty() {
            return Err(bad("need a policy and a digest algorithm"));
        }
        let accuracy = options.accuracy;
        if accuracy.micros() == 0 || accuracy.micros() > MAX_ACCURACY.micros() {
            return Err(bad(&format!(
                "accuracy of {accuracy} is not above zero and at most {MAX_ACCURACY}"
            )));
        }
        if clock.accuracy() != std::time::Duration::from_micros(accuracy.micros()) {
            return Err(bad(&format!(
                "accuracy is {accuracy}, the clock is watched for {:?}",
                clock.accuracy()
            )));
        }
        let tsa = options
            .tsa_name
            .then(|| GeneralName::Directory(certificate.subject().clone()));
        let signer =
            TokenSigner::new(key, certificate, chain).map_err(|error| bad(&error.to_string()))?;
        Ok(Self {
            signer,
            options,
            tsa,
            clock,
            random,
            counters: Counters::default(),
            last: AtomicI64::new(i64::MIN),
        })
    }

    /// Answers a request, octets as received: a `TimeStampResp`, refusals included.
    pub fn answer(&self, request: &[u8]) -> Vec<u8> {
        let response = match self.stamp(request) {
            Ok(token) => {
                self.counters.count(Ok(()));
                TimeStampResp::granted(token)
            }
            Err((failure, text)) => {
                self.counters.count(Err(failure));
                TimeStampResp::rejection(failure, &text)
            }
        };
        response.to_der()
    }

    /// What was answered so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The clock it goes by.
    pub fn clock(&self) -> &ClockWatch {
        &self.clock
    }

    /// The last second of its certificate.
    pub fn not_after(&self) -> UnixTime {
        self.signer.certificate().not_after()
    }

    fn stamp(&self, request: &[u8]) -> Result<Vec<u8>, Refusal> {
        let request = TimeStampReq::from_der(request)
            .map_err(|error| (FailureInfo::BadDataFormat, error.to_string()))?;
        let policy = self.admit(&request)?;
        // What keeps the authority from stamping is told in full to its operator alone.
        let gen_time = self.gen_time()?;
        let serial_number = SerialNumber::random(&*self.random).map_err(|_| system_failure())?;
        let info = TstInfoFields {
            policy,
            message_imprint: &request.message_imprint,
            serial_number: &serial_number,
            gen_time,
            accuracy: Some(self.options.accuracy),
            ordering: self.options.ordering,
            nonce: request.nonce.as_ref(),
            tsa: self.tsa.as_ref(),
        };
        self.signer
            .sign(&info.to_der(), request.cert_req)
            .map_err(|_| system_failure())
    }

    /// The policy under which a request is stamped, if it is one that may be (RFC 3161 2.4.1).
    fn admit(&self, request: &TimeStampReq) -> Result<ObjectIdentifier, Refusal> {
        if request.version != 1 {
            let text = format!("version: expected 1, found {}", request.version);
            return Err((FailureInfo::BadRequest, text));
        }
        let imprint = &request.message_imprint;
        let algorithm = match imprint.algorithm() {
            Ok(algorithm) if self.options.digests.contains(&algorithm) => algorithm,
            Ok(algorithm) => {
                let text = format!("hashAlgorithm: {algorithm} is not accepted");
                return Err((FailureInfo::BadAlg, text));
            }
            Err(oid) => {
                let text = format!("hashAlgorithm: {oid} is not known");
                return Err((FailureInfo::BadAlg, text));
            }
        };
        if imprint.digest().is_none() {
            let text = format!(
                "hashedMessage: {algorithm} has {} octets, found {}",
                algorithm.output_len(),
                imprint.hashed_message().len()
            );
            return Err((FailureInfo::BadDataFormat, text));
        }
        let accepted = &self.options.policies;
        let policy = match request.req_policy {
            Some(wanted) => accepted.iter().find(|p| **p == wanted),
            None => accepted.first(),
        };
        let Some(policy) = policy else {
            let wanted = request.req_policy.map_or(String::new(), |p| p.to_string());
            let text = format!("reqPolicy: {wanted} is not accepted");
            return Err((FailureInfo::UnacceptedPolicy, text));
        };
        // RFC 3161 2.4.1: whether critical or not, and none is known here.
        if let Some(extension) = request.extensions.first() {
            let text = format!("extensions: {} is not known", extension.oid);
            return Err((FailureInfo::UnacceptedExtension, text));
        }
        Ok(*policy)
    }

    fn gen_time(&self) -> Result<GenTime, Refusal> {
        let unavailable = || {
            let text = "the clock is not to be trusted at present".to_owned();
            (FailureInfo::TimeNotAvailable, text)
        };
        let now = self.clock.now().map_err(|_| unavailable())?;
        if !self.signer.certificate().is_valid_at(now.time) {
            return Err(system_failure());
        }
        if !self.options.ordering {
            return Ok(now.to_millis());
        }
        let micros = now.micros();
        // Set back within the accuracy, the clock may be behind the last token by less than that.
        let promised = i64::try_from(self.options.accuracy.micros()).unwrap_or(0);
        let next = |last: i64| micros.max(last.saturating_add(1));
        let last = self
            .last
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| {
                Some(next(last)).filter(|n| n.saturating_sub(micros) <= promised)
            })
            .map_err(|_| unavailable())?;
        let given = next(last);
        let nanos = u32::try_from(given.rem_euclid(1_000_000)).unwrap_or(0) * 1_000;
        let time = UnixTime::from_seconds(given.div_euclid(1_000_000));
        GenTime::new(time, nanos).ok_or_else(system_failure)
    }
}

fn system_failure() -> Refusal {
    let text = "the authority cannot stamp at present".to_owned();
    (FailureInfo::SystemFailure, text)
}

impl fmt::Debug for TimeStamper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeStamper")
            .field("signer", &self.signer)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
