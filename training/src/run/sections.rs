//! What a training run found out, as sections of a report.

use tend_models::artifact::Model;
use tend_models::scorecard::Task;

use super::{ContractFigures, Figures, HoldOut, Trained};
use crate::evaluate::HeldOut;
use crate::report::{
    Candidate, ClassifierQuality, FeatureDependence, FeatureImportance, FeatureWeight, FreeText, KeyFigures, Lifetime,
    ModelComparison, OfferLists, ParameterRow, PurchaseTracking, Renewals, Section, SettingsTried, Tile, ValueQuality,
    count,
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
    if !figures.suspects.is_empty() {
        sections.push(Section::Text(FreeText {
            heading: "Features to look at".to_owned(),
            paragraphs: figures.suspects.clone(),
        }));
    }
    if !figures.candidates.is_empty() {
        sections.push(Section::Comparison(comparison(figures)));
    }
    if !figures.tried.is_empty() {
        let (subject, trials) = (figures.task.to_string(), figures.tried.clone());
        sections.push(Section::Settings(SettingsTried { subject, trials }));
    }
    if let Some(ranking) = &figures.ranking {
        sections.push(Section::Offers(OfferLists {
            subject: figures.task.to_string(),
            period: period(trained),
            ranking: ranking.clone(),
        }));
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
            mean_contribution: importance.mean_contribution,
        };
        let dependence = |one: &super::FeatureDependence| FeatureDependence {
            name: one.label.clone(),
            dependence: one.dependence.clone(),
        };
        sections.push(Section::Importance(FeatureImportance {
            subject: figures.task.to_string(),
            features: figures.importance.iter().map(weight).collect(),
            dependences: trained.dependences.iter().map(dependence).collect(),
        }));
    }
    if let Some(found) = &figures.contracts {
        let periods = std::iter::once(&found.main).chain(&found.other_periods);
        sections.extend(periods.map(|found| Section::Renewals(renewals(found))));
    }
    let of_purchases = figures.value.as_ref().and_then(|value| value.hold_out.as_ref());
    let of_contracts = figures.contracts.as_ref().and_then(|found| found.hold_out.as_ref());
    if let Some(hold_out) = of_purchases.or(of_contracts) {
        let (measure, unit) = if of_purchases.is_some() { ("purchase days", "days") } else { ("renewals", "renewals") };
        let period = period_of(hold_out);
        sections.push(Section::Value(ValueQuality {
            subject: "Lifetime value".to_owned(),
            measure: measure.to_owned(),
            unit: unit.to_owned(),
            period: period.clone(),
            figures: hold_out.purchases.clone(),
        }));
        if let Some(spend) = &hold_out.spend {
            sections.push(Section::Value(ValueQuality {
                subject: "Lifetime value".to_owned(),
                measure: "spend".to_owned(),
                unit: currency.to_owned(),
                period,
                figures: spend.clone(),
            }));
        }
        if let Some(lifetime) = &trained.lifetime {
            sections.push(Section::Tracking(PurchaseTracking {
                subject: "Lifetime value".to_owned(),
                start: lifetime.start.clone(),
                tracking: lifetime.tracking.clone(),
            }));
            sections.push(Section::Lifetime(Box::new(Lifetime {
                subject: "Lifetime value".to_owned(),
                period: period_of(hold_out),
                currency: currency.to_owned(),
                figures: lifetime.clone(),
            })));
        }
    }
    sections
}

fn period_of(hold_out: &HoldOut) -> String {
    format!("the {:.0} days from {}", hold_out.days, hold_out.from)
}

fn renewals(found: &ContractFigures) -> Renewals {
    let parameter = |(name, estimate): &(&'static str, f64)| ParameterRow {
        name: (*name).to_owned(),
        estimate: *estimate,
        standard_error: found
            .standard_errors
            .as_ref()
            .and_then(|errors| errors.0.iter().find(|(of, _)| of == name).map(|(_, error)| *error)),
        range_80: found.intervals_80.get(name).map(|range| (range.low, range.high)),
    };
    let period_name = match found.period_months {
        1.0 => "month".to_owned(),
        3.0 => "quarter".to_owned(),
        12.0 => "year".to_owned(),
        months => format!("period of {months:.2} months"),
    };
    Renewals {
        subject: format!("Contracts with a renewal every {period_name}"),
        period_name,
        family: found.family.to_owned(),
        contracts: found.contracts,
        parameters: found.parameters.0.iter().map(parameter).collect(),
        notes: renewal_notes(found),
        steps: found.steps.clone(),
        cohorts: found.cohorts.clone(),
    }
}

fn period(trained: &Trained) -> String {
    match trained.header().as_of {
        _ if trained.figures.contracts.is_some() => "all contracts that were known".to_owned(),
        Some(moment) if trained.figures.value.is_some() => format!("purchases before {moment}"),
        Some(moment) => format!("the newest label window before {moment}"),
        None => "rows held out of training".to_owned(),
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
    if let Some(value) = &figures.value {
        tiles.push(tile("Customers", count(value.customers as u64), "customers"));
        tiles.extend(value.hold_out.as_ref().and_then(|hold_out| bias_tile("purchases", hold_out)));
    }
    if let Some(found) = &figures.contracts {
        tiles.push(tile("Contracts", count(found.main.contracts as u64), "contracts"));
        if let Some(first) = found.main.steps.first() {
            tiles.push(tile("Expected at the first renewal", format!("{:.1}", 100.0 * first.expected), "% stay"));
        }
        tiles.extend(found.hold_out.as_ref().and_then(|hold_out| bias_tile("renewals", hold_out)));
    }
    KeyFigures { heading: heading(figures.task).to_owned(), tiles }
}

/// How the family was chosen, what features add, and what is made of prices.
fn renewal_notes(found: &ContractFigures) -> Vec<String> {
    let mut notes = Vec::new();
    if !found.converged {
        notes.push(
            "The parameters run off to a limit, and only what they tell together counts: these renewals do not show that customers \
             differ."
                .to_owned(),
        );
    }
    let scores: Vec<String> = found
        .tried
        .iter()
        .filter_map(|tried| Some(format!("{} {:.1}", tried.family, tried.hold_out_log_likelihood?)))
        .collect();
    if scores.len() > 1 {
        let held_out = found.tried.first().map_or(0.0, |tried| tried.hold_out_decisions);
        notes.push(format!(
            "Families by the log likelihood of {} renewals that none of them had seen, higher is better: {}.",
            count(held_out as u64),
            scores.join(", ")
        ));
    }
    if let Some(hazard) = &found.hazard {
        let verdict = if hazard.is_used {
            format!("they are used, and {:.0} % of what they tell is left after each renewal", 100.0 * hazard.memory)
        } else {
            "the difference is noise or worse, so that all contracts of one age renew alike".to_owned()
        };
        notes.push(format!(
            "By the features of the customers ({}) the log likelihood of the renewals of {} contracts that nothing had been learned \
             from is {:.1}, by the age of the contract alone {:.1}: {verdict}.",
            hazard.classifier,
            count(hazard.contracts as u64),
            hazard.log_likelihood,
            hazard.log_likelihood_of_family,
        ));
    }
    if found.price.contracts > 0 {
        notes.push(format!(
            "The price of contracts that go on changed by {:+.1} % a year (standard error {:.1}, from {} contracts); values take \
             this to go on for a year, and the price to stay then.",
            100.0 * (found.price.annual_factor - 1.0),
            100.0 * found.price.standard_error,
            count(found.price.contracts as u64),
        ));
    }
    notes
}

/// By how much what was expected of the hold-out misses what was counted in it.
fn bias_tile(what: &str, hold_out: &HoldOut) -> Option<Tile> {
    let bias = hold_out.purchases.total_bias?;
    Some(Tile {
        label: format!("Expected against actual {what}"),
        value: format!("{:+.1}", bias * 100.0),
        unit: "%".to_owned(),
        period: period_of(hold_out),
    })
}

fn heading(task: Task) -> &'static str {
    match task {
        Task::Churn => "Who leaves",
        Task::Upsell => "Who takes the next product",
        Task::Clv => "What customers are worth",
        Task::Segments => "Kinds of customers",
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
        period: "of the tune part, whose labels only chose the calibration and the number of boosted trees, and, where few of them are positive or negative, of parts of the training rows by models fitted on the others".to_owned(),
        candidates: figures.candidates.iter().enumerate().map(candidate).collect(),
    }
}
