use core::fmt;

use ::der::asn1::ObjectIdentifier;

use crate::der::{DecodeError, DecodeKind, Reader, Tag, Tlv};
use crate::oid;
use crate::time::UnixTime;
use crate::x509::SerialNumber;

/// Why a certificate was revoked (RFC 5280 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    missing_docs,
    reason = "the names are the standard's and are defined there"
)]
pub enum RevocationReason {
    Unspecified,
    KeyCompromise,
    CaCompromise,
    AffiliationChanged,
    Superseded,
    CessationOfOperation,
    CertificateHold,
    RemoveFromCrl,
    PrivilegeWithdrawn,
    AaCompromise,
}

impl RevocationReason {
    /// Every reason with its number in `CRLReason`.
    pub const ALL: [(Self, u8); 10] = [
        (Self::Unspecified, 0),
        (Self::KeyCompromise, 1),
        (Self::CaCompromise, 2),
        (Self::AffiliationChanged, 3),
        (Self::Superseded, 4),
        (Self::CessationOfOperation, 5),
        (Self::CertificateHold, 6),
        (Self::RemoveFromCrl, 8),
        (Self::PrivilegeWithdrawn, 9),
        (Self::AaCompromise, 10),
    ];

    /// The number in `CRLReason`.
    pub fn number(self) -> u8 {
        Self::ALL
            .iter()
            .find(|(r, _)| *r == self)
            .map_or(0, |(_, n)| *n)
    }

    /// The reason of a number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, n)| *n == number)
            .map(|(r, _)| *r)
    }

    /// The name in the syntax.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::RemoveFromCrl => "removeFromCRL",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

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
    /// A critical extension of the entry that is not processed here: certificateIssuer of an
    /// indirect list, or one that is not known. The entry then must not be relied on.
    pub unprocessed: Option<ObjectIdentifier>,
}

/// Reads serial and date of one entry and checks the rest.
pub(super) fn check<'a>(entry: &Tlv<'a>) -> Result<&'a [u8], DecodeError> {
    entry.nested("revokedCertificate", |r| {
        let serial = r.integer("userCertificate")?;
        r.any("revocationDate")?.time("revocationDate")?;
        if !r.is_empty() {
            r.sequence("crlEntryExtensions", |r| {
                while !r.is_empty() {
                    extension(r)?;
                }
                Ok(())
            })?;
        }
        Ok(serial)
    })
}

/// Reads one entry in full.
pub(super) fn decode(entry: &Tlv<'_>) -> Result<CrlEntry, DecodeError> {
    entry.nested("revokedCertificate", |r| {
        let mut result = CrlEntry {
            serial: SerialNumber::from_content(r.integer("userCertificate")?),
            revocation_date: r.any("revocationDate")?.time("revocationDate")?,
            reason: None,
            invalidity_date: None,
            unprocessed: None,
        };
        if r.is_empty() {
            return Ok(result);
        }
        r.sequence("crlEntryExtensions", |r| {
            while !r.is_empty() {
                let (oid, critical, value) = extension(r)?;
                match oid {
                    oid::CRL_REASON => {
                        result.reason = Some(value.nested("reasonCode", reason)?);
                    }
                    oid::INVALIDITY_DATE => {
                        result.invalidity_date = Some(value.nested("invalidityDate", |r| {
                            r.expect(Tag::GENERALIZED_TIME, "")?.time("")
                        })?);
                    }
                    // Critical or not: the entry is then not about a certificate of this issuer.
                    oid::CERTIFICATE_ISSUER => result.unprocessed = Some(oid),
                    _ if critical => result.unprocessed = Some(oid),
                    _ => {}
                }
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

/// Reads type, criticality and the OCTET STRING of one extension.
fn extension<'a>(r: &mut Reader<'a>) -> Result<(ObjectIdentifier, bool, Tlv<'a>), DecodeError> {
    r.sequence("extension", |r| {
        let oid = r.oid("extnID")?;
        let critical = match r.optional(Tag::BOOLEAN, "critical")? {
            Some(b) => b.boolean("critical")?,
            None => false,
        };
        Ok((oid, critical, r.expect(Tag::OCTET_STRING, "extnValue")?))
    })
}
