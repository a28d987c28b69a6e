//! `esign extend`.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use esign_core::levels::{self, extend_cms, extend_pdf};
use esign_core::source::ReadAt;

use super::services::{ServiceArgs, failed};
use super::sign::is_pdf;
use crate::failure::{Exit, Failure};
use crate::files::{Output, Secrecy, Source};
use crate::{Context, print};

/// Bring the signatures of a file to a level, or renew their archive time-stamp
#[derive(clap::Args)]
#[command(after_help = "Examples:
  esign extend contract-signed.pdf --level lta --tsa http://tsa.example/ --trust root.pem
  esign extend data.json.p7s --content data.json --level lt --trust root.pem -o data-lt.p7s
  esign extend archive.pdf --level lta --trust roots.pem -o archive.pdf --force     renews it in place
  esign extend letter.pdf --level lt --offline --trust root.pem --crl root.crl --intermediate ca.pem

t: a time-stamp over the signature; lt: certificates and status with it; lta: a time-stamp over all of
that, once more with every call. Renew before the certificate of the last time-stamp ends.")]
pub(crate) struct Args {
    /// Signed PDF or CMS message, also one that others signed
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The level to reach
    #[arg(long, value_enum)]
    level: Level,
    /// Content of a detached message [default: the file beside it without .p7s]
    #[arg(long, value_name = "FILE")]
    content: Option<PathBuf>,
    #[command(flatten)]
    services: ServiceArgs,
    /// Where to write [default: FILE-extended beside it]
    #[arg(short, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long)]
    force: bool,
}

/// Levels above B-B.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    T,
    Lt,
    Lta,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let source = Source::open(&args.file)?;
    let target = match &args.output {
        Some(output) => output.clone(),
        None => beside(&args.file)?,
    };
    let outside = args.services.load(&context.settings)?;
    let level = match args.level {
        Level::T => levels::Level::T,
        Level::Lt => levels::Level::Lt,
        Level::Lta => levels::Level::Lta,
    };
    let output = Output::create(&target, args.force, Secrecy::Public)?;
    let mut writer = BufWriter::with_capacity(128 * 1024, output);
    let unwritten = |e: &std::io::Error| Failure::io(&target.display().to_string(), e);
    if is_pdf(&source)? {
        let tail = outside
            .with(|services| extend_pdf(&source, level, services))
            .map_err(|e| failed(&e).within(&args.file))?;
        copy(&source, &mut writer).map_err(|e| unwritten(&e))?;
        writer.write_all(&tail).map_err(|e| unwritten(&e))?;
    } else {
        let content = match &args.content {
            Some(path) => Some(Source::open(path)?),
            None => {
                let stem = args.file.with_extension("");
                let detached = args.file.extension().is_some_and(|e| e == "p7s");
                (detached && stem.is_file())
                    .then(|| Source::open(&stem))
                    .transpose()?
            }
        };
        let detached = content.as_ref().map(|c| -> &dyn ReadAt { c });
        outside
            .with(|services| extend_cms(&source, detached, &mut writer, level, services))
            .map_err(|e| failed(&e).within(&args.file))?;
        if let Some(content) = &content {
            content.unchanged()?;
        }
    }
    let output = writer.into_inner().map_err(|e| unwritten(e.error()))?;
    source.unchanged()?;
    output.commit(args.force)?;
    print(&format!(
        "{}\n",
        context.lang.with(
            "extend-done",
            &[
                ("file", &args.file.display().to_string()),
                ("level", level.name()),
                ("target", &target.display().to_string()),
            ],
        )
    ))?;
    Ok(Exit::Passed)
}

/// `contract-signed-extended.pdf` beside `contract-signed.pdf`.
fn beside(file: &Path) -> Result<PathBuf, Failure> {
    let stem = file
        .file_stem()
        .ok_or_else(|| Failure::about(&file.display(), &"is not the name of a file"))?;
    let mut name = stem.to_owned();
    name.push("-extended");
    if let Some(extension) = file.extension() {
        name.push(".");
        name.push(extension);
    }
    Ok(file.with_file_name(name))
}

fn copy(source: &Source, out: &mut dyn Write) -> std::io::Result<()> {
    let mut block = vec![0; 128 * 1024];
    let mut at = 0u64;
    loop {
        let n = source.read_at(at, &mut block)?;
        let Some(octets) = block.get(..n).filter(|o| !o.is_empty()) else {
            return Ok(());
        };
        out.write_all(octets)?;
        at = at.saturating_add(u64::try_from(n).unwrap_or(u64::MAX));
    }
}
