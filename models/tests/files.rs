//! Artifacts, the registry and the timelines file: whole or refused.

use tend_models::artifact::{ChurnDefinition, ChurnModel, Header, Model, decode, encode};
use tend_models::families::baseline::BaseRate;
use tend_models::families::calibration::Calibration;
use tend_models::families::classifier::{Classifier, Family};
use tend_models::features::{Feature, FeaturePlan, Measure};
use tend_models::predict::FeatureKind;
use tend_models::quantities::{Moment, Probability};
use tend_models::registry::Registry;
use tend_models::scorecard::Task;
use tend_models::timeline::{ConsentRow, PurchaseRow, TimelinesBuilder, open_timelines, save_timelines};

fn model(rate: f64) -> (Header, Model) {
    let feature = Feature {
        name: "tenure_days".to_owned(),
        label: "days as a customer".to_owned(),
        kind: FeatureKind::Number,
        measure: Measure::TenureDays,
    };
    let family = Family::BaseRate(BaseRate { rate: Probability::new(rate).unwrap() });
    let model = Model::Churn(ChurnModel {
        plan: FeaturePlan { features: vec![feature] },
        classifier: Classifier { family, calibration: Calibration::None, width: 1 },
        definition: ChurnDefinition::NoPurchase { active_within_days: 365 },
        horizon_days: 90,
    });
    let header = Header {
        task: Task::Churn,
        version: String::new(),
        family: "base-rate".to_owned(),
        as_of: Some(Moment::from_day(20_000)),
        rows: 10,
        seed: 1,
        made_by: "a test".to_owned(),
        payload_bytes: 0,
        payload_blake3: String::new(),
    };
    (header, model)
}

#[test]
fn a_flipped_bit_or_a_cut_never_loads() {
    let (header, model) = model(0.25);
    let whole = encode(header, &model);
    assert_eq!(decode(&whole).unwrap().1, model);
    for length in 0..whole.len() {
        assert!(decode(&whole[..length]).is_err(), "cut at {length}");
    }
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(decode(&flipped).is_err(), "bit {bit}");
    }
}

#[test]
fn versions_are_published_promoted_and_rolled_back() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::new(folder.path());
    for rate in [0.2, 0.3] {
        let (header, model) = model(rate);
        let version = registry.publish(&header, &model, &[]).unwrap();
        registry.promote(Task::Churn, &version).unwrap();
    }
    assert_eq!(registry.versions(Task::Churn).unwrap(), ["1", "2"]);
    assert_eq!(registry.load_champion(Task::Churn).unwrap().unwrap().0.version, "2");
    assert_eq!(registry.rollback(Task::Churn).unwrap(), "1");
    assert_eq!(registry.load_champion(Task::Churn).unwrap().unwrap().1, model(0.2).1);
    let error = registry.promote(Task::Churn, "7").unwrap_err().to_string();
    assert!(error.contains("no version 7") && error.contains("1, 2"), "{error}");
}

#[test]
fn a_mapped_timelines_file_is_what_was_saved_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timelines.tend");
    let mut builder = TimelinesBuilder::default();
    for (id, day) in [("b", 3), ("a", 5), ("b", 1)] {
        let customer = builder.customer(id);
        let row = PurchaseRow {
            at: Moment::from_day(day),
            known_at: None,
            amount: 10.0,
            margin: f64::NAN,
            quantity: 1.0,
            product: Some("P1"),
            category: Some("books"),
        };
        builder.add_purchase(customer, &row);
        let at = Moment::from_day(day);
        builder.add_consent(customer, &ConsentRow { at, known_at: None, channel: "email", is_granted: day > 2 });
    }
    let timelines = builder.finish();
    save_timelines(&timelines, &path).unwrap();
    assert_eq!(open_timelines(&path).unwrap(), timelines);

    let whole = std::fs::read(&path).unwrap();
    for byte in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[byte] ^= 1 << (byte % 8);
        std::fs::write(&path, &flipped).unwrap();
        assert!(open_timelines(&path).is_err(), "byte {byte}");
    }
}
