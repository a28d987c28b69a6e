use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{KeyError, KeyErrorKind};

/// Most blocks that are looked at in one key file: a key, its parameters and a long chain.
const MAX_BLOCKS: usize = 64;

/// One block between BEGIN and END lines (RFC 7468), its body not decoded yet.
pub(super) struct Block<'a> {
    pub(super) label: &'a str,
    body: &'a str,
}

/// The blocks of a text in their order. What stands between them is skipped, as RFC 7468 2 asks
/// for; `openssl pkcs12` writes names and attributes there.
pub(super) fn blocks(text: &str) -> Result<Vec<Block<'_>>, KeyError> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        if found.len() == MAX_BLOCKS {
            let what = format!("key file: more than {MAX_BLOCKS} PEM blocks");
            return Err(KeyError::new(KeyErrorKind::Limit, what));
        }
        let (label, after) = after
            .split_once("-----")
            .filter(|(label, _)| label.len() <= 64 && !label.contains(['\n', '\r']))
            .ok_or_else(|| malformed("key file: a PEM BEGIN line does not end"))?;
        let (body, after) = after
            .split_once("-----END ")
            .filter(|(_, after)| {
                after
                    .strip_prefix(label)
                    .is_some_and(|a| a.starts_with("-----"))
            })
            .ok_or_else(|| {
                malformed(&format!(
                    "key file: PEM block {label:?} has no END line of its own"
                ))
            })?;
        found.push(Block { label, body });
        rest = after;
    }
    Ok(found)
}

impl Block<'_> {
    /// Decodes the body into a buffer that is wiped on drop.
    pub(super) fn decode(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        // RFC 1421 headers: the encryption of OpenSSL before PKCS#8, one round of MD5.
        if self.body.contains(':') {
            let what = "key file: encrypted in OpenSSL's own PEM form (Proc-Type: 4,ENCRYPTED), \
                        which is not read; convert it with `openssl pkcs8 -topk8`";
            return Err(KeyError::new(KeyErrorKind::Algorithm, what));
        }
        let mut text = Zeroizing::new(Vec::with_capacity(self.body.len()));
        text.extend(self.body.bytes().filter(|b| !b.is_ascii_whitespace()));
        let mut out = Zeroizing::new(vec![0; text.len() / 4 * 3 + 3]);
        let n = STANDARD
            .decode_slice(&*text, &mut out)
            .map_err(|_| malformed("key file: the PEM body is not base64"))?;
        out.truncate(n);
        Ok(out)
    }
}

/// Writes one block, 64 characters a line, into a text that is wiped on drop.
pub(super) fn encode(label: &str, der: &[u8]) -> Zeroizing<String> {
    let digits = der.len().div_ceil(3) * 4;
    let room = digits + digits / 64 + 2 * label.len() + 40;
    let mut out = Zeroizing::new(String::with_capacity(room));
    out.push_str("-----BEGIN ");
    out.push_str(label);
    out.push_str("-----\n");
    // 48 octets make one line; only the last one is padded.
    let mut line = Zeroizing::new([0; 64]);
    for chunk in der.chunks(48) {
        let n = STANDARD.encode_slice(chunk, &mut *line).unwrap_or(0);
        let digits = line.get(..n).unwrap_or_default();
        out.push_str(core::str::from_utf8(digits).unwrap_or_default());
        out.push('\n');
    }
    out.push_str("-----END ");
    out.push_str(label);
    out.push_str("-----\n");
    out
}

fn malformed(what: &str) -> KeyError {
    KeyError::new(KeyErrorKind::Malformed, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encode_then_decode_at_every_length() {
        for n in 0..200 {
            let der: Vec<u8> = (0..n).collect();
            let text = encode("X Y", &der);
            assert!(text.lines().all(|l| l.len() <= 64));
            let blocks = blocks(&text).unwrap();
            assert_eq!(blocks.len(), 1);
            assert_eq!(blocks[0].label, "X Y");
            assert_eq!(*blocks[0].decode().unwrap(), der);
        }
    }

    #[test]
    fn malformed_text() {
        let kind = |text: &str| {
            blocks(text)
                .and_then(|b| b.iter().try_for_each(|b| b.decode().map(drop)))
                .map_err(|e| e.kind())
        };
        let m = Err(KeyErrorKind::Malformed);
        for (text, expected) in [
            ("", Ok(())),
            ("-----BEGIN A", m),
            ("-----BEGIN A\n-----\n-----END A\n-----", m),
            ("-----BEGIN A-----\nAAAA\n", m),
            ("-----BEGIN A-----\nAAAA\n-----END B-----", m),
            ("-----BEGIN A-----\nAA*A\n-----END A-----", m),
            ("-----BEGIN A-----\nAAA\n-----END A-----", m),
            (
                "name: x\n-----BEGIN A-----\r\nAA\r\n==\r\n-----END A-----",
                Ok(()),
            ),
            (
                "-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END A-----",
                Err(KeyErrorKind::Algorithm),
            ),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
        let many = "-----BEGIN A-----\n-----END A-----\n".repeat(MAX_BLOCKS);
        assert_eq!(kind(&many), Ok(()));
        let more = "-----BEGIN A-----\n-----END A-----\n".repeat(MAX_BLOCKS + 1);
        assert_eq!(kind(&more), Err(KeyErrorKind::Limit));
    }
}
