//! `esign cert verify`: one certificate, its path drawn, and where it broke.

use std::fmt::Write;
use std::path::PathBuf;

use clap::ValueEnum;
use esign_core::oid::ObjectIdentifier;
use esign_core::path::{
    KeyPurpose, PathInputs, PathProfile, PolicyInputs, ReferenceName, RevocationChecking, Searched,
    VerifiedPath, search_paths,
};
use esign_core::report::{Fact, Finding, Indication, SubIndication};
use esign_core::validation::CertificateSummary;
use esign_core::x509::{Certificate, certificates};
use serde_json::json;

use super::trust::{self, Given, TrustArgs};
use super::verdict;
use crate::failure::{Exit, Failure};
use crate::lang::Lang;
use crate::{Context, print};

/// Judge a certificate: its path to a trusted one, purpose, name, policies and status
#[derive(clap::Args)]
#[command(after_help = "Examples:
  esign cert verify signer.pem --trust root.pem --intermediate issuing.pem --crl all.crl
  esign cert verify server.pem --trust root.pem --purpose tls-server --name dns:xidmet.gov.az --revocation available
  esign cert verify signer.pem --trust root.pem --crl all.crl --at 2026-11-22 --policy 1.2.3.4 --require-explicit-policy

A file with several certificates is a chain: the first is judged, the others may stand on the way.
Exit: 0 valid; 1 not valid; 3 open (no path to a trusted certificate, or its status is unknown); 2 cannot be read.")]
pub(crate) struct Args {
    /// The certificate (PEM or DER)
    leaf: PathBuf,
    #[command(flatten)]
    trust: TrustArgs,
    /// A name that the certificate must have: dns:HOST, ip:ADDRESS or email:MAILBOX (may be repeated)
    #[arg(long, value_name = "KIND:NAME", value_parser = parse_name)]
    name: Vec<ReferenceName>,
    /// What its key is used for
    #[arg(long, value_enum, default_value_t = Purpose::Any)]
    purpose: Purpose,
    /// Whether its status must be known
    #[arg(long, value_enum, default_value_t = Status::Require)]
    revocation: Status,
    /// Most intermediate certificates on the way, self-issued ones not counted
    #[arg(long, value_name = "N")]
    max_depth: Option<u32>,
    /// A certificate policy that one accepts (may be repeated); without it any will do
    #[arg(long, value_name = "OID", value_parser = parse_oid)]
    policy: Vec<ObjectIdentifier>,
    /// The path must be valid for an accepted policy
    #[arg(long)]
    require_explicit_policy: bool,
    /// No policy may be mapped to another
    #[arg(long)]
    inhibit_policy_mapping: bool,
    /// anyPolicy in a certificate does not count
    #[arg(long)]
    inhibit_any_policy: bool,
    /// pkix: RFC 5280 clause 6; strict: also what clause 4 demands of issuers
    #[arg(long, value_enum, default_value_t = Profile::Pkix)]
    profile: Profile,
    /// Answer as one JSON document
    #[arg(long)]
    json: bool,
    /// Print every rule that was run
    #[arg(long, short)]
    verbose: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Purpose {
    /// Not looked at
    Any,
    /// Signing or sealing documents
    DocumentSigning,
    /// A server in TLS
    TlsServer,
    /// A client in TLS
    TlsClient,
    /// Signing OCSP responses
    Ocsp,
    /// Signing time-stamps
    Timestamping,
}

#[derive(Clone, Copy, ValueEnum)]
enum Status {
    /// Unknown leaves the answer open
    Require,
    /// Known counts, unknown passes
    Available,
    /// Not looked at
    None,
}

#[derive(Clone, Copy, ValueEnum)]
enum Profile {
    /// RFC 5280 clause 6
    Pkix,
    /// Also clause 4 for who issues
    Strict,
}

fn parse_name(text: &str) -> Result<ReferenceName, String> {
    ReferenceName::parse(text).map_err(|e| e.to_string())
}

fn parse_oid(text: &str) -> Result<ObjectIdentifier, String> {
    text.parse()
        .map_err(|_| "expected an object identifier like 2.16.840.1.101.3.2.1.48.1".to_owned())
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let about = |e: &dyn std::fmt::Display| Failure::about(&args.leaf.display(), e);
    let mut found = trust::read(&args.leaf, certificates)?.into_iter();
    let leaf = found.next().ok_or_else(|| about(&"has no certificate"))?;
    let mut given = args.trust.load(&context.settings)?;
    for certificate in found {
        // A chain the other way round: an answer about the issuer is easily taken for another's.
        let below = certificate.issuer().matches(leaf.subject()) && !certificate.is_self_issued();
        if below {
            eprintln!(
                "esign: hint: {}: the first certificate is judged, {}; one that it issued stands after it, {}",
                args.leaf.display(),
                leaf.subject(),
                certificate.subject()
            );
        }
        given.evidence.add_certificate(certificate);
    }
    let searched = search_paths(&leaf, &args.inputs(&given));
    if args.json {
        print(&format!("{}\n", answer(&searched)))?;
    } else {
        let nothing = given.anchors.is_empty();
        print(&args.text(&leaf, &searched, nothing, &context.lang))?;
    }
    Ok(exit(&searched))
}

impl Args {
    fn inputs<'a>(&'a self, given: &'a Given) -> PathInputs<'a> {
        PathInputs {
            at: given.at,
            anchors: &given.anchors,
            evidence: &given.evidence,
            revocation: match self.revocation {
                Status::Require => RevocationChecking::Required,
                Status::Available => RevocationChecking::Available,
                Status::None => RevocationChecking::Skipped,
            },
            purpose: match self.purpose {
                Purpose::Any => KeyPurpose::Any,
                Purpose::DocumentSigning => KeyPurpose::DocumentSigning,
                Purpose::TlsServer => KeyPurpose::TlsServer,
                Purpose::TlsClient => KeyPurpose::TlsClient,
                Purpose::Ocsp => KeyPurpose::OcspSigning,
                Purpose::Timestamping => KeyPurpose::TimeStamping,
            },
            names: &self.name,
            policies: PolicyInputs {
                initial_policies: &self.policy,
                require_explicit: self.require_explicit_policy,
                inhibit_mapping: self.inhibit_policy_mapping,
                inhibit_any: self.inhibit_any_policy,
            },
            max_depth: self.max_depth,
            profile: match self.profile {
                Profile::Pkix => PathProfile::Pkix,
                Profile::Strict => PathProfile::Strict,
            },
        }
    }
}

/// Open is what more material could still decide: no path found, or no status.
fn exit(searched: &Searched) -> Exit {
    if searched.judged.value.is_some() {
        return Exit::Passed;
    }
    match Finding::decisive(&searched.judged.report).and_then(|f| f.sub_indication) {
        Some(SubIndication::NoCertificateChainFound | SubIndication::TryLater) => {
            Exit::Indeterminate
        }
        _ => Exit::Failed,
    }
}

fn answer(searched: &Searched) -> serde_json::Value {
    let judged = &searched.judged;
    let path = judged.value.as_ref();
    json!({
        "valid": path.is_some(),
        "reason": Finding::decisive(&judged.report).map(reason),
        "path": path
            .map(VerifiedPath::chain)
            .unwrap_or_default()
            .iter()
            .map(CertificateSummary::of)
            .collect::<Vec<_>>(),
        "policies": path.map(policies).unwrap_or_default(),
        "findings": judged.report,
    })
}

/// The policies for which the path is valid and which one accepts.
fn policies(path: &VerifiedPath) -> Vec<String> {
    let accepted = path.policies().user_constrained.iter();
    accepted.map(|p| p.policy.to_string()).collect()
}

/// A finding on one line, for machines' logs: the rule and its values, in no language.
fn reason(finding: &Finding) -> String {
    let mut text = finding.rule.to_owned();
    if !finding.object.is_empty() {
        let _ = write!(text, " [{}]", finding.object);
    }
    for (i, (name, fact)) in finding.because.iter().enumerate() {
        let separator = if i == 0 { ": " } else { ", " };
        let _ = write!(text, "{separator}{name} {}", plain(fact));
    }
    text
}

fn plain(fact: &Fact) -> String {
    match fact {
        Fact::Time(t) => t.to_string(),
        Fact::Number(n) => n.to_string(),
        Fact::Flag(b) => b.to_string(),
        Fact::Text(t) => t.clone(),
        Fact::List(all) if all.is_empty() => "none".to_owned(),
        Fact::List(all) => all.iter().map(plain).collect::<Vec<_>>().join(", "),
    }
}

impl Args {
    /// The answer first, then whom it is about, why, and every path that was tried.
    fn text(
        &self,
        leaf: &Certificate,
        searched: &Searched,
        nothing_trusted: bool,
        lang: &Lang,
    ) -> String {
        let judged = &searched.judged;
        let mut out = String::new();
        let key = match exit(searched) {
            Exit::Passed => "cert-valid",
            Exit::Indeterminate => "cert-open",
            _ => "cert-not-valid",
        };
        let _ = writeln!(out, "{}: {}", self.leaf.display(), lang.text(key));
        let mut line = |label: &str, text: &str| verdict::labelled(&mut out, label, text, lang);
        line("label-subject", &leaf.subject().to_string());
        line("label-issuer", &leaf.issuer().to_string());
        let validity = [lang.time(leaf.not_before()), lang.time(leaf.not_after())];
        line("label-validity", &validity.join(" – "));
        if let Some(finding) = Finding::decisive(&judged.report) {
            line("label-because", &verdict::sentence(finding, lang));
        }
        let policies = judged.value.as_ref().map(policies).unwrap_or_default();
        if !policies.is_empty() {
            line("label-policies", &policies.join(", "));
        }
        line(
            "label-next",
            &lang.text(next(&judged.report, nothing_trusted)),
        );
        for (n, attempt) in searched.attempts.iter().enumerate() {
            let title = lang.with("path-tried", &[("n", &(n + 1).to_string())]);
            let mark = verdict::mark(&attempt.finding);
            let _ = writeln!(out, "  {mark} {title}");
            let complete = attempt.finding.rule == "path.found";
            for (depth, certificate) in attempt.chain.iter().enumerate() {
                let indent = depth * 3;
                let top = complete && depth + 1 == attempt.chain.len();
                let trusted = if top {
                    lang.text("path-trusted")
                } else {
                    String::new()
                };
                let subject = certificate.subject();
                let line = format!("    {:indent$}└─ {subject}  {trusted}", "");
                let _ = writeln!(out, "{}", line.trim_end());
                // Those of a complete path stand in the order of weight, each with its name.
                let name = format!("certificate {} of {subject}", certificate.serial());
                let below = format!("    {:indent$}   ", "");
                let own = attempt.finding.children.iter();
                for finding in own.filter(|f| complete && f.object == name) {
                    draw(&mut out, &finding.children, &below, self.verbose, lang);
                }
            }
            if !complete {
                let finding = core::slice::from_ref(&attempt.finding);
                let indent = format!("    {:1$}", "", attempt.chain.len() * 3);
                draw(&mut out, finding, &indent, self.verbose, lang);
            }
        }
        if searched.attempts_left_out > 0 {
            let n = searched.attempts_left_out.to_string();
            let _ = writeln!(out, "  {}", lang.with("path-left-out", &[("n", &n)]));
        }
        out
    }
}

/// Findings as a tree; of those that hold, only what leads to one that does not, unless `all`.
fn draw(out: &mut String, findings: &[Finding], indent: &str, all: bool, lang: &Lang) {
    let shown: Vec<&Finding> = findings.iter().filter(|f| all || interesting(f)).collect();
    for (i, finding) in shown.iter().enumerate() {
        let last = i + 1 == shown.len();
        let (branch, below) = if last {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        let mark = verdict::mark(finding);
        let sentence = verdict::sentence(finding, lang);
        let clause = finding.clause;
        let _ = writeln!(out, "{indent}{branch}{mark} {sentence} ({clause})");
        draw(
            out,
            &finding.children,
            &format!("{indent}{below}"),
            all,
            lang,
        );
    }
}

fn interesting(finding: &Finding) -> bool {
    finding.outcome != Indication::Passed || finding.children.iter().any(interesting)
}

fn next(report: &[Finding], nothing_trusted: bool) -> &'static str {
    use SubIndication as S;
    match Finding::decisive(report).and_then(|f| f.sub_indication) {
        None if Finding::worst(report) == Indication::Passed => "cert-next-none",
        Some(S::NoCertificateChainFound) if nothing_trusted => "next-trust",
        Some(S::NoCertificateChainFound) => "next-chain",
        Some(S::TryLater) => "next-crl",
        _ => "cert-next-issuer",
    }
}
