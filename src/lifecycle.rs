//! Lifecycle metrics of a book's customers, also by the stage or segment that they move through, with how they moved.

use serde::Serialize;
use tend_models::timeline::Timelines;

use crate::book::Book;
use crate::metrics::{
    Grouping, LifecycleMetrics, MetricsError, MetricsRequest, lifecycle_metrics, lifecycle_metrics_by_period,
    whole_periods,
};
use crate::whereabouts::{By, StageFlow, Whereabouts};

/// Periods over which moves between stages are counted.
const FLOW_PERIODS: usize = 12;

/// What is told about the life of a company's customers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lifecycle {
    /// Figures by period and group.
    #[serde(flatten)]
    pub metrics: LifecycleMetrics,
    /// How many customers were in each stage, and how they moved; none unless asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage_flow: Option<StageFlow>,
}

/// Why it cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LifecycleError {
    /// There are no such metrics.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// Nothing says which segment a customer is in.
    #[error("found no model of segments to group by; train one with `tend train --task segments`")]
    NoSegments,
}

/// What customers move through, if a grouping is by that: `stage` or `segment`, unless an attribute has that name.
#[must_use]
pub fn moving(grouping: &Grouping, timelines: &Timelines) -> Option<By> {
    match grouping {
        Grouping::Attribute(name) if timelines.attributes.iter().any(|attribute| attribute.name == *name) => None,
        Grouping::Attribute(name) if name == "stage" => Some(By::Stage),
        Grouping::Attribute(name) if name == "segment" => Some(By::Segment),
        _ => None,
    }
}

/// Computes the metrics of a book's customers; with `with_flow` also how they moved between stages in the last periods.
///
/// # Errors
/// [`LifecycleError`] if there is no whole period, no such grouping, or no model to group by.
pub fn lifecycle(book: &Book, request: &MetricsRequest, with_flow: bool) -> Result<Lifecycle, LifecycleError> {
    let moving = moving(&request.grouping, &book.timelines);
    if moving == Some(By::Segment) && book.scorer.segment_names().is_empty() {
        return Err(LifecycleError::NoSegments);
    }
    let metrics = match moving {
        None => lifecycle_metrics(&book.timelines, request)?,
        Some(by) => {
            let periods = whole_periods(&book.timelines, request.as_of, request.calendar)?;
            let groups = Whereabouts::at_edges(book, &periods).period_groups(by);
            lifecycle_metrics_by_period(&book.timelines, request, &groups)?
        }
    };
    let last = &metrics.periods[metrics.periods.len().saturating_sub(FLOW_PERIODS)..];
    let stage_flow = with_flow.then(|| Whereabouts::at_edges(book, last).flow());
    Ok(Lifecycle { metrics, stage_flow })
}
