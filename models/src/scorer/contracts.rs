//! What customers with a contract are still worth: renewals to come, at their price, discounted to the moment.

use crate::artifact::{ContractsModel, PeriodModel};
use crate::families::classifier::Classifier;
use crate::families::renewal::{Range, RenewalModel};
use crate::features::{Contract, contracts};
use crate::quantities::{DAY_SECONDS, DAYS_OF_A_YEAR, Moment, Money, Positive, Probability};
use crate::scorecard::LifetimeValue;
use crate::special::log_one_plus_exp;
use crate::timeline::History;

/// A price that changed over the last year is taken to change so for another, and then to stay.
const YEARS_OF_PRICE_CHANGE: f64 = 1.0;

/// No classifier is taken to be surer than this of who leaves.
const LEAST_SURE: f64 = 1e-6;

/// A payment that is worth this share of one made now and for certain no longer counts.
const NEGLIGIBLE: f64 = 1e-9;

/// What a running contract is still worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ContractValue {
    /// The decision that is next, counted from 1.
    pub next_decision: u32,
    /// When it is due.
    pub due: Moment,
    /// The probability that the customer stays at it.
    pub retention: Probability,
    /// Renewals expected within the horizon.
    pub expected_renewals: f64,
    /// Money expected from them: not discounted, and not only its margin.
    pub expected_revenue: f64,
    /// Present value of their margin.
    pub value: f64,
}

/// How a customer is taken to renew.
#[derive(Debug, Clone, Copy)]
pub struct Renewing<'a> {
    /// As all customers whose contracts are as old.
    pub model: &'a RenewalModel,
    /// More or less readily than they at the next decision, in log-odds of leaving.
    pub shift: f64,
    /// What is left of the shift after each decision.
    pub memory: f64,
    /// The next decision.
    pub next_decision: u32,
    /// What a year makes of the price.
    pub annual_price_factor: f64,
}

impl PeriodModel {
    /// How the customer of a contract is taken to renew. `row` holds the features of the model's plan.
    ///
    /// A classifier tells who leaves at the next renewal. By how much its log-odds differ there from those of all contracts as
    /// old, they differ at later ones too, less at each: features of today tell less and less. It is a proportional-odds
    /// hazard in discrete time whose covariates fade.
    #[must_use]
    pub fn renewing(&self, next_decision: u32, row: Option<&[f64]>) -> Renewing<'_> {
        let model = &self.renewal.model;
        let (shift, memory) = self.hazard.as_ref().zip(row).map_or((0.0, 0.0), |(hazard, row)| {
            (Renewing::shift(model, &hazard.classifier, next_decision, row), hazard.memory.get())
        });
        Renewing { model, shift, memory, next_decision, annual_price_factor: self.annual_price_factor.get() }
    }
}

impl Renewing<'_> {
    /// By how much the log-odds of leaving that a classifier gives differ from those of all contracts as old.
    #[must_use]
    pub fn shift(model: &RenewalModel, classifier: &Classifier, next_decision: u32, row: &[f64]) -> f64 {
        let leaves = classifier.probability(row).get().clamp(LEAST_SURE, 1.0 - LEAST_SURE);
        (leaves / (1.0 - leaves)).ln() - log_odds_of_leaving(model, next_decision)
    }

    /// The logarithm of the probability to stay at a decision, the next or a later one.
    #[must_use]
    pub fn log_staying(&self, decision: u32) -> f64 {
        -log_one_plus_exp(self.log_odds_of_leaving(decision))
    }

    /// The logarithm of the probability to leave at it.
    #[must_use]
    pub fn log_leaving(&self, decision: u32) -> f64 {
        -log_one_plus_exp(-self.log_odds_of_leaving(decision))
    }

    fn log_odds_of_leaving(&self, decision: u32) -> f64 {
        let passed = decision.saturating_sub(self.next_decision);
        log_odds_of_leaving(self.model, decision) + self.shift * self.memory.powf(f64::from(passed))
    }
}

fn log_odds_of_leaving(model: &RenewalModel, decision: u32) -> f64 {
    model.log_leaving(f64::from(decision)) - model.log_staying(f64::from(decision))
}

/// What a running contract is still worth at a moment, within the model's horizon.
///
/// A payment is due with every renewal: the revenue of a period, at today's price times the expected change of price over
/// the year ahead. What was paid for the running period is past and does not count.
#[must_use]
pub fn value_of_contract(
    model: &ContractsModel,
    renewing: &Renewing<'_>,
    contract: &Contract,
    moment: Moment,
) -> ContractValue {
    let until = moment.seconds() as f64 + model.horizon_days.get() * DAY_SECONDS as f64;
    let price = contract.monthly_revenue * contract.period_months;
    let first = contract.next_decision(moment);
    let (mut still_there, mut expected_renewals, mut expected_revenue, mut value) = (1.0, 0.0, 0.0, 0.0);
    for decision in first.. {
        let due = contract.due(decision);
        let years = due.days_since(moment) / DAYS_OF_A_YEAR;
        let discounted = (1.0 + model.annual_discount_rate).powf(-years);
        if due.seconds() as f64 >= until || still_there * discounted < NEGLIGIBLE {
            break;
        }
        still_there *= renewing.log_staying(decision).exp();
        let revenue = still_there * price * renewing.annual_price_factor.powf(years.min(YEARS_OF_PRICE_CHANGE));
        expected_renewals += still_there;
        expected_revenue += revenue;
        value += revenue * model.margin.get() * discounted;
    }
    ContractValue {
        next_decision: first,
        due: contract.due(first),
        retention: Probability::clamped(renewing.log_staying(first).exp()),
        expected_renewals,
        expected_revenue,
        value,
    }
}

/// What a customer's running contracts are still worth together; `None` without one, or where no model was fitted for its
/// bill period. `row` holds the features of the model's plan, for those who leave more or less readily by them.
///
/// Purchases are renewals here, and a customer with a running contract is alive.
#[must_use]
pub fn lifetime_value_of_contracts(
    model: &ContractsModel,
    history: &History<'_>,
    row: Option<&[f64]>,
) -> Option<LifetimeValue> {
    let (mut renewals, mut revenue, mut value, mut price, mut running) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for contract in contracts(history).iter().filter(|contract| contract.end.is_none()) {
        if let Some(period) = model.period(contract.period_months) {
            let renewing = period.renewing(contract.next_decision(history.moment()), row);
            let of_one = value_of_contract(model, &renewing, contract, history.moment());
            renewals += of_one.expected_renewals;
            revenue += of_one.expected_revenue;
            value += of_one.value;
            price += contract.monthly_revenue * contract.period_months;
            running += 1.0;
        }
    }
    let payment = if renewals > 0.0 { revenue / renewals } else { price / running };
    let money = |amount: f64| Money::new(amount).ok();
    (running > 0.0).then_some(())?;
    Some(LifetimeValue {
        expected_purchases: renewals,
        probability_alive: Probability::clamped(1.0),
        expected_average_spend: money(payment)?,
        predicted_clv: money(value)?,
    })
}

/// How much is still to come of a contract, in payments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResidualLifetime {
    /// Payments expected, discounted to the decision.
    pub expected: f64,
    /// How sure the parameters are of it; `None` where the data could not tell.
    pub range_80: Option<Range>,
}

impl ContractsModel {
    /// The model of contracts with this bill period.
    #[must_use]
    pub fn period(&self, months: f64) -> Option<&PeriodModel> {
        self.periods.iter().find(|period| period.period_months.get() == months)
    }

    /// The discounted expected residual lifetime of a customer who is about to be asked at a decision, without end; at a
    /// discount of 0, of a century. With `horizon_days`, of the decisions within so many days of the first.
    #[must_use]
    pub fn residual_lifetime(
        &self,
        period: &PeriodModel,
        decision: u32,
        horizon_days: Option<Positive>,
    ) -> ResidualLifetime {
        let months = period.period_months.get();
        let discount = ((1.0 + self.annual_discount_rate).ln() * months / 12.0).exp_m1();
        let payments = match horizon_days {
            Some(days) => (days.get() / (months * DAYS_OF_A_YEAR / 12.0)).ceil(),
            None if discount > 0.0 => f64::INFINITY,
            None => 1_200.0 / months,
        };
        let of = |model: &RenewalModel| model.discounted_residual_lifetime(f64::from(decision), discount, payments);
        ResidualLifetime { expected: of(&period.renewal.model), range_80: period.renewal.range_80(of) }
    }
}
