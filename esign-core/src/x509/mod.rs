//! Certificates, their names and extensions, requests, profiles, and issuing.
//!
//! [`Certificate`] keeps the received octets and decodes strictly; extensions are decoded when
//! they are asked for, so that one that is malformed is visible where it matters and a
//! certificate with an unknown key can still be looked at.
//!
//! # Source
//! RFC 5280; RFC 2986 (requests); EN 319 412-1 to -5 (profiles).

mod certificate;
mod extension;
mod general_name;
mod identity;
mod issue;
mod lint;
mod lint_keys;
mod name;
mod name_builder;
mod named;
mod pem;
mod profile;
mod request;
mod serial;
mod signed;

pub use certificate::{Certificate, UnknownAlgorithm};
pub use extension::{
    AccessDescription, AuthorityKeyIdentifier, BasicConstraints, DistributionPoint, Extension,
    GeneralSubtree, KeyUsage, NameConstraints, PolicyInformation, QcStatement,
};
pub(crate) use extension::{Extensions, distribution_point_name};
pub use general_name::GeneralName;
pub use identity::{
    Fin, Host, Identity, NaturalPerson, Organization, OrganizationIdentifier, OrganizationScheme,
    PersonIdentifier, Voen,
};
pub use issue::{Draft, Issuer, Linted, Order};
pub use lint::lint;
pub use lint_keys::{KEY_RULES, KeyHit, lint_keys};
pub(crate) use name::string as directory_string;
pub use name::{Attribute, Name};
pub use name_builder::{BuildError, NameBuilder};
pub(crate) use named::{FEW, HasName, Named};
pub use pem::{certificates, pem_blocks, to_pem};
pub use profile::{
    Disclosure, Profile, QualifiedKind, QualifiedStatements, StatusLocation, SubjectKind,
};
pub use request::{ProvenKey, Request, RequestError, UnsignedRequest};
pub use serial::SerialNumber;
pub(crate) use signed::Signed;
