//! The OCSP responder (RFC 6960, RFC 9654): "good" only of what was issued.

use std::sync::{Arc, RwLock};

use esign_core::crl::RevocationReason as ListReason;
use esign_core::ocsp::{
    CertId, CertStatus, OcspRequest, ResponderId, ResponseBuilder, ResponseStatus, Status,
};
use esign_core::time::UnixTime;
use esign_core::x509::Certificate;

use super::{Authority, Key};
use crate::error::{CentreError, CentreErrorKind};
use crate::ids::{CertificateId, KeyId, Serial};
use crate::records::Standing;
use crate::store::Store;

/// Nonces of these lengths are repeated; others are answered without one (RFC 9654 2.1).
const NONCE: std::ops::RangeInclusive<usize> = 16..=32;

/// How answers are given.
#[derive(Clone, Copy, Debug)]
pub struct ResponderOptions {
    /// How long an answer may be kept, in seconds: caches give it on for so long.
    pub lifetime: i64,
    /// Say "revoked" of serial numbers that were never issued (RFC 6960 2.2), not "unknown".
    pub extended_revoke: bool,
}

impl Default for ResponderOptions {
    /// Five minutes: a twelfth of the hour in which a revocation has to be told (EN 319 411-1 6.2.4).
    fn default() -> Self {
        Self {
            lifetime: 300,
            extended_revoke: false,
        }
    }
}

/// A key that answers for one authority, and the certificate that lets it.
#[derive(Clone)]
pub struct Signer {
    key: Key,
    certificate: Certificate,
}

impl Signer {
    /// A delegated responder (RFC 6960 4.2.2.2).
    ///
    /// # Errors
    /// Key and certificate do not belong together.
    pub fn new(key: Key, certificate: Certificate) -> Result<Self, CentreError> {
        let (here, there) = (
            KeyId::of_spki(key.public_key().spki()),
            KeyId::of_spki(certificate.spki_der()),
        );
        if here != there {
            return Err(CentreError::new(
                CentreErrorKind::Key,
                format_args!("OCSP certificate {}", certificate.serial()),
                format_args!("is for key {there}, and the private key is {here}"),
            ));
        }
        Ok(Self { key, certificate })
    }

    /// The last second of the certificate.
    pub fn not_after(&self) -> UnixTime {
        self.certificate.not_after()
    }
}

/// An answer, and how long it may be kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// `OCSPResponse`, DER.
    pub der: Vec<u8>,
    /// When it was made, and until when it is good; none for errors and for answers to a nonce.
    pub kept: Option<(UnixTime, UnixTime)>,
}

impl Answer {
    fn error(status: ResponseStatus) -> Self {
        Self {
            der: status.error_response(),
            kept: None,
        }
    }
}

struct Served {
    authority: Authority,
    /// Replaced when its certificate is renewed.
    signer: RwLock<Arc<Signer>>,
}

/// A responder for one or more authorities.
pub struct Responder {
    store: Arc<dyn Store>,
    served: Vec<Served>,
    options: ResponderOptions,
}

impl std::fmt::Debug for Responder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let served: Vec<_> = self.served.iter().map(|one| &one.authority).collect();
        f.debug_struct("Responder")
            .field("served", &served)
            .finish_non_exhaustive()
    }
}

impl Responder {
    /// Answers for these authorities, each with its signer.
    pub fn new(
        store: Arc<dyn Store>,
        served: Vec<(Authority, Signer)>,
        options: ResponderOptions,
    ) -> Self {
        let served = served
            .into_iter()
            .map(|(authority, signer)| Served {
                authority,
                signer: RwLock::new(Arc::new(signer)),
            })
            .collect();
        Self {
            store,
            served,
            options,
        }
    }

    /// Puts another signer in the place of the one for this authority.
    pub fn renew(&self, authority: &KeyId, signer: Signer) {
        for one in &self.served {
            if one.authority.id() == *authority {
                let mut place = one
                    .signer
                    .write()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                *place = Arc::new(signer);
                return;
            }
        }
    }

    /// Answers a DER `OCSPRequest`. Every failure is an answer, too: an unsigned one (RFC 6960 2.3).
    pub fn answer(&self, request: &[u8], at: UnixTime) -> Answer {
        let Ok(request) = OcspRequest::from_der(request) else {
            return Answer::error(ResponseStatus::MalformedRequest);
        };
        // What a critical extension asks for is not known, so it cannot be heeded.
        if request.unprocessed().is_some() {
            return Answer::error(ResponseStatus::MalformedRequest);
        }
        let first = request.asked().first();
        let Some(served) =
            first.and_then(|id| self.served.iter().find(|one| one.authority.is_named_by(id)))
        else {
            return Answer::error(ResponseStatus::Unauthorized);
        };
        match self.signed(&request, served, at) {
            Ok(answer) => answer,
            Err(Failed::Store) => Answer::error(ResponseStatus::TryLater),
            Err(Failed::Signing) => Answer::error(ResponseStatus::InternalError),
        }
    }

    fn signed(
        &self,
        request: &OcspRequest,
        served: &Served,
        at: UnixTime,
    ) -> Result<Answer, Failed> {
        let next = at.plus(self.options.lifetime);
        // Expired certificates are answered for as long as the centre is there.
        let archive_cutoff = Some(served.authority.certificate().not_before());
        let mut statuses = Vec::with_capacity(request.asked().len());
        for id in request.asked() {
            // One signature is by one authority's word; of others' certificates it knows nothing.
            let status = if served.authority.is_named_by(id) {
                self.status(served, id, at)?
            } else {
                CertStatus::Unknown
            };
            statuses.push(Status {
                id: id.clone(),
                status,
                this_update: at,
                next_update: Some(next),
                archive_cutoff,
            });
        }
        let nonce = request
            .nonce()
            .filter(|nonce| NONCE.contains(&nonce.as_bytes().len()))
            .cloned();
        let signer = served
            .signer
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone();
        let kept = nonce.is_none().then_some((at, next));
        let algorithm = signer.key.algorithms().first().ok_or(Failed::Signing)?;
        let der = ResponseBuilder {
            responder: ResponderId::of_key(signer.key.public_key()),
            produced_at: at,
            statuses,
            nonce,
            extended_revoke: self.options.extended_revoke,
            certificates: vec![signer.certificate.clone()],
        }
        .draft(*algorithm)
        .map_err(|_| Failed::Signing)?
        .sign(signer.key.as_ref())
        .map_err(|_| Failed::Signing)?;
        Ok(Answer { der, kept })
    }

    fn status(&self, served: &Served, id: &CertId, at: UnixTime) -> Result<CertStatus, Failed> {
        let never_issued = if self.options.extended_revoke {
            CertStatus::Revoked {
                at: UnixTime::from_seconds(0),
                reason: Some(ListReason::CertificateHold),
            }
        } else {
            CertStatus::Unknown
        };
        // Zero, negative or too long: no certificate of this centre has such a number.
        let Ok(serial) = Serial::try_from(&id.serial) else {
            return Ok(never_issued);
        };
        let id = CertificateId {
            issuer: served.authority.id(),
            serial,
        };
        let standing = self.store.standing(&id).map_err(|_| Failed::Store)?;
        Ok(match standing {
            Some(Standing::Good) => CertStatus::Good,
            // An intent is no certificate.
            Some(Standing::Intended) | None => never_issued,
            // A clock that stepped back must not make an answer that contradicts itself.
            Some(Standing::Suspended { since, .. }) => CertStatus::Revoked {
                at: since.min(at),
                reason: Some(ListReason::CertificateHold),
            },
            Some(Standing::Revoked { since, reason, .. }) => CertStatus::Revoked {
                at: since.min(at),
                reason: ListReason::from_number(reason.code())
                    .filter(|reason| *reason != ListReason::Unspecified),
            },
        })
    }
}

enum Failed {
    Signing,
    Store,
}
