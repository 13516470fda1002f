//! Contracts on the command line: columns of their tables, what was found, and scores.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::bail;
use tend_models::artifact::{ContractsModel, Header, Model, PeriodModel};
use tend_models::families::renewal::Range;
use tend_models::features::{Contract, SnapshotMaker, contracts};
use tend_models::quantities::{Moment, Positive};
use tend_models::scorecard::Task;
use tend_models::scorer::{Renewing, ResidualLifetime, lifetime_value_of_contracts, value_of_contract};
use tend_models::timeline::Timelines;
use tend_training::run::{ContractColumns, ContractFigures, ContractsFound, Target, read_contract_table};
use tend_training::tables::OutColumn;

use super::project::Project;
use super::score::Columns;
use super::train::describe_hold_out;
use super::usage_error;

/// The columns of a table of contracts to learn from.
#[derive(Debug, clap::Args)]
pub struct ContractColumnArgs {
    /// Of contracts, one row a customer: the column with the periods; of who left, up to and with the one in which they
    /// left, of who is on, those that are over. --target says who left.
    #[arg(long, requires = "target", conflicts_with = "survivors")]
    tenure: Option<String>,
    /// Of contracts, one row a period: the column with the customers who were still on at its end; period 0 is the start.
    #[arg(long, requires = "table")]
    survivors: Option<String>,
    /// The column with the number of the period; without it rows count from 0.
    #[arg(long, requires = "survivors")]
    period: Option<String>,
    /// The column with the cohort; without it all rows are one.
    #[arg(long, requires = "survivors")]
    cohort: Option<String>,
}

impl ContractColumnArgs {
    /// The columns; `left` is the target.
    pub fn columns(&self, left: Option<Target>) -> anyhow::Result<ContractColumns> {
        match (&self.survivors, &self.tenure, left) {
            (Some(survivors), ..) => Ok(ContractColumns::Cohorts {
                period: self.period.clone(),
                survivors: survivors.clone(),
                cohort: self.cohort.clone(),
            }),
            (None, Some(tenure), Some(left)) => Ok(ContractColumns::Customers { tenure: tenure.clone(), left }),
            _ => Err(usage_error(
                "a table trains --task clv with --tenure COLUMN --target COLUMN (one row a customer) or --survivors COLUMN (one \
                 row a period)",
            )),
        }
    }
}

/// The columns of a table of contracts to score.
#[derive(Debug, clap::Args)]
pub struct ContractScoreArgs {
    /// Of contracts: the column with the whole periods that are over. All rows are customers who are still on.
    #[arg(long, requires = "table")]
    tenure: Option<String>,
    /// Of contracts: the column with the revenue a month.
    #[arg(long, requires = "tenure")]
    revenue: Option<String>,
}

impl ContractScoreArgs {
    /// The column with the periods, which must be named.
    pub fn tenure(&self) -> anyhow::Result<&str> {
        self.tenure.as_deref().ok_or_else(|| usage_error("a table of contracts is scored with --tenure COLUMN"))
    }
}

/// The champion, which must be a model of contracts, with another horizon if one is given.
pub fn contracts_model(project: &Project, horizon: Option<Positive>) -> anyhow::Result<(Header, ContractsModel)> {
    let (header, model) = project.model(Task::Clv, None)?;
    let Model::Contracts(model) = model else {
        bail!(
            "the champion is a model of purchases, not of contracts; score it with --transactions FILE, or in its project"
        )
    };
    let horizon_days = horizon.unwrap_or(model.horizon_days);
    Ok((header, ContractsModel { horizon_days, ..model }))
}

/// Whether a family's name is that of a model of contracts.
pub fn is_of_contracts(family: &str) -> bool {
    ["sbg", "bdw", "beta-geometric"].contains(&family)
}

/// Tells what was found on contracts.
pub fn describe_contracts(found: &ContractsFound) {
    for figures in std::iter::once(&found.main).chain(&found.other_periods) {
        describe_period(figures);
    }
    found.hold_out.iter().for_each(|hold_out| describe_hold_out(hold_out, "renewals"));
}

fn describe_period(figures: &ContractFigures) {
    let parameters: Vec<String> = figures
        .parameters
        .0
        .iter()
        .map(|(name, value)| {
            let range = figures.intervals_80.get(name);
            let range = range.map_or_else(String::new, |range| format!(" ({:.4} to {:.4})", range.low, range.high));
            format!("{name} {value:.4}{range}")
        })
        .collect();
    println!(
        "  {} contracts of {} month(s), {}: {}, log likelihood {:.3}",
        figures.contracts,
        figures.period_months,
        figures.family,
        parameters.join(", "),
        figures.log_likelihood
    );
    if !figures.converged {
        println!("  the parameters run off to a limit: the data do not tell that customers differ");
    }
    if let Some(hazard) = &figures.hazard {
        println!(
            "  renewals of {} contracts by features ({}): log likelihood {:.1}, by age alone {:.1}: {}",
            hazard.contracts,
            hazard.classifier,
            hazard.log_likelihood,
            hazard.log_likelihood_of_family,
            if hazard.is_used { "used" } else { "not used" }
        );
    }
    if figures.price.contracts > 0 {
        let percent = |share: f64| 100.0 * share;
        println!(
            "  price of contracts that go on: {:+.1} % a year (standard error {:.1})",
            percent(figures.price.annual_factor - 1.0),
            percent(figures.price.standard_error)
        );
    }
}

/// Scores a table of customers who are still on, as of just before their next renewal.
pub fn score_contract_table(
    header: &Header,
    model: &ContractsModel,
    table: &Path,
    id: Option<&str>,
    columns: &ContractScoreArgs,
) -> anyhow::Result<Columns> {
    let tenure = columns.tenure()?;
    let Some(period) = model.periods.first() else { bail!("the champion has no bill period") };
    let customers = read_contract_table(table, id, tenure, columns.revenue.as_deref())?;
    let first = period.renewal.model.first_decision() as u32;
    let decisions: Vec<u32> = customers.periods.iter().map(|periods| periods + first).collect();
    let mut known = BTreeMap::new();
    for &decision in &decisions {
        known.entry(decision).or_insert_with(|| OfDecision::new(model, period, decision));
    }
    let number = |of: &dyn Fn(&OfDecision) -> f64| {
        OutColumn::Number(decisions.iter().map(|decision| of(&known[decision])).collect())
    };
    let mut scores = vec![
        ("customer_id".to_owned(), OutColumn::Text(customers.ids)),
        ("expected_purchases".to_owned(), number(&|one| one.renewals)),
        ("probability_alive".to_owned(), number(&|_| 1.0)),
    ];
    if let Some(revenues) = &customers.monthly_revenue {
        let prices: Vec<f64> = revenues.iter().map(|revenue| revenue * period.period_months.get()).collect();
        let worth = |of: &dyn Fn(&ResidualLifetime) -> f64| {
            let payments = decisions.iter().map(|decision| of(&known[decision].within_horizon));
            OutColumn::Number(payments.zip(&prices).map(|(one, price)| one * price * model.margin.get()).collect())
        };
        scores.push(("expected_average_spend".to_owned(), OutColumn::Number(prices.clone())));
        scores.push(("predicted_clv".to_owned(), worth(&|one| one.expected)));
        scores.push(("predicted_clv_low".to_owned(), worth(&|one| low(one.range_80))));
        scores.push(("predicted_clv_high".to_owned(), worth(&|one| high(one.range_80))));
    }
    scores.push(("retention_probability".to_owned(), number(&|one| one.retention)));
    push_lifetimes(
        &mut scores,
        number(&|one| one.lifetime.expected),
        [number(&|one| low(one.lifetime.range_80)), number(&|one| high(one.lifetime.range_80))],
    );
    let versions = vec![header.version.clone(); decisions.len()];
    scores.push(("model_version".to_owned(), OutColumn::Text(versions)));
    Ok(scores)
}

/// What is the same for all customers before the same decision.
struct OfDecision {
    retention: f64,
    /// Renewals within the horizon, not discounted.
    renewals: f64,
    within_horizon: ResidualLifetime,
    lifetime: ResidualLifetime,
}

impl OfDecision {
    fn new(model: &ContractsModel, period: &PeriodModel, decision: u32) -> Self {
        let undiscounted = ContractsModel { annual_discount_rate: 0.0, ..model.clone() };
        Self {
            retention: period.renewal.model.retention(f64::from(decision)).get(),
            renewals: undiscounted.residual_lifetime(period, decision, Some(model.horizon_days)).expected,
            within_horizon: model.residual_lifetime(period, decision, Some(model.horizon_days)),
            lifetime: model.residual_lifetime(period, decision, None),
        }
    }
}

fn low(range: Option<Range>) -> f64 {
    range.map_or(f64::NAN, |range| range.low)
}

fn high(range: Option<Range>) -> f64 {
    range.map_or(f64::NAN, |range| range.high)
}

fn push_lifetimes(scores: &mut Columns, lifetimes: OutColumn, [low, high]: [OutColumn; 2]) {
    scores.push(("discounted_expected_residual_lifetime".to_owned(), lifetimes));
    scores.push(("discounted_expected_residual_lifetime_low".to_owned(), low));
    scores.push(("discounted_expected_residual_lifetime_high".to_owned(), high));
}

/// Scores every customer with a running contract. Values are those of all their contracts together; the next renewal and the
/// lifetime are those of the contract that is worth most.
pub fn score_contracts(header: &Header, model: &ContractsModel, timelines: &Timelines, moment: Moment) -> Columns {
    let (mut ids, mut values, mut mains, mut ranges) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut lifetimes: BTreeMap<(u64, u32), ResidualLifetime> = BTreeMap::new();
    let mut maker = SnapshotMaker::new(&model.plan, timelines);
    let mut row = vec![0.0; model.plan.width()];
    for customer in 0..timelines.len() {
        let history = timelines.timeline(customer).before(moment);
        maker.fill(&history, &mut row);
        let Some(value) = lifetime_value_of_contracts(model, &history, Some(&row)) else { continue };
        let running: Vec<(Contract, &PeriodModel)> = contracts(&history)
            .into_iter()
            .filter(|contract| contract.end.is_none())
            .filter_map(|contract| Some((contract, model.period(contract.period_months)?)))
            .collect();
        let worth = |(contract, period): &(Contract, &PeriodModel)| {
            let renewing = period.renewing(contract.next_decision(moment), Some(&row));
            value_of_contract(model, &renewing, contract, moment)
        };
        let main = running.iter().max_by(|one, other| worth(one).value.total_cmp(&worth(other).value));
        let Some(main) = main else { continue };
        let key = (main.0.period_months.to_bits(), worth(main).next_decision);
        let lifetime = *lifetimes.entry(key).or_insert_with(|| model.residual_lifetime(main.1, key.1, None));
        ids.push(timelines.ids.get(customer).to_owned());
        values.push(Some(value));
        ranges.push(range_of_value(model, &running, &row, moment));
        mains.push((main.0, worth(main), lifetime));
    }
    let rows = ids.len();
    let number = |of: &dyn Fn(usize) -> f64| OutColumn::Number((0..rows).map(of).collect());
    let mut scores = vec![("customer_id".to_owned(), OutColumn::Text(ids))];
    super::score::push_values(&mut scores, &values);
    scores.push(("predicted_clv_low".to_owned(), number(&|row| ranges[row].low)));
    scores.push(("predicted_clv_high".to_owned(), number(&|row| ranges[row].high)));
    scores.push(("monthly_revenue".to_owned(), number(&|row| mains[row].0.monthly_revenue)));
    scores.push(("bill_period_months".to_owned(), number(&|row| mains[row].0.period_months)));
    let next = (0..rows).map(|row| mains[row].1.due.date().to_string()).collect();
    scores.push(("next_renewal".to_owned(), OutColumn::Text(next)));
    scores.push(("retention_probability".to_owned(), number(&|row| mains[row].1.retention.get())));
    push_lifetimes(
        &mut scores,
        number(&|row| mains[row].2.expected),
        [number(&|row| low(mains[row].2.range_80)), number(&|row| high(mains[row].2.range_80))],
    );
    scores.push(("model_version".to_owned(), OutColumn::Text(vec![header.version.clone(); rows])));
    scores
}

/// The 80 % range of the value of contracts; that of several is the sum of their ranges, as wide as if they erred together.
fn range_of_value(model: &ContractsModel, running: &[(Contract, &PeriodModel)], row: &[f64], moment: Moment) -> Range {
    let (mut low_sum, mut high_sum) = (0.0, 0.0);
    for (contract, period) in running {
        let renewing = period.renewing(contract.next_decision(moment), Some(row));
        let range = period.renewal.range_80(|renewal| {
            value_of_contract(model, &Renewing { model: renewal, ..renewing }, contract, moment).value
        });
        low_sum += low(range);
        high_sum += high(range);
    }
    Range { low: low_sum, high: high_sum }
}
