//! The certification centre's service: `ca-server`.

use std::future::Future;
use std::net::SocketAddr;
use std::process::ExitCode;

use ca_server::service::Service;
use clap::Parser;

/// The certification centre's service. At present it answers GET /healthz.
#[derive(Parser)]
#[command(name = "ca-server", version)]
struct Arguments {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, env = "CA_SERVER_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match serve(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ca-server: error: {error}");
            ExitCode::from(2)
        }
    }
}

fn serve(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        // The signals are caught before the address is told, so that none is lost after it.
        let stop = stop()?;
        let service = Service::bind(arguments.listen).await?;
        println!("listening on http://{}", service.address());
        service.run(stop).await?;
        println!("stopped");
        Ok(())
    })
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
