//! Proofs of existence, EN 319 102-1 clause 5.6.2.3: since when each thing is proved to have been there.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Covered, Signature};
use crate::crl::Crl;
use crate::keys::{Digest, DigestAlgorithm, Hasher};
use crate::ocsp::BasicResponse;
use crate::policy::Policy;
use crate::time::UnixTime;
use crate::tsp;
use crate::x509::Certificate;

/// The proofs known so far. What nothing proves is there at the time of validation.
pub(super) struct Poe {
    now: UnixTime,
    /// Of the signature value, where a time-stamp proves it.
    signature: Option<UnixTime>,
    objects: UnixTime,
    /// Of each time-stamp of the signature.
    tokens: Vec<UnixTime>,
    /// Of certificates, revocation lists and responses, by the octets of their digests.
    evidence: HashMap<Vec<u8>, UnixTime>,
    /// Of whole stores, by SHA-256.
    stores: Vec<(Arc<HashSet<[u8; 32]>>, UnixTime)>,
    /// Which algorithms `evidence` is by.
    algorithms: Vec<DigestAlgorithm>,
}

impl Poe {
    /// Nothing is proved yet (5.6.3.4, step 1).
    pub(super) fn new(signature: &Signature, now: UnixTime) -> Self {
        Self {
            now,
            signature: None,
            objects: now,
            tokens: vec![now; signature.timestamps.len()],
            evidence: HashMap::new(),
            stores: Vec::new(),
            algorithms: Vec::new(),
        }
    }

    /// Takes in what a valid time-stamp of the time `at` proves. `verified` has the tokens that were
    /// read, by their place.
    pub(super) fn extract(
        &mut self,
        covers: &[Covered],
        verified: &[Option<tsp::Timestamp>],
        policy: &Policy,
        at: UnixTime,
    ) {
        for covered in covers {
            match covered {
                Covered::Objects => self.objects = self.objects.min(at),
                Covered::SignatureValue => {
                    self.signature = Some(self.signature.map_or(at, |t| t.min(at)));
                }
                Covered::Timestamp(place) => {
                    if let Some(time) = self.tokens.get_mut(*place) {
                        *time = at.min(*time);
                    }
                    // What a token carries is inside of what is stamped.
                    let token = verified.get(*place).and_then(Option::as_ref);
                    for certificate in token.iter().flat_map(|t| t.certificates()) {
                        self.prove(sha256(certificate.sha256()), at);
                    }
                    for crl in token.iter().flat_map(|t| lists_of(t)) {
                        self.prove(sha256(crl.sha256()), at);
                    }
                }
                // A reference by a digest for which another thing could be found proves nothing.
                Covered::Evidence(digest)
                    if policy.digest_acceptance(digest.algorithm()).holds(at) =>
                {
                    self.prove(Some(*digest), at);
                }
                Covered::Evidence(_) => {}
                Covered::Store(store) => self.stores.push((Arc::clone(store), at)),
            }
        }
    }

    fn prove(&mut self, digest: Option<Digest>, at: UnixTime) {
        let Some(digest) = digest else { return };
        if !self.algorithms.contains(&digest.algorithm()) {
            self.algorithms.push(digest.algorithm());
        }
        let known = self.evidence.entry(digest.as_bytes().to_vec());
        let time = known.or_insert(at);
        *time = at.min(*time);
    }

    /// Since when the signature value is proved to exist, where a time-stamp proves it.
    pub(super) fn signature(&self) -> Option<UnixTime> {
        self.signature
    }

    /// Since when the time-stamp at `place` is.
    pub(super) fn token(&self, place: usize) -> UnixTime {
        self.tokens.get(place).copied().unwrap_or(self.now)
    }

    /// Since when a certificate is.
    pub(super) fn certificate(&self, certificate: &Certificate) -> UnixTime {
        self.of(certificate.sha256(), certificate.der())
    }

    /// Since when a revocation list is.
    pub(super) fn crl(&self, crl: &Crl) -> UnixTime {
        self.of(crl.sha256(), crl.der())
    }

    /// Since when an OCSP response is.
    pub(super) fn ocsp(&self, response: &BasicResponse) -> UnixTime {
        self.of(response.sha256(), response.der())
    }

    fn of(&self, sha256: [u8; 32], der: &[u8]) -> UnixTime {
        let others = self.algorithms.iter();
        let others = others.filter(|a| **a != DigestAlgorithm::Sha256);
        let others = others.filter_map(|a| {
            let digest = Hasher::digest(*a, der);
            self.evidence.get(digest.as_bytes())
        });
        let own = self.evidence.get(sha256.as_slice());
        let stores = self.stores.iter();
        let stores = stores.filter(|(store, _)| store.contains(&sha256));
        own.into_iter()
            .chain(others)
            .chain(stores.map(|(_, at)| at))
            .copied()
            .fold(self.now, UnixTime::min)
    }
}

/// The revocation lists inside a token.
pub(super) fn lists_of(timestamp: &tsp::Timestamp) -> Vec<Crl> {
    let lists = timestamp.token().signed_data().crls.iter();
    lists.filter_map(|der| Crl::from_der(der).ok()).collect()
}

fn sha256(octets: [u8; 32]) -> Option<Digest> {
    Digest::new(DigestAlgorithm::Sha256, &octets)
}
