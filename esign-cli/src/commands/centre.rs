//! `esign centre`: the work of an officer, or an e-service, at a served certification centre.

mod client;

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_server::ids::RequestId;
use clap::Subcommand;
use esign_core::time::UnixTime;
use esign_core::x509::SerialNumber;
use serde_json::{Map, Value, json};

use self::client::Client;
use super::ca::{parse_request, parse_serial};
use super::identity::IdentityArgs;
use super::secrets::PassphraseArgs;
use super::trust::parse_time;
use crate::failure::{Exit, Failure};
use crate::files::{self, Secrecy};
use crate::{Context, print};

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    job: Job,
    #[command(flatten)]
    common: Common,
}

const EXAMPLES: &str = "The folder of --as is handed over by the centre's administrator; it holds centre.toml, a client certificate
and its key. ESIGN_CENTRE names it for all commands.

Examples:
  export ESIGN_CENTRE=ca-demo/officers/registrar
  esign centre request --csr request.pem --profile natural-person \\
    --fin 5ABC123 --given-name Aysel --surname Aliyeva
  esign centre list
  esign centre approve 1f0c… --as ca-demo/officers/approver
  esign centre issue 1f0c… -o chain.pem
  esign centre revoke 3a9e… --reason keyCompromise --why \"card lost\" \\
    --as ca-demo/officers/revocation-officer";

#[derive(clap::Args)]
struct Common {
    /// Folder of the officer who acts
    #[arg(long = "as", value_name = "DIR", env = "ESIGN_CENTRE", global = true)]
    officer: Option<PathBuf>,
    /// File whose first line is the passphrase of the officer's key [default: ESIGN_PASSPHRASE, else a prompt]
    #[arg(long, value_name = "FILE", global = true)]
    passphrase_file: Option<PathBuf>,
    /// Answer as the centre's JSON document
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Job {
    /// Show who the centre takes you for
    Me,
    /// Show what can be asked for
    Profiles,
    /// Ask for a certificate
    Request {
        /// The request (PKCS #10, PEM)
        #[arg(long, value_name = "FILE")]
        csr: PathBuf,
        /// What kind of certificate, see `esign centre profiles`
        #[arg(long, value_name = "NAME")]
        profile: String,
        /// The holder agreed to stand in the public list of valid certificates
        #[arg(long)]
        listed: bool,
        #[command(flatten)]
        identity: IdentityArgs,
    },
    /// List requests
    List {
        /// Where they stand
        #[arg(long, default_value = "pending", value_parser = ["pending", "approved", "issued", "refused"])]
        status: String,
        /// Continue behind this request
        #[arg(long, value_name = "REQUEST", value_parser = parse_request)]
        after: Option<RequestId>,
    },
    /// Show a request and who it is about
    Show(One),
    /// Say who a pending request is about, as you vetted it
    Vet {
        #[command(flatten)]
        one: One,
        /// The holder agreed to stand in the public list of valid certificates
        #[arg(long)]
        listed: bool,
        #[command(flatten)]
        identity: IdentityArgs,
    },
    /// Approve a request that another person made and vetted
    Approve(One),
    /// Refuse a request
    Refuse {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        why: Why,
    },
    /// Have the certificate of an approved request issued
    Issue {
        #[command(flatten)]
        one: One,
        /// File for the certificate and those above it
        #[arg(short, long, value_name = "CHAIN.pem")]
        output: PathBuf,
        /// Replace the file if it exists
        #[arg(long)]
        force: bool,
    },
    /// Show where a certificate stands
    Certificate(OneSerial),
    /// Suspend a certificate
    Suspend {
        #[command(flatten)]
        one: OneSerial,
        #[command(flatten)]
        why: Why,
        /// Until when at the latest (RFC 3339, or a date); it is restored then
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        until: Option<UnixTime>,
    },
    /// Lift a suspension
    Restore {
        #[command(flatten)]
        one: OneSerial,
        #[command(flatten)]
        why: Why,
    },
    /// Ask for a certificate that follows this one: same holder, profile and identity
    Renew {
        #[command(flatten)]
        one: OneSerial,
        /// A request (PKCS #10, PEM) of a new key; without one, and without --signed, the key stays
        #[arg(long, value_name = "FILE", conflicts_with = "signed")]
        csr: Option<PathBuf>,
        /// The holder's own wish: a request signed with the certificate's key, as
        /// `esign sign request.pem --packaging enveloping` makes it
        #[arg(long, value_name = "FILE.p7m")]
        signed: Option<PathBuf>,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT", default_value = "")]
        why: String,
    },
    /// Revoke a certificate for good
    Revoke {
        #[command(flatten)]
        one: OneSerial,
        #[command(flatten)]
        how: How,
    },
    /// Revoke all certificates that a query picks; without --expect they are only counted
    RevokeMany {
        #[command(flatten)]
        how: How,
        /// Issued by this profile
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
        /// Signed by the key with this SHA-256
        #[arg(long, value_name = "KEY")]
        issuer: Option<String>,
        /// For the holder of this name, see `esign centre holders`
        #[arg(long, value_name = "HOLDER")]
        holder: Option<String>,
        /// For the key with this SHA-256
        #[arg(long, value_name = "KEY")]
        subject_key: Option<String>,
        /// Valid from this time or later
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        from: Option<UnixTime>,
        /// Valid from before this time
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        to: Option<UnixTime>,
        /// How many the count found: revokes them
        #[arg(long, value_name = "NUMBER")]
        expect: Option<u64>,
    },
    /// Search holders by the beginning of a name, or by identifier
    Holders {
        /// Surname, registered name, or an identifier such as PNOAZ-5ABC123
        name: String,
    },
    /// Search the archive of expired certificates by when they ended
    Archive {
        /// Ended at this time or later
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        from: UnixTime,
        /// Ended before this time
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        to: UnixTime,
    },
    /// List the officers
    Officers,
    /// Name an officer, change his certificate or roles, or dismiss him
    Officer {
        /// The name that stands under his acts
        name: String,
        /// His client certificate
        #[arg(long, value_name = "FILE")]
        cert: PathBuf,
        /// What he may do; several times for several, never to dismiss him
        #[arg(long, value_parser = ["administrator", "approver", "auditor", "client", "registrar", "revocation-officer"])]
        role: Vec<String>,
        #[command(flatten)]
        why: Why,
    },
    /// Show whether certificates are issued, stop issuance, or let it go on
    Issuance {
        /// What to do
        #[arg(value_parser = ["show", "stop", "resume"], default_value = "show")]
        what: String,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT", required_if_eq_any = [("what", "stop"), ("what", "resume")])]
        why: Option<String>,
    },
    /// Read the audit log
    Audit {
        /// Entries after this number
        #[arg(long, default_value_t = 0)]
        after: u64,
    },
}

#[derive(clap::Args)]
struct One {
    /// Which request
    #[arg(value_name = "REQUEST", value_parser = parse_request)]
    request: RequestId,
}

#[derive(clap::Args)]
struct OneSerial {
    /// Serial number of the certificate, hexadecimal
    #[arg(value_name = "SERIAL", value_parser = parse_serial)]
    serial: SerialNumber,
}

#[derive(clap::Args)]
struct Why {
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    why: String,
}

#[derive(clap::Args)]
struct How {
    #[command(flatten)]
    why: Why,
    /// Reason that the list gives
    #[arg(long, value_name = "REASON", default_value = "unspecified",
        value_parser = ["unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation", "privilegeWithdrawn", "aACompromise"])]
    reason: String,
    /// Since when the key is known or suspected to be compromised
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    invalid_since: Option<UnixTime>,
}

impl How {
    fn body(&self) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("why".into(), self.why.why.clone().into());
        body.insert("reason".into(), self.reason.clone().into());
        if let Some(time) = self.invalid_since {
            body.insert("invalidity_date".into(), time.to_string().into());
        }
        body
    }
}

/// Runs the command.
pub(crate) fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let Args { job, common } = args;
    let folder = common.officer.ok_or_else(|| {
        Failure::new("it is not said who acts")
            .hint("name the officer's folder with --as DIR or in ESIGN_CENTRE")
    })?;
    if let Job::Issue { output, force, .. } = &job
        && !force
        && output.exists()
    {
        // Said before anything is issued.
        return Err(Failure::about(&output.display(), &"exists already")
            .hint("--force replaces it, or name another file with -o"));
    }
    let passphrase = PassphraseArgs {
        passphrase_file: common.passphrase_file,
    };
    let client = Client::of(&folder, &passphrase)?;
    let answer = ask(&client, &job)?;
    if let Job::Issue { output, force, .. } = &job {
        let pem = format!(
            "{}{}",
            field(&answer, "certificate"),
            field(&answer, "chain")
        );
        files::write(output, pem.as_bytes(), *force, Secrecy::Public)?;
    }
    let text = if common.json {
        format!("{answer}\n")
    } else {
        told(&job, &answer, context)
    };
    print(&text)?;
    Ok(Exit::Passed)
}

fn ask(client: &Client, job: &Job) -> Result<Value, Failure> {
    let request = |one: &One, act: &str| format!("/requests/{}{act}", one.request);
    let certificate = |one: &OneSerial, act: &str| format!("/certificates/{}{act}", one.serial);
    match job {
        Job::Me => client.get("/me"),
        Job::Profiles => client.get("/profiles"),
        Job::Request {
            csr,
            profile,
            listed,
            identity,
        } => {
            let csr = pem(csr)?;
            let identity = identity.resolve()?;
            let body =
                json!({"csr": csr, "profile": profile, "listed": listed, "identity": identity});
            client.post("/requests", &body)
        }
        Job::List { status, after } => {
            let after = after.map_or(String::new(), |id| format!("&after={id}"));
            client.get(&format!("/requests?status={status}{after}"))
        }
        Job::Show(one) => client.get(&request(one, "")),
        Job::Vet {
            one,
            listed,
            identity,
        } => {
            let body = json!({"identity": identity.resolve()?, "listed": listed});
            client.post(&request(one, "/vet"), &body)
        }
        Job::Approve(one) => client.post(&request(one, "/approve"), &json!({})),
        Job::Refuse { one, why } => client.post(&request(one, "/refuse"), &json!({"why": why.why})),
        Job::Issue { one, .. } => client.post(&request(one, "/issue"), &json!({})),
        Job::Certificate(one) => client.get(&certificate(one, "")),
        Job::Suspend { one, why, until } => {
            let mut body = json!({"why": why.why});
            if let (Some(time), Value::Object(body)) = (until, &mut body) {
                body.insert("until".into(), time.to_string().into());
            }
            client.post(&certificate(one, "/suspend"), &body)
        }
        Job::Restore { one, why } => {
            client.post(&certificate(one, "/restore"), &json!({"why": why.why}))
        }
        Job::Renew {
            one,
            csr,
            signed,
            why,
        } => {
            let mut body = Map::new();
            body.insert("why".into(), why.clone().into());
            if let Some(csr) = csr {
                body.insert("csr".into(), pem(csr)?.into());
            }
            if let Some(signed) = signed {
                body.insert(
                    "signed".into(),
                    STANDARD.encode(files::read(signed)?).into(),
                );
            }
            client.post(&certificate(one, "/renew"), &Value::Object(body))
        }
        Job::Revoke { one, how } => {
            client.post(&certificate(one, "/revoke"), &Value::Object(how.body()))
        }
        Job::RevokeMany {
            how,
            profile,
            issuer,
            holder,
            subject_key,
            from,
            to,
            expect,
        } => {
            let mut body = how.body();
            let texts = [
                ("profile", profile.clone()),
                ("issuer", issuer.clone()),
                ("holder", holder.clone()),
                ("subject_key", subject_key.clone()),
                ("from", from.map(|time| time.to_string())),
                ("to", to.map(|time| time.to_string())),
            ];
            for (name, value) in texts {
                if let Some(value) = value {
                    body.insert(name.into(), value.into());
                }
            }
            if let Some(expect) = expect {
                body.insert("expect".into(), (*expect).into());
            }
            client.post("/revocations", &Value::Object(body))
        }
        Job::Holders { name } => client.get(&format!("/holders?name={}", escaped(name))),
        Job::Archive { from, to } => {
            client.get(&format!("/archive?limit=1000&from={from}&to={to}"))
        }
        Job::Officers => client.get("/officers"),
        Job::Officer {
            name,
            cert,
            role,
            why,
        } => {
            let found = esign_core::x509::certificates(&files::read(cert)?)
                .map_err(|e| Failure::about(&cert.display(), &e))?;
            let first = found
                .first()
                .ok_or_else(|| Failure::about(&cert.display(), &"holds no certificate"))?;
            let pem = esign_core::x509::to_pem("CERTIFICATE", first.der());
            let body = json!({"certificate": pem, "roles": role, "why": why.why});
            client.put(&format!("/officers/{}", escaped(name)), &body)
        }
        Job::Issuance { what, why } if what != "show" => {
            let body = json!({"stopped": what == "stop", "why": why});
            client.put("/issuance", &body)
        }
        Job::Issuance { .. } => client.get("/issuance"),
        Job::Audit { after } => client.get(&format!("/audit?limit=1000&after={after}")),
    }
}

fn pem(path: &Path) -> Result<String, Failure> {
    String::from_utf8(files::read(path)?)
        .map_err(|_| Failure::about(&path.display(), &"is not PEM"))
}

/// Text as part of an address (RFC 3986 2.1).
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, b| {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            out.push(char::from(b));
        } else {
            out += &format!("%{b:02X}");
        }
        out
    })
}

fn field<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn names(value: &Value, name: &str) -> String {
    let all = value.get(name).and_then(Value::as_array);
    let texts: Vec<_> = all
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    texts.join(", ")
}

/// The answer in words.
fn told(job: &Job, answer: &Value, context: &Context) -> String {
    let lang = &context.lang;
    let line = |one: &Value| match job {
        Job::Me | Job::Officers | Job::Officer { .. } => {
            let roles = names(one, "roles");
            let roles = if roles.is_empty() {
                lang.text("centre-dismissed").to_string()
            } else {
                roles
            };
            format!("{}  {roles}", field(one, "name"))
        }
        Job::Profiles => lang
            .with(
                "centre-profile",
                &[
                    ("name", field(one, "name")),
                    ("approvals", &number(one, "approvals_by_others")),
                    ("requesters", &names(one, "requesters")),
                ],
            )
            .to_string(),
        Job::List { .. } | Job::Show(_) | Job::Vet { .. } => request_line(one, context),
        Job::Request { .. } | Job::Renew { .. } | Job::Approve(_) | Job::Refuse { .. } => {
            let key = match job {
                Job::Request { .. } | Job::Renew { .. } => "centre-requested",
                _ => "centre-request-stands",
            };
            let status = lang.text(&format!("ca-request-{}", field(one, "status")));
            let stands = lang.with(key, &[("request", field(one, "id")), ("status", &status)]);
            format!("{stands}{}", next_step(one, context))
        }
        Job::Issue { output, .. } => {
            let file = output.display().to_string();
            lang.with(
                "ca-issued",
                &[("serial", field(one, "serial")), ("file", &file)],
            )
            .to_string()
        }
        Job::Certificate(_)
        | Job::Archive { .. }
        | Job::Suspend { .. }
        | Job::Restore { .. }
        | Job::Revoke { .. } => {
            let status = lang.text(&format!("ca-certificate-{}", field(one, "status")));
            let since = field(one, "since");
            let since = if since.is_empty() {
                String::new()
            } else {
                format!("  {since}")
            };
            let mut line = format!(
                "{}  {}  {status}{since}",
                field(one, "serial"),
                field(one, "profile")
            );
            let archived = field(one, "archived");
            if !archived.is_empty() {
                line += &format!(
                    "\n  {}",
                    lang.with("centre-archived", &[("since", archived)])
                );
            }
            for (name, key) in [
                ("renews", "centre-renews"),
                ("renewed_by", "centre-renewed-by"),
            ] {
                let serial = field(one, name);
                if !serial.is_empty() {
                    line += &format!("\n  {}", lang.with(key, &[("serial", serial)]));
                }
            }
            line
        }
        Job::RevokeMany { .. } => lang
            .with(
                "centre-many",
                &[
                    ("found", &number(one, "found")),
                    ("before", &number(one, "revoked_before")),
                    ("revoked", &number(one, "revoked")),
                ],
            )
            .to_string(),
        Job::Holders { .. } => format!(
            "{}  {}  {}  {}",
            field(one, "id"),
            field(one, "identifier"),
            field(one, "name"),
            names(one, "serials")
        ),
        Job::Issuance { .. } => {
            if one.get("stopped").and_then(Value::as_bool) == Some(true) {
                lang.with(
                    "centre-stopped",
                    &[
                        ("since", field(one, "since")),
                        ("by", field(one, "by")),
                        ("why", field(one, "why")),
                    ],
                )
                .to_string()
            } else {
                lang.text("centre-issuing").to_string()
            }
        }
        Job::Audit { .. } => format!(
            "{}  {}  {}  {}  {}  {}",
            number(one, "id"),
            field(one, "at"),
            field(one, "by"),
            field(one, "kind"),
            one.get("body").map(ToString::to_string).unwrap_or_default(),
            field(one, "why")
        ),
    };
    let mut text = String::new();
    let all = match (job, answer) {
        (Job::Archive { .. }, answer) => answer
            .get("certificates")
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice),
        (_, Value::Array(all)) => all.as_slice(),
        (_, one) => std::slice::from_ref(one),
    };
    for one in all {
        text += line(one).trim_end();
        text.push('\n');
    }
    if answer.get("more").and_then(Value::as_bool) == Some(true) {
        text += &lang.text("centre-archive-more");
        text.push('\n');
    }
    text
}

/// What is to be done next about a request, on a line of its own.
fn next_step(request: &Value, context: &Context) -> String {
    let key = match field(request, "status") {
        "pending" => "centre-next-approve",
        "approved" => "centre-next-issue",
        _ => return String::new(),
    };
    let next = context.lang.with(key, &[("request", field(request, "id"))]);
    format!("\n{next}")
}

fn request_line(one: &Value, context: &Context) -> String {
    let status = context
        .lang
        .text(&format!("ca-request-{}", field(one, "status")));
    let mut line = format!(
        "{}  {status}  {}  {}  {}",
        field(one, "id"),
        field(one, "profile"),
        field(one, "requested_by"),
        field(one, "received_at")
    );
    let approved = names(one, "approved_by");
    for (key, by) in [
        ("centre-vetted-by", field(one, "vetted_by")),
        ("centre-approved-by", approved.as_str()),
    ] {
        if !by.is_empty() {
            line += &format!("\n  {}", context.lang.with(key, &[("by", by)]));
        }
    }
    if let Some(Value::Object(identity)) = one.get("identity") {
        for (kind, person) in identity {
            line += &format!("\n  {kind}: {person}");
        }
    }
    let renews = field(one, "renews");
    if !renews.is_empty() {
        line += &format!(
            "\n  {}",
            context.lang.with("centre-renews", &[("serial", renews)])
        );
    }
    let serial = field(one, "serial");
    if !serial.is_empty() {
        line += &format!("\n  {serial}");
    }
    line
}

fn number(one: &Value, name: &str) -> String {
    one.get(name).map(ToString::to_string).unwrap_or_default()
}
