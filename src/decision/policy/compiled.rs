//! A policy whose names are resolved: what a decision about one customer needs, ready to be asked.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cel::{Context, Env};
use tend_models::predict::FeatureKind;
use tend_models::quantities::Probability;
use tend_models::timeline::Listed;

use super::place::{Fault, Place, Problem};
use super::rows::{ActionRow, Rows};
use super::{Policy, check, learning, rules};
use crate::decision::action::Action;
use crate::decision::contact_rules::{ConsentRule, Hours, Limit, Suppression};
use crate::decision::control::ControlGroup;
use crate::decision::experience::Adaptation;
use crate::decision::exploration::Exploration;
use crate::decision::expression::{Expression, Facts, Kind, Resolver, Variable, Vocabulary};
use crate::decision::stage::{RiskBand, RiskBands, Stage};
use crate::decision::terms::ValueSource;
use crate::decision::weight::{ContextWeight, Factor, Factors, factor};
use crate::decision::{Subject, names};

/// The feature that stands for a customer's yearly spend where the policy does not say otherwise.
const YEARLY_SPEND: &str = "spend_365d";

/// What constraints on a whole list of contacts can be about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ActionSummary<'a> {
    /// The action.
    pub id: &'a str,
    /// Its channel.
    pub channel: &'a str,
    /// Its group.
    pub group: Option<&'a str>,
    /// Money one contact costs.
    pub cost: f64,
}

/// A policy with all names resolved against one feature plan; share it between threads.
pub struct CompiledPolicy {
    pub(in crate::decision) version: String,
    /// As people write it before an amount; `None` shows plain amounts.
    pub(in crate::decision) currency: Option<String>,
    /// Share of spend that is margin.
    pub(in crate::decision) margin: f64,
    /// What one purchase earns in money, by product.
    pub(in crate::decision) product_values: BTreeMap<String, (f64, ValueSource)>,
    /// Spend of a year in money.
    pub(in crate::decision) yearly_spend: Option<Expression>,
    pub(in crate::decision) stages: Vec<Stage>,
    pub(in crate::decision) actions: Vec<Action>,
    /// By channel.
    pub(in crate::decision) consent: BTreeMap<String, ConsentRule>,
    /// By channel.
    pub(in crate::decision) hours: BTreeMap<String, Hours>,
    pub(in crate::decision) control: Option<ControlGroup>,
    pub(in crate::decision) limits: Vec<Limit>,
    pub(in crate::decision) suppressions: Vec<Suppression>,
    pub(in crate::decision) contexts: Vec<ContextWeight>,
    pub(in crate::decision) factors: Factors,
    /// Factors that are switched off.
    pub(in crate::decision) without: Vec<Factor>,
    /// How each stage explores, (stages,); empty if none does.
    exploration: Vec<Option<Exploration>>,
    /// Whether new actions are shown to few.
    pub(in crate::decision) ramps_up: bool,
    /// How outcomes move probabilities, if they do.
    pub(in crate::decision) adaptation: Option<Adaptation>,
    /// Names of positive outcomes.
    positive_outcomes: Vec<String>,
    /// Days for which a decision counts as a contact.
    decisions_count_days: Option<u32>,
    places: HashMap<String, usize>,
    bands: RiskBands,
    variables: Vec<Variable>,
    environment: Arc<Env>,
}

impl CompiledPolicy {
    /// Sixteen hexadecimal digits that change when the text of the policy does.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The same policy, which values a purchase by the table of products where it gives no margin of its own: by the margin
    /// there, else by the price times the share of spend that is margin.
    #[must_use]
    pub fn with_catalogue(mut self, catalogue: &BTreeMap<String, Listed>) -> Self {
        for (product, listed) in catalogue {
            let by_price = || listed.price.map(|price| (price * self.margin, ValueSource::ListedPrice));
            let value = listed.margin.map(|margin| (margin, ValueSource::ListedMargin)).or_else(by_price);
            if let Some(value) = value {
                self.product_values.entry(product.clone()).or_insert(value);
            }
        }
        self
    }

    /// The currency of all money, if the policy says one.
    #[must_use]
    pub fn currency(&self) -> Option<&str> {
        self.currency.as_deref()
    }

    /// The share of spend that is margin.
    #[must_use]
    pub fn margin(&self) -> f64 {
        self.margin
    }

    /// The band that a churn probability falls into.
    #[must_use]
    pub fn risk_band(&self, churn: Probability) -> RiskBand {
        self.bands.band(churn)
    }

    /// Names and labels of the stages, in the order in which they are tried.
    pub fn stages(&self) -> impl Iterator<Item = (&str, &str)> {
        self.stages.iter().map(|stage| (stage.name.as_str(), stage.label.as_str()))
    }

    /// Ids and channels of the actions, in the order of the file.
    pub fn actions(&self) -> impl ExactSizeIterator<Item = ActionSummary<'_>> {
        self.actions.iter().map(|action| ActionSummary {
            id: &action.id,
            channel: &action.channel,
            group: action.group.as_deref(),
            cost: action.cost,
        })
    }

    /// Whether decisions depend on what came of earlier ones.
    #[must_use]
    pub fn learns(&self) -> bool {
        self.adaptation.is_some() || (self.ramps_up && self.exploration.iter().any(Option::is_some))
    }

    /// Whether an outcome of this name is a success, whatever the case of its letters.
    #[must_use]
    pub fn is_positive(&self, outcome: &str) -> bool {
        self.positive_outcomes.iter().any(|positive| positive.eq_ignore_ascii_case(outcome))
    }

    /// Names of the outcomes that are a success.
    #[must_use]
    pub fn positive_outcomes(&self) -> &[String] {
        &self.positive_outcomes
    }

    /// For how many days a decision of the service counts as a contact, until the contact is reported; `None` if only
    /// contacts count.
    #[must_use]
    pub fn decisions_count_days(&self) -> Option<u32> {
        self.decisions_count_days
    }

    /// How the stage in this place explores, if it does.
    pub(in crate::decision) fn exploration_of(&self, stage: usize) -> Option<Exploration> {
        self.exploration.get(stage).copied().flatten()
    }

    /// The action with this id.
    pub(in crate::decision) fn action(&self, id: &str) -> Option<&Action> {
        self.places.get(id).map(|&place| &self.actions[place])
    }

    /// What the conditions can ask about a customer.
    pub(in crate::decision) fn resolver<'a>(&'a self, subject: &'a Subject<'a>) -> Resolver<'a> {
        let scorecard = subject.scorecard;
        let top = scorecard.propensities.iter().min_by(|left, right| {
            let by_probability = right.probability.get().total_cmp(&left.probability.get());
            by_probability.then_with(|| left.product.cmp(&right.product))
        });
        Resolver {
            variables: &self.variables,
            facts: Facts { subject, risk_band: scorecard.churn_probability.map(|churn| self.risk_band(churn)), top },
        }
    }

    /// Where conditions are asked about one customer.
    pub(in crate::decision) fn context<'a>(&self, resolver: &'a Resolver<'a>) -> Context<'a, 'a> {
        let mut context = Context::with_env(Arc::clone(&self.environment));
        context.set_variable_resolver(resolver);
        context
    }
}

pub(super) fn compile(
    policy: &Policy,
    names: &[String],
    kinds: &[FeatureKind],
    products: &[String],
) -> Result<CompiledPolicy, Fault> {
    let rows = &policy.rows;
    let channels: BTreeSet<&str> = rows
        .actions
        .iter()
        .map(|action| action.channel.as_str())
        .chain(rows.consent.keys().map(String::as_str))
        .collect();
    let channels: Vec<&str> = channels.into_iter().collect();
    let mut vocabulary = Vocabulary { names, kinds, products, channels: &channels, variables: Vec::new() };
    for product in rows.product_margin.keys() {
        check_product(product, Place::once("product_margin", product), products)?;
    }
    let yearly_spend = match &rows.money.yearly_spend {
        Some(source) => Some(source.as_str()),
        None => names.iter().map(String::as_str).find(|name| *name == YEARLY_SPEND),
    };
    let yearly_spend = yearly_spend
        .map(|source| compile_expression(Place::once("money", "yearly_spend"), source, Kind::Number, &mut vocabulary))
        .transpose()?;
    let mut stages = Vec::with_capacity(rows.stages.len());
    for (index, row) in rows.stages.iter().enumerate() {
        let place = Place::row("stage", index, &row.name, "when");
        stages.push(Stage {
            name: row.name.clone(),
            label: row.label.clone().unwrap_or_else(|| row.name.clone()),
            condition: compile_expression(place, &row.when, Kind::Truth, &mut vocabulary)?,
        });
    }
    let factors = Factors::without(&rows.priority.without);
    let mut actions = Vec::with_capacity(rows.actions.len());
    for index in 0..rows.actions.len() {
        actions.push(compile_action(rows, index, factors, &stages, &mut vocabulary)?);
    }
    let mut contexts = Vec::with_capacity(rows.contexts.len());
    for (index, row) in rows.contexts.iter().enumerate() {
        let place = Place::row("context", index, "", "when");
        contexts.push(ContextWeight {
            when: compile_expression(place, &row.when, Kind::Truth, &mut vocabulary)?,
            scope: rules::context_scope(rows, row, index)?,
            percent: row.percent,
        });
    }
    Ok(CompiledPolicy {
        version: policy.version.clone(),
        currency: rows.money.currency.clone(),
        margin: rows.money.margin,
        product_values: (rows.product_margin.iter())
            .map(|(product, margin)| (product.clone(), (*margin, ValueSource::ProductMargin)))
            .collect(),
        yearly_spend,
        stages,
        places: actions.iter().enumerate().map(|(place, action)| (action.id.clone(), place)).collect(),
        actions,
        consent: rows.consent.clone(),
        hours: rules::hours(rows)?,
        control: rules::control(rows)?,
        limits: rules::limits(rows)?,
        suppressions: rules::suppressions(rows)?,
        contexts,
        factors,
        without: rows.priority.without.clone(),
        exploration: learning::exploration(rows)?,
        ramps_up: rows.exploration.as_ref().is_some_and(|row| row.ramp_up),
        adaptation: learning::adaptation(rows)?,
        positive_outcomes: rows.outcomes.positive.clone(),
        decisions_count_days: rows.online.decisions_count_days,
        bands: rows.bands,
        variables: vocabulary.variables,
        environment: Arc::new(Env::stdlib()),
    })
}

fn compile_action(
    rows: &Rows,
    index: usize,
    factors: Factors,
    stages: &[Stage],
    vocabulary: &mut Vocabulary<'_>,
) -> Result<Action, Fault> {
    let row: &ActionRow = &rows.actions[index];
    let place = |field: &str| Place::row("action", index, &row.id, field);
    if let Some(product) = &row.product {
        check_product(product, place("product"), vocabulary.products)?;
    }
    let mut condition = |field: &str, source: &Option<String>| {
        let compile = |source: &String| compile_expression(place(field), source, Kind::Truth, &mut *vocabulary);
        source.as_ref().map(compile).transpose()
    };
    let (eligible, applicable, suitable) = (
        condition("eligible", &row.eligible)?,
        condition("applicable", &row.applicable)?,
        condition("suitable", &row.suitable)?,
    );
    let (valid_from, valid_until) = rules::validity(row, index)?;
    let levers = &rows.levers;
    let of_group = row.group.as_ref().and_then(|group| levers.group.get(group));
    let percents = [Some(&row.lever), levers.goal.get(&row.goal), of_group];
    let suits = |stage: &Stage| row.stages.contains(&stage.name);
    Ok(Action {
        id: row.id.clone(),
        label: row.label.clone(),
        suits_stage: stages.iter().map(suits).collect(),
        goal: row.goal,
        channel: row.channel.clone(),
        group: row.group.clone(),
        cost: row.cost,
        deadline_days: row.deadline_days,
        valid_from,
        valid_until,
        cool_down_days: row.cool_down_days,
        eligible,
        applicable,
        suitable,
        product: row.product.clone(),
        value: row.value,
        levers: if factors.levers { factor(percents.into_iter().flatten().copied()) } else { 1.0 },
        effect: check::effect(row, index)?,
        effect_error: check::effect_error(row, index)?,
        effect_source: row.effect.source,
    })
}

fn compile_expression(
    place: Place,
    source: &str,
    kind: Kind,
    vocabulary: &mut Vocabulary<'_>,
) -> Result<Expression, Fault> {
    Expression::compile(source, kind, vocabulary)
        .map_err(|error| Fault { place, problem: Problem::Condition(source.to_owned(), error) })
}

fn check_product(product: &str, place: Place, products: &[String]) -> Result<(), Fault> {
    if products.iter().any(|known| known == product) {
        return Ok(());
    }
    let advice = names::advice(product, products.iter().map(String::as_str));
    place.wrong(format!("there is no propensity for `{product}`; {advice}"))
}
