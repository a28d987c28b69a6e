//! Revocation lists and OCSP messages as other decoders see them: what is accepted here is read as the
//! same thing there, or two programs would take the same answer for two.
#![no_main]

use esign_core::crl::Crl;
use esign_core::ocsp::{CertId, CertStatus, OcspRequest, OcspResponse, ResponderId};
use esign_core::time::UnixTime;
use esign_core::x509::Extension;
use x509_cert::der::{Decode, Encode};
use der_07::{Decode as _, Encode as _};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Ok(ours) = Crl::from_der(input) {
        list(&ours, input);
    }
    if let Ok(ours) = OcspRequest::from_der(input) {
        request(&ours, input);
    }
    if let Ok(ours) = OcspResponse::from_der(input) {
        response(&ours, input);
    }
});

fn list(ours: &Crl, input: &[u8]) {
    let extensions: Vec<Extension<'_>> = ours.extensions().collect();
    // A list in which an entry is malformed is told of when it is asked about that.
    let entries: Vec<_> = ours.entries().collect();

    if let Ok((rest, theirs)) = x509_parser::parse_x509_crl(input) {
        assert!(rest.is_empty(), "x509-parser leaves {} octets", rest.len());
        assert_eq!(ours.tbs_der(), theirs.tbs_cert_list.as_ref());
        assert_eq!(ours.issuer().der(), theirs.issuer().as_raw(), "issuer");
        assert_eq!(ours.this_update().seconds(), theirs.last_update().timestamp(), "thisUpdate");
        let next = theirs.next_update().map(|t| t.timestamp());
        assert_eq!(ours.next_update().map(UnixTime::seconds), next, "nextUpdate");
        assert_eq!(extensions.len(), theirs.extensions().len(), "extensions");
        for (a, b) in extensions.iter().zip(theirs.extensions()) {
            assert_eq!(a.oid.as_bytes(), b.oid.as_bytes(), "extension");
            assert_eq!((a.critical, a.value), (b.critical, b.value), "extension {}", a.oid);
        }
        assert_eq!(ours.len(), theirs.iter_revoked_certificates().count(), "entries");
        for (a, b) in entries.iter().zip(theirs.iter_revoked_certificates()) {
            let Ok(a) = a else { continue };
            assert_eq!(a.serial.as_bytes(), b.raw_serial(), "entry");
            assert_eq!(a.revocation_date.seconds(), b.revocation_date.timestamp(), "entry");
            if let (Some(reason), Some((_, theirs))) = (a.reason, b.reason_code()) {
                assert_eq!(reason.number(), theirs.0, "reason");
            }
        }
    }

    if let Ok(theirs) = x509_cert::crl::CertificateList::<x509_cert::certificate::Rfc5280>::from_der(input) {
        let tbs = &theirs.tbs_cert_list;
        assert_eq!(Ok(ours.issuer().der()), tbs.issuer.to_der().as_deref(), "issuer");
        let seconds = |t: &x509_cert::time::Time| t.to_unix_duration().as_secs();
        assert_eq!(u64::try_from(ours.this_update().seconds()), Ok(seconds(&tbs.this_update)), "thisUpdate");
        let next = tbs.next_update.as_ref().map(seconds);
        assert_eq!(ours.next_update().and_then(|t| t.seconds().try_into().ok()), next, "nextUpdate");
        let others = tbs.revoked_certificates.as_deref().unwrap_or_default();
        assert_eq!(ours.len(), others.len(), "entries");
        for (a, b) in entries.iter().zip(others) {
            let Ok(a) = a else { continue };
            assert_eq!(a.serial.as_bytes(), b.serial_number.as_bytes(), "entry");
            assert_eq!(u64::try_from(a.revocation_date.seconds()), Ok(seconds(&b.revocation_date)), "entry");
        }
        let others = tbs.crl_extensions.as_deref().map_or(&[][..], |v| v);
        assert_eq!(extensions.len(), others.len(), "extensions");
        for (a, b) in extensions.iter().zip(others) {
            assert_eq!(a.oid.as_bytes(), b.extn_id.as_bytes(), "extension");
            assert_eq!((a.critical, a.value), (b.critical, b.extn_value.as_bytes()), "extension {}", a.oid);
        }
    }
}

fn same_id(ours: &CertId, theirs: &x509_ocsp::CertId) {
    assert_eq!(ours.serial.as_bytes(), theirs.serial_number.as_bytes(), "serial number");
    assert_eq!(&ours.name_hash[..], theirs.issuer_name_hash.as_bytes(), "issuerNameHash");
    assert_eq!(&ours.key_hash[..], theirs.issuer_key_hash.as_bytes(), "issuerKeyHash");
}

fn same_time(ours: UnixTime, theirs: &x509_ocsp::OcspGeneralizedTime) {
    assert_eq!(u64::try_from(ours.seconds()), Ok(theirs.0.to_unix_duration().as_secs()), "time");
}

fn request(ours: &OcspRequest, input: &[u8]) {
    let Ok(theirs) = x509_ocsp::OcspRequest::from_der(input) else { return };
    assert_eq!(ours.asked().len(), theirs.tbs_request.request_list.len(), "requests");
    for (a, b) in ours.asked().iter().zip(&theirs.tbs_request.request_list) {
        same_id(a, &b.req_cert);
    }
    assert_eq!(ours.is_signed(), theirs.optional_signature.is_some(), "signed");
    assert_eq!(ours.requestor().is_some(), theirs.tbs_request.requestor_name.is_some(), "requestor");
}

fn response(ours: &OcspResponse, input: &[u8]) {
    let Ok(theirs) = x509_ocsp::OcspResponse::from_der(input) else { return };
    let Some((ours, theirs)) = ours.basic.as_ref().zip(theirs.response_bytes.as_ref()) else {
        assert_eq!(ours.basic.is_some(), theirs.response_bytes.is_some(), "answer");
        return;
    };
    assert_eq!(ours.der(), theirs.response.as_bytes(), "answer");
    let Ok(theirs) = x509_ocsp::BasicOcspResponse::from_der(ours.der()) else { return };
    let tbs = &theirs.tbs_response_data;
    match (ours.responder(), &tbs.responder_id) {
        (ResponderId::ByName(a), x509_ocsp::ResponderId::ByName(b)) => {
            assert_eq!(Ok(a.der()), b.to_der().as_deref(), "responder");
        }
        (ResponderId::ByKey(a), x509_ocsp::ResponderId::ByKey(b)) => assert_eq!(&a[..], b.as_bytes()),
        (a, b) => panic!("responder: {a:?} and {b:?}"),
    }
    same_time(ours.produced_at(), &tbs.produced_at);
    assert_eq!(ours.certificates().len(), theirs.certs.as_ref().map_or(0, Vec::len), "certificates");
    assert_eq!(ours.singles().len(), tbs.responses.len(), "answers");
    for (a, b) in ours.singles().iter().zip(&tbs.responses) {
        same_id(&a.id, &b.cert_id);
        same_time(a.this_update, &b.this_update);
        assert_eq!(a.next_update.is_some(), b.next_update.is_some(), "nextUpdate");
        if let (Some(a), Some(b)) = (a.next_update, &b.next_update) {
            same_time(a, b);
        }
        match (&a.status, &b.cert_status) {
            (CertStatus::Good, x509_ocsp::CertStatus::Good(_))
            | (CertStatus::Unknown, x509_ocsp::CertStatus::Unknown(_)) => {}
            (CertStatus::Revoked { at, reason }, x509_ocsp::CertStatus::Revoked(info)) => {
                same_time(*at, &info.revocation_time);
                let theirs = info.revocation_reason.map(|r| r as u8);
                assert_eq!(reason.map(|r| r.number()), theirs, "reason");
            }
            (a, b) => panic!("status: {a:?} and {b:?}"),
        }
    }
}
