//! Finding an object among many cross-reference sections.
//!
//! A file that was signed hundreds of times has hundreds of sections, and an object of the oldest
//! stands behind all of them. Asking one section after the other would make reading such a file
//! take time by their number squared.

use super::xref::{self, Location};
use super::{Document, View};

/// Up to here the sections are asked one after the other: most files have one to three.
const FEW_SECTIONS: usize = 16;

impl View<'_> {
    /// Where the cross-reference chain of this revision places an object; `None` if it is unknown.
    pub fn locate(&self, number: u32) -> Option<Location> {
        let document = self.document;
        let start = document.revisions.get(self.revision)?.sections.start;
        if document.sections.len() > FEW_SECTIONS {
            return document.locate_in_many(start, number);
        }
        xref::locate(document.sections.get(start..)?, number)
    }
}

impl Document<'_> {
    /// As [`xref::locate`] from the section `start` on, by a list of all entries that is made once:
    /// 8 octets for each.
    fn locate_in_many(&self, start: usize, number: u32) -> Option<Location> {
        let places = self.places.get_or_init(|| {
            let mut places = Vec::new();
            for (section, place) in self.sections.iter().zip(0u32..) {
                places.extend(section.entries.iter().map(|e| (e.number, place)));
            }
            places.sort_unstable();
            places
        });
        let from = (number, u32::try_from(start).ok()?);
        let at = places.partition_point(|p| *p < from);
        let (_, section) = places.get(at).filter(|p| p.0 == number)?;
        let section = usize::try_from(*section).ok()?;
        // With the next, which may be the stream of a hybrid file's table.
        let end = section.saturating_add(2).min(self.sections.len());
        xref::locate(self.sections.get(section..end)?, number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    /// Revisions that write, free and leave objects; some have the stream of a hybrid file.
    #[test]
    fn many_sections_place_objects_as_few_do() {
        let mut file = b"%PDF-1.7\n1 0 obj\n<</Type/Catalog>>\nendobj\n".to_vec();
        let mut previous = String::new();
        for revision in 0..40usize {
            let stream = file.len();
            let hybrid = revision % 5 == 2;
            if hybrid {
                let members = [2u8, 9, 0, 2, 9, 1, 2, 9, 2];
                file.extend(
                    b"60 0 obj\n<</Type/XRef/W[1 1 1]/Index[5 1 7 1 11 1]/Size 99/Root 1 0 R/Length 9>>\nstream\n",
                );
                file.extend(members);
                file.extend(b"\nendstream\nendobj\n");
            }
            let at = file.len();
            let mut table = String::from("xref\n1 1\n0000000009 00000 n \n");
            for number in (2..14).filter(|n| (revision * 7 + n * 3) % 4 == 0) {
                let kind = if (revision + number) % 3 == 0 {
                    'f'
                } else {
                    'n'
                };
                write!(table, "{number} 1\n{:010} 00000 {kind} \n", 9 + revision).unwrap();
            }
            let more = if hybrid {
                format!("/XRefStm {stream}")
            } else {
                String::new()
            };
            write!(
                table,
                "trailer\n<</Size 99/Root 1 0 R{previous}{more}>>\nstartxref\n{at}\n%%EOF\n"
            )
            .unwrap();
            file.extend(table.bytes());
            previous = format!("/Prev {at}");
        }
        let document = Document::open(&file).unwrap();
        assert_eq!(document.revisions().len(), 40);
        assert!(document.sections.len() > FEW_SECTIONS);
        let mut kinds = [0; 3];
        for revision in 0..40 {
            let view = document.at(revision).unwrap();
            let start = document.revisions[revision].sections.start;
            for number in 0..20 {
                let one_by_one = xref::locate(&document.sections[start..], number);
                assert_eq!(view.locate(number), one_by_one, "{revision}, {number}");
                match one_by_one {
                    Some(Location::Free { .. }) => kinds[0] += 1,
                    Some(Location::InFile { .. }) => kinds[1] += 1,
                    Some(Location::InStream { .. }) => kinds[2] += 1,
                    None => {}
                }
            }
        }
        assert!(kinds.iter().all(|n| *n > 20), "{kinds:?}");
    }
}
