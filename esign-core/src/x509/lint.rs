use super::issue::CONTENT_COMMITMENT;
use super::profile::{StatusLocation, SubjectKind};
use super::{Certificate, KeyUsage, Profile};
use crate::keys::{DigestAlgorithm, KeyAlgorithm, SignatureAlgorithm};
use crate::lint::{self, Kind};
use crate::oid;
use crate::report::{Finding, SubIndication};

/// Judges a certificate (signed or not) against its profile and issuer; each rule is a finding.
///
/// `issuer` is none for a self-signed one.
pub fn lint(
    certificate: &Certificate,
    issuer: Option<&Certificate>,
    profile: &Profile,
) -> Vec<Finding> {
    let mut rules = Rules {
        findings: Vec::new(),
    };
    general(&mut rules, certificate, profile);
    validity(&mut rules, certificate, issuer);
    key(&mut rules, certificate);
    names(&mut rules, certificate, issuer, profile);
    usage(&mut rules, certificate, issuer, profile);
    identifiers(&mut rules, certificate, issuer);
    status(&mut rules, certificate, profile);
    rules.findings
}

struct Rules {
    findings: Vec<Finding>,
}

impl Rules {
    /// Adds a finding, passed or failed; `with` puts the compared values to it.
    fn rule(
        &mut self,
        holds: bool,
        rule: &'static str,
        clause: &'static str,
        with: impl FnOnce(Finding) -> Finding,
    ) {
        let finding = if holds {
            Finding::passed(rule, clause)
        } else {
            Finding::failed(rule, clause, SubIndication::Custom)
        };
        self.findings.push(with(finding));
    }
}

/// What the standards ask of any certificate of this kind, whoever issues it.
///
/// A centre that claims nothing under EN 319 411-2 need not follow EN 319 412-2 and -3; what its
/// certificates lack of them is then told, not refused.
fn general(rules: &mut Rules, certificate: &Certificate, profile: &Profile) {
    let kind = match profile.subject {
        SubjectKind::Authority => Kind::Ca,
        SubjectKind::LegalPerson => Kind::LegalPerson,
        SubjectKind::NaturalPerson => Kind::NaturalPerson,
        SubjectKind::OcspResponder => Kind::OcspResponder,
        SubjectKind::TimeStampingAuthority => Kind::Tsa,
        SubjectKind::TlsClient => Kind::TlsClient,
        SubjectKind::TlsServer => Kind::TlsServer,
    };
    for hit in lint::certificate(certificate.der(), Some(kind)).hits {
        let person = ["lint.person.", "lint.natural.", "lint.legal."];
        let mut finding = hit.finding();
        if profile.qualified.is_none() && person.iter().any(|p| hit.rule.id.starts_with(p)) {
            finding = Finding {
                because: finding.because,
                ..Finding::remark(hit.rule.id, hit.rule.clause)
            };
        }
        rules.findings.push(finding);
    }
}

fn validity(rules: &mut Rules, certificate: &Certificate, issuer: Option<&Certificate>) {
    let (from, to) = (certificate.not_before(), certificate.not_after());
    if let Some(issuer) = issuer {
        let (issuer_from, issuer_to) = (issuer.not_before(), issuer.not_after());
        let within = issuer_from <= from && to <= issuer_to;
        rules.rule(
            within,
            "x509.validity.within-issuer",
            "EN 319 411-1 6.3.3",
            |f| {
                f.with("not_before", from)
                    .with("not_after", to)
                    .with("issuer_not_before", issuer_from)
                    .with("issuer_not_after", issuer_to)
            },
        );
    }
}

fn key(rules: &mut Rules, certificate: &Certificate) {
    let (sound, name) = match certificate.public_key() {
        Ok(key) => {
            let sound = match key.algorithm() {
                // FIPS 186-5 1: DSA is no longer approved for making signatures.
                KeyAlgorithm::Dsa { .. } => false,
                KeyAlgorithm::Ec(_) | KeyAlgorithm::Ed25519 | KeyAlgorithm::MlDsa(_) => true,
                KeyAlgorithm::Rsa { bits } | KeyAlgorithm::RsaPss { bits } => bits >= 2048,
            };
            (sound, key.algorithm().to_string())
        }
        Err(e) => (false, e.to_string()),
    };
    rules.rule(sound, "x509.key.strong", "TS 119 312 table 6", |f| {
        f.with("key", name)
    });
    let algorithm = certificate.signature_algorithm();
    let sound = matches!(
        algorithm,
        Ok(a) if !matches!(a.digest(), DigestAlgorithm::Sha1 | DigestAlgorithm::Sha224)
    );
    rules.rule(
        sound,
        "x509.signature-algorithm.strong",
        "TS 119 312 table 5",
        |f| {
            f.with(
                "algorithm",
                match algorithm {
                    Ok(a) => signature_name(a),
                    Err(e) => e.to_string(),
                },
            )
        },
    );
}

fn signature_name(algorithm: SignatureAlgorithm) -> String {
    format!("{} with {}", algorithm.oid(), algorithm.digest())
}

fn names(
    rules: &mut Rules,
    certificate: &Certificate,
    issuer: Option<&Certificate>,
    profile: &Profile,
) {
    let expected = issuer.map_or(certificate.subject(), Certificate::subject);
    // Octet for octet: comparers that do not fold case would break the chain.
    rules.rule(
        certificate.issuer() == expected,
        "x509.issuer.same-octets",
        "RFC 5280 4.1.2.4",
        |f| {
            f.with("issuer", certificate.issuer().to_string())
                .with("issuer_subject", expected.to_string())
        },
    );
    let count = |oid| {
        certificate
            .subject()
            .attributes()
            .filter(|a| a.oid == oid)
            .count()
    };
    let one_each: &[_] = match profile.subject {
        SubjectKind::NaturalPerson => &[
            ("x509.subject.one-country", oid::COUNTRY),
            ("x509.subject.one-common-name", oid::COMMON_NAME),
            ("x509.subject.one-given-name", oid::GIVEN_NAME),
            ("x509.subject.one-surname", oid::SURNAME),
            ("x509.subject.one-serial-number", oid::SERIAL_NUMBER),
        ],
        SubjectKind::LegalPerson => &[
            ("x509.subject.one-country", oid::COUNTRY),
            ("x509.subject.one-organization", oid::ORGANIZATION),
            (
                "x509.subject.one-organization-identifier",
                oid::ORGANIZATION_IDENTIFIER,
            ),
            ("x509.subject.one-common-name", oid::COMMON_NAME),
        ],
        // Whoever shows himself to a server: a person, or a system of an organisation.
        SubjectKind::TlsClient => &[
            ("x509.subject.one-country", oid::COUNTRY),
            ("x509.subject.one-common-name", oid::COMMON_NAME),
        ],
        _ => &[
            ("x509.subject.one-country", oid::COUNTRY),
            ("x509.subject.one-organization", oid::ORGANIZATION),
            ("x509.subject.one-common-name", oid::COMMON_NAME),
        ],
    };
    let clause = if profile.subject == SubjectKind::NaturalPerson {
        "EN 319 412-2 4.2.4"
    } else {
        "EN 319 412-3 4.2.1"
    };
    for (rule, oid) in one_each {
        let found = count(*oid);
        rules.rule(found == 1, rule, clause, |f| f.with("count", found));
    }
}

fn usage(
    rules: &mut Rules,
    certificate: &Certificate,
    issuer: Option<&Certificate>,
    profile: &Profile,
) {
    let basic = certificate.basic_constraints().unwrap_or_default();
    let usage = certificate.key_usage().ok().flatten().unwrap_or_default();
    let names = || usage.names().map(str::to_owned).collect::<Vec<_>>();
    let is_critical = |oid| certificate.extension(oid).is_some_and(|e| e.critical);
    let authority = profile.subject == SubjectKind::Authority;
    rules.rule(
        usage.0 != 0 && is_critical(oid::KEY_USAGE),
        "x509.key-usage.present-critical",
        "RFC 5280 4.2.1.3",
        |f| f.with("key_usage", names()),
    );
    let is_ca = basic.is_some_and(|b| b.ca);
    rules.rule(
        is_ca == authority,
        "x509.basic-constraints.authority",
        "RFC 5280 4.2.1.9",
        |f| f.with("ca", is_ca).with("profile_authority", authority),
    );
    rules.rule(
        usage.contains(KeyUsage::KEY_CERT_SIGN) == is_ca,
        "x509.key-usage.cert-sign-with-ca",
        "RFC 5280 4.2.1.9",
        |f| f.with("ca", is_ca).with("key_usage", names()),
    );
    if authority {
        rules.rule(
            is_critical(oid::BASIC_CONSTRAINTS),
            "x509.basic-constraints.critical",
            "RFC 5280 4.2.1.9",
            |f| f,
        );
    }
    if let Some(limit) = issuer
        .and_then(|i| i.basic_constraints().ok().flatten())
        .and_then(|b| b.path_len)
        .filter(|_| is_ca)
    {
        let own = basic.and_then(|b| b.path_len);
        rules.rule(
            own.is_some_and(|n| n < limit),
            "x509.basic-constraints.path-length-below-issuer",
            "RFC 5280 4.2.1.9",
            |f| {
                let f = f.with("issuer_path_length", u64::from(limit));
                own.map_or(f.clone(), |n| f.with("path_length", u64::from(n)))
            },
        );
    }
    if matches!(
        profile.subject,
        SubjectKind::NaturalPerson | SubjectKind::LegalPerson
    ) {
        rules.rule(
            usage.contains(CONTENT_COMMITMENT),
            "x509.key-usage.content-commitment",
            "EN 319 412-2 4.3.2",
            |f| f.with("key_usage", names()),
        );
    }
    let purposes = certificate
        .ext_key_usage()
        .ok()
        .flatten()
        .unwrap_or_default();
    let listed = || purposes.iter().map(ToString::to_string).collect::<Vec<_>>();
    match profile.subject {
        SubjectKind::TimeStampingAuthority => rules.rule(
            purposes == [oid::KP_TIME_STAMPING] && is_critical(oid::EXT_KEY_USAGE),
            "x509.ext-key-usage.time-stamping-alone-critical",
            "RFC 3161 2.3",
            |f| f.with("ext_key_usage", listed()),
        ),
        SubjectKind::OcspResponder => rules.rule(
            purposes.contains(&oid::KP_OCSP_SIGNING)
                && certificate.extension(oid::OCSP_NO_CHECK).is_some(),
            "x509.ext-key-usage.ocsp-signing-no-check",
            "RFC 6960 4.2.2.2",
            |f| f.with("ext_key_usage", listed()),
        ),
        _ => {}
    }
}

fn identifiers(rules: &mut Rules, certificate: &Certificate, issuer: Option<&Certificate>) {
    let own = certificate.subject_key_identifier().ok().flatten().map(hex);
    rules.rule(
        own.is_some(),
        "x509.subject-key-identifier.present",
        "RFC 5280 4.2.1.2",
        |f| f,
    );
    let authority = certificate
        .authority_key_identifier()
        .ok()
        .flatten()
        .and_then(|a| a.key_identifier)
        .map(|id| hex(&id));
    let expected = match issuer {
        Some(issuer) => issuer.subject_key_identifier().ok().flatten().map(hex),
        None => own,
    };
    let holds = authority.is_some() && (expected.is_none() || authority == expected);
    rules.rule(
        holds,
        "x509.authority-key-identifier.matches",
        "RFC 5280 4.2.1.1",
        |f| {
            f.with("authority_key_identifier", authority.unwrap_or_default())
                .with(
                    "issuer_subject_key_identifier",
                    expected.unwrap_or_default(),
                )
        },
    );
}

fn status(rules: &mut Rules, certificate: &Certificate, profile: &Profile) {
    let crl = certificate
        .crl_distribution_points()
        .ok()
        .flatten()
        .unwrap_or_default();
    let access = certificate
        .authority_info_access()
        .ok()
        .flatten()
        .unwrap_or_default();
    let mut uris: Vec<String> = crl
        .iter()
        .flat_map(|p| p.uris())
        .map(str::to_owned)
        .collect();
    uris.extend(
        access
            .iter()
            .filter(|a| a.method == oid::AD_OCSP)
            .filter_map(|a| a.location.uri().map(str::to_owned)),
    );
    let (rule, clause) = ("x509.status.location-present", "EN 319 412-2 4.3.11");
    match profile.status {
        StatusLocation::None | StatusLocation::NeverAvailable | StatusLocation::ShortTerm => {}
        StatusLocation::IfConfigured if uris.is_empty() => {
            rules.findings.push(Finding::remark(rule, clause));
        }
        _ => {
            let count = uris.len();
            rules.rule(count > 0, rule, clause, |f| f.with("locations", count));
        }
    }
    let web = uris.iter().all(|u| {
        (u.starts_with("http://") || u.starts_with("https://") || u.starts_with("ldap://"))
            && u.is_ascii()
            && !u.contains(char::is_whitespace)
    });
    rules.rule(
        web,
        "x509.status.location-http",
        "EN 319 412-2 4.3.11",
        |f| f.with("locations", uris),
    );
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|b| format!("{b:02x}")).collect()
}
