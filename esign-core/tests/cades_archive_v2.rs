//! Archive-time-stamps without an index, and the material in attributes that they are over (rules 22
//! and 61). What is stamped is put together here octet by octet, not by the code that is tested.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod support;

use esign_core::cades::{self, Input};
use esign_core::crl::Crl;
use esign_core::der::{Reader, Rules, Tag};
use esign_core::keys::{DigestAlgorithm, Hasher};
use esign_core::oid::{self, ObjectIdentifier};
use esign_core::report::{Finding, SubIndication};
use esign_core::source::ReadAt;
use esign_core::validation::{Covered, Signature, TimestampKind};
use support::world::{Holder, P256, Use};
use support::{Forge, Signer, attribute, encode};

const CONTENT: &[u8] = b"the content";
const MADE: &str = "2026-11-22T10:00:00Z";
const LATER: &str = "2026-11-22T11:00:00Z";

struct World {
    signer: Signer,
    root: Holder,
    authority: Holder,
}

impl World {
    fn new() -> Self {
        let root = Holder::root("CN=SINAQ", "2020-01-01", "2040-01-01");
        let authority = root.issue("CN=TSA", P256, "2020-01-01", "2040-01-01", Use::Stamping);
        Self {
            signer: Signer::p256(),
            root,
            authority,
        }
    }

    fn stamp(&self, octets: &[u8], at: &str) -> Vec<u8> {
        let digest = Hasher::digest(DigestAlgorithm::Sha256, octets);
        self.authority.stamp(&digest, at)
    }
}

/// A message in pieces, each as it stands in the file.
#[derive(Clone)]
struct Pieces {
    encapsulated: Vec<u8>,
    detached: bool,
    sets: Vec<u8>,
    /// The elements of the signer's part before its unsigned attributes.
    signer: Vec<u8>,
    /// In the order of the file.
    unsigned: Vec<Vec<u8>>,
    /// Whether lengths are indefinite wherever they may be.
    ber: bool,
}

fn wrapped(tag: u8, octets: &[u8], ber: bool) -> Vec<u8> {
    if ber {
        return [&[tag, 0x80], octets, &[0, 0]].concat();
    }
    encode(|w| w.tlv(Tag(tag), octets))
}

impl Pieces {
    fn new(world: &World, detached: bool, ber: bool) -> Self {
        let forge = Forge::new(&world.signer, CONTENT);
        let info = forge.signer_info(&world.signer);
        let info = Reader::new(&info, Rules::Der).any("").unwrap();
        let kind = encode(|w| w.oid(oid::DATA));
        let content = match (detached, ber) {
            (true, _) => Vec::new(),
            (false, false) => wrapped(0xa0, &encode(|w| w.octets(CONTENT)), false),
            (false, true) => {
                let halves = [&CONTENT[..4], &CONTENT[4..]];
                let halves: Vec<u8> = halves
                    .iter()
                    .flat_map(|h| encode(|w| w.octets(h)))
                    .collect();
                wrapped(0xa0, &wrapped(0x24, &halves, true), true)
            }
        };
        let list = world.root.crl("2026-11-01", "2026-12-01", &[]);
        Self {
            encapsulated: wrapped(0x30, &[kind, content].concat(), ber),
            detached,
            sets: [
                wrapped(0xa0, world.signer.certificate.der(), ber),
                wrapped(0xa1, list.der(), ber),
            ]
            .concat(),
            signer: info.value.to_vec(),
            unsigned: Vec::new(),
            ber,
        }
    }

    fn message(&self) -> Vec<u8> {
        let unsigned = wrapped(0xa1, &self.unsigned.concat(), self.ber);
        let unsigned = if self.unsigned.is_empty() {
            Vec::new()
        } else {
            unsigned
        };
        let info = wrapped(0x30, &[&self.signer[..], &unsigned].concat(), self.ber);
        let algorithm = encode(|w| DigestAlgorithm::Sha256.encode(w));
        let data = [
            encode(|w| w.u32(1)),
            wrapped(0x31, &algorithm, self.ber),
            self.encapsulated.clone(),
            self.sets.clone(),
            wrapped(0x31, &info, self.ber),
        ]
        .concat();
        let data = wrapped(0xa0, &wrapped(0x30, &data, self.ber), self.ber);
        wrapped(
            0x30,
            &[encode(|w| w.oid(oid::SIGNED_DATA)), data].concat(),
            self.ber,
        )
    }

    /// What a time-stamp made now is over.
    fn stamped(&self, element: bool) -> Vec<u8> {
        let outside = if self.detached { CONTENT } else { &[] };
        let unsigned = self.unsigned.concat();
        let unsigned = if element && !unsigned.is_empty() {
            wrapped(0xa1, &unsigned, false)
        } else {
            unsigned
        };
        [
            &self.encapsulated[..],
            outside,
            &self.sets,
            &self.signer,
            &unsigned,
        ]
        .concat()
    }

    fn add(&mut self, oid: ObjectIdentifier, value: Vec<u8>) {
        self.unsigned.push(attribute(oid, &[value]));
    }

    fn read(&self) -> Signature {
        let (message, content) = (self.message(), CONTENT.to_vec());
        let input = Input {
            message: &message,
            detached: self.detached.then_some(&content as &dyn ReadAt),
        };
        cades::prepare(&input).unwrap().remove(0)
    }
}

/// Of each time-stamp by the second form: what decides against it.
fn why(signature: &Signature) -> Vec<Option<SubIndication>> {
    let old = signature.timestamps.iter();
    let old = old.filter(|t| t.kind == TimestampKind::ArchiveV2);
    old.map(|t| {
        let report = t.verify(&[]).report;
        Finding::decisive(&report).and_then(|f| f.sub_indication)
    })
    .collect()
}

#[test]
fn every_form_is_read_as_it_was_stamped() {
    let world = World::new();
    for detached in [false, true] {
        for ber in [false, true] {
            for element in [false, true] {
                for oid in [oid::ARCHIVE_TIME_STAMP_V2, oid::ARCHIVE_TIME_STAMP] {
                    let what = format!("detached {detached}, BER {ber}, element {element}, {oid}");
                    let mut pieces = Pieces::new(&world, detached, ber);
                    // Not in the order of DER, as some software leaves them.
                    pieces.add(oid::SIGNATURE_TIME_STAMP, world.stamp(b"copied", MADE));
                    pieces.add(oid::CERTIFICATE_VALUES, encode(|w| w.sequence(|_| {})));
                    let first = world.stamp(&pieces.stamped(element), MADE);
                    pieces.add(oid, first);
                    assert_eq!(why(&pieces.read()), [None], "{what}");
                    // Renewed: over the first, which stays as it is.
                    let second = world.stamp(&pieces.stamped(element), LATER);
                    pieces.unsigned.insert(0, attribute(oid, &[second]));
                    let both = pieces.read();
                    // In front now, so that the file's order is not what counts.
                    let mut renewed = pieces.clone();
                    renewed.unsigned.rotate_left(1);
                    assert_eq!(why(&both), [None, None], "{what}");
                    assert_eq!(why(&renewed.read()), [None, None], "{what}");
                    let covers =
                        |n: usize| both.timestamps[n].covers.contains(&Covered::Timestamp(2));
                    assert!(covers(0) && !covers(2), "{what}");
                    let form = |f: &Finding| f.rule == "cades.archive-time-stamp.form";
                    let remarked = both.timestamps[0].findings.iter().any(form);
                    assert_eq!(remarked, !element, "{what}");
                }
            }
        }
    }
}

#[test]
fn what_was_changed_afterwards_fails() {
    let world = World::new();
    let mut right = Pieces::new(&world, true, false);
    right.add(oid::SIGNATURE_TIME_STAMP, world.stamp(b"x", MADE));
    right.add(oid::CERTIFICATE_VALUES, encode(|w| w.sequence(|_| {})));
    let stamp = world.stamp(&right.stamped(true), MADE);
    right.add(oid::ARCHIVE_TIME_STAMP_V2, stamp);
    assert_eq!(why(&right.read()), [None]);
    let changed = |change: &dyn Fn(&mut Pieces)| {
        let mut pieces = right.clone();
        change(&mut pieces);
        why(&pieces.read())
    };
    let failed = [Some(SubIndication::HashFailure)];
    let list = world.root.crl("2026-11-02", "2026-12-02", &[]);
    let other = wrapped(0xa1, list.der(), false);
    let without = wrapped(0xa0, world.signer.certificate.der(), false);
    for (name, found) in [
        (
            "another list",
            changed(&|p| p.sets = [&without[..], &other].concat()),
        ),
        ("list removed", changed(&|p| p.sets.clone_from(&without))),
        ("order", changed(&|p| p.unsigned.swap(0, 1))),
        (
            "attribute removed",
            changed(&|p| drop(p.unsigned.remove(0))),
        ),
        (
            "attribute added",
            changed(&|p| p.add(oid::MIME_TYPE, vec![5, 0])),
        ),
        (
            "type of content",
            changed(&|p| {
                let kind = encode(|w| w.oid(oid::TST_INFO));
                p.encapsulated = wrapped(0x30, &kind, false);
            }),
        ),
    ] {
        assert_eq!(found, failed, "{name}");
    }
    // Without the content there is nothing to hold it against.
    let message = right.message();
    let input = Input {
        message: &message,
        detached: None,
    };
    let found = cades::prepare(&input).unwrap().remove(0);
    assert_eq!(why(&found), [Some(SubIndication::SignedDataNotFound)]);
}

/// RFC 3126: contents in a fixed order, the certificates and lists of the message left out.
#[test]
fn the_first_form_has_its_own_octets() {
    let world = World::new();
    let mut pieces = Pieces::new(&world, true, false);
    let values = encode(|w| w.sequence(|_| {}));
    pieces.add(oid::CERTIFICATE_VALUES, values);
    pieces.add(oid::SIGNATURE_TIME_STAMP, world.stamp(b"x", MADE));
    let mut stamped = CONTENT.to_vec();
    let mut fields = Reader::new(&pieces.signer, Rules::Der);
    while !fields.is_empty() {
        let field = fields.any("").unwrap();
        if [Tag::constructed(0), Tag::OCTET_STRING].contains(&field.tag) {
            stamped.extend(field.value);
        }
    }
    for n in [1, 0] {
        let attribute = Reader::new(&pieces.unsigned[n], Rules::Der)
            .any("")
            .unwrap();
        stamped.extend(attribute.value);
    }
    let stamp = world.stamp(&stamped, MADE);
    let mut second = pieces.clone();
    pieces.add(oid::ARCHIVE_TIME_STAMP, stamp.clone());
    let found = pieces.read();
    assert_eq!(why(&found), [None]);
    // No proof for what it is not over.
    let stores = found.timestamps.iter().flat_map(|t| &t.covers);
    assert!(!stores.into_iter().any(|c| matches!(c, Covered::Store(_))));
    // The second form has these octets never.
    second.add(oid::ARCHIVE_TIME_STAMP_V2, stamp);
    assert_eq!(why(&second.read()), [Some(SubIndication::HashFailure)]);
}

fn revocation(list: &Crl) -> Vec<u8> {
    let lists = wrapped(0x30, list.der(), false);
    wrapped(0x30, &wrapped(0xa0, &lists, false), false)
}

fn certificate_refs(digests: &[Vec<u8>]) -> Vec<u8> {
    encode(|w| {
        w.sequence(|w| {
            for digest in digests {
                w.sequence(|w| w.octets(digest));
            }
        });
    })
}

#[test]
fn values_are_evidence_and_references_are_held_against_them() {
    let world = World::new();
    let list = world.root.crl("2026-11-03", "2026-12-03", &[]);
    let root = &world.root.certificate;
    let sha1 = |der: &[u8]| {
        Hasher::digest(DigestAlgorithm::Sha1, der)
            .as_bytes()
            .to_vec()
    };
    let mut pieces = Pieces::new(&world, true, false);
    pieces.add(oid::CERTIFICATE_VALUES, wrapped(0x30, root.der(), false));
    pieces.add(oid::REVOCATION_VALUES, revocation(&list));
    pieces.add(oid::CERTIFICATE_REFS, certificate_refs(&[sha1(root.der())]));
    let refs = wrapped(0x30, &pieces.unsigned[2][2..], false);
    let refs = Reader::new(&refs, Rules::Der)
        .any("")
        .unwrap()
        .value
        .to_vec();
    pieces.add(oid::CERT_CRL_TIME_STAMP, world.stamp(&refs, MADE));
    let stamp = world.stamp(&pieces.stamped(true), LATER);
    pieces.add(oid::ARCHIVE_TIME_STAMP_V2, stamp);
    let found = pieces.read();
    assert!(found.evidence.certificates().contains(root));
    assert!(found.evidence.crls().iter().any(|c| c.der() == list.der()));
    let told = |s: &Signature, rule: &str| s.format_findings.iter().any(|f| f.rule == rule);
    for rule in [
        "cades.values-unreadable",
        "cades.references-without",
        "cades.references-unreadable",
    ] {
        assert!(!told(&found, rule), "{rule}");
    }
    // The references are stamped by one, the material itself by the other.
    let named = Hasher::digest(DigestAlgorithm::Sha1, root.der());
    assert_eq!(found.timestamps[0].covers, [Covered::Evidence(named)]);
    assert_eq!(why(&found), [None]);
    let inside = |digest: [u8; 32]| {
        let covers = found.timestamps[1].covers.iter();
        let mut stores = covers.filter_map(|c| match c {
            Covered::Store(s) => Some(s),
            _ => None,
        });
        stores.any(|s| s.contains(&digest))
    };
    assert!(inside(root.sha256()) && inside(list.sha256()));
    assert!(inside(world.signer.certificate.sha256()));

    // A reference without its value, though there are values; one that cannot be read; rubbish.
    let changed = |oid, value: Vec<u8>| {
        let mut pieces = Pieces::new(&world, true, false);
        pieces.add(oid::REVOCATION_VALUES, revocation(&list));
        pieces.add(oid, value);
        pieces.read()
    };
    let lost = changed(oid::CERTIFICATE_REFS, certificate_refs(&[sha1(root.der())]));
    assert!(told(&lost, "cades.references-without"));
    for digests in [vec![vec![1; 19]], vec![vec![1; 20]; 1_001]] {
        let odd = changed(oid::CERTIFICATE_REFS, certificate_refs(&digests));
        assert!(told(&odd, "cades.references-unreadable"));
    }
    for oid in [oid::CERTIFICATE_VALUES, oid::REVOCATION_VALUES] {
        let odd = changed(oid, vec![0x30, 3, 0x30, 1, 5]);
        assert!(told(&odd, "cades.values-unreadable"), "{oid}");
        assert!(odd.evidence.crls().iter().any(|c| c.der() == list.der()));
    }
}

/// Rule 61: Adobe's attribute is signed, and its responses are whole ones.
#[test]
fn adobes_archival_is_evidence_where_it_is_signed() {
    let world = World::new();
    let list = world.root.crl("2026-11-03", "2026-12-03", &[]);
    let forge = Forge::new(&world.signer, CONTENT);
    let mut unsigned = forge.clone();
    unsigned.unsigned = vec![attribute(oid::ADBE_REVOCATION, &[revocation(&list)])];
    let signed = forge.with(oid::ADBE_REVOCATION, &[revocation(&list)]);
    for (forge, expected) in [(signed, 1), (unsigned, 0)] {
        let (message, content) = (forge.message(&world.signer), CONTENT.to_vec());
        let input = Input {
            message: &message,
            detached: Some(&content as &dyn ReadAt),
        };
        let found = cades::prepare(&input).unwrap().remove(0);
        assert_eq!(found.evidence.crls().len(), expected);
    }
}
