//! The report of a training run or a scoring run: what is in it, as plain data, and the one page made of it.

mod charts;
mod numbers;
mod page;
mod sentences;
mod tables;

use crate::evaluate::{ClassifierCurves, ClassifierFigures, ValueFigures};

/// Everything one report says; [`render`] makes the page.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Heading of the page.
    pub title: String,
    /// The moment up to which data was known, as it is to be read, such as `2026-11-01`.
    pub as_of: String,
    /// Currency of all amounts, such as `EUR`; empty if the data names none.
    pub currency: String,
    /// The sections, in reading order.
    pub sections: Vec<Section>,
}

/// One section of a report.
#[derive(Debug, Clone, PartialEq)]
pub enum Section {
    /// The few numbers to remember.
    KeyFigures(Vec<Tile>),
    /// What was read, kept and rejected, by table.
    DataReceived(Vec<TableReceived>),
    /// The candidates of one task side by side.
    ModelComparison(ModelComparison),
    /// How good the probabilities of one event were on rows held out.
    Classifier(ClassifierSection),
    /// What the forecasts depend on.
    Importance(ImportanceSection),
    /// Predicted against actual amounts.
    Value(ValueSection),
    /// What was decided, by stage and action.
    Decisions(Vec<DecisionRow>),
    /// Text.
    Paragraph(Paragraph),
    /// Any other numbers.
    Table(SimpleTable),
}

/// One number to remember.
#[derive(Debug, Clone, PartialEq)]
pub struct Tile {
    /// What the number is.
    pub label: String,
    /// The number, as it is to be read, with its unit.
    pub value: String,
    /// What to compare it with, or how to read it; may be empty.
    pub note: String,
}

/// What came in from one table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableReceived {
    /// Name of the table.
    pub table: String,
    /// Number of rows in its file.
    pub rows_read: usize,
    /// Number of rows that were used.
    pub rows_kept: usize,
    /// Why the others were not.
    pub rejects: Vec<Reject>,
}

/// Rows that were rejected for one reason.
#[derive(Debug, Clone, PartialEq)]
pub struct Reject {
    /// The reason, in words.
    pub reason: String,
    /// Number of rows.
    pub rows: usize,
}

/// The candidates of one task side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelComparison {
    /// Name of the task.
    pub task: String,
    /// One entry a candidate.
    pub models: Vec<ModelRow>,
}

/// One candidate and its figures on the same held-out rows as the others.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelRow {
    /// Family of the model.
    pub family: String,
    /// Log loss, in nats.
    pub log_loss: f64,
    /// Area under the ROC curve; `None` if all rows are positive or all negative.
    pub auc: Option<f64>,
    /// Brier score, from 0 to 1.
    pub brier: f64,
    /// Expected calibration error, from 0 to 1.
    pub expected_calibration_error: f64,
    /// Whether this is the one that was chosen.
    pub chosen: bool,
}

/// How good the probabilities of one event were.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassifierSection {
    /// Name of the task.
    pub task: String,
    /// What customers did, to follow "customers who", such as `left` or `bought a second product`.
    pub event: String,
    /// The figures on the held-out rows.
    pub figures: ClassifierFigures,
    /// The curves on the same rows.
    pub curves: ClassifierCurves,
}

/// What the forecasts depend on.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportanceSection {
    /// Name of the task.
    pub task: String,
    /// Features in any order; the page shows the first 15 by importance.
    pub features: Vec<FeatureImportance>,
}

/// How much the forecasts depend on one feature.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureImportance {
    /// What the feature is, in plain words.
    pub label: String,
    /// Increase of the log loss, in nats, when the feature is shuffled between customers.
    pub increase: f64,
}

/// Predicted against actual amounts.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueSection {
    /// Name of the task.
    pub task: String,
    /// What is predicted, such as `purchases in the next 39 weeks`.
    pub quantity: String,
    /// Whether the amounts are money, in the currency of the report.
    pub money: bool,
    /// The figures on the held-out customers.
    pub figures: ValueFigures,
}

/// Customers of one stage for whom the same action was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct DecisionRow {
    /// Stage of the lifecycle.
    pub stage: String,
    /// The action; `None` to leave them alone.
    pub action: Option<String>,
    /// Number of customers.
    pub customers: usize,
    /// Expected gain of all of them together, in the currency of the report.
    pub expected_gain: f64,
}

/// Text under a heading.
#[derive(Debug, Clone, PartialEq)]
pub struct Paragraph {
    /// The heading; empty for none.
    pub heading: String,
    /// The text; an empty line parts paragraphs.
    pub text: String,
}

/// Rows and columns of text.
#[derive(Debug, Clone, PartialEq)]
pub struct SimpleTable {
    /// The heading.
    pub heading: String,
    /// What the columns are.
    pub columns: Vec<String>,
    /// One list of cells a row, in the order of the columns; cells that read as numbers are set to the right.
    pub rows: Vec<Vec<String>>,
}

/// Makes one HTML page of the report: no script, nothing loaded from elsewhere, light or dark as the reader's device is.
///
/// All text of the report is escaped. The same report always gives the same bytes.
#[must_use]
pub fn render(report: &Report) -> String {
    page::page(report).into_string()
}
