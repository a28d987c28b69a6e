//! Keys: algorithms, public keys and verification, signing keys and how they are kept.
//!
//! Which cryptographic library does what is decided in the one `match` of each operation: ring
//! by default, aws-lc-rs for what ring lacks or does several times slower, and for private keys,
//! which it wipes; RustCrypto and num-bigint for what is verified only and neither has.

mod algorithm;
mod brainpool;
mod digest;
mod dsa;
mod mldsa;
mod pbe;
mod pem;
mod pkcs1;
mod pkcs12;
mod pkcs12_write;
mod pkcs8;
mod private;
mod private_der;
mod pss;
mod public;
mod secret;
mod signing;
mod weak;

pub use algorithm::{Curve, DigestAlgorithm, KeyAlgorithm, SignatureAlgorithm};
pub(crate) use digest::digest_of_set;
pub use digest::{Digest, Hasher};
pub use mldsa::MlDsa;
pub use pkcs8::Kdf;
pub use pkcs12::{Pkcs12, Pkcs12Certificate, Pkcs12Key};
pub use pkcs12_write::Pkcs12Integrity;
pub use private::{KeySpec, PrivateKey};
pub use public::{PublicKey, VerifyError};
pub use secret::Passphrase;
pub use signing::{KeyError, KeyErrorKind, Random, SigningKey, ToBeSigned};
pub(crate) use weak::on_curve;
pub use weak::{MAX_BATCH, Weakness, shared_factors, weaknesses};
