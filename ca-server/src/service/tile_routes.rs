//! A log by HTTP (C2SP tlog-tiles): its checkpoint, its tiles, its entries.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, Path};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use esign_core::log::{TileId, TileStore};

use crate::audit::DirectoryTiles;

/// `GET /checkpoint` and `GET /tile/…` of the log in a folder.
pub(super) fn routes(tiles: DirectoryTiles) -> Router {
    Router::new()
        .route("/checkpoint", get(checkpoint))
        .route("/tile/{*path}", get(tile))
        .layer(Extension(Arc::new(tiles)))
}

async fn checkpoint(Extension(tiles): Extension<Arc<DirectoryTiles>>) -> Response {
    let read = tokio::task::spawn_blocking(move || tiles.checkpoint()).await;
    match read {
        Ok(Ok(Some(note))) => answer(note.into_bytes(), "text/plain; charset=utf-8", "no-cache"),
        Ok(Ok(None)) => StatusCode::NOT_FOUND.into_response(),
        Ok(Err(error)) => {
            tracing::error!(%error, "the checkpoint cannot be read");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn tile(
    Extension(tiles): Extension<Arc<DirectoryTiles>>,
    Path(path): Path<String>,
) -> Response {
    // Only what is the path of a tile reaches the disk.
    let Some(id) = TileId::parse(&format!("tile/{path}")) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let read = tokio::task::spawn_blocking(move || tiles.read(&id)).await;
    match read {
        // Tiles never change, partial ones neither.
        Ok(Ok(Some(octets))) => answer(
            octets,
            "application/octet-stream",
            "public, max-age=31536000, immutable",
        ),
        Ok(Ok(None)) => StatusCode::NOT_FOUND.into_response(),
        Ok(Err(error)) => {
            tracing::error!(%error, "a tile cannot be read");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn answer(octets: Vec<u8>, kind: &'static str, cache: &'static str) -> Response {
    let mut response = octets.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    // Whoever checks a proof in a browser needs them too; they are public.
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    response
}
