//! OCSP, lists and certificates of issuers over HTTP, with the headers that let caches help (RFC 5019
//! 6, RFC 5280 4.2.1.13).

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Extension, Path};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use esign_core::time::UnixTime;

use super::{Answer, Responder};
use crate::ids::{Digest, Hex};

/// Largest request: one for 100 certificates has some 8 KiB.
const MAX_REQUEST: usize = 64 * 1024;
/// Largest list that is served: one of ten million entries.
const MAX_LIST: u64 = 1 << 30;

/// What is served.
pub struct Served {
    /// Answers to OCSP requests.
    pub responder: Arc<Responder>,
    /// Folder of the lists.
    pub lists: PathBuf,
    /// Certificates of issuers by the name under which they are asked for, DER.
    pub issuers: HashMap<String, Vec<u8>>,
    /// The system's clock.
    pub clock: fn() -> UnixTime,
}

/// `POST /ocsp`, `GET /ocsp/{request}`, `GET /crl/{name}.crl`, `GET /ca/{name}.cer`.
pub fn routes(served: Arc<Served>) -> Router {
    Router::new()
        .route("/ocsp", post(asked_by_post))
        .route("/ocsp/{*request}", get(asked_by_get))
        .route("/crl/{file}", get(list))
        .route("/ca/{file}", get(issuer))
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .layer(Extension(served))
}

async fn asked_by_post(
    Extension(served): Extension<Arc<Served>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes)
        != Some(b"application/ocsp-request")
    {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    // What is asked by POST is not for caches (RFC 5019 5).
    let answer = Answer {
        kept: None,
        ..answer(&served, &body)
    };
    respond(answer, &headers, (served.clock)())
}

async fn asked_by_get(
    Extension(served): Extension<Arc<Served>>,
    headers: HeaderMap,
    Path(request): Path<String>,
) -> Response {
    // Some clients leave the padding out, some percent-encode it, which is undone before.
    const BASE64: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    // What is not Base64 is not a request: the responder says so in its own way.
    let request = BASE64.decode(request).unwrap_or_default();
    let answer = answer(&served, &request);
    respond(answer, &headers, (served.clock)())
}

/// The store is asked here and now, on a thread that others need not wait for.
fn answer(served: &Served, request: &[u8]) -> Answer {
    tokio::task::block_in_place(|| served.responder.answer(request, (served.clock)()))
}

fn respond(answer: Answer, asked: &HeaderMap, now: UnixTime) -> Response {
    let tag = format!("\"{}\"", Digest::of(&answer.der));
    let mut headers = HeaderMap::new();
    set(
        &mut headers,
        header::CONTENT_TYPE,
        "application/ocsp-response",
    );
    match answer.kept {
        None => set(&mut headers, header::CACHE_CONTROL, "no-store"),
        Some((made, until)) => {
            let left = until.seconds().saturating_sub(now.seconds()).max(0);
            set(&mut headers, header::ETAG, &tag);
            set(&mut headers, header::LAST_MODIFIED, &http_date(made));
            set(&mut headers, header::EXPIRES, &http_date(until));
            set(
                &mut headers,
                header::CACHE_CONTROL,
                &format!("max-age={left}, public, no-transform, must-revalidate"),
            );
            if same(asked, &tag) {
                return (StatusCode::NOT_MODIFIED, headers).into_response();
            }
        }
    }
    (headers, answer.der).into_response()
}

async fn list(
    Extension(served): Extension<Arc<Served>>,
    asked: HeaderMap,
    Path(file): Path<String>,
) -> Response {
    let Some(name) = file.strip_suffix(".crl").filter(|name| plain(name)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let path = served.lists.join(format!("{name}.crl"));
    let read = tokio::task::spawn_blocking(move || {
        let length = std::fs::metadata(&path)?.len();
        if length > MAX_LIST {
            return Err(std::io::Error::other("the list is too large to be served"));
        }
        std::fs::read(&path)
    });
    let octets = match read.await {
        Ok(Ok(octets)) => octets,
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            return StatusCode::NOT_FOUND.into_response();
        }
        Ok(Err(error)) => {
            tracing::error!(%error, name, "a list cannot be read");
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        Err(_) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
    };
    // Lists written by the ceremony of a root come as PEM or DER; DER is served (RFC 2585 4.2).
    let Ok(lists) = esign_core::crl::crls(&octets) else {
        tracing::error!(name, "the file is no list");
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let Some(list) = lists.first() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let now = (served.clock)();
    let tag = format!("\"{}\"", Hex(&list.sha256()));
    let mut headers = HeaderMap::new();
    set(&mut headers, header::CONTENT_TYPE, "application/pkix-crl");
    set(&mut headers, header::ETAG, &tag);
    set(
        &mut headers,
        header::LAST_MODIFIED,
        &http_date(list.this_update()),
    );
    // A list is replaced as soon as something changes: caches ask again after a minute.
    let left = list
        .next_update()
        .map_or(0, |next| next.seconds().saturating_sub(now.seconds()))
        .clamp(0, 60);
    set(
        &mut headers,
        header::CACHE_CONTROL,
        &format!("max-age={left}, public, no-transform, must-revalidate"),
    );
    if same(&asked, &tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, list.der().to_vec()).into_response()
}

async fn issuer(Extension(served): Extension<Arc<Served>>, Path(file): Path<String>) -> Response {
    let name = file.strip_suffix(".cer").unwrap_or_default();
    let Some(der) = served.issuers.get(name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, "application/pkix-cert"),
        (header::CACHE_CONTROL, "max-age=86400, public"),
    ];
    (headers, der.clone()).into_response()
}

/// A name that stays in its folder.
fn plain(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn same(asked: &HeaderMap, tag: &str) -> bool {
    asked
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|tags| tags.split(',').any(|one| one.trim() == tag))
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // Times, digests and constants: always letters that a header may have.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// RFC 9110 5.6.7. No answer is from before 1970.
fn http_date(at: UnixTime) -> String {
    let seconds = u64::try_from(at.seconds()).unwrap_or(0);
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        for (name, is) in [
            ("issuing", true),
            ("issuing-2_x", true),
            ("", false),
            ("..", false),
            ("a/b", false),
            ("a.b", false),
            ("ş", false),
        ] {
            assert_eq!(plain(name), is, "{name}");
        }
    }
}
