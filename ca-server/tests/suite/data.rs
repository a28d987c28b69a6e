//! Acts to feed a store with.

use ca_server::acts::{Act, Change};
use ca_server::ids::{
    CertificateId, Digest, HolderId, IdempotencyKey, KeyId, Locator, Name, RequestId, Serial,
};
use ca_server::records::{
    Approval, Crl, CrlKind, Document, Holder, Identity, Intent, Issuer, Request, RequestSubject,
};
use esign_core::time::UnixTime;

/// The noon that everything here is counted from.
pub const NOON: i64 = 1_795_000_000;

pub fn time(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(NOON + seconds)
}

pub fn act(by: &str, seconds: i64, change: Change) -> Act {
    let why = "for the test".to_owned();
    Act {
        by: Name::new(by).unwrap(),
        at: time(seconds),
        why,
        change,
    }
}

pub fn issuer(n: u8) -> Issuer {
    let key = KeyId([n; 32]);
    Issuer {
        key,
        subject: vec![0x30, 1, n],
        certificate: vec![0x30, 2, n, n],
        generation: 1,
    }
}

pub fn holder(n: u8, surname: &str) -> Holder {
    Holder {
        id: HolderId([n; 16]),
        version: 1,
        identity: Identity::Natural {
            identifier: format!("PNOAZ-7ABC{n:03}"),
            given_name: "Aytən".to_owned(),
            surname: surname.to_owned(),
        },
        contact: None,
    }
}

pub fn request(n: u32, holder: Option<HolderId>, approval: Approval) -> Request {
    let mut id = [7; 16];
    id[..4].copy_from_slice(&n.to_be_bytes());
    Request {
        id: RequestId(id),
        profile: Name::new("natural-person").unwrap(),
        public_key: n.to_be_bytes().to_vec(),
        holder,
        former: None,
        approval,
    }
}

/// Who a request is about, for the test.
pub fn subject(request: &Request, listed: bool, identity: &str) -> RequestSubject {
    RequestSubject {
        request: request.id,
        csr: b"csr".to_vec(),
        holder: request.holder,
        identity: identity.to_owned(),
        listed,
    }
}

pub fn id(issuer: u8, serial: u32) -> CertificateId {
    let serial = Serial::from_magnitude(&serial.to_be_bytes()).unwrap();
    CertificateId {
        issuer: KeyId([issuer; 32]),
        serial,
    }
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag, u8::try_from(content.len()).unwrap()];
    assert!(content.len() < 128);
    out.extend_from_slice(content);
    out
}

/// A TBSCertificate as far as a store reads it: version, serial number, something.
pub fn tbs(serial: u32, rest: &[u8]) -> Vec<u8> {
    let mut number = vec![0];
    number.extend_from_slice(&serial.to_be_bytes());
    let number = &number[number.iter().take_while(|o| **o == 0).count() - 1..];
    let number = if number.get(1).is_some_and(|o| *o < 0x80) {
        &number[1..]
    } else {
        number
    };
    let version = tlv(0xa0, &tlv(0x02, &[2]));
    tlv(
        0x30,
        &[version, tlv(0x02, number), tlv(0x04, rest)].concat(),
    )
}

/// A Certificate around it.
pub fn certificate(tbs: &[u8]) -> Vec<u8> {
    tlv(
        0x30,
        &[tbs.to_vec(), tlv(0x30, &[]), tlv(0x03, &[0, 1])].concat(),
    )
}

pub fn intent(id: &CertificateId, serial: u32, request: &Request, shard: u32) -> Intent {
    Intent {
        id: id.clone(),
        request: request.id,
        tbs: tbs(serial, b"rest"),
        not_before: time(0),
        not_after: time(1000),
        shard,
    }
}

/// Everything from request to publication, as separate acts.
pub fn issuance(issuer: u8, serial: u32, holder: Option<HolderId>, shard: u32) -> Vec<Act> {
    let request = request(serial, holder, Approval::None);
    let id = id(issuer, serial);
    let intent = intent(&id, serial, &request, shard);
    let certificate = certificate(&intent.tbs);
    vec![
        act("api", 0, Change::ReceiveRequest(request)),
        act("ca", 1, Change::Intend(intent)),
        act(
            "ca",
            2,
            Change::Issue {
                id: id.clone(),
                certificate,
            },
        ),
        act("ca", 3, Change::Publish(id)),
    ]
}

pub fn crl(issuer: u8, number: u64) -> Crl {
    Crl {
        issuer: KeyId([issuer; 32]),
        shard: 0,
        number,
        kind: CrlKind::Complete,
        this_update: time(100 + i64::try_from(number).unwrap()),
        next_update: time(9000),
        digest: Digest([9; 32]),
    }
}

pub fn document(n: u64) -> Document {
    let spread = Digest::of(&n.to_be_bytes()).0;
    Document {
        locator: Locator(spread[..16].try_into().unwrap()),
        sealed: spread.repeat(16),
        digest: Digest(spread),
        issuer: Name::new("Ədliyyə Nazirliyi").unwrap(),
        class: 7,
        idempotency_key: IdempotencyKey(spread[16..].try_into().unwrap()),
    }
}
