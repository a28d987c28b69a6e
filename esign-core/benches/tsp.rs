//! Time-stamps made and verified, beside the raw primitive:
//! `cargo bench -p esign-core --bench tsp` (`-- --quick` for a smoke run).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench that cannot go on should stop"
)]

mod compare;

use std::hint::black_box;
use std::sync::Arc;

use compare::compare;
use esign_core::keys::{DigestAlgorithm, Hasher, PrivateKey, SigningKey};
use esign_core::time::UnixTime;
use esign_core::tsp::{
    Accuracy, ClientCheck, GenTime, MessageImprint, Nonce, TimeStampReq, TimeStampResp,
    TimeStampToken, TokenSigner, TstInfoFields, check_response, verify_token,
};
use esign_core::x509::{Certificate, GeneralName, SerialNumber};
use ring::signature as raw;

fn main() {
    let quick = std::env::args().any(|a| a == "--quick" || a == "--test");
    let pair = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    // extKeyUsage: id-kp-timeStamping, critical, which rcgen's own field cannot say.
    let usage = [0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 8].to_vec();
    let mut usage = rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 37], usage);
    usage.set_criticality(true);
    parameters.custom_extensions.push(usage);
    let certificate = parameters.self_signed(&pair).unwrap();
    let certificate = Certificate::from_der(certificate.der()).unwrap();
    let key = Arc::new(PrivateKey::from_pkcs8_der(&pair.serialize_der()).unwrap());
    let algorithm = key.algorithms()[0];
    let random = ring::rand::SystemRandom::new();
    let signer = TokenSigner::new(key.clone(), certificate.clone(), &[]).unwrap();
    let tsa = GeneralName::Directory(certificate.subject().clone());

    let imprint = Hasher::digest(DigestAlgorithm::Sha256, b"stamp me");
    let nonce = Nonce::random(&random).unwrap();
    let asked = TimeStampReq::new(MessageImprint::new(&imprint), Some(nonce));
    let query = asked.to_der();
    let policy = esign_core::oid::ObjectIdentifier::new_unwrap("1.2.3.4.1");
    let at = UnixTime::parse("2026-11-23T10:00:00Z").unwrap();
    let answer = || {
        let asked = TimeStampReq::from_der(black_box(&query)).unwrap();
        let info = TstInfoFields {
            policy,
            message_imprint: &asked.message_imprint,
            serial_number: &SerialNumber::random(&random).unwrap(),
            gen_time: GenTime::new(at, 123_000_000).unwrap(),
            accuracy: Some(Accuracy::from_micros(1_000_000)),
            ordering: false,
            nonce: asked.nonce.as_ref(),
            tsa: Some(&tsa),
        };
        let token = signer.sign(&info.to_der(), asked.cert_req).unwrap();
        TimeStampResp::granted(token).to_der()
    };
    let response = answer();
    let check = ClientCheck::default();
    let stamp = check_response(&asked, &response, &check).value.unwrap();
    let token = stamp.token();
    let message = &token.signers()[0]
        .signed_attributes
        .as_ref()
        .unwrap()
        .signed;
    let value = &token.signers()[0].signature;
    compare(
        "request read, token made, response / P-256 signed",
        0.85,
        &mut || {
            black_box(key.sign(algorithm, black_box(message)).unwrap());
        },
        &mut || {
            black_box(answer());
        },
        quick,
    );
    let public = certificate.public_key().unwrap();
    let verify = &mut || {
        raw::UnparsedPublicKey::new(&raw::ECDSA_P256_SHA256_ASN1, public.key_octets())
            .verify(black_box(message), value)
            .unwrap();
    };
    let der = token.der().to_vec();
    compare(
        "token from DER to verdict / P-256 verified raw",
        0.85,
        verify,
        &mut || {
            let token = TimeStampToken::from_der(black_box(&der)).unwrap();
            assert!(verify_token(&token, &imprint, &[]).value.is_some());
        },
        quick,
    );
    compare(
        "response judged by its client / P-256 verified raw",
        0.85,
        verify,
        &mut || {
            let judged = check_response(&asked, black_box(&response), &check);
            assert!(judged.value.is_some());
        },
        quick,
    );
}
