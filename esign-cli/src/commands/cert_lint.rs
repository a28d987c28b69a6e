//! `esign cert lint`: certificates, CRLs and OCSP responses against the rules of their standards.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use esign_core::der::Tag;
use esign_core::keys::KeyError;
use esign_core::lint::{self, Hit, Kind, Outcome, Severity};
use esign_core::report::Fact;
use esign_core::x509::{Certificate, KEY_RULES, lint_keys, pem_blocks};
use serde_json::{Map, Value, json};

use super::cert_show::{clean, input};
use crate::failure::{Exit, Failure};
use crate::lang::Lang;
use crate::{Context, files, print};

/// Judge certificates, CRLs and OCSP responses by the rules of their standards
#[derive(clap::Args)]
#[command(after_help = "Examples:
  esign cert lint my.pem
  esign cert lint seal.der --profile legal-person --json

The keys of all certificates are compared with each other: of RSA keys that have a prime in common
both can be factored by anyone.
Exit code 1 says that a rule of the severity \"error\" is broken.")]
pub(crate) struct Args {
    /// PEM (one or several in a file) or DER
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What the certificates are for
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = profiles())]
    profile: String,
    /// One JSON document a file, on one line
    #[arg(long)]
    json: bool,
}

fn profiles() -> clap::builder::PossibleValuesParser {
    let names = Kind::ALL.iter().map(|k| k.name());
    std::iter::once("auto")
        .chain(names)
        .collect::<Vec<_>>()
        .into()
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let kind = Kind::ALL.into_iter().find(|k| k.name() == args.profile);
    let mut exit = Exit::Passed;
    let mut judged = Vec::new();
    for path in &args.files {
        match judge(path, kind) {
            Ok(items) => judged.push((path, items)),
            Err(failure) => {
                failure.print();
                exit = exit.worse(failure.exit);
            }
        }
    }
    if let Err(e) = keys(&mut judged) {
        let failure = Failure::about(&"the keys together", &e);
        failure.print();
        exit = exit.worse(failure.exit);
    }
    for (path, items) in &judged {
        if items
            .iter()
            .any(|i| i.outcome.worst() == Some(Severity::Error))
        {
            exit = exit.worse(Exit::Failed);
        }
        print(&if args.json {
            to_json(path, items)
        } else {
            to_text(path, items, &context.lang)
        })?;
    }
    Ok(exit)
}

struct Item {
    what: &'static str,
    outcome: Outcome,
    certificate: Option<Certificate>,
}

/// Looks for weak keys, in every file and in all of them together.
fn keys(judged: &mut [(&PathBuf, Vec<Item>)]) -> Result<(), KeyError> {
    let mut places = Vec::new();
    let mut certificates = Vec::new();
    for (file, (_, items)) in judged.iter().enumerate() {
        for (item, certificate) in items.iter().enumerate() {
            if let Some(certificate) = &certificate.certificate {
                places.push((file, item));
                certificates.push(certificate.clone());
            }
        }
    }
    let paths: Vec<String> = judged
        .iter()
        .map(|(p, _)| p.display().to_string())
        .collect();
    for (file, item) in &places {
        if let Some(item) = judged.get_mut(*file).and_then(|(_, i)| i.get_mut(*item)) {
            item.outcome.rules = item.outcome.rules.saturating_add(KEY_RULES.len());
        }
    }
    for found in lint_keys(&certificates)? {
        let Some((file, item)) = places.get(found.place) else {
            continue;
        };
        let mut hit = found.hit;
        let other = found.other.and_then(|other| places.get(other));
        if let Some(path) = other.and_then(|(file, _)| paths.get(*file)) {
            hit.facts.push(("other_file", Fact::from(path.clone())));
        }
        if let Some(item) = judged.get_mut(*file).and_then(|(_, i)| i.get_mut(*item)) {
            item.outcome.hits.push(hit);
        }
    }
    Ok(())
}

fn judge(path: &Path, kind: Option<Kind>) -> Result<Vec<Item>, Failure> {
    let octets = files::read(path)?;
    if octets.first() == Some(&Tag::SEQUENCE.0) {
        return Ok(vec![of_der(&octets, kind)]);
    }
    let labels = [
        "CERTIFICATE",
        "X509 CERTIFICATE",
        "X509 CRL",
        "CRL",
        "OCSP RESPONSE",
    ];
    let blocks = pem_blocks(&octets, &labels).map_err(|e| Failure::about(&path.display(), &e))?;
    Ok(blocks.iter().map(|der| of_der(der, kind)).collect())
}

/// Told from the outside alone; what is none of the three is a broken certificate.
fn of_der(der: &[u8], kind: Option<Kind>) -> Item {
    let (what, outcome) = match input::of_octets(der) {
        Some(input::Kind::Ocsp) => ("ocsp-response", lint::ocsp_response(der)),
        Some(input::Kind::Crl) => ("crl", lint::crl(der)),
        _ => ("certificate", lint::certificate(der, kind)),
    };
    let certificate = Certificate::from_der(der).ok();
    Item {
        what,
        outcome,
        certificate: certificate.filter(|_| what == "certificate"),
    }
}

fn to_json(path: &Path, items: &[Item]) -> String {
    let items: Vec<Value> = items
        .iter()
        .map(|i| {
            let findings: Vec<Value> = i.outcome.hits.iter().map(finding).collect();
            json!({
                "kind": i.what,
                "profile": i.outcome.kind.name(),
                "rules": i.outcome.rules,
                "valid": i.outcome.worst() != Some(Severity::Error),
                "findings": findings,
            })
        })
        .collect();
    let file = path.display().to_string();
    format!(
        "{}\n",
        json!({"schema": "esign-cert-lint/1", "file": file, "items": items})
    )
}

fn finding(hit: &Hit) -> Value {
    let values: Map<String, Value> = hit
        .facts
        .iter()
        .map(|(name, fact)| ((*name).to_owned(), json!(fact)))
        .collect();
    json!({
        "rule": hit.rule.id,
        "clause": hit.rule.clause,
        "severity": hit.rule.severity.name(),
        "values": values,
    })
}

fn to_text(path: &Path, items: &[Item], lang: &Lang) -> String {
    let mut out = format!("{}\n", clean(&path.display().to_string()));
    for item in items {
        let rules = item.outcome.rules.to_string();
        let profile = item.outcome.kind.name();
        let head = lang.with("lint-run", &[("rules", &rules), ("profile", profile)]);
        let _ = writeln!(out, "  {head}");
        for hit in &item.outcome.hits {
            let severity = lang.text(&format!("lint-severity-{}", hit.rule.severity.name()));
            let text = lang.text(&hit.rule.id.replace('.', "-"));
            let _ = writeln!(out, "  {severity}: {text}");
            let _ = writeln!(out, "    {} ({})", hit.rule.id, hit.rule.clause);
            for (name, fact) in &hit.facts {
                let _ = writeln!(out, "    {name}: {}", clean(&value(fact, lang)));
            }
        }
        if item.outcome.hits.is_empty() {
            let _ = writeln!(out, "  {}", lang.text("lint-nothing"));
        }
    }
    out
}

fn value(fact: &Fact, lang: &Lang) -> String {
    match fact {
        Fact::Time(t) => lang.time(*t),
        Fact::Number(n) => n.to_string(),
        Fact::Flag(b) => b.to_string(),
        Fact::Text(t) => t.clone(),
        Fact::List(all) => all
            .iter()
            .map(|f| value(f, lang))
            .collect::<Vec<_>>()
            .join(", "),
    }
}
