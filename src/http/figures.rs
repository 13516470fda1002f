//! What people see in the console, as JSON: lifecycle metrics and the worklist.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tend_models::quantities::Moment;

use super::Service;
use super::answer::check_ready;
use super::life::Answering;
use super::problem::Problem;
use crate::console::{Figures, PAGE_ROWS, Selection, metrics_request};
use crate::decision::Decision;
use crate::lifecycle::{Lifecycle, lifecycle};
use crate::metrics::{Calendar, Grouping};

/// Answers on metrics that are kept, as each takes a look at every row.
const MOST_KEPT: usize = 8;

/// Lifecycle metrics that were asked for, newest last.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Vec<(Asked, Arc<Lifecycle>)>>);

/// What was asked, and of which state of the models and the data.
#[derive(Debug, Clone, PartialEq)]
struct Asked {
    loaded_at_ms: i64,
    moment: Moment,
    query: MetricsQuery,
}

/// What of the metrics is asked for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MetricsQuery {
    /// The length of a period.
    every: Calendar,
    /// What customers are divided by.
    by: String,
    /// Whether moves between stages are told.
    stages: bool,
}

impl Default for MetricsQuery {
    fn default() -> Self {
        Self { every: Calendar::Month, by: Grouping::None.to_string(), stages: false }
    }
}

/// Lifecycle metrics by period.
pub(super) async fn metrics(
    State(service): State<Arc<Service>>,
    query: Result<Query<MetricsQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|found| Problem::shape(found.body_text()))?;
    let told = tokio::task::spawn_blocking(move || {
        let answering = service.answering.load_full();
        let asked = Asked { loaded_at_ms: answering.loaded_at_ms, moment: service.moment_of(&answering), query };
        service.kept_metrics.of(asked, |asked| compute(&service, &answering, asked))
    });
    let told = told.await.map_err(|_| Problem::defect())??;
    Ok(Json(&*told).into_response())
}

impl Kept {
    /// What was computed before, or is now. One at a time: who asks the same meanwhile waits and finds it.
    fn of(
        &self,
        asked: Asked,
        compute: impl FnOnce(&Asked) -> Result<Lifecycle, Problem>,
    ) -> Result<Arc<Lifecycle>, Problem> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, told)) = kept.iter().find(|(known, _)| *known == asked) {
            return Ok(Arc::clone(told));
        }
        let told = Arc::new(compute(&asked)?);
        if kept.len() == MOST_KEPT {
            kept.remove(0);
        }
        kept.push((asked, Arc::clone(&told)));
        Ok(told)
    }
}

fn compute(service: &Service, answering: &Answering, asked: &Asked) -> Result<Lifecycle, Problem> {
    let grouping: Grouping = asked.query.by.parse().unwrap_or(Grouping::None);
    let request = metrics_request(&answering.book, asked.moment, &service.voice, asked.query.every, grouping);
    lifecycle(&answering.book, &request, asked.query.stages).map_err(|error| Problem::shape(error.to_string()))
}

/// A page of the worklist.
#[derive(Serialize)]
struct ListPage {
    moment: String,
    customers: usize,
    at_stake: f64,
    expected_gain: f64,
    page: usize,
    pages: usize,
    page_rows: usize,
    rows: Vec<Decision>,
}

/// Everybody for whom acting pays, a page at a time.
pub(super) async fn worklist(
    State(service): State<Arc<Service>>,
    query: Result<Query<Selection>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(selection) = query.map_err(|found| Problem::shape(found.body_text()))?;
    let answering = service.answering.load_full();
    check_ready(&answering)?;
    let (figures, _) = service.figures(&answering);
    let figures: Arc<Figures> = figures.ok_or_else(Problem::computing)?;
    let listed = tokio::task::spawn_blocking(move || {
        let worked = service.worked().map_err(|error| Problem::store(&error))?;
        let selected = figures.worklist.select(&selection, &answering.book, &worked);
        let customers: Vec<usize> = selected.rows.iter().map(|row| row.customer as usize).collect();
        let judged = answering.book.decide_all(figures.moment, &customers);
        Ok(ListPage {
            moment: figures.moment.to_string(),
            customers: selected.totals.customers,
            at_stake: selected.totals.at_stake,
            expected_gain: selected.totals.gain,
            page: selection.page.max(1),
            pages: selected.pages,
            page_rows: PAGE_ROWS,
            rows: judged.into_iter().map(|(_, decision)| decision).collect(),
        })
    });
    Ok(Json(listed.await.map_err(|_| Problem::defect())??).into_response())
}
