//! All that is told of a forecast on rows that its model was not fitted on.

use serde::Serialize;

use super::profit::{Campaign, CampaignProfit, campaign_profit_of};
use super::weighted::SortedRows;
use super::{BrierDecomposition, ClassifierCurves, ClassifierFigures, Intervals, MetricError, OutcomeWeights};

/// How a forecast is judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeldOutParams {
    /// What rows of either outcome count.
    pub weights: OutcomeWeights,
    /// The campaign whose profit is told; none where nobody can be kept by one.
    pub campaign: Option<Campaign>,
    /// The seed of the intervals.
    pub seed: u64,
}

/// All that is told of a forecast on rows that its model was not fitted on.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldOut {
    /// The figures.
    pub figures: ClassifierFigures,
    /// How sure they are, and what they come from.
    pub detail: HeldOutDetail,
    /// The curves.
    pub curves: ClassifierCurves,
}

/// How sure figures are, and what they come from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeldOutDetail {
    /// The parts of the Brier score.
    pub brier_decomposition: BrierDecomposition,
    /// What a campaign would earn with it.
    #[serde(flatten)]
    pub profit: Option<CampaignProfit>,
    /// 95 % intervals.
    pub intervals: Intervals,
}

impl HeldOut {
    /// Judges a forecast; `forecasts` and `happened` are (n,), element *i* of both is the same customer.
    ///
    /// # Errors
    /// [`MetricError::Lengths`], [`MetricError::Empty`], [`MetricError::NotFinite`] or
    /// [`MetricError::NotProbability`].
    pub fn of(forecasts: &[f64], happened: &[bool], params: HeldOutParams) -> Result<Self, MetricError> {
        let rows = SortedRows::new(forecasts, happened, params.weights)?;
        let (figures, groups, ranking) = rows.figures();
        let detail = HeldOutDetail {
            brier_decomposition: BrierDecomposition::of_groups(&groups, figures.brier),
            profit: params.campaign.and_then(|campaign| campaign_profit_of(&ranking, campaign)),
            intervals: Intervals::of_rows(&rows, params.seed),
        };
        Ok(Self { figures, detail, curves: ClassifierCurves::of_ranking(&ranking, groups) })
    }
}
