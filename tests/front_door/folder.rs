//! A folder in which a test runs the program.

// Each test file uses a part of it.
#![allow(dead_code)]

use std::fmt;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use tend::decision::{Policy, PolicyKind};

/// Keys of `train --json` and `evaluate --json` that scripts rely on, for a classifier.
pub const FIGURES_OF_A_CLASSIFIER: [&str; 11] = [
    "task",
    "version",
    "family",
    "rows",
    "positives",
    "auc",
    "average_precision",
    "log_loss",
    "brier",
    "expected_calibration_error",
    "top_decile_lift",
];

/// A folder that is removed after the test, with the program to run in it as a project.
pub struct Folder(tempfile::TempDir);

/// What the program said.
pub struct Answer {
    /// Its exit code; -1 if it was killed.
    pub code: i32,
    /// The answer.
    pub stdout: String,
    /// Everything else.
    pub stderr: String,
}

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// The path of a file, as text.
    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().expect("UTF-8").to_owned()
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.0.path().join(name), contents).expect("a writable folder");
    }

    /// Writes the policy of a shop.
    pub fn write_policy(&self) {
        self.write("policy.toml", Policy::default_toml(PolicyKind::Shop));
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.path().join(name).exists()
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.0.path().join(name)).expect("a file");
    }

    pub fn make_folder(&self, name: &str) {
        fs::create_dir_all(self.0.path().join(name)).expect("a writable folder");
    }

    /// Names of all files in the folder and below, sorted.
    pub fn files(&self) -> Vec<String> {
        fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() { walk(&path, files) } else { files.push(path) }
            }
        }
        let mut files = Vec::new();
        walk(self.0.path(), &mut files);
        let name = |path: &PathBuf| path.strip_prefix(self.0.path()).expect("below").display().to_string();
        let mut names: Vec<String> = files.iter().map(name).collect();
        names.sort();
        names
    }

    /// Runs the program with this folder as the project and as the place where it works.
    pub fn tend(&self, arguments: &[&str]) -> Answer {
        let output = Command::new(env!("CARGO_BIN_EXE_tend"))
            .arg("--project")
            .arg(self.0.path())
            .args(arguments)
            .current_dir(self.0.path())
            .output()
            .expect("the program runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Answer { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs the program, which has to succeed.
    pub fn succeed(&self, arguments: &[&str]) -> Answer {
        let answer = self.tend(arguments);
        assert_eq!(answer.code, 0, "tend {}: {answer}", arguments.join(" "));
        answer
    }

    /// A CSV file without quoted line ends, as rows of texts by column.
    pub fn table(&self, name: &str) -> Table {
        let text = self.read(name);
        let mut lines = text.lines().map(fields);
        let columns = lines.next().expect("a header");
        Table { columns, rows: lines.collect() }
    }
}

impl Answer {
    /// Everything that was said.
    pub fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Checks that all of these were said.
    pub fn assert_says(&self, expected: &[&str]) {
        for text in expected {
            assert!(self.all().contains(text), "expected {text:?} in {self}");
        }
    }

    /// The one JSON object that the answer is.
    pub fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self}");
        let value: Value = serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"));
        assert!(value.is_object(), "expected one object: {self}");
        value
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code {}\nstdout:\n{}\nstderr:\n{}", self.code, self.stdout, self.stderr)
    }
}

/// A table that the program wrote.
pub struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// A column's texts.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        let place = self.columns.iter().position(|column| column == name);
        let place = place.unwrap_or_else(|| panic!("no column {name} in {:?}", self.columns));
        self.rows.iter().map(|row| row[place].as_str()).collect()
    }

    /// A column's numbers; NaN where it is empty.
    pub fn numbers(&self, name: &str) -> Vec<f64> {
        let number = |text: &str| if text.is_empty() { f64::NAN } else { text.parse().expect("a number") };
        self.texts(name).into_iter().map(number).collect()
    }
}

/// The fields of a line of a CSV file.
pub fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut is_quoted) = (vec![String::new()], false);
    for letter in line.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            letter => fields.last_mut().expect("never empty").push(letter),
        }
    }
    fields
}

/// A text as a .gz file.
pub fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

/// A file of public data; none, with a printed reason, where the data folder is absent. The folder is that of the
/// environment variable `TEND_DATA`, else `../shared/data` beside the workspace.
pub fn public_data(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let folder = std::env::var_os("TEND_DATA").map_or(beside, PathBuf::from);
    let path = folder.join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not there; name the folder of the public data with TEND_DATA", path.display());
    None
}

/// The header of the transactions that tests write.
pub const HEADER: &str = "customer_id,event_time,amount\n";

/// A project whose transactions are this CSV file.
pub fn transactions(text: impl AsRef<[u8]>) -> Folder {
    transactions_with(text, "")
}

/// The same, with more lines in its recipe.
pub fn transactions_with(text: impl AsRef<[u8]>, more: &str) -> Folder {
    let folder = Folder::new();
    folder.write("transactions.csv", text);
    folder.write("tend.toml", format!("[tables.transactions]\nfile = \"transactions.csv\"\n{more}"));
    folder.write_policy();
    folder
}

/// The account of a table by `check --json`.
pub fn account(folder: &Folder, table: &str) -> Value {
    let json = folder.tend(&["check", "--json"]).json();
    let tables = json["tables"].as_array().expect("tables");
    tables.iter().find(|one| one["table"] == table).unwrap_or_else(|| panic!("no {table} in {json}")).clone()
}

/// Rows rejected for any reason.
pub fn rejected(account: &Value) -> u64 {
    account["rejected"].as_object().expect("reasons").values().map(|rows| rows.as_u64().expect("a count")).sum()
}

/// Checks that the check refuses the whole input, with every one of these in its message.
pub fn assert_refused(folder: &Folder, expected: &[&str]) {
    let answer = folder.tend(&["check"]);
    assert_eq!(answer.code, 1, "{answer}");
    answer.assert_says(expected);
    assert_eq!(answer.stdout, "", "a failed command answers nothing");
}
