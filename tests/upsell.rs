//! Upsell of many products, through the command line: models of their own, shared ones for rare products, lists.

#[path = "front_door/folder.rs"]
mod folder;

use folder::Folder;
use serde_json::Value;

fn number(json: &Value) -> f64 {
    json.as_f64().unwrap_or_else(|| panic!("no number: {json}"))
}

#[test]
fn rare_products_share_a_model_at_their_own_rates_and_lists_beat_popularity() {
    let folder = Folder::new();
    folder.succeed(&["simulate", "--customers", "3000", "--seed", "5", "--out", "data"]);
    folder.succeed(&["init", "--data", "data"]);
    let recipe = folder.read("tend.toml");
    let upsell = "\n[upsell]\nby = \"product\"\nmin_positives = 130\nmost_offers = 4\nmost_rare_offers = 14\n[training]\nmoments = 4\n";
    folder.write("tend.toml", recipe + upsell);
    folder.succeed(&["train", "--task", "upsell"]);
    let metrics: Value = serde_json::from_str(&folder.read("registry/upsell/1/metrics.json")).expect("JSON");

    let rare = metrics["fallbacks"].as_array().expect("fallbacks");
    let products = metrics["products"].as_array().expect("products");
    assert!(rare.len() == 14 && products.len() > 14, "{rare:?}");
    let (mut observed, mut expected) = (0.0, 0.0);
    for fallback in rare {
        let (rate, shrunken) = (number(&fallback["rate"]), number(&fallback["shrunken_rate"]));
        assert!(shrunken > 0.0 && (shrunken / rate - 1.0).abs() < 1.0, "{fallback}");
        let own = products.iter().find(|product| product["product"] == fallback["product"]).expect("its figures");
        observed += number(&own["positives"]);
        expected += shrunken * number(&own["rows"]);
    }
    assert!((observed / expected - 1.0).abs() < 0.35, "{observed} taken, {expected} by the rates of training");

    // Probabilities of different products can be compared, as each is calibrated.
    for product in products {
        let error = number(&product["expected_calibration_error"]);
        assert!(error < 0.03, "{}: a calibration error of {error}", product["product"]);
    }

    let ranking = &metrics["ranking"];
    assert!(number(&ranking["customers"]) > 300.0, "{ranking}");
    let lists = ranking["lists"].as_array().expect("lists");
    assert_eq!(lists.iter().map(|list| number(&list["k"])).collect::<Vec<_>>(), [1.0, 3.0, 5.0]);
    for list in lists {
        for of in ["model", "popularity"] {
            let (hit_rate, ndcg) = (number(&list[of]["hit_rate"]), number(&list[of]["ndcg"]));
            assert!(ndcg > 0.0 && ndcg <= hit_rate + 1e-12 && hit_rate < 1.0, "{list}");
        }
        assert!(number(&list["model"]["ndcg"]) > number(&list["popularity"]["ndcg"]), "{list}");
    }
    assert!(folder.read("registry/upsell/1/report.html").contains("lists of offers"));

    folder.succeed(&["score", "--out", "scores.csv"]);
    let scores = folder.table("scores.csv");
    for product in products {
        let name = product["product"].as_str().expect("a name");
        let scored = scores.numbers(&format!("propensity_{name}"));
        assert!(scored.iter().any(|score| *score > 0.0), "{name}");
    }
}
