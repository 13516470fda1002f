//! The section on one yes-or-no forecast: its figures and its five charts.

use maud::{Markup, html};

use super::ClassifierQuality;
use super::charts::{
    Axis, BarGroup, Bars, Format, Role, Series, Swatch, bar_chart, calibration_chart, legend, line_chart,
};
use super::numbers::{count, counted, figure, fixed, number, percent, times};
use super::page::{ChartCard, tiles};
use crate::evaluate::{Interval, Point};

const fn point(x: f64, y: f64) -> Point {
    Point { x, y }
}

pub(super) fn classifier_quality(section: &ClassifierQuality) -> Markup {
    let figures = &section.held_out.figures;
    html! {
        p.lead {
            "Judged on " (counted(figures.rows as u64, "customer", "customers")) " that no model was fitted on: "
            (section.period) ". Customers who " (section.event) ": " (count(figures.positives as u64)) " ("
            (percent(figures.base_rate())) ")."
            @if section.base_rate != figures.base_rate() {
                " Figures and curves are weighted to the real rate of " (percent(section.base_rate)) "."
            }
        }
        (figure_tiles(section))
        (brier_parts(section))
        (profit(section))
        @if section.held_out.curves.roc.is_empty() {
            p { "All of these customers had the same outcome, so there is no order to judge and no curve to draw." }
        }
        div.charts {
            @if !section.held_out.curves.roc.is_empty() {
                (roc(section))
                (precision_recall(section))
                (gains(section))
                (lift(section))
            }
            (calibration(section))
        }
    }
}

fn figure_tiles(section: &ClassifierQuality) -> Markup {
    let figures = &section.held_out.figures;
    let sure = &section.held_out.detail.intervals;
    let range = |interval: Option<Interval>, decimals: usize, factor: f64| {
        interval.map_or_else(String::new, |Interval { low, high }| {
            format!("95%: {} to {}; ", fixed(low * factor, decimals), fixed(high * factor, decimals))
        })
    };
    let told = |interval, decimals, factor, rest: &str| format!("{}{rest}", range(interval, decimals, factor));
    let at_random = format!("random order {}", fixed(section.base_rate, 3));
    tiles(&[
        ("AUC", figure(figures.auc), "", &told(sure.auc, 3, 1.0, "random 0.5, perfect 1")),
        ("Average precision", figure(figures.average_precision), "", &told(sure.average_precision, 3, 1.0, &at_random)),
        (
            "Lift of the first tenth",
            figures.top_decile_lift.map_or_else(|| "–".to_owned(), |lift| fixed(lift, 2)),
            "times",
            &told(sure.top_decile_lift, 2, 1.0, "times the average rate"),
        ),
        ("Log loss", fixed(figures.log_loss, 4), "nats", &told(Some(sure.log_loss), 4, 1.0, "0 is perfect")),
        ("Brier score", fixed(figures.brier, 4), "", &told(Some(sure.brier), 4, 1.0, "0 is perfect")),
        (
            "Calibration error",
            fixed(figures.expected_calibration_error * 100.0, 2),
            "% points",
            &told(Some(sure.expected_calibration_error), 2, 100.0, "ten groups of equal size"),
        ),
    ])
}

fn brier_parts(section: &ClassifierQuality) -> Markup {
    let parts = section.held_out.detail.brier_decomposition;
    html! {
        p {
            "The Brier score is " (fixed(parts.reliability, 4)) " (reliability, the gap between forecast and rate) less "
            (fixed(parts.resolution, 4)) " (resolution, how far the forecasts part customers) plus "
            (fixed(parts.uncertainty, 4)) " (uncertainty, the score of the average rate for everybody) plus "
            (fixed(parts.within_groups, 4)) " (differences within the ten groups)."
        }
    }
}

fn profit(section: &ClassifierQuality) -> Markup {
    html! {
        @if let Some(profit) = section.held_out.detail.profit {
            p {
                "A campaign that contacts the best-scored " (percent(profit.empc_fraction)) " would earn "
                (fixed(profit.empc, 2)) " a customer (expected maximum profit), if a customer who stays is worth "
                (number(profit.campaign.customer_value)) ", an offer that is taken costs "
                (number(profit.campaign.offer_cost)) ", a contact " (number(profit.campaign.contact_cost)) ", and "
                (percent(profit.campaign.accept_alpha / (profit.campaign.accept_alpha + profit.campaign.accept_beta)))
                " of the leavers accept on average."
            }
        }
    }
}

fn roc(section: &ClassifierQuality) -> Markup {
    let auc = section.held_out.figures.auc.unwrap_or(f64::NAN);
    let verdict = match auc {
        auc if auc < 0.5 => "worse than random",
        auc if auc < 0.6 => "little better than random",
        auc if auc < 0.7 => "fair",
        auc if auc < 0.8 => "good",
        auc if auc < 0.97 => "strong",
        _ => "so strong that it is worth checking whether a feature already knows the outcome",
    };
    let here = format!(
        "Here: take one customer who {} and one of the others; the first has the higher score in {}% of such pairs \
         (AUC {}), which is {verdict}.",
        section.event,
        fixed(auc * 100.0, 0),
        fixed(auc, 3),
    );
    let chart = line_chart(
        "ROC curve",
        &here,
        &Axis::share("False positive rate"),
        &Axis::share("True positive rate"),
        &[
            Series { role: Role::Reference, points: &[point(0.0, 0.0), point(1.0, 1.0)] },
            Series { role: Role::Ideal, points: &[point(0.0, 0.0), point(0.0, 1.0), point(1.0, 1.0)] },
            Series { role: Role::Main, points: &section.held_out.curves.roc },
        ],
        None,
    );
    let how_to_read = format!(
        "the further the curve bows to the upper left, the better the scores part customers who {} from the others.",
        section.event
    );
    ChartCard {
        heading: "ROC curve",
        chart,
        legend: line_legend(),
        how_to_read: &how_to_read,
        here: &here,
        numbers: html! {},
    }
    .draw()
}

fn line_legend() -> Markup {
    legend(&[
        ("Model", Role::Main, Swatch::Line),
        ("Random order", Role::Reference, Swatch::Line),
        ("Perfect order", Role::Ideal, Swatch::Line),
    ])
}

fn precision_recall(section: &ClassifierQuality) -> Markup {
    let base_rate = section.base_rate;
    let curve = &section.held_out.curves.precision_recall;
    let at_half = curve.iter().find(|point| point.x >= 0.5).map_or(f64::NAN, |point| point.y);
    let here = format!(
        "Here: contacting from the best score down until half of all who {} are reached, {} of those contacted are such \
         customers; contacting at random it would be {}.",
        section.event,
        percent(at_half),
        percent(base_rate),
    );
    let chart = line_chart(
        "Precision-recall curve",
        &here,
        &Axis::share("Recall"),
        &Axis::share("Precision"),
        &[
            Series { role: Role::Reference, points: &[point(0.0, base_rate), point(1.0, base_rate)] },
            Series { role: Role::Ideal, points: &[point(0.0, 1.0), point(1.0, 1.0), point(1.0, base_rate)] },
            Series { role: Role::Main, points: curve },
        ],
        None,
    );
    let how_to_read = format!(
        "recall is the share found of all customers who {}; precision is the share of them among those contacted. The \
         higher the curve stays, the fewer contacts are wasted.",
        section.event
    );
    ChartCard {
        heading: "Precision-recall curve",
        chart,
        legend: line_legend(),
        how_to_read: &how_to_read,
        here: &here,
        numbers: html! {},
    }
    .draw()
}

fn gains(section: &ClassifierQuality) -> Markup {
    let base_rate = section.base_rate;
    let sure = section.held_out.detail.intervals.gains.iter().find(|gain| gain.share == 0.2);
    let here = format!(
        "Here: the best-scored 20% of the customers hold {}{} of all who {}, the best-scored half {}; a random 20% would \
         hold 20%.",
        percent(height_at(&section.held_out.curves.gains, 0.2)),
        sure.map_or_else(String::new, |gain| format!(" (95%: {} to {})", percent(gain.low), percent(gain.high))),
        section.event,
        percent(height_at(&section.held_out.curves.gains, 0.5)),
    );
    let chart = line_chart(
        "Cumulative gains curve",
        &here,
        &Axis::share("Share of customers contacted, best scores first"),
        &Axis::share("Share reached"),
        &[
            Series { role: Role::Reference, points: &[point(0.0, 0.0), point(1.0, 1.0)] },
            Series { role: Role::Ideal, points: &[point(0.0, 0.0), point(base_rate, 1.0), point(1.0, 1.0)] },
            Series { role: Role::Main, points: &section.held_out.curves.gains },
        ],
        None,
    );
    let how_to_read = format!(
        "go along to the share of customers you can afford to contact, then up to the curve: that is the share reached of \
         all customers who {}.",
        section.event
    );
    ChartCard {
        heading: "Cumulative gains curve",
        chart,
        legend: line_legend(),
        how_to_read: &how_to_read,
        here: &here,
        numbers: html! {},
    }
    .draw()
}

/// The height of a curve at `x`, on the straight line between its neighbours.
fn height_at(curve: &[Point], x: f64) -> f64 {
    let after = curve.partition_point(|point| point.x < x);
    match (after.checked_sub(1).map(|before| curve[before]), curve.get(after)) {
        (Some(before), Some(after)) if after.x > before.x => {
            before.y + (x - before.x) / (after.x - before.x) * (after.y - before.y)
        }
        (_, Some(after)) => after.y,
        (Some(before), None) => before.y,
        (None, None) => f64::NAN,
    }
}

fn lift(section: &ClassifierQuality) -> Markup {
    let deciles = &section.held_out.curves.lift_by_decile;
    let base_rate = percent(section.base_rate);
    let here = match (deciles.first(), deciles.last()) {
        (Some(first), Some(last)) => format!(
            "Here: in the first tenth {} of the customers {}, {} the average of {base_rate}; in the last tenth {}, {} the \
             average.",
            percent(first.rate),
            section.event,
            times(first.lift),
            percent(last.rate),
            times(last.lift),
        ),
        _ => String::new(),
    };
    let groups: Vec<BarGroup> =
        deciles.iter().map(|decile| BarGroup { label: decile.decile.to_string(), values: vec![decile.lift] }).collect();
    let lifts = deciles.iter().map(|decile| decile.lift);
    let chart = bar_chart(&Bars {
        title: "Lift by decile",
        description: &here,
        horizontal_label: "Tenth of the customers, best scores first",
        vertical: Axis::holding("Lift", Format::Multiple, lifts.chain([1.0])),
        roles: &[Role::Main],
        groups: &groups,
        reference: Some(1.0),
    });
    let numbers = html! {
        table {
            thead { tr { th { "Tenth" } th { "Customers" } th { "Rate" } th { "Lift" } th { "Lift so far" } } }
            tbody { @for decile in deciles { tr {
                td { (decile.decile) } td { (count(decile.rows as u64)) } td { (percent(decile.rate)) }
                td { (fixed(decile.lift, 2)) "×" } td { (fixed(decile.cumulative_lift, 2)) "×" }
            } } }
        }
    };
    ChartCard {
        heading: "Lift by decile",
        chart,
        legend: legend(&[
            ("Model", Role::Main, Swatch::Box),
            ("Random order (1×)", Role::Reference, Swatch::Line),
        ]),
        how_to_read: "each bar is a tenth of the customers; its height is their rate over the average rate. Good scores \
                      make stairs that fall from left to right.",
        here: &here,
        numbers,
    }
    .draw()
}

fn calibration(section: &ClassifierQuality) -> Markup {
    let bins = &section.held_out.curves.calibration;
    let agreeing =
        bins.iter().filter(|bin| (bin.interval_low..=bin.interval_high).contains(&bin.mean_forecast)).count();
    let gap = |index: usize| (bins[index].mean_forecast - bins[index].observed_rate).abs();
    let widest = (0..bins.len()).max_by(|&a, &b| gap(a).total_cmp(&gap(b)));
    let largest = widest.map_or_else(String::new, |widest| {
        format!(
            " The largest gap is where {} was forecast and {} was seen.",
            percent(bins[widest].mean_forecast),
            percent(bins[widest].observed_rate)
        )
    });
    let here = format!(
        "Here: forecasts are off by {} percentage points on average, and in {agreeing} of {} the forecast lies within the \
         95% interval of what was seen.{largest}",
        fixed(section.held_out.figures.expected_calibration_error * 100.0, 2),
        counted(bins.len() as u64, "group", "groups"),
    );
    let numbers = html! {
        table {
            thead { tr { th { "Mean forecast" } th { "Observed" } th { "95% interval" } th { "Customers" } } }
            tbody { @for bin in bins { tr {
                td { (percent(bin.mean_forecast)) } td { (percent(bin.observed_rate)) }
                td { (percent(bin.interval_low)) " to " (percent(bin.interval_high)) } td { (count(bin.rows as u64)) }
            } } }
        }
    };
    ChartCard {
        heading: "Calibration curve",
        chart: calibration_chart("Calibration curve", &here, bins),
        legend: legend(&[
            ("Group of customers, 95% Wilson interval", Role::Main, Swatch::Interval),
            ("Perfect calibration", Role::Reference, Swatch::Line),
        ]),
        how_to_read: "each point is a group of customers with similar forecasts. On the dashed line a forecast can be taken \
                      at its word; below it forecasts are too high, above it too low.",
        here: &here,
        numbers,
    }
    .draw()
}
