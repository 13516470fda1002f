//! Boosting from rows to model, on data of known truth.

use rand::Rng;
use tend_models::families::logistic::sigmoid;
use tend_models::predict::{FeatureKind, Predict};

use super::*;
use crate::evaluate::{auc, log_loss};

/// Customers whose log-odds are known.
struct Customers {
    rows: Vec<f64>,
    labels: Vec<bool>,
    kinds: Vec<FeatureKind>,
    names: Vec<String>,
    log_odds: Vec<f64>,
}

/// Levels of the second category, too many for sets.
const TOWNS: usize = 60;

impl Customers {
    /// Two numbers from -1 to 1, a number that is often unknown, a plan of four levels and a town; `truth` gives the
    /// log-odds.
    fn new(count: usize, seed: u64, truth: impl Fn(&[f64]) -> f64) -> Self {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let levels =
            |count: usize| FeatureKind::Category { levels: (0..count).map(|level| level.to_string()).collect() };
        let kinds = vec![FeatureKind::Number, FeatureKind::Number, FeatureKind::Number, levels(4), levels(TOWNS)];
        let names = ["age", "use", "score", "plan", "town"].map(String::from).to_vec();
        let mut all = Self { rows: Vec::new(), labels: Vec::new(), kinds, names, log_odds: Vec::new() };
        for _ in 0..count {
            let score = if random.random_bool(0.3) { f64::NAN } else { random.random_range(-1.0..1.0) };
            let row = [
                random.random_range(-1.0..1.0),
                random.random_range(-1.0..1.0),
                score,
                f64::from(random.random_range(0..4_u8)),
                f64::from(random.random_range(0..TOWNS as u32)),
            ];
            let log_odds = truth(&row);
            all.rows.extend(row);
            all.log_odds.push(log_odds);
            all.labels.push(random.random_bool(sigmoid(log_odds)));
        }
        all
    }

    fn table(&self) -> TrainingRows<'_> {
        TrainingRows { rows: &self.rows, kinds: &self.kinds, labels: &self.labels, names: &self.names }
    }

    fn figures(&self, log_odds: impl Iterator<Item = f64>) -> (f64, f64) {
        let probabilities: Vec<f64> = log_odds.map(sigmoid).collect();
        (auc(&probabilities, &self.labels).unwrap().unwrap(), log_loss(&probabilities, &self.labels).unwrap())
    }

    fn figures_of(&self, model: &Boosted) -> (f64, f64) {
        self.figures(self.table().rows.chunks_exact(5).map(|row| model.predict(row)))
    }
}

fn everything(row: &[f64]) -> f64 {
    let score = if row[2].is_nan() { -1.0 } else { row[2] };
    let plan = [1.0, -1.0, 1.0, -0.5][row[3] as usize];
    2.0 * row[0] + f64::from(u8::from(row[1] > 0.3)) + score + plan + row[4] % 3.0 - 1.0
}

fn params() -> BoostingParams {
    BoostingParams::for_rows(2000)
}

#[test]
fn each_kind_of_truth_is_learnt() {
    // The truth, and how far from its AUC and its log loss the model may be.
    type Truth = (&'static str, fn(&[f64]) -> f64, f64);
    let truths: [Truth; 6] = [
        ("a slope", |row| 3.0 * row[0], 0.01),
        ("a step", |row| if row[1] > 0.25 { 2.0 } else { -2.0 }, 0.01),
        ("two that only count together", |row| if row[0] * row[1] > 0.0 { 2.0 } else { -2.0 }, 0.03),
        ("not knowing", |row| if row[2].is_nan() { 2.0 } else { -2.0 }, 0.01),
        ("a few levels", |row| [2.0, -2.0, 1.0, -1.0][row[3] as usize], 0.01),
        ("many levels", |row| if row[4] % 3.0 == 0.0 { 2.0 } else { -2.0 }, 0.02),
    ];
    for (name, truth, close) in truths {
        let known = Customers::new(6000, 3, truth);
        let new = Customers::new(6000, 4, truth);
        let tune = Customers::new(1500, 5, truth);
        let (model, _) = BoostingParams::for_rows(6000).fit_stopping(&known.table(), &tune.table(), 50).unwrap();
        let (auc, loss) = new.figures_of(&model);
        let (best_auc, best_loss) = new.figures(new.log_odds.iter().copied());
        assert!(best_auc > 0.8, "{name} is no test: AUC {best_auc} at best");
        assert!(auc > best_auc - close && loss < best_loss + close, "{name}: {auc} {loss} for {best_auc} {best_loss}");
    }
}

#[test]
fn threads_change_no_byte() {
    // Enough rows that blocks and chunks go to several threads.
    let (customers, tune) = (Customers::new(20_000, 5, everything), Customers::new(20_000, 6, everything));
    let params = BoostingParams { trees: 8, ..params() };
    let bytes = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let stopped = params.fit_stopping(&customers.table(), &tune.table(), 5).unwrap();
            serde_json::to_vec(&(params.fit(&customers.table()).unwrap(), stopped)).unwrap()
        })
    };
    let alone = bytes(1);
    assert!(bytes(2) == alone, "two threads fit another model than one");
    assert!(bytes(3) == alone, "three threads fit another model than one");
}

#[test]
fn the_seed_alone_changes_what_is_drawn() {
    let customers = Customers::new(2000, 5, everything);
    let fitted = |seed| BoostingParams { trees: 20, seed, ..params() }.fit(&customers.table()).unwrap();
    assert_eq!(fitted(1), fitted(1));
    assert_ne!(fitted(1), fitted(2));
}

#[test]
fn a_saved_model_predicts_to_the_last_bit() {
    let customers = Customers::new(2000, 6, everything);
    let model = params().fit(&customers.table()).unwrap();
    let back: Boosted = serde_json::from_slice(&serde_json::to_vec(&model).unwrap()).unwrap();
    assert_eq!(back, model);
    assert_eq!(back.check(&customers.kinds), Ok(()));
    for row in customers.rows.chunks_exact(5) {
        assert_eq!(back.predict(row).to_bits(), model.predict(row).to_bits());
    }
}

#[test]
fn the_kernel_sends_every_row_where_the_grown_tree_does() {
    let customers = Customers::new(3000, 7, everything);
    let table = customers.table();
    for max_leaves in [2, 15, 60] {
        let params = BoostingParams { max_leaves, max_set_levels: 62, ..params() };
        let answers = Answers::labels(table.labels, None);
        let bins = BinnedRows::new(&table, &answers, &[None; 5], &params);
        let mut gradients = vec![Gradient::default(); 3000];
        let scale = params.set_gradients(&mut gradients, &[-0.4; 3000], &answers, 0.0);
        let mut grower = Grower::new(&bins, &params, Xoshiro256PlusPlus::seed_from_u64(1));
        let tree = grower.grow(&gradients, scale, (0..3000).collect());
        let inputs = bins.columns.iter().map(|column| column.input.clone()).collect();
        let mut model = Boosted { base: 0.0, inputs, nodes: Vec::new(), populations: Vec::new(), roots: Vec::new() };
        planting::plant(&mut model, &tree, &bins, |_| 1.0);
        assert_eq!(model.check(&customers.kinds), Ok(()));
        assert_eq!(model.nodes.len(), 2 * max_leaves - 1);
        for row in 0..table.len() {
            assert_eq!(model.tree_value(0, table.row(row)), tree.value(&bins, row), "row {row}");
        }
        let mean = (0..3000).map(|row| tree.value(&bins, row)).sum::<f64>() / 3000.0;
        assert!((model.populations[0].mean - mean).abs() < 1e-12, "{} for {mean}", model.populations[0].mean);
    }
}

#[test]
fn contributions_add_up_where_values_are_unknown_or_unseen() {
    let customers = Customers::new(3000, 8, everything);
    let model = params().fit(&customers.table()).unwrap();
    assert_eq!(model.check(&customers.kinds), Ok(()));
    let nan = f64::NAN;
    let odd = [[nan; 5], [0.1, nan, 0.2, 4.0, TOWNS as f64], [1e300, -1e300, nan, 4.0, nan], [0.5, 0.5, 0.5, nan, 3.0]];
    for row in customers.rows.chunks_exact(5).chain(odd.iter().map(|row| &row[..])) {
        let mut contributions = [0.0; 5];
        let base = model.explain(row, &mut contributions);
        let (sum, predicted) = (base + contributions.iter().sum::<f64>(), model.predict(row));
        assert!((sum - predicted).abs() < 1e-9, "{sum} of {predicted} for {row:?}");
        assert!(predicted.abs() < 12.0, "{predicted} for {row:?}");
    }
}

#[test]
fn an_unseen_level_is_no_surprise() {
    let customers = Customers::new(6000, 9, |row| [3.0, -3.0, 0.0, 0.0][row[3] as usize]);
    let model = BoostingParams::for_rows(6000).fit(&customers.table()).unwrap();
    let predicted = |plan: f64| sigmoid(model.predict(&[0.0, 0.0, 0.0, plan, 0.0]));
    let seen = [0.0, 1.0, 2.0, 3.0].map(predicted);
    for unseen in [4.0, f64::NAN] {
        let found = predicted(unseen);
        assert!(seen[1] < found && found < seen[0], "{found} for {unseen}, seen {seen:?}");
    }
}

#[test]
fn a_row_of_no_weight_is_no_row() {
    let customers = Customers::new(1500, 10, everything);
    let kept = |row: &usize| row % 4 != 1;
    let weights: Vec<f64> = (0..1500).map(|row| f64::from(u8::from(kept(&row)))).collect();
    // Bins of a value each and a rule that counts no rows, so that nothing but the weights can matter.
    let coarse: Vec<f64> = customers.rows.iter().map(|value| (value * 50.0).round() / 50.0).collect();
    let params =
        BoostingParams { row_share: 1.0, min_leaf_rows: 1, min_leaf_weight: 2.0, max_set_levels: 62, ..params() };
    let table = TrainingRows { rows: &coarse, ..customers.table() };
    let weighted = params.fit_weighted(&table, &weights).unwrap();
    let rows: Vec<f64> = (0..1500).filter(kept).flat_map(|row| table.row(row)).copied().collect();
    let labels: Vec<bool> = (0..1500).filter(kept).map(|row| customers.labels[row]).collect();
    let without = params.fit(&TrainingRows { rows: &rows, labels: &labels, ..table }).unwrap();
    assert_eq!((weighted.base, weighted.populations[0].weight), (without.base, 1125.0));
    for row in rows.chunks_exact(5) {
        let (found, expected) = (weighted.predict(row), without.predict(row));
        assert!((found - expected).abs() < 1e-9, "{found} weighted, {expected} without, for {row:?}");
    }
}

#[test]
fn a_row_of_weight_three_is_three_rows() {
    let customers = Customers::new(1500, 10, everything);
    let table = customers.table();
    let weights: Vec<f64> = (0..1500).map(|row| if customers.labels[row] { 3.0 } else { 1.0 }).collect();
    let order: Vec<usize> = (0..1500).flat_map(|row| std::iter::repeat_n(row, weights[row] as usize)).collect();
    let rows: Vec<f64> = order.iter().flat_map(|&row| table.row(row)).copied().collect();
    let labels: Vec<bool> = order.iter().map(|&row| customers.labels[row]).collect();
    let params = BoostingParams { trees: 60, row_share: 1.0, min_leaf_rows: 1, min_leaf_weight: 5.0, ..params() };
    let weighted = params.fit_weighted(&table, &weights).unwrap();
    let repeated = params.fit(&TrainingRows { rows: &rows, labels: &labels, ..table }).unwrap();
    let plain = params.fit(&table).unwrap();
    assert!((weighted.base - repeated.base).abs() < 1e-12);
    let apart = |one: &Boosted, other: &Boosted| -> f64 {
        let each = customers.rows.chunks_exact(5).map(|row| (one.predict(row) - other.predict(row)).abs());
        each.sum::<f64>() / 1500.0
    };
    // Not equal: repeated rows stand elsewhere in bins of many values and in the order behind rates.
    let (near, far) = (apart(&weighted, &repeated), apart(&weighted, &plain));
    assert!(near < 0.3 && far > 3.0 * near, "{near} from repeated rows, {far} from rows without weights");
}

#[test]
fn stopping_keeps_the_trees_up_to_the_least_loss() {
    let (known, other) = (Customers::new(1500, 11, everything), Customers::new(1500, 12, everything));
    let params = BoostingParams { trees: 400, learning_rate: 0.2, ..params() };
    let (model, trees) = params.fit_stopping(&known.table(), &other.table(), 400).unwrap();
    assert_eq!(model.roots.len(), trees);
    let whole = params.fit(&known.table()).unwrap();
    let mut log_odds = vec![whole.base; other.labels.len()];
    let losses: Vec<f64> = (0..400)
        .map(|tree| {
            let rows = other.rows.chunks_exact(5);
            rows.zip(&mut log_odds).for_each(|(row, log_odds)| *log_odds += whole.tree_value(tree, row));
            other.figures(log_odds.iter().copied()).1
        })
        .collect();
    let least = (0..400).reduce(|best, next| if losses[next] < losses[best] { next } else { best }).unwrap();
    assert_eq!(trees, least + 1);
    assert!(trees > 5 && trees < 300, "{trees} trees: the rate is no test of stopping");
    // With patience, the same trees or fewer, and no more than the patience beyond them.
    let (patient, fewer) = params.fit_stopping(&known.table(), &other.table(), 10).unwrap();
    assert!(fewer <= trees && patient.nodes[..] == model.nodes[..patient.nodes.len()], "{fewer} of {trees}");
}

#[test]
fn a_tree_without_a_split_is_not_counted_twice() {
    let (known, other) = (Customers::new(600, 11, everything), Customers::new(600, 12, everything));
    // One feature a leaf and a gain that few of them reach: most trees have no split.
    let params = BoostingParams { trees: 60, feature_share: 0.2, min_gain: 20.0, ..params() };
    let (model, trees) = params.fit_stopping(&known.table(), &other.table(), 60).unwrap();
    assert!(model.roots.len() < 60 && trees == model.roots.len(), "{} trees, {trees} counted", model.roots.len());
    let loss = |trees: usize| {
        let mut first = model.clone();
        first.truncate(trees);
        other.figures_of(&first).1
    };
    let losses: Vec<f64> = (0..=trees).map(loss).collect();
    assert!(losses[..trees].iter().all(|&loss| loss > losses[trees]), "{trees} trees: {losses:?}");
}

#[test]
fn where_nothing_can_be_learnt_the_base_remains() {
    let (known, other) = (Customers::new(1500, 13, |_| -1.0), Customers::new(3000, 14, |_| -1.0));
    let (model, trees) = params().fit_stopping(&known.table(), &other.table(), 30).unwrap();
    assert!(trees < 15, "{trees} trees of noise");
    let (_, loss) = other.figures_of(&model);
    let (_, best) = other.figures(other.log_odds.iter().copied());
    assert!(loss < best + 0.005, "{loss} for {best}");
}

#[test]
fn a_table_that_cannot_be_learnt_from_is_refused_with_the_reason() {
    let customers = Customers::new(100, 15, everything);
    let table = customers.table();
    let message = |rows: &TrainingRows| params().fit(rows).unwrap_err().to_string();
    let empty = TrainingRows { rows: &[], labels: &[], ..table };
    assert_eq!(
        message(&empty),
        "found no training rows, expected at least one; check the filters and dates of the recipe"
    );
    let same = vec![true; 100];
    assert!(message(&TrainingRows { labels: &same, ..table }).starts_with("found 100 positives in 100 rows"));
    let mut infinite = customers.rows.clone();
    infinite[15] = f64::INFINITY;
    let expected = "feature `age`, row 3: found inf, expected a finite number, or NaN if unknown";
    assert_eq!(message(&TrainingRows { rows: &infinite, ..table }), expected);
    let weighted = |weights: &[f64]| params().fit_weighted(&table, weights).unwrap_err().to_string();
    assert!(weighted(&[1.0; 99]).starts_with("weights: found 99, expected 100"));
    assert!(weighted(&[f64::NAN; 100]).starts_with("feature `weight`, row 0: found NaN"));
    let of_positives: Vec<f64> = customers.labels.iter().map(|&label| f64::from(u8::from(label))).collect();
    assert!(weighted(&of_positives).contains("expected both outcomes"));
}

#[test]
fn a_parameter_out_of_range_is_named() {
    let customers = Customers::new(100, 16, everything);
    for (params, name) in [
        (BoostingParams { trees: 0, ..params() }, "trees"),
        (BoostingParams { learning_rate: 0.0, ..params() }, "learning_rate"),
        (BoostingParams { max_leaves: 1, ..params() }, "max_leaves"),
        (BoostingParams { max_depth: Some(0), ..params() }, "max_depth"),
        (BoostingParams { min_leaf_rows: 0, ..params() }, "min_leaf_rows"),
        (BoostingParams { l2: f64::NAN, ..params() }, "l2"),
        (BoostingParams { row_share: 1.5, ..params() }, "row_share"),
        (BoostingParams { max_bins: 256, ..params() }, "max_bins"),
        (BoostingParams { max_set_levels: 63, ..params() }, "max_set_levels"),
    ] {
        let message = params.fit(&customers.table()).unwrap_err().to_string();
        assert!(message.starts_with(&format!("`{name}`: found ")), "{message}");
    }
    let (table, other) = (customers.table(), TrainingRows { kinds: &customers.kinds[..4], ..customers.table() });
    assert!(params().fit_stopping(&table, &other, 5).is_err());
    assert!(params().fit_stopping(&table, &table, 0).is_err());
}

#[test]
fn limits_on_a_tree_hold() {
    let customers = Customers::new(3000, 17, everything);
    let params =
        BoostingParams { trees: 20, max_leaves: 7, max_depth: Some(3), min_leaf_rows: 50, row_share: 0.5, ..params() };
    let model = params.fit(&customers.table()).unwrap();
    let ends: Vec<usize> = model.roots[1..].iter().map(|&root| root as usize).chain([model.nodes.len()]).collect();
    for (&root, end) in model.roots.iter().zip(ends) {
        let leaves = (root as usize..end)
            .filter(|&node| matches!(model.nodes[node], tend_models::families::boosted::Node::Leaf { .. }));
        let rows: Vec<f64> = leaves.map(|leaf| model.populations[leaf].weight).collect();
        assert!((2..=7).contains(&rows.len()) && rows.iter().all(|&rows| rows >= 50.0), "{rows:?}");
        let all: f64 = rows.iter().sum();
        assert_eq!(all, model.populations[root as usize].weight);
        assert!((1350.0..1650.0).contains(&all), "{all} of 3000 rows");
    }
}

mod monotone;
mod numbers;
