//! A centre in memory: requests, profiles, lints, certificates, lists, and the paths over them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

use esign_core::crl::{Crl, CrlBuilder, RevocationReason, RevokedCertificate};
use esign_core::evidence::Evidence;
use esign_core::keys::{Curve, KeySpec, PrivateKey, SigningKey};
use esign_core::path::{
    KeyPurpose, MAX_CANDIDATES, MAX_PATH_LEN, MAX_SIGNATURES, PathInputs, RevocationChecking,
    VerifiedPath, build_path,
};
use esign_core::report::{Finding, Indication, Judged, SubIndication};
use esign_core::time::UnixTime;
use esign_core::trust::TrustAnchors;
use esign_core::x509::{
    Certificate, Draft, Fin, Identity, Issuer, KeyUsage, NameBuilder, NaturalPerson, Order,
    Organization, OrganizationIdentifier, OrganizationScheme, PersonIdentifier, Profile, ProvenKey,
    Request, RequestError, SerialNumber, UnsignedRequest, Voen, to_pem,
};
use x509_parser::prelude::{FromDer, X509Certificate};

const DAY: i64 = 86_400;

fn t(text: &str) -> UnixTime {
    UnixTime::parse(text).unwrap()
}

fn key() -> PrivateKey {
    PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap()
}

fn proven(key: &PrivateKey) -> ProvenKey {
    let name = NameBuilder::parse("CN=whatever the requester likes")
        .unwrap()
        .build()
        .unwrap();
    Request::sign(&name, key).unwrap().verify().unwrap()
}

fn authority(name: &str) -> Identity {
    Identity::Organization(Organization {
        common_name: name.into(),
        organization: "SINAQ Mərkəzi".into(),
        identifier: None,
        country: "AZ".into(),
    })
}

fn person() -> Identity {
    Identity::NaturalPerson(NaturalPerson {
        given_name: "Əli".into(),
        surname: "Məmmədov".into(),
        identifier: PersonIdentifier::Fin(Fin::parse("5abc12z").unwrap()),
        country: "AZ".into(),
        organization: None,
        title: None,
    })
}

fn company(scheme: OrganizationScheme) -> Identity {
    Identity::Organization(Organization {
        common_name: "Sistem möhürü".into(),
        organization: "Nümunə MMC".into(),
        identifier: Some(OrganizationIdentifier {
            scheme,
            voen: Voen::parse("1234567891").unwrap(),
        }),
        country: "AZ".into(),
    })
}

/// An authority with its key.
struct Centre {
    key: PrivateKey,
    issuer: Issuer,
}

fn issuer_of(certificate: &Certificate) -> Issuer {
    Issuer {
        certificate: Some(certificate.clone()),
        crl: vec!["http://crl.example.az/ca.crl".into()],
        ocsp: vec!["http://ocsp.example.az".into()],
        ca_issuers: vec!["http://crl.example.az/ca.crt".into()],
    }
}

impl Centre {
    fn draft(
        &self,
        profile: &Profile,
        identity: &Identity,
        subject: &ProvenKey,
        from: UnixTime,
    ) -> Draft {
        Draft::new(&Order {
            key: subject,
            profile,
            identity,
            issuer: &self.issuer,
            algorithm: self.key.algorithms()[0],
            serial: SerialNumber::random(&ring::rand::SystemRandom::new()).unwrap(),
            not_before: from,
            not_after: None,
        })
        .unwrap()
    }

    fn issue(&self, profile: &Profile, identity: &Identity, key: &PrivateKey) -> Certificate {
        let judged = self
            .draft(profile, identity, &proven(key), t("2026-01-01"))
            .lint();
        let linted = judged
            .value
            .unwrap_or_else(|| panic!("{:#?}", judged.report));
        linted.sign(&self.key).unwrap()
    }

    fn root() -> Self {
        let mut root = Self {
            key: key(),
            issuer: Issuer::default(),
        };
        let linted = root
            .draft(
                &Profile::root(),
                &authority("SINAQ Kök"),
                &proven(&root.key),
                t("2025-01-01"),
            )
            .lint();
        let certificate = linted
            .value
            .unwrap_or_else(|| panic!("{:#?}", linted.report))
            .sign(&root.key)
            .unwrap();
        root.issuer = issuer_of(&certificate);
        root
    }

    fn below(&self, name: &str, profile: &Profile) -> Self {
        let key = key();
        let certificate = self.issue(profile, &authority(name), &key);
        Self {
            key,
            issuer: issuer_of(&certificate),
        }
    }

    fn certificate(&self) -> &Certificate {
        self.issuer.certificate.as_ref().unwrap()
    }

    fn crl(&self, number: u8, from: &str, revoked: Vec<RevokedCertificate>) -> Crl {
        CrlBuilder {
            issuer: self.certificate().subject().clone(),
            key_identifier: self
                .certificate()
                .subject_key_identifier()
                .unwrap()
                .unwrap()
                .to_vec(),
            number: SerialNumber::from_magnitude(&[number]),
            this_update: t(from),
            next_update: t(from).plus(DAY),
            expired_certificates_since: Some(t("2025-01-01")),
        }
        .build(revoked, self.key.public_key(), self.key.algorithms()[0])
        .unwrap()
        .sign(&self.key)
        .unwrap()
    }
}

fn revoked(certificate: &Certificate, at: &str, reason: RevocationReason) -> RevokedCertificate {
    RevokedCertificate {
        serial: certificate.serial().clone(),
        revocation_date: t(at),
        reason,
        invalidity_date: None,
    }
}

fn judge(
    leaf: &Certificate,
    anchor: &Certificate,
    evidence: &Evidence,
    at: &str,
    purpose: KeyPurpose,
) -> Judged<VerifiedPath> {
    let anchors: TrustAnchors = [anchor.clone()].into_iter().collect();
    build_path(
        leaf,
        &PathInputs::new(
            t(at),
            &anchors,
            evidence,
            RevocationChecking::Required,
            purpose,
        ),
    )
}

fn sub(judged: &Judged<VerifiedPath>) -> Option<SubIndication> {
    assert_eq!(
        judged.value.is_some(),
        Finding::worst(&judged.report) == Indication::Passed
    );
    Finding::decisive(&judged.report).and_then(|f| f.sub_indication)
}

#[test]
fn every_shipped_profile_issues_what_it_says() {
    let root = Centre::root();
    let ca = root.below("SINAQ İmza Mərkəzi", &Profile::issuing_authority());
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let tsa = Profile::time_stamping_authority();
    let rows = [
        (
            Profile::natural_person(),
            person(),
            KeyUsage::NON_REPUDIATION,
        ),
        (
            Profile::legal_person(),
            company(OrganizationScheme::Vat),
            KeyUsage::NON_REPUDIATION,
        ),
        (
            Profile::ocsp_responder(),
            authority("OCSP"),
            KeyUsage::DIGITAL_SIGNATURE,
        ),
        (tsa, authority("TSA"), KeyUsage::DIGITAL_SIGNATURE),
    ];
    let write = |name: &str, c: &Certificate| {
        std::fs::write(
            folder.join(name).with_extension("pem"),
            to_pem("CERTIFICATE", c.der()),
        )
        .unwrap();
    };
    write("root", root.certificate());
    write("ca", ca.certificate());
    std::fs::write(folder.join("ca.crl"), ca.crl(1, "2026-06-01", vec![]).der()).unwrap();
    for (profile, identity, usage) in rows {
        let certificate = ca.issue(&profile, &identity, &key());
        write(&profile.name, &certificate);
        assert_eq!(
            certificate.key_usage().unwrap(),
            Some(usage),
            "{}",
            profile.name
        );
        assert_eq!(certificate.version(), 3);
        assert_eq!(certificate.not_before(), t("2026-01-01"));
        // Inclusive: the profile's days less one second.
        let lifetime = certificate.not_after().seconds() - certificate.not_before().seconds();
        assert_eq!(lifetime, i64::from(profile.validity_days) * DAY - 1);
        certificate.verify_signed_by(ca.key.public_key()).unwrap();
        assert!(certificate.verify_signed_by(root.key.public_key()).is_err());
        let (_, other) = X509Certificate::from_der(certificate.der()).unwrap();
        assert_eq!(other.extensions().len(), certificate.extensions().count());
        // Nothing of the request but the key survives.
        assert!(!certificate.subject().to_string().contains("requester"));
    }
    let person = ca.issue(&Profile::natural_person(), &person(), &key());
    assert_eq!(
        person.subject().to_string(),
        "CN=Əli Məmmədov, serialNumber=PNOAZ-5ABC12Z, GN=Əli, SN=Məmmədov, C=AZ"
    );
    let statements = person.qc_statements().unwrap().unwrap();
    assert_eq!(statements.len(), 1, "no claim of qualification");
    assert_eq!(
        statements[0].identifiers(),
        [esign_core::oid::SEMANTICS_NATURAL]
    );
    let points = person.crl_distribution_points().unwrap().unwrap();
    assert_eq!(
        points[0].uris().collect::<Vec<_>>(),
        ["http://crl.example.az/ca.crl"]
    );
    assert_eq!(person.authority_info_access().unwrap().unwrap().len(), 2);
    for (scheme, prefix) in [
        (OrganizationScheme::Ntr, "NTRAZ-1234567891"),
        (OrganizationScheme::Tin, "TINAZ-1234567891"),
        (OrganizationScheme::Vat, "VATAZ-1234567891"),
    ] {
        let seal = ca.issue(&Profile::legal_person(), &company(scheme), &key());
        let found = seal
            .subject()
            .first(esign_core::oid::ORGANIZATION_IDENTIFIER);
        assert_eq!(found.as_deref(), Some(prefix));
    }
}

#[test]
fn qualified_statements_only_where_the_profile_claims_them() {
    let ca = Centre::root().below("CA", &Profile::issuing_authority());
    let mut profile = Profile::natural_person();
    let json = r#"{"compliance":true,"sscd":true,"kind":"esign","legislation":["AZ"],
        "retention-years":15,"disclosure":[{"url":"https://pds.example.az/az","language":"az"}]}"#;
    profile.qualified = Some(serde_json::from_str(json).unwrap());
    let proven = proven(&key());
    let order = |profile: &Profile| {
        Draft::new(&Order {
            key: &proven,
            profile,
            identity: &person(),
            issuer: &ca.issuer,
            algorithm: ca.key.algorithms()[0],
            serial: SerialNumber::from_magnitude(&[5]),
            not_before: t("2026-01-01"),
            not_after: None,
        })
    };
    let error = order(&profile).unwrap_err().to_string();
    assert_eq!(error, "QcPDS: an English disclosure statement is missing");
    let claims = profile.qualified.as_mut().unwrap();
    claims.disclosure.push(esign_core::x509::Disclosure {
        url: "https://pds.example.az/en".into(),
        language: "en".into(),
    });
    let draft = order(&profile).unwrap();
    let statements = draft.unsigned().qc_statements().unwrap().unwrap();
    assert_eq!(statements.len(), 7);
    let pds = statements
        .iter()
        .find(|s| s.id == esign_core::oid::QC_PDS)
        .unwrap();
    assert_eq!(
        pds.disclosures()[1],
        ("https://pds.example.az/en".into(), "en".into())
    );
}

#[test]
fn lints_refuse_with_the_rule_that_is_broken() {
    let root = Centre::root();
    let ca = root.below("CA", &Profile::issuing_authority());
    let refused = |centre: &Centre, profile: &Profile, identity: &Identity, from: &str| {
        let judged = centre
            .draft(profile, identity, &proven(&key()), t(from))
            .lint();
        assert!(judged.value.is_none());
        let broken = judged
            .report
            .iter()
            .filter(|f| f.outcome != Indication::Passed);
        broken.map(|f| f.rule).collect::<Vec<_>>()
    };
    let natural = Profile::natural_person();
    assert_eq!(
        refused(&ca, &natural, &person(), "2035-12-01"),
        ["x509.validity.within-issuer"]
    );
    // The issuing authority's path length is 0.
    assert_eq!(
        refused(
            &ca,
            &Profile {
                validity_days: 30,
                ..Profile::issuing_authority()
            },
            &authority("Sub"),
            "2026-02-01"
        ),
        ["x509.basic-constraints.path-length-below-issuer"]
    );
    let wrong = Profile {
        key_usage: KeyUsage::KEY_CERT_SIGN,
        ..natural.clone()
    };
    assert_eq!(
        refused(&ca, &wrong, &person(), "2026-02-01"),
        [
            "lint.key-usage.cert-sign-needs-ca",
            "x509.key-usage.cert-sign-with-ca",
            "x509.key-usage.content-commitment"
        ]
    );
    let wrong = Profile {
        ext_key_usage_critical: false,
        ..Profile::time_stamping_authority()
    };
    assert_eq!(
        refused(&ca, &wrong, &authority("TSA"), "2026-02-01"),
        [
            "lint.tsa.purpose-critical",
            "x509.ext-key-usage.time-stamping-alone-critical"
        ]
    );
    let no_number = authority("no VÖEN");
    assert_eq!(
        refused(&ca, &Profile::legal_person(), &no_number, "2026-02-01"),
        ["x509.subject.one-organization-identifier"]
    );
    let silent = Centre {
        key: PrivateKey::from_pkcs8_der(ca.key.pkcs8_der()).unwrap(),
        issuer: Issuer {
            certificate: ca.issuer.certificate.clone(),
            ..Issuer::default()
        },
    };
    assert_eq!(
        refused(&silent, &natural, &person(), "2026-02-01"),
        ["x509.status.location-present"]
    );
    let relaxed = natural.clone().without_public_addresses();
    let judged = silent
        .draft(&relaxed, &person(), &proven(&key()), t("2026-02-01"))
        .lint();
    assert!(judged.value.is_some() && judged.report.iter().any(|f| f.remark));
    let error = Draft::new(&Order {
        key: &proven(&key()),
        profile: &natural,
        identity: &authority("an organisation"),
        issuer: &ca.issuer,
        algorithm: ca.key.algorithms()[0],
        serial: SerialNumber::from_magnitude(&[1]),
        not_before: t("2026-02-01"),
        not_after: None,
    });
    assert!(error.unwrap_err().to_string().contains("natural person"));
}

#[test]
fn another_key_cannot_finish() {
    let root = Centre::root();
    let (stranger, holder) = (key(), proven(&key()));
    let draft = || {
        let draft = root.draft(
            &Profile::issuing_authority(),
            &authority("CA"),
            &holder,
            t("2026-01-01"),
        );
        draft.lint().value.unwrap()
    };
    assert!(draft().sign(&stranger).is_err());
    let prepared = draft().prepare();
    let signature = root.key.sign(prepared.algorithm, &prepared.bytes).unwrap();
    // A new serial makes another certificate; the signature is for what was prepared only.
    assert!(draft().finish(&signature).is_err());
    let one = draft();
    let prepared = one.prepare();
    assert_eq!(one.tbs_der(), prepared.bytes);
    let signature = root.key.sign(prepared.algorithm, &prepared.bytes).unwrap();
    assert_eq!(one.finish(&signature).unwrap().tbs_der(), prepared.bytes);
}

#[test]
fn a_request_proves_possession_or_gives_nothing() {
    let (mine, other) = (key(), key());
    let name = NameBuilder::parse("CN=A").unwrap().build().unwrap();
    let unsigned = UnsignedRequest::new(&name, other.public_key(), mine.algorithms()[0]);
    let stolen = mine
        .sign(mine.algorithms()[0], &unsigned.prepare().bytes)
        .unwrap();
    assert!(unsigned.finish(&stolen).is_err());
    let request = Request::sign(&name, &mine).unwrap();
    let pem = to_pem("CERTIFICATE REQUEST", request.der());
    assert_eq!(Request::read(pem.as_bytes()).unwrap().der(), request.der());
    let mut changed = request.der().to_vec();
    let at = changed
        .windows(3)
        .position(|w| w == [0x0c, 1, b'A'])
        .unwrap();
    changed[at + 2] = b'B';
    let error = Request::from_der(&changed).unwrap().verify().unwrap_err();
    assert!(matches!(error, RequestError::Signature(_)));
    let proven = request.verify().unwrap();
    assert_eq!(proven.public_key().spki(), mine.public_key().spki());
}

#[test]
fn paths_end_as_the_clause_says() {
    use RevocationReason as R;
    let root = Centre::root();
    let ca = root.below("CA", &Profile::issuing_authority());
    let leaf = ca.issue(&Profile::natural_person(), &person(), &key());
    let root_crl = root.crl(1, "2026-06-01", vec![]);
    let crl = |revoked| ca.crl(1, "2026-06-01", revoked);
    let at = "2026-06-01T12:00:00Z";
    let run = |crls: Vec<Crl>, at: &str| {
        let mut evidence = Evidence::new();
        evidence.add_certificate(ca.certificate().clone());
        crls.into_iter().for_each(|c| assert!(evidence.add_crl(c)));
        judge(
            &leaf,
            root.certificate(),
            &evidence,
            at,
            KeyPurpose::DocumentSigning,
        )
    };
    let good = run(vec![root_crl.clone(), crl(vec![])], at);
    let path = good
        .value
        .as_ref()
        .unwrap_or_else(|| panic!("{:#?}", good.report));
    assert_eq!((path.chain().len(), path.crls().len()), (3, 2));
    let one = |date, reason| vec![root_crl.clone(), crl(vec![revoked(&leaf, date, reason)])];
    let ca_revoked = root.crl(
        2,
        "2026-06-01",
        vec![revoked(ca.certificate(), "2026-05-01", R::CaCompromise)],
    );
    let stale = ca.crl(1, "2026-05-01", vec![]);
    let stale_revoked = ca.crl(
        1,
        "2026-05-01",
        vec![revoked(&leaf, "2026-04-01", R::KeyCompromise)],
    );
    let lifted = ca.crl(2, "2026-06-01T06:00:00Z", vec![]);
    let held = crl(vec![revoked(&leaf, "2026-05-01", R::CertificateHold)]);
    let rows = [
        ("no list at all", vec![], at, Some(SubIndication::TryLater)),
        (
            "no list of the issuer",
            vec![root_crl.clone()],
            at,
            Some(SubIndication::TryLater),
        ),
        (
            "stale list",
            vec![root_crl.clone(), stale],
            at,
            Some(SubIndication::TryLater),
        ),
        (
            "revoked",
            one("2026-05-01", R::KeyCompromise),
            at,
            Some(SubIndication::RevokedNoPoe),
        ),
        (
            "revoked later",
            one("2026-06-01T13:00:00Z", R::KeyCompromise),
            at,
            None,
        ),
        (
            "revoked on a stale list",
            vec![root_crl.clone(), stale_revoked],
            at,
            Some(SubIndication::RevokedNoPoe),
        ),
        (
            "on hold",
            vec![root_crl.clone(), held.clone()],
            at,
            Some(SubIndication::TryLater),
        ),
        (
            "hold lifted",
            vec![root_crl.clone(), held, lifted],
            at,
            None,
        ),
        (
            "authority revoked",
            vec![ca_revoked, crl(vec![])],
            at,
            Some(SubIndication::RevokedCaNoPoe),
        ),
        (
            "before its validity",
            vec![root_crl.clone(), crl(vec![])],
            "2025-12-31T23:59:59Z",
            Some(SubIndication::OutOfBoundsNoPoe),
        ),
    ];
    for (what, crls, at, expected) in rows {
        let judged = run(crls, at);
        assert_eq!(sub(&judged), expected, "{what}: {:#?}", judged.report);
    }
}

#[test]
fn what_may_not_issue_does_not() {
    let root = Centre::root();
    let ca = root.below("CA", &Profile::issuing_authority());
    let holder = key();
    let end = ca.issue(&Profile::natural_person(), &person(), &holder);
    // The holder of an end-entity certificate issues with it; no lint stops him.
    let rogue = Centre {
        key: holder,
        issuer: issuer_of(&end),
    };
    let forged = rogue.issue(
        &Profile {
            validity_days: 30,
            ..Profile::natural_person()
        },
        &person(),
        &key(),
    );
    let mut evidence = Evidence::new();
    for certificate in [ca.certificate(), &end] {
        evidence.add_certificate(certificate.clone());
    }
    evidence.add_crl(root.crl(1, "2026-01-02", vec![]));
    evidence.add_crl(ca.crl(1, "2026-01-02", vec![]));
    evidence.add_crl(rogue.crl(1, "2026-01-02", vec![]));
    let run =
        |leaf, anchor, purpose| judge(leaf, anchor, &evidence, "2026-01-02T01:00:00Z", purpose);
    let signing = KeyPurpose::DocumentSigning;
    let judged = run(&forged, root.certificate(), signing);
    assert!(judged.value.is_none());
    assert_eq!(
        Finding::decisive(&judged.report).unwrap().rule,
        "path.basic-constraints"
    );
    // Trusting an end entity does not make it an authority, but it is trusted itself.
    assert!(run(&forged, &end, signing).value.is_none());
    assert!(run(&end, &end, signing).value.is_some());
    // Same names, other keys: the report names the candidate and why it was refused.
    let stranger = Centre::root();
    let judged = run(ca.certificate(), stranger.certificate(), KeyPurpose::Any);
    assert_eq!(sub(&judged), Some(SubIndication::NoCertificateChainFound));
    assert_eq!(
        Finding::decisive(&judged.report).unwrap().rule,
        "path.signature"
    );
    let none = build_path(
        &end,
        &PathInputs::new(
            t("2026-01-02"),
            &TrustAnchors::new(),
            &evidence,
            RevocationChecking::Skipped,
            signing,
        ),
    );
    assert_eq!(sub(&none), Some(SubIndication::NoCertificateChainFound));
    // A responder's key does not sign documents, a person's stamps no time.
    let responder = ca.issue(&Profile::ocsp_responder(), &authority("OCSP"), &key());
    let rows = [
        (
            &responder,
            signing,
            Some(SubIndication::SigConstraintsFailure),
        ),
        (&responder, KeyPurpose::OcspSigning, None),
        (
            &end,
            KeyPurpose::TimeStamping,
            Some(SubIndication::SigConstraintsFailure),
        ),
    ];
    for (leaf, purpose, expected) in rows {
        assert_eq!(sub(&run(leaf, root.certificate(), purpose)), expected);
    }
}

#[test]
fn the_search_is_paid_for() {
    // Authorities of one name that all look like the issuer: each costs a signature check.
    let root = Centre::root();
    let wanted = root.below("Twin", &Profile::issuing_authority());
    let leaf = wanted.issue(&Profile::natural_person(), &person(), &key());
    let mut evidence = Evidence::new();
    for _ in 0..MAX_SIGNATURES + 10 {
        let twin = root.below("Twin", &Profile::issuing_authority());
        evidence.add_certificate(twin.certificate().clone());
    }
    let judged = judge(
        &leaf,
        root.certificate(),
        &evidence,
        "2026-06-01",
        KeyPurpose::Any,
    );
    let exhausted = judged.report[0]
        .children
        .iter()
        .find(|f| f.rule == "path.budget")
        .unwrap();
    assert_eq!(exhausted.because[0].1, "signatures".into());
    // The same name and key over and over costs no signature, but is counted.
    let mut evidence = Evidence::new();
    for _ in 0..=MAX_CANDIDATES {
        let again = root.draft(
            &Profile::root(),
            &authority("SINAQ Kök"),
            &proven(&root.key),
            t("2025-01-01"),
        );
        evidence.add_certificate(again.unsigned().clone());
    }
    let judged = judge(
        root.certificate(),
        wanted.certificate(),
        &evidence,
        "2026-06-01",
        KeyPurpose::Any,
    );
    let exhausted = judged.report[0]
        .children
        .iter()
        .find(|f| f.rule == "path.budget")
        .unwrap();
    assert_eq!(exhausted.because[0].1, "candidates".into());
    // A chain that is one longer than allowed.
    let deep = Profile {
        path_len: None,
        ..Profile::root()
    };
    let mut centre = Centre::root();
    let mut evidence = Evidence::new();
    let any = Profile {
        status: esign_core::x509::StatusLocation::IfConfigured,
        validity_days: 100,
        ..deep
    };
    let top = centre.certificate().clone();
    for i in 0..MAX_PATH_LEN {
        let key = key();
        let draft = centre.draft(
            &any,
            &authority(&format!("CA {i}")),
            &proven(&key),
            t("2026-01-01"),
        );
        // The lint would refuse the missing path length below a limited issuer.
        let mut w = esign_core::der::Writer::new();
        let tbs = draft.unsigned().tbs_der().to_vec();
        let algorithm = centre.key.algorithms()[0];
        let signature = centre.key.sign(algorithm, &tbs).unwrap();
        w.sequence(|w| {
            w.raw(&tbs);
            algorithm.encode(w);
            w.bit_octets(&signature);
        });
        let certificate = Certificate::from_der(&w.finish()).unwrap();
        evidence.add_certificate(certificate.clone());
        centre = Centre {
            key,
            issuer: issuer_of(&certificate),
        };
    }
    let judged = judge(
        centre.certificate(),
        &top,
        &evidence,
        "2026-02-01",
        KeyPurpose::Any,
    );
    let exhausted = judged.report[0]
        .children
        .iter()
        .find(|f| f.rule == "path.budget")
        .unwrap();
    assert_eq!(exhausted.because[0].1, "path length".into());
}

#[test]
fn profiles_survive_being_stored() {
    for profile in Profile::shipped() {
        let text = serde_json::to_string(&profile).unwrap();
        assert_eq!(serde_json::from_str::<Profile>(&text).unwrap(), profile);
        assert!(serde_json::from_str::<Profile>(&text.replace("subject", "subjekt")).is_err());
    }
    let identity = person();
    let text = serde_json::to_string(&identity).unwrap();
    assert_eq!(serde_json::from_str::<Identity>(&text).unwrap(), identity);
    assert!(serde_json::from_str::<Identity>(&text.replace("5ABC12Z", "5ABCI2Z")).is_err());
}

/// RFC 9608 and EN 319 412-1 5.2: who will never be on a list says so, and is asked for on none.
#[test]
fn certificates_without_status_say_why() {
    use esign_core::oid;
    use esign_core::x509::StatusLocation;

    let root = Centre::root();
    let issuing = root.below("SINAQ CA", &Profile::issuing_authority());
    for (status, says) in [
        (StatusLocation::NeverAvailable, oid::NO_REV_AVAIL),
        (StatusLocation::ShortTerm, oid::VALIDITY_ASSURED_SHORT_TERM),
    ] {
        let profile = Profile {
            validity_days: 1,
            status,
            policies: vec![oid::ANY_POLICY],
            ..Profile::natural_person()
        };
        let leaf = issuing.issue(&profile, &person(), &key());
        let extension = leaf.extension(says).unwrap();
        assert!(!extension.critical);
        assert_eq!(extension.value, [5, 0]);
        assert!(leaf.extension(oid::CRL_DISTRIBUTION_POINTS).is_none());
        let access = leaf.authority_info_access().unwrap().unwrap_or_default();
        assert!(access.iter().all(|a| a.method != oid::AD_OCSP));
        let mut evidence = Evidence::new();
        evidence.add_certificate(issuing.certificate().clone());
        evidence.add_crl(root.crl(1, "2026-01-01", Vec::new()));
        let at = "2026-01-01T12:00:00Z";
        let judged = judge(
            &leaf,
            root.certificate(),
            &evidence,
            at,
            KeyPurpose::DocumentSigning,
        );
        assert!(judged.value.is_some(), "{:#?}", judged.report);
        // Of an authority it is always asked for.
        let authority_key = key();
        let refused = Draft::new(&Order {
            key: &proven(&authority_key),
            profile: &Profile {
                status,
                ..Profile::issuing_authority()
            },
            identity: &authority("SINAQ CA 2"),
            issuer: &root.issuer,
            algorithm: root.key.algorithms()[0],
            serial: SerialNumber::random(&ring::rand::SystemRandom::new()).unwrap(),
            not_before: t("2026-01-01"),
            not_after: None,
        });
        let error = refused.unwrap_err().to_string();
        assert!(error.contains("RFC 9608 2"), "{error}");
    }
}
