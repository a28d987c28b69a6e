use std::sync::Arc;

use crate::oid::ObjectIdentifier;

use super::name_constraints::Constraints;
use crate::der::{DecodeError, DecodeKind, Reader, Tag, Tlv};
use crate::oid;
use crate::x509::{BasicConstraints, Certificate, DistributionPoint, GeneralName, KeyUsage};

/// What path validation reads from the extensions of one certificate, decoded once.
#[derive(Default)]
pub(super) struct View {
    pub(super) self_issued: bool,
    pub(super) basic: Option<BasicConstraints>,
    pub(super) key_usage: Option<KeyUsage>,
    pub(super) ext_key_usage: Option<Vec<ObjectIdentifier>>,
    pub(super) alt_names: Option<Vec<GeneralName>>,
    pub(super) policies: Option<Vec<Policy>>,
    /// issuerDomainPolicy, subjectDomainPolicy
    pub(super) mappings: Vec<(ObjectIdentifier, ObjectIdentifier)>,
    pub(super) require_explicit: Option<u32>,
    pub(super) inhibit_mapping: Option<u32>,
    pub(super) inhibit_any: Option<u32>,
    pub(super) constraints: Option<Constraints>,
    pub(super) distribution_points: Vec<DistributionPoint>,
    /// Known extensions that cannot be read, with why.
    pub(super) malformed: Vec<(ObjectIdentifier, String)>,
    /// Critical extensions that are not processed.
    pub(super) unknown_critical: Vec<ObjectIdentifier>,
}

/// Extensions of an anchor that count (RFC 5937 3.2).
pub(super) const ANCHOR: [ObjectIdentifier; 5] = [
    oid::BASIC_CONSTRAINTS,
    oid::KEY_USAGE,
    oid::NAME_CONSTRAINTS,
    oid::POLICY_CONSTRAINTS,
    oid::INHIBIT_ANY_POLICY,
];

/// One policy that a certificate asserts.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) id: ObjectIdentifier,
    /// Types of its qualifiers.
    pub(super) qualifiers: Vec<ObjectIdentifier>,
}

impl View {
    /// That of a certificate, which keeps it.
    pub(super) fn of(c: &Certificate) -> Arc<Self> {
        c.memo(Self::decode)
    }

    /// Decodes every extension that is known, whether it decides anything here or not: what one
    /// reader skips another may act on.
    fn decode(c: &Certificate) -> Self {
        let mut view = Self {
            self_issued: c.is_self_issued(),
            ..Self::default()
        };
        for extension in c.extensions() {
            let id = extension.oid;
            let result = match arc_of(&id) {
                BASIC_CONSTRAINTS => keep(&mut view.basic, c.basic_constraints()),
                KEY_USAGE => keep(&mut view.key_usage, c.key_usage()),
                EXT_KEY_USAGE => keep(&mut view.ext_key_usage, c.ext_key_usage()),
                SUBJECT_ALT_NAME => keep(&mut view.alt_names, c.subject_alt_name()),
                CERTIFICATE_POLICIES => extension
                    .decode("certificatePolicies", policies)
                    .map(|p| view.policies = Some(p)),
                POLICY_MAPPINGS => extension
                    .decode("policyMappings", mappings)
                    .map(|m| view.mappings = m),
                POLICY_CONSTRAINTS => extension
                    .decode("policyConstraints", policy_constraints)
                    .map(|(explicit, mapping)| {
                        (view.require_explicit, view.inhibit_mapping) = (explicit, mapping);
                    }),
                INHIBIT_ANY_POLICY => extension
                    .decode("inhibitAnyPolicy", |r| {
                        skip_certs(&r.expect(Tag::INTEGER, "skipCerts")?)
                    })
                    .map(|n| view.inhibit_any = Some(n)),
                NAME_CONSTRAINTS => match c.name_constraints() {
                    Err(e) => Err(e),
                    Ok(None) => Ok(()),
                    Ok(Some(found)) => {
                        match Constraints::new(found, extension.critical) {
                            Ok(constraints) => view.constraints = Some(constraints),
                            Err(why) => view.malformed.push((id, why)),
                        }
                        Ok(())
                    }
                },
                // Not processed as such, critical or not: the search uses key identifiers, the
                // status the distribution points.
                CRL_DISTRIBUTION_POINTS => extension
                    .decode("cRLDistributionPoints", DistributionPoint::list)
                    .map(|all| view.distribution_points = all),
                arc => {
                    if extension.critical {
                        view.unknown_critical.push(id);
                    }
                    match arc {
                        AUTHORITY_KEY_IDENTIFIER => c.authority_key_identifier().map(drop),
                        SUBJECT_KEY_IDENTIFIER => c.subject_key_identifier().map(drop),
                        _ if id == oid::AUTHORITY_INFO_ACCESS => {
                            c.authority_info_access().map(drop)
                        }
                        _ if id == oid::QC_STATEMENTS => c.qc_statements().map(drop),
                        _ => Ok(()),
                    }
                }
            };
            if let Err(e) = result {
                view.malformed.push((id, e.to_string()));
            }
        }
        view
    }

    /// Whether it says that its subject is an authority.
    pub(super) fn is_authority(&self) -> bool {
        self.basic.is_some_and(|b| b.ca)
    }
}

/// The last arc of an identifier under id-ce, 2.5.29, where it is one octet; 0, which is none of
/// them, for every other. Sorting extensions by it costs less than comparing whole identifiers.
const fn arc_of(id: &ObjectIdentifier) -> u8 {
    match id.as_bytes() {
        [0x55, 0x1d, last] => *last,
        _ => 0,
    }
}

const AUTHORITY_KEY_IDENTIFIER: u8 = arc_of(&oid::AUTHORITY_KEY_IDENTIFIER);
const BASIC_CONSTRAINTS: u8 = arc_of(&oid::BASIC_CONSTRAINTS);
const CERTIFICATE_POLICIES: u8 = arc_of(&oid::CERTIFICATE_POLICIES);
const CRL_DISTRIBUTION_POINTS: u8 = arc_of(&oid::CRL_DISTRIBUTION_POINTS);
const EXT_KEY_USAGE: u8 = arc_of(&oid::EXT_KEY_USAGE);
const INHIBIT_ANY_POLICY: u8 = arc_of(&oid::INHIBIT_ANY_POLICY);
const KEY_USAGE: u8 = arc_of(&oid::KEY_USAGE);
const NAME_CONSTRAINTS: u8 = arc_of(&oid::NAME_CONSTRAINTS);
const POLICY_CONSTRAINTS: u8 = arc_of(&oid::POLICY_CONSTRAINTS);
const POLICY_MAPPINGS: u8 = arc_of(&oid::POLICY_MAPPINGS);
const SUBJECT_ALT_NAME: u8 = arc_of(&oid::SUBJECT_ALT_NAME);
const SUBJECT_KEY_IDENTIFIER: u8 = arc_of(&oid::SUBJECT_KEY_IDENTIFIER);

fn keep<T>(
    place: &mut Option<T>,
    found: Result<Option<T>, DecodeError>,
) -> Result<(), DecodeError> {
    *place = found?;
    Ok(())
}

/// `PolicyInformation` (RFC 5280 4.2.1.4), of the qualifiers their types.
fn policies(r: &mut Reader<'_>) -> Result<Vec<Policy>, DecodeError> {
    sequence_of(r, |r| {
        let id = r.oid("policyIdentifier")?;
        let qualifiers = if r.is_empty() {
            Vec::new()
        } else {
            sequence_of(r, |r| {
                let id = r.oid("policyQualifierId")?;
                r.any("qualifier")?;
                Ok(id)
            })?
        };
        Ok(Policy { id, qualifiers })
    })
}

/// `PolicyMappings` (RFC 5280 4.2.1.5).
fn mappings(r: &mut Reader<'_>) -> Result<Vec<(ObjectIdentifier, ObjectIdentifier)>, DecodeError> {
    sequence_of(r, |r| {
        Ok((r.oid("issuerDomainPolicy")?, r.oid("subjectDomainPolicy")?))
    })
}

/// `PolicyConstraints` (RFC 5280 4.2.1.11), which must not be empty.
fn policy_constraints(r: &mut Reader<'_>) -> Result<(Option<u32>, Option<u32>), DecodeError> {
    r.sequence("", |r| {
        if r.is_empty() {
            return Err(r.error(DecodeKind::Value("neither constraint is there"), ""));
        }
        let explicit = r.optional(Tag::primitive(0), "requireExplicitPolicy")?;
        let mapping = r.optional(Tag::primitive(1), "inhibitPolicyMapping")?;
        Ok((
            explicit.as_ref().map(skip_certs).transpose()?,
            mapping.as_ref().map(skip_certs).transpose()?,
        ))
    })
}

/// `SkipCerts ::= INTEGER (0..MAX)`; more than any path is long is as good as the largest number.
fn skip_certs(tlv: &Tlv<'_>) -> Result<u32, DecodeError> {
    let octets = tlv.integer("skipCerts")?;
    if octets.first().is_some_and(|b| b & 0x80 != 0) {
        return Err(tlv.error(DecodeKind::Value("number is negative"), "skipCerts"));
    }
    Ok(octets.iter().fold(0u32, |n, b| {
        n.checked_mul(256)
            .map_or(u32::MAX, |n| n.saturating_add(u32::from(*b)))
    }))
}

/// A SEQUENCE SIZE (1..MAX) OF SEQUENCE.
fn sequence_of<'a, T>(
    r: &mut Reader<'a>,
    mut read: impl FnMut(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    r.sequence("", |r| {
        if r.is_empty() {
            return Err(r.error(DecodeKind::Value("list is empty"), ""));
        }
        let mut all = Vec::new();
        while !r.is_empty() {
            all.push(r.sequence("", &mut read)?);
        }
        Ok(all)
    })
}
