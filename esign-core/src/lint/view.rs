use crate::oid::ObjectIdentifier;

use super::Kind;
use crate::der::{DecodeError, DecodeKind, Reader, Rules, Tag, Tlv};
use crate::keys::{PublicKey, SignatureAlgorithm, VerifyError};
use crate::oid;

/// Larger ones are refused, as the strict decoder does.
const MAX_OCTETS: usize = 1 << 20;
/// As many extensions as the strict decoder takes.
const MAX_ITEMS: usize = 128;

/// One attribute of a name, as received.
pub(super) struct Attr<'a> {
    pub(super) oid: ObjectIdentifier,
    pub(super) tag: Tag,
    pub(super) value: &'a [u8],
}

impl Attr<'_> {
    /// The value where its octets are UTF-8, which the ASCII types are too.
    pub(super) fn text(&self) -> String {
        match self.tag {
            Tag::BMP_STRING => {
                let (pairs, _) = self.value.as_chunks::<2>();
                let units: Vec<u16> = pairs.iter().map(|p| u16::from_be_bytes(*p)).collect();
                String::from_utf16_lossy(&units)
            }
            _ => String::from_utf8_lossy(self.value).into_owned(),
        }
    }
}

/// A name as received.
#[derive(Default)]
pub(super) struct NameView<'a> {
    pub(super) raw: &'a [u8],
    pub(super) attributes: Vec<Attr<'a>>,
    /// Whether some RDN is an empty SET.
    pub(super) empty_rdn: bool,
}

impl<'a> NameView<'a> {
    pub(super) fn read(tlv: &Tlv<'a>, field: &str) -> Result<Self, DecodeError> {
        let mut name = Self {
            raw: tlv.raw,
            ..Self::default()
        };
        tlv.nested(field, |r| {
            while !r.is_empty() {
                let rdn = r.expect(Tag::SET, "relativeDistinguishedName")?;
                name.empty_rdn |= rdn.value.is_empty();
                rdn.nested("relativeDistinguishedName", |r| {
                    while !r.is_empty() {
                        r.sequence("attribute", |r| {
                            let oid = r.oid("type")?;
                            let value = r.any("value")?;
                            if name.attributes.len() >= MAX_ITEMS {
                                let kind = DecodeKind::Limit("more than 128 attributes");
                                return Err(value.error(kind, ""));
                            }
                            name.attributes.push(Attr {
                                oid,
                                tag: value.tag,
                                value: value.value,
                            });
                            Ok(())
                        })?;
                    }
                    Ok(())
                })?;
            }
            Ok(())
        })?;
        Ok(name)
    }

    pub(super) fn all(&self, oid: ObjectIdentifier) -> impl Iterator<Item = &Attr<'a>> {
        self.attributes.iter().filter(move |a| a.oid == oid)
    }

    pub(super) fn count(&self, oid: ObjectIdentifier) -> usize {
        self.all(oid).count()
    }

    pub(super) fn first(&self, oid: ObjectIdentifier) -> Option<String> {
        self.all(oid).next().map(Attr::text)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }
}

/// One extension as received.
pub(super) struct Ext<'a> {
    pub(super) oid: ObjectIdentifier,
    pub(super) critical: bool,
    /// Whether `FALSE` was written out.
    pub(super) default_written: bool,
    pub(super) value: &'a [u8],
}

impl<'a> Ext<'a> {
    /// Reads the whole value.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        crate::der::decode(self.value, Rules::Ber, read)
    }

    /// The encodings inside the outer SEQUENCE; none where it is none.
    pub(super) fn items(&self) -> Vec<Tlv<'a>> {
        self.read(|r| r.any(""))
            .map(|t| parts(&t))
            .unwrap_or_default()
    }
}

/// The encodings inside a constructed one; what follows a malformed one is left out.
pub(super) fn parts<'a>(tlv: &Tlv<'a>) -> Vec<Tlv<'a>> {
    let mut all = Vec::new();
    if !tlv.tag.is_constructed() {
        return all;
    }
    if let Ok(mut r) = tlv.reader("") {
        while !r.is_empty() && all.len() < 4096 {
            match r.any("") {
                Ok(t) => all.push(t),
                Err(_) => break,
            }
        }
    }
    all
}

pub(super) fn read_extensions<'a>(
    r: &mut Reader<'a>,
    field: &str,
) -> Result<Vec<Ext<'a>>, DecodeError> {
    let mut all = Vec::new();
    r.sequence(field, |r| {
        while !r.is_empty() {
            r.sequence("extension", |r| {
                let oid = r.oid("extnID")?;
                let flag = r.optional(Tag::BOOLEAN, "critical")?;
                let critical = flag.map(|b| b.boolean("critical")).transpose()?;
                let value = r.expect(Tag::OCTET_STRING, "extnValue")?;
                if all.len() >= MAX_ITEMS {
                    return Err(value.error(DecodeKind::Limit("more than 128 extensions"), ""));
                }
                all.push(Ext {
                    oid,
                    critical: critical == Some(true),
                    default_written: critical == Some(false),
                    value: value.value,
                });
                Ok(())
            })?;
        }
        Ok(())
    })?;
    Ok(all)
}

/// AlgorithmIdentifier as received.
pub(super) struct Algorithm<'a> {
    pub(super) raw: &'a [u8],
    pub(super) oid: ObjectIdentifier,
    pub(super) parameters: Option<Tlv<'a>>,
}

impl<'a> Algorithm<'a> {
    pub(super) fn read(r: &mut Reader<'a>, field: &str) -> Result<Self, DecodeError> {
        let tlv = r.expect(Tag::SEQUENCE, field)?;
        tlv.nested(field, |r| {
            Ok(Self {
                raw: tlv.raw,
                oid: r.oid("algorithm")?,
                parameters: if r.is_empty() {
                    None
                } else {
                    Some(r.any("parameters")?)
                },
            })
        })
    }
}

/// A certificate, decoded as far as its structure goes and no further.
pub(super) struct View<'a> {
    pub(super) der: &'a [u8],
    pub(super) version: u32,
    pub(super) version_written: bool,
    pub(super) serial: Tlv<'a>,
    pub(super) inner: Algorithm<'a>,
    pub(super) outer: Algorithm<'a>,
    pub(super) issuer: NameView<'a>,
    pub(super) not_before: Tlv<'a>,
    pub(super) not_after: Tlv<'a>,
    pub(super) subject: NameView<'a>,
    pub(super) key: Algorithm<'a>,
    pub(super) key_bits: &'a [u8],
    pub(super) unique_ids: bool,
    pub(super) extensions: Vec<Ext<'a>>,
    pub(super) extensions_written: bool,
    pub(super) usage: Option<u16>,
    pub(super) purposes: Vec<ObjectIdentifier>,
    pub(super) ca: bool,
    pub(super) path_len: Option<u32>,
    pub(super) alt_names: Vec<Tlv<'a>>,
    pub(super) policies: Vec<ObjectIdentifier>,
    pub(super) statements: Vec<Statement<'a>>,
}

/// One QCStatement.
pub(super) struct Statement<'a> {
    pub(super) id: ObjectIdentifier,
    pub(super) info: Option<Tlv<'a>>,
}

impl<'a> View<'a> {
    pub(super) fn read(der: &'a [u8]) -> Result<Self, DecodeError> {
        if der.len() > MAX_OCTETS {
            let kind = DecodeKind::Limit("larger than 1 MiB");
            return Err(DecodeError::new(kind, "certificate", 0));
        }
        let mut view = crate::der::decode(der, Rules::Ber, |r| {
            r.sequence("certificate", |r| {
                let tbs = r.expect(Tag::SEQUENCE, "tbsCertificate")?;
                let outer = Algorithm::read(r, "signatureAlgorithm")?;
                r.expect(Tag::BIT_STRING, "signature")?;
                tbs.nested("tbsCertificate", |r| Self::tbs(der, outer, r))
            })
        })?;
        view.parse();
        Ok(view)
    }

    fn tbs(der: &'a [u8], outer: Algorithm<'a>, r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let version = match r.optional(Tag::constructed(0), "version")? {
            Some(t) => Some(t.nested("version", |r| r.u32("version"))?),
            None => None,
        };
        let serial = r.expect(Tag::INTEGER, "serialNumber")?;
        let inner = Algorithm::read(r, "signature")?;
        let issuer = NameView::read(&r.expect(Tag::SEQUENCE, "issuer")?, "issuer")?;
        let (not_before, not_after) = r.sequence("validity", |r| {
            let from = time(r, "notBefore")?;
            Ok((from, time(r, "notAfter")?))
        })?;
        let subject = NameView::read(&r.expect(Tag::SEQUENCE, "subject")?, "subject")?;
        let (key, key_bits) = r.sequence("subjectPublicKeyInfo", |r| {
            let algorithm = Algorithm::read(r, "algorithm")?;
            let bits = r.expect(Tag::BIT_STRING, "subjectPublicKey")?;
            Ok((algorithm, bits.value.get(1..).unwrap_or_default()))
        })?;
        let mut unique_ids = false;
        for n in [1, 2] {
            unique_ids |= r.optional(Tag::primitive(n), "uniqueID")?.is_some();
        }
        let list = r.optional(Tag::constructed(3), "extensions")?;
        let extensions_written = list.is_some();
        let extensions = match list {
            Some(t) => t.nested("extensions", |r| read_extensions(r, "extensions"))?,
            None => Vec::new(),
        };
        Ok(Self {
            der,
            version: version.unwrap_or(0).saturating_add(1),
            version_written: version.is_some(),
            serial,
            inner,
            outer,
            issuer,
            not_before,
            not_after,
            subject,
            key,
            key_bits,
            unique_ids,
            extensions,
            extensions_written,
            usage: None,
            purposes: Vec::new(),
            ca: false,
            path_len: None,
            alt_names: Vec::new(),
            policies: Vec::new(),
            statements: Vec::new(),
        })
    }

    /// What the extensions hold that several rules ask for.
    fn parse(&mut self) {
        self.usage = self.ext(oid::KEY_USAGE).and_then(|e| {
            let bits = e.read(|r| r.expect(Tag::BIT_STRING, "")).ok()?;
            let unused = u32::from(bits.value.first().copied().unwrap_or(0));
            let octets = u32::try_from(bits.value.len().saturating_sub(1)).unwrap_or(0);
            let used = octets.saturating_mul(8).saturating_sub(unused);
            // Padding that is not zero, which has its own rule, is no usage.
            let mask = 1u16
                .checked_shl(used)
                .map_or(u16::MAX, |n| n.wrapping_sub(1));
            Some(bits.named_bits("").ok()? & mask)
        });
        let oids = |items: Vec<Tlv<'a>>| -> Vec<ObjectIdentifier> {
            items.iter().filter_map(|t| t.oid("").ok()).collect()
        };
        self.purposes = self
            .ext(oid::EXT_KEY_USAGE)
            .map(|e| oids(e.items()))
            .unwrap_or_default();
        for t in self.items(oid::BASIC_CONSTRAINTS) {
            match t.tag {
                Tag::BOOLEAN => self.ca = t.boolean("").unwrap_or(false),
                Tag::INTEGER => {
                    self.path_len = Some(t.value.iter().fold(0u32, |n, &b| {
                        n.saturating_mul(256).saturating_add(u32::from(b))
                    }));
                }
                _ => {}
            }
        }
        self.alt_names = self.items(oid::SUBJECT_ALT_NAME);
        self.policies = self
            .items(oid::CERTIFICATE_POLICIES)
            .iter()
            .filter_map(|t| parts(t).first().and_then(|t| t.oid("").ok()))
            .collect();
        self.statements = self
            .items(oid::QC_STATEMENTS)
            .iter()
            .filter_map(|t| {
                let inside = parts(t);
                Some(Statement {
                    id: inside.first()?.oid("").ok()?,
                    info: inside.get(1).copied(),
                })
            })
            .collect();
    }

    pub(super) fn ext(&self, oid: ObjectIdentifier) -> Option<&Ext<'a>> {
        self.extensions.iter().find(|e| e.oid == oid)
    }

    pub(super) fn items(&self, oid: ObjectIdentifier) -> Vec<Tlv<'a>> {
        self.ext(oid).map(Ext::items).unwrap_or_default()
    }

    pub(super) fn is_critical(&self, oid: ObjectIdentifier) -> bool {
        self.ext(oid).is_some_and(|e| e.critical)
    }

    pub(super) fn has_usage(&self, bit: u16) -> bool {
        self.usage.is_some_and(|u| u & bit != 0)
    }

    pub(super) fn is_self_issued(&self) -> bool {
        self.issuer.raw == self.subject.raw
    }

    /// Whether it names itself its issuer and, where it names a key, its own.
    pub(super) fn is_own_issuer(&self) -> bool {
        let own = self
            .ext(oid::SUBJECT_KEY_IDENTIFIER)
            .and_then(|e| e.read(|r| r.expect(Tag::OCTET_STRING, "")).ok());
        let authority = self
            .items(oid::AUTHORITY_KEY_IDENTIFIER)
            .into_iter()
            .find(|t| t.tag == Tag::primitive(0));
        let same_key = match (own, authority) {
            (Some(own), Some(authority)) => own.value == authority.value,
            _ => true,
        };
        self.is_self_issued() && same_key
    }

    /// Whether the signature is another key's than the certificate's own. A draft has none yet, and what
    /// cannot be verified here is not held against it.
    pub(super) fn is_signed_by_another(&self) -> bool {
        matches!(
            self.verified_by_own_key(),
            Ok(Some(Err(VerifyError::Invalid)))
        )
    }

    /// None where there is no signature, or its algorithm is not known.
    fn verified_by_own_key(&self) -> Result<Option<Result<(), VerifyError>>, DecodeError> {
        crate::der::decode(self.der, Rules::Ber, |r| {
            r.sequence("certificate", |r| {
                let tbs = r.expect(Tag::SEQUENCE, "tbsCertificate")?;
                let algorithm = r.expect(Tag::SEQUENCE, "signatureAlgorithm")?;
                let signature = r.expect(Tag::BIT_STRING, "signature")?;
                let signature = signature.bit_octets("signature")?;
                let spki = tbs.nested("tbsCertificate", |r| {
                    r.optional(Tag::constructed(0), "version")?;
                    r.integer("serialNumber")?;
                    for field in ["signature", "issuer", "validity", "subject"] {
                        r.expect(Tag::SEQUENCE, field)?;
                    }
                    let spki = r.expect(Tag::SEQUENCE, "subjectPublicKeyInfo")?;
                    while !r.is_empty() {
                        r.any("")?;
                    }
                    Ok(spki)
                })?;
                let known = SignatureAlgorithm::decode(&algorithm, None, "signatureAlgorithm")?;
                let (Ok(algorithm), false) = (known, signature.is_empty()) else {
                    return Ok(None);
                };
                let key = PublicKey::from_spki(spki.raw)?;
                Ok(Some(key.verify(algorithm, tbs.raw, signature)))
            })
        })
    }

    pub(super) fn statement(&self, id: ObjectIdentifier) -> Option<&Statement<'a>> {
        self.statements.iter().find(|s| s.id == id)
    }

    /// URIs of authorityInfoAccess under a method; a location of another form is left out.
    pub(super) fn access(&self, method: ObjectIdentifier) -> Vec<&'a [u8]> {
        self.items(oid::AUTHORITY_INFO_ACCESS)
            .iter()
            .filter_map(|t| {
                let inside = parts(t);
                (inside.first()?.oid("").ok()? == method)
                    .then_some(inside.get(1)?)
                    .filter(|l| l.tag == Tag::primitive(6))
                    .map(|l| l.value)
            })
            .collect()
    }

    /// URIs of cRLDistributionPoints.
    pub(super) fn crl_uris(&self) -> Vec<&'a [u8]> {
        let mut all = Vec::new();
        for point in self.items(oid::CRL_DISTRIBUTION_POINTS) {
            for field in parts(&point)
                .iter()
                .filter(|t| t.tag == Tag::constructed(0))
            {
                for form in parts(field).iter().filter(|t| t.tag == Tag::constructed(0)) {
                    let uris = parts(form)
                        .into_iter()
                        .filter(|t| t.tag == Tag::primitive(6));
                    all.extend(uris.map(|t| t.value));
                }
            }
        }
        all
    }

    /// What the content says the certificate is for.
    pub(super) fn kind(&self) -> Kind {
        let only = |p| self.purposes.contains(&p);
        if self.ca {
            return Kind::Ca;
        }
        if only(oid::KP_OCSP_SIGNING) {
            return Kind::OcspResponder;
        }
        if only(oid::KP_TIME_STAMPING) {
            return Kind::Tsa;
        }
        if only(oid::KP_SERVER_AUTH) {
            return Kind::TlsServer;
        }
        let etsi = self.etsi_policy();
        let types = self.qc_types();
        if types.contains(&oid::QCT_ESEAL) || matches!(etsi, Some(1 | 3)) {
            return Kind::LegalPerson;
        }
        let signs = self.has_usage(2);
        if types.contains(&oid::QCT_ESIGN) || matches!(etsi, Some(0 | 2)) {
            return Kind::NaturalPerson;
        }
        let semantics = self.semantics();
        if semantics == Some(SemanticsKind::Legal) {
            return Kind::LegalPerson;
        }
        if semantics == Some(SemanticsKind::Natural) {
            return Kind::NaturalPerson;
        }
        if signs && self.subject.count(oid::ORGANIZATION_IDENTIFIER) > 0 {
            let person = [oid::GIVEN_NAME, oid::SURNAME, oid::PSEUDONYM];
            if !person.iter().any(|o| self.subject.count(*o) > 0) {
                return Kind::LegalPerson;
            }
        }
        if only(oid::KP_CLIENT_AUTH) && self.purposes.len() == 1 {
            return Kind::TlsClient;
        }
        Kind::Pkix
    }

    /// The last arc of an EN 319 411-2 policy, where one is there.
    pub(super) fn etsi_policy(&self) -> Option<u32> {
        self.policies.iter().find_map(|p| {
            let mut arcs = p.arcs();
            let head = [0, 4, 0, 194_112, 1];
            if head.iter().all(|n| arcs.next() == Some(*n)) {
                arcs.next().and_then(|arc| u32::try_from(arc).ok())
            } else {
                None
            }
        })
    }

    pub(super) fn qc_types(&self) -> Vec<ObjectIdentifier> {
        self.statement(oid::QC_TYPE)
            .and_then(|s| s.info.as_ref())
            .map(|t| parts(t).iter().filter_map(|t| t.oid("").ok()).collect())
            .unwrap_or_default()
    }

    pub(super) fn semantics(&self) -> Option<SemanticsKind> {
        let info = self.statement(oid::QCS_PKIX_V2)?.info?;
        let id = parts(&info).first()?.oid("").ok()?;
        match id.to_string().as_str() {
            "0.4.0.194121.1.1" => Some(SemanticsKind::Natural),
            "0.4.0.194121.1.2" => Some(SemanticsKind::Legal),
            _ => None,
        }
    }
}

/// Which semantics the certificate declares for its identifier (EN 319 412-1 5.1.2).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SemanticsKind {
    Natural,
    Legal,
}

fn time<'a>(r: &mut Reader<'a>, field: &str) -> Result<Tlv<'a>, DecodeError> {
    match r.peek() {
        Some(Tag::GENERALIZED_TIME) => r.any(field),
        _ => r.expect(Tag::UTC_TIME, field),
    }
}
