//! Who may sign a list, and how far that is followed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking"
)]

mod lists;

use esign_core::crl::{Crl, CrlScope};
use esign_core::evidence::Evidence;
use esign_core::keys::SigningKey;
use esign_core::path::{KeyPurpose, MAX_NESTED, PathInputs, RevocationChecking, build_path};
use esign_core::report::{Fact, Finding};
use esign_core::x509::{DistributionPoint, GeneralName};
use lists::*;

const CA: &str = "CN=CA,O=T,C=AZ";

fn authority(serial: u8) -> Says {
    Says {
        serial,
        key_usage: AUTHORITY,
        ca: true,
        ..Says::default()
    }
}

/// A certificate whose status is on lists of `by`; of its issuer where that is empty.
fn listed_by(serial: u8, key_usage: u16, by: &str) -> Says {
    let points = match by {
        "" => vec![],
        by => vec![DistributionPoint {
            crl_issuer: vec![GeneralName::Directory(name(by))],
            ..at(HERE)
        }],
    };
    Says {
        serial,
        key_usage,
        points,
        ..Says::default()
    }
}

/// The judgement of a path from `leaf` to `root` with everything that there is.
fn judge(leaf: &Party, root: &Party, others: &[&Party], crls: &[Crl]) -> Vec<Finding> {
    let mut evidence = Evidence::new();
    others.iter().for_each(|p| {
        evidence.add_certificate(p.certificate.clone());
    });
    crls.iter().for_each(|crl| {
        evidence.add_crl(crl.clone());
    });
    let anchors = [root.certificate.clone()].into_iter().collect();
    let (required, any) = (RevocationChecking::Required, KeyPurpose::Any);
    let inputs = PathInputs::new(t(NOW), &anchors, &evidence, required, any);
    build_path(&leaf.certificate, &inputs).report
}

fn find<'a>(report: &'a [Finding], rule: &str) -> Option<&'a Finding> {
    report.iter().find_map(|f| {
        let this = (f.rule == rule).then_some(f);
        this.or_else(|| find(&f.children, rule))
    })
}

#[test]
fn a_signer_whose_status_rests_on_its_own_list_is_taken_where_its_issuer_says_so() {
    let root = Party::new("CN=Root", None, &authority(1));
    let ca = Party::new(CA, Some(&root), &authority(2));
    let leaf = Party::new("CN=Leaf", Some(&ca), &listed_by(LEAF, 0b11, ""));
    let of_root = root.list(1, MARCH, CrlScope::default(), &[]);
    for (by, passes) in [("", false), (CA, true)] {
        let signer = Party::new(CA, Some(&ca), &listed_by(3, CRL_SIGN, by));
        let list = signer.list(5, MARCH, CrlScope::default(), &[]);
        let crls = [of_root.clone(), list];
        let report = judge(&leaf, &root, &[&ca, &signer], &crls);
        assert_eq!(verdict(&report).is_none(), passes, "{report:#?}");
        assert_eq!(find(&report, "path.loop").is_some(), !passes);
        // Its own list revokes it, and the signer with it all that it said.
        let list = signer.list(5, MARCH, CrlScope::default(), &[(3, Reason::KeyCompromise)]);
        let report = judge(&leaf, &root, &[&ca, &signer], &[of_root.clone(), list]);
        assert!(verdict(&report).is_some(), "{report:#?}");
    }
}

#[test]
fn nested_paths_end_at_their_limit() {
    let elsewhere = "http://root.example.az/signers.crl";
    for (depth, passes) in [(MAX_NESTED - 1, true), (MAX_NESTED, false)] {
        let root = Party::new("CN=Root", None, &authority(1));
        let called = |n: usize| format!("CN=Lists {n}");
        let leaf = Party::new("CN=Leaf", Some(&root), &listed_by(LEAF, 0b11, &called(1)));
        // Each signer is on the list of the next, the last one on a part of the root's.
        let signers: Vec<Party> = (1..=depth)
            .map(|n| {
                let serial = u8::try_from(n).unwrap() + 1;
                let mut says = listed_by(serial, CRL_SIGN, &called(n + 1));
                if n == depth {
                    says.points = vec![at(elsewhere)];
                }
                Party::new(&called(n), Some(&root), &says)
            })
            .collect();
        let indirect = |s: &Party| s.list(5, MARCH, part(HERE, |p| p.indirect = true), &[]);
        let mut crls: Vec<Crl> = signers.iter().map(indirect).collect();
        crls.push(root.list(1, MARCH, part(elsewhere, |_| {}), &[]));
        let all: Vec<&Party> = signers.iter().collect();
        let report = judge(&leaf, &root, &all, &crls);
        assert_eq!(verdict(&report).is_none(), passes, "{depth}: {report:#?}");
        if !passes {
            let limit = find(&report, "path.budget").unwrap();
            let exhausted = ("exhausted", Fact::Text("nested paths".into()));
            assert_eq!(limit.because[0], exhausted);
        }
    }
}

#[test]
fn signers_of_one_name_are_tried_up_to_a_limit() {
    let root = Party::new("CN=Root", None, &authority(1));
    let ca = Party::new(CA, Some(&root), &authority(2));
    let leaf = Party::new("CN=Leaf", Some(&ca), &listed_by(LEAF, 0b11, ""));
    let signer = |n: u8| Party::new(CA, Some(&root), &listed_by(n, CRL_SIGN, ""));
    let decoys: Vec<Party> = (10..30).map(signer).collect();
    let right = signer(40);
    // It names no key that anyone has, so that all are alike.
    let mut builder = right.builder(5, MARCH);
    builder.key_identifier = vec![9];
    let unsigned = builder.build([], right.key.public_key(), right.key.algorithms()[0]);
    let list = unsigned.unwrap().sign(&right.key).unwrap();
    let crls = [root.list(1, MARCH, CrlScope::default(), &[]), list];
    // Sixteen, of which one is the authority in the path.
    for (before, passes) in [(14, true), (15, false)] {
        let mut all = vec![&ca];
        all.extend(&decoys[..before]);
        all.push(&right);
        let report = judge(&leaf, &root, &all, &crls);
        assert_eq!(verdict(&report).is_none(), passes, "{before}: {report:#?}");
    }
}

#[test]
fn reports_tell_of_some_of_many_lists() {
    let root = Party::new("CN=Root", None, &authority(1));
    let leaf = Party::new("CN=Leaf", Some(&root), &listed_by(LEAF, 0b11, ""));
    for (count, told) in [(31, 31), (32, 32), (40, 32)] {
        let crls: Vec<Crl> = (1..=count)
            .map(|n| root.list(n, MARCH, part(HERE, |p| p.only_ca_certificates = true), &[]))
            .collect();
        let report = judge(&leaf, &root, &[], &crls);
        let status = find(&report, "path.revocation").unwrap();
        assert_eq!(status.children.len(), told);
        let lists = status.because.iter().find(|(name, _)| *name == "lists");
        assert_eq!(lists.unwrap().1, Fact::Number(i64::from(count)));
    }
}

#[test]
fn distribution_points_are_looked_at_up_to_a_limit() {
    let root = Party::new("CN=Root", None, &authority(1));
    let mut says = listed_by(LEAF, 0b11, "");
    says.points = (1..=33).map(|n| at(&format!("http://{n}"))).collect();
    let leaf = Party::new("CN=Leaf", Some(&root), &says);
    for (n, passes) in [(1, true), (32, true), (33, false)] {
        let list = root.list(1, MARCH, part(&format!("http://{n}"), |_| {}), &[]);
        let report = judge(&leaf, &root, &[], &[list]);
        assert_eq!(verdict(&report).is_none(), passes, "{n}: {report:#?}");
    }
}

#[test]
fn a_flood_of_lists_ends_within_the_budget() {
    let root = Party::new("CN=Root", None, &authority(1));
    let stranger = Party::new("CN=Root", None, &authority(1));
    let leaf = Party::new("CN=Leaf", Some(&root), &listed_by(LEAF, 0b11, ""));
    // Of the right name and another key, each of them later than the genuine one.
    let mut crls: Vec<Crl> = (1..=150)
        .map(|n| stranger.list(n, "2026-03-02", CrlScope::default(), &[]))
        .collect();
    let genuine = root.list(1, MARCH, CrlScope::default(), &[]);
    crls.push(genuine.clone());
    let report = judge(&leaf, &root, &[], &crls);
    let limit = find(&report, "path.budget").unwrap();
    assert_eq!(
        limit.because[0].1,
        Fact::Text("checks of forged lists".into())
    );
    let report = judge(&leaf, &root, &[], &crls[100..]);
    assert_eq!(verdict(&report), None);
    // Given first it is found, however many there are.
    crls.rotate_right(1);
    assert_eq!(verdict(&judge(&leaf, &root, &[], &crls)), None);
}
