//! Finding the way through a message that is not in memory.

use std::io;
use std::ops::Range;

use super::CmsError;
use crate::der::{DecodeError, DecodeKind, Tag};
use crate::keys::{Digest, DigestAlgorithm, Hasher};
use crate::source::ReadAt;

/// Octets read at a time.
const BLOCK: usize = 128 * 1024;
/// Octets of the longest header: a tag, a length of eight octets and their count.
const MAX_HEAD: usize = 10;
/// Constructed strings inside constructed strings. OpenSSL writes one level.
const MAX_STRING_DEPTH: usize = 8;

/// Where the content of a message lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Content octets of the OCTET STRING; with the headers of its pieces where it is constructed.
    pub place: Range<u64>,
    /// Whether it comes in pieces (BER).
    pub constructed: bool,
    /// Whether its encoding is DER.
    pub is_der: bool,
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
    /// Whether the length has the one form that DER allows.
    pub(super) is_der: bool,
}

/// A window over a source that moves on as it is read, so that many small pieces cost few reads.
struct Window<'s, S: ?Sized> {
    source: &'s S,
    /// End of what may be read.
    limit: u64,
    /// Offset of the first octet in `block`.
    start: u64,
    block: Vec<u8>,
}

impl<'s, S: ReadAt + ?Sized> Window<'s, S> {
    fn new(source: &'s S, limit: u64) -> Self {
        Self {
            source,
            limit: limit.min(source.len()),
            start: 0,
            block: Vec::new(),
        }
    }

    /// The octets from `at` on that are at hand: `least`, unless the limit comes first, or more.
    fn from(&mut self, at: u64, least: usize) -> io::Result<&[u8]> {
        let left = usize::try_from(self.limit.saturating_sub(at)).unwrap_or(usize::MAX);
        if let Some(all) = self.source.as_slice() {
            let start = usize::try_from(at).unwrap_or(usize::MAX);
            let part = all.get(start..).unwrap_or_default();
            return Ok(part.get(..left.min(part.len())).unwrap_or_default());
        }
        let have = self.start.saturating_add(wide(self.block.len()));
        if at < self.start || at.saturating_add(wide(least.min(left))) > have {
            self.block.resize(left.min(BLOCK), 0);
            self.source.read_exact_at(at, &mut self.block)?;
            self.start = at;
        }
        let skip = usize::try_from(at.saturating_sub(self.start)).unwrap_or(usize::MAX);
        Ok(self.block.get(skip..).unwrap_or_default())
    }

    /// Gives the octets of `place` to `take`, in order.
    fn give(
        &mut self,
        place: Range<u64>,
        take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut at = place.start;
        while at < place.end {
            let left = usize::try_from(place.end.saturating_sub(at)).unwrap_or(usize::MAX);
            let at_hand = self.from(at, 1)?;
            let part = at_hand
                .get(..left.min(at_hand.len()))
                .filter(|p| !p.is_empty())
                .ok_or(io::ErrorKind::UnexpectedEof)?;
            take(part)?;
            at = at.saturating_add(wide(part.len()));
        }
        Ok(())
    }
}

fn wide(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
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
        Window::new(source, place.end).give(place, &mut |octets| {
            self.update(octets);
            Ok(())
        })
    }

    /// The digests as far as they have come, to be gone on with.
    pub(crate) fn into_states(self) -> Vec<Hasher> {
        self.hashers
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
    let mut octets = [0u8; MAX_HEAD];
    let room = usize::try_from(limit.saturating_sub(at))
        .unwrap_or(MAX_HEAD)
        .min(MAX_HEAD);
    let window = octets.get_mut(..room).unwrap_or_default();
    source.read_exact_at(at, window)?;
    Ok(parse_head(window, at, limit, field)?)
}

/// The header at the start of `octets`, which lie at `at`.
fn parse_head(octets: &[u8], at: u64, limit: u64, field: &str) -> Result<Head, DecodeError> {
    let bad = |kind| DecodeError::new(kind, field, at);
    let [tag, first, rest @ ..] = octets else {
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
            is_der: false,
        });
    }
    let mut count = 0;
    let mut length = u64::from(*first);
    let mut is_der = true;
    if *first > 0x80 {
        count = usize::from(*first & 0x7f);
        if count > 8 {
            return Err(bad(DecodeKind::Value("length of more than eight octets")));
        }
        let digits = rest
            .get(..count)
            .ok_or_else(|| bad(DecodeKind::Truncated))?;
        length = digits.iter().fold(0u64, |n, b| (n << 8) | u64::from(*b));
        is_der = length >= 0x80 && digits.first() != Some(&0);
    }
    let content = at.saturating_add(2).saturating_add(wide(count));
    let end = content.checked_add(length).filter(|e| *e <= limit);
    let end = end.ok_or_else(|| bad(DecodeKind::Truncated))?;
    Ok(Head {
        tag,
        content,
        end: Some(end),
        is_der,
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
            let content = Self {
                place,
                constructed: false,
                is_der: first.is_der,
                len,
            };
            return Ok((content, end));
        }
        let mut len = 0u64;
        let end = pieces(source, first, limit, &mut |octets| {
            len = len.saturating_add(wide(octets.len()));
            hasher.update(octets);
            Ok(())
        })?;
        let place = first.content..first.end.unwrap_or(end.saturating_sub(2));
        Ok((
            Self {
                place,
                constructed: true,
                is_der: false,
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
        if !self.constructed {
            Window::new(source, self.place.end).give(self.place.clone(), take)?;
            return Ok(());
        }
        let outer = Head {
            tag: Tag(Tag::OCTET_STRING.0 | 0x20),
            content: self.place.start,
            end: Some(self.place.end),
            is_der: false,
        };
        pieces(source, outer, self.place.end, take).map(|_| ())
    }
}

/// Gives the octets of a constructed OCTET STRING to `take`, in order; returns the offset behind
/// it.
fn pieces<S: ReadAt + ?Sized>(
    source: &S,
    outer: Head,
    limit: u64,
    take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<u64, CmsError> {
    let mut window = Window::new(source, limit);
    // Each open string, and where what is in it must end at the latest: an indefinite length
    // inside a definite one does not reach beyond it.
    let mut open = vec![(outer, outer.end.unwrap_or(limit))];
    let mut at = outer.content;
    loop {
        let Some((innermost, latest)) = open.last().copied() else {
            return Ok(at);
        };
        if innermost.end == Some(at) {
            open.pop();
            continue;
        }
        let room = usize::try_from(latest.saturating_sub(at))
            .unwrap_or(MAX_HEAD)
            .min(MAX_HEAD);
        let octets = window.from(at, room)?;
        let octets = octets.get(..room.min(octets.len())).unwrap_or_default();
        if innermost.end.is_none() && octets.starts_with(&[0, 0]) {
            at = at.saturating_add(2);
            open.pop();
            continue;
        }
        let inner = parse_head(octets, at, latest, "eContent")?;
        if inner.tag.0 & !0x20 != Tag::OCTET_STRING.0 {
            let kind = DecodeKind::UnexpectedTag {
                expected: Tag::OCTET_STRING,
                found: inner.tag,
            };
            return Err(DecodeError::new(kind, "eContent", at).into());
        }
        match inner.end {
            Some(end) if !inner.tag.is_constructed() => {
                window.give(inner.content..end, take)?;
                at = end;
            }
            _ if open.len() >= MAX_STRING_DEPTH => {
                let kind = DecodeKind::Limit("strings nested more than 8 levels deep");
                return Err(DecodeError::new(kind, "eContent", at).into());
            }
            end => {
                open.push((inner, end.unwrap_or(latest)));
                at = inner.content;
            }
        }
    }
}
