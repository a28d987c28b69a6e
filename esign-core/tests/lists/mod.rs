//! Authorities with lists of every kind, put together by hand.
#![allow(dead_code, reason = "each test file takes what it needs")]

use esign_core::crl::{
    Crl, CrlBuilder, CrlScope, IssuingDistributionPoint, RevocationReason, RevokedCertificate,
};
use esign_core::der::{Tag, Writer};
use esign_core::evidence::Evidence;
use esign_core::keys::{Curve, KeySpec, PrivateKey, SigningKey};
use esign_core::oid;
use esign_core::path::{KeyPurpose, PathInputs, RevocationChecking, build_path};
use esign_core::report::{Finding, Indication, Judged, SubIndication};
use esign_core::time::UnixTime;
use esign_core::x509::{
    Certificate, DistributionPoint, GeneralName, Name, NameBuilder, SerialNumber,
};

pub(crate) type Reason = RevocationReason;

pub(crate) const DAY: i64 = 86_400;

pub(crate) fn t(text: &str) -> UnixTime {
    UnixTime::parse(text).unwrap()
}

pub(crate) fn name(text: &str) -> Name {
    NameBuilder::parse(text).unwrap().build().unwrap()
}

pub(crate) fn serial(n: u8) -> SerialNumber {
    SerialNumber::from_magnitude(&[n])
}

pub(crate) fn key() -> PrivateKey {
    PrivateKey::generate(KeySpec::Ec(Curve::P256)).unwrap()
}

pub(crate) fn octets(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut w = Writer::new();
    write(&mut w);
    w.finish()
}

pub(crate) fn extension(
    w: &mut Writer,
    oid: esign_core::oid::ObjectIdentifier,
    critical: bool,
    value: &[u8],
) {
    w.sequence(|w| {
        w.oid(oid);
        if critical {
            w.boolean_true();
        }
        w.octets(value);
    });
}

/// A certificate authority, a signer of lists, or an end entity.
pub(crate) struct Party {
    pub(crate) key: PrivateKey,
    pub(crate) certificate: Certificate,
}

/// What a certificate says besides who it is.
#[derive(Default)]
pub(crate) struct Says {
    pub(crate) serial: u8,
    pub(crate) key_usage: u16,
    pub(crate) ca: bool,
    pub(crate) points: Vec<DistributionPoint>,
    pub(crate) not_after: Option<UnixTime>,
}

/// keyCertSign and cRLSign.
pub(crate) const AUTHORITY: u16 = 0b110_0000;
pub(crate) const CRL_SIGN: u16 = 0b100_0000;

impl Party {
    pub(crate) fn new(subject: &str, issuer: Option<&Party>, says: &Says) -> Self {
        let key = key();
        let algorithm = key.algorithms()[0];
        let signer = issuer.map_or(&key, |i| &i.key);
        let subject = name(subject);
        let issuer_name = issuer.map_or(&subject, |i| i.certificate.subject());
        let tbs = octets(|w| {
            w.sequence(|w| {
                w.nested(Tag::constructed(0), |w| w.u32(2));
                w.tlv(Tag::INTEGER, &[says.serial]);
                algorithm.encode(w);
                w.raw(issuer_name.der());
                w.sequence(|w| {
                    w.time(t("2025-01-01"));
                    w.time(says.not_after.unwrap_or(t("2035-01-01")));
                });
                w.raw(subject.der());
                w.raw(key.public_key().spki());
                w.nested(Tag::constructed(3), |w| {
                    w.sequence(|w| extensions(w, &key, signer, says))
                });
            });
        });
        let signature = signer.sign(algorithm, &tbs).unwrap();
        let der = octets(|w| {
            w.sequence(|w| {
                w.raw(&tbs);
                algorithm.encode(w);
                w.bit_octets(&signature);
            });
        });
        let certificate = Certificate::from_der(&der).unwrap();
        Self { key, certificate }
    }

    pub(crate) fn builder(&self, number: u8, from: &str) -> CrlBuilder {
        CrlBuilder {
            issuer: self.certificate.subject().clone(),
            key_identifier: self.key.public_key().sha1_identifier().to_vec(),
            number: serial(number),
            this_update: t(from),
            next_update: t(from).plus(30 * DAY),
            expired_certificates_since: None,
        }
    }

    /// A list of `(serial, reason)`, each revoked on 2026-02-01.
    pub(crate) fn list(
        &self,
        number: u8,
        from: &str,
        scope: CrlScope,
        on_it: &[(u8, Reason)],
    ) -> Crl {
        let mut draft = self.builder(number, from).draft(scope);
        on_it
            .iter()
            .for_each(|(n, why)| draft.revoke(&entry(*n, *why)));
        self.sign(
            draft
                .lint(self.key.public_key(), self.key.algorithms()[0])
                .unwrap(),
        )
    }

    pub(crate) fn sign(&self, judged: Judged<esign_core::crl::UnsignedCrl>) -> Crl {
        let report = judged.report;
        let unsigned = judged.value.unwrap_or_else(|| panic!("{report:#?}"));
        unsigned.sign(&self.key).unwrap()
    }
}

pub(crate) fn entry(n: u8, reason: Reason) -> RevokedCertificate {
    RevokedCertificate {
        serial: serial(n),
        revocation_date: t("2026-02-01"),
        reason,
        invalidity_date: (reason == Reason::KeyCompromise).then(|| t("2026-01-15")),
    }
}

pub(crate) fn extensions(w: &mut Writer, key: &PrivateKey, signer: &PrivateKey, says: &Says) {
    let own = octets(|w| w.octets(&key.public_key().sha1_identifier()));
    extension(w, oid::SUBJECT_KEY_IDENTIFIER, false, &own);
    let above = octets(|w| {
        w.sequence(|w| w.tlv(Tag::primitive(0), &signer.public_key().sha1_identifier()));
    });
    extension(w, oid::AUTHORITY_KEY_IDENTIFIER, false, &above);
    let usage = octets(|w| w.named_bits(Tag::BIT_STRING, says.key_usage));
    extension(w, oid::KEY_USAGE, true, &usage);
    if says.ca {
        let ca = octets(|w| w.sequence(|w| w.boolean_true()));
        extension(w, oid::BASIC_CONSTRAINTS, true, &ca);
    }
    if !says.points.is_empty() {
        let points = octets(|w| w.sequence(|w| says.points.iter().for_each(|p| point(w, p))));
        extension(w, oid::CRL_DISTRIBUTION_POINTS, false, &points);
    }
}

pub(crate) fn point(w: &mut Writer, point: &DistributionPoint) {
    let names = |w: &mut Writer, all: &[GeneralName]| all.iter().for_each(|n| n.encode(w));
    w.sequence(|w| {
        w.nested(Tag::constructed(0), |w| match &point.relative_name {
            Some(relative) => w.raw(relative),
            None => w.nested(Tag::constructed(0), |w| names(w, &point.full_name)),
        });
        if let Some(reasons) = point.reasons {
            w.named_bits(Tag::primitive(1), reasons);
        }
        if !point.crl_issuer.is_empty() {
            w.nested(Tag::constructed(2), |w| names(w, &point.crl_issuer));
        }
    });
}

pub(crate) const HERE: &str = "http://ca.example.az/part-1.crl";

pub(crate) fn uri(text: &str) -> Vec<GeneralName> {
    vec![GeneralName::Uri(text.into())]
}

pub(crate) fn at(uri_of: &str) -> DistributionPoint {
    DistributionPoint {
        full_name: uri(uri_of),
        ..DistributionPoint::default()
    }
}

/// `[1] IMPLICIT RelativeDistinguishedName` of a commonName.
pub(crate) fn relative(text: &str) -> Vec<u8> {
    octets(|w| {
        w.nested(Tag::constructed(1), |w| {
            w.sequence(|w| {
                w.oid(oid::COMMON_NAME);
                w.tlv(Tag::UTF8_STRING, text.as_bytes());
            });
        });
    })
}

pub(crate) fn scope(point: IssuingDistributionPoint) -> CrlScope {
    CrlScope {
        issuing_distribution_point: Some(point),
        ..CrlScope::default()
    }
}

pub(crate) fn part(
    full_name: &str,
    change: impl FnOnce(&mut IssuingDistributionPoint),
) -> CrlScope {
    let mut point = IssuingDistributionPoint {
        full_name: uri(full_name),
        ..IssuingDistributionPoint::default()
    };
    change(&mut point);
    scope(point)
}

/// OpenSSL asks for deltas only where the list says that there are some.
pub(crate) fn with_deltas() -> CrlScope {
    CrlScope {
        freshest: vec![at("http://ca.example.az/delta.crl")],
        ..CrlScope::default()
    }
}

pub(crate) fn delta(base: u8) -> CrlScope {
    CrlScope {
        delta_base: Some(serial(base)),
        ..CrlScope::default()
    }
}

/// Root, authority, and everyone whom the scenarios need.
pub(crate) struct Pki {
    pub(crate) root: Party,
    pub(crate) ca: Party,
    /// The authority's second key, for lists alone; certified by the root.
    pub(crate) separate: Party,
    /// Who issues indirect lists.
    pub(crate) lists: Party,
    /// A signer of lists named as the authority, under another root.
    pub(crate) stranger: Party,
    pub(crate) plain: Party,
    pub(crate) pointed: Party,
    pub(crate) relative: Party,
    pub(crate) indirect: Party,
}

pub(crate) const LEAF: u8 = 0x77;

impl Pki {
    pub(crate) fn new() -> Self {
        let authority = |serial| Says {
            serial,
            key_usage: AUTHORITY,
            ca: true,
            ..Says::default()
        };
        let lister = |serial| Says {
            serial,
            key_usage: CRL_SIGN,
            ..Says::default()
        };
        let root = Party::new("CN=Root,O=T,C=AZ", None, &authority(1));
        let ca = Party::new("CN=CA,O=T,C=AZ", Some(&root), &authority(2));
        let other_root = Party::new("CN=Other,O=T,C=AZ", None, &authority(1));
        let leaf = |points| {
            let says = Says {
                serial: LEAF,
                key_usage: 0b11,
                points,
                ..Says::default()
            };
            Party::new("CN=Leaf,O=T,C=AZ", Some(&ca), &says)
        };
        let lists_name = vec![GeneralName::Directory(name("CN=Lists,O=T,C=AZ"))];
        Self {
            plain: leaf(vec![]),
            pointed: leaf(vec![at(HERE)]),
            relative: leaf(vec![DistributionPoint {
                relative_name: Some(relative("Part")),
                ..DistributionPoint::default()
            }]),
            indirect: leaf(vec![DistributionPoint {
                crl_issuer: lists_name,
                ..at(HERE)
            }]),
            separate: Party::new("CN=CA,O=T,C=AZ", Some(&root), &lister(3)),
            lists: Party::new("CN=Lists,O=T,C=AZ", Some(&root), &lister(4)),
            stranger: Party::new("CN=CA,O=T,C=AZ", Some(&other_root), &lister(5)),
            root,
            ca,
        }
    }

    pub(crate) fn judge(&self, leaf: &Party, crls: &[Crl], at: &str) -> Vec<Finding> {
        let mut evidence = Evidence::new();
        for party in [&self.ca, &self.separate, &self.lists, &self.stranger] {
            evidence.add_certificate(party.certificate.clone());
        }
        crls.iter().for_each(|crl| {
            evidence.add_crl(crl.clone());
        });
        let anchors = [self.root.certificate.clone()].into_iter().collect();
        let (required, any) = (RevocationChecking::Required, KeyPurpose::Any);
        let inputs = PathInputs::new(t(at), &anchors, &evidence, required, any);
        let judged = build_path(&leaf.certificate, &inputs);
        let passed = Finding::worst(&judged.report) == Indication::Passed;
        assert_eq!(judged.value.is_some(), passed);
        judged.report
    }
}

/// The rule and sub-indication that decided; none where the path passes.
pub(crate) fn verdict(report: &[Finding]) -> Option<(&'static str, SubIndication)> {
    Finding::decisive(report).map(|f| (f.rule, f.sub_indication.unwrap()))
}

/// Whether any finding of the report has the rule.
pub(crate) fn has(report: &[Finding], rule: &str) -> bool {
    report
        .iter()
        .any(|f| f.rule == rule || has(&f.children, rule))
}

pub(crate) const NOW: &str = "2026-03-20";
pub(crate) const MARCH: &str = "2026-03-01";
