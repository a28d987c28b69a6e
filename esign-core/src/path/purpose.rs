use crate::oid::ObjectIdentifier;

use super::extensions::View;
use super::record::Record;
use super::{KeyPurpose, PathInputs};
use crate::oid;
use crate::report::{Finding, SubIndication};
use crate::x509::{Certificate, KeyUsage};

const EXTENDED: &str = "path.ext-key-usage";
const CLAUSE: &str = "RFC 5280 4.2.1.12";

/// What a purpose asks of a certificate.
struct Wanted {
    /// One of these bits, where keyUsage is there.
    usage: KeyUsage,
    extended: Extended,
}

enum Extended {
    /// Nothing.
    Any,
    /// Not only purposes that exclude this one.
    NotOnly(&'static [ObjectIdentifier]),
    /// This one, where extKeyUsage is there; anyExtendedKeyUsage is as good.
    Among(ObjectIdentifier),
    /// This one, and the extension must be there.
    Present(ObjectIdentifier),
    /// This one alone, critical.
    Alone(ObjectIdentifier),
}

fn wanted(purpose: KeyPurpose) -> Option<Wanted> {
    // EN 319 412-2 4.3.2; certificates from before it have digitalSignature alone.
    let signing = KeyUsage::NON_REPUDIATION | KeyUsage::DIGITAL_SIGNATURE;
    let agreement = KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_AGREEMENT;
    let (usage, extended) = match purpose {
        KeyPurpose::Any => return None,
        KeyPurpose::CrlSigning => (KeyUsage::CRL_SIGN, Extended::Any),
        // A key that may only answer OCSP or stamp time does not sign documents; which others may
        // is not settled by any standard, so they are left to the policy.
        KeyPurpose::DocumentSigning => (
            signing,
            Extended::NotOnly(&[oid::KP_OCSP_SIGNING, oid::KP_TIME_STAMPING]),
        ),
        KeyPurpose::OcspSigning => (signing, Extended::Present(oid::KP_OCSP_SIGNING)),
        KeyPurpose::TimeStamping => (signing, Extended::Alone(oid::KP_TIME_STAMPING)),
        KeyPurpose::TlsClient => (agreement, Extended::Among(oid::KP_CLIENT_AUTH)),
        KeyPurpose::TlsServer => (
            agreement | KeyUsage::KEY_ENCIPHERMENT,
            Extended::Among(oid::KP_SERVER_AUTH),
        ),
    };
    Some(Wanted { usage, extended })
}

/// Whether the key may be used for what it was used for.
pub(super) fn end_entity(
    certificate: &Certificate,
    view: &View,
    inputs: &PathInputs<'_>,
    record: &mut Record,
) {
    let Some(Wanted { usage, extended }) = wanted(inputs.purpose) else {
        return;
    };
    let refused =
        |rule, clause| Finding::indeterminate(rule, clause, SubIndication::SigConstraintsFailure);
    let (rule, clause) = ("path.key-usage", "RFC 5280 4.2.1.3");
    // An authority's key can issue itself a certificate for TLS at any time, so nothing is gained
    // by refusing its own (x509-limbo: ca-as-leaf).
    let tls = matches!(
        inputs.purpose,
        KeyPurpose::TlsClient | KeyPurpose::TlsServer
    );
    let itself =
        |usage: KeyUsage| tls && view.is_authority() && usage.contains(KeyUsage::KEY_CERT_SIGN);
    match view.key_usage {
        // For lists and answers the bit is part of the rule (RFC 5280 6.3.3 (f)); where there is
        // no keyUsage at all, nothing is restricted.
        Some(found) if !found.intersects(usage) && !itself(found) => record.add(
            refused(rule, clause)
                .with("key_usage", names(found))
                .with("one_of", names(usage)),
        ),
        found => record.passed(rule, clause, |f| {
            f.with("key_usage", names(found.unwrap_or_default()))
        }),
    }
    let found = view.ext_key_usage.as_deref();
    let has = |wanted: &ObjectIdentifier| found.is_some_and(|f| f.contains(wanted));
    let (holds, wanted) = match &extended {
        Extended::Any => (true, None),
        Extended::NotOnly(others) => (
            found.is_none_or(|f| f.iter().any(|o| !others.contains(o))),
            None,
        ),
        Extended::Among(wanted) => (
            found.is_none() || has(wanted) || has(&oid::ANY_EXTENDED_KEY_USAGE),
            Some(wanted),
        ),
        Extended::Present(wanted) => (has(wanted), Some(wanted)),
        // RFC 3161 2.3.
        Extended::Alone(wanted) => (
            has(wanted)
                && found.is_some_and(|f| f.len() == 1)
                && certificate
                    .extension(oid::EXT_KEY_USAGE)
                    .is_some_and(|e| e.critical),
            Some(wanted),
        ),
    };
    let facts = |f: Finding| {
        let f = f.with("ext_key_usage", identifiers(found.unwrap_or_default()));
        match wanted {
            Some(wanted) => f.with("wanted", wanted.to_string()),
            None => f,
        }
    };
    if holds {
        record.passed(EXTENDED, CLAUSE, facts);
    } else {
        record.add(facts(refused(EXTENDED, CLAUSE)));
    }
}

/// Whether an intermediate authority may stand over a certificate of this purpose.
///
/// RFC 5280 gives extKeyUsage of an authority no meaning. For TLS the Baseline Requirements
/// (7.1.2.10.6) and all browsers take it for a limit to what is below, so a TLS purpose must be
/// among them; other purposes have no such rule anywhere.
pub(super) fn authority(view: &View, inputs: &PathInputs<'_>, record: &mut Record) {
    let wanted = match inputs.purpose {
        KeyPurpose::TlsClient => oid::KP_CLIENT_AUTH,
        KeyPurpose::TlsServer => oid::KP_SERVER_AUTH,
        _ => return,
    };
    let Some(found) = &view.ext_key_usage else {
        return;
    };
    let clause = "BR 7.1.2.10.6";
    let facts = |f: Finding| {
        f.with("ext_key_usage", identifiers(found))
            .with("wanted", wanted.to_string())
    };
    if found.contains(&wanted) || found.contains(&oid::ANY_EXTENDED_KEY_USAGE) {
        record.passed(EXTENDED, clause, facts);
    } else {
        record.add(facts(super::record::broken(EXTENDED, clause)));
    }
}

/// The bits of a keyUsage by name.
pub(super) fn names(usage: KeyUsage) -> Vec<String> {
    usage.names().map(str::to_owned).collect()
}

/// Object identifiers as text.
pub(super) fn identifiers(all: &[ObjectIdentifier]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}
