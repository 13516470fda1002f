//! How settings are chosen: on training rows alone, repeatably, and simply where positives are few.

use tend_models::families::logistic::sigmoid;
use tend_models::features::{Feature, FeaturePlan, Measure};
use tend_models::predict::FeatureKind;
use tend_training::champion::{Contest, Effort, Trial, contest, forecasts};
use tend_training::evaluate::log_loss;
use tend_training::samples::{Fold, Samples, Split, all_rows};

const FEATURES: usize = 12;

/// Rows of spread-out features whose outcome has these log-odds.
fn samples(rows: usize, seed: u64, log_odds: impl Fn(&[f64]) -> f64) -> Samples {
    let feature = |place: usize| Feature {
        name: format!("feature_{place}"),
        label: format!("feature {place}"),
        kind: FeatureKind::Number,
        measure: Measure::Column(format!("feature_{place}")),
    };
    let mut samples = Samples::new(FeaturePlan { features: (0..FEATURES).map(feature).collect() });
    let mut state = seed;
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
    samples
}

fn noisy_line(row: &[f64]) -> f64 {
    0.6 * row[0] - 0.4 * row[1] - 1.5
}

/// The first three fifths train, of these the newest fifth judges settings; then a fifth to tune and one to test.
fn in_time(rows: usize) -> Split {
    let part = |from: usize, until: usize| (rows * from / 50..rows * until / 50).collect::<Vec<_>>();
    let fold = Fold { fit: part(0, 20), judge: part(24, 30) };
    Split { train: part(0, 30), tune: part(30, 40), test: part(40, 50), folds: vec![fold] }
}

fn thorough(samples: &Samples, split: &Split) -> Contest {
    contest(samples, split, Effort::Thorough, 5).unwrap()
}

#[test]
fn settings_are_chosen_without_the_tune_and_the_test_rows() {
    let samples = samples(6_000, 7, noisy_line);
    let split = in_time(samples.len());
    let before = thorough(&samples, &split);
    assert_eq!(before.tried.iter().filter(|trial| trial.is_chosen).count(), 3, "one a family");

    let mut other = samples.clone();
    split.tune.iter().for_each(|&place| other.labels[place] = !other.labels[place]);
    assert_eq!(thorough(&other, &split).tried, before.tried, "tune labels change what is tried");

    // A single read of a test row would be refused.
    let mut unreadable = samples.clone();
    for &place in &split.test {
        unreadable.rows[place * FEATURES..][..FEATURES].fill(f64::INFINITY);
        unreadable.labels[place] = !unreadable.labels[place];
    }
    assert_eq!(thorough(&unreadable, &split).champion, before.champion);
}

#[test]
fn many_settings_meet_on_few_rows_and_the_better_on_more() {
    let samples = samples(60_000, 3, noisy_line);
    let tried = thorough(&samples, &in_time(samples.len())).tried;
    let boosting: Vec<&Trial> = tried.iter().filter(|trial| trial.family == "boosting").collect();
    let in_round = |least: usize| boosting.iter().filter(|trial| trial.rounds >= least).count();
    // 24,000 rows to fit on are too few for a ninth of them to tell settings apart: two rounds.
    assert_eq!((boosting.len(), in_round(1), in_round(3)), (18, 18, 0));
    assert!((6..=7).contains(&in_round(2)), "{boosting:?}");
    for trial in &boosting {
        assert_eq!(trial.rows, if trial.rounds == 2 { 24_000 } else { 8_000 }, "{trial:?}");
        assert_eq!(trial.judged_rows, 7_200, "{trial:?}");
    }
    let usual = boosting.iter().find(|trial| trial.is_usual).unwrap();
    let chosen = boosting.iter().find(|trial| trial.is_chosen).unwrap();
    assert_eq!(usual.rounds, 2, "the usual setting is in the last round");
    // The truth is a line and mostly noise: the usual trees are larger than that bears.
    assert!(chosen.log_loss < usual.log_loss, "chosen {chosen:?}, usual {usual:?}");
    assert_eq!(chosen.log_loss, boosting[0].log_loss, "the best of the last round comes first");
}

#[test]
fn a_search_finds_settings_that_hold_on_new_rows() {
    // An interaction of many levels of two numbers, with next to no noise: small leaves and many of them pay.
    let truth = |row: &[f64]| 4.0 * (2.5 * row[0]).sin() * (2.5 * row[1]).cos();
    let samples = samples(12_000, 9, truth);
    let split = in_time(samples.len());
    let happened: Vec<bool> = split.test.iter().map(|&place| samples.labels[place]).collect();
    let tested = |effort: Effort| {
        let contest = contest(&samples, &split, effort, 5).unwrap();
        log_loss(&forecasts(&contest.champion, &samples, &split.test), &happened).unwrap()
    };
    let (usual, found) = (tested(Effort::Standard), tested(Effort::Thorough));
    assert!(found < usual - 0.005, "thorough {found}, standard {usual}");
}

#[test]
fn a_few_positives_train_a_simple_model_that_holds_on_new_rows() {
    let truth = |row: &[f64]| 1.2 * row[0] - 0.8 * row[1] - 3.0;
    let (mut simple, mut base, mut contests) = (0.0, 0.0, 0);
    for seed in [3, 5, 17, 23, 31, 47] {
        let small = samples(300, seed, truth);
        let positives = small.labels.iter().filter(|&&label| label).count();
        assert!((15..60).contains(&positives), "{positives}");
        let found = contest(&small, &all_rows(&small.labels, 5), Effort::Standard, 5).unwrap();
        assert_ne!(found.champion.family_name(), "blend");
        let many = samples(20_000, seed + 1_000, truth);
        let loss = |champion| log_loss(&forecasts(champion, &many, &(0..20_000).collect::<Vec<_>>()), &many.labels);
        simple += loss(&found.champion).unwrap();
        let rate = positives as f64 / 300.0;
        base += log_loss(&vec![rate; 20_000], &many.labels).unwrap();
        contests += 1;
        let judged = &found.candidates[0].figures;
        assert_eq!(judged.rows, 300, "tune rows and folds together are all rows");
    }
    let (simple, base) = (simple / f64::from(contests), base / f64::from(contests));
    assert!(simple < base - 0.02, "a log loss of {simple} on new rows, the base rate alone {base}");
}

#[test]
fn fewer_positives_than_the_least_are_refused_with_their_number() {
    let mut small = samples(300, 3, noisy_line);
    small.labels.iter_mut().enumerate().for_each(|(place, label)| *label = place % 75 == 0);
    let error = contest(&small, &all_rows(&small.labels, 5), Effort::Standard, 5).map(|_| ()).unwrap_err();
    let expected = "found 3 of the rarer outcome in 239 training rows, expected at least 6; bring more rows";
    assert!(error.to_string().contains(expected), "{error}");
}
