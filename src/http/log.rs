//! The log: one JSON object a line on stderr, without customers' ids and values.

use serde_json::{Map, Value, json};
use tend_models::quantities::Moment;

use super::now_ms;

/// Writes a line; a log that cannot be written stops nothing.
pub(super) fn line(event: &str, members: Value) {
    use std::io::Write;
    let now = now_ms();
    let time = format!("{}.{:03}Z", seconds_text(now), now.rem_euclid(1_000));
    let mut line = Map::from_iter([("time".to_owned(), json!(time)), ("event".to_owned(), json!(event))]);
    if let Value::Object(members) = members {
        line.extend(members);
    }
    let _ = writeln!(std::io::stderr().lock(), "{}", Value::Object(line));
}

fn seconds_text(now_ms: i64) -> String {
    let moment = Moment::from_seconds(now_ms.div_euclid(1_000));
    let text = moment.to_string();
    // At midnight a moment is shown as its date alone.
    if text.len() == 10 { format!("{text}T00:00:00") } else { text.trim_end_matches('Z').to_owned() }
}
