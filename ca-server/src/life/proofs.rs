//! Proofs of possession that this process has seen: a request that is issued soon after it was
//! received is not verified twice, which for an RSA key takes milliseconds.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use esign_core::x509::ProvenKey;

use super::prove;
use crate::error::CentreError;
use crate::ids::Digest;

/// Most keys that are remembered: some hundreds of octets each, and requests that are issued at once
/// are never so many. What does not fit is verified again.
const MOST: usize = 4096;

/// Proven keys by the digest of the request's octets: what was proven is these octets' claim.
#[derive(Default)]
pub(super) struct Proofs(Mutex<HashMap<Digest, ProvenKey>>);

impl Proofs {
    fn map(&self) -> MutexGuard<'_, HashMap<Digest, ProvenKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers that `csr`, DER, proves possession of `key`.
    pub(super) fn keep(&self, csr: &[u8], key: ProvenKey) {
        let digest = Digest::of(csr);
        let mut map = self.map();
        if map.len() >= MOST {
            map.clear();
        }
        map.insert(digest, key);
    }

    /// The key that `csr`, DER, proves possession of: known, or verified now. Forgets it.
    pub(super) fn take(&self, csr: &[u8]) -> Result<ProvenKey, CentreError> {
        let known = self.map().remove(&Digest::of(csr));
        known.map_or_else(|| prove(csr), Ok)
    }
}

#[cfg(test)]
mod tests {
    use esign_core::keys::{Curve, KeySpec, PrivateKey};
    use esign_core::oid::COMMON_NAME;
    use esign_core::x509::{NameBuilder, Request};

    use super::*;

    fn request() -> Request {
        let key = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
        let name = NameBuilder::new().with(COMMON_NAME, "x").build().unwrap();
        Request::sign(&name, &key).unwrap()
    }

    #[test]
    fn is_about_the_same_octets_and_bounded() {
        let (one, other) = (request(), request());
        let proofs = Proofs::default();
        proofs.keep(one.der(), prove(one.der()).unwrap());
        // Another request is verified, and one that was tampered with is known to nobody.
        let found = proofs.take(other.der()).unwrap();
        assert_eq!(
            found.public_key().spki(),
            prove(other.der()).unwrap().public_key().spki()
        );
        let mut tampered = one.der().to_vec();
        *tampered.last_mut().unwrap() ^= 1;
        assert!(proofs.take(&tampered).is_err());
        assert_eq!(proofs.map().len(), 1);
        let found = proofs.take(one.der()).unwrap();
        assert_eq!(
            found.public_key().spki(),
            prove(one.der()).unwrap().public_key().spki()
        );
        assert_eq!(proofs.map().len(), 0);
        for n in 0..=MOST {
            proofs.keep(&n.to_be_bytes(), found.clone());
            assert!(proofs.map().len() <= MOST);
        }
    }
}
