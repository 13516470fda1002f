//! The evaluation report: plain data in, one self-contained HTML file out.
//!
//! The caller fills [`Report`] with figures from [`crate::evaluate`] and names in plain words; [`render`] draws the
//! charts, computes the sentences that explain them, and needs neither script nor network to be read.

mod charts;
mod choices;
mod classifier;
mod importance;
mod lifetime;
mod numbers;
mod page;
mod renewals;
mod tables;
mod value;

use crate::champion::Trial;
use crate::evaluate::{
    ClassifierFigures, Dependence, HeldOut, LifetimeFigures, OfferRanking, RenewalCohort, RenewalStep, Tracking,
    ValueFigures,
};

pub(crate) use numbers::count;
pub use page::render;

/// One report: a title and sections in reading order.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What the report is about, such as "Churn model 2026-03-31-1".
    pub title: String,
    /// The date up to which data was used, such as "2026-03-31".
    pub generated_for: String,
    /// The sections, in reading order.
    pub sections: Vec<Section>,
}

/// One section of a report.
#[derive(Debug, Clone, PartialEq)]
pub enum Section {
    /// The figures to take away, as tiles.
    KeyFigures(KeyFigures),
    /// What was read and what was rejected.
    Data(DataReceived),
    /// The model families that competed.
    Comparison(ModelComparison),
    /// The settings that a search compared.
    Settings(SettingsTried),
    /// How well lists of offers are ranked.
    Offers(OfferLists),
    /// Figures and curves of one yes-or-no forecast.
    Classifier(Box<ClassifierQuality>),
    /// Which features the forecasts depend on.
    Importance(FeatureImportance),
    /// Predicted against actual amounts.
    Value(ValueQuality),
    /// Purchases counted against purchases expected, week by week.
    Tracking(PurchaseTracking),
    /// What a model of purchases makes of the customers.
    Lifetime(Box<Lifetime>),
    /// Who renews a contract, renewal by renewal.
    Renewals(Renewals),
    /// The actions chosen.
    Decisions(DecisionSummary),
    /// Paragraphs of text.
    Text(FreeText),
}

/// The figures to take away.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyFigures {
    /// Heading, such as "At a glance".
    pub heading: String,
    /// The tiles, most important first.
    pub tiles: Vec<Tile>,
}

/// One figure with its unit and period.
#[derive(Debug, Clone, PartialEq)]
pub struct Tile {
    /// What is counted, such as "Customers at high risk".
    pub label: String,
    /// The number as it is to be read, such as "1,204".
    pub value: String,
    /// Its unit, such as "customers" or "EUR"; empty if it has none.
    pub unit: String,
    /// Period or scope, such as "next 90 days"; empty if it has none.
    pub period: String,
}

/// What was read and what was rejected.
#[derive(Debug, Clone, PartialEq)]
pub struct DataReceived {
    /// The period that the rows cover, such as "2024-01-01 to 2026-03-31".
    pub period: String,
    /// One entry a table.
    pub tables: Vec<TableRows>,
}

/// Rows of one table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRows {
    /// Name of the table.
    pub table: String,
    /// Rows read from the file.
    pub rows_read: u64,
    /// Rows kept.
    pub rows_kept: u64,
    /// Rows rejected, by reason.
    pub rejects: Vec<RejectedRows>,
}

/// Rows rejected for one reason.
#[derive(Debug, Clone, PartialEq)]
pub struct RejectedRows {
    /// Why, in plain words.
    pub reason: String,
    /// How many.
    pub rows: u64,
}

/// The model families that competed for one forecast.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelComparison {
    /// What was forecast, such as "Churn"; opens the heading.
    pub subject: String,
    /// The moment or period of the rows compared on, such as "tune rows, as of 2025-12-31".
    pub period: String,
    /// One entry a family, in any order; shown from the lowest log loss to the highest.
    pub candidates: Vec<Candidate>,
}

/// One model family and its figures on the rows that the choice was made on.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Name of the family in plain words, such as "Gradient boosting".
    pub family: String,
    /// Whether this is the baseline: the base rate for everybody.
    pub is_baseline: bool,
    /// Whether this one was published.
    pub is_winner: bool,
    /// Its figures.
    pub figures: ClassifierFigures,
}

/// The settings that a search compared.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingsTried {
    /// What was forecast, such as "Churn"; opens the heading.
    pub subject: String,
    /// In the order shown.
    pub trials: Vec<Trial>,
}

/// How well lists of offers are ranked.
#[derive(Debug, Clone, PartialEq)]
pub struct OfferLists {
    /// What was forecast, such as "Upsell"; opens the heading.
    pub subject: String,
    /// The period in which offers were taken.
    pub period: String,
    /// The figures.
    pub ranking: OfferRanking,
}

/// Figures and curves of one yes-or-no forecast on rows that no model was fitted on.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassifierQuality {
    /// What was forecast, such as "Churn"; opens the headings.
    pub subject: String,
    /// What happened or not, to follow "customers who", such as "left within 90 days".
    pub event: String,
    /// The period in which it was seen to happen or not, such as "2026-01-01 to 2026-03-31".
    pub period: String,
    /// The figures, how sure they are, and the curves.
    pub held_out: HeldOut,
    /// The rate of the outcome that figures and curves are of, from 0 to 1: that of the rows, unless they were
    /// weighted to another.
    pub base_rate: f64,
}

/// Which features the forecasts depend on.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureImportance {
    /// What was forecast, such as "Churn"; opens the heading.
    pub subject: String,
    /// The features, in any order; the strongest fifteen are shown.
    pub features: Vec<FeatureWeight>,
    /// How the strongest of them act, the strongest first.
    pub dependences: Vec<FeatureDependence>,
}

/// One feature and its importances.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureWeight {
    /// The feature in plain words, such as "days since the last purchase".
    pub name: String,
    /// Increase of the log loss, in nats, when the feature is shuffled between customers.
    pub log_loss_increase: f64,
    /// Mean size of its Shapley value, in log-odds.
    pub mean_contribution: f64,
}

/// How the mean forecast changes with a feature.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureDependence {
    /// The feature in plain words.
    pub name: String,
    /// The mean forecast by its value.
    pub dependence: Dependence,
}

/// Predicted against actual amounts on a hold-out period.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueQuality {
    /// What was forecast, such as "Lifetime value"; opens the heading.
    pub subject: String,
    /// What the amount is, such as "spend" or "purchases".
    pub measure: String,
    /// Its unit: a currency code such as "EUR", or "purchases".
    pub unit: String,
    /// The hold-out period, such as "2025-10-01 to 2026-03-31".
    pub period: String,
    /// The figures.
    pub figures: ValueFigures,
}

/// Purchases counted against purchases expected, week by week.
#[derive(Debug, Clone, PartialEq)]
pub struct PurchaseTracking {
    /// What was forecast, such as "Lifetime value"; opens the heading.
    pub subject: String,
    /// When week 0 was, such as "2025-01-01".
    pub start: String,
    /// The weeks.
    pub tracking: Tracking,
}

/// What a model of purchases makes of the customers.
#[derive(Debug, Clone, PartialEq)]
pub struct Lifetime {
    /// What was forecast, such as "Lifetime value"; opens the heading.
    pub subject: String,
    /// The hold-out period, such as "the 90 days from 2025-10-01".
    pub period: String,
    /// Currency code of the values, such as "EUR".
    pub currency: String,
    /// The figures; their tracking is a section of its own.
    pub figures: LifetimeFigures,
}

/// Who renews a contract, renewal by renewal.
#[derive(Debug, Clone, PartialEq)]
pub struct Renewals {
    /// Which contracts, such as "Contracts of 1 month"; opens the heading.
    pub subject: String,
    /// The renewal period in one word, such as "month".
    pub period_name: String,
    /// The model's family.
    pub family: String,
    /// Contracts, those that ended with the others.
    pub contracts: usize,
    /// The model's parameters.
    pub parameters: Vec<ParameterRow>,
    /// What else is to be known, a paragraph each.
    pub notes: Vec<String>,
    /// The renewals.
    pub steps: Vec<RenewalStep>,
    /// The contracts by when they began; empty if that is not known.
    pub cohorts: Vec<RenewalCohort>,
}

/// One parameter of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterRow {
    /// Its name.
    pub name: String,
    /// Its estimate.
    pub estimate: f64,
    /// Its standard error, if the data tell.
    pub standard_error: Option<f64>,
    /// Its 80 % range, if the data tell.
    pub range_80: Option<(f64, f64)>,
}

/// The actions chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct DecisionSummary {
    /// The period that the gains are expected in, such as "next 90 days".
    pub period: String,
    /// Currency code of the gains, such as "EUR".
    pub currency: String,
    /// One entry a stage and action.
    pub actions: Vec<ActionCount>,
}

/// How often one action was chosen at one stage.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionCount {
    /// Stage of the customer lifecycle, in plain words.
    pub stage: String,
    /// The action, in plain words.
    pub action: String,
    /// Number of customers.
    pub customers: u64,
    /// Sum of the expected gains of all of them, in the currency of the summary.
    pub expected_gain: f64,
}

/// Paragraphs of text.
#[derive(Debug, Clone, PartialEq)]
pub struct FreeText {
    /// Heading.
    pub heading: String,
    /// The paragraphs, without markup: all of it is shown as it is.
    pub paragraphs: Vec<String>,
}
