//! What a model of purchases makes of the customers: counts, groups and surfaces that a report draws.

use serde::{Deserialize, Serialize};

use super::Tracking;

/// Customers with one number of repeat purchases, and how many the model expects.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FrequencyBin {
    /// Repeat purchases; of the last bin so many or more.
    pub repeat_purchases: u32,
    /// Customers counted.
    pub actual: f64,
    /// Customers expected.
    pub expected: f64,
}

/// Customers with one number of repeat purchases before a window, and what they bought in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ConditionalBin {
    /// Repeat purchases before the window; of the last bin so many or more.
    pub repeat_purchases: u32,
    /// Customers.
    pub customers: usize,
    /// Mean purchases in the window.
    pub actual: f64,
    /// Mean purchases expected.
    pub expected: f64,
}

/// A number for each recency and frequency of a customer who was observed for a usual time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Surface {
    /// How long the customer has been observed, in days.
    pub observed_days: f64,
    /// How far ahead purchases are expected, in days.
    pub horizon_days: f64,
    /// Days from the first purchase to the last, one a column.
    pub last_purchase_days: Vec<f64>,
    /// Repeat purchases, one a row.
    pub repeat_purchases: Vec<u32>,
    /// Probability to be alive, a list a row.
    pub probability_alive: Vec<Vec<f64>>,
    /// Purchases expected, a list a row.
    pub expected_purchases: Vec<Vec<f64>>,
}

/// Customers who belong together, by their value or their first purchase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValueGroup {
    /// Which they are, such as "2025 Q1".
    pub name: String,
    /// How many.
    pub customers: usize,
    /// Their mean predicted value.
    pub mean_value: f64,
    /// Their mean probability to be alive.
    pub mean_alive: f64,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LifetimeFigures {
    /// When week 0 of the tracking was.
    pub start: String,
    /// Repeat purchases week by week.
    pub tracking: Tracking,
    /// Customers by repeat purchases; empty for a family that counts opportunities.
    pub frequencies: Vec<FrequencyBin>,
    /// Purchases in the window by those before it.
    pub conditional: Vec<ConditionalBin>,
    /// Recency and frequency.
    pub surface: Surface,
    /// Tenths of the customers, highest values first.
    pub deciles: Vec<ValueGroup>,
    /// By the quarter of the first purchase.
    pub cohorts: Vec<ValueGroup>,
}
