//! Finding out what octets are, and taking PEM files apart without giving up at a broken block.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use esign_core::der::{Reader, Rules, Tag};
use esign_core::ocsp::OcspRequest;
use zeroize::Zeroizing;

/// Most PEM blocks of one file; the list of all roots of a browser has some 150.
pub(super) const MAX_BLOCKS: usize = 10_000;

/// What a structure is, as far as its outermost elements tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Kind {
    Certificate,
    Crl,
    Request,
    PrivateKey,
    EncryptedKey,
    PublicKey,
    RsaPublicKey,
    Pkcs12,
    Cms,
    Ocsp,
    OcspRequest,
}

/// One PEM block.
pub(super) struct Block {
    pub(super) label: String,
    /// The whole block as text: old key formats carry headers that matter.
    pub(super) text: Zeroizing<String>,
    /// What the Base64 says, or what is wrong with it.
    pub(super) der: Result<Zeroizing<Vec<u8>>, &'static str>,
}

/// The kind that a PEM label names.
pub(super) fn of_label(label: &str) -> Option<Kind> {
    Some(match label {
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => Kind::Certificate,
        "X509 CRL" | "CRL" => Kind::Crl,
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Kind::Request,
        "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" | "DSA PRIVATE KEY" => {
            Kind::PrivateKey
        }
        "ENCRYPTED PRIVATE KEY" => Kind::EncryptedKey,
        "PUBLIC KEY" => Kind::PublicKey,
        "RSA PUBLIC KEY" => Kind::RsaPublicKey,
        "CMS" | "PKCS7" | "PKCS #7 SIGNED DATA" => Kind::Cms,
        "PKCS12" => Kind::Pkcs12,
        "OCSP RESPONSE" => Kind::Ocsp,
        "OCSP REQUEST" => Kind::OcspRequest,
        _ => return None,
    })
}

/// The kind of a DER or BER structure.
pub(in crate::commands) fn of_octets(octets: &[u8]) -> Option<Kind> {
    let mut whole = Reader::new(octets, Rules::Ber);
    let outer = whole.any("").ok()?;
    if outer.tag != Tag::SEQUENCE {
        return None;
    }
    let first_is = |tag| outer.reader("").ok().and_then(|r| r.peek()) == Some(tag);
    // A message may be longer than is worth walking through.
    if first_is(Tag::OID) {
        return Some(Kind::Cms);
    }
    let tags = tags_of(&mut outer.reader("").ok()?)?;
    Some(match tags.as_slice() {
        [Tag::ENUMERATED] => Kind::Ocsp,
        [Tag::ENUMERATED, t] if *t == Tag::constructed(0) => Kind::Ocsp,
        // Little shows outside; so it is one if it is sound.
        [Tag::SEQUENCE] | [Tag::SEQUENCE, Tag(0xa0)] if OcspRequest::from_der(octets).is_ok() => {
            Kind::OcspRequest
        }
        [Tag::INTEGER, Tag::INTEGER] => Kind::RsaPublicKey,
        [Tag::INTEGER, Tag::INTEGER, ..] | [Tag::INTEGER, Tag::OCTET_STRING, ..] => {
            Kind::PrivateKey
        }
        [Tag::INTEGER, Tag::SEQUENCE, Tag::OCTET_STRING, ..] => Kind::PrivateKey,
        [Tag::INTEGER, Tag::SEQUENCE, ..] => Kind::Pkcs12,
        [Tag::SEQUENCE, Tag::BIT_STRING] => Kind::PublicKey,
        [Tag::SEQUENCE, Tag::OCTET_STRING] => Kind::EncryptedKey,
        [Tag::SEQUENCE, Tag::SEQUENCE, Tag::BIT_STRING] => {
            let mut r = outer.reader("").ok()?;
            of_signed(&mut r.any("").ok()?.reader("").ok()?)?
        }
        _ => return None,
    })
}

/// Certificate, CRL and request have the same outside: what is signed, how, the signature.
fn of_signed(tbs: &mut Reader<'_>) -> Option<Kind> {
    let time = |t: Option<&Tag>| matches!(t, Some(&Tag::UTC_TIME | &Tag::GENERALIZED_TIME));
    let tags = tags_of(tbs)?;
    Some(match tags.as_slice() {
        [t, ..] if *t == Tag::constructed(0) => Kind::Certificate,
        [Tag::SEQUENCE, ..] if time(tags.get(2)) => Kind::Crl,
        [Tag::INTEGER, ..] if time(tags.get(3)) => Kind::Crl,
        [Tag::INTEGER, Tag::SEQUENCE, Tag::SEQUENCE] => Kind::Request,
        [Tag::INTEGER, Tag::SEQUENCE, Tag::SEQUENCE, t] if *t == Tag::constructed(0) => {
            Kind::Request
        }
        [
            Tag::INTEGER,
            Tag::SEQUENCE,
            Tag::SEQUENCE,
            Tag::SEQUENCE,
            ..,
        ] => Kind::Certificate,
        _ => return None,
    })
}

/// The tags of the first elements; none of the structures here has more than twelve.
fn tags_of(r: &mut Reader<'_>) -> Option<Vec<Tag>> {
    let mut tags = Vec::new();
    while !r.is_empty() && tags.len() < 12 {
        tags.push(r.any("").ok()?.tag);
    }
    Some(tags)
}

/// Every PEM block of a file, broken ones included.
///
/// # Errors
/// More than [`MAX_BLOCKS`].
pub(super) fn blocks(text: &str) -> Result<Vec<Block>, String> {
    let mut all = Vec::new();
    let mut open: Option<(String, Zeroizing<String>)> = None;
    for line in text.lines() {
        if let Some(label) = between(line, "-----BEGIN ") {
            if let Some((label, text)) = open.take() {
                all.push(broken(label, text, "the block does not end"));
            }
            open = Some((
                label.to_owned(),
                Zeroizing::new(format!("{}\n", line.trim())),
            ));
        } else if let Some((label, mut text)) = open.take() {
            text.push_str(line.trim());
            text.push('\n');
            match between(line, "-----END ") {
                Some(end) if end == label => all.push(Block {
                    der: decode(&text),
                    label,
                    text,
                }),
                Some(_) => all.push(broken(label, text, "the block ends under another name")),
                None => open = Some((label, text)),
            }
        }
        if all.len() > MAX_BLOCKS {
            return Err(format!("more than {MAX_BLOCKS} PEM blocks"));
        }
    }
    if let Some((label, text)) = open.take() {
        all.push(broken(label, text, "the block does not end"));
    }
    Ok(all)
}

fn broken(label: String, text: Zeroizing<String>, why: &'static str) -> Block {
    Block {
        label,
        text,
        der: Err(why),
    }
}

fn between<'a>(line: &'a str, prefix: &str) -> Option<&'a str> {
    line.trim().strip_prefix(prefix)?.strip_suffix("-----")
}

fn decode(text: &str) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    // Headers of old key formats (RFC 1421 4.6) have a colon, Base64 has none.
    let body: Zeroizing<String> = Zeroizing::new(
        text.lines()
            .filter(|l| !l.starts_with("-----") && !l.contains(':'))
            .collect(),
    );
    STANDARD
        .decode(body.as_bytes())
        .map(Zeroizing::new)
        .map_err(|_| "the block is not Base64")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_block_does_not_hide_the_next() {
        let text = "noise\n-----BEGIN A-----\n!!\n-----END A-----\n-----BEGIN B-----\nMAA=\n-----END B-----\n-----BEGIN C-----\nMAA=\n";
        let all = blocks(text).unwrap();
        let seen: Vec<_> = all
            .iter()
            .map(|b| (b.label.as_str(), b.der.is_ok()))
            .collect();
        assert_eq!(seen, [("A", false), ("B", true), ("C", false)]);
    }

    #[test]
    fn blocks_are_counted() {
        let one = "-----BEGIN A-----\n-----END A-----\n";
        assert!(blocks(&one.repeat(MAX_BLOCKS)).is_ok());
        assert!(blocks(&one.repeat(MAX_BLOCKS + 1)).is_err());
    }

    #[test]
    fn garbage_is_of_no_kind() {
        for bad in [
            &b""[..],
            b"\x30",
            b"\x30\x00",
            b"\x30\x03\x01\x01\xff",
            b"%PDF-1.7",
        ] {
            assert_eq!(of_octets(bad), None);
        }
    }
}
