//! Measurements for Prometheus: requests by address and status, and how long they took. Addresses
//! are those of the routes, so what a client asks for does not become a label.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Extension, MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder,
};

/// The measurements of one process.
pub(super) struct Measurements {
    registry: Registry,
    /// None where the library refused the metric's own name, which a test rules out.
    requests: Option<IntCounterVec>,
    seconds: Option<HistogramVec>,
}

/// Bounds in seconds: from a pre-signed answer to a commit on a slow disk.
const BUCKETS: [f64; 12] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0,
];

impl Measurements {
    /// Beside what the roles have put into `registry`.
    pub(super) fn new(registry: Registry) -> Self {
        let requests = IntCounterVec::new(
            Opts::new(
                "ca_requests_total",
                "Requests answered, by address and status",
            ),
            &["address", "status"],
        )
        .ok();
        let seconds = HistogramVec::new(
            HistogramOpts::new("ca_request_seconds", "How long answers took, by address")
                .buckets(BUCKETS.to_vec()),
            &["address"],
        )
        .ok();
        if let Some(requests) = &requests {
            // Registered once in a registry of its own: the name cannot be taken.
            let _ = registry.register(Box::new(requests.clone()));
        }
        if let Some(seconds) = &seconds {
            let _ = registry.register(Box::new(seconds.clone()));
        }
        Self {
            registry,
            requests,
            seconds,
        }
    }

    pub(super) fn text(&self) -> Result<String, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        String::from_utf8(text).map_err(|error| prometheus::Error::Msg(error.to_string()))
    }
}

/// Counts and times a request.
pub(super) async fn measured(
    Extension(measurements): Extension<Arc<Measurements>>,
    request: Request,
    next: Next,
) -> Response {
    let address = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let method = request.method().clone();
    let begun = Instant::now();
    let response = next.run(request).await;
    let took = begun.elapsed();
    let status = response.status();
    if let Some(requests) = &measurements.requests {
        requests
            .with_label_values(&[address.as_str(), status.as_str()])
            .inc();
    }
    if let Some(seconds) = &measurements.seconds {
        seconds
            .with_label_values(&[address.as_str()])
            .observe(took.as_secs_f64());
    }
    // The route, never the address itself: it may hold an identifier of a person.
    tracing::info!(%method, address, status = status.as_u16(), micros = took.as_micros(), "answered");
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_takes_every_metric() {
        let measurements = Measurements::new(Registry::new());
        measurements
            .requests
            .as_ref()
            .unwrap()
            .with_label_values(&["/ocsp", "200"])
            .inc();
        measurements
            .seconds
            .as_ref()
            .unwrap()
            .with_label_values(&["/ocsp"])
            .observe(0.001);
        let text = measurements.text().unwrap();
        assert!(text.contains("ca_requests_total{address=\"/ocsp\",status=\"200\"} 1"));
        assert!(text.contains("ca_request_seconds_bucket{address=\"/ocsp\",le=\"0.001\"} 1"));
    }
}
