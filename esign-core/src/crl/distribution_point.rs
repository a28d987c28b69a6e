use super::ReasonFlags;
use crate::der::{DecodeError, DecodeKind, Reader, Tag, Writer};
use crate::x509::{DistributionPoint, GeneralName, distribution_point_name};

/// Which certificates a list speaks of, where not all of its issuer.
///
/// ```text
/// IssuingDistributionPoint ::= SEQUENCE {
///      distributionPoint          [0] DistributionPointName OPTIONAL,
///      onlyContainsUserCerts      [1] BOOLEAN DEFAULT FALSE,
///      onlyContainsCACerts        [2] BOOLEAN DEFAULT FALSE,
///      onlySomeReasons            [3] ReasonFlags OPTIONAL,
///      indirectCRL                [4] BOOLEAN DEFAULT FALSE,
///      onlyContainsAttributeCerts [5] BOOLEAN DEFAULT FALSE }
/// ```
///
/// # Source
/// RFC 5280 5.2.5.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct IssuingDistributionPoint {
    /// fullName of distributionPoint
    pub full_name: Vec<GeneralName>,
    /// nameRelativeToCRLIssuer, as its encoding.
    pub relative_name: Option<Vec<u8>>,
    /// onlyContainsUserCerts
    pub only_user_certificates: bool,
    /// onlyContainsCACerts
    pub only_ca_certificates: bool,
    /// onlySomeReasons
    pub only_some_reasons: Option<ReasonFlags>,
    /// indirectCRL
    pub indirect: bool,
    /// onlyContainsAttributeCerts
    pub only_attribute_certificates: bool,
}

impl IssuingDistributionPoint {
    /// Whether it says nothing at all, which RFC 5280 5.2.5 forbids.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How many of the three kinds of certificate are said to be the only one; at most one may be.
    pub fn kinds(&self) -> usize {
        [
            self.only_user_certificates,
            self.only_ca_certificates,
            self.only_attribute_certificates,
        ]
        .into_iter()
        .filter(|only| *only)
        .count()
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.sequence("", |r| {
            let mut point = Self::default();
            if let Some(t) = r.optional(Tag::constructed(0), "distributionPoint")? {
                (point.full_name, point.relative_name) =
                    t.nested("distributionPoint", distribution_point_name)?;
            }
            let flag = |r: &mut Reader<'_>, n: u8, field: &str| {
                let Some(t) = r.optional(Tag::primitive(n), field)? else {
                    return Ok(false);
                };
                match t.boolean(field)? {
                    true => Ok(true),
                    // X.690 11.5: a DEFAULT value is left out.
                    false => Err(t.error(DecodeKind::NotDer("FALSE is written out"), field)),
                }
            };
            point.only_user_certificates = flag(r, 1, "onlyContainsUserCerts")?;
            point.only_ca_certificates = flag(r, 2, "onlyContainsCACerts")?;
            if let Some(t) = r.optional(Tag::primitive(3), "onlySomeReasons")? {
                point.only_some_reasons = Some(ReasonFlags(t.named_bits("onlySomeReasons")?));
            }
            point.indirect = flag(r, 4, "indirectCRL")?;
            point.only_attribute_certificates = flag(r, 5, "onlyContainsAttributeCerts")?;
            Ok(point)
        })
    }

    pub(super) fn encode(&self, w: &mut Writer) {
        w.sequence(|w| {
            name(w, &self.full_name, self.relative_name.as_deref());
            let flag = |w: &mut Writer, set: bool, n: u8| {
                if set {
                    w.tlv(Tag::primitive(n), &[0xff]);
                }
            };
            flag(w, self.only_user_certificates, 1);
            flag(w, self.only_ca_certificates, 2);
            if let Some(reasons) = self.only_some_reasons {
                w.named_bits(Tag::primitive(3), reasons.0);
            }
            flag(w, self.indirect, 4);
            flag(w, self.only_attribute_certificates, 5);
        });
    }
}

/// Writes `CRLDistributionPoints`, which freshestCRL is, too.
pub(super) fn encode_points(w: &mut Writer, points: &[DistributionPoint]) {
    w.sequence(|w| {
        for point in points {
            w.sequence(|w| {
                name(w, &point.full_name, point.relative_name.as_deref());
                if let Some(reasons) = point.reasons {
                    w.named_bits(Tag::primitive(1), reasons);
                }
                if !point.crl_issuer.is_empty() {
                    w.nested(Tag::constructed(2), |w| {
                        point.crl_issuer.iter().for_each(|n| n.encode(w));
                    });
                }
            });
        }
    });
}

/// Writes `distributionPoint [0]`, where there is one.
fn name(w: &mut Writer, full: &[GeneralName], relative: Option<&[u8]>) {
    if full.is_empty() && relative.is_none() {
        return;
    }
    w.nested(Tag::constructed(0), |w| match relative {
        Some(encoding) => w.raw(encoding),
        None => w.nested(Tag::constructed(0), |w| {
            full.iter().for_each(|n| n.encode(w));
        }),
    });
}
