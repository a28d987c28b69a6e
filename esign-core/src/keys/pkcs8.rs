//! PKCS#8 files, plain and encrypted, and the older PEM forms of keys.

use ::pkcs8::PrivateKeyInfoRef;
use ::pkcs8::pkcs5::pbes2;
use zeroize::Zeroizing;

use super::pbe::{Secret, Work};
use super::{KeyError, KeyErrorKind, Passphrase, PrivateKey, Random, pbe, pem};
use crate::der::{Rules, Tag, decode};

/// Longest key file that is read, in octets. An encrypted RSA key of 8192 bits has 7 KiB in PEM.
const MAX_FILE: usize = 1 << 20;
/// log2 of N of the scrypt that is written; with r 8 and p 1 it takes 128 MiB.
const SCRYPT_LOG_N: u8 = 17;
/// Block size r of the scrypt that is written.
const SCRYPT_R: u32 = 8;
/// Parallelization p of the scrypt that is written.
const SCRYPT_P: u32 = 1;
/// Rounds of the PBKDF2 that is written.
const PBKDF2_ROUNDS: u32 = 600_000;

/// How a passphrase becomes the key that a written file is encrypted with (AES-256-CBC).
///
/// # Source
/// OWASP Password Storage Cheat Sheet (2023) for the work factors; RFC 8018 6.2, RFC 7914 7.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kdf {
    /// PBKDF2 with HMAC-SHA-256, 600,000 rounds. Every reader knows it.
    #[default]
    Pbkdf2,
    /// scrypt with N 2^17, r 8, p 1: dearer to guess, since it takes 128 MiB. OpenSSL refuses
    /// such a file, its readers allow scrypt 32 MiB.
    Scrypt,
}

impl PrivateKey {
    /// Reads the first private key of a PEM text: `PRIVATE KEY`, `ENCRYPTED PRIVATE KEY`,
    /// `EC PRIVATE KEY` or `RSA PRIVATE KEY`. Other blocks beside it are skipped.
    ///
    /// # Errors
    /// [`KeyErrorKind::PassphraseMissing`] where the key is encrypted and none is given,
    /// [`KeyErrorKind::PassphraseWrong`], [`KeyErrorKind::Limit`] where the file is longer than
    /// 1 MiB or asks for too much work, and those of [`Self::from_pkcs8_der`]. A passphrase for a
    /// key that is not encrypted is not an error.
    ///
    /// # Source
    /// RFC 7468 10 and 11, RFC 5915 4.
    pub fn from_pem(text: &str, passphrase: Option<&Passphrase>) -> Result<Self, KeyError> {
        check_size(text.len())?;
        for block in pem::blocks(text)? {
            match block.label {
                "PRIVATE KEY" => return Self::from_pkcs8_der(&block.decode()?),
                "ENCRYPTED PRIVATE KEY" => {
                    return Self::from_encrypted_pkcs8_der(&block.decode()?, passphrase);
                }
                "EC PRIVATE KEY" => return Self::from_sec1_der(&block.decode()?),
                "RSA PRIVATE KEY" => return Self::from_pkcs1_der(&block.decode()?),
                _ => {}
            }
        }
        let what = "key file: no private key in it in PEM form";
        Err(KeyError::new(KeyErrorKind::Malformed, what))
    }

    /// Decodes a DER `EncryptedPrivateKeyInfo`, which must fill `der`.
    ///
    /// # Errors
    /// As [`Self::from_pem`].
    ///
    /// # Source
    /// RFC 5958 3; the schemes of RFC 8018 6 and RFC 7292 C.
    pub fn from_encrypted_pkcs8_der(
        der: &[u8],
        passphrase: Option<&Passphrase>,
    ) -> Result<Self, KeyError> {
        check_size(der.len())?;
        let (algorithm, ciphertext) = decode(der, Rules::Der, |r| {
            r.sequence("encryptedPrivateKeyInfo", |r| {
                let algorithm = r.expect(Tag::SEQUENCE, "encryptionAlgorithm")?;
                Ok((
                    algorithm,
                    r.expect(Tag::OCTET_STRING, "encryptedData")?.value,
                ))
            })
        })?;
        let passphrase = passphrase.ok_or_else(|| {
            let what = "the private key is encrypted and no passphrase was given";
            KeyError::new(KeyErrorKind::PassphraseMissing, what)
        })?;
        let secret = Secret::new(passphrase);
        let info = pbe::decrypt(&algorithm, ciphertext, &secret, &mut Work::new())?;
        Self::from_decrypted(&info)
    }

    /// Reads a key file in any form: PEM as [`Self::from_pem`], DER as
    /// [`Self::from_pkcs8_der`], [`Self::from_encrypted_pkcs8_der`], [`Self::from_sec1_der`] or
    /// [`Self::from_pkcs1_der`].
    ///
    /// # Errors
    /// As there.
    pub fn from_file(octets: &[u8], passphrase: Option<&Passphrase>) -> Result<Self, KeyError> {
        check_size(octets.len())?;
        if octets.first() != Some(&Tag::SEQUENCE.0) {
            let text = core::str::from_utf8(octets).map_err(|_| {
                let what = "key file: neither DER nor text";
                KeyError::new(KeyErrorKind::Malformed, what)
            })?;
            return Self::from_pem(text, passphrase);
        }
        // The first two elements tell the four structures apart.
        let tags = decode(octets, Rules::Der, |r| {
            r.nested(Tag::SEQUENCE, "private key", |r| {
                let tags = (r.any("version")?.tag, r.any("")?.tag);
                while !r.is_empty() {
                    r.any("")?;
                }
                Ok(tags)
            })
        })?;
        match tags {
            (Tag::SEQUENCE, _) => Self::from_encrypted_pkcs8_der(octets, passphrase),
            (_, Tag::OCTET_STRING) => Self::from_sec1_der(octets),
            (_, Tag::INTEGER) => Self::from_pkcs1_der(octets),
            _ => Self::from_pkcs8_der(octets),
        }
    }

    /// Decodes what a passphrase decrypted. Padding that came out right by chance is told from a
    /// file that was malformed before it was encrypted by its outermost structure.
    pub(super) fn from_decrypted(info: &[u8]) -> Result<Self, KeyError> {
        let whole = decode(info, Rules::Der, |r| {
            r.nested(Tag::SEQUENCE, "", |r| {
                r.u32("")?;
                r.expect(Tag::SEQUENCE, "")?;
                r.expect(Tag::OCTET_STRING, "")?;
                while !r.is_empty() {
                    r.any("")?;
                }
                Ok(())
            })
        });
        whole.map_err(|_| pbe::wrong_passphrase())?;
        Self::from_pkcs8_der(info)
    }

    /// Writes the key as PEM, `PRIVATE KEY` without a passphrase and `ENCRYPTED PRIVATE KEY`
    /// (PBES2, AES-256-CBC) with one. The text is wiped on drop; salt and initialization vector,
    /// 16 octets each, come from `random`.
    ///
    /// # Errors
    /// [`KeyErrorKind::PassphraseMissing`] for the empty passphrase, which protects nothing;
    /// [`KeyErrorKind::Random`].
    pub fn to_pkcs8_pem(
        &self,
        passphrase: Option<&Passphrase>,
        kdf: Kdf,
        random: &dyn Random,
    ) -> Result<Zeroizing<String>, KeyError> {
        let Some(passphrase) = passphrase else {
            return Ok(pem::encode("PRIVATE KEY", self.pkcs8_der()));
        };
        let der = self.to_encrypted_pkcs8_der(passphrase, kdf, random)?;
        Ok(pem::encode("ENCRYPTED PRIVATE KEY", &der))
    }

    /// Writes the key as DER `EncryptedPrivateKeyInfo`; see [`Self::to_pkcs8_pem`].
    ///
    /// # Errors
    /// As there.
    pub fn to_encrypted_pkcs8_der(
        &self,
        passphrase: &Passphrase,
        kdf: Kdf,
        random: &dyn Random,
    ) -> Result<Vec<u8>, KeyError> {
        if passphrase.utf8().is_empty() {
            let what = "the passphrase to protect the key with is empty";
            return Err(KeyError::new(KeyErrorKind::PassphraseMissing, what));
        }
        let (mut salt, mut iv) = ([0; 16], [0; 16]);
        random.fill(&mut salt)?;
        random.fill(&mut iv)?;
        let failed = || KeyError::new(KeyErrorKind::Algorithm, "the key could not be encrypted");
        let parameters = match kdf {
            Kdf::Pbkdf2 => {
                pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(PBKDF2_ROUNDS, &salt, iv)
            }
            Kdf::Scrypt => scrypt::Params::new(SCRYPT_LOG_N, SCRYPT_R, SCRYPT_P)
                .map_err(|_| failed())
                .map(|p| pbes2::Parameters::generate_scrypt_aes256cbc(p, &salt, iv))?,
        };
        let info = PrivateKeyInfoRef::try_from(self.pkcs8_der()).map_err(|_| failed())?;
        let parameters = parameters.map_err(|_| failed())?;
        let document = info
            .encrypt_with_params(parameters, passphrase.utf8())
            .map_err(|_| failed())?;
        Ok(document.as_bytes().to_vec())
    }
}

fn check_size(octets: usize) -> Result<(), KeyError> {
    if octets > MAX_FILE {
        let what = format!("key file: {octets} octets long, {MAX_FILE} are allowed");
        return Err(KeyError::new(KeyErrorKind::Limit, what));
    }
    Ok(())
}
