//! The building blocks of EN 319 102-1 clause 5.2 and the process for basic signatures, 5.3.

use super::report::{
    CertificateSummary, CoverageReport, InputDigests, Report, SignatureReport, hex,
};
use super::{CertRef, Format, Integrity, ObjectDigest, Signature, SignerIdentifier};
use crate::evidence::Evidence;
use crate::keys::{Digest, DigestAlgorithm, Hasher, VerifyError};
use crate::path::{KeyPurpose, PathInputs, RevocationChecking, VerifiedPath, build_path};
use crate::policy::{Acceptance, Policy, Revocation};
use crate::report::{Finding, Indication, SubIndication};
use crate::time::UnixTime;
use crate::trust::TrustAnchors;
use crate::x509::{Certificate, Name};

/// All that a validation depends on besides the signatures. Nothing else is consulted, and no
/// field has a default that trusts.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// Validation time.
    pub at: UnixTime,
    /// Whom to trust.
    pub anchors: &'a TrustAnchors,
    /// Certificates, CRLs and OCSP responses from outside the document.
    pub evidence: &'a Evidence,
    /// What is asked for.
    pub policy: &'a Policy,
}

/// Validates every signature of a document.
///
/// # Source
/// EN 319 102-1 V1.4.1 clause 5.3 (basic signatures). Time-stamps are not judged yet: the
/// best-signature-time is the validation time.
pub fn validate(signatures: &[Signature], inputs: &Inputs<'_>) -> Report {
    let digests = InputDigests {
        document: None,
        time: inputs.at,
        trust: hex(&inputs.anchors.digest()),
        policy: inputs.policy.name.clone(),
        policy_digest: hex(&inputs.policy.sha256()),
        evidence: hex(&inputs.evidence.digest()),
    };
    Report::new(
        digests,
        signatures.iter().map(|s| validate_one(s, inputs)).collect(),
    )
}

fn validate_one(signature: &Signature, inputs: &Inputs<'_>) -> SignatureReport {
    let mut findings = signature.format_findings.clone();
    let objects = objects(signature);
    let identified = identification(signature, inputs.evidence);
    let mut certificate = None;
    let mut path = None;
    let mut value = None;
    match identified {
        Ok((found, finding)) => {
            findings.push(finding);
            value = Some(cryptographic_verification(signature, &found));
            let (built, mut path_findings) = certificate_validation(signature, &found, inputs);
            path = built;
            findings.append(&mut path_findings);
            certificate = Some(found);
        }
        Err(finding) => findings.push(finding),
    }
    findings.extend(objects);
    findings.extend(value);
    findings.extend(acceptance(
        signature,
        certificate.as_ref(),
        path.as_ref(),
        inputs,
    ));

    let integrity = integrity(signature, &findings);
    let indication = Finding::worst(&findings);
    SignatureReport {
        name: signature.name.clone(),
        format: signature.format.name(),
        level: match signature.format {
            Format::Cades | Format::Pades => "B-B",
            Format::Cms | Format::Pdf => "none",
        },
        indication: indication.total(),
        sub_indication: Finding::decisive(&findings).and_then(|f| f.sub_indication),
        integrity,
        signer: certificate.as_ref().map(|c| c.subject().to_string()),
        signing_certificate: certificate.as_ref().map(CertificateSummary::of),
        best_signature_time: inputs.at,
        time_proved: false,
        claimed_time: signature.claims.signing_time,
        reason: signature.claims.reason.clone(),
        location: signature.claims.location.clone(),
        coverage: CoverageReport::of(&signature.coverage),
        path: path
            .map(|p| p.chain().iter().map(|c| c.subject().to_string()).collect())
            .unwrap_or_default(),
        findings,
    }
}

/// Identification of the signing certificate (5.2.3): among all candidates the one whose digest
/// is the *signed* reference's; what the container points at unsigned is a hint only (rules 7, 8).
fn identification(
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

/// The signed data objects (5.2.7.4, first half of cryptographic verification).
fn objects(signature: &Signature) -> Vec<Finding> {
    const RULE: &str = "signature.object-digest";
    const CLAUSE: &str = "EN 319 102-1 5.2.7.4";
    let judge = |o: &super::SignedObject| match &o.digest {
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
fn cryptographic_verification(signature: &Signature, certificate: &Certificate) -> Finding {
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

/// X.509 certificate validation (5.2.6) at the validation time, as there is no other time that is
/// proved: what has gone wrong since a possible signing stays open, it does not fail (5.3.4).
fn certificate_validation(
    signature: &Signature,
    certificate: &Certificate,
    inputs: &Inputs<'_>,
) -> (Option<VerifiedPath>, Vec<Finding>) {
    // What the caller gave stands before what a document, so a stranger, brought along: where there
    // is too much of one kind, the caller's is what is looked at.
    let mut evidence = inputs.evidence.clone();
    evidence.add_all(&signature.evidence);
    let judged = build_path(
        certificate,
        &PathInputs::new(
            inputs.at,
            inputs.anchors,
            &evidence,
            match inputs.policy.revocation {
                Revocation::Require => RevocationChecking::Required,
                Revocation::Ignore => RevocationChecking::Skipped,
            },
            if inputs.policy.key_usage {
                KeyPurpose::DocumentSigning
            } else {
                KeyPurpose::Any
            },
        ),
    );
    (judged.value, judged.report)
}

/// Signature acceptance (5.2.8): whether the algorithms may be relied on at the validation time,
/// those of the signature and those of what its path rests on (rule 35).
fn acceptance(
    signature: &Signature,
    certificate: Option<&Certificate>,
    path: Option<&VerifiedPath>,
    inputs: &Inputs<'_>,
) -> Vec<Finding> {
    let mut used = Used {
        inputs,
        findings: Vec::new(),
    };
    let name = &signature.name;
    if let Ok(algorithm) = signature.value.algorithm {
        used.digest(algorithm.digest(), name);
    }
    for object in &signature.objects {
        if let ObjectDigest::Intact(d) | ObjectDigest::Broken { signed: d, .. } = &object.digest {
            used.digest(d.algorithm(), name);
        }
    }
    if let Some(Ok(reference)) = signature.signing_certificate.first().map(|r| &r.digest) {
        // SHA-1 in the *reference* is what signing-certificate (v1) has; the certificate is bound
        // by the key that verifies besides. It is reported with the others all the same.
        used.digest(reference.algorithm(), name);
    }
    if let Some(certificate) = certificate {
        used.key(certificate, name);
    }
    let Some(path) = path else {
        return used.findings;
    };
    // The anchor is trusted as it is: its key counts, what it signed of itself does not.
    for (subject, issuer) in path.chain().iter().zip(path.chain().iter().skip(1)) {
        if let Ok(algorithm) = subject.signature_algorithm() {
            used.digest(algorithm.digest(), &subject.subject().to_string());
        }
        used.key(issuer, &issuer.subject().to_string());
    }
    for crl in path.crls() {
        if let Ok(algorithm) = crl.signature_algorithm() {
            let object = format!("CRL of {} of {}", crl.issuer(), crl.this_update());
            used.digest(algorithm.digest(), &object);
        }
    }
    for response in path.ocsp() {
        if let Ok(algorithm) = response.signature_algorithm() {
            let object = format!(
                "OCSP response by {} of {}",
                response.responder(),
                response.produced_at()
            );
            used.digest(algorithm.digest(), &object);
        }
    }
    used.findings
}

/// The algorithms judged so far, each once for each object.
struct Used<'a> {
    inputs: &'a Inputs<'a>,
    findings: Vec<Finding>,
}

impl Used<'_> {
    fn digest(&mut self, digest: DigestAlgorithm, object: &str) {
        let acceptance = self.inputs.policy.digest_acceptance(digest);
        self.judge("policy.digest", digest.to_string(), acceptance, object);
    }

    fn key(&mut self, certificate: &Certificate, object: &str) {
        let Ok(key) = certificate.public_key() else {
            return;
        };
        let acceptance = self.inputs.policy.key_acceptance(key.algorithm());
        self.judge(
            "policy.key",
            key.algorithm().to_string(),
            acceptance,
            object,
        );
    }

    fn judge(&mut self, rule: &'static str, what: String, acceptance: Acceptance, object: &str) {
        const CLAUSE: &str = "TS 119 312; EN 319 102-1 5.2.8";
        let finding = if acceptance.holds(self.inputs.at) {
            Finding::passed(rule, CLAUSE)
        } else {
            let sub = SubIndication::CryptoConstraintsFailureNoPoe;
            let finding = Finding::indeterminate(rule, CLAUSE, sub).with("at", self.inputs.at);
            match acceptance {
                Acceptance::Until(end) => finding.with("until", end),
                _ => finding.with("until", "never"),
            }
        };
        let finding = finding.with("algorithm", what).of(object.to_owned());
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }
}

/// Cryptography, structure and coverage alone: whether what is there is what was signed.
fn integrity(signature: &Signature, findings: &[Finding]) -> Integrity {
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
