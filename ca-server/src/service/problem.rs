//! Problem documents (RFC 9457): every refusal in one shape.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{CentreError, CentreErrorKind};
use crate::store::{StoreError, StoreErrorKind};

/// What was refused, and why.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// What kind of problem: `urn:esign:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The stable code, such as `not-allowed`.
    code: &'static str,
    /// The kind in words.
    title: &'static str,
    /// HTTP status.
    status: u16,
    /// The object, what is wrong, and both values.
    detail: String,
    /// For a certificate that lints refused: the rules that did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<String>,
}

impl Problem {
    /// A problem with a status, its code, and what it is about.
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl std::fmt::Display,
    ) -> Self {
        Self {
            kind: format!("urn:esign:problem:{code}"),
            code,
            title,
            status: status.as_u16(),
            detail: detail.to_string(),
            findings: Vec::new(),
        }
    }

    pub(crate) fn unknown_client(detail: impl std::fmt::Display) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unknown-client",
            "A client certificate of an officer is needed",
            detail,
        )
    }

    pub(crate) fn not_allowed(detail: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::FORBIDDEN, "not-allowed", "Not allowed", detail)
    }

    pub(crate) fn value(detail: impl std::fmt::Display) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "value",
            "A value cannot be used",
            detail,
        )
    }

    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "A defect of this program",
            "the log of the service says more",
        )
    }
}

impl From<CentreError> for Problem {
    fn from(error: CentreError) -> Self {
        use CentreErrorKind as K;
        let (status, code, title) = match error.kind() {
            K::NotAllowed | K::SecondPerson => {
                (StatusCode::FORBIDDEN, "not-allowed", "Not allowed")
            }
            K::NotFound => (StatusCode::NOT_FOUND, "not-found", "Not found"),
            K::Exists | K::State => (
                StatusCode::CONFLICT,
                "state",
                "The state does not permit it",
            ),
            K::Lint => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "lint",
                "The certificate would break a rule, and nothing was signed",
            ),
            K::Request => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "request",
                "The request cannot be accepted",
            ),
            K::Value => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "value",
                "A value cannot be used",
            ),
            K::Io | K::Key | K::Passphrase | K::Settings | K::Store => {
                // What failed inside is for the operator's log.
                tracing::error!(%error, "an act failed");
                return Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "unavailable",
                    "The centre cannot do this now",
                    "the log of the service says more; the same may be asked again",
                );
            }
        };
        let findings = error
            .findings()
            .iter()
            .map(|finding| finding.rule.to_string())
            .collect();
        Self {
            findings,
            ..Self::new(status, code, title, error)
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error.kind() {
            StoreErrorKind::Value => Self::value(error),
            _ => CentreError::from(error).into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        response
    }
}
