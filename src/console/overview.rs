//! The first page: how the company's customers are doing, what is at stake, and what needs a look.

use maud::{Markup, html};

use super::chart;
use super::desk::Figures;
use super::page::{Frame, amount, counted, percent};
use super::stages::stages;
use crate::metrics::{Figure, LifecycleMetrics, Unit};

/// Figures of the last month that are shown first.
const HEADLINES: [&str; 8] = [
    "customers_at_end",
    "new_customers",
    "lost_customers",
    "churn_rate",
    "revenue",
    "average_order_value",
    "mrr_at_end",
    "net_revenue_retention",
];
/// Figures drawn over time.
const DRAWN: [&str; 3] = ["customers_at_end", "revenue", "mrr_at_end"];
/// Months drawn.
const MONTHS: usize = 24;
/// Cohorts and ages shown.
const COHORTS: usize = 12;

/// The overview; without figures it says that they are being computed.
#[derive(Debug)]
pub struct OverviewPage<'a> {
    /// What is computed for all pages.
    pub figures: Option<&'a Figures>,
    /// What needs a look, as sentences.
    pub alerts: Vec<String>,
    /// Name and label of each stage, in the order of the policy.
    pub stage_labels: Vec<(String, String)>,
}

impl OverviewPage<'_> {
    /// The whole page.
    #[must_use]
    pub fn render(&self, frame: &Frame) -> String {
        let contents = html! {
            @for alert in &self.alerts { p.alert { (alert) } }
            @match self.figures {
                None => p.lead { "The figures are being computed. Reload this page in a moment." },
                Some(figures) => {
                    (self.at_stake(frame, figures))
                    (stages(figures, &self.stage_labels))
                    @match figures.lifecycle.as_deref() {
                        Some(Ok(lifecycle)) => (months(frame, &lifecycle.metrics)),
                        Some(Err(error)) => p.note { "There are no figures by month: " (error) "." },
                        None => p.note { "The figures by month are being computed. Reload this page in a moment." },
                    }
                },
            }
        };
        frame.page("Overview", &contents)
    }

    fn at_stake(&self, frame: &Frame, figures: &Figures) -> Markup {
        let list = &figures.worklist;
        let totals = list.totals();
        html! {
            p.lead {
                "Acting pays for " (counted(totals.customers, "customer", "customers")) " of " (amount(list.customers as f64, 0))
                "; the actions together are expected to bring " strong { (frame.money(totals.gain)) } ". "
                a href="/worklist" { "Open the worklist" } "."
            }
            div.cards {
                (card("At high risk of leaving", &amount(list.high_risk as f64, 0), "Customers in the highest band of the churn probability."))
                (card("Value at risk", &frame.sum(list.value_at_risk), "Their predicted value, each times the probability of leaving."))
                (card("At stake on the worklist", &frame.sum(totals.at_stake), "What success with every customer on the list would be worth."))
            }
        }
    }
}

fn card(label: &str, figure: &str, definition: &str) -> Markup {
    html! { div.card { (label) span.figure { (figure) } p.definition { (definition) } } }
}

fn shown(frame: &Frame, value: f64, unit: Unit) -> String {
    match unit {
        Unit::Customers | Unit::Count => amount(value, 0),
        Unit::Money => frame.sum(value),
        Unit::MoneyAMonth => format!("{} a month", frame.sum(value)),
        Unit::Share => percent(value),
        Unit::Days => format!("{} days", amount(value, 1)),
        Unit::Points => format!("{} points", amount(value, 1)),
        Unit::PerCustomer => amount(value, 2),
    }
}

/// The last months: headlines, pictures, every figure, cohorts.
fn months(frame: &Frame, metrics: &LifecycleMetrics) -> Markup {
    let group = &metrics.groups[0];
    let last = metrics.periods.len() - 1;
    let find = |name: &&str| group.figures.iter().find(|figure| figure.name == *name);
    let first = metrics.periods.len().saturating_sub(MONTHS);
    let names: Vec<&str> = metrics.periods[first..].iter().map(|period| period.name.as_str()).collect();
    let recent = metrics.periods.len().saturating_sub(6);
    html! {
        h2 { "The month " (metrics.periods[last].name) }
        div.cards {
            @for figure in HEADLINES.iter().filter_map(find) {
                @if let Some(value) = figure.values[last] {
                    (card(&name_of(figure), &shown(frame, value, figure.unit), &figure.definition))
                }
            }
        }
        @for figure in DRAWN.iter().filter_map(find) {
            figure {
                figcaption { (name_of(figure)) ", " (counted(names.len(), "month", "months")) }
                (chart::line(&format!("{} by month", name_of(figure)), &names, &figure.values[first..], |value| shown(frame, value, figure.unit)))
            }
        }
        h2 { "Every figure" }
        @for notice in group.notices.iter().rev().take(3) { p.alert { (notice) } }
        div.scroll { table {
            caption { "The last months. Money in " (frame.currency) "." }
            thead { tr {
                th scope="col" { "Figure" }
                @for period in &metrics.periods[recent..] { th.number scope="col" { (period.name) } }
                th scope="col" { "Definition" }
            } }
            tbody {
                @for figure in &group.figures {
                    tr {
                        th scope="row" { (name_of(figure)) }
                        @for value in &figure.values[recent..] {
                            td.number { (value.map_or_else(|| "–".to_owned(), |value| shown(frame, value, figure.unit))) }
                        }
                        td.definition { (figure.definition) }
                    }
                }
            }
        } }
        h2 { "Cohorts" }
        div.scroll { table {
            caption { "Of the customers who became active in a month, the share who bought or were subscribers, by age in months." }
            thead { tr {
                th scope="col" { "Cohort" } th.number scope="col" { "Customers" }
                @for age in 0..COHORTS { th.number scope="col" { (age) } }
                th.number scope="col" { "Cost of one" } th.number scope="col" { "Paid back in" }
            } }
            tbody {
                @for cohort in group.cohorts.iter().rev().take(COHORTS) {
                    tr {
                        th.narrow scope="row" { (cohort.period) }
                        td.number { (amount(cohort.customers as f64, 0)) }
                        @for age in 0..COHORTS {
                            td.number { @if let Some(share) = cohort.retained.get(age) { (percent(*share)) } }
                        }
                        td.number { @if let Some(cost) = cohort.acquisition_cost { (frame.money(cost)) } @else { "–" } }
                        td.number { @match (cohort.payback_periods, cohort.acquisition_cost) {
                            (Some(months), _) => (counted(months, "month", "months")),
                            (None, Some(_)) => "not yet",
                            (None, None) => "–",
                        } }
                    }
                }
            }
        } }
    }
}

/// A flow is told as what it is, also where it does not stand below its start.
fn name_of(figure: &Figure) -> String {
    let subject = match figure.unit {
        Unit::Customers if figure.name.starts_with("subscribers") => "Subscribers: ",
        Unit::Customers => "Customers: ",
        Unit::MoneyAMonth => "Recurring revenue: ",
        _ => "",
    };
    match figure.label.strip_prefix("+ ").or_else(|| figure.label.strip_prefix("- ")) {
        Some(flow) => format!("{subject}{flow}"),
        None => match figure.label.strip_prefix("of them ") {
            Some(part) => format!("Buyers: {part}"),
            None => figure.label.to_owned(),
        },
    }
}
