//! Finding the way through a message that is not in memory.

use std::io;
use std::ops::Range;

use super::CmsError;
use crate::der::{DecodeError, DecodeKind, Tag};
use crate::keys::{Digest, DigestAlgorithm, Hasher};
use crate::source::ReadAt;

/// Octets read at a time.
const BLOCK: usize = 128 * 1024;
/// Constructed strings inside constructed strings. OpenSSL writes one level.
const MAX_STRING_DEPTH: usize = 8;

/// Where the content of a message lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Content octets of the OCTET STRING; with the headers of its pieces where it is constructed.
    pub place: Range<u64>,
    /// Whether it comes in pieces (BER).
    pub constructed: bool,
    /// Octets of the content itself.
    pub len: u64,
}

/// Digests of the content by every algorithm that was asked for.
#[derive(Clone)]
pub struct ContentHasher {
    hashers: Vec<Hasher>,
}

/// One header at an offset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) tag: Tag,
    /// Offset of the first content octet.
    pub(super) content: u64,
    /// Offset behind the content; `None` where the length is indefinite.
    pub(super) end: Option<u64>,
}

impl ContentHasher {
    /// Starts a digest for each algorithm.
    pub fn new(algorithms: &[DigestAlgorithm]) -> Self {
        Self {
            hashers: algorithms.iter().map(|a| Hasher::new(*a)).collect(),
        }
    }

    /// Takes in more of the content.
    pub fn update(&mut self, octets: &[u8]) {
        self.hashers.iter_mut().for_each(|h| h.update(octets));
    }

    /// Takes in `place` of `source`, in blocks.
    ///
    /// # Errors
    /// Those of the source.
    pub fn update_from<S: ReadAt + ?Sized>(
        &mut self,
        source: &S,
        place: Range<u64>,
    ) -> io::Result<()> {
        if self.hashers.is_empty() {
            return Ok(());
        }
        if let Some(all) = source.as_slice() {
            let part = usize::try_from(place.start)
                .ok()
                .zip(usize::try_from(place.end).ok())
                .and_then(|(a, b)| all.get(a..b))
                .ok_or(io::ErrorKind::UnexpectedEof)?;
            self.update(part);
            return Ok(());
        }
        let mut at = place.start;
        let wanted = usize::try_from(place.end.saturating_sub(at))
            .unwrap_or(BLOCK)
            .min(BLOCK);
        let mut buffer = vec![0; wanted];
        while at < place.end {
            let left = usize::try_from(place.end.saturating_sub(at)).unwrap_or(BLOCK);
            let part = buffer.get_mut(..left.min(BLOCK)).unwrap_or_default();
            source.read_exact_at(at, part)?;
            self.update(part);
            at = at.saturating_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
        }
        Ok(())
    }

    /// The digests.
    pub fn finish(self) -> Vec<Digest> {
        self.hashers.into_iter().map(Hasher::finish).collect()
    }
}

/// Reads the header at `at`. BER is allowed; `limit` is the end of what encloses it.
pub(super) fn head<S: ReadAt + ?Sized>(
    source: &S,
    at: u64,
    limit: u64,
    field: &str,
) -> Result<Head, CmsError> {
    let bad = |kind| CmsError::Decode(DecodeError::new(kind, field, at));
    let mut octets = [0u8; 10];
    let room = usize::try_from(limit.saturating_sub(at))
        .unwrap_or(10)
        .min(10);
    let window = octets.get_mut(..room).unwrap_or_default();
    source.read_exact_at(at, window)?;
    let [tag, first, rest @ ..] = window else {
        return Err(bad(DecodeKind::Truncated));
    };
    if *tag & 0x1f == 0x1f {
        return Err(bad(DecodeKind::Value("tag number above 30")));
    }
    let tag = Tag(*tag);
    if *first == 0x80 {
        if !tag.is_constructed() {
            return Err(bad(DecodeKind::Value(
                "indefinite length of a primitive type",
            )));
        }
        return Ok(Head {
            tag,
            content: at.saturating_add(2),
            end: None,
        });
    }
    let (count, length) = if *first < 0x80 {
        (0, u64::from(*first))
    } else {
        let count = usize::from(*first & 0x7f);
        let octets = rest
            .get(..count)
            .ok_or_else(|| bad(DecodeKind::Value("length of more than eight octets")))?;
        (
            count,
            octets.iter().fold(0u64, |n, b| (n << 8) | u64::from(*b)),
        )
    };
    let content = at
        .saturating_add(2)
        .saturating_add(u64::try_from(count).unwrap_or(0));
    let end = content.checked_add(length).filter(|e| *e <= limit);
    let end = end.ok_or_else(|| bad(DecodeKind::Truncated))?;
    Ok(Head {
        tag,
        content,
        end: Some(end),
    })
}

/// Reads the header at `at`, which must have `tag`.
pub(super) fn expect<S: ReadAt + ?Sized>(
    source: &S,
    at: u64,
    limit: u64,
    tag: Tag,
    field: &str,
) -> Result<Head, CmsError> {
    let head = head(source, at, limit, field)?;
    if head.tag == tag {
        return Ok(head);
    }
    let kind = DecodeKind::UnexpectedTag {
        expected: tag,
        found: head.tag,
    };
    Err(CmsError::Decode(DecodeError::new(kind, field, at)))
}

/// Whether the end-of-contents marker stands at `at`.
pub(super) fn is_end<S: ReadAt + ?Sized>(
    source: &S,
    at: u64,
    limit: u64,
) -> Result<bool, CmsError> {
    if limit.saturating_sub(at) < 2 {
        return Ok(false);
    }
    let mut two = [0xff; 2];
    source.read_exact_at(at, &mut two)?;
    Ok(two == [0, 0])
}

impl Content {
    /// Walks over the OCTET STRING at `at`, hashing as it goes; returns its place and the offset
    /// behind it.
    pub(super) fn walk<S: ReadAt + ?Sized>(
        source: &S,
        at: u64,
        limit: u64,
        hasher: &mut ContentHasher,
    ) -> Result<(Self, u64), CmsError> {
        let first = head(source, at, limit, "eContent")?;
        if first.tag.0 & !0x20 != Tag::OCTET_STRING.0 {
            let kind = DecodeKind::UnexpectedTag {
                expected: Tag::OCTET_STRING,
                found: first.tag,
            };
            return Err(DecodeError::new(kind, "eContent", at).into());
        }
        if let (false, Some(end)) = (first.tag.is_constructed(), first.end) {
            hasher.update_from(source, first.content..end)?;
            let place = first.content..end;
            let len = end.saturating_sub(first.content);
            return Ok((
                Self {
                    place,
                    constructed: false,
                    len,
                },
                end,
            ));
        }
        let mut len = 0u64;
        let end = pieces(source, first, limit, &mut |place| {
            len = len.saturating_add(place.end.saturating_sub(place.start));
            hasher.update_from(source, place)
        })?;
        let place = first.content..first.end.unwrap_or(end.saturating_sub(2));
        Ok((
            Self {
                place,
                constructed: true,
                len,
            },
            end,
        ))
    }

    /// Gives the content's octets to `take`, in blocks and in order.
    ///
    /// # Errors
    /// Those of the source and of `take`.
    pub fn read<S: ReadAt + ?Sized>(
        &self,
        source: &S,
        take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), CmsError> {
        let mut buffer = Vec::new();
        let mut give = |place: Range<u64>| -> io::Result<()> {
            let mut at = place.start;
            while at < place.end {
                let left = usize::try_from(place.end.saturating_sub(at)).unwrap_or(BLOCK);
                buffer.resize(left.min(BLOCK), 0);
                source.read_exact_at(at, &mut buffer)?;
                take(&buffer)?;
                at = at.saturating_add(u64::try_from(buffer.len()).unwrap_or(u64::MAX));
            }
            Ok(())
        };
        if !self.constructed {
            return Ok(give(self.place.clone())?);
        }
        let outer = Head {
            tag: Tag(Tag::OCTET_STRING.0 | 0x20),
            content: self.place.start,
            end: Some(self.place.end),
        };
        pieces(source, outer, self.place.end, &mut give).map(|_| ())
    }
}

/// Walks over the pieces of a constructed OCTET STRING in order; returns the offset behind it.
fn pieces<S: ReadAt + ?Sized>(
    source: &S,
    outer: Head,
    limit: u64,
    take: &mut dyn FnMut(Range<u64>) -> io::Result<()>,
) -> Result<u64, CmsError> {
    let mut open = vec![outer];
    let mut at = outer.content;
    loop {
        let Some(innermost) = open.last().copied() else {
            return Ok(at);
        };
        let ended = match innermost.end {
            Some(end) => at >= end,
            None if is_end(source, at, limit)? => {
                at = at.saturating_add(2);
                true
            }
            None => false,
        };
        if ended {
            open.pop();
            continue;
        }
        let inner = head(source, at, innermost.end.unwrap_or(limit), "eContent")?;
        if inner.tag.0 & !0x20 != Tag::OCTET_STRING.0 {
            let kind = DecodeKind::UnexpectedTag {
                expected: Tag::OCTET_STRING,
                found: inner.tag,
            };
            return Err(DecodeError::new(kind, "eContent", at).into());
        }
        match inner.end {
            Some(end) if !inner.tag.is_constructed() => {
                take(inner.content..end)?;
                at = end;
            }
            _ if open.len() >= MAX_STRING_DEPTH => {
                let kind = DecodeKind::Limit("strings nested more than 8 levels deep");
                return Err(DecodeError::new(kind, "eContent", at).into());
            }
            _ => {
                open.push(inner);
                at = inner.content;
            }
        }
    }
}
