use core::fmt;

use super::{MAX_STATUS_STRING, MAX_STATUS_STRINGS, MAX_TOKEN};
use crate::der::{DecodeError, DecodeKind, Reader, Rules, Tag, Tlv, Writer, decode};

/// `TimeStampResp` (RFC 3161 2.4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeStampResp {
    /// `status`
    pub status: PkiStatusInfo,
    /// `timeStampToken`, a whole encoding; there where the status is a grant, and only there.
    pub token: Option<Vec<u8>>,
}

/// `PKIStatusInfo` (RFC 3161 2.4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PkiStatusInfo {
    /// `status`
    pub status: PkiStatus,
    /// `statusString`: text for people, not to be acted upon.
    pub status_string: Vec<String>,
    /// `failInfo`: the bits that are set, bit 0 lowest.
    pub fail_info: Option<u32>,
}

/// `PKIStatus` (RFC 3161 2.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PkiStatus {
    /// As it was asked for.
    Granted,
    /// With changes: the client must look what it got.
    GrantedWithMods,
    /// Refused.
    Rejection,
    /// Not yet.
    Waiting,
    /// The authority's certificate is about to be revoked.
    RevocationWarning,
    /// The authority's certificate was revoked.
    RevocationNotification,
}

/// Why a request is refused: one bit of `PKIFailureInfo` (RFC 3161 2.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FailureInfo {
    /// Unrecognised or unsupported algorithm.
    BadAlg,
    /// Transaction not permitted or supported.
    BadRequest,
    /// The data submitted has the wrong format.
    BadDataFormat,
    /// The authority's time source is not available.
    TimeNotAvailable,
    /// The requested policy is not supported.
    UnacceptedPolicy,
    /// A requested extension is not supported.
    UnacceptedExtension,
    /// The additional information requested is not understood or available.
    AddInfoNotAvailable,
    /// A system failure.
    SystemFailure,
}

impl FailureInfo {
    /// Every one that RFC 3161 defines, by its bit.
    pub const ALL: [Self; 8] = [
        Self::BadAlg,
        Self::BadRequest,
        Self::BadDataFormat,
        Self::TimeNotAvailable,
        Self::UnacceptedPolicy,
        Self::UnacceptedExtension,
        Self::AddInfoNotAvailable,
        Self::SystemFailure,
    ];

    /// Number of its bit.
    pub const fn bit(self) -> u8 {
        match self {
            Self::BadAlg => 0,
            Self::BadRequest => 2,
            Self::BadDataFormat => 5,
            Self::TimeNotAvailable => 14,
            Self::UnacceptedPolicy => 15,
            Self::UnacceptedExtension => 16,
            Self::AddInfoNotAvailable => 17,
            Self::SystemFailure => 25,
        }
    }

    /// The name in the standard.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadAlg => "badAlg",
            Self::BadRequest => "badRequest",
            Self::BadDataFormat => "badDataFormat",
            Self::TimeNotAvailable => "timeNotAvailable",
            Self::UnacceptedPolicy => "unacceptedPolicy",
            Self::UnacceptedExtension => "unacceptedExtension",
            Self::AddInfoNotAvailable => "addInfoNotAvailable",
            Self::SystemFailure => "systemFailure",
        }
    }
}

impl fmt::Display for FailureInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PkiStatus {
    const ALL: [Self; 6] = [
        Self::Granted,
        Self::GrantedWithMods,
        Self::Rejection,
        Self::Waiting,
        Self::RevocationWarning,
        Self::RevocationNotification,
    ];

    /// Its number.
    pub const fn number(self) -> u32 {
        match self {
            Self::Granted => 0,
            Self::GrantedWithMods => 1,
            Self::Rejection => 2,
            Self::Waiting => 3,
            Self::RevocationWarning => 4,
            Self::RevocationNotification => 5,
        }
    }

    /// The name in the standard.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::GrantedWithMods => "grantedWithMods",
            Self::Rejection => "rejection",
            Self::Waiting => "waiting",
            Self::RevocationWarning => "revocationWarning",
            Self::RevocationNotification => "revocationNotification",
        }
    }

    /// Whether a token comes with it.
    pub const fn is_grant(self) -> bool {
        matches!(self, Self::Granted | Self::GrantedWithMods)
    }
}

impl PkiStatusInfo {
    /// The names of the bits that are set, those unknown by number.
    pub fn failures(&self) -> Vec<String> {
        let bits = self.fail_info.unwrap_or(0);
        (0..u32::BITS)
            .filter(|n| bits >> n & 1 == 1)
            .map(|n| {
                let known = FailureInfo::ALL.iter().find(|f| u32::from(f.bit()) == n);
                known.map_or_else(|| format!("bit {n}"), |f| f.name().to_owned())
            })
            .collect()
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.sequence("status", |r| {
            let number = r.expect(Tag::INTEGER, "status")?;
            let status = PkiStatus::ALL
                .into_iter()
                .find(|s| u32::from(number.value.first().copied().unwrap_or(u8::MAX)) == s.number())
                .filter(|_| number.value.len() == 1)
                .ok_or_else(|| number.error(DecodeKind::Value("not of 0 to 5"), "status"))?;
            Ok(Self {
                status,
                status_string: r
                    .optional(Tag::SEQUENCE, "statusString")?
                    .map(|t| strings(&t))
                    .transpose()?
                    .unwrap_or_default(),
                fail_info: r
                    .optional(Tag::BIT_STRING, "failInfo")?
                    .map(|t| bits(&t))
                    .transpose()?,
            })
        })
    }
}

impl TimeStampResp {
    /// A grant with its token.
    pub fn granted(token: Vec<u8>) -> Self {
        Self {
            status: PkiStatusInfo {
                status: PkiStatus::Granted,
                status_string: Vec::new(),
                fail_info: None,
            },
            token: Some(token),
        }
    }

    /// A refusal; `text` is for people.
    pub fn rejection(failure: FailureInfo, text: &str) -> Self {
        Self {
            status: PkiStatusInfo {
                status: PkiStatus::Rejection,
                status_string: vec![text.to_owned()],
                fail_info: Some(1 << failure.bit()),
            },
            token: None,
        }
    }

    /// Decodes a DER `TimeStampResp` that fills `der`; the token is not looked into.
    ///
    /// # Errors
    /// Not DER outside of the token; another structure; a token with a refusal, or a grant without
    /// one; a limit of this module.
    pub fn from_der(der: &[u8]) -> Result<Self, DecodeError> {
        if der.len() > MAX_TOKEN {
            let kind = DecodeKind::Limit("larger than 4 MiB");
            return Err(DecodeError::new(kind, "timeStampResp", 0));
        }
        // The token may be BER inside (RFC 5652): its reader judges that.
        decode(der, Rules::Ber, |r| {
            r.sequence("timeStampResp", |r| {
                let status_info = r.expect(Tag::SEQUENCE, "status")?;
                let status = decode(status_info.raw, Rules::Der, PkiStatusInfo::decode)?;
                let token = r
                    .optional(Tag::SEQUENCE, "timeStampToken")?
                    .map(|t| t.raw.to_vec());
                if token.is_some() != status.status.is_grant() {
                    let what = match token {
                        Some(_) => "a token comes with a refusal",
                        None => "a grant comes without a token",
                    };
                    return Err(r.error(DecodeKind::Value(what), "timeStampToken"));
                }
                Ok(Self { status, token })
            })
        })
    }

    /// The encoding.
    pub fn to_der(&self) -> Vec<u8> {
        let token = self.token.as_deref().unwrap_or_default();
        let mut w = Writer::with_capacity(token.len() + 64);
        w.sequence(|w| {
            w.sequence(|w| {
                w.u32(self.status.status.number());
                if !self.status.status_string.is_empty() {
                    w.sequence(|w| {
                        for text in &self.status.status_string {
                            w.tlv(Tag::UTF8_STRING, text.as_bytes());
                        }
                    });
                }
                if let Some(bits) = self.status.fail_info {
                    let octets = bits.reverse_bits().to_be_bytes();
                    let used = 4 - octets.iter().rev().take_while(|&&o| o == 0).count();
                    let octets = octets.get(..used).unwrap_or_default();
                    // DER: no trailing zero bits in a named BIT STRING (X.690 11.2.2).
                    let unused = octets.last().map_or(0, |o| o.trailing_zeros());
                    let unused = u8::try_from(unused).unwrap_or(0);
                    w.tlv(Tag::BIT_STRING, &[&[unused][..], octets].concat());
                }
            });
            w.raw(token);
        });
        w.finish()
    }
}

fn strings(list: &Tlv<'_>) -> Result<Vec<String>, DecodeError> {
    list.nested("statusString", |r| {
        let mut found = Vec::new();
        while !r.is_empty() {
            let tlv = r.expect(Tag::UTF8_STRING, "")?;
            if found.len() >= MAX_STATUS_STRINGS {
                return Err(tlv.error(DecodeKind::Limit("more than 16 strings"), ""));
            }
            if tlv.value.len() > MAX_STATUS_STRING {
                return Err(tlv.error(DecodeKind::Limit("longer than 4096 octets"), ""));
            }
            let text = core::str::from_utf8(tlv.value)
                .map_err(|_| tlv.error(DecodeKind::Value("not UTF-8"), ""))?;
            found.push(text.to_owned());
        }
        Ok(found)
    })
}

/// A named BIT STRING of up to 32 bits, bit 0 lowest.
fn bits(tlv: &Tlv<'_>) -> Result<u32, DecodeError> {
    let bad = |what| tlv.error(DecodeKind::Value(what), "failInfo");
    let (&unused, octets) = tlv
        .value
        .split_first()
        .ok_or_else(|| bad("BIT STRING without content"))?;
    if octets.len() > 4 {
        return Err(tlv.error(DecodeKind::Limit("more than 32 bits"), "failInfo"));
    }
    let mask = 1u32.checked_shl(u32::from(unused)).unwrap_or(0);
    let last = octets.last().copied().unwrap_or(0);
    if unused > 7
        || (octets.is_empty() && unused != 0)
        || u32::from(last) & mask.wrapping_sub(1) != 0
    {
        return Err(bad("unused bits are wrong"));
    }
    let mut all = [0u8; 4];
    all.iter_mut().zip(octets).for_each(|(to, o)| *to = *o);
    Ok(u32::from_be_bytes(all).reverse_bits())
}
