//! Says what a feature's value means, in a sentence for a person.

use super::{Feature, FeaturePlan, Measure};
use crate::predict::FeatureKind;

impl FeaturePlan {
    /// What the value of feature `place` in `row` says about the customer.
    #[must_use]
    pub fn sentence(&self, place: usize, row: &[f64]) -> String {
        let feature = &self.features[place];
        let value = row[place];
        if value.is_nan() {
            return format!("{} unknown", feature.label);
        }
        let shown = shown(feature, value);
        match &feature.measure {
            Measure::DaysSinceLastPurchase => format!("no purchase for {shown} days"),
            Measure::DaysSinceLastActivity => format!("no sign of life for {shown} days"),
            Measure::PurchasesPerMonth => format!("buys {shown} times a month"),
            Measure::GapRatio => self.late_sentence(row).unwrap_or_else(|| format!("{}: {shown}", feature.label)),
            Measure::Purchases(window) => format!("{shown} purchases in the last {window} days"),
            Measure::Spend(window) => format!("spent {shown} in the last {window} days"),
            Measure::MeanGapDays => format!("usually buys every {shown} days"),
            Measure::EventCount(event, window) => {
                format!("{shown} times {event} in the last {window} days")
            }
            Measure::DaysSinceEvent(event) => format!("no {event} for {shown} days"),
            Measure::LastEventValue(event) => format!("last {event} was {shown}"),
            Measure::Attribute(_) | Measure::Column(_) => format!("{} is {shown}", feature.label),
            _ => format!("{}: {shown}", feature.label),
        }
    }

    fn late_sentence(&self, row: &[f64]) -> Option<String> {
        let value = |measure: &Measure| {
            let place = self.features.iter().position(|feature| feature.measure == *measure)?;
            Some(row[place])
        };
        let since = value(&Measure::DaysSinceLastPurchase)?;
        let usual = value(&Measure::MeanGapDays)?;
        Some(format!("no purchase for {since:.0} days, usually every {usual:.0}"))
    }

    /// The features that raise a prediction, as sentences, strongest first, at most `most`.
    ///
    /// The month is no reason: it is the same for all. `row` and `contributions` have one entry a feature; positive contributions raise the prediction.
    #[must_use]
    pub fn reasons(&self, row: &[f64], contributions: &[f64], most: usize) -> Vec<String> {
        let mut order: Vec<usize> = (0..contributions.len())
            .filter(|&place| contributions[place] > 0.0 && self.features[place].measure != Measure::Month)
            .collect();
        order.sort_by(|&one, &other| contributions[other].total_cmp(&contributions[one]).then(one.cmp(&other)));
        order.truncate(most);
        order.into_iter().map(|place| self.sentence(place, row)).collect()
    }
}

fn shown(feature: &Feature, value: f64) -> String {
    match &feature.kind {
        FeatureKind::Category { levels } => {
            levels.get(value as usize).cloned().unwrap_or_else(|| "another value".to_owned())
        }
        FeatureKind::Number if value.fract() == 0.0 && value.abs() < 1e15 => format!("{value:.0}"),
        FeatureKind::Number if value.abs() >= 10.0 => format!("{value:.0}"),
        FeatureKind::Number => format!("{value:.2}"),
    }
}
