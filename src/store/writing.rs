//! The writer: commits what has gathered, then answers.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, ErrorCode, OptionalExtension, Statement, params};
use tokio::sync::oneshot;

use super::{
    DecisionRecord, Erased, EventRecord, Gauges, OutcomeRecord, Recorded, StoreError, database, erasure_mark, reading,
};

/// Rows after which a commit takes no further writes.
const MOST_ROWS: usize = 4_096;

/// One write that waits, and whom to tell.
pub(super) struct Job {
    pub(super) work: Work,
    pub(super) answer: oneshot::Sender<Result<Done, StoreError>>,
}

/// What to write.
pub(super) enum Work {
    Decisions(Vec<DecisionRecord>),
    Outcomes(Vec<OutcomeRecord>),
    Events(Vec<EventRecord>),
    Erasure(String),
}

/// What a write came to.
pub(super) enum Done {
    Each(Vec<Recorded>),
    Erased(Erased),
}

/// The one connection that writes.
pub(super) struct Writer {
    path: PathBuf,
    connection: Connection,
    erasure_key: [u8; 32],
    erased: HashSet<[u8; 32]>,
    gauges: Arc<Gauges>,
}

impl Writer {
    pub(super) fn new(
        path: &Path,
        connection: Connection,
        erasure_key: [u8; 32],
        gauges: Arc<Gauges>,
    ) -> rusqlite::Result<Self> {
        let erased = reading::erasures(&connection)?.into_iter().collect();
        Ok(Self { path: path.to_owned(), connection, erasure_key, erased, gauges })
    }

    /// Writes until nobody can send any more.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let mut rows = first.work.rows();
            let mut batch = vec![first];
            while rows < MOST_ROWS
                && let Ok(job) = jobs.try_recv()
            {
                rows += job.work.rows();
                batch.push(job);
            }
            self.write(batch);
        }
    }

    /// Commits all of a batch or none of it, and answers.
    fn write(&mut self, batch: Vec<Job>) {
        let count = batch.len();
        let outcome =
            if self.gauges.is_broken.load(Ordering::Relaxed) { Err(StoreError::Broken) } else { self.commit(&batch) };
        self.gauges.waiting.fetch_sub(count, Ordering::Relaxed);
        // Who waited may be gone; then there is nobody to tell.
        match outcome {
            Ok(done) => batch.into_iter().zip(done).for_each(|(job, done)| drop(job.answer.send(Ok(done)))),
            Err(error) => batch.into_iter().for_each(|job| drop(job.answer.send(Err(error.clone())))),
        }
    }

    fn commit(&mut self, batch: &[Job]) -> Result<Vec<Done>, StoreError> {
        let erased_before = self.erased.len();
        let outcome = self.connection.execute_batch("BEGIN IMMEDIATE").and_then(|()| {
            let apply = |job: &Job| apply(&self.connection, &self.erasure_key, &mut self.erased, &job.work);
            let done: Vec<Done> = batch.iter().map(apply).collect::<rusqlite::Result<_>>()?;
            self.connection.execute_batch("COMMIT").map(|()| done)
        });
        match outcome {
            Ok(mut done) => {
                self.gauges.commits.fetch_add(1, Ordering::Relaxed);
                self.gauges.writes.fetch_add(batch.len() as u64, Ordering::Relaxed);
                if batch.iter().any(|job| matches!(job.work, Work::Erasure(_))) {
                    let is_empty = self.empty_log();
                    done.iter_mut().for_each(|done| match done {
                        Done::Erased(erased) => erased.log_emptied = is_empty,
                        Done::Each(_) => {}
                    });
                }
                Ok(done)
            }
            Err(error) => {
                self.gauges.failures.fetch_add(batch.len() as u64, Ordering::Relaxed);
                self.undo(&error, erased_before);
                Err(self.refusal(&error))
            }
        }
    }

    /// After a failed flush nobody knows what is on disk, and a second flush that succeeds proves nothing.
    fn undo(&mut self, error: &rusqlite::Error, erased_before: usize) {
        if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) {
            self.gauges.is_broken.store(true, Ordering::Relaxed);
        }
        if !self.connection.is_autocommit() && self.connection.execute_batch("ROLLBACK").is_err() {
            self.gauges.is_broken.store(true, Ordering::Relaxed);
        }
        if self.erased.len() != erased_before {
            match reading::erasures(&self.connection) {
                Ok(erased) => self.erased = erased.into_iter().collect(),
                Err(_) => self.gauges.is_broken.store(true, Ordering::Relaxed),
            }
        }
    }

    fn refusal(&self, error: &rusqlite::Error) -> StoreError {
        if self.gauges.is_broken.load(Ordering::Relaxed) { StoreError::Broken } else { database(&self.path, error) }
    }

    /// Moves everything from the log to the database and empties the log, where deleted rows would still be.
    fn empty_log(&self) -> bool {
        let busy = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get::<_, i64>(0));
        matches!(busy, Ok(0))
    }
}

impl Work {
    fn rows(&self) -> usize {
        match self {
            Self::Decisions(decisions) => decisions.len(),
            Self::Outcomes(outcomes) => outcomes.len(),
            Self::Events(events) => events.len(),
            Self::Erasure(_) => 1,
        }
    }
}

fn apply(
    connection: &Connection,
    key: &[u8; 32],
    erased: &mut HashSet<[u8; 32]>,
    work: &Work,
) -> rusqlite::Result<Done> {
    let is_erased = |customer_id: &str| !erased.is_empty() && erased.contains(&erasure_mark(key, customer_id));
    match work {
        Work::Decisions(decisions) => write_decisions(connection, decisions, is_erased).map(Done::Each),
        Work::Outcomes(outcomes) => write_outcomes(connection, outcomes).map(Done::Each),
        Work::Events(events) => write_events(connection, events, is_erased).map(Done::Each),
        Work::Erasure(customer_id) => {
            let mark = erasure_mark(key, customer_id);
            let done = erase(connection, customer_id, &mark)?;
            erased.insert(mark);
            Ok(Done::Erased(done))
        }
    }
}

fn write_decisions(
    connection: &Connection,
    decisions: &[DecisionRecord],
    is_erased: impl Fn(&str) -> bool,
) -> rusqlite::Result<Vec<Recorded>> {
    let mut insert =
        connection.prepare("INSERT INTO decisions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")?;
    let mut write = |record: &DecisionRecord| {
        if is_erased(&record.customer_id) {
            return Ok(Recorded::Erased);
        }
        let DecisionRecord { decision_id, decided_at_ms, customer_id, stage, action, eligible, .. } = record;
        let DecisionRecord { probability, model_versions, policy_version, decision, expected, .. } = record;
        insert
            .insert(params![
                decision_id,
                decided_at_ms,
                customer_id,
                stage,
                action,
                eligible,
                probability,
                model_versions,
                policy_version,
                decision,
                expected
            ])
            .map(Recorded::New)
    };
    decisions.iter().map(&mut write).collect()
}

fn write_outcomes(connection: &Connection, outcomes: &[OutcomeRecord]) -> rusqlite::Result<Vec<Recorded>> {
    let mut decision = connection.prepare("SELECT rowid FROM decisions WHERE decision_id = ?1")?;
    let mut insert = connection.prepare("INSERT INTO outcomes VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING")?;
    let mut same = connection.prepare(
        "SELECT outcome_at IS ?3 AND outcome_value IS ?4 FROM outcomes WHERE decision_id = ?1 AND outcome = ?2",
    )?;
    let received_at = now();
    let mut write = |record: &OutcomeRecord| {
        let OutcomeRecord { decision_id, outcome, outcome_at, outcome_value } = record;
        let Some(number) = decision.query_row([decision_id], |row| row.get::<_, i64>(0)).optional()? else {
            return Ok(Recorded::UnknownDecision);
        };
        if insert.execute(params![decision_id, outcome, outcome_at, outcome_value, received_at])? == 1 {
            return Ok(Recorded::New(number));
        }
        repeated(same.query_row(params![decision_id, outcome, outcome_at, outcome_value], |row| row.get(0)))
    };
    outcomes.iter().map(&mut write).collect()
}

fn write_events(
    connection: &Connection,
    events: &[EventRecord],
    is_erased: impl Fn(&str) -> bool,
) -> rusqlite::Result<Vec<Recorded>> {
    let columns = "(event_id, customer_id, known_at, received_at, row)";
    let sql = format!("INSERT INTO events {columns} VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING");
    let mut insert: Statement<'_> = connection.prepare(&sql)?;
    let mut same = connection.prepare("SELECT customer_id = ?2 AND row = ?3 FROM events WHERE event_id = ?1")?;
    let received_at = now();
    let mut write = |record: &EventRecord| {
        let EventRecord { event_id, customer_id, known_at, row } = record;
        if is_erased(customer_id) {
            return Ok(Recorded::Erased);
        }
        if insert.execute(params![event_id, customer_id, known_at, received_at, row])? == 1 {
            return Ok(Recorded::New(connection.last_insert_rowid()));
        }
        repeated(same.query_row(params![event_id, customer_id, row], |row| row.get(0)))
    };
    events.iter().map(&mut write).collect()
}

fn repeated(is_same: rusqlite::Result<bool>) -> rusqlite::Result<Recorded> {
    is_same.map(|is_same| if is_same { Recorded::Duplicate } else { Recorded::Conflict })
}

fn erase(connection: &Connection, customer_id: &str, mark: &[u8; 32]) -> rusqlite::Result<Erased> {
    let theirs = "SELECT decision_id FROM decisions WHERE customer_id = ?1";
    let outcomes =
        connection.execute(&format!("DELETE FROM outcomes WHERE decision_id IN ({theirs})"), [customer_id])?;
    let decisions = connection.execute("DELETE FROM decisions WHERE customer_id = ?1", [customer_id])?;
    let events = connection.execute("DELETE FROM events WHERE customer_id = ?1", [customer_id])?;
    connection.execute("INSERT INTO erasures VALUES (?1, ?2) ON CONFLICT DO NOTHING", params![mark, now()])?;
    let erased_at =
        connection.query_row("SELECT erased_at FROM erasures WHERE customer_mark = ?1", [mark], |row| row.get(0))?;
    Ok(Erased { erased_at, decisions, outcomes, events, log_emptied: false })
}

/// The time of arrival, which is told and never computed with.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}
