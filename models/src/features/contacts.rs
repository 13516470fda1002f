//! Contacts received and offers taken.

use super::Windowed;
use crate::quantities::DAY_SECONDS;
use crate::timeline::History;

/// What one pass over the contacts gathers.
#[derive(Debug, Clone, Default)]
pub(super) struct ContactTotals {
    received: Windowed,
    taken: Windowed,
    days_since_last: Option<f64>,
}

impl ContactTotals {
    pub(super) fn read(&mut self, history: &History<'_>) {
        *self = Self::default();
        let moment = history.moment().seconds();
        for contact in history.contacts() {
            let age = moment - contact.at;
            self.received.add(age, 1.0);
            if contact.taken {
                self.taken.add(age, 1.0);
            }
            self.days_since_last = Some(age as f64 / DAY_SECONDS as f64);
        }
    }

    pub(super) fn received(&self, window: u16) -> f64 {
        self.received.within(window)
    }

    pub(super) fn taken(&self, window: u16) -> f64 {
        self.taken.within(window)
    }

    pub(super) fn days_since_last(&self) -> f64 {
        self.days_since_last.unwrap_or(f64::NAN)
    }
}
