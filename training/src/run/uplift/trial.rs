//! One experiment: learners compared on rows that they had not seen, the best one fitted on all, and what it is worth.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;
use tend_models::artifact::ActionUplift;
use tend_models::families::uplift::{EffectModel, Heterogeneity, LearnedEffect};
use tend_models::predict::{FeatureKind, Predict};
use tend_models::scorecard::EffectOutcome;

use super::{ActionFigures, LearnerFigures};
use crate::evaluate::{
    BestLinearPredictor, Estimate, Experiment, adjusted_qini, average_effect, best_linear_predictor,
    doubly_robust_scores, effects_by_tenth, policy_value, profit_curve,
};
use crate::fit::table::TrainingRows;
use crate::fit::uplift::{Base, Chances, ExperimentRows, Learner, Outcomes, Overlap, Propensity};
use crate::run::TrainError;

/// One learner alone has to have a Qini so many standard errors above that of the mean of all: learners that are as
/// good as one another err in other places, and their mean is steadier.
const BETTER_THAN_ALL: f64 = 0.5;

/// What is compared.
pub(super) const CANDIDATES: [(Learner, Base); 9] = [
    (Learner::TwoModels, Base::Linear),
    (Learner::TwoGroups, Base::Linear),
    (Learner::DoublyRobust, Base::Linear),
    (Learner::Transformed, Base::Linear),
    (Learner::TwoModels, Base::Forest),
    (Learner::SingleModel, Base::Forest),
    (Learner::TwoGroups, Base::Forest),
    (Learner::DoublyRobust, Base::Forest),
    (Learner::Transformed, Base::Forest),
];

/// What learners are built from.
const BASES: [Base; 2] = [Base::Linear, Base::Forest];

/// One action's experiment: rows of the features with who was treated and what happened.
pub(super) struct Trial<'a> {
    pub(super) action: String,
    pub(super) outcome: EffectOutcome,
    /// (rows, features), row-major.
    pub(super) values: Vec<f64>,
    pub(super) kinds: &'a [FeatureKind],
    pub(super) names: &'a [String],
    pub(super) treated: Vec<bool>,
    pub(super) outcomes: Vec<f64>,
    /// Whose row it is: all rows of one customer are in one fold.
    pub(super) customers: Vec<usize>,
    /// Logged chances of treatment, if there are any.
    pub(super) logged: Option<Vec<f64>>,
}

/// How a trial is judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judging<'a> {
    pub(super) candidates: &'a [(Learner, Base)],
    pub(super) folds: usize,
    /// Money that one unit of the outcome is worth.
    pub(super) worth: f64,
    /// Money that one contact costs.
    pub(super) cost: f64,
    pub(super) seed: u64,
}

/// Rows that nobody's model had seen when it foretold them: one entry a row.
struct CrossFitted {
    fold_of: Vec<usize>,
    scores: Vec<f64>,
    /// One a candidate, and last the mean of all.
    effects: Vec<Vec<f64>>,
}

impl Trial<'_> {
    /// Judges the experiment, and fits a model on all of it.
    ///
    /// # Errors
    /// [`TrainError`] if treated and controls cannot be compared or nothing can be fitted.
    pub(super) fn judge(&self, judging: Judging<'_>) -> Result<(ActionFigures, ActionUplift), TrainError> {
        let chances = self.logged.as_deref().map_or(Chances::Unknown, Chances::Logged);
        let overlap = Overlap::of(&self.table(&self.values), &self.treated, chances, judging.seed)
            .map_err(|fault| TrainError::Data(format!("{}: {fault}", self.action)))?;
        let all = self.part(&overlap, &overlap.kept);
        let customers: Vec<usize> = overlap.kept.iter().map(|&row| self.customers[row]).collect();
        let fitted = CrossFitted::of(&all, self, &customers, judging)?;
        let chosen = Chosen::of(&fitted, judging);
        let best = chosen.ranked[0];
        let heterogeneity = match chosen.line {
            Some(line) if chosen.is_usable => {
                let believed = (line.believed, line.slope.error);
                Some(self.heterogeneity(&all, best.learner, believed, judging)?)
            }
            _ => None,
        };
        let bounds = if self.outcome.is_probability() { [-1.0, 1.0] } else { [f64::MIN, f64::MAX] };
        let Estimate { value: average, error: average_error } = chosen.average;
        let model = EffectModel { average, average_error, heterogeneity, bounds };
        let action = ActionUplift { action: self.action.clone(), outcome: self.outcome, model };
        Ok((self.figures(&all, overlap, chosen, &fitted.scores, judging)?, action))
    }

    fn figures(
        &self,
        all: &Part,
        overlap: Overlap,
        chosen: Chosen,
        scores: &[f64],
        judging: Judging<'_>,
    ) -> Result<ActionFigures, TrainError> {
        let effects = &chosen.effects[..];
        let experiment = Experiment { effects, treated: &all.treated, outcomes: &all.outcomes };
        let is_constant = overlap.propensity == Propensity::Constant;
        let weights = (!is_constant).then_some(&all.chances[..]);
        let [treated_mean, control_mean] = [true, false].map(|wanted| all.mean_outcome(wanted));
        Ok(ActionFigures {
            action: self.action.clone(),
            outcome: self.outcome,
            rows: all.treated.len(),
            treated: all.treated.iter().filter(|&&treated| treated).count(),
            treated_mean,
            control_mean,
            average_effect: if is_constant { treated_mean - control_mean } else { chosen.average.value },
            average_effect_adjusted: chosen.average,
            average_effect_interval: chosen.average.interval(),
            overlap,
            qini: experiment.qini_per_treated(weights)?,
            qini_interval: experiment.qini_interval(weights, judging.seed)?,
            qini_adjusted: chosen.qini,
            scores: experiment.scores()?,
            has_usable_heterogeneity: chosen.is_usable,
            believed: chosen.believed(),
            learner: chosen.ranked[0].name(),
            folds: judging.folds,
            policy_value: policy_value(&chosen.believed_effects(), scores, judging.worth, judging.cost),
            candidates: chosen.ranked.clone(),
            tenths: effects_by_tenth(effects, scores),
            profit: profit_curve(effects, scores, judging.worth, judging.cost),
            qini_curve: experiment.qini_curve(weights)?,
        })
    }

    /// The learner, or all of them, fitted on all rows.
    fn heterogeneity(
        &self,
        all: &Part,
        learner: Option<(Learner, Base)>,
        (believed, believed_error): (f64, f64),
        judging: Judging<'_>,
    ) -> Result<Heterogeneity, TrainError> {
        let experiment = all.experiment(self);
        let used: Vec<(Learner, Base)> = learner.map_or_else(|| judging.candidates.to_vec(), |one| vec![one]);
        let mut fitted = Vec::new();
        for base in BASES.into_iter().filter(|base| used.iter().any(|(_, own)| own == base)) {
            let expected = Outcomes::fit(base, &experiment, judging.seed)?;
            for (learner, _) in used.iter().filter(|(_, own)| *own == base) {
                fitted.push(learner.fit(base, &experiment, &expected, judging.seed)?);
            }
        }
        let learned = LearnedEffect::mean_of(fitted);
        let count = all.treated.len();
        let mean = (0..count).map(|row| learned.predict(experiment.rows.row(row))).sum::<f64>() / count as f64;
        Ok(Heterogeneity { learned, mean, believed, believed_error })
    }

    fn table<'b>(&'b self, values: &'b [f64]) -> TrainingRows<'b> {
        TrainingRows { rows: values, kinds: self.kinds, labels: &[], names: self.names }
    }

    fn part(&self, overlap: &Overlap, rows: &[usize]) -> Part {
        let width = self.kinds.len();
        Part {
            values: rows.iter().flat_map(|&row| &self.values[row * width..(row + 1) * width]).copied().collect(),
            treated: rows.iter().map(|&row| self.treated[row]).collect(),
            outcomes: rows.iter().map(|&row| self.outcomes[row]).collect(),
            chances: rows.iter().map(|&row| overlap.chances[row]).collect(),
        }
    }
}

/// Some rows of a trial.
struct Part {
    values: Vec<f64>,
    treated: Vec<bool>,
    outcomes: Vec<f64>,
    chances: Vec<f64>,
}

impl Part {
    fn experiment<'b>(&'b self, trial: &'b Trial<'_>) -> ExperimentRows<'b> {
        ExperimentRows {
            rows: trial.table(&self.values),
            treated: &self.treated,
            outcomes: &self.outcomes,
            propensities: &self.chances,
        }
    }

    fn mean_outcome(&self, wanted: bool) -> f64 {
        let group = self.treated.iter().zip(&self.outcomes).filter(|(treated, _)| **treated == wanted);
        let (count, sum) = group.fold((0.0, 0.0), |(count, sum), (_, outcome)| (count + 1.0, sum + outcome));
        sum / count
    }

    fn some(&self, places: &[usize], width: usize) -> Self {
        Self {
            values: places.iter().flat_map(|&row| &self.values[row * width..(row + 1) * width]).copied().collect(),
            treated: places.iter().map(|&row| self.treated[row]).collect(),
            outcomes: places.iter().map(|&row| self.outcomes[row]).collect(),
            chances: places.iter().map(|&row| self.chances[row]).collect(),
        }
    }
}

/// What the models of one fold and base foretell of the fold's rows.
struct Foretold {
    base: Base,
    places: Vec<usize>,
    expected: [Vec<f64>; 2],
    /// By the place of the candidate.
    effects: Vec<(usize, Vec<f64>)>,
}

/// What comes of the choice between the learners.
struct Chosen {
    /// Each row's effect by the learner that was best on the rows of other folds.
    effects: Vec<f64>,
    average: Estimate,
    qini: Estimate,
    line: Option<BestLinearPredictor>,
    /// Whether the effects order customers better than chance.
    is_usable: bool,
    /// The candidates on all rows, the chosen one first.
    ranked: Vec<LearnerFigures>,
}

impl Chosen {
    fn of(fitted: &CrossFitted, judging: Judging<'_>) -> Self {
        let effects = fitted.chosen_elsewhere(judging);
        let qini = adjusted_qini(&effects, &fitted.scores);
        let line = best_linear_predictor(&effects, &fitted.scores);
        let is_usable = qini.interval().low > 0.0 && line.is_some_and(|line| line.believed > 0.0);
        let everywhere: Vec<usize> = (0..effects.len()).collect();
        let ranked = fitted.ranked(&everywhere, judging);
        Self { effects, average: average_effect(&fitted.scores), qini, line, is_usable, ranked }
    }

    fn believed(&self) -> f64 {
        self.line.filter(|_| self.is_usable).map_or(0.0, |line| line.believed)
    }

    /// The effects as the model tells them: drawn towards the average.
    fn believed_effects(&self) -> Vec<f64> {
        let mean = self.line.map_or(0.0, |line| line.mean);
        self.effects.iter().map(|effect| self.average.value + self.believed() * (effect - mean)).collect()
    }
}

impl CrossFitted {
    fn of(all: &Part, trial: &Trial<'_>, customers: &[usize], judging: Judging<'_>) -> Result<Self, TrainError> {
        let fold_of = folds(customers, judging.folds, judging.seed);
        let jobs: Vec<(usize, Base)> =
            (0..judging.folds).flat_map(|fold| BASES.into_iter().map(move |base| (fold, base))).collect();
        let foretold = jobs
            .into_par_iter()
            .filter(|(_, base)| judging.candidates.iter().any(|(_, own)| own == base))
            .map(|(fold, base)| foretell(all, trial, &fold_of, (fold, base), judging))
            .collect::<Result<Vec<Foretold>, TrainError>>()?;
        let rows = all.treated.len();
        let mut effects = vec![vec![0.0; rows]; judging.candidates.len()];
        for part in &foretold {
            for (candidate, own) in &part.effects {
                part.places.iter().zip(own).for_each(|(&row, &effect)| effects[*candidate][row] = effect);
            }
        }
        let count = effects.len() as f64;
        let mean = (0..rows).map(|row| effects.iter().map(|own| own[row]).sum::<f64>() / count).collect();
        effects.push(mean);
        let scores = scores(all, &foretold);
        Ok(Self { fold_of, scores, effects })
    }

    /// Each row's effect by the learner that is best on the rows of all other folds: what the choice itself is worth.
    fn chosen_elsewhere(&self, judging: Judging<'_>) -> Vec<f64> {
        let mut effects = vec![0.0; self.fold_of.len()];
        for fold in 0..judging.folds {
            let elsewhere: Vec<usize> = (0..effects.len()).filter(|&row| self.fold_of[row] != fold).collect();
            let best = self.best(&elsewhere, judging);
            for row in (0..effects.len()).filter(|&row| self.fold_of[row] == fold) {
                effects[row] = self.effects[best][row];
            }
        }
        effects
    }

    /// The candidates' figures on some rows, the chosen one first, then by Qini.
    fn ranked(&self, rows: &[usize], judging: Judging<'_>) -> Vec<LearnerFigures> {
        let best = self.best(rows, judging);
        let mut figures = self.figures(rows, judging);
        let chosen = figures.remove(best);
        figures.sort_by(|one, other| other.qini_adjusted.value.total_cmp(&one.qini_adjusted.value));
        figures.insert(0, chosen);
        figures
    }

    /// The mean of all learners, unless one alone has a Qini clearly above its, and a policy that earns no less.
    fn best(&self, rows: &[usize], judging: Judging<'_>) -> usize {
        let figures = self.figures(rows, judging);
        let all = figures.len() - 1;
        let enough = figures[all].qini_adjusted.value + BETTER_THAN_ALL * figures[all].qini_adjusted.error;
        let is_better = |one: &LearnerFigures| {
            one.qini_adjusted.value > enough && one.policy_value.value >= figures[all].policy_value.value
        };
        let better = figures.iter().enumerate().filter(|(_, one)| is_better(one));
        let best = better.max_by(|(_, one), (_, other)| one.qini_adjusted.value.total_cmp(&other.qini_adjusted.value));
        best.map_or(all, |(place, _)| place)
    }

    fn figures(&self, rows: &[usize], judging: Judging<'_>) -> Vec<LearnerFigures> {
        let scores: Vec<f64> = rows.iter().map(|&row| self.scores[row]).collect();
        self.effects
            .par_iter()
            .enumerate()
            .map(|(place, effects)| {
                let effects: Vec<f64> = rows.iter().map(|&row| effects[row]).collect();
                LearnerFigures {
                    learner: judging.candidates.get(place).copied(),
                    qini_adjusted: adjusted_qini(&effects, &scores),
                    policy_value: policy_value(&effects, &scores, judging.worth, judging.cost),
                }
            })
            .collect()
    }
}

/// The fold of each row: customers dealt at random, with all their rows.
fn folds(customers: &[usize], folds: usize, seed: u64) -> Vec<usize> {
    let mut distinct: Vec<usize> = customers.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let mut dealt: Vec<usize> = (0..distinct.len()).map(|turn| turn % folds).collect();
    dealt.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(seed));
    customers.iter().map(|customer| dealt[distinct.binary_search(customer).expect("one of them")]).collect()
}

fn foretell(
    all: &Part,
    trial: &Trial<'_>,
    fold_of: &[usize],
    (fold, base): (usize, Base),
    judging: Judging<'_>,
) -> Result<Foretold, TrainError> {
    let width = trial.kinds.len();
    let (places, rest): (Vec<usize>, Vec<usize>) = (0..fold_of.len()).partition(|&row| fold_of[row] == fold);
    let train = all.some(&rest, width);
    let experiment = train.experiment(trial);
    let outcomes = Outcomes::fit(base, &experiment, judging.seed)?;
    let row = |place: usize| &all.values[place * width..(place + 1) * width];
    let expected = [&outcomes.with, &outcomes.without]
        .map(|model| places.iter().map(|&place| model.predict(row(place))).collect());
    let mut effects = Vec::new();
    for (candidate, &(learner, own)) in judging.candidates.iter().enumerate() {
        if own == base {
            let learned: LearnedEffect = learner.fit(base, &experiment, &outcomes, judging.seed)?;
            effects.push((candidate, places.iter().map(|&place| learned.predict(row(place))).collect()));
        }
    }
    Ok(Foretold { base, places, expected, effects })
}

/// Doubly robust scores from the outcome models of smaller squared error in each fold: these only take noise out, and
/// choose no learner.
fn scores(all: &Part, foretold: &[Foretold]) -> Vec<f64> {
    let error = |part: &Foretold| -> f64 {
        let gap = |(at, &row): (usize, &usize)| {
            let expected = if all.treated[row] { part.expected[0][at] } else { part.expected[1][at] };
            (all.outcomes[row] - expected).powi(2)
        };
        part.places.iter().enumerate().map(gap).sum()
    };
    let total = |base: Base| foretold.iter().filter(|part| part.base == base).map(&error).sum::<f64>();
    let used = BASES.into_iter().filter(|&base| foretold.iter().any(|part| part.base == base));
    let best = used.min_by(|&one, &other| total(one).total_cmp(&total(other))).unwrap_or(Base::Linear);
    let (mut with, mut without) = (vec![0.0; all.treated.len()], vec![0.0; all.treated.len()]);
    for part in foretold.iter().filter(|part| part.base == best) {
        for (at, &row) in part.places.iter().enumerate() {
            with[row] = part.expected[0][at];
            without[row] = part.expected[1][at];
        }
    }
    doubly_robust_scores(&all.treated, &all.outcomes, &all.chances, [&with, &without])
}
