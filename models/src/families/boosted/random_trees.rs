//! Random boosted trees and rows that reach every side of their splits, for tests.

use super::{Boosted, Input, MOST_SET_LEVELS, Node, Population};
use crate::predict::FeatureKind;

/// A generator of our own, so that a failing case is the same everywhere (Steele et al. 2014, SplitMix64).
pub(in crate::families) struct Random(pub u64);

impl Random {
    pub(in crate::families) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(in crate::families) fn below(&mut self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }

    /// From 0 to below 1.
    pub(in crate::families) fn share(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The features of the trees and how they look.
pub(in crate::families) struct Shape {
    pub numbers: usize,
    /// Levels of each category whose splits name sets.
    pub sets: Vec<usize>,
    /// Levels of each category with rates.
    pub rates: Vec<usize>,
    pub trees: usize,
    pub leaves: usize,
    /// Thresholds of a number are drawn from so many.
    pub thresholds: usize,
}

impl Shape {
    pub(in crate::families) fn kinds(&self) -> Vec<FeatureKind> {
        let category = |&levels: &usize| FeatureKind::Category { levels: (0..levels).map(|i| i.to_string()).collect() };
        let numbers = std::iter::repeat_n(FeatureKind::Number, self.numbers);
        numbers.chain(self.sets.iter().chain(&self.rates).map(category)).collect()
    }

    pub(in crate::families) fn boosted(&self, random: &mut Random) -> Boosted {
        let mut inputs = vec![Input::Number; self.numbers];
        for &levels in &self.sets {
            assert!(levels <= MOST_SET_LEVELS);
            inputs.push(Input::Levels);
        }
        for &levels in &self.rates {
            let rates = (0..levels).map(|_| random.below(6) as f64 / 6.0).collect();
            inputs.push(Input::Rates { levels: rates, other: 0.4 });
        }
        let (nodes, populations, roots) = (Vec::new(), Vec::new(), Vec::new());
        let mut model = Boosted { base: random.share() - 0.5, inputs, nodes, populations, roots };
        for _ in 0..self.trees {
            model.roots.push(model.nodes.len() as u32);
            self.grow(&mut model, self.leaves, random);
        }
        model
    }

    fn grow(&self, model: &mut Boosted, leaves: usize, random: &mut Random) -> Population {
        let place = model.nodes.len();
        let value = random.share() - 0.5;
        // A population of no weight now and then.
        let leaf = Population { weight: random.below(9) as f64 * 7.0, mean: value };
        model.nodes.push(Node::Leaf { value });
        model.populations.push(leaf);
        if leaves < 2 {
            return leaf;
        }
        let on_left = 1 + random.below(leaves - 1);
        let left = self.grow(model, on_left, random);
        let right_place = model.nodes.len() as u32;
        let right = self.grow(model, leaves - on_left, random);
        let weight = left.weight + right.weight;
        let share = if weight > 0.0 { left.weight / weight } else { 0.5 };
        model.populations[place] = Population { weight, mean: share * left.mean + (1.0 - share) * right.mean };
        model.nodes[place] = self.split(right_place, random, &model.inputs);
        model.populations[place]
    }

    fn split(&self, right: u32, random: &mut Random, inputs: &[Input]) -> Node {
        let unknown_left = random.below(2) == 0;
        let index = random.below(inputs.len());
        let feature = index as u16;
        match inputs[index] {
            Input::Number => Node::Number { feature, unknown_left, right, threshold: self.threshold(random) },
            Input::Levels => Node::Levels { feature, unknown_left, right, set: random.bits() },
            Input::Rates { .. } => Node::Rate { feature, unknown_left, right, threshold: random.below(6) as f64 / 6.0 },
        }
    }

    fn threshold(&self, random: &mut Random) -> f64 {
        match random.below(self.thresholds) {
            0 => f64::MAX,
            1 => -0.0,
            other => other as f64 / 2.0 - self.thresholds as f64 / 4.0,
        }
    }

    /// Values equal to thresholds and between them, unknown, infinite, and levels that no one has seen.
    pub(in crate::families) fn row(&self, random: &mut Random) -> Vec<f64> {
        let mut row = Vec::new();
        for _ in 0..self.numbers {
            row.push(match random.below(12) {
                0 | 1 => f64::NAN,
                2 => [f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, f64::MAX, f64::MIN][random.below(6)],
                3..6 => (random.share() - 0.5) * self.thresholds as f64 / 2.0,
                _ => self.threshold(random),
            });
        }
        for &levels in self.sets.iter().chain(&self.rates) {
            row.push(match random.below(12) {
                0 | 1 => f64::NAN,
                2 => [-3.0, 61.0, 62.0, 63.0, 64.0, 255.0, 1e300, f64::INFINITY, f64::NEG_INFINITY][random.below(9)],
                _ => random.below(levels + 1) as f64,
            });
        }
        row
    }
}
