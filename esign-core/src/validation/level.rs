//! Which baseline level a signature has reached by what it carries, whoever is trusted.

use std::collections::HashSet;

use super::time_stamps::Tokens;
use super::{Covered, Format, Signature, TimestampKind};
use crate::crl::Crl;
use crate::evidence::Evidence;
use crate::ocsp::BasicResponse;
use crate::oid;
use crate::path::MAX_PATH_LEN;
use crate::x509::Certificate;

/// The level by its name in EN 319 122-1 clause 6 and EN 319 142-1 clause 6; `none` where it is not an
/// AdES signature.
///
/// B-T: a time-stamp over the signature value that verifies. B-LT: certificates and status of all of
/// the paths, those of the time-stamps' authorities included. B-LTA: a time-stamp over these.
pub(super) fn of(
    signature: &Signature,
    signer: Option<&Certificate>,
    tokens: &Tokens,
) -> &'static str {
    match signature.format {
        Format::Cades | Format::Pades => {}
        Format::Cms | Format::Pdf => return "none",
    }
    let stamps = || {
        let all = signature.timestamps.iter().enumerate();
        all.filter_map(|(place, stamp)| Some((stamp, tokens.token(place)?)))
    };
    let over_signature = stamps().find(|(s, _)| s.covers.contains(&Covered::SignatureValue));
    let (Some(signer), Some(_)) = (signer, over_signature) else {
        return "B-B";
    };
    let mut carried = (*signature.evidence).clone();
    for (_, token) in stamps() {
        for certificate in token.certificates() {
            carried.add_certificate(certificate.clone());
        }
        for crl in super::poe::lists_of(token) {
            carried.add_crl(crl);
        }
    }
    let is_archive = |kind| {
        matches!(
            kind,
            TimestampKind::ArchiveV2 | TimestampKind::ArchiveV3 | TimestampKind::Document
        )
    };
    // The last archive-time-stamp's own material comes with the next one.
    let archive = stamps().filter(|(s, _)| is_archive(s.kind));
    let last = archive.clone().max_by_key(|(_, t)| t.gen_time().time);
    let last = last.map(|(_, t)| t.token().der());
    let others = stamps().filter(|(_, t)| Some(t.token().der()) != last);
    let mut signers = core::iter::once(signer).chain(others.map(|(_, t)| t.signer()));
    if !signers.all(|s| has_material(s, &carried)) {
        return "B-T";
    }
    // Of what B-LT added, the status is what comes late.
    let status: Vec<[u8; 32]> = {
        let crls = signature.evidence.crls().iter().map(Crl::sha256);
        let ocsp = signature.evidence.ocsp().iter();
        crls.chain(ocsp.map(BasicResponse::sha256)).collect()
    };
    let over_status = |c: &Covered| match c {
        Covered::Store(store) => status.iter().any(|s| store.contains(s)),
        Covered::Evidence(digest) => status.iter().any(|s| s.as_slice() == digest.as_bytes()),
        _ => false,
    };
    let archived = archive
        .clone()
        .any(|(s, _)| s.covers.iter().any(over_status));
    if archived { "B-LTA" } else { "B-LT" }
}

/// Whether `evidence` has an issuer and a status for every certificate from `leaf` up, but for the one
/// that issued itself or that of which nothing is there: a trust anchor need not be carried.
fn has_material(leaf: &Certificate, evidence: &Evidence) -> bool {
    let mut seen: HashSet<[u8; 32]> = HashSet::new();
    let mut at = leaf.clone();
    for _ in 0..MAX_PATH_LEN {
        if at.is_self_issued() || !seen.insert(at.sha256()) {
            return true;
        }
        let issuer = evidence.named(at.issuer()).find(|c| **c != at).cloned();
        if !has_status(&at, issuer.as_ref(), evidence) {
            return false;
        }
        match issuer {
            Some(issuer) => at = issuer,
            None => return true,
        }
    }
    true
}

fn has_status(
    certificate: &Certificate,
    issuer: Option<&Certificate>,
    evidence: &Evidence,
) -> bool {
    let exempt = [
        oid::NO_REV_AVAIL,
        oid::VALIDITY_ASSURED_SHORT_TERM,
        oid::OCSP_NO_CHECK,
    ];
    exempt.iter().any(|o| certificate.extension(*o).is_some())
        || evidence.crls_of(certificate.issuer()).next().is_some()
        || issuer.is_some_and(|i| evidence.ocsp_for(certificate, i).next().is_some())
        || issuer.is_none()
            && evidence.ocsp().iter().any(|r| {
                let mut singles = r.singles().iter();
                singles.any(|s| s.id.serial == *certificate.serial())
            })
}
