//! Training pipeline of tend: tables in, published artifacts out.
//!
//! In reading order: what was chosen, tables to timelines, moments and labels, samples, leaks, fits, the contest for champion,
//! figures, and the runs that put them together.

pub mod recipe;
pub mod tables;

pub mod ingest;

pub mod labels;
pub mod leaks;
pub mod moments;
pub mod samples;

pub mod calibrate;
pub mod champion;
pub mod fit;

pub mod evaluate;
pub mod report;

pub mod run;
