//! What a centre refuses or fails at.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;

use esign_core::keys::{KeyError, KeyErrorKind};
use esign_core::report::{Finding, Indication};

use crate::store::{StoreError, StoreErrorKind};

/// An error of a centre: an object, what is wrong with it, and both values where two differ.
#[derive(Debug)]
pub struct CentreError {
    kind: CentreErrorKind,
    object: String,
    what: String,
    findings: Vec<Finding>,
}

/// What went wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CentreErrorKind {
    /// The folder holds something already.
    Exists,
    /// A file of the folder cannot be read or written.
    Io,
    /// A private key cannot be had, or is not the certificate's.
    Key,
    /// The certificate was refused before anything was signed; see [`CentreError::findings`].
    Lint,
    /// Whoever acts may not do this.
    NotAllowed,
    /// What is asked for does not exist.
    NotFound,
    /// The passphrase is missing or wrong.
    Passphrase,
    /// The request does not prove possession of its key, or cannot be read.
    Request,
    /// The centre is kept by more than one person: profiles or requests demand a second one.
    SecondPerson,
    /// A setting or a file of the centre is not what it should be.
    Settings,
    /// The state of the object does not permit it.
    State,
    /// The store failed.
    Store,
    /// A name, identifier or other value cannot stand in a certificate.
    Value,
}

impl CentreError {
    pub(crate) fn new(
        kind: CentreErrorKind,
        object: impl fmt::Display,
        what: impl fmt::Display,
    ) -> Self {
        Self {
            kind,
            object: object.to_string(),
            what: what.to_string(),
            findings: Vec::new(),
        }
    }

    pub(crate) fn io(path: &Path, error: &io::Error) -> Self {
        Self::new(CentreErrorKind::Io, path.display(), error)
    }

    pub(crate) fn key(object: impl fmt::Display, error: &KeyError) -> Self {
        let kind = match error.kind() {
            KeyErrorKind::PassphraseMissing | KeyErrorKind::PassphraseWrong => {
                CentreErrorKind::Passphrase
            }
            _ => CentreErrorKind::Key,
        };
        Self::new(kind, object, error)
    }

    /// The certificate that lints refused, with every rule that did.
    pub(crate) fn lint(object: impl fmt::Display, report: Vec<Finding>) -> Self {
        let findings: Vec<_> = report
            .into_iter()
            .filter(|f| f.outcome != Indication::Passed)
            .collect();
        let rules: Vec<_> = findings.iter().map(|f| f.rule).collect();
        Self {
            findings,
            ..Self::new(
                CentreErrorKind::Lint,
                object,
                format_args!("is refused by {}", rules.join(", ")),
            )
        }
    }

    /// What went wrong.
    pub const fn kind(&self) -> CentreErrorKind {
        self.kind
    }

    /// The object it is about.
    pub fn object(&self) -> &str {
        &self.object
    }

    /// What is wrong with it.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// The rules that refused a certificate, with the compared values; empty for other kinds.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

impl From<StoreError> for CentreError {
    fn from(error: StoreError) -> Self {
        let kind = match error.kind() {
            StoreErrorKind::NotFound => CentreErrorKind::NotFound,
            StoreErrorKind::NotAllowed => CentreErrorKind::NotAllowed,
            StoreErrorKind::Value => CentreErrorKind::Value,
            _ if error.is_refusal() => CentreErrorKind::State,
            _ => CentreErrorKind::Store,
        };
        let mut what = error.to_string();
        if let Some(source) = error.source() {
            what = format!("{what}: {source}");
        }
        let object = error.object().to_owned();
        let what = what
            .strip_prefix(&format!("{object}: "))
            .unwrap_or(&what)
            .to_owned();
        Self::new(kind, object, what)
    }
}

impl fmt::Display for CentreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.what)
    }
}

impl Error for CentreError {}
