//! Scores customers with the champions of all tasks: the one code path of training reports, batch and serving.

mod contracts;
mod lifetime_value;

use std::collections::BTreeMap;

use crate::artifact::{
    ActionUplift, ChurnDefinition, ChurnModel, ClvModel, ContractsModel, Header, Model, Offer, SegmentsModel,
    UpliftModel, UpsellModel,
};
use crate::families::classifier::Classifier;
use crate::families::ready::ReadyTrees;
use crate::features::{FeaturePlan, SnapshotMaker};
use crate::predict::Predict;
use crate::quantities::{DAY_SECONDS, Moment};
use crate::registry::{Registry, RegistryError};
use crate::scorecard::{ActionEffect, EffectBasis, LifetimeValue, Propensity, Scorecard, Task};
use crate::timeline::{History, Timelines};

pub use contracts::{ContractValue, Renewing, ResidualLifetime, lifetime_value_of_contracts, value_of_contract};
pub use lifetime_value::{
    ValueRanges, in_opportunities, lifetime_value, on_the_clock, ranges_of_rhythm, value_of_rhythm,
};

/// How many reasons a scorecard gives.
pub const MOST_REASONS: usize = 3;

/// The loaded models, at most one a task.
#[derive(Debug, Clone, Default)]
pub struct Scorer {
    churn: Option<Ready<ChurnModel, ReadyTrees>>,
    /// The trees are one a product.
    upsell: Option<Ready<UpsellModel, Vec<ReadyTrees>>>,
    value: Option<ValueModel>,
    segments: Option<SegmentsModel>,
    uplift: Option<UpliftModel>,
    versions: BTreeMap<Task, String>,
}

/// A model with what is made ready of it on load.
#[derive(Debug, Clone)]
struct Ready<M, T> {
    model: M,
    trees: T,
}

/// What customers are worth, by what the company sells.
#[derive(Debug, Clone)]
enum ValueModel {
    Purchases(ClvModel),
    Contracts(ContractsModel),
}

impl ValueModel {
    fn plan(&self) -> &FeaturePlan {
        match self {
            Self::Purchases(model) => &model.plan,
            Self::Contracts(model) => &model.plan,
        }
    }

    fn of(&self, history: &History<'_>, row: &[f64]) -> Option<LifetimeValue> {
        match self {
            Self::Purchases(model) => lifetime_value(model, history),
            Self::Contracts(model) => lifetime_value_of_contracts(model, history, Some(row)),
        }
    }
}

impl Scorer {
    /// Loads the champions that score histories; a champion made from a customer table is left out, as its features
    /// are not in the timelines.
    ///
    /// # Errors
    /// [`RegistryError`] if a champion is not usable.
    pub fn load(registry: &Registry) -> Result<Self, RegistryError> {
        let mut scorer = Self::default();
        for task in Task::ALL {
            if let Some((header, model)) = registry.load_champion(task)?
                && model.plan().reads_histories()
            {
                scorer.take(header, model);
            }
        }
        Ok(scorer)
    }

    /// Puts a model in the place of its task.
    pub fn take(&mut self, header: Header, model: Model) {
        self.versions.insert(header.task, header.version);
        match model {
            Model::Churn(model) => self.churn = Some(Ready { trees: ReadyTrees::of(&model.classifier), model }),
            Model::Upsell(model) => {
                let trees = model.products.iter().map(|(_, classifier)| ReadyTrees::of(classifier)).collect();
                self.upsell = Some(Ready { model, trees });
            }
            Model::Clv(model) => self.value = Some(ValueModel::Purchases(model)),
            Model::Contracts(model) => self.value = Some(ValueModel::Contracts(model)),
            Model::Segments(model) => self.segments = Some(model),
            Model::Uplift(model) => self.uplift = Some(model),
        }
    }

    /// Whether no model is loaded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.versions.is_empty()
    }

    /// The version that answers each task.
    #[must_use]
    pub fn versions(&self) -> &BTreeMap<Task, String> {
        &self.versions
    }

    /// The model of who leaves.
    #[must_use]
    pub fn churn(&self) -> Option<&ChurnModel> {
        self.churn.as_ref().map(|ready| &ready.model)
    }

    /// The model of who takes what.
    #[must_use]
    pub fn upsell(&self) -> Option<&UpsellModel> {
        self.upsell.as_ref().map(|ready| &ready.model)
    }

    /// The widest feature plan of the loaded models: what stages and conditions can name.
    #[must_use]
    pub fn profile(&self) -> FeaturePlan {
        self.plans().into_iter().max_by_key(|plan| plan.width()).cloned().unwrap_or_default()
    }

    /// The products whose propensity is told.
    #[must_use]
    pub fn products(&self) -> Vec<String> {
        let products = self.upsell().into_iter().flat_map(|model| &model.products);
        products.map(|(name, _)| name.clone()).collect()
    }

    /// The actions whose effects are told.
    #[must_use]
    pub fn uplift_actions(&self) -> Vec<String> {
        let actions = self.uplift.iter().flat_map(|model| &model.actions);
        actions.map(|action| action.action.clone()).collect()
    }

    /// The segments that customers are told apart by.
    #[must_use]
    pub fn segment_names(&self) -> &[String] {
        self.segments.as_ref().map_or(&[], |model| &model.segments.names)
    }

    fn plans(&self) -> Vec<&FeaturePlan> {
        let churn = self.churn().into_iter().map(|model| &model.plan);
        let upsell = self.upsell().into_iter().map(|model| &model.plan);
        let value = self.value.iter().map(ValueModel::plan);
        let segments = self.segments.iter().map(|model| &model.plan);
        let uplift = self.uplift.iter().map(|model| &model.plan);
        churn.chain(upsell).chain(value).chain(segments).chain(uplift).collect()
    }

    /// Binds the models to timelines.
    #[must_use]
    pub fn bind<'a>(&'a self, timelines: &'a Timelines) -> BoundScorer<'a> {
        let profile = self.profile();
        let mut plans = vec![profile];
        for plan in self.plans() {
            if !plans.contains(plan) {
                plans.push(plan.clone());
            }
        }
        let place = |plan: &FeaturePlan| plans.iter().position(|one| one == plan).unwrap_or(0);
        BoundScorer {
            scorer: self,
            timelines,
            churn_row: self.churn().map_or(0, |model| place(&model.plan)),
            value_row: self.value.as_ref().map_or(0, |model| place(model.plan())),
            upsell_row: self.upsell().map_or(0, |model| place(&model.plan)),
            segments_row: self.segments.as_ref().map_or(0, |model| place(&model.plan)),
            uplift_row: self.uplift.as_ref().map_or(0, |model| place(&model.plan)),
            makers: plans.iter().map(|plan| SnapshotMaker::new(plan, timelines)).collect(),
            rows: plans.iter().map(|plan| vec![0.0; plan.width()]).collect(),
            owned: Vec::new(),
        }
    }
}

/// Models bound to timelines, with the scratch space for one customer at a time.
#[derive(Debug, Clone)]
pub struct BoundScorer<'a> {
    scorer: &'a Scorer,
    timelines: &'a Timelines,
    makers: Vec<SnapshotMaker<'a>>,
    /// One row a plan; the first is the profile's.
    rows: Vec<Vec<f64>>,
    churn_row: usize,
    value_row: usize,
    upsell_row: usize,
    segments_row: usize,
    uplift_row: usize,
    owned: Vec<u32>,
}

impl<'a> BoundScorer<'a> {
    /// The customers that are scored.
    #[must_use]
    pub fn timelines(&self) -> &'a Timelines {
        self.timelines
    }

    /// Scores a customer as known before a moment, with reasons.
    ///
    /// # Panics
    /// If there is no such customer.
    pub fn score(&mut self, customer: usize, moment: Moment) -> Scorecard {
        let scorecard = self.estimate(customer, moment);
        Scorecard { reasons: self.reasons(&scorecard), ..scorecard }
    }

    /// Scores a customer as known before a moment, without reasons, which take longer than all the rest.
    ///
    /// # Panics
    /// If there is no such customer.
    pub fn estimate(&mut self, customer: usize, moment: Moment) -> Scorecard {
        let history = self.timelines.timeline(customer).before(moment);
        for (maker, row) in self.makers.iter_mut().zip(&mut self.rows) {
            maker.fill(&history, row);
        }
        let mut scorecard = Scorecard {
            customer_id: self.timelines.ids.get(customer).to_owned(),
            moment,
            churn_probability: None,
            propensities: Vec::new(),
            value: self.scorer.value.as_ref().and_then(|model| model.of(&history, &self.rows[self.value_row])),
            segment: None,
            uplift: Vec::new(),
            reasons: Vec::new(),
            model_versions: self.scorer.versions.clone(),
        };
        if let Some(Ready { model, trees }) = &self.scorer.churn
            && at_risk(model.definition, &history)
        {
            let row = &self.rows[self.churn_row];
            scorecard.churn_probability = Some(trees.probability(&model.classifier, row));
        }
        if let Some(ready) = &self.scorer.upsell {
            scorecard.propensities =
                propensities(ready, self.timelines, &history, &self.rows[self.upsell_row], &mut self.owned);
        }
        if let Some(model) = &self.scorer.segments {
            let nearest = model.segments.nearest(&self.rows[self.segments_row]);
            scorecard.segment = model.segments.names.get(nearest).cloned();
        }
        if let Some(model) = &self.scorer.uplift {
            let row = &self.rows[self.uplift_row];
            scorecard.uplift =
                model.actions.iter().map(|action| action_effect(action, model.horizon_days, row)).collect();
        }
        scorecard
    }

    /// The reasons of the customer estimated last, whose scorecard this is.
    #[must_use]
    pub fn reasons(&self, scorecard: &Scorecard) -> Vec<String> {
        match (self.scorer.churn(), self.churn_row(scorecard)) {
            (Some(model), Some(row)) => reasons(&model.classifier, &model.plan, row, &mut Vec::new()),
            _ => Vec::new(),
        }
    }

    /// The row of the churn model's features of the customer estimated last, whose scorecard this is; none for who cannot
    /// leave.
    #[must_use]
    pub fn churn_row(&self, scorecard: &Scorecard) -> Option<&[f64]> {
        scorecard.churn_probability.map(|_| &self.rows[self.churn_row][..])
    }

    /// The row of the profile's features of the customer estimated last.
    #[must_use]
    pub fn profile_row(&self) -> &[f64] {
        &self.rows[0]
    }
}

/// What an action would change for one row.
#[must_use]
pub fn action_effect(action: &ActionUplift, horizon_days: u32, row: &[f64]) -> ActionEffect {
    let found = action.model.effect(row);
    let basis = if action.model.heterogeneity.is_some() { EffectBasis::Model } else { EffectBasis::Average };
    ActionEffect {
        action: action.action.clone(),
        outcome: action.outcome,
        horizon_days,
        effect: found.effect,
        low: found.low,
        high: found.high,
        basis,
    }
}

/// Why a classifier gives this row its probability, strongest first, as sentences.
#[must_use]
pub fn reasons(classifier: &Classifier, plan: &FeaturePlan, row: &[f64], contributions: &mut Vec<f64>) -> Vec<String> {
    contributions.clear();
    contributions.resize(row.len(), 0.0);
    classifier.explain(row, contributions);
    plan.reasons(row, contributions, MOST_REASONS)
}

/// As [`reasons`], for each of many rows, one after the other: the same sentences in less time.
#[must_use]
pub fn reasons_of_rows(classifier: &Classifier, plan: &FeaturePlan, rows: &[f64]) -> Vec<Vec<String>> {
    // Without features there is no row to tell apart.
    let width = plan.width().max(1);
    let mut contributions = vec![0.0; rows.len()];
    classifier.family.explain_rows(rows, width, &mut contributions);
    let each = rows.chunks_exact(width).zip(contributions.chunks_exact(width));
    each.map(|(row, contributions)| plan.reasons(row, contributions, MOST_REASONS)).collect()
}

/// Whether a customer can still leave: not gone already by the model's definition.
#[must_use]
pub fn at_risk(definition: ChurnDefinition, history: &History<'_>) -> bool {
    match definition {
        ChurnDefinition::TargetColumn => true,
        ChurnDefinition::SubscriptionEnds => {
            history.subscriptions().any(|subscription| subscription.end == crate::timeline::NEVER)
        }
        ChurnDefinition::NoPurchase { active_within_days } => {
            let earliest = history.moment().seconds() - i64::from(active_within_days) * DAY_SECONDS;
            history.purchases().any(|line| line.at >= earliest && line.amount >= 0.0)
        }
    }
}

/// The products of an offer that a history already has, as codes of the timelines.
pub fn owned_offers(offer: Offer, history: &History<'_>, owned: &mut Vec<u32>) {
    owned.clear();
    match offer {
        Offer::Category => {
            owned.extend(history.purchases().filter(|line| line.amount >= 0.0).map(|line| line.category))
        }
        Offer::Product => {
            owned.extend(history.purchases().filter(|line| line.amount >= 0.0).map(|line| line.product));
            owned.extend(history.subscriptions().map(|subscription| subscription.product));
        }
        Offer::PlanUpgrade | Offer::TargetColumn => {}
    }
    owned.sort_unstable();
    owned.dedup();
}

/// Whether an offer can be made at all: a plan upgrade needs a running plan.
#[must_use]
pub fn can_be_offered(offer: Offer, history: &History<'_>) -> bool {
    match offer {
        Offer::PlanUpgrade => at_risk(ChurnDefinition::SubscriptionEnds, history),
        Offer::Product | Offer::Category | Offer::TargetColumn => true,
    }
}

/// The names that an offer's codes stand for.
#[must_use]
pub fn offer_names(offer: Offer, timelines: &Timelines) -> &[String] {
    match offer {
        Offer::Category => &timelines.categories,
        Offer::Product => &timelines.products,
        Offer::PlanUpgrade | Offer::TargetColumn => &[],
    }
}

fn propensities(
    Ready { model, trees }: &Ready<UpsellModel, Vec<ReadyTrees>>,
    timelines: &Timelines,
    history: &History<'_>,
    row: &[f64],
    owned: &mut Vec<u32>,
) -> Vec<Propensity> {
    if !can_be_offered(model.offer, history) {
        return Vec::new();
    }
    owned_offers(model.offer, history, owned);
    let names = offer_names(model.offer, timelines);
    let has =
        |product: &String| names.binary_search(product).is_ok_and(|code| owned.binary_search(&(code as u32)).is_ok());
    let open = model.products.iter().zip(trees).filter(|((product, _), _)| !has(product));
    let propensity = |((product, classifier), trees): (&(String, Classifier), &ReadyTrees)| Propensity {
        product: product.clone(),
        probability: trees.probability(classifier, row),
    };
    open.map(propensity).collect()
}
