//! Identification of the signing certificate, EN 319 102-1 clause 5.2.3.

use super::{CertRef, Signature, SignerIdentifier};
use crate::evidence::Evidence;
use crate::keys::{Digest, DigestAlgorithm, Hasher};
use crate::report::{Finding, SubIndication};
use crate::x509::{Certificate, Name};

/// Among all candidates the one whose digest
/// is the *signed* reference's; what the container points at unsigned is a hint only (rules 7, 8).
pub(super) fn identification(
    signature: &Signature,
    evidence: &Evidence,
) -> Result<(Certificate, Finding), Finding> {
    const RULE: &str = "signature.signing-certificate";
    const CLAUSE: &str = "EN 319 102-1 5.2.3";
    let candidates = || {
        signature
            .evidence
            .certificates()
            .iter()
            .chain(evidence.certificates().iter())
    };
    let not_found = || {
        Finding::indeterminate(RULE, CLAUSE, SubIndication::NoSigningCertificateFound)
            .of(signature.name.clone())
    };
    let Some(reference) = signature.signing_certificate.first() else {
        // No signed reference: not an AdES signature, which the format's findings say. The
        // unsigned pointer still tells whose key to try, so that integrity can be answered.
        let pointer = signature.signer_identifier.as_ref();
        return candidates()
            .find(|c| pointer.is_some_and(|p| points_at(p, c)))
            .map(|c| {
                (
                    c.clone(),
                    Finding::remark("signature.signing-certificate.unsigned", CLAUSE),
                )
            })
            .ok_or_else(|| not_found().with("references", 0u64));
    };
    let Ok(digest) = &reference.digest else {
        return Err(not_found().with("reason", "the digest of the reference is not computed here"));
    };
    let Some(found) = candidates().find(|c| is_digest_of(digest, c)) else {
        return Err(not_found()
            .with("digest", digest.to_string())
            .with("candidates", candidates().count()));
    };
    if !issuer_serial_agrees(reference, found) {
        // EN 319 122-1 5.2.2.3: where issuerSerial is there it shall be that of the certificate.
        return Err(not_found()
            .with("referenced", "another issuer or serial number")
            .with("issuer", found.issuer().to_string())
            .with("serial", found.serial().to_string()));
    }
    // RFC 5035 3: where both forms of the attribute are there, each is evaluated for itself.
    let other = signature
        .signing_certificate
        .iter()
        .find(|r| r.attribute != reference.attribute);
    if let Some(other) = other {
        let agrees = other.digest.as_ref().is_ok_and(|d| is_digest_of(d, found));
        if !agrees || !issuer_serial_agrees(other, found) {
            return Err(not_found()
                .with("referenced", "another certificate by the second attribute")
                .with("attribute", other.attribute.to_string()));
        }
    }
    let mut finding = Finding::passed(RULE, CLAUSE)
        .of(signature.name.clone())
        .with("subject", found.subject().to_string())
        .with("digest", digest.to_string());
    if let Some(pointer) = &signature.signer_identifier
        && !points_at(pointer, found)
    {
        finding.children.push(Finding::remark(
            "signature.signer-identifier.differs",
            "rule 8",
        ));
    }
    Ok((found.clone(), finding))
}

/// Whether `digest` is that of the whole certificate.
fn is_digest_of(digest: &Digest, certificate: &Certificate) -> bool {
    match digest.algorithm() {
        // Computed once for each certificate.
        DigestAlgorithm::Sha256 => certificate.sha256().as_slice() == digest.as_bytes(),
        algorithm => Hasher::digest(algorithm, certificate.der()) == *digest,
    }
}

fn issuer_serial_agrees(reference: &CertRef, certificate: &Certificate) -> bool {
    reference
        .issuer_serial
        .as_ref()
        .is_none_or(|(issuer, serial)| named(certificate, issuer, serial))
}

/// Whether the certificate has this issuer's name and serial number; names are compared by
/// RFC 5280 7.1, since signers re-encode them.
fn named(certificate: &Certificate, issuer: &[u8], serial: &[u8]) -> bool {
    certificate.serial().as_bytes() == serial
        && (certificate.issuer().der() == issuer
            || Name::from_der(issuer).is_ok_and(|n| n.matches(certificate.issuer())))
}

fn points_at(pointer: &SignerIdentifier, certificate: &Certificate) -> bool {
    match pointer {
        SignerIdentifier::IssuerAndSerial(issuer, serial) => named(certificate, issuer, serial),
        SignerIdentifier::KeyIdentifier(id) => certificate
            .subject_key_identifier()
            .is_ok_and(|found| found == Some(id.as_slice())),
    }
}
