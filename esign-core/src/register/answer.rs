//! The register's signed answer: where the document of a locator stands, now.
//!
//! COSE_Sign1 with ES256, of the same shape as a visible seal, under a context of its own.

use core::fmt;

use super::Standing;
use super::leaf::{number_of_status, status_of_number};
use crate::keys::{PublicKey, ToBeSigned};
use crate::log::Hash;
use crate::time::UnixTime;
use crate::visible_seal::{
    self, KeyId, SealError, Value, VisibleSeal, decode_cbor, encode_cbor, to_be_signed_as,
};

/// `external_aad`: what the signature is for.
const CONTEXT: &[u8] = b"esign-code/1/answer";
/// Longest nonce of whoever asks: two digests.
pub const MAX_NONCE: usize = 64;

/// What the register says of a locator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What the asker sent, so that the answer is his and new.
    pub nonce: Option<Vec<u8>>,
    /// L: what was asked about.
    pub locator: [u8; 16],
    /// When it was answered.
    pub now: UnixTime,
    /// Until when it may be relied upon.
    pub until: UnixTime,
    /// What is known; none where there is no such document.
    pub found: Option<Found>,
    /// How many leaves the log had.
    pub size: u64,
    /// The root of that log.
    pub root: Hash,
}

/// What the register knows of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its status.
    pub status: Standing,
    /// Since when.
    pub since: UnixTime,
    /// Why, by the register's list of reasons.
    pub reason: Option<u32>,
    /// Number of the status: 1 from registration on.
    pub seq: u32,
    /// D: the record's digest.
    pub digest: [u8; 32],
    /// Index of its leaf; none in the seconds until it is sequenced.
    pub index: Option<u64>,
}

/// Why octets are no answer, or not this register's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerError {
    /// Not a COSE_Sign1 of the right shape, or its signature does not hold.
    Signed(SealError),
    /// Its payload is not what an answer says.
    Structure,
}

impl Answer {
    /// The payload.
    pub fn encode(&self) -> Vec<u8> {
        let wide = |n: u64| Value::Integer(i64::try_from(n).unwrap_or(i64::MAX));
        let bytes = |octets: &[u8]| Value::Bytes(octets.to_vec());
        let found = self.found.as_ref();
        let known = |value: &dyn Fn(&Found) -> Value| found.map_or(Value::Null, value);
        encode_cbor(&Value::Array(vec![
            self.nonce.as_deref().map_or(Value::Null, bytes),
            bytes(&self.locator),
            Value::Integer(self.now.seconds()),
            Value::Integer(self.until.seconds()),
            known(&|f| Value::Integer(number_of_status(f.status))),
            known(&|f| Value::Integer(f.since.seconds())),
            known(&|f| {
                f.reason
                    .map_or(Value::Null, |r| Value::Integer(i64::from(r)))
            }),
            known(&|f| Value::Integer(i64::from(f.seq))),
            known(&|f| bytes(&f.digest)),
            known(&|f| f.index.map_or(Value::Null, wide)),
            wide(self.size),
            bytes(&self.root.0),
        ]))
    }

    /// What the register's key is to sign.
    ///
    /// # Errors
    /// [`SealError::Key`] where the key is not P-256.
    pub fn to_be_signed(&self, key: &PublicKey) -> Result<ToBeSigned, SealError> {
        to_be_signed_as(CONTEXT, key, &self.encode())
    }

    /// Puts the signed answer together.
    ///
    /// # Errors
    /// [`SealError::Signature`] where `signature` is no DER signature of P-256.
    pub fn finish(&self, key: &PublicKey, signature: &[u8]) -> Result<Vec<u8>, SealError> {
        visible_seal::finish(key, &self.encode(), signature)
    }

    /// Which key an answer says to be signed by, not verified.
    ///
    /// # Errors
    /// [`AnswerError::Signed`].
    pub fn key(octets: &[u8]) -> Result<KeyId, AnswerError> {
        VisibleSeal::decode(octets)
            .map(|signed| signed.key)
            .map_err(AnswerError::Signed)
    }

    /// Reads an answer and verifies it with the register's key. Whether nonce, locator and times are
    /// those expected is for the caller to compare.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn verify(octets: &[u8], key: &PublicKey) -> Result<Self, AnswerError> {
        let signed = VisibleSeal::decode(octets).map_err(AnswerError::Signed)?;
        signed
            .verify_as(CONTEXT, key)
            .map_err(AnswerError::Signed)?;
        Self::decode(&signed.record).ok_or(AnswerError::Structure)
    }

    fn decode(payload: &[u8]) -> Option<Self> {
        let Ok(Value::Array(members)) = decode_cbor(payload) else {
            return None;
        };
        let [
            nonce,
            Value::Bytes(locator),
            Value::Integer(now),
            Value::Integer(until),
            status,
            since,
            reason,
            seq,
            digest,
            index,
            Value::Integer(size),
            Value::Bytes(root),
        ] = members.as_slice()
        else {
            return None;
        };
        let time = |n: i64| {
            let time = UnixTime::from_seconds(n);
            (time.seconds() == n).then_some(time)
        };
        let found = match (status, since, reason, seq, digest, index) {
            (Value::Null, Value::Null, Value::Null, Value::Null, Value::Null, Value::Null) => None,
            (
                Value::Integer(status),
                Value::Integer(since),
                reason,
                Value::Integer(seq),
                Value::Bytes(digest),
                index,
            ) => Some(Found {
                status: status_of_number(*status)?,
                since: time(*since)?,
                reason: match reason {
                    Value::Null => None,
                    Value::Integer(n) => Some(u32::try_from(*n).ok()?),
                    _ => return None,
                },
                seq: u32::try_from(*seq).ok()?,
                digest: digest.as_slice().try_into().ok()?,
                index: match index {
                    Value::Null => None,
                    Value::Integer(n) => Some(u64::try_from(*n).ok()?),
                    _ => return None,
                },
            }),
            _ => return None,
        };
        Some(Self {
            nonce: match nonce {
                Value::Null => None,
                Value::Bytes(nonce) if nonce.len() <= MAX_NONCE => Some(nonce.clone()),
                _ => return None,
            },
            locator: locator.as_slice().try_into().ok()?,
            now: time(*now)?,
            until: time(*until)?,
            found,
            size: u64::try_from(*size).ok()?,
            root: Hash(root.as_slice().try_into().ok()?),
        })
    }
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signed(e) => write!(f, "answer of the register: {e}"),
            Self::Structure => f.write_str("answer of the register: its payload is not an answer"),
        }
    }
}

impl std::error::Error for AnswerError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Curve, KeySpec, PrivateKey, SigningKey};

    fn signed(answer: &Answer, key: &PrivateKey) -> Vec<u8> {
        let tbs = answer.to_be_signed(key.public_key()).unwrap();
        let signature = key.sign(tbs.algorithm, &tbs.bytes).unwrap();
        answer.finish(key.public_key(), &signature).unwrap()
    }

    fn answer() -> Answer {
        Answer {
            nonce: Some(vec![9; 16]),
            locator: [1; 16],
            now: UnixTime::from_seconds(1_800_000_000),
            until: UnixTime::from_seconds(1_800_000_300),
            found: Some(Found {
                status: Standing::Revoked,
                since: UnixTime::from_seconds(1_700_000_000),
                reason: Some(3),
                seq: 2,
                digest: [5; 32],
                index: Some(77),
            }),
            size: 100,
            root: Hash([6; 32]),
        }
    }

    #[test]
    fn what_is_signed_is_read_and_nothing_else() {
        let key = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
        let whole = answer();
        let bare = Answer {
            nonce: None,
            found: None,
            ..answer()
        };
        let early = Answer {
            found: whole.found.clone().map(|f| Found {
                index: None,
                reason: None,
                ..f
            }),
            ..answer()
        };
        for answer in [whole, bare, early] {
            let octets = signed(&answer, &key);
            assert_eq!(Answer::verify(&octets, key.public_key()), Ok(answer));
            for at in 0..octets.len() {
                for bit in 0..8 {
                    let mut changed = octets.clone();
                    changed[at] ^= 1 << bit;
                    assert!(
                        Answer::verify(&changed, key.public_key()).is_err(),
                        "octet {at}, bit {bit}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_seal_is_no_answer_and_another_key_is_not_the_registers() {
        let key = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
        let other = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
        let octets = signed(&answer(), &key);
        assert!(Answer::verify(&octets, other.public_key()).is_err());
        assert_eq!(Answer::key(&octets), Ok(KeyId::of(key.public_key())));
        // The same payload signed as a seal.
        let payload = answer().encode();
        let tbs = visible_seal::to_be_signed(key.public_key(), &payload).unwrap();
        let signature = key.sign(tbs.algorithm, &tbs.bytes).unwrap();
        let seal = visible_seal::finish(key.public_key(), &payload, &signature).unwrap();
        assert!(Answer::verify(&seal, key.public_key()).is_err());
    }

    #[test]
    fn payloads_that_contradict_themselves() {
        let good = answer().encode();
        let Ok(Value::Array(members)) = decode_cbor(&good) else {
            panic!("an array");
        };
        for (place, value) in [
            (0, Value::Bytes(vec![0; MAX_NONCE + 1])),
            (0, Value::Integer(1)),
            (1, Value::Bytes(vec![0; 15])),
            (4, Value::Integer(9)),
            (4, Value::Null),
            (8, Value::Null),
            (9, Value::Integer(-1)),
            (10, Value::Integer(-1)),
            (11, Value::Bytes(vec![0; 31])),
        ] {
            let mut wrong = members.clone();
            wrong[place] = value;
            assert_eq!(
                Answer::decode(&encode_cbor(&Value::Array(wrong))),
                None,
                "member {place}"
            );
        }
    }
}
