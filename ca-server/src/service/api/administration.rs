//! Officers, holders, the stop switch, the audit log.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path};
use esign_core::time::UnixTime;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::types::{HolderAnswer, OfficerAnswer};
use super::{Api, Body, Caller, Query, blocking};
use crate::ids::{KeyId, Name};
use crate::officers::{Officer, Role};
use crate::service::problem::Problem;
use crate::store::MAX_ROWS;

/// Says who the caller is.
#[utoipa::path(get, path = "/api/v1/me", responses(
    (status = 200, description = "The caller", body = OfficerAnswer),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn me(Caller(actor): Caller) -> Json<OfficerAnswer> {
    Json(actor.officer.into())
}

/// A profile of certificates.
#[derive(Serialize, ToSchema)]
pub(super) struct ProfileAnswer {
    /// Its name.
    name: String,
    /// How long its certificates are valid.
    validity_days: u32,
    /// How many others have to approve a request.
    approvals_by_others: u8,
    /// Who may ask.
    #[schema(value_type = Vec<String>)]
    requesters: Vec<Role>,
}

/// Lists what may be asked for.
#[utoipa::path(get, path = "/api/v1/profiles", responses(
    (status = 200, description = "The profiles", body = Vec<ProfileAnswer>),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn profiles(
    Extension(api): Extension<Arc<Api>>,
    Caller(_): Caller,
) -> Json<Vec<ProfileAnswer>> {
    let profiles = api.life.settings().profiles.iter();
    Json(
        profiles
            .map(|issued| ProfileAnswer {
                name: issued.profile.name.clone(),
                validity_days: issued.profile.validity_days,
                approvals_by_others: issued.approvals_by_others,
                requesters: issued.requesters.clone(),
            })
            .collect(),
    )
}

/// Lists the officers, the dismissed too.
#[utoipa::path(get, path = "/api/v1/officers", responses(
    (status = 200, description = "The officers", body = Vec<OfficerAnswer>),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn officers(
    Extension(api): Extension<Arc<Api>>,
    Caller(actor): Caller,
) -> Result<Json<Vec<OfficerAnswer>>, Problem> {
    blocking(move || {
        let found = api.life.officers(&actor)?;
        Ok(Json(found.into_iter().map(OfficerAnswer::from).collect()))
    })
    .await
}

/// An officer's key and roles.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetOfficer {
    /// His client certificate, PEM: one that this centre issued.
    certificate: String,
    /// What he may do; an empty list dismisses him.
    #[schema(value_type = Vec<String>)]
    roles: Vec<Role>,
    /// Why, in words, for the audit log.
    #[serde(default)]
    why: String,
}

/// Names an officer, changes his key or roles, or dismisses him.
#[utoipa::path(put, path = "/api/v1/officers/{name}", params(("name" = String, Path, description = "The name that stands under his acts")), request_body = SetOfficer, responses(
    (status = 200, description = "Named", body = OfficerAnswer),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn set_officer(
    Extension(api): Extension<Arc<Api>>,
    Caller(actor): Caller,
    Path(name): Path<String>,
    Body(order): Body<SetOfficer>,
) -> Result<Json<OfficerAnswer>, Problem> {
    blocking(move || {
        let found = esign_core::x509::certificates(order.certificate.as_bytes())
            .map_err(|error| Problem::value(format_args!("certificate: {error}")))?;
        let [certificate] = found.as_slice() else {
            return Err(Problem::value(format_args!(
                "certificate: holds {} certificates, not one",
                found.len()
            )));
        };
        let key = KeyId::of_spki(certificate.spki_der());
        let officer = Officer::new(Name::new(&name)?, key, order.roles);
        api.life.set_officer(&actor, officer.clone(), &order.why)?;
        Ok(Json(officer.into()))
    })
    .await
}

/// Whether certificates are issued.
#[derive(Serialize, ToSchema)]
pub(super) struct Issuance {
    /// Whether issuance is stopped.
    stopped: bool,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<UnixTime>,
    /// By whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

fn switch(api: &Api) -> Result<Json<Issuance>, Problem> {
    let stop = api.life.stopped()?;
    Ok(Json(Issuance {
        stopped: stop.is_some(),
        since: stop.as_ref().map(|stop| stop.since),
        by: stop.as_ref().map(|stop| stop.by.to_string()),
        why: stop.map(|stop| stop.why),
    }))
}

/// Says whether certificates are issued.
#[utoipa::path(get, path = "/api/v1/issuance", responses(
    (status = 200, description = "The stop switch", body = Issuance),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn issuance(
    Extension(api): Extension<Arc<Api>>,
    Caller(_): Caller,
) -> Result<Json<Issuance>, Problem> {
    blocking(move || switch(&api)).await
}

/// The stop switch.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetIssuance {
    /// Whether issuance is to be stopped.
    stopped: bool,
    /// Why, in words, for the audit log.
    why: String,
}

/// Stops issuance, or lets it go on.
#[utoipa::path(put, path = "/api/v1/issuance", request_body = SetIssuance, responses(
    (status = 200, description = "Switched", body = Issuance),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn set_issuance(
    Extension(api): Extension<Arc<Api>>,
    Caller(actor): Caller,
    Body(order): Body<SetIssuance>,
) -> Result<Json<Issuance>, Problem> {
    blocking(move || {
        if order.stopped {
            api.life.stop_issuance(&actor, &order.why)?;
        } else {
            api.life.resume_issuance(&actor, &order.why)?;
        }
        switch(&api)
    })
    .await
}

/// Which holders to look for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct HolderQuery {
    /// How the surname or registered name begins, or a whole semantics identifier.
    name: String,
}

/// Searches holders by name or identifier.
#[utoipa::path(get, path = "/api/v1/holders", params(HolderQuery), responses(
    (status = 200, description = "At most 100 holders", body = Vec<HolderAnswer>),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn holders(
    Extension(api): Extension<Arc<Api>>,
    Caller(actor): Caller,
    Query(query): Query<HolderQuery>,
) -> Result<Json<Vec<HolderAnswer>>, Problem> {
    blocking(move || {
        let mut answer = Vec::new();
        for holder in api.life.holders(&actor, &query.name, 100)? {
            let ids = api.life.store().certificates_of_holder(&holder.id)?;
            let serials = ids.iter().map(|id| id.serial.to_string()).collect();
            answer.push(HolderAnswer::new(&holder, serials));
        }
        Ok(Json(answer))
    })
    .await
}

/// From where to read the audit log.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditQuery {
    /// Entries after this number.
    after: Option<u64>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u16>,
}

/// One entry of the audit log.
#[derive(Serialize, ToSchema)]
pub(super) struct AuditAnswer {
    /// Its number.
    id: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: UnixTime,
    /// Who.
    by: String,
    /// Why.
    why: String,
    /// What, such as `certificate.revoke`.
    kind: String,
    /// What exactly.
    #[schema(value_type = Object)]
    body: serde_json::Value,
}

/// Reads the audit log in its order.
#[utoipa::path(get, path = "/api/v1/audit", params(AuditQuery), responses(
    (status = 200, description = "The entries", body = Vec<AuditAnswer>),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn audit(
    Extension(api): Extension<Arc<Api>>,
    Caller(actor): Caller,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Vec<AuditAnswer>>, Problem> {
    blocking(move || {
        if !actor.officer.is(Role::Auditor) && !actor.officer.is(Role::Administrator) {
            return Err(Problem::not_allowed(format_args!(
                "officer {}: to read the audit log, one must be auditor or administrator",
                actor.officer.name
            )));
        }
        let limit = query.limit.map_or(100, usize::from).clamp(1, MAX_ROWS);
        let mut entries = Vec::new();
        api.life
            .store()
            .visit_audit(query.after.unwrap_or(0), &mut |entry| {
                entries.push(AuditAnswer {
                    id: entry.id,
                    at: entry.at,
                    by: entry.by.to_string(),
                    why: entry.why,
                    kind: entry.kind,
                    body: serde_json::from_str(&entry.body).unwrap_or_default(),
                });
                if entries.len() < limit {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            })?;
        Ok(Json(entries))
    })
    .await
}
