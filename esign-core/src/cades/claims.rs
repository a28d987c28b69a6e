use crate::oid::ObjectIdentifier;

use crate::cms::{self, SignerInfo};
use crate::der::{DecodeError, DecodeKind, Reader, Rules, Tag, decode};
use crate::oid;
use crate::report::Finding;
use crate::time::UnixTime;
use crate::validation::Claims;
use crate::x509::directory_string;

/// What the signer says; parts that cannot be read are left out and remarked on (rule 13).
pub(super) fn claims(signer: &SignerInfo, findings: &mut Vec<Finding>) -> Claims {
    let mut claims = Claims::default();
    let Some(signed) = &signer.signed_attributes else {
        return claims;
    };
    let one = |oid| signed.of(oid).next().and_then(cms::Attribute::single);
    let mut remark = |rule, clause, e: DecodeError| {
        findings.push(Finding::remark(rule, clause).with("reason", e.to_string()));
    };
    if let Some(value) = one(oid::SIGNING_TIME) {
        const RULE: &str = "cms.signing-time.form";
        const CLAUSE: &str = "rule 13; RFC 5652 11.3";
        match signing_time(value) {
            Ok((time, form)) => {
                claims.signing_time = Some(time);
                form.into_iter().for_each(|e| remark(RULE, CLAUSE, e));
            }
            Err(e) => remark(RULE, CLAUSE, e),
        }
    }
    let commitments = signed.of(oid::COMMITMENT_TYPE).flat_map(|a| &a.values);
    for value in commitments {
        match first_oid(value, "commitmentType") {
            Ok(found) => claims.commitment.push(found),
            Err(e) => remark("cms.commitment-type.form", "rule 13; EN 319 122-1 5.2.3", e),
        }
    }
    if let Some(value) = one(oid::SIGNER_LOCATION) {
        match location(value) {
            Ok(found) => claims.location = Some(found).filter(|l| !l.is_empty()),
            Err(e) => remark("cms.signer-location.form", "rule 13; EN 319 122-1 5.2.5", e),
        }
    }
    if let Some(value) = one(oid::SIGNATURE_POLICY_ID) {
        match policy(value) {
            Ok(found) => claims.policy = Some(found),
            Err(e) => remark(
                "cms.signature-policy.form",
                "rule 12; EN 319 122-1 5.2.9",
                e,
            ),
        }
    }
    claims
}

/// The time, and what is wrong with its form: RFC 5652 11.3 asks for UTCTime through 2049.
fn signing_time(value: &[u8]) -> Result<(UnixTime, Option<DecodeError>), DecodeError> {
    decode(value, Rules::Ber, |r| {
        let tlv = r.any("signingTime")?;
        let time = tlv.time("signingTime")?;
        let utc = (1950..2050).contains(&time.civil().year);
        let expected = if utc {
            Tag::UTC_TIME
        } else {
            Tag::GENERALIZED_TIME
        };
        let form = (tlv.tag != expected).then(|| {
            let kind = DecodeKind::UnexpectedTag {
                expected,
                found: tlv.tag,
            };
            tlv.error(kind, "signingTime")
        });
        Ok((time, form))
    })
}

/// The identifier that a SEQUENCE begins with; what follows (qualifiers) is skipped.
fn first_oid(value: &[u8], field: &str) -> Result<ObjectIdentifier, DecodeError> {
    decode(value, Rules::Ber, |r| {
        r.expect(Tag::SEQUENCE, field)?.reader(field)?.oid(field)
    })
}

/// `SignaturePolicy`: `None` where it is implied, which is a NULL.
fn policy(value: &[u8]) -> Result<Option<ObjectIdentifier>, DecodeError> {
    if value == [Tag::NULL.0, 0] {
        return Ok(None);
    }
    first_oid(value, "sigPolicyId").map(Some)
}

/// The parts of `SignerLocation`, joined for people: the address first, the country last.
fn location(value: &[u8]) -> Result<String, DecodeError> {
    decode(value, Rules::Ber, |r| {
        r.sequence("signerLocation", |r| {
            let mut parts = Vec::new();
            for (n, field) in [(0, "countryName"), (1, "localityName")] {
                if let Some(part) = r.optional(Tag::constructed(n), field)? {
                    parts.push(part.nested(field, |r| text(r, field))?);
                }
            }
            if let Some(address) = r.optional(Tag::constructed(2), "postalAddress")? {
                let mut lines = address.reader("postalAddress")?;
                // Explicit by the standard; some signers tag it implicitly.
                if lines.peek() == Some(Tag::SEQUENCE) {
                    let inner = lines.any("postalAddress")?;
                    lines.finish("postalAddress")?;
                    lines = inner.reader("postalAddress")?;
                }
                let mut address = Vec::new();
                while !lines.is_empty() {
                    address.push(text(&mut lines, "postalAddress")?);
                }
                parts.push(address.join(", "));
            }
            parts.reverse();
            Ok(parts.join(", "))
        })
    })
}

/// A `DirectoryString`.
fn text(r: &mut Reader<'_>, field: &str) -> Result<String, DecodeError> {
    let tlv = r.any(field)?;
    directory_string(tlv.tag, tlv.value)
        .map(std::borrow::Cow::into_owned)
        .ok_or_else(|| tlv.error(DecodeKind::Value("not a string of its type"), field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_joined() {
        let utf8 = |t: &str| [&[0x0c, u8::try_from(t.len()).unwrap()], t.as_bytes()].concat();
        let tagged = |tag: u8, v: &[u8]| [&[tag, u8::try_from(v.len()).unwrap()], v].concat();
        let country = tagged(0xa0, &utf8("AZ"));
        let locality = tagged(0xa1, &utf8("Bakı"));
        let bmp = tagged(0xa1, &[0x1e, 4, 0, b'G', 0x01, 0x59]);
        let lines = [utf8("Nizami 1"), utf8("AZ1000")].concat();
        let explicit = tagged(0xa2, &tagged(0x30, &lines));
        let implicit = tagged(0xa2, &lines);
        for (parts, expected) in [
            (vec![&country], Some("AZ")),
            (vec![&country, &locality], Some("Bakı, AZ")),
            (vec![&bmp], Some("Gř")),
            (
                vec![&country, &locality, &explicit],
                Some("Nizami 1, AZ1000, Bakı, AZ"),
            ),
            (vec![&implicit], Some("Nizami 1, AZ1000")),
            (vec![&locality, &country], None),
            (vec![], Some("")),
        ] {
            let value = tagged(
                0x30,
                &parts.into_iter().flatten().copied().collect::<Vec<u8>>(),
            );
            assert_eq!(location(&value).ok().as_deref(), expected, "{value:02x?}");
        }
        assert!(location(&[0x30, 4, 0xa0, 2, 0x0c, 1]).is_err());
        assert!(location(&tagged(0x30, &tagged(0xa0, &[0x0c, 1, 0xff]))).is_err());
    }

    #[test]
    fn signing_times_have_the_form_of_their_year() {
        let value =
            |tag: u8, t: &str| [&[tag, u8::try_from(t.len()).unwrap()], t.as_bytes()].concat();
        for (raw, read, form) in [
            (value(23, "261122101112Z"), true, true),
            (value(24, "20261122101112Z"), true, false),
            (value(24, "20501122101112Z"), true, true),
            (value(23, "2611221011Z"), false, false),
            (value(23, "261322101112Z"), false, false),
            (value(24, "20261122101112.5Z"), false, false),
        ] {
            let found = signing_time(&raw);
            assert_eq!(found.is_ok(), read, "{raw:02x?}");
            assert_eq!(found.is_ok_and(|(_, f)| f.is_none()), form, "{raw:02x?}");
        }
    }

    #[test]
    fn a_policy_is_named_or_implied() {
        assert_eq!(policy(&[5, 0]).unwrap(), None);
        assert!(policy(&[0x30, 3, 6, 1, 0x2a]).unwrap().is_some());
        assert!(policy(&[5, 1, 0]).is_err());
        assert!(policy(&[0x0c, 0]).is_err());
    }
}
