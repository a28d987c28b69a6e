//! The form and its fields: what was filled in, signed, or drawn anew.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Judge;
use super::compare::differing;
use super::reach::Look;
use crate::pades::fields::Field;
use crate::pdf::{Dict, Object, PdfError, Reference, View};
use crate::validation::ChangeKind;

impl Judge<'_> {
    pub(super) fn form(&mut self) -> Result<(), PdfError> {
        let (old, new) = (&self.old_form.dict, &self.new_form.dict);
        for key in differing(old, new) {
            match key.as_str() {
                // Compared field by field, or without effect on what is shown.
                "Fields" | "SigFlags" | "DR" => {}
                "DA" | "NeedAppearances" => {
                    self.note(ChangeKind::FormFilling, format!("form entry {key}"))
                }
                _ => self.note(ChangeKind::Other, format!("form entry {key}")),
            }
        }
        // Always, since they may be overwritten in place. Fonts may be added for new appearances;
        // those that were there must stay.
        let before = resources(self.before, old)?;
        let after = resources(self.after, new)?;
        if before
            .iter()
            .any(|(name, font)| after.get(name) != Some(font))
        {
            self.note(ChangeKind::Other, "form resources".to_owned());
        }
        self.more_elsewhere |= before.len() != after.len();
        Ok(())
    }

    /// Compares the fields, and keeps those that the revision added or wrote.
    pub(super) fn fields(&mut self) -> Result<(), PdfError> {
        let (old, new) = (&self.old_form.fields, &self.new_form.fields);
        // A field that is its own widget, of which nothing was written, is the same in both; mostly
        // all are, and some are added behind them.
        let same = |(a, b): &(&Arc<Field>, &Arc<Field>)| Arc::ptr_eq(a, b);
        let same = old.iter().zip(new).take_while(same).count();
        let (kept, old) = old.split_at_checked(same).unwrap_or_default();
        let new = new.get(same..).unwrap_or_default();
        for field in kept {
            self.kept(field)?;
        }
        let places = |fields: &[Arc<Field>]| -> HashSet<*const Field> {
            fields.iter().map(Arc::as_ptr).collect()
        };
        let (in_old, in_new) = (places(old), places(new));
        let is_new = |f: &&Arc<Field>| !in_old.contains(&Arc::as_ptr(f));
        let changed: Vec<Arc<Field>> = new.iter().filter(is_new).cloned().collect();
        self.changed.clone_from(&changed);
        let by_name: HashMap<&str, &Field> =
            changed.iter().map(|f| (f.name.as_str(), &**f)).collect();
        let mut known: HashSet<(&str, Option<Reference>)> = HashSet::new();
        for field in old {
            if in_new.contains(&Arc::as_ptr(field)) {
                self.kept(field)?;
                continue;
            }
            known.insert((&field.name, field.reference));
            match by_name.get(field.name.as_str()) {
                Some(now) => self.field(field, now)?,
                None => self.note(
                    ChangeKind::Other,
                    format!("form field {} was removed", field.name),
                ),
            }
        }
        for field in &changed {
            if !known.contains(&(field.name.as_str(), field.reference)) {
                self.added_field(field)?;
            }
        }
        Ok(())
    }

    /// A field of which nothing was written, but for its value perhaps.
    fn kept(&mut self, field: &Field) -> Result<(), PdfError> {
        let value = field.value.as_ref().and_then(|v| Object::as_ref(v));
        if value.is_some_and(|v| self.written.contains(&v.number)) {
            self.field(field, field)?;
        }
        Ok(())
    }

    fn added_field(&mut self, field: &Field) -> Result<(), PdfError> {
        if field.kind != b"Sig" {
            let what = format!("form field {} was added", field.name);
            self.note(ChangeKind::Other, what);
            return Ok(());
        }
        let shows = field.dict.get("AP").is_some();
        if shows && !field.is_signed(self.after)? {
            let what = format!("signature field {} shows something, unsigned", field.name);
            self.note(ChangeKind::Other, what);
            return Ok(());
        }
        let kind = self.kind_of_signature(field, !shows)?;
        self.note(kind, format!("signature field {}", field.name));
        Ok(())
    }

    /// A further signature, or validation data if the field holds a document time-stamp.
    fn kind_of_signature(&self, field: &Field, invisible: bool) -> Result<ChangeKind, PdfError> {
        let value = field.value.as_ref().map(|v| self.after.resolve(v));
        let value = value.transpose()?;
        let subfilter = value
            .as_ref()
            .and_then(Object::as_dict)
            .and_then(|d| d.get("SubFilter"));
        let stamp = subfilter.and_then(Object::as_name) == Some(b"ETSI.RFC3161");
        Ok(if stamp && invisible {
            ChangeKind::ValidationData
        } else {
            ChangeKind::Signature
        })
    }

    fn field(&mut self, old: &Field, new: &Field) -> Result<(), PdfError> {
        let name = &old.name;
        if old.reference != new.reference || old.kind != new.kind {
            self.note(ChangeKind::Other, format!("form field {name} was replaced"));
            return Ok(());
        }
        let signature = old.kind == b"Sig";
        let signed = signature && old.is_signed(self.before)?;
        if signature && !signed && new.is_signed(self.after)? {
            self.signed_now.insert(name.clone());
        }
        for key in differing(&old.dict, &new.dict) {
            match key.as_str() {
                "V" if signed => {
                    let what = format!("signature in field {name} was replaced");
                    self.note(ChangeKind::Other, what);
                }
                "V" if signature => {
                    let kind = self.kind_of_signature(new, true)?;
                    self.note(kind, format!("signature field {name}"));
                    self.change.fields.insert(name.clone());
                }
                "V" | "I" | "M" | "RV" if !signature => self.filled(name),
                "AS" | "AP" | "MK" => self.drawn(name, signature),
                "I" | "M" | "RV" => {
                    self.note(ChangeKind::Signature, format!("form field {name}"));
                    self.change.fields.insert(name.clone());
                }
                // Read-only after signing.
                "Ff" | "F" | "Lock" if signature && !signed => {}
                _ => self.note(ChangeKind::Other, format!("form field {name}, entry {key}")),
            }
        }
        self.value(old, new)?;
        if old.dict.get("Kids").is_some() || new.dict.get("Kids").is_some() {
            self.widgets(old, new)?;
        }
        Ok(())
    }

    fn filled(&mut self, name: &str) {
        self.note(ChangeKind::FormFilling, format!("form field {name}"));
        self.change.fields.insert(name.to_owned());
    }

    /// A field has another look. That of a signature is made with the signature and stays.
    fn drawn(&mut self, name: &str, signature: bool) {
        if !signature {
            return self.filled(name);
        }
        if self.signed_now.contains(name) {
            self.note(ChangeKind::Signature, format!("form field {name}"));
        } else {
            let what = format!("look of the signature in field {name}");
            self.note(ChangeKind::Other, what);
        }
        self.change.fields.insert(name.to_owned());
    }

    /// Part of the look of one field, or of several, was rewritten in place.
    pub(super) fn look(&mut self, number: u32, look: &Look) {
        match &look.owner {
            Some(field) => self.drawn(&field.name.clone(), field.kind == b"Sig"),
            None if look.signed => {
                let what = format!("look of a signature (object {number})");
                self.note(ChangeKind::Other, what);
                self.change.shared_look = true;
            }
            None => {
                let what = format!("appearance of form fields (object {number})");
                self.note(ChangeKind::FormFilling, what);
                // Whose look changes is not told apart: any field's, as locks are concerned.
                self.change.shared_look = true;
            }
        }
    }

    /// A value that is an object of its own changes without the field being written.
    fn value(&mut self, old: &Field, new: &Field) -> Result<(), PdfError> {
        let Some(value) = old.value.as_ref().and_then(|v| Object::as_ref(v)) else {
            return Ok(());
        };
        if !self.written.contains(&value.number)
            || old.value != new.value
            || self.before.follow(value)? == self.after.follow(value)?
        {
            return Ok(());
        }
        let kind = if old.kind == b"Sig" {
            ChangeKind::Other
        } else {
            ChangeKind::FormFilling
        };
        self.note(kind, format!("value of field {}", old.name));
        self.change.fields.insert(old.name.clone());
        Ok(())
    }

    /// Widgets that are not the field itself.
    fn widgets(&mut self, old: &Field, new: &Field) -> Result<(), PdfError> {
        let name = &old.name;
        let old_widgets = old.widgets(self.before)?;
        let new_widgets = new.widgets(self.after)?;
        let same = old_widgets.len() == new_widgets.len()
            && old_widgets
                .iter()
                .zip(&new_widgets)
                .all(|(a, b)| a.0 == b.0);
        if !same {
            self.note(ChangeKind::Other, format!("widgets of field {name}"));
            return Ok(());
        }
        for ((_, old_widget), (_, new_widget)) in old_widgets.iter().zip(&new_widgets).skip(1) {
            for key in differing(old_widget, new_widget) {
                match key.as_str() {
                    "AS" | "AP" | "MK" => self.drawn(name, old.kind == b"Sig"),
                    "M" => self.filled(name),
                    _ => self.note(
                        ChangeKind::Other,
                        format!("widget of field {name}, entry {key}"),
                    ),
                }
            }
        }
        Ok(())
    }

    /// Whether an annotation is a field or a widget of the form as it is now: one that was there,
    /// or one of a field that this revision wrote.
    pub(super) fn is_widget_now(&mut self, annotation: &Object) -> Result<bool, PdfError> {
        let Some(reference) = annotation.as_ref() else {
            return Ok(false);
        };
        if !self.written.contains(&reference.number)
            && self
                .reach
                .is_widget(self.before, self.old_form, reference.number)?
        {
            return Ok(true);
        }
        if self.widgets_now.is_none() {
            let mut numbers = HashSet::new();
            for field in &self.changed {
                numbers.extend(super::walk::numbers(self.after, field)?);
            }
            self.widgets_now = Some(numbers);
        }
        let now = self.widgets_now.as_ref();
        Ok(now.is_some_and(|n| n.contains(&reference.number)))
    }
}

/// Names and values of every resource of the form.
fn resources(
    view: View<'_>,
    form: &Dict,
) -> Result<HashMap<(String, String), Vec<Object>>, PdfError> {
    let mut all = HashMap::new();
    let resources = view.value(form, "DR")?;
    let categories = resources.as_dict().map(Dict::entries).unwrap_or_default();
    for category in categories {
        if let Object::Dict(entries) = view.resolve(&category.value)? {
            for entry in entries.entries() {
                let name = |k: &crate::pdf::Name| String::from_utf8_lossy(&k.0).into_owned();
                // Of a name that stands twice, readers take the one or the other: both count.
                let values = all
                    .entry((name(&category.key), name(&entry.key)))
                    .or_insert_with(Vec::new);
                values.push(entry.value.clone());
            }
        }
    }
    Ok(all)
}
