//! A witness of logs: cosigns a checkpoint once it is shown to follow on the last one that it saw.
//!
//! A log that shows two histories to two people finds no cosignature for the second. What was seen is on
//! the disk before anything is signed, so that no crash makes the witness forget it.
//!
//! # Source
//! C2SP tlog-witness, `add-checkpoint`; tlog-cosignature.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use esign_core::keys::SigningKey;
use esign_core::log::{
    Checkpoint, Cosignature, Hash, KeyKind, LogError, NoteKey, SignedNote, verify_consistency,
};
use esign_core::time::UnixTime;

use crate::error::{CentreError, CentreErrorKind};
use crate::files::{self, Secrecy};
use crate::ids::Digest;

/// Most hashes of a consistency proof (tlog-witness): one for each bit of a size.
const MAX_PROOF: usize = 63;
/// Largest request: a proof, and a note of some signatures.
pub const MAX_REQUEST: usize = 64 * 1024;

/// A witness with its key and what it saw.
pub struct Witness {
    dir: PathBuf,
    named: NoteKey,
    key: Arc<dyn SigningKey>,
    logs: Vec<NoteKey>,
    /// One request after another: what was seen and what is signed belong together.
    turn: Mutex<()>,
    /// Held as long as the witness is: two on one folder could sign two histories.
    _lock: File,
}

/// Why a checkpoint is not cosigned.
#[derive(Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// Not a request, or an old size beyond the new one.
    Malformed(String),
    /// No log of this origin is known.
    UnknownLog,
    /// No known key of the log signed it.
    Signature,
    /// Another size than the request says was seen last, or another root of the same size.
    Conflict {
        /// The size that was seen last.
        seen: u64,
    },
    /// The proof does not lead from what was seen to what is shown: a fork.
    Proof,
    /// The witness's own disk or key fails.
    Failed(CentreError),
}

impl Witness {
    /// The witness `name` over the folder `dir`, for `logs` by their keys.
    ///
    /// # Errors
    /// The folder cannot be used, or another process has it; name and key do not fit (Ed25519).
    pub fn open(
        dir: &Path,
        name: &str,
        key: Arc<dyn SigningKey>,
        logs: Vec<NoteKey>,
    ) -> Result<Self, CentreError> {
        let failed = |e| CentreError::io(dir, &e);
        std::fs::create_dir_all(dir).map_err(failed)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let lock = options.open(dir.join("lock")).map_err(failed)?;
        lock.try_lock()
            .map_err(|e| CentreError::new(CentreErrorKind::Io, dir.display(), e))?;
        let named = NoteKey::new(name, KeyKind::Cosignature, key.public_key())
            .map_err(|e| CentreError::new(CentreErrorKind::Key, "witness", e))?;
        Ok(Self {
            dir: dir.to_owned(),
            named,
            key,
            logs,
            turn: Mutex::new(()),
            _lock: lock,
        })
    }

    /// Name and key, as logs and verifiers are told.
    pub fn key(&self) -> &NoteKey {
        &self.named
    }

    /// Answers a request of a log: the line of the cosignature, with its line feed.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn add_checkpoint(&self, request: &[u8], at: UnixTime) -> Result<String, Refusal> {
        let (old, proof, mut note) = parse(request).map_err(Refusal::Malformed)?;
        let checkpoint = Checkpoint::of(&note).map_err(|e| Refusal::Malformed(e.to_string()))?;
        let mut known = self
            .logs
            .iter()
            .filter(|key| key.name() == checkpoint.origin)
            .peekable();
        if known.peek().is_none() {
            return Err(Refusal::UnknownLog);
        }
        if !known.any(|key| note.verify(key).is_ok()) {
            return Err(Refusal::Signature);
        }
        if old > checkpoint.size {
            return Err(Refusal::Malformed(format!(
                "old size {old} is beyond the checkpoint's {}",
                checkpoint.size
            )));
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.path(&checkpoint.origin);
        let (seen, root) = seen(&path).map_err(Refusal::Failed)?;
        if old != seen || old == checkpoint.size && root != checkpoint.root {
            return Err(Refusal::Conflict { seen });
        }
        verify_consistency(old, &root, checkpoint.size, &checkpoint.root, &proof)
            .map_err(|_| Refusal::Proof)?;
        let text = format!("{}\n{}\n", checkpoint.size, checkpoint.root);
        files::write(&path, text.as_bytes(), Secrecy::Public).map_err(Refusal::Failed)?;
        let own =
            |e: LogError| Refusal::Failed(CentreError::new(CentreErrorKind::Key, "witness", e));
        let line = Cosignature::sign(&mut note, &self.named, self.key.as_ref(), at).map_err(own)?;
        Ok(format!("{line}\n"))
    }

    /// Where the last checkpoint of a log is kept: an origin may hold what no file's name may.
    fn path(&self, origin: &str) -> PathBuf {
        self.dir.join(Digest::of(origin.as_bytes()).to_string())
    }
}

/// Size and root of the last checkpoint seen; those of the empty log before the first.
fn seen(path: &Path) -> Result<(u64, Hash), CentreError> {
    if !path.exists() {
        return Ok((0, Hash::empty()));
    }
    let octets = files::read(path)?;
    let text = String::from_utf8_lossy(&octets);
    let mut lines = text.lines();
    let size = lines.next().and_then(|line| line.parse().ok());
    let root = lines.next().and_then(Hash::parse);
    // A file that says nothing is no permission to begin anew.
    size.zip(root).ok_or_else(|| {
        CentreError::new(
            CentreErrorKind::Io,
            path.display(),
            "does not hold the size and root that were seen last",
        )
    })
}

/// `old SIZE`, hashes of the proof, an empty line, the note.
fn parse(request: &[u8]) -> Result<(u64, Vec<Hash>, SignedNote), String> {
    if request.len() > MAX_REQUEST {
        return Err(format!("has more than {MAX_REQUEST} octets"));
    }
    let text = std::str::from_utf8(request).map_err(|_| "is not UTF-8".to_owned())?;
    let (head, note) = text
        .split_once("\n\n")
        .ok_or("has no empty line before the checkpoint")?;
    let mut lines = head.split('\n');
    let old = lines
        .next()
        .and_then(|line| line.strip_prefix("old "))
        .filter(|size| *size == "0" || !size.starts_with(['0', '+']))
        .and_then(|size| size.parse().ok())
        .ok_or("does not begin with \"old\" and a size")?;
    let proof = lines
        .map(|line| Hash::parse(line).ok_or("holds a line that is no hash"))
        .collect::<Result<Vec<_>, _>>()?;
    if proof.len() > MAX_PROOF {
        return Err(format!("has a proof of more than {MAX_PROOF} hashes"));
    }
    let note = SignedNote::parse(note.as_bytes()).map_err(|e| e.to_string())?;
    Ok((old, proof, note))
}

/// What a log asks a witness: to cosign `note`, to which `proof` leads from the size `old`.
pub fn request(old: u64, proof: &[Hash], note: &SignedNote) -> String {
    let mut text = format!("old {old}\n");
    for hash in proof {
        text.push_str(&format!("{hash}\n"));
    }
    text.push('\n');
    text.push_str(&note.to_string());
    text
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness")
            .field("name", &self.named.name())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use esign_core::keys::{KeySpec, PrivateKey};
    use esign_core::log::{Appender, MemoryTiles, TileReader};

    use super::*;

    struct Log {
        key: PrivateKey,
        named: NoteKey,
        leaves: Vec<Vec<u8>>,
    }

    impl Log {
        fn new(origin: &str) -> Self {
            let key = PrivateKey::generate(KeySpec::Ed25519).unwrap();
            Self {
                named: NoteKey::new(origin, KeyKind::Note, key.public_key()).unwrap(),
                key,
                leaves: (0..40_u8).map(|n| vec![n]).collect(),
            }
        }

        fn tiles(&self, size: usize) -> (MemoryTiles, Hash) {
            let (tiles, mut log) = (MemoryTiles::new(), Appender::new());
            for leaf in &self.leaves[..size] {
                log.append(leaf).unwrap();
            }
            log.flush(&tiles).unwrap();
            (tiles, log.root().unwrap())
        }

        fn note(&self, size: usize) -> SignedNote {
            let mut note = Checkpoint {
                origin: self.named.name().to_owned(),
                size: u64::try_from(size).unwrap(),
                root: self.tiles(size).1,
                extensions: Vec::new(),
            }
            .to_note()
            .unwrap();
            note.sign(&self.named, &self.key).unwrap();
            note
        }

        fn ask(&self, old: usize, size: usize) -> String {
            let (tiles, _) = self.tiles(size);
            let wide = |n: usize| u64::try_from(n).unwrap();
            // What cannot be proved is asked for without a proof.
            let proof = TileReader::new(&tiles, wide(size)).consistency(wide(old));
            request(wide(old), &proof.unwrap_or_default(), &self.note(size))
        }
    }

    fn folder(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("witness-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        dir
    }

    fn witness(dir: &Path, log: &Log) -> Result<Witness, CentreError> {
        let key = Arc::new(PrivateKey::generate(KeySpec::Ed25519).unwrap());
        Witness::open(dir, "w.example/1", key, vec![log.named.clone()])
    }

    const AT: UnixTime = UnixTime::from_seconds(1_800_000_000);

    #[test]
    fn what_follows_is_cosigned_and_a_fork_is_not() {
        let dir = folder("fork");
        let log = Log::new("log.example");
        let first = witness(&dir, &log).unwrap();
        // The folder has one witness.
        assert!(witness(&dir, &log).is_err());
        let cosigned = |witness: &Witness, old, size| {
            let line = witness
                .add_checkpoint(log.ask(old, size).as_bytes(), AT)
                .unwrap();
            let mut note = log.note(size);
            let line = esign_core::log::NoteSignature::parse(line.trim_end()).unwrap();
            note.add(line).unwrap();
            assert_eq!(Cosignature::verify(&note, witness.key()).unwrap().at, AT);
        };
        cosigned(&first, 0, 5);
        cosigned(&first, 5, 5);
        cosigned(&first, 5, 20);
        let refused = |witness: &Witness, request: &str| {
            witness.add_checkpoint(request.as_bytes(), AT).unwrap_err()
        };
        // An older size, a log that begins anew, and what it was last is told.
        for (old, size) in [(5, 25), (0, 25), (5, 5), (21, 25)] {
            let told = refused(&first, &log.ask(old, size));
            assert!(matches!(told, Refusal::Conflict { seen: 20 }), "{told:?}");
        }
        // Another history under the same key: of the same size, and of a larger one.
        let mut fork = Log {
            key: PrivateKey::from_pkcs8_der(log.key.pkcs8_der()).unwrap(),
            named: log.named.clone(),
            leaves: log.leaves.clone(),
        };
        fork.leaves[3] = b"another".to_vec();
        let told = refused(&first, &fork.ask(20, 20));
        assert!(matches!(told, Refusal::Conflict { seen: 20 }), "{told:?}");
        let told = refused(&first, &fork.ask(20, 30));
        assert!(matches!(told, Refusal::Proof), "{told:?}");
        // After a crash it knows what it saw.
        drop(first);
        let again = witness(&dir, &log).unwrap();
        let told = refused(&again, &fork.ask(0, 30));
        assert!(matches!(told, Refusal::Conflict { seen: 20 }), "{told:?}");
        cosigned(&again, 20, 40);
        // A damaged memory is no permission to begin anew.
        let path = again.path("log.example");
        std::fs::write(&path, "").unwrap();
        let told = refused(&again, &log.ask(0, 30));
        assert!(matches!(told, Refusal::Failed(_)), "{told:?}");
        let _ = std::fs::remove_dir_all(&dir);
    }

    #[test]
    fn requests_that_are_none() {
        let dir = folder("none");
        let (log, other) = (Log::new("log.example"), Log::new("other.example"));
        let witness = witness(&dir, &log).unwrap();
        let ask = |request: &str| witness.add_checkpoint(request.as_bytes(), AT).unwrap_err();
        let told = ask(&other.ask(0, 5));
        assert!(matches!(told, Refusal::UnknownLog), "{told:?}");
        let impostor = Log::new("log.example");
        let told = ask(&impostor.ask(0, 5));
        assert!(matches!(told, Refusal::Signature), "{told:?}");
        let good = log.ask(0, 5);
        let proof = [Hash::leaf(b"x")];
        let with_proof = request(0, &proof, &log.note(5));
        let told = ask(&with_proof);
        assert!(matches!(told, Refusal::Proof), "{told:?}");
        let beyond = request(6, &[], &log.note(5));
        let long = request(0, &vec![Hash::empty(); MAX_PROOF + 1], &log.note(5));
        let large = format!("{}{}", good, "x".repeat(MAX_REQUEST));
        for bad in [
            "",
            "old 0",
            "\n\n",
            &good.replacen("old 0", "old 00", 1),
            &good.replacen("old 0", "old +0", 1),
            &good.replacen("old 0", "old -1", 1),
            &good.replacen("old 0\n", "old 0\nx\n", 1),
            &beyond,
            &long,
            &large,
        ] {
            let told = ask(bad);
            assert!(matches!(told, Refusal::Malformed(_)), "{told:?}: {bad:.40}");
        }
        let _ = std::fs::remove_dir_all(&dir);
    }
}
