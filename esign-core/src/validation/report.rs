use serde::Serialize;

use super::{Coverage, Missing, RevisionChange, Timestamp};
use crate::evidence::Evidence;
use crate::report::{Finding, Indication, SubIndication};
use crate::time::UnixTime;
use crate::tsp;
use crate::x509::Certificate;

/// The verdict over a file, and all that it rests on.
///
/// Serialised it is the JSON document `esign-report/1` of `docs/formats/report.md`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Name and version of this form.
    pub schema: &'static str,
    /// The worst of the signatures; `INDETERMINATE` where there is none.
    pub indication: &'static str,
    /// Digests of what the verdict depends on.
    pub inputs: InputDigests,
    /// One for each signature, in the order of the document.
    pub signatures: Vec<SignatureReport>,
}

/// What a report depends on, each by a digest in hexadecimal, so that it can be repeated.
#[derive(Clone, Debug, Serialize)]
pub struct InputDigests {
    /// SHA-256 over the document, where it was computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// The validation time.
    pub time: UnixTime,
    /// SHA-256 over the anchors' digests, sorted.
    pub trust: String,
    /// Name of the policy.
    pub policy: String,
    /// SHA-256 over the policy.
    pub policy_digest: String,
    /// SHA-256 over the digests of what was given as evidence, sorted.
    pub evidence: String,
}

/// The verdict over one signature.
#[derive(Clone, Debug, Serialize)]
pub struct SignatureReport {
    /// How it is told from the others.
    pub name: String,
    /// Format: `CAdES`, `PAdES`, …
    pub format: &'static str,
    /// Level: `B-B` for baseline, `none` where it is not an AdES signature.
    pub level: &'static str,
    /// `TOTAL-PASSED`, `INDETERMINATE` or `TOTAL-FAILED`.
    pub indication: &'static str,
    /// The standard's name for why.
    pub sub_indication: Option<SubIndication>,
    /// Cryptography, structure and coverage alone, whatever is trusted.
    pub integrity: Integrity,
    /// Subject of the signing certificate; null where it could not be identified.
    pub signer: Option<String>,
    /// The signing certificate.
    pub signing_certificate: Option<CertificateSummary>,
    /// Earliest instant at which the signature is proved to have existed: the validation time
    /// where nothing proves an earlier one.
    pub best_signature_time: UnixTime,
    /// Whether a time-stamp proves that instant.
    pub time_proved: bool,
    /// When the signer says he signed.
    pub claimed_time: Option<UnixTime>,
    /// Why, in the signer's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where, in the signer's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// What it covers.
    pub coverage: CoverageReport,
    /// The certification path from the signing certificate to the anchor, as subjects.
    pub path: Vec<String>,
    /// The time-stamps that it carries, in the order of the document.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub timestamps: Vec<TimestampReport>,
    /// What would have been needed and was not at hand. It says nothing against anybody.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// The paths of the signer and of the time-stamps' authorities as far as they were found, leaf first.
    #[serde(skip)]
    pub chains: Vec<Vec<Certificate>>,
    /// What the verdict rests on: certificates, lists and responses.
    #[serde(skip)]
    pub used: Evidence,
    /// Every rule that was run.
    pub findings: Vec<Finding>,
}

/// The verdict over one time-stamp.
#[derive(Clone, Debug, Serialize)]
pub struct TimestampReport {
    /// `content`, `signature`, `references`, `certificate-references`, `archive-v2`, `archive-v3`,
    /// `document`.
    pub kind: &'static str,
    /// Where it stands.
    pub place: String,
    /// The time told; null where the token does not verify.
    pub time: Option<UnixTime>,
    /// Subject of the authority's certificate.
    pub authority: Option<String>,
    /// `PASSED`, `INDETERMINATE` or `FAILED`.
    pub indication: Indication,
    /// The standard's name for why.
    pub sub_indication: Option<SubIndication>,
    /// Every rule that was run.
    pub findings: Vec<Finding>,
}

/// Whether the octets are those that were signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Integrity {
    /// They are.
    Intact,
    /// They are not, or the structure does not bind them.
    Broken,
    /// What would tell is not there.
    Unknown,
}

/// What people need to know a certificate by.
#[derive(Clone, Debug, Serialize)]
pub struct CertificateSummary {
    /// Subject, as text.
    pub subject: String,
    /// Issuer, as text.
    pub issuer: String,
    /// Serial number in hexadecimal.
    pub serial: String,
    /// SHA-256 over the certificate in hexadecimal.
    pub sha256: String,
    /// First second of its validity.
    pub not_before: UnixTime,
    /// Last second of its validity.
    pub not_after: UnixTime,
}

/// [`Coverage`] as data.
#[derive(Clone, Debug, Serialize)]
pub struct CoverageReport {
    /// `whole`, `revision`, `partial` or `unknown`.
    pub kind: &'static str,
    /// The signed revision, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<usize>,
    /// Revisions in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revisions: Option<usize>,
    /// What each later revision did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<ChangeReport>,
}

/// [`RevisionChange`] as data.
#[derive(Clone, Debug, Serialize)]
pub struct ChangeReport {
    /// Number of the revision, counted from 1.
    pub revision: usize,
    /// The gravest thing it did.
    pub kind: &'static str,
    /// What was touched.
    pub touched: Vec<String>,
}

impl CertificateSummary {
    /// What is told of `certificate`.
    pub fn of(certificate: &Certificate) -> Self {
        Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            serial: certificate.serial().to_string(),
            sha256: hex(&certificate.sha256()),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
        }
    }
}

impl CoverageReport {
    pub(super) fn of(coverage: &Coverage) -> Self {
        let plain = |kind| Self {
            kind,
            revision: None,
            revisions: None,
            later: Vec::new(),
        };
        match coverage {
            Coverage::Whole => plain("whole"),
            Coverage::Partial => plain("partial"),
            Coverage::Unknown => plain("unknown"),
            Coverage::Revision {
                revision,
                revisions,
                later,
            } => Self {
                kind: "revision",
                revision: Some(*revision),
                revisions: Some(*revisions),
                later: later.iter().map(ChangeReport::of).collect(),
            },
        }
    }
}

impl ChangeReport {
    fn of(change: &RevisionChange) -> Self {
        Self {
            revision: change.revision,
            kind: change.kind.name(),
            touched: change.touched.clone(),
        }
    }
}

impl TimestampReport {
    pub(super) fn new(
        stamp: &Timestamp,
        token: Option<&tsp::Timestamp>,
        findings: Vec<Finding>,
    ) -> Self {
        Self {
            kind: stamp.kind.name(),
            place: stamp.place.clone(),
            time: token.map(|t| t.gen_time().time),
            authority: token.map(|t| t.signer().subject().to_string()),
            indication: Finding::worst(&findings),
            sub_indication: Finding::decisive(&findings).and_then(|f| f.sub_indication),
            findings,
        }
    }
}

impl Report {
    pub(super) fn new(inputs: InputDigests, signatures: Vec<SignatureReport>) -> Self {
        let rank = |s: &SignatureReport| match s.indication {
            "TOTAL-PASSED" => Indication::Passed,
            "TOTAL-FAILED" => Indication::Failed,
            _ => Indication::Indeterminate,
        };
        let worst = signatures
            .iter()
            .map(rank)
            .max()
            .unwrap_or(Indication::Indeterminate);
        Self {
            schema: "esign-report/1",
            indication: worst.total(),
            inputs,
            signatures,
        }
    }
}

pub(super) fn hex(octets: &[u8]) -> String {
    use core::fmt::Write;
    octets
        .iter()
        .fold(String::with_capacity(octets.len() * 2), |mut text, b| {
            let _ = write!(text, "{b:02x}");
            text
        })
}
