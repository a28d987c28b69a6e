//! Steps from one object to those that it names.

use crate::pades::fields::Field;
use crate::pdf::{Object, PdfError, Reference, View};

/// What a reference names; a reference again if the object is one, so that none is passed over.
pub(super) fn one_step(view: View<'_>, reference: Reference) -> Result<Object, PdfError> {
    // A wrong generation leads nowhere.
    if view
        .locate(reference.number)
        .is_none_or(|l| l.generation() != reference.generation)
    {
        return Ok(Object::Null);
    }
    let found = view.object(reference.number)?;
    Ok(found.map_or(Object::Null, |i| i.object))
}

/// Puts the values that stand directly in `object` on the stack; how many there are in all.
pub(super) fn values(object: &Object, stack: &mut Vec<Object>) -> usize {
    let leading = |o: &&Object| leads_on(o);
    let dict = match object {
        Object::Array(items) => {
            stack.extend(items.iter().filter(leading).cloned());
            return items.len();
        }
        Object::Dict(dict) => dict,
        Object::Stream(stream) => &stream.dict,
        _ => return 0,
    };
    let values = dict.entries().iter().map(|e| &e.value);
    stack.extend(values.filter(leading).cloned());
    dict.len()
}

/// Whether anything can be reached from a value.
fn leads_on(object: &Object) -> bool {
    matches!(
        object,
        Object::Array(_) | Object::Dict(_) | Object::Stream(_) | Object::Ref(_)
    )
}

/// The objects of a field and its widgets.
pub(super) fn numbers(view: View<'_>, field: &Field) -> Result<Vec<u32>, PdfError> {
    let Some(kids) = field.dict.get("Kids") else {
        return Ok(field.reference.iter().map(|r| r.number).collect());
    };
    let kids = view.resolve(kids)?;
    let kids = kids.as_array().unwrap_or_default();
    let kids = kids.iter().filter_map(Object::as_ref);
    Ok(kids.chain(field.reference).map(|r| r.number).collect())
}
