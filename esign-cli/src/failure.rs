//! How a command ends.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

/// Exit codes of the command-line contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: passed or done.
    Passed,
    /// 1: the answer is no.
    Failed,
    /// 2: usage or I/O; nothing was changed.
    Usage,
    /// 3: the answer is open.
    Indeterminate,
}

/// An error for people: what is wrong with which object, and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Exit {
    /// The worse of two, in the order 2, 1, 3, 0.
    pub(crate) fn worse(self, other: Self) -> Self {
        let rank = |e| match e {
            Self::Passed => 0,
            Self::Indeterminate => 1,
            Self::Failed => 2,
            Self::Usage => 3,
        };
        if rank(other) > rank(self) {
            other
        } else {
            self
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Passed => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Indeterminate => 3,
        })
    }
}

impl Failure {
    /// Usage or I/O.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            message: message.into(),
            hint: None,
        }
    }

    /// An I/O error and what it befell.
    pub(crate) fn io(what: &str, error: &io::Error) -> Self {
        Self::new(format!("{what}: {}", lower(&error.to_string())))
    }

    /// An error about a file.
    pub(crate) fn about(file: &dyn Display, error: &dyn Display) -> Self {
        Self::new(format!("{file}: {error}"))
    }

    /// Says which file it befell.
    pub(crate) fn within(mut self, file: &std::path::Path) -> Self {
        self.message = format!("{}: {}", file.display(), self.message);
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what to do next, where there is something.
    #[must_use]
    pub(crate) fn and_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    pub(crate) fn print(&self) {
        eprintln!("esign: error: {}", self.message);
        if let Some(hint) = &self.hint {
            eprintln!("esign: hint: {hint}");
        }
    }
}

/// The system's messages begin with a capital; ours do not.
fn lower(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_exit_wins() {
        use Exit::{Failed, Indeterminate, Passed, Usage};
        for (a, b, worst) in [
            (Passed, Indeterminate, Indeterminate),
            (Indeterminate, Failed, Failed),
            (Failed, Usage, Usage),
            (Usage, Passed, Usage),
        ] {
            assert_eq!(a.worse(b), worst);
            assert_eq!(b.worse(a), worst);
        }
    }
}
