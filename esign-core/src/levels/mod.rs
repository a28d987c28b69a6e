//! From a signature to one that lasts: B-T, B-LT, B-LTA, in one call or added later, to signatures of
//! others too.
//!
//! [`sign_pdf`] and [`sign_cms`] sign at a level; [`extend_pdf`] and [`extend_cms`] bring signatures
//! that are there to one, or renew their archive time-stamp. What they need from outside they are
//! given as [`Services`].
//!
//! # Source
//! EN 319 122-1 clause 6, EN 319 142-1 clause 6; EN 319 102-1 for what has to be there.

mod cms;
mod material;
mod pdf;

use core::fmt;

pub use cms::{extend_cms, sign_cms};
pub use material::complete;
pub use pdf::{extend_pdf, sign_pdf};

use crate::cades::CadesError;
use crate::evidence::Evidence;
use crate::fetch::{Fetch, FetchError};
use crate::keys::{Digest, KeyError, SigningKey};
use crate::pades::PadesError;
use crate::policy::Policy;
use crate::report::{Finding, SubIndication};
use crate::time::UnixTime;
use crate::trust::TrustAnchors;
use crate::tsp;
use crate::validation::{Missing, SignatureReport};
use crate::x509::Certificate;

/// A baseline level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Signed.
    B,
    /// With a time-stamp over the signature.
    T,
    /// With all that is needed to validate it, the authorities' paths included.
    Lt,
    /// With a time-stamp over all of that, which can be renewed.
    Lta,
}

impl Level {
    /// `B-B`, `B-T`, `B-LT`, `B-LTA`.
    pub fn name(self) -> &'static str {
        match self {
            Self::B => "B-B",
            Self::T => "B-T",
            Self::Lt => "B-LT",
            Self::Lta => "B-LTA",
        }
    }
}

/// Who signs.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    /// The key.
    pub key: &'a dyn SigningKey,
    /// Its certificate.
    pub certificate: &'a Certificate,
}

/// What is needed from outside to reach a level.
#[derive(Clone, Copy)]
pub struct Services<'a> {
    /// Makes a time-stamp over a digest: [`crate::fetch::time_stamp`], or an authority at hand.
    pub stamp: &'a (dyn Fn(&Digest) -> Result<tsp::Timestamp, FetchError> + Sync),
    /// Gets certificates and status; without it what is given must do.
    pub fetch: Option<&'a dyn Fetch>,
    /// The time now; asked again after each time-stamp.
    pub clock: &'a (dyn Fn() -> UnixTime + Sync),
    /// Whom to trust: material is collected for paths that end there.
    pub anchors: &'a TrustAnchors,
    /// What is known already.
    pub evidence: &'a Evidence,
    /// By what the paths are judged.
    pub policy: &'a Policy,
}

/// Why a level was not reached. Nothing was written then.
#[derive(Debug)]
pub enum LevelError {
    /// Reading or writing CMS.
    Cades(CadesError),
    /// Reading or writing PDF.
    Pades(PadesError),
    /// The key refused.
    Key(KeyError),
    /// No time-stamp was to be had.
    Fetch(FetchError),
    /// A signature, or one of its time-stamps, does not hold: it would be preserved for nothing.
    Unsound {
        /// Which signature.
        name: String,
        /// The standard's name for why.
        sub: Option<SubIndication>,
        /// What decided.
        finding: Option<Box<Finding>>,
    },
    /// What validation needs is not at hand, and was not to be had.
    Missing {
        /// Which signature.
        name: String,
        /// What.
        missing: Vec<Missing>,
        /// What went wrong on the way.
        errors: Vec<FetchError>,
    },
    /// There is no signature.
    NoSignature,
}

impl fmt::Display for LevelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cades(e) => e.fmt(f),
            Self::Pades(e) => e.fmt(f),
            Self::Key(e) => e.fmt(f),
            Self::Fetch(e) => write!(f, "time-stamp: {e}"),
            Self::Unsound { name, sub, finding } => {
                write!(f, "signature \"{name}\" does not hold")?;
                if let Some(sub) = sub {
                    write!(f, ": {sub:?}")?;
                }
                if let Some(finding) = finding {
                    write!(f, " by {} {}", finding.rule, finding.object)?;
                }
                Ok(())
            }
            Self::Missing {
                name,
                missing,
                errors,
            } => {
                write!(f, "signature \"{name}\": not at hand:")?;
                for m in missing {
                    write!(f, " {} of \"{}\" by \"{}\";", m.what, m.of, m.issuer)?;
                }
                for e in errors {
                    write!(f, " {e};")?;
                }
                Ok(())
            }
            Self::NoSignature => f.write_str("there is no signature"),
        }
    }
}

impl std::error::Error for LevelError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Cades(e) => Some(e),
            Self::Pades(e) => Some(e),
            Self::Key(e) => Some(e),
            Self::Fetch(e) => Some(e),
            _ => None,
        }
    }
}

impl From<CadesError> for LevelError {
    fn from(e: CadesError) -> Self {
        Self::Cades(e)
    }
}

impl From<PadesError> for LevelError {
    fn from(e: PadesError) -> Self {
        Self::Pades(e)
    }
}

impl From<KeyError> for LevelError {
    fn from(e: KeyError) -> Self {
        Self::Key(e)
    }
}

impl From<FetchError> for LevelError {
    fn from(e: FetchError) -> Self {
        Self::Fetch(e)
    }
}

/// Whether a signature has a time-stamp over its value that verifies.
fn is_stamped(report: &SignatureReport) -> bool {
    !matches!(report.level, "B-B" | "none")
}
