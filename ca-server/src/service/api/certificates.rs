//! Certificates: shown, suspended, restored, revoked.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::types::{CertificateAnswer, Made, Why, time};
use super::{Api, Body, Caller, Query, blocking, serial};
use crate::ids::{HolderId, KeyId, Name};
use crate::life::{MassRevocation, Renewing, Revocation};
use crate::records::RevocationReason;
use crate::service::problem::Problem;
use crate::store::{CertificateFilter, MAX_ROWS};

/// Shows a certificate and where it stands.
#[utoipa::path(get, path = "/api/v1/certificates/{serial}", params(("serial" = String, Path, description = "Serial number, hexadecimal")), responses(
    (status = 200, description = "The certificate", body = CertificateAnswer),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn show(
    Extension(api): Extension<Arc<Api>>,
    Caller(_): Caller,
    Path(number): Path<String>,
) -> Result<Json<CertificateAnswer>, Problem> {
    blocking(move || {
        let record = api.life.find(&serial(&number)?)?;
        let neighbours = api.life.neighbours(&record)?;
        Ok(Json(CertificateAnswer::from(record).between(&neighbours)))
    })
    .await
}

/// Which part of the archive to search.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ArchiveQuery {
    /// Certificates that ended at this time or later.
    #[param(format = DateTime)]
    from: String,
    /// And before this time.
    #[param(format = DateTime)]
    to: String,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u16>,
}

/// Certificates of the archive.
#[derive(Serialize, ToSchema)]
pub(super) struct ArchiveAnswer {
    /// In the order of their ends.
    certificates: Vec<CertificateAnswer>,
    /// Whether there are more within the time: ask for a shorter one.
    more: bool,
}

/// Searches the archive of expired certificates; by holder and by serial number they are found with the
/// others.
#[utoipa::path(get, path = "/api/v1/archive", params(ArchiveQuery), responses(
    (status = 200, description = "The certificates", body = ArchiveAnswer),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn archive(
    Extension(api): Extension<Arc<Api>>,
    Caller(actor): Caller,
    Query(query): Query<ArchiveQuery>,
) -> Result<Json<ArchiveAnswer>, Problem> {
    blocking(move || {
        let bound = |field, text: &str| {
            time(field, Some(text))?
                .ok_or_else(|| Problem::value(format_args!("{field}: is missing")))
        };
        let (from, to) = (bound("from", &query.from)?, bound("to", &query.to)?);
        let limit = query.limit.map_or(100, usize::from).clamp(1, MAX_ROWS);
        let found = api.life.archive(&actor, from, to, limit)?;
        Ok(Json(ArchiveAnswer {
            certificates: found.certificates.into_iter().map(Into::into).collect(),
            more: found.more,
        }))
    })
    .await
}

/// How a certificate is to be followed: by one for the same key where neither `csr` nor `signed` is there.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Renew {
    /// PKCS #10 of another key, PEM.
    csr: Option<String>,
    /// As the holder asks: Base64 of a CMS `SignedData` over a PKCS #10, signed with the certificate's key.
    signed: Option<String>,
    /// Why, in words, for the audit log.
    #[serde(default)]
    why: String,
}

/// Takes in a request for a certificate that follows this one: same holder, profile and identity. It is
/// approved and issued like any other.
#[utoipa::path(post, path = "/api/v1/certificates/{serial}/renew", params(("serial" = String, Path, description = "Serial number, hexadecimal")), request_body = Renew, responses(
    (status = 201, description = "Received", body = Made),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn renew(
    Extension(api): Extension<Arc<Api>>,
    Caller(actor): Caller,
    Path(number): Path<String>,
    Body(order): Body<Renew>,
) -> Result<impl IntoResponse, Problem> {
    blocking(move || {
        let serial = serial(&number)?;
        let signed = order.signed.as_deref().map(|text| {
            STANDARD
                .decode(text)
                .map_err(|error| Problem::value(format_args!("signed: is no Base64: {error}")))
        });
        let signed = signed.transpose()?;
        let how = match (&order.csr, &signed) {
            (None, None) => Renewing::SameKey,
            (Some(csr), None) => Renewing::NewKey(csr.as_bytes()),
            (None, Some(message)) => Renewing::Signed(message),
            (Some(_), Some(_)) => {
                return Err(Problem::value("csr and signed: one of them, not both"));
            }
        };
        let id = api.life.renew(&actor, &serial, how, &order.why)?;
        let status = api.life.request(&actor, &id)?.record.status;
        let made = Made {
            id: id.to_string(),
            status,
        };
        Ok((StatusCode::CREATED, Json(made)))
    })
    .await
}

/// A revocation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Revoke {
    /// Why, in words, for the audit log.
    why: String,
    /// `unspecified`, `keyCompromise`, `cACompromise`, `affiliationChanged`, `superseded`,
    /// `cessationOfOperation`, `privilegeWithdrawn` or `aACompromise`.
    reason: String,
    /// When the key is known or suspected to have been compromised.
    #[schema(format = DateTime)]
    invalidity_date: Option<String>,
}

fn revocation(reason: &str, invalidity_date: Option<&str>) -> Result<Revocation, Problem> {
    let name = |reason: &RevocationReason| {
        serde_json::to_value(reason)
            .ok()
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    };
    let reason = RevocationReason::ALL
        .into_iter()
        .find(|known| name(known) == reason)
        .ok_or_else(|| {
            let known: Vec<_> = RevocationReason::ALL.iter().map(name).collect();
            Problem::value(format_args!(
                "reason \"{reason}\": must be {}",
                known.join(", ")
            ))
        })?;
    Ok(Revocation {
        reason,
        invalidity_date: time("invalidity_date", invalidity_date)?,
    })
}

/// Revokes a certificate for good.
#[utoipa::path(post, path = "/api/v1/certificates/{serial}/revoke", params(("serial" = String, Path, description = "Serial number, hexadecimal")), request_body = Revoke, responses(
    (status = 200, description = "Revoked", body = CertificateAnswer),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn revoke(
    Extension(api): Extension<Arc<Api>>,
    Caller(actor): Caller,
    Path(number): Path<String>,
    Body(order): Body<Revoke>,
) -> Result<Json<CertificateAnswer>, Problem> {
    blocking(move || {
        let serial = serial(&number)?;
        let revocation = revocation(&order.reason, order.invalidity_date.as_deref())?;
        api.life.revoke(&actor, &serial, revocation, &order.why)?;
        Ok(Json(api.life.find(&serial)?.into()))
    })
    .await
}

/// A suspension.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Suspend {
    /// Why, in words, for the audit log.
    why: String,
    /// Until when at the latest; it is restored then.
    #[schema(format = DateTime)]
    until: Option<String>,
}

/// Suspends a certificate (`certificateHold`).
#[utoipa::path(post, path = "/api/v1/certificates/{serial}/suspend", params(("serial" = String, Path, description = "Serial number, hexadecimal")), request_body = Suspend, responses(
    (status = 200, description = "Suspended", body = CertificateAnswer),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn suspend(
    Extension(api): Extension<Arc<Api>>,
    Caller(actor): Caller,
    Path(number): Path<String>,
    Body(order): Body<Suspend>,
) -> Result<Json<CertificateAnswer>, Problem> {
    blocking(move || {
        let serial = serial(&number)?;
        let until = time("until", order.until.as_deref())?;
        api.life.suspend(&actor, &serial, until, &order.why)?;
        Ok(Json(api.life.find(&serial)?.into()))
    })
    .await
}

/// Lifts a suspension.
#[utoipa::path(post, path = "/api/v1/certificates/{serial}/restore", params(("serial" = String, Path, description = "Serial number, hexadecimal")), request_body = Why, responses(
    (status = 200, description = "Restored", body = CertificateAnswer),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn restore(
    Extension(api): Extension<Arc<Api>>,
    Caller(actor): Caller,
    Path(number): Path<String>,
    Body(Why { why }): Body<Why>,
) -> Result<Json<CertificateAnswer>, Problem> {
    blocking(move || {
        let serial = serial(&number)?;
        api.life.restore(&actor, &serial, &why)?;
        Ok(Json(api.life.find(&serial)?.into()))
    })
    .await
}

/// Which certificates to revoke, and why. Without `expect` nothing is revoked: a dry run.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RevokeMany {
    /// Why, in words, for the audit log.
    why: String,
    /// As for one certificate.
    reason: String,
    /// As for one certificate.
    #[schema(format = DateTime)]
    invalidity_date: Option<String>,
    /// Signed by the key with this SHA-256.
    issuer: Option<String>,
    /// Issued by this profile.
    profile: Option<String>,
    /// For this holder.
    holder: Option<String>,
    /// For the key with this SHA-256.
    subject_key: Option<String>,
    /// Valid from this time or later.
    #[schema(format = DateTime)]
    from: Option<String>,
    /// Valid from before this time.
    #[schema(format = DateTime)]
    to: Option<String>,
    /// How many the dry run found.
    expect: Option<u64>,
}

/// What a query found, and what was done about it.
#[derive(Serialize, ToSchema)]
pub(super) struct ManyAnswer {
    /// Certificates that the query picks and that were not revoked.
    found: u64,
    /// Those that it picks and that were revoked before.
    revoked_before: u64,
    /// How many were revoked now.
    revoked: u64,
    /// Serial numbers of some of those found.
    sample: Vec<String>,
}

/// Revokes the certificates that a query picks, after a dry run.
#[utoipa::path(post, path = "/api/v1/revocations", request_body = RevokeMany, responses(
    (status = 200, description = "Counted or revoked", body = ManyAnswer),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn revoke_many(
    Extension(api): Extension<Arc<Api>>,
    Caller(actor): Caller,
    Body(order): Body<RevokeMany>,
) -> Result<Json<ManyAnswer>, Problem> {
    blocking(move || {
        let key = |field: &str, text: Option<&str>| {
            text.map(|text| {
                KeyId::parse(text).ok_or_else(|| {
                    Problem::value(format_args!(
                        "{field} \"{text}\": must be 64 hexadecimal digits"
                    ))
                })
            })
            .transpose()
        };
        let filter = CertificateFilter {
            issuer: key("issuer", order.issuer.as_deref())?,
            profile: order.profile.as_deref().map(Name::new).transpose()?,
            holder: match order.holder.as_deref() {
                None => None,
                Some(text) => Some(HolderId::parse(text).ok_or_else(|| {
                    Problem::value(format_args!(
                        "holder \"{text}\": must be 32 hexadecimal digits"
                    ))
                })?),
            },
            subject_key: key("subject_key", order.subject_key.as_deref())?,
            from: time("from", order.from.as_deref())?,
            to: time("to", order.to.as_deref())?,
        };
        let report = api.life.revoke_many(
            &actor,
            &MassRevocation {
                filter,
                revocation: revocation(&order.reason, order.invalidity_date.as_deref())?,
                expect: order.expect,
            },
            &order.why,
        )?;
        Ok(Json(ManyAnswer {
            found: report.found,
            revoked_before: report.revoked_before,
            revoked: report.revoked,
            sample: report
                .sample
                .iter()
                .map(|id| id.serial.to_string())
                .collect(),
        }))
    })
    .await
}
