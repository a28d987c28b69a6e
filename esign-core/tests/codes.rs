//! Codes, seals, records and boxes against vectors of an independent reader, and with every octet
//! flipped.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking"
)]

use std::fs;
use std::path::Path;

use esign_core::code::{Code, Version};
use esign_core::keys::{Curve, KeySpec, PrivateKey, PublicKey, SigningKey};
use esign_core::register::{
    Asked, BoxContent, FileEvidence, Held, IssuerKey, IssuerKeys, Known, Record, Standing, Verdict,
    check, open_box, seal_box,
};
use esign_core::time::UnixTime;
use esign_core::visible_seal::{self, KeyId, QrText, SealError, VisibleSeal, base45, digits};
use serde_json::Value;

fn vectors(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../test-vectors/code")
        .join(name);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn octets(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len() / 2)
        .map(|i| u8::from_str_radix(&text[i * 2..i * 2 + 2], 16).unwrap())
        .collect()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|b| format!("{b:02x}")).collect()
}

fn version(row: &Value) -> Option<Version> {
    match row["version"].as_u64().unwrap() {
        0 => Some(Version::Production),
        1 => Some(Version::Test),
        _ => None,
    }
}

#[test]
fn codes_agree_with_the_independent_reader() {
    let mut seen = 0;
    for row in vectors("code.json")["codes"].as_array().unwrap() {
        let Some(version) = version(row) else {
            continue;
        };
        let data: Vec<u8> = row["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|d| u8::try_from(d.as_u64().unwrap()).unwrap())
            .collect();
        let code = Code::from_digits(version, data.try_into().unwrap()).unwrap();
        assert_eq!(code.to_string(), row["code"].as_str().unwrap());
        assert_eq!(
            hex(&code.keys().locator()),
            row["locator"].as_str().unwrap()
        );
        assert_eq!(Code::parse(row["code"].as_str().unwrap()).unwrap().0, code);
        seen += 1;
    }
    assert!(seen >= 8, "{seen}");
}

#[test]
fn seals_records_and_boxes_agree_with_the_independent_reader() {
    let all = vectors("seal.json");
    let key = PublicKey::from_spki(&octets(&all["spki"])).unwrap();
    let mut seen = 0;
    for row in all["seals"].as_array().unwrap() {
        let (record, seal) = (octets(&row["record"]), octets(&row["seal"]));
        let decoded = VisibleSeal::decode(&seal).unwrap();
        assert_eq!(decoded.record, record);
        assert_eq!(decoded.verify(&key), Ok(()));
        let tbs = visible_seal::to_be_signed(&key, &record).unwrap();
        assert_eq!(hex(&tbs.bytes), row["to_be_signed"].as_str().unwrap());
        let parsed = Record::decode(&record).unwrap();
        assert_eq!(parsed.encode(), record);
        assert_eq!(
            hex(&Record::digest(&record)),
            row["record_digest"].as_str().unwrap()
        );
        assert_eq!(digits(&seal), row["digits"].as_str().unwrap());
        assert_eq!(base45(&seal), row["base45"].as_str().unwrap());
        let Some(version) = version(row) else {
            continue;
        };
        let code = Code::of_record(version, &record);
        assert_eq!(code.to_string(), row["code"].as_str().unwrap());
        assert_eq!(
            hex(&code.keys().locator()),
            row["locator"].as_str().unwrap()
        );
        let salt: [u8; 16] = octets(&row["salt"]).try_into().unwrap();
        let file_digest = row["file_digest"]
            .as_str()
            .map(|_| octets(&row["file_digest"]).try_into().unwrap());
        let content = BoxContent { seal, file_digest };
        let sealed = seal_box(&code, &salt, &content).unwrap();
        assert_eq!(hex(&sealed), row["box"].as_str().unwrap());
        assert_eq!(open_box(&code, &salt, &sealed).unwrap(), content);
        seen += 1;
    }
    assert!(seen >= 4, "{seen}");
}

/// An issuer, a document of his, and what the register holds of it.
struct World {
    keys: IssuerKeys,
    code: Code,
    record: Vec<u8>,
    seal: Vec<u8>,
    held: Held,
}

fn at() -> UnixTime {
    UnixTime::parse("2026-11-23").unwrap()
}

fn world(version: Version) -> World {
    let key = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
    let record = Record {
        class: 7,
        schema: 1,
        issuer: 3,
        issued_at: UnixTime::parse("2026-11-01").unwrap(),
        expires_at: UnixTime::parse("2027-11-01"),
        fields: [
            "Günel Əliyeva",
            "5ZKX8QM",
            "Şəki Dövlət Peşə Təhsil Mərkəzi",
            "Kompüter şəbəkələri ustası",
            "2025–2026, II kurs, əyani",
            "tələb olunan yerə",
        ]
        .map(str::to_owned)
        .to_vec(),
        blind: [9; 16],
    }
    .encode();
    let tbs = visible_seal::to_be_signed(key.public_key(), &record).unwrap();
    let value = key.sign(tbs.algorithm, &tbs.bytes).unwrap();
    let seal = visible_seal::finish(key.public_key(), &record, &value).unwrap();
    let code = Code::of_record(version, &record);
    let salt = [5; 16];
    let content = BoxContent {
        seal: seal.clone(),
        file_digest: Some([6; 32]),
    };
    let held = Held {
        salt,
        sealed: seal_box(&code, &salt, &content).unwrap(),
        digest: Record::digest(&record),
        standing: Standing::InForce,
        since: UnixTime::parse("2026-11-01").unwrap(),
    };
    let keys = IssuerKeys(vec![IssuerKey {
        key: key.public_key().clone(),
        issuer: 3,
        classes: vec![7],
        from: UnixTime::parse("2026-01-01").unwrap(),
        until: None,
    }]);
    World {
        keys,
        code,
        record,
        seal,
        held,
    }
}

impl World {
    fn verdict(&self, held: &Held) -> Verdict {
        check(
            &Asked::Code(self.code),
            &Known::Held(held.clone()),
            &self.keys,
            None,
            at(),
        )
        .verdict
    }
}

#[test]
fn verdicts_are_never_merged() {
    let w = world(Version::Production);
    assert_eq!(w.verdict(&w.held), Verdict::InForce);
    for (standing, verdict) in [
        (Standing::Suspended, Verdict::NotInForce),
        (Standing::Revoked, Verdict::NotInForce),
        (Standing::Superseded, Verdict::NotInForce),
        (Standing::Used, Verdict::NotInForce),
    ] {
        assert_eq!(
            w.verdict(&Held {
                standing,
                ..w.held.clone()
            }),
            verdict
        );
    }
    let asked = Asked::Code(w.code);
    let known = Known::Held(w.held.clone());
    let run = |asked: &Asked<'_>, known: &Known, keys: &IssuerKeys, file, at| {
        check(asked, known, keys, file, at)
    };
    let late = UnixTime::parse("2028-01-01").unwrap();
    let expired = run(&asked, &known, &w.keys, None, late);
    assert_eq!(expired.verdict, Verdict::NotInForce);
    assert_eq!(expired.standing.unwrap().0, Standing::Expired);
    assert_eq!(
        run(&asked, &Known::Absent, &w.keys, None, at()).verdict,
        Verdict::Unknown
    );
    assert_eq!(
        run(&asked, &Known::Unreachable, &w.keys, None, at()).verdict,
        Verdict::NotChecked
    );
    let nobody = IssuerKeys::default();
    assert_eq!(
        run(&asked, &known, &nobody, None, at()).verdict,
        Verdict::SignerUnknown
    );
    let seal = Asked::Seal(&w.seal);
    let offline = run(&seal, &Known::Unreachable, &w.keys, None, at());
    assert_eq!(offline.verdict, Verdict::StatusUnknown);
    assert_eq!(offline.record.unwrap().fields[0], "Günel Əliyeva");
    let other = Asked::Seal(b"HC1:6BF");
    assert_eq!(
        run(&other, &Known::Unreachable, &w.keys, None, at()).verdict,
        Verdict::OtherSystem
    );
    let mut elsewhere = w.keys.clone();
    elsewhere.0[0].classes = vec![8];
    let refused = run(&asked, &known, &elsewhere, None, at());
    assert_eq!(refused.verdict, Verdict::IssuerNotAuthorised);
    for (digest, broken, verdict) in [
        ([6; 32], false, Verdict::InForce),
        ([7; 32], false, Verdict::DifferentFile),
        ([6; 32], true, Verdict::Altered),
    ] {
        let file = FileEvidence { digest, broken };
        assert_eq!(
            check(&asked, &known, &w.keys, Some(&file), at()).verdict,
            verdict
        );
    }
    let test = world(Version::Test);
    assert_eq!(test.verdict(&test.held), Verdict::TestDocument);
}

#[test]
fn no_flipped_octet_of_anything_is_in_force() {
    let w = world(Version::Production);
    let key = w.keys.0[0].key.clone();
    for at_octet in 0..w.seal.len() {
        for change in [0x01u8, 0x20, 0x80, 0xff] {
            let mut seal = w.seal.clone();
            seal[at_octet] ^= change;
            let holds = VisibleSeal::decode(&seal)
                .and_then(|s| s.verify(&key))
                .is_ok();
            assert!(!holds, "seal octet {at_octet}");
            // The same in a box: whoever can close one still cannot sign.
            let content = BoxContent {
                seal,
                file_digest: Some([6; 32]),
            };
            let sealed = seal_box(&w.code, &w.held.salt, &content).unwrap();
            assert_ne!(
                w.verdict(&Held {
                    sealed,
                    ..w.held.clone()
                }),
                Verdict::InForce
            );
        }
    }
    for at_octet in 0..w.held.sealed.len() {
        let mut sealed = w.held.sealed.clone();
        sealed[at_octet] ^= 1;
        let verdict = w.verdict(&Held {
            sealed,
            ..w.held.clone()
        });
        assert_eq!(verdict, Verdict::SignatureInvalid, "box octet {at_octet}");
    }
    for at_octet in 0..16 {
        let mut salt = w.held.salt;
        salt[at_octet] ^= 1;
        assert_eq!(
            w.verdict(&Held {
                salt,
                ..w.held.clone()
            }),
            Verdict::SignatureInvalid
        );
    }
    for at_octet in 0..32 {
        let mut digest = w.held.digest;
        digest[at_octet] ^= 1;
        assert_eq!(
            w.verdict(&Held {
                digest,
                ..w.held.clone()
            }),
            Verdict::SignatureInvalid
        );
    }
    // Every octet of the record gives another code, so another document.
    for at_octet in 0..w.record.len() {
        let mut record = w.record.clone();
        record[at_octet] ^= 1;
        assert_ne!(
            Code::of_record(Version::Production, &record),
            w.code,
            "octet {at_octet}"
        );
    }
}

#[test]
fn records_have_one_encoding() {
    let w = world(Version::Production);
    let record = Record::decode(&w.record).unwrap();
    // Decomposed text is refused, and composed on the way in.
    let mut decomposed = record.clone();
    decomposed.fields[0] = "Gu\u{308}nel Əliyeva".to_owned();
    assert_eq!(decomposed.encode(), w.record);
    let mut longer = w.record.clone();
    longer.push(0);
    assert!(Record::decode(&longer).is_err());
    for end in 0..w.record.len() {
        assert!(Record::decode(&w.record[..end]).is_err());
    }
}

#[test]
fn a_seal_of_another_key_or_kind_is_refused() {
    let w = world(Version::Production);
    let other = PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
    let seal = VisibleSeal::decode(&w.seal).unwrap();
    assert_eq!(seal.verify(other.public_key()), Err(SealError::Key));
    assert_eq!(seal.key, KeyId::of(&w.keys.0[0].key));
    let ed = PrivateKey::generate(KeySpec::Ed25519).unwrap();
    assert_eq!(
        visible_seal::to_be_signed(ed.public_key(), &w.record),
        Err(SealError::Key)
    );
    assert!(VisibleSeal::decode(&vec![0; visible_seal::MAX_SEAL + 1]).is_err());
}

#[test]
fn six_realistic_fields_fit_the_promised_symbol() {
    let w = world(Version::Production);
    assert!((201..=299).contains(&w.seal.len()), "{}", w.seal.len());
    let text = QrText::link("yoxlama.gov.az", &w.seal);
    let segments = [
        qrcodegen::QrSegment::make_alphanumeric(&text.alphanumeric),
        qrcodegen::QrSegment::make_bytes(text.byte.as_bytes()),
        qrcodegen::QrSegment::make_numeric(&text.numeric),
    ];
    let symbol = qrcodegen::QrCode::encode_segments(&segments, qrcodegen::QrCodeEcc::Medium);
    assert!(symbol.unwrap().version().value() <= 13);
}
