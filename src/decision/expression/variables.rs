//! What a condition can name: scores, features, propensities and consents, each read only where a condition names it.

use cel::common::types::{CelBool, CelDouble, CelString};
use cel::common::value::CowVal;
use cel::context::VariableResolver;
use tend_models::predict::FeatureKind;
use tend_models::scorecard::{ActionEffect, Propensity};

use super::Kind;
use crate::decision::stage::RiskBand;
use crate::decision::{FeatureView, Subject, names};

/// What a category feature is called where its value is none of the levels that training saw.
const OTHER_LEVEL: &str = "(other)";

/// A score that a condition can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::decision) enum Score {
    ChurnProbability,
    RiskBand,
    ProbabilityAlive,
    ExpectedPurchases,
    ExpectedAverageSpend,
    PredictedClv,
    Segment,
    TopProduct,
    TopPropensity,
}

impl Score {
    const ALL: [(Self, &'static str, Kind); 9] = [
        (Self::ChurnProbability, "churn_probability", Kind::Number),
        (Self::RiskBand, "risk_band", Kind::Text),
        (Self::ProbabilityAlive, "probability_alive", Kind::Number),
        (Self::ExpectedPurchases, "expected_purchases", Kind::Number),
        (Self::ExpectedAverageSpend, "expected_average_spend", Kind::Number),
        (Self::PredictedClv, "predicted_clv", Kind::Number),
        (Self::Segment, "segment", Kind::Text),
        (Self::TopProduct, "top_product", Kind::Text),
        (Self::TopPropensity, "top_propensity", Kind::Number),
    ];
}

/// One value that some condition names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::decision) enum Variable {
    /// The feature in this column.
    Feature(usize),
    /// An estimate from the scorecard.
    Score(Score),
    /// The probability that this product is bought.
    Propensity(String),
    /// Whether the customer has agreed to this channel.
    Consent(String),
    /// Whether the variable in this slot is known.
    Known(usize),
}

/// All names that exist, and the variables that conditions have named so far.
pub(in crate::decision) struct Vocabulary<'a> {
    /// Names of the features, by column.
    pub(in crate::decision) names: &'a [String],
    /// Kinds of the features, by column.
    pub(in crate::decision) kinds: &'a [FeatureKind],
    /// Products that have a propensity.
    pub(in crate::decision) products: &'a [String],
    /// Channels that a consent can be asked for.
    pub(in crate::decision) channels: &'a [&'a str],
    /// The variables named so far; the index is the slot.
    pub(in crate::decision) variables: Vec<Variable>,
}

impl Vocabulary<'_> {
    /// The slot and the kind of a name: a score, else a feature.
    pub(super) fn name(&mut self, name: &str) -> Result<(usize, Kind), String> {
        if let Ok(found) = self.score(name) {
            return Ok(found);
        }
        self.feature(name).map_err(|_| {
            let scores = Score::ALL.iter().map(|(_, name, _)| *name);
            let known = scores.chain(self.names.iter().map(String::as_str));
            let advice = names::advice(name, known);
            format!("`{name}` is neither a feature nor a score; {advice}")
        })
    }

    /// The slot and the kind of a name in one of the maps `feature`, `score`, `propensity`, `consent`.
    pub(super) fn entry(&mut self, map: &str, name: &str) -> Result<(usize, Kind), String> {
        match map {
            "feature" => self.feature(name),
            "score" => self.score(name),
            "consent" => self.consent(name),
            _ => self.propensity(name),
        }
    }

    /// The slot that says whether another slot's variable is known.
    pub(super) fn known(&mut self, slot: usize) -> usize {
        self.slot(Variable::Known(slot))
    }

    fn score(&mut self, name: &str) -> Result<(usize, Kind), String> {
        match Score::ALL.iter().find(|(_, known, _)| *known == name) {
            Some((score, _, kind)) => Ok((self.slot(Variable::Score(*score)), *kind)),
            None => {
                let advice = names::advice(name, Score::ALL.iter().map(|(_, name, _)| *name));
                Err(format!("there is no score `{name}`; {advice}"))
            }
        }
    }

    fn feature(&mut self, name: &str) -> Result<(usize, Kind), String> {
        let Some(column) = self.names.iter().position(|known| known == name) else {
            let advice = names::advice(name, self.names.iter().map(String::as_str));
            return Err(format!("there is no feature `{name}`; {advice}"));
        };
        let kind = match self.kinds.get(column) {
            Some(FeatureKind::Category { .. }) => Kind::Text,
            _ => Kind::Number,
        };
        Ok((self.slot(Variable::Feature(column)), kind))
    }

    fn propensity(&mut self, product: &str) -> Result<(usize, Kind), String> {
        if !self.products.iter().any(|known| known == product) {
            let advice = names::advice(product, self.products.iter().map(String::as_str));
            return Err(format!("there is no propensity for `{product}`; {advice}"));
        }
        let slot = self.slot(Variable::Propensity(product.to_owned()));
        Ok((slot, Kind::Number))
    }

    fn consent(&mut self, channel: &str) -> Result<(usize, Kind), String> {
        if !self.channels.contains(&channel) {
            let advice = names::advice(channel, self.channels.iter().copied());
            return Err(format!("no action has the channel `{channel}`; {advice}"));
        }
        Ok((self.slot(Variable::Consent(channel.to_owned())), Kind::Truth))
    }

    fn slot(&mut self, variable: Variable) -> usize {
        if let Some(slot) = self.variables.iter().position(|known| *known == variable) {
            return slot;
        }
        self.variables.push(variable);
        self.variables.len() - 1
    }
}

/// What is known about one customer, with what follows from it for all conditions alike.
#[derive(Clone, Copy)]
pub(in crate::decision) struct Facts<'a> {
    /// The customer.
    pub(in crate::decision) subject: &'a Subject<'a>,
    /// The band that the churn probability falls into.
    pub(in crate::decision) risk_band: Option<RiskBand>,
    /// The most likely product.
    pub(in crate::decision) top: Option<&'a Propensity>,
}

impl<'a> Facts<'a> {
    /// How likely a product is bought; `None` if it is owned already or there is no model for it.
    pub(in crate::decision) fn propensity(&self, product: &str) -> Option<&'a Propensity> {
        let known = &self.subject.scorecard.propensities;
        known.iter().find(|known| known.product == product)
    }

    /// What an uplift model says of an action for this customer.
    pub(in crate::decision) fn uplift(&self, action: &str) -> Option<&'a ActionEffect> {
        self.subject.scorecard.uplift.iter().find(|known| known.action == action)
    }
}

/// Gives the evaluation the values of one customer by slot.
pub(in crate::decision) struct Resolver<'a> {
    /// The variables that any condition of the policy names.
    pub(in crate::decision) variables: &'a [Variable],
    /// The customer's values.
    pub(in crate::decision) facts: Facts<'a>,
}

impl Resolver<'_> {
    fn value<'b>(&'b self, slot: usize) -> Option<CowVal<'b, 'b>> {
        match self.variables.get(slot)? {
            Variable::Feature(column) => feature(&self.facts.subject.features, *column),
            Variable::Score(score) => self.score(*score),
            Variable::Propensity(product) => number(self.facts.propensity(product)?.probability.get()),
            Variable::Consent(channel) => {
                let granted = self.facts.subject.dealings.consent(channel)?;
                Some(CowVal::owned(CelBool::from(granted)))
            }
            // A slot points only at one that was made before it, so this ends.
            Variable::Known(slot) => {
                let known = self.value(*slot).is_some();
                Some(CowVal::owned(CelBool::from(known)))
            }
        }
    }

    fn score<'b>(&'b self, score: Score) -> Option<CowVal<'b, 'b>> {
        let scorecard = self.facts.subject.scorecard;
        let value = scorecard.value;
        match score {
            Score::ChurnProbability => number(scorecard.churn_probability?.get()),
            Score::RiskBand => Some(text(self.facts.risk_band?.name())),
            Score::ProbabilityAlive => number(value?.probability_alive.get()),
            Score::ExpectedPurchases => number(value?.expected_purchases),
            Score::ExpectedAverageSpend => number(value?.expected_average_spend.get()),
            Score::PredictedClv => number(value?.predicted_clv.get()),
            Score::Segment => Some(text(scorecard.segment.as_deref()?)),
            Score::TopProduct => Some(text(&self.facts.top?.product)),
            Score::TopPropensity => number(self.facts.top?.probability.get()),
        }
    }
}

/// A name that resolves to nothing is an error within the evaluation, which is how an unknown value spreads.
impl VariableResolver for Resolver<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        self.value(variable.parse().ok()?)
    }
}

fn feature<'b>(features: &FeatureView<'b>, column: usize) -> Option<CowVal<'b, 'b>> {
    let value = *features.values.get(column)?;
    match features.kinds.get(column)? {
        FeatureKind::Number => number(value),
        FeatureKind::Category { .. } if value.is_nan() || value < 0.0 => None,
        FeatureKind::Category { levels } => {
            let level = levels.get(value as usize);
            Some(text(level.map_or(OTHER_LEVEL, String::as_str)))
        }
    }
}

fn number<'b>(value: f64) -> Option<CowVal<'b, 'b>> {
    (!value.is_nan()).then(|| CowVal::owned(CelDouble::from(value)))
}

fn text<'b>(value: &'b str) -> CowVal<'b, 'b> {
    CowVal::owned(CelString::from(value))
}
