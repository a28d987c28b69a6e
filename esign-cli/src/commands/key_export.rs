//! `esign key export`: a key and its certificates as other programs import them.

use std::path::PathBuf;

use esign_core::keys::{Passphrase, Pkcs12, Pkcs12Integrity};
use ring::rand::SystemRandom;

use super::key::choose;
use super::secrets::{PassphraseArgs, load_key};
use crate::failure::{Exit, Failure};
use crate::files::{Output, Secrecy};
use crate::{Context, print};

/// Pack a key and its certificates into a PKCS#12 file
#[derive(clap::Args)]
#[command(after_help = "Examples:
  esign key export --key my.pem --cert chain.pem -o my.p12 --passphrase-file code.txt
  esign key export --key my.pem --cert chain.pem -o my.p12 \\
    --passphrase-file code.txt --new-passphrase-file other.txt

The file is protected by the new passphrase, else by that of the key; on a terminal it is asked
for. Windows, macOS, browsers, Java and OpenSSL from 1.1 read it.")]
pub(crate) struct ExportArgs {
    /// Key to pack (PKCS#8, SEC1, PKCS#1 or PKCS#12)
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
    /// Certificate of the key and its issuers [default: those in the key's file]
    #[arg(long, value_name = "CHAIN.pem")]
    cert: Option<PathBuf>,
    /// Where to write it
    #[arg(short, value_name = "FILE.p12")]
    output: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// File whose first line is to be the passphrase of the new file
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,
    /// Name that programs show [default: that of the certificate]
    #[arg(long)]
    name: Option<String>,
    /// What protects the file against changes
    #[arg(long, value_enum, default_value = "hmac")]
    integrity: Integrity,
    /// Replace an existing file
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Integrity {
    /// HMAC-SHA-256 with the key derivation of PKCS#12; every reader of today knows it
    Hmac,
    /// PBMAC1 (RFC 9579); OpenSSL reads it from 3.4 on
    Pbmac1,
}

pub(super) fn export(args: &ExportArgs, context: &Context) -> Result<Exit, Failure> {
    let shown = args.output.display().to_string();
    let mut output = Output::create(&args.output, args.force, Secrecy::Secret)?;
    let (key, certificate, others) =
        load_key(&args.key, &args.passphrase)?.certified(&args.key, args.cert.as_deref())?;
    let passphrase = new_passphrase(args, &shown)?;
    let certificates: Vec<&[u8]> = core::iter::once(&certificate)
        .chain(&others)
        .map(|c| c.der())
        .collect();
    let name = match &args.name {
        Some(name) => name.clone(),
        None => certificate
            .subject()
            .common_name()
            .map_or_else(|| certificate.subject().to_string(), Into::into),
    };
    let integrity = match args.integrity {
        Integrity::Hmac => Pkcs12Integrity::HmacSha256,
        Integrity::Pbmac1 => Pkcs12Integrity::Pbmac1,
    };
    let file = Pkcs12::encode(
        &key,
        &certificates,
        Some(&name),
        &passphrase,
        integrity,
        &SystemRandom::new(),
    )
    .map_err(|e| Failure::about(&shown, &e))?;
    std::io::Write::write_all(&mut output, &file).map_err(|e| Failure::io(&shown, &e))?;
    output.commit(args.force)?;
    let count = certificates.len().to_string();
    let values = [("target", shown.as_str()), ("count", &count)];
    print(&format!("{}\n", context.lang.with("key-exported", &values)))?;
    Ok(Exit::Passed)
}

fn new_passphrase(args: &ExportArgs, shown: &str) -> Result<Passphrase, Failure> {
    let new = PassphraseArgs {
        passphrase_file: args.new_passphrase_file.clone(),
    };
    let given = match new.passphrase_file {
        Some(_) => new.given()?,
        None => args.passphrase.given()?,
    };
    let chosen = match given {
        Some(given) => Some(given),
        None => choose(shown)?,
    };
    chosen.ok_or_else(|| {
        Failure::about(&shown, &"a PKCS#12 file needs a passphrase")
            .hint("give it with --new-passphrase-file FILE, --passphrase-file FILE or in ESIGN_PASSPHRASE")
    })
}
