//! Partial dependence: the mean forecast where all customers have one value of a feature.

use tend_models::predict::FeatureKind;

/// Rows that the mean is taken over; more are thinned out.
const MOST_ROWS: usize = 1_000;
/// Values of a number, from its second to its ninety-eighth hundredth.
const VALUES_OF_A_NUMBER: usize = 15;
/// Levels of a category, those of most customers.
const MOST_LEVELS: usize = 8;

/// How the mean forecast changes with one feature.
#[derive(Debug, Clone, PartialEq)]
pub enum Dependence {
    /// Of a number: values, rising, with the mean forecast at each.
    Number(Vec<(f64, f64)>),
    /// Of a category: levels, the one of most customers first, with the mean forecast of each.
    Category(Vec<(String, f64)>),
}

/// The partial dependence of a forecast on one feature; `None` where the feature has less than two values.
///
/// `rows` are (n, width), row by row; `predict` gives a probability for each of the rows that it is given. All rows get
/// one value after the other, and the forecasts are averaged. Source: Friedman (2001), *Greedy function approximation*.
#[must_use]
pub fn partial_dependence(
    rows: &[f64],
    width: usize,
    feature: usize,
    kind: &FeatureKind,
    predict: impl Fn(&[f64]) -> Vec<f64>,
) -> Option<Dependence> {
    let step = (rows.len() / width).div_ceil(MOST_ROWS).max(1);
    let mut changed: Vec<f64> = rows.chunks_exact(width).step_by(step).flatten().copied().collect();
    let mut mean_at = |value: f64| {
        changed.iter_mut().skip(feature).step_by(width).for_each(|cell| *cell = value);
        let forecasts = predict(&changed);
        forecasts.iter().sum::<f64>() / forecasts.len() as f64
    };
    let mut known: Vec<f64> =
        rows.iter().skip(feature).step_by(width).copied().filter(|value| !value.is_nan()).collect();
    known.sort_by(f64::total_cmp);
    match kind {
        FeatureKind::Number => {
            let share = |place: usize| 0.02 + 0.96 * place as f64 / (VALUES_OF_A_NUMBER - 1) as f64;
            let quantile =
                |place: usize| known.get((share(place) * (known.len() as f64 - 1.0)).round() as usize).copied();
            let mut values: Vec<f64> = (0..VALUES_OF_A_NUMBER).filter_map(quantile).collect();
            values.dedup();
            let points: Vec<(f64, f64)> = values.into_iter().map(|value| (value, mean_at(value))).collect();
            (points.len() > 1).then_some(Dependence::Number(points))
        }
        FeatureKind::Category { levels } => {
            let mut counted: Vec<(usize, usize)> =
                known.chunk_by(|one, next| one == next).map(|same| (same.len(), same[0] as usize)).collect();
            counted.retain(|(_, level)| *level < levels.len());
            counted.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(&other.1)));
            counted.truncate(MOST_LEVELS);
            let points: Vec<(String, f64)> =
                counted.into_iter().map(|(_, level)| (levels[level].clone(), mean_at(level as f64))).collect();
            (points.len() > 1).then_some(Dependence::Category(points))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twice the number less a tenth of the level, over ten.
    fn predict(rows: &[f64]) -> Vec<f64> {
        rows.chunks_exact(2).map(|row| (2.0 * row[0] - 0.1 * row[1]) / 10.0).collect()
    }

    fn rows() -> Vec<f64> {
        (0..101_u32).flat_map(|row| [f64::from(row) / 25.0, f64::from(u32::from(row % 4 == 0))]).collect()
    }

    #[test]
    fn the_mean_forecast_follows_the_number_with_the_others_as_they_are() {
        let found = partial_dependence(&rows(), 2, 0, &FeatureKind::Number, predict);
        let Some(Dependence::Number(points)) = found else { panic!("{found:?}") };
        assert_eq!(points.len(), VALUES_OF_A_NUMBER);
        for (value, mean) in points {
            // 26 of 101 rows have level 1.
            let expected = (2.0 * value - 0.1 * 26.0 / 101.0) / 10.0;
            assert!((mean - expected).abs() < 1e-12, "{mean} at {value}, expected {expected}");
        }
    }

    #[test]
    fn levels_come_by_their_customers_and_one_level_says_nothing() {
        let levels = |names: &[&str]| FeatureKind::Category { levels: names.iter().map(ToString::to_string).collect() };
        let found = partial_dependence(&rows(), 2, 1, &levels(&["shop", "web"]), predict);
        let Some(Dependence::Category(points)) = found else { panic!("{found:?}") };
        assert_eq!((points[0].0.as_str(), points[1].0.as_str()), ("shop", "web"));
        assert!((points[0].1 - points[1].1 - 0.01).abs() < 1e-12, "{points:?}");
        assert_eq!(partial_dependence(&rows(), 2, 1, &levels(&["shop"]), predict), None);
    }
}
