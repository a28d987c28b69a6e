//! Group commit over the network: whoever waits together is written together, and flushed to the disk
//! once. A transaction whose answer was lost is looked up.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use deadpool_postgres::Object;
use tokio::runtime::Handle;
use tokio_postgres::SimpleQueryMessage;

use super::failure::{Again, Failure, failed};
use super::rows::MemoryRows;
use super::source::NOW;
use super::{RETRY, Shared, debug};
use crate::acts::Act;
use crate::ids::Hex;
use crate::store::lease::Fence;
use crate::store::read::values;
use crate::store::rules::{self, Prepared};
use crate::store::{MAX_BATCH, Receipt, StoreError, StoreErrorKind};

/// Most calls that wait in line; whoever comes next waits to be let in.
const MAX_WAITING: usize = 1024;
/// The database ends a transaction of a process that does not go on with it for so long: one that was
/// paused holds nobody up for longer. Less than a lease lasts.
const IDLE: Duration = Duration::from_secs(3);
/// How long to wait in line behind other processes, before looking around again.
const LOCK: Duration = Duration::from_secs(5);

/// Everything that a transaction reads it reads by a key, and whoever planned that on a table which was
/// empty at the time must not go on to read the whole of it.
const PLANNING: [(&str, &str); 4] = [
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];

struct Job {
    fence: Option<Fence>,
    acts: Vec<Prepared>,
    reply: Sender<Result<Receipt, StoreError>>,
}

/// The thread that writes. Ends when it is stopped, after what was asked of it is done.
pub(super) struct Writer {
    shared: Arc<Shared>,
    jobs: Mutex<Option<SyncSender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start(shared: Arc<Shared>, runtime: Handle) -> Result<Self, StoreError> {
        let broken = |error: &dyn std::fmt::Display| {
            StoreError::new(StoreErrorKind::Io, &shared.object, error)
        };
        let mut replica = [0; 16];
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut replica)
            .map_err(|error| broken(&error))?;
        let (jobs, waiting) = mpsc::sync_channel(MAX_WAITING);
        let session = Session {
            shared: shared.clone(),
            replica: Hex(&replica).to_string(),
            mark: 0,
            client: None,
        };
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || serve(session, &runtime, &waiting))
            .map_err(|error| broken(&error))?;
        Ok(Self {
            shared,
            jobs: Mutex::new(Some(jobs)),
            thread: Mutex::new(Some(thread)),
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
        let jobs = self
            .jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let sent = jobs.is_some_and(|jobs| jobs.send(Job { fence, acts, reply }).is_ok());
        match answer.recv() {
            Ok(result) if sent => result,
            _ => Err(self.shared.closed()),
        }
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
        drop(
            self.jobs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // An end by panic was told to everyone who waited.
            let _ = thread.join();
        }
    }
}

fn serve(mut session: Session, runtime: &Handle, waiting: &Receiver<Job>) {
    while let Ok(first) = waiting.recv() {
        let mut acts = first.acts.len();
        let mut jobs = vec![first];
        while acts < MAX_BATCH
            && let Ok(next) = waiting.try_recv()
        {
            acts = acts.saturating_add(next.acts.len());
            jobs.push(next);
        }
        runtime.block_on(session.group(&jobs));
    }
}

/// One process's way to write.
struct Session {
    shared: Arc<Shared>,
    /// This process, random, in hexadecimal.
    replica: String,
    /// Of the last transaction that was begun; each has its own.
    mark: i64,
    client: Option<Object>,
}

/// What became of an attempt.
enum Attempt {
    Done(Vec<Result<Receipt, StoreError>>),
    /// Nothing was written.
    Failed(Failure),
    /// It may have been written, with these results.
    Unknown(Failure, Vec<Result<Receipt, StoreError>>),
}

impl Session {
    /// Does all jobs in one transaction, as often as it takes, and answers each.
    async fn group(&mut self, jobs: &[Job]) {
        match self.settled(jobs).await {
            Ok(results) => {
                for (job, result) in jobs.iter().zip(results) {
                    // Whoever asked may have gone; what was done stays done.
                    let _ = job.reply.send(result);
                }
            }
            // One call's rows were in the way of another's, or the database refuses one call's: the
            // others have no part in it.
            Err(failure) if failure.is_one_calls() && jobs.len() > 1 => {
                for job in jobs {
                    let alone = match self.settled(std::slice::from_ref(job)).await {
                        Ok(mut results) => results.pop().unwrap_or(Err(self.shared.closed())),
                        Err(failure) => Err(failure.error),
                    };
                    let _ = job.reply.send(alone);
                }
            }
            Err(failure) => {
                for job in jobs {
                    let _ = job.reply.send(Err(failure.error.repeated()));
                }
            }
        }
    }

    /// The results of the jobs, once they are durable. An error of the database means that nothing
    /// was written, or says that this is not known.
    async fn settled(&mut self, jobs: &[Job]) -> Result<Vec<Result<Receipt, StoreError>>, Failure> {
        let begun = Instant::now();
        let wait = self.shared.options.wait;
        loop {
            let failure = match self.attempt(jobs).await {
                Attempt::Done(results) => return Ok(results),
                Attempt::Failed(failure) => failure,
                Attempt::Unknown(failure, results) => {
                    match self.find_out(&failure, begun, wait).await? {
                        true => return Ok(results),
                        false => failure,
                    }
                }
            };
            if failure.again == Again::No || begun.elapsed() >= wait {
                return Err(failure);
            }
            debug("writing", &failure.error);
            if failure.again == Again::Reconnect {
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    /// Whether the last transaction was committed. Once the writer's row is ours, it has ended: it
    /// held that row from its beginning.
    async fn find_out(
        &mut self,
        cause: &Failure,
        begun: Instant,
        wait: Duration,
    ) -> Result<bool, Failure> {
        loop {
            let failure = match self.look_up().await {
                Ok(mark) => return Ok(mark == Some(self.mark)),
                Err(failure) => failure,
            };
            self.broken();
            if failure.again == Again::No || begun.elapsed() >= wait {
                return Err(Failure::last(StoreError::new(
                    StoreErrorKind::Io,
                    &self.shared.object,
                    format_args!(
                        "whether the acts were done is not known: {}; and then: {}",
                        cause.error, failure.error
                    ),
                )));
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn look_up(&mut self) -> Result<Option<i64>, Failure> {
        self.begin().await?;
        let Some(client) = &self.client else {
            return Ok(None);
        };
        let sql = "SELECT mark FROM replica WHERE id = decode($1, 'hex')";
        let values = values![self.replica.as_str()];
        let shared = &self.shared;
        let rows = shared
            .select(client, "looking up a transaction", sql, &values)
            .await?;
        let mark = rows.first().map(|row| row.get(0));
        let wrong = |error| failed(&shared.object, "looking up a transaction", error);
        client.batch_execute("ROLLBACK").await.map_err(wrong)?;
        Ok(mark)
    }

    async fn attempt(&mut self, jobs: &[Job]) -> Attempt {
        let last_audit = match self.begin().await {
            Ok(last) => last,
            Err(failure) => {
                self.broken();
                return Attempt::Failed(failure);
            }
        };
        let done = match &self.client {
            Some(client) => apply(&self.shared, client, jobs, last_audit).await,
            None => Err(Failure::last(self.shared.closed())),
        };
        let (results, rows) = match done {
            Ok(done) => done,
            Err(failure) => {
                self.broken();
                return Attempt::Failed(failure);
            }
        };
        let Some(client) = &self.client else {
            return Attempt::Failed(Failure::last(self.shared.closed()));
        };
        if rows.last_audit == last_audit {
            // Nothing was done, and there is nothing to lose.
            if client.batch_execute("ROLLBACK").await.is_err() {
                self.broken();
            }
            return Attempt::Done(results);
        }
        self.mark = self.mark.saturating_add(1);
        // Numbers and hexadecimal digits alone, so that all of it is one message.
        let commit = format!(
            "UPDATE writer SET last_audit = {} WHERE one = 1; \
             INSERT INTO replica (id, mark, at) VALUES (decode('{}', 'hex'), {}, {NOW}) \
             ON CONFLICT (id) DO UPDATE SET mark = excluded.mark, at = excluded.at; COMMIT",
            rows.last_audit, self.replica, self.mark
        );
        match client.batch_execute(&commit).await {
            Ok(()) => Attempt::Done(results),
            Err(error) => {
                let failure = failed(&self.shared.object, "committing", error);
                self.broken();
                match failure.again {
                    Again::Reconnect => Attempt::Unknown(failure, results),
                    // The server said no.
                    Again::Retry | Again::No => Attempt::Failed(failure),
                }
            }
        }
    }

    /// Gives the connection up: it is broken, or in the middle of a transaction.
    fn broken(&mut self) {
        if let Some(client) = self.client.take() {
            drop(Object::take(client));
        }
    }

    /// Begins a transaction and waits in line behind other processes; gives the number of the last
    /// audit entry.
    async fn begin(&mut self) -> Result<u64, Failure> {
        let wrong = |error| failed(&self.shared.object, "beginning to write", error);
        let client = match self.client.take() {
            Some(client) => client,
            None => {
                let client = self.shared.connection("beginning to write").await?;
                let settings = format!(
                    "SET idle_in_transaction_session_timeout = {}; SET lock_timeout = {}",
                    IDLE.as_millis(),
                    LOCK.as_millis()
                );
                client.batch_execute(&settings).await.map_err(wrong)?;
                for (name, value) in PLANNING {
                    // Databases of the same protocol that do not know it plan in their own way.
                    let _ = client.batch_execute(&format!("SET {name} = {value}")).await;
                }
                client
            }
        };
        let client = self.client.insert(client);
        let answer = client
            .simple_query(
                "BEGIN ISOLATION LEVEL READ COMMITTED; \
                 SELECT last_audit FROM writer WHERE one = 1 FOR UPDATE",
            )
            .await
            .map_err(wrong)?;
        let last = answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
            _ => None,
        });
        last.ok_or_else(|| Failure::last(self.shared.corrupt("beginning to write", "no number")))
    }
}

type Applied = (Vec<Result<Receipt, StoreError>>, MemoryRows);

/// Runs the rules over the jobs and writes what they change.
async fn apply(
    shared: &Shared,
    client: &Object,
    jobs: &[Job],
    last_audit: u64,
) -> Result<Applied, Failure> {
    let mut fences: Vec<(Fence, bool)> = Vec::new();
    for fence in jobs.iter().filter_map(|job| job.fence) {
        if !fences.iter().any(|(known, _)| *known == fence) {
            fences.push((fence, shared.holds(client, &fence).await?));
        }
    }
    let mut rows = MemoryRows::default();
    rows.last_audit = last_audit;
    let start = rows.mark();
    let results = loop {
        // Twice at most: what is read tells of some rows more.
        loop {
            for act in jobs.iter().flat_map(|job| &job.acts) {
                rows.foresee(act.act());
            }
            if !rows.is_wanting() {
                break;
            }
            shared.load(client, &mut rows).await?;
        }
        rows.undo(&start);
        let results: Vec<_> = jobs
            .iter()
            .map(|job| {
                let mark = rows.mark();
                let done = run(&mut rows, job, &fences);
                if done.is_err() {
                    rows.undo(&mark);
                }
                done
            })
            .collect();
        // Each round reads at least one row more, and there is an end to what rules ask for.
        if !rows.is_wanting() {
            break results;
        }
        shared.load(client, &mut rows).await?;
    };
    shared.flush(client, &rows).await?;
    Ok((results, rows))
}

fn run(rows: &mut MemoryRows, job: &Job, fences: &[(Fence, bool)]) -> Result<Receipt, StoreError> {
    if let Some(fence) = &job.fence
        && !fences.contains(&(*fence, true))
    {
        return Err(fence.lost());
    }
    let outcomes = job
        .acts
        .iter()
        .map(|act| rules::apply(rows, act))
        .collect::<Result<_, _>>()?;
    Ok(Receipt { outcomes })
}
