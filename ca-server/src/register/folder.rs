//! The register of document codes in a folder: whose seals count, what their classes are called,
//! and the rows in the centre's store.
//!
//! Whom to trust stands in `register.json` beside the store, for one folder on one machine; the
//! signed trust file and manifest take its place when a register serves a network.

use std::path::Path;

use esign_core::code::{Code, Version};
use esign_core::keys::PublicKey;
use esign_core::register::{Held, IssuerKey, IssuerKeys, Known, Standing};
use esign_core::time::UnixTime;
use serde::{Deserialize, Serialize};

use crate::acts::{Act, Change};
use crate::ids::{Digest, IdempotencyKey, KeyId, Locator, Name};
use crate::records::{Document, DocumentStatus};
use crate::store::{Store, StoreError};

/// Name of the file.
pub const FILE: &str = "register.json";
/// Octets of salt before the box in a row.
const SALT: usize = 16;

/// What a checker knows of bodies and classes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// Form of this file: 1.
    pub version: u32,
    /// Whether its documents are made for trying out.
    pub test: bool,
    /// Host that prints name.
    pub host: String,
    /// Bodies and their keys.
    pub issuers: Vec<Issuer>,
    /// Classes of documents.
    pub classes: Vec<Class>,
}

/// A name in both languages.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Words {
    /// Azerbaijani.
    pub az: String,
    /// English.
    pub en: String,
}

/// A body that issues documents.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Its number.
    pub number: u32,
    /// Its name.
    pub name: Words,
    /// `SubjectPublicKeyInfo` of its sealing key, hexadecimal DER.
    pub spki: String,
    /// Classes that it may issue.
    pub classes: Vec<u32>,
    /// From when.
    pub from: UnixTime,
    /// Until when, inclusive.
    #[serde(default)]
    pub until: Option<UnixTime>,
    /// SHA-256 of the keys by which it is known when it registers over the network, hexadecimal: another
    /// credential than the sealing key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<String>,
}

/// A class of documents.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Its number.
    pub number: u32,
    /// Its name.
    pub name: Words,
    /// Labels of the fields, in print order.
    pub fields: Vec<Words>,
    /// Whether the public log leaves out that a document is of this class.
    #[serde(default)]
    pub sensitive: bool,
    /// Whether its documents are redeemed once.
    #[serde(default)]
    pub single_use: bool,
}

impl Register {
    /// Reads the folder's `register.json`.
    ///
    /// # Errors
    /// A message that names the file and what is wrong with it.
    pub fn load(folder: &Path) -> Result<Self, String> {
        let path = folder.join(FILE);
        let octets = std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let this: Self =
            serde_json::from_slice(&octets).map_err(|e| format!("{}: {e}", path.display()))?;
        if this.version != 1 {
            return Err(format!(
                "{}: version: expected 1, found {}",
                path.display(),
                this.version
            ));
        }
        Ok(this)
    }

    /// The sealing keys that count.
    ///
    /// # Errors
    /// A message that names the body whose key cannot be read.
    pub fn keys(&self) -> Result<IssuerKeys, String> {
        let key = |issuer: &Issuer| {
            let spki = octets_of_hex(&issuer.spki)
                .ok_or_else(|| format!("issuer {}: spki is not hexadecimal", issuer.number))?;
            let key = PublicKey::from_spki(&spki)
                .map_err(|e| format!("issuer {}: {e}", issuer.number))?;
            Ok(IssuerKey {
                key,
                issuer: issuer.number,
                classes: issuer.classes.clone(),
                from: issuer.from,
                until: issuer.until,
            })
        };
        Ok(IssuerKeys(
            self.issuers
                .iter()
                .map(key)
                .collect::<Result<_, String>>()?,
        ))
    }

    /// The class of this number.
    pub fn class(&self, number: u32) -> Option<&Class> {
        self.classes.iter().find(|c| c.number == number)
    }

    /// The body that is known by this key when it registers.
    pub fn issuer_of_client(&self, key: &KeyId) -> Option<&Issuer> {
        let key = key.to_string();
        self.issuers.iter().find(|issuer| {
            issuer
                .clients
                .iter()
                .any(|one| one.eq_ignore_ascii_case(&key))
        })
    }

    /// The body of this number.
    pub fn issuer(&self, number: u32) -> Option<&Issuer> {
        self.issuers.iter().find(|i| i.number == number)
    }
}

/// What the store holds under a code.
///
/// # Errors
/// The store's own.
pub fn held(store: &dyn Store, code: &Code) -> Result<Known, StoreError> {
    let Some(found) = store.document(&Locator(code.keys().locator()))? else {
        return Ok(Known::Absent);
    };
    let Some((salt, sealed)) = found.document.sealed.split_first_chunk::<SALT>() else {
        return Ok(Known::Absent);
    };
    Ok(Known::Held(Held {
        salt: *salt,
        sealed: sealed.to_vec(),
        digest: found.document.digest.0,
        standing: match found.status.status {
            DocumentStatus::InForce => Standing::InForce,
            DocumentStatus::Revoked => Standing::Revoked,
            DocumentStatus::Superseded { .. } => Standing::Superseded,
            DocumentStatus::Suspended => Standing::Suspended,
            DocumentStatus::Used => Standing::Used,
        },
        since: found.status.since,
    }))
}

/// The code of a record that the store knows, in whichever version; the production one where it
/// knows neither.
///
/// # Errors
/// The store's own.
pub fn code_of_record(store: &dyn Store, record: &[u8]) -> Result<Code, StoreError> {
    for version in Version::ALL {
        let code = Code::of_record(version, record);
        if store.document(&Locator(code.keys().locator()))?.is_some() {
            return Ok(code);
        }
    }
    Ok(Code::of_record(Version::Production, record))
}

/// A document to be registered.
pub struct Entry<'a> {
    /// Its code.
    pub code: &'a Code,
    /// Salt of the box.
    pub salt: [u8; SALT],
    /// The box.
    pub sealed: &'a [u8],
    /// The record's digest.
    pub digest: [u8; 32],
    /// The body.
    pub issuer: Name,
    /// Class of document.
    pub class: u32,
    /// The body's own key for this registration.
    pub idempotency_key: [u8; 16],
}

/// Registers a document.
///
/// # Errors
/// The store's own: the same key with another document is a conflict.
pub fn register(store: &dyn Store, entry: &Entry<'_>, at: UnixTime) -> Result<(), StoreError> {
    let document = Document {
        locator: Locator(entry.code.keys().locator()),
        sealed: [entry.salt.as_slice(), entry.sealed].concat(),
        digest: Digest(entry.digest),
        issuer: entry.issuer.clone(),
        class: entry.class,
        idempotency_key: IdempotencyKey(entry.idempotency_key),
    };
    let change = Change::RegisterDocument(document);
    store.commit(vec![Act {
        by: entry.issuer.clone(),
        at,
        why: String::new(),
        change,
    }])?;
    Ok(())
}

fn octets_of_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let digit = |b: u8| {
        char::from(b)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    pairs
        .iter()
        .map(|[a, b]| Some(digit(*a)? << 4 | digit(*b)?))
        .collect()
}
