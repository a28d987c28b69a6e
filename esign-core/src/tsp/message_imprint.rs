use crate::oid::ObjectIdentifier;

use super::{MAX_IMPRINT, MAX_NONCE};
use crate::der::{DecodeError, DecodeKind, Reader, Tag, Writer};
use crate::keys::{Digest, DigestAlgorithm, KeyError, KeyErrorKind, Random};

/// `MessageImprint` (RFC 3161 2.4.1): what is stamped, as it was received or made.
///
/// The octets are kept so that an authority gives back the same ones: parameters NULL stay NULL.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageImprint {
    algorithm: Result<DigestAlgorithm, ObjectIdentifier>,
    hashed_message: Box<[u8]>,
    raw: Box<[u8]>,
}

impl MessageImprint {
    /// The imprint of a digest.
    pub fn new(digest: &Digest) -> Self {
        let mut w = Writer::with_capacity(96);
        w.sequence(|w| {
            digest.algorithm().encode(w);
            w.octets(digest.as_bytes());
        });
        Self {
            algorithm: Ok(digest.algorithm()),
            hashed_message: digest.as_bytes().into(),
            raw: w.finish().into(),
        }
    }

    /// `hashAlgorithm`; its identifier where it is not computed here.
    pub fn algorithm(&self) -> Result<DigestAlgorithm, ObjectIdentifier> {
        self.algorithm
    }

    /// `hashedMessage`, of whatever length.
    pub fn hashed_message(&self) -> &[u8] {
        &self.hashed_message
    }

    /// The digest; `None` where the algorithm is not known or the length is not its.
    pub fn digest(&self) -> Option<Digest> {
        Digest::new(self.algorithm.ok()?, &self.hashed_message)
    }

    /// The whole encoding.
    pub fn der(&self) -> &[u8] {
        &self.raw
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let tlv = r.expect(Tag::SEQUENCE, "messageImprint")?;
        tlv.nested("messageImprint", |r| {
            let algorithm = DigestAlgorithm::decode(r, "hashAlgorithm")?;
            let hashed = r.expect(Tag::OCTET_STRING, "hashedMessage")?;
            if hashed.value.len() > MAX_IMPRINT {
                let kind = DecodeKind::Limit("longer than 512 octets");
                return Err(hashed.error(kind, "hashedMessage"));
            }
            Ok(Self {
                algorithm,
                hashed_message: hashed.value.into(),
                raw: tlv.raw.into(),
            })
        })
    }
}

/// The algorithm and the octets in hexadecimal.
impl core::fmt::Display for MessageImprint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.algorithm {
            Ok(known) => write!(f, "{known} ")?,
            Err(oid) => write!(f, "{oid} ")?,
        }
        self.hashed_message
            .iter()
            .try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl core::fmt::Debug for MessageImprint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

/// What ties a response to its request: an INTEGER of any sign, 1 to 128 octets.
#[derive(Clone, PartialEq, Eq)]
pub struct Nonce(Box<[u8]>);

impl Nonce {
    /// 63 random bits and never zero: RFC 3161 2.4.1 suggests 64 bits, and a positive number of 8
    /// octets is one that every authority takes.
    ///
    /// # Errors
    /// `random` gives nothing, or nothing but zeros.
    pub fn random(random: &dyn Random) -> Result<Self, KeyError> {
        let mut octets = [0u8; 8];
        random.fill(&mut octets)?;
        let number = u64::from_be_bytes(octets) >> 1;
        if number == 0 {
            return Err(KeyError::new(
                KeyErrorKind::Random,
                "nonce: the random octets are all zero",
            ));
        }
        // The INTEGER of a positive number, minimal.
        let mut w = Writer::new();
        w.unsigned(Tag::INTEGER, &number.to_be_bytes());
        Ok(Self(w.finish().get(2..).unwrap_or_default().into()))
    }

    /// Content octets of the INTEGER, two's complement.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn decode_optional(r: &mut Reader<'_>) -> Result<Option<Self>, DecodeError> {
        let Some(tlv) = r.optional(Tag::INTEGER, "nonce")? else {
            return Ok(None);
        };
        let octets = tlv.integer("nonce")?;
        if octets.len() > MAX_NONCE {
            return Err(tlv.error(DecodeKind::Limit("longer than 128 octets"), "nonce"));
        }
        Ok(Some(Self(octets.into())))
    }

    pub(super) fn encode(&self, w: &mut Writer) {
        w.tlv(Tag::INTEGER, &self.0);
    }
}

/// The octets in hexadecimal.
impl core::fmt::Display for Nonce {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl core::fmt::Debug for Nonce {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}
