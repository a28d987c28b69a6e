//! The box: what the register keeps of a document, closed under its code.

use core::fmt;

use ring::aead;

use crate::code::Code;
use crate::visible_seal::Value;

/// Boxes are padded to a multiple of this, so that their length tells little.
const BLOCK: usize = 512;
/// Largest box that is opened: a seal is below 1 KiB.
const MAX_BOX: usize = 8 * BLOCK;

/// What a box holds.
#[derive(Clone, PartialEq, Eq)]
pub struct BoxContent {
    /// The visible seal.
    pub seal: Vec<u8>,
    /// Digest F of the issued file, where there is one.
    pub file_digest: Option<[u8; 32]>,
}

/// A box that does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoxError {
    /// Another code, another salt, or changed octets.
    Closed,
    /// It opens, but does not hold `[seal, F]`.
    Content,
}

/// Closes a box with the code's key; `salt` is random and new for every sealing.
///
/// # Errors
/// [`BoxError::Content`] where the content is larger than a box may be.
pub fn seal_box(code: &Code, salt: &[u8; 16], content: &BoxContent) -> Result<Vec<u8>, BoxError> {
    let digest = content
        .file_digest
        .map_or(Value::Null, |d| Value::Bytes(d.to_vec()));
    let members = vec![Value::Bytes(content.seal.clone()), digest];
    let mut octets = crate::visible_seal::encode_cbor(&Value::Array(members));
    octets.resize(octets.len().div_ceil(BLOCK) * BLOCK, 0);
    if octets.len() > MAX_BOX {
        return Err(BoxError::Content);
    }
    let (key, nonce, locator) = parts(code, salt)?;
    key.seal_in_place_append_tag(nonce, aead::Aad::from(locator), &mut octets)
        .map_err(|_| BoxError::Closed)?;
    Ok(octets)
}

/// Opens a box with the code's key.
///
/// # Errors
/// [`BoxError`].
pub fn open_box(code: &Code, salt: &[u8; 16], octets: &[u8]) -> Result<BoxContent, BoxError> {
    if octets.len() > MAX_BOX + 16 {
        return Err(BoxError::Content);
    }
    let (key, nonce, locator) = parts(code, salt)?;
    let mut octets = octets.to_vec();
    let plain = key
        .open_in_place(nonce, aead::Aad::from(locator), &mut octets)
        .map_err(|_| BoxError::Closed)?;
    // The item's own length says where the padding begins: try the lengths that leave less than
    // one block of zeros.
    let zeros = plain.iter().rev().take_while(|b| **b == 0).count();
    let least = plain.len().saturating_sub(zeros);
    let longest = plain.len().min(least.saturating_add(BLOCK));
    for end in least..=longest {
        let Some(item) = plain.get(..end) else { break };
        let Ok(Value::Array(members)) = crate::visible_seal::decode_cbor(item) else {
            continue;
        };
        let digest = |d: &Value| match d {
            Value::Null => Some(None),
            Value::Bytes(d) => <[u8; 32]>::try_from(d.as_slice()).ok().map(Some),
            _ => None,
        };
        if let [Value::Bytes(seal), file] = members.as_slice()
            && let Some(file_digest) = digest(file)
        {
            return Ok(BoxContent {
                seal: seal.clone(),
                file_digest,
            });
        }
    }
    Err(BoxError::Content)
}

fn parts(
    code: &Code,
    salt: &[u8; 16],
) -> Result<(aead::LessSafeKey, aead::Nonce, [u8; 16]), BoxError> {
    let keys = code.keys();
    let derived = keys.box_key(salt);
    let (key, nonce) = derived.split_at_checked(32).ok_or(BoxError::Closed)?;
    let key = aead::UnboundKey::new(&aead::AES_256_GCM, key).map_err(|_| BoxError::Closed)?;
    let nonce = aead::Nonce::try_assume_unique_for_key(nonce).map_err(|_| BoxError::Closed)?;
    Ok((aead::LessSafeKey::new(key), nonce, keys.locator()))
}

impl fmt::Debug for BoxContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BoxContent {{ seal of {} octets }}", self.seal.len())
    }
}

impl fmt::Display for BoxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "box: does not open with this code",
            Self::Content => "box: does not hold a seal and a file digest",
        })
    }
}

impl std::error::Error for BoxError {}
