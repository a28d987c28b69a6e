use core::ops::Range;
use std::io::Write;

use super::limits::MAX_OBJECT_NUMBER;
use super::write::{text, write_object};
use super::{Dict, Document, Location, Object, PdfError, PdfErrorKind, Reference, XrefForm};

/// An incremental update in the making (ISO 32000-1 §7.5.6).
///
/// Nothing of the original is rewritten; [`finish`](Self::finish) gives the octets that follow it.
pub struct Update<'d> {
    document: &'d Document<'d>,
    objects: Vec<(Reference, Vec<u8>)>,
    trailer: Dict,
    next: u32,
}

/// What is to be appended to the file, and where the objects come to lie.
#[derive(Clone, Debug)]
pub struct Appended {
    /// The octets that follow the original file.
    pub bytes: Vec<u8>,
    /// Offset of the first of them: the length of the original file.
    pub start: u64,
    placed: Vec<(Reference, Range<u64>)>,
}

/// How stream data are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// As given.
    None,
    /// With `FlateDecode`.
    Flate,
}

impl Appended {
    /// Offsets in the new file of an object's value, from its first octet to after its last: what was
    /// given to [`Update::put_raw`] lies there octet for octet.
    pub fn placed(&self, reference: Reference) -> Option<Range<u64>> {
        self.placed
            .iter()
            .find(|(r, _)| *r == reference)
            .map(|(_, range)| range.clone())
    }

    /// The appended octets at these offsets of the new file, to be filled in.
    pub fn at_mut(&mut self, range: Range<u64>) -> Option<&mut [u8]> {
        let from = usize::try_from(range.start.checked_sub(self.start)?).ok()?;
        let to = usize::try_from(range.end.checked_sub(self.start)?).ok()?;
        self.bytes.get_mut(from..to)
    }

    /// Length of the new file.
    pub fn total_len(&self) -> u64 {
        self.start
            .saturating_add(u64::try_from(self.bytes.len()).unwrap_or(u64::MAX))
    }
}

impl<'d> Update<'d> {
    /// An update without objects.
    ///
    /// # Errors
    /// `Unsupported` if the document is encrypted.
    pub fn new(document: &'d Document<'d>) -> Result<Self, PdfError> {
        if document.encrypted() {
            return Err(PdfError::new(
                PdfErrorKind::Unsupported,
                "the file is encrypted and cannot be continued",
            ));
        }
        let mut trailer = Dict::new();
        for key in ["Root", "Info"] {
            if let Some(value) = document.trailer().get(key) {
                trailer.set(key, value.clone());
            }
        }
        Ok(Self {
            document,
            objects: Vec::new(),
            trailer,
            next: document.size().max(1),
        })
    }

    /// A number that no object has yet.
    ///
    /// # Errors
    /// `Limit` beyond [`MAX_OBJECT_NUMBER`].
    pub fn allocate(&mut self) -> Result<Reference, PdfError> {
        if self.next > MAX_OBJECT_NUMBER {
            return Err(PdfError::limit(format!(
                "object numbers end at {MAX_OBJECT_NUMBER}"
            )));
        }
        let number = self.next;
        self.next = number.saturating_add(1);
        Ok(Reference {
            number,
            generation: 0,
        })
    }

    /// Adds a new object.
    ///
    /// # Errors
    /// As [`allocate`](Self::allocate).
    pub fn add(&mut self, object: &Object) -> Result<Reference, PdfError> {
        let reference = self.allocate()?;
        self.put(reference, object)?;
        Ok(reference)
    }

    /// Writes an object under a number that was allocated or is in use; a second time replaces.
    ///
    /// # Errors
    /// `Misuse` if the reference is neither, or the object is a stream (see [`put_stream`](Self::put_stream)).
    pub fn put(&mut self, reference: Reference, object: &Object) -> Result<(), PdfError> {
        if matches!(object, Object::Stream(_)) {
            return Err(
                PdfError::new(PdfErrorKind::Misuse, "a stream is put with its data")
                    .in_object(reference.number),
            );
        }
        let mut body = Vec::new();
        write_object(&mut body, object);
        self.put_raw(reference, body)
    }

    /// Writes octets as the value of an object, unchanged: one value, or a dictionary and a stream.
    ///
    /// # Errors
    /// `Misuse` if the reference is neither allocated nor in use with this generation.
    pub fn put_raw(&mut self, reference: Reference, body: Vec<u8>) -> Result<(), PdfError> {
        let fresh = reference.generation == 0
            && (self.document.size().max(1)..self.next).contains(&reference.number);
        let used = || {
            self.document
                .current()
                .locate(reference.number)
                .is_some_and(|l| {
                    !matches!(l, Location::Free { .. }) && l.generation() == reference.generation
                })
        };
        if !fresh && !used() {
            return Err(PdfError::new(
                PdfErrorKind::Misuse,
                format!("{reference} is neither an object of the file nor allocated"),
            )
            .in_object(reference.number));
        }
        match self.objects.iter_mut().find(|(r, _)| *r == reference) {
            Some((_, old)) => *old = body,
            None => self.objects.push((reference, body)),
        }
        Ok(())
    }

    /// Writes a stream; `/Length`, and with compression `/Filter`, are set in `dict`.
    ///
    /// # Errors
    /// As [`put_raw`](Self::put_raw).
    pub fn put_stream(
        &mut self,
        reference: Reference,
        mut dict: Dict,
        data: &[u8],
        compression: Compression,
    ) -> Result<(), PdfError> {
        let packed;
        let data = match compression {
            Compression::None => data,
            Compression::Flate => {
                let mut encoder =
                    flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
                packed = encoder
                    .write_all(data)
                    .and_then(|()| encoder.finish())
                    .map_err(|e| PdfError::io(0, e))?;
                dict.set("Filter", Object::name("FlateDecode"));
                dict.remove("DecodeParms");
                &packed
            }
        };
        dict.set("Length", i64::try_from(data.len()).unwrap_or(i64::MAX));
        let mut body = Vec::with_capacity(data.len().saturating_add(128));
        super::write::write_dict(&mut body, &dict);
        body.extend_from_slice(b"\nstream\n");
        body.extend_from_slice(data);
        body.extend_from_slice(b"\nendstream");
        self.put_raw(reference, body)
    }

    /// Adds a new stream.
    ///
    /// # Errors
    /// As [`allocate`](Self::allocate).
    pub fn add_stream(
        &mut self,
        dict: Dict,
        data: &[u8],
        compression: Compression,
    ) -> Result<Reference, PdfError> {
        let reference = self.allocate()?;
        self.put_stream(reference, dict, data, compression)?;
        Ok(reference)
    }

    /// Sets a key of the trailer, as `Info`; the keys that tell of the update itself are not affected.
    pub fn set_trailer(&mut self, key: &str, value: impl Into<Object>) {
        if !["Size", "Prev", "ID", "W", "Index", "Type", "Length"].contains(&key) {
            self.trailer.set(key, value);
        }
    }

    /// Writes the update. `id` becomes the second part of the file identifier; the first part stays as
    /// it is, or is `id` too where there was none (§14.4).
    ///
    /// # Errors
    /// `Limit` if a classic table's ten digits do not suffice for an offset; `Io`.
    pub fn finish(mut self, id: &[u8]) -> Result<Appended, PdfError> {
        let document = self.document;
        let start = document.len();
        let mut bytes = Vec::with_capacity(self.objects.iter().fold(512usize, |n, (_, body)| {
            n.saturating_add(body.len()).saturating_add(64)
        }));
        let last = document.fetch(start.saturating_sub(1), 1)?;
        if !matches!(*last, [b'\n' | b'\r']) {
            bytes.push(b'\n');
        }
        let here =
            |bytes: &Vec<u8>| start.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.objects.sort_by_key(|(r, _)| r.number);
        let mut rows: Vec<(Reference, u64)> = Vec::with_capacity(self.objects.len());
        let mut placed = Vec::with_capacity(self.objects.len());
        for (reference, body) in &self.objects {
            rows.push((
                *reference,
                here(&bytes).saturating_sub(document.offset_base()),
            ));
            text(
                &mut bytes,
                format_args!("{} {} obj\n", reference.number, reference.generation),
            );
            let from = here(&bytes);
            bytes.extend_from_slice(body);
            placed.push((*reference, from..here(&bytes)));
            bytes.extend_from_slice(b"\nendobj\n");
        }
        let xref = here(&bytes).saturating_sub(document.offset_base());
        self.complete_trailer(id);
        match document.xref_form() {
            XrefForm::Table => self.write_table(&mut bytes, &rows)?,
            XrefForm::Stream => self.write_stream(&mut bytes, rows, xref)?,
        }
        text(&mut bytes, format_args!("startxref\n{xref}\n%%EOF\n"));
        Ok(Appended {
            bytes,
            start,
            placed,
        })
    }

    fn complete_trailer(&mut self, id: &[u8]) {
        let document = self.document;
        let newest = document.revisions().last().map_or(0, |r| r.xref_offset());
        let previous = newest.saturating_sub(document.offset_base());
        self.trailer
            .set("Prev", i64::try_from(previous).unwrap_or(i64::MAX));
        let first = match document.trailer().get("ID") {
            Some(Object::Array(parts)) => match parts.first() {
                Some(Object::String(first)) => first.bytes.clone(),
                _ => id.to_vec(),
            },
            _ => id.to_vec(),
        };
        self.trailer.set(
            "ID",
            Object::Array(vec![Object::hex(first), Object::hex(id)]),
        );
        self.trailer.set("Size", i64::from(self.next));
    }

    fn write_table(&self, out: &mut Vec<u8>, rows: &[(Reference, u64)]) -> Result<(), PdfError> {
        out.extend_from_slice(b"xref\n");
        // A section without objects still needs a subsection for some readers.
        if rows.is_empty() {
            out.extend_from_slice(b"0 0\n");
        }
        for run in runs(rows) {
            let first = run.first().map_or(0, |(r, _)| r.number);
            text(out, format_args!("{first} {}\n", run.len()));
            for (reference, offset) in run {
                if *offset > 9_999_999_999 {
                    return Err(PdfError::limit(format!(
                        "offset {offset} does not fit a cross-reference table's ten digits"
                    ))
                    .in_object(reference.number));
                }
                text(
                    out,
                    format_args!("{offset:010} {:05} n \n", reference.generation),
                );
            }
        }
        out.extend_from_slice(b"trailer\n");
        super::write::write_dict(out, &self.trailer);
        out.push(b'\n');
        Ok(())
    }

    fn write_stream(
        &mut self,
        out: &mut Vec<u8>,
        mut rows: Vec<(Reference, u64)>,
        xref: u64,
    ) -> Result<(), PdfError> {
        let own = self.allocate()?;
        rows.push((own, xref));
        let width = xref
            .to_be_bytes()
            .iter()
            .skip_while(|&&b| b == 0)
            .count()
            .max(1);
        let mut data = Vec::with_capacity(rows.len().saturating_mul(width.saturating_add(3)));
        for (reference, offset) in &rows {
            data.push(1);
            data.extend(
                offset
                    .to_be_bytes()
                    .iter()
                    .skip(8usize.saturating_sub(width)),
            );
            data.extend(reference.generation.to_be_bytes());
        }
        let number = |n: usize| Object::Integer(i64::try_from(n).unwrap_or(i64::MAX));
        let index = runs(&rows)
            .flat_map(|run| {
                let first = run.first().map_or(0, |(r, _)| r.number);
                [Object::Integer(i64::from(first)), number(run.len())]
            })
            .collect();
        let mut dict = Dict::new();
        dict.set("Type", Object::name("XRef"));
        dict.set(
            "W",
            Object::Array(vec![number(1), number(width), number(2)]),
        );
        dict.set("Index", Object::Array(index));
        self.trailer.set("Size", i64::from(self.next));
        for entry in self.trailer.entries() {
            dict.push(entry.clone());
        }
        dict.set("Length", number(data.len()));
        text(out, format_args!("{} 0 obj\n", own.number));
        super::write::write_dict(out, &dict);
        out.extend_from_slice(b"\nstream\n");
        out.extend_from_slice(&data);
        out.extend_from_slice(b"\nendstream\nendobj\n");
        Ok(())
    }
}

/// Runs of consecutive numbers.
fn runs(rows: &[(Reference, u64)]) -> impl Iterator<Item = &[(Reference, u64)]> {
    rows.chunk_by(|(a, _), (b, _)| a.number.checked_add(1) == Some(b.number))
}
