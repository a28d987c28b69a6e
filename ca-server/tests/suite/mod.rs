//! What every store must do, whatever database it stands on.

#![allow(dead_code, reason = "each test program uses its own part")]

pub mod data;
pub mod register;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use ca_server::acts::{Act, Change, MAX_WHY};
use ca_server::audit::Entry;
use ca_server::ids::{CertificateId, Digest, KeyId, Name, RequestId};
use ca_server::officers::{Officer, Role};
use ca_server::records::{
    Approval, Crl, CrlKind, DocumentStatus, Holder, Identity, RequestStatus, RevocationReason,
    Standing,
};
use ca_server::store::{
    Attestation, CertificateFilter, Lease, LeaseName, LogHead, LogStore, MAX_BATCH, MAX_BLOB,
    MAX_ROWS, Outcome, StatusFilter, Store, StoreError, StoreErrorKind,
};

use data::{
    NOON, act, certificate, crl, document, holder, id, intent, issuance, issuer, request, subject,
    tbs, time,
};

type Made = Box<dyn Store>;
type Part = (&'static str, fn(Made));

/// Runs the whole suite; `make` gives an empty store each time.
pub fn store_suite(make: impl Fn() -> Made) {
    let parts: [Part; 20] = [
        ("issuers", issuers),
        ("holders", holders),
        ("approvals", approvals),
        ("officers", officers),
        ("stop switch", stop_switch),
        ("certificates by query", certificates_by_query),
        ("life of a certificate", life),
        ("intent before issue", intent_before_issue),
        ("renewal", renewal),
        ("crash after intent", open_intents),
        ("status lists", status_lists),
        ("archive", archive),
        ("ends and progress", ends_and_progress),
        ("CRL numbers", crl_numbers),
        ("documents", documents),
        ("document statuses", document_statuses),
        ("all or nothing", all_or_nothing),
        ("limits", limits),
        ("audit", audit),
        ("many threads", threads),
    ];
    for (name, part) in parts {
        println!("store suite: {name}");
        part(make());
    }
}

fn one(store: &dyn Store, act: Act) -> Result<Outcome, StoreError> {
    store.commit(vec![act]).map(|receipt| receipt.outcomes[0])
}

fn done(store: &dyn Store, act: Act) {
    let outcome = one(store, act.clone()).unwrap_or_else(|error| panic!("{act:?}: {error}"));
    assert!(
        matches!(outcome, Outcome::Done { .. }),
        "{act:?}: {outcome:?}"
    );
}

fn again(store: &dyn Store, act: Act) {
    assert_eq!(
        one(store, act.clone()).unwrap(),
        Outcome::AlreadyDone,
        "{act:?}"
    );
}

/// The act is refused, for this reason, and the message holds these words.
fn refused(store: &dyn Store, act: Act, kind: StoreErrorKind, words: &[&str]) {
    let error = one(store, act.clone()).expect_err(&format!("{act:?}"));
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.is_refusal());
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "{text:?} does not say {word:?}");
    }
}

fn noise(length: usize) -> Vec<u8> {
    let octets = (0_u32..).flat_map(|n| Digest::of(&n.to_be_bytes()).0);
    octets.take(length).collect()
}

fn issuers(store: Made) {
    let s = &*store;
    let add = |issuer| act("admin", 0, Change::AddIssuer(issuer));
    done(s, add(issuer(2)));
    done(s, add(issuer(1)));
    again(s, add(issuer(1)));
    let mut other = issuer(1);
    other.certificate.push(0);
    refused(s, add(other), StoreErrorKind::Conflict, &["issuer 0101"]);
    let mut twin = issuer(1);
    twin.key = KeyId([3; 32]);
    refused(
        s,
        add(twin.clone()),
        StoreErrorKind::Conflict,
        &["generation 1", "0101"],
    );
    twin.generation = 2;
    done(s, add(twin.clone()));
    // A name longer than an index takes, and not to be compressed.
    let mut long = issuer(4);
    long.subject = noise(6000);
    done(s, add(long.clone()));
    again(s, add(long.clone()));
    let same = ca_server::records::Issuer {
        key: KeyId([5; 32]),
        ..long.clone()
    };
    refused(s, add(same), StoreErrorKind::Conflict, &["generation 1"]);
    assert_eq!(s.issuer(&issuer(2).key).unwrap(), Some(issuer(2)));
    assert_eq!(s.issuer(&KeyId([9; 32])).unwrap(), None);
    assert_eq!(s.issuers().unwrap(), [issuer(2), issuer(1), twin, long]);
}

fn holders(store: Made) {
    let s = &*store;
    let record = |holder| act("registrar", 0, Change::RecordHolder(holder));
    done(s, record(holder(1, "İsmayılova")));
    done(s, record(holder(2, "ISAYEV")));
    done(s, record(holder(3, "Əliyev")));
    let firm = Holder {
        identity: Identity::Legal {
            identifier: "TINAZ-1234567890".to_owned(),
            organization: "Ismi MMC".to_owned(),
        },
        contact: Some("ofis@ismi.example".to_owned()),
        ..holder(4, "")
    };
    done(s, record(firm.clone()));
    again(s, record(firm.clone()));
    let found: Vec<_> = s
        .holders_named("ısm", 10)
        .unwrap()
        .into_iter()
        .map(|holder| holder.id.0[0])
        .collect();
    assert_eq!(found, [1, 4]);
    assert_eq!(s.holders_named("is", 2).unwrap().len(), 2);
    assert_eq!(s.holders_named("əli", 10).unwrap(), [holder(3, "Əliyev")]);
    assert_eq!(
        s.holder_by_identifier("TINAZ-1234567890").unwrap(),
        Some(firm)
    );
    assert_eq!(s.holder_by_identifier("TINAZ-1").unwrap(), None);

    // A change is the next version, or it is late.
    let mut married = holder(1, "Quliyeva");
    refused(
        s,
        record(married.clone()),
        StoreErrorKind::Conflict,
        &["version 1", "2 is next"],
    );
    married.version = 2;
    done(s, record(married.clone()));
    assert_eq!(s.holder(&married.id).unwrap(), Some(married));
    // One person, one row.
    let mut double = holder(9, "X");
    double.identity = holder(1, "X").identity;
    refused(s, record(double), StoreErrorKind::Conflict, &["identifier"]);
    for bad in [
        "PNOAZ7", "PNOAZ-", "XXXAZ-1", "TINAZ -1", "VATAZ-1", "PNOaz-1",
    ] {
        let identity = Identity::Natural {
            identifier: bad.to_owned(),
            given_name: "A".to_owned(),
            surname: "B".to_owned(),
        };
        let act = record(Holder {
            identity,
            ..holder(5, "")
        });
        refused(s, act, StoreErrorKind::Value, &["semantics identifier"]);
    }
}

fn officers(store: Made) {
    let s = &*store;
    let set = |officer: &Officer| act("admin", 0, Change::SetOfficer(officer.clone()));
    let name = |text: &str| Name::new(text).unwrap();
    let anar = Officer::new(
        name("anar"),
        KeyId([1; 32]),
        [Role::Registrar, Role::Auditor],
    );
    done(s, set(&anar));
    again(s, set(&anar));
    assert_eq!(s.officer_of_key(&anar.key).unwrap(), Some(anar.clone()));
    assert_eq!(s.officer_of_key(&KeyId([9; 32])).unwrap(), None);
    // A key is one officer's.
    let thief = Officer::new(name("banu"), KeyId([1; 32]), [Role::Administrator]);
    refused(s, set(&thief), StoreErrorKind::Conflict, &["anar"]);
    // A new key makes the old one nobody's; no roles is a dismissal that stays on record.
    let moved = Officer::new(name("anar"), KeyId([2; 32]), [Role::Client]);
    done(s, set(&moved));
    assert_eq!(s.officer_of_key(&KeyId([1; 32])).unwrap(), None);
    let gone = Officer::new(name("anar"), KeyId([2; 32]), []);
    done(s, set(&gone));
    done(s, set(&thief));
    assert_eq!(s.officers().unwrap(), [gone, thief.clone()]);
    let mut twice = thief;
    twice.roles = vec![Role::Client, Role::Client];
    refused(s, set(&twice), StoreErrorKind::Value, &["each once"]);
}

fn stop_switch(store: Made) {
    let s = &*store;
    done(s, act("anar", 0, Change::AddIssuer(issuer(1))));
    let r = request(1, None, Approval::None);
    done(s, act("anar", 0, Change::ReceiveRequest(r.clone())));
    assert_eq!(s.stop().unwrap(), None);
    let mut unsaid = act("anar", 1, Change::StopIssuance);
    unsaid.why = String::new();
    refused(s, unsaid, StoreErrorKind::Value, &["reason"]);
    done(s, act("anar", 1, Change::StopIssuance));
    again(s, act("banu", 2, Change::StopIssuance));
    let stop = s.stop().unwrap().unwrap();
    assert_eq!((stop.since, stop.by.as_str()), (time(1), "anar"));
    let intend = || act("anar", 3, Change::Intend(intent(&id(1, 5), 5, &r, 0)));
    refused(
        s,
        intend(),
        StoreErrorKind::Stopped,
        &["anar", "for the test"],
    );
    done(s, act("banu", 4, Change::ResumeIssuance));
    again(s, act("banu", 4, Change::ResumeIssuance));
    assert_eq!(s.stop().unwrap(), None);
    done(s, intend());
}

fn certificates_by_query(store: Made) {
    let s = &*store;
    done(s, act("anar", 0, Change::AddIssuer(issuer(1))));
    for n in 1..=6 {
        s.commit(issuance(1, n, None, 0)).unwrap();
    }
    let found = |filter: CertificateFilter| {
        let mut found = Vec::new();
        s.visit_certificates(&filter, &mut |record| {
            found.push(record.id.serial.as_bytes().to_vec());
            ControlFlow::Continue(())
        })
        .unwrap();
        found.len()
    };
    let of = |n: u8| CertificateFilter {
        issuer: Some(KeyId([n; 32])),
        ..CertificateFilter::default()
    };
    assert_eq!((found(of(1)), found(of(2))), (6, 0));
    let by = |profile: &str| CertificateFilter {
        profile: Some(Name::new(profile).unwrap()),
        ..of(1)
    };
    assert_eq!((found(by("natural-person")), found(by("other"))), (6, 0));
    let mut first = None;
    s.visit_certificates(&of(1), &mut |record| {
        first = Some(record);
        ControlFlow::Break(())
    })
    .unwrap();
    let first = first.unwrap();
    let between = |from, to| CertificateFilter {
        from: Some(from),
        to: Some(to),
        ..CertificateFilter::default()
    };
    assert_eq!(found(between(first.not_before, first.not_before)), 0);
    assert!(found(between(first.not_before, first.not_before.plus(1))) > 0);
    let key = CertificateFilter {
        subject_key: Some(first.subject_key),
        ..CertificateFilter::default()
    };
    assert!((1..=6).contains(&found(key)));
}

fn approvals(store: Made) {
    let s = &*store;
    let receive = |r: &_| act("anar", 0, Change::ReceiveRequest(Clone::clone(r)));
    let approve = |by, r: &ca_server::records::Request| act(by, 1, Change::ApproveRequest(r.id));
    let two = request(1, None, Approval::Others(2));
    done(s, receive(&two));
    again(s, receive(&two));
    let mut other = two.clone();
    other.public_key.push(1);
    refused(s, receive(&other), StoreErrorKind::Conflict, &["anar"]);
    refused(
        s,
        approve("anar", &two),
        StoreErrorKind::NotAllowed,
        &["anar"],
    );
    // Nobody approves what no registrar vetted, nor what he vetted himself.
    refused(s, approve("banu", &two), StoreErrorKind::State, &["vet"]);
    let claimed = subject(&two, false, "{}");
    done(s, act("anar", 1, Change::ClaimSubject(claimed.clone())));
    again(s, act("anar", 1, Change::ClaimSubject(claimed.clone())));
    refused(
        s,
        approve("banu", &two),
        StoreErrorKind::State,
        &["claimed"],
    );
    let vetted = subject(&two, true, "{\"vetted\":1}");
    done(s, act("dilara", 1, Change::VetSubject(vetted.clone())));
    again(s, act("dilara", 1, Change::VetSubject(vetted.clone())));
    refused(
        s,
        act("anar", 1, Change::ClaimSubject(claimed)),
        StoreErrorKind::State,
        &["dilara"],
    );
    let mut swapped = vetted.clone();
    swapped.csr.push(1);
    refused(
        s,
        act("dilara", 1, Change::VetSubject(swapped)),
        StoreErrorKind::Conflict,
        &["PKCS #10"],
    );
    let record = s.request_subject(&two.id).unwrap().unwrap();
    assert_eq!(record.subject, vetted);
    assert_eq!(record.vetted_by, Some(Name::new("dilara").unwrap()));
    refused(
        s,
        approve("dilara", &two),
        StoreErrorKind::NotAllowed,
        &["vetted by dilara"],
    );
    done(s, approve("banu", &two));
    again(s, approve("banu", &two));
    // What was approved is not changed behind the approval.
    refused(
        s,
        act("dilara", 1, Change::VetSubject(subject(&two, false, "{}"))),
        StoreErrorKind::State,
        &["1 approvals"],
    );
    assert_eq!(
        s.request(&two.id).unwrap().unwrap().status,
        RequestStatus::Pending
    );
    done(s, approve("cavid", &two));
    let record = s.request(&two.id).unwrap().unwrap();
    assert_eq!(record.status, RequestStatus::Approved);
    assert_eq!(
        record.approved_by,
        [Name::new("banu").unwrap(), Name::new("cavid").unwrap()]
    );
    refused(
        s,
        approve("elif", &two),
        StoreErrorKind::State,
        &["is approved"],
    );

    let own = request(2, None, Approval::Anyone);
    done(s, receive(&own));
    done(s, approve("anar", &own));
    let refusal = |r: &ca_server::records::Request| act("banu", 2, Change::RefuseRequest(r.id));
    done(s, refusal(&own));
    again(s, refusal(&own));
    refused(
        s,
        approve("cavid", &own),
        StoreErrorKind::State,
        &["refused"],
    );

    let mut nobody = request(3, None, Approval::Others(0));
    refused(s, receive(&nobody), StoreErrorKind::Value, &["0 others"]);
    nobody.approval = Approval::Others(1);
    nobody.holder = Some(holder(1, "").id);
    refused(
        s,
        receive(&nobody),
        StoreErrorKind::NotFound,
        &["holder 0101"],
    );
    refused(
        s,
        approve("banu", &nobody),
        StoreErrorKind::NotFound,
        &["not in this store"],
    );

    for n in 10..15 {
        done(s, receive(&request(n, None, Approval::Others(1))));
    }
    let page = s.requests(RequestStatus::Pending, None, 3).unwrap();
    assert_eq!(page.len(), 3);
    let rest = s
        .requests(RequestStatus::Pending, Some(&page[2].request.id), 9)
        .unwrap();
    assert_eq!(
        rest.iter().map(|r| r.request.id).collect::<Vec<_>>(),
        [
            request(13, None, Approval::None).id,
            request(14, None, Approval::None).id
        ]
    );
}

fn with_issuer(store: &dyn Store) {
    done(store, act("admin", 0, Change::AddIssuer(issuer(1))));
}

fn life(store: Made) {
    let s = &*store;
    with_issuer(s);
    done(
        s,
        act("registrar", 0, Change::RecordHolder(holder(1, "Əliyev"))),
    );
    let who = holder(1, "").id;
    let id = id(1, 0x80ff);
    assert_eq!(s.standing(&id).unwrap(), None);
    let receipt = s.commit(issuance(1, 0x80ff, Some(who), 3)).unwrap();
    assert_eq!(receipt.outcomes.len(), 4);
    let receipt = s.commit(issuance(1, 0x80ff, Some(who), 3)).unwrap();
    assert_eq!(receipt.outcomes, [Outcome::AlreadyDone; 4]);
    let record = s.certificate(&id).unwrap().unwrap();
    assert_eq!(record.tbs, None);
    assert_eq!(record.certificate, Some(certificate(&tbs(0x80ff, b"rest"))));
    assert_eq!(record.tbs_digest, Digest::of(&tbs(0x80ff, b"rest")));
    assert_eq!(
        (record.intended_at, record.issued_at),
        (time(1), Some(time(2)))
    );
    assert_eq!(
        (record.published_at, record.holder, record.shard),
        (Some(time(3)), Some(who), 3)
    );
    assert_eq!(record.standing, Standing::Good);
    let only = std::slice::from_ref(&id);
    assert_eq!(s.certificates_of_holder(&who).unwrap(), only);
    assert_eq!(s.certificates_of_key(&record.subject_key).unwrap(), only);
    let answered = s.request(&record.request).unwrap().unwrap();
    assert_eq!(
        (answered.status, answered.certificate),
        (RequestStatus::Issued, Some(id.clone()))
    );

    let suspend = |at, until| {
        act(
            "officer",
            at,
            Change::Suspend {
                id: id.clone(),
                until,
            },
        )
    };
    let restore = |at| act("officer", at, Change::Restore(id.clone()));
    let revoke = |at, reason, invalidity_date| {
        act(
            "officer",
            at,
            Change::Revoke {
                id: id.clone(),
                reason,
                invalidity_date,
            },
        )
    };
    refused(
        s,
        restore(10),
        StoreErrorKind::State,
        &["is good", "restored"],
    );
    refused(
        s,
        suspend(10, Some(time(10))),
        StoreErrorKind::Value,
        &["ends"],
    );
    done(s, suspend(10, Some(time(99))));
    again(s, suspend(11, Some(time(99))));
    refused(
        s,
        suspend(11, None),
        StoreErrorKind::State,
        &["suspended from", "until"],
    );
    let held = Standing::Suspended {
        since: time(10),
        until: Some(time(99)),
    };
    assert_eq!(s.standing(&id).unwrap(), Some(held));
    refused(
        s,
        restore(9),
        StoreErrorKind::Order,
        &["standing changed at"],
    );
    done(s, restore(20));
    assert_eq!(s.standing(&id).unwrap(), Some(Standing::Good));
    done(s, suspend(30, None));
    refused(
        s,
        revoke(40, RevocationReason::KeyCompromise, Some(time(41))),
        StoreErrorKind::Value,
        &["invalidity date"],
    );
    done(
        s,
        revoke(40, RevocationReason::KeyCompromise, Some(time(5))),
    );
    let revoked = Standing::Revoked {
        since: time(40),
        reason: RevocationReason::KeyCompromise,
        invalidity_date: Some(time(5)),
    };
    assert_eq!(s.standing(&id).unwrap(), Some(revoked));
    // For good.
    again(
        s,
        revoke(50, RevocationReason::KeyCompromise, Some(time(5))),
    );
    refused(
        s,
        restore(50),
        StoreErrorKind::State,
        &["revoked for good", "CRLReason 1"],
    );
    refused(
        s,
        suspend(50, None),
        StoreErrorKind::State,
        &["revoked for good"],
    );
    let other = revoke(50, RevocationReason::Superseded, None);
    refused(s, other, StoreErrorKind::State, &["revoked for good"]);
    let kinds: Vec<_> = s
        .history(&id)
        .unwrap()
        .into_iter()
        .map(|entry| entry.kind)
        .collect();
    let expected =
        ["suspend", "restore", "suspend", "revoke"].map(|kind| format!("certificate.{kind}"));
    assert_eq!(kinds, expected);

    for reason in RevocationReason::ALL {
        assert_eq!(RevocationReason::from_code(reason.code()), Some(reason));
    }
    assert_eq!(RevocationReason::from_code(6), None);
    assert_eq!(RevocationReason::from_code(8), None);
}

fn intent_before_issue(store: Made) {
    let s = &*store;
    with_issuer(s);
    let r = request(1, None, Approval::Others(1));
    let name = id(1, 1);
    let receive = act("anar", 0, Change::ReceiveRequest(r.clone()));
    let intend = |intent| act("ca", 1, Change::Intend(intent));
    let issue = |certificate| {
        act(
            "ca",
            2,
            Change::Issue {
                id: name.clone(),
                certificate,
            },
        )
    };
    let good = intent(&name, 1, &r, 0);
    refused(
        s,
        issue(certificate(&good.tbs)),
        StoreErrorKind::State,
        &["without a stored intent"],
    );
    refused(
        s,
        intend(good.clone()),
        StoreErrorKind::NotFound,
        &["request"],
    );
    done(s, receive);
    refused(
        s,
        intend(good.clone()),
        StoreErrorKind::State,
        &["is pending"],
    );
    done(
        s,
        act("dilara", 0, Change::VetSubject(subject(&r, false, "{}"))),
    );
    done(s, act("banu", 0, Change::ApproveRequest(r.id)));
    let mut stranger = good.clone();
    stranger.id.issuer = KeyId([8; 32]);
    refused(
        s,
        intend(stranger),
        StoreErrorKind::NotFound,
        &["issuer 0808"],
    );
    let mut misnumbered = good.clone();
    misnumbered.tbs = tbs(2, b"rest");
    refused(
        s,
        intend(misnumbered),
        StoreErrorKind::Value,
        &["serial number 02, not 01"],
    );
    let mut garbage = good.clone();
    garbage.tbs.truncate(9);
    refused(
        s,
        intend(garbage),
        StoreErrorKind::Value,
        &["cannot be read"],
    );
    let mut backwards = good.clone();
    backwards.not_after = time(-1);
    refused(s, intend(backwards), StoreErrorKind::Value, &["notAfter"]);
    refused(
        s,
        act("ca", 1, Change::Publish(name.clone())),
        StoreErrorKind::NotFound,
        &[],
    );

    done(s, intend(good.clone()));
    again(s, intend(good.clone()));
    let mut other = good.clone();
    other.tbs = tbs(1, b"other");
    refused(
        s,
        intend(other),
        StoreErrorKind::Conflict,
        &["serial number is taken"],
    );
    assert_eq!(s.standing(&name).unwrap(), Some(Standing::Intended));
    let held = act(
        "officer",
        1,
        Change::Suspend {
            id: name.clone(),
            until: None,
        },
    );
    refused(s, held, StoreErrorKind::State, &["not issued"]);
    refused(
        s,
        act("ca", 1, Change::Publish(name.clone())),
        StoreErrorKind::State,
        &["before"],
    );
    let forged = certificate(&tbs(1, b"other"));
    refused(
        s,
        issue(forged),
        StoreErrorKind::Conflict,
        &["not the intent's"],
    );
    refused(
        s,
        issue(vec![0x30]),
        StoreErrorKind::Value,
        &["cannot be read"],
    );
    let mut trailing = certificate(&good.tbs);
    trailing.push(0);
    refused(
        s,
        issue(trailing),
        StoreErrorKind::Value,
        &["cannot be read"],
    );
    done(s, issue(certificate(&good.tbs)));
    again(s, issue(certificate(&good.tbs)));
    let mut resigned = certificate(&good.tbs);
    *resigned.last_mut().unwrap() = 2;
    refused(
        s,
        issue(resigned),
        StoreErrorKind::Conflict,
        &["other octets"],
    );
    // One request, one certificate.
    let second = intent(&id(1, 2), 2, &r, 0);
    refused(s, intend(second), StoreErrorKind::State, &["is issued"]);
}

fn renewal(store: Made) {
    let s = &*store;
    with_issuer(s);
    done(
        s,
        act("registrar", 0, Change::RecordHolder(holder(1, "Əliyeva"))),
    );
    let person = Some(holder(1, "Əliyeva").id);
    let first = request(1, None, Approval::Others(1));
    done(
        s,
        act("registrar", 0, Change::ReceiveRequest(first.clone())),
    );
    let described = ca_server::records::RequestSubject {
        holder: person,
        ..subject(&first, true, "{\"a\":1}")
    };
    done(
        s,
        act("registrar", 5, Change::VetSubject(described.clone())),
    );
    done(s, act("approver", 6, Change::ApproveRequest(first.id)));
    let issue = |serial: u32, of: &ca_server::records::Request| {
        let intent = intent(&id(1, serial), serial, of, 0);
        let certificate = certificate(&intent.tbs);
        let id = intent.id.clone();
        vec![
            act("ca", 10, Change::Intend(intent)),
            act("ca", 10, Change::Issue { id, certificate }),
        ]
    };
    s.commit(issue(1, &first)).unwrap();
    let renewing = |n: u32, of: u32| ca_server::records::Request {
        former: Some(id(1, of)),
        ..request(n, person, Approval::Others(1))
    };
    let renew = |request: &ca_server::records::Request| {
        let change = Change::Renew {
            request: request.clone(),
            csr: b"csr".to_vec(),
        };
        act("registrar", 20, change)
    };
    use StoreErrorKind as K;
    // It is an act of its own, of a certificate that is there, and for the same holder and profile.
    refused(
        s,
        act("registrar", 20, Change::ReceiveRequest(renewing(2, 1))),
        K::Value,
        &["another act"],
    );
    refused(
        s,
        renew(&request(2, person, Approval::Others(1))),
        K::Value,
        &["renews no"],
    );
    refused(
        s,
        renew(&renewing(2, 9)),
        K::NotFound,
        &["is not in this store"],
    );
    let nobodys = ca_server::records::Request {
        holder: None,
        ..renewing(2, 1)
    };
    refused(
        s,
        renew(&nobodys),
        K::Conflict,
        &["another profile or holder"],
    );
    let otherwise = ca_server::records::Request {
        profile: Name::new("other").unwrap(),
        ..renewing(2, 1)
    };
    refused(s, renew(&otherwise), K::Conflict, &["\"other\""]);
    let mut late = renew(&renewing(2, 1));
    late.at = time(1001);
    refused(s, late, K::State, &["ended"]);
    assert_eq!(s.latest_renewal(&id(1, 1)).unwrap(), None);

    let second = renewing(2, 1);
    done(s, renew(&second));
    again(s, renew(&second));
    refused(s, renew(&renewing(3, 1)), K::State, &["is being renewed"]);
    assert_eq!(s.latest_renewal(&id(1, 1)).unwrap(), Some(second.id));
    let found = s.request(&second.id).unwrap().unwrap();
    assert_eq!(found.request, second);
    // Who vetted it, and when, is what it was.
    let taken_over = s.request_subject(&second.id).unwrap().unwrap();
    assert_eq!(taken_over.subject.identity, described.identity);
    assert!(taken_over.subject.listed);
    assert_eq!(taken_over.subject.csr, b"csr");
    assert_eq!(taken_over.vetted_by, Some(Name::new("registrar").unwrap()));
    assert_eq!(taken_over.at, time(5));
    refused(
        s,
        act(
            "other",
            21,
            Change::VetSubject(subject(&second, true, "{\"b\":1}")),
        ),
        K::State,
        &["another identity is another request"],
    );
    done(s, act("approver", 22, Change::ApproveRequest(second.id)));
    // The former is suspended meanwhile: nothing follows it until it is restored.
    let suspend = Change::Suspend {
        id: id(1, 1),
        until: None,
    };
    done(s, act("officer", 23, suspend));
    let intend = issue(2, &second).remove(0);
    refused(s, intend, K::State, &["is suspended", "renewed"]);
    done(s, act("officer", 24, Change::Restore(id(1, 1))));
    s.commit(issue(2, &second)).unwrap();
    refused(s, renew(&renewing(3, 1)), K::State, &["was renewed by"]);
    // In one batch: the successor is revoked, and the first is renewed again; that is refused.
    let revoke = Change::Revoke {
        id: id(1, 2),
        reason: RevocationReason::Superseded,
        invalidity_date: None,
    };
    let third = renewing(3, 1);
    s.commit(vec![
        act("officer", 25, revoke),
        renew(&third),
        act("approver", 26, Change::RefuseRequest(third.id)),
    ])
    .unwrap();
    assert_eq!(s.latest_renewal(&id(1, 1)).unwrap(), Some(third.id));
    done(s, renew(&renewing(4, 1)));
}

fn open_intents(store: Made) {
    let s = &*store;
    with_issuer(s);
    let r = request(1, None, Approval::None);
    assert_eq!(s.request_to_issue(&r.id).unwrap(), None);
    done(s, act("api", 0, Change::ReceiveRequest(r.clone())));
    to_issue(s, &r.id, false, false);
    for serial in [5, 6] {
        done(
            s,
            act(
                "ca",
                1,
                Change::Intend(intent(&id(1, serial), serial, &r, 0)),
            ),
        );
    }
    let open = s.open_intents().unwrap();
    assert_eq!(
        open.iter().map(|c| c.id.clone()).collect::<Vec<_>>(),
        [id(1, 5), id(1, 6)]
    );
    assert_eq!(open[0].tbs, Some(tbs(5, b"rest")));
    to_issue(s, &r.id, false, true);
    // What a crash left is revoked, since its certificate may exist; it can then not be issued.
    let revoke = Change::Revoke {
        id: id(1, 5),
        reason: RevocationReason::Unspecified,
        invalidity_date: None,
    };
    done(s, act("officer", 2, revoke));
    let issue = |n| Change::Issue {
        id: id(1, n),
        certificate: certificate(&tbs(n, b"rest")),
    };
    refused(
        s,
        act("ca", 3, issue(5)),
        StoreErrorKind::State,
        &["revoked for good"],
    );
    done(s, act("ca", 3, issue(6)));
    assert!(s.open_intents().unwrap().is_empty());
    // The revoked one goes on counting for its request, and for no other.
    to_issue(s, &r.id, false, true);
    let other = request(2, None, Approval::Others(1));
    done(s, act("api", 4, Change::ReceiveRequest(other.clone())));
    done(
        s,
        act(
            "registrar",
            4,
            Change::VetSubject(subject(&other, true, "{}")),
        ),
    );
    done(s, act("approver", 5, Change::ApproveRequest(other.id)));
    to_issue(s, &other.id, true, false);
}

/// What is read at once is what is read one by one.
fn to_issue(s: &dyn Store, id: &RequestId, described: bool, intended: bool) {
    let found = s.request_to_issue(id).unwrap().unwrap();
    assert_eq!(Some(found.record), s.request(id).unwrap());
    assert_eq!(found.subject, s.request_subject(id).unwrap());
    assert_eq!(
        (found.subject.is_some(), found.intended),
        (described, intended)
    );
}

fn listed(s: &dyn Store, shard: Option<u32>, filter: StatusFilter) -> Vec<CertificateId> {
    let mut found = Vec::new();
    s.visit_status(&KeyId([1; 32]), shard, filter, &mut |entry| {
        found.push(entry.id);
        ControlFlow::Continue(())
    })
    .unwrap();
    found.sort();
    found
}

fn status_lists(store: Made) {
    let s = &*store;
    with_issuer(s);
    done(s, act("admin", 0, Change::AddIssuer(issuer(2))));
    for serial in 1..=6 {
        s.commit(issuance(1, serial, None, serial % 2)).unwrap();
    }
    // The same number under another key is another certificate.
    let foreign = request(100, None, Approval::None);
    done(s, act("api", 0, Change::ReceiveRequest(foreign.clone())));
    done(
        s,
        act("ca", 0, Change::Intend(intent(&id(2, 1), 1, &foreign, 0))),
    );
    let revoke = |n| {
        let reason = RevocationReason::CessationOfOperation;
        act(
            "officer",
            10,
            Change::Revoke {
                id: id(1, n),
                reason,
                invalidity_date: None,
            },
        )
    };
    let suspend = |n| {
        act(
            "officer",
            10,
            Change::Suspend {
                id: id(1, n),
                until: None,
            },
        )
    };
    done(s, revoke(1));
    done(s, suspend(2));
    done(s, suspend(3));
    done(s, act("officer", 11, Change::Restore(id(1, 3))));
    let ids = |serials: &[u32]| serials.iter().map(|n| id(1, *n)).collect::<Vec<_>>();
    assert_eq!(listed(s, None, StatusFilter::Listed), ids(&[1, 2]));
    assert_eq!(listed(s, Some(0), StatusFilter::Listed), ids(&[2]));
    assert_eq!(listed(s, Some(1), StatusFilter::Listed), ids(&[1]));
    assert_eq!(listed(s, None, StatusFilter::Revoked), ids(&[1]));
    assert_eq!(listed(s, None, StatusFilter::Suspended), ids(&[2]));
    assert_eq!(
        listed(s, None, StatusFilter::Good(time(5))),
        ids(&[3, 4, 5, 6])
    );
    assert_eq!(
        listed(s, Some(1), StatusFilter::Good(time(1000))),
        ids(&[3, 5])
    );
    assert_eq!(listed(s, None, StatusFilter::Good(time(1001))), ids(&[]));
    assert_eq!(s.standing(&id(2, 1)).unwrap(), Some(Standing::Intended));
    // By the time of the change; a restoration is one.
    let first = |shard, after| s.first_change(&KeyId([1; 32]), shard, time(after)).unwrap();
    assert_eq!(first(None, 0), Some(time(10)));
    assert_eq!(first(None, 10), Some(time(11)));
    assert_eq!(first(Some(0), 10), None);
    assert_eq!(first(Some(1), 10), Some(time(11)));
    assert_eq!(first(None, 11), None);
    assert_eq!(
        s.first_change(&KeyId([2; 32]), None, time(0)).unwrap(),
        None
    );
    let mut seen = 0;
    s.visit_status(&KeyId([1; 32]), None, StatusFilter::Listed, &mut |entry| {
        seen += 1;
        assert_eq!(entry.not_after, time(1000));
        assert!(matches!(
            entry.standing,
            Standing::Revoked { .. } | Standing::Suspended { .. }
        ));
        ControlFlow::Break(())
    })
    .unwrap();
    assert_eq!(seen, 1);
    // A key falls with a certificate that was revoked for its compromise, and with no other.
    let compromised = |n| {
        let key = s.certificate(&id(1, n)).unwrap().unwrap().subject_key;
        s.compromised(&key).unwrap()
    };
    assert_eq!(compromised(4), None);
    let reason = RevocationReason::KeyCompromise;
    let revoke = Change::Revoke {
        id: id(1, 4),
        reason,
        invalidity_date: None,
    };
    done(s, act("officer", 12, revoke));
    assert_eq!(compromised(4), Some(id(1, 4)));
    for other in [1, 2, 3, 5] {
        assert_eq!(compromised(other), None);
    }
}

fn archive(store: Made) {
    let s = &*store;
    with_issuer(s);
    for serial in 1..=3 {
        s.commit(issuance(1, serial, None, 0)).unwrap();
    }
    let revoke = Change::Revoke {
        id: id(1, 2),
        reason: RevocationReason::KeyCompromise,
        invalidity_date: None,
    };
    done(s, act("officer", 10, revoke));
    let open = request(100, None, Approval::None);
    done(s, act("api", 0, Change::ReceiveRequest(open.clone())));
    done(
        s,
        act("ca", 0, Change::Intend(intent(&id(1, 4), 4, &open, 0))),
    );
    let put = |n, at| act("timer", at, Change::Archive(id(1, n)));
    use StoreErrorKind as K;
    // Its last second is its own.
    refused(
        s,
        put(1, 1000),
        K::State,
        &["is valid until", "only what has ended"],
    );
    refused(s, put(4, 2000), K::State, &["not issued"]);
    refused(s, put(9, 2000), K::NotFound, &["is not in this store"]);
    let before = s.certificate(&id(1, 2)).unwrap().unwrap();
    s.commit(vec![put(1, 1001), put(2, 1001)]).unwrap();
    again(s, put(1, 3000));
    let visited = |archived| {
        let mut found = Vec::new();
        let mut visit = |record: ca_server::records::CertificateRecord| {
            assert_eq!(record.archived_at.is_some(), archived);
            found.push(record.id);
            ControlFlow::Continue(())
        };
        let (from, to) = (time(999), time(1000));
        match archived {
            true => s.visit_archived(from, to, 10, &mut visit).unwrap(),
            false => s.visit_ending(from, to, 10, &mut visit).unwrap(),
        }
        found
    };
    assert_eq!(visited(true), [id(1, 1), id(1, 2)]);
    assert_eq!(visited(false), [id(1, 3)]);
    // All else is as it was: octets, status, lists.
    let after = s.certificate(&id(1, 2)).unwrap().unwrap();
    assert_eq!(after.archived_at, Some(time(1001)));
    assert_eq!(
        ca_server::records::CertificateRecord {
            archived_at: None,
            ..after
        },
        before
    );
    assert_eq!(listed(s, None, StatusFilter::Listed), [id(1, 2)]);
    // What came to light late is told of an archived one, too.
    let late = Change::Revoke {
        id: id(1, 1),
        reason: RevocationReason::KeyCompromise,
        invalidity_date: Some(time(500)),
    };
    done(s, act("officer", 1002, late));
    assert_eq!(listed(s, None, StatusFilter::Listed), [id(1, 1), id(1, 2)]);
    let kinds: Vec<_> = s
        .history(&id(1, 1))
        .unwrap()
        .into_iter()
        .map(|entry| entry.kind)
        .collect();
    assert_eq!(kinds, ["certificate.archive", "certificate.revoke"]);
}

fn ends_and_progress(store: Made) {
    let s = &*store;
    with_issuer(s);
    for serial in 1..=3 {
        s.commit(issuance(1, serial, None, 0)).unwrap();
    }
    // An intent is no certificate that ends.
    let open = request(100, None, Approval::None);
    done(s, act("api", 0, Change::ReceiveRequest(open.clone())));
    done(
        s,
        act("ca", 0, Change::Intend(intent(&id(1, 4), 4, &open, 0))),
    );
    let ending = |after, to| {
        let mut found = Vec::new();
        s.visit_ending(time(after), time(to), 10, &mut |record| {
            found.push(record.id);
            ControlFlow::Continue(())
        })
        .unwrap();
        found
    };
    // All end at 1000; the first second is before, the last belongs to it.
    assert_eq!(ending(999, 1000), [id(1, 1), id(1, 2), id(1, 3)]);
    assert_eq!(ending(1000, 5000), []);
    assert_eq!(ending(0, 999), []);
    let mut few = 0;
    s.visit_ending(time(0), time(1000), 2, &mut |_| {
        few += 1;
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(few, 2);

    assert_eq!(s.progress("work").unwrap(), None);
    s.advance_progress("work", 7).unwrap();
    assert_eq!(s.progress("work").unwrap(), None);
    s.begin_progress("work", 5).unwrap();
    s.begin_progress("work", 1).unwrap();
    assert_eq!(s.progress("work").unwrap(), Some(5));
    s.advance_progress("work", 8).unwrap();
    s.advance_progress("work", 6).unwrap();
    assert_eq!(s.progress("work").unwrap(), Some(8));
    assert_eq!(s.progress("other").unwrap(), None);
}

fn crl_numbers(store: Made) {
    let s = &*store;
    let key = KeyId([1; 32]);
    let reserve = |shard, number| {
        act(
            "crl",
            0,
            Change::ReserveCrlNumber {
                issuer: key,
                shard,
                number,
            },
        )
    };
    let publish = |list| act("crl", 1, Change::PublishCrl(list));
    refused(s, reserve(0, 1), StoreErrorKind::NotFound, &["issuer 0101"]);
    with_issuer(s);
    assert_eq!(s.latest_crl_number(&key, 0).unwrap(), None);
    refused(
        s,
        publish(crl(1, 1)),
        StoreErrorKind::State,
        &["not reserved"],
    );
    done(s, reserve(0, 1));
    refused(
        s,
        reserve(0, 1),
        StoreErrorKind::Order,
        &["1 is not greater than 1"],
    );
    done(s, reserve(0, 7));
    refused(
        s,
        reserve(0, 5),
        StoreErrorKind::Order,
        &["5 is not greater than 7"],
    );
    done(s, reserve(1, 5));
    assert_eq!(s.latest_crl_number(&key, 0).unwrap(), Some(7));
    refused(s, reserve(0, u64::MAX), StoreErrorKind::Value, &["at most"]);
    refused(s, reserve(0, 0), StoreErrorKind::Value, &["1 or more"]);
    done(s, publish(crl(1, 1)));
    again(s, publish(crl(1, 1)));
    let other = Crl {
        digest: Digest([8; 32]),
        ..crl(1, 1)
    };
    refused(
        s,
        publish(other),
        StoreErrorKind::Conflict,
        &["other contents"],
    );
    let early = Crl {
        this_update: time(0),
        ..crl(1, 7)
    };
    refused(s, publish(early), StoreErrorKind::Order, &["thisUpdate"]);
    let over = Crl {
        next_update: time(0),
        ..crl(1, 7)
    };
    refused(s, publish(over), StoreErrorKind::Value, &["nextUpdate"]);
    done(s, publish(crl(1, 7)));
    done(
        s,
        publish(Crl {
            kind: CrlKind::Delta { base: 1 },
            ..crl(1, 7)
        }),
    );
    let ahead = Crl {
        kind: CrlKind::Delta { base: 7 },
        ..crl(1, 7)
    };
    refused(
        s,
        publish(ahead),
        StoreErrorKind::Value,
        &["base 7 is not before"],
    );
    assert_eq!(s.latest_crl(&key, 0).unwrap(), Some(crl(1, 7)));
    assert_eq!(s.latest_crl(&key, 1).unwrap(), None);
    done(s, reserve(0, 8));
    done(s, reserve(0, 9));
    done(s, publish(crl(1, 9)));
    refused(
        s,
        publish(crl(1, 8)),
        StoreErrorKind::Order,
        &["CRL 9 was published"],
    );
}

fn documents(store: Made) {
    let s = &*store;
    let register = |document| act("edliyye", 0, Change::RegisterDocument(document));
    done(s, register(document(1)));
    again(s, register(document(1)));
    let record = s.document(&document(1).locator).unwrap().unwrap();
    assert_eq!(record.document, document(1));
    assert_eq!(record.registered_at, time(0));
    assert_eq!(
        (record.status.version, record.status.status),
        (1, DocumentStatus::InForce)
    );
    assert_eq!(s.document(&document(2).locator).unwrap(), None);
    // The same key with other contents.
    let mut other = document(2);
    other.idempotency_key = document(1).idempotency_key;
    refused(
        s,
        register(other.clone()),
        StoreErrorKind::Conflict,
        &["other contents", "digest"],
    );
    // Another body may have the same key of its own.
    other.issuer = Name::new("another").unwrap();
    done(s, register(other));
    // A locator is of one document.
    let mut twin = document(3);
    twin.locator = document(1).locator;
    refused(
        s,
        register(twin),
        StoreErrorKind::Conflict,
        &["belongs to another registration"],
    );
}

fn document_statuses(store: Made) {
    let s = &*store;
    let change = |n, from_version, at, status| {
        let locator = document(n).locator;
        act(
            "edliyye",
            at,
            Change::ChangeDocument {
                locator,
                from_version,
                status,
            },
        )
    };
    use DocumentStatus::{InForce, Revoked, Superseded, Suspended, Used};
    let successor = Superseded {
        successor: Digest([5; 32]),
    };
    refused(
        s,
        change(1, 1, 1, Revoked),
        StoreErrorKind::NotFound,
        &["not in this store"],
    );
    for n in 1..=4 {
        done(s, act("edliyye", 0, Change::RegisterDocument(document(n))));
    }
    refused(
        s,
        change(1, 1, 1, InForce),
        StoreErrorKind::State,
        &["in force"],
    );
    refused(
        s,
        change(1, 2, 1, Revoked),
        StoreErrorKind::Conflict,
        &["version 1", "version 2"],
    );
    refused(
        s,
        change(1, 1, -1, Revoked),
        StoreErrorKind::Order,
        &["changed at"],
    );
    done(s, change(1, 1, 1, Suspended));
    again(s, change(1, 1, 2, Suspended));
    refused(
        s,
        change(1, 2, 2, Used),
        StoreErrorKind::State,
        &["suspended", "used"],
    );
    done(s, change(1, 2, 2, InForce));
    done(s, change(1, 3, 3, successor));
    refused(
        s,
        change(1, 4, 4, InForce),
        StoreErrorKind::State,
        &["superseded"],
    );
    done(s, change(2, 1, 1, Used));
    // A single use: the second to redeem is told so.
    refused(s, change(2, 2, 2, Used), StoreErrorKind::State, &["used"]);
    done(s, change(3, 1, 1, Revoked));
    refused(
        s,
        change(3, 2, 2, Suspended),
        StoreErrorKind::State,
        &["revoked"],
    );
    let history: Vec<_> = s
        .document_history(&document(1).locator)
        .unwrap()
        .into_iter()
        .map(|change| (change.version, change.status, change.since))
        .collect();
    assert_eq!(
        history,
        [
            (1, InForce, time(0)),
            (2, Suspended, time(1)),
            (3, InForce, time(2)),
            (4, successor, time(3))
        ]
    );
    let now = s.document(&document(1).locator).unwrap().unwrap().status;
    assert_eq!((now.version, now.why.as_str()), (4, "for the test"));
    // What was registered stays known as it was.
    again(s, act("edliyye", 9, Change::RegisterDocument(document(1))));
}

fn count_audit(s: &dyn Store) -> usize {
    let mut count = 0;
    s.visit_audit(0, &mut |_| {
        count += 1;
        ControlFlow::Continue(())
    })
    .unwrap();
    count
}

fn all_or_nothing(store: Made) {
    let s = &*store;
    with_issuer(s);
    assert!(s.commit(Vec::new()).unwrap().outcomes.is_empty());
    let before = count_audit(s);
    let mut acts = issuance(1, 1, None, 0);
    acts.push(act("edliyye", 0, Change::RegisterDocument(document(1))));
    acts.push(act("ca", 4, Change::Publish(id(1, 2))));
    let error = s.commit(acts).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotFound);
    assert_eq!(s.certificate(&id(1, 1)).unwrap(), None);
    assert_eq!(s.document(&document(1).locator).unwrap(), None);
    assert_eq!(count_audit(s), before);
}

fn limits(store: Made) {
    let s = &*store;
    let mut large = document(1);
    large.sealed = vec![0; MAX_BLOB];
    done(
        s,
        act("edliyye", 0, Change::RegisterDocument(large.clone())),
    );
    large.sealed.push(0);
    let register = act("edliyye", 0, Change::RegisterDocument(large));
    refused(
        s,
        register,
        StoreErrorKind::Value,
        &["sealed box", "1048577"],
    );
    let mut wordy = act("edliyye", 0, Change::RegisterDocument(document(2)));
    wordy.why = "x".repeat(MAX_WHY + 1);
    refused(s, wordy.clone(), StoreErrorKind::Value, &["4097"]);
    wordy.why.pop();
    done(s, wordy);
    let mut null = act("edliyye", 0, Change::RegisterDocument(document(3)));
    null.why = "a\0b".to_owned();
    refused(s, null, StoreErrorKind::Value, &["U+0000"]);
    let mut silent = act("officer", 0, Change::Restore(id(1, 1)));
    silent.why = " ".to_owned();
    refused(s, silent, StoreErrorKind::Value, &["must be given"]);
    let mut nameless = holder(1, " ");
    nameless.identity = holder(1, "").identity;
    refused(
        s,
        act("r", 0, Change::RecordHolder(nameless)),
        StoreErrorKind::Value,
        &["names"],
    );
    // Every letter of both names grows when it is folded.
    let mut growing = holder(9, &"ȺȾ".repeat(256));
    if let Identity::Natural { given_name, .. } = &mut growing.identity {
        *given_name = "ȾȺ".repeat(256);
    }
    done(s, act("r", 0, Change::RecordHolder(growing.clone())));
    assert_eq!(s.holders_named(&"ⱥⱦ".repeat(300), 9).unwrap(), []);
    assert_eq!(s.holders_named(&"ȺȾ".repeat(200), 9).unwrap(), [growing]);
    // The longest name; letters that fold to longer ones are counted as they are given.
    done(
        s,
        act("r", 0, Change::RecordHolder(holder(1, &"x".repeat(1024)))),
    );
    refused(
        s,
        act("r", 0, Change::RecordHolder(holder(2, &"x".repeat(1025)))),
        StoreErrorKind::Value,
        &["1 to 1024", "1025"],
    );
    let receive = |n| {
        let request = request(n, None, Approval::Others(1));
        act("r", 0, Change::ReceiveRequest(request))
    };
    let rows = u32::try_from(MAX_ROWS).unwrap();
    s.commit((0..=rows).map(receive).collect()).unwrap();
    let listed = |after: Option<&_>, limit| {
        let all = s.requests(RequestStatus::Pending, after, limit).unwrap();
        all.iter().map(|r| r.request.id).collect::<Vec<_>>()
    };
    let first = listed(None, usize::MAX);
    assert_eq!(first.len(), MAX_ROWS);
    assert_eq!(listed(first.last(), usize::MAX).len(), 1);
    let register = |n| act("edliyye", 0, Change::RegisterDocument(document(n)));
    let mut batch: Vec<_> = (10..).take(MAX_BATCH).map(register).collect();
    assert_eq!(s.commit(batch.clone()).unwrap().outcomes.len(), MAX_BATCH);
    batch.push(register(5));
    assert_eq!(s.commit(batch).unwrap_err().kind(), StoreErrorKind::Value);
}

fn audit(store: Made) {
    let s = &*store;
    with_issuer(s);
    done(
        s,
        act("registrar", 5, Change::RecordHolder(holder(1, "Əliyev"))),
    );
    let receipt = s.commit(issuance(1, 1, None, 0)).unwrap();
    let mut entries = Vec::new();
    s.visit_audit(0, &mut |entry| {
        entries.push(entry);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(entries.len(), 6);
    let of = |outcome: &Outcome| match outcome {
        Outcome::Done { audit } => *audit,
        Outcome::AlreadyDone => 0,
    };
    let last = &entries[5];
    assert_eq!(last.id, of(receipt.outcomes.last().unwrap()));
    assert_eq!(
        (last.kind.as_str(), last.by.as_str()),
        ("certificate.publish", "ca")
    );
    assert_eq!(
        (last.at.seconds(), last.why.as_str()),
        (NOON + 3, "for the test")
    );
    let intent: serde_json::Value = serde_json::from_str(&entries[3].body).unwrap();
    assert_eq!(intent["certificate"]["serial"], "01");
    assert_eq!(intent["tbs"], Digest::of(&tbs(1, b"rest")).to_string());
    // No personal data in the log.
    assert!(entries.iter().all(|entry| !entry.body.contains("Əliyev")));
    assert!(entries.iter().all(|entry| !entry.body.contains("PNOAZ")));
    let mut later = Vec::new();
    s.visit_audit(entries[3].id, &mut |entry| {
        later.push(entry);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(later, entries[4..]);
    s.check().unwrap();
}

/// Many callers at once: each gets his own verdict, and of those that exclude each other one wins.
fn threads(store: Made) {
    let s = &*store;
    with_issuer(s);
    let results: Vec<Result<Outcome, StoreError>> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..8u64)
            .map(|thread| {
                scope.spawn(move || {
                    let mut results = Vec::new();
                    for n in 1..=40 {
                        let own = act("a", 0, Change::RegisterDocument(document(thread << 32 | n)));
                        done(s, own);
                        let issuer = KeyId([1; 32]);
                        let reserve = Change::ReserveCrlNumber {
                            issuer,
                            shard: 0,
                            number: n,
                        };
                        results.push(one(s, act("crl", 0, reserve)));
                    }
                    results
                })
            })
            .collect();
        handles
            .into_iter()
            .flat_map(|handle| handle.join().unwrap())
            .collect()
    });
    let won: BTreeSet<u64> = results
        .iter()
        .filter_map(|result| match result {
            Ok(Outcome::Done { audit }) => Some(*audit),
            _ => None,
        })
        .collect();
    let lost = results.iter().filter(|result| {
        result
            .as_ref()
            .is_err_and(|error| error.kind() == StoreErrorKind::Order)
    });
    assert_eq!(won.len() + lost.count(), 320);
    assert!(!won.is_empty() && won.len() <= 40);
    assert_eq!(s.latest_crl_number(&KeyId([1; 32]), 0).unwrap(), Some(40));
    assert_eq!(count_audit(s), 1 + 320 + won.len());
    s.check().unwrap();
}

/// Leases: one holder at a time, by the database's clock, and fenced.
pub fn lease_suite<S: Store + 'static>(make: impl Fn() -> Arc<S>) {
    println!("store suite: leases");
    leases(&*make());
    println!("store suite: fences");
    fences(make());
    println!("store suite: lists");
    kept_lists(&*make());
}

const LONG: u32 = 60_000;

fn leases(s: &dyn Store) {
    let (a, b) = ([1; 16], [2; 16]);
    assert_eq!(s.take_lease(LeaseName::Lists, &a, LONG).unwrap(), Some(1));
    assert_eq!(s.take_lease(LeaseName::Lists, &b, LONG).unwrap(), None);
    // To take it again is to renew it; another lease is another's.
    assert_eq!(s.take_lease(LeaseName::Lists, &a, 300).unwrap(), Some(1));
    assert_eq!(s.take_lease(LeaseName::Log, &b, LONG).unwrap(), Some(1));
    assert_eq!(s.take_lease(LeaseName::Log, &a, LONG).unwrap(), None);
    std::thread::sleep(Duration::from_millis(350));
    // Over: whoever comes is the next holder, the former one too.
    assert_eq!(s.take_lease(LeaseName::Lists, &a, 300).unwrap(), Some(2));
    std::thread::sleep(Duration::from_millis(350));
    assert_eq!(s.take_lease(LeaseName::Lists, &b, LONG).unwrap(), Some(3));
    assert_eq!(s.take_lease(LeaseName::Lists, &a, LONG).unwrap(), None);
}

fn fences<S: Store + 'static>(store: Arc<S>) {
    let s = &*store;
    done(s, act("admin", 0, Change::AddIssuer(issuer(1))));
    let number = |number| {
        let issuer = KeyId([1; 32]);
        vec![act(
            "status",
            0,
            Change::ReserveCrlNumber {
                issuer,
                shard: 0,
                number,
            },
        )]
    };
    let lasts = Duration::from_millis(600);
    let hold = |n| Lease::new(store.clone(), LeaseName::Lists, [n; 16], lasts);
    let (first, second) = (hold(1), hold(2));
    let fence = first.fence().unwrap().unwrap();
    assert_eq!((fence.lease(), fence.epoch()), (LeaseName::Lists, 1));
    assert_eq!(second.fence().unwrap(), None);
    s.commit_under(&fence, number(1)).unwrap();
    // Renewed while it is used.
    for _ in 0..6 {
        std::thread::sleep(lasts / 3);
        assert_eq!(first.fence().unwrap(), Some(fence));
    }
    assert_eq!(second.fence().unwrap(), None);
    // Paused beyond its end: nothing more is written with it, whether or not another took it.
    std::thread::sleep(lasts * 2);
    let error = s.commit_under(&fence, number(2)).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Fenced, "{error}");
    assert!(error.is_refusal());
    let next = second.fence().unwrap().unwrap();
    assert_eq!(next.epoch(), 2);
    s.commit_under(&next, number(3)).unwrap();
    let error = s.commit_under(&fence, number(4)).unwrap_err();
    assert!(
        error.to_string().contains("lease lists: epoch 1 is over"),
        "{error}"
    );
    assert_eq!(first.fence().unwrap(), None);
    assert_eq!(
        s.latest_crl_number(&KeyId([1; 32]), 0).unwrap(),
        Some(3),
        "a fenced act was written"
    );
    // Calls that share a transaction do not share its refusal.
    std::thread::scope(|scope| {
        for n in 10..30 {
            let fence = if n % 2 == 0 { &fence } else { &next };
            let _ = second.fence().unwrap();
            scope.spawn(move || {
                let issuer = KeyId([1; 32]);
                let shard = u32::try_from(n).unwrap();
                let change = Change::ReserveCrlNumber {
                    issuer,
                    shard,
                    number: 1,
                };
                let done = s.commit_under(fence, vec![act("status", 0, change)]);
                assert_eq!(done.is_ok(), n % 2 == 1, "{done:?}");
            });
        }
    });
    // Given back, it is free at once.
    second.release().unwrap();
    assert_eq!(first.fence().unwrap().unwrap().epoch(), 3);
    let error = s.commit_under(&next, number(5)).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Fenced);
}

fn kept_lists(s: &dyn Store) {
    done(s, act("admin", 0, Change::AddIssuer(issuer(1))));
    let published = |number, octets: &[u8]| {
        let list = Crl {
            digest: Digest::of(octets),
            ..crl(1, number)
        };
        let reserve = Change::ReserveCrlNumber {
            issuer: list.issuer,
            shard: 0,
            number,
        };
        done(s, act("status", 0, reserve));
        s.keep_list(&list, octets).unwrap();
        s.keep_list(&list, octets).unwrap();
        done(s, act("status", 0, Change::PublishCrl(list.clone())));
        list
    };
    // Longer than one part.
    let long = vec![7; MAX_BLOB * 2 + 5];
    let first = published(1, &long);
    assert_eq!(s.kept_list(&first).unwrap(), Some(long));
    let second = published(2, b"second");
    assert_eq!(
        s.kept_list(&second).unwrap().as_deref(),
        Some(&b"second"[..])
    );
    // What is kept beside another's digest is not it.
    let other = Crl {
        digest: Digest([0; 32]),
        ..second.clone()
    };
    assert_eq!(s.kept_list(&other).unwrap(), None);
    assert_eq!(s.kept_list(&crl(1, 9)).unwrap(), None);
    // Those before the newest published one are dropped in time.
    let third = published(3, b"third");
    assert_eq!(s.kept_list(&first).unwrap(), None);
    assert_eq!(s.kept_list(&third).unwrap().as_deref(), Some(&b"third"[..]));
    assert_eq!(s.latest_delta(&KeyId([1; 32]), 0).unwrap(), None);
    let delta = Crl {
        kind: CrlKind::Delta { base: 3 },
        ..crl(1, 4)
    };
    let reserve = Change::ReserveCrlNumber {
        issuer: delta.issuer,
        shard: 0,
        number: 4,
    };
    done(s, act("status", 0, reserve));
    done(s, act("status", 0, Change::PublishCrl(delta.clone())));
    assert_eq!(s.latest_delta(&KeyId([1; 32]), 0).unwrap(), Some(delta));
    assert_eq!(s.latest_crl(&KeyId([1; 32]), 0).unwrap(), Some(third));
}

/// Places and heads of the signed log.
pub fn log_suite<S: Store + LogStore + 'static>(make: impl Fn() -> Arc<S>) {
    println!("store suite: log");
    log(make());
}

fn log<S: Store + LogStore + 'static>(store: Arc<S>) {
    for n in 0..5 {
        done(&*store, act("x", 0, Change::RegisterDocument(document(n))));
    }
    heads(store.clone(), &*store, [1, 2, 3, 4, 5]);
}

/// A log over five entries of these numbers.
fn heads<S: Store + 'static, E: Entry>(store: Arc<S>, s: &dyn LogStore<E>, ids: [u64; 5]) {
    let [first, second, third, fourth, fifth] = ids;
    let head = |size, n| LogHead {
        size,
        root: esign_core::log::Hash([n; 32]),
        at: time(1),
        note: None,
    };
    let waiting = |after| {
        let mut ids = Vec::new();
        s.visit_unsequenced(after, &mut |entry| {
            ids.push(entry.id());
            ControlFlow::Continue(())
        })
        .unwrap();
        ids
    };
    assert_eq!(
        (s.last_sequenced().unwrap(), s.latest_head().unwrap()),
        (None, None)
    );
    assert_eq!(waiting(0), ids);
    assert_eq!(waiting(second), [third, fourth, fifth]);
    s.sequence(None, 0, vec![second, first, third], head(3, 1))
        .unwrap();
    assert_eq!(waiting(0), [fourth, fifth]);
    assert_eq!(s.last_sequenced().unwrap(), Some(third));
    // Somebody else was quicker; an entry twice; an entry that is not there.
    for (from, ids) in [(0, vec![fourth]), (3, vec![third]), (3, vec![99])] {
        let error = s.sequence(None, from, ids, head(4, 2)).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Conflict, "{error}");
    }
    assert_eq!(waiting(0), [fourth, fifth]);
    let mut places = Vec::new();
    s.visit_sequenced(1, &mut |place| {
        assert_eq!(place.entry.as_ref().map(Entry::id), Some(place.id));
        places.push((place.index, place.id));
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(places, [(1, first), (2, third)]);
    assert_eq!(s.signed_head().unwrap(), None);
    assert_eq!(s.latest_head().unwrap(), Some(head(3, 1)));
    s.sign_head(None, 3, "note").unwrap();
    s.sign_head(None, 3, "note").unwrap();
    let error = s.sign_head(None, 3, "other").unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Conflict, "{error}");
    let error = s.sign_head(None, 4, "note").unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotFound, "{error}");
    assert_eq!(
        s.signed_head().unwrap().unwrap().note.as_deref(),
        Some("note")
    );
    let said = [
        Attestation::Cosignature("— w x".to_owned()),
        Attestation::TimeStamp(noise(6000)),
    ];
    for one in said.iter().chain(&said) {
        s.attest(3, one).unwrap();
    }
    assert_eq!(s.attestations(3).unwrap(), said);
    assert_eq!(
        s.attest(4, &said[0]).unwrap_err().kind(),
        StoreErrorKind::NotFound
    );
    // Under a lease, and after it.
    let lease = Lease::new(
        store.clone(),
        LeaseName::Log,
        [1; 16],
        Duration::from_millis(400),
    );
    let fence = lease.fence().unwrap();
    assert!(fence.is_some());
    s.sequence(fence.as_ref(), 3, vec![fourth], head(4, 2))
        .unwrap();
    std::thread::sleep(Duration::from_millis(450));
    let late = s.sequence(fence.as_ref(), 4, vec![fifth], head(5, 3));
    assert_eq!(late.unwrap_err().kind(), StoreErrorKind::Fenced);
    let late = s.sign_head(fence.as_ref(), 4, "note");
    assert_eq!(late.unwrap_err().kind(), StoreErrorKind::Fenced);
    assert_eq!(waiting(0), [fifth]);
    assert_eq!(s.signed_head().unwrap().unwrap().size, 3);
}
