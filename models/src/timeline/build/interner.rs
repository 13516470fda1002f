//! Texts, each stored once and named by a code.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::sorting::inverse;
use crate::timeline::{NO_CODE, TextColumn};

/// Texts of at most this many bytes are told apart by their key alone, without a look into the store: most ids are so
/// short, and with millions of them each look is a wait for memory.
const SHORT_BYTES: usize = 12;

/// Gives each distinct text a code, in the order of first sight.
#[derive(Debug, Default)]
pub(super) struct Interner {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    table: HashTable<Entry>,
    hasher: DefaultHashBuilder,
    /// The text asked for last: lines of one order, and columns with few texts, often repeat it.
    last: Option<Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    key: Key,
    code: u32,
}

/// The first bytes of a text and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    head: [u8; SHORT_BYTES],
    length: u32,
}

impl Key {
    #[inline]
    fn of(text: &[u8]) -> Self {
        let mut head = [0; SHORT_BYTES];
        if let Some((first, _)) = text.split_first_chunk::<8>() {
            head[..8].copy_from_slice(first);
            let rest = text.len().min(SHORT_BYTES);
            head[8..rest].copy_from_slice(&text[8..rest]);
        } else {
            head[..text.len()].copy_from_slice(text);
        }
        Self { head, length: text.len() as u32 }
    }

    fn is_whole(self) -> bool {
        self.length as usize <= SHORT_BYTES
    }

    #[inline]
    fn hash(self, text: &[u8], hasher: &DefaultHashBuilder) -> u64 {
        if self.is_whole() {
            let mut bytes = [0; SHORT_BYTES + 4];
            bytes[..SHORT_BYTES].copy_from_slice(&self.head);
            bytes[SHORT_BYTES..].copy_from_slice(&self.length.to_le_bytes());
            hasher.hash_one(u128::from_le_bytes(bytes))
        } else {
            hasher.hash_one(text)
        }
    }
}

/// The text of a code.
fn text_of<'a>(bytes: &'a [u8], ends: &[usize], code: u32) -> &'a [u8] {
    let code = code as usize;
    let start = if code == 0 { 0 } else { ends[code - 1] };
    &bytes[start..ends[code]]
}

impl Interner {
    fn text(&self, code: u32) -> &[u8] {
        text_of(&self.bytes, &self.ends, code)
    }

    #[inline]
    fn is(&self, entry: &Entry, key: Key, text: &[u8]) -> bool {
        entry.key == key && (key.is_whole() || self.text(entry.code) == text)
    }

    #[inline]
    pub(super) fn find(&self, text: &str) -> Option<u32> {
        let text = text.as_bytes();
        let key = Key::of(text);
        let hash = key.hash(text, &self.hasher);
        self.table.find(hash, |entry| self.is(entry, key, text)).map(|entry| entry.code)
    }

    /// The codes of many texts. Look-ups do not wait for one another here, so that the waits for memory overlap: with a
    /// million texts several times as fast as one [`find`](Self::find) at a time between other work.
    pub(super) fn find_all<'t>(&self, texts: impl Iterator<Item = Option<&'t str>>) -> Vec<Option<u32>> {
        let texts: Vec<Option<&str>> = texts.collect();
        let runs: Vec<&[Option<&str>]> = texts.chunk_by(PartialEq::eq).collect();
        let codes: Vec<Option<u32>> = runs.iter().map(|run| run[0].and_then(|text| self.find(text))).collect();
        codes.into_iter().zip(runs).flat_map(|(code, run)| std::iter::repeat_n(code, run.len())).collect()
    }

    pub(super) fn intern(&mut self, text: &str) -> u32 {
        let text = text.as_bytes();
        let key = Key::of(text);
        if let Some(last) = &self.last
            && self.is(last, key, text)
        {
            return last.code;
        }
        let hash = key.hash(text, &self.hasher);
        let entry = match self.table.find(hash, |entry| self.is(entry, key, text)) {
            Some(&entry) => entry,
            None => self.add(key, hash, text),
        };
        self.last = Some(entry);
        entry.code
    }

    fn add(&mut self, key: Key, hash: u64, text: &[u8]) -> Entry {
        let code = u32::try_from(self.ends.len()).expect("fewer than 4,294,967,295 texts");
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
        let entry = Entry { key, code };
        let (bytes, ends, hasher) = (&self.bytes, &self.ends, &self.hasher);
        self.table.insert_unique(hash, entry, |entry| entry.key.hash(text_of(bytes, ends, entry.code), hasher));
        entry
    }

    pub(super) fn code(&mut self, text: Option<&str>) -> u32 {
        text.map_or(NO_CODE, |text| self.intern(text))
    }

    /// The texts in ascending order, and each code's place in it.
    pub(super) fn sorted(&self) -> (TextColumn, Vec<u32>) {
        let mut order: Vec<u32> = (0..self.ends.len() as u32).collect();
        if !order.is_sorted_by_key(|&code| self.text(code)) {
            order.sort_unstable_by_key(|&code| self.text(code));
        }
        let texts = order.iter().map(|&code| std::str::from_utf8(self.text(code)).expect("interned as text")).collect();
        (texts, inverse(&order))
    }

    pub(super) fn sorted_names(&self) -> (Vec<String>, Vec<u32>) {
        let (texts, ranks) = self.sorted();
        (texts.iter().map(str::to_owned).collect(), ranks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_differ_only_far_behind_or_in_length_get_codes_of_their_own() {
        let texts = ["", "a", "a\0", "abcdefgh", "abcdefghijkl", "abcdefghijklm", "abcdefghijkln", "abcdefghijkl\0"];
        let mut interner = Interner::default();
        let codes: Vec<u32> = texts.iter().map(|text| interner.intern(text)).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7]);
        let found: Vec<Option<u32>> = texts.iter().map(|text| interner.find(text)).collect();
        assert_eq!(found, codes.into_iter().map(Some).collect::<Vec<_>>());
        assert_eq!(interner.find("abcdefghijklo"), None);
    }
}
