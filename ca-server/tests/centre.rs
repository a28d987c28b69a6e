//! The whole life of a centre in a folder, and every interruption of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use ca_server::acts::{Act, Change};
use ca_server::centre::{
    Addresses, Authority, Centre, CentreErrorKind, InitOptions, Recovered, Who,
};
use ca_server::ids::{CertificateId, HolderId, KeyId, Locator, Name, RequestId};
use ca_server::officers::Officer;
use ca_server::records::{
    Approval, AuditEntry, CertificateRecord, Crl, DocumentChange, DocumentRecord, Holder, Issuer,
    Request as StoredRequest, RequestRecord, RequestStatus, RevocationReason, Standing,
    StatusChange, StatusEntry, Stop, SubjectRecord,
};
use ca_server::store::sqlite::SqliteStore;
use ca_server::store::{
    CertificateFilter, Fence, LeaseName, Receipt, RequestToIssue, StatusFilter, Store, StoreError,
};
use esign_core::keys::{Curve, KeySpec, Passphrase, PrivateKey, SigningKey};
use esign_core::lint::{self, Kind, Outcome};
use esign_core::time::UnixTime;
use esign_core::x509::{
    Fin, Host, Identity, NameBuilder, NaturalPerson, Organization, OrganizationIdentifier,
    OrganizationScheme, PersonIdentifier, Request, SerialNumber, SubjectKind, Voen,
};

const NOON: &str = "2026-11-22T12:00:00Z";
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("centre-{}-{n}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn centre(&self) -> PathBuf {
        self.0.join("centre")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn who(seconds: i64) -> Who {
    Who {
        by: Name::new("officer").unwrap(),
        at: UnixTime::parse(NOON).unwrap().plus(seconds),
    }
}

fn made(folder: &Folder) -> Centre {
    let options = InitOptions {
        test: true,
        ..InitOptions::new("Trial", "Trial MMC")
    };
    Centre::init(&folder.centre(), &options, None, &who(0)).unwrap()
}

fn key() -> PrivateKey {
    PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap()
}

fn csr(key: &PrivateKey) -> Vec<u8> {
    let name = NameBuilder::parse("CN=ignored,C=XX")
        .unwrap()
        .build()
        .unwrap();
    Request::sign(&name, key).unwrap().der().to_vec()
}

fn aysel() -> Identity {
    Identity::NaturalPerson(NaturalPerson {
        given_name: "Aysel".into(),
        surname: "Əliyeva".into(),
        identifier: PersonIdentifier::Fin(Fin::parse("5ABC123").unwrap()),
        country: "AZ".into(),
        organization: None,
        title: None,
    })
}

fn firm() -> Identity {
    Identity::Organization(Organization {
        common_name: "Arxiv".into(),
        organization: "Sınaq MMC".into(),
        identifier: Some(OrganizationIdentifier {
            scheme: OrganizationScheme::default(),
            voen: Voen::parse("1234567891").unwrap(),
        }),
        country: "AZ".into(),
    })
}

fn approved(centre: &Centre, key: &PrivateKey) -> RequestId {
    let id = centre
        .request(&csr(key), &aysel(), "natural-person", &who(1))
        .unwrap();
    centre.approve(&id, &who(2)).unwrap();
    id
}

fn openssl() -> bool {
    let found = Command::new("openssl").arg("version").output().is_ok();
    if !found {
        println!("openssl is not on PATH: what it says is not asked");
    }
    found
}

fn judged_by_openssl(dir: &Path, leaf: &Path, at: UnixTime) -> String {
    let crls = dir.join("both.pem");
    let read = |name: &str| std::fs::read_to_string(dir.join("crl").join(name)).unwrap();
    std::fs::write(&crls, read("issuing.crl.pem") + &read("root.crl.pem")).unwrap();
    let seconds = at.seconds().to_string();
    let output = Command::new("openssl")
        .args([
            "verify",
            "-x509_strict",
            "-crl_check_all",
            "-attime",
            &seconds,
        ])
        .arg("-CAfile")
        .arg(dir.join("root.pem"))
        .arg("-untrusted")
        .arg(dir.join("issuing.pem"))
        .arg("-CRLfile")
        .arg(&crls)
        .arg(leaf)
        .output()
        .unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn whole_life() {
    let folder = Folder::new();
    let centre = made(&folder);
    let dir = folder.centre();
    #[cfg(unix)]
    for name in ["root.pem", "issuing.pem"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(dir.join("keys").join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let (root, issuing) = (
        centre.certificate(Authority::Root),
        centre.certificate(Authority::Issuing),
    );
    root.verify_signed_by(root.public_key().unwrap()).unwrap();
    issuing
        .verify_signed_by(root.public_key().unwrap())
        .unwrap();
    for one in [root, issuing] {
        assert!(
            one.subject().to_string().contains("SINAQ"),
            "{}",
            one.subject()
        );
    }
    drop(centre);

    let centre = Centre::open(&dir, None).unwrap();
    let person_key = key();
    let person = approved(&centre, &person_key);
    let certificate = centre.issue(&person, &who(3)).unwrap();
    certificate
        .verify_signed_by(centre.certificate(Authority::Issuing).public_key().unwrap())
        .unwrap();
    assert_eq!(certificate.spki_der(), person_key.public_key().spki());
    let subject = certificate.subject().to_string();
    assert!(
        subject.contains("PNOAZ-5ABC123") && subject.contains("SINAQ"),
        "{subject}"
    );
    assert!(!subject.contains("ignored"), "{subject}");
    assert!(certificate.serial().as_bytes().len() >= 14);
    // The same again is the same certificate.
    assert_eq!(
        centre.issue(&person, &who(4)).unwrap().der(),
        certificate.der()
    );

    let seal = centre
        .request(&csr(&key()), &firm(), "legal-person", &who(1))
        .unwrap();
    let error = centre.issue(&seal, &who(2)).unwrap_err();
    assert_eq!(error.kind(), CentreErrorKind::State);
    assert!(error.to_string().contains("pending"), "{error}");
    centre.approve(&seal, &who(2)).unwrap();
    let seal = centre.issue(&seal, &who(3)).unwrap();

    let serial = certificate.serial();
    let leaf = centre.published_at(serial);
    let numbers = |at: i64| {
        let list = centre.crl(Authority::Issuing, &who(at)).unwrap();
        let root = centre.crl(Authority::Root, &who(at)).unwrap();
        assert!(root.is_empty());
        list.verify_signed_by(centre.certificate(Authority::Issuing).public_key().unwrap())
            .unwrap();
        assert_eq!(list.this_update(), who(at).at);
        assert_eq!(list.next_update(), Some(who(at + 24 * 3600).at));
        assert_eq!(
            std::fs::read(dir.join("crl/issuing.crl")).unwrap(),
            list.der()
        );
        list
    };
    let first = numbers(10);
    assert!(first.is_empty());
    if openssl() {
        let said = judged_by_openssl(&dir, &leaf, who(11).at);
        assert!(said.contains(": OK"), "{said}");
    }

    centre.suspend(serial, "lost phone", &who(20)).unwrap();
    let held = numbers(21);
    let entry = held.find(serial).unwrap().unwrap();
    assert_eq!(
        entry.reason,
        Some(esign_core::crl::RevocationReason::CertificateHold)
    );
    assert!(held.number().unwrap() > first.number().unwrap());
    centre.restore(serial, "found", &who(30)).unwrap();
    assert!(numbers(31).is_empty());

    let invalid = who(35).at;
    let revoke = |reason, at| centre.revoke(serial, reason, Some(invalid), "stolen", &who(at));
    revoke(RevocationReason::KeyCompromise, 40).unwrap();
    // The same again changes nothing; another reason is refused.
    revoke(RevocationReason::KeyCompromise, 41).unwrap();
    let error = revoke(RevocationReason::Superseded, 42).unwrap_err();
    assert_eq!(error.kind(), CentreErrorKind::State);
    let error = centre.restore(serial, "please", &who(43)).unwrap_err();
    assert_eq!(error.kind(), CentreErrorKind::State);
    assert!(error.to_string().contains("revoked for good"), "{error}");
    let last = numbers(50);
    assert_eq!(last.len(), 1);
    let entry = last.find(serial).unwrap().unwrap();
    assert_eq!(entry.revocation_date, who(40).at);
    assert_eq!(
        entry.reason,
        Some(esign_core::crl::RevocationReason::KeyCompromise)
    );
    assert_eq!(entry.invalidity_date, Some(invalid));
    assert!(last.find(seal.serial()).unwrap().is_none());
    if openssl() {
        let said = judged_by_openssl(&dir, &leaf, who(51).at);
        assert!(said.contains("certificate revoked"), "{said}");
        let said = judged_by_openssl(&dir, &centre.published_at(seal.serial()), who(51).at);
        assert!(said.contains(": OK"), "{said}");
    }
    // A clock that went back.
    let error = centre.crl(Authority::Issuing, &who(49)).unwrap_err();
    assert!(error.to_string().contains("12:00:50"), "{error}");
    assert!(centre.recover(&who(60)).unwrap().is_empty());
    centre.store().check().unwrap();
    let names: Vec<_> = std::fs::read_dir(dir.join("crl"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 4, "{names:?}");
}

#[test]
fn what_is_refused() {
    let folder = Folder::new();
    let centre = made(&folder);
    let dir = folder.centre();
    let request = |csr: &[u8], identity: &Identity, profile: &str| {
        centre.request(csr, identity, profile, &who(1)).unwrap_err()
    };
    let good = csr(&key());
    let mut forged = good.clone();
    *forged.last_mut().unwrap() ^= 1;
    let error = request(&forged, &aysel(), "natural-person");
    assert_eq!(error.kind(), CentreErrorKind::Request);
    assert!(error.to_string().contains("does not verify"), "{error}");
    assert_eq!(
        request(b"junk", &aysel(), "natural-person").kind(),
        CentreErrorKind::Request
    );
    assert_eq!(
        request(&good, &aysel(), "root").kind(),
        CentreErrorKind::NotFound
    );
    assert_eq!(
        request(&good, &aysel(), "legal-person").kind(),
        CentreErrorKind::Value
    );
    assert_eq!(
        request(&good, &firm(), "natural-person").kind(),
        CentreErrorKind::Value
    );
    let own =
        PrivateKey::from_file(&std::fs::read(dir.join("keys/issuing.pem")).unwrap(), None).unwrap();
    let error = request(&csr(&own), &aysel(), "natural-person");
    assert!(error.to_string().contains("its key is that of"), "{error}");
    assert_eq!(std::fs::read_dir(dir.join("requests")).unwrap().count(), 0);

    // Lint: valid before its issuer is. Nothing was intended, so nothing was signed.
    let id = approved(&centre, &key());
    let error = centre.issue(&id, &who(-5)).unwrap_err();
    assert_eq!(error.kind(), CentreErrorKind::Lint);
    assert!(
        error
            .findings()
            .iter()
            .any(|f| f.rule == "x509.validity.within-issuer"),
        "{error}"
    );
    assert!(
        error.to_string().contains("x509.validity.within-issuer"),
        "{error}"
    );
    assert!(centre.store().open_intents().unwrap().is_empty());
    assert_eq!(std::fs::read_dir(dir.join("certs")).unwrap().count(), 0);

    // What was vetted cannot be changed behind the approval.
    let path = dir.join(format!("requests/{id}.json"));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("Aysel", "Aydan")).unwrap();
    let error = centre.issue(&id, &who(3)).unwrap_err();
    assert!(error.to_string().contains("was changed"), "{error}");
    std::fs::write(&path, text).unwrap();
    centre.refuse(&id, "withdrawn", &who(4)).unwrap();
    let error = centre.issue(&id, &who(5)).unwrap_err();
    assert!(error.to_string().contains("is refused"), "{error}");

    let unknown = SerialNumber::parse_hex("01").unwrap();
    let error = centre.suspend(&unknown, "x", &who(6)).unwrap_err();
    assert_eq!(error.kind(), CentreErrorKind::NotFound);
    let error = Centre::init(&dir, &InitOptions::new("A", "B"), None, &who(0)).unwrap_err();
    assert_eq!(error.kind(), CentreErrorKind::Exists);
    let error = Centre::open(&folder.0, None).unwrap_err();
    assert_eq!(error.kind(), CentreErrorKind::NotFound);
}

#[test]
fn a_second_person_is_not_left_out() {
    let folder = Folder::new();
    let centre = made(&folder);
    let settings = folder.centre().join("centre.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(
        &settings,
        text.replacen("approvals-by-others = 0", "approvals-by-others = 1", 1),
    )
    .unwrap();
    let error = Centre::open(&folder.centre(), None).unwrap_err();
    assert_eq!(error.kind(), CentreErrorKind::SecondPerson);
    std::fs::write(&settings, text).unwrap();
    let request = StoredRequest {
        id: RequestId([7; 16]),
        profile: Name::new("natural-person").unwrap(),
        public_key: key().public_key().spki().to_vec(),
        holder: None,
        former: None,
        approval: Approval::Others(1),
    };
    let act = Act {
        by: who(0).by,
        at: who(0).at,
        why: String::new(),
        change: Change::ReceiveRequest(request),
    };
    centre.store().commit(vec![act]).unwrap();
    let error = Centre::open(&folder.centre(), None).unwrap_err();
    assert_eq!(error.kind(), CentreErrorKind::SecondPerson);
}

#[test]
fn settings_have_limits() {
    let folder = Folder::new();
    drop(made(&folder));
    let path = folder.centre().join("centre.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let opened = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Centre::open(&folder.centre(), None)
            .map(drop)
            .map_err(|e| e.to_string())
    };
    let hours = |n: u32| {
        let rest = text.lines().filter(|l| !l.starts_with("crl-hours"));
        let rest: Vec<&str> = rest.collect();
        format!("crl-hours = {n}\n{}\n", rest.join("\n"))
    };
    for n in [1, 366 * 24] {
        opened(&hours(n)).unwrap();
    }
    for n in [0, 366 * 24 + 1] {
        let error = opened(&hours(n)).unwrap_err();
        let words = format!("crl-hours is {n}, not 1 to 8784");
        assert!(error.contains(&words), "{error}");
    }
    // A comment makes the file as long as is read, and one octet longer.
    let padded = |len: usize| format!("{text}#{}", "x".repeat(len - text.len() - 1));
    opened(&padded(1 << 20)).unwrap();
    let error = opened(&padded((1 << 20) + 1)).unwrap_err();
    assert!(error.contains("larger than 1048576 octets"), "{error}");
}

/// What a centre for trial issues breaks no rule of the linter, not even a SHOULD: every profile, the
/// authorities, the lists.
#[test]
fn everything_issued_is_lint_clean() {
    let folder = Folder::new();
    let mut options = InitOptions::new("Trial", "Trial MMC");
    options.test = true;
    options.identifier = Some(OrganizationIdentifier {
        scheme: OrganizationScheme::default(),
        voen: Voen::parse("1234567891").unwrap(),
    });
    let centre = Centre::init(&folder.centre(), &options, None, &who(0)).unwrap();
    let clean = |what: &str, outcome: &Outcome| {
        let told: Vec<_> = outcome.hits.iter().map(|h| (h.rule.id, &h.facts)).collect();
        assert!(
            told.is_empty(),
            "{what} as {}: {told:?}",
            outcome.kind.name()
        );
    };
    for authority in [Authority::Root, Authority::Issuing] {
        clean(
            "authority",
            &lint::certificate(centre.certificate(authority).der(), None),
        );
        clean(
            "list",
            &lint::crl(centre.crl(authority, &who(1)).unwrap().der()),
        );
    }
    let mut kinds = Vec::new();
    for (n, profile) in centre.settings().profiles.iter().enumerate() {
        let name = &profile.profile.name;
        let who = who(10 + i64::try_from(n).unwrap());
        let identity = match profile.profile.subject {
            SubjectKind::NaturalPerson => aysel(),
            SubjectKind::TlsServer => Identity::Host(Host {
                names: vec!["ca.example".into(), "192.0.2.1".into()],
                organization: "Sınaq MMC".into(),
                country: "AZ".into(),
            }),
            _ => firm(),
        };
        let id = centre.request(&csr(&key()), &identity, name, &who).unwrap();
        centre.approve(&id, &who).unwrap();
        let certificate = centre.issue(&id, &who).unwrap();
        let outcome = lint::certificate(certificate.der(), None);
        clean(name, &outcome);
        kinds.push(outcome.kind);
    }
    assert_eq!(
        kinds,
        [
            Kind::NaturalPerson,
            Kind::LegalPerson,
            Kind::OcspResponder,
            Kind::Tsa,
            Kind::TlsServer,
            Kind::TlsClient
        ]
    );
}

#[test]
fn keys_may_be_encrypted_and_names_that_do_not_fit_leave_nothing() {
    let folder = Folder::new();
    let dir = folder.centre();
    let long = InitOptions::new("x".repeat(200), "B");
    let error = Centre::init(&dir, &long, None, &who(0)).unwrap_err();
    assert_eq!(error.kind(), CentreErrorKind::Value, "{error}");
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0);

    let pass = || Some(Passphrase::new("correct horse".to_owned()));
    let mut options = InitOptions::new("Trial", "Trial MMC");
    options.addresses = Addresses {
        crl: vec!["http://crl.example/issuing.crl".into()],
        root_crl: vec!["http://crl.example/root.crl".into()],
        ca_issuers: vec!["http://crl.example/issuing.cer".into()],
        ..Addresses::default()
    };
    drop(Centre::init(&dir, &options, pass(), &who(0)).unwrap());
    assert!(Centre::needs_passphrase(&dir).unwrap());
    let closed = Centre::open(&dir, None).unwrap();
    let id = approved(&closed, &key());
    assert_eq!(
        closed.issue(&id, &who(3)).unwrap_err().kind(),
        CentreErrorKind::Passphrase
    );
    assert!(closed.store().open_intents().unwrap().is_empty());
    drop(closed);
    let open = Centre::open(&dir, pass()).unwrap();
    let certificate = open.issue(&id, &who(4)).unwrap();
    assert_eq!(
        certificate
            .crl_distribution_points()
            .unwrap()
            .unwrap()
            .len(),
        1
    );
}

/// A store that stops working around its n-th commit: before it, or after it without saying so.
struct Failing {
    inner: SqliteStore,
    left: AtomicUsize,
    after: bool,
}

impl Store for Failing {
    fn commit(&self, acts: Vec<Act>) -> Result<Receipt, StoreError> {
        let left = self.left.load(Ordering::SeqCst);
        if left == 0 {
            if self.after {
                self.left.store(usize::MAX, Ordering::SeqCst);
                self.inner.commit(acts)?;
            }
            self.left.store(usize::MAX, Ordering::SeqCst);
            // Any error of the store serves: that of a folder where a file should be.
            return Err(SqliteStore::open(&std::env::temp_dir())
                .map(|_| ())
                .unwrap_err());
        }
        self.left.store(left - 1, Ordering::SeqCst);
        self.inner.commit(acts)
    }
    fn commit_under(&self, fence: &Fence, acts: Vec<Act>) -> Result<Receipt, StoreError> {
        self.inner.commit_under(fence, acts)
    }
    fn take_lease(&self, n: LeaseName, h: &[u8; 16], m: u32) -> Result<Option<u64>, StoreError> {
        self.inner.take_lease(n, h, m)
    }
    fn release_lease(&self, fence: &Fence) -> Result<(), StoreError> {
        self.inner.release_lease(fence)
    }
    fn keep_list(&self, list: &Crl, octets: &[u8]) -> Result<(), StoreError> {
        self.inner.keep_list(list, octets)
    }
    fn kept_list(&self, list: &Crl) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.kept_list(list)
    }
    fn latest_delta(&self, i: &KeyId, s: u32) -> Result<Option<Crl>, StoreError> {
        self.inner.latest_delta(i, s)
    }
    fn issuers(&self) -> Result<Vec<Issuer>, StoreError> {
        self.inner.issuers()
    }
    fn issuer(&self, k: &KeyId) -> Result<Option<Issuer>, StoreError> {
        self.inner.issuer(k)
    }
    fn holder(&self, id: &HolderId) -> Result<Option<Holder>, StoreError> {
        self.inner.holder(id)
    }
    fn holder_by_identifier(&self, i: &str) -> Result<Option<Holder>, StoreError> {
        self.inner.holder_by_identifier(i)
    }
    fn holders_named(&self, p: &str, n: usize) -> Result<Vec<Holder>, StoreError> {
        self.inner.holders_named(p, n)
    }
    fn request(&self, id: &RequestId) -> Result<Option<RequestRecord>, StoreError> {
        self.inner.request(id)
    }
    fn request_to_issue(&self, id: &RequestId) -> Result<Option<RequestToIssue>, StoreError> {
        self.inner.request_to_issue(id)
    }
    fn requests(
        &self,
        s: RequestStatus,
        a: Option<&RequestId>,
        n: usize,
    ) -> Result<Vec<RequestRecord>, StoreError> {
        self.inner.requests(s, a, n)
    }
    fn request_subject(&self, id: &RequestId) -> Result<Option<SubjectRecord>, StoreError> {
        self.inner.request_subject(id)
    }
    fn officers(&self) -> Result<Vec<Officer>, StoreError> {
        self.inner.officers()
    }
    fn officer_of_key(&self, k: &KeyId) -> Result<Option<Officer>, StoreError> {
        self.inner.officer_of_key(k)
    }
    fn stop(&self) -> Result<Option<Stop>, StoreError> {
        self.inner.stop()
    }
    fn visit_certificates(
        &self,
        f: &CertificateFilter,
        v: &mut dyn FnMut(CertificateRecord) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.inner.visit_certificates(f, v)
    }
    fn certificate(&self, id: &CertificateId) -> Result<Option<CertificateRecord>, StoreError> {
        self.inner.certificate(id)
    }
    fn standing(&self, id: &CertificateId) -> Result<Option<Standing>, StoreError> {
        self.inner.standing(id)
    }
    fn certificates_of_holder(&self, id: &HolderId) -> Result<Vec<CertificateId>, StoreError> {
        self.inner.certificates_of_holder(id)
    }
    fn certificates_of_key(&self, k: &KeyId) -> Result<Vec<CertificateId>, StoreError> {
        self.inner.certificates_of_key(k)
    }
    fn open_intents(&self) -> Result<Vec<CertificateRecord>, StoreError> {
        self.inner.open_intents()
    }
    fn visit_status(
        &self,
        i: &KeyId,
        s: Option<u32>,
        f: StatusFilter,
        v: &mut dyn FnMut(StatusEntry) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.inner.visit_status(i, s, f, v)
    }
    fn visit_changes(
        &self,
        i: &KeyId,
        a: u64,
        v: &mut dyn FnMut(StatusChange) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.inner.visit_changes(i, a, v)
    }
    fn first_change(
        &self,
        i: &KeyId,
        s: Option<u32>,
        a: UnixTime,
    ) -> Result<Option<UnixTime>, StoreError> {
        self.inner.first_change(i, s, a)
    }
    fn visit_ending(
        &self,
        a: UnixTime,
        t: UnixTime,
        m: u64,
        v: &mut dyn FnMut(CertificateRecord) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.inner.visit_ending(a, t, m, v)
    }
    fn visit_archived(
        &self,
        a: UnixTime,
        t: UnixTime,
        m: u64,
        v: &mut dyn FnMut(CertificateRecord) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.inner.visit_archived(a, t, m, v)
    }
    fn compromised(&self, k: &KeyId) -> Result<Option<CertificateId>, StoreError> {
        self.inner.compromised(k)
    }
    fn progress(&self, n: &str) -> Result<Option<i64>, StoreError> {
        self.inner.progress(n)
    }
    fn begin_progress(&self, n: &str, u: i64) -> Result<(), StoreError> {
        self.inner.begin_progress(n, u)
    }
    fn advance_progress(&self, n: &str, u: i64) -> Result<(), StoreError> {
        self.inner.advance_progress(n, u)
    }
    fn latest_renewal(&self, i: &CertificateId) -> Result<Option<RequestId>, StoreError> {
        self.inner.latest_renewal(i)
    }
    fn commits(&self) -> Option<u64> {
        self.inner.commits()
    }
    fn latest_crl_number(&self, i: &KeyId, s: u32) -> Result<Option<u64>, StoreError> {
        self.inner.latest_crl_number(i, s)
    }
    fn latest_crl(&self, i: &KeyId, s: u32) -> Result<Option<Crl>, StoreError> {
        self.inner.latest_crl(i, s)
    }
    fn document(&self, l: &Locator) -> Result<Option<DocumentRecord>, StoreError> {
        self.inner.document(l)
    }
    fn document_history(&self, l: &Locator) -> Result<Vec<DocumentChange>, StoreError> {
        self.inner.document_history(l)
    }
    fn history(&self, id: &CertificateId) -> Result<Vec<AuditEntry>, StoreError> {
        self.inner.history(id)
    }
    fn visit_audit(
        &self,
        a: u64,
        v: &mut dyn FnMut(AuditEntry) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.inner.visit_audit(a, v)
    }
    fn last_audit(&self) -> Result<u64, StoreError> {
        self.inner.last_audit()
    }
    fn check(&self) -> Result<(), StoreError> {
        self.inner.check()
    }
}

#[test]
fn a_crash_between_any_two_steps_leaves_one_certificate() {
    // Commits: receive, approve, intend, issue, publish, reserve a CRL number, publish the CRL.
    let mut failures = 0;
    let mut recovered = Vec::new();
    for (left, after) in (0..8).flat_map(|n| [(n, false), (n, true)]) {
        let folder = Folder::new();
        drop(made(&folder));
        let dir = folder.centre();
        let store = Failing {
            inner: SqliteStore::open(&dir.join("store.sqlite")).unwrap(),
            left: AtomicUsize::new(left),
            after,
        };
        let centre = Centre::open_with(&dir, None, Box::new(store)).unwrap();
        let key = key();
        let run = || {
            let id = centre.request(&csr(&key), &aysel(), "natural-person", &who(1))?;
            centre.approve(&id, &who(2))?;
            centre.issue(&id, &who(3))?;
            centre.crl(Authority::Issuing, &who(4))
        };
        let failed = run().is_err();
        assert_eq!(failed, left < 7, "{left} {after}");
        failures += usize::from(failed);
        drop(centre);

        let centre = Centre::open(&dir, None).unwrap();
        recovered.extend(centre.recover(&who(10)).unwrap());
        assert!(centre.recover(&who(11)).unwrap().is_empty());
        assert!(centre.store().open_intents().unwrap().is_empty());
        for pending in centre.requests(RequestStatus::Pending).unwrap() {
            centre.approve(&pending.request.id, &who(12)).unwrap();
        }
        for approved in centre.requests(RequestStatus::Approved).unwrap() {
            centre.issue(&approved.request.id, &who(13)).unwrap();
        }
        let issued = centre.requests(RequestStatus::Issued).unwrap();
        let ours = issued.iter().filter(|r| r.request.holder.is_some()).count();
        let wanted = usize::from(left != 0 || after);
        assert_eq!(ours, wanted, "{left} {after}");
        assert_eq!(
            std::fs::read_dir(dir.join("certs")).unwrap().count(),
            wanted
        );
        assert!(centre.crl(Authority::Issuing, &who(20)).unwrap().is_empty());
        centre.store().check().unwrap();
    }
    assert_eq!(failures, 14);
    let issued = recovered
        .iter()
        .filter(|r| matches!(r, Recovered::Issued(_)))
        .count();
    let published = recovered
        .iter()
        .filter(|r| matches!(r, Recovered::Published(_)))
        .count();
    // After the intent and before the issue; after the issue and before the publication.
    assert_eq!((issued, published), (2, 2), "{recovered:?}");
}

#[test]
fn recovery_leaves_alone_what_another_process_is_issuing() {
    let folder = Folder::new();
    let centre = made(&folder);
    let ids: Vec<RequestId> = (0..12).map(|_| approved(&centre, &key())).collect();
    let done = std::sync::atomic::AtomicBool::new(false);
    let found = std::thread::scope(|scope| {
        // A second opening of the folder is what a second process would be.
        let recovering = scope.spawn(|| {
            let other = Centre::open(&folder.centre(), None).unwrap();
            let mut found = Vec::new();
            while !done.load(Ordering::Acquire) {
                found.extend(other.recover(&who(3)).unwrap());
            }
            found
        });
        for id in &ids {
            centre.issue(id, &who(3)).unwrap();
        }
        done.store(true, Ordering::Release);
        recovering.join().unwrap()
    });
    assert_eq!(found, [], "nothing was interrupted");
    let published = std::fs::read_dir(folder.centre().join("certs")).unwrap();
    assert_eq!(published.count(), ids.len());
}

#[test]
fn an_intent_that_no_longer_holds_is_revoked_and_listed() {
    let folder = Folder::new();
    drop(made(&folder));
    let dir = folder.centre();
    let store = Failing {
        inner: SqliteStore::open(&dir.join("store.sqlite")).unwrap(),
        left: AtomicUsize::new(2),
        after: true,
    };
    let centre = Centre::open_with(&dir, None, Box::new(store)).unwrap();
    let id = approved(&centre, &key());
    assert!(centre.issue(&id, &who(3)).is_err());
    centre.refuse(&id, "withdrawn meanwhile", &who(4)).unwrap();
    let done = centre.recover(&who(5)).unwrap();
    let [Recovered::Revoked(serial)] = done.as_slice() else {
        panic!("{done:?}");
    };
    let list = centre.crl(Authority::Issuing, &who(6)).unwrap();
    assert!(list.find(serial).unwrap().is_some());
}

#[test]
fn a_revoked_issuing_authority_issues_nothing_and_stands_on_the_roots_list() {
    let folder = Folder::new();
    let centre = made(&folder);
    let id = approved(&centre, &key());
    let own = centre.certificate(Authority::Issuing).serial().clone();
    let reason = RevocationReason::CaCompromise;
    centre
        .revoke(&own, reason, None, "stolen", &who(3))
        .unwrap();
    let error = centre.issue(&id, &who(4)).unwrap_err();
    assert_eq!(error.kind(), CentreErrorKind::State);
    assert!(error.to_string().contains("is revoked since"), "{error}");
    assert!(centre.store().open_intents().unwrap().is_empty());
    let list = centre.crl(Authority::Root, &who(5)).unwrap();
    assert!(list.find(&own).unwrap().is_some());
    assert!(centre.crl(Authority::Issuing, &who(5)).unwrap().is_empty());
}
