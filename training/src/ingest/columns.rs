//! The columns of the data contract and a company's own names for them.

use super::{IngestError, proposed_column};
use crate::recipe::Source;
use crate::tables::{Batch, Cell, TableError, TableFile, TextFormat, Texts};
use tend_models::quantities::Moment;

/// The columns of a table of the contract: required ones first, then the optional ones.
#[must_use]
pub fn known_columns(table: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match table {
        "customers" => (&["customer_id"], &["created_at", "available_at"]),
        "products" => (&["product_id"], &["category", "price", "margin"]),
        "transactions" => (
            &["customer_id", "event_time", "amount"],
            &[
                "order_id",
                "product_id",
                "category",
                "quantity",
                "unit_price",
                "margin",
                "currency",
                "is_return",
                "available_at",
            ],
        ),
        "subscriptions" => (
            &["customer_id", "product_id", "start_date", "mrr"],
            &["end_date", "quantity", "bill_period_months", "discount", "available_at"],
        ),
        "consents" => (&["customer_id", "channel", "status", "changed_at"], &["available_at"]),
        "events" => (&["customer_id", "event_time", "event_type"], &["channel", "value", "available_at"]),
        "contacts" => (
            &["customer_id", "action_id", "sent_at"],
            &[
                "decision_id",
                "channel",
                "is_control",
                "probability",
                "policy",
                "model_version",
                "cost",
                "outcome",
                "outcome_at",
                "outcome_value",
                "available_at",
            ],
        ),
        _ => (&[], &[]),
    }
}

/// A table file with the company's names for the contract's columns.
#[derive(Debug)]
pub struct Mapped {
    /// The file.
    pub file: TableFile,
    table: &'static str,
    source: Source,
}

impl Mapped {
    /// Checks that every mapped and every required column is there. An amount may be given as `unit_price` and
    /// `quantity` instead.
    ///
    /// # Errors
    /// [`IngestError`] that names the column.
    pub fn new(table: &'static str, file: TableFile, source: &Source) -> Result<Self, IngestError> {
        let (required, optional) = known_columns(table);
        for column in source.columns.keys() {
            let known = required.contains(&column.as_str()) || optional.contains(&column.as_str());
            if !known && table != "customers" {
                let expected = [required, optional].concat().join(", ");
                return Err(IngestError::UnknownColumn { table, column: column.clone(), expected });
            }
        }
        for column in &source.ignore {
            file.require(column)?;
        }
        let mapped = Self { file, table, source: source.clone() };
        let priced = mapped.has("unit_price") && mapped.has("quantity");
        let needed = required.iter().copied().filter(|column| *column != "amount" || !priced);
        let of_prefix = mapped.tells_cancellations().then_some("order_id");
        let mut all = source.columns.keys().map(String::as_str).chain(needed).chain(of_prefix);
        match all.find(|column| !mapped.has(column)) {
            Some(column) => Err(mapped.missing(column)),
            None => Ok(mapped),
        }
    }

    fn missing(&self, column: &str) -> IngestError {
        let columns = self.file.columns();
        let proposed = proposed_column(columns, column).unwrap_or("the file's name for it");
        let wanted = match self.source.columns.get(column) {
            Some(theirs) => format!("column `{theirs}`, which tend.toml takes for `{column}` of {},", self.table),
            None => format!("column `{column}` of {}", self.table),
        };
        IngestError::MissingColumn {
            path: self.file.path().to_owned(),
            table: self.table,
            wanted,
            found: columns.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", "),
            mapping: format!("{column} = {proposed:?}"),
        }
    }

    /// Whether an order of this id is cancelled.
    #[must_use]
    pub fn is_cancelled(&self, order_id: &str) -> bool {
        self.source.cancelled_prefix.as_ref().is_some_and(|prefix| order_id.starts_with(prefix.as_str()))
    }

    /// Whether cancelled orders are told by their ids.
    #[must_use]
    pub fn tells_cancellations(&self) -> bool {
        self.source.cancelled_prefix.is_some()
    }

    /// The company's name for a column.
    #[must_use]
    pub fn theirs<'a>(&'a self, column: &'a str) -> &'a str {
        self.source.columns.get(column).map_or(column, String::as_str)
    }

    /// Whether the file has the column.
    #[must_use]
    pub fn has(&self, column: &str) -> bool {
        let theirs = self.theirs(column);
        self.file.has(theirs) && !self.is_ignored(theirs)
    }

    /// The file's columns that the contract knows.
    #[must_use]
    pub fn contract_columns(&self) -> Vec<String> {
        let (required, optional) = known_columns(self.table);
        let known = required.iter().chain(optional).filter(|column| self.has(column));
        known.map(|column| self.theirs(column).to_owned()).collect()
    }

    /// The file's columns that the contract does not know.
    #[must_use]
    pub fn other_columns(&self) -> Vec<String> {
        let known = self.contract_columns();
        let is_other = |column: &&String| !known.contains(column) && !self.is_ignored(column);
        self.file.columns().iter().filter(is_other).cloned().collect()
    }

    fn is_ignored(&self, theirs: &str) -> bool {
        self.source.ignore.iter().any(|ignored| ignored == theirs)
    }

    pub(super) fn texts(&self, batch: &Batch, column: &str) -> Result<Option<Texts>, TableError> {
        self.has(column).then(|| batch.texts(self.theirs(column))).transpose()
    }

    pub(super) fn numbers(
        &self,
        batch: &Batch,
        column: &str,
        format: &TextFormat,
    ) -> Result<Option<Vec<Cell<f64>>>, TableError> {
        self.has(column).then(|| batch.numbers(self.theirs(column), format)).transpose()
    }

    pub(super) fn moments(
        &self,
        batch: &Batch,
        column: &str,
        format: &TextFormat,
    ) -> Result<Option<Vec<Cell<Moment>>>, TableError> {
        self.has(column).then(|| batch.moments(self.theirs(column), format)).transpose()
    }

    pub(super) fn flags(&self, batch: &Batch, column: &str) -> Result<Option<Vec<Cell<bool>>>, TableError> {
        self.has(column).then(|| batch.flags(self.theirs(column))).transpose()
    }
}
