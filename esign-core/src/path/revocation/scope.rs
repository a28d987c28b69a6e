use std::cell::OnceCell;
use std::collections::HashSet;

use crate::crl::{Crl, IssuingDistributionPoint, ReasonFlags};
use crate::der::{Reader, Rules, Tag, Writer};
use crate::x509::{Certificate, DistributionPoint, GeneralName, Name};

/// Where the status of one certificate is published: its distribution points, and the one that
/// every certificate has.
pub(super) struct Points {
    points: Vec<Point>,
    /// Whether its cA is true: what it says it is, not where it stands (RFC 5280 6.3.3 (b)(2)).
    ca: bool,
}

struct Point {
    /// As the certificate has it; `None`: the one that every certificate has.
    named: Option<DistributionPoint>,
    /// Its keys, made where a list has names to compare them with.
    keys: OnceCell<HashSet<Vec<u8>>>,
    reasons: ReasonFlags,
    /// Names of cRLIssuer; none: the issuer of the certificate.
    issuers: Vec<Name>,
}

impl Points {
    pub(super) fn of(certificate: &Certificate) -> Self {
        // Malformed ones are another rule's finding.
        let named = certificate.crl_distribution_points().ok().flatten();
        let mut points: Vec<Point> = named
            .unwrap_or_default()
            .into_iter()
            .map(Point::of)
            .collect();
        // RFC 5280 6.3.3, last paragraph: lists of the issuer that no point names.
        points.push(Point {
            named: None,
            keys: OnceCell::new(),
            reasons: ReasonFlags::ALL,
            issuers: Vec::new(),
        });
        let basic = certificate.basic_constraints();
        Self {
            points,
            ca: basic.is_ok_and(|b| b.is_some_and(|b| b.ca)),
        }
    }

    /// Who may issue lists about the certificate besides its own issuer.
    pub(super) fn issuers(&self) -> impl Iterator<Item = &Name> {
        self.points.iter().flat_map(|p| &p.issuers)
    }

    /// For which reasons the list speaks of the certificate; otherwise why it does not.
    ///
    /// # Source
    /// RFC 5280 6.3.3 (b), (d).
    pub(super) fn reasons(&self, crl: &Crl, issuer: &Name) -> Result<ReasonFlags, String> {
        let scope = crl
            .issuing_distribution_point()
            .map_err(|e| e.to_string())?
            .unwrap_or_default();
        let what = if scope.only_attribute_certificates {
            "attribute certificates only"
        } else if scope.only_user_certificates && self.ca {
            "end-entity certificates only"
        } else if scope.only_ca_certificates && !self.ca {
            "authority certificates only"
        } else {
            let own = crl.issuer().matches(issuer);
            let names = names_of(&scope, crl.issuer());
            let reasons = self
                .points
                .iter()
                .filter(|point| point.allows(crl, own, scope.indirect))
                .filter(|point| names.is_empty() || !names.is_disjoint(point.keys(issuer)))
                .fold(ReasonFlags::default(), |all, point| all | point.reasons);
            let reasons = reasons & scope.only_some_reasons.unwrap_or(ReasonFlags::ALL);
            if !reasons.is_empty() {
                return Ok(reasons);
            }
            "distribution point or issuer that the certificate does not name"
        };
        Err(what.to_owned())
    }
}

impl Point {
    fn of(point: DistributionPoint) -> Self {
        let issuers: Vec<Name> = point
            .crl_issuer
            .iter()
            .filter_map(|name| match name {
                GeneralName::Directory(name) => Some(name.clone()),
                _ => None,
            })
            .collect();
        Self {
            reasons: point
                .reasons
                .map_or(ReasonFlags::ALL, |r| ReasonFlags(r) & ReasonFlags::ALL),
            named: Some(point),
            keys: OnceCell::new(),
            issuers,
        }
    }

    fn keys(&self, issuer: &Name) -> &HashSet<Vec<u8>> {
        self.keys.get_or_init(|| self.names(issuer))
    }

    /// Keys of distributionPoint, or of cRLIssuer where that is absent.
    fn names(&self, issuer: &Name) -> HashSet<Vec<u8>> {
        let Some(point) = &self.named else {
            return HashSet::from([directory_key(issuer)]);
        };
        let mut names: HashSet<Vec<u8>> = point.full_name.iter().map(key).collect();
        if let Some(relative) = &point.relative_name {
            // RFC 5280 4.2.1.13: relative to cRLIssuer, of which there is one then, or the issuer.
            let base = self.issuers.first().unwrap_or(issuer);
            names.extend(below(base, relative).map(|n| directory_key(&n)));
        }
        if names.is_empty() {
            names = point.crl_issuer.iter().map(key).collect();
        }
        names
    }

    /// Whether the issuer of the list is whom the point names (RFC 5280 6.3.3 (b)(1)).
    fn allows(&self, crl: &Crl, own: bool, indirect: bool) -> bool {
        if self.issuers.is_empty() {
            own
        } else {
            indirect && self.issuers.iter().any(|n| n.matches(crl.issuer()))
        }
    }
}

/// Keys of the names of an issuing distribution point.
fn names_of(scope: &IssuingDistributionPoint, issuer: &Name) -> HashSet<Vec<u8>> {
    let mut names: HashSet<Vec<u8>> = scope.full_name.iter().map(key).collect();
    if let Some(relative) = &scope.relative_name {
        // One that cannot be put together matches nothing, and must not look like none at all.
        let whole = below(issuer, relative).map(|n| directory_key(&n));
        names.insert(whole.unwrap_or_default());
    }
    names
}

/// The name that `relative`, `[1] IMPLICIT RelativeDistinguishedName`, has under `base`.
fn below(base: &Name, relative: &[u8]) -> Option<Name> {
    let content = |der| Some(Reader::new(der, Rules::Der).any("").ok()?.value);
    let mut w = Writer::new();
    let (base, relative) = (content(base.der())?, content(relative)?);
    w.sequence(|w| {
        w.raw(base);
        w.tlv(Tag::SET, relative);
    });
    Name::from_der(&w.finish()).ok()
}

/// Octets that are equal for two names that are the same (RFC 5280 7.1, 7.4).
fn key(name: &GeneralName) -> Vec<u8> {
    match name {
        GeneralName::Directory(name) => directory_key(name),
        GeneralName::Uri(uri) => {
            let mut w = Writer::new();
            GeneralName::Uri(fold_host(uri)).encode(&mut w);
            w.finish()
        }
        other => {
            let mut w = Writer::new();
            other.encode(&mut w);
            w.finish()
        }
    }
}

fn directory_key(name: &Name) -> Vec<u8> {
    let mut key = vec![Tag::constructed(4).0];
    key.extend(name.comparison_key());
    key
}

/// Scheme and host in lower case, the rest as it is.
fn fold_host(uri: &str) -> String {
    let authority = uri.find("://").map_or(0, |at| at + 3);
    let (head, rest) = uri.split_at_checked(authority).unwrap_or((uri, ""));
    let host = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(host).unwrap_or((rest, ""));
    format!(
        "{}{}{path}",
        head.to_ascii_lowercase(),
        host.to_ascii_lowercase()
    )
}
