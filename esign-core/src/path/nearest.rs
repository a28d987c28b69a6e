use super::PathInputs;
use super::search::name_of;
use crate::report::{Finding, SubIndication};
use crate::x509::{Certificate, Name};

/// Most certificates that are compared.
const MAX_COMPARED: usize = 1000;
/// Most anchors that are named.
const MAX_NAMED: usize = 3;

/// What comes nearest to an issuer that was not found: a certificate with the key that is asked
/// for under another name, or else the one whose name has most in common with the wanted one.
/// Where there is nothing alike, whom one trusts.
pub(super) fn nearest(child: &Certificate, inputs: &PathInputs<'_>) -> Option<Finding> {
    let sub = SubIndication::NoCertificateChainFound;
    let finding = || {
        Finding::indeterminate("path.issuer-name", "RFC 5280 6.1.3 (a)(4)", sub)
            .with("issuer", child.issuer().to_string())
    };
    let wanted = child.authority_key_identifier().ok().flatten();
    let wanted = wanted.and_then(|a| a.key_identifier);
    let anchors = inputs.anchors.certificates();
    let all = || {
        let others = inputs.evidence.certificates();
        anchors
            .iter()
            .chain(others)
            .take(MAX_COMPARED)
            .filter(|c| *c != child)
    };
    let same_key = wanted.as_deref().and_then(|wanted| {
        all().find(|c| c.subject_key_identifier().ok().flatten() == Some(wanted))
    });
    if let Some(c) = same_key {
        return Some(
            finding()
                .of(name_of(c))
                .with("subject", c.subject().to_string())
                .with("same_key_identifier", true),
        );
    }
    let alike = all()
        .map(|c| (in_common(child.issuer(), c.subject()), c))
        .filter(|(n, _)| *n > 1)
        .max_by_key(|(n, _)| *n);
    if let Some((_, c)) = alike {
        return Some(
            finding()
                .of(name_of(c))
                .with("subject", c.subject().to_string())
                .with("same_key_identifier", false),
        );
    }
    let trusted = anchors.iter().take(MAX_NAMED);
    Some(finding().with(
        "trusted",
        trusted.map(|c| c.subject().to_string()).collect::<Vec<_>>(),
    ))
}

/// How many attributes both names have with the same value.
fn in_common(a: &Name, b: &Name) -> usize {
    let other: Vec<_> = b.attributes().take(32).collect();
    a.attributes()
        .take(32)
        .filter(|x| other.iter().any(|y| x.oid == y.oid && x.text() == y.text()))
        .count()
}
