//! The canonical octets of one audit entry: what is hashed into the log.

use esign_core::log::MAX_ENTRY;

use super::AuditError;
use crate::ids::Digest;
use crate::records::AuditEntry;

/// The version of the form, the first member of every leaf.
pub const LEAF_VERSION: u32 = 1;

/// The octets of `entry` in the log: JSON without white space, members in fixed order, the body as it
/// is stored. Where that is longer than a log's entry may be (65,535 octets), the body's SHA-256 digest stands for it.
///
/// Two different entries never have the same octets: everything before the body is unambiguous, and
/// the body is all that is left.
///
/// # Errors
/// None that an entry of the store can bring about: strings are always written.
pub fn leaf(entry: &AuditEntry) -> Result<Vec<u8>, AuditError> {
    let text = |value: &str| {
        serde_json::to_string(value)
            .map_err(|error| AuditError::file(format_args!("audit entry {}", entry.id), error))
    };
    let head = format!(
        "{{\"v\":{LEAF_VERSION},\"id\":{},\"at\":{},\"by\":{},\"why\":{},\"kind\":{}",
        entry.id,
        entry.at.seconds(),
        text(entry.by.as_str())?,
        text(&entry.why)?,
        text(&entry.kind)?,
    );
    let whole = format!("{head},\"body\":{}}}", entry.body);
    if whole.len() <= MAX_ENTRY {
        return Ok(whole.into_bytes());
    }
    let digest = Digest::of(entry.body.as_bytes());
    Ok(format!("{head},\"body-digest\":\"{digest}\"}}").into_bytes())
}

#[cfg(test)]
mod tests {
    use esign_core::time::UnixTime;

    use super::*;
    use crate::ids::Name;

    #[test]
    fn leaves_are_those_of_the_vectors() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../test-vectors/log/leaf.json");
        let vectors: serde_json::Value =
            serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let vectors = vectors.as_array().unwrap();
        assert!(vectors.len() >= 4);
        for vector in vectors {
            let text = |name: &str| vector[name].as_str().unwrap().to_owned();
            // A long body is given by how often it is repeated.
            let times = vector["repeat"].as_u64().unwrap_or(1);
            let entry = AuditEntry {
                id: vector["id"].as_u64().unwrap(),
                at: UnixTime::from_seconds(vector["at"].as_i64().unwrap()),
                by: Name::new(&text("by")).unwrap(),
                why: text("why"),
                kind: text("kind"),
                body: text("body").repeat(usize::try_from(times).unwrap()),
            };
            let leaf = leaf(&entry).unwrap();
            assert_eq!(String::from_utf8(leaf.clone()).unwrap(), text("leaf"));
            let hash = esign_core::log::Hash::leaf(&leaf);
            assert_eq!(hash.to_string(), text("hash"));
            let _: serde_json::Value = serde_json::from_slice(&leaf).unwrap();
        }
    }
}
