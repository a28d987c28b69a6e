//! A report in words: the answer first, then what it rests on.

use std::fmt::Write;
use std::path::Path;

use esign_core::oid::ANY_POLICY;
use esign_core::report::{Fact, Finding, Indication, SubIndication};
use esign_core::validation::{Integrity, Report, SignatureReport, TimestampReport};

use crate::lang::Lang;

/// Width of the column of labels.
const LABEL: usize = 14;

/// The whole answer for one file. `nothing_trusted` says that no anchor was given.
pub(crate) fn text(
    file: &Path,
    report: &Report,
    nothing_trusted: bool,
    verbose: bool,
    lang: &Lang,
) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{}: {}",
        file.display(),
        lang.text(&verdict_key(report.indication))
    );
    if report.signatures.is_empty() {
        let _ = writeln!(out, "  {}", lang.text("verify-no-signature"));
    }
    for signature in &report.signatures {
        out.push('\n');
        one(&mut out, signature, report, nothing_trusted, verbose, lang);
    }
    out
}

pub(crate) fn verdict_key(indication: &str) -> String {
    format!("verdict-{}", indication.to_lowercase())
}

fn one(
    out: &mut String,
    s: &SignatureReport,
    report: &Report,
    nothing_trusted: bool,
    verbose: bool,
    lang: &Lang,
) {
    let mut line = |label: &str, text: &str| labelled(out, label, text, lang);
    line(
        "label-signature",
        &format!("{} ({} {})", s.name, s.format, s.level),
    );
    line("label-verdict", &lang.text(&verdict_key(s.indication)));
    if let Some(finding) = Finding::decisive(&s.findings) {
        line("label-because", &sentence(finding, lang));
    }
    line("label-who", &who(s, lang));
    line("label-covers", &covers(s, lang));
    line(
        "label-claimed",
        &s.claimed_time
            .map_or_else(|| lang.text("time-not-claimed"), |t| lang.time(t)),
    );
    let proved = if s.time_proved {
        lang.time(s.best_signature_time)
    } else {
        lang.with(
            "time-not-proved",
            &[("at", &lang.time(s.best_signature_time))],
        )
    };
    line("label-proved", &proved);
    for stamp in &s.timestamps {
        line("label-timestamp", &timestamp(stamp, lang));
    }
    for (label, text) in [("label-reason", &s.reason), ("label-location", &s.location)] {
        if let Some(text) = text {
            line(label, text);
        }
    }
    line("label-since", &since(s, lang));
    line("label-next", &next(s, nothing_trusted, lang));
    let _ = writeln!(out, "  {}", lang.text("stages-title"));
    for (n, key) in stages(s).iter().enumerate() {
        let _ = writeln!(out, "    {}. {}", n + 1, lang.text(key));
    }
    let _ = writeln!(out, "  {}", lang.text("legal-class"));
    if verbose {
        let _ = writeln!(
            out,
            "  {}",
            lang.with(
                "rests-on",
                &[
                    ("policy", &report.inputs.policy),
                    ("at", &lang.time(report.inputs.time)),
                    ("path", &s.path.join(" ← ")),
                ],
            )
        );
        for finding in &s.findings {
            tree(out, finding, 2, lang);
        }
        for stamp in &s.timestamps {
            let _ = writeln!(
                out,
                "  {}: {}",
                lang.text("label-timestamp"),
                timestamp(stamp, lang)
            );
            for finding in &stamp.findings {
                tree(out, finding, 2, lang);
            }
        }
        for missing in &s.missing {
            let places: Vec<&str> = [&missing.locations, &missing.responders]
                .into_iter()
                .flatten()
                .map(String::as_str)
                .collect();
            let facts = [
                ("of", missing.of.as_str()),
                ("issuer", missing.issuer.as_str()),
                ("places", &places.join(", ")),
            ];
            let key = format!("missing-{}", missing.what);
            let _ = writeln!(out, "  {}", lang.with(&key, &facts));
        }
    }
}

/// One time-stamp: of when, by whom, over what, and what became of it.
fn timestamp(stamp: &TimestampReport, lang: &Lang) -> String {
    let time = stamp
        .time
        .map_or_else(|| lang.text("timestamp-unread"), |t| lang.time(t));
    let facts = [
        ("time", time.as_str()),
        ("authority", stamp.authority.as_deref().unwrap_or("–")),
        ("kind", &lang.text(&format!("timestamp-{}", stamp.kind))),
    ];
    let outcome = match stamp.indication {
        Indication::Passed => "timestamp-passed",
        Indication::Indeterminate => "timestamp-indeterminate",
        Indication::Failed => "timestamp-failed",
    };
    let mut text = lang.with(outcome, &facts);
    if let Some(finding) = Finding::decisive(&stamp.findings) {
        let _ = write!(text, " ({})", sentence(finding, lang));
    }
    text
}

/// A line with its label in a column.
pub(crate) fn labelled(out: &mut String, label: &str, text: &str, lang: &Lang) {
    let label = lang.text(label);
    let pad = LABEL.saturating_sub(label.chars().count());
    let _ = writeln!(out, "  {label}{:pad$} {text}", "");
}

fn who(s: &SignatureReport, lang: &Lang) -> String {
    let Some(certificate) = &s.signing_certificate else {
        return lang.text("who-unknown");
    };
    lang.with(
        "who",
        &[
            ("subject", &certificate.subject),
            ("issuer", &certificate.issuer),
        ],
    )
}

fn covers(s: &SignatureReport, lang: &Lang) -> String {
    if s.integrity == Integrity::Broken {
        return lang.text("covers-broken");
    }
    match (s.coverage.kind, s.coverage.revision, s.coverage.revisions) {
        ("whole", _, _) => lang.text("covers-whole"),
        ("revision", Some(n), Some(of)) if n == of => lang.text("covers-whole"),
        ("revision", Some(n), Some(of)) => lang.with(
            "covers-revision",
            &[("n", &n.to_string()), ("of", &of.to_string())],
        ),
        ("partial", _, _) => lang.text("covers-partial"),
        _ => lang.text("covers-unknown"),
    }
}

fn since(s: &SignatureReport, lang: &Lang) -> String {
    if s.integrity == Integrity::Broken {
        return lang.text("since-broken");
    }
    let later: Vec<String> = s
        .coverage
        .later
        .iter()
        .filter(|c| c.kind != "nothing")
        .map(|c| {
            lang.with(
                "since-revision",
                &[
                    ("n", &c.revision.to_string()),
                    ("kind", &lang.text(&format!("change-{}", c.kind))),
                    ("touched", &c.touched.join(", ")),
                ],
            )
        })
        .collect();
    if later.is_empty() {
        lang.text("since-nothing")
    } else {
        later.join("; ")
    }
}

fn next(s: &SignatureReport, nothing_trusted: bool, lang: &Lang) -> String {
    use SubIndication as S;
    let key = match s.sub_indication {
        None => "next-none",
        Some(S::HashFailure | S::SigCryptoFailure | S::FormatFailure) => "next-ask-again",
        Some(S::NoCertificateChainFound) if nothing_trusted => "next-trust",
        Some(S::NoCertificateChainFound) => "next-chain",
        Some(S::TryLater) if is_suspended(s) => "next-suspended",
        Some(S::TryLater) => "next-crl",
        Some(S::SignedDataNotFound) => "next-content",
        Some(S::Revoked | S::RevokedNoPoe | S::RevokedCaNoPoe) => "next-revoked",
        Some(S::OutOfBoundsNoPoe | S::OutOfBoundsNotRevoked | S::Expired | S::NotYetValid) => {
            "next-expired"
        }
        Some(S::SigConstraintsFailure) => "next-look",
        Some(_) => "next-issuer",
    };
    lang.text(key)
}

/// Whether what keeps the answer open is a suspension (`certificateHold`).
fn is_suspended(s: &SignatureReport) -> bool {
    Finding::decisive(&s.findings)
        .is_some_and(|f| f.because.contains(&("revoked", Fact::Flag(true))))
}

/// The stages of decision 27/2006, 2.3: the data match the certificate; the certificate is
/// reliable; the procedure ran.
fn stages(s: &SignatureReport) -> [&'static str; 3] {
    let worst = |belongs: &dyn Fn(&Finding) -> bool| {
        s.findings
            .iter()
            .filter(|f| belongs(f))
            .map(|f| f.outcome)
            .max()
    };
    let data = worst(&|f| {
        f.rule.starts_with("signature.") || f.rule.starts_with("pdf.") || f.rule.starts_with("cms.")
    });
    let certificate = worst(&|f| {
        let groups = ["path", "x509", "certificate"];
        groups.iter().any(|group| f.rule.starts_with(group))
    });
    let of = |outcome: Option<Indication>, keys: [&'static str; 3]| match outcome {
        Some(Indication::Passed) => keys[0],
        Some(Indication::Failed) => keys[2],
        _ => keys[1],
    };
    [
        of(data, ["stage-1-passed", "stage-1-open", "stage-1-failed"]),
        of(
            certificate,
            ["stage-2-passed", "stage-2-open", "stage-2-failed"],
        ),
        "stage-3-passed",
    ]
}

/// A finding in words: what the rule asks, what was found.
pub(crate) fn sentence(finding: &Finding, lang: &Lang) -> String {
    let key = format!("rule-{}", finding.rule.replace('.', "-"));
    let mut text = if lang.has(&key) {
        lang.text(&key)
    } else {
        finding.rule.to_owned()
    };
    let facts: Vec<String> = finding
        .because
        .iter()
        .map(|(name, fact)| format!("{} {}", lang.fact(name), value(fact, lang)))
        .collect();
    if !finding.object.is_empty() {
        let _ = write!(text, " [{}]", finding.object);
    }
    if !facts.is_empty() {
        let _ = write!(text, ": {}", facts.join(", "));
    }
    text
}

fn value(fact: &Fact, lang: &Lang) -> String {
    match fact {
        Fact::Time(t) => lang.time(*t),
        Fact::Number(n) => n.to_string(),
        Fact::Flag(b) => lang.text(if *b { "yes" } else { "no" }),
        Fact::Text(t) if *t == ANY_POLICY.to_string() => format!("{t} (anyPolicy)"),
        Fact::Text(t) => t.clone(),
        Fact::List(all) if all.is_empty() => lang.text("list-empty"),
        Fact::List(all) => all
            .iter()
            .map(|f| value(f, lang))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// One sign for the outcome.
pub(crate) fn mark(finding: &Finding) -> &'static str {
    match (finding.outcome, finding.remark) {
        (_, true) => "·",
        (Indication::Passed, _) => "+",
        (Indication::Indeterminate, _) => "?",
        (Indication::Failed, _) => "!",
    }
}

fn tree(out: &mut String, finding: &Finding, depth: usize, lang: &Lang) {
    let indent = depth * 2;
    let _ = writeln!(
        out,
        "{:indent$}{} {} ({})",
        "",
        mark(finding),
        sentence(finding, lang),
        finding.clause
    );
    for child in &finding.children {
        tree(out, child, depth + 1, lang);
    }
}
