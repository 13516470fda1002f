//! The families of models: for each, its parameters and the kernel that scores with them.

pub mod baseline;
pub mod beta_discrete_weibull;
pub mod beta_geometric;
pub mod bg_bb;
pub mod bg_nbd;
pub mod blend;
pub mod boosted;
pub mod calibration;
pub mod classifier;
pub mod gamma_gamma;
pub mod logistic;
pub mod pareto_nbd;
pub mod purchases;
mod quadrature;
pub mod ready;
pub mod renewal;
pub mod season;
pub mod segments;
mod shapley;
pub mod shifted_beta_geometric;
pub mod spend;
pub mod trees;
pub mod uplift;
