use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use crate::crl::{Crl, IssuingDistributionPoint, ReasonFlags};
use crate::der::{Reader, Rules, Tag, Writer};
use crate::path::extensions::View;
use crate::x509::{DistributionPoint, GeneralName, Name};

/// Most distribution points of a certificate that are looked at. Real ones have up to three; by
/// reason and by kind of list a dozen could be made sense of.
const MAX_POINTS: usize = 32;

/// Where the status of one certificate is published: its distribution points, and the one that
/// every certificate has.
pub(super) struct Points<'a> {
    points: Vec<Point<'a>>,
    /// Whether its cA is true: what it says it is, not where it stands (RFC 5280 6.3.3 (b)(2)).
    ca: bool,
}

struct Point<'a> {
    /// As the certificate has it; `None`: the one that every certificate has.
    named: Option<&'a DistributionPoint>,
    /// Its keys, made where a list has names to compare them with.
    keys: OnceCell<HashSet<Vec<u8>>>,
    reasons: ReasonFlags,
    /// Whether it has cRLIssuer, so that the certificate's issuer does not issue its list.
    delegated: bool,
    /// Directory names of cRLIssuer, by their key.
    issuers: HashMap<Vec<u8>, Name>,
}

impl<'a> Points<'a> {
    pub(super) fn of(view: &'a View) -> Self {
        let named = view.distribution_points.iter().take(MAX_POINTS);
        let mut points = Vec::with_capacity(named.len().saturating_add(1));
        points.extend(named.map(Point::of));
        // RFC 5280 6.3.3, last paragraph: lists of the issuer that no point names.
        points.push(Point {
            named: None,
            keys: OnceCell::new(),
            reasons: ReasonFlags::ALL,
            delegated: false,
            issuers: HashMap::new(),
        });
        Self {
            points,
            ca: view.is_authority(),
        }
    }

    /// Who may issue lists about the certificate besides its own issuer.
    pub(super) fn issuers(&self) -> impl Iterator<Item = &Name> {
        self.points.iter().flat_map(|p| p.issuers.values())
    }

    /// Whether `name` is one of those who may issue lists besides the certificate's own issuer.
    pub(super) fn name_issuer(&self, name: &Name) -> bool {
        let mut delegated = self.points.iter().filter(|p| !p.issuers.is_empty());
        delegated.any(|p| p.issuers.contains_key(name.comparison_key()))
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
            let key = crl.issuer().comparison_key();
            let names = names_of(&scope, crl.issuer());
            let reasons = self
                .points
                .iter()
                .filter(|point| point.allows(key, own, scope.indirect))
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

impl<'a> Point<'a> {
    fn of(point: &'a DistributionPoint) -> Self {
        Self {
            reasons: point
                .reasons
                .map_or(ReasonFlags::ALL, |r| ReasonFlags(r) & ReasonFlags::ALL),
            delegated: !point.crl_issuer.is_empty(),
            issuers: directory_names(point)
                .map(|name| (name.comparison_key().to_vec(), name.clone()))
                .collect(),
            keys: OnceCell::new(),
            named: Some(point),
        }
    }

    fn keys(&self, issuer: &Name) -> &HashSet<Vec<u8>> {
        self.keys.get_or_init(|| self.names(issuer))
    }

    /// Keys of distributionPoint, or of cRLIssuer where that is absent.
    fn names(&self, issuer: &Name) -> HashSet<Vec<u8>> {
        let Some(point) = self.named else {
            return HashSet::from([directory_key(issuer)]);
        };
        let mut names: HashSet<Vec<u8>> = point.full_name.iter().map(key).collect();
        if let Some(relative) = &point.relative_name {
            // RFC 5280 4.2.1.13: relative to cRLIssuer, of which there is one then, or the issuer.
            let base = directory_names(point).next().unwrap_or(issuer);
            names.extend(below(base, relative).map(|n| directory_key(&n)));
        }
        if names.is_empty() {
            names = point.crl_issuer.iter().map(key).collect();
        }
        names
    }

    /// Whether the issuer of the list is whom the point names (RFC 5280 6.3.3 (b)(1)).
    fn allows(&self, issuer: &[u8], own: bool, indirect: bool) -> bool {
        if self.delegated {
            indirect && self.issuers.contains_key(issuer)
        } else {
            own
        }
    }
}

/// The directory names of cRLIssuer.
fn directory_names(point: &DistributionPoint) -> impl Iterator<Item = &Name> {
    point.crl_issuer.iter().filter_map(|name| match name {
        GeneralName::Directory(name) => Some(name),
        _ => None,
    })
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
