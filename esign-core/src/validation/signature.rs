use std::sync::Arc;

use crate::oid::ObjectIdentifier;

use super::Timestamp;
use crate::evidence::Evidence;
use crate::keys::{Digest, SignatureAlgorithm};
use crate::report::Finding;
use crate::time::UnixTime;

/// The one shape in which every format hands over a signature: all that was read and hashed,
/// nothing that depends on time, trust or policy.
#[derive(Clone, Debug)]
pub struct Signature {
    /// What it came in.
    pub format: Format,
    /// How people and messages tell it from the others: a field's name, "signer 2".
    pub name: String,
    /// What the signer says of himself and his deed; none of it is proved by being there.
    pub claims: Claims,
    /// The signed data objects and whether their octets are those that were signed.
    pub objects: Vec<SignedObject>,
    /// The octets that the signature value covers: signed attributes as SET OF.
    pub signed_bytes: Vec<u8>,
    /// The same as received, where that is not the canonical form: some signers signed what they
    /// wrote. Tried second, and remarked on (rule 3).
    pub signed_bytes_as_received: Option<Vec<u8>>,
    /// The signature value.
    pub value: SignatureValue,
    /// How the signature names its certificate, in the order of appearance. The first reference
    /// is the signing certificate's (EN 319 122-1 5.2.2); others are of its path.
    pub signing_certificate: Vec<CertRef>,
    /// Issuer and serial number or key identifier by which the container points at the
    /// certificate; a hint only, since it is not signed.
    pub signer_identifier: Option<SignerIdentifier>,
    /// Time-stamps it carries.
    pub timestamps: Vec<Timestamp>,
    /// Certificates, CRLs and OCSP responses it carries; the signers of one message share them.
    pub evidence: Arc<Evidence>,
    /// What part of the document it covers and what came after.
    pub coverage: Coverage,
    /// Findings of structure, coverage and later changes, which no policy can soften.
    pub format_findings: Vec<Finding>,
}

/// Kind of container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// CMS with the attributes of EN 319 122-1.
    Cades,
    /// CMS without them.
    Cms,
    /// PDF signature of EN 319 142-1.
    Pades,
    /// PDF signature that is none (`adbe.pkcs7.detached` without the PAdES attributes and the like).
    Pdf,
}

impl Format {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cades => "CAdES",
            Self::Cms => "CMS",
            Self::Pades => "PAdES",
            Self::Pdf => "PDF",
        }
    }
}

/// What the signer claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// When he says he signed.
    pub signing_time: Option<UnixTime>,
    /// Why, in his words.
    pub reason: Option<String>,
    /// Where, in his words.
    pub location: Option<String>,
    /// His name, in his words.
    pub name: Option<String>,
    /// How to reach him.
    pub contact: Option<String>,
    /// What he commits to (EN 319 122-1 5.2.3).
    pub commitment: Vec<ObjectIdentifier>,
    /// The policy that he signed under; `None` in the inner option where it is implied.
    pub policy: Option<Option<ObjectIdentifier>>,
}

/// A signed data object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedObject {
    /// What it is: "content", "bytes 0–8191 and 16384–20000".
    pub scope: String,
    /// Whether its octets are those that were signed.
    pub digest: ObjectDigest,
}

/// Outcome of comparing an object's digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectDigest {
    /// The computed digest is the signed one.
    Intact(Digest),
    /// It is another.
    Broken {
        /// What was signed.
        signed: Digest,
        /// What was computed.
        computed: Digest,
    },
    /// The object is not there to be compared.
    Missing {
        /// What was signed.
        signed: Option<Digest>,
    },
    /// The digest algorithm is not computed here.
    Unknown(ObjectIdentifier),
}

/// Algorithm and octets of a signature value.
#[derive(Clone, Debug)]
pub struct SignatureValue {
    /// The algorithm; an object identifier where it is not one that is verified here.
    pub algorithm: Result<SignatureAlgorithm, ObjectIdentifier>,
    /// The octets.
    pub octets: Vec<u8>,
}

/// A signed reference to a certificate (`ESSCertID`, `ESSCertIDv2`, RFC 5035).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertRef {
    /// The signed attribute that it stands in.
    pub attribute: ObjectIdentifier,
    /// Digest over the whole certificate; the algorithm's identifier where it is not computed here.
    pub digest: Result<Digest, ObjectIdentifier>,
    /// DER of the issuer's name and the serial number's INTEGER content, where given.
    pub issuer_serial: Option<(Vec<u8>, Vec<u8>)>,
}

/// An unsigned pointer at the certificate (`SignerIdentifier`, RFC 5652 5.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignerIdentifier {
    /// DER of the issuer's name, and the serial number's INTEGER content octets.
    IssuerAndSerial(Vec<u8>, Vec<u8>),
    /// Subject key identifier.
    KeyIdentifier(Vec<u8>),
}

/// What a signature covers of its document, and what came after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// All of it, whatever its form.
    Whole,
    /// All of the document as it was at revision `revision` of `revisions`, both counted from 1.
    Revision {
        /// The signed revision.
        revision: usize,
        /// Revisions in all.
        revisions: usize,
        /// What each later revision did, in order.
        later: Vec<RevisionChange>,
    },
    /// Not all of it: what is left out stands in the findings.
    Partial,
    /// Not known, since the content is not there.
    Unknown,
}

/// What one later revision of a document did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionChange {
    /// Number of the revision, counted from 1.
    pub revision: usize,
    /// The gravest thing it did.
    pub kind: ChangeKind,
    /// What was touched, for people: "form field Ad", "page 2 content".
    pub touched: Vec<String>,
}

/// What a later revision did, from harmless to grave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// Nothing that can be seen or relied on.
    Nothing,
    /// Validation data or a document time-stamp was added.
    ValidationData,
    /// A further signature was added.
    Signature,
    /// Form fields were filled in.
    FormFilling,
    /// Annotations were added or changed.
    Annotations,
    /// Anything else: what the document shows may be another.
    Other,
}

impl ChangeKind {
    /// Stable word for data.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::ValidationData => "validation-data",
            Self::Signature => "signature",
            Self::FormFilling => "form-filling",
            Self::Annotations => "annotations",
            Self::Other => "other",
        }
    }
}
