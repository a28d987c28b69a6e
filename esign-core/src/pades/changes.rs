//! What a later revision did to a document, object by object (rule 56).
//!
//! Only objects that the revision writes are looked at, so the work grows with the change and not
//! with the document. An object that was there before is judged by what it is and which of its
//! keys differ; one that is new can be seen only through one that was there, and is judged with
//! it. What is not recognised as harmless counts as anything else.
//!
//! # Source
//! ISO 32000-2 12.8.2.2.2 (which changes DocMDP allows); EN 319 142-1 5.4 (DSS).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::fields::{Field, Form};
use crate::pdf::limits::MAX_OBJECT_BYTES;
use crate::pdf::{Dict, Object, PdfError, Reference, View};
use crate::validation::ChangeKind;

/// Objects looked at when the DSS, a field's appearances or an annotation is gathered.
const MAX_GATHERED: usize = 2_000_000;
/// Descriptions kept for one revision.
const MAX_TOUCHED: usize = 50;

/// What one revision did.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) kind: ChangeKind,
    pub(super) touched: Vec<String>,
    /// Full names of the fields whose value or look changed.
    pub(super) fields: Vec<String>,
}

/// Judges `written`, the objects that the revision behind `after` writes or frees, by comparing
/// the document as it was at `before` with what it is at `after`.
pub(super) fn judge(
    before: View<'_>,
    after: View<'_>,
    written: &[u32],
    memory: &mut Memory,
) -> Result<Change, PdfError> {
    let mut judge = Judge {
        before,
        after,
        change: Change {
            kind: ChangeKind::Nothing,
            touched: Vec::new(),
            fields: Vec::new(),
        },
        roles: HashMap::new(),
        fields_assigned: false,
        widgets_after: HashSet::new(),
        shown: memory.shown.take(),
    };
    if before.root()? != after.root()? {
        judge.note(
            ChangeKind::Other,
            "the document catalog was replaced".to_owned(),
        );
        return Ok(judge.change);
    }
    if before.trailer().get("Encrypt") != after.trailer().get("Encrypt") {
        judge.note(ChangeKind::Other, "encryption was changed".to_owned());
    }
    let old_catalog = before.catalog()?;
    let new_catalog = after.catalog()?;
    let old_form = match memory.form.take() {
        Some(form) => form,
        None => Form::read(before, &old_catalog)?,
    };
    let new_form = Form::read(after, &new_catalog)?;
    judge.assign_roles(&old_catalog, &old_form)?;
    let written: HashSet<u32> = written.iter().copied().collect();
    for field in &new_form.fields {
        let kids = field
            .dict
            .get("Kids")
            .map(|k| after.resolve(k))
            .transpose()?;
        let kids = kids.as_ref().and_then(Object::as_array).unwrap_or_default();
        let widgets = kids
            .iter()
            .filter_map(Object::as_ref)
            .chain(field.reference);
        judge.widgets_after.extend(widgets.map(|r| r.number));
    }
    if new_form.oddities != old_form.oddities {
        judge.note(
            ChangeKind::Other,
            "the form cannot be read as a whole".to_owned(),
        );
    }
    judge.catalog(&old_catalog, &new_catalog)?;
    judge.form(&old_form, &new_form)?;
    judge.fields(&old_form, &new_form, &written)?;
    let mut numbers: Vec<u32> = written.into_iter().collect();
    numbers.sort_unstable();
    for number in numbers {
        judge.object(number, &old_form)?;
    }
    // What pages reach stays as it is while no revision touches it.
    if judge.change.kind < ChangeKind::Other {
        memory.shown = judge.shown;
    }
    memory.form = Some(new_form);
    Ok(judge.change)
}

/// What is carried from one revision to the next.
#[derive(Default)]
pub(super) struct Memory {
    form: Option<Form>,
    shown: Option<Option<HashSet<u32>>>,
}

/// What an object that was there before is, where that decides how a change of it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Catalog, form, field: compared by their own rules.
    Compared,
    /// Validation data.
    Dss,
    /// Document information and XMP metadata.
    Metadata,
    /// An appearance of a form field.
    FieldAppearance,
}

struct Judge<'d> {
    before: View<'d>,
    after: View<'d>,
    change: Change,
    roles: HashMap<u32, Role>,
    fields_assigned: bool,
    /// Numbers of the form's fields and their widgets as they are now.
    widgets_after: HashSet<u32>,
    /// What the pages reach, once it was needed; `None` inside where it is too much to be known.
    shown: Option<Option<HashSet<u32>>>,
}

impl Judge<'_> {
    fn note(&mut self, kind: ChangeKind, what: String) {
        self.change.kind = self.change.kind.max(kind);
        if self.change.touched.len() < MAX_TOUCHED && !self.change.touched.contains(&what) {
            self.change.touched.push(what);
        }
    }

    /// Roles are taken from the document as it was: what a later revision says an object is for
    /// must not excuse the change.
    fn assign_roles(&mut self, catalog: &Dict, form: &Form) -> Result<(), PdfError> {
        let view = self.before;
        if let Some(metadata) = catalog.get("Metadata").and_then(Object::as_ref) {
            self.roles.insert(metadata.number, Role::Metadata);
        }
        if let Some(info) = view.trailer().get("Info").and_then(Object::as_ref) {
            self.roles.insert(info.number, Role::Metadata);
        }
        if let Some(dss) = catalog.get("DSS") {
            for number in gather(view, vec![dss.clone()])?.unwrap_or_default() {
                self.roles.insert(number, Role::Dss);
            }
        }
        let fields = form.dict.get("Fields").and_then(Object::as_ref);
        let resources = form.dict.get("DR").and_then(Object::as_ref);
        let own = form.fields.iter().filter_map(|f| f.reference);
        for reference in own.chain(form.reference).chain(fields).chain(resources) {
            self.roles.insert(reference.number, Role::Compared);
        }
        self.roles.insert(view.root()?.number, Role::Compared);
        Ok(())
    }

    /// Roles of the widgets of fields and of their looks, assigned when a change asks for them.
    fn assign_field_roles(&mut self, form: &Form) -> Result<(), PdfError> {
        if core::mem::replace(&mut self.fields_assigned, true) {
            return Ok(());
        }
        let view = self.before;
        for field in &form.fields {
            for (reference, widget) in self.widgets(view, field)? {
                if let Some(look) = widget.get("AP") {
                    for number in gather(view, vec![look.clone()])?.unwrap_or_default() {
                        self.roles.entry(number).or_insert(Role::FieldAppearance);
                    }
                }
                if let Some(reference) = reference {
                    self.roles.insert(reference.number, Role::Compared);
                }
            }
        }
        Ok(())
    }

    /// Whether the pages show the object, or may: an object that a page's content or resources
    /// reach is judged as that, whatever else it was prepared to be (a field's appearance, an
    /// annotation, validation data).
    fn shown_by_pages(&mut self, number: u32) -> Result<bool, PdfError> {
        if self.shown.is_none() {
            let mut from = Vec::new();
            for page in self.before.pages() {
                let page = page?;
                let own = page.dict.entries().iter().chain(page.inherited.entries());
                from.extend(
                    own.filter(|e| e.key.0 != b"Annots" && e.key.0 != b"Parent")
                        .map(|e| e.value.clone()),
                );
            }
            self.shown = Some(gather(self.before, from)?);
        }
        // Too many to be known: then it may be.
        Ok(self
            .shown
            .as_ref()
            .and_then(Option::as_ref)
            .is_none_or(|s| s.contains(&number)))
    }

    /// The widgets of a field: itself, or its kids without names.
    fn widgets(
        &self,
        view: View<'_>,
        field: &Field,
    ) -> Result<Vec<(Option<Reference>, Dict)>, PdfError> {
        let kids = field
            .dict
            .get("Kids")
            .map(|k| view.resolve(k))
            .transpose()?;
        let mut widgets = vec![(field.reference, field.dict.clone())];
        for kid in kids.as_ref().and_then(Object::as_array).unwrap_or_default() {
            if let Object::Dict(dict) = view.resolve(kid)? {
                widgets.push((kid.as_ref(), dict));
            }
        }
        Ok(widgets)
    }

    fn catalog(&mut self, old: &Dict, new: &Dict) -> Result<(), PdfError> {
        for key in differing(old, new) {
            let kind = match key.as_str() {
                "AcroForm" | "Metadata" | "Extensions" | "Version" => continue,
                "DSS" => ChangeKind::ValidationData,
                // Set by a certifying signature, whose own rules say whether it may be there.
                "Perms" if old.get("Perms").is_none() => ChangeKind::Signature,
                _ => ChangeKind::Other,
            };
            let what = match kind {
                ChangeKind::ValidationData => "validation data".to_owned(),
                _ => format!("catalog entry {key}"),
            };
            self.note(kind, what);
        }
        Ok(())
    }

    fn form(&mut self, old: &Form, new: &Form) -> Result<(), PdfError> {
        for key in differing(&old.dict, &new.dict) {
            match key.as_str() {
                // Compared field by field, or without effect on what is shown.
                "Fields" | "SigFlags" => {}
                // Fonts may be added for new appearances; those that were there must stay.
                "DR" => {
                    let before = self.resources(self.before, &old.dict)?;
                    let after = self.resources(self.after, &new.dict)?;
                    if before
                        .iter()
                        .any(|(name, font)| after.get(name) != Some(font))
                    {
                        self.note(ChangeKind::Other, "form resources".to_owned());
                    }
                }
                "DA" | "NeedAppearances" => {
                    self.note(ChangeKind::FormFilling, format!("form entry {key}"))
                }
                _ => self.note(ChangeKind::Other, format!("form entry {key}")),
            }
        }
        Ok(())
    }

    /// Names and values of every resource of the form.
    fn resources(
        &self,
        view: View<'_>,
        form: &Dict,
    ) -> Result<HashMap<(String, String), Object>, PdfError> {
        let mut all = HashMap::new();
        let resources = form.get("DR").map(|r| view.resolve(r)).transpose()?;
        for category in resources
            .as_ref()
            .and_then(Object::as_dict)
            .map(Dict::entries)
            .unwrap_or_default()
        {
            if let Object::Dict(entries) = view.resolve(&category.value)? {
                for entry in entries.entries() {
                    let name = |k: &crate::pdf::Name| String::from_utf8_lossy(&k.0).into_owned();
                    all.insert((name(&category.key), name(&entry.key)), entry.value.clone());
                }
            }
        }
        Ok(all)
    }

    fn fields(&mut self, old: &Form, new: &Form, written: &HashSet<u32>) -> Result<(), PdfError> {
        let by_name: HashMap<&str, &Field> =
            new.fields.iter().map(|f| (f.name.as_str(), f)).collect();
        for field in &old.fields {
            let Some(now) = by_name.get(field.name.as_str()) else {
                self.note(
                    ChangeKind::Other,
                    format!("form field {} was removed", field.name),
                );
                continue;
            };
            // A field that is its own widget, of which nothing was written, is what it was.
            let untouched = |reference: Option<Reference>| {
                reference.is_some_and(|r| !written.contains(&r.number))
            };
            let value = field.value.as_ref().and_then(Object::as_ref);
            if field.reference == now.reference
                && untouched(field.reference)
                && (field.value.is_none() || untouched(value))
                && field.dict.get("Kids").is_none()
                && field.dict.get("Parent").is_none()
            {
                continue;
            }
            self.field(field, now, written)?;
        }
        let known: HashSet<(&str, Option<Reference>)> = old
            .fields
            .iter()
            .map(|f| (f.name.as_str(), f.reference))
            .collect();
        for field in new
            .fields
            .iter()
            .filter(|f| !known.contains(&(f.name.as_str(), f.reference)))
        {
            if field.kind == b"Sig" {
                let shows = field.dict.get("AP").is_some();
                if shows && !field.is_signed(self.after)? {
                    let what = format!("signature field {} shows something, unsigned", field.name);
                    self.note(ChangeKind::Other, what);
                    continue;
                }
                let stamp = !shows && self.is_time_stamp(field)?;
                let kind = if stamp {
                    ChangeKind::ValidationData
                } else {
                    ChangeKind::Signature
                };
                self.note(kind, format!("signature field {}", field.name));
            } else {
                self.note(
                    ChangeKind::Other,
                    format!("form field {} was added", field.name),
                );
            }
        }
        Ok(())
    }

    /// Whether the field holds a document time-stamp.
    fn is_time_stamp(&self, field: &Field) -> Result<bool, PdfError> {
        let value = field
            .value
            .as_ref()
            .map(|v| self.after.resolve(v))
            .transpose()?;
        let subfilter = value
            .as_ref()
            .and_then(Object::as_dict)
            .and_then(|d| d.get("SubFilter"));
        Ok(subfilter.and_then(Object::as_name) == Some(b"ETSI.RFC3161"))
    }

    fn field(&mut self, old: &Field, new: &Field, written: &HashSet<u32>) -> Result<(), PdfError> {
        let name = old.name.clone();
        if old.reference != new.reference || old.kind != new.kind {
            self.note(ChangeKind::Other, format!("form field {name} was replaced"));
            return Ok(());
        }
        let signature = old.kind == b"Sig";
        for key in differing(&old.dict, &new.dict) {
            match key.as_str() {
                "V" if signature => {
                    if old.is_signed(self.before)? {
                        self.note(
                            ChangeKind::Other,
                            format!("signature in field {name} was replaced"),
                        );
                    } else {
                        let stamp = self.is_time_stamp(new)?;
                        let kind = if stamp {
                            ChangeKind::ValidationData
                        } else {
                            ChangeKind::Signature
                        };
                        self.note(kind, format!("signature field {name}"));
                        self.change.fields.push(name.clone());
                    }
                }
                "AS" | "AP" | "MK" if signature && old.is_signed(self.before)? => {
                    let what = format!("look of the signature in field {name}");
                    self.note(ChangeKind::Other, what);
                }
                "V" | "AS" | "AP" | "I" | "M" | "RV" | "MK" => {
                    let kind = if signature {
                        ChangeKind::Signature
                    } else {
                        ChangeKind::FormFilling
                    };
                    self.note(kind, format!("form field {name}"));
                    self.change.fields.push(name.clone());
                }
                // Read-only after signing.
                "Ff" | "F" | "Lock" if signature && !old.is_signed(self.before)? => {}
                _ => self.note(ChangeKind::Other, format!("form field {name}, entry {key}")),
            }
        }
        // A value that is an object of its own changes without the field being written.
        if let Some(value) = old.value.as_ref().and_then(Object::as_ref)
            && written.contains(&value.number)
            && old.value == new.value
        {
            let kind = if signature {
                ChangeKind::Other
            } else {
                ChangeKind::FormFilling
            };
            if self.before.resolve(&value.into())? != self.after.resolve(&value.into())? {
                self.note(kind, format!("value of field {name}"));
                self.change.fields.push(name.clone());
            }
        }
        // Widgets that are not the field itself.
        let old_widgets = self.widgets(self.before, old)?;
        let new_widgets = self.widgets(self.after, new)?;
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
                if matches!(key.as_str(), "AS" | "AP" | "MK" | "M") {
                    self.note(ChangeKind::FormFilling, format!("form field {name}"));
                    self.change.fields.push(name.clone());
                } else {
                    self.note(
                        ChangeKind::Other,
                        format!("widget of field {name}, entry {key}"),
                    );
                }
            }
        }
        Ok(())
    }

    /// One written object, unless it is new or compared elsewhere.
    fn object(&mut self, number: u32, form: &Form) -> Result<(), PdfError> {
        let Some(old) = self.before.object(number)?.map(|i| i.object) else {
            // A reference that led nowhere was null, and what fills it now is a change of that.
            if self.shown_by_pages(number)? {
                let what = format!("object {number}, to which pages referred before it was there");
                self.note(ChangeKind::Other, what);
            }
            return Ok(());
        };
        let Some(new) = self.after.object(number)?.map(|i| i.object) else {
            if !matches!(self.roles.get(&number), Some(Role::Dss)) {
                self.note(ChangeKind::Other, format!("object {number} was removed"));
            }
            return Ok(());
        };
        if same_content(self.before, &old, self.after, &new)? {
            return Ok(());
        }
        let kind = |o: &Object| {
            let name = o
                .as_dict()
                .and_then(|d| d.get("Type"))
                .and_then(Object::as_name);
            name.map(<[u8]>::to_vec)
        };
        let pages = (kind(&old), kind(&new));
        let node = |k: &Option<Vec<u8>>| k.as_deref() == Some(b"Pages");
        if node(&pages.0) || node(&pages.1) {
            self.note(ChangeKind::Other, format!("page tree (object {number})"));
            return Ok(());
        }
        let page = Some(b"Page".to_vec());
        if pages == (page.clone(), page) && self.page_index(number)?.is_some() {
            return self.page(number, &dict(&old), &dict(&new));
        }
        if self.shown_by_pages(number)? {
            self.note(
                ChangeKind::Other,
                format!("object {number}, which pages show"),
            );
            return Ok(());
        }
        if !self.roles.contains_key(&number) {
            self.assign_field_roles(form)?;
        }
        match self.roles.get(&number) {
            Some(Role::Compared) => return Ok(()),
            Some(Role::Dss) => {
                self.note(ChangeKind::ValidationData, "validation data".to_owned());
                return Ok(());
            }
            Some(Role::Metadata) => {
                self.note(ChangeKind::Nothing, "metadata".to_owned());
                return Ok(());
            }
            Some(Role::FieldAppearance) => {
                let what = format!("appearance of a form field (object {number})");
                self.note(ChangeKind::FormFilling, what);
                // Whose look it is is not known: any that has one, as locks are concerned.
                let looks = form.fields.iter().filter(|f| f.dict.get("AP").is_some());
                self.change.fields.extend(looks.map(|f| f.name.clone()));
                return Ok(());
            }
            None => {}
        }
        // A cross-reference stream speaks of places only; an object stream that is rewritten in
        // place rewrites all that is in it, without their numbers being written.
        let xref = |k: &Option<Vec<u8>>| k.as_deref() == Some(b"XRef");
        if xref(&pages.0) && xref(&pages.1) {
            return Ok(());
        }
        self.other(number, &old, &new)
    }

    fn page(&mut self, number: u32, old: &Dict, new: &Dict) -> Result<(), PdfError> {
        let label = match self.page_index(number)? {
            Some(index) => format!("page {}", index + 1),
            None => format!("page object {number}"),
        };
        for key in differing(old, new) {
            if key != "Annots" {
                if key != "LastModified" && key != "PieceInfo" {
                    self.note(ChangeKind::Other, format!("{label}, entry {key}"));
                }
                continue;
            }
            let list = |view: View<'_>, page: &Dict| -> Result<Vec<Object>, PdfError> {
                let array = page.get("Annots").map(|a| view.resolve(a)).transpose()?;
                Ok(array
                    .as_ref()
                    .and_then(Object::as_array)
                    .unwrap_or_default()
                    .to_vec())
            };
            let (before, after) = (list(self.before, old)?, list(self.after, new)?);
            self.annotations(&label, &before, &after)?;
        }
        Ok(())
    }

    /// Annotations of a page: those that are widgets of signature fields count as these.
    fn annotations(
        &mut self,
        label: &str,
        before: &[Object],
        after: &[Object],
    ) -> Result<(), PdfError> {
        for gone in before.iter().filter(|a| !after.contains(a)) {
            let was = dict(&self.before.resolve(gone)?);
            let widget = was.get("Subtype").and_then(Object::as_name) == Some(b"Widget");
            let kind = if widget {
                ChangeKind::Other
            } else {
                ChangeKind::Annotations
            };
            self.note(kind, format!("{label}, annotation removed"));
        }
        for added in after.iter().filter(|a| !before.contains(a)) {
            let is = dict(&self.after.resolve(added)?);
            let subtype = is
                .get("Subtype")
                .and_then(Object::as_name)
                .unwrap_or_default()
                .to_vec();
            if subtype == b"Widget" {
                // The field itself was judged; a widget of no field of the form is an annotation
                // that shows something.
                let of_form = added
                    .as_ref()
                    .is_some_and(|r| self.widgets_after.contains(&r.number));
                if !of_form {
                    self.note(ChangeKind::Other, format!("{label}, widget of no field"));
                }
                continue;
            }
            let name = String::from_utf8_lossy(&subtype).into_owned();
            self.note(
                ChangeKind::Annotations,
                format!("{label}, annotation {name} added"),
            );
        }
        Ok(())
    }

    /// An object of no known role: the array of a page's annotations, an annotation, or else.
    fn other(&mut self, number: u32, old: &Object, new: &Object) -> Result<(), PdfError> {
        if let (Object::Array(before), Object::Array(after)) = (old, new)
            && let Some(label) = self.annotation_array(number)?
        {
            return self.annotations(&label, before, after);
        }
        let annotation = |o: &Object| {
            o.as_dict()
                .is_some_and(|d| d.get("Subtype").is_some() && d.get("Rect").is_some())
                && o.as_stream().is_none()
        };
        if annotation(old) && annotation(new) {
            self.note(
                ChangeKind::Annotations,
                format!("annotation (object {number})"),
            );
            return Ok(());
        }
        let what = match new
            .as_dict()
            .and_then(|d| d.get("Type"))
            .and_then(Object::as_name)
        {
            Some(name) => format!("object {number} ({})", String::from_utf8_lossy(name)),
            None => format!("object {number}"),
        };
        self.note(ChangeKind::Other, what);
        Ok(())
    }

    /// The page whose annotations stand in this array, by label.
    fn annotation_array(&self, number: u32) -> Result<Option<String>, PdfError> {
        for page in self.before.pages() {
            let page = page?;
            let array = page.dict.get("Annots").and_then(Object::as_ref);
            if array.is_some_and(|r| r.number == number) {
                return Ok(Some(format!("page {}", page.index + 1)));
            }
        }
        Ok(None)
    }

    fn page_index(&self, number: u32) -> Result<Option<usize>, PdfError> {
        for page in self.after.pages() {
            let page = page?;
            if page.reference.number == number {
                return Ok(Some(page.index));
            }
        }
        Ok(None)
    }
}

/// Keys whose values differ, as text.
fn differing(old: &Dict, new: &Dict) -> Vec<String> {
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

fn dict(object: &Object) -> Dict {
    object.as_dict().cloned().unwrap_or_default()
}

/// Whether two objects say the same; streams by their encoded octets.
fn same_content(
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

/// Numbers of the objects that can be reached from `from`; `None` beyond [`MAX_GATHERED`].
fn gather(view: View<'_>, from: Vec<Object>) -> Result<Option<HashSet<u32>>, PdfError> {
    let mut seen = HashSet::new();
    let mut stack = from;
    while let Some(object) = stack.pop() {
        if seen.len() >= MAX_GATHERED {
            return Ok(None);
        }
        match object {
            Object::Ref(reference) if seen.insert(reference.number) => {
                stack.push(view.follow(reference)?);
            }
            Object::Array(items) => stack.extend(items),
            Object::Dict(dict) => stack.extend(dict.entries().iter().map(|e| e.value.clone())),
            Object::Stream(stream) => {
                stack.extend(stream.dict.entries().iter().map(|e| e.value.clone()));
            }
            _ => {}
        }
    }
    Ok(Some(seen))
}
