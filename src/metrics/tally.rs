//! What is added up for one period of one group: counts of customers and sums of money.

macro_rules! tally {
    ($($(#[$doc:meta])* $name:ident: $kind:ty,)*) => {
        /// Sums over customers for one period.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub(super) struct Tally { $($(#[$doc])* pub $name: $kind,)* }

        impl Tally {
            pub(super) fn add(&mut self, other: &Self) { $(self.$name += other.$name;)* }
        }
    };
}

tally!(
    /// Customers active just before the period.
    active_at_start: u64,
    /// Customers active just before its end.
    active_at_end: u64,
    /// Customers active at both.
    retained: u64,
    /// First times that a customer became active.
    new: u64,
    /// Later times.
    won_back: u64,
    /// Times that a customer stopped being active.
    lost: u64,
    /// Customers with a purchase.
    buyers: u64,
    /// Of these, those who had bought before the period.
    returning_buyers: u64,
    /// Of these, those who bought what they had never bought before.
    cross_buyers: u64,
    /// Days of a customer with a purchase.
    orders: u64,
    /// Amounts, returns taken off.
    revenue: f64,
    /// Amounts returned.
    returned: f64,
    /// Of `revenue`, what became known after the period had ended.
    late_revenue: f64,
    /// Lines that did.
    late_lines: u64,
    /// Days between an order and the one before it.
    interval_days: f64,
    /// Orders that had one before.
    intervals: u64,
    /// Customers whose first order lies in the period.
    first_orders: u64,
    /// Of these, those who ordered again in time.
    second_orders: u64,
    /// Kinds of things that customers active at the end have ever bought or subscribed to.
    products_held: u64,
    /// Revenue of the year before the last one, of those who bought in it.
    revenue_before_last_year: f64,
    /// Their revenue of the last year.
    revenue_kept: f64,
    /// The same, each counted to at most what it was.
    revenue_kept_at_most: f64,
    /// Customers with revenue a month just before the period.
    subscribers_at_start: u64,
    /// Just before its end.
    subscribers_at_end: u64,
    /// With it at the end, and never before.
    subscribers_new: u64,
    /// With it at the end and earlier, but not at the start.
    subscribers_won_back: u64,
    /// With it at the start and not at the end.
    subscribers_lost: u64,
    /// Revenue a month just before the period.
    mrr_at_start: f64,
    /// Just before its end.
    mrr_at_end: f64,
    /// Of new subscribers.
    mrr_new: f64,
    /// Of those won back.
    mrr_won_back: f64,
    /// What subscribers pay more than at the start.
    mrr_expansion: f64,
    /// What they pay less.
    mrr_contraction: f64,
    /// Of those lost.
    mrr_churned: f64,
    /// What it cost to win the period's new customers.
    acquisition_cost: f64,
    /// New customers whose cost is known.
    acquired_at_known_cost: u64,
    /// Contacts received.
    contacts: u64,
    /// Customers who received one.
    contacted: u64,
    /// Contacts whose offer was taken.
    taken: u64,
    /// Answers of 9 or 10 to the question of recommendation.
    promoters: u64,
    /// Answers of 0 to 6.
    detractors: u64,
    /// All of them.
    recommendations: u64,
    /// Sum of the marks for satisfaction.
    satisfaction: f64,
    /// Number of them.
    satisfaction_answers: u64,
    /// Of these, 4 or 5.
    satisfied: u64,
    /// Complaints.
    complaints: u64,
);
