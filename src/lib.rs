//! tend: from what a company knows of its customers to the next best action for each.

pub mod book;
pub mod decision;
#[cfg(feature = "serve")]
pub mod http;
pub mod metrics;
#[cfg(feature = "train")]
pub mod simulate;
