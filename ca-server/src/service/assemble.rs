//! From a configuration to the parts of a service: stores opened, keys unlocked, roles built.

use std::io::BufRead;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use esign_core::keys::{Passphrase, PrivateKey, SigningKey};
use esign_core::time::UnixTime;
use esign_core::x509::{Certificate, certificates};

use super::config::{Config, KeyConfig, PassphraseSource, RoleName};
use super::roles::Listed;
use super::{Operators, Parts, ServiceError};
use crate::life::{IssuingKey, Life};
use crate::settings::Settings;
use crate::store::Store;
use crate::store::sqlite::SqliteStore;

/// The system's clock, whole seconds.
pub fn system_clock() -> UnixTime {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    UnixTime::from_seconds(i64::try_from(since).unwrap_or(i64::MAX))
}

/// Opens what `config`, a file in `dir`, speaks of. `prompt` asks at the terminal for the passphrase
/// of what it is given.
///
/// # Errors
/// A file is missing or damaged, a passphrase is wrong, a key is another certificate's, the store
/// cannot be opened.
pub fn assemble(
    dir: &Path,
    config: &Config,
    prompt: &dyn Fn(&str) -> std::io::Result<String>,
) -> Result<Parts, ServiceError> {
    let opener = Opener { dir, prompt };
    let issuing = config
        .issuing
        .iter()
        .map(|one| opener.issuing(one))
        .collect::<Result<Vec<_>, ServiceError>>()?;
    let authorities: Vec<_> = issuing.iter().map(|one| one.certificate.clone()).collect();
    let registry = prometheus::Registry::new();
    let mut roles = Vec::new();
    if config.roles.contains(&RoleName::Tsa)
        && let Some(tsa) = &config.tsa
    {
        let mut chain = opener.chain(&tsa.certificate)?;
        let key = opener.file(&dir.join(&tsa.key), tsa.passphrase.as_ref())?;
        let certificate = chain.remove(0);
        let key = Arc::new(key);
        roles.push(super::timestamps::tsa(
            tsa,
            key,
            certificate,
            &chain,
            &registry,
        )?);
    }
    let mut life = None;
    if config.needs_store() {
        let settings = Arc::new(Settings::read(dir)?);
        let store = open_store(dir, &config.store)?;
        life = Some(Life::new(store, settings, issuing.clone())?);
    }
    if let Some(life) = &life
        && config.roles.contains(&RoleName::Status)
    {
        let listed = issuing
            .into_iter()
            .zip(&config.issuing)
            .map(|(key, one)| Listed {
                name: stem(&one.certificate),
                key,
            })
            .collect();
        let roots = config
            .root
            .iter()
            .map(|one| {
                Ok(Listed {
                    name: stem(&one.certificate),
                    key: opener.issuing(one)?,
                })
            })
            .collect::<Result<Vec<_>, ServiceError>>()?;
        roles.push(super::roles::status(
            dir,
            life,
            listed,
            roots,
            system_clock,
        )?);
    }
    let mut routes = Router::new();
    let mut tasks = Vec::new();
    for added in roles {
        routes = routes.merge(added.routes);
        tasks.extend(added.tasks);
    }
    let operators = match &config.operators {
        None => None,
        Some(operators) => {
            let path = dir.join(&operators.key);
            Some(Operators {
                address: operators.listen,
                chain: opener.chain(&operators.certificate)?,
                key: opener.file(&path, operators.passphrase.as_ref())?,
                authorities,
            })
        }
    };
    Ok(Parts {
        life,
        public: config.public.listen,
        requests_a_second: config
            .operators
            .as_ref()
            .map_or(NonZeroU32::MIN, |operators| operators.requests_a_second),
        operators,
        roles: routes,
        tasks,
        registry,
        clock: system_clock,
    })
}

/// The name under which an authority's list and certificate are asked for.
fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

fn open_store(dir: &Path, url: &str) -> Result<Arc<dyn Store>, ServiceError> {
    match url.strip_prefix("sqlite:") {
        Some(file) => {
            let path = dir.join(file);
            // To open a store that is not there would make an empty one.
            if !path.is_file() {
                return Err(ServiceError::new(path.display(), "there is no such store"));
            }
            let store = SqliteStore::open(&path)
                .map_err(|error| ServiceError::new(path.display(), error))?;
            Ok(Arc::new(store))
        }
        None => Err(ServiceError::new(
            "store",
            format_args!("\"{url}\" is not sqlite:FILE"),
        )),
    }
}

struct Opener<'a> {
    dir: &'a Path,
    prompt: &'a dyn Fn(&str) -> std::io::Result<String>,
}

type KeyAndChain = (Vec<Certificate>, Arc<dyn SigningKey>);

impl Opener<'_> {
    fn issuing(&self, config: &KeyConfig) -> Result<IssuingKey, ServiceError> {
        let (mut chain, key) = self.key(config)?;
        Ok(IssuingKey::new(chain.remove(0), key)?)
    }

    /// A key with its certificate (the first) and those above it.
    fn key(&self, config: &KeyConfig) -> Result<KeyAndChain, ServiceError> {
        let chain = self.chain(&config.certificate)?;
        let key = self.file(&self.dir.join(&config.key), config.passphrase.as_ref())?;
        Ok((chain, Arc::new(key)))
    }

    /// The certificates of a file, at least one.
    fn chain(&self, path: &Path) -> Result<Vec<Certificate>, ServiceError> {
        let path = self.dir.join(path);
        let wrong = |what: &dyn std::fmt::Display| ServiceError::new(path.display(), what);
        let octets = std::fs::read(&path).map_err(|e| wrong(&e))?;
        let chain = certificates(&octets).map_err(|e| wrong(&e))?;
        if chain.is_empty() {
            return Err(wrong(&"holds no certificate"));
        }
        Ok(chain)
    }

    fn file(
        &self,
        path: &Path,
        source: Option<&PassphraseSource>,
    ) -> Result<PrivateKey, ServiceError> {
        let octets = zeroize::Zeroizing::new(
            std::fs::read(path).map_err(|e| ServiceError::new(path.display(), e))?,
        );
        let passphrase = source
            .map(|source| self.passphrase(source, path))
            .transpose()?;
        PrivateKey::from_file(&octets, passphrase.as_ref())
            .map_err(|e| ServiceError::new(path.display(), e))
    }

    fn passphrase(
        &self,
        source: &PassphraseSource,
        key: &Path,
    ) -> Result<Passphrase, ServiceError> {
        let path = match source {
            PassphraseSource::Prompt => {
                let what = format!("Passphrase of {}", key.display());
                return (self.prompt)(&what)
                    .map(Passphrase::new)
                    .map_err(|e| ServiceError::new(key.display(), e));
            }
            PassphraseSource::File(file) => self.dir.join(file),
            PassphraseSource::Credential(name) => {
                let folder = std::env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(|| {
                    ServiceError::new(
                        format_args!("credential {name}"),
                        "CREDENTIALS_DIRECTORY is not set: the service manager gives no credentials",
                    )
                })?;
                // A name, not a path: it stays in the folder.
                if name.contains(['/', '\\']) || name.starts_with('.') {
                    return Err(ServiceError::new(
                        format_args!("credential {name}"),
                        "is not the name of a credential",
                    ));
                }
                PathBuf::from(folder).join(name)
            }
        };
        let failed = |e: std::io::Error| ServiceError::new(path.display(), e);
        let mut line = String::new();
        std::io::BufReader::new(std::fs::File::open(&path).map_err(failed)?)
            .read_line(&mut line)
            .map_err(failed)?;
        let length = line.trim_end_matches(['\r', '\n']).len();
        line.truncate(length);
        Ok(Passphrase::new(line))
    }
}
