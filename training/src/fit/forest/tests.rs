//! What the fitted forest promises.

use super::*;
use tend_models::predict::Predict;

fn table() -> (Vec<f64>, Vec<bool>, Vec<FeatureKind>, Vec<String>) {
    let levels = ["a", "b", "c"].map(String::from).to_vec();
    let kinds = vec![FeatureKind::Number, FeatureKind::Number, FeatureKind::Category { levels }];
    let names = ["age", "spend", "plan"].map(String::from).to_vec();
    let mut rows = Vec::new();
    let mut labels = Vec::new();
    for step in 0_usize..2000 {
        let age = if step % 7 == 3 { f64::NAN } else { ((step * 37) % 61) as f64 };
        let spend = ((step * 13) % 101) as f64 / 3.0;
        let plan = [0.0, 0.0, 1.0, 3.0, f64::NAN][(step * 3 + step / 11) % 5];
        rows.extend([age, spend, plan]);
        labels.push(step % 11 == 0 || (age > 40.0 && spend < 20.0) || (age.is_nan() && plan == 1.0));
    }
    (rows, labels, kinds, names)
}

#[test]
fn our_trees_give_the_predictions_of_smartcore() {
    let (rows, labels, kinds, names) = table();
    let rows = TrainingRows { rows: &rows, kinds: &kinds, labels: &labels, names: &names };
    let params = ForestParams { trees: TREES_PER_CHUNK, ..ForestParams::default() };
    let ours = params.fit(&rows).unwrap();
    assert_eq!(ours.check(&kinds), Ok(()));
    let sample: Vec<usize> = (0..rows.len()).collect();
    let encoded = encode(&rows, &sample, &ours.encodings).unwrap();
    let labels = labels.iter().copied().map(f64::from).collect();
    let theirs = params.fit_chunk(0, &encoded, &labels).unwrap().predict(&encoded).unwrap();
    for (row, expected) in theirs.iter().enumerate() {
        let found = ours.predict(rows.row(row));
        assert!((found - expected).abs() < 1e-12, "row {row}: {found}, smartcore {expected}");
    }
}

#[test]
fn every_row_weighs_in_every_tree_and_reasons_add_up() {
    let (rows, labels, kinds, names) = table();
    let rows = TrainingRows { rows: &rows, kinds: &kinds, labels: &labels, names: &names };
    let forest = ForestParams { trees: 45, ..ForestParams::default() }.fit(&rows).unwrap();
    assert_eq!(forest.check(&kinds), Ok(()));
    for &root in &forest.roots {
        assert_eq!(forest.nodes[root as usize].weight, 2000.0);
    }
    let mean = (0..rows.len()).map(|row| forest.predict(rows.row(row))).sum::<f64>() / 2000.0;
    let mut contributions = [0.0; 3];
    for row in 0..rows.len() {
        let base = forest.explain(rows.row(row), &mut contributions);
        assert!((base - mean).abs() < 1e-12, "{base}, the mean prediction is {mean}");
        let (sum, predicted) = (base + contributions.iter().sum::<f64>(), forest.predict(rows.row(row)));
        assert!((sum - predicted).abs() < 1e-12, "{sum} of {predicted} in row {row}");
    }
}

#[test]
fn no_path_is_longer_and_no_tree_is_missing() {
    let (rows, labels, kinds, names) = table();
    let rows = TrainingRows { rows: &rows, kinds: &kinds, labels: &labels, names: &names };
    let params = ForestParams { trees: 45, max_depth: 1, min_leaf: 1, ..ForestParams::default() };
    let stumps = params.fit(&rows).unwrap();
    assert_eq!((stumps.roots.len(), stumps.nodes.len()), (45, 3 * 45));
    let trees: Vec<&[Node]> = stumps.nodes.chunks(3).collect();
    let repeated = trees.windows(2).filter(|pair| pair[0][0] == pair[1][0]).count();
    assert!(repeated < 5, "{repeated} trees repeat the one before: seeds overlap");
}

#[test]
fn unknown_numbers_stand_below_known_ones_and_rare_levels_near_the_overall_rate() {
    let (rows, labels, kinds, names) = table();
    let rows = TrainingRows { rows: &rows, kinds: &kinds, labels: &labels, names: &names };
    let sample: Vec<usize> = (0..rows.len()).collect();
    let numbers: Vec<f64> = labels.iter().copied().map(f64::from).collect();
    let encodings = encodings(&rows, &sample, &numbers, 20.0);
    assert_eq!(encodings[0].apply(f64::NAN), -60.0);
    let overall = rows.positives() as f64 / rows.len() as f64;
    assert_eq!(encodings[2].apply(2.0), overall, "level c never occurs");
    let with_level_a: Vec<usize> = sample.into_iter().filter(|&row| rows.row(row)[2] == 0.0).collect();
    let positives = with_level_a.iter().filter(|&&row| labels[row]).count() as f64;
    let smoothed = (positives + 20.0 * overall) / (with_level_a.len() as f64 + 20.0);
    assert!((encodings[2].apply(0.0) - smoothed).abs() < 1e-15);
}
