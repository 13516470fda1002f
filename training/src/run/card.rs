//! The model card: what a person must know before relying on a model.

use std::fmt::Write;

use tend_models::artifact::{ChurnDefinition, Model};

use super::Trained;
use crate::evaluate::{ClassifierFigures, HeldOutDetail, Interval};

/// The card as Markdown.
pub(super) fn model_card(trained: &Trained) -> String {
    let (header, figures) = (trained.header(), &trained.figures);
    let mut card = format!("# {} model ({})\n\n", header.task, header.family);
    let as_of = header.as_of.map_or_else(|| "a customer table".to_owned(), |moment| format!("history before {moment}"));
    let _ = writeln!(card, "Made by {} from {as_of}: {} rows, seed {}.\n", header.made_by, header.rows, header.seed);
    let _ = writeln!(card, "## What it answers\n\n{}\n", question(&trained.model));
    if let (Some(held_out), Some(detail)) = (&figures.held_out, &figures.detail) {
        let _ = writeln!(card, "## Figures on rows that it had not seen\n");
        if let Some(rate) = figures.base_rate {
            let _ =
                writeln!(card, "The table was re-sampled: probabilities and figures are those of a rate of {rate}.\n");
        }
        push_figures(&mut card, held_out, detail);
    }
    if !figures.candidates.is_empty() {
        let _ = writeln!(
            card,
            "## Candidates on the tune rows, the chosen one first\n\n| family | log loss | AUC |\n| --- | --- | --- |"
        );
        for candidate in &figures.candidates {
            let auc = candidate.figures.auc.map_or_else(String::new, |auc| format!("{auc:.4}"));
            let _ = writeln!(card, "| {} | {:.4} | {auc} |", candidate.family, candidate.figures.log_loss);
        }
        card.push('\n');
    }
    if let Some(ranking) = &figures.ranking {
        let _ = writeln!(
            card,
            "## Lists of offers, for {} customers who took something new\n\n| offers | hit rate | NDCG | most popular first: hit rate | NDCG |\n| --- | --- | --- | --- | --- |",
            ranking.customers
        );
        for list in &ranking.lists {
            let (model, popular) = (list.model, list.popularity);
            let _ = writeln!(
                card,
                "| {} | {:.4} | {:.4} | {:.4} | {:.4} |",
                list.k, model.hit_rate, model.ndcg, popular.hit_rate, popular.ndcg
            );
        }
        card.push('\n');
    }
    for left_out in &figures.left_out {
        let _ = writeln!(card, "- Left out: {left_out}");
    }
    for suspect in &figures.suspects {
        let _ = writeln!(card, "- Look at: {suspect}");
    }
    let _ = writeln!(card, "\n## Features\n");
    for feature in &trained.model.plan().features {
        let _ = writeln!(card, "- `{}`: {}", feature.name, feature.label);
    }
    card
}

fn push_figures(card: &mut String, held_out: &ClassifierFigures, detail: &HeldOutDetail) {
    let _ = writeln!(card, "{} rows, of these {} positive.\n", held_out.rows, held_out.positives);
    let _ = writeln!(card, "| figure | value | 95 % interval |\n| --- | --- | --- |");
    let sure = &detail.intervals;
    let mut row = |name: &str, figure: Option<f64>, interval: Option<Interval>| {
        if let Some(figure) = figure {
            let range = interval.map_or_else(String::new, |ends| format!("{:.4} to {:.4}", ends.low, ends.high));
            let _ = writeln!(card, "| {name} | {figure:.4} | {range} |");
        }
    };
    let parts = detail.brier_decomposition;
    let gains: Vec<(String, f64, Interval)> = sure
        .gains
        .iter()
        .map(|gain| {
            let name = format!("share of positives in the best {:.0} %", 100.0 * gain.share);
            (name, gain.gain, Interval { low: gain.low, high: gain.high })
        })
        .collect();
    row("AUC", held_out.auc, sure.auc);
    row("average precision", held_out.average_precision, sure.average_precision);
    row("lift of the first tenth", held_out.top_decile_lift, sure.top_decile_lift);
    for (name, gain, interval) in gains {
        row(&name, Some(gain), Some(interval));
    }
    row("log loss", Some(held_out.log_loss), Some(sure.log_loss));
    row("expected calibration error", Some(held_out.expected_calibration_error), Some(sure.expected_calibration_error));
    row("Brier score", Some(held_out.brier), Some(sure.brier));
    row("its reliability", Some(parts.reliability), None);
    row("its resolution", Some(parts.resolution), None);
    row("its uncertainty", Some(parts.uncertainty), None);
    row("expected maximum profit a customer", detail.profit.map(|profit| profit.empc), None);
    row("share contacted for it", detail.profit.map(|profit| profit.empc_fraction), None);
    card.push('\n');
}

fn question(model: &Model) -> String {
    match model {
        Model::Churn(model) => match model.definition {
            ChurnDefinition::NoPurchase { active_within_days } => format!(
                "The probability of no purchase in the next {} days, for customers with a purchase in the last \
                 {active_within_days} days.",
                model.horizon_days
            ),
            ChurnDefinition::SubscriptionEnds => format!(
                "The probability that a customer with a running subscription has none {} days later.",
                model.horizon_days
            ),
            ChurnDefinition::TargetColumn => "The probability that the target column is positive.".to_owned(),
        },
        Model::Upsell(model) if model.horizon_days == 0 => {
            "The probability that the target column is positive.".to_owned()
        }
        Model::Upsell(model) => format!(
            "The probability that a customer takes a product not had before in the next {} days: {}.",
            model.horizon_days,
            model.products.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
        ),
        Model::Clv(model) => format!(
            "Expected purchases, spend and the present value of the margin of the next {} days, at a margin of \
             {:.0} % and a discount of {:.0} % a year.",
            model.horizon_days.get(),
            model.margin.get() * 100.0,
            model.annual_discount_rate * 100.0
        ),
        Model::Contracts(model) => format!(
            "Expected renewals and the present value of the margin of the next {} days of customers with a running \
             contract, at a margin of {:.0} % and a discount of {:.0} % a year. A price that changed over the last year is \
             taken to change so for another, and then to stay.",
            model.horizon_days.get(),
            model.margin.get() * 100.0,
            model.annual_discount_rate * 100.0
        ),
        Model::Segments(model) => format!("The kind of a customer: {}.", model.segments.names.join(", ")),
    }
}
