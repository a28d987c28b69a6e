use crate::oid::ObjectIdentifier;

use super::ReferenceName;
use crate::evidence::Evidence;
use crate::time::UnixTime;
use crate::trust::TrustAnchors;

/// Everything that the judgement of a path depends on.
#[derive(Clone, Copy, Debug)]
pub struct PathInputs<'a> {
    /// The instant for which the path is judged.
    pub at: UnixTime,
    /// Whom one trusts.
    pub anchors: &'a TrustAnchors,
    /// Other certificates, and revocation lists.
    pub evidence: &'a Evidence,
    /// Whether the status of certificates counts.
    pub revocation: RevocationChecking,
    /// What the key of the first certificate was used for.
    pub purpose: KeyPurpose,
    /// Names that the first certificate must have, every one of them; none: any will do.
    pub names: &'a [ReferenceName],
    /// Policy inputs of RFC 5280 6.1.1 (c), (e), (f), (g).
    pub policies: PolicyInputs<'a>,
    /// Most intermediate certificates that are not self-issued, where fewer than
    /// [`super::MAX_PATH_LEN`] allows.
    pub max_depth: Option<u32>,
    /// How much of RFC 5280 clause 4 counts for validation.
    pub profile: PathProfile,
}

impl<'a> PathInputs<'a> {
    /// Inputs that ask for no name and no policy, under [`PathProfile::Pkix`].
    pub fn new(
        at: UnixTime,
        anchors: &'a TrustAnchors,
        evidence: &'a Evidence,
        revocation: RevocationChecking,
        purpose: KeyPurpose,
    ) -> Self {
        Self {
            at,
            anchors,
            evidence,
            revocation,
            purpose,
            names: &[],
            policies: PolicyInputs::default(),
            max_depth: None,
            profile: PathProfile::Pkix,
        }
    }
}

/// Policy inputs; the default is any policy, with none of the inhibitions.
///
/// # Source
/// RFC 5280 6.1.1.
#[derive(Clone, Copy, Debug, Default)]
pub struct PolicyInputs<'a> {
    /// user-initial-policy-set; empty, or with anyPolicy in it: any policy.
    pub initial_policies: &'a [ObjectIdentifier],
    /// initial-explicit-policy: the path must be valid for one of the initial policies.
    pub require_explicit: bool,
    /// initial-policy-mapping-inhibit: no policy may be mapped to another.
    pub inhibit_mapping: bool,
    /// initial-any-policy-inhibit: anyPolicy in a certificate does not count.
    pub inhibit_any: bool,
}

/// Whether the status of certificates counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationChecking {
    /// Where it is known it counts; where it is not, the report says so and the path may pass.
    Available,
    /// Every certificate below the anchor must be shown not to be revoked.
    Required,
    /// Status is not looked at; the report says so.
    Skipped,
}

/// What a key was used for, so what its certificate has to allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPurpose {
    /// Anything: the usage is not checked.
    Any,
    /// Signing revocation lists (RFC 5280 6.3.3 (f)).
    CrlSigning,
    /// Signing or sealing documents.
    DocumentSigning,
    /// Signing OCSP responses (RFC 6960 4.2.2.2).
    OcspSigning,
    /// Signing time-stamps (RFC 3161 2.3).
    TimeStamping,
    /// Speaking for a client in TLS (RFC 5280 4.2.1.12).
    TlsClient,
    /// Speaking for a server in TLS (RFC 5280 4.2.1.12).
    TlsServer,
}

/// How much of RFC 5280 clause 4 counts for validation. `docs/conformance.md` lists every
/// difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathProfile {
    /// RFC 5280 clause 6, as the suite PKITS has it: what an authority should have written
    /// otherwise, without effect on the judgement, is a lint's business.
    Pkix,
    /// Also every MUST of clause 4 for who issues, and anchors are judged like other certificates,
    /// as the suite x509-limbo has it.
    Strict,
}
