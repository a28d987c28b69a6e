//! What one machine of the ceremony makes for the other: a text to be read, carried and compared.
//!
//! All of its words are made from what it holds, and made again when it is read: a paper whose words
//! say something else than its objects is refused.

use std::fmt::{self, Write};
use std::path::Path;

use esign_core::crl::Crl;
use esign_core::x509::{Certificate, Request, pem_blocks, to_pem};

use crate::error::{CentreError, CentreErrorKind};
use crate::files::{self, Secrecy};
use crate::ids::{Digest, KeyId};

/// Which paper it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// The root's certificate and its first list.
    Root,
    /// The request of an issuing authority.
    Request,
    /// The certificate of the issuing authority, that of the root and its list.
    Issuing,
    /// A list of the root.
    List,
}

impl Step {
    const ALL: [Self; 4] = [Self::Root, Self::Request, Self::Issuing, Self::List];

    const fn title(self) -> &'static str {
        match self {
            Self::Root => "CEREMONY, PAPER 1: THE ROOT",
            Self::Request => "CEREMONY, PAPER 2: REQUEST OF THE ISSUING AUTHORITY",
            Self::Issuing => "CEREMONY, PAPER 3: CERTIFICATE OF THE ISSUING AUTHORITY",
            Self::List => "LIST OF THE ROOT",
        }
    }

    /// The PEM blocks in their order.
    const fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Root => &[CERTIFICATE, LIST],
            Self::Request => &[REQUEST],
            Self::Issuing => &[CERTIFICATE, CERTIFICATE, LIST],
            Self::List => &[LIST],
        }
    }
}

const CERTIFICATE: &str = "CERTIFICATE";
const REQUEST: &str = "CERTIFICATE REQUEST";
const LIST: &str = "X509 CRL";
const PLAN: &str = "Plan:";
/// Largest paper that is read: a list of a root has a few entries.
pub(super) const MAX_PAPER: usize = 1 << 20;

/// SHA-256 of what a paper holds: its plan's digest and its objects, in their order. Shown in groups of four.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fingerprint(Digest);

/// Least number of symbols that are compared: 128 bits, so that nobody makes another object with the
/// same beginning.
const LEAST: usize = 32;

impl Fingerprint {
    /// Whether `typed`, in any case and with any spaces, is this fingerprint or at least the first eight
    /// groups of it.
    pub fn is(&self, typed: &str) -> bool {
        let typed: String = typed
            .chars()
            .filter(|c| !c.is_whitespace())
            .flat_map(char::to_uppercase)
            .collect();
        typed.len() >= LEAST && self.hex().starts_with(&typed)
    }

    fn hex(&self) -> String {
        self.0.0.iter().fold(String::new(), |mut hex, octet| {
            let _ = write!(hex, "{octet:02X}");
            hex
        })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, symbol) in self.hex().chars().enumerate() {
            match n {
                0 => {}
                32 => f.write_str("\n    ")?,
                n if n % 4 == 0 => f.write_char(' ')?,
                _ => {}
            }
            f.write_char(symbol)?;
        }
        Ok(())
    }
}

/// A paper of the ceremony.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Paper {
    step: Step,
    /// Digest of the plan; a list has none.
    plan: Option<Digest>,
    /// DER, as many as the step has.
    objects: Vec<Vec<u8>>,
}

impl Paper {
    pub(super) fn new(step: Step, plan: Option<Digest>, objects: Vec<Vec<u8>>) -> Self {
        Self {
            step,
            plan,
            objects,
        }
    }

    /// Reads a paper of this step; `name` is what errors call it by.
    ///
    /// # Errors
    /// It is another paper or none, an object in it cannot be read, or its words are not those of its
    /// objects.
    pub fn read(name: &str, text: &str, step: Step) -> Result<Self, CentreError> {
        let wrong =
            |what: &dyn fmt::Display| CentreError::new(CentreErrorKind::Request, name, what);
        if text.len() > MAX_PAPER {
            return Err(wrong(&format_args!("is larger than {MAX_PAPER} octets")));
        }
        // What a mail program or an editor does to line ends changes nothing.
        let text = text.replace("\r\n", "\n");
        let title = text.lines().next().unwrap_or_default();
        if title != step.title() {
            let known = Step::ALL.iter().any(|step| step.title() == title);
            let found = if known {
                title
            } else {
                "no paper of the ceremony"
            };
            return Err(wrong(&format_args!(
                "is {found}; needed is {}",
                step.title()
            )));
        }
        let plan = match text.lines().find_map(|line| line.strip_prefix(PLAN)) {
            None => None,
            Some(hex) => Some(
                Digest::parse(hex.trim()).ok_or_else(|| wrong(&"names no digest of its plan"))?,
            ),
        };
        let mut objects = Vec::new();
        let blocks =
            pem_blocks(text.as_bytes(), &[CERTIFICATE, REQUEST, LIST]).map_err(|e| wrong(&e))?;
        let wanted = step.labels();
        if blocks.len() != wanted.len() {
            return Err(wrong(&format_args!(
                "holds {} objects, not {}",
                blocks.len(),
                wanted.len()
            )));
        }
        objects.extend(blocks);
        let paper = Self::new(step, plan, objects);
        let made = paper.text()?;
        if made.trim_end() != text.trim_end() {
            let differs = made
                .lines()
                .zip(text.lines())
                .find(|(made, found)| made != found)
                .map_or(String::new(), |(made, found)| {
                    format!(": it says \"{found}\", its objects \"{made}\"")
                });
            return Err(wrong(&format_args!(
                "its words are not those of its objects{differs}"
            )));
        }
        Ok(paper)
    }

    /// The text.
    ///
    /// # Errors
    /// One of its objects cannot be read.
    pub fn text(&self) -> Result<String, CentreError> {
        let mut text = format!("{}\n\n", self.step.title());
        if let Some(Digest(plan)) = &self.plan {
            let hex = Fingerprint(Digest(*plan)).hex();
            let _ = writeln!(text, "{PLAN:15}{hex}");
        }
        for (label, der) in self.step.labels().iter().zip(&self.objects) {
            text.push('\n');
            text.push_str(&words(label, der)?);
        }
        let _ = write!(
            text,
            "\nFingerprint (SHA-256), to be read out and compared:\n\n    {}\n\n",
            self.fingerprint()
        );
        for (label, der) in self.step.labels().iter().zip(&self.objects) {
            text.push_str(&to_pem(label, der));
        }
        Ok(text)
    }

    /// Writes the text to a file that is not there yet, or holds it already.
    ///
    /// # Errors
    /// There is another file; it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), CentreError> {
        let text = self.text()?;
        if path.exists() {
            if files::read(path)? == text.as_bytes() {
                return Ok(());
            }
            return Err(CentreError::new(
                CentreErrorKind::Exists,
                path.display(),
                "is another file; nothing is overwritten",
            ));
        }
        files::write(path, text.as_bytes(), Secrecy::Public)
    }

    /// The fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut octets = self.plan.map_or(Vec::new(), |Digest(plan)| plan.to_vec());
        for der in &self.objects {
            octets.extend_from_slice(der);
        }
        Fingerprint(Digest::of(&octets))
    }

    /// The digest of the plan that it follows.
    pub fn plan(&self) -> Option<Digest> {
        self.plan
    }

    fn object(&self, n: usize) -> &[u8] {
        self.objects.get(n).map_or(&[], Vec::as_slice)
    }

    /// The `n`th object, a certificate.
    pub(super) fn certificate(&self, n: usize) -> Result<Certificate, CentreError> {
        Certificate::from_der(self.object(n)).map_err(|e| unreadable(CERTIFICATE, &e))
    }

    /// The `n`th object, a list.
    pub(super) fn list(&self, n: usize) -> Result<Crl, CentreError> {
        Crl::from_der(self.object(n)).map_err(|e| unreadable(LIST, &e))
    }

    /// The `n`th object, a request.
    pub(super) fn request(&self, n: usize) -> Result<Request, CentreError> {
        Request::from_der(self.object(n)).map_err(|e| unreadable(REQUEST, &e))
    }
}

fn unreadable(label: &str, error: &dyn fmt::Display) -> CentreError {
    CentreError::new(
        CentreErrorKind::Request,
        format_args!("{label} in the paper"),
        error,
    )
}

/// What an object says, a line each.
fn words(label: &str, der: &[u8]) -> Result<String, CentreError> {
    let mut text = String::new();
    let mut line = |name: &str, value: &dyn fmt::Display| {
        let _ = writeln!(text, "{name:15}{value}");
    };
    match label {
        CERTIFICATE => {
            let one = Certificate::from_der(der).map_err(|e| unreadable(label, &e))?;
            line("Certificate:", one.subject());
            line("  issued by:", one.issuer());
            line("  serial:", one.serial());
            line("  valid from:", &one.not_before());
            line("  valid until:", &one.not_after());
            if let Ok(key) = one.public_key() {
                line("  key:", &key.algorithm());
            }
            line("  key id:", &KeyId::of_spki(one.spki_der()));
        }
        REQUEST => {
            let one = Request::from_der(der).map_err(|e| unreadable(label, &e))?;
            let key = one.public_key().map_err(|e| unreadable(label, &e))?;
            line("Request of:", one.subject());
            line("  key:", &key.algorithm());
            line("  key id:", &KeyId::of_spki(key.spki()));
        }
        _ => {
            let one = Crl::from_der(der).map_err(|e| unreadable(label, &e))?;
            line("List of:", one.issuer());
            if let Ok(Some(number)) = one.number() {
                line("  number:", &number);
            }
            line("  made:", &one.this_update());
            if let Some(next) = one.next_update() {
                line("  next by:", &next);
            }
            line("  revoked:", &one.len());
            for entry in one.entries() {
                let entry = entry.map_err(|e| unreadable(label, &e))?;
                let said = format_args!(
                    "{} since {}, {}",
                    entry.serial,
                    entry.revocation_date,
                    entry.reason_or_unspecified()
                );
                line("", &said);
            }
        }
    }
    Ok(text)
}
