use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};

use crate::der::{Tag, Writer};
use crate::keys::{Curve, DigestAlgorithm, Hasher, KeyAlgorithm, PublicKey, SignatureAlgorithm};

/// How a token is told to make a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) algorithm: SignatureAlgorithm,
    pub(super) input: Input,
}

/// What the token is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// The message: the token computes the digest. In parts.
    Message,
    /// The message, in one call (Ed25519).
    Whole,
    /// Its digest.
    Digest(DigestAlgorithm),
    /// Its `DigestInfo` (RFC 8017 9.2).
    DigestInfo(DigestAlgorithm),
}

impl Plan {
    /// The mechanism; `None` where PKCS #11 has none.
    pub(super) fn mechanism(&self) -> Option<Mechanism<'static>> {
        use DigestAlgorithm::{Sha256, Sha384, Sha512};
        use SignatureAlgorithm as S;
        let hashes = self.input == Input::Message;
        Some(match (self.algorithm, hashes) {
            (S::Ed25519, false) => {
                Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519))
            }
            (S::Ecdsa(Sha256), true) => Mechanism::EcdsaSha256,
            (S::Ecdsa(Sha384), true) => Mechanism::EcdsaSha384,
            (S::Ecdsa(Sha512), true) => Mechanism::EcdsaSha512,
            (S::Ecdsa(_), false) => Mechanism::Ecdsa,
            (S::RsaPkcs1(Sha256), true) => Mechanism::Sha256RsaPkcs,
            (S::RsaPkcs1(Sha384), true) => Mechanism::Sha384RsaPkcs,
            (S::RsaPkcs1(Sha512), true) => Mechanism::Sha512RsaPkcs,
            (S::RsaPkcs1(_), false) => Mechanism::RsaPkcs,
            (S::RsaPss(digest), false) => Mechanism::RsaPkcsPss(pss(digest)?),
            (S::RsaPss(digest @ Sha256), true) => Mechanism::Sha256RsaPkcsPss(pss(digest)?),
            (S::RsaPss(digest @ Sha384), true) => Mechanism::Sha384RsaPkcsPss(pss(digest)?),
            (S::RsaPss(digest @ Sha512), true) => Mechanism::Sha512RsaPkcsPss(pss(digest)?),
            _ => return None,
        })
    }

    /// What to hand to the token for `message`, where that is not the message itself.
    pub(super) fn prepare(&self, message: &[u8]) -> Option<Vec<u8>> {
        match self.input {
            Input::Message | Input::Whole => None,
            Input::Digest(digest) => Some(Hasher::digest(digest, message).as_bytes().to_vec()),
            Input::DigestInfo(digest) => {
                let mut w = Writer::new();
                w.sequence(|w| {
                    w.sequence(|w| {
                        w.oid(digest.oid());
                        // RFC 8017 A.2.4: NULL, and nothing else, is what signers write.
                        w.tlv(Tag::NULL, &[]);
                    });
                    w.octets(Hasher::digest(digest, message).as_bytes());
                });
                Some(w.finish())
            }
        }
    }
}

/// The ways in which a token with these mechanisms signs with a key: an algorithm once, the preferred
/// first, as keys in files have them. `confirmed` is for a key that wants its PIN between the beginning
/// of the operation and the data: such an operation must come in parts.
pub(super) fn plans(
    key: &PublicKey,
    confirmed: bool,
    available: impl Fn(MechanismType) -> bool,
) -> Vec<Plan> {
    use DigestAlgorithm::{Sha256, Sha384, Sha512};
    use SignatureAlgorithm as S;
    const DIGESTS: [DigestAlgorithm; 3] = [Sha256, Sha384, Sha512];

    let algorithms: Vec<SignatureAlgorithm> = match key.algorithm() {
        // The digest as strong as the curve (RFC 5753).
        KeyAlgorithm::Ec(Curve::P256) => vec![S::Ecdsa(Sha256)],
        KeyAlgorithm::Ec(Curve::P384) => vec![S::Ecdsa(Sha384)],
        KeyAlgorithm::Ec(Curve::P521) => vec![S::Ecdsa(Sha512)],
        KeyAlgorithm::Ed25519 => vec![S::Ed25519],
        KeyAlgorithm::Rsa { .. } => {
            let pkcs1 = DIGESTS.map(S::RsaPkcs1).into_iter();
            pkcs1.chain(DIGESTS.map(S::RsaPss)).collect()
        }
        KeyAlgorithm::RsaPss { .. } => DIGESTS.map(S::RsaPss).to_vec(),
        _ => Vec::new(),
    };
    let usable = |plan: &Plan| {
        (!confirmed || matches!(plan.input, Input::Message | Input::Whole))
            && plan
                .mechanism()
                .is_some_and(|mechanism| available(mechanism.mechanism_type()))
    };
    algorithms
        .into_iter()
        .filter_map(|algorithm| {
            let mut plans = ways(algorithm)
                .into_iter()
                .map(|input| Plan { algorithm, input });
            plans.find(usable)
        })
        .collect()
}

/// What a token may be given for a signature of this algorithm. Digests come first: a list of a million
/// entries need not travel to the token, and ECDSA with the digest inside is rare.
fn ways(algorithm: SignatureAlgorithm) -> Vec<Input> {
    use SignatureAlgorithm as S;
    match algorithm {
        S::Ed25519 => vec![Input::Whole],
        S::Ecdsa(digest) | S::RsaPss(digest) => vec![Input::Digest(digest), Input::Message],
        S::RsaPkcs1(digest) => vec![Input::DigestInfo(digest), Input::Message],
        S::Dsa(_) | S::MlDsa(_) | S::RsaPssOther { .. } => Vec::new(),
    }
}

fn pss(digest: DigestAlgorithm) -> Option<PkcsPssParams> {
    let (hash_alg, mgf) = match digest {
        DigestAlgorithm::Sha256 => (MechanismType::SHA256, PkcsMgfType::MGF1_SHA256),
        DigestAlgorithm::Sha384 => (MechanismType::SHA384, PkcsMgfType::MGF1_SHA384),
        DigestAlgorithm::Sha512 => (MechanismType::SHA512, PkcsMgfType::MGF1_SHA512),
        _ => return None,
    };
    Some(PkcsPssParams {
        hash_alg,
        mgf,
        s_len: digest.output_len().try_into().ok()?,
    })
}

/// A token's signature as the rest of the world writes it: r and s of ECDSA, side by side, become
/// `Ecdsa-Sig-Value` (RFC 3279 2.2.3). `None` where it has another length than the key's.
pub(super) fn signature(key: &PublicKey, octets: Vec<u8>) -> Option<Vec<u8>> {
    let KeyAlgorithm::Ec(curve) = key.algorithm() else {
        return Some(octets);
    };
    let n = curve.coordinate_len();
    if octets.len() != 2 * n {
        return None;
    }
    let (r, s) = octets.split_at_checked(n)?;
    let mut w = Writer::new();
    w.sequence(|w| {
        w.unsigned(Tag::INTEGER, r);
        w.unsigned(Tag::INTEGER, s);
    });
    Some(w.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{KeySpec, PrivateKey, SigningKey};

    fn public(spec: KeySpec) -> PublicKey {
        PrivateKey::generate(spec).unwrap().public_key().clone()
    }

    #[test]
    fn the_way_follows_from_what_the_token_has() {
        use MechanismType as M;
        let p256 = public(KeySpec::Ec(Curve::P256));
        let rsa = public(KeySpec::Rsa2048);
        let edwards = public(KeySpec::Ed25519);
        let sha256 = DigestAlgorithm::Sha256;
        for (key, confirmed, has, inputs) in [
            (
                &p256,
                false,
                vec![M::ECDSA, M::ECDSA_SHA256],
                vec![Input::Digest(sha256)],
            ),
            (&p256, false, vec![M::ECDSA_SHA256], vec![Input::Message]),
            (
                &p256,
                true,
                vec![M::ECDSA, M::ECDSA_SHA256],
                vec![Input::Message],
            ),
            (&p256, true, vec![M::ECDSA], vec![]),
            (&p256, false, vec![M::RSA_PKCS, M::ECDSA_SHA384], vec![]),
            (&edwards, false, vec![M::EDDSA], vec![Input::Whole]),
            (&edwards, true, vec![M::EDDSA], vec![Input::Whole]),
            (
                &rsa,
                false,
                vec![M::RSA_PKCS],
                vec![
                    Input::DigestInfo(sha256),
                    Input::DigestInfo(DigestAlgorithm::Sha384),
                    Input::DigestInfo(DigestAlgorithm::Sha512),
                ],
            ),
            (
                &rsa,
                false,
                vec![M::SHA256_RSA_PKCS, M::SHA256_RSA_PKCS_PSS],
                vec![Input::Message, Input::Message],
            ),
            (&rsa, true, vec![M::RSA_PKCS, M::RSA_PKCS_PSS], vec![]),
        ] {
            let found = plans(key, confirmed, |m| has.contains(&m));
            let found: Vec<_> = found.iter().map(|plan| plan.input).collect();
            assert_eq!(found, inputs, "{key:?} {confirmed} {has:?}");
        }
    }

    /// What ECDSA makes of a token's octets is what a key in a file would have written.
    #[test]
    fn ecdsa_halves_become_der() {
        let key = public(KeySpec::Ec(Curve::P256));
        let mut octets = vec![0; 64];
        octets[31] = 1;
        octets[32] = 0x80;
        let der = signature(&key, octets.clone()).unwrap();
        assert_eq!(der[..6], [0x30, 0x26, 2, 1, 1, 2]);
        assert_eq!(der[6..9], [33, 0, 0x80]);
        assert_eq!(signature(&key, octets[1..].to_vec()), None);
        octets.push(0);
        assert_eq!(signature(&key, octets), None);
    }

    /// RFC 8017 9.2 note 1 gives the octets before the digest.
    #[test]
    fn digest_info_has_the_prefix_of_the_standard() {
        let rsa = public(KeySpec::Rsa2048);
        let plan = plans(&rsa, false, |m| m == MechanismType::RSA_PKCS)[0];
        let prepared = plan.prepare(b"").unwrap();
        let prefix = [
            0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
            0x01, 0x05, 0x00, 0x04, 0x20,
        ];
        assert_eq!(prepared[..19], prefix);
        assert_eq!(prepared.len(), 19 + 32);
    }
}
