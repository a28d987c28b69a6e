//! What makes a stolen database useless: rows are found under an HMAC and wrapped, under secrets that
//! are kept elsewhere.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::ids::{Digest, Locator};

/// Octets of each secret.
const SECRET: usize = 32;
/// Octets of the salt of one wrapping.
const SALT: usize = 16;
/// The form of what is wrapped, its first octet.
const VERSION: u8 = 1;

/// Why something cannot be wrapped or unwrapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VaultError {
    /// A secret is not 64 hexadecimal digits.
    Secret,
    /// Another row's, another key's, or changed octets.
    Closed,
    /// The system gives no randomness.
    Randomness,
}

/// The register's secrets: the pepper under which rows are found, and the key that wraps them.
pub struct Vault {
    pepper: hmac::Key,
    wrapping: Zeroizing<[u8; SECRET]>,
}

/// Key and nonce of one wrapping.
struct Derived;

impl KeyType for Derived {
    fn len(&self) -> usize {
        SECRET + NONCE_LEN
    }
}

impl Vault {
    /// The vault of two secrets, each 64 hexadecimal digits (`openssl rand -hex 32`).
    ///
    /// # Errors
    /// [`VaultError::Secret`].
    pub fn new(pepper: &str, wrapping: &str) -> Result<Self, VaultError> {
        // Digest parses exactly 64 digits; the octets are moved into what wipes them.
        let secret = |text: &str| {
            Digest::parse(text.trim())
                .map(|secret| Zeroizing::new(secret.0))
                .ok_or(VaultError::Secret)
        };
        let (pepper, wrapping) = (secret(pepper)?, secret(wrapping)?);
        if pepper == wrapping {
            return Err(VaultError::Secret);
        }
        Ok(Self {
            pepper: hmac::Key::new(hmac::HMAC_SHA256, pepper.as_ref()),
            wrapping,
        })
    }

    /// The key of the row of the locator L.
    pub fn row(&self, locator: &[u8; 16]) -> Locator {
        let tag = self.tag(b"row\0", &[locator]);
        Locator(tag.first_chunk().copied().unwrap_or_default())
    }

    /// A digest that only this register can make: of what a body registers, to know it again.
    pub fn digest(&self, parts: &[&[u8]]) -> Digest {
        Digest(self.tag(b"content\0", parts))
    }

    fn tag(&self, what: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.pepper);
        context.update(what);
        for part in parts {
            context.update(part);
        }
        context.sign().as_ref().try_into().unwrap_or([0; 32])
    }

    /// Wraps `octets` for one place. Key and nonce follow from a new random salt, so that no number of
    /// rows uses up the nonces of one key.
    ///
    /// # Errors
    /// [`VaultError::Randomness`].
    pub fn wrap(&self, place: &Locator, octets: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut salt = [0; SALT];
        SystemRandom::new()
            .fill(&mut salt)
            .map_err(|_| VaultError::Randomness)?;
        let (key, nonce) = self.derived(place, &salt)?;
        let mut sealed = octets.to_vec();
        key.seal_in_place_append_tag(nonce, Aad::from(place.0), &mut sealed)
            .map_err(|_| VaultError::Closed)?;
        Ok([&[VERSION], salt.as_slice(), &sealed].concat())
    }

    /// Unwraps what was wrapped for this place.
    ///
    /// # Errors
    /// [`VaultError::Closed`].
    pub fn unwrap(&self, place: &Locator, wrapped: &[u8]) -> Result<Vec<u8>, VaultError> {
        let Some((salt, sealed)) = wrapped
            .strip_prefix(&[VERSION])
            .and_then(|rest| rest.split_first_chunk::<SALT>())
        else {
            return Err(VaultError::Closed);
        };
        let (key, nonce) = self.derived(place, salt)?;
        let mut octets = sealed.to_vec();
        let length = key
            .open_in_place(nonce, Aad::from(place.0), &mut octets)
            .map_err(|_| VaultError::Closed)?
            .len();
        octets.truncate(length);
        Ok(octets)
    }

    fn derived(
        &self,
        place: &Locator,
        salt: &[u8; SALT],
    ) -> Result<(LessSafeKey, Nonce), VaultError> {
        let mut out = Zeroizing::new([0; SECRET + NONCE_LEN]);
        Salt::new(HKDF_SHA256, salt)
            .extract(self.wrapping.as_ref())
            .expand(&[b"esign-register/1/row", &place.0], Derived)
            .and_then(|okm| okm.fill(out.as_mut()))
            .map_err(|_| VaultError::Closed)?;
        let (key, nonce) = out.split_at_checked(SECRET).ok_or(VaultError::Closed)?;
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| VaultError::Closed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::Closed)?;
        Ok((LessSafeKey::new(key), nonce))
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

impl fmt::Display for VaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret => {
                "must be 64 hexadecimal digits, and pepper and wrapping key must differ"
            }
            Self::Closed => "a row does not open: it is damaged, or wrapped under another key",
            Self::Randomness => "the system gives no randomness",
        })
    }
}

impl std::error::Error for VaultError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(pepper: u8, wrapping: u8) -> Vault {
        let secret = |n: u8| format!("{n:02x}").repeat(32);
        Vault::new(&secret(pepper), &secret(wrapping)).unwrap()
    }

    #[test]
    fn what_is_wrapped_opens_in_its_place_alone() {
        let (own, place) = (vault(1, 2), Locator([7; 16]));
        let wrapped = own.wrap(&place, b"fields").unwrap();
        assert_eq!(own.unwrap(&place, &wrapped).unwrap(), b"fields");
        // Another place, another key; the pepper is not part of it.
        let other = Locator([8; 16]);
        assert_eq!(own.unwrap(&other, &wrapped), Err(VaultError::Closed));
        let strange = vault(1, 3);
        assert_eq!(strange.unwrap(&place, &wrapped), Err(VaultError::Closed));
        for at in 0..wrapped.len() {
            let mut changed = wrapped.clone();
            changed[at] ^= 1;
            assert_eq!(
                own.unwrap(&place, &changed),
                Err(VaultError::Closed),
                "{at}"
            );
        }
        for length in 0..wrapped.len() {
            assert!(own.unwrap(&place, &wrapped[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn no_salt_is_used_twice() {
        let (vault, place) = (vault(1, 2), Locator([7; 16]));
        let salts: std::collections::HashSet<_> = (0..1000)
            .map(|_| vault.wrap(&place, b"").unwrap()[1..=SALT].to_vec())
            .collect();
        assert_eq!(salts.len(), 1000);
    }

    #[test]
    fn rows_are_found_by_the_pepper_alone() {
        let (one, two) = (vault(1, 2), vault(3, 2));
        assert_eq!(one.row(&[5; 16]), vault(1, 9).row(&[5; 16]));
        assert_ne!(one.row(&[5; 16]), two.row(&[5; 16]));
        assert_ne!(one.row(&[5; 16]), one.row(&[6; 16]));
        assert_ne!(one.digest(&[&[5; 16]]).0[..16], one.row(&[5; 16]).0);
    }

    #[test]
    fn secrets_are_whole_and_two() {
        let digits = "ab".repeat(32);
        for (pepper, wrapping) in [
            (digits.as_str(), digits.as_str()),
            ("", digits.as_str()),
            (digits.as_str(), &digits[1..]),
        ] {
            assert_eq!(
                Vault::new(pepper, wrapping).unwrap_err(),
                VaultError::Secret
            );
        }
    }
}
