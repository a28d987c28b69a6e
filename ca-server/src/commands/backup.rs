//! `ca-server backup`: a copy of a store in a file, consistent while the service runs.

use std::path::PathBuf;
use std::process::ExitCode;

use ca_server::service::assemble::back_up;

use super::{Failure, Where};

#[derive(clap::Args)]
#[command(
    after_help = "The copy is the state of one moment, whole. It replaces the store of a stopped centre by a plain copy back; \
`ca-server check` then says what was done since, and a centre with a signed log does not start from a store that is behind it. \
A PostgreSQL database is backed up by its own means (pg_basebackup and WAL archiving, or pg_dump)."
)]
pub(crate) struct Args {
    /// Where the copy goes; it must not be there yet
    to: PathBuf,
}

pub(crate) fn run(at: &Where, args: &Args) -> Result<ExitCode, Failure> {
    let (dir, config) = at.read()?;
    let octets = back_up(&dir, &config, &args.to)?;
    println!("{octets} octets written to {}", args.to.display());
    Ok(ExitCode::SUCCESS)
}
