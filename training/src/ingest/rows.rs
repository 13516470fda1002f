//! Reads transactions, subscriptions, events and contacts.

use tend_models::quantities::Moment;
use tend_models::timeline::{ContactRow, EventRow, PurchaseRow, SubscriptionRow};

use super::{IngestError, Intake, Mapped};
use crate::tables::{Batch, Cell, Texts};

const FUTURE: &str = "date in the future";
const NO_CUSTOMER: &str = "empty customer id";
const BEFORE_CUSTOMER: &str = "before the customer existed";
const NOT_A_NUMBER: &str = "not a number";

/// A number that need not be there; one that cannot be understood counts as unknown.
fn optional_number(numbers: Option<&Vec<Cell<f64>>>, row: usize) -> f64 {
    match numbers.map(|numbers| &numbers[row]) {
        Some(Cell::Value(value)) => *value,
        _ => f64::NAN,
    }
}

fn optional_moment(moments: Option<&Vec<Cell<Moment>>>, row: usize) -> Option<Moment> {
    match moments.map(|moments| &moments[row]) {
        Some(Cell::Value(moment)) => Some(*moment),
        _ => None,
    }
}

/// Whose rows a batch holds. The customers that are there already are looked up all at once, which is much faster.
struct CustomerIds {
    texts: Texts,
    known: Vec<Option<KnownCustomer>>,
}

#[derive(Clone, Copy)]
struct KnownCustomer {
    handle: u32,
    created_at: Option<Moment>,
}

impl Intake<'_> {
    fn customer_ids(&self, mapped: &Mapped, batch: &Batch) -> Result<CustomerIds, IngestError> {
        let texts = batch.texts(mapped.theirs("customer_id"))?;
        let handles = self.builder.known_customers(texts.iter()).into_iter();
        let known = handles.map(|handle| handle.map(|handle| self.known_customer(handle))).collect();
        Ok(CustomerIds { texts, known })
    }

    fn known_customer(&self, handle: u32) -> KnownCustomer {
        KnownCustomer { handle, created_at: self.builder.created_at(handle) }
    }

    /// What is wrong with a time: its text and the reason.
    pub(super) fn time_fault(&self, at: &Cell<Moment>, required: bool) -> Option<(String, &'static str)> {
        match at {
            Cell::Value(at) if *at > self.now => Some((at.to_string(), FUTURE)),
            Cell::Value(_) => None,
            Cell::Empty if required => Some((String::new(), "empty date")),
            Cell::Empty => None,
            Cell::Unclear(text) => Some((text.clone(), "date not understood")),
        }
    }

    /// The customer and time of a row, or a rejection.
    fn customer_and_time(
        &mut self,
        mapped: &Mapped,
        batch: &Batch,
        row: usize,
        ids: &CustomerIds,
        (time_column, at): (&str, &Cell<Moment>),
    ) -> Result<Option<(u32, Moment)>, IngestError> {
        let Some(id) = ids.texts.get(row) else {
            self.rejects.reject(batch, row, mapped.theirs("customer_id"), "", NO_CUSTOMER)?;
            return Ok(None);
        };
        if let Some((value, reason)) = self.time_fault(at, true) {
            self.rejects.reject(batch, row, mapped.theirs(time_column), &value, reason)?;
            return Ok(None);
        }
        let Cell::Value(at) = *at else { return Ok(None) };
        let known =
            ids.known[row].or_else(|| self.builder.known_customer(id).map(|handle| self.known_customer(handle)));
        if let Some(customer) = known {
            if customer.created_at.is_some_and(|created| created.day() > at.day()) {
                self.rejects.reject(batch, row, mapped.theirs(time_column), &at.to_string(), BEFORE_CUSTOMER)?;
                return Ok(None);
            }
            return Ok(Some((customer.handle, at)));
        }
        if self.has_customers {
            self.rejects.note("customers not in the customers table, kept without attributes");
        }
        Ok(Some((self.builder.customer(id), at)))
    }

    pub(super) fn read_transactions(&mut self, mapped: &Mapped) -> Result<(), IngestError> {
        mapped.file.read(&mapped.contract_columns(), |batch| self.read_transaction_batch(mapped, batch))?;
        if self.currency.is_none() && self.currencies.len() > 1 {
            let found = self.currencies.iter().cloned().collect::<Vec<_>>().join(", ");
            return Err(IngestError::MixedCurrencies { found });
        }
        Ok(())
    }

    fn read_transaction_batch(&mut self, mapped: &Mapped, batch: &Batch) -> Result<(), IngestError> {
        self.rejects.rows(batch.len());
        let ids = self.customer_ids(mapped, batch)?;
        let times = batch.moments(mapped.theirs("event_time"), &self.format)?;
        let available = mapped.moments(batch, "available_at", &self.format)?;
        let quantities = mapped.numbers(batch, "quantity", &self.format)?;
        let (amount_column, amounts) = match mapped.numbers(batch, "amount", &self.format)? {
            Some(amounts) => ("amount", amounts),
            None => {
                ("unit_price", times_quantity(mapped.numbers(batch, "unit_price", &self.format)?, quantities.as_ref()))
            }
        };
        let margins = mapped.numbers(batch, "margin", &self.format)?;
        let products = mapped.texts(batch, "product_id")?;
        let categories = mapped.texts(batch, "category")?;
        let currencies = mapped.texts(batch, "currency")?;
        let returns = mapped.flags(batch, "is_return")?;
        for row in 0..batch.len() {
            let Some((customer, at)) = self.customer_and_time(mapped, batch, row, &ids, ("event_time", &times[row]))?
            else {
                continue;
            };
            if let Some(currency) = currencies.as_ref().and_then(|currencies| currencies.get(row)) {
                if self.currency.is_some_and(|ours| ours != currency) {
                    self.rejects.reject(batch, row, mapped.theirs("currency"), currency, "another currency")?;
                    continue;
                }
                if !self.currencies.contains(currency) {
                    self.currencies.insert(currency.to_owned());
                }
            }
            let amount = match &amounts[row] {
                Cell::Value(amount) => *amount,
                Cell::Empty => {
                    self.rejects.reject(batch, row, mapped.theirs(amount_column), "", "empty amount")?;
                    continue;
                }
                Cell::Unclear(text) => {
                    self.rejects.reject(batch, row, mapped.theirs(amount_column), text, NOT_A_NUMBER)?;
                    continue;
                }
            };
            let quantity = optional_number(quantities.as_ref(), row);
            let is_return = matches!(returns.as_ref().map(|returns| &returns[row]), Some(Cell::Value(true)));
            let returned = amount < 0.0 || is_return || quantity < 0.0;
            if returned {
                self.rejects.note("returns, netted");
            }
            let signed = |value: f64| if returned { -value.abs() } else { value };
            let product = products.as_ref().and_then(|products| products.get(row));
            let given = categories.as_ref().and_then(|categories| categories.get(row));
            let category = given.or_else(|| self.category_of_product.get(product?).map(String::as_str));
            let margin = optional_number(margins.as_ref(), row);
            self.builder.add_purchase(
                customer,
                &PurchaseRow {
                    at,
                    known_at: optional_moment(available.as_ref(), row),
                    amount: signed(amount),
                    margin: signed(margin),
                    quantity: signed(quantity) as f32,
                    product,
                    category,
                },
            );
        }
        Ok(())
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
                let Some((customer, start)) =
                    self.customer_and_time(mapped, batch, row, &ids, ("start_date", &starts[row]))?
                else {
                    continue;
                };
                let end = ends.as_ref().map_or(&Cell::Empty, |ends| &ends[row]);
                if let Cell::Unclear(text) = end {
                    self.rejects.reject(batch, row, mapped.theirs("end_date"), text, "date not understood")?;
                    continue;
                }
                let end = if let Cell::Value(end) = end { Some(*end) } else { None };
                if let Some(end) = end.filter(|end| *end < start) {
                    self.rejects.reject(
                        batch,
                        row,
                        mapped.theirs("end_date"),
                        &end.to_string(),
                        "ends before it starts",
                    )?;
                    continue;
                }
                let Cell::Value(mrr) = revenue[row] else {
                    let text = if let Cell::Unclear(text) = &revenue[row] { text.as_str() } else { "" };
                    self.rejects.reject(batch, row, mapped.theirs("mrr"), text, NOT_A_NUMBER)?;
                    continue;
                };
                self.builder.add_subscription(
                    customer,
                    &SubscriptionRow {
                        start,
                        end,
                        known_at: optional_moment(available.as_ref(), row),
                        product: products.as_ref().and_then(|products| products.get(row)),
                        mrr,
                        bill_period_months: optional_number(periods.as_ref(), row) as f32,
                        discount: optional_number(discounts.as_ref(), row) as f32,
                    },
                );
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
                let Some((customer, at)) =
                    self.customer_and_time(mapped, batch, row, &ids, ("event_time", &times[row]))?
                else {
                    continue;
                };
                let Some(event_type) = types.get(row) else {
                    self.rejects.reject(batch, row, mapped.theirs("event_type"), "", "empty event type")?;
                    continue;
                };
                let known_at = optional_moment(available.as_ref(), row);
                let value = optional_number(values.as_ref(), row);
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
            let outcomes = mapped.texts(batch, "outcome")?;
            let outcome_times = mapped.moments(batch, "outcome_at", &self.format)?;
            for row in 0..batch.len() {
                let Some((customer, at)) =
                    self.customer_and_time(mapped, batch, row, &ids, ("sent_at", &times[row]))?
                else {
                    continue;
                };
                let Some(action) = actions.get(row) else {
                    self.rejects.reject(batch, row, mapped.theirs("action_id"), "", "empty action id")?;
                    continue;
                };
                let is_control = matches!(controls.as_ref().map(|controls| &controls[row]), Some(Cell::Value(true)));
                let outcome = outcomes.as_ref().and_then(|outcomes| outcomes.get(row));
                self.builder.add_contact(
                    customer,
                    &ContactRow {
                        at,
                        known_at: optional_moment(available.as_ref(), row),
                        action,
                        is_control,
                        taken: outcome.is_some_and(|outcome| outcome.eq_ignore_ascii_case("taken")),
                        outcome_at: optional_moment(outcome_times.as_ref(), row),
                    },
                );
            }
            Ok(())
        })
    }
}

/// Amounts from unit prices and quantities; a row that lacks one has none.
fn times_quantity(prices: Option<Vec<Cell<f64>>>, quantities: Option<&Vec<Cell<f64>>>) -> Vec<Cell<f64>> {
    let (Some(prices), Some(quantities)) = (prices, quantities) else { return Vec::new() };
    prices
        .iter()
        .zip(quantities)
        .map(|(price, quantity)| match (price, quantity) {
            (Cell::Value(price), Cell::Value(quantity)) => Cell::Value(price * quantity),
            (Cell::Unclear(text), _) | (_, Cell::Unclear(text)) => Cell::Unclear(text.clone()),
            _ => Cell::Empty,
        })
        .collect()
}
