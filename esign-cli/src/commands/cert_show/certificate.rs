//! A certificate: whose, from whom, for what.

use ::x509_parser::certificate::X509Certificate;
use ::x509_parser::prelude::FromDer;
use esign_core::der::DecodeError;
use esign_core::oid;
use esign_core::time::UnixTime;
use esign_core::x509::Certificate;
use serde_json::json;

use super::describe::{
    NameText, algorithm_word, fingerprints, key, loose_name, name, name_json, signature, validity,
    who,
};
use super::extension::{Ext, Uses, explain};
use super::item::{Item, hex};
use crate::lang::Lang;

/// What is explained, from whichever parser could read it.
struct Parts {
    version: u32,
    serial: String,
    issuer: NameText,
    subject: NameText,
    not_before: UnixTime,
    not_after: UnixTime,
    spki: Vec<u8>,
    algorithm: String,
    extensions: Vec<Ext>,
    /// Whether issuer and subject are the same name.
    self_issued: bool,
    /// Whether its own key verifies it, where that could be tried.
    self_signed: Option<bool>,
}

/// Explains a certificate at the time `at`.
pub(super) fn show(lang: &Lang, der: &[u8], at: UnixTime) -> Item {
    let mut item = Item::new("certificate");
    let parts = match Certificate::from_der(der) {
        Ok(certificate) => {
            malformed(&certificate, &mut item);
            strict(&certificate)
        }
        Err(error) => {
            item.problem(&error);
            match X509Certificate::from_der(der) {
                Ok((rest, read)) => {
                    if !rest.is_empty() {
                        item.problem(&format!("{} octets follow it", rest.len()));
                    }
                    loose(&read)
                }
                Err(_) => {
                    item.row(lang.text("show-remark"), lang.text("show-unreadable"));
                    fingerprints(lang, der, &mut item);
                    return item;
                }
            }
        }
    };
    write(lang, &parts, der, at, &mut item);
    item
}

/// Reports each extension that the strict decoder refuses.
fn malformed(c: &Certificate, item: &mut Item) {
    let mut say = |result: Result<(), DecodeError>| {
        if let Err(error) = result {
            item.problem(&error);
        }
    };
    say(c.basic_constraints().map(drop));
    say(c.key_usage().map(drop));
    say(c.ext_key_usage().map(drop));
    say(c.subject_key_identifier().map(drop));
    say(c.authority_key_identifier().map(drop));
    say(c.subject_alt_name().map(drop));
    say(c.crl_distribution_points().map(drop));
    say(c.authority_info_access().map(drop));
    say(c.certificate_policies().map(drop));
    say(c.qc_statements().map(drop));
    say(c.name_constraints().map(drop));
}

fn strict(c: &Certificate) -> Parts {
    let algorithm = match c.signature_algorithm() {
        Ok(known) => known.to_string(),
        Err(esign_core::x509::UnknownAlgorithm::Identifier(oid)) => {
            algorithm_word(&oid.to_string())
        }
        Err(other) => other.to_string(),
    };
    let self_signed = match (c.is_self_issued(), c.public_key(), c.signature_algorithm()) {
        (true, Ok(key), Ok(_)) => Some(c.verify_signed_by(key).is_ok()),
        _ => None,
    };
    Parts {
        version: u32::from(c.version()),
        serial: c.serial().to_string(),
        issuer: name(c.issuer()),
        subject: name(c.subject()),
        not_before: c.not_before(),
        not_after: c.not_after(),
        spki: c.spki_der().to_vec(),
        algorithm,
        extensions: c.extensions().map(|e| Ext::strict(&e).judged()).collect(),
        self_issued: c.is_self_issued(),
        self_signed,
    }
}

fn loose(c: &X509Certificate<'_>) -> Parts {
    Parts {
        version: c.version().0.saturating_add(1),
        serial: hex(c.raw_serial()),
        issuer: loose_name(c.issuer()),
        subject: loose_name(c.subject()),
        not_before: UnixTime::from_seconds(c.validity().not_before.timestamp()),
        not_after: UnixTime::from_seconds(c.validity().not_after.timestamp()),
        spki: c.public_key().raw.to_vec(),
        algorithm: algorithm_word(&c.signature_algorithm.algorithm.to_id_string()),
        extensions: c.extensions().iter().map(Ext::loose).collect(),
        self_issued: c.issuer().as_raw() == c.subject().as_raw(),
        self_signed: None,
    }
}

fn write(lang: &Lang, p: &Parts, der: &[u8], at: UnixTime, item: &mut Item) {
    item.rows(lang.text("show-subject"), who(lang, &p.subject));
    item.set("subject", name_json(&p.subject));
    let own = match (p.self_issued, p.self_signed) {
        (true, Some(true)) => "signed",
        (true, Some(false)) => "not-verified",
        (true, None) => "issued",
        (false, _) => "other",
    };
    if own == "other" {
        item.rows(lang.text("show-issuer"), who(lang, &p.issuer));
    } else {
        item.row(
            lang.text("show-issuer"),
            lang.text(&format!("show-self-{own}")),
        );
    }
    item.set("issuer", name_json(&p.issuer));
    item.set("self_issued", p.self_issued);
    item.set("self_signed", p.self_signed);
    validity(lang, p.not_before, p.not_after, at, item);

    // Purposes come from the extensions and are read before them.
    let mut behind = Item::new("certificate");
    let uses = explain(lang, &p.extensions, &mut behind);
    let purposes = purposes(&uses, &p.subject);
    let words: Vec<String> = purposes
        .iter()
        .map(|w| lang.text(&format!("show-use-{w}")))
        .collect();
    item.rows(lang.text("show-uses"), words);
    item.set("purposes", json!(purposes));
    item.set("ca", uses.ca);

    item.row(lang.text("show-serial"), p.serial.clone());
    item.set("serial", p.serial.clone());
    item.row(lang.text("show-version"), p.version.to_string());
    item.set("version", p.version);
    key(lang, &p.spki, item);
    signature(lang, &p.algorithm, item);
    item.append(behind);
    fingerprints(lang, der, item);
}

/// What the key may be used for, as words of the JSON form.
fn purposes(uses: &Uses, subject: &NameText) -> Vec<&'static str> {
    // Absent is not the same as unreadable: nothing may be concluded from the latter.
    if uses.unread {
        return vec!["unknown"];
    }
    let bit = |n: u8| uses.key_usage.is_none_or(|u| u >> n & 1 == 1);
    let mut all = Vec::new();
    if uses.ca {
        if bit(5) {
            all.push("issue-certificates");
        }
        if bit(6) {
            all.push("issue-crls");
        }
    } else if uses.key_usage.is_some_and(|u| u >> 6 & 1 == 1) {
        // An indirect CRL issuer is no authority itself (RFC 5280 5).
        all.push("issue-crls");
    }
    let extended: Vec<&str> = uses.extended.iter().flatten().map(String::as_str).collect();
    let has = |o: &str| extended.contains(&o);
    if has(&oid::KP_TIME_STAMPING.to_string()) {
        all.push("time-stamps");
    }
    if has(&oid::KP_OCSP_SIGNING.to_string()) {
        all.push("ocsp");
    }
    if has(&oid::KP_SERVER_AUTH.to_string()) {
        all.push("tls-server");
    }
    if has(&oid::KP_CLIENT_AUTH.to_string()) {
        all.push("tls-client");
    }
    if has("1.3.6.1.5.5.7.3.3") {
        all.push("code-signing");
    }
    let documents = extended.is_empty()
        || has(&oid::KP_DOCUMENT_SIGNING.to_string())
        || has(&oid::KP_EMAIL_PROTECTION.to_string())
        || has(&oid::ANY_EXTENDED_KEY_USAGE.to_string());
    if !uses.ca && documents && (bit(0) || bit(1)) {
        let seal = uses
            .qc_types
            .iter()
            .any(|t| *t == oid::QCT_ESEAL.to_string());
        let person = ["2.5.4.42", "2.5.4.4", "2.5.4.65"];
        let organisation = uses.qc_types.is_empty()
            && subject.attributes.iter().any(|(o, _)| o == "2.5.4.97")
            && !subject
                .attributes
                .iter()
                .any(|(o, _)| person.contains(&o.as_str()));
        all.push(if seal || organisation {
            "seal-documents"
        } else {
            "sign-documents"
        });
    }
    if uses.key_usage.is_some_and(|u| u >> 2 & 7 != 0) {
        all.push("encrypt");
    }
    if all.is_empty() {
        all.push("none");
    }
    all
}
