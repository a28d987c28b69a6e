use core::fmt;
use std::net::IpAddr;

use super::domain::{Mailbox, is_loose_domain, utf8_mailbox};
use super::extensions::View;
use crate::oid;
use crate::x509::{Certificate, GeneralName};

/// A name that one expects the certificate to have: what RFC 9525 calls a reference identity.
///
/// Parsed from and shown as `dns:www.example.com`, `ip:192.0.2.1`, `email:a@example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferenceName {
    /// A host, as A-labels, without a final dot.
    Dns(String),
    /// A mailbox.
    Email(String),
    /// An address.
    Ip(IpAddr),
}

/// A reference name that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceNameError {
    text: String,
    what: &'static str,
}

impl ReferenceName {
    /// Parses `dns:`, `ip:` or `email:` and the name.
    ///
    /// # Errors
    /// Another prefix; a host that is not in A-labels, or is an address; not a mail address.
    pub fn parse(text: &str) -> Result<Self, ReferenceNameError> {
        let error = |what| ReferenceNameError {
            text: text.to_owned(),
            what,
        };
        let (kind, name) = text
            .split_once(':')
            .ok_or_else(|| error("does not begin with dns:, ip: or email:"))?;
        match kind {
            "dns" => {
                let host = name.strip_suffix('.').unwrap_or(name);
                if is_loose_domain(host) {
                    Ok(Self::Dns(host.to_ascii_lowercase()))
                } else if host.is_ascii() {
                    Err(error("is not a host name"))
                } else {
                    Err(error("is not in A-labels (xn--…)"))
                }
            }
            "email" if Mailbox::parse(name, true).is_some() => Ok(Self::Email(name.to_owned())),
            // RFC 9598 3: the host of an internationalised mailbox is in A-labels, too.
            "email" => Err(error(match name.rsplit_once('@') {
                Some((_, host)) if !host.is_ascii() => "has a host that is not in A-labels (xn--…)",
                _ => "is not a mail address",
            })),
            "ip" => name
                .parse()
                .map(Self::Ip)
                .map_err(|_| error("is not an IP address")),
            _ => Err(error("does not begin with dns:, ip: or email:")),
        }
    }

    /// Whether the certificate presents this name.
    ///
    /// # Source
    /// RFC 9525 6.3 to 6.5: only alternative names count, never the common name; a wildcard is
    /// the whole left-most label and stands for one label. RFC 8550 3 for mail: an emailAddress
    /// in the subject counts where no alternative name is a mailbox.
    pub(super) fn is_of(&self, certificate: &Certificate, view: &View) -> bool {
        let names = view.alt_names.as_deref().unwrap_or_default();
        match self {
            Self::Dns(host) => names
                .iter()
                .any(|n| matches!(n, GeneralName::Dns(presented) if presents(presented, host))),
            Self::Ip(IpAddr::V4(ip)) => names
                .iter()
                .any(|n| matches!(n, GeneralName::Ip(octets) if *octets == ip.octets())),
            Self::Ip(IpAddr::V6(ip)) => names
                .iter()
                .any(|n| matches!(n, GeneralName::Ip(octets) if *octets == ip.octets())),
            Self::Email(text) => {
                let Some(wanted) = Mailbox::parse(text, true) else {
                    return false;
                };
                let is_it = |text: &str, utf8| {
                    Mailbox::parse(text, utf8).is_some_and(|mailbox| mailbox.matches(&wanted))
                };
                let mut mailboxes = 0usize;
                let found = names.iter().any(|name| match name {
                    GeneralName::Email(text) => {
                        mailboxes += 1;
                        is_it(text, false)
                    }
                    GeneralName::Other(id, der) if *id == oid::SMTP_UTF8_MAILBOX => {
                        mailboxes += 1;
                        utf8_mailbox(der).is_some_and(|text| is_it(text, true))
                    }
                    _ => false,
                });
                found
                    || (mailboxes == 0
                        && certificate.subject().attributes().any(|a| {
                            a.oid == oid::EMAIL_ADDRESS
                                && a.text().is_some_and(|text| is_it(&text, false))
                        }))
            }
        }
    }
}

/// Whether a presented dNSName is or covers `host`, which is in lower case.
fn presents(presented: &str, host: &str) -> bool {
    match presented.strip_prefix("*.") {
        // No wildcard for a whole top-level domain: whoever has it does not own all of that.
        Some(parent) => {
            is_loose_domain(parent)
                && parent.contains('.')
                && host
                    .split_once('.')
                    .is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent))
        }
        None => presented.eq_ignore_ascii_case(host),
    }
}

impl fmt::Display for ReferenceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(host) => write!(f, "dns:{host}"),
            Self::Email(mailbox) => write!(f, "email:{mailbox}"),
            Self::Ip(ip) => write!(f, "ip:{ip}"),
        }
    }
}

impl fmt::Display for ReferenceNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.text.escape_debug(), self.what)
    }
}

impl std::error::Error for ReferenceNameError {}
