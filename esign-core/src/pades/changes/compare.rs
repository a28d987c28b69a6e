//! Whether two values say the same, and where they differ.

use std::collections::{BTreeMap, BTreeSet};

use crate::pdf::limits::MAX_OBJECT_BYTES;
use crate::pdf::{Dict, Object, PdfError, View, write_object};

/// Keys whose values differ, as text.
pub(super) fn differing(old: &Dict, new: &Dict) -> Vec<String> {
    fn all(dict: &Dict) -> BTreeMap<&[u8], Vec<&Object>> {
        let mut map: BTreeMap<&[u8], Vec<&Object>> = BTreeMap::new();
        for entry in dict.entries() {
            map.entry(&entry.key.0).or_default().push(&entry.value);
        }
        map
    }
    let (a, b) = (all(old), all(new));
    let keys: BTreeSet<&[u8]> = a.keys().chain(b.keys()).copied().collect();
    // A key that stands twice is read differently by different readers.
    let twice = |k: &[u8]| b.get(k).is_some_and(|v| v.len() > 1);
    keys.into_iter()
        .filter(|k| a.get(k) != b.get(k) || twice(k))
        .map(|k| match (twice(k), std::str::from_utf8(k)) {
            (false, Ok(text)) => text.to_owned(),
            _ => format!("{} (ambiguous)", String::from_utf8_lossy(k)),
        })
        .collect()
}

/// The dictionary of an object; empty where it has none.
pub(super) fn dict(object: &Object) -> Dict {
    object.as_dict().cloned().unwrap_or_default()
}

/// The name under `/Type`.
pub(super) fn type_of(object: &Object) -> Option<Vec<u8>> {
    let name = object.as_dict().and_then(|d| d.get("Type"));
    name.and_then(Object::as_name).map(<[u8]>::to_vec)
}

/// The value as text, by which it is found in a set.
pub(super) fn key(object: &Object) -> Vec<u8> {
    let mut out = Vec::new();
    write_object(&mut out, object);
    out
}

/// Whether two objects say the same; streams by their encoded octets.
pub(super) fn same_content(
    before: View<'_>,
    old: &Object,
    after: View<'_>,
    new: &Object,
) -> Result<bool, PdfError> {
    match (old, new) {
        (Object::Stream(a), Object::Stream(b)) => Ok(a.dict == b.dict
            && (a.data == b.data
                || before.raw_data(a, stream_limit())? == after.raw_data(b, stream_limit())?)),
        _ => Ok(old == new),
    }
}

/// Stream data that are compared; larger ones would be an object beyond every other limit.
fn stream_limit() -> usize {
    usize::try_from(MAX_OBJECT_BYTES).unwrap_or(usize::MAX)
}
