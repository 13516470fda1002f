//! The worklist as a page: whom to act on, why, until when, and what a selection is worth.

use std::fmt::Write;

use maud::{Markup, html};
use tend_models::quantities::Moment;

use super::chart;
use super::page::{Frame, amount, counted, percent};
use super::worklist::{Listed, RISK_BINS, Selected, Selection, Sorting, Status, Totals, Worklist};
use crate::decision::Decision;

/// The list with what was selected; the decisions of the rows on the page say why.
#[derive(Debug)]
pub struct WorklistPage<'a> {
    /// The list; none while it is being computed.
    pub list: Option<&'a Worklist>,
    /// What was asked.
    pub selection: &'a Selection,
    /// What was selected.
    pub selected: Selected,
    /// One a row of the page.
    pub decisions: Vec<Decision>,
}

/// What a range selects, as one sentence.
#[must_use]
pub fn selection_line(frame: &Frame, totals: &Totals) -> String {
    format!(
        "{} selected: {} at stake, {} expected gain.",
        counted(totals.customers, "customer", "customers"),
        frame.money(totals.at_stake),
        frame.money(totals.gain)
    )
}

/// A selection as the query of an address, on a page.
#[must_use]
pub(super) fn query(selection: &Selection, page: usize) -> String {
    let mut query = String::new();
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = write!(query, "{}{name}=", if query.is_empty() { "" } else { "&" });
            for byte in value.bytes() {
                let _ = match byte {
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => write!(query, "{}", byte as char),
                    _ => write!(query, "%{byte:02X}"),
                };
            }
        }
    };
    add("stage", &selection.stage);
    add("action", &selection.action);
    add("channel", &selection.channel);
    add("customer", &selection.customer);
    add("from", &selection.from.to_string());
    add("to", &selection.to.to_string());
    add("status", selection.status.name());
    add("sort", sorting_name(selection.sort));
    add("page", &page.to_string());
    query
}

fn sorting_name(sorting: Sorting) -> &'static str {
    match sorting {
        Sorting::Gain => "gain",
        Sorting::AtStake => "at_stake",
        Sorting::Risk => "risk",
        Sorting::Deadline => "deadline",
    }
}

impl WorklistPage<'_> {
    /// The whole page.
    #[must_use]
    pub fn render(&self, frame: &Frame) -> String {
        let contents = match self.list {
            None => html! { p.lead { "The list is being computed. Reload this page in a moment." } },
            Some(list) => html! {
                (self.filters(frame, list))
                @if self.selected.rows.is_empty() {
                    p.lead { "Nobody matches. " a href="/worklist" { "Show everybody on the list" } "." }
                } @else {
                    (self.rows(frame))
                    (self.paging())
                }
            },
        };
        frame.page("Worklist", &contents)
    }

    fn filters(&self, frame: &Frame, list: &Worklist) -> Markup {
        let selection = self.selection;
        let (stages, actions, channels) = list.choices();
        let plain = |names: &[String]| names.iter().map(|name| (name.clone(), name.clone())).collect::<Vec<_>>();
        let bins: Vec<(String, f64)> = (0..RISK_BINS)
            .map(|bin| (format!("{} %", bin * 100 / RISK_BINS), self.selected.histogram[bin] as f64))
            .collect();
        let is_chosen = |bin: usize| {
            bin * 100 / RISK_BINS >= usize::from(selection.from) && bin * 100 / RISK_BINS < usize::from(selection.to)
        };
        html! {
            form action="/worklist" method="get" data-selection="/worklist/selection" {
                div.filters {
                    (choice("stage", "Stage", &selection.stage, &plain(stages)))
                    (choice("action", "Action", &selection.action, actions))
                    (choice("channel", "Channel", &selection.channel, &plain(channels)))
                    label { "Customer id begins with" input name="customer" value=(selection.customer); }
                    label { "Worked on" select name="status" {
                        @for status in [Status::Open, Status::Done, Status::Refused] {
                            option value=(status.name()) selected[status == selection.status] { (status.name()) }
                        }
                    } }
                    label { "First" select name="sort" {
                        @for (sorting, name) in [(Sorting::Gain, "largest gain"), (Sorting::AtStake, "most at stake"), (Sorting::Risk, "highest risk"), (Sorting::Deadline, "earliest deadline")] {
                            option value=(sorting_name(sorting)) selected[sorting == selection.sort] { (name) }
                        }
                    } }
                }
                fieldset.range {
                    legend { "Probability of leaving" }
                    (chart::bars("Customers on the list by probability of leaving", &bins, is_chosen))
                    div.sliders {
                        @for (name, label, value) in [("from", "From", selection.from), ("to", "To", selection.to)] {
                            label { span { (label) " " output for=(name) { (value) " %" } }
                                input type="range" id=(name) name=(name) min="0" max="100" step="5" value=(value) aria-label={ (label) ", probability of leaving in percent" }; }
                        }
                    }
                    p.selection role="status" { (selection_line(frame, &self.selected.totals)) }
                }
                p.actions {
                    button { "Show" }
                    a href={ "/worklist.csv?" (query(selection, 1)) } { "Export this selection as CSV" }
                }
            }
        }
    }

    fn rows(&self, frame: &Frame) -> Markup {
        html! {
            div.scroll { table.cards-when-narrow {
                caption { "Expected gain is what the action changes, in money, less what it costs." }
                thead { tr {
                    th scope="col" { "Customer" } th scope="col" { "What to do" } th scope="col" { "Why" }
                    th.number scope="col" { "At stake" } th.number scope="col" { "Expected gain" }
                    th scope="col" { "Risk of leaving" } th scope="col" { "Until" }
                } }
                tbody {
                    @for (row, decision) in self.selected.rows.iter().zip(&self.decisions) {
                        tr {
                            td data-name="Customer" { a href={ "/customers/" (decision.customer_id) } { (decision.customer_id) } }
                            td data-name="What to do" { (decision.action_label) @if let Some(channel) = &decision.channel { br; span.note { "by " (channel) } } }
                            td data-name="Why" { (decision.reason) }
                            td.number data-name="At stake" { (amount(f64::from(row.at_stake), 2)) }
                            td.number data-name="Expected gain" { (amount(f64::from(row.gain), 2)) }
                            td data-name="Risk of leaving" { (risk(row, decision)) }
                            td.narrow data-name="Until" { (deadline(row)) }
                        }
                    }
                }
            } }
            p.note { "Money in " (frame.currency) "." }
        }
    }

    fn paging(&self) -> Markup {
        let (page, pages) = (self.selection.page, self.selected.pages);
        html! {
            nav.paging aria-label="Pages" {
                @if page > 1 { a href={ "/worklist?" (query(self.selection, page - 1)) } { "Previous" } }
                span { "Page " (page) " of " (pages) }
                @if page < pages { a href={ "/worklist?" (query(self.selection, page + 1)) } { "Next" } }
            }
        }
    }
}

fn choice(name: &str, label: &str, chosen: &str, choices: &[(String, String)]) -> Markup {
    html! {
        label { (label) select name=(name) {
            option value="" { "all" }
            @for (value, text) in choices { option value=(value) selected[value == chosen] { (text) } }
        } }
    }
}

fn risk(row: &Listed, decision: &Decision) -> Markup {
    html! {
        @match decision.scores.risk_band {
            Some(band) => { span.band.(band.name()) { (band.name()) } " " (percent(f64::from(row.churn))) },
            None => "not asked",
        }
    }
}

fn deadline(row: &Listed) -> String {
    if row.deadline_day == i32::MAX {
        "–".to_owned()
    } else {
        Moment::from_day(i64::from(row.deadline_day)).to_string()
    }
}

/// The selection as CSV, safe to open in a spreadsheet: a field that a spreadsheet would take for a formula begins with
/// an apostrophe (OWASP, CSV injection).
#[must_use]
pub fn csv(decisions: &[Decision], currency: &str) -> String {
    let mut text = format!(
        "customer_id,stage,action,channel,product,expected_gain_{0},at_stake_{0},churn_probability,risk_band,reason,deadline\n",
        if currency.is_empty() { "money" } else { currency }
    );
    for decision in decisions {
        let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.4}"));
        let fields = [
            field(&decision.customer_id),
            field(&decision.stage),
            field(&decision.action),
            field(decision.channel.as_deref().unwrap_or_default()),
            field(decision.product.as_deref().unwrap_or_default()),
            number(Some(decision.expected_gain)),
            number(decision.at_stake),
            number(decision.scores.churn_probability.map(|churn| churn.get())),
            decision.scores.risk_band.map_or_else(String::new, |band| band.name().to_owned()),
            field(&decision.reason),
            decision.deadline.map_or_else(String::new, |date| date.to_string()),
        ];
        text.push_str(&fields.join(","));
        text.push('\n');
    }
    text
}

fn field(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_no_formula_and_stays_one_field() {
        assert_eq!(field("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
        assert_eq!(field("@sum"), "'@sum");
        assert_eq!(field("no purchase for 74 days, usually every 21"), "\"no purchase for 74 days, usually every 21\"");
        assert_eq!(field("plain"), "plain");
    }

    #[test]
    fn a_selection_survives_its_address() {
        let selection = Selection { stage: "a&b=c".to_owned(), from: 20, to: 80, ..Selection::default() };
        let back: Selection = serde_urlencoded_of(&query(&selection, 3));
        assert_eq!(back, Selection { page: 3, ..selection });
    }

    fn serde_urlencoded_of(query: &str) -> Selection {
        let uri: axum::http::Uri = format!("/worklist?{query}").parse().expect("an address");
        axum::extract::Query::try_from_uri(&uri).expect("a selection").0
    }
}
