//! Reads consents: through which channels a customer may be contacted, and since when.

use tend_models::timeline::ConsentRow;

use super::{IngestError, Intake, Mapped, Reason};

impl Intake<'_> {
    pub(super) fn read_consents(&mut self, mapped: &Mapped) -> Result<(), IngestError> {
        mapped.file.read(&mapped.contract_columns(), |batch| {
            self.rejects.rows(batch.len());
            let ids = self.customer_ids(mapped, batch)?;
            let times = batch.moments(mapped.theirs("changed_at"), &self.format)?;
            let available = mapped.moments(batch, "available_at", &self.format)?;
            let channels = batch.texts(mapped.theirs("channel"))?;
            let statuses = batch.texts(mapped.theirs("status"))?;
            for row in 0..batch.len() {
                let time = ("changed_at", &times[row]);
                let Some((owner, at, known_at)) = self.placed(mapped, batch, row, &ids, time, available.as_ref())?
                else {
                    continue;
                };
                let Some(channel) = channels.get(row) else {
                    self.rejects.reject(batch, row, mapped.theirs("channel"), "", Reason::Empty("channel"))?;
                    continue;
                };
                let status = statuses.get(row).unwrap_or_default();
                let Some(is_granted) = granted(status) else {
                    let reason = if status.is_empty() { Reason::Empty("status") } else { Reason::UnknownStatus };
                    self.rejects.reject(batch, row, mapped.theirs("status"), status, reason)?;
                    continue;
                };
                let customer = self.entered(owner);
                self.builder.add_consent(customer, &ConsentRow { at, known_at, channel, is_granted });
            }
            Ok(())
        })
    }
}

/// Whether a status grants consent; `None` if it is not understood.
fn granted(status: &str) -> Option<bool> {
    match status.to_ascii_lowercase().replace(['-', ' '], "_").as_str() {
        "granted" | "given" | "opt_in" | "opted_in" | "subscribed" | "yes" | "true" | "1" => Some(true),
        "denied" | "withdrawn" | "revoked" | "opt_out" | "opted_out" | "unsubscribed" | "no" | "false" | "0" => {
            Some(false)
        }
        _ => None,
    }
}
