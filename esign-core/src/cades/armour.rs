use std::borrow::Cow;

use super::CadesError;
use crate::cms::CmsError;
use crate::der::{DecodeError, DecodeKind};
use crate::source::ReadAt;
use crate::x509::pem_blocks;

/// Largest PEM-armoured message; armour is for messages that people mail, and takes memory.
const MAX_PEM: u64 = 256 << 20;

/// The message inside PEM armour (RFC 7468 8 and 9); `None` where there is no armour.
pub(super) fn unarmoured(message: &dyn ReadAt) -> Result<Option<Vec<u8>>, CadesError> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let mut start = [0u8; BEGIN.len()];
    if message.len() < u64::try_from(BEGIN.len()).unwrap_or(0) {
        return Ok(None);
    }
    message.read_exact_at(0, &mut start)?;
    if start != BEGIN {
        return Ok(None);
    }
    let bad = |kind| CadesError::Cms(CmsError::Decode(DecodeError::new(kind, "PEM", 0)));
    if message.len() > MAX_PEM {
        return Err(bad(DecodeKind::Limit("PEM of more than 256 MiB")));
    }
    let text: Cow<'_, [u8]> = match message.as_slice() {
        Some(all) => Cow::Borrowed(all),
        None => {
            let mut all = vec![0; usize::try_from(message.len()).unwrap_or(0)];
            message.read_exact_at(0, &mut all)?;
            Cow::Owned(all)
        }
    };
    let blocks = pem_blocks(&text, &["CMS", "PKCS7", "PKCS #7 SIGNED DATA"])
        .map_err(|e| CadesError::Cms(CmsError::Decode(e)))?;
    // A second message would go unjudged.
    match <[Vec<u8>; 1]>::try_from(blocks) {
        Ok([der]) => Ok(Some(der)),
        Err(_) => Err(bad(DecodeKind::Value("PEM with more than one message"))),
    }
}
