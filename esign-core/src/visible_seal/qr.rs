//! A seal as text for a QR: as a link in three segments, or without one.

use super::MAX_SEAL;

/// Digits for a tail of 1 to 6 octets, and for 7.
const TAIL: [usize; 8] = [0, 3, 5, 8, 10, 13, 15, 17];
/// The alphabet of RFC 9285, which is that of QR's alphanumeric mode.
const BASE45: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/// The pieces of a QR's text, each for the mode that holds it best.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QrText {
    /// Alphanumeric: `HTTPS://HOST/`, or `AZ1:` with all that follows.
    pub alphanumeric: String,
    /// Octets: `#`, so that what follows never reaches a server. Empty without a link.
    pub byte: String,
    /// Decimal digits: the seal. Empty without a link.
    pub numeric: String,
}

impl QrText {
    /// As a link to a verifier's page. `host` is a DNS name, without scheme and path.
    pub fn link(host: &str, seal: &[u8]) -> Self {
        Self {
            alphanumeric: format!("HTTPS://{}/", host.to_ascii_uppercase()),
            byte: "#".to_owned(),
            numeric: digits(seal),
        }
    }

    /// Without a link: for classes whose papers are checked with our verifiers only.
    pub fn bare(seal: &[u8]) -> Self {
        Self {
            alphanumeric: format!("AZ1:{}", base45(seal)),
            byte: String::new(),
            numeric: String::new(),
        }
    }

    /// The whole text.
    pub fn text(&self) -> String {
        [self.alphanumeric.as_str(), &self.byte, &self.numeric].concat()
    }
}

/// Seven octets become seventeen decimal digits, a tail of 1 to 6 becomes 3, 5, 8, 10, 13, 15.
pub fn digits(octets: &[u8]) -> String {
    octets
        .chunks(7)
        .map(|part| {
            let n = part.iter().fold(0u64, |n, b| (n << 8) | u64::from(*b));
            let width = TAIL.get(part.len()).copied().unwrap_or(17);
            format!("{n:0width$}")
        })
        .collect()
}

/// The octets of [`digits`]; `None` for any other text.
pub fn octets_of_digits(text: &str) -> Option<Vec<u8>> {
    if !text.bytes().all(|b| b.is_ascii_digit()) || text.len() > MAX_SEAL * 3 {
        return None;
    }
    let mut octets = Vec::with_capacity(text.len() / 17 * 7 + 7);
    for part in text.as_bytes().chunks(17) {
        let size = TAIL.iter().position(|w| *w == part.len())?;
        let n = part.iter().fold(0u64, |n, b| n * 10 + u64::from(b - b'0'));
        let be = n.to_be_bytes();
        let (zeros, value) = be.split_at_checked(8usize.checked_sub(size)?)?;
        if zeros.iter().any(|b| *b != 0) {
            return None;
        }
        octets.extend_from_slice(value);
    }
    Some(octets)
}

/// RFC 9285.
pub fn base45(octets: &[u8]) -> String {
    let symbol = |n: u16| char::from(BASE45.get(usize::from(n % 45)).copied().unwrap_or(b'0'));
    let mut text = String::with_capacity(octets.len() / 2 * 3 + 2);
    for part in octets.chunks(2) {
        let n = part.iter().fold(0u16, |n, b| (n << 8) | u16::from(*b));
        text.push(symbol(n));
        text.push(symbol(n / 45));
        if part.len() == 2 {
            text.push(symbol(n / 2025));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_both_ways() {
        for n in 0..30usize {
            let octets: Vec<u8> = (0..n).map(|i| u8::try_from(255 - i * 7).unwrap()).collect();
            assert_eq!(octets_of_digits(&digits(&octets)), Some(octets));
        }
        assert_eq!(digits(&[255; 7]).len(), 17);
        for bad in ["1", "256", "99999999999999999", "12a", "1234"] {
            assert_eq!(octets_of_digits(bad), None, "{bad}");
        }
    }

    #[test]
    fn base45_examples_of_the_rfc() {
        for (text, encoded) in [
            ("AB", "BB8"),
            ("Hello!!", "%69 VD92EX0"),
            ("base-45", "UJCLQE7W581"),
        ] {
            assert_eq!(base45(text.as_bytes()), encoded);
        }
    }
}
