use std::collections::HashMap;

use super::Certificate;
use crate::keys::{KeyError, PublicKey, Weakness, shared_factors, weaknesses};
use crate::lint::{Hit, Rule, Severity};
use crate::report::{Fact, RuleId};

const fn error(id: RuleId, clause: &'static str) -> Rule {
    Rule {
        id,
        clause,
        severity: Severity::Error,
    }
}

const CLOSE_PRIMES: Rule = error("lint.key.close-primes", "CA/B BR 2.0 6.1.1.3");
const NOT_TWO_PRIMES: Rule = error("lint.key.not-two-primes", "NIST SP 800-89 5.3.3");
const POINT_NOT_ON_CURVE: Rule = error("lint.key.point-on-curve", "NIST SP 800-56A 5.6.2.3.3");
const ROCA: Rule = error("lint.key.roca", "CA/B BR 2.0 6.1.1.3");
const SMALL_FACTOR: Rule = error("lint.key.small-factor", "CA/B BR 2.0 6.1.6");
const SMALL_ORDER: Rule = error("lint.key.small-order", "RFC 8032 8.9");
const SHARED_FACTOR: Rule = error(
    "lint.key.shared-factor",
    "Heninger and others, Mining Your Ps and Qs (2012) 3.2",
);
/// Two holders of one key each sign for the other; nobody forbids it in so many words.
const SHARED: Rule = Rule {
    id: "lint.key.shared",
    clause: "Heninger and others, Mining Your Ps and Qs (2012) 3.1",
    severity: Severity::Warning,
};

/// The rules of [`lint_keys`]. They are beside [`crate::lint::rules`], since they do arithmetic,
/// which takes milliseconds for an RSA key, and look at several certificates.
pub const KEY_RULES: [Rule; 8] = [
    CLOSE_PRIMES,
    NOT_TWO_PRIMES,
    POINT_NOT_ON_CURVE,
    ROCA,
    SHARED,
    SHARED_FACTOR,
    SMALL_FACTOR,
    SMALL_ORDER,
];

/// A breach of one of [`KEY_RULES`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHit {
    /// The certificate, by its place.
    pub place: usize,
    /// The other one, where two keys speak against each other.
    pub other: Option<usize>,
    /// The rule and its values.
    pub hit: Hit,
}

/// Looks for weak keys in certificates, one by one and in all of them together, in order of place.
///
/// Certificates of one subject may have the same key: renewed ones do, and cross-certificates. A
/// public exponent below 65537 is `lint.key.rsa-exponent`, which [`crate::lint::certificate`]
/// finds; keys that cannot be read are its business, too.
///
/// # Errors
/// As [`shared_factors`]: more keys than can be compared.
pub fn lint_keys(certificates: &[Certificate]) -> Result<Vec<KeyHit>, KeyError> {
    let readable = certificates.iter().enumerate();
    let readable = readable.filter_map(|(place, c)| Some((place, c, c.public_key().ok()?)));
    let readable: Vec<(usize, &Certificate, &PublicKey)> = readable.collect();
    let mut found = Vec::new();
    let mut first: HashMap<&[u8], usize> = HashMap::new();
    let mut keys = Vec::new();
    for (at, (place, certificate, key)) in readable.iter().enumerate() {
        if let Some(before) = first.get(key.spki()) {
            if let Some((other, before, _)) = readable.get(*before)
                && !before.subject().matches(certificate.subject())
            {
                pair(&mut found, SHARED, (*place, certificate), (*other, before));
            }
            continue;
        }
        first.insert(key.spki(), at);
        keys.push((*place, *certificate, *key));
    }
    let all: Vec<&PublicKey> = keys.iter().map(|(_, _, key)| *key).collect();
    for (a, b) in shared_factors(&all)? {
        if let (Some((a, first, _)), Some((b, second, _))) = (keys.get(a), keys.get(b)) {
            pair(&mut found, SHARED_FACTOR, (*a, first), (*b, second));
        }
    }
    for (place, _, key) in keys {
        let hits = weaknesses(key).into_iter().filter_map(hit);
        found.extend(hits.map(|hit| KeyHit {
            place,
            other: None,
            hit,
        }));
    }
    found.sort_by_key(|f| f.place);
    Ok(found)
}

/// Tells each of two certificates of the other.
fn pair(
    found: &mut Vec<KeyHit>,
    rule: Rule,
    (a, first): (usize, &Certificate),
    (b, second): (usize, &Certificate),
) {
    for (place, other, certificate) in [(a, b, second), (b, a, first)] {
        let facts = vec![
            ("other_serial", Fact::from(certificate.serial().to_string())),
            (
                "other_subject",
                Fact::from(certificate.subject().to_string()),
            ),
        ];
        found.push(KeyHit {
            place,
            other: Some(other),
            hit: Hit { rule, facts },
        });
    }
}

fn hit(weakness: Weakness) -> Option<Hit> {
    let (rule, facts) = match weakness {
        Weakness::ClosePrimes { round } => {
            (CLOSE_PRIMES, vec![("round", Fact::from(u64::from(round)))])
        }
        Weakness::NotTwoPrimes => (NOT_TWO_PRIMES, Vec::new()),
        Weakness::PointNotOnCurve => (POINT_NOT_ON_CURVE, Vec::new()),
        Weakness::Roca => (ROCA, Vec::new()),
        Weakness::SmallExponent { .. } => return None,
        Weakness::SmallFactor { factor } => (
            SMALL_FACTOR,
            vec![("factor", Fact::from(u64::from(factor)))],
        ),
        Weakness::SmallOrder => (SMALL_ORDER, Vec::new()),
    };
    Some(Hit { rule, facts })
}
