//! From an approved request to a published certificate, and what a crash leaves between.

use std::ops::ControlFlow;
use std::sync::Arc;

use esign_core::x509::{Certificate, Issuer, SerialNumber, to_pem};

use super::{Authority, Centre, CentreError, CentreErrorKind, Who};
use crate::acts::Change;
use crate::files::{self, Secrecy};
use crate::ids::{KeyId, RequestId};
use crate::life::Settled;
use crate::life::issue::{Job, OpenIntent, Publication};
use crate::records::{CertificateRecord, RequestStatus};
use crate::store::StatusFilter;

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
            shard: 0,
            who,
            publication: Publication::ByCaller,
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
        let in_force = match self.issuing_in_force() {
            Ok(()) => true,
            Err(error) if error.kind() == CentreErrorKind::State => false,
            Err(error) => return Err(error),
        };
        let intent = OpenIntent {
            store: self.store.as_ref(),
            settings: &self.settings,
            issuing: &self.issuing,
            in_force,
            record,
            who,
        };
        match intent.settle(&|| Ok(Arc::new(self.key(Authority::Issuing)?)))? {
            Settled::Issued(_) => {
                let issued = self.find(&serial)?;
                self.publish(&issued, who)?;
                Ok(Recovered::Issued(serial))
            }
            Settled::Revoked(_) => Ok(Recovered::Revoked(serial)),
        }
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
