//! RFC 5280 4.1.2.4 and 4.1.2.6 and appendix A.1: names, their string types and bounds.

use crate::oid::ObjectIdentifier;

use super::Severity::{Error, Notice, Warning};
use super::forms::is_mailbox;
use super::view::{Attr, View};
use super::{ANY, Check, Row, row};
use crate::der::Tag;
use crate::oid;

pub(super) const RULES: &[Row<Check>] = &[
    row(
        "lint.name.issuer-not-empty",
        "RFC 5280 4.1.2.4",
        Error,
        ANY,
        |c, h| {
            if c.issuer.is_empty() {
                h.bare();
            }
        },
    ),
    row(
        "lint.name.ca-subject-not-empty",
        "RFC 5280 4.1.2.6",
        Error,
        ANY,
        |c, h| {
            if c.ca && c.subject.is_empty() {
                h.bare();
            }
        },
    ),
    row(
        "lint.name.empty-subject-critical-alt-name",
        "RFC 5280 4.1.2.6, 4.2.1.6",
        Error,
        ANY,
        |c, h| {
            if c.subject.is_empty() && !c.ca && !c.is_critical(oid::SUBJECT_ALT_NAME) {
                h.one("subject_alt_name", c.ext(oid::SUBJECT_ALT_NAME).is_some());
            }
        },
    ),
    row(
        "lint.name.rdn-not-empty",
        "RFC 5280 4.1.2.4",
        Error,
        ANY,
        |c, h| {
            if c.issuer.empty_rdn || c.subject.empty_rdn {
                h.bare();
            }
        },
    ),
    row(
        "lint.name.value-not-empty",
        "RFC 5280 A.1",
        Error,
        ANY,
        |c, h| {
            for a in both(c).filter(|a| a.value.is_empty()) {
                h.one("attribute", a.oid.to_string());
            }
        },
    ),
    row(
        "lint.name.directory-string",
        "RFC 5280 A.1",
        Error,
        ANY,
        |c, h| {
            let allowed = [
                Tag::UTF8_STRING,
                Tag::PRINTABLE_STRING,
                Tag::TELETEX_STRING,
                Tag::BMP_STRING,
                Tag::UNIVERSAL_STRING,
            ];
            for a in both(c).filter(|a| is_directory_string(a.oid) && !allowed.contains(&a.tag)) {
                h.two("attribute", a.oid.to_string(), "type", a.tag.name());
            }
        },
    ),
    row(
        "lint.name.modern-string",
        "RFC 5280 4.1.2.4",
        Warning,
        ANY,
        |c, h| {
            let old = [Tag::TELETEX_STRING, Tag::BMP_STRING, Tag::UNIVERSAL_STRING];
            for a in both(c).filter(|a| is_directory_string(a.oid) && old.contains(&a.tag)) {
                h.two("attribute", a.oid.to_string(), "type", a.tag.name());
            }
        },
    ),
    row(
        "lint.name.printable-type",
        "RFC 5280 A.1",
        Error,
        ANY,
        |c, h| {
            let printable = [oid::COUNTRY, oid::SERIAL_NUMBER, DN_QUALIFIER];
            for a in
                both(c).filter(|a| printable.contains(&a.oid) && a.tag != Tag::PRINTABLE_STRING)
            {
                h.two("attribute", a.oid.to_string(), "type", a.tag.name());
            }
        },
    ),
    row("lint.name.ia5-type", "RFC 5280 A.1", Error, ANY, |c, h| {
        let ia5 = [oid::EMAIL_ADDRESS, oid::DOMAIN_COMPONENT];
        for a in both(c).filter(|a| ia5.contains(&a.oid) && a.tag != Tag::IA5_STRING) {
            h.two("attribute", a.oid.to_string(), "type", a.tag.name());
        }
    }),
    row(
        "lint.name.upper-bound",
        "RFC 5280 A.1",
        Error,
        ANY,
        |c, h| {
            for a in both(c) {
                let length = a.text().chars().count();
                if let Some(bound) = upper_bound(a.oid)
                    && length > bound
                {
                    h.add(vec![
                        ("attribute", a.oid.to_string().into()),
                        ("characters", length.into()),
                        ("at_most", bound.into()),
                    ]);
                }
            }
        },
    ),
    row(
        "lint.name.country-code",
        "RFC 5280 A.1; ISO 3166-1",
        Error,
        ANY,
        |c, h| {
            for a in both(c).filter(|a| a.oid == oid::COUNTRY) {
                if !is_country(&a.text()) {
                    h.one("country", a.text());
                }
            }
        },
    ),
    row(
        "lint.name.no-email",
        "RFC 5280 4.1.2.6",
        Warning,
        ANY,
        |c, h| {
            for a in c.subject.all(oid::EMAIL_ADDRESS) {
                h.one("email", a.text());
            }
        },
    ),
    row(
        "lint.name.email",
        "RFC 2985 5.2.1; RFC 5321 4.1.2",
        Warning,
        ANY,
        |c, h| {
            for a in c
                .issuer
                .all(oid::EMAIL_ADDRESS)
                .chain(c.subject.all(oid::EMAIL_ADDRESS))
            {
                if !is_mailbox(a.value) {
                    h.one("email", a.text());
                }
            }
        },
    ),
    row(
        "lint.name.no-outer-space",
        "X.520 6.1",
        Notice,
        ANY,
        |c, h| {
            for a in both(c) {
                let text = a.text();
                if text.trim() != text {
                    h.two("attribute", a.oid.to_string(), "value", text);
                }
            }
        },
    ),
];

/// dnQualifier, RFC 5280 A.1
const DN_QUALIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.46");

fn both<'c, 'a>(c: &'c View<'a>) -> impl Iterator<Item = &'c Attr<'a>> {
    c.issuer.attributes.iter().chain(&c.subject.attributes)
}

fn is_directory_string(o: ObjectIdentifier) -> bool {
    [
        oid::COMMON_NAME,
        oid::SURNAME,
        oid::LOCALITY,
        oid::STATE,
        oid::ORGANIZATION,
        oid::ORGANIZATIONAL_UNIT,
        oid::TITLE,
        oid::GIVEN_NAME,
        oid::PSEUDONYM,
        oid::ORGANIZATION_IDENTIFIER,
    ]
    .contains(&o)
}

fn upper_bound(o: ObjectIdentifier) -> Option<usize> {
    // ub-name of appendix A.1 is 32768; organizationIdentifier has no bound (X.520 6.2.6).
    let table: [(ObjectIdentifier, usize); 13] = [
        (oid::COMMON_NAME, 64),
        (oid::SURNAME, 32_768),
        (oid::GIVEN_NAME, 32_768),
        (oid::SERIAL_NUMBER, 64),
        (oid::COUNTRY, 2),
        (oid::LOCALITY, 128),
        (oid::STATE, 128),
        (oid::ORGANIZATION, 64),
        (oid::ORGANIZATIONAL_UNIT, 64),
        (oid::TITLE, 64),
        (oid::PSEUDONYM, 128),
        (oid::EMAIL_ADDRESS, 255),
        (oid::USER_ID, 256),
    ];
    table.iter().find(|(k, _)| *k == o).map(|(_, n)| *n)
}

/// Officially assigned alpha-2 codes of ISO 3166-1 (249), in capital letters, and XK, which the
/// code's user-assigned range gives to Kosovo by common use.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW XK";

pub(super) fn is_country(code: &str) -> bool {
    code.len() == 2 && COUNTRIES.split(' ').any(|c| c == code)
}
