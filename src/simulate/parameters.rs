//! The constants of the simulated company as a table.

use std::sync::Arc;

use super::calendar::{CAMPAIGN_EVERY_DAYS, CONTACT_WORKS_DAYS, EFFECT_HORIZON_DAYS};
use super::catalogue::{ACTIONS, KINDS};
use super::contacts::{CONTACTED, ELIGIBLE_DAYS, SELECTED, SILENT_DAYS};
use super::ledger::RETURNED;
use super::life::{TICKET_DROPOUT_ODDS, TICKET_MEMORY_DAYS, UNRESOLVED};
use super::person::{
    DROPOUT_CONCENTRATION, MEAN_DROPOUT, MEAN_ORDER_VALUE, MEAN_RATE_PER_DAY, RATE_SHAPE, SPEND_P, SPEND_Q,
};
use super::{SimColumn, SimTable};

/// The table `truth/parameters`: name and value of every constant.
pub(super) fn table() -> SimTable {
    let mut rows: Vec<(String, f64)> = [
        ("mean_purchase_rate_per_day", MEAN_RATE_PER_DAY),
        ("purchase_rate_shape", RATE_SHAPE),
        ("mean_dropout_probability", MEAN_DROPOUT),
        ("dropout_concentration", DROPOUT_CONCENTRATION),
        ("mean_order_value", MEAN_ORDER_VALUE),
        ("spend_p", SPEND_P),
        ("spend_q", SPEND_Q),
        ("ticket_memory_days", f64::from(TICKET_MEMORY_DAYS)),
        ("ticket_dropout_odds_factor", TICKET_DROPOUT_ODDS),
        ("unresolved_ticket_share", UNRESOLVED),
        ("returned_line_share", RETURNED),
        ("campaign_every_days", f64::from(CAMPAIGN_EVERY_DAYS)),
        ("campaign_selected_share", SELECTED),
        ("campaign_eligible_days", f64::from(ELIGIBLE_DAYS)),
        ("campaign_silent_days", f64::from(SILENT_DAYS)),
        ("contacted_probability", CONTACTED[0]),
        ("contacted_probability_if_silent", CONTACTED[1]),
        ("contact_works_days", f64::from(CONTACT_WORKS_DAYS)),
        ("effect_horizon_days", f64::from(EFFECT_HORIZON_DAYS)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    for action in &ACTIONS {
        for (kind, effect) in KINDS.iter().zip(action.effects) {
            rows.push((format!("{}_rate_factor_{kind}", action.id), effect.rate));
            rows.push((format!("{}_dropout_odds_factor_{kind}", action.id), effect.dropout_odds));
        }
    }
    let codes = (0..rows.len() as u32).collect();
    let (names, values): (Vec<String>, Vec<f64>) = rows.into_iter().unzip();
    SimTable {
        name: "truth/parameters",
        columns: vec![
            ("name", SimColumn::Coded { levels: Arc::new(names), codes }),
            ("value", SimColumn::Number(values)),
        ],
    }
}
