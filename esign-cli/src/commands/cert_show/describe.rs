//! Names, keys, algorithms and times in words.

use ::x509_parser::extensions::GeneralName;
use ::x509_parser::prelude::FromDer;
use ::x509_parser::public_key::PublicKey as Loose;
use ::x509_parser::x509::{SubjectPublicKeyInfo, X509Name};
use esign_core::keys::{DigestAlgorithm, Hasher, KeyAlgorithm, PublicKey};
use esign_core::time::UnixTime;
use esign_core::x509::Name;
use serde_json::{Value, json};

use super::item::{Item, hex, pairs};
use crate::lang::Lang;

/// A name as far as it can be read: one line, and its attributes.
pub(super) struct NameText {
    pub(super) line: String,
    /// Identifier and text of each attribute.
    pub(super) attributes: Vec<(String, String)>,
}

/// Smallest RSA modulus that is not called weak, and smallest one without a remark
/// (ETSI TS 119 312: 3000 bits for what is to last beyond 2025).
const RSA_WEAK: u32 = 2048;
const RSA_SHORT: u32 = 3000;

/// The word for an object identifier; the identifier itself where there is none.
pub(super) fn oid_word(lang: &Lang, oid: &str) -> String {
    let key = format!("show-oid-{}", oid.replace('.', "-"));
    if lang.has(&key) {
        lang.text(&key)
    } else {
        oid.to_owned()
    }
}

/// The name of an algorithm that the library does not compute; they are the same in all languages.
pub(super) fn algorithm_word(oid: &str) -> String {
    let known = match oid {
        "1.2.840.113549.1.1.1" => "RSA",
        "1.2.840.113549.1.1.2" => "RSA PKCS#1 v1.5 with MD2",
        "1.2.840.113549.1.1.4" => "RSA PKCS#1 v1.5 with MD5",
        "1.2.840.113549.1.1.5" => "RSA PKCS#1 v1.5 with SHA-1",
        "1.2.840.113549.1.1.10" => "RSA-PSS",
        "1.2.840.113549.1.1.11" => "RSA PKCS#1 v1.5 with SHA-256",
        "1.2.840.10040.4.1" => "DSA",
        "1.2.840.10040.4.3" => "DSA with SHA-1",
        "2.16.840.1.101.3.4.3.1" => "DSA with SHA-224",
        "2.16.840.1.101.3.4.3.2" => "DSA with SHA-256",
        "1.2.840.10045.2.1" => "EC",
        "1.2.840.10045.4.1" => "ECDSA with SHA-1",
        "1.2.840.10045.4.3.2" => "ECDSA with SHA-256",
        "1.3.132.0.10" => "secp256k1",
        "1.3.101.110" => "X25519",
        "1.3.101.111" => "X448",
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        "2.16.840.1.101.3.4.3.17" => "ML-DSA-44",
        "2.16.840.1.101.3.4.3.18" => "ML-DSA-65",
        "2.16.840.1.101.3.4.3.19" => "ML-DSA-87",
        "1.2.643.7.1.1.1.1" => "GOST R 34.10-2012 (256)",
        "1.2.643.7.1.1.1.2" => "GOST R 34.10-2012 (512)",
        _ => return oid.to_owned(),
    };
    known.to_owned()
}

pub(super) fn name(name: &Name) -> NameText {
    NameText {
        line: name.to_string(),
        attributes: name
            .attributes()
            .map(|a| {
                let text = a.text().map_or_else(
                    || format!("#{}", hex(a.der())),
                    std::borrow::Cow::into_owned,
                );
                (a.oid.to_string(), text)
            })
            .collect(),
    }
}

/// A name from the tolerant parser.
pub(super) fn loose_name(from: &X509Name<'_>) -> NameText {
    if let Ok(strict) = Name::from_der(from.as_raw()) {
        return name(&strict);
    }
    NameText {
        line: from.to_string(),
        attributes: from
            .iter_attributes()
            .map(|a| {
                let text = a
                    .as_str()
                    .map_or_else(|_| format!("#{}", hex(a.as_slice())), str::to_owned);
                (a.attr_type().to_id_string(), text)
            })
            .collect(),
    }
}

/// Who a name means: its attributes one a line, identifiers explained.
pub(super) fn who(lang: &Lang, name: &NameText) -> Vec<String> {
    if name.attributes.is_empty() {
        return vec![lang.text("show-name-empty")];
    }
    let line = |(oid, text): &(String, String)| {
        let word = oid_word(lang, oid);
        let explained = match oid.as_str() {
            "2.5.4.5" | "2.5.4.97" => identifier(lang, text),
            _ => None,
        };
        match explained {
            Some(what) => format!("{word}: {text} ({what})"),
            None => format!("{word}: {text}"),
        }
    };
    name.attributes.iter().map(line).collect()
}

/// What an identifier like `PNOAZ-…` is (EN 319 412-1 5.1.3 and 5.1.4).
pub(super) fn identifier(lang: &Lang, text: &str) -> Option<String> {
    let (head, reference) = text.split_once('-')?;
    let (kind, country) = (head.get(..3)?, head.get(3..)?);
    let is_country = country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase());
    if !is_country || reference.is_empty() {
        return None;
    }
    let own = format!("show-id-{}", head.to_lowercase());
    let key = if lang.has(&own) {
        own
    } else {
        format!("show-id-{}", kind.to_lowercase())
    };
    lang.has(&key)
        .then(|| lang.with(&key, &[("ref", reference), ("country", country)]))
}

pub(super) fn name_json(name: &NameText) -> Value {
    let attributes: Vec<Value> = name
        .attributes
        .iter()
        .map(|(oid, text)| json!({"oid": oid, "value": text}))
        .collect();
    json!({"text": name.line, "attributes": attributes})
}

/// A name of whatever kind, with the word for its kind.
pub(super) fn general(lang: &Lang, name: &GeneralName<'_>) -> String {
    let of =
        |kind: &str, value: String| format!("{}: {value}", lang.text(&format!("show-gn-{kind}")));
    match name {
        GeneralName::OtherName(oid, value) => {
            of("other", format!("{} #{}", oid.to_id_string(), hex(value)))
        }
        GeneralName::RFC822Name(text) => of("email", (*text).to_owned()),
        GeneralName::DNSName(text) => of("dns", (*text).to_owned()),
        GeneralName::DirectoryName(n) => of("directory", loose_name(n).line),
        GeneralName::URI(text) => (*text).to_owned(),
        GeneralName::IPAddress(octets) => of("ip", ip(octets)),
        GeneralName::RegisteredID(oid) => of("registered", oid.to_id_string()),
        GeneralName::X400Address(any) | GeneralName::EDIPartyName(any) => {
            of("unread", hex(any.data))
        }
        GeneralName::Invalid(_, octets) => of("malformed", hex(octets)),
    }
}

/// An address, or with its mask where it has twice the length (name constraints).
fn ip(octets: &[u8]) -> String {
    let one = |o: &[u8]| {
        if let Ok(four) = <[u8; 4]>::try_from(o) {
            return std::net::Ipv4Addr::from(four).to_string();
        }
        <[u8; 16]>::try_from(o).map_or_else(|_| hex(o), |s| std::net::Ipv6Addr::from(s).to_string())
    };
    match octets.len() {
        8 | 32 => {
            let (address, mask) = octets.split_at(octets.len() / 2);
            format!("{}/{}", one(address), one(mask))
        }
        _ => one(octets),
    }
}

/// Says what key it is, with a remark where it is weak.
pub(super) fn key(lang: &Lang, spki: &[u8], item: &mut Item) {
    let strict = PublicKey::from_spki(spki);
    let (kind, bits, weak) = match &strict {
        Ok(key) => known_key(key.algorithm()),
        Err(error) => {
            let read = loose_key(spki);
            if read.0.is_empty() {
                item.problem(error);
                return;
            }
            item.set("key_unsupported", error.to_string());
            read
        }
    };
    let mut line = kind.clone();
    if let Some(bits) = bits {
        line = lang.with(
            "show-key-bits",
            &[("kind", &kind), ("bits", &bits.to_string())],
        );
    }
    if let Some(weak) = weak {
        line = format!("{line}; {}", lang.text(&format!("show-weak-{weak}")));
    }
    item.row(lang.text("show-key"), line);
    if strict.is_err() {
        item.row(lang.text("show-remark"), lang.text("show-key-unsupported"));
    }
    let print = Hasher::digest(DigestAlgorithm::Sha256, spki);
    item.set(
        "key",
        json!({"algorithm": kind, "bits": bits, "weak": weak, "spki_sha256": hex(print.as_bytes())}),
    );
}

type KeyWords = (String, Option<u32>, Option<&'static str>);

fn known_key(algorithm: KeyAlgorithm) -> KeyWords {
    match algorithm {
        KeyAlgorithm::Rsa { bits } => ("RSA".into(), Some(bits), rsa_remark(bits)),
        KeyAlgorithm::RsaPss { bits } => ("RSA-PSS".into(), Some(bits), rsa_remark(bits)),
        other => (other.to_string(), None, None),
    }
}

fn rsa_remark(bits: u32) -> Option<&'static str> {
    match bits {
        ..RSA_WEAK => Some("rsa"),
        RSA_WEAK..RSA_SHORT => Some("rsa-short"),
        _ => None,
    }
}

/// A key that the library does not verify with; an empty kind where nothing can be read.
fn loose_key(spki: &[u8]) -> KeyWords {
    let Ok((_, info)) = SubjectPublicKeyInfo::from_der(spki) else {
        return (String::new(), None, None);
    };
    let oid = info.algorithm.algorithm.to_id_string();
    let curve = info
        .algorithm
        .parameters
        .as_ref()
        .and_then(|p| p.as_oid().ok())
        .map(|o| algorithm_word(&o.to_id_string()));
    let bits = match info.parsed() {
        Ok(Loose::RSA(rsa)) => u32::try_from(rsa.key_size()).ok(),
        _ => None,
    };
    let weak = match oid.as_str() {
        "1.2.840.113549.1.1.1" => bits.and_then(rsa_remark),
        "1.2.840.10040.4.1" => Some("dsa"),
        _ => None,
    };
    let kind = match curve.filter(|_| oid == "1.2.840.10045.2.1") {
        Some(curve) => format!("EC {curve}"),
        None => algorithm_word(&oid),
    };
    (kind, bits, weak)
}

/// How it is signed, with a remark where the digest is broken.
pub(super) fn signature(lang: &Lang, algorithm: &str, item: &mut Item) {
    let weak = ["SHA-1", "MD5", "MD2"]
        .iter()
        .any(|d| algorithm.ends_with(d));
    let mut line = algorithm.to_owned();
    if weak {
        line = format!("{line}; {}", lang.text("show-weak-digest"));
    }
    item.row(lang.text("show-signature"), line);
    item.set("signature_algorithm", algorithm);
    item.set("signature_weak", weak);
}

/// Fingerprints as people compare them.
pub(super) fn fingerprints(lang: &Lang, der: &[u8], item: &mut Item) {
    for (algorithm, key) in [
        (DigestAlgorithm::Sha256, "sha256"),
        (DigestAlgorithm::Sha1, "sha1"),
    ] {
        let digest = Hasher::digest(algorithm, der);
        let label = lang.with("show-fingerprint", &[("digest", &algorithm.to_string())]);
        item.row(label, pairs(digest.as_bytes()));
        item.set(key, hex(digest.as_bytes()));
    }
}

/// From when to when, and what that means at `at`.
pub(super) fn validity(lang: &Lang, from: UnixTime, to: UnixTime, at: UnixTime, item: &mut Item) {
    let state = if to < from {
        "never"
    } else if at < from {
        "future"
    } else if at > to {
        "past"
    } else {
        "now"
    };
    item.row(
        lang.text("show-validity"),
        lang.with(
            "show-from-to",
            &[("from", &lang.time(from)), ("to", &lang.time(to))],
        ),
    );
    item.row(
        lang.with("show-at", &[("at", &lang.time(at))]),
        lang.text(&format!("show-validity-{state}")),
    );
    item.set("not_before", from.to_string());
    item.set("not_after", to.to_string());
    item.set("checked_at", at.to_string());
    item.set("within_validity", state == "now");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_in_words() {
        let lang = Lang::choose(Some("az"));
        for (text, words) in [
            ("PNOAZ-5AB2CDE", Some("FİN 5AB2CDE")),
            ("VATAZ-1234567890", Some("VÖEN 1234567890")),
            ("PASTR-U123", Some("pasport U123, ölkə TR")),
            ("PNOaz-1", None),
            ("PNOAZ-", None),
            ("XXXAZ-1", None),
            ("əəə-1", None),
            ("12345", None),
        ] {
            assert_eq!(identifier(&lang, text).as_deref(), words, "{text}");
        }
    }

    #[test]
    fn lengths_of_rsa() {
        assert_eq!(rsa_remark(2047), Some("rsa"));
        assert_eq!(rsa_remark(2048), Some("rsa-short"));
        assert_eq!(rsa_remark(2999), Some("rsa-short"));
        assert_eq!(rsa_remark(3000), None);
    }

    #[test]
    fn addresses_and_masks() {
        assert_eq!(ip(&[10, 0, 0, 0, 255, 0, 0, 0]), "10.0.0.0/255.0.0.0");
        assert_eq!(ip(&[1, 2, 3]), "010203");
    }
}
