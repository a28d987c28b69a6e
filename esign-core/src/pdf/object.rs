use core::fmt;
use core::ops::Range;

/// A value of ISO 32000-1 §7.3.
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    /// `null`; also what a reference to a missing object means.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A real number; also an integer beyond 64 bits.
    Real(f64),
    /// A name, decoded.
    Name(Name),
    /// A string, decoded.
    String(PdfString),
    /// An array.
    Array(Vec<Object>),
    /// A dictionary.
    Dict(Dict),
    /// A stream; its data stay in the file.
    Stream(Stream),
    /// An indirect reference.
    Ref(Reference),
}

/// Number and generation of an indirect object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Object number, from 1.
    pub number: u32,
    /// Generation number.
    pub generation: u16,
}

/// A name without its solidus, `#xx` decoded.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub Vec<u8>);

/// A string's octets and the form it was written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PdfString {
    /// The decoded octets.
    pub bytes: Vec<u8>,
    /// Whether it stood, or is to stand, in angle brackets.
    pub hex: bool,
}

/// A dictionary in the order of the file.
///
/// Equality looks at keys and values, not at order and place.
#[derive(Clone, Debug, Default)]
pub struct Dict {
    entries: Vec<DictEntry>,
}

/// One key of a dictionary with its value.
#[derive(Clone, Debug)]
pub struct DictEntry {
    /// The key.
    pub key: Name,
    /// The value.
    pub value: Object,
    /// The octets of the file that write the value, from its first to after its last (with the
    /// delimiters of strings, arrays and dictionaries). Absent in object streams and in
    /// dictionaries made by hand.
    pub span: Option<Range<u64>>,
}

/// A stream: its dictionary and where its encoded data lie in the file.
///
/// Equality compares dictionary and place, not data.
#[derive(Clone, Debug, PartialEq)]
pub struct Stream {
    /// The stream dictionary.
    pub dict: Dict,
    /// The encoded data in the file.
    pub data: Range<u64>,
}

/// An indirect object as it was read.
#[derive(Clone, Debug)]
pub struct Indirect {
    /// Number and generation.
    pub reference: Reference,
    /// The value.
    pub object: Object,
    /// From the object number to the end of the value (for streams: to the end of the data); absent
    /// for a member of an object stream.
    pub span: Option<Range<u64>>,
    /// The octets of the value; absent for a member of an object stream.
    pub value_span: Option<Range<u64>>,
}

impl Object {
    /// The integer, if it is one.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(n) => Some(*n),
            _ => None,
        }
    }

    /// The number as a real, if it is one.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            // Coordinates: 53 bits are plenty, and a larger integer only loses its last digits.
            #[allow(
                clippy::as_conversions,
                clippy::cast_precision_loss,
                reason = "f64 has no From<i64>; rounding is meant"
            )]
            Self::Integer(n) => Some(*n as f64),
            Self::Real(x) => Some(*x),
            _ => None,
        }
    }

    /// The octets of a name.
    pub fn as_name(&self) -> Option<&[u8]> {
        match self {
            Self::Name(name) => Some(&name.0),
            _ => None,
        }
    }

    /// The string, if it is one.
    pub fn as_string(&self) -> Option<&PdfString> {
        match self {
            Self::String(s) => Some(s),
            _ => None,
        }
    }

    /// The items, if it is an array.
    pub fn as_array(&self) -> Option<&[Object]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The dictionary, also that of a stream.
    pub fn as_dict(&self) -> Option<&Dict> {
        match self {
            Self::Dict(dict) => Some(dict),
            Self::Stream(stream) => Some(&stream.dict),
            _ => None,
        }
    }

    /// The stream, if it is one.
    pub fn as_stream(&self) -> Option<&Stream> {
        match self {
            Self::Stream(stream) => Some(stream),
            _ => None,
        }
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// The reference, if it is one.
    pub fn as_ref(&self) -> Option<Reference> {
        match self {
            Self::Ref(reference) => Some(*reference),
            _ => None,
        }
    }

    /// A name.
    pub fn name(name: &str) -> Self {
        Self::Name(Name(name.as_bytes().to_vec()))
    }

    /// A string in parentheses.
    pub fn literal(bytes: impl Into<Vec<u8>>) -> Self {
        Self::String(PdfString {
            bytes: bytes.into(),
            hex: false,
        })
    }

    /// A string in angle brackets.
    pub fn hex(bytes: impl Into<Vec<u8>>) -> Self {
        Self::String(PdfString {
            bytes: bytes.into(),
            hex: true,
        })
    }

    /// What the value is, for messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Real(_) => "a real number",
            Self::Name(_) => "a name",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Dict(_) => "a dictionary",
            Self::Stream(_) => "a stream",
            Self::Ref(_) => "a reference",
        }
    }
}

impl From<Reference> for Object {
    fn from(reference: Reference) -> Self {
        Self::Ref(reference)
    }
}

impl From<Dict> for Object {
    fn from(dict: Dict) -> Self {
        Self::Dict(dict)
    }
}

impl From<i64> for Object {
    fn from(n: i64) -> Self {
        Self::Integer(n)
    }
}

impl Dict {
    /// An empty dictionary.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds at the end, or replaces the value of the first entry with this key.
    pub fn set(&mut self, key: &str, value: impl Into<Object>) {
        let value = value.into();
        match self.entries.iter_mut().find(|e| e.key.0 == key.as_bytes()) {
            Some(entry) => {
                entry.value = value;
                entry.span = None;
            }
            None => self.entries.push(DictEntry {
                key: Name(key.as_bytes().to_vec()),
                value,
                span: None,
            }),
        }
    }

    /// Removes every entry with this key; returns the first one's value.
    pub fn remove(&mut self, key: &str) -> Option<Object> {
        let at = self.position(key)?;
        let entry = self.entries.remove(at);
        self.entries.retain(|e| e.key.0 != key.as_bytes());
        Some(entry.value)
    }

    pub(crate) fn push(&mut self, entry: DictEntry) {
        self.entries.push(entry);
    }

    /// The value of the first entry with this key.
    pub fn get(&self, key: &str) -> Option<&Object> {
        self.entry(key).map(|e| &e.value)
    }

    /// The first entry with this key.
    pub fn entry(&self, key: &str) -> Option<&DictEntry> {
        self.entries.iter().find(|e| e.key.0 == key.as_bytes())
    }

    /// The octets of the file that write the value of this key.
    pub fn span(&self, key: &str) -> Option<Range<u64>> {
        self.entry(key)?.span.clone()
    }

    /// How often the key stands; more than once is a deviation.
    pub fn count(&self, key: &str) -> usize {
        self.entries
            .iter()
            .filter(|e| e.key.0 == key.as_bytes())
            .count()
    }

    /// All entries in order.
    pub fn entries(&self) -> &[DictEntry] {
        &self.entries
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn position(&self, key: &str) -> Option<usize> {
        self.entries.iter().position(|e| e.key.0 == key.as_bytes())
    }
}

impl PartialEq for Dict {
    fn eq(&self, other: &Self) -> bool {
        if self.len() != other.len() {
            return false;
        }
        let in_order = |(a, b): (&DictEntry, &DictEntry)| a.key == b.key && a.value == b.value;
        if self.entries.iter().zip(&other.entries).all(in_order) {
            return true;
        }
        // Sorting is stable, so that repeated keys are compared in their order.
        let sorted = |dict: &'_ Self| {
            let mut order: Vec<usize> = (0..dict.len()).collect();
            order.sort_by_key(|&i| dict.entries.get(i).map(|e| &e.key));
            order
        };
        let (left, right) = (sorted(self), sorted(other));
        left.iter().zip(&right).all(|(&i, &j)| {
            matches!((self.entries.get(i), other.entries.get(j)),
                (Some(a), Some(b)) if a.key == b.key && a.value == b.value)
        })
    }
}

impl From<&str> for Name {
    fn from(name: &str) -> Self {
        Self(name.as_bytes().to_vec())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0.escape_ascii())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} R", self.number, self.generation)
    }
}
