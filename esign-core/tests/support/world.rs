//! Authorities with certificates, lists and time-stamps of any date: what a signature meets in thirty
//! years.
#![allow(dead_code, reason = "each test file takes what it needs")]

use std::sync::Arc;

use esign_core::crl::{Crl, CrlBuilder, RevocationReason, RevokedCertificate};
use esign_core::der::{Tag, Writer};
use esign_core::keys::{Curve, Digest, KeySpec, PrivateKey, SigningKey};
use esign_core::oid::{self, ObjectIdentifier};
use esign_core::tsp::{GenTime, MessageImprint, TokenSigner, TstInfoFields};
use esign_core::x509::{Certificate, KeyUsage, Name, NameBuilder, SerialNumber};

use super::{encode, t};

/// Whoever has a key and a certificate.
pub(crate) struct Holder {
    pub(crate) key: Arc<PrivateKey>,
    pub(crate) certificate: Certificate,
}

/// What a certificate is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Authority,
    Signing,
    Stamping,
}

pub(crate) const P256: KeySpec = KeySpec::Ec(Curve::P256);

impl Holder {
    pub(crate) fn root(name: &str, from: &str, to: &str) -> Self {
        let key = Arc::new(PrivateKey::generate(P256).unwrap());
        let certificate = made(name, &key, from, to, Use::Authority, None);
        Self { key, certificate }
    }

    /// A certificate of a fresh key below this one.
    pub(crate) fn issue(&self, name: &str, spec: KeySpec, from: &str, to: &str, what: Use) -> Self {
        let key = Arc::new(PrivateKey::generate(spec).unwrap());
        let certificate = made(name, &key, from, to, what, Some(self));
        Self { key, certificate }
    }

    /// A list of this authority: made at `from`, the next one at `to`, with these certificates on it.
    pub(crate) fn crl(&self, from: &str, to: &str, revoked: &[(&Holder, &str)]) -> Crl {
        let entries = revoked.iter().map(|(holder, since)| RevokedCertificate {
            serial: holder.certificate.serial().clone(),
            revocation_date: t(since),
            reason: RevocationReason::KeyCompromise,
            invalidity_date: None,
        });
        self.crl_of(from, to, entries.collect())
    }

    pub(crate) fn crl_of(&self, from: &str, to: &str, entries: Vec<RevokedCertificate>) -> Crl {
        let builder = CrlBuilder {
            issuer: self.certificate.subject().clone(),
            key_identifier: self.key.public_key().sha1_identifier().to_vec(),
            number: SerialNumber::from_magnitude(&[7]),
            this_update: t(from),
            next_update: t(to),
            expired_certificates_since: None,
        };
        let algorithm = self.key.algorithms()[0];
        let unsigned = builder.build(entries, self.key.public_key(), algorithm);
        unsigned.unwrap().sign(&*self.key).unwrap()
    }

    /// A token of this authority.
    pub(crate) fn stamp(&self, imprint: &Digest, at: &str) -> Vec<u8> {
        self.stamp_with(imprint, at, 0)
    }

    /// A token with certificates of no use in it.
    pub(crate) fn stamp_with(&self, imprint: &Digest, at: &str, ballast: usize) -> Vec<u8> {
        let others: Vec<Certificate> = (0..ballast)
            .map(|_| Self::root("CN=ballast", "2020-01-01", "2040-01-01").certificate)
            .collect();
        let signer = TokenSigner::new(self.key.clone(), self.certificate.clone(), &others).unwrap();
        let info = TstInfoFields {
            policy: ObjectIdentifier::new_unwrap("1.2.3.4.1"),
            message_imprint: &MessageImprint::new(imprint),
            serial_number: &SerialNumber::from_magnitude(&[7]),
            gen_time: GenTime::new(t(at), 0).unwrap(),
            accuracy: None,
            ordering: false,
            nonce: None,
            tsa: None,
        };
        signer.sign(&info.to_der(), true).unwrap()
    }
}

fn name(text: &str) -> Name {
    NameBuilder::parse(text).unwrap().build().unwrap()
}

fn made(
    subject: &str,
    key: &PrivateKey,
    from: &str,
    to: &str,
    what: Use,
    issuer: Option<&Holder>,
) -> Certificate {
    let signing: &PrivateKey = issuer.map_or(key, |i| &i.key);
    let algorithm = signing.algorithms()[0];
    let own = name(subject);
    let above = issuer.map_or(&own, |i| i.certificate.subject());
    let extension = |w: &mut Writer, oid, critical: bool, value: &[u8]| {
        w.sequence(|w| {
            w.oid(oid);
            if critical {
                w.boolean_true();
            }
            w.octets(value);
        });
    };
    let mut tbs = Writer::new();
    tbs.sequence(|w| {
        w.nested(Tag::constructed(0), |w| w.u32(2));
        w.tlv(Tag::INTEGER, &serial(key));
        algorithm.encode(w);
        w.raw(above.der());
        w.sequence(|w| {
            w.time(t(from));
            w.time(t(to));
        });
        w.raw(own.der());
        w.raw(key.public_key().spki());
        w.nested(Tag::constructed(3), |w| {
            w.sequence(|w| {
                let usage = match what {
                    Use::Authority => KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN,
                    Use::Signing => KeyUsage::NON_REPUDIATION,
                    Use::Stamping => KeyUsage::DIGITAL_SIGNATURE,
                };
                let usage = encode(|w| w.named_bits(Tag::BIT_STRING, usage.0));
                extension(w, oid::KEY_USAGE, true, &usage);
                if what == Use::Authority {
                    let basic = encode(|w| w.sequence(|w| w.boolean_true()));
                    extension(w, oid::BASIC_CONSTRAINTS, true, &basic);
                }
                if what == Use::Stamping {
                    let only = encode(|w| w.sequence(|w| w.oid(oid::KP_TIME_STAMPING)));
                    extension(w, oid::EXT_KEY_USAGE, true, &only);
                }
                let id = encode(|w| w.octets(&key.public_key().sha1_identifier()));
                extension(w, oid::SUBJECT_KEY_IDENTIFIER, false, &id);
                if issuer.is_some() {
                    let place = address(signing);
                    let list = encode(|w| {
                        w.sequence(|w| {
                            w.sequence(|w| {
                                w.nested(Tag::constructed(0), |w| {
                                    w.nested(Tag::constructed(0), |w| {
                                        w.tlv(Tag::primitive(6), format!("{place}.crl").as_bytes());
                                    });
                                });
                            });
                        });
                    });
                    extension(w, oid::CRL_DISTRIBUTION_POINTS, false, &list);
                    let access = encode(|w| {
                        w.sequence(|w| {
                            w.sequence(|w| {
                                w.oid(oid::AD_CA_ISSUERS);
                                w.tlv(Tag::primitive(6), format!("{place}.cer").as_bytes());
                            });
                        });
                    });
                    extension(w, oid::AUTHORITY_INFO_ACCESS, false, &access);
                }
                let above = signing.public_key().sha1_identifier();
                let above = encode(|w| w.sequence(|w| w.tlv(Tag::primitive(0), &above)));
                extension(w, oid::AUTHORITY_KEY_IDENTIFIER, false, &above);
            });
        });
    });
    let tbs = tbs.finish();
    let signature = signing.sign(algorithm, &tbs).unwrap();
    let der = encode(|w| {
        w.sequence(|w| {
            w.raw(&tbs);
            algorithm.encode(w);
            w.bit_octets(&signature);
        });
    });
    Certificate::from_der(&der).unwrap()
}

/// Where certificates say that an authority's list and certificate are, without the ending.
pub(crate) fn address(authority: &PrivateKey) -> String {
    let id = authority.public_key().sha1_identifier();
    let id: String = id.iter().take(4).map(|b| format!("{b:02x}")).collect();
    format!("http://pki.test/{id}")
}

/// Eight octets of the key's identifier: each key has one certificate here.
fn serial(key: &PrivateKey) -> Vec<u8> {
    let mut serial = key.public_key().sha1_identifier()[..8].to_vec();
    serial[0] = serial[0] & 0x3f | 0x40;
    serial
}
