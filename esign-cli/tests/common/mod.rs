//! A folder of its own for each test, the real binary, and a centre in memory.
#![allow(dead_code, reason = "each test file uses a part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

use esign_core::crl::{Crl, CrlBuilder, RevocationReason, RevokedCertificate};
use esign_core::keys::{Curve, KeySpec, PrivateKey, SigningKey};
use esign_core::time::UnixTime;
use esign_core::x509::{
    Certificate, Draft, Fin, Identity, Issuer, NameBuilder, NaturalPerson, Order, Organization,
    PersonIdentifier, Profile, ProvenKey, Request, SerialNumber, to_pem,
};

const DAY: i64 = 86_400;

/// A folder that is removed when the test is over.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("esign-test-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// Names of all files in it, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> = entries
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// The command in this folder, in English, without anything of the caller's.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_esign"));
        command
            .args(args)
            .current_dir(&self.0)
            .env_clear()
            .env("ESIGN_CONFIG", self.path("config.toml"))
            .stdin(std::process::Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Run {
        Run::of(self.command(args).output().unwrap())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a command said.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Run {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Succeeded, and said nothing on standard error.
    #[track_caller]
    pub fn passed(self) -> Self {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self
    }

    /// Refused with one error line that has these words, and with no result.
    #[track_caller]
    pub fn refused(self, words: &[&str]) -> Self {
        assert_eq!((self.code, self.out.as_str()), (2, ""), "{}", self.err);
        assert!(self.err.starts_with("esign: error: "), "{}", self.err);
        for line in self.err.lines() {
            let known = line.starts_with("esign: error: ") || line.starts_with("esign: hint: ");
            assert!(known && !line.ends_with('.'), "{line}");
        }
        for word in words {
            assert!(self.err.contains(word), "no \"{word}\" in: {}", self.err);
        }
        self
    }
}

/// A root with its key, valid now.
pub struct Centre {
    key: PrivateKey,
    issuer: Issuer,
}

pub fn now() -> UnixTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    UnixTime::from_seconds(i64::try_from(since.unwrap().as_secs()).unwrap())
}

fn proven(key: &PrivateKey) -> ProvenKey {
    let name = NameBuilder::parse("CN=x").unwrap().build().unwrap();
    Request::sign(&name, key).unwrap().verify().unwrap()
}

impl Centre {
    /// A root and an authority below it; the root's files are written into the folder.
    pub fn new(folder: &Folder) -> Self {
        let key = || PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap();
        let authority = |name: &str| {
            Identity::Organization(Organization {
                common_name: name.into(),
                organization: "SINAQ Mərkəzi".into(),
                identifier: None,
                country: "AZ".into(),
            })
        };
        let mut root = Self {
            key: key(),
            issuer: Issuer::default(),
        };
        let from = now().plus(-400 * DAY);
        let proof = proven(&root.key);
        let certificate = root.issue(&Profile::root(), &authority("SINAQ Kök"), &proof, from);
        root.issuer = issuer_of(certificate);
        let mut issuing = Self {
            key: key(),
            issuer: Issuer::default(),
        };
        let proof = proven(&issuing.key);
        let profile = Profile::issuing_authority();
        let certificate = root.issue(&profile, &authority("SINAQ Verən"), &proof, from);
        issuing.issuer = issuer_of(certificate);
        let pem = to_pem("CERTIFICATE", root.certificate().der());
        folder.write("root.pem", pem);
        folder.write("root.crl", root.crl(Vec::new()).der());
        folder.write("issuing.crl", issuing.crl(Vec::new()).der());
        issuing
    }

    fn issue(
        &self,
        profile: &Profile,
        identity: &Identity,
        key: &ProvenKey,
        from: UnixTime,
    ) -> Certificate {
        let judged = Draft::new(&Order {
            key,
            profile,
            identity,
            issuer: &self.issuer,
            algorithm: self.key.algorithms()[0],
            serial: SerialNumber::random(&ring::rand::SystemRandom::new()).unwrap(),
            not_before: from,
            not_after: None,
        })
        .unwrap()
        .lint();
        let linted = judged
            .value
            .unwrap_or_else(|| panic!("{:#?}", judged.report));
        linted.sign(&self.key).unwrap()
    }

    fn certificate(&self) -> &Certificate {
        self.issuer.certificate.as_ref().unwrap()
    }

    /// Issues for a request made by the command; writes certificate and chain as `name`.
    pub fn certify(
        &self,
        folder: &Folder,
        request: &str,
        name: &str,
        from: UnixTime,
    ) -> Certificate {
        let proof = Request::read(&folder.read(request))
            .unwrap()
            .verify()
            .unwrap();
        let person = Identity::NaturalPerson(NaturalPerson {
            given_name: "Əli".into(),
            surname: "Məmmədov".into(),
            identifier: PersonIdentifier::Fin(Fin::parse("5abc12z").unwrap()),
            country: "AZ".into(),
            organization: None,
            title: None,
        });
        let certificate = self.issue(&Profile::natural_person(), &person, &proof, from);
        let mut pem = to_pem("CERTIFICATE", certificate.der());
        pem.push_str(&to_pem("CERTIFICATE", self.certificate().der()));
        folder.write(name, pem);
        certificate
    }

    /// A list that is current now.
    pub fn crl(&self, revoked: Vec<RevokedCertificate>) -> Crl {
        let certificate = self.certificate();
        CrlBuilder {
            issuer: certificate.subject().clone(),
            key_identifier: certificate
                .subject_key_identifier()
                .unwrap()
                .unwrap()
                .to_vec(),
            number: SerialNumber::from_magnitude(&[1]),
            this_update: now().plus(-3600),
            next_update: now().plus(DAY),
            expired_certificates_since: None,
        }
        .build(revoked, self.key.public_key(), self.key.algorithms()[0])
        .unwrap()
        .sign(&self.key)
        .unwrap()
    }
}

fn issuer_of(certificate: Certificate) -> Issuer {
    Issuer {
        certificate: Some(certificate),
        crl: vec!["http://crl.example.az/ca.crl".into()],
        ocsp: vec!["http://ocsp.example.az".into()],
        ca_issuers: vec!["http://crl.example.az/ca.crt".into()],
    }
}

pub fn revoked(certificate: &Certificate) -> RevokedCertificate {
    RevokedCertificate {
        serial: certificate.serial().clone(),
        revocation_date: now().plus(-7200),
        reason: RevocationReason::KeyCompromise,
        invalidity_date: None,
    }
}

/// A folder with a centre, a key, its chain, and a PDF to sign.
pub fn ready() -> (Folder, Centre, Certificate) {
    let folder = Folder::new();
    let centre = Centre::new(&folder);
    folder.run(&["key", "generate", "-o", "my.pem"]).passed();
    let args = [
        "cert",
        "request",
        "--key",
        "my.pem",
        "--subject",
        "CN=x",
        "-o",
        "my.csr",
    ];
    folder.run(&args).passed();
    let certificate = centre.certify(&folder, "my.csr", "chain.pem", now().plus(-DAY));
    folder.write("a.pdf", pdf("libreoffice.pdf"));
    (folder, centre, certificate)
}

/// A PDF of the committed vectors.
pub fn pdf(name: &str) -> Vec<u8> {
    std::fs::read(test_vectors::fixtures::pdf_folder().join(name)).unwrap()
}

/// Arguments of `esign verify` that trust the centre and give its lists.
pub const TRUSTING: [&str; 6] = [
    "--trust",
    "root.pem",
    "--crl",
    "root.crl",
    "--crl",
    "issuing.crl",
];

pub fn with<'a>(start: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    start.iter().chain(more).copied().collect()
}

pub fn exists(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}
