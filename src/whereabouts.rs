//! Where customers were in their life at each of some moments: how many in each stage, and how they moved between them.

use serde::Serialize;
use tend_models::quantities::Moment;

use crate::book::Book;
use crate::metrics::{Period, PeriodGroups};

/// The group of customers who had not come yet.
const NOT_YET: &str = "(not yet a customer)";

/// The stage and the segment of every customer at each of some moments.
///
/// Everybody is placed by what was known of them at the moment, with the models and the policy of today. So a moment of
/// the past gives the same places whenever it is looked at, until the models, the policy or rows known then change.
#[derive(Debug, Clone)]
pub struct Whereabouts {
    moments: Vec<Moment>,
    stages: Division,
    segments: Division,
}

/// What customers can be divided by at each moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The stage.
    Stage,
    /// The segment of the model of segments.
    Segment,
}

/// Groups, and the group of every customer at each moment; the last group are those who had not come yet.
#[derive(Debug, Clone)]
struct Division {
    /// Name and label.
    groups: Vec<(String, String)>,
    /// The place of the group, by moment and by the customer's place in the timelines.
    of: Vec<Vec<u16>>,
}

impl Division {
    fn new(groups: impl Iterator<Item = (String, String)>) -> Self {
        let not_yet = (NOT_YET.to_owned(), "Not yet a customer".to_owned());
        Self { groups: groups.chain([not_yet]).collect(), of: Vec::new() }
    }

    fn add(&mut self, places: impl Iterator<Item = Option<usize>>) {
        let last = self.groups.len() - 1;
        let number = |place: usize| u16::try_from(place).expect("there are fewer than 65,536 groups");
        self.of.push(places.map(|place| number(place.unwrap_or(last))).collect());
    }
}

/// How customers moved between the stages of the policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageFlow {
    /// When customers were looked at, ascending.
    pub moments: Vec<Moment>,
    /// The stages in the order of the policy.
    pub stages: Vec<StageHistory>,
    /// Customers by where they were at one moment (rows: the stages, and last those who had not come yet) and at the
    /// next (columns: the stages), over all pairs of moments that follow each other.
    pub moves: Vec<Vec<u64>>,
}

/// One stage over time. At each moment but the first, `customers` is that of the moment before, plus `entered`, less
/// `left`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageHistory {
    /// The name in the policy.
    pub name: String,
    /// The name for people.
    pub label: String,
    /// Customers in the stage at each moment.
    pub customers: Vec<u64>,
    /// Customers who were elsewhere at the moment before, at each moment but the first.
    pub entered: Vec<u64>,
    /// Customers who are elsewhere at the moment, at each moment but the first.
    pub left: Vec<u64>,
    /// After so many periods half of those who entered had left again; none if more than half never did. Those who had
    /// not left by the last moment count for as long as they were seen (Kaplan and Meier 1958).
    pub median_periods: Option<usize>,
}

impl Whereabouts {
    /// Places every customer of the book at these moments, which are ascending.
    #[must_use]
    pub fn of(book: &Book, moments: Vec<Moment>) -> Self {
        let stages = book.policy().stages().map(|(name, label)| (name.to_owned(), label.to_owned()));
        let segments = book.scorer.segment_names().iter().map(|name| (name.clone(), name.clone()));
        let (mut stages, mut segments) = (Division::new(stages), Division::new(segments));
        for moment in &moments {
            let placed = book.places_at(*moment);
            stages.add(placed.iter().map(|placed| placed.map(|placed| placed.stage)));
            segments.add(placed.iter().map(|placed| placed.and_then(|placed| placed.segment)));
        }
        Self { moments, stages, segments }
    }

    /// Places every customer at the start of each period and at the end of the last.
    #[must_use]
    pub fn at_edges(book: &Book, periods: &[Period]) -> Self {
        let starts = periods.iter().map(|period| period.from);
        Self::of(book, starts.chain(periods.last().map(|period| period.until)).collect())
    }

    /// The groups of customers at the start of each period, the moments being the edges of the periods.
    #[must_use]
    pub fn period_groups(&self, by: By) -> PeriodGroups {
        let (name, division) = match by {
            By::Stage => ("stage", &self.stages),
            By::Segment => ("segment", &self.segments),
        };
        PeriodGroups {
            grouped_by: name.to_owned(),
            names: division.groups.iter().map(|(name, _)| name.clone()).collect(),
            of_period: division.of[..division.of.len().saturating_sub(1)].to_vec(),
        }
    }

    /// How customers moved between the stages.
    #[must_use]
    pub fn flow(&self) -> StageFlow {
        let of = &self.stages.of;
        let not_yet = self.stages.groups.len() - 1;
        let steps: Vec<Vec<Vec<u64>>> =
            of.windows(2).map(|pair| moves(&pair[0], &pair[1], self.stages.groups.len())).collect();
        let stages = self.stages.groups[..not_yet].iter().enumerate().map(|(stage, (name, label))| {
            let elsewhere = || (0..=not_yet).filter(move |other| *other != stage);
            StageHistory {
                name: name.clone(),
                label: label.clone(),
                customers: of.iter().map(|places| in_stage(places, stage)).collect(),
                entered: steps.iter().map(|step| elsewhere().map(|from| step[from][stage]).sum()).collect(),
                left: steps.iter().map(|step| elsewhere().map(|to| step[stage][to]).sum()).collect(),
                median_periods: median_stay(of, stage),
            }
        });
        let total = |from: usize, to: usize| steps.iter().map(|step| step[from][to]).sum();
        let moves = (0..=not_yet).map(|from| (0..not_yet).map(|to| total(from, to)).collect());
        StageFlow { moments: self.moments.clone(), stages: stages.collect(), moves: moves.collect() }
    }
}

fn in_stage(places: &[u16], stage: usize) -> u64 {
    places.iter().filter(|place| usize::from(**place) == stage).count() as u64
}

/// Customers by where they were and where they are; both are (customers,).
fn moves(before: &[u16], after: &[u16], groups: usize) -> Vec<Vec<u64>> {
    let mut moves = vec![vec![0; groups]; groups];
    before.iter().zip(after).for_each(|(from, to)| moves[usize::from(*from)][usize::from(*to)] += 1);
    moves
}

/// The periods after which half of those who entered a stage had left it. Who was in it at the first moment is left
/// out, as nobody saw when they entered.
fn median_stay(of: &[Vec<u16>], stage: usize) -> Option<usize> {
    let is_there = |moment: usize, customer: usize| usize::from(of[moment][customer]) == stage;
    // By length of the stay in periods: stays that ended, and stays that had not by the last moment.
    let (mut ended, mut running) = (vec![0_u64; of.len()], vec![0_u64; of.len()]);
    for customer in 0..of.first().map_or(0, Vec::len) {
        let mut entered = None;
        for moment in 1..of.len() {
            match (is_there(moment - 1, customer), is_there(moment, customer)) {
                (false, true) => entered = Some(moment),
                (true, false) => {
                    if let Some(entered) = entered.take() {
                        ended[moment - entered] += 1;
                    }
                }
                _ => {}
            }
        }
        if let Some(entered) = entered {
            running[of.len() - 1 - entered] += 1;
        }
    }
    let mut still_there: u64 = ended.iter().sum::<u64>() + running.iter().sum::<u64>();
    let mut remaining = 1.0;
    for periods in 0..of.len() {
        if still_there > 0 {
            remaining *= 1.0 - ended[periods] as f64 / still_there as f64;
        }
        if remaining <= 0.5 && still_there > 0 {
            return Some(periods);
        }
        still_there -= ended[periods] + running[periods];
    }
    None
}

#[cfg(test)]
mod tests;
