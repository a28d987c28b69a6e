use crate::der::DecodeError;
use crate::keys::{KeyAlgorithm, KeyError, KeyErrorKind, PublicKey};
use crate::time::UnixTime;
use crate::x509::Certificate;

use super::ObjectType;
use super::objects::attributes;

/// Certificates in a chain that is put together from a token, the key's own included. Chains of
/// qualified certificates have three; a token with a circle of issuers must come to an end.
pub const MAX_CHAIN: usize = 10;

/// A certificate on a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenCertificate {
    /// `CKA_LABEL`; what is not UTF-8 in it is replaced.
    pub label: String,
    /// `CKA_ID`, which key and certificate have in common.
    pub id: Vec<u8>,
    /// The certificate, as it lies on the token.
    pub der: Vec<u8>,
}

impl TokenCertificate {
    /// The certificate, decoded.
    ///
    /// # Errors
    /// It is none.
    pub fn certificate(&self) -> Result<Certificate, DecodeError> {
        Certificate::from_der(&self.der)
    }

    /// What a URI says of it: `object=…;id=…;type=cert`.
    pub fn attributes(&self) -> String {
        attributes(&self.label, &self.id, ObjectType::Certificate)
    }

    /// For someone who has to choose: label and id, whose it is, and until when.
    pub fn describe(&self) -> String {
        match self.certificate() {
            Ok(certificate) => format!(
                "{} (\"{}\", {} to {})",
                self.attributes(),
                certificate.subject(),
                certificate.not_before(),
                certificate.not_after()
            ),
            Err(e) => format!("{} (unreadable: {e})", self.attributes()),
        }
    }
}

/// Whether both are the same key, though one may be bound to PSS and the other not.
pub(super) fn same_key(a: &PublicKey, b: &PublicKey) -> bool {
    use KeyAlgorithm::{Rsa, RsaPss};
    let kind = match (a.algorithm(), b.algorithm()) {
        (Rsa { .. } | RsaPss { .. }, Rsa { .. } | RsaPss { .. }) => true,
        (a, b) => a == b,
    };
    kind && a.key_octets() == b.key_octets()
}

/// The certificate of `key` at `at`: the only one, or the only one that is valid then.
pub(super) fn choose(
    object: &str,
    key: &PublicKey,
    all: &[TokenCertificate],
    at: UnixTime,
) -> Result<Certificate, KeyError> {
    let own: Vec<(&TokenCertificate, Certificate)> = all
        .iter()
        .filter_map(|entry| Some((entry, entry.certificate().ok()?)))
        .filter(|(_, certificate)| certificate.public_key().is_ok_and(|k| same_key(k, key)))
        .collect();
    // The same one twice, under two labels, is one.
    let mut different: Vec<&(&TokenCertificate, Certificate)> = Vec::new();
    for one in &own {
        if different.iter().all(|other| other.1.der() != one.1.der()) {
            different.push(one);
        }
    }
    if different.len() > 1 {
        let valid: Vec<_> = different
            .iter()
            .filter(|(_, certificate)| certificate.is_valid_at(at))
            .copied()
            .collect();
        if valid.len() == 1 {
            different = valid;
        }
    }
    match different.as_slice() {
        [(_, certificate)] => Ok(certificate.clone()),
        [] => {
            let others: Vec<_> = all.iter().map(TokenCertificate::describe).collect();
            let others = if others.is_empty() {
                "the token has none at all".to_owned()
            } else {
                format!("the token has, for other keys, {}", others.join("; "))
            };
            let what = format!("{object}: there is no certificate with the key; {others}");
            Err(KeyError::new(KeyErrorKind::Missing, what))
        }
        several => {
            let all: Vec<_> = several.iter().map(|(entry, _)| entry.describe()).collect();
            let what = format!(
                "{object}: {} certificates are for this key: {}",
                several.len(),
                all.join("; ")
            );
            Err(KeyError::new(KeyErrorKind::Ambiguous, what))
        }
    }
}

/// The issuers of `leaf` among `all`, the nearest first: by name, key identifier and signature.
pub(super) fn issuers(leaf: &Certificate, all: &[TokenCertificate]) -> Vec<Certificate> {
    let all: Vec<Certificate> = all.iter().filter_map(|c| c.certificate().ok()).collect();
    let mut chain: Vec<Certificate> = vec![leaf.clone()];
    while chain.len() < MAX_CHAIN
        && let Some(last) = chain.last()
        && !last.is_self_issued()
        && let Some(issuer) = all
            .iter()
            .find(|issuer| issued(last, issuer) && chain.iter().all(|c| c.der() != issuer.der()))
    {
        chain.push(issuer.clone());
    }
    chain.remove(0);
    chain
}

fn issued(certificate: &Certificate, issuer: &Certificate) -> bool {
    let named = issuer.subject().matches(certificate.issuer());
    let authority = certificate.authority_key_identifier().ok().flatten();
    let identified = match (
        authority.and_then(|a| a.key_identifier),
        issuer.subject_key_identifier().ok().flatten(),
    ) {
        (Some(wanted), Some(found)) => wanted == found,
        _ => true,
    };
    named
        && identified
        && issuer
            .public_key()
            .is_ok_and(|key| certificate.verify_signed_by(key).is_ok())
}
