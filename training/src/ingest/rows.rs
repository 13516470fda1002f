//! Reads transactions, subscriptions, events and contacts.

use tend_models::quantities::Moment;
use tend_models::timeline::{ContactRow, EventRow, PurchaseRow, SubscriptionRow};

use super::lines::{Lines, required_number};
use super::reasons::LARGEST_NUMBER;
use super::{IngestError, Intake, Mapped, Noted, Reason};
use crate::tables::{Batch, Cell, Texts};

/// Whose rows a batch holds. The customers that are there already are looked up all at once, which is much faster.
pub(super) struct CustomerIds {
    texts: Texts,
    known: Vec<Option<KnownCustomer>>,
}

#[derive(Clone, Copy)]
struct KnownCustomer {
    handle: u32,
    created_at: Option<Moment>,
}

/// Whose row it is. A customer is entered only with a row that is used.
#[derive(Clone, Copy)]
pub(super) enum Owner<'a> {
    Known(u32),
    New(&'a str),
}

/// Whose row it is, when it happened, and when that was known, if not at once.
pub(super) type Placed<'a> = (Owner<'a>, Moment, Option<Moment>);

impl Intake<'_> {
    pub(super) fn customer_ids(&self, mapped: &Mapped, batch: &Batch) -> Result<CustomerIds, IngestError> {
        let texts = batch.texts(mapped.theirs("customer_id"))?;
        let handles = self.builder.known_customers(texts.iter()).into_iter();
        let known = handles.map(|handle| handle.map(|handle| self.known_customer(handle))).collect();
        Ok(CustomerIds { texts, known })
    }

    fn known_customer(&self, handle: u32) -> KnownCustomer {
        KnownCustomer { handle, created_at: self.builder.created_at(handle) }
    }

    /// What is wrong with a time: its text and the reason.
    pub(super) fn time_fault(&self, at: &Cell<Moment>, required: bool) -> Option<(String, Reason)> {
        match at {
            Cell::Value(at) if *at > self.now => Some((at.to_string(), Reason::Future)),
            Cell::Value(_) => None,
            Cell::Empty if required => Some((String::new(), Reason::Empty("date"))),
            Cell::Empty => None,
            Cell::Unclear(text) => Some((text.clone(), Reason::NotADate)),
        }
    }

    /// When a row was known, if that is said; a rejection if it is not understood, as the row might leak.
    pub(super) fn known_at(
        &mut self,
        mapped: &Mapped,
        batch: &Batch,
        row: usize,
        available: Option<&Vec<Cell<Moment>>>,
    ) -> Result<Option<Option<Moment>>, IngestError> {
        Ok(match available.map(|available| &available[row]) {
            Some(Cell::Value(known)) => Some(Some(*known)),
            Some(Cell::Unclear(text)) => {
                self.rejects.reject(batch, row, mapped.theirs("available_at"), text, Reason::NotADate)?;
                None
            }
            Some(Cell::Empty) | None => Some(None),
        })
    }

    /// The customer and times of a row, or a rejection.
    pub(super) fn placed<'a>(
        &mut self,
        mapped: &Mapped,
        batch: &Batch,
        row: usize,
        ids: &'a CustomerIds,
        (time_column, at): (&str, &Cell<Moment>),
        available: Option<&Vec<Cell<Moment>>>,
    ) -> Result<Option<Placed<'a>>, IngestError> {
        let Some(id) = ids.texts.get(row) else {
            self.rejects.reject(batch, row, mapped.theirs("customer_id"), "", Reason::Empty("customer id"))?;
            return Ok(None);
        };
        if let Some((value, reason)) = self.time_fault(at, true) {
            self.rejects.reject(batch, row, mapped.theirs(time_column), &value, reason)?;
            return Ok(None);
        }
        let (Cell::Value(at), Some(known)) = (at, self.known_at(mapped, batch, row, available)?) else {
            return Ok(None);
        };
        let customer =
            ids.known[row].or_else(|| self.builder.known_customer(id).map(|handle| self.known_customer(handle)));
        if customer.and_then(|customer| customer.created_at).is_some_and(|created| created.day() > at.day()) {
            self.rejects.reject(batch, row, mapped.theirs(time_column), &at.to_string(), Reason::BeforeCustomer)?;
            return Ok(None);
        }
        Ok(Some((customer.map_or(Owner::New(id), |customer| Owner::Known(customer.handle)), *at, known)))
    }

    /// The customer that a row is added to.
    pub(super) fn entered(&mut self, owner: Owner<'_>) -> u32 {
        match owner {
            Owner::Known(customer) => customer,
            Owner::New(id) => {
                if self.has_customers {
                    let one = Noted { rows: 1, kept: 1 };
                    self.rejects.note("the first of a customer who is not in the customers table, kept", one);
                }
                self.builder.customer(id)
            }
        }
    }

    /// A number that need not be there; one that cannot be understood is noted and counts as unknown.
    pub(super) fn optional_number(
        &mut self,
        mapped: &Mapped,
        column: &str,
        numbers: Option<&Vec<Cell<f64>>>,
        row: usize,
    ) -> f64 {
        match numbers.map(|numbers| &numbers[row]) {
            Some(Cell::Value(value)) if value.abs() <= LARGEST_NUMBER => *value,
            Some(Cell::Value(_) | Cell::Unclear(_)) => {
                self.rejects.note_unclear(mapped.theirs(column));
                f64::NAN
            }
            Some(Cell::Empty) | None => f64::NAN,
        }
    }

    /// Yes or no; what is neither is a rejection. Not given is no.
    fn flag(
        &mut self,
        mapped: &Mapped,
        batch: &Batch,
        row: usize,
        (column, flags): (&str, Option<&Vec<Cell<bool>>>),
    ) -> Result<Option<bool>, IngestError> {
        Ok(match flags.map(|flags| &flags[row]) {
            Some(Cell::Value(flag)) => Some(*flag),
            Some(Cell::Unclear(text)) => {
                self.rejects.reject(batch, row, mapped.theirs(column), text, Reason::NotYesOrNo)?;
                None
            }
            Some(Cell::Empty) | None => Some(false),
        })
    }

    pub(super) fn read_transactions(&mut self, mapped: &Mapped) -> Result<(), IngestError> {
        mapped.file.read(&mapped.contract_columns(), |batch| self.read_transaction_batch(mapped, batch))?;
        if self.currency.is_none() && self.currencies.len() > 1 {
            let found = self.currencies.iter().map(|(currency, rows)| format!("{currency} ({rows} rows)"));
            return Err(IngestError::MixedCurrencies { found: found.collect::<Vec<_>>().join(", ") });
        }
        Ok(())
    }

    fn read_transaction_batch(&mut self, mapped: &Mapped, batch: &Batch) -> Result<(), IngestError> {
        let lines = Lines::read(self.customer_ids(mapped, batch)?, mapped, batch, &self.format)?;
        self.rejects.rows(batch.len());
        for row in 0..batch.len() {
            let kind = lines.kind(mapped, row);
            let is_kept = self.read_line(mapped, batch, &lines, row, kind.is_some())?;
            if let Some(what) = kind {
                self.rejects.note(what, Noted { rows: 1, kept: is_kept.into() });
            }
        }
        Ok(())
    }

    /// Reads one purchase line; whether it is used. The amount of one that is returned counts as negative.
    fn read_line(
        &mut self,
        mapped: &Mapped,
        batch: &Batch,
        lines: &Lines,
        row: usize,
        is_returned: bool,
    ) -> Result<bool, IngestError> {
        let time = ("event_time", &lines.times[row]);
        let Some((owner, at, known_at)) =
            self.placed(mapped, batch, row, &lines.ids, time, lines.available.as_ref())?
        else {
            return Ok(false);
        };
        if let Some(currency) = lines.currencies.as_ref().and_then(|currencies| currencies.get(row)) {
            if self.currency.is_some_and(|ours| ours != currency) {
                self.rejects.reject(batch, row, mapped.theirs("currency"), currency, Reason::OtherCurrency)?;
                return Ok(false);
            }
            match self.currencies.get_mut(currency) {
                Some(rows) => *rows += 1,
                None => drop(self.currencies.insert(currency.to_owned(), 1)),
            }
        }
        let amount = match lines.amount(row) {
            Ok(amount) => amount,
            Err((column, text, reason)) => {
                self.rejects.reject(batch, row, mapped.theirs(column), &text, reason)?;
                return Ok(false);
            }
        };
        if self.flag(mapped, batch, row, ("is_return", lines.returns.as_ref()))?.is_none() {
            return Ok(false);
        }
        let quantity = self.optional_number(mapped, "quantity", lines.quantities.as_ref(), row);
        let margin = self.optional_number(mapped, "margin", lines.margins.as_ref(), row);
        let signed = |value: f64| if is_returned { -value.abs() } else { value };
        let product = lines.products.as_ref().and_then(|products| products.get(row));
        let given = lines.categories.as_ref().and_then(|categories| categories.get(row));
        let customer = self.entered(owner);
        let category = given.or_else(|| self.category_of_product.get(product?).map(String::as_str));
        self.builder.add_purchase(
            customer,
            &PurchaseRow {
                at,
                known_at,
                amount: signed(amount),
                margin: signed(margin),
                quantity: signed(quantity) as f32,
                product,
                category,
            },
        );
        Ok(true)
    }

    pub(super) fn read_subscriptions(&mut self, mapped: &Mapped) -> Result<(), IngestError> {
        mapped.file.read(&mapped.contract_columns(), |batch| {
            self.rejects.rows(batch.len());
            let ids = self.customer_ids(mapped, batch)?;
            let starts = batch.moments(mapped.theirs("start_date"), &self.format)?;
            let ends = mapped.moments(batch, "end_date", &self.format)?;
            let available = mapped.moments(batch, "available_at", &self.format)?;
            let revenue = batch.numbers(mapped.theirs("mrr"), &self.format)?;
            let periods = mapped.numbers(batch, "bill_period_months", &self.format)?;
            let discounts = mapped.numbers(batch, "discount", &self.format)?;
            let products = mapped.texts(batch, "product_id")?;
            for row in 0..batch.len() {
                let time = ("start_date", &starts[row]);
                let Some((owner, start, known_at)) = self.placed(mapped, batch, row, &ids, time, available.as_ref())?
                else {
                    continue;
                };
                let end = ends.as_ref().map_or(&Cell::Empty, |ends| &ends[row]);
                if let Cell::Unclear(text) = end {
                    self.rejects.reject(batch, row, mapped.theirs("end_date"), text, Reason::NotADate)?;
                    continue;
                }
                let end = if let Cell::Value(end) = end { Some(*end) } else { None };
                if let Some(end) = end.filter(|end| *end < start) {
                    let end = end.to_string();
                    self.rejects.reject(batch, row, mapped.theirs("end_date"), &end, Reason::EndsBeforeStart)?;
                    continue;
                }
                let mrr = match required_number("mrr", &revenue[row]) {
                    Ok(mrr) => mrr,
                    Err((column, text, reason)) => {
                        self.rejects.reject(batch, row, mapped.theirs(column), &text, reason)?;
                        continue;
                    }
                };
                let customer = self.entered(owner);
                let bill_period_months =
                    self.optional_number(mapped, "bill_period_months", periods.as_ref(), row) as f32;
                let discount = self.optional_number(mapped, "discount", discounts.as_ref(), row) as f32;
                let product = products.as_ref().and_then(|products| products.get(row));
                let row = SubscriptionRow { start, end, known_at, product, mrr, bill_period_months, discount };
                self.builder.add_subscription(customer, &row);
            }
            Ok(())
        })
    }

    pub(super) fn read_events(&mut self, mapped: &Mapped) -> Result<(), IngestError> {
        mapped.file.read(&mapped.contract_columns(), |batch| {
            self.rejects.rows(batch.len());
            let ids = self.customer_ids(mapped, batch)?;
            let times = batch.moments(mapped.theirs("event_time"), &self.format)?;
            let available = mapped.moments(batch, "available_at", &self.format)?;
            let types = batch.texts(mapped.theirs("event_type"))?;
            let values = mapped.numbers(batch, "value", &self.format)?;
            for row in 0..batch.len() {
                let time = ("event_time", &times[row]);
                let Some((owner, at, known_at)) = self.placed(mapped, batch, row, &ids, time, available.as_ref())?
                else {
                    continue;
                };
                let Some(event_type) = types.get(row) else {
                    self.rejects.reject(batch, row, mapped.theirs("event_type"), "", Reason::Empty("event type"))?;
                    continue;
                };
                let customer = self.entered(owner);
                let value = self.optional_number(mapped, "value", values.as_ref(), row);
                self.builder.add_event(customer, &EventRow { at, known_at, event_type, value });
            }
            Ok(())
        })
    }

    pub(super) fn read_contacts(&mut self, mapped: &Mapped) -> Result<(), IngestError> {
        mapped.file.read(&mapped.contract_columns(), |batch| {
            self.rejects.rows(batch.len());
            let ids = self.customer_ids(mapped, batch)?;
            let times = batch.moments(mapped.theirs("sent_at"), &self.format)?;
            let available = mapped.moments(batch, "available_at", &self.format)?;
            let actions = batch.texts(mapped.theirs("action_id"))?;
            let controls = mapped.flags(batch, "is_control")?;
            let probabilities = mapped.numbers(batch, "probability", &self.format)?;
            let outcomes = mapped.texts(batch, "outcome")?;
            let outcome_times = mapped.moments(batch, "outcome_at", &self.format)?;
            for row in 0..batch.len() {
                let time = ("sent_at", &times[row]);
                let Some((owner, at, known_at)) = self.placed(mapped, batch, row, &ids, time, available.as_ref())?
                else {
                    continue;
                };
                let Some(action) = actions.get(row) else {
                    self.rejects.reject(batch, row, mapped.theirs("action_id"), "", Reason::Empty("action id"))?;
                    continue;
                };
                let Some(is_control) = self.flag(mapped, batch, row, ("is_control", controls.as_ref()))? else {
                    continue;
                };
                let outcome = outcomes.as_ref().and_then(|outcomes| outcomes.get(row));
                let taken = outcome.is_some_and(|outcome| outcome.eq_ignore_ascii_case("taken"));
                let outcome_at = match outcome_times.as_ref().map(|times| &times[row]) {
                    Some(Cell::Value(at)) => Some(*at),
                    Some(Cell::Unclear(_)) => {
                        self.rejects.note_unclear(mapped.theirs("outcome_at"));
                        None
                    }
                    Some(Cell::Empty) | None => None,
                };
                let customer = self.entered(owner);
                let probability = match probabilities.as_ref().map(|numbers| &numbers[row]) {
                    Some(Cell::Value(chance)) => *chance as f32,
                    Some(Cell::Unclear(_)) => {
                        self.rejects.note_unclear(mapped.theirs("probability"));
                        f32::NAN
                    }
                    Some(Cell::Empty) | None => f32::NAN,
                };
                let row = ContactRow { at, known_at, action, is_control, probability, taken, outcome_at };
                self.builder.add_contact(customer, &row);
            }
            Ok(())
        })
    }
}
