//! The console: its pages, what is reported on them, and who may see and send what.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};

use super::super::fixtures::{send, service, service_with_keys};
use super::super::router;
use super::*;
use crate::store::Scope;
use tower::ServiceExt;

const HOST: &str = "127.0.0.1:8080";

fn get(path: &str) -> Request<Body> {
    Request::get(path).header(header::HOST, HOST).body(Body::empty()).unwrap()
}

fn form(path: &str, origin: &str, fields: &str) -> Request<Body> {
    Request::post(path)
        .header(header::HOST, HOST)
        .header(header::ORIGIN, origin)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(fields.to_owned()))
        .unwrap()
}

async fn page(service: &Arc<Service>, path: &str) -> (StatusCode, String) {
    let (status, _, body) = send(service, get(path)).await;
    (status, String::from_utf8(body).unwrap())
}

/// A page once the figures are there.
async fn page_with_figures(service: &Arc<Service>, path: &str) -> String {
    for _ in 0..200 {
        let (status, text) = page(service, path).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        if !text.contains("being computed") {
            return text;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("no figures for {path}");
}

#[tokio::test]
async fn every_page_opens_and_fetches_nothing_from_elsewhere() {
    let service = service(40);
    for path in ["/", "/worklist", "/customers/c3", "/models", "/policy"] {
        let text = page_with_figures(&service, path).await;
        assert!(text.starts_with("<!DOCTYPE html>"), "{path}: {text}");
        assert!(!text.contains("http://") && !text.contains("https://"), "{path} names another host");
        assert!(!text.contains("style=") && !text.contains("<script>"), "{path} has what its policy forbids");
        let response = router(Arc::clone(&service)).oneshot(get(path)).await.unwrap();
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    }
    let (status, text) = page(&service, "/customers/nobody").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(text.contains("There is no customer nobody"), "{text}");
}

#[tokio::test]
async fn what_is_reported_leaves_the_open_list_and_is_kept() {
    let service = service(40);
    let list = page_with_figures(&service, "/worklist").await;
    let id = list.split("href=\"/customers/").nth(1).and_then(|rest| rest.split('"').next()).expect("a customer");
    let (_, shown) = page(&service, &format!("/customers/{id}")).await;
    let action =
        shown.split("name=\"action\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an action");
    let path = format!("/customers/{id}/outcome");
    let fields = format!("outcome=done&action={action}");

    let (status, ..) = send(&service, form(&path, "http://evil.example", &fields)).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "from another site");
    let stale = form(&path, "http://127.0.0.1:8080", "outcome=done&action=another");
    assert_eq!(send(&service, stale).await.0, StatusCode::CONFLICT, "an action that is not the decision's");
    assert_eq!(service.store.export(id).unwrap().decisions.len(), 0);

    let (status, ..) = send(&service, form(&path, "http://127.0.0.1:8080", &fields)).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let kept = service.store.export(id).unwrap().decisions;
    assert_eq!((kept.len(), kept[0].outcomes[0].outcome.as_str()), (1, "done"));
    let link = format!("href=\"/customers/{id}\"");
    assert!(!page(&service, "/worklist").await.1.contains(&link), "{id} is still open");
    assert!(page(&service, "/worklist?status=done").await.1.contains(&link), "{id} is not done");
}

#[tokio::test]
async fn a_range_adds_up_to_what_its_rows_do() {
    let service = service(60);
    page_with_figures(&service, "/worklist").await;
    let count = async |range: &str| -> usize {
        let (status, text) = page(&service, &format!("/worklist/selection?{range}")).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        text.split(' ').next().unwrap().parse().unwrap()
    };
    let (all, low, high) = (count("").await, count("from=0&to=45").await, count("from=50&to=100").await);
    // The rates of the model are .05, .3 and .8: none lies between the ranges.
    assert!(low > 0 && high > 0, "{low} and {high}");
    let (_, csv) = page(&service, "/worklist.csv").await;
    assert_eq!(csv.lines().count(), all + 1);
    let of_known_risk =
        csv.lines().skip(1).filter(|line| [",0.0500,", ",0.3000,", ",0.8000,"].iter().any(|rate| line.contains(rate)));
    assert_eq!(low + high, of_known_risk.count());
    assert_eq!(page(&service, "/worklist?colour=red").await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn without_keys_only_this_machine_sees_the_console() {
    let service = service(2);
    for (host, status) in [
        ("localhost:8080", StatusCode::OK),
        ("[::1]:8080", StatusCode::OK),
        ("tend.evil.example", StatusCode::FORBIDDEN),
        ("127.0.0.1.evil.example", StatusCode::FORBIDDEN),
    ] {
        let request = Request::get("/").header(header::HOST, host).body(Body::empty()).unwrap();
        assert_eq!(send(&service, request).await.0, status, "{host}");
    }
}

#[tokio::test]
async fn a_key_opens_a_session_with_its_scopes_alone() {
    let (service, keys) = service_with_keys(&[("reader", &[Scope::Read]), ("reporter", &[Scope::Ingest])]);
    let origin = "http://127.0.0.1:8080";
    let to_login = router(Arc::clone(&service)).oneshot(get("/")).await.unwrap();
    assert_eq!(to_login.headers()[header::LOCATION], "/login");
    for key in ["wrong", keys[1].as_str()] {
        let refused = send(&service, form("/login", origin, &format!("key={key}"))).await;
        assert_eq!(refused.0, StatusCode::UNAUTHORIZED, "a key that may not read");
    }
    let foreign = send(&service, form("/login", "http://evil.example", &format!("key={}", keys[0]))).await;
    assert_eq!(foreign.0, StatusCode::UNAUTHORIZED);

    let login = form("/login", origin, &format!("key={}", keys[0]));
    let welcomed = router(Arc::clone(&service)).oneshot(login).await.unwrap();
    let cookie = welcomed.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let with_cookie = |mut request: Request<Body>| {
        request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
        request
    };
    assert_eq!(send(&service, with_cookie(get("/models"))).await.0, StatusCode::OK);
    let report = with_cookie(form("/customers/c0/outcome", origin, "outcome=done&action=x"));
    assert_eq!(send(&service, report).await.0, StatusCode::FORBIDDEN, "a reader reports nothing");
    let promote = with_cookie(form("/models/churn/promote", origin, "version=1"));
    assert_eq!(send(&service, promote).await.0, StatusCode::FORBIDDEN, "a reader promotes nothing");
    assert_eq!(send(&service, with_cookie(form("/logout", origin, ""))).await.0, StatusCode::SEE_OTHER);
    let after = router(Arc::clone(&service)).oneshot(with_cookie(get("/models"))).await.unwrap();
    assert_eq!(after.headers()[header::LOCATION], "/login", "the session has ended");
}

#[tokio::test]
async fn a_changed_policy_is_checked_before_it_is_put_in_place() {
    let service = service(2);
    let check = async |text: &str| {
        let text: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let (status, _, body) = send(&service, form("/policy", "http://127.0.0.1:8080", &format!("text={text}"))).await;
        assert_eq!(status, StatusCode::OK);
        String::from_utf8(body).unwrap()
    };
    let sound = "[money]\ncurrency = \"EUR\"\n[[stage]]\nname = \"all\"\nwhen = \"true\"\n";
    assert!(check(sound).await.contains("This policy is sound: 1 stages"));
    let wrong = sound.replace("[[stage]]", "[[stage]]\nname = \"some\"\nwhen = \"purchase_ever > 1\"\n[[stage]]");
    let found = check(&wrong).await;
    assert!(found.contains("role=\"alert\"") && found.contains("purchases_ever"), "{found}");
}

/// An answer once the worklist is there.
async fn json_with_figures(service: &Arc<Service>, path: &str) -> Value {
    for _ in 0..200 {
        let (status, _, body) = send(service, get(path)).await;
        if status == StatusCode::OK {
            return serde_json::from_slice(&body).unwrap();
        }
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{}", String::from_utf8_lossy(&body));
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("no figures for {path}");
}

#[tokio::test]
async fn programs_get_the_worklist_that_people_see() {
    let service = service(40);
    let list = json_with_figures(&service, "/v1/worklist?sort=at_stake").await;
    let rows = list["rows"].as_array().unwrap();
    assert_eq!(list["customers"].as_u64().unwrap() as usize, rows.len(), "{list}");
    assert!(!rows.is_empty(), "{list}");
    let text = page_with_figures(&service, "/worklist?sort=at_stake").await;
    let mut from = 0;
    for row in rows {
        let link = format!("/customers/{}\"", row["customer_id"].as_str().unwrap());
        from += text[from..].find(&link).unwrap_or_else(|| panic!("{link} does not follow in {text}"));
    }
    let (status, _, body) = send(&service, get("/v1/worklist?sort=luck")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{}", String::from_utf8_lossy(&body));
}

#[tokio::test]
async fn programs_get_lifecycle_metrics_also_by_stage() {
    let service = service(40);
    let metrics = json_with_figures(&service, "/v1/metrics?every=month&by=country&stages=true").await;
    let names = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|one| one["group"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&metrics["groups"]), ["AT", "DE", "(unknown)"]);
    let periods: Vec<&str> =
        metrics["periods"].as_array().unwrap().iter().map(|period| period["from"].as_str().unwrap()).collect();
    assert_eq!(periods, ["2026-01-01", "2026-02-01"]);
    let flow = &metrics["stage_flow"];
    let at_the_end: u64 =
        flow["stages"].as_array().unwrap().iter().map(|stage| stage["customers"][2].as_u64().unwrap()).sum();
    assert_eq!(at_the_end, 40, "everybody is in one stage: {flow}");
    let by_stage = json_with_figures(&service, "/v1/metrics?by=stage").await;
    assert_eq!(by_stage["grouped_by"], "stage");
    let (status, _, body) = send(&service, get("/v1/metrics?by=weather")).await;
    let problem: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("no way to group by \"weather\""), "{problem}");
}
