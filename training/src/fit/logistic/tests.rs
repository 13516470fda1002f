//! What the fitted logistic regression promises.

use tend_models::families::logistic::Term;
use tend_models::predict::FeatureKind;

use super::*;

/// Numbers with unknown values and a heavy tail, a constant, and a category with rare levels.
fn table(count: usize, positive_every: usize) -> (Vec<f64>, Vec<bool>, Vec<FeatureKind>, Vec<String>) {
    let levels = ["a", "b", "c", "d"].map(String::from).to_vec();
    let kinds = vec![FeatureKind::Number, FeatureKind::Number, FeatureKind::Number, FeatureKind::Category { levels }];
    let names = ["age", "spend", "constant", "plan"].map(String::from).to_vec();
    let mut rows = Vec::new();
    let mut labels = Vec::new();
    for step in 0..count {
        let age = if step % 7 == 3 { f64::NAN } else { ((step * 37) % 61) as f64 };
        let spend = (((step * 13) % 101) as f64 / 10.0).exp();
        let plan = [0.0, 0.0, 1.0, 2.0, 4.0, f64::NAN][(step * 5 + step / 11) % 6];
        rows.extend([age, spend, 3.5, plan]);
        labels.push(step % positive_every == 0 || (age > 50.0 && plan == 1.0));
    }
    (rows, labels, kinds, names)
}

#[test]
fn our_kernel_gives_the_probabilities_of_linfa() {
    // Positives are the minority in the first table and the majority in the second.
    for positive_every in [9, 1] {
        let (rows, mut labels, kinds, names) = table(3000, positive_every);
        if positive_every == 1 {
            labels = table(3000, 9).1.iter().map(|label| !label).collect();
        }
        let rows = TrainingRows { rows: &rows, kinds: &kinds, labels: &labels, names: &names };
        let sample: Vec<usize> = (0..rows.len()).collect();
        let plan = ColumnPlan::new(&rows, &sample, 2);
        let expanded = expand(&rows, &plan, &sample);
        let fitted = fit_with_linfa(&expanded, 1.0, CLOSE, None).unwrap();
        let kernel = plan.kernel(&rows, &sample, &solve(&expanded, 1.0, CLOSE, None).unwrap());
        let theirs = fitted.predict_probabilities(&expanded.records);
        for (row, &majority) in theirs.iter().enumerate() {
            let expected = if fitted.labels().pos.class { majority } else { 1.0 - majority };
            let found = sigmoid(kernel.predict(rows.row(row)));
            assert!((found - expected).abs() < 1e-9, "row {row}: {found}, linfa {expected}");
        }
        let mean = (0..rows.len()).map(|row| sigmoid(kernel.predict(rows.row(row)))).sum::<f64>();
        let rate = rows.positives() as f64 / rows.len() as f64;
        assert!((mean / rows.len() as f64 - rate).abs() < 1e-4, "an unpenalised intercept keeps the rate");
    }
}

#[test]
fn a_start_from_the_solution_stays_there() {
    let (rows, labels, kinds, names) = table(2000, 9);
    let rows = TrainingRows { rows: &rows, kinds: &kinds, labels: &labels, names: &names };
    let sample: Vec<usize> = (0..rows.len()).collect();
    let plan = ColumnPlan::new(&rows, &sample, 50);
    let expanded = expand(&rows, &plan, &sample);
    let cold = solve(&expanded, 1.0, CLOSE, None).unwrap();
    let warm = solve(&expanded, 1.0, CLOSE, Some(&cold)).unwrap();
    for (a, b) in cold.coefficients.iter().zip(&warm.coefficients) {
        assert!((a - b).abs() < 1e-3, "{a} became {b}");
    }
}

#[test]
fn rare_levels_share_a_coefficient_and_unseen_ones_say_nothing() {
    let (rows, labels, kinds, names) = table(3000, 9);
    let rows = TrainingRows { rows: &rows, kinds: &kinds, labels: &labels, names: &names };
    let params = LogisticParams { l2: vec![1.0], max_levels: 1, ..LogisticParams::default() };
    let model = params.fit(&rows).unwrap();
    assert_eq!(model.check(&kinds), Ok(()));
    let Term::Category { levels, other, unknown, background } = &model.terms[3] else {
        panic!("{:?}", model.terms[3]);
    };
    assert_eq!((levels[1], levels[2]), (*other, *other), "b and c are rare");
    assert_eq!(levels[3], *background, "d never occurs");
    assert!(unknown != background && levels[0] != *other);
    let Term::Number { unknown, background, coefficient, .. } = &model.terms[2] else {
        panic!("{:?}", model.terms[2]);
    };
    assert_eq!((*unknown, *background, *coefficient), (0.0, 0.0, 0.0), "a constant has no weight");
}

#[test]
fn parameters_are_checked() {
    let (rows, labels, kinds, names) = table(100, 9);
    let rows = TrainingRows { rows: &rows, kinds: &kinds, labels: &labels, names: &names };
    for l2 in [vec![], vec![-1.0], vec![f64::NAN]] {
        let params = LogisticParams { l2, ..LogisticParams::default() };
        assert!(matches!(params.fit(&rows), Err(FitError::Parameter { name: "l2", .. })));
    }
    let one_outcome = TrainingRows { labels: &[false; 100], ..rows };
    let error = LogisticParams::default().fit(&one_outcome).unwrap_err();
    assert_eq!(error, FitError::OneOutcome { positives: 0, rows: 100 });
}
