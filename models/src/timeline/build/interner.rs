//! Texts, each stored once and named by a code.

use std::hash::BuildHasher;

use hashbrown::HashTable;

use super::sorting::inverse;
use crate::timeline::{NO_CODE, TextColumn};

/// Gives each distinct text a code, in the order of first sight.
#[derive(Debug, Default)]
pub(super) struct Interner {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    table: HashTable<u32>,
    hasher: hashbrown::DefaultHashBuilder,
    /// The text asked for last: lines of one order, and columns with few texts, often repeat it.
    last: Option<u32>,
}

impl Interner {
    fn text(&self, code: u32) -> &[u8] {
        let code = code as usize;
        let start = if code == 0 { 0 } else { self.ends[code - 1] };
        &self.bytes[start..self.ends[code]]
    }

    pub(super) fn find(&self, text: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(text.as_bytes());
        self.table.find(hash, |&code| self.text(code) == text.as_bytes()).copied()
    }

    pub(super) fn intern(&mut self, text: &str) -> u32 {
        if let Some(last) = self.last
            && self.text(last) == text.as_bytes()
        {
            return last;
        }
        let hash = self.hasher.hash_one(text.as_bytes());
        let code = match self.table.find(hash, |&code| self.text(code) == text.as_bytes()) {
            Some(&code) => code,
            None => {
                let code = u32::try_from(self.ends.len()).expect("fewer than 4,294,967,295 texts");
                self.bytes.extend_from_slice(text.as_bytes());
                self.ends.push(self.bytes.len());
                let (bytes, ends, hasher) = (&self.bytes, &self.ends, &self.hasher);
                self.table.insert_unique(hash, code, |&code| {
                    let code = code as usize;
                    let start = if code == 0 { 0 } else { ends[code - 1] };
                    hasher.hash_one(&bytes[start..ends[code]])
                });
                code
            }
        };
        self.last = Some(code);
        code
    }

    pub(super) fn code(&mut self, text: Option<&str>) -> u32 {
        text.map_or(NO_CODE, |text| self.intern(text))
    }

    /// The texts in ascending order, and each code's place in it.
    pub(super) fn sorted(&self) -> (TextColumn, Vec<u32>) {
        let mut order: Vec<u32> = (0..self.ends.len() as u32).collect();
        order.sort_unstable_by_key(|&code| self.text(code));
        let texts = order.iter().map(|&code| std::str::from_utf8(self.text(code)).expect("interned as text")).collect();
        (texts, inverse(&order))
    }

    pub(super) fn sorted_names(&self) -> (Vec<String>, Vec<u32>) {
        let (texts, ranks) = self.sorted();
        (texts.iter().map(str::to_owned).collect(), ranks)
    }
}
