//! Reads the tables of the data contract into timelines, row by row, rejecting what cannot be used.

mod aliases;
mod cancellations;
mod columns;
mod consents;
mod lines;
mod profile;
mod reasons;
mod rejects;
mod rows;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use tend_models::quantities::Moment;
use tend_models::timeline::{Timelines, TimelinesBuilder};

use crate::recipe::{Recipe, Source};
use crate::tables::{TableError, TableFile, TextFormat};
pub use aliases::proposed_column;
pub use cancellations::find_cancelled_prefix;
pub use columns::{Mapped, known_columns};
pub use reasons::Reason;
pub use rejects::{Noted, Rejects, TableReceived};

/// Why the tables cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// A file cannot be read, or lacks a column.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A file lacks a column of the contract.
    #[error(
        "{path}: {wanted} is missing; the file has {found}; write `{mapping}` in tend.toml under [tables.{table}.columns]"
    )]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The table.
        table: &'static str,
        /// The column, and whose name it is.
        wanted: String,
        /// The columns that are there.
        found: String,
        /// What to write, as far as it is known.
        mapping: String,
    },
    /// The rejects file cannot be written.
    #[error("the rejects file cannot be written: {0}")]
    Rejects(#[from] std::io::Error),
    /// Amounts in several currencies cannot be added up.
    #[error(
        "transactions hold several currencies: {found}; expected one; set `[company] currency` in tend.toml to keep only that one"
    )]
    MixedCurrencies {
        /// The currencies.
        found: String,
    },
    /// Every row of the table to learn from was rejected, or there is none.
    #[error("{path}: found {rows} rows and none that can be used; expected at least one{first}")]
    NothingUsable {
        /// The file.
        path: PathBuf,
        /// Rows in it.
        rows: usize,
        /// What is wrong with the first.
        first: String,
    },
    /// No table to begin with.
    #[error("tend.toml names neither transactions nor subscriptions; one of the two is needed; see `tend init`")]
    NothingToRead,
    /// A mapping names a column that the contract does not have.
    #[error("tend.toml maps `{column}` of {table}, which is no column of it; expected one of {expected}")]
    UnknownColumn {
        /// The table.
        table: &'static str,
        /// What was mapped.
        column: String,
        /// What can be.
        expected: String,
    },
    /// The recipe's text format is not usable.
    #[error("tend.toml: {0}")]
    Format(String),
}

/// What came of reading the tables.
#[derive(Debug)]
pub struct Ingested {
    /// The timelines.
    pub timelines: Timelines,
    /// What came in and what did not, by table.
    pub received: Vec<TableReceived>,
}

/// What reading one table after the other gathers.
struct Intake<'a> {
    builder: TimelinesBuilder,
    rejects: Rejects,
    format: TextFormat,
    now: Moment,
    currency: Option<&'a str>,
    currencies: BTreeMap<String, usize>,
    products: HashSet<String>,
    category_of_product: HashMap<String, String>,
    has_customers: bool,
}

/// Reads every table that the recipe names. Rows dated after `now` are rejected. Rejected rows are written to
/// `rejects_path`, if given.
///
/// # Errors
/// [`IngestError`] if a file cannot be read, lacks a required column, or mixes currencies.
pub fn ingest(recipe: &Recipe, now: Moment, rejects_path: Option<&Path>) -> Result<Ingested, IngestError> {
    let (rows, received) = gather(recipe, now, rejects_path)?;
    let timelines = rows.finish();
    if timelines.purchases.is_empty() && timelines.subscriptions.is_empty() {
        return Err(nothing_usable(&received));
    }
    Ok(Ingested { timelines, received })
}

/// The first half of [`ingest`]: the rows as they were read, not yet sorted, and what came of each table.
///
/// # Errors
/// As [`ingest`], but that no row is left is none.
pub fn gather(
    recipe: &Recipe,
    now: Moment,
    rejects_path: Option<&Path>,
) -> Result<(TimelinesBuilder, Vec<TableReceived>), IngestError> {
    let tables = &recipe.tables;
    if tables.transactions.is_none() && tables.subscriptions.is_none() {
        return Err(IngestError::NothingToRead);
    }
    let mut intake = Intake {
        builder: TimelinesBuilder::default(),
        rejects: Rejects::new(rejects_path, recipe.format.decimal),
        format: recipe.text_format().map_err(IngestError::Format)?,
        now,
        currency: recipe.company.currency.as_deref(),
        currencies: BTreeMap::new(),
        products: HashSet::new(),
        category_of_product: HashMap::new(),
        has_customers: tables.customers.is_some(),
    };
    let readers: [(&'static str, &Option<Source>, Reader<'_>); 7] = [
        ("customers", &tables.customers, Intake::read_customers),
        ("products", &tables.products, Intake::read_products),
        ("transactions", &tables.transactions, Intake::read_transactions),
        ("subscriptions", &tables.subscriptions, Intake::read_subscriptions),
        ("events", &tables.events, Intake::read_events),
        ("contacts", &tables.contacts, Intake::read_contacts),
        ("consents", &tables.consents, Intake::read_consents),
    ];
    for (table, source, read) in readers {
        if let Some(source) = source {
            let mapped = Mapped::new(table, TableFile::open(&source.file)?, source)?;
            intake.rejects.begin(table, &source.file);
            read(&mut intake, &mapped)?;
        }
    }
    Ok((intake.builder, intake.rejects.finish()?))
}

/// The error for a company of which neither a purchase nor a subscription is left.
fn nothing_usable(received: &[TableReceived]) -> IngestError {
    let mut needed = received.iter().filter(|table| ["transactions", "subscriptions"].contains(&table.table.as_str()));
    let table = needed.next().expect("one of the two is there");
    let first = table.first_rejected.values().next().map_or_else(String::new, |first| format!("; {first}"));
    IngestError::NothingUsable { path: table.file.clone(), rows: table.rows, first }
}

type Reader<'a> = fn(&mut Intake<'a>, &Mapped) -> Result<(), IngestError>;
