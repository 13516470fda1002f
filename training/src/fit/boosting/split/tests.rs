//! Splits against searches of all of them.

use proptest::prelude::*;

use super::*;

/// One row: its bin, the probability so far and its label.
type Row = (u8, f64, bool);

fn rules(rows: usize) -> Rules {
    let params =
        BoostingParams { set_l2: 0.0, set_smoothing: 0.0, min_leaf_weight: 0.0, ..BoostingParams::for_rows(1) };
    Rules { scale: Scale::new(rows, [1.0, 0.25]), l2: 1.5, min_leaf_rows: 2, ..Rules::new(&params) }
}

fn column(input: Input, bins: usize) -> Column {
    Column { input, edges: Vec::new(), bins, direction: None }
}

fn derivatives(probability: f64, label: bool) -> [f64; 2] {
    [probability - f64::from(u8::from(label)), probability * (1.0 - probability)]
}

fn sums_by_bin(rules: &Rules, rows: &[Row], bins: usize) -> (Vec<Sums>, Sums) {
    let (mut by_bin, mut all) = (vec![Sums::default(); bins], Sums::default());
    for &(bin, probability, label) in rows {
        let sums = rules.scale.sums(rules.scale.gradient(derivatives(probability, label), 1.0));
        by_bin[usize::from(bin)] += sums;
        all += sums;
    }
    (by_bin, all)
}

/// The gain of one division of the rows, from the definition: `None` if a side has too few of them.
fn gain(rules: &Rules, rows: &[Row], goes_left: impl Fn(u8) -> bool) -> Option<f64> {
    let side = |wanted: bool, whole: bool| {
        let own = rows.iter().filter(|row| whole || goes_left(row.0) == wanted);
        own.fold((0, 0.0, 0.0), |(rows, first, second), &(_, probability, label)| {
            let own = derivatives(probability, label);
            (rows + 1, first + own[0], second + own[1])
        })
    };
    let worth = |(_, first, second): (usize, f64, f64)| {
        let shrunk = (first.abs() - rules.l1).max(0.0);
        shrunk * shrunk / (second + rules.l2)
    };
    let (left, right) = (side(true, false), side(false, false));
    let large = left.0 >= rules.min_leaf_rows && right.0 >= rules.min_leaf_rows;
    large.then(|| worth(left) + worth(right) - worth(side(true, true)))
}

fn some_rows(bins: u8) -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec((0..bins, 0.02..0.98, any::<bool>()), 4..60)
}

/// Whether a split found is as good as the best of a search; gains of nothing may be found or not.
fn agree(rules: &Rules, rows: &[Row], found: Option<Split>, best: Option<f64>) -> Result<(), TestCaseError> {
    match (found, best) {
        (Some(found), Some(best)) => {
            prop_assert!((found.gain - best).abs() < 1e-6, "found {found:?}, the search {best}");
            let own = gain(rules, rows, |bin| found.test.goes_left(bin));
            prop_assert!(own.is_some_and(|own| (own - found.gain).abs() < 1e-6), "{found:?} gains {own:?}");
            let left = rows.iter().filter(|row| found.test.goes_left(row.0)).count();
            prop_assert_eq!(rules.scale.rows(found.left), left);
        }
        (None, best) => prop_assert!(best.is_none_or(|best| best < 1e-6), "found none, the search {best:?}"),
        (found, None) => prop_assert!(false, "found {found:?}, the search none"),
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_constrained_split_keeps_its_direction_and_its_bounds(rows in some_rows(9), most in -0.5..0.5_f64) {
        let rules = rules(rows.len());
        let (by_bin, all) = sums_by_bin(&rules, &rows, 9);
        let [_, bounds] = Bounds::NONE.divided(Direction::Decreasing, [most; 2]);
        let column = Column { direction: Some(Direction::Increasing), ..column(Input::Number, 9) };
        let value = |rows: &mut dyn Iterator<Item = &Row>| {
            let sums = rows.fold([0.0; 2], |sums, &(_, probability, label)| {
                let own = derivatives(probability, label);
                [sums[0] + own[0], sums[1] + own[1]]
            });
            ((-sums[0] / (sums[1] + rules.l2)).min(most), sums)
        };
        // From the definition: what a value v lowers twice the penalised loss by is -2 g v - (h + l2) v^2.
        let worth = |(value, sums): (f64, [f64; 2])| -2.0 * sums[0] * value - (sums[1] + rules.l2) * value * value;
        let search = (1..9_u8).flat_map(|bin| [false, true].map(|unknown_left| Test::UpTo { bin, unknown_left }));
        let allowed = search.filter_map(|test| {
            let sides = [true, false].map(|left| value(&mut rows.iter().filter(|row| test.goes_left(row.0) == left)));
            let large = gain(&rules, &rows, |bin| test.goes_left(bin)).is_some();
            let splits_known = |left: bool| rows.iter().any(|row| row.0 > 0 && test.goes_left(row.0) == left);
            let is_free = !(splits_known(true) && splits_known(false));
            let allowed = large && (is_free || sides[0].0 <= sides[1].0 + 1e-9);
            allowed.then(|| worth(sides[0]) + worth(sides[1]) - worth(value(&mut rows.iter())))
        });
        let best = allowed.reduce(f64::max).unwrap_or(0.0).max(0.0);
        let found = rules.best(0, &column, &by_bin, all, bounds).map_or(0.0, |split| split.gain);
        prop_assert!((found - best).abs() < 1e-5, "found {found}, the search {best}");
    }

    #[test]
    fn no_threshold_gains_more_than_the_one_found(rows in some_rows(9), l1 in prop_oneof![Just(0.0), Just(0.7)]) {
        let rules = Rules { l1, ..rules(rows.len()) };
        let (by_bin, all) = sums_by_bin(&rules, &rows, 9);
        let found = rules.best(0, &column(Input::Number, 9), &by_bin, all, Bounds::NONE);
        let tests = (1..9).flat_map(|bin| [false, true].map(|unknown_left| Test::UpTo { bin, unknown_left }));
        let best = tests.filter_map(|test| gain(&rules, &rows, |bin| test.goes_left(bin))).reduce(f64::max);
        agree(&rules, &rows, found, best)?;
    }

    #[test]
    fn no_set_of_levels_gains_more_than_the_prefix_found(rows in some_rows(8)) {
        // Exact without a penalty and without a least number of rows: Fisher (1958).
        let rules = Rules { l2: 0.0, min_leaf_rows: 1, ..rules(rows.len()) };
        let (by_bin, all) = sums_by_bin(&rules, &rows, 8);
        let found = rules.best(0, &column(Input::Levels, 8), &by_bin, all, Bounds::NONE);
        let best = (0..1_u64 << 8).filter_map(|set| gain(&rules, &rows, |bin| set >> bin & 1 == 1)).reduce(f64::max);
        agree(&rules, &rows, found, best)?;
    }
}

#[test]
fn what_does_not_occur_in_a_leaf_goes_with_most_of_its_rows() {
    let row = |bin, label| (bin, 0.5, label);
    let rows: Vec<Row> =
        [vec![row(1, true); 30], vec![row(2, false); 10], vec![row(4, false); 5]].into_iter().flatten().collect();
    let rules = rules(rows.len());
    let (by_bin, all) = sums_by_bin(&rules, &rows, 6);
    let number = rules.best(0, &column(Input::Number, 6), &by_bin, all, Bounds::NONE).unwrap();
    assert_eq!(number.test, Test::UpTo { bin: 1, unknown_left: true });
    // The positives have the lower gradient, so that they are the left side, with bins 0, 3 and 5.
    let set = rules.best(0, &column(Input::Levels, 6), &by_bin, all, Bounds::NONE).unwrap().test;
    assert_eq!([0, 1, 2, 3, 4, 5].map(|bin| set.goes_left(bin)), [true, true, false, true, false, true]);
}

#[test]
fn a_leaf_value_is_the_penalised_newton_step() {
    let rules = Rules { l1: 0.5, l2: 2.0, ..rules(4) };
    let rows = [(1, 0.5, true), (1, 0.5, true), (1, 0.25, true), (1, 0.75, false)];
    let (_, all) = sums_by_bin(&rules, &rows, 2);
    // First derivatives -.5 - .5 - .75 + .75 = -1, cut to -.5; second .25 + .25 + .1875 + .1875.
    let found = rules.leaf_value(all);
    assert!((found - 0.5 / 2.875).abs() < 1e-8, "{found}");
}

#[test]
fn a_split_that_gains_too_little_or_leaves_too_few_is_none() {
    let rows: Vec<Row> = (0..40).map(|row| (1 + row % 2, 0.5, row % 2 == 0)).collect();
    let free = rules(rows.len());
    let (by_bin, all) = sums_by_bin(&free, &rows, 3);
    let best = |rules: Rules| rules.best(0, &column(Input::Number, 3), &by_bin, all, Bounds::NONE);
    let gain = best(free).unwrap().gain;
    assert!(best(Rules { min_gain: gain * 0.99, ..free }).is_some());
    assert_eq!(best(Rules { min_gain: gain * 1.01, ..free }), None);
    assert_eq!(best(Rules { min_leaf_rows: 21, ..free }), None);
    assert_eq!(best(Rules { min_leaf_weight: 5.01, ..free }), None);
}
