//! Our kernels against the libraries that fitted them, through public names only.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2, ShapeBuilder};
use smartcore::ensemble::random_forest_regressor::{RandomForestRegressor, RandomForestRegressorParameters};
use smartcore::linalg::basic::matrix::DenseMatrix;
use tend_models::families::blend::{Blend, Member, MemberModel};
use tend_models::families::calibration::{Calibration, log_odds};
use tend_models::families::classifier::{Classifier, Family};
use tend_models::families::logistic::{Logistic, Term, sigmoid};
use tend_models::predict::{FeatureKind, Predict};
use tend_training::fit::baseline::{RecencyBinsParams, fit_base_rate};
use tend_training::fit::boosting::BoostingParams;
use tend_training::fit::forest::ForestParams;
use tend_training::fit::logistic::LogisticParams;
use tend_training::fit::segments::SegmentParams;
use tend_training::fit::table::TrainingRows;

/// Customers with a number that may be unknown, a heavy-tailed one, and a category of three levels, the third rare.
struct Customers {
    rows: Vec<f64>,
    labels: Vec<bool>,
    kinds: Vec<FeatureKind>,
    names: Vec<String>,
}

impl Customers {
    fn new(count: usize) -> Self {
        let levels = ["annual", "monthly", "trial"].map(String::from).to_vec();
        let mut customers = Self {
            rows: Vec::new(),
            labels: Vec::new(),
            kinds: vec![FeatureKind::Number, FeatureKind::Number, FeatureKind::Category { levels }],
            names: ["age", "spend", "plan"].map(String::from).to_vec(),
        };
        for step in 0..count {
            let age = ((step * 37) % 61) as f64;
            let age = if step % 7 == 3 { f64::NAN } else { age };
            let spend = (((step * 13) % 101) as f64 / 10.0).exp();
            let plan = [0.0, 0.0, 1.0, 1.0, f64::NAN, 2.0][(step * 5 + step / 11) % 6];
            customers.rows.extend([age, spend, plan]);
            customers.labels.push(step % 9 == 0 || (age > 40.0 && plan == 1.0) || (age.is_nan() && spend < 5.0));
        }
        customers
    }

    /// With every outcome turned into its opposite: the other class is the majority.
    fn opposite(count: usize) -> Self {
        let mut customers = Self::new(count);
        customers.labels.iter_mut().for_each(|label| *label = !*label);
        customers
    }

    fn table(&self) -> TrainingRows<'_> {
        TrainingRows { rows: &self.rows, kinds: &self.kinds, labels: &self.labels, names: &self.names }
    }

    fn families(&self) -> Vec<Family> {
        let table = self.table();
        let forest = ForestParams { trees: 60, ..ForestParams::default() };
        let logistic = LogisticParams::default().fit(&table).unwrap();
        let forest = forest.fit(&table).unwrap();
        let boosted = BoostingParams::for_rows(table.len()).fit(&table).unwrap();
        let members = vec![
            Member { weight: 0.2, model: MemberModel::Logistic(logistic.clone()) },
            Member { weight: 0.3, model: MemberModel::Trees(forest.clone()) },
            Member { weight: 0.5, model: MemberModel::Boosted(boosted.clone()) },
        ];
        vec![
            Family::BaseRate(fit_base_rate(&table).unwrap()),
            Family::RecencyBins(RecencyBinsParams::new(0).fit(&table).unwrap()),
            Family::Logistic(logistic),
            Family::Trees(forest),
            Family::Boosted(boosted),
            Family::Blend(Blend { members }),
        ]
    }
}

/// The matrix of a logistic regression, written out by hand: standardised numbers with a column for the unknown
/// after each, then a column a level, then one for an unknown level.
fn expanded(model: &Logistic, rows: &TrainingRows) -> Array2<f64> {
    let scaled = |feature: usize, value: f64| match &model.terms[feature] {
        Term::Number { scaling, .. } => scaling.apply(value),
        Term::Category { .. } => panic!("feature {feature} is a number"),
    };
    let flag = |flag: bool| f64::from(u8::from(flag));
    let mut matrix = Array2::zeros((rows.len(), 7).f());
    for index in 0..rows.len() {
        let &[age, spend, plan] = rows.row(index) else { panic!("three features") };
        // The columns of levels go by frequency: the two plans that more customers have, then the rare one.
        let columns = [
            scaled(0, age),
            flag(age.is_nan()),
            scaled(1, spend),
            flag(plan == 0.0),
            flag(plan == 1.0),
            flag(plan == 2.0),
            flag(plan.is_nan()),
        ];
        for (column, value) in columns.into_iter().enumerate() {
            matrix[[index, column]] = value;
        }
    }
    matrix
}

#[test]
fn the_logistic_kernel_gives_the_probabilities_of_linfa() {
    for customers in [Customers::new(3000), Customers::opposite(3000)] {
        let rows = customers.table();
        let params = LogisticParams { l2: vec![1.0], ..LogisticParams::default() };
        let ours = params.fit(&rows).unwrap();
        // Same matrix, same penalty, same tolerance: the optimiser takes the same steps.
        let dataset =
            DatasetBase::new(expanded(&ours, &rows), customers.labels.iter().copied().collect::<Array1<bool>>());
        let theirs = LogisticRegression::default()
            .alpha(1.0)
            .max_iterations(300)
            .gradient_tolerance(1e-5 * rows.len() as f64)
            .fit(&dataset)
            .unwrap();
        let of_majority = theirs.predict_probabilities(&dataset.records);
        let majority_is_true = theirs.labels().pos.class;
        assert_eq!(majority_is_true, 2 * rows.positives() > rows.len());
        for (row, &probability) in of_majority.iter().enumerate() {
            let expected = if majority_is_true { probability } else { 1.0 - probability };
            let found = sigmoid(ours.predict(rows.row(row)));
            assert!((found - expected).abs() < 1e-9, "row {row}: {found}, linfa {expected}");
        }
    }
}

#[test]
fn the_tree_kernel_gives_the_predictions_of_smartcore() {
    let customers = Customers::new(3000);
    let rows = customers.table();
    // Twenty trees are one unit of work, and its seed is 0 if ours is.
    let params = ForestParams {
        trees: 20,
        max_depth: 9,
        min_leaf: 4,
        features_per_split: Some(2),
        seed: 0,
        ..ForestParams::default()
    };
    let ours = params.fit(&rows).unwrap();
    let encoded = |row: usize| {
        let pairs = ours.encodings.iter().zip(rows.row(row));
        pairs.map(|(encoding, &value)| encoding.apply(value)).collect()
    };
    let matrix: Vec<Vec<f64>> = (0..rows.len()).map(encoded).collect();
    let matrix = DenseMatrix::from_2d_vec(&matrix).unwrap();
    let labels: Vec<f64> = customers.labels.iter().map(|&label| f64::from(label)).collect();
    let parameters = RandomForestRegressorParameters::default()
        .with_n_trees(20)
        .with_max_depth(10)
        .with_min_samples_leaf(4)
        .with_min_samples_split(8)
        .with_m(2)
        .with_seed(0);
    let theirs = RandomForestRegressor::fit(&matrix, &labels, parameters).unwrap();
    for (row, expected) in theirs.predict(&matrix).unwrap().into_iter().enumerate() {
        let found = ours.predict(rows.row(row));
        assert!((found - expected).abs() < 1e-12, "row {row}: {found}, smartcore {expected}");
    }
}

#[test]
fn threads_change_no_byte_of_a_fitted_model() {
    let customers = Customers::new(3000);
    let fitted = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let segments = SegmentParams::default().fit(&customers.table()).unwrap();
            serde_json::to_vec(&(customers.families(), segments)).unwrap()
        })
    };
    let alone = fitted(1);
    for threads in [2, 3, 8] {
        assert!(fitted(threads) == alone, "{threads} threads fit another model than one");
    }
}

#[test]
fn another_seed_draws_another_forest() {
    let customers = Customers::new(1000);
    let forest = |seed| {
        let params = ForestParams { trees: 20, seed, ..ForestParams::default() };
        params.fit(&customers.table()).unwrap()
    };
    assert_eq!(forest(1), forest(1));
    assert_ne!(forest(1), forest(2));
}

#[test]
fn an_unseen_category_and_unknown_values_get_a_probability_with_reasons_that_add_up() {
    let customers = Customers::new(3000);
    let unseen = customers.kinds.len() as f64;
    let rows = [[30.0, 20.0, unseen], [f64::NAN, f64::NAN, f64::NAN], [1e300, -1e300, unseen], [f64::NAN, 1e300, 0.0]];
    for family in customers.families() {
        let classifier = Classifier { family, calibration: Calibration::None, width: customers.kinds.len() };
        assert_eq!(classifier.check(&customers.kinds), Ok(()));
        for row in &rows {
            let probability = classifier.probability(row).get();
            assert!(probability > 0.0 && probability < 1.0, "{probability} for {row:?}");
            let mut contributions = [0.0; 3];
            let base = classifier.explain(row, &mut contributions);
            let sum = base + contributions.iter().sum::<f64>();
            let predicted = classifier.family.predict(row);
            assert!(
                (sum - predicted).abs() < 1e-12,
                "{} explains {sum} of {predicted} for {row:?}",
                classifier.family_name()
            );
            let base = classifier.family.explain_log_odds(row, &mut contributions);
            let sum = base + contributions.iter().sum::<f64>();
            let expected = log_odds(classifier.family.raw_probability(row).get());
            let is_certain = expected.abs() > 13.0;
            assert!(
                is_certain || (sum - expected).abs() < 1e-9,
                "{} explains log-odds {sum} of {expected} for {row:?}",
                classifier.family_name()
            );
        }
    }
}

#[test]
fn an_unseen_category_says_nothing() {
    let customers = Customers::new(3000);
    for family in &customers.families()[2..] {
        let mut contributions = [0.0; 3];
        family.explain(&[30.0, 20.0, 3.0], &mut contributions);
        match family {
            Family::Logistic(_) => assert_eq!(contributions[2], 0.0),
            // A forest puts it at the overall rate, which its splits may still tell from the levels.
            Family::Trees(trees) => {
                let overall = customers.table().positives() as f64 / customers.table().len() as f64;
                assert_eq!(trees.encodings[2].apply(3.0), overall);
            }
            // Boosting sends it where most customers of its path go: a guess, not a blank.
            Family::Boosted(_) | Family::Blend(_) => assert!(contributions[2].abs() < 1.0, "{}", contributions[2]),
            Family::BaseRate(_) | Family::RecencyBins(_) => unreachable!("not in this half"),
        }
    }
}

#[test]
fn unknown_numbers_of_a_forest_are_apart_from_known_ones() {
    let customers = Customers::new(3000);
    let forest = ForestParams::default().fit(&customers.table()).unwrap();
    let cheap = |age: f64| forest.predict(&[age, 2.0, 0.0]);
    // Customers of unknown age who spend little always leave; those of the least known age do not.
    assert!(cheap(f64::NAN) > 0.7, "{}", cheap(f64::NAN));
    assert!(cheap(0.0) < 0.5, "{}", cheap(0.0));
}
