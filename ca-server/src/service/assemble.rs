//! From a configuration to the parts of a service: stores opened, keys unlocked, roles built.

use std::io::BufRead;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use esign_core::keys::{Passphrase, PrivateKey, SigningKey};
use esign_core::log::{KeyKind, NoteKey};
use esign_core::time::UnixTime;
use esign_core::token::is_token_uri;
use esign_core::x509::{Certificate, certificates};

use zeroize::Zeroizing;

use super::config::{Config, KeyConfig, PassphraseSource, RegisterConfig, RoleName};
use super::notify::Notifier;
use super::register::RegisterParts;
use super::roles::{Listed, Roots};
use super::tokens;
use super::watch::Watch;
use super::webhook::Webhook;
use super::witnesses::Address;
use super::{Operators, Parts, ServiceError};
use crate::life::{IssuingKey, Life};
use crate::register::Vault;
use crate::settings::Settings;
use crate::store::postgres::{Options, PostgresStore};
use crate::store::sqlite::SqliteStore;
use crate::store::{Leaf, LeaseName, LogStore, RegisterLog, RegisterStore, Store};

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
    let opener = Opener::new(dir, config, prompt);
    let issuing = config
        .issuing
        .iter()
        .map(|one| opener.issuing(one))
        .collect::<Result<Vec<_>, ServiceError>>()?;
    let authorities: Vec<_> = issuing.iter().map(|one| one.certificate.clone()).collect();
    let terms = &config.alarms;
    let registry = prometheus::Registry::new();
    let mut roles = Vec::new();
    if config.roles.contains(&RoleName::Tsa)
        && let Some(tsa) = &config.tsa
    {
        let mut chain = opener.chain(&tsa.certificate)?;
        let certificate = chain.remove(0);
        let key = opener.signing(&tsa.key, tsa.passphrase.as_ref(), Some(&certificate))?;
        roles.push(super::timestamps::tsa(
            tsa,
            key,
            certificate,
            &chain,
            &registry,
            terms,
        )?);
    }
    if config.roles.contains(&RoleName::Witness)
        && let Some(witness) = &config.witness
    {
        let key = opener.signing(&witness.key, witness.passphrase.as_ref(), None)?;
        roles.push(super::witness_role::witness(
            dir,
            witness,
            key,
            system_clock,
        )?);
    }
    let mut life = None;
    if config.needs_store() {
        let stores = open_store(&opener, config)?;
        if let Some(log) = &config.log {
            let key = log.key.to_string_lossy();
            let key = opener.signing(&key, log.passphrase.as_ref(), None)?;
            roles.push(super::roles::log(
                dir,
                log,
                &stores.acts,
                stores.log.clone(),
                key,
                terms,
            )?);
        }
        if config.roles.contains(&RoleName::Register)
            && let Some(register) = &config.register
        {
            let own = opener.register(register, &stores, &authorities)?;
            roles.push(super::register::register(dir, register, own)?);
        }
        if config.acts() {
            let settings = Arc::new(Settings::read(dir)?);
            life = Some(Life::new(stores.acts, settings, issuing.clone())?);
        }
    }
    let mut seen = Vec::new();
    if let Some(life) = &life
        && config.roles.contains(&RoleName::Ca)
        && !config.roles.contains(&RoleName::Status)
    {
        // Lists are others' work; that it is done is looked after here as well.
        for (key, one) in issuing.iter().zip(&config.issuing) {
            let lists = super::looks::Lists::of_issuing(life, key.id(), stem(&one.certificate));
            seen.push(lists.look(terms, system_clock()));
        }
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
        let roots = opener.roots(config)?;
        roles.push(super::roles::status(
            dir,
            life,
            listed,
            roots,
            terms,
            system_clock,
        )?);
    }
    let mut routes = Router::new();
    let mut operator_roles = Router::new();
    let mut description = utoipa::openapi::OpenApi::default();
    let mut tasks = Vec::new();
    for added in roles {
        routes = routes.merge(added.routes);
        operator_roles = operator_roles.merge(added.operators);
        if let Some(more) = added.description {
            description.merge(more);
        }
        tasks.extend(added.tasks);
        seen.extend(added.looks);
    }
    let operators = match &config.operators {
        None => None,
        Some(operators) => {
            let path = dir.join(&operators.key);
            Some(Operators {
                address: operators.listen,
                chain: opener.chain(&operators.certificate)?,
                key: opener.file(&path, operators.passphrase.as_ref())?,
                authorities: opener.client_authorities(config, authorities)?,
            })
        }
    };
    if let Some(life) = &life
        && config.roles.contains(&RoleName::Ca)
    {
        seen.push(super::looks::ca(life, terms));
        tasks.push(super::roles::archive(life)?);
    }
    if let Some(own) = operators.as_ref().and_then(|one| one.chain.first()) {
        seen.push(super::looks::certificate("operators", own, terms));
    }
    let webhook = opener.webhook(
        terms.webhook.as_deref(),
        terms.webhook_authority.as_deref(),
        terms.webhook_secret.as_ref(),
    )?;
    let mut notifier = None;
    if let Some(life) = &life
        && config.roles.contains(&RoleName::Ca)
        && let Some(notices) = &config.notices
    {
        let webhook = opener.webhook(
            Some(&notices.webhook),
            notices.webhook_authority.as_deref(),
            notices.webhook_secret.as_ref(),
        )?;
        if let Some(webhook) = webhook {
            let lease = super::roles::leased(life.store(), LeaseName::Notices)?;
            let made = Notifier::new(life.clone(), lease, webhook, notices, &registry)?;
            let made = Arc::new(made);
            seen.push(made.look(terms));
            notifier = Some(made);
        }
    }
    let watch = Arc::new(Watch::new(terms.clone(), seen, webhook, &registry)?);
    Ok(Parts {
        watch,
        notifier,
        life,
        public: config.public.listen,
        requests_a_second: config
            .operators
            .as_ref()
            .map_or(NonZeroU32::MIN, |operators| operators.requests_a_second),
        operators,
        acts: config.acts(),
        roles: routes,
        operator_roles,
        description,
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

/// A store as its users see it.
pub struct Stores {
    /// Acts and what they made.
    pub acts: Arc<dyn Store>,
    /// The signed log over the audit.
    pub log: Arc<dyn LogStore>,
    /// What the register reads beside them.
    pub register: Arc<dyn RegisterStore>,
    /// The log over documents under a code.
    pub register_log: Arc<dyn LogStore<Leaf>>,
}

impl Stores {
    fn of<S: RegisterStore + LogStore + 'static>(store: S) -> Self
    where
        RegisterLog<S>: LogStore<Leaf>,
    {
        let store = Arc::new(store);
        Self {
            acts: store.clone(),
            log: store.clone(),
            register: store.clone(),
            register_log: Arc::new(RegisterLog(store)),
        }
    }
}

/// Opens the store of `config`, a file in `dir`, alone.
///
/// # Errors
/// There is no such store, or it cannot be opened.
pub fn open_stores(
    dir: &Path,
    config: &Config,
    prompt: &dyn Fn(&str) -> std::io::Result<String>,
) -> Result<Stores, ServiceError> {
    open_store(&Opener::new(dir, config, prompt), config)
}

/// The public key of the log of `config`, a file in `dir`, under its name.
///
/// # Errors
/// There is no log, or its key cannot be opened or has no such name.
pub fn log_key(
    dir: &Path,
    config: &Config,
    prompt: &dyn Fn(&str) -> std::io::Result<String>,
) -> Result<NoteKey, ServiceError> {
    let Some(log) = &config.log else {
        return Err(ServiceError::new("[log]", "is not configured"));
    };
    let opener = Opener::new(dir, config, prompt);
    let key = opener.signing(&log.key.to_string_lossy(), log.passphrase.as_ref(), None)?;
    NoteKey::new(&log.origin, KeyKind::Note, key.public_key())
        .map_err(|error| ServiceError::new("[log]", error))
}

/// Copies the store of `config`, a file in `dir`, to the file `to` while it is in use; gives the number
/// of octets.
///
/// # Errors
/// The store is not in a file, or cannot be read; `to` is there already, or cannot be written.
pub fn back_up(dir: &Path, config: &Config, to: &Path) -> Result<u64, ServiceError> {
    let Some(file) = config.store.as_str().strip_prefix("sqlite:") else {
        return Err(ServiceError::new(
            "store",
            "is a PostgreSQL database: use pg_basebackup with WAL archiving, or pg_dump",
        ));
    };
    let from = dir.join(file);
    if !from.is_file() {
        return Err(ServiceError::new(from.display(), "there is no such store"));
    }
    SqliteStore::back_up(&from, to).map_err(|error| ServiceError::new("back-up", error))
}

/// Opens the store of a configuration in `dir`. Neither its address nor an error tells a password.
fn open_store(opener: &Opener<'_>, config: &Config) -> Result<Stores, ServiceError> {
    match config.store.as_str().split_once(':') {
        Some(("sqlite", file)) => open_file(&opener.dir.join(file)).map(Stores::of),
        Some(("postgres" | "postgresql", _)) => open_database(opener, config).map(Stores::of),
        _ => Err(ServiceError::new(
            "store",
            "is neither sqlite:FILE nor postgres://USER@HOST:PORT/DATABASE",
        )),
    }
}

fn open_file(path: &Path) -> Result<SqliteStore, ServiceError> {
    // To open a store that is not there would make an empty one.
    if !path.is_file() {
        return Err(ServiceError::new(path.display(), "there is no such store"));
    }
    SqliteStore::open(path).map_err(|error| ServiceError::new(path.display(), error))
}

fn open_database(opener: &Opener<'_>, config: &Config) -> Result<PostgresStore, ServiceError> {
    let password = config
        .store_password
        .as_ref()
        .map(|source| opener.secret(source, "password of the store"))
        .transpose()?;
    let authorities = match &config.store_authority {
        Some(path) => opener.chain(path)?,
        None => Vec::new(),
    };
    let options = Options {
        authorities: authorities.iter().map(|one| one.der().to_vec()).collect(),
        ..Options::default()
    };
    let password = password.as_deref().map(String::as_str);
    PostgresStore::open_with(config.store.as_str(), password, &options)
        .map_err(|error| ServiceError::new("store", error))
}

/// Moves everything of the store in the file `from` into the empty PostgreSQL database of `config`, a
/// file in `dir`; gives the number of rows.
///
/// # Errors
/// There is no such file, the configuration's store is no PostgreSQL database or is not empty, or
/// either fails.
pub fn move_store(
    dir: &Path,
    config: &Config,
    from: &Path,
    prompt: &dyn Fn(&str) -> std::io::Result<String>,
) -> Result<u64, ServiceError> {
    let file = open_file(from)?;
    if !config.store.as_str().starts_with("postgres") {
        return Err(ServiceError::new("store", "is not postgres://"));
    }
    open_database(&Opener::new(dir, config, prompt), config)?
        .move_from(&file)
        .map_err(|error| ServiceError::new("store", error))
}

/// Opens a key on a token, before there is a configuration. `secret` gives the PIN.
///
/// # Errors
/// The URI means no key, or several; the PIN is wrong.
pub fn open_token(
    uri: &str,
    module: Option<&Path>,
    secret: &dyn Fn(&str) -> std::io::Result<Zeroizing<String>>,
) -> Result<Arc<dyn SigningKey>, ServiceError> {
    let pin = |_: &PassphraseSource, what: &str| {
        secret(what).map_err(|error| ServiceError::new(what, error))
    };
    let key = tokens::open(uri, module, Some(&PassphraseSource::Prompt), &pin, None)?;
    Ok(Arc::new(key))
}

struct Opener<'a> {
    dir: &'a Path,
    prompt: &'a dyn Fn(&str) -> std::io::Result<String>,
    pkcs11_module: Option<&'a Path>,
}

impl<'a> Opener<'a> {
    fn new(
        dir: &'a Path,
        config: &'a Config,
        prompt: &'a dyn Fn(&str) -> std::io::Result<String>,
    ) -> Self {
        Self {
            dir,
            prompt,
            pkcs11_module: config.pkcs11_module.as_deref(),
        }
    }
}

type KeyAndChain = (Vec<Certificate>, Arc<dyn SigningKey>);

impl Opener<'_> {
    fn issuing(&self, config: &KeyConfig) -> Result<IssuingKey, ServiceError> {
        let (mut chain, key) = self.key(config)?;
        Ok(IssuingKey::new(chain.remove(0), key)?)
    }

    /// What the register is made of; `issuing` certify the clients of bodies where nothing else is said.
    fn register(
        &self,
        config: &RegisterConfig,
        stores: &Stores,
        issuing: &[Certificate],
    ) -> Result<RegisterParts, ServiceError> {
        let pepper = self.secret(&config.pepper, "pepper of the register")?;
        let wrapping = self.secret(&config.wrapping_key, "wrapping key of the register")?;
        let vault = Vault::new(&pepper, &wrapping)
            .map_err(|e| ServiceError::new("pepper and wrapping-key", e))?;
        let authorities = match &config.authority {
            Some(path) => self.chain(path)?,
            None => issuing.to_vec(),
        };
        let witnesses = config
            .witness
            .iter()
            .map(|one| {
                let authorities = match &one.authority {
                    Some(path) => self.chain(path)?,
                    None => Vec::new(),
                };
                Address::new(&one.url, &one.key, &authorities)
            })
            .collect::<Result<_, ServiceError>>()?;
        Ok(RegisterParts {
            witnesses,
            acts: stores.acts.clone(),
            store: stores.register.clone(),
            log: stores.register_log.clone(),
            vault,
            key: self.signing(&config.key, config.passphrase.as_ref(), None)?,
            log_key: self.signing(&config.log_key, config.log_passphrase.as_ref(), None)?,
            authorities,
            clock: system_clock,
        })
    }

    /// Who certifies those that ask at the operators' address.
    fn client_authorities(
        &self,
        config: &Config,
        issuing: Vec<Certificate>,
    ) -> Result<Vec<Certificate>, ServiceError> {
        let named = config
            .register
            .as_ref()
            .and_then(|one| one.authority.as_ref());
        let mut all = issuing;
        if let Some(path) = named {
            for one in self.chain(path)? {
                if !all.contains(&one) {
                    all.push(one);
                }
            }
        }
        Ok(all)
    }

    /// The roots: those whose keys are here, and the certificates of all others.
    fn roots(&self, config: &Config) -> Result<Roots, ServiceError> {
        let mut roots = Roots::default();
        for one in &config.root {
            let name = stem(&one.certificate);
            match &one.key {
                None => {
                    let certificate = self.chain(&one.certificate)?.remove(0);
                    roots.off_line.push((name, certificate));
                }
                Some(key) => roots.on_line.push(Listed {
                    name,
                    key: self.issuing(&KeyConfig {
                        certificate: one.certificate.clone(),
                        key: key.clone(),
                        passphrase: one.passphrase.clone(),
                    })?,
                }),
            }
        }
        Ok(roots)
    }

    /// A key with its certificate (the first) and those above it.
    fn key(&self, config: &KeyConfig) -> Result<KeyAndChain, ServiceError> {
        let chain = self.chain(&config.certificate)?;
        let own = chain.first();
        let key = self.signing(&config.key, config.passphrase.as_ref(), own)?;
        Ok((chain, key))
    }

    /// A key in a file of the folder, or on a token. `certificate` is the key's, where it has one.
    fn signing(
        &self,
        key: &str,
        source: Option<&PassphraseSource>,
        certificate: Option<&Certificate>,
    ) -> Result<Arc<dyn SigningKey>, ServiceError> {
        if is_token_uri(key) {
            let secret = |source: &PassphraseSource, what: &str| self.secret(source, what);
            let module = self.pkcs11_module;
            return Ok(Arc::new(tokens::open(
                key,
                module,
                source,
                &secret,
                certificate,
            )?));
        }
        Ok(Arc::new(self.file(&self.dir.join(key), source)?))
    }

    /// Where something is posted, if anywhere.
    fn webhook(
        &self,
        url: Option<&str>,
        authority: Option<&Path>,
        secret: Option<&PassphraseSource>,
    ) -> Result<Option<Webhook>, ServiceError> {
        let Some(url) = url else { return Ok(None) };
        let Some(source) = secret else {
            return Err(ServiceError::new(
                "webhook-secret",
                "is not configured: nobody could tell our posts from others",
            ));
        };
        let secret = self.secret(source, "secret of the webhook")?;
        let authorities = match authority {
            Some(path) => self.chain(path)?,
            None => Vec::new(),
        };
        Webhook::new(url, &authorities, secret.as_bytes()).map(Some)
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
        let octets =
            Zeroizing::new(std::fs::read(path).map_err(|e| ServiceError::new(path.display(), e))?);
        let passphrase = source
            .map(|source| self.secret(source, &format!("passphrase of {}", path.display())))
            .transpose()?
            .map(|mut secret| Passphrase::new(std::mem::take(&mut *secret)));
        PrivateKey::from_file(&octets, passphrase.as_ref())
            .map_err(|e| ServiceError::new(path.display(), e))
    }

    /// What `source` holds; `what` it is, for the person who is asked.
    fn secret(
        &self,
        source: &PassphraseSource,
        what: &str,
    ) -> Result<Zeroizing<String>, ServiceError> {
        let path = match source {
            PassphraseSource::Prompt => {
                return (self.prompt)(what)
                    .map(Zeroizing::new)
                    .map_err(|e| ServiceError::new(what, e));
            }
            PassphraseSource::Environment(name) => {
                return std::env::var(name).map(Zeroizing::new).map_err(|_| {
                    ServiceError::new(
                        what,
                        format_args!("the variable {name} is not set, or not UTF-8"),
                    )
                });
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
        let mut line = Zeroizing::new(String::new());
        std::io::BufReader::new(std::fs::File::open(&path).map_err(failed)?)
            .read_line(&mut line)
            .map_err(failed)?;
        let length = line.trim_end_matches(['\r', '\n']).len();
        line.truncate(length);
        Ok(line)
    }
}
