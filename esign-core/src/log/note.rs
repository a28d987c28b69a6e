//! Signed notes: a text and the lines of those who signed it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{LogError, LogErrorKind};
use crate::keys::{KeyAlgorithm, PublicKey, SignatureAlgorithm, SigningKey};

/// Largest note, in octets: 64 signatures of the post-quantum size that signed-note warns of (5 kB)
/// would not fit, 16, which it demands, do.
pub const MAX_NOTE: usize = 128 * 1024;
/// Most signature lines; signed-note demands that 16 be accepted.
pub const MAX_SIGNATURES: usize = 64;
/// Longest key name, in octets: a host name with a path.
const MAX_NAME: usize = 255;
/// DER of an Ed25519 `SubjectPublicKeyInfo` up to the key (RFC 8410 §4).
const ED25519_SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// What a key's signatures are made over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyKind {
    /// Type 0x04: a time and the note's text (tlog-cosignature).
    Cosignature,
    /// Type 0x01: the note's text.
    Note,
}

/// A named Ed25519 key that signs notes: what a verifier is configured with.
#[derive(Clone)]
pub struct NoteKey {
    name: String,
    kind: KeyKind,
    id: [u8; 4],
    key: PublicKey,
}

/// One signature line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoteSignature {
    /// Name of the key.
    pub name: String,
    /// Number of the key: with the name, it says which key and kind.
    pub id: [u8; 4],
    /// The signature's octets, as the kind has them; at least one.
    pub signature: Vec<u8>,
}

/// A text with its signatures, none of them verified yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl KeyKind {
    const fn octet(self) -> u8 {
        match self {
            Self::Cosignature => 0x04,
            Self::Note => 0x01,
        }
    }
}

impl NoteKey {
    /// The Ed25519 key `key` under `name`.
    ///
    /// # Errors
    /// [`LogErrorKind::Key`] for a key of another kind; [`LogErrorKind::Malformed`] for a name that is
    /// empty, longer than 255 octets, or has white space, "+" or control characters.
    pub fn new(name: &str, kind: KeyKind, key: &PublicKey) -> Result<Self, LogError> {
        check_name(name)?;
        if key.algorithm() != KeyAlgorithm::Ed25519 {
            return Err(LogError::new(
                LogErrorKind::Key,
                format_args!(
                    "log key \"{name}\": is {}, notes are signed with Ed25519",
                    key.algorithm()
                ),
            ));
        }
        let mut named = name.as_bytes().to_vec();
        named.extend_from_slice(&[b'\n', kind.octet()]);
        named.extend_from_slice(key.key_octets());
        let digest = ring::digest::digest(&ring::digest::SHA256, &named);
        // A digest of 32 octets has a first four, so the alternative is never taken.
        let id = digest.as_ref().first_chunk().copied().unwrap_or_default();
        Ok(Self {
            name: name.to_owned(),
            kind,
            id,
            key: key.clone(),
        })
    }

    /// Parses the text form `name+id+key` of signed-note's tools: the id in eight hexadecimal
    /// digits, the key in base64 behind the octet of its kind.
    ///
    /// # Errors
    /// [`LogErrorKind::Malformed`] for any other text, or an id that is not the key's.
    pub fn parse(text: &str) -> Result<Self, LogError> {
        let bad = |what: &str| LogError::malformed(format_args!("log key: {what}"));
        let form = || bad("has not the form name+id+key");
        // The base64 of the key may hold "+" itself.
        let mut parts = text.trim_end_matches('\n').splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(form());
        };
        if key.len() != 44 {
            return Err(form());
        }
        let octets = STANDARD.decode(key).map_err(|_| form())?;
        let Some((kind, key)) = octets.split_first() else {
            return Err(form());
        };
        let kind = match kind {
            0x01 => KeyKind::Note,
            0x04 => KeyKind::Cosignature,
            _ => return Err(bad("is of a kind other than Ed25519 and cosignature")),
        };
        let key = PublicKey::from_spki(&[&ED25519_SPKI, key].concat()).map_err(|_| form())?;
        let key = Self::new(name, kind, &key)?;
        if hex(key.id) != id {
            return Err(bad(&format!(
                "has the id {}, is named with {id}",
                hex(key.id)
            )));
        }
        Ok(key)
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its signatures are made over.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The key's number.
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    pub(super) fn sign(&self, key: &dyn SigningKey, message: &[u8]) -> Result<Vec<u8>, LogError> {
        if key.public_key().spki() != self.key.spki() {
            return Err(LogError::new(
                LogErrorKind::Key,
                format_args!("log key \"{}\": the private key is not its own", self.name),
            ));
        }
        key.sign(SignatureAlgorithm::Ed25519, message)
            .map_err(|error| LogError::new(LogErrorKind::Key, error))
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), LogError> {
        self.key
            .verify(SignatureAlgorithm::Ed25519, message, signature)
            .map_err(|_| {
                LogError::new(
                    LogErrorKind::Signature,
                    format_args!(
                        "note: the signature of \"{}\" (key {}) is invalid",
                        self.name,
                        hex(self.id)
                    ),
                )
            })
    }
}

impl fmt::Display for NoteKey {
    /// The text form that [`NoteKey::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octets = [&[self.kind.octet()], self.key.key_octets()].concat();
        write!(
            f,
            "{}+{}+{}",
            self.name,
            hex(self.id),
            STANDARD.encode(octets)
        )
    }
}

impl fmt::Debug for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl NoteSignature {
    /// Parses one line, without its line feed.
    ///
    /// # Errors
    /// [`LogErrorKind::Malformed`].
    pub fn parse(line: &str) -> Result<Self, LogError> {
        let bad =
            || LogError::malformed("note: a signature line has not the form \"— name base64\"");
        let (name, value) = line
            .strip_prefix("— ")
            .and_then(|rest| rest.split_once(' '))
            .ok_or_else(bad)?;
        check_name(name)?;
        let octets = STANDARD.decode(value).map_err(|_| bad())?;
        match octets.split_first_chunk() {
            Some((id, signature)) if !signature.is_empty() => Ok(Self {
                name: name.to_owned(),
                id: *id,
                signature: signature.to_vec(),
            }),
            _ => Err(bad()),
        }
    }

    fn is_of(&self, key: &NoteKey) -> bool {
        self.name == key.name && self.id == key.id
    }
}

impl fmt::Display for NoteSignature {
    /// The line, without its line feed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octets = [&self.id[..], &self.signature].concat();
        write!(f, "— {} {}", self.name, STANDARD.encode(octets))
    }
}

impl SignedNote {
    /// A note of this text, signed by nobody yet.
    ///
    /// # Errors
    /// [`LogErrorKind::Malformed`] unless `text` ends with a line feed and has no other control
    /// characters; [`LogErrorKind::Limit`] beyond [`MAX_NOTE`].
    pub fn new(text: &str) -> Result<Self, LogError> {
        check_text(text)?;
        Ok(Self {
            text: text.to_owned(),
            signatures: Vec::new(),
        })
    }

    /// Parses a note with its signatures.
    ///
    /// # Errors
    /// [`LogErrorKind::Malformed`]; [`LogErrorKind::Limit`] beyond [`MAX_NOTE`] octets or
    /// [`MAX_SIGNATURES`] lines.
    ///
    /// # Source
    /// C2SP signed-note, "Format".
    pub fn parse(octets: &[u8]) -> Result<Self, LogError> {
        if octets.len() > MAX_NOTE {
            return Err(too_large(octets.len()));
        }
        let note =
            std::str::from_utf8(octets).map_err(|_| LogError::malformed("note: is not UTF-8"))?;
        check_text(note)?;
        // The last empty line parts text and signatures.
        let (text, lines) = note
            .rsplit_once("\n\n")
            .ok_or_else(|| LogError::malformed("note: has no empty line before signatures"))?;
        let mut signatures = Vec::new();
        for line in lines.lines() {
            if signatures.len() == MAX_SIGNATURES {
                return Err(LogError::new(
                    LogErrorKind::Limit,
                    format_args!("note: has more than {MAX_SIGNATURES} signatures"),
                ));
            }
            signatures.push(NoteSignature::parse(line)?);
        }
        if signatures.is_empty() {
            return Err(LogError::malformed("note: has no signature"));
        }
        Ok(Self {
            text: format!("{text}\n"),
            signatures,
        })
    }

    /// The text, with its last line feed; to be believed only after [`Self::verify`].
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Signs the text with `key`, whose name and kind `named` gives.
    ///
    /// # Errors
    /// [`LogErrorKind::Key`] where the two do not belong together or the key's keeper refuses;
    /// [`LogErrorKind::Limit`] for one signature too many.
    pub fn sign(&mut self, named: &NoteKey, key: &dyn SigningKey) -> Result<(), LogError> {
        if named.kind != KeyKind::Note {
            return Err(LogError::new(
                LogErrorKind::Key,
                format_args!(
                    "log key \"{}\": makes cosignatures, not signatures",
                    named.name
                ),
            ));
        }
        let signature = named.sign(key, self.text.as_bytes())?;
        self.add(NoteSignature {
            name: named.name.clone(),
            id: named.id,
            signature,
        })
    }

    /// Adds a line that somebody else made; the very same line twice is one. It is not verified here.
    ///
    /// # Errors
    /// [`LogErrorKind::Limit`] beyond [`MAX_SIGNATURES`]; [`LogErrorKind::Malformed`] for a name that no
    /// key may have or a signature without octets.
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), LogError> {
        check_name(&signature.name)?;
        if signature.signature.is_empty() {
            return Err(LogError::malformed("note: a signature has no octets"));
        }
        if self.signatures.contains(&signature) {
            return Ok(());
        }
        if self.signatures.len() >= MAX_SIGNATURES {
            return Err(LogError::new(
                LogErrorKind::Limit,
                format_args!("note: has {MAX_SIGNATURES} signatures, which is the most"),
            ));
        }
        self.signatures.push(signature);
        Ok(())
    }

    /// Verifies that `key` (of kind [`KeyKind::Note`]) signed the text. Every line of that key must
    /// be valid.
    ///
    /// # Errors
    /// [`LogErrorKind::Signature`] where it did not, or a line of it is invalid; [`LogErrorKind::Key`]
    /// for a key of the other kind.
    pub fn verify(&self, key: &NoteKey) -> Result<(), LogError> {
        if key.kind != KeyKind::Note {
            return Err(LogError::new(
                LogErrorKind::Key,
                format_args!(
                    "log key \"{}\": makes cosignatures, not signatures",
                    key.name
                ),
            ));
        }
        for signature in self.of(key)? {
            key.verify(self.text.as_bytes(), &signature.signature)?;
        }
        Ok(())
    }

    /// The lines of `key`, at least one.
    pub(super) fn of(&self, key: &NoteKey) -> Result<Vec<&NoteSignature>, LogError> {
        let lines: Vec<_> = self.signatures.iter().filter(|s| s.is_of(key)).collect();
        if lines.is_empty() {
            return Err(LogError::new(
                LogErrorKind::Signature,
                format_args!(
                    "note: is not signed by \"{}\" (key {})",
                    key.name,
                    hex(key.id)
                ),
            ));
        }
        Ok(lines)
    }
}

impl fmt::Display for SignedNote {
    /// The note as it is kept and sent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures
            .iter()
            .try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

fn check_name(name: &str) -> Result<(), LogError> {
    let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    if name.is_empty() || name.len() > MAX_NAME || name.contains(bad) {
        return Err(LogError::malformed(
            "note: a key's name must have 1 to 255 octets, no white space, no \"+\"",
        ));
    }
    Ok(())
}

fn check_text(text: &str) -> Result<(), LogError> {
    if text.len() > MAX_NOTE {
        return Err(too_large(text.len()));
    }
    if !text.ends_with('\n') {
        return Err(LogError::malformed("note: does not end with a line feed"));
    }
    if text.bytes().any(|octet| octet < 0x20 && octet != b'\n') {
        return Err(LogError::malformed("note: has a control character"));
    }
    Ok(())
}

fn too_large(octets: usize) -> LogError {
    LogError::new(
        LogErrorKind::Limit,
        format_args!("note: has {octets} octets, at most {MAX_NOTE} are read"),
    )
}

fn hex(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{KeySpec, PrivateKey};

    /// The example of signed-note and the key that it gives for it.
    const EXAMPLE: &str = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";

    #[test]
    fn the_example_of_the_specification_is_read_and_written_the_same() {
        let note = SignedNote::parse(EXAMPLE.as_bytes()).unwrap();
        assert!(note.text().ends_with("\n\ned è subito sera.\n"));
        assert_eq!(note.signatures()[0].name, "quasimodo.example/salvatore");
        assert_eq!(note.signatures()[0].id, [0x36, 0x7b, 0xa0, 0x4b]);
        assert_eq!(note.to_string(), EXAMPLE);
    }

    #[test]
    fn the_note_of_gos_own_implementation_verifies() {
        // golang.org/x/mod/sumdb/note, its documentation's example.
        let key =
            NoteKey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
        let key = key.unwrap();
        let text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        let note = SignedNote::parse(text.as_bytes()).unwrap();
        note.verify(&key).unwrap();
        assert_eq!(
            key.to_string(),
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
        );
        let forged = text.replace("answer", "cause");
        let error = SignedNote::parse(forged.as_bytes())
            .unwrap()
            .verify(&key)
            .unwrap_err();
        assert_eq!(error.kind(), LogErrorKind::Signature);
    }

    #[test]
    fn malformed_notes_are_refused() {
        let line = "— a AAAAAAE=\n";
        for bad in [
            String::new(),
            "text\n".to_owned(),
            "text\n\n".to_owned(),
            format!("text\n{line}"),
            format!("text\n\n{line}x\n"),
            format!("text\n\n{}", line.trim_end()),
            format!("te\txt\n\n{line}"),
            "text\n\n— a AAAAAA==\n".to_owned(),
            "text\n\n— a+b AAAAAAE=\n".to_owned(),
            "text\n\n—  AAAAAAE=\n".to_owned(),
            "text\n\n- a AAAAAAE=\n".to_owned(),
            "text\n\n— a AAAAAAE\n".to_owned(),
            "text\r\n\r\n— a AAAAAAE=\r\n".to_owned(),
        ] {
            let error = SignedNote::parse(bad.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), LogErrorKind::Malformed, "{bad:?}");
        }
        assert!(SignedNote::parse(b"\xff\n\n").is_err());
    }

    #[test]
    fn limits_are_reached() {
        let line = "— a AAAAAAE=\n";
        let full = format!("text\n\n{}", line.repeat(MAX_SIGNATURES));
        assert!(SignedNote::parse(full.as_bytes()).is_ok());
        let over = SignedNote::parse(format!("{full}{line}").as_bytes()).unwrap_err();
        assert_eq!(over.kind(), LogErrorKind::Limit);
        let long = format!("{}\n\n{line}", "x".repeat(MAX_NOTE));
        let error = SignedNote::parse(long.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), LogErrorKind::Limit);
    }

    #[test]
    fn only_the_right_key_signs_and_verifies() {
        let key = PrivateKey::generate(KeySpec::Ed25519).unwrap();
        let other = PrivateKey::generate(KeySpec::Ed25519).unwrap();
        let named = NoteKey::new("log.example/a", KeyKind::Note, key.public_key()).unwrap();
        let mut note = SignedNote::new("text\n").unwrap();
        assert_eq!(
            note.sign(&named, &other).unwrap_err().kind(),
            LogErrorKind::Key
        );
        note.sign(&named, &key).unwrap();
        let note = SignedNote::parse(note.to_string().as_bytes()).unwrap();
        note.verify(&named).unwrap();
        let stranger = NoteKey::new("log.example/a", KeyKind::Note, other.public_key()).unwrap();
        assert_eq!(
            note.verify(&stranger).unwrap_err().kind(),
            LogErrorKind::Signature
        );
        let p256 = PrivateKey::generate(KeySpec::Ec(crate::keys::Curve::P256)).unwrap();
        let error = NoteKey::new("a", KeyKind::Note, p256.public_key()).unwrap_err();
        assert_eq!(error.kind(), LogErrorKind::Key);
    }
}
