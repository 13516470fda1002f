//! Plans against an exact solver, their limits, and that threads change nothing.

use microlp::{ComparisonOp, OptimizationDirection};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;

const ACTIONS: usize = 4;

/// Random customers with random options under a budget and two capacities.
fn random(rng: &mut Xoshiro256PlusPlus, customers: usize) -> Problem {
    let mut consumption = Vec::new();
    for action in 0..ACTIONS {
        let cost: f64 = rng.random_range(0.1..5.0);
        consumption.extend([cost, f64::from(u8::from(action % 2 == 0)), f64::from(u8::from(action == 1))]);
    }
    let share = |rng: &mut Xoshiro256PlusPlus| customers as f64 * rng.random_range(0.1..0.7);
    let limits = vec![2.0 * share(rng), share(rng).floor(), share(rng).floor()];
    let mut problem = Problem::new(consumption, limits);
    for _ in 0..customers {
        let offer = |action: usize| {
            let gain = rng.random_range(0.01..20.0);
            rng.random_bool(0.8).then_some(Offer { action: action as u16, gain, excludes: 0 })
        };
        let offers: Vec<Offer> = (0..ACTIONS).filter_map(offer).collect();
        problem.push(offers);
    }
    problem
}

/// The best gain by a solver of linear programs: with fractions of options, or with whole ones.
fn solved(problem: &Problem, is_whole: bool) -> f64 {
    let mut program = microlp::Problem::new(OptimizationDirection::Maximize);
    let variables: Vec<_> = problem
        .gains
        .iter()
        .map(|&gain| if is_whole { program.add_binary_var(gain) } else { program.add_var(gain, (0.0, 1.0)) })
        .collect();
    for customer in 0..problem.customers() {
        let all: Vec<_> = problem.options_of(customer).map(|option| (variables[option], 1.0)).collect();
        program.add_constraint(&all[..], ComparisonOp::Le, problem.most_of(customer) as f64);
    }
    for (constraint, limit) in problem.limits.iter().enumerate() {
        let all: Vec<_> =
            (0..variables.len()).map(|option| (variables[option], problem.uses(option)[constraint])).collect();
        program.add_constraint(&all[..], ComparisonOp::Le, *limit);
    }
    program.solve().expect("doing nothing is possible").objective()
}

fn assert_within_limits(problem: &Problem, plan: &Plan) {
    let mut used = vec![0.0; problem.limits.len()];
    let mut gain = 0.0;
    for customer in 0..problem.customers() {
        let taken: Vec<usize> = problem.options_of(customer).filter(|&option| plan.chosen[option]).collect();
        assert!(taken.len() <= problem.most_of(customer), "customer {customer} has {taken:?}");
        let mut excluded = 0;
        for option in taken {
            assert_eq!(excluded & problem.excludes(option), 0, "customer {customer}");
            excluded |= problem.excludes(option);
            gain += problem.gains[option];
            used.iter_mut().zip(problem.uses(option)).for_each(|(used, uses)| *used += uses);
        }
    }
    for (used, limit) in used.iter().zip(&problem.limits) {
        assert!(*used <= limit + 1e-9 * limit, "{used} of {limit}");
    }
    assert!((gain - plan.gain).abs() <= 1e-9 * gain.abs().max(1.0), "{gain} and {}", plan.gain);
    assert!(plan.gain <= plan.bound * (1.0 + 1e-9), "{} above the bound {}", plan.gain, plan.bound);
}

#[test]
fn small_plans_are_those_of_an_exact_solver() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
    for case in 0..200 {
        let customers = rng.random_range(3..14);
        let problem = random(&mut rng, customers);
        let plan = problem.solve();
        assert_within_limits(&problem, &plan);
        let (relaxed, whole) = (solved(&problem, false), solved(&problem, true));
        assert!((plan.bound - relaxed).abs() <= 1e-6 * relaxed.max(1.0), "case {case}: {} and {relaxed}", plan.bound);
        assert!((plan.gain - whole).abs() <= 1e-6 * whole.max(1.0), "case {case}: {} and {whole}", plan.gain);
    }
}

#[test]
fn large_plans_are_near_their_bound_and_the_same_on_any_number_of_threads() {
    let problem = random(&mut Xoshiro256PlusPlus::seed_from_u64(5), 20_000);
    let plan = problem.solve();
    assert_within_limits(&problem, &plan);
    assert!(plan.gap() < 1e-4, "{}", plan.gap());
    assert!(plan.shadow_prices.iter().any(|price| *price > 0.0), "{plan:?}");
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| problem.solve())
    };
    assert!(on(1) == plan && on(3) == plan, "threads change the plan");
}

#[test]
fn a_shadow_price_is_what_one_more_unit_is_worth() {
    let plan_of = |calls: f64| {
        let mut problem = Problem::new(vec![1.0], vec![calls]);
        for customer in 0..100 {
            problem.push([Offer { action: 0, gain: 100.0 - f64::from(customer), excludes: 0 }]);
        }
        problem.solve()
    };
    let (plan, more) = (plan_of(10.0), plan_of(11.0));
    assert_eq!((plan.gain, more.gain - plan.gain), (955.0, 90.0));
    let price = plan.shadow_prices[0];
    assert!((90.0..=91.0).contains(&price), "{price}; the next call gains 90, the last one 91");
    assert_eq!(plan_of(100.0).shadow_prices, [0.0], "no price where the limit does not bind");
    assert_eq!(plan_of(0.0).gain, 0.0);
}

#[test]
fn several_options_a_customer_do_not_exclude_each_other() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(9);
    for _ in 0..20 {
        let single = random(&mut rng, 1_000);
        let mut several = Problem::new(single.consumption.clone(), single.limits.clone());
        for customer in 0..single.customers() {
            let offers = single.options_of(customer).map(|option| Offer {
                action: single.actions[option],
                gain: single.gains[option],
                excludes: 1 << (single.actions[option] / 2),
            });
            several.push_several(offers, 2);
        }
        let (one, two) = (single.solve(), several.solve());
        assert_within_limits(&several, &two);
        assert!(two.bound >= one.bound * (1.0 - 1e-9), "{} with two, {} with one", two.bound, one.bound);
        assert!(two.gap() < 0.01, "{}", two.gap());
    }
}

#[test]
fn without_constraints_every_customer_has_their_best() {
    let mut problem = Problem::new(Vec::new(), Vec::new());
    problem.push([Offer { action: 0, gain: 2.0, excludes: 0 }, Offer { action: 1, gain: 3.0, excludes: 0 }]);
    problem.push([]);
    problem.push([Offer { action: 1, gain: -1.0, excludes: 0 }]);
    let plan = problem.solve();
    assert_eq!((plan.chosen, plan.gain, plan.bound), (vec![false, true, false], 3.0, 3.0));
}

proptest! {
    #[test]
    fn no_limit_is_ever_broken(seed in any::<u64>(), customers in 0_usize..60) {
        let problem = random(&mut Xoshiro256PlusPlus::seed_from_u64(seed), customers);
        assert_within_limits(&problem, &problem.solve());
    }
}
