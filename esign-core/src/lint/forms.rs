//! The forms of host names, mailboxes and URIs.

/// A host name in preferred name syntax, with `*` allowed as the whole first label (RFC 9525 6.3) and no
/// last label of digits alone: that is an address (RFC 1123 2.1).
pub(super) fn is_dns_name(octets: &[u8]) -> bool {
    let name = octets.strip_prefix(b"*.").unwrap_or(octets);
    let last = name.rsplit(|b| *b == b'.').next().unwrap_or_default();
    !last.iter().all(u8::is_ascii_digit)
        && octets.len() <= 253
        && name.split(|b| *b == b'.').all(|label| {
            let letters = label
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
            letters
                && matches!(label.len(), 1..=63)
                && label.first() != Some(&b'-')
                && label.last() != Some(&b'-')
        })
}

/// `local@host` in ASCII, without display name or comment (RFC 5321 4.1.2).
pub(super) fn is_mailbox(octets: &[u8]) -> bool {
    let Some(at) = octets.iter().rposition(|b| *b == b'@') else {
        return false;
    };
    let (local, host) = octets.split_at(at);
    let host = host.get(1..).unwrap_or_default();
    let atom = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(b);
    let dotted = local
        .split(|b| *b == b'.')
        .all(|a| !a.is_empty() && a.iter().all(atom));
    let quoted = local.len() > 2 && local.first() == Some(&b'"') && local.last() == Some(&b'"');
    let literal = host.first() == Some(&b'[') && host.last() == Some(&b']');
    (dotted || quoted) && (literal || (is_dns_name(host) && !host.starts_with(b"*")))
}

/// An absolute URI: a scheme, then only characters that RFC 3986 allows, then something after it.
pub(super) fn is_uri(octets: &[u8]) -> bool {
    let Some(colon) = octets.iter().position(|b| *b == b':') else {
        return false;
    };
    let (scheme, rest) = octets.split_at(colon);
    let rest = rest.get(1..).unwrap_or_default();
    let scheme_good = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b));
    let allowed = |b: &u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(b);
    let hosted = [&b"http"[..], b"https", b"ftp"]
        .iter()
        .any(|s| scheme.eq_ignore_ascii_case(s));
    let authority = rest.strip_prefix(b"//");
    scheme_good
        && !rest.is_empty()
        && rest.iter().all(allowed)
        && (!hosted || authority.is_some_and(|a| !matches!(a.first(), None | Some(b'/'))))
}

/// Whether the host of a URI, where it has one, is a name of two labels at least or an address.
pub(super) fn has_full_host(uri: &[u8]) -> bool {
    let Some(at) = uri.windows(3).position(|w| w == b"://") else {
        return true;
    };
    let rest = uri.get(at.saturating_add(3)..).unwrap_or_default();
    let authority = rest
        .split(|b| b"/?#".contains(b))
        .next()
        .unwrap_or_default();
    let host = authority.rsplit(|b| *b == b'@').next().unwrap_or_default();
    // ldap:///… names no host.
    host.is_empty() || host.starts_with(b"[") || host.contains(&b'.')
}
