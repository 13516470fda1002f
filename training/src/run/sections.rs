//! What a training run found out, as sections of a report.

use tend_models::artifact::Model;
use tend_models::scorecard::{EffectOutcome, Task};

use super::{ActionFigures, Figures, Trained};
use crate::evaluate::HeldOut;
use crate::report::{
    Candidate, ClassifierQuality, EffectQuality, FeatureImportance, FeatureWeight, FreeText, KeyFigures,
    ModelComparison, Section, Tile, ValueQuality, count,
};

/// The sections of one trained model. `currency` is shown with amounts.
#[must_use]
pub fn sections(trained: &Trained, currency: &str) -> Vec<Section> {
    let figures = &trained.figures;
    if !figures.segments.is_empty() {
        return vec![Section::Text(FreeText {
            heading: heading(figures.task).to_owned(),
            paragraphs: vec![format!("Customers fall into these kinds: {}.", figures.segments.join("; "))],
        })];
    }
    let mut sections = vec![Section::KeyFigures(key_figures(trained))];
    if !figures.candidates.is_empty() {
        sections.push(Section::Comparison(comparison(figures)));
    }
    if let (Some(held_out), Some(detail), Some(curves)) = (&figures.held_out, &figures.detail, &trained.curves) {
        sections.push(Section::Classifier(Box::new(ClassifierQuality {
            subject: figures.task.to_string(),
            event: event(&trained.model),
            period: period(trained),
            held_out: HeldOut { figures: held_out.clone(), detail: detail.clone(), curves: curves.clone() },
            base_rate: figures.base_rate.unwrap_or_else(|| held_out.base_rate()),
        })));
    }
    if !figures.importance.is_empty() {
        let weight = |importance: &super::Importance| FeatureWeight {
            name: importance.label.clone(),
            log_loss_increase: importance.log_loss_increase,
        };
        sections.push(Section::Importance(FeatureImportance {
            subject: figures.task.to_string(),
            features: figures.importance.iter().map(weight).collect(),
        }));
    }
    for action in figures.uplift.iter().flat_map(|uplift| &uplift.actions) {
        sections.push(Section::Effect(Box::new(effect(trained, action, currency))));
    }
    if let Some(hold_out) = figures.value.as_ref().and_then(|value| value.hold_out.as_ref()) {
        let period = format!("the {:.0} days from {}", hold_out.days, hold_out.from);
        sections.push(Section::Value(ValueQuality {
            subject: "lifetime value".to_owned(),
            measure: "purchase days".to_owned(),
            unit: "days".to_owned(),
            period: period.clone(),
            figures: hold_out.purchases.clone(),
        }));
        if let Some(spend) = &hold_out.spend {
            sections.push(Section::Value(ValueQuality {
                subject: "lifetime value".to_owned(),
                measure: "spend".to_owned(),
                unit: currency.to_owned(),
                period,
                figures: spend.clone(),
            }));
        }
    }
    sections
}

fn period(trained: &Trained) -> String {
    match trained.header().as_of {
        Some(moment) => format!("the newest label window before {moment}"),
        None => "rows held out of training".to_owned(),
    }
}

fn effect(trained: &Trained, action: &ActionFigures, currency: &str) -> EffectQuality {
    let outcome = match action.outcome {
        EffectOutcome::Retention => "the probability of staying",
        EffectOutcome::Spend => "spend",
        EffectOutcome::Answer => "the probability of the outcome",
        EffectOutcome::Amount => "the outcome",
    };
    let period = match (&trained.model, trained.header().as_of) {
        (Model::Uplift(model), Some(moment)) => {
            format!("within {} days of contacts before {moment}", model.horizon_days)
        }
        _ => "each row judged by models that had not seen it".to_owned(),
    };
    EffectQuality {
        action: action.action.clone(),
        outcome: outcome.to_owned(),
        unit: currency.to_owned(),
        is_probability: action.outcome.is_probability(),
        period,
        treated: action.treated,
        controls: action.rows - action.treated,
        treated_mean: action.treated_mean,
        control_mean: action.control_mean,
        average_effect: action.average_effect,
        average_effect_interval: action.average_effect_interval,
        qini: action.qini,
        qini_interval: action.qini_interval,
        scores: action.scores,
        has_usable_heterogeneity: action.has_usable_heterogeneity,
        believed: action.believed,
        learner: action.learner.clone(),
        qini_curve: action.qini_curve.clone(),
        tenths: action.tenths.clone(),
        profit: action.profit.clone(),
    }
}

fn event(model: &Model) -> String {
    match model {
        Model::Churn(model) if model.horizon_days > 0 => format!("left within {} days", model.horizon_days),
        _ => "have the positive answer".to_owned(),
    }
}

fn key_figures(trained: &Trained) -> KeyFigures {
    let figures = &trained.figures;
    let period = period(trained);
    let tile = |label: &str, value: String, unit: &str| Tile {
        label: label.to_owned(),
        value,
        unit: unit.to_owned(),
        period: period.clone(),
    };
    let mut tiles = vec![tile("Chosen family", figures.family.clone(), "")];
    if let Some(held_out) = &figures.held_out {
        tiles.push(tile("Customers tested", count(held_out.rows as u64), "customers"));
        let share = 100.0 * held_out.positives as f64 / held_out.rows as f64;
        tiles.push(tile("With the outcome", format!("{share:.1}"), "%"));
        if let Some(auc) = held_out.auc {
            tiles.push(tile("AUC", format!("{auc:.3}"), "0.5 is chance, 1 is perfect"));
        }
        if let Some(lift) = held_out.top_decile_lift {
            tiles.push(tile("Top tenth", format!("{lift:.2}"), "times the average rate"));
        }
    }
    for product in &figures.products {
        let auc = product.held_out.auc.map_or_else(|| "unknown".to_owned(), |auc| format!("{auc:.3}"));
        tiles.push(tile(&product.product, auc, &format!("AUC, {}", product.family)));
    }
    for action in figures.uplift.iter().flat_map(|uplift| &uplift.actions) {
        let (factor, unit) = if action.outcome.is_probability() { (100.0, "% points") } else { (1.0, "a customer") };
        let differs = if action.has_usable_heterogeneity { "customers differ" } else { "the same for everybody" };
        tiles.push(Tile {
            label: format!("{}, average effect", action.action),
            value: format!("{:+.2}", factor * action.average_effect),
            unit: unit.to_owned(),
            period: differs.to_owned(),
        });
    }
    if let Some(value) = &figures.value {
        tiles.push(tile("Customers", count(value.customers as u64), "customers"));
        if let Some(bias) = value.hold_out.as_ref().and_then(|hold_out| hold_out.purchases.total_bias) {
            tiles.push(tile("Expected against actual purchases", format!("{:+.1}", bias * 100.0), "%"));
        }
    }
    KeyFigures { heading: heading(figures.task).to_owned(), tiles }
}

fn heading(task: Task) -> &'static str {
    match task {
        Task::Churn => "Who leaves",
        Task::Upsell => "Who takes the next product",
        Task::Clv => "What customers are worth",
        Task::Segments => "Kinds of customers",
        Task::Uplift => "What contacts change",
    }
}

fn comparison(figures: &Figures) -> ModelComparison {
    let candidate = |(place, candidate): (usize, &crate::champion::Candidate)| Candidate {
        family: candidate.family.to_owned(),
        is_baseline: candidate.is_baseline,
        is_winner: place == 0,
        figures: candidate.figures.clone(),
    };
    ModelComparison {
        subject: figures.task.to_string(),
        period: "of the tune part, whose labels only chose the calibration and the number of boosted trees".to_owned(),
        candidates: figures.candidates.iter().enumerate().map(candidate).collect(),
    }
}
