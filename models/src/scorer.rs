//! Scores customers with the champions of all tasks: the one code path of training reports, batch and serving.

mod lifetime_value;

use std::collections::BTreeMap;

use crate::artifact::{ChurnDefinition, ChurnModel, ClvModel, Header, Model, Offer, SegmentsModel, UpsellModel};
use crate::families::classifier::Classifier;
use crate::features::{FeaturePlan, SnapshotMaker};
use crate::quantities::{DAY_SECONDS, Moment};
use crate::registry::{Registry, RegistryError};
use crate::scorecard::{Propensity, Scorecard, Task};
use crate::timeline::{History, Timelines};

pub use lifetime_value::{
    Range, ValueRanges, in_opportunities, lifetime_value, on_the_clock, ranges_of_rhythm, value_of_rhythm,
};

/// How many reasons a scorecard gives.
pub const MOST_REASONS: usize = 3;

/// The loaded models, at most one a task.
#[derive(Debug, Clone, Default)]
pub struct Scorer {
    churn: Option<ChurnModel>,
    upsell: Option<UpsellModel>,
    value: Option<ClvModel>,
    segments: Option<SegmentsModel>,
    versions: BTreeMap<Task, String>,
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
            Model::Churn(model) => self.churn = Some(model),
            Model::Upsell(model) => self.upsell = Some(model),
            Model::Clv(model) => self.value = Some(model),
            Model::Segments(model) => self.segments = Some(model),
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

    /// The widest feature plan of the loaded models: what stages and conditions can name.
    #[must_use]
    pub fn profile(&self) -> FeaturePlan {
        self.plans().into_iter().max_by_key(|plan| plan.width()).cloned().unwrap_or_default()
    }

    /// The products whose propensity is told.
    #[must_use]
    pub fn products(&self) -> Vec<String> {
        let products = self.upsell.iter().flat_map(|model| &model.products);
        products.map(|(name, _)| name.clone()).collect()
    }

    fn plans(&self) -> Vec<&FeaturePlan> {
        let churn = self.churn.iter().map(|model| &model.plan);
        let upsell = self.upsell.iter().map(|model| &model.plan);
        let value = self.value.iter().map(|model| &model.plan);
        let segments = self.segments.iter().map(|model| &model.plan);
        churn.chain(upsell).chain(value).chain(segments).collect()
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
            churn_row: self.churn.as_ref().map_or(0, |model| place(&model.plan)),
            upsell_row: self.upsell.as_ref().map_or(0, |model| place(&model.plan)),
            segments_row: self.segments.as_ref().map_or(0, |model| place(&model.plan)),
            makers: plans.iter().map(|plan| SnapshotMaker::new(plan, timelines)).collect(),
            rows: plans.iter().map(|plan| vec![0.0; plan.width()]).collect(),
            contributions: Vec::new(),
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
    upsell_row: usize,
    segments_row: usize,
    contributions: Vec<f64>,
    owned: Vec<u32>,
}

impl BoundScorer<'_> {
    /// Scores a customer as known before a moment; also gives the row of the profile's features.
    ///
    /// # Panics
    /// If there is no such customer.
    pub fn score(&mut self, customer: usize, moment: Moment) -> (Scorecard, &[f64]) {
        let history = self.timelines.timeline(customer).before(moment);
        for (maker, row) in self.makers.iter_mut().zip(&mut self.rows) {
            maker.fill(&history, row);
        }
        let mut scorecard = Scorecard {
            customer_id: self.timelines.ids.get(customer).to_owned(),
            moment,
            churn_probability: None,
            propensities: Vec::new(),
            value: self.scorer.value.as_ref().and_then(|model| lifetime_value(model, &history)),
            segment: None,
            reasons: Vec::new(),
            model_versions: self.scorer.versions.clone(),
        };
        if let Some(model) = &self.scorer.churn
            && at_risk(model.definition, &history)
        {
            let row = &self.rows[self.churn_row];
            scorecard.churn_probability = Some(model.classifier.probability(row));
            scorecard.reasons = reasons(&model.classifier, &model.plan, row, &mut self.contributions);
        }
        if let Some(model) = &self.scorer.upsell {
            scorecard.propensities =
                propensities(model, self.timelines, &history, &self.rows[self.upsell_row], &mut self.owned);
        }
        if let Some(model) = &self.scorer.segments {
            let nearest = model.segments.nearest(&self.rows[self.segments_row]);
            scorecard.segment = model.segments.names.get(nearest).cloned();
        }
        (scorecard, &self.rows[0])
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
    model: &UpsellModel,
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
    let open = model.products.iter().filter(|(product, _)| !has(product));
    open.map(|(product, classifier)| Propensity { product: product.clone(), probability: classifier.probability(row) })
        .collect()
}
