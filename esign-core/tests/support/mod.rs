//! A signer with a certificate of its own centre, and messages put together by hand.
#![allow(dead_code, reason = "each test file takes what it needs")]

pub(crate) mod world;

use esign_core::cades::{self, Input};
use esign_core::der::{Tag, Writer};
use esign_core::evidence::Evidence;
use esign_core::keys::{
    Curve, DigestAlgorithm, Hasher, KeySpec, PrivateKey, SignatureAlgorithm, SigningKey,
};
use esign_core::oid;
use esign_core::oid::ObjectIdentifier;
use esign_core::policy::{Policy, Revocation};
use esign_core::source::ReadAt;
use esign_core::time::UnixTime;
use esign_core::trust::TrustAnchors;
use esign_core::validation::{Inputs, Report, validate};
use esign_core::x509::{
    Certificate, Draft, Identity, Issuer, NameBuilder, Order, Organization, OrganizationIdentifier,
    OrganizationScheme, Profile, Request, SerialNumber, Voen,
};
use ring::rand::SystemRandom;

pub(crate) fn t(text: &str) -> UnixTime {
    UnixTime::parse(text).unwrap()
}

pub(crate) struct Signer {
    pub(crate) key: PrivateKey,
    pub(crate) certificate: Certificate,
    pub(crate) root: Certificate,
}

pub(crate) fn order(key: &PrivateKey, issuer: Option<(&Certificate, &PrivateKey)>) -> Certificate {
    let name = NameBuilder::parse("CN=x").unwrap().build().unwrap();
    let proven = Request::sign(&name, key).unwrap().verify().unwrap();
    let (profile, common_name) = match issuer {
        None => (Profile::root(), "SINAQ kök"),
        Some(_) => (
            Profile::legal_person().without_public_addresses(),
            "SINAQ möhürü",
        ),
    };
    let identity = Identity::Organization(Organization {
        common_name: common_name.into(),
        organization: "SINAQ MMC".into(),
        identifier: issuer.map(|_| OrganizationIdentifier {
            scheme: OrganizationScheme::Vat,
            voen: Voen::parse("1234567891").unwrap(),
        }),
        country: "AZ".into(),
    });
    let signing = issuer.map_or(key, |(_, k)| k);
    let draft = Draft::new(&Order {
        key: &proven,
        profile: &profile,
        identity: &identity,
        issuer: &Issuer {
            certificate: issuer.map(|(c, _)| c.clone()),
            crl: vec![],
            ocsp: vec![],
            ca_issuers: vec![],
        },
        algorithm: signing.algorithms()[0],
        serial: SerialNumber::random(&SystemRandom::new()).unwrap(),
        not_before: t("2026-01-01"),
        not_after: None,
    })
    .unwrap();
    draft.lint().value.unwrap().sign(signing).unwrap()
}

impl Signer {
    pub(crate) fn new(spec: KeySpec) -> Self {
        let ca = PrivateKey::generate(KeySpec::Ec(Curve::P384)).unwrap();
        let root = order(&ca, None);
        let key = PrivateKey::generate(spec).unwrap();
        let certificate = order(&key, Some((&root, &ca)));
        Self {
            key,
            certificate,
            root,
        }
    }

    pub(crate) fn p256() -> Self {
        Self::new(KeySpec::Ec(Curve::P256))
    }
}

/// Validates against the roots of `signers`, revocation left aside.
pub(crate) fn judge(message: &[u8], detached: Option<&[u8]>, signers: &[&Signer]) -> Report {
    judge_by(&Policy::basic(), message, detached, signers)
}

/// [`judge`] by another policy.
pub(crate) fn judge_by(
    policy: &Policy,
    message: &[u8],
    detached: Option<&[u8]>,
    signers: &[&Signer],
) -> Report {
    let content = detached.map(<[u8]>::to_vec);
    let message = message.to_vec();
    let input = Input {
        message: &message,
        detached: content.as_ref().map(|c| -> &dyn ReadAt { c }),
    };
    let mut anchors = TrustAnchors::new();
    for signer in signers {
        anchors.add(signer.root.clone());
    }
    let mut policy = policy.clone();
    policy.revocation = Revocation::Ignore;
    validate(
        &cades::prepare(&input).unwrap(),
        &Inputs {
            at: t("2026-11-22"),
            anchors: &anchors,
            evidence: &Evidence::new(),
            policy: &policy,
        },
    )
}

/// One encoding that `write` writes.
pub(crate) fn encode(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut w = Writer::new();
    write(&mut w);
    w.finish()
}

/// An attribute with any number of values, each a whole encoding.
pub(crate) fn attribute(oid: ObjectIdentifier, values: &[Vec<u8>]) -> Vec<u8> {
    encode(|w| {
        w.sequence(|w| {
            w.oid(oid);
            w.nested(Tag::SET, |w| values.iter().for_each(|v| w.raw(v)));
        });
    })
}

/// The value of `signing-certificate-v2`, or of `signing-certificate` for SHA-1.
pub(crate) fn signing_certificate(
    digest: DigestAlgorithm,
    certificates: &[&Certificate],
    serial: Option<&[u8]>,
) -> Vec<u8> {
    encode(|w| {
        w.sequence(|w| {
            w.sequence(|w| {
                for c in certificates {
                    w.sequence(|w| {
                        if !matches!(digest, DigestAlgorithm::Sha1 | DigestAlgorithm::Sha256) {
                            digest.encode(w);
                        }
                        w.octets(Hasher::digest(digest, c.der()).as_bytes());
                        if let Some(serial) = serial {
                            w.sequence(|w| {
                                w.sequence(|w| {
                                    w.nested(Tag::constructed(4), |w| w.raw(c.issuer().der()));
                                });
                                w.tlv(Tag::INTEGER, serial);
                            });
                        }
                    });
                }
            });
        });
    })
}

/// A detached message put together by hand: right in every part unless a test says otherwise.
#[derive(Clone)]
pub(crate) struct Forge {
    pub(crate) version: u32,
    pub(crate) digest_algorithms: Vec<Vec<u8>>,
    pub(crate) content_type: ObjectIdentifier,
    /// `eContent`, one whole encoding.
    pub(crate) content: Option<Vec<u8>>,
    pub(crate) certificates: Vec<Vec<u8>>,
    pub(crate) crls: Vec<Vec<u8>>,
    pub(crate) signer_version: u32,
    /// `sid`; issuer and serial number of the signer where absent.
    pub(crate) sid: Option<Vec<u8>>,
    pub(crate) digest: DigestAlgorithm,
    pub(crate) algorithm: SignatureAlgorithm,
    pub(crate) attributes: Option<Vec<Vec<u8>>>,
    /// Whether the attributes stand in the file as listed here, not in order.
    pub(crate) unsorted: bool,
    /// Whether the signature is over the attributes as they stand in the file.
    pub(crate) signed_as_written: bool,
    pub(crate) unsigned: Vec<Vec<u8>>,
}

impl Forge {
    pub(crate) fn new(signer: &Signer, content: &[u8]) -> Self {
        let digest = DigestAlgorithm::Sha256;
        let hash = Hasher::digest(digest, content);
        Self {
            version: 1,
            digest_algorithms: vec![encode(|w| digest.encode(w))],
            content_type: oid::DATA,
            content: None,
            certificates: vec![signer.certificate.der().to_vec()],
            crls: vec![],
            signer_version: 1,
            sid: None,
            digest,
            algorithm: SignatureAlgorithm::Ecdsa(digest),
            attributes: Some(vec![
                attribute(oid::CONTENT_TYPE, &[encode(|w| w.oid(oid::DATA))]),
                attribute(
                    oid::MESSAGE_DIGEST,
                    &[encode(|w| w.octets(hash.as_bytes()))],
                ),
                attribute(oid::SIGNING_TIME, &[encode(|w| w.time(t("2026-11-22")))]),
                attribute(
                    oid::SIGNING_CERTIFICATE_V2,
                    &[signing_certificate(digest, &[&signer.certificate], None)],
                ),
            ]),
            unsorted: false,
            signed_as_written: false,
            unsigned: vec![],
        }
    }

    /// Leaves out every attribute of a type.
    pub(crate) fn without(mut self, oid: ObjectIdentifier) -> Self {
        let start = encode(|w| w.oid(oid));
        if let Some(attributes) = &mut self.attributes {
            attributes.retain(|a| !a.windows(start.len()).take(6).any(|w| w == start));
        }
        self
    }

    /// Adds an attribute.
    pub(crate) fn with(mut self, oid: ObjectIdentifier, values: &[Vec<u8>]) -> Self {
        if let Some(attributes) = &mut self.attributes {
            attributes.push(attribute(oid, values));
        }
        self
    }

    pub(crate) fn signer_info(&self, signer: &Signer) -> Vec<u8> {
        let attributes = self.attributes.as_ref().map(|listed| {
            let sorted = encode(|w| w.set_of(Tag::SET, &mut listed.clone()));
            let written = if self.unsorted {
                encode(|w| w.nested(Tag::SET, |w| listed.iter().for_each(|a| w.raw(a))))
            } else {
                sorted.clone()
            };
            let signed = if self.signed_as_written {
                written.clone()
            } else {
                sorted
            };
            (written, signed)
        });
        let signed = attributes.as_ref().map_or(&b"content"[..], |(_, s)| s);
        let value = signer.key.sign(signer.key.algorithms()[0], signed).unwrap();
        encode(|w| {
            w.sequence(|w| {
                w.u32(self.signer_version);
                match &self.sid {
                    Some(sid) => w.raw(sid),
                    None => w.sequence(|w| {
                        w.raw(signer.certificate.issuer().der());
                        w.tlv(Tag::INTEGER, signer.certificate.serial().as_bytes());
                    }),
                }
                self.digest.encode(w);
                if let Some((written, _)) = &attributes {
                    w.raw(&[&[0xa0], &written[1..]].concat());
                }
                self.algorithm.encode(w);
                w.octets(&value);
                if !self.unsigned.is_empty() {
                    w.set_of(Tag::constructed(1), &mut self.unsigned.clone());
                }
            });
        })
    }

    /// The message with the given `signerInfos`.
    pub(crate) fn around(&self, signers: &[Vec<u8>]) -> Vec<u8> {
        encode(|w| {
            w.sequence(|w| {
                w.oid(oid::SIGNED_DATA);
                w.nested(Tag::constructed(0), |w| {
                    w.sequence(|w| {
                        w.u32(self.version);
                        w.set_of(Tag::SET, &mut self.digest_algorithms.clone());
                        w.sequence(|w| {
                            w.oid(self.content_type);
                            if let Some(content) = &self.content {
                                w.nested(Tag::constructed(0), |w| w.raw(content));
                            }
                        });
                        for (n, set) in [(0, &self.certificates), (1, &self.crls)] {
                            if !set.is_empty() {
                                w.nested(Tag::constructed(n), |w| {
                                    set.iter().for_each(|e| w.raw(e))
                                });
                            }
                        }
                        w.nested(Tag::SET, |w| signers.iter().for_each(|s| w.raw(s)));
                    });
                });
            });
        })
    }

    pub(crate) fn message(&self, signer: &Signer) -> Vec<u8> {
        self.around(&[self.signer_info(signer)])
    }
}
