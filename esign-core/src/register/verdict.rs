//! What a check concludes from what was asked, what the register holds and whom one trusts.

use serde::Serialize;

use super::{BoxContent, Record, open_box};
use crate::code::{Code, Version};
use crate::keys::PublicKey;
use crate::time::UnixTime;
use crate::visible_seal::{KeyId, VisibleSeal};

/// The verdicts of a check, never merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Issuer's signature, code, digest and class agree, and the register says in force.
    InForce,
    /// Suspended, revoked, superseded, expired or used.
    NotInForce,
    /// A compared field differs, or the file's signature is broken.
    Altered,
    /// The issuer may not issue this class at that time.
    IssuerNotAuthorised,
    /// The seal or what binds it fails.
    SignatureInvalid,
    /// The register has no such code.
    Unknown,
    /// The check symbols fail.
    Mistyped,
    /// The seal is genuine, its status could not be asked.
    StatusUnknown,
    /// Only a typed code and no register: nothing is proved.
    NotChecked,
    /// The seal's key is not in the trust file.
    SignerUnknown,
    /// A genuine code on another file than the issued one.
    DifferentFile,
    /// Issued in a test environment.
    TestDocument,
    /// A code or seal of another scheme.
    OtherSystem,
}

/// Status of a document in the register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the words are those of the construction")]
pub enum Standing {
    InForce,
    Suspended,
    Revoked,
    Superseded,
    Expired,
    Used,
}

/// A key with which a body signs seals, and what it may sign.
#[derive(Clone, Debug)]
pub struct IssuerKey {
    /// The key.
    pub key: PublicKey,
    /// The body.
    pub issuer: u32,
    /// Classes that it may issue.
    pub classes: Vec<u32>,
    /// From when.
    pub from: UnixTime,
    /// Until when, inclusive.
    pub until: Option<UnixTime>,
}

/// The keys that one trusts.
#[derive(Clone, Debug, Default)]
pub struct IssuerKeys(pub Vec<IssuerKey>);

/// What was asked about.
#[derive(Clone, Debug)]
pub enum Asked<'a> {
    /// A code that was typed.
    Code(Code),
    /// A seal that was scanned.
    Seal(&'a [u8]),
}

/// What the register holds under a code.
#[derive(Clone, Debug)]
pub struct Held {
    /// Salt of the box.
    pub salt: [u8; 16],
    /// The box.
    pub sealed: Vec<u8>,
    /// Digest of the record.
    pub digest: [u8; 32],
    /// Its status.
    pub standing: Standing,
    /// Since when.
    pub since: UnixTime,
}

/// What is known from the register.
#[derive(Clone, Debug)]
pub enum Known {
    /// It could not be asked.
    Unreachable,
    /// It has no such code.
    Absent,
    /// It has it.
    Held(Held),
}

/// A file that was given for comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileEvidence {
    /// Digest over the octets that the issuer's signature covers, or over the file.
    pub digest: [u8; 32],
    /// Whether the file's own signature is broken.
    pub broken: bool,
}

/// The outcome of a check.
#[derive(Clone, Debug)]
pub struct Check {
    /// The verdict.
    pub verdict: Verdict,
    /// What the print should say, where the seal is genuine.
    pub record: Option<Record>,
    /// Which key signed, where a seal was seen.
    pub key: Option<KeyId>,
    /// Status and since when, where the register told.
    pub standing: Option<(Standing, UnixTime)>,
    /// Whether the given file is the issued one.
    pub same_file: Option<bool>,
}

impl Verdict {
    /// The word in data.
    pub fn name(self) -> &'static str {
        match self {
            Self::InForce => "in-force",
            Self::NotInForce => "not-in-force",
            Self::Altered => "altered",
            Self::IssuerNotAuthorised => "issuer-not-authorised",
            Self::SignatureInvalid => "signature-invalid",
            Self::Unknown => "unknown",
            Self::Mistyped => "mistyped",
            Self::StatusUnknown => "status-unknown",
            Self::NotChecked => "not-checked",
            Self::SignerUnknown => "signer-unknown",
            Self::DifferentFile => "different-file",
            Self::TestDocument => "test-document",
            Self::OtherSystem => "other-system",
        }
    }

    /// Exit code of the command.
    pub fn exit(self) -> u8 {
        match self {
            Self::InForce => 0,
            Self::NotInForce
            | Self::Altered
            | Self::IssuerNotAuthorised
            | Self::SignatureInvalid
            | Self::Unknown => 1,
            Self::Mistyped => 2,
            Self::StatusUnknown
            | Self::NotChecked
            | Self::SignerUnknown
            | Self::DifferentFile
            | Self::TestDocument
            | Self::OtherSystem => 3,
        }
    }
}

impl Standing {
    /// The word in data.
    pub fn name(self) -> &'static str {
        match self {
            Self::InForce => "in-force",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
            Self::Superseded => "superseded",
            Self::Expired => "expired",
            Self::Used => "used",
        }
    }
}

/// Concludes. The order is that of trust: first whether the seal is genuine, then whether its
/// issuer might, then its environment, the file, and last its status.
pub fn check(
    asked: &Asked<'_>,
    known: &Known,
    keys: &IssuerKeys,
    file: Option<&FileEvidence>,
    at: UnixTime,
) -> Check {
    let mut outcome = Check {
        verdict: Verdict::NotChecked,
        record: None,
        key: None,
        standing: None,
        same_file: None,
    };
    let ends = |outcome: &mut Check, verdict| {
        outcome.verdict = verdict;
        outcome.clone()
    };
    let (octets, issued_file) = match (asked, known) {
        (Asked::Code(_), Known::Unreachable) => return outcome,
        (_, Known::Absent) => return ends(&mut outcome, Verdict::Unknown),
        (Asked::Code(code), Known::Held(held)) => {
            // The box is the issuer's: a register that puts another one there cannot close it
            // under this code, and what is in it is signed.
            let Ok(BoxContent { seal, file_digest }) = open_box(code, &held.salt, &held.sealed)
            else {
                return ends(&mut outcome, Verdict::SignatureInvalid);
            };
            (seal, file_digest)
        }
        (Asked::Seal(seal), _) => (seal.to_vec(), None),
    };
    let Ok(seal) = VisibleSeal::decode(&octets) else {
        return ends(&mut outcome, Verdict::OtherSystem);
    };
    outcome.key = Some(seal.key);
    let Some(issuer) = keys.0.iter().find(|k| KeyId::of(&k.key) == seal.key) else {
        return ends(&mut outcome, Verdict::SignerUnknown);
    };
    let Ok(record) = Record::decode(&seal.record) else {
        return ends(&mut outcome, Verdict::SignatureInvalid);
    };
    // Code, seal and register must speak of one record, compared by its full digest.
    let version = match asked {
        Asked::Code(code) => {
            (Code::of_record(code.version(), &seal.record) == *code).then_some(code.version())
        }
        Asked::Seal(_) => Some(Version::Production),
    };
    let digest_agrees = match known {
        Known::Held(held) => held.digest == Record::digest(&seal.record),
        _ => true,
    };
    let (Some(version), true, Ok(())) = (version, digest_agrees, seal.verify(&issuer.key)) else {
        return ends(&mut outcome, Verdict::SignatureInvalid);
    };
    let (issued_at, expires_at) = (record.issued_at, record.expires_at);
    let authorised = record.issuer == issuer.issuer
        && issuer.classes.contains(&record.class)
        && issued_at >= issuer.from
        && issuer.until.is_none_or(|u| issued_at <= u);
    outcome.record = Some(record);
    if !authorised {
        return ends(&mut outcome, Verdict::IssuerNotAuthorised);
    }
    if let Known::Held(held) = known {
        outcome.standing = Some((held.standing, held.since));
    }
    if let Some(end) = expires_at.filter(|e| *e < at)
        && !matches!(outcome.standing, Some((s, _)) if s != Standing::InForce)
    {
        outcome.standing = Some((Standing::Expired, end));
    }
    if let (Some(file), Some(issued)) = (file, issued_file) {
        outcome.same_file = Some(file.digest == issued && !file.broken);
    }
    if file.is_some_and(|f| f.broken) {
        return ends(&mut outcome, Verdict::Altered);
    }
    if outcome.same_file == Some(false) {
        return ends(&mut outcome, Verdict::DifferentFile);
    }
    // Whatever its status: a test document has no force.
    if version == Version::Test {
        return ends(&mut outcome, Verdict::TestDocument);
    }
    let verdict = match outcome.standing {
        Some((Standing::InForce, _)) => Verdict::InForce,
        Some(_) => Verdict::NotInForce,
        None => Verdict::StatusUnknown,
    };
    ends(&mut outcome, verdict)
}
