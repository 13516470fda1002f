//! Fits: for each family, from rows or histories to parameters.

pub mod baseline;
mod bg_bb;
mod bg_nbd;
pub mod boosting;
pub mod forest;
pub mod gamma_gamma;
pub mod linear;
pub mod log_odds_line;
pub mod logistic;
mod maximise;
mod pareto_nbd;
pub mod purchases;
pub mod renewal;
pub mod season;
pub mod segments;
pub mod shrinkage;
pub mod table;
pub mod uplift;
