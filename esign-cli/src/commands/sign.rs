//! `esign sign`.

use std::ffi::OsString;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use esign_core::cades::{self, CadesError, CommitmentType, SignatureParameters, SignerLocation};
use esign_core::levels::{self, Signer, sign_cms, sign_pdf};
use esign_core::pades::{self, Permission};
use esign_core::source::ReadAt;
use esign_core::time::UnixTime;
use esign_core::x509::Certificate;

use super::secrets::{Key, PassphraseArgs, open_key};
use super::services::{Outside, ServiceArgs};
use super::trust::now;
use crate::failure::{Exit, Failure};
use crate::files::{Output, Secrecy, Source};
use crate::{Context, print};

/// Sign files: PDF inside, anything else beside or around
#[derive(clap::Args)]
#[command(after_help = "Examples:
  esign sign contract.pdf --key my.pem --cert my-chain.pem
  esign sign contract.pdf --key my.p12 --reason \"Təsdiq edirəm\" -o contract-signed.pdf
  esign sign contract.pdf --key my.p12 --level lta --tsa http://tsa.example/ --trust root.pem
  esign sign data.json --key my.pem --cert my-chain.pem            writes data.json.p7s beside it
  esign sign data.json --packaging enveloping --key my.p12         writes data.json.p7m around it
  esign sign data.json.p7m --add --key second.p12 -o both.p7m      adds a second signer
  esign sign *.pdf --key my.p12 --out-dir signed
  esign sign contract.pdf --key 'pkcs11:token=My%20card'           asks for the PIN of the card")]
pub(crate) struct Args {
    /// What to sign
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Private key: a file (PKCS#8, PKCS#12 and the older forms), or the pkcs11: URI of a key on a token
    #[arg(long, value_name = "KEY", env = "ESIGN_KEY")]
    key: PathBuf,
    /// Certificate of the key, and its chain (PEM, several in one file) [default: those with the key]
    #[arg(long, value_name = "CHAIN", env = "ESIGN_CERT")]
    cert: Option<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// Form of the signature [default: pades for PDF, cades for the rest]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Level of the signature
    #[arg(long, value_enum, default_value = "b")]
    level: Level,
    #[command(flatten)]
    services: ServiceArgs,
    /// Whether the signature stands beside the file or around it (cades)
    #[arg(long, value_enum)]
    packaging: Option<Packaging>,
    /// Add a signer to the CMS message FILE
    #[arg(long)]
    add: bool,
    /// Content of the detached message that a signer is added to
    #[arg(long, value_name = "FILE", requires = "add")]
    content: Option<PathBuf>,
    /// Signature field: an empty one that is there, or the name of a new one (pades)
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
    /// Why you sign (pades)
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Where you sign
    #[arg(long, value_name = "TEXT")]
    location: Option<String>,
    /// What you commit to (cades)
    #[arg(long, value_enum)]
    commitment: Option<Commitment>,
    /// Certify the document and say what may still be changed (pades, first signature only)
    #[arg(long, value_enum)]
    certify: Option<Certify>,
    /// Claimed signing time instead of now
    #[arg(long, value_name = "TIME", value_parser = super::trust::parse_time)]
    signing_time: Option<UnixTime>,
    /// Sign though the certificate is not valid at the signing time
    #[arg(long)]
    allow_expired: bool,
    /// Where to write, for one file
    #[arg(short, value_name = "OUT", conflicts_with = "out_dir")]
    output: Option<PathBuf>,
    /// Where to write, for several files
    #[arg(long, value_name = "DIR")]
    out_dir: Option<PathBuf>,
    /// How many files to sign at once
    #[arg(long, value_name = "N", default_value_t = 1)]
    jobs: u16,
    /// Replace existing files
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Cades,
    Pades,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    B,
    T,
    Lt,
    Lta,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Packaging {
    Detached,
    Enveloping,
}

#[derive(Clone, Copy, ValueEnum)]
enum Commitment {
    Origin,
    Receipt,
    Delivery,
    Sender,
    Approval,
    Creation,
}

#[derive(Clone, Copy, ValueEnum)]
enum Certify {
    NoChanges,
    FormFilling,
    Annotations,
}

/// What every file of one call is signed with.
struct Job<'a> {
    args: &'a Args,
    key: Key,
    certificate: Certificate,
    chain: Vec<Certificate>,
    time: UnixTime,
    level: levels::Level,
    outside: Outside,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    if args.output.is_some() && args.files.len() > 1 {
        return Err(
            Failure::new("-o names one file, but several are to be signed")
                .hint("use --out-dir DIR"),
        );
    }
    if args.reason.is_some() && args.commitment.is_some() {
        return Err(Failure::new(
            "--reason and --commitment exclude each other (EN 319 142-1 6.3)",
        ));
    }
    let job = Job::load(&args, context)?;
    let mut exit = Exit::Passed;
    let outcomes = super::each(&args.files, usize::from(args.jobs), |_, file| {
        job.sign(file)
    });
    for (file, outcome) in args.files.iter().zip(outcomes) {
        match outcome {
            Ok(target) => print(&format!(
                "{}\n",
                context.lang.with(
                    "sign-done",
                    &[
                        ("file", &file.display().to_string()),
                        ("target", &target.display().to_string()),
                    ],
                )
            ))?,
            Err(failure) => {
                failure.print();
                exit = exit.worse(failure.exit);
            }
        }
    }
    Ok(exit)
}

impl<'a> Job<'a> {
    fn load(args: &'a Args, context: &Context) -> Result<Self, Failure> {
        let level = match args.level {
            Level::B => levels::Level::B,
            Level::T => levels::Level::T,
            Level::Lt => levels::Level::Lt,
            Level::Lta => levels::Level::Lta,
        };
        if args.add && level != levels::Level::B {
            return Err(Failure::new("--add signs at level b")
                .hint("esign extend brings the message to the level"));
        }
        let outside = args.services.load(&context.settings)?;
        let (key, certificate, chain) =
            open_key(&args.key, &args.passphrase, args.cert.as_deref())?
                .certified(&args.key, args.cert.as_deref())?;
        let time = args.signing_time.unwrap_or_else(now);
        if !certificate.is_valid_at(time) && !args.allow_expired {
            return Err(Failure::new(format!(
                "certificate \"{}\" is valid from {} to {}, the signing time is {time}",
                certificate.subject(),
                certificate.not_before(),
                certificate.not_after(),
            ))
            .hint(
                "a signature with it would not be accepted; --allow-expired signs all the same",
            ));
        }
        Ok(Self {
            args,
            key,
            certificate,
            chain,
            time,
            level,
            outside,
        })
    }

    /// Signs one file; returns what was written.
    fn sign(&self, file: &Path) -> Result<PathBuf, Failure> {
        let source = Source::open(file)?;
        let format = match self.args.format {
            Some(format) => format,
            None if !self.args.add && is_pdf(&source)? => Format::Pades,
            None => Format::Cades,
        };
        let packaging = self.args.packaging.unwrap_or(Packaging::Detached);
        let target = self.target(file, format, packaging)?;
        if source.is_same_as(&target) && !self.args.force {
            return Err(
                Failure::about(&target.display(), &"is the file to be signed")
                    .hint("name another file with -o; --force replaces it"),
            );
        }
        let output = Output::create(&target, self.args.force, Secrecy::Public)?;
        let mut writer = BufWriter::with_capacity(128 * 1024, output);
        let written = match format {
            Format::Pades => self.sign_pdf(&source, &mut writer),
            Format::Cades => self.sign_cms(&source, &mut writer, packaging),
        };
        written.map_err(|e| e.within(file))?;
        let output = writer
            .into_inner()
            .map_err(|e| Failure::io(&target.display().to_string(), e.error()))?;
        source.unchanged()?;
        output.commit(self.args.force)?;
        Ok(target)
    }

    fn target(
        &self,
        file: &Path,
        format: Format,
        packaging: Packaging,
    ) -> Result<PathBuf, Failure> {
        if let Some(output) = &self.args.output {
            return Ok(output.clone());
        }
        let name = file
            .file_name()
            .ok_or_else(|| Failure::about(&file.display(), &"is not the name of a file"))?;
        let mut new: OsString;
        if format == Format::Pades {
            new = file.file_stem().unwrap_or(name).to_owned();
            new.push("-signed.pdf");
        } else if self.args.add {
            new = file.file_stem().unwrap_or(name).to_owned();
            new.push("-signed.");
            new.push(file.extension().unwrap_or("p7s".as_ref()));
        } else {
            new = name.to_owned();
            new.push(match packaging {
                Packaging::Detached => ".p7s",
                Packaging::Enveloping => ".p7m",
            });
        }
        match &self.args.out_dir {
            None => Ok(file.with_file_name(new)),
            Some(dir) => {
                std::fs::create_dir_all(dir)
                    .map_err(|e| Failure::io(&dir.display().to_string(), &e))?;
                Ok(dir.join(new))
            }
        }
    }

    fn signer(&self) -> Signer<'_> {
        Signer {
            key: &self.key,
            certificate: &self.certificate,
        }
    }

    fn sign_pdf(&self, source: &Source, out: &mut dyn Write) -> Result<(), Failure> {
        let args = self.args;
        if args.packaging.is_some() || args.add || args.commitment.is_some() {
            return Err(Failure::new(
                "--packaging, --add and --commitment are for cades, this is a pades signature",
            ));
        }
        let mut parameters = pades::Parameters::new(self.time);
        parameters.field.clone_from(&args.field);
        parameters.reason.clone_from(&args.reason);
        parameters.location.clone_from(&args.location);
        parameters.certify = args.certify.map(|c| match c {
            Certify::NoChanges => Permission::NoChanges,
            Certify::FormFilling => Permission::FormFilling,
            Certify::Annotations => Permission::Annotations,
        });
        parameters.chain.clone_from(&self.chain);
        let update = self
            .outside
            .with(|services| {
                sign_pdf(
                    source,
                    out,
                    self.signer(),
                    &parameters,
                    self.level,
                    services,
                )
            })
            .map_err(|e| super::services::failed(&e))?;
        out.write_all(&update)
            .map_err(|e| Failure::io("the signed file cannot be written", &e))
    }

    fn sign_cms(
        &self,
        source: &Source,
        out: &mut dyn Write,
        packaging: Packaging,
    ) -> Result<(), Failure> {
        let args = self.args;
        if args.field.is_some() || args.certify.is_some() || args.reason.is_some() {
            return Err(Failure::new(
                "--field, --certify and --reason are for pades, this is a cades signature",
            )
            .hint("cades has --commitment for what you commit to"));
        }
        let parameters = SignatureParameters {
            signing_time: Some(self.time),
            commitment: args.commitment.map(|c| match c {
                Commitment::Origin => CommitmentType::ProofOfOrigin,
                Commitment::Receipt => CommitmentType::ProofOfReceipt,
                Commitment::Delivery => CommitmentType::ProofOfDelivery,
                Commitment::Sender => CommitmentType::ProofOfSender,
                Commitment::Approval => CommitmentType::ProofOfApproval,
                Commitment::Creation => CommitmentType::ProofOfCreation,
            }),
            location: args.location.as_ref().map(|l| SignerLocation {
                locality: Some(l.clone()),
                ..SignerLocation::default()
            }),
            certificates: self.chain.clone(),
            ..SignatureParameters::default()
        };
        let failed = |e: CadesError| Failure::new(e.to_string());
        if args.add {
            let content = args.content.as_deref().map(Source::open).transpose()?;
            let detached = content.as_ref().map(|c| -> &dyn ReadAt { c });
            return cades::add_signer(
                source,
                detached,
                out,
                &self.key,
                &self.certificate,
                &parameters,
            )
            .map_err(failed);
        }
        if self.level != levels::Level::B {
            let enveloping = packaging == Packaging::Enveloping;
            return self
                .outside
                .with(|services| {
                    let (signer, level) = (self.signer(), self.level);
                    sign_cms(
                        source,
                        enveloping,
                        out,
                        signer,
                        &parameters,
                        level,
                        services,
                    )
                })
                .map_err(|e| super::services::failed(&e));
        }
        match packaging {
            Packaging::Enveloping => {
                cades::sign_enveloping(source, out, &self.key, &self.certificate, &parameters)
                    .map_err(failed)
            }
            Packaging::Detached => {
                let message =
                    cades::sign_detached(source, &self.key, &self.certificate, &parameters)
                        .map_err(failed)?;
                out.write_all(&message)
                    .map_err(|e| Failure::io("the signature cannot be written", &e))
            }
        }
    }
}

/// Whether the file begins like a PDF: `%PDF-` within the first 1024 octets.
pub(crate) fn is_pdf(source: &Source) -> Result<bool, Failure> {
    let mut start = [0; 1024];
    let n = source
        .read_at(0, &mut start)
        .map_err(|e| Failure::io("file", &e))?;
    Ok(start
        .get(..n)
        .unwrap_or_default()
        .windows(5)
        .any(|w| w == b"%PDF-"))
}
