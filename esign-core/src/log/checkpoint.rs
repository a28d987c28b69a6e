//! Checkpoints: a log's name, size and root, as the text of a signed note.

use std::fmt;

use super::{Hash, LogError, MAX_SIZE, SignedNote};

/// Longest origin, in octets: that of a key's name, which it usually is.
pub const MAX_ORIGIN: usize = 255;
/// Most extension lines that are taken: none are defined, and clients ignore them.
pub const MAX_EXTENSION_LINES: usize = 16;

/// The head of a log. Believe it only after a key of the log was found to have signed it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// The log's name: unique, usually an address without its scheme.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// The root hash of its tree.
    pub root: Hash,
    /// Lines behind the first three, without their line feeds.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// Reads the text of `note`.
    ///
    /// # Errors
    /// [`Malformed`](super::LogErrorKind::Malformed) where it is no checkpoint.
    pub fn of(note: &SignedNote) -> Result<Self, LogError> {
        Self::parse(note.text())
    }

    /// Parses the text: origin, size in decimal digits without leading zeros, root in base64, and
    /// lines of extensions, each with its line feed.
    ///
    /// # Errors
    /// [`Malformed`](super::LogErrorKind::Malformed); the root of a tree without entries must be the
    /// one there is.
    ///
    /// # Source
    /// C2SP tlog-checkpoint, "Note text".
    pub fn parse(text: &str) -> Result<Self, LogError> {
        let body = text
            .strip_suffix('\n')
            .ok_or_else(|| bad("does not end with a line feed"))?;
        let mut lines = body.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(bad("has fewer than three lines"));
        };
        let size = decimal(size)
            .filter(|size| *size <= MAX_SIZE)
            .ok_or_else(|| bad("the second line is no size"))?;
        let root = Hash::parse(root).ok_or_else(|| bad("the third line is no hash"))?;
        let checkpoint = Self {
            origin: origin.to_owned(),
            size,
            root,
            extensions: lines.map(str::to_owned).collect(),
        };
        checkpoint.check()?;
        Ok(checkpoint)
    }

    /// The note to be signed.
    ///
    /// # Errors
    /// [`Malformed`](super::LogErrorKind::Malformed) for an origin or extension that is empty or has
    /// control characters, or for too many of them.
    pub fn to_note(&self) -> Result<SignedNote, LogError> {
        self.check()?;
        SignedNote::new(&self.to_string())
    }

    fn check(&self) -> Result<(), LogError> {
        let unfit = |line: &str| line.is_empty() || line.contains(|c: char| c.is_control());
        if unfit(&self.origin) || self.origin.len() > MAX_ORIGIN {
            return Err(bad("the origin must have 1 to 255 octets on one line"));
        }
        if self.extensions.len() > MAX_EXTENSION_LINES || self.extensions.iter().any(|l| unfit(l)) {
            return Err(bad("has empty or too many extension lines"));
        }
        if self.size == 0 && self.root != Hash::empty() {
            return Err(bad(
                "has no entries and yet another root than the empty tree's",
            ));
        }
        Ok(())
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, self.root)?;
        self.extensions
            .iter()
            .try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// An ASCII decimal without sign and leading zeros.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let leading = text.len() > 1 && text.starts_with('0');
    if digits && !leading {
        text.parse().ok()
    } else {
        None
    }
}

fn bad(what: &str) -> LogError {
    LogError::malformed(format_args!("checkpoint: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

    #[test]
    fn checkpoints_are_read_strictly_and_written_the_same() {
        for text in [
            format!("example.com/behind-the-sofa\n20852163\n{ROOT}\n"),
            format!("a\n1\n{ROOT}\nextension\n"),
            format!("a\n0\n{}\n", Hash::empty()),
        ] {
            assert_eq!(Checkpoint::parse(&text).unwrap().to_string(), text);
        }
        for bad in [
            String::new(),
            format!("a\n1\n{ROOT}"),
            format!("\n1\n{ROOT}\n"),
            format!("a\n01\n{ROOT}\n"),
            format!("a\n+1\n{ROOT}\n"),
            format!("a\n\n{ROOT}\n"),
            format!("a\n9223372036854775808\n{ROOT}\n"),
            format!("a\n0\n{ROOT}\n"),
            format!("a\n1\n{ROOT}\n\n"),
            format!("a\n1\n{}\n", &ROOT[..43]),
            format!("a\n1\n{ROOT}=\n"),
            format!("{}\n1\n{ROOT}\n", "a".repeat(MAX_ORIGIN + 1)),
            format!("a\n1\n{ROOT}\n{}", "x\n".repeat(MAX_EXTENSION_LINES + 1)),
        ] {
            assert!(Checkpoint::parse(&bad).is_err(), "{bad:?}");
        }
    }
}
