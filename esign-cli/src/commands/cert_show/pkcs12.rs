//! A PKCS#12 store: what lies in it, never the secret.

use esign_core::keys::{KeyErrorKind, Passphrase, Pkcs12, SigningKey};
use esign_core::time::UnixTime;

use super::item::Item;
use super::key::is_broken;
use super::{certificate, describe};
use crate::lang::Lang;

/// Explains a store; `ask` is called where it does not open without a passphrase.
pub(super) fn show(
    lang: &Lang,
    octets: &[u8],
    at: UnixTime,
    ask: &mut dyn FnMut() -> Option<Passphrase>,
) -> Item {
    let mut item = Item::new("pkcs12");
    let mut read = Pkcs12::decode(octets, None);
    let closed = |e: &esign_core::keys::KeyError| {
        matches!(
            e.kind(),
            KeyErrorKind::PassphraseMissing | KeyErrorKind::PassphraseWrong
        )
    };
    if read.as_ref().is_err_and(closed) {
        match ask() {
            Some(passphrase) => read = Pkcs12::decode(octets, Some(&passphrase)),
            None => {
                item.set("opened", false);
                item.row(lang.text("show-remark"), lang.text("show-p12-closed"));
                return item;
            }
        }
    }
    let store = match read {
        Ok(store) => store,
        Err(error) => {
            item.set("opened", false);
            if is_broken(error.kind()) {
                item.problem(&error);
            } else {
                item.row(lang.text("show-unusable"), error.to_string());
                item.set("unusable", error.to_string());
            }
            return item;
        }
    };
    item.set("opened", true);
    item.set("integrity", store.integrity);
    let key = if store.integrity {
        "show-p12-mac"
    } else {
        "show-p12-no-mac"
    };
    item.row(lang.text("show-protection"), lang.text(key));
    item.row(
        lang.text("show-p12-holds"),
        lang.with(
            "show-p12-count",
            &[
                ("keys", &store.keys.len().to_string()),
                ("certificates", &store.certificates.len().to_string()),
            ],
        ),
    );
    for key in &store.keys {
        let mut inner = Item::new("private-key");
        if let Some(name) = &key.friendly_name {
            inner.row(lang.text("show-friendly"), name.clone());
            inner.set("friendly_name", name.clone());
        }
        describe::key(lang, key.key.public_key().spki(), &mut inner);
        let own = store.certificate_of(key).is_some();
        let text = if own {
            "show-p12-with"
        } else {
            "show-p12-without"
        };
        inner.row(lang.text("show-remark"), lang.text(text));
        inner.set("has_certificate", own);
        item.inner.push(inner);
    }
    for refused in &store.refused {
        let mut inner = Item::new("private-key");
        inner.row(lang.text("show-unusable"), refused.to_string());
        inner.set("unusable", refused.to_string());
        item.inner.push(inner);
    }
    for found in &store.certificates {
        let mut inner = certificate::show(lang, &found.der, at);
        if let Some(name) = &found.friendly_name {
            inner.row(lang.text("show-friendly"), name.clone());
            inner.set("friendly_name", name.clone());
        }
        item.inner.push(inner);
    }
    item
}
