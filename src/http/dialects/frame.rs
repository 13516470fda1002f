//! Tables as other dialects send them: by rows, by columns, as tensors, as CSV.

use serde::Deserialize;
use serde_json::{Map, Value};
use tend_models::features::FeaturePlan;

use crate::http::MOST_CUSTOMERS;
use crate::http::problem::Problem;

/// One value of a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Missing,
    Flag(bool),
    Number(f64),
    Text(String),
}

impl Cell {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    fn of(value: Value) -> Result<Self, Problem> {
        match value {
            Value::Null => Ok(Self::Missing),
            Value::Bool(flag) => Ok(Self::Flag(flag)),
            Value::String(text) => Ok(Self::Text(text)),
            Value::Number(number) => number.as_f64().map(Self::Number).ok_or_else(Problem::defect),
            Value::Array(_) | Value::Object(_) => Err(Problem::shape(
                "found a list or an object for a value; expected a number, a text or null".to_owned(),
            )),
        }
    }
}

/// A table.
#[derive(Debug, PartialEq)]
pub(super) struct Frame {
    pub(super) names: Vec<String>,
    /// One a name, each with a cell a row.
    pub(super) columns: Vec<Vec<Cell>>,
    pub(super) rows: usize,
    /// Whether all cells are texts, numbers too.
    pub(super) is_text: bool,
}

/// A tensor of the Open Inference Protocol.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tensor {
    name: String,
    shape: Vec<usize>,
    datatype: String,
    #[serde(default)]
    parameters: Map<String, Value>,
    #[serde(default)]
    data: Vec<Value>,
}

/// A table whose columns may not be named yet.
pub(super) enum Sent {
    Ready(Frame),
    Unnamed(Vec<Vec<Cell>>),
}

impl Sent {
    /// Reads MLflow's JSON: the table, and the task in `params`.
    pub(super) fn read(body: Value) -> Result<(Self, Option<String>), Problem> {
        let expected = "expected one of dataframe_split, dataframe_records, instances and inputs";
        let Value::Object(mut members) = body else {
            return Err(Problem::shape(format!("found no object; {expected}")));
        };
        let task = match members.remove("params") {
            None | Some(Value::Null) => None,
            Some(params) => task_of(params)?,
        };
        let mut members = members.into_iter();
        let (Some((form, table)), None) = (members.next(), members.next()) else {
            return Err(Problem::shape(format!("found no table or several; {expected}")));
        };
        let table = match form.as_str() {
            "dataframe_split" => Self::Ready(split(table)?),
            "dataframe_records" => Self::Ready(records(list(table)?)?),
            "instances" | "inputs" => match table {
                Value::Object(columns) => Self::Ready(by_column(columns)?),
                table => {
                    let rows = list(table)?;
                    match rows.first() {
                        Some(Value::Object(_)) => Self::Ready(records(rows)?),
                        _ => Self::Unnamed(rows.into_iter().map(cells).collect::<Result<_, _>>()?),
                    }
                }
            },
            _ => return Err(Problem::shape(format!("found another form of table; {expected}"))),
        };
        Ok((table, task))
    }

    /// Names the columns as the model's features are named, if the table does not name them.
    pub(super) fn into_frame(self, plan: Option<&FeaturePlan>) -> Result<Frame, Problem> {
        match self {
            Self::Ready(frame) => frame.checked(),
            Self::Unnamed(rows) => {
                let names = plan.map(FeaturePlan::names).unwrap_or_default();
                by_rows(names, rows)?.checked()
            }
        }
    }
}

impl Frame {
    /// One column a tensor; each must be one value a row.
    pub(super) fn of_tensors(tensors: Vec<Tensor>) -> Result<Self, Problem> {
        let (mut names, mut columns) = (Vec::new(), Vec::new());
        for Tensor { name, shape, datatype, parameters, data } in tensors {
            let is_column = matches!(shape.as_slice(), [_] | [_, 1]) && shape[0] == data.len();
            if !is_column || parameters.contains_key("binary_data_size") {
                let detail =
                    "found a tensor that is no column of JSON data; expected the shape [rows] and a value a row";
                return Err(Problem::shape(detail.to_owned()));
            }
            let fits = |value: &Value| match datatype.as_str() {
                "BOOL" => value.is_boolean(),
                "BYTES" => value.is_string(),
                name if name.starts_with("FP") || name.starts_with("INT") || name.starts_with("UINT") => {
                    value.is_number()
                }
                _ => false,
            };
            if !data.iter().all(fits) {
                return Err(Problem::shape(
                    "found data that are not of their datatype; expected BOOL, BYTES, FP or INT".to_owned(),
                ));
            }
            names.push(name);
            columns.push(data.into_iter().map(Cell::of).collect::<Result<Vec<_>, _>>()?);
        }
        let rows = columns.first().map_or(0, Vec::len);
        Self { names, columns, rows, is_text: false }.checked()
    }

    /// CSV with a head line (RFC 4180); an empty cell is missing.
    pub(super) fn of_csv(body: &[u8]) -> Result<Self, Problem> {
        let text = std::str::from_utf8(body)
            .map_err(|_| Problem::shape("found CSV that is not UTF-8; expected UTF-8".to_owned()))?;
        let mut lines = csv_lines(text.trim_start_matches('\u{feff}'));
        if lines.is_empty() {
            return Err(Problem::shape("found no line; expected a head line and rows".to_owned()));
        }
        let names = lines.remove(0);
        let cell = |text: String| if text.is_empty() { Cell::Missing } else { Cell::Text(text) };
        let rows = lines.into_iter().map(|line| line.into_iter().map(cell).collect()).collect();
        Ok(Self { is_text: true, ..by_rows(names, rows)? })
    }

    fn checked(self) -> Result<Self, Problem> {
        let mut names: Vec<&String> = self.names.iter().collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Problem::shape("found a column twice; expected each once".to_owned()));
        }
        if self.columns.iter().any(|column| column.len() != self.rows) || self.names.len() != self.columns.len() {
            return Err(Problem::shape("found columns of different lengths; expected a value a row".to_owned()));
        }
        if self.rows == 0 || self.rows > MOST_CUSTOMERS {
            let rows = self.rows;
            return Err(Problem::shape(format!(
                "found {rows} rows; expected 1 to {MOST_CUSTOMERS}; send several requests"
            )));
        }
        Ok(self)
    }
}

fn task_of(params: Value) -> Result<Option<String>, Problem> {
    let wrong = || Problem::shape("found other `params`; expected none, or {\"task\": \"churn\"}".to_owned());
    let Value::Object(mut params) = params else { return Err(wrong()) };
    let task = params.remove("task");
    match (task, params.is_empty()) {
        (None, true) => Ok(None),
        (Some(Value::String(task)), true) => Ok(Some(task)),
        _ => Err(wrong()),
    }
}

fn list(value: Value) -> Result<Vec<Value>, Problem> {
    match value {
        Value::Array(values) => Ok(values),
        _ => Err(Problem::shape("found a table that is no list; expected a list of rows".to_owned())),
    }
}

/// A row without names.
fn cells(row: Value) -> Result<Vec<Cell>, Problem> {
    match row {
        Value::Array(values) => values.into_iter().map(Cell::of).collect(),
        value => Ok(vec![Cell::of(value)?]),
    }
}

fn split(table: Value) -> Result<Frame, Problem> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Split {
        columns: Vec<String>,
        data: Vec<Value>,
        #[serde(rename = "index")]
        _index: Option<Vec<Value>>,
    }
    let Split { columns, data, .. } =
        serde_json::from_value(table).map_err(|error| Problem::shape(format!("dataframe_split: {error}")))?;
    by_rows(columns, data.into_iter().map(cells).collect::<Result<_, _>>()?)
}

fn records(rows: Vec<Value>) -> Result<Frame, Problem> {
    let names: Vec<String> = match rows.first() {
        Some(Value::Object(first)) => first.keys().cloned().collect(),
        _ => Vec::new(),
    };
    let row = |row: Value| {
        let Value::Object(mut row) = row else {
            return Err(Problem::shape("found a record that is no object; expected objects".to_owned()));
        };
        let values: Option<Vec<Value>> = names.iter().map(|name| row.remove(name)).collect();
        match values {
            Some(values) if row.is_empty() => values.into_iter().map(Cell::of).collect(),
            _ => Err(Problem::shape("found records with different members; expected the same in each".to_owned())),
        }
    };
    let rows = rows.into_iter().map(row).collect::<Result<_, _>>()?;
    by_rows(names, rows)
}

fn by_column(columns: Map<String, Value>) -> Result<Frame, Problem> {
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for (name, column) in columns {
        names.push(name);
        values.push(match column {
            Value::Array(column) => column.into_iter().map(Cell::of).collect::<Result<Vec<_>, _>>()?,
            value => vec![Cell::of(value)?],
        });
    }
    let rows = values.first().map_or(0, Vec::len);
    Ok(Frame { names, columns: values, rows, is_text: false })
}

fn by_rows(names: Vec<String>, rows: Vec<Vec<Cell>>) -> Result<Frame, Problem> {
    let count = rows.len();
    let mut columns: Vec<Vec<Cell>> = names.iter().map(|_| Vec::with_capacity(count)).collect();
    for row in rows {
        if row.len() != columns.len() {
            let detail = format!("found a row of {} values; expected {}, one a column", row.len(), columns.len());
            return Err(Problem::shape(detail));
        }
        columns.iter_mut().zip(row).for_each(|(column, cell)| column.push(cell));
    }
    Ok(Frame { names, columns, rows: count, is_text: false })
}

/// The cells of each line; quotes hold separators, ends of lines and doubled quotes.
fn csv_lines(text: &str) -> Vec<Vec<String>> {
    let (mut lines, mut line, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut is_quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => line.push(std::mem::take(&mut cell)),
            '\r' if !is_quoted && letters.peek() == Some(&'\n') => {}
            '\n' if !is_quoted => {
                line.push(std::mem::take(&mut cell));
                lines.push(std::mem::take(&mut line));
            }
            letter => cell.push(letter),
        }
    }
    if !cell.is_empty() || !line.is_empty() {
        line.push(cell);
        lines.push(line);
    }
    lines.retain(|line| line.len() > 1 || !line[0].is_empty());
    lines
}
