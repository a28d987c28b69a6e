//! What `ca-server` does besides serving, a file for each.

pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod init;
pub(crate) mod root_list;
pub(crate) mod serve;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ca_server::service::assemble::move_store;
use ca_server::service::config::Config;
use ca_server::setup::CONFIGURATION;
use clap::Args;

pub(crate) type Failure = Box<dyn std::error::Error>;

/// The answer is no: something is missing or was tampered with.
pub(crate) const NO: u8 = 1;

/// Which centre.
#[derive(Args)]
pub(crate) struct Where {
    /// Configuration file; its folder is the centre's
    #[arg(long, global = true)]
    pub(crate) config: Option<PathBuf>,
    /// Folder of the demonstration centre
    #[arg(
        long,
        default_value = "ca-demo",
        conflicts_with = "config",
        global = true
    )]
    pub(crate) dir: PathBuf,
}

impl Where {
    fn path(&self) -> PathBuf {
        self.config
            .clone()
            .unwrap_or_else(|| self.dir.join(CONFIGURATION))
    }

    /// The configuration, and its folder.
    fn read(&self) -> Result<(PathBuf, Config), Failure> {
        let path = self.path();
        // Variables that are not text are nobody's settings.
        let environment = std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
            .filter(|(name, _)| name != "CA_SERVER_LOG");
        let config = Config::read(&path, environment)?;
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        Ok((dir.unwrap_or(Path::new(".")).to_owned(), config))
    }
}

fn ask(what: &str) -> std::io::Result<String> {
    rpassword::prompt_password(format!("{what}: "))
}

/// `ca-server move-store`.
pub(crate) fn move_in(arguments: &Where, from: &Path) -> Result<ExitCode, Failure> {
    let (dir, config) = arguments.read()?;
    let rows = move_store(&dir, &config, from, &ask)?;
    println!("{rows} rows were moved");
    Ok(ExitCode::SUCCESS)
}
