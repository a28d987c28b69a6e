//! The stamp of an identification code on a page of a PDF: code, QR, where to check.
//!
//! [`stamp`] appends an incremental update; nothing that the page shows is rewritten. It is done
//! before signing: a signed document is refused. The stamp is one form XObject without
//! transparency, in DeviceGray, with its fonts embedded, so that PDF/A files stay PDF/A as far as it
//! goes, and marked as an artifact, so that tagged files stay tagged.
//!
//! # Source
//! ISO 32000-1 §7.7.3 (pages), §8.10 (form XObjects), §9.7 (composite fonts); ISO/IEC 18004 (QR).

mod embed;
mod error;
mod font;
mod layout;
mod page;
mod qr;
mod signed;
#[cfg(test)]
mod tests;

pub use embed::{embed_seal, embedded_seal};
pub use error::StampError;
pub use qr::QrPiece;

use crate::keys::{DigestAlgorithm, Hasher};
use crate::pdf::{Compression, Dict, Document, Object, Page, Update};

/// Pages that [`PageChoice::Every`] stamps: the largest land register extracts have some thousand.
pub const MAX_PAGES: usize = 20_000;

/// What the stamp shows.
#[derive(Clone, Debug)]
pub struct Content {
    /// The identification code as it is printed, in groups: `0123-4567-89AB-CDEF-2NBK`.
    pub code: String,
    /// What the QR holds, piece by piece in its modes.
    pub qr: Vec<QrPiece>,
    /// The address to type, printed as it is.
    pub address: String,
    /// The lines before the address, as "Check only at …, type this address", in each language.
    pub lines: Vec<String>,
    /// Whether the code is of a test environment; the stamp then says SINAQ.
    pub test: bool,
}

/// On which pages and where.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Placement {
    /// The pages.
    pub pages: PageChoice,
    /// The place on each of them.
    pub position: Position,
}

/// The pages that are stamped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PageChoice {
    /// All, at most [`MAX_PAGES`].
    Every,
    /// The first.
    #[default]
    First,
    /// One of them, counted from 1.
    Number(usize),
}

/// A place on the page as it is displayed: its crop box, turned by `/Rotate`. In millimetres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Position {
    /// The stamp's lower left corner, from the page's lower left corner.
    At {
        /// To the right.
        x: f64,
        /// Upwards.
        y: f64,
    },
    /// In a corner, this far from both edges.
    In {
        /// The corner.
        corner: Corner,
        /// The distance.
        margin: f64,
    },
}

/// A corner of the displayed page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corner {
    /// Lower left.
    BottomLeft,
    /// Lower right.
    BottomRight,
    /// Upper left.
    TopLeft,
    /// Upper right.
    TopRight,
}

impl Default for Position {
    /// Lower right, 10 mm from the edges: what office printers can reach.
    fn default() -> Self {
        Self::In {
            corner: Corner::BottomRight,
            margin: 10.0,
        }
    }
}

/// The update to append, and what the stamp came to be.
#[derive(Clone, Debug)]
pub struct Stamped {
    /// The octets that follow the original file.
    pub bytes: Vec<u8>,
    /// Version of the QR, 1 to 24.
    pub qr_version: u8,
    /// Side of one QR module in millimetres, at least 0.33.
    pub module: f64,
    /// Width and height of the stamp in millimetres.
    pub size: (f64, f64),
    /// How many pages were stamped.
    pub pages: usize,
}

/// Draws the stamp. The same arguments give the same octets.
///
/// # Errors
/// [`StampError`]: encrypted or signed, no such page, no room, text or QR that cannot be drawn.
pub fn stamp(
    document: &Document<'_>,
    content: &Content,
    placement: &Placement,
) -> Result<Stamped, StampError> {
    if document.encrypted() {
        return Err(StampError::Encrypted);
    }
    let view = document.current();
    signed::refuse_signed(view)?;
    let symbol = qr::symbol(&content.qr)?;
    let sans = font::Font::sans()?;
    let mono = font::Font::mono()?;
    let drawing = layout::draw(content, &symbol, &sans, &mono)?;
    let pages = chosen(document, placement.pages)?;

    let mut update = Update::new(document)?;
    let mut fonts = Dict::new();
    fonts.set("F0", sans.embed(&mut update)?);
    fonts.set("F1", mono.embed(&mut update)?);
    let mut resources = Dict::new();
    resources.set("Font", fonts);
    let mut form = Dict::new();
    form.set("Type", Object::name("XObject"));
    form.set("Subtype", Object::name("Form"));
    form.set(
        "BBox",
        Object::Array(vec![
            Object::Integer(0),
            Object::Integer(0),
            Object::Real(drawing.width),
            Object::Real(drawing.height),
        ]),
    );
    form.set("Resources", resources);
    let form = update.add_stream(form, &drawing.operators, Compression::Flate)?;
    let opening = update.add_stream(Dict::new(), b"q\n", Compression::None)?;
    for page in &pages {
        page::add(
            &mut update,
            view,
            page,
            form,
            opening,
            &drawing,
            placement.position,
        )?;
    }

    let id = identifier(document, &drawing.operators);
    Ok(Stamped {
        bytes: update.finish(&id)?.bytes,
        qr_version: symbol.version(),
        module: drawing.module / layout::MM,
        size: (drawing.width / layout::MM, drawing.height / layout::MM),
        pages: pages.len(),
    })
}

fn chosen(document: &Document<'_>, choice: PageChoice) -> Result<Vec<Page>, StampError> {
    let view = document.current();
    match choice {
        PageChoice::First => Ok(vec![view.page(0)?]),
        PageChoice::Number(number) => match number.checked_sub(1) {
            Some(index) => Ok(vec![view.page(index)?]),
            None => Err(StampError::Page {
                page: 0,
                what: "pages are counted from 1".to_owned(),
            }),
        },
        PageChoice::Every => {
            let mut pages = Vec::new();
            for page in view.pages() {
                if pages.len() >= MAX_PAGES {
                    return Err(StampError::TooMany {
                        what: "pages",
                        limit: MAX_PAGES,
                    });
                }
                pages.push(page?);
            }
            if pages.is_empty() {
                // Says that there is no page 1.
                view.page(0)?;
            }
            Ok(pages)
        }
    }
}

/// The second part of the file identifier (§14.4): new for each stamp, without chance.
fn identifier(document: &Document<'_>, operators: &[u8]) -> Vec<u8> {
    let mut input = Vec::new();
    if let Some(id) = document.trailer().get("ID") {
        crate::pdf::write_object(&mut input, id);
    }
    input.extend_from_slice(&document.len().to_be_bytes());
    input.extend_from_slice(operators);
    let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
    hasher.update(&input);
    let mut id = hasher.finish().as_bytes().to_vec();
    id.truncate(16);
    id
}
