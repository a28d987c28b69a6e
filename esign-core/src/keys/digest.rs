use core::fmt;

use super::DigestAlgorithm;

/// The output of a digest, with its algorithm.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    algorithm: DigestAlgorithm,
    octets: [u8; 64],
}

impl Digest {
    /// A digest that was received; `None` where its length is not the algorithm's.
    pub fn new(algorithm: DigestAlgorithm, octets: &[u8]) -> Option<Self> {
        let mut all = [0; 64];
        all.get_mut(..algorithm.output_len())
            .filter(|to| to.len() == octets.len())?
            .copy_from_slice(octets);
        Some(Self {
            algorithm,
            octets: all,
        })
    }

    /// Which digest it is.
    pub fn algorithm(&self) -> DigestAlgorithm {
        self.algorithm
    }

    /// The octets, as many as the algorithm puts out.
    pub fn as_bytes(&self) -> &[u8] {
        self.octets
            .get(..self.algorithm.output_len())
            .unwrap_or_default()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes()
            .iter()
            .try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {self}", self.algorithm)
    }
}

/// SHA-256 over sorted digests: names a set whose order does not matter.
pub(crate) fn digest_of_set(digests: impl Iterator<Item = [u8; 32]>) -> [u8; 32] {
    let mut all: Vec<[u8; 32]> = digests.collect();
    all.sort_unstable();
    Hasher::digest(DigestAlgorithm::Sha256, &all.concat())
        .as_bytes()
        .try_into()
        .unwrap_or([0; 32])
}

/// A running digest; cloning it branches the computation, so that one pass over a file serves
/// every signature in it.
#[derive(Clone)]
pub struct Hasher {
    algorithm: DigestAlgorithm,
    state: State,
}

#[derive(Clone)]
enum State {
    Ring(ring::digest::Context),
    Aws(aws_lc_rs::digest::Context),
}

impl Hasher {
    /// Starts a digest.
    pub fn new(algorithm: DigestAlgorithm) -> Self {
        use aws_lc_rs::digest as aws;
        use ring::digest as ring;
        let state = match algorithm {
            DigestAlgorithm::Sha1 => {
                State::Ring(ring::Context::new(&ring::SHA1_FOR_LEGACY_USE_ONLY))
            }
            DigestAlgorithm::Sha224 => State::Aws(aws::Context::new(&aws::SHA224)),
            DigestAlgorithm::Sha256 => State::Ring(ring::Context::new(&ring::SHA256)),
            DigestAlgorithm::Sha384 => State::Ring(ring::Context::new(&ring::SHA384)),
            DigestAlgorithm::Sha512 => State::Ring(ring::Context::new(&ring::SHA512)),
            DigestAlgorithm::Sha512_256 => State::Ring(ring::Context::new(&ring::SHA512_256)),
            DigestAlgorithm::Sha3_256 => State::Aws(aws::Context::new(&aws::SHA3_256)),
            DigestAlgorithm::Sha3_384 => State::Aws(aws::Context::new(&aws::SHA3_384)),
            DigestAlgorithm::Sha3_512 => State::Aws(aws::Context::new(&aws::SHA3_512)),
        };
        Self { algorithm, state }
    }

    /// Which digest is computed.
    pub fn algorithm(&self) -> DigestAlgorithm {
        self.algorithm
    }

    /// Takes in more of the message.
    pub fn update(&mut self, octets: &[u8]) {
        match &mut self.state {
            State::Ring(c) => c.update(octets),
            State::Aws(c) => c.update(octets),
        }
    }

    /// Ends the message.
    pub fn finish(self) -> Digest {
        let mut octets = [0; 64];
        let mut put = |from: &[u8]| {
            octets
                .iter_mut()
                .zip(from)
                .for_each(|(to, from)| *to = *from);
        };
        match self.state {
            State::Ring(c) => put(c.finish().as_ref()),
            State::Aws(c) => put(c.finish().as_ref()),
        }
        Digest {
            algorithm: self.algorithm,
            octets,
        }
    }

    /// The digest of a whole message.
    pub fn digest(algorithm: DigestAlgorithm, message: &[u8]) -> Digest {
        let mut hasher = Self::new(algorithm);
        hasher.update(message);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_hashes_abc() {
        // FIPS 180-4 and FIPS 202 example values, first octets.
        for (algorithm, head) in [
            (DigestAlgorithm::Sha1, "a9993e36"),
            (DigestAlgorithm::Sha224, "23097d22"),
            (DigestAlgorithm::Sha256, "ba7816bf"),
            (DigestAlgorithm::Sha384, "cb00753f"),
            (DigestAlgorithm::Sha512, "ddaf35a1"),
            (DigestAlgorithm::Sha512_256, "53048e26"),
            (DigestAlgorithm::Sha3_256, "3a985da7"),
            (DigestAlgorithm::Sha3_384, "ec014982"),
            (DigestAlgorithm::Sha3_512, "b751850b"),
        ] {
            let digest = Hasher::digest(algorithm, b"abc");
            assert!(digest.to_string().starts_with(head), "{digest:?}");
            assert_eq!(digest.as_bytes().len(), algorithm.output_len());
        }
    }
}
