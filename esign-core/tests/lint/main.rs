//! Every rule of the linter with something that breaks it and it alone, beside sound ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    missing_docs,
    reason = "a test may stop at the first surprise"
)]

mod make;

use std::collections::BTreeSet;

use esign_core::lint::{self, Kind, Outcome, Severity};
use esign_core::x509;
use make::*;

/// What comes with a breach by its nature.
type Also = &'static [&'static str];
type Case<T> = (&'static str, fn(&mut T), Also);

fn ids(outcome: &Outcome) -> BTreeSet<&'static str> {
    outcome.hits.iter().map(|h| h.rule.id).collect()
}

fn san(tag: u8, value: &[u8]) -> Vec<u8> {
    seq(&[tlv(tag, value)])
}

fn qcs(c: &mut Cert, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let seal = c.subject.iter().any(|a| a.0 == ORG_ID);
    let mut all = if seal {
        qualified("2", 2)
    } else {
        qualified("1", 1)
    };
    change(&mut all);
    c.set(QC, false, seq(&all));
}

fn disclose(c: &mut Cert, all: &[Vec<u8>]) {
    qcs(c, |s| s[2] = qc("5", Some(seq(all))));
}

fn notice(c: &mut Cert, tag: u8, text: &[u8]) {
    c.set(
        CP,
        false,
        qualifier("1.2.3", "1.3.6.1.5.5.7.2.2", seq(&[tlv(tag, text)])),
    );
}

fn constrain(c: &mut Cert, subtree: &[Vec<u8>]) {
    c.set("2.5.29.30", true, seq(&[tlv(0xa0, &seq(subtree))]));
}

const CERTIFICATE: &[Case<Cert>] = &[
    (
        "lint.der.visible-alphabet",
        |c| c.subject.push(attr("1.2.3.4", 0x1a, "ə")),
        &[],
    ),
    (
        "lint.name.email",
        |c| c.issuer.push(attr(MAIL, 0x16, "somebody")),
        &[],
    ),
    (
        "lint.policies.no-notice-reference",
        |c| {
            let reference = seq(&[tlv(12, b"a"), seq(&[tlv(2, &[1])])]);
            let value = seq(&[reference]);
            c.set(CP, false, qualifier("1.2.3", "1.3.6.1.5.5.7.2.2", value));
        },
        &[],
    ),
    (
        "lint.policy-mappings.asserted",
        |c| {
            c.set(
                "2.5.29.33",
                true,
                seq(&[seq(&[oid("1.2.3"), oid("1.2.4")])]),
            )
        },
        &[],
    ),
    (
        "lint.key.well-formed",
        |c| c.key = seq(&[seq(&[oid("1.3.101.112")]), tlv(3, &[0; 32])]),
        &[],
    ),
    (
        "lint.key.well-formed",
        |c| c.key = seq(&[seq(&[oid("1.3.101.113")]), tlv(3, &[0; 33])]),
        &[],
    ),
    (
        "lint.key.well-formed",
        |c| {
            c.key = seq(&[seq(&[oid("2.16.840.1.101.3.4.3.17")]), tlv(3, &[0; 1312])]);
        },
        &[],
    ),
    (
        "lint.key.well-formed",
        |c| c.key = seq(&[seq(&[oid("1.2.840.113549.1.1.1"), null()]), tlv(3, &[0])]),
        &[],
    ),
    (
        "lint.key.parameters",
        |c| {
            let algorithm = seq(&[oid("2.16.840.1.101.3.4.3.19"), null()]);
            c.key = seq(&[algorithm, tlv(3, &[0; 2593])]);
        },
        &[],
    ),
    (
        "lint.key.parameters",
        |c| c.key = pss_key(seq(&[oid("1.2.840.113549.1.1.10"), null()])),
        &[],
    ),
    (
        "lint.algorithm.parameters",
        |c| {
            c.inner = seq(&[oid("1.2.840.113549.1.1.10")]);
            c.outer = c.inner.clone();
        },
        &[],
    ),
    (
        "lint.algorithm.parameters",
        |c| c.pss(&[pss_salt(32), pss_hash(1)]),
        &[],
    ),
    (
        "lint.pss.digest",
        |c| c.pss(&[pss_hash(8), pss_mask(MGF1, 8), pss_salt(32)]),
        &[],
    ),
    (
        "lint.pss.mask",
        |c| c.pss(&[pss_hash(1), pss_mask("1.2.3.4", 1), pss_salt(32)]),
        &[],
    ),
    (
        "lint.pss.same-digest",
        |c| c.pss(&[pss_hash(1), pss_mask(MGF1, 2), pss_salt(32)]),
        &[],
    ),
    (
        "lint.pss.salt-length",
        |c| c.pss(&[pss_hash(1), pss_mask(MGF1, 1), pss_salt(33)]),
        &[],
    ),
    (
        "lint.pss.trailer-left-out",
        |c| {
            let mut fields = sound_pss();
            fields.push(tlv(0xa3, &tlv(2, &[1])));
            c.pss(&fields);
        },
        &[],
    ),
    (
        "lint.pss.default-left-out",
        |c| {
            let sha1 = tlv(0xa0, &seq(&[oid("1.3.14.3.2.26"), null()]));
            c.pss(&[sha1]);
        },
        &[],
    ),
    (
        "lint.pss.fits-key",
        |c| {
            let mut salty = sound_pss();
            salty[2] = pss_salt(33);
            c.pss(&sound_pss());
            c.key = pss_key(pss(&salty));
            c.subject = c.issuer.clone();
            c.set(AKI, false, seq(&[tlv(0x80, &[2; 20])]));
        },
        &["lint.pss.salt-length"],
    ),
    (
        "lint.der.length-minimal",
        |c| c.serial = vec![2, 0x81, 9, 0x12, 1, 2, 3, 4, 5, 6, 7, 8],
        &[],
    ),
    ("lint.der.boolean", |c| c.exts[2].critical = Some(1), &[]),
    (
        "lint.der.integer-minimal",
        |c| c.serial = tlv(2, &[0, 1, 2, 3, 4, 5, 6, 7, 8]),
        &[],
    ),
    (
        "lint.der.null-empty",
        |c| c.set("2.5.29.56", false, vec![5, 1, 0]),
        &["lint.no-rev-avail.alone"],
    ),
    (
        "lint.der.unused-bits-zero",
        |c| c.set(KU, true, tlv(3, &[6, 0x41])),
        &[],
    ),
    (
        "lint.der.set-order",
        |c| {
            let two = [
                seq(&[oid(CN), tlv(12, b"b")]),
                seq(&[oid(CN), tlv(12, b"a")]),
            ];
            c.subject = vec![(CN.into(), tlv(0x31, &two.concat()))];
        },
        &[],
    ),
    (
        "lint.der.constructed-string",
        |c| c.set(SKI, false, seq(&[tlv(0x24, &tlv(4, &[2]))])),
        &["lint.extension.well-formed"],
    ),
    (
        "lint.der.default-left-out",
        |c| c.exts[0].critical = Some(0),
        &[],
    ),
    (
        "lint.der.named-bits-trimmed",
        |c| c.set(KU, true, tlv(3, &[0, 0x40])),
        &[],
    ),
    (
        "lint.der.utf8",
        |c| {
            c.subject
                .push((O.into(), tlv(0x31, &seq(&[oid(O), tlv(12, &[0xff])]))))
        },
        &[],
    ),
    (
        "lint.der.printable-alphabet",
        |c| c.subject.push(printable(O, "a@b")),
        &[],
    ),
    (
        "lint.der.ia5-alphabet",
        |c| {
            c.subject
                .push(attr("0.9.2342.19200300.100.1.25", 0x16, "ə"))
        },
        &[],
    ),
    (
        "lint.der.numeric-alphabet",
        |c| c.subject.push(attr("1.2.3.4", 0x12, "x")),
        &[],
    ),
    (
        "lint.der.bmp-even",
        |c| c.subject.push(attr("1.2.3.4", 0x1e, "abc")),
        &[],
    ),
    (
        "lint.version.three-with-extensions",
        |c| c.version = tlv(0xa0, &tlv(2, &[1])),
        &[],
    ),
    (
        "lint.version.known",
        |c| c.version = tlv(0xa0, &tlv(2, &[5])),
        &["lint.version.three-with-extensions"],
    ),
    (
        "lint.serial.positive",
        |c| c.serial = tlv(2, &[0x92, 1, 2, 3, 4, 5, 6, 7, 8]),
        &[],
    ),
    ("lint.serial.length", |c| c.serial = tlv(2, &[1; 21]), &[]),
    (
        "lint.serial.unpredictable",
        |c| c.serial = tlv(2, &[1; 7]),
        &[],
    ),
    (
        "lint.algorithm.same",
        |c| c.outer = seq(&[oid("1.2.840.10045.4.3.3")]),
        &[],
    ),
    (
        "lint.algorithm.parameters",
        |c| {
            c.inner = seq(&[oid("1.2.840.10045.4.3.2"), null()]);
            c.outer = c.inner.clone();
        },
        &[],
    ),
    (
        "lint.algorithm.digest",
        |c| {
            c.inner = seq(&[oid("1.2.840.10045.4.1")]);
            c.outer = c.inner.clone();
        },
        &[],
    ),
    (
        "lint.key.parameters",
        |c| c.key = seq(&[seq(&[oid("1.3.101.112"), null()]), tlv(3, &[0; 33])]),
        &[],
    ),
    (
        "lint.key.rsa-size",
        |c| c.key = rsa_key(128, &[1, 0, 1]),
        &[],
    ),
    ("lint.key.rsa-exponent", |c| c.key = rsa_key(256, &[3]), &[]),
    (
        "lint.validity.ordered",
        |c| c.to = tlv(0x17, b"250101000000Z"),
        &[],
    ),
    (
        "lint.validity.form",
        |c| c.from = tlv(0x17, b"2601010000Z"),
        &[],
    ),
    (
        "lint.validity.utc-before-2050",
        |c| c.to = tlv(0x18, b"20270101000000Z"),
        &[],
    ),
    (
        "lint.unique-identifiers.absent",
        |c| c.unique = tlv(0x81, &[0, 1]),
        &[],
    ),
    (
        "lint.extensions.once",
        |c| c.exts.push(ext(SKI, false, tlv(4, &[2; 20]))),
        &[],
    ),
    (
        "lint.extensions.non-empty",
        |c| c.raw_exts = Some(tlv(0xa3, &seq(&[]))),
        &["lint.aki.present", "lint.ski.present"],
    ),
    ("lint.name.issuer-not-empty", |c| c.issuer.clear(), &[]),
    (
        "lint.name.empty-subject-critical-alt-name",
        |c| c.subject.clear(),
        &[],
    ),
    (
        "lint.name.rdn-not-empty",
        |c| c.subject.push((String::new(), tlv(0x31, &[]))),
        &[],
    ),
    (
        "lint.name.value-not-empty",
        |c| c.subject.push(utf8(O, "")),
        &[],
    ),
    (
        "lint.name.directory-string",
        |c| c.subject.push(attr(O, 0x16, "a")),
        &[],
    ),
    (
        "lint.name.modern-string",
        |c| c.subject.push(attr(O, 0x14, "a")),
        &[],
    ),
    (
        "lint.name.printable-type",
        |c| c.subject.push(utf8(SN, "1")),
        &[],
    ),
    (
        "lint.name.ia5-type",
        |c| c.subject.push(utf8("0.9.2342.19200300.100.1.25", "a")),
        &[],
    ),
    (
        "lint.name.upper-bound",
        |c| c.subject.push(utf8(O, &"ə".repeat(65))),
        &[],
    ),
    (
        "lint.name.country-code",
        |c| c.subject.push(printable(C, "ZZ")),
        &[],
    ),
    (
        "lint.name.no-email",
        |c| c.subject.push(attr(MAIL, 0x16, "a@b.example")),
        &[],
    ),
    (
        "lint.name.no-outer-space",
        |c| c.subject.push(utf8(O, "a ")),
        &[],
    ),
    (
        "lint.extension.well-formed",
        |c| c.set(SKI, false, tlv(2, &[1])),
        &[],
    ),
    (
        "lint.extension.unknown-critical",
        |c| c.set("1.2.3.4", true, null()),
        &[],
    ),
    ("lint.aki.present", |c| c.drop(AKI), &[]),
    ("lint.aki.not-critical", |c| c.critical(AKI, true), &[]),
    (
        "lint.aki.issuer-with-serial",
        |c| c.set(AKI, false, seq(&[tlv(0x80, &[1; 20]), tlv(0x82, &[1])])),
        &[],
    ),
    ("lint.ski.present", |c| c.drop(SKI), &[]),
    ("lint.ski.not-critical", |c| c.critical(SKI, true), &[]),
    (
        "lint.key-usage.not-zero",
        |c| c.set(KU, true, tlv(3, &[0])),
        &[],
    ),
    ("lint.key-usage.critical", |c| c.critical(KU, false), &[]),
    (
        "lint.key-usage.cert-sign-needs-ca",
        |c| c.set(KU, true, tlv(3, &[2, 4])),
        &[],
    ),
    (
        "lint.key-usage.only-needs-agreement",
        |c| c.set(KU, true, tlv(3, &[0, 0x41])),
        &[],
    ),
    (
        "lint.key-usage.fits-key",
        |c| c.set(KU, true, tlv(3, &[5, 0x20])),
        &[],
    ),
    (
        "lint.eku.any-not-critical",
        |c| c.set(EKU, true, seq(&[oid("2.5.29.37.0")])),
        &[],
    ),
    (
        "lint.eku.once",
        |c| c.set(EKU, false, seq(&[oid("1.2.3"), oid("1.2.3")])),
        &[],
    ),
    (
        "lint.eku.fits-key-usage",
        |c| c.set(EKU, false, seq(&[oid("1.3.6.1.5.5.7.3.3")])),
        &[],
    ),
    (
        "lint.basic-constraints.path-length-needs-ca",
        |c| c.set(BC, true, seq(&[tlv(2, &[0])])),
        &[],
    ),
    (
        "lint.alt-name.dns",
        |c| c.set(SAN, false, san(0x82, b"a..b")),
        &[],
    ),
    (
        "lint.alt-name.email",
        |c| c.set(SAN, false, san(0x81, b"nobody")),
        &[],
    ),
    (
        "lint.alt-name.uri",
        |c| c.set(SAN, false, san(0x86, b"relative/path")),
        &[],
    ),
    (
        "lint.alt-name.ip",
        |c| c.set(SAN, false, san(0x87, &[1, 2, 3])),
        &[],
    ),
    (
        "lint.alt-name.not-critical",
        |c| c.set(SAN, true, san(0x82, b"a.example")),
        &[],
    ),
    (
        "lint.issuer-alt-name.not-critical",
        |c| c.set("2.5.29.18", true, san(0x82, b"a.example")),
        &[],
    ),
    (
        "lint.directory-attributes.not-critical",
        |c| {
            c.set(
                "2.5.29.9",
                true,
                seq(&[seq(&[oid("1.2.3"), tlv(0x31, &null())])]),
            )
        },
        &[],
    ),
    (
        "lint.crl-points.not-critical",
        |c| c.critical(CRLDP, true),
        &[],
    ),
    (
        "lint.crl-points.name-or-issuer",
        |c| c.set(CRLDP, false, seq(&[seq(&[tlv(0x81, &[1, 2])])])),
        &[],
    ),
    (
        "lint.crl-points.no-relative-name",
        |c| {
            c.set(
                CRLDP,
                false,
                seq(&[seq(&[tlv(
                    0xa0,
                    &tlv(0xa1, &seq(&[oid(CN), tlv(12, b"a")])),
                )])]),
            )
        },
        &[],
    ),
    (
        "lint.crl-points.location",
        |c| c.set(CRLDP, false, points("ftp://a.example/ca.crl")),
        &[],
    ),
    (
        "lint.crl-points.uri",
        |c| c.set(CRLDP, false, points("http:/ /a")),
        &["lint.crl-points.location"],
    ),
    (
        "lint.freshest-crl.not-critical",
        |c| c.set("2.5.29.46", true, points("http://a.example/d.crl")),
        &[],
    ),
    (
        "lint.info-access.not-critical",
        |c| c.critical(AIA, true),
        &[],
    ),
    (
        "lint.info-access.uri",
        |c| c.set(AIA, false, aia("http://a.example/ca.cer", "a.example")),
        &[],
    ),
    (
        "lint.info-access.scheme",
        |c| {
            c.set(
                AIA,
                false,
                aia("https://a.example/ca.cer", "http://a.example"),
            )
        },
        &[],
    ),
    (
        "lint.subject-info-access.not-critical",
        |c| {
            c.set(
                "1.3.6.1.5.5.7.1.11",
                true,
                seq(&[access("5", "http://a.example")]),
            )
        },
        &[],
    ),
    (
        "lint.policies.once",
        |c| {
            c.set(
                CP,
                false,
                seq(&[seq(&[oid("1.2.3")]), seq(&[oid("1.2.3")])]),
            )
        },
        &[],
    ),
    (
        "lint.policies.any-qualifiers",
        |c| c.set(CP, false, qualifier("2.5.29.32.0", "1.2.3", null())),
        &[],
    ),
    (
        "lint.policies.notice-text-type",
        |c| notice(c, 0x16, b"a"),
        &[],
    ),
    (
        "lint.policies.notice-text-utf8",
        |c| notice(c, 0x1a, b"a"),
        &[],
    ),
    (
        "lint.policies.notice-text-length",
        |c| notice(c, 12, &[b'a'; 201]),
        &[],
    ),
    (
        "lint.policies.cps-uri",
        |c| {
            c.set(
                CP,
                false,
                qualifier("1.2.3", "1.3.6.1.5.5.7.2.1", tlv(0x16, b"no")),
            )
        },
        &[],
    ),
    (
        "lint.policy-mappings.critical",
        |c| {
            c.set(
                "2.5.29.33",
                false,
                seq(&[seq(&[oid("1.2.3.4"), oid("1.2.4")])]),
            )
        },
        &[],
    ),
    (
        "lint.policy-mappings.no-any-policy",
        |c| {
            c.set(
                "2.5.29.33",
                true,
                seq(&[seq(&[oid("1.2.3.4"), oid("2.5.29.32.0")])]),
            )
        },
        &[],
    ),
    (
        "lint.policy-constraints.critical",
        |c| c.set("2.5.29.36", false, seq(&[tlv(0x80, &[0])])),
        &[],
    ),
    (
        "lint.policy-constraints.not-empty",
        |c| c.set("2.5.29.36", true, seq(&[])),
        &[],
    ),
    (
        "lint.inhibit-any-policy.critical",
        |c| c.set("2.5.29.54", false, tlv(2, &[0])),
        &[],
    ),
    (
        "lint.no-rev-avail.not-critical",
        |c| {
            c.drop(CRLDP);
            c.drop(AIA);
            c.set("2.5.29.56", true, null());
        },
        &[],
    ),
    (
        "lint.no-rev-avail.alone",
        |c| c.set("2.5.29.56", false, null()),
        &[],
    ),
    (
        "lint.name-constraints.only-in-ca",
        |c| constrain(c, &[tlv(0x82, b"a")]),
        &[],
    ),
    (
        "lint.short-term.not-critical",
        |c| c.set("0.4.0.194121.2.1", true, null()),
        &[],
    ),
    (
        "lint.semantics.lei",
        |c| c.subject.push(utf8(ORG_ID, "LEIXG-00000000000000000000")),
        &[],
    ),
];

const AUTHORITY: &[Case<Cert>] = &[
    ("lint.name.ca-subject-not-empty", |c| c.subject.clear(), &[]),
    ("lint.ski.present-in-ca", |c| c.drop(SKI), &[]),
    (
        "lint.basic-constraints.critical-in-ca",
        |c| c.critical(BC, false),
        &[],
    ),
    (
        "lint.name-constraints.critical",
        |c| {
            constrain(c, &[tlv(0x82, b"a")]);
            c.critical("2.5.29.30", false);
        },
        &[],
    ),
    (
        "lint.name-constraints.not-empty",
        |c| c.set("2.5.29.30", true, seq(&[])),
        &[],
    ),
    (
        "lint.name-constraints.no-distances",
        |c| constrain(c, &[tlv(0x82, b"a"), tlv(0x80, &[1])]),
        &[],
    ),
    (
        "lint.name-constraints.names",
        |c| constrain(c, &[tlv(0x82, b"*.example")]),
        &[],
    ),
    (
        "lint.name-constraints.names",
        |c| constrain(c, &[tlv(0x81, b"a@b@c.example")]),
        &[],
    ),
    (
        "lint.pss.parameters-in-ca",
        |c| c.key = pss_key(seq(&[oid("1.2.840.113549.1.1.10")])),
        &[],
    ),
    (
        "lint.name-constraints.ip",
        |c| constrain(c, &[tlv(0x87, &[10, 0, 0, 0, 255, 0, 255, 0])]),
        &[],
    ),
    (
        "lint.no-rev-avail.not-in-ca",
        |c| {
            c.drop(CRLDP);
            c.drop(AIA);
            c.set("2.5.29.56", false, null());
        },
        &[],
    ),
    (
        "lint.ca.basic-constraints",
        |c| {
            c.drop(BC);
            c.set(KU, true, tlv(3, &[1, 2]));
        },
        &[],
    ),
    ("lint.ca.key-usage-present", |c| c.drop(KU), &[]),
    (
        "lint.ca.key-usage-signs",
        |c| {
            c.set(BC, true, seq(&[tlv(1, &[0xff])]));
            c.set(KU, true, tlv(3, &[7, 0x80]));
        },
        &[],
    ),
    ("lint.ca.policies-present", |c| c.drop(CP), &[]),
];

const NATURAL: &[Case<Cert>] = &[
    (
        "lint.semantics.natural-identifier",
        |c| c.subject(SN, Some(printable(SN, "1AB2C3D"))),
        &[],
    ),
    (
        "lint.person.version-three",
        |c| {
            c.version = Vec::new();
            c.raw_exts = Some(Vec::new());
        },
        &[
            "lint.aki.present",
            "lint.person.key-usage-present",
            "lint.person.policies-present",
            "lint.person.ca-issuers",
            "lint.person.status-location",
        ],
    ),
    (
        "lint.person.issuer-attributes",
        |c| c.issuer.retain(|a| a.0 != C),
        &[],
    ),
    (
        "lint.person.issuer-organization-identifier",
        |c| c.issuer.retain(|a| a.0 != ORG_ID),
        &[],
    ),
    ("lint.natural.country", |c| c.subject(C, None), &[]),
    ("lint.natural.common-name", |c| c.subject(CN, None), &[]),
    (
        "lint.natural.name-or-pseudonym",
        |c| c.subject.push(utf8("2.5.4.65", "a")),
        &[],
    ),
    (
        "lint.natural.serial-number",
        |c| c.subject.push(printable(SN, "PNOAZ-1AB2C3D")),
        &[],
    ),
    ("lint.person.key-usage-present", |c| c.drop(KU), &[]),
    (
        "lint.person.key-usage-type",
        |c| c.set(KU, true, tlv(3, &[1, 0x42])),
        &["lint.person.key-usage-alone"],
    ),
    (
        "lint.person.key-usage-signs",
        |c| c.set(KU, true, tlv(3, &[7, 0x80])),
        &[],
    ),
    (
        "lint.person.key-usage-alone",
        |c| c.set(KU, true, tlv(3, &[6, 0xc0])),
        &[],
    ),
    (
        "lint.person.policies-present",
        |c| c.drop(CP),
        &["lint.qc.policy"],
    ),
    (
        "lint.person.policies-not-critical",
        |c| c.critical(CP, true),
        &[],
    ),
    (
        "lint.person.no-ca-extensions",
        |c| c.set("2.5.29.54", true, tlv(2, &[0])),
        &[],
    ),
    (
        "lint.person.eku-not-critical",
        |c| c.set(EKU, true, seq(&[oid("1.3.6.1.5.5.7.3.36")])),
        &[],
    ),
    (
        "lint.person.ca-issuers",
        |c| c.set(AIA, false, seq(&[access("1", "http://a.example")])),
        &[],
    ),
    (
        "lint.person.status-location",
        |c| {
            c.drop(CRLDP);
            c.set(AIA, false, seq(&[access("2", "http://a.example/ca.cer")]));
        },
        &[],
    ),
    (
        "lint.person.ocsp-scheme",
        |c| {
            c.set(
                AIA,
                false,
                aia("http://a.example/ca.cer", "ldap://a.example"),
            )
        },
        &[],
    ),
    (
        "lint.person.crl-scheme",
        |c| c.set(CRLDP, false, points("ftp://a.example/ca.crl")),
        &["lint.crl-points.location"],
    ),
    ("lint.qc.not-critical", |c| c.critical(QC, true), &[]),
    ("lint.qc.once", |c| qcs(c, |s| s.push(qc("1", None))), &[]),
    (
        "lint.qc.no-info",
        |c| qcs(c, |s| s[0] = qc("1", Some(null()))),
        &[],
    ),
    ("lint.qc.compliance", |c| qcs(c, |s| drop(s.remove(0))), &[]),
    ("lint.qc.device", |c| qcs(c, |s| drop(s.remove(1))), &[]),
    (
        "lint.qc.device-policy",
        |c| c.set(CP, false, policy("0.4.0.194112.1.0")),
        &[],
    ),
    ("lint.qc.disclosure", |c| qcs(c, |s| drop(s.remove(2))), &[]),
    (
        "lint.qc.disclosure-english",
        |c| disclose(c, &[pds("https://a.example/az", "az")]),
        &[],
    ),
    (
        "lint.qc.disclosure-https",
        |c| disclose(c, &[pds("http://a.example/en", "en")]),
        &[],
    ),
    (
        "lint.qc.disclosure-language",
        |c| {
            disclose(
                c,
                &[
                    pds("https://a.example/", "en"),
                    pds("https://a.example/", "qq"),
                ],
            )
        },
        &[],
    ),
    (
        "lint.qc.disclosure-once",
        |c| {
            disclose(
                c,
                &[
                    pds("https://a.example/", "en"),
                    pds("https://b.example/", "EN"),
                ],
            )
        },
        &[],
    ),
    (
        "lint.qc.type-one",
        |c| {
            qcs(c, |s| {
                s[3] = qc(
                    "6",
                    Some(seq(&[oid("0.4.0.1862.1.6.1"), oid("0.4.0.1862.1.6.1")])),
                )
            })
        },
        &[],
    ),
    (
        "lint.qc.type-known",
        |c| {
            c.set(CP, false, policy("1.2.3"));
            qcs(c, |s| s[3] = qc("6", Some(seq(&[oid("0.4.0.1862.1.6.9")]))));
        },
        &["lint.qc.policy"],
    ),
    (
        "lint.qc.type-fits-policy",
        |c| c.set(CP, false, policy("0.4.0.194112.1.3")),
        &[],
    ),
    (
        "lint.qc.policy",
        |c| c.set(CP, false, policy("1.2.3.4")),
        &[],
    ),
    (
        "lint.qc.legislation",
        |c| qcs(c, |s| s.push(qc("7", Some(seq(&[tlv(0x13, b"QQ")]))))),
        &[],
    ),
    (
        "lint.qc.retention",
        |c| qcs(c, |s| s.push(qc("3", Some(tlv(2, &[0xff]))))),
        &[],
    ),
    (
        "lint.qc.limit-value",
        |c| {
            qcs(c, |s| {
                s.push(qc(
                    "2",
                    Some(seq(&[tlv(0x13, b"azn"), tlv(2, &[1]), tlv(2, &[3])])),
                ))
            })
        },
        &[],
    ),
];

const LEGAL: &[Case<Cert>] = &[
    (
        "lint.semantics.legal-identifier",
        |c| c.subject(ORG_ID, Some(utf8(ORG_ID, "TINAZ-1234567891"))),
        &[],
    ),
    ("lint.legal.country", |c| c.subject(C, None), &[]),
    ("lint.legal.organization", |c| c.subject(O, None), &[]),
    (
        "lint.legal.organization-identifier",
        |c| c.subject.push(utf8(ORG_ID, "VATAZ-1234567891")),
        &[],
    ),
    ("lint.legal.common-name", |c| c.subject(CN, None), &[]),
    (
        "lint.legal.identifier-is-not-name",
        |c| c.subject(O, Some(utf8(O, "VATAZ-1234567891"))),
        &[],
    ),
    (
        "lint.legal.no-personal-name",
        |c| c.subject.push(utf8(GIVEN, "Aysel")),
        &[],
    ),
    (
        "lint.qc.type-for-seal",
        |c| qcs(c, |s| drop(s.remove(3))),
        &[],
    ),
];

const RESPONDER: &[Case<Cert>] = &[
    ("lint.ocsp-responder.purpose", |c| c.drop(EKU), &[]),
    (
        "lint.ocsp-responder.key-usage",
        |c| c.set(KU, true, tlv(3, &[3, 8])),
        &["lint.eku.fits-key-usage"],
    ),
    (
        "lint.ocsp-responder.no-check-or-status",
        |c| {
            c.drop(CRLDP);
            c.drop(AIA);
        },
        &[],
    ),
    (
        "lint.ocsp-responder.no-check-not-critical",
        |c| c.set("1.3.6.1.5.5.7.48.1.5", true, null()),
        &[],
    ),
];

const TIME_STAMPING: &[Case<Cert>] = &[
    (
        "lint.tsa.purpose-alone",
        |c| c.set(EKU, true, seq(&[oid("1.3.6.1.5.5.7.3.8"), oid("1.2.3")])),
        &[],
    ),
    ("lint.tsa.purpose-critical", |c| c.critical(EKU, false), &[]),
    (
        "lint.tsa.key-usage",
        |c| c.set(KU, true, tlv(3, &[3, 0x88])),
        &[],
    ),
];

const SERVER: &[Case<Cert>] = &[
    (
        "lint.tls-server.purpose",
        |c| c.set(EKU, false, seq(&[oid("1.2.3")])),
        &[],
    ),
    (
        "lint.tls-server.alt-name",
        |c| {
            c.drop(SAN);
            c.subject = vec![utf8(O, "a")];
        },
        &[],
    ),
    (
        "lint.tls-server.common-name-in-alt-name",
        |c| c.subject = vec![utf8(CN, "b.example")],
        &[],
    ),
];

const CLIENT: &[Case<Cert>] = &[(
    "lint.tls-client.purpose",
    |c| c.set(EKU, false, seq(&[oid("1.2.3")])),
    &[],
)];

fn reason(code: u8) -> Vec<Vec<u8>> {
    vec![entry(&[5], &[ext("2.5.29.21", false, vec![10, 1, code])])]
}

const LIST: &[Case<List>] = &[
    ("lint.crl.version-two", |l| l.version = tlv(2, &[0]), &[]),
    (
        "lint.crl.algorithm-same",
        |l| l.outer = seq(&[oid("1.2.840.10045.4.3.3")]),
        &[],
    ),
    (
        "lint.crl.algorithm-parameters",
        |l| {
            l.inner = seq(&[oid("1.2.840.10045.4.3.2"), null()]);
            l.outer = l.inner.clone();
        },
        &[],
    ),
    ("lint.crl.issuer-not-empty", |l| l.issuer.clear(), &[]),
    ("lint.crl.next-update", |l| l.next.clear(), &[]),
    (
        "lint.crl.time-form",
        |l| l.next = tlv(0x18, b"20260102000000Z"),
        &[],
    ),
    ("lint.crl.times-ordered", |l| l.next = l.this.clone(), &[]),
    (
        "lint.crl.no-empty-list",
        |l| l.entries = Some(Vec::new()),
        &[],
    ),
    (
        "lint.crl.entry-once",
        |l| l.entries = Some(vec![entry(&[5], &[]), entry(&[5], &[])]),
        &[],
    ),
    (
        "lint.crl.entry-serial",
        |l| l.entries = Some(vec![entry(&[0x85], &[])]),
        &[],
    ),
    (
        "lint.crl.reason-not-unspecified",
        |l| l.entries = Some(reason(0)),
        &[],
    ),
    (
        "lint.crl.remove-only-in-delta",
        |l| l.entries = Some(reason(8)),
        &[],
    ),
    (
        "lint.crl.entry-extension-not-critical",
        |l| {
            l.entries = Some(vec![entry(&[5], &[ext("2.5.29.21", true, vec![10, 1, 1])])]);
        },
        &[],
    ),
    (
        "lint.crl.extensions-need-version-two",
        |l| l.version.clear(),
        &["lint.crl.version-two"],
    ),
    (
        "lint.crl.extensions-once",
        |l| l.exts.push(ext("2.5.29.20", false, tlv(2, &[1]))),
        &[],
    ),
    ("lint.crl.key-identifier", |l| drop(l.exts.remove(0)), &[]),
    ("lint.crl.number", |l| drop(l.exts.remove(1)), &[]),
    (
        "lint.crl.number-form",
        |l| l.exts[1].value = tlv(2, &[1; 21]),
        &[],
    ),
    (
        "lint.crl.delta-critical",
        |l| l.exts.push(ext("2.5.29.27", false, tlv(2, &[1]))),
        &[],
    ),
    (
        "lint.crl.partition-critical",
        |l| {
            l.exts
                .push(ext("2.5.29.28", false, seq(&[tlv(0x81, &[0xff])])))
        },
        &[],
    ),
    (
        "lint.crl.partition-not-empty",
        |l| l.exts.push(ext("2.5.29.28", true, seq(&[]))),
        &[],
    ),
    (
        "lint.crl.partition-one-scope",
        |l| {
            l.exts.push(ext(
                "2.5.29.28",
                true,
                seq(&[tlv(0x81, &[0xff]), tlv(0x82, &[0xff])]),
            ));
        },
        &[],
    ),
    (
        "lint.crl.freshest-not-in-delta",
        |l| {
            l.exts
                .push(ext("2.5.29.46", true, points("http://a.example")))
        },
        &[],
    ),
];

const RESPONSE: &[Case<Response>] = &[
    (
        "lint.ocsp.status",
        |r| {
            r.status = 4;
            r.bytes = false;
        },
        &[],
    ),
    ("lint.ocsp.bytes-with-success", |r| r.bytes = false, &[]),
    (
        "lint.ocsp.default-left-out",
        |r| r.version = tlv(0xa0, &tlv(2, &[0])),
        &[],
    ),
    (
        "lint.ocsp.key-hash",
        |r| r.responder = tlv(0xa2, &tlv(4, &[1; 32])),
        &[],
    ),
    (
        "lint.ocsp.time-form",
        |r| r.next = tlv(0x18, b"20260102000000.5Z"),
        &[],
    ),
    ("lint.ocsp.answers", |r| r.answers = 0, &[]),
    ("lint.ocsp.times-ordered", |r| r.next = r.this.clone(), &[]),
    (
        "lint.ocsp.produced-after-update",
        |r| r.produced = tlv(0x18, b"20251231000000Z"),
        &[],
    ),
    (
        "lint.ocsp.certificate-status",
        |r| r.certificate = vec![0x83, 0],
        &[],
    ),
    (
        "lint.ocsp.reason",
        |r| {
            let reason = tlv(0xa0, &[10, 1, 0]);
            r.certificate = tlv(0xa1, &[tlv(0x18, b"20260101000000Z"), reason].concat());
        },
        &[],
    ),
    ("lint.ocsp.nonce", |r| r.nonce = Some(129), &[]),
    (
        "lint.ocsp.algorithm-parameters",
        |r| r.algorithm = seq(&[oid("1.2.840.10045.4.3.2"), null()]),
        &[],
    ),
];

/// Octets that only surgery makes: the bytes of the good certificate, one of them exchanged.
fn surgery(tested: &mut BTreeSet<&'static str>, wrong: &mut Vec<String>) {
    let mut point = Cert::pkix();
    let mut key = ec_key();
    let at = key.len() - 65;
    key[at] = 5;
    point.key = key;
    let mut oid = Cert::pkix();
    // 1.2.3 with its last arc padded: a form that the decoder of object identifiers refuses too.
    oid.set(EKU, false, seq(&[vec![6, 3, 0x2a, 0x80, 3]]));
    let mut off = Cert::pkix();
    let at = off.key.len() - 1;
    off.key[at] ^= 1;
    for (id, c) in [
        ("lint.key.ec-point", point),
        ("lint.key.ec-point", off),
        ("lint.der.oid-minimal", oid),
    ] {
        tested.insert(id);
        let found = ids(&lint::certificate(&c.der(), Some(Kind::Pkix)));
        if found != BTreeSet::from([id]) {
            wrong.push(format!("{id}: {found:?}"));
        }
    }
    tested.insert("lint.der.decodable");
    let cut = Cert::pkix().der();
    let found = ids(&lint::certificate(&cut[..cut.len() - 1], None));
    assert_eq!(found, BTreeSet::from(["lint.der.decodable"]));
}

#[test]
fn each_rule_speaks_alone_and_none_without_cause() {
    let mut tested = BTreeSet::new();
    let mut wrong = Vec::new();
    let mut judge = |id: &'static str, also: Also, found: BTreeSet<&'static str>| {
        tested.insert(id);
        let expected: BTreeSet<_> = also.iter().copied().chain([id]).collect();
        if found != expected {
            wrong.push(format!("{id}: {found:?}"));
        }
    };
    type Base = fn() -> Cert;
    let groups: [(Kind, Base, &[Case<Cert>]); 8] = [
        (Kind::Pkix, Cert::pkix, CERTIFICATE),
        (Kind::Ca, Cert::ca, AUTHORITY),
        (Kind::NaturalPerson, Cert::natural, NATURAL),
        (Kind::LegalPerson, Cert::legal, LEGAL),
        (Kind::OcspResponder, || Cert::purpose("9", false), RESPONDER),
        (Kind::Tsa, || Cert::purpose("8", true), TIME_STAMPING),
        (Kind::TlsServer, Cert::server, SERVER),
        (Kind::TlsClient, || Cert::purpose("2", false), CLIENT),
    ];
    for (kind, base, cases) in groups {
        let good = lint::certificate(&base().der(), None);
        assert_eq!(
            ids(&good),
            BTreeSet::new(),
            "{}: {:?}",
            kind.name(),
            good.hits
        );
        assert_eq!(good.kind, kind, "told from the content");
        for (id, change, also) in cases {
            let mut c = base();
            change(&mut c);
            judge(id, also, ids(&lint::certificate(&c.der(), Some(kind))));
        }
    }
    assert_eq!(ids(&lint::crl(&List::good().der())), BTreeSet::new());
    for (id, change, also) in LIST {
        let mut l = List::good();
        change(&mut l);
        judge(id, also, ids(&lint::crl(&l.der())));
    }
    assert_eq!(
        ids(&lint::ocsp_response(&Response::good().der())),
        BTreeSet::new()
    );
    for (id, change, also) in RESPONSE {
        let mut r = Response::good();
        change(&mut r);
        judge(id, also, ids(&lint::ocsp_response(&r.der())));
    }
    surgery(&mut tested, &mut wrong);
    assert!(wrong.is_empty(), "{wrong:#?}");
    let rules: BTreeSet<_> = lint::rules().iter().map(|r| r.id).collect();
    assert_eq!(rules.len(), lint::rules().len(), "an id stands twice");
    let untested: Vec<_> = rules.difference(&tested).collect();
    assert!(untested.is_empty(), "{untested:?}");
}

/// The table in the documentation is this one.
#[test]
fn the_documented_rules_are_these() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/lint.md");
    let text = std::fs::read_to_string(path).unwrap();
    for r in lint::rules().into_iter().chain(x509::KEY_RULES) {
        let row = format!("| `{}` | {} | {} |", r.id, r.severity.name(), r.clause);
        assert!(text.contains(&row), "docs/lint.md lacks\n{row}");
    }
}

/// What the rules about algorithms and keys must let pass.
#[test]
fn sound_algorithms_pass() {
    let sound = |c: &Cert| assert_eq!(ids(&lint::certificate(&c.der(), None)), BTreeSet::new());
    let mut c = Cert::pkix();
    c.pss(&sound_pss());
    sound(&c);
    // A key bound to nothing, and one bound to what it signs with.
    for algorithm in [seq(&[oid("1.2.840.113549.1.1.10")]), pss(&sound_pss())] {
        c.key = pss_key(algorithm);
        sound(&c);
    }
    // NULL may be left out of a hash (RFC 4055 2.1).
    c.pss(&[
        tlv(0xa0, &seq(&[oid("2.16.840.1.101.3.4.2.1")])),
        pss_mask(MGF1, 1),
        pss_salt(32),
    ]);
    sound(&c);
    for (n, octets) in [(17, 1312), (18, 1952), (19, 2592)] {
        let algorithm = seq(&[oid(&format!("2.16.840.1.101.3.4.3.{n}"))]);
        let mut bits = vec![0];
        bits.resize(octets + 1, 7);
        c.key = seq(&[algorithm, tlv(3, &bits)]);
        sound(&c);
    }
    // Compressed, with the sign of the other half.
    let key = ec_key();
    let mut bits = vec![0, 3];
    bits.extend(&key[key.len() - 64..key.len() - 32]);
    c.key = seq(&[
        seq(&[oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")]),
        tlv(3, &bits),
    ]);
    sound(&c);
}

/// Points of every curve that is read, on it and beside it.
#[test]
fn points_are_on_their_curves() {
    use esign_core::keys::{Curve, KeySpec, PrivateKey, SigningKey};
    for curve in [Curve::P256, Curve::P384, Curve::P521] {
        let key = PrivateKey::generate(KeySpec::Ec(curve)).unwrap();
        let mut c = Cert::pkix();
        c.key = key.public_key().spki().to_vec();
        assert_eq!(ids(&lint::certificate(&c.der(), None)), BTreeSet::new());
        *c.key.last_mut().unwrap() ^= 1;
        let found = ids(&lint::certificate(&c.der(), None));
        assert_eq!(found, BTreeSet::from(["lint.key.ec-point"]), "{curve:?}");
    }
    // The base point of brainpoolP256r1 (RFC 5639 3.4).
    let point = "8bd2aeb9cb7e57cb2c4b482ffc81b7afb9de27e1e3bd23c23a4453bd9ace3262\
                 547ef835c3dac4fd97f8461a14611dc9c27745132ded8e545c1d54c72f046997";
    let mut bits = vec![0, 4];
    bits.extend(
        (0..point.len() / 2).map(|i| u8::from_str_radix(&point[2 * i..2 * i + 2], 16).unwrap()),
    );
    let mut c = Cert::pkix();
    for change in [0, 1] {
        *bits.last_mut().unwrap() ^= change;
        let algorithm = seq(&[oid("1.2.840.10045.2.1"), oid("1.3.36.3.3.2.8.1.1.7")]);
        c.key = seq(&[algorithm, tlv(3, &bits)]);
        let found = ids(&lint::certificate(&c.der(), None));
        assert_eq!(found.contains("lint.key.ec-point"), change == 1);
    }
}

/// Who issues to itself with another key must say with which.
#[test]
fn a_self_issued_certificate_of_another_key_names_the_key() {
    use esign_core::keys::{Curve, KeySpec, PrivateKey, SigningKey};
    let (own, other) = (
        PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap(),
        PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap(),
    );
    let mut c = Cert::ca();
    c.issuer = c.subject.clone();
    c.drop(AKI);
    c.key = own.public_key().spki().to_vec();
    let algorithm =
        esign_core::keys::SignatureAlgorithm::Ecdsa(esign_core::keys::DigestAlgorithm::Sha256);
    let missing = BTreeSet::from(["lint.aki.present"]);
    for (key, expected) in [(&own, BTreeSet::new()), (&other, missing)] {
        let der = c.signed(|tbs| key.sign(algorithm, tbs).unwrap());
        assert_eq!(ids(&lint::certificate(&der, None)), expected);
    }
}

#[test]
fn hostile_repetition_is_bounded() {
    let mut c = Cert::pkix();
    c.set(SAN, false, seq(&vec![tlv(0x82, b"a..b"); 1000]));
    let outcome = lint::certificate(&c.der(), None);
    assert_eq!(outcome.hits.len(), 16);
    assert_eq!(outcome.worst(), Some(Severity::Error));
}
