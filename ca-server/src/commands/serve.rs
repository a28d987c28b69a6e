//! `ca-server`: the service itself, of a centre or of a demonstration.

use std::fs::{File, TryLockError};
use std::future::Future;
use std::path::Path;
use std::process::ExitCode;

use ca_server::centre::Who;
use ca_server::ids::Name;
use ca_server::service::Service;
use ca_server::service::assemble::{assemble, system_clock};
use ca_server::service::config::Config;
use ca_server::setup::{SetupOptions, set_up};

use super::{Failure, Where, ask};

/// Serves until it is told to stop.
pub(crate) fn run(arguments: &Where) -> Result<ExitCode, Failure> {
    let demonstration = arguments.config.is_none();
    if demonstration && !arguments.path().exists() {
        demonstrate(&arguments.dir)?;
    }
    let (dir, config) = arguments.read()?;
    let _alone = alone(&dir, &config)?;
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

/// Held while a store in a file is served: two processes would sequence its log against each other.
/// Replicas on a database take turns by leases.
fn alone(dir: &Path, config: &Config) -> Result<Option<File>, Failure> {
    if !config.store.as_str().starts_with("sqlite:") {
        return Ok(None);
    }
    let path = dir.join("serving.lock");
    let about = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let file = File::create(&path).map_err(|e| about(&e))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(about(&"another ca-server serves this folder").into()),
        Err(TryLockError::Error(e)) => Err(about(&e).into()),
    }
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
