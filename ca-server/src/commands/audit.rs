//! `ca-server audit`: what an auditor does with the log.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ca_server::audit::{DirectoryTiles, Verification, export, verify, verify_export};
use ca_server::service::assemble::{log_key, open_stores};
use ca_server::setup::LOG_KEY;
use clap::Subcommand;
use esign_core::log::{NoteKey, SignedNote};

use super::{Failure, NO, Where, ask};

#[derive(Subcommand)]
pub(crate) enum Job {
    /// Say whether any entry was changed, inserted, cut off or lost since the heads that you hold
    #[command(after_help = VERIFY)]
    Verify {
        /// A head that you were given earlier; several times for several
        #[arg(long = "head", value_name = "FILE")]
        heads: Vec<PathBuf>,
        /// Verify this export, without the store
        #[arg(long, value_name = "FILE")]
        export: Option<PathBuf>,
        /// File with the log's public key, which you were given at the beginning [default: the centre's
        /// own copy, which whoever rewrites the log rewrites as well]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Write the log to a file that is verified without the store
    Export {
        /// The file; `-` is the standard output
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Print the newest signed head: keep it where the centre cannot change it
    Head,
    /// Print the log's public key by the configuration: what log.vkey is to hold
    Key,
}

const VERIFY: &str = "Examples:
  ca-server audit head > head-2026-11-23.txt             today, for your safe
  ca-server audit verify --head head-2026-11-23.txt --key log.vkey
  ca-server audit verify --export audit.jsonl --head head-2026-11-23.txt --key log.vkey

Exit code 1 says that something was tampered with, and each line what.";

pub(crate) fn run(at: &Where, job: &Job) -> Result<ExitCode, Failure> {
    match job {
        Job::Verify { heads, export, key } => {
            let heads = heads
                .iter()
                .map(|path| head(path))
                .collect::<Result<Vec<_>, Failure>>()?;
            let found = match export {
                Some(file) => {
                    let Some(key) = key else {
                        return Err(
                            "an export is verified by a key from elsewhere: name it with --key"
                                .into(),
                        );
                    };
                    let input = File::open(file).map_err(|e| about(file, e))?;
                    verify_export(&mut BufReader::new(input), &heads, &named(key)?)?
                }
                None => {
                    let (dir, config) = at.read()?;
                    let own = dir.join(LOG_KEY);
                    let key = named(key.as_ref().unwrap_or(&own))?;
                    let stores = open_stores(&dir, &config, &ask)?;
                    let tiles = DirectoryTiles::open(&dir.join("log"))?;
                    verify(stores.log.as_ref(), Some(&tiles), &heads, &key)?
                }
            };
            Ok(told(&found, heads.len()))
        }
        Job::Export { output } => {
            let (dir, config) = at.read()?;
            let stores = open_stores(&dir, &config, &ask)?;
            let tiles = DirectoryTiles::open(&dir.join("log"))?;
            let key = named(&dir.join(LOG_KEY))?;
            let log = stores.log.as_ref();
            if output == Path::new("-") {
                export(
                    log,
                    &tiles,
                    &key,
                    &mut BufWriter::new(std::io::stdout().lock()),
                )?;
                return Ok(ExitCode::SUCCESS);
            }
            let mut file = File::create_new(output).map_err(|e| about(output, e))?;
            let mut out = BufWriter::new(&mut file);
            let written = export(log, &tiles, &key, &mut out)?;
            out.flush().map_err(|e| about(output, e))?;
            drop(out);
            file.sync_all().map_err(|e| about(output, e))?;
            println!("{written} entries written to {}", output.display());
            Ok(ExitCode::SUCCESS)
        }
        Job::Key => {
            let (dir, config) = at.read()?;
            println!("{}", log_key(&dir, &config, &ask)?);
            Ok(ExitCode::SUCCESS)
        }
        Job::Head => {
            let (dir, config) = at.read()?;
            let stores = open_stores(&dir, &config, &ask)?;
            let head = stores.log.signed_head()?.and_then(|head| head.note);
            let Some(head) = head else {
                return Err("the log has no signed head yet".into());
            };
            print!("{head}");
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn told(found: &Verification, held: usize) -> ExitCode {
    for wrong in &found.wrong {
        println!("{wrong}");
    }
    let more = found
        .count
        .saturating_sub(u64::try_from(found.wrong.len()).unwrap_or(u64::MAX));
    if more > 0 {
        println!("… and {more} more");
    }
    if !found.holds() {
        println!(
            "the log does NOT hold: {} findings in {} entries",
            found.count, found.entries
        );
        return ExitCode::from(NO);
    }
    println!(
        "the log holds: {} entries, {} not sequenced yet, {held} of your heads",
        found.entries, found.waiting
    );
    if held == 0 {
        println!(
            "without a head of your own (--head) a log that was rewritten as a whole holds, too"
        );
    }
    ExitCode::SUCCESS
}

fn about(path: &Path, error: std::io::Error) -> Failure {
    format!("{}: {error}", path.display()).into()
}

fn head(path: &Path) -> Result<SignedNote, Failure> {
    let octets = std::fs::read(path).map_err(|e| about(path, e))?;
    SignedNote::parse(&octets).map_err(|e| format!("{}: {e}", path.display()).into())
}

/// The public key of a log, as its file has it.
pub(super) fn named(path: &Path) -> Result<NoteKey, Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| about(path, e))?;
    NoteKey::parse(text.trim()).map_err(|e| format!("{}: {e}", path.display()).into())
}
