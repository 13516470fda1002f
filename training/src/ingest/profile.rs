//! Reads customers and products.

use super::{IngestError, Intake, Mapped, Reason};
use crate::tables::Cell;
use tend_models::timeline::Listed;

/// An attribute column: its place among the timelines' attributes.
enum AttributeColumn {
    Number(usize),
    Category(usize),
}

impl Intake<'_> {
    pub(super) fn read_customers(&mut self, mapped: &Mapped) -> Result<(), IngestError> {
        let mut attributes: Vec<(String, AttributeColumn)> = Vec::new();
        let others = mapped.other_columns();
        let columns = [mapped.contract_columns(), others.clone()].concat();
        mapped.file.read(&columns, |batch| {
            self.rejects.rows(batch.len());
            if attributes.is_empty() {
                for name in &others {
                    let column = if batch.is_numeric(name, &self.format)? {
                        AttributeColumn::Number(self.builder.add_number_attribute(name))
                    } else {
                        AttributeColumn::Category(self.builder.add_category_attribute(name))
                    };
                    attributes.push((name.clone(), column));
                }
            }
            let ids = batch.texts(mapped.theirs("customer_id"))?;
            let created = mapped.moments(batch, "created_at", &self.format)?;
            let available = mapped.moments(batch, "available_at", &self.format)?;
            let mut handles: Vec<Option<u32>> = Vec::with_capacity(batch.len());
            for row in 0..batch.len() {
                handles.push(None);
                let Some(id) = ids.get(row) else {
                    self.rejects.reject(batch, row, mapped.theirs("customer_id"), "", Reason::Empty("customer id"))?;
                    continue;
                };
                if self.builder.known_customer(id).is_some() {
                    self.rejects.reject(
                        batch,
                        row,
                        mapped.theirs("customer_id"),
                        id,
                        Reason::Duplicate("customer id"),
                    )?;
                    continue;
                }
                let at = created.as_ref().map_or(&Cell::Empty, |created| &created[row]);
                if let Some((value, reason)) = self.time_fault(at, false) {
                    self.rejects.reject(batch, row, mapped.theirs("created_at"), &value, reason)?;
                    continue;
                }
                let Some(known) = self.known_at(mapped, batch, row, available.as_ref())? else { continue };
                let customer = self.builder.customer(id);
                if let Cell::Value(at) = at {
                    self.builder.set_created_at(customer, *at);
                }
                if let Some(known) = known {
                    self.builder.set_attributes_known_at(customer, known);
                }
                handles[row] = Some(customer);
            }
            for (name, column) in &attributes {
                self.read_attribute(batch, name, column, &handles)?;
            }
            Ok(())
        })
    }

    fn read_attribute(
        &mut self,
        batch: &crate::tables::Batch,
        name: &str,
        column: &AttributeColumn,
        handles: &[Option<u32>],
    ) -> Result<(), IngestError> {
        match column {
            AttributeColumn::Number(attribute) => {
                let values = batch.numbers(name, &self.format)?;
                for (customer, value) in handles.iter().zip(values) {
                    match (customer, value) {
                        (Some(customer), Cell::Value(value)) => self.builder.set_number(*attribute, *customer, value),
                        (Some(_), Cell::Unclear(_)) => self.rejects.note_unclear(name),
                        _ => {}
                    }
                }
            }
            AttributeColumn::Category(attribute) => {
                let values = batch.texts(name)?;
                for (row, customer) in handles.iter().enumerate() {
                    if let (Some(customer), Some(value)) = (customer, values.get(row)) {
                        self.builder.set_category(*attribute, *customer, value);
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn read_products(&mut self, mapped: &Mapped) -> Result<(), IngestError> {
        mapped.file.read(&mapped.contract_columns(), |batch| {
            self.rejects.rows(batch.len());
            let ids = batch.texts(mapped.theirs("product_id"))?;
            let categories = mapped.texts(batch, "category")?;
            let prices = mapped.numbers(batch, "price", &self.format)?;
            let margins = mapped.numbers(batch, "margin", &self.format)?;
            for row in 0..batch.len() {
                let Some(id) = ids.get(row) else {
                    self.rejects.reject(batch, row, mapped.theirs("product_id"), "", Reason::Empty("product id"))?;
                    continue;
                };
                if !self.products.insert(id.to_owned()) {
                    self.rejects.reject(
                        batch,
                        row,
                        mapped.theirs("product_id"),
                        id,
                        Reason::Duplicate("product id"),
                    )?;
                    continue;
                }
                let category = categories.as_ref().and_then(|categories| categories.get(row));
                if let Some(category) = category {
                    self.category_of_product.insert(id.to_owned(), category.to_owned());
                }
                let price = self.optional_number(mapped, "price", prices.as_ref(), row);
                let margin = self.optional_number(mapped, "margin", margins.as_ref(), row);
                let known = |amount: f64| (!amount.is_nan()).then_some(amount);
                let listed = Listed { price: known(price), margin: known(margin) };
                self.builder.list_product(id, category, listed);
            }
            Ok(())
        })
    }
}
