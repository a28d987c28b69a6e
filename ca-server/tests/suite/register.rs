//! Leaves of documents and the register's log, whatever the database.

use std::ops::ControlFlow;
use std::sync::Arc;

use ca_server::acts::{Act, Change};
use ca_server::ids::{Digest, IdempotencyKey, Name};
use ca_server::records::{DocumentStatus, NewLeaf};
use ca_server::store::{
    DocumentLeaf, Leaf, LogHead, LogStore, Outcome, RegisterLog, RegisterStore, StoreErrorKind,
};

use super::data::{act, document, time};
use super::{heads, refused};

/// Runs what the register asks of a store; `make` gives an empty one each time.
pub fn register_suite<S: RegisterStore + 'static>(make: impl Fn() -> Arc<S>)
where
    RegisterLog<S>: LogStore<Leaf>,
{
    println!("store suite: leaves");
    leaves(make());
    println!("store suite: the register's log");
    let store = make();
    for n in 0..5 {
        store.commit(registration(n)).unwrap();
    }
    heads(store.clone(), &RegisterLog(store), [2, 4, 6, 8, 10]);
    println!("store suite: documents by query");
    queries(make());
}

fn leaf(n: u64, version: u32) -> NewLeaf {
    NewLeaf {
        locator: document(n).locator,
        version,
        octets: vec![u8::try_from(n).unwrap(), u8::try_from(version).unwrap(), 7],
        detail: (version > 1).then(|| vec![9; 3000]),
    }
}

fn registration(n: u64) -> Vec<Act> {
    vec![
        act("edliyye", 0, Change::RegisterDocument(document(n))),
        act("edliyye", 0, Change::LogDocument(leaf(n, 1))),
    ]
}

fn change(n: u64, from_version: u32, status: DocumentStatus) -> Vec<Act> {
    vec![
        act(
            "edliyye",
            1,
            Change::ChangeDocument {
                locator: document(n).locator,
                from_version,
                status,
            },
        ),
        act("edliyye", 1, Change::LogDocument(leaf(n, from_version + 1))),
    ]
}

fn leaves<S: RegisterStore + 'static>(store: Arc<S>)
where
    RegisterLog<S>: LogStore<Leaf>,
{
    let s = &*store;
    let log = RegisterLog(store.clone());
    // Without its document there is none.
    let only = act("edliyye", 0, Change::LogDocument(leaf(1, 1)));
    refused(s, only.clone(), StoreErrorKind::NotFound, &["leaf 1"]);
    s.commit(registration(1)).unwrap();
    // The same again writes nothing; other contents, and another version, are refused.
    let again = s.commit(registration(1)).unwrap();
    assert_eq!(again.outcomes, [Outcome::AlreadyDone; 2]);
    let other = NewLeaf {
        octets: vec![8],
        ..leaf(1, 1)
    };
    let other = act("edliyye", 0, Change::LogDocument(other));
    refused(s, other, StoreErrorKind::Conflict, &["other contents"]);
    let ahead = act("edliyye", 0, Change::LogDocument(leaf(1, 2)));
    refused(s, ahead, StoreErrorKind::Order, &["version 1"]);
    // All or nothing: a leaf that is refused takes its document with it.
    let mut half = registration(2);
    half[1] = act("edliyye", 0, Change::LogDocument(leaf(2, 3)));
    s.commit(half).unwrap_err();
    assert_eq!(s.document(&document(2).locator).unwrap(), None);
    s.commit(change(1, 1, DocumentStatus::Suspended)).unwrap();
    let expected = |n, version, index| {
        let leaf = leaf(n, version);
        DocumentLeaf {
            version,
            octets: leaf.octets,
            detail: leaf.detail,
            index,
        }
    };
    let locator = document(1).locator;
    assert_eq!(
        s.leaves(&locator).unwrap(),
        [expected(1, 1, None), expected(1, 2, None)]
    );
    let mut waiting = Vec::new();
    log.visit_unsequenced(0, &mut |leaf| {
        waiting.push(leaf);
        ControlFlow::Continue(())
    })
    .unwrap();
    let octets: Vec<_> = waiting.iter().map(|leaf| leaf.octets.as_slice()).collect();
    assert_eq!(octets, [[1, 1, 7], [1, 2, 7]]);
    let ids = waiting.iter().map(|leaf| leaf.id).collect();
    log.sequence(None, 0, ids, head(2)).unwrap();
    assert_eq!(
        s.leaves(&locator).unwrap(),
        [expected(1, 1, Some(0)), expected(1, 2, Some(1))]
    );
    // The audit's log is another one.
    assert_eq!(LogStore::latest_head(&log).unwrap().unwrap().size, 2);
    s.check().unwrap();
    let mut limit = leaf(1, 3);
    limit.octets = vec![0; 65_536];
    let limit = act("edliyye", 0, Change::LogDocument(limit));
    refused(s, limit, StoreErrorKind::Value, &["65536"]);
}

fn head(size: u64) -> LogHead {
    LogHead {
        size,
        root: esign_core::log::Hash([1; 32]),
        at: time(1),
        note: None,
    }
}

fn queries<S: RegisterStore + 'static>(store: Arc<S>)
where
    RegisterLog<S>: LogStore<Leaf>,
{
    let s = &*store;
    let log = RegisterLog(store.clone());
    for n in 0..4 {
        s.commit(registration(n)).unwrap();
    }
    log.sequence(None, 0, vec![2, 4, 6], head(3)).unwrap();
    let document = |n| s.document(&document(n).locator).unwrap().unwrap();
    let first = document(0).document;
    let of_key = |issuer: &Name, key| s.document_of_key(issuer, key).unwrap();
    assert_eq!(
        of_key(&first.issuer, &first.idempotency_key),
        Some(document(0))
    );
    assert_eq!(of_key(&first.issuer, &IdempotencyKey([0xee; 16])), None);
    let stranger = Name::new("stranger").unwrap();
    assert_eq!(of_key(&stranger, &first.idempotency_key), None);
    let since = |issuer: &Name, from| {
        let mut found = Vec::new();
        s.visit_issued(issuer, from, &mut |record| {
            found.push(record);
            ControlFlow::Continue(())
        })
        .unwrap();
        found
    };
    assert_eq!(since(&first.issuer, 2), [document(2), document(3)]);
    assert_eq!(since(&first.issuer, 0).len(), 4);
    assert_eq!(since(&stranger, 0), []);
    let listed = || {
        let mut found = Vec::new();
        s.visit_listed(&mut |record| {
            found.push(record.document.locator);
            ControlFlow::Continue(())
        })
        .unwrap();
        found
    };
    assert_eq!(listed(), []);
    let successor = Digest([7; 32]);
    s.commit(change(1, 1, DocumentStatus::Superseded { successor }))
        .unwrap();
    s.commit(change(2, 1, DocumentStatus::Suspended)).unwrap();
    s.commit(change(2, 2, DocumentStatus::InForce)).unwrap();
    assert_eq!(listed(), [document(1).document.locator]);
}
