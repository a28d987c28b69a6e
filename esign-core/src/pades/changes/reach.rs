//! What leads to an object: the pages' content, a field's look, validation data, anything else.
//!
//! All of it is taken from the document as it was before a revision: what the revision itself says
//! an object is for must not excuse the change. It is found when a change first asks for it and
//! kept from one revision to the next as long as it holds, so that the work does not grow with
//! the number of revisions.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::walk::{numbers, one_step, values};
use crate::pades::fields::{Field, Form};
use crate::pdf::{Dict, Object, PdfError, View};

/// Values looked at over all revisions of a document together: a file of a million objects, twice.
/// Beyond it nothing is known of an object, which counts as the worst.
const MAX_STEPS: usize = 1 << 25;

/// What is known of a document as it was before a revision.
pub(super) struct Reach {
    steps: usize,
    pages: Option<PageTree>,
    widgets: Option<HashSet<u32>>,
    shown: Option<Numbers>,
    elsewhere: Option<Numbers>,
    dss: Option<Numbers>,
    looks: Option<HashMap<u32, Look>>,
}

/// Object numbers; `None` where they are too many to be known.
type Numbers = Option<HashSet<u32>>;

/// The pages by object number.
#[derive(Default)]
pub(super) struct PageTree {
    /// Place of each page, from 0.
    pub(super) index: HashMap<u32, usize>,
    /// Place of the page whose annotations stand in this array of its own.
    pub(super) arrays: HashMap<u32, usize>,
}

/// Whose look an object is part of.
#[derive(Clone)]
pub(super) struct Look {
    /// The only field whose look it is; `None` where there are several.
    pub(super) owner: Option<Arc<Field>>,
    /// Whether it belongs to the look of a signature that was there.
    pub(super) signed: bool,
}

impl Reach {
    pub(super) fn new() -> Self {
        Self::limited(MAX_STEPS)
    }

    pub(super) fn limited(steps: usize) -> Self {
        Self {
            steps,
            pages: None,
            widgets: None,
            shown: None,
            elsewhere: None,
            dss: None,
            looks: None,
        }
    }

    /// Whether so much was looked at that not all is known.
    pub(super) fn exhausted(&self) -> bool {
        self.steps == 0
    }

    /// Forgets everything: what a revision did is not understood.
    pub(super) fn forget(&mut self) {
        *self = Self::limited(self.steps);
    }

    /// Forgets what leads elsewhere: annotations or resources were added.
    pub(super) fn forget_elsewhere(&mut self) {
        self.elsewhere = None;
    }

    /// Forgets the looks of fields and the validation data that a revision writes into.
    pub(super) fn forget_written(&mut self, written: &HashSet<u32>) {
        if self
            .looks
            .as_ref()
            .is_some_and(|looks| written.iter().any(|n| looks.contains_key(n)))
        {
            self.looks = None;
        }
    }

    /// The array of a page's annotations is another now.
    pub(super) fn move_array(&mut self, old: Option<u32>, new: Option<u32>, page: usize) {
        if let Some(pages) = &mut self.pages {
            if let Some(old) = old {
                pages.arrays.remove(&old);
            }
            if let Some(new) = new {
                pages.arrays.insert(new, page);
            }
        }
    }

    /// Fields that a revision added or wrote: their widgets and looks.
    pub(super) fn learn_field(
        &mut self,
        view: View<'_>,
        field: &Arc<Field>,
    ) -> Result<(), PdfError> {
        if let Some(widgets) = &mut self.widgets {
            widgets.extend(numbers(view, field)?);
        }
        if let Some(mut looks) = self.looks.take() {
            self.add_look(view, field, &mut looks)?;
            self.looks = Some(looks);
        }
        Ok(())
    }

    /// Validation data that a revision added.
    pub(super) fn learn_dss(
        &mut self,
        view: View<'_>,
        catalog: &Dict,
        written: &HashSet<u32>,
    ) -> Result<(), PdfError> {
        let Some(Some(mut known)) = self.dss.take() else {
            return Ok(());
        };
        // What is known and not written leads where it did.
        for number in written {
            known.remove(number);
        }
        let from = catalog.get("DSS").cloned().into_iter().collect();
        let whole = self.gather(view, from, &|_| false, &mut known)?;
        self.dss = Some(whole.then_some(known));
        Ok(())
    }

    pub(super) fn pages(&mut self, view: View<'_>) -> Result<&PageTree, PdfError> {
        let tree = match self.pages.take() {
            Some(tree) => tree,
            None => {
                let mut tree = PageTree::default();
                for page in view.pages() {
                    let page = page?;
                    self.steps = self.steps.saturating_sub(1);
                    tree.index.insert(page.reference.number, page.index);
                    if let Some(array) = page.dict.get("Annots").and_then(Object::as_ref) {
                        tree.arrays.insert(array.number, page.index);
                    }
                }
                tree
            }
        };
        Ok(self.pages.insert(tree))
    }

    /// Whether the object is a field of the form or a widget of one.
    pub(super) fn is_widget(
        &mut self,
        view: View<'_>,
        form: &Form,
        number: u32,
    ) -> Result<bool, PdfError> {
        Ok(self.widgets(view, form)?.contains(&number))
    }

    fn widgets(&mut self, view: View<'_>, form: &Form) -> Result<&HashSet<u32>, PdfError> {
        let widgets = match self.widgets.take() {
            Some(widgets) => widgets,
            None => {
                let mut widgets = HashSet::new();
                for field in &form.fields {
                    let Some(left) = self.steps.checked_sub(1) else {
                        break;
                    };
                    let found = numbers(view, field)?;
                    self.steps = left.saturating_sub(found.len());
                    widgets.extend(found);
                }
                widgets
            }
        };
        Ok(self.widgets.insert(widgets))
    }

    /// Whether the pages show the object, or may: an object that a page's content or resources
    /// reach is judged as that, whatever else it was prepared to be (a field's appearance, an
    /// annotation, validation data).
    pub(super) fn shown(&mut self, view: View<'_>, number: u32) -> Result<bool, PdfError> {
        if self.shown.is_none() {
            let mut from = Vec::new();
            for page in view.pages() {
                let page = page?;
                let own = page.dict.entries().iter().chain(page.inherited.entries());
                from.extend(
                    own.filter(|e| e.key.0 != b"Annots" && e.key.0 != b"Parent")
                        .map(|e| e.value.clone()),
                );
            }
            let mut seen = HashSet::new();
            let whole = self.gather(view, from, &|_| false, &mut seen)?;
            self.shown = Some(whole.then_some(seen));
        }
        Ok(contains(&self.shown, number))
    }

    /// Whether anything else leads to the object, or may: the catalog's other entries, the form's
    /// resources, actions of fields, annotations that are no fields.
    pub(super) fn elsewhere(
        &mut self,
        view: View<'_>,
        form: &Form,
        number: u32,
    ) -> Result<bool, PdfError> {
        if self.elsewhere.is_none() {
            let numbers = self.gather_elsewhere(view, form)?;
            self.elsewhere = Some(numbers);
        }
        Ok(contains(&self.elsewhere, number))
    }

    fn gather_elsewhere(&mut self, view: View<'_>, form: &Form) -> Result<Numbers, PdfError> {
        let others = |dict: &Dict, but: &[&str]| -> Vec<Object> {
            dict.entries()
                .iter()
                .filter(|e| !but.iter().any(|b| b.as_bytes() == e.key.0))
                .map(|e| e.value.clone())
                .collect()
        };
        let catalog = view.catalog()?;
        let mut from = others(&catalog, &["Pages", "AcroForm", "DSS", "Metadata"]);
        from.extend(others(&form.dict, &["Fields", "DR"]));
        if let Object::Dict(resources) = view.value(&form.dict, "DR")? {
            from.extend(others(&resources, &[]));
        }
        for field in &form.fields {
            let signature = field.kind == b"Sig";
            for (_, widget) in field.widgets(view)? {
                // The look is the field's own, and a signature is judged for itself.
                let but: &[&str] = if signature {
                    &["AP", "Kids", "P", "Parent", "V"]
                } else {
                    &["AP", "Kids", "P", "Parent"]
                };
                from.extend(others(&widget, but));
            }
        }
        // Pages, fields and annotations are judged by rules of their own, wherever they are named:
        // a tagged document's structure leads to all of them.
        let mut own: HashSet<u32> = self.widgets(view, form)?.clone();
        own.insert(view.root()?.number);
        let mut annotations = HashSet::new();
        for page in view.pages() {
            let page = page?;
            own.insert(page.reference.number);
            let list = view.value(&page.dict, "Annots")?;
            for annotation in list.as_array().unwrap_or_default() {
                let number = annotation.as_ref().map(|r| r.number);
                if number.is_some_and(|n| own.contains(&n)) {
                    continue;
                }
                annotations.extend(number);
                let dict = super::compare::dict(&view.resolve(annotation)?);
                from.extend(others(&dict, &["P", "Parent", "Popup"]));
            }
        }
        let stop = |n: u32| own.contains(&n) || annotations.contains(&n);
        let mut seen = HashSet::new();
        let whole = self.gather(view, from, &stop, &mut seen)?;
        seen.extend(annotations);
        Ok(whole.then_some(seen))
    }

    /// Whether the object is validation data.
    pub(super) fn is_dss(
        &mut self,
        view: View<'_>,
        catalog: &Dict,
        number: u32,
    ) -> Result<bool, PdfError> {
        if self.dss.is_none() {
            let mut seen = HashSet::new();
            let from = catalog.get("DSS").cloned().into_iter().collect();
            let whole = self.gather(view, from, &|_| false, &mut seen)?;
            self.dss = Some(whole.then_some(seen));
        }
        // What is too much to be known is nothing that a change is excused for.
        let known = self.dss.as_ref().and_then(Option::as_ref);
        Ok(known.is_some_and(|dss| dss.contains(&number)))
    }

    /// Whose look the object is part of, if it is.
    pub(super) fn look(
        &mut self,
        view: View<'_>,
        form: &Form,
        number: u32,
    ) -> Result<Option<Look>, PdfError> {
        if self.looks.is_none() {
            let mut looks = HashMap::new();
            for field in &form.fields {
                self.add_look(view, field, &mut looks)?;
            }
            self.looks = Some(looks);
        }
        let looks = self.looks.as_ref().filter(|_| !self.exhausted());
        Ok(looks.and_then(|l| l.get(&number)).cloned())
    }

    /// Adds what the look of a field consists of. An object is visited again only if it turns out
    /// to be of several fields, or of a signature: three times at most.
    fn add_look(
        &mut self,
        view: View<'_>,
        field: &Arc<Field>,
        looks: &mut HashMap<u32, Look>,
    ) -> Result<(), PdfError> {
        let signed = field.kind == b"Sig" && field.is_signed(view)?;
        let widgets = field.widgets(view)?.into_iter();
        let mut stack: Vec<Object> = widgets.filter_map(|(_, mut w)| w.remove("AP")).collect();
        while let Some(object) = stack.pop() {
            let Some(left) = self.steps.checked_sub(1) else {
                return Ok(());
            };
            self.steps = left;
            let Object::Ref(reference) = object else {
                self.steps = left.saturating_sub(values(&object, &mut stack));
                continue;
            };
            let new = match looks.get(&reference.number) {
                None => Look {
                    owner: Some(Arc::clone(field)),
                    signed,
                },
                Some(old) => {
                    let same = old.owner.as_ref().is_some_and(|o| o.name == field.name);
                    if (same || old.owner.is_none()) && (old.signed || !signed) {
                        continue;
                    }
                    Look {
                        owner: old.owner.clone().filter(|_| same),
                        signed: old.signed || signed,
                    }
                }
            };
            looks.insert(reference.number, new);
            stack.push(one_step(view, reference)?);
        }
        Ok(())
    }

    /// Adds to `seen` what can be reached from `from` without entering where `stop` says so, and
    /// without going on behind what was seen already. `false` if it is too much.
    fn gather(
        &mut self,
        view: View<'_>,
        from: Vec<Object>,
        stop: &dyn Fn(u32) -> bool,
        seen: &mut HashSet<u32>,
    ) -> Result<bool, PdfError> {
        let mut stack = from;
        while let Some(object) = stack.pop() {
            let Some(left) = self.steps.checked_sub(1) else {
                return Ok(false);
            };
            self.steps = left;
            match object {
                Object::Ref(reference) => {
                    if !stop(reference.number) && seen.insert(reference.number) {
                        stack.push(one_step(view, reference)?);
                    }
                }
                other => self.steps = left.saturating_sub(values(&other, &mut stack)),
            }
        }
        Ok(true)
    }
}

/// Whether the number is among these, or may be.
fn contains(numbers: &Option<Numbers>, number: u32) -> bool {
    let known = numbers.as_ref().and_then(Option::as_ref);
    known.is_none_or(|n| n.contains(&number))
}
