//! Time-stamps over HTTP (RFC 3161 3.4).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Extension};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use esign_core::tsp::MAX_REQUEST;

use super::TimeStamper;
use crate::pace::Pace;

/// Where it answers.
pub const PATH: &str = "/tsa";
/// Media type of requests (RFC 3161 3.4).
pub const QUERY: &str = "application/timestamp-query";
/// Media type of answers (RFC 3161 3.4).
pub const REPLY: &str = "application/timestamp-reply";

/// What is served.
#[derive(Debug)]
pub struct Served {
    /// The authority.
    pub stamper: Arc<TimeStamper>,
    /// Requests refused for their media type or size, before they were looked into.
    pub misdirected: AtomicU64,
}

/// `POST /tsa`. Whatever arrives with the right media type and size is answered with status 200, a
/// refusal too; another method is 405, another media type 415, more than 16 KiB 413.
pub fn routes(served: Arc<Served>) -> Router {
    Router::new()
        .route(PATH, post(asked))
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .layer(Extension(served))
        .layer(Extension(Arc::<Pace>::default()))
}

async fn asked(
    Extension(served): Extension<Arc<Served>>,
    Extension(pace): Extension<Arc<Pace>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let misdirected = |status: StatusCode| {
        served.misdirected.fetch_add(1, Ordering::Relaxed);
        status.into_response()
    };
    if !is_query(&headers) {
        return misdirected(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return misdirected(rejection.status()),
    };
    // A key in a token is waited for on a thread that others need not wait for.
    let answer = pace.run(false, || served.stamper.answer(&body));
    let headers = [
        (header::CONTENT_TYPE, REPLY),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, answer).into_response()
}

/// The media type, without regard to case and to parameters (RFC 9110 8.3.1).
fn is_query(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case(QUERY))
}
