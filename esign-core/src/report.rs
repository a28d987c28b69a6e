//! Findings and verdicts: what was checked, what came out, and the values that were compared.
//!
//! Nothing here is text for people: a [`Finding`] carries a stable rule id and typed facts, from
//! which the command makes sentences in any language.
//!
//! # Source
//! ETSI EN 319 102-1 V1.4.1 clause 5.1 (indications and sub-indications).

use std::borrow::Cow;

use serde::Serialize;

use crate::time::UnixTime;

/// Outcome of one rule or of a whole process. Ordered from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub enum Indication {
    /// Everything that was asked holds.
    Passed,
    /// What is there does not suffice for an answer.
    Indeterminate,
    /// The answer is no.
    Failed,
}

impl Indication {
    /// Spelling for a whole signature: `TOTAL-PASSED`, `INDETERMINATE`, `TOTAL-FAILED`.
    pub fn total(self) -> &'static str {
        match self {
            Self::Passed => "TOTAL-PASSED",
            Self::Indeterminate => "INDETERMINATE",
            Self::Failed => "TOTAL-FAILED",
        }
    }
}

/// Sub-indication of a negative or open outcome, in the order and spelling of the standard.
///
/// # Source
/// EN 319 102-1 table 5 and table 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(
    missing_docs,
    reason = "the names are the standard's and are defined there"
)]
pub enum SubIndication {
    FormatFailure,
    HashFailure,
    SigCryptoFailure,
    Revoked,
    Expired,
    NotYetValid,
    SigConstraintsFailure,
    ChainConstraintsFailure,
    CertificateChainGeneralFailure,
    CryptoConstraintsFailure,
    PolicyProcessingError,
    SignaturePolicyNotAvailable,
    TimestampOrderFailure,
    NoSigningCertificateFound,
    NoCertificateChainFound,
    RevokedNoPoe,
    RevokedCaNoPoe,
    OutOfBoundsNotRevoked,
    OutOfBoundsNoPoe,
    CryptoConstraintsFailureNoPoe,
    NoPoe,
    TryLater,
    SignedDataNotFound,
    Custom,
}

/// Stable name of a rule, lower case with dots: `pdf.byte-range.covers-revision`.
pub type RuleId = &'static str;

/// One compared or reported value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Fact {
    /// An instant.
    Time(UnixTime),
    /// A count, an offset, a length.
    Number(i64),
    /// Yes or no.
    Flag(bool),
    /// A name, an identifier, octets in hexadecimal.
    Text(String),
    /// Several values.
    List(Vec<Fact>),
}

/// Named values, in the order in which they are to be told.
pub type Facts = Vec<(&'static str, Fact)>;

/// What one rule said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which rule.
    pub rule: RuleId,
    /// Where the rule comes from: standard and clause, or the rule's number.
    pub clause: &'static str,
    /// What came out.
    pub outcome: Indication,
    /// The standard's name for the outcome, where it is not a pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_indication: Option<SubIndication>,
    /// What it speaks of: "signature Signature1", "certificate 3fa2…", "object 12 0".
    #[serde(skip_serializing_if = "str::is_empty")]
    pub object: Cow<'static, str>,
    /// The compared values.
    #[serde(serialize_with = "as_map", skip_serializing_if = "Vec::is_empty")]
    pub because: Facts,
    /// Whether it is a remark that does not weigh: a tolerated deviation, a hint.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub remark: bool,
    /// What this finding rests on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Finding>,
}

impl Finding {
    /// A rule that holds.
    pub fn passed(rule: RuleId, clause: &'static str) -> Self {
        Self {
            rule,
            clause,
            outcome: Indication::Passed,
            sub_indication: None,
            object: Cow::Borrowed(""),
            because: Vec::new(),
            remark: false,
            children: Vec::new(),
        }
    }

    /// A rule that is broken.
    pub fn failed(rule: RuleId, clause: &'static str, sub: SubIndication) -> Self {
        Self {
            outcome: Indication::Failed,
            sub_indication: Some(sub),
            ..Self::passed(rule, clause)
        }
    }

    /// A rule that cannot be decided from what is there.
    pub fn indeterminate(rule: RuleId, clause: &'static str, sub: SubIndication) -> Self {
        Self {
            outcome: Indication::Indeterminate,
            sub_indication: Some(sub),
            ..Self::passed(rule, clause)
        }
    }

    /// Something to be told that does not weigh, such as a tolerated deviation.
    pub fn remark(rule: RuleId, clause: &'static str) -> Self {
        Self {
            remark: true,
            ..Self::passed(rule, clause)
        }
    }

    /// Says what it speaks of.
    #[must_use]
    pub fn of(mut self, object: impl Into<Cow<'static, str>>) -> Self {
        self.object = object.into();
        self
    }

    /// Adds a compared value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Fact>) -> Self {
        self.because.push((name, value.into()));
        self
    }

    /// The worst outcome among `findings`; passed where there are none.
    pub fn worst(findings: &[Self]) -> Indication {
        findings
            .iter()
            .map(|f| f.outcome)
            .max()
            .unwrap_or(Indication::Passed)
    }

    /// The first of the worst findings that is not a pass, followed down to the leaf that decided.
    pub fn decisive(findings: &[Self]) -> Option<&Self> {
        let worst = Self::worst(findings);
        if worst == Indication::Passed {
            return None;
        }
        let found = findings.iter().find(|f| f.outcome == worst)?;
        Some(
            Self::decisive(&found.children)
                .filter(|c| c.outcome == worst)
                .unwrap_or(found),
        )
    }
}

/// A value that was judged: there only where nothing spoke against it, with what was found on the
/// way in either case.
#[derive(Clone, Debug)]
pub struct Judged<T> {
    /// The value, where the judgement is a pass.
    pub value: Option<T>,
    /// Every rule that was run.
    pub report: Vec<Finding>,
}

fn as_map<S: serde::Serializer>(facts: &Facts, s: S) -> Result<S::Ok, S::Error> {
    s.collect_map(facts.iter().map(|(k, v)| (k, v)))
}

impl From<UnixTime> for Fact {
    fn from(value: UnixTime) -> Self {
        Self::Time(value)
    }
}

impl From<bool> for Fact {
    fn from(value: bool) -> Self {
        Self::Flag(value)
    }
}

impl From<&str> for Fact {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Fact {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<u64> for Fact {
    fn from(value: u64) -> Self {
        Self::Number(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Fact {
    fn from(value: usize) -> Self {
        Self::Number(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<Vec<String>> for Fact {
    fn from(value: Vec<String>) -> Self {
        Self::List(value.into_iter().map(Self::Text).collect())
    }
}
