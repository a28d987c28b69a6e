//! Extensions one by one: what each says, in words.
//!
//! Whether a value is well formed is for the library's strict accessors; what it says is read by
//! the tolerant parser, so that one mistake does not hide the rest.

use ::x509_parser::extensions::{
    DistributionPointName, GeneralName, ParsedExtension, ReasonFlags, X509Extension,
};
use ::x509_parser::prelude::FromDer;
use esign_core::der::{DecodeError, Reader, Rules, Tag, Writer, decode};
use esign_core::x509::KeyUsage;
use serde_json::{Value, json};

use super::describe::{general, oid_word};
use super::item::{Item, hex};
use super::statement::{statement_lines, statements};
use crate::lang::Lang;

/// Longest value of an unknown extension that is shown, in octets; the length is shown always.
const MAX_SHOWN: usize = 64;
/// Most lines of one extension; a name constraint of a browser's root has some hundreds.
const MAX_LINES: usize = 200;

/// The extensions that a certificate has a strict accessor for.
const JUDGED: [&str; 11] = [
    "2.5.29.14",
    "2.5.29.15",
    "2.5.29.17",
    "2.5.29.19",
    "2.5.29.30",
    "2.5.29.31",
    "2.5.29.32",
    "2.5.29.35",
    "2.5.29.37",
    "1.3.6.1.5.5.7.1.1",
    "1.3.6.1.5.5.7.1.3",
];

/// An extension, wherever it comes from.
pub(super) struct Ext {
    pub(super) oid: String,
    pub(super) critical: bool,
    pub(super) value: Vec<u8>,
    /// `extnID` in DER.
    oid_der: Vec<u8>,
    /// Whether a strict accessor has said already what is wrong with it.
    judged: bool,
}

/// What extensions say about the use of a key.
#[derive(Default)]
pub(super) struct Uses {
    pub(super) ca: bool,
    pub(super) key_usage: Option<u16>,
    pub(super) extended: Option<Vec<String>>,
    pub(super) qc_types: Vec<String>,
    /// Whether one of the extensions that limit the use could not be read.
    pub(super) unread: bool,
}

impl Ext {
    /// Reads `SEQUENCE OF Extension`, tolerating what X.690 forbids.
    pub(super) fn list(r: &mut Reader<'_>) -> Result<Vec<Self>, DecodeError> {
        let mut all = Vec::new();
        r.sequence("extensions", |r| {
            while !r.is_empty() {
                all.push(r.sequence("extension", |r| {
                    let id = r.expect(Tag::OID, "extnID")?;
                    let critical = match r.optional(Tag::BOOLEAN, "critical")? {
                        Some(b) => b.boolean("critical")?,
                        None => false,
                    };
                    let value = r.expect(Tag::OCTET_STRING, "extnValue")?;
                    Ok(Self {
                        oid: id.oid("extnID")?.to_string(),
                        critical,
                        value: value.octets("extnValue")?.into_owned(),
                        oid_der: id.raw.to_vec(),
                        judged: false,
                    })
                })?);
            }
            Ok(())
        })?;
        Ok(all)
    }

    pub(super) fn strict(from: &esign_core::x509::Extension<'_>) -> Self {
        let mut w = Writer::new();
        w.oid(from.oid);
        Self {
            oid: from.oid.to_string(),
            critical: from.critical,
            value: from.value.to_vec(),
            oid_der: w.finish(),
            judged: false,
        }
    }

    pub(super) fn loose(from: &X509Extension<'_>) -> Self {
        let mut w = Writer::new();
        w.tlv(Tag::OID, from.oid.as_bytes());
        Self {
            oid: from.oid.to_id_string(),
            critical: from.critical,
            value: from.value.to_vec(),
            oid_der: w.finish(),
            judged: false,
        }
    }

    /// Marks those extensions that the strict accessors of a certificate speak of.
    pub(super) fn judged(mut self) -> Self {
        self.judged = JUDGED.contains(&self.oid.as_str());
        self
    }

    /// The encoding that the tolerant parser takes.
    fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.nested(Tag::SEQUENCE, |w| {
            w.raw(&self.oid_der);
            if self.critical {
                w.tlv(Tag::BOOLEAN, &[0xff]);
            }
            w.tlv(Tag::OCTET_STRING, &self.value);
        });
        w.finish()
    }
}

/// Adds a row for each extension and the member `extensions`; returns what they say about uses.
pub(super) fn explain(lang: &Lang, all: &[Ext], item: &mut Item) -> Uses {
    let mut uses = Uses::default();
    let mut list: Vec<Value> = Vec::new();
    let mut shown = Vec::new();
    for ext in all {
        let name = oid_word(lang, &ext.oid);
        let (mut lines, known) = lines(lang, ext, &mut uses, item);
        if !known {
            lines = vec![unknown(lang, &ext.value)];
            if ext.critical {
                lines.push(lang.text("show-critical-unknown"));
            }
        }
        if lines.len() > MAX_LINES {
            let more = (lines.len() - MAX_LINES).to_string();
            lines.truncate(MAX_LINES);
            lines.push(lang.with("show-more", &[("count", &more)]));
        }
        let mut label = name;
        if ext.critical {
            label = format!("{label} [{}]", lang.text("show-critical"));
        }
        list.push(
            json!({"oid": ext.oid, "critical": ext.critical, "known": known,
            "length": ext.value.len(), "value": hex(&ext.value)}),
        );
        shown.push((label, lines));
    }
    if !all.is_empty() {
        item.row(lang.text("show-extensions"), all.len().to_string());
    }
    for (label, lines) in shown {
        item.rows(format!("  {label}"), lines);
    }
    item.set("extensions", list);
    uses
}

/// An extension nobody here knows: its length and its first octets.
pub(super) fn unknown(lang: &Lang, value: &[u8]) -> String {
    let start = value.get(..MAX_SHOWN).unwrap_or(value);
    let dots = if value.len() > MAX_SHOWN { "…" } else { "" };
    lang.with(
        "show-unknown-value",
        &[
            ("count", &value.len().to_string()),
            ("hex", &format!("{}{dots}", hex(start))),
        ],
    )
}

/// What one extension says, and whether it is one that is known here.
fn lines(lang: &Lang, ext: &Ext, uses: &mut Uses, item: &mut Item) -> (Vec<String>, bool) {
    match ext.oid.as_str() {
        "1.3.6.1.5.5.7.1.3" => {
            return match statements(&ext.value) {
                Ok(all) => (statement_lines(lang, &all, uses, item), true),
                Err(e) => {
                    report(ext, &e.within("qcStatements"), uses, item);
                    (vec![unknown(lang, &ext.value)], true)
                }
            };
        }
        // These say all by being there.
        "1.3.6.1.5.5.7.48.1.5" | "2.5.29.56" | "0.4.0.194121.2.1" => {
            let key = format!("show-says-{}", ext.oid.replace('.', "-"));
            return (vec![lang.text(&key)], true);
        }
        "2.5.29.27" => return (vec![integer(&ext.value)], true),
        "2.5.29.60" => {
            // expiredCertsOnCRL (X.509 9.5.2.8), which the tolerant parser does not know.
            let since = decode(&ext.value, Rules::Der, |r| {
                r.expect(Tag::GENERALIZED_TIME, "")?.time("")
            });
            return match since {
                Ok(since) => {
                    item.set("expired_certificates_since", since.to_string());
                    let time = lang.time(since);
                    let line = lang.with("show-expired-since", &[("time", &time)]);
                    (vec![line], true)
                }
                Err(e) => {
                    report(ext, &e.within("expiredCertsOnCRL"), uses, item);
                    (vec![unknown(lang, &ext.value)], true)
                }
            };
        }
        "2.5.29.46" => {
            // freshestCRL has the syntax of cRLDistributionPoints (RFC 5280 4.2.1.15).
            let mut as_points = Writer::new();
            as_points.tlv(Tag::OID, &[0x55, 0x1d, 0x1f]);
            let twin = Ext {
                oid: "2.5.29.31".into(),
                critical: ext.critical,
                value: ext.value.clone(),
                oid_der: as_points.finish(),
                judged: ext.judged,
            };
            return lines(lang, &twin, uses, item);
        }
        _ => {}
    }
    let encoded = ext.encode();
    let Ok((_, parsed)) = X509Extension::from_der(&encoded) else {
        return (Vec::new(), false);
    };
    let names = |all: &[GeneralName<'_>]| all.iter().map(|n| general(lang, n)).collect::<Vec<_>>();
    let yes = |key: &str, on: bool| on.then(|| lang.text(key));
    let found = match parsed.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(aki) => {
            let mut all: Vec<String> = aki.key_identifier.iter().map(|k| hex(k.0)).collect();
            all.extend(names(
                aki.authority_cert_issuer.as_deref().unwrap_or_default(),
            ));
            all.extend(
                aki.authority_cert_serial
                    .map(|s| format!("{}: {}", lang.text("show-serial"), hex(s))),
            );
            all
        }
        ParsedExtension::SubjectKeyIdentifier(id) => vec![hex(id.0)],
        ParsedExtension::KeyUsage(usage) => {
            uses.key_usage = Some(usage.flags);
            KeyUsage(usage.flags)
                .names()
                .map(|n| {
                    format!(
                        "{n}: {}",
                        lang.text(&format!("show-ku-{}", n.to_lowercase()))
                    )
                })
                .collect()
        }
        ParsedExtension::ExtendedKeyUsage(_) => match oids(&ext.value) {
            Ok(all) => {
                let words = all.iter().map(|o| oid_word(lang, o)).collect();
                uses.extended = Some(all);
                words
            }
            Err(e) => {
                report(ext, &e.within("extKeyUsage"), uses, item);
                vec![unknown(lang, &ext.value)]
            }
        },
        ParsedExtension::BasicConstraints(bc) => {
            uses.ca = bc.ca;
            let key = if bc.ca { "show-bc-ca" } else { "show-bc-end" };
            let mut all = vec![lang.text(key)];
            all.extend(
                bc.path_len_constraint
                    .map(|n| lang.with("show-bc-path", &[("count", &n.to_string())])),
            );
            all
        }
        ParsedExtension::SubjectAlternativeName(san) => names(&san.general_names),
        ParsedExtension::IssuerAlternativeName(ian) => names(&ian.general_names),
        ParsedExtension::CertificatePolicies(policies) => policies
            .iter()
            .flat_map(|p| {
                let mut all = vec![policy(lang, &p.policy_id.to_id_string())];
                for q in p.policy_qualifiers.iter().flatten() {
                    all.push(format!("  {}", texts(q.qualifier)));
                }
                all
            })
            .collect(),
        ParsedExtension::PolicyMappings(mappings) => mappings
            .mappings
            .iter()
            .map(|m| {
                format!(
                    "{} → {}",
                    m.issuer_domain_policy.to_id_string(),
                    m.subject_domain_policy.to_id_string()
                )
            })
            .collect(),
        ParsedExtension::PolicyConstraints(pc) => {
            let of =
                |key: &str, n: Option<u32>| n.map(|n| lang.with(key, &[("count", &n.to_string())]));
            [
                of("show-pc-explicit", pc.require_explicit_policy),
                of("show-pc-mapping", pc.inhibit_policy_mapping),
            ]
            .into_iter()
            .flatten()
            .collect()
        }
        ParsedExtension::InhibitAnyPolicy(any) => {
            vec![lang.with(
                "show-inhibit-any",
                &[("count", &any.skip_certs.to_string())],
            )]
        }
        ParsedExtension::NameConstraints(nc) => {
            let side =
                |key: &str, trees: &Option<Vec<::x509_parser::extensions::GeneralSubtree<'_>>>| {
                    trees
                        .iter()
                        .flatten()
                        .map(|t| format!("{} {}", lang.text(key), general(lang, &t.base)))
                        .collect::<Vec<_>>()
                };
            let mut all = side("show-nc-permitted", &nc.permitted_subtrees);
            all.extend(side("show-nc-excluded", &nc.excluded_subtrees));
            all
        }
        ParsedExtension::CRLDistributionPoints(points) => points
            .iter()
            .flat_map(|p| {
                let mut all = point(lang, p.distribution_point.as_ref());
                all.extend(p.reasons.as_ref().map(|r| reasons(lang, r)));
                for issuer in p.crl_issuer.iter().flatten() {
                    all.push(format!(
                        "{}: {}",
                        lang.text("show-issuer"),
                        general(lang, issuer)
                    ));
                }
                all
            })
            .collect(),
        ParsedExtension::IssuingDistributionPoint(idp) => {
            let mut all = point(lang, idp.distribution_point.as_ref());
            all.extend(yes("show-idp-user", idp.only_contains_user_certs));
            all.extend(yes("show-idp-ca", idp.only_contains_ca_certs));
            all.extend(yes("show-idp-attribute", idp.only_contains_attribute_certs));
            all.extend(yes("show-idp-indirect", idp.indirect_crl));
            all.extend(idp.only_some_reasons.as_ref().map(|r| reasons(lang, r)));
            all
        }
        ParsedExtension::AuthorityInfoAccess(info) => info
            .iter()
            .map(|d| access(lang, &d.access_method.to_id_string(), &d.access_location))
            .collect(),
        ParsedExtension::SubjectInfoAccess(info) => info
            .iter()
            .map(|d| access(lang, &d.access_method.to_id_string(), &d.access_location))
            .collect(),
        ParsedExtension::CRLNumber(n) => vec![n.to_string()],
        ParsedExtension::NsCertComment(text) => vec![(*text).to_owned()],
        ParsedExtension::SCT(all) => {
            vec![lang.with("show-sct", &[("count", &all.len().to_string())])]
        }
        ParsedExtension::ParseError { error } => {
            let problem = format!("{}: {error}", oid_word(lang, &ext.oid));
            report(ext, &problem, uses, item);
            vec![unknown(lang, &ext.value)]
        }
        _ => return (Vec::new(), false),
    };
    if found.is_empty() {
        return (vec![unknown(lang, &ext.value)], true);
    }
    (found, true)
}

/// Says that a value could not be read, once.
fn report(ext: &Ext, problem: &dyn std::fmt::Display, uses: &mut Uses, item: &mut Item) {
    uses.unread |= ["2.5.29.15", "2.5.29.19", "2.5.29.37"].contains(&ext.oid.as_str());
    if !ext.judged {
        item.problem(problem);
    }
}

fn access(lang: &Lang, method: &str, location: &GeneralName<'_>) -> String {
    format!("{}: {}", oid_word(lang, method), general(lang, location))
}

fn policy(lang: &Lang, oid: &str) -> String {
    let word = oid_word(lang, oid);
    if word == oid {
        word
    } else {
        format!("{oid} ({word})")
    }
}

fn point(lang: &Lang, name: Option<&DistributionPointName<'_>>) -> Vec<String> {
    match name {
        Some(DistributionPointName::FullName(names)) => {
            names.iter().map(|n| general(lang, n)).collect()
        }
        Some(DistributionPointName::NameRelativeToCRLIssuer(rdn)) => rdn
            .iter()
            .map(|a| {
                let value = a.as_str().unwrap_or_default();
                format!(
                    "{} + {}={value}",
                    lang.text("show-issuer"),
                    a.attr_type().to_id_string()
                )
            })
            .collect(),
        None => Vec::new(),
    }
}

fn reasons(lang: &Lang, flags: &ReasonFlags) -> String {
    // ReasonFlags counts as CRLReason does up to 6, then 7 and 8 for its 9 and 10 (RFC 5280 4.2.1.13).
    let words: Vec<String> = [1_u8, 2, 3, 4, 5, 6, 9, 10]
        .iter()
        .enumerate()
        .filter(|(i, _)| flags.flags >> (i + 1) & 1 == 1)
        .map(|(_, n)| lang.text(&format!("show-reason-{n}")))
        .collect();
    lang.with("show-only-reasons", &[("reasons", &words.join(", "))])
}

fn oids(value: &[u8]) -> Result<Vec<String>, DecodeError> {
    let mut all = Vec::new();
    Reader::new(value, Rules::Ber).sequence("", |r| {
        while !r.is_empty() {
            all.push(r.oid("keyPurposeId")?.to_string());
        }
        Ok(())
    })?;
    Ok(all)
}

/// The texts in a policy qualifier, at whatever depth; its octets where there are none.
pub(super) fn texts(der: &[u8]) -> String {
    fn walk(r: &mut Reader<'_>, depth: u8, found: &mut Vec<String>) -> Option<()> {
        while !r.is_empty() {
            let tlv = r.any("").ok()?;
            if tlv.tag.is_constructed() {
                // A user notice nests three deep.
                if depth < 4 {
                    walk(&mut tlv.reader("").ok()?, depth + 1, found)?;
                }
            } else if tlv.tag == Tag::BMP_STRING {
                let units: Vec<u16> = tlv
                    .value
                    .chunks_exact(2)
                    .filter_map(|p| Some(u16::from_be_bytes(p.try_into().ok()?)))
                    .collect();
                found.push(String::from_utf16_lossy(&units));
            } else if tlv.tag != Tag::INTEGER {
                found.push(String::from_utf8_lossy(tlv.value).into_owned());
            }
        }
        Some(())
    }
    let mut found = Vec::new();
    match walk(&mut Reader::new(der, Rules::Ber), 0, &mut found) {
        Some(()) if !found.is_empty() => found.join(" "),
        _ => hex(der),
    }
}

fn integer(value: &[u8]) -> String {
    Reader::new(value, Rules::Ber)
        .integer("")
        .map_or_else(|_| hex(value), |n| format!("0x{}", hex(n)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_and_counted() {
        let lang = Lang::choose(Some("en"));
        assert!(!unknown(&lang, &[7; MAX_SHOWN]).contains('…'));
        let cut = unknown(&lang, &[7; MAX_SHOWN + 1]);
        assert!(cut.contains("65 octets") && cut.ends_with("07…"), "{cut}");
    }

    #[test]
    fn many_lines_are_cut_and_counted() {
        let lang = Lang::choose(Some("en"));
        for (count, cut) in [(MAX_LINES, false), (MAX_LINES + 3, true)] {
            let mut w = Writer::new();
            w.nested(Tag::SEQUENCE, |w| {
                for _ in 0..count {
                    w.oid(esign_core::oid::KP_TIME_STAMPING);
                }
            });
            let mut id = Writer::new();
            id.oid(esign_core::oid::EXT_KEY_USAGE);
            let ext = Ext {
                oid: "2.5.29.37".into(),
                critical: false,
                value: w.finish(),
                oid_der: id.finish(),
                judged: false,
            };
            let mut item = Item::new("certificate");
            let uses = explain(&lang, &[ext], &mut item);
            assert_eq!(uses.extended.unwrap().len(), count);
            let mut out = String::new();
            item.write(&lang, 0, None, &mut out);
            assert_eq!(out.contains("… and 3 more"), cut);
            assert_eq!(out.matches("time stamps").count(), MAX_LINES);
        }
    }

    #[test]
    fn a_broken_value_is_said_and_shown() {
        let lang = Lang::choose(Some("en"));
        for (oid, arc) in [
            ("2.5.29.15", &[0x55, 0x1d, 0x0f][..]),
            ("1.3.6.1.5.5.7.1.3", &[0x2b, 6, 1, 5, 5, 7, 1, 3]),
        ] {
            let mut id = Writer::new();
            id.tlv(Tag::OID, arc);
            let ext = Ext {
                oid: oid.into(),
                critical: true,
                value: vec![0x30, 0x05, 0x01],
                oid_der: id.finish(),
                judged: false,
            };
            let mut item = Item::new("certificate");
            explain(&lang, &[ext], &mut item);
            assert!(item.has_problems(), "{oid}");
            let mut out = String::new();
            item.write(&lang, 0, None, &mut out);
            assert!(out.contains("300501"), "{out}");
        }
    }
}
