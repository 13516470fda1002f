//! What came of decisions, as counts: read whole on start, and by decision or customer when something changes.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row};

use super::{Store, StoreError, database, schema};

/// Decisions of one action in one stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The action.
    pub action: String,
    /// The customers' stage.
    pub stage: String,
    /// Decisions.
    pub sent: i64,
    /// Those for which a model gave a probability.
    pub foreseen: i64,
    /// Its probabilities added up, in billionths.
    pub expected: i64,
}

/// A decision as it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentDecision {
    /// Its id.
    pub decision_id: String,
    /// The action.
    pub action: String,
    /// The customer's stage.
    pub stage: String,
    /// The model's probability, in billionths; `None` if no model gave one.
    pub expected: Option<i64>,
}

/// A decision with what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptDecision {
    /// About whom.
    pub customer_id: String,
    /// What was chosen.
    pub action: String,
    /// The probability with which it was chosen.
    pub probability: f64,
    /// The whole decision as JSON.
    pub decision: String,
    /// Names of the outcomes, with their values where they have one.
    pub outcomes: Vec<(String, Option<f64>)>,
}

const SENT: &str = "decision_id, action, stage, expected";

impl Store {
    /// Hands on all decisions, counted by action and stage, and then every outcome with its decision.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub fn counts(
        &self,
        count: impl FnMut(Counted),
        answered: impl FnMut(SentDecision, &str),
    ) -> Result<(), StoreError> {
        self.read(|connection| counts(connection, count, answered))
    }

    /// The same from the database of a service that may be running; nothing if there is no database.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub fn counts_at(
        path: &Path,
        count: impl FnMut(Counted),
        answered: impl FnMut(SentDecision, &str),
    ) -> Result<(), StoreError> {
        if !path.exists() {
            return Ok(());
        }
        let connection = schema::open(path)?;
        counts(&connection, count, answered).map_err(|error| database(path, &error))
    }

    /// The latest decisions, at most so many, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub fn kept(&self, most: usize) -> Result<Vec<KeptDecision>, StoreError> {
        self.read(|connection| kept(connection, most))
    }

    /// The same from the database of a service that may be running; none if there is no database.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub fn kept_at(path: &Path, most: usize) -> Result<Vec<KeptDecision>, StoreError> {
        if !path.exists() {
            return Ok(Vec::new());
        }
        kept(&schema::open(path)?, most).map_err(|error| database(path, &error))
    }

    /// Hands on customer, action and decision of all decisions made from a time on, in milliseconds since 1970, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub fn decided_from(&self, from_ms: i64, mut take: impl FnMut(&str, &str, &str)) -> Result<(), StoreError> {
        self.read(|connection| {
            let mut decisions = connection.prepare(
                "SELECT customer_id, action, decision FROM decisions WHERE decided_at_ms >= ?1 ORDER BY rowid",
            )?;
            let mut rows = decisions.query([from_ms])?;
            while let Some(row) = rows.next()? {
                take(row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?, row.get_ref(2)?.as_str()?);
            }
            Ok(())
        })
    }

    /// The decisions with these ids, (ids,); `None` where there is none.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub fn sent(&self, decision_ids: &[String]) -> Result<Vec<Option<SentDecision>>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare(&format!("SELECT {SENT} FROM decisions WHERE decision_id = ?1"))?;
            decision_ids.iter().map(|id| statement.query_row([id], sent_of).optional()).collect()
        })
    }

    /// All decisions about a customer.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub fn sent_to(&self, customer_id: &str) -> Result<Vec<SentDecision>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare(&format!("SELECT {SENT} FROM decisions WHERE customer_id = ?1"))?;
            statement.query_map([customer_id], sent_of)?.collect()
        })
    }
}

fn counts(
    connection: &Connection,
    mut count: impl FnMut(Counted),
    mut answered: impl FnMut(SentDecision, &str),
) -> rusqlite::Result<()> {
    let mut decisions = connection.prepare(
        "SELECT action, stage, COUNT(*), COUNT(expected), COALESCE(SUM(expected), 0) FROM decisions GROUP BY action, stage",
    )?;
    let mut rows = decisions.query(())?;
    while let Some(row) = rows.next()? {
        count(Counted {
            action: row.get(0)?,
            stage: row.get(1)?,
            sent: row.get(2)?,
            foreseen: row.get(3)?,
            expected: row.get(4)?,
        });
    }
    let mut outcomes =
        connection.prepare(&format!("SELECT {SENT}, outcome FROM outcomes JOIN decisions USING (decision_id)"))?;
    let mut rows = outcomes.query(())?;
    while let Some(row) = rows.next()? {
        answered(sent_of(row)?, row.get_ref(4)?.as_str()?);
    }
    Ok(())
}

fn kept(connection: &Connection, most: usize) -> rusqlite::Result<Vec<KeptDecision>> {
    let mut outcomes = connection.prepare("SELECT outcome, outcome_value FROM outcomes WHERE decision_id = ?1")?;
    let mut decisions = connection.prepare(
        "SELECT decision_id, customer_id, action, probability, decision FROM decisions ORDER BY rowid DESC LIMIT ?1",
    )?;
    let mut rows = decisions.query([i64::try_from(most).unwrap_or(i64::MAX)])?;
    let mut kept = Vec::new();
    while let Some(row) = rows.next()? {
        let outcomes = outcomes.query_map([row.get_ref(0)?.as_str()?], |row| Ok((row.get(0)?, row.get(1)?)))?;
        kept.push(KeptDecision {
            customer_id: row.get(1)?,
            action: row.get(2)?,
            probability: row.get(3)?,
            decision: row.get(4)?,
            outcomes: outcomes.collect::<rusqlite::Result<_>>()?,
        });
    }
    kept.reverse();
    Ok(kept)
}

fn sent_of(row: &Row<'_>) -> rusqlite::Result<SentDecision> {
    Ok(SentDecision { decision_id: row.get(0)?, action: row.get(1)?, stage: row.get(2)?, expected: row.get(3)? })
}
