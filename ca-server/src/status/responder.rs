//! The OCSP responder (RFC 6960, RFC 9654): "good" only of what was issued.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use esign_core::crl::RevocationReason as ListReason;
use esign_core::ocsp::{
    CertId, CertStatus, Nonce, OcspRequest, ResponderId, ResponseBuilder, ResponseStatus, Status,
};
use esign_core::time::UnixTime;
use esign_core::x509::Certificate;

use super::presigned::{Place, Presigned};
use super::{Authority, Key};
use crate::error::{CentreError, CentreErrorKind};
use crate::ids::{CertificateId, Digest, KeyId, Serial};
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
    /// Of how many certificates answers are kept to be given again, some 1.5 KiB each; 0 signs every
    /// answer. Whoever keeps any has to call [`Responder::poll`] every [`POLL`](super::POLL).
    pub presigned: usize,
}

impl Default for ResponderOptions {
    /// Five minutes: a twelfth of the hour in which a revocation has to be told (EN 319 411-1 6.2.4).
    fn default() -> Self {
        Self {
            lifetime: 300,
            extended_revoke: false,
            presigned: 0,
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
    pub der: Arc<[u8]>,
    /// When it was made, and until when it is good; none for errors and for answers to a nonce.
    pub kept: Option<(UnixTime, UnixTime)>,
    /// Its entity tag: the digest of `der` in quotation marks; none for what is not kept.
    pub tag: Option<Arc<str>>,
}

impl Answer {
    fn error(status: ResponseStatus) -> Self {
        Self {
            der: status.error_response().into(),
            kept: None,
            tag: None,
        }
    }
}

/// What the answers were, since the process started.
#[derive(Debug, Default)]
pub struct Counts {
    /// Signed for the request.
    pub signed: AtomicU64,
    /// Signed before, and given again.
    pub presigned: AtomicU64,
    /// `malformedRequest` and `unauthorized`.
    pub refused: AtomicU64,
    /// `tryLater` and `internalError`: the store or the key failed.
    pub failed: AtomicU64,
}

/// A request that was understood, about at least one certificate of an authority here.
pub struct Asked<'a> {
    request: OcspRequest,
    served: &'a Served,
    /// Where its answer may be kept.
    place: Option<CertificateId>,
    by: usize,
}

impl std::fmt::Debug for Asked<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Asked").field(&self.request.asked()).finish()
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
    presigned: Presigned,
    counts: Counts,
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
        let issuers = served.iter().map(|(authority, _)| authority.id());
        let presigned = Presigned::new(issuers, options.presigned);
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
            presigned,
            counts: Counts::default(),
        }
    }

    /// What the answers were.
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Of how many certificates answers are kept.
    pub fn presigned(&self) -> usize {
        self.presigned.len()
    }

    /// Whether asking the store may take long, so that others should not wait for it.
    pub fn is_slow(&self) -> bool {
        self.store.commits().is_none()
    }

    /// Looks for changes that other processes made, and drops the answers that are wrong now.
    ///
    /// # Errors
    /// The store fails. From the next moment on no kept answer is given until this works again.
    pub fn poll(&self) -> Result<(), CentreError> {
        Ok(self.presigned.poll(self.store.as_ref())?)
    }

    /// How long ago changes were last looked for, or since when nobody could.
    pub fn unseen(&self) -> std::time::Duration {
        self.presigned.unseen()
    }

    /// For each authority the certificate of the key that answers for it.
    pub fn certificates(&self) -> Vec<(KeyId, Certificate)> {
        self.served
            .iter()
            .map(|one| {
                let signer = one
                    .signer
                    .read()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                (one.authority.id(), signer.certificate.clone())
            })
            .collect()
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
        match self.read(request) {
            Err(answer) => answer,
            Ok(asked) => match self.ready(&asked, at) {
                Some(answer) => answer,
                None => self.sign(&asked, at),
            },
        }
    }

    /// Understands a DER `OCSPRequest`.
    ///
    /// # Errors
    /// The answer, where it is that it was not understood, or is about others' certificates.
    pub fn read(&self, request: &[u8]) -> Result<Asked<'_>, Answer> {
        let refused = |status| {
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
            Answer::error(status)
        };
        let request = OcspRequest::from_der(request)
            .map_err(|_| refused(ResponseStatus::MalformedRequest))?;
        // What a critical extension asks for is not known, so it cannot be heeded.
        if request.unprocessed().is_some() {
            return Err(refused(ResponseStatus::MalformedRequest));
        }
        let found = request.asked().first().and_then(|id| {
            self.served
                .iter()
                .find_map(|one| Some((id, one, one.authority.named_by(id)?)))
        });
        let Some((id, served, by)) = found else {
            return Err(refused(ResponseStatus::Unauthorized));
        };
        let single = request.asked().len() == 1 && repeated(&request).is_none();
        let place = Serial::try_from(&id.serial)
            .ok()
            .filter(|_| single)
            .map(|serial| CertificateId {
                issuer: served.authority.id(),
                serial,
            });
        Ok(Asked {
            request,
            served,
            place,
            by,
        })
    }

    /// The answer that was signed before, if there is one and nothing has changed. Takes microseconds.
    pub fn ready(&self, asked: &Asked<'_>, at: UnixTime) -> Option<Answer> {
        let place = Place {
            id: asked.place.clone()?,
            by: asked.by,
        };
        let found = self.presigned.find(self.store.as_ref(), &place, at)?;
        self.counts.presigned.fetch_add(1, Ordering::Relaxed);
        Some(found)
    }

    /// Asks the store and signs.
    pub fn sign(&self, asked: &Asked<'_>, at: UnixTime) -> Answer {
        let ticket = self.presigned.ticket();
        match self.signed(&asked.request, asked.served, at) {
            Ok((answer, lasting)) => {
                self.counts.signed.fetch_add(1, Ordering::Relaxed);
                // What was not issued may be at any time, which is no change of a status.
                if let (Some(id), true) = (asked.place.clone(), lasting) {
                    self.presigned
                        .keep(ticket, Place { id, by: asked.by }, &answer);
                }
                answer
            }
            Err(failed) => {
                self.counts.failed.fetch_add(1, Ordering::Relaxed);
                Answer::error(match failed {
                    Failed::Store => ResponseStatus::TryLater,
                    Failed::Signing => ResponseStatus::InternalError,
                })
            }
        }
    }

    fn signed(
        &self,
        request: &OcspRequest,
        served: &Served,
        at: UnixTime,
    ) -> Result<(Answer, bool), Failed> {
        let next = at.plus(self.options.lifetime);
        // Expired certificates are answered for as long as the centre is there.
        let archive_cutoff = Some(served.authority.certificate().not_before());
        let mut lasting = true;
        let mut statuses = Vec::with_capacity(request.asked().len());
        for id in request.asked() {
            // One signature is by one authority's word; of others' certificates it knows nothing.
            let known = match served.authority.named_by(id) {
                Some(_) => self.status(served, id, at)?,
                None => Some(CertStatus::Unknown),
            };
            lasting &= known.is_some();
            let status = known.unwrap_or_else(|| self.never_issued());
            statuses.push(Status {
                id: id.clone(),
                status,
                this_update: at,
                next_update: Some(next),
                archive_cutoff,
            });
        }
        let nonce = repeated(request).cloned();
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
        let der: Arc<[u8]> = der.into();
        let tag = kept.map(|_| format!("\"{}\"", Digest::of(&der)).into());
        Ok((Answer { der, kept, tag }, lasting))
    }

    fn never_issued(&self) -> CertStatus {
        if self.options.extended_revoke {
            CertStatus::Revoked {
                at: UnixTime::from_seconds(0),
                reason: Some(ListReason::CertificateHold),
            }
        } else {
            CertStatus::Unknown
        }
    }

    /// None of what was not issued.
    fn status(
        &self,
        served: &Served,
        id: &CertId,
        at: UnixTime,
    ) -> Result<Option<CertStatus>, Failed> {
        // Zero, negative or too long: no certificate of this centre has such a number.
        let Ok(serial) = Serial::try_from(&id.serial) else {
            return Ok(None);
        };
        let id = CertificateId {
            issuer: served.authority.id(),
            serial,
        };
        let standing = self.store.standing(&id).map_err(|_| Failed::Store)?;
        Ok(match standing {
            Some(Standing::Good) => Some(CertStatus::Good),
            // An intent is no certificate.
            Some(Standing::Intended) | None => None,
            // A clock that stepped back must not make an answer that contradicts itself.
            Some(Standing::Suspended { since, .. }) => Some(CertStatus::Revoked {
                at: since.min(at),
                reason: Some(ListReason::CertificateHold),
            }),
            Some(Standing::Revoked { since, reason, .. }) => Some(CertStatus::Revoked {
                at: since.min(at),
                reason: ListReason::from_number(reason.code())
                    .filter(|reason| *reason != ListReason::Unspecified),
            }),
        })
    }
}

/// The nonce that the answer repeats.
fn repeated(request: &OcspRequest) -> Option<&Nonce> {
    request
        .nonce()
        .filter(|nonce| NONCE.contains(&nonce.as_bytes().len()))
}

enum Failed {
    Signing,
    Store,
}
