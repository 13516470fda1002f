//! The training runs: from tables to a model with its figures, ready to publish.

mod card;
mod clv;
mod contracts;
mod evaluation;
mod explained;
mod lifetime;
mod matrix;
mod project;
mod sections;
mod table;
mod table_check;
mod target;
mod uplift;

use serde::Serialize;
use tend_models::artifact::{Header, Model};
use tend_models::quantities::Moment;
use tend_models::registry::{Companion, Registry, RegistryError};
use tend_models::scorecard::Task;

use crate::champion::{Candidate, Trial};
use crate::evaluate::{
    ClassifierCurves, ClassifierFigures, Dependence, HeldOutDetail, LifetimeFigures, MetricError, OfferRanking,
    ValueFigures,
};
use crate::fit::gamma_gamma::GammaGammaFitError;
use crate::fit::purchases::PurchaseFitError;
use crate::fit::renewal::RenewalFitError;
use crate::fit::table::FitError;
use crate::ingest::IngestError;
use crate::moments::TooShort;
use crate::report::{Report, render};
use crate::tables::TableError;

pub use clv::{ClvRun, train_clv};
pub use contracts::{
    ContractColumns, ContractFigures, ContractTable, ContractTableRun, ContractsFound, FamilyTried, HazardFigures,
    PriceChange, read_contract_table, train_contract_table, train_contracts,
};
pub use evaluation::{Evaluation, TableToJudge, evaluate_project, evaluate_table};
pub use matrix::FeatureMatrix;
pub use project::{FallbackFigures, ProjectRun, train_project};
pub use sections::sections;
pub use table::{CustomerTable, TableRun, read_customer_table, train_table};
pub use table_check::{MissingShare, TableChecked, check_table};
pub use target::Target;
pub use uplift::{
    ActionFigures, ActionReadout, ExperimentTable, LearnerFigures, QINI_CONVENTION, UpliftFigures, readouts,
    train_experiment,
};

/// Why a model cannot be trained.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The tables cannot be read.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// A table cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// There is too little history.
    #[error(transparent)]
    TooShort(#[from] TooShort),
    /// A classifier cannot be fitted.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// The purchase model cannot be fitted.
    #[error(transparent)]
    Purchases(#[from] PurchaseFitError),
    /// The contractual model cannot be fitted.
    #[error(transparent)]
    Renewals(#[from] RenewalFitError),
    /// The spend model cannot be fitted.
    #[error(transparent)]
    GammaGamma(#[from] GammaGammaFitError),
    /// Figures cannot be computed.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// The registry refused.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The data does not hold what the task needs.
    #[error("{0}")]
    Data(String),
}

/// A trained model that is not yet published.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The model.
    pub model: Model,
    /// Its figures.
    pub figures: Figures,
    /// Its curves on held-out rows, for a classifier of one outcome.
    pub curves: Option<ClassifierCurves>,
    /// How the strongest features of such a classifier act, the strongest first.
    pub dependences: Vec<FeatureDependence>,
    /// What a model of purchases makes of the customers, for the report.
    pub lifetime: Option<LifetimeFigures>,
    header: Header,
}

/// What a run found out, as `metrics.json` and `train --json` show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// The task.
    pub task: Task,
    /// The published version; empty before, and then not shown.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// The winning family.
    pub family: String,
    /// Rows that the figures were taken on, out of sample.
    #[serde(flatten)]
    pub held_out: Option<ClassifierFigures>,
    /// How sure they are, and what they come from.
    #[serde(flatten)]
    pub detail: Option<HeldOutDetail>,
    /// The real rate of positives, if the table was re-sampled: the figures are weighted to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_rate: Option<f64>,
    /// Folds of the cross-validation, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folds: Option<usize>,
    /// The candidates on the tune rows, the champion first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// The settings that a search compared on training rows alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<Trial>,
    /// Figures of each product of an upsell model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub products: Vec<ProductFigures>,
    /// Products of an upsell model that share a model, as too few take them for one of their own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fallbacks: Vec<FallbackFigures>,
    /// How well an upsell model ranks offers, on the test moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ranking: Option<OfferRanking>,
    /// What a lifetime value model found.
    #[serde(flatten)]
    pub value: Option<ClvFigures>,
    /// What a contractual lifetime value model found.
    #[serde(flatten)]
    pub contracts: Option<ContractsFound>,
    /// What contacts change.
    #[serde(flatten)]
    pub uplift: Option<UpliftFigures>,
    /// Columns left out, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Columns that may be known only after the fact or be ids, and what to do; they were learned from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suspects: Vec<String>,
    /// Names of the segments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<String>,
    /// Features by the increase in log loss when each is shuffled on held-out rows, most important first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub importance: Vec<Importance>,
}

/// How much a feature matters.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Importance {
    /// The feature.
    pub feature: String,
    /// Its name for a person.
    pub label: String,
    /// Increase in log loss when its values are shuffled.
    pub log_loss_increase: f64,
    /// Mean size of its Shapley value, in log-odds before calibration.
    pub mean_contribution: f64,
}

/// How the mean forecast changes with a feature.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureDependence {
    /// The feature's name for a person.
    pub label: String,
    /// The mean forecast by its value.
    pub dependence: Dependence,
}

/// One product of an upsell model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProductFigures {
    /// The product or category.
    pub product: String,
    /// The winning family.
    pub family: String,
    /// Its figures on the test moment.
    #[serde(flatten)]
    pub held_out: ClassifierFigures,
    /// How sure they are, and what they come from.
    #[serde(flatten)]
    pub detail: HeldOutDetail,
}

/// What a lifetime value model found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClvFigures {
    /// Customers.
    pub customers: usize,
    /// Parameters of the purchase model.
    pub parameters: Parameters,
    /// Their standard errors; absent where the data leave a parameter open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standard_errors: Option<Parameters>,
    /// Log likelihood of the purchase model.
    pub log_likelihood: f64,
    /// Whether the fit of the purchase model reached a maximum.
    pub converged: bool,
    /// Purchases of each month against the yearly mean, January first; absent where no season was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub season: Option<[f64; 12]>,
    /// Days in a time unit of the parameters.
    pub unit_days: f64,
    /// The model of spend; absent if nobody spent anything on a repeat purchase.
    pub spend: Option<SpendFigures>,
    /// The families among which was chosen, in the order in which they were tried.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<FamilyFigures>,
    /// What a person should know before relying on the model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Figures on the hold-out window, from parameters fitted before it.
    pub hold_out: Option<HoldOut>,
}

/// Parameters of a model by name, in the order of the literature; shown as one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters(pub Vec<(&'static str, f64)>);

impl Serialize for Parameters {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// A fitted model of spend.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpendFigures {
    /// `gamma-gamma`; `own-average` where that cannot be fitted.
    pub family: &'static str,
    /// p, q and v, in money; or the mean of the population.
    #[serde(flatten)]
    pub parameters: Parameters,
    /// The standard errors of p, q and v; absent where the data leave one open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standard_errors: Option<Parameters>,
    /// Log likelihood of Gamma-Gamma.
    pub log_likelihood: Option<f64>,
    /// Correlation of purchase count and mean spend, which the models take to be 0.
    pub count_spend_correlation: f64,
    /// How likely a correlation at least so far from 0 would be, if there were none.
    pub count_spend_p_value: f64,
}

/// A family of purchase models in the contest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FamilyFigures {
    /// Its name.
    pub family: &'static str,
    /// Log-likelihood of the histories before the hold-out window.
    pub log_likelihood: f64,
    /// Log-likelihood of when customers bought in the window, given their histories.
    pub hold_out_log_likelihood: Option<f64>,
    /// Expected over actual purchases of all in the window, minus 1.
    pub total_bias: Option<f64>,
    /// Mean absolute error of a customer's purchases in the window.
    pub mae: Option<f64>,
    /// Root of the mean squared error.
    pub rmse: Option<f64>,
}

/// Figures of a lifetime value model on a window that it had not seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HoldOut {
    /// First day of the window.
    pub from: String,
    /// Days in the window.
    pub days: f64,
    /// Log-likelihood of when customers bought in the window, given their histories; absent for contracts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_likelihood: Option<f64>,
    /// Purchase days a customer.
    pub purchases: ValueFigures,
    /// Spend a customer.
    pub spend: Option<ValueFigures>,
}

impl Figures {
    fn new(task: Task, family: &str) -> Self {
        Self {
            task,
            version: String::new(),
            family: family.to_owned(),
            held_out: None,
            detail: None,
            base_rate: None,
            folds: None,
            candidates: Vec::new(),
            tried: Vec::new(),
            products: Vec::new(),
            fallbacks: Vec::new(),
            ranking: None,
            value: None,
            contracts: None,
            uplift: None,
            left_out: Vec::new(),
            suspects: Vec::new(),
            segments: Vec::new(),
            importance: Vec::new(),
        }
    }
}

impl Trained {
    fn new(model: Model, figures: Figures, as_of: Option<Moment>, rows: usize, seed: u64) -> Self {
        let header = Header {
            task: figures.task,
            version: String::new(),
            family: figures.family.clone(),
            as_of,
            rows,
            seed,
            made_by: format!("tend {}", env!("CARGO_PKG_VERSION")),
            payload_bytes: 0,
            payload_blake3: String::new(),
        };
        Self { model, figures, curves: None, dependences: Vec::new(), lifetime: None, header }
    }

    /// The features it reads, one line for each in the model card.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The report of this run as one HTML page.
    fn report(&self, currency: &str) -> String {
        let as_of = self.header.as_of.map_or_else(|| "a customer table".to_owned(), |moment| moment.to_string());
        let title = format!("tend: {} model", self.header.task);
        render(&Report { title, generated_for: as_of, sections: sections(self, currency) })
    }

    /// Publishes the model with its figures, card and report, and makes it the champion.
    ///
    /// # Errors
    /// [`TrainError::Registry`] if the registry refuses.
    pub fn publish(&mut self, registry: &Registry, currency: &str) -> Result<(), TrainError> {
        let metrics = serde_json::to_string_pretty(&self.figures).expect("figures are plain data");
        let companions = [
            Companion { name: "metrics.json", contents: metrics },
            Companion { name: "card.md", contents: card::model_card(self) },
            Companion { name: "report.html", contents: self.report(currency) },
        ];
        self.figures.version = registry.publish(&self.header, &self.model, &companions)?;
        registry.promote(self.header.task, &self.figures.version)?;
        Ok(())
    }
}
