//! Who leaves at the next renewal, by what is known of the customer: one row a customer and renewal for the classifiers.

use serde::Serialize;
use tend_models::artifact::RenewalHazard;
use tend_models::families::classifier::Classifier;
use tend_models::families::renewal::RenewalModel;
use tend_models::features::{Contract, FeaturePlan, SnapshotMaker, contracts};
use tend_models::quantities::{DAYS_OF_A_YEAR, Moment, Probability};
use tend_models::scorer::Renewing;

use super::Group;
use crate::champion::{Effort, contest};
use crate::run::TrainError;
use crate::run::project::{MOST_TRAINING_ROWS, ProjectRun, leave_out_leaks};
use crate::samples::{Samples, Split};

/// A mean difference of so many of its standard errors is more than noise.
const BEYOND_NOISE: f64 = 2.0;

/// Renewals of so many periods are learned from, each once; the newest third of them tunes.
const MOST_PERIODS: usize = 24;

/// Fewer periods than these cannot be parted into training and tuning.
const FEWEST_PERIODS: usize = 3;

/// The memories that are tried, in twentieths.
const MEMORIES: std::ops::RangeInclusive<u8> = 0..=20;

/// How a classifier of the next renewal compares with the family that knows the age of the contract alone: on renewals that
/// neither had seen, of contracts that ran when both were fitted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HazardFigures {
    /// The classifier's family.
    pub classifier: &'static str,
    /// What is left of a customer's difference in log-odds after each renewal, chosen on these renewals.
    pub memory: f64,
    /// Contracts.
    pub contracts: usize,
    /// Log likelihood of their renewals, by the features.
    pub log_likelihood: f64,
    /// The same by the age of the contract alone.
    pub log_likelihood_of_family: f64,
    /// Whether it is used: its log likelihood is higher beyond noise.
    pub is_used: bool,
}

/// A classifier of who leaves at the next renewal, with its features.
pub(super) struct NextRenewal {
    pub(super) plan: FeaturePlan,
    pub(super) classifier: Classifier,
}

/// Fits the project's classifiers to the renewals of one bill period that were due before `run.as_of`; features are those
/// known a period before.
///
/// # Errors
/// [`TrainError`] if there is too little history, or too few left.
pub(super) fn fit(run: &ProjectRun<'_>, group: &Group) -> Result<NextRenewal, TrainError> {
    let window_days = (group.months * DAYS_OF_A_YEAR / 12.0).ceil() as i64;
    let first = group.contracts.iter().map(|(_, contract)| contract.start).min().unwrap_or(run.as_of);
    let passed = (run.as_of.days_since(first) / window_days as f64) as usize;
    let periods = passed.saturating_sub(1).min(MOST_PERIODS);
    if periods < FEWEST_PERIODS {
        return Err(TrainError::Data(format!(
            "found {passed} renewal periods, expected at least {}: one of history, and {FEWEST_PERIODS} to learn from",
            FEWEST_PERIODS + 1
        )));
    }
    let tuned = periods / 3;
    let before = |periods: usize| run.as_of.plus_days(-window_days * periods as i64);
    let mut samples = Samples::new(FeaturePlan::for_timelines(run.timelines, before(tuned)));
    let mut split = Split::default();
    for period in (1..=periods).rev() {
        let (moment, until) = (before(period), before(period - 1));
        let customers = run.customers(MOST_TRAINING_ROWS / periods, period);
        let made = run.snapshots(&samples.plan, moment, &customers, |customer| {
            leaves(run, customer, group.months, moment, until)
        });
        samples.rows.extend(made.rows);
        let part = if period <= tuned { &mut split.tune } else { &mut split.train };
        part.extend(samples.len()..samples.len() + made.answers.len());
        samples.labels.extend(made.answers);
    }
    leave_out_leaks(&mut samples, &split.train, &run.recipe.training.keep);
    let contest = contest(&samples, &split, Effort::Standard, run.recipe.training.seed)?;
    Ok(NextRenewal { plan: samples.plan, classifier: contest.champion })
}

/// Whether a customer leaves at the renewal due in a window; `None` without one.
fn leaves(run: &ProjectRun<'_>, customer: usize, months: f64, moment: Moment, until: Moment) -> Option<bool> {
    let timeline = run.timelines.timeline(customer);
    let running = contracts(&timeline.before(moment))
        .into_iter()
        .find(|contract| contract.end.is_none() && contract.period_months == months)?;
    let later = contracts(&timeline.before(until)).into_iter().find(|later| later.is_same(&running))?;
    later.decisions(moment, until).next().map(|(_, has_left)| has_left)
}

/// The renewals of one contract in a window, for a customer known by features.
struct Followed {
    /// By how much the log-odds of leaving differ at the first of them.
    shift: f64,
    /// (decision, whether the customer left).
    decisions: Vec<(u32, bool)>,
}

/// Compares a classifier and a family, both fitted before `from`, on the renewals due until `run.as_of` of the contracts that
/// ran at `from`; chooses the memory that explains them best.
pub(super) fn compared(
    run: &ProjectRun<'_>,
    next: &NextRenewal,
    of_age: &RenewalModel,
    known: &Group,
    from: Moment,
) -> HazardFigures {
    let followed = followed(run, next, of_age, known, from);
    let of_memory =
        |memory: f64| -> Vec<f64> { followed.iter().map(|one| one.log_likelihood(of_age, memory)).collect() };
    let sum = |memory: &f64| of_memory(*memory).iter().sum::<f64>();
    let memories = MEMORIES.map(|twentieths| f64::from(twentieths) / 20.0);
    let memory = memories.max_by(|one, other| sum(one).total_cmp(&sum(other))).unwrap_or(0.0);
    let by_age: Vec<f64> = followed
        .iter()
        .map(|one| Followed { shift: 0.0, decisions: one.decisions.clone() }.log_likelihood(of_age, 0.0))
        .collect();
    let by_features = of_memory(memory);
    HazardFigures {
        classifier: next.classifier.family_name(),
        memory,
        contracts: followed.len(),
        log_likelihood: by_features.iter().sum(),
        log_likelihood_of_family: by_age.iter().sum(),
        is_used: is_beyond_noise(&by_features, &by_age),
    }
}

fn followed(
    run: &ProjectRun<'_>,
    next: &NextRenewal,
    of_age: &RenewalModel,
    known: &Group,
    from: Moment,
) -> Vec<Followed> {
    let mut maker = SnapshotMaker::new(&next.plan, run.timelines);
    let mut row = vec![0.0; next.plan.width()];
    let of_one = |(customer, contract): &(usize, Contract)| {
        let timeline = run.timelines.timeline(*customer);
        maker.fill(&timeline.before(from), &mut row);
        let later = contracts(&timeline.before(run.as_of)).into_iter().find(|later| later.is_same(contract))?;
        Some(Followed {
            shift: Renewing::shift(of_age, &next.classifier, contract.next_decision(from), &row),
            decisions: later.decisions(from, run.as_of).collect(),
        })
    };
    known.contracts.iter().filter(|(_, contract)| contract.end.is_none()).filter_map(of_one).collect()
}

impl Followed {
    fn log_likelihood(&self, of_age: &RenewalModel, memory: f64) -> f64 {
        let Some(&(first, _)) = self.decisions.first() else { return 0.0 };
        let renewing =
            Renewing { model: of_age, shift: self.shift, memory, next_decision: first, annual_price_factor: 1.0 };
        let of_one = |(decision, has_left): &(u32, bool)| {
            if *has_left { renewing.log_leaving(*decision) } else { renewing.log_staying(*decision) }
        };
        self.decisions.iter().map(of_one).sum()
    }
}

/// Whether the first of two log-likelihoods, one a contract, is higher by more than noise.
fn is_beyond_noise(one: &[f64], other: &[f64]) -> bool {
    let count = one.len() as f64;
    let gains = || one.iter().zip(other).map(|(one, other)| one - other);
    let mean = gains().sum::<f64>() / count;
    let variance = gains().map(|gain| (gain - mean).powi(2)).sum::<f64>() / count;
    one.len() > 1 && mean > BEYOND_NOISE * (variance / count).sqrt()
}

impl NextRenewal {
    /// As it is stored, with the memory found.
    pub(super) fn stored(self, memory: f64) -> (FeaturePlan, RenewalHazard) {
        (self.plan, RenewalHazard { classifier: self.classifier, memory: Probability::clamped(memory) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gain_counts_only_beyond_noise() {
        let gains =
            |mean: f64| -> Vec<f64> { (0..100).map(|row| mean + if row % 2 == 0 { 0.1 } else { -0.1 }).collect() };
        // The standard error of the mean is .01.
        assert!(is_beyond_noise(&gains(0.03), &[0.0; 100]));
        assert!(!is_beyond_noise(&gains(0.015), &[0.0; 100]));
        assert!(!is_beyond_noise(&[], &[]));
    }
}
