//! What was not at hand, and where it is to be had: what a driver fetches before it validates again.

use serde::Serialize;

use crate::oid;
use crate::report::{Finding, SubIndication};
use crate::trust::TrustAnchors;
use crate::x509::{Certificate, GeneralName};

/// Most locations that are told of for one thing.
const MAX_LOCATIONS: usize = 8;

/// Something that validation would have needed. That it is not there says nothing against anybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// `issuer`: a certificate or trust anchor of the issuer; `status`: a revocation list or OCSP
    /// response.
    pub what: &'static str,
    /// Of which certificate, by its subject.
    pub of: String,
    /// SHA-256 over that certificate in hexadecimal.
    pub certificate: String,
    /// Its issuer's name: whose certificate, or whose word, is not there.
    pub issuer: String,
    /// Where the certificate says that it is to be had: caIssuers, or distribution points of lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<String>,
    /// Where it says that a responder is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub responders: Vec<String>,
}

impl Missing {
    /// The issuer of a certificate, and where that says he is to be found.
    pub fn issuer_of(certificate: &Certificate) -> Self {
        Self {
            what: "issuer",
            locations: access(certificate, oid::AD_CA_ISSUERS),
            ..about(certificate)
        }
    }

    /// The status of a certificate, and where that says it is to be found.
    pub fn status_of(certificate: &Certificate) -> Self {
        Self {
            what: "status",
            locations: lists(certificate),
            responders: access(certificate, oid::AD_OCSP),
            ..about(certificate)
        }
    }
}

/// What is missing to a path that did not pass.
pub(super) fn of(
    chain: &[Certificate],
    findings: &[Finding],
    anchors: &TrustAnchors,
) -> Vec<Missing> {
    let mut missing = Vec::new();
    if let Some(last) = chain.last().filter(|last| !anchors.contains(last)) {
        missing.push(Missing::issuer_of(last));
    }
    let unknown = |f: &Finding| f.sub_indication == Some(SubIndication::TryLater);
    if findings.iter().any(|f| any(f, &unknown)) {
        for certificate in chain.iter().take(chain.len().saturating_sub(1)) {
            missing.push(Missing::status_of(certificate));
        }
    }
    missing
}

fn about(certificate: &Certificate) -> Missing {
    Missing {
        what: "",
        of: certificate.subject().to_string(),
        certificate: super::report::hex(&certificate.sha256()),
        issuer: certificate.issuer().to_string(),
        locations: Vec::new(),
        responders: Vec::new(),
    }
}

fn any(finding: &Finding, is: &impl Fn(&Finding) -> bool) -> bool {
    is(finding) || finding.children.iter().any(|f| any(f, is))
}

fn access(certificate: &Certificate, method: oid::ObjectIdentifier) -> Vec<String> {
    let all = certificate.authority_info_access().ok().flatten();
    let all = all.into_iter().flatten().filter(|a| a.method == method);
    let all = all.filter_map(|a| match a.location {
        GeneralName::Uri(uri) => Some(uri),
        _ => None,
    });
    all.take(MAX_LOCATIONS).collect()
}

fn lists(certificate: &Certificate) -> Vec<String> {
    let points = certificate.crl_distribution_points().ok().flatten();
    let points = points.unwrap_or_default();
    let all = points.iter().flat_map(|p| p.uris().map(str::to_owned));
    all.take(MAX_LOCATIONS).collect()
}
