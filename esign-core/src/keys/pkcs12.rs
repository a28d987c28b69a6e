//! PKCS#12 files (RFC 7292) as they are read: what OpenSSL, Java, Windows and browsers export.

use ring::hmac;
use zeroize::Zeroizing;

use super::pbe::{self, Pkcs12Id, Secret, Work};
use super::{DigestAlgorithm, KeyError, KeyErrorKind, Passphrase, PrivateKey, SigningKey};
use crate::der::{DecodeError, DecodeKind, Reader, Rules, Tag, Tlv, decode};
use crate::oid;

/// Longest file that is read, in octets. A key with a chain has 5 to 10 KiB, a store of all
/// authorities of a browser 200 KiB.
const MAX_FILE: usize = 4 << 20;
/// Most bags, and most parts of the file: the store above has 150.
const MAX_BAGS: usize = 1024;
/// Deepest nesting of SafeContents; nobody is known to write any.
const MAX_NESTING: u8 = 4;

/// What a PKCS#12 file holds, in the order of the file. Keys are wiped on drop.
pub struct Pkcs12 {
    /// Private keys that can be used.
    pub keys: Vec<Pkcs12Key>,
    /// Certificates; the file does not say which belongs to which, or in which order they chain.
    pub certificates: Vec<Pkcs12Certificate>,
    /// Why other private keys of the file cannot be used here (their kind, their size).
    pub refused: Vec<KeyError>,
    /// Whether a MAC over all of it was verified. Without one, only the encrypted parts depend
    /// on the passphrase.
    pub integrity: bool,
}

/// A private key of a PKCS#12 file.
pub struct Pkcs12Key {
    /// The key.
    pub key: PrivateKey,
    /// Name for people (RFC 2985 5.5.1).
    pub friendly_name: Option<String>,
    /// Octets that a key has in common with its certificate (RFC 2985 5.5.2).
    pub local_key_id: Option<Vec<u8>>,
}

/// A certificate of a PKCS#12 file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pkcs12Certificate {
    /// The `Certificate` as it stands in the file, not decoded.
    pub der: Vec<u8>,
    /// Name for people (RFC 2985 5.5.1).
    pub friendly_name: Option<String>,
    /// Octets that a key has in common with its certificate (RFC 2985 5.5.2).
    pub local_key_id: Option<Vec<u8>>,
}

impl Pkcs12 {
    /// Decodes a `PFX` in BER, which must fill `input`, and decrypts what it holds.
    ///
    /// Integrity by passphrase: HMAC with the key derivation of PKCS#12 (SHA-1, -256, -384, -512)
    /// or PBMAC1; or none. Privacy by passphrase, by the schemes that keys are encrypted with, or none. For no
    /// passphrase and the empty one both encodings are tried, since programs differ there. CRLs
    /// and secrets that are no private keys are skipped.
    ///
    /// # Errors
    /// [`KeyErrorKind::PassphraseMissing`] and [`KeyErrorKind::PassphraseWrong`];
    /// [`KeyErrorKind::Algorithm`] for integrity or privacy by public key, RC4 and other schemes;
    /// [`KeyErrorKind::Limit`] for more than 4 MiB, 1024 bags or too much work;
    /// [`KeyErrorKind::Malformed`].
    ///
    /// # Source
    /// RFC 7292 4 and 5, RFC 9579.
    pub fn decode(input: &[u8], passphrase: Option<&Passphrase>) -> Result<Self, KeyError> {
        if input.len() > MAX_FILE {
            let what = format!(
                "PKCS#12: {} octets long, {MAX_FILE} are allowed",
                input.len()
            );
            return Err(KeyError::new(KeyErrorKind::Limit, what));
        }
        let (safe, mac) = decode(input, Rules::Ber, |r| {
            r.sequence("pfx", |r| {
                let version = *r;
                if r.u32("version")? != 3 {
                    return Err(version.error(DecodeKind::Value("version is not 3"), "version"));
                }
                let safe = ContentInfo::decode(r, "authSafe")?;
                Ok((safe, r.optional(Tag::SEQUENCE, "macData")?))
            })
        })?;
        if safe.kind != oid::DATA {
            return Err(pbe::unknown("PKCS#12 integrity", safe.kind));
        }
        let safe = safe.octets("authSafe")?;

        let empty = passphrase.is_none_or(|p| p.utf8().is_empty());
        let mut secrets: Vec<Secret> = passphrase.map(Secret::new).into_iter().collect();
        if empty {
            // RFC 7292 leaves the octets of an empty password open: zero of them, or two zeros.
            secrets = vec![Secret::none(), Secret::new(&Passphrase::new(String::new()))];
        }
        let mut work = Work::new();
        let integrity = mac.is_some();
        let result = match mac {
            Some(mac) => Self::with_mac(&mac, &safe, &secrets, &mut work),
            None => Self::without_mac(&safe, &secrets, &mut work),
        };
        match result {
            Err(e) if e.kind() == KeyErrorKind::PassphraseWrong && passphrase.is_none() => {
                let what = "PKCS#12: the file is protected and no passphrase was given";
                Err(KeyError::new(KeyErrorKind::PassphraseMissing, what))
            }
            other => other.map(|p| Self { integrity, ..p }),
        }
    }

    /// The certificate whose public key is that of `key`; where there are several (a renewed
    /// one beside the old), the first with the same `local_key_id`, then the first.
    pub fn certificate_of(&self, key: &Pkcs12Key) -> Option<&Pkcs12Certificate> {
        let own = |c: &&Pkcs12Certificate| {
            certificate_spki(&c.der).is_ok_and(|spki| spki == key.key.public_key().spki())
        };
        let named = |c: &&Pkcs12Certificate| c.local_key_id == key.local_key_id;
        let mut all = self.certificates.iter().filter(own);
        all.clone().find(named).or_else(|| all.next())
    }

    fn with_mac(
        mac: &Tlv<'_>,
        safe: &[u8],
        secrets: &[Secret],
        work: &mut Work,
    ) -> Result<Self, KeyError> {
        for secret in secrets {
            if verify_mac(mac, safe, secret, work)? {
                return Self::contents(safe, secret, work);
            }
        }
        Err(KeyError::new(
            KeyErrorKind::PassphraseWrong,
            "PKCS#12: the passphrase is wrong, or the file was changed",
        ))
    }

    fn without_mac(safe: &[u8], secrets: &[Secret], work: &mut Work) -> Result<Self, KeyError> {
        let mut result = Err(pbe::wrong_passphrase());
        for secret in secrets {
            result = Self::contents(safe, secret, work);
            if !matches!(&result, Err(e) if e.kind() == KeyErrorKind::PassphraseWrong) {
                break;
            }
        }
        result
    }

    /// `AuthenticatedSafe` (RFC 7292 4.1).
    fn contents(safe: &[u8], secret: &Secret, work: &mut Work) -> Result<Self, KeyError> {
        let parts = decode(safe, Rules::Ber, |r| {
            r.sequence("authenticatedSafe", |r| {
                let mut parts = Vec::new();
                while !r.is_empty() {
                    if parts.len() == MAX_BAGS {
                        return Err(r.error(DecodeKind::Limit("more than 1024 parts"), ""));
                    }
                    parts.push(ContentInfo::decode(r, "contentInfo")?);
                }
                Ok(parts)
            })
        })?;
        let mut found = Self {
            keys: Vec::new(),
            certificates: Vec::new(),
            refused: Vec::new(),
            integrity: false,
        };
        let mut bags = MAX_BAGS;
        for part in parts {
            let (contents, encrypted) = if part.kind == oid::DATA {
                (part.octets("safeContents")?, false)
            } else if part.kind == oid::ENCRYPTED_DATA {
                (decrypt_content(&part, secret, work)?, true)
            } else {
                return Err(pbe::unknown("PKCS#12 privacy", part.kind));
            };
            if encrypted && decode(&contents, Rules::Ber, |r| r.any("").map(drop)).is_err() {
                // Padding comes out right by chance once in 256 times.
                return Err(pbe::wrong_passphrase());
            }
            decode(&contents, Rules::Ber, |r| {
                r.expect(Tag::SEQUENCE, "safeContents")
            })
            .map_err(KeyError::from)
            .and_then(|c| found.safe_contents(&c, secret, work, &mut bags, 0))?;
        }
        Ok(found)
    }

    /// `SafeContents` (RFC 7292 4.2).
    fn safe_contents(
        &mut self,
        contents: &Tlv<'_>,
        secret: &Secret,
        work: &mut Work,
        bags: &mut usize,
        depth: u8,
    ) -> Result<(), KeyError> {
        if depth > MAX_NESTING {
            let what = format!("PKCS#12: SafeContents nested more than {MAX_NESTING} deep");
            return Err(KeyError::new(KeyErrorKind::Limit, what));
        }
        let mut r = contents.reader("safeContents")?;
        while !r.is_empty() {
            *bags = bags.checked_sub(1).ok_or_else(|| {
                let what = format!("PKCS#12: more than {MAX_BAGS} bags");
                KeyError::new(KeyErrorKind::Limit, what)
            })?;
            let bag = r.sequence("safeBag", Bag::decode)?;
            match bag.kind {
                oid::KEY_BAG => self.key(PrivateKey::from_pkcs8_der(bag.value.raw), bag)?,
                oid::SHROUDED_KEY_BAG => {
                    let (algorithm, ciphertext) = bag.value.nested("shroudedKey", |r| {
                        let algorithm = r.expect(Tag::SEQUENCE, "encryptionAlgorithm")?;
                        Ok((
                            algorithm,
                            octet_string(r, Tag::OCTET_STRING, "encryptedData")?,
                        ))
                    })?;
                    let info = pbe::decrypt(&algorithm, &ciphertext, secret, work)?;
                    self.key(PrivateKey::from_decrypted(&info), bag)?;
                }
                oid::CERT_BAG => {
                    let certificate = bag.value.nested("certBag", |r| {
                        let kind = r.oid("certId")?;
                        let value = r.nested(Tag::constructed(0), "certValue", |r| r.any(""))?;
                        // The other kind, SDSI certificates, died out before it was used.
                        if kind != oid::X509_CERTIFICATE {
                            return Ok(None);
                        }
                        value.octets("certValue").map(|c| Some(c.into_owned()))
                    })?;
                    if let Some(der) = certificate {
                        self.certificates.push(Pkcs12Certificate {
                            der,
                            friendly_name: bag.friendly_name,
                            local_key_id: bag.local_key_id,
                        });
                    }
                }
                oid::SAFE_CONTENTS_BAG => {
                    let depth = depth.saturating_add(1);
                    self.safe_contents(&bag.value, secret, work, bags, depth)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes in a key, or why it cannot be used; a wrong passphrase ends the whole.
    fn key(&mut self, key: Result<PrivateKey, KeyError>, bag: Bag<'_>) -> Result<(), KeyError> {
        match key {
            Ok(key) => self.keys.push(Pkcs12Key {
                key,
                friendly_name: bag.friendly_name,
                local_key_id: bag.local_key_id,
            }),
            Err(e) if matches!(e.kind(), KeyErrorKind::Algorithm | KeyErrorKind::Size) => {
                self.refused.push(e);
            }
            Err(e) => return Err(e),
        }
        Ok(())
    }
}

/// `ContentInfo` (RFC 5652 3).
struct ContentInfo<'a> {
    kind: crate::oid::ObjectIdentifier,
    content: Tlv<'a>,
}

impl<'a> ContentInfo<'a> {
    fn decode(r: &mut Reader<'a>, field: &str) -> Result<Self, DecodeError> {
        r.sequence(field, |r| {
            let kind = r.oid("contentType")?;
            let content = r.nested(Tag::constructed(0), "content", |r| r.any(""))?;
            Ok(Self { kind, content })
        })
    }

    /// The content of `id-data`.
    fn octets(&self, field: &str) -> Result<Zeroizing<Vec<u8>>, DecodeError> {
        if self.content.tag.0 & !0x20 != Tag::OCTET_STRING.0 {
            let kind = DecodeKind::UnexpectedTag {
                expected: Tag::OCTET_STRING,
                found: self.content.tag,
            };
            return Err(self.content.error(kind, field));
        }
        Ok(Zeroizing::new(self.content.octets(field)?.into_owned()))
    }
}

/// `SafeBag` (RFC 7292 4.2).
struct Bag<'a> {
    kind: crate::oid::ObjectIdentifier,
    value: Tlv<'a>,
    friendly_name: Option<String>,
    local_key_id: Option<Vec<u8>>,
}

impl<'a> Bag<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut bag = Self {
            kind: r.oid("bagId")?,
            value: r.nested(Tag::constructed(0), "bagValue", |r| r.any(""))?,
            friendly_name: None,
            local_key_id: None,
        };
        let Some(attributes) = r.optional(Tag::SET, "bagAttributes")? else {
            return Ok(bag);
        };
        let mut r = attributes.reader("bagAttributes")?;
        while !r.is_empty() {
            r.sequence("bagAttribute", |r| {
                let kind = r.oid("attrId")?;
                let values = r.expect(Tag::SET, "attrValues")?;
                let mut values = values.reader("attrValues")?;
                if kind == oid::FRIENDLY_NAME && values.peek() == Some(Tag::BMP_STRING) {
                    let (units, _) = values.any("friendlyName")?.value.as_chunks::<2>();
                    let units = units.iter().map(|&u| u16::from_be_bytes(u));
                    let name = char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}'));
                    bag.friendly_name = Some(name.collect());
                } else if kind == oid::LOCAL_KEY_ID && !values.is_empty() {
                    let id = values.any("localKeyId")?.octets("localKeyId")?;
                    bag.local_key_id = Some(id.into_owned());
                }
                Ok(())
            })?;
        }
        Ok(bag)
    }
}

/// An OCTET STRING with `tag`, which in BER may come in pieces.
fn octet_string<'a>(
    r: &mut Reader<'a>,
    tag: Tag,
    field: &str,
) -> Result<std::borrow::Cow<'a, [u8]>, DecodeError> {
    let pieces = Tag(tag.0 | 0x20);
    if r.peek() == Some(pieces) {
        return r.any(field)?.octets(field);
    }
    r.expect(tag, field)?.octets(field)
}

/// `EncryptedData` (RFC 5652 8), decrypted.
fn decrypt_content(
    part: &ContentInfo<'_>,
    secret: &Secret,
    work: &mut Work,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (algorithm, ciphertext) = part.content.nested("encryptedData", |r| {
        r.u32("version")?;
        let found = r.sequence("encryptedContentInfo", |r| {
            r.oid("contentType")?;
            let algorithm = r.expect(Tag::SEQUENCE, "contentEncryptionAlgorithm")?;
            let ciphertext = octet_string(r, Tag::primitive(0), "encryptedContent")?;
            Ok((algorithm, ciphertext))
        })?;
        r.optional(Tag::constructed(1), "unprotectedAttrs")?;
        Ok(found)
    })?;
    pbe::decrypt(&algorithm, &ciphertext, secret, work)
}

/// Verifies `MacData` (RFC 7292 4, RFC 9579 4).
fn verify_mac(
    mac: &Tlv<'_>,
    safe: &[u8],
    secret: &Secret,
    work: &mut Work,
) -> Result<bool, KeyError> {
    let (algorithm, value, salt, rounds) = mac.nested("macData", |r| {
        let (algorithm, value) = r.sequence("mac", |r| {
            let algorithm = r.expect(Tag::SEQUENCE, "digestAlgorithm")?;
            Ok((algorithm, octet_string(r, Tag::OCTET_STRING, "digest")?))
        })?;
        let salt = octet_string(r, Tag::OCTET_STRING, "macSalt")?;
        let rounds = if r.is_empty() {
            1
        } else {
            r.u32("iterations")?
        };
        Ok((algorithm, value, salt, rounds))
    })?;
    let mut r = algorithm.reader("digestAlgorithm")?;
    let kind = r.oid("digestAlgorithm")?;
    let (scheme, key) = if kind == oid::PBMAC1 {
        let (kdf, mac) = r.sequence("PBMAC1-params", |r| {
            let kdf = r.expect(Tag::SEQUENCE, "keyDerivationFunc")?;
            let mac = r.sequence("messageAuthScheme", |r| {
                let mac = r.oid("algorithm")?;
                r.optional(Tag::NULL, "parameters")?;
                Ok(mac)
            })?;
            Ok((kdf, mac))
        })?;
        r.finish("digestAlgorithm")?;
        let scheme = match mac {
            oid::HMAC_SHA256 => hmac::HMAC_SHA256,
            oid::HMAC_SHA384 => hmac::HMAC_SHA384,
            oid::HMAC_SHA512 => hmac::HMAC_SHA512,
            other => return Err(pbe::unknown("PKCS#12 integrity with PBMAC1", other)),
        };
        (scheme, pbe::derive(&kdf, &secret.utf8, None, work)?)
    } else {
        r.optional(Tag::NULL, "parameters")?;
        r.finish("digestAlgorithm")?;
        let digest = DigestAlgorithm::from_oid(kind);
        let (scheme, digest) = match digest {
            Some(d @ DigestAlgorithm::Sha1) => (hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, d),
            Some(d @ DigestAlgorithm::Sha256) => (hmac::HMAC_SHA256, d),
            Some(d @ DigestAlgorithm::Sha384) => (hmac::HMAC_SHA384, d),
            Some(d @ DigestAlgorithm::Sha512) => (hmac::HMAC_SHA512, d),
            _ => return Err(pbe::unknown("PKCS#12 integrity", kind)),
        };
        let id = Pkcs12Id::Mac;
        let length = digest.output_len();
        let key = pbe::pkcs12_kdf(digest, id, &secret.bmp, &salt, rounds, length, work)?;
        (scheme, key)
    };
    // Constant in time, and the length must be whole: no truncated MAC.
    Ok(hmac::verify(&hmac::Key::new(scheme, &key), safe, &value).is_ok())
}

/// The `SubjectPublicKeyInfo` of a `Certificate` (RFC 5280 4.1), as it stands there.
pub(super) fn certificate_spki(certificate: &[u8]) -> Result<&[u8], DecodeError> {
    let mut r = Reader::new(certificate, Rules::Der);
    let mut certificate = r
        .expect(Tag::SEQUENCE, "certificate")?
        .reader("certificate")?;
    let mut tbs = certificate
        .expect(Tag::SEQUENCE, "tbsCertificate")?
        .reader("tbsCertificate")?;
    tbs.optional(Tag::constructed(0), "version")?;
    for field in ["serialNumber", "signature", "issuer", "validity", "subject"] {
        tbs.any(field)?;
    }
    Ok(tbs.expect(Tag::SEQUENCE, "subjectPublicKeyInfo")?.raw)
}

#[cfg(test)]
mod tests {
    use super::super::KeySpec;
    use super::*;
    use crate::der::Writer;

    type Oid = crate::oid::ObjectIdentifier;

    fn tlv(tag: Tag, write: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let mut w = Writer::new();
        w.nested(tag, write);
        w.finish()
    }

    /// One SafeBag with a localKeyId, if any.
    fn bag(kind: Oid, value: &[u8], id: Option<u8>) -> Vec<u8> {
        tlv(Tag::SEQUENCE, |w| {
            w.oid(kind);
            w.nested(Tag::constructed(0), |w| w.raw(value));
            if let Some(id) = id {
                w.nested(Tag::SET, |w| {
                    w.sequence(|w| {
                        w.oid(oid::LOCAL_KEY_ID);
                        w.nested(Tag::SET, |w| w.octets(&[id]));
                    });
                });
            }
        })
    }

    fn certificate_bag(der: &[u8], id: Option<u8>) -> Vec<u8> {
        let value = tlv(Tag::SEQUENCE, |w| {
            w.oid(oid::X509_CERTIFICATE);
            w.nested(Tag::constructed(0), |w| w.octets(der));
        });
        bag(oid::CERT_BAG, &value, id)
    }

    fn content_info(kind: Oid, octets: &[u8]) -> Vec<u8> {
        tlv(Tag::SEQUENCE, |w| {
            w.oid(kind);
            w.nested(Tag::constructed(0), |w| w.octets(octets));
        })
    }

    /// A PFX without MAC and encryption.
    fn pfx(parts: &[Vec<u8>]) -> Vec<u8> {
        let safe = tlv(Tag::SEQUENCE, |w| parts.iter().for_each(|p| w.raw(p)));
        tlv(Tag::SEQUENCE, |w| {
            w.u32(3);
            w.raw(&content_info(oid::DATA, &safe));
        })
    }

    fn safe_contents(bags: &[Vec<u8>]) -> Vec<u8> {
        tlv(Tag::SEQUENCE, |w| bags.iter().for_each(|b| w.raw(b)))
    }

    fn read(bags: &[Vec<u8>]) -> Result<Pkcs12, KeyError> {
        let part = content_info(oid::DATA, &safe_contents(bags));
        Pkcs12::decode(&pfx(&[part]), None)
    }

    fn kind(result: Result<Pkcs12, KeyError>) -> Option<KeyErrorKind> {
        result.err().map(|e| e.kind())
    }

    #[test]
    fn limits() {
        let one = certificate_bag(b"x", None);
        let found = read(&vec![one.clone(); MAX_BAGS]).unwrap();
        assert_eq!(found.certificates.len(), MAX_BAGS);
        let more = read(&vec![one.clone(); MAX_BAGS + 1]);
        assert_eq!(kind(more), Some(KeyErrorKind::Limit));

        let part = content_info(oid::DATA, &safe_contents(&[]));
        assert!(Pkcs12::decode(&pfx(&vec![part.clone(); MAX_BAGS]), None).is_ok());
        let more = Pkcs12::decode(&pfx(&vec![part; MAX_BAGS + 1]), None);
        assert_eq!(kind(more), Some(KeyErrorKind::Limit));

        let mut nested = one;
        for depth in 1..=MAX_NESTING + 1 {
            nested = bag(oid::SAFE_CONTENTS_BAG, &safe_contents(&[nested]), None);
            let expected = (depth > MAX_NESTING).then_some(KeyErrorKind::Limit);
            assert_eq!(kind(read(&[nested.clone()])), expected, "{depth} deep");
        }

        assert_eq!(
            kind(Pkcs12::decode(&vec![0x30; MAX_FILE + 1], None)),
            Some(KeyErrorKind::Limit)
        );
        assert_eq!(
            kind(Pkcs12::decode(&vec![0x30; MAX_FILE], None)),
            Some(KeyErrorKind::Malformed)
        );
    }

    #[test]
    fn certificate_with_the_same_id_is_preferred() {
        let key = PrivateKey::generate(KeySpec::Ed25519).unwrap();
        let other = PrivateKey::generate(KeySpec::Ed25519).unwrap();
        // As much of a certificate as is looked at; the serial number tells them apart.
        let certificate = |serial, key: &PrivateKey| {
            tlv(Tag::SEQUENCE, |w| {
                w.sequence(|w| {
                    w.u32(serial);
                    (0..4).for_each(|_| w.sequence(|_| {}));
                    w.raw(key.public_key().spki());
                });
            })
        };
        for (ids, expected) in [
            ([Some(1), Some(2)], 2),
            ([Some(2), Some(2)], 1),
            ([Some(1), Some(1)], 1),
            ([None, None], 1),
        ] {
            let found = read(&[
                bag(oid::KEY_BAG, key.pkcs8_der(), Some(2)),
                // Its id is the key's, but its public key is not.
                certificate_bag(&certificate(9, &other), Some(2)),
                certificate_bag(&certificate(1, &key), ids[0]),
                certificate_bag(&certificate(2, &key), ids[1]),
            ])
            .unwrap();
            let chosen = found.certificate_of(&found.keys[0]).unwrap();
            assert_eq!(chosen.der, certificate(expected, &key), "{ids:?}");
        }
    }

    #[test]
    fn keys_that_cannot_be_used_are_named() {
        let good = PrivateKey::generate(KeySpec::Ed25519).unwrap();
        // id-X25519, RFC 8410 3.
        let x25519: Vec<u8> = tlv(Tag::SEQUENCE, |w| {
            w.u32(0);
            w.sequence(|w| w.oid(Oid::new_unwrap("1.3.101.110")));
            w.octets(&[4, 32]);
        });
        let found = read(&[
            bag(oid::KEY_BAG, &x25519, None),
            bag(oid::KEY_BAG, good.pkcs8_der(), None),
        ])
        .unwrap();
        assert_eq!(found.keys.len(), 1);
        assert_eq!(found.refused.len(), 1);
        assert_eq!(found.refused[0].kind(), KeyErrorKind::Algorithm);
    }

    #[test]
    fn protection_by_public_key_is_refused() {
        for kind_of in [oid::SIGNED_DATA, oid::ENCRYPTED_DATA] {
            let file = tlv(Tag::SEQUENCE, |w| {
                w.u32(3);
                w.raw(&content_info(kind_of, &[]));
            });
            let refused = Pkcs12::decode(&file, None);
            assert_eq!(kind(refused), Some(KeyErrorKind::Algorithm));
        }
        let part = content_info(oid::SIGNED_DATA, &[]);
        let refused = Pkcs12::decode(&pfx(&[part]), None);
        assert_eq!(kind(refused), Some(KeyErrorKind::Algorithm));
    }
}
