//! Counts, recency and last values of events by type.

use super::Windowed;
use crate::quantities::DAY_SECONDS;
use crate::timeline::{History, NO_CODE};

/// What one pass over the events gathers, by event type.
#[derive(Debug, Clone, Default)]
pub(super) struct EventTotals {
    moment: i64,
    types: Vec<TypeTotal>,
    count: u64,
    since_last_purchase: u64,
    first: Option<i64>,
    last: Option<i64>,
}

#[derive(Debug, Clone, Copy)]
struct TypeTotal {
    counts: Windowed,
    last: i64,
    last_value: f64,
}

const UNTOUCHED: TypeTotal = TypeTotal { counts: Windowed([0.0; 6]), last: i64::MIN, last_value: f64::NAN };

impl EventTotals {
    pub(super) fn new(types: usize) -> Self {
        Self { types: vec![UNTOUCHED; types], ..Self::default() }
    }

    pub(super) fn read(&mut self, history: &History<'_>, last_purchase: Option<i64>) {
        let mut types = std::mem::take(&mut self.types);
        types.fill(UNTOUCHED);
        *self = Self { moment: history.moment().seconds(), types, ..Self::default() };
        for event in history.events() {
            self.count += 1;
            self.since_last_purchase += u64::from(last_purchase.is_none_or(|purchase| event.at > purchase));
            self.first = self.first.or(Some(event.at));
            self.last = Some(event.at);
            if event.event_type == NO_CODE {
                continue;
            }
            let total = &mut self.types[event.event_type as usize];
            total.counts.add(self.moment - event.at, 1.0);
            total.last = event.at;
            if !event.value.is_nan() {
                total.last_value = event.value;
            }
        }
    }

    /// Number of events of any type.
    pub(super) fn all(&self) -> f64 {
        self.count as f64
    }

    pub(super) fn since_last_purchase(&self) -> f64 {
        self.since_last_purchase as f64
    }

    /// Seconds of the first and the last event of any type.
    pub(super) fn span(&self) -> Option<(i64, i64)> {
        self.first.zip(self.last)
    }

    pub(super) fn count(&self, code: u32, window: u16) -> f64 {
        self.types.get(code as usize).map_or(0.0, |total| total.counts.within(window))
    }

    pub(super) fn days_since(&self, code: u32) -> f64 {
        match self.types.get(code as usize) {
            Some(total) if total.last > i64::MIN => (self.moment - total.last) as f64 / DAY_SECONDS as f64,
            _ => f64::NAN,
        }
    }

    pub(super) fn last_value(&self, code: u32) -> f64 {
        self.types.get(code as usize).map_or(f64::NAN, |total| total.last_value)
    }
}
