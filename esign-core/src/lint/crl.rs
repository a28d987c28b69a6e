//! CRLs: RFC 5280 5.

use crate::oid::ObjectIdentifier;

use super::Severity::{Error, Warning};
use super::algorithms::parameters_sound;
use super::view::{Algorithm, Ext, NameView, read_extensions};
use super::{ANY, Hits, Row, hex, row};
use crate::der::{DecodeError, Reader, Rules, Tag, Tlv};
use crate::oid;

/// Looks at a CRL.
pub(super) type CrlCheck = for<'a> fn(&CrlView<'a>, &mut Hits);

/// What the rules ask of the entries, gathered in one pass: a list may hold millions.
#[derive(Default)]
struct Entries {
    list_written: bool,
    count: usize,
    duplicate: Option<String>,
    unspecified: Option<String>,
    remove_from: Option<String>,
    critical: Option<String>,
    bad_time: Option<String>,
    bad_serial: Option<String>,
    extensions: bool,
}

/// A CRL, decoded as far as its structure goes.
pub(super) struct CrlView<'a> {
    version: Option<u32>,
    inner: Algorithm<'a>,
    outer: Algorithm<'a>,
    issuer: NameView<'a>,
    this_update: Tlv<'a>,
    next_update: Option<Tlv<'a>>,
    entries: Entries,
    extensions: Vec<Ext<'a>>,
}

pub(super) const RULES: &[Row<CrlCheck>] = &[
    row(
        "lint.crl.version-two",
        "RFC 5280 5.1.2.1",
        Error,
        ANY,
        |c, h| {
            if c.version != Some(1) {
                h.one(
                    "version",
                    u64::from(c.version.unwrap_or(0)).saturating_add(1),
                );
            }
        },
    ),
    row(
        "lint.crl.algorithm-same",
        "RFC 5280 5.1.1.2",
        Error,
        ANY,
        |c, h| {
            if c.inner.raw != c.outer.raw {
                h.two("inside", hex(c.inner.raw), "outside", hex(c.outer.raw));
            }
        },
    ),
    row(
        "lint.crl.algorithm-parameters",
        "RFC 4055 3.1, 5; RFC 5758 3.2; RFC 8410 3; RFC 9881 2",
        Error,
        ANY,
        |c, h| {
            if !parameters_sound(&c.inner) {
                h.one("algorithm", c.inner.oid.to_string());
            }
        },
    ),
    row(
        "lint.crl.issuer-not-empty",
        "RFC 5280 5.1.2.3",
        Error,
        ANY,
        |c, h| {
            if c.issuer.is_empty() {
                h.bare();
            }
        },
    ),
    row(
        "lint.crl.next-update",
        "RFC 5280 5.1.2.5",
        Error,
        ANY,
        |c, h| {
            if c.next_update.is_none() {
                h.bare();
            }
        },
    ),
    row(
        "lint.crl.time-form",
        "RFC 5280 5.1.2.4 to 5.1.2.6",
        Error,
        ANY,
        |c, h| {
            for t in [Some(c.this_update), c.next_update].into_iter().flatten() {
                if !sound_time(&t) {
                    h.one("time", String::from_utf8_lossy(t.value).into_owned());
                }
            }
            if let Some(t) = &c.entries.bad_time {
                h.one("time", t.clone());
            }
        },
    ),
    row(
        "lint.crl.times-ordered",
        "RFC 5280 5.1.2.5",
        Error,
        ANY,
        |c, h| {
            if let (Ok(from), Some(Ok(to))) =
                (c.this_update.time(""), c.next_update.map(|t| t.time("")))
                && from >= to
            {
                h.two("this_update", from, "next_update", to);
            }
        },
    ),
    row(
        "lint.crl.no-empty-list",
        "RFC 5280 5.1.2.6",
        Error,
        ANY,
        |c, h| {
            if c.entries.list_written && c.entries.count == 0 {
                h.bare();
            }
        },
    ),
    row(
        "lint.crl.entry-once",
        "RFC 5280 5.1.2.6",
        Error,
        ANY,
        |c, h| said(h, "serial", &c.entries.duplicate),
    ),
    row(
        "lint.crl.entry-serial",
        "RFC 5280 4.1.2.2",
        Warning,
        ANY,
        |c, h| said(h, "serial", &c.entries.bad_serial),
    ),
    row(
        "lint.crl.reason-not-unspecified",
        "RFC 5280 5.3.1",
        Warning,
        ANY,
        |c, h| {
            said(h, "serial", &c.entries.unspecified);
        },
    ),
    row(
        "lint.crl.remove-only-in-delta",
        "RFC 5280 5.3.1",
        Error,
        ANY,
        |c, h| {
            if c.ext(oid::DELTA_CRL_INDICATOR).is_none() {
                said(h, "serial", &c.entries.remove_from);
            }
        },
    ),
    row(
        "lint.crl.entry-extension-not-critical",
        "RFC 5280 5.3.1, 5.3.2",
        Error,
        ANY,
        |c, h| {
            said(h, "extension", &c.entries.critical);
        },
    ),
    row(
        "lint.crl.extensions-need-version-two",
        "RFC 5280 5.1.2.1",
        Error,
        ANY,
        |c, h| {
            if c.version.is_none() && (c.entries.extensions || !c.extensions.is_empty()) {
                h.bare();
            }
        },
    ),
    row(
        "lint.crl.extensions-once",
        "RFC 5280 5.2",
        Error,
        ANY,
        |c, h| {
            for (i, e) in c.extensions.iter().enumerate() {
                if c.extensions.iter().take(i).any(|o| o.oid == e.oid) {
                    h.one("extension", e.oid.to_string());
                }
            }
        },
    ),
    row(
        "lint.crl.key-identifier",
        "RFC 5280 5.2.1",
        Error,
        ANY,
        |c, h| {
            let items = c
                .ext(oid::AUTHORITY_KEY_IDENTIFIER)
                .map(Ext::items)
                .unwrap_or_default();
            if !items.iter().any(|t| t.tag == Tag::primitive(0)) {
                h.bare();
            }
        },
    ),
    row("lint.crl.number", "RFC 5280 5.2.3", Error, ANY, |c, h| {
        if c.ext(oid::CRL_NUMBER).is_none() {
            h.bare();
        }
    }),
    row(
        "lint.crl.number-form",
        "RFC 5280 5.2.3",
        Error,
        ANY,
        |c, h| {
            let Some(e) = c.ext(oid::CRL_NUMBER) else {
                return;
            };
            let value = e.read(|r| r.expect(Tag::INTEGER, "")).map(|t| t.value);
            let good =
                value.is_ok_and(|v| v.len() <= 20 && v.first().is_some_and(|b| b & 0x80 == 0));
            if !good || e.critical {
                h.two("number", hex(e.value), "critical", e.critical);
            }
        },
    ),
    row(
        "lint.crl.delta-critical",
        "RFC 5280 5.2.4",
        Error,
        ANY,
        |c, h| {
            needs_critical(c, h, oid::DELTA_CRL_INDICATOR);
        },
    ),
    row(
        "lint.crl.partition-critical",
        "RFC 5280 5.2.5",
        Error,
        ANY,
        |c, h| {
            needs_critical(c, h, oid::ISSUING_DISTRIBUTION_POINT);
        },
    ),
    row(
        "lint.crl.partition-not-empty",
        "RFC 5280 5.2.5",
        Error,
        ANY,
        |c, h| {
            if c.ext(oid::ISSUING_DISTRIBUTION_POINT)
                .is_some_and(|e| e.items().is_empty())
            {
                h.bare();
            }
        },
    ),
    row(
        "lint.crl.partition-one-scope",
        "RFC 5280 5.2.5",
        Error,
        ANY,
        |c, h| {
            let items = c
                .ext(oid::ISSUING_DISTRIBUTION_POINT)
                .map(Ext::items)
                .unwrap_or_default();
            let only = |t: &&Tlv<'_>| matches!(t.tag.0, 0x81 | 0x82 | 0x85) && t.value != [0];
            let count = items.iter().filter(only).count();
            if count > 1 {
                h.one("count", count);
            }
        },
    ),
    row(
        "lint.crl.freshest-not-in-delta",
        "RFC 5280 5.2.6",
        Error,
        ANY,
        |c, h| {
            if c.ext(oid::FRESHEST_CRL)
                .is_some_and(|e| e.critical || c.ext(oid::DELTA_CRL_INDICATOR).is_some())
            {
                h.bare();
            }
        },
    ),
];

fn said(h: &mut Hits, name: &'static str, value: &Option<String>) {
    if let Some(value) = value {
        h.one(name, value.clone());
    }
}

fn needs_critical(c: &CrlView<'_>, h: &mut Hits, id: ObjectIdentifier) {
    if c.ext(id).is_some_and(|e| !e.critical) {
        h.one("critical", false);
    }
}

fn sound_time(t: &Tlv<'_>) -> bool {
    let late =
        t.tag != Tag::GENERALIZED_TIME || t.value.get(..4).is_some_and(|y| y >= b"2050".as_slice());
    t.time("").is_ok() && late
}

impl<'a> CrlView<'a> {
    pub(super) fn read(der: &'a [u8]) -> Result<Self, DecodeError> {
        crate::der::decode(der, Rules::Ber, |r| {
            r.sequence("crl", |r| {
                let tbs = r.expect(Tag::SEQUENCE, "tbsCertList")?;
                let outer = Algorithm::read(r, "signatureAlgorithm")?;
                r.expect(Tag::BIT_STRING, "signature")?;
                tbs.nested("tbsCertList", |r| Self::tbs(outer, r))
            })
        })
    }

    fn tbs(outer: Algorithm<'a>, r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let version = match r.peek() {
            Some(Tag::INTEGER) => Some(r.u32("version")?),
            _ => None,
        };
        let inner = Algorithm::read(r, "signature")?;
        let issuer = NameView::read(&r.expect(Tag::SEQUENCE, "issuer")?, "issuer")?;
        let this_update = r.any("thisUpdate")?;
        let next_update = match r.peek() {
            Some(Tag::UTC_TIME | Tag::GENERALIZED_TIME) => Some(r.any("nextUpdate")?),
            _ => None,
        };
        let mut entries = Entries::default();
        if let Some(list) = r.optional(Tag::SEQUENCE, "revokedCertificates")? {
            entries.list_written = true;
            list.nested("revokedCertificates", |r| entries.read(r))?;
        }
        let extensions = match r.optional(Tag::constructed(0), "crlExtensions")? {
            Some(t) => t.nested("crlExtensions", |r| read_extensions(r, "crlExtensions"))?,
            None => Vec::new(),
        };
        Ok(Self {
            version,
            inner,
            outer,
            issuer,
            this_update,
            next_update,
            entries,
            extensions,
        })
    }

    fn ext(&self, oid: ObjectIdentifier) -> Option<&Ext<'a>> {
        self.extensions.iter().find(|e| e.oid == oid)
    }
}

impl Entries {
    fn read(&mut self, r: &mut Reader<'_>) -> Result<(), DecodeError> {
        // An indirect list names a serial once for each issuer.
        let mut seen = std::collections::HashSet::new();
        while !r.is_empty() {
            r.sequence("revokedCertificate", |r| {
                let serial = r.expect(Tag::INTEGER, "userCertificate")?.value;
                let date = r.any("revocationDate")?;
                let mut issuer: &[u8] = &[];
                let extensions = if r.is_empty() {
                    Vec::new()
                } else {
                    read_extensions(r, "crlEntryExtensions")?
                };
                self.count = self.count.saturating_add(1);
                self.extensions |= !extensions.is_empty();
                if !sound_time(&date) {
                    let text = String::from_utf8_lossy(date.value).into_owned();
                    self.bad_time.get_or_insert(text);
                }
                if serial.len() > 20 || serial.first().is_none_or(|b| b & 0x80 != 0) {
                    self.bad_serial.get_or_insert_with(|| hex(serial));
                }
                for e in &extensions {
                    if e.oid == oid::CRL_REASON {
                        match e.value {
                            [0x0a, 1, 0] => {
                                self.unspecified.get_or_insert_with(|| hex(serial));
                            }
                            [0x0a, 1, 8] => {
                                self.remove_from.get_or_insert_with(|| hex(serial));
                            }
                            _ => {}
                        }
                    }
                    if e.oid == oid::CERTIFICATE_ISSUER {
                        issuer = e.value;
                    } else if e.critical && [oid::CRL_REASON, oid::INVALIDITY_DATE].contains(&e.oid)
                    {
                        self.critical.get_or_insert_with(|| e.oid.to_string());
                    }
                }
                if !seen.insert((issuer, serial)) {
                    self.duplicate.get_or_insert_with(|| hex(serial));
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}
