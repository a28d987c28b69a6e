//! One certificate's way: draft, lint, stored intent, signature, issue; and what a crash left of it.

use std::sync::Arc;

use esign_core::der::{Tag, Writer};
use esign_core::keys::SigningKey;
use esign_core::report::{Finding, Indication};
use esign_core::time::UnixTime;
use esign_core::x509::{
    Certificate, Draft, Identity, Issuer, Order, Profile, ProvenKey, SerialNumber, lint,
};
use ring::rand::SystemRandom;

use super::request::{no_subject, not_found};
use super::{Actor, IssuingKey, Life, Who, commit};
use crate::acts::Change;
use crate::error::{CentreError, CentreErrorKind};
use crate::ids::{CertificateId, KeyId, Name, RequestId, Serial};
use crate::officers::Role;
use crate::records::{CertificateRecord, Intent, RequestStatus, RevocationReason};
use crate::settings::Settings;
use crate::status::shard_address;
use crate::store::{RequestToIssue, Store};

/// A certificate that a request was answered with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Issued {
    /// Issuer key and serial number.
    pub id: CertificateId,
    /// The certificate, DER.
    pub certificate: Vec<u8>,
}

/// What became of an intent that a crash left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Settled {
    /// It was signed and stored now.
    Issued(CertificateId),
    /// It could not be carried out, so it was revoked: a signature may exist somewhere.
    Revoked(CertificateId),
}

/// One certificate on its way: what differs between the centre's own and those of others.
pub(crate) struct Job<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) issuer: &'a Issuer,
    pub(crate) issuer_key: KeyId,
    pub(crate) key: &'a dyn SigningKey,
    pub(crate) request: RequestId,
    pub(crate) proven: &'a ProvenKey,
    pub(crate) profile: &'a Profile,
    pub(crate) identity: &'a Identity,
    /// The part of the issuer's CRLs that will list it.
    pub(crate) shard: u32,
    pub(crate) who: &'a Who,
    pub(crate) publication: Publication,
}

/// When a certificate counts as published.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Publication {
    /// When the caller has done what publishes it.
    ByCaller,
    /// In the transaction that stores it: what is published is what can be fetched, and it can from
    /// that moment on.
    WithIssue,
}

impl Job<'_> {
    /// Draft, lint, stored intent, signature, issue.
    pub(crate) fn run(&self) -> Result<(CertificateId, Certificate), CentreError> {
        let serial = SerialNumber::random(&SystemRandom::new())
            .map_err(|e| CentreError::key("serial number", &e))?;
        let object = format!("certificate {serial} for request {}", self.request);
        let draft = draft(
            self.issuer,
            self.key,
            self.proven,
            self.profile,
            self.identity,
            serial,
            self.who,
        )?;
        let unsigned = draft.unsigned().clone();
        same_key(
            &object,
            unsigned.spki_der(),
            self.proven.public_key().spki(),
        )?;
        let judged = draft.lint();
        let Some(linted) = judged.value else {
            return Err(CentreError::lint(object, judged.report));
        };
        let id = CertificateId {
            issuer: self.issuer_key,
            serial: Serial::try_from(unsigned.serial())?,
        };
        let intent = Intent {
            id: id.clone(),
            request: self.request,
            tbs: linted.tbs_der().to_vec(),
            not_before: unsigned.not_before(),
            not_after: unsigned.not_after(),
            shard: self.shard,
        };
        commit(self.store, self.who, "", vec![Change::Intend(intent)])?;
        let certificate = linted
            .sign(self.key)
            .map_err(|e| CentreError::key(&object, &e))?;
        let issue = Change::Issue {
            id: id.clone(),
            certificate: certificate.der().to_vec(),
        };
        let mut last = vec![issue];
        if self.publication == Publication::WithIssue {
            last.push(Change::Publish(id.clone()));
        }
        commit(self.store, self.who, "", last)?;
        Ok((id, certificate))
    }
}

/// The draft of a certificate that does not outlive its issuer.
pub(crate) fn draft(
    issuer: &Issuer,
    key: &dyn SigningKey,
    proven: &ProvenKey,
    profile: &Profile,
    identity: &Identity,
    serial: SerialNumber,
    who: &Who,
) -> Result<Draft, CentreError> {
    let wrong = |e: &dyn std::fmt::Display| {
        CentreError::new(
            CentreErrorKind::Value,
            format_args!("certificate {serial}"),
            e,
        )
    };
    let algorithm = *key
        .algorithms()
        .first()
        .ok_or_else(|| wrong(&"the issuer's key has no signature algorithm"))?;
    let last = who.at.plus(i64::from(profile.validity_days) * 86_400 - 1);
    let not_after = issuer.certificate.as_ref().map(|c| c.not_after().min(last));
    Draft::new(&Order {
        key: proven,
        profile,
        identity,
        issuer,
        algorithm,
        serial: serial.clone(),
        not_before: who.at,
        not_after,
    })
    .map_err(|e| wrong(&e))
}

/// The store does not look at the key inside of what is signed.
fn same_key(object: &str, here: &[u8], spki: &[u8]) -> Result<(), CentreError> {
    if here == spki {
        return Ok(());
    }
    Err(CentreError::new(
        CentreErrorKind::Key,
        object,
        format_args!(
            "is for key {}, and the request is for key {}",
            KeyId::of_spki(here),
            KeyId::of_spki(spki)
        ),
    ))
}

impl Life {
    /// Issues and publishes the certificate of an approved request; that of an issued one is given
    /// again.
    ///
    /// # Errors
    /// The actor neither approves nor made the request; it is not approved; issuance is stopped; the
    /// issuing certificate is not in force; lints refuse the certificate, and then nothing was signed;
    /// the store fails, and then [`Self::recover`] settles what is open.
    pub fn issue(&self, actor: &Actor, request: &RequestId) -> Result<Issued, CentreError> {
        let newest = self.issuing.first().ok_or_else(|| {
            CentreError::new(
                CentreErrorKind::Key,
                "issuing authority",
                "no key is at hand: this process serves other roles",
            )
        })?;
        self.issue_with(actor, request, &newest.id())
    }

    /// As [`Self::issue`], with a key of any generation: an OCSP responder has to be certified by the
    /// key for whose certificates it answers (RFC 6960 4.2.2.2).
    ///
    /// # Errors
    /// As [`Self::issue`]; the key is not at hand.
    pub fn issue_with(
        &self,
        actor: &Actor,
        request: &RequestId,
        issuing: &KeyId,
    ) -> Result<Issued, CentreError> {
        let object = format!("request {request}");
        let state = |what| CentreError::new(CentreErrorKind::State, &object, what);
        let RequestToIssue {
            record: found,
            subject,
            intended,
        } = self
            .store
            .request_to_issue(request)?
            .ok_or_else(|| not_found(request))?;
        if found.requested_by != actor.officer.name {
            actor.must(&[Role::Approver], "have the request of another issued")?;
        }
        match found.status {
            RequestStatus::Approved => {}
            RequestStatus::Pending => return Err(state("is pending and must be approved first")),
            RequestStatus::Refused => return Err(state("is refused and cannot be issued")),
            RequestStatus::Issued => {
                let id = found
                    .certificate
                    .ok_or_else(|| state("is issued without a certificate"))?;
                let record = self.store.certificate(&id)?;
                let certificate = record
                    .and_then(|record| record.certificate)
                    .ok_or_else(|| state("is issued, and its certificate is not there"))?;
                return Ok(Issued { id, certificate });
            }
        }
        let issuing = self.issuing_at(issuing, actor.at)?;
        let vetted = subject.ok_or_else(|| no_subject(request))?;
        let proven = self.proofs.take(&vetted.subject.csr)?;
        same_key(
            &object,
            proven.public_key().spki(),
            &found.request.public_key,
        )?;
        let identity: Identity = serde_json::from_str(&vetted.subject.identity)
            .map_err(|e| CentreError::new(CentreErrorKind::Store, &object, e))?;
        let who = actor.who();
        // An intent that a crash left is carried out rather than doubled.
        if intended && let Some(issued) = self.settled(request, &who)? {
            return Ok(issued);
        }
        let shard = self.settings.shard(request);
        let (id, certificate) = Job {
            store: self.store.as_ref(),
            issuer: &self.as_issuer(issuing, shard),
            issuer_key: issuing.id(),
            key: issuing.key.as_ref(),
            request: *request,
            proven: &proven,
            profile: self.settings.profile(found.request.profile.as_str())?,
            identity: &self.settings.subject(&identity),
            shard,
            who: &who,
            publication: Publication::WithIssue,
        }
        .run()?;
        Ok(Issued {
            id,
            certificate: certificate.der().to_vec(),
        })
    }

    /// Carries out what a crash left of issuing this request, if anything can be.
    fn settled(&self, request: &RequestId, who: &Who) -> Result<Option<Issued>, CentreError> {
        let mut issued = None;
        for open in self.store.open_intents()? {
            if open.request == *request
                && let Settled::Issued(id) = self.settle(&open, who)?
                && let Some(record) = self.store.certificate(&id)?
                && let Some(certificate) = record.certificate
            {
                let publish = vec![Change::Publish(id.clone())];
                commit(self.store.as_ref(), who, "", publish)?;
                issued = Some(Issued { id, certificate });
            }
        }
        Ok(issued)
    }

    /// Settles the intents that are older than `before` and that nobody carried out: a crash left
    /// them. Younger ones may be in the hands of another replica.
    ///
    /// # Errors
    /// The store or a key fails.
    pub fn recover(&self, before: UnixTime, at: UnixTime) -> Result<Vec<Settled>, CentreError> {
        let who = Who {
            by: Name::new("recovery")?,
            at,
        };
        let mut done = Vec::new();
        for record in self.store.open_intents()? {
            if record.intended_at < before {
                done.push(self.settle(&record, &who)?);
            }
        }
        Ok(done)
    }

    fn settle(&self, record: &CertificateRecord, who: &Who) -> Result<Settled, CentreError> {
        let key = self
            .issuing
            .iter()
            .find(|one| one.id() == record.id.issuer)
            .ok_or_else(|| {
                CentreError::new(
                    CentreErrorKind::Key,
                    format_args!("certificate {}", record.id),
                    "was intended with a key that is not at hand",
                )
            })?;
        let in_force = self.in_force(key, who.at).is_ok();
        OpenIntent {
            store: self.store.as_ref(),
            settings: &self.settings,
            issuing: &key.certificate,
            in_force,
            record,
            who,
        }
        .settle(&|| Ok(key.key.clone()))
    }

    /// The key of this name, if it may issue now.
    fn issuing_at(&self, key: &KeyId, at: UnixTime) -> Result<&IssuingKey, CentreError> {
        let found = self
            .issuing
            .iter()
            .find(|one| one.id() == *key)
            .ok_or_else(|| {
                CentreError::new(
                    CentreErrorKind::Key,
                    format_args!("issuing key {key}"),
                    "is not at hand",
                )
            })?;
        self.in_force(found, at)?;
        Ok(found)
    }

    fn as_issuer(&self, issuing: &IssuingKey, shard: u32) -> Issuer {
        let addresses = &self.settings.addresses;
        Issuer {
            certificate: Some(issuing.certificate.clone()),
            crl: addresses
                .crl
                .iter()
                .map(|complete| shard_address(complete, shard, false))
                .collect(),
            ocsp: addresses.ocsp.clone(),
            ca_issuers: addresses.ca_issuers.clone(),
        }
    }
}

/// An intent without a certificate, and what decides about it.
pub(crate) struct OpenIntent<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) settings: &'a Settings,
    pub(crate) issuing: &'a Certificate,
    /// Whether the issuing certificate is in force.
    pub(crate) in_force: bool,
    pub(crate) record: &'a CertificateRecord,
    pub(crate) who: &'a Who,
}

impl OpenIntent<'_> {
    /// Carries the intent out if its request is still approved and the lints still pass it, else
    /// revokes it: a signature may exist somewhere.
    pub(crate) fn settle(
        &self,
        key: &dyn Fn() -> Result<Arc<dyn SigningKey>, CentreError>,
    ) -> Result<Settled, CentreError> {
        let id = self.record.id.clone();
        let Some(unsigned) = self.still_sound()? else {
            let revoke = Change::Revoke {
                id: id.clone(),
                reason: RevocationReason::Unspecified,
                invalidity_date: None,
            };
            let why = "intent left by an interruption and not carried out";
            commit(self.store, self.who, why, vec![revoke])?;
            return Ok(Settled::Revoked(id));
        };
        let certificate = sign_again(&unsigned, key()?.as_ref())?;
        let issue = Change::Issue {
            id: id.clone(),
            certificate: certificate.der().to_vec(),
        };
        commit(self.store, self.who, "", vec![issue])?;
        Ok(Settled::Issued(id))
    }

    /// The intended certificate with an empty signature, if everything that led to it still holds.
    fn still_sound(&self) -> Result<Option<Certificate>, CentreError> {
        let record = self.record;
        let (Some(tbs), Some(request)) = (&record.tbs, self.store.request(&record.request)?) else {
            return Ok(None);
        };
        let ours = record.id.issuer == KeyId::of_spki(self.issuing.spki_der());
        let Ok(profile) = self.settings.profile(record.profile.as_str()) else {
            return Ok(None);
        };
        let Some(algorithm) = tbs_algorithm(tbs) else {
            return Ok(None);
        };
        let Ok(unsigned) = Certificate::from_der(&assemble(tbs, &algorithm, &[])) else {
            return Ok(None);
        };
        let sound = ours
            && self.in_force
            && request.status == RequestStatus::Approved
            && unsigned.spki_der() == request.request.public_key
            && Finding::worst(&lint(&unsigned, Some(self.issuing), profile)) == Indication::Passed;
        Ok(sound.then_some(unsigned))
    }
}

/// `Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue }` (RFC 5280 4.1).
fn assemble(tbs: &[u8], algorithm: &[u8], signature: &[u8]) -> Vec<u8> {
    let mut w = Writer::with_capacity(tbs.len() + signature.len() + 64);
    w.sequence(|w| {
        w.raw(tbs);
        w.raw(algorithm);
        w.bit_octets(signature);
    });
    w.finish()
}

/// The `signature` field of a `TBSCertificate`, as it stands there.
fn tbs_algorithm(tbs: &[u8]) -> Option<Vec<u8>> {
    let mut outer = esign_core::der::Reader::new(tbs, esign_core::der::Rules::Der);
    let mut inner = outer.expect(Tag::SEQUENCE, "").ok()?.reader("").ok()?;
    inner.optional(Tag::constructed(0), "version").ok()?;
    inner.integer("serialNumber").ok()?;
    Some(inner.expect(Tag::SEQUENCE, "signature").ok()?.raw.to_vec())
}

/// Signs what was intended; a signature made before an interruption is as good as this one, since
/// what is signed is the same.
fn sign_again(unsigned: &Certificate, key: &dyn SigningKey) -> Result<Certificate, CentreError> {
    let object = format!("certificate {}", unsigned.serial());
    let wrong = |e: &dyn std::fmt::Display| CentreError::new(CentreErrorKind::Key, &object, e);
    let algorithm = unsigned.signature_algorithm().map_err(|e| wrong(e))?;
    let signature = key
        .sign(algorithm, unsigned.tbs_der())
        .map_err(|e| CentreError::key(&object, &e))?;
    let encoded = tbs_algorithm(unsigned.tbs_der()).unwrap_or_default();
    let certificate = Certificate::from_der(&assemble(unsigned.tbs_der(), &encoded, &signature))
        .map_err(|e| wrong(&e))?;
    certificate
        .verify_signed_by(key.public_key())
        .map_err(|_| wrong(&"the signature is not that of the issuer's key"))?;
    Ok(certificate)
}
