//! `esign ca`: a one-officer certification centre in a folder.

use std::path::PathBuf;

use ca_server::centre::{
    Addresses, Authority, Centre, CentreError, CentreErrorKind, InitOptions, Recovered, Who,
};
use ca_server::ids::{Name, RequestId};
use ca_server::records::{RequestStatus, RevocationReason, Standing};
use clap::Subcommand;
use esign_core::report::Fact;
use esign_core::time::UnixTime;
use esign_core::x509::{OrganizationIdentifier, OrganizationScheme, SerialNumber, Voen, to_pem};
use serde_json::{Value, json};

use super::identity::IdentityArgs;
use super::key::Algorithm;
use super::secrets::PassphraseArgs;
use super::trust::{now, parse_time};
use crate::failure::{Exit, Failure};
use crate::files::{self, Secrecy};
use crate::{Context, print};

/// A centre's work, in its order.
#[derive(Subcommand)]
pub(crate) enum Ca {
    /// Make a centre: keys, root and issuing certificate, store
    #[command(
        after_help = "Example:\n  esign ca init --dir centre --name \"Trial\" \\\n    --organization \"Trial MMC\" --test"
    )]
    Init(InitArgs),
    /// Take in a request for a person or an organisation that was vetted
    #[command(
        after_help = "Examples:\n  esign ca request --dir centre --csr request.pem \\\n    --profile natural-person --fin 5ABC123 \\\n    --given-name Aysel --surname Aliyeva\n  esign ca request --dir centre --csr request.pem \\\n    --profile legal-person --voen 1234567891 \\\n    --organization \"Trial MMC\" --name \"Trial archive\""
    )]
    Request(RequestArgs),
    /// Approve a request
    Approve(OneRequest),
    /// Refuse a request
    Refuse(RefuseArgs),
    /// Issue and publish the certificate of an approved request
    Issue(IssueArgs),
    /// Revoke a certificate for good
    Revoke(RevokeArgs),
    /// Suspend a certificate until it is restored or revoked
    Suspend(ChangeArgs),
    /// Lift a suspension
    Restore(ChangeArgs),
    /// Make and publish the lists of what is revoked or suspended
    Crl(CrlArgs),
    /// Show requests and certificates
    List(Common),
}

/// Which centre, who and when.
#[derive(clap::Args)]
pub(crate) struct Common {
    /// Folder of the centre
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Who acts, for the audit log
    #[arg(long, value_name = "NAME", default_value = "officer", value_parser = parse_name)]
    officer: Name,
    /// Time of the act instead of now (RFC 3339, or a date)
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<UnixTime>,
    /// Answer as one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// Name of the centre
    #[arg(long)]
    name: String,
    /// Organisation that keeps it
    #[arg(long)]
    organization: String,
    /// Its VÖEN
    #[arg(long, value_parser = parse_voen)]
    voen: Option<Voen>,
    /// For trial: every name is marked SINAQ (test)
    #[arg(long)]
    test: bool,
    /// Kind of the root's key
    #[arg(long, value_enum, default_value = "p384")]
    root_alg: Algorithm,
    /// Kind of the issuing key
    #[arg(long, value_enum, default_value = "p256")]
    alg: Algorithm,
    /// Public address of the CRL
    #[arg(long, value_name = "URL")]
    crl_url: Vec<String>,
    /// Public address of the OCSP responder
    #[arg(long, value_name = "URL")]
    ocsp_url: Vec<String>,
    /// Public address of the issuing certificate
    #[arg(long, value_name = "URL")]
    issuer_url: Vec<String>,
    /// Public address of the root's CRL
    #[arg(long, value_name = "URL")]
    root_crl_url: Vec<String>,
    /// Public address of the root's certificate
    #[arg(long, value_name = "URL")]
    root_url: Vec<String>,
}

#[derive(clap::Args)]
pub(crate) struct RequestArgs {
    #[command(flatten)]
    common: Common,
    /// The request (PKCS #10, PEM or DER)
    #[arg(long, value_name = "FILE")]
    csr: PathBuf,
    /// What kind of certificate: natural-person, legal-person, ocsp-responder, time-stamping-authority, or one of centre.toml
    #[arg(long, value_name = "NAME")]
    profile: String,
    #[command(flatten)]
    identity: IdentityArgs,
}

#[derive(clap::Args)]
pub(crate) struct OneRequest {
    #[command(flatten)]
    common: Common,
    /// Which request
    #[arg(value_name = "REQUEST", value_parser = parse_request)]
    request: RequestId,
}

#[derive(clap::Args)]
pub(crate) struct RefuseArgs {
    #[command(flatten)]
    one: OneRequest,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    why: String,
}

#[derive(clap::Args)]
pub(crate) struct IssueArgs {
    #[command(flatten)]
    one: OneRequest,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// File for the certificate and those above it [default: only in the centre's certs folder]
    #[arg(short, long, value_name = "CHAIN.pem")]
    output: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
}

#[derive(clap::Args)]
pub(crate) struct ChangeArgs {
    #[command(flatten)]
    common: Common,
    /// Serial number of the certificate, hexadecimal
    #[arg(value_name = "SERIAL", value_parser = parse_serial)]
    serial: SerialNumber,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    why: String,
}

#[derive(clap::Args)]
pub(crate) struct RevokeArgs {
    #[command(flatten)]
    change: ChangeArgs,
    /// Reason that the list gives
    #[arg(long, value_name = "REASON", default_value = "unspecified",
        value_parser = ["unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation", "privilegeWithdrawn"])]
    reason: String,
    /// Since when the key is known or suspected to be compromised
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    invalid_since: Option<UnixTime>,
}

#[derive(clap::Args)]
pub(crate) struct CrlArgs {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

impl Common {
    fn who(&self) -> Who {
        Who {
            by: self.officer.clone(),
            at: self.at.unwrap_or_else(now),
        }
    }

    /// Opens the centre for what needs no key.
    fn open(&self) -> Result<Centre, Failure> {
        Centre::open(&self.dir, None).map_err(failed)
    }

    /// Opens the centre with its keys and settles what an interrupted run left.
    fn open_with_keys(
        &self,
        passphrase: &PassphraseArgs,
        context: &Context,
    ) -> Result<Centre, Failure> {
        // The order matters for the message: a folder that is no centre has no key file either.
        drop(self.open()?);
        let passphrase = if Centre::needs_passphrase(&self.dir).map_err(failed)? {
            passphrase.ask(&self.dir.display().to_string())?
        } else {
            None
        };
        let centre = Centre::open(&self.dir, passphrase).map_err(failed)?;
        for one in centre.recover(&self.who()).map_err(failed)? {
            let (key, serial) = match one {
                Recovered::Issued(serial) => ("ca-recovered-issued", serial),
                Recovered::Published(serial) => ("ca-recovered-published", serial),
                Recovered::Revoked(serial) => ("ca-recovered-revoked", serial),
            };
            let text = context.lang.with(key, &[("serial", &serial.to_string())]);
            eprintln!("esign: {text}");
        }
        Ok(centre)
    }

    fn answer(&self, text: String, json: &Value) -> Result<Exit, Failure> {
        print(&if self.json {
            format!("{json}\n")
        } else {
            text + "\n"
        })?;
        Ok(Exit::Passed)
    }
}

/// Runs the command.
pub(crate) fn run(command: Ca, context: &Context) -> Result<Exit, Failure> {
    match command {
        Ca::Init(args) => init(args, context),
        Ca::Request(args) => request(&args, context),
        Ca::Approve(args) => {
            let centre = args.common.open()?;
            centre
                .approve(&args.request, &args.common.who())
                .map_err(failed)?;
            told(&args.common, context, "ca-approved", &args.request)
        }
        Ca::Refuse(RefuseArgs { one, why }) => {
            let centre = one.common.open()?;
            centre
                .refuse(&one.request, &why, &one.common.who())
                .map_err(failed)?;
            told(&one.common, context, "ca-refused", &one.request)
        }
        Ca::Issue(args) => issue(&args, context),
        Ca::Revoke(RevokeArgs {
            change,
            reason,
            invalid_since,
        }) => {
            let centre = change.common.open()?;
            let reason = RevocationReason::ALL
                .into_iter()
                .find(|r| reason_name(*r) == reason)
                .unwrap_or(RevocationReason::Unspecified);
            centre
                .revoke(
                    &change.serial,
                    reason,
                    invalid_since,
                    &change.why,
                    &change.common.who(),
                )
                .map_err(failed)?;
            changed(&change, context, "ca-revoked", "revoked")
        }
        Ca::Suspend(args) => {
            let centre = args.common.open()?;
            centre
                .suspend(&args.serial, &args.why, &args.common.who())
                .map_err(failed)?;
            changed(&args, context, "ca-suspended", "suspended")
        }
        Ca::Restore(args) => {
            let centre = args.common.open()?;
            centre
                .restore(&args.serial, &args.why, &args.common.who())
                .map_err(failed)?;
            changed(&args, context, "ca-restored", "good")
        }
        Ca::Crl(args) => lists(&args, context),
        Ca::List(args) => list(&args, context),
    }
}

fn init(args: InitArgs, context: &Context) -> Result<Exit, Failure> {
    let mut options = InitOptions::new(args.name, args.organization);
    options.identifier = args.voen.map(|voen| OrganizationIdentifier {
        scheme: OrganizationScheme::default(),
        voen,
    });
    options.test = args.test;
    options.root_key = args.root_alg.into();
    options.issuing_key = args.alg.into();
    options.addresses = Addresses {
        crl: args.crl_url,
        ocsp: args.ocsp_url,
        ca_issuers: args.issuer_url,
        root_crl: args.root_crl_url,
        root_certificate: args.root_url,
    };
    let dir = &args.common.dir;
    let passphrase = match args.passphrase.given()? {
        Some(given) => Some(given),
        None => super::key::choose(&dir.join("keys").display().to_string())?,
    };
    let centre = Centre::init(dir, &options, passphrase, &args.common.who()).map_err(failed)?;
    let root = centre.certificate(Authority::Root);
    let issuing = centre.certificate(Authority::Issuing);
    let shown = dir.display().to_string();
    let text = context.lang.with(
        "ca-made",
        &[
            ("dir", &shown),
            ("root", &dir.join("root.pem").display().to_string()),
            ("chain", &dir.join("chain.pem").display().to_string()),
        ],
    );
    let json = json!({
        "dir": shown,
        "root": root.serial().to_string(),
        "issuing": issuing.serial().to_string(),
    });
    args.common.answer(text, &json)
}

fn request(args: &RequestArgs, context: &Context) -> Result<Exit, Failure> {
    let identity = args.identity.resolve()?;
    let csr = files::read(&args.csr)?;
    let centre = args.common.open()?;
    let id = centre
        .request(&csr, &identity, &args.profile, &args.common.who())
        .map_err(|e| match e.kind() {
            CentreErrorKind::Request => Failure {
                exit: Exit::Failed,
                ..Failure::about(&args.csr.display(), &e)
            },
            _ => failed(e),
        })?;
    told(&args.common, context, "ca-requested", &id)
}

fn issue(args: &IssueArgs, context: &Context) -> Result<Exit, Failure> {
    let common = &args.one.common;
    if let Some(path) = args.output.as_ref().filter(|p| !args.force && p.exists()) {
        // Said before anything is issued.
        return Err(Failure::about(&path.display(), &"exists already")
            .hint("--force replaces it, or name another file with -o"));
    }
    let centre = common.open_with_keys(&args.passphrase, context)?;
    let certificate = centre
        .issue(&args.one.request, &common.who())
        .map_err(failed)?;
    let serial = certificate.serial();
    let path = match &args.output {
        Some(path) => {
            let mut pem = to_pem("CERTIFICATE", certificate.der());
            for above in [Authority::Issuing, Authority::Root] {
                pem += &to_pem("CERTIFICATE", centre.certificate(above).der());
            }
            files::write(path, pem.as_bytes(), args.force, Secrecy::Public)?;
            path.clone()
        }
        None => centre.published_at(serial),
    };
    let (serial, file) = (serial.to_string(), path.display().to_string());
    let text = context
        .lang
        .with("ca-issued", &[("serial", &serial), ("file", &file)]);
    common.answer(
        text,
        &json!({
            "request": args.one.request.to_string(),
            "serial": serial,
            "file": file,
            "not_after": certificate.not_after().to_string(),
        }),
    )
}

fn lists(args: &CrlArgs, context: &Context) -> Result<Exit, Failure> {
    let centre = args.common.open_with_keys(&args.passphrase, context)?;
    let mut texts = Vec::new();
    let mut all = Vec::new();
    for (authority, name) in [
        (Authority::Issuing, "issuing.crl"),
        (Authority::Root, "root.crl"),
    ] {
        let list = centre.crl(authority, &args.common.who()).map_err(failed)?;
        let file = centre.dir().join("crl").join(name).display().to_string();
        let entries = list.len().to_string();
        texts.push(
            context
                .lang
                .with("ca-list", &[("file", &file), ("entries", &entries)]),
        );
        all.push(json!({
            "file": file,
            "entries": list.len(),
            "number": list.number().ok().flatten().map(|n| n.to_string()),
            "next_update": list.next_update().map(|t| t.to_string()),
        }));
    }
    args.common
        .answer(texts.join("\n"), &json!({ "lists": all }))
}

fn list(args: &Common, context: &Context) -> Result<Exit, Failure> {
    let centre = args.open()?;
    let mut lines = Vec::new();
    let mut all = Vec::new();
    for (status, word) in [
        (RequestStatus::Pending, "pending"),
        (RequestStatus::Approved, "approved"),
        (RequestStatus::Refused, "refused"),
        (RequestStatus::Issued, "issued"),
    ] {
        for record in centre.requests(status).map_err(failed)? {
            let mut one = json!({
                "request": record.request.id.to_string(),
                "status": word,
                "profile": record.request.profile.as_str(),
                "received": record.received_at.to_string(),
            });
            let told = context.lang.text(&format!("ca-request-{word}"));
            let mut line = format!("{}  {told}  {}", record.request.id, record.request.profile);
            if let Some(id) = record.certificate {
                let serial = SerialNumber::from(&id.serial);
                let standing = match centre.store().standing(&id).map_err(|e| failed(e.into()))? {
                    Some(Standing::Good) => "good",
                    Some(Standing::Revoked { .. }) => "revoked",
                    Some(Standing::Suspended { .. }) => "suspended",
                    Some(Standing::Intended) | None => "intended",
                };
                let told = context.lang.text(&format!("ca-certificate-{standing}"));
                line += &format!("  {serial}  {told}");
                if let Value::Object(fields) = &mut one {
                    fields.insert("serial".into(), serial.to_string().into());
                    fields.insert("standing".into(), standing.into());
                }
            }
            lines.push(line);
            all.push(one);
        }
    }
    if args.json {
        print(&format!("{}\n", json!({ "requests": all })))?;
    } else if !lines.is_empty() {
        print(&(lines.join("\n") + "\n"))?;
    }
    Ok(Exit::Passed)
}

fn told(common: &Common, context: &Context, key: &str, id: &RequestId) -> Result<Exit, Failure> {
    let id = id.to_string();
    let text = context.lang.with(key, &[("request", &id)]);
    common.answer(text, &json!({ "request": id }))
}

fn changed(
    args: &ChangeArgs,
    context: &Context,
    key: &str,
    standing: &str,
) -> Result<Exit, Failure> {
    let serial = args.serial.to_string();
    let text = context.lang.with(key, &[("serial", &serial)]);
    args.common
        .answer(text, &json!({ "serial": serial, "standing": standing }))
}

/// What the centre refuses is a no; what is missing or mistyped is usage.
fn failed(error: CentreError) -> Failure {
    let mut failure = Failure::new(error.to_string());
    match error.kind() {
        CentreErrorKind::Lint | CentreErrorKind::SecondPerson | CentreErrorKind::State => {
            failure.exit = Exit::Failed;
        }
        CentreErrorKind::Passphrase => {
            return failure
                .hint("give the passphrase with --passphrase-file FILE or in ESIGN_PASSPHRASE");
        }
        _ => {}
    }
    for finding in error.findings() {
        let facts: Vec<_> = finding
            .because
            .iter()
            .map(|(name, fact)| format!("{name} {}", fact_text(fact)))
            .collect();
        failure.message += &format!(
            "\n  {} ({}): {}",
            finding.rule,
            finding.clause,
            facts.join(", ")
        );
    }
    failure
}

fn fact_text(fact: &Fact) -> String {
    serde_json::to_value(fact)
        .ok()
        .map(|value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        })
        .unwrap_or_default()
}

fn reason_name(reason: RevocationReason) -> &'static str {
    match reason {
        RevocationReason::Unspecified => "unspecified",
        RevocationReason::KeyCompromise => "keyCompromise",
        RevocationReason::CaCompromise => "cACompromise",
        RevocationReason::AffiliationChanged => "affiliationChanged",
        RevocationReason::Superseded => "superseded",
        RevocationReason::CessationOfOperation => "cessationOfOperation",
        RevocationReason::PrivilegeWithdrawn => "privilegeWithdrawn",
        RevocationReason::AaCompromise => "aACompromise",
    }
}

fn parse_name(text: &str) -> Result<Name, String> {
    Name::new(text).map_err(|e| e.to_string())
}

fn parse_voen(text: &str) -> Result<Voen, String> {
    Voen::parse(text).map_err(|e| e.to_string())
}

pub(super) fn parse_serial(text: &str) -> Result<SerialNumber, String> {
    SerialNumber::parse_hex(text).ok_or_else(|| "expected 1 to 40 hexadecimal digits".into())
}

pub(super) fn parse_request(text: &str) -> Result<RequestId, String> {
    RequestId::parse(text)
        .ok_or_else(|| "expected 32 hexadecimal digits, as `ca request` printed them".into())
}
