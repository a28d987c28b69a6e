//! The certification centre's service: `ca-server`.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ca_server::centre::{Addresses, InitOptions, Who};
use ca_server::ids::Name;
use ca_server::officers::Role;
use ca_server::service::Service;
use ca_server::service::assemble::{assemble, move_store, system_clock};
use ca_server::service::config::Config;
use ca_server::setup::{CONFIGURATION, SetupOptions, set_up};
use clap::{Args, Parser, Subcommand};

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
    serve: Serve,
}

const EXAMPLES: &str = "Examples:
  ca-server                                  a demonstration centre in ca-demo
  ca-server --config /etc/ca/ca-server.toml  a real one

Settings of the file are overridden by the environment: CA_SERVER_PUBLIC__LISTEN=0.0.0.0:80
The log goes to standard error; RUST_LOG=warn says how much, CA_SERVER_LOG=json in which form.";

#[derive(Args)]
struct Serve {
    /// Configuration file; its folder is the centre's
    #[arg(long)]
    config: Option<PathBuf>,
    /// Folder of the demonstration centre
    #[arg(long, default_value = "ca-demo", conflicts_with = "config")]
    dir: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Move a store in a file into the empty PostgreSQL database of the configuration
    ///
    /// Nothing may use the file meanwhile, and nothing may use it afterwards: two stores would give
    /// the same numbers twice.
    MoveStore {
        /// The file, such as store.sqlite
        from: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log();
    let done = match arguments.command {
        Some(Command::MoveStore { from }) => move_in(&arguments.serve, &from),
        None => serve(&arguments.serve),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
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

type Failure = Box<dyn std::error::Error>;

fn serve(arguments: &Serve) -> Result<(), Failure> {
    let demonstration = arguments.config.is_none();
    let path = match &arguments.config {
        Some(path) => path.clone(),
        None => {
            let path = arguments.dir.join(CONFIGURATION);
            if !path.exists() {
                demonstrate(&arguments.dir)?;
            }
            path
        }
    };
    let (dir, config) = read(&path)?;
    let parts = assemble(&dir, &config, &ask)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        // The signals are caught before the address is told, so that none is lost after it.
        let stop = stop()?;
        let service = Service::bind(parts).await?;
        println!("everybody:  {}", service.public_url());
        if let Some(address) = service.operators_address() {
            println!("officers:   https://{address}");
        }
        if demonstration {
            let officers = dir.join("officers");
            println!("time-stamps: {}/tsa", service.public_url());
            println!(
                "\nThis is a demonstration: what it issues says SINAQ (test) and has no force.\n\
                 In another terminal:\n  esign centre me --as {}",
                officers.join("registrar").display()
            );
        }
        service.run(stop).await;
        println!("stopped");
        Ok(())
    })
}

/// The configuration at `path`, and its folder.
fn read(path: &Path) -> Result<(PathBuf, Config), Failure> {
    // Variables that are not text are nobody's settings.
    let environment = std::env::vars_os()
        .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
        .filter(|(name, _)| name != "CA_SERVER_LOG");
    let config = Config::read(path, environment)?;
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let dir = dir.unwrap_or(Path::new(".")).to_owned();
    Ok((dir, config))
}

fn ask(what: &str) -> std::io::Result<String> {
    rpassword::prompt_password(format!("{what}: "))
}

fn move_in(arguments: &Serve, from: &Path) -> Result<(), Failure> {
    let path = arguments.config.clone();
    let (dir, config) = read(&path.unwrap_or_else(|| arguments.dir.join(CONFIGURATION)))?;
    let rows = move_store(&dir, &config, from, &ask)?;
    println!("{rows} rows were moved");
    Ok(())
}

/// The policy of a demonstration's time-stamps: of the arc for documentation (RFC 5612).
const TSA_POLICY: &str = "1.3.6.1.4.1.32473.2";
/// Where a demonstration listens.
const PUBLIC: &str = "127.0.0.1:8080";
const OPERATORS: &str = "127.0.0.1:8443";

fn demonstrate(dir: &Path) -> Result<(), Failure> {
    let public = format!("http://{PUBLIC}");
    let mut centre = InitOptions::new("Demo", "Demo Certification Centre");
    centre.test = true;
    centre.addresses = Addresses {
        crl: vec![format!("{public}/crl/issuing.crl")],
        ocsp: vec![format!("{public}/ocsp")],
        ca_issuers: vec![format!("{public}/ca/issuing.cer")],
        root_crl: vec![format!("{public}/crl/root.crl")],
        root_certificate: vec![format!("{public}/ca/root.cer")],
    };
    let officer = |role: Role| (role.name().to_owned(), vec![role]);
    let options = SetupOptions {
        centre,
        hosts: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        operators_url: format!("https://{OPERATORS}"),
        officers: Role::ALL.into_iter().map(officer).collect(),
        approvals: 1,
        configuration: format!(
            "# A demonstration centre. The keys are not encrypted.\n\
             roles = [\"ca\", \"status\", \"tsa\"]\n\
             store = \"sqlite:store.sqlite\"\n\n\
             [public]\nlisten = \"{PUBLIC}\"\n\n\
             [operators]\nlisten = \"{OPERATORS}\"\ncertificate = \"server.pem\"\nkey = \"keys/server.pem\"\n\n\
             [[issuing]]\ncertificate = \"issuing.pem\"\nkey = \"keys/issuing.pem\"\n\n\
             # A real root is kept off line.\n\
             [[root]]\ncertificate = \"root.pem\"\nkey = \"keys/root.pem\"\n\n\
             [tsa]\ncertificate = \"tsa.pem\"\nkey = \"keys/tsa.pem\"\npolicies = [\"{TSA_POLICY}\"]\n\
             # A real one asks chrony, which is the default.\nclock = \"vouched\"\n"
        ),
    };
    let who = Who {
        by: Name::new("setup")?,
        at: system_clock(),
    };
    set_up(dir, &options, &|| None, &who)?;
    println!("A demonstration centre was made in {}.\n", dir.display());
    Ok(())
}

/// Done at SIGINT or SIGTERM.
#[cfg(unix)]
fn stop() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Done at Ctrl-C.
#[cfg(not(unix))]
fn stop() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        // Without the handler the process ends by the system's own.
        let _ = tokio::signal::ctrl_c().await;
    })
}
