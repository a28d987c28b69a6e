//! Whether a document is signed already.
//!
//! `/SigFlags` is no answer: it is set for signature fields that are still empty (ISO 32000-1
//! table 219), and such a prepared form may well be stamped.

use std::collections::HashSet;

use super::StampError;
use crate::pdf::{Object, Reference, View};

/// Fields searched. Tax forms have a few thousand.
pub(super) const MAX_FIELDS: usize = 100_000;

/// Refuses a document with a signed signature field, a certification or usage rights.
pub(super) fn refuse_signed(view: View<'_>) -> Result<(), StampError> {
    let catalog = view.catalog()?;
    let permissions = view.value(&catalog, "Perms")?;
    for key in ["DocMDP", "UR3", "UR"] {
        let entry = permissions.as_dict().and_then(|p| p.get(key));
        if let Some(entry) = entry
            && !matches!(view.resolve(entry)?, Object::Null)
        {
            return Err(StampError::Signed {
                by: format!("/{key} of the catalog's /Perms"),
            });
        }
    }
    let form = view.value(&catalog, "AcroForm")?;
    let Some(form) = form.as_dict() else {
        return Ok(());
    };
    let mut seen: HashSet<Reference> = HashSet::new();
    let mut visited = 0usize;
    let mut stack: Vec<Field> = Vec::new();
    push_all(&mut stack, view.value(form, "Fields")?, false, false);
    while let Some(field) = stack.pop() {
        visited = visited.saturating_add(1);
        if visited > MAX_FIELDS {
            return Err(StampError::TooMany {
                what: "form fields",
                limit: MAX_FIELDS,
            });
        }
        if let Some(reference) = field.object.as_ref()
            && !seen.insert(reference)
        {
            continue;
        }
        let resolved = view.resolve(&field.object)?;
        let Some(dict) = resolved.as_dict() else {
            continue;
        };
        // Type and value are inherited (§12.7.3.1).
        let signature = match view.value(dict, "FT")? {
            Object::Null => field.signature,
            kind => kind.as_name() == Some(b"Sig"),
        };
        let filled = match view.value(dict, "V")? {
            Object::Null => field.filled,
            value => value.as_dict().is_some(),
        };
        if signature && filled {
            let name = match view.value(dict, "T")? {
                Object::String(name) => crate::pdf::text::decode(&name.bytes),
                _ => String::new(),
            };
            return Err(StampError::Signed {
                by: format!("signature field {name:?}"),
            });
        }
        push_all(&mut stack, view.value(dict, "Kids")?, signature, filled);
    }
    Ok(())
}

struct Field {
    object: Object,
    signature: bool,
    filled: bool,
}

fn push_all(stack: &mut Vec<Field>, array: Object, signature: bool, filled: bool) {
    if let Object::Array(items) = array {
        stack.extend(items.into_iter().map(|object| Field {
            object,
            signature,
            filled,
        }));
    }
}
