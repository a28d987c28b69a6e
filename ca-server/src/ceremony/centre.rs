//! The centre's machine: the issuing key and its request, and what is made of the certificate.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use esign_core::keys::{Passphrase, PrivateKey, SigningKey};
use esign_core::x509::{Identity, Request, to_pem};

use super::paper::{Paper, Step};
use super::plan::Plan;
use super::root::{remove, same_plan, text, value};
use crate::acts::Change;
use crate::centre::init::{issuer_of, new_key};
use crate::error::{CentreError, CentreErrorKind};
use crate::files::{self, Secrecy};
use crate::ids::{Digest, KeyId};
use crate::life::{IssuingKey, Who, commit};
use crate::setup::{Furnishing, NewOfficer, ServiceOptions, demand_approval};
use crate::store::sqlite::SqliteStore;

const REQUEST: &str = "request.txt";
const KEY: &str = "issuing.pem";

/// Where the issuing key waits for its certificate: a folder beside `dir`.
pub fn pending(dir: &Path) -> PathBuf {
    let mut name = dir.as_os_str().to_owned();
    name.push(".pending");
    PathBuf::from(name)
}

/// Makes the issuing key in the folder [`pending`] of `dir`, or takes `token`, one that is on a token,
/// and makes its request. Asked again, it gives the same paper.
///
/// # Errors
/// There is a centre in `dir` already, or another plan's request waits; the key cannot be made or does
/// not sign.
pub fn request(
    dir: &Path,
    plan: (&Plan, Digest),
    token: Option<&dyn SigningKey>,
    passphrase: Option<&Passphrase>,
) -> Result<Paper, CentreError> {
    files::free(dir)?;
    let (plan, digest) = plan;
    let waiting = pending(dir);
    let paper = waiting.join(REQUEST);
    if paper.is_file() {
        let paper = Paper::read(&text(&paper)?, Step::Request)?;
        same_plan(&paper, digest)?;
        return Ok(paper);
    }
    files::whole_folder(&waiting, |part| {
        let made;
        let key = match token {
            Some(key) => key,
            None => {
                let spec = plan.issuing_key().map_err(|e| value("issuing-key", &e))?;
                made = new_key(&part.join(KEY), spec, passphrase)?;
                &made
            }
        };
        let identity = plan
            .settings()
            .subject(&Identity::Organization(plan.authority("Issuing CA")));
        let name = identity
            .name()
            .map_err(|e| CentreError::new(CentreErrorKind::Value, "name of the centre", e))?;
        let csr = Request::sign(&name, key).map_err(|e| CentreError::key("issuing key", &e))?;
        let paper = Paper::new(Step::Request, Some(digest), vec![csr.der().to_vec()]);
        files::write(
            &part.join(REQUEST),
            paper.text()?.as_bytes(),
            Secrecy::Public,
        )?;
        Ok(paper)
    })
}

/// What a centre is made of.
pub struct Installation<'a> {
    /// Its folder, which must be missing.
    pub dir: &'a Path,
    /// The plan and its digest.
    pub plan: (&'a Plan, Digest),
    /// Folder of the plan: requests of officers are named relative to it.
    pub beside: &'a Path,
    /// The paper with the certificate, whose fingerprint was compared.
    pub issuing: &'a Paper,
    /// The issuing key, where it is on a token.
    pub token: Option<Arc<dyn SigningKey>>,
    /// Opens the issuing key, and encrypts the others.
    pub passphrase: Option<&'a Passphrase>,
}

/// Makes the centre: store, service, first officers. What waited for it is removed.
///
/// # Errors
/// The folder is there; the paper follows another plan, or its certificates are not what the root signed
/// for this key; an officer's request cannot be read. Nothing of the centre is left then.
pub fn install(made_of: &Installation<'_>, who: &Who) -> Result<(), CentreError> {
    let Installation {
        dir,
        plan: (plan, digest),
        beside,
        issuing: paper,
        token,
        passphrase,
    } = made_of;
    files::free(dir)?;
    same_plan(paper, *digest)?;
    let waiting = pending(dir);
    let (issuing, root, list) = (paper.certificate(0)?, paper.certificate(1)?, paper.list(2)?);
    let wrong =
        |what: &dyn std::fmt::Display| CentreError::new(CentreErrorKind::Request, "paper", what);
    let root_key = root.public_key().map_err(|e| wrong(&e))?;
    for (what, verified) in [
        ("certificate of the root", root.verify_signed_by(root_key)),
        (
            "certificate of the issuing authority",
            issuing.verify_signed_by(root_key),
        ),
        ("list of the root", list.verify_signed_by(root_key)),
    ] {
        verified.map_err(|e| wrong(&format_args!("the {what} is not signed by the root: {e}")))?;
    }
    if issuing.issuer() != root.subject() || !issuing.is_valid_at(who.at) {
        return Err(wrong(&format_args!(
            "the issuing certificate is of {}, valid from {} until {}; the root is {}, it is {}",
            issuing.issuer(),
            issuing.not_before(),
            issuing.not_after(),
            root.subject(),
            who.at
        )));
    }
    let revoked = list.find(issuing.serial()).map_err(|e| wrong(&e))?;
    if revoked.is_some() {
        return Err(wrong(
            &"the list says that the issuing certificate is revoked",
        ));
    }
    let mut officers = Vec::new();
    for officer in &plan.officers {
        let request = officer.request.as_ref().map(|path| {
            let path = beside.join(path);
            Request::read(&files::read(&path)?)
                .map_err(|e| CentreError::new(CentreErrorKind::Request, path.display(), e))
        });
        officers.push(NewOfficer {
            name: officer.name.clone(),
            roles: officer.roles.clone(),
            request: request.transpose()?,
        });
    }
    let key: Arc<dyn SigningKey> = match token {
        Some(key) => key.clone(),
        None => {
            let path = waiting.join(KEY);
            let octets = zeroize::Zeroizing::new(files::read(&path)?);
            let key = PrivateKey::from_file(&octets, *passphrase);
            Arc::new(key.map_err(|e| CentreError::key(path.display(), &e))?)
        }
    };
    let issuing_key = IssuingKey::new(issuing.clone(), key)?;
    files::whole_folder(dir, |part| {
        for name in ["keys", "crl"] {
            files::folder(&part.join(name))?;
        }
        if token.is_none() {
            let octets = zeroize::Zeroizing::new(files::read(&waiting.join(KEY))?);
            files::write(&part.join("keys").join(KEY), &octets, Secrecy::Secret)?;
        }
        let pem = |der: &[u8]| to_pem("CERTIFICATE", der);
        for (name, text) in [
            ("issuing.pem", pem(issuing.der())),
            ("root.pem", pem(root.der())),
            ("chain.pem", pem(issuing.der()) + &pem(root.der())),
        ] {
            files::write(&part.join(name), text.as_bytes(), Secrecy::Public)?;
        }
        files::write(
            &part.join("crl").join("root.crl"),
            list.der(),
            Secrecy::Public,
        )?;
        let mut settings = plan.settings();
        demand_approval(&mut settings, plan.approvals);
        settings.write(part)?;
        let store = Arc::new(SqliteStore::open(&part.join("store.sqlite"))?);
        let known = Change::AddIssuer(issuer_of(&issuing, 1));
        let why = format!("certified by root {}", KeyId::of_spki(root.spki_der()));
        commit(store.as_ref(), who, &why, vec![known])?;
        Furnishing {
            dir: part,
            service: &ServiceOptions {
                hosts: plan.operators.hosts.clone(),
                operators_url: plan.operators.url.clone(),
                officers,
                log_origin: plan.log_origin.clone(),
                configuration: plan.configuration(),
            },
            settings,
            identifier: plan.identifier.clone(),
            store,
            issuing: issuing_key,
            passphrase: *passphrase,
            who,
        }
        .furnish()
    })?;
    if waiting.is_dir() {
        remove(&waiting)?;
    }
    Ok(())
}
