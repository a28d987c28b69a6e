mod batch;
mod building;
pub(in crate::path) mod made;
mod names;
mod ocsp;
mod oracle;
mod policies;
mod rules;

use super::{PathInputs, VerifiedPath, build_path, find_path};
use crate::report::{Finding, Judged};
use crate::x509::Certificate;

/// Judges with and without report, which must agree.
fn judge(leaf: &Certificate, inputs: &PathInputs<'_>) -> Judged<VerifiedPath> {
    let judged = build_path(leaf, inputs);
    let alone = find_path(leaf, inputs);
    assert_eq!(
        alone.map(|p| (p.chain().to_vec(), p.policies().clone())),
        judged
            .value
            .as_ref()
            .map(|p| (p.chain().to_vec(), p.policies().clone()))
    );
    judged
}

/// The finding that decided, as rule and facts.
fn decisive(judged: &Judged<VerifiedPath>) -> String {
    Finding::decisive(&judged.report).map_or_else(
        || "passed".to_owned(),
        |f| {
            let facts: Vec<String> = f
                .because
                .iter()
                .map(|(name, fact)| format!("{name} {}", serde_json::to_string(fact).unwrap()))
                .collect();
            format!("{}: {}", f.rule, facts.join(", "))
        },
    )
}
