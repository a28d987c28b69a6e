//! `esign cert`: certificates, shown and made.

use clap::Subcommand;

use crate::Context;
use crate::commands::{cert_lint, cert_request, cert_show, cert_verify};
use crate::failure::{Exit, Failure};

/// What to do with certificates.
#[derive(Subcommand)]
pub(crate) enum CertCommand {
    /// Explain certificates, CRLs, requests, keys, PKCS#12 stores, CMS messages, OCSP responses
    Show(cert_show::Args),
    /// Judge a certificate: its path to a trusted one, purpose, name, policies and status
    Verify(cert_verify::Args),
    /// Judge certificates, CRLs and OCSP responses by the rules of their standards
    Lint(cert_lint::Args),
    /// Make a certificate request (PKCS#10) for a key
    Request(cert_request::Args),
}

pub(crate) fn run(command: CertCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        CertCommand::Show(args) => cert_show::run(args, context),
        CertCommand::Verify(args) => cert_verify::run(&args, context),
        CertCommand::Lint(args) => cert_lint::run(&args, context),
        CertCommand::Request(args) => cert_request::run(&args, context),
    }
}
