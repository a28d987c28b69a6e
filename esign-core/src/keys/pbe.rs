use core::num::NonZeroU32;

use crate::oid::ObjectIdentifier;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt, InnerIvInit, KeyInit, KeyIvInit};
use ring::pbkdf2;
use zeroize::Zeroizing;

use super::{DigestAlgorithm, Hasher, KeyError, KeyErrorKind, Passphrase};
use crate::der::{DecodeError, DecodeKind, Reader, Tag, Tlv};
use crate::oid;

/// Work that one file may ask for, in rounds of a hash: some seconds on one core. It is 28 times
/// the 600,000 rounds of PBKDF2 that OWASP asks for (2023), and leaves room for eight times the
/// scrypt work factor written here. A file that names 2^31 rounds would run for minutes.
pub(super) const MAX_WORK: u64 = 1 << 24;
/// Memory that scrypt may take, in octets: twice what the work factor written here needs.
const MAX_SCRYPT_MEMORY: u64 = 256 << 20;
/// Longest salt, in octets. OpenSSL writes 8 or 16, Java 20, NSS 32.
const MAX_SALT: usize = 1024;

/// What is left of [`MAX_WORK`] for the file at hand.
pub(super) struct Work(u64);

impl Work {
    pub(super) const fn new() -> Self {
        Self(MAX_WORK)
    }

    pub(super) fn spend(&mut self, rounds: u64) -> Result<(), KeyError> {
        let left = self.0.checked_sub(rounds);
        self.0 = left.ok_or_else(|| {
            let what = format!(
                "key derivation: the file asks for more than {MAX_WORK} rounds ({rounds} at once, \
                 {} left)",
                self.0
            );
            KeyError::new(KeyErrorKind::Limit, what)
        })?;
        Ok(())
    }
}

/// The passphrase in the two forms that the schemes hash.
///
/// PKCS#12 tells "no passphrase" (no octets) from the empty one (two zero octets).
pub(super) struct Secret {
    pub(super) utf8: Zeroizing<Vec<u8>>,
    pub(super) bmp: Zeroizing<Vec<u8>>,
}

impl Secret {
    pub(super) fn new(passphrase: &Passphrase) -> Self {
        Self {
            utf8: Zeroizing::new(passphrase.utf8().to_vec()),
            bmp: passphrase.bmp_string(),
        }
    }

    pub(super) fn none() -> Self {
        Self {
            utf8: Zeroizing::new(Vec::new()),
            bmp: Zeroizing::new(Vec::new()),
        }
    }
}

#[derive(Clone, Copy)]
enum Cipher {
    Aes128,
    Aes192,
    Aes256,
    Des,
    DesEde2,
    DesEde3,
    /// With its effective key length in bits.
    Rc2(u8),
}

/// Decrypts `ciphertext` under an encoded `AlgorithmIdentifier` of password-based encryption.
///
/// Reads PBES2 (PBKDF2 with HMAC-SHA-1, -256, -384, -512, or scrypt; AES-CBC or DES-EDE3-CBC), PBES1
/// with DES, and of PKCS#12 the schemes with triple DES and RC2.
///
/// # Errors
/// [`KeyErrorKind::PassphraseWrong`] where the padding is wrong afterwards; with a wrong
/// passphrase it is right once in 256 times, so the content has to be checked, too.
pub(super) fn decrypt(
    algorithm: &Tlv<'_>,
    ciphertext: &[u8],
    secret: &Secret,
    work: &mut Work,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let field = "encryptionAlgorithm";
    let mut r = algorithm.reader(field)?;
    let scheme = r.oid("algorithm").map_err(|e| e.within(field))?;
    let parameters = r.expect(Tag::SEQUENCE, "parameters")?;
    r.finish(field)?;
    if scheme == oid::PBES2 {
        return pbes2(&parameters, ciphertext, secret, work);
    }
    let (salt, rounds) = parameters.nested("pbeParameter", |r| {
        let salt = salt(&r.expect(Tag::OCTET_STRING, "salt")?)?;
        Ok((salt, r.u32("iterations")?))
    })?;
    if rounds == 0 {
        return Err(malformed("key derivation of no rounds"));
    }
    if let Some((digest, cipher)) = match scheme {
        oid::PBE_MD5_DES_CBC => Some((None, Cipher::Des)),
        oid::PBE_SHA1_DES_CBC => Some((Some(DigestAlgorithm::Sha1), Cipher::Des)),
        _ => None,
    } {
        work.spend(u64::from(rounds))?;
        let key = pbkdf1(digest, &secret.utf8, salt, rounds);
        let (key, iv) = key.split_at(8);
        return cipher.decrypt(key, iv.get(..8).unwrap_or_default(), ciphertext);
    }
    let (cipher, key_len) = match scheme {
        oid::PBE_SHA1_3DES3_CBC => (Cipher::DesEde3, 24),
        oid::PBE_SHA1_3DES2_CBC => (Cipher::DesEde2, 16),
        oid::PBE_SHA1_RC2_128_CBC => (Cipher::Rc2(128), 16),
        oid::PBE_SHA1_RC2_40_CBC => (Cipher::Rc2(40), 5),
        other => return Err(unknown("encryption", other)),
    };
    let kdf = |id, len, work: &mut Work| {
        pkcs12_kdf(
            DigestAlgorithm::Sha1,
            id,
            &secret.bmp,
            salt,
            rounds,
            len,
            work,
        )
    };
    let key = kdf(Pkcs12Id::Key, key_len, work)?;
    let iv = kdf(Pkcs12Id::Iv, 8, work)?;
    cipher.decrypt(&key, &iv, ciphertext)
}

fn pbes2(
    parameters: &Tlv<'_>,
    ciphertext: &[u8],
    secret: &Secret,
    work: &mut Work,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (kdf, encryption) = parameters.nested("pbes2", |r| {
        let kdf = r.expect(Tag::SEQUENCE, "keyDerivationFunc")?;
        Ok((kdf, r.expect(Tag::SEQUENCE, "encryptionScheme")?))
    })?;
    let mut r = encryption.reader("encryptionScheme")?;
    let scheme = r.oid("encryptionScheme")?;
    let (cipher, key_len) = match scheme {
        oid::AES_128_CBC => (Cipher::Aes128, 16),
        oid::AES_192_CBC => (Cipher::Aes192, 24),
        oid::AES_256_CBC => (Cipher::Aes256, 32),
        oid::DES_EDE3_CBC => (Cipher::DesEde3, 24),
        other => return Err(unknown("encryption", other)),
    };
    let iv = r.expect(Tag::OCTET_STRING, "encryptionScheme.iv")?.value;
    r.finish("encryptionScheme")?;
    let key = derive(&kdf, &secret.utf8, Some(key_len), work)?;
    cipher.decrypt(&key, iv, ciphertext)
}

/// Derives a key by the `AlgorithmIdentifier` of PBKDF2 or scrypt. Where `length` is `None`, the
/// parameters must say it (RFC 9579 3).
pub(super) fn derive(
    kdf: &Tlv<'_>,
    password: &[u8],
    length: Option<usize>,
    work: &mut Work,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut r = kdf.reader("keyDerivationFunc")?;
    let scheme = r.oid("keyDerivationFunc")?;
    let parameters = r.expect(Tag::SEQUENCE, "keyDerivationFunc.parameters")?;
    r.finish("keyDerivationFunc")?;
    match scheme {
        oid::PBKDF2 => derive_pbkdf2(&parameters, password, length, work),
        oid::SCRYPT => derive_scrypt(&parameters, password, length, work),
        other => Err(unknown("key derivation", other)),
    }
}

/// `PBKDF2-params` (RFC 8018 A.2).
fn derive_pbkdf2(
    parameters: &Tlv<'_>,
    password: &[u8],
    length: Option<usize>,
    work: &mut Work,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let field = "PBKDF2-params";
    let (salt, rounds, said, prf) = parameters.nested(field, |r| {
        let salt = salt(&r.expect(Tag::OCTET_STRING, "salt")?)?;
        let rounds = r.u32("iterationCount")?;
        let said = key_length(r)?;
        let prf = match r.optional(Tag::SEQUENCE, "prf")? {
            None => oid::HMAC_SHA1,
            Some(prf) => prf.nested("prf", |r| {
                let oid = r.oid("algorithm")?;
                r.optional(Tag::NULL, "parameters")?;
                Ok(oid)
            })?,
        };
        Ok((salt, rounds, said, prf))
    })?;
    let length = agreed_length(length, said)?;
    let (prf, block) = match prf {
        oid::HMAC_SHA1 => (pbkdf2::PBKDF2_HMAC_SHA1, 20),
        oid::HMAC_SHA256 => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
        oid::HMAC_SHA384 => (pbkdf2::PBKDF2_HMAC_SHA384, 48),
        oid::HMAC_SHA512 => (pbkdf2::PBKDF2_HMAC_SHA512, 64),
        other => return Err(unknown("key derivation with PBKDF2", other)),
    };
    let rounds = NonZeroU32::new(rounds).ok_or_else(|| malformed("PBKDF2 of no rounds"))?;
    work.spend(u64::from(rounds.get()).saturating_mul(blocks(length, block)))?;
    let mut key = Zeroizing::new(vec![0; length]);
    pbkdf2::derive(prf, rounds, salt, password, &mut key);
    Ok(key)
}

/// `scrypt-params` (RFC 7914 7).
fn derive_scrypt(
    parameters: &Tlv<'_>,
    password: &[u8],
    length: Option<usize>,
    work: &mut Work,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (salt, n, r, p, said) = parameters.nested("scrypt-params", |reader| {
        Ok((
            salt(&reader.expect(Tag::OCTET_STRING, "salt")?)?,
            reader.u32("costParameter")?,
            reader.u32("blockSize")?,
            reader.u32("parallelizationParameter")?,
            key_length(reader)?,
        ))
    })?;
    let length = agreed_length(length, said)?;
    let memory = u64::from(n)
        .saturating_mul(u64::from(r))
        .saturating_mul(128);
    if memory > MAX_SCRYPT_MEMORY {
        let what = format!(
            "scrypt: the file asks for {memory} octets of memory, {MAX_SCRYPT_MEMORY} are allowed"
        );
        return Err(KeyError::new(KeyErrorKind::Limit, what));
    }
    // Each of the N·r·p steps costs about two rounds of PBKDF2-HMAC-SHA-256.
    work.spend((memory / 64).saturating_mul(u64::from(p)))?;
    let bad = || malformed("scrypt parameters are not those of RFC 7914");
    if n < 2 || !n.is_power_of_two() {
        return Err(bad());
    }
    let log_n = u8::try_from(n.trailing_zeros()).map_err(|_| bad())?;
    let parameters = scrypt::Params::new(log_n, r, p).map_err(|_| bad())?;
    let mut key = Zeroizing::new(vec![0; length]);
    scrypt::scrypt(password, salt, &parameters, &mut key).map_err(|_| bad())?;
    Ok(key)
}

/// `keyLength INTEGER OPTIONAL`.
fn key_length(r: &mut Reader<'_>) -> Result<Option<u32>, DecodeError> {
    if r.peek() == Some(Tag::INTEGER) {
        r.u32("keyLength").map(Some)
    } else {
        Ok(None)
    }
}

fn agreed_length(needed: Option<usize>, said: Option<u32>) -> Result<usize, KeyError> {
    let said = said.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    match (needed, said) {
        (Some(needed), None) => Ok(needed),
        (Some(needed), Some(said)) if needed == said => Ok(needed),
        // A key for HMAC: RFC 9579 5 asks for 20 octets at least; no digest here has over 64.
        (None, Some(said)) if (20..=64).contains(&said) => Ok(said),
        _ => Err(malformed(
            "key derivation: keyLength is missing or not that of the algorithm it is for",
        )),
    }
}

/// What PKCS#12 derives; the value is the diversifier (RFC 7292 B.3).
#[derive(Clone, Copy)]
pub(super) enum Pkcs12Id {
    Key,
    Iv,
    Mac,
}

/// The key derivation of PKCS#12 (RFC 7292 B.2); `password` is a BMPString.
pub(super) fn pkcs12_kdf(
    digest: DigestAlgorithm,
    id: Pkcs12Id,
    password: &[u8],
    salt: &[u8],
    rounds: u32,
    length: usize,
    work: &mut Work,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    if rounds == 0 {
        return Err(malformed("PKCS#12 key derivation of no rounds"));
    }
    let u = digest.output_len();
    // v of B.2: the block length of the digest.
    let v = if u > 32 { 128 } else { 64 };
    // The first round hashes all of the salt and password, the others one block.
    let first = blocks(salt.len() + password.len(), v);
    let cost = u64::from(rounds).saturating_add(first);
    work.spend(cost.saturating_mul(blocks(length, u)))?;

    let diversifier = [match id {
        Pkcs12Id::Key => 1u8,
        Pkcs12Id::Iv => 2,
        Pkcs12Id::Mac => 3,
    }; 128];
    let repeated = |octets: &[u8]| {
        let n = octets.len().div_ceil(v) * v;
        Zeroizing::new(octets.iter().copied().cycle().take(n).collect::<Vec<u8>>())
    };
    let (salt, password) = (repeated(salt), repeated(password));
    let mut i = Zeroizing::new([salt.as_slice(), password.as_slice()].concat());
    let mut out = Zeroizing::new(Vec::with_capacity(length + u));
    loop {
        let mut hasher = Hasher::new(digest);
        hasher.update(diversifier.get(..v).unwrap_or_default());
        hasher.update(&i);
        let mut a = hasher.finish();
        for _ in 1..rounds {
            a = Hasher::digest(digest, a.as_bytes());
        }
        out.extend_from_slice(a.as_bytes());
        if out.len() >= length {
            out.truncate(length);
            return Ok(out);
        }
        // I_j = (I_j + B + 1) mod 2^(8v), B being A repeated to v octets.
        let b: Zeroizing<Vec<u8>> =
            Zeroizing::new(a.as_bytes().iter().copied().cycle().take(v).collect());
        for block in i.chunks_exact_mut(v) {
            let mut carry = 1u16;
            for (to, from) in block.iter_mut().zip(b.iter()).rev() {
                let [high, low] = (u16::from(*to) + u16::from(*from) + carry).to_be_bytes();
                *to = low;
                carry = u16::from(high);
            }
        }
    }
}

/// PBKDF1 (RFC 8018 5.1), 16 octets; MD5 where no digest is given.
fn pbkdf1(
    digest: Option<DigestAlgorithm>,
    password: &[u8],
    salt: &[u8],
    rounds: u32,
) -> Zeroizing<Vec<u8>> {
    use md5::{Digest as _, Md5};
    let mut t = Zeroizing::new([password, salt].concat());
    for _ in 0..rounds {
        t = Zeroizing::new(match digest {
            Some(digest) => Hasher::digest(digest, &t).as_bytes().to_vec(),
            None => Md5::digest(&*t).to_vec(),
        });
    }
    t.truncate(16);
    t
}

impl Cipher {
    fn decrypt(
        self,
        key: &[u8],
        iv: &[u8],
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        match self {
            Self::Aes128 => cbc_decrypt::<aes::Aes128>(key, iv, ciphertext),
            Self::Aes192 => cbc_decrypt::<aes::Aes192>(key, iv, ciphertext),
            Self::Aes256 => cbc_decrypt::<aes::Aes256>(key, iv, ciphertext),
            Self::Des => cbc_decrypt::<des::Des>(key, iv, ciphertext),
            Self::DesEde2 => cbc_decrypt::<des::TdesEde2>(key, iv, ciphertext),
            Self::DesEde3 => cbc_decrypt::<des::TdesEde3>(key, iv, ciphertext),
            Self::Rc2(bits) => {
                let cipher = rc2::Rc2::new_with_eff_key_len(key, usize::from(bits));
                let iv = iv.try_into().map_err(|_| wrong_iv())?;
                unpad(cbc::Decryptor::inner_iv_init(cipher, iv), ciphertext)
            }
        }
    }
}

fn cbc_decrypt<C>(key: &[u8], iv: &[u8], ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError>
where
    C: BlockCipherDecrypt + KeyInit,
{
    let mode = cbc::Decryptor::<C>::new_from_slices(key, iv).map_err(|_| wrong_iv())?;
    unpad(mode, ciphertext)
}

fn unpad(mode: impl BlockModeDecrypt, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    let n = mode
        .decrypt_padded::<Pkcs7>(&mut buffer)
        .map_err(|_| wrong_passphrase())?
        .len();
    buffer.truncate(n);
    Ok(buffer)
}

fn salt<'a>(tlv: &Tlv<'a>) -> Result<&'a [u8], DecodeError> {
    if tlv.value.len() > MAX_SALT {
        return Err(tlv.error(DecodeKind::Limit("salt longer than 1024 octets"), "salt"));
    }
    Ok(tlv.value)
}

/// How many blocks of `size` octets hold `length`.
fn blocks(length: usize, size: usize) -> u64 {
    u64::try_from(length.div_ceil(size.max(1))).unwrap_or(u64::MAX)
}

pub(super) fn wrong_passphrase() -> KeyError {
    let what = "the passphrase is wrong, or the encrypted key was changed";
    KeyError::new(KeyErrorKind::PassphraseWrong, what)
}

fn wrong_iv() -> KeyError {
    malformed("encryption: key or initialization vector has the wrong length")
}

fn malformed(what: &str) -> KeyError {
    KeyError::new(KeyErrorKind::Malformed, what)
}

pub(super) fn unknown(what: &str, oid: ObjectIdentifier) -> KeyError {
    let what = format!("{what}: the algorithm {oid} is not known here");
    KeyError::new(KeyErrorKind::Algorithm, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::der::{Rules, Writer};

    /// One `AlgorithmIdentifier`.
    fn identifier(oid: ObjectIdentifier, parameters: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let mut w = Writer::new();
        w.sequence(|w| {
            w.oid(oid);
            w.sequence(parameters);
        });
        w.finish()
    }

    fn with_kdf(kdf: &[u8], length: Option<usize>, work: &mut Work) -> Result<usize, KeyError> {
        let tlv = Reader::new(kdf, Rules::Der).any("").unwrap();
        derive(&tlv, b"x", length, work).map(|k| k.len())
    }

    fn pbkdf2(salt: usize, rounds: u32, length: Option<u32>, prf: ObjectIdentifier) -> Vec<u8> {
        identifier(oid::PBKDF2, |w| {
            w.octets(&vec![1; salt]);
            w.u32(rounds);
            length.into_iter().for_each(|n| w.u32(n));
            w.sequence(|w| w.oid(prf));
        })
    }

    fn scrypt(n: u32, r: u32, p: u32) -> Vec<u8> {
        identifier(oid::SCRYPT, |w| {
            w.octets(&[1; 16]);
            [n, r, p].into_iter().for_each(|x| w.u32(x));
        })
    }

    #[test]
    fn limits_of_work() {
        use KeyErrorKind::{Algorithm, Limit, Malformed};
        let sha256 = oid::HMAC_SHA256;
        let most = u32::try_from(MAX_WORK).unwrap();
        let n = 1 << 14;
        for (what, kdf, length, expected) in [
            (
                "2^31 rounds",
                pbkdf2(8, 1 << 31, None, sha256),
                Some(32),
                Err(Limit),
            ),
            (
                "one round too many",
                pbkdf2(8, most + 1, None, sha256),
                Some(32),
                Err(Limit),
            ),
            // 32 octets are two blocks of HMAC-SHA-1.
            (
                "two blocks",
                pbkdf2(8, most / 2 + 1, None, oid::HMAC_SHA1),
                Some(32),
                Err(Limit),
            ),
            (
                "no rounds",
                pbkdf2(8, 0, None, sha256),
                Some(32),
                Err(Malformed),
            ),
            ("salt", pbkdf2(MAX_SALT, 1, None, sha256), Some(32), Ok(32)),
            (
                "longer salt",
                pbkdf2(MAX_SALT + 1, 1, None, sha256),
                Some(32),
                Err(Limit),
            ),
            (
                "length said",
                pbkdf2(8, 1, Some(16), sha256),
                Some(16),
                Ok(16),
            ),
            (
                "other length said",
                pbkdf2(8, 1, Some(16), sha256),
                Some(32),
                Err(Malformed),
            ),
            (
                "length not said",
                pbkdf2(8, 1, None, sha256),
                None,
                Err(Malformed),
            ),
            (
                "short MAC key",
                pbkdf2(8, 1, Some(19), sha256),
                None,
                Err(Malformed),
            ),
            (
                "long MAC key",
                pbkdf2(8, 1, Some(65), sha256),
                None,
                Err(Malformed),
            ),
            ("MAC key", pbkdf2(8, 1, Some(64), sha256), None, Ok(64)),
            (
                "PRF",
                pbkdf2(8, 1, None, oid::SHA256),
                Some(32),
                Err(Algorithm),
            ),
            (
                "KDF",
                identifier(oid::SHA256, |_| {}),
                Some(32),
                Err(Algorithm),
            ),
            ("scrypt of OpenSSL", scrypt(n, 8, 1), Some(32), Ok(32)),
            ("scrypt memory", scrypt(1 << 19, 8, 1), Some(32), Err(Limit)),
            (
                "scrypt memory, overflow",
                scrypt(1 << 31, u32::MAX, 1),
                Some(32),
                Err(Limit),
            ),
            ("scrypt work", scrypt(1 << 17, 8, 9), Some(32), Err(Limit)),
            ("scrypt p", scrypt(2, 1, u32::MAX), Some(32), Err(Limit)),
            ("scrypt N 0", scrypt(0, 8, 1), Some(32), Err(Malformed)),
            ("scrypt N 1", scrypt(1, 8, 1), Some(32), Err(Malformed)),
            ("scrypt N 3", scrypt(3, 8, 1), Some(32), Err(Malformed)),
            ("scrypt r 0", scrypt(n, 0, 1), Some(32), Err(Malformed)),
            ("scrypt p 0", scrypt(n, 8, 0), Some(32), Err(Malformed)),
        ] {
            let result = with_kdf(&kdf, length, &mut Work::new());
            assert_eq!(result.map_err(|e| e.kind()), expected, "{what}");
        }
    }

    #[test]
    fn work_is_spent_from_one_budget() {
        let mut work = Work(2500);
        let kdf = pbkdf2(8, 1000, None, oid::HMAC_SHA256);
        assert!(with_kdf(&kdf, Some(32), &mut work).is_ok());
        assert!(with_kdf(&kdf, Some(32), &mut work).is_ok());
        let third = with_kdf(&kdf, Some(32), &mut work).unwrap_err();
        assert_eq!(third.kind(), KeyErrorKind::Limit);
        let derive = |rounds, work: &mut Work| {
            let (sha1, id) = (DigestAlgorithm::Sha1, Pkcs12Id::Key);
            pkcs12_kdf(sha1, id, b"", b"12345678", rounds, 24, work).map_err(|e| e.kind())
        };
        // 24 octets are two blocks of SHA-1.
        assert_eq!(derive(250, &mut work).err(), Some(KeyErrorKind::Limit));
        assert!(derive(249, &mut work).is_ok());
        assert_eq!(
            derive(0, &mut Work::new()).err(),
            Some(KeyErrorKind::Malformed)
        );
    }

    #[test]
    fn known_answers() {
        let hex = |b: &[u8]| b.iter().map(|b| format!("{b:02x}")).collect::<String>();
        // RFC 7914 11 (PBKDF2-HMAC-SHA-256 has 64 octets there; the first 32).
        let kdf = identifier(oid::PBKDF2, |w| {
            w.octets(b"salt");
            w.u32(1);
            w.sequence(|w| w.oid(oid::HMAC_SHA256));
        });
        let tlv = Reader::new(&kdf, Rules::Der).any("").unwrap();
        let key = derive(&tlv, b"passwd", Some(32), &mut Work::new()).unwrap();
        assert!(hex(&key).starts_with("55ac046e56e3089fec1691c22544b605"));
        // The vectors that came with PKCS#12 implementations from the start (OpenSSL, Bouncy
        // Castle): password "smeg", one round.
        let smeg = Passphrase::new("smeg".to_owned()).bmp_string();
        let sha1 = DigestAlgorithm::Sha1;
        for (id, salt, length, expected) in [
            (
                Pkcs12Id::Key,
                [0x0a, 0x58, 0xcf, 0x64, 0x53, 0x0d, 0x82, 0x3f],
                24,
                "8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3",
            ),
            (
                Pkcs12Id::Iv,
                [0x0a, 0x58, 0xcf, 0x64, 0x53, 0x0d, 0x82, 0x3f],
                8,
                "79993dfe048d3b76",
            ),
            (
                Pkcs12Id::Mac,
                [0x3d, 0x83, 0xc0, 0xe4, 0x54, 0x6a, 0xc1, 0x40],
                20,
                "8d967d88f6caa9d714800ab3d48051d63f73a312",
            ),
        ] {
            let key = pkcs12_kdf(sha1, id, &smeg, &salt, 1, length, &mut Work::new()).unwrap();
            assert_eq!(hex(&key), expected);
        }
    }
}
