//! A CMS message: what is signed, by whom, and what came along.

use esign_core::cms::{CmsError, SignedData, SignerIdentifier};
use esign_core::oid;
use esign_core::time::UnixTime;
use esign_core::x509::{Name, SerialNumber};
use serde_json::json;

use super::describe::{algorithm_word, oid_word};
use super::item::{Item, hex};
use super::{certificate, crl};
use crate::lang::Lang;

/// Explains a message. Nothing in it is verified: that is for `esign verify`.
pub(super) fn show(lang: &Lang, octets: &[u8], at: UnixTime) -> Item {
    let mut item = Item::new("cms");
    let message = match SignedData::read(octets) {
        Ok(message) => message,
        Err(CmsError::OtherType(oid)) => {
            item.row(lang.text("show-content-type"), oid_word(lang, &oid));
            item.set("content_type", oid);
            item.row(lang.text("show-remark"), lang.text("show-cms-other"));
            return item;
        }
        Err(error) => {
            item.problem(&error);
            return item;
        }
    };
    let content = message.content_type.to_string();
    item.row(lang.text("show-content-type"), oid_word(lang, &content));
    item.set("content_type", content);
    let key = if message.content.is_some() {
        "show-cms-inside"
    } else {
        "show-cms-detached"
    };
    item.row(lang.text("show-content"), lang.text(key));
    item.set("detached", message.content.is_none());
    item.row(
        lang.text("show-cms-signers"),
        message.signers.len().to_string(),
    );
    let mut signers = Vec::new();
    for signer in &message.signers {
        let who = match &signer.sid {
            SignerIdentifier::IssuerAndSerial(issuer, serial) => {
                let issuer = Name::from_der(issuer)
                    .map_or_else(|_| format!("#{}", hex(issuer)), |n| n.to_string());
                let serial = SerialNumber::from_magnitude(serial).to_string();
                lang.with("show-cms-by", &[("issuer", &issuer), ("serial", &serial)])
            }
            SignerIdentifier::KeyIdentifier(id) => {
                format!("{}: {}", lang.text("show-key-id"), hex(id))
            }
        };
        let algorithm = match &signer.signature_algorithm {
            Ok(known) => known.to_string(),
            Err(oid) => algorithm_word(&oid.to_string()),
        };
        let mut lines = vec![who.clone(), algorithm.clone()];
        let claimed = claimed_time(signer);
        if let Some(time) = claimed {
            lines.push(lang.with("show-cms-claimed", &[("time", &lang.time(time))]));
        }
        if signer
            .unsigned_attributes
            .iter()
            .any(|a| a.oid == oid::SIGNATURE_TIME_STAMP)
        {
            lines.push(lang.text("show-cms-stamped"));
        }
        item.rows(lang.text("show-cms-signer"), lines);
        signers.push(json!({"identifier": who, "signature_algorithm": algorithm,
            "claimed_time": claimed.map(|t| t.to_string())}));
    }
    item.set("signers", signers);
    item.row(lang.text("show-remark"), lang.text("show-cms-unverified"));
    for der in &message.certificates {
        item.inner.push(certificate::show(lang, der, at));
    }
    for der in &message.crls {
        item.inner.push(crl::show(lang, der, at));
    }
    item
}

/// `signingTime` as the signer claims it.
fn claimed_time(signer: &esign_core::cms::SignerInfo) -> Option<UnixTime> {
    let attributes = signer.signed_attributes.as_ref()?;
    let value = attributes.of(oid::SIGNING_TIME).next()?.single()?;
    esign_core::der::Reader::new(value, esign_core::der::Rules::Ber)
        .any("")
        .and_then(|t| t.time(""))
        .ok()
}
