use std::sync::Arc;

use crate::oid::ObjectIdentifier;

use super::RevocationReason;
use crate::der::{DecodeError, DecodeKind, Reader, Rules, Tag, Tlv};
use crate::oid;
use crate::time::UnixTime;
use crate::x509::{GeneralName, SerialNumber};

/// Most extensions of one entry. Three are standardised (RFC 5280 5.3), a fourth was.
const MAX_EXTENSIONS: usize = 16;

/// One entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlEntry {
    /// userCertificate
    pub serial: SerialNumber,
    /// revocationDate
    pub revocation_date: UnixTime,
    /// reasonCode
    pub reason: Option<RevocationReason>,
    /// invalidityDate: since when the key is known or suspected to be compromised.
    pub invalidity_date: Option<UnixTime>,
    /// Who issued the certificate, where it is not the issuer of the list: what certificateIssuer
    /// of this entry, or of the last one before it that has one, says (RFC 5280 5.3.3).
    pub certificate_issuer: Option<Arc<[GeneralName]>>,
    /// A critical extension of the entry that is not known. The list then must not be relied on,
    /// for any certificate (RFC 5280 5.3).
    pub unprocessed: Option<ObjectIdentifier>,
}

impl CrlEntry {
    /// The reason; without an extension that says it, unspecified (RFC 5280 6.3.3 (i)).
    pub fn reason_or_unspecified(&self) -> RevocationReason {
        self.reason.unwrap_or(RevocationReason::Unspecified)
    }
}

/// What the pass over a list needs of an entry.
#[derive(Default)]
pub(super) struct Glance<'a> {
    pub(super) serial: &'a [u8],
    /// Whether it has certificateIssuer, so that another issuer begins here.
    pub(super) names_issuer: bool,
    /// Its first critical extension that is not known.
    pub(super) unprocessed: Option<ObjectIdentifier>,
}

/// Looks at entries one after another, and checks their structure.
pub(super) struct Pass<'a> {
    version: u8,
    /// Encoding of the last date that was checked: most entries of a long list share theirs with
    /// the one before.
    date: &'a [u8],
}

impl<'a> Pass<'a> {
    pub(super) fn new(version: u8) -> Self {
        Self { version, date: &[] }
    }

    pub(super) fn look(&mut self, entry: &Tlv<'a>) -> Result<Glance<'a>, DecodeError> {
        match self.usual(entry.value) {
            Some(glance) => Ok(glance),
            None => self.any(entry),
        }
    }

    /// The form that nearly all entries have: a serial and a UTCTime, then reasonCode and
    /// invalidityDate, or one of them, or neither. `None` for every other, be it sound or not.
    fn usual(&mut self, value: &'a [u8]) -> Option<Glance<'a>> {
        let (&[0x02, length @ ..0x80], rest) = value.split_first_chunk::<2>()? else {
            return None;
        };
        let (serial, rest) = rest.split_at_checked(usize::from(length))?;
        let minimal = match serial {
            [] => false,
            [0x00, second, ..] => second & 0x80 != 0,
            [0xff, second, ..] => second & 0x80 == 0,
            _ => true,
        };
        let (date, rest) = rest.split_at_checked(15)?;
        if !minimal || !self.is_date(date) {
            return None;
        }
        let plain = rest.is_empty() || (self.version == 2 && is_plain(rest));
        plain.then_some(Glance {
            serial,
            ..Glance::default()
        })
    }

    fn is_date(&mut self, date: &'a [u8]) -> bool {
        let known = self.date == date
            || Reader::new(date, Rules::Der)
                .any("")
                .is_ok_and(|t| t.raw.len() == date.len() && t.time("").is_ok());
        if known {
            self.date = date;
        }
        known
    }

    fn any(&self, entry: &Tlv<'a>) -> Result<Glance<'a>, DecodeError> {
        entry.nested("revokedCertificate", |r| {
            let mut glance = Glance {
                serial: r.integer("userCertificate")?,
                ..Glance::default()
            };
            r.any("revocationDate")?.time("revocationDate")?;
            if r.is_empty() {
                return Ok(glance);
            }
            if self.version != 2 {
                let what = "extensions in a list that is not of version 2";
                return Err(r.error(DecodeKind::Value(what), "crlEntryExtensions"));
            }
            extensions(r, |oid, critical, _| {
                glance.names_issuer |= oid == oid::CERTIFICATE_ISSUER;
                if critical && !PROCESSED.contains(&oid) && glance.unprocessed.is_none() {
                    glance.unprocessed = Some(oid);
                }
                Ok(())
            })?;
            Ok(glance)
        })
    }
}

/// Whether the extensions are reasonCode and invalidityDate, or one of them, not critical and of
/// the usual length.
fn is_plain(extensions: &[u8]) -> bool {
    let Some((&[0x30, length @ 1..0x80], all)) = extensions.split_first_chunk::<2>() else {
        return false;
    };
    let mut rest = all;
    if let Some(after) = rest.strip_prefix(REASON) {
        rest = after.get(1..).unwrap_or(b"?");
    }
    if let Some(after) = rest.strip_prefix(INVALIDITY) {
        rest = after.get(15..).unwrap_or(b"?");
    }
    usize::from(length) == all.len() && rest.is_empty()
}

/// `SEQUENCE { OBJECT IDENTIFIER reasonCode, OCTET STRING { ENUMERATED` of one octet.
const REASON: &[u8] = &[0x30, 10, 0x06, 3, 0x55, 0x1d, 0x15, 0x04, 3, 0x0a, 1];
/// `SEQUENCE { OBJECT IDENTIFIER invalidityDate, OCTET STRING { GeneralizedTime` in seconds.
const INVALIDITY: &[u8] = &[0x30, 24, 0x06, 3, 0x55, 0x1d, 0x18, 0x04, 17, 0x18, 15];

/// Extensions whose meaning is honoured.
const PROCESSED: [ObjectIdentifier; 3] = [
    oid::CERTIFICATE_ISSUER,
    oid::CRL_REASON,
    oid::INVALIDITY_DATE,
];

/// Reads one entry in full; its issuer only where it names one itself.
pub(super) fn decode(entry: &Tlv<'_>) -> Result<CrlEntry, DecodeError> {
    entry.nested("revokedCertificate", |r| {
        let mut result = CrlEntry {
            serial: SerialNumber::from_content(r.integer("userCertificate")?),
            revocation_date: r.any("revocationDate")?.time("revocationDate")?,
            reason: None,
            invalidity_date: None,
            certificate_issuer: None,
            unprocessed: None,
        };
        if r.is_empty() {
            return Ok(result);
        }
        extensions(r, |oid, critical, value| {
            match oid {
                oid::CRL_REASON => result.reason = Some(value.nested("reasonCode", reason)?),
                oid::INVALIDITY_DATE => {
                    result.invalidity_date = Some(value.nested("invalidityDate", |r| {
                        r.expect(Tag::GENERALIZED_TIME, "")?.time("")
                    })?);
                }
                oid::CERTIFICATE_ISSUER => {
                    let names = value.nested("certificateIssuer", |r| {
                        r.sequence("", |r| GeneralName::list(r, "generalName"))
                    })?;
                    result.certificate_issuer = Some(names.into());
                }
                _ if critical => result.unprocessed = result.unprocessed.or(Some(oid)),
                _ => {}
            }
            Ok(())
        })?;
        Ok(result)
    })
}

fn reason(r: &mut Reader<'_>) -> Result<RevocationReason, DecodeError> {
    let value = r.expect(Tag::ENUMERATED, "")?;
    match value.integer("")? {
        [n] => RevocationReason::from_number(*n),
        _ => None,
    }
    .ok_or_else(|| value.error(DecodeKind::Value("no such CRLReason"), ""))
}

/// Reads `crlEntryExtensions`: type, criticality and the OCTET STRING of each; no type twice.
fn extensions<'a>(
    r: &mut Reader<'a>,
    mut each: impl FnMut(ObjectIdentifier, bool, Tlv<'a>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    r.sequence("crlEntryExtensions", |r| {
        let mut seen: Vec<ObjectIdentifier> = Vec::new();
        while !r.is_empty() {
            let one = r.expect(Tag::SEQUENCE, "extension")?;
            let (oid, critical, value) = one.nested("extension", |r| {
                let oid = r.oid("extnID")?;
                let critical = match r.optional(Tag::BOOLEAN, "critical")? {
                    Some(b) => b.boolean("critical")?,
                    None => false,
                };
                Ok((oid, critical, r.expect(Tag::OCTET_STRING, "extnValue")?))
            })?;
            if seen.contains(&oid) {
                return Err(one.error(DecodeKind::Value("extension stands twice"), ""));
            }
            if seen.len() >= MAX_EXTENSIONS {
                let kind = DecodeKind::Limit("more than 16 extensions of an entry");
                return Err(one.error(kind, ""));
            }
            seen.push(oid);
            each(oid, critical, value)?;
        }
        Ok(())
    })
}
