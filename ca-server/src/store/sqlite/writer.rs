//! Group commit: whoever waits together is written together, and flushed to the disk once.

use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, TransactionBehavior};

use super::failure;
use super::write::SqliteRows;
use crate::acts::Act;
use crate::store::{MAX_BATCH, Receipt, StoreError, StoreErrorKind, rules};

/// Most calls that wait in line; whoever comes next waits to be let in.
const MAX_WAITING: usize = 1024;

struct Job {
    acts: Vec<Act>,
    reply: Sender<Result<Receipt, StoreError>>,
}

/// The thread that owns the writing connection. Ends when this is dropped, after what was asked of
/// it is done.
pub(super) struct Writer {
    object: String,
    jobs: Option<SyncSender<Job>>,
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

    pub(super) fn commit(&self, acts: Vec<Act>) -> Result<Receipt, StoreError> {
        if acts.len() > MAX_BATCH {
            return Err(StoreError::value(
                "batch",
                format_args!(
                    "has {} acts, at most {MAX_BATCH} are done at once",
                    acts.len()
                ),
            ));
        }
        if acts.is_empty() {
            return Ok(Receipt {
                outcomes: Vec::new(),
            });
        }
        let (reply, answer) = mpsc::channel();
        let sent = self
            .jobs
            .as_ref()
            .is_some_and(|jobs| jobs.send(Job { acts, reply }).is_ok());
        match answer.recv() {
            Ok(result) if sent => result,
            _ => Err(StoreError::new(
                StoreErrorKind::Closed,
                &self.object,
                "its writer has stopped; whether the acts were done is not known",
            )),
        }
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

fn serve(mut connection: Connection, object: &str, waiting: &Receiver<Job>) {
    while let Ok(first) = waiting.recv() {
        let mut acts = first.acts.len();
        let mut jobs = vec![first];
        while acts < MAX_BATCH
            && let Ok(next) = waiting.try_recv()
        {
            acts = acts.saturating_add(next.acts.len());
            jobs.push(next);
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

/// Does all jobs in one transaction, each in a savepoint of its own. The result is that of each job
/// once the transaction is durable; an error means that none was done.
fn write(
    connection: &mut Connection,
    object: &str,
    jobs: &[Job],
) -> Result<Vec<Result<Receipt, StoreError>>, StoreError> {
    let failed = |doing: &'static str| move |error| failure::sqlite(object, doing, error);
    // Dropped without commit it rolls back.
    let mut tx = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed("beginning to write"))?;
    let mut results = Vec::with_capacity(jobs.len());
    for job in jobs {
        let savepoint = tx.savepoint().map_err(failed("writing"))?;
        let mut rows = SqliteRows {
            connection: &savepoint,
            object,
        };
        let outcomes: Result<Vec<_>, _> = job
            .acts
            .iter()
            .map(|act| rules::apply(&mut rows, act))
            .collect();
        match outcomes {
            Ok(outcomes) => {
                savepoint.commit().map_err(failed("writing"))?;
                results.push(Ok(Receipt { outcomes }));
            }
            Err(error) if error.is_refusal() || error.kind() == StoreErrorKind::Bug => {
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
