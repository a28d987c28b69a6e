//! From an approved request to a published certificate, and what a crash leaves between.

use std::ops::ControlFlow;

use esign_core::der::{Tag, Writer};
use esign_core::keys::{PrivateKey, SigningKey};
use esign_core::report::{Finding, Indication};
use esign_core::x509::{
    Certificate, Draft, Identity, Issuer, Order, Profile, ProvenKey, SerialNumber, lint, to_pem,
};
use ring::rand::SystemRandom;

use super::files::{self, Secrecy};
use super::{Authority, Centre, CentreError, CentreErrorKind, Who, commit};
use crate::acts::Change;
use crate::ids::{CertificateId, KeyId, RequestId, Serial};
use crate::records::{CertificateRecord, Intent, RequestStatus, RevocationReason};
use crate::store::{StatusFilter, Store};

/// What [`Centre::recover`] did about one certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Recovered {
    /// Its intent was stored; it was signed, issued and published now.
    Issued(SerialNumber),
    /// It was issued; it was published now.
    Published(SerialNumber),
    /// Its intent could not be carried out, so it was revoked: a signature may exist somewhere.
    Revoked(SerialNumber),
}

/// One certificate on its way: what differs between the centre's own and those of others.
pub(super) struct Job<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) issuer: &'a Issuer,
    pub(super) issuer_key: KeyId,
    pub(super) key: &'a PrivateKey,
    pub(super) request: RequestId,
    pub(super) proven: &'a ProvenKey,
    pub(super) profile: &'a Profile,
    pub(super) identity: &'a Identity,
    pub(super) who: &'a Who,
}

impl Job<'_> {
    /// Draft, lint, stored intent, signature, issue. Publication is the caller's.
    pub(super) fn run(&self) -> Result<(CertificateId, Certificate), CentreError> {
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
        same_key(&object, &unsigned, self.proven.public_key().spki())?;
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
            shard: 0,
        };
        commit(self.store, self.who, "", vec![Change::Intend(intent)])?;
        let certificate = linted
            .sign(self.key)
            .map_err(|e| CentreError::key(&object, &e))?;
        let issue = Change::Issue {
            id: id.clone(),
            certificate: certificate.der().to_vec(),
        };
        commit(self.store, self.who, "", vec![issue])?;
        Ok((id, certificate))
    }
}

/// The draft of a certificate that does not outlive its issuer.
pub(super) fn draft(
    issuer: &Issuer,
    key: &PrivateKey,
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
fn same_key(object: &str, certificate: &Certificate, spki: &[u8]) -> Result<(), CentreError> {
    if certificate.spki_der() == spki {
        return Ok(());
    }
    Err(CentreError::new(
        CentreErrorKind::Key,
        object,
        format_args!(
            "is for key {}, and the request is for key {}",
            KeyId::of_spki(certificate.spki_der()),
            KeyId::of_spki(spki)
        ),
    ))
}

impl Centre {
    /// Issues and publishes the certificate of an approved request; that of an issued one is given
    /// again.
    ///
    /// # Errors
    /// There is no such request or it is not approved; lints refuse the certificate, and then nothing
    /// was signed; the key's passphrase is missing; the store or the folder fails, and then
    /// [`Self::recover`] settles what is open.
    pub fn issue(&self, request: &RequestId, who: &Who) -> Result<Certificate, CentreError> {
        let _alone = files::lock(&self.dir)?;
        self.issue_alone(request, who)
    }

    fn issue_alone(&self, request: &RequestId, who: &Who) -> Result<Certificate, CentreError> {
        let object = format!("request {request}");
        let state = |what| CentreError::new(CentreErrorKind::State, &object, what);
        let found = self.store.request(request)?.ok_or_else(|| {
            CentreError::new(CentreErrorKind::NotFound, &object, "does not exist")
        })?;
        match found.status {
            RequestStatus::Approved => {}
            RequestStatus::Pending => return Err(state("is pending and must be approved first")),
            RequestStatus::Refused => return Err(state("is refused and cannot be issued")),
            RequestStatus::Issued => {
                let id = found
                    .certificate
                    .ok_or_else(|| state("is issued without a certificate"))?;
                let record = self
                    .store
                    .certificate(&id)?
                    .ok_or_else(|| state("is issued, and its certificate is not there"))?;
                return self.publish(&record, who);
            }
        }
        self.issuing_in_force()?;
        // An intent that a crash left is carried out rather than doubled.
        for open in self.store.open_intents()? {
            if open.request == *request && matches!(self.settle(&open, who)?, Recovered::Issued(_))
            {
                return self.issue_alone(request, who);
            }
        }
        let vetted = self.vetted(request)?;
        let proven = vetted.proven_key()?;
        if proven.public_key().spki() != found.request.public_key {
            return Err(CentreError::new(
                CentreErrorKind::Key,
                &object,
                format_args!(
                    "its file is for key {}, the store has key {}",
                    KeyId::of_spki(proven.public_key().spki()),
                    KeyId::of_spki(&found.request.public_key)
                ),
            ));
        }
        if vetted.profile != found.request.profile.as_str() {
            return Err(CentreError::new(
                CentreErrorKind::State,
                &object,
                format_args!(
                    "its file says profile \"{}\", the store \"{}\"",
                    vetted.profile, found.request.profile
                ),
            ));
        }
        let job = Job {
            store: self.store.as_ref(),
            issuer: &self.as_issuer(),
            issuer_key: self.issuer(Authority::Issuing),
            key: &self.key(Authority::Issuing)?,
            request: *request,
            proven: &proven,
            profile: self.settings.profile(&vetted.profile)?,
            identity: &self.settings.subject(&vetted.identity),
            who,
        };
        let (id, _) = job.run()?;
        let record = self
            .store
            .certificate(&id)?
            .ok_or_else(|| state("is issued, and its certificate is not there"))?;
        self.publish(&record, who)
    }

    /// Settles what a crash left: an intent whose request is still approved and which the lints
    /// still pass is carried out, any other is revoked; what was issued is published.
    ///
    /// # Errors
    /// The key's passphrase is missing, the store or the folder fails.
    pub fn recover(&self, who: &Who) -> Result<Vec<Recovered>, CentreError> {
        // What another process is about to issue looks like what a crash left.
        let _alone = files::lock(&self.dir)?;
        let mut done = Vec::new();
        loop {
            // The store gives so many at a time.
            let open = self.store.open_intents()?;
            if open.is_empty() {
                break;
            }
            for record in open {
                done.push(self.settle(&record, who)?);
            }
        }
        let mut ids = Vec::new();
        for filter in [StatusFilter::Good(who.at), StatusFilter::Listed] {
            self.store.visit_status(
                &self.issuer(Authority::Issuing),
                None,
                filter,
                &mut |entry| {
                    ids.push(entry.id);
                    ControlFlow::Continue(())
                },
            )?;
        }
        for id in ids {
            if let Some(record) = self.store.certificate(&id)?
                && record.certificate.is_some()
                && record.published_at.is_none()
            {
                let certificate = self.publish(&record, who)?;
                done.push(Recovered::Published(certificate.serial().clone()));
            }
        }
        Ok(done)
    }

    fn settle(&self, record: &CertificateRecord, who: &Who) -> Result<Recovered, CentreError> {
        let serial = SerialNumber::from(&record.id.serial);
        let Some(unsigned) = self.still_sound(record)? else {
            let change = Change::Revoke {
                id: record.id.clone(),
                reason: RevocationReason::Unspecified,
                invalidity_date: None,
            };
            self.commit(
                who,
                "intent left by an interruption and not carried out",
                vec![change],
            )?;
            return Ok(Recovered::Revoked(serial));
        };
        let key = self.key(Authority::Issuing)?;
        let certificate = sign_again(&unsigned, &key)?;
        let issue = Change::Issue {
            id: record.id.clone(),
            certificate: certificate.der().to_vec(),
        };
        self.commit(who, "", vec![issue])?;
        let issued = self.find(&serial)?;
        self.publish(&issued, who)?;
        Ok(Recovered::Issued(serial))
    }

    /// The intended certificate with an empty signature, if everything that led to it still holds.
    fn still_sound(&self, record: &CertificateRecord) -> Result<Option<Certificate>, CentreError> {
        let (Some(tbs), Some(request)) = (&record.tbs, self.store.request(&record.request)?) else {
            return Ok(None);
        };
        let ours = record.id.issuer == self.issuer(Authority::Issuing);
        let Ok(profile) = self.settings.profile(record.profile.as_str()) else {
            return Ok(None);
        };
        let Some(algorithm) = tbs_algorithm(tbs) else {
            return Ok(None);
        };
        let Ok(unsigned) = Certificate::from_der(&assemble(tbs, &algorithm, &[])) else {
            return Ok(None);
        };
        let in_force = match self.issuing_in_force() {
            Ok(()) => true,
            Err(error) if error.kind() == CentreErrorKind::State => false,
            Err(error) => return Err(error),
        };
        let sound = ours
            && in_force
            && request.status == RequestStatus::Approved
            && unsigned.spki_der() == request.request.public_key
            && Finding::worst(&lint(&unsigned, Some(&self.issuing), profile)) == Indication::Passed;
        Ok(sound.then_some(unsigned))
    }

    fn publish(&self, record: &CertificateRecord, who: &Who) -> Result<Certificate, CentreError> {
        let object = format!("certificate {}", record.id.serial);
        let der = record
            .certificate
            .as_deref()
            .ok_or_else(|| CentreError::new(CentreErrorKind::State, &object, "is not issued"))?;
        let certificate = Certificate::from_der(der)
            .map_err(|e| CentreError::new(CentreErrorKind::Store, &object, e))?;
        let path = self.published_at(certificate.serial());
        if record.published_at.is_none() || !path.exists() {
            files::write(
                &path,
                to_pem("CERTIFICATE", der).as_bytes(),
                Secrecy::Public,
            )?;
        }
        if record.published_at.is_none() {
            self.commit(who, "", vec![Change::Publish(record.id.clone())])?;
        }
        Ok(certificate)
    }

    fn as_issuer(&self) -> Issuer {
        let addresses = &self.settings.addresses;
        Issuer {
            certificate: Some(self.issuing.clone()),
            crl: addresses.crl.clone(),
            ocsp: addresses.ocsp.clone(),
            ca_issuers: addresses.ca_issuers.clone(),
        }
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
fn sign_again(unsigned: &Certificate, key: &PrivateKey) -> Result<Certificate, CentreError> {
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
