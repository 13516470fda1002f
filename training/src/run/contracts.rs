//! Fits contractual lifetime value models on the subscriptions of a project.

use std::collections::BTreeMap;

use tend_models::artifact::{ContractsModel, Model, PeriodModel};
use tend_models::features::{Contract, FeaturePlan, SnapshotMaker, contracts, revenue_of_period};
use tend_models::quantities::{DAYS_OF_A_YEAR, Moment, Positive};
use tend_models::scorecard::Task;
use tend_models::scorer::value_of_contract;
use tend_models::timeline::Timelines;

use super::{Figures, HoldOut, ProjectRun, TrainError, Trained};
use crate::evaluate::{RenewalCohort, ValueFigures};
use crate::fit::renewal::{self, RenewalFit, Tally};
use figures::contract_figures;

pub(super) use choice::named as contractual_family;

pub use choice::FamilyTried;
pub use figures::{ContractFigures, ContractsFound, PriceChange};
pub use hazard::HazardFigures;
pub use table::{ContractColumns, ContractTable, ContractTableRun, read_contract_table, train_contract_table};

mod choice;
mod figures;
mod hazard;
mod table;

/// Fewer contracts than these tell no change of price.
const FEWEST_TO_PRICE: usize = 30;

/// The contracts of one bill period, as known before a moment.
struct Group {
    months: f64,
    /// (customer, contract), in the order of the customers.
    contracts: Vec<(usize, Contract)>,
}

/// Fits a model for each bill period on all decisions that were due before `as_of`.
///
/// It is tested on the newest horizon (at most a third of the data): parameters fitted on what was known before it against
/// the renewals and the revenue in it.
///
/// # Errors
/// [`TrainError`] if there is no subscription, or no bill period can be fitted.
pub fn train_contracts(run: &ProjectRun<'_>) -> Result<Trained, TrainError> {
    let families = choice::families(run.recipe.clv.family)?;
    let clv = &run.recipe.clv;
    let first = run.timelines.first_event().ok_or_else(no_subscription)?;
    let days = clv.horizon_days.get().min(run.as_of.days_since(first) / 3.0).floor() as i64;
    let earlier = run.as_of.plus_days(-days);
    let known_earlier = groups(run.timelines, earlier);
    let (mut periods, mut found, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
    let mut tested = Vec::new();
    let known = groups(run.timelines, run.as_of);
    for group in &known {
        let before = known_earlier.iter().find(|known| known.months == group.months);
        let tally_before = before.map_or_else(Tally::default, |known| known.tally(Moment::BEFORE_ALL, earlier));
        let after = group.tally(earlier, run.as_of);
        let all = group.tally(Moment::BEFORE_ALL, run.as_of);
        let choice = choice::best(&families, &tally_before, &after, &all);
        let fit = match renewal::fit(choice.family, &all) {
            Ok(fit) => fit,
            Err(error) => {
                left_out.push(format!("contracts of {} month(s): {error}", group.months));
                continue;
            }
        };
        let price = price_change(run.timelines, group, first, run.as_of);
        periods.push(period_model(group.months, &fit, &price)?);
        if let Some(earlier_fit) = &choice.fit {
            tested.push(period_model(group.months, earlier_fit, &PriceChange::NONE)?);
        }
        let cohorts = group.cohorts(&fit, run.as_of);
        found.push(ContractFigures {
            cohorts,
            ..contract_figures(group.months, group.contracts.len(), &all, &fit, choice.tried, price)
        });
    }
    let model = |plan: FeaturePlan, periods| ContractsModel {
        plan,
        periods,
        horizon_days: clv.horizon_days,
        margin: clv.margin,
        annual_discount_rate: clv.annual_discount_rate,
    };
    if periods.is_empty() {
        return Err(left_out.first().map_or_else(no_subscription, |reason| TrainError::Data(reason.clone())));
    }
    let everything = FeaturePlan::for_timelines(run.timelines, run.as_of);
    let mut plans = [everything.clone(), everything];
    let months = periods[0].period_months;
    let of_main = |groups: &[Group]| groups.iter().position(|group| group.months == months.get());
    if let (Some(before), Some(now)) = (of_main(&known_earlier), of_main(&known))
        && let Some(tested) = tested.iter_mut().find(|period| period.period_months == months)
    {
        match know_by_features(run, earlier, [&known_earlier[before], &known[now]], tested, &mut periods[0]) {
            Ok((figures, of_both)) => {
                found[0].hazard = Some(figures);
                plans = of_both.unwrap_or(plans);
            }
            Err(error) => left_out.push(format!("features of who renews: {error}")),
        }
    }
    let [tested_plan, plan] = plans;
    let hold_out = hold_out(run.timelines, &known_earlier, &model(tested_plan, tested), earlier, run.as_of)?;
    let mut figures = Figures::new(Task::Clv, found[0].family);
    let rows = found.iter().map(|one| one.contracts).sum();
    figures.contracts = Some(ContractsFound { main: found.remove(0), other_periods: found, hold_out });
    figures.left_out = left_out;
    Ok(Trained::new(Model::Contracts(model(plan, periods)), figures, Some(run.as_of), rows, run.recipe.training.seed))
}

/// Fits a classifier of the next renewal for the bill period with the most contracts: before `earlier` to compare it with the
/// age of the contract alone, and on everything if it is better. Gives the features of both then.
fn know_by_features(
    run: &ProjectRun<'_>,
    earlier: Moment,
    groups: [&Group; 2],
    tested: &mut PeriodModel,
    published: &mut PeriodModel,
) -> Result<(HazardFigures, Option<[FeaturePlan; 2]>), TrainError> {
    let [known_earlier, known] = groups;
    let before = hazard::fit(&ProjectRun { as_of: earlier, ..*run }, known_earlier)?;
    let figures = hazard::compared(run, &before, &tested.renewal.model, known_earlier, earlier);
    if !figures.is_used {
        return Ok((figures, None));
    }
    let (tested_plan, tested_hazard) = before.stored(figures.memory);
    let (plan, published_hazard) = hazard::fit(run, known)?.stored(figures.memory);
    tested.hazard = Some(tested_hazard);
    published.hazard = Some(published_hazard);
    Ok((figures, Some([tested_plan, plan])))
}

fn no_subscription() -> TrainError {
    TrainError::Data("found no subscription; expected at least one contract to learn renewals from".to_owned())
}

fn period_model(months: f64, fit: &RenewalFit, price: &PriceChange) -> Result<PeriodModel, TrainError> {
    let positive = |value: f64| Positive::new(value).map_err(|error| TrainError::Data(error.to_string()));
    Ok(PeriodModel {
        period_months: positive(months)?,
        renewal: fit.estimate.clone(),
        annual_price_factor: positive(price.annual_factor)?,
        hazard: None,
    })
}

/// The contracts known before a moment by bill period, that with the most contracts first.
fn groups(timelines: &Timelines, moment: Moment) -> Vec<Group> {
    let mut by_period: BTreeMap<u64, Vec<(usize, Contract)>> = BTreeMap::new();
    for customer in 0..timelines.len() {
        for contract in contracts(&timelines.timeline(customer).before(moment)) {
            by_period.entry(contract.period_months.to_bits()).or_default().push((customer, contract));
        }
    }
    let mut groups: Vec<Group> =
        by_period.into_iter().map(|(months, contracts)| Group { months: f64::from_bits(months), contracts }).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.contracts.len()));
    groups
}

impl Group {
    /// The decisions due from one moment up to another.
    fn tally(&self, from: Moment, until: Moment) -> Tally {
        let mut tally = Tally::default();
        for (_, contract) in &self.contracts {
            contract.decisions(from, until).for_each(|(decision, has_left)| tally.add(decision, has_left));
        }
        tally
    }

    /// Decisions counted and expected, by the quarter in which contracts began.
    fn cohorts(&self, fit: &RenewalFit, as_of: Moment) -> Vec<RenewalCohort> {
        let mut cohorts: BTreeMap<(i16, i8), RenewalCohort> = BTreeMap::new();
        for (_, contract) in &self.contracts {
            let date = contract.start.date();
            let quarter = (date.month() + 2) / 3;
            let cohort = cohorts.entry((date.year(), quarter)).or_insert_with(|| RenewalCohort {
                start: format!("{} Q{quarter}", date.year()),
                contracts: 0,
                asked: 0.0,
                left: 0.0,
                expected_left: 0.0,
            });
            cohort.contracts += 1;
            for (decision, has_left) in contract.decisions(Moment::BEFORE_ALL, as_of) {
                cohort.asked += 1.0;
                cohort.left += f64::from(u8::from(has_left));
                cohort.expected_left += fit.estimate.model.log_leaving(f64::from(decision)).exp();
            }
        }
        cohorts.into_values().collect()
    }
}

/// What a year made of the price of contracts that went on: revenue a month now over revenue then, of the same contracts.
///
/// Looks back a year, or half of the data if that is less; told as of a year.
fn price_change(timelines: &Timelines, group: &Group, first: Moment, as_of: Moment) -> PriceChange {
    let days = DAYS_OF_A_YEAR.min(as_of.days_since(first) / 2.0).floor();
    let earlier = as_of.plus_days(-(days as i64));
    let pairs: Vec<(f64, f64)> = group
        .contracts
        .iter()
        .filter(|(_, contract)| contract.end.is_none() && contract.start < earlier)
        .map(|(customer, contract)| {
            let history = timelines.timeline(*customer).before(earlier);
            (revenue_of_period(history.subscriptions(), group.months, earlier), contract.monthly_revenue)
        })
        .filter(|(then, _)| *then > 0.0)
        .collect();
    if pairs.len() < FEWEST_TO_PRICE || days < 1.0 {
        return PriceChange::NONE;
    }
    PriceChange::of(&pairs, DAYS_OF_A_YEAR / days)
}

/// Compares what a model expects of a window with what happened in it; `None` if no contract ran at its start.
pub(super) fn judge_contracts(
    timelines: &Timelines,
    model: &ContractsModel,
    from: Moment,
    until: Moment,
) -> Result<Option<HoldOut>, TrainError> {
    hold_out(timelines, &groups(timelines, from), model, from, until)
}

/// Compares the renewals and the revenue expected of a window with those in it, customer by customer.
fn hold_out(
    timelines: &Timelines,
    known: &[Group],
    model: &ContractsModel,
    from: Moment,
    until: Moment,
) -> Result<Option<HoldOut>, TrainError> {
    let days = until.days_since(from);
    let Ok(horizon_days) = Positive::new(days) else { return Ok(None) };
    let window = ContractsModel { horizon_days, ..model.clone() };
    let mut maker = SnapshotMaker::new(&window.plan, timelines);
    let mut row = vec![0.0; window.plan.width()];
    let (mut expected, mut actual) = (Vec::new(), Vec::new());
    let (mut expected_revenue, mut actual_revenue) = (Vec::new(), Vec::new());
    for group in known {
        let Some(period) = window.period(group.months) else { continue };
        for (customer, contract) in group.contracts.iter().filter(|(_, contract)| contract.end.is_none()) {
            if period.hazard.is_some() {
                maker.fill(&timelines.timeline(*customer).before(from), &mut row);
            }
            let renewing = period.renewing(contract.next_decision(from), Some(&row));
            let value = value_of_contract(&window, &renewing, contract, from);
            expected.push(value.expected_renewals);
            expected_revenue.push(value.expected_revenue);
            let history = timelines.timeline(*customer).before(until);
            let (mut renewals, mut revenue) = (0.0, 0.0);
            for later in contracts(&history).iter().filter(|later| later.is_same(contract)) {
                for (decision, _) in later.decisions(from, until).filter(|(_, has_left)| !has_left) {
                    renewals += 1.0;
                    let paid_from = later.due(decision).plus_days(1);
                    revenue += group.months * revenue_of_period(history.subscriptions(), group.months, paid_from);
                }
            }
            actual.push(renewals);
            actual_revenue.push(revenue);
        }
    }
    if expected.is_empty() {
        return Ok(None);
    }
    Ok(Some(HoldOut {
        from: from.to_string(),
        days,
        log_likelihood: None,
        purchases: ValueFigures::of(&expected, &actual)?,
        spend: Some(ValueFigures::of(&expected_revenue, &actual_revenue)?),
    }))
}
