//! When a contest is won by a blend, and when it is not.

use tend_models::families::classifier::Family;
use tend_models::families::logistic::sigmoid;
use tend_models::features::{Feature, FeaturePlan, Measure};
use tend_models::predict::FeatureKind;
use tend_training::champion::{Contest, Effort, contest, forecasts};
use tend_training::evaluate::log_loss;
use tend_training::samples::{Samples, Split};

const FEATURES: usize = 6;

/// Rows of spread-out features whose outcome has these log-odds.
fn samples(rows: usize, log_odds: impl Fn(&[f64]) -> f64) -> (Samples, Split) {
    let feature = |place: usize| Feature {
        name: format!("feature_{place}"),
        label: format!("feature {place}"),
        kind: FeatureKind::Number,
        measure: Measure::Column(format!("feature_{place}")),
    };
    let mut samples = Samples::new(FeaturePlan { features: (0..FEATURES).map(feature).collect() });
    // A small generator of our own: the rows are the same everywhere.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    for _ in 0..rows {
        let row: Vec<f64> = (0..FEATURES).map(|_| 4.0 * random() - 2.0).collect();
        samples.labels.push(random() < sigmoid(log_odds(&row)));
        samples.rows.extend(row);
    }
    let part = |from: usize, until: usize| (rows * from / 20..rows * until / 20).collect();
    (samples, Split { train: part(0, 2), tune: part(2, 10), test: part(10, 20), folds: Vec::new() })
}

fn run(samples: &Samples, split: &Split) -> Contest {
    contest(samples, split, Effort::Quick, 5).unwrap()
}

#[test]
fn a_blend_wins_where_each_member_sees_a_part_of_the_truth() {
    // A slope that trees only approach in steps, and an interaction that a line cannot see.
    let truth = |row: &[f64]| {
        0.9 * row[0] - 0.7 * row[3] + 0.6 * row[4] - 0.5 * row[5] - 1.0 + 0.9 * (row[1] * row[2]).signum()
    };
    let (samples, split) = samples(20_000, truth);
    let contest = run(&samples, &split);
    let Family::Blend(blend) = &contest.champion.family else { panic!("{:?}", contest.candidates) };
    let total: f64 = blend.members.iter().map(|member| member.weight).sum();
    assert!((total - 1.0).abs() < 1e-12 && blend.members.len() >= 2, "{total}");
    assert_eq!(contest.candidates[0].family, "blend");

    // What the tune rows promised holds on rows that neither models nor weights have seen.
    let happened: Vec<bool> = split.test.iter().map(|&place| samples.labels[place]).collect();
    let tested = log_loss(&forecasts(&contest.champion, &samples, &split.test), &happened).unwrap();
    let promised = contest.candidates[0].figures.log_loss;
    let best_member = contest.candidates[1].figures.log_loss;
    assert!(promised < best_member, "{promised} {best_member}");
    assert!((tested - promised).abs() < 0.02, "found {tested}, promised {promised}");
    for member in &blend.members {
        let alone: Vec<f64> =
            split.test.iter().map(|&place| sigmoid(member.model.log_odds(samples.row(place)))).collect();
        let alone = log_loss(&alone, &happened).unwrap();
        assert!(tested < alone, "the blend's {tested}, a member's {alone}");
    }
}

#[test]
fn a_blend_does_not_win_by_luck() {
    // The truth is a line: what others add to it is noise.
    let (samples, split) = samples(12_000, |row| 0.8 * row[0] - 0.6 * row[1] - 1.0);
    let contest = run(&samples, &split);
    assert_eq!(contest.champion.family_name(), "logistic", "{:?}", contest.candidates);
    assert!(contest.candidates.iter().any(|candidate| candidate.family == "boosting"));
}

#[test]
fn nothing_to_learn_leaves_the_base_rate() {
    let (samples, split) = samples(3_000, |_| -1.0);
    let contest = run(&samples, &split);
    let best = &contest.candidates[0];
    assert!(best.is_baseline || best.figures.auc.is_some_and(|auc| auc < 0.56), "{best:?}");
    assert_ne!(best.family, "blend");
}
