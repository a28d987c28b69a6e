//! Keys. Of a private one only the public half is ever shown.

use esign_core::keys::{KeyErrorKind, Passphrase, PrivateKey, SigningKey};

use super::describe;
use super::item::Item;
use crate::lang::Lang;

/// How an old PEM form says that it is encrypted.
const OLD_ENCRYPTION: &[u8] = b"Proc-Type: 4,ENCRYPTED";

/// Explains a public key.
pub(super) fn public(lang: &Lang, spki: &[u8]) -> Item {
    let mut item = Item::new("public-key");
    describe::key(lang, spki, &mut item);
    identifiers(lang, spki, &mut item);
    item
}

/// Explains an RSA key in the form of PKCS #1, which has no algorithm of its own.
pub(super) fn rsa_public(lang: &Lang, pkcs1: &[u8]) -> Item {
    use esign_core::der::{Tag, Writer};
    let mut w = Writer::new();
    w.sequence(|w| {
        w.sequence(|w| {
            w.oid(esign_core::oid::RSA_ENCRYPTION);
            w.tlv(Tag::NULL, &[]);
        });
        w.bit_octets(pkcs1);
    });
    public(lang, &w.finish())
}

/// Explains a private key; `ask` is called where it is encrypted.
pub(super) fn private(
    lang: &Lang,
    octets: &[u8],
    ask: &mut dyn FnMut() -> Option<Passphrase>,
) -> Item {
    let mut item = Item::new("private-key");
    // OpenSSL's own form of the 1990s is not read, but must not be called open (RFC 1421 4.6.1.1).
    let mut encrypted = octets
        .windows(OLD_ENCRYPTION.len())
        .any(|w| w == OLD_ENCRYPTION);
    let mut read = PrivateKey::from_file(octets, None);
    if matches!(&read, Err(e) if e.kind() == KeyErrorKind::PassphraseMissing) {
        encrypted = true;
        if let Some(passphrase) = ask() {
            read = PrivateKey::from_file(octets, Some(&passphrase));
        }
    }
    item.set("encrypted", encrypted);
    let key = if encrypted {
        "show-key-encrypted"
    } else {
        "show-key-open"
    };
    item.row(lang.text("show-protection"), lang.text(key));
    match read {
        Ok(key) => {
            let spki = key.public_key().spki();
            describe::key(lang, spki, &mut item);
            identifiers(lang, spki, &mut item);
            item.row(lang.text("show-remark"), lang.text("show-secret"));
        }
        Err(e) if e.kind() == KeyErrorKind::PassphraseMissing => {
            item.row(lang.text("show-remark"), lang.text("show-no-passphrase"));
        }
        Err(error) if is_broken(error.kind()) => item.problem(&error),
        Err(error) => {
            item.row(lang.text("show-unusable"), error.to_string());
            item.set("unusable", error.to_string());
        }
    }
    item
}

/// Whether something is wrong with the file itself, rather than of a kind that is not used here.
pub(super) fn is_broken(kind: KeyErrorKind) -> bool {
    matches!(
        kind,
        KeyErrorKind::Malformed | KeyErrorKind::PassphraseWrong | KeyErrorKind::Limit
    )
}

fn identifiers(lang: &Lang, spki: &[u8], item: &mut Item) {
    if let Ok(key) = esign_core::keys::PublicKey::from_spki(spki) {
        let id = super::item::hex(&key.sha1_identifier());
        item.row(lang.text("show-key-id"), id.clone());
        item.set("key_identifier", id);
    }
    let digest = esign_core::keys::Hasher::digest(esign_core::keys::DigestAlgorithm::Sha256, spki);
    item.row(
        lang.with("show-fingerprint", &[("digest", "SHA-256")]),
        super::item::pairs(digest.as_bytes()),
    );
}
