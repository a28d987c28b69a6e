//! RSASSA-PSS: its parameters in the signature and in the key (RFC 4055).

use crate::oid::ObjectIdentifier;

use super::Severity::{Error, Warning};
use super::view::{Algorithm, View, parts};
use super::{ANY, Check, Row, hex, row};
use crate::der::{Tag, Tlv};
use crate::keys::DigestAlgorithm;
use crate::oid;

pub(super) const RULES: &[Row<Check>] = &[
    row(
        "lint.pss.parameters-in-ca",
        "RFC 4055 3",
        Warning,
        ANY,
        |c, h| {
            if c.ca && c.key.oid == oid::RSASSA_PSS && c.key.parameters.is_none() {
                h.bare();
            }
        },
    ),
    row(
        "lint.pss.digest",
        "RFC 4055 2.1, 3.1",
        Error,
        ANY,
        |c, h| {
            for p in all(c) {
                for d in [Some(p.digest), p.mask_digest].into_iter().flatten() {
                    if !DIGESTS.contains(&d) {
                        h.one("digest", d.to_string());
                    }
                }
            }
        },
    ),
    row("lint.pss.mask", "RFC 4055 2.2, 3.1", Error, ANY, |c, h| {
        for p in all(c).filter(|p| p.mask != oid::MGF1) {
            h.two(
                "mask",
                p.mask.to_string(),
                "expected",
                oid::MGF1.to_string(),
            );
        }
    }),
    row(
        "lint.pss.same-digest",
        "RFC 4055 3.1",
        Warning,
        ANY,
        |c, h| {
            for p in all(c).filter(|p| p.mask_digest.is_some_and(|d| d != p.digest)) {
                let mask = p.mask_digest.unwrap_or(p.digest);
                h.two(
                    "digest",
                    p.digest.to_string(),
                    "mask_digest",
                    mask.to_string(),
                );
            }
        },
    ),
    row(
        "lint.pss.salt-length",
        "RFC 4055 3.1",
        Warning,
        ANY,
        |c, h| {
            for p in all(c) {
                let length = DigestAlgorithm::from_oid(p.digest).map(DigestAlgorithm::output_len);
                if let Some(n) = length.filter(|n| p.salt.ne(&u64::try_from(*n).unwrap_or(0))) {
                    h.two("octets", p.salt, "expected", n);
                }
            }
        },
    ),
    row(
        "lint.pss.trailer-left-out",
        "RFC 4055 3.1",
        Error,
        ANY,
        |c, h| {
            for trailer in all(c).filter_map(|p| p.trailer) {
                h.two("trailer", hex(trailer), "expected", "-");
            }
        },
    ),
    row(
        "lint.pss.default-left-out",
        "RFC 4055 3.1; X.690 (02/2021) 11.5",
        Error,
        ANY,
        |c, h| {
            for field in all(c).filter_map(|p| p.default_written) {
                h.one("field", field);
            }
        },
    ),
    row("lint.pss.fits-key", "RFC 4055 3.3", Error, ANY, |c, h| {
        // Of an issuer that is not this certificate the key is not at hand.
        if !c.is_own_issuer() {
            return;
        }
        let (Some(key), Some(signature)) = (of(&c.key), of(&c.inner)) else {
            return;
        };
        if signature.digest != key.digest {
            h.two(
                "digest",
                signature.digest.to_string(),
                "key_digest",
                key.digest.to_string(),
            );
        }
        if (signature.mask, signature.mask_digest) != (key.mask, key.mask_digest) {
            let text = |p: &Parameters<'_>| p.mask_digest.unwrap_or(p.mask).to_string();
            h.two("mask", text(&signature), "key_mask", text(&key));
        }
        if signature.salt < key.salt {
            h.two("salt_octets", signature.salt, "at_least", key.salt);
        }
    }),
];

/// The one-way hash functions of RFC 4055 2.1.
const DIGESTS: [ObjectIdentifier; 5] = [
    oid::SHA1,
    oid::SHA224,
    oid::SHA256,
    oid::SHA384,
    oid::SHA512,
];

/// `RSASSA-PSS-params` with its defaults filled in.
pub(super) struct Parameters<'a> {
    digest: ObjectIdentifier,
    mask: ObjectIdentifier,
    /// None where the mask is not MGF1 and may have parameters of another kind.
    mask_digest: Option<ObjectIdentifier>,
    salt: u64,
    /// Written out, whatever it says.
    trailer: Option<&'a [u8]>,
    default_written: Option<&'static str>,
}

impl<'a> Parameters<'a> {
    /// None where the form is wrong: unknown, repeated or unordered fields, or wrong types.
    pub(super) fn read(t: &Tlv<'a>) -> Option<Self> {
        if t.tag != Tag::SEQUENCE {
            return None;
        }
        let mut found = Self {
            digest: oid::SHA1,
            mask: oid::MGF1,
            mask_digest: Some(oid::SHA1),
            salt: 20,
            trailer: None,
            default_written: None,
        };
        let mut next = 0u8;
        let mut r = t.reader("").ok()?;
        while !r.is_empty() {
            let field = r.any("").ok()?;
            let number = field
                .tag
                .0
                .checked_sub(0xa0)
                .filter(|n| (next..4).contains(n))?;
            next = number.saturating_add(1);
            let [value] = parts(&field).try_into().ok()?;
            match number {
                0 => {
                    found.digest = digest(&value)?;
                    if found.digest == oid::SHA1 {
                        found.default_written = Some("hashAlgorithm");
                    }
                }
                1 => {
                    let inside = fields(&value)?;
                    found.mask = inside.first()?.oid("").ok()?;
                    found.mask_digest = if found.mask == oid::MGF1 {
                        Some(digest(inside.get(1)?)?)
                    } else {
                        None
                    };
                    if found.mask_digest == Some(oid::SHA1) {
                        found.default_written = Some("maskGenAlgorithm");
                    }
                }
                2 => {
                    found.salt = positive(&value)?;
                    if found.salt == 20 {
                        found.default_written = Some("saltLength");
                    }
                }
                _ => {
                    positive(&value)?;
                    found.trailer = Some(value.value);
                }
            }
        }
        Some(found)
    }

    /// Whether no MUST of RFC 4055 3.1 is broken.
    pub(super) fn is_sound(&self) -> bool {
        let known = |d| DIGESTS.contains(&d);
        known(self.digest)
            && self.mask_digest.is_some_and(known)
            && self.trailer.is_none()
            && self.default_written.is_none()
    }
}

/// Those of the signature and of the key, where they are there and well-formed.
fn all<'a>(c: &View<'a>) -> impl Iterator<Item = Parameters<'a>> {
    [&c.inner, &c.key].into_iter().filter_map(of)
}

fn of<'a>(a: &Algorithm<'a>) -> Option<Parameters<'a>> {
    (a.oid == oid::RSASSA_PSS).then_some(())?;
    Parameters::read(a.parameters.as_ref()?)
}

fn fields<'a>(t: &Tlv<'a>) -> Option<Vec<Tlv<'a>>> {
    (t.tag == Tag::SEQUENCE).then(|| parts(t))
}

/// A hash's identifier; NULL and absence of parameters are the same (RFC 4055 2.1).
fn digest(t: &Tlv<'_>) -> Option<ObjectIdentifier> {
    let inside = fields(t)?;
    let null = inside.get(1).is_none_or(|p| p.tag == Tag::NULL);
    (null && inside.len() <= 2).then_some(())?;
    inside.first()?.oid("").ok()
}

fn positive(t: &Tlv<'_>) -> Option<u64> {
    let negative = t.value.first().is_none_or(|b| b & 0x80 != 0);
    if t.tag != Tag::INTEGER || negative {
        return None;
    }
    Some(t.value.iter().fold(0u64, |n, &b| {
        n.saturating_mul(256).saturating_add(u64::from(b))
    }))
}
