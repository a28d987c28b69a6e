//! Whether the process lives, whether it can serve, and its measurements.

use std::sync::Arc;

use axum::extract::Extension;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use super::measure::Measurements;
use super::problem::Problem;
use crate::life::Life;

/// `GET /healthz`: the process is alive and answers. `GET /readyz`: its store answers, too.
/// `GET /metrics`: measurements for Prometheus.
pub(super) fn routes(life: Option<Life>, measurements: Arc<Measurements>) -> Router {
    Router::new()
        .route("/healthz", get(async || Json(Health { status: "ok" })))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .layer(Extension(life))
        .layer(Extension(measurements))
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

async fn ready(Extension(life): Extension<Option<Life>>) -> Response {
    let Some(life) = life else {
        return Json(Health { status: "ready" }).into_response();
    };
    let asked = tokio::task::spawn_blocking(move || life.store().issuers()).await;
    match asked {
        Ok(Ok(issuers)) if !issuers.is_empty() => Json(Health { status: "ready" }).into_response(),
        Ok(Ok(_)) => unready("the store has no issuer yet"),
        Ok(Err(error)) => {
            tracing::error!(%error, "the store does not answer");
            unready("the store does not answer; the log says more")
        }
        Err(_) => unready("the check stopped"),
    }
}

fn unready(what: &str) -> Response {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "not-ready",
        "The service cannot serve now",
        what,
    )
    .into_response()
}

async fn metrics(Extension(measurements): Extension<Arc<Measurements>>) -> Response {
    match measurements.text() {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "measurements cannot be written");
            Problem::internal().into_response()
        }
    }
}
