//! One customer as a page: what happened, what the models say and why, what to do, and why not something else.

use maud::{Markup, html};
use tend_models::quantities::{Moment, Probability};
use tend_models::scorecard::Scorecard;
use tend_models::timeline::{History, NEVER, Timelines};

use super::chart::{Track, timeline};
use super::page::{Frame, amount, percent};
use crate::decision::{Decision, LEAVE_ALONE};

/// Decisions of the past that are shown.
const PAST_DECISIONS: usize = 10;

/// All that is shown of one customer.
#[derive(Debug)]
pub struct CustomerPage<'a> {
    /// What the models estimate.
    pub scorecard: &'a Scorecard,
    /// What to do.
    pub decision: &'a Decision,
    /// What happened.
    pub happenings: Vec<Happening>,
    /// Decisions of the past with what came of them, newest first.
    pub past: Vec<(String, String, String)>,
    /// Whether outcomes may be reported here.
    pub may_report: bool,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Happening {
    /// What kind of thing.
    pub kind: Kind,
    /// When, in seconds since 1970.
    pub at: i64,
    /// Its end, for what lasts.
    pub end: Option<i64>,
    /// What it was.
    pub text: String,
}

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A purchase line.
    Purchase,
    /// A return.
    Return,
    /// A subscription.
    Subscription,
    /// An event.
    Event,
    /// A contact.
    Contact,
}

impl Happening {
    /// All that a history tells, ascending by kind and time.
    #[must_use]
    pub fn all_of(timelines: &Timelines, history: &History<'_>) -> Vec<Self> {
        let name = |names: &[String], code: u32| names.get(code as usize).cloned().unwrap_or_default();
        let purchases = history.purchases().map(|line| {
            let what = [name(&timelines.products, line.product), name(&timelines.categories, line.category)].join(" ");
            let kind = if line.amount > 0.0 { Kind::Purchase } else { Kind::Return };
            Self {
                kind,
                at: line.at,
                end: None,
                text: format!("{}: {} {}", date(line.at), amount(line.amount, 2), what.trim()),
            }
        });
        let subscriptions = history.subscriptions().map(|one| {
            let end = if one.end == NEVER { history.moment().seconds() } else { one.end };
            let text = format!(
                "{} from {}, {} a month",
                name(&timelines.products, one.product),
                date(one.start),
                amount(one.mrr, 2)
            );
            Self { kind: Kind::Subscription, at: one.start, end: Some(end), text }
        });
        let events = history.events().map(|event| {
            let value = if event.value.is_nan() { String::new() } else { format!(": {}", event.value) };
            let text = format!("{}: {}{value}", date(event.at), name(&timelines.event_types, event.event_type));
            Self { kind: Kind::Event, at: event.at, end: None, text }
        });
        let contacts = history.contacts().map(|contact| {
            let taken = if contact.taken { ", taken" } else { "" };
            let text = format!("{}: {}{taken}", date(contact.at), name(&timelines.actions, contact.action));
            Self { kind: Kind::Contact, at: contact.at, end: None, text }
        });
        purchases.chain(subscriptions).chain(events).chain(contacts).collect()
    }
}

fn date(seconds: i64) -> String {
    Moment::from_seconds(seconds).date().to_string()
}

impl CustomerPage<'_> {
    /// The whole page.
    #[must_use]
    pub fn render(&self, frame: &Frame) -> String {
        let contents = html! {
            (self.what_to_do(frame))
            (self.scores(frame))
            (self.picture())
            (self.considered(frame))
            (self.past_decisions())
        };
        frame.page(&format!("Customer {}", self.scorecard.customer_id), &contents)
    }

    fn what_to_do(&self, frame: &Frame) -> Markup {
        let decision = self.decision;
        let acts = decision.action != LEAVE_ALONE;
        html! {
            h2 { "What to do" }
            p.lead {
                strong { (decision.action_label) }
                @if let Some(channel) = &decision.channel { " by " (channel) }
                @if let Some(product) = &decision.product { ", offering " (product) }
                @if let Some(deadline) = decision.deadline { ", until " (deadline) }
                "."
            }
            p { (decision.reason) }
            @if acts {
                p.note {
                    "Expected gain " (frame.money(decision.expected_gain)) ": the action changes the outcome with probability "
                    (percent(decision.effect))
                    @if let Some(source) = decision.effect_source { " (" (source.name()) ")" }
                    @if let Some(at_stake) = decision.at_stake { ", worth " (frame.money(at_stake)) }
                    ", and costs " (frame.money(decision.cost)) "."
                }
                @if self.may_report {
                    div.actions {
                        @for (outcome, label) in [("done", "Done"), ("refused", "Customer refused")] {
                            form method="post" action={ "/customers/" (decision.customer_id) "/outcome" } {
                                input type="hidden" name="outcome" value=(outcome);
                                input type="hidden" name="action" value=(decision.action);
                                button class=[(outcome == "refused").then_some("quiet")] { (label) }
                            }
                        }
                    }
                }
            }
        }
    }

    fn scores(&self, frame: &Frame) -> Markup {
        let card = self.scorecard;
        let band = self.decision.scores.risk_band;
        html! {
            h2 { "What the models say" }
            div.cards {
                div.card { "Stage" span.figure { (self.decision.stage) } }
                @if let Some(churn) = card.churn_probability {
                    div.card { "Probability of leaving" span.figure { (percent(churn.get())) }
                        @if let Some(band) = band { p.definition { span.band.(band.name()) { (band.name()) } " risk" } } }
                }
                @if let Some(value) = card.value {
                    div.card { "Predicted value" span.figure { (frame.money(value.predicted_clv.get())) } p.definition { "Present value of the margin expected within the horizon of the model." } }
                    div.card { "Still a customer" span.figure { (percent(value.probability_alive.get())) } p.definition { "Probability that the customer still buys at all." } }
                }
                @if let Some(segment) = &card.segment { div.card { "Segment" span.figure { (segment) } } }
                @for propensity in best(card) {
                    div.card { "Would take " (propensity.0) span.figure { (percent(propensity.1.get())) } p.definition { "Probability within the horizon of the model." } }
                }
            }
            @if !card.reasons.is_empty() {
                h2 { "Why this risk" }
                ol.reasons { @for reason in &card.reasons { li { (reason) } } }
            }
        }
    }

    fn picture(&self) -> Markup {
        let Some(from) = self.happenings.iter().map(|one| one.at).min() else {
            return html! { h2 { "What happened" } p.note { "Nothing is known to have happened yet." } };
        };
        let until = self.scorecard.moment.seconds();
        let kinds = [
            ("Purchases", Kind::Purchase, "mark"),
            ("Returns", Kind::Return, "mark-return"),
            ("Subscriptions", Kind::Subscription, "span"),
            ("Events", Kind::Event, "mark-event"),
            ("Contacts", Kind::Contact, "mark-contact"),
        ];
        let tracks = kinds.into_iter().map(|(name, kind, class)| {
            let marks = self.happenings.iter().filter(|one| one.kind == kind);
            Track { name, class, marks: marks.map(|one| (one.at, one.end, one.text.clone())).collect() }
        });
        let tracks: Vec<Track> = tracks.filter(|track| !track.marks.is_empty()).collect();
        let ticks: Vec<(i64, String)> =
            (0..5).map(|tick| from + (until - from) * tick / 5).map(|at| (at, date(at))).collect();
        html! {
            h2 { "What happened" }
            figure {
                (timeline("What happened, over time", from, until, &ticks, &tracks))
                figcaption { "From " (date(from)) " to " (self.scorecard.moment) ". Point at a mark to read it." }
            }
            details {
                summary { "The last of it as a list" }
                ul { @for one in newest(&self.happenings) { li { (one.text) } } }
            }
        }
    }

    fn considered(&self, frame: &Frame) -> Markup {
        html! {
            h2 { "What was considered" }
            div.scroll { table {
                caption { "Every action of the policy, and what became of it." }
                thead { tr { th scope="col" { "Action" } th.number scope="col" { "Expected gain" } th scope="col" { "Verdict" } } }
                tbody { @for one in &self.decision.considered {
                    tr {
                        td { (one.action) }
                        td.number { (one.expected_gain.map_or_else(|| "–".to_owned(), |gain| frame.money(gain))) }
                        td { (one.verdict) }
                    }
                } }
            } }
            p.note {
                "Models: " @for (task, version) in &self.decision.model_versions { (task.name()) " " (version) "  " }
                "· policy " (self.decision.policy_version)
            }
        }
    }

    fn past_decisions(&self) -> Markup {
        html! {
            @if !self.past.is_empty() {
                h2 { "Decided before" }
                div.scroll { table {
                    thead { tr { th scope="col" { "When" } th scope="col" { "Action" } th scope="col" { "What came of it" } } }
                    tbody { @for (when, action, outcome) in self.past.iter().take(PAST_DECISIONS) {
                        tr { td.narrow { (when) } td { (action) } td { (outcome) } }
                    } }
                } }
            }
        }
    }
}

/// The products that the customer would most likely take.
fn best(card: &Scorecard) -> Vec<(&str, Probability)> {
    let mut all: Vec<_> = card.propensities.iter().map(|one| (one.product.as_str(), one.probability)).collect();
    all.sort_by(|one, other| other.1.get().total_cmp(&one.1.get()));
    all.truncate(2);
    all
}

fn newest(happenings: &[Happening]) -> Vec<&Happening> {
    let mut all: Vec<&Happening> = happenings.iter().collect();
    all.sort_by_key(|one| std::cmp::Reverse(one.at));
    all.truncate(20);
    all
}
