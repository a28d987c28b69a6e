use super::made::{Holder, Made, World, t};
use super::{decisive, judge};
use crate::oid;
use crate::path::{KeyPurpose, PathInputs, PathProfile, RevocationChecking};
use crate::x509::KeyUsage;

/// The decision on `leaf` below an authority, for a purpose.
fn for_purpose(ca: Made, leaf: Made, purpose: KeyPurpose) -> String {
    let root = Holder::root(Made::authority("CN=root"));
    let ca = root.issue(ca);
    let leaf = ca.issue(leaf);
    let world = World::new(&[&root], &[&ca]);
    let inputs = PathInputs {
        purpose,
        ..world.inputs()
    };
    decisive(&judge(&leaf.certificate, &inputs))
}

#[test]
fn purposes_ask_for_their_usages() {
    let signing = KeyUsage::DIGITAL_SIGNATURE;
    let end = || Made::end("CN=end");
    let both = [oid::KP_TIME_STAMPING, oid::KP_OCSP_SIGNING];
    use KeyPurpose as P;
    let rows = [
        (end(), P::Any, "passed"),
        (end(), P::DocumentSigning, "passed"),
        (
            end().usage(KeyUsage::KEY_AGREEMENT),
            P::DocumentSigning,
            "path.key-usage",
        ),
        (
            end().usage(signing).extended(&both, false),
            P::DocumentSigning,
            "path.ext-key-usage",
        ),
        (end().usage(KeyUsage::CRL_SIGN), P::CrlSigning, "passed"),
        (end().usage(signing), P::CrlSigning, "path.key-usage"),
        (end().usage(signing), P::OcspSigning, "path.ext-key-usage"),
        (end().extended(&both, false), P::OcspSigning, "passed"),
        (end().extended(&both[..1], true), P::TimeStamping, "passed"),
        (
            end().extended(&both[..1], false),
            P::TimeStamping,
            "path.ext-key-usage",
        ),
        (
            end().extended(&both, true),
            P::TimeStamping,
            "path.ext-key-usage",
        ),
        (end(), P::TlsServer, "passed"),
        (
            end().extended(&[oid::KP_SERVER_AUTH], false),
            P::TlsServer,
            "passed",
        ),
        (
            end().extended(&[oid::KP_SERVER_AUTH], false),
            P::TlsClient,
            "path.ext-key-usage",
        ),
        (
            end().extended(&[oid::ANY_EXTENDED_KEY_USAGE], false),
            P::TlsClient,
            "passed",
        ),
        (
            end().usage(KeyUsage::KEY_ENCIPHERMENT),
            P::TlsServer,
            "passed",
        ),
        (
            end().usage(KeyUsage::KEY_ENCIPHERMENT),
            P::TlsClient,
            "path.key-usage",
        ),
        (Made::authority("CN=end"), P::TlsServer, "passed"),
    ];
    for (leaf, purpose, expected) in rows {
        let found = for_purpose(Made::authority("CN=ca"), leaf, purpose);
        let rule = found.split(':').next().unwrap();
        assert_eq!(rule, expected, "{purpose:?}: {found}");
    }
    // What an authority's extKeyUsage means for TLS, and for nothing else.
    for (usages, purpose, expected) in [
        (&[oid::KP_SERVER_AUTH][..], P::TlsServer, true),
        (&[oid::KP_CLIENT_AUTH], P::TlsServer, false),
        (&[oid::ANY_EXTENDED_KEY_USAGE], P::TlsServer, true),
        (&[oid::KP_CLIENT_AUTH], P::DocumentSigning, true),
    ] {
        let ca = Made::authority("CN=ca").extended(usages, false);
        let found = for_purpose(ca, end(), purpose);
        assert_eq!(found == "passed", expected, "{found}");
    }
}

#[test]
fn both_values_are_told() {
    let root = Holder::root(Made::authority("CN=root"));
    let ca = root.issue(Made::authority("CN=ca").basic(true, Some(0)));
    let sub = ca.issue(Made::authority("CN=sub"));
    let leaf = ca.issue(Made::end("CN=leaf").valid("2023-03-01", "2024-03-01"));
    let deep = sub.issue(Made::end("CN=leaf"));
    let world = World::new(&[&root], &[&ca, &sub]);
    assert_eq!(
        decisive(&judge(&leaf.certificate, &world.inputs())),
        "path.validity: at \"2026-06-01T00:00:00Z\", not_before \"2023-03-01T00:00:00Z\", \
         not_after \"2024-03-01T00:00:00Z\""
    );
    assert_eq!(
        decisive(&judge(&deep.certificate, &world.inputs())),
        "path.path-length: authorities_below 1, path_length_constraint 0"
    );
    let limited = PathInputs {
        max_depth: Some(0),
        ..world.inputs()
    };
    let one = ca.issue(Made::end("CN=leaf"));
    assert_eq!(
        decisive(&judge(&one.certificate, &limited)),
        "path.max-depth: authorities_below 1, max_depth 0"
    );
    let unknown = ca.issue(Made::end("CN=leaf").with(oid::SUBJECT_INFO_ACCESS, true, vec![5, 0]));
    assert_eq!(
        decisive(&judge(&unknown.certificate, &world.inputs())),
        "path.critical-extensions: not_processed [\"1.3.6.1.5.5.7.1.11\"]"
    );
    let broken = ca.issue(Made::end("CN=leaf").with(oid::SUBJECT_ALT_NAME, false, vec![0x30, 9]));
    let found = decisive(&judge(&broken.certificate, &world.inputs()));
    assert!(
        found.starts_with("path.extensions-well-formed: malformed"),
        "{found}"
    );
}

#[test]
fn strict_adds_what_clause_4_asks_of_issuers() {
    let end = || Made::end("CN=end");
    let ca = || Made::authority("CN=ca");
    let rows: Vec<(Made, Made, &str)> = vec![
        (ca(), end(), ""),
        (ca(), end().serial(&[0x80]), "RFC 5280 4.1.2.2"),
        (ca(), end().serial(&[0]), "RFC 5280 4.1.2.2"),
        (ca(), end().serial(&[1; 21]), "RFC 5280 4.1.2.2"),
        (ca(), end().without_key_identifiers(), "RFC 5280 4.2.1.1"),
        (ca().without_key_identifiers(), end(), "RFC 5280 4.2.1.1"),
        (
            ca().with(oid::BASIC_CONSTRAINTS, false, vec![0x30, 3, 1, 1, 255]),
            end(),
            "RFC 5280 4.2.1.9",
        ),
        (
            ca(),
            end().usage(KeyUsage::KEY_CERT_SIGN),
            "RFC 5280 4.2.1.9",
        ),
        (
            ca().with(oid::POLICY_CONSTRAINTS, false, vec![0x30, 3, 0x80, 1, 9]),
            end(),
            "RFC 5280 4.2.1.11",
        ),
        (ca(), Made::end("").dns(&["a.az"]), "RFC 5280 4.2.1.6"),
        (ca(), end().dns(&["a_b.az"]), "RFC 5280 4.2.1.6"),
        (
            ca(),
            end().policies(&["1.2.3", "1.2.3"]),
            "RFC 5280 4.2.1.4",
        ),
    ];
    for (ca, leaf, clause) in rows {
        let root = Holder::root(Made::authority("CN=root"));
        let ca = root.issue(ca);
        let leaf = ca.issue(leaf);
        let world = World::new(&[&root], &[&ca]);
        assert_eq!(
            decisive(&judge(&leaf.certificate, &world.inputs())),
            "passed",
            "{clause}"
        );
        let strict = PathInputs {
            profile: PathProfile::Strict,
            ..world.inputs()
        };
        let judged = judge(&leaf.certificate, &strict);
        let found = crate::report::Finding::decisive(&judged.report);
        let found = found.map_or(("", ""), |f| (f.rule, f.clause));
        let expected = if clause.is_empty() {
            ("", "")
        } else {
            ("path.strict", clause)
        };
        assert_eq!(found, expected);
    }
    // Anchors are judged like other certificates.
    let root = Holder::root(Made::authority("CN=root").valid("2020-01-01", "2021-01-01"));
    let leaf = root.issue(end());
    let world = World::new(&[&root], &[]);
    assert!(judge(&leaf.certificate, &world.inputs()).value.is_some());
    let strict = PathInputs {
        profile: PathProfile::Strict,
        ..world.inputs()
    };
    assert!(decisive(&judge(&leaf.certificate, &strict)).starts_with("path.validity"));
}

#[test]
fn a_status_that_is_not_known_weighs_only_where_it_is_required() {
    let root = Holder::root(Made::authority("CN=root"));
    let leaf = root.issue(Made::end("CN=leaf"));
    let world = World::new(&[&root], &[]);
    for (revocation, passes) in [
        (RevocationChecking::Required, false),
        (RevocationChecking::Available, true),
        (RevocationChecking::Skipped, true),
    ] {
        let inputs = PathInputs {
            revocation,
            at: t("2026-06-01"),
            ..world.inputs()
        };
        assert_eq!(judge(&leaf.certificate, &inputs).value.is_some(), passes);
    }
}
