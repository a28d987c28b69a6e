//! What a later revision did to a document, object by object (rule 56).
//!
//! Only objects that the revision writes are looked at. One that was there before is judged by
//! what leads to it and which of its keys differ; one that is new can be seen only through one
//! that was there, and is judged with it. What is not recognised as harmless counts as anything
//! else.
//!
//! # Source
//! ISO 32000-2 12.8.2.2.2 (which changes DocMDP allows); EN 319 142-1 5.4 (DSS).

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use self::compare::{dict, same_content, type_of};
use self::reach::Reach;
use super::fields::{Field, Form, Known};
use crate::pdf::{Dict, Object, PdfError, View};
use crate::validation::ChangeKind;

mod compare;
mod forms;
mod pages;
mod reach;
#[cfg(test)]
mod tests;
mod walk;

/// Descriptions kept for one revision.
const MAX_TOUCHED: usize = 50;

/// What one revision did.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) kind: ChangeKind,
    pub(super) touched: Vec<String>,
    /// Full names of the fields whose value or look changed.
    pub(super) fields: BTreeSet<String>,
    /// Whether something changed that is the look of several fields.
    pub(super) shared_look: bool,
}

/// What is carried from one revision to the next.
pub(super) struct Memory {
    form: Option<Form>,
    pub(super) known: Known,
    reach: Reach,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self {
            form: None,
            known: Known::new(),
            reach: Reach::new(),
        }
    }
}

/// Judges `written`, the objects that the revision behind `after` writes or frees, by comparing
/// the document as it was at `before` with what it is at `after`.
///
/// The revisions of a document are judged in their order with one `memory`.
pub(super) fn judge(
    before: View<'_>,
    after: View<'_>,
    written: &HashSet<u32>,
    memory: &mut Memory,
) -> Result<Change, PdfError> {
    let mut change = Change {
        kind: ChangeKind::Nothing,
        touched: Vec::new(),
        fields: BTreeSet::new(),
        shared_look: false,
    };
    if before.root()? != after.root()? {
        change.note(
            ChangeKind::Other,
            "the document catalog was replaced".to_owned(),
        );
        memory.form = None;
        memory.known.forget_all();
        memory.reach.forget();
        return Ok(change);
    }
    if before.trailer().get("Encrypt") != after.trailer().get("Encrypt") {
        change.note(ChangeKind::Other, "encryption was changed".to_owned());
    }
    let (old_catalog, new_catalog) = (before.catalog()?, after.catalog()?);
    let old_form = match memory.form.take() {
        Some(form) => form,
        None => Form::read_with(before, &old_catalog, &mut memory.known)?,
    };
    memory.known.forget(written);
    let new_form = Form::read_with(after, &new_catalog, &mut memory.known)?;
    let mut judge = Judge {
        before,
        after,
        change,
        written,
        old_form: &old_form,
        new_form: &new_form,
        old_catalog: &old_catalog,
        reach: &mut memory.reach,
        changed: Vec::new(),
        widgets_now: None,
        signed_now: HashSet::new(),
        arrays: Vec::new(),
        more_elsewhere: false,
    };
    judge.all(&new_catalog)?;
    let change = judge.change;
    memory.form = Some(new_form);
    Ok(change)
}

struct Judge<'d> {
    before: View<'d>,
    after: View<'d>,
    change: Change,
    written: &'d HashSet<u32>,
    old_form: &'d Form,
    new_form: &'d Form,
    old_catalog: &'d Dict,
    reach: &'d mut Reach,
    /// The fields that this revision added or wrote.
    changed: Vec<Arc<Field>>,
    /// The objects of these and of their widgets, once they were needed.
    widgets_now: Option<HashSet<u32>>,
    /// Names of the fields in which this revision put a signature.
    signed_now: HashSet<String>,
    /// Pages whose array of annotations is another now: the old one, the new one, the page.
    arrays: Vec<(Option<u32>, Option<u32>, usize)>,
    /// Whether there is more now that may lead to an object.
    more_elsewhere: bool,
}

impl Change {
    fn note(&mut self, kind: ChangeKind, what: String) {
        self.kind = self.kind.max(kind);
        if self.touched.len() < MAX_TOUCHED && !self.touched.contains(&what) {
            self.touched.push(what);
        }
    }
}

impl Judge<'_> {
    fn note(&mut self, kind: ChangeKind, what: String) {
        self.change.note(kind, what);
    }

    fn all(&mut self, new_catalog: &Dict) -> Result<(), PdfError> {
        let truncated = self.old_form.truncated || self.new_form.truncated;
        if truncated || self.new_form.oddities != self.old_form.oddities {
            self.note(
                ChangeKind::Other,
                "the form cannot be read as a whole".to_owned(),
            );
        }
        self.catalog(new_catalog);
        self.form()?;
        self.fields()?;
        let mut numbers: Vec<u32> = self.written.iter().copied().collect();
        numbers.sort_unstable();
        for number in numbers {
            self.object(number)?;
        }
        // What leads to an object stays as it is while no revision touches it.
        if self.change.kind == ChangeKind::Other {
            self.reach.forget();
            return Ok(());
        }
        if self.more_elsewhere || self.change.kind == ChangeKind::Annotations {
            self.reach.forget_elsewhere();
        }
        self.reach.forget_written(self.written);
        for (old, new, page) in self.arrays.drain(..) {
            self.reach.move_array(old, new, page);
        }
        for field in &self.changed {
            self.reach.learn_field(self.after, field)?;
        }
        self.reach.learn_dss(self.after, new_catalog, self.written)
    }

    fn catalog(&mut self, new: &Dict) {
        let old = self.old_catalog;
        for key in compare::differing(old, new) {
            let kind = match key.as_str() {
                "AcroForm" | "Metadata" | "Extensions" | "Version" => continue,
                "DSS" => ChangeKind::ValidationData,
                // Set by a certifying signature, whose own rules say whether it may be there.
                "Perms" if old.get("Perms").is_none() => {
                    self.more_elsewhere = true;
                    ChangeKind::Signature
                }
                _ => ChangeKind::Other,
            };
            let what = match kind {
                ChangeKind::ValidationData => "validation data".to_owned(),
                _ => format!("catalog entry {key}"),
            };
            self.note(kind, what);
        }
    }

    /// One written object, unless it is new and nothing led to it.
    fn object(&mut self, number: u32) -> Result<(), PdfError> {
        let Some(old) = self.before.object(number)?.map(|i| i.object) else {
            return self.appeared(number);
        };
        let Some(new) = self.after.object(number)?.map(|i| i.object) else {
            if !self.reach.is_dss(self.before, self.old_catalog, number)?
                || self.reach.elsewhere(self.before, self.old_form, number)?
                || self.reach.shown(self.before, number)?
            {
                self.note(ChangeKind::Other, format!("object {number} was removed"));
            }
            return Ok(());
        };
        let generation = |view: View<'_>| view.locate(number).map(|l| l.generation());
        if generation(self.before) != generation(self.after) {
            // References name the generation: those that were there lead nowhere now.
            let what = format!("object {number} has another generation");
            self.note(ChangeKind::Other, what);
            return Ok(());
        }
        if same_content(self.before, &old, self.after, &new)? {
            return Ok(());
        }
        let types = (type_of(&old), type_of(&new));
        let node = |k: &Option<Vec<u8>>| k.as_deref() == Some(b"Pages");
        if node(&types.0) || node(&types.1) {
            self.note(ChangeKind::Other, format!("page tree (object {number})"));
            return Ok(());
        }
        let page = Some(b"Page".to_vec());
        let index = self.reach.pages(self.before)?.index.get(&number).copied();
        if let Some(index) = index.filter(|_| types == (page.clone(), page)) {
            return self.page(index, &dict(&old), &dict(&new));
        }
        if self.reach.shown(self.before, number)? {
            self.note(
                ChangeKind::Other,
                format!("object {number}, which pages show"),
            );
            return Ok(());
        }
        if self.compared(number)? {
            return Ok(());
        }
        if self.by_role(number)? {
            return Ok(());
        }
        // A cross-reference stream speaks of places only; an object stream that is rewritten in
        // place rewrites all that is in it, and readers may have it in memory still.
        let xref = |k: &Option<Vec<u8>>| k.as_deref() == Some(b"XRef");
        if xref(&types.0) && xref(&types.1) {
            return Ok(());
        }
        self.other(number, &old, &new)
    }

    /// An object where there was none. A reference that led nowhere was null, and what fills it
    /// now is a change of that.
    fn appeared(&mut self, number: u32) -> Result<(), PdfError> {
        if self.reach.shown(self.before, number)? {
            let what = format!("object {number}, to which pages referred before it was there");
            self.note(ChangeKind::Other, what);
            return Ok(());
        }
        if self.by_role(number)? {
            return Ok(());
        }
        if self.reach.elsewhere(self.before, self.old_form, number)? {
            let what = format!("object {number}, which was referred to before it was there");
            self.note(ChangeKind::Other, what);
        }
        Ok(())
    }

    /// Whether the object is compared by rules of its own: catalog, form, field, widget.
    fn compared(&mut self, number: u32) -> Result<bool, PdfError> {
        let is = |object: Option<&Object>| {
            let reference = object.and_then(Object::as_ref);
            reference.is_some_and(|r| r.number == number)
        };
        let form = &self.old_form.dict;
        if is(form.get("Fields")) || is(form.get("DR")) {
            // Their own rule excuses additions, which another use of the same object would show.
            return Ok(!self.reach.elsewhere(self.before, self.old_form, number)?);
        }
        Ok(self.before.root()?.number == number
            || self.old_form.reference.is_some_and(|r| r.number == number)
            || self.reach.is_widget(self.before, self.old_form, number)?)
    }

    /// Judges an object that is a field's look, validation data or metadata; the gravest counts.
    /// `false` if it is none of these.
    fn by_role(&mut self, number: u32) -> Result<bool, PdfError> {
        let look = self.reach.look(self.before, self.old_form, number)?;
        let dss = self.reach.is_dss(self.before, self.old_catalog, number)?;
        let is = |object: Option<&Object>| {
            let reference = object.and_then(Object::as_ref);
            reference.is_some_and(|r| r.number == number)
        };
        let metadata =
            is(self.old_catalog.get("Metadata")) || is(self.before.trailer().get("Info"));
        if look.is_none() && !dss && !metadata {
            return Ok(false);
        }
        // A harmless use excuses nothing if the object was prepared to be something else as well.
        if self.reach.elsewhere(self.before, self.old_form, number)?
            || self.reach.is_widget(self.before, self.old_form, number)?
        {
            let what = format!("object {number}, which is used elsewhere as well");
            self.note(ChangeKind::Other, what);
            return Ok(true);
        }
        if dss {
            self.note(ChangeKind::ValidationData, "validation data".to_owned());
        }
        if metadata {
            self.note(ChangeKind::Nothing, "metadata".to_owned());
        }
        if let Some(look) = look {
            self.look(number, &look);
        }
        Ok(true)
    }
}
