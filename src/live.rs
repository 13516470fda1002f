//! Streamed rows, merged with the timelines on read: the next answer knows of the purchase that just happened.
//!
//! A row is merged if it was known from the end of the tables on: rows known before are in the tables. A customer with
//! streamed rows is put together anew for each answer, by the builder that makes the timelines of the batch, so an
//! answer is what a batch over the same rows would say.

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde::{Deserialize, Serialize};
use tend_models::quantities::Moment;
use tend_models::timeline::Timelines;

use crate::contract::{Consent, Contact, Event, Profile, Subscription, Transaction};
use crate::store::{Store, StoreError};

mod merging;
#[cfg(test)]
mod tests;

/// Rows that are held; more are refused until the tables have been read again.
const MOST_ROWS: usize = 10_000_000;

/// A row as it is streamed: `{"transaction": {...}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamedRow {
    /// A new customer, or new attributes of one.
    Customer(Profile),
    /// A purchase line.
    Transaction(Transaction),
    /// A subscription; one of the same product and start replaces the one before.
    Subscription(Subscription),
    /// An event.
    Event(Event),
    /// A contact; one of the same action and time replaces the one before.
    Contact(Contact),
    /// A change of a consent.
    Consent(Consent),
}

impl StreamedRow {
    /// When it happened.
    #[must_use]
    pub fn at(&self) -> Moment {
        match self {
            Self::Customer(row) => row.created_at.0,
            Self::Transaction(row) => row.event_time.0,
            Self::Subscription(row) => row.start_date.0,
            Self::Event(row) => row.event_time.0,
            Self::Contact(row) => row.sent_at.0,
            Self::Consent(row) => row.changed_at.0,
        }
    }

    /// When it was known: when it happened, or later if it says so. What changed last of it counts: the end of a
    /// subscription, the outcome of a contact.
    #[must_use]
    pub fn known_at(&self) -> Moment {
        let (available, changed) = match self {
            Self::Customer(row) => (row.available_at, None),
            Self::Transaction(row) => (row.available_at, None),
            Self::Subscription(row) => (row.available_at, row.end_date),
            Self::Event(row) => (row.available_at, None),
            Self::Contact(row) => (row.available_at, row.outcome_at),
            Self::Consent(row) => (row.available_at, None),
        };
        [available, changed].into_iter().flatten().map(|when| when.0).fold(self.at(), Moment::max)
    }

    /// Until when it says that the data reaches, as [`Timelines::known_until`] has it of the same row.
    fn reaches(&self) -> Option<Moment> {
        match self {
            Self::Customer(_) | Self::Consent(_) => None,
            Self::Subscription(row) => Some(row.end_date.map_or(row.start_date.0, |end| end.0.max(row.start_date.0))),
            Self::Transaction(_) | Self::Event(_) | Self::Contact(_) => Some(self.at()),
        }
    }
}

/// The customers of the tables, and what has to be known of all of them to merge rows with one.
#[derive(Debug, Clone)]
pub struct Tables {
    /// Until when the tables reach.
    pub until: Option<Moment>,
    /// For each product code, the category that all its purchase lines have; no code if they differ.
    category_of_product: Vec<u32>,
}

impl Tables {
    /// Reads the timelines once.
    #[must_use]
    pub fn of(timelines: &Timelines) -> Self {
        Self { until: timelines.known_until(), category_of_product: merging::category_of_product(timelines) }
    }

    fn cut(&self) -> Moment {
        self.until.unwrap_or(Moment::from_seconds(i64::MIN))
    }
}

/// Where the rows of a customer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the book, at this place.
    Book(usize),
    /// In the merged timelines, at this place.
    Merged(usize),
    /// Nowhere, or erased.
    Unknown,
}

/// The streamed rows of all customers.
pub struct Live {
    streamed: RwLock<Streamed>,
}

#[derive(Default)]
struct Streamed {
    /// Rows with their number in the store, ascending.
    customers: HashMap<String, Vec<(i64, StreamedRow)>>,
    erased: HashSet<[u8; 32]>,
    rows: usize,
    reaches: Option<Moment>,
}

impl Live {
    /// Takes the rows from the store that the tables do not have.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read or holds a row that is none.
    pub fn replay(store: &Store, tables: &Tables) -> Result<Self, StoreError> {
        let mut streamed = Streamed { erased: store.erasures()?.into_iter().collect(), ..Streamed::default() };
        let mut unreadable = None;
        store.events_known_from(tables.cut().seconds(), |event| match serde_json::from_str(&event.row) {
            Ok(row) => streamed.add(&event.customer_id, event.sequence, row),
            Err(error) => unreadable = Some(format!("row {} of events cannot be read: {error}", event.sequence)),
        })?;
        match unreadable {
            Some(found) => Err(store.fault(found)),
            None => Ok(Self { streamed: RwLock::new(streamed) }),
        }
    }

    /// Takes a row that the store has kept under this number.
    pub fn add(&self, store: &Store, customer_id: &str, sequence: i64, row: StreamedRow) {
        let mut streamed = self.write();
        // The customer may have been erased since the row was committed.
        if !streamed.is_erased(store, customer_id) {
            streamed.add(customer_id, sequence, row);
        }
    }

    /// Forgets a customer, here and in the tables.
    pub fn erase(&self, store: &Store, customer_id: &str) {
        let mut streamed = self.write();
        streamed.erased.insert(store.erasure_mark(customer_id));
        let rows = streamed.customers.remove(customer_id).map_or(0, |rows| rows.len());
        streamed.rows -= rows;
    }

    /// Whether a customer has been erased.
    #[must_use]
    pub fn is_erased(&self, store: &Store, customer_id: &str) -> bool {
        self.read().is_erased(store, customer_id)
    }

    /// Drops rows that newer tables have.
    pub fn forget_before(&self, tables: &Tables) {
        let cut = tables.cut();
        let mut streamed = self.write();
        streamed.customers.retain(|_, rows| {
            rows.retain(|(_, row)| row.known_at() >= cut);
            !rows.is_empty()
        });
        streamed.rows = streamed.customers.values().map(Vec::len).sum();
    }

    /// Number of rows held.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.read().rows
    }

    /// Whether no more rows can be held.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.rows() >= MOST_ROWS
    }

    /// Until when the tables and the streamed rows reach together.
    #[must_use]
    pub fn known_until(&self, tables: &Tables) -> Option<Moment> {
        self.read().reaches.max(tables.until)
    }

    /// Where each customer's rows are, and the timelines of those who have streamed rows.
    #[must_use]
    pub fn find<'i>(
        &self,
        store: &Store,
        (timelines, tables): (&Timelines, &Tables),
        ids: impl Iterator<Item = &'i str>,
    ) -> (Vec<Place>, Timelines) {
        let streamed = self.read();
        let mut merger = merging::Merger::new(timelines, tables);
        let mut merged = HashSet::new();
        let mut places: Vec<(Place, &str)> = Vec::with_capacity(ids.size_hint().0);
        for id in ids {
            if streamed.is_erased(store, id) {
                places.push((Place::Unknown, id));
                continue;
            }
            let in_book = timelines.position(id);
            let rows = streamed.customers.get(id).filter(|_| !streamed.customers.is_empty());
            let place = match rows {
                Some(rows) => {
                    if merged.insert(id) {
                        merger.merge(id, in_book, rows);
                    }
                    Place::Merged(0)
                }
                None => in_book.map_or(Place::Unknown, Place::Book),
            };
            places.push((place, id));
        }
        drop(streamed);
        let merged = merger.finish();
        let settled = |(place, id): (Place, &str)| match place {
            Place::Merged(_) => merged.position(id).map_or(Place::Unknown, Place::Merged),
            place => place,
        };
        (places.into_iter().map(settled).collect(), merged)
    }

    fn read(&self) -> RwLockReadGuard<'_, Streamed> {
        self.streamed.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Streamed> {
        self.streamed.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Streamed {
    fn is_erased(&self, store: &Store, customer_id: &str) -> bool {
        !self.erased.is_empty() && self.erased.contains(&store.erasure_mark(customer_id))
    }

    fn add(&mut self, customer_id: &str, sequence: i64, row: StreamedRow) {
        let reaches = row.reaches().map(|last| Moment::from_day(last.day() + 1));
        self.reaches = self.reaches.max(reaches);
        self.rows += 1;
        let rows = match self.customers.get_mut(customer_id) {
            Some(rows) => rows,
            None => self.customers.entry(customer_id.to_owned()).or_default(),
        };
        let place = rows.partition_point(|(before, _)| *before < sequence);
        rows.insert(place, (sequence, row));
    }
}
