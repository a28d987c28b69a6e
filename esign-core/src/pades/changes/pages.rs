//! Pages and their annotations: what may be added to them.

use std::collections::HashSet;

use super::Judge;
use super::compare::{dict, differing, key};
use crate::pdf::{Dict, Object, PdfError, View};
use crate::validation::ChangeKind;

impl Judge<'_> {
    pub(super) fn page(&mut self, index: usize, old: &Dict, new: &Dict) -> Result<(), PdfError> {
        let label = label(index);
        for key in differing(old, new) {
            if key != "Annots" {
                if key != "LastModified" && key != "PieceInfo" {
                    self.note(ChangeKind::Other, format!("{label}, entry {key}"));
                }
                continue;
            }
            let list = |view: View<'_>, page: &Dict| -> Result<Vec<Object>, PdfError> {
                let array = view.value(page, "Annots")?;
                Ok(array.as_array().unwrap_or_default().to_vec())
            };
            let (before, after) = (list(self.before, old)?, list(self.after, new)?);
            self.annotations(&label, &before, &after)?;
            let array = |page: &Dict| page.get("Annots").and_then(Object::as_ref);
            let (was, is) = (array(old), array(new));
            self.arrays
                .push((was.map(|r| r.number), is.map(|r| r.number), index));
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
        // Mostly some are added behind those that were there.
        let same = before.iter().zip(after).take_while(|(a, b)| a == b).count();
        let before = before.get(same..).unwrap_or_default();
        let after = after.get(same..).unwrap_or_default();
        let (old, new): (HashSet<_>, HashSet<_>) = (
            before.iter().map(key).collect(),
            after.iter().map(key).collect(),
        );
        for gone in before.iter().filter(|a| !new.contains(&key(a))) {
            let was = dict(&self.before.resolve(gone)?);
            let widget = was.get("Subtype").and_then(Object::as_name) == Some(b"Widget");
            let kind = if widget {
                ChangeKind::Other
            } else {
                ChangeKind::Annotations
            };
            self.note(kind, format!("{label}, annotation removed"));
        }
        for added in after.iter().filter(|a| !old.contains(&key(a))) {
            let is = dict(&self.after.resolve(added)?);
            let subtype = is.get("Subtype").and_then(Object::as_name);
            let subtype = subtype.unwrap_or_default().to_vec();
            if subtype == b"Widget" {
                // The field itself was judged; a widget of no field of the form is an annotation
                // that shows something.
                if !self.is_widget_now(added)? {
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
    pub(super) fn other(
        &mut self,
        number: u32,
        old: &Object,
        new: &Object,
    ) -> Result<(), PdfError> {
        let page = self.reach.pages(self.before)?.arrays.get(&number).copied();
        if let (Object::Array(before), Object::Array(after), Some(page)) = (old, new, page)
            && !self.reach.elsewhere(self.before, self.old_form, number)?
        {
            return self.annotations(&label(page), before, after);
        }
        let annotation = |o: &Object| {
            o.as_dict()
                .is_some_and(|d| d.get("Subtype").is_some() && d.get("Rect").is_some())
                && o.as_stream().is_none()
        };
        if annotation(old) && annotation(new) && !self.reach.exhausted() {
            self.note(
                ChangeKind::Annotations,
                format!("annotation (object {number})"),
            );
            return Ok(());
        }
        let kind = new.as_dict().and_then(|d| d.get("Type"));
        let what = match kind.and_then(Object::as_name) {
            Some(name) => format!("object {number} ({})", String::from_utf8_lossy(name)),
            None => format!("object {number}"),
        };
        self.note(ChangeKind::Other, what);
        Ok(())
    }
}

fn label(index: usize) -> String {
    format!("page {}", index.saturating_add(1))
}
