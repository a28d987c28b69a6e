//! Certificates, requests and lists that rcgen makes, an issuer that shares no line with ours, are
//! read and judged by us.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking"
)]

use esign_core::crl::Crl;
use esign_core::evidence::Evidence;
use esign_core::path::{KeyPurpose, PathInputs, RevocationChecking, build_path};
use esign_core::report::{Finding, SubIndication};
use esign_core::time::UnixTime;
use esign_core::trust::TrustAnchors;
use esign_core::x509::{Certificate, Request, RequestError};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams, SerialNumber,
    date_time_ymd,
};

fn params(name: &str, ca: bool) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2030, 1, 1);
    params.serial_number = Some(SerialNumber::from(vec![name.len().try_into().unwrap(), 7]));
    params.use_authority_key_identifier_extension = true;
    if ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    } else {
        params.key_usages = vec![KeyUsagePurpose::ContentCommitment];
    }
    params
}

fn list(issuer: &CertifiedIssuer<'_, KeyPair>, revoked: Vec<RevokedCertParams>) -> Crl {
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 11, 1),
        next_update: date_time_ymd(2026, 12, 1),
        crl_number: SerialNumber::from(1u64),
        issuing_distribution_point: None,
        revoked_certs: revoked,
        key_identifier_method: KeyIdMethod::Sha256,
    };
    Crl::from_der(params.signed_by(issuer).unwrap().der()).unwrap()
}

#[test]
fn another_issuers_path_and_list_are_judged() {
    for algorithm in [
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ED25519,
    ] {
        let key = || KeyPair::generate_for(algorithm).unwrap();
        let ca = CertifiedIssuer::self_signed(params("SINAQ kök", true), key()).unwrap();
        let leaf = params("SINAQ imza", false).signed_by(&key(), &ca).unwrap();
        let leaf = Certificate::from_der(leaf.der()).unwrap();
        let mut anchors = TrustAnchors::new();
        anchors.add(Certificate::from_der(ca.der()).unwrap());
        let at = UnixTime::parse("2026-11-15").unwrap();
        let judge = |evidence: &Evidence| {
            build_path(
                &leaf,
                &PathInputs::new(
                    at,
                    &anchors,
                    evidence,
                    RevocationChecking::Required,
                    KeyPurpose::DocumentSigning,
                ),
            )
        };
        let nothing = judge(&Evidence::new());
        assert!(nothing.value.is_none(), "without a list the answer is open");
        let mut good = Evidence::new();
        good.add_crl(list(&ca, Vec::new()));
        let passed = judge(&good);
        assert_eq!(
            passed.value.map(|p| p.chain().len()),
            Some(2),
            "{:#?}",
            passed.report
        );
        let mut bad = Evidence::new();
        let entry = RevokedCertParams {
            serial_number: SerialNumber::from_slice(leaf.serial().magnitude()),
            revocation_time: date_time_ymd(2026, 10, 1),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        bad.add_crl(list(&ca, vec![entry]));
        let revoked = judge(&bad);
        assert!(revoked.value.is_none());
        let decisive = Finding::decisive(&revoked.report).unwrap();
        assert_eq!(decisive.sub_indication, Some(SubIndication::RevokedNoPoe));
    }
}

#[test]
fn another_programs_request_proves_its_key() {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "whoever");
    let request = params.serialize_request(&key).unwrap();
    let proven = Request::from_der(request.der()).unwrap().verify().unwrap();
    assert_eq!(proven.public_key().key_octets(), key.public_key_raw());
    // The same with another key's signature.
    let mut broken = request.der().to_vec();
    let last = broken.len() - 1;
    broken[last] ^= 1;
    let error = Request::from_der(&broken).unwrap().verify().unwrap_err();
    assert!(matches!(error, RequestError::Signature(_)), "{error:?}");
}
