//! `esign quickstart`: a whole demonstration centre, one coded and signed document, checked.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ca_server::centre::{Authority, Centre, InitOptions, Who};
use ca_server::ids::Name;
use ca_server::register::{self, Class, Entry, Register, Words};
use esign_core::code::{Code, Version};
use esign_core::evidence::Evidence;
use esign_core::keys::{Curve, Kdf, KeySpec, PrivateKey, Random, SigningKey};
use esign_core::pades;
use esign_core::pdf::Document;
use esign_core::policy::Policy;
use esign_core::register::{BoxContent, Record, seal_box};
use esign_core::stamp::{Content, Placement, QrPiece, embed_seal, stamp};
use esign_core::time::UnixTime;
use esign_core::trust::TrustAnchors;
use esign_core::validation::{Inputs, validate};
use esign_core::visible_seal::{self, QrText};
use esign_core::x509::{
    Certificate, Identity, NameBuilder, Organization, OrganizationIdentifier, OrganizationScheme,
    Request, Voen, to_pem,
};
use ring::rand::SystemRandom;

use super::trust::now;
use super::verdict;
use crate::failure::{Exit, Failure};
use crate::files::{self, Secrecy, Source};
use crate::{Context, print};

/// The document that is used where none is given.
const SAMPLE: &[u8] = include_bytes!("../../assets/sample.pdf");
/// Host that the demonstration prints name. Nobody's: RFC 2606 reserves it.
const HOST: &str = "sinaq.example";
/// Largest document that is stamped here; signing itself knows no such limit.
const MAX_DOCUMENT: u64 = 64 << 20;

/// A whole demonstration centre on embedded storage, one coded and signed document, checked
#[derive(clap::Args)]
#[command(after_help = "Examples:
  esign quickstart
  esign quickstart my.pdf --dir demo

Everything that is made says SINAQ (test) and has no force. Remove the folder when you are done.")]
pub(crate) struct Args {
    /// Document to be coded and signed [default: a sample]
    #[arg(value_name = "FILE.pdf")]
    file: Option<PathBuf>,
    /// Folder that is made
    #[arg(long, value_name = "DIR", default_value = "esign-demo")]
    dir: PathBuf,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let dir = args.dir.as_path();
    if dir.exists() {
        return Err(Failure::about(&dir.display(), &"exists already")
            .hint("name another folder with --dir, or remove this one"));
    }
    // The document first: nothing is made for one that cannot be signed.
    let document = match &args.file {
        Some(path) => {
            let source = Source::open(path)?;
            read_document(path, &source)?
        }
        None => SAMPLE.to_vec(),
    };
    let name = args.file.as_deref().unwrap_or(Path::new("sample.pdf"));
    check_document(name, &document)?;

    let at = now();
    let demo = Demo::make(dir, at)?;
    let issued = demo.issue(&document, at, args.file.is_none())?;
    let signed_path = dir.join("signed.pdf");
    files::write(&signed_path, &issued.signed, false, Secrecy::Public)?;
    let report = demo.verify(&issued.signed, at)?;
    print(&told(dir, &issued, &report, &demo, context))?;
    Ok(match report.indication {
        "TOTAL-PASSED" => Exit::Passed,
        "TOTAL-FAILED" => Exit::Failed,
        _ => Exit::Indeterminate,
    })
}

fn read_document(path: &Path, source: &Source) -> Result<Vec<u8>, Failure> {
    use esign_core::source::ReadAt;
    if source.len() > MAX_DOCUMENT {
        return Err(Failure::about(&path.display(), &"larger than 64 MiB")
            .hint("esign sign signs files of any size"));
    }
    let mut all = vec![0; usize::try_from(source.len()).unwrap_or(0)];
    source
        .read_exact_at(0, &mut all)
        .map_err(|e| Failure::io(&path.display().to_string(), &e))?;
    source.unchanged()?;
    Ok(all)
}

/// Stamps the document in memory once, to see that it can be.
fn check_document(name: &Path, document: &[u8]) -> Result<(), Failure> {
    let about = |e: &dyn std::fmt::Display| Failure::about(&name.display(), e);
    let octets = document.to_vec();
    let opened = Document::open(&octets).map_err(|e| about(&e))?;
    let content = content("0000-0000-0000-0000-0000", &QrText::link(HOST, &[0; 300]));
    stamp(&opened, &content, &Placement::default()).map_err(|e| about(&e))?;
    Ok(())
}

/// A centre, a service with its certificate, and a register.
struct Demo {
    centre: Centre,
    key: PrivateKey,
    certificate: Certificate,
    dir: PathBuf,
}

/// A document that was coded and signed.
struct Issued {
    code: Code,
    signed: Vec<u8>,
}

fn failed(e: impl std::fmt::Display) -> Failure {
    Failure::new(e.to_string())
}

impl Demo {
    fn make(dir: &Path, at: UnixTime) -> Result<Self, Failure> {
        let by = Name::new("quickstart").map_err(failed)?;
        let who = Who { by, at };
        let voen = Voen::parse("1234567891").map_err(failed)?;
        let identifier = OrganizationIdentifier {
            scheme: OrganizationScheme::default(),
            voen,
        };
        let mut options = InitOptions::new("Nümayiş Mərkəzi", "Nümayiş Mərkəzi");
        options.test = true;
        options.identifier = Some(identifier.clone());
        let centre = Centre::init(dir, &options, None, &who).map_err(failed)?;

        let random = SystemRandom::new();
        let key = PrivateKey::generate(KeySpec::Ec(Curve::P256)).map_err(failed)?;
        let pem = key
            .to_pkcs8_pem(None, Kdf::default(), &random)
            .map_err(failed)?;
        files::write(
            &dir.join("service-key.pem"),
            pem.as_bytes(),
            false,
            Secrecy::Secret,
        )?;
        let subject = NameBuilder::parse("CN=service")
            .and_then(|n| n.build())
            .map_err(failed)?;
        let csr = Request::sign(&subject, &key).map_err(failed)?;
        let identity = Identity::Organization(Organization {
            common_name: "Arayış xidməti".to_owned(),
            organization: "Nümunə Xidməti MMC".to_owned(),
            identifier: Some(identifier),
            country: "AZ".to_owned(),
        });
        let request = centre
            .request(csr.der(), &identity, "legal-person", &who)
            .map_err(failed)?;
        centre.approve(&request, &who).map_err(failed)?;
        let certificate = centre.issue(&request, &who).map_err(failed)?;
        let chain = [&certificate, centre.certificate(Authority::Issuing)]
            .map(|c| to_pem("CERTIFICATE", c.der()))
            .concat();
        files::write(
            &dir.join("service.pem"),
            chain.as_bytes(),
            false,
            Secrecy::Public,
        )?;
        for authority in [Authority::Root, Authority::Issuing] {
            centre.crl(authority, &who).map_err(failed)?;
        }
        let demo = Self {
            centre,
            key,
            certificate,
            dir: dir.to_owned(),
        };
        demo.write_register(at)?;
        Ok(demo)
    }

    fn write_register(&self, at: UnixTime) -> Result<(), Failure> {
        let words = |az: &str, en: &str| Words {
            az: az.to_owned(),
            en: en.to_owned(),
        };
        let spki = self
            .key
            .public_key()
            .spki()
            .iter()
            .fold(String::new(), |mut text, b| {
                let _ = write!(text, "{b:02x}");
                text
            });
        let register = Register {
            version: 1,
            test: true,
            host: HOST.to_owned(),
            issuers: vec![register::Issuer {
                number: 1,
                name: words("Nümunə Xidməti MMC (SINAQ)", "Example Service LLC (test)"),
                spki,
                classes: vec![1],
                from: at,
                until: None,
                clients: Vec::new(),
            }],
            classes: vec![Class {
                number: 1,
                name: words("Arayış (SINAQ)", "Statement (test)"),
                fields: vec![
                    words("Ad, soyad", "Name"),
                    words("FİN", "FIN"),
                    words("Təhsil müəssisəsi", "Educational institution"),
                    words("İxtisas", "Field of study"),
                    words("Təhsil ili", "Year of study"),
                    words("Təqdim olunur", "To be presented to"),
                ],
                sensitive: false,
                single_use: false,
            }],
        };
        let text = serde_json::to_string_pretty(&register).map_err(failed)? + "\n";
        files::write(
            &self.dir.join(register::FILE),
            text.as_bytes(),
            false,
            Secrecy::Public,
        )
    }

    /// Record, code, seal, stamp, signature, box, row: in this order, so that each binds the ones
    /// before.
    fn issue(&self, document: &[u8], at: UnixTime, sample: bool) -> Result<Issued, Failure> {
        let random = SystemRandom::new();
        let (mut blind, mut salt, mut idempotency_key) = ([0; 16], [0; 16], [0; 16]);
        for octets in [&mut blind, &mut salt, &mut idempotency_key] {
            random.fill(octets).map_err(failed)?;
        }
        let fields: [&str; 6] = if sample {
            [
                "Günel Əliyeva",
                "5ZKX8QM",
                "Şəki Dövlət Peşə Təhsil Mərkəzi",
                "Kompüter şəbəkələri ustası",
                "2025–2026, II kurs, əyani",
                "tələb olunan yerə",
            ]
        } else {
            ["SINAQ", "0000000", "SINAQ", "SINAQ", "SINAQ", "SINAQ"]
        };
        let record = Record {
            class: 1,
            schema: 1,
            issuer: 1,
            issued_at: at,
            expires_at: None,
            fields: fields.map(str::to_owned).to_vec(),
            blind,
        }
        .encode();
        let code = Code::of_record(Version::Test, &record);
        let public = self.key.public_key();
        let tbs = visible_seal::to_be_signed(public, &record).map_err(failed)?;
        let value = self.key.sign(tbs.algorithm, &tbs.bytes).map_err(failed)?;
        let seal = visible_seal::finish(public, &record, &value).map_err(failed)?;

        let content = content(&code.to_string(), &QrText::link(HOST, &seal));
        let mut file = document.to_vec();
        let stamped = {
            let opened = Document::open(&file).map_err(failed)?;
            stamp(&opened, &content, &Placement::default())
                .map_err(failed)?
                .bytes
        };
        file.extend(stamped);
        let embedded = {
            let opened = Document::open(&file).map_err(failed)?;
            embed_seal(&opened, &seal, at).map_err(failed)?
        };
        file.extend(embedded);

        let mut parameters = pades::Parameters::new(at);
        parameters.reason = Some("SINAQ".to_owned());
        parameters.location = Some("Bakı".to_owned());
        parameters.chain = vec![self.centre.certificate(Authority::Issuing).clone()];
        let sink = &mut std::io::sink();
        let update =
            pades::sign(&file, sink, &self.key, &self.certificate, &parameters).map_err(failed)?;
        file.extend(update);

        let digests = pades::file_digests(&file).map_err(failed)?;
        let content = BoxContent {
            seal,
            file_digest: digests.first().copied(),
        };
        let sealed = seal_box(&code, &salt, &content).map_err(failed)?;
        let entry = Entry {
            code: &code,
            salt,
            sealed: &sealed,
            digest: Record::digest(&record),
            issuer: Name::new("Nümunə Xidməti MMC").map_err(failed)?,
            class: 1,
            idempotency_key,
        };
        register::register(self.centre.store(), &entry, at).map_err(failed)?;
        Ok(Issued { code, signed: file })
    }

    /// Verifies with nothing but what the folder publishes.
    fn verify(
        &self,
        signed: &[u8],
        at: UnixTime,
    ) -> Result<esign_core::validation::Report, Failure> {
        let mut anchors = TrustAnchors::new();
        anchors.add(self.centre.certificate(Authority::Root).clone());
        let mut evidence = Evidence::new();
        for name in ["root.crl", "issuing.crl"] {
            let path = self.dir.join("crl").join(name);
            for crl in esign_core::crl::crls(&files::read(&path)?)
                .map_err(|e| Failure::about(&path.display(), &e))?
            {
                evidence.add_crl(crl);
            }
        }
        let octets = signed.to_vec();
        let signatures = pades::prepare(&octets).map_err(failed)?;
        let policy = Policy::basic();
        let inputs = Inputs {
            at,
            anchors: &anchors,
            evidence: &evidence,
            policy: &policy,
        };
        Ok(validate(&signatures, &inputs))
    }
}

/// What stands in the stamp.
fn content(code: &str, qr: &QrText) -> Content {
    Content {
        code: code.to_owned(),
        qr: vec![
            QrPiece::Alphanumeric(qr.alphanumeric.clone()),
            QrPiece::Bytes(qr.byte.clone()),
            QrPiece::Digits(qr.numeric.clone()),
        ],
        address: HOST.to_owned(),
        lines: vec![
            "Yalnız bu ünvanda yoxlanılır, ünvanı özünüz yazın:".to_owned(),
            "Check only at this address, type it yourself:".to_owned(),
        ],
        test: true,
    }
}

fn told(
    dir: &Path,
    issued: &Issued,
    report: &esign_core::validation::Report,
    demo: &Demo,
    context: &Context,
) -> String {
    let lang = &context.lang;
    let esign = std::env::args()
        .next()
        .unwrap_or_else(|| "esign".to_owned());
    let at = |name: &str| dir.join(name).display().to_string();
    let shown = dir.display().to_string();
    let mut out = lang.with("quickstart-made", &[("dir", &shown)]);
    out.push_str("\n\n");
    let _ = writeln!(out, "{}", lang.text("quickstart-files"));
    for name in [
        "signed.pdf",
        "service.pem",
        "service-key.pem",
        "root.pem",
        "crl/issuing.crl",
        "crl/root.crl",
        "store.sqlite",
    ] {
        let _ = writeln!(out, "  {}", at(name));
    }
    let code = issued.code.to_string();
    let _ = writeln!(
        out,
        "\n{}",
        lang.with("quickstart-code", &[("code", &code)])
    );
    let words = lang.text(&verdict::verdict_key(report.indication));
    let _ = writeln!(
        out,
        "{}",
        lang.with("quickstart-verified", &[("verdict", &words)])
    );
    let _ = writeln!(out, "\n{}", lang.text("quickstart-next"));
    let verify = format!(
        "{esign} verify {} --trust {} --crl {} --crl {}",
        at("signed.pdf"),
        at("root.pem"),
        at("crl/issuing.crl"),
        at("crl/root.crl")
    );
    let serial = demo.certificate.serial().to_string();
    for (key, command) in [
        ("quickstart-try-verify", verify.clone()),
        (
            "quickstart-try-code",
            format!("{esign} code check {code} --register {shown}"),
        ),
        (
            "quickstart-try-file",
            format!("{esign} code check {} --register {shown}", at("signed.pdf")),
        ),
        (
            "quickstart-try-show",
            format!("{esign} cert show {}", at("service.pem")),
        ),
        (
            "quickstart-try-revoke",
            format!(
                "{esign} ca revoke --dir {shown} --reason keyCompromise --why SINAQ {serial} && {esign} ca crl --dir {shown} && {verify}"
            ),
        ),
    ] {
        let _ = writeln!(out, "  # {}\n  {command}", lang.text(key));
    }
    out
}
