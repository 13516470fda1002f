//! The feature matrix: the snapshots of every customer at one moment.

use rayon::prelude::*;
use tend_models::features::{FeaturePlan, SnapshotMaker};
use tend_models::quantities::Moment;
use tend_models::timeline::Timelines;

/// Customers whose snapshots one thread makes at a time.
const BLOCK_CUSTOMERS: usize = 2_048;

/// Snapshots of the customers who existed before a moment.
#[derive(Debug)]
pub struct FeatureMatrix {
    /// The customers' positions in the timelines, ascending.
    pub customers: Vec<usize>,
    /// One row a customer, one value a feature; NaN is unknown.
    pub values: Vec<f64>,
    width: usize,
}

impl FeatureMatrix {
    /// Makes the snapshots; the same whatever the number of threads.
    #[must_use]
    pub fn at(timelines: &Timelines, plan: &FeaturePlan, moment: Moment) -> Self {
        let exists = |&customer: &usize| timelines.timeline(customer).before(moment).exists();
        let customers: Vec<usize> = (0..timelines.len()).filter(exists).collect();
        let values = snapshots(timelines, plan, moment, &customers);
        Self { customers, values, width: plan.width() }
    }

    /// The values of the feature at a place of the plan, one a customer.
    pub fn column(&self, place: usize) -> impl Iterator<Item = f64> + '_ {
        self.values.iter().skip(place).step_by(self.width.max(1)).copied()
    }
}

/// The snapshots of these customers as (customers, features), row-major; the same whatever the number of threads.
pub(super) fn snapshots(timelines: &Timelines, plan: &FeaturePlan, moment: Moment, customers: &[usize]) -> Vec<f64> {
    let width = plan.width();
    let mut values = vec![0.0; customers.len() * width];
    let maker = SnapshotMaker::new(plan, timelines);
    // A plan without features has no row to fill.
    let rows = values.par_chunks_mut((BLOCK_CUSTOMERS * width).max(1));
    rows.zip(customers.par_chunks(BLOCK_CUSTOMERS)).for_each_init(
        || maker.clone(),
        |maker, (rows, customers)| {
            for (row, &customer) in rows.chunks_exact_mut(width).zip(customers) {
                maker.fill(&timelines.timeline(customer).before(moment), row);
            }
        },
    );
    values
}
