//! The interface of officers and e-services: JSON over HTTPS with client certificates.
//!
//! Handlers translate; who may do what, and what follows, is [`crate::life`]'s.

mod administration;
mod certificates;
mod requests;
mod types;

use std::sync::Arc;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Extension, FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use esign_core::time::UnixTime;
use esign_core::x509::SerialNumber;
use utoipa::OpenApi;

use super::clients;
use super::listener::Peer;
use super::problem::Problem;
use crate::life::{Actor, Life};

/// Largest body of a request: a PKCS #10 with an ML-DSA key has some 8 KiB in Base64.
const MAX_BODY: usize = 64 * 1024;

/// What the interface works with.
pub(super) struct Api {
    /// The acts.
    pub(super) life: Life,
    /// The system's clock, passed in.
    pub(super) clock: fn() -> UnixTime,
}

/// The description of the interface, at `/openapi.json`.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Certification centre",
        description = "Requests, approval, issuance and status of certificates. Officers and e-services \
                       are known by TLS client certificates that the centre issued; errors are problem \
                       documents (RFC 9457); times are RFC 3339 in UTC."
    ),
    paths(
        administration::me,
        administration::officers,
        administration::set_officer,
        administration::issuance,
        administration::set_issuance,
        administration::holders,
        administration::audit,
        administration::profiles,
        requests::receive,
        requests::list,
        requests::show,
        requests::vet,
        requests::approve,
        requests::refuse,
        requests::issue,
        certificates::show,
        certificates::renew,
        certificates::revoke,
        certificates::suspend,
        certificates::restore,
        certificates::revoke_many,
        certificates::archive,
    )
)]
struct Description;

/// The addresses below `/api/v1`, and the description.
pub(super) fn routes(api: Arc<Api>) -> Router {
    let v1 = Router::new()
        .route("/me", get(administration::me))
        .route("/profiles", get(administration::profiles))
        .route("/officers", get(administration::officers))
        .route("/officers/{name}", put(administration::set_officer))
        .route(
            "/issuance",
            get(administration::issuance).put(administration::set_issuance),
        )
        .route("/holders", get(administration::holders))
        .route("/audit", get(administration::audit))
        .route("/requests", get(requests::list).post(requests::receive))
        .route("/requests/{id}", get(requests::show))
        .route("/requests/{id}/vet", post(requests::vet))
        .route("/requests/{id}/approve", post(requests::approve))
        .route("/requests/{id}/refuse", post(requests::refuse))
        .route("/requests/{id}/issue", post(requests::issue))
        .route("/certificates/{serial}", get(certificates::show))
        .route("/certificates/{serial}/renew", post(certificates::renew))
        .route("/certificates/{serial}/revoke", post(certificates::revoke))
        .route(
            "/certificates/{serial}/suspend",
            post(certificates::suspend),
        )
        .route(
            "/certificates/{serial}/restore",
            post(certificates::restore),
        )
        .route("/archive", get(certificates::archive))
        .route("/revocations", post(certificates::revoke_many))
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY));
    Router::new().nest("/api/v1", v1).layer(Extension(api))
}

async fn wrong_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method",
        "The address does not know this method",
        "see /openapi.json",
    )
}

/// What is described of the interface.
pub(super) fn description() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

/// Whoever asks, as the officer he is by his client certificate.
pub(super) struct Caller(pub(super) Actor);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let (Some(api), Some(peer)) = (
            parts.extensions.get::<Arc<Api>>().cloned(),
            parts.extensions.get::<Peer>().cloned(),
        ) else {
            return Err(Problem::internal());
        };
        let Some(certificate) = peer.certificate else {
            return Err(Problem::unknown_client("the connection showed none"));
        };
        blocking(move || {
            let at = (api.clock)();
            let authorities = api.life.issuing().iter().map(|one| &one.certificate);
            clients::in_force(api.life.store().as_ref(), authorities, &certificate.der, at)?;
            let officer = api
                .life
                .store()
                .officer_of_key(&certificate.key)?
                .filter(|officer| !officer.roles.is_empty())
                .ok_or_else(|| {
                    Problem::unknown_client(format_args!(
                        "key {} is that of no officer",
                        certificate.key
                    ))
                })?;
            Ok(Self(Actor { officer, at }))
        })
        .await
    }
}

/// A JSON body; what is wrong with it is told as a problem.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: serde::de::DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(rejection) => {
                let (code, title) = match &rejection {
                    JsonRejection::MissingJsonContentType(_) => {
                        ("media-type", "Content-Type must be application/json")
                    }
                    JsonRejection::BytesRejection(_) => ("body", "The body cannot be read"),
                    _ => ("json", "The body is not the JSON that is described"),
                };
                Err(Problem::new(
                    rejection.status(),
                    code,
                    title,
                    rejection.body_text(),
                ))
            }
        }
    }
}

/// Parameters behind the question mark.
pub(super) struct Query<T>(pub(super) T);

impl<S: Send + Sync, T: serde::de::DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        axum::extract::Query::<T>::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|rejection: QueryRejection| {
                Problem::new(
                    rejection.status(),
                    "query",
                    "The parameters are not those that are described",
                    rejection.body_text(),
                )
            })
    }
}

/// Runs what waits for the disk where it does not hold up other connections.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => {
            tracing::error!(%error, "a handler stopped");
            Err(Problem::internal())
        }
    }
}

/// The serial number of an address.
pub(super) fn serial(text: &str) -> Result<SerialNumber, Problem> {
    SerialNumber::parse_hex(text).ok_or_else(|| {
        Problem::value(format_args!(
            "serial number \"{text}\": must be hexadecimal digits"
        ))
    })
}
