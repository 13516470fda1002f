//! `policy.toml`: the stages of a customer's life, the actions that suit them, and what money means.

use tend_models::predict::FeatureKind;

mod check;
mod compiled;
mod learning;
mod place;
pub(super) mod rows;
mod rules;

pub use compiled::{ActionSummary, CompiledPolicy};
use place::Fault;
use rows::Rows;

use super::expression::ExpressionError;
use super::names;

/// What is wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The text is not TOML, or has a field that a policy does not have, or lacks one.
    #[error("policy.toml: {0}")]
    Syntax(String),
    /// A value that cannot be used.
    #[error("policy.toml line {line}, {place}: {problem}")]
    Value {
        /// The line, from 1.
        line: usize,
        /// The table and field.
        place: String,
        /// What was found, what was expected and what to do.
        problem: String,
    },
    /// A condition that cannot be compiled.
    #[error("policy.toml line {line}, {place}, in its {error}, in: {condition}")]
    Condition {
        /// The line, from 1.
        line: usize,
        /// The table and field.
        place: String,
        /// The text of the condition.
        condition: String,
        /// What is wrong with it, and where in it.
        error: ExpressionError,
    },
}

/// What the company sells, which decides what the first policy looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyKind {
    /// An online shop: customers buy when they like, and there are transactions.
    Shop,
    /// Any company whose customers pay until they cancel: there are subscriptions.
    Subscription,
    /// A telecom: subscriptions to tariffs, calls from a service centre, strict consent.
    Telecom,
    /// A software subscription: seats and plans, contacts within the product.
    Software,
}

impl PolicyKind {
    /// All policies that come with the product.
    pub const ALL: [Self; 4] = [Self::Shop, Self::Subscription, Self::Telecom, Self::Software];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Shop => "shop",
            Self::Subscription => "subscription",
            Self::Telecom => "telecom",
            Self::Software => "software",
        }
    }
}

/// A policy that is sound in itself; whether its conditions name existing features is seen by
/// [`compile`](Self::compile).
#[derive(Debug, Clone)]
pub struct Policy {
    version: String,
    text: String,
    rows: Rows,
}

impl Policy {
    /// Reads the text of a `policy.toml`.
    ///
    /// # Errors
    /// [`PolicyError::Syntax`] for text that is not a policy, [`PolicyError::Value`] for a value out of range, a name
    /// that is there twice or refers to nothing, or a last stage that is not for everybody.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let rows: Rows = toml::from_str(text).map_err(|error| syntax_error(&error))?;
        check::check(&rows).map_err(|fault| fault.in_text(text))?;
        Ok(Self { version: fingerprint(text), text: text.to_owned(), rows })
    }

    /// The text that `tend init` writes, with an explanation of every part.
    ///
    /// The shop's uses the features `days_since_last_purchase`, `purchases_ever`, `purchases_365d` and `spend_365d`,
    /// the one for subscriptions `active_subscriptions`, `subscribed_days`, `days_since_subscription_end` and
    /// `monthly_revenue`.
    #[must_use]
    pub fn default_toml(kind: PolicyKind) -> &'static str {
        match kind {
            PolicyKind::Shop => include_str!("policy/shop.toml"),
            PolicyKind::Subscription => include_str!("policy/subscription.toml"),
            PolicyKind::Telecom => include_str!("policy/telecom.toml"),
            PolicyKind::Software => include_str!("policy/software.toml"),
        }
    }

    /// The same text with amounts shown in a currency.
    #[must_use]
    pub fn default_toml_in(kind: PolicyKind, currency: &str) -> String {
        Self::default_toml(kind).replacen("# currency = \"EUR\"", &format!("currency = {currency:?}"), 1)
    }

    /// Sixteen hexadecimal digits that change when the text of the policy does.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Resolves every name in the policy, once for all customers.
    ///
    /// `names` and `kinds` are the feature plan, (features,) each; `products` are the products or categories that
    /// have a propensity.
    ///
    /// # Errors
    /// [`PolicyError::Condition`] for a condition that is not one or names what does not exist,
    /// [`PolicyError::Value`] for a product that does not exist.
    pub fn compile(
        &self,
        names: &[String],
        kinds: &[FeatureKind],
        products: &[String],
    ) -> Result<CompiledPolicy, PolicyError> {
        compiled::compile(self, names, kinds, products).map_err(|fault: Fault| fault.in_text(&self.text))
    }
}

/// FNV-1a, 64 bits: the same on every machine and in every version. It tells edits apart, it does not resist forgery.
fn fingerprint(text: &str) -> String {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

/// The parser's own message, which shows the line, and the name that was probably meant.
fn syntax_error(error: &toml::de::Error) -> PolicyError {
    let text = error.to_string();
    let mut quoted = error.message().split('`').skip(1).step_by(2);
    let advice = match quoted.next() {
        Some(found) if error.message().starts_with("unknown") => {
            format!("\n{}", names::advice(found, quoted))
        }
        _ => String::new(),
    };
    PolicyError::Syntax(format!("{}{advice}", text.trim_end()))
}

#[cfg(test)]
mod tests;
