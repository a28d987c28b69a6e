use super::{MAX_CANDIDATES, MAX_NAME_COMPARISONS, MAX_NESTED, MAX_PATH_LEN, MAX_POLICY_STEPS};
use super::{MAX_SIGNATURES, PathInputs};
use crate::keys::{KeyAlgorithm, PublicKey};
use crate::report::{Finding, SubIndication};
use crate::x509::Certificate;

/// What one search may still spend, the searches nested in it included, and what it has learned.
pub(super) struct Budget {
    signatures: usize,
    candidates: usize,
    name_comparisons: usize,
    policy_steps: usize,
    /// Signature checks done, [`MAX_SIGNATURES`] at most: the digest of what is signed with its
    /// signature, and by which key.
    known: Vec<([u8; 32], PublicKey, bool)>,
    /// Whether the values of what holds are wanted.
    reports: bool,
    /// Certificates whose paths are being searched, outermost first.
    pub(super) open: Vec<Certificate>,
    /// Which limit was reached first.
    exhausted: Option<Limit>,
}

/// A limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    Candidates,
    /// So many revocation lists were forged that not all were looked at.
    Forged,
    NameComparisons,
    Nesting,
    PathLength,
    PolicySteps,
    Signatures,
}

impl Budget {
    pub(super) fn new(reports: bool) -> Self {
        Self {
            signatures: MAX_SIGNATURES,
            candidates: MAX_CANDIDATES,
            name_comparisons: MAX_NAME_COMPARISONS,
            policy_steps: MAX_POLICY_STEPS,
            known: Vec::new(),
            reports,
            open: Vec::new(),
            exhausted: None,
        }
    }

    /// Whether `key` verifies the object with this digest; `None` where the budget is spent.
    pub(super) fn verify(
        &mut self,
        object: [u8; 32],
        key: &PublicKey,
        verify: impl FnOnce() -> bool,
    ) -> Option<bool> {
        // The encoding of a DSA key does not tell which parameters it has inherited.
        let named = !matches!(key.algorithm(), KeyAlgorithm::Dsa { .. });
        let mut known = self.known.iter().filter(|_| named);
        if let Some((_, _, holds)) = known.find(|(o, k, _)| *o == object && k == key) {
            return Some(*holds);
        }
        self.signature().ok()?;
        let holds = verify();
        self.known.push((object, key.clone(), holds));
        Some(holds)
    }

    /// Whether the values of what holds are wanted, or the verdict alone.
    pub(super) fn reports(&self) -> bool {
        self.reports
    }

    /// Pays for one signature check.
    pub(super) fn signature(&mut self) -> Result<(), Limit> {
        spend(
            &mut self.signatures,
            1,
            Limit::Signatures,
            &mut self.exhausted,
        )
    }

    /// How many signature checks may still be done.
    pub(super) fn signatures_left(&self) -> usize {
        self.signatures
    }

    /// Pays for one candidate.
    pub(super) fn candidate(&mut self) -> Result<(), Limit> {
        spend(
            &mut self.candidates,
            1,
            Limit::Candidates,
            &mut self.exhausted,
        )
    }

    /// Pays for comparing a name with a constraint, `octets` of it at most.
    pub(super) fn comparison(&mut self, octets: usize) -> Result<(), Limit> {
        // Names of usual length cost one; a long one costs what it takes.
        let cost = (octets >> 6).saturating_add(1);
        spend(
            &mut self.name_comparisons,
            cost,
            Limit::NameComparisons,
            &mut self.exhausted,
        )
    }

    /// Pays for nodes and edges of the policy graph.
    pub(super) fn policy(&mut self, steps: usize) -> Result<(), Limit> {
        spend(
            &mut self.policy_steps,
            steps,
            Limit::PolicySteps,
            &mut self.exhausted,
        )
    }

    /// Notes a limit that is kept elsewhere.
    pub(super) fn reached(&mut self, limit: Limit) {
        self.exhausted = self.exhausted.or(Some(limit));
    }

    /// Which limit was reached first.
    pub(super) fn exhausted(&self) -> Option<Limit> {
        self.exhausted
    }
}

fn spend(
    left: &mut usize,
    cost: usize,
    limit: Limit,
    exhausted: &mut Option<Limit>,
) -> Result<(), Limit> {
    match left.checked_sub(cost) {
        Some(rest) => {
            *left = rest;
            Ok(())
        }
        None => {
            *left = 0;
            *exhausted = exhausted.or(Some(limit));
            Err(limit)
        }
    }
}

impl Limit {
    /// The finding that says that a search ended here.
    pub(super) fn finding(self, inputs: &PathInputs<'_>) -> Finding {
        let (what, limit) = match self {
            Self::Candidates => ("candidates", MAX_CANDIDATES),
            Self::Forged => ("checks of forged lists", MAX_SIGNATURES / 2),
            Self::NameComparisons => ("name comparisons", MAX_NAME_COMPARISONS),
            Self::Nesting => ("nested paths", MAX_NESTED),
            Self::PathLength => ("path length", MAX_PATH_LEN),
            Self::PolicySteps => ("policy steps", MAX_POLICY_STEPS),
            Self::Signatures => ("signatures", MAX_SIGNATURES),
        };
        let sub = SubIndication::NoCertificateChainFound;
        Finding::indeterminate("path.budget", "RFC 4158 3.5", sub)
            .with("exhausted", what)
            .with("limit", limit)
            .with("at", inputs.at)
    }
}
