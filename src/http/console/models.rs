//! The page of models, their reports, and what promotes them and rolls them back.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderName, StatusCode};
use axum::response::{Html, IntoResponse, Redirect};
use serde_json::Value;
use tend_models::scorecard::Task;

use super::session::Visitor;
use super::{Page, Refusal, Scene, apart};
use crate::console::{ModelsPage, TaskModels, VersionFigures};
use crate::http::life::{Change, Promotion};
use crate::http::{LoadError, Service};
use crate::store::Scope;

/// A report is one file with its style in it, and runs nothing.
const REPORT_SECURITY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'";

/// All models, with their versions.
pub(super) async fn models(State(service): State<Arc<Service>>, Extension(visitor): Extension<Visitor>) -> Page {
    let page = apart(move || {
        let scene = Scene::of(&service, &visitor, "/models");
        let tasks = Task::ALL.into_iter().map(|task| task_models(&service, task)).collect();
        Ok(ModelsPage { tasks, may_change: visitor.may(Scope::Admin) }.render(&scene.frame))
    });
    Ok(Html(page.await?).into_response())
}

fn task_models(service: &Service, task: Task) -> TaskModels {
    let registry = &service.sources.registry;
    let champion = registry.champion(task).ok().flatten();
    let versions = registry.versions(task).unwrap_or_default().into_iter().rev();
    TaskModels {
        task: task.name().to_owned(),
        has_previous: champion.as_ref().is_some_and(|champion| !champion.previous.is_empty()),
        champion: champion.map(|champion| champion.version),
        versions: versions.map(|version| version_figures(service, task, version)).collect(),
    }
}

fn version_figures(service: &Service, task: Task, version: String) -> VersionFigures {
    let folder = service.sources.registry.folder(task, &version);
    let text = std::fs::read_to_string(folder.join("metrics.json")).unwrap_or_default();
    let figures: Value = serde_json::from_str(&text).unwrap_or_default();
    let number = |name: &str| figures[name].as_f64();
    let answering = service.answering.load();
    let answers = answering.versions().get(&task) == Some(&version);
    let as_of = answering.as_of.get(&task).map(ToString::to_string);
    VersionFigures {
        family: figures["family"].as_str().unwrap_or_default().to_owned(),
        as_of: as_of.filter(|_| answers).unwrap_or_default(),
        rows: number("rows"),
        auc: number("auc"),
        log_loss: number("log_loss"),
        calibration_error: number("expected_calibration_error"),
        lift: number("top_decile_lift"),
        version,
    }
}

fn task_named(name: &str) -> Result<Task, Refusal> {
    let known = Task::ALL.into_iter().find(|task| task.name() == name);
    known.ok_or_else(|| Refusal::not_found(format!("There is no task {name}.")))
}

/// The report of one version, as training wrote it.
pub(super) async fn report(State(service): State<Arc<Service>>, Path((task, version)): Path<(String, String)>) -> Page {
    let task = task_named(&task)?;
    let is_number = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    let missing = || Refusal::not_found(format!("There is no report of {task} {version}."));
    if !is_number {
        return Err(missing());
    }
    let path = service.sources.registry.folder(task, &version).join("report.html");
    let text = apart(move || Ok(std::fs::read_to_string(path).ok())).await?.ok_or_else(missing)?;
    let policy = HeaderName::from_static("content-security-policy");
    Ok(([(policy, REPORT_SECURITY)], Html(text)).into_response())
}

/// Lets a version answer from now on.
pub(super) async fn promote(
    State(service): State<Arc<Service>>,
    Extension(visitor): Extension<Visitor>,
    Path(task): Path<String>,
    Form(promotion): Form<Promotion>,
) -> Page {
    change(service, &visitor, &task, Change::Promote(promotion)).await
}

/// Lets the champion before the present one answer again.
pub(super) async fn rollback(
    State(service): State<Arc<Service>>,
    Extension(visitor): Extension<Visitor>,
    Path(task): Path<String>,
) -> Page {
    change(service, &visitor, &task, Change::Rollback).await
}

async fn change(service: Arc<Service>, visitor: &Visitor, task: &str, change: Change) -> Page {
    visitor.must(Scope::Admin)?;
    let task = task_named(task)?;
    let refused = |error: LoadError| Refusal(StatusCode::CONFLICT, "The champion stays", error.to_string());
    apart(move || service.change_champion(task, &change).map_err(refused)).await?;
    Ok(Redirect::to("/models").into_response())
}
