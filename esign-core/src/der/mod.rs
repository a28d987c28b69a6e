//! Reading and writing ASN.1 DER, and reading the BER that some signatures still come in.
//!
//! [`Reader`] walks over the received octets without copying, so that what was signed is hashed
//! as it came in; [`Writer`] builds new structures. Both are small on purpose: typed structures
//! stand in the module of their standard.
//!
//! # Source
//! ITU-T X.690 (02/2021).

mod error;
mod reader;
mod writer;

pub use error::{DecodeError, DecodeKind};
pub use reader::{Reader, Rules, Tlv, decode};
pub use writer::Writer;

/// Identifier octet of one encoding: class, constructed bit and number below 31.
///
/// High tag numbers (X.690 8.1.2.4) occur in none of the structures read here and are refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u8);

impl Tag {
    /// BOOLEAN
    pub const BOOLEAN: Self = Self(0x01);
    /// INTEGER
    pub const INTEGER: Self = Self(0x02);
    /// BIT STRING
    pub const BIT_STRING: Self = Self(0x03);
    /// OCTET STRING
    pub const OCTET_STRING: Self = Self(0x04);
    /// NULL
    pub const NULL: Self = Self(0x05);
    /// OBJECT IDENTIFIER
    pub const OID: Self = Self(0x06);
    /// ENUMERATED
    pub const ENUMERATED: Self = Self(0x0a);
    /// UTF8String
    pub const UTF8_STRING: Self = Self(0x0c);
    /// NumericString
    pub const NUMERIC_STRING: Self = Self(0x12);
    /// PrintableString
    pub const PRINTABLE_STRING: Self = Self(0x13);
    /// TeletexString (T61String)
    pub const TELETEX_STRING: Self = Self(0x14);
    /// IA5String
    pub const IA5_STRING: Self = Self(0x16);
    /// UTCTime
    pub const UTC_TIME: Self = Self(0x17);
    /// GeneralizedTime
    pub const GENERALIZED_TIME: Self = Self(0x18);
    /// VisibleString
    pub const VISIBLE_STRING: Self = Self(0x1a);
    /// UniversalString
    pub const UNIVERSAL_STRING: Self = Self(0x1c);
    /// BMPString
    pub const BMP_STRING: Self = Self(0x1e);
    /// SEQUENCE, SEQUENCE OF
    pub const SEQUENCE: Self = Self(0x30);
    /// SET, SET OF
    pub const SET: Self = Self(0x31);

    /// `[n]` EXPLICIT, or IMPLICIT over a constructed type; n below 31.
    pub const fn constructed(n: u8) -> Self {
        Self(0xa0 | (n & 0x1f))
    }

    /// `[n]` IMPLICIT over a primitive type; n below 31.
    pub const fn primitive(n: u8) -> Self {
        Self(0x80 | (n & 0x1f))
    }

    /// Whether the content is a series of encodings.
    pub const fn is_constructed(self) -> bool {
        self.0 & 0x20 != 0
    }

    /// The name as the standards write it, for messages.
    pub fn name(self) -> String {
        let known = match self {
            Self::BOOLEAN => "BOOLEAN",
            Self::INTEGER => "INTEGER",
            Self::BIT_STRING => "BIT STRING",
            Self::OCTET_STRING => "OCTET STRING",
            Self::NULL => "NULL",
            Self::OID => "OBJECT IDENTIFIER",
            Self::ENUMERATED => "ENUMERATED",
            Self::UTF8_STRING => "UTF8String",
            Self::NUMERIC_STRING => "NumericString",
            Self::PRINTABLE_STRING => "PrintableString",
            Self::TELETEX_STRING => "TeletexString",
            Self::IA5_STRING => "IA5String",
            Self::UTC_TIME => "UTCTime",
            Self::GENERALIZED_TIME => "GeneralizedTime",
            Self::VISIBLE_STRING => "VisibleString",
            Self::UNIVERSAL_STRING => "UniversalString",
            Self::BMP_STRING => "BMPString",
            Self::SEQUENCE => "SEQUENCE",
            Self::SET => "SET",
            _ => "",
        };
        if !known.is_empty() {
            return known.to_owned();
        }
        let n = self.0 & 0x1f;
        match self.0 & 0xc0 {
            0x80 => format!("[{n}]"),
            0x40 => format!("[APPLICATION {n}]"),
            0xc0 => format!("[PRIVATE {n}]"),
            _ => format!("universal type {n}"),
        }
    }
}

impl core::fmt::Debug for Tag {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.name())
    }
}
