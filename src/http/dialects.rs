//! The dialects of other scoring servers: MLflow's and the Open Inference Protocol's, answered by the same models.
//!
//! Rows are either feature rows, with one column for each feature of the model's plan, or known customers, with the
//! one column `customer_id`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tend_models::predict::FeatureKind;
use tend_models::scorecard::Task;

mod frame;
mod row_model;
#[cfg(test)]
mod tests;

use frame::Frame;
use row_model::{Scored, score};

use super::answer::{self, json_answer};
use super::life::Answering;
use super::problem::Problem;
use super::request::{media_type, parse_json, read_json};
use super::{Service, answer::ready as is_ready};

/// Which model, and which version of it, a path names.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    model: String,
    version: Option<String>,
}

/// `GET /ping`: 200 if there are models.
pub(super) async fn ping(service: State<Arc<Service>>) -> Result<Response, Problem> {
    is_ready(service).await
}

/// `GET /v2/health/live`.
pub(super) async fn live() -> Response {
    answer::live().await
}

/// `GET /v2/health/ready`.
pub(super) async fn ready(service: State<Arc<Service>>) -> Result<Response, Problem> {
    is_ready(service).await
}

/// `GET /v2`: what this server is.
pub(super) async fn server() -> Result<Response, Problem> {
    json_answer(&json!({"name": "tend", "version": env!("CARGO_PKG_VERSION"), "extensions": []}))
}

/// `GET /v2/models/{model}`: what the model takes and answers.
pub(super) async fn model(State(service): State<Arc<Service>>, Path(named): Path<Named>) -> Result<Response, Problem> {
    let answering = service.answering.load_full();
    let (task, version) = answers(&answering, &named)?;
    let inputs = row_model::features(&answering, task).into_iter().flat_map(|plan| &plan.features).map(|feature| {
        let datatype = match feature.kind {
            FeatureKind::Number => "FP64",
            FeatureKind::Category { .. } => "BYTES",
        };
        json!({"name": feature.name, "datatype": datatype, "shape": [-1]})
    });
    let inputs: Vec<Value> = inputs.collect();
    let outputs = row_model::output_names(&answering, task);
    let output = |name: &String| json!({"name": name, "datatype": "FP64", "shape": [-1]});
    json_answer(&json!({
        "name": task, "versions": [version], "platform": "tend", "inputs": inputs,
        "outputs": outputs.iter().map(output).collect::<Vec<_>>(),
    }))
}

/// `GET /v2/models/{model}/ready`.
pub(super) async fn model_ready(
    State(service): State<Arc<Service>>,
    Path(named): Path<Named>,
) -> Result<Response, Problem> {
    let (task, _) = answers(&service.answering.load_full(), &named)?;
    json_answer(&json!({"name": task, "ready": true}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Inference {
    id: Option<String>,
    inputs: Vec<frame::Tensor>,
    outputs: Option<Vec<Wanted>>,
    #[serde(default)]
    parameters: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    #[serde(default)]
    parameters: Map<String, Value>,
}

/// `POST /v2/models/{model}/infer`.
pub(super) async fn infer(
    State(service): State<Arc<Service>>,
    Path(named): Path<Named>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let Inference { id, inputs, outputs, parameters } = read_json(&headers, &body)?;
    let is_binary = |parameters: &Map<String, Value>| parameters.contains_key("binary_data_size");
    let wants_binary = |wanted: &Wanted| wanted.parameters.get("binary_data") == Some(&Value::Bool(true));
    if is_binary(&parameters) || outputs.iter().flatten().any(wants_binary) {
        return Err(Problem::shape("found binary tensors; expected their data as JSON".to_owned()));
    }
    let answering = service.answering.load_full();
    let (task, version) = answers(&answering, &named)?;
    let frame = Frame::of_tensors(inputs)?;
    let scored = blocking(&service, answering, task, frame).await?;
    let wanted: Option<Vec<&str>> =
        outputs.as_ref().map(|outputs| outputs.iter().map(|one| one.name.as_str()).collect());
    let is_wanted = |name: &str| wanted.as_ref().is_none_or(|wanted| wanted.contains(&name));
    if let Some(unknown) = wanted.iter().flatten().find(|name| !scored.names.iter().any(|one| one == *name)) {
        let known = scored.names.join(", ");
        return Err(Problem::shape(format!("found the output {unknown:?}; expected some of {known}")));
    }
    let mut tensors = Vec::new();
    for (name, values) in scored.names.iter().zip(&scored.columns).filter(|(name, _)| is_wanted(name)) {
        let values: Option<Vec<f64>> = values.iter().copied().collect();
        let values = values.ok_or_else(|| {
            Problem::shape(format!("found customers of whom {name} says nothing; leave them out or use /v1/scores"))
        })?;
        tensors.push(json!({"name": name, "datatype": "FP64", "shape": [values.len()], "data": values}));
    }
    let mut answer = json!({"model_name": task, "model_version": version, "outputs": tensors});
    if let Some(id) = id {
        answer["id"] = json!(id);
    }
    json_answer(&answer)
}

/// `POST /invocations`: MLflow's scoring of the first task that has a model, or of the one in `params.task`.
pub(super) async fn invocations(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let answering = service.answering.load_full();
    let is_csv = media_type(&headers).is_some_and(|essence| essence.eq_ignore_ascii_case("text/csv"));
    let (frame, task) = if is_csv {
        (frame::Sent::Ready(Frame::of_csv(&body)?), None)
    } else {
        super::request::check_media_type(&headers)?;
        frame::Sent::read(parse_json(&body)?)?
    };
    let versions = answering.versions();
    let first = || versions.keys().next().map(|task| task.name().to_owned());
    let model = task.or_else(first).ok_or_else(Problem::not_ready)?;
    let (task, version) = answers(&answering, &Named { model, version: None })?;
    let frame = frame.into_frame(row_model::features(&answering, task))?;
    let scored = blocking(&service, answering, task, frame).await?;
    let rows = scored.columns.first().map_or(0, Vec::len);
    let prediction = |row: usize| match scored.columns.as_slice() {
        [column] => json!(column[row]),
        columns => {
            let members = scored.names.iter().zip(columns).map(|(name, column)| (name.clone(), json!(column[row])));
            Value::Object(members.collect())
        }
    };
    let predictions: Vec<Value> = (0..rows).map(prediction).collect();
    json_answer(&json!({"predictions": predictions, "model_name": task, "model_version": version}))
}

async fn blocking(
    service: &Arc<Service>,
    answering: Arc<Answering>,
    task: Task,
    frame: Frame,
) -> Result<Scored, Problem> {
    let service = Arc::clone(service);
    let is_much = frame.rows > super::answer::MOST_INLINE;
    super::answer::apart(is_much, move || score(&service, &answering, task, &frame)).await
}

/// The task and the version that answers it.
fn answers(answering: &Answering, named: &Named) -> Result<(Task, String), Problem> {
    let versions = answering.versions();
    let found = versions.into_iter().find(|(task, _)| task.name() == named.model);
    let unknown = |detail: &str| Problem::unknown_model(detail.to_owned());
    let (task, version) = found.ok_or_else(|| unknown("found a model that does not answer; see /v1/models"))?;
    match &named.version {
        Some(wanted) if *wanted != version => {
            Err(unknown("found a version that is not the champion; expected the one in /v1/models"))
        }
        _ => Ok((task, version)),
    }
}
