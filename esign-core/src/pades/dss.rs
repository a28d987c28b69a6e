//! The document security store: certificates, revocation lists and OCSP responses for the signatures
//! of a document.
//!
//! # Source
//! EN 319 142-1 clause 5.4.2; ISO 32000-2 12.8.4.3; rule 59.

use std::collections::HashSet;

use crate::crl::Crl;
use crate::evidence::Evidence;
use crate::keys::{DigestAlgorithm, Hasher};
use crate::ocsp::{BasicResponse, OcspResponse};
use crate::pdf::{Dict, PdfError, Reference, View};
use crate::report::Finding;
use crate::x509::Certificate;

/// Streams of one store that are read. Stores of documents that were signed by hundreds have some
/// thousand.
pub(super) const MAX_STREAMS: usize = 20_000;
/// Octets of one stream, unpacked. The lists of national authorities have some MiB.
pub(super) const MAX_STREAM: usize = 32 << 20;
/// Octets of all streams of one store together, unpacked.
pub(super) const MAX_OCTETS: usize = 256 << 20;

/// What kind of thing a stream holds, by the array that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Certificate,
    Crl,
    Ocsp,
}

impl Kind {
    /// All, with their keys in the store and in an entry of `/VRI`.
    pub(super) const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::Certificate, "Certs", "Cert"),
        (Self::Crl, "CRLs", "CRL"),
        (Self::Ocsp, "OCSPs", "OCSP"),
    ];
}

/// The store as it stands in one revision.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) evidence: Evidence,
    /// Each stream that was read, with SHA-256 of its data.
    pub(super) streams: Vec<(Kind, Reference, [u8; 32])>,
    /// What is wrong with it. None of it weighs: what cannot be read proves nothing.
    pub(super) remarks: Vec<Finding>,
}

/// Reads the store of a revision: the arrays of the whole document, and those of the entries of
/// `/VRI`, which may name what those do not.
pub(super) fn read(view: View<'_>) -> Result<Store, PdfError> {
    let mut store = Store::default();
    let catalog = view.catalog()?;
    let object = view.value(&catalog, "DSS")?;
    let Some(dss) = object.as_dict() else {
        return Ok(store);
    };
    let mut reading = Reading {
        view,
        seen: HashSet::new(),
        octets: MAX_OCTETS,
        wrong: Vec::new(),
    };
    for (kind, key, _) in Kind::ALL {
        reading.list(dss, key, kind, &mut store)?;
    }
    let vri = view.value(dss, "VRI")?;
    for entry in vri.as_dict().map(Dict::entries).unwrap_or_default() {
        let object = view.resolve(&entry.value)?;
        let Some(of_signature) = object.as_dict() else {
            continue;
        };
        for (kind, _, key) in Kind::ALL {
            reading.list(of_signature, key, kind, &mut store)?;
        }
    }
    if let Some(first) = reading.wrong.first() {
        store.remarks.push(
            Finding::remark("pdf.dss", "rule 59; EN 319 142-1 5.4.2.2")
                .with("count", reading.wrong.len())
                .with("what", first.as_str()),
        );
    }
    Ok(store)
}

struct Reading<'d> {
    view: View<'d>,
    seen: HashSet<(u8, Reference)>,
    octets: usize,
    wrong: Vec<String>,
}

impl Reading<'_> {
    fn list(
        &mut self,
        dict: &Dict,
        key: &str,
        kind: Kind,
        store: &mut Store,
    ) -> Result<(), PdfError> {
        let array = self.view.value(dict, key)?;
        for item in array.as_array().unwrap_or_default() {
            let Some(at) = item.as_ref() else {
                self.wrong.push(format!("/{key} has what is no reference"));
                continue;
            };
            let tag = key.as_bytes().first().copied().unwrap_or_default();
            if !self.seen.insert((tag, at)) {
                continue;
            }
            if self.seen.len() > MAX_STREAMS {
                self.wrong.push(format!(
                    "more than {MAX_STREAMS} streams, the rest is left out"
                ));
                return Ok(());
            }
            self.one(at, kind, store);
        }
        Ok(())
    }

    /// Takes in one stream; what is wrong with it is noted, it is nobody else's fault.
    fn one(&mut self, at: Reference, kind: Kind, store: &mut Store) {
        let data = self.view.follow(at).and_then(|object| {
            let stream = object.as_stream().cloned();
            let limit = MAX_STREAM.min(self.octets);
            stream.map(|s| self.view.stream_data(&s, limit)).transpose()
        });
        let data = match data {
            Ok(Some(data)) => data,
            Ok(None) => return self.wrong.push(format!("{at} is no stream")),
            Err(e) => return self.wrong.push(format!("{at}: {e}")),
        };
        self.octets = self.octets.saturating_sub(data.len());
        let evidence = &mut store.evidence;
        let read = match kind {
            Kind::Certificate => Certificate::from_der(&data).map(|c| evidence.add_certificate(c)),
            Kind::Crl => Crl::from_der(&data).map(|c| evidence.add_crl(c)),
            Kind::Ocsp => response(&data).map(|r| evidence.add_ocsp(r)),
        };
        match read {
            Ok(_) => {
                let digest = Hasher::digest(DigestAlgorithm::Sha256, &data);
                if let Ok(digest) = digest.as_bytes().try_into() {
                    store.streams.push((kind, at, digest));
                }
            }
            Err(e) => self.wrong.push(format!("{at}: {e}")),
        }
    }
}

/// `OCSPResponse`, as EN 319 142-1 5.4.2.2 asks; a bare `BasicOCSPResponse`, which some software writes.
fn response(der: &[u8]) -> Result<BasicResponse, crate::der::DecodeError> {
    match OcspResponse::from_der(der) {
        Ok(OcspResponse {
            basic: Some(basic), ..
        }) => Ok(basic),
        Ok(_) | Err(_) => BasicResponse::from_der(der),
    }
}
