//! `ca-server root-list`: the next list of the root off line, brought to where everybody fetches it.

use std::path::PathBuf;
use std::process::ExitCode;

use ca_server::acts::{Act, Change};
use ca_server::ceremony::{RootList, Step};
use ca_server::ids::Name;
use ca_server::service::assemble::{open_stores, system_clock};
use esign_core::x509::{Certificate, certificates};

use super::{Failure, NO, Where, ask};

#[derive(clap::Args)]
#[command(
    after_help = "The paper is made off line by `ca-server init list` or `ca-server init revoke`. A list that revokes an \
issuing certificate of this centre stops issuance as well; docs/runbooks/compromised-ca-key.md says what to do then.\n\n\
Example:\n  ca-server root-list list.txt --config /etc/ca/ca-server.toml"
)]
pub(crate) struct Args {
    /// The paper with the list
    paper: PathBuf,
}

pub(crate) fn run(at: &Where, args: &Args) -> Result<ExitCode, Failure> {
    let (dir, config) = at.read()?;
    let paper = super::init::paper(&args.paper, Step::List)?;
    let certificate = |path: &std::path::Path| -> Result<Certificate, Failure> {
        let path = dir.join(path);
        let octets = std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let found = certificates(&octets).map_err(|e| format!("{}: {e}", path.display()))?;
        let first = found.into_iter().next();
        Ok(first.ok_or_else(|| format!("{}: holds no certificate", path.display()))?)
    };
    let mut refused = Vec::new();
    let mut found = None;
    for root in config.root.iter().filter(|root| root.key.is_none()) {
        let signer = certificate(&root.certificate)?;
        match RootList::from_paper(&paper, &signer) {
            Ok(list) => found = Some((list, signer, &root.certificate)),
            Err(error) => refused.push(error.to_string()),
        }
    }
    let Some((list, root, file)) = found else {
        refused.push("no root of the configuration is off line".to_owned());
        return Err(refused.swap_remove(0).into());
    };
    let mut revoked = Vec::new();
    for one in &config.issuing {
        let issuing = certificate(&one.certificate)?;
        if issuing.issuer() == root.subject() && list.revokes(&issuing)? {
            revoked.push(issuing);
        }
    }
    if !revoked.is_empty() {
        // Before anything else: what is signed with a revoked key helps nobody.
        let store = open_stores(&dir, &config, &ask)?.acts;
        if store.stop()?.is_none() {
            let stop = Act {
                by: Name::new("root-list")?,
                at: system_clock(),
                why: format!(
                    "list {} of the root revokes the issuing certificate",
                    list.number()
                ),
                change: Change::StopIssuance,
            };
            store.commit(vec![stop])?;
        }
    }
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let path = dir.join("crl").join(format!("{name}.crl"));
    list.publish(&path, &root)?;
    println!(
        "list {} of the root is published in {}; the next one is due by {}",
        list.number(),
        path.display(),
        list.next_update()
    );
    for issuing in &revoked {
        println!(
            "issuing certificate {} ({}) is REVOKED: issuance is stopped",
            issuing.serial(),
            issuing.subject()
        );
    }
    Ok(if revoked.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NO)
    })
}
