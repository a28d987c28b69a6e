//! What is fetched from others: time-stamps, OCSP responses, revocation lists, certificates of issuers.
//!
//! Addresses come from certificates, so from strangers; what comes back is believed for nothing but
//! its signature, which validation judges. The seam is [`Fetch`]; [`http`] is its one real
//! implementation, behind the feature `http`.

use core::fmt;

use crate::crl::Crl;
use crate::keys::{Digest, DigestAlgorithm, Random};
use crate::ocsp::{self, BasicResponse, CertId, OcspResponse};
use crate::report::Finding;
use crate::tsp::{ClientCheck, MessageImprint, Nonce, TimeStampReq, Timestamp, check_response};
use crate::x509::{Certificate, certificates};

#[cfg(feature = "http")]
pub mod http;

/// Octets of the longest OCSP or time-stamp response that is taken. With a path they have some KiB.
pub const MAX_RESPONSE: usize = 1 << 20;
/// Octets of the largest revocation list. The largest in public use have some tens of MiB.
pub const MAX_LIST: usize = 64 << 20;
/// Octets of the largest answer to caIssuers.
pub const MAX_ISSUERS: usize = 1 << 20;
/// Octets of the longest OCSP request that is put into an address (RFC 6960 A.1: 255 in all).
const MAX_IN_ADDRESS: usize = 255;

/// Gets octets from an address.
pub trait Fetch: Send + Sync {
    /// What is at `url`, at most `limit` octets.
    ///
    /// # Errors
    /// [`FetchError`] with the reason.
    fn get(&self, url: &str, limit: usize) -> Result<Vec<u8>, FetchError>;

    /// What `url` answers to `body`, at most `limit` octets.
    ///
    /// # Errors
    /// As [`Self::get`].
    fn post(
        &self,
        url: &str,
        content_type: &str,
        body: &[u8],
        limit: usize,
    ) -> Result<Vec<u8>, FetchError>;
}

/// Why something could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchError {
    /// The address.
    pub url: String,
    /// What is wrong.
    pub what: String,
}

impl FetchError {
    /// An error at an address.
    pub fn new(url: &str, what: impl fmt::Display) -> Self {
        Self {
            url: url.to_owned(),
            what: what.to_string(),
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An address comes from a stranger: no control characters of it reach a terminal.
        write!(f, "{}: {}", self.url.escape_debug(), self.what)
    }
}

impl std::error::Error for FetchError {}

/// A time-stamp over `digest` from the first of `authorities` that gives one which holds.
///
/// # Errors
/// Why the last of them did not; there are none.
///
/// # Source
/// RFC 3161 2.4 and 3.4.
pub fn time_stamp(
    fetch: &dyn Fetch,
    authorities: &[String],
    digest: &Digest,
    random: &dyn Random,
) -> Result<Timestamp, FetchError> {
    let mut error = FetchError::new("", "no time-stamping authority was given");
    for url in authorities {
        match one_stamp(fetch, url, digest, random) {
            Ok(timestamp) => return Ok(timestamp),
            Err(e) => error = e,
        }
    }
    Err(error)
}

fn one_stamp(
    fetch: &dyn Fetch,
    url: &str,
    digest: &Digest,
    random: &dyn Random,
) -> Result<Timestamp, FetchError> {
    let nonce = Nonce::random(random).map_err(|e| FetchError::new(url, e))?;
    let mut request = TimeStampReq::new(MessageImprint::new(digest), Some(nonce));
    request.cert_req = true;
    let content_type = "application/timestamp-query";
    let answer = fetch.post(url, content_type, &request.to_der(), MAX_RESPONSE)?;
    let judged = check_response(&request, &answer, &ClientCheck::default());
    judged.value.ok_or_else(|| {
        let why = Finding::decisive(&judged.report).map(told);
        FetchError::new(url, why.unwrap_or_else(|| "no time-stamp".to_owned()))
    })
}

/// A finding in one line, for an error.
fn told(finding: &Finding) -> String {
    use fmt::Write;
    let mut text = format!("{} ({})", finding.rule, finding.clause);
    for (name, fact) in &finding.because {
        let _ = write!(text, ", {name} {fact:?}");
    }
    text
}

/// What the responder at `url` says of `certificate`, which `issuer` issued. Not judged.
///
/// # Errors
/// It cannot be reached, or gives no answer.
///
/// # Source
/// RFC 6960 A.1: in the address where it is short, so that answers can be kept on the way.
pub fn status(
    fetch: &dyn Fetch,
    url: &str,
    certificate: &Certificate,
    issuer: &Certificate,
) -> Result<BasicResponse, FetchError> {
    use base64::Engine as _;
    let wrong = |what: &dyn fmt::Display| FetchError::new(url, what);
    // SHA-1: what every responder knows (RFC 5019 2.1.1). It names, it protects nothing.
    let serial = certificate.serial().clone();
    let id = CertId::new(serial, issuer, DigestAlgorithm::Sha1);
    let id = id.ok_or_else(|| wrong(&"the certificate cannot be named"))?;
    let request = ocsp::RequestBuilder {
        asked: vec![id],
        nonce: None,
    };
    let request = request.build();
    let request = request.ok_or_else(|| wrong(&"the request cannot be made"))?;
    let text = base64::engine::general_purpose::STANDARD.encode(&request);
    let escaped = text
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D");
    let address = format!("{}/{escaped}", url.trim_end_matches('/'));
    let answer = if address.len() <= MAX_IN_ADDRESS {
        fetch.get(&address, MAX_RESPONSE)
    } else {
        let content_type = "application/ocsp-request";
        fetch.post(url, content_type, &request, MAX_RESPONSE)
    }?;
    let response = OcspResponse::from_der(&answer).map_err(|e| wrong(&e))?;
    let status = response.status;
    response
        .basic
        .ok_or_else(|| wrong(&format!("the responder answers {status:?}")))
}

/// The revocation list at `url`. Not judged.
///
/// # Errors
/// It cannot be reached, or is none.
pub fn list(fetch: &dyn Fetch, url: &str) -> Result<Crl, FetchError> {
    let octets = fetch.get(url, MAX_LIST)?;
    let found = crate::crl::crls(&octets).map_err(|e| FetchError::new(url, e))?;
    let first = found.into_iter().next();
    first.ok_or_else(|| FetchError::new(url, "no revocation list"))
}

/// The certificates at `url`: one as DER or PEM, or several as a certs-only message (RFC 5280
/// 4.2.2.1). Not judged.
///
/// # Errors
/// It cannot be reached, or is none of these.
pub fn issuers(fetch: &dyn Fetch, url: &str) -> Result<Vec<Certificate>, FetchError> {
    let octets = fetch.get(url, MAX_ISSUERS)?;
    if let Ok(found) = certificates(&octets) {
        return Ok(found);
    }
    let data = crate::cms::SignedData::read(octets.as_slice());
    let data =
        data.map_err(|_| FetchError::new(url, "neither a certificate nor a message of some"))?;
    let read = data.certificates.iter();
    Ok(read.filter_map(|c| Certificate::from_der(c).ok()).collect())
}
