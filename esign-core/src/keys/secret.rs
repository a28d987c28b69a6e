use zeroize::Zeroizing;

/// A passphrase. Its octets are wiped on drop; it has no `Debug`, `Display`, `Clone` or `serde`.
///
/// It is text because PKCS#12 hashes UTF-16 where PKCS#8 hashes UTF-8 (RFC 7292 B.1, RFC 8018 3);
/// it is taken as typed, without Unicode normalisation, as OpenSSL and Java do.
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes over `text`; no copy of it stays behind.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// UTF-8, for PBES1 and PBES2.
    pub(super) fn utf8(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// As it was typed, for a token.
    #[cfg(feature = "pkcs11")]
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// A second one, for whoever keeps it longer. Not `Clone`: each copy is a decision.
    #[cfg(feature = "pkcs11")]
    pub(crate) fn copy(&self) -> Self {
        Self(self.0.clone())
    }

    /// Big-endian UTF-16 with a terminating zero, for the key derivation of PKCS#12
    /// (RFC 7292 B.1). Letters beyond the basic plane become surrogates, as OpenSSL writes them.
    pub(super) fn bmp_string(&self) -> Zeroizing<Vec<u8>> {
        // Room for all of it at once: a vector that grows leaves copies behind.
        let mut out = Zeroizing::new(Vec::with_capacity(self.0.len() * 2 + 2));
        out.extend(self.0.encode_utf16().chain([0]).flat_map(u16::to_be_bytes));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bmp_string_of_azerbaijani_letters() {
        let text = Passphrase::new("əĞ😀".to_owned()).bmp_string();
        assert_eq!(
            *text,
            [0x02, 0x59, 0x01, 0x1e, 0xd8, 0x3d, 0xde, 0x00, 0, 0]
        );
        assert_eq!(*Passphrase::new(String::new()).bmp_string(), [0, 0]);
    }

    #[test]
    fn wiped_on_drop_and_never_moved_by_growing() {
        fn wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        let passphrase = Passphrase::new("ə😀x".repeat(100));
        wiped(&passphrase.0);
        let out = passphrase.bmp_string();
        wiped(&out);
        assert!(out.len() <= passphrase.0.len() * 2 + 2);
    }
}
