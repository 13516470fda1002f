//! Recency, frequency, spend, gaps and categories, from purchase lines.
//!
//! A purchase is a day with at least one line that is no return: lines of one order, and orders of one day, are one
//! purchase, as in the lifetime value literature. Spend is net of returns.

use super::{Measure, Windowed};
use crate::quantities::{DAY_SECONDS, DAYS_OF_A_YEAR};
use crate::timeline::{History, NO_CODE, Purchase};

/// Half a cent. A smaller sum is what rounding leaves of amounts that cancel, and a ratio to it is arbitrary.
const LEAST_SPEND: f64 = 0.005;

/// What one pass over the purchase lines gathers.
#[derive(Debug, Clone, Default)]
pub(super) struct PurchaseTotals {
    moment: i64,
    spend: Windowed,
    purchases: Windowed,
    lines: u64,
    returned_lines: u64,
    largest: f64,
    gaps: Gaps,
    day: Option<OpenDay>,
    last_day_spend: f64,
    categories: Vec<CategoryTotal>,
}

#[derive(Debug, Clone, Copy)]
struct CategoryTotal {
    spend: f64,
    last: i64,
}

const UNTOUCHED: CategoryTotal = CategoryTotal { spend: 0.0, last: i64::MIN };

/// The day that the pass is in.
#[derive(Debug, Clone, Copy)]
struct OpenDay {
    day: i64,
    first_at: i64,
    spend: f64,
    bought: bool,
}

/// Days between purchase days: count, mean and squared deviations (Welford 1962), so that sums do not cancel.
#[derive(Debug, Clone, Copy, Default)]
struct Gaps {
    first_at: Option<i64>,
    last_at: i64,
    count: f64,
    mean: f64,
    squares: f64,
}

impl Gaps {
    fn add(&mut self, at: i64) {
        if self.first_at.is_none() {
            self.first_at = Some(at);
        } else {
            let gap = (at - self.last_at) as f64 / DAY_SECONDS as f64;
            self.count += 1.0;
            let off = gap - self.mean;
            self.mean += off / self.count;
            self.squares += off * (gap - self.mean);
        }
        self.last_at = at;
    }

    fn mean(&self) -> f64 {
        if self.count > 0.0 { self.mean } else { f64::NAN }
    }

    fn variation(&self) -> f64 {
        if self.count < 2.0 {
            return f64::NAN;
        }
        (self.squares / (self.count - 1.0)).sqrt() / self.mean
    }
}

impl PurchaseTotals {
    pub(super) fn new(categories: usize) -> Self {
        Self { categories: vec![UNTOUCHED; categories], ..Self::default() }
    }

    pub(super) fn read(&mut self, history: &History<'_>) {
        let mut categories = std::mem::take(&mut self.categories);
        categories.fill(UNTOUCHED);
        *self = Self { moment: history.moment().seconds(), categories, ..Self::default() };
        for line in history.purchases() {
            self.add(&line);
        }
        self.close_day();
    }

    #[inline]
    fn add(&mut self, line: &Purchase) {
        let day = line.at.div_euclid(DAY_SECONDS);
        if self.day.is_none_or(|open| open.day != day) {
            self.close_day();
            self.day = Some(OpenDay { day, first_at: line.at, spend: 0.0, bought: false });
        }
        self.lines += 1;
        let is_return = line.amount < 0.0;
        if let Some(open) = &mut self.day {
            open.spend += line.amount;
            open.bought |= !is_return;
        }
        if is_return {
            self.returned_lines += 1;
        }
        if line.category != NO_CODE {
            let category = &mut self.categories[line.category as usize];
            category.spend += line.amount;
            if !is_return {
                category.last = line.at;
            }
        }
    }

    fn close_day(&mut self) {
        let Some(day) = self.day.take() else { return };
        let age = self.moment - day.first_at;
        self.spend.add(age, day.spend);
        if day.bought {
            self.purchases.add(age, 1.0);
            self.gaps.add(day.first_at);
            self.largest = self.largest.max(day.spend);
            self.last_day_spend = day.spend;
        }
    }

    /// Number of purchase days.
    pub(super) fn all(&self) -> f64 {
        self.purchases.ever()
    }

    /// Seconds of the first line of the first and of the last purchase day.
    pub(super) fn span(&self) -> Option<(i64, i64)> {
        Some((self.gaps.first_at?, self.gaps.last_at))
    }

    /// The value of a measure over purchases; unknown for any other.
    pub(super) fn value(&self, measure: &Measure) -> f64 {
        let bought = self.gaps.first_at.is_some();
        let if_bought = |value: f64| if bought { value } else { f64::NAN };
        match *measure {
            Measure::DaysSinceLastPurchase => if_bought(self.days_since(self.gaps.last_at)),
            Measure::DaysSinceFirstPurchase => self.gaps.first_at.map_or(f64::NAN, |at| self.days_since(at)),
            Measure::Purchases(window) => self.purchases.within(window),
            Measure::PurchasesEver => self.purchases.ever(),
            Measure::Spend(window) => self.spend.within(window),
            Measure::PurchasesPerMonth => self.per_month(),
            Measure::SpendEver => self.spend.ever(),
            Measure::SpendTrend(short, long) => trend(&self.spend, short, long),
            Measure::PurchaseTrend(short, long) => trend(&self.purchases, short, long),
            Measure::AveragePurchase => if_bought(self.spend.ever() / self.purchases.ever()),
            Measure::LargestPurchase => if_bought(self.largest),
            Measure::LastPurchase => if_bought(self.last_day_spend),
            Measure::ReturnShare => if_bought(self.returned_lines as f64 / self.lines as f64),
            Measure::MeanGapDays => self.gaps.mean(),
            Measure::GapVariation => self.gaps.variation(),
            Measure::GapRatio => self.days_since(self.gaps.last_at) / self.gaps.mean(),
            Measure::CategoriesBought => {
                self.categories.iter().filter(|category| category.last > i64::MIN).count() as f64
            }
            Measure::CategoryDiversity => self.category_diversity(),
            _ => f64::NAN,
        }
    }

    pub(super) fn category_share(&self, code: u32) -> f64 {
        let part = self.categories.get(code as usize).map_or(0.0, |category| category.spend.max(0.0));
        part / self.category_spend()
    }

    pub(super) fn days_since_category(&self, code: u32) -> f64 {
        match self.categories.get(code as usize) {
            Some(category) if category.last > i64::MIN => self.days_since(category.last),
            _ => f64::NAN,
        }
    }

    fn category_diversity(&self) -> f64 {
        let total = self.category_spend();
        let entropy: f64 = self
            .categories
            .iter()
            .filter(|category| category.spend > 0.0)
            .map(|category| category.spend / total)
            .map(|share| -share * share.ln())
            .sum();
        if total.is_nan() { f64::NAN } else { entropy.exp() }
    }

    /// Spend in all categories but those of which more was returned than bought; NaN if that is next to nothing.
    fn category_spend(&self) -> f64 {
        let total: f64 = self.categories.iter().map(|category| category.spend.max(0.0)).sum();
        if total >= LEAST_SPEND { total } else { f64::NAN }
    }

    /// Repeat purchase days a month since the first purchase.
    fn per_month(&self) -> f64 {
        let days = self.gaps.first_at.map_or(f64::NAN, |at| self.days_since(at));
        self.gaps.count * (DAYS_OF_A_YEAR / 12.0) / days
    }

    fn days_since(&self, at: i64) -> f64 {
        (self.moment - at) as f64 / DAY_SECONDS as f64
    }
}

fn trend(amounts: &Windowed, short: u16, long: u16) -> f64 {
    let longer = amounts.within(long);
    if longer < LEAST_SPEND {
        return f64::NAN;
    }
    (amounts.within(short) / f64::from(short)) / (longer / f64::from(long))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantities::Moment;
    use crate::timeline::{PurchaseRow, TimelinesBuilder};

    /// What is known on day 100 of a customer who spends these amounts on books, one a day from day 95 on.
    fn totals(amounts: &[f64]) -> PurchaseTotals {
        let mut builder = TimelinesBuilder::default();
        let customer = builder.customer("a");
        for (&amount, day) in amounts.iter().zip(95..) {
            let (at, category) = (Moment::from_day(day), Some("books"));
            let (margin, quantity) = (f64::NAN, f32::NAN);
            let row = PurchaseRow { at, known_at: None, amount, margin, quantity, product: None, category };
            builder.add_purchase(customer, &row);
        }
        let mut totals = PurchaseTotals::new(1);
        totals.read(&builder.finish().timeline(0).before(Moment::from_day(100)));
        totals
    }

    fn ratios(totals: &PurchaseTotals) -> [f64; 3] {
        let trend = totals.value(&Measure::SpendTrend(30, 90));
        [trend, totals.category_share(0), totals.value(&Measure::CategoryDiversity)]
    }

    #[test]
    fn ratios_to_spend_that_was_all_returned_are_unknown() {
        let returned = totals(&[0.1, 0.2, -0.3]);
        let rest = returned.value(&Measure::Spend(90));
        assert!(rest > 0.0 && rest < 1e-15, "found {rest}; expected a rest of rounding, or the test shows nothing");
        let found = ratios(&returned);
        assert!(found.iter().all(|ratio| ratio.is_nan()), "found {found:?}");
        assert_eq!(returned.value(&Measure::PurchaseTrend(30, 90)), 3.0);
    }

    #[test]
    fn ratios_to_a_cent_are_known() {
        let found = ratios(&totals(&[0.1, 0.2, -0.29]));
        for (found, expected) in found.into_iter().zip([3.0, 1.0, 1.0]) {
            assert!((found - expected).abs() < 1e-12, "found {found}, expected {expected}");
        }
    }
}
