//! Everybody for whom acting pays, small enough to be held for a million customers, and what is asked of it.

use std::collections::HashMap;

use serde::Deserialize;
use tend_models::quantities::Moment;

use crate::book::Book;
use crate::decision::{Decision, LEAVE_ALONE, RiskBand};

/// Bins of the histogram of risk: 5 percentage points each.
pub const RISK_BINS: usize = 20;
/// Customers of one page.
pub const PAGE_ROWS: usize = 50;

/// One customer on the list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Listed {
    /// The place in the timelines.
    pub customer: u32,
    stage: u16,
    action: u16,
    channel: u16,
    band: Option<RiskBand>,
    /// Probability of leaving; NaN if the question does not apply.
    pub churn: f32,
    /// Money that one success is worth.
    pub at_stake: f32,
    /// Expected incremental profit.
    pub gain: f32,
    /// The last day on which the action makes sense, in days since 1970.
    pub deadline_day: i32,
}

/// How a row was worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nothing has been reported of it.
    #[default]
    Open,
    /// The action was carried out.
    Done,
    /// The customer did not want it.
    Refused,
}

impl Status {
    /// The name in links and in the outcome that is kept.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

/// The order of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sorting {
    /// Largest expected gain first.
    #[default]
    Gain,
    /// Most money at stake first.
    AtStake,
    /// Most likely to leave first.
    Risk,
    /// Earliest deadline first.
    Deadline,
}

/// What is asked of the list; an empty text asks for all.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Selection {
    /// Stage by name.
    pub stage: String,
    /// Action by id.
    pub action: String,
    /// Channel by name.
    pub channel: String,
    /// How customer ids begin.
    pub customer: String,
    /// Least probability of leaving, in percent.
    pub from: u8,
    /// Largest probability of leaving, in percent.
    pub to: u8,
    /// How the rows were worked on.
    pub status: Status,
    /// The order.
    pub sort: Sorting,
    /// The page, from 1.
    pub page: usize,
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            stage: String::new(),
            action: String::new(),
            channel: String::new(),
            customer: String::new(),
            from: 0,
            to: 100,
            status: Status::Open,
            sort: Sorting::Gain,
            page: 1,
        }
    }
}

/// What a selection adds up to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Totals {
    /// Customers.
    pub customers: usize,
    /// Money at stake.
    pub at_stake: f64,
    /// Expected gain.
    pub gain: f64,
}

impl Totals {
    fn add(&mut self, row: &Listed) {
        self.customers += 1;
        self.at_stake += f64::from(row.at_stake);
        self.gain += f64::from(row.gain);
    }
}

/// What was selected: totals, a histogram of risk before the range was applied, and one page of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected {
    /// Sums over all rows selected.
    pub totals: Totals,
    /// Customers by probability of leaving, of everything but the range.
    pub histogram: [usize; RISK_BINS],
    /// The rows of the page.
    pub rows: Vec<Listed>,
    /// Number of pages, at least 1.
    pub pages: usize,
}

/// The list as of one moment, and how many customers are in each stage.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Worklist {
    /// As known before this moment.
    pub moment: Option<Moment>,
    rows: Vec<Listed>,
    names: Names,
    /// Customers by stage, in the order of first appearance, with how many of them are worth an action.
    pub stages: Vec<(String, usize, usize)>,
    /// Customers judged.
    pub customers: usize,
    /// Customers in the highest band of risk.
    pub high_risk: usize,
    /// Their value, weighted by the probability of leaving.
    pub value_at_risk: f64,
}

/// Names that rows refer to by number.
#[derive(Debug, Clone, PartialEq, Default)]
struct Names {
    stages: Vec<String>,
    actions: Vec<(String, String)>,
    channels: Vec<String>,
}

/// What is kept of one judgement.
struct Judged {
    customer: u32,
    stage: String,
    acts: Option<(String, String, String)>,
    band: Option<RiskBand>,
    churn: f32,
    at_stake: f32,
    gain: f32,
    own_value: f64,
    deadline_day: i32,
}

impl Judged {
    fn of(customer: u32, decision: &Decision) -> Self {
        let churn = decision.scores.churn_probability.map_or(f64::NAN, |churn| churn.get());
        let acts = (decision.action != LEAVE_ALONE).then(|| {
            (decision.action.clone(), decision.action_label.clone(), decision.channel.clone().unwrap_or_default())
        });
        let day = |date: jiff::civil::Date| (date - jiff::civil::Date::constant(1970, 1, 1)).get_days();
        Self {
            customer,
            stage: decision.stage.clone(),
            acts,
            band: decision.scores.risk_band,
            churn: churn as f32,
            at_stake: decision.at_stake.unwrap_or(0.0) as f32,
            gain: decision.expected_gain as f32,
            own_value: decision.scores.predicted_clv.map_or(0.0, |value| value.get()),
            deadline_day: decision.deadline.map_or(i32::MAX, day),
        }
    }
}

impl Worklist {
    /// Judges every customer who was there before a moment.
    #[must_use]
    pub fn of(book: &Book, moment: Moment) -> Self {
        let customers = book.customers_at(moment);
        let judged = book.for_all(&customers, |bound, customer| {
            Judged::of(customer as u32, &book.decide(bound, customer, moment).1)
        });
        let mut list = Self { moment: Some(moment), customers: judged.len(), ..Self::default() };
        judged.iter().for_each(|one| list.take(one));
        list.rows.sort_by(|one, other| other.gain.total_cmp(&one.gain).then(one.customer.cmp(&other.customer)));
        list
    }

    fn take(&mut self, judged: &Judged) {
        let place = match self.stages.iter().position(|(name, ..)| *name == judged.stage) {
            Some(place) => place,
            None => {
                self.stages.push((judged.stage.clone(), 0, 0));
                self.stages.len() - 1
            }
        };
        self.stages[place].1 += 1;
        if judged.band == Some(RiskBand::High) {
            self.high_risk += 1;
            self.value_at_risk += judged.own_value * f64::from(judged.churn);
        }
        let Some((action, label, channel)) = &judged.acts else { return };
        self.stages[place].2 += 1;
        self.rows.push(Listed {
            customer: judged.customer,
            stage: number_of(&mut self.names.stages, &judged.stage),
            action: number_of(&mut self.names.actions, &(action.clone(), label.clone())),
            channel: number_of(&mut self.names.channels, channel),
            band: judged.band,
            churn: judged.churn,
            at_stake: judged.at_stake,
            gain: judged.gain,
            deadline_day: judged.deadline_day,
        });
    }

    /// Everybody on the list together.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        self.rows.iter().for_each(|row| totals.add(row));
        totals
    }

    /// The stages, actions (id and label) and channels that occur on the list.
    #[must_use]
    pub fn choices(&self) -> (&[String], &[(String, String)], &[String]) {
        (&self.names.stages, &self.names.actions, &self.names.channels)
    }

    /// A row's stage, action and channel by name.
    #[must_use]
    pub fn names_of(&self, row: &Listed) -> (&str, &str, &str) {
        let names = &self.names;
        let action = &names.actions[row.action as usize];
        (&names.stages[row.stage as usize], &action.0, &names.channels[row.channel as usize])
    }

    /// All rows of a selection, in its order; `worked` has the customers and actions of which something was reported.
    #[must_use]
    pub fn matching(&self, selection: &Selection, book: &Book, worked: &Worked) -> Vec<Listed> {
        in_order(self.matching_but_the_range(selection, book, worked), selection)
    }

    /// One page of a selection, with its totals and the histogram of risk.
    #[must_use]
    pub fn select(&self, selection: &Selection, book: &Book, worked: &Worked) -> Selected {
        let mut histogram = [0; RISK_BINS];
        let all = self.matching_but_the_range(selection, book, worked).inspect(|row| {
            if !row.churn.is_nan() {
                histogram[((row.churn * RISK_BINS as f32) as usize).min(RISK_BINS - 1)] += 1;
            }
        });
        let rows = in_order(all, selection);
        let mut totals = Totals::default();
        rows.iter().for_each(|row| totals.add(row));
        let first = selection.page.saturating_sub(1).saturating_mul(PAGE_ROWS);
        let page = rows.iter().skip(first).take(PAGE_ROWS).copied().collect();
        Selected { totals, histogram, rows: page, pages: rows.len().div_ceil(PAGE_ROWS).max(1) }
    }

    fn matching_but_the_range<'a>(
        &'a self,
        selection: &'a Selection,
        book: &'a Book,
        worked: &'a Worked,
    ) -> impl Iterator<Item = Listed> + 'a {
        let is = |wanted: &str, name: &str| wanted.is_empty() || wanted == name;
        let id = |row: &Listed| book.timelines.ids.get(row.customer as usize);
        self.rows.iter().copied().filter(move |row| {
            let (stage, action, channel) = self.names_of(row);
            is(&selection.stage, stage)
                && is(&selection.action, action)
                && is(&selection.channel, channel)
                && (selection.customer.is_empty() || id(row).starts_with(&selection.customer))
                && worked.status(id(row), action) == selection.status
        })
    }
}

/// Customers and actions of which something was reported.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Worked(pub HashMap<String, Vec<(String, Status)>>);

impl Worked {
    /// How an action for a customer was worked on.
    #[must_use]
    pub fn status(&self, customer_id: &str, action: &str) -> Status {
        let reported = self.0.get(customer_id).and_then(|all| all.iter().find(|(known, _)| known == action));
        reported.map_or(Status::Open, |(_, status)| *status)
    }
}

/// The rows within the range, in the order asked for.
fn in_order(rows: impl Iterator<Item = Listed>, selection: &Selection) -> Vec<Listed> {
    let mut rows: Vec<Listed> = rows.filter(|row| is_in_range(row, selection)).collect();
    match selection.sort {
        // As they lie.
        Sorting::Gain => {}
        Sorting::AtStake => rows.sort_by(|one, other| other.at_stake.total_cmp(&one.at_stake)),
        Sorting::Risk => rows.sort_by(|one, other| known(other.churn).total_cmp(&known(one.churn))),
        Sorting::Deadline => rows.sort_by_key(|row| row.deadline_day),
    }
    rows
}

/// Those of unknown risk come last.
fn known(churn: f32) -> f32 {
    if churn.is_nan() { -1.0 } else { churn }
}

/// Those of unknown risk are in the full range alone.
fn is_in_range(row: &Listed, selection: &Selection) -> bool {
    if row.churn.is_nan() {
        return selection.from == 0 && selection.to >= 100;
    }
    let percent = row.churn * 100.0;
    percent >= f32::from(selection.from) && percent <= f32::from(selection.to)
}

/// The number of a name, new or known.
fn number_of<T: PartialEq + Clone>(names: &mut Vec<T>, name: &T) -> u16 {
    let place = names.iter().position(|known| known == name).unwrap_or_else(|| {
        names.push(name.clone());
        names.len() - 1
    });
    u16::try_from(place).expect("a policy has fewer than 65,536 names")
}
