//! `ca-server init`: the ceremony, a command for each step.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use ca_server::centre::Who;
use ca_server::ceremony::{self, Installation, Paper, Plan, Root};
use ca_server::ids::Name;
use ca_server::records::RevocationReason;
use ca_server::service::assemble::{open_stores, open_token, system_clock};
use ca_server::setup::CONFIGURATION;
use ca_server::store::Store;
use esign_core::keys::{Passphrase, SigningKey};
use esign_core::x509::SerialNumber;
use zeroize::Zeroizing;

use super::{Failure, Where, ask};

/// A step of the ceremony.
#[derive(clap::Subcommand)]
#[command(after_help = EXAMPLE)]
pub(crate) enum Step {
    /// Print a plan to begin from
    Plan,
    /// 1, off line: make the root and its first list
    Root(RootArgs),
    /// 2, at the centre: make the issuing key and its request
    Request(RequestArgs),
    /// 3, off line: certify the issuing authority
    Certify(CertifyArgs),
    /// 4, at the centre: make the centre, its service and its first officers
    Install(InstallArgs),
    /// Off line, at least once a year: make the root's next list
    List(ListArgs),
    /// Off line: revoke the certificate of an issuing authority
    Revoke(RevokeArgs),
}

const EXAMPLE: &str = "Example, with two machines and a stick between them:
  ca-server init plan > plan.toml               write down what the centre is to be; both machines get it
  ca-server init root --plan plan.toml --dir root -o 1-root.txt           off line
  ca-server init request --plan plan.toml --dir centre -o 2-request.txt   at the centre
  ca-server init certify 2-request.txt --dir root -o 3-issuing.txt        off line
  ca-server init install 3-issuing.txt --plan plan.toml --dir centre      at the centre
  ca-server --config centre/ca-server.toml      the service

Each paper is a text: read it, carry it, and have its fingerprint read out from one machine to the other.
The machine that takes a paper asks for the fingerprint; --fingerprint gives it where nobody sits there.

The next generation of the issuing authority, years later: request and install with --next, certify as
above, and start the service again. Both generations are served.";

/// What every step has.
#[derive(clap::Args)]
pub(crate) struct Common {
    /// File whose first line is the passphrase, instead of a prompt
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// A centre that is to be, or the one that goes on.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Which {
    /// The plan of a new centre, the same file as the root has
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// The next generation of the centre in the folder
    #[arg(long)]
    next: bool,
}

#[derive(clap::Args)]
pub(crate) struct RootArgs {
    #[command(flatten)]
    common: Common,
    /// The plan, the same file on both machines
    #[arg(long, value_name = "FILE")]
    plan: PathBuf,
    /// Folder of the root, to be made
    #[arg(long)]
    dir: PathBuf,
    /// The paper
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

#[derive(clap::Args)]
pub(crate) struct RequestArgs {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    which: Which,
    /// Folder of the centre; the key waits in DIR.pending
    #[arg(long)]
    dir: PathBuf,
    /// The paper
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

#[derive(clap::Args)]
pub(crate) struct CertifyArgs {
    /// The paper of step 2
    request: PathBuf,
    #[command(flatten)]
    common: Common,
    /// Folder of the root
    #[arg(long)]
    dir: PathBuf,
    /// The paper
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The fingerprint that was read out, instead of a prompt
    #[arg(long)]
    fingerprint: Option<String>,
}

#[derive(clap::Args)]
pub(crate) struct InstallArgs {
    /// The paper of step 3
    issuing: PathBuf,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    which: Which,
    /// Folder of the centre
    #[arg(long)]
    dir: PathBuf,
    /// The fingerprint that was read out, instead of a prompt
    #[arg(long)]
    fingerprint: Option<String>,
}

#[derive(clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    common: Common,
    /// Folder of the root
    #[arg(long)]
    dir: PathBuf,
    /// The paper
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

#[derive(clap::Args)]
pub(crate) struct RevokeArgs {
    /// Serial number of the issuing certificate, hexadecimal
    serial: String,
    /// Why, as RFC 5280 names it: keyCompromise, cACompromise, superseded, cessationOfOperation …
    #[arg(long)]
    reason: String,
    /// For the root's books
    #[arg(long)]
    why: String,
    #[command(flatten)]
    list: ListArgs,
}

pub(crate) fn run(step: Step) -> Result<ExitCode, Failure> {
    match step {
        Step::Plan => {
            print!("{}", Plan::TEMPLATE);
            std::io::stdout().flush()?;
        }
        Step::Root(args) => root(&args)?,
        Step::Request(args) => request(&args)?,
        Step::Certify(args) => certify(&args)?,
        Step::Install(args) => install(&args)?,
        Step::List(args) => {
            let root = open(&args.dir, &args.common)?;
            give(&root.list(&who()?)?, &args.output, LIST_NEXT)?;
        }
        Step::Revoke(args) => revoke(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}

const LIST_NEXT: &str =
    "Carry it to the centre: ca-server root-list FILE --config centre/ca-server.toml";

fn root(args: &RootArgs) -> Result<(), Failure> {
    let plan = Plan::read(&args.plan)?;
    for remark in plan.remarks() {
        println!("note: {remark}");
    }
    let passphrase = new_passphrase(&args.common, &plan, "the root's key")?;
    let paper = Root::make(&args.dir, &plan, passphrase.as_ref(), &who()?)?;
    give(
        &paper,
        &args.output,
        "Keep the folder of the root off line, and a copy of it in another safe.\n\
         Carry plan.toml and this paper to the centre: ca-server init request --plan plan.toml --dir centre -o 2-request.txt",
    )
}

fn request(args: &RequestArgs) -> Result<(), Failure> {
    let plan = args.which.plan(&args.dir)?;
    let store = args.which.store(&args.dir)?;
    let passphrase = if plan.is_token() || ceremony::pending(&args.dir).is_dir() {
        None
    } else {
        new_passphrase(&args.common, &plan, "the centre's keys")?
    };
    let token = token(&plan, &args.common)?;
    let paper = ceremony::request(
        &args.dir,
        &plan,
        store.as_deref(),
        token.as_deref(),
        passphrase.as_ref(),
    )?;
    give(
        &paper,
        &args.output,
        "Carry it to the root: ca-server init certify 2-request.txt --dir root -o 3-issuing.txt",
    )
}

/// Reads a paper that was carried here.
pub(super) fn paper(path: &Path, step: ceremony::Step) -> Result<Paper, Failure> {
    let name = path.display().to_string();
    Ok(Paper::read(&name, &text(path)?, step)?)
}

fn certify(args: &CertifyArgs) -> Result<(), Failure> {
    let paper = paper(&args.request, ceremony::Step::Request)?;
    compare(&paper, args.fingerprint.as_deref())?;
    let root = open(&args.dir, &args.common)?;
    let paper = root.certify(&paper, &who()?)?;
    give(
        &paper,
        &args.output,
        "Carry it to the centre: ca-server init install 3-issuing.txt --dir centre --plan plan.toml (or --next)",
    )
}

fn install(args: &InstallArgs) -> Result<(), Failure> {
    let plan = args.which.plan(&args.dir)?;
    let store = args.which.store(&args.dir)?;
    let paper = paper(&args.issuing, ceremony::Step::Issuing)?;
    compare(&paper, args.fingerprint.as_deref())?;
    let passphrase = match plan.unlock {
        ceremony::Unlock::None => None,
        _ => Some(passphrase(&args.common, "passphrase of the centre's keys")?),
    };
    let beside = args.which.plan.as_deref().and_then(Path::parent);
    let made_of = Installation {
        dir: &args.dir,
        plan: &plan,
        beside: beside.unwrap_or(Path::new("")),
        issuing: &paper,
        token: token(&plan, &args.common)?,
        passphrase: passphrase.as_ref(),
    };
    let configuration = args.dir.join(CONFIGURATION);
    let start = format!("ca-server --config {}", configuration.display());
    if let Some(store) = store {
        made_of.succeed(store.as_ref(), &who()?)?;
        println!(
            "The next generation is in {}. Start the service again: {start}",
            args.dir.display()
        );
        return Ok(());
    }
    made_of.found(&who()?)?;
    println!(
        "The centre is in {}. Hand each officer his folder in {}, on a stick.\nStart it: {start}",
        args.dir.display(),
        args.dir.join("officers").display(),
    );
    Ok(())
}

impl Which {
    /// The plan that is named, or the one that the centre was made by.
    fn plan(&self, dir: &Path) -> Result<Plan, Failure> {
        let kept = dir.join(Plan::FILE);
        Ok(Plan::read(self.plan.as_ref().unwrap_or(&kept))?)
    }

    /// The store of the centre that goes on.
    fn store(&self, dir: &Path) -> Result<Option<Arc<dyn Store>>, Failure> {
        if !self.next {
            return Ok(None);
        }
        let at = Where {
            config: Some(dir.join(CONFIGURATION)),
            dir: dir.to_owned(),
        };
        let (dir, config) = at.read()?;
        Ok(Some(open_stores(&dir, &config, &ask)?.acts))
    }
}

fn revoke(args: &RevokeArgs) -> Result<(), Failure> {
    let serial = SerialNumber::parse_hex(&args.serial)
        .ok_or_else(|| format!("serial number \"{}\" is not hexadecimal", args.serial))?;
    let reason: RevocationReason = serde_json::from_value(args.reason.clone().into())
        .map_err(|e| format!("reason \"{}\": {e}", args.reason))?;
    let root = open(&args.list.dir, &args.list.common)?;
    let paper = root.revoke(&serial, reason, &args.why, &who()?)?;
    give(&paper, &args.list.output, LIST_NEXT)
}

/// Prints a paper, writes it, and says what is next.
fn give(paper: &Paper, output: &Path, next: &str) -> Result<(), Failure> {
    let text = paper.text()?;
    paper.write(output)?;
    // Its PEM is for machines.
    let words = text.split("-----BEGIN").next().unwrap_or_default();
    println!("{words}The paper is {}.\n{next}", output.display());
    Ok(())
}

/// Shows what a paper says, and has its fingerprint compared with the one that is read out.
fn compare(paper: &Paper, given: Option<&str>) -> Result<(), Failure> {
    let typed = match given {
        Some(given) => given.to_owned(),
        None => {
            let text = paper.text()?;
            let words = text.split("Fingerprint").next().unwrap_or_default();
            println!("{words}");
            if !std::io::stdin().is_terminal() {
                return Err(
                    "nobody can be asked for the fingerprint: --fingerprint gives it".into(),
                );
            }
            print!(
                "Have the fingerprint read out to you from the other machine, and type it\n(at least its first eight groups): "
            );
            std::io::stdout().flush()?;
            let mut line = String::new();
            std::io::stdin().read_line(&mut line)?;
            line
        }
    };
    let fingerprint = paper.fingerprint();
    if fingerprint.is(&typed) {
        return Ok(());
    }
    Err(format!(
        "the fingerprint does not match: this paper's is\n    {fingerprint}\nand given was\n    {}\nDo not go on: \
         the paper was changed on its way, or is another one",
        typed.trim()
    )
    .into())
}

fn who() -> Result<Who, Failure> {
    Ok(Who {
        by: Name::new("ceremony")?,
        at: system_clock(),
    })
}

pub(super) fn text(path: &Path) -> Result<String, Failure> {
    Ok(std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?)
}

fn open(dir: &Path, common: &Common) -> Result<Root, Failure> {
    let passphrase = if Root::needs_passphrase(dir)? {
        Some(passphrase(common, "passphrase of the root's key")?)
    } else {
        None
    };
    Ok(Root::open(dir, passphrase.as_ref())?)
}

fn token(plan: &Plan, common: &Common) -> Result<Option<Arc<dyn SigningKey>>, Failure> {
    if !plan.is_token() {
        return Ok(None);
    }
    let module = plan.pkcs11_module.as_deref();
    let secret = |what: &str| match &common.passphrase_file {
        Some(path) => first_line(path),
        None => ask(what).map(Zeroizing::new),
    };
    Ok(Some(open_token(&plan.issuing_key, module, &secret)?))
}

fn passphrase(common: &Common, what: &str) -> Result<Passphrase, Failure> {
    let mut text = match &common.passphrase_file {
        Some(path) => first_line(path).map_err(|e| format!("{}: {e}", path.display()))?,
        None => Zeroizing::new(ask(what)?),
    };
    Ok(Passphrase::new(std::mem::take(&mut *text)))
}

/// A passphrase for keys that are to be made: typed twice.
fn new_passphrase(common: &Common, plan: &Plan, what: &str) -> Result<Option<Passphrase>, Failure> {
    if plan.unlock == ceremony::Unlock::None {
        return Ok(None);
    }
    if common.passphrase_file.is_none() {
        let first = Zeroizing::new(ask(&format!("passphrase for {what}"))?);
        let again = Zeroizing::new(ask("once more")?);
        if *first != *again {
            return Err("the two passphrases differ; nothing was made".into());
        }
        if first.is_empty() {
            return Err("the passphrase is empty; nothing was made".into());
        }
        return Ok(Some(Passphrase::new(first.to_string())));
    }
    passphrase(common, what).map(Some)
}

fn first_line(path: &Path) -> std::io::Result<Zeroizing<String>> {
    let text = Zeroizing::new(std::fs::read_to_string(path)?);
    let line = text.lines().next().unwrap_or_default();
    Ok(Zeroizing::new(line.to_owned()))
}
