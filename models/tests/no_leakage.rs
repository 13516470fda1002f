//! Nothing that happened, or became known, after the cut changes a snapshot.

use proptest::prelude::*;
use tend_models::features::{FeaturePlan, SnapshotMaker};
use tend_models::quantities::Moment;
use tend_models::timeline::{EventRow, PurchaseRow, Timelines, TimelinesBuilder};

const CUT: i64 = 400;

/// A purchase or event: its day, the day it became known, its amount, and which of the two it is.
type Row = (i64, i64, f64, bool);

fn built(rows: &[Row]) -> Timelines {
    let mut builder = TimelinesBuilder::default();
    let customer = builder.customer("customer");
    builder.set_created_at(customer, Moment::from_day(0));
    for &(day, known, amount, is_purchase) in rows {
        let (at, known_at) = (Moment::from_day(day), Some(Moment::from_day(known)));
        if is_purchase {
            let category = Some(if amount > 50.0 { "dear" } else { "cheap" });
            let (margin, quantity) = (f64::NAN, f32::NAN);
            builder.add_purchase(
                customer,
                &PurchaseRow { at, known_at, amount, margin, quantity, product: None, category },
            );
        } else {
            builder.add_event(customer, &EventRow { at, known_at, event_type: "login", value: amount });
        }
    }
    builder.finish()
}

/// The bits of the snapshot at the cut.
fn snapshot(timelines: &Timelines, plan: &FeaturePlan) -> Vec<u64> {
    let mut row = vec![0.0; plan.width()];
    let history = timelines.timeline(0).before(Moment::from_day(CUT));
    SnapshotMaker::new(plan, timelines).fill(&history, &mut row);
    row.into_iter().map(f64::to_bits).collect()
}

fn known_before() -> impl Strategy<Value = Row> {
    (0..CUT - 1, 1.0..100.0, any::<bool>()).prop_map(|(day, amount, is_purchase)| (day, day, amount, is_purchase))
}

fn known_after() -> impl Strategy<Value = Row> {
    prop_oneof![
        (CUT..CUT + 300, 1.0..100.0, any::<bool>()).prop_map(|(day, amount, kind)| (day, day, amount, kind)),
        (0..CUT, CUT..CUT + 300, 1.0..100.0, any::<bool>()),
    ]
}

proptest! {
    #[test]
    fn later_and_late_rows_never_change_a_snapshot(
        before in prop::collection::vec(known_before(), 1..40),
        after in prop::collection::vec(known_after(), 1..40),
    ) {
        let anchors = [(1, 1, 10.0, true), (2, 2, 60.0, true), (3, 3, 5.0, false)];
        let before: Vec<Row> = anchors.into_iter().chain(before).collect();
        let alone = built(&before);
        let plan = FeaturePlan::for_timelines(&alone, Moment::from_day(CUT));
        let with_later = built(&[before, after].concat());
        prop_assert_eq!(snapshot(&alone, &plan), snapshot(&with_later, &plan));
    }
}

#[test]
fn an_earlier_row_does_change_a_snapshot() {
    let before = [(1, 1, 10.0, true), (300, 300, 60.0, true)];
    let timelines = built(&before);
    let plan = FeaturePlan::for_timelines(&timelines, Moment::from_day(CUT));
    let more = built(&[before[0], before[1], (CUT - 1, CUT - 1, 5.0, true)]);
    assert_ne!(snapshot(&timelines, &plan), snapshot(&more, &plan));
}
