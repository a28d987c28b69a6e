//! Group commit: whoever waits together is written together, and flushed to the disk once.

use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::write::SqliteRows;
use super::{failure, source};
use crate::acts::Act;
use crate::store::lease::Fence;
use crate::store::rules::{self, Prepared};
use crate::store::{MAX_BATCH, Receipt, StoreError, StoreErrorKind};

/// Most calls that wait in line; whoever comes next waits to be let in.
const MAX_WAITING: usize = 1024;

struct Job {
    fence: Option<Fence>,
    acts: Vec<Prepared>,
    reply: Sender<Result<Receipt, StoreError>>,
}

/// What the writing thread does in one go.
type Task = Box<dyn FnOnce(&mut Connection) + Send>;

enum Work {
    Acts(Job),
    Task(Task),
}

/// The thread that owns the writing connection. Ends when this is dropped, after what was asked of
/// it is done.
pub(super) struct Writer {
    object: String,
    jobs: Option<SyncSender<Work>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, object: String) -> Result<Self, StoreError> {
        let (jobs, waiting) = mpsc::sync_channel(MAX_WAITING);
        let name = object.clone();
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || serve(connection, &name, &waiting))
            .map_err(|error| failure::file(&object, error))?;
        Ok(Self {
            object,
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    pub(super) fn commit(
        &self,
        fence: Option<Fence>,
        acts: Vec<Act>,
    ) -> Result<Receipt, StoreError> {
        let acts = rules::prepare(acts)?;
        if acts.is_empty() {
            return Ok(Receipt {
                outcomes: Vec::new(),
            });
        }
        let (reply, answer) = mpsc::channel();
        let sent = self
            .jobs
            .as_ref()
            .is_some_and(|jobs| jobs.send(Work::Acts(Job { fence, acts, reply })).is_ok());
        match answer.recv() {
            Ok(result) if sent => result,
            _ => Err(self.closed()),
        }
    }

    /// Runs `task` with the writing connection, between two groups of acts.
    pub(super) fn run<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = mpsc::channel();
        let task: Task = Box::new(move |connection| {
            // Whoever asked may have gone; what was done stays done.
            let _ = reply.send(task(connection));
        });
        let sent = self
            .jobs
            .as_ref()
            .is_some_and(|jobs| jobs.send(Work::Task(task)).is_ok());
        match answer.recv() {
            Ok(result) if sent => result,
            _ => Err(self.closed()),
        }
    }

    fn closed(&self) -> StoreError {
        StoreError::new(
            StoreErrorKind::Closed,
            &self.object,
            "its writer has stopped; whether the acts were done is not known",
        )
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // An end by panic was told to everyone who waited.
            let _ = thread.join();
        }
    }
}

fn serve(mut connection: Connection, object: &str, waiting: &Receiver<Work>) {
    let mut held = None;
    loop {
        let work = match held.take() {
            Some(task) => Work::Task(task),
            None => match waiting.recv() {
                Ok(work) => work,
                Err(_) => return,
            },
        };
        let first = match work {
            Work::Acts(job) => job,
            Work::Task(task) => {
                task(&mut connection);
                continue;
            }
        };
        let mut acts = first.acts.len();
        let mut jobs = vec![first];
        while acts < MAX_BATCH
            && let Ok(next) = waiting.try_recv()
        {
            match next {
                Work::Acts(next) => {
                    acts = acts.saturating_add(next.acts.len());
                    jobs.push(next);
                }
                Work::Task(task) => {
                    held = Some(task);
                    break;
                }
            }
        }
        match write(&mut connection, object, &jobs) {
            Ok(results) => {
                for (job, result) in jobs.iter().zip(results) {
                    // Whoever asked may have gone; what was done stays done.
                    let _ = job.reply.send(result);
                }
            }
            Err(error) => {
                for job in &jobs {
                    let _ = job.reply.send(Err(error.repeated()));
                }
            }
        }
    }
}

/// Does all jobs in one transaction. The result is that of each job once the transaction is
/// durable; an error means that none was done.
fn write(
    connection: &mut Connection,
    object: &str,
    jobs: &[Job],
) -> Result<Vec<Result<Receipt, StoreError>>, StoreError> {
    // A savepoint for each job copies every page that the job changes. Refusals are rare, so the
    // jobs are first done without; only if one is refused, everything is taken back and done again.
    match together(connection, object, jobs)? {
        Some(receipts) => Ok(receipts.into_iter().map(Ok).collect()),
        None => apart(connection, object, jobs),
    }
}

fn together(
    connection: &mut Connection,
    object: &str,
    jobs: &[Job],
) -> Result<Option<Vec<Receipt>>, StoreError> {
    let tx = begin(connection, object)?;
    let mut receipts = Vec::with_capacity(jobs.len());
    for job in jobs {
        match apply(&tx, object, job) {
            Ok(receipt) => receipts.push(receipt),
            Err(error) if rules::is_the_jobs_own(&error) => {
                tx.rollback()
                    .map_err(|error| failure::sqlite(object, "taking back", error))?;
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
    }
    tx.commit()
        .map_err(|error| failure::sqlite(object, "committing", error))?;
    Ok(Some(receipts))
}

fn apart(
    connection: &mut Connection,
    object: &str,
    jobs: &[Job],
) -> Result<Vec<Result<Receipt, StoreError>>, StoreError> {
    let failed = |doing: &'static str| move |error| failure::sqlite(object, doing, error);
    let mut tx = begin(connection, object)?;
    let mut results = Vec::with_capacity(jobs.len());
    for job in jobs {
        // Dropped without commit, it is taken back.
        let savepoint = tx.savepoint().map_err(failed("writing"))?;
        match apply(&savepoint, object, job) {
            Ok(receipt) => {
                savepoint.commit().map_err(failed("writing"))?;
                results.push(Ok(receipt));
            }
            Err(error) if rules::is_the_jobs_own(&error) => {
                savepoint
                    .finish()
                    .map_err(failed("taking back a refused batch"))?;
                results.push(Err(error));
            }
            Err(error) => return Err(error),
        }
    }
    tx.commit().map_err(failed("committing"))?;
    Ok(results)
}

/// Takes the right to write; dropped without commit, the transaction is rolled back.
fn begin<'c>(connection: &'c mut Connection, object: &str) -> Result<Transaction<'c>, StoreError> {
    connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(|error| failure::sqlite(object, "beginning to write", error))
}

fn apply(connection: &Connection, object: &str, job: &Job) -> Result<Receipt, StoreError> {
    if let Some(fence) = &job.fence {
        source::hold(connection, object, fence)?;
    }
    let mut rows = SqliteRows { connection, object };
    let outcomes = job
        .acts
        .iter()
        .map(|act| rules::apply(&mut rows, act))
        .collect::<Result<_, _>>()?;
    Ok(Receipt { outcomes })
}
