//! Values to octets (ISO 32000-1 §7.3); the same value always gives the same octets.

use std::io::Write;

use super::lexer::{is_delimiter, is_space};
use super::{Dict, Object};

/// Appends the syntax of a value. Of a stream only the dictionary is written.
pub fn write_object(out: &mut Vec<u8>, object: &Object) {
    match object {
        Object::Null => out.extend_from_slice(b"null"),
        Object::Bool(true) => out.extend_from_slice(b"true"),
        Object::Bool(false) => out.extend_from_slice(b"false"),
        Object::Integer(n) => text(out, format_args!("{n}")),
        // Display of f64 has no exponent, which PDF does not know, and reads back as the same value.
        Object::Real(x) if x.is_finite() => text(out, format_args!("{x}")),
        Object::Real(_) => out.push(b'0'),
        Object::Name(name) => write_name(out, &name.0),
        Object::String(s) if s.hex => write_hex(out, &s.bytes),
        Object::String(s) => write_literal(out, &s.bytes),
        Object::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b' ');
                }
                write_object(out, item);
            }
            out.push(b']');
        }
        Object::Dict(dict) => write_dict(out, dict),
        Object::Stream(stream) => write_dict(out, &stream.dict),
        Object::Ref(r) => text(out, format_args!("{} {} R", r.number, r.generation)),
    }
}

pub(super) fn write_dict(out: &mut Vec<u8>, dict: &Dict) {
    out.extend_from_slice(b"<<");
    for entry in dict.entries() {
        write_name(out, &entry.key.0);
        out.push(b' ');
        write_object(out, &entry.value);
    }
    out.extend_from_slice(b">>");
}

pub(super) fn text(out: &mut Vec<u8>, arguments: core::fmt::Arguments<'_>) {
    // Writing to memory cannot fail.
    let _ = out.write_fmt(arguments);
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn push_hex(out: &mut Vec<u8>, octet: u8) {
    for nibble in [octet >> 4, octet & 15] {
        out.extend(HEX.get(usize::from(nibble)));
    }
}

fn write_name(out: &mut Vec<u8>, name: &[u8]) {
    out.push(b'/');
    for &b in name {
        if b == b'#' || !(0x21..=0x7e).contains(&b) || is_space(b) || is_delimiter(b) {
            out.push(b'#');
            push_hex(out, b);
        } else {
            out.push(b);
        }
    }
}

fn write_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'<');
    for &b in bytes {
        push_hex(out, b);
    }
    out.push(b'>');
}

fn write_literal(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'(');
    for &b in bytes {
        match b {
            b'(' | b')' | b'\\' => out.extend_from_slice(&[b'\\', b]),
            // An unescaped carriage return would be read as a line feed.
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\n' => out.extend_from_slice(b"\\n"),
            _ => out.push(b),
        }
    }
    out.push(b')');
}
