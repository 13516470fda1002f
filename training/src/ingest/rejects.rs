//! Rows that cannot be used: counted by reason and written to a file, never dropped silently.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::tables::Batch;

/// How many rows of a table came in, and how many did not and why.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct TableReceived {
    /// The table's canonical name.
    pub table: String,
    /// Rows in the file.
    pub rows: usize,
    /// Rows rejected, by reason.
    pub rejected: BTreeMap<String, usize>,
    /// Rows that were used and are worth knowing of, by what they are.
    pub notes: BTreeMap<String, usize>,
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
    path: Option<PathBuf>,
    writer: Option<BufWriter<File>>,
}

impl Rejects {
    /// Rejects written to a file, which appears with the first one; without a path they are only counted.
    #[must_use]
    pub fn new(path: Option<&Path>) -> Self {
        Self { received: Vec::new(), path: path.map(Path::to_owned), writer: None }
    }

    /// Begins a table; what follows counts for it.
    pub fn begin(&mut self, table: &str) {
        self.received.push(TableReceived { table: table.to_owned(), ..TableReceived::default() });
    }

    fn current(&mut self) -> &mut TableReceived {
        self.received.last_mut().expect("a table was begun")
    }

    /// Counts rows read.
    pub fn rows(&mut self, rows: usize) {
        self.current().rows += rows;
    }

    /// Counts a row that is used all the same.
    pub fn note(&mut self, what: &str) {
        *self.current().notes.entry(what.to_owned()).or_default() += 1;
    }

    /// Rejects a row because of a column's value.
    ///
    /// # Errors
    /// Any error of writing the file.
    pub fn reject(&mut self, batch: &Batch, row: usize, column: &str, value: &str, reason: &str) -> io::Result<()> {
        let table = self.current();
        *table.rejected.entry(reason.to_owned()).or_default() += 1;
        let table = table.table.clone();
        if let Some(path) = &self.path {
            let writer = match &mut self.writer {
                Some(writer) => writer,
                None => {
                    let mut writer = BufWriter::new(File::create(path)?);
                    writeln!(writer, "table,row,column,value,reason")?;
                    self.writer.insert(writer)
                }
            };
            let (column, value, reason) = (quoted(column), quoted(value), quoted(reason));
            writeln!(writer, "{table},{},{column},{value},{reason}", batch.row_number(row))?;
        }
        Ok(())
    }

    /// The counts of all tables.
    ///
    /// # Errors
    /// Any error of writing the file.
    pub fn finish(mut self) -> io::Result<Vec<TableReceived>> {
        if let Some(writer) = &mut self.writer {
            writer.flush()?;
        }
        Ok(self.received)
    }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
