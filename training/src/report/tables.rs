//! The tables of a report.

use maud::{Markup, html};

use super::numbers::{count, decimal, money, optional, percent};
use super::{DecisionRow, ModelComparison, SimpleTable, TableReceived, sentences};

pub(super) fn data_received(tables: &[TableReceived]) -> Markup {
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Table" }
                th.number scope="col" { "Rows read" }
                th.number scope="col" { "Rows kept" }
                th scope="col" { "Rejected, by reason" }
            } }
            tbody {
                @for table in tables {
                    tr {
                        th scope="row" { (table.table) }
                        td.number { (count(table.rows_read)) }
                        td.number { (count(table.rows_kept)) }
                        td {
                            @if table.rejects.is_empty() { "none" } @else {
                                ul { @for reject in &table.rejects { li { (count(reject.rows)) " " (reject.reason) } } }
                            }
                        }
                    }
                }
            }
        }
    };
    html! {
        (scrollable("Rows read, kept and rejected", &table))
        p { (sentences::data_received(tables)) }
    }
}

pub(super) fn model_comparison(section: &ModelComparison) -> Markup {
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Family" }
                th.number scope="col" { "Log loss" }
                th.number scope="col" { "AUC" }
                th.number scope="col" { "Brier score" }
                th.number scope="col" { "Calibration error" }
            } }
            tbody {
                @for model in &section.models {
                    tr.chosen[model.chosen] {
                        th scope="row" { (model.family) @if model.chosen { " " span.mark { "✓ chosen" } } }
                        td.number { (decimal(model.log_loss, 4)) }
                        td.number { (optional(model.auc, 3)) }
                        td.number { (decimal(model.brier, 4)) }
                        td.number { (decimal(model.expected_calibration_error, 4)) }
                    }
                }
            }
        }
    };
    html! {
        (scrollable("Candidates and their figures", &table))
        p { (sentences::comparison(section)) }
        p.note { "Lower is better, except for the AUC. All candidates were judged on the same rows." }
    }
}

pub(super) fn decisions(rows: &[DecisionRow], currency: &str) -> Markup {
    let all: usize = rows.iter().map(|row| row.customers).sum();
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Stage" }
                th scope="col" { "Action" }
                th.number scope="col" { "Customers" }
                th.number scope="col" { "Share" }
                th.number scope="col" { "Expected gain" }
            } }
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" { (row.stage) }
                        td { (row.action.as_deref().unwrap_or("leave alone")) }
                        td.number { (count(row.customers)) }
                        td.number { (percent(row.customers as f64 / all as f64)) }
                        td.number { (money(row.expected_gain, currency)) }
                    }
                }
            }
        }
    };
    html! {
        (scrollable("Decisions by stage and action", &table))
        p { (sentences::decisions(rows, currency)) }
    }
}

pub(super) fn simple_table(section: &SimpleTable) -> Markup {
    let numeric: Vec<bool> = (0..section.columns.len())
        .map(|column| {
            let mut cells = section
                .rows
                .iter()
                .filter_map(|row| row.get(column))
                .peekable();
            cells.peek().is_some() && cells.all(|cell| reads_as_number(cell))
        })
        .collect();
    let is_number = |column: usize| numeric.get(column).copied().unwrap_or(false);
    let table = html! {
        table {
            thead { tr { @for (column, name) in section.columns.iter().enumerate() {
                th.number[is_number(column)] scope="col" { (name) }
            } } }
            tbody { @for row in &section.rows { tr { @for (column, cell) in row.iter().enumerate() {
                td.number[is_number(column)] { (cell) }
            } } } }
        }
    };
    scrollable(&section.heading, &table)
}

/// A table that can be scrolled where it is wider than the screen, also with the keyboard.
fn scrollable(label: &str, table: &Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(label) tabindex="0" { (table) } }
}

fn reads_as_number(cell: &str) -> bool {
    let is_part = |c: char| c.is_ascii_digit() || " .,%+-−–\u{a0}".contains(c);
    !cell.is_empty() && cell.chars().all(is_part)
}
