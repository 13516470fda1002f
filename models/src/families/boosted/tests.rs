//! Kernel of boosted trees: sides, contributions, checks.

use super::random_trees::{Random, Shape};
use super::*;
use crate::families::shapley::tests::by_definition;

fn kinds() -> Vec<FeatureKind> {
    let levels = |names: &[&str]| FeatureKind::Category { levels: names.iter().map(ToString::to_string).collect() };
    vec![FeatureKind::Number, levels(&["annual", "monthly", "trial"]), levels(&["north", "south"])]
}

/// Tree 0: number up to 2, unknown left, and there the plan; tree 1: the rate of the region.
fn boosted() -> Boosted {
    let populations = |numbers: [(f64, f64); 5]| numbers.map(|(weight, mean)| Population { weight, mean });
    let mut all = populations([(100.0, 0.2), (60.0, 0.5), (20.0, 1.0), (40.0, 0.25), (40.0, -0.25)]).to_vec();
    all.extend([(100.0, 0.0), (50.0, -0.5), (50.0, 0.5)].map(|(weight, mean)| Population { weight, mean }));
    Boosted {
        base: -1.0,
        inputs: vec![Input::Number, Input::Levels, Input::Rates { levels: vec![0.1, 0.3], other: 0.2 }],
        nodes: vec![
            Node::Number { feature: 0, unknown_left: true, right: 4, threshold: 2.0 },
            Node::Levels { feature: 1, unknown_left: false, right: 3, set: 0b1010 },
            Node::Leaf { value: 1.0 },
            Node::Leaf { value: 0.25 },
            Node::Leaf { value: -0.25 },
            Node::Rate { feature: 2, unknown_left: false, right: 7, threshold: 0.2 },
            Node::Leaf { value: -0.5 },
            Node::Leaf { value: 0.5 },
        ],
        populations: all,
        roots: vec![0, 5],
    }
}

#[test]
fn a_node_takes_sixteen_bytes() {
    assert_eq!(size_of::<Node>(), 16);
}

#[test]
fn every_value_takes_its_side() {
    let nan = f64::NAN;
    for (row, expected) in [
        ([2.0, 1.0, 0.0], -1.0 + 1.0 - 0.5),
        ([2.5, 1.0, 0.0], -1.0 - 0.25 - 0.5),
        ([nan, 0.0, 1.0], -1.0 + 0.25 + 0.5),
        // Level 3 is every level that is not in the plan, and its bit says left; no other bit is set.
        ([0.0, 3.0, 2.0], -1.0 + 1.0 - 0.5),
        ([0.0, 63.0, 9.0], -1.0 + 0.25 - 0.5),
        ([0.0, 1e300, -7.0], -1.0 + 0.25 - 0.5),
        ([-1e300, nan, nan], -1.0 + 0.25 + 0.5),
    ] {
        assert_eq!(boosted().predict(&row), expected, "{row:?}");
    }
}

#[test]
fn shapley_values_are_those_worked_out_by_hand() {
    let mut contributions = [9.0; 3];
    let base = boosted().explain(&[f64::NAN, 0.0, 1.0], &mut contributions);
    assert!((base - -0.8).abs() < 1e-15, "{base}");
    // Tree 0 says .2 with nothing known, .5 with the number, .6 x .25 - .4 x .25 = .05 with the plan, .25 with both.
    for (found, expected) in contributions.iter().zip([(0.3 + 0.2) / 2.0, (-0.15 - 0.25) / 2.0, 0.5]) {
        assert!((found - expected).abs() < 1e-15, "{contributions:?}");
    }
}

#[test]
fn explanations_are_shapley_values_by_definition() {
    let mut random = Random(1);
    for case in 0..300 {
        let leaves = 1 + random.below(20);
        let shape = Shape { numbers: 3, sets: vec![4, 62], rates: vec![5], trees: 2, leaves, thresholds: 12 };
        let model = shape.boosted(&mut random);
        assert_eq!(model.check(&shape.kinds()), Ok(()));
        for _ in 0..5 {
            let row = shape.row(&mut random);
            let mut contributions = [9.0; 6];
            let base = model.explain(&row, &mut contributions);
            let (expected, empty) = by_definition(&model, &row);
            assert!((base - model.base - empty).abs() < 1e-14, "{base} in case {case}");
            for (found, expected) in contributions.iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-12, "{contributions:?} for {expected:?} in case {case}");
            }
        }
    }
}

#[test]
fn rows_are_explained_to_the_bit_as_one_at_a_time() {
    let mut random = Random(3);
    for leaves in [1, 2, 31, 300] {
        let shape = Shape { numbers: 4, sets: vec![9], rates: vec![20], trees: 5, leaves, thresholds: 30 };
        let model = shape.boosted(&mut random);
        for count in [0, 1, 2, 8, 9, 300] {
            let rows: Vec<f64> = (0..count).flat_map(|_| shape.row(&mut random)).collect();
            let mut together = vec![9.0; rows.len()];
            model.explain_rows(&rows, 6, &mut together);
            for (row, together) in rows.chunks_exact(6).zip(together.chunks_exact(6)) {
                let mut alone = [9.0; 6];
                model.explain(row, &mut alone);
                assert_eq!(
                    alone.map(f64::to_bits).as_slice(),
                    together.iter().map(|one| one.to_bits()).collect::<Vec<_>>()
                );
            }
        }
    }
}

#[test]
fn contributions_and_base_add_up_to_the_prediction() {
    let mut random = Random(2);
    for leaves in [1, 2, 31, 300] {
        let shape = Shape { numbers: 30, sets: vec![9; 5], rates: vec![200; 5], trees: 200, leaves, thresholds: 300 };
        let model = shape.boosted(&mut random);
        for _ in 0..20 {
            let row = shape.row(&mut random);
            let mut contributions = [9.0; 40];
            let sum = model.explain(&row, &mut contributions) + contributions.iter().sum::<f64>();
            let predicted = model.predict(&row);
            assert!((sum - predicted).abs() < 1e-11, "{sum} for {predicted}, {leaves} leaves");
        }
    }
}

#[test]
fn fewer_trees_are_the_first_ones() {
    let mut fewer = boosted();
    fewer.truncate(2);
    assert_eq!(fewer, boosted());
    fewer.truncate(1);
    assert_eq!(fewer.check(&kinds()), Ok(()));
    assert_eq!(fewer.predict(&[2.0, 1.0, 0.0]), 0.0);
    fewer.truncate(0);
    assert_eq!(fewer.check(&kinds()), Ok(()));
    assert_eq!((fewer.predict(&[2.0, 1.0, 0.0]), fewer.nodes.len()), (-1.0, 0));
}

#[test]
fn bincode_and_json_bring_back_the_same_model() {
    let configuration = bincode::config::standard();
    let bytes = bincode::serde::encode_to_vec(boosted(), configuration).unwrap();
    let (back, read): (Boosted, usize) = bincode::serde::decode_from_slice(&bytes, configuration).unwrap();
    assert_eq!((back, read), (boosted(), bytes.len()));
    let text = serde_json::to_string(&boosted()).unwrap();
    assert_eq!(serde_json::from_str::<Boosted>(&text).unwrap(), boosted());
}

#[test]
fn what_prediction_relies_on_is_checked() {
    assert_eq!(boosted().check(&kinds()), Ok(()));
    let broken = |change: fn(&mut Boosted)| {
        let mut model = boosted();
        change(&mut model);
        model.check(&kinds()).expect_err("a broken model passes")
    };
    let leaf = |value| Node::Leaf { value };
    let number = |feature, right, threshold| Node::Number { feature, unknown_left: true, right, threshold };
    assert!(matches!(broken(|model| model.base = f64::NAN), ModelError::Number { .. }));
    assert!(matches!(broken(|model| model.inputs.truncate(2)), ModelError::Width { .. }));
    assert!(matches!(broken(|model| model.inputs[1] = Input::Number), ModelError::Kind { .. }));
    assert!(matches!(broken(|model| model.populations[3].weight = -1.0), ModelError::Number { .. }));
    assert!(matches!(broken(|model| model.populations[0].mean = 0.3), ModelError::Number { .. }));
    let short = |model: &mut Boosted| model.inputs[2] = Input::Rates { levels: vec![0.1], other: 0.2 };
    assert!(matches!(broken(short), ModelError::Levels { .. }));
    assert!(matches!(broken(|model| model.populations.truncate(7)), ModelError::Levels { .. }));
    assert!(matches!(broken(|model| model.roots = vec![5, 0]), ModelError::Number { .. }));
    assert!(matches!(broken(|model| model.roots = vec![0, 8]), ModelError::Index { .. }));
    for (place, node) in [
        // Back to itself, onto its own left child, past the end, and without a left child.
        (0, number(0, 0, 2.0)),
        (0, number(0, 1, 2.0)),
        (0, number(0, 8, 2.0)),
        (7, number(0, 9, 2.0)),
        // A node of the other tree, and one that another split has.
        (1, number(0, 6, 2.0)),
        (1, number(0, 4, 2.0)),
        // A feature that is not there or is no number, and a threshold that is none.
        (0, number(3, 4, 2.0)),
        (0, number(1, 4, 2.0)),
        (0, number(0, 4, f64::NAN)),
        // A leaf that its population does not know.
        (7, leaf(0.75)),
        (7, leaf(f64::NAN)),
    ] {
        let mut model = boosted();
        model.nodes[place] = node;
        assert!(model.check(&kinds()).is_err(), "{node:?} passes as node {place}");
    }
}
