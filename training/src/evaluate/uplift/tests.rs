//! Figures of effects against the packages that named their conventions, and against what is worked out by hand.

use super::*;

/// Twenty customers; the values of the packages for them are those of scikit-uplift and CausalML.
struct Toy {
    effects: Vec<f64>,
    treated: Vec<bool>,
    outcomes: Vec<f64>,
}

impl Toy {
    fn new() -> Self {
        let effects = (0..19).map(|place| 0.95 - 0.05 * f64::from(place)).chain([0.01]).collect();
        let treated = [1, 0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0].map(|treated| treated == 1);
        let outcomes = [1, 0, 1, 1, 0, 1, 0, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0].map(f64::from);
        Self { effects, treated: treated.into(), outcomes: outcomes.into() }
    }

    fn experiment(&self) -> Experiment<'_> {
        Experiment { effects: &self.effects, treated: &self.treated, outcomes: &self.outcomes }
    }
}

fn assert_near(name: &str, found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{name}: found {found}, expected {expected}");
}

#[test]
fn both_packages_conventions_give_the_packages_values() {
    let toy = Toy::new();
    let scores = toy.experiment().scores().unwrap();
    assert_near("qini, scikit-uplift", scores.qini_scikit_uplift.unwrap(), 0.544_902_998_236);
    assert_near("qini, CausalML", scores.qini_causalml.unwrap(), 0.575_888_133_031);
    assert_near("qini, CausalML, raw", scores.qini_causalml_raw, 1.727_664_399_093);
    // The next two by an independent calculation in NumPy, after the packages' definitions.
    assert_near("AUUC, scikit-uplift", scores.auuc_scikit_uplift.unwrap(), 0.611_269_507_803);
    assert_near("AUUC, CausalML", scores.auuc_causalml.unwrap(), 0.957_879_818_594);
}

#[test]
fn radcliffes_qini_is_the_area_a_treated_customer() {
    // Two customers of each group; the better half holds all that was gained.
    let experiment = Experiment {
        effects: &[0.9, 0.8, 0.2, 0.1],
        treated: &[true, false, true, false],
        outcomes: &[1.0, 0.0, 0.0, 0.0],
    };
    // Heights a treated customer: 1/2 after each quarter; area 7/16, less the triangle of 1/4.
    assert_near("qini", experiment.qini_per_treated(None).unwrap(), 7.0 / 16.0 - 0.25);
    let backwards = Experiment { effects: &[0.1, 0.2, 0.8, 0.9], ..experiment };
    assert!(backwards.qini_per_treated(None).unwrap() < 0.0);
}

#[test]
fn the_same_effect_for_all_has_a_qini_of_zero_in_every_convention_that_passes_ties_at_once() {
    let toy = Toy::new();
    let same = [0.3; 20];
    let experiment = Experiment { effects: &same, ..toy.experiment() };
    assert_near("per treated", experiment.qini_per_treated(None).unwrap(), 0.0);
    assert_near("scikit-uplift", experiment.scores().unwrap().qini_scikit_uplift.unwrap(), 0.0);
}

#[test]
fn equal_chances_leave_radcliffes_qini_as_it_is() {
    let toy = Toy::new();
    let plain = toy.experiment().qini_per_treated(None).unwrap();
    let weighted = toy.experiment().qini_per_treated(Some(&[0.3; 20])).unwrap();
    // Shares of customers are of weights, so that only the ends of steps move.
    let balanced = toy.experiment().qini_per_treated(Some(&[0.5; 20])).unwrap();
    assert_near("chance 1/2", balanced, plain);
    assert!((weighted - plain).abs() < 0.1, "chance .3: {weighted}, plain {plain}");
}

#[test]
fn an_interval_of_the_qini_holds_it_and_is_the_same_for_the_same_seed() {
    let toy = Toy::new();
    let (qini, interval) =
        (toy.experiment().qini_per_treated(None).unwrap(), toy.experiment().qini_interval(None, 7).unwrap());
    assert!(interval.low < qini && qini < interval.high, "{qini} in {interval:?}");
    assert_eq!(toy.experiment().qini_interval(None, 7).unwrap(), interval);
}

#[test]
fn an_experiment_without_controls_is_refused() {
    let toy = Toy::new();
    let all = [true; 20];
    let experiment = Experiment { treated: &all, ..toy.experiment() };
    assert_eq!(experiment.scores(), Err(MetricError::OneGroup { treated: 20, rows: 20 }));
}
