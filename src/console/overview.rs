//! The first page: how the company's customers are doing, what is at stake, and what needs a look.

use maud::{Markup, html};

use super::chart;
use super::desk::Figures;
use super::page::{Frame, amount, counted, percent};
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
    /// The label of each stage by name.
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
                    (self.stages(figures))
                    @match &figures.metrics {
                        Some(metrics) => (months(frame, metrics)),
                        None => p.note { "There is no whole month of purchases or subscriptions yet." },
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

    fn stages(&self, figures: &Figures) -> Markup {
        let list = &figures.worklist;
        let label = |name: &str| {
            let known = self.stage_labels.iter().find(|(known, _)| known == name);
            known.map_or_else(|| name.to_owned(), |(_, label)| label.clone())
        };
        html! {
            h2 { "Where customers are in their life with the company" }
            div.scroll { table {
                caption { "Every customer is in exactly one stage; the policy says which." }
                thead { tr { th scope="col" { "Stage" } th.number scope="col" { "Customers" } th.number scope="col" { "Share" } th.number scope="col" { "Worth an action" } th scope="col" { span.hidden { "List" } } } }
                tbody {
                    @for (name, customers, listed) in ordered(&list.stages, &self.stage_labels) {
                        tr {
                            td { (label(name)) }
                            td.number { (amount(*customers as f64, 0)) }
                            td.number { (percent(*customers as f64 / list.customers.max(1) as f64)) }
                            td.number { (amount(*listed as f64, 0)) }
                            td { @if *listed > 0 { a href={ "/worklist?stage=" (name) } { "Show" } } }
                        }
                    }
                }
            } }
        }
    }
}

/// The stages in the order of the policy.
fn ordered<'a>(
    stages: &'a [(String, usize, usize)],
    labels: &'a [(String, String)],
) -> impl Iterator<Item = &'a (String, usize, usize)> {
    labels.iter().filter_map(|(name, _)| stages.iter().find(|(known, ..)| known == name))
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
