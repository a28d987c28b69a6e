//! Whom to trust and what is known: anchors, certificates, revocation lists and OCSP responses
//! from files.

use std::path::{Path, PathBuf};

use esign_core::crl::crls;
use esign_core::der::DecodeError;
use esign_core::evidence::Evidence;
use esign_core::ocsp::OcspResponse;
use esign_core::time::UnixTime;
use esign_core::trust::TrustAnchors;
use esign_core::x509::{certificates, pem_blocks};

use crate::failure::Failure;
use crate::files;
use crate::settings::Settings;

/// Whom to trust and what is known.
#[derive(clap::Args)]
pub(crate) struct MaterialArgs {
    /// Trust these certificates; nothing else is trusted (PEM or DER, may be repeated)
    #[arg(long, value_name = "FILE", env = "ESIGN_TRUST", value_delimiter = ':')]
    pub(crate) trust: Vec<PathBuf>,
    /// Certificates that may be needed on the way to a trusted one
    #[arg(long, value_name = "FILE")]
    pub(crate) intermediate: Vec<PathBuf>,
    /// Certificate revocation lists
    #[arg(long, value_name = "FILE", env = "ESIGN_CRL", value_delimiter = ':')]
    pub(crate) crl: Vec<PathBuf>,
    /// OCSP responses (DER or PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) ocsp: Vec<PathBuf>,
}

/// Flags of every command that validates.
#[derive(clap::Args)]
pub(crate) struct TrustArgs {
    #[command(flatten)]
    pub(crate) material: MaterialArgs,
    /// Judge for this time instead of now (RFC 3339, or a date); evidence from after it is not used
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) at: Option<UnixTime>,
}

/// All that a validation is given besides the document.
pub(crate) struct Given {
    pub(crate) at: UnixTime,
    pub(crate) anchors: TrustAnchors,
    pub(crate) evidence: Evidence,
}

impl TrustArgs {
    /// Reads the files and fixes the time.
    pub(crate) fn load(&self, settings: &Settings) -> Result<Given, Failure> {
        self.material.load(settings, self.at)
    }
}

impl MaterialArgs {
    /// Reads the files; of those made after the time asked for, nothing is used.
    pub(crate) fn load(
        &self,
        settings: &Settings,
        asked: Option<UnixTime>,
    ) -> Result<Given, Failure> {
        let mut anchors = TrustAnchors::new();
        let mut evidence = Evidence::new();
        for path in or_else(&self.trust, &settings.trust) {
            for certificate in read(path, certificates)? {
                anchors.add(certificate);
            }
        }
        for path in &self.intermediate {
            for certificate in read(path, certificates)? {
                evidence.add_certificate(certificate);
            }
        }
        let at = asked.unwrap_or_else(now);
        for path in or_else(&self.crl, &settings.crl) {
            for crl in read(path, crls)?
                .into_iter()
                .filter(|c| asked.is_none() || c.this_update() <= at)
            {
                evidence.add_crl(crl);
            }
        }
        for path in &self.ocsp {
            let about = |e: &dyn std::fmt::Display| Failure::about(&path.display(), e);
            let blocks =
                pem_blocks(&files::read(path)?, &["OCSP RESPONSE"]).map_err(|e| about(&e))?;
            for der in blocks {
                let response = OcspResponse::from_der(&der).map_err(|e| about(&e))?;
                let basic = response.basic.ok_or_else(|| {
                    about(&format!(
                        "no answer: the responder said {:?}",
                        response.status
                    ))
                })?;
                if asked.is_none() || basic.produced_at() <= at {
                    evidence.add_ocsp(basic);
                }
            }
        }
        Ok(Given {
            at,
            anchors,
            evidence,
        })
    }
}

/// Reads a file by `decode`; where it is another thing than it was given for, the hint says which.
pub(crate) fn read<T>(
    path: &Path,
    decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
) -> Result<T, Failure> {
    let octets = files::read(path)?;
    decode(&octets).map_err(|e| Failure::about(&path.display(), &e).and_hint(what_it_is(&octets)))
}

/// What a file is that was taken for something else.
fn what_it_is(octets: &[u8]) -> Option<String> {
    if octets.is_empty() {
        return Some("the file is empty".to_owned());
    }
    if certificates(octets).is_ok() {
        return Some("it is a certificate: give it with --trust or --intermediate".to_owned());
    }
    if crls(octets).is_ok() {
        return Some("it is a revocation list: give it with --crl".to_owned());
    }
    if OcspResponse::from_der(octets).is_ok() {
        return Some("it is an OCSP response: give it with --ocsp".to_owned());
    }
    let text = core::str::from_utf8(octets).ok()?;
    let mut labels = text
        .lines()
        .filter_map(|l| l.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----"));
    let label = labels.next()?;
    Some(format!(
        "its first block is of the kind {}",
        label.escape_debug()
    ))
}

/// What is given, else the default.
fn or_else<'a>(given: &'a [PathBuf], default: &'a [PathBuf]) -> &'a [PathBuf] {
    if given.is_empty() { default } else { given }
}

/// The system's clock.
pub(crate) fn now() -> UnixTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    UnixTime::from_seconds(since.map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX)))
}

/// A time on the command line.
pub(crate) fn parse_time(text: &str) -> Result<UnixTime, String> {
    UnixTime::parse(text)
        .ok_or_else(|| "expected a time like 2026-11-22T10:00:00Z or a date like 2026-11-22".into())
}
