//! Where customers are in their life with the company, and how they have moved lately.

use maud::{Markup, html};

use super::chart;
use super::desk::Figures;
use super::page::{amount, counted, percent};
use crate::whereabouts::{StageFlow, StageHistory};

/// Stages by name and label, in the order of the policy.
pub(super) fn stages(figures: &Figures, labels: &[(String, String)]) -> Markup {
    let lifecycle = figures.lifecycle.as_deref().and_then(|lifecycle| lifecycle.as_ref().ok());
    let flow = lifecycle.and_then(|lifecycle| lifecycle.stage_flow.as_ref());
    let of_flow = |name: &str| flow?.stages.iter().find(|stage| stage.name == name);
    let list = &figures.worklist;
    html! {
        h2 { "Where customers are in their life with the company" }
        div.scroll { table {
            caption {
                "Every customer is in exactly one stage; the policy says which. What came and went is of the last whole "
                "month; half of those who enter a stage have left it after the usual stay."
            }
            thead { tr {
                th scope="col" { "Stage" } th.number scope="col" { "Customers" } th.number scope="col" { "Share" }
                @if flow.is_some() {
                    th scope="col" { "Over time" } th.number scope="col" { "Came" } th.number scope="col" { "Left" }
                    th.number scope="col" { "Usual stay" }
                }
                th.number scope="col" { "Worth an action" } th scope="col" { span.hidden { "List" } }
            } }
            tbody {
                @for (name, label) in labels {
                    @if let Some((_, customers, listed)) = list.stages.iter().find(|(known, ..)| known == name) {
                        tr {
                            td { (label) }
                            td.number { (amount(*customers as f64, 0)) }
                            td.number { (percent(*customers as f64 / list.customers.max(1) as f64)) }
                            @if let Some(stage) = of_flow(name) { (over_time(stage)) }
                            td.number { (amount(*listed as f64, 0)) }
                            td { @if *listed > 0 { a href={ "/worklist?stage=" (name) } { "Show" } } }
                        }
                    }
                }
            }
        } }
        @if let Some(flow) = flow { (moves(flow)) }
    }
}

fn over_time(stage: &StageHistory) -> Markup {
    let values: Vec<f64> = stage.customers.iter().map(|customers| *customers as f64).collect();
    let title = format!("{} by month", stage.label);
    let last = |counts: &[u64]| counts.last().map_or_else(|| "–".to_owned(), |count| amount(*count as f64, 0));
    html! {
        td { (chart::spark(&title, &values)) }
        td.number { (last(&stage.entered)) }
        td.number { (last(&stage.left)) }
        td.number { @match stage.median_periods {
            Some(months) => (counted(months, "month", "months")),
            None => "longer",
        } }
    }
}

/// From each stage, where customers are a month later.
fn moves(flow: &StageFlow) -> Markup {
    let rows = flow.stages.iter().map(|stage| stage.label.as_str()).chain(["Not yet a customer"]);
    let rows = rows.zip(&flow.moves).filter(|(_, moves)| moves.iter().any(|customers| *customers > 0));
    html! {
        details {
            summary { "From stage to stage" }
            div.scroll { table {
                caption {
                    "Of the customers in a stage (rows), the share in each stage a month later (columns), "
                    (flow.moments[0]) " to " (flow.moments[flow.moments.len() - 1])
                    ", by what was known then and the models of today."
                }
                thead { tr {
                    th scope="col" { "From" }
                    @for stage in &flow.stages { th.number scope="col" { (stage.label) } }
                } }
                tbody {
                    @for (label, moves) in rows {
                        tr {
                            th scope="row" { (label) }
                            @for customers in moves {
                                td.number { (percent(*customers as f64 / moves.iter().sum::<u64>() as f64)) }
                            }
                        }
                    }
                }
            } }
        }
    }
}
