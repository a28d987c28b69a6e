//! Status lists: what is not in force, for those who check without a network.
//!
//! A list names documents by short digests that hold for this list alone, so that two lists cannot be
//! compared by who is not a holder of the record; of a document that is not listed it says only that.
//! The file is a signed head (COSE_Sign1, ES256) behind its length in two octets, and the entries,
//! DEFLATE, whose digest stands in the head: nothing is unpacked that the register did not sign.

use core::fmt;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use super::Standing;
use super::leaf::{number_of_status, sha256, status_of_number};
use crate::keys::{PublicKey, ToBeSigned};
use crate::log::Hash;
use crate::time::UnixTime;
use crate::visible_seal::{
    self, SealError, Value, VisibleSeal, decode_cbor, encode_cbor, to_be_signed_as,
};

/// `external_aad`: what the signature is for.
const CONTEXT: &[u8] = b"esign-code/1/status-list";
/// Octets of a document's name in a list.
const SID: usize = 8;
/// Most entries: a nation's papers that fell and have not expired; 144 MB unpacked.
pub const MAX_LISTED: u64 = 1 << 24;

/// What is said of a whole list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusListHead {
    /// Its number; a later list has a greater one.
    pub number: u64,
    /// When it was made.
    pub at: UnixTime,
    /// When the next one is there at the latest.
    pub next: UnixTime,
    /// How many leaves the log had.
    pub size: u64,
    /// The root of that log.
    pub root: Hash,
    /// How many documents are listed.
    pub count: u64,
    /// SHA-256 of the entries as they are in the file.
    pub digest: [u8; 32],
}

/// A list that is to be signed.
#[derive(Clone, Debug)]
pub struct UnsignedStatusList {
    head: StatusListHead,
    entries: Vec<u8>,
}

/// A list whose signature was verified.
#[derive(Clone, Debug)]
pub struct StatusList {
    head: StatusListHead,
    /// Sorted by name.
    entries: Vec<([u8; SID], Standing)>,
}

/// Why octets are no list, or not this register's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatusListError {
    /// The head is not signed by the key, or has another shape.
    Signed(SealError),
    /// The file, the head or the entries are not what they should be; the text says what.
    Structure(&'static str),
    /// More entries than [`MAX_LISTED`].
    Limit,
}

/// The name of the document with the digest D in the list of this number.
pub fn sid(number: u64, digest: &[u8; 32]) -> [u8; SID] {
    let whole = sha256(&[b"esign-code/1/sid\0", &number.to_be_bytes(), digest]);
    whole.first_chunk().copied().unwrap_or_default()
}

impl UnsignedStatusList {
    /// The list over `listed`, digests D with their statuses; `size` and `root` of the log that they were
    /// read under.
    ///
    /// # Errors
    /// [`StatusListError::Limit`].
    pub fn new(
        at: UnixTime,
        next: UnixTime,
        number: u64,
        (size, root): (u64, Hash),
        listed: &[([u8; 32], Standing)],
    ) -> Result<Self, StatusListError> {
        let count = u64::try_from(listed.len()).unwrap_or(u64::MAX);
        if count > MAX_LISTED {
            return Err(StatusListError::Limit);
        }
        let mut named: Vec<_> = listed
            .iter()
            .map(|(digest, status)| (sid(number, digest), *status))
            .collect();
        named.sort_unstable_by_key(|(sid, _)| *sid);
        let failed = |_| StatusListError::Structure("the entries cannot be packed");
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
        // All names, then all statuses: the latter pack to almost nothing.
        for (sid, _) in &named {
            packed.write_all(sid).map_err(failed)?;
        }
        for (_, status) in &named {
            let number = u8::try_from(number_of_status(*status)).unwrap_or(u8::MAX);
            packed.write_all(&[number]).map_err(failed)?;
        }
        let entries = packed.finish().map_err(failed)?;
        let head = StatusListHead {
            number,
            at,
            next,
            size,
            root,
            count,
            digest: sha256(&[&entries]),
        };
        Ok(Self { head, entries })
    }

    /// What the register's key is to sign.
    ///
    /// # Errors
    /// [`SealError::Key`] where the key is not P-256.
    pub fn to_be_signed(&self, key: &PublicKey) -> Result<ToBeSigned, SealError> {
        to_be_signed_as(CONTEXT, key, &self.head.encode())
    }

    /// The file.
    ///
    /// # Errors
    /// [`SealError::Signature`] where `signature` is no DER signature of P-256.
    pub fn finish(&self, key: &PublicKey, signature: &[u8]) -> Result<Vec<u8>, SealError> {
        let signed = visible_seal::finish(key, &self.head.encode(), signature)?;
        let length = u16::try_from(signed.len()).unwrap_or(u16::MAX);
        Ok([&length.to_be_bytes(), signed.as_slice(), &self.entries].concat())
    }
}

impl StatusListHead {
    fn encode(&self) -> Vec<u8> {
        let wide = |n: u64| Value::Integer(i64::try_from(n).unwrap_or(i64::MAX));
        encode_cbor(&Value::Array(vec![
            wide(self.number),
            Value::Integer(self.at.seconds()),
            Value::Integer(self.next.seconds()),
            wide(self.size),
            Value::Bytes(self.root.0.to_vec()),
            wide(self.count),
            Value::Bytes(self.digest.to_vec()),
        ]))
    }

    fn decode(payload: &[u8]) -> Option<Self> {
        let Ok(Value::Array(members)) = decode_cbor(payload) else {
            return None;
        };
        let [
            Value::Integer(number),
            Value::Integer(at),
            Value::Integer(next),
            Value::Integer(size),
            Value::Bytes(root),
            Value::Integer(count),
            Value::Bytes(digest),
        ] = members.as_slice()
        else {
            return None;
        };
        let time = |n: i64| {
            let time = UnixTime::from_seconds(n);
            (time.seconds() == n).then_some(time)
        };
        Some(Self {
            number: u64::try_from(*number).ok()?,
            at: time(*at)?,
            next: time(*next)?,
            size: u64::try_from(*size).ok()?,
            root: Hash(root.as_slice().try_into().ok()?),
            count: u64::try_from(*count).ok()?,
            digest: digest.as_slice().try_into().ok()?,
        })
    }
}

impl StatusList {
    /// Reads a file and verifies it with the register's key. Whether it is of now is for the caller.
    ///
    /// # Errors
    /// [`StatusListError`]; entries are unpacked only after the signature over them is verified, and no
    /// further than their number says.
    pub fn verify(octets: &[u8], key: &PublicKey) -> Result<Self, StatusListError> {
        let bad = StatusListError::Structure;
        let short = bad("the file is too short");
        let (length, rest) = octets.split_first_chunk().ok_or(short.clone())?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (signed, entries) = rest.split_at_checked(length).ok_or(short)?;
        let signed = VisibleSeal::decode(signed).map_err(StatusListError::Signed)?;
        signed
            .verify_as(CONTEXT, key)
            .map_err(StatusListError::Signed)?;
        let head = StatusListHead::decode(&signed.record).ok_or(bad("the head is not one"))?;
        if head.count > MAX_LISTED {
            return Err(StatusListError::Limit);
        }
        if sha256(&[entries]) != head.digest {
            return Err(bad("the entries are not those that were signed"));
        }
        let size = head.count.saturating_mul(9);
        let mut unpacked = Vec::new();
        DeflateDecoder::new(entries)
            .take(size.saturating_add(1))
            .read_to_end(&mut unpacked)
            .map_err(|_| bad("the entries cannot be unpacked"))?;
        if u64::try_from(unpacked.len()) != Ok(size) {
            return Err(bad("there are more or fewer entries than the head says"));
        }
        let count = usize::try_from(head.count).map_err(|_| StatusListError::Limit)?;
        let (names, statuses) = unpacked
            .split_at_checked(count.saturating_mul(SID))
            .ok_or(bad("there are fewer entries than the head says"))?;
        let entries = names
            .as_chunks::<SID>()
            .0
            .iter()
            .zip(statuses)
            .map(|(name, status)| Some((*name, status_of_number(i64::from(*status))?)))
            .collect::<Option<Vec<_>>>()
            .ok_or(bad("an entry has a status that is none"))?;
        if !entries.is_sorted_by_key(|(name, _)| *name) {
            return Err(bad("the entries are not sorted"));
        }
        Ok(Self { head, entries })
    }

    /// What is said of the whole list.
    pub fn head(&self) -> &StatusListHead {
        &self.head
    }

    /// The status of the document with the digest D where it is listed. One that is not listed was in
    /// force, or unknown, when the list was made.
    pub fn find(&self, digest: &[u8; 32]) -> Option<Standing> {
        let name = sid(self.head.number, digest);
        self.entries
            .binary_search_by_key(&name, |(name, _)| *name)
            .ok()
            .and_then(|at| self.entries.get(at))
            .map(|(_, status)| *status)
    }
}

impl fmt::Display for StatusListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signed(e) => write!(f, "status list: {e}"),
            Self::Structure(what) => write!(f, "status list: {what}"),
            Self::Limit => write!(f, "status list: has more than {MAX_LISTED} entries"),
        }
    }
}

impl std::error::Error for StatusListError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Curve, KeySpec, PrivateKey, SigningKey};

    const AT: UnixTime = UnixTime::from_seconds(1_800_000_000);

    fn signed(list: &UnsignedStatusList, key: &PrivateKey) -> Vec<u8> {
        let tbs = list.to_be_signed(key.public_key()).unwrap();
        let signature = key.sign(tbs.algorithm, &tbs.bytes).unwrap();
        list.finish(key.public_key(), &signature).unwrap()
    }

    fn list(count: u32) -> UnsignedStatusList {
        let listed: Vec<_> = (0..count)
            .map(|n| (sha256(&[&n.to_be_bytes()]), Standing::Revoked))
            .collect();
        UnsignedStatusList::new(AT, AT.plus(3600), 7, (9, Hash::empty()), &listed).unwrap()
    }

    #[test]
    fn what_is_listed_is_found_and_nothing_else() {
        let key = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
        for count in [0, 1, 1000] {
            let octets = signed(&list(count), &key);
            let read = StatusList::verify(&octets, key.public_key()).unwrap();
            assert_eq!(read.head().count, u64::from(count));
            for n in 0..count {
                let found = read.find(&sha256(&[&n.to_be_bytes()]));
                assert_eq!(found, Some(Standing::Revoked));
            }
            assert_eq!(read.find(&[0; 32]), None);
        }
        // Statuses cost next to nothing.
        assert!(signed(&list(1000), &key).len() < 1000 * SID + 400);
        // Names hold for one list.
        assert_ne!(sid(7, &[1; 32]), sid(8, &[1; 32]));
    }

    #[test]
    fn every_octet_is_signed() {
        let key = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
        let octets = signed(&list(20), &key);
        for at in 0..octets.len() {
            for bit in 0..8 {
                let mut changed = octets.clone();
                changed[at] ^= 1 << bit;
                let read = StatusList::verify(&changed, key.public_key());
                assert!(read.is_err(), "octet {at}, bit {bit}");
            }
        }
        for length in 0..octets.len() {
            assert!(StatusList::verify(&octets[..length], key.public_key()).is_err());
        }
    }

    /// Signed by the register itself: still no more is unpacked than it says.
    #[test]
    fn a_bomb_is_not_unpacked() {
        let key = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
        packed.write_all(&vec![0; 1 << 24]).unwrap();
        let mut bomb = list(1);
        bomb.entries = packed.finish().unwrap();
        bomb.head.digest = sha256(&[&bomb.entries]);
        let octets = signed(&bomb, &key);
        assert!(octets.len() < 1 << 16);
        let wrong = StatusList::verify(&octets, key.public_key()).unwrap_err();
        assert!(matches!(wrong, StatusListError::Structure(what) if what.contains("more")));
        bomb.head.count = MAX_LISTED + 1;
        let wrong = StatusList::verify(&signed(&bomb, &key), key.public_key());
        assert_eq!(wrong.unwrap_err(), StatusListError::Limit);
        // Out of order, and of a status that is none.
        for entries in [
            [&[1; 8][..], &[0; 8], &[2, 2]].concat(),
            [&[0; 8][..], &[1; 8], &[2, 9]].concat(),
        ] {
            let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
            packed.write_all(&entries).unwrap();
            let mut wrong = list(2);
            wrong.entries = packed.finish().unwrap();
            wrong.head.digest = sha256(&[&wrong.entries]);
            assert!(StatusList::verify(&signed(&wrong, &key), key.public_key()).is_err());
        }
    }
}
