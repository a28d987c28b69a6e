//! OCSP, lists and certificates of issuers over HTTP, with the headers that let caches help (RFC 5019
//! 6, RFC 5280 4.2.1.13).

use std::collections::HashMap;
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
use crate::ids::Digest;
use crate::pace::Pace;

/// Largest request: one for 100 certificates has some 8 KiB.
const MAX_REQUEST: usize = 64 * 1024;
/// Largest list that is served: one of ten million entries.
const MAX_LIST: u64 = 1 << 30;

/// What is served.
pub struct Served {
    /// Answers to OCSP requests.
    pub responder: Arc<Responder>,
    /// Folder of the CRLs.
    pub lists: PathBuf,
    /// Folder of the public lists.
    pub public_lists: PathBuf,
    /// What was read of both.
    pub files: Files,
    /// Certificates of issuers by the name under which they are asked for, DER.
    pub issuers: HashMap<String, Vec<u8>>,
    /// The system's clock.
    pub clock: fn() -> UnixTime,
}

/// Files in memory, for as long as they are the same on the disk. There are as many as are published.
#[derive(Default)]
pub struct Files(Mutex<HashMap<PathBuf, Arc<Kept>>>);

struct Kept {
    stamp: Stamp,
    octets: Bytes,
    tag: String,
    /// When it was made, and when the next one is there.
    made: UnixTime,
    next: Option<UnixTime>,
}

/// Which file it is: one that replaces it has another number, or at least another time.
#[derive(Clone, PartialEq, Eq)]
struct Stamp {
    number: u64,
    length: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(path: &FilePath) -> std::io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        #[cfg(unix)]
        let number = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let number = 0;
        Ok(Self {
            number,
            length: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }
}

/// What is in a file, and how it is served.
#[derive(Clone, Copy)]
enum Kind {
    Crl,
    PublicList,
}

/// `POST /ocsp`, `GET /ocsp/{request}`, `GET /crl/{name}.crl`, `GET /ca/{name}.cer`,
/// `GET /lists/{name}.csv`.
pub fn routes(served: Arc<Served>) -> Router {
    Router::new()
        .route("/ocsp", post(asked_by_post))
        .route("/ocsp/{*request}", get(asked_by_get))
        .route("/crl/{file}", get(list))
        .route("/lists/{file}", get(public_list))
        .route("/ca/{file}", get(issuer))
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .layer(Extension(served))
        .layer(Extension(Arc::<Pace>::default()))
}

async fn asked_by_post(
    Extension(served): Extension<Arc<Served>>,
    Extension(pace): Extension<Arc<Pace>>,
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
        ..answer(&served, &pace, &body)
    };
    respond(answer, &headers, (served.clock)())
}

async fn asked_by_get(
    Extension(served): Extension<Arc<Served>>,
    Extension(pace): Extension<Arc<Pace>>,
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
    let answer = answer(&served, &pace, &request);
    respond(answer, &headers, (served.clock)())
}

fn answer(served: &Served, pace: &Pace, request: &[u8]) -> Answer {
    let at = (served.clock)();
    let asked = match served.responder.read(request) {
        Ok(asked) => asked,
        Err(answer) => return answer,
    };
    if let Some(answer) = served.responder.ready(&asked, at) {
        return answer;
    }
    // A look into memory and a signature are done here and now: to change threads would take longer. A
    // store or a key across a network is waited for on a thread that others need not wait for.
    pace.run(served.responder.is_slow(), || {
        served.responder.sign(&asked, at)
    })
}

fn respond(answer: Answer, asked: &HeaderMap, now: UnixTime) -> Response {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/ocsp-response"),
    );
    match (answer.kept, &answer.tag) {
        (Some((made, until)), Some(tag)) => {
            let left = until.seconds().saturating_sub(now.seconds()).max(0);
            set(&mut headers, header::ETAG, tag);
            set(&mut headers, header::LAST_MODIFIED, &http_date(made));
            set(&mut headers, header::EXPIRES, &http_date(until));
            set(
                &mut headers,
                header::CACHE_CONTROL,
                &format!("max-age={left}, public, no-transform, must-revalidate"),
            );
            if same(asked, tag) {
                return (StatusCode::NOT_MODIFIED, headers).into_response();
            }
        }
        _ => {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }
    (headers, Bytes::from_owner(answer.der)).into_response()
}

async fn list(
    Extension(served): Extension<Arc<Served>>,
    asked: HeaderMap,
    Path(file): Path<String>,
) -> Response {
    file_of(served, Kind::Crl, &file, &asked).await
}

async fn public_list(
    Extension(served): Extension<Arc<Served>>,
    asked: HeaderMap,
    Path(file): Path<String>,
) -> Response {
    file_of(served, Kind::PublicList, &file, &asked).await
}

async fn file_of(served: Arc<Served>, kind: Kind, file: &str, asked: &HeaderMap) -> Response {
    let (folder, suffix, content) = match kind {
        Kind::Crl => (&served.lists, ".crl", "application/pkix-crl"),
        Kind::PublicList => (&served.public_lists, ".csv", "text/csv; charset=utf-8"),
    };
    if !file.strip_suffix(suffix).is_some_and(plain) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let path = folder.join(file);
    let kept = match served.files.of(path, kind).await {
        Ok(kept) => kept,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return StatusCode::NOT_FOUND.into_response();
        }
        Err(error) => {
            tracing::error!(%error, file, "a list cannot be read");
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    };
    let now = (served.clock)();
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content));
    set(&mut headers, header::ETAG, &kept.tag);
    set(&mut headers, header::LAST_MODIFIED, &http_date(kept.made));
    // A list is replaced as soon as something changes: caches ask again after a minute.
    let left = kept
        .next
        .map_or(60, |next| next.seconds().saturating_sub(now.seconds()))
        .clamp(0, 60);
    set(&mut headers, header::EXPIRES, &http_date(now.plus(left)));
    set(
        &mut headers,
        header::CACHE_CONTROL,
        &format!("max-age={left}, public, no-transform, must-revalidate"),
    );
    if same(asked, &kept.tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, kept.octets.clone()).into_response()
}

impl Files {
    async fn of(&self, path: PathBuf, kind: Kind) -> std::io::Result<Arc<Kept>> {
        let stamp = Stamp::of(&path)?;
        let known = self.map().get(&path).cloned();
        if let Some(kept) = known
            && kept.stamp == stamp
        {
            return Ok(kept);
        }
        // A file that is replaced between the two looks is read once more than needed.
        let from = path.clone();
        let kept = tokio::task::spawn_blocking(move || Kept::read(&from, kind, stamp))
            .await
            .map_err(std::io::Error::other)??;
        let kept = Arc::new(kept);
        self.map().insert(path, kept.clone());
        Ok(kept)
    }

    fn map(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Arc<Kept>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn read(path: &FilePath, kind: Kind, stamp: Stamp) -> std::io::Result<Self> {
        let wrong = std::io::Error::other::<&str>;
        if stamp.length > MAX_LIST {
            return Err(wrong("the list is too large to be served"));
        }
        let octets = std::fs::read(path)?;
        let (octets, made, next) = match kind {
            Kind::Crl => {
                // Lists written by the ceremony of a root come as PEM or DER; DER is served (RFC 2585 4.2).
                let lists =
                    esign_core::crl::crls(&octets).map_err(|_| wrong("the file is no list"))?;
                let list = lists.first().ok_or_else(|| wrong("the file is no list"))?;
                let der = if list.der() == octets {
                    octets
                } else {
                    list.der().to_vec()
                };
                (der, list.this_update(), list.next_update())
            }
            Kind::PublicList => {
                let made = stamp
                    .modified
                    .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
                let made = made.and_then(|since| i64::try_from(since.as_secs()).ok());
                (octets, UnixTime::from_seconds(made.unwrap_or(0)), None)
            }
        };
        Ok(Self {
            stamp,
            tag: format!("\"{}\"", Digest::of(&octets)),
            octets: octets.into(),
            made,
            next,
        })
    }
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
