//! How many rows a second boosted trees predict and explain, on one thread.
//!
//! ```text
//! cargo bench -p tend-models --bench trees [-- TREES LEAVES FEATURES]
//! ```
//!
//! The trees are random and grown as by a fit, the heaviest leaf first; numbers are unknown in one row out of twenty.
//! Of many short repeats the fastest counts, so that other work on the machine does not.

use std::hint::black_box;
use std::time::{Duration, Instant};

use tend_models::families::boosted::batch::BoostedBatch;
use tend_models::families::boosted::row::BoostedRow;
use tend_models::families::boosted::{Boosted, Input, Node, Population};
use tend_models::predict::Predict;

const ROWS: usize = 512;
const ROWS_EXPLAINED: usize = 16;
const REPEATS: usize = 200;

fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let [trees, leaves, features] =
        if let [trees, leaves, features] = sizes[..] { [trees, leaves, features] } else { [200, 31, 40] };
    let mut random = Random(1);
    let model = forest(trees, leaves, features, &mut random);
    let rows: Vec<f64> =
        (0..ROWS * features).map(|_| if random.below(20) == 0 { f64::NAN } else { random.share() }).collect();
    println!("{trees} trees of {leaves} leaves, {features} features, {ROWS} rows");

    let single = || rows.chunks_exact(features).map(|row| model.predict(row)).sum::<f64>();
    report("predict, a row at a time", ROWS, fastest(single));

    let quick = BoostedRow::new(&model).expect("few leaves");
    let single = || rows.chunks_exact(features).map(|row| quick.predict(row)).sum::<f64>();
    report("predict, a row made ready", ROWS, fastest(single));

    let batch = BoostedBatch::new(&model);
    let mut out = vec![0.0; ROWS];
    let blocks = || {
        batch.predict_rows(&rows, features, &mut out);
        out[0]
    };
    report("predict, rows in blocks", ROWS, fastest(blocks));

    let make_ready = || {
        black_box(BoostedBatch::new(black_box(&model)));
        0.0
    };
    report("make ready for blocks", 1, fastest(make_ready));

    let mut contributions = vec![0.0; features];
    let explained = &rows[..ROWS_EXPLAINED * features];
    let explain = || explained.chunks_exact(features).map(|row| model.explain(row, &mut contributions)).sum::<f64>();
    report("explain, a row at a time", ROWS_EXPLAINED, fastest(explain));

    let mut contributions = vec![0.0; explained.len()];
    let explain = || {
        model.explain_rows(explained, features, &mut contributions);
        contributions[0]
    };
    report("explain, rows in blocks", ROWS_EXPLAINED, fastest(explain));
}

fn fastest(mut work: impl FnMut() -> f64) -> Duration {
    let once = |_| {
        let start = Instant::now();
        black_box(work());
        start.elapsed()
    };
    (0..REPEATS).map(once).min().unwrap_or_default()
}

fn report(what: &str, count: usize, time: Duration) {
    let seconds = time.as_secs_f64();
    println!("{what:30} {:>10.0} a second {:>9.2} us each", count as f64 / seconds, seconds / count as f64 * 1e6);
}

/// Steele et al. (2014), SplitMix64.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }

    fn share(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn forest(trees: usize, leaves: usize, features: usize, random: &mut Random) -> Boosted {
    let (nodes, populations, roots) = (Vec::new(), Vec::new(), Vec::new());
    let mut model = Boosted { base: -1.0, inputs: vec![Input::Number; features], nodes, populations, roots };
    for _ in 0..trees {
        model.roots.push(model.nodes.len() as u32);
        let shape = Shape::grow(leaves, random);
        shape.plant(0, &mut model, &mut vec![(0.0, 1.0); features], random);
    }
    model
}

/// Which nodes have which children, before any test is known.
struct Shape {
    weights: Vec<f64>,
    children: Vec<Option<(usize, usize)>>,
}

impl Shape {
    /// Splits the heaviest leaf until there are enough.
    fn grow(leaves: usize, random: &mut Random) -> Self {
        let mut shape = Self { weights: vec![20_000.0], children: vec![None] };
        for _ in 1..leaves {
            let open = (0..shape.weights.len()).filter(|&node| shape.children[node].is_none());
            let Some(heaviest) = open.max_by(|&one, &other| shape.weights[one].total_cmp(&shape.weights[other])) else {
                return shape;
            };
            let left = shape.weights[heaviest] * (0.1 + 0.8 * random.share());
            shape.children[heaviest] = Some((shape.weights.len(), shape.weights.len() + 1));
            shape.weights.extend([left, shape.weights[heaviest] - left]);
            shape.children.extend([None, None]);
        }
        shape
    }

    /// Appends a node and all below it in preorder; `ranges` are the values of each feature that reach it.
    fn plant(&self, node: usize, model: &mut Boosted, ranges: &mut [(f64, f64)], random: &mut Random) -> Population {
        let place = model.nodes.len();
        let value = 0.1 * (random.share() - 0.5);
        let mut population = Population { weight: self.weights[node], mean: value };
        model.nodes.push(Node::Leaf { value });
        model.populations.push(population);
        if let Some((left, right)) = self.children[node] {
            let feature = random.below(ranges.len());
            let range = ranges[feature];
            let share = self.weights[left] / self.weights[node];
            // One of 255 thresholds, as a fit on bins has it.
            let threshold = ((range.0 + share * (range.1 - range.0)) * 255.0).round() / 255.0;
            ranges[feature] = (range.0, threshold);
            let left = self.plant(left, model, ranges, random);
            let right_place = model.nodes.len() as u32;
            ranges[feature] = (threshold, range.1);
            let right = self.plant(right, model, ranges, random);
            ranges[feature] = range;
            population.mean = share * left.mean + (1.0 - share) * right.mean;
            model.populations[place] = population;
            let unknown_left = random.below(2) == 0;
            model.nodes[place] = Node::Number { feature: feature as u16, unknown_left, right: right_place, threshold };
        }
        population
    }
}
