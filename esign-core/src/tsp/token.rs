use core::fmt;

use super::{MAX_TOKEN, TstInfo};
use crate::cms::{CmsError, SignedData, SignerInfo};
use crate::der::{DecodeError, DecodeKind};
use crate::oid;
use crate::x509::Certificate;

/// `TimeStampToken` (RFC 3161 2.4.2): a `SignedData` over a [`TstInfo`], as received.
#[derive(Clone, Debug)]
pub struct TimeStampToken {
    der: Box<[u8]>,
    content: core::ops::Range<usize>,
    signed: SignedData,
    tst_info: TstInfo,
    certificates: Vec<Certificate>,
}

/// Why a token could not be read.
#[derive(Debug)]
pub enum TokenError {
    /// The CMS around it.
    Cms(CmsError),
    /// The `TSTInfo`, or a limit.
    Decode(DecodeError),
    /// It is a `SignedData` over another type, named here.
    OtherContent(String),
}

impl TimeStampToken {
    /// Decodes a `ContentInfo` that fills `der`. The `TSTInfo` must be DER and in one piece; the CMS
    /// around it may be what RFC 5652 allows.
    ///
    /// # Errors
    /// [`TokenError`]. How many sign it, and whether they sign it rightly, is for
    /// [`verify_token`](super::verify_token) to say.
    pub fn from_der(der: &[u8]) -> Result<Self, TokenError> {
        let malformed = |kind, field, at| TokenError::Decode(DecodeError::new(kind, field, at));
        if der.len() > MAX_TOKEN {
            let kind = DecodeKind::Limit("larger than 4 MiB");
            return Err(malformed(kind, "timeStampToken", 0));
        }
        let signed = SignedData::read(der).map_err(TokenError::Cms)?;
        if usize::try_from(signed.len).ok() != Some(der.len()) {
            let kind = DecodeKind::TrailingData;
            return Err(malformed(kind, "timeStampToken", signed.len));
        }
        if signed.content_type != oid::TST_INFO {
            return Err(TokenError::OtherContent(signed.content_type.to_string()));
        }
        let Some(content) = &signed.content else {
            let kind = DecodeKind::Value("the TSTInfo is missing");
            return Err(malformed(kind, "eContent", 0));
        };
        let at = content.place.start;
        if content.constructed {
            let kind = DecodeKind::NotDer("the TSTInfo comes in pieces");
            return Err(malformed(kind, "eContent", at));
        }
        let place = usize::try_from(at).unwrap_or(usize::MAX)
            ..usize::try_from(content.place.end).unwrap_or(usize::MAX);
        let octets = der.get(place.clone()).unwrap_or_default();
        let tst_info = TstInfo::from_der(octets).map_err(|e| TokenError::Decode(e.shifted(at)))?;
        // What cannot be read cannot be the signer; the rest of the path is not judged here.
        let certificates = signed
            .certificates
            .iter()
            .filter_map(|c| Certificate::from_der(c).ok())
            .collect();
        Ok(Self {
            der: der.into(),
            content: place,
            signed,
            tst_info,
            certificates,
        })
    }

    /// The octets as received.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What it says; not proved by being there.
    pub fn tst_info(&self) -> &TstInfo {
        &self.tst_info
    }

    /// The octets of the `TSTInfo` as received: what is hashed.
    pub fn tst_info_der(&self) -> &[u8] {
        self.der.get(self.content.clone()).unwrap_or_default()
    }

    /// The CMS around it, with revocation lists and unsigned attributes.
    pub fn signed_data(&self) -> &SignedData {
        &self.signed
    }

    /// The certificates it carries, as far as they can be read.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Its signers; RFC 3161 2.4.2 allows one.
    pub fn signers(&self) -> &[SignerInfo] {
        &self.signed.signers
    }
}

impl PartialEq for TimeStampToken {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for TimeStampToken {}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cms(e) => write!(f, "time-stamp: {e}"),
            Self::Decode(e) => write!(f, "time-stamp: {e}"),
            Self::OtherContent(oid) => write!(
                f,
                "time-stamp: eContentType: expected id-ct-TSTInfo ({}), found {oid}",
                oid::TST_INFO
            ),
        }
    }
}

impl std::error::Error for TokenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Cms(e) => Some(e),
            Self::Decode(e) => Some(e),
            Self::OtherContent(_) => None,
        }
    }
}
