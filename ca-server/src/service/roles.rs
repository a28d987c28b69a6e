//! The roles beside the officers' interface: what they answer, and what they do as time goes by.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use esign_core::keys::{Curve, KeySpec, PrivateKey, SigningKey};
use esign_core::time::UnixTime;
use esign_core::x509::{Certificate, Identity, NameBuilder, Organization, Request, SubjectKind};

use ring::rand::{SecureRandom, SystemRandom};

use super::ServiceError;
use super::alarms::AlarmsConfig;
use super::config::LogConfig;
use super::looks;
use super::watch::Look;
use crate::audit::{AuditError, DirectoryTiles, Schedule, Sequencer};
use crate::ceremony::RootList;
use crate::error::{CentreError, CentreErrorKind};
use crate::ids::{KeyId, Name};
use crate::life::{Actor, IssuingKey, Life, NewRequest};
use crate::officers::{Officer, Role};
use crate::status::http::{Files, Served};
use crate::status::{
    Authority, POLL, PublicLists, Publisher, PublisherOptions, Responder, ResponderOptions, Signer,
};
use crate::store::{Fence, LEASE, Lease, LeaseName, LogStore, Store};

/// What a role does about every second.
pub type Task = Box<dyn Fn(UnixTime) -> Result<(), CentreError> + Send + Sync>;

/// Certificates whose OCSP answers are kept: some 50 MiB.
const PRESIGNED: usize = 32_768;
/// How long a delta is good for, in seconds: what it tells is told again after half an hour.
const DELTA_LIFETIME: i64 = 3600;

/// How often to look after a lease: a third of its time is a few of these.
const RENEWED: Duration = Duration::from_secs(1);

/// What a role adds to a service.
#[derive(Default)]
pub(super) struct Added {
    /// At the public address.
    pub(super) routes: Router,
    /// At the operators' address.
    pub(super) operators: Router,
    /// What is described of that.
    pub(super) description: Option<utoipa::openapi::OpenApi>,
    pub(super) tasks: Vec<Task>,
    pub(super) looks: Vec<Look>,
}

/// A key whose lists are published, and the name of its files.
pub(super) struct Listed {
    pub(super) key: IssuingKey,
    pub(super) name: String,
}

/// The roots above the keys that issue.
#[derive(Default)]
pub(super) struct Roots {
    /// Those whose lists are made here.
    pub(super) on_line: Vec<Listed>,
    /// Names of files and certificates of those whose lists are brought.
    pub(super) off_line: Vec<(String, Certificate)>,
}

/// The role `status`: OCSP for the keys that issue, lists for them and for `roots`.
///
/// Responder keys live in this process alone: each start, and each renewal, makes a new one and has
/// it certified for a short time. There is none to steal from a disk.
pub(super) fn status(
    dir: &Path,
    life: &Life,
    issuing: Vec<Listed>,
    roots: Roots,
    terms: &AlarmsConfig,
    clock: fn() -> UnixTime,
) -> Result<Added, ServiceError> {
    let at = clock();
    let mut served = Vec::new();
    let mut renewed = Vec::new();
    for one in &issuing {
        let authority = Authority::new(one.key.certificate.clone())?;
        let (signer, due) = signer(life, &one.key, at)?;
        renewed.push((authority.id(), one.key.clone(), due));
        served.push((authority, signer));
    }
    let responder = Arc::new(Responder::new(
        life.store().clone(),
        served,
        ResponderOptions {
            presigned: PRESIGNED,
            ..ResponderOptions::default()
        },
    ));
    polled(&responder)?;
    let mut tasks: Vec<Task> = Vec::new();
    let mut seen = vec![looks::responder(responder.clone())];
    let mut made = Vec::new();
    let lease = leased(life.store(), LeaseName::Lists)?;
    let lists = dir.join("crl");
    let public_lists = dir.join("lists");
    std::fs::create_dir_all(&public_lists)
        .map_err(|e| ServiceError::new(public_lists.display(), e))?;
    let settings = life.settings();
    let lifetime = i64::from(settings.crl_hours).saturating_mul(3600);
    let mut issuers = HashMap::new();
    for (name, certificate) in &roots.off_line {
        issuers.insert(name.clone(), certificate.der().to_vec());
        let path = lists.join(format!("{name}.crl"));
        // What is brought is looked at now and again; what is no list of this root is told at once.
        if RootList::read(&path, certificate)?.is_none() {
            tracing::warn!(list = %path.display(), "the list of the root is missing: bring it by `ca-server root-list`");
        }
        seen.push(looks::root_list(path, name.clone(), certificate.clone()));
    }
    for (n, one) in issuing.iter().chain(&roots.on_line).enumerate() {
        let authority = Authority::new(one.key.certificate.clone())?;
        issuers.insert(one.name.clone(), one.key.certificate.der().to_vec());
        let mut options = PublisherOptions::new(lists.clone(), lifetime);
        options.lease = lease.clone();
        // A root revokes a few certificates in its life: one list serves it.
        if n < issuing.len() {
            options.shards = settings.crl_shards;
            options.delta_lifetime = settings.crl_deltas.then_some(DELTA_LIFETIME);
            options.address = life.addresses(&one.key.id()).crl.into_iter().next();
            let public = Arc::new(PublicLists::new(
                life.store().clone(),
                authority.clone(),
                one.name.clone(),
                public_lists.clone(),
            ));
            let name = one.name.clone();
            seen.push(looks::public_lists(public.clone(), name, terms, at));
            tasks.push(Box::new(move |at| public.publish_if_due(at).map(|_| ())));
        }
        made.push(looks::Lists {
            store: life.store().clone(),
            issuer: authority.id(),
            name: one.name.clone(),
            shards: options.shards,
            deltas: options.delta_lifetime.is_some(),
            lifetime,
        });
        let publisher = Publisher::new(
            life.store().clone(),
            authority,
            one.key.key.clone(),
            one.name.clone(),
            options,
        );
        // There is a list before the first answer.
        publisher.publish_if_due(at)?;
        tasks.push(Box::new(move |at| {
            for list in publisher.publish_if_due(at)? {
                tracing::info!(entries = list.len(), "a list was published");
            }
            Ok(())
        }));
    }
    tasks.push(renewal(life.clone(), responder.clone(), renewed));
    seen.extend(made.into_iter().map(|lists| lists.look(terms, at)));
    let routes = crate::status::http::routes(Arc::new(Served {
        responder,
        lists,
        public_lists,
        files: Files::default(),
        issuers,
        clock,
    }));
    Ok(Added {
        routes,
        tasks,
        looks: seen,
        ..Added::default()
    })
}

/// A lease on what only one process of a shared database may do, renewed as long as it is used. A file
/// has one service, which need not wait for its own lease when it is started again.
pub(super) fn leased(
    store: &Arc<dyn Store>,
    name: LeaseName,
) -> Result<Option<Arc<Lease>>, ServiceError> {
    if store.commits().is_some() {
        return Ok(None);
    }
    let mut holder = [0; 16];
    SystemRandom::new()
        .fill(&mut holder)
        .map_err(|e| ServiceError::new("randomness", e))?;
    let lease = Arc::new(Lease::new(store.clone(), name, holder, LEASE));
    let renewed = Arc::downgrade(&lease);
    std::thread::Builder::new()
        .name(format!("lease {name}"))
        .spawn(move || {
            let mut had = false;
            while let Some(lease) = renewed.upgrade() {
                match lease.fence() {
                    Ok(fence) if fence.is_some() != had => {
                        had = fence.is_some();
                        let epoch = fence.map_or(0, |fence| fence.epoch());
                        tracing::info!(lease = %name, held = had, epoch, "a lease changed hands");
                    }
                    Ok(_) => {}
                    Err(error) => tracing::warn!(lease = %name, %error, "cannot be renewed"),
                }
                drop(lease);
                std::thread::sleep(RENEWED);
            }
        })
        .map_err(|e| ServiceError::new("the thread that renews a lease", e))?;
    Ok(Some(lease))
}

/// Puts expired certificates into the archive, a step a second; of several processes on one database
/// the holder of the lease does.
pub(super) fn archive(life: &Life) -> Result<Task, ServiceError> {
    let lease = leased(life.store(), LeaseName::Archive)?;
    let life = life.clone();
    Ok(Box::new(move |at| {
        let fence = match &lease {
            None => None,
            Some(lease) => match lease.fence()? {
                Some(fence) => Some(fence),
                None => return Ok(()),
            },
        };
        let archived = life.archive_expired(at, fence.as_ref())?;
        if archived > 0 {
            tracing::info!(archived, "expired certificates went into the archive");
        }
        Ok(())
    }))
}

/// The signed log: who holds its lease sequences the audit and signs heads.
pub(super) fn log(
    dir: &Path,
    config: &LogConfig,
    store: &Arc<dyn Store>,
    log: Arc<dyn LogStore>,
    key: Arc<dyn SigningKey>,
    terms: &AlarmsConfig,
) -> Result<Added, ServiceError> {
    let folder = dir.join("log");
    let wrong = |e: AuditError| ServiceError::new("log", e);
    let lease = leased(store, LeaseName::Log)?;
    let schedule = Schedule {
        seconds: i64::from(config.seconds.max(1)),
        ..Schedule::default()
    };
    let seen = looks::log(log.clone(), terms);
    let open = {
        let origin = config.origin.clone();
        move |fence| {
            let tiles = DirectoryTiles::open(&folder)?;
            Sequencer::open_under(log.clone(), tiles, &origin, key.clone(), fence)
        }
    };
    let failed = |e: AuditError| CentreError::new(CentreErrorKind::Store, "log", e);
    let opened: Mutex<Option<(Option<Fence>, Sequencer)>> = Mutex::new(None);
    if lease.is_none() {
        // Without others a log that cannot be gone on with is told at once.
        let sequencer = open(None).map_err(wrong)?;
        *opened.lock().unwrap_or_else(PoisonError::into_inner) = Some((None, sequencer));
    }
    let task: Task = Box::new(move |at| {
        let mut opened = opened.lock().unwrap_or_else(PoisonError::into_inner);
        let fence = match &lease {
            None => None,
            Some(lease) => match lease.fence()? {
                Some(fence) => Some(fence),
                None => {
                    *opened = None;
                    return Ok(());
                }
            },
        };
        // Under another lease, and after a failure, the log is opened anew: others may have gone on.
        let mut sequencer = match opened.take() {
            Some((under, sequencer)) if under == fence => sequencer,
            _ => open(fence).map_err(failed)?,
        };
        // Once, or as often as a whole batch waits: under load something always waits.
        while sequencer.due(&schedule, at).map_err(failed)? {
            sequencer.run(at).map_err(failed)?;
            tracing::info!(size = sequencer.size(), "a head of the log was signed");
        }
        *opened = Some((fence, sequencer));
        Ok(())
    });
    Ok(Added {
        tasks: vec![task],
        looks: vec![seen],
        ..Added::default()
    })
}

/// Looks for changes of other processes as long as the responder is there.
fn polled(responder: &Arc<Responder>) -> Result<(), ServiceError> {
    let responder = Arc::downgrade(responder);
    std::thread::Builder::new()
        .name("status".to_owned())
        .spawn(move || {
            while let Some(responder) = responder.upgrade() {
                if let Err(error) = responder.poll() {
                    tracing::error!(%error, "changes cannot be looked for; every answer is signed");
                }
                drop(responder);
                std::thread::sleep(POLL);
            }
        })
        .map_err(|e| ServiceError::new("the thread that looks for changes", e))?;
    Ok(())
}

type Renewed = Vec<(KeyId, IssuingKey, UnixTime)>;

/// Seconds after which it is looked again whether issuance goes on.
const STOPPED: i64 = 600;

/// Who signs the answers about what `issuing` issued, and until when.
///
/// While issuance is stopped no responder is certified, and the authority answers itself (RFC 6960
/// 4.2.2.2): a centre in trouble must not fall silent about what it issued.
fn signer(
    life: &Life,
    issuing: &IssuingKey,
    at: UnixTime,
) -> Result<(Signer, UnixTime), CentreError> {
    if life.stopped()?.is_some() {
        let itself = Signer::new(issuing.key.clone(), issuing.certificate.clone())?;
        return Ok((itself, at.plus(STOPPED)));
    }
    let signer = delegate(life, &issuing.certificate, at)?;
    let due = half(at, signer.not_after());
    Ok((signer, due))
}

/// Renews each responder certificate after half of its life.
fn renewal(life: Life, responder: Arc<Responder>, renewed: Renewed) -> Task {
    let renewed = Mutex::new(renewed);
    Box::new(move |at| {
        let mut renewed = renewed.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, issuing, due) in renewed.iter_mut() {
            if *due <= at {
                let (signer, until) = signer(&life, issuing, at)?;
                *due = until;
                responder.renew(id, signer);
            }
        }
        Ok(())
    })
}

const fn half(from: UnixTime, to: UnixTime) -> UnixTime {
    from.plus(to.seconds().saturating_sub(from.seconds()) / 2)
}

/// A new responder key, certified by `issuing`.
fn delegate(life: &Life, issuing: &Certificate, at: UnixTime) -> Result<Signer, CentreError> {
    let settings = life.settings();
    let profile = settings
        .profiles
        .iter()
        .find(|issued| issued.profile.subject == SubjectKind::OcspResponder)
        .ok_or_else(|| {
            CentreError::new(
                CentreErrorKind::Settings,
                "profiles",
                "none is for OCSP responders, which the role status needs",
            )
        })?;
    let failed = |e| CentreError::key("OCSP key", &e);
    let key = PrivateKey::generate(KeySpec::Ec(Curve::P256)).map_err(failed)?;
    let wrong = |e| CentreError::new(CentreErrorKind::Value, "OCSP responder", e);
    let name = NameBuilder::new()
        .with(esign_core::oid::COMMON_NAME, "OCSP")
        .build()
        .map_err(wrong)?;
    let csr = Request::sign(&name, &key).map_err(failed)?;
    let actor = Actor {
        // The process itself, which holds the issuing key anyway; its acts stand in the log.
        officer: Officer::new(Name::new("status")?, KeyId([0; 32]), [Role::Registrar]),
        at,
    };
    let identity = Identity::Organization(Organization {
        common_name: format!("{} OCSP", settings.name),
        organization: settings.organization.clone(),
        identifier: None,
        country: "AZ".to_owned(),
    });
    let request = life.receive(
        &actor,
        &NewRequest {
            csr: csr.der(),
            identity: &identity,
            profile: &profile.profile.name,
            listed: false,
        },
    )?;
    let issued = life.issue_with(&actor, &request, &KeyId::of_spki(issuing.spki_der()))?;
    let certificate = Certificate::from_der(&issued.certificate)
        .map_err(|e| CentreError::new(CentreErrorKind::Store, "OCSP certificate", e))?;
    Signer::new(Arc::new(key), certificate)
}
