//! Contracts from a table without a project: cohorts counted by period, or one row a customer.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tend_models::artifact::{ContractsModel, Model};
use tend_models::features::FeaturePlan;
use tend_models::quantities::Positive;
use tend_models::scorecard::Task;

use super::choice;
use super::figures::{ContractsFound, PriceChange, contract_figures};
use super::period_model;
use crate::fit::renewal::{self, RenewalFamily, Tally, Tenure};
use crate::recipe::Clv;
use crate::run::target::Answers;
use crate::run::{Figures, Target, TrainError, Trained};
use crate::tables::{Batch, Cell, TableFile, TextFormat};

/// What the columns of a table of contracts are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContractColumns {
    /// One row a cohort and period: how many customers were still on at the end of the period. Period 0 is the start.
    Cohorts {
        /// The number of the period; without it rows count from 0.
        period: Option<String>,
        /// Customers still on.
        survivors: String,
        /// The cohort; without it all rows are one.
        cohort: Option<String>,
    },
    /// One row a customer.
    Customers {
        /// Periods: of who left, up to and with the one in which they left; of who is on, those that are over.
        tenure: String,
        /// Whether the customer left.
        left: Target,
    },
}

/// What to fit on a table of contracts.
#[derive(Debug, Clone)]
pub struct ContractTableRun {
    /// The table.
    pub file: PathBuf,
    /// Its columns.
    pub columns: ContractColumns,
    /// Months between renewals.
    pub period_months: Positive,
    /// The families that compete: one, or with none those that the table allows.
    pub clv: Clv,
    /// Recorded in the model.
    pub seed: u64,
}

/// Customers with a contract, as a table to score names them.
#[derive(Debug, Clone, PartialEq)]
pub struct ContractTable {
    /// One a row; the row's number where the table has no ids.
    pub ids: Vec<String>,
    /// Whole periods that are over.
    pub periods: Vec<u32>,
    /// Revenue a month, where a column was named.
    pub monthly_revenue: Option<Vec<f64>>,
}

/// Fits a contractual model to a table; the last third of the periods judges the families.
///
/// # Errors
/// [`TrainError`] if the table cannot be read or lacks a column, or the fit fails.
pub fn train_contract_table(run: &ContractTableRun) -> Result<Trained, TrainError> {
    let file = TableFile::open(&run.file)?;
    let named = choice::named(run.clv.family);
    let counted = match &run.columns {
        ContractColumns::Cohorts { period, survivors, cohort } => {
            cohorts(&file, period.as_deref(), survivors, cohort.as_deref(), first_decision(named))?
        }
        ContractColumns::Customers { tenure, left } => customers(&file, tenure, left, named)?,
    };
    let families = named.map_or_else(|| counted.families(), |family| vec![family]);
    let (before, after) = counted.tally.parted_after(counted.tally.last_decision() * 2 / 3);
    let choice = choice::best(&families, &before, &after, &counted.tally);
    let fit = renewal::fit(choice.family, &counted.tally)?;
    let months = run.period_months.get();
    let period = period_model(months, &fit, &PriceChange::NONE)?;
    let main = contract_figures(months, counted.customers, &counted.tally, &fit, choice.tried, PriceChange::NONE);
    let mut figures = Figures::new(Task::Clv, main.family);
    figures.contracts = Some(ContractsFound { main, other_periods: Vec::new(), hold_out: None });
    let model = ContractsModel {
        plan: FeaturePlan::default(),
        periods: vec![period],
        horizon_days: run.clv.horizon_days,
        margin: run.clv.margin,
        annual_discount_rate: run.clv.annual_discount_rate,
    };
    Ok(Trained::new(Model::Contracts(model), figures, None, counted.customers, run.seed))
}

/// Reads the customers of a table to score.
///
/// # Errors
/// [`TrainError`] if the table cannot be read, lacks a column, or a value is not one.
pub fn read_contract_table(
    file: &std::path::Path,
    id: Option<&str>,
    tenure: &str,
    revenue: Option<&str>,
) -> Result<ContractTable, TrainError> {
    let file = TableFile::open(file)?;
    let columns: Vec<String> = [id, Some(tenure), revenue].into_iter().flatten().map(str::to_owned).collect();
    let mut table =
        ContractTable { ids: Vec::new(), periods: Vec::new(), monthly_revenue: revenue.map(|_| Vec::new()) };
    file.read(&columns, |batch| {
        let ids = id.map(|id| batch.texts(id)).transpose()?;
        for (row, periods) in whole_numbers(&file, batch, tenure)?.into_iter().enumerate() {
            let given = ids.as_ref().and_then(|ids| ids.get(row)).map(str::to_owned);
            table.ids.push(given.unwrap_or_else(|| batch.row_number(row).to_string()));
            table.periods.push(periods);
        }
        if let (Some(column), Some(revenues)) = (revenue, &mut table.monthly_revenue) {
            revenues.extend(numbers(&file, batch, column)?);
        }
        Ok::<(), TrainError>(())
    })?;
    Ok(table)
}

struct Counted {
    tally: Tally,
    customers: usize,
}

impl Counted {
    /// The families that can have made these decisions.
    fn families(&self) -> Vec<RenewalFamily> {
        let left_at_once = self.tally.decisions().next().is_some_and(|(_, _, left)| left > 0.0);
        if left_at_once {
            vec![RenewalFamily::BetaGeometric]
        } else {
            vec![RenewalFamily::ShiftedBetaGeometric, RenewalFamily::BetaDiscreteWeibull]
        }
    }
}

fn first_decision(family: Option<RenewalFamily>) -> u32 {
    family.map_or(1, RenewalFamily::first_decision)
}

fn customers(
    file: &TableFile,
    tenure: &str,
    left: &Target,
    named: Option<RenewalFamily>,
) -> Result<Counted, TrainError> {
    let has_left = left.read(file, Answers::Both)?.happened;
    let mut periods = Vec::with_capacity(has_left.len());
    file.read(&[tenure.to_owned()], |batch| {
        periods.extend(whole_numbers(file, batch, tenure)?);
        Ok::<(), TrainError>(())
    })?;
    let tenures = || periods.iter().zip(&has_left).map(|(&periods, &has_left)| Tenure { periods, has_left });
    let somebody_left_at_once = tenures().any(|tenure| tenure.has_left && tenure.periods == 0);
    let first = if named.is_none() && somebody_left_at_once { 0 } else { first_decision(named) };
    let mut tally = Tally::default();
    tenures().for_each(|tenure| tally.add_tenure(tenure, first));
    Ok(Counted { tally, customers: periods.len() })
}

fn cohorts(
    file: &TableFile,
    period: Option<&str>,
    survivors: &str,
    cohort: Option<&str>,
    first_decision: u32,
) -> Result<Counted, TrainError> {
    let columns: Vec<String> = [period, Some(survivors), cohort].into_iter().flatten().map(str::to_owned).collect();
    let mut by_cohort: BTreeMap<String, Vec<(u32, f64)>> = BTreeMap::new();
    file.read(&columns, |batch| {
        let names = cohort.map(|cohort| batch.texts(cohort)).transpose()?;
        let periods = period.map(|period| whole_numbers(file, batch, period)).transpose()?;
        for (row, survivors) in numbers(file, batch, survivors)?.into_iter().enumerate() {
            let name = names.as_ref().and_then(|names| names.get(row)).unwrap_or_default().to_owned();
            let rows = by_cohort.entry(name).or_default();
            rows.push((periods.as_ref().map_or(rows.len() as u32, |periods| periods[row]), survivors));
        }
        Ok::<(), TrainError>(())
    })?;
    let mut tally = Tally::default();
    let mut customers = 0.0;
    for (name, mut rows) in by_cohort {
        rows.sort_by_key(|(period, _)| *period);
        if let Some((place, (found, _))) = (0_u32..).zip(&rows).find(|(place, (period, _))| place != period) {
            return Err(TrainError::Data(format!(
                "{}: cohort {name:?} has period {found} where period {place} was expected; give one row for each period from 0, \
                 the start, on",
                file.path().display()
            )));
        }
        let survivors: Vec<f64> = rows.into_iter().map(|(_, survivors)| survivors).collect();
        customers += survivors[0];
        tally.add_survivors(&survivors, first_decision)?;
    }
    Ok(Counted { tally, customers: customers as usize })
}

/// A column of whole numbers of at least 0, as periods are counted.
fn whole_numbers(file: &TableFile, batch: &Batch, column: &str) -> Result<Vec<u32>, TrainError> {
    const MOST_PERIODS: f64 = 100_000.0;
    let whole = |(row, number): (usize, f64)| {
        if (0.0..=MOST_PERIODS).contains(&number) && number.fract() == 0.0 {
            Ok(number as u32)
        } else {
            Err(TrainError::Data(format!(
                "{} row {}: `{column}` is {number}; expected a whole number of periods from 0 to {MOST_PERIODS}",
                file.path().display(),
                batch.row_number(row)
            )))
        }
    };
    numbers(file, batch, column)?.into_iter().enumerate().map(whole).collect()
}

fn numbers(file: &TableFile, batch: &Batch, column: &str) -> Result<Vec<f64>, TrainError> {
    let number = |(row, cell): (usize, &Cell<f64>)| match cell {
        Cell::Value(number) if number.is_finite() => Ok(*number),
        _ => Err(TrainError::Data(format!(
            "{} row {}: `{column}` is no number; expected one in every row",
            file.path().display(),
            batch.row_number(row)
        ))),
    };
    batch.numbers(column, &TextFormat::default())?.iter().enumerate().map(number).collect()
}
