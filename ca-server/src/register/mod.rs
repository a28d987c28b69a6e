//! The register of document codes: bodies and classes, rows that a stolen database does not open, acts
//! and answers.
//!
//! A row is found under a keyed digest of its locator and holds everything else wrapped ([`Vault`]); what
//! everybody may know stands in the register's log. [`Keeper`] does what bodies ask for and answers what
//! everybody asks. On one machine a folder is enough: [`Register`] says whom to trust, [`register`] and
//! [`held`] work on the store beside it.

mod folder;
mod keeper;
mod vault;

pub use self::folder::{
    Class, Entry, FILE, Issuer, Register, Words, code_of_record, held, register,
};
pub use self::keeper::{
    Bulk, Changed, Keeper, KeeperKeys, Looked, MAX_KEEP, MAX_REGISTRATIONS, Order, Registered,
    Registration, Revoked,
};
pub use self::vault::{Vault, VaultError};
