//! Certificates that are signed rightly and say what the input wants.

use std::sync::OnceLock;

use esign_core::der::{Tag, Writer};
use esign_core::keys::{KeySpec, PrivateKey, SigningKey};
use esign_core::oid;
use esign_core::time::UnixTime;
use esign_core::x509::{Certificate, NameBuilder};

fn key() -> &'static PrivateKey {
    static KEY: OnceLock<PrivateKey> = OnceLock::new();
    KEY.get_or_init(|| PrivateKey::generate(KeySpec::Ed25519).unwrap())
}

fn name(w: &mut Writer, n: u8) {
    let name = NameBuilder::new().with(oid::COMMON_NAME, format!("n{}", n % 4));
    w.raw(name.build().unwrap().der());
}

/// Takes one octet; what is not there is 0.
pub fn take(input: &mut &[u8]) -> u8 {
    match input.split_first() {
        Some((first, rest)) => {
            *input = rest;
            *first
        }
        None => 0,
    }
}

/// Signs a certificate: its names by the first octet, then some of `known` as number, length,
/// octets. The first of them is basicConstraints, which an authority has in any case.
pub fn certificate(
    input: &mut &[u8],
    authority: bool,
    known: &[oid::ObjectIdentifier],
) -> Option<Certificate> {
    let key = key();
    let algorithm = key.algorithms()[0];
    let names = take(input);
    let mut extensions: Vec<(usize, bool, Vec<u8>)> = Vec::new();
    if authority {
        extensions.push((0, true, vec![0x30, 3, 1, 1, 0xff]));
    }
    for _ in 0..take(input) % 6 {
        let kind = take(input);
        let length = usize::from(take(input));
        let (value, rest) = input.split_at(length.min(input.len()));
        *input = rest;
        let number = usize::from(kind & 0x7f) % known.len();
        extensions.retain(|(n, _, _)| *n != number);
        extensions.push((number, kind & 0x80 != 0, value.to_vec()));
    }
    let mut w = Writer::new();
    w.sequence(|w| {
        w.nested(Tag::constructed(0), |w| w.u32(2));
        w.u32(u32::from(names));
        algorithm.encode(w);
        name(w, names >> 2);
        w.sequence(|w| {
            w.time(UnixTime::from_seconds(1_767_225_600));
            w.time(UnixTime::from_seconds(1_798_761_600));
        });
        name(w, names);
        w.raw(key.public_key().spki());
        if !extensions.is_empty() {
            w.nested(Tag::constructed(3), |w| {
                w.sequence(|w| {
                    for (number, critical, value) in &extensions {
                        w.sequence(|w| {
                            w.oid(known[*number]);
                            if *critical {
                                w.boolean_true();
                            }
                            w.octets(value);
                        });
                    }
                });
            });
        }
    });
    let tbs = w.finish();
    let signature = key.sign(algorithm, &tbs).ok()?;
    let mut w = Writer::new();
    w.sequence(|w| {
        w.raw(&tbs);
        algorithm.encode(w);
        w.bit_octets(&signature);
    });
    Certificate::from_der(&w.finish()).ok()
}
