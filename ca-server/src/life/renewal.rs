//! Renewal, of the same key, and re-keying: a certificate that follows another one of the same holder,
//! without vetting him again (RFC 3647 4.6, 4.7; EN 319 411-1 6.2.3).

use esign_core::cms::SignedData;
use esign_core::time::UnixTime;
use esign_core::x509::{Certificate, ProvenKey, Request, SerialNumber};

use super::request::{not_compromised, verify, weak};
use super::{Actor, Life, random_octets};
use crate::acts::Change;
use crate::error::{CentreError, CentreErrorKind};
use crate::ids::{CertificateId, KeyId, Name, RequestId};
use crate::officers::Role;
use crate::records::{self, Approval, CertificateRecord, SubjectRecord};
use crate::settings::IssuedProfile;

/// How a certificate is asked to be followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Renewing<'a> {
    /// With another certificate for its key.
    SameKey,
    /// With one for the key of this PKCS #10, PEM or DER.
    NewKey(&'a [u8]),
    /// As the holder asks: DER `ContentInfo` of `SignedData` over a PKCS #10, PEM or DER, signed with
    /// the key of the certificate.
    Signed(&'a [u8]),
}

/// What a certificate follows, and what follows it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Neighbours {
    /// The one that it renewed.
    pub former: Option<CertificateId>,
    /// The one that renewed it last.
    pub successor: Option<CertificateId>,
}

/// Certificates of a key among which the first is looked for.
const SAME_KEY: usize = 64;

impl Life {
    /// Takes in a request for a certificate that follows the one with this serial number: by the same
    /// profile, for the identity as vetted, approved and issued like any other.
    ///
    /// # Errors
    /// The actor's roles may not ask for this profile; a client asks who neither made the former
    /// request nor has the holder's signature; the certificate is suspended, revoked, over or has a
    /// successor; the identity was vetted, or the key certified first, longer ago than the profile
    /// lets; possession of the key is not proven; it is weak, an authority's or was compromised.
    pub fn renew(
        &self,
        actor: &Actor,
        serial: &SerialNumber,
        how: Renewing<'_>,
        why: &str,
    ) -> Result<RequestId, CentreError> {
        // Before anything is said of the certificate.
        actor.must(&[Role::Registrar, Role::Client], "renew a certificate")?;
        let former = self.find(serial)?;
        let issued = self.settings.issued(former.profile.as_str())?;
        let asks = self.may_ask(actor, issued)?;
        let certificate = certificate_of(&former)?;
        let before = self.stored_subject(&former.request)?;
        let csr = match how {
            Renewing::SameKey => before.subject.csr.clone(),
            Renewing::NewKey(csr) => csr.to_vec(),
            Renewing::Signed(message) => signed_by_holder(&certificate, message)?,
        };
        let his = matches!(how, Renewing::Signed(_))
            || self.stored_request(&former.request)?.requested_by == actor.officer.name;
        if !asks.contains(&Role::Registrar) && !his {
            return Err(CentreError::new(
                CentreErrorKind::NotAllowed,
                format_args!("certificate {serial}"),
                format_args!(
                    "was asked for by another than {}; its holder has to sign the request with its key",
                    actor.officer.name
                ),
            ));
        }
        let csr = Request::read(&csr)
            .map_err(|e| CentreError::new(CentreErrorKind::Request, "request", e))?;
        let proven = verify(csr.clone())?;
        self.not_our_own(&proven)?;
        weak(&proven)?;
        not_compromised(self.store.as_ref(), &proven)?;
        vetted_lately(serial, issued, &before, actor.at)?;
        self.key_may_go_on(issued, &proven, actor.at)?;
        let id = RequestId(random_octets()?);
        let request = records::Request {
            id,
            profile: Name::new(&issued.profile.name)?,
            public_key: proven.public_key().spki().to_vec(),
            holder: former.holder,
            approval: match issued.approvals_by_others {
                0 => Approval::None,
                persons => Approval::Others(persons),
            },
            former: Some(former.id),
        };
        let renew = Change::Renew {
            request,
            csr: csr.der().to_vec(),
        };
        self.commit(actor, why, vec![renew])?;
        self.proofs.keep(csr.der(), proven);
        Ok(id)
    }

    /// The certificate that this one follows, and the one that follows it.
    ///
    /// # Errors
    /// The store fails.
    pub fn neighbours(&self, record: &CertificateRecord) -> Result<Neighbours, CentreError> {
        let request = self.store.request(&record.request)?;
        let next = match self.store.latest_renewal(&record.id)? {
            Some(request) => self.store.request(&request)?,
            None => None,
        };
        Ok(Neighbours {
            former: request.and_then(|found| found.request.former),
            successor: next.and_then(|found| found.certificate),
        })
    }

    /// All certificates of one key end within the time that the profile gives it.
    fn key_may_go_on(
        &self,
        issued: &IssuedProfile,
        proven: &ProvenKey,
        at: UnixTime,
    ) -> Result<(), CentreError> {
        let key = KeyId::of_spki(proven.public_key().spki());
        let object = format!("key {key}");
        let refused =
            |what: std::fmt::Arguments<'_>| CentreError::new(CentreErrorKind::State, &object, what);
        let known = self.store.certificates_of_key(&key)?;
        if known.len() > SAME_KEY {
            return Err(refused(format_args!(
                "has {} certificates, and {SAME_KEY} are looked at",
                known.len()
            )));
        }
        let mut first: Option<UnixTime> = None;
        for id in known {
            let Some(record) = self.store.certificate(&id)? else {
                continue;
            };
            first = Some(first.map_or(record.not_before, |first| first.min(record.not_before)));
        }
        let Some(first) = first else { return Ok(()) };
        let days = issued.key_days();
        let end = at.plus(i64::from(issued.profile.validity_days).saturating_mul(86_400));
        let last = first.plus(i64::from(days).saturating_mul(86_400));
        if end > last {
            return Err(refused(format_args!(
                "is certified since {first} and may be for {days} days, until {last}; this would be \
                 until {end}: ask with a new key"
            )));
        }
        Ok(())
    }
}

/// The identity counts for as long as the profile says, however often it was certified meanwhile.
fn vetted_lately(
    serial: &SerialNumber,
    issued: &IssuedProfile,
    before: &SubjectRecord,
    at: UnixTime,
) -> Result<(), CentreError> {
    let days = issued.vetting_days();
    let last = before.at.plus(i64::from(days).saturating_mul(86_400));
    if at <= last {
        return Ok(());
    }
    Err(CentreError::new(
        CentreErrorKind::State,
        format_args!("identity of certificate {serial}"),
        format_args!(
            "was vetted {}, which counts for {days} days, until {last}; it is {at}: ask anew",
            before.at
        ),
    ))
}

fn certificate_of(record: &CertificateRecord) -> Result<Certificate, CentreError> {
    let object = format!("certificate {}", record.id);
    let Some(der) = &record.certificate else {
        return Err(CentreError::new(
            CentreErrorKind::State,
            object,
            "is intended and not issued",
        ));
    };
    Certificate::from_der(der).map_err(|e| CentreError::new(CentreErrorKind::Store, object, e))
}

/// The content of a message that the key of `certificate` signed, alone.
fn signed_by_holder(certificate: &Certificate, message: &[u8]) -> Result<Vec<u8>, CentreError> {
    let wrong = |what: &dyn std::fmt::Display| {
        CentreError::new(CentreErrorKind::Request, "signed request", what)
    };
    let signed = SignedData::read(message).map_err(|e| wrong(&e))?;
    let octets = u64::try_from(message.len()).unwrap_or(u64::MAX);
    let [signer] = signed.signers.as_slice() else {
        return Err(wrong(&format_args!(
            "has {} signers, not 1",
            signed.signers.len()
        )));
    };
    let (Some(content), true) = (&signed.content, signed.len == octets) else {
        return Err(wrong(&"does not hold the request, and nothing behind it"));
    };
    let key = certificate.public_key().map_err(|e| wrong(&e))?;
    let verified = signed
        .content_digests
        .iter()
        .any(|digest| signer.verify(digest, key).is_ok());
    if !verified {
        return Err(wrong(&format_args!(
            "is not signed with the key of certificate {}",
            certificate.serial()
        )));
    }
    let mut request = Vec::new();
    content
        .read(message, &mut |part| {
            request.extend_from_slice(part);
            Ok(())
        })
        .map_err(|e| wrong(&e))?;
    Ok(request)
}
