//! `policy.toml` as it is written, before anything in it is checked.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::decision::action::{EffectSource, Goal};
use crate::decision::stage::RiskBands;

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::decision) struct Rows {
    pub(in crate::decision) money: MoneyRow,
    #[serde(default)]
    pub(in crate::decision) bands: RiskBands,
    #[serde(default)]
    pub(in crate::decision) product_margin: BTreeMap<String, f64>,
    #[serde(default, rename = "stage")]
    pub(in crate::decision) stages: Vec<StageRow>,
    #[serde(default, rename = "action")]
    pub(in crate::decision) actions: Vec<ActionRow>,
}

/// `[money]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::decision) struct MoneyRow {
    pub(in crate::decision) currency: String,
    #[serde(default = "MoneyRow::default_margin")]
    pub(in crate::decision) margin: f64,
    pub(in crate::decision) yearly_spend: Option<String>,
}

impl MoneyRow {
    fn default_margin() -> f64 {
        0.3
    }
}

/// `[[stage]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::decision) struct StageRow {
    pub(in crate::decision) name: String,
    pub(in crate::decision) label: Option<String>,
    pub(in crate::decision) when: String,
}

/// `[[action]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::decision) struct ActionRow {
    pub(in crate::decision) id: String,
    pub(in crate::decision) label: String,
    pub(in crate::decision) stages: Vec<String>,
    pub(in crate::decision) goal: Goal,
    pub(in crate::decision) channel: String,
    pub(in crate::decision) cost: f64,
    pub(in crate::decision) deadline_days: i64,
    pub(in crate::decision) eligible: Option<String>,
    pub(in crate::decision) product: Option<String>,
    pub(in crate::decision) value: Option<f64>,
    pub(in crate::decision) effect: EffectRow,
}

/// `effect = { ... }`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::decision) struct EffectRow {
    pub(in crate::decision) source: EffectSource,
    pub(in crate::decision) relative_reduction: Option<f64>,
    pub(in crate::decision) relative_increase: Option<f64>,
    pub(in crate::decision) added_probability: Option<f64>,
}
