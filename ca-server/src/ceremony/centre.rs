//! The centre's machine: an issuing key and its request, and what is made of the certificate: a centre, or
//! the next generation of one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use esign_core::keys::{Passphrase, PrivateKey, SigningKey};
use esign_core::x509::{Certificate, Request, certificates, to_pem};

use super::paper::{Paper, Step};
use super::plan::Plan;
use super::root::same_plan;
use super::root_list::RootList;
use crate::acts::Change;
use crate::centre::init::{issuer_of, new_key};
use crate::error::{CentreError, CentreErrorKind};
use crate::files::{self, Secrecy};
use crate::ids::KeyId;
use crate::life::{IssuingKey, Who, commit};
use crate::setup::{CONFIGURATION, Furnishing, NewOfficer, ServiceOptions, demand_approval};
use crate::store::Store;
use crate::store::sqlite::SqliteStore;

const REQUEST: &str = "request.txt";
const KEY: &str = "issuing.pem";
const KEYS: &str = "keys";

/// Where an issuing key waits for its certificate: a folder beside `dir`.
pub fn pending(dir: &Path) -> PathBuf {
    let mut name = dir.as_os_str().to_owned();
    name.push(".pending");
    PathBuf::from(name)
}

/// Makes an issuing key in the folder [`pending`] of `dir`, or takes `token`, one that is on a token, and
/// makes its request. Asked again, it gives the same paper.
///
/// `store` is that of the centre which gets its next generation, none for a new centre.
///
/// # Errors
/// There is a centre in `dir`, or none where there has to be one; another plan's request waits; the key
/// cannot be made or does not sign.
pub fn request(
    dir: &Path,
    plan: &Plan,
    store: Option<&dyn Store>,
    token: Option<&dyn SigningKey>,
    passphrase: Option<&Passphrase>,
) -> Result<Paper, CentreError> {
    let generation = match store {
        None => {
            files::free(dir)?;
            1
        }
        Some(store) => next_generation(store)?,
    };
    let waiting = pending(dir);
    let paper = waiting.join(REQUEST);
    if paper.is_file() {
        let name = paper.display().to_string();
        let text = String::from_utf8_lossy(&files::read(&paper)?).into_owned();
        let paper = Paper::read(&name, &text, Step::Request)?;
        same_plan(&paper, plan)?;
        return Ok(paper);
    }
    files::whole_folder(&waiting, |part| {
        let made;
        let key = match token {
            Some(key) => key,
            None => {
                let spec = plan
                    .issuing_key()
                    .map_err(|what| CentreError::new(CentreErrorKind::Settings, "plan", what))?;
                made = new_key(&part.join(KEY), spec, passphrase)?;
                &made
            }
        };
        let name = plan
            .issuing(generation)
            .name()
            .map_err(|e| CentreError::new(CentreErrorKind::Value, "name of the centre", e))?;
        let csr = Request::sign(&name, key).map_err(|e| CentreError::key("issuing key", &e))?;
        let paper = Paper::new(Step::Request, Some(plan.digest()), vec![csr.der().to_vec()]);
        files::write(
            &part.join(REQUEST),
            paper.text()?.as_bytes(),
            Secrecy::Public,
        )?;
        Ok(paper)
    })
}

/// The number of the generation after those that a store knows.
fn next_generation(store: &dyn Store) -> Result<u32, CentreError> {
    let known = store.issuers()?;
    let last = known.iter().map(|issuer| issuer.generation).max();
    Ok(last.unwrap_or(0).saturating_add(1))
}

/// What a centre, or its next generation, is made of.
pub struct Installation<'a> {
    /// The centre's folder: missing, or that of the centre which goes on.
    pub dir: &'a Path,
    /// The plan.
    pub plan: &'a Plan,
    /// Folder of the plan: requests of officers are named relative to it.
    pub beside: &'a Path,
    /// The paper with the certificate, whose fingerprint was compared.
    pub issuing: &'a Paper,
    /// The issuing key, where it is on a token.
    pub token: Option<Arc<dyn SigningKey>>,
    /// Opens the issuing key, and encrypts the others.
    pub passphrase: Option<&'a Passphrase>,
}

/// What the root made, compared with each other and with the key.
struct Certified {
    key: IssuingKey,
    root: Certificate,
    list: RootList,
}

impl Installation<'_> {
    /// Makes the centre: store, service, first officers. What waited for it is removed.
    ///
    /// # Errors
    /// The folder is there; the paper follows another plan, or its certificates are not what the root
    /// signed for this key; an officer's request cannot be read. Nothing of the centre is left then.
    pub fn found(&self, who: &Who) -> Result<(), CentreError> {
        files::free(self.dir)?;
        let certified = self.certified(who)?;
        let officers = self.officers()?;
        files::whole_folder(self.dir, |part| self.fill(part, certified, officers, who))?;
        self.forget()
    }

    /// Puts the next generation into a centre, first of those that issue: the service has to be started
    /// again. The older ones stay, for their lists and answers. What waited for it is removed.
    ///
    /// # Errors
    /// Those of [`Self::found`]; the paper is of another root than the centre's. What an interruption
    /// left is completed by doing it again.
    pub fn succeed(&self, store: &dyn Store, who: &Who) -> Result<(), CentreError> {
        let certified = self.certified(who)?;
        let dir = self.dir;
        let own = certificates(&files::read(&dir.join("root.pem"))?).unwrap_or_default();
        if !own.iter().any(|own| own.der() == certified.root.der()) {
            return Err(CentreError::new(
                CentreErrorKind::Request,
                "paper",
                format_args!(
                    "is of root {}, which is not this centre's: its users trust another",
                    KeyId::of_spki(certified.root.spki_der())
                ),
            ));
        }
        let issuing = &certified.key.certificate;
        let known = store.issuer(&certified.key.id())?;
        let generation = match known {
            Some(known) => known.generation,
            None => next_generation(store)?,
        };
        let stem = Plan::stem(generation);
        self.keep_key(&dir.join(KEYS).join(format!("{stem}.pem")))?;
        let pem = to_pem("CERTIFICATE", issuing.der());
        files::write(
            &dir.join(format!("{stem}.pem")),
            pem.as_bytes(),
            Secrecy::Public,
        )?;
        let known = Change::AddIssuer(issuer_of(issuing, generation));
        commit(store, who, "the next generation", vec![known])?;
        let list = dir.join("crl").join("root.crl");
        if RootList::read(&list, &certified.root)?
            .is_none_or(|before| before.number().is_below(&certified.list.number()))
        {
            certified.list.publish(&list, &certified.root)?;
        }
        let path = dir.join(CONFIGURATION);
        let text = String::from_utf8(files::read(&path)?)
            .map_err(|e| CentreError::new(CentreErrorKind::Settings, path.display(), e))?;
        let table = self.plan.issuing_table(generation);
        if !text.contains(&table) {
            let (before, after) = text.split_once("[[issuing]]").ok_or_else(|| {
                CentreError::new(
                    CentreErrorKind::Settings,
                    path.display(),
                    "has no [[issuing]], before which the next one would stand",
                )
            })?;
            let text = format!("{before}{table}\n[[issuing]]{after}");
            files::write(&path, text.as_bytes(), Secrecy::Public)?;
        }
        self.forget()
    }

    /// The issuing key with what the root signed for it.
    fn certified(&self, who: &Who) -> Result<Certified, CentreError> {
        let paper = self.issuing;
        same_plan(paper, self.plan)?;
        let (issuing, root) = (paper.certificate(0)?, paper.certificate(1)?);
        let wrong = |what: &dyn std::fmt::Display| {
            CentreError::new(CentreErrorKind::Request, "paper", what)
        };
        let root_key = root.public_key().map_err(|e| wrong(&e))?;
        for (what, one) in [("root", &root), ("issuing authority", &issuing)] {
            one.verify_signed_by(root_key)
                .map_err(|e| wrong(&format_args!("the {what} is not signed by the root: {e}")))?;
        }
        if issuing.issuer() != root.subject() || !issuing.is_valid_at(who.at) {
            return Err(wrong(&format_args!(
                "the issuing certificate is by {}, valid from {} until {}; the root is {}, it is {}",
                issuing.issuer(),
                issuing.not_before(),
                issuing.not_after(),
                root.subject(),
                who.at
            )));
        }
        let list = RootList::of(paper.list(2)?, &root)?;
        if list.revokes(&issuing)? {
            return Err(wrong(
                &"its list says that the issuing certificate is revoked",
            ));
        }
        let key: Arc<dyn SigningKey> = match &self.token {
            Some(key) => key.clone(),
            None => {
                let path = pending(self.dir).join(KEY);
                let octets = zeroize::Zeroizing::new(files::read(&path)?);
                let key = PrivateKey::from_file(&octets, self.passphrase);
                Arc::new(key.map_err(|e| CentreError::key(path.display(), &e))?)
            }
        };
        Ok(Certified {
            key: IssuingKey::new(issuing, key)?,
            root,
            list,
        })
    }

    fn officers(&self) -> Result<Vec<NewOfficer>, CentreError> {
        let read = |path: &PathBuf| {
            let path = self.beside.join(path);
            Request::read(&files::read(&path)?)
                .map_err(|e| CentreError::new(CentreErrorKind::Request, path.display(), e))
        };
        self.plan
            .officers
            .iter()
            .map(|officer| {
                Ok(NewOfficer {
                    name: officer.name.clone(),
                    roles: officer.roles.clone(),
                    request: officer.request.as_ref().map(read).transpose()?,
                })
            })
            .collect()
    }

    fn fill(
        &self,
        part: &Path,
        certified: Certified,
        officers: Vec<NewOfficer>,
        who: &Who,
    ) -> Result<(), CentreError> {
        let Certified { key, root, list } = certified;
        for name in [KEYS, "crl"] {
            files::folder(&part.join(name))?;
        }
        self.keep_key(&part.join(KEYS).join(KEY))?;
        let pem = |one: &Certificate| to_pem("CERTIFICATE", one.der());
        for (name, text) in [
            ("issuing.pem", pem(&key.certificate)),
            ("root.pem", pem(&root)),
            ("chain.pem", pem(&key.certificate) + &pem(&root)),
        ] {
            files::write(&part.join(name), text.as_bytes(), Secrecy::Public)?;
        }
        list.publish(&part.join("crl").join("root.crl"), &root)?;
        self.plan.keep(part)?;
        let mut settings = self.plan.settings();
        demand_approval(&mut settings, self.plan.approvals);
        settings.write(part)?;
        let store = Arc::new(SqliteStore::open(&part.join("store.sqlite"))?);
        let known = Change::AddIssuer(issuer_of(&key.certificate, 1));
        let why = format!("certified by root {}", KeyId::of_spki(root.spki_der()));
        commit(store.as_ref(), who, &why, vec![known])?;
        let operators = &self.plan.operators;
        Furnishing {
            dir: part,
            service: &ServiceOptions {
                hosts: operators.hosts.clone(),
                operators_url: operators.url.clone(),
                officers,
                log_origin: self.plan.log_origin.clone(),
                configuration: self.plan.configuration(),
            },
            settings,
            identifier: self.plan.identifier.clone(),
            store,
            issuing: key,
            passphrase: self.passphrase,
            who,
        }
        .furnish()
    }

    /// Puts the key that waits to its place; one on a token has none.
    fn keep_key(&self, path: &Path) -> Result<(), CentreError> {
        if self.token.is_some() {
            return Ok(());
        }
        let octets = zeroize::Zeroizing::new(files::read(&pending(self.dir).join(KEY))?);
        files::write(path, &octets, Secrecy::Secret)
    }

    /// Removes what waited.
    fn forget(&self) -> Result<(), CentreError> {
        let waiting = pending(self.dir);
        match fs::remove_dir_all(&waiting) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(CentreError::io(&waiting, &e))
            }
            _ => Ok(()),
        }
    }
}
