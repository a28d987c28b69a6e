//! Lists that are built here: what is refused, what is read again, and the limits.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking"
)]

mod lists;

use esign_core::crl::{
    Crl, CrlBuilder, CrlScope, IssuingDistributionPoint, ReasonFlags, RevokedCertificate, lint,
};
use esign_core::der::{DecodeKind, Tag, Writer};
use esign_core::keys::{Curve, KeySpec, MlDsa, PrivateKey, SigningKey};
use esign_core::oid;
use esign_core::report::{Finding, Indication};
use esign_core::x509::{DistributionPoint, GeneralName, Name, SerialNumber};
use lists::*;

#[test]
fn drafts_are_refused_by_the_rule_that_they_break() {
    let party = Party::new(
        "CN=CA",
        None,
        &Says {
            serial: 1,
            ..Says::default()
        },
    );
    let kc = ReasonFlags::of(Reason::KeyCompromise);
    let idp = |change: &dyn Fn(&mut IssuingDistributionPoint)| part(HERE, change);
    let fresh_delta = CrlScope {
        freshest: vec![at(HERE)],
        ..delta(1)
    };
    let remove = entry(7, Reason::RemoveFromCrl);
    let held = entry(7, Reason::CertificateHold);
    let rows: Vec<(&str, CrlScope, Vec<RevokedCertificate>)> = vec![
        (
            "crl.entry.reason",
            CrlScope::default(),
            vec![remove.clone()],
        ),
        ("", delta(1), vec![remove]),
        (
            "crl.entry.reason",
            idp(&|p| p.only_some_reasons = Some(kc)),
            vec![held.clone()],
        ),
        (
            "crl.entry.reason",
            idp(&|p| p.only_some_reasons = Some(kc)),
            vec![entry(7, Reason::Unspecified)],
        ),
        (
            "",
            idp(&|p| p.only_some_reasons = Some(kc)),
            vec![entry(7, Reason::KeyCompromise)],
        ),
        (
            "crl.entry.unique",
            CrlScope::default(),
            vec![held.clone(), entry(8, Reason::Superseded), held],
        ),
        ("crl.delta-base", delta(9), vec![]),
        ("crl.delta-base", delta(5), vec![]),
        ("crl.delta-base", fresh_delta, vec![]),
        (
            "crl.distribution-point",
            scope(IssuingDistributionPoint::default()),
            vec![],
        ),
        (
            "crl.distribution-point",
            idp(&|p| (p.only_user_certificates, p.only_ca_certificates) = (true, true)),
            vec![],
        ),
        (
            "crl.distribution-point",
            idp(&|p| p.only_some_reasons = Some(ReasonFlags::default())),
            vec![],
        ),
        ("", idp(&|p| p.only_user_certificates = true), vec![]),
    ];
    let judge = |builder: &CrlBuilder, scope, entries: &[RevokedCertificate]| {
        let mut draft = builder.draft(scope);
        entries.iter().for_each(|e| draft.revoke(e));
        draft
            .lint(party.key.public_key(), party.key.algorithms()[0])
            .unwrap()
    };
    for (i, (rule, scope, entries)) in rows.into_iter().enumerate() {
        let judged = judge(&party.builder(5, MARCH), scope, &entries);
        let broken: Vec<&str> = judged
            .report
            .iter()
            .filter(|f| f.outcome != Indication::Passed)
            .map(|f| f.rule)
            .collect();
        assert_eq!(broken.concat(), rule, "{i}");
        assert_eq!(judged.value.is_some(), rule.is_empty(), "{i}");
        if let Some(unsigned) = judged.value {
            // What was linted as a draft is as sound as a list that was received.
            let crl = unsigned.sign(&party.key).unwrap();
            assert_eq!(Finding::worst(&lint(&crl)), Indication::Passed, "{i}");
        }
    }
    let builder = party.builder(5, MARCH);
    let rows = [
        (
            "crl.updates-ordered",
            CrlBuilder {
                next_update: t(MARCH),
                ..builder.clone()
            },
        ),
        (
            "crl.number",
            CrlBuilder {
                number: SerialNumber::from_magnitude(&[1; 21]),
                ..builder.clone()
            },
        ),
        (
            "crl.key-identifier",
            CrlBuilder {
                key_identifier: vec![],
                ..builder.clone()
            },
        ),
        (
            "crl.issuer-named",
            CrlBuilder {
                issuer: Name::from_der(&[0x30, 0]).unwrap(),
                ..builder.clone()
            },
        ),
        (
            "crl.expired-certificates-since",
            CrlBuilder {
                expired_certificates_since: Some(t("2026-03-02")),
                ..builder.clone()
            },
        ),
    ];
    for (rule, builder) in rows {
        let judged = judge(&builder, CrlScope::default(), &[]);
        assert!(judged.value.is_none());
        let broken: Vec<&str> = judged
            .report
            .iter()
            .filter(|f| f.outcome != Indication::Passed)
            .map(|f| f.rule)
            .collect();
        assert_eq!(broken, [rule]);
        let error = builder
            .build([], party.key.public_key(), party.key.algorithms()[0])
            .unwrap_err();
        assert!(error.to_string().contains(rule), "{error}");
    }
    // An entry of another issuer on a list that is not indirect.
    let mut draft = builder.draft(CrlScope::default());
    draft.revoke_of(&name("CN=X"), &entry(1, Reason::Superseded));
    let judged = draft
        .lint(party.key.public_key(), party.key.algorithms()[0])
        .unwrap();
    assert_eq!(
        Finding::decisive(&judged.report).unwrap().rule,
        "crl.entry.issuer"
    );
}

#[test]
fn what_is_built_is_read_again() {
    let pki = Pki::new();
    let point = IssuingDistributionPoint {
        full_name: uri(HERE),
        only_user_certificates: true,
        only_some_reasons: Some(
            ReasonFlags::of(Reason::KeyCompromise) | ReasonFlags::of(Reason::AaCompromise),
        ),
        indirect: true,
        ..IssuingDistributionPoint::default()
    };
    let freshest = vec![DistributionPoint {
        reasons: Some(0b10),
        crl_issuer: vec![GeneralName::Directory(name("CN=L"))],
        ..at(HERE)
    }];
    let scope = CrlScope {
        issuing_distribution_point: Some(point.clone()),
        freshest: freshest.clone(),
        delta_base: None,
    };
    // So many that the list has an index, in runs of three issuers, with the same serials.
    let issuers = [
        name("CN=A"),
        name("CN=B"),
        pki.lists.certificate.subject().clone(),
    ];
    let mut draft = pki.lists.builder(5, MARCH).draft(scope);
    for issuer in &issuers {
        (1..=60).for_each(|n| draft.revoke_of(issuer, &entry(n, Reason::KeyCompromise)));
    }
    let crl = pki.lists.sign(
        draft
            .lint(pki.lists.key.public_key(), pki.lists.key.algorithms()[0])
            .unwrap(),
    );
    assert_eq!(crl.issuing_distribution_point().unwrap(), Some(point));
    assert_eq!(crl.freshest().unwrap(), Some(freshest));
    assert_eq!(crl.len(), 180);
    assert!(crl.names_certificate_issuers());
    assert_eq!(Finding::worst(&lint(&crl)), Indication::Passed);
    for n in [1, 30, 60] {
        for issuer in &issuers {
            let found = crl.find_of(issuer, &serial(n)).unwrap().unwrap();
            assert_eq!(found.invalidity_date, Some(t("2026-01-15")));
            assert_eq!(
                found.certificate_issuer.as_deref(),
                Some(&[GeneralName::Directory(issuer.clone())][..])
            );
        }
        assert!(crl.find(&serial(n)).unwrap().is_some());
        assert_eq!(crl.find_of(&name("CN=C"), &serial(n)).unwrap(), None);
    }
    assert_eq!(crl.find(&serial(61)).unwrap(), None);
    let named: Vec<_> = crl
        .entries()
        .map(|e| e.unwrap().certificate_issuer.unwrap())
        .collect();
    assert_eq!(named[0][..], [GeneralName::Directory(issuers[0].clone())]);
    assert_eq!(named[179][..], [GeneralName::Directory(issuers[2].clone())]);
}

#[test]
fn limits_are_reached() {
    // Not touched, so it takes no memory.
    let huge = vec![0u8; (1 << 30) + 1];
    let error = Crl::from_der(&huge).unwrap_err();
    assert!(matches!(error.kind(), DecodeKind::Limit(_)), "{error}");
    let party = Party::new(
        "CN=CA",
        None,
        &Says {
            serial: 1,
            ..Says::default()
        },
    );
    let with = |count: u32| {
        let list = octets(|w| {
            for n in 0..count {
                let oid = esign_core::oid::ObjectIdentifier::new(&format!("1.2.3.{n}")).unwrap();
                extension(w, oid, false, &[5, 0]);
            }
        });
        let algorithm = party.key.algorithms()[0];
        octets(|w| {
            w.sequence(|w| {
                w.sequence(|w| {
                    w.u32(1);
                    algorithm.encode(w);
                    w.raw(party.certificate.subject().der());
                    w.time(t(MARCH));
                    w.sequence(|w| {
                        w.sequence(|w| {
                            w.u32(1);
                            w.time(t(MARCH));
                            w.tlv(Tag::SEQUENCE, &list);
                        });
                    });
                });
                algorithm.encode(w);
                w.bit_octets(&[]);
            });
        })
    };
    Crl::from_der(&with(16)).unwrap();
    let error = Crl::from_der(&with(17)).unwrap_err();
    assert!(matches!(error.kind(), DecodeKind::Limit(_)), "{error}");
}

/// Entries of one serial under a certificate issuer whose name is long: each is looked at, the
/// name is read once.
#[test]
fn one_long_name_for_many_entries_of_one_serial_costs_little() {
    let party = Party::new(
        "CN=CA",
        None,
        &Says {
            serial: 1,
            ..Says::default()
        },
    );
    let long = octets(|w| {
        w.sequence(|w| (0..20_000).for_each(|_| GeneralName::Directory(name("CN=X")).encode(w)));
    });
    let entry = |w: &mut Writer, more: &[u8]| {
        w.sequence(|w| {
            w.u32(7);
            w.time(t(MARCH));
            w.raw(more);
        });
    };
    let more = octets(|w| w.sequence(|w| extension(w, oid::CERTIFICATE_ISSUER, true, &long)));
    let algorithm = party.key.algorithms()[0];
    let der = octets(|w| {
        w.sequence(|w| {
            w.sequence(|w| {
                w.u32(1);
                algorithm.encode(w);
                w.raw(party.certificate.subject().der());
                w.time(t(MARCH));
                w.sequence(|w| {
                    entry(w, &more);
                    (0..50_000).for_each(|_| entry(w, &[]));
                });
            });
            algorithm.encode(w);
            w.bit_octets(&[]);
        });
    });
    let crl = Crl::from_der(&der).unwrap();
    let start = std::time::Instant::now();
    assert_eq!(crl.find(&serial(7)).unwrap(), None);
    assert!(crl.find_of(&name("CN=X"), &serial(7)).unwrap().is_some());
    // Reading it for each entry would take hours.
    assert!(start.elapsed().as_secs() < 60);
}

#[test]
fn every_kind_of_key_signs_lists() {
    let list = |key: &PrivateKey| {
        CrlBuilder {
            issuer: name("CN=CA"),
            key_identifier: key.public_key().sha1_identifier().to_vec(),
            number: serial(1),
            this_update: t(MARCH),
            next_update: t("2026-04-01"),
            expired_certificates_since: None,
        }
        .build(
            [entry(7, Reason::Superseded)],
            key.public_key(),
            key.algorithms()[0],
        )
        .unwrap()
    };
    let other = key();
    for spec in [
        KeySpec::Ec(Curve::P256),
        KeySpec::Ec(Curve::P384),
        KeySpec::Ec(Curve::P521),
        KeySpec::Ed25519,
        KeySpec::MlDsa(MlDsa::MlDsa44),
        KeySpec::MlDsa(MlDsa::MlDsa65),
        KeySpec::MlDsa(MlDsa::MlDsa87),
        KeySpec::Rsa2048,
    ] {
        let key = PrivateKey::generate(spec).unwrap();
        let crl = list(&key).sign(&key).unwrap();
        // Read anew, so that nothing is remembered.
        let crl = Crl::from_der(crl.der()).unwrap();
        for _ in 0..2 {
            assert!(
                crl.verify_signed_by(other.public_key()).is_err(),
                "{spec:?}"
            );
            crl.verify_signed_by(key.public_key()).unwrap();
        }
        assert!(crl.find(&serial(7)).unwrap().is_some());
        assert!(list(&key).sign(&other).is_err(), "{spec:?}");
        // The two halves, and a signature that is not the key's.
        let unsigned = list(&key);
        let to_be_signed = unsigned.prepare();
        let signature = key
            .sign(to_be_signed.algorithm, &to_be_signed.bytes)
            .unwrap();
        let crl = unsigned.finish(&signature).unwrap();
        assert_eq!(crl.tbs_der(), to_be_signed.bytes);
        crl.verify_signed_by(key.public_key()).unwrap();
        assert!(list(&key).finish(&[0; 64]).is_err());
    }
}
