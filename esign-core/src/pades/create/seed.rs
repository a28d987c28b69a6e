//! Seed values: what the author of a form demands of the signature in a field.
//!
//! What this signature has passes; what it lacks, or cannot promise, is refused, since readers
//! hold a signature invalid that breaks a required one.
//!
//! # Source
//! ISO 32000-2 tables 237 (seed value dictionary) and 238 (certificate seed values).

use super::{Intent, Permission};
use crate::pades::error::{PadesError, PadesErrorKind};
use crate::pdf::text;
use crate::pdf::{Dict, Object, View};

/// The flags of `/Ff`, each of which makes its entry required.
mod required {
    pub(super) const FILTER: u32 = 1;
    pub(super) const SUB_FILTER: u32 = 2;
    pub(super) const V: u32 = 3;
    pub(super) const REASONS: u32 = 4;
    pub(super) const LEGAL_ATTESTATION: u32 = 5;
    pub(super) const ADD_REV_INFO: u32 = 6;
    pub(super) const DIGEST_METHOD: u32 = 7;
    pub(super) const LOCK_DOCUMENT: u32 = 8;
    pub(super) const APPEARANCE_FILTER: u32 = 9;
}

/// The flags of `/Ff` in `/Cert` that are looked at; the others cannot be promised.
mod required_certificate {
    pub(super) const SUBJECT: u32 = 1;
    pub(super) const ISSUER: u32 = 2;
    /// Where a certificate can be had; says nothing of the signature.
    pub(super) const URL: u32 = 7;
}

/// The newest seed values that are understood: those of PDF 2.0.
const VERSION: f64 = 3.0;

/// The seed value dictionary of one field.
pub(super) struct Seed<'s> {
    view: View<'s>,
    field: &'s str,
    dict: &'s Dict,
}

impl<'s> Seed<'s> {
    pub(super) fn new(view: View<'s>, field: &'s str, dict: &'s Dict) -> Self {
        Self { view, field, dict }
    }

    /// Whether the signature has all that is required; `permission` is that of the field's lock.
    pub(super) fn check(
        &self,
        intent: &Intent<'_>,
        permission: Option<u8>,
    ) -> Result<(), PadesError> {
        let flags = self.integer(self.dict, "Ff")?.unwrap_or(0);
        let required = |position| is_set(flags, position);
        if required(required::FILTER) {
            self.check_filter()?;
        }
        if required(required::SUB_FILTER) {
            self.check_sub_filter()?;
        }
        if required(required::V) {
            let version = self.view.value(self.dict, "V")?;
            if let Some(v) = version.as_number().filter(|v| *v > VERSION) {
                return self.refuse(format!(
                    "seed values of version {v} (V), at most {VERSION} are understood"
                ));
            }
        }
        if required(required::REASONS) {
            self.check_reason(intent.parameters.reason.as_deref())?;
        }
        if required(required::LEGAL_ATTESTATION) {
            return self.lacks("a legal attestation (LegalAttestation)");
        }
        let revocation = self.view.value(self.dict, "AddRevInfo")?;
        if required(required::ADD_REV_INFO) && revocation.as_bool() == Some(true) {
            return self.lacks("revocation information inside (AddRevInfo)");
        }
        if required(required::DIGEST_METHOD) {
            self.check_digest(&intent.digest.to_string())?;
        }
        let permission = match (
            intent.parameters.certify.map(Permission::number),
            permission,
        ) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        if required(required::LOCK_DOCUMENT) {
            self.check_document_lock(permission)?;
        }
        if required(required::APPEARANCE_FILTER) && self.dict.get("AppearanceFilter").is_some() {
            return self.lacks("an appearance of a certain name (AppearanceFilter)");
        }
        self.check_certification(intent.parameters.certify)?;
        self.check_time_stamp()?;
        self.check_certificate(intent)
    }

    fn check_filter(&self) -> Result<(), PadesError> {
        match self.view.value(self.dict, "Filter")? {
            Object::Null => Ok(()),
            Object::Name(name) if name.0 == b"Adobe.PPKLite" => Ok(()),
            other => self.refuse(format!(
                "the signature handler {} (Filter), this one is /Adobe.PPKLite",
                shown(&other)
            )),
        }
    }

    fn check_sub_filter(&self) -> Result<(), PadesError> {
        let Some(forms) = self.list(self.dict, "SubFilter")? else {
            return Ok(());
        };
        let cades: &[u8] = b"ETSI.CAdES.detached";
        if forms.iter().any(|f| f.as_name() == Some(cades)) {
            return Ok(());
        }
        self.refuse(format!(
            "a signature of the form {} (SubFilter), this one is /ETSI.CAdES.detached",
            one_of(&forms)
        ))
    }

    /// A required list that is missing, empty or a lone full stop forbids any reason.
    fn check_reason(&self, reason: Option<&str>) -> Result<(), PadesError> {
        let reasons: Vec<String> = self
            .list(self.dict, "Reasons")?
            .unwrap_or_default()
            .iter()
            .filter_map(Object::as_string)
            .map(|s| text::decode(&s.bytes))
            .collect();
        let none = reasons.iter().all(|r| r == ".");
        let given = reason.map_or("none".to_owned(), |r| format!("\"{r}\""));
        match reason {
            None if none => Ok(()),
            Some(reason) if !none && reasons.iter().any(|r| r == reason) => Ok(()),
            _ if none => self.refuse(format!("no reason (Reasons), given is {given}")),
            _ => {
                let wanted: Vec<String> = reasons.iter().map(|r| format!("\"{r}\"")).collect();
                self.refuse(format!(
                    "one of the reasons {} (Reasons), given is {given}",
                    wanted.join(", ")
                ))
            }
        }
    }

    /// The standard says names, Acrobat writes strings.
    fn check_digest(&self, digest: &str) -> Result<(), PadesError> {
        let Some(digests) = self.list(self.dict, "DigestMethod")? else {
            return Ok(());
        };
        let plain = digest.replace('-', "");
        let same = |d: &Object| {
            let octets = d.as_name().or(d.as_string().map(|s| &*s.bytes));
            octets.is_some_and(|o| o.eq_ignore_ascii_case(plain.as_bytes()))
        };
        if digests.iter().any(same) {
            return Ok(());
        }
        self.refuse(format!(
            "the digest {} (DigestMethod), this key signs with {digest}",
            one_of(&digests)
        ))
    }

    fn check_document_lock(&self, permission: Option<u8>) -> Result<(), PadesError> {
        let lock = self.view.value(self.dict, "LockDocument")?;
        let locks = permission == Some(1);
        match lock.as_name() {
            Some(b"true") if !locks => self.refuse(
                "that the document be locked (LockDocument), the signature allows changes".into(),
            ),
            Some(b"false") if locks => self.refuse(
                "that the document not be locked (LockDocument), the signature allows no changes"
                    .into(),
            ),
            _ => Ok(()),
        }
    }

    /// `/MDP` has no flag: where it stands it binds.
    fn check_certification(&self, certify: Option<Permission>) -> Result<(), PadesError> {
        let mdp = self.view.value(self.dict, "MDP")?;
        let Some(wanted) = mdp.as_dict().map(|d| self.integer(d, "P")).transpose()? else {
            return Ok(());
        };
        let given = certify.map_or(0, |p| i64::from(p.number()));
        let words = |p: i64| match p {
            0 => "an ordinary signature".to_owned(),
            p => format!("a certifying signature with P {p}"),
        };
        match wanted {
            Some(p) if p != given => {
                self.refuse(format!("{} (MDP), this is {}", words(p), words(given)))
            }
            _ => Ok(()),
        }
    }

    fn check_time_stamp(&self) -> Result<(), PadesError> {
        let time_stamp = self.view.value(self.dict, "TimeStamp")?;
        let flags = match time_stamp.as_dict() {
            Some(dict) => self.integer(dict, "Ff")?,
            None => None,
        };
        if is_set(flags.unwrap_or(0), 1) {
            return self.lacks("a time-stamp (TimeStamp)");
        }
        Ok(())
    }

    fn check_certificate(&self, intent: &Intent<'_>) -> Result<(), PadesError> {
        let demands = self.view.value(self.dict, "Cert")?;
        let Some(demands) = demands.as_dict() else {
            return Ok(());
        };
        let flags = self.integer(demands, "Ff")?.unwrap_or(0);
        let known = [
            required_certificate::SUBJECT,
            required_certificate::ISSUER,
            required_certificate::URL,
        ];
        let others = known.iter().fold(flags, |rest, p| rest & !(1 << (p - 1)));
        if others != 0 {
            return self.refuse(format!(
                "a certificate by names, policies or usages (Cert with Ff {flags}), \
                 which cannot be promised"
            ));
        }
        let among = |key: &str, ders: &[&[u8]]| -> Result<bool, PadesError> {
            let listed = self.list(demands, key)?;
            Ok(listed.is_none_or(|listed| {
                let mut strings = listed.iter().filter_map(Object::as_string);
                strings.any(|s| ders.contains(&&*s.bytes))
            }))
        };
        if is_set(flags, required_certificate::SUBJECT)
            && !among("Subject", &[intent.certificate.der()])?
        {
            return self.refuse(format!(
                "another certificate (Cert with Subject), this one is {}",
                intent.certificate.subject()
            ));
        }
        let path: Vec<&[u8]> = intent.parameters.chain.iter().map(|c| c.der()).collect();
        if is_set(flags, required_certificate::ISSUER) && !among("Issuer", &path)? {
            return self.refuse(format!(
                "a certificate of another issuer (Cert with Issuer), \
                 this one is of {} and none of the {} certificates above it is listed",
                intent.certificate.issuer(),
                path.len()
            ));
        }
        Ok(())
    }

    fn integer(&self, dict: &Dict, key: &str) -> Result<Option<i64>, PadesError> {
        Ok(self.view.value(dict, key)?.as_integer())
    }

    /// The members of an array with references followed; `None` where there is no array.
    fn list(&self, dict: &Dict, key: &str) -> Result<Option<Vec<Object>>, PadesError> {
        let value = self.view.value(dict, key)?;
        let Some(items) = value.as_array() else {
            return Ok(None);
        };
        let items: Result<Vec<Object>, _> = items.iter().map(|i| self.view.resolve(i)).collect();
        Ok(Some(items?))
    }

    fn lacks(&self, what: &str) -> Result<(), PadesError> {
        self.refuse(format!("{what}, which this signature does not have"))
    }

    fn refuse(&self, what: String) -> Result<(), PadesError> {
        Err(PadesError::new(
            PadesErrorKind::Field,
            format!("field \"{}\" demands {what}", self.field),
        ))
    }
}

/// Whether the flag at this position, counted from 1 as in the standard, is set.
fn is_set(flags: i64, position: u32) -> bool {
    flags & (1i64 << (position - 1)) != 0
}

fn shown(object: &Object) -> String {
    match object {
        Object::Name(name) => format!("/{}", name.0.escape_ascii()),
        Object::String(s) => format!("\"{}\"", text::decode(&s.bytes)),
        other => other.type_name().to_owned(),
    }
}

fn one_of(objects: &[Object]) -> String {
    let all: Vec<String> = objects.iter().map(shown).collect();
    match all.len() {
        0 => "of an empty list".to_owned(),
        _ => all.join(" or "),
    }
}
