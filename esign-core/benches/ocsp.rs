//! An OCSP response from DER to verdict, and the making of one, beside the raw primitive:
//! `cargo bench -p esign-core --bench ocsp` (`-- --quick` for a smoke run).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench that cannot go on should stop"
)]

mod compare;

use std::hint::black_box;

use compare::compare;
use esign_core::keys::{DigestAlgorithm, PrivateKey, SigningKey};
use esign_core::ocsp::{
    CertId, CertStatus, OcspResponse, Question, ResponderId, ResponseBuilder, Status, judge,
};
use esign_core::time::UnixTime;
use esign_core::x509::Certificate;
use ring::signature as raw;

fn main() {
    let quick = std::env::args().any(|a| a == "--quick" || a == "--test");
    let pair = rcgen::KeyPair::generate().unwrap();
    let parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    let issuer = parameters.clone().self_signed(&pair).unwrap();
    let issuer = Certificate::from_der(issuer.der()).unwrap();
    let key = PrivateKey::from_pkcs8_der(&pair.serialize_der()).unwrap();
    let at = UnixTime::parse("2026-11-22").unwrap();
    let id = CertId::new(issuer.serial().clone(), &issuer, DigestAlgorithm::Sha1).unwrap();
    let builder = ResponseBuilder {
        responder: ResponderId::of_key(key.public_key()),
        produced_at: at,
        statuses: vec![Status {
            id,
            status: CertStatus::Good,
            this_update: at,
            next_update: Some(at.plus(86_400)),
            archive_cutoff: None,
        }],
        nonce: None,
        extended_revoke: false,
        certificates: Vec::new(),
    };
    let algorithm = key.algorithms()[0];
    let make = || {
        builder
            .clone()
            .draft(algorithm)
            .unwrap()
            .sign(&key)
            .unwrap()
    };
    let der = make();
    let basic = OcspResponse::from_der(&der).unwrap().basic.unwrap();
    let tbs = basic.tbs_der().to_vec();
    let signature = key.sign(algorithm, &tbs).unwrap();
    let public = issuer.public_key().unwrap();
    compare(
        "response from DER to verdict / P-256 verified raw",
        0.9,
        &mut || {
            raw::UnparsedPublicKey::new(&raw::ECDSA_P256_SHA256_ASN1, public.key_octets())
                .verify(black_box(&tbs), &signature)
                .unwrap();
        },
        &mut || {
            let response = OcspResponse::from_der(black_box(&der)).unwrap();
            let question = Question {
                certificate: &issuer,
                issuer: &issuer,
                at,
                nonce: None,
            };
            assert!(
                judge(&response.basic.unwrap(), &question, &[])
                    .value
                    .is_some()
            );
        },
        quick,
    );
    // The delegate's own signature is by the issuer: two are verified, the second of them each time,
    // since nothing is kept from one response to the next.
    let mut parameters_of_delegate = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters_of_delegate.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    parameters_of_delegate.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::OcspSigning];
    let name = &mut parameters_of_delegate.distinguished_name;
    name.push(rcgen::DnType::CommonName, "Responder");
    let pair_of_delegate = rcgen::KeyPair::generate().unwrap();
    let above = rcgen::Issuer::from_params(&parameters, &pair);
    let delegate = parameters_of_delegate
        .signed_by(&pair_of_delegate, &above)
        .unwrap();
    let delegate = Certificate::from_der(delegate.der()).unwrap();
    let delegate_key = PrivateKey::from_pkcs8_der(&pair_of_delegate.serialize_der()).unwrap();
    let by_delegate = ResponseBuilder {
        responder: ResponderId::of_key(delegate_key.public_key()),
        certificates: vec![delegate.clone()],
        ..builder.clone()
    };
    let by_delegate = by_delegate.draft(algorithm).unwrap();
    let by_delegate = by_delegate.sign(&delegate_key).unwrap();
    let delegated = OcspResponse::from_der(&by_delegate).unwrap();
    let delegated = delegated.basic.unwrap();
    let tbs_of_delegate = delegated.tbs_der().to_vec();
    let signature_of_delegate = delegate_key.sign(algorithm, &tbs_of_delegate).unwrap();
    compare(
        "delegated response to verdict / two P-256 verified raw",
        0.9,
        &mut || {
            for (key, message, signature) in [
                (
                    &delegate_key,
                    &tbs_of_delegate[..],
                    &signature_of_delegate[..],
                ),
                (&key, delegate.tbs_der(), delegate.signature()),
            ] {
                raw::UnparsedPublicKey::new(
                    &raw::ECDSA_P256_SHA256_ASN1,
                    key.public_key().key_octets(),
                )
                .verify(black_box(message), signature)
                .unwrap();
            }
        },
        &mut || {
            let response = OcspResponse::from_der(black_box(&by_delegate)).unwrap();
            let question = Question {
                certificate: &issuer,
                issuer: &issuer,
                at,
                nonce: None,
            };
            let judged = judge(&response.basic.unwrap(), &question, &[]);
            assert!(judged.value.unwrap().delegate.is_some());
        },
        quick,
    );
    compare(
        "response made and signed / P-256 signed",
        0.9,
        &mut || {
            black_box(key.sign(algorithm, black_box(&tbs)).unwrap());
        },
        &mut || {
            black_box(make());
        },
        quick,
    );
}
