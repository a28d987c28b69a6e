use core::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::keys::{KeyError, KeyErrorKind, Passphrase};

/// Longest URI that is parsed, in octets. Every attribute of PKCS #11 but `id` is at most 64 octets
/// long; the rest are paths, and 4096 is what Linux takes for one.
pub const MAX_URI: usize = 8192;

/// A parsed `pkcs11:` URI: which module, slot, token and object are meant, and where the PIN is.
///
/// ```text
/// pk11-URI   = "pkcs11:" [ pk11-pattr *( ";" pk11-pattr ) ] [ "?" pk11-qattr *( "&" pk11-qattr ) ]
/// pk11-pattr = token manufacturer serial model library-manufacturer library-version
///              library-description object type id slot-manufacturer slot-description slot-id
/// pk11-qattr = pin-source pin-value module-name module-path
/// ```
///
/// What is absent matches anything. `Display` writes the URI again, without a PIN.
///
/// # Source
/// RFC 7512 2.3 (grammar), 2.4 (attributes). Stricter: an attribute of the path that is not known is
/// refused, since what it narrows down would be ignored; those of the query are kept apart and ignored.
pub struct TokenUri {
    pub(super) wanted: Wanted,
    /// `module-name`: no directory, no suffix.
    module_name: Option<String>,
    /// `module-path`: absolute, the module or the directory that it lies in.
    module_path: Option<PathBuf>,
    pin_source: Option<PathBuf>,
    pin_value: Option<Passphrase>,
    ignored: Vec<String>,
}

/// The path component: what a library, slot, token and object must have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) token: Option<String>,
    pub(super) manufacturer: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) model: Option<String>,
    pub(super) library_manufacturer: Option<String>,
    pub(super) library_description: Option<String>,
    pub(super) library_version: Option<(u8, u8)>,
    pub(super) slot_manufacturer: Option<String>,
    pub(super) slot_description: Option<String>,
    pub(super) slot_id: Option<u64>,
    pub(super) object: Option<String>,
    pub(super) id: Option<Vec<u8>>,
    pub(super) class: Option<ObjectType>,
}

/// What kind of object a URI means (`type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectType {
    /// `cert`.
    Certificate,
    /// `data`.
    Data,
    /// `private`.
    PrivateKey,
    /// `public`.
    PublicKey,
    /// `secret-key`.
    SecretKey,
}

/// Whether `text` is to be read as a `pkcs11:` URI rather than as the name of a file.
pub fn is_token_uri(text: &str) -> bool {
    after_scheme(text).is_some()
}

/// RFC 3986 3.1: the scheme is compared without case.
fn after_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_at_checked("pkcs11:".len())?;
    scheme.eq_ignore_ascii_case("pkcs11:").then_some(rest)
}

impl TokenUri {
    /// Parses a URI.
    ///
    /// # Errors
    /// [`KeyErrorKind::Malformed`] for what is not such a URI, [`KeyErrorKind::Limit`] above
    /// [`MAX_URI`]. The message names the attribute and never repeats the value of `pin-value`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if text.len() > MAX_URI {
            let what = format!(
                "pkcs11 URI: has {} octets, at most {MAX_URI} are read",
                text.len()
            );
            return Err(KeyError::new(KeyErrorKind::Limit, what));
        }
        let rest = after_scheme(text).ok_or_else(|| bad("does not begin with \"pkcs11:\""))?;
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let mut uri = Self {
            wanted: Wanted::default(),
            module_name: None,
            module_path: None,
            pin_source: None,
            pin_value: None,
            ignored: Vec::new(),
        };
        if !path.is_empty() {
            for attribute in path.split(';') {
                let (name, value) = split(attribute)?;
                uri.wanted.take(name, value)?;
            }
        }
        if let Some(query) = query.filter(|query| !query.is_empty()) {
            for attribute in query.split('&') {
                let (name, value) = split(attribute)?;
                uri.take_query(name, value)?;
            }
        }
        if uri.pin_source.is_some() && uri.pin_value.is_some() {
            // RFC 7512 2.4: to be refused as invalid.
            return Err(bad("has both pin-source and pin-value"));
        }
        Ok(uri)
    }

    fn take_query(&mut self, name: &str, value: &str) -> Result<(), KeyError> {
        match name {
            "module-name" => {
                let value = text(name, value, QUERY)?;
                // A name is looked for in the usual directories and must not lead out of them.
                if value.is_empty() || value.contains(['/', '\\', '\0']) || value.starts_with('.') {
                    return Err(bad(&format!(
                        "module-name \"{value}\" is not the name of a module; a path is module-path"
                    )));
                }
                once(&mut self.module_name, name, value)
            }
            "module-path" => {
                let value = PathBuf::from(text(name, value, QUERY)?);
                // A relative one would load whatever lies in the directory one happens to be in.
                if !value.is_absolute() {
                    return Err(bad(&format!(
                        "module-path \"{}\" is not absolute",
                        value.display()
                    )));
                }
                once(&mut self.module_path, name, value)
            }
            "pin-source" => {
                let value = text(name, value, QUERY)?;
                let source = pin_file(&value)?;
                once(&mut self.pin_source, name, source)
            }
            "pin-value" => {
                let octets = octets(name, value, QUERY)?;
                let value = core::str::from_utf8(&octets)
                    .map_err(|_| bad("pin-value is not UTF-8"))?
                    .to_owned();
                once(&mut self.pin_value, name, Passphrase::new(value))
            }
            _ => {
                octets(name, value, QUERY)?;
                self.ignored.push(name.to_owned());
                Ok(())
            }
        }
    }

    /// `module-name`.
    pub fn module_name(&self) -> Option<&str> {
        self.module_name.as_deref()
    }

    /// `module-path`: a module, or a directory with modules.
    pub fn module_path(&self) -> Option<&Path> {
        self.module_path.as_deref()
    }

    /// `pin-source`: the file whose first line is the PIN. The library opens no files: who asks for a
    /// key reads it.
    pub fn pin_source(&self) -> Option<&Path> {
        self.pin_source.as_deref()
    }

    /// Whether the URI carries the PIN itself (`pin-value`), which whoever sees the URI knows.
    pub fn has_pin_value(&self) -> bool {
        self.pin_value.is_some()
    }

    pub(super) fn pin_value(&self) -> Option<&Passphrase> {
        self.pin_value.as_ref()
    }

    /// Attributes of the query that mean nothing here (vendors' own).
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// Whether an object is named, by label, id or type.
    pub fn names_object(&self) -> bool {
        let wanted = &self.wanted;
        wanted.object.is_some() || wanted.id.is_some() || wanted.class.is_some()
    }
}

impl Wanted {
    fn take(&mut self, name: &str, value: &str) -> Result<(), KeyError> {
        let slot = match name {
            "token" => &mut self.token,
            "manufacturer" => &mut self.manufacturer,
            "serial" => &mut self.serial,
            "model" => &mut self.model,
            "library-manufacturer" => &mut self.library_manufacturer,
            "library-description" => &mut self.library_description,
            "slot-manufacturer" => &mut self.slot_manufacturer,
            "slot-description" => &mut self.slot_description,
            "object" => &mut self.object,
            "id" => return once(&mut self.id, name, octets(name, value, PATH)?.to_vec()),
            "library-version" => {
                let version = version(value).ok_or_else(|| {
                    bad(&format!(
                        "library-version \"{}\" is not M or M.N of 0 to 255",
                        value.escape_debug()
                    ))
                })?;
                return once(&mut self.library_version, name, version);
            }
            "slot-id" => {
                let id = digits(value).ok_or_else(|| {
                    bad(&format!(
                        "slot-id \"{}\" is not a decimal number of 64 bits",
                        value.escape_debug()
                    ))
                })?;
                return once(&mut self.slot_id, name, id);
            }
            "type" => {
                let class = ObjectType::ALL
                    .into_iter()
                    .find(|class| class.as_str() == value)
                    .ok_or_else(|| {
                        bad(&format!(
                            "type \"{}\" is not public, private, cert, secret-key or data",
                            value.escape_debug()
                        ))
                    })?;
                return once(&mut self.class, name, class);
            }
            _ => {
                return Err(bad(&format!(
                    "attribute \"{}\" is not known, so nothing can be said to match it",
                    name.escape_debug()
                )));
            }
        };
        once(slot, name, text(name, value, PATH)?)
    }
}

impl ObjectType {
    const ALL: [Self; 5] = [
        Self::Certificate,
        Self::Data,
        Self::PrivateKey,
        Self::PublicKey,
        Self::SecretKey,
    ];

    /// As a URI spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "cert",
            Self::Data => "data",
            Self::PrivateKey => "private",
            Self::PublicKey => "public",
            Self::SecretKey => "secret-key",
        }
    }
}

/// `pk11-res-avail`, and what a component adds to it (RFC 7512 2.3).
const PATH: &str = ":[]@!$'()*+,=&";
const QUERY: &str = ":[]@!$'()*+,=/?|";

fn split(attribute: &str) -> Result<(&str, &str), KeyError> {
    let (name, value) = attribute.split_once('=').ok_or_else(|| {
        bad(if attribute.is_empty() {
            "has an empty attribute"
        } else {
            "has an attribute without \"=\""
        })
    })?;
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(letters) {
        return Err(bad(&format!(
            "\"{}\" is not the name of an attribute",
            name.escape_debug()
        )));
    }
    Ok((name, value))
}

fn once<T>(slot: &mut Option<T>, name: &str, value: T) -> Result<(), KeyError> {
    if slot.replace(value).is_some() {
        return Err(bad(&format!("has {name} twice")));
    }
    Ok(())
}

/// Percent-decodes a value; `more` are the characters that stand for themselves beside the
/// unreserved ones.
fn octets(name: &str, value: &str, more: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    // At most as long as the input: it never grows, and a PIN leaves no copy behind.
    let mut out = Zeroizing::new(Vec::with_capacity(value.len()));
    let mut rest = value.chars();
    while let Some(c) = rest.next() {
        match c {
            '%' => {
                let mut nibble = || rest.next().and_then(|c| c.to_digit(16));
                let octet = nibble()
                    .zip(nibble())
                    .and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
                out.push(octet.ok_or_else(|| {
                    bad(&format!(
                        "{name}: \"%\" is not followed by two hexadecimal digits"
                    ))
                })?);
            }
            c if c.is_ascii_alphanumeric() || "-._~".contains(c) || more.contains(c) => {
                out.extend(u8::try_from(c));
            }
            // Which character is told for all but the PIN.
            _ if name == "pin-value" => {
                return Err(bad("pin-value: a character must be written as %XX"));
            }
            c => {
                let mut buffer = [0; 4];
                let encoded: String = c
                    .encode_utf8(&mut buffer)
                    .bytes()
                    .map(|octet| format!("%{octet:02X}"))
                    .collect();
                return Err(bad(&format!(
                    "{name}: '{}' must be written as {encoded}",
                    c.escape_debug()
                )));
            }
        }
    }
    Ok(out)
}

fn text(name: &str, value: &str, more: &str) -> Result<String, KeyError> {
    let octets = octets(name, value, more)?;
    match core::str::from_utf8(&octets) {
        Ok(text) => Ok(text.to_owned()),
        Err(e) => Err(bad(&format!(
            "{name} is not UTF-8 at octet {}",
            e.valid_up_to()
        ))),
    }
}

fn digits(text: &str) -> Option<u64> {
    // `parse` alone would take a sign.
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// "M" is M.0 (RFC 7512 2.3).
fn version(text: &str) -> Option<(u8, u8)> {
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    let number = |text: &str| u8::try_from(digits(text)?).ok();
    Some((number(major)?, number(minor)?))
}

/// The file of a `pin-source`: a `file:` URI of this host (RFC 8089), or an absolute path, which
/// GnuTLS and libp11 write.
fn pin_file(value: &str) -> Result<PathBuf, KeyError> {
    if value.starts_with('|') {
        return Err(bad(
            "pin-source is a command, which is not run; a file: URI is read",
        ));
    }
    let path = match value.split_at_checked("file:".len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("file:") => {
            match rest.strip_prefix("//") {
                None => rest,
                Some(rest) => rest.strip_prefix("localhost").unwrap_or(rest),
            }
        }
        _ => value,
    };
    if !path.starts_with('/') || path.contains('\0') {
        return Err(bad(&format!(
            "pin-source \"{}\" is neither a file: URI of this host nor an absolute path",
            value.escape_debug()
        )));
    }
    Ok(PathBuf::from(path))
}

fn bad(what: &str) -> KeyError {
    KeyError::new(KeyErrorKind::Malformed, format!("pkcs11 URI: {what}"))
}

impl fmt::Display for TokenUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.wanted.fmt(f)?;
        let path = |path: &PathBuf| encode(path.to_string_lossy().as_bytes(), QUERY);
        let query = [
            ("pin-source", self.pin_source.as_ref().map(path)),
            (
                "module-name",
                self.module_name
                    .as_ref()
                    .map(|n| encode(n.as_bytes(), QUERY)),
            ),
            ("module-path", self.module_path.as_ref().map(path)),
        ];
        let mut mark = '?';
        for (name, value) in query {
            if let Some(value) = value {
                write!(f, "{mark}{name}={value}")?;
                mark = '&';
            }
        }
        Ok(())
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &Option<String>| value.as_ref().map(|v| encode(v.as_bytes(), PATH));
        let attributes = [
            ("token", text(&self.token)),
            ("manufacturer", text(&self.manufacturer)),
            ("serial", text(&self.serial)),
            ("model", text(&self.model)),
            ("library-manufacturer", text(&self.library_manufacturer)),
            ("library-description", text(&self.library_description)),
            (
                "library-version",
                self.library_version
                    .map(|(major, minor)| format!("{major}.{minor}")),
            ),
            ("slot-manufacturer", text(&self.slot_manufacturer)),
            ("slot-description", text(&self.slot_description)),
            ("slot-id", self.slot_id.map(|id| id.to_string())),
            ("object", text(&self.object)),
            (
                "id",
                self.id
                    .as_ref()
                    .map(|id| id.iter().map(|b| format!("%{b:02X}")).collect()),
            ),
            ("type", self.class.map(|class| class.as_str().to_owned())),
        ];
        f.write_str("pkcs11:")?;
        let mut mark = "";
        for (name, value) in attributes {
            if let Some(value) = value {
                write!(f, "{mark}{name}={value}")?;
                mark = ";";
            }
        }
        Ok(())
    }
}

pub(super) fn encode(octets: &[u8], more: &str) -> String {
    let mut out = String::new();
    for &octet in octets {
        let c = char::from(octet);
        if c.is_ascii_alphanumeric() || "-._~".contains(c) || (c.is_ascii() && more.contains(c)) {
            out.push(c);
        } else {
            out.push_str(&format!("%{octet:02X}"));
        }
    }
    out
}

/// A value as the path component of a URI writes it.
pub(super) fn encode_path(text: &str) -> String {
    encode(text.as_bytes(), PATH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> TokenUri {
        TokenUri::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    /// The examples of RFC 7512 3, in its order.
    #[test]
    fn examples_of_the_rfc() {
        assert_eq!(parse("pkcs11:").wanted, Wanted::default());

        let uri = parse("pkcs11:object=my-pubkey;type=public");
        assert_eq!(uri.wanted.object, some("my-pubkey"));
        assert_eq!(uri.wanted.class, Some(ObjectType::PublicKey));

        let uri = parse("pkcs11:object=my-key;type=private?pin-source=file:/etc/token");
        assert_eq!(uri.wanted.class, Some(ObjectType::PrivateKey));
        assert_eq!(uri.pin_source(), Some(Path::new("/etc/token")));

        let uri = parse(
            "pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;\
             model=1.0;object=my-certificate;type=cert;id=%69%95%3E%5C%F4%BD%EC%91;serial=\
             ?pin-source=file:/etc/token_pin",
        );
        assert_eq!(
            uri.wanted,
            Wanted {
                token: some("The Software PKCS#11 Softtoken"),
                manufacturer: some("Snake Oil, Inc."),
                model: some("1.0"),
                object: some("my-certificate"),
                class: Some(ObjectType::Certificate),
                id: Some(b"\x69\x95\x3e\x5c\xf4\xbd\xec\x91".to_vec()),
                serial: some(""),
                ..Wanted::default()
            }
        );

        let uri = parse("pkcs11:object=my-sign-key;type=private?module-name=mypkcs11");
        assert_eq!(uri.module_name(), Some("mypkcs11"));
        let uri = parse("pkcs11:object=my-sign-key;type=private?module-path=/mnt/libmypkcs11.so.1");
        assert_eq!(uri.module_path(), Some(Path::new("/mnt/libmypkcs11.so.1")));

        let uri = parse(
            "pkcs11:token=Software%20PKCS%2311%20softtoken;manufacturer=Snake%20Oil,%20Inc.\
             ?pin-value=the-pin",
        );
        assert_eq!(uri.pin_value().unwrap().text(), "the-pin");

        let uri = parse("pkcs11:slot-description=Sun%20Metaslot");
        assert_eq!(uri.wanted.slot_description, some("Sun Metaslot"));

        let uri = parse(
            "pkcs11:library-manufacturer=Snake%20Oil,%20Inc.;\
             library-description=Soft%20Token%20Library;library-version=1.23",
        );
        assert_eq!(uri.wanted.library_description, some("Soft Token Library"));
        assert_eq!(uri.wanted.library_version, Some((1, 23)));

        let uri = parse(
            "pkcs11:token=My%20token%25%20created%20by%20Joe;library-version=3;\
             id=%01%02%03%Ba%dd%Ca%fe%04%05%06",
        );
        assert_eq!(uri.wanted.token, some("My token% created by Joe"));
        assert_eq!(uri.wanted.library_version, Some((3, 0)));
        let id = b"\x01\x02\x03\xba\xdd\xca\xfe\x04\x05\x06";
        assert_eq!(uri.wanted.id.as_deref(), Some(&id[..]));

        let uri = parse(
            "pkcs11:token=A%20name%20with%20a%20substring%20%25%3B;object=my-certificate;type=cert",
        );
        assert_eq!(uri.wanted.token, some("A name with a substring %;"));
        let uri = parse(
            "pkcs11:token=Name%20with%20a%20small%20A%20with%20acute:%20%C3%A1;\
             object=my-certificate;type=cert",
        );
        assert_eq!(uri.wanted.token, some("Name with a small A with acute: á"));

        // The last example has an attribute of a vendor in the path, which is refused here, and one
        // in the query, which is not.
        let last = "pkcs11:token=my-token;object=my-certificate;type=cert;vendor-aaa=value-a\
                    ?pin-source=file:/etc/token_pin&vendor-bbb=value-b";
        let refused = TokenUri::parse(last).err().unwrap().to_string();
        assert!(refused.contains("vendor-aaa"), "{refused}");
        let uri = parse(&last.replace(";vendor-aaa=value-a", ""));
        assert_eq!(uri.ignored(), ["vendor-bbb"]);
    }

    #[test]
    fn where_the_pin_is() {
        for (source, path) in [
            ("file:/etc/pin", "/etc/pin"),
            ("file:///etc/pin", "/etc/pin"),
            ("file://localhost/etc/pin", "/etc/pin"),
            ("FILE:/run/a%20b", "/run/a b"),
            ("/etc/pin", "/etc/pin"),
        ] {
            let uri = parse(&format!("pkcs11:?pin-source={source}"));
            assert_eq!(uri.pin_source(), Some(Path::new(path)), "{source}");
        }
    }

    #[test]
    fn refused_with_the_reason() {
        for (text, reason) in [
            ("pkcs12:token=a", "does not begin"),
            ("pkcs11", "does not begin"),
            ("pkcs11:token", "without \"=\""),
            ("pkcs11:token=a;", "empty attribute"),
            ("pkcs11:;", "empty attribute"),
            ("pkcs11:=a", "not the name"),
            ("pkcs11:TOKEN=a", "\"TOKEN\" is not known"),
            ("pkcs11:x-vendor=a", "\"x-vendor\" is not known"),
            ("pkcs11:to ken=a", "not the name"),
            ("pkcs11:token=a;token=b", "token twice"),
            ("pkcs11:id=%01;id=%01", "id twice"),
            ("pkcs11:token=a b", "' ' must be written as %20"),
            ("pkcs11:token=ə", "'ə' must be written as %C9%99"),
            ("pkcs11:token=a/b", "'/' must be written as %2F"),
            ("pkcs11:token=a#b", "'#' must be written as %23"),
            ("pkcs11:token=%", "hexadecimal"),
            ("pkcs11:token=%4", "hexadecimal"),
            ("pkcs11:token=%+1", "hexadecimal"),
            ("pkcs11:token=%zz", "hexadecimal"),
            ("pkcs11:token=%ff", "not UTF-8 at octet 0"),
            ("pkcs11:object=a%c9", "not UTF-8 at octet 1"),
            ("pkcs11:type=key", "type \"key\""),
            ("pkcs11:type=", "type \"\""),
            ("pkcs11:slot-id=", "slot-id"),
            ("pkcs11:slot-id=-1", "slot-id"),
            ("pkcs11:slot-id=+1", "slot-id"),
            ("pkcs11:slot-id=0x1", "slot-id"),
            ("pkcs11:slot-id=18446744073709551616", "slot-id"),
            ("pkcs11:library-version=1.", "library-version"),
            ("pkcs11:library-version=.1", "library-version"),
            ("pkcs11:library-version=256", "library-version"),
            ("pkcs11:library-version=1.2.3", "library-version"),
            ("pkcs11:?module-name=../evil", "module-path"),
            ("pkcs11:?module-name=..", "module-path"),
            ("pkcs11:?module-name=", "not the name of a module"),
            ("pkcs11:?module-path=lib.so", "not absolute"),
            ("pkcs11:?module-path=/a&module-path=/b", "twice"),
            ("pkcs11:?pin-source=|/bin/cat", "is a command"),
            ("pkcs11:?pin-source=http://a/pin", "neither"),
            ("pkcs11:?pin-source=file:pin", "neither"),
            ("pkcs11:?pin-source=file://other/pin", "neither"),
            ("pkcs11:?pin-source=", "neither"),
            ("pkcs11:?pin-value=1&pin-value=2", "pin-value twice"),
            ("pkcs11:?pin-value=1&pin-source=/a", "both"),
            ("pkcs11:?token", "without \"=\""),
            ("pkcs11:?a=b&", "empty attribute"),
        ] {
            match TokenUri::parse(text) {
                Ok(uri) => panic!("{text} was read as {uri}"),
                Err(e) => assert!(e.to_string().contains(reason), "{text}: {e}"),
            }
        }
    }

    #[test]
    fn a_pin_is_never_repeated() {
        for text in [
            "pkcs11:?pin-value=hemmelig&pin-value=hemmelig",
            "pkcs11:?pin-value=hemmelig#",
            "pkcs11:?pin-value=hemmelig%f",
            "pkcs11:?pin-value=hemmelig%ff",
        ] {
            let error = TokenUri::parse(text).err().unwrap();
            assert!(
                !format!("{error} {error:?}").contains("hemmelig"),
                "{error}"
            );
        }
        let uri = parse("pkcs11:token=a?pin-value=hemmelig&module-name=m");
        assert!(uri.has_pin_value());
        assert_eq!(uri.to_string(), "pkcs11:token=a?module-name=m");
    }

    #[test]
    fn written_and_read_again() {
        for text in [
            "pkcs11:",
            "pkcs11:token=a%3B%25%2F%C9%99&;id=%00%FF;type=cert",
            "pkcs11:slot-id=18446744073709551615;library-version=2.40",
            "PKCS11:model=a,b?module-path=/a%20b/c.so&pin-source=file:/d%26e",
        ] {
            let uri = parse(text);
            let again = parse(&uri.to_string());
            assert_eq!(uri.wanted, again.wanted, "{text}");
            assert_eq!(uri.module_path, again.module_path, "{text}");
            assert_eq!(uri.pin_source, again.pin_source, "{text}");
            assert_eq!(uri.to_string(), again.to_string(), "{text}");
        }
    }

    #[test]
    fn the_limit_is_reached() {
        let name = "a".repeat(MAX_URI - "pkcs11:token=".len());
        parse(&format!("pkcs11:token={name}"));
        let error = TokenUri::parse(&format!("pkcs11:token={name}a"))
            .err()
            .unwrap();
        assert_eq!(error.kind(), KeyErrorKind::Limit);
    }

    #[test]
    fn files_and_uris_are_told_apart() {
        assert!(is_token_uri("pkcs11:token=a"));
        assert!(is_token_uri("PKCS11:"));
        for file in ["key.pem", "pkcs11.pem", "./pkcs11:a", "pkcs1", "ə", ""] {
            assert!(!is_token_uri(file), "{file}");
        }
    }
}
