use crate::report::{Finding, RuleId, SubIndication};

/// Where the rules write what they found for one certificate. What holds is written only where a
/// report is wanted, so that a verdict alone costs no text.
pub(super) struct Record {
    full: bool,
    findings: Vec<Finding>,
}

impl Record {
    pub(super) fn new(full: bool) -> Self {
        Self {
            full,
            findings: Vec::new(),
        }
    }

    /// A rule holds; `facts` adds the values.
    pub(super) fn passed(
        &mut self,
        rule: RuleId,
        clause: &'static str,
        facts: impl FnOnce(Finding) -> Finding,
    ) {
        if self.full {
            self.findings.push(facts(Finding::passed(rule, clause)));
        }
    }

    /// Something that does not hold, or that is to be told in any case.
    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }
}

/// A rule of the path that does not hold.
pub(super) fn broken(rule: RuleId, clause: &'static str) -> Finding {
    Finding::indeterminate(rule, clause, SubIndication::ChainConstraintsFailure)
}
