//! Cosignatures: witnesses state that they saw a checkpoint, when, and consistent with all before.

use super::note::{KeyKind, NoteKey, NoteSignature};
use super::{LogError, LogErrorKind, SignedNote};
use crate::keys::SigningKey;
use crate::time::UnixTime;

/// A verified cosignature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cosignature {
    /// The witness.
    pub name: String,
    /// When it signed, by its own clock; at or after 1970.
    pub at: UnixTime,
}

impl Cosignature {
    /// Cosigns the checkpoint in `note` as the witness `named` at `at`; adds the line and gives it.
    /// The caller has verified the log's signature and the consistency with what it cosigned before.
    ///
    /// # Errors
    /// [`LogErrorKind::Key`] where name and key do not belong together or its keeper refuses;
    /// [`LogErrorKind::Range`] for a time before 1970.
    ///
    /// # Source
    /// C2SP tlog-cosignature, "Ed25519 signed message".
    pub fn sign(
        note: &mut SignedNote,
        named: &NoteKey,
        key: &dyn SigningKey,
        at: UnixTime,
    ) -> Result<NoteSignature, LogError> {
        require(named)?;
        let seconds = u64::try_from(at.seconds()).map_err(|_| {
            LogError::new(LogErrorKind::Range, "cosignature: its time is before 1970")
        })?;
        let signature = named.sign(key, &message(seconds, note.text()))?;
        let line = NoteSignature {
            name: named.name().to_owned(),
            id: named.id(),
            signature: [&seconds.to_be_bytes(), signature.as_slice()].concat(),
        };
        note.add(line.clone())?;
        Ok(line)
    }

    /// Verifies that the witness `key` cosigned `note`. Of several lines of it, each must be valid;
    /// the earliest counts, as it dates best.
    ///
    /// # Errors
    /// [`LogErrorKind::Signature`]; [`LogErrorKind::Key`] for a key that makes no cosignatures.
    pub fn verify(note: &SignedNote, key: &NoteKey) -> Result<Self, LogError> {
        require(key)?;
        let mut earliest: Option<UnixTime> = None;
        for line in note.of(key)? {
            let at = verify_line(note.text(), key, line)?;
            earliest = Some(earliest.map_or(at, |before| before.min(at)));
        }
        let at = earliest.ok_or_else(|| invalid(key))?;
        Ok(Self {
            name: key.name().to_owned(),
            at,
        })
    }
}

fn verify_line(text: &str, key: &NoteKey, line: &NoteSignature) -> Result<UnixTime, LogError> {
    let (seconds, signature) = line
        .signature
        .split_first_chunk()
        .ok_or_else(|| invalid(key))?;
    let seconds = u64::from_be_bytes(*seconds);
    key.verify(&message(seconds, text), signature)?;
    let seconds = i64::try_from(seconds).map_err(|_| invalid(key))?;
    Ok(UnixTime::from_seconds(seconds))
}

fn message(seconds: u64, text: &str) -> Vec<u8> {
    format!("cosignature/v1\ntime {seconds}\n{text}").into_bytes()
}

fn require(key: &NoteKey) -> Result<(), LogError> {
    if key.kind() == KeyKind::Cosignature {
        return Ok(());
    }
    Err(LogError::new(
        LogErrorKind::Key,
        format_args!(
            "log key \"{}\": makes signatures, not cosignatures",
            key.name()
        ),
    ))
}

fn invalid(key: &NoteKey) -> LogError {
    LogError::new(
        LogErrorKind::Signature,
        format_args!("cosignature of \"{}\": is malformed", key.name()),
    )
}

#[cfg(test)]
mod tests {
    use super::super::{Checkpoint, Hash};
    use super::*;
    use crate::keys::{KeySpec, PrivateKey};

    #[test]
    fn a_cosignature_covers_time_and_text() {
        let key = PrivateKey::generate(KeySpec::Ed25519).unwrap();
        let witness = NoteKey::new("witness.example", KeyKind::Cosignature, key.public_key());
        let witness = witness.unwrap();
        let checkpoint = Checkpoint {
            origin: "log.example".to_owned(),
            size: 1,
            root: Hash::leaf(b"x"),
            extensions: Vec::new(),
        };
        let mut note = checkpoint.to_note().unwrap();
        let at = UnixTime::from_seconds(1_795_000_000);
        let line = Cosignature::sign(&mut note, &witness, &key, at).unwrap();
        assert_eq!(Cosignature::verify(&note, &witness).unwrap().at, at);
        assert_eq!(line.signature.len(), 8 + 64);
        let again = SignedNote::parse(note.to_string().as_bytes()).unwrap();
        assert_eq!(again, note);
        for octet in 0..line.signature.len() {
            let mut bad = line.clone();
            bad.signature[octet] ^= 1;
            let mut note = checkpoint.to_note().unwrap();
            note.add(bad).unwrap();
            assert!(
                Cosignature::verify(&note, &witness).is_err(),
                "octet {octet}"
            );
        }
        // The same key under the kind of a log's own signatures has another number.
        let log = NoteKey::new("witness.example", KeyKind::Note, key.public_key()).unwrap();
        assert_ne!(log.id(), witness.id());
        assert!(note.verify(&log).is_err());
        assert!(Cosignature::verify(&note, &log).is_err());
    }
}
