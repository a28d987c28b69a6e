//! Requests: proof of possession, who it is about, approval.

use std::path::PathBuf;

use esign_core::keys::PublicKey;
use esign_core::x509::{Identity, ProvenKey, Request};
use serde::{Deserialize, Serialize};

use super::{Centre, CentreError, CentreErrorKind, REQUESTS, Who};
use crate::acts::Change;
use crate::files::{self, Secrecy};
use crate::ids::{Digest, Name, RequestId};
use crate::life::{fits, holder, not_compromised, prove, random_octets};
use crate::records::{self, Approval};

/// What the store has no place for: the identity as vetted, and the request that proved the key. The
/// request's name is made of it, so that it cannot be changed behind an approval.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Vetted {
    /// 16 random octets, hexadecimal: two requests that say the same have different names.
    nonce: String,
    pub(super) profile: String,
    pub(super) identity: Identity,
    /// PKCS #10 as received, PEM: issuing proves possession once more.
    pub(super) csr: String,
}

impl Vetted {
    fn id(octets: &[u8]) -> RequestId {
        let Digest(digest) = Digest::of(octets);
        RequestId(digest.first_chunk().copied().unwrap_or_default())
    }

    pub(super) fn proven_key(&self) -> Result<ProvenKey, CentreError> {
        prove(self.csr.as_bytes())
    }
}

impl Centre {
    /// Takes in a request: `csr` is one PKCS #10 in PEM or DER, of which nothing but the proven
    /// public key goes into the certificate; `identity` is as the officer vetted it.
    ///
    /// # Errors
    /// The request does not prove possession; the profile is unknown or for others; the identity
    /// cannot stand in a certificate; the key is one of the centre's own, or was compromised.
    pub fn request(
        &self,
        csr: &[u8],
        identity: &Identity,
        profile: &str,
        who: &Who,
    ) -> Result<RequestId, CentreError> {
        let proven = prove(csr)?;
        let chosen = self.settings.profile(profile)?;
        fits(chosen, identity)?;
        // What cannot be encoded is said now, not when it is issued.
        self.settings
            .subject(identity)
            .name()
            .map_err(|e| CentreError::new(CentreErrorKind::Value, "identity", e))?;
        self.not_our_own(proven.public_key())?;
        not_compromised(self.store.as_ref(), &proven)?;
        let csr = Request::read(csr)
            .map_err(|e| CentreError::new(CentreErrorKind::Request, "request", e))?;
        let vetted = Vetted {
            nonce: RequestId(random_octets()?).to_string(),
            profile: profile.to_owned(),
            identity: identity.clone(),
            csr: esign_core::x509::to_pem("CERTIFICATE REQUEST", csr.der()),
        };
        let octets = serde_json::to_vec_pretty(&vetted)
            .map_err(|e| CentreError::new(CentreErrorKind::Value, "identity", e))?;
        let id = Vetted::id(&octets);
        // The file comes first: a file without a request harms nobody, the other way round nothing
        // could be issued.
        files::write(&self.vetted_path(&id), &octets, Secrecy::Secret)?;
        let (holder, record) = holder(self.store.as_ref(), identity)?;
        let mut changes: Vec<_> = record.map(Change::RecordHolder).into_iter().collect();
        changes.push(Change::ReceiveRequest(records::Request {
            id,
            profile: Name::new(profile)?,
            public_key: proven.public_key().spki().to_vec(),
            holder,
            former: None,
            approval: Approval::Anyone,
        }));
        let done = self.commit(who, "", changes);
        if let Err(error) = &done
            && error.kind() != CentreErrorKind::Store
        {
            let _ = std::fs::remove_file(self.vetted_path(&id));
        }
        done.map(|()| id)
    }

    /// Approves a request.
    ///
    /// # Errors
    /// There is no such request, or it is not pending.
    pub fn approve(&self, request: &RequestId, who: &Who) -> Result<(), CentreError> {
        self.commit(who, "", vec![Change::ApproveRequest(*request)])
    }

    /// Refuses a request that is pending or approved.
    ///
    /// # Errors
    /// There is no such request, or it is issued; no reason is given.
    pub fn refuse(&self, request: &RequestId, why: &str, who: &Who) -> Result<(), CentreError> {
        self.commit(who, why, vec![Change::RefuseRequest(*request)])
    }

    /// Who a request is about, as vetted.
    ///
    /// # Errors
    /// The file is missing, or is not what the request was made of.
    pub fn identity_of(&self, request: &RequestId) -> Result<Identity, CentreError> {
        self.vetted(request).map(|vetted| vetted.identity)
    }

    pub(super) fn vetted(&self, request: &RequestId) -> Result<Vetted, CentreError> {
        let path = self.vetted_path(request);
        let octets = files::read(&path)?;
        let wrong = |what: &dyn std::fmt::Display| {
            CentreError::new(CentreErrorKind::Settings, path.display(), what)
        };
        let found = Vetted::id(&octets);
        if found != *request {
            return Err(wrong(&format_args!(
                "was changed since it was received: its contents are those of request {found}"
            )));
        }
        serde_json::from_slice(&octets).map_err(|e| wrong(&e))
    }

    fn vetted_path(&self, request: &RequestId) -> PathBuf {
        self.dir.join(REQUESTS).join(format!("{request}.json"))
    }

    /// A certificate for the key of an authority would let it pass for an end entity.
    fn not_our_own(&self, key: &PublicKey) -> Result<(), CentreError> {
        for certificate in [&self.root, &self.issuing] {
            if certificate.spki_der() == key.spki() {
                return Err(CentreError::new(
                    CentreErrorKind::Request,
                    "request",
                    format_args!("its key is that of {}", certificate.subject()),
                ));
            }
        }
        Ok(())
    }
}
