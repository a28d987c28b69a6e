//! The signature dictionary (ISO 32000-2 table 255), with room for what is known only later.

use std::ops::Range;

use super::Parameters;
use crate::pades::fields::Scope;
use crate::pdf::text;
use crate::pdf::{Dict, Object, Reference};

/// A dictionary as octets, with the places that are filled in last.
pub(super) struct Reserved {
    pub(super) octets: Vec<u8>,
    /// The numbers of `/ByteRange` after the first, blanks so far.
    pub(super) byte_range: Range<usize>,
    /// The hexadecimal digits of `/Contents`, zeros so far.
    pub(super) digits: Range<usize>,
}

/// The dictionary of a document time-stamp (EN 319 142-1 5.4.3): no time, place or reason of its own.
pub(super) fn timestamp_dictionary(room: usize) -> Reserved {
    let mut reserved = reserve(
        "/Type/DocTimeStamp/Filter/Adobe.PPKLite/SubFilter/ETSI.RFC3161",
        room,
    );
    reserved.octets.extend(b">>");
    reserved
}

/// The beginning of a dictionary up to `/Contents`, with its places kept free.
fn reserve(head: &str, room: usize) -> Reserved {
    let mut out = Vec::with_capacity(room * 2 + 512);
    out.extend(b"<<");
    out.extend(head.as_bytes());
    out.extend(b"/ByteRange[0");
    let range_at = out.len();
    // Three numbers of up to 19 digits each with a space before.
    out.extend([b' '; 60]);
    let byte_range = range_at..out.len();
    out.extend(b"]/Contents<");
    let digits_at = out.len();
    out.resize(digits_at + room * 2, b'0');
    let digits = digits_at..out.len();
    out.push(b'>');
    Reserved {
        octets: out,
        byte_range,
        digits,
    }
}

/// A signature dictionary with its places kept free; `lock` is that of the field.
pub(super) fn signature_dictionary(
    p: &Parameters,
    catalog_at: Reference,
    room: usize,
    lock: Option<(Scope, Option<u8>)>,
) -> Reserved {
    let head = "/Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached";
    let mut reserved = reserve(head, room);
    let out = &mut reserved.octets;
    let mut rest = Dict::new();
    rest.set("M", Object::literal(text::date(p.signing_time)));
    for (key, value) in [
        ("Reason", &p.reason),
        ("Location", &p.location),
        ("ContactInfo", &p.contact),
    ] {
        if let Some(value) = value {
            rest.set(key, Object::literal(text::encode(value)));
        }
    }
    let mut references = Vec::new();
    if let Some(permission) = p.certify {
        let mut transform = Dict::new();
        transform.set("Type", Object::name("TransformParams"));
        transform.set("V", Object::name("1.2"));
        transform.set("P", i64::from(permission.number()));
        references.push(reference(catalog_at, "DocMDP", transform));
    }
    if let Some((scope, permission)) = lock {
        let mut transform = Dict::new();
        transform.set("Type", Object::name("TransformParams"));
        transform.set("V", Object::name("1.2"));
        let (action, names) = match scope {
            Scope::All => ("All", None),
            Scope::Include(names) => ("Include", Some(names)),
            Scope::Exclude(names) => ("Exclude", Some(names)),
        };
        transform.set("Action", Object::name(action));
        // Required but for All, though it may be empty (table 258).
        if let Some(names) = names {
            let strings = names
                .iter()
                .map(|n| Object::literal(text::encode(n)))
                .collect();
            transform.set("Fields", Object::Array(strings));
        }
        // Not of the standard's table; Acrobat writes and reads it here.
        if let Some(permission) = permission {
            transform.set("P", i64::from(permission));
        }
        references.push(reference(catalog_at, "FieldMDP", transform));
    }
    if !references.is_empty() {
        rest.set("Reference", Object::Array(references));
    }
    for entry in rest.entries() {
        crate::pdf::write_object(out, &Object::Name(entry.key.clone()));
        crate::pdf::write_object(out, &entry.value);
    }
    out.extend(b">>");
    reserved
}

fn reference(catalog_at: Reference, method: &str, parameters: Dict) -> Object {
    let mut reference = Dict::new();
    reference.set("Type", Object::name("SigRef"));
    reference.set("TransformMethod", Object::name(method));
    reference.set("TransformParams", parameters);
    // ISO 32000-2 table 256: required for FieldMDP; readers look for it in both.
    reference.set("Data", catalog_at);
    Object::Dict(reference)
}
