use super::distribution_point::encode_points;
use super::lint::{EntryRules, Line, list_rules, unique};
use super::{Crl, IssuingDistributionPoint, RevocationReason};
use crate::der::{Tag, Writer};
use crate::keys::{KeyError, PublicKey, SignatureAlgorithm, SigningKey, ToBeSigned};
use crate::oid;
use crate::report::{Fact, Finding, Indication, Judged};
use crate::time::UnixTime;
use crate::x509::{BuildError, DistributionPoint, GeneralName, Name, SerialNumber};

/// One certificate that goes on a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// Its serial number.
    pub serial: SerialNumber,
    /// When it was revoked.
    pub revocation_date: UnixTime,
    /// Why; `Unspecified` is left out as RFC 5280 5.3.1 asks. `RemoveFromCrl` is for delta lists.
    pub reason: RevocationReason,
    /// Since when its key is known or suspected to be compromised.
    pub invalidity_date: Option<UnixTime>,
}

/// What a list says besides its entries.
#[derive(Clone, Debug)]
pub struct CrlBuilder {
    /// Subject of the issuing certificate, octet for octet.
    pub issuer: Name,
    /// Subject key identifier of the issuing certificate.
    pub key_identifier: Vec<u8>,
    /// Greater than that of every list before it; at most 20 octets.
    pub number: SerialNumber,
    /// When it was made.
    pub this_update: UnixTime,
    /// When the next one is there at the latest.
    pub next_update: UnixTime,
    /// Since when expired certificates stay on it (EN 319 411-2 CSS-6.3.10-08).
    pub expired_certificates_since: Option<UnixTime>,
}

/// What makes a list another than the complete one of its issuer's own certificates.
#[derive(Clone, Debug, Default)]
pub struct CrlScope {
    /// Which certificates and reasons it is for (RFC 5280 5.2.5).
    pub issuing_distribution_point: Option<IssuingDistributionPoint>,
    /// Number of the complete list to which it is a delta (RFC 5280 5.2.4).
    pub delta_base: Option<SerialNumber>,
    /// Where deltas to it are to be had (RFC 5280 5.2.6).
    pub freshest: Vec<DistributionPoint>,
}

/// A list that is being written, and not checked yet.
#[derive(Debug)]
pub struct CrlDraft {
    builder: CrlBuilder,
    scope: CrlScope,
    entries: Entries,
    rules: EntryRules,
    /// Whose certificate the next entry speaks of, unless it says otherwise.
    certificate_issuer: Name,
    /// Whether the serials came in strictly ascending order, so that none stands twice.
    ascending: bool,
    last: Vec<u8>,
}

/// A list that no lint refused and that waits for its signature. Only [`CrlDraft::lint`] makes it.
#[derive(Debug)]
pub struct UnsignedCrl {
    unsigned: Crl,
    algorithm: SignatureAlgorithm,
    key: PublicKey,
}

impl CrlBuilder {
    /// Fixes a complete list. Entries are written as they come; sorting them by serial is the
    /// caller's choice, and saves looking for one that stands twice.
    ///
    /// # Errors
    /// A lint refuses it; the first that does is named with its values.
    pub fn build(
        &self,
        entries: impl IntoIterator<Item = RevokedCertificate>,
        key: &PublicKey,
        algorithm: SignatureAlgorithm,
    ) -> Result<UnsignedCrl, BuildError> {
        let mut draft = self.draft(CrlScope::default());
        entries.into_iter().for_each(|entry| draft.revoke(&entry));
        let judged = draft.lint(key, algorithm)?;
        judged
            .value
            .ok_or_else(|| refused(Finding::decisive(&judged.report)))
    }

    /// Begins a list of the given scope.
    pub fn draft(&self, scope: CrlScope) -> CrlDraft {
        CrlDraft {
            rules: EntryRules::new(
                scope.delta_base.is_some(),
                scope.issuing_distribution_point.as_ref(),
            ),
            certificate_issuer: self.issuer.clone(),
            builder: self.clone(),
            scope,
            entries: Entries::default(),
            ascending: true,
            last: Vec::new(),
        }
    }
}

impl CrlDraft {
    /// Puts a certificate of the list's own issuer on it.
    pub fn revoke(&mut self, entry: &RevokedCertificate) {
        if self.certificate_issuer == self.builder.issuer {
            self.put(None, entry);
        } else {
            let issuer = self.builder.issuer.clone();
            self.revoke_of(&issuer, entry);
        }
    }

    /// Puts a certificate that `issuer` issued on it: on an indirect list. Entries of one issuer
    /// are best put one after another, since each change of issuer is written out.
    pub fn revoke_of(&mut self, issuer: &Name, entry: &RevokedCertificate) {
        let other = *issuer != self.certificate_issuer;
        if other {
            self.certificate_issuer = issuer.clone();
        }
        self.put(other.then_some(issuer), entry);
    }

    /// Writes an entry, `issuer` being its certificateIssuer.
    fn put(&mut self, issuer: Option<&Name>, entry: &RevokedCertificate) {
        self.rules.check(&Line {
            serial: &entry.serial,
            reason: Some(entry.reason).filter(|r| *r != RevocationReason::Unspecified),
            names_issuer: issuer.is_some(),
        });
        let serial = entry.serial.as_bytes();
        self.ascending &= issuer.is_none() && *self.last < *serial;
        self.last.clear();
        self.last.extend_from_slice(serial);
        self.entries.write(entry, issuer);
    }

    /// Judges the draft; the value is there only where no finding failed.
    ///
    /// # Errors
    /// What was written does not decode.
    pub fn lint(
        self,
        key: &PublicKey,
        algorithm: SignatureAlgorithm,
    ) -> Result<Judged<UnsignedCrl>, BuildError> {
        let entries = self.entries.list.finish();
        let before = encoded(|w| {
            w.u32(1);
            algorithm.encode(w);
            w.raw(self.builder.issuer.der());
            w.time(self.builder.this_update);
            w.time(self.builder.next_update);
            if !entries.is_empty() {
                w.header(Tag::SEQUENCE, entries.len());
            }
        });
        let after = encoded(|w| {
            w.nested(Tag::constructed(0), |w| {
                w.sequence(|w| extensions(w, &self.builder, &self.scope));
            });
        });
        let content = before.len() + entries.len() + after.len();
        let head = encoded(|w| w.header(Tag::SEQUENCE, content));
        // The lints look at the list as everyone else will; only its signature is missing.
        let (outer, tail) = frame(head.len() + content, algorithm, &[]);
        let parts = [&*outer, &*head, &*before, &*entries, &*after, &*tail];
        let unsigned = Crl::from_parts(&parts)
            .map_err(|e| BuildError::new(format!("draft does not decode: {e}")))?;
        drop(entries);
        let mut report = list_rules(&unsigned);
        report.extend(self.rules.into_findings());
        if !self.ascending {
            report.push(unique(&unsigned));
        }
        let sound = Finding::worst(&report) == Indication::Passed;
        let value = sound.then(|| UnsignedCrl {
            unsigned,
            algorithm,
            key: key.clone(),
        });
        Ok(Judged { value, report })
    }
}

/// The entries in their encoding.
#[derive(Default)]
struct Entries {
    list: Writer,
}

impl Entries {
    fn write(&mut self, entry: &RevokedCertificate, issuer: Option<&Name>) {
        self.list.sequence(|w| {
            w.tlv(Tag::INTEGER, entry.serial.as_bytes());
            w.time(entry.revocation_date);
            let reason = entry.reason != RevocationReason::Unspecified;
            if !reason && entry.invalidity_date.is_none() && issuer.is_none() {
                return;
            }
            w.sequence(|w| {
                if reason {
                    w.sequence(|w| {
                        w.oid(oid::CRL_REASON);
                        w.octets(&[Tag::ENUMERATED.0, 1, entry.reason.number()]);
                    });
                }
                if let Some(since) = entry.invalidity_date {
                    extension(w, oid::INVALIDITY_DATE, false, |w| {
                        w.generalized_time(since);
                    });
                }
                if let Some(issuer) = issuer {
                    extension(w, oid::CERTIFICATE_ISSUER, true, |w| {
                        w.sequence(|w| GeneralName::Directory(issuer.clone()).encode(w));
                    });
                }
            });
        });
    }
}

impl core::fmt::Debug for Entries {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("entries")
    }
}

fn extensions(w: &mut Writer, builder: &CrlBuilder, scope: &CrlScope) {
    extension(w, oid::AUTHORITY_KEY_IDENTIFIER, false, |w| {
        w.sequence(|w| w.tlv(Tag::primitive(0), &builder.key_identifier));
    });
    extension(w, oid::CRL_NUMBER, false, |w| {
        w.tlv(Tag::INTEGER, builder.number.as_bytes());
    });
    if let Some(base) = &scope.delta_base {
        extension(w, oid::DELTA_CRL_INDICATOR, true, |w| {
            w.tlv(Tag::INTEGER, base.as_bytes());
        });
    }
    if let Some(point) = &scope.issuing_distribution_point {
        extension(w, oid::ISSUING_DISTRIBUTION_POINT, true, |w| {
            point.encode(w)
        });
    }
    if !scope.freshest.is_empty() {
        extension(w, oid::FRESHEST_CRL, false, |w| {
            encode_points(w, &scope.freshest);
        });
    }
    if let Some(since) = builder.expired_certificates_since {
        extension(w, oid::EXPIRED_CERTS_ON_CRL, false, |w| {
            w.generalized_time(since);
        });
    }
}

fn extension(
    w: &mut Writer,
    oid: crate::oid::ObjectIdentifier,
    critical: bool,
    write: impl FnOnce(&mut Writer),
) {
    w.sequence(|w| {
        w.oid(oid);
        if critical {
            w.boolean_true();
        }
        w.nested(Tag::OCTET_STRING, write);
    });
}

fn encoded(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut w = Writer::new();
    write(&mut w);
    w.finish()
}

/// What stands before and after the `tbs` octets that are signed.
fn frame(tbs: usize, algorithm: SignatureAlgorithm, signature: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let tail = encoded(|w| {
        algorithm.encode(w);
        w.bit_octets(signature);
    });
    let outer = encoded(|w| w.header(Tag::SEQUENCE, tbs + tail.len()));
    (outer, tail)
}

fn refused(finding: Option<&Finding>) -> BuildError {
    let Some(finding) = finding else {
        return BuildError::new("CRL: refused without a finding");
    };
    let mut text = format!("CRL: {} ({})", finding.rule, finding.clause);
    for (name, fact) in &finding.because {
        let value = match fact {
            Fact::Time(time) => time.to_string(),
            Fact::Number(number) => number.to_string(),
            Fact::Flag(flag) => flag.to_string(),
            Fact::Text(text) => text.clone(),
            Fact::List(all) => format!("{all:?}"),
        };
        text.push_str(&format!("; {name} {value}"));
    }
    BuildError::new(text)
}

impl UnsignedCrl {
    /// The list as it will be, with an empty signature.
    pub fn unsigned(&self) -> &Crl {
        &self.unsigned
    }

    /// What the issuer's key has to sign.
    pub fn prepare(&self) -> ToBeSigned {
        ToBeSigned {
            bytes: self.unsigned.tbs_der().to_vec(),
            algorithm: self.algorithm,
        }
    }

    /// Puts the signature to it.
    ///
    /// # Errors
    /// The signature is not that of the issuer's key over [`Self::prepare`].
    pub fn finish(self, signature: &[u8]) -> Result<Crl, BuildError> {
        let tbs = self.unsigned.tbs_der();
        self.key
            .verify(self.algorithm, tbs, signature)
            .map_err(|_| BuildError::new("CRL: the signature is not that of the issuer's key"))?;
        let (outer, tail) = frame(tbs.len(), self.algorithm, signature);
        self.unsigned
            .with_signature(&[&outer, tbs, &tail])
            .map_err(|e| BuildError::new(e.to_string()))
    }

    /// Both halves with a key at hand.
    ///
    /// # Errors
    /// The key refuses, or is not the issuer's.
    pub fn sign(self, key: &dyn SigningKey) -> Result<Crl, KeyError> {
        let signature = key.sign(self.algorithm, self.unsigned.tbs_der())?;
        self.finish(&signature)
            .map_err(|e| KeyError::new(crate::keys::KeyErrorKind::Mismatch, e.to_string()))
    }
}
