//! Paths beside the signatures that they rest on, and beside rustls-webpki:
//! `cargo bench -p esign-core --bench path` (`-- --quick` for a smoke run).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a bench that cannot go on should stop"
)]

mod compare;

use std::hint::black_box;
use std::time::Instant;

use compare::compare;
use esign_core::crl::{Crl, CrlBuilder, RevocationReason, RevokedCertificate};
use esign_core::evidence::Evidence;
use esign_core::keys::{Curve, KeySpec, PrivateKey, SigningKey};
use esign_core::oid::ObjectIdentifier;
use esign_core::path::{
    KeyPurpose, PathInputs, PolicyInputs, RevocationChecking, find_path, find_paths,
};
use esign_core::time::UnixTime;
use esign_core::trust::TrustAnchors;
use esign_core::x509::{
    Certificate, Draft, Identity, Issuer, NameBuilder, Order, Organization, OrganizationIdentifier,
    OrganizationScheme, Profile, ProvenKey, Request, SerialNumber, Voen,
};
use ring::rand::SystemRandom;
use ring::signature as raw;
use rustls_pki_types::{CertificateDer, UnixTime as WebpkiTime};

/// Entries of each list.
const REVOKED: u32 = 10_000;
/// Leaves under one issuer that are judged together.
const BATCH: usize = 100_000;
/// In how many rounds, odd.
const ROUNDS: usize = 11;
const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.99999.1");

fn time(text: &str) -> UnixTime {
    UnixTime::parse(text).unwrap()
}

fn key() -> PrivateKey {
    PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap()
}

fn proven(key: &PrivateKey) -> ProvenKey {
    let name = NameBuilder::parse("CN=x").unwrap().build().unwrap();
    Request::sign(&name, key).unwrap().verify().unwrap()
}

struct Authority {
    key: PrivateKey,
    certificate: Option<Certificate>,
}

impl Authority {
    fn issue(&self, mut profile: Profile, name: &str, key: &ProvenKey) -> Certificate {
        profile.policies = vec![POLICY];
        let identity = Identity::Organization(Organization {
            common_name: name.into(),
            organization: "SINAQ MMC".into(),
            identifier: Some(OrganizationIdentifier {
                scheme: OrganizationScheme::Vat,
                voen: Voen::parse("1234567891").unwrap(),
            }),
            country: "AZ".into(),
        });
        let order = Order {
            key,
            profile: &profile,
            identity: &identity,
            issuer: &Issuer {
                certificate: self.certificate.clone(),
                crl: vec!["http://crl.example.az/ca.crl".into()],
                ocsp: vec!["http://ocsp.example.az".into()],
                ca_issuers: vec!["http://crl.example.az/ca.crt".into()],
            },
            algorithm: self.key.algorithms()[0],
            serial: SerialNumber::random(&SystemRandom::new()).unwrap(),
            not_before: time("2026-01-01"),
            not_after: None,
        };
        let judged = Draft::new(&order).unwrap().lint();
        judged.value.unwrap().sign(&self.key).unwrap()
    }

    fn crl(&self) -> Crl {
        let certificate = self.certificate.as_ref().unwrap();
        let serial = |i: u32| {
            let octets = u128::from(i) * 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
            SerialNumber::from_magnitude(&octets.to_be_bytes())
        };
        let revoked = (1..=REVOKED).map(|i| RevokedCertificate {
            serial: serial(i),
            revocation_date: time("2026-01-02"),
            reason: RevocationReason::Superseded,
            invalidity_date: None,
        });
        let builder = CrlBuilder {
            issuer: certificate.subject().clone(),
            key_identifier: certificate
                .subject_key_identifier()
                .unwrap()
                .unwrap()
                .to_vec(),
            number: SerialNumber::from_magnitude(&[1]),
            this_update: time("2026-11-22"),
            next_update: time("2026-11-24"),
            expired_certificates_since: None,
        };
        let algorithm = self.key.algorithms()[0];
        let list = builder
            .build(revoked, self.key.public_key(), algorithm)
            .unwrap();
        list.sign(&self.key).unwrap()
    }
}

fn verify_raw(key: &Certificate, signed: &Certificate) {
    let key = key.public_key().unwrap();
    raw::UnparsedPublicKey::new(&raw::ECDSA_P256_SHA256_ASN1, key.key_octets())
        .verify(signed.tbs_der(), signed.signature())
        .unwrap();
}

fn main() {
    let quick = std::env::args().any(|a| a == "--quick" || a == "--test");
    let mut root = Authority {
        key: key(),
        certificate: None,
    };
    let own = proven(&root.key);
    root.certificate = Some(root.issue(Profile::root(), "SINAQ Root", &own));
    let mut issuing = Authority {
        key: key(),
        certificate: None,
    };
    let own = proven(&issuing.key);
    let certificate = root.issue(Profile::issuing_authority(), "SINAQ Issuing", &own);
    issuing.certificate = Some(certificate.clone());
    let leaf_key = key();
    let own = proven(&leaf_key);
    let leaf = issuing.issue(Profile::legal_person(), "example.az", &own);
    let anchors: TrustAnchors = root.certificate.iter().cloned().collect();
    let lists = [root.crl(), issuing.crl()];
    let at = time("2026-11-23");
    let trusted = root.certificate.as_ref().unwrap();
    let judge = |leaf: &[u8], intermediate: &[u8]| {
        let leaf = Certificate::from_der(leaf).unwrap();
        let mut evidence = Evidence::new();
        evidence.add_certificate(Certificate::from_der(intermediate).unwrap());
        for list in &lists {
            evidence.add_crl(list.clone());
        }
        find_path(&leaf, &inputs(at, &anchors, &evidence)).unwrap()
    };
    // The lists are verified once; after that they are looked into.
    assert_eq!(judge(leaf.der(), certificate.der()).chain().len(), 3);
    compare(
        "path of 3 from DER, policies and 2 lists / 2 raw verifications",
        0.9,
        &mut || {
            verify_raw(&certificate, black_box(&leaf));
            verify_raw(trusted, black_box(&certificate));
        },
        &mut || {
            black_box(judge(black_box(leaf.der()), black_box(certificate.der())));
        },
        quick,
    );
    let anchor = CertificateDer::from(trusted.der());
    let anchor = webpki::anchor_from_trusted_cert(&anchor).unwrap();
    let now = WebpkiTime::since_unix_epoch(std::time::Duration::from_secs(
        u64::try_from(at.seconds()).unwrap(),
    ));
    let webpki_judges = |leaf: &[u8], intermediate: &[u8]| {
        let leaf = CertificateDer::from(leaf);
        let leaf = webpki::EndEntityCert::try_from(&leaf).unwrap();
        let between = [CertificateDer::from(intermediate)];
        let usage = webpki::KeyUsage::server_auth();
        let algorithms = [webpki::ring::ECDSA_P256_SHA256];
        leaf.verify_for_usage(
            &algorithms,
            core::slice::from_ref(&anchor),
            &between,
            now,
            usage,
            None,
            None,
        )
        .unwrap();
    };
    compare(
        "  the same by rustls-webpki, without policies and lists",
        0.98,
        &mut || {
            verify_raw(&certificate, black_box(&leaf));
            verify_raw(trusted, black_box(&certificate));
        },
        &mut || webpki_judges(black_box(leaf.der()), black_box(certificate.der())),
        quick,
    );
    let mut evidence = Evidence::new();
    evidence.add_certificate(certificate.clone());
    for list in &lists {
        evidence.add_crl(list.clone());
    }
    // Issuing so many would take longer than judging them: some, each read anew from DER.
    let leaves: Vec<Certificate> = (0..256)
        .map(|_| issuing.issue(Profile::legal_person(), "example.az", &own))
        .collect();
    let count = if quick { 2_000 } else { BATCH } / ROUNDS;
    batch(
        &certificate,
        &leaves,
        &inputs(at, &anchors, &evidence),
        count,
    );
}

fn inputs<'a>(at: UnixTime, anchors: &'a TrustAnchors, evidence: &'a Evidence) -> PathInputs<'a> {
    PathInputs {
        policies: PolicyInputs {
            initial_policies: &[POLICY],
            require_explicit: true,
            ..PolicyInputs::default()
        },
        ..PathInputs::new(
            at,
            anchors,
            evidence,
            RevocationChecking::Required,
            KeyPurpose::Any,
        )
    }
}

/// Many leaves of one issuer, on all cores, beside one raw verification for each.
fn batch(certificate: &Certificate, leaves: &[Certificate], inputs: &PathInputs<'_>, count: usize) {
    let threads = std::thread::available_parallelism().unwrap().get();
    let raw = || {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for thread in 0..threads {
                scope.spawn(move || {
                    for i in (thread..count).step_by(threads) {
                        verify_raw(certificate, &leaves[i % leaves.len()]);
                    }
                });
            }
        });
        start.elapsed().as_secs_f64()
    };
    let ours = || {
        let start = Instant::now();
        let read: Vec<_> = leaves
            .iter()
            .cycle()
            .take(count)
            .map(|leaf| Certificate::from_der(leaf.der()).unwrap())
            .collect();
        assert!(find_paths(&read, inputs).iter().all(Option::is_some));
        start.elapsed().as_secs_f64()
    };
    // In turns, so that whatever else the machine does falls on both.
    let mut rounds: Vec<(f64, f64)> = (0..ROUNDS).map(|_| (raw(), ours())).collect();
    let ours: f64 = rounds.iter().map(|(_, ours)| ours).sum();
    rounds.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
    let (median_raw, median_ours) = rounds[ROUNDS / 2];
    println!(
        "{} leaves of one issuer on {threads} cores: {ours:.2} s, {:.0} a second, {:.1} % of one raw verification each (median of {ROUNDS} rounds)",
        count * ROUNDS,
        (count * ROUNDS) as f64 / ours,
        100.0 * median_raw / median_ours
    );
}
