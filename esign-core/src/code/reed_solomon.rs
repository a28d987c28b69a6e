//! The check symbols: a Reed-Solomon code over GF(31).
//!
//! The word is `v·x^20 + d0·x^19 + … + d15·x^4 + p(x)`, divisible by the product of `x − 3^l` for
//! l from 1 to 4: its distance is 5 over all 21 symbols, the unprinted version included.

use super::{DATA, Q, SYMBOLS};

/// `x^4 + 4x^3 + 7x^2 + 11x + 25`, the leading coefficient left out.
const GENERATOR: [u8; 4] = [4, 7, 11, 25];
/// 3^1 to 3^4.
const ROOTS: [u8; 4] = [3, 9, 27, 19];

/// The four check symbols of a version and its digits.
pub(super) fn check_symbols(version: u8, data: &[u8; DATA]) -> [u8; 4] {
    let mut rest = [0u8; 4];
    for digit in core::iter::once(&version).chain(data) {
        // Divide by the generator: bring down the digit, take away its multiple.
        let [a, b, c, d] = rest;
        let lead = (digit + a) % Q;
        let minus = |value: u8, factor: u8| {
            let product = u16::from(lead) * u16::from(factor) % u16::from(Q);
            let difference = (u16::from(value) + u16::from(Q) - product) % u16::from(Q);
            u8::try_from(difference).unwrap_or(0)
        };
        let [g3, g2, g1, g0] = GENERATOR;
        rest = [minus(b, g3), minus(c, g2), minus(d, g1), minus(0, g0)];
    }
    // The register holds −p; the word needs p.
    rest.map(|r| (Q - r) % Q)
}

/// Values of the word at the four roots: all zero for a code word.
fn syndromes(version: u8, symbols: &[u8; SYMBOLS]) -> [u8; 4] {
    ROOTS.map(|root| {
        let sum = core::iter::once(&version)
            .chain(symbols)
            .fold(0u16, |sum, s| {
                (sum * u16::from(root) + u16::from(*s)) % u16::from(Q)
            });
        u8::try_from(sum).unwrap_or(0)
    })
}

/// Whether the symbols are a code word of this version.
pub(super) fn agrees(version: u8, symbols: &[u8; SYMBOLS]) -> bool {
    syndromes(version, symbols) == [0; 4]
}

/// The place of the one symbol whose change makes a code word, if there is one.
pub(super) fn one_wrong(version: u8, symbols: &[u8; SYMBOLS]) -> Option<usize> {
    (0..SYMBOLS).find(|at| {
        (1..Q).any(|change| {
            let mut other = *symbols;
            if let Some(s) = other.get_mut(*at) {
                *s = (*s + change) % Q;
            }
            agrees(version, &other)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn power(base: u32, exponent: u32) -> u32 {
        (0..exponent).fold(1, |p, _| p * base % 31)
    }

    /// Determinant over GF(31) by elimination.
    fn determinant(mut m: [[u32; 4]; 4]) -> u32 {
        let mut det = 1;
        for i in 0..4 {
            let Some(pivot) = (i..4).find(|&r| m[r][i] != 0) else {
                return 0;
            };
            if pivot != i {
                m.swap(i, pivot);
                det = (31 - det) % 31;
            }
            det = det * m[i][i] % 31;
            let inverse = power(m[i][i], 29);
            for r in i + 1..4 {
                let factor = m[r][i] * inverse % 31;
                let pivot_row = m[i];
                for (value, above) in m[r].iter_mut().zip(pivot_row).skip(i) {
                    *value = (*value + 31 * 31 - factor * above % 31) % 31;
                }
            }
        }
        det
    }

    /// Any four columns of the check matrix are independent, the version's among them: every error
    /// on up to four of the 21 symbols gives another syndrome than zero. So four wrong printed
    /// symbols are found against a known version, and three never lead to another version.
    #[test]
    fn every_minor_of_four_columns_is_nonzero() {
        let column = |i: u32| [1, 2, 3, 4].map(|l| power(power(3, l), 20 - i));
        let mut count = 0;
        for a in 0..21 {
            for b in a + 1..21 {
                for c in b + 1..21 {
                    for d in c + 1..21 {
                        let m = [column(a), column(b), column(c), column(d)];
                        assert_ne!(determinant(m), 0, "columns {a} {b} {c} {d}");
                        count += 1;
                    }
                }
            }
        }
        assert_eq!(count, 5985);
    }

    /// An exchange of two different groups is an error e on one and −e on the other: it goes
    /// unseen only if e is in the kernel of H_a − H_b, whose determinant is never zero.
    #[test]
    fn every_exchange_of_two_groups_is_found() {
        let column = |i: u32| [1, 2, 3, 4].map(|l| power(power(3, l), 19 - i));
        let mut count = 0;
        for a in 0..5u32 {
            for b in a + 1..5 {
                let m: [[u32; 4]; 4] = core::array::from_fn(|i| {
                    let i = u32::try_from(i).unwrap();
                    let (x, y) = (column(a * 4 + i), column(b * 4 + i));
                    core::array::from_fn(|l| (x[l] + 31 - y[l]) % 31)
                });
                assert_ne!(determinant(m), 0, "groups {a} and {b}");
                count += 1;
            }
        }
        assert_eq!(count, 10);
    }

    #[test]
    fn the_roots_are_the_generators() {
        for root in ROOTS {
            let value = core::iter::once(&1)
                .chain(&GENERATOR)
                .fold(0u32, |v, g| (v * u32::from(root) + u32::from(*g)) % 31);
            assert_eq!(value, 0);
        }
    }
}
