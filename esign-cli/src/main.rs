//! The `esign` command: sign, verify, run a small certification centre, check a document's code.
//!
//! Flags become a resolved job (files opened, policy loaded, time fixed), the job runs in
//! `esign-core`, and the answer is written for people or as JSON. Results go to standard output,
//! everything else to standard error.

mod args;
mod commands;
mod failure;
mod files;
mod lang;
mod settings;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::failure::{Exit, Failure};
use crate::lang::Lang;
use crate::settings::Settings;

/// What every command is given.
pub(crate) struct Context {
    /// Language for people.
    pub(crate) lang: Lang,
    /// Defaults of flags.
    pub(crate) settings: Settings,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // clap prints help and version to stdout, mistakes to stderr.
            let code = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Passed
            };
            let _ = error.print();
            return code.into();
        }
    };
    let settings = match Settings::load() {
        Ok(settings) => settings,
        Err(failure) => {
            failure.print();
            return failure.exit.into();
        }
    };
    let context = Context {
        lang: Lang::choose(cli.lang.as_deref().or(settings.lang.as_deref())),
        settings,
    };
    match run(cli.command, &context) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.print();
            failure.exit.into()
        }
    }
}

fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Quickstart(args) => commands::quickstart::run(&args, context),
        Command::Code(command) => commands::code::run(command, context),
        Command::Sign(args) => commands::sign::run(args, context),
        Command::Verify(args) => commands::verify::run(args, context),
        Command::Extend(args) => commands::extend::run(&args, context),
        Command::Timestamp(args) => commands::timestamp::run(&args, context),
        Command::Key(command) => commands::key::run(command, context),
        Command::Cert(command) => commands::cert::run(command, context),
        Command::Ca(command) => commands::ca::run(command, context),
        Command::Centre(args) => commands::centre::run(args, context),
        Command::Config(args) => commands::config::run(&args, context),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(
                shell,
                &mut <Cli as clap::CommandFactory>::command(),
                "esign",
                &mut script,
            );
            print(&String::from_utf8_lossy(&script))?;
            Ok(Exit::Passed)
        }
    }
}

/// Writes a result to standard output; a closed pipe is no mistake of the user's.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::io("standard output cannot be written", &e))
        }
        _ => Ok(()),
    }
}
