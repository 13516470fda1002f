//! What the company sells and does: products, memberships, and the actions of its campaigns with their true effects.

/// Names of the product categories.
pub(super) const CATEGORIES: [&str; 6] = ["coffee", "kitchen", "garden", "toys", "books", "wellness"];
/// Products in each category.
pub(super) const PRODUCTS_PER_CATEGORY: usize = 4;

/// Something on sale.
pub(super) struct Product {
    /// Position in [`CATEGORIES`].
    pub(super) category: usize,
    /// List price of one piece.
    pub(super) price: f64,
    /// Part of the price that is margin.
    pub(super) margin_rate: f64,
}

/// All products, by category; product 0 of a category sells best.
pub(super) fn products() -> Vec<Product> {
    const PRICES: [[f64; PRODUCTS_PER_CATEGORY]; 6] = [
        [8.9, 12.5, 16.9, 24.0],
        [14.9, 29.0, 49.0, 79.0],
        [9.5, 19.9, 34.0, 59.0],
        [11.9, 18.5, 27.9, 44.0],
        [9.9, 13.9, 21.0, 32.0],
        [12.0, 19.0, 28.0, 39.0],
    ];
    const MARGIN_RATES: [f64; 6] = [0.42, 0.35, 0.38, 0.33, 0.28, 0.48];
    PRICES
        .iter()
        .zip(MARGIN_RATES)
        .enumerate()
        .flat_map(|(category, (prices, margin_rate))| {
            prices.iter().map(move |&price| Product { category, price, margin_rate })
        })
        .collect()
}

/// Ids of the memberships: the plain one, then the one to upgrade to.
pub(super) const MEMBERSHIPS: [&str; 2] = ["plus", "plus_family"];
/// Their price a month until [`PRICE_CHANGE_DAY`].
pub(super) const MEMBERSHIP_PRICES: [f64; 2] = [9.9, 14.9];
/// Their price a month from then on.
pub(super) const MEMBERSHIP_NEW_PRICES: [f64; 2] = [10.9, 16.4];
/// The day on which the new price holds, for running memberships too.
pub(super) const PRICE_CHANGE_DAY: i32 = 640;

/// A kind of contact that campaigns make.
pub(super) struct Action {
    /// Its id.
    pub(super) id: &'static str,
    /// The channel it uses.
    pub(super) channel: Channel,
    /// Cost of one contact.
    pub(super) cost: f64,
    /// Part of the order value given away when the contact is taken up.
    pub(super) discount: f64,
    /// Share of the selected customers who are considered for this action.
    pub(super) share: f64,
    /// Effect on each kind of customer, in the order of [`KINDS`].
    pub(super) effects: [Effect; 3],
}

/// A channel that needs consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channel {
    /// Letters to the inbox.
    Email,
    /// The telephone.
    Call,
}

/// Names of the channels, in the order of [`Channel`].
pub(super) const CHANNEL_NAMES: [&str; 2] = ["email", "call"];

/// What a contact does while it works.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Effect {
    /// Factor on the purchase rate.
    pub(super) rate: f64,
    /// Factor on the odds of dropping out after a purchase.
    pub(super) dropout_odds: f64,
}

/// Kinds of customers by what contacts do to them.
pub(super) const KINDS: [&str; 3] = ["persuadable", "indifferent", "sleeping_dog"];

const fn effect(rate: f64, dropout_odds: f64) -> Effect {
    Effect { rate, dropout_odds }
}

/// All actions.
pub(super) const ACTIONS: [Action; 3] = [
    Action {
        id: "save_call",
        channel: Channel::Call,
        cost: 4.0,
        discount: 0.0,
        share: 0.3,
        effects: [effect(1.7, 0.5), effect(1.0, 1.0), effect(0.55, 1.8)],
    },
    Action {
        id: "discount_mail",
        channel: Channel::Email,
        cost: 0.05,
        discount: 0.1,
        share: 0.4,
        effects: [effect(1.6, 0.9), effect(1.1, 1.0), effect(0.8, 1.3)],
    },
    Action {
        id: "product_mail",
        channel: Channel::Email,
        cost: 0.05,
        discount: 0.0,
        share: 0.3,
        effects: [effect(1.35, 1.0), effect(1.0, 1.0), effect(0.7, 1.2)],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_actions_add_up_to_one() {
        let total: f64 = ACTIONS.iter().map(|action| action.share).sum();
        assert!((total - 1.0).abs() < 1e-12, "{total}");
    }

    #[test]
    fn every_action_helps_some_and_harms_others() {
        for action in &ACTIONS {
            assert!(action.effects[0].rate > 1.0 && action.effects[2].rate < 1.0, "{}", action.id);
        }
    }

    #[test]
    fn there_are_twenty_four_products_sold_at_a_margin() {
        let products = products();
        assert_eq!(products.len(), 24);
        assert!(products.iter().all(|product| product.price > 0.0 && (0.0..1.0).contains(&product.margin_rate)));
    }
}
