//! Rows that cannot be used: counted by reason and written to a file, never dropped silently.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::reasons::Reason;
use crate::tables::Batch;

/// How many rows of a table came in, and how many did not and why.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct TableReceived {
    /// The table's canonical name.
    pub table: String,
    /// The file.
    pub file: PathBuf,
    /// Rows in the file.
    pub rows: usize,
    /// Rows rejected, by reason.
    pub rejected: BTreeMap<String, usize>,
    /// The first row rejected for each reason: what was found, what was expected and what to do.
    pub first_rejected: BTreeMap<String, String>,
    /// Rows that are worth knowing of, by what they are.
    pub notes: BTreeMap<String, Noted>,
}

/// Rows of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Noted {
    /// In the file.
    pub rows: usize,
    /// Of these used.
    pub kept: usize,
}

impl TableReceived {
    /// Rows used.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.rows - self.rejected.values().sum::<usize>()
    }
}

/// Counts rejected rows of all tables and writes each to a file.
#[derive(Debug)]
pub struct Rejects {
    received: Vec<TableReceived>,
    decimal: char,
    path: Option<PathBuf>,
    file: Option<RejectsFile>,
}

impl Rejects {
    /// Rejects written to a file, which takes the place of an earlier one on [`finish`](Self::finish); without a path
    /// they are only counted. `decimal` is the decimal mark of the tables.
    #[must_use]
    pub fn new(path: Option<&Path>, decimal: char) -> Self {
        Self { received: Vec::new(), decimal, path: path.map(Path::to_owned), file: None }
    }

    /// Begins a table; what follows counts for it.
    pub fn begin(&mut self, table: &str, file: &Path) {
        self.received.push(TableReceived {
            table: table.to_owned(),
            file: file.to_owned(),
            ..TableReceived::default()
        });
    }

    fn current(&mut self) -> &mut TableReceived {
        self.received.last_mut().expect("a table was begun")
    }

    /// Counts rows read.
    pub fn rows(&mut self, rows: usize) {
        self.current().rows += rows;
    }

    /// Counts rows that are worth knowing of.
    pub fn note(&mut self, what: &str, noted: Noted) {
        let count = self.current().notes.entry(what.to_owned()).or_default();
        count.rows += noted.rows;
        count.kept += noted.kept;
    }

    /// Notes a value that is not understood in a row that is used without it.
    pub fn note_unclear(&mut self, column: &str) {
        self.note(&format!("`{column}` not understood, left empty"), Noted { rows: 1, kept: 1 });
    }

    /// Rejects a row because of a column's value.
    ///
    /// # Errors
    /// Any error of writing the file.
    pub fn reject(&mut self, batch: &Batch, row: usize, column: &str, value: &str, reason: Reason) -> io::Result<()> {
        let (name, number, decimal) = (reason.name(), batch.row_number(row), self.decimal);
        let table = self.current();
        *table.rejected.entry(name.to_string()).or_default() += 1;
        table.first_rejected.entry(name.to_string()).or_insert_with(|| {
            format!("{} row {number}: {}", table.file.display(), reason.sentence(column, value, decimal))
        });
        if let Some(path) = &self.path {
            let file = match &mut self.file {
                Some(file) => file,
                None => self.file.insert(RejectsFile::create(path)?),
            };
            let table = self.received.last().expect("a table was begun");
            let path = table.file.to_string_lossy();
            let [path, column, value, name] = [&path, column, value, &name].map(quoted);
            writeln!(file.writer, "{},{path},{number},{column},{value},{name}", table.table)?;
        }
        Ok(())
    }

    /// The counts of all tables. The file is put into place; without rejected rows there is none, not even an old one.
    ///
    /// # Errors
    /// Any error of writing the file.
    pub fn finish(self) -> io::Result<Vec<TableReceived>> {
        match (self.file, &self.path) {
            (Some(file), Some(path)) => file.put_at(path)?,
            (None, Some(path)) if path.exists() => fs::remove_file(path)?,
            _ => {}
        }
        Ok(self.received)
    }
}

/// The file while it is written: under another name, and gone if nobody puts it into place.
#[derive(Debug)]
struct RejectsFile {
    temporary: PathBuf,
    writer: BufWriter<File>,
}

impl RejectsFile {
    fn create(path: &Path) -> io::Result<Self> {
        let temporary = path.with_extension(format!("csv.tmp-{}", std::process::id()));
        let mut file = Self { writer: BufWriter::new(File::create(&temporary)?), temporary };
        writeln!(file.writer, "table,file,row,column,value,reason")?;
        Ok(file)
    }

    fn put_at(mut self, path: &Path) -> io::Result<()> {
        self.writer.flush()?;
        fs::rename(&self.temporary, path)
    }
}

impl Drop for RejectsFile {
    fn drop(&mut self) {
        // After `put_at` there is nothing left to remove, and no one to tell of another error.
        let _ = fs::remove_file(&self.temporary);
    }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
