//! PKCS#12 files as they are written: one key with its certificates, under one passphrase.
//!
//! # Source
//! RFC 7292 4 and 5 (structure, integrity), RFC 8018 6.2 (PBES2), RFC 9579 (PBMAC1).

use crate::oid::ObjectIdentifier;
use ::der::Encode;
use ::pkcs8::pkcs5::{EncryptionScheme, pbes2};
use ring::hmac;
use zeroize::Zeroizing;

use super::pbe::{self, Pkcs12Id, Secret, Work};
use super::pkcs12::certificate_spki;
use super::{
    DigestAlgorithm, Hasher, KeyError, KeyErrorKind, Passphrase, Pkcs12, PrivateKey, Random,
    SigningKey,
};
use crate::der::{Tag, Writer, decode};
use crate::oid;

/// Rounds of each of the three key derivations of a written file (key, certificates, integrity).
/// Windows has refused files of more than 600,000 rounds in all since June 2023, and .NET 9 more
/// than 300,000 for the integrity.
const ROUNDS: u32 = 200_000;
/// Most certificates that are written beside the key; a chain has two to four.
const MAX_CERTIFICATES: usize = 64;

/// What a written PKCS#12 file is protected against changes with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pkcs12Integrity {
    /// HMAC-SHA-256 with the key derivation of PKCS#12 (RFC 7292 B). OpenSSL 1.1, Java 12 and
    /// Windows 10 read it, and what came later.
    #[default]
    HmacSha256,
    /// PBMAC1: HMAC-SHA-256 with PBKDF2 (RFC 9579). OpenSSL reads it from 3.4 on.
    Pbmac1,
}

impl Pkcs12 {
    /// Writes a `PFX` with `key` and DER `certificates`, that of the key first. Key and
    /// certificates are encrypted by PBES2 (AES-256-CBC, PBKDF2 with HMAC-SHA-256) and named
    /// `friendly_name`, which the operating systems show.
    ///
    /// # Errors
    /// [`KeyErrorKind::PassphraseMissing`] for the empty passphrase, which protects nothing;
    /// [`KeyErrorKind::Mismatch`] where the first certificate is not of this key, or there is
    /// none; [`KeyErrorKind::Limit`] for more than 64 certificates; [`KeyErrorKind::Random`].
    pub fn encode(
        key: &PrivateKey,
        certificates: &[&[u8]],
        friendly_name: Option<&str>,
        passphrase: &Passphrase,
        integrity: Pkcs12Integrity,
        random: &dyn Random,
    ) -> Result<Vec<u8>, KeyError> {
        if passphrase.utf8().is_empty() {
            let what = "the passphrase to protect the PKCS#12 file with is empty";
            return Err(KeyError::new(KeyErrorKind::PassphraseMissing, what));
        }
        let own = certificates.first().copied().unwrap_or_default();
        if certificate_spki(own).ok() != Some(key.public_key().spki()) {
            let what = "PKCS#12: the first certificate is not that of the key";
            return Err(KeyError::new(KeyErrorKind::Mismatch, what));
        }
        if certificates.len() > MAX_CERTIFICATES {
            let found = certificates.len();
            let what =
                format!("PKCS#12: {found} certificates, at most {MAX_CERTIFICATES} are written");
            return Err(KeyError::new(KeyErrorKind::Limit, what));
        }
        // What OpenSSL and Windows tie a key to its certificate with.
        let id = Hasher::digest(DigestAlgorithm::Sha1, own);

        let mut bags = Writer::new();
        bags.sequence(|w| {
            for (at, der) in certificates.iter().enumerate() {
                let names = (at == 0).then_some((friendly_name, id.as_bytes()));
                bag(w, oid::CERT_BAG, names, |w| {
                    w.sequence(|w| {
                        w.oid(oid::X509_CERTIFICATE);
                        w.nested(Tag::constructed(0), |w| w.octets(der));
                    });
                });
            }
        });
        let (certificates_by, certificates) = encrypt(&bags.finish(), passphrase, random)?;
        let (key_by, key) = encrypt(key.pkcs8_der(), passphrase, random)?;
        let mut key_bags = Writer::new();
        key_bags.sequence(|w| {
            let names = Some((friendly_name, id.as_bytes()));
            bag(w, oid::SHROUDED_KEY_BAG, names, |w| {
                w.sequence(|w| {
                    w.raw(&key_by);
                    w.octets(&key);
                });
            });
        });
        let key_bags = key_bags.finish();

        let mut safe = Writer::new();
        safe.sequence(|w| {
            content_info(w, oid::ENCRYPTED_DATA, |w| {
                w.sequence(|w| {
                    w.u32(0);
                    w.sequence(|w| {
                        w.oid(oid::DATA);
                        w.raw(&certificates_by);
                        w.tlv(Tag::primitive(0), &certificates);
                    });
                });
            });
            content_info(w, oid::DATA, |w| w.octets(&key_bags));
        });
        let safe = safe.finish();
        let mac = mac_data(&safe, passphrase, integrity, random)?;
        let mut pfx = Writer::with_capacity(safe.len() + 256);
        pfx.sequence(|w| {
            w.u32(3);
            content_info(w, oid::DATA, |w| w.octets(&safe));
            w.raw(&mac);
        });
        Ok(pfx.finish())
    }
}

fn content_info(w: &mut Writer, kind: ObjectIdentifier, write: impl FnOnce(&mut Writer)) {
    w.sequence(|w| {
        w.oid(kind);
        w.nested(Tag::constructed(0), write);
    });
}

/// `SafeBag` (RFC 7292 4.2), with name and identifier where it has them.
fn bag(
    w: &mut Writer,
    kind: ObjectIdentifier,
    names: Option<(Option<&str>, &[u8])>,
    write: impl FnOnce(&mut Writer),
) {
    w.sequence(|w| {
        w.oid(kind);
        w.nested(Tag::constructed(0), write);
        let Some((friendly_name, id)) = names else {
            return;
        };
        let mut attributes = vec![attribute(oid::LOCAL_KEY_ID, |w| w.octets(id))];
        if let Some(name) = friendly_name {
            let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_be_bytes).collect();
            attributes.push(attribute(oid::FRIENDLY_NAME, |w| {
                w.tlv(Tag::BMP_STRING, &units);
            }));
        }
        w.set_of(Tag::SET, &mut attributes);
    });
}

fn attribute(kind: ObjectIdentifier, write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut w = Writer::new();
    w.sequence(|w| {
        w.oid(kind);
        w.nested(Tag::SET, write);
    });
    w.finish()
}

/// Encrypts by PBES2; returns the encoded `AlgorithmIdentifier` and the ciphertext.
fn encrypt(
    plain: &[u8],
    passphrase: &Passphrase,
    random: &dyn Random,
) -> Result<(Vec<u8>, Vec<u8>), KeyError> {
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    random.fill(&mut salt)?;
    random.fill(&mut iv)?;
    let failed = || KeyError::new(KeyErrorKind::Algorithm, "PKCS#12: encryption failed");
    let parameters = pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(ROUNDS, &salt, iv)
        .map_err(|_| failed())?;
    let ciphertext = parameters
        .encrypt(passphrase.utf8(), plain)
        .map_err(|_| failed())?;
    let algorithm = EncryptionScheme::from(parameters)
        .to_der()
        .map_err(|_| failed())?;
    Ok((algorithm, ciphertext))
}

/// `MacData` (RFC 7292 4) over the octets of `AuthenticatedSafe`.
fn mac_data(
    safe: &[u8],
    passphrase: &Passphrase,
    integrity: Pkcs12Integrity,
    random: &dyn Random,
) -> Result<Vec<u8>, KeyError> {
    let mut salt = [0; 16];
    random.fill(&mut salt)?;
    let secret = Secret::new(passphrase);
    let digest = DigestAlgorithm::Sha256;
    let length = digest.output_len();
    let mut work = Work::new();
    let mut algorithm = Writer::new();
    let key: Zeroizing<Vec<u8>> = match integrity {
        Pkcs12Integrity::HmacSha256 => {
            algorithm.sequence(|w| {
                w.oid(digest.oid());
                w.tlv(Tag::NULL, &[]);
            });
            let id = Pkcs12Id::Mac;
            pbe::pkcs12_kdf(digest, id, &secret.bmp, &salt, ROUNDS, length, &mut work)?
        }
        Pkcs12Integrity::Pbmac1 => {
            let mut kdf = Writer::new();
            kdf.sequence(|w| {
                w.oid(oid::PBKDF2);
                w.sequence(|w| {
                    w.octets(&salt);
                    w.u32(ROUNDS);
                    // RFC 9579 4: the length of the key MUST be there.
                    w.u32(u32::try_from(length).unwrap_or(0));
                    hmac_sha256(w);
                });
            });
            let kdf = kdf.finish();
            algorithm.sequence(|w| {
                w.oid(oid::PBMAC1);
                w.sequence(|w| {
                    w.raw(&kdf);
                    hmac_sha256(w);
                });
            });
            let kdf = decode(&kdf, crate::der::Rules::Der, |r| {
                r.expect(Tag::SEQUENCE, "keyDerivationFunc")
            })?;
            pbe::derive(&kdf, &secret.utf8, None, &mut work)?
        }
    };
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), safe);
    let mut w = Writer::new();
    w.sequence(|w| {
        w.sequence(|w| {
            w.raw(&algorithm.finish());
            w.octets(tag.as_ref());
        });
        // With PBMAC1 the two that follow mean nothing (RFC 9579 5).
        w.octets(&salt);
        w.u32(ROUNDS);
    });
    Ok(w.finish())
}

fn hmac_sha256(w: &mut Writer) {
    w.sequence(|w| {
        w.oid(oid::HMAC_SHA256);
        w.tlv(Tag::NULL, &[]);
    });
}
