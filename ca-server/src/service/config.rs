//! `ca-server.toml`: which roles a process serves, where, with which keys; and its overrides from the
//! environment.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ServiceError;
use super::alarms::AlarmsConfig;
use super::notify::NoticesConfig;

/// What the file holds. Paths are relative to its folder.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The roles of this process.
    pub roles: BTreeSet<RoleName>,
    /// Where the state is kept: `sqlite:FILE` or `postgres://…`.
    #[serde(default)]
    pub store: StoreAddress,
    /// The password of the user of `postgres://`, where it does not stand in the address.
    #[serde(default)]
    pub store_password: Option<PassphraseSource>,
    /// The PKCS #11 module for keys whose `pkcs11:` URI names none.
    #[serde(default)]
    pub pkcs11_module: Option<PathBuf>,
    /// The certificates (PEM) of who certifies the server of `postgres://`, which is then spoken with by
    /// TLS; needed where it is on another machine.
    #[serde(default)]
    pub store_authority: Option<PathBuf>,
    /// Where everybody asks.
    pub public: Public,
    /// Where officers and e-services ask; needed by the role `ca`.
    pub operators: Option<OperatorsConfig>,
    /// The keys that issue, the newest first.
    #[serde(default)]
    pub issuing: Vec<KeyConfig>,
    /// The roots. The lists of a root off line are brought into the folder `crl` by `ca-server root-list`.
    #[serde(default)]
    pub root: Vec<RootConfig>,
    /// The time-stamping unit; needed by the role `tsa`.
    pub tsa: Option<TsaConfig>,
    /// The signed log over the audit.
    pub log: Option<LogConfig>,
    /// The register of document codes; needed by the role `register`.
    pub register: Option<RegisterConfig>,
    /// The witness of others' logs; needed by the role `witness`.
    pub witness: Option<WitnessConfig>,
    /// Terms whose halves are alarms, and where alarms go.
    #[serde(default)]
    pub alarms: AlarmsConfig,
    /// Where notices to holders go.
    pub notices: Option<NoticesConfig>,
}

/// `sqlite:FILE` or `postgres://USER@HOST:PORT/DATABASE`. As it may hold a password, it is not shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct StoreAddress(String);

impl StoreAddress {
    /// The address with all that it holds.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for StoreAddress {
    fn default() -> Self {
        Self("sqlite:store.sqlite".to_owned())
    }
}

impl std::fmt::Debug for StoreAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = self.0.split_once(':').map_or("", |(scheme, _)| scheme);
        write!(f, "{scheme}:…")
    }
}

/// A part that a process can serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleName {
    /// Requests, approval, issuance, revocation.
    Ca,
    /// OCSP, CRLs, public lists, certificates of issuers.
    Status,
    /// Time-stamps.
    Tsa,
    /// Documents under a code.
    Register,
    /// Cosignatures of others' logs.
    Witness,
}

/// The public address.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Public {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
}

/// The operators' address.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OperatorsConfig {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The server's certificate and those above it, PEM.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The passphrase of the key, where it is encrypted.
    #[serde(default)]
    pub passphrase: Option<PassphraseSource>,
    /// Requests a second that one client may make.
    #[serde(default = "default_rate")]
    pub requests_a_second: NonZeroU32,
}

/// A key and its certificate.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KeyConfig {
    /// The certificate, PEM, with those above it where others need them.
    pub certificate: PathBuf,
    /// A PKCS #8 or PKCS #12 file, or a `pkcs11:` URI.
    pub key: String,
    /// The passphrase of a file, where it is encrypted; the PIN of a token.
    #[serde(default)]
    pub passphrase: Option<PassphraseSource>,
}

/// A root.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RootConfig {
    /// The certificate, PEM.
    pub certificate: PathBuf,
    /// Its key, where that is on line, as only a demonstration's is: its lists are made here then.
    #[serde(default)]
    pub key: Option<String>,
    /// The passphrase of the key, where it is encrypted.
    #[serde(default)]
    pub passphrase: Option<PassphraseSource>,
}

/// A time-stamping unit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TsaConfig {
    /// The certificate, PEM, with those above it.
    pub certificate: PathBuf,
    /// A PKCS #8 or PKCS #12 file, or a `pkcs11:` URI.
    pub key: String,
    /// The passphrase of a file, where it is encrypted; the PIN of a token.
    #[serde(default)]
    pub passphrase: Option<PassphraseSource>,
    /// The policies that it stamps under, as numbers with dots; the first where a client names none.
    pub policies: Vec<String>,
    /// How far the time of a stamp may lie from the true time, milliseconds: at most 1000.
    #[serde(default = "default_accuracy")]
    pub accuracy_ms: u32,
    /// Whether stamps of this unit are ordered by their times; for a unit of one process alone.
    #[serde(default)]
    pub ordering: bool,
    /// Who says that the clock is to be trusted.
    #[serde(default)]
    pub clock: ClockSource,
}

/// The signed log over the audit: its tiles and heads are put into the folder `log`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LogConfig {
    /// Its name, as on its heads: like an address without its scheme, `centre.example/audit`.
    pub origin: String,
    /// A PKCS #8 or PKCS #12 file with an Ed25519 key, or a `pkcs11:` URI.
    pub key: PathBuf,
    /// The passphrase of the file, where it is encrypted.
    #[serde(default)]
    pub passphrase: Option<PassphraseSource>,
    /// A head is made at the latest so many seconds after the one before, if there is anything new.
    #[serde(default = "default_log_seconds")]
    pub seconds: u32,
}

/// The register of document codes: bodies and classes stand in `register.json`, the tiles of its log in
/// the folder `register-log`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RegisterConfig {
    /// The P-256 key that signs answers: a PKCS #8 or PKCS #12 file, or a `pkcs11:` URI.
    pub key: String,
    /// The passphrase of the file, where it is encrypted; the PIN of a token.
    #[serde(default)]
    pub passphrase: Option<PassphraseSource>,
    /// The name of its log, as on its checkpoints: like an address without its scheme.
    pub origin: String,
    /// The Ed25519 key that signs checkpoints.
    pub log_key: String,
    /// The passphrase of the file, where it is encrypted; the PIN of a token.
    #[serde(default)]
    pub log_passphrase: Option<PassphraseSource>,
    /// 64 hexadecimal digits under which rows are found; to be kept apart from the database and its
    /// back-ups.
    pub pepper: PassphraseSource,
    /// 64 hexadecimal digits under which rows are wrapped.
    pub wrapping_key: PassphraseSource,
    /// Who certifies the clients of bodies, PEM; those of `[[issuing]]` where absent.
    #[serde(default)]
    pub authority: Option<PathBuf>,
    /// How long an answer may be relied upon.
    #[serde(default = "default_answer_seconds")]
    pub answer_seconds: u32,
    /// How often a new status list is made, if anybody asks for it.
    #[serde(default = "default_list_minutes")]
    pub list_minutes: NonZeroU32,
    /// Look-ups a second that one client may make, a network of IPv6 being one.
    #[serde(default = "default_look_ups")]
    pub look_ups_a_second: NonZeroU32,
    /// Who cosigns checkpoints.
    #[serde(default)]
    pub witness: Vec<WitnessAddress>,
}

/// A witness that a log shows its checkpoints to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WitnessAddress {
    /// Where it is asked, without `/add-checkpoint`.
    pub url: String,
    /// Its key in the text form of signed-note: `name+id+key`.
    pub key: String,
    /// Who certifies its server, PEM; not needed for `http://` on this machine.
    #[serde(default)]
    pub authority: Option<PathBuf>,
}

/// A witness: what it saw is kept in the folder `witness`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WitnessConfig {
    /// Its name, like an address without its scheme.
    pub name: String,
    /// A PKCS #8 or PKCS #12 file with an Ed25519 key, or a `pkcs11:` URI.
    pub key: String,
    /// The passphrase of the file, where it is encrypted; the PIN of a token.
    #[serde(default)]
    pub passphrase: Option<PassphraseSource>,
    /// The keys of the logs that it cosigns, each in the text form of signed-note: `origin+id+key`.
    pub logs: Vec<String>,
}

/// Who says that a clock is to be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum ClockSource {
    /// chrony, which is asked every 16 seconds.
    Chrony {
        /// The program that asks it, `chronyc`.
        program: String,
    },
    /// Whoever writes the configuration: for a demonstration, and for a clock that is disciplined out
    /// of this machine's sight.
    Vouched,
}

impl Default for ClockSource {
    fn default() -> Self {
        Self::Chrony {
            program: "chronyc".to_owned(),
        }
    }
}

/// Where a passphrase comes from, so that a restart at night can work.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum PassphraseSource {
    /// The name of a systemd credential (`LoadCredential=`, `LoadCredentialEncrypted=`).
    Credential(String),
    /// The name of an environment variable.
    Environment(String),
    /// A file whose first line it is.
    File(PathBuf),
    /// A terminal.
    Prompt,
}

/// What EN 319 422 5.2.2 asks for at least: a second.
fn default_accuracy() -> u32 {
    1000
}

/// Five minutes: a clerk's time for one paper.
const fn default_answer_seconds() -> u32 {
    300
}

fn default_list_minutes() -> NonZeroU32 {
    NonZeroU32::new(60).unwrap_or(NonZeroU32::MIN)
}

fn default_look_ups() -> NonZeroU32 {
    NonZeroU32::new(20).unwrap_or(NonZeroU32::MIN)
}

const fn default_log_seconds() -> u32 {
    60
}

fn default_rate() -> NonZeroU32 {
    NonZeroU32::new(200).unwrap_or(NonZeroU32::MIN)
}

/// Largest configuration file that is read.
const MAX_FILE: usize = 1 << 20;
/// Environment variables that override settings begin so; `__` goes one table deeper, `_` is `-`:
/// `CA_SERVER_PUBLIC__LISTEN=0.0.0.0:80`.
const PREFIX: &str = "CA_SERVER_";

impl Config {
    /// Reads the file at `path`, with what `environment` overrides.
    ///
    /// # Errors
    /// It cannot be read, a setting is unknown or not of its kind, or a role lacks what it needs.
    pub fn read(
        path: &Path,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ServiceError> {
        let wrong = |what: &dyn std::fmt::Display| ServiceError::new(path.display(), what);
        let octets = std::fs::read(path).map_err(|e| wrong(&e))?;
        if octets.len() > MAX_FILE {
            return Err(wrong(&format_args!("is larger than {MAX_FILE} octets")));
        }
        let text = std::str::from_utf8(&octets).map_err(|e| wrong(&e))?;
        Self::parse(text, environment).map_err(|what| wrong(&what))
    }

    fn parse(
        text: &str,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, String> {
        let mut table: toml::Table =
            toml::from_str(text).map_err(|e| e.to_string().trim().to_owned())?;
        for (name, value) in environment {
            let Some(rest) = name.strip_prefix(PREFIX) else {
                continue;
            };
            let path: Vec<String> = rest
                .split("__")
                .map(|part| part.to_ascii_lowercase().replace('_', "-"))
                .collect();
            set(&mut table, &path, &value).map_err(|what| format!("{name}: {what}"))?;
        }
        let config: Self = toml::Value::Table(table)
            .try_into()
            .map_err(|e: toml::de::Error| e.to_string().trim().to_owned())?;
        config.check()?;
        Ok(config)
    }

    /// Whether any role goes by what the centre has done.
    pub(super) fn needs_store(&self) -> bool {
        self.roles
            .iter()
            .any(|role| !matches!(role, RoleName::Tsa | RoleName::Witness))
    }

    /// Whether the centre's acts, or what is known of them, are served here.
    pub(super) fn acts(&self) -> bool {
        self.roles.contains(&RoleName::Ca) || self.roles.contains(&RoleName::Status)
    }

    fn check(&self) -> Result<(), String> {
        if self.roles.is_empty() {
            return Err("roles: none is switched on".to_owned());
        }
        let ca = self.roles.contains(&RoleName::Ca);
        if ca && self.issuing.is_empty() {
            return Err("role ca: no issuing key is configured ([[issuing]])".to_owned());
        }
        if ca && self.operators.is_none() {
            return Err("role ca: no address for operators is configured ([operators])".to_owned());
        }
        if self.roles.contains(&RoleName::Status) && self.issuing.is_empty() {
            return Err("role status: no issuing key is configured ([[issuing]])".to_owned());
        }
        if self.roles.contains(&RoleName::Tsa) && self.tsa.is_none() {
            return Err("role tsa: no key is configured ([tsa])".to_owned());
        }
        if self.roles.contains(&RoleName::Witness) && self.witness.is_none() {
            return Err("role witness: is not configured ([witness])".to_owned());
        }
        if self.roles.contains(&RoleName::Register) {
            let Some(register) = &self.register else {
                return Err("role register: is not configured ([register])".to_owned());
            };
            if self.operators.is_none() {
                return Err(
                    "role register: no address for bodies is configured ([operators])".to_owned(),
                );
            }
            if register.authority.is_none() && self.issuing.is_empty() {
                return Err(
                    "role register: nobody certifies the clients of bodies (authority)".to_owned(),
                );
            }
        }
        Ok(())
    }
}

fn set(table: &mut toml::Table, path: &[String], value: &str) -> Result<(), String> {
    let Some((first, rest)) = path.split_first() else {
        return Err("names no setting".to_owned());
    };
    if rest.is_empty() {
        // A number, a list or a truth value is written as in the file; all else is text.
        let parsed = toml::from_str::<toml::Table>(&format!("v = {value}"))
            .ok()
            .and_then(|mut table| table.remove("v"));
        let value = parsed.unwrap_or_else(|| toml::Value::String(value.to_owned()));
        table.insert(first.clone(), value);
        return Ok(());
    }
    let entry = table
        .entry(first.clone())
        .or_insert_with(|| toml::Value::Table(toml::Table::new()));
    match entry {
        toml::Value::Table(inner) => set(inner, rest, value),
        _ => Err(format!("{first} is not a table")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
        roles = ["ca", "status"]
        [public]
        listen = "127.0.0.1:8080"
        [operators]
        listen = "127.0.0.1:8443"
        certificate = "server.pem"
        key = "server-key.pem"
        [[issuing]]
        certificate = "issuing.pem"
        key = "pkcs11:token=centre;object=issuing"
        passphrase = { credential = "issuing" }
    "#;

    fn with(pairs: &[(&str, &str)]) -> Result<Config, String> {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Config::parse(WHOLE, pairs.into_iter())
    }

    #[test]
    fn a_whole_file_is_read() {
        let config = with(&[]).unwrap();
        assert_eq!(config.store.as_str(), "sqlite:store.sqlite");
        assert_eq!(
            config.issuing[0].passphrase,
            Some(PassphraseSource::Credential("issuing".to_owned()))
        );
        assert_eq!(config.operators.unwrap().requests_a_second.get(), 200);
    }

    /// The words of the guide, and the law's terms for what it leaves out.
    #[test]
    fn alarms_and_notices_as_the_guide_has_them() {
        let guide = include_str!("../../../docs/guide-centre.md");
        let (_, rest) = guide.split_once("[alarms]\n").unwrap();
        let (block, _) = rest.split_once("```").unwrap();
        let text = format!("{WHOLE}\n[alarms]\n{block}");
        let config = Config::parse(&text, std::iter::empty()).unwrap();
        assert_eq!(config.alarms.registration_hours, 24);
        assert_eq!(config.alarms.decision_hours, 24);
        assert_eq!(config.alarms.revocation_minutes, 60);
        assert_eq!(config.notices.unwrap().expiry_days, 30);
        let strange = format!("{WHOLE}\n[alarms]\nregistration-days = 3\n");
        let what = Config::parse(&strange, std::iter::empty()).unwrap_err();
        assert!(what.contains("registration-days"), "{what}");
    }

    #[test]
    fn the_environment_overrides() {
        let config = with(&[
            ("CA_SERVER_PUBLIC__LISTEN", "0.0.0.0:80"),
            ("CA_SERVER_ROLES", "[\"status\"]"),
            ("CA_SERVER_OPERATORS__REQUESTS_A_SECOND", "7"),
            ("CA_SERVER_STORE", "postgres://centre:hunter2@db/centre"),
            ("PATH", "/bin"),
        ])
        .unwrap();
        // What it shows of itself holds no password.
        assert!(!format!("{config:?}").contains("hunter2"));
        assert_eq!(config.public.listen.to_string(), "0.0.0.0:80");
        assert_eq!(
            config.roles.into_iter().collect::<Vec<_>>(),
            [RoleName::Status]
        );
        assert_eq!(config.operators.unwrap().requests_a_second.get(), 7);
        assert_eq!(config.store.as_str(), "postgres://centre:hunter2@db/centre");
    }

    #[test]
    fn what_is_unknown_or_missing_is_told() {
        for (pairs, word) in [
            (&[("CA_SERVER_PUBLIC__LISTN", "0.0.0.0:80")][..], "listn"),
            (&[("CA_SERVER_ROLES", "[]")], "none is switched on"),
            (&[("CA_SERVER_ROLES", "[\"tsa\"]")], "role tsa"),
            (&[("CA_SERVER_ISSUING", "[]")], "role ca"),
            (
                &[("CA_SERVER_PUBLIC__LISTEN__X", "1")],
                "listen is not a table",
            ),
            (&[("CA_SERVER_OPERATORS__REQUESTS_A_SECOND", "0")], "0"),
        ] {
            let what = with(pairs).unwrap_err();
            assert!(what.contains(word), "{what}");
        }
    }
}
