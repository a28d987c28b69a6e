//! The list of a root off line, as the centre serves it: a file that is only ever replaced by a newer one.

use std::path::Path;

use esign_core::crl::Crl;
use esign_core::time::UnixTime;
use esign_core::x509::{Certificate, SerialNumber};

use super::paper::Paper;
use crate::error::{CentreError, CentreErrorKind};
use crate::files::{self, Secrecy};

/// A list that a root signed.
#[derive(Clone, Debug)]
pub struct RootList(Crl);

impl RootList {
    /// The list in the file at `path`; none where there is no file.
    ///
    /// # Errors
    /// It is no list, or not of this root.
    pub fn read(path: &Path, root: &Certificate) -> Result<Option<Self>, CentreError> {
        if !path.exists() {
            return Ok(None);
        }
        let octets = files::read(path)?;
        let list = Crl::from_der(&octets)
            .map_err(|e| CentreError::new(CentreErrorKind::Io, path.display(), e))?;
        Self::of(list, root).map(Some)
    }

    /// The list in a paper.
    ///
    /// # Errors
    /// It is not of this root.
    pub fn from_paper(paper: &Paper, root: &Certificate) -> Result<Self, CentreError> {
        Self::of(paper.list(0)?, root)
    }

    pub(super) fn of(list: Crl, root: &Certificate) -> Result<Self, CentreError> {
        let wrong = |what: &dyn std::fmt::Display| {
            CentreError::new(
                CentreErrorKind::Request,
                format_args!("list of {}", list.issuer()),
                what,
            )
        };
        if list.issuer() != root.subject() {
            return Err(wrong(&format_args!("the root is {}", root.subject())));
        }
        let key = root.public_key().map_err(|e| wrong(&e))?;
        list.verify_signed_by(key)
            .map_err(|e| wrong(&format_args!("is not signed by the root: {e}")))?;
        if list.number().map_err(|e| wrong(&e))?.is_none() || list.next_update().is_none() {
            return Err(wrong(&"has no number, or no next update"));
        }
        Ok(Self(list))
    }

    /// Puts it into the file at `path`, in the place of an older one.
    ///
    /// # Errors
    /// What is there is as new or newer, or is not of this root; the file cannot be written.
    pub fn publish(&self, path: &Path, root: &Certificate) -> Result<(), CentreError> {
        if let Some(before) = Self::read(path, root)?
            && !before.number().is_below(&self.number())
        {
            return Err(CentreError::new(
                CentreErrorKind::State,
                path.display(),
                format_args!(
                    "has list {}, and the new one is {}: an older list would take back revocations",
                    before.number(),
                    self.number()
                ),
            ));
        }
        files::write(path, self.0.der(), Secrecy::Public)
    }

    /// Its number.
    pub fn number(&self) -> SerialNumber {
        let number = self.0.number().ok().flatten();
        // Looked at when it was read.
        number.unwrap_or_else(|| SerialNumber::from_magnitude(&[0]))
    }

    /// When the next one is due.
    pub fn next_update(&self) -> UnixTime {
        self.0.next_update().unwrap_or(self.0.this_update())
    }

    /// When it was made.
    pub fn this_update(&self) -> UnixTime {
        self.0.this_update()
    }

    /// Whether it says that this certificate, which the root issued, is revoked.
    ///
    /// # Errors
    /// The list cannot be read to its end.
    pub fn revokes(&self, certificate: &Certificate) -> Result<bool, CentreError> {
        let found = self.0.find(certificate.serial());
        found
            .map(|found| found.is_some())
            .map_err(|e| CentreError::new(CentreErrorKind::Request, "list of the root", e))
    }
}
