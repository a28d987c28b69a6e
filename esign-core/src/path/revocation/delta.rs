use crate::crl::Crl;
use crate::oid;
use crate::time::UnixTime;

/// Whether `delta` brings `complete` up to date for the time `at`.
///
/// # Source
/// RFC 5280 5.2.4 (a) to (d), 6.3.3 (c).
pub(super) fn updates(delta: &Crl, complete: &Crl, at: UnixTime) -> bool {
    if delta.this_update() > at {
        return false;
    }
    let value = |crl: &Crl, oid| {
        crl.extensions()
            .find(|e| e.oid == oid)
            .map(|e| e.value.to_vec())
    };
    let same = |oid| value(delta, oid) == value(complete, oid);
    let (Ok(Some(base)), Ok(Some(number)), Ok(Some(complete_number))) =
        (delta.delta_base(), delta.number(), complete.number())
    else {
        return false;
    };
    delta.issuer().matches(complete.issuer())
        && same(oid::ISSUING_DISTRIBUTION_POINT)
        && same(oid::AUTHORITY_KEY_IDENTIFIER)
        && !complete_number.is_below(&base)
        && complete_number.is_below(&number)
}
