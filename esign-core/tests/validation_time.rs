//! Time in validation: what time-stamps prove, and what became of a signature's certificates since
//! (EN 319 102-1 clauses 5.3 to 5.6).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod support;

use std::sync::Arc;

use esign_core::cades::{self, Input, SignatureParameters, sign_detached};
use esign_core::crl::{Crl, RevocationReason, RevokedCertificate};
use esign_core::evidence::Evidence;
use esign_core::keys::{Digest, DigestAlgorithm, Hasher, KeySpec};
use esign_core::policy::Policy;
use esign_core::report::{Finding, SubIndication};
use esign_core::source::ReadAt;
use esign_core::trust::TrustAnchors;
use esign_core::validation::{
    Covered, Inputs, Signature, SignatureReport, Timestamp, TimestampKind, validate,
};
use support::t;
use support::world::{Holder, P256, Use};

const CONTENT: &[u8] = b"to be read in thirty years";

/// A root, a signer whose certificate ends in 2028, an authority for time-stamps.
struct World {
    root: Holder,
    signer: Holder,
    tsa: Holder,
    evidence: Evidence,
    anchors: TrustAnchors,
}

fn world_with(spec: KeySpec) -> World {
    let root = Holder::root("CN=root", "2020-01-01", "2040-01-01");
    let signer = root.issue("CN=signer", spec, "2026-01-01", "2028-01-01", Use::Signing);
    let tsa = root.issue("CN=tsa", P256, "2026-01-01", "2032-01-01", Use::Stamping);
    World {
        anchors: [root.certificate.clone()].into_iter().collect(),
        evidence: Evidence::new(),
        root,
        signer,
        tsa,
    }
}

fn world() -> World {
    world_with(P256)
}

impl World {
    fn signature(&self) -> Signature {
        let (key, certificate) = (&*self.signer.key, &self.signer.certificate);
        let message =
            sign_detached(CONTENT, key, certificate, &SignatureParameters::default()).unwrap();
        let content = CONTENT.to_vec();
        let input = Input {
            message: &message,
            detached: Some(&content as &dyn ReadAt),
        };
        cades::prepare(&input).unwrap().remove(0)
    }

    fn know(&mut self, crl: &Crl) {
        self.evidence.add_crl(crl.clone());
    }

    fn judge(&self, signature: &Signature, at: &str) -> SignatureReport {
        let inputs = Inputs {
            at: t(at),
            anchors: &self.anchors,
            evidence: &self.evidence,
            policy: &Policy::basic(),
        };
        let report = validate(core::slice::from_ref(signature), &inputs);
        report.signatures.into_iter().next().unwrap()
    }
}

fn sha256(octets: &[u8]) -> Digest {
    Hasher::digest(DigestAlgorithm::Sha256, octets)
}

/// A time-stamp over `octets`, which `covers` says to be what they are.
fn stamp(
    tsa: &Holder,
    kind: TimestampKind,
    octets: &[u8],
    at: &str,
    covers: Vec<Covered>,
) -> Timestamp {
    let imprint = sha256(octets);
    Timestamp {
        token: tsa.stamp(&imprint, at).into(),
        kind,
        place: "here".to_owned(),
        imprint: Ok(imprint),
        covers,
        findings: Vec::new(),
    }
}

/// The token with its last octet, of the signature value, changed.
fn changed(stamp: &Timestamp) -> Arc<[u8]> {
    let mut token = stamp.token.to_vec();
    *token.last_mut().unwrap() ^= 1;
    token.into()
}

fn over_signature(tsa: &Holder, signature: &Signature, at: &str) -> Timestamp {
    let covers = vec![Covered::SignatureValue];
    stamp(
        tsa,
        TimestampKind::Signature,
        &signature.value.octets,
        at,
        covers,
    )
}

fn verdict(report: &SignatureReport) -> (&'static str, Option<SubIndication>) {
    (report.indication, report.sub_indication)
}

const PASSED: (&str, Option<SubIndication>) = ("TOTAL-PASSED", None);

fn open(sub: SubIndication) -> (&'static str, Option<SubIndication>) {
    ("INDETERMINATE", Some(sub))
}

fn failed(sub: SubIndication) -> (&'static str, Option<SubIndication>) {
    ("TOTAL-FAILED", Some(sub))
}

fn any(findings: &[Finding], is: &impl Fn(&Finding) -> bool) -> bool {
    findings.iter().any(|f| is(f) || any(&f.children, is))
}

fn has(findings: &[Finding], rule: &str) -> bool {
    any(findings, &|f| f.rule == rule)
}

/// 5.5.4 (4) (a): what was revoked later counts, what was revoked before does not.
#[test]
fn a_revocation_counts_from_its_time() {
    let mut world = world();
    let mut signature = world.signature();
    let crl = world.root.crl(
        "2026-06-01",
        "2026-07-01",
        &[(&world.signer, "2026-05-01T12:00:00Z")],
    );
    world.know(&crl);
    let now = "2026-06-02";
    let report = world.judge(&signature, now);
    assert_eq!(verdict(&report), open(SubIndication::RevokedNoPoe));
    assert!(!report.time_proved);
    assert_eq!(report.level, "B-B");

    for (at, expected) in [
        ("2026-05-01T11:59:59Z", PASSED),
        ("2026-05-01T12:00:00Z", open(SubIndication::RevokedNoPoe)),
        ("2026-05-03", open(SubIndication::RevokedNoPoe)),
    ] {
        signature.timestamps = vec![over_signature(&world.tsa, &signature, at)];
        let report = world.judge(&signature, now);
        assert_eq!(verdict(&report), expected, "{at}: {report:#?}");
        assert!(report.time_proved);
        assert_eq!(report.best_signature_time, t(at));
        assert_eq!(report.timestamps[0].sub_indication, None);
        assert_eq!(report.level, "B-T");
    }
}

/// RFC 5280 5.3.2: the key was another's since the invalidity date, whenever that was told.
#[test]
fn an_invalidity_date_goes_before_the_revocation() {
    let mut world = world();
    let mut signature = world.signature();
    let entry = RevokedCertificate {
        serial: world.signer.certificate.serial().clone(),
        revocation_date: t("2026-05-01"),
        reason: RevocationReason::KeyCompromise,
        invalidity_date: Some(t("2026-04-01")),
    };
    let crl = world.root.crl_of("2026-06-01", "2026-07-01", vec![entry]);
    world.know(&crl);
    for (at, expected) in [
        ("2026-03-31", PASSED),
        ("2026-04-15", open(SubIndication::RevokedNoPoe)),
    ] {
        signature.timestamps = vec![over_signature(&world.tsa, &signature, at)];
        assert_eq!(verdict(&world.judge(&signature, "2026-06-02")), expected);
    }
}

/// 5.2.5: a status that is fresh for the proved time, or later than it, will do, be it old now.
#[test]
fn freshness_is_asked_for_the_proved_time() {
    for (made, next, expected) in [
        // Made after the signature was stamped.
        ("2026-03-02", "2026-03-09", PASSED),
        // Current when it was stamped.
        ("2026-02-27", "2026-03-05", PASSED),
        // No longer current then.
        ("2026-02-01", "2026-02-08", open(SubIndication::TryLater)),
    ] {
        let mut world = world();
        let mut signature = world.signature();
        let crl = world.root.crl(made, next, &[]);
        world.know(&crl);
        assert_eq!(
            verdict(&world.judge(&signature, "2026-06-01")),
            open(SubIndication::TryLater)
        );
        // The authority's own status is known by an OCSP-less route: a list of today for it alone
        // would be one for the signer too, so its certificate needs none.
        let other = Holder::root("CN=tsa root", "2020-01-01", "2040-01-01");
        world.tsa = other.issue("CN=tsa", P256, "2026-01-01", "2032-01-01", Use::Stamping);
        world.anchors.add(other.certificate.clone());
        world.know(&other.crl("2026-05-31", "2026-06-07", &[]));
        signature.timestamps = vec![over_signature(&world.tsa, &signature, "2026-03-01")];
        let report = world.judge(&signature, "2026-06-01");
        assert_eq!(verdict(&report), expected, "{made}: {report:#?}");
    }
}

/// Rules 16 and 25 to 27: a time-stamp proves something only if all of it holds.
#[test]
fn a_bad_time_stamp_proves_nothing() {
    let mut world = world();
    let mut signature = world.signature();
    let revoked = [(&world.signer, "2026-05-01")];
    let crl = world.root.crl("2026-06-01", "2026-07-01", &revoked);
    world.know(&crl);
    let good = || over_signature(&world.tsa, &signature, "2026-04-01");
    let copied = Timestamp {
        imprint: Ok(sha256(&signature.value.octets)),
        ..stamp(
            &world.tsa,
            TimestampKind::Signature,
            b"another signature",
            "2026-04-01",
            vec![Covered::SignatureValue],
        )
    };
    let mut altered = good();
    altered.token = changed(&altered);
    let stranger = Holder::root("CN=strange root", "2020-01-01", "2040-01-01");
    let stranger = stranger.issue("CN=tsa", P256, "2026-01-01", "2032-01-01", Use::Stamping);
    let strange = over_signature(&stranger, &signature, "2026-04-01");
    // Before its certificate was in force.
    let early = over_signature(&world.tsa, &signature, "2025-12-31");
    // From a clock that is ahead.
    let late = over_signature(&world.tsa, &signature, "2026-06-03");
    for (what, bad, sub) in [
        ("copied", copied, SubIndication::HashFailure),
        ("altered", altered, SubIndication::SigCryptoFailure),
        ("strange", strange, SubIndication::NoCertificateChainFound),
        ("early", early, SubIndication::SigConstraintsFailure),
        ("late", late, SubIndication::TimestampOrderFailure),
    ] {
        let mut signature = signature.clone();
        signature.timestamps = vec![bad.clone()];
        let report = world.judge(&signature, "2026-06-02");
        assert_eq!(
            verdict(&report),
            open(SubIndication::RevokedNoPoe),
            "{what}"
        );
        assert!(!report.time_proved, "{what}");
        assert_eq!(report.timestamps[0].sub_indication, Some(sub), "{what}");
        // Beside a good one it does no harm.
        signature.timestamps = vec![bad, good()];
        let report = world.judge(&signature, "2026-06-02");
        assert_eq!(verdict(&report), PASSED, "{what}");
    }
    signature.timestamps = Vec::new();
}

/// 5.3.4: a content-time-stamp proves that the signature was not there before.
#[test]
fn what_was_signed_too_late_has_failed() {
    let content = |world: &World, at| {
        let covers = vec![Covered::Objects];
        stamp(&world.tsa, TimestampKind::Content, CONTENT, at, covers)
    };
    let mut world = world();
    let mut signature = world.signature();
    let revoked = [(&world.signer, "2026-05-01")];
    let crl = world.root.crl("2026-06-01", "2026-07-01", &revoked);
    world.know(&crl);
    signature.timestamps = vec![content(&world, "2026-05-02")];
    let report = world.judge(&signature, "2026-06-02");
    assert_eq!(verdict(&report), failed(SubIndication::Revoked));
    // Made before the revocation it says nothing.
    signature.timestamps = vec![content(&world, "2026-04-02")];
    let report = world.judge(&signature, "2026-06-02");
    assert_eq!(verdict(&report), open(SubIndication::RevokedNoPoe));

    let crl = world.root.crl("2028-02-01", "2028-03-01", &[]);
    world.know(&crl);
    signature.timestamps = vec![content(&world, "2028-02-01")];
    let report = world.judge(&signature, "2028-02-02");
    assert_eq!(verdict(&report), failed(SubIndication::Expired));
}

/// 5.5.4 (4) (c): stamped before its certificate was in force.
#[test]
fn what_was_there_before_its_certificate_has_failed() {
    let mut world = world();
    let mut signature = world.signature();
    let early = world.root.issue(
        "CN=old tsa",
        P256,
        "2025-01-01",
        "2032-01-01",
        Use::Stamping,
    );
    world.know(&world.root.crl("2026-06-01", "2026-07-01", &[]).clone());
    world.know(&world.root.crl("2025-12-01", "2026-01-31", &[]).clone());
    signature.timestamps = vec![over_signature(&early, &signature, "2025-06-01")];
    let report = world.judge(&signature, "2026-06-02");
    // In force now and stamped before: the basic process has nothing against it.
    assert_eq!(verdict(&report), PASSED);
    let report = world.judge(&signature, "2025-12-31");
    assert_eq!(report.indication, "TOTAL-FAILED");
    assert_eq!(report.sub_indication, Some(SubIndication::NotYetValid));
}

/// Rule 26, 5.5.4 (5).
#[test]
fn time_stamps_in_the_wrong_order_are_told() {
    let mut world = world();
    let mut signature = world.signature();
    world.know(&world.root.crl("2026-06-01", "2026-07-01", &[]).clone());
    let first = over_signature(&world.tsa, &signature, "2026-05-02");
    let covers = vec![Covered::SignatureValue, Covered::Timestamp(0)];
    let archive = |at| {
        let covers = covers.clone();
        stamp(
            &world.tsa,
            TimestampKind::ArchiveV3,
            b"all of it",
            at,
            covers,
        )
    };
    signature.timestamps = vec![first.clone(), archive("2026-05-02")];
    assert_eq!(verdict(&world.judge(&signature, "2026-06-02")), PASSED);
    signature.timestamps = vec![first.clone(), archive("2026-05-01")];
    let report = world.judge(&signature, "2026-06-02");
    assert_eq!(verdict(&report), open(SubIndication::TimestampOrderFailure));
    let covers = vec![Covered::Objects];
    let content = stamp(
        &world.tsa,
        TimestampKind::Content,
        CONTENT,
        "2026-05-03",
        covers,
    );
    signature.timestamps = vec![content, first];
    let report = world.judge(&signature, "2026-06-02");
    assert_eq!(verdict(&report), open(SubIndication::TimestampOrderFailure));
}

/// A signature of 2026 read in 2056: renewed in time, and forged siblings (5.6.3).
struct Long {
    world: World,
    signature: Signature,
    authority: Holder,
    roots: Vec<Holder>,
}

/// Signed under an authority below the root, stamped in 2026; archived in 2027, 2037 and 2047 with
/// authorities of three roots, one for each decade.
///
/// Of each signer there is a list made after the next time-stamp over what he signed: one made
/// before leaves open what happened in between (5.6.2.4.4 (2)).
fn long() -> Long {
    let mut world = world();
    let authority = world.root.issue(
        "CN=authority",
        P256,
        "2021-01-01",
        "2039-01-01",
        Use::Authority,
    );
    let spec = KeySpec::Rsa2048;
    world.signer = authority.issue("CN=signer", spec, "2026-01-01", "2028-01-01", Use::Signing);
    let mut signature = world.signature();
    let eras = [("2027", "2038"), ("2037", "2048"), ("2047", "2058")];
    let era = |(from, to)| (format!("{from}-01-01"), format!("{to}-01-01"));
    let roots: Vec<Holder> = eras
        .map(era)
        .iter()
        .map(|(from, to)| Holder::root(&format!("CN=root of {from}"), from, to))
        .collect();
    for root in &roots {
        world.anchors.add(root.certificate.clone());
    }
    world
        .evidence
        .add_certificate(authority.certificate.clone());

    let mut covered = vec![
        Covered::SignatureValue,
        Covered::Objects,
        Covered::Timestamp(0),
    ];
    for holder in [&world.signer, &world.tsa, &authority] {
        covered.push(Covered::Evidence(sha256(holder.certificate.der())));
    }
    signature.timestamps = vec![over_signature(&world.tsa, &signature, "2026-03-01")];
    let status = |world: &mut World, covered: &mut Vec<Covered>, by: &Holder, from, to| {
        let list = by.crl(from, to, &[]);
        covered.push(Covered::Evidence(sha256(list.der())));
        world.know(&list);
    };
    status(
        &mut world,
        &mut covered,
        &authority,
        "2026-03-02",
        "2026-03-09",
    );
    for (i, (root, (from, to))) in roots.iter().zip(eras.map(era)).enumerate() {
        let stamper = root.issue("CN=archiving", P256, &from, &to, Use::Stamping);
        let at = format!("{}-02-01", &from[..4]);
        let (kind, covers) = (TimestampKind::ArchiveV3, covered.clone());
        let octets = format!("archive {i}");
        let archive = stamp(&stamper, kind, octets.as_bytes(), &at, covers);
        signature.timestamps.push(archive);
        covered.push(Covered::Timestamp(i + 1));
        covered.push(Covered::Evidence(sha256(stamper.certificate.der())));
        let covered = &mut covered;
        match i {
            0 => {
                let list = world.root.crl("2031-06-01", "2031-07-01", &[]);
                covered.push(Covered::Evidence(sha256(list.der())));
                world.know(&list);
            }
            1 => status(&mut world, covered, &roots[0], "2037-06-01", "2037-07-01"),
            _ => {
                status(&mut world, covered, &roots[1], "2047-06-01", "2047-07-01");
                status(&mut world, covered, &roots[2], "2056-05-01", "2056-07-01");
            }
        }
    }
    Long {
        world,
        signature,
        authority,
        roots,
    }
}

const LATE: &str = "2056-06-01";

#[test]
fn a_renewed_signature_holds_after_thirty_years() {
    let long = long();
    let report = long.world.judge(&long.signature, LATE);
    assert_eq!(verdict(&report), PASSED, "{report:#?}");
    assert_eq!(report.best_signature_time, t("2026-03-01"));
    assert!(has(&report.findings, "certificate.past-validation"));
    for stamp in &report.timestamps {
        assert_eq!(stamp.sub_indication, None, "{stamp:#?}");
    }
    // The same inputs give the same octets, in whatever order the evidence comes.
    let mut shuffled = Evidence::new();
    for certificate in long.world.evidence.certificates().iter().rev() {
        shuffled.add_certificate(certificate.clone());
    }
    for crl in long.world.evidence.crls().iter().rev() {
        shuffled.add_crl(crl.clone());
    }
    let again = World {
        evidence: shuffled,
        ..long.world
    };
    let again = again.judge(&long.signature, LATE);
    assert_eq!(
        serde_json::to_string(&again).unwrap(),
        serde_json::to_string(&report).unwrap()
    );
}

/// Without one of the renewals, everything before it is open again.
#[test]
fn a_missing_renewal_breaks_the_chain() {
    for gone in 1..=3 {
        let mut long = long();
        let stamp = &mut long.signature.timestamps[gone];
        // Its octets were changed: it stays where it is and no longer verifies.
        stamp.token = changed(stamp);
        let report = long.world.judge(&long.signature, LATE);
        assert_eq!(report.indication, "INDETERMINATE", "{gone}");
        assert_ne!(report.sub_indication, None, "{gone}");
    }
}

/// A renewal that does not cover the list of the time before it proves nothing of it: the list may
/// have been made yesterday by whoever broke the old key.
#[test]
fn evidence_counts_only_since_it_is_proved_to_exist() {
    let mut long = long();
    let list = sha256(long.world.evidence.crls()[0].der());
    for stamp in &mut long.signature.timestamps {
        stamp.covers.retain(|c| *c != Covered::Evidence(list));
    }
    let report = long.world.judge(&long.signature, LATE);
    assert_eq!(report.indication, "INDETERMINATE", "{report:#?}");
    // The time is proved, the path is not.
    assert_eq!(report.best_signature_time, t("2026-03-01"));
    let no_poe = Some(SubIndication::NoPoe);
    let control = |f: &Finding| f.rule == "certificate.control-time" && f.sub_indication == no_poe;
    assert!(any(&report.findings, &control), "{report:#?}");
}

/// A root that is not trusted any more takes its time-stamps with it.
#[test]
fn an_untrusted_archive_proves_nothing() {
    let mut long = long();
    let gone = long.roots[1].certificate.clone();
    let kept = long.world.anchors.certificates().iter();
    long.world.anchors = kept.filter(|c| **c != gone).cloned().collect();
    let report = long.world.judge(&long.signature, LATE);
    assert_eq!(report.indication, "INDETERMINATE");
    // That trust material is not there is told, and is nothing against the signer.
    assert!(
        report.missing.iter().any(|m| m.what == "issuer"),
        "{report:#?}"
    );
}

/// Revoked after his signature was stamped: it holds. Revoked before: it does not, thirty years
/// later.
#[test]
fn a_later_revocation_does_not_reach_back() {
    for (since, expected) in [
        ("2026-03-01T00:00:01Z", "TOTAL-PASSED"),
        ("2026-02-28", "INDETERMINATE"),
    ] {
        let mut long = long();
        let revoked = [(&long.world.signer, since)];
        let list = long.authority.crl("2026-03-03", "2026-03-10", &revoked);
        long.world.evidence.add_crl(list.clone());
        for stamp in long.signature.timestamps.iter_mut().skip(1) {
            stamp.covers.push(Covered::Evidence(sha256(list.der())));
        }
        let report = long.world.judge(&long.signature, LATE);
        assert_eq!(report.indication, expected, "{report:#?}");
    }
}

/// TS 119 312: an algorithm counts up to the end of its time, at the time that is proved.
#[test]
fn an_algorithm_counts_at_the_proved_time() {
    let mut world = world_with(KeySpec::Rsa2048);
    world.root = Holder::root("CN=root", "2020-01-01", "2040-01-01");
    world.signer = world.root.issue(
        "CN=signer",
        KeySpec::Rsa2048,
        "2026-01-01",
        "2032-01-01",
        Use::Signing,
    );
    world.tsa = world
        .root
        .issue("CN=tsa", P256, "2026-01-01", "2032-01-01", Use::Stamping);
    world.anchors = [world.root.certificate.clone()].into_iter().collect();
    let mut signature = world.signature();
    let now = "2030-06-02";
    world.know(&world.root.crl("2030-06-01", "2030-07-01", &[]).clone());
    let sub = SubIndication::CryptoConstraintsFailureNoPoe;
    assert_eq!(verdict(&world.judge(&signature, now)), open(sub));
    signature.timestamps = vec![over_signature(&world.tsa, &signature, "2028-12-31")];
    assert_eq!(verdict(&world.judge(&signature, now)), PASSED);
    signature.timestamps = vec![over_signature(&world.tsa, &signature, "2029-01-02")];
    assert_eq!(verdict(&world.judge(&signature, now)), open(sub));
}
