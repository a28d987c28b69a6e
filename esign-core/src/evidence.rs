//! What validation is given to prove things with: certificates and revocation lists. Nothing in
//! it is trusted for being there.

use std::collections::HashSet;

use crate::crl::Crl;
use crate::keys::digest_of_set;
use crate::x509::{Certificate, FEW, Name, Named};

/// Certificates and revocation lists from wherever: a document, files, the network.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    certificates: Named<Certificate>,
    crls: Named<Crl>,
    /// What is there already, as soon as there are more than a few.
    seen: HashSet<Certificate>,
    seen_crls: HashSet<[u8; 32]>,
}

impl Evidence {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a certificate; says whether it is new.
    pub fn add_certificate(&mut self, certificate: Certificate) -> bool {
        let known = self.certificates.all();
        // A few are compared one by one: hashing the octets costs more.
        let new = if known.len() < FEW {
            !known.contains(&certificate)
        } else {
            if self.seen.is_empty() {
                self.seen.extend(known.iter().cloned());
            }
            self.seen.insert(certificate.clone())
        };
        if new {
            let key = certificate.subject().shared_key();
            self.certificates.add(key, certificate);
        }
        new
    }

    /// Adds a revocation list; says whether it is new.
    pub fn add_crl(&mut self, crl: Crl) -> bool {
        let (known, digest) = (self.crls.all(), crl.sha256());
        let new = if known.len() < FEW {
            known.iter().all(|c| c.sha256() != digest)
        } else {
            if self.seen_crls.is_empty() {
                self.seen_crls.extend(known.iter().map(Crl::sha256));
            }
            self.seen_crls.insert(digest)
        };
        if new {
            self.crls.add(crl.issuer().shared_key(), crl);
        }
        new
    }

    /// Adds everything that `other` has; says how much of it is new.
    pub fn add_all(&mut self, other: &Self) -> usize {
        let certificates = other.certificates().iter();
        let certificates = certificates.filter(|c| self.add_certificate((*c).clone()));
        let certificates = certificates.count();
        let crls = other.crls().iter();
        let crls = crls.filter(|c| self.add_crl((*c).clone())).count();
        certificates + crls
    }

    /// The certificates in the order in which they were added.
    pub fn certificates(&self) -> &[Certificate] {
        self.certificates.all()
    }

    /// The lists in the order in which they were added.
    pub fn crls(&self) -> &[Crl] {
        self.crls.all()
    }

    /// The certificates whose subject matches `name`.
    pub fn named(&self, name: &Name) -> impl Iterator<Item = &Certificate> {
        self.certificates.named(name)
    }

    /// The lists whose issuer matches `name`.
    pub fn crls_of(&self, name: &Name) -> impl Iterator<Item = &Crl> {
        self.crls.named(name)
    }

    /// SHA-256 over the sorted digests of all pieces: what a report names it by.
    pub fn digest(&self) -> [u8; 32] {
        let certificates = self.certificates().iter().map(Certificate::sha256);
        digest_of_set(certificates.chain(self.crls().iter().map(Crl::sha256)))
    }
}
