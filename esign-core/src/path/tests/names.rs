use crate::oid::ObjectIdentifier;

use super::made::{Holder, Made, World, name};
use super::{decisive, judge};
use crate::der::{Tag, Writer};
use crate::oid;
use crate::path::{KeyPurpose, MAX_NAME_COMPARISONS, PathInputs, PathProfile, ReferenceName};
use crate::x509::GeneralName;

fn dns(text: &str) -> GeneralName {
    GeneralName::Dns(text.into())
}

fn mail(text: &str) -> GeneralName {
    GeneralName::Email(text.into())
}

fn uri(text: &str) -> GeneralName {
    GeneralName::Uri(text.into())
}

fn ip(octets: &[u8]) -> GeneralName {
    GeneralName::Ip(octets.to_vec())
}

fn dn(text: &str) -> GeneralName {
    GeneralName::Directory(name(text))
}

fn other(id: ObjectIdentifier, tag: Tag, text: &str) -> GeneralName {
    let mut w = Writer::new();
    w.tlv(tag, text.as_bytes());
    GeneralName::Other(id, w.finish())
}

fn utf8_mail(text: &str) -> GeneralName {
    other(oid::SMTP_UTF8_MAILBOX, Tag::UTF8_STRING, text)
}

const UPN: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2.3");

/// The decision on a leaf with `presented` below an authority with these constraints.
fn constrained(
    subject: &str,
    presented: &[GeneralName],
    permitted: &[GeneralName],
    excluded: &[GeneralName],
    critical: bool,
) -> String {
    let root = Holder::root(Made::authority("CN=root"));
    let ca = root.issue(Made::authority("CN=ca").constraints(permitted, excluded, critical));
    let leaf = Made::end(subject);
    let leaf = ca.issue(if presented.is_empty() {
        leaf
    } else {
        leaf.alt(presented)
    });
    let world = World::new(&[&root], &[&ca]);
    decisive(&judge(&leaf.certificate, &world.inputs()))
}

#[test]
fn constraints_of_every_form_hold_as_their_clause_says() {
    let net = [192, 0, 2, 0, 255, 255, 255, 0];
    let net6: Vec<u8> = [
        [0x20, 1, 0xd, 0xb8].as_slice(),
        &[0; 12],
        &[0xff; 4],
        &[0; 12],
    ]
    .concat();
    let in_net6: Vec<u8> = [[0x20, 1, 0xd, 0xb8].as_slice(), &[9; 12]].concat();
    // (presented, base, whether it is inside)
    let rows: Vec<(GeneralName, GeneralName, bool)> = vec![
        // RFC 5280 4.2.1.10, dNSName: zero or more labels on the left.
        (dns("example.com"), dns("example.com"), true),
        (dns("a.b.EXAMPLE.com"), dns("example.com"), true),
        (dns("badexample.com"), dns("example.com"), false),
        (dns("com"), dns("example.com"), false),
        (dns("anything.az"), dns(""), true),
        (dns("*.example.com"), dns("example.com"), true),
        // rfc822Name: a mailbox, a host, a domain.
        (mail("a@example.com"), mail("a@example.com"), true),
        (mail("A@example.com"), mail("a@example.com"), false),
        (mail("a@EXAMPLE.com"), mail("a@example.com"), true),
        (mail("\"a\"@example.com"), mail("a@example.com"), true),
        (mail("a@example.com"), mail("example.com"), true),
        (mail("a@x.example.com"), mail("example.com"), false),
        (mail("a@x.example.com"), mail(".example.com"), true),
        (mail("a@example.com"), mail(".example.com"), false),
        // RFC 9598 6: the same constraints for internationalised mail.
        (utf8_mail("ə@example.com"), mail("example.com"), true),
        (utf8_mail("ə@x.example.com"), mail("example.com"), false),
        (utf8_mail("ə@x.example.com"), mail(".example.com"), true),
        (utf8_mail("ə@example.com"), mail("a@example.com"), false),
        // uniformResourceIdentifier: a host, or with a period those below it.
        (uri("https://example.com/x"), uri("example.com"), true),
        (uri("https://a.example.com"), uri("example.com"), false),
        (uri("https://a.example.com"), uri(".example.com"), true),
        (uri("https://example.com"), uri(".example.com"), false),
        (uri("https://u@example.com:8443"), uri("example.com"), true),
        (
            uri("https://example.com@evil.az"),
            uri("example.com"),
            false,
        ),
        // iPAddress
        (ip(&[192, 0, 2, 255]), ip(&net), true),
        (ip(&[192, 0, 3, 0]), ip(&net), false),
        (ip(&in_net6), ip(&net6), true),
        (ip(&[0; 16]), ip(&net6), false),
        (ip(&in_net6), ip(&net), false),
        // directoryName: whole relative names, compared by RFC 5280 7.1.
        (dn("CN=a,O=Org,C=AZ"), dn("O=ORG,C=AZ"), true),
        (dn("O=Org,C=AZ"), dn("O=Org,C=AZ"), true),
        (dn("C=AZ"), dn("O=Org,C=AZ"), false),
        (dn("CN=a,O=Organisation,C=AZ"), dn("O=Org,C=AZ"), false),
        (dn("CN=a"), dn(""), true),
    ];
    for (presented, base, inside) in rows {
        let names = std::slice::from_ref(&presented);
        let bases = std::slice::from_ref(&base);
        let subject = "CN=a,O=Org,C=AZ";
        let rule = "path.name-constraints: ";
        if let GeneralName::Directory(_) = presented {
            // The subject is a name of this form, too; here it is not the one that is looked at.
            let excluded = constrained("", names, &[], bases, true);
            assert_eq!(
                excluded != "passed",
                inside,
                "{presented} {base}: {excluded}"
            );
            let permitted = constrained("", names, bases, &[], true);
            assert_eq!(
                permitted == "passed",
                inside,
                "{presented} {base}: {permitted}"
            );
            continue;
        }
        let excluded = constrained(subject, names, &[], bases, true);
        let permitted = constrained(subject, names, bases, &[], true);
        assert_eq!(
            permitted == "passed",
            inside,
            "{presented} {base}: {permitted}"
        );
        assert_eq!(
            excluded != "passed",
            inside,
            "{presented} {base}: {excluded}"
        );
        for found in [&permitted, &excluded] {
            assert!(found == "passed" || found.starts_with(rule), "{found}");
        }
        // What is in both is excluded.
        let both = constrained(subject, names, bases, bases, true);
        assert!(both.starts_with(rule), "{both}");
        // A constraint of another form says nothing.
        let other = [GeneralName::RegisteredId(oid::COMMON_NAME)];
        assert_eq!(constrained(subject, names, &other, &other, true), "passed");
    }
}

#[test]
fn what_cannot_be_compared_is_not_let_through() {
    let net = [192, 0, 2, 0, 255, 255, 255, 0];
    for (presented, base) in [
        (dns(".example.com"), dns("example.com")),
        (dns("a.*.example.com"), dns("example.com")),
        (dns("a b.example.com"), dns("example.com")),
        (mail("a@b@example.com"), mail("example.com")),
        (mail("example.com"), mail("example.com")),
        (utf8_mail("a"), mail("example.com")),
        (uri("mailto:a@example.com"), uri("example.com")),
        (uri("https://192.0.2.1/"), uri("example.com")),
        (ip(&[192, 0, 2]), ip(&net)),
        (ip(&net), ip(&net)),
    ] {
        let names = std::slice::from_ref(&presented);
        for (permitted, excluded) in [(Some(&base), None), (None, Some(&base))] {
            let list = |n: Option<&GeneralName>| n.cloned().into_iter().collect::<Vec<_>>();
            let found = constrained("CN=a", names, &list(permitted), &list(excluded), true);
            assert!(
                found.starts_with("path.name-constraints: set_by"),
                "{presented} {base}: {found}"
            );
            assert!(found.contains("malformed"), "{found}");
        }
    }
    // Forms without rules: refused where the constraint is critical (RFC 5280 4.2.1.10).
    let upn = other(UPN, Tag::UTF8_STRING, "a@example.com");
    let registered = GeneralName::RegisteredId(oid::COMMON_NAME);
    for form in [upn.clone(), registered.clone()] {
        let one = [form];
        assert!(constrained("CN=a", &one, &one, &[], true).contains("not_processed"));
        assert!(constrained("CN=a", &one, &[], &one, true).contains("not_processed"));
        assert_eq!(constrained("CN=a", &one, &[], &one, false), "passed");
        assert_eq!(
            constrained("CN=a", &[dns("a.az")], &one, &one, true),
            "passed"
        );
    }
    // Another type of otherName is another form.
    assert_eq!(
        constrained("CN=a", &[utf8_mail("ə@a.az")], &[upn], &[], true),
        "passed"
    );
}

#[test]
fn malformed_constraints_are_refused() {
    for base in [
        dns(".example.com"),
        dns("*.example.com"),
        mail("a@b@example.com"),
        mail("*.example.com"),
        uri("https://example.com"),
        ip(&[192, 0, 2, 0]),
        ip(&[192, 0, 2, 0, 255, 0, 255, 0]),
        ip(&[0; 9]),
    ] {
        let found = constrained("CN=a", &[], &[], std::slice::from_ref(&base), true);
        assert!(
            found.starts_with("path.extensions-well-formed: malformed"),
            "{base}: {found}"
        );
    }
    // minimum is there
    let root = Holder::root(Made::authority("CN=root"));
    let tree = [
        0x30, 12, 0xa0, 10, 0x30, 8, 0x82, 3, b'a', b'.', b'b', 0x80, 1, 1,
    ];
    let ca = root.issue(Made::authority("CN=ca").with(oid::NAME_CONSTRAINTS, true, tree.to_vec()));
    let leaf = ca.issue(Made::end("CN=leaf"));
    let world = World::new(&[&root], &[&ca]);
    let found = decisive(&judge(&leaf.certificate, &world.inputs()));
    assert!(found.contains("minimum"), "{found}");
}

#[test]
fn wildcards_are_judged_by_all_that_they_stand_for() {
    let star = [dns("*.example.com")];
    for (base, permitted, excluded) in [
        ("example.com", true, true),
        ("com", true, true),
        // Some of it: not all is permitted, something is excluded (CVE-2025-61727).
        ("bar.example.com", false, true),
        ("a.bar.example.com", false, false),
        ("example.org", false, false),
    ] {
        let base = [dns(base)];
        assert_eq!(
            constrained("CN=a", &star, &base, &[], true) == "passed",
            permitted
        );
        assert_eq!(
            constrained("CN=a", &star, &[], &base, true) != "passed",
            excluded
        );
    }
}

#[test]
fn subjects_are_constrained_too() {
    let org = [dn("O=Org,C=AZ")];
    assert_eq!(
        constrained("CN=a,O=Org,C=AZ", &[], &org, &[], true),
        "passed"
    );
    let found = constrained("CN=a,O=Other,C=AZ", &[], &org, &[], true);
    assert_eq!(
        found,
        "path.name-constraints: set_by \"certificate 07 of CN=ca\", name \"subject:CN=a, O=Other, \
         C=AZ\", permitted [\"directory:O=Org, C=AZ\"]"
    );
    assert_ne!(
        constrained("CN=a,O=Org,C=AZ", &[], &[], &org, true),
        "passed"
    );
    // An empty subject is no name.
    assert_eq!(constrained("", &[dns("a.az")], &org, &[], true), "passed");
    // RFC 5280 4.2.1.10: emailAddress counts where no alternative name is a mailbox.
    let subject = "emailAddress=a@evil.az,CN=a";
    let host = [mail("example.com")];
    assert_ne!(constrained(subject, &[], &host, &[], true), "passed");
    assert_ne!(
        constrained(subject, &[dns("a.az")], &host, &[], true),
        "passed"
    );
    assert_eq!(
        constrained(subject, &[mail("a@example.com")], &host, &[], true),
        "passed"
    );
}

#[test]
fn self_issued_authorities_are_exempt_and_ends_are_not() {
    let net = [dns("example.com")];
    let root = Holder::root(Made::authority("CN=root"));
    let ca = root.issue(Made::authority("CN=ca").constraints(&net, &[], true));
    let renewed = ca.issue(Made::authority("CN=ca").dns(&["other.az"]));
    let leaf = renewed.issue(Made::end("CN=leaf").dns(&["a.example.com"]));
    let world = World::new(&[&root], &[&ca, &renewed]);
    assert_eq!(
        decisive(&judge(&leaf.certificate, &world.inputs())),
        "passed"
    );
    let outside = renewed.issue(Made::end("CN=leaf").dns(&["other.az"]));
    assert_ne!(
        decisive(&judge(&outside.certificate, &world.inputs())),
        "passed"
    );
    let end = ca.issue(Made::end("CN=ca").dns(&["other.az"]));
    assert_ne!(
        decisive(&judge(&end.certificate, &world.inputs())),
        "passed"
    );
    // The anchor's own constraints hold as well (RFC 5937 3.2).
    let root = Holder::root(Made::authority("CN=root").constraints(&net, &[], true));
    let leaf = root.issue(Made::end("CN=leaf").dns(&["other.az"]));
    let world = World::new(&[&root], &[]);
    assert_ne!(
        decisive(&judge(&leaf.certificate, &world.inputs())),
        "passed"
    );
}

#[test]
fn comparing_names_is_paid_for() {
    let many = |n: usize, suffix: &str| -> Vec<GeneralName> {
        (0..n).map(|i| dns(&format!("n{i}.{suffix}"))).collect()
    };
    let enough = MAX_NAME_COMPARISONS / 600 + 1;
    let root = Holder::root(Made::authority("CN=root").constraints(&[], &many(enough, "az"), true));
    let leaf = root.issue(Made::end("").alt(&many(600, "com")));
    let world = World::new(&[&root], &[]);
    let start = std::time::Instant::now();
    let judged = judge(&leaf.certificate, &world.inputs());
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    assert!(judged.value.is_none());
    let limit = judged
        .report
        .iter()
        .find(|f| f.rule == "path.budget")
        .unwrap();
    assert_eq!(limit.because[0].1, "name comparisons".into());
    let root =
        Holder::root(Made::authority("CN=root").constraints(&[], &many(enough - 2, "az"), true));
    let leaf = root.issue(Made::end("").alt(&many(600, "com")));
    let world = World::new(&[&root], &[]);
    assert!(judge(&leaf.certificate, &world.inputs()).value.is_some());
}

#[test]
fn the_expected_name_is_found_or_said() {
    let root = Holder::root(Made::authority("CN=root"));
    let leaf = root.issue(Made::end("CN=common.example.com").alt(&[
        dns("www.example.com"),
        dns("*.wild.example.com"),
        dns("*.az"),
        dns("w*.partial.example.com"),
        dns("192.0.2.9"),
        ip(&[192, 0, 2, 1]),
        ip(&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        mail("Ali@example.com"),
        utf8_mail("əli@example.com"),
    ]));
    let world = World::new(&[&root], &[]);
    let rows = [
        ("dns:www.example.com", true),
        ("dns:WWW.Example.Com.", true),
        ("dns:example.com", false),
        ("dns:common.example.com", false),
        ("dns:a.wild.example.com", true),
        ("dns:a.b.wild.example.com", false),
        ("dns:wild.example.com", false),
        ("dns:xn--li-k5a.wild.example.com", true),
        ("dns:example.az", false),
        ("dns:ww.partial.example.com", false),
        ("ip:192.0.2.1", true),
        ("ip:192.0.2.9", false),
        ("ip:2001:db8::1", true),
        ("ip:2001:db8::2", false),
        ("email:Ali@EXAMPLE.com", true),
        ("email:ali@example.com", false),
        ("email:əli@example.com", true),
    ];
    for (text, expected) in rows {
        let names = [ReferenceName::parse(text).unwrap()];
        let inputs = PathInputs {
            names: &names,
            purpose: KeyPurpose::TlsServer,
            ..world.inputs()
        };
        let found = decisive(&judge(&leaf.certificate, &inputs));
        assert_eq!(found == "passed", expected, "{text}: {found}");
        if !expected {
            assert!(found.starts_with("path.name: wanted"), "{found}");
            assert!(found.contains("dns:www.example.com"), "{found}");
        }
    }
    // Every one of several names must be there.
    let names = ["dns:www.example.com", "ip:192.0.2.2"].map(|n| ReferenceName::parse(n).unwrap());
    let inputs = PathInputs {
        names: &names,
        ..world.inputs()
    };
    assert!(judge(&leaf.certificate, &inputs).value.is_none());
    // RFC 8550 3: emailAddress in the subject where there is no other mailbox.
    let old = root.issue(Made::end("emailAddress=a@example.com,CN=a"));
    let names = [ReferenceName::parse("email:a@example.com").unwrap()];
    let inputs = PathInputs {
        names: &names,
        profile: PathProfile::Strict,
        ..world.inputs()
    };
    assert_eq!(decisive(&judge(&old.certificate, &inputs)), "passed");
    for bad in [
        "www.example.com",
        "dns:a..b",
        "dns:192.0.2.1",
        "dns:*.example.com",
        "dns:nümunə.az",
        "ip:192.0.2",
        "email:a",
        "uri:https://a.az",
    ] {
        let error = ReferenceName::parse(bad).unwrap_err().to_string();
        assert!(error.starts_with(bad), "{error}");
    }
}
