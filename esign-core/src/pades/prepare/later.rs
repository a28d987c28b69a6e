//! What stands in the file behind a signed revision, and whether the signature bears it.

use std::collections::HashSet;
use std::ops::Range;

use super::found::Found;
use crate::pades::changes::{self, Change, Memory};
use crate::pdf::{Document, PdfError};
use crate::report::{Finding, SubIndication};
use crate::validation::{ChangeKind, Coverage, RevisionChange};

/// Things that are named for one kind of later change.
const MAX_TOUCHED: usize = 20;

/// What came after the first signed revision.
pub(super) struct Later {
    /// By index of the revision; `None` up to the first signed one.
    revisions: Vec<Option<Revision>>,
    /// The octets after the last revision, unless they are white space.
    rest: Option<Range<u64>>,
    /// Length of the file.
    file: u64,
    /// The certifying signature's revision, and what it allows.
    certified: Option<(usize, u8)>,
}

/// One later revision.
struct Revision {
    change: Change,
    /// The first octets of its part of the file that are none of its objects.
    unclaimed: Option<Range<u64>>,
}

impl Later {
    /// Judges every revision after the first signed one, once for all signatures.
    pub(super) fn read(
        document: &Document<'_>,
        found: &[Found],
        certified: Option<(usize, u8)>,
    ) -> Result<Self, PdfError> {
        let first = found.iter().filter_map(|f| f.revision).min();
        let count = document.revisions().len();
        let mut later = Self {
            revisions: (0..count).map(|_| None).collect(),
            rest: document.unclaimed_rest()?,
            file: document.len(),
            certified,
        };
        let mut memory = Memory::new();
        let from = first.map_or(count, |f| f.saturating_add(1));
        for (revision, slot) in later.revisions.iter_mut().enumerate().skip(from) {
            let before = revision.checked_sub(1).and_then(|r| document.at(r));
            let (Some(before), Some(after)) = (before, document.at(revision)) else {
                continue;
            };
            let changes = document.changes(revision);
            let written: HashSet<u32> = changes.iter().map(|c| c.number).collect();
            *slot = Some(Revision {
                change: changes::judge(before, after, &written, &mut memory)?,
                unclaimed: document.unclaimed(revision)?,
            });
        }
        Ok(later)
    }

    /// The changes after a revision, each with the index of the revision that made it.
    fn after(&self, revision: usize) -> impl Iterator<Item = (usize, &Change)> {
        self.revisions
            .iter()
            .enumerate()
            .skip(revision.saturating_add(1))
            .filter_map(|(r, later)| later.as_ref().map(|l| (r, &l.change)))
    }

    /// The first octets behind the range of a signature that belong to no revision.
    fn unsigned(&self, revision: usize, end: u64) -> Option<Range<u64>> {
        let between = self
            .revisions
            .iter()
            .skip(revision.saturating_add(1))
            .flatten()
            .find_map(|l| l.unclaimed.clone());
        // A range that goes to the file's end signs what stands there.
        let rest = self.rest.clone().filter(|_| end < self.file);
        between.or(rest)
    }
}

impl Found {
    /// What the signature covers; adds the findings on what it does not.
    pub(super) fn coverage(&mut self, later: &Later) -> Coverage {
        let (Some(revision), Some(range)) = (self.revision, self.range) else {
            return Coverage::Partial;
        };
        self.judge_changes(later, revision);
        if let Some(octets) = later.unsigned(revision, range.end) {
            // Nothing says what they are: a reader that searches a file for objects finds some
            // there, and a later change of `startxref` makes them a revision.
            self.findings.push(
                Finding::failed(
                    "pdf.unsigned-octets",
                    "rules 53 and 54; ISO 32000-2 7.5.6, 12.8.1",
                    SubIndication::FormatFailure,
                )
                .with("start", octets.start)
                .with("end", octets.end),
            );
            return Coverage::Partial;
        }
        // One entry for each kind of change: a document with hundreds of signatures would
        // otherwise be told of hundreds of times over.
        let mut list: Vec<RevisionChange> = Vec::new();
        for (r, change) in later.after(revision) {
            match list.iter_mut().find(|l| l.kind == change.kind) {
                Some(entry) => {
                    let room = MAX_TOUCHED.saturating_sub(entry.touched.len());
                    entry
                        .touched
                        .extend(change.touched.iter().take(room).cloned());
                }
                None => list.push(RevisionChange {
                    revision: r.saturating_add(1),
                    kind: change.kind,
                    touched: change.touched.iter().take(MAX_TOUCHED).cloned().collect(),
                }),
            }
        }
        let revisions = later.revisions.len();
        if revisions == 1 && list.is_empty() {
            return Coverage::Whole;
        }
        Coverage::Revision {
            revision: revision.saturating_add(1),
            revisions,
            later: list,
        }
    }

    /// Rules 56 and 57: what came later, against what this signature and the certifying one allow.
    ///
    /// The first revision that does what is not allowed is told with how many do: one finding for
    /// each would be as many as there are signatures times revisions.
    fn judge_changes(&mut self, later: &Later, revision: usize) {
        const CLAUSE: &str = "rules 56 and 57; ISO 32000-2 12.8.2.2";
        let own = self.restriction.permission;
        let (mut forbidden, mut undefined, mut locked) = (None, None, None);
        for (r, change) in later.after(revision) {
            let of_document = later.certified.filter(|(since, _)| *since < r);
            let permission = [own, of_document.map(|(_, p)| p)]
                .into_iter()
                .flatten()
                .min();
            let allowed = match permission {
                // Validation data and document time-stamps are allowed even then.
                Some(1) => ChangeKind::ValidationData,
                Some(2) => ChangeKind::FormFilling,
                _ => ChangeKind::Annotations,
            };
            if change.kind > allowed {
                let first = match permission {
                    Some(p) => forbidden.get_or_insert((r, change, u64::from(p), 0u64)),
                    // Nobody forbade it; but what a reader shows now is not what was signed.
                    None => undefined.get_or_insert((r, change, 0, 0)),
                };
                first.3 = first.3.saturating_add(1);
            }
            if locked.is_none() {
                locked = self.locked_by(change).map(|fields| (r, fields));
            }
        }
        let told = |finding: Finding, (r, change, _, count): (usize, &Change, u64, u64)| {
            let finding = finding
                .of(format!("revision {}", r.saturating_add(1)))
                .with("changed", change.kind.name())
                .with("touched", change.touched.clone());
            if count > 1 {
                finding.with("revisions", count)
            } else {
                finding
            }
        };
        if let Some(first) = forbidden {
            let sub = SubIndication::FormatFailure;
            let finding = Finding::failed("pdf.changes.permitted", CLAUSE, sub);
            self.findings
                .push(told(finding, first).with("permission", first.2));
        }
        if let Some(first) = undefined {
            let sub = SubIndication::SigConstraintsFailure;
            let finding = Finding::indeterminate("pdf.changes.undefined", CLAUSE, sub);
            self.findings.push(told(finding, first));
        }
        if let Some((r, fields)) = locked {
            self.findings.push(
                Finding::failed(
                    "pdf.field-lock",
                    "rule 57; ISO 32000-2 12.8.2.4",
                    SubIndication::FormatFailure,
                )
                .of(format!("revision {}", r.saturating_add(1)))
                .with("fields", fields),
            );
        }
    }

    /// The fields that a revision changed though the signature locks them.
    fn locked_by(&self, change: &Change) -> Option<Vec<String>> {
        let locks = &self.restriction.locked;
        if locks.is_empty() {
            return None;
        }
        if change.shared_look {
            return Some(vec!["look of several fields".to_owned()]);
        }
        let covered = |f: &&String| locks.iter().any(|s| s.covers(f));
        let fields: Vec<String> = change.fields.iter().filter(covered).cloned().collect();
        (!fields.is_empty()).then_some(fields)
    }
}
