//! The incremental update of a signature: field, page and form.

use std::ops::Range;

use super::admission::{check_field, check_restrictions};
use super::dictionary::{signature_dictionary, timestamp_dictionary};
use super::{Intent, Parameters};
use crate::keys::{DigestAlgorithm, Hasher};
use crate::pades::error::{PadesError, PadesErrorKind};
use crate::pades::fields::{Field, Form};
use crate::pdf::text;
use crate::pdf::{Dict, Document, Object, PdfString, Reference, Update, View};
use crate::time::UnixTime;

/// An update whose `/ByteRange` is filled in and whose `/Contents` are zeros.
pub(super) struct Built {
    pub(super) update: Vec<u8>,
    pub(super) digits: Range<usize>,
    pub(super) field: String,
}

/// What the field is to hold.
#[derive(Clone, Copy)]
pub(super) enum What<'p> {
    /// A signature.
    Signature(Intent<'p>),
    /// A document time-stamp, made about this time.
    TimeStamp(UnixTime),
}

impl<'p> What<'p> {
    fn parameters(self) -> Option<&'p Parameters> {
        match self {
            Self::Signature(intent) => Some(intent.parameters),
            Self::TimeStamp(_) => None,
        }
    }
}

/// What is needed to put the update together.
pub(super) struct Build<'d> {
    document: &'d Document<'d>,
    view: View<'d>,
    what: What<'d>,
    catalog_at: Reference,
    catalog: Dict,
    form: Form,
}

impl<'d> Build<'d> {
    pub(super) fn new(document: &'d Document<'d>, what: What<'d>) -> Result<Self, PadesError> {
        let view = document.current();
        let catalog_at = view.root()?;
        let catalog = view.catalog()?;
        let form = Form::read(view, &catalog)?;
        Ok(Self {
            document,
            view,
            what,
            catalog_at,
            catalog,
            form,
        })
    }

    pub(super) fn finish(mut self, room: usize) -> Result<Built, PadesError> {
        let name = self.field_name()?;
        let existing = self.form.field(&name).cloned();
        let certifies = self.what.parameters().is_some_and(|p| p.certify.is_some());
        let mut lock = None;
        if let What::Signature(intent) = &self.what {
            if let Some(field) = &existing {
                check_field(self.view, field, intent)?;
                lock = field.lock(self.view)?;
            }
            // A time-stamp is always allowed (ISO 32000-2 12.8.2.2.2).
            check_restrictions(self.view, &self.form, &name, certifies)?;
        }
        let mut update = Update::new(self.document)?;
        let signature_at = update.allocate()?;
        let reserved = match self.what {
            What::Signature(intent) => {
                signature_dictionary(intent.parameters, self.catalog_at, room, lock)
            }
            What::TimeStamp(_) => timestamp_dictionary(room),
        };
        update.put_raw(signature_at, reserved.octets)?;

        match existing {
            Some(field) => self.fill_field(&mut update, field, signature_at)?,
            None => self.add_field(&mut update, &name, signature_at)?,
        }
        if certifies {
            // What else stands there, usage rights, stays.
            let perms = self.view.value(&self.catalog, "Perms")?;
            let mut perms = perms.as_dict().cloned().unwrap_or_default();
            perms.set("DocMDP", signature_at);
            self.catalog.set("Perms", perms);
            update.put(self.catalog_at, &Object::Dict(self.catalog.clone()))?;
        }
        let seed = match self.what {
            What::Signature(intent) => (
                intent.parameters.signing_time,
                intent.parameters.field.as_deref(),
            ),
            What::TimeStamp(at) => (at, None),
        };
        let appended = update.finish(&file_identifier(self.document, seed.0, seed.1))?;
        let placed = appended.placed(signature_at).ok_or_else(|| {
            PadesError::new(
                PadesErrorKind::Pdf,
                "the signature dictionary was not placed",
            )
        })?;
        let base = placed.start.saturating_sub(appended.start);
        let base = usize::try_from(base).unwrap_or(usize::MAX);
        place(
            appended.start,
            appended.bytes,
            base,
            reserved.byte_range,
            reserved.digits,
            name,
        )
    }

    /// The name that was asked for, or the first free one.
    fn field_name(&self) -> Result<String, PadesError> {
        if let Some(name) = self.what.parameters().and_then(|p| p.field.as_ref()) {
            let bad = |why| {
                Err(PadesError::new(
                    PadesErrorKind::Field,
                    format!("field name \"{name}\" {why}"),
                ))
            };
            if name.is_empty() {
                return bad("is empty");
            }
            if self.form.field(name).is_none() && name.contains('.') {
                return bad(
                    "has a dot, which separates the parts of a name, and there is no such field",
                );
            }
            return Ok(name.clone());
        }
        let taken = |n: &String| self.form.field(n).is_some();
        let stem = match self.what {
            What::Signature(_) => "Signature",
            What::TimeStamp(_) => "Timestamp",
        };
        (1u32..)
            .map(|n| format!("{stem}{n}"))
            .find(|n| !taken(n))
            .ok_or_else(|| {
                PadesError::new(PadesErrorKind::Field, "no free name for a signature field")
            })
    }

    fn fill_field(
        &mut self,
        update: &mut Update<'_>,
        field: Field,
        signature_at: Reference,
    ) -> Result<(), PadesError> {
        let Some(at) = field.reference else {
            return Ok(());
        };
        let mut dict = field.dict;
        dict.set("V", signature_at);
        update.put(at, &Object::Dict(dict))?;
        self.mark_form(update, None)
    }

    /// A new field that is its own widget, without appearance, on the first page.
    fn add_field(
        &mut self,
        update: &mut Update<'_>,
        name: &str,
        signature_at: Reference,
    ) -> Result<(), PadesError> {
        let page = self.view.page(0)?;
        let page_at = page.reference;
        let field_at = update.allocate()?;
        let mut field = Dict::new();
        field.set("Type", Object::name("Annot"));
        field.set("Subtype", Object::name("Widget"));
        field.set("FT", Object::name("Sig"));
        field.set(
            "T",
            Object::String(PdfString {
                bytes: text::encode(name),
                hex: false,
            }),
        );
        field.set("V", signature_at);
        field.set("Rect", Object::Array(vec![Object::Integer(0); 4]));
        // Print and Locked: PDF/A asks for the first, the second keeps it from being moved.
        field.set("F", 132i64);
        field.set("P", page_at);
        update.put(field_at, &Object::Dict(field))?;

        let mut dict = page.dict.clone();
        match dict.get("Annots").cloned() {
            Some(Object::Ref(at)) => {
                let mut annotations = array(&self.view.follow(at)?);
                annotations.push(field_at.into());
                update.put(at, &Object::Array(annotations))?;
            }
            annotations => {
                let mut annotations = annotations.as_ref().map(array).unwrap_or_default();
                annotations.push(field_at.into());
                dict.set("Annots", Object::Array(annotations));
                update.put(page_at, &Object::Dict(dict))?;
            }
        }
        self.mark_form(update, Some(field_at))
    }

    /// `/SigFlags` and, for a new field, `/Fields` of the form, wherever these stand.
    fn mark_form(
        &mut self,
        update: &mut Update<'_>,
        new_field: Option<Reference>,
    ) -> Result<(), PadesError> {
        let mut form = self.form.dict.clone();
        let mut changed = false;
        // SignaturesExist and AppendOnly.
        if form.get("SigFlags").and_then(Object::as_integer) != Some(3) {
            form.set("SigFlags", 3i64);
            changed = true;
        }
        if let Some(field_at) = new_field {
            match form.get("Fields").cloned() {
                Some(Object::Ref(at)) => {
                    let mut fields = array(&self.view.follow(at)?);
                    fields.push(field_at.into());
                    update.put(at, &Object::Array(fields))?;
                }
                fields => {
                    let mut fields = fields.as_ref().map(array).unwrap_or_default();
                    fields.push(field_at.into());
                    form.set("Fields", Object::Array(fields));
                    changed = true;
                }
            }
        }
        if !changed {
            return Ok(());
        }
        match self.form.reference {
            Some(at) => update.put(at, &Object::Dict(form))?,
            None => {
                self.catalog.set("AcroForm", form);
                update.put(self.catalog_at, &Object::Dict(self.catalog.clone()))?;
            }
        }
        Ok(())
    }
}

fn array(object: &Object) -> Vec<Object> {
    object
        .as_array()
        .map(<[Object]>::to_vec)
        .unwrap_or_default()
}

/// The second part of the file identifier (ISO 32000-2 14.4): another for every update.
pub(in crate::pades) fn file_identifier(
    document: &Document<'_>,
    at: UnixTime,
    field: Option<&str>,
) -> [u8; 16] {
    let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
    hasher.update(&document.len().to_be_bytes());
    hasher.update(&at.seconds().to_be_bytes());
    if let Some(name) = field {
        hasher.update(name.as_bytes());
    }
    if let Some(Object::Array(parts)) = document.trailer().get("ID") {
        for part in parts.iter().filter_map(Object::as_string) {
            hasher.update(&part.bytes);
        }
    }
    let digest = hasher.finish();
    digest.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// Fills in `/ByteRange`, now that every offset is known.
fn place(
    file_len: u64,
    mut update: Vec<u8>,
    base: usize,
    byte_range: Range<usize>,
    digits: Range<usize>,
    field: String,
) -> Result<Built, PadesError> {
    let wide = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let digits = base + digits.start..base + digits.end;
    let first = file_len.saturating_add(wide(digits.start - 1));
    let second = file_len.saturating_add(wide(digits.end + 1));
    let rest = wide(update.len()).saturating_sub(wide(digits.end + 1));
    let numbers = format!(" {first} {second} {rest}");
    let slot = update
        .get_mut(base + byte_range.start..base + byte_range.end)
        .filter(|s| s.len() >= numbers.len())
        .ok_or_else(|| PadesError::new(PadesErrorKind::Pdf, "no room for /ByteRange"))?;
    slot.iter_mut()
        .zip(numbers.bytes())
        .for_each(|(to, from)| *to = from);
    Ok(Built {
        update,
        digits,
        field,
    })
}
