//! Verification of ECDSA over the brainpool curves of 256 and 384 bits. They are in the
//! certificates of European centres and in identity cards; ring and aws-lc do not have them.
//!
//! # Source
//! RFC 5639 3 (curves), RFC 3279 2.2.3 (encoding of the signature).

use bp256::{BrainpoolP256r1, BrainpoolP256t1};
use bp384::{BrainpoolP384r1, BrainpoolP384t1};
use ecdsa::elliptic_curve::sec1::{FromSec1Point, ModulusSize, ToSec1Point};
use ecdsa::elliptic_curve::{AffinePoint, CurveArithmetic, FieldBytesSize};
use ecdsa::signature::hazmat::PrehashVerifier;
use ecdsa::{EcdsaCurve, Signature, VerifyingKey};

use super::{Curve, DigestAlgorithm, Hasher, VerifyError};
use crate::der::{Reader, Rules, decode};

/// Whether `point`, uncompressed, is on its curve; `None` for a curve that is not of brainpool.
pub(super) fn on_curve(curve: Curve, point: &[u8]) -> Option<bool> {
    match curve {
        Curve::BrainpoolP256r1 => Some(key::<BrainpoolP256r1>(point).is_some()),
        Curve::BrainpoolP256t1 => Some(key::<BrainpoolP256t1>(point).is_some()),
        Curve::BrainpoolP384r1 => Some(key::<BrainpoolP384r1>(point).is_some()),
        Curve::BrainpoolP384t1 => Some(key::<BrainpoolP384t1>(point).is_some()),
        Curve::P256 | Curve::P384 | Curve::P521 => None,
    }
}

/// Verifies; a curve that is not of brainpool accepts nothing.
pub(super) fn verify(
    curve: Curve,
    point: &[u8],
    digest: DigestAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    let hash = Hasher::digest(digest, message);
    let hash = hash.as_bytes();
    let accepted = match curve {
        Curve::BrainpoolP256r1 => accepts::<BrainpoolP256r1>(curve, point, hash, signature),
        Curve::BrainpoolP256t1 => accepts::<BrainpoolP256t1>(curve, point, hash, signature),
        Curve::BrainpoolP384r1 => accepts::<BrainpoolP384r1>(curve, point, hash, signature),
        Curve::BrainpoolP384t1 => accepts::<BrainpoolP384t1>(curve, point, hash, signature),
        Curve::P256 | Curve::P384 | Curve::P521 => None,
    };
    accepted.ok_or(VerifyError::Invalid)
}

fn key<C>(point: &[u8]) -> Option<VerifyingKey<C>>
where
    C: EcdsaCurve + CurveArithmetic,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
    FieldBytesSize<C>: ModulusSize,
{
    VerifyingKey::from_sec1_bytes(point).ok()
}

fn accepts<C>(curve: Curve, point: &[u8], hash: &[u8], signature: &[u8]) -> Option<()>
where
    C: EcdsaCurve + CurveArithmetic,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
    FieldBytesSize<C>: ModulusSize,
{
    let length = curve.coordinate_len();
    let fixed = decode(signature, Rules::Der, |r| {
        r.sequence("", |r| Ok((scalar(r, length)?, scalar(r, length)?)))
    });
    let (Some(mut both), Some(s)) = fixed.ok()? else {
        return None;
    };
    both.extend(s);
    // Refuses zero and what is not below the order.
    let signature = Signature::<C>::from_slice(&both).ok()?;
    key::<C>(point)?.verify_prehash(hash, &signature).ok()
}

/// A positive INTEGER as that many octets; `None` where it is longer or negative.
fn scalar(r: &mut Reader<'_>, length: usize) -> Result<Option<Vec<u8>>, crate::der::DecodeError> {
    let octets = r.integer("")?;
    if octets.first().is_none_or(|b| b & 0x80 != 0) {
        return Ok(None);
    }
    let digits = octets.strip_prefix(&[0]).unwrap_or(octets);
    Ok(length.checked_sub(digits.len()).map(|zeros| {
        let mut fixed = vec![0; zeros];
        fixed.extend_from_slice(digits);
        fixed
    }))
}
