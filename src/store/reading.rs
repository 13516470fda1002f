//! What is read back: one decision, all about one customer, and the rows to be merged after a start.

use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;

use super::{Store, StoreError};

/// A decision as it was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredDecision {
    /// Its id.
    pub decision_id: String,
    /// When it was made, in milliseconds since 1970.
    pub decided_at_ms: i64,
    /// What could have been chosen, as a JSON list of actions.
    pub eligible: String,
    /// The whole decision as JSON.
    pub decision: String,
    /// What came of it, by name.
    pub outcomes: Vec<StoredOutcome>,
}

/// What came of a decision.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredOutcome {
    /// What.
    pub outcome: String,
    /// When, in seconds since 1970, if that was said.
    pub outcome_at: Option<i64>,
    /// What it was worth, if that was said.
    pub outcome_value: Option<f64>,
    /// When it arrived, in seconds since 1970.
    pub received_at: i64,
}

/// A streamed row as it was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Its place in the order of arrival.
    pub sequence: i64,
    /// The client's id for it.
    pub event_id: String,
    /// Whose row it is.
    pub customer_id: String,
    /// The row as JSON.
    pub row: String,
}

/// All that the store has about one customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Export {
    /// Decisions, oldest first.
    pub decisions: Vec<StoredDecision>,
    /// Streamed rows in the order of arrival.
    pub events: Vec<StoredEvent>,
}

const DECISION: &str = "SELECT decision_id, decided_at_ms, eligible, decision FROM decisions";
const EVENT: &str = "SELECT sequence, event_id, customer_id, row FROM events";

impl Store {
    /// A decision with its outcomes; `None` if there is none of this id.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub fn decision(&self, decision_id: &str) -> Result<Option<StoredDecision>, StoreError> {
        self.read(|connection| {
            let found = connection
                .query_row(&format!("{DECISION} WHERE decision_id = ?1"), [decision_id], decision_of)
                .optional()?;
            found.map(|decision| with_outcomes(connection, decision)).transpose()
        })
    }

    /// All about one customer.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub fn export(&self, customer_id: &str) -> Result<Export, StoreError> {
        self.read(|connection| {
            let mut decisions = connection.prepare(&format!("{DECISION} WHERE customer_id = ?1 ORDER BY rowid"))?;
            let decisions = decisions.query_map([customer_id], decision_of)?.collect::<rusqlite::Result<Vec<_>>>()?;
            let decisions = decisions.into_iter().map(|decision| with_outcomes(connection, decision));
            let decisions = decisions.collect::<rusqlite::Result<_>>()?;
            let mut events = connection.prepare(&format!("{EVENT} WHERE customer_id = ?1 ORDER BY sequence"))?;
            let events = events.query_map([customer_id], event_of)?.collect::<rusqlite::Result<_>>()?;
            Ok(Export { decisions, events })
        })
    }

    /// Hands on every streamed row that was known at a time, in seconds since 1970, or later, in the order of arrival.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub fn events_known_from(&self, from: i64, mut take: impl FnMut(StoredEvent)) -> Result<(), StoreError> {
        self.read(|connection| {
            let mut events = connection.prepare(&format!("{EVENT} WHERE known_at >= ?1 ORDER BY sequence"))?;
            let mut rows = events.query([from])?;
            while let Some(row) = rows.next()? {
                take(event_of(row)?);
            }
            Ok(())
        })
    }

    /// The marks of all erased customers.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub fn erasures(&self) -> Result<Vec<[u8; 32]>, StoreError> {
        self.read(erasures)
    }
}

pub(super) fn erasures(connection: &Connection) -> rusqlite::Result<Vec<[u8; 32]>> {
    connection.prepare("SELECT customer_mark FROM erasures")?.query_map((), |row| row.get(0))?.collect()
}

pub(super) fn erasure_key(connection: &Connection) -> rusqlite::Result<[u8; 32]> {
    connection.query_row("SELECT value FROM secrets WHERE name = 'erasure key'", (), |row| row.get(0))
}

fn decision_of(row: &Row<'_>) -> rusqlite::Result<StoredDecision> {
    Ok(StoredDecision {
        decision_id: row.get(0)?,
        decided_at_ms: row.get(1)?,
        eligible: row.get(2)?,
        decision: row.get(3)?,
        outcomes: Vec::new(),
    })
}

fn with_outcomes(connection: &Connection, decision: StoredDecision) -> rusqlite::Result<StoredDecision> {
    let sql = "SELECT outcome, outcome_at, outcome_value, received_at FROM outcomes WHERE decision_id = ?1";
    let mut statement = connection.prepare(sql)?;
    let outcomes = statement.query_map([&decision.decision_id], |row| {
        Ok(StoredOutcome {
            outcome: row.get(0)?,
            outcome_at: row.get(1)?,
            outcome_value: row.get(2)?,
            received_at: row.get(3)?,
        })
    })?;
    let outcomes = outcomes.collect::<rusqlite::Result<_>>()?;
    Ok(StoredDecision { outcomes, ..decision })
}

fn event_of(row: &Row<'_>) -> rusqlite::Result<StoredEvent> {
    Ok(StoredEvent { sequence: row.get(0)?, event_id: row.get(1)?, customer_id: row.get(2)?, row: row.get(3)? })
}
