//! The section on what one action changes: on average, for whom, and what it earns to choose.

use maud::{Markup, html};

use super::EffectQuality;
use super::charts::{Axis, Format, Mark, Measured, Role, Series, Swatch, interval_chart, legend, line_chart};
use super::numbers::{count, counted, fixed, number, percent};
use super::page::{ChartCard, tiles};
use crate::evaluate::{Interval, Point};

pub(super) fn effect_quality(section: &EffectQuality) -> Markup {
    let verdict = if section.has_usable_heterogeneity {
        format!(
            "Customers differ in what {} changes, and the data show how: {} of the learned differences are believed.",
            section.action,
            percent(section.believed)
        )
    } else {
        format!(
            "The data show no usable heterogeneity: which customers {} changes more cannot be told from chance, so everybody is given the average effect.",
            section.action
        )
    };
    html! {
        p.lead {
            "What " (section.action) " changes in " (section.outcome) ", seen on "
            (counted(section.treated as u64, "treated customer", "treated customers")) " and "
            (counted(section.controls as u64, "control", "controls")) ": " (section.period) ". " (verdict)
        }
        (figure_tiles(section))
        p {
            "The same curves in the conventions of two packages: scikit-uplift's Qini "
            (optional(section.scores.qini_scikit_uplift)) " and AUUC " (optional(section.scores.auuc_scikit_uplift))
            ", CausalML's Qini " (optional(section.scores.qini_causalml)) " and AUUC "
            (optional(section.scores.auuc_causalml)) ", all normalised as there. Figures of different conventions cannot "
            "be compared with one another."
        }
        div.charts {
            (qini(section))
            (tenths(section))
            (profit(section))
        }
    }
}

fn optional(figure: Option<f64>) -> String {
    figure.map_or_else(|| "–".to_owned(), |figure| fixed(figure, 4))
}

/// A value on the scale of the outcome: percentage points, or the unit.
fn shown(section: &EffectQuality, value: f64) -> String {
    if section.is_probability {
        let sign = if value > 0.0 { "+" } else { "" };
        format!("{sign}{}", fixed(value * 100.0, 2))
    } else {
        number(value)
    }
}

fn unit(section: &EffectQuality) -> &str {
    if section.is_probability { "% points" } else { &section.unit }
}

fn figure_tiles(section: &EffectQuality) -> Markup {
    let range = |Interval { low, high }: Interval| format!("95%: {} to {}", shown(section, low), shown(section, high));
    let qini = section.qini_interval;
    let level = |value: f64| if section.is_probability { percent(value) } else { number(value) };
    tiles(&[
        (
            "Average effect",
            shown(section, section.average_effect),
            unit(section),
            &range(section.average_effect_interval),
        ),
        (
            "Treated",
            level(section.treated_mean),
            "",
            "mean outcome as it was; the average effect allows for unequal chances of a contact",
        ),
        ("Controls", level(section.control_mean), "", "mean outcome as it was"),
        (
            "Qini",
            fixed(section.qini, 4),
            "",
            &format!("Radcliffe, per treated customer; 95%: {} to {}", fixed(qini.low, 4), fixed(qini.high, 4)),
        ),
        ("Best learner", section.learner.clone(), "", "by area under the curve, then by what it earns"),
        ("Believed", percent(section.believed), "", "of learned differences; the rest is drawn to the average"),
    ])
}

fn qini(section: &EffectQuality) -> Markup {
    let end = section.qini_curve.last().copied().unwrap_or(Point { x: 1.0, y: 0.0 });
    let straight = [Point { x: 0.0, y: 0.0 }, end];
    let format = if section.is_probability { Format::Percent } else { Format::Number };
    let at_third = section.qini_curve.iter().rfind(|point| point.x <= 1.0 / 3.0).map_or(0.0, |point| point.y);
    let here = format!(
        "Here: treating the third of largest expected effect gains {} of the {} {} a treated customer that treating everybody gains; the area between the lines, the Qini, is {}.",
        shown(section, at_third),
        shown(section, end.y),
        unit(section),
        fixed(section.qini, 4),
    );
    let chart = line_chart(
        "Qini curve",
        &here,
        &Axis::share("Share of customers, largest expected effect first"),
        &Axis::holding("Gained a treated customer", format, section.qini_curve.iter().map(|point| point.y)),
        &[
            Series { role: Role::Reference, points: &straight },
            Series { role: Role::Main, points: &section.qini_curve },
        ],
        None,
    );
    ChartCard {
        heading: "Qini curve",
        chart,
        legend: legend(&[("In the model's order", Role::Main, Swatch::Line), ("At random", Role::Reference, Swatch::Line)]),
        how_to_read: "customers are ranked by what the action is expected to change. The higher the curve lies above the \
                      straight line, the more is gained by treating some before others; a curve along the line says \
                      that the order does not matter, one that rises above its end that some are better left alone.",
        here: &here,
        numbers: html! {},
    }
    .draw()
}

fn tenths(section: &EffectQuality) -> Markup {
    let format = if section.is_probability { Format::Percent } else { Format::Number };
    let measured: Vec<Measured> = section
        .tenths
        .iter()
        .map(|tenth| Measured { value: tenth.effect, low: tenth.low, high: tenth.high, expected: tenth.expected })
        .collect();
    let harmed = section.tenths.iter().filter(|tenth| tenth.high < 0.0).count();
    let here = match (section.tenths.first(), section.tenths.last()) {
        (Some(first), Some(last)) => format!(
            "Here: the first tenth gains {} {} ({} to {}), the last {} ({} to {}); in {} the action surely harms.",
            shown(section, first.effect),
            unit(section),
            shown(section, first.low),
            shown(section, first.high),
            shown(section, last.effect),
            shown(section, last.low),
            shown(section, last.high),
            if harmed == 0 { "no tenth".to_owned() } else { counted(harmed as u64, "tenth", "tenths") },
        ),
        _ => "Here: there is nobody to show.".to_owned(),
    };
    let chart = interval_chart(
        "Effect by tenth",
        &here,
        ["Tenth of the customers, largest expected effect first", "Effect"],
        format,
        &measured,
        section.average_effect,
    );
    let numbers = html! {
        table {
            caption { "Effect by tenth, in " (unit(section)) }
            thead { tr { th { "Tenth" } th { "Customers" } th { "Expected" } th { "Measured" } th { "From" } th { "To" } } }
            tbody { @for (index, tenth) in section.tenths.iter().enumerate() { tr {
                td { (index + 1) } td { (count(tenth.customers as u64)) }
                td { (shown(section, tenth.expected)) } td { (shown(section, tenth.effect)) }
                td { (shown(section, tenth.low)) } td { (shown(section, tenth.high)) }
            } } }
        }
    };
    ChartCard {
        heading: "Effect by tenth",
        chart,
        legend: legend(&[
            ("Measured, with its 95% interval", Role::Main, Swatch::Interval),
            ("Expected by the learner", Role::Other, Swatch::Line),
            ("Average", Role::Reference, Swatch::Line),
        ]),
        how_to_read: "points that fall from left to right say that the order holds; intervals that all hold the average say \
                      that it may be chance. Points below 0 are customers whom the action harms.",
        here: &here,
        numbers,
    }
    .draw()
}

fn profit(section: &EffectQuality) -> Markup {
    let profit = &section.profit;
    let price = format!(
        "one {} being worth {} and a contact costing {}",
        if section.is_probability { "outcome" } else { "unit of the outcome" },
        number(profit.worth),
        number(profit.cost)
    );
    let here = format!(
        "Here: the best share is {} of the customers, at {} a customer; contacting everybody earns {} ({} to {}), {price}.",
        percent(profit.best_share),
        number(profit.best_profit),
        number(profit.everybody),
        number(profit.everybody_low),
        number(profit.everybody_high),
    );
    let chart = line_chart(
        "Expected profit",
        &here,
        &Axis::share("Share of customers contacted, largest expected effect first"),
        &Axis::holding("Profit a customer", Format::Number, profit.points.iter().map(|point| point.y)),
        &[Series { role: Role::Main, points: &profit.points }],
        Some(&Mark { x: profit.best_share, label: "best share".to_owned() }),
    );
    ChartCard {
        heading: "Expected profit",
        chart,
        legend: html! {},
        how_to_read: "the curve rises while those added are worth more than their contact and falls from there on. The mark is \
                      found on the same customers, so it flatters a little; a flat top says that the share matters little.",
        here: &here,
        numbers: html! {},
    }
    .draw()
}
