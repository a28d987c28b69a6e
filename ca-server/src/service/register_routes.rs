//! The register by HTTP: bodies register and change what is theirs, everybody asks.
//!
//! Whoever asks is not known and leaves nothing behind: no address of a document stands in a log.

use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Extension, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use esign_core::log::{NoteSignature, ProofFile, SignedNote, TileReader};
use esign_core::register::MAX_NONCE;
use esign_core::time::UnixTime;
use esign_core::x509::Certificate;
use governor::DefaultKeyedRateLimiter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::api::{Body, Query, blocking};
use super::clients;
use super::listener::Peer;
use super::problem::Problem;
use super::register::{Book, Currency};
use crate::audit::DirectoryTiles;
use crate::ids::{Digest, IdempotencyKey, Locator, Name};
use crate::officers::Role;
use crate::records::DocumentStatus;
use crate::register::{Bulk, Issuer, Keeper, Order, Registered, Registration};
use crate::store::{Attestation, Leaf, LogHead, LogStore, Store};

/// Largest body: a thousand boxes, or some hundreds with what bodies keep.
const MAX_BODY: usize = 8 * 1024 * 1024;
/// Largest question.
const MAX_QUESTION: usize = 1024;

/// What the addresses work with.
pub(super) struct Desk {
    pub(super) keeper: Keeper,
    pub(super) book: Arc<Book>,
    pub(super) currency: Arc<Currency>,
    pub(super) log: Arc<dyn LogStore<Leaf>>,
    pub(super) tiles: DirectoryTiles,
    pub(super) store: Arc<dyn Store>,
    pub(super) authorities: Vec<Certificate>,
    pub(super) limiter: Arc<DefaultKeyedRateLimiter<IpAddr>>,
    /// The newest status list and when the next is due.
    pub(super) list: Mutex<Option<(UnixTime, Bytes)>>,
    pub(super) list_seconds: i64,
    pub(super) clock: fn() -> UnixTime,
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Register of document codes"),
    paths(
        register,
        change,
        redeem,
        revoke_since,
        ask,
        ask_by_address,
        list,
        proof
    )
)]
struct Description;

/// What is described of the interface.
pub(super) fn description() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

/// Below `/register` at the public address.
pub(super) fn public(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/answers", post(ask))
        .route("/answers/{locator}", get(ask_by_address))
        .route("/proofs/{index}", get(proof))
        .route("/list", get(list))
        .layer(middleware::from_fn(limited))
        .layer(DefaultBodyLimit::max(MAX_QUESTION))
        .layer(Extension(desk))
}

/// At the operators' address.
pub(super) fn bodies(desk: Arc<Desk>) -> Router {
    let v1 = Router::new()
        .route("/documents", post(register))
        .route("/statuses", post(change))
        .route("/redemptions", post(redeem))
        .route("/revocations", post(revoke_since))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(Extension(desk));
    Router::new().nest("/api/v1/register", v1)
}

/// Refuses clients who ask too often. An IPv6 client has a whole network of addresses to ask from.
async fn limited(
    Extension(desk): Extension<Arc<Desk>>,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let client = match peer.address.ip() {
        IpAddr::V6(address) if address.to_ipv4_mapped().is_none() => {
            IpAddr::V6((address.to_bits() >> 64 << 64).into())
        }
        address => address,
    };
    if desk.limiter.check_key(&client).is_ok() {
        return next.run(request).await;
    }
    let mut response = Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too-many-requests",
        "Too many requests",
        "wait a second",
    )
    .into_response();
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// A body, known by its client certificate.
pub(super) struct Caller(Issuer);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let (Some(desk), Some(peer)) = (
            parts.extensions.get::<Arc<Desk>>().cloned(),
            parts.extensions.get::<Peer>().cloned(),
        ) else {
            return Err(Problem::internal());
        };
        blocking(move || match who(&desk, &peer)? {
            Who::Body(body) => Ok(Self(body)),
            Who::Officer(name) => Err(Problem::not_allowed(format_args!(
                "officer {name} is no body"
            ))),
        })
        .await
    }
}

/// Who is at the other end.
enum Who {
    Body(Issuer),
    /// An officer who revokes.
    Officer(Name),
}

fn who(desk: &Desk, peer: &Peer) -> Result<Who, Problem> {
    let Some(certificate) = &peer.certificate else {
        return Err(Problem::unknown_client("the connection showed none"));
    };
    let at = (desk.clock)();
    let store = desk.store.as_ref();
    clients::in_force(store, desk.authorities.iter(), &certificate.der, at)?;
    if let Some(body) = desk.book.now().issuer_of_client(&certificate.key) {
        return Ok(Who::Body(body.clone()));
    }
    let officer = store.officer_of_key(&certificate.key)?;
    match officer {
        Some(officer) if officer.roles.contains(&Role::RevocationOfficer) => {
            Ok(Who::Officer(officer.name))
        }
        _ => Err(Problem::unknown_client(format_args!(
            "key {} is that of no body of this register",
            certificate.key
        ))),
    }
}

/// No answer, and no promise, while the store is behind what was published.
fn current(desk: &Desk) -> Result<(), Problem> {
    match desk.currency.refusal() {
        None => Ok(()),
        Some(what) => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "behind",
            "The register does not answer now",
            what,
        )),
    }
}

fn octets<const N: usize>(what: &str, text: &str) -> Result<[u8; N], Problem> {
    let wrong = || {
        Problem::value(format_args!(
            "{what}: must be {} hexadecimal digits",
            N.saturating_mul(2)
        ))
    };
    match N {
        16 => Locator::parse(text).map(|id| id.0.to_vec()),
        _ => Digest::parse(text).map(|id| id.0.to_vec()),
    }
    .and_then(|octets| octets.try_into().ok())
    .ok_or_else(wrong)
}

fn base64(what: &str, text: &str) -> Result<Vec<u8>, Problem> {
    STANDARD
        .decode(text)
        .map_err(|_| Problem::value(format_args!("{what}: must be Base64")))
}

/// Documents of one class to be registered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewDocuments {
    /// Number of the class.
    class: u32,
    /// The documents, 1 to 1000.
    documents: Vec<NewDocument>,
}

/// A document to be registered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewDocument {
    /// The body's own name for this registration, 32 hexadecimal digits: the same again is the same.
    key: String,
    /// L, 32 hexadecimal digits.
    locator: String,
    /// Salt of the box, 32 hexadecimal digits.
    salt: String,
    /// The box, Base64.
    #[serde(rename = "box")]
    sealed: String,
    /// D, 64 hexadecimal digits.
    digest: String,
    /// F, 64 hexadecimal digits, where there is a file.
    #[serde(default)]
    file: Option<String>,
    /// What was to be issued, as the body digests it, 64 hexadecimal digits: the same key with another
    /// one is a conflict. D and F where it is absent.
    #[serde(default)]
    content: Option<String>,
    /// What is given back on a retry, Base64, at most 16 KiB; encrypted by the body.
    #[serde(default)]
    keep: Option<String>,
}

/// What became of each, in the order given.
#[derive(Serialize, ToSchema)]
pub(super) struct RegisteredAnswer {
    documents: Vec<DocumentAnswer>,
}

/// What became of a document.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
enum DocumentAnswer {
    /// Registered by this call.
    Registered(Box<DocumentRow>),
    /// Registered by an earlier call with the same key: what that one gave.
    Existing(Box<DocumentRow>),
    /// Refused; the others are not touched by it.
    Refused {
        /// Why.
        problem: Problem,
    },
}

/// A document as it is registered.
#[derive(Serialize, ToSchema)]
struct DocumentRow {
    /// L.
    locator: String,
    /// Salt of the box.
    salt: String,
    /// The box, Base64.
    #[serde(rename = "box")]
    sealed: String,
    /// D.
    digest: String,
    /// What the body had kept, Base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    keep: Option<String>,
    /// When it was registered.
    #[schema(value_type = String, format = DateTime)]
    registered_at: UnixTime,
}

impl From<Registered> for DocumentRow {
    fn from(one: Registered) -> Self {
        Self {
            locator: Locator(one.locator).to_string(),
            salt: Locator(one.salt).to_string(),
            sealed: STANDARD.encode(&one.sealed),
            digest: Digest(one.digest).to_string(),
            keep: (!one.keep.is_empty()).then(|| STANDARD.encode(&one.keep)),
            registered_at: one.at,
        }
    }
}

impl NewDocument {
    fn read(&self) -> Result<Registration, Problem> {
        let optional = |what, text: &Option<String>| {
            text.as_deref()
                .map(|text| octets::<32>(what, text))
                .transpose()
        };
        Ok(Registration {
            locator: octets("locator", &self.locator)?,
            salt: octets("salt", &self.salt)?,
            sealed: base64("box", &self.sealed)?,
            digest: octets("digest", &self.digest)?,
            file: optional("file", &self.file)?,
            key: IdempotencyKey(octets("key", &self.key)?),
            content: optional("content", &self.content)?,
            keep: base64("keep", self.keep.as_deref().unwrap_or_default())?,
        })
    }
}

/// Registers documents of a body. To be asked again, with the same keys, until it is answered.
#[utoipa::path(post, path = "/api/v1/register/documents", request_body = NewDocuments, responses(
    (status = 200, description = "What became of each", body = RegisteredAnswer),
    (status = "default", description = "Refused as a whole", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn register(
    Extension(desk): Extension<Arc<Desk>>,
    Caller(body): Caller,
    Body(new): Body<NewDocuments>,
) -> Result<Json<RegisteredAnswer>, Problem> {
    blocking(move || {
        current(&desk)?;
        let book = desk.book.now();
        let class = book.class(new.class).ok_or_else(|| {
            Problem::value(format_args!("class {}: is not in the register", new.class))
        })?;
        let items = new
            .documents
            .iter()
            .map(NewDocument::read)
            .collect::<Result<Vec<_>, _>>()?;
        let done = desk.keeper.register(&body, class, &items, (desk.clock)())?;
        let documents = done
            .into_iter()
            .map(|one| match one {
                Ok(one) if one.fresh => DocumentAnswer::Registered(Box::new(one.into())),
                Ok(one) => DocumentAnswer::Existing(Box::new(one.into())),
                Err(error) => DocumentAnswer::Refused {
                    problem: error.into(),
                },
            })
            .collect();
        Ok(Json(RegisteredAnswer { documents }))
    })
    .await
}

/// A status to be given to a document.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewStatus {
    /// L, 32 hexadecimal digits.
    locator: String,
    /// The number of the status that this was decided upon.
    seq: u32,
    /// `suspended`, `in-force` (restored), `revoked` or `superseded`.
    status: String,
    /// D of the successor, 64 hexadecimal digits, where it is superseded.
    #[serde(default)]
    successor: Option<String>,
    /// Why, by the register's list of reasons.
    #[serde(default)]
    reason: Option<u32>,
    /// Why, in words, for the register's books.
    why: String,
}

/// A status as it was given.
#[derive(Serialize, ToSchema)]
pub(super) struct StatusAnswer {
    /// Its number.
    seq: u32,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: UnixTime,
    /// Whether an earlier call did it.
    existing: bool,
}

/// Changes the status of a body's document.
#[utoipa::path(post, path = "/api/v1/register/statuses", request_body = NewStatus, responses(
    (status = 200, description = "Changed", body = StatusAnswer),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn change(
    Extension(desk): Extension<Arc<Desk>>,
    Caller(body): Caller,
    Body(new): Body<NewStatus>,
) -> Result<Json<StatusAnswer>, Problem> {
    blocking(move || {
        current(&desk)?;
        let successor = new
            .successor
            .as_deref()
            .map(|text| octets::<32>("successor", text))
            .transpose()?;
        let status = match (new.status.as_str(), successor) {
            ("suspended", None) => DocumentStatus::Suspended,
            ("in-force", None) => DocumentStatus::InForce,
            ("revoked", None) => DocumentStatus::Revoked,
            ("superseded", Some(digest)) => DocumentStatus::Superseded {
                successor: Digest(digest),
            },
            (other, _) => {
                return Err(Problem::value(format_args!(
                    "status \"{other}\": must be suspended, in-force, revoked, or superseded with a successor"
                )));
            }
        };
        let order = Order {
            locator: octets("locator", &new.locator)?,
            seq: new.seq,
            status,
            reason: new.reason,
            why: why(new.why)?,
        };
        let book = desk.book.now();
        let class = |number| book.class(number).cloned();
        let done = desk.keeper.change(&body, class, &order, (desk.clock)())?;
        Ok(Json(StatusAnswer {
            seq: done.seq,
            since: done.since,
            existing: !done.fresh,
        }))
    })
    .await
}

fn why(text: String) -> Result<String, Problem> {
    if text.trim().is_empty() {
        return Err(Problem::value("why: a reason must be given"));
    }
    Ok(text)
}

/// A single-use document to be redeemed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRedemption {
    /// L, 32 hexadecimal digits.
    locator: String,
    /// The body's own name for this redemption, 32 hexadecimal digits: the same again is the same.
    key: String,
}

/// The receipt of a redemption.
#[derive(Serialize, ToSchema)]
pub(super) struct Receipt {
    /// A signed answer whose nonce is the key, Base64; the same octets for the same key.
    receipt: String,
}

/// Redeems a single-use document, once.
#[utoipa::path(post, path = "/api/v1/register/redemptions", request_body = NewRedemption, responses(
    (status = 200, description = "Redeemed", body = Receipt),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn redeem(
    Extension(desk): Extension<Arc<Desk>>,
    Caller(body): Caller,
    Body(new): Body<NewRedemption>,
) -> Result<Json<Receipt>, Problem> {
    blocking(move || {
        current(&desk)?;
        let (locator, key) = (octets("locator", &new.locator)?, octets("key", &new.key)?);
        let book = desk.book.now();
        let class = |number| book.class(number).cloned();
        let at = (desk.clock)();
        let receipt = desk.keeper.redeem(&body, class, &locator, &key, at)?;
        Ok(Json(Receipt {
            receipt: STANDARD.encode(receipt),
        }))
    })
    .await
}

/// What is to be revoked at once.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRevocations {
    /// The body.
    body: u32,
    /// Documents that were not in the log at this time.
    #[schema(value_type = String, format = DateTime)]
    not_logged_at: UnixTime,
    /// Why, by the register's list of reasons.
    #[serde(default)]
    reason: Option<u32>,
    /// Why, in words.
    why: String,
}

/// How far it came.
#[derive(Serialize, ToSchema)]
pub(super) struct RevokedAnswer {
    /// Documents that this call revoked.
    revoked: usize,
    /// Whether to call again.
    more: bool,
}

/// Revokes what a body issued since a time: by itself, or by an officer who revokes.
#[utoipa::path(post, path = "/api/v1/register/revocations", request_body = NewRevocations, responses(
    (status = 200, description = "Revoked, at most a thousand at once", body = RevokedAnswer),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn revoke_since(
    Extension(desk): Extension<Arc<Desk>>,
    Extension(peer): Extension<Peer>,
    Body(new): Body<NewRevocations>,
) -> Result<Json<RevokedAnswer>, Problem> {
    blocking(move || {
        current(&desk)?;
        let by = match who(&desk, &peer)? {
            Who::Officer(name) => name,
            Who::Body(body) if body.number == new.body => {
                Name::new(&format!("body-{}", body.number))?
            }
            Who::Body(body) => {
                return Err(Problem::not_allowed(format_args!(
                    "body {} may not revoke what body {} issued",
                    body.number, new.body
                )));
            }
        };
        let book = desk.book.now();
        let class = |number| book.class(number).cloned();
        let bulk = Bulk {
            body: new.body,
            not_logged_at: new.not_logged_at,
            reason: new.reason,
            why: why(new.why)?,
        };
        let at = (desk.clock)();
        let done = desk.keeper.revoke_since(&by, class, &bulk, at)?;
        Ok(Json(RevokedAnswer {
            revoked: done.revoked,
            more: done.more,
        }))
    })
    .await
}

/// A question.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    /// L, 32 hexadecimal digits, which the code gives.
    locator: String,
    /// Up to 64 octets, hexadecimal, that come back signed.
    #[serde(default)]
    nonce: Option<String>,
}

/// The nonce behind an address.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Nonce {
    /// Up to 64 octets, hexadecimal, that come back signed.
    nonce: Option<String>,
}

/// What the register says.
#[derive(Serialize, ToSchema)]
pub(super) struct AnswerDocument {
    /// The signed answer, COSE_Sign1, Base64.
    answer: String,
    /// Salt of the box.
    #[serde(skip_serializing_if = "Option::is_none")]
    salt: Option<String>,
    /// The box, Base64: the code opens it.
    #[serde(rename = "box", skip_serializing_if = "Option::is_none")]
    sealed: Option<String>,
}

/// Tells where the document of a locator stands. Asked so, the locator is in no address.
#[utoipa::path(post, path = "/register/answers", request_body = Question, responses(
    (status = 200, description = "The answer, also where there is no such document", body = AnswerDocument),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn ask(
    Extension(desk): Extension<Arc<Desk>>,
    Body(question): Body<Question>,
) -> Result<Response, Problem> {
    answered(desk, question.locator, question.nonce).await
}

/// Tells where the document of a locator stands.
#[utoipa::path(get, path = "/register/answers/{locator}", params(("locator" = String, Path, description = "L"), Nonce), responses(
    (status = 200, description = "The answer, also where there is no such document", body = AnswerDocument),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn ask_by_address(
    Extension(desk): Extension<Arc<Desk>>,
    Path(locator): Path<String>,
    Query(Nonce { nonce }): Query<Nonce>,
) -> Result<Response, Problem> {
    answered(desk, locator, nonce).await
}

async fn answered(
    desk: Arc<Desk>,
    locator: String,
    nonce: Option<String>,
) -> Result<Response, Problem> {
    let answer = blocking(move || {
        current(&desk)?;
        let locator = octets("locator", &locator)?;
        let nonce = nonce.as_deref().map(nonce_of).transpose()?;
        let at = (desk.clock)();
        let looked = desk.keeper.look_up(&locator, nonce.as_deref(), at)?;
        let (salt, sealed) = looked.sealed.unzip();
        Ok(AnswerDocument {
            answer: STANDARD.encode(looked.answer),
            salt: salt.map(|salt| Locator(salt).to_string()),
            sealed: sealed.map(|sealed| STANDARD.encode(sealed)),
        })
    })
    .await?;
    // It is signed for the asker, and its age is of importance.
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    Ok((no_store, Json(answer)).into_response())
}

fn nonce_of(text: &str) -> Result<Vec<u8>, Problem> {
    let wrong = || {
        Problem::value(format_args!(
            "nonce: must be 1 to {MAX_NONCE} octets in hexadecimal digits"
        ))
    };
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return Err(wrong());
    };
    let digit = |b: u8| {
        char::from(b)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let octets: Option<Vec<u8>> = pairs
        .iter()
        .map(|[a, b]| Some((digit(*a)? << 4) | digit(*b)?))
        .collect();
    octets
        .filter(|octets| (1..=MAX_NONCE).contains(&octets.len()))
        .ok_or_else(wrong)
}

/// All that is not in force, for those who check without a network.
#[utoipa::path(get, path = "/register/list", responses(
    (status = 200, description = "The signed list: docs/formats/status-list.md", content_type = "application/octet-stream"),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list(Extension(desk): Extension<Arc<Desk>>) -> Result<Response, Problem> {
    let (left, octets) = blocking(move || {
        current(&desk)?;
        let at = (desk.clock)();
        // Made when somebody asks, by one, for whom the others wait.
        let mut held = desk.list.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, octets) = match &*held {
            Some((next, octets)) if at < *next => (*next, octets.clone()),
            _ => {
                let next = at.plus(desk.list_seconds);
                let octets = Bytes::from(desk.keeper.status_list(at, next)?);
                *held = Some((next, octets.clone()));
                (next, octets)
            }
        };
        Ok((next.seconds().saturating_sub(at.seconds()), octets))
    })
    .await?;
    let head = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CACHE_CONTROL, format!("public, max-age={left}")),
    ];
    Ok((head, octets).into_response())
}

/// Proves that a leaf is in the log, by the first cosigned checkpoint over it, or else the first one.
#[utoipa::path(get, path = "/register/proofs/{index}", params(("index" = u64, Path, description = "Index of the leaf")), responses(
    (status = 200, description = "C2SP tlog-proof, version 1", body = String, content_type = "text/plain"),
    (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn proof(
    Extension(desk): Extension<Arc<Desk>>,
    Path(index): Path<String>,
) -> Result<Response, Problem> {
    let text = blocking(move || {
        current(&desk)?;
        let index: u64 = index
            .parse()
            .map_err(|_| Problem::value("index: must be a number"))?;
        proof_of(&desk, index)?.ok_or_else(|| {
            Problem::new(
                StatusCode::NOT_FOUND,
                "not-found",
                "Not found",
                format_args!("no signed checkpoint covers leaf {index} yet"),
            )
        })
    })
    .await?;
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((kind, text).into_response())
}

/// Heads that are looked at for a cosigned one: as many as are made in ten minutes.
const HEADS: usize = 600;

fn proof_of(desk: &Desk, index: u64) -> Result<Option<String>, Problem> {
    let failed = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "a proof cannot be made");
        Problem::internal()
    };
    let mut heads: Vec<LogHead> = Vec::new();
    let from = index.saturating_add(1);
    desk.log.visit_heads(from, &mut |head| {
        if head.note.is_some() {
            heads.push(head);
        }
        if heads.len() >= HEADS {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    let mut chosen = None;
    for head in heads {
        let said = desk.log.attestations(head.size)?;
        let cosigned = said
            .iter()
            .any(|one| matches!(one, Attestation::Cosignature(_)));
        if cosigned || chosen.is_none() {
            chosen = Some((head, said));
        }
        if cosigned {
            break;
        }
    }
    let Some((head, said)) = chosen else {
        return Ok(None);
    };
    let note = head.note.unwrap_or_default();
    let mut checkpoint = SignedNote::parse(note.as_bytes()).map_err(|e| failed(&e))?;
    for one in said {
        if let Attestation::Cosignature(line) = one {
            let line = NoteSignature::parse(&line).map_err(|e| failed(&e))?;
            checkpoint.add(line).map_err(|e| failed(&e))?;
        }
    }
    // A replica's tiles may be a second behind.
    let mut reader = TileReader::new(&desk.tiles, head.size);
    let hashes = match reader.inclusion(index) {
        Ok(hashes) => hashes,
        Err(error) => {
            tracing::warn!(%error, "a proof cannot be made yet");
            return Ok(None);
        }
    };
    let file = ProofFile {
        extra: None,
        index,
        hashes,
        checkpoint,
    };
    Ok(Some(file.to_string()))
}
