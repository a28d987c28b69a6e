//! `esign key`: makes private keys, packs them for other programs, and shows those on tokens.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use esign_core::keys::{Curve, Kdf, KeySpec, MlDsa, Passphrase, PrivateKey};
use ring::rand::SystemRandom;
use zeroize::Zeroizing;

use super::key_export::{ExportArgs, export};
use super::key_list::{ListArgs, list};
use super::secrets::PassphraseArgs;
use crate::failure::{Exit, Failure};
use crate::files::{Output, Secrecy};
use crate::{Context, print};

/// What to do with keys.
#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a private key
    Generate(GenerateArgs),
    /// Pack a key and its certificates into a PKCS#12 file (.p12, .pfx)
    Export(ExportArgs),
    /// Show the keys and certificates on tokens, with the URI of each
    List(ListArgs),
}

/// Make a private key
#[derive(clap::Args)]
#[command(after_help = "Examples:
  esign key generate -o my.pem
  esign key generate --alg rsa3072 -o my.pem --passphrase-file code.txt
  esign key generate --alg ml-dsa-65 -o my.pem
  ESIGN_PASSPHRASE=… esign key generate --alg ed25519 -o my.pem

On a terminal the passphrase is asked for; elsewhere a key without one is written as it is, for
its owner only (mode 0600).")]
pub(crate) struct GenerateArgs {
    /// Algorithm of the key
    #[arg(long, value_enum, default_value = "p256")]
    alg: Algorithm,
    /// Where to write it (PKCS#8, PEM)
    #[arg(short, value_name = "KEY.pem")]
    output: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// How the passphrase protects the key
    #[arg(long, value_enum, default_value = "pbkdf2")]
    kdf: Derivation,
    /// Replace an existing file; the key in it is lost
    #[arg(long)]
    force: bool,
}

/// Kinds of keys that can be made.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Algorithm {
    P256,
    P384,
    P521,
    Ed25519,
    #[value(name = "ml-dsa-44")]
    MlDsa44,
    #[value(name = "ml-dsa-65")]
    MlDsa65,
    #[value(name = "ml-dsa-87")]
    MlDsa87,
    Rsa2048,
    Rsa3072,
    Rsa4096,
}

#[derive(Clone, Copy, ValueEnum)]
enum Derivation {
    /// 600,000 rounds of HMAC-SHA-256; every reader knows it
    Pbkdf2,
    /// 128 MiB of memory for a guess; OpenSSL cannot read it
    Scrypt,
}

impl From<Algorithm> for KeySpec {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::P256 => Self::Ec(Curve::P256),
            Algorithm::P384 => Self::Ec(Curve::P384),
            Algorithm::P521 => Self::Ec(Curve::P521),
            Algorithm::Ed25519 => Self::Ed25519,
            Algorithm::MlDsa44 => Self::MlDsa(MlDsa::MlDsa44),
            Algorithm::MlDsa65 => Self::MlDsa(MlDsa::MlDsa65),
            Algorithm::MlDsa87 => Self::MlDsa(MlDsa::MlDsa87),
            Algorithm::Rsa2048 => Self::Rsa2048,
            Algorithm::Rsa3072 => Self::Rsa3072,
            Algorithm::Rsa4096 => Self::Rsa4096,
        }
    }
}

pub(crate) fn run(command: KeyCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        KeyCommand::Generate(args) => generate(&args, context),
        KeyCommand::Export(args) => export(&args, context),
        KeyCommand::List(args) => list(&args, context),
    }
}

fn generate(args: &GenerateArgs, context: &Context) -> Result<Exit, Failure> {
    let shown = args.output.display().to_string();
    // The place first: nobody types a passphrase twice for a file that cannot be written.
    let mut output = Output::create(&args.output, args.force, Secrecy::Secret)?;
    let passphrase = match args.passphrase.given()? {
        Some(given) => Some(given),
        None => choose(&shown)?,
    };
    let kdf = match args.kdf {
        Derivation::Pbkdf2 => Kdf::Pbkdf2,
        Derivation::Scrypt => Kdf::Scrypt,
    };
    let failed = |e| Failure::about(&args.output.display(), &e);
    let key = PrivateKey::generate(args.alg.into()).map_err(failed)?;
    let pem = key
        .to_pkcs8_pem(passphrase.as_ref(), kdf, &SystemRandom::new())
        .map_err(failed)?;
    std::io::Write::write_all(&mut output, pem.as_bytes()).map_err(|e| Failure::io(&shown, &e))?;
    output.commit(args.force)?;
    let done = match passphrase {
        Some(_) => "key-done-protected",
        None => "key-done-open",
    };
    print(&format!(
        "{}\n",
        context.lang.with(done, &[("target", &shown)])
    ))?;
    Ok(Exit::Passed)
}

/// A new passphrase typed twice at a terminal; an empty one is none.
pub(crate) fn choose(what: &str) -> Result<Option<Passphrase>, Failure> {
    if !std::io::stdin().is_terminal() {
        return Ok(None);
    }
    let ask = |prompt: String| {
        rpassword::prompt_password(prompt)
            .map(Zeroizing::new)
            .map_err(|e| Failure::io("passphrase", &e))
    };
    let mut first = ask(format!("new passphrase of {what} (empty: none): "))?;
    if first.is_empty() {
        return Ok(None);
    }
    let second = ask("the same again: ".to_owned())?;
    if *first != *second {
        return Err(Failure::new("the two passphrases differ; no key was made"));
    }
    Ok(Some(Passphrase::new(std::mem::take(&mut *first))))
}
