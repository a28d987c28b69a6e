//! What a store refuses or fails at.

use std::error::Error;
use std::fmt;

/// An error of the store: an object, what is wrong with it, and both values where two differ.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    object: String,
    what: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What went wrong. The first group is a rule that the caller's act breaks; nothing of its batch was
/// written. The second is the store's surroundings; the same may work later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The same key is taken by other contents, or the version has moved on.
    Conflict,
    /// The lease that it was done under is over: another process may do this work now.
    Fenced,
    /// What the act speaks of does not exist.
    NotFound,
    /// The person acting may not do this (again): for example, approve his own request.
    NotAllowed,
    /// The state of the object does not permit the act.
    State,
    /// The act's time or number is not after the one before.
    Order,
    /// Issuance is stopped.
    Stopped,
    /// A value is out of its range, whatever the state.
    Value,

    /// Another process holds the store for longer than the wait allows.
    Busy,
    /// The store is shutting down, or its writer has stopped.
    Closed,
    /// The file is damaged.
    Corrupt,
    /// No space is left.
    Full,
    /// Reading or writing failed.
    Io,
    /// The file belongs to another program.
    NotOurs,
    /// The file was written by a newer version of this program.
    NewerSchema,
    /// The file or its folder cannot be written.
    ReadOnly,
    /// A defect of this program.
    Bug,
}

impl StoreError {
    pub(crate) fn new(
        kind: StoreErrorKind,
        object: impl fmt::Display,
        what: impl fmt::Display,
    ) -> Self {
        Self {
            kind,
            object: object.to_string(),
            what: what.to_string(),
            source: None,
        }
    }

    pub(crate) fn value(object: impl fmt::Display, what: impl fmt::Display) -> Self {
        Self::new(StoreErrorKind::Value, object, what)
    }

    #[must_use]
    pub(crate) fn because(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// The same error for one more of the callers that share a transaction.
    pub(crate) fn repeated(&self) -> Self {
        let mut what = self.what.clone();
        if let Some(source) = &self.source {
            what = format!("{what}: {source}");
        }
        Self {
            kind: self.kind,
            object: self.object.clone(),
            what,
            source: None,
        }
    }

    /// What went wrong.
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// The object it is about, such as `certificate 1f2e3d4c…/07a1`.
    pub fn object(&self) -> &str {
        &self.object
    }

    /// Whether an act broke a rule (and would again), rather than the store failing.
    pub const fn is_refusal(&self) -> bool {
        matches!(
            self.kind,
            StoreErrorKind::Conflict
                | StoreErrorKind::Fenced
                | StoreErrorKind::NotFound
                | StoreErrorKind::NotAllowed
                | StoreErrorKind::State
                | StoreErrorKind::Order
                | StoreErrorKind::Stopped
                | StoreErrorKind::Value
        )
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.what)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}
