//! A policy whose names are resolved: what a decision about one customer needs, ready to be asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use cel::{Context, Env};
use tend_models::predict::FeatureKind;
use tend_models::quantities::Probability;

use super::rows::ActionRow;
use super::{Policy, PolicyError, check};
use crate::decision::action::Action;
use crate::decision::expression::{Expression, Facts, Kind, Resolver, Variable, Vocabulary};
use crate::decision::stage::{RiskBand, RiskBands, Stage};
use crate::decision::{Subject, names};

/// The feature that stands for a customer's yearly spend where the policy does not say otherwise.
const YEARLY_SPEND: &str = "spend_365d";

/// A policy with all names resolved against one feature plan; share it between threads.
pub struct CompiledPolicy {
    pub(in crate::decision) version: String,
    pub(in crate::decision) currency: String,
    /// Share of spend that is margin.
    pub(in crate::decision) margin: f64,
    /// Margin of one purchase in money, by product.
    pub(in crate::decision) product_margins: BTreeMap<String, f64>,
    /// Spend of a year in money.
    pub(in crate::decision) yearly_spend: Option<Expression>,
    pub(in crate::decision) stages: Vec<Stage>,
    pub(in crate::decision) actions: Vec<Action>,
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

    /// The currency of all money.
    #[must_use]
    pub fn currency(&self) -> &str {
        &self.currency
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
) -> Result<CompiledPolicy, PolicyError> {
    let rows = &policy.rows;
    let mut vocabulary = Vocabulary { names, kinds, products, variables: Vec::new() };
    for product in rows.product_margin.keys() {
        check_product(product, "[product_margin]", products)?;
    }
    let yearly_spend = match &rows.money.yearly_spend {
        Some(source) => Some(source.as_str()),
        None => names.iter().map(String::as_str).find(|name| *name == YEARLY_SPEND),
    };
    let yearly_spend = yearly_spend
        .map(|source| {
            let place = "[money] `yearly_spend`".to_owned();
            compile_expression(place, source, Kind::Number, &mut vocabulary)
        })
        .transpose()?;
    let mut stages = Vec::with_capacity(rows.stages.len());
    for row in &rows.stages {
        let place = format!("stage `{}` `when`", row.name);
        stages.push(Stage {
            name: row.name.clone(),
            label: row.label.clone().unwrap_or_else(|| row.name.clone()),
            condition: compile_expression(place, &row.when, Kind::Truth, &mut vocabulary)?,
        });
    }
    let mut actions = Vec::with_capacity(rows.actions.len());
    for row in &rows.actions {
        actions.push(compile_action(row, &stages, &mut vocabulary)?);
    }
    Ok(CompiledPolicy {
        version: policy.version.clone(),
        currency: rows.money.currency.clone(),
        margin: rows.money.margin,
        product_margins: rows.product_margin.clone(),
        yearly_spend,
        stages,
        actions,
        bands: rows.bands,
        variables: vocabulary.variables,
        environment: Arc::new(Env::stdlib()),
    })
}

fn compile_action(row: &ActionRow, stages: &[Stage], vocabulary: &mut Vocabulary<'_>) -> Result<Action, PolicyError> {
    if let Some(product) = &row.product {
        let place = format!("action `{}` `product`", row.id);
        check_product(product, &place, vocabulary.products)?;
    }
    let eligible = row.eligible.as_deref().map(|source| {
        let place = format!("action `{}` `eligible`", row.id);
        compile_expression(place, source, Kind::Truth, vocabulary)
    });
    let suits = |stage: &Stage| row.stages.contains(&stage.name);
    Ok(Action {
        id: row.id.clone(),
        label: row.label.clone(),
        suits_stage: stages.iter().map(suits).collect(),
        goal: row.goal,
        channel: row.channel.clone(),
        cost: row.cost,
        deadline_days: row.deadline_days,
        eligible: eligible.transpose()?,
        product: row.product.clone(),
        value: row.value,
        effect: check::effect(row)?,
        effect_source: row.effect.source,
    })
}

fn compile_expression(
    place: String,
    source: &str,
    kind: Kind,
    vocabulary: &mut Vocabulary<'_>,
) -> Result<Expression, PolicyError> {
    Expression::compile(source, kind, vocabulary).map_err(|error| PolicyError::Condition {
        place,
        condition: source.to_owned(),
        error,
    })
}

fn check_product(product: &str, place: &str, products: &[String]) -> Result<(), PolicyError> {
    if products.iter().any(|known| known == product) {
        return Ok(());
    }
    let advice = names::advice(product, products.iter().map(String::as_str));
    Err(PolicyError::Value {
        place: place.to_owned(),
        problem: format!("there is no propensity for `{product}`; {advice}"),
    })
}
