use super::{Asked, RestsOn};
use crate::crl::Crl;
use crate::path::search::{Budget, name_of, nested};
use crate::path::{KeyPurpose, PathInputs};
use crate::report::{Finding, SubIndication};
use crate::trust::TrustAnchors;
use crate::x509::{Certificate, KeyUsage};

/// Most certificates that are tried for the key of one list. Two hold at a key change, with
/// cross-certificates some more.
const MAX_SIGNERS: usize = 16;

/// Who signed a list, and what the status of that certificate rests on.
pub(super) struct Signer {
    pub(super) certificate: Certificate,
    pub(super) rests_on: RestsOn,
}

/// Finds the certificate whose key signed the list, and validates its path, which must end at the
/// anchor at which the path of the certificate asked about ends.
///
/// `own_list`: the certificate asked about names its own subject as the issuer of its list, so
/// that its status rests on a list that it signs; its issuer wanted it so, and its path is what is
/// being judged.
///
/// # Source
/// RFC 5280 6.3.3 (f), (g).
pub(super) fn of(
    crl: &Crl,
    asked: &Asked<'_>,
    own_list: bool,
    inputs: &PathInputs<'_>,
    budget: &mut Budget,
) -> Result<Signer, Finding> {
    let mut refused = Vec::new();
    for candidate in candidates(crl, asked.above, inputs) {
        let certificate = candidate.certificate;
        match certificate.key_usage() {
            Ok(usage) if usage.is_none_or(|u| u.contains(KeyUsage::CRL_SIGN)) => {}
            _ => {
                let (rule, clause) = ("crl.issuer-crl-sign", "RFC 5280 6.3.3 (f)");
                refused.push(
                    Finding::indeterminate(rule, clause, SubIndication::TryLater)
                        .with("issuer", name_of(certificate)),
                );
                continue;
            }
        }
        let Ok(key) = certificate.public_key() else {
            continue;
        };
        let verified = budget.verify(crl.sha256(), key, || crl.verify_signed_by(key).is_ok());
        if verified != Some(true) {
            continue;
        }
        if candidate.in_path || (own_list && certificate == asked.certificate) {
            return Ok(Signer {
                certificate: certificate.clone(),
                rests_on: RestsOn::default(),
            });
        }
        match path_of(certificate, asked.above, inputs, budget) {
            Ok(rests_on) => {
                return Ok(Signer {
                    certificate: certificate.clone(),
                    rests_on,
                });
            }
            Err(finding) => refused.push(finding),
        }
    }
    let clause = "RFC 5280 6.3.3 (g)";
    let mut finding = Finding::indeterminate("crl.signature", clause, SubIndication::TryLater)
        .with("verifies", false)
        .with("issuer", crl.issuer().to_string());
    finding.children = refused;
    Err(finding)
}

struct Candidate<'a> {
    certificate: &'a Certificate,
    /// Whether it is above the certificate asked about, where it is judged anyway.
    in_path: bool,
}

/// Certificates named as the issuer of the list: those of the path first, then those whose key
/// identifier is the one that the list names, which are looked for only where they are needed.
fn candidates<'a>(
    crl: &'a Crl,
    above: &'a [Certificate],
    inputs: &'a PathInputs<'a>,
) -> impl Iterator<Item = Candidate<'a>> {
    let in_path = above.iter().filter(|c| c.subject().matches(crl.issuer()));
    let in_path = in_path.map(|certificate| Candidate {
        certificate,
        in_path: true,
    });
    let others = core::iter::once_with(move || others(crl, above, inputs)).flatten();
    let others = others.map(|certificate| Candidate {
        certificate,
        in_path: false,
    });
    in_path.chain(others).take(MAX_SIGNERS)
}

fn others<'a>(crl: &Crl, above: &[Certificate], inputs: &PathInputs<'a>) -> Vec<&'a Certificate> {
    let wanted = crl.authority_key_identifier().ok().flatten();
    let wanted = wanted.and_then(|a| a.key_identifier);
    let others = inputs.anchors.named(crl.issuer());
    let mut others: Vec<&Certificate> = others
        .chain(inputs.evidence.named(crl.issuer()))
        .filter(|c| !above.contains(c))
        .collect();
    others.sort_by_cached_key(|c| {
        let own = c.subject_key_identifier().ok().flatten();
        match (wanted.as_deref(), own) {
            (Some(a), Some(b)) if a == b => 0u8,
            (Some(_), Some(_)) => 2,
            _ => 1,
        }
    });
    others
}

/// What a path from the signer to the anchor of the path in question rests on.
fn path_of(
    signer: &Certificate,
    above: &[Certificate],
    inputs: &PathInputs<'_>,
    budget: &mut Budget,
) -> Result<RestsOn, Finding> {
    let anchor = above.last().cloned();
    let anchors: TrustAnchors = anchor.into_iter().collect();
    let inputs = PathInputs {
        anchors: &anchors,
        purpose: KeyPurpose::CrlSigning,
        ..*inputs
    };
    let judged = nested(signer, &inputs, budget);
    match judged.value {
        Some(path) => Ok(RestsOn::of(&path)),
        None => {
            let (rule, clause) = ("crl.issuer-path", "RFC 5280 6.3.3 (f)");
            let mut finding = Finding::indeterminate(rule, clause, SubIndication::TryLater)
                .of(name_of(signer))
                .with("issuer", name_of(signer));
            finding.children = judged.report;
            Err(finding)
        }
    }
}
