use std::ops::Range;

use crate::oid::ObjectIdentifier;

use super::layout::{Content, ContentHasher, expect, head, is_end};
use super::signer_info::SignerInfo;
use super::{CmsError, MAX_ELEMENTS, MAX_PAIRS, MAX_REST, MAX_SEARCH, MAX_SIGNERS};
use crate::der::{DecodeError, DecodeKind, Reader, Rules, Tag, Tlv, decode};
use crate::keys::{Digest, DigestAlgorithm};
use crate::oid;
use crate::source::ReadAt;

/// `SignedData` (RFC 5652 5.1).
#[derive(Clone, Debug)]
pub struct SignedData {
    /// `version`.
    pub version: u32,
    /// `digestAlgorithms`, as far as they are computed here.
    pub digest_algorithms: Vec<DigestAlgorithm>,
    /// All of `digestAlgorithms`, each a whole encoding as received.
    pub digest_algorithms_raw: Vec<Vec<u8>>,
    /// `eContentType`.
    pub content_type: ObjectIdentifier,
    /// `eContent`; `None` where the signature is detached.
    pub content: Option<Content>,
    /// Digests of the content by `digestAlgorithms`, where it is there.
    pub content_digests: Vec<Digest>,
    /// X.509 certificates, each a whole encoding.
    pub certificates: Vec<Vec<u8>>,
    /// CRLs, each a whole encoding.
    pub crls: Vec<Vec<u8>>,
    /// Other forms of certificates (`[n]` choices of `CertificateChoices`), as received.
    pub other_certificates: Vec<Vec<u8>>,
    /// Other revocation information (`[1]` of `RevocationInfoChoice`), as received.
    pub other_revocation_info: Vec<Vec<u8>>,
    /// `signerInfos`.
    pub signers: Vec<SignerInfo>,
    /// Where `encapContentInfo` lies, with its header.
    pub encapsulated: Range<u64>,
    /// Where `certificates` and `crls` lie, with their headers; empty where neither is there.
    pub sets: Range<u64>,
    /// Whether the encoding is BER that is not DER, outside of the signers.
    pub is_ber: bool,
    /// Octets of the message; more may follow in the source, which is for the caller to judge.
    pub len: u64,
}

impl SignedData {
    /// Reads a `ContentInfo` with `SignedData` from the start of `source`, and hashes its content.
    ///
    /// # Errors
    /// [`CmsError`]; where the content type is another one, it is named.
    pub fn read<S: ReadAt + ?Sized>(source: &S) -> Result<Self, CmsError> {
        let limit = source.len();
        let mut ber = false;
        let mut enter = |at: u64, limit: u64, tag: Tag, field: &str| {
            let head = expect(source, at, limit, tag, field)?;
            ber |= !head.is_der;
            Ok::<_, CmsError>((head.content, head.end.unwrap_or(limit), head.end.is_none()))
        };
        let (at, end_1, open_1) = enter(0, limit, Tag::SEQUENCE, "contentInfo")?;
        let (found, at) = oid_at(source, at, end_1, "contentType")?;
        if found != oid::SIGNED_DATA {
            return Err(CmsError::OtherType(found.to_string()));
        }
        let (at, end_2, open_2) = enter(at, end_1, Tag::constructed(0), "content")?;
        let (at, end, open_3) = enter(at, end_2, Tag::SEQUENCE, "signedData")?;
        let (version, at) = piece(source, at, end, "version", |r| r.u32("version"))?;
        let ((digest_algorithms, digest_algorithms_raw), at) =
            piece(source, at, end, "digestAlgorithms", algorithms)?;

        let encapsulated = at;
        let (inner, inner_end, open_4) = enter(at, end, Tag::SEQUENCE, "encapContentInfo")?;
        let (content_type, mut at) = oid_at(source, inner, inner_end, "eContentType")?;
        let mut content = None;
        let mut content_digests = Vec::new();
        let has_content = if open_4 {
            !is_end(source, at, inner_end)?
        } else {
            at < inner_end
        };
        if has_content {
            let (start, wrap_end, open_5) = enter(at, inner_end, Tag::constructed(0), "eContent")?;
            let mut hasher = ContentHasher::new(&digest_algorithms);
            let (found, behind) = Content::walk(source, start, wrap_end, &mut hasher)?;
            at = close(source, behind, wrap_end, open_5, "eContent")?;
            ber |= !found.is_der;
            content = Some(found);
            content_digests = hasher.finish();
        }
        at = close(source, at, inner_end, open_4, "encapContentInfo")?;

        // What is left is small enough to be read at once.
        let rest_len = end.saturating_sub(at);
        if rest_len > MAX_REST {
            let kind = DecodeKind::Limit("more than 64 MiB besides the content");
            return Err(DecodeError::new(kind, "signedData", at).into());
        }
        let mut rest = vec![0; usize::try_from(rest_len).unwrap_or(0)];
        source.read_exact_at(at, &mut rest)?;
        let mut r = Reader::new(&rest, Rules::Ber);
        let mut this = Self {
            version,
            digest_algorithms,
            digest_algorithms_raw,
            content_type,
            content,
            content_digests,
            certificates: Vec::new(),
            crls: Vec::new(),
            other_certificates: Vec::new(),
            other_revocation_info: Vec::new(),
            signers: Vec::new(),
            encapsulated: encapsulated..at,
            sets: at..at,
            is_ber: false,
            len: 0,
        };
        this.tail(&mut r)
            .map_err(|e| e.within("signedData").shifted(at))?;
        this.is_ber = ber || !is_der_so_far(&rest, &r);
        let behind = at.saturating_add(r.position());
        let behind = close(source, behind, end, open_3, "signedData")?;
        let behind = close(source, behind, end_2, open_2, "content")?;
        this.len = close(source, behind, end_1, open_1, "contentInfo")?;
        Ok(this)
    }

    /// The `version` that what is in it asks for (RFC 5652 5.1).
    pub fn expected_version(&self) -> u32 {
        let has = |n| {
            let of = |o: &Vec<u8>| o.first() == Some(&Tag::constructed(n).0);
            self.other_certificates.iter().any(of)
        };
        if has(3) || !self.other_revocation_info.is_empty() {
            5
        } else if has(2) {
            4
        } else if has(1)
            || self.signers.iter().any(|s| s.version == 3)
            || self.content_type != oid::DATA
        {
            3
        } else {
            1
        }
    }

    fn tail(&mut self, r: &mut Reader<'_>) -> Result<(), DecodeError> {
        if let Some(set) = r.optional(Tag::constructed(0), "certificates")? {
            each(&set, "certificates", MAX_ELEMENTS, |tlv| {
                // CertificateChoices: a certificate is a SEQUENCE, the others have tags.
                let list = if tlv.tag == Tag::SEQUENCE {
                    &mut self.certificates
                } else {
                    &mut self.other_certificates
                };
                list.push(tlv.raw.to_vec());
                Ok(())
            })?;
        }
        if let Some(set) = r.optional(Tag::constructed(1), "crls")? {
            each(&set, "crls", MAX_ELEMENTS, |tlv| {
                let list = if tlv.tag == Tag::SEQUENCE {
                    &mut self.crls
                } else {
                    &mut self.other_revocation_info
                };
                list.push(tlv.raw.to_vec());
                Ok(())
            })?;
        }
        self.sets.end = self.sets.start.saturating_add(r.position());
        let set = r.expect(Tag::SET, "signerInfos")?;
        let around = self.certificates.len().saturating_add(self.crls.len());
        let octets: usize = self.certificates.iter().map(Vec::len).sum();
        each(&set, "signerInfos", MAX_SIGNERS, |tlv| {
            self.signers.push(SignerInfo::decode(tlv)?);
            let signers = self.signers.len();
            if signers.saturating_mul(around) > MAX_PAIRS
                || signers.saturating_mul(octets) > MAX_SEARCH
            {
                let kind = DecodeKind::Limit("too many signers for that many certificates");
                return Err(tlv.error(kind, ""));
            }
            Ok(())
        })
    }
}

/// Whether what `r` has read of `rest`, the sets after the content, is DER on its outer level; the
/// signers say it of themselves.
fn is_der_so_far(rest: &[u8], r: &Reader<'_>) -> bool {
    let read = rest.len().saturating_sub(r.rest().len());
    let mut sets = Reader::new(rest.get(..read).unwrap_or_default(), Rules::Der);
    while !sets.is_empty() {
        if sets.any("").is_err() {
            return false;
        }
    }
    true
}

/// Calls `take` for each element of a set.
fn each<'a>(
    set: &Tlv<'a>,
    field: &str,
    most: usize,
    mut take: impl FnMut(&Tlv<'a>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut r = set.reader(field)?;
    let mut count = 0usize;
    while !r.is_empty() {
        count += 1;
        if count > most {
            return Err(r.error(DecodeKind::Limit("too many elements in a set"), field));
        }
        take(&r.any(field)?).map_err(|e| e.within(field))?;
    }
    Ok(())
}

/// The `digestAlgorithms` that are computed here, each once, and all of them as received.
fn algorithms(r: &mut Reader<'_>) -> Result<(Vec<DigestAlgorithm>, Vec<Vec<u8>>), DecodeError> {
    let set = r.expect(Tag::SET, "digestAlgorithms")?;
    let mut found = Vec::new();
    let mut raw = Vec::new();
    each(&set, "digestAlgorithms", MAX_SIGNERS, |tlv| {
        let mut one = Reader::new(tlv.raw, Rules::Ber);
        if let Ok(algorithm) = DigestAlgorithm::decode(&mut one, "")?
            && !found.contains(&algorithm)
        {
            found.push(algorithm);
        }
        raw.push(tlv.raw.to_vec());
        Ok(())
    })?;
    Ok((found, raw))
}

/// Decodes one small structure at `at`; returns it and the offset behind it.
fn piece<S: ReadAt + ?Sized, T>(
    source: &S,
    at: u64,
    limit: u64,
    field: &str,
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<(T, u64), CmsError> {
    let found = head(source, at, limit, field)?;
    // An indefinite length ends somewhere in what is left; the reader finds where.
    let end = found.end.unwrap_or(limit).min(at.saturating_add(MAX_REST));
    let end = if found.end.is_none() {
        end.min(at.saturating_add(1 << 16))
    } else {
        end
    };
    let length = end.saturating_sub(at);
    if length > 1 << 16 {
        let kind = DecodeKind::Limit("longer than 64 KiB");
        return Err(DecodeError::new(kind, field, at).into());
    }
    let mut octets = vec![0; usize::try_from(length).unwrap_or(0)];
    source.read_exact_at(at, &mut octets)?;
    let mut r = Reader::new(&octets, Rules::Ber);
    let value = read(&mut r).map_err(|e| e.within("signedData").shifted(at))?;
    Ok((value, at.saturating_add(r.position())))
}

fn oid_at<S: ReadAt + ?Sized>(
    source: &S,
    at: u64,
    limit: u64,
    field: &str,
) -> Result<(ObjectIdentifier, u64), CmsError> {
    let found = expect(source, at, limit, Tag::OID, field)?;
    let end = found.end.unwrap_or(limit);
    let mut octets = [0u8; 66];
    let length = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
    let slot = octets.get_mut(..length).ok_or_else(|| {
        let kind = DecodeKind::Limit("object identifier longer than 64 octets");
        CmsError::Decode(DecodeError::new(kind, field, at))
    })?;
    source.read_exact_at(at, slot)?;
    let oid = decode(slot, Rules::Ber, |r| r.oid(field)).map_err(|e| e.shifted(at))?;
    Ok((oid, end))
}

/// Leaves a structure: over its end marker, or at its end.
fn close<S: ReadAt + ?Sized>(
    source: &S,
    at: u64,
    end: u64,
    indefinite: bool,
    field: &str,
) -> Result<u64, CmsError> {
    if indefinite {
        if is_end(source, at, end)? {
            return Ok(at.saturating_add(2));
        }
    } else if at == end {
        return Ok(at);
    }
    Err(DecodeError::new(DecodeKind::TrailingData, field, at).into())
}
