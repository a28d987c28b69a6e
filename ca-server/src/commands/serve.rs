//! `ca-server`: the service itself, of a centre or of a demonstration.

use std::future::Future;
use std::path::Path;
use std::process::ExitCode;

use ca_server::centre::{Addresses, InitOptions, Who};
use ca_server::ids::Name;
use ca_server::officers::Role;
use ca_server::service::Service;
use ca_server::service::assemble::{assemble, system_clock};
use ca_server::setup::{SetupOptions, set_up};

use super::{Failure, Where, ask};

/// Serves until it is told to stop.
pub(crate) fn run(arguments: &Where) -> Result<ExitCode, Failure> {
    let demonstration = arguments.config.is_none();
    if demonstration && !arguments.path().exists() {
        demonstrate(&arguments.dir)?;
    }
    let (dir, config) = arguments.read()?;
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
        Ok(ExitCode::SUCCESS)
    })
}

/// The policy of a demonstration's time-stamps: of the arc for documentation (RFC 5612).
const TSA_POLICY: &str = "1.3.6.1.4.1.32473.2";
/// The name of a demonstration's log.
const LOG_ORIGIN: &str = "centre.example/audit";
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
        log_origin: LOG_ORIGIN.to_owned(),
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
             # A real one asks chrony, which is the default.\nclock = \"vouched\"\n\n\
             [log]\norigin = \"{LOG_ORIGIN}\"\nkey = \"keys/log.pem\"\n"
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
