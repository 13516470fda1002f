//! All there is to know about a fitted model of tend, and nothing about fitting.
//!
//! In reading order: numbers, timelines, features, what a model can do, the families, the artifact, the scorer.

pub mod quantities;
pub mod timeline;

pub mod features;

pub mod families;
pub mod predict;
pub mod special;

pub mod artifact;
pub mod files;
pub mod registry;

pub mod explanation;
pub mod scorecard;
pub mod scorer;
