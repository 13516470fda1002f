//! Customers and policies that the tests of decisions share.

use std::collections::BTreeMap;

use tend_models::predict::FeatureKind;
use tend_models::quantities::{Moment, Money, Probability};
use tend_models::scorecard::{LifetimeValue, Propensity, Scorecard, Task};

use super::experience::Experience;
use super::{
    CompiledPolicy, Dealings, Decision, FeatureView, PastContact, Policy, PolicyKind, Subject, decide, stage_name,
};

/// A customer whose features and scores a test can set.
#[derive(Debug)]
pub(super) struct Customer {
    pub(super) names: Vec<String>,
    pub(super) kinds: Vec<FeatureKind>,
    pub(super) values: Vec<f64>,
    pub(super) scorecard: Scorecard,
    pub(super) dealings: Dealings<'static>,
    pub(super) experience: Experience,
}

impl Customer {
    /// Features of a shop, all unknown, and no score at all.
    pub(super) fn unknown() -> Self {
        let numbers = [
            "days_since_last_purchase",
            "purchases_365d",
            "purchases_ever",
            "spend_365d",
            "active_subscriptions",
            "subscribed_days",
            "days_since_subscription_end",
            "monthly_revenue",
            "segment",
        ];
        let mut names: Vec<String> = numbers.map(str::to_owned).to_vec();
        let mut kinds = vec![FeatureKind::Number; names.len()];
        names.push("country".to_owned());
        kinds.push(FeatureKind::Category { levels: vec!["AT".to_owned(), "DE".to_owned()] });
        names.push("odd name, 100 %".to_owned());
        kinds.push(FeatureKind::Number);
        Self {
            values: vec![f64::NAN; names.len()],
            names,
            kinds,
            scorecard: Scorecard {
                customer_id: "c1".to_owned(),
                moment: "2026-03-31".parse::<Moment>().unwrap(),
                churn_probability: None,
                propensities: Vec::new(),
                value: None,
                segment: None,
                uplift: Vec::new(),
                reasons: Vec::new(),
                model_versions: BTreeMap::from([(Task::Churn, "3".to_owned())]),
            },
            dealings: Dealings::default(),
            experience: Experience::default(),
        }
    }

    pub(super) fn feature(mut self, name: &str, value: f64) -> Self {
        let column = self.names.iter().position(|known| known == name).unwrap();
        self.values[column] = value;
        self
    }

    pub(super) fn churn(mut self, probability: f64) -> Self {
        self.scorecard.churn_probability = Some(Probability::new(probability).unwrap());
        self
    }

    pub(super) fn worth(mut self, clv: f64, alive: f64, average_spend: f64) -> Self {
        self.scorecard.value = Some(LifetimeValue {
            expected_purchases: 4.0,
            probability_alive: Probability::new(alive).unwrap(),
            expected_average_spend: Money::new(average_spend).unwrap(),
            predicted_clv: Money::new(clv).unwrap(),
        });
        self
    }

    pub(super) fn propensity(mut self, product: &str, probability: f64) -> Self {
        self.scorecard
            .propensities
            .push(Propensity { product: product.to_owned(), probability: Probability::new(probability).unwrap() });
        self
    }

    /// A contact so many days before the moment; contacts must come in the order of time.
    pub(super) fn contacted(mut self, days_before: i64, action: &'static str, taken: bool) -> Self {
        let at = self.scorecard.moment.plus_days(-days_before);
        self.dealings.contacts.push(PastContact { at, action, taken });
        self
    }

    pub(super) fn consent(mut self, channel: &'static str, granted: bool) -> Self {
        self.dealings.consents.push((channel, granted));
        self
    }

    pub(super) fn subject<'a>(&'a self, reasons: &'a (dyn Fn() -> Vec<String> + Sync)) -> Subject<'a> {
        Subject {
            scorecard: &self.scorecard,
            features: FeatureView { names: &self.names, kinds: &self.kinds, values: &self.values },
            dealings: &self.dealings,
            reasons,
            experience: &self.experience,
        }
    }

    pub(super) fn decide(&self, policy: &CompiledPolicy) -> Decision {
        let reasons = || self.scorecard.reasons.clone();
        let subject = self.subject(&reasons);
        let decision = decide(policy, &subject);
        assert_eq!(stage_name(policy, &subject), decision.stage);
        decision
    }
}

/// The products that have a propensity.
pub(super) fn products() -> Vec<String> {
    ["Books", "Music"].map(str::to_owned).to_vec()
}

/// Compiles the text of a policy for the features of [`Customer::unknown`].
pub(super) fn compiled(text: &str) -> CompiledPolicy {
    let plan = Customer::unknown();
    let policy = Policy::parse(text).unwrap_or_else(|error| panic!("{error}"));
    policy.compile(&plan.names, &plan.kinds, &products()).unwrap_or_else(|error| panic!("{error}"))
}

/// A policy with one stage for everybody and these actions.
pub(super) fn with_actions(actions: &str) -> CompiledPolicy {
    compiled(&format!(
        "[money]\ncurrency = \"EUR\"\nmargin = 0.25\n\
         [product_margin]\n\"Music\" = 7.0\n\
         [[stage]]\nname = \"all\"\nlabel = \"All\"\nwhen = \"true\"\n{actions}"
    ))
}

/// One action for every customer of [`with_actions`].
pub(super) fn action(id: &str, goal: &str, cost: f64, rest: &str) -> String {
    format!(
        "[[action]]\nid = \"{id}\"\nlabel = \"Do {id}\"\nstages = [\"all\"]\ngoal = \"{goal}\"\n\
         channel = \"email\"\ncost = {cost}\ndeadline_days = 14\n{rest}\n"
    )
}

/// The policy for shops that comes with the product.
pub(super) fn shop() -> CompiledPolicy {
    compiled(&Policy::default_toml_in(PolicyKind::Shop, "EUR"))
}

/// A customer who last bought so many days ago, and so often in all.
pub(super) fn shopper(days: f64, purchases: f64) -> Customer {
    Customer::unknown()
        .feature("days_since_last_purchase", days)
        .feature("purchases_365d", purchases)
        .feature("purchases_ever", purchases)
}
