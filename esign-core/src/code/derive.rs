//! What a code opens: HKDF-SHA256 over its symbols (RFC 5869).

use ring::hkdf;
use zeroize::Zeroizing;

use super::{Code, symbol};

/// What is derived from a code.
pub struct Keys(hkdf::Prk);

/// A length for ring's HKDF.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl Keys {
    pub(super) fn of(code: &Code) -> Self {
        let mut input = Zeroizing::new(vec![code.version.number()]);
        input.extend(code.data.iter().map(|d| symbol(*d)));
        Self(hkdf::Salt::new(hkdf::HKDF_SHA256, b"esign-code/1").extract(&input))
    }

    /// The locator under which the register keeps the document; it tells nothing of the code.
    pub fn locator(&self) -> [u8; 16] {
        let mut out = [0; 16];
        self.expand(&[b"locator"], &mut out);
        out
    }

    /// Key (32 octets) and nonce (12) of the box, for the salt of one sealing.
    pub fn box_key(&self, salt: &[u8; 16]) -> Zeroizing<[u8; 44]> {
        let mut out = Zeroizing::new([0; 44]);
        self.expand(&[b"seal", salt], out.as_mut());
        out
    }

    fn expand(&self, info: &[&[u8]], out: &mut [u8]) {
        // Fails only for more than 255 blocks, which neither length is.
        if let Ok(okm) = self.0.expand(info, Length(out.len())) {
            let _ = okm.fill(out);
        }
    }
}
