use std::collections::HashSet;

use super::limits::MAX_PAGE_DEPTH;
use super::{DeviationKind, Dict, Object, PdfError, PdfErrorKind, Reference, View};

/// The attributes that a page takes from the nodes above it (ISO 32000-1 table 30).
const INHERITED: [&str; 4] = ["Resources", "MediaBox", "CropBox", "Rotate"];

/// A page and what it inherits.
#[derive(Clone, Debug)]
pub struct Page {
    /// Place in the document, from 0.
    pub index: usize,
    /// The page object.
    pub reference: Reference,
    /// Its dictionary as it is in the file.
    pub dict: Dict,
    /// `Resources`, `MediaBox`, `CropBox` and `Rotate` of the nodes above, the nearest first.
    pub inherited: Dict,
}

/// The pages of a document in order; each step reads one page.
///
/// After an error there are no more pages.
pub struct Pages<'d> {
    view: View<'d>,
    started: bool,
    failed: bool,
    stack: Vec<Node>,
    seen: HashSet<u32>,
    index: usize,
    declared: Option<i64>,
}

struct Node {
    kids: std::vec::IntoIter<Reference>,
    inherited: Dict,
}

impl Page {
    /// An attribute of the page itself or, if it can be inherited, of the nodes above it.
    pub fn attribute(&self, key: &str) -> Option<&Object> {
        self.dict.get(key).or_else(|| self.inherited.get(key))
    }
}

impl View<'_> {
    /// The page at `index`, from 0; reads those before it.
    ///
    /// # Errors
    /// `Misuse` if there are fewer pages; `Broken` if the page tree is; `Limit`, `Io`.
    pub fn page(&self, index: usize) -> Result<Page, PdfError> {
        let mut count = 0usize;
        for page in self.pages() {
            let page = page?;
            if page.index == index {
                return Ok(page);
            }
            count = count.saturating_add(1);
        }
        Err(PdfError::new(
            PdfErrorKind::Misuse,
            format!(
                "there is no page {}, the document has {count}",
                index.saturating_add(1)
            ),
        ))
    }

    /// The number of pages, counted by reading the tree; a different `/Count` is a deviation.
    ///
    /// # Errors
    /// `Broken` if the page tree is; `Limit`, `Io`.
    pub fn page_count(&self) -> Result<usize, PdfError> {
        self.pages()
            .try_fold(0usize, |n, page| page.map(|_| n.saturating_add(1)))
    }
}

impl<'d> Pages<'d> {
    pub(super) fn new(view: View<'d>) -> Self {
        Self {
            view,
            started: false,
            failed: false,
            stack: Vec::new(),
            seen: HashSet::new(),
            index: 0,
            declared: None,
        }
    }

    fn advance(&mut self) -> Result<Option<Page>, PdfError> {
        if !self.started {
            self.started = true;
            let catalog = self.view.catalog()?;
            let root = catalog
                .get("Pages")
                .and_then(Object::as_ref)
                .ok_or_else(|| {
                    PdfError::new(
                        PdfErrorKind::Broken,
                        "the catalog has no /Pages that is a reference",
                    )
                })?;
            if let Some(page) = self.visit(root, &Dict::new())? {
                return Ok(Some(page));
            }
        }
        loop {
            let Some(node) = self.stack.last_mut() else {
                if let Some(declared) = self.declared.take()
                    && usize::try_from(declared) != Ok(self.index)
                {
                    self.view.document().note(DeviationKind::PageCount, 0, None);
                }
                return Ok(None);
            };
            let Some(kid) = node.kids.next() else {
                self.stack.pop();
                continue;
            };
            let inherited = node.inherited.clone();
            if let Some(page) = self.visit(kid, &inherited)? {
                return Ok(Some(page));
            }
        }
    }

    /// Reads one node: a page is returned, an inner node goes on the stack.
    fn visit(&mut self, reference: Reference, inherited: &Dict) -> Result<Option<Page>, PdfError> {
        let fail =
            |what: &str| PdfError::new(PdfErrorKind::Broken, what).in_object(reference.number);
        // Also bounds the walk: no node is read twice, so there are no more steps than objects.
        if !self.seen.insert(reference.number) {
            return Err(fail("stands twice in the page tree"));
        }
        let Object::Dict(dict) = self.view.follow(reference)? else {
            return Err(fail("a node of the page tree is not a dictionary"));
        };
        let kind = dict.get("Type").and_then(Object::as_name);
        let inner = dict.get("Kids").is_some();
        let expected: &[u8] = if inner { b"Pages" } else { b"Page" };
        if kind != Some(expected) {
            self.view
                .document()
                .note(DeviationKind::PageType, 0, Some(reference.number));
        }
        if !inner {
            let index = self.index;
            self.index = index.saturating_add(1);
            return Ok(Some(Page {
                index,
                reference,
                dict,
                inherited: inherited.clone(),
            }));
        }
        if self.stack.len() >= MAX_PAGE_DEPTH {
            return Err(PdfError::limit(format!(
                "a page tree of more than {MAX_PAGE_DEPTH} levels"
            ))
            .in_object(reference.number));
        }
        if self.stack.is_empty() {
            self.declared = self.view.value(&dict, "Count")?.as_integer();
        }
        let Object::Array(kids) = self.view.value(&dict, "Kids")? else {
            return Err(fail("/Kids is not an array"));
        };
        let kids: Option<Vec<Reference>> = kids.iter().map(Object::as_ref).collect();
        let kids = kids.ok_or_else(|| fail("/Kids holds something that is no reference"))?;
        let mut inherited = inherited.clone();
        for key in INHERITED {
            if let Some(value) = dict.get(key) {
                inherited.set(key, value.clone());
            }
        }
        self.stack.push(Node {
            kids: kids.into_iter(),
            inherited,
        });
        Ok(None)
    }
}

impl Iterator for Pages<'_> {
    type Item = Result<Page, PdfError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let result = self.advance();
        self.failed = result.is_err();
        result.transpose()
    }
}
