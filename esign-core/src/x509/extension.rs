use core::fmt;
use core::ops::{BitOr, Range};

use crate::oid::ObjectIdentifier;

use super::name::string;
use super::{GeneralName, SerialNumber};
use crate::der::{DecodeError, DecodeKind, Reader, Rules, Tag, Tlv, decode};
use crate::oid;

/// Most extensions in one list. The largest real certificates have some twenty.
const MAX_EXTENSIONS: usize = 128;

/// One extension as received.
#[derive(Clone, Copy)]
pub struct Extension<'a> {
    /// Its type.
    pub oid: ObjectIdentifier,
    /// Whether who does not know it must refuse the whole.
    pub critical: bool,
    /// The octets inside `extnValue`.
    pub value: &'a [u8],
    /// Offset of `value` in the input.
    pub at: u64,
}

/// Where the extensions of a certificate, CRL or request lie in its octets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extensions(Vec<Place>);

#[derive(Clone, Debug)]
struct Place {
    oid: ObjectIdentifier,
    critical: bool,
    value: Range<usize>,
}

impl Extensions {
    /// Reads `SEQUENCE SIZE (1..MAX) OF Extension`; no type may stand twice (RFC 5280 4.2).
    pub(crate) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let field = "extensions";
        let list = r.expect(Tag::SEQUENCE, field)?;
        let mut places: Vec<Place> = Vec::with_capacity(10);
        list.nested(field, |r| {
            if r.is_empty() {
                return Err(r.error(DecodeKind::Value("list is empty"), ""));
            }
            while !r.is_empty() {
                let one = r.expect(Tag::SEQUENCE, "extension")?;
                let place = one.nested("extension", |r| {
                    let oid = r.oid("extnID")?;
                    let critical = match r.optional(Tag::BOOLEAN, "critical")? {
                        Some(b) if !b.boolean("critical")? => {
                            // X.690 11.5: a DEFAULT value is left out.
                            return Err(
                                b.error(DecodeKind::NotDer("critical is FALSE"), "critical")
                            );
                        }
                        Some(_) => true,
                        None => false,
                    };
                    let value = r.expect(Tag::OCTET_STRING, "extnValue")?;
                    Ok(Place {
                        oid,
                        critical,
                        value: content(&value),
                    })
                })?;
                if places.iter().any(|p| p.oid == place.oid) {
                    return Err(one.error(DecodeKind::Value("extension stands twice"), ""));
                }
                if places.len() >= MAX_EXTENSIONS {
                    return Err(one.error(DecodeKind::Limit("more than 128 extensions"), ""));
                }
                places.push(place);
            }
            Ok(())
        })?;
        Ok(Self(places))
    }

    pub(crate) fn iter<'a>(&'a self, der: &'a [u8]) -> impl Iterator<Item = Extension<'a>> {
        self.0.iter().map(move |p| p.view(der))
    }

    pub(crate) fn find<'a>(
        &'a self,
        der: &'a [u8],
        oid: ObjectIdentifier,
    ) -> Option<Extension<'a>> {
        self.0.iter().find(|p| p.oid == oid).map(|p| p.view(der))
    }
}

impl Place {
    fn view<'a>(&self, der: &'a [u8]) -> Extension<'a> {
        Extension {
            oid: self.oid,
            critical: self.critical,
            value: der.get(self.value.clone()).unwrap_or_default(),
            at: u64::try_from(self.value.start).unwrap_or(u64::MAX),
        }
    }
}

/// Where the content of `tlv` lies in the outermost input.
pub(super) fn content(tlv: &Tlv<'_>) -> Range<usize> {
    let whole = raw(tlv);
    whole.end.saturating_sub(tlv.value.len())..whole.end
}

/// Where `tlv` lies in the outermost input.
pub(super) fn raw(tlv: &Tlv<'_>) -> Range<usize> {
    let start = usize::try_from(tlv.at).unwrap_or(usize::MAX);
    start..start.saturating_add(tlv.raw.len())
}

impl<'a> Extension<'a> {
    /// Decodes the value, which `read` must use up; `name` stands before errors.
    ///
    /// # Errors
    /// What `read` says, with offsets in the whole input.
    pub fn decode<T>(
        &self,
        name: &str,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        decode(self.value, Rules::Der, read).map_err(|e| e.within(name).shifted(self.at))
    }
}

impl fmt::Debug for Extension<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{}",
            self.oid,
            if self.critical { " critical" } else { "" }
        )
    }
}

/// Whether the subject is a certification authority (RFC 5280 4.2.1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct BasicConstraints {
    /// Whether it is one.
    pub ca: bool,
    /// How many intermediate certificates that are not self-issued may follow.
    pub path_len: Option<u32>,
}

impl BasicConstraints {
    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.sequence("", |r| {
            let ca = match r.optional(Tag::BOOLEAN, "cA")? {
                Some(b) if !b.boolean("cA")? => {
                    return Err(b.error(DecodeKind::NotDer("cA is FALSE"), "cA"));
                }
                Some(_) => true,
                None => false,
            };
            let path_len = if r.is_empty() {
                None
            } else {
                Some(r.u32("pathLenConstraint")?)
            };
            Ok(Self { ca, path_len })
        })
    }
}

/// What a key may be used for (RFC 5280 4.2.1.3): bit 0 of the syntax in bit 0.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct KeyUsage(pub u16);

impl KeyUsage {
    /// digitalSignature
    pub const DIGITAL_SIGNATURE: Self = Self(1);
    /// nonRepudiation, contentCommitment
    pub const NON_REPUDIATION: Self = Self(1 << 1);
    /// keyEncipherment
    pub const KEY_ENCIPHERMENT: Self = Self(1 << 2);
    /// dataEncipherment
    pub const DATA_ENCIPHERMENT: Self = Self(1 << 3);
    /// keyAgreement
    pub const KEY_AGREEMENT: Self = Self(1 << 4);
    /// keyCertSign
    pub const KEY_CERT_SIGN: Self = Self(1 << 5);
    /// cRLSign
    pub const CRL_SIGN: Self = Self(1 << 6);
    /// encipherOnly
    pub const ENCIPHER_ONLY: Self = Self(1 << 7);
    /// decipherOnly
    pub const DECIPHER_ONLY: Self = Self(1 << 8);

    /// The names of the syntax, bit 0 first.
    pub const NAMES: [&'static str; 9] = [
        "digitalSignature",
        "nonRepudiation",
        "keyEncipherment",
        "dataEncipherment",
        "keyAgreement",
        "keyCertSign",
        "cRLSign",
        "encipherOnly",
        "decipherOnly",
    ];

    /// Whether all of `other` is in it.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is in it.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The names of the bits that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .enumerate()
            .filter(move |(i, _)| self.0 >> i & 1 == 1)
            .map(|(_, n)| n)
    }

    /// The flag of a name of the syntax.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .position(|n| *n == name)
            .map(|i| Self(1 << i))
    }
}

impl BitOr for KeyUsage {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// Which key of the issuer signed (RFC 5280 4.2.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AuthorityKeyIdentifier {
    /// keyIdentifier
    pub key_identifier: Option<Vec<u8>>,
    /// authorityCertIssuer
    pub issuer: Vec<GeneralName>,
    /// authorityCertSerialNumber
    pub serial: Option<SerialNumber>,
}

impl AuthorityKeyIdentifier {
    pub(crate) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.sequence("", |r| {
            let key_identifier = r
                .optional(Tag::primitive(0), "keyIdentifier")?
                .map(|t| t.value.to_vec());
            let issuer = match r.optional(Tag::constructed(1), "authorityCertIssuer")? {
                Some(t) => t.nested("authorityCertIssuer", |r| GeneralName::list(r, ""))?,
                None => Vec::new(),
            };
            let serial = match r.optional(Tag::primitive(2), "authorityCertSerialNumber")? {
                Some(t) => Some(SerialNumber::from_content(
                    t.integer("authorityCertSerialNumber")?,
                )),
                None => None,
            };
            Ok(Self {
                key_identifier,
                issuer,
                serial,
            })
        })
    }
}

/// Where a CRL is to be had (RFC 5280 4.2.1.13).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct DistributionPoint {
    /// fullName
    pub full_name: Vec<GeneralName>,
    /// nameRelativeToCRLIssuer, as its encoding.
    pub relative_name: Option<Vec<u8>>,
    /// Which reasons its CRL covers, where not all: ReasonFlags, bit 0 in bit 0.
    pub reasons: Option<u16>,
    /// cRLIssuer, where it is not the certificate's issuer.
    pub crl_issuer: Vec<GeneralName>,
}

impl DistributionPoint {
    pub(crate) fn list(r: &mut Reader<'_>) -> Result<Vec<Self>, DecodeError> {
        sequence_of(r, |r| {
            r.sequence("distributionPoint", |r| {
                let mut point = Self::default();
                if let Some(t) = r.optional(Tag::constructed(0), "distributionPoint")? {
                    (point.full_name, point.relative_name) =
                        t.nested("distributionPoint", distribution_point_name)?;
                }
                if let Some(t) = r.optional(Tag::primitive(1), "reasons")? {
                    point.reasons = Some(t.named_bits("reasons")?);
                }
                if let Some(t) = r.optional(Tag::constructed(2), "cRLIssuer")? {
                    point.crl_issuer = t.nested("cRLIssuer", |r| GeneralName::list(r, ""))?;
                }
                Ok(point)
            })
        })
    }

    /// The URIs among its names.
    pub fn uris(&self) -> impl Iterator<Item = &str> {
        self.full_name.iter().filter_map(GeneralName::uri)
    }
}

/// Reads a `DistributionPointName`: the full names, or the relative one as its encoding.
pub(crate) fn distribution_point_name(
    r: &mut Reader<'_>,
) -> Result<(Vec<GeneralName>, Option<Vec<u8>>), DecodeError> {
    if let Some(t) = r.optional(Tag::constructed(0), "fullName")? {
        return Ok((t.nested("fullName", |r| GeneralName::list(r, ""))?, None));
    }
    let relative = r.expect(Tag::constructed(1), "nameRelativeToCRLIssuer")?;
    Ok((Vec::new(), Some(relative.raw.to_vec())))
}

/// Where to find more about the issuer or the subject (RFC 5280 4.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessDescription {
    /// accessMethod: OCSP, caIssuers, …
    pub method: ObjectIdentifier,
    /// accessLocation
    pub location: GeneralName,
}

impl AccessDescription {
    pub(super) fn list(r: &mut Reader<'_>) -> Result<Vec<Self>, DecodeError> {
        sequence_of(r, |r| {
            r.sequence("accessDescription", |r| {
                Ok(Self {
                    method: r.oid("accessMethod")?,
                    location: GeneralName::decode(&r.any("accessLocation")?, "accessLocation")?,
                })
            })
        })
    }
}

/// A policy under which a certificate was issued (RFC 5280 4.2.1.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyInformation {
    /// policyIdentifier
    pub policy: ObjectIdentifier,
    /// URIs of certification practice statements.
    pub cps: Vec<String>,
    /// Texts of user notices.
    pub notices: Vec<String>,
}

impl PolicyInformation {
    pub(super) fn list(r: &mut Reader<'_>) -> Result<Vec<Self>, DecodeError> {
        sequence_of(r, |r| {
            r.sequence("policyInformation", |r| {
                let mut info = Self {
                    policy: r.oid("policyIdentifier")?,
                    cps: Vec::new(),
                    notices: Vec::new(),
                };
                if !r.is_empty() {
                    r.sequence("policyQualifiers", |r| {
                        while !r.is_empty() {
                            r.sequence("policyQualifierInfo", |r| info.qualifier(r))?;
                        }
                        Ok(())
                    })?;
                }
                Ok(info)
            })
        })
    }

    fn qualifier(&mut self, r: &mut Reader<'_>) -> Result<(), DecodeError> {
        let id = r.oid("policyQualifierId")?;
        let value = r.any("qualifier")?;
        if id == oid::QT_CPS {
            self.cps
                .extend(string(value.tag, value.value).map(Into::into));
        } else if id == oid::QT_UNOTICE && value.tag == Tag::SEQUENCE {
            // NoticeReference (a SEQUENCE) comes first and is not for people.
            value.nested("qualifier", |r| {
                while !r.is_empty() {
                    let part = r.any("userNotice")?;
                    self.notices
                        .extend(string(part.tag, part.value).map(Into::into));
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

/// One statement about a qualified certificate (RFC 3739 3.2.6, EN 319 412-5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QcStatement {
    /// statementId
    pub id: ObjectIdentifier,
    /// statementInfo, as its encoding.
    pub info: Option<Vec<u8>>,
}

impl QcStatement {
    pub(super) fn list(r: &mut Reader<'_>) -> Result<Vec<Self>, DecodeError> {
        sequence_of(r, |r| {
            r.sequence("qcStatement", |r| {
                let id = r.oid("statementId")?;
                let info = if r.is_empty() {
                    None
                } else {
                    Some(r.any("statementInfo")?.raw.to_vec())
                };
                Ok(Self { id, info })
            })
        })
    }

    /// The object identifiers at the top of a SEQUENCE in the statement: the types of `QcType`,
    /// the semantics identifier of qcStatement-2.
    pub fn identifiers(&self) -> Vec<ObjectIdentifier> {
        let mut found = Vec::new();
        let read = |r: &mut Reader<'_>| {
            r.sequence("", |r| {
                while !r.is_empty() {
                    let part = r.any("")?;
                    if part.tag == Tag::OID {
                        found.push(part.oid("")?);
                    }
                }
                Ok(())
            })
        };
        // A statement of another shape has none; what it is can be seen from `info`.
        let _ = decode(self.info.as_deref().unwrap_or_default(), Rules::Der, read);
        found
    }

    /// The disclosure statements of QcPDS: address and language (EN 319 412-5 4.3.4).
    pub fn disclosures(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let read = |r: &mut Reader<'_>| {
            r.sequence("", |r| {
                while !r.is_empty() {
                    r.sequence("", |r| {
                        let (url, language) = (r.any("")?, r.any("")?);
                        let texts =
                            string(url.tag, url.value).zip(string(language.tag, language.value));
                        found.extend(texts.map(|(u, l)| (u.into_owned(), l.into_owned())));
                        Ok(())
                    })?;
                }
                Ok(())
            })
        };
        let _ = decode(self.info.as_deref().unwrap_or_default(), Rules::Der, read);
        found
    }
}

/// Part of a tree of names (RFC 5280 4.2.1.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneralSubtree {
    /// base
    pub base: GeneralName,
    /// minimum, 0 where absent; RFC 5280 allows no other.
    pub minimum: u32,
    /// maximum; RFC 5280 allows none.
    pub maximum: Option<u32>,
}

/// Which names may stand in the certificates below (RFC 5280 4.2.1.10).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct NameConstraints {
    /// permittedSubtrees
    pub permitted: Vec<GeneralSubtree>,
    /// excludedSubtrees
    pub excluded: Vec<GeneralSubtree>,
}

impl NameConstraints {
    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let subtrees = |r: &mut Reader<'_>| {
            let mut all = Vec::new();
            while !r.is_empty() {
                all.push(r.sequence("generalSubtree", |r| {
                    let base = GeneralName::decode(&r.any("base")?, "base")?;
                    let number = |t: Option<Tlv<'_>>| match t {
                        Some(t) => match *t.integer("distance")? {
                            [n] if n < 0x80 => Ok(Some(u32::from(n))),
                            _ => {
                                Err(t.error(DecodeKind::Value("INTEGER out of range"), "distance"))
                            }
                        },
                        None => Ok(None),
                    };
                    let minimum = number(r.optional(Tag::primitive(0), "minimum")?)?.unwrap_or(0);
                    let maximum = number(r.optional(Tag::primitive(1), "maximum")?)?;
                    Ok(GeneralSubtree {
                        base,
                        minimum,
                        maximum,
                    })
                })?);
            }
            Ok(all)
        };
        r.sequence("", |r| {
            let mut constraints = Self::default();
            if let Some(t) = r.optional(Tag::constructed(0), "permittedSubtrees")? {
                constraints.permitted = t.nested("permittedSubtrees", subtrees)?;
            }
            if let Some(t) = r.optional(Tag::constructed(1), "excludedSubtrees")? {
                constraints.excluded = t.nested("excludedSubtrees", subtrees)?;
            }
            Ok(constraints)
        })
    }
}

/// Reads a SEQUENCE SIZE (1..MAX) OF, as all lists of RFC 5280 are.
pub(super) fn sequence_of<'a, T>(
    r: &mut Reader<'a>,
    mut read: impl FnMut(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    r.sequence("", |r| {
        if r.is_empty() {
            return Err(r.error(DecodeKind::Value("list is empty"), ""));
        }
        let mut all = Vec::new();
        while !r.is_empty() {
            all.push(read(r)?);
        }
        Ok(all)
    })
}
