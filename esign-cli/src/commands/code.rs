//! `esign code check`: the code on a paper, or a stamped file, against a register.

use std::fmt::Write as _;
use std::io::{BufRead, IsTerminal, Write as _};
use std::path::{Path, PathBuf};

use ca_server::register::{self, Register};
use ca_server::store::sqlite::SqliteStore;
use clap::Subcommand;
use esign_core::code::{Code, CodeError, Normalised, Version};
use esign_core::evidence::Evidence;
use esign_core::pades;
use esign_core::pdf::Document;
use esign_core::policy::Policy;
use esign_core::register::{Asked, Check, FileEvidence, Known, Verdict, check};
use esign_core::stamp::embedded_seal;
use esign_core::time::UnixTime;
use esign_core::trust::TrustAnchors;
use esign_core::validation::{Inputs, Integrity, validate};
use esign_core::visible_seal::VisibleSeal;
use serde_json::{Value, json};

use super::sign::is_pdf;
use super::trust::{now, parse_time};
use crate::failure::{Exit, Failure};
use crate::files::Source;
use crate::{Context, print};

/// Name of the store in a centre's folder.
const STORE: &str = "store.sqlite";

/// Document identification codes
#[derive(Subcommand)]
pub(crate) enum CodeCommand {
    /// Check the code of a document, or a stamped PDF
    Check(CheckArgs),
}

/// Check the code of a document, or a stamped PDF
#[derive(clap::Args)]
#[command(after_help = "Examples:
  esign code check 0123-4567-89AB-CDEF-YBH8 --register esign-demo
  esign code check letter.pdf --register esign-demo
  esign code check 0123-4567-89AB-CDEF-YBH8 --document letter.pdf --register esign-demo --json
  esign code check --register esign-demo                     asks for the code

Exit codes: 0 in force; 1 not in force, altered, unknown, invalid; 2 mistyped, or cannot be read;
3 open: status unknown, another file, a test document.")]
pub(crate) struct CheckArgs {
    /// The code as typed, or a stamped PDF; asked for where neither is given
    #[arg(value_name = "CODE|PDF")]
    what: Option<String>,
    /// Compare this file with the one that was issued
    #[arg(long, value_name = "PDF")]
    document: Option<PathBuf>,
    /// Folder of the register [default: ESIGN_REGISTER, else esign config register]
    #[arg(long, value_name = "DIR", env = "ESIGN_REGISTER")]
    register: Option<PathBuf>,
    /// Judge expiry for this time instead of now
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<UnixTime>,
    /// Open no network connection; none is opened anyway
    #[arg(long)]
    offline: bool,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

/// What was asked, resolved.
enum Question {
    Typed(Code, Normalised),
    File { seal: Vec<u8>, path: PathBuf },
}

pub(crate) fn run(command: CodeCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        CodeCommand::Check(args) => run_check(&args, context),
    }
}

fn run_check(args: &CheckArgs, context: &Context) -> Result<Exit, Failure> {
    let what = match &args.what {
        Some(what) => what.clone(),
        None => ask(context)?,
    };
    let question = match resolve(&what)? {
        Ok(question) => question,
        Err(error) => return mistyped(&error, args.json, context),
    };
    let answer = answer(args, &question, context)?;
    if args.json {
        print(&format!("{}\n", answer.json(&question)))?;
    } else {
        print(&answer.text(&question, context))?;
    }
    Ok(match answer.check.verdict.exit() {
        0 => Exit::Passed,
        1 => Exit::Failed,
        2 => Exit::Usage,
        _ => Exit::Indeterminate,
    })
}

/// Asks for the code: at a terminal with a prompt, else the first line of standard input.
fn ask(context: &Context) -> Result<String, Failure> {
    if std::io::stdin().is_terminal() {
        let mut out = std::io::stderr().lock();
        let _ = write!(out, "{} ", context.lang.text("code-ask"));
        let _ = out.flush();
    }
    let mut line = String::new();
    let failed = |e: std::io::Error| Failure::io("standard input", &e);
    // A line of no sensible length is no code; what is beyond 4 KiB is not read.
    std::io::Read::take(std::io::stdin().lock(), 4096)
        .read_line(&mut line)
        .map_err(failed)?;
    Ok(line.trim().to_owned())
}

/// A file that exists is a file; anything else is a code.
fn resolve(what: &str) -> Result<Result<Question, CodeError>, Failure> {
    let path = Path::new(what);
    if !path.exists() {
        let looks_like_a_file = what.contains(['/', '\\']) || what.to_lowercase().ends_with(".pdf");
        if looks_like_a_file {
            return Err(Failure::about(&path.display(), &"there is no such file"));
        }
        return Ok(Code::parse(what).map(|(code, typed)| Question::Typed(code, typed)));
    }
    let source = Source::open(path)?;
    if !is_pdf(&source)? {
        return Err(Failure::about(&path.display(), &"is no PDF")
            .hint("type the code that is printed on the document"));
    }
    let about = |e: &dyn std::fmt::Display| Failure::about(&path.display(), e);
    let document = Document::open(&source).map_err(|e| about(&e))?;
    let seal = embedded_seal(document.current()).ok_or_else(|| {
        about(&"carries no seal of a document code")
            .hint("type the code that is printed on the document")
    })?;
    Ok(Ok(Question::File {
        seal,
        path: path.to_owned(),
    }))
}

/// A conclusion with what is needed to tell it.
struct Answer {
    check: Check,
    code: Option<Code>,
    register: Option<Register>,
}

fn answer(args: &CheckArgs, question: &Question, context: &Context) -> Result<Answer, Failure> {
    let folder = args
        .register
        .as_ref()
        .or(context.settings.register.as_ref());
    let at = args.at.unwrap_or_else(now);
    let register = folder.map(|f| Register::load(f)).transpose();
    let register = register.map_err(|e| {
        Failure::new(e)
            .hint("--register names the folder of a centre, such as the one that quickstart made")
    })?;
    let keys = match &register {
        Some(r) => r.keys().map_err(Failure::new)?,
        None => esign_core::register::IssuerKeys::default(),
    };
    let store = match folder {
        Some(folder) => Some(
            SqliteStore::open(&folder.join(STORE))
                .map_err(|e| Failure::about(&folder.display(), &e))?,
        ),
        None => None,
    };
    let known = |code: &Code| match &store {
        Some(store) => register::held(store, code).map_err(|e| Failure::new(e.to_string())),
        None => Ok(Known::Unreachable),
    };
    let document = match question {
        Question::File { path, .. } => Some(path.as_path()),
        Question::Typed(..) => args.document.as_deref(),
    };
    let file = document.map(evidence_of).transpose()?;
    let (code, check) = match question {
        Question::Typed(code, _) => (
            Some(*code),
            check(&Asked::Code(*code), &known(code)?, &keys, file.as_ref(), at),
        ),
        Question::File { seal, .. } => {
            let record = VisibleSeal::decode(seal)
                .map(|s| s.record)
                .unwrap_or_default();
            let code = match &store {
                Some(store) => Some(
                    register::code_of_record(store, &record)
                        .map_err(|e| Failure::new(e.to_string()))?,
                ),
                None => None,
            };
            match code {
                // The register's own copy of the seal, which the code binds, is what counts; with
                // it comes the digest of the issued file.
                Some(code) => {
                    let known = known(&code)?;
                    (
                        Some(code),
                        check(&Asked::Code(code), &known, &keys, file.as_ref(), at),
                    )
                }
                None => {
                    let asked = Asked::Seal(seal);
                    (
                        None,
                        check(&asked, &Known::Unreachable, &keys, file.as_ref(), at),
                    )
                }
            }
        }
    };
    Ok(Answer {
        check,
        code,
        register,
    })
}

/// Digest of a file's first signature, and whether its signatures hold.
fn evidence_of(path: &Path) -> Result<FileEvidence, Failure> {
    let source = Source::open(path)?;
    let about = |e: &dyn std::fmt::Display| Failure::about(&path.display(), e);
    let signatures = pades::prepare(&source).map_err(|e| about(&e))?;
    let digests = pades::file_digests(&source).map_err(|e| about(&e))?;
    source.unchanged()?;
    // Integrity alone: whom to trust for the signature is the verifying command's matter.
    let (anchors, evidence) = (TrustAnchors::new(), Evidence::new());
    let policy = Policy::basic();
    let inputs = Inputs {
        at: now(),
        anchors: &anchors,
        evidence: &evidence,
        policy: &policy,
    };
    let report = validate(&signatures, &inputs);
    let broken = report
        .signatures
        .iter()
        .any(|s| s.integrity == Integrity::Broken);
    // Without a signature there is no digest that could be the issued file's.
    let digest = digests.first().copied().unwrap_or_default();
    Ok(FileEvidence { digest, broken })
}

fn mistyped(error: &CodeError, as_json: bool, context: &Context) -> Result<Exit, Failure> {
    let lang = &context.lang;
    let (place, swapped) = match error {
        CodeError::Mistyped { place, swapped } => (*place, *swapped),
        _ => (None, None),
    };
    if as_json {
        let value = json!({
            "verdict": Verdict::Mistyped.name(),
            "group": place.map(|p| p.0),
            "place": place.map(|p| p.1),
            "swapped_groups": swapped.map(|(a, b)| [a, b]),
            "reason": error.to_string(),
        });
        print(&format!("{value}\n"))?;
        return Ok(Exit::Usage);
    }
    let mut out = format!("{}\n", lang.text("code-verdict-mistyped"));
    let number = |n: usize| n.to_string();
    let line = match (error, place, swapped) {
        (_, Some((group, place)), _) => lang.with(
            "code-look-at",
            &[
                ("group", &number(group)),
                ("place", &number(place)),
                ("group-th", ordinal(group)),
                ("place-th", ordinal(place)),
            ],
        ),
        (_, _, Some((a, b))) => lang.with("code-swapped", &[("a", &number(a)), ("b", &number(b))]),
        (CodeError::Length(n), _, _) => lang.with("code-length", &[("n", &number(*n))]),
        (CodeError::Character { found, .. }, _, _) => {
            lang.with("code-character", &[("found", &found.to_string())])
        }
        _ => lang.text("code-compare"),
    };
    let _ = writeln!(out, "  {line}");
    print(&out)?;
    Ok(Exit::Usage)
}

/// The ending of an Azerbaijani ordinal, by vowel harmony.
fn ordinal(n: usize) -> &'static str {
    match n {
        3 | 4 => "cü",
        6 => "cı",
        9 | 10 => "cu",
        _ => "ci",
    }
}

impl Answer {
    fn labels(&self, class: u32, az: bool) -> Vec<String> {
        let class = self.register.as_ref().and_then(|r| r.class(class));
        let words = |w: &register::Words| if az { w.az.clone() } else { w.en.clone() };
        class
            .map(|c| c.fields.iter().map(words).collect())
            .unwrap_or_default()
    }

    fn json(&self, question: &Question) -> Value {
        let record = self.check.record.as_ref();
        let fields = record.map(|r| {
            let labels = self.labels(r.class, false);
            r.fields
                .iter()
                .enumerate()
                .map(|(i, f)| json!({ "label": labels.get(i), "value": f }))
                .collect::<Vec<_>>()
        });
        let issuer = record.and_then(|r| self.register.as_ref()?.issuer(r.issuer));
        let class = record.and_then(|r| self.register.as_ref()?.class(r.class));
        let folded = match question {
            Question::Typed(_, typed) => typed
                .folded
                .iter()
                .map(|f| json!({ "typed": f.typed.to_string(), "symbol": f.symbol.to_string() }))
                .collect(),
            Question::File { .. } => Vec::new(),
        };
        json!({
            "verdict": self.check.verdict.name(),
            "code": self.code.map(|c| c.to_string()),
            "test": self.code.map(|c| c.version() == Version::Test),
            "issuer": issuer.map(|i| i.name.en.clone()),
            "class": class.map(|c| c.name.en.clone()),
            "issued_at": record.map(|r| r.issued_at),
            "expires_at": record.and_then(|r| r.expires_at),
            "fields": fields,
            "status": self.check.standing.map(|s| s.0.name()),
            "since": self.check.standing.map(|s| s.1),
            "same_file": self.check.same_file,
            "folded": folded,
        })
    }

    fn text(&self, question: &Question, context: &Context) -> String {
        let lang = &context.lang;
        let az = lang.text("lang-code") == "az";
        let words = |w: &register::Words| if az { w.az.clone() } else { w.en.clone() };
        let verdict = self.check.verdict;
        let mut out = format!(
            "{}\n",
            lang.text(&format!("code-verdict-{}", verdict.name()))
        );
        if let Question::Typed(_, typed) = question
            && !typed.folded.is_empty()
        {
            let list: Vec<String> = typed
                .folded
                .iter()
                .map(|f| format!("{} → {}", f.typed, f.symbol))
                .collect();
            let _ = writeln!(
                out,
                "  {}",
                lang.with("code-folded", &[("list", &list.join(", "))])
            );
        }
        let mut line = |label: &str, value: &str| {
            let pad = 26usize.saturating_sub(label.chars().count());
            let _ = writeln!(out, "  {label}{:pad$} {value}", "");
        };
        if let Some(code) = self.code {
            line(&lang.text("code-label-code"), &code.to_string());
        }
        if let Some(record) = &self.check.record {
            let register = self.register.as_ref();
            if let Some(issuer) = register.and_then(|r| r.issuer(record.issuer)) {
                line(&lang.text("code-label-issuer"), &words(&issuer.name));
            }
            if let Some(class) = register.and_then(|r| r.class(record.class)) {
                line(&lang.text("code-label-class"), &words(&class.name));
            }
            line(
                &lang.text("code-label-issued"),
                &lang.time(record.issued_at),
            );
            if let Some(end) = record.expires_at {
                line(&lang.text("code-label-expires"), &lang.time(end));
            }
            if let Some((standing, since)) = self.check.standing {
                let word = lang.text(&format!("code-status-{}", standing.name()));
                line(
                    &lang.text("code-label-status"),
                    &lang.with(
                        "code-status-since",
                        &[("status", &word), ("since", &lang.time(since))],
                    ),
                );
            }
            if let Some(same) = self.check.same_file {
                let key = if same {
                    "code-file-same"
                } else {
                    "code-file-other"
                };
                line(&lang.text("code-label-file"), &lang.text(key));
            }
        }
        if let Some(record) = &self.check.record {
            let _ = writeln!(out, "  {}", lang.text("code-compare-fields"));
            let labels = self.labels(record.class, az);
            for (i, field) in record.fields.iter().enumerate() {
                let label = labels
                    .get(i)
                    .cloned()
                    .unwrap_or_else(|| format!("{}", i + 1));
                let pad = 24usize.saturating_sub(label.chars().count());
                let _ = writeln!(out, "    {label}{:pad$} {field}", "");
            }
        }
        let _ = writeln!(
            out,
            "  {}",
            lang.text(&format!("code-next-{}", verdict.name()))
        );
        out
    }
}
