//! `ca-server check`: the store beside what was published and what the journal has.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ca_server::audit::{DirectoryTiles, JournalReader, PublishedCrl, Reconciled, reconcile};
use ca_server::ids::KeyId;
use ca_server::service::assemble::open_stores;
use ca_server::service::config::Config;
use ca_server::setup::LOG_KEY;
use esign_core::crl::Crl;
use esign_core::log::SignedNote;
use esign_core::x509::{Certificate, certificates};

use super::audit::named;
use super::{Failure, NO, Where, ask};

#[derive(clap::Args)]
#[command(
    after_help = "Exit code 1 says that something is missing. A centre whose store is behind what it published must not \
serve: an older back-up would answer \"good\" for what was revoked since. docs/runbooks/lost-database.md says what to do."
)]
pub(crate) struct Args {
    /// The journal off the machine
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
}

pub(crate) fn run(at: &Where, args: &Args) -> Result<ExitCode, Failure> {
    let (dir, config) = at.read()?;
    let stores = open_stores(&dir, &config, &ask)?;
    let mut journal = args
        .journal
        .as_deref()
        .map(JournalReader::open)
        .transpose()?;
    let published = published_head(&dir)?;
    let crls = published_lists(&dir, &config)?;
    let found = reconcile(
        stores.acts.as_ref(),
        stores.log.as_ref(),
        journal.as_mut(),
        published.as_ref(),
        &crls,
    )?;
    let mut compared = vec![format!("{} published lists", crls.len())];
    if published.is_some() {
        compared.push("the published head of the log".to_owned());
    }
    if journal.is_some() {
        compared.push("the journal".to_owned());
    }
    tell(&found);
    if found.agrees() {
        println!("nothing is missing; compared with {}", compared.join(", "));
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "the store is BEHIND what was compared with it: {}",
        compared.join(", ")
    );
    println!("do not serve from it; docs/runbooks/lost-database.md says what to do");
    Ok(ExitCode::from(NO))
}

fn tell(found: &Reconciled) {
    for lost in &found.lost {
        println!("lost: entry {}: {}", lost.id, lost.leaf);
    }
    let shown = u64::try_from(found.lost.len()).unwrap_or(u64::MAX);
    if found.lost_count > shown {
        println!("… and {} more", found.lost_count.saturating_sub(shown));
    }
    for id in &found.different {
        println!("entry {id}: another in the journal than in the store");
    }
    if found.not_journalled > 0 {
        println!("{} entries are not in the journal", found.not_journalled);
    }
    if let Some((published, own)) = found.log_behind {
        println!(
            "log: a head over {published} entries was published, the store's log has {own} or others"
        );
    }
    for (crl, taken) in &found.crls_ahead {
        let taken = taken.map_or_else(|| "none".to_owned(), |n| n.to_string());
        println!(
            "CRL of key {}, shard {}: number {} was published, the store's newest is {taken}",
            crl.issuer, crl.shard, crl.number
        );
    }
}

/// The published checkpoint, if there is a log; one that is not signed by the log's key is refused.
fn published_head(dir: &Path) -> Result<Option<SignedNote>, Failure> {
    let folder = dir.join("log");
    if !folder.is_dir() {
        return Ok(None);
    }
    let Some(text) = DirectoryTiles::open(&folder)?.checkpoint()? else {
        return Ok(None);
    };
    let note = SignedNote::parse(text.as_bytes())?;
    note.verify(&named(&dir.join(LOG_KEY))?)?;
    Ok(Some(note))
}

/// The lists in the folder `crl`, of the keys of the configuration.
fn published_lists(dir: &Path, config: &Config) -> Result<Vec<PublishedCrl>, Failure> {
    let mut issuers: Vec<(String, Certificate)> = Vec::new();
    // A root off line keeps its own books: its lists are compared with nothing here.
    let certificates_of = config.issuing.iter().map(|key| (&key.certificate, true));
    let roots = config.root.iter();
    let roots = roots.map(|root| (&root.certificate, root.key.is_some()));
    let mut off_line = Vec::new();
    for (certificate, here) in certificates_of.chain(roots) {
        let path = dir.join(certificate);
        let octets = std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let chain = certificates(&octets).map_err(|e| format!("{}: {e}", path.display()))?;
        if !here {
            off_line.push(format!("{name}.crl"));
            continue;
        }
        issuers.extend(
            chain
                .into_iter()
                .next()
                .map(|certificate| (name, certificate)),
        );
    }
    let folder = dir.join("crl");
    let mut lists = Vec::new();
    let entries = match std::fs::read_dir(&folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(lists),
        other => other.map_err(|e| format!("{}: {e}", folder.display()))?,
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.extension().is_none_or(|end| end != "crl")
            || off_line.iter().any(|list| *list == name)
        {
            continue;
        }
        let wrong = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
        let octets = std::fs::read(&path).map_err(|e| wrong(&e))?;
        let list = Crl::from_der(&octets).map_err(|e| wrong(&e))?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let issuer = issuers.iter().find_map(|(name, certificate)| {
            let rest = stem.strip_prefix(name.as_str())?;
            let shard = match rest.trim_end_matches("-delta") {
                "" => 0,
                shard => shard.strip_prefix('-')?.parse().ok()?,
            };
            Some((certificate, shard))
        });
        let Some((certificate, shard)) = issuer else {
            println!(
                "{}: is no list of this configuration's keys",
                path.display()
            );
            continue;
        };
        let number = list.number().ok().flatten();
        lists.push(PublishedCrl {
            issuer: KeyId::of_spki(certificate.spki_der()),
            shard,
            number: number
                .and_then(|number| small(number.magnitude()))
                .ok_or_else(|| wrong(&"has no number that a store has"))?,
        });
    }
    Ok(lists)
}

fn small(magnitude: &[u8]) -> Option<u64> {
    let mut octets = [0; 8];
    let from = octets.len().checked_sub(magnitude.len())?;
    octets.get_mut(from..)?.copy_from_slice(magnitude);
    Some(u64::from_be_bytes(octets))
}
