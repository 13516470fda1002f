//! The tables, and how a database of an older program becomes one of this program.

use std::path::Path;

use rusqlite::Connection;

use super::ids::random_bytes;
use super::{StoreError, database};

/// What each version adds to the one before it; the database says how many it has.
const MIGRATIONS: [&str; 3] = [
    "
    CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
    CREATE TABLE decisions (
        decision_id TEXT NOT NULL UNIQUE,
        decided_at_ms INTEGER NOT NULL,
        customer_id TEXT NOT NULL,
        stage TEXT NOT NULL,
        action TEXT NOT NULL,
        eligible TEXT NOT NULL,
        probability REAL NOT NULL,
        model_versions TEXT NOT NULL,
        policy_version TEXT NOT NULL,
        decision TEXT NOT NULL
    ) STRICT;
    CREATE INDEX decisions_of_customer ON decisions (customer_id);
    CREATE TABLE outcomes (
        decision_id TEXT NOT NULL,
        outcome TEXT NOT NULL,
        outcome_at INTEGER,
        outcome_value REAL,
        received_at INTEGER NOT NULL,
        PRIMARY KEY (decision_id, outcome)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE events (
        sequence INTEGER PRIMARY KEY,
        event_id TEXT NOT NULL UNIQUE,
        customer_id TEXT NOT NULL,
        known_at INTEGER NOT NULL,
        received_at INTEGER NOT NULL,
        row TEXT NOT NULL
    ) STRICT;
    CREATE INDEX events_of_customer ON events (customer_id);
    CREATE INDEX events_by_time ON events (known_at);
    CREATE TABLE erasures (customer_mark BLOB PRIMARY KEY, erased_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE api_keys (
        name TEXT PRIMARY KEY,
        key_hash BLOB NOT NULL,
        scopes TEXT NOT NULL,
        created_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE INDEX outcomes_by_name ON outcomes (outcome, received_at);
",
    "
    ALTER TABLE decisions ADD COLUMN expected INTEGER;
",
];

/// Opens the database and brings it to the newest version.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(path).map_err(|error| database(path, &error))?;
    prepare(&mut connection).map_err(|error| database(path, &error))?;
    let version = migrate(&mut connection).map_err(|error| database(path, &error))?;
    let known = MIGRATIONS.len() as i64;
    if version > known {
        return Err(StoreError::Newer { path: path.to_owned(), found: version, known });
    }
    Ok(connection)
}

/// A flush at each commit; and what is deleted is overwritten, as erased must mean erased.
fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; \
         PRAGMA wal_autocheckpoint = 4000;",
    )
}

/// Runs what the database lacks, all or nothing, and returns the version that it then has.
fn migrate(connection: &mut Connection) -> rusqlite::Result<i64> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let version: i64 = transaction.query_row("PRAGMA user_version", (), |row| row.get(0))?;
    let missing = MIGRATIONS.get(usize::try_from(version).unwrap_or(usize::MAX)..).unwrap_or_default();
    for migration in missing {
        transaction.execute_batch(migration)?;
    }
    if version == 0 {
        let key = random_bytes().map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        transaction.execute("INSERT INTO secrets VALUES ('erasure key', ?1)", [&key[..]])?;
    }
    let version = version + missing.len() as i64;
    if !missing.is_empty() {
        transaction.execute_batch(&format!("PRAGMA user_version = {version}"))?;
    }
    transaction.commit()?;
    Ok(version)
}
