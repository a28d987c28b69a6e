use core::fmt;

use unicode_normalization::UnicodeNormalization;

use crate::keys::{DigestAlgorithm, Hasher};
use crate::time::UnixTime;
use crate::visible_seal::{CborError, Value};

/// Fields of one record. Forms have a dozen.
const MAX_FIELDS: usize = 64;

/// What a print says: the fields in print order, and who issued it when, under which class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Class of document.
    pub class: u32,
    /// Number of the class's schema: labels and order of the fields.
    pub schema: u32,
    /// The issuing body.
    pub issuer: u32,
    /// When it was issued, as the issuer says.
    pub issued_at: UnixTime,
    /// When it expires, if it does.
    pub expires_at: Option<UnixTime>,
    /// The fields as printed, in print order, NFC.
    pub fields: Vec<String>,
    /// Sixteen random octets, so that the digest does not give away the fields.
    pub blind: [u8; 16],
}

/// Why octets are no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// Not deterministic CBOR.
    Cbor(CborError),
    /// Not the structure; the text says what.
    Structure(&'static str),
}

impl Record {
    /// The deterministic encoding. Fields are brought into NFC.
    pub fn encode(&self) -> Vec<u8> {
        let field = |f: &String| Value::Text(f.nfc().collect());
        let time = |t: UnixTime| Value::Integer(t.seconds());
        crate::visible_seal::encode_cbor(&Value::Array(vec![
            Value::Integer(i64::from(self.class)),
            Value::Integer(i64::from(self.schema)),
            Value::Integer(i64::from(self.issuer)),
            time(self.issued_at),
            self.expires_at.map_or(Value::Null, time),
            Value::Array(self.fields.iter().map(field).collect()),
            Value::Bytes(self.blind.to_vec()),
        ]))
    }

    /// Decodes a record.
    ///
    /// # Errors
    /// [`RecordError`]: not deterministic, not seven members of the right kinds, fields not in NFC.
    pub fn decode(octets: &[u8]) -> Result<Self, RecordError> {
        let bad = RecordError::Structure;
        let value = crate::visible_seal::decode_cbor(octets).map_err(RecordError::Cbor)?;
        let Value::Array(members) = value else {
            return Err(bad("not an array"));
        };
        let [
            Value::Integer(class),
            Value::Integer(schema),
            Value::Integer(issuer),
            Value::Integer(issued_at),
            expires_at,
            Value::Array(fields),
            Value::Bytes(blind),
        ] = members.as_slice()
        else {
            return Err(bad("not seven members of the right kinds"));
        };
        let number = |n: &i64| u32::try_from(*n).map_err(|_| bad("number out of range"));
        let time = |n: i64| {
            let time = UnixTime::from_seconds(n);
            if time.seconds() == n {
                Ok(time)
            } else {
                Err(bad("time out of range"))
            }
        };
        if fields.len() > MAX_FIELDS {
            return Err(bad("more than 64 fields"));
        }
        let text = |field: &Value| match field {
            Value::Text(t) if unicode_normalization::is_nfc(t) => Ok(t.clone()),
            Value::Text(_) => Err(bad("a field is not in NFC")),
            _ => Err(bad("a field is no text")),
        };
        Ok(Self {
            class: number(class)?,
            schema: number(schema)?,
            issuer: number(issuer)?,
            issued_at: time(*issued_at)?,
            expires_at: match expires_at {
                Value::Null => None,
                Value::Integer(n) => Some(time(*n)?),
                _ => return Err(bad("expires_at is neither null nor a time")),
            },
            fields: fields.iter().map(text).collect::<Result<_, _>>()?,
            blind: blind
                .as_slice()
                .try_into()
                .map_err(|_| bad("blind is not 16 octets long"))?,
        })
    }

    /// The record's digest D, always compared in full.
    pub fn digest(octets: &[u8]) -> [u8; 32] {
        let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
        hasher.update(b"esign-code/1/record\0");
        hasher.update(octets);
        hasher.finish().as_bytes().try_into().unwrap_or([0; 32])
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cbor(e) => write!(f, "record: {e}"),
            Self::Structure(what) => write!(f, "record: {what}"),
        }
    }
}

impl std::error::Error for RecordError {}
