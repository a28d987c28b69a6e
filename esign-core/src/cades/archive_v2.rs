//! What archive-time-stamps of the second form, and of the first, are over.
//!
//! Of the message, as received: `encapContentInfo`, the content where it stands outside,
//! `certificates` and `crls`, and every element of the signer's part, its unsigned attributes as
//! they were when it was stamped.
//!
//! # Source
//! TS 101 733 2.2.1 clause 6.4.1 (RFC 5126 6.4.1); rule 22. The first form
//! (`1.2.840.113549.1.9.16.2.27`): RFC 3126 4.4, and the second form's octets in TS 101 733 1.5.1 to 1.6.3.

use crate::cms::{Attribute, Content, ContentHasher, SignedData, SignerInfo};
use crate::der::{Reader, Rules, Tag, Writer};
use crate::keys::{Digest, DigestAlgorithm, Hasher};
use crate::oid;
use crate::source::ReadAt;
use crate::tsp::{GenTime, MessageImprint, TimeStampToken};
use crate::validation::NoImprint;

use super::CadesError;

/// Octets of signers' parts that are hashed for one message. A signature renewed forty times with a
/// MiB of revocation lists each time takes 820 MiB; a thousand tokens over 60 MiB would take 60 GiB.
const MAX_OCTETS: u64 = 1 << 30;

/// What precedes the signer's part, which all such time-stamps of a message share, by algorithm.
#[derive(Default)]
pub(super) struct Before {
    states: Vec<State>,
    left: u64,
}

struct State {
    /// Over encapContentInfo, the content, certificates and crls.
    whole: Hasher,
    /// Over the content's octets alone.
    content: Hasher,
}

/// How the unsigned attributes went into what was stamped. The clause ("all data elements in the
/// SignerInfo sequence including all signed and unsigned attributes") is read in both ways, and
/// EU DSS takes both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As the element `[1]`, with a header of its length then.
    Element,
    /// One after another, without that header.
    Attributes,
    /// Only some of them, in a fixed order (RFC 3126).
    First,
}

impl Form {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Element => "element",
            Self::Attributes => "attributes",
            Self::First => "rfc3126",
        }
    }
}

impl Before {
    /// Reads what such time-stamps of `data` need, once for all of them. Nothing is read where there
    /// are none.
    pub(super) fn read(
        data: &SignedData,
        message: &dyn ReadAt,
        detached: Option<&dyn ReadAt>,
    ) -> Result<Self, CadesError> {
        let mut algorithms: Vec<DigestAlgorithm> = Vec::new();
        let attributes = data.signers.iter().flat_map(|s| &s.unsigned_attributes);
        for value in attributes.filter(is_old).flat_map(|a| &a.values) {
            let token = TimeStampToken::from_der(value).ok();
            let algorithm = token.and_then(|t| t.tst_info().message_imprint.algorithm().ok());
            algorithms.extend(algorithm.filter(|a| !algorithms.contains(a)));
        }
        if algorithms.is_empty() || (data.content.is_none() && detached.is_none()) {
            return Ok(Self::default());
        }
        let mut whole = ContentHasher::new(&algorithms);
        let mut content = ContentHasher::new(&algorithms);
        whole.update_from(message, data.encapsulated.clone())?;
        match (&data.content, detached) {
            (Some(inside), _) => read_content(inside, message, &mut content)?,
            (None, Some(outside)) => {
                let all = 0..outside.len();
                whole.update_from(outside, all.clone())?;
                content.update_from(outside, all)?;
            }
            (None, None) => {}
        }
        whole.update_from(message, data.sets.clone())?;
        let states = whole.into_states().into_iter().zip(content.into_states());
        let states = states.map(|(whole, content)| State { whole, content });
        Ok(Self {
            states: states.collect(),
            left: MAX_OCTETS,
        })
    }

    /// The imprint of the token at `place` (unsigned attribute, value): that reading of the clause
    /// by which the token is right, else the first one.
    pub(super) fn imprint(
        &mut self,
        signer: &SignerInfo,
        times: &[Option<GenTime>],
        place: usize,
        stamped: &MessageImprint,
    ) -> Result<(Digest, Form), NoImprint> {
        let algorithm = stamped.algorithm().map_err(NoImprint::Algorithm)?;
        let state = self.states.iter();
        let state = state.into_iter().find(|s| s.whole.algorithm() == algorithm);
        let state = state.ok_or(NoImprint::Missing)?;
        let first = signer.unsigned_attributes.get(place).map(|a| a.oid);
        let forms = [Form::Element, Form::Attributes, Form::First];
        let forms = match first {
            Some(oid::ARCHIVE_TIME_STAMP) => &forms[..],
            _ => forms.split_last().map_or(&forms[..], |(_, rest)| rest),
        };
        let mut answer = None;
        for form in forms {
            let octets = u64::try_from(signer.raw.len()).unwrap_or(u64::MAX);
            self.left = self.left.checked_sub(octets).ok_or_else(|| {
                NoImprint::Unreadable(format!(
                    "archive-time-stamps of this message are over more than {MAX_OCTETS} octets"
                ))
            })?;
            let there = |n: usize| was_there(signer, times, place, n);
            let digest = match form {
                Form::First => first_form(state.content.clone(), signer, &there),
                _ => second_form(state.whole.clone(), signer, &there, *form)?,
            };
            if stamped.digest().as_ref() == Some(&digest) {
                return Ok((digest, *form));
            }
            answer.get_or_insert((digest, *form));
        }
        answer.ok_or(NoImprint::Missing)
    }
}

/// When each archive-time-stamp among the unsigned attributes was made; `None` for other attributes.
pub(super) fn times(signer: &SignerInfo) -> Vec<Option<GenTime>> {
    let all = signer.unsigned_attributes.iter();
    all.map(|a| {
        let value = a.values.first().filter(|_| is_archive(a))?;
        let token = TimeStampToken::from_der(value).ok()?;
        Some(token.tst_info().gen_time)
    })
    .collect()
}

/// Whether the unsigned attribute `n` was there when the one at `place` was made: all are but later
/// archive-time-stamps. A set has no order, so that times tell, and the order of the file where they
/// are the same.
pub(super) fn was_there(
    signer: &SignerInfo,
    times: &[Option<GenTime>],
    place: usize,
    n: usize,
) -> bool {
    if n == place {
        return false;
    }
    if !signer.unsigned_attributes.get(n).is_some_and(is_archive) {
        return true;
    }
    let time = |n: usize| times.get(n).copied().flatten();
    match (time(n), time(place)) {
        (Some(other), Some(own)) => other < own || (other == own && n < place),
        _ => n < place,
    }
}

fn is_archive(attribute: &Attribute) -> bool {
    attribute.oid == oid::ARCHIVE_TIME_STAMP_V3 || is_old(&attribute)
}

/// Whether it is of the forms that are read here.
pub(super) fn is_old(attribute: &&Attribute) -> bool {
    matches!(
        attribute.oid,
        oid::ARCHIVE_TIME_STAMP | oid::ARCHIVE_TIME_STAMP_V2
    )
}

fn read_content(
    content: &Content,
    message: &dyn ReadAt,
    hasher: &mut ContentHasher,
) -> Result<(), CadesError> {
    content.read(message, &mut |octets| {
        hasher.update(octets);
        Ok(())
    })?;
    Ok(())
}

fn second_form(
    mut hasher: Hasher,
    signer: &SignerInfo,
    there: &dyn Fn(usize) -> bool,
    form: Form,
) -> Result<Digest, NoImprint> {
    let unreadable = |e: crate::der::DecodeError| NoImprint::Unreadable(e.to_string());
    let mut outer = Reader::new(&signer.raw, Rules::Ber);
    let outer = outer
        .expect(Tag::SEQUENCE, "signerInfo")
        .map_err(unreadable)?;
    let mut fields = outer.reader("signerInfo").map_err(unreadable)?;
    while !fields.is_empty() {
        let field = fields.any("signerInfo").map_err(unreadable)?;
        if field.tag != Tag::constructed(1) {
            hasher.update(field.raw);
            continue;
        }
        let mut attributes = field.reader("unsignedAttrs").map_err(unreadable)?;
        let mut kept = Vec::new();
        let mut n = 0usize;
        while !attributes.is_empty() {
            let attribute = attributes.any("unsignedAttrs").map_err(unreadable)?;
            if there(n) {
                kept.extend_from_slice(attribute.raw);
            }
            n = n.saturating_add(1);
        }
        if form == Form::Element && !kept.is_empty() {
            let mut w = Writer::new();
            w.tlv(Tag::constructed(1), &kept);
            kept = w.finish();
        }
        hasher.update(&kept);
    }
    Ok(hasher.finish())
}

/// RFC 3126 4.4.1: contents "without the type or length encoding", in this order.
fn first_form(mut hasher: Hasher, signer: &SignerInfo, there: &dyn Fn(usize) -> bool) -> Digest {
    if let Some(signed) = &signer.signed_attributes {
        let octets = signed.as_received.as_ref().unwrap_or(&signed.signed);
        let set = Reader::new(octets, Rules::Ber).any("signedAttrs");
        hasher.update(set.map_or(&[][..], |t| t.value));
    }
    hasher.update(&signer.signature);
    for oid in [
        oid::SIGNATURE_TIME_STAMP,
        oid::CERTIFICATE_REFS,
        oid::REVOCATION_REFS,
        oid::CERTIFICATE_VALUES,
        oid::REVOCATION_VALUES,
        oid::ESC_TIME_STAMP,
        oid::CERT_CRL_TIME_STAMP,
        oid::ARCHIVE_TIME_STAMP,
    ] {
        for (n, attribute) in signer.unsigned_attributes.iter().enumerate() {
            if attribute.oid == oid && there(n) {
                hasher.update(&attribute.octets);
            }
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cms::SignerIdentifier;
    use crate::oid::ObjectIdentifier;

    fn signer(octets: usize, attributes: &[ObjectIdentifier]) -> SignerInfo {
        let attribute = |oid: &ObjectIdentifier| Attribute {
            oid: *oid,
            values: Vec::new(),
            octets: Vec::new(),
        };
        let mut w = Writer::new();
        w.tlv(Tag::SEQUENCE, &Writer::new().finish());
        let mut raw = w.finish();
        raw.resize(octets, 0);
        SignerInfo {
            version: 1,
            sid: SignerIdentifier::KeyIdentifier(Vec::new()),
            digest_algorithm: Ok(DigestAlgorithm::Sha256),
            algorithms_raw: (Vec::new(), Vec::new()),
            signed_attributes: None,
            signature_algorithm: Err(oid::DATA),
            signature: Vec::new(),
            unsigned_attributes: attributes.iter().map(attribute).collect(),
            raw,
        }
    }

    /// Repeated tokens spend what there is for the message, then there is no answer.
    #[test]
    fn octets_are_paid_for() {
        let whole = Hasher::new(DigestAlgorithm::Sha256);
        let mut before = Before {
            states: vec![State {
                content: whole.clone(),
                whole,
            }],
            left: MAX_OCTETS,
        };
        let signer = signer(60 << 20, &[oid::ARCHIVE_TIME_STAMP_V2]);
        let stamped = MessageImprint::new(&Hasher::digest(DigestAlgorithm::Sha256, b"x"));
        let answers: Vec<bool> = (0..10)
            .map(|_| before.imprint(&signer, &[None], 0, &stamped).is_ok())
            .collect();
        // 1 GiB is 17 times 60 MiB, and each token is tried in two forms.
        assert_eq!(answers, [[true; 8].as_slice(), &[false; 2]].concat());
    }

    #[test]
    fn only_later_time_stamps_were_not_there() {
        let at = |seconds| {
            let time = crate::time::UnixTime::from_seconds(seconds);
            Some(GenTime::new(time, 0).unwrap())
        };
        let (v2, v3) = (oid::ARCHIVE_TIME_STAMP_V2, oid::ARCHIVE_TIME_STAMP_V3);
        let signer = signer(2, &[v2, oid::CERTIFICATE_VALUES, v2, v3, v2]);
        let times = [at(5), None, at(5), at(9), at(1)];
        let there: Vec<bool> = (0..5).map(|n| was_there(&signer, &times, 2, n)).collect();
        // The first was made in the same second, and stands before it.
        assert_eq!(there, [true, true, false, false, true]);
    }
}
