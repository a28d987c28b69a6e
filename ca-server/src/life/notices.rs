//! Notices to holders: of each issuance, suspension, restoration and revocation, and of a certificate's
//! coming end (EN 319 411-1 6.2.4: the subject is informed of a change of status).
//!
//! They are read off the acts themselves, behind the last one that was told of, so that none is lost
//! with a crash between an act and its notice: there is no such moment. Whoever takes them is told
//! again what he may not have taken, under the same name. Nothing in them is about a person: who the
//! holder is, and where he is reached, is asked for by the request's name.

use std::ops::ControlFlow;

use esign_core::time::UnixTime;
use esign_core::x509::{Profile, SerialNumber, SubjectKind};
use serde::Serialize;

use super::Life;
use crate::error::CentreError;
use crate::ids::{CertificateId, KeyId, Name, RequestId, Serial};
use crate::records::{AuditEntry, CertificateRecord, Standing};

/// Notices in one step.
pub const NOTICES: usize = 100;
/// Certificates whose end one step looks at: as many as are told of in a few posts.
const ENDING: u64 = 1000;
/// Most acts that one step looks at: most are about no certificate.
const ACTS: usize = 10_000;

/// Acts of which holders are told, and what the notice is called.
const TOLD: [(&str, &str); 4] = [
    ("certificate.issue", "certificate.issued"),
    ("certificate.restore", "certificate.restored"),
    ("certificate.revoke", "certificate.revoked"),
    ("certificate.suspend", "certificate.suspended"),
];

/// One notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// The same however often it is sent, and no other's: the act's number in the audit, or the
    /// certificate that ends.
    pub id: String,
    /// `certificate.issued`, `.suspended`, `.restored`, `.revoked` or `.expiring`.
    pub event: &'static str,
    /// When it was done; none for what comes by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<UnixTime>,
    /// SHA-256 of the issuer's key.
    pub issuer: KeyId,
    /// Serial number.
    pub serial: Serial,
    /// The request that the certificate answers.
    pub request: RequestId,
    /// Its profile.
    pub profile: Name,
    /// Its last second.
    pub not_after: UnixTime,
    /// `CRLReason` of a revocation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Until when it is suspended at the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// Some notices, and how far one has come with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// What is to be told.
    pub notices: Vec<Notice>,
    /// Where to go on when it is: an audit number, or the seconds of an end.
    pub upto: i64,
    /// Whether there may be more behind it.
    pub more: bool,
}

impl Life {
    /// The notices of the acts after audit entry `after`.
    ///
    /// # Errors
    /// The store fails.
    pub fn notices(&self, after: i64) -> Result<Step, CentreError> {
        let mut step = Step {
            upto: after,
            ..Step::default()
        };
        let mut told = Vec::new();
        let mut seen = 0_usize;
        let from = u64::try_from(after).unwrap_or(0);
        self.store.visit_audit(from, &mut |entry| {
            step.upto = i64::try_from(entry.id).unwrap_or(i64::MAX);
            seen = seen.saturating_add(1);
            let event = TOLD.iter().find(|(kind, _)| *kind == entry.kind);
            if let Some((_, event)) = event {
                told.push((*event, entry));
            }
            step.more = told.len() >= NOTICES || seen >= ACTS;
            if step.more {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        for (event, entry) in told {
            if let Some(notice) = self.notice_of_act(event, &entry)? {
                step.notices.push(notice);
            }
        }
        Ok(step)
    }

    /// The notices of certificates in force or suspended, and not renewed, whose last second is after `after` and not
    /// after `to`. A step ends with the last that end at one second, whatever their number.
    ///
    /// # Errors
    /// The store fails.
    pub fn expiry_notices(&self, after: i64, to: UnixTime) -> Result<Step, CentreError> {
        let mut step = Step {
            upto: to.seconds().max(after),
            ..Step::default()
        };
        let ending = self.ending(after, to, &mut step)?;
        for record in ending {
            if matches!(record.standing, Standing::Revoked { .. }) || self.is_own(&record) {
                continue;
            }
            // Whoever has the next one already need not be told.
            let next = match self.neighbours(&record)?.successor {
                Some(successor) => self.store.standing(&successor)?,
                None => None,
            };
            if matches!(next, None | Some(Standing::Revoked { .. })) {
                let id = format!("expiring-{}-{}", record.id.issuer, record.id.serial);
                step.notices
                    .push(notice(id, "certificate.expiring", record));
            }
        }
        Ok(step)
    }

    /// The next certificates that end, whole seconds of them.
    fn ending(
        &self,
        after: i64,
        to: UnixTime,
        step: &mut Step,
    ) -> Result<Vec<CertificateRecord>, CentreError> {
        let mut most = ENDING;
        loop {
            let mut found: Vec<CertificateRecord> = Vec::new();
            let from = UnixTime::from_seconds(after);
            self.store.visit_ending(from, to, most, &mut |record| {
                found.push(record);
                ControlFlow::Continue(())
            })?;
            let Some(last) = found.last().map(|record| record.not_after) else {
                return Ok(found);
            };
            if u64::try_from(found.len()).is_ok_and(|found| found < most) {
                return Ok(found);
            }
            // There may be more that end at the last second: it is left for the next step, unless it
            // is all that there is.
            found.retain(|record| record.not_after < last);
            if !found.is_empty() {
                step.upto = last.seconds().saturating_sub(1);
                step.more = true;
                return Ok(found);
            }
            most = most.saturating_mul(2);
        }
    }

    fn notice_of_act(
        &self,
        event: &'static str,
        entry: &AuditEntry,
    ) -> Result<Option<Notice>, CentreError> {
        let body: serde_json::Value = serde_json::from_str(&entry.body).unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(|value| value.as_str());
        let Some(id) = body.get("certificate").and_then(certificate_id) else {
            return Ok(None);
        };
        let Some(record) = self.store.certificate(&id)? else {
            return Ok(None);
        };
        // An intent that was given up was never anybody's certificate.
        if record.certificate.is_none() || self.is_own(&record) {
            return Ok(None);
        }
        Ok(Some(Notice {
            at: Some(entry.at),
            reason: text("reason").map(str::to_owned),
            until: text("until").map(str::to_owned),
            ..notice(format!("act-{}", entry.id), event, record)
        }))
    }

    /// Responders' certificates are the process's own and renewed by itself; of authorities' there are
    /// ceremonies. A profile that is not in the settings any more is still somebody's.
    fn is_own(&self, record: &CertificateRecord) -> bool {
        let name = record.profile.as_str();
        name == Profile::issuing_authority().name
            || self
                .settings
                .profile(name)
                .is_ok_and(|profile| profile.subject == SubjectKind::OcspResponder)
    }
}

fn notice(id: String, event: &'static str, record: CertificateRecord) -> Notice {
    Notice {
        id,
        event,
        at: None,
        issuer: record.id.issuer,
        serial: record.id.serial,
        request: record.request,
        profile: record.profile,
        not_after: record.not_after,
        reason: None,
        until: None,
    }
}

/// A certificate as the bodies of the audit name it.
fn certificate_id(value: &serde_json::Value) -> Option<CertificateId> {
    let text = |name: &str| value.get(name).and_then(|value| value.as_str());
    let serial = SerialNumber::parse_hex(text("serial")?)?;
    Some(CertificateId {
        issuer: KeyId::parse(text("issuer")?)?,
        serial: Serial::try_from(&serial).ok()?,
    })
}
