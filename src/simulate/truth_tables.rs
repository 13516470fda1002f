//! The tables of what an all-knowing observer would say about the customers.

use std::sync::Arc;

use super::catalogue::{ACTIONS, KINDS};
use super::columns::{Columns, coded, dates, flags, names, numbers, wholes};
use super::ledger::{ChurnRow, CustomerRow, World};
use super::{EMPTY_DATE, SimColumn, SimTable};

impl Columns {
    pub(super) fn true_customers(&self, rows: &[CustomerRow]) -> SimTable {
        SimTable {
            name: "truth/customers",
            columns: vec![
                (
                    "customer_id",
                    SimColumn::Coded {
                        levels: Arc::clone(&self.customer_ids),
                        codes: (0..rows.len() as u32).collect(),
                    },
                ),
                ("purchase_rate_per_day", numbers(rows, |row| row.person.rate_per_day)),
                ("dropout_probability", numbers(rows, |row| row.person.dropout)),
                ("is_alive_at_end", flags(rows, |row| row.dropped_out.is_none())),
                ("dropped_out_at", dates(rows, |row| row.dropped_out.map_or(EMPTY_DATE, |day| self.start_day + day))),
                ("mean_order_value", numbers(rows, |row| row.person.order_value)),
                ("customer_type", coded(rows, names(&KINDS), |row| u32::from(row.person.kind))),
            ],
        }
    }

    pub(super) fn true_effects(&self, rows: &[CustomerRow]) -> SimTable {
        let pairs = rows.len() * ACTIONS.len();
        let action_ids: Vec<&str> = ACTIONS.iter().map(|action| action.id).collect();
        let each = |value: fn(usize) -> u32| (0..pairs).map(value).collect();
        SimTable {
            name: "truth/effects",
            columns: vec![
                (
                    "customer_id",
                    SimColumn::Coded {
                        levels: Arc::clone(&self.customer_ids),
                        codes: each(|pair| (pair / ACTIONS.len()) as u32),
                    },
                ),
                (
                    "action_id",
                    SimColumn::Coded { levels: names(&action_ids), codes: each(|pair| (pair % ACTIONS.len()) as u32) },
                ),
                ("effect", SimColumn::Number(rows.iter().flat_map(|row| row.effects).collect())),
            ],
        }
    }

    pub(super) fn true_churn(&self, rows: &[ChurnRow], world: &World) -> SimTable {
        let moment = |row: &ChurnRow| world.moments[usize::from(row.moment)];
        SimTable {
            name: "truth/churn",
            columns: vec![
                ("customer_id", self.customer(rows, |row| row.customer)),
                ("moment", dates(rows, |row| self.start_day + moment(row).0)),
                ("horizon_days", wholes(rows, |row| i64::from(moment(row).1))),
                ("probability", numbers(rows, |row| row.probability)),
                ("churned", flags(rows, |row| row.churned)),
            ],
        }
    }
}
