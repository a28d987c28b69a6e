use crate::oid::ObjectIdentifier;

use super::budget::{Budget, Limit};
use super::domain::{Mailbox, is_domain, is_loose_domain, is_within, uri_host, utf8_mailbox};
use super::extensions::View;
use crate::oid;
use crate::x509::{Certificate, GeneralName, GeneralSubtree, NameConstraints};

/// nameConstraints of one authority, checked and ready for comparison (RFC 5280 4.2.1.10).
#[derive(Debug)]
pub(super) struct Constraints {
    permitted: Vec<Subtree>,
    excluded: Vec<Subtree>,
    critical: bool,
}

/// Name forms that a constraint can speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Directory,
    Dns,
    EdiParty,
    Email,
    Ip,
    Other(ObjectIdentifier),
    RegisteredId,
    Uri,
    X400,
}

#[derive(Debug)]
struct Subtree {
    form: Form,
    base: GeneralName,
}

/// How a name breaks a constraint.
#[derive(Debug)]
pub(super) enum Violation {
    /// It is in an excluded subtree.
    Excluded { name: String, subtree: String },
    /// It is in none of the permitted ones.
    NotPermitted { name: String, subtrees: Vec<String> },
    /// It is constrained and cannot be read.
    Malformed { name: String, subtree: String },
    /// Its form is constrained and not processed.
    Unprocessed { name: String, subtree: String },
    /// There are too many comparisons.
    Limit,
}

impl From<Limit> for Violation {
    fn from(_: Limit) -> Self {
        Self::Limit
    }
}

/// What became of comparing one name with one subtree.
enum Compared {
    Inside,
    Outside,
    Malformed,
    Unprocessed,
}

/// Most subtrees that a finding quotes.
const MAX_QUOTED: usize = 8;

impl Constraints {
    /// Checks the form of every subtree.
    ///
    /// # Errors
    /// Which subtree is malformed. A constraint that cannot be understood cannot be kept.
    pub(super) fn new(decoded: NameConstraints, critical: bool) -> Result<Self, String> {
        if decoded.permitted.is_empty() && decoded.excluded.is_empty() {
            return Err("nameConstraints: neither permitted nor excluded subtrees".to_owned());
        }
        let all = |list: Vec<GeneralSubtree>| -> Result<Vec<Subtree>, String> {
            list.into_iter().map(Subtree::new).collect()
        };
        Ok(Self {
            permitted: all(decoded.permitted)?,
            excluded: all(decoded.excluded)?,
            critical,
        })
    }

    /// Compares every name of a certificate with the subtrees.
    ///
    /// # Source
    /// RFC 5280 6.1.3 (b), (c), 4.2.1.10; RFC 9549 2.4 and RFC 9598 6 for mail.
    pub(super) fn check(
        &self,
        certificate: &Certificate,
        view: &View,
        budget: &mut Budget,
    ) -> Result<(), Violation> {
        let subject = certificate.subject();
        if !subject.is_empty() {
            self.name(&Presented::Subject(certificate), budget)?;
        }
        let names = view.alt_names.as_deref().unwrap_or_default();
        for name in names {
            self.name(&Presented::Name(name), budget)?;
        }
        // RFC 5280 asks for it where there is no subjectAltName at all. One that only names other
        // things must not open a way around the constraint.
        if !names.iter().any(is_mail) {
            for attribute in subject.attributes() {
                if attribute.oid == oid::EMAIL_ADDRESS {
                    let text = attribute.text().unwrap_or_default();
                    self.name(&Presented::SubjectMail(&text), budget)?;
                }
            }
        }
        Ok(())
    }

    fn name(&self, name: &Presented<'_>, budget: &mut Budget) -> Result<(), Violation> {
        let text = || name.to_string();
        for subtree in &self.excluded {
            match subtree.compare(name, true, budget)? {
                Compared::Outside => {}
                Compared::Inside => {
                    let subtree = subtree.base.to_string();
                    return Err(Violation::Excluded {
                        name: text(),
                        subtree,
                    });
                }
                other => self.unclear(other, name, subtree)?,
            }
        }
        let mut constrained = false;
        for subtree in &self.permitted {
            if !name.has_form(subtree.form) {
                budget.comparison(0)?;
                continue;
            }
            match subtree.compare(name, false, budget)? {
                Compared::Inside => return Ok(()),
                Compared::Outside => constrained = true,
                other => self.unclear(other, name, subtree)?,
            }
        }
        if !constrained {
            return Ok(());
        }
        let subtrees = self.permitted.iter().filter(|s| name.has_form(s.form));
        Err(Violation::NotPermitted {
            name: text(),
            subtrees: subtrees
                .take(MAX_QUOTED)
                .map(|s| s.base.to_string())
                .collect(),
        })
    }

    /// A comparison without an answer: a name that is malformed is never let through; a form that
    /// is not processed is, where the extension is not critical (RFC 5280 4.2.1.10).
    fn unclear(
        &self,
        compared: Compared,
        name: &Presented<'_>,
        subtree: &Subtree,
    ) -> Result<(), Violation> {
        let (name, subtree) = (name.to_string(), subtree.base.to_string());
        match compared {
            Compared::Malformed => Err(Violation::Malformed { name, subtree }),
            Compared::Unprocessed if self.critical => Err(Violation::Unprocessed { name, subtree }),
            _ => Ok(()),
        }
    }
}

/// A name as a certificate presents it.
enum Presented<'a> {
    Name(&'a GeneralName),
    Subject(&'a Certificate),
    SubjectMail(&'a str),
}

impl core::fmt::Display for Presented<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Subject(certificate) => write!(f, "subject:{}", certificate.subject()),
            Self::SubjectMail(text) => write!(f, "subject email:{}", text.escape_default()),
        }
    }
}

impl Presented<'_> {
    fn has_form(&self, form: Form) -> bool {
        match self {
            Self::Subject(_) => form == Form::Directory,
            Self::SubjectMail(_) => form == Form::Email,
            Self::Name(name) => form == Form::of(name) || (form == Form::Email && is_mail(name)),
        }
    }
}

/// Whether rfc822Name constraints apply to a name (RFC 9598 6).
fn is_mail(name: &GeneralName) -> bool {
    matches!(name, GeneralName::Email(_))
        || matches!(name, GeneralName::Other(oid, _) if *oid == oid::SMTP_UTF8_MAILBOX)
}

impl Form {
    fn of(name: &GeneralName) -> Self {
        match name {
            GeneralName::Other(oid, _) => Self::Other(*oid),
            GeneralName::Email(_) => Self::Email,
            GeneralName::Dns(_) => Self::Dns,
            GeneralName::X400(_) => Self::X400,
            GeneralName::Directory(_) => Self::Directory,
            GeneralName::EdiParty(_) => Self::EdiParty,
            GeneralName::Uri(_) => Self::Uri,
            GeneralName::Ip(_) => Self::Ip,
            GeneralName::RegisteredId(_) => Self::RegisteredId,
        }
    }
}

impl Subtree {
    fn new(decoded: GeneralSubtree) -> Result<Self, String> {
        let base = decoded.base;
        let bad = |what: &str| Err(format!("nameConstraints: {base}: {what}"));
        if decoded.minimum != 0 || decoded.maximum.is_some() {
            return bad("minimum is not 0 or maximum is there");
        }
        match &base {
            GeneralName::Dns(text) if !text.is_empty() && !is_domain(text) => {
                return bad("not a domain name");
            }
            // "A leading period" is for URIs and mail alone.
            GeneralName::Uri(text) | GeneralName::Email(text)
                if matches!(base, GeneralName::Uri(_)) || !text.contains('@') =>
            {
                let host = text.strip_prefix('.').unwrap_or(text);
                if !text.is_empty() && !is_domain(host) {
                    return bad("not a domain name");
                }
            }
            GeneralName::Email(text) if Mailbox::parse(text, false).is_none() => {
                return bad("not a mail address");
            }
            GeneralName::Ip(octets) if !is_network(octets) => {
                return bad("not an address with the mask of a prefix");
            }
            _ => {}
        }
        Ok(Self {
            form: Form::of(&base),
            base,
        })
    }

    /// Whether `name` is within the subtree; of a name with a wildcard whether all of what it
    /// stands for is, or where `any` whether something is.
    fn compare(
        &self,
        name: &Presented<'_>,
        any: bool,
        budget: &mut Budget,
    ) -> Result<Compared, Limit> {
        if !name.has_form(self.form) {
            budget.comparison(0)?;
            return Ok(Compared::Outside);
        }
        let inside = |inside| {
            if inside {
                Compared::Inside
            } else {
                Compared::Outside
            }
        };
        let directory = match name {
            Presented::Subject(certificate) => Some(certificate.subject()),
            Presented::Name(GeneralName::Directory(name)) => Some(name),
            _ => None,
        };
        if let (Some(directory), GeneralName::Directory(base)) = (directory, &self.base) {
            let base_key = base.comparison_key();
            budget.comparison(base_key.len())?;
            // Every relative name ends with a mark in the key, so that a prefix of it is one of
            // whole relative names.
            return Ok(inside(
                base.is_empty() || directory.comparison_key().starts_with(base_key),
            ));
        }
        Ok(match (name, &self.base) {
            (Presented::Name(GeneralName::Dns(name)), GeneralName::Dns(base)) => {
                budget.comparison(name.len())?;
                match name.strip_prefix("*.") {
                    _ if !is_loose_domain(name.strip_prefix("*.").unwrap_or(name)) => {
                        Compared::Malformed
                    }
                    // *.example.com stands for a.example.com: a subtree of just that host has
                    // something of it.
                    Some(parent) if any => inside(
                        is_within(parent, base)
                            || base
                                .split_once('.')
                                .is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)),
                    ),
                    Some(parent) => inside(is_within(parent, base)),
                    None => inside(is_within(name, base)),
                }
            }
            (Presented::Name(GeneralName::Uri(name)), GeneralName::Uri(base)) => {
                budget.comparison(name.len())?;
                // RFC 5280 4.2.1.10: a URI without a host name is to be refused.
                uri_host(name).map_or(Compared::Malformed, |host| inside(is_host(host, base)))
            }
            (Presented::Name(GeneralName::Ip(address)), GeneralName::Ip(network)) => {
                budget.comparison(0)?;
                match address.len() {
                    4 | 16 => inside(is_in_network(address, network)),
                    _ => Compared::Malformed,
                }
            }
            (Presented::SubjectMail(text), GeneralName::Email(base)) => {
                budget.comparison(text.len())?;
                ascii_mailbox(text, base).map_or(Compared::Malformed, inside)
            }
            (Presented::Name(GeneralName::Email(text)), GeneralName::Email(base)) => {
                budget.comparison(text.len())?;
                ascii_mailbox(text, base).map_or(Compared::Malformed, inside)
            }
            (Presented::Name(GeneralName::Other(_, der)), GeneralName::Email(base)) => {
                budget.comparison(der.len())?;
                utf8_mailbox(der)
                    .and_then(|text| Mailbox::parse(text, true))
                    .map_or(Compared::Malformed, |m| inside(is_mailbox(&m, base)))
            }
            _ => {
                budget.comparison(0)?;
                Compared::Unprocessed
            }
        })
    }
}

/// Whether an rfc822Name is within `base`; `None` where it is none.
fn ascii_mailbox(text: &str, base: &str) -> Option<bool> {
    Mailbox::parse(text, false).map(|m| is_mailbox(&m, base))
}

/// RFC 5280 4.2.1.10: a mailbox, all mailboxes of a host, or, with a leading period, of all hosts
/// in a domain. An empty base, which suites and authorities use, is everything.
fn is_mailbox(mailbox: &Mailbox<'_>, base: &str) -> bool {
    match Mailbox::parse(base, false) {
        Some(one) => mailbox.matches(&one),
        None => is_host(mailbox.domain, base),
    }
}

/// RFC 5280 4.2.1.10: one host, or, with a leading period, every host below.
fn is_host(host: &str, base: &str) -> bool {
    match base.strip_prefix('.') {
        Some(domain) => host.len() > domain.len() && is_within(host, domain),
        None => base.is_empty() || host.eq_ignore_ascii_case(base),
    }
}

/// Whether `octets` are an address and a mask that is a prefix (RFC 4632 3.1).
fn is_network(octets: &[u8]) -> bool {
    if !matches!(octets.len(), 8 | 32) {
        return false;
    }
    let (_, mask) = octets.split_at(octets.len() / 2);
    let ones: u32 = mask.iter().map(|b| b.leading_ones()).sum();
    let set: u32 = mask.iter().map(|b| b.count_ones()).sum();
    let whole = mask
        .iter()
        .skip_while(|b| **b == 0xff)
        .skip(1)
        .all(|b| *b == 0);
    ones == set && whole
}

fn is_in_network(address: &[u8], network: &[u8]) -> bool {
    let (base, mask) = network.split_at(network.len() / 2);
    address.len() == base.len()
        && address
            .iter()
            .zip(base)
            .zip(mask)
            .all(|((a, b), m)| a & m == b & m)
}
