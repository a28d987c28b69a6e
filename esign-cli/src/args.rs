//! The command line: one definition per flag feeds parser, help and completions.

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::commands;

/// Sign documents, verify them, run a small certification centre, check a document's code.
#[derive(Parser)]
#[command(
    name = "esign",
    version,
    propagate_version = true,
    after_help = "Exit codes: 0 passed or done, 1 the answer is no, 2 usage or I/O (nothing was changed), 3 the answer is open."
)]
pub(crate) struct Cli {
    /// Language for people: az or en [default: the locale's]
    #[arg(long, global = true, value_name = "LANG", value_parser = ["az", "en"], env = "ESIGN_LANG")]
    pub(crate) lang: Option<String>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a whole demonstration centre and one coded, signed, checked document
    Quickstart(commands::quickstart::Args),
    /// Sign files: PDF inside, anything else beside or around
    Sign(commands::sign::Args),
    /// Verify the signatures of files
    Verify(commands::verify::Args),
    /// Bring the signatures of a file to a level, or renew their archive time-stamp
    Extend(commands::extend::Args),
    /// Have a file time-stamped
    Timestamp(commands::timestamp::Args),
    /// Private keys: make them
    #[command(subcommand)]
    Key(commands::key::KeyCommand),
    /// Certificates: explain them, ask for them
    #[command(subcommand)]
    Cert(commands::cert::CertCommand),
    /// Run a one-officer certification centre in a folder
    #[command(subcommand)]
    Ca(commands::ca::Ca),
    /// Work at a served certification centre, as one of its officers
    Centre(commands::centre::Args),
    /// Check the code of a document
    #[command(subcommand)]
    Code(commands::code::CodeCommand),
    /// Show or set defaults
    Config(commands::config::Args),
    /// Print a completion script for a shell
    Completions {
        /// For which shell
        shell: Shell,
    },
}
