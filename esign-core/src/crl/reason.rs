use core::fmt;
use core::ops::{BitAnd, BitOr, Not};

/// Why a certificate was revoked (RFC 5280 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    missing_docs,
    reason = "the names are the standard's and are defined there"
)]
pub enum RevocationReason {
    Unspecified,
    KeyCompromise,
    CaCompromise,
    AffiliationChanged,
    Superseded,
    CessationOfOperation,
    CertificateHold,
    RemoveFromCrl,
    PrivilegeWithdrawn,
    AaCompromise,
}

impl RevocationReason {
    /// Every reason with its number in `CRLReason`.
    pub const ALL: [(Self, u8); 10] = [
        (Self::Unspecified, 0),
        (Self::KeyCompromise, 1),
        (Self::CaCompromise, 2),
        (Self::AffiliationChanged, 3),
        (Self::Superseded, 4),
        (Self::CessationOfOperation, 5),
        (Self::CertificateHold, 6),
        (Self::RemoveFromCrl, 8),
        (Self::PrivilegeWithdrawn, 9),
        (Self::AaCompromise, 10),
    ];

    /// The number in `CRLReason`.
    pub fn number(self) -> u8 {
        Self::ALL
            .iter()
            .find(|(r, _)| *r == self)
            .map_or(0, |(_, n)| *n)
    }

    /// The reason of a number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, n)| *n == number)
            .map(|(r, _)| *r)
    }

    /// The name in the syntax.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::RemoveFromCrl => "removeFromCRL",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }

    /// Whether nothing takes it back: neither a hold nor its lifting.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::CertificateHold | Self::RemoveFromCrl)
    }
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of reasons (RFC 5280 4.2.1.13, `ReasonFlags`): bit 0 of the syntax in bit 0.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct ReasonFlags(pub u16);

impl ReasonFlags {
    /// Every reason that a set can name; bit 0 is unused.
    pub const ALL: Self = Self(0b1_1111_1110);

    /// The names of the syntax, bit 1 first.
    const NAMES: [&'static str; 8] = [
        "keyCompromise",
        "cACompromise",
        "affiliationChanged",
        "superseded",
        "cessationOfOperation",
        "certificateHold",
        "privilegeWithdrawn",
        "aACompromise",
    ];

    /// The set of one reason; empty for the two that no set can name.
    pub fn of(reason: RevocationReason) -> Self {
        let at = Self::NAMES.iter().position(|n| *n == reason.name());
        Self(at.map_or(0, |i| 1 << (i + 1)))
    }

    /// Whether all of `other` is in it.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether nothing is in it.
    pub fn is_empty(self) -> bool {
        self.0 & Self::ALL.0 == 0
    }

    /// The names of what is in it.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .enumerate()
            .filter(move |(i, _)| self.0 >> (i + 1) & 1 == 1)
            .map(|(_, n)| n)
    }
}

impl BitAnd for ReasonFlags {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for ReasonFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What is not in it, of what a set can name.
impl Not for ReasonFlags {
    type Output = Self;

    fn not(self) -> Self {
        Self(!self.0 & Self::ALL.0)
    }
}

impl fmt::Debug for ReasonFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_those_of_the_syntax() {
        // RFC 5280 4.2.1.13: keyCompromise (1), certificateHold (6), aACompromise (8).
        for (reason, bit) in [
            (RevocationReason::KeyCompromise, 1),
            (RevocationReason::CertificateHold, 6),
            (RevocationReason::PrivilegeWithdrawn, 7),
            (RevocationReason::AaCompromise, 8),
        ] {
            assert_eq!(ReasonFlags::of(reason), ReasonFlags(1 << bit), "{reason}");
        }
        assert!(ReasonFlags::of(RevocationReason::Unspecified).is_empty());
        assert!(ReasonFlags::of(RevocationReason::RemoveFromCrl).is_empty());
        let all = RevocationReason::ALL
            .iter()
            .fold(ReasonFlags::default(), |f, (r, _)| f | ReasonFlags::of(*r));
        assert_eq!(all, ReasonFlags::ALL);
        assert!((!all).is_empty());
    }
}
