//! Certificates of any shape, good and bad, for the tests of this module.

use crate::oid::ObjectIdentifier;

use crate::der::{Tag, Writer};
use crate::evidence::Evidence;
use crate::keys::{KeySpec, PrivateKey, SigningKey};
use crate::oid;
use crate::path::{KeyPurpose, PathInputs, RevocationChecking};
use crate::time::UnixTime;
use crate::trust::TrustAnchors;
use crate::x509::{Certificate, GeneralName, KeyUsage, Name, NameBuilder};

pub(in crate::path) fn key() -> PrivateKey {
    PrivateKey::generate(KeySpec::Ed25519).unwrap()
}

pub(in crate::path) fn name(text: &str) -> Name {
    NameBuilder::parse(text).unwrap().build().unwrap()
}

pub(in crate::path) fn oid_of(text: &str) -> ObjectIdentifier {
    text.parse().unwrap()
}

pub(in crate::path) fn t(text: &str) -> UnixTime {
    UnixTime::parse(text).unwrap()
}

/// What a certificate will say. Starts as an end entity valid in 2026.
#[derive(Clone)]
pub(in crate::path) struct Made {
    subject: String,
    not_before: &'static str,
    not_after: &'static str,
    serial: Vec<u8>,
    key_identifiers: bool,
    extensions: Vec<(ObjectIdentifier, bool, Vec<u8>)>,
}

fn value(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut w = Writer::new();
    write(&mut w);
    w.finish()
}

impl Made {
    pub(in crate::path) fn end(subject: &str) -> Self {
        Self {
            subject: subject.to_owned(),
            not_before: "2026-01-01",
            not_after: "2027-01-01",
            serial: vec![7],
            key_identifiers: true,
            extensions: Vec::new(),
        }
    }

    pub(in crate::path) fn authority(subject: &str) -> Self {
        Self::end(subject)
            .basic(true, None)
            .usage(KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN)
    }

    pub(in crate::path) fn with(
        mut self,
        oid: ObjectIdentifier,
        critical: bool,
        der: Vec<u8>,
    ) -> Self {
        self.extensions.retain(|(o, _, _)| *o != oid);
        self.extensions.push((oid, critical, der));
        self
    }

    pub(in crate::path) fn valid(mut self, from: &'static str, to: &'static str) -> Self {
        (self.not_before, self.not_after) = (from, to);
        self
    }

    pub(in crate::path) fn serial(mut self, octets: &[u8]) -> Self {
        self.serial = octets.to_vec();
        self
    }

    pub(in crate::path) fn without_key_identifiers(mut self) -> Self {
        self.key_identifiers = false;
        self
    }

    pub(in crate::path) fn basic(self, ca: bool, path_len: Option<u32>) -> Self {
        let der = value(|w| {
            w.sequence(|w| {
                if ca {
                    w.boolean_true();
                }
                if let Some(n) = path_len {
                    w.u32(n);
                }
            });
        });
        self.with(oid::BASIC_CONSTRAINTS, true, der)
    }

    pub(in crate::path) fn usage(self, usage: KeyUsage) -> Self {
        let der = value(|w| w.named_bits(Tag::BIT_STRING, usage.0));
        self.with(oid::KEY_USAGE, true, der)
    }

    pub(in crate::path) fn extended(self, all: &[ObjectIdentifier], critical: bool) -> Self {
        let der = value(|w| w.sequence(|w| all.iter().for_each(|o| w.oid(*o))));
        self.with(oid::EXT_KEY_USAGE, critical, der)
    }

    pub(in crate::path) fn alt(self, names: &[GeneralName]) -> Self {
        let der = value(|w| w.sequence(|w| names.iter().for_each(|n| n.encode(w))));
        self.with(oid::SUBJECT_ALT_NAME, false, der)
    }

    pub(in crate::path) fn dns(self, names: &[&str]) -> Self {
        let names: Vec<_> = names
            .iter()
            .map(|n| GeneralName::Dns((*n).into()))
            .collect();
        self.alt(&names)
    }

    pub(in crate::path) fn constraints(
        self,
        permitted: &[GeneralName],
        excluded: &[GeneralName],
        critical: bool,
    ) -> Self {
        let trees = |w: &mut Writer, n: u8, names: &[GeneralName]| {
            if !names.is_empty() {
                w.nested(Tag::constructed(n), |w| {
                    names.iter().for_each(|n| w.sequence(|w| n.encode(w)));
                });
            }
        };
        let der = value(|w| {
            w.sequence(|w| {
                trees(w, 0, permitted);
                trees(w, 1, excluded);
            });
        });
        self.with(oid::NAME_CONSTRAINTS, critical, der)
    }

    pub(in crate::path) fn policies(self, all: &[&str]) -> Self {
        let der = value(|w| {
            w.sequence(|w| all.iter().for_each(|p| w.sequence(|w| w.oid(oid_of(p)))));
        });
        self.with(oid::CERTIFICATE_POLICIES, false, der)
    }

    pub(in crate::path) fn mappings(self, all: &[(&str, &str)]) -> Self {
        let der = value(|w| {
            w.sequence(|w| {
                for (issuer, subject) in all {
                    w.sequence(|w| {
                        w.oid(oid_of(issuer));
                        w.oid(oid_of(subject));
                    });
                }
            });
        });
        self.with(oid::POLICY_MAPPINGS, true, der)
    }

    pub(in crate::path) fn policy_constraints(
        self,
        explicit: Option<u8>,
        mapping: Option<u8>,
    ) -> Self {
        let der = value(|w| {
            w.sequence(|w| {
                for (n, skip) in [(0, explicit), (1, mapping)] {
                    if let Some(skip) = skip {
                        w.tlv(Tag::primitive(n), &[skip]);
                    }
                }
            });
        });
        self.with(oid::POLICY_CONSTRAINTS, true, der)
    }

    /// Signs it: `key` is the subject's, `issuer` the issuer's name and key.
    pub(in crate::path) fn sign(
        &self,
        key: &PrivateKey,
        issuer: &str,
        issuer_key: &PrivateKey,
    ) -> Certificate {
        let algorithm = *issuer_key.algorithms().first().unwrap();
        let mut tbs = Writer::new();
        let identifier = |k: &PrivateKey| k.public_key().sha1_identifier();
        tbs.sequence(|w| {
            w.nested(Tag::constructed(0), |w| w.u32(2));
            w.tlv(Tag::INTEGER, &self.serial);
            algorithm.encode(w);
            w.raw(name(issuer).der());
            w.sequence(|w| {
                w.time(t(self.not_before));
                w.time(t(self.not_after));
            });
            w.raw(name(&self.subject).der());
            w.raw(key.public_key().spki());
            let mut extensions = self.extensions.clone();
            if self.key_identifiers {
                let own = value(|w| w.octets(&identifier(key)));
                let above = value(|w| {
                    w.sequence(|w| w.tlv(Tag::primitive(0), &identifier(issuer_key)));
                });
                extensions.push((oid::SUBJECT_KEY_IDENTIFIER, false, own));
                extensions.push((oid::AUTHORITY_KEY_IDENTIFIER, false, above));
            }
            if !extensions.is_empty() {
                w.nested(Tag::constructed(3), |w| {
                    w.sequence(|w| {
                        for (oid, critical, der) in &extensions {
                            w.sequence(|w| {
                                w.oid(*oid);
                                if *critical {
                                    w.boolean_true();
                                }
                                w.octets(der);
                            });
                        }
                    });
                });
            }
        });
        let tbs = tbs.finish();
        let signature = issuer_key.sign(algorithm, &tbs).unwrap();
        let der = value(|w| {
            w.sequence(|w| {
                w.raw(&tbs);
                algorithm.encode(w);
                w.bit_octets(&signature);
            });
        });
        Certificate::from_der(&der).unwrap()
    }
}

/// A certificate with the key that belongs to it.
pub(in crate::path) struct Holder {
    pub(in crate::path) name: String,
    pub(in crate::path) key: PrivateKey,
    pub(in crate::path) certificate: Certificate,
}

impl Holder {
    /// A self-signed authority.
    pub(in crate::path) fn root(made: Made) -> Self {
        let key = key();
        Self {
            certificate: made.sign(&key, &made.subject, &key),
            name: made.subject,
            key,
        }
    }

    /// A certificate of a fresh key below this one.
    pub(in crate::path) fn issue(&self, made: Made) -> Self {
        let key = key();
        Self {
            certificate: made.sign(&key, &self.name, &self.key),
            name: made.subject,
            key,
        }
    }
}

/// Anchors and other certificates to search in.
pub(in crate::path) struct World {
    pub(in crate::path) anchors: TrustAnchors,
    pub(in crate::path) evidence: Evidence,
}

impl World {
    pub(in crate::path) fn new(anchors: &[&Holder], others: &[&Holder]) -> Self {
        let mut evidence = Evidence::new();
        for other in others {
            evidence.add_certificate(other.certificate.clone());
        }
        Self {
            anchors: anchors.iter().map(|h| h.certificate.clone()).collect(),
            evidence,
        }
    }

    /// Any purpose, no status, in the middle of 2026.
    pub(in crate::path) fn inputs(&self) -> PathInputs<'_> {
        PathInputs::new(
            t("2026-06-01"),
            &self.anchors,
            &self.evidence,
            RevocationChecking::Skipped,
            KeyPurpose::Any,
        )
    }
}
