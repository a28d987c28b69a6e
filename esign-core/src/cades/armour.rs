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

#[cfg(test)]
mod tests {
    use super::*;

    /// A message that begins like armour and whose body cannot be read.
    struct Unread(u64);

    impl ReadAt for Unread {
        fn len(&self) -> u64 {
            self.0
        }

        fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
            let begin = b"-----BEGIN ";
            if offset > 0 || buf.len() != begin.len() {
                return Err(std::io::Error::other("the body"));
            }
            buf.copy_from_slice(begin);
            Ok(begin.len())
        }
    }

    #[test]
    fn armour_is_read_up_to_the_limit() {
        // Up to the limit the body is asked for, beyond it not even that.
        let error = unarmoured(&Unread(MAX_PEM)).unwrap_err().to_string();
        assert!(error.contains("the body"), "{error}");
        let error = unarmoured(&Unread(MAX_PEM + 1)).unwrap_err();
        let CadesError::Cms(CmsError::Decode(decode)) = &error else {
            panic!("{error}");
        };
        assert!(matches!(decode.kind(), DecodeKind::Limit(_)), "{error}");
        assert!(error.to_string().contains("256 MiB"), "{error}");
    }
}
