//! Every form of a table is the same table, and every dialect gives the model's own probability.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};
use tend_models::features::FeaturePlan;

use crate::http::fixtures::{Served, churn_model, got, post, problem, send, service, told};

/// Two rows: a customer of yesterday, and one of whom nothing is known but the country.
fn rows(plan: &FeaturePlan) -> Vec<Vec<Value>> {
    let known = |name: &str| match name {
        "country" => json!("AT"),
        "days_since_last_purchase" => json!(1),
        _ => json!(2.5),
    };
    let unknown = |name: &str| if name == "country" { json!("XX") } else { Value::Null };
    let row = |value: &dyn Fn(&str) -> Value| plan.features.iter().map(|feature| value(&feature.name)).collect();
    vec![row(&known), row(&unknown)]
}

fn plan(service: &Served) -> FeaturePlan {
    churn_model(&service.answering.load().book.timelines).plan
}

fn csv(names: &[String], rows: &[Vec<Value>]) -> String {
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => format!("\"{text}\""),
        value => value.to_string(),
    };
    let line = |row: &Vec<Value>| row.iter().map(cell).collect::<Vec<_>>().join(",");
    let lines: Vec<String> = rows.iter().map(line).collect();
    format!("{}\r\n{}\r\n", names.join(","), lines.join("\r\n"))
}

#[tokio::test]
async fn all_forms_of_mlflow_give_the_same_predictions() {
    let service = service(4);
    let plan = plan(&service);
    let (names, rows) = (plan.names(), rows(&plan));
    let record = |row: &Vec<Value>| names.iter().cloned().zip(row.iter().cloned()).collect::<serde_json::Map<_, _>>();
    let records: Vec<_> = rows.iter().map(record).collect();
    let column = |place: usize| rows.iter().map(|row| row[place].clone()).collect::<Vec<_>>();
    let columns: serde_json::Map<_, _> =
        names.iter().enumerate().map(|(place, name)| (name.clone(), json!(column(place)))).collect();
    let forms = [
        json!({"dataframe_split": {"columns": names, "data": rows}}),
        json!({"dataframe_split": {"index": [0, 1], "columns": names, "data": rows}, "params": {"task": "churn"}}),
        json!({"dataframe_records": records}),
        json!({"instances": records}),
        json!({"instances": rows}),
        json!({"inputs": columns}),
        json!({"inputs": rows}),
    ];
    let expected = json!({"predictions": [0.05, 0.5], "model_name": "churn", "model_version": "7"});
    for form in forms {
        assert_eq!(told(&service, "/invocations", &form).await, (200, expected.clone()), "{form}");
    }
    let request = Request::post("/invocations").header(header::CONTENT_TYPE, "text/csv; charset=utf-8");
    let (status, _, answer) = send(&service, request.body(Body::from(csv(&names, &rows))).unwrap()).await;
    assert_eq!((status.as_u16(), serde_json::from_slice::<Value>(&answer).unwrap()), (200, expected));
    assert_eq!(got(&service, "/ping").await.0, 200);
}

#[tokio::test]
async fn known_customers_have_the_scores_of_v1_in_every_dialect() {
    let service = service(4);
    let scores = told(&service, "/v1/scores", &json!({"customer_ids": ["c0", "c3"]})).await.1;
    let churn: Vec<&Value> = (0..2).map(|place| &scores["scores"][place]["churn_probability"]).collect();
    let split = json!({"dataframe_split": {"columns": ["customer_id"], "data": [["c0"], ["c3"]]}});
    assert_eq!(told(&service, "/invocations", &split).await.1["predictions"], json!(churn));
    let clv = json!({"dataframe_split": split["dataframe_split"], "params": {"task": "clv"}});
    let (_, predictions) = told(&service, "/invocations", &clv).await;
    assert_eq!(predictions["predictions"][1]["predicted_clv"], scores["scores"][1]["value"]["predicted_clv"]);
    let tensor = json!({"id": "42", "inputs": [{"name": "customer_id", "shape": [2], "datatype": "BYTES", "data": ["c0", "c3"]}]});
    for path in ["/v2/models/churn/infer", "/v2/models/churn/versions/7/infer"] {
        let expected = json!({"model_name": "churn", "model_version": "7", "id": "42", "outputs": [
            {"name": "churn_probability", "datatype": "FP64", "shape": [2], "data": churn}]});
        assert_eq!(told(&service, path, &tensor).await, (200, expected));
    }
}

#[tokio::test]
async fn tensors_of_features_are_scored_as_the_description_of_the_model_says() {
    let service = service(4);
    let (_, about) = got(&service, "/v2/models/churn").await;
    assert_eq!((&about["versions"], &about["outputs"][0]["name"]), (&json!(["7"]), &json!("churn_probability")));
    let tensor = |input: &Value| {
        let value = match (input["name"].as_str().unwrap(), input["datatype"].as_str().unwrap()) {
            ("days_since_last_purchase", _) => json!(20.0),
            (_, "BYTES") => json!("AT"),
            _ => json!(1),
        };
        json!({"name": input["name"], "datatype": input["datatype"], "shape": [1, 1], "data": [value]})
    };
    let inputs: Vec<Value> = about["inputs"].as_array().unwrap().iter().map(tensor).collect();
    let wanted = json!([{"name": "churn_probability"}]);
    let (status, answer) =
        told(&service, "/v2/models/churn/infer", &json!({"inputs": inputs, "outputs": wanted})).await;
    assert_eq!((status, &answer["outputs"][0]["data"]), (200, &json!([0.3])), "{answer}");
    assert_eq!(got(&service, "/v2/models/churn/ready").await.1, json!({"name": "churn", "ready": true}));
    for path in ["/v2/models/churn/versions/8/ready", "/v2/models/none"] {
        assert_eq!(got(&service, path).await.0, 404);
    }
}

#[tokio::test]
async fn a_table_that_is_not_the_models_is_a_problem_that_says_why() {
    let service = service(4);
    let plan = plan(&service);
    let names = plan.names();
    let lacking = json!({"dataframe_split": {"columns": names[1..], "data": [rows(&plan)[0][1..]]}});
    let mut wrong = rows(&plan);
    wrong[0][plan.place("days_since_last_purchase").unwrap()] = json!("soon");
    let id = json!({"name": "customer_id", "datatype": "BYTES", "shape": [1], "data": ["c0"]});
    let mut short = id.clone();
    short["shape"] = json!([2]);
    let cases = [
        ("/invocations", lacking, names[0].as_str()),
        ("/invocations", json!({"dataframe_split": {"columns": names, "data": wrong}}), "1 place"),
        ("/invocations", json!({"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}}), "twice"),
        ("/invocations", json!({"dataframe_records": [{"a": 1}, {"b": 1}]}), "different members"),
        ("/invocations", json!({"instances": []}), "0 rows"),
        ("/invocations", json!({"table": []}), "another form"),
        ("/invocations", json!({"inputs": {"customer_id": [1]}}), "no text"),
        ("/v2/models/churn/infer", json!({"inputs": [short]}), "no column"),
        ("/v2/models/churn/infer", json!({"inputs": [id], "outputs": [{"name": "other"}]}), "other"),
        (
            "/v2/models/churn/infer",
            json!({"inputs": [{"name": "x", "datatype": "FP64", "shape": [1], "data": ["1"]}]}),
            "datatype",
        ),
    ];
    for (path, body, expected) in cases {
        let (status, problem) = problem(&service, post(path, body.to_string())).await;
        assert_eq!(status, 422, "{body}");
        assert!(problem["detail"].as_str().unwrap().contains(expected), "{problem}");
    }
}
