//! API keys: random, shown once, kept as a hash.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::params;
use serde::Serialize;

use super::ids::random_bytes;
use super::{Store, StoreError, database, schema};

/// What every key begins with, so that one that got out can be searched for.
const PREFIX: &str = "tend_";

/// What a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Scores, customers, decisions and models are read.
    Read,
    /// Decisions are made.
    Decide,
    /// Events and outcomes are reported.
    Ingest,
    /// Models are promoted; customers are exported and erased.
    Admin,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 4] = [Self::Read, Self::Decide, Self::Ingest, Self::Admin];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Decide => "decide",
            Self::Ingest => "ingest",
            Self::Admin => "admin",
        }
    }
}

/// A key as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiKey {
    /// Its name, which is told in logs.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// When it was made, in seconds since 1970.
    pub created_at: i64,
    #[serde(skip)]
    hash: [u8; 32],
}

impl ApiKey {
    /// Whether a text is this key; takes as long whatever the text is.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        blake3::hash(text.as_bytes()) == self.hash
    }
}

impl Store {
    /// Makes a key and returns it: it cannot be read again. Needs no running service and disturbs none.
    ///
    /// # Errors
    /// [`StoreError`] if there is a key of this name, or the database refuses.
    pub fn create_key(path: &Path, name: &str, scopes: &[Scope]) -> Result<String, StoreError> {
        let refused = |found: String| StoreError::Database { path: path.to_owned(), found };
        let bytes = random_bytes().map_err(|error| refused(error.to_string()))?;
        let key = format!("{PREFIX}{}", blake3::Hash::from(bytes).to_hex());
        let hash = blake3::hash(key.as_bytes());
        let scopes: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
        let created_at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
        let added = schema::open(path)?.execute(
            "INSERT INTO api_keys VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            params![name, hash.as_bytes(), scopes.join(","), created_at],
        );
        match added.map_err(|error| database(path, &error))? {
            0 => Err(refused(format!("there is a key named {name:?}; choose another name or revoke that one"))),
            _ => Ok(key),
        }
    }

    /// Removes a key; whether there was one. A running service refuses it within seconds.
    ///
    /// # Errors
    /// [`StoreError`] if the database refuses.
    pub fn revoke_key(path: &Path, name: &str) -> Result<bool, StoreError> {
        let removed = schema::open(path)?.execute("DELETE FROM api_keys WHERE name = ?1", [name]);
        Ok(removed.map_err(|error| database(path, &error))? > 0)
    }

    /// The keys in a database file, by name.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub fn list_keys(path: &Path) -> Result<Vec<ApiKey>, StoreError> {
        keys(&schema::open(path)?).map_err(|error| database(path, &error))
    }

    /// The keys, by name.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        self.read(keys)
    }
}

fn keys(connection: &rusqlite::Connection) -> rusqlite::Result<Vec<ApiKey>> {
    let mut statement = connection.prepare("SELECT name, key_hash, scopes, created_at FROM api_keys ORDER BY name")?;
    let keys = statement.query_map((), |row| {
        let scopes: String = row.get(2)?;
        let scopes = Scope::ALL.into_iter().filter(|scope| scopes.split(',').any(|name| name == scope.name()));
        Ok(ApiKey { name: row.get(0)?, hash: row.get(1)?, scopes: scopes.collect(), created_at: row.get(3)? })
    })?;
    keys.collect()
}
