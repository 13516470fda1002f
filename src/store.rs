//! What must not be forgotten: decisions, outcomes, streamed rows, erasures and API keys, in one SQLite database.
//!
//! One thread writes. It commits whatever has gathered while the last commit was on its way to the disk, so that many
//! requests share one flush, and it answers only after the commit: what was acknowledged survives the end of the
//! process, and a power loss too. All SQL is in the modules below.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;

mod experience;
mod ids;
mod keys;
mod reading;
mod schema;
#[cfg(test)]
mod tests;
mod writing;

pub use experience::{Counted, KeptDecision, SentDecision};
pub use ids::IdMaker;
pub use keys::{ApiKey, Scope};
pub use reading::{Export, StoredDecision, StoredEvent, StoredOutcome};

use writing::{Done, Job, Work};

/// Writes that may wait for the writer; more are refused at once.
const MOST_WAITING: usize = 4_096;

/// Why the store cannot do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database said no.
    #[error("{path}: {found}; make room or mend what is named, and try again")]
    Database {
        /// The file.
        path: PathBuf,
        /// What it said.
        found: String,
    },
    /// The file was written by a newer program.
    #[error("{path}: found schema version {found}, this program knows versions up to {known}; use a newer tend")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that is known.
        known: i64,
    },
    /// Another process serves from it.
    #[error("{path}: another tend serves from this store; stop it or set another `[store] path` in tend.toml")]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// Too many writes wait.
    #[error("the store has {MOST_WAITING} writes waiting; try again shortly")]
    Busy,
    /// A write reached the disk in an unknown state; nothing is acknowledged any more.
    #[error("the disk failed to keep a write; no write is taken until the service is started again")]
    Broken,
}

/// A decision to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct DecisionRecord {
    /// Its id.
    pub decision_id: String,
    /// When it was made, in milliseconds since 1970.
    pub decided_at_ms: i64,
    /// About whom.
    pub customer_id: String,
    /// The customer's stage.
    pub stage: String,
    /// What was chosen.
    pub action: String,
    /// What could have been chosen, as a JSON list of actions.
    pub eligible: String,
    /// The probability with which it was chosen.
    pub probability: f64,
    /// The models that answered, as a JSON object from task to version.
    pub model_versions: String,
    /// The policy that chose.
    pub policy_version: String,
    /// The whole decision, as it was answered.
    pub decision: String,
    /// The model's probability of the success that the action is for, in billionths; `None` if no model gave one.
    pub expected: Option<i64>,
}

/// What came of a decision.
#[derive(Debug, Clone, PartialEq)]
pub struct OutcomeRecord {
    /// The decision.
    pub decision_id: String,
    /// What came of it.
    pub outcome: String,
    /// When, in seconds since 1970.
    pub outcome_at: Option<i64>,
    /// What it was worth.
    pub outcome_value: Option<f64>,
}

/// A streamed row of the data contract.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRecord {
    /// The client's id for it.
    pub event_id: String,
    /// Whose row it is.
    pub customer_id: String,
    /// When it was known, in seconds since 1970.
    pub known_at: i64,
    /// The row as JSON.
    pub row: String,
}

/// What became of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is kept, as the item of this number.
    New(i64),
    /// It was there already, the same.
    Duplicate,
    /// Another item has its id; that one stays.
    Conflict,
    /// The decision that it names is not in the store.
    UnknownDecision,
    /// The customer has been erased; nothing about them is kept.
    Erased,
}

/// How many rows an erasure removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Erased {
    /// When, in seconds since 1970; of the first erasure, if there was one before.
    pub erased_at: i64,
    /// Decisions removed.
    pub decisions: usize,
    /// Outcomes removed.
    pub outcomes: usize,
    /// Streamed rows removed.
    pub events: usize,
    /// Whether the database's log was emptied too; if not, it will be at the next checkpoint.
    pub log_emptied: bool,
}

/// What the writer tells about itself.
#[derive(Debug, Default)]
pub struct Gauges {
    /// Writes that wait or are on their way.
    pub waiting: AtomicUsize,
    /// Commits so far.
    pub commits: AtomicU64,
    /// Writes committed so far.
    pub writes: AtomicU64,
    /// Writes that failed so far.
    pub failures: AtomicU64,
    /// Whether nothing is acknowledged any more.
    pub is_broken: AtomicBool,
}

/// The database, its writer and a connection for reading.
pub struct Store {
    path: PathBuf,
    queue: Option<SyncSender<Job>>,
    writer: Option<JoinHandle<()>>,
    reader: Mutex<Connection>,
    gauges: Arc<Gauges>,
    erasure_key: [u8; 32],
    /// Holds the lock as long as the store is open.
    _lock: File,
}

impl Store {
    /// Opens the database for serving, made if it is not there, and starts its writer.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be used, or is used by another service.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let lock = lock(path)?;
        let connection = schema::open(path)?;
        let reader = schema::open(path)?;
        let erasure_key = reading::erasure_key(&reader).map_err(|error| database(path, &error))?;
        let gauges = Arc::new(Gauges::default());
        let (queue, jobs) = sync_channel(MOST_WAITING);
        let writer = writing::Writer::new(path, connection, erasure_key, Arc::clone(&gauges))
            .map_err(|error| database(path, &error))?;
        let writer = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run(&jobs))
            .map_err(|error| StoreError::Database { path: path.to_owned(), found: error.to_string() })?;
        Ok(Self {
            path: path.to_owned(),
            queue: Some(queue),
            writer: Some(writer),
            reader: Mutex::new(reader),
            gauges,
            erasure_key,
            _lock: lock,
        })
    }

    /// What the writer tells about itself.
    #[must_use]
    pub fn gauges(&self) -> &Gauges {
        &self.gauges
    }

    /// What an erased customer is remembered by: a keyed hash of the id, whose key is in the database alone.
    #[must_use]
    pub fn erasure_mark(&self, customer_id: &str) -> [u8; 32] {
        erasure_mark(&self.erasure_key, customer_id)
    }

    /// Keeps decisions; [`Recorded::Erased`] for those about erased customers, which are not kept.
    ///
    /// # Errors
    /// [`StoreError`] if they are not on disk.
    pub async fn record_decisions(&self, decisions: Vec<DecisionRecord>) -> Result<Vec<Recorded>, StoreError> {
        self.each(Work::Decisions(decisions)).await
    }

    /// Keeps outcomes, each once.
    ///
    /// # Errors
    /// [`StoreError`] if they are not on disk.
    pub async fn record_outcomes(&self, outcomes: Vec<OutcomeRecord>) -> Result<Vec<Recorded>, StoreError> {
        self.each(Work::Outcomes(outcomes)).await
    }

    /// Keeps streamed rows, each once.
    ///
    /// # Errors
    /// [`StoreError`] if they are not on disk.
    pub async fn record_events(&self, events: Vec<EventRecord>) -> Result<Vec<Recorded>, StoreError> {
        self.each(Work::Events(events)).await
    }

    /// Removes all about a customer and keeps nothing about them from now on.
    ///
    /// # Errors
    /// [`StoreError`] if it is not on disk.
    pub async fn erase(&self, customer_id: String) -> Result<Erased, StoreError> {
        match self.submit(Work::Erasure(customer_id)).await? {
            Done::Erased(erased) => Ok(erased),
            Done::Each(_) => unreachable!("an erasure is answered as one"),
        }
    }

    /// An error about what is in the database.
    #[must_use]
    pub fn fault(&self, found: String) -> StoreError {
        StoreError::Database { path: self.path.clone(), found }
    }

    async fn each(&self, work: Work) -> Result<Vec<Recorded>, StoreError> {
        match self.submit(work).await? {
            Done::Each(recorded) => Ok(recorded),
            Done::Erased(_) => unreachable!("rows are answered one by one"),
        }
    }

    async fn submit(&self, work: Work) -> Result<Done, StoreError> {
        if self.gauges.is_broken.load(Ordering::Relaxed) {
            return Err(StoreError::Broken);
        }
        let (answer, outcome) = oneshot::channel();
        let queue = self.queue.as_ref().expect("open until dropped");
        self.gauges.waiting.fetch_add(1, Ordering::Relaxed);
        if let Err(refused) = queue.try_send(Job { work, answer }) {
            self.gauges.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(match refused {
                TrySendError::Full(_) => StoreError::Busy,
                TrySendError::Disconnected(_) => StoreError::Broken,
            });
        }
        outcome.await.unwrap_or(Err(StoreError::Broken))
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        // A panic while reading leaves nothing half done.
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        read(&self.reader()).map_err(|error| database(&self.path, &error))
    }
}

impl Drop for Store {
    /// Waits until everything that was taken is committed.
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has nothing left to commit.
            let _ = writer.join();
        }
    }
}

fn erasure_mark(key: &[u8; 32], customer_id: &str) -> [u8; 32] {
    *blake3::keyed_hash(key, customer_id.as_bytes()).as_bytes()
}

fn database(path: &Path, error: &rusqlite::Error) -> StoreError {
    StoreError::Database { path: path.to_owned(), found: error.to_string() }
}

/// Two services on one file would not see each other's streamed rows.
fn lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let refused = |error: std::io::Error| StoreError::Database { path: path.to_owned(), found: error.to_string() };
    let file = File::options().create(true).truncate(false).write(true).open(name).map_err(refused)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Taken { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(refused(error)),
    }
}
