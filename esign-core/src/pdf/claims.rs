//! Which octets of the file belong to a revision, and which members an object stream has.

use std::collections::HashMap;
use std::ops::Range;

use super::lexer::is_space;
use super::limits::MAX_OBJECT_BYTES;
use super::xref::{EntryKind, Revision};
use super::{Document, Location, PdfError, PdfErrorKind, View};

/// Octets looked at together in a run of white space.
const BLOCK: u64 = 65_536;

impl Document<'_> {
    /// The first octets of a revision's part of the file that are none of its objects and sections:
    /// neither white space nor a comment. `None` where there are none, and for the oldest revision.
    ///
    /// Readers that rebuild a file by searching it for objects find what stands there.
    pub(crate) fn unclaimed(&self, revision: usize) -> Result<Option<Range<u64>>, PdfError> {
        let before = revision.checked_sub(1).and_then(|r| self.revisions.get(r));
        let (Some(before), Some(this), Some(view)) =
            (before, self.revisions.get(revision), self.at(revision))
        else {
            return Ok(None);
        };
        let (from, to) = (self.tail(before), self.tail(this));
        if to < from {
            // It lies before what it continues.
            return Ok(Some(to..from));
        }
        let sections = self.sections.get(this.sections.clone()).unwrap_or_default();
        let last = sections.iter().map(|s| s.end).max().unwrap_or(to);
        let mut known: Vec<Range<u64>> = sections.iter().map(|s| s.at..s.end).collect();
        known.push(last..to);
        known.retain(|r| r.start >= from);
        known.sort_by_key(|r| r.start);
        let mut offsets: Vec<u64> = sections
            .iter()
            .flat_map(|s| &s.entries)
            .filter(|e| e.kind == EntryKind::InFile && (from..to).contains(&e.value))
            .map(|e| e.value)
            .collect();
        offsets.sort_unstable();
        offsets.dedup();
        let mut at = from;
        let mut known = known.into_iter().peekable();
        for offset in offsets {
            while let Some(range) = known.next_if(|r| r.start <= offset) {
                if let Some(gap) = self.gap(at, range.start)? {
                    return Ok(Some(gap));
                }
                at = at.max(range.end);
            }
            // Inside what was claimed already; so no octet is read twice.
            if offset < at {
                continue;
            }
            if let Some(gap) = self.gap(at, offset)? {
                return Ok(Some(gap));
            }
            at = match self.load_at(view, offset, None) {
                Ok(loaded) => at.max(loaded.end),
                // An entry that leads to no object claims nothing.
                Err(e) if e.kind() == PdfErrorKind::Broken => return Ok(Some(offset..to)),
                Err(e) => return Err(e),
            };
        }
        for range in known {
            if let Some(gap) = self.gap(at, range.start)? {
                return Ok(Some(gap));
            }
            at = at.max(range.end);
        }
        Ok(None)
    }

    /// The octets after the last revision, unless they are white space.
    pub(crate) fn unclaimed_rest(&self) -> Result<Option<Range<u64>>, PdfError> {
        let mut at = self.revisions.last().map_or(0, |r| self.tail(r));
        while at < self.len {
            let block = self.fetch(at, BLOCK)?;
            if let Some(i) = block.iter().position(|&b| !is_space(b)) {
                let at = at.saturating_add(u64::try_from(i).unwrap_or(u64::MAX));
                return Ok(Some(at..self.len));
            }
            at = at.saturating_add(BLOCK);
        }
        Ok(None)
    }

    /// Where a revision ends: after its marker, or after its last section where it has none.
    fn tail(&self, revision: &Revision) -> u64 {
        let sections = self.sections.get(revision.sections.clone());
        let last = sections.unwrap_or_default().iter().map(|s| s.end).max();
        revision.end.or(last).unwrap_or(self.len)
    }

    /// What stands from `from` to `to`, if it is more than white space and comments.
    fn gap(&self, from: u64, to: u64) -> Result<Option<Range<u64>>, PdfError> {
        if from >= to {
            return Ok(None);
        }
        let skipped = self.parse_at(from, None, |lexer| {
            lexer.skip_space()?;
            Ok(lexer.at())
        });
        match skipped {
            Ok(end) if end >= to => {
                let octets = self.fetch(from, to.saturating_sub(from).min(MAX_OBJECT_BYTES))?;
                // To a reader that searches, these are no comments.
                let marker = |w: &[u8]| w == b"%%EOF" || w == b"%PDF-";
                Ok(octets.windows(5).any(marker).then_some(from..to))
            }
            Ok(end) => Ok(Some(end..to)),
            Err(e) if e.kind() == PdfErrorKind::Limit => Ok(Some(from..to)),
            Err(e) => Err(e),
        }
    }

    /// The numbers whose objects lie, in this view, in one of these object streams, though their
    /// own entries are older than the stream is: rewriting the stream rewrote them.
    ///
    /// Honest files do not do this (an update has object streams of its own), so that
    /// [`MAX_LISTED_MEMBERS`](super::limits::MAX_LISTED_MEMBERS) over all revisions suffice; the streams themselves are changes, too.
    pub(super) fn members(&self, view: View<'_>, streams: &[u32]) -> Vec<u32> {
        let all = self.containers.get_or_init(|| {
            let mut all: HashMap<u32, Vec<u32>> = HashMap::new();
            for entry in self.sections.iter().flat_map(|s| &s.entries) {
                if entry.kind == EntryKind::InStream {
                    let stream = u32::try_from(entry.value >> 32).unwrap_or(u32::MAX);
                    all.entry(stream).or_default().push(entry.number);
                }
            }
            for numbers in all.values_mut() {
                numbers.sort_unstable();
                numbers.dedup();
            }
            all
        });
        let mut members = Vec::new();
        for number in streams {
            for member in all.get(number).into_iter().flatten() {
                let Some(left) = self.member_budget.get().checked_sub(1) else {
                    return members;
                };
                self.member_budget.set(left);
                let place = view.locate(*member);
                if matches!(place, Some(Location::InStream { stream, .. }) if stream == *number) {
                    members.push(*member);
                }
            }
        }
        members
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_rewritten_streams_are_listed_within_their_limit() {
        // Objects 1 to 4 in the object stream 5, which a second revision writes again.
        let members = "<</Length 42/Type/ObjStm/N 4/First 16>>\nstream\n1 0 2 20 3 21 4 22 <</Type/Catalog>>   1 2 3 \nendstream";
        let mut file = b"%PDF-1.7\n".to_vec();
        let mut previous = String::new();
        for revision in 0..2u8 {
            let stream = file.len();
            file.extend(format!("5 0 obj\n{members}\nendobj\n").bytes());
            let at = file.len();
            let offset = u16::try_from(stream).unwrap().to_be_bytes();
            let mut rows = vec![1, offset[0], offset[1], 0];
            let mut index = "5 1".to_owned();
            if revision == 0 {
                let inside = (0..4u8).flat_map(|n| [2, 0, 5, n]);
                rows = inside.chain(rows).collect();
                index = "1 5".to_owned();
            }
            let dict = format!(
                "<</Type/XRef/W[1 2 1]/Index[{index}]/Size 9/Root 1 0 R{previous}/Length {}>>",
                rows.len()
            );
            file.extend(format!("{} 0 obj\n{dict}\nstream\n", 6 + revision).bytes());
            file.extend(&rows);
            file.extend(format!("\nendstream\nendobj\nstartxref\n{at}\n%%EOF\n").bytes());
            previous = format!("/Prev {at}");
        }
        let numbers = |document: &Document<'_>| -> Vec<u32> {
            document.changes(1).iter().map(|c| c.number).collect()
        };
        let document = Document::open(&file).unwrap();
        assert_eq!(numbers(&document), [1, 2, 3, 4, 5]);
        document.member_budget.set(2);
        assert_eq!(numbers(&document), [1, 2, 5]);
        assert_eq!(
            numbers(&document),
            [5],
            "the stream itself is always listed"
        );
    }
}
