//! What a customer was sent and what they agreed to, as known before a moment.

use tend_models::quantities::Moment;
use tend_models::timeline::Timelines;

/// Earlier contacts and consents of one customer, by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dealings<'a> {
    /// Contacts received, ascending by time.
    pub contacts: Vec<PastContact<'a>>,
    /// The last known answer for each channel that there was one for.
    pub consents: Vec<(&'a str, bool)>,
}

/// One contact that the customer received.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PastContact<'a> {
    /// When.
    pub at: Moment,
    /// The action's id.
    pub action: &'a str,
    /// Whether the offer was known to be taken.
    pub taken: bool,
}

impl<'a> Dealings<'a> {
    /// The dealings with a customer of some timelines before a moment.
    ///
    /// # Panics
    /// If there is no such customer.
    #[must_use]
    pub fn of(timelines: &'a Timelines, customer: usize, moment: Moment) -> Self {
        let history = timelines.timeline(customer).before(moment);
        let contacts = history.contacts().map(|contact| PastContact {
            at: Moment::from_seconds(contact.at),
            action: timelines.actions.get(contact.action as usize).map_or("", String::as_str),
            taken: contact.taken,
        });
        let channels = timelines.channels.iter().enumerate();
        let consents = channels
            .filter_map(|(code, channel)| Some((channel.as_str(), history.consent(u32::try_from(code).ok()?)?)));
        Self { contacts: contacts.collect(), consents: consents.collect() }
    }

    /// Adds contacts that are promised and have not been made since.
    pub fn expect(&mut self, promised: &[PastContact<'a>]) {
        for promise in promised {
            if !self.contacts.iter().any(|made| made.action == promise.action && made.at >= promise.at) {
                self.contacts.push(*promise);
            }
        }
    }

    /// The last known answer for a channel.
    #[must_use]
    pub fn consent(&self, channel: &str) -> Option<bool> {
        self.consents.iter().find(|(known, _)| *known == channel).map(|(_, granted)| *granted)
    }
}
