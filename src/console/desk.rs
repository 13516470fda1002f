//! Keeps the worklist and the figures of the overview, computed beside the requests whenever what answers has changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;
use tend_models::artifact::ChurnDefinition;
use tend_models::quantities::{Moment, Probability};

use super::worklist::Worklist;
use crate::book::Book;
use crate::lifecycle::{Lifecycle, LifecycleError, lifecycle};
use crate::metrics::{Calendar, Grouping, MetricsRequest, Voice};

/// Where no churn model says for how long a purchase keeps a customer active.
const ACTIVE_WITHIN_DAYS: u32 = 365;

/// What is computed once for all pages.
#[derive(Debug, Clone)]
pub struct Figures {
    /// When what answered was loaded, in milliseconds since 1970: tells one state from another.
    pub loaded_at_ms: i64,
    /// As known before this moment.
    pub moment: Moment,
    /// Everybody for whom acting pays.
    pub worklist: Arc<Worklist>,
    /// Lifecycle metrics by month with the moves between stages, or why there are none; none yet while they are being
    /// computed, which takes longer than the worklist.
    pub lifecycle: Option<Arc<Result<Lifecycle, LifecycleError>>>,
}

impl Figures {
    /// Judges every customer, shows that, and computes the metrics where the last whole month or what answers has
    /// changed since `previous`.
    pub fn compute(
        book: &Book,
        (loaded_at_ms, moment): (i64, Moment),
        voice: &Voice,
        previous: Option<&Self>,
        show: impl Fn(Self),
    ) {
        let month = |moment: Moment| moment.date().first_of_month();
        let has_same_months =
            |previous: &&Self| previous.loaded_at_ms == loaded_at_ms && month(previous.moment) == month(moment);
        let lifecycle_before = previous.filter(has_same_months).and_then(|previous| previous.lifecycle.clone());
        let figures =
            Self { loaded_at_ms, moment, worklist: Arc::new(Worklist::of(book, moment)), lifecycle: lifecycle_before };
        show(figures.clone());
        if figures.lifecycle.is_none() {
            let request = metrics_request(book, moment, voice, Calendar::Month, Grouping::None);
            show(Self { lifecycle: Some(Arc::new(lifecycle(book, &request, true))), ..figures });
        }
    }
}

/// What counts in the metrics of a book's customers.
#[must_use]
pub fn metrics_request(
    book: &Book,
    as_of: Moment,
    voice: &Voice,
    calendar: Calendar,
    grouping: Grouping,
) -> MetricsRequest {
    MetricsRequest {
        as_of,
        calendar,
        active_within_days: match book.scorer.churn().map(|model| model.definition) {
            Some(ChurnDefinition::NoPurchase { active_within_days }) => active_within_days,
            _ => ACTIVE_WITHIN_DAYS,
        },
        margin: Probability::clamped(book.policy().margin()),
        grouping,
        voice: voice.clone(),
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

    /// Runs `compute` with the newest figures, and keeps what it shows, unless it already runs.
    pub fn compute(&self, compute: impl FnOnce(Option<&Figures>, &dyn Fn(Figures))) {
        if self.is_computing.swap(true, Ordering::AcqRel) {
            return;
        }
        let running = Running(&self.is_computing);
        compute(self.newest().as_deref(), &|figures| self.newest.store(Some(Arc::new(figures))));
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
