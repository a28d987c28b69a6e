//! The log as one file for the auditor: each entry with its proof, verified without the store.

use std::io::{BufRead, Read as _, Write};
use std::ops::ControlFlow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use esign_core::log::{
    Checkpoint, Frontier, Hash, NoteKey, SignedNote, TileReader, TileStore, verify_inclusion,
};
use serde::{Deserialize, Serialize};

use super::verify::trusted;
use super::{AuditError, Verification, WrongKind, leaf};
use crate::store::{Attestation, LogHead, LogStore};

/// Name and version of the format, in its first line.
pub const EXPORT_FORMAT: &str = "esign-audit-export/1";
/// Longest line, in octets: an entry of 65,535 octets, each escaped in six, and 63 hashes.
const MAX_LINE: u64 = 512 * 1024;

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    key: String,
    checkpoint: String,
    cosignatures: Vec<String>,
    /// Base64 of DER.
    time_stamps: Vec<String>,
}

/// Every other line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    index: u64,
    leaf: String,
    proof: Vec<String>,
}

/// Writes the log up to its last signed head to `out`, as lines of JSON; gives the number of entries.
///
/// # Errors
/// Nothing is signed yet; an entry is missing from the store; those of store, tiles and `out`.
pub fn export(
    store: &dyn LogStore,
    tiles: &dyn TileStore,
    key: &NoteKey,
    out: &mut dyn Write,
) -> Result<u64, AuditError> {
    let (size, checkpoint) = match store.signed_head()? {
        Some(LogHead {
            size,
            note: Some(note),
            ..
        }) => (size, note),
        _ => return Err(AuditError::file("log", "has no signed head to export")),
    };
    let mut header = Header {
        format: EXPORT_FORMAT.to_owned(),
        key: key.to_string(),
        checkpoint,
        cosignatures: Vec::new(),
        time_stamps: Vec::new(),
    };
    for attestation in store.attestations(size)? {
        match attestation {
            Attestation::Cosignature(line) => header.cosignatures.push(line),
            Attestation::TimeStamp(token) => header.time_stamps.push(STANDARD.encode(token)),
        }
    }
    write_line(out, &header)?;
    let mut reader = TileReader::new(tiles, size);
    let mut written: u64 = 0;
    let mut failed = None;
    store.visit_sequenced(0, &mut |place| {
        if place.index >= size {
            return ControlFlow::Break(());
        }
        let step = match &place.entry {
            Some(entry) if place.index == written => leaf(entry).and_then(|leaf| {
                let proof = reader.inclusion(place.index)?;
                let line = Line {
                    index: place.index,
                    leaf: String::from_utf8_lossy(&leaf).into_owned(),
                    proof: proof.iter().map(Hash::to_string).collect(),
                };
                write_line(out, &line)
            }),
            _ => Err(AuditError::file(
                format_args!("log entry {written}"),
                "is missing from the store",
            )),
        };
        if let Err(error) = step {
            failed = Some(error);
            return ControlFlow::Break(());
        }
        written = written.saturating_add(1);
        ControlFlow::Continue(())
    })?;
    out.flush()
        .map_err(|error| AuditError::file("export", error))?;
    failed.map_or(Ok(written), Err)
}

/// Verifies an export by the log's key, which the auditor has from elsewhere, and against `heads`
/// that he holds: every entry is proven by the export's own head and is the one that the held heads
/// commit to. Memory does not grow with the export.
///
/// # Errors
/// The file cannot be read or is no export; what was tampered with is a finding.
pub fn verify_export(
    input: &mut dyn BufRead,
    heads: &[SignedNote],
    key: &NoteKey,
) -> Result<Verification, AuditError> {
    let mut found = Verification::default();
    let mut header_line = Vec::new();
    if !read_line(input, &mut header_line)? {
        return Err(AuditError::file("export", "is empty"));
    }
    let header: Header = serde_json::from_slice(&header_line)
        .map_err(|error| AuditError::file("export, line 1", error))?;
    if header.format != EXPORT_FORMAT {
        return Err(AuditError::file(
            "export",
            format_args!(
                "has the format \"{}\", expected {EXPORT_FORMAT}",
                header.format
            ),
        ));
    }
    let note = SignedNote::parse(header.checkpoint.as_bytes())?;
    let own = trusted(std::slice::from_ref(&note), key, &mut found);
    let mut all = heads.to_vec();
    all.push(note);
    let mut held = Verification::default();
    let mut heads = trusted(&all, key, &mut held).into_iter().peekable();
    // Those of the export itself were told above.
    let foreign = held.wrong.len().saturating_sub(found.wrong.len());
    for wrong in held.wrong.into_iter().take(foreign) {
        found.add(wrong.kind, wrong.at, wrong.expected, wrong.found);
    }
    let mut rows = Frontier::new();
    let mut octets = Vec::new();
    while read_line(input, &mut octets)? {
        let number = rows.size().saturating_add(2);
        let line: Line = serde_json::from_slice(&octets)
            .map_err(|error| AuditError::file(format_args!("export, line {number}"), error))?;
        let index = rows.size();
        if line.index != index {
            found.add(
                WrongKind::Missing,
                index,
                format_args!("entry {index}"),
                format_args!("entry {}", line.index),
            );
            // What follows cannot be placed.
            found.entries = index;
            return Ok(found);
        }
        let leaf = Hash::leaf(line.leaf.as_bytes());
        if let Some(own) = own.first() {
            check(&line, &leaf, own, &mut found);
        }
        rows.push(leaf)?;
        while let Some(head) = heads.next_if(|head| head.size <= rows.size()) {
            if head.size == 0 || rows.root() == head.root {
                found.heads.push(head.size);
            } else {
                found.add(
                    WrongKind::Rewritten,
                    head.size,
                    format_args!("root {}", head.root),
                    format_args!("root {}", rows.root()),
                );
            }
        }
    }
    found.entries = rows.size();
    for head in heads.filter(|head| head.size > 0) {
        let expected = format!("{} entries", head.size);
        found.add(WrongKind::Cut, head.size, expected, rows.size());
    }
    Ok(found)
}

fn check(line: &Line, leaf: &Hash, head: &Checkpoint, found: &mut Verification) {
    let proof: Option<Vec<Hash>> = line.proof.iter().map(|hash| Hash::parse(hash)).collect();
    let Some(proof) = proof else {
        found.add(
            WrongKind::Changed,
            line.index,
            "a proof",
            "text that is no hash",
        );
        return;
    };
    if let Err(error) = verify_inclusion(leaf, line.index, head.size, &proof, &head.root) {
        found.add(
            WrongKind::Changed,
            line.index,
            format_args!("an entry that the head proves ({error})"),
            &line.leaf,
        );
    }
}

pub(super) fn write_line(out: &mut dyn Write, line: &impl Serialize) -> Result<(), AuditError> {
    let mut text = serde_json::to_vec(line).map_err(|error| AuditError::file("export", error))?;
    text.push(b'\n');
    out.write_all(&text)
        .map_err(|error| AuditError::file("export", error))
}

/// Reads one line, without its line feed; false at the end.
pub(super) fn read_line(input: &mut dyn BufRead, line: &mut Vec<u8>) -> Result<bool, AuditError> {
    line.clear();
    let read = input
        .take(MAX_LINE)
        .read_until(b'\n', line)
        .map_err(|error| AuditError::file("export", error))?;
    if read == 0 {
        return Ok(false);
    }
    match line.pop() {
        Some(b'\n') => Ok(true),
        _ => Err(AuditError::file(
            "export",
            format_args!("a line is cut, or longer than {MAX_LINE} octets"),
        )),
    }
}
