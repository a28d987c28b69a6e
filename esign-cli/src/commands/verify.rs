//! `esign verify`.

use std::path::{Path, PathBuf};

use esign_core::cades::{self, Input};
use esign_core::keys::{Digest, DigestAlgorithm, Hasher};
use esign_core::levels::{Services, complete};
use esign_core::pades;
use esign_core::policy::Policy;
use esign_core::source::ReadAt;
use esign_core::validation::{Inputs, Report, Signature, validate};

use super::services::{NetworkArgs, Outside};
use super::sign::is_pdf;
use super::trust::{Given, TrustArgs};
use super::verdict;
use crate::failure::{Exit, Failure};
use crate::files::{self, Secrecy, Source};
use crate::{Context, print};

/// Verify the signatures of files
#[derive(clap::Args)]
#[command(after_help = "Examples:
  esign verify contract-signed.pdf --trust root.pem --crl root.crl --crl issuing.crl
  esign verify data.json.p7s --content data.json --trust root.pem --crl all.crl
  esign verify contract-signed.pdf --trust root.pem --at 2026-11-22T10:00:00Z --json

Without --trust nothing is trusted; without --crl, --ocsp or --online the answer stays open (exit 3).
--trust, --crl: also ESIGN_TRUST and ESIGN_CRL, several files with a colon between, or esign config.")]
pub(crate) struct Args {
    /// Signed PDFs and CMS messages (.p7s, .p7m; DER, BER or PEM)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Content of a detached message: one for all files, or one for each
    #[arg(long, value_name = "FILE")]
    content: Vec<PathBuf>,
    #[command(flatten)]
    trust: TrustArgs,
    /// What is asked for
    #[arg(long, value_name = "NAME", default_value = "etsi-basic", value_parser = ["etsi-basic"])]
    policy: String,
    /// Fetch what is missing where the certificates say it is
    #[arg(long, conflicts_with = "offline")]
    online: bool,
    #[command(flatten)]
    network: NetworkArgs,
    /// Write the report as JSON to this file
    #[arg(long, value_name = "FILE.json")]
    report: Option<PathBuf>,
    /// Print the report as JSON, a line for each file
    #[arg(long)]
    json: bool,
    /// Print every rule that was run
    #[arg(long, short)]
    verbose: bool,
    /// How many files to verify at once
    #[arg(long, value_name = "N", default_value_t = 1)]
    jobs: u16,
    /// Replace an existing report
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let (files, contents) = (args.files.len(), args.content.len());
    if contents > 1 && contents != files {
        return Err(Failure::new(format!(
            "--content names {contents} files for {files} messages: expected one, or one for each"
        )));
    }
    if args.report.is_some() && files > 1 {
        return Err(
            Failure::new("--report names one file, but several are to be verified")
                .hint("--json prints a line for each file"),
        );
    }
    let given = args.trust.load(&context.settings)?;
    let policy = Policy::basic();
    let outside = if args.online {
        let given = args.trust.load(&context.settings)?;
        Some(Outside::new(Vec::new(), &args.network, given)?)
    } else {
        None
    };
    let outcomes = super::each(&args.files, usize::from(args.jobs), |i, file| {
        let content = args.content.get(i).or_else(|| args.content.first());
        let keep = args.report.is_some();
        let content = content.map(PathBuf::as_path);
        verify(file, content, &given, &policy, keep, outside.as_ref())
    });
    let mut exit = Exit::Passed;
    for (file, outcome) in args.files.iter().zip(outcomes) {
        let report = match outcome {
            Ok(report) => report,
            Err(failure) => {
                failure.print();
                exit = exit.worse(failure.exit);
                continue;
            }
        };
        exit = exit.worse(match report.indication {
            "TOTAL-PASSED" => Exit::Passed,
            "TOTAL-FAILED" => Exit::Failed,
            _ => Exit::Indeterminate,
        });
        let json = with_file(file, &report)?;
        if let Some(target) = &args.report {
            let mut text = serde_json::to_string_pretty(&json).unwrap_or_default();
            text.push('\n');
            files::write(target, text.as_bytes(), args.force, Secrecy::Public)?;
        }
        if args.json {
            print(&format!("{json}\n"))?;
        } else {
            let nothing = given.anchors.is_empty();
            print(&verdict::text(
                file,
                &report,
                nothing,
                args.verbose,
                &context.lang,
            ))?;
        }
    }
    Ok(exit)
}

/// Largest file whose digest is always told. That of a larger one would double the work, since a
/// signature's digest leaves out a hole; a report that is kept names it all the same.
const MAX_ALWAYS_DIGESTED: u64 = 1 << 20;

fn verify(
    file: &Path,
    content: Option<&Path>,
    given: &Given,
    policy: &Policy,
    keep: bool,
    outside: Option<&Outside>,
) -> Result<Report, Failure> {
    let source = Source::open(file)?;
    let signatures = prepare(file, &source, content)?;
    let document = if keep || source.len() <= MAX_ALWAYS_DIGESTED {
        Some(digest(file, &source)?)
    } else {
        None
    };
    source.unchanged()?;
    let inputs = Inputs {
        at: given.at,
        anchors: &given.anchors,
        evidence: &given.evidence,
        policy,
    };
    let mut report = match outside {
        None => validate(&signatures, &inputs),
        Some(outside) => outside.with(|services| {
            let services = Services {
                clock: &|| given.at,
                ..*services
            };
            complete(&signatures, &services).0
        }),
    };
    report.inputs.document = document;
    Ok(report)
}

/// SHA-256 over the file, in hexadecimal.
fn digest(file: &Path, source: &Source) -> Result<String, Failure> {
    Ok(digest_by(DigestAlgorithm::Sha256, file, source)?.to_string())
}

/// The digest of a whole file.
pub(crate) fn digest_by(
    algorithm: DigestAlgorithm,
    file: &Path,
    source: &Source,
) -> Result<Digest, Failure> {
    let mut hasher = Hasher::new(algorithm);
    let mut block = vec![0; 128 * 1024];
    let mut offset = 0u64;
    loop {
        let read = source
            .read_at(offset, &mut block)
            .map_err(|e| Failure::io(&file.display().to_string(), &e))?;
        let Some(octets) = block.get(..read).filter(|o| !o.is_empty()) else {
            return Ok(hasher.finish());
        };
        hasher.update(octets);
        offset = offset.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
}

fn prepare(
    file: &Path,
    source: &Source,
    content: Option<&Path>,
) -> Result<Vec<Signature>, Failure> {
    if is_pdf(source)? {
        return pades::prepare(source).map_err(|e| Failure::about(&file.display(), &e));
    }
    // data.json.p7s beside data.json: the content is where everybody puts it.
    let beside = || {
        let stem = file.with_extension("");
        let detached = file.extension().is_some_and(|e| e == "p7s");
        (detached && stem.is_file()).then_some(stem)
    };
    let content = match content {
        Some(path) => Some(Source::open(path)?),
        None => beside().map(|p| Source::open(&p)).transpose()?,
    };
    let detached = content.as_ref().map(|c| -> &dyn ReadAt { c });
    let found = cades::prepare(&Input {
        message: source,
        detached,
    })
    .map_err(|e| {
        Failure::about(&file.display(), &e)
            .hint("expected a PDF or a CMS message (.p7s, .p7m); is this the signed file?")
    })?;
    if let Some(content) = &content {
        content.unchanged()?;
    }
    Ok(found)
}

/// The report as JSON, with the name of the file first.
fn with_file(file: &Path, report: &Report) -> Result<serde_json::Value, Failure> {
    let failed = |e: serde_json::Error| Failure::new(format!("report: {e}"));
    let mut value = serde_json::to_value(report).map_err(failed)?;
    if let Some(map) = value.as_object_mut() {
        map.insert("file".to_owned(), file.display().to_string().into());
    }
    Ok(value)
}
