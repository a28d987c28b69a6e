//! The certification centre's service: `ca-server`.

mod commands;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::commands::{Where, audit, backup, check, init, move_in, root_list, serve};

/// The certification centre's service.
///
/// Without anything it makes a demonstration centre in the folder ca-demo, the first time, and serves
/// it. Everything that such a centre issues says SINAQ (test) and has no force.
#[derive(Parser)]
#[command(name = "ca-server", version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    at: Where,
}

const EXAMPLES: &str = "Examples:
  ca-server                                  a demonstration centre in ca-demo
  ca-server init plan > plan.toml            the first step to a real one
  ca-server --config /etc/ca/ca-server.toml  a real one
  ca-server check                            whether anything is missing
  ca-server audit verify --head HEAD         whether the audit was tampered with

Settings of the file are overridden by the environment: CA_SERVER_PUBLIC__LISTEN=0.0.0.0:80
The log goes to standard error; RUST_LOG=warn says how much, CA_SERVER_LOG=json in which form.";

#[derive(Subcommand)]
enum Command {
    /// Set up a real centre, its root kept off line, step by step
    #[command(subcommand)]
    Init(init::Step),
    /// Bring the next list of the root off line
    RootList(root_list::Args),
    /// Move a store in a file into the empty PostgreSQL database of the configuration
    ///
    /// Nothing may use the file meanwhile, and nothing may use it afterwards: two stores would give
    /// the same numbers twice.
    MoveStore {
        /// The file, such as store.sqlite
        from: PathBuf,
    },
    /// Read the audit log as an auditor
    #[command(subcommand)]
    Audit(audit::Job),
    /// Compare the store with what was published and with the journal, and say what is missing
    Check(check::Args),
    /// Copy the store while it is in use
    Backup(backup::Args),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log();
    let done = match arguments.command {
        Some(Command::MoveStore { from }) => move_in(&arguments.at, &from),
        Some(Command::Audit(job)) => audit::run(&arguments.at, &job),
        Some(Command::Check(args)) => check::run(&arguments.at, &args),
        Some(Command::Backup(args)) => backup::run(&arguments.at, &args),
        Some(Command::Init(step)) => init::run(step),
        Some(Command::RootList(args)) => root_list::run(&arguments.at, &args),
        None => serve::run(&arguments.at),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("ca-server: error: {error}");
            ExitCode::from(2)
        }
    }
}

fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if std::env::var_os("CA_SERVER_LOG").is_some_and(|form| form == "json") {
        log.json().init();
    } else {
        log.init();
    }
}
