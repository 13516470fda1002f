//! Finds the best split of one leaf by one feature, from its sums by bin.

use tend_models::families::boosted::Input;

use super::BoostingParams;
use super::bins::{Column, UNKNOWN};
use super::gradients::{Scale, Sums, Totals};
use super::monotone::{Bounds, Direction};

/// Which bins go left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Test {
    /// Known bins up to this one.
    UpTo {
        /// The last bin on the left.
        bin: u8,
        /// Whether the bin of NaN goes left.
        unknown_left: bool,
    },
    /// The bins whose bit is set.
    Set(u64),
}

impl Test {
    #[inline(always)]
    pub(super) fn goes_left(self, bin: u8) -> bool {
        match self {
            Self::UpTo { unknown_left, .. } if bin == UNKNOWN => unknown_left,
            Self::UpTo { bin: last, .. } => bin <= last,
            Self::Set(bins) => bins >> bin & 1 == 1,
        }
    }
}

/// A split and what it is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Split {
    /// By how much it lowers twice the penalised loss, to second order.
    pub gain: f64,
    pub feature: usize,
    pub test: Test,
    /// Of the rows that go left.
    pub left: Sums,
}

/// A leaf to be split by one feature.
#[derive(Debug, Clone, Copy)]
struct Leaf {
    sums: Sums,
    bounds: Bounds,
    direction: Option<Direction>,
}

impl Leaf {
    /// Whether any two values may come of it.
    #[inline(always)]
    fn is_free(&self) -> bool {
        self.direction.is_none() && self.bounds == Bounds::NONE
    }
}

/// The rules that splits and leaf values keep.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// That of the tree's gradients.
    pub scale: Scale,
    pub l1: f64,
    pub l2: f64,
    pub min_gain: f64,
    pub min_leaf_rows: usize,
    pub min_leaf_weight: f64,
    pub set_l2: f64,
    pub set_smoothing: f64,
}

impl Rules {
    pub(super) fn new(params: &BoostingParams) -> Self {
        Self {
            scale: Scale::default(),
            l1: params.l1,
            l2: params.l2,
            min_gain: params.min_gain,
            min_leaf_rows: params.min_leaf_rows,
            min_leaf_weight: params.min_leaf_weight,
            set_l2: params.set_l2,
            set_smoothing: params.set_smoothing,
        }
    }

    /// The Newton step of a leaf, with both penalties.
    pub(super) fn leaf_value(&self, sums: Sums) -> f64 {
        self.newton_step(self.scale.totals(sums))
    }

    fn newton_step(&self, totals: Totals) -> f64 {
        if totals.second + self.l2 > 0.0 { -self.shrunk(totals.first) / (totals.second + self.l2) } else { 0.0 }
    }

    fn shrunk(&self, first: f64) -> f64 {
        first - first.clamp(-self.l1, self.l1)
    }

    /// By how much a leaf's value lowers twice the loss.
    #[inline(always)]
    fn worth(&self, totals: Totals, l2: f64) -> f64 {
        let first = self.shrunk(totals.first);
        // Without a penalty and with a hessian that rounds to 0 there is nothing to divide by.
        first * first / (totals.second + l2).max(f64::MIN_POSITIVE)
    }

    /// As [`worth`](Self::worth), of a leaf whose value stays within bounds.
    fn bounded_worth(&self, totals: Totals, l2: f64, bounds: Bounds) -> f64 {
        let value = bounds.clamp(self.newton_step(totals));
        -2.0 * (totals.first * value + self.l1 * value.abs()) - (totals.second + l2) * value * value
    }

    /// What two leaves are worth, unless one of them is too small or they go the wrong way.
    #[inline(always)]
    fn worth_of_both(&self, left: Sums, leaf: Leaf, l2: f64) -> Option<f64> {
        let (left, right) = (self.scale.totals(left), self.scale.totals(leaf.sums - left));
        let large = |side: &Totals| side.rows >= self.min_leaf_rows && side.second >= self.min_leaf_weight;
        if !(large(&left) && large(&right)) {
            return None;
        }
        if leaf.is_free() {
            return Some(self.worth(left, l2) + self.worth(right, l2));
        }
        let values = [left, right].map(|side| leaf.bounds.clamp(self.newton_step(side)));
        let allowed = !leaf.direction.is_some_and(|direction| direction.forbids(values));
        allowed.then(|| self.bounded_worth(left, l2, leaf.bounds) + self.bounded_worth(right, l2, leaf.bounds))
    }

    /// The best split of a leaf by a feature with these bins, if one gains enough.
    pub(super) fn best(
        &self,
        feature: usize,
        column: &Column,
        bins: &[Sums],
        all: Sums,
        bounds: Bounds,
    ) -> Option<Split> {
        let leaf = Leaf { sums: all, bounds, direction: column.direction };
        let candidate = match column.input {
            Input::Levels => self.best_set(bins, leaf),
            Input::Number | Input::Rates { .. } => self.best_threshold(bins, leaf),
        };
        let (worth, test, left) = candidate?;
        let whole = self.scale.totals(all);
        let gain = worth
            - if leaf.is_free() { self.worth(whole, self.l2) } else { self.bounded_worth(whole, self.l2, bounds) };
        (gain > self.min_gain).then_some(Split { gain, feature, test, left })
    }

    fn best_threshold(&self, bins: &[Sums], leaf: Leaf) -> Option<(f64, Test, Sums)> {
        let all = leaf.sums;
        let unknown = bins[usize::from(UNKNOWN)];
        let known = all - unknown;
        let mut best: Option<(f64, Test, Sums)> = None;
        let mut offer = |bin: u8, unknown_left: bool, left: Sums, leaf: Leaf| {
            if let Some(worth) = self.worth_of_both(left, leaf, self.l2)
                && best.is_none_or(|(most, ..)| worth > most)
            {
                best = Some((worth, Test::UpTo { bin, unknown_left }, left));
            }
        };
        let some_unknown = self.scale.rows(unknown) > 0;
        let mut left = Sums::default();
        for (bin, &sums) in (1_u8..).zip(&bins[1..]) {
            if sums == Sums::default() {
                continue;
            }
            left += sums;
            if left == known {
                if some_unknown {
                    // All that is known against all that is not: the order of numbers plays no part.
                    let last = (bins.len() - 1) as u8;
                    offer(last, false, left, Leaf { direction: None, ..leaf });
                }
                break;
            }
            if some_unknown {
                offer(bin, false, left, leaf);
            }
            if some_unknown {
                let mut with_unknown = left;
                with_unknown += unknown;
                offer(bin, true, with_unknown, leaf);
            } else {
                // Nothing is known of the unknown here: they go with most of the rows.
                let unknown_left = 2 * self.scale.rows(left) > self.scale.rows(all);
                offer(bin, unknown_left, left, leaf);
            }
        }
        best
    }

    /// Sorted by the value that a leaf of its own would have, the best set of levels is a prefix.
    ///
    /// Source: Fisher (1958), *On grouping for maximum homogeneity*. NaN is a level as the others.
    fn best_set(&self, bins: &[Sums], leaf: Leaf) -> Option<(f64, Test, Sums)> {
        let mut present: Vec<(f64, usize)> = Vec::with_capacity(bins.len());
        for (bin, &sums) in bins.iter().enumerate().filter(|(_, sums)| **sums != Sums::default()) {
            let totals = self.scale.totals(sums);
            present.push((totals.first / (totals.second + self.set_smoothing).max(f64::MIN_POSITIVE), bin));
        }
        present.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut best: Option<(f64, u64, Sums)> = None;
        let (mut left, mut set) = (Sums::default(), 0);
        for &(_, bin) in present.iter().take(present.len().saturating_sub(1)) {
            left += bins[bin];
            set |= 1 << bin;
            if let Some(worth) = self.worth_of_both(left, leaf, self.l2 + self.set_l2)
                && best.is_none_or(|(most, ..)| worth > most)
            {
                best = Some((worth, set, left));
            }
        }
        best.map(|(worth, set, left)| {
            // Nothing is known of levels that do not occur here: they go with most of the rows.
            let occurring = present.iter().fold(0_u64, |set, &(_, bin)| set | 1 << bin);
            let heavier_left = 2 * self.scale.rows(left) > self.scale.rows(leaf.sums);
            (worth, Test::Set(if heavier_left { set | !occurring } else { set }), left)
        })
    }
}

#[cfg(test)]
mod tests;
