use core::fmt;

use crate::oid::ObjectIdentifier;

use super::Name;
use crate::der::{DecodeError, DecodeKind, Reader, Tag, Tlv, Writer};

/// A name of whatever kind (RFC 5280 4.2.1.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GeneralName {
    /// otherName: its type and the encoding inside the explicit tag.
    Other(ObjectIdentifier, Vec<u8>),
    /// rfc822Name
    Email(String),
    /// dNSName
    Dns(String),
    /// x400Address, not looked into.
    X400(Vec<u8>),
    /// directoryName
    Directory(Name),
    /// ediPartyName, not looked into.
    EdiParty(Vec<u8>),
    /// uniformResourceIdentifier
    Uri(String),
    /// iPAddress: 4 or 16 octets, twice as many in name constraints.
    Ip(Vec<u8>),
    /// registeredID
    RegisteredId(ObjectIdentifier),
}

impl GeneralName {
    pub(crate) fn decode(tlv: &Tlv<'_>, field: &str) -> Result<Self, DecodeError> {
        let ia5 = || {
            core::str::from_utf8(tlv.value)
                .ok()
                .filter(|t| t.is_ascii())
                .map(str::to_owned)
                .ok_or_else(|| tlv.error(DecodeKind::Value("IA5String is not ASCII"), field))
        };
        Ok(match tlv.tag.0 {
            0xa0 => tlv.nested(field, |r| {
                let oid = r.oid("type-id")?;
                let value = r.nested(Tag::constructed(0), "value", |r| {
                    r.any("value").map(|t| t.raw.to_vec())
                })?;
                Ok(Self::Other(oid, value))
            })?,
            0x81 => Self::Email(ia5()?),
            0x82 => Self::Dns(ia5()?),
            0xa3 => Self::X400(tlv.value.to_vec()),
            0xa4 => Self::Directory(tlv.nested(field, |r| {
                let name = r.expect(Tag::SEQUENCE, "directoryName")?;
                Name::from_der(name.raw).map_err(|e| e.shifted(name.at))
            })?),
            0xa5 => Self::EdiParty(tlv.value.to_vec()),
            0x86 => Self::Uri(ia5()?),
            0x87 => Self::Ip(tlv.value.to_vec()),
            0x88 => Self::RegisteredId(tlv.oid(field)?),
            _ => return Err(tlv.error(DecodeKind::Value("unknown kind of GeneralName"), field)),
        })
    }

    /// Reads GeneralName after GeneralName to the end.
    pub(crate) fn list(r: &mut Reader<'_>, field: &str) -> Result<Vec<Self>, DecodeError> {
        let mut names = Vec::new();
        while !r.is_empty() {
            names.push(Self::decode(&r.any(field)?, field)?);
        }
        Ok(names)
    }

    /// Writes the encoding.
    pub fn encode(&self, w: &mut Writer) {
        match self {
            Self::Other(oid, value) => w.nested(Tag::constructed(0), |w| {
                w.oid(*oid);
                w.nested(Tag::constructed(0), |w| w.raw(value));
            }),
            Self::Email(text) => w.tlv(Tag::primitive(1), text.as_bytes()),
            Self::Dns(text) => w.tlv(Tag::primitive(2), text.as_bytes()),
            Self::X400(value) => w.tlv(Tag::constructed(3), value),
            Self::Directory(name) => w.nested(Tag::constructed(4), |w| w.raw(name.der())),
            Self::EdiParty(value) => w.tlv(Tag::constructed(5), value),
            Self::Uri(text) => w.tlv(Tag::primitive(6), text.as_bytes()),
            Self::Ip(octets) => w.tlv(Tag::primitive(7), octets),
            Self::RegisteredId(oid) => w.tlv(Tag::primitive(8), oid.as_bytes()),
        }
    }

    /// The URI, where it is one.
    pub fn uri(&self) -> Option<&str> {
        match self {
            Self::Uri(uri) => Some(uri),
            _ => None,
        }
    }
}

/// The kind, a colon, the value; what cannot be read is in hexadecimal.
impl fmt::Display for GeneralName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |f: &mut fmt::Formatter<'_>, octets: &[u8]| {
            octets.iter().try_for_each(|b| write!(f, "{b:02x}"))
        };
        match self {
            Self::Other(oid, value) => {
                write!(f, "other:{oid}:")?;
                hex(f, value)
            }
            Self::Email(text) => write!(f, "email:{}", text.escape_default()),
            Self::Dns(text) => write!(f, "dns:{}", text.escape_default()),
            Self::Uri(text) => write!(f, "uri:{}", text.escape_default()),
            Self::X400(value) => {
                f.write_str("x400:")?;
                hex(f, value)
            }
            Self::EdiParty(value) => {
                f.write_str("edi:")?;
                hex(f, value)
            }
            Self::Directory(name) => write!(f, "directory:{name}"),
            Self::Ip(octets) => {
                f.write_str("ip:")?;
                if let Ok(v4) = <[u8; 4]>::try_from(octets.as_slice()) {
                    write!(f, "{}", std::net::Ipv4Addr::from(v4))
                } else if let Ok(v6) = <[u8; 16]>::try_from(octets.as_slice()) {
                    write!(f, "{}", std::net::Ipv6Addr::from(v6))
                } else {
                    hex(f, octets)
                }
            }
            Self::RegisteredId(oid) => write!(f, "oid:{oid}"),
        }
    }
}
