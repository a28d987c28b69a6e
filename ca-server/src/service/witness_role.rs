//! The role `witness`: cosignatures of others' logs by HTTP (C2SP tlog-witness).

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Extension};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use esign_core::keys::SigningKey;
use esign_core::log::NoteKey;
use esign_core::time::UnixTime;

use super::ServiceError;
use super::config::WitnessConfig;
use super::roles::Added;
use crate::witness::{MAX_REQUEST, Refusal, Witness};

/// `POST /witness/add-checkpoint`.
pub(super) fn witness(
    dir: &Path,
    config: &WitnessConfig,
    key: Arc<dyn SigningKey>,
    clock: fn() -> UnixTime,
) -> Result<Added, ServiceError> {
    let logs = config
        .logs
        .iter()
        .map(|text| NoteKey::parse(text).map_err(|e| ServiceError::new("[witness] logs", e)))
        .collect::<Result<Vec<_>, _>>()?;
    if logs.is_empty() {
        return Err(ServiceError::new("[witness] logs", "are none"));
    }
    let witness = Witness::open(&dir.join("witness"), &config.name, key, logs)?;
    tracing::info!(key = %witness.key(), "is a witness");
    Ok(Added {
        routes: Router::new()
            .route("/witness/add-checkpoint", post(add_checkpoint))
            .layer(DefaultBodyLimit::max(MAX_REQUEST))
            .layer(Extension((Arc::new(witness), clock))),
        ..Added::default()
    })
}

type Held = (Arc<Witness>, fn() -> UnixTime);

async fn add_checkpoint(Extension((witness, clock)): Extension<Held>, request: Bytes) -> Response {
    let done = tokio::task::spawn_blocking(move || witness.add_checkpoint(&request, clock())).await;
    let Ok(done) = done else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    // The codes are those of tlog-witness.
    match done {
        Ok(line) => line.into_response(),
        Err(Refusal::Malformed(what)) => (StatusCode::BAD_REQUEST, what).into_response(),
        Err(Refusal::UnknownLog) => StatusCode::NOT_FOUND.into_response(),
        Err(Refusal::Signature) => StatusCode::FORBIDDEN.into_response(),
        Err(Refusal::Conflict { seen }) => {
            let size = HeaderValue::from_static("text/x.tlog.size");
            let head = [(header::CONTENT_TYPE, size)];
            (StatusCode::CONFLICT, head, format!("{seen}\n")).into_response()
        }
        Err(Refusal::Proof) => {
            tracing::error!("a log showed a history that does not follow on what was seen: a fork");
            StatusCode::UNPROCESSABLE_ENTITY.into_response()
        }
        Err(Refusal::Failed(error)) => {
            tracing::error!(%error, "a checkpoint was not cosigned");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
