//! Probabilities of products that too few take for a model of their own: the model of a pool, at the product's rate.

use std::collections::BTreeMap;

use serde::Serialize;
use tend_models::artifact::Offer;
use tend_models::families::baseline::BaseRate;
use tend_models::families::calibration::{Calibration, log_odds};
use tend_models::families::classifier::{Classifier, Family};
use tend_models::quantities::Probability;

use super::super::ProjectRun;
use super::customers::{Code, Counted, Customers};
use crate::calibrate::at_other_rate;
use crate::champion::contest;
use crate::fit::shrinkage::{Count, shrunken_rates};
use crate::fit::table::FitError;

/// A product whose probability comes from a pool.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FallbackFigures {
    /// The product.
    pub product: String,
    /// The category that its pool is of; absent for the pool of all others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Who took it in the training windows.
    pub buyers: usize,
    /// Share who took it, of those who could.
    pub rate: f64,
    /// The share after shrinkage to its category and to all products, at which the pool's model is put.
    pub shrunken_rate: f64,
}

/// Products that share a model, with the rates that it is put at.
pub(super) struct Pool {
    category: Option<String>,
    members: Vec<(Counted, f64)>,
}

impl Pool {
    pub(super) fn name(&self) -> String {
        self.category.as_ref().map_or_else(|| "rare products".to_owned(), |name| format!("rare products of {name}"))
    }

    pub(super) fn codes(&self) -> Vec<Code> {
        self.members.iter().map(|(product, _)| product.code).collect()
    }

    pub(super) fn figures(&self) -> impl Iterator<Item = FallbackFigures> {
        self.members.iter().map(|(product, shrunken_rate)| FallbackFigures {
            product: product.name.clone(),
            category: self.category.clone(),
            buyers: product.count.happened as usize,
            rate: product.count.happened / product.count.rows,
            shrunken_rate: *shrunken_rate,
        })
    }

    /// One classifier a product: that of who takes any product of the pool, whose log-odds are moved by
    /// log-odds(the product's shrunken rate) - log-odds(the pool's rate). The customer's leaning towards the category
    /// comes from the pool, how popular the product is from the shrinkage.
    pub(super) fn classifiers(
        &self,
        run: &ProjectRun<'_>,
        customers: &Customers,
    ) -> Result<Vec<(String, Code, Classifier)>, FitError> {
        let (samples, split) = customers.samples(&self.codes());
        let positives = split.train.iter().filter(|&&place| samples.labels[place]).count();
        let rate = positives as f64 / split.train.len() as f64;
        let training = &run.recipe.training;
        let shared = match contest(&samples, &split, training.effort.for_one_of_many(), training.seed) {
            Ok(contest) => contest.champion,
            // Too few even together: then the rates are all that is known.
            Err(FitError::TooFew { .. } | FitError::OneOutcome { .. }) => Classifier {
                family: Family::BaseRate(BaseRate { rate: Probability::clamped(rate) }),
                calibration: Calibration::None,
                width: samples.plan.width(),
            },
            Err(error) => return Err(error),
        };
        let of_product = |(product, own): &(Counted, f64)| {
            let calibration = at_other_rate(shared.calibration.clone(), log_odds(*own) - log_odds(rate));
            (product.name.clone(), product.code, Classifier { calibration, ..shared.clone() })
        };
        Ok(self.members.iter().map(of_product).collect())
    }
}

/// Pools of rare products, one a category with at least `min_positives` takers together, one for all others.
///
/// A product's rate is shrunk to that of its category, and this one to that of all rare products: see
/// [`shrunken_rates`].
pub(super) fn pools(run: &ProjectRun<'_>, offer: Offer, rare: Vec<Counted>) -> Vec<Pool> {
    let category_of = categories(run, offer);
    let mut by_category: BTreeMap<Option<u32>, Vec<Counted>> = BTreeMap::new();
    for product in rare {
        let category = product.code.and_then(|code| category_of.get(&code).copied());
        by_category.entry(category).or_default().push(product);
    }
    let counts: Vec<Count> = by_category.values().map(|products| together(products)).collect();
    let rates = shrunken_rates(&counts, None);
    let mut pools = Vec::new();
    let mut others = Pool { category: None, members: Vec::new() };
    for (((category, products), count), rate) in by_category.into_iter().zip(counts).zip(rates) {
        let own: Vec<Count> = products.iter().map(|product| product.count).collect();
        let members = products.into_iter().zip(shrunken_rates(&own, Some(rate)));
        match category {
            Some(code) if count.happened >= run.recipe.upsell.min_positives as f64 => {
                let category = Some(run.timelines.categories[code as usize].clone());
                pools.push(Pool { category, members: members.collect() });
            }
            _ => others.members.extend(members),
        }
    }
    pools.extend((!others.members.is_empty()).then_some(others));
    pools
}

fn together(products: &[Counted]) -> Count {
    products.iter().fold(Count { happened: 0.0, rows: 0.0 }, |sum, product| Count {
        happened: sum.happened + product.count.happened,
        rows: sum.rows + product.count.rows,
    })
}

/// The category under which each product is bought most often; none where offers are no products, or have none.
fn categories(run: &ProjectRun<'_>, offer: Offer) -> BTreeMap<u32, u32> {
    let purchases = &run.timelines.purchases;
    if offer != Offer::Product || purchases.category.is_empty() {
        return BTreeMap::new();
    }
    let known = run.timelines.categories.len() as u32;
    let mut lines: BTreeMap<u32, BTreeMap<u32, usize>> = BTreeMap::new();
    let both = purchases.product.iter().zip(purchases.category.iter());
    for ((&product, &category), &at) in both.zip(purchases.at.iter()) {
        if category < known && at < run.as_of.seconds() {
            *lines.entry(product).or_default().entry(category).or_default() += 1;
        }
    }
    let most = |of: BTreeMap<u32, usize>| of.into_iter().max_by_key(|&(code, lines)| (lines, u32::MAX - code));
    lines.into_iter().filter_map(|(product, of)| Some((product, most(of)?.0))).collect()
}
