//! What a chart or a table says, in a sentence computed from its numbers.

use super::numbers::{amount, count, decimal, money, percent};
use super::{
    ClassifierSection, DecisionRow, FeatureImportance, ModelComparison, TableReceived, ValueSection,
};

/// Said in place of a chart that one class alone cannot give.
pub(super) fn one_class(section: &ClassifierSection) -> Option<String> {
    let figures = &section.figures;
    let said = if figures.positives == 0 {
        "None"
    } else if figures.positives == figures.rows {
        "All"
    } else {
        return None;
    };
    Some(format!(
        "{said} of the {} customers held out {}, so that there is no order to judge.",
        count(figures.rows),
        section.event
    ))
}

pub(super) fn base_rate(section: &ClassifierSection) -> String {
    let figures = &section.figures;
    format!(
        "Judged on {} customers held out, of whom {} ({}) {}. Log loss {}, Brier score {}, average precision {}.",
        count(figures.rows),
        count(figures.positives),
        percent(figures.base_rate()),
        section.event,
        decimal(figures.log_loss, 4),
        decimal(figures.brier, 4),
        figures
            .average_precision
            .map_or_else(|| "undefined".to_owned(), |value| decimal(value, 3)),
    )
}

pub(super) fn roc(section: &ClassifierSection) -> Option<String> {
    let auc = section.figures.auc?;
    Some(format!(
        "Of 100 pairs of a customer who {} and one who did not, the model ranks {} the right way round (AUC {}); chance \
         would get 50.",
        section.event,
        decimal(auc * 100.0, 0),
        decimal(auc, 3)
    ))
}

pub(super) fn gains(section: &ClassifierSection) -> Option<String> {
    let points = &section.curves.gains;
    let after = points.iter().position(|point| point.x >= 0.2)?;
    let end = points[after];
    let reached = match after.checked_sub(1).map(|before| points[before]) {
        Some(start) if end.x > start.x => {
            start.y + (0.2 - start.x) / (end.x - start.x) * (end.y - start.y)
        }
        _ => end.y,
    };
    Some(format!(
        "The fifth of the customers with the highest scores holds {} of all who {}; a random fifth would hold 20%.",
        percent(reached),
        section.event
    ))
}

pub(super) fn lift(section: &ClassifierSection) -> Option<String> {
    let tenths = &section.curves.lift_by_decile;
    let (first, last) = (tenths.first()?, tenths.last()?);
    Some(format!(
        "In the tenth with the highest scores {} {}, {} times the rate of all customers ({}); in the last tenth {} times.",
        percent(first.rate),
        section.event,
        decimal(first.lift, 1),
        percent(section.figures.base_rate()),
        decimal(last.lift, 1)
    ))
}

pub(super) fn calibration(section: &ClassifierSection) -> String {
    let groups = &section.curves.calibration;
    let agreeing = groups
        .iter()
        .filter(|group| (group.interval_low..=group.interval_high).contains(&group.mean_forecast))
        .count();
    format!(
        "Forecasts are off by {} percentage points on average; in {agreeing} of {} groups the forecast lies within the \
         95% interval of what happened.",
        decimal(section.figures.expected_calibration_error * 100.0, 1),
        groups.len()
    )
}

/// `features` are sorted, the most important first.
pub(super) fn importance(features: &[&FeatureImportance]) -> String {
    let total: f64 = features
        .iter()
        .map(|feature| feature.increase.max(0.0))
        .sum();
    match features.first() {
        Some(first) if first.increase > 0.0 => {
            let three = features
                .iter()
                .take(3)
                .map(|feature| feature.increase.max(0.0));
            format!(
                "“{}” matters most: without it the log loss rises by {}. The first {} features make up {} of what all {} add.",
                first.label,
                decimal(first.increase, 4),
                features.len().min(3),
                percent(three.sum::<f64>() / total),
                count(features.len())
            )
        }
        _ => "No feature makes the forecasts better than they are without it.".to_owned(),
    }
}

pub(super) fn value(section: &ValueSection, currency: &str) -> String {
    let figures = &section.figures;
    let written = |value: f64| {
        if section.money {
            money(value, currency)
        } else {
            amount(value)
        }
    };
    let gap = match figures.total_bias {
        None => String::new(),
        Some(bias) if bias.abs() < 0.0005 => ", less than 0.1% apart".to_owned(),
        Some(bias) if bias > 0.0 => format!(", {} too high", percent(bias)),
        Some(bias) => format!(", {} too low", percent(-bias)),
    };
    let top = figures
        .deciles
        .first()
        .filter(|_| figures.actual_total > 0.0)
        .map(|tenth| {
            format!(
                " The tenth with the highest predictions made up {} of the actual total.",
                percent(tenth.actual_mean * tenth.n as f64 / figures.actual_total)
            )
        });
    format!(
        "All {} customers together, {}: {} predicted, {} actual{gap}.{}",
        count(figures.rows),
        section.quantity,
        written(figures.predicted_total),
        written(figures.actual_total),
        top.unwrap_or_default()
    )
}

pub(super) fn data_received(tables: &[TableReceived]) -> String {
    let read: usize = tables.iter().map(|table| table.rows_read).sum();
    let kept: usize = tables.iter().map(|table| table.rows_kept).sum();
    let most = tables
        .iter()
        .flat_map(|table| table.rejects.iter().map(move |reject| (table, reject)))
        // The first of equals, so that the order of the tables decides.
        .rev()
        .max_by_key(|(_, reject)| reject.rows);
    if read == 0 {
        return "No rows were read.".to_owned();
    }
    let most = most
        .filter(|(_, reject)| reject.rows > 0)
        .map(|(table, reject)| {
            format!(
                " Most often rejected: {}, {} rows of {}.",
                reject.reason,
                count(reject.rows),
                table.table
            )
        });
    format!(
        "{} of {} rows were used ({}).{}",
        count(kept),
        count(read),
        percent(kept as f64 / read as f64),
        most.unwrap_or_default()
    )
}

pub(super) fn comparison(section: &ModelComparison) -> String {
    let Some(chosen) = section.models.iter().find(|model| model.chosen) else {
        return "None of the candidates was chosen.".to_owned();
    };
    let best_other = section
        .models
        .iter()
        .filter(|model| !model.chosen)
        .min_by(|a, b| a.log_loss.total_cmp(&b.log_loss));
    let against = match best_other {
        None => "the only candidate".to_owned(),
        Some(other) => {
            let gap = other.log_loss - chosen.log_loss;
            let side = if gap >= 0.0 { "below" } else { "above" };
            format!(
                "{} {side} {}, the best of the others",
                decimal(gap.abs(), 4),
                other.family
            )
        }
    };
    format!(
        "Chosen: {}, with a log loss of {}, {against}.",
        chosen.family,
        decimal(chosen.log_loss, 4)
    )
}

pub(super) fn decisions(rows: &[DecisionRow], currency: &str) -> String {
    let all: usize = rows.iter().map(|row| row.customers).sum();
    let acted = || rows.iter().filter(|row| row.action.is_some());
    let treated: usize = acted().map(|row| row.customers).sum();
    let gain: f64 = acted().map(|row| row.expected_gain).sum();
    let best = acted()
        .filter(|row| row.expected_gain > 0.0)
        .max_by(|a, b| a.expected_gain.total_cmp(&b.expected_gain));
    let most = best.map(|row| {
        format!(
            " Most of it comes from “{}” in the stage “{}”: {}.",
            row.action.as_deref().unwrap_or_default(),
            row.stage,
            money(row.expected_gain, currency)
        )
    });
    if treated == 0 {
        return format!("All {} customers are left alone.", count(all));
    }
    format!(
        "{} of {} customers get an action, for an expected gain of {}.{}",
        count(treated),
        count(all),
        money(gain, currency),
        most.unwrap_or_default()
    )
}
