//! A certificate revocation list: whose, when, how many, the first of them.

use ::x509_parser::prelude::FromDer;
use ::x509_parser::revocation_list::CertificateRevocationList;
use esign_core::crl::{Crl, RevocationReason};
use esign_core::time::UnixTime;
use serde_json::{Value, json};

use super::describe::{algorithm_word, fingerprints, loose_name, name, name_json, signature, who};
use super::extension::{Ext, explain};
use super::item::{Item, hex};
use crate::lang::Lang;

/// How many entries are shown; the count is shown always.
const FIRST: usize = 10;

/// Explains a list at the time `at`.
pub(super) fn show(lang: &Lang, der: &[u8], at: UnixTime) -> Item {
    let mut item = Item::new("crl");
    match Crl::from_der(der) {
        Ok(crl) => strict(lang, &crl, at, &mut item),
        Err(error) => {
            item.problem(&error);
            match CertificateRevocationList::from_der(der) {
                Ok((_, crl)) => loose(lang, &crl, at, &mut item),
                Err(_) => item.row(lang.text("show-remark"), lang.text("show-unreadable")),
            }
        }
    }
    fingerprints(lang, der, &mut item);
    item
}

fn strict(lang: &Lang, crl: &Crl, at: UnixTime, item: &mut Item) {
    let issuer = name(crl.issuer());
    item.rows(lang.text("show-issuer"), who(lang, &issuer));
    item.set("issuer", name_json(&issuer));
    times(lang, crl.this_update(), crl.next_update(), at, item);
    match crl.number() {
        Ok(Some(number)) => {
            item.row(lang.text("show-crl-number"), format!("0x{number}"));
            item.set("number", number.to_string());
        }
        Ok(None) => {}
        Err(error) => item.problem(&error),
    }
    match crl.delta_base() {
        Ok(Some(base)) => {
            let base = base.to_string();
            item.row(
                lang.text("show-remark"),
                lang.with("show-crl-delta", &[("base", &base)]),
            );
            item.set("delta_base", base);
        }
        Ok(None) => {}
        Err(error) => item.problem(&error),
    }
    if let Err(error) = crl.issuing_distribution_point() {
        item.problem(&error);
    }
    let mut first = Vec::new();
    for entry in crl.entries().take(FIRST) {
        match entry {
            Ok(e) => first.push((e.serial.to_string(), e.revocation_date, e.reason)),
            Err(error) => item.problem(&error),
        }
    }
    entries(lang, crl.len(), &first, item);
    let algorithm = match crl.signature_algorithm() {
        Ok(known) => known.to_string(),
        Err(esign_core::x509::UnknownAlgorithm::Identifier(oid)) => {
            algorithm_word(&oid.to_string())
        }
        Err(other) => other.to_string(),
    };
    signature(lang, &algorithm, item);
    let all: Vec<Ext> = crl.extensions().map(|e| Ext::strict(&e)).collect();
    explain(lang, &all, item);
}

fn loose(lang: &Lang, crl: &CertificateRevocationList<'_>, at: UnixTime, item: &mut Item) {
    let issuer = loose_name(crl.issuer());
    item.rows(lang.text("show-issuer"), who(lang, &issuer));
    item.set("issuer", name_json(&issuer));
    let time = |t: ::x509_parser::time::ASN1Time| UnixTime::from_seconds(t.timestamp());
    times(
        lang,
        time(crl.last_update()),
        crl.next_update().map(time),
        at,
        item,
    );
    let first: Vec<_> = crl
        .iter_revoked_certificates()
        .take(FIRST)
        .map(|e| {
            let reason = e
                .reason_code()
                .and_then(|(_, r)| RevocationReason::from_number(r.0));
            (hex(e.raw_serial()), time(e.revocation_date), reason)
        })
        .collect();
    entries(lang, crl.iter_revoked_certificates().count(), &first, item);
    let oid = crl.signature_algorithm.algorithm.to_id_string();
    signature(lang, &algorithm_word(&oid), item);
    let all: Vec<Ext> = crl.extensions().iter().map(Ext::loose).collect();
    explain(lang, &all, item);
}

fn times(lang: &Lang, this: UnixTime, next: Option<UnixTime>, at: UnixTime, item: &mut Item) {
    item.row(lang.text("show-this-update"), lang.time(this));
    let state = match next {
        _ if at < this => "future",
        Some(next) if at > next => "past",
        Some(_) => "now",
        None => "open",
    };
    let next_text = next.map_or_else(|| lang.text("show-not-said"), |t| lang.time(t));
    item.row(lang.text("show-next-update"), next_text);
    item.row(
        lang.with("show-at", &[("at", &lang.time(at))]),
        lang.text(&format!("show-crl-{state}")),
    );
    item.set("this_update", this.to_string());
    item.set("next_update", next.map(|t| t.to_string()));
    item.set("checked_at", at.to_string());
    item.set("current", state == "now");
}

fn entries(
    lang: &Lang,
    count: usize,
    first: &[(String, UnixTime, Option<RevocationReason>)],
    item: &mut Item,
) {
    item.row(lang.text("show-crl-count"), count.to_string());
    item.set("count", count);
    let mut lines = Vec::new();
    let mut list: Vec<Value> = Vec::new();
    for (serial, date, reason) in first {
        let mut line = format!("{serial}: {}", lang.time(*date));
        if let Some(reason) = reason {
            let word = lang.text(&format!("show-reason-{}", reason.number()));
            line = format!("{line}, {word}");
        }
        lines.push(line);
        list.push(
            json!({"serial": serial, "revocation_date": date.to_string(),
            "reason": reason.map(RevocationReason::name)}),
        );
    }
    if count > first.len() {
        let more = (count - first.len()).to_string();
        lines.push(lang.with("show-more", &[("count", &more)]));
    }
    item.rows(lang.text("show-crl-entries"), lines);
    item.set("first_entries", list);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_entries_and_how_many_more() {
        let lang = Lang::choose(Some("en"));
        let one = ("0a".to_owned(), UnixTime::from_seconds(0), None);
        for (count, more) in [(FIRST, false), (FIRST + 5, true)] {
            let mut item = Item::new("crl");
            entries(&lang, count, &vec![one.clone(); FIRST], &mut item);
            let mut out = String::new();
            item.write(&lang, 0, None, &mut out);
            assert_eq!(out.contains("… and 5 more"), more, "{out}");
        }
    }
}
