use core::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use cryptoki::error::Error;
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;

use crate::keys::{
    KeyAlgorithm, KeyError, KeyErrorKind, PublicKey, SignatureAlgorithm, SigningKey,
};
use crate::time::UnixTime;
use crate::x509::Certificate;

use super::certificate::{choose, issuers, same_key};
use super::fault::Fault;
use super::mechanism::{Input, Plan, plans, signature};
use super::objects::{self, KeyObject};
use super::uri::ObjectType;
use super::{AskPin, ModuleSearch, Token, TokenCertificate, TokenKeyEntry, TokenUri};

/// Smallest RSA modulus that signs, as for keys in files.
const MIN_RSA_BITS: u32 = 2048;

/// Octets of a message that are handed to the token at once, where it computes the digest itself.
const PART: usize = 64 * 1024;

/// Which key is asked for, and with what.
pub struct KeyWanted<'a> {
    /// Module, token and object.
    pub uri: &'a TokenUri,
    /// Where modules are looked for.
    pub search: &'a ModuleSearch,
    /// Where the PIN comes from.
    pub ask: AskPin<'a>,
    /// The certificate that the key is to belong to, where it is known: it chooses among several keys,
    /// and gives the public half where the token does not.
    pub certificate: Option<&'a Certificate>,
}

/// A private key on a token. Threads share it; the token signs for several at once where it can.
///
/// Each signature is verified before it is given out: a fault in the device, or a key that is not the
/// certificate's, is found here and not by whoever receives the document.
pub struct TokenKey {
    token: Arc<Token>,
    entry: TokenKeyEntry,
    public: PublicKey,
    algorithms: Vec<SignatureAlgorithm>,
    plans: Vec<Plan>,
    /// All certificates of the token.
    certificates: Vec<TokenCertificate>,
    /// Those of which the key's own is chosen.
    candidates: Vec<TokenCertificate>,
    /// The key's handle, and the generation of sessions that it holds in.
    handle: Mutex<(u64, ObjectHandle)>,
}

impl TokenKey {
    /// Finds the key that a URI means, and logs in.
    ///
    /// A URI that names no object means the only key there is. One with `type=cert` means the key of that
    /// certificate.
    ///
    /// # Errors
    /// Those of [`Token::open`] and [`Token::log_in`]; [`KeyErrorKind::Missing`] and
    /// [`KeyErrorKind::Ambiguous`] for keys likewise, with all that there are;
    /// [`KeyErrorKind::Mismatch`] where the key is another certificate's, [`KeyErrorKind::Algorithm`]
    /// and [`KeyErrorKind::Size`] where it cannot sign in a way that is known here.
    pub fn open(wanted: &KeyWanted<'_>) -> Result<Self, KeyError> {
        let class = wanted.uri.wanted.class;
        if let Some(class @ (ObjectType::Data | ObjectType::SecretKey)) = class {
            let what = format!(
                "{}: type={} is not a key that signs",
                wanted.uri,
                class.as_str()
            );
            return Err(KeyError::new(KeyErrorKind::Malformed, what));
        }
        let token = Token::open(wanted.uri, wanted.search)?;
        token.log_in(wanted.uri, wanted.ask)?;
        let certificates = token.certificates()?;
        let (candidates, (generation, key)) = find(&token, wanted, &certificates)?;
        let name = format!(
            "{}, private key {}",
            token.identity(),
            key.entry.attributes()
        );

        let given = wanted.certificate.and_then(|c| c.public_key().ok());
        let public = key.entry.public_key.as_ref().or(given).ok_or_else(|| {
            let what = format!(
                "{name}: its public half is not on the token, neither as a key nor in a certificate \
                 with the same id; a certificate must be given"
            );
            KeyError::new(KeyErrorKind::Missing, what)
        })?;
        // A certificate may bind the key to PSS (RFC 4055 1.2), which the token does not know.
        let bound = |key: &PublicKey| same_key(key, public) && key.spki() != public.spki();
        let in_certificates: Vec<PublicKey> = candidates
            .iter()
            .filter_map(|c| Some(c.certificate().ok()?.public_key().ok()?.clone()))
            .filter(|key| same_key(key, public))
            .collect();
        let public = match (given.filter(|key| bound(key)), in_certificates.first()) {
            (Some(given), _) => given.clone(),
            (None, Some(first)) if given.is_none() && in_certificates.iter().all(bound) => {
                first.clone()
            }
            _ => public.clone(),
        };
        if let KeyAlgorithm::Rsa { bits } | KeyAlgorithm::RsaPss { bits } = public.algorithm()
            && bits < MIN_RSA_BITS
        {
            let what = format!("{name}: has {bits} bits, at least {MIN_RSA_BITS} are needed");
            return Err(KeyError::new(KeyErrorKind::Size, what));
        }
        let mechanisms = token.mechanisms()?;
        let plans = plans(&public, key.entry.always_authenticate, |mechanism| {
            mechanisms.contains(&mechanism)
                && (key.mechanisms.is_empty() || key.mechanisms.contains(&mechanism))
        });
        if plans.is_empty() {
            let has: Vec<_> = mechanisms.iter().map(ToString::to_string).collect();
            let what = format!(
                "{name}: the token has no mechanism that signs with a {} key{}; it has {}",
                public.algorithm(),
                if key.entry.always_authenticate {
                    " and computes the digest itself, as one needs that asks for the PIN each time"
                } else {
                    ""
                },
                has.join(", ")
            );
            return Err(KeyError::new(KeyErrorKind::Algorithm, what));
        }
        let opened = Self {
            algorithms: plans.iter().map(|plan| plan.algorithm).collect(),
            plans,
            candidates,
            certificates,
            handle: Mutex::new((generation, key.handle)),
            entry: key.entry,
            public,
            token,
        };
        // A certificate's word that this is its key is no more than an id. Not where each signature wants
        // a PIN: there the first one tells.
        if !key.public_is_own && !opened.entry.always_authenticate {
            let algorithm = opened.plans.first().map(|plan| plan.algorithm);
            if let Some(algorithm) = algorithm {
                opened.sign(
                    algorithm,
                    b"esign: does this key belong to its certificate?",
                )?;
            }
        }
        Ok(opened)
    }

    /// The token it is on.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// Label, id and properties.
    pub fn entry(&self) -> &TokenKeyEntry {
        &self.entry
    }

    /// All certificates of the token.
    pub fn certificates(&self) -> &[TokenCertificate] {
        &self.certificates
    }

    /// The certificate of the key, and the chain above it as far as the token has it. Where several
    /// certificates are for this key, the one that is valid at `at`.
    ///
    /// # Errors
    /// [`KeyErrorKind::Missing`] where the token has none for this key; [`KeyErrorKind::Ambiguous`]
    /// where it has several: all are named, with label, id, subject and validity.
    pub fn certified(&self, at: UnixTime) -> Result<(Certificate, Vec<Certificate>), KeyError> {
        let own = choose(&self.name(), &self.public, &self.candidates, at)?;
        let issuers = issuers(&own, &self.certificates);
        Ok((own, issuers))
    }

    fn name(&self) -> String {
        format!(
            "{}, private key {}",
            self.token.identity(),
            self.entry.attributes()
        )
    }

    fn handle(&self, session: &Session, generation: u64) -> Result<ObjectHandle, Fault> {
        let mut known = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        if known.0 != generation {
            *known = (generation, objects::same_key(session, &self.entry)?);
        }
        Ok(known.1)
    }

    fn sign_by(
        &self,
        plan: &Plan,
        session: &Session,
        handle: ObjectHandle,
        data: &[u8],
    ) -> Result<Vec<u8>, Fault> {
        let mechanism = plan.mechanism().ok_or(Error::NotSupported)?;
        let confirmed = self.entry.always_authenticate;
        if !confirmed && plan.input != Input::Message {
            return Ok(session.sign(&mechanism, handle, data)?);
        }
        session.sign_init(&mechanism, handle)?;
        if confirmed {
            self.token.confirm(session)?;
        }
        for part in data.chunks(PART) {
            session.sign_update(part)?;
        }
        Ok(session.sign_final()?)
    }
}

impl SigningKey for TokenKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn algorithms(&self) -> &[SignatureAlgorithm] {
        &self.algorithms
    }

    fn sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let plan = self.plans.iter().find(|plan| plan.algorithm == algorithm);
        let plan = plan.ok_or_else(|| {
            let what = format!(
                "{}: a {} key on this token does not sign with {algorithm}",
                self.name(),
                self.public.algorithm()
            );
            KeyError::new(KeyErrorKind::Algorithm, what)
        })?;
        let prepared = plan.prepare(message);
        let data = prepared.as_deref().unwrap_or(message);
        let octets = self.token.run(|session, generation| {
            let handle = self.handle(session, generation)?;
            self.sign_by(plan, session, handle, data)
        })?;
        let length = octets.len();
        let made = signature(&self.public, octets).ok_or_else(|| {
            let what = format!(
                "{}: the token gave a signature of {length} octets for a {} key",
                self.name(),
                self.public.algorithm()
            );
            KeyError::new(KeyErrorKind::Refused, what)
        })?;
        self.public.verify(algorithm, message, &made).map_err(|e| {
            let what = format!(
                "{}: the token's signature does not verify with the public key {:?}, which is taken to be \
                 its other half: {e}",
                self.name(),
                self.public
            );
            KeyError::new(KeyErrorKind::Mismatch, what)
        })?;
        Ok(made)
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

type Chosen = (Vec<TokenCertificate>, (u64, KeyObject));

/// The one private key that is meant, and the certificates of which its own is chosen.
fn find(
    token: &Token,
    asked: &KeyWanted<'_>,
    certificates: &[TokenCertificate],
) -> Result<Chosen, KeyError> {
    let wanted = &asked.uri.wanted;
    let (label, id) = (wanted.object.as_deref(), wanted.id.as_deref());
    let mut generation = 0;
    let mut keys_with = |label: Option<&str>, id: Option<&[u8]>| {
        token.run(|session, now| {
            generation = now;
            objects::private_keys(session, label, id, certificates)
        })
    };
    let mut candidates = certificates.to_vec();
    let through_certificate = wanted.class == Some(ObjectType::Certificate);
    let mut keys = if through_certificate {
        Vec::new()
    } else {
        keys_with(label, id)?
    };
    // `type=cert`, or a label that only the certificate has: the key is that certificate's.
    if keys.is_empty() && (label.is_some() || id.is_some() || through_certificate) {
        let named: Vec<TokenCertificate> = certificates
            .iter()
            .filter(|c| label.is_none_or(|label| c.label == label))
            .filter(|c| id.is_none_or(|id| c.id == id))
            .cloned()
            .collect();
        if through_certificate || !named.is_empty() {
            keys = keys_with(None, None)?;
            keys.retain(|key| named.iter().any(|c| belongs(key, c)));
            candidates = named;
        }
    }
    let all = |keys: &[KeyObject]| -> String {
        let all: Vec<_> = keys.iter().map(|key| describe(key, certificates)).collect();
        all.join("; ")
    };
    let name = token.identity();
    if keys.is_empty() {
        let others = keys_with(None, None)?;
        let others = if others.is_empty() {
            "it has no private key".to_owned()
        } else {
            format!("it has {}", all(&others))
        };
        let what = format!("{name}: no private key matches {wanted}; {others}");
        return Err(KeyError::new(KeyErrorKind::Missing, what));
    }
    if let Some(certificate) = asked.certificate
        && let Ok(public) = certificate.public_key()
    {
        let other = |key: &KeyObject| {
            let own = key.entry.public_key.as_ref().filter(|_| key.public_is_own);
            own.is_some_and(|own| !same_key(own, public))
        };
        if keys.iter().all(other) {
            let what = format!(
                "{name}: certificate \"{}\" is for the key {public:?}, which is not {}",
                certificate.subject(),
                all(&keys)
            );
            return Err(KeyError::new(KeyErrorKind::Mismatch, what));
        }
        keys.retain(|key| !other(key));
        // The token's own certificate with the key's id is no better than the one that is given.
        for key in &mut keys {
            if !key.public_is_own {
                key.entry.public_key = Some(public.clone());
            }
        }
        if keys.iter().any(|key| key.public_is_own) {
            keys.retain(|key| key.public_is_own);
        }
    }
    if keys.iter().all(|key| !key.entry.signs) {
        let what = format!(
            "{name}: not for signing (CKA_SIGN is false): {}",
            all(&keys)
        );
        return Err(KeyError::new(KeyErrorKind::Refused, what));
    }
    keys.retain(|key| key.entry.signs);
    if keys.len() > 1 {
        let what = format!(
            "{name}: {} private keys match {wanted}: {}",
            keys.len(),
            all(&keys)
        );
        return Err(KeyError::new(KeyErrorKind::Ambiguous, what));
    }
    match keys.pop() {
        Some(key) => Ok((candidates, (generation, key))),
        None => Err(KeyError::new(
            KeyErrorKind::Missing,
            format!("{name}: no private key matches {wanted}"),
        )),
    }
}

/// Whether a certificate is this key's: by the public key, else by the id.
fn belongs(key: &KeyObject, certificate: &TokenCertificate) -> bool {
    match (&key.entry.public_key, certificate.certificate()) {
        (Some(own), Ok(certificate)) if key.public_is_own => {
            certificate.public_key().is_ok_and(|k| same_key(k, own))
        }
        _ => !key.entry.id.is_empty() && key.entry.id == certificate.id,
    }
}

/// For someone who has to choose: label and id, kind, and whose certificate is with it.
fn describe(key: &KeyObject, certificates: &[TokenCertificate]) -> String {
    let kind = match &key.entry.public_key {
        Some(public) => public.algorithm().to_string(),
        None => "public half not on the token".to_owned(),
    };
    let own: Vec<String> = certificates
        .iter()
        .filter(|c| belongs(key, c))
        .filter_map(|c| c.certificate().ok())
        .map(|c| {
            let (from, to) = (c.not_before(), c.not_after());
            format!(", certificate of \"{}\" {from} to {to}", c.subject())
        })
        .collect();
    format!("{} ({kind}{})", key.entry.attributes(), own.concat())
}
