//! Renewal and re-keying: who may, of what, for how long; the clock is moved by the test.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected should stop"
)]

mod desk;

use ca_server::ids::Name;
use ca_server::life::{Actor, NewRequest, Renewing, Revocation};
use ca_server::officers::Role;
use ca_server::records::RevocationReason;
use esign_core::cades::{SignatureParameters, sign_enveloping};
use esign_core::keys::{PrivateKey, SigningKey};
use esign_core::time::UnixTime;
use esign_core::x509::SerialNumber;

use desk::{Case, DAY, NOON, actor, aynur, csr, key};

#[track_caller]
fn refused(case: &Case, actor: &Actor, serial: &SerialNumber, how: Renewing<'_>, words: &[&str]) {
    let error = case.life.renew(actor, serial, how, "").unwrap_err();
    let error = error.to_string();
    for word in words {
        assert!(error.contains(word), "{word}: {error}");
    }
}

fn lost(reason: RevocationReason) -> Revocation {
    Revocation {
        reason,
        invalidity_date: None,
    }
}

#[test]
fn the_same_key_goes_on_for_as_long_as_the_profile_lets() {
    let case = Case::new("same-key");
    let own = key();
    let first = case.first(&own);
    let service = |days| actor("service", Role::Client, days);
    let request = case
        .life
        .renew(&service(90), &first, Renewing::SameKey, "")
        .unwrap();
    // While it is open there is no second one, and nobody says that it is about somebody else.
    refused(
        &case,
        &service(90),
        &first,
        Renewing::SameKey,
        &["is being renewed by request"],
    );
    let registrar = actor("registrar", Role::Registrar, 90);
    let error = case.life.vet(&registrar, &request, &aynur(), true);
    assert!(error.unwrap_err().to_string().contains("another identity"));
    // Who vetted the person then may not approve now.
    let vetter = actor("registrar", Role::Approver, 90);
    let error = case.life.approve(&vetter, &request).unwrap_err();
    assert!(error.to_string().contains("vetted by registrar"), "{error}");
    let second = case.issued(request, 90);
    let (old, new) = (case.certificate(&first), case.certificate(&second));
    assert_eq!(old.spki_der(), new.spki_der());
    assert_eq!(old.subject().der(), new.subject().der());
    assert_eq!(new.not_before(), UnixTime::from_seconds(NOON + 90 * DAY));
    // Linked both ways, and found with the holder.
    let record = |serial| case.life.find(serial).unwrap();
    let links = case.life.neighbours(&record(&second)).unwrap();
    assert_eq!(links.former, Some(record(&first).id));
    assert_eq!(links.successor, None);
    let links = case.life.neighbours(&record(&first)).unwrap();
    assert_eq!(links.successor, Some(record(&second).id));
    assert_eq!(record(&first).holder, record(&second).holder);
    let view = case.life.request(&registrar, &request).unwrap();
    assert_eq!(view.vetted_by, Some(Name::new("registrar").unwrap()));
    assert!(view.subject.unwrap().listed);

    refused(
        &case,
        &service(95),
        &first,
        Renewing::SameKey,
        &["was renewed by certificate"],
    );
    // 200 days from the first certificate: another of 100 days would end on day 201.
    refused(
        &case,
        &service(101),
        &second,
        Renewing::SameKey,
        &["may be for 200 days", "ask with a new key"],
    );
    // With a new key it goes on until the vetting is 200 days old, to the second.
    refused(
        &case,
        &Actor {
            at: UnixTime::from_seconds(NOON + 200 * DAY + 1),
            ..service(0)
        },
        &second,
        Renewing::NewKey(&csr(&key())),
        &["was vetted", "counts for 200 days"],
    );
    let again = key();
    let request = case
        .life
        .renew(&service(189), &second, Renewing::NewKey(&csr(&again)), "")
        .unwrap();
    let third = case.issued(request, 189);
    assert_eq!(
        case.certificate(&third).spki_der(),
        again.public_key().spki()
    );
    // The third was certified 189 days after the vetting, and that is what counts.
    refused(
        &case,
        &service(201),
        &third,
        Renewing::NewKey(&csr(&key())),
        &["counts for 200 days"],
    );
}

#[test]
fn what_is_not_good_any_more_is_not_renewed() {
    let case = Case::new("not-good");
    let own = key();
    let first = case.first(&own);
    let officer = |days| actor("officer", Role::RevocationOfficer, days);
    let registrar = |days| actor("registrar", Role::Registrar, days);
    case.life
        .suspend(&officer(1), &first, None, "card mislaid")
        .unwrap();
    for how in [Renewing::SameKey, Renewing::NewKey(&csr(&key()))] {
        refused(&case, &registrar(2), &first, how, &["is suspended"]);
    }
    case.life.restore(&officer(3), &first, "found").unwrap();
    // Over: one second after its last.
    let end = case.certificate(&first).not_after();
    let late = Actor {
        at: end.plus(1),
        ..registrar(0)
    };
    refused(
        &case,
        &late,
        &first,
        Renewing::NewKey(&csr(&key())),
        &["ended"],
    );

    // Revoked between approval and issuance: the renewal goes down with it.
    let request = case
        .life
        .renew(&registrar(4), &first, Renewing::SameKey, "")
        .unwrap();
    let approver = actor("approver", Role::Approver, 4);
    case.life.approve(&approver, &request).unwrap();
    let why = "stolen";
    case.life
        .revoke(
            &officer(5),
            &first,
            lost(RevocationReason::KeyCompromise),
            why,
        )
        .unwrap();
    let error = case
        .life
        .issue(&actor("approver", Role::Approver, 6), &request);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("is revoked for good"), "{error}");
    refused(
        &case,
        &registrar(7),
        &first,
        Renewing::NewKey(&csr(&key())),
        &["is revoked for good"],
    );

    // Nor does another certificate get the key that was compromised.
    let other = key();
    let second = case.first(&other);
    refused(
        &case,
        &registrar(8),
        &second,
        Renewing::NewKey(&csr(&own)),
        &["was compromised"],
    );
    let error = case.life.receive(
        &registrar(8),
        &NewRequest {
            csr: &csr(&own),
            identity: &aynur(),
            profile: "natural-person",
            listed: false,
        },
    );
    let error = error.unwrap_err().to_string();
    assert!(error.contains("was compromised"), "{error}");
    // A successor that was lost is no obstacle to another.
    let request = case
        .life
        .renew(&registrar(8), &second, Renewing::NewKey(&csr(&key())), "")
        .unwrap();
    let third = case.issued(request, 8);
    case.life
        .revoke(&officer(9), &third, lost(RevocationReason::Superseded), why)
        .unwrap();
    let request = case
        .life
        .renew(&registrar(9), &second, Renewing::SameKey, "")
        .unwrap();
    // And one that was refused is none either.
    case.life
        .refuse(&actor("approver", Role::Approver, 9), &request, "not now")
        .unwrap();
    case.life
        .renew(&registrar(9), &second, Renewing::SameKey, "")
        .unwrap();
}

#[test]
fn a_client_renews_his_own_or_what_the_holder_signed() {
    let case = Case::new("holder");
    let own = key();
    let first = case.first(&own);
    let stranger = actor("stranger", Role::Client, 1);
    let new = key();
    let request = csr(&new);
    for how in [Renewing::SameKey, Renewing::NewKey(&request)] {
        refused(&case, &stranger, &first, how, &["its holder has to sign"]);
    }
    refused(
        &case,
        &actor("auditor", Role::Auditor, 1),
        &first,
        Renewing::SameKey,
        &["one must be registrar or client"],
    );
    let signed = |key: &PrivateKey, content: &[u8]| {
        let mut out = Vec::new();
        let parameters = SignatureParameters {
            signing_time: Some(UnixTime::from_seconds(NOON + DAY)),
            ..SignatureParameters::default()
        };
        let certificate = match key.public_key().spki() == own.public_key().spki() {
            true => case.certificate(&first),
            // A key of another certificate, which says that it is this one's.
            false => case.certificate(&case.first(key)),
        };
        sign_enveloping(content, &mut out, key, &certificate, &parameters).unwrap();
        out
    };
    let whole = signed(&own, &request);
    let mut changed = whole.clone();
    let place = changed
        .windows(request.len())
        .position(|part| part == request)
        .unwrap();
    changed[place + request.len() - 1] ^= 1;
    let behind = [whole.as_slice(), &[0]].concat();
    for (message, word) in [
        (changed, "not signed with the key"),
        (behind, "nothing behind it"),
        (signed(&key(), &request), "not signed with the key"),
        (signed(&own, b"no request"), "request:"),
        (request.clone(), "signed request"),
        (Vec::new(), "signed request"),
    ] {
        refused(
            &case,
            &stranger,
            &first,
            Renewing::Signed(&message),
            &[word],
        );
    }
    let made = case
        .life
        .renew(
            &stranger,
            &first,
            Renewing::Signed(&whole),
            "the holder asks",
        )
        .unwrap();
    let second = case.issued(made, 2);
    assert_eq!(
        case.certificate(&second).spki_der(),
        new.public_key().spki()
    );
    // An authority's key is nobody's.
    let issuing = std::fs::read(case.dir.join("keys/issuing.pem")).unwrap();
    let issuing = PrivateKey::from_file(&issuing, None).unwrap();
    refused(
        &case,
        &actor("registrar", Role::Registrar, 3),
        &second,
        Renewing::NewKey(&csr(&issuing)),
        &["an authority of this centre"],
    );
    // The other service's own is his without more.
    case.life
        .renew(&stranger, &second, Renewing::SameKey, "")
        .unwrap();
}

#[test]
fn of_the_end_are_told_who_have_no_other_certificate() {
    let case = Case::new("ends");
    let [first, second, third, fourth] = [(); 4].map(|()| case.first(&key()));
    let officer = |days| actor("officer", Role::RevocationOfficer, days);
    let registrar = actor("registrar", Role::Registrar, 80);
    let renew = |serial| {
        let request = case.life.renew(&registrar, serial, Renewing::SameKey, "");
        case.issued(request.unwrap(), 80)
    };
    // The second has another; that of the third was lost again; the fourth itself was.
    renew(&second);
    let lost_again = renew(&third);
    for serial in [&lost_again, &fourth] {
        let reason = lost(RevocationReason::Superseded);
        case.life
            .revoke(&officer(81), serial, reason, "lost")
            .unwrap();
    }
    let end = case.certificate(&first).not_after();
    let before = |seconds: i64| end.plus(-seconds);
    let from = NOON + 80 * DAY;
    let step = case.life.expiry_notices(from, before(1)).unwrap();
    assert_eq!((step.notices.len(), step.upto), (0, before(1).seconds()));
    let step = case.life.expiry_notices(step.upto, end).unwrap();
    assert_eq!((step.upto, step.more), (end.seconds(), false));
    let mut told: Vec<_> = step
        .notices
        .iter()
        .map(|one| (one.event, SerialNumber::from(&one.serial).to_string()))
        .collect();
    told.sort();
    let mut wanted = [&first, &third].map(|serial| ("certificate.expiring", serial.to_string()));
    wanted.sort();
    assert_eq!(told, wanted);
    assert_eq!(
        case.life.expiry_notices(step.upto, end).unwrap().notices,
        []
    );

    // Acts are told of in their order, each under its own number, from wherever one goes on.
    let all = case.life.notices(0).unwrap();
    assert!(!all.more);
    let events: Vec<_> = all.notices.iter().map(|one| one.event).collect();
    assert_eq!(
        events,
        [
            ["certificate.issued"; 6].as_slice(),
            &["certificate.revoked"; 2]
        ]
        .concat()
    );
    let last = &all.notices[7];
    assert_eq!(last.reason.as_deref(), Some("superseded"));
    let number: i64 = all.notices[5]
        .id
        .strip_prefix("act-")
        .unwrap()
        .parse()
        .unwrap();
    let rest = case.life.notices(number).unwrap();
    assert_eq!(rest.notices, all.notices[6..]);
    assert_eq!(rest.upto, all.upto);
    assert_eq!(case.life.notices(all.upto).unwrap().notices, []);
}
