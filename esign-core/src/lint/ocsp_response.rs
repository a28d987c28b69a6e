//! OCSP responses: RFC 6960 and RFC 9654.

use crate::oid::ObjectIdentifier;

use super::Severity::{Error, Warning};
use super::algorithms::parameters_sound;
use super::view::{Algorithm, Ext, read_extensions};
use super::{ANY, Hits, Row, hex, row};
use crate::der::{DecodeError, DecodeKind, Reader, Rules, Tag, Tlv};

/// Looks at an OCSP response.
pub(super) type OcspCheck = for<'a> fn(&OcspView<'a>, &mut Hits);

/// id-pkix-ocsp-basic, RFC 6960 4.2.1
const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
/// id-pkix-ocsp-nonce, RFC 9654 2.1
const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");
/// More answers than this in one response are refused.
const MAX_ANSWERS: usize = 4096;

struct Single<'a> {
    status: Tlv<'a>,
    this_update: Tlv<'a>,
    next_update: Option<Tlv<'a>>,
    reason: Option<u8>,
}

struct Basic<'a> {
    version_written: bool,
    produced_at: Tlv<'a>,
    key_hash: Option<usize>,
    singles: Vec<Single<'a>>,
    extensions: Vec<Ext<'a>>,
    algorithm: Algorithm<'a>,
}

/// An OCSP response, decoded as far as its structure goes.
pub(super) struct OcspView<'a> {
    status: &'a [u8],
    basic: Option<Basic<'a>>,
}

pub(super) const RULES: &[Row<OcspCheck>] = &[
    row("lint.ocsp.status", "RFC 6960 4.2.1", Error, ANY, |c, h| {
        if !matches!(c.status, [0 | 1 | 2 | 3 | 5 | 6]) {
            h.one("status", hex(c.status));
        }
    }),
    row(
        "lint.ocsp.bytes-with-success",
        "RFC 6960 4.2.1",
        Error,
        ANY,
        |c, h| {
            if (c.status == [0]) != c.basic.is_some() {
                h.two("status", hex(c.status), "response_bytes", c.basic.is_some());
            }
        },
    ),
    row(
        "lint.ocsp.default-left-out",
        "X.690 (02/2021) 11.5",
        Error,
        ANY,
        |c, h| {
            if c.basic.as_ref().is_some_and(|b| b.version_written) {
                h.one("field", "version".to_owned());
            }
        },
    ),
    row(
        "lint.ocsp.key-hash",
        "RFC 6960 4.2.1",
        Error,
        ANY,
        |c, h| {
            if let Some(n) = c
                .basic
                .as_ref()
                .and_then(|b| b.key_hash)
                .filter(|n| *n != 20)
            {
                h.two("octets", n, "expected", 20u64);
            }
        },
    ),
    row(
        "lint.ocsp.time-form",
        "RFC 6960 4.2.2.1; RFC 5280 4.1.2.5.2",
        Error,
        ANY,
        |c, h| {
            for t in c.times() {
                if t.tag != Tag::GENERALIZED_TIME || t.time("").is_err() {
                    h.one("time", String::from_utf8_lossy(t.value).into_owned());
                }
            }
        },
    ),
    row("lint.ocsp.answers", "RFC 6960 4.2.1", Error, ANY, |c, h| {
        if c.basic.as_ref().is_some_and(|b| b.singles.is_empty()) {
            h.bare();
        }
    }),
    row(
        "lint.ocsp.times-ordered",
        "RFC 6960 4.2.2.1",
        Error,
        ANY,
        |c, h| {
            for s in c.singles() {
                if let (Ok(from), Some(Ok(to))) =
                    (s.this_update.time(""), s.next_update.map(|t| t.time("")))
                    && from >= to
                {
                    h.two("this_update", from, "next_update", to);
                }
            }
        },
    ),
    row(
        "lint.ocsp.produced-after-update",
        "RFC 6960 2.4",
        Warning,
        ANY,
        |c, h| {
            let Some(basic) = &c.basic else { return };
            for s in &basic.singles {
                if let (Ok(update), Ok(produced)) =
                    (s.this_update.time(""), basic.produced_at.time(""))
                    && update > produced
                {
                    h.two("this_update", update, "produced_at", produced);
                }
            }
        },
    ),
    row(
        "lint.ocsp.certificate-status",
        "RFC 6960 4.2.1",
        Error,
        ANY,
        |c, h| {
            for s in c.singles() {
                if !matches!(s.status.tag.0, 0x80 | 0xa1 | 0x82) {
                    h.one("status", s.status.tag.name());
                }
            }
        },
    ),
    row(
        "lint.ocsp.reason",
        "RFC 5280 5.3.1",
        Warning,
        ANY,
        |c, h| {
            for reason in c.singles().filter_map(|s| s.reason) {
                if matches!(reason, 0 | 7 | 8 | 11..) {
                    h.one("reason", u64::from(reason));
                }
            }
        },
    ),
    row("lint.ocsp.nonce", "RFC 9654 2.1", Error, ANY, |c, h| {
        let Some(basic) = &c.basic else { return };
        for e in basic.extensions.iter().filter(|e| e.oid == NONCE) {
            let length = e
                .read(|r| r.expect(Tag::OCTET_STRING, ""))
                .map_or(0, |t| t.value.len());
            if !matches!(length, 1..=128) {
                h.one("octets", length);
            }
        }
    }),
    row(
        "lint.ocsp.algorithm-parameters",
        "RFC 4055 3.1, 5; RFC 5758 3.2; RFC 8410 3; RFC 9881 2",
        Error,
        ANY,
        |c, h| {
            if let Some(b) = c.basic.as_ref().filter(|b| !parameters_sound(&b.algorithm)) {
                h.one("algorithm", b.algorithm.oid.to_string());
            }
        },
    ),
];

impl<'a> OcspView<'a> {
    pub(super) fn read(der: &'a [u8]) -> Result<Self, DecodeError> {
        crate::der::decode(der, Rules::Ber, |r| {
            r.sequence("ocspResponse", |r| {
                let status = r.expect(Tag::ENUMERATED, "responseStatus")?.value;
                let basic = match r.optional(Tag::constructed(0), "responseBytes")? {
                    None => None,
                    Some(t) => Some(t.nested("responseBytes", |r| {
                        r.sequence("", |r| {
                            let at = r.position();
                            if r.oid("responseType")? != BASIC {
                                let kind = DecodeKind::Value("not a basic response");
                                return Err(DecodeError::new(kind, "responseType", at));
                            }
                            let octets = r.expect(Tag::OCTET_STRING, "response")?.value;
                            crate::der::decode(octets, Rules::Ber, basic)
                        })
                    })?),
                };
                Ok(Self { status, basic })
            })
        })
    }

    fn singles(&self) -> impl Iterator<Item = &Single<'a>> {
        self.basic.iter().flat_map(|b| &b.singles)
    }

    fn times(&self) -> Vec<Tlv<'a>> {
        let mut all: Vec<_> = self.basic.iter().map(|b| b.produced_at).collect();
        for s in self.singles() {
            all.push(s.this_update);
            all.extend(s.next_update);
        }
        all
    }
}

fn basic<'a>(r: &mut Reader<'a>) -> Result<Basic<'a>, DecodeError> {
    r.sequence("basicOCSPResponse", |r| {
        let data = r.expect(Tag::SEQUENCE, "tbsResponseData")?;
        let algorithm = Algorithm::read(r, "signatureAlgorithm")?;
        r.expect(Tag::BIT_STRING, "signature")?;
        r.optional(Tag::constructed(0), "certs")?;
        data.nested("tbsResponseData", |r| {
            let version = r.optional(Tag::constructed(0), "version")?;
            let responder = r.any("responderID")?;
            let key_hash = if responder.tag == Tag::constructed(2) {
                Some(responder.nested("byKey", |r| {
                    Ok(r.expect(Tag::OCTET_STRING, "")?.value.len())
                })?)
            } else {
                None
            };
            let produced_at = r.any("producedAt")?;
            let mut singles = Vec::new();
            r.sequence("responses", |r| {
                while !r.is_empty() {
                    if singles.len() >= MAX_ANSWERS {
                        return Err(r.error(DecodeKind::Limit("more than 4096 answers"), ""));
                    }
                    singles.push(single(r)?);
                }
                Ok(())
            })?;
            let extensions = match r.optional(Tag::constructed(1), "responseExtensions")? {
                Some(t) => t.nested("", |r| read_extensions(r, "responseExtensions"))?,
                None => Vec::new(),
            };
            Ok(Basic {
                version_written: version.is_some(),
                produced_at,
                key_hash,
                singles,
                extensions,
                algorithm,
            })
        })
    })
}

fn single<'a>(r: &mut Reader<'a>) -> Result<Single<'a>, DecodeError> {
    r.sequence("singleResponse", |r| {
        r.expect(Tag::SEQUENCE, "certID")?;
        let status = r.any("certStatus")?;
        let this_update = r.any("thisUpdate")?;
        let next_update = match r.optional(Tag::constructed(0), "nextUpdate")? {
            Some(t) => Some(t.nested("nextUpdate", |r| r.any(""))?),
            None => None,
        };
        if let Some(t) = r.optional(Tag::constructed(1), "singleExtensions")? {
            t.nested("", |r| read_extensions(r, "singleExtensions"))?;
        }
        let reason = super::view::parts(&status)
            .iter()
            .filter(|t| t.tag == Tag::constructed(0))
            .find_map(|t| {
                super::view::parts(t)
                    .first()
                    .and_then(|t| t.value.first().copied())
            });
        Ok(Single {
            status,
            this_update,
            next_update,
            reason,
        })
    })
}
