//! Constraints hold for every row, and cost little where they are true.

use proptest::prelude::*;
use proptest::strategy::ValueTree;

use super::*;

/// What a fitted model makes of a row.
type Prediction = Box<dyn Fn(&[f64]) -> f64>;

fn constrained(features: &[(&str, Direction)]) -> BoostingParams {
    let monotone = features.iter().map(|&(feature, direction)| (feature.to_owned(), direction)).collect();
    BoostingParams { monotone, trees: 60, ..params() }
}

/// Rises with age but for a dip, falls with use but for a bump, and each changes the other.
fn crooked(row: &[f64]) -> f64 {
    let dip = if (-0.2..0.2).contains(&row[0]) { 1.5 } else { 0.0 };
    let bump = if row[1] > 0.6 { 1.5 } else { 0.0 };
    2.0 * row[0] - dip - row[1] + bump + row[0] * row[1] + everything(row) / 2.0
}

/// How each model's prediction moves as a feature rises, for a row.
fn moves(models: &[Prediction], row: &[f64; 5], feature: usize, to: f64) -> Vec<f64> {
    let mut moved = *row;
    moved[feature] = to;
    models.iter().map(|model| model(&moved) - model(row)).collect()
}

#[test]
fn predictions_follow_the_constraints_for_any_row() {
    let customers = Customers::new(3000, 21, crooked);
    let both = [("age", Direction::Increasing), ("use", Direction::Decreasing), ("score", Direction::Increasing)];
    let numbers: Vec<f64> = customers.log_odds.iter().map(|log_odds| log_odds.exp()).collect();
    let known = NumberRows { rows: customers.table(), numbers: &numbers, weights: None };
    let labelled = constrained(&both).fit(&customers.table()).unwrap();
    let mut models: Vec<Prediction> = vec![Box::new(move |row| labelled.predict(row))];
    for objective in [Objective::SquaredError, Objective::Tweedie { power: 1.5 }, Objective::Quantile { share: 0.6 }] {
        let model = BoostingParams { objective, ..constrained(&both) }.fit_numbers(&known).unwrap();
        models.push(Box::new(move |row| model.response(row)));
    }
    let free = params().fit(&customers.table()).unwrap();
    let unknown = || prop_oneof![Just(f64::NAN), -1.2..1.2_f64];
    let rows = (unknown(), unknown(), unknown(), 0..5_u8, 0..60_u8, -1.2..1.2_f64);
    let mut falls = 0;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..3000 {
        let (age, used, score, plan, town, to) = rows.new_tree(&mut runner).unwrap().current();
        let row = [age, used, score, f64::from(plan), f64::from(town)];
        for (feature, sign) in [(0, 1.0), (1, -1.0), (2, 1.0)] {
            if row[feature].is_nan() || to < row[feature] {
                continue;
            }
            let moved = moves(&models, &row, feature, to);
            assert!(moved.iter().all(|moved| moved * sign >= 0.0), "feature {feature} of {row:?} to {to}: {moved:?}");
            let mut other = row;
            other[feature] = to;
            falls += usize::from((free.predict(&other) - free.predict(&row)) * sign < 0.0);
        }
    }
    assert!(falls > 100, "only {falls} moves of an unconstrained model go the wrong way: no test");
}

#[test]
fn a_true_constraint_costs_nothing_and_leaves_the_unknown_free() {
    let truth = |row: &[f64]| if row[2].is_nan() { -2.0 } else { 2.0 * row[2] + row[0] };
    let (known, new) = (Customers::new(4000, 22, truth), Customers::new(4000, 23, truth));
    let free = constrained(&[]).fit(&known.table()).unwrap();
    let bound = constrained(&[("score", Direction::Increasing)]).fit(&known.table()).unwrap();
    let ((_, free_loss), (_, loss)) = (new.figures_of(&free), new.figures_of(&bound));
    assert!(loss < free_loss + 0.002, "{loss} with, {free_loss} without the constraint");
    let unknown = sigmoid(bound.predict(&[0.0, 0.0, f64::NAN, 0.0, 0.0]));
    assert!((unknown - sigmoid(-2.0)).abs() < 0.05, "{unknown} of those whose score is unknown");
}

#[test]
fn a_constraint_on_what_is_no_number_is_refused_by_name() {
    let customers = Customers::new(200, 24, everything);
    let message =
        |feature| constrained(&[(feature, Direction::Increasing)]).fit(&customers.table()).unwrap_err().to_string();
    assert!(message("plan").starts_with("`monotone`: `plan` is a category, expected"), "{}", message("plan"));
    assert!(message("agee").starts_with("`monotone`: `agee` is no such feature"), "{}", message("agee"));
}
