//! From the message in `/Contents` and what was found around it to a [`Signature`].

use super::found::Found;
use super::later::Later;
use crate::cades::{ContentDigests, signature_of};
use crate::cms::SignedData;
use crate::keys::{Digest, DigestAlgorithm};
use crate::oid;
use crate::pdf::{Object, text};
use crate::report::{Finding, SubIndication};
use crate::validation::{Coverage, Format, ObjectDigest, Signature, SignatureValue, SignedObject};

impl Found {
    pub(super) fn finish(mut self, digest: Option<Digest>, later: &Later) -> Signature {
        let coverage = self.coverage(later);
        let scope = match self.range {
            Some(r) => format!("bytes 0–{} and {}–{}", r.first, r.second, r.end),
            None => "byte range".to_owned(),
        };
        let mut signature = match &self.cms {
            Ok(data) if !data.signers.is_empty() => self.of_message(data, digest),
            Ok(_) => self.empty("the message has no signer"),
            Err(reason) => self.empty(reason),
        };
        for object in &mut signature.objects {
            object.scope.clone_from(&scope);
        }
        signature.coverage = coverage;
        self.claims(&mut signature);
        signature.format_findings.splice(0..0, self.findings);
        signature
    }

    fn of_message(&self, data: &SignedData, digest: Option<Digest>) -> Signature {
        let known: Vec<Digest> = digest.into_iter().collect();
        let mut extra = Vec::new();
        let format = SubIndication::FormatFailure;
        if data.signers.len() != 1 {
            extra.push(
                Finding::failed("pdf.one-signer", "rule 9; EN 319 142-1 5.3", format)
                    .with("signers", data.signers.len()),
            );
        }
        let legacy = self.subfilter == b"adbe.pkcs7.sha1";
        let enclosed = legacy && data.content.is_some();
        if data.content.is_some() && !legacy {
            extra.push(Finding::failed(
                "pdf.content-enclosed",
                "rule 10; EN 319 142-1 5.3",
                format,
            ));
        }
        let digests = if enclosed {
            &data.content_digests
        } else {
            &known
        };
        let content = if known.is_empty() {
            ContentDigests::Missing
        } else {
            ContentDigests::Known(digests)
        };
        let Some(signer) = data.signers.first() else {
            return self.empty("no signer");
        };
        let mut signature = signature_of(data, signer, content, self.name.clone());
        if enclosed {
            // The message signs the SHA-1 digest of the range as its content.
            let computed = known.first().copied();
            let inside =
                enclosed_octets(self, data).and_then(|o| Digest::new(DigestAlgorithm::Sha1, &o));
            let digest = match (inside, computed) {
                (Some(signed), Some(computed)) if signed == computed => {
                    ObjectDigest::Intact(signed)
                }
                (Some(signed), Some(computed)) => ObjectDigest::Broken { signed, computed },
                (signed, _) => ObjectDigest::Missing { signed },
            };
            signature.objects.push(SignedObject {
                scope: String::new(),
                digest,
            });
        }
        let etsi = self.subfilter == b"ETSI.CAdES.detached";
        if !matches!(
            self.subfilter.as_slice(),
            b"ETSI.CAdES.detached" | b"adbe.pkcs7.detached" | b"adbe.pkcs7.sha1"
        ) {
            extra.push(
                Finding::indeterminate(
                    "pdf.subfilter",
                    "rule 55; ISO 32000-2 table 255",
                    SubIndication::SigConstraintsFailure,
                )
                .with(
                    "subfilter",
                    String::from_utf8_lossy(&self.subfilter).into_owned(),
                ),
            );
        }
        let signed = data
            .signers
            .first()
            .and_then(|s| s.signed_attributes.as_ref());
        if etsi && signed.is_some_and(|a| a.of(oid::SIGNING_TIME).next().is_some()) {
            extra.push(Finding::remark(
                "pades.signing-time-attribute",
                "rule 62; EN 319 142-1 6.3",
            ));
        }
        if etsi
            && self.dict.get("Reason").is_some()
            && signed.is_some_and(|a| a.of(oid::COMMITMENT_TYPE).next().is_some())
        {
            extra.push(Finding::remark(
                "pades.reason-and-commitment",
                "rule 62; EN 319 142-1 6.3",
            ));
        }
        signature.format = match (etsi, signature.format) {
            (true, Format::Cades) => Format::Pades,
            _ => Format::Pdf,
        };
        signature.format_findings.extend(extra);
        signature
    }

    /// A signature whose `/Contents` cannot be read.
    fn empty(&self, reason: &str) -> Signature {
        Signature {
            format: Format::Pdf,
            name: self.name.clone(),
            claims: crate::validation::Claims::default(),
            objects: Vec::new(),
            signed_bytes: Vec::new(),
            signed_bytes_as_received: None,
            value: SignatureValue {
                algorithm: Err(oid::SIGNED_DATA),
                octets: Vec::new(),
            },
            signing_certificate: Vec::new(),
            signer_identifier: None,
            timestamps: Vec::new(),
            evidence: std::sync::Arc::default(),
            coverage: Coverage::Unknown,
            format_findings: vec![
                Finding::failed(
                    "pdf.contents.message",
                    "rule 53",
                    SubIndication::FormatFailure,
                )
                .with("reason", reason),
            ],
        }
    }

    fn claims(&self, signature: &mut Signature) {
        let text = |key: &str| {
            self.dict
                .get(key)
                .and_then(Object::as_string)
                .map(|s| text::decode(&s.bytes))
        };
        let claims = &mut signature.claims;
        let date = self.dict.get("M").and_then(Object::as_string);
        claims.signing_time = date
            .and_then(|d| text::parse_date(&d.bytes))
            .or(claims.signing_time);
        claims.reason = text("Reason").filter(|t| !t.is_empty());
        claims.location = text("Location")
            .filter(|t| !t.is_empty())
            .or(claims.location.take());
        claims.name = text("Name").filter(|t| !t.is_empty());
        claims.contact = text("ContactInfo").filter(|t| !t.is_empty());
    }
}

/// The octets that a message of `adbe.pkcs7.sha1` holds: 20 of them.
fn enclosed_octets(found: &Found, data: &SignedData) -> Option<Vec<u8>> {
    let contents = found.dict.get("Contents")?.as_string()?;
    let mut octets = Vec::new();
    let content = data.content.as_ref().filter(|c| c.len == 20)?;
    content
        .read(&contents.bytes, &mut |block| {
            octets.extend_from_slice(block);
            Ok(())
        })
        .ok()?;
    Some(octets)
}
