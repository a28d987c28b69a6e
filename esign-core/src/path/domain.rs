//! Syntax of the names that certificates carry as text: domain names, mailboxes, hosts of URIs.

use std::borrow::Cow;

use crate::der::{Rules, Tag, decode};

/// Longest domain name, in octets (RFC 1035 2.3.4, without the root's dot).
const MAX_DOMAIN: usize = 253;
/// Longest label, in octets (RFC 1035 2.3.4).
const MAX_LABEL: usize = 63;

/// Whether `name` is a domain name in the preferred syntax of RFC 1034 3.5 as RFC 1123 2.1 widens
/// it, the last label not a number (it would be an IPv4 address).
pub(super) fn is_domain(name: &str) -> bool {
    has_labels(name, |b| b.is_ascii_alphanumeric() || b == b'-')
}

/// The same with underscores, which hosts do not have and the DNS does.
pub(super) fn is_loose_domain(name: &str) -> bool {
    has_labels(name, |b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

fn has_labels(name: &str, allowed: impl Fn(u8) -> bool) -> bool {
    let label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.bytes().all(&allowed)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let numeric = |label: &str| label.bytes().all(|b| b.is_ascii_digit());
    name.len() <= MAX_DOMAIN
        && name.split('.').all(label)
        && !name.rsplit('.').next().is_some_and(numeric)
}

/// Whether `name` is `base` or ends in it at a label's border, ASCII case aside.
pub(super) fn is_within(name: &str, base: &str) -> bool {
    if base.is_empty() {
        return true;
    }
    match name.len().checked_sub(base.len()) {
        Some(0) => name.eq_ignore_ascii_case(base),
        Some(cut) => {
            name.as_bytes().get(cut.saturating_sub(1)) == Some(&b'.')
                && name
                    .get(cut..)
                    .is_some_and(|end| end.eq_ignore_ascii_case(base))
        }
        None => false,
    }
}

/// A mail address in its two parts; a quoted local part is without its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mailbox<'a> {
    pub(super) local: Cow<'a, str>,
    /// A domain name, or an address literal in brackets.
    pub(super) domain: &'a str,
}

impl<'a> Mailbox<'a> {
    /// Parses `Local-part "@" Domain` (RFC 5321 4.1.2), other than ASCII in the local part where
    /// `utf8` (RFC 6531 3.3).
    pub(super) fn parse(text: &'a str, utf8: bool) -> Option<Self> {
        let (local, domain) = match text.strip_prefix('"') {
            Some(rest) => {
                let (local, rest) = quoted(rest)?;
                (Cow::Owned(local), rest.strip_prefix('@')?)
            }
            None => {
                let (local, domain) = text.split_once('@')?;
                let atext = |c: char| {
                    c.is_ascii_alphanumeric()
                        || "!#$%&'*+-/=?^_`{|}~.".contains(c)
                        || (utf8 && !c.is_ascii() && !c.is_control())
                };
                let dots = local.starts_with('.') || local.ends_with('.') || local.contains("..");
                if local.is_empty() || dots || !local.chars().all(atext) {
                    return None;
                }
                (Cow::Borrowed(local), domain)
            }
        };
        let literal = domain.starts_with('[') && domain.ends_with(']');
        (literal || is_loose_domain(domain)).then_some(Self { local, domain })
    }

    /// Whether both name the same mailbox: the local part to the letter, the domain in any case
    /// (RFC 5280 7.5).
    pub(super) fn matches(&self, other: &Mailbox<'_>) -> bool {
        self.local == other.local && self.domain.eq_ignore_ascii_case(other.domain)
    }
}

/// The text up to the closing quote, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut local = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((local, text.get(at + 1..)?)),
            '\\' => local.push(chars.next()?.1),
            c if c.is_control() => return None,
            c => local.push(c),
        }
    }
    None
}

/// The mailbox in an `SmtpUTF8Mailbox` (RFC 9598 3): a UTF8String in its encoding.
pub(super) fn utf8_mailbox(der: &[u8]) -> Option<&str> {
    decode(der, Rules::Der, |r| r.expect(Tag::UTF8_STRING, ""))
        .ok()
        .and_then(|t| core::str::from_utf8(t.value).ok())
}

/// The host of a URI where it is a domain name; `None` where there is none or it is an address
/// (RFC 3986 3.2.2).
pub(super) fn uri_host(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once(':')?;
    let first = scheme.bytes().next()?;
    let rest = rest.strip_prefix("//")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end)?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, h)| h);
    let host = match host.split_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        Some(_) => return None,
        None => host,
    };
    (first.is_ascii_alphabetic() && is_loose_domain(host)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains() {
        let long = format!("{}.az", "a".repeat(63));
        for good in ["az", "example.com", "xn--bcher-kva.az", "1.az", &long] {
            assert!(is_domain(good), "{good}");
        }
        let label = format!("{}.az", "a".repeat(64));
        let whole = format!("{}az", "a.".repeat(126));
        for bad in [
            "", ".", ".az", "az.", "a..az", "-a.az", "a-.az", "a_b.az", "*.az", "8.8.8.8",
            "a b.az", "ə.az", &label, &whole,
        ] {
            assert!(!is_domain(bad), "{bad}");
        }
        assert!(is_loose_domain("a_b.az"));
    }

    #[test]
    fn within_counts_labels() {
        for (name, base, expected) in [
            ("example.com", "example.com", true),
            ("WWW.example.COM", "Example.com", true),
            ("badexample.com", "example.com", false),
            ("com", "example.com", false),
            ("example.com", "", true),
            ("ə.example.com", "example.com", true),
            ("əexample.com", "xample.com", false),
        ] {
            assert_eq!(is_within(name, base), expected, "{name} {base}");
        }
    }

    #[test]
    fn mailboxes() {
        for (text, utf8, expected) in [
            ("a@b.az", false, Some(("a", "b.az"))),
            ("*@b.az", false, Some(("*", "b.az"))),
            ("\"a@c\"@b.az", false, Some(("a@c", "b.az"))),
            (r#""a\"b"@b.az"#, false, Some(("a\"b", "b.az"))),
            ("a@[192.0.2.1]", false, Some(("a", "[192.0.2.1]"))),
            ("ə@b.az", true, Some(("ə", "b.az"))),
            ("ə@b.az", false, None),
            ("a@c@b.az", false, None),
            ("@b.az", false, None),
            ("a@", false, None),
            ("a.@b.az", false, None),
            ("a b@b.az", false, None),
            ("\"a@b.az", false, None),
            ("b.az", false, None),
        ] {
            let parsed = Mailbox::parse(text, utf8);
            let parts = parsed.as_ref().map(|m| (m.local.as_ref(), m.domain));
            assert_eq!(parts, expected, "{text}");
        }
    }

    #[test]
    fn hosts_of_uris() {
        for (uri, expected) in [
            ("http://example.com", Some("example.com")),
            ("https://u:p@example.com:8443/a?b#c", Some("example.com")),
            ("ldap://example.com?x", Some("example.com")),
            ("http://evil.com#@example.com", Some("evil.com")),
            ("http://192.0.2.1/", None),
            ("http://[2001:db8::1]/", None),
            ("mailto:a@example.com", None),
            ("urn:oid:1.2.3", None),
            ("http:///path", None),
            ("//example.com", None),
            ("http://exa%6dple.com/", None),
            ("", None),
        ] {
            assert_eq!(uri_host(uri), expected, "{uri}");
        }
    }
}
