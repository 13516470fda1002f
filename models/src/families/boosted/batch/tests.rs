//! Blocks of rows against one row at a time.

use super::*;
use crate::families::boosted::random_trees::{Random, Shape};
use crate::predict::Predict;

fn assert_same_bits(model: &Boosted, shape: &Shape, rows: usize, random: &mut Random) {
    assert_eq!(model.check(&shape.kinds()), Ok(()));
    let width = model.inputs.len();
    let table: Vec<f64> = (0..rows).flat_map(|_| shape.row(random)).collect();
    let mut out = vec![9.0; rows];
    BoostedBatch::new(model).predict_rows(&table, width, &mut out);
    for (row, found) in table.chunks_exact(width).zip(&out) {
        let expected = model.predict(row);
        assert_eq!(found.to_bits(), expected.to_bits(), "{found} for {expected}, {row:?}");
    }
}

#[test]
fn a_block_gives_the_bits_of_one_row_at_a_time() {
    let mut random = Random(3);
    for case in 0..400 {
        let shape = Shape {
            numbers: 1 + random.below(5),
            sets: vec![3; random.below(3)].into_iter().chain([62]).collect(),
            rates: vec![9; random.below(3)],
            trees: random.below(20),
            leaves: 1 + random.below(70),
            thresholds: 2 + random.below(40),
        };
        let model = shape.boosted(&mut random);
        assert_same_bits(&model, &shape, [0, 1, 63, 64, 65, 200][case % 6], &mut random);
    }
}

#[test]
fn more_thresholds_than_a_byte_and_more_leaves_than_a_set_change_no_bit() {
    let mut random = Random(4);
    for leaves in [31, 255, 256, 257, 1000] {
        let shape = Shape { numbers: 2, sets: vec![20], rates: vec![], trees: 40, leaves, thresholds: 2000 };
        let model = shape.boosted(&mut random);
        let batch = BoostedBatch::new(&model);
        assert!(batch.features[0].columns.len() > 2, "{} columns", batch.features[0].columns.len());
        let low = batch.trees.iter().filter(|tree| matches!(tree, Tree::Low { .. })).count();
        assert_eq!(low, if leaves > MOST_LEAVES { 0 } else { 40 });
        assert_same_bits(&model, &shape, 500, &mut random);
    }
}

#[test]
fn a_model_without_trees_says_its_base() {
    let mut random = Random(5);
    let shape = Shape { numbers: 1, sets: vec![2], rates: vec![2], trees: 0, leaves: 1, thresholds: 2 };
    for base in [0.0, -0.0, -1.5] {
        let model = Boosted { base, ..shape.boosted(&mut random) };
        assert_same_bits(&model, &shape, 3, &mut random);
    }
}

#[test]
#[should_panic(expected = "numbers a row")]
fn rows_of_another_width_are_refused() {
    let shape = Shape { numbers: 1, sets: vec![], rates: vec![], trees: 1, leaves: 2, thresholds: 2 };
    let model = shape.boosted(&mut Random(6));
    BoostedBatch::new(&model).predict_rows(&[0.0; 4], 2, &mut [0.0; 2]);
}
