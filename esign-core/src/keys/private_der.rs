//! The structures that private keys are kept in.

use crate::der::{DecodeError, DecodeKind, Reader, Tag, Tlv};

/// `OneAsymmetricKey` (RFC 5958 2).
pub(super) struct OneAsymmetricKey<'a> {
    pub(super) algorithm: Tlv<'a>,
    pub(super) key: &'a [u8],
    pub(super) public: Option<&'a [u8]>,
}

impl<'a> OneAsymmetricKey<'a> {
    pub(super) fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let place = *r;
        let version = r.u32("version")?;
        if version > 1 {
            return Err(place.error(DecodeKind::Value("version is not v1 or v2"), "version"));
        }
        let algorithm = r.expect(Tag::SEQUENCE, "privateKeyAlgorithm")?;
        let key = r.expect(Tag::OCTET_STRING, "privateKey")?.value;
        r.optional(Tag::constructed(0), "attributes")?;
        let public = if let Some(public) = r.optional(Tag::primitive(1), "publicKey")? {
            Some(public.bit_octets("publicKey")?)
        } else if let Some(public) = r.optional(Tag::constructed(1), "publicKey")? {
            // ring before 0.17 tagged it explicitly.
            Some(public.nested("publicKey", bit_string)?)
        } else {
            None
        };
        Ok(Self {
            algorithm,
            key,
            public,
        })
    }
}

/// `ECPrivateKey` (RFC 5915 3).
pub(super) struct EcPrivateKey<'a> {
    pub(super) scalar: &'a [u8],
    pub(super) curve: Option<Tlv<'a>>,
    pub(super) public: Option<&'a [u8]>,
}

impl<'a> EcPrivateKey<'a> {
    pub(super) fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        r.sequence("ecPrivateKey", |r| {
            let place = *r;
            if r.u32("version")? != 1 {
                return Err(place.error(DecodeKind::Value("version is not 1"), "version"));
            }
            let scalar = r.expect(Tag::OCTET_STRING, "privateKey")?.value;
            let curve = r.optional(Tag::constructed(0), "parameters")?;
            let curve = match curve {
                Some(c) => Some(c.nested("parameters", |r| r.any("namedCurve"))?),
                None => None,
            };
            let public = r.optional(Tag::constructed(1), "publicKey")?;
            let public = match public {
                Some(p) => Some(p.nested("publicKey", bit_string)?),
                None => None,
            };
            Ok(Self {
                scalar,
                curve,
                public,
            })
        })
    }
}

fn bit_string<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    r.expect(Tag::BIT_STRING, "")?.bit_octets("")
}
