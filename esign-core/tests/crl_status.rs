//! What lists say of certificates, clause by clause, and whether OpenSSL agrees.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking"
)]

mod lists;

use std::path::PathBuf;
use std::process::Command;

use esign_core::crl::{Crl, CrlScope, IssuingDistributionPoint, ReasonFlags};
use esign_core::der::{Tag, Writer};
use esign_core::keys::SigningKey;
use esign_core::oid;
use esign_core::report::SubIndication;
use esign_core::x509::{Certificate, GeneralName, to_pem};
use lists::*;

struct Scenario<'a> {
    what: &'static str,
    leaf: &'a Party,
    crls: Vec<Crl>,
    /// The rule that decides; none where the path passes.
    expected: Option<&'static str>,
    /// Where OpenSSL comes to another verdict by design: why.
    openssl: Option<&'static str>,
}

fn scenarios(pki: &Pki) -> Vec<Scenario<'_>> {
    let Pki {
        ca,
        separate,
        lists,
        stranger,
        ..
    } = pki;
    let none = || CrlScope::default();
    let kc = Reason::KeyCompromise;
    let hold = Reason::CertificateHold;
    let revoked = Some("path.revocation");
    let mut all = Vec::new();
    let mut add = |what, leaf, crls, expected, openssl| {
        all.push(Scenario {
            what,
            leaf,
            crls,
            expected,
            openssl,
        });
    };
    let clean = || ca.list(5, MARCH, none(), &[(0x55, kc)]);
    add("complete, not on it", &pki.plain, vec![clean()], None, None);
    let listed = ca.list(5, MARCH, none(), &[(LEAF, kc)]);
    add("complete, on it", &pki.plain, vec![listed], revoked, None);
    let held = || ca.list(5, MARCH, with_deltas(), &[(LEAF, hold)]);
    add("on hold", &pki.plain, vec![held()], revoked, None);
    let later = ca.list(6, "2026-03-10", none(), &[]);
    add(
        "a hold that a later list lifts",
        &pki.plain,
        vec![held(), later],
        None,
        None,
    );
    let lifts = ca.list(6, "2026-03-10", delta(5), &[(LEAF, Reason::RemoveFromCrl)]);
    add(
        "a hold that a delta lifts",
        &pki.plain,
        vec![held(), lifts.clone()],
        None,
        None,
    );
    let final_then_lifted = ca.list(5, MARCH, with_deltas(), &[(LEAF, kc)]);
    let why =
        "OpenSSL takes removeFromCRL for every reason; RFC 5280 5.3.1 has it for a hold or expiry";
    add(
        "what is final no delta lifts",
        &pki.plain,
        vec![final_then_lifted, lifts],
        revoked,
        Some(why),
    );
    let base = || ca.list(5, MARCH, with_deltas(), &[]);
    let adds = ca.list(6, "2026-03-10", delta(5), &[(LEAF, kc)]);
    add(
        "revoked on a delta",
        &pki.plain,
        vec![base(), adds.clone()],
        revoked,
        None,
    );
    add(
        "a delta alone that revokes",
        &pki.plain,
        vec![adds],
        revoked,
        None,
    );
    let quiet = ca.list(6, "2026-03-10", delta(5), &[]);
    add(
        "a delta alone says nothing good",
        &pki.plain,
        vec![quiet.clone()],
        revoked,
        None,
    );
    let too_new = ca.list(9, "2026-03-10", delta(8), &[(LEAF, hold)]);
    add(
        "a delta to another base is no part of it",
        &pki.plain,
        vec![base(), too_new],
        None,
        None,
    );
    let old_base = ca.list(5, "2026-02-10", with_deltas(), &[]);
    add(
        "a stale list that a delta brings up to date",
        &pki.plain,
        vec![old_base.clone(), quiet],
        None,
        None,
    );
    add("a stale list", &pki.plain, vec![old_base], revoked, None);
    let old_revoked = ca.list(4, "2026-01-05", none(), &[(LEAF, kc)]);
    let why = "OpenSSL looks at the latest list alone; nothing undoes a revocation for good";
    let mut early = ca.builder(4, "2026-02-05").draft(none());
    early.revoke(&entry(LEAF, kc));
    let early = ca.sign(
        early
            .lint(ca.key.public_key(), ca.key.algorithms()[0])
            .unwrap(),
    );
    add(
        "revoked on a stale list",
        &pki.plain,
        vec![old_revoked, early, clean()],
        revoked,
        Some(why),
    );

    let users = part(HERE, |p| p.only_user_certificates = true);
    add(
        "users' part",
        &pki.pointed,
        vec![ca.list(5, MARCH, users, &[])],
        None,
        None,
    );
    let cas = part(HERE, |p| p.only_ca_certificates = true);
    add(
        "authorities' part",
        &pki.pointed,
        vec![ca.list(5, MARCH, cas, &[])],
        revoked,
        None,
    );
    let attributes = part(HERE, |p| p.only_attribute_certificates = true);
    add(
        "attribute part",
        &pki.pointed,
        vec![ca.list(5, MARCH, attributes, &[])],
        revoked,
        None,
    );
    let elsewhere = part("http://ca.example.az/part-2.crl", |_| {});
    add(
        "another part",
        &pki.pointed,
        vec![ca.list(5, MARCH, elsewhere, &[])],
        revoked,
        None,
    );
    let unnamed = part(HERE, |_| {});
    add(
        "a part that the certificate does not name",
        &pki.plain,
        vec![ca.list(5, MARCH, unnamed, &[])],
        revoked,
        None,
    );
    let some = ReasonFlags::of(kc) | ReasonFlags::of(hold);
    let reasons = |flags| part(HERE, |p| p.only_some_reasons = Some(flags));
    let one = ca.list(5, MARCH, reasons(some), &[]);
    let two = ca.list(6, MARCH, reasons(!some), &[]);
    add(
        "some reasons",
        &pki.pointed,
        vec![one.clone()],
        revoked,
        None,
    );
    add(
        "every reason in two lists",
        &pki.pointed,
        vec![one.clone(), two],
        None,
        None,
    );
    let two = ca.list(6, MARCH, reasons(!some), &[(LEAF, Reason::Superseded)]);
    add(
        "revoked in the second list",
        &pki.pointed,
        vec![one, two],
        revoked,
        None,
    );
    let below = scope(IssuingDistributionPoint {
        relative_name: Some(relative("Part")),
        ..IssuingDistributionPoint::default()
    });
    add(
        "a relative name",
        &pki.relative,
        vec![ca.list(5, MARCH, below, &[])],
        None,
        None,
    );

    let indirect = |named: &[(Option<&Party>, u8)]| {
        let mut draft = lists
            .builder(5, MARCH)
            .draft(part(HERE, |p| p.indirect = true));
        for (issuer, n) in named {
            let entry = entry(*n, kc);
            match issuer {
                Some(issuer) => draft.revoke_of(issuer.certificate.subject(), &entry),
                None => draft.revoke(&entry),
            }
        }
        let judged = draft.lint(lists.key.public_key(), lists.key.algorithms()[0]);
        lists.sign(judged.unwrap())
    };
    let by_lists = |named: &[(Option<&Party>, u8)]| vec![indirect(named)];
    let others = by_lists(&[(Some(&pki.root), LEAF), (Some(ca), 0x55)]);
    add("indirect, not on it", &pki.indirect, others, None, None);
    let on_it = by_lists(&[(Some(ca), 0x55), (Some(ca), LEAF)]);
    add(
        "indirect, on it; the issuer is that of the entry before",
        &pki.indirect,
        on_it,
        revoked,
        None,
    );
    let own = by_lists(&[(None, LEAF)]);
    add(
        "indirect, an entry of the list's own issuer",
        &pki.indirect,
        own,
        None,
        None,
    );
    let back = by_lists(&[(Some(ca), 0x55), (None, LEAF)]);
    add(
        "indirect, back to the list's own issuer",
        &pki.indirect,
        back,
        None,
        None,
    );
    add(
        "indirect, unasked",
        &pki.plain,
        by_lists(&[]),
        revoked,
        None,
    );

    add(
        "a key for lists alone",
        &pki.plain,
        vec![separate.list(5, MARCH, none(), &[])],
        None,
        None,
    );
    let listed = separate.list(5, MARCH, none(), &[(LEAF, kc)]);
    add(
        "revoked by a key for lists alone",
        &pki.plain,
        vec![listed],
        revoked,
        None,
    );
    let foreign = stranger.list(5, MARCH, none(), &[]);
    add(
        "a key of the same name under another anchor",
        &pki.plain,
        vec![foreign],
        revoked,
        None,
    );
    all
}

#[test]
fn the_clause_decides() {
    let pki = Pki::new();
    let root = pki.root.list(1, MARCH, CrlScope::default(), &[]);
    for Scenario {
        what,
        leaf,
        mut crls,
        expected,
        ..
    } in scenarios(&pki)
    {
        crls.push(root.clone());
        let report = pki.judge(leaf, &crls, NOW);
        let found = verdict(&report).is_some().then_some("path.revocation");
        assert_eq!(found, expected, "{what}: {report:#?}");
        // Whatever the order of the evidence.
        crls.reverse();
        assert_eq!(
            verdict(&pki.judge(leaf, &crls, NOW)),
            verdict(&report),
            "{what}"
        );
    }
}

#[test]
fn reports_name_the_rule_and_the_values() {
    let pki = Pki::new();
    let root = pki.root.list(1, MARCH, CrlScope::default(), &[]);
    let (ca, kc) = (&pki.ca, Reason::KeyCompromise);
    let list = |scope, on_it: &[(u8, Reason)]| ca.list(5, MARCH, scope, on_it);
    let some = part(HERE, |p| p.only_some_reasons = Some(ReasonFlags::of(kc)));
    let later = SubIndication::TryLater;
    for (leaf, crl, rule, sub) in [
        (
            &pki.plain,
            list(CrlScope::default(), &[(LEAF, kc)]),
            "path.revocation",
            SubIndication::RevokedNoPoe,
        ),
        (
            &pki.plain,
            list(CrlScope::default(), &[(LEAF, Reason::CertificateHold)]),
            "path.revocation",
            later,
        ),
        (&pki.pointed, list(some, &[]), "crl.reasons", later),
        (
            &pki.plain,
            list(part(HERE, |_| {}), &[]),
            "crl.scope",
            later,
        ),
        (
            &pki.plain,
            ca.list(5, "2026-01-01", CrlScope::default(), &[]),
            "crl.current",
            later,
        ),
        (
            &pki.plain,
            ca.list(5, "2026-04-01", CrlScope::default(), &[]),
            "crl.current",
            later,
        ),
        (
            &pki.plain,
            pki.stranger.list(5, MARCH, CrlScope::default(), &[]),
            "crl.issuer-path",
            later,
        ),
        (
            &pki.plain,
            pki.plain.list(5, MARCH, CrlScope::default(), &[]),
            "path.revocation",
            later,
        ),
    ] {
        let report = pki.judge(leaf, &[root.clone(), crl], NOW);
        assert!(has(&report, rule), "{rule}: {report:#?}");
        assert_eq!(
            verdict(&report).unwrap().1,
            match rule {
                "crl.issuer-path" => SubIndication::NoCertificateChainFound,
                _ => sub,
            },
            "{rule}"
        );
    }
}

#[test]
fn expired_certificates_are_known_where_the_list_keeps_them() {
    let pki = Pki::new();
    let says = Says {
        serial: LEAF,
        key_usage: 0b11,
        not_after: Some(t("2026-02-15")),
        ..Says::default()
    };
    let leaf = Party::new("CN=Leaf", Some(&pki.ca), &says);
    let root = pki.root.list(1, MARCH, CrlScope::default(), &[]);
    for (since, known) in [
        (None, false),
        (Some("2026-02-16"), false),
        (Some("2026-02-15"), true),
        (Some("2025-01-01"), true),
    ] {
        let mut builder = pki.ca.builder(5, MARCH);
        builder.expired_certificates_since = since.map(t);
        let algorithm = pki.ca.key.algorithms()[0];
        let crl = builder
            .build([], pki.ca.key.public_key(), algorithm)
            .unwrap();
        let crl = crl.sign(&pki.ca.key).unwrap();
        assert_eq!(crl.expired_certificates_since().unwrap(), since.map(t));
        let report = pki.judge(&leaf, &[root.clone(), crl], NOW);
        assert_eq!(
            has(&report, "crl.expired-certificates"),
            !known,
            "{since:?}: {report:#?}"
        );
    }
}

/// `list` with its first entry changed by `entry` and its extensions extended by `more`, signed anew.
fn forged(party: &Party, more: impl FnOnce(&mut Writer), entry: impl FnOnce(&mut Writer)) -> Crl {
    let algorithm = party.key.algorithms()[0];
    let tbs = octets(|w| {
        w.sequence(|w| {
            w.u32(1);
            algorithm.encode(w);
            w.raw(party.certificate.subject().der());
            w.time(t(MARCH));
            w.time(t("2026-04-01"));
            w.sequence(|w| {
                w.sequence(|w| {
                    w.u32(0x55);
                    w.time(t("2026-02-01"));
                    w.sequence(entry);
                });
            });
            w.nested(Tag::constructed(0), |w| {
                w.sequence(|w| {
                    extension(w, oid::CRL_NUMBER, false, &[2, 1, 7]);
                    more(w);
                });
            });
        });
    });
    let signature = party.key.sign(algorithm, &tbs).unwrap();
    let der = octets(|w| {
        w.sequence(|w| {
            w.raw(&tbs);
            algorithm.encode(w);
            w.bit_octets(&signature);
        });
    });
    Crl::from_der(&der).unwrap()
}

const UNKNOWN: esign_core::oid::ObjectIdentifier =
    esign_core::oid::ObjectIdentifier::new_unwrap("1.2.3.4");

#[test]
fn what_is_critical_and_not_known_bars_the_whole_list() {
    let pki = Pki::new();
    let root = pki.root.list(1, MARCH, CrlScope::default(), &[]);
    let reason = |w: &mut Writer| extension(w, oid::CRL_REASON, false, &[10, 1, 1]);
    let issuer = octets(|w| w.sequence(|w| GeneralName::Directory(name("CN=X")).encode(w)));
    let rows = [
        (forged(&pki.ca, |_| {}, reason), None),
        (
            forged(&pki.ca, |w| extension(w, UNKNOWN, true, &[5, 0]), reason),
            Some("crl.extensions"),
        ),
        (
            forged(&pki.ca, |w| extension(w, UNKNOWN, false, &[5, 0]), reason),
            None,
        ),
        (
            forged(&pki.ca, |_| {}, |w| extension(w, UNKNOWN, true, &[5, 0])),
            Some("crl.extensions"),
        ),
        (
            forged(&pki.ca, |_| {}, |w| extension(w, UNKNOWN, false, &[5, 0])),
            None,
        ),
        (
            forged(
                &pki.ca,
                |_| {},
                |w| extension(w, oid::CERTIFICATE_ISSUER, true, &issuer),
            ),
            Some("crl.scope"),
        ),
        (
            forged(
                &pki.ca,
                |w| extension(w, oid::DELTA_CRL_INDICATOR, true, &[5, 0]),
                reason,
            ),
            Some("crl.extensions"),
        ),
    ];
    for (i, (crl, expected)) in rows.into_iter().enumerate() {
        let report = pki.judge(&pki.plain, &[root.clone(), crl], NOW);
        let found = verdict(&report).map(|(rule, _)| rule);
        assert_eq!(found, expected, "{i}: {report:#?}");
    }
}

/// The judge, where it is installed.
fn openssl() -> Option<String> {
    let said = Command::new("openssl").arg("version").output().ok()?;
    Some(String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

#[test]
fn openssl_agrees() {
    let Some(version) = openssl() else {
        eprintln!("SKIPPED: openssl is not installed");
        return;
    };
    let pki = Pki::new();
    let root = pki.root.list(1, MARCH, CrlScope::default(), &[]);
    let folder = Folder::new();
    let write = |name: &str, text: &str| {
        let path = folder.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let pem = |c: &Certificate| to_pem("CERTIFICATE", c.der());
    let anchor = write("root.pem", &pem(&pki.root.certificate));
    let others: String = [&pki.ca, &pki.separate, &pki.lists, &pki.stranger]
        .map(|p| pem(&p.certificate))
        .concat();
    let others = write("others.pem", &others);
    let mut asked = 0;
    for Scenario {
        what,
        leaf,
        mut crls,
        expected,
        openssl,
    } in scenarios(&pki)
    {
        for crl in &crls {
            // Its own reading of what we wrote, with the issuer's key.
            let list = write("one.crl", &to_pem("X509 CRL", crl.der()));
            let signer = [&pki.ca, &pki.separate, &pki.lists, &pki.stranger]
                .into_iter()
                .find(|p| crl.verify_signed_by(p.key.public_key()).is_ok())
                .unwrap();
            let ca = write("signer.pem", &pem(&signer.certificate));
            let said = Command::new("openssl")
                .args(["crl", "-noout", "-verify", "-in"])
                .arg(&list)
                .arg("-CAfile")
                .arg(&ca)
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&said.stderr);
            assert!(text.contains("verify OK"), "{what}: {text}");
        }
        crls.push(root.clone());
        let lists: String = crls.iter().map(|c| to_pem("X509 CRL", c.der())).collect();
        let lists = write("lists.pem", &lists);
        let leaf = write("leaf.pem", &pem(&leaf.certificate));
        let said = Command::new("openssl")
            .args(["verify", "-crl_check_all", "-use_deltas", "-extended_crl"])
            .args(["-attime", &t(NOW).seconds().to_string(), "-CAfile"])
            .arg(&anchor)
            .arg("-untrusted")
            .arg(&others)
            .arg("-CRLfile")
            .arg(&lists)
            .arg(&leaf)
            .output()
            .unwrap();
        let text = [said.stdout, said.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        // An unexpected agreement is to be noticed as well.
        let agrees = said.status.success() == expected.is_none();
        assert_eq!(agrees, openssl.is_none(), "{what}, {openssl:?}: {text}");
        asked += 1;
    }
    eprintln!("{version}: {asked} scenarios");
}

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("esign-crl-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_hold_on_a_delta_does_not_soften_what_is_final() {
    let pki = Pki::new();
    let root = pki.root.list(1, MARCH, CrlScope::default(), &[]);
    let (kc, hold) = (Reason::KeyCompromise, Reason::CertificateHold);
    let on = |reason| pki.ca.list(5, MARCH, with_deltas(), &[(LEAF, reason)]);
    let delta = |reason| pki.ca.list(6, "2026-03-10", delta(5), &[(LEAF, reason)]);
    for (crls, sub) in [
        ([on(kc), delta(hold)], SubIndication::RevokedNoPoe),
        ([on(hold), delta(kc)], SubIndication::RevokedNoPoe),
        ([on(hold), delta(hold)], SubIndication::TryLater),
    ] {
        let [complete, delta] = crls;
        let report = pki.judge(&pki.plain, &[root.clone(), complete, delta], NOW);
        assert_eq!(verdict(&report), Some(("path.revocation", sub)));
    }
}
