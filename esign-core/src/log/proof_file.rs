//! Proof files: that an entry is in a log, for whoever is off line.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::decimal;
use super::{
    Checkpoint, Hash, LogError, LogErrorKind, MAX_NOTE, NoteKey, SignedNote, verify_inclusion,
};

/// Most octets of extra data: room for what makes up a record's hash.
pub const MAX_EXTRA: usize = 64 * 1024;
/// Largest proof file, in octets: extra data in base64, 63 hashes, the note.
pub const MAX_PROOF: usize = 256 * 1024;
/// Most hashes of an inclusion proof: a tree has fewer than 2^63 entries.
const MAX_HASHES: usize = 63;
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// A proof of inclusion with the checkpoint that it leads to.
///
/// # Source
/// C2SP tlog-proof, version 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProofFile {
    /// Octets for the application, which nothing authenticates.
    pub extra: Option<Vec<u8>>,
    /// The entry's place in the log, from 0.
    pub index: u64,
    /// The hashes from the leaf's sibling up.
    pub hashes: Vec<Hash>,
    /// The checkpoint with its signatures and cosignatures.
    pub checkpoint: SignedNote,
}

impl ProofFile {
    /// Parses a proof file.
    ///
    /// # Errors
    /// [`LogErrorKind::Malformed`]; [`LogErrorKind::Limit`] beyond [`MAX_PROOF`] octets.
    pub fn parse(octets: &[u8]) -> Result<Self, LogError> {
        if octets.len() > MAX_PROOF {
            return Err(LogError::new(
                LogErrorKind::Limit,
                format_args!(
                    "log proof: has {} octets, at most {MAX_PROOF} are read",
                    octets.len()
                ),
            ));
        }
        let text = std::str::from_utf8(octets).map_err(|_| bad("is not UTF-8"))?;
        let (head, note) = text
            .split_once("\n\n")
            .ok_or_else(|| bad("has no empty line before the checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(bad("does not begin with c2sp.org/tlog-proof@v1"));
        }
        let extra = match lines.next_if(|line| line.starts_with("extra ")) {
            Some(line) => {
                let value = line.strip_prefix("extra ").unwrap_or_default();
                let octets = STANDARD
                    .decode(value)
                    .ok()
                    .filter(|octets| !octets.is_empty() && octets.len() <= MAX_EXTRA)
                    .ok_or_else(|| bad("its extra data are not base64, none or too many"))?;
                Some(octets)
            }
            None => None,
        };
        let index = lines
            .next()
            .and_then(|line| line.strip_prefix("index "))
            .and_then(decimal)
            .ok_or_else(|| bad("has no index"))?;
        let mut hashes = Vec::new();
        for line in lines {
            let hash = Hash::parse(line).filter(|_| hashes.len() < MAX_HASHES);
            hashes.push(hash.ok_or_else(|| bad("has a line that is no hash, or too many"))?);
        }
        if note.len() > MAX_NOTE {
            return Err(bad("its checkpoint is too large"));
        }
        let checkpoint = SignedNote::parse(note.as_bytes())?;
        Checkpoint::of(&checkpoint)?;
        Ok(Self {
            extra,
            index,
            hashes,
            checkpoint,
        })
    }

    /// Verifies that `entry` is in the log `origin`, whose key is `key`; gives the checkpoint that
    /// says so. Cosignatures are for [`super::Cosignature::verify`].
    ///
    /// # Errors
    /// [`LogErrorKind::Mismatch`] for another origin or entry; those of [`SignedNote::verify`] and
    /// [`verify_inclusion`].
    pub fn verify(
        &self,
        entry: &[u8],
        origin: &str,
        key: &NoteKey,
    ) -> Result<Checkpoint, LogError> {
        self.checkpoint.verify(key)?;
        let checkpoint = Checkpoint::of(&self.checkpoint)?;
        if checkpoint.origin != origin {
            return Err(LogError::new(
                LogErrorKind::Mismatch,
                format_args!(
                    "log proof: is of the log \"{}\", expected \"{origin}\"",
                    checkpoint.origin
                ),
            ));
        }
        verify_inclusion(
            &Hash::leaf(entry),
            self.index,
            checkpoint.size,
            &self.hashes,
            &checkpoint.root,
        )?;
        Ok(checkpoint)
    }
}

impl fmt::Display for ProofFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.hashes {
            writeln!(f, "{hash}")?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

fn bad(what: &str) -> LogError {
    LogError::malformed(format_args!("log proof: {what}"))
}

#[cfg(test)]
mod tests {
    use super::super::{Appender, KeyKind, MemoryTiles, TileReader};
    use super::*;
    use crate::keys::{KeySpec, PrivateKey, SigningKey};

    #[test]
    fn a_proof_holds_for_its_entry_alone_and_is_written_as_read() {
        let key = PrivateKey::generate(KeySpec::Ed25519).unwrap();
        let named = NoteKey::new("log.example", KeyKind::Note, key.public_key()).unwrap();
        let tiles = MemoryTiles::new();
        let mut log = Appender::new();
        for n in 0..1000u32 {
            log.append(&n.to_be_bytes()).unwrap();
        }
        log.flush(&tiles).unwrap();
        let checkpoint = Checkpoint {
            origin: "log.example".to_owned(),
            size: 1000,
            root: log.root().unwrap(),
            extensions: Vec::new(),
        };
        let mut note = checkpoint.to_note().unwrap();
        note.sign(&named, &key).unwrap();
        let proof = ProofFile {
            extra: Some(b"salt".to_vec()),
            index: 700,
            hashes: TileReader::new(&tiles, 1000).inclusion(700).unwrap(),
            checkpoint: note,
        };
        let text = proof.to_string();
        assert_eq!(ProofFile::parse(text.as_bytes()).unwrap(), proof);
        let entry = 700u32.to_be_bytes();
        assert_eq!(
            proof.verify(&entry, "log.example", &named).unwrap(),
            checkpoint
        );
        assert!(
            proof
                .verify(&701u32.to_be_bytes(), "log.example", &named)
                .is_err()
        );
        assert!(proof.verify(&entry, "other.example", &named).is_err());
        // Every octet of the proof counts, but for the extra data and characters of the key's line.
        let hashes = text.find("index").unwrap()..text.find("\n\nlog").unwrap();
        for at in hashes {
            let mut octets = text.clone().into_bytes();
            octets[at] ^= 1;
            let held = ProofFile::parse(&octets)
                .and_then(|proof| proof.verify(&entry, "log.example", &named));
            assert!(held.is_err(), "octet {at}");
        }
        for bad in [
            text.replace("@v1", "@v2"),
            text.replace("index 700", "index 0700"),
            text.replace("extra ", "extra !"),
            text.replace("\n\nlog", "\n\n\nlog"),
        ] {
            assert!(ProofFile::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        let error = ProofFile::parse(&vec![b'x'; MAX_PROOF + 1]).unwrap_err();
        assert_eq!(error.kind(), LogErrorKind::Limit);
    }
}
