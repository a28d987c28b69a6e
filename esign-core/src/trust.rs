//! Whom one trusts, always said explicitly: no anchors, nothing trusted; no system roots.

use crate::keys::digest_of_set;
use crate::x509::{Certificate, FEW, Name, Named};

/// Trust anchors, as certificates. Of each, name, key and the limits it sets to itself count
/// (basicConstraints, keyUsage); neither its validity nor its status is asked for, since trusting
/// it is the user's decision (RFC 5280 6.1.1 (d)).
///
/// An end-entity certificate here is trusted itself but cannot issue others.
#[derive(Clone, Debug, Default)]
pub struct TrustAnchors {
    certificates: Named<Certificate>,
}

impl TrustAnchors {
    /// No anchors: nothing is trusted.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an anchor; one that is there already is not added again.
    pub fn add(&mut self, certificate: Certificate) {
        if !self.contains(&certificate) {
            self.certificates.add(certificate);
        }
    }

    /// The anchors in the order in which they were added.
    pub fn certificates(&self) -> &[Certificate] {
        self.certificates.all()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.certificates().is_empty()
    }

    /// Whether `certificate` itself is an anchor, octet for octet.
    pub fn contains(&self, certificate: &Certificate) -> bool {
        // Looking at each of a few is cheaper than making the key of a name.
        if self.certificates().len() <= FEW {
            return self.certificates().contains(certificate);
        }
        self.named(certificate.subject()).any(|c| c == certificate)
    }

    /// The anchors whose subject matches `name`.
    pub fn named(&self, name: &Name) -> impl Iterator<Item = &Certificate> {
        self.certificates.named(name)
    }

    /// SHA-256 over the sorted fingerprints: what a report names them by.
    pub fn digest(&self) -> [u8; 32] {
        digest_of_set(self.certificates().iter().map(Certificate::sha256))
    }
}

impl FromIterator<Certificate> for TrustAnchors {
    fn from_iter<I: IntoIterator<Item = Certificate>>(certificates: I) -> Self {
        let mut anchors = Self::new();
        certificates.into_iter().for_each(|c| anchors.add(c));
        anchors
    }
}
