//! EN 319 412-5: QCStatements.

use crate::oid::ObjectIdentifier;

use super::Severity::{Error, Notice, Warning};
use super::rfc5280_extensions::{critical, lossy};
use super::rfc5280_names::is_country;
use super::view::{View, parts};
use super::{ANY, Check, PERSON, Row, row};
use crate::der::{Tag, Tlv};
use crate::oid;

pub(super) const RULES: &[Row<Check>] = &[
    row(
        "lint.qc.not-critical",
        "EN 319 412-5 V2.5.1 4.1",
        Error,
        ANY,
        |c, h| {
            critical(c, h, oid::QC_STATEMENTS);
        },
    ),
    row(
        "lint.qc.once",
        "EN 319 412-5 V2.6.1 4.1",
        Notice,
        ANY,
        |c, h| {
            let ids: Vec<_> = c.statements.iter().take(64).map(|s| s.id).collect();
            for (i, id) in ids.iter().enumerate() {
                if ids.iter().take(i).any(|o| o == id) {
                    h.one("statement", id.to_string());
                }
            }
        },
    ),
    row(
        "lint.qc.no-info",
        "EN 319 412-5 V2.5.1 4.2.1, 4.2.2",
        Error,
        ANY,
        |c, h| {
            for id in [oid::QC_COMPLIANCE, oid::QC_SSCD] {
                if c.statement(id).is_some_and(|s| s.info.is_some()) {
                    h.one("statement", id.to_string());
                }
            }
        },
    ),
    row(
        "lint.qc.compliance",
        "EN 319 411-2 V2.5.1 6.6.1; EN 319 412-5 V2.5.1 5",
        Error,
        ANY,
        |c, h| {
            if let Some(policy) = c
                .etsi_policy()
                .filter(|_| c.statement(oid::QC_COMPLIANCE).is_none())
            {
                h.one("policy", format!("0.4.0.194112.1.{policy}"));
            }
        },
    ),
    row(
        "lint.qc.device",
        "EN 319 411-2 V2.5.1 6.6.1; EN 319 412-5 V2.5.1 4.2.2",
        Error,
        ANY,
        |c, h| {
            if matches!(c.etsi_policy(), Some(2 | 3)) && c.statement(oid::QC_SSCD).is_none() {
                h.bare();
            }
        },
    ),
    row(
        "lint.qc.device-policy",
        "EN 319 411-2 V2.5.1 5.3",
        Error,
        ANY,
        |c, h| {
            if matches!(c.etsi_policy(), Some(0 | 1)) && c.statement(oid::QC_SSCD).is_some() {
                h.one("policy", c.etsi_policy().map(u64::from).unwrap_or(0));
            }
        },
    ),
    row(
        "lint.qc.disclosure",
        "EN 319 412-5 V2.5.1 5",
        Error,
        ANY,
        |c, h| {
            if claims(c) && c.statement(oid::QC_PDS).is_none() {
                h.bare();
            }
        },
    ),
    row(
        "lint.qc.disclosure-english",
        "EN 319 412-5 V2.5.1 4.3.4",
        Error,
        ANY,
        |c, h| {
            if let Some(all) = disclosures(c)
                && !all.iter().any(|(_, l)| l.value.eq_ignore_ascii_case(b"en"))
            {
                let codes: Vec<_> = all.iter().map(|(_, l)| lossy(l.value)).collect();
                h.one("languages", codes.join(", "));
            }
        },
    ),
    row(
        "lint.qc.disclosure-https",
        "EN 319 412-5 V2.5.1 4.3.4",
        Error,
        ANY,
        |c, h| {
            for (url, _) in disclosures(c).unwrap_or_default() {
                let https = url.value.starts_with(b"https://") && super::forms::is_uri(url.value);
                if !https || url.tag != Tag::IA5_STRING {
                    h.one("url", lossy(url.value));
                }
            }
        },
    ),
    row(
        "lint.qc.disclosure-language",
        "EN 319 412-5 V2.5.1 4.3.4; ISO 639-1",
        Error,
        ANY,
        |c, h| {
            for (_, language) in disclosures(c).unwrap_or_default() {
                let code = lossy(language.value).to_ascii_lowercase();
                if language.tag != Tag::PRINTABLE_STRING || !LANGUAGES.split(' ').any(|l| l == code)
                {
                    h.one("language", lossy(language.value));
                }
            }
        },
    ),
    row(
        "lint.qc.disclosure-once",
        "EN 319 412-5 V2.5.1 4.3.4",
        Error,
        ANY,
        |c, h| {
            let all = disclosures(c).unwrap_or_default();
            for (i, (_, l)) in all.iter().enumerate().take(256) {
                if all
                    .iter()
                    .take(i)
                    .any(|(_, o)| o.value.eq_ignore_ascii_case(l.value))
                {
                    h.one("language", lossy(l.value));
                }
            }
        },
    ),
    row(
        "lint.qc.type-one",
        "EN 319 412-5 V2.5.1 4.2.3",
        Error,
        ANY,
        |c, h| {
            let count = c.qc_types().len();
            if c.statement(oid::QC_TYPE).is_some() && count != 1 {
                h.one("count", count);
            }
        },
    ),
    row(
        "lint.qc.type-known",
        "EN 319 412-5 V2.5.1 4.2.3",
        Error,
        ANY,
        |c, h| {
            for t in c.qc_types() {
                if ![oid::QCT_ESIGN, oid::QCT_ESEAL, QCT_WEB].contains(&t) {
                    h.one("type", t.to_string());
                }
            }
        },
    ),
    row(
        "lint.qc.type-for-seal",
        "EN 319 412-5 V2.5.1 4.2.3",
        Error,
        ANY,
        |c, h| {
            if matches!(c.etsi_policy(), Some(1 | 3)) && c.statement(oid::QC_TYPE).is_none() {
                h.bare();
            }
        },
    ),
    row(
        "lint.qc.type-fits-policy",
        "EN 319 411-2 V2.5.1 5.3",
        Error,
        ANY,
        |c, h| {
            let wanted = match c.etsi_policy() {
                Some(0 | 2) => oid::QCT_ESIGN,
                Some(1 | 3) => oid::QCT_ESEAL,
                Some(4..=6) => QCT_WEB,
                _ => return,
            };
            for t in c.qc_types().into_iter().filter(|t| *t != wanted) {
                h.two("type", t.to_string(), "expected", wanted.to_string());
            }
        },
    ),
    row(
        "lint.qc.policy",
        "EN 319 412-2 V2.3.1 5.2",
        Warning,
        PERSON,
        |c, h| {
            // Qualified in the Union: elsewhere a legislation is named (EN 319 412-5 4.2.4).
            let union = c.statement(oid::QC_COMPLIANCE).is_some()
                && c.statement(oid::QC_CC_LEGISLATION).is_none();
            if union && c.etsi_policy().is_none() {
                h.bare();
            }
        },
    ),
    row(
        "lint.qc.legislation",
        "EN 319 412-5 V2.5.1 4.2.4",
        Error,
        ANY,
        |c, h| {
            let Some(s) = c.statement(oid::QC_CC_LEGISLATION) else {
                return;
            };
            let codes = s.info.as_ref().map(parts).unwrap_or_default();
            if codes.is_empty() {
                h.one("countries", 0u64);
            }
            for t in codes {
                let code = lossy(t.value);
                if t.tag != Tag::PRINTABLE_STRING || !is_country(&code) {
                    h.one("country", code);
                }
            }
        },
    ),
    row(
        "lint.qc.retention",
        "EN 319 412-5 V2.5.1 4.3.3",
        Error,
        ANY,
        |c, h| {
            if let Some(s) = c.statement(oid::QC_RETENTION_PERIOD) {
                let good = s.info.is_some_and(|t| {
                    t.tag == Tag::INTEGER && t.value.first().is_some_and(|b| b & 0x80 == 0)
                });
                if !good {
                    h.one(
                        "years",
                        s.info.map(|t| super::hex(t.value)).unwrap_or_default(),
                    );
                }
            }
        },
    ),
    row(
        "lint.qc.limit-value",
        "EN 319 412-5 V2.5.1 4.3.2",
        Error,
        ANY,
        |c, h| {
            let Some(s) = c.statement(QC_LIMIT_VALUE) else {
                return;
            };
            let fields = s.info.as_ref().map(parts).unwrap_or_default();
            let good = match fields.as_slice() {
                [currency, amount, exponent] => {
                    let alphabetic = currency.tag == Tag::PRINTABLE_STRING
                        && currency.value.len() == 3
                        && currency.value.iter().all(u8::is_ascii_uppercase);
                    let numeric = currency.tag == Tag::INTEGER && currency.value.len() <= 2;
                    (alphabetic || numeric)
                        && amount.tag == Tag::INTEGER
                        && exponent.tag == Tag::INTEGER
                }
                _ => false,
            };
            if !good {
                h.one(
                    "value",
                    s.info.map(|t| super::hex(t.raw)).unwrap_or_default(),
                );
            }
        },
    ),
];

/// id-etsi-qcs-QcLimitValue, EN 319 412-5 4.3.2
const QC_LIMIT_VALUE: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.4.0.1862.1.2");
/// id-etsi-qct-web, EN 319 412-5 4.2.3
const QCT_WEB: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.4.0.1862.1.6.3");

/// ISO 639-1, the 183 codes.
const LANGUAGES: &str = "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu";

/// Whether it says that it is qualified.
fn claims(c: &View<'_>) -> bool {
    c.etsi_policy().is_some() || c.statement(oid::QC_COMPLIANCE).is_some()
}

/// URL and language of each disclosure statement; none where there is no QcPDS.
fn disclosures<'a>(c: &View<'a>) -> Option<Vec<(Tlv<'a>, Tlv<'a>)>> {
    let info = c.statement(oid::QC_PDS)?.info?;
    let pairs = parts(&info);
    Some(
        pairs
            .iter()
            .filter_map(|p| match parts(p).as_slice() {
                [url, language] => Some((*url, *language)),
                _ => None,
            })
            .collect(),
    )
}
