//! From sums to the figures that people know, each with its unit and its definition.

use serde::Serialize;
use tend_models::quantities::DAYS_OF_A_YEAR;

use super::MetricsRequest;
use super::orders::{SECOND_ORDER_DAYS, YEAR_DAYS};
use super::periods::{Period, Periods};
use super::tally::Tally;

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Customers.
    Customers,
    /// Orders, contacts, complaints, lines.
    Count,
    /// Money of the company's currency.
    Money,
    /// Money of the company's currency a month.
    MoneyAMonth,
    /// A share: 1 is 100 %.
    Share,
    /// Days.
    Days,
    /// Points from -100 to 100.
    Points,
    /// A number a customer.
    PerCustomer,
}

/// One figure over all periods.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// The name that scripts rely on.
    pub name: &'static str,
    /// The name for people.
    pub label: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// How it is computed, in one sentence.
    pub definition: String,
    /// One value a period; none where there is nothing to divide by, or where it is not known yet.
    pub values: Vec<Option<f64>>,
}

/// Collects the figures of one group.
struct Sheet<'a> {
    tallies: &'a [Tally],
    periods: &'a Periods,
    figures: Vec<Figure>,
}

impl Sheet<'_> {
    fn any(&self, of: impl Fn(&Tally) -> f64) -> bool {
        self.tallies.iter().any(|tally| of(tally) != 0.0)
    }

    fn add(
        &mut self,
        (name, label, unit): (&'static str, &'static str, Unit),
        definition: impl Into<String>,
        value: impl Fn(&Tally, &Period) -> Option<f64>,
    ) {
        let values = self.tallies.iter().zip(self.periods.iter()).map(|(tally, period)| value(tally, period)).collect();
        self.figures.push(Figure { name, label, unit, definition: definition.into(), values });
    }

    fn count(
        &mut self,
        name: &'static str,
        label: &'static str,
        unit: Unit,
        definition: &str,
        of: impl Fn(&Tally) -> f64,
    ) {
        self.add((name, label, unit), definition, |tally, _| Some(of(tally)));
    }

    fn ratio(
        &mut self,
        name: &'static str,
        label: &'static str,
        unit: Unit,
        definition: &str,
        of: impl Fn(&Tally) -> (f64, f64),
    ) {
        self.add((name, label, unit), definition, |tally, _| {
            let (part, whole) = of(tally);
            divided(part, whole)
        });
    }
}

fn divided(part: f64, whole: f64) -> Option<f64> {
    (whole != 0.0).then(|| part / whole)
}

/// All figures that the sums of a group support, in the order in which they are read.
pub(super) fn figures(tallies: &[Tally], periods: &Periods, request: &MetricsRequest) -> Vec<Figure> {
    let mut sheet = Sheet { tallies, periods, figures: Vec::new() };
    customers(&mut sheet, request);
    if sheet.any(|tally| tally.orders as f64) {
        purchases(&mut sheet, request);
    }
    if sheet.any(|tally| tally.mrr_at_end + tally.mrr_churned) {
        subscriptions(&mut sheet);
    }
    if sheet.any(|tally| tally.acquired_at_known_cost as f64) {
        acquisition(&mut sheet);
    }
    contacts(&mut sheet);
    answers(&mut sheet);
    if sheet.any(|tally| tally.late_lines as f64) {
        late(&mut sheet);
    }
    sheet.figures
}

fn customers(sheet: &mut Sheet<'_>, request: &MetricsRequest) {
    use Unit::{Customers, Share};
    let days = request.active_within_days;
    sheet.count(
        "customers_at_start",
        "Customers at the start",
        Customers,
        &format!("Active just before the period: a subscription runs, or a purchase at most {days} days ago."),
        |tally| tally.active_at_start as f64,
    );
    sheet.count("new_customers", "+ new", Customers, "Active for the first time.", |tally| tally.new as f64);
    sheet.count("won_back_customers", "+ won back", Customers, "Active again after a time of not being so.", |tally| {
        tally.won_back as f64
    });
    sheet.count(
        "lost_customers",
        "- lost",
        Customers,
        "No longer active: the subscription ended, or no purchase came in time.",
        |tally| tally.lost as f64,
    );
    sheet.count("customers_at_end", "Customers at the end", Customers, "Start + new + won back - lost.", |tally| {
        tally.active_at_end as f64
    });
    sheet.ratio(
        "retention_rate",
        "Customer retention",
        Share,
        "Of the customers at the start, those active at the end.",
        |tally| (tally.retained as f64, tally.active_at_start as f64),
    );
    sheet.ratio(
        "churn_rate",
        "Customer churn",
        Share,
        "Of the customers at the start, those not active at the end: 1 - retention.",
        |tally| ((tally.active_at_start - tally.retained) as f64, tally.active_at_start as f64),
    );
    sheet.add(
        ("churn_rate_annual", "Customer churn, scaled to a year", Share),
        "1 - retention ^ (365.25 / days of the period): what the year would lose at this pace.",
        |tally, period| {
            let retention = divided(tally.retained as f64, tally.active_at_start as f64)?;
            Some(1.0 - retention.powf(DAYS_OF_A_YEAR / period.days()))
        },
    );
    sheet.ratio(
        "products_per_customer",
        "Products per customer",
        Unit::PerCustomer,
        "Categories (products where there are none) ever bought, and subscriptions ever taken, a customer active at the end.",
        |tally| (tally.products_held as f64, tally.active_at_end as f64),
    );
}

fn purchases(sheet: &mut Sheet<'_>, request: &MetricsRequest) {
    use Unit::{Count, Customers, Days, Money, Share};
    sheet.count("buyers", "Buyers", Customers, "Customers with a purchase in the period.", |tally| tally.buyers as f64);
    sheet.count(
        "returning_buyers",
        "of them returning",
        Customers,
        "Buyers who had bought before the period.",
        |tally| tally.returning_buyers as f64,
    );
    sheet.count(
        "orders",
        "Orders",
        Count,
        "Days of a customer with a purchase; several on one day are one.",
        |tally| tally.orders as f64,
    );
    sheet.count("revenue", "Revenue", Money, "Purchases in the period, returns in the period taken off.", |tally| {
        tally.revenue
    });
    sheet.count("returned", "Returned", Money, "Returns in the period.", |tally| tally.returned);
    sheet.ratio("average_order_value", "Average order value", Money, "Revenue over orders.", |tally| {
        (tally.revenue, tally.orders as f64)
    });
    sheet.ratio("revenue_per_buyer", "Revenue per buyer", Money, "Revenue over buyers.", |tally| {
        (tally.revenue, tally.buyers as f64)
    });
    sheet.ratio(
        "purchase_interval",
        "Purchase interval",
        Days,
        "Mean days between an order of the period and the customer's order before it.",
        |tally| (tally.interval_days, tally.intervals as f64),
    );
    let known_by = request.as_of.plus_days(-SECOND_ORDER_DAYS);
    sheet.add(
        ("second_purchase_rate", "Conversion to a second purchase", Share),
        format!(
            "Of the customers whose first order lies in the period, those who ordered again within {SECOND_ORDER_DAYS} days; \
             not known until these have passed."
        ),
        |tally, period| divided(tally.second_orders as f64, tally.first_orders as f64).filter(|_| period.until <= known_by),
    );
    sheet.ratio(
        "cross_sell_rate",
        "Cross-sell rate",
        Share,
        "Of the returning buyers, those who bought a category (product where there are none) for the first time.",
        |tally| (tally.cross_buyers as f64, tally.returning_buyers as f64),
    );
    sheet.ratio(
        "net_revenue_retention_year",
        "Net revenue retention over a year",
        Share,
        &format!("Revenue of the last {YEAR_DAYS} days from those who bought in the {YEAR_DAYS} days before, over their revenue then."),
        |tally| (tally.revenue_kept, tally.revenue_before_last_year),
    );
    sheet.ratio(
        "gross_revenue_retention_year",
        "Gross revenue retention over a year",
        Share,
        "The same, each customer counted to at most the revenue of the year before.",
        |tally| (tally.revenue_kept_at_most, tally.revenue_before_last_year),
    );
}

fn subscriptions(sheet: &mut Sheet<'_>) {
    use Unit::{Customers, MoneyAMonth, Share};
    sheet.count(
        "subscribers_at_start",
        "Subscribers at the start",
        Customers,
        "With revenue a month just before the period.",
        |tally| tally.subscribers_at_start as f64,
    );
    sheet.count(
        "subscribers_new",
        "+ new",
        Customers,
        "With it at the end, never at an earlier edge of a period.",
        |tally| tally.subscribers_new as f64,
    );
    sheet.count(
        "subscribers_won_back",
        "+ won back",
        Customers,
        "With it at the end and at some earlier edge, not at the start.",
        |tally| tally.subscribers_won_back as f64,
    );
    sheet.count("subscribers_lost", "- lost", Customers, "With it at the start, not at the end.", |tally| {
        tally.subscribers_lost as f64
    });
    sheet.count("subscribers_at_end", "Subscribers at the end", Customers, "Start + new + won back - lost.", |tally| {
        tally.subscribers_at_end as f64
    });
    sheet.count(
        "mrr_at_start",
        "Recurring revenue at the start",
        MoneyAMonth,
        "Sum of the running subscriptions' revenue a month.",
        |tally| tally.mrr_at_start,
    );
    sheet.count("mrr_new", "+ new", MoneyAMonth, "Of new subscribers, at the end.", |tally| tally.mrr_new);
    sheet.count("mrr_won_back", "+ won back", MoneyAMonth, "Of subscribers won back, at the end.", |tally| {
        tally.mrr_won_back
    });
    sheet.count("mrr_expansion", "+ expansion", MoneyAMonth, "What those who stayed pay more.", |tally| {
        tally.mrr_expansion
    });
    sheet.count("mrr_contraction", "- contraction", MoneyAMonth, "What those who stayed pay less.", |tally| {
        tally.mrr_contraction
    });
    sheet.count("mrr_churned", "- churned", MoneyAMonth, "Of those lost, at the start.", |tally| tally.mrr_churned);
    sheet.count(
        "mrr_at_end",
        "Recurring revenue at the end",
        MoneyAMonth,
        "Start + new + won back + expansion - contraction - churned.",
        |tally| tally.mrr_at_end,
    );
    sheet.ratio(
        "net_revenue_retention",
        "Net revenue retention",
        Share,
        "(Start - churned - contraction + expansion) / start.",
        net_retention,
    );
    sheet.ratio(
        "gross_revenue_retention",
        "Gross revenue retention",
        Share,
        "(Start - churned - contraction) / start.",
        |tally| (tally.mrr_at_start - tally.mrr_churned - tally.mrr_contraction, tally.mrr_at_start),
    );
    sheet.ratio("subscriber_churn_rate", "Subscriber churn", Share, "Lost over subscribers at the start.", |tally| {
        (tally.subscribers_lost as f64, tally.subscribers_at_start as f64)
    });
    sheet.add(
        ("subscriber_churn_rate_annual", "Subscriber churn, scaled to a year", Share),
        "1 - (1 - churn) ^ (365.25 / days of the period).",
        |tally, period| {
            let churn = divided(tally.subscribers_lost as f64, tally.subscribers_at_start as f64)?;
            Some(1.0 - (1.0 - churn).powf(DAYS_OF_A_YEAR / period.days()))
        },
    );
    sheet.ratio(
        "revenue_per_subscriber",
        "Recurring revenue per subscriber",
        MoneyAMonth,
        "At the end, over subscribers at the end.",
        |tally| (tally.mrr_at_end, tally.subscribers_at_end as f64),
    );
}

fn net_retention(tally: &Tally) -> (f64, f64) {
    (tally.mrr_at_start - tally.mrr_churned - tally.mrr_contraction + tally.mrr_expansion, tally.mrr_at_start)
}

fn acquisition(sheet: &mut Sheet<'_>) {
    use Unit::Money;
    sheet.count(
        "acquisition_cost",
        "Acquisition cost",
        Money,
        "Of the period's new customers, as far as known.",
        |tally| tally.acquisition_cost,
    );
    sheet.ratio(
        "customer_acquisition_cost",
        "Cost per new customer",
        Money,
        "Acquisition cost over the new customers whose cost is known.",
        |tally| (tally.acquisition_cost, tally.acquired_at_known_cost as f64),
    );
}

fn contacts(sheet: &mut Sheet<'_>) {
    if !sheet.any(|tally| tally.contacts as f64) {
        return;
    }
    sheet.count(
        "contacts",
        "Contacts",
        Unit::Count,
        "Messages and calls received; those held back as control do not count.",
        |tally| tally.contacts as f64,
    );
    sheet.ratio(
        "contacts_per_contacted",
        "Contact pressure",
        Unit::PerCustomer,
        "Contacts a customer who received any in the period.",
        |tally| (tally.contacts as f64, tally.contacted as f64),
    );
    sheet.ratio(
        "response_rate",
        "Response",
        Unit::Share,
        "Of the contacts, those whose offer was taken, as known now.",
        |tally| (tally.taken as f64, tally.contacts as f64),
    );
}

fn answers(sheet: &mut Sheet<'_>) {
    if sheet.any(|tally| tally.recommendations as f64) {
        let definition = "Share of 9 and 10 less share of 0 to 6 among the answers of the period, in points.";
        sheet.ratio("net_promoter_score", "Net promoter score", Unit::Points, definition, |tally| {
            (100.0 * (tally.promoters as f64 - tally.detractors as f64), tally.recommendations as f64)
        });
    }
    if sheet.any(|tally| tally.satisfaction_answers as f64) {
        sheet.ratio(
            "satisfied_rate",
            "Satisfied customers",
            Unit::Share,
            "Share of 4 and 5 among the answers of the period.",
            |tally| (tally.satisfied as f64, tally.satisfaction_answers as f64),
        );
    }
    if sheet.any(|tally| tally.complaints as f64) {
        sheet.count("complaints", "Complaints", Unit::Count, "Events that count as complaints.", |tally| {
            tally.complaints as f64
        });
    }
}

fn late(sheet: &mut Sheet<'_>) {
    let definition =
        "Purchase lines of the period that became known after it had ended: what has changed in its figures since.";
    sheet.count("late_lines", "Late lines", Unit::Count, definition, |tally| tally.late_lines as f64);
    sheet.count("late_revenue", "Late revenue", Unit::Money, "Their amount.", |tally| tally.late_revenue);
}

/// What stands out in the periods, oldest first.
pub(super) fn notices(tallies: &[Tally], periods: &Periods) -> Vec<String> {
    let negative_churn = |(tally, period): (&Tally, &Period)| {
        let (kept, start) = net_retention(tally);
        (start > 0.0 && kept > start).then(|| {
            format!(
                "{}: negative churn: what subscribers who stayed added outweighs what was lost; net revenue retention {:.1} %",
                period.name,
                100.0 * kept / start
            )
        })
    };
    tallies.iter().zip(periods.iter()).filter_map(negative_churn).collect()
}
