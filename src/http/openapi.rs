//! The description of the service for programs: OpenAPI 3.1.

use axum::Json;
use serde_json::{Value, json};

mod schemas;

use schemas::{object, reference};

/// `GET /openapi.json`.
pub(super) async fn document() -> Json<Value> {
    Json(description())
}

/// The whole description.
pub(super) fn description() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "tend",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Scores and next best actions for customers, as of a moment: only what was known before \
                it is used. Errors are problem documents (RFC 9457).",
        },
        "paths": paths(),
        "components": {
            "schemas": schemas::all(),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer",
                "description": "An API key of `tend keys create`; not needed on the machine itself unless the service says so."}},
        },
    })
}

fn paths() -> Value {
    let mut paths = json!({
        "/health/live": {"get": operation("live", "The process answers.", object(&["live"]), &[])},
        "/health/ready": {"get": operation(
            "ready", "Models are loaded; 503 without any, and while the service stops.", object(&["ready", "models"]), &[503])},
        "/metrics": {"get": metrics()},
        "/v1/metrics": {"get": queried(
            operation("lifecycle_metrics", "Who came, stayed, left and came back, and what they brought, by period.",
                object(&["as_of", "periods", "grouped_by", "groups"]), &[408, 422]),
            &[("every", json!({"enum": ["week", "month", "quarter"]})), ("by", json!({"type": "string"})),
                ("stages", json!({"type": "boolean"}))])},
        "/v1/worklist": {"get": queried(
            operation("worklist", "Everybody for whom acting pays, a page at a time.",
                object(&["moment", "customers", "at_stake", "expected_gain", "page", "pages", "page_rows", "rows"]), &[422, 503]),
            &[("stage", json!({"type": "string"})), ("action", json!({"type": "string"})),
                ("channel", json!({"type": "string"})), ("customer", json!({"type": "string"})),
                ("from", percent()), ("to", percent()), ("status", json!({"enum": ["open", "done", "refused"]})),
                ("sort", json!({"enum": ["gain", "at_stake", "risk", "deadline"]})),
                ("page", json!({"type": "integer", "minimum": 1}))])},
        "/v1/models": {"get": operation("models", "The version that answers each task.", object(&["models"]), &[])},
        "/v1/models/{task}/promote": {"post": with_body(
            task(operation("promote", "Makes a version answer from now on, once it is known to work.",
                object(&["task", "champion"]), &[400, 404, 415, 422])),
            schemas::closed(&["version"], json!({"version": {"type": "string"}})))},
        "/v1/models/{task}/rollback": {"post": task(operation(
            "rollback", "Makes the champion before the present one answer again.", object(&["task", "champion"]), &[404, 409, 422]))},
        "/v1/scores": {"post": asked(
            "scores", "Scores of at most 1,000 customers, in their order.", schemas::list("scores", "Scorecard"))},
        "/v1/decisions": {"post": asked(
            "decisions", "The next best action for each of at most 1,000 customers, in their order, kept before it is told.",
            decisions())},
        "/v1/decisions/{id}": {"get": by_id(operation(
            "decision", "A decision as it was made, and what came of it.",
            object(&["decision_id", "decided_at", "eligible", "decision", "outcomes"]), &[404, 503]))},
        "/v1/outcomes": {"post": reported(
            "outcomes", "What came of decisions: one item, or a list. Each counts once however often it is sent.", "Outcome")},
        "/v1/events": {"post": reported(
            "events", "Rows of the data contract as they happen: one item, or a list. Each counts once, and the next \
            answer knows of it.", "Streamed")},
        "/v1/customers/{id}": {"get": customer(), "delete": by_id(operation(
            "erase", "Erases a customer; the receipt says where at once, and where until when not.",
            object(&["erased_at", "stores", "kept"]), &[503]))},
        "/v1/customers/{id}/export": {"get": by_id(operation(
            "export", "All that is kept about a customer.",
            object(&["customer_id", "tables", "streamed", "decisions"]), &[404, 503]))},
        "/ping": {"get": operation("ping", "MLflow: models are loaded.", object(&[]), &[503])},
        "/invocations": {"post": invocations()},
        "/openapi.json": {"get": operation("openapi", "This document.", json!({"type": "object"}), &[])},
    });
    if let (Value::Object(paths), Value::Object(more)) = (&mut paths, inference_paths()) {
        paths.extend(more);
    }
    paths
}

/// The Open Inference Protocol, version 2.
fn inference_paths() -> Value {
    let mut paths = json!({
        "/v2": {"get": operation("server", "What this server is.", object(&["name", "version", "extensions"]), &[])},
        "/v2/health/live": {"get": operation("inference_live", "The process answers.", object(&["live"]), &[])},
        "/v2/health/ready": {"get": operation("inference_ready", "Models are loaded.", object(&["ready"]), &[503])},
    });
    let named = |mut operation: Value, has_version: bool| {
        let names = if has_version { vec!["model", "version"] } else { vec!["model"] };
        let parameter =
            |name: &&str| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}});
        operation["parameters"] = names.iter().map(parameter).collect();
        operation
    };
    for (prefix, suffix, has_version) in
        [("/v2/models/{model}", "", false), ("/v2/models/{model}/versions/{version}", "_version", true)]
    {
        let id = |name: &str| format!("{name}{suffix}");
        let about = operation(
            &id("inference_model"),
            "What the model takes and answers.",
            object(&["name", "versions", "platform", "inputs", "outputs"]),
            &[404],
        );
        let ready = operation(&id("inference_model_ready"), "The model answers.", object(&["name", "ready"]), &[404]);
        let infer = operation(
            &id("infer"),
            "Scores of feature rows, one tensor a feature, or of known customers, by \
            the tensor `customer_id`.",
            object(&["model_name", "model_version", "outputs"]),
            &[400, 404, 413, 415, 422],
        );
        let infer = with_body(infer, reference("Inference"));
        paths[prefix] = json!({"get": named(about, has_version)});
        paths[format!("{prefix}/ready")] = json!({"get": named(ready, has_version)});
        paths[format!("{prefix}/infer")] = json!({"post": named(infer, has_version)});
    }
    paths
}

fn operation(id: &str, summary: &str, answer: Value, problems: &[u16]) -> Value {
    let mut responses = json!({
        "200": {"description": summary, "content": {"application/json": {"schema": answer}}},
        "default": problem("Any other problem: 401 without a key where one is needed, 403 with one of another scope, \
            503 with Retry-After while too much is under way."),
    });
    for status in problems {
        let description = match status {
            400 => "The body is not JSON.",
            404 => "What is named is not known; `errors` points at customers who are not known before the moment.",
            408 => "The request was not complete and answered within 10 s.",
            409 => "Something else has that place already.",
            413 => "The body is above 2 MiB.",
            415 => "The body is not of a media type that is read here.",
            422 => "The request has the wrong shape or values.",
            _ => "No model is loaded, or nothing can be kept at present.",
        };
        responses[status.to_string()] = problem(description);
    }
    json!({"operationId": id, "summary": summary, "responses": responses, "security": [{}, {"key": []}]})
}

fn with_body(mut operation: Value, schema: Value) -> Value {
    operation["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": schema}}});
    operation
}

fn asked(id: &str, summary: &str, answer: Value) -> Value {
    with_body(operation(id, summary, answer, &[400, 404, 408, 413, 415, 422, 503]), reference("Request"))
}

fn reported(name: &str, summary: &str, item: &str) -> Value {
    let items = json!({"type": "array", "minItems": 1, "maxItems": 1000, "items": reference(item)});
    let schema = json!({"oneOf": [reference(item), schemas::closed(&[name], json!({name: items}))]});
    let operation =
        operation(name, summary, schemas::list("results", "ItemResult"), &[400, 404, 408, 409, 413, 415, 422, 503]);
    with_body(operation, schema)
}

fn invocations() -> Value {
    let answer = object(&["predictions", "model_name", "model_version"]);
    let mut operation = with_body(
        operation(
            "invocations",
            "MLflow: scores of feature rows, or of known customers by the column `customer_id`; \
            of the first task that has a model, or of `params.task`.",
            answer,
            &[400, 404, 413, 415, 422, 503],
        ),
        reference("Invocation"),
    );
    operation["requestBody"]["content"]["text/csv"] = json!({"schema": {"type": "string"}});
    operation
}

fn metrics() -> Value {
    let mut operation = operation("metrics", "Figures for Prometheus.", json!({}), &[]);
    operation["responses"]["200"]["content"] = json!({"text/plain": {"schema": {"type": "string"}}});
    operation
}

fn decisions() -> Value {
    let mut answer = schemas::list("decisions", "Decision");
    answer["required"] = json!(["decisions", "decision_ids"]);
    answer["properties"]["decision_ids"] = json!({"type": "array", "items": {"type": "string"},
        "description": "The id of each decision, to report its outcomes by."});
    answer
}

fn customer() -> Value {
    let answer = json!({
        "type": "object",
        "required": ["scorecard", "decision"],
        "properties": {"scorecard": reference("Scorecard"), "decision": reference("Decision")},
    });
    let summary = "Scores of one customer and the decision on them, which is not kept.";
    let mut operation = by_id(operation("customer", summary, answer, &[404, 422, 503]));
    if let Some(parameters) = operation["parameters"].as_array_mut() {
        parameters.push(json!({"name": "moment", "in": "query", "schema": reference("Moment")}));
    }
    operation
}

fn percent() -> Value {
    json!({"type": "integer", "minimum": 0, "maximum": 100})
}

fn queried(mut operation: Value, parameters: &[(&str, Value)]) -> Value {
    let parameter = |(name, schema): &(&str, Value)| json!({"name": name, "in": "query", "schema": schema});
    operation["parameters"] = parameters.iter().map(parameter).collect();
    operation
}

fn by_id(operation: Value) -> Value {
    named(operation, "id", json!({"type": "string"}))
}

fn task(operation: Value) -> Value {
    named(operation, "task", json!({"enum": ["churn", "upsell", "clv", "segments"]}))
}

fn named(mut operation: Value, name: &str, schema: Value) -> Value {
    operation["parameters"] = json!([{"name": name, "in": "path", "required": true, "schema": schema}]);
    operation
}

fn problem(description: &str) -> Value {
    json!({
        "description": description,
        "content": {"application/problem+json": {"schema": reference("Problem")}},
    })
}
