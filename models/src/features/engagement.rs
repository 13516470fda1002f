//! Counts, recency and last values of events by type.

use super::Windowed;
use crate::quantities::DAY_SECONDS;
use crate::timeline::{History, NO_CODE};

/// What one pass over the events gathers, by event type.
#[derive(Debug, Clone, Default)]
pub(super) struct EventTotals {
    moment: i64,
    types: Vec<TypeTotal>,
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
        Self { moment: 0, types: vec![UNTOUCHED; types] }
    }

    pub(super) fn read(&mut self, history: &History<'_>) {
        self.moment = history.moment().seconds();
        self.types.fill(UNTOUCHED);
        for event in history.events() {
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
