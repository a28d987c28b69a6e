//! Keys on cards, tokens and HSMs, through PKCS #11.
//!
//! A `pkcs11:` URI says which module, token and object is meant; [`TokenKey::open`] finds the key, logs
//! in, and gives a [`SigningKey`](crate::keys::SigningKey). Certificates that lie beside the key come
//! with it.
//!
//! The module is foreign code in this process, and the token a device that comes and goes; that is why
//! this is a feature (`pkcs11`), and the one place of the library that opens a file: the module.
//! PINs come from whoever asks for the key; no PIN is ever sent as the last try before the token locks
//! unless that is asked for in so many words ([`Pin::even_as_last_try`]).
//!
//! # Source
//! PKCS #11 Cryptographic Token Interface Base Specification 2.40 and 3.0; RFC 7512 (URIs).

mod certificate;
mod device;
mod fault;
mod identity;
mod key;
mod mechanism;
mod module;
mod objects;
mod pin;
mod uri;

pub use certificate::{MAX_CHAIN, TokenCertificate};
pub use device::{MAX_SESSIONS, Token};
pub use identity::TokenIdentity;
pub use key::{KeyWanted, TokenKey};
pub use module::ModuleSearch;
pub use objects::{MAX_OBJECTS, TokenKeyEntry};
pub use pin::{AskPin, Pin, PinRequest, PinTries};
pub use uri::{MAX_URI, ObjectType, TokenUri, is_token_uri};
