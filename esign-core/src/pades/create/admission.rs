//! What the field and earlier signatures forbid (ISO 32000-2 12.7.5.5, 12.8.2).

use super::Intent;
use super::seed::Seed;
use crate::pades::error::{PadesError, PadesErrorKind};
use crate::pades::fields::{Field, Form, Restriction};
use crate::pdf::{Object, View};

/// Whether this field can be signed, and with such a signature.
pub(super) fn check_field(
    view: View<'_>,
    field: &Field,
    intent: &Intent<'_>,
) -> Result<(), PadesError> {
    let refuse = |why: String| {
        Err(PadesError::new(
            PadesErrorKind::Field,
            format!("field \"{}\" {why}", field.name),
        ))
    };
    if field.kind != b"Sig" {
        let kind = String::from_utf8_lossy(&field.kind).into_owned();
        return refuse(format!("is of type {kind}, not Sig"));
    }
    if field.is_signed(view)? {
        return refuse("is signed already".to_owned());
    }
    if field.reference.is_none() {
        return refuse("is not an indirect object".to_owned());
    }
    match field.dict.get("SV").map(|s| view.resolve(s)).transpose()? {
        None | Some(Object::Null) => Ok(()),
        Some(Object::Dict(seed)) => {
            let permission = field.lock(view)?.and_then(|(_, p)| p);
            Seed::new(view, &field.name, &seed).check(intent, permission)
        }
        Some(other) => refuse(format!(
            "has a seed value dictionary (SV) that is {}",
            other.type_name()
        )),
    }
}

/// What earlier signatures forbid.
pub(super) fn check_restrictions(
    view: View<'_>,
    form: &Form,
    name: &str,
    certifies: bool,
) -> Result<(), PadesError> {
    let mut signed = false;
    for field in form.signature_fields() {
        let Some(value) = &field.value else { continue };
        let resolved = view.resolve(value)?;
        let Some(signature) = resolved.as_dict() else {
            continue;
        };
        signed = true;
        let locked = |why: String| {
            Err(PadesError::new(
                PadesErrorKind::Locked,
                format!(
                    "document is locked by the signature in field \"{}\": {why}",
                    field.name
                ),
            ))
        };
        let restriction = Restriction::of(view, field, signature)?;
        if restriction.permission == Some(1) {
            return locked("it allows no changes (P 1), so no further signature".to_owned());
        }
        if restriction.locked.iter().any(|s| s.covers(name)) {
            return locked(format!("it locks field \"{name}\""));
        }
    }
    if signed && certifies {
        return Err(PadesError::new(
            PadesErrorKind::Locked,
            "document is signed already: only the first signature can certify it",
        ));
    }
    Ok(())
}
