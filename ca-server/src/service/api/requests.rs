//! Requests: received, vetted, approved or refused, issued.

use std::sync::Arc;

use axum::extract::{Extension, Path};
use axum::http::StatusCode;
use axum::{Json, response::IntoResponse};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::types::{Made, NewRequest, RequestAnswer, Vetting, Why, request_id};
use super::{Api, Body, Caller, Query, blocking};
use crate::life;
use crate::records::RequestStatus;
use crate::service::problem::Problem;
use crate::store::MAX_ROWS;

/// Takes in a request: vetted where a registrar makes it, claimed where an e-service does.
#[utoipa::path(post, path = "/api/v1/requests", request_body = NewRequest, responses(
    (status = 201, description = "Received", body = Made),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn receive(
    Extension(api): Extension<Arc<Api>>,
    Caller(actor): Caller,
    Body(new): Body<NewRequest>,
) -> Result<impl IntoResponse, Problem> {
    blocking(move || {
        let id = api.life.receive(
            &actor,
            &life::NewRequest {
                csr: new.csr.as_bytes(),
                identity: &new.identity,
                profile: &new.profile,
                listed: new.listed,
            },
        )?;
        let status = api.life.request(&actor, &id)?.record.status;
        let made = Made {
            id: id.to_string(),
            status,
        };
        Ok((StatusCode::CREATED, Json(made)))
    })
    .await
}

/// Which requests to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    /// `pending` (the default), `approved`, `issued` or `refused`.
    status: Option<String>,
    /// Continue behind the request of this name.
    after: Option<String>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u16>,
}

/// Lists requests in the order of receipt.
#[utoipa::path(get, path = "/api/v1/requests", params(Listing), responses(
    (status = 200, description = "The requests", body = Vec<RequestAnswer>),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list(
    Extension(api): Extension<Arc<Api>>,
    Caller(actor): Caller,
    Query(listing): Query<Listing>,
) -> Result<Json<Vec<RequestAnswer>>, Problem> {
    blocking(move || {
        let status = match listing.status.as_deref() {
            None | Some("pending") => RequestStatus::Pending,
            Some("approved") => RequestStatus::Approved,
            Some("issued") => RequestStatus::Issued,
            Some("refused") => RequestStatus::Refused,
            Some(other) => {
                return Err(Problem::value(format_args!(
                    "status \"{other}\": must be pending, approved, issued or refused"
                )));
            }
        };
        let after = listing.after.as_deref().map(request_id).transpose()?;
        let limit = listing.limit.map_or(100, usize::from).clamp(1, MAX_ROWS);
        let found = api.life.requests(&actor, status, after.as_ref(), limit)?;
        Ok(Json(found.into_iter().map(RequestAnswer::from).collect()))
    })
    .await
}

/// Shows a request and who it is about.
#[utoipa::path(get, path = "/api/v1/requests/{id}", params(("id" = String, Path, description = "Name of the request")), responses(
    (status = 200, description = "The request", body = RequestAnswer),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn show(
    Extension(api): Extension<Arc<Api>>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> Result<Json<RequestAnswer>, Problem> {
    blocking(move || Ok(Json(api.life.request(&actor, &request_id(&id)?)?.into()))).await
}

/// Says who a pending request is about, as a registrar vetted it.
#[utoipa::path(post, path = "/api/v1/requests/{id}/vet", params(("id" = String, Path, description = "Name of the request")), request_body = Vetting, responses(
    (status = 200, description = "Vetted", body = RequestAnswer),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn vet(
    Extension(api): Extension<Arc<Api>>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    Body(vetting): Body<Vetting>,
) -> Result<Json<RequestAnswer>, Problem> {
    blocking(move || {
        let id = request_id(&id)?;
        api.life
            .vet(&actor, &id, &vetting.identity, vetting.listed)?;
        Ok(Json(api.life.request(&actor, &id)?.into()))
    })
    .await
}

/// Approves a request.
#[utoipa::path(post, path = "/api/v1/requests/{id}/approve", params(("id" = String, Path, description = "Name of the request")), responses(
    (status = 200, description = "Approved by the caller", body = Made),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn approve(
    Extension(api): Extension<Arc<Api>>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> Result<Json<Made>, Problem> {
    blocking(move || {
        let id = request_id(&id)?;
        let status = api.life.approve(&actor, &id)?;
        Ok(Json(Made {
            id: id.to_string(),
            status,
        }))
    })
    .await
}

/// Refuses a request that is pending or approved.
#[utoipa::path(post, path = "/api/v1/requests/{id}/refuse", params(("id" = String, Path, description = "Name of the request")), request_body = Why, responses(
    (status = 200, description = "Refused for good", body = Made),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn refuse(
    Extension(api): Extension<Arc<Api>>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    Body(Why { why }): Body<Why>,
) -> Result<Json<Made>, Problem> {
    blocking(move || {
        let id = request_id(&id)?;
        api.life.refuse(&actor, &id, &why)?;
        Ok(Json(Made {
            id: id.to_string(),
            status: RequestStatus::Refused,
        }))
    })
    .await
}

/// A certificate that was issued.
#[derive(Serialize, ToSchema)]
pub(super) struct IssuedAnswer {
    /// Serial number, hexadecimal.
    serial: String,
    /// The certificate, PEM.
    certificate: String,
    /// The certificates of its issuers, PEM, the nearest first.
    chain: String,
}

/// Issues the certificate of an approved request; that of an issued one is given again.
#[utoipa::path(post, path = "/api/v1/requests/{id}/issue", params(("id" = String, Path, description = "Name of the request")), responses(
    (status = 200, description = "Issued", body = IssuedAnswer),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn issue(
    Extension(api): Extension<Arc<Api>>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> Result<Json<IssuedAnswer>, Problem> {
    blocking(move || {
        let issued = api.life.issue(&actor, &request_id(&id)?)?;
        let chain = api
            .life
            .issuing()
            .iter()
            .filter(|one| one.id() == issued.id.issuer)
            .map(|one| esign_core::x509::to_pem("CERTIFICATE", one.certificate.der()))
            .collect();
        Ok(Json(IssuedAnswer {
            serial: issued.id.serial.to_string(),
            certificate: esign_core::x509::to_pem("CERTIFICATE", &issued.certificate),
            chain,
        }))
    })
    .await
}
