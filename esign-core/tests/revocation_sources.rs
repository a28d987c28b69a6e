//! Lists and OCSP responses together: which one counts, what a verdict rests on, and what a flood of
//! forged ones, or a delta that is missing, does to it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking"
)]

mod lists;

use esign_core::crl::{Crl, CrlScope, RevocationReason};
use esign_core::evidence::Evidence;
use esign_core::keys::{DigestAlgorithm, SigningKey};
use esign_core::ocsp::{
    BasicResponse, CertId, CertStatus, OcspResponse, ResponderId, ResponseBuilder, Status,
};
use esign_core::path::{KeyPurpose, PathInputs, RevocationChecking, VerifiedPath, build_path};
use esign_core::report::{Fact, Finding, Judged};
use lists::*;

fn judge(pki: &Pki, leaf: &Party, evidence: &Evidence) -> Judged<VerifiedPath> {
    let anchors = [pki.root.certificate.clone()].into_iter().collect();
    let (required, any) = (RevocationChecking::Required, KeyPurpose::Any);
    build_path(
        &leaf.certificate,
        &PathInputs::new(t(NOW), &anchors, evidence, required, any),
    )
}

/// What the centre gives: its certificate, the root's list, and `more`.
fn evidence(pki: &Pki, crls: &[Crl], responses: &[BasicResponse]) -> Evidence {
    let mut evidence = Evidence::new();
    evidence.add_certificate(pki.ca.certificate.clone());
    evidence.add_crl(pki.root.list(1, MARCH, CrlScope::default(), &[]));
    crls.iter()
        .for_each(|c| assert!(evidence.add_crl(c.clone())));
    responses
        .iter()
        .for_each(|r| assert!(evidence.add_ocsp(r.clone())));
    evidence
}

fn response(issuer: &Party, by: &Party, status: CertStatus, at: &str, later: i64) -> BasicResponse {
    let id = CertId::new(serial(LEAF), &issuer.certificate, DigestAlgorithm::Sha1).unwrap();
    let builder = ResponseBuilder {
        responder: ResponderId::ByName(by.certificate.subject().clone()),
        produced_at: t(at).plus(later),
        statuses: vec![Status {
            id,
            status,
            this_update: t(at).plus(later),
            next_update: Some(t(at).plus(30 * DAY)),
            archive_cutoff: None,
        }],
        nonce: None,
        extended_revoke: false,
        certificates: Vec::new(),
    };
    let der = builder
        .draft(by.key.algorithms()[0])
        .unwrap()
        .sign(&by.key)
        .unwrap();
    OcspResponse::from_der(&der).unwrap().basic.unwrap()
}

fn revoked(reason: RevocationReason) -> CertStatus {
    CertStatus::Revoked {
        at: t("2026-02-01"),
        reason: Some(reason),
    }
}

/// Somebody who calls himself the authority.
fn namesake() -> Party {
    let says = Says {
        serial: 9,
        key_usage: AUTHORITY,
        ca: true,
        ..Says::default()
    };
    Party::new("CN=CA,O=T,C=AZ", None, &says)
}

/// A clean list made so many seconds after `from`.
fn list_later(by: &Party, from: &str, seconds: i64, scope: CrlScope) -> Crl {
    let mut builder = by.builder(7, from);
    builder.this_update = builder.this_update.plus(seconds);
    let draft = builder.draft(scope);
    by.sign(
        draft
            .lint(by.key.public_key(), by.key.algorithms()[0])
            .unwrap(),
    )
}

fn facts<'a>(report: &'a [Finding], name: &str) -> Vec<&'a Fact> {
    let mut found = Vec::new();
    for finding in report {
        let own = finding.because.iter().filter(|(n, _)| *n == name);
        found.extend(own.map(|(_, fact)| fact));
        found.extend(facts(&finding.children, name));
    }
    found
}

#[test]
fn of_a_list_and_a_response_the_later_counts_unless_one_is_final() {
    let pki = Pki::new();
    let (early, late) = ("2026-03-01", "2026-03-15");
    let hold = RevocationReason::CertificateHold;
    let compromise = RevocationReason::KeyCompromise;
    let list = |at: &str, why: Option<RevocationReason>| {
        let on_it: Vec<_> = why.map(|why| (LEAF, why)).into_iter().collect();
        pki.ca.list(5, at, CrlScope::default(), &on_it)
    };
    let answer = |at: &str, why: Option<RevocationReason>| {
        response(
            &pki.ca,
            &pki.ca,
            why.map_or(CertStatus::Good, revoked),
            at,
            0,
        )
    };
    for (list_at, listed, answer_at, answered, passes) in [
        (early, None, late, None, true),
        // A hold that the later source no longer knows was lifted.
        (early, Some(hold), late, None, true),
        (late, None, early, Some(hold), true),
        (early, None, late, Some(hold), false),
        (late, Some(hold), early, None, false),
        // Nothing undoes what is final, whichever source says it, and however late the other is.
        (early, Some(compromise), late, None, false),
        (late, None, early, Some(compromise), false),
        (late, Some(compromise), early, None, false),
    ] {
        let given = evidence(
            &pki,
            &[list(list_at, listed)],
            &[answer(answer_at, answered)],
        );
        let judged = judge(&pki, &pki.plain, &given);
        let case = format!("list {list_at} {listed:?}, response {answer_at} {answered:?}");
        assert_eq!(
            judged.value.is_some(),
            passes,
            "{case}: {:#?}",
            judged.report
        );
    }
}

#[test]
fn a_path_names_what_it_rests_on() {
    let pki = Pki::new();
    let root_list = pki.root.list(1, MARCH, CrlScope::default(), &[]);
    let good = response(&pki.ca, &pki.ca, CertStatus::Good, MARCH, 0);
    let path = judge(
        &pki,
        &pki.plain,
        &evidence(&pki, &[], std::slice::from_ref(&good)),
    )
    .value
    .unwrap();
    assert_eq!(path.ocsp(), std::slice::from_ref(&good));
    let digests = |crls: &[Crl]| -> Vec<_> { crls.iter().map(Crl::this_update).collect() };
    assert_eq!(digests(path.crls()), digests(&[root_list]));
    // The later list makes the response superfluous; the path rests on the list alone.
    let list = pki.ca.list(5, "2026-03-15", CrlScope::default(), &[]);
    let path = judge(&pki, &pki.plain, &evidence(&pki, &[list], &[good]))
        .value
        .unwrap();
    assert!(path.ocsp().is_empty());
    assert_eq!(path.crls().len(), 2);
    // What it rests on is enough to judge it again.
    let mut again = Evidence::new();
    path.chain().iter().for_each(|c| {
        again.add_certificate(c.clone());
    });
    path.crls().iter().for_each(|c| {
        again.add_crl(c.clone());
    });
    assert!(judge(&pki, &pki.plain, &again).value.is_some());
}

/// Far more than there may be signature checks, each later than the genuine one.
const FLOOD: i64 = 300;

#[test]
fn forged_lists_do_not_hide_the_genuine_one() {
    let pki = Pki::new();
    let namesake = namesake();
    let forged: Vec<Crl> = (1..=FLOOD)
        .map(|n| list_later(&namesake, MARCH, n, CrlScope::default()))
        .collect();
    let clean = pki.ca.list(5, MARCH, CrlScope::default(), &[]);
    for (genuine, passes) in [
        (clean, true),
        (
            pki.ca.list(
                5,
                MARCH,
                CrlScope::default(),
                &[(LEAF, Reason::KeyCompromise)],
            ),
            false,
        ),
        (
            pki.ca.list(
                5,
                MARCH,
                CrlScope::default(),
                &[(LEAF, Reason::CertificateHold)],
            ),
            false,
        ),
    ] {
        let mut given = evidence(&pki, &[genuine], &[]);
        forged
            .iter()
            .for_each(|crl| assert!(given.add_crl(crl.clone())));
        // Certificates of that name make each forged list cost more.
        for _ in 0..20 {
            given.add_certificate(self::namesake().certificate);
        }
        let judged = judge(&pki, &pki.plain, &given);
        assert_eq!(judged.value.is_some(), passes, "{:#?}", judged.report);
        let reason = facts(&judged.report, "reason");
        assert_eq!(reason.is_empty(), passes, "{:#?}", judged.report);
    }
    // Alone they prove nothing, and end soon.
    let judged = judge(&pki, &pki.plain, &evidence(&pki, &forged, &[]));
    assert!(judged.value.is_none() && has(&judged.report, "crl.signature"));
}

#[test]
fn forged_deltas_do_not_hide_the_genuine_one() {
    let pki = Pki::new();
    let namesake = namesake();
    let stale = pki.ca.list(5, "2026-02-10", with_deltas(), &[]);
    let fresh = pki.ca.list(6, "2026-03-10", delta(5), &[]);
    // A few, since whoever may add any number may as well leave the genuine one out.
    let forged: Vec<Crl> = (1..=5)
        .map(|n| list_later(&namesake, "2026-03-10", n, delta(5)))
        .collect();
    let mut given = evidence(&pki, &[stale, fresh], &[]);
    forged
        .into_iter()
        .for_each(|crl| assert!(given.add_crl(crl)));
    let judged = judge(&pki, &pki.plain, &given);
    assert!(judged.value.is_some(), "{:#?}", judged.report);
}

#[test]
fn forged_responses_do_not_hide_the_genuine_one() {
    let pki = Pki::new();
    let namesake = namesake();
    for (status, passes) in [
        (CertStatus::Good, true),
        (revoked(RevocationReason::KeyCompromise), false),
    ] {
        let genuine = response(&pki.ca, &pki.ca, status, MARCH, 0);
        let mut given = evidence(&pki, &[], &[genuine]);
        for n in 1..=FLOOD {
            let forged = response(&pki.ca, &namesake, CertStatus::Good, MARCH, n);
            assert!(given.add_ocsp(forged));
        }
        let judged = judge(&pki, &pki.plain, &given);
        assert_eq!(judged.value.is_some(), passes, "{:#?}", judged.report);
        assert_eq!(facts(&judged.report, "reason").is_empty(), passes);
    }
}

#[test]
fn a_delta_that_is_missing_is_told_of() {
    let pki = Pki::new();
    let missing = Fact::List(vec![Fact::Text(
        "uri:http://ca.example.az/delta.crl".to_owned(),
    )]);
    let base = pki.ca.list(5, MARCH, with_deltas(), &[]);
    let stale = pki.ca.list(5, "2026-02-10", with_deltas(), &[]);
    let found = |crls: &[Crl]| {
        let judged = judge(&pki, &pki.plain, &evidence(&pki, crls, &[]));
        let told: Vec<Fact> = facts(&judged.report, "delta_missing")
            .into_iter()
            .cloned()
            .collect();
        (judged.value.is_some(), told)
    };
    // It passes on the complete list, which is current; but there is later word to be had.
    assert_eq!(
        found(std::slice::from_ref(&base)),
        (true, vec![missing.clone()])
    );
    // This is what it lacks.
    assert_eq!(found(std::slice::from_ref(&stale)), (false, vec![missing]));
    let fresh = pki.ca.list(6, "2026-03-10", delta(5), &[]);
    assert_eq!(found(&[base, fresh.clone()]), (true, Vec::new()));
    assert_eq!(found(&[stale, fresh]), (true, Vec::new()));
    let without = pki.ca.list(5, MARCH, CrlScope::default(), &[]);
    assert_eq!(found(&[without]), (true, Vec::new()));
}
