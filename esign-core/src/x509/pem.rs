use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Certificate;
use crate::der::{DecodeError, DecodeKind};

/// Most blocks read from one file. The list of all roots of a browser has some 150.
const MAX_BLOCKS: usize = 10_000;

/// Reads certificates: one in DER, or any number of PEM blocks labelled `CERTIFICATE` among
/// others and any text.
///
/// # Errors
/// Neither DER nor PEM, a broken block, a certificate that does not decode.
pub fn certificates(input: &[u8]) -> Result<Vec<Certificate>, DecodeError> {
    pem_blocks(
        input,
        &["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"],
    )?
    .iter()
    .map(|der| Certificate::from_der(der))
    .collect()
}

/// The contents of the PEM blocks with one of `labels` in `input`; `input` itself where it is
/// DER, that is, starts with a SEQUENCE.
///
/// # Errors
/// No such block, a block that does not end or is not Base64.
pub fn pem_blocks(input: &[u8], labels: &[&str]) -> Result<Vec<Vec<u8>>, DecodeError> {
    if input.first() == Some(&0x30) {
        return Ok(vec![input.to_vec()]);
    }
    let error = |what: &'static str, at: usize| {
        let at = u64::try_from(at).unwrap_or(u64::MAX);
        DecodeError::new(DecodeKind::Value(what), "PEM", at)
    };
    let mut blocks = Vec::new();
    let mut open: Option<(Vec<u8>, bool, usize)> = None;
    let mut at = 0;
    for line in input.split(|&b| b == b'\n') {
        let start = at;
        at += line.len() + 1;
        let line = line.trim_ascii();
        if let Some(label) = label(line, b"-----BEGIN ") {
            if open.is_some() {
                return Err(error("a block begins inside another", start));
            }
            open = Some((
                Vec::new(),
                labels.iter().any(|l| l.as_bytes() == label),
                start,
            ));
        } else if label(line, b"-----END ").is_some() {
            let (text, wanted, begin) = open
                .take()
                .ok_or_else(|| error("a block ends that has not begun", start))?;
            if wanted {
                if blocks.len() >= MAX_BLOCKS {
                    let kind = DecodeKind::Limit("more than 10000 blocks");
                    return Err(DecodeError::new(kind, "PEM", 0));
                }
                let der = STANDARD
                    .decode(&text)
                    .map_err(|_| error("block is not Base64", begin))?;
                blocks.push(der);
            }
        } else if let Some((text, true, _)) = &mut open {
            text.extend_from_slice(line);
        }
    }
    match open {
        Some((_, _, begin)) => Err(error("a block does not end", begin)),
        None if blocks.is_empty() => Err(error(
            "neither DER nor a PEM block of the kind asked for",
            0,
        )),
        None => Ok(blocks),
    }
}

/// The label of a line that begins or ends a block.
fn label<'a>(line: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    line.strip_prefix(prefix)?.strip_suffix(b"-----")
}

/// One PEM block, lines of 64 characters (RFC 7468).
pub fn to_pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for (i, c) in text.chars().enumerate() {
        if i > 0 && i % 64 == 0 {
            out.push('\n');
        }
        out.push(c);
    }
    if !text.is_empty() {
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_among_other_text() {
        let der = vec![0x30; 100];
        let pem = format!(
            "Bag Attributes\n{}noise\r\n{}",
            to_pem("X", &[1]),
            to_pem("Y", &der).replace('\n', "\r\n")
        );
        assert_eq!(
            pem_blocks(pem.as_bytes(), &["Y"]).unwrap(),
            vec![der.clone()]
        );
        assert_eq!(pem_blocks(pem.as_bytes(), &["X", "Y"]).unwrap().len(), 2);
        assert_eq!(pem_blocks(&der, &["Y"]).unwrap(), vec![der]);
        assert!(to_pem("Y", &[7; 48]).lines().all(|l| l.len() <= 64));
        for bad in [
            "",
            "x",
            "-----BEGIN Y-----\nMAA=\n",
            "-----END Y-----\n",
            "-----BEGIN Y-----\n!!\n-----END Y-----\n",
            "-----BEGIN Y-----\n-----BEGIN Y-----\n",
            "-----BEGIN X-----\nMAA=\n-----END X-----\n",
        ] {
            assert!(pem_blocks(bad.as_bytes(), &["Y"]).is_err(), "{bad}");
        }
        let many = to_pem("Y", &[1]).repeat(MAX_BLOCKS);
        let found = pem_blocks(many.as_bytes(), &["Y"]).unwrap();
        assert_eq!(found.len(), MAX_BLOCKS);
        let many = to_pem("Y", &[1]).repeat(MAX_BLOCKS + 1);
        let error = pem_blocks(many.as_bytes(), &["Y"]).unwrap_err();
        assert!(matches!(error.kind(), DecodeKind::Limit(_)));
    }
}
