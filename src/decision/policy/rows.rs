//! `policy.toml` as it is written, before anything in it is checked.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::decision::action::{EffectSource, Goal};
use crate::decision::contact_rules::{ConsentRule, OutsideHours};
use crate::decision::scope::Per;
use crate::decision::stage::RiskBands;
use crate::decision::weight::Factor;

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::decision) struct Rows {
    #[serde(default)]
    pub(in crate::decision) money: MoneyRow,
    #[serde(default)]
    pub(in crate::decision) bands: RiskBands,
    #[serde(default)]
    pub(in crate::decision) product_margin: BTreeMap<String, f64>,
    /// By channel.
    #[serde(default)]
    pub(in crate::decision) consent: BTreeMap<String, ConsentRule>,
    /// By channel.
    #[serde(default)]
    pub(in crate::decision) hours: BTreeMap<String, HoursRow>,
    pub(in crate::decision) control: Option<ControlRow>,
    #[serde(default, rename = "limit")]
    pub(in crate::decision) limits: Vec<LimitRow>,
    #[serde(default, rename = "suppression")]
    pub(in crate::decision) suppressions: Vec<SuppressionRow>,
    #[serde(default, rename = "context")]
    pub(in crate::decision) contexts: Vec<ContextRow>,
    #[serde(default)]
    pub(in crate::decision) levers: LeverRows,
    #[serde(default)]
    pub(in crate::decision) priority: PriorityRow,
    pub(in crate::decision) exploration: Option<ExplorationRow>,
    pub(in crate::decision) adaptation: Option<AdaptationRow>,
    #[serde(default)]
    pub(in crate::decision) outcomes: OutcomesRow,
    #[serde(default)]
    pub(in crate::decision) online: OnlineRow,
    #[serde(default, rename = "stage")]
    pub(in crate::decision) stages: Vec<StageRow>,
    #[serde(default, rename = "action")]
    pub(in crate::decision) actions: Vec<ActionRow>,
}

/// `[money]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::decision) struct MoneyRow {
    pub(in crate::decision) currency: Option<String>,
    #[serde(default = "MoneyRow::default_margin")]
    pub(in crate::decision) margin: f64,
    pub(in crate::decision) yearly_spend: Option<String>,
}

impl MoneyRow {
    fn default_margin() -> f64 {
        0.3
    }
}

impl Default for MoneyRow {
    fn default() -> Self {
        Self { currency: None, margin: Self::default_margin(), yearly_spend: None }
    }
}

/// `[hours.<channel>]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::decision) struct HoursRow {
    pub(in crate::decision) from: String,
    pub(in crate::decision) to: String,
    pub(in crate::decision) time_zone: String,
    #[serde(default)]
    pub(in crate::decision) outside: OutsideHours,
}

/// `[control]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::decision) struct ControlRow {
    pub(in crate::decision) share: f64,
    pub(in crate::decision) salt: String,
}

/// `[[limit]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::decision) struct LimitRow {
    #[serde(default)]
    pub(in crate::decision) per: Per,
    pub(in crate::decision) only: Option<Vec<String>>,
    pub(in crate::decision) contacts: u32,
    pub(in crate::decision) days: u32,
}

/// `[[suppression]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::decision) struct SuppressionRow {
    #[serde(default = "SuppressionRow::default_per")]
    pub(in crate::decision) per: Per,
    pub(in crate::decision) only: Option<Vec<String>>,
    pub(in crate::decision) refusals: u32,
    pub(in crate::decision) within_days: u32,
    pub(in crate::decision) for_days: u32,
    #[serde(default = "SuppressionRow::default_answer_days")]
    pub(in crate::decision) answer_days: u32,
}

impl SuppressionRow {
    fn default_per() -> Per {
        Per::Action
    }

    fn default_answer_days() -> u32 {
        7
    }
}

/// `[[context]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::decision) struct ContextRow {
    pub(in crate::decision) when: String,
    #[serde(default)]
    pub(in crate::decision) per: Per,
    pub(in crate::decision) only: Option<Vec<String>>,
    pub(in crate::decision) percent: f64,
}

/// `[levers]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::decision) struct LeverRows {
    #[serde(default)]
    pub(in crate::decision) goal: BTreeMap<Goal, f64>,
    #[serde(default)]
    pub(in crate::decision) group: BTreeMap<String, f64>,
}

/// `[priority]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::decision) struct PriorityRow {
    #[serde(default)]
    pub(in crate::decision) without: Vec<Factor>,
}

/// `[exploration]`, and without `ramp_up` and `stage` one of its stages.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::decision) struct ExplorationRow {
    pub(in crate::decision) method: Option<Method>,
    pub(in crate::decision) epsilon: Option<f64>,
    pub(in crate::decision) floor: Option<f64>,
    #[serde(default = "ExplorationRow::default_ramp_up")]
    pub(in crate::decision) ramp_up: bool,
    #[serde(default)]
    pub(in crate::decision) stage: BTreeMap<String, StageExplorationRow>,
}

impl ExplorationRow {
    fn default_ramp_up() -> bool {
        true
    }
}

/// `[exploration.stage.<name>]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::decision) struct StageExplorationRow {
    pub(in crate::decision) method: Option<Method>,
    pub(in crate::decision) epsilon: Option<f64>,
    pub(in crate::decision) floor: Option<f64>,
}

/// How a stage explores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::decision) enum Method {
    #[default]
    Epsilon,
    Thompson,
    None,
}

/// `[adaptation]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::decision) struct AdaptationRow {
    #[serde(default = "AdaptationRow::default_weight")]
    pub(in crate::decision) weight: f64,
    #[serde(default = "AdaptationRow::default_base_rate")]
    pub(in crate::decision) base_rate: f64,
}

impl AdaptationRow {
    fn default_weight() -> f64 {
        100.0
    }

    fn default_base_rate() -> f64 {
        0.02
    }
}

/// `[online]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::decision) struct OnlineRow {
    pub(in crate::decision) decisions_count_days: Option<u32>,
}

/// `[outcomes]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::decision) struct OutcomesRow {
    pub(in crate::decision) positive: Vec<String>,
}

impl Default for OutcomesRow {
    fn default() -> Self {
        Self { positive: vec!["taken".to_owned()] }
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
    pub(in crate::decision) group: Option<String>,
    pub(in crate::decision) cost: f64,
    pub(in crate::decision) deadline_days: i64,
    pub(in crate::decision) valid_from: Option<String>,
    pub(in crate::decision) valid_until: Option<String>,
    #[serde(default)]
    pub(in crate::decision) cool_down_days: u32,
    pub(in crate::decision) eligible: Option<String>,
    pub(in crate::decision) applicable: Option<String>,
    pub(in crate::decision) suitable: Option<String>,
    pub(in crate::decision) product: Option<String>,
    pub(in crate::decision) value: Option<f64>,
    #[serde(default)]
    pub(in crate::decision) lever: f64,
    pub(in crate::decision) effect: EffectRow,
}

/// `effect = { ... }`
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::decision) struct EffectRow {
    pub(in crate::decision) source: EffectSource,
    pub(in crate::decision) relative_reduction: Option<f64>,
    pub(in crate::decision) relative_increase: Option<f64>,
    pub(in crate::decision) added_probability: Option<f64>,
    pub(in crate::decision) standard_error: Option<f64>,
}
