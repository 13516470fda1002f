//! The shapes of what is sent and answered.

use serde_json::{Value, json};

pub(super) fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

pub(super) fn object(required: &[&str]) -> Value {
    json!({"type": "object", "required": required})
}

pub(super) fn list(name: &str, schema: &str) -> Value {
    json!({
        "type": "object",
        "required": [name],
        "properties": {name: {"type": "array", "items": reference(schema)}},
    })
}

/// An object that has these members and no others.
pub(super) fn closed(required: &[&str], properties: Value) -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

/// All schemas, by name.
pub(super) fn all() -> Value {
    let moment = reference("Moment");
    let name = reference("Name");
    let number = reference("Number");
    let customers = json!({"type": "array", "minItems": 1, "maxItems": 1000, "items": reference("Customer")});
    let attributes = json!({"type": "object", "additionalProperties": {"type": ["number", "string", "boolean"]}});
    let kinds = [
        ("customer", "Profile"),
        ("transaction", "Transaction"),
        ("subscription", "Subscription"),
        ("event", "Event"),
        ("contact", "Contact"),
        ("consent", "Consent"),
    ];
    let streamed: Vec<Value> = kinds
        .iter()
        .map(|(member, schema)| {
            closed(
                &["event_id", "customer_id", member],
                json!({
                    "event_id": name, "customer_id": name, *member: reference(schema),
                }),
            )
        })
        .collect();
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
            "attributes": attributes,
            "transactions": {"type": "array", "items": reference("Transaction")},
            "subscriptions": {"type": "array", "items": reference("Subscription")},
            "events": {"type": "array", "items": reference("Event")},
            "contacts": {"type": "array", "items": reference("Contact")},
            "consents": {"type": "array", "items": reference("Consent")},
        })),
        "Transaction": closed(&["event_time", "amount"], json!({
            "event_time": moment, "amount": number, "product_id": name, "category": name, "quantity": number,
            "margin": number, "available_at": moment,
        })),
        "Subscription": closed(&["start_date", "mrr"], json!({
            "start_date": moment, "end_date": moment, "product_id": name, "mrr": number,
            "bill_period_months": number, "discount": number, "available_at": moment,
        })),
        "Event": closed(&["event_time", "event_type"], json!({
            "event_time": moment, "event_type": name, "channel": name, "value": number, "available_at": moment,
        })),
        "Contact": closed(&["sent_at", "action_id"], json!({
            "sent_at": moment, "action_id": name, "decision_id": name, "channel": name,
            "is_control": {"type": "boolean"}, "probability": number, "policy": name, "model_version": name,
            "cost": number, "outcome": name, "outcome_at": moment, "outcome_value": number, "available_at": moment,
        })),
        "Consent": closed(&["channel", "status", "changed_at"], json!({
            "channel": name, "status": {"enum": ["granted", "withdrawn"]}, "changed_at": moment, "available_at": moment,
        })),
        "Profile": closed(&["created_at"], json!({
            "created_at": moment, "available_at": moment, "attributes": attributes,
        })),
        "Streamed": {"oneOf": streamed},
        "Outcome": closed(&["decision_id", "outcome"], json!({
            "decision_id": name, "outcome": name, "outcome_at": moment, "outcome_value": number,
        })),
        "ItemResult": {
            "type": "object",
            "required": ["result"],
            "properties": {
                "result": {"enum": ["recorded", "duplicate", "conflict", "unknown_decision", "erased", "refused"]},
                "detail": {"type": "string"},
            },
        },
        "Invocation": {"type": "object", "description": "One of the tables of MLflow's scoring protocol.", "properties": {
            "dataframe_split": object(&["columns", "data"]),
            "dataframe_records": {"type": "array", "items": {"type": "object"}},
            "instances": {"type": "array"},
            "inputs": {"type": ["array", "object"]},
            "params": {"type": "object", "properties": {"task": {"type": "string"}}},
        }},
        "Inference": {"type": "object", "required": ["inputs"], "properties": {
            "id": {"type": "string"},
            "inputs": {"type": "array", "items": object(&["name", "shape", "datatype", "data"])},
            "outputs": {"type": "array", "items": object(&["name"])},
        }},
        "Scorecard": {
            "type": "object",
            "required": ["customer_id", "moment", "churn_probability", "propensities", "value", "segment", "uplift",
                "reasons", "model_versions"],
            "properties": {"moment": moment},
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
