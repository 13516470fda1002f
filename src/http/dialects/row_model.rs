//! Scores feature rows with the classifiers of a task, or known customers with all models.

use tend_models::artifact::{ChurnModel, Model, Offer, UpsellModel};
use tend_models::families::classifier::Classifier;
use tend_models::features::{Feature, FeaturePlan};
use tend_models::predict::FeatureKind;
use tend_models::scorecard::{Scorecard, Task};

use super::frame::{Cell, Frame};
use crate::http::Service;
use crate::http::answer::{Known, check_finite, missing, scores_are_finite};
use crate::http::life::Answering;
use crate::http::problem::{Fault, Problem};

/// The column that names known customers.
const CUSTOMER_ID: &str = "customer_id";

/// One column of numbers for each output; `None` where the model says nothing of a customer.
pub(super) struct Scored {
    pub(super) names: Vec<String>,
    pub(super) columns: Vec<Vec<Option<f64>>>,
}

/// The features that a task's model takes a row of; `None` for a model that takes histories alone.
pub(super) fn features(answering: &Answering, task: Task) -> Option<&FeaturePlan> {
    classifiers(answering, task).map(|(plan, _)| plan)
}

/// What a task answers.
pub(super) fn output_names(answering: &Answering, task: Task) -> Vec<String> {
    match task {
        Task::Clv => ["expected_purchases", "probability_alive", "expected_average_spend", "predicted_clv"]
            .map(str::to_owned)
            .to_vec(),
        _ => classifiers(answering, task)
            .map(|(_, outputs)| outputs)
            .unwrap_or_default()
            .into_iter()
            .map(|(name, _)| name)
            .collect(),
    }
}

/// Scores a frame.
pub(super) fn score(service: &Service, answering: &Answering, task: Task, frame: &Frame) -> Result<Scored, Problem> {
    if frame.names == [CUSTOMER_ID] {
        return score_customers(service, answering, task, frame);
    }
    let Some((plan, outputs)) = classifiers(answering, task) else {
        let detail =
            format!("found feature rows for {task}; expected one column, {CUSTOMER_ID}, as it reads histories");
        return Err(Problem::shape(detail));
    };
    let rows = feature_rows(plan, frame)?;
    let column = |classifier: &Classifier| {
        classifier.probabilities(&rows).into_iter().map(|probability| Some(probability.get())).collect()
    };
    let columns = outputs.iter().map(|(_, classifier)| column(classifier)).collect();
    Ok(Scored { names: outputs.into_iter().map(|(name, _)| name).collect(), columns })
}

type Outputs<'a> = (&'a FeaturePlan, Vec<(String, &'a Classifier)>);

fn classifiers(answering: &Answering, task: Task) -> Option<Outputs<'_>> {
    let of_table = answering.table_models.get(&task).map(|(_, model)| model);
    let scorer = &answering.book.scorer;
    match (task, of_table) {
        (Task::Churn, Some(Model::Churn(model))) => Some(of_churn(model)),
        (Task::Upsell, Some(Model::Upsell(model))) => Some(of_upsell(model)),
        (Task::Churn, _) => scorer.churn().map(of_churn),
        (Task::Upsell, _) => scorer.upsell().map(of_upsell),
        _ => None,
    }
}

fn of_churn(model: &ChurnModel) -> Outputs<'_> {
    (&model.plan, vec![("churn_probability".to_owned(), &model.classifier)])
}

fn of_upsell(model: &UpsellModel) -> Outputs<'_> {
    let name = |product: &String| match model.offer {
        Offer::TargetColumn => "propensity".to_owned(),
        _ => format!("propensity_{product}"),
    };
    (&model.plan, model.products.iter().map(|(product, classifier)| (name(product), classifier)).collect())
}

/// (rows, features), row-major; every feature must have its column, and no other column may be there.
fn feature_rows(plan: &FeaturePlan, frame: &Frame) -> Result<Vec<f64>, Problem> {
    let place_of = |feature: &Feature| frame.names.iter().position(|name| *name == feature.name);
    let lacking: Vec<&str> = plan
        .features
        .iter()
        .filter(|feature| place_of(feature).is_none())
        .map(|feature| feature.name.as_str())
        .collect();
    if !lacking.is_empty() {
        return Err(Problem::shape(format!("found no column {}; expected one for each feature", lacking.join(", "))));
    }
    if let Some(place) = frame.names.iter().position(|name| plan.place(name).is_none()) {
        return Err(Problem::shape(format!("found column {place}, which is no feature of the model; leave it out")));
    }
    let places: Vec<usize> = plan.features.iter().filter_map(place_of).collect();
    let mut rows = Vec::with_capacity(frame.rows * plan.width());
    let mut faults = Vec::new();
    for row in 0..frame.rows {
        for (feature, &column) in plan.features.iter().zip(&places) {
            match value(&feature.kind, &frame.columns[column][row], frame.is_text) {
                Ok(value) => rows.push(value),
                Err(detail) => faults.push(Fault { pointer: format!("/{row}/{}", feature.name), detail }),
            }
        }
    }
    if faults.is_empty() { Ok(rows) } else { Err(Problem::faults(faults)) }
}

/// A cell as the model's rows hold it: NaN for unknown, a level's index for a category.
fn value(kind: &FeatureKind, cell: &Cell, is_text: bool) -> Result<f64, String> {
    let level = |levels: &[String], text: &str| {
        levels.binary_search_by(|level| level.as_str().cmp(text)).unwrap_or(levels.len()) as f64
    };
    match (kind, cell) {
        (_, Cell::Missing) => Ok(f64::NAN),
        (FeatureKind::Number, Cell::Number(number)) => Ok(*number),
        (FeatureKind::Number, Cell::Flag(flag)) => Ok(f64::from(u8::from(*flag))),
        (FeatureKind::Number, Cell::Text(text)) if is_text => {
            let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
            number.ok_or_else(|| "found a text that is no finite number, expected a number".to_owned())
        }
        (FeatureKind::Number, Cell::Text(_)) => Err("found a text, expected a number".to_owned()),
        (FeatureKind::Category { levels }, Cell::Text(text)) => Ok(level(levels, text)),
        (FeatureKind::Category { levels }, Cell::Number(number)) => Ok(level(levels, &number.to_string())),
        (FeatureKind::Category { levels }, Cell::Flag(flag)) => Ok(level(levels, &flag.to_string())),
    }
}

fn score_customers(service: &Service, answering: &Answering, task: Task, frame: &Frame) -> Result<Scored, Problem> {
    let ids: Option<Vec<&str>> = frame.columns[0].iter().map(Cell::text).collect();
    let ids = ids.ok_or_else(|| Problem::shape("found a customer_id that is no text; expected texts".to_owned()))?;
    let moment = service.moment_of(answering);
    let book = &answering.book;
    let known = Known::find(service, answering, ids.iter().copied());
    known.check(book, moment).map_err(|unknown| missing("", &unknown, ids.len()))?;
    let scorecards = known.score(book, moment);
    check_finite(scorecards.iter().all(scores_are_finite))?;
    let names = output_names(answering, task);
    let column = |name: &String| scorecards.iter().map(|scorecard| output(scorecard, name)).collect();
    Ok(Scored { columns: names.iter().map(column).collect(), names })
}

fn output(scorecard: &Scorecard, name: &str) -> Option<f64> {
    let value = scorecard.value.as_ref();
    match name {
        "churn_probability" => scorecard.churn_probability.map(|probability| probability.get()),
        "expected_purchases" => value.map(|value| value.expected_purchases),
        "probability_alive" => value.map(|value| value.probability_alive.get()),
        "expected_average_spend" => value.map(|value| value.expected_average_spend.get()),
        "predicted_clv" => value.map(|value| value.predicted_clv.get()),
        name => {
            let product = name.strip_prefix("propensity_")?;
            let found = scorecard.propensities.iter().find(|propensity| propensity.product == product);
            found.map(|propensity| propensity.probability.get())
        }
    }
}
