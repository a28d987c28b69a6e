//! `esign cert show`: explains certificates and what lies about them to a person.

mod certificate;
mod cms;
mod crl;
mod describe;
mod extension;
pub(super) mod input;
mod item;
mod key;
mod ocsp;
mod pkcs12;
mod request;
mod statement;

use std::path::{Path, PathBuf};

use esign_core::keys::Passphrase;
use esign_core::time::UnixTime;
use serde_json::{Value, json};

use self::input::Kind;
use self::item::Item;
pub(super) use self::item::clean;
use super::secrets::PassphraseArgs;
use crate::failure::{Exit, Failure};
use crate::lang::Lang;
use crate::{Context, files, print};

/// Explain certificates, CRLs, requests, keys, PKCS#12 stores, CMS messages, OCSP responses
#[derive(clap::Args)]
#[command(after_help = "Examples:
  esign cert show my.pem
  esign cert show my.p12 --passphrase-file code.txt
  esign cert show chain.pem list.crl --json

Exit code 1 says that something was malformed; it is named first, and the rest is shown.")]
pub(crate) struct Args {
    /// PEM (one or several in a file) or DER
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// Say whether it is valid at this time instead of now (RFC 3339, or a date)
    #[arg(long, value_name = "TIME", value_parser = super::trust::parse_time)]
    at: Option<UnixTime>,
    /// One JSON document a file, on one line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let at = args.at.unwrap_or_else(super::trust::now);
    let mut exit = Exit::Passed;
    for path in &args.files {
        match show(path, &args, &context.lang, at) {
            Ok(items) => {
                if items.iter().any(Item::has_problems) {
                    exit = exit.worse(Exit::Failed);
                }
                print(&if args.json {
                    to_json(path, &items)
                } else {
                    to_text(path, &items, &context.lang)
                })?;
            }
            Err(failure) => {
                failure.print();
                exit = exit.worse(failure.exit);
            }
        }
    }
    Ok(exit)
}

fn to_json(path: &Path, items: &[Item]) -> String {
    let items: Vec<Value> = items.iter().map(Item::to_json).collect();
    let file = path.display().to_string();
    format!(
        "{}\n",
        json!({"schema": "esign-cert-show/1", "file": file, "items": items})
    )
}

fn to_text(path: &Path, items: &[Item], lang: &Lang) -> String {
    let mut out = format!("{}\n", item::clean(&path.display().to_string()));
    let several = items.len() > 1;
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        item.write(lang, 0, several.then_some(i + 1), &mut out);
    }
    out
}

/// Everything that a file holds.
fn show(path: &Path, args: &Args, lang: &Lang, at: UnixTime) -> Result<Vec<Item>, Failure> {
    let octets = zeroize::Zeroizing::new(files::read(path)?);
    // A passphrase that cannot be asked for is one that is not there; that is said with the item.
    let mut failed = None;
    let mut ask = || {
        args.passphrase
            .ask(&path.display().to_string())
            .unwrap_or_else(|failure| {
                failed = Some(failure);
                None
            })
    };
    let items =
        of_file(lang, &octets, at, &mut ask).map_err(|e| Failure::about(&path.display(), &e))?;
    match failed {
        Some(failure) => Err(failure),
        None => Ok(items),
    }
}

fn of_file(
    lang: &Lang,
    octets: &[u8],
    at: UnixTime,
    ask: &mut dyn FnMut() -> Option<Passphrase>,
) -> Result<Vec<Item>, String> {
    if octets.is_empty() {
        return Err("the file is empty".into());
    }
    if let Some(kind) = input::of_octets(octets).or_else(|| indefinite(octets)) {
        return Ok(vec![of_kind(lang, kind, octets, at, ask)]);
    }
    let text = String::from_utf8_lossy(octets);
    let blocks = input::blocks(&text)?;
    let mut items = Vec::new();
    let mut recognised = false;
    for block in &blocks {
        let kind = input::of_label(&block.label);
        recognised |= kind.is_some();
        let item = match (kind, &block.der) {
            (Some(Kind::PrivateKey | Kind::EncryptedKey), Ok(_)) => {
                key::private(lang, block.text.as_bytes(), ask)
            }
            (Some(kind), Ok(der)) => of_kind(lang, kind, der, at, ask),
            (None, Ok(der)) => other(lang, &block.label, der),
            (kind, Err(problem)) => {
                let problem = format!("PEM \"{}\": {problem}", block.label);
                Item::broken(kind.map_or("other", name_of), &problem)
            }
        };
        items.push(item);
    }
    if recognised {
        return Ok(items);
    }
    Err(if octets.first() == Some(&0x30) {
        "begins like DER, but is cut off or none of: certificate, CRL, request, key, PKCS#12, CMS, OCSP response".into()
    } else if let Some(first) = blocks.first() {
        format!(
            "a PEM block \"{}\" is nothing that is explained here",
            first.label
        )
    } else {
        "neither PEM nor DER of a certificate, CRL, request, key, PKCS#12, CMS or OCSP response"
            .into()
    })
}

/// A message of indefinite length that the reader did not walk through: the object identifier of
/// its type stands right behind the first header (X.690 8.1.3.6).
fn indefinite(octets: &[u8]) -> Option<Kind> {
    octets.starts_with(&[0x30, 0x80, 0x06]).then_some(Kind::Cms)
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Certificate => "certificate",
        Kind::Crl => "crl",
        Kind::Request => "request",
        Kind::PrivateKey | Kind::EncryptedKey => "private-key",
        Kind::PublicKey | Kind::RsaPublicKey => "public-key",
        Kind::Pkcs12 => "pkcs12",
        Kind::Cms => "cms",
        Kind::Ocsp => "ocsp",
        Kind::OcspRequest => "ocsp-request",
    }
}

fn of_kind(
    lang: &Lang,
    kind: Kind,
    octets: &[u8],
    at: UnixTime,
    ask: &mut dyn FnMut() -> Option<Passphrase>,
) -> Item {
    match kind {
        Kind::Certificate => certificate::show(lang, octets, at),
        Kind::Crl => crl::show(lang, octets, at),
        Kind::Request => request::show(lang, octets),
        Kind::PrivateKey | Kind::EncryptedKey => key::private(lang, octets, ask),
        Kind::PublicKey => key::public(lang, octets),
        Kind::RsaPublicKey => key::rsa_public(lang, octets),
        Kind::Pkcs12 => pkcs12::show(lang, octets, at, ask),
        Kind::Cms => cms::show(lang, octets, at),
        Kind::Ocsp => ocsp::show(lang, octets, at),
        Kind::OcspRequest => ocsp::request(lang, octets, at),
    }
}

/// A PEM block of a label that is not explained here, such as curve parameters.
fn other(lang: &Lang, label: &str, der: &[u8]) -> Item {
    let mut item = Item::new("other");
    item.row("PEM", label);
    item.row(lang.text("show-length"), der.len().to_string());
    item.set("label", label);
    item.set("length", der.len());
    item
}
