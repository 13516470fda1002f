//! What customers say and how often they are spoken to: survey answers, complaints, contacts.

use tend_models::timeline::{AttributeValues, Event, History, Timelines};

use super::Voice;
use super::life::Life;
use super::periods::Periods;
use super::tally::Tally;

/// The customers' column that says what it cost to win them.
pub(super) const ACQUISITION_COST: &str = "acquisition_cost";

/// An answer or a complaint, with its second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Answer {
    pub at: i64,
    pub kind: AnswerKind,
}

/// What was said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum AnswerKind {
    /// From 0 to 10: would you recommend us?
    Recommendation(f64),
    /// From 1 to 5: how satisfied were you?
    Satisfaction(f64),
    Complaint,
}

/// Where some timelines have what is counted here.
#[derive(Debug)]
pub(super) struct VoiceCodes {
    nps: Option<u32>,
    csat: Option<u32>,
    complaints: Vec<u32>,
    acquisition_cost: Option<usize>,
}

impl VoiceCodes {
    pub(super) fn of(timelines: &Timelines, voice: &Voice) -> Self {
        let code = |name: &str| timelines.event_types.iter().position(|known| known == name).map(|code| code as u32);
        Self {
            nps: code(&voice.nps_event),
            csat: code(&voice.csat_event),
            complaints: voice.complaint_events.iter().filter_map(|name| code(name)).collect(),
            acquisition_cost: timelines.attributes.iter().position(|attribute| attribute.name == ACQUISITION_COST),
        }
    }

    /// What an event says, if anything.
    pub(super) fn answer(&self, event: &Event) -> Option<Answer> {
        let kind = if self.complaints.contains(&event.event_type) {
            AnswerKind::Complaint
        } else if event.value.is_nan() {
            return None;
        } else if self.nps == Some(event.event_type) {
            AnswerKind::Recommendation(event.value)
        } else if self.csat == Some(event.event_type) {
            AnswerKind::Satisfaction(event.value)
        } else {
            return None;
        };
        Some(Answer { at: event.at, kind })
    }

    pub(super) fn acquisition_cost(&self, timelines: &Timelines, history: &History<'_>) -> f64 {
        match self.acquisition_cost.map(|place| &timelines.attributes[place].values) {
            Some(AttributeValues::Number(values)) => history.number(values),
            _ => f64::NAN,
        }
    }
}

/// Counts answers, complaints and contacts in each period.
pub(super) fn count(life: &Life, periods: &Periods, tallies: &mut [Tally]) {
    for answer in &life.answers {
        let Some(period) = periods.place_of(answer.at) else { continue };
        let tally = &mut tallies[period];
        match answer.kind {
            AnswerKind::Complaint => tally.complaints += 1,
            AnswerKind::Recommendation(mark) => {
                tally.recommendations += 1;
                tally.promoters += u64::from(mark >= 9.0);
                tally.detractors += u64::from(mark < 7.0);
            }
            AnswerKind::Satisfaction(mark) => {
                tally.satisfaction_answers += 1;
                tally.satisfaction += mark;
                tally.satisfied += u64::from(mark >= 4.0);
            }
        }
    }
    let mut contacted_in = None;
    for contact in &life.contacts {
        let Some(period) = periods.place_of(contact.at) else { continue };
        let tally = &mut tallies[period];
        tally.contacts += 1;
        tally.taken += u64::from(contact.taken);
        if contacted_in != Some(period) {
            contacted_in = Some(period);
            tally.contacted += 1;
        }
    }
}
