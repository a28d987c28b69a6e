//! Limits that only whole structures reach: the greatest that is read, and one beyond.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking"
)]

mod support;

use esign_core::cms::{CmsError, SignedData};
use esign_core::code::{Code, Version};
use esign_core::der::{DecodeError, DecodeKind, Tag, Writer};
use esign_core::register::{BoxContent, BoxError, Record, RecordError, open_box, seal_box};
use esign_core::x509::{Certificate, NameBuilder, Request};
use support::{Forge, Signer, encode, judge, t};

/// The elements inside a constructed one, each with its header.
fn children(der: &[u8]) -> Vec<&[u8]> {
    let head = |der: &[u8]| match der[1] {
        n @ 0..0x80 => (2, usize::from(n)),
        n => {
            let size = usize::from(n - 0x80);
            let len = der[2..2 + size]
                .iter()
                .fold(0, |l, b| (l << 8) | usize::from(*b));
            (2 + size, len)
        }
    };
    let (start, len) = head(der);
    let mut rest = &der[start..start + len];
    let mut all = Vec::new();
    while !rest.is_empty() {
        let (start, len) = head(rest);
        let (one, tail) = rest.split_at(start + len);
        all.push(one);
        rest = tail;
    }
    all
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    encode(|w| w.sequence(|w| parts.iter().for_each(|p| w.raw(p))))
}

/// An extension of type 1.2.3.`n` with so many octets.
fn extension(n: usize, octets: usize) -> Vec<u8> {
    let n = u8::try_from(n % 128).unwrap();
    encode(|w| {
        w.sequence(|w| {
            w.tlv(Tag::OID, &[0x2a, 0x03, 0x01, n]);
            w.octets(&vec![0; octets]);
        });
    })
}

/// The certificate with more extensions; its signature no longer fits, which decoding leaves alone.
fn with_extensions(certificate: &[u8], more: &[Vec<u8>]) -> Vec<u8> {
    let parts = children(certificate);
    let mut tbs = children(parts[0]);
    let old = children(tbs.pop().unwrap())[0];
    let mut all = children(old);
    all.extend(more.iter().map(Vec::as_slice));
    let extensions = sequence(&all);
    let tagged = encode(|w| w.nested(Tag::constructed(3), |w| w.raw(&extensions)));
    tbs.push(&tagged);
    let tbs = sequence(&tbs);
    sequence(&[&tbs, parts[1], parts[2]])
}

fn is_limit<T>(result: Result<T, DecodeError>, words: &str) {
    let Err(error) = result else {
        panic!("{words}: read");
    };
    assert!(matches!(error.kind(), DecodeKind::Limit(_)), "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

/// The octets of filling with which what `make` makes is as long as `len`.
fn filled(len: usize, make: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
    let guess = len - make(1 << 19).len() + (1 << 19);
    let made = make(guess);
    assert_eq!(made.len(), len);
    made
}

#[test]
fn octets_of_a_certificate_and_a_request() {
    let signer = Signer::p256();
    let certificate = |len| {
        filled(len, |n| {
            with_extensions(signer.certificate.der(), &[extension(0, n)])
        })
    };
    let largest = Certificate::from_der(&certificate(1 << 20)).unwrap();
    assert_eq!(largest.subject(), signer.certificate.subject());
    is_limit(Certificate::from_der(&certificate((1 << 20) + 1)), "1 MiB");

    let name = NameBuilder::parse("CN=x").unwrap().build().unwrap();
    let request = Request::sign(&name, &signer.key).unwrap();
    let parts = children(request.der());
    let info = children(parts[0]);
    let request = |len| {
        filled(len, |n| {
            let attribute = encode(|w| {
                w.sequence(|w| {
                    w.tlv(Tag::OID, &[0x2a, 0x03, 0x01]);
                    w.nested(Tag::SET, |w| w.octets(&vec![0; n]));
                });
            });
            let attributes = encode(|w| w.nested(Tag::constructed(0), |w| w.raw(&attribute)));
            let info = sequence(&[info[0], info[1], info[2], &attributes]);
            sequence(&[&info, parts[1], parts[2]])
        })
    };
    assert!(Request::from_der(&request(1 << 20)).is_ok());
    is_limit(Request::from_der(&request((1 << 20) + 1)), "1 MiB");
}

#[test]
fn extensions_of_a_certificate() {
    let signer = Signer::p256();
    let der = signer.certificate.der();
    let there = signer.certificate.extensions().count();
    let more: Vec<Vec<u8>> = (0..128 - there).map(|n| extension(n, 1)).collect();
    let most = Certificate::from_der(&with_extensions(der, &more)).unwrap();
    assert_eq!(most.extensions().count(), 128);
    let more: Vec<Vec<u8>> = (0..129 - there).map(|n| extension(n, 1)).collect();
    is_limit(
        Certificate::from_der(&with_extensions(der, &more)),
        "more than 128 extensions",
    );
}

#[test]
fn strings_inside_strings_of_a_message() {
    let signer = Signer::p256();
    let content = b"inside";
    let message = |levels: usize| {
        let mut string = encode(|w: &mut Writer| w.octets(content));
        for _ in 0..levels {
            string = [&[0x24, 0x80], &string[..], &[0, 0]].concat();
        }
        let mut forge = Forge::new(&signer, content);
        forge.content = Some(string);
        forge.message(&signer)
    };
    let report = judge(&message(8), None, &[&signer]);
    assert_eq!(report.indication, "TOTAL-PASSED", "{report:#?}");
    match SignedData::read(&message(9)) {
        Err(CmsError::Decode(error)) => is_limit::<()>(Err(error), "more than 8 levels"),
        other => panic!("{other:?}"),
    }
}

fn record(fields: usize) -> Record {
    Record {
        class: 1,
        schema: 1,
        issuer: 1,
        issued_at: t("2026-11-22"),
        expires_at: None,
        fields: vec!["x".into(); fields],
        blind: [7; 16],
    }
}

#[test]
fn fields_of_a_record() {
    assert_eq!(Record::decode(&record(64).encode()).unwrap(), record(64));
    assert_eq!(
        Record::decode(&record(65).encode()).unwrap_err(),
        RecordError::Structure("more than 64 fields")
    );
}

#[test]
fn octets_of_a_box() {
    let code = Code::of_record(Version::Test, &record(1).encode());
    let salt = [9; 16];
    // Around the seal: the array's head, the string's of three octets, and null.
    let content = |octets: usize| BoxContent {
        seal: vec![1; octets - 5],
        file_digest: None,
    };
    let largest = seal_box(&code, &salt, &content(8 * 512)).unwrap();
    assert_eq!(largest.len(), 8 * 512 + 16);
    let opened = open_box(&code, &salt, &largest).unwrap();
    assert!(opened == content(8 * 512));
    let closed = seal_box(&code, &salt, &content(8 * 512 + 1));
    assert_eq!(closed.unwrap_err(), BoxError::Content);
    // One octet more is not even decrypted.
    let longer = [&largest[..], &[0]].concat();
    assert!(matches!(
        open_box(&code, &salt, &longer),
        Err(BoxError::Content)
    ));
}
