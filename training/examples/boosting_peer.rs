//! Fits, scores and explains one table with tend's boosting for `benches/peers/compare.py`, and says what each step cost.
//!
//! Arguments: the training table, the test table, the file for probabilities, and any of `trees`, `leaves`,
//! `learning_rate`, `row_share`, `feature_share`, `min_leaf_rows`, `seeds` and `explain_rows` as `name=value`. A table is
//! the number of rows and of features, the levels of each feature (-1 for a number), the rows, then the labels:
//! little-endian 64-bit integers, 64-bit floats, bytes.

use std::error::Error;
use std::fs;

use tend_models::families::boosted::Boosted;
use tend_models::families::boosted::batch::BoostedBatch;
use tend_models::families::boosted::row::BoostedRow;
use tend_models::families::logistic::sigmoid;
use tend_models::predict::{FeatureKind, Predict};
use tend_training::fit::boosting::BoostingParams;
use tend_training::fit::table::TrainingRows;

/// Steps are repeated until they took this long, so that the clock's grain does not show.
const LEAST_CPU_SECONDS: f64 = 1.0;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [train, test, out, settings @ ..] = &args[..] else {
        return Err("expected a training table, a test table, a file for probabilities, then name=value".into());
    };
    let (train, test) = (Table::read(train)?, Table::read(test)?);
    let settings = Settings::read(train.labels.len(), settings)?;

    fs::write("/proc/self/clear_refs", "5")?;
    let before = memory_mb("VmRSS:")?;
    let start = cpu_seconds()?;
    let models = settings.fit(&train)?;
    let fit = cpu_seconds()? - start;
    let memory = memory_mb("VmHWM:")? - before;

    let mut scores = vec![0.0; test.labels.len()];
    let mut one = scores.clone();
    let score = rows_per_second(test.labels.len(), || {
        scores.fill(0.0);
        for model in &models {
            BoostedBatch::new(model).predict_rows(&test.rows, test.kinds.len(), &mut one);
            scores.iter_mut().zip(&one).for_each(|(sum, score)| *sum += score / models.len() as f64);
        }
    })?;
    let ready: Vec<BoostedRow> = models.iter().filter_map(BoostedRow::new).collect();
    let one_row_us = 1e6
        / rows_per_second(test.labels.len(), || {
            for (row, score) in test.rows.chunks_exact(test.kinds.len()).zip(&mut one) {
                *score = ready.iter().map(|model| model.predict(row)).sum();
            }
        })?;
    let explained = settings.explain_rows.min(test.labels.len());
    let width = test.kinds.len();
    let mut contributions = vec![0.0; explained * width];
    let explain = rows_per_second(explained, || {
        models.iter().for_each(|model| model.explain_rows(&test.rows[..explained * width], width, &mut contributions));
    })?;
    fs::write(out, scores.iter().flat_map(|&score| sigmoid(score).to_le_bytes()).collect::<Vec<u8>>())?;
    println!(
        r#"{{"fit_cpu_s": {fit}, "fit_memory_mb": {memory}, "score_rows_per_cpu_s": {score}, "one_row_us": {one_row_us}, "explain_rows_per_cpu_s": {explain}}}"#
    );
    Ok(())
}

struct Settings {
    params: BoostingParams,
    seeds: u64,
    explain_rows: usize,
}

impl Settings {
    fn read(rows: usize, settings: &[String]) -> Result<Self, Box<dyn Error>> {
        let mut all = Self { params: BoostingParams::for_rows(rows), seeds: 1, explain_rows: 0 };
        for setting in settings {
            let (name, value) = setting.split_once('=').ok_or(format!("found `{setting}`, expected name=value"))?;
            match name {
                "trees" => all.params.trees = value.parse()?,
                "leaves" => all.params.max_leaves = value.parse()?,
                "learning_rate" => all.params.learning_rate = value.parse()?,
                "row_share" => all.params.row_share = value.parse()?,
                "feature_share" => all.params.feature_share = value.parse()?,
                "min_leaf_rows" => all.params.min_leaf_rows = value.parse()?,
                "seeds" => all.seeds = value.parse()?,
                "explain_rows" => all.explain_rows = value.parse()?,
                _ => return Err(format!("found the setting `{name}`, expected one of those in the file's head").into()),
            }
        }
        Ok(all)
    }

    fn fit(&self, train: &Table) -> Result<Vec<Boosted>, Box<dyn Error>> {
        let names: Vec<String> = (0..train.kinds.len()).map(|feature| feature.to_string()).collect();
        let rows = TrainingRows { rows: &train.rows, kinds: &train.kinds, labels: &train.labels, names: &names };
        let seeds = self.params.seed..self.params.seed + self.seeds;
        Ok(seeds.map(|seed| BoostingParams { seed, ..self.params.clone() }.fit(&rows)).collect::<Result<_, _>>()?)
    }
}

struct Table {
    kinds: Vec<FeatureKind>,
    rows: Vec<f64>,
    labels: Vec<bool>,
}

impl Table {
    fn read(path: &str) -> Result<Self, Box<dyn Error>> {
        let bytes = fs::read(path)?;
        let (words, rest) = bytes.as_chunks::<8>();
        let whole = |place: usize| i64::from_le_bytes(words[place]);
        let (rows, width) = (whole(0) as usize, whole(1) as usize);
        let kind = |levels: i64| match levels {
            -1 => FeatureKind::Number,
            _ => FeatureKind::Category { levels: (0..levels).map(|level| level.to_string()).collect() },
        };
        let numbers = &words[2 + width..][..rows * width];
        let labels = bytes[8 * (2 + width + rows * width)..].iter().map(|&label| label == 1).collect::<Vec<_>>();
        if labels.len() != rows {
            return Err(
                format!("{path}: found {} labels, expected {rows}; {} bytes left", labels.len(), rest.len()).into()
            );
        }
        Ok(Self {
            kinds: (0..width).map(|feature| kind(whole(2 + feature))).collect(),
            rows: numbers.iter().map(|&number| f64::from_le_bytes(number)).collect(),
            labels,
        })
    }
}

/// The mean of the runs of at least a second: the system counts the time of a single short one too coarsely.
fn rows_per_second(rows: usize, mut step: impl FnMut()) -> Result<f64, Box<dyn Error>> {
    let start = cpu_seconds()?;
    let (mut runs, mut seconds) = (0, 0.0);
    while rows > 0 && seconds < LEAST_CPU_SECONDS {
        step();
        runs += 1;
        seconds = cpu_seconds()? - start;
    }
    Ok(if rows > 0 { (rows * runs) as f64 / seconds } else { 0.0 })
}

/// Of all threads of this process.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let mut nanoseconds = 0.0;
    for thread in fs::read_dir("/proc/self/task")? {
        let times = fs::read_to_string(thread?.path().join("schedstat"))?;
        nanoseconds += times.split(' ').next().ok_or("schedstat is empty")?.parse::<f64>()?;
    }
    Ok(nanoseconds / 1e9)
}

fn memory_mb(name: &str) -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or(format!("no {name} in status"))?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}
