//! What validation is given to prove things with: certificates and revocation lists. Nothing in
//! it is trusted for being there.

use std::collections::{HashMap, HashSet};

use crate::crl::Crl;
use crate::keys::digest_of_set;
use crate::x509::{Certificate, Name};

/// Certificates and revocation lists from wherever: a document, files, the network.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    certificates: Vec<Certificate>,
    crls: Vec<Crl>,
    by_subject: HashMap<Vec<u8>, Vec<usize>>,
    by_crl_issuer: HashMap<Vec<u8>, Vec<usize>>,
    seen: HashSet<[u8; 32]>,
}

impl Evidence {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a certificate; says whether it is new.
    pub fn add_certificate(&mut self, certificate: Certificate) -> bool {
        let new = self.seen.insert(certificate.sha256());
        if new {
            let key = certificate.subject().comparison_key();
            self.by_subject
                .entry(key)
                .or_default()
                .push(self.certificates.len());
            self.certificates.push(certificate);
        }
        new
    }

    /// Adds a revocation list; says whether it is new.
    pub fn add_crl(&mut self, crl: Crl) -> bool {
        let new = self.seen.insert(crl.sha256());
        if new {
            let key = crl.issuer().comparison_key();
            self.by_crl_issuer
                .entry(key)
                .or_default()
                .push(self.crls.len());
            self.crls.push(crl);
        }
        new
    }

    /// Adds everything that `other` has; says how much of it is new.
    pub fn add_all(&mut self, other: &Self) -> usize {
        let certificates = other
            .certificates
            .iter()
            .filter(|c| self.add_certificate((*c).clone()))
            .count();
        let crls = other
            .crls
            .iter()
            .filter(|c| self.add_crl((*c).clone()))
            .count();
        certificates + crls
    }

    /// The certificates in the order in which they were added.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// The lists in the order in which they were added.
    pub fn crls(&self) -> &[Crl] {
        &self.crls
    }

    /// The certificates whose subject matches `name`.
    pub fn named(&self, name: &Name) -> impl Iterator<Item = &Certificate> {
        self.by_subject
            .get(&name.comparison_key())
            .into_iter()
            .flatten()
            .filter_map(|i| self.certificates.get(*i))
    }

    /// The lists whose issuer matches `name`.
    pub fn crls_of(&self, name: &Name) -> impl Iterator<Item = &Crl> {
        self.by_crl_issuer
            .get(&name.comparison_key())
            .into_iter()
            .flatten()
            .filter_map(|i| self.crls.get(*i))
    }

    /// SHA-256 over the sorted digests of all pieces: what a report names it by.
    pub fn digest(&self) -> [u8; 32] {
        digest_of_set(self.seen.iter().copied())
    }
}
