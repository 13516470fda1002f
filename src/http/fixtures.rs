//! A small company, its models, and requests about it, which the tests of the service share.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use serde_json::Value;
use tend_models::artifact::{ChurnDefinition, ChurnModel, ClvModel, Header, Model};
use tend_models::families::baseline::RecencyBins;
use tend_models::families::bg_nbd::BgNbd;
use tend_models::families::calibration::Calibration;
use tend_models::families::classifier::{Classifier, Family};
use tend_models::families::gamma_gamma::GammaGamma;
use tend_models::families::purchases::PurchaseModel;
use tend_models::families::season::Season;
use tend_models::families::spend::SpendModel;
use tend_models::features::FeaturePlan;
use tend_models::quantities::{Moment, Positive, Probability};
use tend_models::registry::Registry;
use tend_models::scorecard::Task;
use tend_models::scorer::Scorer;
use tend_models::timeline::{PurchaseRow, Timelines, TimelinesBuilder};
use tower::ServiceExt;

use super::{Answering, Conditions, Service, Sources, router};
use crate::book::Book;
use crate::decision::{Policy, PolicyKind};
use crate::live::Tables;
use crate::store::{Scope, Store};

const END: &str = "2026-04-01";

pub(super) fn moment(text: &str) -> Moment {
    text.parse().unwrap()
}

/// Customer `c<n>` of `customers` buys every `n` + 5 days until day 90 - `n` of the year.
pub(super) fn timelines(customers: usize) -> Timelines {
    builder(customers).finish()
}

/// The rows of these customers, before they are sorted.
pub(super) fn builder(customers: usize) -> TimelinesBuilder {
    let mut builder = TimelinesBuilder::default();
    let score = builder.add_number_attribute("score");
    let country = builder.add_category_attribute("country");
    for number in 0..customers {
        let customer = builder.customer(&format!("c{number}"));
        builder.set_created_at(customer, moment("2026-01-01"));
        builder.set_number(score, customer, number as f64);
        builder.set_category(country, customer, ["AT", "DE"][number % 2]);
        for day in (0..90 - number as i64 % 80).step_by(number % 20 + 5) {
            builder.add_purchase(
                customer,
                &PurchaseRow {
                    at: moment("2026-01-01").plus_days(day),
                    known_at: None,
                    amount: 20.0 + day as f64,
                    margin: f64::NAN,
                    quantity: f32::NAN,
                    product: None,
                    category: Some("books"),
                },
            );
        }
    }
    builder
}

pub(super) fn header(task: Task) -> Header {
    Header {
        task,
        version: "7".to_owned(),
        family: "test".to_owned(),
        as_of: None,
        rows: 1,
        seed: 1,
        made_by: "test".to_owned(),
        payload_bytes: 0,
        payload_blake3: String::new(),
    }
}

pub(super) fn scorer(timelines: &Timelines) -> Scorer {
    let plan = FeaturePlan::for_timelines(timelines, moment(END));
    let positive = |value| Positive::new(value).unwrap();
    let probability = |value| Probability::new(value).unwrap();
    let mut scorer = Scorer::default();
    scorer.take(
        header(Task::Clv),
        Model::Clv(ClvModel {
            plan: plan.clone(),
            purchases: PurchaseModel::BgNbd(BgNbd {
                r: positive(0.6),
                alpha: positive(8.0),
                a: positive(0.7),
                b: positive(2.5),
            }),
            spend: Some(SpendModel::GammaGamma(GammaGamma { p: positive(6.0), q: positive(3.5), v: positive(15.0) })),
            covariance: None,
            unit_days: positive(7.0),
            season: Season::default(),
            horizon_days: positive(365.0),
            margin: probability(0.3),
            annual_discount_rate: 0.1,
        }),
    );
    scorer.take(header(Task::Churn), Model::Churn(churn_model(timelines)));
    scorer
}

pub(super) fn churn_model(timelines: &Timelines) -> ChurnModel {
    let plan = FeaturePlan::for_timelines(timelines, moment(END));
    let probability = |value| Probability::new(value).unwrap();
    ChurnModel {
        classifier: Classifier {
            family: Family::RecencyBins(RecencyBins {
                feature: plan.place("days_since_last_purchase").unwrap() as u32,
                edges: vec![10.0, 40.0],
                rates: [0.05, 0.3, 0.8].map(probability).to_vec(),
                unknown: probability(0.5),
                overall: probability(0.3),
            }),
            calibration: Calibration::None,
            width: plan.width(),
        },
        plan,
        definition: ChurnDefinition::NoPurchase { active_within_days: 180 },
        horizon_days: 90,
    }
}

/// A service with a store of its own, which goes with it.
pub(super) struct Served {
    service: Arc<Service>,
    pub(super) folder: tempfile::TempDir,
}

impl std::ops::Deref for Served {
    type Target = Arc<Service>;

    fn deref(&self) -> &Arc<Service> {
        &self.service
    }
}

pub(super) fn service(customers: usize) -> Served {
    let policy = Policy::parse(Policy::default_toml(PolicyKind::Shop)).unwrap();
    let timelines = timelines(customers);
    serving(scorer(&timelines), timelines, &policy, Conditions::default(), tempfile::tempdir().unwrap())
}

pub(super) fn service_with_keys(keys: &[(&str, &[Scope])]) -> (Served, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let keys = keys.iter().map(|(name, scopes)| Store::create_key(&path, name, scopes).unwrap()).collect();
    let policy = Policy::parse(Policy::default_toml(PolicyKind::Shop)).unwrap();
    let conditions = Conditions { needs_keys: true, ..Conditions::default() };
    let timelines = timelines(2);
    (serving(scorer(&timelines), timelines, &policy, conditions, folder), keys)
}

pub(super) fn service_without_models() -> Served {
    let policy = "[money]\ncurrency = \"EUR\"\n[[stage]]\nname = \"all\"\nwhen = \"true\"\n";
    let policy = Policy::parse(policy).unwrap();
    serving(Scorer::default(), timelines(1), &policy, Conditions::default(), tempfile::tempdir().unwrap())
}

/// A service of a project's folder.
pub(super) fn served_from(folder: tempfile::TempDir) -> Served {
    let path = |name: &str| folder.path().join(name);
    let sources = Sources::new(Registry::new(path("registry")), path("policy.toml"), path("timelines.tend"));
    let answering = sources.load().unwrap();
    let store = Store::open(&path("store.db")).unwrap();
    let service = Arc::new(Service::new(answering, sources, store, Conditions::default()).unwrap());
    Served { service, folder }
}

/// A service of a small company with a policy of its own.
pub(super) fn service_with_policy(customers: usize, policy: &str) -> Served {
    let timelines = timelines(customers);
    let policy = Policy::parse(policy).unwrap();
    serving(scorer(&timelines), timelines, &policy, Conditions::default(), tempfile::tempdir().unwrap())
}

/// Stops a service and starts another on its store.
pub(super) fn restarted(served: Served) -> Served {
    restarted_with_policy(served, Policy::default_toml(PolicyKind::Shop))
}

/// Stops a service and starts another on its store with a policy of its own.
pub(super) fn restarted_with_policy(served: Served, policy: &str) -> Served {
    let Served { service, folder } = served;
    let answering = service.answering.load();
    let (timelines, scorer) = (answering.book.timelines.clone(), answering.book.scorer.clone());
    drop(answering);
    assert_eq!(Arc::strong_count(&service), 1, "a restart ends the service before it");
    drop(service);
    let policy = Policy::parse(policy).unwrap();
    serving(scorer, timelines, &policy, Conditions::default(), folder)
}

fn serving(
    scorer: Scorer,
    timelines: Timelines,
    policy: &Policy,
    conditions: Conditions,
    folder: tempfile::TempDir,
) -> Served {
    let tables = Tables::of(&timelines);
    let book = Book::new(scorer, timelines, policy).unwrap();
    let (table_models, as_of) = (BTreeMap::new(), BTreeMap::new());
    let answering = Answering { book, tables, table_models, as_of, loaded_at_ms: 0 };
    let path = |name: &str| folder.path().join(name);
    let sources = Sources::new(Registry::new(path("registry")), path("policy.toml"), path("timelines.tend"));
    let store = Store::open(&path("store.db")).unwrap();
    let service = Arc::new(Service::new(answering, sources, store, conditions).unwrap());
    Served { service, folder }
}

pub(super) async fn send(service: &Arc<Service>, request: Request<Body>) -> (StatusCode, String, Vec<u8>) {
    let response = router(Arc::clone(service)).oneshot(request).await.unwrap();
    let status = response.status();
    let media_type = response.headers().get(header::CONTENT_TYPE);
    let media_type = media_type.map_or("", |value| value.to_str().unwrap());
    let media_type = media_type.to_owned();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, media_type, body.to_vec())
}

pub(super) async fn got(service: &Arc<Service>, path: &str) -> (StatusCode, Value) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let (status, _, body) = send(service, request).await;
    (status, serde_json::from_slice(&body).unwrap())
}

pub(super) fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).header(header::CONTENT_TYPE, "application/json").body(body.into()).unwrap()
}

pub(super) async fn posted(service: &Arc<Service>, path: &str, body: &Value) -> (StatusCode, Vec<u8>) {
    let (status, _, answer) = send(service, post(path, body.to_string())).await;
    (status, answer)
}

/// The problem that a request leads to, checked for the members that every problem has.
pub(super) async fn problem(service: &Arc<Service>, request: Request<Body>) -> (u16, Value) {
    let (status, media_type, body) = send(service, request).await;
    assert_eq!(media_type, "application/problem+json");
    let problem: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem["status"], status.as_u16());
    assert_eq!(problem["detail"], problem["message"]);
    for member in ["type", "title", "detail", "error", "error_code"] {
        assert!(!problem[member].as_str().unwrap().is_empty(), "{member}");
    }
    (status.as_u16(), problem)
}

/// The answer to a body of JSON, which must be one of JSON too.
pub(super) async fn told(service: &Arc<Service>, path: &str, body: &Value) -> (u16, Value) {
    let (status, answer) = posted(service, path, body).await;
    (status.as_u16(), serde_json::from_slice(&answer).unwrap())
}

/// The result of each item of an answer.
pub(super) fn results(answer: &Value) -> Vec<&str> {
    answer["results"].as_array().unwrap().iter().map(|item| item["result"].as_str().unwrap()).collect()
}
