//! `esign cert request`: asks a centre for a certificate.

use std::path::PathBuf;

use esign_core::x509::{NameBuilder, Request, to_pem};

use super::secrets::{PassphraseArgs, open_key, shown};
use crate::failure::{Exit, Failure};
use crate::files::{self, Secrecy};
use crate::{Context, print};

/// Make a certificate request (PKCS#10) for a key
#[derive(clap::Args)]
#[command(after_help = "Examples:
  esign cert request --key my.pem --subject \"CN=Əli Məmmədov,C=AZ\" -o my.csr.pem
  esign cert request --key my.pem --passphrase-file code.txt --subject \"CN=Sinaq,O=Sinaq MMC,C=AZ\" -o my.csr.pem

The most specific part of the subject stands first, as in RFC 4514. The centre takes the public
key out of the request and nothing else; who you are it takes from your application.")]
pub(crate) struct Args {
    /// Private key that the certificate is for: a file, or the pkcs11: URI of a key on a token
    #[arg(long, value_name = "KEY", env = "ESIGN_KEY")]
    key: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// Name to ask for, like "CN=…,O=…,C=AZ"
    #[arg(long, value_name = "NAME")]
    subject: String,
    /// Where to write the request (PEM)
    #[arg(short, value_name = "CSR.pem")]
    output: PathBuf,
    /// Replace an existing file
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let subject = NameBuilder::parse(&args.subject)
        .and_then(|name| name.build())
        .map_err(|e| {
            Failure::new(e.to_string()).hint("write it like \"CN=Name,O=Organisation,C=AZ\"")
        })?;
    let key = open_key(&args.key, &args.passphrase, None)?.key;
    let request =
        Request::sign(&subject, &key).map_err(|e| Failure::about(&shown(&args.key), &e))?;
    let pem = to_pem("CERTIFICATE REQUEST", request.der());
    files::write(&args.output, pem.as_bytes(), args.force, Secrecy::Public)?;
    print(&format!(
        "{}\n",
        context.lang.with(
            "request-done",
            &[
                ("subject", &subject.to_string()),
                ("target", &args.output.display().to_string()),
            ],
        )
    ))?;
    Ok(Exit::Passed)
}
