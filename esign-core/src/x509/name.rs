use core::fmt;
use core::ops::Range;
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use crate::oid::ObjectIdentifier;
use unicode_normalization::UnicodeNormalization;

use crate::der::{DecodeError, Reader, Rules, Tag, Tlv, decode};
use crate::oid;

/// A distinguished name as received (RFC 5280 4.1.2.4). Cheap to clone.
///
/// `==` compares the octets; [`Name::matches`] compares as RFC 5280 7.1 asks.
#[derive(Clone)]
pub struct Name {
    octets: Arc<[u8]>,
    range: Range<usize>,
    /// [`Self::comparison_key`], once it has been asked for.
    key: OnceLock<Arc<[u8]>>,
}

/// One attribute of a name.
#[derive(Clone, Copy)]
pub struct Attribute<'a> {
    /// Its type.
    pub oid: ObjectIdentifier,
    /// Position of its relative distinguished name, from 0; equal for attributes of a
    /// multi-valued one.
    pub rdn: usize,
    value: Tlv<'a>,
}

impl Name {
    /// Decodes a DER `Name` that fills `der`.
    ///
    /// # Errors
    /// It is not one.
    pub fn from_der(der: &[u8]) -> Result<Self, DecodeError> {
        let range = 0..der.len();
        decode(der, Rules::Der, |r| {
            check(&r.expect(Tag::SEQUENCE, "name")?, "name")
        })?;
        Ok(Self {
            octets: der.into(),
            range,
            key: OnceLock::new(),
        })
    }

    /// Decodes the name `tlv`, which lies at `range` in `octets`, without copying it.
    pub(crate) fn within(
        octets: &Arc<[u8]>,
        range: Range<usize>,
        tlv: &Tlv<'_>,
        field: &str,
    ) -> Result<Self, DecodeError> {
        check(tlv, field)?;
        Ok(Self {
            octets: Arc::clone(octets),
            range,
            key: OnceLock::new(),
        })
    }

    /// The encoding as received.
    pub fn der(&self) -> &[u8] {
        self.octets.get(self.range.clone()).unwrap_or_default()
    }

    /// Whether it has no attributes.
    pub fn is_empty(&self) -> bool {
        self.attributes().next().is_none()
    }

    /// Its attributes in the order of the encoding.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'_>> {
        let mut names = self.relative_names();
        let mut set = Reader::new(&[], Rules::Der);
        let mut count = 0usize;
        core::iter::from_fn(move || {
            while set.is_empty() {
                set = names.any("").and_then(|t| t.reader("")).ok()?;
                count += 1;
            }
            let mut pair = set.any("").and_then(|t| t.reader("")).ok()?;
            Some(Attribute {
                oid: pair.oid("").ok()?,
                rdn: count.saturating_sub(1),
                value: pair.any("").ok()?,
            })
        })
    }

    /// Text of the first attribute of type `oid`.
    pub fn first(&self, oid: ObjectIdentifier) -> Option<Cow<'_, str>> {
        self.attributes().find(|a| a.oid == oid)?.text()
    }

    /// The last, so most specific, commonName.
    pub fn common_name(&self) -> Option<Cow<'_, str>> {
        self.attributes()
            .filter(|a| a.oid == oid::COMMON_NAME)
            .last()?
            .text()
    }

    /// Whether both are the same name: equal octets, or equal after case folding, normalisation
    /// and white-space compression of every string, whatever its string type.
    ///
    /// # Source
    /// RFC 5280 7.1. TeletexString is read as ISO 8859-1, as all others do.
    pub fn matches(&self, other: &Self) -> bool {
        if self.der() == other.der() {
            return true;
        }
        // Relative name by relative name: most that differ do so in one of them, the last.
        let (mut a, mut b) = (self.relative_names(), other.relative_names());
        skip_equal(&mut a, &mut b);
        while !a.is_empty() && !b.is_empty() {
            let (Ok(x), Ok(y)) = (a.any(""), b.any("")) else {
                return false;
            };
            if x.raw != y.raw && !same_relative_name(&x, &y) {
                return false;
            }
        }
        a.is_empty() && b.is_empty()
    }

    /// A reader of the sets in it; that they are such was checked on decoding.
    fn relative_names(&self) -> Reader<'_> {
        Reader::new(self.der(), Rules::Der)
            .any("")
            .and_then(|t| t.reader(""))
            .unwrap_or(Reader::new(&[], Rules::Der))
    }

    /// Octets that are equal for two names exactly where [`Self::matches`] holds: a key for maps.
    pub fn comparison_key(&self) -> &[u8] {
        self.key.get_or_init(|| self.compute_key().into())
    }

    /// [`Self::comparison_key`] to be kept.
    pub(super) fn shared_key(&self) -> Arc<[u8]> {
        Arc::clone(self.key.get_or_init(|| self.compute_key().into()))
    }

    /// Every attribute, length first, a sign after each relative distinguished name; the order
    /// inside one does not count, so it is a fixed one.
    fn compute_key(&self) -> Vec<u8> {
        let mut key = Vec::with_capacity(self.der().len().saturating_mul(2));
        let mut rdn = 0;
        // Where the attributes of this relative distinguished name begin.
        let mut starts: Vec<usize> = Vec::new();
        for attribute in self.attributes() {
            if attribute.rdn != rdn {
                close(&mut key, &mut starts);
                rdn = attribute.rdn;
            }
            starts.push(key.len());
            counted(&mut key, |key| {
                counted(key, |key| key.extend_from_slice(attribute.oid.as_bytes()));
                attribute_key(&attribute.value, key);
            });
        }
        close(&mut key, &mut starts);
        key
    }
}

/// Ends a relative distinguished name, whose attributes begin at `starts`.
fn close(key: &mut Vec<u8>, starts: &mut Vec<usize>) {
    if starts.len() > 1
        && let Some(first) = starts.first().copied()
    {
        let mut all: Vec<Vec<u8>> = Vec::with_capacity(starts.len());
        for start in starts.iter().rev() {
            all.push(key.split_off(*start));
        }
        all.sort_unstable();
        key.truncate(first);
        all.iter().for_each(|one| key.extend_from_slice(one));
    }
    starts.clear();
    key.push(0xff);
}

/// Passes over the relative names, short ones, that stand in both with the same octets.
fn skip_equal(a: &mut Reader<'_>, b: &mut Reader<'_>) {
    let (first, second) = (a.rest(), b.rest());
    let mut at = 0usize;
    while let Some([_, length @ ..0x80, ..]) = first.get(at..) {
        let end = at.saturating_add(usize::from(*length)).saturating_add(2);
        match (first.get(at..end), second.get(at..end)) {
            (Some(x), Some(y)) if x == y => at = end,
            _ => break,
        }
    }
    a.skip(at);
    b.skip(at);
}

/// Whether two sets of attributes are the same by RFC 5280 7.1, in whatever order.
fn same_relative_name(a: &Tlv<'_>, b: &Tlv<'_>) -> bool {
    // Nearly all have one attribute, in ASCII: its words are compared where they lie.
    if let (Some((a_type, a)), Some((b_type, b))) = (only(a), only(b)) {
        if a_type != b_type {
            return false;
        }
        if let (Some(a), Some(b)) = (string(a.tag, a.value), string(b.tag, b.value))
            && a.is_ascii()
            && b.is_ascii()
        {
            return same_words(&a, &b);
        }
    }
    let attributes = |set: &Tlv<'_>| -> Option<Vec<Vec<u8>>> {
        let mut all = Vec::with_capacity(1);
        let mut set = set.reader("").ok()?;
        while !set.is_empty() {
            let mut key = Vec::with_capacity(32);
            let mut pair = set.any("").and_then(|t| t.reader("")).ok()?;
            let oid = pair.any("").ok()?.value;
            counted(&mut key, |key| key.extend_from_slice(oid));
            attribute_key(&pair.any("").ok()?, &mut key);
            all.push(key);
        }
        all.sort_unstable();
        Some(all)
    };
    attributes(a).is_some_and(|a| attributes(b) == Some(a))
}

/// Type and value of the attribute of a set that has one.
fn only<'a>(set: &Tlv<'a>) -> Option<(&'a [u8], Tlv<'a>)> {
    let mut set = set.reader("").ok()?;
    let mut pair = set.any("").and_then(|t| t.reader("")).ok()?;
    let attribute = (pair.any("").ok()?.value, pair.any("").ok()?);
    set.is_empty().then_some(attribute)
}

/// Whether [`fold`] gives the same for two texts in ASCII.
fn same_words(a: &str, b: &str) -> bool {
    fn words(text: &str) -> impl Iterator<Item = &[u8]> {
        let words = text.as_bytes().split(|b| is_space(*b));
        words.filter(|word| !word.is_empty())
    }
    let (mut a, mut b) = (words(a), words(b));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a.eq_ignore_ascii_case(b) => {}
            _ => return false,
        }
    }
}

/// What char::is_whitespace takes for white space in ASCII.
fn is_space(octet: u8) -> bool {
    matches!(octet, b'\t'..=b'\r' | b' ')
}

/// Appends what is equal for equal values.
fn attribute_key(value: &Tlv<'_>, key: &mut Vec<u8>) {
    match string(value.tag, value.value) {
        Some(text) => counted(key, |key| fold(&text, key)),
        None => {
            key.push(0xfe);
            counted(key, |key| key.extend_from_slice(value.raw));
        }
    }
}

/// Appends what `write` writes after its length, so that concatenations cannot be mistaken.
fn counted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let length = out.len().saturating_sub(at).saturating_sub(4);
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    if let Some(place) = out.get_mut(at..at.saturating_add(4)) {
        place.copy_from_slice(&length);
    }
}

/// RFC 4518 in short: normalise, fold case, trim and compress spaces.
fn fold(text: &str, out: &mut Vec<u8>) {
    fn squeeze(chars: impl Iterator<Item = char>, out: &mut Vec<u8>) {
        let start = out.len();
        let mut space = false;
        for c in chars {
            if c.is_whitespace() {
                space = out.len() > start;
                continue;
            }
            if core::mem::take(&mut space) {
                out.push(b' ');
            }
            match u8::try_from(c) {
                Ok(ascii) if ascii.is_ascii() => out.push(ascii),
                _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }
    if text.is_ascii() {
        let start = out.len();
        let mut space = false;
        for octet in text.bytes() {
            if is_space(octet) {
                space = out.len() > start;
            } else {
                if core::mem::take(&mut space) {
                    out.push(b' ');
                }
                out.push(octet.to_ascii_lowercase());
            }
        }
    } else {
        // Folding can leave a form that is not normalised, hence the second pass.
        squeeze(text.nfkc().flat_map(char::to_lowercase).nfkc(), out);
    }
}

/// Checks the structure of a `Name`: every set non-empty, every pair whole.
fn check(tlv: &Tlv<'_>, field: &str) -> Result<(), DecodeError> {
    tlv.nested(field, |r| {
        while !r.is_empty() {
            r.nested(Tag::SET, "rdn", |r| {
                loop {
                    r.sequence("attribute", |r| {
                        r.oid("type")?;
                        r.any("value").map(|_| ())
                    })?;
                    if r.is_empty() {
                        return Ok(());
                    }
                }
            })?;
        }
        Ok(())
    })
}

impl<'a> Attribute<'a> {
    /// The value's tag.
    pub fn tag(&self) -> Tag {
        self.value.tag
    }

    /// The whole encoding of the value.
    pub fn der(&self) -> &'a [u8] {
        self.value.raw
    }

    /// The value as text; `None` where it is no string or not one of its type.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        string(self.value.tag, self.value.value)
    }
}

/// Reads the content of a string type. TeletexString is taken for ISO 8859-1.
pub(crate) fn string(tag: Tag, octets: &[u8]) -> Option<Cow<'_, str>> {
    match tag {
        Tag::UTF8_STRING => core::str::from_utf8(octets).ok().map(Cow::Borrowed),
        Tag::PRINTABLE_STRING | Tag::NUMERIC_STRING | Tag::IA5_STRING | Tag::VISIBLE_STRING => {
            core::str::from_utf8(octets)
                .ok()
                .filter(|t| t.is_ascii())
                .map(Cow::Borrowed)
        }
        Tag::TELETEX_STRING => Some(octets.iter().map(|&b| char::from(b)).collect()),
        Tag::BMP_STRING => {
            let (pairs, []) = octets.as_chunks::<2>() else {
                return None;
            };
            let units = pairs.iter().map(|p| u16::from_be_bytes(*p));
            // BMPString is UCS-2, but surrogate pairs are what software writes.
            char::decode_utf16(units)
                .collect::<Result<String, _>>()
                .ok()
                .map(Cow::Owned)
        }
        Tag::UNIVERSAL_STRING => {
            let (quads, []) = octets.as_chunks::<4>() else {
                return None;
            };
            quads
                .iter()
                .map(|q| char::from_u32(u32::from_be_bytes(*q)))
                .collect::<Option<String>>()
                .map(Cow::Owned)
        }
        _ => None,
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl Eq for Name {}

impl core::hash::Hash for Name {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.der().hash(state);
    }
}

/// RFC 4514: most specific first, special characters escaped; a space follows each comma for
/// readers. Control and direction characters are escaped, so that a name cannot rearrange the
/// text around it.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rdns: Vec<Vec<Attribute<'_>>> = Vec::new();
        for attribute in self.attributes() {
            match rdns
                .last_mut()
                .filter(|r| r.first().is_some_and(|a| a.rdn == attribute.rdn))
            {
                Some(rdn) => rdn.push(attribute),
                None => rdns.push(vec![attribute]),
            }
        }
        for (i, rdn) in rdns.iter().rev().enumerate() {
            for (j, attribute) in rdn.iter().enumerate() {
                f.write_str(match (i, j) {
                    (0, 0) => "",
                    (_, 0) => ", ",
                    _ => "+",
                })?;
                write_attribute(attribute, f)?;
            }
        }
        Ok(())
    }
}

fn write_attribute(attribute: &Attribute<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match KEYWORDS.iter().find(|(_, o)| *o == attribute.oid) {
        Some((keyword, _)) => write!(f, "{keyword}=")?,
        None => write!(f, "{}=", attribute.oid)?,
    }
    let Some(text) = attribute.text() else {
        f.write_str("#")?;
        return attribute
            .der()
            .iter()
            .try_for_each(|b| write!(f, "{b:02x}"));
    };
    let last = text.chars().count().saturating_sub(1);
    for (i, c) in text.chars().enumerate() {
        let special = matches!(c, '"' | '+' | ',' | ';' | '<' | '>' | '\\')
            || (c == ' ' && (i == 0 || i == last))
            || (c == '#' && i == 0);
        let hidden = c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if hidden {
            let mut buffer = [0; 4];
            for b in c.encode_utf8(&mut buffer).bytes() {
                write!(f, "\\{b:02x}")?;
            }
        } else if special {
            write!(f, "\\{c}")?;
        } else {
            write!(f, "{c}")?;
        }
    }
    Ok(())
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Short names of attribute types (RFC 4514 3 and what is customary).
pub(super) const KEYWORDS: [(&str, ObjectIdentifier); 16] = [
    ("CN", oid::COMMON_NAME),
    ("C", oid::COUNTRY),
    ("O", oid::ORGANIZATION),
    ("OU", oid::ORGANIZATIONAL_UNIT),
    ("L", oid::LOCALITY),
    ("ST", oid::STATE),
    ("SN", oid::SURNAME),
    ("GN", oid::GIVEN_NAME),
    ("serialNumber", oid::SERIAL_NUMBER),
    ("organizationIdentifier", oid::ORGANIZATION_IDENTIFIER),
    ("title", oid::TITLE),
    ("pseudonym", oid::PSEUDONYM),
    ("emailAddress", oid::EMAIL_ADDRESS),
    ("DC", oid::DOMAIN_COMPONENT),
    ("UID", oid::USER_ID),
    ("STREET", STREET),
];

/// id-at-streetAddress, X.520; only needed to print and parse names.
const STREET: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.9");

#[cfg(test)]
mod tests {
    use super::super::NameBuilder;
    use super::*;
    use crate::der::Writer;

    fn name(text: &str) -> Name {
        NameBuilder::parse(text).unwrap().build().unwrap()
    }

    /// A name of one commonName in the given string type.
    fn typed(tag: Tag, octets: &[u8]) -> Name {
        let mut w = Writer::new();
        w.sequence(|w| {
            w.nested(Tag::SET, |w| {
                w.sequence(|w| {
                    w.oid(oid::COMMON_NAME);
                    w.tlv(tag, octets);
                });
            });
        });
        Name::from_der(&w.finish()).unwrap()
    }

    #[test]
    fn text_and_back() {
        for (text, shown) in [
            (
                "CN=Əli Məmmədov,O=Nümunə,C=AZ",
                "CN=Əli Məmmədov, O=Nümunə, C=AZ",
            ),
            (r"cn = a\, b ; c=AZ", r"CN=a\, b, C=AZ"),
            (r"CN=\ x\ ,2.5.4.4=\C6\8Fli", r"CN=\ x\ , SN=Əli"),
            (r"CN=a\+b\3dc\#", r"CN=a\+b=c#"),
            ("1.2.3=q", "1.2.3=q"),
            ("", ""),
        ] {
            let parsed = name(text);
            assert_eq!(parsed.to_string(), shown);
            assert_eq!(name(shown), parsed, "{shown}");
        }
        assert_eq!(
            name("CN=a,C=AZ").attributes().next().unwrap().oid,
            oid::COUNTRY
        );
        for bad in [
            "CN",
            "XX=1",
            "CN=",
            "C=az",
            "C=AZE",
            "CN=a+O=b",
            "CN=#0c01",
            r"CN=\",
            r"CN=\zz\f",
            "serialNumber=İ",
            "emailAddress=ə@x",
            "CN=\u{7}",
        ] {
            let result = NameBuilder::parse(bad).and_then(|b| b.build());
            assert!(result.is_err(), "{bad}");
        }
        let long = "x".repeat(65);
        let error = NameBuilder::new()
            .with(oid::COMMON_NAME, long)
            .build()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "CN: 65 characters, at most 64 are allowed"
        );
    }

    #[test]
    fn string_types_of_rfc_5280_7_1_compare() {
        let plain = typed(Tag::PRINTABLE_STRING, b"Test  Name ");
        for (tag, octets) in [
            (Tag::UTF8_STRING, &b"test name"[..]),
            (Tag::BMP_STRING, b"\0T\0E\0S\0T\0 \0n\0a\0m\0e"),
            (Tag::TELETEX_STRING, b" TEST name"),
            (
                Tag::UNIVERSAL_STRING,
                b"\0\0\0t\0\0\0e\0\0\0s\0\0\0t\0\0\0 \0\0\0n\0\0\0a\0\0\0m\0\0\0e",
            ),
            (Tag::IA5_STRING, b"Test Name"),
        ] {
            let other = typed(tag, octets);
            assert!(plain.matches(&other), "{tag:?}");
            assert_ne!(plain, other);
        }
        for (tag, octets) in [
            (Tag::UTF8_STRING, &b"testname"[..]),
            (Tag::UTF8_STRING, b"test nam\xff"),
            (Tag::OCTET_STRING, b"test name"),
            (Tag::BMP_STRING, b"\0"),
        ] {
            assert!(!plain.matches(&typed(tag, octets)), "{tag:?}");
        }
        assert!(
            typed(Tag::UTF8_STRING, "ƏLİ".as_bytes())
                .matches(&typed(Tag::UTF8_STRING, "əli\u{307}".as_bytes()))
        );
        // Order and grouping count.
        assert!(!name("CN=a,O=b").matches(&name("O=b,CN=a")));
        assert!(!name("CN=a,CN=b").matches(&name("CN=ab")));
    }

    /// One relative name of several attributes, in this order.
    fn several(attributes: &[(ObjectIdentifier, &str)]) -> Name {
        let mut w = Writer::new();
        w.sequence(|w| {
            w.nested(Tag::SET, |w| {
                for (oid, text) in attributes {
                    w.sequence(|w| {
                        w.oid(*oid);
                        w.tlv(Tag::UTF8_STRING, text.as_bytes());
                    });
                }
            });
        });
        Name::from_der(&w.finish()).unwrap()
    }

    #[test]
    fn names_match_where_their_keys_are_equal() {
        let (cn, o) = (oid::COMMON_NAME, oid::ORGANIZATION);
        let all = [
            name(""),
            name("CN=a"),
            name("CN=A "),
            name("CN=a,O=b"),
            name("O=b,CN=a"),
            name("CN=a,CN=b"),
            several(&[(cn, "a"), (o, "b")]),
            several(&[(o, "B"), (cn, "a")]),
            several(&[(o, "a"), (cn, "b")]),
            several(&[(cn, "a")]),
            several(&[(cn, "a"), (cn, "a")]),
            several(&[(cn, "ab")]),
        ];
        let mut equal = 0;
        for a in &all {
            for b in &all {
                let same = a.comparison_key() == b.comparison_key();
                assert_eq!(a.matches(b), same, "{a} {b}");
                equal += usize::from(same);
            }
        }
        assert_eq!(equal, all.len() + 2 * (3 + 1));
    }

    #[test]
    fn nothing_hides_in_what_is_shown() {
        let shown = typed(Tag::UTF8_STRING, "a\u{202e}b\u{1b}[0m".as_bytes()).to_string();
        assert_eq!(shown, r"CN=a\e2\80\aeb\1b[0m");
        assert_eq!(typed(Tag::UTF8_STRING, &[0xff]).to_string(), "CN=#0c01ff");
    }
}
