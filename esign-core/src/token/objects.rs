use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::MechanismType;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, SessionState};

use crate::der::{Rules, Tag, Writer, decode};
use crate::keys::{Curve, KeyError, KeyErrorKind, PublicKey};
use crate::oid;

use super::fault::Fault;
use super::uri::{ObjectType, encode_path};
use super::{Token, TokenCertificate};

/// Objects of one class that are looked at, at most; an HSM with more is to be asked by label or id.
pub const MAX_OBJECTS: usize = 4096;

/// A private key on a token, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenKeyEntry {
    /// `CKA_LABEL`; what is not UTF-8 in it is replaced.
    pub label: String,
    /// `CKA_ID`, which key and certificate have in common.
    pub id: Vec<u8>,
    /// The public half, where the token has it: as a key, in the private key or in a certificate.
    pub public_key: Option<PublicKey>,
    /// Whether the key may sign (`CKA_SIGN`).
    pub signs: bool,
    /// Whether every signature asks for the PIN again (`CKA_ALWAYS_AUTHENTICATE`).
    pub always_authenticate: bool,
}

/// A private key and what is known of it.
pub(super) struct KeyObject {
    pub(super) handle: ObjectHandle,
    pub(super) entry: TokenKeyEntry,
    /// Whether the public half is the token's own word rather than a certificate's.
    pub(super) public_is_own: bool,
    /// `CKA_ALLOWED_MECHANISMS`; empty where any will do.
    pub(super) mechanisms: Vec<MechanismType>,
}

impl Token {
    /// The private keys that can be seen; most tokens show none before a login.
    ///
    /// # Errors
    /// [`KeyErrorKind::Limit`] above [`MAX_OBJECTS`] objects, [`KeyErrorKind::Refused`] where the
    /// token fails.
    pub fn keys(&self) -> Result<Vec<TokenKeyEntry>, KeyError> {
        let certificates = self.certificates()?;
        let keys = self.run(|session, _| private_keys(session, None, None, &certificates))?;
        Ok(keys.into_iter().map(|key| key.entry).collect())
    }

    /// The certificates that can be seen, in the order of the token.
    ///
    /// # Errors
    /// As [`Self::keys`].
    pub fn certificates(&self) -> Result<Vec<TokenCertificate>, KeyError> {
        self.run(|session, _| certificates(session))
    }
}

impl TokenKeyEntry {
    /// What a URI says of it: `object=…;id=…;type=private`.
    pub fn attributes(&self) -> String {
        attributes(&self.label, &self.id, ObjectType::PrivateKey)
    }
}

pub(super) fn attributes(label: &str, id: &[u8], class: ObjectType) -> String {
    let id: String = id.iter().map(|octet| format!("%{octet:02X}")).collect();
    let mut parts = Vec::new();
    if !label.is_empty() {
        parts.push(format!("object={}", encode_path(label)));
    }
    if !id.is_empty() {
        parts.push(format!("id={id}"));
    }
    parts.push(format!("type={}", class.as_str()));
    parts.join(";")
}

/// The private keys with this label and id.
pub(super) fn private_keys(
    session: &Session,
    label: Option<&str>,
    id: Option<&[u8]>,
    certificates: &[TokenCertificate],
) -> Result<Vec<KeyObject>, Fault> {
    let mut template = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
    template.extend(label.map(|label| Attribute::Label(label.as_bytes().to_vec())));
    template.extend(id.map(|id| Attribute::Id(id.to_vec())));
    let mut keys = Vec::new();
    for handle in find(session, &template)? {
        let id = bytes(session, handle, AttributeType::Id)?.unwrap_or_default();
        let own = public_half(session, handle, &id)?;
        let public_is_own = own.is_some();
        let from_certificate = || {
            let mut of_id = certificates.iter().filter(|c| !id.is_empty() && c.id == id);
            of_id.find_map(|c| c.certificate().ok()?.public_key().ok().cloned())
        };
        let flag = |kind| -> Result<Option<bool>, Fault> {
            Ok(match one(session, handle, kind)? {
                Some(Attribute::Sign(value) | Attribute::AlwaysAuthenticate(value)) => Some(value),
                _ => None,
            })
        };
        let mechanisms = match one(session, handle, AttributeType::AllowedMechanisms)? {
            Some(Attribute::AllowedMechanisms(mechanisms)) => mechanisms,
            _ => Vec::new(),
        };
        keys.push(KeyObject {
            handle,
            entry: TokenKeyEntry {
                label: label_of(session, handle)?,
                public_key: own.or_else(from_certificate),
                // A token that does not say is asked when it comes to signing.
                signs: flag(AttributeType::Sign)?.unwrap_or(true),
                always_authenticate: flag(AttributeType::AlwaysAuthenticate)?.unwrap_or(false),
                id,
            },
            public_is_own,
            mechanisms,
        });
    }
    Ok(keys)
}

/// The handle of the one private key with this label and id, after a loss.
pub(super) fn same_key(session: &Session, entry: &TokenKeyEntry) -> Result<ObjectHandle, Fault> {
    let mut template = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
    if !entry.id.is_empty() {
        template.push(Attribute::Id(entry.id.clone()));
    }
    let mut same = Vec::new();
    for handle in find(session, &template)? {
        if label_of(session, handle)? == entry.label {
            same.push(handle);
        }
    }
    match same.as_slice() {
        [handle] => Ok(*handle),
        // Somebody logged out: private keys are not seen any more, which is another thing than gone.
        [] if session.get_session_info()?.session_state() == SessionState::RoPublic => {
            Err(Error::Pkcs11(RvError::UserNotLoggedIn, Function::FindObjects).into())
        }
        others => {
            let what = format!(
                "private key {}: the token has {} such keys where it had one",
                entry.attributes(),
                others.len()
            );
            Err(KeyError::new(KeyErrorKind::Missing, what).into())
        }
    }
}

pub(super) fn certificates(session: &Session) -> Result<Vec<TokenCertificate>, Fault> {
    let template = [Attribute::Class(ObjectClass::CERTIFICATE)];
    let mut out = Vec::new();
    for handle in find(session, &template)? {
        // Without a value there is only a hash and an address (CKA_URL), which nothing is fetched from.
        let Some(der) = bytes(session, handle, AttributeType::Value)? else {
            continue;
        };
        if der.is_empty() {
            continue;
        }
        out.push(TokenCertificate {
            label: label_of(session, handle)?,
            id: bytes(session, handle, AttributeType::Id)?.unwrap_or_default(),
            der,
        });
    }
    Ok(out)
}

fn find(session: &Session, template: &[Attribute]) -> Result<Vec<ObjectHandle>, Fault> {
    let mut handles = Vec::new();
    for handle in session.iter_objects(template)? {
        handles.push(handle?);
        if handles.len() > MAX_OBJECTS {
            let what = format!("the token has more than {MAX_OBJECTS} objects that match");
            return Err(KeyError::new(KeyErrorKind::Limit, what).into());
        }
    }
    Ok(handles)
}

/// One attribute; `None` where the object lacks it or it cannot be read. Asked for one by one: some
/// modules answer nothing at all where one of several is unknown to them.
fn one(
    session: &Session,
    handle: ObjectHandle,
    kind: AttributeType,
) -> Result<Option<Attribute>, Fault> {
    match session.get_attributes(handle, &[kind]) {
        Ok(values) => Ok(values.into_iter().next()),
        Err(error @ Error::Pkcs11(..)) => {
            let fault = Fault::from(error);
            // CKR_FUNCTION_FAILED and others for an attribute that the module does not know.
            if fault.is_gone() {
                Err(fault)
            } else {
                Ok(None)
            }
        }
        Err(_) => Ok(None),
    }
}

fn bytes(
    session: &Session,
    handle: ObjectHandle,
    kind: AttributeType,
) -> Result<Option<Vec<u8>>, Fault> {
    Ok(match one(session, handle, kind)? {
        Some(
            Attribute::Id(value)
            | Attribute::Label(value)
            | Attribute::Value(value)
            | Attribute::Modulus(value)
            | Attribute::PublicExponent(value)
            | Attribute::EcParams(value)
            | Attribute::EcPoint(value)
            | Attribute::PublicKeyInfo(value),
        ) => Some(value),
        _ => None,
    })
}

fn label_of(session: &Session, handle: ObjectHandle) -> Result<String, Fault> {
    let label = bytes(session, handle, AttributeType::Label)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&label).into_owned())
}

/// The public half as the token itself has it: in the private key, or as the one public key of the
/// same kind and id.
fn public_half(
    session: &Session,
    private: ObjectHandle,
    id: &[u8],
) -> Result<Option<PublicKey>, Fault> {
    if let Some(key) = public_key(session, private)? {
        return Ok(Some(key));
    }
    let Some(Attribute::KeyType(kind)) = one(session, private, AttributeType::KeyType)? else {
        return Ok(None);
    };
    if id.is_empty() {
        return Ok(None);
    }
    let template = [
        Attribute::Class(ObjectClass::PUBLIC_KEY),
        Attribute::KeyType(kind),
        Attribute::Id(id.to_vec()),
    ];
    match find(session, &template)?.as_slice() {
        [public] => public_key(session, *public),
        _ => Ok(None),
    }
}

/// The public key that an object's attributes give; `None` where they do not, or give one of a kind
/// that is not known here.
fn public_key(session: &Session, handle: ObjectHandle) -> Result<Option<PublicKey>, Fault> {
    if let Some(info) = bytes(session, handle, AttributeType::PublicKeyInfo)?
        && let Ok(key) = PublicKey::from_spki(&info)
    {
        return Ok(Some(key));
    }
    let Some(Attribute::KeyType(kind)) = one(session, handle, AttributeType::KeyType)? else {
        return Ok(None);
    };
    let value = |kind| bytes(session, handle, kind);
    let spki = if kind == KeyType::RSA {
        match (
            value(AttributeType::Modulus)?,
            value(AttributeType::PublicExponent)?,
        ) {
            (Some(modulus), Some(exponent)) => rsa_spki(&modulus, &exponent),
            _ => return Ok(None),
        }
    } else if kind == KeyType::EC || kind == KeyType::EC_EDWARDS {
        match (
            value(AttributeType::EcParams)?,
            value(AttributeType::EcPoint)?,
        ) {
            (Some(parameters), Some(point)) => ec_spki(&parameters, &point),
            _ => None,
        }
        .unwrap_or_default()
    } else {
        return Ok(None);
    };
    Ok(PublicKey::from_spki(&spki).ok())
}

fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let mut key = Writer::new();
    key.sequence(|w| {
        w.unsigned(Tag::INTEGER, modulus);
        w.unsigned(Tag::INTEGER, exponent);
    });
    let key = key.finish();
    let mut w = Writer::new();
    w.sequence(|w| {
        w.sequence(|w| {
            w.oid(oid::RSA_ENCRYPTION);
            w.tlv(Tag::NULL, &[]);
        });
        w.bit_octets(&key);
    });
    w.finish()
}

/// `CKA_EC_PARAMS` and `CKA_EC_POINT` as `SubjectPublicKeyInfo`.
fn ec_spki(parameters: &[u8], point: &[u8]) -> Option<Vec<u8>> {
    /// PKCS #11 3.0 lets Ed25519 be named by this, too (`curveName`).
    const EDWARDS25519: &[u8] = b"\x13\x0cedwards25519";
    let named = decode(parameters, Rules::Der, |r| r.oid("ecParams")).ok();
    let edwards = parameters == EDWARDS25519 || named == Some(oid::ED25519);
    let length = if edwards {
        32
    } else {
        1 + 2 * Curve::from_oid(named?)?.coordinate_len()
    };
    // An OCTET STRING by the specification; some modules give what is in it (2.40 has both readings).
    let point = if point.len() == length {
        point
    } else {
        decode(point, Rules::Der, |r| {
            Ok(r.expect(Tag::OCTET_STRING, "ecPoint")?.value)
        })
        .ok()?
    };
    let mut w = Writer::new();
    w.sequence(|w| {
        w.sequence(|w| {
            if edwards {
                w.oid(oid::ED25519);
            } else {
                w.oid(oid::EC_PUBLIC_KEY);
                w.raw(parameters);
            }
        });
        w.bit_octets(point);
    });
    Some(w.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{KeySpec, PrivateKey, SigningKey};

    #[test]
    fn points_and_curves_in_every_spelling() {
        for (spec, parameters) in [
            (KeySpec::Ec(Curve::P256), None),
            (KeySpec::Ec(Curve::P384), None),
            (KeySpec::Ec(Curve::P521), None),
            (KeySpec::Ed25519, Some(&b"\x06\x03\x2b\x65\x70"[..])),
            (KeySpec::Ed25519, Some(&b"\x13\x0cedwards25519"[..])),
        ] {
            let key = PrivateKey::generate(spec).unwrap();
            let public = key.public_key();
            let parameters = match (spec, parameters) {
                (KeySpec::Ec(curve), _) => {
                    let mut w = Writer::new();
                    w.oid(curve.oid());
                    w.finish()
                }
                (_, parameters) => parameters.unwrap().to_vec(),
            };
            let raw = public.key_octets();
            let mut wrapped = Writer::new();
            wrapped.octets(raw);
            for point in [raw, &wrapped.finish()] {
                let spki = ec_spki(&parameters, point).unwrap();
                assert_eq!(spki, public.spki(), "{spec:?}");
            }
            assert_eq!(ec_spki(&parameters, &raw[1..]), None, "{spec:?}");
            assert_eq!(ec_spki(b"\x05\x00", raw), None, "{spec:?}");
        }
        let key = PrivateKey::generate(KeySpec::Rsa2048).unwrap();
        let (modulus, exponent) = decode(key.public_key().key_octets(), Rules::Der, |r| {
            r.sequence("", |r| Ok((r.integer("")?, r.integer("")?)))
        })
        .unwrap();
        assert_eq!(rsa_spki(modulus, exponent), key.public_key().spki());
        // Without the leading zero of DER, as tokens give it.
        assert_eq!(rsa_spki(&modulus[1..], exponent), key.public_key().spki());
    }

    #[test]
    fn attributes_are_written_as_a_uri_has_them() {
        let of = |label, id| attributes(label, id, ObjectType::PrivateKey);
        assert_eq!(of("a b", &[1, 0xfe]), "object=a%20b;id=%01%FE;type=private");
        assert_eq!(of("", &[]), "type=private");
    }
}
