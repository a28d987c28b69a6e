//! Requests: proof of possession, who it is about, approval.

use esign_core::keys::Random;
use esign_core::x509::{Identity, PersonIdentifier, ProvenKey, Request, SubjectKind};
use ring::rand::SystemRandom;

use super::{Actor, Life};
use crate::acts::Change;
use crate::error::{CentreError, CentreErrorKind};
use crate::ids::{HolderId, Name, RequestId};
use crate::officers::Role;
use crate::records::{self, Approval, Holder, RequestRecord, RequestStatus, RequestSubject};
use crate::settings::IssuedProfile;
use crate::store::Store;

/// A new request.
#[derive(Clone, Debug)]
pub struct NewRequest<'a> {
    /// One PKCS #10, PEM or DER, of which nothing but the proven public key goes into the certificate.
    pub csr: &'a [u8],
    /// Who it is about.
    pub identity: &'a Identity,
    /// Name of the profile to issue by.
    pub profile: &'a str,
    /// Whether the holder agreed to stand in the public list of valid certificates.
    pub listed: bool,
}

/// A request and who it is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestView {
    /// The request as stored.
    pub record: RequestRecord,
    /// Its subject; none where whoever asks may not see it, or there is none.
    pub subject: Option<RequestSubject>,
    /// Who vetted the subject; none while it is only claimed.
    pub vetted_by: Option<Name>,
}

impl Life {
    /// Takes in a request: vetted where a registrar makes it, claimed where an e-service does.
    ///
    /// # Errors
    /// The actor's roles may not ask for this profile; the request does not prove possession; the
    /// identity cannot stand in such a certificate; the key is one of the centre's own, weak, or was
    /// compromised.
    pub fn receive(&self, actor: &Actor, new: &NewRequest<'_>) -> Result<RequestId, CentreError> {
        let issued = self.settings.issued(new.profile)?;
        let asks = self.may_ask(actor, issued)?;
        let csr = Request::read(new.csr)
            .map_err(|e| CentreError::new(CentreErrorKind::Request, "request", e))?;
        let proven = verify(csr.clone())?;
        self.fits(new.profile, new.identity)?;
        self.not_our_own(&proven)?;
        weak(&proven)?;
        not_compromised(self.store.as_ref(), &proven)?;
        let id = RequestId(random_octets()?);
        let vetted = asks.contains(&Role::Registrar);
        // Only a registrar's word makes or changes a holder's row.
        let (holder, row) = if vetted {
            holder(self.store.as_ref(), new.identity)?
        } else {
            (None, None)
        };
        let subject = RequestSubject {
            request: id,
            csr: csr.der().to_vec(),
            holder,
            identity: encode(new.identity)?,
            listed: new.listed,
        };
        let mut changes: Vec<_> = row.map(Change::RecordHolder).into_iter().collect();
        changes.push(Change::ReceiveRequest(records::Request {
            id,
            profile: Name::new(new.profile)?,
            public_key: proven.public_key().spki().to_vec(),
            holder,
            former: None,
            approval: match issued.approvals_by_others {
                0 => Approval::None,
                persons => Approval::Others(persons),
            },
        }));
        changes.push(if vetted {
            Change::VetSubject(subject)
        } else {
            Change::ClaimSubject(subject)
        });
        self.commit(actor, "", changes)?;
        self.proofs.keep(csr.der(), proven);
        Ok(id)
    }

    /// Says who a pending request is about, as the registrar vetted it.
    ///
    /// # Errors
    /// The actor is no registrar; the identity cannot stand in a certificate of that profile; the
    /// request is not pending, or somebody approved it already.
    pub fn vet(
        &self,
        actor: &Actor,
        id: &RequestId,
        identity: &Identity,
        listed: bool,
    ) -> Result<(), CentreError> {
        actor.must(&[Role::Registrar], "vet a request")?;
        let found = self.stored_request(id)?;
        self.fits(found.request.profile.as_str(), identity)?;
        let before = self.stored_subject(id)?;
        let (holder, row) = holder(self.store.as_ref(), identity)?;
        let mut changes: Vec<_> = row.map(Change::RecordHolder).into_iter().collect();
        changes.push(Change::VetSubject(RequestSubject {
            request: *id,
            csr: before.subject.csr,
            holder,
            identity: encode(identity)?,
            listed,
        }));
        self.commit(actor, "", changes)
    }

    /// Approves a request.
    ///
    /// # Errors
    /// The actor is no approver, made or vetted the request himself; it is not pending or not vetted.
    pub fn approve(&self, actor: &Actor, id: &RequestId) -> Result<RequestStatus, CentreError> {
        actor.must(&[Role::Approver], "approve a request")?;
        self.commit(actor, "", vec![Change::ApproveRequest(*id)])?;
        Ok(self.stored_request(id)?.status)
    }

    /// Refuses a request that is pending or approved.
    ///
    /// # Errors
    /// The actor is neither approver nor registrar; it is issued; no reason is given.
    pub fn refuse(&self, actor: &Actor, id: &RequestId, why: &str) -> Result<(), CentreError> {
        actor.must(&[Role::Approver, Role::Registrar], "refuse a request")?;
        self.commit(actor, why, vec![Change::RefuseRequest(*id)])
    }

    /// A request. Its subject is shown to registrars, approvers, auditors and to whoever made it; a
    /// client sees his own requests alone.
    ///
    /// # Errors
    /// There is none that the actor may see.
    pub fn request(&self, actor: &Actor, id: &RequestId) -> Result<RequestView, CentreError> {
        let record = self.stored_request(id)?;
        let sees_all = actor.any(&[Role::Approver, Role::Auditor, Role::Registrar]);
        if !sees_all && record.requested_by != actor.officer.name {
            // The same words as for one that does not exist: names are not to be guessed.
            return Err(not_found(id));
        }
        let found = self.store.request_subject(id)?;
        Ok(RequestView {
            record,
            vetted_by: found.as_ref().and_then(|found| found.vetted_by.clone()),
            subject: found.map(|found| found.subject),
        })
    }

    /// Requests of this status in the order of receipt, behind `after`, at most `limit`; a client
    /// sees his own alone.
    ///
    /// # Errors
    /// The store fails.
    pub fn requests(
        &self,
        actor: &Actor,
        status: RequestStatus,
        after: Option<&RequestId>,
        limit: usize,
    ) -> Result<Vec<RequestRecord>, CentreError> {
        let sees_all = actor.any(&[Role::Approver, Role::Auditor, Role::Registrar]);
        let mut found = self.store.requests(status, after, limit)?;
        found.retain(|record| sees_all || record.requested_by == actor.officer.name);
        Ok(found)
    }

    /// Holders whose name begins so, or who have this identifier.
    ///
    /// # Errors
    /// The actor is neither registrar nor auditor: identity data is theirs alone.
    pub fn holders(
        &self,
        actor: &Actor,
        name: &str,
        limit: usize,
    ) -> Result<Vec<Holder>, CentreError> {
        actor.must(&[Role::Registrar, Role::Auditor], "search holders")?;
        if let Some(found) = self.store.holder_by_identifier(name)? {
            return Ok(vec![found]);
        }
        Ok(self.store.holders_named(name, limit)?)
    }

    pub(super) fn stored_request(&self, id: &RequestId) -> Result<RequestRecord, CentreError> {
        self.store.request(id)?.ok_or_else(|| not_found(id))
    }

    pub(super) fn stored_subject(
        &self,
        id: &RequestId,
    ) -> Result<records::SubjectRecord, CentreError> {
        self.store
            .request_subject(id)?
            .ok_or_else(|| no_subject(id))
    }

    /// The roles by which the actor may ask for certificates of a profile, at least one.
    pub(super) fn may_ask(
        &self,
        actor: &Actor,
        issued: &IssuedProfile,
    ) -> Result<Vec<Role>, CentreError> {
        let requesters = issued.requesters.iter();
        let asks: Vec<Role> = requesters
            .copied()
            .filter(|role| actor.officer.is(*role))
            .collect();
        if !asks.is_empty() {
            return Ok(asks);
        }
        let roles: Vec<_> = issued.requesters.iter().map(ToString::to_string).collect();
        Err(CentreError::new(
            CentreErrorKind::NotAllowed,
            format_args!("profile \"{}\"", issued.profile.name),
            format_args!(
                "is asked for by {}; {} is {}",
                roles.join(" or "),
                actor.officer.name,
                actor.roles()
            ),
        ))
    }

    /// What cannot be encoded is said now, not when it is issued.
    fn fits(&self, profile: &str, identity: &Identity) -> Result<(), CentreError> {
        fits(self.settings.profile(profile)?, identity)?;
        let subject = self.settings.subject(identity);
        subject
            .name()
            .and_then(|_| subject.alternative_names())
            .map(|_| ())
            .map_err(|e| CentreError::new(CentreErrorKind::Value, "identity", e))
    }

    /// A certificate for the key of an authority would let it pass for an end entity.
    pub(super) fn not_our_own(&self, proven: &ProvenKey) -> Result<(), CentreError> {
        let key = crate::ids::KeyId::of_spki(proven.public_key().spki());
        match self.store.issuer(&key)? {
            None => Ok(()),
            Some(_) => Err(CentreError::new(
                CentreErrorKind::Request,
                "request",
                format_args!("its key {key} is that of an authority of this centre"),
            )),
        }
    }
}

pub(super) fn no_subject(id: &RequestId) -> CentreError {
    CentreError::new(
        CentreErrorKind::State,
        format_args!("request {id}"),
        "has no subject: it was made by another program",
    )
}

pub(super) fn not_found(id: &RequestId) -> CentreError {
    CentreError::new(
        CentreErrorKind::NotFound,
        format_args!("request {id}"),
        "does not exist",
    )
}

fn encode(identity: &Identity) -> Result<String, CentreError> {
    serde_json::to_string(identity)
        .map_err(|e| CentreError::new(CentreErrorKind::Value, "identity", e))
}

/// Whether an identity is of the kind that a profile is for.
pub(crate) fn fits(
    profile: &esign_core::x509::Profile,
    identity: &Identity,
) -> Result<(), CentreError> {
    let found = match identity {
        Identity::NaturalPerson(_) => "a natural person",
        Identity::Organization(_) => "an organisation",
        Identity::Host(_) => "a host",
    };
    let wanted = match profile.subject {
        SubjectKind::TlsClient => return Ok(()),
        SubjectKind::TlsServer => "a host",
        SubjectKind::NaturalPerson => "a natural person",
        _ => "an organisation",
    };
    if wanted == found {
        return Ok(());
    }
    Err(CentreError::new(
        CentreErrorKind::Value,
        format_args!("profile \"{}\"", profile.name),
        format_args!("is for {wanted}, and {found} is given"),
    ))
}

/// Refuses keys that anybody can break.
pub(super) fn weak(proven: &ProvenKey) -> Result<(), CentreError> {
    let found = esign_core::keys::weaknesses(proven.public_key());
    match found.first() {
        None => Ok(()),
        Some(weakness) => Err(CentreError::new(
            CentreErrorKind::Request,
            "request",
            format_args!("its key is weak: {weakness}"),
        )),
    }
}

/// A certificate of the key fell because the key was compromised: so would another.
pub(crate) fn not_compromised(store: &dyn Store, proven: &ProvenKey) -> Result<(), CentreError> {
    let key = crate::ids::KeyId::of_spki(proven.public_key().spki());
    match store.compromised(&key)? {
        None => Ok(()),
        Some(id) => Err(CentreError::new(
            CentreErrorKind::Request,
            "request",
            format_args!("its key {key} was compromised: certificate {id} was revoked for it"),
        )),
    }
}

pub(crate) fn prove(csr: &[u8]) -> Result<ProvenKey, CentreError> {
    let csr =
        Request::read(csr).map_err(|e| CentreError::new(CentreErrorKind::Request, "request", e))?;
    verify(csr)
}

pub(super) fn verify(csr: Request) -> Result<ProvenKey, CentreError> {
    csr.verify()
        .map_err(|e| CentreError::new(CentreErrorKind::Request, "request", e))
}

pub(crate) fn random_octets() -> Result<[u8; 16], CentreError> {
    let mut octets = [0; 16];
    SystemRandom::new()
        .fill(&mut octets)
        .map_err(|e| CentreError::key("random octets", &e))?;
    Ok(octets)
}

/// The holder's row and what has to be written of it.
pub(crate) fn holder(
    store: &dyn Store,
    identity: &Identity,
) -> Result<(Option<HolderId>, Option<Holder>), CentreError> {
    let identity = match identity {
        Identity::NaturalPerson(p) => records::Identity::Natural {
            identifier: semantics(&p.identifier)?,
            given_name: p.given_name.clone(),
            surname: p.surname.clone(),
        },
        Identity::Organization(o) => match &o.identifier {
            Some(identifier) => records::Identity::Legal {
                identifier: identifier.to_string(),
                organization: o.organization.clone(),
            },
            None => return Ok((None, None)),
        },
        // A host is known by its names; nobody holds it in the sense of the law.
        Identity::Host(_) => return Ok((None, None)),
    };
    match store.holder_by_identifier(identity.identifier())? {
        Some(found) if found.identity == identity => Ok((Some(found.id), None)),
        Some(found) => {
            let version = found.version.saturating_add(1);
            let id = found.id;
            Ok((
                Some(id),
                Some(Holder {
                    version,
                    identity,
                    ..found
                }),
            ))
        }
        None => {
            let id = HolderId(random_octets()?);
            let holder = Holder {
                id,
                version: 1,
                identity,
                contact: None,
            };
            Ok((Some(id), Some(holder)))
        }
    }
}

fn semantics(identifier: &PersonIdentifier) -> Result<String, CentreError> {
    identifier
        .semantics()
        .map_err(|e| CentreError::new(CentreErrorKind::Value, "identity", e))
}
