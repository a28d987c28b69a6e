//! The interactive form: fields by their full names, signature fields, and what earlier
//! signatures forbid.
//!
//! # Source
//! ISO 32000-2 12.7 (forms), 12.8.2 (transform methods), table 236 (signature field lock).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::pdf::text;
use crate::pdf::{Dict, Object, PdfError, Reference, View};

/// Depth of the tree of fields. Names of real forms have under ten parts.
const MAX_DEPTH: usize = 32;
/// Fields of one form. Tax forms have a few thousand.
const MAX_FIELDS: usize = 100_000;

/// Fields that are looked at over all revisions of a document together: 2 000 signatures, each in
/// a revision of its own, are 2 million.
const MAX_VISITS: usize = 1 << 24;

/// Fields as they were read in an earlier revision, and how many more may be looked at.
///
/// Only fields at the root of the form that are their own widgets are kept: nothing but their own
/// object says what they are.
pub(super) struct Known {
    fields: HashMap<Reference, Arc<Field>>,
    visits: usize,
}

/// One terminal or named field.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// Full name: the partial names from the root joined by dots.
    pub(super) name: String,
    /// The object; `None` where the dictionary stands directly in its array.
    pub(super) reference: Option<Reference>,
    /// Its own dictionary.
    pub(super) dict: Dict,
    /// `/FT`, its own or inherited.
    pub(super) kind: Vec<u8>,
    /// `/V`, its own or inherited, as it stands: mostly a reference for signatures.
    ///
    /// Shared: a parent's signature may be inherited by any number of fields.
    pub(super) value: Option<Arc<Object>>,
}

/// The form of a document.
#[derive(Clone, Debug, Default)]
pub(super) struct Form {
    /// The form's object; `None` where it stands directly in the catalog or there is none.
    pub(super) reference: Option<Reference>,
    /// The form's dictionary; empty where there is none.
    pub(super) dict: Dict,
    /// Every field with a name of its own and every terminal field.
    pub(super) fields: Vec<Arc<Field>>,
    /// What was wrong with the tree without making it unreadable.
    pub(super) oddities: Vec<String>,
    /// Whether there are more fields than were read.
    pub(super) truncated: bool,
}

/// Which fields a restriction speaks of, by exact full names (rule 57).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    All,
    Include(Vec<String>),
    Exclude(Vec<String>),
}

/// What one signature forbids for the time after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Restriction {
    /// `/P` of DocMDP or of the field's lock: 1 nothing, 2 form filling, 3 annotations as well.
    pub(super) permission: Option<u8>,
    /// Whether the permission is a certification (DocMDP of the whole document).
    pub(super) certifies: bool,
    /// Fields that may not change any more.
    pub(super) locked: Vec<Scope>,
}

impl Known {
    /// Nothing known, [`MAX_VISITS`] to spend.
    pub(super) fn new() -> Self {
        Self::limited(MAX_VISITS)
    }

    pub(super) fn limited(visits: usize) -> Self {
        Self {
            fields: HashMap::new(),
            visits,
        }
    }

    /// Forgets the fields that a revision writes.
    pub(super) fn forget(&mut self, written: &HashSet<u32>) {
        if written.len() < self.fields.len() {
            // A field that is kept has no other generation: a change of it is a change.
            let generation = 0;
            for &number in written {
                self.fields.remove(&Reference { number, generation });
            }
        } else {
            self.fields.retain(|r, _| !written.contains(&r.number));
        }
    }

    /// Forgets all fields, not what was spent.
    pub(super) fn forget_all(&mut self) {
        self.fields.clear();
    }
}

impl Form {
    /// Reads the form of the document's catalog.
    pub(super) fn read(view: View<'_>, catalog: &Dict) -> Result<Self, PdfError> {
        Self::read_with(view, catalog, &mut Known::new())
    }

    /// Reads the form with what is known of its fields, and adds to that.
    pub(super) fn read_with(
        view: View<'_>,
        catalog: &Dict,
        known: &mut Known,
    ) -> Result<Self, PdfError> {
        let Some(entry) = catalog.get("AcroForm") else {
            return Ok(Self::default());
        };
        let object = view.resolve(entry)?;
        let Some(dict) = object.as_dict() else {
            return Ok(Self::default());
        };
        let mut form = Self {
            reference: entry.as_ref(),
            dict: dict.clone(),
            fields: Vec::new(),
            oddities: Vec::new(),
            truncated: false,
        };
        form.walk(view, known)?;
        Ok(form)
    }

    fn walk(&mut self, view: View<'_>, known: &mut Known) -> Result<(), PdfError> {
        struct Node {
            object: Object,
            prefix: String,
            kind: Vec<u8>,
            value: Option<Arc<Object>>,
            depth: usize,
        }
        let roots = self
            .dict
            .get("Fields")
            .map(|f| view.resolve(f))
            .transpose()?;
        let children =
            |array: &Object| array.as_array().map(<[Object]>::to_vec).unwrap_or_default();
        let mut seen = HashSet::new();
        let mut stack: Vec<Node> = roots
            .iter()
            .flat_map(children)
            .rev()
            .map(|object| Node {
                object,
                prefix: String::new(),
                kind: Vec::new(),
                value: None,
                depth: 0,
            })
            .collect();
        while let Some(node) = stack.pop() {
            let reference = node.object.as_ref();
            if let Some(reference) = reference
                && !seen.insert(reference)
            {
                self.oddities
                    .push(format!("field {reference} stands twice in the form"));
                continue;
            }
            let left = known.visits.checked_sub(1);
            let (Some(left), false) = (
                left,
                node.depth > MAX_DEPTH || self.fields.len() >= MAX_FIELDS,
            ) else {
                self.truncated = true;
                self.oddities
                    .push("the form has more fields or levels than are read".to_owned());
                break;
            };
            known.visits = left;
            let root = node.depth == 0;
            if root && let Some(field) = reference.and_then(|r| known.fields.get(&r)) {
                self.fields.push(Arc::clone(field));
                continue;
            }
            let resolved = view.resolve(&node.object)?;
            let Some(dict) = resolved.as_dict() else {
                continue;
            };
            let partial = match dict.get("T").map(|t| view.resolve(t)).transpose()? {
                Some(Object::String(s)) => Some(text::decode(&s.bytes)),
                _ => None,
            };
            let name = match (&partial, node.prefix.is_empty()) {
                (Some(p), true) => p.clone(),
                (Some(p), false) => format!("{}.{p}", node.prefix),
                (None, _) => node.prefix.clone(),
            };
            let own = |key: &str| dict.get(key).map(|o| view.resolve(o)).transpose();
            let kind = match own("FT")? {
                Some(Object::Name(n)) => n.0,
                _ => node.kind,
            };
            let value = dict.get("V").cloned().map(Arc::new).or(node.value);
            let kids = own("Kids")?.map(|k| children(&k)).unwrap_or_default();
            // One array may be the kids of any number of fields.
            known.visits = known.visits.saturating_sub(kids.len());
            // A kid without a name is a widget of this field, not a field.
            let mut named_kids = Vec::new();
            for kid in kids {
                let resolved = view.resolve(&kid)?;
                if resolved.as_dict().is_some_and(|d| d.get("T").is_some()) {
                    named_kids.push(kid);
                }
            }
            if named_kids.is_empty() || !kind.is_empty() {
                let field = Arc::new(Field {
                    name: name.clone(),
                    reference,
                    dict: dict.clone(),
                    kind: kind.clone(),
                    value: value.clone(),
                });
                let direct = |key: &str| dict.get(key).is_none_or(|v| v.as_ref().is_none());
                let alone = root && dict.get("Kids").is_none() && direct("T") && direct("FT");
                if let Some(reference) = reference.filter(|r| alone && r.generation == 0) {
                    known.fields.insert(reference, Arc::clone(&field));
                }
                self.fields.push(field);
            }
            stack.extend(named_kids.into_iter().rev().map(|object| Node {
                object,
                prefix: name.clone(),
                kind: kind.clone(),
                value: value.clone(),
                depth: node.depth + 1,
            }));
        }
        Ok(())
    }

    /// The field of this exact full name.
    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.name == name).map(|f| &**f)
    }

    /// The signature fields.
    pub(super) fn signature_fields(&self) -> impl Iterator<Item = &Field> {
        self.fields
            .iter()
            .map(|f| &**f)
            .filter(|f| f.kind == b"Sig")
    }
}

impl Field {
    /// Its widgets: itself, and its kids without names.
    pub(super) fn widgets(
        &self,
        view: View<'_>,
    ) -> Result<Vec<(Option<Reference>, Dict)>, PdfError> {
        let mut widgets = vec![(self.reference, self.dict.clone())];
        let Some(kids) = self.dict.get("Kids") else {
            return Ok(widgets);
        };
        for kid in view.resolve(kids)?.as_array().unwrap_or_default() {
            if let Object::Dict(dict) = view.resolve(kid)? {
                widgets.push((kid.as_ref(), dict));
            }
        }
        Ok(widgets)
    }

    /// Whether a signature field holds a signature.
    pub(super) fn is_signed(&self, view: View<'_>) -> Result<bool, PdfError> {
        match &self.value {
            None => Ok(false),
            Some(v) => Ok(view.resolve(v)?.as_dict().is_some()),
        }
    }

    /// What the lock of a signature field will forbid once it is signed.
    pub(super) fn lock(&self, view: View<'_>) -> Result<Option<(Scope, Option<u8>)>, PdfError> {
        let Some(lock) = self.dict.get("Lock") else {
            return Ok(None);
        };
        let lock = view.resolve(lock)?;
        let Some(dict) = lock.as_dict() else {
            return Ok(None);
        };
        let permission = permission(view, dict)?;
        Ok(Some((Scope::read(view, dict)?, permission)))
    }
}

impl Scope {
    /// Reads `/Action` and `/Fields`; anything unknown counts as all, the strictest.
    pub(super) fn read(view: View<'_>, dict: &Dict) -> Result<Self, PdfError> {
        let action = dict.get("Action").map(|a| view.resolve(a)).transpose()?;
        let mut names = Vec::new();
        if let Some(Object::Array(items)) =
            dict.get("Fields").map(|f| view.resolve(f)).transpose()?
        {
            for item in &items {
                if let Object::String(s) = view.resolve(item)? {
                    names.push(text::decode(&s.bytes));
                }
            }
        }
        Ok(match action.as_ref().and_then(Object::as_name) {
            Some(b"Include") => Self::Include(names),
            Some(b"Exclude") => Self::Exclude(names),
            _ => Self::All,
        })
    }

    /// Whether it speaks of the field of this exact full name.
    pub(super) fn covers(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Include(names) => names.iter().any(|n| n == name),
            Self::Exclude(names) => !names.iter().any(|n| n == name),
        }
    }
}

impl Restriction {
    /// What the signature in `field` forbids: the transforms of its dictionary and the field's lock.
    pub(super) fn of(view: View<'_>, field: &Field, signature: &Dict) -> Result<Self, PdfError> {
        let mut restriction = Self::default();
        let references = signature
            .get("Reference")
            .map(|r| view.resolve(r))
            .transpose()?;
        for item in references
            .as_ref()
            .and_then(Object::as_array)
            .unwrap_or_default()
        {
            let item = view.resolve(item)?;
            let Some(reference) = item.as_dict() else {
                continue;
            };
            let parameters = reference.get("TransformParams").map(|p| view.resolve(p));
            let parameters = parameters.transpose()?;
            let empty = Dict::new();
            let parameters = parameters
                .as_ref()
                .and_then(Object::as_dict)
                .unwrap_or(&empty);
            let method = reference
                .get("TransformMethod")
                .map(|m| view.resolve(m))
                .transpose()?;
            match method.as_ref().and_then(Object::as_name) {
                Some(b"DocMDP") => {
                    // ISO 32000-2 table 257: P is 2 where it is absent.
                    let p = permission(view, parameters)?.unwrap_or(2);
                    restriction.permission = Some(restriction.permission.map_or(p, |q| q.min(p)));
                    restriction.certifies = true;
                }
                Some(b"FieldMDP") => {
                    let scope = Scope::read(view, parameters)?;
                    restriction.locked.push(scope);
                }
                _ => {}
            }
        }
        if let Some((scope, permission)) = field.lock(view)? {
            if !restriction.locked.contains(&scope) {
                restriction.locked.push(scope);
            }
            if let Some(p) = permission {
                restriction.permission = Some(restriction.permission.map_or(p, |q| q.min(p)));
            }
        }
        Ok(restriction)
    }
}

/// `/P` as 1 to 3.
fn permission(view: View<'_>, dict: &Dict) -> Result<Option<u8>, PdfError> {
    let p = dict.get("P").map(|p| view.resolve(p)).transpose()?;
    Ok(p.as_ref()
        .and_then(Object::as_integer)
        .and_then(|p| u8::try_from(p).ok())
        .filter(|p| (1..=3).contains(p)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_over_all_revisions() {
        let mut file = b"%PDF-1.7\n".to_vec();
        let body = "<</Type/Catalog/AcroForm<</Fields[<</T(a)>><</T(b)/Kids[1 2]>><</T(c)>>]>>>>";
        file.extend(format!("1 0 obj\n{body}\nendobj\n").bytes());
        let tail = "trailer\n<</Size 2/Root 1 0 R>>\nstartxref\n";
        let table = format!(
            "xref\n1 1\n0000000009 00000 n \n{tail}{}\n%%EOF\n",
            file.len()
        );
        file.extend(table.bytes());
        let document = crate::pdf::Document::open(&file).unwrap();
        let view = document.current();
        // Three fields and two kids.
        for (visits, read, truncated) in [(0, 0, true), (1, 1, true), (3, 2, true), (5, 3, false)] {
            let mut known = Known::limited(visits);
            let form = Form::read_with(view, &view.catalog().unwrap(), &mut known).unwrap();
            assert_eq!(
                (form.fields.len(), form.truncated),
                (read, truncated),
                "{visits}"
            );
            let again = Form::read_with(view, &view.catalog().unwrap(), &mut known).unwrap();
            assert_eq!(again.fields.len(), 0, "{visits}");
        }
    }

    #[test]
    fn scopes_know_exact_names_only() {
        let names = vec!["Ad".to_owned(), "a.b".to_owned()];
        assert!(Scope::All.covers("anything"));
        assert!(Scope::Include(names.clone()).covers("a.b"));
        assert!(!Scope::Include(names.clone()).covers("a"));
        assert!(!Scope::Include(names.clone()).covers("Ad2"));
        assert!(Scope::Exclude(names.clone()).covers("Ad2"));
        assert!(!Scope::Exclude(names).covers("Ad"));
    }
}
