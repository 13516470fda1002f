//! The sections on what was tried to find settings, and on how well lists of offers are ranked.

use maud::{Markup, html};

use super::numbers::{count, counted, fixed, number, percent};
use super::page::scrolling;
use super::{OfferLists, SettingsTried};
use crate::champion::Trial;
use crate::evaluate::{Interval, ListComparison};

pub(super) fn settings_tried(section: &SettingsTried) -> Markup {
    let changed = section.trials.iter().filter(|trial| trial.is_chosen && !trial.is_usual).count();
    let table = html! {
        table {
            thead { tr {
                th.text { "Family" } th.text { "Settings" } th { "Rounds" } th { "Rows" }
                th { "Log loss" br; small { "nats, lower is better" } }
            } }
            tbody { @for trial in &section.trials { tr.winner[trial.is_chosen] {
                th.text scope="row" {
                    (trial.family)
                    @if trial.is_chosen { span.badge { "chosen" } }
                    @if trial.is_usual { span.badge.plain { "usual" } }
                }
                td.text { (in_words(trial)) }
                td { (trial.rounds) } td { (count(trial.rows as u64)) } td { (fixed(trial.log_loss, 4)) }
            } } }
        }
    };
    html! {
        p.lead {
            (counted(section.trials.len() as u64, "setting was", "settings were")) " compared on training rows alone: fitted on the \
             older, judged on newer ones where rows have a time. After each round the better third went on with three times the \
             rows; log losses of other rounds cannot be compared."
        }
        div.card { (scrolling("settings tried", &table)) }
        p {
            @if changed == 0 { "Every family keeps its usual settings: no other was better by more than the noise of the comparison." }
            @else { (counted(changed as u64, "family has", "families have")) " settings that beat the usual ones by more than the noise." }
        }
    }
}

/// "l2 10, learning rate 0.05"; what the fit itself chooses has no numbers.
fn in_words(trial: &Trial) -> String {
    if trial.settings.is_empty() {
        return "chosen by the fit".to_owned();
    }
    let one = |(name, value): (&&str, &f64)| {
        let value = if value.fract() == 0.0 { number(*value) } else { fixed(*value, 3) };
        format!("{} {value}", name.replace('_', " "))
    };
    trial.settings.iter().map(one).collect::<Vec<_>>().join(", ")
}

pub(super) fn offer_lists(section: &OfferLists) -> Markup {
    let ranking = &section.ranking;
    let with_gain = |share: f64, gain: Interval| {
        html! {
            td { (percent(share)) }
            td { (fixed(100.0 * gain.low, 1)) " to " (fixed(100.0 * gain.high, 1)) }
        }
    };
    let row = |list: &ListComparison| {
        html! { tr {
            th.text scope="row" { (counted(list.k as u64, "offer", "offers")) }
            td { (percent(list.popularity.hit_rate)) }
            (with_gain(list.model.hit_rate, list.hit_rate_gain))
            td { (fixed(list.popularity.ndcg, 3)) }
            td { (fixed(list.model.ndcg, 3)) }
            td { (fixed(list.ndcg_gain.low, 3)) " to " (fixed(list.ndcg_gain.high, 3)) }
        } }
    };
    let table = html! {
        table {
            thead { tr {
                th.text { "List" }
                th { "Hit rate" br; small { "most popular first" } }
                th { "Hit rate" br; small { "model" } }
                th { "Gain" br; small { "95%, % points" } }
                th { "NDCG" br; small { "most popular first" } }
                th { "NDCG" br; small { "model" } }
                th { "Gain" br; small { "95%" } }
            } }
            tbody { @for list in &ranking.lists { (row(list)) } }
        }
    };
    html! {
        p.lead {
            "Judged on " (counted(ranking.customers as u64, "customer", "customers")) " who took something new: " (section.period)
            ". The model ranks " (counted(ranking.offers as u64, "offer", "offers"))
            "; the popular list ranks all, by how many took each in training."
        }
        div.card { (scrolling("lists of offers", &table)) }
        p {
            "A hit is a list that holds at least one offer which the customer then took. NDCG counts all of them, those further down \
             the list less; 1 is the best order there is."
        }
    }
}
