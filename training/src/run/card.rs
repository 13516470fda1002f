//! The model card: what a person must know before relying on a model.

use std::fmt::Write;

use super::Trained;
use tend_models::artifact::{ChurnDefinition, Model};

/// The card as Markdown.
pub(super) fn model_card(trained: &Trained) -> String {
    let (header, figures) = (trained.header(), &trained.figures);
    let mut card = format!("# {} model ({})\n\n", header.task, header.family);
    let as_of = header.as_of.map_or_else(|| "a customer table".to_owned(), |moment| format!("history before {moment}"));
    let _ = writeln!(card, "Made by {} from {as_of}: {} rows, seed {}.\n", header.made_by, header.rows, header.seed);
    let _ = writeln!(card, "## What it answers\n\n{}\n", question(&trained.model));
    if let Some(held_out) = &figures.held_out {
        let _ = writeln!(card, "## Figures on rows that it had not seen\n");
        let _ = writeln!(card, "| figure | value |\n| --- | --- |");
        let _ = writeln!(card, "| rows, of these positive | {}, {} |", held_out.rows, held_out.positives);
        if let Some(auc) = held_out.auc {
            let _ = writeln!(card, "| AUC | {auc:.4} |");
        }
        let _ = writeln!(card, "| log loss | {:.4} |", held_out.log_loss);
        let _ = writeln!(card, "| Brier score | {:.4} |", held_out.brier);
        let _ = writeln!(card, "| expected calibration error | {:.4} |\n", held_out.expected_calibration_error);
    }
    if !figures.candidates.is_empty() {
        let _ = writeln!(
            card,
            "## Candidates on the tune rows, best first\n\n| family | log loss | AUC |\n| --- | --- | --- |"
        );
        for candidate in &figures.candidates {
            let auc = candidate.figures.auc.map_or_else(String::new, |auc| format!("{auc:.4}"));
            let _ = writeln!(card, "| {} | {:.4} | {auc} |", candidate.family, candidate.figures.log_loss);
        }
        card.push('\n');
    }
    for left_out in &figures.left_out {
        let _ = writeln!(card, "- Left out: {left_out}");
    }
    let _ = writeln!(card, "\n## Features\n");
    for feature in &trained.model.plan().features {
        let _ = writeln!(card, "- `{}`: {}", feature.name, feature.label);
    }
    card
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
        Model::Segments(model) => format!("The kind of a customer: {}.", model.segments.names.join(", ")),
    }
}
