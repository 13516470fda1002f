//! The section on contracts: who stays at each renewal, what is left of a cohort, and the cohorts one by one.

use maud::{Markup, html};

use super::Renewals;
use super::charts::{Axis, Format, Role, Series, Swatch, legend, line_chart};
use super::numbers::{count, counted, fixed, number, percent};
use super::page::{ChartCard, scrolling};
use crate::evaluate::{Point, RenewalCohort, RenewalStep};

/// A share of fewer customers than these jumps too much to be worth drawing.
const FEWEST_ASKED: f64 = 20.0;

pub(super) fn renewals(section: &Renewals) -> Markup {
    let drawn = section.steps.iter().take_while(|step| step.asked >= FEWEST_ASKED).count().max(2);
    let steps = &section.steps[..drawn.min(section.steps.len())];
    html! {
        p.lead {
            (counted(section.contracts as u64, "contract", "contracts")) " with a renewal every " (section.period_name) ", of which "
            (count(section.steps.iter().map(RenewalStep::left).sum::<f64>() as u64)) " ended at one. Renewal 1 is the one after the \
            first period."
        }
        div.card { (scrolling("parameters", &parameters(section))) }
        @for note in &section.notes { p { (note) } }
        div.charts { (retention_card(section, steps)) (survival_card(section, steps)) }
        @if !section.cohorts.is_empty() {
            div.card { (scrolling("cohorts", &cohort_table(&section.cohorts))) }
            p { (cohort_sentence(&section.cohorts)) }
        }
    }
}

fn parameters(section: &Renewals) -> Markup {
    html! {
        table {
            caption { "Parameters of the family " (section.family) ", by maximum likelihood" }
            thead { tr { th.text { "Parameter" } th { "Estimate" } th { "Standard error" } th { "80% range" } } }
            tbody { @for row in &section.parameters { tr {
                th.text scope="row" { (row.name) }
                td { (fixed(row.estimate, 4)) }
                td { (row.standard_error.map_or_else(|| "–".to_owned(), |error| fixed(error, 4))) }
                td { (row.range_80.map_or_else(|| "–".to_owned(), |(low, high)| format!("{} to {}", fixed(low, 4), fixed(high, 4)))) }
            } } }
        }
    }
}

fn retention_card(section: &Renewals, steps: &[RenewalStep]) -> Markup {
    let here = retention_sentence(steps);
    let points = |of: fn(&RenewalStep) -> f64| points(steps, of);
    let (actual, expected) = (points(|step| 1.0 - step.stayed), points(|step| 1.0 - step.expected));
    shares_card(
        section,
        &actual,
        &expected,
        &Words {
            heading: "Who leaves at a renewal",
            vertical: Axis::holding(
                "Share who leave",
                Format::Percent,
                actual.iter().chain(&expected).map(|point| point.y),
            ),
            how_to_read: "each point is the share of the customers asked at a renewal who left. The lines should lie together; where \
                      both fall, the customers who are left are more and more the loyal ones. Renewals of fewer than 20 customers \
                      are left out.",
            here: &here,
        },
    )
}

fn survival_card(section: &Renewals, steps: &[RenewalStep]) -> Markup {
    let here = survival_sentence(steps, &section.period_name);
    let start = [Point { x: 0.0, y: 1.0 }];
    let points = |of: fn(&RenewalStep) -> f64| start.iter().copied().chain(points(steps, of)).collect::<Vec<_>>();
    let (actual, expected) = (points(|step| step.survival), points(|step| step.expected_survival));
    shares_card(
        section,
        &actual,
        &expected,
        &Words {
            heading: "What is left of a cohort",
            vertical: Axis::share("Share still on"),
            how_to_read: "of customers who began together, the share who are still on after each renewal. The area under the line is \
                      how long a customer stays.",
            here: &here,
        },
    )
}

struct Words<'a> {
    heading: &'a str,
    vertical: Axis,
    how_to_read: &'a str,
    here: &'a str,
}

fn shares_card(section: &Renewals, actual: &[Point], expected: &[Point], words: &Words<'_>) -> Markup {
    let last = actual.last().map_or(1.0, |point| point.x.max(1.0));
    let horizontal = Axis::holding(format!("Renewal, one a {}", section.period_name), Format::Number, [last]);
    let chart = line_chart(
        words.heading,
        words.here,
        &horizontal.ending_at(last),
        &words.vertical,
        &[Series { role: Role::Main, points: actual }, Series { role: Role::Other, points: expected }],
        None,
    );
    ChartCard {
        heading: words.heading,
        chart,
        legend: legend(&[("Actual", Role::Main, Swatch::Line), ("Expected", Role::Other, Swatch::Line)]),
        how_to_read: words.how_to_read,
        here: words.here,
        numbers: html! {},
    }
    .draw()
}

fn points(steps: &[RenewalStep], of: fn(&RenewalStep) -> f64) -> Vec<Point> {
    steps.iter().map(|step| Point { x: f64::from(step.decision), y: of(step) }).collect()
}

fn retention_sentence(steps: &[RenewalStep]) -> String {
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else {
        return "Here: nobody was asked to renew.".to_owned();
    };
    let gap = |step: &RenewalStep| (step.stayed - step.expected).abs();
    let asked: f64 = steps.iter().map(|step| step.asked).sum();
    let mean = steps.iter().map(|step| step.asked * gap(step)).sum::<f64>() / asked;
    format!(
        "Here: at renewal {} {} left, where {} were expected to; at renewal {} {}, where {} were. The two are {} percentage points apart \
         on average over all customers asked.",
        first.decision,
        percent(1.0 - first.stayed),
        percent(1.0 - first.expected),
        last.decision,
        percent(1.0 - last.stayed),
        percent(1.0 - last.expected),
        fixed(100.0 * mean, 2),
    )
}

fn survival_sentence(steps: &[RenewalStep], period_name: &str) -> String {
    let Some(last) = steps.last() else {
        return "Here: nobody was asked to renew.".to_owned();
    };
    let lifetime: f64 = 1.0 + steps.iter().map(|step| step.survival).sum::<f64>();
    format!(
        "Here: {} of a cohort are still on after renewal {}, and {} were expected; up to there a customer stays {} {period_name}s on \
         average.",
        percent(last.survival),
        last.decision,
        percent(last.expected_survival),
        number(lifetime),
    )
}

fn cohort_table(cohorts: &[RenewalCohort]) -> Markup {
    html! {
        table {
            caption { "Contracts by the quarter in which they began" }
            thead { tr {
                th.text { "Began" } th { "Contracts" } th { "Renewals due" } th { "Left" } th { "Expected to leave" }
                th { "Left over expected" }
            } }
            tbody { @for cohort in cohorts { tr {
                th.text scope="row" { (cohort.start) }
                td { (count(cohort.contracts as u64)) }
                td { (number(cohort.asked)) }
                td { (number(cohort.left)) }
                td { (fixed(cohort.expected_left, 0)) }
                td { (if cohort.expected_left > 0.0 { fixed(cohort.left / cohort.expected_left, 2) } else { "–".to_owned() }) }
            } } }
        }
    }
}

/// The cohort that is furthest from what was expected of it, in standard errors of a count.
fn cohort_sentence(cohorts: &[RenewalCohort]) -> String {
    let surprise = |cohort: &RenewalCohort| {
        (cohort.left - cohort.expected_left).abs() / cohort.expected_left.max(f64::MIN_POSITIVE).sqrt()
    };
    let told = cohorts.iter().filter(|cohort| cohort.expected_left >= 5.0);
    let Some(odd) = told.max_by(|one, other| surprise(one).total_cmp(&surprise(other))) else {
        return "Too few renewals are due in any cohort to compare them.".to_owned();
    };
    let judged = if surprise(odd) < 3.0 {
        "which chance explains: one model serves all cohorts"
    } else {
        "which is more than chance explains: ask what was different about these customers"
    };
    format!(
        "Of all cohorts {} is furthest from what was expected: {} left and {} were expected to, {judged}.",
        odd.start,
        number(odd.left),
        fixed(odd.expected_left, 0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cohort(start: &str, left: f64, expected_left: f64) -> RenewalCohort {
        RenewalCohort { start: start.to_owned(), contracts: 100, asked: 400.0, left, expected_left }
    }

    #[test]
    fn the_odd_cohort_is_named_and_judged_by_chance() {
        let calm = cohort_sentence(&[cohort("2025 Q1", 104.0, 100.0), cohort("2025 Q2", 99.0, 100.0)]);
        assert!(calm.contains("2025 Q1") && calm.contains("chance explains: one model"), "{calm}");
        let odd = cohort_sentence(&[cohort("2025 Q1", 104.0, 100.0), cohort("2025 Q2", 160.0, 100.0)]);
        assert!(odd.contains("2025 Q2") && odd.contains("more than chance"), "{odd}");
        let few = cohort_sentence(&[cohort("2025 Q1", 3.0, 1.0)]);
        assert!(few.contains("Too few"), "{few}");
    }

    #[test]
    fn a_section_without_renewals_is_still_drawn() {
        let section = Renewals {
            subject: "Contracts".to_owned(),
            period_name: "month".to_owned(),
            family: "sbg".to_owned(),
            contracts: 0,
            parameters: Vec::new(),
            notes: Vec::new(),
            steps: Vec::new(),
            cohorts: Vec::new(),
        };
        let html = renewals(&section).into_string();
        assert!(html.contains("nobody was asked") && !html.contains("NaN"), "{html}");
    }
}
