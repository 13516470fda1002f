//! The description of the service for programs: OpenAPI 3.1.

use axum::Json;
use serde_json::{Value, json};

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
        "paths": {
            "/health/live": {"get": operation("live", "The process answers.", object(&["live"]), &[])},
            "/health/ready": {"get": operation(
                "ready", "Models are loaded; 503 without any.", object(&["ready", "models"]), &[503])},
            "/v1/models": {"get": operation(
                "models", "The version that answers each task.", object(&["models"]), &[])},
            "/v1/scores": {"post": posted(
                "scores", "Scores of at most 1,000 customers, in their order.", list("scores", "Scorecard"))},
            "/v1/decisions": {"post": posted(
                "decisions", "The next best action for each of at most 1,000 customers, in their order.",
                list("decisions", "Decision"))},
            "/v1/customers/{id}": {"get": customer()},
            "/openapi.json": {"get": operation("openapi", "This document.", json!({"type": "object"}), &[])},
        },
        "components": {"schemas": schemas()},
    })
}

fn operation(id: &str, summary: &str, answer: Value, problems: &[u16]) -> Value {
    let mut responses = json!({
        "200": {"description": summary, "content": {"application/json": {"schema": answer}}},
        "default": problem("Any other problem."),
    });
    for status in problems {
        let description = match status {
            400 => "The body is not JSON.",
            404 => "Customers who are not known before the moment; `errors` points at them.",
            408 => "The request was not complete and answered within 10 s.",
            413 => "The body is above 2 MiB.",
            415 => "The body is not application/json.",
            422 => "The request has the wrong shape or values.",
            _ => "No model is loaded.",
        };
        responses[status.to_string()] = problem(description);
    }
    json!({"operationId": id, "summary": summary, "responses": responses})
}

fn posted(id: &str, summary: &str, answer: Value) -> Value {
    let mut operation = operation(id, summary, answer, &[400, 404, 408, 413, 415, 422, 503]);
    operation["requestBody"] = json!({
        "required": true,
        "content": {"application/json": {"schema": reference("Request")}},
    });
    operation
}

fn customer() -> Value {
    let answer = json!({
        "type": "object",
        "required": ["scorecard", "decision"],
        "properties": {"scorecard": reference("Scorecard"), "decision": reference("Decision")},
    });
    let mut operation =
        operation("customer", "Scores of one customer and the decision on them.", answer, &[404, 422, 503]);
    operation["parameters"] = json!([
        {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}},
        {"name": "moment", "in": "query", "schema": reference("Moment")},
    ]);
    operation
}

fn problem(description: &str) -> Value {
    json!({
        "description": description,
        "content": {"application/problem+json": {"schema": reference("Problem")}},
    })
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn object(required: &[&str]) -> Value {
    json!({"type": "object", "required": required})
}

fn list(name: &str, schema: &str) -> Value {
    json!({
        "type": "object",
        "required": [name],
        "properties": {name: {"type": "array", "items": reference(schema)}},
    })
}

/// An object that has these members and no others.
fn closed(required: &[&str], properties: Value) -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

fn schemas() -> Value {
    let moment = reference("Moment");
    let name = reference("Name");
    let number = reference("Number");
    let customers = json!({"type": "array", "minItems": 1, "maxItems": 1000, "items": reference("Customer")});
    json!({
        "Moment": {
            "type": "string",
            "description": "A date, which is its UTC midnight, or an RFC 3339 time; from 1900 to 2199.",
            "examples": ["2026-03-31", "2026-03-31T12:00:00Z"],
        },
        "Name": {"type": "string", "minLength": 1, "maxLength": 256,
            "description": "At most 256 bytes, without control characters."},
        "Number": {"type": "number", "minimum": -1e12, "maximum": 1e12},
        "Request": {"oneOf": [
            closed(&["customer_ids"], json!({
                "customer_ids": {"type": "array", "minItems": 1, "maxItems": 1000, "items": name},
                "moment": moment,
            })),
            closed(&["customers"], json!({"customers": customers, "moment": moment})),
        ]},
        "Customer": closed(&["customer_id"], json!({
            "customer_id": name,
            "created_at": moment,
            "attributes": {"type": "object", "additionalProperties": {"type": ["number", "string", "boolean"]}},
            "transactions": {"type": "array", "items": closed(&["event_time", "amount"], json!({
                "event_time": moment, "amount": number, "product_id": name, "category": name,
                "quantity": number, "margin": number, "available_at": moment,
            }))},
            "subscriptions": {"type": "array", "items": closed(&["start_date", "mrr"], json!({
                "start_date": moment, "end_date": moment, "product_id": name, "mrr": number,
                "bill_period_months": number, "discount": number, "available_at": moment,
            }))},
            "events": {"type": "array", "items": closed(&["event_time", "event_type"], json!({
                "event_time": moment, "event_type": name, "value": number, "available_at": moment,
            }))},
            "consents": {"type": "array", "items": closed(&["changed_at", "channel", "status"], json!({
                "changed_at": moment, "channel": name, "status": {"enum": ["granted", "denied"]},
                "available_at": moment,
            }))},
            "contacts": {"type": "array", "items": closed(&["sent_at", "action_id"], json!({
                "sent_at": moment, "action_id": name, "is_control": {"type": "boolean"},
                "outcome": name, "outcome_at": moment, "available_at": moment,
            }))},
        })),
        "Scorecard": {
            "type": "object",
            "required": ["customer_id", "moment", "churn_probability", "propensities", "value", "segment", "uplift", "reasons",
                "model_versions"],
            "properties": {"moment": {"type": "integer", "description": "Seconds since 1970-01-01 00:00:00 UTC."}},
        },
        "Decision": object(&["customer_id", "moment", "stage", "action", "action_label", "channel", "product",
            "expected_gain", "priority", "at_stake", "effect", "effect_source", "cost", "probability", "control_group",
            "reason", "deadline", "contact_from", "considered", "without", "scores", "model_versions",
            "policy_version"]),
        "Problem": {
            "type": "object",
            "required": ["type", "title", "status", "detail", "error", "error_code", "message"],
            "properties": {"errors": {"type": "array", "items": object(&["pointer", "detail"])}},
        },
    })
}
