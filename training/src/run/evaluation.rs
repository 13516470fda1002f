//! Judges a published model on rows that are brought to it: held-out, or newer than the model.

use std::path::Path;

use serde::Serialize;
use tend_models::artifact::{ChurnModel, ClvModel, ContractsModel, Header, Model, Offer, UpsellModel};
use tend_models::families::classifier::Classifier;
use tend_models::features::FeaturePlan;
use tend_models::quantities::Moment;
use tend_models::scorecard::Task;
use tend_models::scorer::{at_risk, offer_names};

use super::clv::hold_out;
use super::contracts::judge_contracts;
use super::project::{MOST_CUSTOMERS, OfferState, Snapshots};
use super::target::{Answers, Target};
use super::{HoldOut, ProductFigures, ProjectRun, TrainError, read_customer_table};
use crate::evaluate::{Campaign, ClassifierFigures, HeldOut, HeldOutDetail, HeldOutParams, OutcomeWeights};
use crate::labels::churned;
use crate::tables::TableFile;

/// What a published model is worth on the rows that were brought to it, as `evaluate --json` shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// The task.
    pub task: Task,
    /// The version judged.
    pub version: String,
    /// Its family.
    pub family: String,
    /// The moment that histories were cut at; absent for a customer table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moment: Option<String>,
    /// Whether the model was fitted or tuned on outcomes of this window, so that the figures flatter it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen_in_training: Option<bool>,
    /// The figures.
    #[serde(flatten)]
    pub held_out: Option<ClassifierFigures>,
    /// How sure they are, and what they come from.
    #[serde(flatten)]
    pub detail: Option<HeldOutDetail>,
    /// Figures of each product of an upsell model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub products: Vec<ProductFigures>,
    /// Figures of a lifetime value model on the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_out: Option<HoldOut>,
}

/// Rows of a customer table to judge a model on.
#[derive(Debug, Clone)]
pub struct TableToJudge<'a> {
    /// The table.
    pub file: &'a Path,
    /// The column with the customers' ids.
    pub id: Option<&'a str>,
    /// The column with the answer.
    pub target: Target,
    /// The campaign whose profit is told of a churn model.
    pub campaign: Campaign,
}

impl Evaluation {
    fn new(header: &Header) -> Self {
        Self {
            task: header.task,
            version: header.version.clone(),
            family: header.family.clone(),
            moment: None,
            seen_in_training: None,
            held_out: None,
            detail: None,
            products: Vec::new(),
            hold_out: None,
        }
    }

    fn with(self, held_out: HeldOut) -> Self {
        Self { held_out: Some(held_out.figures), detail: Some(held_out.detail), ..self }
    }
}

/// Judges a model that was trained on a customer table on the rows of another.
///
/// # Errors
/// [`TrainError`] if the table cannot be read, lacks a column, or the model reads histories.
pub fn evaluate_table(header: &Header, model: &Model, table: &TableToJudge<'_>) -> Result<Evaluation, TrainError> {
    let classifier = match model {
        Model::Churn(model) => Some(&model.classifier),
        Model::Upsell(model) => model.products.first().map(|(_, classifier)| classifier),
        Model::Clv(_) | Model::Contracts(_) | Model::Segments(_) | Model::Uplift(_) => None,
    };
    let classifier = classifier.ok_or_else(|| not_judged(header.task, "from a customer table"))?;
    let happened = table.target.read(&TableFile::open(table.file)?, Answers::Any)?.happened;
    let rows = read_customer_table(table.file, model.plan(), table.id)?.rows;
    let campaign = (header.task == Task::Churn).then_some(table.campaign);
    let judging = HeldOutParams { weights: OutcomeWeights::ONE, campaign, seed: header.seed };
    let forecasts: Vec<f64> = classifier.probabilities(&rows).iter().map(|one| one.get()).collect();
    Ok(Evaluation::new(header).with(HeldOut::of(&forecasts, &happened, judging)?))
}

/// Judges a model that reads histories at the newest moment whose outcome is known before `run.as_of`.
///
/// # Errors
/// [`TrainError`] if nobody can be judged there, or the model reads customer tables.
pub fn evaluate_project(run: &ProjectRun<'_>, header: &Header, model: &Model) -> Result<Evaluation, TrainError> {
    if !model.plan().reads_histories() {
        return Err(TrainError::Data(format!(
            "{} version {} was trained on a customer table, not on histories; judge it with --table FILE --target COLUMN",
            header.task, header.version
        )));
    }
    let gap_days = run.recipe.training.gap_days;
    let horizon_days = match model {
        Model::Churn(model) => model.horizon_days,
        Model::Upsell(model) => model.horizon_days,
        Model::Clv(model) => model.horizon_days.get() as u32,
        Model::Contracts(model) => model.horizon_days.get() as u32,
        Model::Segments(_) | Model::Uplift(_) => {
            return Err(not_judged(header.task, "as nobody knows the right answer"));
        }
    };
    // Lifetime values are expected from the moment on, without a gap.
    let gap_days = if header.task == Task::Clv { 0 } else { gap_days };
    let window_days = i64::from(gap_days) + i64::from(horizon_days);
    let moment = run.as_of.plus_days(-window_days);
    let window = Window { run, moment, from: moment.plus_days(gap_days.into()), horizon_days };
    // Training tests on the newest window before its own `as_of`, and learns from those before.
    let newest_tested = header.as_of.map(|as_of| as_of.plus_days(-window_days));
    let seen = match model {
        Model::Clv(_) | Model::Contracts(_) => header.as_of.map(|as_of| moment < as_of),
        _ => newest_tested.map(|tested| moment < tested),
    };
    let evaluation = Evaluation { moment: Some(moment.to_string()), seen_in_training: seen, ..Evaluation::new(header) };
    match model {
        Model::Churn(model) => Ok(evaluation.with(window.churn(model)?)),
        Model::Upsell(model) => Ok(Evaluation { products: window.upsell(model)?, ..evaluation }),
        Model::Clv(model) => Ok(Evaluation { hold_out: Some(window.value(model)?), ..evaluation }),
        Model::Contracts(model) => Ok(Evaluation { hold_out: Some(window.contracts(model)?), ..evaluation }),
        Model::Segments(_) | Model::Uplift(_) => Ok(evaluation),
    }
}

fn not_judged(task: Task, why: &str) -> TrainError {
    TrainError::Data(format!("{task} models cannot be judged {why}; expected --task churn or upsell"))
}

/// A moment and the window after it in which outcomes are seen.
struct Window<'a> {
    run: &'a ProjectRun<'a>,
    moment: Moment,
    from: Moment,
    horizon_days: u32,
}

impl Window<'_> {
    fn snapshots<T: Send>(&self, plan: &FeaturePlan, each: impl Fn(usize) -> Option<T> + Sync) -> Snapshots<T> {
        self.run.snapshots(plan, self.moment, &self.run.customers(MOST_CUSTOMERS, 0), each)
    }

    fn until(&self) -> Moment {
        self.from.plus_days(self.horizon_days.into())
    }

    fn judge<'r>(
        &self,
        task: Task,
        classifier: &Classifier,
        rows: impl Iterator<Item = (bool, &'r [f64])>,
    ) -> Result<HeldOut, TrainError> {
        let (mut happened, mut all) = (Vec::new(), Vec::new());
        for (answer, row) in rows {
            happened.push(answer);
            all.extend_from_slice(row);
        }
        let forecasts: Vec<f64> = classifier.probabilities(&all).iter().map(|one| one.get()).collect();
        if happened.is_empty() {
            return Err(TrainError::Data(format!(
                "found no customer to judge at {}; bring older data or a later --as-of",
                self.moment
            )));
        }
        Ok(HeldOut::of(&forecasts, &happened, self.run.judging(task))?)
    }

    fn churn(&self, model: &ChurnModel) -> Result<HeldOut, TrainError> {
        let made = self.snapshots(&model.plan, |customer| {
            let timeline = self.run.timelines.timeline(customer);
            let is_asked = at_risk(model.definition, &timeline.before(self.moment));
            is_asked.then(|| churned(model.definition, &timeline.between(self.from, self.until(), self.run.as_of)))
        });
        self.judge(
            Task::Churn,
            &model.classifier,
            made.answers.iter().copied().zip(made.rows.chunks_exact(model.plan.width())),
        )
    }

    /// Each product on those who could take it; products that the tables do not name are left out.
    fn upsell(&self, model: &UpsellModel) -> Result<Vec<ProductFigures>, TrainError> {
        let made = self.snapshots(&model.plan, |customer| {
            OfferState::of(self.run, model.offer, customer, self.moment, [self.from, self.until()])
        });
        let names = offer_names(model.offer, self.run.timelines);
        let mut products = Vec::new();
        for (product, classifier) in &model.products {
            let code = match (model.offer, names.binary_search(product)) {
                (Offer::PlanUpgrade, _) => None,
                (_, Ok(code)) => Some(code as u32),
                (_, Err(_)) => continue,
            };
            let states = made.answers.iter().zip(made.rows.chunks_exact(model.plan.width()));
            let open = states.filter(|(state, _)| state.is_open(code));
            let held_out = self.judge(Task::Upsell, classifier, open.map(|(state, row)| (state.takes(code), row)))?;
            products.push(ProductFigures {
                product: product.clone(),
                family: classifier.family_name().to_owned(),
                held_out: held_out.figures,
                detail: held_out.detail,
            });
        }
        Ok(products)
    }

    fn contracts(&self, model: &ContractsModel) -> Result<HoldOut, TrainError> {
        judge_contracts(self.run.timelines, model, self.moment, self.until())?.ok_or_else(|| {
            TrainError::Data(format!(
                "found no contract running at {}; bring older data or a later --as-of",
                self.moment
            ))
        })
    }

    fn value(&self, model: &ClvModel) -> Result<HoldOut, TrainError> {
        Ok(hold_out(self.run.timelines, model, self.moment, self.until())?.figures)
    }
}
