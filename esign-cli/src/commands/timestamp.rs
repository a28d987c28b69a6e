//! `esign timestamp`.

use std::path::PathBuf;

use esign_core::der::{Tag, Writer};
use esign_core::keys::DigestAlgorithm;

use super::services::ServiceArgs;
use super::verify::digest_by;
use crate::failure::{Exit, Failure};
use crate::files::{self, Secrecy, Source};
use crate::{Context, print};

/// Have a file time-stamped: proof that it existed then
#[derive(clap::Args)]
#[command(after_help = "Examples:
  esign timestamp archive.zip --tsa http://tsa.example/              writes archive.zip.tsr
  openssl ts -verify -in archive.zip.tsr -data archive.zip -CAfile root.pem

A signed document is brought to B-T with esign extend --level t.")]
pub(crate) struct Args {
    /// What to stamp; its digest leaves the machine, nothing else
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    services: ServiceArgs,
    /// Where to write the response [default: FILE.tsr]
    #[arg(short, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let source = Source::open(&args.file)?;
    let outside = args.services.load(&context.settings)?;
    let digest = digest_by(DigestAlgorithm::Sha256, &args.file, &source)?;
    source.unchanged()?;
    let target = args.output.clone().unwrap_or_else(|| {
        let mut name = args.file.clone().into_os_string();
        name.push(".tsr");
        name.into()
    });
    let stamp = outside.time_stamp(&digest)?;
    // TimeStampResp with status granted: what openssl ts and others read.
    let mut w = Writer::new();
    w.sequence(|w| {
        w.sequence(|w| w.tlv(Tag::INTEGER, &[0]));
        w.raw(stamp.token().der());
    });
    files::write(&target, &w.finish(), args.force, Secrecy::Public)?;
    print(&format!(
        "{}\n",
        context.lang.with(
            "timestamp-done",
            &[
                ("file", &args.file.display().to_string()),
                ("time", &context.lang.time(stamp.gen_time().time)),
                ("authority", &stamp.signer().subject().to_string()),
                ("target", &target.display().to_string()),
            ],
        )
    ))?;
    Ok(Exit::Passed)
}
