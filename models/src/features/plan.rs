//! Chooses the features that a company's tables allow, with names and words for them.

use super::{Feature, FeaturePlan, Measure, WINDOWS_DAYS};
use crate::predict::FeatureKind;
use crate::quantities::Moment;
use crate::timeline::{AttributeValues, NO_CODE, Timelines};

/// Texts beyond this many, least frequent first, get no feature or level of their own.
const MOST_TEXTS: usize = 12;
/// In one year alone a season and a change of the customers look the same.
const DAYS_TO_TELL_SEASONS: f64 = 730.0;
/// Levels of a category attribute beyond this many share one.
const MOST_LEVELS: usize = 30;

impl FeaturePlan {
    /// The features for these timelines, using only rows that were there before `until` to choose them.
    #[must_use]
    pub fn for_timelines(timelines: &Timelines, until: Moment) -> Self {
        let mut plan = Self::default();
        plan.number("tenure_days", "days as a customer", Measure::TenureDays);
        if timelines.first_event().is_some_and(|first| until.days_since(first) >= DAYS_TO_TELL_SEASONS) {
            let levels = (1..=12).map(|month| format!("{month:02}")).collect();
            plan.push("month", "month of the year", FeatureKind::Category { levels }, Measure::Month);
        }
        if !timelines.purchases.is_empty() {
            plan.add_purchases(timelines, until);
        }
        if !timelines.subscriptions.is_empty() {
            plan.add_subscriptions(timelines, until);
        }
        plan.add_events(timelines, until);
        if !timelines.contacts.is_empty() {
            plan.add_contacts();
        }
        plan.add_attributes(timelines, until);
        plan
    }

    fn number(&mut self, name: &str, label: &str, measure: Measure) {
        self.push(name, label, FeatureKind::Number, measure);
    }

    /// Adds a feature; a name that is taken gets a number behind it.
    fn push(&mut self, name: &str, label: &str, kind: FeatureKind, measure: Measure) {
        let mut free = name.to_owned();
        let mut number = 2;
        while self.place(&free).is_some() {
            free = format!("{name}_{number}");
            number += 1;
        }
        self.features.push(Feature { name: free, label: label.to_owned(), kind, measure });
    }

    fn add_purchases(&mut self, timelines: &Timelines, until: Moment) {
        self.number("days_since_last_purchase", "days since the last purchase", Measure::DaysSinceLastPurchase);
        self.number("days_since_first_purchase", "days since the first purchase", Measure::DaysSinceFirstPurchase);
        for window in WINDOWS_DAYS {
            let (name, label) = (format!("purchases_{window}d"), format!("purchases in the last {window} days"));
            self.number(&name, &label, Measure::Purchases(window));
        }
        self.number("purchases_ever", "purchases so far", Measure::PurchasesEver);
        self.number("purchases_per_month", "purchases a month", Measure::PurchasesPerMonth);
        for window in WINDOWS_DAYS {
            let (name, label) = (format!("spend_{window}d"), format!("spend in the last {window} days"));
            self.number(&name, &label, Measure::Spend(window));
        }
        self.number("spend_ever", "spend so far", Measure::SpendEver);
        for (short, long) in [(30, 90), (90, 365)] {
            let name = format!("spend_trend_{short}_{long}");
            let label = format!("spend of the last {short} days against the last {long}");
            self.number(&name, &label, Measure::SpendTrend(short, long));
            let name = format!("purchase_trend_{short}_{long}");
            let label = format!("purchases of the last {short} days against the last {long}");
            self.number(&name, &label, Measure::PurchaseTrend(short, long));
        }
        self.number("average_purchase", "average spend a purchase", Measure::AveragePurchase);
        self.number("largest_purchase", "largest purchase", Measure::LargestPurchase);
        self.number("last_purchase", "spend of the last purchase", Measure::LastPurchase);
        self.number("return_share", "share of lines returned", Measure::ReturnShare);
        self.number("mean_gap_days", "usual days between purchases", Measure::MeanGapDays);
        self.number("gap_variation", "irregularity of the days between purchases", Measure::GapVariation);
        self.number("gap_ratio", "days since the last purchase against the usual gap", Measure::GapRatio);
        let categories = {
            let table = &timelines.purchases;
            frequent(&table.category, [&table.at, &table.known_at], &timelines.categories, until)
        };
        if categories.is_empty() {
            return;
        }
        self.number("categories_bought", "categories bought", Measure::CategoriesBought);
        self.number("category_diversity", "diversity of categories", Measure::CategoryDiversity);
        for category in categories {
            let slug = identifier(&category);
            let label = format!("share of spend on {category}");
            self.number(&format!("spend_share_{slug}"), &label, Measure::CategoryShare(category.clone()));
            let label = format!("days since {category} was bought");
            self.number(&format!("days_since_{slug}"), &label, Measure::DaysSinceCategory(category));
        }
    }

    fn add_subscriptions(&mut self, timelines: &Timelines, until: Moment) {
        self.number("active_subscriptions", "running subscriptions", Measure::ActiveSubscriptions);
        self.number("monthly_revenue", "subscription revenue a month", Measure::MonthlyRevenue);
        for window in [90, 365] {
            let name = format!("monthly_revenue_change_{window}d");
            let label = format!("change of the subscription revenue in {window} days");
            self.number(&name, &label, Measure::MonthlyRevenueChange(window));
        }
        self.number("subscribed_days", "days subscribed", Measure::SubscribedDays);
        self.number(
            "days_since_subscription_start",
            "days since a subscription began",
            Measure::DaysSinceSubscriptionStart,
        );
        self.number(
            "days_since_subscription_end",
            "days since a subscription ended",
            Measure::DaysSinceSubscriptionEnd,
        );
        self.number("subscriptions_ended", "subscriptions ended", Measure::SubscriptionsEnded);
        if !timelines.subscriptions.bill_period_months.is_empty() {
            self.number("bill_period_months", "months between bills", Measure::BillPeriodMonths);
        }
        if !timelines.subscriptions.discount.is_empty() {
            self.number("subscription_discount", "discount of the subscription", Measure::Discount);
        }
        let table = &timelines.subscriptions;
        let mut levels = frequent(&table.product, [&table.at, &table.known_at], &timelines.products, until);
        levels.sort();
        if levels.len() > 1 {
            let kind = FeatureKind::Category { levels };
            self.push("subscribed_product", "subscribed product", kind, Measure::SubscribedProduct);
        }
    }

    fn add_events(&mut self, timelines: &Timelines, until: Moment) {
        let table = &timelines.events;
        if table.is_empty() {
            return;
        }
        self.number("days_since_last_activity", "days since the last sign of life", Measure::DaysSinceLastActivity);
        let label = "days since the last sign of life against the usual gap";
        self.number("activity_gap_ratio", label, Measure::ActivityGapRatio);
        if !timelines.purchases.is_empty() {
            let label = "events since the last purchase";
            self.number("events_since_last_purchase", label, Measure::EventsSinceLastPurchase);
        }
        for event_type in frequent(&table.event_type, [&table.at, &table.known_at], &timelines.event_types, until) {
            let slug = identifier(&event_type);
            for window in [30, 90, 365] {
                let label = format!("{event_type} in the last {window} days");
                let measure = Measure::EventCount(event_type.clone(), window);
                self.number(&format!("{slug}_{window}d"), &label, measure);
            }
            let label = format!("days since the last {event_type}");
            self.number(&format!("days_since_{slug}"), &label, Measure::DaysSinceEvent(event_type.clone()));
            if !table.value.is_empty() {
                let label = format!("last value of {event_type}");
                self.number(&format!("last_{slug}"), &label, Measure::LastEventValue(event_type));
            }
        }
    }

    fn add_contacts(&mut self) {
        for window in [30, 90, 365] {
            let label = format!("contacts in the last {window} days");
            self.number(&format!("contacts_{window}d"), &label, Measure::Contacts(window));
        }
        self.number("contacts_taken_365d", "offers taken in the last 365 days", Measure::ContactsTaken(365));
        self.number("days_since_contact", "days since the last contact", Measure::DaysSinceContact);
    }

    fn add_attributes(&mut self, timelines: &Timelines, until: Moment) {
        for attribute in &timelines.attributes {
            let kind = match &attribute.values {
                AttributeValues::Number(_) => FeatureKind::Number,
                AttributeValues::Category { levels, codes } => {
                    let mut levels = most_frequent(codes, [&timelines.created_at, &[]], levels, until, MOST_LEVELS);
                    levels.sort();
                    FeatureKind::Category { levels }
                }
            };
            let label = attribute.name.replace('_', " ");
            self.push(&identifier(&attribute.name), &label, kind, Measure::Attribute(attribute.name.clone()));
        }
    }
}

fn frequent(codes: &[u32], times: [&[i64]; 2], texts: &[String], until: Moment) -> Vec<String> {
    most_frequent(codes, times, texts, until, MOST_TEXTS)
}

/// The texts that occur most in rows of before `until`, most frequent first; equally frequent ones in alphabetical order.
/// `times` are when each row happened and when it became known; the latter is empty if that was at once.
fn most_frequent(codes: &[u32], times: [&[i64]; 2], texts: &[String], until: Moment, most: usize) -> Vec<String> {
    let [at, known_at] = times;
    let mut counts = vec![0_u64; texts.len()];
    for (row, &code) in codes.iter().enumerate() {
        let known = at[row].max(known_at.get(row).copied().unwrap_or(i64::MIN));
        if code != NO_CODE && known < until.seconds() {
            counts[code as usize] += 1;
        }
    }
    let mut order: Vec<usize> = (0..texts.len()).filter(|&code| counts[code] > 0).collect();
    order.sort_by_key(|&code| (std::cmp::Reverse(counts[code]), code));
    order.truncate(most);
    order.into_iter().map(|code| texts[code].clone()).collect()
}

/// A text as an identifier: lower case, everything but letters and digits one underscore.
fn identifier(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for character in text.chars().flat_map(char::to_lowercase) {
        if character.is_ascii_alphanumeric() {
            name.push(character);
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
    }
    let name = name.trim_end_matches('_');
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        format!("value_{name}")
    } else {
        name.to_owned()
    }
}
