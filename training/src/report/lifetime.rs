//! The section on what customers are worth: who bought how often, what they buy next, and where the value lies.

use maud::{Markup, html};

use super::Lifetime;
use super::charts::{Axis, BarGroup, Bars, Format, Grid, Role, Swatch, bar_chart, heat_grid, legend};
use super::numbers::{above_or_below, count, fixed, number, percent};
use super::page::ChartCard;
use crate::evaluate::{ConditionalBin, FrequencyBin, Surface, ValueGroup};

pub(super) fn lifetime(section: &Lifetime) -> Markup {
    let figures = &section.figures;
    html! {
        p.lead {
            "From a model fitted to what was known before " (section.period) ", on whose purchases it is judged; values are in "
            (section.currency) "."
        }
        div.charts {
            @if !figures.frequencies.is_empty() { (frequency_card(&figures.frequencies)) }
            (conditional_card(&figures.conditional, &section.period))
            (alive_card(&figures.surface))
            (expected_card(&figures.surface))
            (decile_card(&figures.deciles, &section.currency))
            @if figures.cohorts.len() > 1 { (cohort_card(&figures.cohorts, &section.currency)) }
        }
    }
}

/// A pair of bars for each number of repeat purchases: actual and expected.
fn pairs(bins: impl ExactSizeIterator<Item = (u32, f64, f64)>) -> Vec<BarGroup> {
    let last = bins.len().saturating_sub(1);
    let pair = |(place, (repeat_purchases, actual, expected))| BarGroup {
        label: bin_name(repeat_purchases, place == last),
        values: vec![actual, expected],
    };
    bins.enumerate().map(pair).collect()
}

/// The name of a bin of repeat purchases; the last of several is open.
fn bin_name(repeat_purchases: u32, is_last: bool) -> String {
    if is_last && repeat_purchases > 0 { format!("{repeat_purchases}+") } else { repeat_purchases.to_string() }
}

fn pair_chart(heading: &str, here: &str, labels: [&str; 2], groups: &[BarGroup]) -> Markup {
    bar_chart(&Bars {
        title: heading,
        description: here,
        horizontal_label: labels[0],
        vertical: Axis::holding(
            labels[1],
            Format::Number,
            groups.iter().flat_map(|group| group.values.iter().copied()),
        ),
        roles: &[Role::Main, Role::Other],
        groups,
        reference: None,
    })
}

fn actual_and_expected() -> Markup {
    legend(&[("Actual", Role::Main, Swatch::Box), ("Expected", Role::Other, Swatch::Box)])
}

fn frequency_card(bins: &[FrequencyBin]) -> Markup {
    let all: f64 = bins.iter().map(|bin| bin.actual).sum();
    let misplaced: f64 = bins.iter().map(|bin| (bin.actual - bin.expected).abs()).sum::<f64>() / 2.0;
    let none = bins.first().map_or((0.0, 0.0), |bin| (bin.actual, bin.expected));
    let here = format!(
        "Here: {} of {} customers never came back, and {} were expected not to; {} of all customers would have to move to another \
         bar for the two to agree.",
        number(none.0),
        number(all),
        fixed(none.1, 0),
        percent(misplaced / all.max(1.0)),
    );
    let groups = pairs(bins.iter().map(|bin| (bin.repeat_purchases, bin.actual, bin.expected)));
    ChartCard {
        heading: "Customers by repeat purchases",
        chart: pair_chart("Customers by repeat purchases", &here, ["Repeat purchases before the hold-out", "Customers"], &groups),
        legend: actual_and_expected(),
        how_to_read: "how many customers bought so often after their first purchase, counted and as the model has it. The bars of a \
                      pair should be equally high: the model has seen these purchases.",
        here: &here,
        numbers: html! {
            table {
                thead { tr { th { "Repeat purchases" } th { "Actual" } th { "Expected" } } }
                tbody { @for (bin, group) in bins.iter().zip(&groups) { tr {
                    td { (group.label) } td { (number(bin.actual)) } td { (fixed(bin.expected, 0)) }
                } } }
            }
        },
    }
    .draw()
}

fn conditional_card(bins: &[ConditionalBin], period: &str) -> Markup {
    let here = match (bins.first(), bins.last()) {
        (Some(first), Some(last)) if last.actual > 0.0 => format!(
            "Here: who had never come back bought {} times in {period}, and {} were expected; the busiest customers bought {} times, \
             which the forecast is {}.",
            number(first.actual),
            number(first.expected),
            number(last.actual),
            above_or_below(last.expected / last.actual - 1.0),
        ),
        _ => "Here: nobody bought in the hold-out.".to_owned(),
    };
    let groups = pairs(bins.iter().map(|bin| (bin.repeat_purchases, bin.actual, bin.expected)));
    ChartCard {
        heading: "What customers buy next, by what they bought before",
        chart: pair_chart(
            "Purchases in the hold-out by repeat purchases before it",
            &here,
            ["Repeat purchases before the hold-out", "Purchases a customer in the hold-out"],
            &groups,
        ),
        legend: actual_and_expected(),
        how_to_read: "customers are put together by how often they had come back before the hold-out. The bars show what they bought \
                      in it, which the model has not seen: a pair of equal bars is a forecast that holds for these customers.",
        here: &here,
        numbers: html! {
            table {
                thead { tr { th { "Repeat purchases" } th { "Customers" } th { "Actual" } th { "Expected" } } }
                tbody { @for (bin, group) in bins.iter().zip(&groups) { tr {
                    td { (group.label) } td { (count(bin.customers as u64)) } td { (fixed(bin.actual, 3)) } td { (fixed(bin.expected, 3)) }
                } } }
            }
        },
    }
    .draw()
}

fn grid_card(
    surface: &Surface,
    heading: &str,
    values: &[Vec<f64>],
    write: fn(f64) -> String,
    how_to_read: &str,
    here: &str,
) -> Markup {
    let columns: Vec<String> = surface.last_purchase_days.iter().map(|days| fixed(*days, 0)).collect();
    let rows: Vec<(String, Vec<(f64, String)>)> = surface
        .repeat_purchases
        .iter()
        .zip(values)
        .map(|(count, values)| (count.to_string(), values.iter().map(|value| (*value, write(*value))).collect()))
        .collect();
    ChartCard {
        heading,
        chart: heat_grid(&Grid {
            title: heading,
            description: here,
            horizontal_label: "Days from the first purchase to the last",
            vertical_label: "Repeat purchases",
            columns: &columns,
            rows: &rows,
        }),
        legend: html! {},
        how_to_read,
        here,
        numbers: html! {},
    }
    .draw()
}

fn alive_card(surface: &Surface) -> Markup {
    let corner = |row: Option<&Vec<f64>>| row.and_then(|row| row.first().copied()).unwrap_or(0.0);
    let here = format!(
        "Here: of customers first seen {} days ago who last bought within the first {}, {} with {} repeat purchases are still alive, \
         and {} with {}: the more often somebody bought, the more a silence says.",
        fixed(surface.observed_days, 0),
        fixed(surface.last_purchase_days.first().copied().unwrap_or(0.0), 0),
        percent(corner(surface.probability_alive.first())),
        surface.repeat_purchases.first().copied().unwrap_or(0),
        percent(corner(surface.probability_alive.last())),
        surface.repeat_purchases.last().copied().unwrap_or(0),
    );
    grid_card(
        surface,
        "Who is still alive",
        &surface.probability_alive,
        |value| format!("{:.0}%", 100.0 * value),
        "each cell is the probability that a customer still buys at all. To the right the last purchase is more recent; upwards they \
         bought more often.",
        &here,
    )
}

fn expected_card(surface: &Surface) -> Markup {
    let best = surface.expected_purchases.iter().flatten().copied().fold(0.0, f64::max);
    let here = format!(
        "Here: for customers first seen {} days ago, at most {} purchases are expected in the next {} days, of those who bought \
         often and lately.",
        fixed(surface.observed_days, 0),
        number(best),
        fixed(surface.horizon_days, 0),
    );
    grid_card(
        surface,
        "What they will buy",
        &surface.expected_purchases,
        |value| fixed(value, if value < 0.995 { 2 } else { 1 }),
        "each cell is the purchases expected within the horizon of the model. A busy customer who fell silent is worth less than a \
         slow one of whom little was to be heard.",
        &here,
    )
}

fn value_bars(heading: &str, here: &str, labels: [&str; 2], groups: &[ValueGroup]) -> Markup {
    let bars: Vec<BarGroup> =
        groups.iter().map(|group| BarGroup { label: group.name.clone(), values: vec![group.mean_value] }).collect();
    bar_chart(&Bars {
        title: heading,
        description: here,
        horizontal_label: labels[0],
        vertical: Axis::holding(labels[1], Format::Number, groups.iter().map(|group| group.mean_value)),
        roles: &[Role::Main],
        groups: &bars,
        reference: None,
    })
}

fn group_table(groups: &[ValueGroup], first: &str, currency: &str) -> Markup {
    let total: f64 = groups.iter().map(value_of_group).sum();
    html! {
        table {
            caption { "Predicted values in " (currency) }
            thead { tr { th.text { (first) } th { "Customers" } th { "Mean value" } th { "Share of the value" } th { "Alive" } } }
            tbody { @for group in groups { tr {
                th.text scope="row" { (group.name) }
                td { (count(group.customers as u64)) }
                td { (number(group.mean_value)) }
                td { (percent(value_of_group(group) / total.max(f64::MIN_POSITIVE))) }
                td { (percent(group.mean_alive)) }
            } } }
        }
    }
}

fn value_of_group(group: &ValueGroup) -> f64 {
    group.customers as f64 * group.mean_value
}

fn decile_card(deciles: &[ValueGroup], currency: &str) -> Markup {
    let total: f64 = deciles.iter().map(value_of_group).sum();
    let first = deciles.first();
    let here = first.filter(|_| total > 0.0).map_or_else(
        || "Here: no value is predicted of anybody.".to_owned(),
        |first| {
            format!(
                "Here: the first tenth is worth {} {currency} a customer and holds {} of all value.",
                number(first.mean_value),
                percent(value_of_group(first) / total)
            )
        },
    );
    ChartCard {
        heading: "Predicted value by decile",
        chart: value_bars(
            "Predicted value by decile",
            &here,
            ["Tenth of the customers, highest values first", &format!("{currency} a customer")],
            deciles,
        ),
        legend: html! {},
        how_to_read: "customers are ranked by predicted value and parted into tenths. The steeper the fall, the more there is to gain \
                      from treating the first ones differently.",
        here: &here,
        numbers: group_table(deciles, "Tenth", currency),
    }
    .draw()
}

/// Quarters beyond these crowd the axis: the oldest are drawn as one.
const MOST_COHORTS: usize = 8;

fn cohort_card(cohorts: &[ValueGroup], currency: &str) -> Markup {
    let drawn = newest(cohorts);
    let best = drawn.iter().max_by(|one, other| one.mean_value.total_cmp(&other.mean_value));
    let least = drawn.iter().min_by(|one, other| one.mean_value.total_cmp(&other.mean_value));
    let here = match (best, least) {
        (Some(best), Some(least)) => format!(
            "Here: customers of {} are worth most, {} {currency} each, and those of {} least, {}.",
            best.name,
            number(best.mean_value),
            least.name,
            number(least.mean_value),
        ),
        _ => "Here: there are no customers.".to_owned(),
    };
    ChartCard {
        heading: "Predicted value by the quarter of the first purchase",
        chart: value_bars(
            "Predicted value by the quarter of the first purchase",
            &here,
            ["Quarter of the first purchase", &format!("{currency} a customer")],
            &drawn,
        ),
        legend: html! {},
        how_to_read: "what a customer of each quarter is still worth. Older quarters hold more who have left, and those who are left \
                      are the loyal ones.",
        here: &here,
        numbers: group_table(cohorts, "Quarter", currency),
    }
    .draw()
}

/// The newest quarters, and all before them as one.
fn newest(cohorts: &[ValueGroup]) -> Vec<ValueGroup> {
    let short = |name: &str| name.trim_start_matches("20").replace(" Q", "Q");
    let (older, newer) = cohorts.split_at(cohorts.len().saturating_sub(MOST_COHORTS));
    let mut drawn: Vec<ValueGroup> =
        newer.iter().map(|group| ValueGroup { name: short(&group.name), ..group.clone() }).collect();
    let customers: usize = older.iter().map(|group| group.customers).sum();
    if customers > 0 {
        let mean = |of: fn(&ValueGroup) -> f64| {
            older.iter().map(|group| group.customers as f64 * of(group)).sum::<f64>() / customers as f64
        };
        let name = "older".to_owned();
        let (mean_value, mean_alive) = (mean(|group| group.mean_value), mean(|group| group.mean_alive));
        drawn.insert(0, ValueGroup { name, customers, mean_value, mean_alive });
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quarter(name: &str, customers: usize, mean_value: f64) -> ValueGroup {
        ValueGroup { name: name.to_owned(), customers, mean_value, mean_alive: 0.5 }
    }

    #[test]
    fn old_quarters_are_drawn_as_one_with_their_mean() {
        let mut cohorts = vec![quarter("2021 Q3", 10, 5.0), quarter("2021 Q4", 30, 9.0)];
        cohorts
            .extend((1..=8).map(|place| quarter(&format!("202{} Q{}", 2 + place / 5, (place - 1) % 4 + 1), 10, 20.0)));
        let drawn = newest(&cohorts);
        assert_eq!((drawn.len(), drawn[0].name.as_str(), drawn[0].mean_value), (9, "older", 8.0));
        assert_eq!(drawn[1].name, "22Q1");
        assert_eq!(newest(&cohorts[..2]).len(), 2);
    }
}
