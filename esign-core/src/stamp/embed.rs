//! The visible seal inside of the file, so that the file itself says which document it is.
//!
//! It stands where ISO 32000-2 14.5 lets applications keep their data: the catalog's page-piece
//! dictionary, under our name. A reader shows nothing of it, and what the page shows is untouched.

use super::error::StampError;
use crate::pdf::{Dict, Document, Object, Update, View};
use crate::time::UnixTime;

/// Our name in the page-piece dictionary.
const NAME: &str = "ESIGN";
/// Largest seal that is read back.
const MAX_SEAL: usize = 4096;

/// Returns the octets that put `seal` into the file, to be appended.
///
/// # Errors
/// The file is encrypted or broken.
pub fn embed_seal(
    document: &Document<'_>,
    seal: &[u8],
    at: UnixTime,
) -> Result<Vec<u8>, StampError> {
    let view = document.current();
    let root = view.root().map_err(StampError::from)?;
    let mut catalog = view.catalog().map_err(StampError::from)?;
    let mut pieces = match view
        .value(&catalog, "PieceInfo")
        .map_err(StampError::from)?
    {
        Object::Dict(dict) => dict,
        _ => Dict::new(),
    };
    let mut private = Dict::new();
    private.set("Seal", Object::hex(seal));
    let c = at.civil();
    let date = format!(
        "D:{:04}{:02}{:02}{:02}{:02}{:02}Z",
        c.year, c.month, c.day, c.hour, c.minute, c.second
    );
    let mut ours = Dict::new();
    ours.set("LastModified", Object::literal(date));
    ours.set("Private", private);
    pieces.set(NAME, ours);
    catalog.set("PieceInfo", pieces);
    let mut update = Update::new(document).map_err(StampError::from)?;
    update
        .put(root, &Object::Dict(catalog))
        .map_err(StampError::from)?;
    let id = seal.last_chunk::<16>().copied().unwrap_or_default();
    Ok(update.finish(&id).map_err(StampError::from)?.bytes)
}

/// The seal that stands in the file, if one does.
pub fn embedded_seal(view: View<'_>) -> Option<Vec<u8>> {
    let catalog = view.catalog().ok()?;
    let dict = |dict: &Dict, key: &str| match view.value(dict, key).ok()? {
        Object::Dict(inner) => Some(inner),
        _ => None,
    };
    let private = dict(&dict(&dict(&catalog, "PieceInfo")?, NAME)?, "Private")?;
    match view.value(&private, "Seal").ok()? {
        Object::String(s) if s.bytes.len() <= MAX_SEAL => Some(s.bytes),
        _ => None,
    }
}
