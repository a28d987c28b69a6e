//! The certification centre: what changes its state ([`acts`]), where that is kept ([`store`]) and,
//! behind the default feature `http`, the service that speaks to the world (`service`).
//!
//! Whoever changes anything does so by an [`acts::Act`], which says who, when, why and what, and is
//! written together with its audit entry in one transaction. Nothing there has a clock or makes random
//! numbers: times, serial numbers and identifiers are passed in. [`centre`] draws them, and has no
//! clock either.
//!
//! Without `http` this is the library under `esign ca …`: one store and one set of rules.

pub mod acts;
pub mod audit;
pub mod centre;
pub mod ceremony;
mod error;
mod files;
pub mod ids;
pub mod life;
pub mod officers;
#[cfg(feature = "http")]
mod pace;
pub mod records;
pub mod register;
#[cfg(feature = "http")]
pub mod service;
mod settings;
pub mod setup;
pub mod status;
pub mod store;
pub mod tsa;
pub mod witness;
