//! tend: from what a company knows of its customers to the next best action for each.

pub mod book;
#[cfg(feature = "serve")]
pub mod console;
#[cfg(feature = "serve")]
pub mod contract;
pub mod decision;
#[cfg(feature = "serve")]
pub mod http;
pub mod lifecycle;
#[cfg(feature = "serve")]
pub mod live;
pub mod metrics;
#[cfg(feature = "train")]
pub mod simulate;
#[cfg(feature = "serve")]
pub mod store;
pub mod whereabouts;
