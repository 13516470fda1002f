//! What every candidate family promises, whichever it is: add a family to `families` and it is held to all of it.

use tend_models::artifact::{self, ChurnDefinition, ChurnModel, Header, Model};
use tend_models::families::blend::{Blend, Member, MemberModel};
use tend_models::families::calibration::{Calibration, log_odds};
use tend_models::families::classifier::{Classifier, Family};
use tend_models::features::{Feature, FeaturePlan, Measure};
use tend_models::predict::{FeatureKind, Predict};
use tend_models::scorecard::Task;
use tend_training::champion::{Effort, contest};
use tend_training::fit::baseline::{RecencyBinsParams, fit_base_rate};
use tend_training::fit::boosting::BoostingParams;
use tend_training::fit::forest::ForestParams;
use tend_training::fit::logistic::LogisticParams;
use tend_training::fit::table::{FitError, TrainingRows};
use tend_training::samples::{Samples, all_rows};

type Fit = fn(&TrainingRows<'_>) -> Result<Family, FitError>;

/// Every family by its name, with how it is fitted.
fn families() -> [(&'static str, Fit); 6] {
    [
        ("base-rate", |rows| fit_base_rate(rows).map(Family::BaseRate)),
        ("recency-bins", |rows| RecencyBinsParams::new(0).fit(rows).map(Family::RecencyBins)),
        ("logistic", |rows| LogisticParams::default().fit(rows).map(Family::Logistic)),
        ("forest", |rows| ForestParams::default().fit(rows).map(Family::Trees)),
        ("boosting", |rows| BoostingParams::for_rows(rows.len()).fit(rows).map(Family::Boosted)),
        ("blend", |rows| {
            let members = vec![
                Member { weight: 0.25, model: MemberModel::Logistic(LogisticParams::default().fit(rows)?) },
                Member { weight: 0.25, model: MemberModel::Trees(ForestParams::default().fit(rows)?) },
                Member { weight: 0.5, model: MemberModel::Boosted(BoostingParams::for_rows(rows.len()).fit(rows)?) },
            ];
            Ok(Family::Blend(Blend { members }))
        }),
    ]
}

/// Days since the last purchase, sometimes unknown; a heavy-tailed spend; a plan.
fn plan() -> FeaturePlan {
    let levels = ["annual", "monthly", "trial"].map(String::from).to_vec();
    let kinds = [
        ("days_since_last_purchase", FeatureKind::Number),
        ("spend", FeatureKind::Number),
        ("plan", FeatureKind::Category { levels }),
    ];
    let feature = |(name, kind): (&str, FeatureKind)| Feature {
        name: name.to_owned(),
        label: name.replace('_', " "),
        kind,
        measure: Measure::Column(name.to_owned()),
    };
    FeaturePlan { features: kinds.map(feature).to_vec() }
}

fn samples(count: usize) -> Samples {
    let mut samples = Samples::new(plan());
    for step in 0..count {
        let silent = if step % 7 == 3 { f64::NAN } else { ((step * 37) % 61) as f64 };
        let spend = (((step * 13) % 101) as f64 / 10.0).exp();
        let plan = [0.0, 0.0, 1.0, 1.0, f64::NAN, 2.0][(step * 5 + step / 11) % 6];
        samples.rows.extend([silent, spend, plan]);
        samples.labels.push(step % 9 == 0 || (silent > 40.0 && plan == 1.0) || (silent.is_nan() && spend < 5.0));
    }
    samples
}

fn places(samples: &Samples) -> Vec<usize> {
    (0..samples.len()).collect()
}

fn fitted(fit: Fit, samples: &Samples) -> Result<Family, FitError> {
    fit(&samples.part(&places(samples)).training_rows())
}

fn model(family: Family) -> Model {
    let plan = plan();
    let classifier =
        Classifier { family, calibration: Calibration::Platt { slope: 0.9, intercept: 0.1 }, width: plan.width() };
    Model::Churn(ChurnModel { plan, classifier, definition: ChurnDefinition::TargetColumn, horizon_days: 0 })
}

fn header(family: &str) -> Header {
    Header {
        task: Task::Churn,
        version: "1".to_owned(),
        family: family.to_owned(),
        as_of: None,
        rows: 0,
        seed: 0,
        made_by: "test".to_owned(),
        payload_bytes: 0,
        payload_blake3: String::new(),
    }
}

/// The rows to predict: some of the training rows, and some unlike any of them.
fn rows(samples: &Samples) -> Vec<Vec<f64>> {
    let unlike = [[f64::NAN; 3], [1e300, -1e300, 3.0], [-5.0, 0.0, f64::NAN]];
    let seen = (0..200).map(|place| samples.row(place).to_vec());
    seen.chain(unlike.map(|row| row.to_vec())).collect()
}

#[test]
fn a_family_is_what_it_is_called() {
    let samples = samples(1_500);
    for (name, fit) in families() {
        assert_eq!(fitted(fit, &samples).unwrap().name(), name);
    }
}

#[test]
fn the_same_rows_give_the_same_bytes_on_any_number_of_threads() {
    let samples = samples(1_500);
    for (name, fit) in families() {
        let bytes = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            artifact::encode(header(name), &model(pool.install(|| fitted(fit, &samples)).unwrap()))
        };
        let alone = bytes(1);
        for threads in [1, 2, 5] {
            assert!(bytes(threads) == alone, "{name}: {threads} threads fit another model than one");
        }
    }
}

#[test]
fn no_rows_one_outcome_and_numbers_that_are_not_finite_are_refused_with_what_is_wrong() {
    for (name, fit) in families() {
        let said = |samples: &Samples| fitted(fit, samples).map(|_| ()).unwrap_err().to_string();
        let empty = said(&samples(0));
        assert!(empty.contains("found no training rows, expected at least one"), "{name}: {empty}");
        for outcome in [false, true] {
            let mut one = samples(60);
            one.labels.fill(outcome);
            let expected =
                format!("found {} positives in 60 rows, expected both outcomes", if outcome { 60 } else { 0 });
            let found = said(&one);
            assert!(found.contains(&expected), "{name}: {found}");
        }
        for wrong in [f64::INFINITY, f64::NEG_INFINITY] {
            let mut infinite = samples(60);
            infinite.rows[3 * 17 + 1] = wrong;
            let expected =
                format!("feature `spend`, row 17: found {wrong}, expected a finite number, or NaN if unknown");
            assert_eq!(said(&infinite), expected, "{name}");
        }
        let mut unnamed = samples(60);
        unnamed.rows[3 * 5 + 2] = 4.0;
        let found = said(&unnamed);
        assert!(found.contains("feature `plan`, row 5: found 4, expected the index of a level"), "{name}: {found}");
    }
}

#[test]
fn a_model_read_back_is_equal_to_the_bit() {
    let (samples, folder) = (samples(1_500), tempfile::tempdir().unwrap());
    for (name, fit) in families() {
        let written = model(fitted(fit, &samples).unwrap());
        let path = folder.path().join(name);
        artifact::save(&path, header(name), &written).unwrap();
        let (_, read) = artifact::load(&path).unwrap();
        assert_eq!(read, written, "{name}");
        let bits = |model: &Model, row: &[f64]| match model {
            Model::Churn(model) => model.classifier.probability(row).get().to_bits(),
            other => panic!("{other:?}"),
        };
        for row in rows(&samples) {
            assert_eq!(bits(&read, &row), bits(&written, &row), "{name} for {row:?}");
        }
        assert!(artifact::encode(header(name), &read) == artifact::encode(header(name), &written), "{name}");
    }
}

#[test]
fn contributions_add_up_on_the_family_s_scale_and_in_log_odds() {
    let samples = samples(1_500);
    for (name, fit) in families() {
        let family = fitted(fit, &samples).unwrap();
        for row in rows(&samples) {
            let mut contributions = [f64::NAN; 3];
            let base = family.explain(&row, &mut contributions);
            let (found, expected) = (base + contributions.iter().sum::<f64>(), family.predict(&row));
            assert!((found - expected).abs() < 1e-9, "{name}: {found} of {expected} for {row:?}");
            let base = family.explain_log_odds(&row, &mut contributions);
            let probability = family.raw_probability(&row).get();
            let (found, expected) = (base + contributions.iter().sum::<f64>(), log_odds(probability));
            let is_certain = expected.abs() > 13.0;
            assert!(is_certain || (found - expected).abs() < 1e-9, "{name}: {found} of {expected} for {row:?}");
        }
    }
}

#[test]
fn every_row_has_a_probability_that_can_be_taken_as_one() {
    let samples = samples(1_500);
    for (name, fit) in families() {
        let family = fitted(fit, &samples).unwrap();
        for row in rows(&samples) {
            let probability = family.raw_probability(&row).get();
            assert!((0.0..=1.0).contains(&probability), "{name}: {probability} for {row:?}");
        }
        let all = samples.rows.chunks_exact(3).map(|row| family.raw_probability(row).get());
        let mean = all.sum::<f64>() / samples.len() as f64;
        let rate = samples.labels.iter().filter(|&&label| label).count() as f64 / samples.len() as f64;
        assert!((mean - rate).abs() < 0.02, "{name}: a mean of {mean}, a rate of {rate}");
    }
}

#[test]
fn the_contest_keeps_the_contract_at_every_effort() {
    let samples = samples(700);
    let split = all_rows(&samples.labels, 3);
    for effort in [Effort::Quick, Effort::Standard, Effort::Thorough] {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| contest(&samples, &split, effort, 11)).unwrap()
        };
        let (alone, together) = (run(1), run(3));
        assert_eq!(alone.champion, together.champion, "{effort:?}");
        assert_eq!(alone.tried, together.tried, "{effort:?}");
        assert_eq!(alone.candidates, together.candidates, "{effort:?}");
        assert_eq!(alone.champion.check(&samples.plan.kinds()), Ok(()));
        let refused = |change: fn(&mut Samples)| {
            let mut samples = samples.clone();
            change(&mut samples);
            contest(&samples, &split, effort, 11).map(|_| ()).unwrap_err().to_string()
        };
        let one = refused(|samples| samples.labels.fill(true));
        assert!(one.contains("expected both outcomes"), "{one}");
        let infinite = refused(|samples| samples.rows.fill(f64::INFINITY));
        assert!(infinite.contains("expected a finite number"), "{infinite}");
        let none = contest(&samples, &Default::default(), effort, 11).map(|_| ()).unwrap_err().to_string();
        assert!(none.contains("found no training rows"), "{none}");
    }
}
