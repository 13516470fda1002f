//! The sections made of tiles, tables and text.

use maud::{Markup, html};

use super::charts::horizontal_bars;
use super::numbers::{above_or_below, count, counted, figure, fixed, number, percent};
use super::page::{ChartCard, scrolling, tiles};
use super::{
    ActionCount, Candidate, DataReceived, DecisionSummary, FreeText, KeyFigures, ModelComparison, RejectedRows,
};

pub(super) fn key_figures(section: &KeyFigures) -> Markup {
    let rows: Vec<_> = section
        .tiles
        .iter()
        .map(|tile| (tile.label.as_str(), tile.value.clone(), tile.unit.as_str(), tile.period.as_str()))
        .collect();
    tiles(&rows)
}

pub(super) fn free_text(section: &FreeText) -> Markup {
    html! {
        @for paragraph in &section.paragraphs { p { (paragraph) } }
    }
}

pub(super) fn data_received(section: &DataReceived) -> Markup {
    let read: u64 = section.tables.iter().map(|table| table.rows_read).sum();
    let rejected: u64 = section.tables.iter().flat_map(|table| &table.rejects).map(|reject| reject.rows).sum();
    let table = html! {
        table {
            thead { tr { th.text { "Table" } th { "Rows read" } th { "Rows kept" } th { "Kept" } } }
            tbody {
                @for table in &section.tables {
                    tr.has-rejects[!table.rejects.is_empty()] {
                        th.text scope="row" { (table.table) }
                        td { (count(table.rows_read)) }
                        td { (count(table.rows_kept)) }
                        td { (kept_share(table.rows_kept, table.rows_read)) }
                    }
                    @if !table.rejects.is_empty() {
                        tr.rejects { td.text colspan="4" { "rejected: " (rejects_in_words(&table.rejects)) } }
                    }
                }
            }
        }
    };
    html! {
        p.lead { "Data of the period " (section.period) "." }
        div.card { (scrolling("rows read, kept and rejected", &table)) }
        p.lead {
            @if rejected == 0 { "No row was rejected." }
            @else {
                (counted(rejected, "row", "rows")) " of " (count(read)) " (" (percent(rejected as f64 / read.max(1) as f64))
                ") could not be used. The rejects file names each one with its file, row and column."
            }
        }
    }
}

/// "102 × amount is not a number; 6 × customer_id is empty", the most frequent reason first.
fn rejects_in_words(rejects: &[RejectedRows]) -> String {
    let mut rejects: Vec<&RejectedRows> = rejects.iter().collect();
    rejects.sort_by(|a, b| b.rows.cmp(&a.rows).then(a.reason.cmp(&b.reason)));
    let words: Vec<String> =
        rejects.iter().map(|reject| format!("{} × {}", count(reject.rows), reject.reason)).collect();
    words.join("; ")
}

/// The share kept, never rounded up to all while rows are missing.
fn kept_share(kept: u64, read: u64) -> String {
    match kept as f64 / read as f64 {
        _ if read == 0 => "–".to_owned(),
        share if kept < read && share > 0.9994 => "over 99.9%".to_owned(),
        share => format!("{}%", fixed(share * 100.0, 1)),
    }
}

pub(super) fn model_comparison(section: &ModelComparison) -> Markup {
    let mut candidates: Vec<&Candidate> = section.candidates.iter().collect();
    candidates.sort_by(|a, b| a.figures.log_loss.total_cmp(&b.figures.log_loss));
    let table = html! {
        table {
            thead { tr {
                th.text { "Model" }
                th { "Log loss" br; small { "nats, lower is better" } }
                th { "AUC" br; small { "higher is better" } }
                th { "Brier score" br; small { "lower is better" } }
                th { "Calibration error" br; small { "% points, lower is better" } }
            } }
            tbody {
                @for candidate in &candidates {
                    tr.winner[candidate.is_winner] {
                        th.text scope="row" {
                            (candidate.family)
                            @if candidate.is_winner { span.badge { "chosen" } }
                            @if candidate.is_baseline { span.badge.plain { "baseline" } }
                        }
                        td { (fixed(candidate.figures.log_loss, 4)) }
                        td { (figure(candidate.figures.auc)) }
                        td { (fixed(candidate.figures.brier, 4)) }
                        td { (fixed(candidate.figures.expected_calibration_error * 100.0, 2)) }
                    }
                }
            }
        }
    };
    let rows = candidates.first().map_or(0, |candidate| candidate.figures.rows as u64);
    html! {
        p.lead { "Compared on " (counted(rows, "customer", "customers")) " " (section.period) "." }
        div.card { (scrolling("models compared", &table)) }
        p { (comparison_sentence(&candidates)) }
    }
}

fn comparison_sentence(candidates: &[&Candidate]) -> String {
    let winner = candidates.iter().find(|candidate| candidate.is_winner);
    let baseline = candidates.iter().find(|candidate| candidate.is_baseline);
    let Some(winner) = winner else {
        return "None of the models was chosen.".to_owned();
    };
    let loss = winner.figures.log_loss;
    let ahead = candidates.iter().find(|candidate| candidate.figures.log_loss < loss);
    let ahead = ahead.map_or_else(String::new, |ahead| {
        format!(" {} is ahead of it by less than the noise of the comparison.", ahead.family)
    });
    let chosen = match baseline {
        Some(baseline) if !winner.is_baseline => format!(
            "{} was chosen: its log loss of {} is {} that of the best baseline, {} ({}). Calibration error is the average gap between forecast and observed rate, over ten groups of \
             equal size.",
            winner.family,
            fixed(loss, 4),
            above_or_below(loss / baseline.figures.log_loss - 1.0),
            baseline.family,
            fixed(baseline.figures.log_loss, 4),
        ),
        Some(_) => format!("No model beat the baseline {}; its log loss is {}.", winner.family, fixed(loss, 4)),
        None => format!("{} was chosen: its log loss is {}.", winner.family, fixed(loss, 4)),
    };
    chosen + &ahead
}

pub(super) fn decisions(section: &DecisionSummary) -> Markup {
    let mut actions: Vec<&ActionCount> = section.actions.iter().collect();
    actions.sort_by(|a, b| b.expected_gain.total_cmp(&a.expected_gain).then(b.customers.cmp(&a.customers)));
    let customers: u64 = actions.iter().map(|action| action.customers).sum();
    let gain: f64 = actions.iter().map(|action| action.expected_gain).sum();
    let money = |amount: f64| format!("{} {}", number(amount), section.currency);
    let here = actions.first().map_or_else(
        || "Here: no action was chosen for anybody.".to_owned(),
        |best| {
            format!(
                "Here: {} got a decision, with an expected gain of {} in all. The largest part comes from “{}” at the stage “{}”: {} \
                 for {}, {} each.",
                counted(customers, "customer", "customers"),
                money(gain),
                best.action,
                best.stage,
                money(best.expected_gain),
                counted(best.customers, "customer", "customers"),
                money(best.expected_gain / best.customers.max(1) as f64),
            )
        },
    );
    let rows: Vec<(String, f64, String)> = actions
        .iter()
        .map(|action| {
            (format!("{}: {}", action.stage, action.action), action.expected_gain, money(action.expected_gain))
        })
        .collect();
    let card = ChartCard {
        heading: "Expected gain by action",
        chart: horizontal_bars("Expected gain by stage and action", &here, &rows),
        legend: html! {},
        how_to_read: "each bar is the profit expected because of the action, all customers who get it together, after its cost.",
        here: &here,
        numbers: html! {},
    };
    html! {
        p.lead { "Gains expected " (section.period) ", in " (section.currency) ", against not acting." }
        (card.draw()) div.card { (scrolling("decisions", &decision_table(section, &actions, customers, gain))) }
    }
}

fn decision_table(section: &DecisionSummary, actions: &[&ActionCount], customers: u64, gain: f64) -> Markup {
    html! {
        table {
            caption { "Decisions, gains in " (section.currency) ", " (section.period) }
            thead { tr { th.text { "Stage" } th.text { "Action" } th { "Customers" } th { "Expected gain" } th { "Each" } } }
            tbody {
                @for action in actions {
                    tr {
                        td.text { (action.stage) }
                        td.text { (action.action) }
                        td { (count(action.customers)) }
                        td { (number(action.expected_gain)) }
                        td { (number(action.expected_gain / action.customers.max(1) as f64)) }
                    }
                }
            }
            tfoot { tr { td.text colspan="2" { "All" } td { (count(customers)) } td { (number(gain)) } td { (number(gain / customers.max(1) as f64)) } } }
        }
    }
}
