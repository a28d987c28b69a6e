//! Cryptographic verification, EN 319 102-1 clause 5.2.7: the signed objects and the signature value.

use super::{Integrity, ObjectDigest, Signature, SignedObject};
use crate::keys::VerifyError;
use crate::report::{Finding, Indication, SubIndication};
use crate::x509::Certificate;

/// The signed data objects (5.2.7.4, first half of cryptographic verification).
pub(super) fn objects(signature: &Signature) -> Vec<Finding> {
    const RULE: &str = "signature.object-digest";
    const CLAUSE: &str = "EN 319 102-1 5.2.7.4";
    let judge = |o: &SignedObject| match &o.digest {
        ObjectDigest::Intact(digest) => {
            Finding::passed(RULE, CLAUSE).with("digest", digest.to_string())
        }
        ObjectDigest::Broken { signed, computed } => {
            Finding::failed(RULE, CLAUSE, SubIndication::HashFailure)
                .with("signed", signed.to_string())
                .with("computed", computed.to_string())
        }
        ObjectDigest::Missing { .. } => {
            Finding::indeterminate(RULE, CLAUSE, SubIndication::SignedDataNotFound)
        }
        ObjectDigest::Unknown(oid) => {
            Finding::indeterminate(RULE, CLAUSE, SubIndication::CryptoConstraintsFailureNoPoe)
                .with("digest-algorithm", oid.to_string())
        }
    };
    signature
        .objects
        .iter()
        .map(|o| judge(o).of(o.scope.clone()))
        .collect()
}

/// Cryptographic verification (5.2.7) of the signature value with the certificate's key.
pub(super) fn cryptographic_verification(
    signature: &Signature,
    certificate: &Certificate,
) -> Finding {
    const RULE: &str = "signature.value";
    const CLAUSE: &str = "EN 319 102-1 5.2.7";
    let object = signature.name.clone();
    let algorithm = match &signature.value.algorithm {
        Ok(algorithm) => *algorithm,
        Err(oid) => {
            return Finding::indeterminate(
                RULE,
                CLAUSE,
                SubIndication::CryptoConstraintsFailureNoPoe,
            )
            .of(object)
            .with("algorithm", oid.to_string());
        }
    };
    let key = match certificate.public_key() {
        Ok(key) => key,
        Err(error) => {
            let sub = SubIndication::CryptoConstraintsFailureNoPoe;
            return Finding::indeterminate(RULE, CLAUSE, sub)
                .of(object)
                .with("reason", error.to_string());
        }
    };
    let verify = |bytes: &[u8]| key.verify(algorithm, bytes, &signature.value.octets);
    let mut result = verify(&signature.signed_bytes);
    if result.is_err()
        && let Some(received) = &signature.signed_bytes_as_received
    {
        result = verify(received);
    }
    match result {
        Ok(()) => Finding::passed(RULE, CLAUSE)
            .of(object)
            .with("algorithm", algorithm.to_string())
            .with("key", key.algorithm().to_string()),
        // What is not verified here is not thereby wrong.
        Err(error @ VerifyError::Unsupported { .. }) => {
            let sub = SubIndication::CryptoConstraintsFailureNoPoe;
            Finding::indeterminate(RULE, CLAUSE, sub)
                .of(object)
                .with("algorithm", algorithm.to_string())
                .with("reason", error.to_string())
        }
        Err(error) => Finding::failed(RULE, CLAUSE, SubIndication::SigCryptoFailure)
            .of(object)
            .with("algorithm", algorithm.to_string())
            .with("key", key.algorithm().to_string())
            .with("reason", error.to_string()),
    }
}

/// Cryptography, structure and coverage alone: whether what is there is what was signed.
pub(super) fn integrity(signature: &Signature, findings: &[Finding]) -> Integrity {
    let worst = |rule: &str| {
        findings
            .iter()
            .filter(|f| f.rule == rule)
            .map(|f| f.outcome)
            .max()
    };
    let value = worst("signature.value").unwrap_or(Indication::Indeterminate);
    let objects = worst("signature.object-digest").unwrap_or(Indication::Indeterminate);
    let structure = Finding::worst(&signature.format_findings);
    let structure = if structure == Indication::Failed {
        Indication::Failed
    } else if worst("pdf.changes.undefined").is_some() {
        // The signed octets are there, and the document shows something else, of which nothing
        // says whether the signer bore it: what is signed no longer covers what is read. Neither
        // intact, since coverage is part of the question, nor broken, since nothing forbade it.
        Indication::Indeterminate
    } else {
        Indication::Passed
    };
    match value.max(objects).max(structure) {
        Indication::Passed => Integrity::Intact,
        Indication::Failed => Integrity::Broken,
        Indication::Indeterminate => Integrity::Unknown,
    }
}
