//! Linting of certificates, CRLs and OCSP responses: a table of rules, each with the clause it
//! comes from, run over the octets as received.
//!
//! The linter decodes on its own and tolerantly, so that what the strict decoders refuse is
//! still told rule by rule. A rule that holds leaves no trace; one that is broken leaves a
//! [`Hit`] with the values.
//!
//! # Source
//! RFC 5280 with RFC 6818, 9549 and 9598; ETSI EN 319 412-1 V1.5.1, -2 V2.3.1, -3 V1.3.1,
//! -5 V2.5.1; each rule names its own clause.

mod algorithms;
mod ca;
mod crl;
mod der_encoding;
mod en319412_1;
mod en319412_2;
mod en319412_3;
mod en319412_5;
mod forms;
mod ocsp_responder;
mod ocsp_response;
mod pss;
mod rfc5280_alt_names;
mod rfc5280_certificate;
mod rfc5280_extensions;
mod rfc5280_key_extensions;
mod rfc5280_names;
mod rfc5280_policies;
mod rfc5280_status;
mod tls;
mod tsa;
mod view;

use crate::der::DecodeError;
use crate::report::{Fact, Facts, Finding, RuleId, SubIndication};

use self::crl::CrlView;
use self::ocsp_response::OcspView;
use self::view::View;

/// How much a broken rule weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; no requirement is broken.
    Notice,
    /// A SHOULD is not followed.
    Warning,
    /// A SHALL or MUST is broken.
    Error,
}

impl Severity {
    /// Lower-case English word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What a certificate is for, which says the rules that apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RFC 5280 alone.
    Pkix,
    /// A certification authority.
    Ca,
    /// Electronic signature of a natural person (EN 319 412-2).
    NaturalPerson,
    /// Electronic seal of a legal person (EN 319 412-3).
    LegalPerson,
    /// An OCSP responder (RFC 6960).
    OcspResponder,
    /// A time-stamping unit (RFC 3161, EN 319 422).
    Tsa,
    /// A TLS server (RFC 9525).
    TlsServer,
    /// A TLS client.
    TlsClient,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Pkix,
        Self::Ca,
        Self::NaturalPerson,
        Self::LegalPerson,
        Self::OcspResponder,
        Self::Tsa,
        Self::TlsServer,
        Self::TlsClient,
    ];

    /// The name by which it is chosen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pkix => "pkix",
            Self::Ca => "ca",
            Self::NaturalPerson => "natural-person",
            Self::LegalPerson => "legal-person",
            Self::OcspResponder => "ocsp-responder",
            Self::Tsa => "tsa",
            Self::TlsServer => "tls-server",
            Self::TlsClient => "tls-client",
        }
    }

    const fn bit(self) -> u16 {
        match self {
            Self::Pkix => 1,
            Self::Ca => 2,
            Self::NaturalPerson => 4,
            Self::LegalPerson => 8,
            Self::OcspResponder => 16,
            Self::Tsa => 32,
            Self::TlsServer => 64,
            Self::TlsClient => 128,
        }
    }
}

/// Which kinds a rule applies to.
#[derive(Clone, Copy, Debug)]
struct Scope(u16);

const ANY: Scope = Scope(u16::MAX);
const CA: Scope = Scope(Kind::Ca.bit());
const NATURAL: Scope = Scope(Kind::NaturalPerson.bit());
const LEGAL: Scope = Scope(Kind::LegalPerson.bit());
const PERSON: Scope = Scope(NATURAL.0 | LEGAL.0);
const OCSP: Scope = Scope(Kind::OcspResponder.bit());
const TSA: Scope = Scope(Kind::Tsa.bit());
const TLS_SERVER: Scope = Scope(Kind::TlsServer.bit());
const TLS_CLIENT: Scope = Scope(Kind::TlsClient.bit());

/// One rule with its check.
struct Row<F: 'static> {
    rule: Rule,
    scope: Scope,
    check: F,
}

/// Looks at a certificate.
type Check = for<'a> fn(&View<'a>, &mut Hits);

/// A rule of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Stable id, `lint.…`.
    pub id: RuleId,
    /// Standard with edition, and clause.
    pub clause: &'static str,
    /// How much it weighs.
    pub severity: Severity,
}

const fn row<F>(
    id: RuleId,
    clause: &'static str,
    severity: Severity,
    scope: Scope,
    check: F,
) -> Row<F> {
    Row {
        rule: Rule {
            id,
            clause,
            severity,
        },
        scope,
        check,
    }
}

/// What the check of one rule found; each entry is one breach with its values.
#[derive(Default)]
struct Hits(Vec<Facts>);

/// Breaches of one rule that are kept; a hostile input repeats one without end.
const MAX_HITS: usize = 16;

impl Hits {
    fn add(&mut self, facts: Facts) {
        if self.0.len() < MAX_HITS {
            self.0.push(facts);
        }
    }

    fn one(&mut self, name: &'static str, value: impl Into<Fact>) {
        self.add(vec![(name, value.into())]);
    }

    fn two(
        &mut self,
        name: &'static str,
        value: impl Into<Fact>,
        other: &'static str,
        against: impl Into<Fact>,
    ) {
        self.add(vec![(name, value.into()), (other, against.into())]);
    }

    /// A breach that has nothing to compare.
    fn bare(&mut self) {
        self.add(Vec::new());
    }
}

/// One breach of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The rule.
    pub rule: Rule,
    /// The values.
    pub facts: Facts,
}

impl Hit {
    /// As a finding of a report: errors fail, the rest are remarks.
    pub fn finding(&self) -> Finding {
        let mut finding = if self.rule.severity == Severity::Error {
            Finding::failed(self.rule.id, self.rule.clause, SubIndication::Custom)
        } else {
            Finding::remark(self.rule.id, self.rule.clause)
                .with("severity", self.rule.severity.name().to_owned())
        };
        finding.because.extend(self.facts.iter().cloned());
        finding
    }
}

/// What came out of linting one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The rules that applied; for a certificate, as its kind says.
    pub kind: Kind,
    /// How many rules were run.
    pub rules: usize,
    /// The breaches, in the order of the table.
    pub hits: Vec<Hit>,
}

impl Outcome {
    /// The heaviest breach.
    pub fn worst(&self) -> Option<Severity> {
        self.hits.iter().map(|h| h.rule.severity).max()
    }
}

const DECODABLE: Rule = Rule {
    id: "lint.der.decodable",
    clause: "RFC 5280 4.1; X.690 8",
    severity: Severity::Error,
};

/// Lints a certificate in DER; its kind is told from the content where none is given.
///
/// The signature is not looked at, so that a draft can be linted before it is signed.
pub fn certificate(der: &[u8], kind: Option<Kind>) -> Outcome {
    match View::read(der) {
        Ok(view) => {
            let kind = kind.unwrap_or_else(|| view.kind());
            run(kind, CERTIFICATE, |check, hits| check(&view, hits))
        }
        Err(e) => undecodable(kind.unwrap_or(Kind::Pkix), &e),
    }
}

/// Lints a CRL in DER.
pub fn crl(der: &[u8]) -> Outcome {
    match CrlView::read(der) {
        Ok(view) => run(Kind::Pkix, &[crl::RULES], |check, hits| check(&view, hits)),
        Err(e) => undecodable(Kind::Pkix, &e),
    }
}

/// Lints an OCSP response in DER.
pub fn ocsp_response(der: &[u8]) -> Outcome {
    match OcspView::read(der) {
        Ok(view) => run(Kind::Pkix, &[ocsp_response::RULES], |check, hits| {
            check(&view, hits);
        }),
        Err(e) => undecodable(Kind::Pkix, &e),
    }
}

/// Every rule, in the order of the table.
pub fn rules() -> Vec<Rule> {
    let mut all = vec![DECODABLE];
    all.extend(CERTIFICATE.iter().flat_map(|t| t.iter()).map(|r| r.rule));
    all.extend(crl::RULES.iter().map(|r| r.rule));
    all.extend(ocsp_response::RULES.iter().map(|r| r.rule));
    all
}

const CERTIFICATE: &[&[Row<Check>]] = &[
    der_encoding::RULES,
    rfc5280_certificate::RULES,
    algorithms::RULES,
    pss::RULES,
    rfc5280_names::RULES,
    rfc5280_extensions::RULES,
    rfc5280_key_extensions::RULES,
    rfc5280_alt_names::RULES,
    rfc5280_status::RULES,
    rfc5280_policies::RULES,
    en319412_1::RULES,
    en319412_2::RULES,
    en319412_3::RULES,
    en319412_5::RULES,
    ca::RULES,
    ocsp_responder::RULES,
    tsa::RULES,
    tls::RULES,
];

fn run<F>(kind: Kind, tables: &[&[Row<F>]], call: impl Fn(&F, &mut Hits)) -> Outcome {
    let mut outcome = Outcome {
        kind,
        rules: 1,
        hits: Vec::new(),
    };
    let mut hits = Hits::default();
    for row in tables.iter().flat_map(|t| t.iter()) {
        if row.scope.0 & kind.bit() == 0 {
            continue;
        }
        outcome.rules = outcome.rules.saturating_add(1);
        call(&row.check, &mut hits);
        let found = hits.0.drain(..);
        outcome.hits.extend(found.map(|facts| Hit {
            rule: row.rule,
            facts,
        }));
    }
    outcome
}

fn undecodable(kind: Kind, error: &DecodeError) -> Outcome {
    Outcome {
        kind,
        rules: 1,
        hits: vec![Hit {
            rule: DECODABLE,
            facts: vec![("error", error.to_string().into())],
        }],
    }
}

/// Octets as lower-case hexadecimal.
fn hex(octets: &[u8]) -> String {
    octets.iter().map(|b| format!("{b:02x}")).collect()
}
