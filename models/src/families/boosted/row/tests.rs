//! One row made ready against following paths, and against blocks.

use super::*;
use crate::families::boosted::batch::BoostedBatch;
use crate::families::boosted::random_trees::{Random, Shape};
use crate::predict::Predict;

fn assert_same_bits(model: &Boosted, shape: &Shape, rows: usize, random: &mut Random) {
    assert_eq!(model.check(&shape.kinds()), Ok(()));
    let width = model.inputs.len();
    let table: Vec<f64> = (0..rows).flat_map(|_| shape.row(random)).collect();
    let mut in_blocks = vec![9.0; rows];
    BoostedBatch::new(model).predict_rows(&table, width, &mut in_blocks);
    let ready = BoostedRow::new(model).expect("few leaves");
    for (row, in_block) in table.chunks_exact(width).zip(&in_blocks) {
        let (found, expected) = (ready.predict(row), model.predict(row));
        assert_eq!(found.to_bits(), expected.to_bits(), "{found} for {expected}, {row:?}");
        assert_eq!(found.to_bits(), in_block.to_bits(), "{found} alone, {in_block} in a block, {row:?}");
    }
}

#[test]
fn a_row_made_ready_gives_the_bits_of_following_its_paths() {
    let mut random = Random(7);
    for _ in 0..300 {
        let shape = Shape {
            numbers: 1 + random.below(5),
            sets: vec![3; random.below(3)].into_iter().chain([62]).collect(),
            rates: vec![9; random.below(3)],
            trees: random.below(20),
            leaves: 1 + random.below(MOST_LEAVES),
            thresholds: 2 + random.below(40),
        };
        let model = shape.boosted(&mut random);
        assert_same_bits(&model, &shape, 30, &mut random);
    }
}

#[test]
fn several_blocks_of_trees_and_groups_of_features_change_no_bit() {
    let mut random = Random(8);
    for (leaves, trees, least_blocks) in [(31, 600, 3), (33, 200, 2), (MOST_LEAVES, 200, 4)] {
        let numbers = GROUP + 6;
        let shape = Shape { numbers, sets: vec![20; 3], rates: vec![90], trees, leaves, thresholds: 500 };
        let model = shape.boosted(&mut random);
        let blocks = BoostedRow::new(&model).map_or(0, |ready| ready.blocks.len());
        assert!(blocks >= least_blocks, "{blocks} blocks for {trees} trees of {leaves} leaves");
        assert_same_bits(&model, &shape, 100, &mut random);
    }
}

#[test]
fn a_model_without_trees_says_its_base_and_one_with_large_trees_is_left_as_it_is() {
    let mut random = Random(9);
    let mut shape = Shape { numbers: 1, sets: vec![2], rates: vec![2], trees: 0, leaves: 1, thresholds: 2 };
    for base in [0.0, -0.0, -1.5] {
        let model = Boosted { base, ..shape.boosted(&mut random) };
        assert_same_bits(&model, &shape, 3, &mut random);
    }
    (shape.trees, shape.leaves) = (3, MOST_LEAVES + 1);
    assert!(BoostedRow::new(&shape.boosted(&mut random)).is_none());
}
