//! The sections on amounts: predicted against actual by tenth, and purchases week by week.

use maud::{Markup, html};

use super::charts::{Axis, BarGroup, Bars, Format, Mark, Role, Series, Swatch, bar_chart, legend, line_chart};
use super::numbers::{above_or_below, count, counted, figure, fixed, number, percent};
use super::page::{ChartCard, tiles};
use super::{PurchaseTracking, ValueQuality};
use crate::evaluate::Point;

pub(super) fn value_quality(section: &ValueQuality) -> Markup {
    let figures = &section.figures;
    html! {
        p.lead {
            "Judged on " (counted(figures.rows as u64, "customer", "customers")) ", " (section.measure) " in "
            (section.period) ", in " (section.unit) "."
        }
        (figure_tiles(section))
        div.charts { (deciles(section)) }
    }
}

fn figure_tiles(section: &ValueQuality) -> Markup {
    let figures = &section.figures;
    let unit = section.unit.as_str();
    let actual = format!("actual: {} {unit}", number(figures.actual_total));
    let bias = figures.total_bias.map_or_else(
        || "–".to_owned(),
        |bias| {
            let sign = if bias > 0.0 { "+" } else { "" };
            format!("{sign}{}%", fixed(bias * 100.0, 1))
        },
    );
    tiles(&[
        ("Predicted in all", number(figures.predicted_total), unit, &actual),
        ("Bias of the total", bias, "", "predicted over actual, minus 1"),
        ("Mean absolute error", number(figures.mae), unit, "a customer"),
        ("Root mean squared error", number(figures.rmse), unit, "a customer"),
        ("Rank correlation", figure(figures.spearman), "", "Spearman; 1 is perfect"),
        ("Normalised Gini", figure(figures.normalised_gini), "", "random 0, perfect 1"),
    ])
}

fn deciles(section: &ValueQuality) -> Markup {
    let (figures, unit) = (&section.figures, section.unit.as_str());
    let here = decile_sentence(section);
    let groups: Vec<BarGroup> = figures
        .deciles
        .iter()
        .enumerate()
        .map(|(index, decile)| BarGroup {
            label: (index + 1).to_string(),
            values: vec![decile.predicted_mean, decile.actual_mean],
        })
        .collect();
    let axis_label = format!("{unit} a customer");
    let chart = bar_chart(&Bars {
        title: "Predicted and actual by decile",
        description: &here,
        horizontal_label: "Tenth of the customers, highest predictions first",
        vertical: Axis::holding(
            axis_label,
            Format::Number,
            groups.iter().flat_map(|group| group.values.iter().copied()),
        ),
        roles: &[Role::Main, Role::Other],
        groups: &groups,
        reference: None,
    });
    let numbers = html! {
        table {
            caption { "Means a customer, in " (unit) ", " (section.period) }
            thead { tr { th { "Tenth" } th { "Customers" } th { "Predicted" } th { "Actual" } } }
            tbody { @for (index, decile) in figures.deciles.iter().enumerate() { tr {
                td { (index + 1) } td { (count(decile.n as u64)) }
                td { (number(decile.predicted_mean)) } td { (number(decile.actual_mean)) }
            } } }
        }
    };
    ChartCard {
        heading: "Predicted and actual by decile",
        chart,
        legend: legend(&[
            ("Predicted", Role::Main, Swatch::Box),
            ("Actual", Role::Other, Swatch::Box),
        ]),
        how_to_read: "customers are ranked by prediction and parted into tenths. Both bars of a pair should be equally high, \
                      and fall from left to right.",
        here: &here,
        numbers,
    }
    .draw()
}

fn decile_sentence(section: &ValueQuality) -> String {
    let (figures, unit) = (&section.figures, section.unit.as_str());
    let total = match figures.total_bias {
        Some(bias) => format!(
            "Here: the predicted total of {} {unit} is {} the actual {} {unit}.",
            number(figures.predicted_total),
            above_or_below(bias),
            number(figures.actual_total),
        ),
        None => format!(
            "Here: {} {unit} were predicted in all, and the actual total is 0.",
            number(figures.predicted_total)
        ),
    };
    match figures.deciles.first() {
        Some(first) if figures.actual_total > 0.0 => format!(
            "{total} The first tenth was predicted {} {unit} a customer and came to {} {unit}; it holds {} of the actual total.",
            number(first.predicted_mean),
            number(first.actual_mean),
            percent(first.actual_mean * first.n as f64 / figures.actual_total),
        ),
        _ => total,
    }
}

pub(super) fn purchase_tracking(section: &PurchaseTracking) -> Markup {
    let tracking = &section.tracking;
    let actual = points(&tracking.week, &tracking.actual_cumulative);
    let expected = points(&tracking.week, &tracking.expected_cumulative);
    let here = tracking_sentence(section, &actual, &expected);
    let weekly_actual = increments(&actual);
    let weekly_expected = increments(&expected);
    let weekly_here = weekly_sentence(section, &weekly_actual, &weekly_expected);
    html! {
        p.lead { "Repeat purchases of all customers together; week 0 begins on " (section.start) "." }
        div.charts {
            (tracking_card(section, "Tracking: cumulative repeat purchases", &actual, &expected, &here,
                "both lines count up all repeat purchases since week 0. After the dotted line the model saw nothing: there \
                 the lines should stay together."))
            (tracking_card(section, "Tracking: repeat purchases a week", &weekly_actual, &weekly_expected, &weekly_here,
                "the actual line jumps with seasons and campaigns, of which the model knows nothing; the expected line should \
                 run through its middle."))
        }
    }
}

fn tracking_card(
    section: &PurchaseTracking,
    heading: &str,
    actual: &[Point],
    expected: &[Point],
    here: &str,
    how_to_read: &str,
) -> Markup {
    let last_week = actual.last().map_or(1.0, |point| point.x.max(1.0));
    let heights = actual.iter().chain(expected).map(|point| point.y);
    let chart = line_chart(
        heading,
        here,
        &Axis::holding("Week", Format::Number, [last_week]).ending_at(last_week),
        &Axis::holding("Repeat purchases", Format::Number, heights),
        &[Series { role: Role::Main, points: actual }, Series { role: Role::Other, points: expected }],
        Some(&Mark { x: f64::from(section.tracking.hold_out_from), label: "hold-out from here".to_owned() }),
    );
    ChartCard {
        heading,
        chart,
        legend: legend(&[("Actual", Role::Main, Swatch::Line), ("Expected", Role::Other, Swatch::Line)]),
        how_to_read,
        here,
        numbers: html! {},
    }
    .draw()
}

fn points(weeks: &[u32], heights: &[f64]) -> Vec<Point> {
    weeks.iter().zip(heights).map(|(&week, &y)| Point { x: f64::from(week), y }).collect()
}

/// What was added from each entry to the next, a week.
fn increments(cumulative: &[Point]) -> Vec<Point> {
    cumulative
        .windows(2)
        .map(|pair| Point { x: pair[1].x, y: (pair[1].y - pair[0].y) / (pair[1].x - pair[0].x).max(1.0) })
        .collect()
}

fn tracking_sentence(section: &PurchaseTracking, actual: &[Point], expected: &[Point]) -> String {
    let hold_out_from = f64::from(section.tracking.hold_out_from);
    let added = |points: &[Point]| {
        let before = points.iter().rfind(|point| point.x <= hold_out_from).map_or(0.0, |point| point.y);
        points.last().map_or(0.0, |point| point.y - before)
    };
    let (actual_added, expected_added) = (added(actual), added(expected));
    let Some(last) = actual.last().filter(|last| last.x > hold_out_from) else {
        return "Here: nothing was held out.".to_owned();
    };
    if actual_added == 0.0 {
        return format!(
            "Here: in the hold-out nobody bought again; {} repeat purchases were expected.",
            number(expected_added)
        );
    }
    format!(
        "Here: in the hold-out, week {} to week {}, {} repeat purchases were expected and {} were made: the forecast is {} the \
         count.",
        section.tracking.hold_out_from + 1,
        fixed(last.x, 0),
        number(expected_added),
        number(actual_added),
        above_or_below(expected_added / actual_added - 1.0),
    )
}

fn weekly_sentence(section: &PurchaseTracking, actual: &[Point], expected: &[Point]) -> String {
    let hold_out_from = f64::from(section.tracking.hold_out_from);
    let gaps: Vec<(f64, f64)> = actual
        .iter()
        .zip(expected)
        .filter(|(actual, _)| actual.x > hold_out_from)
        .map(|(actual, expected)| (actual.x, (actual.y - expected.y).abs()))
        .collect();
    let Some((week, widest)) = gaps.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1)) else {
        return "Here: nothing was held out.".to_owned();
    };
    let mean = gaps.iter().map(|gap| gap.1).sum::<f64>() / gaps.len() as f64;
    format!(
        "Here: in the hold-out the two are {} purchases a week apart on average, and furthest in week {}, by {}.",
        number(mean),
        fixed(week, 0),
        number(widest),
    )
}
