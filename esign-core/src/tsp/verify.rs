//! What a token proves by itself: RFC 3161 2.2 and 2.4.2, before any question of trust.

use super::{Accuracy, GenTime, TimeStampToken};
use crate::cms::{SignedAttributes, SignerIdentifier, SignerInfo};
use crate::der::{DecodeError, DecodeKind, Reader, Rules, Tag, decode};
use crate::keys::{Digest, DigestAlgorithm, Hasher, VerifyError};
use crate::oid;
use crate::report::{Finding, Indication, Judged, SubIndication};
use crate::time::UnixTime;
use crate::x509::{Certificate, GeneralName};

/// A token against which nothing speaks but what its authority is worth: that is for a path to say,
/// at the time of validation. Only [`verify_token`] makes it.
#[derive(Clone, Debug)]
pub struct Timestamp {
    token: TimeStampToken,
    imprint: Digest,
    signer: Certificate,
}

impl Timestamp {
    /// The token.
    pub fn token(&self) -> &TimeStampToken {
        &self.token
    }

    /// The digest of what is stamped, as computed by the caller.
    pub fn imprint(&self) -> &Digest {
        &self.imprint
    }

    /// The authority's certificate, to which a path is to be found. Its extended key usage is
    /// id-kp-timeStamping alone and critical.
    pub fn signer(&self) -> &Certificate {
        &self.signer
    }

    /// The certificates in the token, the signer's often among them.
    pub fn certificates(&self) -> &[Certificate] {
        self.token.certificates()
    }

    /// The time told.
    pub fn gen_time(&self) -> GenTime {
        self.token.tst_info().gen_time
    }

    /// How far it may lie from the true time; none where the authority does not say.
    pub fn accuracy(&self) -> Option<Accuracy> {
        self.token.tst_info().accuracy
    }

    /// The first whole second by which what is stamped surely existed: `genTime` and accuracy,
    /// rounded up.
    pub fn existed_by(&self) -> UnixTime {
        let time = self.gen_time();
        let micros = u64::from(time.nanos().div_ceil(1_000))
            .saturating_add(self.accuracy().map_or(0, Accuracy::micros));
        time.time
            .plus(i64::try_from(micros.div_ceil(1_000_000)).unwrap_or(i64::MAX))
    }
}

const SIGNERS: &str = "tsp.signers";
const CONTENT_TYPE: &str = "tsp.content-type";
const PROTECTION: &str = "tsp.algorithm-protection";
const CERTIFICATE: &str = "tsp.signing-certificate";
const PURPOSE: &str = "tsp.key-purpose";
const SIGNATURE: &str = "tsp.signature";
const IMPRINT: &str = "tsp.message-imprint";
const ENCODING: &str = "tsp.encoding";

/// Verifies a token over `imprint`, a digest of what is stamped by the algorithm that the token names
/// (see [`MessageImprint::algorithm`](super::MessageImprint::algorithm)). `others` are certificates from
/// elsewhere among which the signer's may be, where the token does not carry it.
///
/// Cryptography, binding and purpose of the certificate; no time, no trust, and no opinion on how
/// strong the algorithms are.
///
/// # Source
/// RFC 3161 2.2, 2.3 and 2.4.2; RFC 5816; RFC 5035; EN 319 422 5.
pub fn verify_token(
    token: &TimeStampToken,
    imprint: &Digest,
    others: &[Certificate],
) -> Judged<Timestamp> {
    let mut report = vec![check_imprint(token, imprint)];
    if token.signed_data().is_ber {
        report.push(Finding::remark(ENCODING, "RFC 3161 2.4.2").with("found", "BER"));
    }
    let [signer] = token.signers() else {
        let f = Finding::failed(SIGNERS, "RFC 3161 2.4.2", SubIndication::FormatFailure);
        let found = token.signers().len();
        report.push(f.with("expected", 1usize).with("found", found));
        return Judged {
            value: None,
            report,
        };
    };
    report.push(Finding::passed(SIGNERS, "RFC 3161 2.4.2"));
    let certificate = match &signer.signed_attributes {
        Some(attributes) => {
            report.push(check_content_type(attributes));
            report.extend(check_protection(attributes, signer));
            let (certificate, finding) = find_signer(token, signer, attributes, others);
            report.push(finding);
            certificate
        }
        None => {
            let f = Finding::failed(CONTENT_TYPE, "RFC 5652 5.3", SubIndication::FormatFailure);
            report.push(f.with("found", "no signed attributes"));
            None
        }
    };
    if let Some(certificate) = &certificate {
        report.push(check_purpose(certificate));
        report.push(check_signature(token, signer, certificate));
    }
    let passed = Finding::worst(&report) == Indication::Passed;
    Judged {
        value: certificate.filter(|_| passed).map(|signer| Timestamp {
            token: token.clone(),
            imprint: *imprint,
            signer,
        }),
        report,
    }
}

fn check_imprint(token: &TimeStampToken, imprint: &Digest) -> Finding {
    let clause = "RFC 3161 2.4.2";
    let found = &token.tst_info().message_imprint;
    let finding = if found.digest().as_ref() == Some(imprint) {
        Finding::passed(IMPRINT, clause)
    } else {
        Finding::failed(IMPRINT, clause, SubIndication::HashFailure)
    };
    finding
        .with("expected", format!("{imprint:?}"))
        .with("found", found.to_string())
}

/// RFC 5652 11.1: the attribute stands once and says what the content is.
fn check_content_type(attributes: &SignedAttributes) -> Finding {
    let clause = "RFC 5652 11.1";
    let mut all = attributes.of(oid::CONTENT_TYPE);
    let found = all
        .next()
        .and_then(|a| a.single())
        .and_then(|value| decode(value, Rules::Der, |r| r.oid("")).ok());
    let finding = if found == Some(oid::TST_INFO) && all.next().is_none() {
        Finding::passed(CONTENT_TYPE, clause)
    } else {
        Finding::failed(CONTENT_TYPE, clause, SubIndication::FormatFailure)
    };
    finding
        .with("expected", oid::TST_INFO.to_string())
        .with("found", found.map_or("none".to_owned(), |o| o.to_string()))
}

/// RFC 6211 2: where the algorithms are signed, those outside are the same octet by octet.
fn check_protection(attributes: &SignedAttributes, signer: &SignerInfo) -> Option<Finding> {
    let clause = "RFC 6211 2";
    let mut all = attributes.of(oid::CMS_ALGORITHM_PROTECTION);
    let attribute = all.next()?;
    let agrees = attribute.single().is_some_and(|value| {
        let parts = decode(value, Rules::Der, |r| {
            r.sequence("", |r| {
                let digest = r.expect(Tag::SEQUENCE, "digestAlgorithm")?;
                let signature = r.expect(Tag::constructed(1), "signatureAlgorithm")?;
                Ok((digest.raw, signature.value))
            })
        });
        let outer = Reader::new(&signer.algorithms_raw.1, Rules::Ber)
            .any("")
            .map(|t| t.value);
        matches!((parts, outer), (Ok((digest, signature)), Ok(outer))
            if digest == signer.algorithms_raw.0 && signature == outer)
    });
    Some(if agrees && all.next().is_none() {
        Finding::passed(PROTECTION, clause)
    } else {
        Finding::failed(PROTECTION, clause, SubIndication::SigConstraintsFailure)
    })
}

/// The certificate that the signed reference names, and what was found on the way.
fn find_signer(
    token: &TimeStampToken,
    signer: &SignerInfo,
    attributes: &SignedAttributes,
    others: &[Certificate],
) -> (Option<Certificate>, Finding) {
    let clause = "RFC 5816 2.2.1";
    let reference = match signing_certificate(attributes) {
        Ok(Some(reference)) => reference,
        Ok(None) => {
            let f = Finding::failed(CERTIFICATE, clause, SubIndication::FormatFailure);
            return (None, f.with("found", "no signing-certificate attribute"));
        }
        Err(error) => {
            let f = Finding::failed(CERTIFICATE, clause, SubIndication::FormatFailure);
            return (None, f.with("found", error.to_string()));
        }
    };
    let wanted = match reference.hash {
        Ok(digest) => digest,
        Err(what) => {
            let sub = SubIndication::CryptoConstraintsFailure;
            let f = Finding::indeterminate(CERTIFICATE, clause, sub);
            return (None, f.with("found", what));
        }
    };
    let found = token
        .certificates()
        .iter()
        .chain(others)
        .find(|c| Hasher::digest(wanted.algorithm(), c.der()) == wanted)
        .cloned();
    let Some(certificate) = found else {
        let sub = SubIndication::NoSigningCertificateFound;
        let f = Finding::indeterminate(CERTIFICATE, clause, sub);
        return (None, f.with("wanted", format!("{wanted:?}")));
    };
    // Issuer and serial number, where they stand, must be this certificate's, too.
    let issuer_serial = reference
        .issuer_serial
        .as_ref()
        .is_none_or(|(issuer, serial)| {
            issuer.as_slice() == certificate.issuer().der()
                && serial.as_slice() == certificate.serial().as_bytes()
        });
    let sid = match &signer.sid {
        SignerIdentifier::IssuerAndSerial(issuer, serial) => {
            issuer.as_slice() == certificate.issuer().der()
                && serial.as_slice() == certificate.serial().as_bytes()
        }
        SignerIdentifier::KeyIdentifier(id) => {
            matches!(certificate.subject_key_identifier(), Ok(Some(found)) if found == id)
        }
    };
    if issuer_serial && sid {
        (Some(certificate), Finding::passed(CERTIFICATE, clause))
    } else {
        let f = Finding::failed(CERTIFICATE, clause, SubIndication::FormatFailure)
            .with("certificate", certificate.subject().to_string())
            .with("serial", hex(certificate.serial().as_bytes()))
            .with("reference_agrees", issuer_serial)
            .with("sid_agrees", sid);
        (None, f)
    }
}

/// `ESSCertID` or `ESSCertIDv2`: the first reference, which is the signer's.
struct Reference {
    /// The digest, or what is wrong with its algorithm.
    hash: Result<Digest, String>,
    /// DER of the issuer's name and content octets of the serial number.
    issuer_serial: Option<(Vec<u8>, Vec<u8>)>,
}

/// The one signed reference; `None` where there is none of either form. Where both forms stand, the
/// newer one counts (RFC 5816 2.2.1), and the older one may stand beside it.
fn signing_certificate(attributes: &SignedAttributes) -> Result<Option<Reference>, DecodeError> {
    for (oid, newer) in [
        (oid::SIGNING_CERTIFICATE_V2, true),
        (oid::SIGNING_CERTIFICATE, false),
    ] {
        let mut all = attributes.of(oid);
        let Some(attribute) = all.next() else {
            continue;
        };
        let (Some(value), None) = (attribute.single(), all.next()) else {
            let kind = DecodeKind::Value("stands or has a value more than once");
            return Err(DecodeError::new(kind, "signingCertificate", 0));
        };
        return decode(value, Rules::Der, |r| {
            r.sequence("signingCertificate", |r| {
                let reference = r.sequence("certs", |r| {
                    let first = reference(r, newer)?;
                    // References to the rest of the path.
                    while !r.is_empty() {
                        r.expect(Tag::SEQUENCE, "certs")?;
                    }
                    Ok(first)
                })?;
                r.optional(Tag::SEQUENCE, "policies")?;
                Ok(Some(reference))
            })
        });
    }
    Ok(None)
}

fn reference(r: &mut Reader<'_>, newer: bool) -> Result<Reference, DecodeError> {
    r.sequence("essCertID", |r| {
        let algorithm = if !newer {
            Ok(DigestAlgorithm::Sha1)
        } else if r.peek() == Some(Tag::SEQUENCE) {
            DigestAlgorithm::decode(r, "hashAlgorithm")?
        } else {
            Ok(DigestAlgorithm::Sha256)
        };
        let tlv = r.expect(Tag::OCTET_STRING, "certHash")?;
        let hash = match algorithm {
            Err(oid) => Err(format!("certHash by {oid}, which is not known")),
            Ok(algorithm) => Ok(Digest::new(algorithm, tlv.value).ok_or_else(|| {
                let kind = DecodeKind::Value("not as long as its algorithm's output");
                tlv.error(kind, "certHash")
            })?),
        };
        let issuer_serial = match r.optional(Tag::SEQUENCE, "issuerSerial")? {
            None => None,
            Some(t) => Some(t.nested("issuerSerial", |r| {
                let names = r.expect(Tag::SEQUENCE, "issuer")?;
                let all = names.nested("issuer", |r| GeneralName::list(r, ""))?;
                let serial = r.integer("serialNumber")?.to_vec();
                match all.as_slice() {
                    [GeneralName::Directory(name)] => Ok((name.der().to_vec(), serial)),
                    _ => Err(names.error(DecodeKind::Value("not one directory name"), "issuer")),
                }
            })?),
        };
        Ok(Reference {
            hash,
            issuer_serial,
        })
    })
}

/// RFC 3161 2.3: one extended key usage, id-kp-timeStamping, critical.
fn check_purpose(certificate: &Certificate) -> Finding {
    let finding = if is_time_stamping(certificate) {
        Finding::passed(PURPOSE, "RFC 3161 2.3")
    } else {
        let sub = SubIndication::SigConstraintsFailure;
        Finding::failed(PURPOSE, "RFC 3161 2.3", sub)
    };
    let critical = certificate
        .extension(oid::EXT_KEY_USAGE)
        .is_some_and(|e| e.critical);
    let found = match certificate.ext_key_usage() {
        Ok(all) => all
            .unwrap_or_default()
            .iter()
            .map(ToString::to_string)
            .collect(),
        Err(error) => vec![error.to_string()],
    };
    finding
        .with("expected", oid::KP_TIME_STAMPING.to_string())
        .with("found", found)
        .with("critical", critical)
}

/// Whether a certificate is one for time-stamping and nothing else (RFC 3161 2.3), and its key usage,
/// where there is one, lets it sign.
pub(super) fn is_time_stamping(certificate: &Certificate) -> bool {
    let critical = certificate
        .extension(oid::EXT_KEY_USAGE)
        .is_some_and(|e| e.critical);
    let alone =
        matches!(certificate.ext_key_usage(), Ok(Some(all)) if all == [oid::KP_TIME_STAMPING]);
    // RFC 5280 4.2.1.12: digitalSignature and/or nonRepudiation go with this purpose.
    let signs = match certificate.key_usage() {
        Ok(None) => true,
        Ok(Some(usage)) => {
            let wanted = crate::x509::KeyUsage::DIGITAL_SIGNATURE.0
                | crate::x509::KeyUsage::NON_REPUDIATION.0;
            usage.0 & wanted != 0
        }
        Err(_) => false,
    };
    critical && alone && signs
}

fn check_signature(
    token: &TimeStampToken,
    signer: &SignerInfo,
    certificate: &Certificate,
) -> Finding {
    let clause = "RFC 5652 5.4";
    let unknown = |what: String| {
        let sub = SubIndication::CryptoConstraintsFailure;
        Finding::indeterminate(SIGNATURE, clause, sub).with("found", what)
    };
    let digest = match signer.digest_algorithm {
        Ok(algorithm) => Hasher::digest(algorithm, token.tst_info_der()),
        Err(oid) => return unknown(format!("digest algorithm {oid}, which is not known")),
    };
    if let Err(oid) = signer.signature_algorithm {
        return unknown(format!("signature algorithm {oid}, which is not known"));
    }
    let attributes = signer.signed_attributes.as_ref();
    let signed_digest = attributes.and_then(SignedAttributes::message_digest);
    if signed_digest != Some(digest.as_bytes()) {
        return Finding::failed(
            "tsp.message-digest",
            "RFC 5652 11.2",
            SubIndication::HashFailure,
        )
        .with("expected", digest.to_string())
        .with("found", signed_digest.map_or("none".to_owned(), hex));
    }
    let key = match certificate.public_key() {
        Ok(key) => key,
        Err(error) => return unknown(error.to_string()),
    };
    match signer.verify(&digest, key) {
        Ok(()) => Finding::passed(SIGNATURE, clause),
        Err(VerifyError::Invalid) => {
            Finding::failed(SIGNATURE, clause, SubIndication::SigCryptoFailure)
        }
        Err(other) => unknown(other.to_string()),
    }
}

pub(super) fn hex(octets: &[u8]) -> String {
    use core::fmt::Write;
    octets.iter().fold(String::new(), |mut text, b| {
        // Writing to a String does not fail.
        let _ = write!(text, "{b:02x}");
        text
    })
}
