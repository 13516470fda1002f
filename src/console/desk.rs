//! Keeps the worklist and the figures of the overview, computed beside the requests whenever what answers has changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;
use tend_models::artifact::ChurnDefinition;
use tend_models::quantities::{Moment, Probability};

use super::worklist::Worklist;
use crate::book::Book;
use crate::metrics::{Calendar, Grouping, LifecycleMetrics, MetricsRequest, Voice, lifecycle_metrics};

/// Where no churn model says for how long a purchase keeps a customer active.
const ACTIVE_WITHIN_DAYS: u32 = 365;

/// What is computed once for all pages.
#[derive(Debug)]
pub struct Figures {
    /// When what answered was loaded, in milliseconds since 1970: tells one state from another.
    pub loaded_at_ms: i64,
    /// As known before this moment.
    pub moment: Moment,
    /// Everybody for whom acting pays.
    pub worklist: Worklist,
    /// Lifecycle metrics by month; none without a whole month of data.
    pub metrics: Option<LifecycleMetrics>,
}

impl Figures {
    /// Judges every customer and computes the metrics.
    #[must_use]
    pub fn of(book: &Book, loaded_at_ms: i64, moment: Moment) -> Self {
        let request = MetricsRequest {
            as_of: moment,
            calendar: Calendar::Month,
            active_within_days: match book.scorer.churn().map(|model| model.definition) {
                Some(ChurnDefinition::NoPurchase { active_within_days }) => active_within_days,
                _ => ACTIVE_WITHIN_DAYS,
            },
            margin: Probability::clamped(book.policy().margin()),
            grouping: Grouping::None,
            voice: Voice::default(),
        };
        let metrics = lifecycle_metrics(&book.timelines, &request).ok();
        Self { loaded_at_ms, moment, worklist: Worklist::of(book, moment), metrics }
    }
}

/// The newest figures, and whether newer ones are on their way.
#[derive(Debug, Default)]
pub struct Desk {
    newest: ArcSwapOption<Figures>,
    is_computing: AtomicBool,
}

impl Desk {
    /// The newest figures, if there are any yet.
    #[must_use]
    pub fn newest(&self) -> Option<Arc<Figures>> {
        self.newest.load_full()
    }

    /// Whether these are the figures of what answers.
    #[must_use]
    pub fn is_current(&self, loaded_at_ms: i64, moment: Moment) -> bool {
        let newest = self.newest.load();
        newest.as_ref().is_some_and(|figures| figures.loaded_at_ms == loaded_at_ms && figures.moment == moment)
    }

    /// Runs `compute` and keeps what it gives, unless it already runs.
    pub fn compute(&self, compute: impl FnOnce() -> Figures) {
        if self.is_computing.swap(true, Ordering::AcqRel) {
            return;
        }
        let running = Running(&self.is_computing);
        self.newest.store(Some(Arc::new(compute())));
        drop(running);
    }
}

/// Says that nothing is computed any more, also after a panic.
struct Running<'a>(&'a AtomicBool);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
