//! What goes over the wire.

use esign_core::time::UnixTime;
use esign_core::x509::Identity;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{CertificateId, RequestId};
use crate::life::{Neighbours, RequestView};
use crate::officers::{Officer, Role};
use crate::records::{CertificateRecord, Holder, RequestRecord, RequestStatus, Standing};
use crate::service::problem::Problem;

/// A request to be taken in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRequest {
    /// PKCS #10, PEM.
    pub(super) csr: String,
    /// Name of the profile, see `/api/v1/profiles`.
    pub(super) profile: String,
    /// Who it is about: `natural-person`, `organization` or `host`, as `esign ca request` takes it.
    #[schema(value_type = Object)]
    pub(super) identity: Identity,
    /// Whether the holder agreed to stand in the public list of valid certificates.
    #[serde(default)]
    pub(super) listed: bool,
}

/// A request's subject as a registrar vetted it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Vetting {
    /// Who it is about.
    #[schema(value_type = Object)]
    pub(super) identity: Identity,
    /// Whether the holder agreed to stand in the public list of valid certificates.
    #[serde(default)]
    pub(super) listed: bool,
}

/// A reason in words, for the audit log.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Why {
    /// Why.
    pub(super) why: String,
}

/// The name of what was made.
#[derive(Serialize, ToSchema)]
pub(super) struct Made {
    /// Its name.
    pub(super) id: String,
    /// Where the request stands: `pending`, `approved`, `issued`, `refused`.
    #[schema(value_type = String)]
    pub(super) status: RequestStatus,
}

/// A request.
#[derive(Serialize, ToSchema)]
pub(super) struct RequestAnswer {
    /// Its name.
    id: String,
    /// Name of the profile.
    profile: String,
    /// Where it stands: `pending`, `approved`, `issued`, `refused`.
    #[schema(value_type = String)]
    status: RequestStatus,
    /// Who asked.
    requested_by: String,
    /// When it was received.
    #[schema(value_type = String, format = DateTime)]
    received_at: UnixTime,
    /// SHA-256 of the key.
    key: String,
    /// Who approved so far.
    approved_by: Vec<String>,
    /// Who vetted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    vetted_by: Option<String>,
    /// Who it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    identity: Option<serde_json::Value>,
    /// Serial number of the certificate that was issued for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
    /// Serial number of the certificate that it renews.
    #[serde(skip_serializing_if = "Option::is_none")]
    renews: Option<String>,
}

impl From<RequestRecord> for RequestAnswer {
    fn from(record: RequestRecord) -> Self {
        let request = record.request;
        Self {
            id: request.id.to_string(),
            profile: request.profile.to_string(),
            status: record.status,
            requested_by: record.requested_by.to_string(),
            received_at: record.received_at,
            key: crate::ids::KeyId::of_spki(&request.public_key).to_string(),
            approved_by: record.approved_by.iter().map(ToString::to_string).collect(),
            vetted_by: None,
            identity: None,
            serial: record.certificate.map(|id| id.serial.to_string()),
            renews: request.former.map(|id| id.serial.to_string()),
        }
    }
}

impl From<RequestView> for RequestAnswer {
    fn from(view: RequestView) -> Self {
        Self {
            vetted_by: view.vetted_by.map(|name| name.to_string()),
            identity: view
                .subject
                .and_then(|subject| serde_json::from_str(&subject.identity).ok()),
            ..Self::from(view.record)
        }
    }
}

/// A certificate.
#[derive(Serialize, ToSchema)]
pub(super) struct CertificateAnswer {
    /// Serial number, hexadecimal.
    serial: String,
    /// SHA-256 of the issuer's key.
    issuer: String,
    /// Name of the profile.
    profile: String,
    /// First second.
    #[schema(value_type = String, format = DateTime)]
    not_before: UnixTime,
    /// Last second.
    #[schema(value_type = String, format = DateTime)]
    not_after: UnixTime,
    /// `good`, `intended`, `suspended` or `revoked`.
    status: &'static str,
    /// Since when it is suspended or revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<UnixTime>,
    /// Until when it is suspended at the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<UnixTime>,
    /// Why it is revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// When it was put into the archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    archived: Option<UnixTime>,
    /// Serial number of the certificate that it renewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    renews: Option<String>,
    /// Serial number of the certificate that renewed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    renewed_by: Option<String>,
    /// The certificate, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
}

impl CertificateAnswer {
    pub(super) fn between(self, neighbours: &Neighbours) -> Self {
        let serial = |id: &Option<CertificateId>| id.as_ref().map(|id| id.serial.to_string());
        Self {
            renews: serial(&neighbours.former),
            renewed_by: serial(&neighbours.successor),
            ..self
        }
    }
}

impl From<CertificateRecord> for CertificateAnswer {
    fn from(record: CertificateRecord) -> Self {
        let (status, since, until, reason) = match record.standing {
            Standing::Good => ("good", None, None, None),
            Standing::Intended => ("intended", None, None, None),
            Standing::Suspended { since, until } => ("suspended", Some(since), until, None),
            Standing::Revoked { since, reason, .. } => {
                let reason = serde_json::to_value(reason)
                    .ok()
                    .and_then(|value| value.as_str().map(str::to_owned));
                ("revoked", Some(since), None, reason)
            }
        };
        Self {
            serial: record.id.serial.to_string(),
            issuer: record.id.issuer.to_string(),
            profile: record.profile.to_string(),
            not_before: record.not_before,
            not_after: record.not_after,
            status,
            since,
            until,
            reason,
            archived: record.archived_at,
            renews: None,
            renewed_by: None,
            certificate: record
                .certificate
                .map(|der| esign_core::x509::to_pem("CERTIFICATE", &der)),
        }
    }
}

/// An officer.
#[derive(Serialize, ToSchema)]
pub(super) struct OfficerAnswer {
    /// The name that stands under his acts.
    name: String,
    /// SHA-256 of his key.
    key: String,
    /// What he may do; nothing once he is dismissed.
    #[schema(value_type = Vec<String>)]
    roles: Vec<Role>,
}

impl From<Officer> for OfficerAnswer {
    fn from(officer: Officer) -> Self {
        Self {
            name: officer.name.to_string(),
            key: officer.key.to_string(),
            roles: officer.roles,
        }
    }
}

/// A holder of certificates.
#[derive(Serialize, ToSchema)]
pub(super) struct HolderAnswer {
    /// Name of the row.
    id: String,
    /// Semantics identifier.
    identifier: String,
    /// Given name and surname, or registered name.
    name: String,
    /// Serial numbers of the holder's certificates, the oldest first.
    serials: Vec<String>,
}

impl HolderAnswer {
    pub(super) fn new(holder: &Holder, serials: Vec<String>) -> Self {
        use crate::records::Identity as I;
        let name = match &holder.identity {
            I::Legal { organization, .. } => organization.clone(),
            I::Natural {
                given_name,
                surname,
                ..
            } => format!("{given_name} {surname}"),
        };
        Self {
            id: holder.id.to_string(),
            identifier: holder.identity.identifier().to_owned(),
            name,
            serials,
        }
    }
}

/// The request of an address.
pub(super) fn request_id(text: &str) -> Result<RequestId, Problem> {
    RequestId::parse(text).ok_or_else(|| {
        Problem::value(format_args!(
            "request \"{text}\": must be 32 hexadecimal digits"
        ))
    })
}

/// A time of a body.
pub(super) fn time(field: &str, text: Option<&str>) -> Result<Option<UnixTime>, Problem> {
    text.map(|text| {
        UnixTime::parse(text).ok_or_else(|| {
            Problem::value(format_args!(
                "{field}: \"{text}\" is not a time such as 2026-11-22T12:00:00Z"
            ))
        })
    })
    .transpose()
}
