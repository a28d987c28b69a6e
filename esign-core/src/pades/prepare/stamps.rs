//! Document time-stamps: what each is over, and for which signatures it speaks.

use std::collections::HashSet;
use std::sync::Arc;

use super::found::Found;
use crate::crl::Crl;
use crate::evidence::Evidence;
use crate::keys::Digest;
use crate::ocsp::BasicResponse;
use crate::pades::dss::{self, Store};
use crate::pdf::{Document, PdfError};
use crate::report::{Finding, SubIndication};
use crate::tsp::TimeStampToken;
use crate::validation::{Covered, MAX_TIMESTAMPS, NoImprint, Signature, Timestamp, TimestampKind};
use crate::x509::Certificate;

/// The document time-stamps and the stores of evidence of a document.
pub(super) struct Stamps {
    stamps: Vec<Stamp>,
    /// All evidence that the document carries for its signatures.
    evidence: Evidence,
    remarks: Vec<Finding>,
}

struct Stamp {
    /// Index of its revision; none where its range ends nowhere.
    revision: Option<usize>,
    timestamp: Timestamp,
}

impl Stamps {
    /// `found` are the document time-stamps in the order in which they were made, with the digests of
    /// their ranges.
    pub(super) fn read(
        document: &Document<'_>,
        found: Vec<(Found, Option<Digest>)>,
    ) -> Result<Self, PdfError> {
        let Store {
            mut evidence,
            remarks,
            ..
        } = dss::read(document.current())?;
        let mut stamps = Vec::with_capacity(found.len());
        let mut covered: Option<(usize, Arc<HashSet<[u8; 32]>>)> = None;
        for (one, digest) in found {
            // What is in the store of its revision is inside of what it covers.
            let known = covered.as_ref().filter(|(r, _)| Some(*r) == one.revision);
            let inside = match (known, one.revision.and_then(|r| document.at(r))) {
                (Some((_, inside)), _) => Arc::clone(inside),
                (None, Some(view)) => {
                    let store = dss::read(view)?;
                    evidence.add_all(&store.evidence);
                    Arc::new(digests(&store.evidence))
                }
                (None, None) => Arc::default(),
            };
            covered = one.revision.map(|r| (r, Arc::clone(&inside)));
            stamps.push(stamp(one, digest, inside));
        }
        Ok(Self {
            stamps,
            evidence,
            remarks,
        })
    }

    /// Gives every signature, of the revision beside it, the time-stamps of later revisions, and all of
    /// them together the evidence that the document carries.
    pub(super) fn give(mut self, signatures: &mut [(Signature, Option<usize>)]) {
        let own: Vec<Arc<HashSet<[u8; 32]>>> = signatures
            .iter()
            .map(|(s, _)| Arc::new(digests(&s.evidence)))
            .collect();
        let stored = !self.evidence.certificates().is_empty()
            || !self.evidence.crls().is_empty()
            || !self.evidence.ocsp().is_empty();
        if stored {
            // One store for all of them, since it is one for the document.
            for (signature, _) in &*signatures {
                self.evidence.add_all(&signature.evidence);
            }
        }
        let evidence = Arc::new(self.evidence);
        for ((signature, signed), own) in signatures.iter_mut().zip(own) {
            signature
                .format_findings
                .extend(self.remarks.iter().cloned());
            if stored {
                signature.evidence = Arc::clone(&evidence);
            }
            let Some(signed) = *signed else { continue };
            let later = self.stamps.iter();
            let later = later.filter(|s| s.revision.is_some_and(|r| r > signed));
            for stamp in later.take(MAX_TIMESTAMPS) {
                let mut timestamp = stamp.timestamp.clone();
                let before = (0..signature.timestamps.len()).map(Covered::Timestamp);
                timestamp
                    .covers
                    .extend([Covered::SignatureValue, Covered::Objects]);
                timestamp.covers.extend(before);
                timestamp.covers.push(Covered::Store(Arc::clone(&own)));
                signature.timestamps.push(timestamp);
            }
        }
    }
}

fn stamp(found: Found, digest: Option<Digest>, inside: Arc<HashSet<[u8; 32]>>) -> Stamp {
    const CLAUSE: &str = "rules 55 and 60; EN 319 142-1 5.4.3";
    let mut findings = found.findings.clone();
    let format = SubIndication::FormatFailure;
    if found.subfilter != b"ETSI.RFC3161" {
        findings.push(Finding::failed("pdf.subfilter", CLAUSE, format).with(
            "subfilter",
            String::from_utf8_lossy(&found.subfilter).into_owned(),
        ));
    }
    let token = found.message().map(<[u8]>::to_vec).unwrap_or_default();
    let imprint = match (TimeStampToken::from_der(&token), digest) {
        (Err(e), _) => Err(NoImprint::Unreadable(e.to_string())),
        (Ok(token), digest) => match token.tst_info().message_imprint.algorithm() {
            Err(oid) => Err(NoImprint::Algorithm(oid)),
            Ok(algorithm) => digest
                .filter(|d| d.algorithm() == algorithm)
                .ok_or(NoImprint::Missing),
        },
    };
    Stamp {
        revision: found.revision,
        timestamp: Timestamp {
            token: token.into(),
            kind: TimestampKind::Document,
            place: found.name,
            imprint,
            covers: vec![Covered::Store(inside)],
            findings,
        },
    }
}

/// SHA-256 of every certificate, list and response.
fn digests(evidence: &Evidence) -> HashSet<[u8; 32]> {
    let certificates = evidence.certificates().iter().map(Certificate::sha256);
    let crls = evidence.crls().iter().map(Crl::sha256);
    let ocsp = evidence.ocsp().iter().map(BasicResponse::sha256);
    certificates.chain(crls).chain(ocsp).collect()
}
