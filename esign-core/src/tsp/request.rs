use crate::oid::ObjectIdentifier;

use super::{MAX_EXTENSIONS, MAX_REQUEST, MessageImprint, Nonce};
use crate::der::{DecodeError, DecodeKind, Reader, Rules, Tag, Tlv, Writer, decode};

/// `TimeStampReq` (RFC 3161 2.4.1).
///
/// ```text
/// TimeStampReq ::= SEQUENCE {
///   version INTEGER { v1(1) }, messageImprint MessageImprint, reqPolicy TSAPolicyId OPTIONAL,
///   nonce INTEGER OPTIONAL, certReq BOOLEAN DEFAULT FALSE, extensions [0] IMPLICIT Extensions OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeStampReq {
    /// `version`; 1 is the only one.
    pub version: u32,
    /// `messageImprint`: what is to be stamped.
    pub message_imprint: MessageImprint,
    /// `reqPolicy`: the policy under which it is to be stamped.
    pub req_policy: Option<ObjectIdentifier>,
    /// `nonce`, which the token repeats.
    pub nonce: Option<Nonce>,
    /// `certReq`: whether the token is to carry the authority's certificate.
    pub cert_req: bool,
    /// `extensions`.
    pub extensions: Vec<RequestExtension>,
}

/// An extension of a request or of a `TSTInfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestExtension {
    /// `extnID`
    pub oid: ObjectIdentifier,
    /// `critical`
    pub critical: bool,
    /// `extnValue`
    pub value: Vec<u8>,
}

impl TimeStampReq {
    /// Asks for a token over `message_imprint` that carries the authority's certificate, under
    /// whatever policy. A client gives a nonce so that an old token cannot be passed off as new.
    pub fn new(message_imprint: MessageImprint, nonce: Option<Nonce>) -> Self {
        Self {
            version: 1,
            message_imprint,
            req_policy: None,
            nonce,
            cert_req: true,
            extensions: Vec::new(),
        }
    }

    /// Decodes a DER `TimeStampReq` that fills `der`. A version other than 1, an unknown algorithm and
    /// an imprint of a wrong length are left to the authority, which has an answer to each.
    ///
    /// # Errors
    /// Not DER; another structure; a limit of this module.
    pub fn from_der(der: &[u8]) -> Result<Self, DecodeError> {
        if der.len() > MAX_REQUEST {
            let kind = DecodeKind::Limit("larger than 16 KiB");
            return Err(DecodeError::new(kind, "timeStampReq", 0));
        }
        decode(der, Rules::Der, |r| {
            r.sequence("timeStampReq", |r| {
                Ok(Self {
                    version: r.u32("version")?,
                    message_imprint: MessageImprint::decode(r)?,
                    req_policy: match r.peek() {
                        Some(Tag::OID) => Some(r.oid("reqPolicy")?),
                        _ => None,
                    },
                    nonce: Nonce::decode_optional(r)?,
                    cert_req: default_false(r, "certReq")?,
                    extensions: match r.optional(Tag::constructed(0), "extensions")? {
                        Some(list) => extensions(&list)?,
                        None => Vec::new(),
                    },
                })
            })
        })
    }

    /// The encoding.
    pub fn to_der(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(128);
        w.sequence(|w| {
            w.u32(self.version);
            w.raw(self.message_imprint.der());
            if let Some(policy) = self.req_policy {
                w.oid(policy);
            }
            if let Some(nonce) = &self.nonce {
                nonce.encode(w);
            }
            if self.cert_req {
                w.boolean_true();
            }
            if !self.extensions.is_empty() {
                w.nested(Tag::constructed(0), |w| {
                    self.extensions.iter().for_each(|e| e.encode(w));
                });
            }
        });
        w.finish()
    }
}

impl RequestExtension {
    fn encode(&self, w: &mut Writer) {
        w.sequence(|w| {
            w.oid(self.oid);
            if self.critical {
                w.boolean_true();
            }
            w.octets(&self.value);
        });
    }
}

/// A BOOLEAN DEFAULT FALSE, which DER leaves out where it is false (X.690 11.5).
pub(super) fn default_false(r: &mut Reader<'_>, field: &str) -> Result<bool, DecodeError> {
    match r.optional(Tag::BOOLEAN, field)? {
        Some(tlv) if tlv.boolean(field)? => Ok(true),
        Some(tlv) => Err(tlv.error(DecodeKind::NotDer("a DEFAULT value is written"), field)),
        None => Ok(false),
    }
}

/// `Extensions` whose SEQUENCE has the tag of its field.
pub(super) fn extensions(list: &Tlv<'_>) -> Result<Vec<RequestExtension>, DecodeError> {
    list.nested("extensions", |r| {
        let mut found: Vec<RequestExtension> = Vec::new();
        if r.is_empty() {
            return Err(r.error(DecodeKind::Value("empty"), ""));
        }
        while !r.is_empty() {
            if found.len() >= MAX_EXTENSIONS {
                return Err(r.error(DecodeKind::Limit("more than 16 extensions"), ""));
            }
            let tlv = r.expect(Tag::SEQUENCE, "extension")?;
            let one = tlv.nested("extension", |r| {
                Ok(RequestExtension {
                    oid: r.oid("extnID")?,
                    critical: default_false(r, "critical")?,
                    value: r.expect(Tag::OCTET_STRING, "extnValue")?.value.to_vec(),
                })
            })?;
            // RFC 5280 4.2: no extension stands twice.
            if found.iter().any(|e| e.oid == one.oid) {
                return Err(tlv.error(DecodeKind::Value("an extension stands twice"), "extension"));
            }
            found.push(one);
        }
        Ok(found)
    })
}
