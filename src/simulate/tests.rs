//! Claims about the simulated company as a whole.

use std::sync::OnceLock;

use super::*;

const CUSTOMERS: usize = 20_000;
const DAY: i64 = tend_models::quantities::DAY_SECONDS;

/// One company for all tests that only read; its truth is known at the default moment and amid a campaign's effect.
fn company() -> &'static Company {
    static COMPANY: OnceLock<Company> = OnceLock::new();
    COMPANY.get_or_init(|| {
        let start = SimulateParams::default().start;
        let truth_moments = vec![(start.plus_days(1_005), 90), (start.plus_days(611), 75)];
        simulate(&SimulateParams { customers: CUSTOMERS, truth_moments, ..SimulateParams::default() })
    })
}

fn column<'a>(table: &str, name: &str) -> &'a SimColumn {
    company().table(table).and_then(|table| table.column(name)).expect("the column exists")
}

fn codes<'a>(table: &str, name: &str) -> &'a [u32] {
    let SimColumn::Coded { codes, .. } = column(table, name) else { panic!("{table}.{name} is not coded") };
    codes
}

fn numbers<'a>(table: &str, name: &str) -> &'a [f64] {
    let SimColumn::Number(values) = column(table, name) else { panic!("{table}.{name} has no numbers") };
    values
}

fn wholes<'a>(table: &str, name: &str) -> &'a [i64] {
    let (SimColumn::Whole(values) | SimColumn::Time(values)) = column(table, name) else {
        panic!("{table}.{name} is neither whole nor a time")
    };
    values
}

fn dates<'a>(table: &str, name: &str) -> &'a [i32] {
    let SimColumn::Date(values) = column(table, name) else { panic!("{table}.{name} has no dates") };
    values
}

fn flags<'a>(table: &str, name: &str) -> &'a [bool] {
    let SimColumn::Flag(values) = column(table, name) else { panic!("{table}.{name} has no flags") };
    values
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (count, total) = values.fold((0, 0.0), |(count, total), value| (count + 1, total + value));
    total / f64::from(count)
}

/// Probability that a positive has the higher score; ties count half.
fn auc(mut rows: Vec<(f64, bool)>) -> f64 {
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positives = rows.iter().filter(|row| row.1).count() as f64;
    let negatives = rows.len() as f64 - positives;
    let (mut below, mut wins) = (0.0, 0.0);
    for tied in rows.chunk_by(|a, b| a.0 == b.0) {
        let tied_positives = tied.iter().filter(|row| row.1).count() as f64;
        let tied_negatives = tied.len() as f64 - tied_positives;
        wins += tied_positives * (below + 0.5 * tied_negatives);
        below += tied_negatives;
    }
    wins / (positives * negatives)
}

#[test]
fn the_number_of_threads_changes_nothing_and_the_seed_everything() {
    let draw = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let params = SimulateParams { customers: 4_500, seed, days: 500, ..SimulateParams::default() };
        // As text, for NaN differs from itself.
        pool.install(|| format!("{:?}", simulate(&params)))
    };
    let alone = draw(1, 7);
    assert!(alone == draw(3, 7), "three threads drew another company than one");
    assert!(alone != draw(1, 8), "two seeds drew the same company");
}

#[test]
fn true_probabilities_are_calibrated_in_every_decile() {
    let (probabilities, churned) = (numbers("truth/churn", "probability"), flags("truth/churn", "churned"));
    for horizon in [90, 75] {
        let horizons = wholes("truth/churn", "horizon_days");
        let mut rows: Vec<usize> = (0..horizons.len()).filter(|&row| horizons[row] == horizon).collect();
        rows.sort_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]));
        assert!(rows.len() > 10_000, "{horizon} days: {} rows", rows.len());
        for (decile, rows) in rows.chunks(rows.len().div_ceil(10)).enumerate() {
            let count = rows.len() as f64;
            let expected = mean(rows.iter().map(|&row| probabilities[row]));
            let happened = mean(rows.iter().map(|&row| f64::from(u8::from(churned[row]))));
            let variance: f64 = rows.iter().map(|&row| probabilities[row] * (1.0 - probabilities[row])).sum();
            let limit = 3.0 * variance.sqrt() / count + 1e-12;
            assert!(
                (happened - expected).abs() <= limit,
                "{horizon} days, decile {decile}: expected {expected}, happened {happened}, limit {limit}"
            );
        }
    }
}

#[test]
fn churn_is_neither_rare_nor_easy_nor_hopeless() {
    let moment = company().start.plus_days(1_005).seconds();
    let mut last_purchase = vec![i64::MIN; CUSTOMERS];
    let (customers, times) = (codes("transactions", "customer_id"), wholes("transactions", "event_time"));
    let quantities = wholes("transactions", "quantity");
    for row in (0..times.len()).filter(|&row| quantities[row] > 0 && times[row] < moment) {
        last_purchase[customers[row] as usize] = times[row];
    }
    let (customers, churned) = (codes("truth/churn", "customer_id"), flags("truth/churn", "churned"));
    let horizons = wholes("truth/churn", "horizon_days");
    let active: Vec<usize> = (0..customers.len())
        .filter(|&row| horizons[row] == 90 && last_purchase[customers[row] as usize] >= moment - 365 * DAY)
        .collect();
    let base_rate = mean(active.iter().map(|&row| f64::from(u8::from(churned[row]))));
    let silence = |row: usize| (moment - last_purchase[customers[row] as usize]) as f64;
    let by_recency = auc(active.iter().map(|&row| (silence(row), churned[row])).collect());
    let probabilities = numbers("truth/churn", "probability");
    let by_truth = auc(active.iter().map(|&row| (probabilities[row], churned[row])).collect());
    assert!((0.25..0.45).contains(&base_rate), "base rate {base_rate}");
    assert!((0.68..0.79).contains(&by_recency), "AUC of recency {by_recency}");
    assert!((0.82..0.89).contains(&by_truth), "AUC of the truth {by_truth}");
}

/// Effect on taking up an action among customers of a kind, weighted by the inverse selection probability, and its error.
fn realised_effect(action: u32, kind: u32) -> (f64, f64) {
    let (actions, customers) = (codes("contacts", "action_id"), codes("contacts", "customer_id"));
    let (controls, outcomes) = (flags("contacts", "is_control"), codes("contacts", "outcome"));
    let (probabilities, kinds) = (numbers("contacts", "probability"), codes("truth/customers", "customer_type"));
    let mut effect = 0.0;
    let mut variance = 0.0;
    for arm in [true, false] {
        let rows = (0..actions.len())
            .filter(|&row| actions[row] == action && kinds[customers[row] as usize] == kind && controls[row] == arm);
        let (mut weights, mut squares, mut taken) = (0.0, 0.0, 0.0);
        for row in rows {
            let weight = 1.0 / if arm { 1.0 - probabilities[row] } else { probabilities[row] };
            weights += weight;
            squares += weight * weight;
            taken += weight * f64::from(outcomes[row]);
        }
        let rate: f64 = taken / weights;
        effect += if arm { -rate } else { rate };
        variance += rate * (1.0 - rate) * squares / (weights * weights);
    }
    (effect, f64::sqrt(variance))
}

#[test]
fn contacts_work_in_the_direction_of_the_truth() {
    let (effects, actions) = (numbers("truth/effects", "effect"), codes("truth/effects", "action_id"));
    let (customers, kinds) = (codes("truth/effects", "customer_id"), codes("truth/customers", "customer_type"));
    for action in 0..3 {
        for kind in [0, 2] {
            let rows =
                (0..effects.len()).filter(|&row| actions[row] == action && kinds[customers[row] as usize] == kind);
            let truth = mean(rows.map(|row| effects[row]));
            let (realised, error) = realised_effect(action, kind);
            assert!(truth.abs() > 1e-3 && truth * realised > 0.0, "{action} {kind}: {truth} but {realised}");
            assert!(realised.abs() > error, "{action} {kind}: {realised} is lost in its error {error}");
        }
    }
    let (realised, error) = realised_effect(0, 1);
    assert!(realised.abs() < 3.0 * error, "calls leave the indifferent alone, yet {realised} ({error})");
}

#[test]
fn contacts_help_some_and_harm_others() {
    let effects = numbers("truth/effects", "effect");
    let share = |wanted: fn(f64) -> bool| mean(effects.iter().map(|&effect| f64::from(u8::from(wanted(effect)))));
    let harmed = share(|effect| effect < -0.002);
    let helped = share(|effect| effect > 0.002);
    assert!((0.05..0.2).contains(&harmed), "{harmed}");
    assert!((0.25..0.6).contains(&helped), "{helped}");
    let controls = mean(flags("contacts", "is_control").iter().map(|&flag| f64::from(u8::from(flag))));
    assert!((0.2..0.3).contains(&controls), "{controls}");
}

#[test]
fn everything_happens_within_the_life_of_its_customer() {
    let created = wholes("customers", "created_at");
    let dropped_out = dates("truth/customers", "dropped_out_at");
    let end = company().end.seconds();
    let last_second = |customer: u32| match dropped_out[customer as usize] {
        EMPTY_DATE => end - 1,
        day => (i64::from(day) + 1) * DAY - 1,
    };
    let quantities = wholes("transactions", "quantity");
    let (customers, times) = (codes("transactions", "customer_id"), wholes("transactions", "event_time"));
    for row in 0..times.len() {
        let customer = customers[row];
        let grace = if quantities[row] < 0 { 25 * DAY } else { 0 };
        let life = created[customer as usize]..=(last_second(customer) + grace).min(end - 1);
        assert!(life.contains(&times[row]), "transaction {row} at {} outside {life:?}", times[row]);
    }
    let (customers, times) = (codes("events", "customer_id"), wholes("events", "event_time"));
    for row in 0..times.len() {
        let life = created[customers[row] as usize]..=last_second(customers[row]);
        assert!(life.contains(&times[row]), "event {row} at {} outside {life:?}", times[row]);
    }
}

#[test]
fn the_tables_have_the_promised_size_and_order() {
    for table in &company().tables {
        let rows = table.rows();
        assert!(table.columns.iter().all(|(_, column)| column.len() == rows), "{}", table.name);
    }
    for (table, time) in [("transactions", "event_time"), ("events", "event_time"), ("contacts", "sent_at")] {
        assert!(wholes(table, time).is_sorted(), "{table}");
    }
    assert!(wholes("customers", "created_at").iter().all(|&time| time >= company().start.seconds()));
    let per_customer = |table: &str| company().table(table).unwrap().rows() as f64 / CUSTOMERS as f64;
    assert!((20.0..26.0).contains(&per_customer("transactions")), "{}", per_customer("transactions"));
    assert!((10.0..15.0).contains(&per_customer("events")), "{}", per_customer("events"));
    let mut members = codes("subscriptions", "customer_id").to_vec();
    members.sort_unstable();
    members.dedup();
    let members = members.len() as f64 / CUSTOMERS as f64;
    assert!((0.25..0.38).contains(&members), "{members}");
    let returned = mean(flags("transactions", "is_return").iter().map(|&flag| f64::from(u8::from(flag))));
    assert!((0.015..0.023).contains(&returned), "{returned}");
}

#[test]
fn moments_past_the_end_are_left_out_and_events_can_be_switched_off() {
    let start = SimulateParams::default().start;
    let truth_moments = vec![(start.plus_days(300), 60), (start.plus_days(300), 30)];
    let params = SimulateParams {
        customers: 200,
        days: 340,
        events_per_customer: 0.0,
        truth_moments,
        ..SimulateParams::default()
    };
    let company = simulate(&params);
    assert_eq!(company.table("events").unwrap().rows(), 0);
    let Some(SimColumn::Whole(horizons)) = company.table("truth/churn").unwrap().column("horizon_days") else {
        panic!("horizons are whole numbers")
    };
    assert_eq!(*horizons, vec![30; 200]);
    let nobody = simulate(&SimulateParams { customers: 0, ..SimulateParams::default() });
    assert_eq!(nobody.table("transactions").unwrap().rows(), 0);
    assert!(nobody.summary().to_string().contains("transactions"));
}
