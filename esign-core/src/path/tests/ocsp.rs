//! OCSP responses: what they say, who may sign them, how long they count.

use super::made::{Holder, Made, World, t};
use super::{decisive, judge as judge_path};
use crate::crl::RevocationReason;
use crate::keys::{DigestAlgorithm, SigningKey};
use crate::ocsp::{
    BasicResponse, CertId, CertStatus, Nonce, OcspRequest, OcspResponse, Question, RequestBuilder,
    ResponderId, ResponseBuilder, ResponseStatus, Status, judge,
};
use crate::oid;
use crate::path::{KeyPurpose, PathInputs, RevocationChecking};
use crate::time::UnixTime;
use crate::x509::{Certificate, KeyUsage};

struct Centre {
    root: Holder,
    leaf: Holder,
}

fn centre() -> Centre {
    let root = Holder::root(Made::authority("CN=Root"));
    let leaf = root.issue(Made::end("CN=Leaf").serial(&[9]));
    Centre { root, leaf }
}

fn responder(root: &Holder, made: Made) -> Holder {
    root.issue(
        made.usage(KeyUsage::DIGITAL_SIGNATURE)
            .extended(&[oid::KP_OCSP_SIGNING], false),
    )
}

fn delegate(root: &Holder) -> Holder {
    let made = Made::end("CN=Responder").serial(&[3]);
    responder(root, made.with(oid::OCSP_NO_CHECK, false, vec![5, 0]))
}

const NOON: &str = "2026-06-01";

impl Centre {
    fn builder(&self, status: CertStatus) -> ResponseBuilder {
        let serial = self.leaf.certificate.serial().clone();
        let id = CertId::new(serial, &self.root.certificate, DigestAlgorithm::Sha1);
        ResponseBuilder {
            responder: ResponderId::of_key(self.root.key.public_key()),
            produced_at: t(NOON),
            statuses: vec![Status {
                id: id.unwrap(),
                status,
                this_update: t(NOON),
                next_update: Some(t(NOON).plus(3600)),
                archive_cutoff: None,
            }],
            nonce: None,
            extended_revoke: false,
            certificates: Vec::new(),
        }
    }

    fn question(&self) -> Question<'_> {
        Question {
            certificate: &self.leaf.certificate,
            issuer: &self.root.certificate,
            at: t(NOON).plus(60),
            nonce: None,
        }
    }

    /// What the decisive rule says of a response signed by `by`.
    fn verdict(&self, builder: ResponseBuilder, by: &Holder) -> String {
        self.asked(builder, by, &self.question())
    }

    fn asked(&self, builder: ResponseBuilder, by: &Holder, question: &Question<'_>) -> String {
        let judged = judge(&signed(builder, by), question, &[]);
        let rule = crate::report::Finding::decisive(&judged.report);
        let rule = rule.map_or_else(String::new, |f| format!(" {} {:?}", f.rule, f.because));
        format!("{:?}{rule}", judged.value.map(|v| v.status))
    }

    fn path(&self, responses: &[BasicResponse], others: &[&Holder], at: UnixTime) -> String {
        let mut world = World::new(&[&self.root], others);
        for r in responses {
            assert!(world.evidence.add_ocsp(r.clone()));
            assert!(!world.evidence.add_ocsp(r.clone()));
        }
        let inputs = PathInputs::new(
            at,
            &world.anchors,
            &world.evidence,
            RevocationChecking::Required,
            KeyPurpose::Any,
        );
        decisive(&judge_path(&self.leaf.certificate, &inputs))
    }
}

fn signed(builder: ResponseBuilder, by: &Holder) -> BasicResponse {
    let algorithm = *by.key.algorithms().first().unwrap();
    let der = builder.draft(algorithm).unwrap().sign(&by.key).unwrap();
    let response = OcspResponse::from_der(&der).unwrap();
    let basic = response.basic.unwrap();
    assert_eq!(basic.response_der(), der);
    assert_eq!(BasicResponse::from_der(basic.der()).unwrap(), basic);
    basic
}

fn revoked(at: &str, reason: RevocationReason) -> CertStatus {
    CertStatus::Revoked {
        at: t(at),
        reason: Some(reason),
    }
}

#[test]
fn statuses_are_told_apart() {
    let c = centre();
    let is = |status, begins: &str| {
        let verdict = c.verdict(c.builder(status), &c.root);
        assert!(verdict.starts_with(begins), "{verdict}");
    };
    is(CertStatus::Good, "Some(Good)");
    is(CertStatus::Unknown, "None ocsp.status");
    let compromise = RevocationReason::KeyCompromise;
    is(revoked("2026-05-01", compromise), "Some(Revoked");
    let verdict = c.verdict(c.builder(revoked("2026-05-01", compromise)), &c.root);
    assert!(verdict.contains("keyCompromise"), "{verdict}");
}

#[test]
fn by_name_and_by_key_and_sha256() {
    let c = centre();
    let mut builder = c.builder(CertStatus::Good);
    builder.responder = ResponderId::ByName(c.root.certificate.subject().clone());
    let serial = c.leaf.certificate.serial().clone();
    builder.statuses[0].id =
        CertId::new(serial, &c.root.certificate, DigestAlgorithm::Sha256).unwrap();
    assert_eq!(c.verdict(builder.clone(), &c.root), "Some(Good)");
    // Named as the issuer, signed by another.
    let verdict = c.verdict(builder, &c.leaf);
    assert!(verdict.starts_with("None ocsp.signature"), "{verdict}");
}

#[test]
fn responses_that_speak_of_others_are_none() {
    let c = centre();
    let other = Holder::root(Made::authority("CN=Other"));
    let mut builder = c.builder(CertStatus::Good);
    builder.statuses[0].id.serial = crate::x509::SerialNumber::from_magnitude(&[77]);
    let verdict = c.verdict(builder, &c.root);
    assert!(verdict.starts_with("None ocsp.certificate"), "{verdict}");
    assert!(
        verdict.contains("4d") || verdict.contains("4D"),
        "{verdict}"
    );
    // The same serial and issuer's name, another key.
    let same_name = Holder::root(Made::authority("CN=Root"));
    for (issuer, differs) in [(&other, "issuer_name"), (&same_name, "issuer_key")] {
        let mut builder = c.builder(CertStatus::Good);
        let serial = c.leaf.certificate.serial().clone();
        let id = CertId::new(serial, &issuer.certificate, DigestAlgorithm::Sha1);
        builder.statuses[0].id = id.unwrap();
        let verdict = c.verdict(builder, &c.root);
        assert!(verdict.contains(differs), "{verdict}");
    }
}

#[test]
fn only_those_whom_the_issuer_names_may_answer() {
    let c = centre();
    let is = |by: &Holder, expected: &str| {
        for by_name in [true, false] {
            let mut builder = c.builder(CertStatus::Good);
            builder.responder = if by_name {
                ResponderId::ByName(by.certificate.subject().clone())
            } else {
                ResponderId::of_key(by.key.public_key())
            };
            builder.certificates = vec![by.certificate.clone()];
            let verdict = c.verdict(builder, by);
            assert!(verdict.contains(expected), "{verdict}");
        }
    };
    is(&delegate(&c.root), "Some(Good)");
    let made = Made::end("CN=X").usage(KeyUsage::DIGITAL_SIGNATURE);
    is(&c.root.issue(made.clone()), "lacks id-kp-OCSPSigning");
    let any = made.extended(&[oid::ANY_EXTENDED_KEY_USAGE], false);
    is(&c.root.issue(any), "lacks id-kp-OCSPSigning");
    let expired = Made::end("CN=X").valid("2026-01-01", "2026-02-01");
    is(&responder(&c.root, expired), "not valid at producedAt");
    let made = Made::end("CN=X").extended(&[oid::KP_OCSP_SIGNING], false);
    is(
        &c.root.issue(made.usage(KeyUsage::KEY_AGREEMENT)),
        "lacks digitalSignature",
    );
    // An authority below the issuer cannot pass the right on.
    let below = c.root.issue(Made::authority("CN=Below"));
    is(&delegate(&below), "not issued by the issuer");
    // Nor can one of the same name with another key.
    let namesake = Holder::root(Made::authority("CN=Root"));
    is(&delegate(&namesake), "not signed with the key");
}

#[test]
fn freshness_has_both_ends() {
    let c = centre();
    let fresh = |next: Option<i64>, at: i64| {
        let mut builder = c.builder(CertStatus::Good);
        builder.statuses[0].next_update = next.map(|n| t(NOON).plus(n));
        let at = t(NOON).plus(at);
        let question = Question { at, ..c.question() };
        let verdict = c.asked(builder, &c.root, &question);
        let stale = verdict.starts_with("None ocsp.current");
        assert!(stale || verdict == "Some(Good)", "{verdict}");
        !stale
    };
    assert!(fresh(Some(100), 100));
    assert!(!fresh(Some(100), 101));
    assert!(fresh(Some(100), -crate::ocsp::CLOCK_TOLERANCE));
    assert!(!fresh(Some(100), -crate::ocsp::CLOCK_TOLERANCE - 1));
    assert!(fresh(None, crate::ocsp::MAX_AGE_WITHOUT_NEXT_UPDATE));
    assert!(!fresh(None, crate::ocsp::MAX_AGE_WITHOUT_NEXT_UPDATE + 1));
}

#[test]
fn a_nonce_must_come_back() {
    let c = centre();
    let sent = Nonce::new(&[1; 32]).unwrap();
    let with = |nonce: Option<Nonce>| {
        let mut builder = c.builder(CertStatus::Good);
        builder.nonce = nonce;
        let question = Question {
            nonce: Some(&sent),
            ..c.question()
        };
        c.asked(builder, &c.root, &question)
    };
    assert_eq!(with(Some(sent.clone())), "Some(Good)");
    assert!(with(None).starts_with("None ocsp.nonce"));
    assert!(with(Nonce::new(&[2; 32])).starts_with("None ocsp.nonce"));
    assert!(Nonce::new(&[]).is_none() && Nonce::new(&[0; 129]).is_none());
    assert!(Nonce::new(&[0]).is_some() && Nonce::new(&[0; 128]).is_some());
}

#[test]
fn expired_certificates_need_an_archive_cutoff() {
    let root = Holder::root(Made::authority("CN=Root").valid("2020-01-01", "2030-01-01"));
    let leaf = root.issue(Made::end("CN=Leaf").valid("2025-01-01", "2026-01-01"));
    let c = Centre { root, leaf };
    let with = |cutoff: Option<&str>| {
        let mut builder = c.builder(CertStatus::Good);
        builder.statuses[0].archive_cutoff = cutoff.map(t);
        c.verdict(builder, &c.root)
    };
    assert_eq!(with(Some("2025-12-01")), "Some(Good)");
    assert!(with(Some("2026-02-01")).starts_with("None ocsp.archive-cutoff"));
    assert!(with(None).starts_with("None ocsp.archive-cutoff"));
}

#[test]
fn a_certificate_never_issued_is_told_of() {
    let c = centre();
    let mut builder = c.builder(revoked("1970-01-01", RevocationReason::CertificateHold));
    builder.extended_revoke = true;
    let verdict = c.verdict(builder, &c.root);
    assert!(verdict.contains("not_issued"), "{verdict}");
}

#[test]
fn paths_rest_on_responses() {
    let c = centre();
    let at = t(NOON).plus(60);
    let good = signed(c.builder(CertStatus::Good), &c.root);
    assert_eq!(c.path(core::slice::from_ref(&good), &[], at), "passed");
    assert!(c.path(&[], &[], at).starts_with("path.revocation"));
    let late = c.path(core::slice::from_ref(&good), &[], t(NOON).plus(7200));
    assert!(
        late.contains("ocsp.current") || late.contains("path.revocation"),
        "{late}"
    );
    // Revocation is final, however old the response and whatever newer ones say.
    let mut old = c.builder(revoked("2026-03-01", RevocationReason::KeyCompromise));
    old.produced_at = t("2026-03-02");
    old.statuses[0].this_update = t("2026-03-02");
    old.statuses[0].next_update = Some(t("2026-03-03"));
    let old = signed(old, &c.root);
    let both = c.path(&[good.clone(), old], &[], at);
    assert!(both.contains("keyCompromise"), "{both}");
    // A hold counts until a later answer lifts it.
    let mut hold = c.builder(revoked("2026-03-01", RevocationReason::CertificateHold));
    hold.produced_at = t(NOON).plus(-60);
    hold.statuses[0].this_update = t(NOON).plus(-60);
    let hold = signed(hold, &c.root);
    let held = c.path(core::slice::from_ref(&hold), &[], at);
    assert!(held.contains("certificateHold"), "{held}");
    assert_eq!(c.path(&[hold, good], &[], at), "passed");
}

#[test]
fn a_responder_without_nocheck_needs_a_status_of_its_own() {
    let c = centre();
    let at = t(NOON).plus(60);
    let by = |holder: &Holder, embedded: bool| {
        let mut builder = c.builder(CertStatus::Good);
        builder.responder = ResponderId::of_key(holder.key.public_key());
        if embedded {
            builder.certificates = vec![holder.certificate.clone()];
        }
        signed(builder, holder)
    };
    let unchecked = delegate(&c.root);
    assert_eq!(c.path(&[by(&unchecked, true)], &[], at), "passed");
    assert_eq!(
        c.path(&[by(&unchecked, false)], &[&unchecked], at),
        "passed"
    );
    let checked = responder(&c.root, Made::end("CN=Responder").serial(&[4]));
    let open = c.path(&[by(&checked, true)], &[], at);
    assert!(open != "passed", "{open}");
    // The issuer's own word on the responder settles it.
    let status_of = |status| {
        let mut own = c.builder(status);
        let serial = checked.certificate.serial().clone();
        let id = CertId::new(serial, &c.root.certificate, DigestAlgorithm::Sha256);
        own.statuses[0].id = id.unwrap();
        signed(own, &c.root)
    };
    let own = status_of(CertStatus::Good);
    assert_eq!(c.path(&[by(&checked, true), own], &[], at), "passed");
    let own = status_of(revoked("2026-02-01", RevocationReason::Superseded));
    assert!(c.path(&[by(&checked, true), own], &[], at) != "passed");
}

#[test]
fn certificates_that_need_no_status() {
    let root = Holder::root(Made::authority("CN=Root"));
    let null = vec![5, 0];
    for oid in [oid::NO_REV_AVAIL, oid::VALIDITY_ASSURED_SHORT_TERM] {
        let made = Made::end("CN=Leaf").with(oid, false, null.clone());
        let exempt = Centre {
            leaf: root.issue(made),
            root: Holder {
                name: root.name.clone(),
                key: super::made::key(),
                certificate: root.certificate.clone(),
            },
        };
        assert_eq!(exempt.path(&[], &[], t(NOON)), "passed");
    }
    // RFC 9608 2: an authority's certificate must not say so; if one does, it does not count.
    let authority = Made::authority("CN=Sub").with(oid::NO_REV_AVAIL, false, null);
    let c = Centre {
        leaf: root.issue(authority),
        root,
    };
    assert!(c.path(&[], &[], t(NOON)).starts_with("path.revocation"));
}

#[test]
fn requests_and_errors_are_read_back() {
    let c = centre();
    let id = |digest| {
        let serial = c.leaf.certificate.serial().clone();
        CertId::new(serial, &c.root.certificate, digest).unwrap()
    };
    let builder = RequestBuilder {
        asked: vec![id(DigestAlgorithm::Sha1), id(DigestAlgorithm::Sha256)],
        nonce: Nonce::new(&[7; 128]),
    };
    let request = OcspRequest::from_der(&builder.build().unwrap()).unwrap();
    assert_eq!(request.asked(), builder.asked);
    assert_eq!(request.nonce(), builder.nonce.as_ref());
    assert!(!request.is_signed() && request.verify_signed_by(c.root.key.public_key()).is_err());
    assert!(RequestBuilder::default().build().is_none());
    let many = |n| RequestBuilder {
        asked: vec![id(DigestAlgorithm::Sha1); n],
        nonce: None,
    };
    assert!(OcspRequest::from_der(&many(100).build().unwrap()).is_ok());
    assert!(OcspRequest::from_der(&many(101).build().unwrap()).is_err());
    for (status, number) in ResponseStatus::ALL {
        let der = status.error_response();
        let read = OcspResponse::from_der(&der);
        assert_eq!(der, [0x30, 3, 0x0a, 1, number]);
        // Success without an answer is none.
        assert_eq!(read.is_ok(), status != ResponseStatus::Successful);
    }
    assert!(OcspResponse::from_der(&[0x30, 3, 0x0a, 1, 4]).is_err());
}

#[test]
fn limits_are_reached() {
    let c = centre();
    let mut builder = c.builder(CertStatus::Good);
    let one = builder.statuses[0].clone();
    builder.statuses = vec![one.clone(); crate::ocsp::MAX_SINGLE_RESPONSES];
    signed(builder.clone(), &c.root);
    builder.statuses.push(one);
    let algorithm = *c.root.key.algorithms().first().unwrap();
    assert!(builder.draft(algorithm).is_err());
    let with = |n: usize| {
        let mut builder = c.builder(CertStatus::Good);
        let own: Vec<Certificate> = vec![c.root.certificate.clone(); n];
        builder.certificates = own;
        let der = builder.draft(algorithm).unwrap().sign(&c.root.key).unwrap();
        OcspResponse::from_der(&der)
    };
    assert!(with(crate::ocsp::MAX_CERTIFICATES).is_ok());
    assert!(with(crate::ocsp::MAX_CERTIFICATES + 1).is_err());
    assert!(OcspResponse::from_der(&vec![0; (1 << 20) + 1]).is_err());
    assert!(OcspRequest::from_der(&vec![0; (1 << 16) + 1]).is_err());
}

#[test]
fn finishing_checks_the_signature() {
    let c = centre();
    let algorithm = *c.root.key.algorithms().first().unwrap();
    let draft = c.builder(CertStatus::Good).draft(algorithm).unwrap();
    let signature = c.root.key.sign(algorithm, &draft.prepare().bytes).unwrap();
    let other = c.leaf.key.public_key();
    assert!(draft.clone().finish(&signature, other).is_err());
    assert!(draft.finish(&signature, c.root.key.public_key()).is_ok());
}
