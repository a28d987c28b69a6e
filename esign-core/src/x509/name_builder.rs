use core::fmt;

use crate::oid::ObjectIdentifier;

use super::Name;
use super::name::KEYWORDS;
use crate::der::{Tag, Writer};
use crate::oid;

/// Builds a name, most general attribute first, one attribute in each relative name.
#[derive(Clone, Debug, Default)]
pub struct NameBuilder {
    attributes: Vec<(ObjectIdentifier, String)>,
}

/// Something that was to be built is not allowed by its syntax. The message names the field, the
/// rule and the value.
#[derive(Clone, PartialEq, Eq)]
pub struct BuildError {
    message: String,
}

impl BuildError {
    /// An error with its message.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for BuildError {}

impl NameBuilder {
    /// No attributes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an attribute.
    #[must_use]
    pub fn with(mut self, oid: ObjectIdentifier, text: impl Into<String>) -> Self {
        self.attributes.push((oid, text.into()));
        self
    }

    /// Parses RFC 4514 text, `CN=…,O=…,C=AZ`, most specific first; keywords in any case, dotted
    /// identifiers, `\` escapes. Spaces around `,` and `=` are skipped.
    ///
    /// # Errors
    /// No `=`, an unknown keyword, a broken escape; `+` and `#hex` values, which are not built.
    pub fn parse(text: &str) -> Result<Self, BuildError> {
        let mut attributes = Vec::new();
        for part in split_unescaped(text) {
            let (keyword, value) = part.split_once('=').ok_or_else(|| {
                BuildError::new(format!("subject: \"{}\" has no \"=\"", part.trim()))
            })?;
            let keyword = keyword.trim();
            let oid = KEYWORDS
                .iter()
                .find(|(k, _)| k.eq_ignore_ascii_case(keyword))
                .map(|(_, o)| *o)
                .or_else(|| ObjectIdentifier::new(keyword).ok())
                .ok_or_else(|| {
                    BuildError::new(format!("subject: attribute \"{keyword}\" is not known"))
                })?;
            attributes.push((oid, unescape(value)?));
        }
        attributes.reverse();
        Ok(Self { attributes })
    }

    /// The name.
    ///
    /// # Errors
    /// A value that is empty, longer than the upper bound of X.520 (RFC 5280 appendix A.1), or
    /// not made of the characters of its string type.
    pub fn build(&self) -> Result<Name, BuildError> {
        let mut w = Writer::with_capacity(128);
        let mut result = Ok(());
        w.sequence(|w| {
            for (oid, text) in &self.attributes {
                let tag = match checked(*oid, text) {
                    Ok(tag) => tag,
                    Err(e) => {
                        result = Err(e);
                        return;
                    }
                };
                w.nested(Tag::SET, |w| {
                    w.sequence(|w| {
                        w.oid(*oid);
                        w.tlv(tag, text.as_bytes());
                    });
                });
            }
        });
        result?;
        Name::from_der(&w.finish()).map_err(|e| BuildError::new(e.to_string()))
    }
}

/// String type of an attribute's value, after checking the value.
fn checked(attribute: ObjectIdentifier, text: &str) -> Result<Tag, BuildError> {
    let keyword = KEYWORDS
        .iter()
        .find(|(_, o)| *o == attribute)
        .map_or_else(|| attribute.to_string(), |(k, _)| (*k).to_owned());
    let count = text.chars().count();
    let max = match attribute {
        oid::COUNTRY => 2,
        oid::COMMON_NAME
        | oid::ORGANIZATION
        | oid::ORGANIZATIONAL_UNIT
        | oid::SERIAL_NUMBER
        | oid::TITLE => 64,
        oid::LOCALITY | oid::STATE | oid::PSEUDONYM => 128,
        oid::EMAIL_ADDRESS => 255,
        _ => 32_768,
    };
    if text.trim().is_empty() {
        return Err(BuildError::new(format!("{keyword}: value is empty")));
    }
    if count > max {
        return Err(BuildError::new(format!(
            "{keyword}: {count} characters, at most {max} are allowed"
        )));
    }
    if text.chars().any(char::is_control) {
        return Err(BuildError::new(format!(
            "{keyword}: value has control characters"
        )));
    }
    match attribute {
        oid::COUNTRY | oid::SERIAL_NUMBER => {
            let printable = |c: char| c.is_ascii_alphanumeric() || " '()+,-./:=?".contains(c);
            if let Some(c) = text.chars().find(|&c| !printable(c)) {
                return Err(BuildError::new(format!(
                    "{keyword}: \"{c}\" is not in PrintableString"
                )));
            }
            let country = count == 2 && text.bytes().all(|b| b.is_ascii_uppercase());
            if attribute == oid::COUNTRY && !country {
                return Err(BuildError::new(format!(
                    "{keyword}: \"{text}\" is not a two-letter country code in capitals"
                )));
            }
            Ok(Tag::PRINTABLE_STRING)
        }
        oid::EMAIL_ADDRESS | oid::DOMAIN_COMPONENT => {
            if text.is_ascii() {
                Ok(Tag::IA5_STRING)
            } else {
                Err(BuildError::new(format!(
                    "{keyword}: \"{text}\" is not ASCII"
                )))
            }
        }
        _ => Ok(Tag::UTF8_STRING),
    }
}

/// Splits at commas (and semicolons) that no backslash stands before.
fn split_unescaped(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (i, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' | ';' => {
                parts.push(text.get(start..i).unwrap_or_default());
                start = i + 1;
            }
            _ => {}
        }
    }
    let last = text.get(start..).unwrap_or_default();
    if !(parts.is_empty() && last.trim().is_empty()) {
        parts.push(last);
    }
    parts
}

fn unescape(value: &str) -> Result<String, BuildError> {
    let broken = || BuildError::new(format!("subject: broken escape in \"{value}\""));
    let trimmed = value.trim_start();
    if trimmed.starts_with('#') {
        return Err(BuildError::new(format!(
            "subject: \"{trimmed}\" is given in hexadecimal, which is not built"
        )));
    }
    let mut out: Vec<u8> = Vec::with_capacity(value.len());
    // Trailing spaces that are not escaped do not count.
    let mut keep = 0;
    let mut chars = trimmed.chars();
    while let Some(c) = chars.next() {
        let mut buffer = [0; 4];
        match c {
            '\\' => {
                let next = chars.next().ok_or_else(broken)?;
                match next.to_digit(16) {
                    Some(high) => {
                        let low = chars
                            .next()
                            .and_then(|c| c.to_digit(16))
                            .ok_or_else(broken)?;
                        out.push(u8::try_from(high * 16 + low).map_err(|_| broken())?);
                    }
                    None => out.extend_from_slice(next.encode_utf8(&mut buffer).as_bytes()),
                }
                keep = out.len();
            }
            '+' => {
                return Err(BuildError::new(
                    "subject: several attributes joined by \"+\" are not built; write \"\\+\" for the character",
                ));
            }
            c => {
                out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
                if c != ' ' {
                    keep = out.len();
                }
            }
        }
    }
    out.truncate(keep);
    String::from_utf8(out).map_err(|_| broken())
}
