//! Writing the document security store: what is there stays, what is new is added.
//!
//! # Source
//! EN 319 142-1 clauses 5.4.2 and 6.3; ISO 32000-2 12.8.4.3.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::create::file_identifier;
use super::dss::{self, Kind};
use super::error::{PadesError, PadesErrorKind};
use super::fields::Form;
use crate::evidence::Evidence;
use crate::keys::{DigestAlgorithm, Hasher};
use crate::pdf::text;
use crate::pdf::{Compression, Dict, Document, Object, Reference, Update, View};
use crate::source::ReadAt;
use crate::time::UnixTime;

/// The update that adds `material` to the document's store, for all of its signatures and
/// time-stamps; `None` where everything is in it already. It belongs after the file's octets.
///
/// # Errors
/// Not a PDF, broken beyond what readers tolerate, encrypted, or a limit.
pub fn add_validation_data<S: ReadAt>(
    source: &S,
    material: &Evidence,
    at: UnixTime,
) -> Result<Option<Vec<u8>>, PadesError> {
    let document = Document::open(source)?;
    if document.encrypted() {
        return Err(PadesError::new(
            PadesErrorKind::Encrypted,
            "document is encrypted: its store cannot be written without the key",
        ));
    }
    let view = document.current();
    let store = dss::read(view)?;
    let mut known: HashMap<(u8, [u8; 32]), Reference> = HashMap::new();
    for (kind, at, digest) in &store.streams {
        known.entry((number(*kind), *digest)).or_insert(*at);
    }
    let mut update = Update::new(&document)?;
    let mut new = false;
    let mut all: [Vec<Reference>; 3] = Default::default();
    for (kind, der) in pieces(material) {
        let key = (number(kind), sha256(&der));
        let at = match known.get(&key) {
            Some(at) => *at,
            None => {
                new = true;
                let at = update.add_stream(Dict::new(), &der, Compression::Flate)?;
                known.insert(key, at);
                at
            }
        };
        if let Some(list) = all.get_mut(usize::from(number(kind))) {
            list.push(at);
        }
    }
    if !new {
        return Ok(None);
    }
    let mut catalog = view.catalog()?;
    let place = catalog.get("DSS").and_then(Object::as_ref);
    let dss = view.value(&catalog, "DSS")?;
    let mut dss = dss.as_dict().cloned().unwrap_or_default();
    dss.set("Type", Object::name("DSS"));
    for ((_, key, _), added) in Kind::ALL.iter().zip(&all) {
        let list = merged(view, &dss, key, added)?;
        if !list.is_empty() {
            dss.set(key, Object::Array(list));
        }
    }
    let vri = view.value(&dss, "VRI")?;
    let mut vri = vri.as_dict().cloned().unwrap_or_default();
    for name in contents(view)? {
        let entry = view.value(&vri, &name)?;
        let mut entry = entry.as_dict().cloned().unwrap_or_default();
        for ((_, _, key), added) in Kind::ALL.iter().zip(&all) {
            let list = merged(view, &entry, key, added)?;
            if !list.is_empty() {
                entry.set(key, Object::Array(list));
            }
        }
        entry.set("TU", Object::literal(text::date(at)));
        vri.set(&name, Object::Ref(update.add(&Object::Dict(entry))?));
    }
    dss.set("VRI", vri);
    match place {
        Some(at) => update.put(at, &Object::Dict(dss))?,
        None => {
            let at = update.add(&Object::Dict(dss))?;
            catalog.set("DSS", at);
            update.put(view.root()?, &Object::Dict(catalog))?;
        }
    }
    let appended = update.finish(&file_identifier(&document, at, Some("DSS")))?;
    Ok(Some(appended.bytes))
}

fn number(kind: Kind) -> u8 {
    match kind {
        Kind::Certificate => 0,
        Kind::Crl => 1,
        Kind::Ocsp => 2,
    }
}

/// Every piece of the material as it is stored: OCSP responses with their envelope.
fn pieces(material: &Evidence) -> impl Iterator<Item = (Kind, Vec<u8>)> {
    let certificates = material.certificates().iter();
    let certificates = certificates.map(|c| (Kind::Certificate, c.der().to_vec()));
    let crls = material
        .crls()
        .iter()
        .map(|c| (Kind::Crl, c.der().to_vec()));
    let ocsp = material.ocsp().iter();
    let ocsp = ocsp.map(|r| (Kind::Ocsp, r.response_der()));
    certificates.chain(crls).chain(ocsp)
}

/// The array of a dictionary with references behind those that are there.
fn merged(
    view: View<'_>,
    dict: &Dict,
    key: &str,
    added: &[Reference],
) -> Result<Vec<Object>, PadesError> {
    let there = view.value(dict, key)?;
    let mut list = there.as_array().map(<[Object]>::to_vec).unwrap_or_default();
    for at in added {
        if !list.iter().any(|o| o.as_ref() == Some(*at)) {
            list.push((*at).into());
        }
    }
    Ok(list)
}

/// The names of the entries in `/VRI`: SHA-1 over all of `/Contents`, what fills the room included,
/// in upper-case hexadecimal (EN 319 142-1 5.4.2.2; so do EU DSS and pyHanko).
fn contents(view: View<'_>) -> Result<Vec<String>, PadesError> {
    let form = Form::read(view, &view.catalog()?)?;
    let mut names = Vec::new();
    for field in form.signature_fields() {
        let Some(value) = &field.value else { continue };
        let object = view.resolve(value)?;
        let Some(dict) = object.as_dict() else {
            continue;
        };
        let contents = view.value(dict, "Contents")?;
        let Some(contents) = contents.as_string() else {
            continue;
        };
        let digest = Hasher::digest(DigestAlgorithm::Sha1, &contents.bytes);
        let mut name = String::with_capacity(40);
        for octet in digest.as_bytes() {
            let _ = write!(name, "{octet:02X}");
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

fn sha256(octets: &[u8]) -> [u8; 32] {
    let digest = Hasher::digest(DigestAlgorithm::Sha256, octets);
    digest.as_bytes().try_into().unwrap_or([0; 32])
}
