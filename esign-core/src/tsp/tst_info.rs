use crate::oid::ObjectIdentifier;

use super::request::{default_false, extensions};
use super::{Accuracy, GenTime, MessageImprint, Nonce, RequestExtension};
use crate::der::{DecodeError, DecodeKind, Rules, Tag, Writer, decode};
use crate::x509::{GeneralName, SerialNumber};

/// `TSTInfo` (RFC 3161 2.4.2): what a token says.
///
/// ```text
/// TSTInfo ::= SEQUENCE {
///   version INTEGER { v1(1) }, policy TSAPolicyId, messageImprint MessageImprint,
///   serialNumber INTEGER, genTime GeneralizedTime, accuracy Accuracy OPTIONAL,
///   ordering BOOLEAN DEFAULT FALSE, nonce INTEGER OPTIONAL, tsa [0] GeneralName OPTIONAL,
///   extensions [1] IMPLICIT Extensions OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TstInfo {
    /// `policy`
    pub policy: ObjectIdentifier,
    /// `messageImprint`
    pub message_imprint: MessageImprint,
    /// `serialNumber`
    pub serial_number: SerialNumber,
    /// `genTime`
    pub gen_time: GenTime,
    /// `accuracy`; where it is missing the policy may say (RFC 3161 2.4.2).
    pub accuracy: Option<Accuracy>,
    /// `ordering`: whether tokens of this authority can be ordered by `genTime` alone.
    pub ordering: bool,
    /// `nonce`
    pub nonce: Option<Nonce>,
    /// `tsa`: a hint to the authority's name.
    pub tsa: Option<GeneralName>,
    /// `extensions`
    pub extensions: Vec<RequestExtension>,
}

/// What goes into a `TSTInfo` that is being made.
#[derive(Clone, Copy, Debug)]
pub struct TstInfoFields<'a> {
    /// `policy`
    pub policy: ObjectIdentifier,
    /// `messageImprint`, given back as it came.
    pub message_imprint: &'a MessageImprint,
    /// `serialNumber`
    pub serial_number: &'a SerialNumber,
    /// `genTime`
    pub gen_time: GenTime,
    /// `accuracy`
    pub accuracy: Option<Accuracy>,
    /// `ordering`
    pub ordering: bool,
    /// `nonce` of the request.
    pub nonce: Option<&'a Nonce>,
    /// `tsa`
    pub tsa: Option<&'a GeneralName>,
}

impl TstInfo {
    /// Decodes a DER `TSTInfo` that fills `der`.
    ///
    /// # Errors
    /// Not DER; another structure or version; a limit of this module.
    pub fn from_der(der: &[u8]) -> Result<Self, DecodeError> {
        decode(der, Rules::Der, |r| {
            r.sequence("tstInfo", |r| {
                let version = r.expect(Tag::INTEGER, "version")?;
                if version.value != [1] {
                    return Err(version.error(DecodeKind::Value("not 1"), "version"));
                }
                Ok(Self {
                    policy: r.oid("policy")?,
                    message_imprint: MessageImprint::decode(r)?,
                    serial_number: SerialNumber::from_content(r.integer("serialNumber")?),
                    gen_time: GenTime::decode(r)?,
                    accuracy: r
                        .optional(Tag::SEQUENCE, "accuracy")?
                        .map(|t| Accuracy::decode(&t))
                        .transpose()?,
                    ordering: default_false(r, "ordering")?,
                    nonce: Nonce::decode_optional(r)?,
                    tsa: r
                        .optional(Tag::constructed(0), "tsa")?
                        .map(|t| t.nested("tsa", |r| GeneralName::decode(&r.any("")?, "")))
                        .transpose()?,
                    extensions: match r.optional(Tag::constructed(1), "extensions")? {
                        Some(list) => extensions(&list)?,
                        None => Vec::new(),
                    },
                })
            })
        })
    }
}

impl TstInfoFields<'_> {
    /// The encoding.
    pub fn to_der(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(256);
        w.sequence(|w| {
            w.u32(1);
            w.oid(self.policy);
            w.raw(self.message_imprint.der());
            w.tlv(Tag::INTEGER, self.serial_number.as_bytes());
            self.gen_time.encode(w);
            if let Some(accuracy) = self.accuracy {
                accuracy.encode(w);
            }
            if self.ordering {
                w.boolean_true();
            }
            if let Some(nonce) = self.nonce {
                nonce.encode(w);
            }
            if let Some(tsa) = self.tsa {
                w.nested(Tag::constructed(0), |w| tsa.encode(w));
            }
        });
        w.finish()
    }
}
