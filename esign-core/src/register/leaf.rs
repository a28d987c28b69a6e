//! Leaves: what the register's log says of a document, to everybody.
//!
//! A leaf names body, class and time, and commits to the rest: whoever has the record, or the statement
//! with its salt, can show that it is the one; whoever has not learns nothing of the document.

use core::fmt;

use super::Standing;
use crate::keys::{DigestAlgorithm, Hasher};
use crate::time::UnixTime;
use crate::visible_seal::{Value, decode_cbor, encode_cbor};

/// The version of the form, first member of every leaf.
const VERSION: i64 = 1;

/// What a leaf tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafKind {
    /// A document was registered.
    Issue,
    /// A document's status changed.
    Status,
}

/// An entry of the register's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// What it tells of.
    pub kind: LeafKind,
    /// The body.
    pub issuer: u32,
    /// The class; 0 where that alone would tell too much.
    pub class: u32,
    /// When, as the register says; proved by the first cosigned checkpoint over it.
    pub time: UnixTime,
    /// C: what it commits to.
    pub commitment: [u8; 32],
}

/// Octets that are no leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeafError;

impl Leaf {
    /// The deterministic encoding.
    pub fn encode(&self) -> Vec<u8> {
        let kind = match self.kind {
            LeafKind::Issue => 1,
            LeafKind::Status => 2,
        };
        encode_cbor(&Value::Array(vec![
            Value::Integer(VERSION),
            Value::Integer(kind),
            Value::Integer(i64::from(self.issuer)),
            Value::Integer(i64::from(self.class)),
            Value::Integer(self.time.seconds()),
            Value::Bytes(self.commitment.to_vec()),
        ]))
    }

    /// Decodes a leaf.
    ///
    /// # Errors
    /// Not deterministic, not six members of the right kinds, numbers out of range, another version.
    pub fn decode(octets: &[u8]) -> Result<Self, LeafError> {
        let Ok(Value::Array(members)) = decode_cbor(octets) else {
            return Err(LeafError);
        };
        let [
            Value::Integer(VERSION),
            Value::Integer(kind),
            Value::Integer(issuer),
            Value::Integer(class),
            Value::Integer(time),
            Value::Bytes(commitment),
        ] = members.as_slice()
        else {
            return Err(LeafError);
        };
        let number = |n: &i64| u32::try_from(*n).map_err(|_| LeafError);
        let at = UnixTime::from_seconds(*time);
        if at.seconds() != *time {
            return Err(LeafError);
        }
        Ok(Self {
            kind: match kind {
                1 => LeafKind::Issue,
                2 => LeafKind::Status,
                _ => return Err(LeafError),
            },
            issuer: number(issuer)?,
            class: number(class)?,
            time: at,
            commitment: commitment.as_slice().try_into().map_err(|_| LeafError)?,
        })
    }
}

/// C of a registration: over the record's digest D and the file's digest F.
pub fn issue_commitment(record: &[u8; 32], file: Option<&[u8; 32]>) -> [u8; 32] {
    sha256(&[
        b"esign-code/1/leaf\0",
        record,
        file.unwrap_or(&[0; 32]).as_slice(),
    ])
}

/// What a status leaf commits to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusStatement {
    /// Index of the leaf of the document's registration.
    pub index: u64,
    /// Number of the status: 2 for the first change.
    pub seq: u32,
    /// The new status.
    pub status: Standing,
    /// Since when.
    pub since: UnixTime,
    /// Why, by the register's list of reasons.
    pub reason: Option<u32>,
    /// C of the document's leaf before this one: no change can be left out unseen.
    pub previous: [u8; 32],
}

impl StatusStatement {
    /// C of the change; `salt` is random and new for each.
    pub fn commitment(&self, salt: &[u8; 16]) -> [u8; 32] {
        let statement = encode_cbor(&Value::Array(vec![
            Value::Integer(i64::try_from(self.index).unwrap_or(i64::MAX)),
            Value::Integer(i64::from(self.seq)),
            Value::Integer(number_of_status(self.status)),
            Value::Integer(self.since.seconds()),
            self.reason
                .map_or(Value::Null, |reason| Value::Integer(i64::from(reason))),
            Value::Bytes(self.previous.to_vec()),
        ]));
        sha256(&[b"esign-code/1/status\0", salt, &statement])
    }
}

/// A status as a number: in force 0, suspended 1, revoked 2, superseded 3, expired 4, used 5.
pub(super) const fn number_of_status(status: Standing) -> i64 {
    match status {
        Standing::InForce => 0,
        Standing::Suspended => 1,
        Standing::Revoked => 2,
        Standing::Superseded => 3,
        Standing::Expired => 4,
        Standing::Used => 5,
    }
}

/// The status of a number.
pub const fn status_of_number(number: i64) -> Option<Standing> {
    Some(match number {
        0 => Standing::InForce,
        1 => Standing::Suspended,
        2 => Standing::Revoked,
        3 => Standing::Superseded,
        4 => Standing::Expired,
        5 => Standing::Used,
        _ => return None,
    })
}

pub(super) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
    for part in parts {
        hasher.update(part);
    }
    hasher.finish().as_bytes().try_into().unwrap_or([0; 32])
}

impl fmt::Display for LeafError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("leaf: not [1, kind, issuer, class, time, commitment] in deterministic CBOR")
    }
}

impl std::error::Error for LeafError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_is_six_members_and_every_octet_counts() {
        let leaf = Leaf {
            kind: LeafKind::Issue,
            issuer: 12,
            class: 300,
            time: UnixTime::from_seconds(1_800_000_000),
            commitment: issue_commitment(&[1; 32], None),
        };
        let octets = leaf.encode();
        let hex: String = octets.iter().take(13).map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "8601010c19012c1a6b49d20058");
        assert_eq!(Leaf::decode(&octets), Ok(leaf.clone()));
        for at in 0..octets.len() {
            let mut changed = octets.clone();
            changed[at] ^= 1;
            assert_ne!(Leaf::decode(&changed), Ok(leaf.clone()), "octet {at}");
        }
        assert_eq!(Leaf::decode(&octets[..octets.len() - 1]), Err(LeafError));
    }

    #[test]
    fn commitments_bind_everything() {
        let statement = StatusStatement {
            index: 7,
            seq: 2,
            status: Standing::Revoked,
            since: UnixTime::from_seconds(5),
            reason: Some(1),
            previous: [3; 32],
        };
        let first = statement.commitment(&[0; 16]);
        let others = [
            StatusStatement {
                index: 8,
                ..statement.clone()
            },
            StatusStatement {
                seq: 3,
                ..statement.clone()
            },
            StatusStatement {
                status: Standing::Suspended,
                ..statement.clone()
            },
            StatusStatement {
                since: UnixTime::from_seconds(6),
                ..statement.clone()
            },
            StatusStatement {
                reason: None,
                ..statement.clone()
            },
            StatusStatement {
                previous: [4; 32],
                ..statement.clone()
            },
        ];
        for other in others {
            assert_ne!(other.commitment(&[0; 16]), first, "{other:?}");
        }
        assert_ne!(statement.commitment(&[1; 16]), first);
        assert_ne!(
            issue_commitment(&[1; 32], None),
            issue_commitment(&[1; 32], Some(&[1; 32]))
        );
        for status in 0..6 {
            let known = status_of_number(status).unwrap();
            assert_eq!(number_of_status(known), status);
        }
        assert_eq!(status_of_number(6), None);
    }
}
