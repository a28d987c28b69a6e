//! `ca-server`: the service itself, of a centre or of a demonstration.

use std::future::Future;
use std::path::Path;
use std::process::ExitCode;

use ca_server::centre::Who;
use ca_server::ids::Name;
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

/// Where a demonstration listens.
const PUBLIC: &str = "127.0.0.1:8080";
const OPERATORS: &str = "127.0.0.1:8443";

fn demonstrate(dir: &Path) -> Result<(), Failure> {
    let options = SetupOptions::demonstration(PUBLIC, OPERATORS);
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
