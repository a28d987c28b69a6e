//! Whom one trusts, always said explicitly: no anchors, nothing trusted; no system roots.

use std::collections::HashMap;

use crate::keys::digest_of_set;
use crate::x509::{Certificate, Name};

/// Up to so many anchors looking at each is cheaper than making a key.
const FEW: usize = 8;

/// Trust anchors, as certificates. Of each, name, key and the limits it sets to itself count
/// (basicConstraints, keyUsage); neither its validity nor its status is asked for, since trusting
/// it is the user's decision (RFC 5280 6.1.1 (d)).
///
/// An end-entity certificate here is trusted itself but cannot issue others.
#[derive(Clone, Debug, Default)]
pub struct TrustAnchors {
    certificates: Vec<Certificate>,
    by_subject: HashMap<Vec<u8>, Vec<usize>>,
}

impl TrustAnchors {
    /// No anchors: nothing is trusted.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an anchor; one that is there already is not added again.
    pub fn add(&mut self, certificate: Certificate) {
        if !self.contains(&certificate) {
            let key = certificate.subject().comparison_key();
            self.by_subject
                .entry(key)
                .or_default()
                .push(self.certificates.len());
            self.certificates.push(certificate);
        }
    }

    /// The anchors in the order in which they were added.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
    }

    /// Whether `certificate` itself is an anchor, octet for octet.
    pub fn contains(&self, certificate: &Certificate) -> bool {
        if self.certificates.len() <= FEW {
            return self.certificates.contains(certificate);
        }
        self.named(certificate.subject()).any(|c| c == certificate)
    }

    /// The anchors whose subject matches `name`.
    pub fn named(&self, name: &Name) -> impl Iterator<Item = &Certificate> {
        let few = self.certificates.len() <= FEW;
        let found = if few {
            None
        } else {
            self.by_subject.get(&name.comparison_key())
        };
        let all = if few {
            self.certificates.as_slice()
        } else {
            &[]
        };
        let one_by_one = all.iter().filter(|c| c.subject().matches(name));
        let found = found.into_iter().flatten();
        one_by_one.chain(found.filter_map(|i| self.certificates.get(*i)))
    }

    /// SHA-256 over the sorted fingerprints: what a report names them by.
    pub fn digest(&self) -> [u8; 32] {
        digest_of_set(self.certificates.iter().map(Certificate::sha256))
    }
}

impl FromIterator<Certificate> for TrustAnchors {
    fn from_iter<I: IntoIterator<Item = Certificate>>(certificates: I) -> Self {
        let mut anchors = Self::new();
        certificates.into_iter().for_each(|c| anchors.add(c));
        anchors
    }
}
