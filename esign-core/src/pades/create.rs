//! Putting a signature into a PDF, in two halves.
//!
//! The file stays as it is, octet for octet; an incremental update is appended. [`prepare`] builds
//! it with room for the signature, hashes file and update around that room, and hands out what is
//! to be signed; [`Prepared::finish`] fills the room. How large it must be follows from key,
//! certificates and attributes, so the signature always fits.
//!
//! # Source
//! ISO 32000-2 12.8; EN 319 142-1 clause 5 and 6.

use std::io::Write;
use std::ops::Range;

use super::error::{PadesError, PadesErrorKind};
use super::fields::{Field, Form, Restriction, Scope};
use crate::cades;
use crate::keys::{Digest, DigestAlgorithm, Hasher, SignatureAlgorithm, SigningKey, ToBeSigned};
use crate::pdf::text;
use crate::pdf::{Dict, Document, Object, PdfString, Reference, Update, View};
use crate::source::ReadAt;
use crate::time::UnixTime;
use crate::x509::Certificate;

/// Octets copied and hashed at a time.
const BLOCK: usize = 128 * 1024;

/// What a certifying signature still allows (ISO 32000-2 table 257).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// No changes at all.
    NoChanges,
    /// Filling in forms and signing.
    FormFilling,
    /// That, and annotations.
    Annotations,
}

/// What goes into the signature besides the document.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// Signing time as claimed in `/M`; CMS carries none in PAdES (EN 319 142-1 6.3).
    pub signing_time: UnixTime,
    /// Full name of the field: an empty one that is there, or a new one. Without it the first
    /// free `Signature1`, `Signature2`, …
    pub field: Option<String>,
    /// `/Reason`. Not together with a commitment type (EN 319 142-1 6.3).
    pub reason: Option<String>,
    /// `/Location`.
    pub location: Option<String>,
    /// `/ContactInfo`.
    pub contact: Option<String>,
    /// Makes it a certifying signature, which must be the first of the document.
    pub certify: Option<Permission>,
    /// Certificates to embed besides the signing one: its path.
    pub chain: Vec<Certificate>,
    /// Attributes that CAdES shares: commitment type and policy.
    pub commitment: Option<cades::CommitmentType>,
    /// Signature policy.
    pub policy: Option<cades::PolicyIdentifier>,
}

/// A signature that waits for its value.
pub struct Prepared {
    update: Vec<u8>,
    /// The hexadecimal digits between the angle brackets, in `update`.
    digits: Range<usize>,
    cms: cades::Prepared,
    field: String,
}

impl Parameters {
    /// Parameters with nothing but a time.
    pub fn new(signing_time: UnixTime) -> Self {
        Self {
            signing_time,
            field: None,
            reason: None,
            location: None,
            contact: None,
            certify: None,
            chain: Vec::new(),
            commitment: None,
            policy: None,
        }
    }
}

impl Prepared {
    /// Name of the field that is signed.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Puts the signature value in; returns the octets to append to the file.
    ///
    /// # Errors
    /// The value does not fit the room, which only a value of another algorithm can do.
    pub fn finish(self, signature: &[u8]) -> Result<Vec<u8>, PadesError> {
        let cms = self.cms.finish(signature)?;
        let mut update = self.update;
        let room = update.get_mut(self.digits).unwrap_or_default();
        if cms.len() * 2 > room.len() {
            return Err(PadesError::new(
                PadesErrorKind::Misuse,
                format!(
                    "signature of {} octets does not fit the {} octets kept for it",
                    cms.len(),
                    room.len() / 2
                ),
            ));
        }
        let (pairs, _) = room.as_chunks_mut::<2>();
        for (pair, octet) in pairs.iter_mut().zip(cms) {
            *pair = hex_pair(octet);
        }
        Ok(update)
    }
}

/// Signs the document: [`prepare`], the key, [`Prepared::finish`]. The file's own octets go to
/// `copy` as they are read; what is returned belongs after them.
///
/// # Errors
/// As [`prepare`], and the key's own.
pub fn sign<S: ReadAt>(
    source: &S,
    copy: &mut dyn Write,
    key: &dyn SigningKey,
    certificate: &Certificate,
    parameters: &Parameters,
) -> Result<Vec<u8>, PadesError> {
    let algorithm = cades::algorithm_for(key, certificate)?;
    let (prepared, tbs) = prepare(source, copy, certificate, algorithm, parameters)?;
    prepared.finish(&key.sign(tbs.algorithm, &tbs.bytes)?)
}

/// Builds the update with room for the signature, copies the file's octets to `copy`
/// ([`std::io::sink`] where nobody needs them) while hashing them, and hands out what is to be signed.
///
/// # Errors
/// * [`PadesErrorKind::Pdf`]: not a PDF, broken beyond what readers tolerate, or a limit.
/// * [`PadesErrorKind::Encrypted`]: the document is encrypted.
/// * [`PadesErrorKind::Locked`]: an earlier signature forbids it; the message names it.
/// * [`PadesErrorKind::Field`]: the field is signed already, is no signature field, or cannot be made.
/// * [`PadesErrorKind::Io`]: reading or copying failed.
/// * [`PadesErrorKind::Signature`]: key, certificate and attributes do not go together.
pub fn prepare<S: ReadAt>(
    source: &S,
    copy: &mut dyn Write,
    certificate: &Certificate,
    algorithm: SignatureAlgorithm,
    parameters: &Parameters,
) -> Result<(Prepared, ToBeSigned), PadesError> {
    if parameters.reason.is_some() && parameters.commitment.is_some() {
        return Err(PadesError::new(
            PadesErrorKind::Misuse,
            "reason and commitment type exclude each other (EN 319 142-1 6.3)",
        ));
    }
    let document = Document::open(source)?;
    if document.encrypted() {
        return Err(PadesError::new(
            PadesErrorKind::Encrypted,
            "document is encrypted: a signature would cover what no one can read without the key",
        ));
    }
    let attributes = cades::SignatureParameters {
        signing_time: None,
        commitment: parameters.commitment,
        policy: parameters.policy.clone(),
        certificates: parameters.chain.clone(),
        ..cades::SignatureParameters::default()
    };
    let room = cades::max_len(certificate, algorithm, &attributes)?;
    let built = Build::new(&document, parameters)?.finish(room)?;
    let digest = hash(source, copy, &built, algorithm)?;
    let (cms, tbs) = cades::prepare_signature(&digest, certificate, algorithm, &attributes)?;
    let prepared = Prepared {
        update: built.update,
        digits: built.digits,
        cms,
        field: built.field,
    };
    Ok((prepared, tbs))
}

/// An update whose `/ByteRange` is filled in and whose `/Contents` are zeros.
struct Built {
    update: Vec<u8>,
    digits: Range<usize>,
    field: String,
}

/// What is needed to put the update together.
struct Build<'d> {
    document: &'d Document<'d>,
    view: View<'d>,
    parameters: &'d Parameters,
    catalog_at: Reference,
    catalog: Dict,
    form: Form,
}

impl<'d> Build<'d> {
    fn new(document: &'d Document<'d>, parameters: &'d Parameters) -> Result<Self, PadesError> {
        let view = document.current();
        let catalog_at = view.root()?;
        let catalog = view.catalog()?;
        let form = Form::read(view, &catalog)?;
        Ok(Self {
            document,
            view,
            parameters,
            catalog_at,
            catalog,
            form,
        })
    }

    fn finish(mut self, room: usize) -> Result<Built, PadesError> {
        let name = self.field_name()?;
        let existing = self.form.field(&name).cloned();
        if let Some(field) = &existing {
            self.check_field(field)?;
        }
        self.check_restrictions(&name)?;

        let mut update = Update::new(self.document)?;
        let signature_at = update.allocate()?;
        let lock = match &existing {
            Some(field) => field.lock(self.view)?,
            None => None,
        };
        let (value, byte_range, digits) = self.signature_dictionary(room, lock);
        update.put_raw(signature_at, value)?;

        match existing {
            Some(field) => self.fill_field(&mut update, field, signature_at)?,
            None => self.add_field(&mut update, &name, signature_at)?,
        }
        if self.parameters.certify.is_some() {
            let mut perms = Dict::new();
            perms.set("DocMDP", signature_at);
            self.catalog.set("Perms", perms);
            update.put(self.catalog_at, &Object::Dict(self.catalog.clone()))?;
        }
        let appended = update.finish(&file_identifier(self.document, self.parameters))?;
        let placed = appended.placed(signature_at).ok_or_else(|| {
            PadesError::new(
                PadesErrorKind::Pdf,
                "the signature dictionary was not placed",
            )
        })?;
        let base = placed.start.saturating_sub(appended.start);
        let base = usize::try_from(base).unwrap_or(usize::MAX);
        place(
            appended.start,
            appended.bytes,
            base,
            byte_range,
            digits,
            name,
        )
    }

    /// The name that was asked for, or the first free one.
    fn field_name(&self) -> Result<String, PadesError> {
        if let Some(name) = &self.parameters.field {
            let bad = |why| {
                Err(PadesError::new(
                    PadesErrorKind::Field,
                    format!("field name \"{name}\" {why}"),
                ))
            };
            if name.is_empty() {
                return bad("is empty");
            }
            if self.form.field(name).is_none() && name.contains('.') {
                return bad(
                    "has a dot, which separates the parts of a name, and there is no such field",
                );
            }
            return Ok(name.clone());
        }
        let taken = |n: &String| self.form.field(n).is_some();
        (1u32..)
            .map(|n| format!("Signature{n}"))
            .find(|n| !taken(n))
            .ok_or_else(|| {
                PadesError::new(PadesErrorKind::Field, "no free name for a signature field")
            })
    }

    fn check_field(&self, field: &Field) -> Result<(), PadesError> {
        let refuse = |why: String| {
            Err(PadesError::new(
                PadesErrorKind::Field,
                format!("field \"{}\" {why}", field.name),
            ))
        };
        if field.kind != b"Sig" {
            let kind = String::from_utf8_lossy(&field.kind).into_owned();
            return refuse(format!("is of type {kind}, not Sig"));
        }
        if field.is_signed(self.view)? {
            return refuse("is signed already".to_owned());
        }
        if field.reference.is_none() {
            return refuse("is not an indirect object".to_owned());
        }
        // A mandatory seed value that cannot be kept would make the signature invalid to readers.
        if let Some(seed) = field.dict.get("SV") {
            let seed = self.view.resolve(seed)?;
            if let Some(seed) = seed.as_dict() {
                return self.check_seed(field, seed);
            }
        }
        Ok(())
    }

    /// Mandatory seed values (ISO 32000-2 table 237): those that are kept pass, others are refused.
    fn check_seed(&self, field: &Field, seed: &Dict) -> Result<(), PadesError> {
        let flags = seed.get("Ff").and_then(Object::as_integer).unwrap_or(0);
        let mandatory = |bit: u32| flags & (1i64 << bit) != 0;
        let refuse = |what: &str| {
            Err(PadesError::new(
                PadesErrorKind::Field,
                format!(
                    "field \"{}\" demands {what}, which this signature does not have",
                    field.name
                ),
            ))
        };
        let list = |key: &str| -> Result<Vec<Object>, PadesError> {
            let value = seed.get(key).map(|v| self.view.resolve(v)).transpose()?;
            Ok(value
                .as_ref()
                .and_then(Object::as_array)
                .unwrap_or_default()
                .to_vec())
        };
        if mandatory(0)
            && seed
                .get("Filter")
                .is_some_and(|f| f.as_name() != Some(b"Adobe.PPKLite"))
        {
            return refuse("another signature handler (Filter)");
        }
        let cades: &[u8] = b"ETSI.CAdES.detached";
        if mandatory(1)
            && !list("SubFilter")?
                .iter()
                .any(|s| s.as_name() == Some(cades))
        {
            return refuse("another form of signature (SubFilter)");
        }
        if mandatory(3) {
            let reasons = list("Reasons")?;
            let reason = self.parameters.reason.as_deref().unwrap_or_default();
            let known = |r: &Object| {
                r.as_string()
                    .is_some_and(|s| text::decode(&s.bytes) == reason)
            };
            if !reasons.iter().any(known) {
                let wanted: Vec<String> = reasons
                    .iter()
                    .filter_map(Object::as_string)
                    .map(|s| format!("\"{}\"", text::decode(&s.bytes)))
                    .collect();
                return refuse(&format!("one of the reasons {}", wanted.join(", ")));
            }
        }
        if mandatory(6) {
            let digests = list("DigestMethod")?;
            if !digests
                .iter()
                .any(|d| d.as_string().is_some_and(|s| s.bytes == b"SHA256"))
            {
                return refuse("another digest (DigestMethod)");
            }
        }
        if seed
            .get("Cert")
            .is_some_and(|c| c.as_dict().is_some_and(|c| c.get("Ff").is_some()))
        {
            return refuse("a certain certificate (Cert)");
        }
        Ok(())
    }

    /// What earlier signatures forbid.
    fn check_restrictions(&self, name: &str) -> Result<(), PadesError> {
        let mut signed = false;
        for field in self.form.signature_fields() {
            let Some(value) = &field.value else { continue };
            let resolved = self.view.resolve(value)?;
            let Some(signature) = resolved.as_dict() else {
                continue;
            };
            signed = true;
            let locked = |why: String| {
                Err(PadesError::new(
                    PadesErrorKind::Locked,
                    format!(
                        "document is locked by the signature in field \"{}\": {why}",
                        field.name
                    ),
                ))
            };
            let restriction = Restriction::of(self.view, field, signature)?;
            if restriction.permission == Some(1) {
                return locked("it allows no changes (P 1), so no further signature".to_owned());
            }
            if restriction.locked.iter().any(|s| s.covers(name)) {
                return locked(format!("it locks field \"{name}\""));
            }
        }
        if signed && self.parameters.certify.is_some() {
            return Err(PadesError::new(
                PadesErrorKind::Locked,
                "document is signed already: only the first signature can certify it",
            ));
        }
        Ok(())
    }

    /// The dictionary as octets, with the places of `/ByteRange`'s numbers and of the digits.
    fn signature_dictionary(
        &self,
        room: usize,
        lock: Option<(Scope, Option<u8>)>,
    ) -> (Vec<u8>, Range<usize>, Range<usize>) {
        let p = self.parameters;
        let mut out = Vec::with_capacity(room * 2 + 512);
        out.extend(b"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/ByteRange[0");
        let range_at = out.len();
        // Three numbers of up to 19 digits each with a space before.
        out.extend([b' '; 60]);
        let byte_range = range_at..out.len();
        out.extend(b"]/Contents<");
        let digits_at = out.len();
        out.resize(digits_at + room * 2, b'0');
        let digits = digits_at..out.len();
        out.push(b'>');
        let mut rest = Dict::new();
        rest.set("M", Object::literal(text::date(p.signing_time)));
        for (key, value) in [
            ("Reason", &p.reason),
            ("Location", &p.location),
            ("ContactInfo", &p.contact),
        ] {
            if let Some(value) = value {
                rest.set(key, Object::literal(text::encode(value)));
            }
        }
        let mut references = Vec::new();
        if let Some(permission) = p.certify {
            let mut transform = Dict::new();
            transform.set("Type", Object::name("TransformParams"));
            transform.set("V", Object::name("1.2"));
            transform.set("P", i64::from(permission.number()));
            references.push(self.reference("DocMDP", transform));
        }
        if let Some((scope, permission)) = lock {
            let mut transform = Dict::new();
            transform.set("Type", Object::name("TransformParams"));
            transform.set("V", Object::name("1.2"));
            let (action, names) = match scope {
                Scope::All => ("All", Vec::new()),
                Scope::Include(names) => ("Include", names),
                Scope::Exclude(names) => ("Exclude", names),
            };
            transform.set("Action", Object::name(action));
            if !names.is_empty() {
                let strings = names
                    .iter()
                    .map(|n| Object::literal(text::encode(n)))
                    .collect();
                transform.set("Fields", Object::Array(strings));
            }
            if let Some(permission) = permission {
                transform.set("P", i64::from(permission));
            }
            references.push(self.reference("FieldMDP", transform));
        }
        if !references.is_empty() {
            rest.set("Reference", Object::Array(references));
        }
        for entry in rest.entries() {
            crate::pdf::write_object(&mut out, &Object::Name(entry.key.clone()));
            crate::pdf::write_object(&mut out, &entry.value);
        }
        out.extend(b">>");
        (out, byte_range, digits)
    }

    fn reference(&self, method: &str, parameters: Dict) -> Object {
        let mut reference = Dict::new();
        reference.set("Type", Object::name("SigRef"));
        reference.set("TransformMethod", Object::name(method));
        reference.set("TransformParams", parameters);
        // ISO 32000-2 table 256: required for FieldMDP; readers look for it in both.
        reference.set("Data", self.catalog_at);
        Object::Dict(reference)
    }

    fn fill_field(
        &mut self,
        update: &mut Update<'_>,
        field: Field,
        signature_at: Reference,
    ) -> Result<(), PadesError> {
        let Some(at) = field.reference else {
            return Ok(());
        };
        let mut dict = field.dict;
        dict.set("V", signature_at);
        update.put(at, &Object::Dict(dict))?;
        self.mark_form(update, None)
    }

    /// A new field that is its own widget, without appearance, on the first page.
    fn add_field(
        &mut self,
        update: &mut Update<'_>,
        name: &str,
        signature_at: Reference,
    ) -> Result<(), PadesError> {
        let page = self.view.page(0)?;
        let page_at = page.reference;
        let field_at = update.allocate()?;
        let mut field = Dict::new();
        field.set("Type", Object::name("Annot"));
        field.set("Subtype", Object::name("Widget"));
        field.set("FT", Object::name("Sig"));
        field.set(
            "T",
            Object::String(PdfString {
                bytes: text::encode(name),
                hex: false,
            }),
        );
        field.set("V", signature_at);
        field.set("Rect", Object::Array(vec![Object::Integer(0); 4]));
        // Print and Locked: PDF/A asks for the first, the second keeps it from being moved.
        field.set("F", 132i64);
        field.set("P", page_at);
        update.put(field_at, &Object::Dict(field))?;

        let mut dict = page.dict.clone();
        match dict.get("Annots").cloned() {
            Some(Object::Ref(at)) => {
                let mut annotations = array(&self.view.follow(at)?);
                annotations.push(field_at.into());
                update.put(at, &Object::Array(annotations))?;
            }
            annotations => {
                let mut annotations = annotations.as_ref().map(array).unwrap_or_default();
                annotations.push(field_at.into());
                dict.set("Annots", Object::Array(annotations));
                update.put(page_at, &Object::Dict(dict))?;
            }
        }
        self.mark_form(update, Some(field_at))
    }

    /// `/SigFlags` and, for a new field, `/Fields` of the form, wherever these stand.
    fn mark_form(
        &mut self,
        update: &mut Update<'_>,
        new_field: Option<Reference>,
    ) -> Result<(), PadesError> {
        let mut form = self.form.dict.clone();
        let mut changed = false;
        // SignaturesExist and AppendOnly.
        if form.get("SigFlags").and_then(Object::as_integer) != Some(3) {
            form.set("SigFlags", 3i64);
            changed = true;
        }
        if let Some(field_at) = new_field {
            match form.get("Fields").cloned() {
                Some(Object::Ref(at)) => {
                    let mut fields = array(&self.view.follow(at)?);
                    fields.push(field_at.into());
                    update.put(at, &Object::Array(fields))?;
                }
                fields => {
                    let mut fields = fields.as_ref().map(array).unwrap_or_default();
                    fields.push(field_at.into());
                    form.set("Fields", Object::Array(fields));
                    changed = true;
                }
            }
        }
        if !changed {
            return Ok(());
        }
        match self.form.reference {
            Some(at) => update.put(at, &Object::Dict(form))?,
            None => {
                self.catalog.set("AcroForm", form);
                update.put(self.catalog_at, &Object::Dict(self.catalog.clone()))?;
            }
        }
        Ok(())
    }
}

impl Permission {
    /// `/P`.
    fn number(self) -> u8 {
        match self {
            Self::NoChanges => 1,
            Self::FormFilling => 2,
            Self::Annotations => 3,
        }
    }
}

fn array(object: &Object) -> Vec<Object> {
    object
        .as_array()
        .map(<[Object]>::to_vec)
        .unwrap_or_default()
}

/// The second part of the file identifier (ISO 32000-2 14.4): another for every update.
fn file_identifier(document: &Document<'_>, parameters: &Parameters) -> [u8; 16] {
    let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
    hasher.update(&document.len().to_be_bytes());
    hasher.update(&parameters.signing_time.seconds().to_be_bytes());
    if let Some(name) = &parameters.field {
        hasher.update(name.as_bytes());
    }
    if let Some(Object::Array(parts)) = document.trailer().get("ID") {
        for part in parts.iter().filter_map(Object::as_string) {
            hasher.update(&part.bytes);
        }
    }
    let digest = hasher.finish();
    digest.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// Fills in `/ByteRange`, now that every offset is known.
fn place(
    file_len: u64,
    mut update: Vec<u8>,
    base: usize,
    byte_range: Range<usize>,
    digits: Range<usize>,
    field: String,
) -> Result<Built, PadesError> {
    let wide = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let digits = base + digits.start..base + digits.end;
    let first = file_len.saturating_add(wide(digits.start - 1));
    let second = file_len.saturating_add(wide(digits.end + 1));
    let rest = wide(update.len()).saturating_sub(wide(digits.end + 1));
    let numbers = format!(" {first} {second} {rest}");
    let slot = update
        .get_mut(base + byte_range.start..base + byte_range.end)
        .filter(|s| s.len() >= numbers.len())
        .ok_or_else(|| PadesError::new(PadesErrorKind::Pdf, "no room for /ByteRange"))?;
    slot.iter_mut()
        .zip(numbers.bytes())
        .for_each(|(to, from)| *to = from);
    Ok(Built {
        update,
        digits,
        field,
    })
}

/// One pass: copies the file to `copy` and hashes it, then the update around its room.
fn hash<S: ReadAt>(
    source: &S,
    copy: &mut dyn Write,
    built: &Built,
    algorithm: SignatureAlgorithm,
) -> Result<Digest, PadesError> {
    let mut hasher = Hasher::new(algorithm.digest());
    match source.as_slice() {
        Some(all) => {
            hasher.update(all);
            copy.write_all(all)
                .map_err(|e| PadesError::io("the copy cannot be written", &e))?;
        }
        None => {
            let mut buffer = vec![0; BLOCK];
            let mut at = 0u64;
            while at < source.len() {
                let left = usize::try_from(source.len().saturating_sub(at)).unwrap_or(BLOCK);
                let part = buffer.get_mut(..left.min(BLOCK)).unwrap_or_default();
                source
                    .read_exact_at(at, part)
                    .map_err(|e| PadesError::io("the document cannot be read", &e))?;
                hasher.update(part);
                copy.write_all(part)
                    .map_err(|e| PadesError::io("the copy cannot be written", &e))?;
                at = at.saturating_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
            }
        }
    }
    let around = |range: Range<usize>| built.update.get(range).unwrap_or_default();
    hasher.update(around(0..built.digits.start - 1));
    hasher.update(around(built.digits.end + 1..built.update.len()));
    Ok(hasher.finish())
}

fn hex_pair(octet: u8) -> [u8; 2] {
    let digit = |n: u8| if n < 10 { b'0' + n } else { b'a' + n - 10 };
    [digit(octet >> 4), digit(octet & 15)]
}
