//! What customers are divided by: one of their attributes, the period of their first activity, or what they bought.

use std::fmt;
use std::str::FromStr;

use tend_models::timeline::{AttributeValues, NO_CODE, Timelines};

use super::life::Life;
use super::periods::Periods;
use super::{MetricsError, MetricsRequest};

/// The group of what is not known.
const UNKNOWN: &str = "(unknown)";

/// What the customers are divided by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grouping {
    /// All together.
    None,
    /// The period of the first activity.
    Cohort,
    /// The product of each line: a customer counts in every group in which they bought.
    Product,
    /// The category of each line, likewise.
    Category,
    /// A category among the customers' attributes, such as `acquisition_channel` or `country`.
    Attribute(String),
}

impl FromStr for Grouping {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "none" => Self::None,
            "cohort" => Self::Cohort,
            "product" => Self::Product,
            "category" => Self::Category,
            attribute => Self::Attribute(attribute.to_owned()),
        })
    }
}

impl fmt::Display for Grouping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Cohort => "cohort",
            Self::Product => "product",
            Self::Category => "category",
            Self::Attribute(name) => name,
        })
    }
}

/// The groups of some timelines by name, and how a customer comes into them.
#[derive(Debug)]
pub(super) struct Groups {
    names: Vec<String>,
    by: By,
}

#[derive(Debug)]
enum By {
    Nothing,
    Cohort,
    Product,
    Category,
    /// The place of the attribute.
    Attribute(usize),
}

impl Groups {
    pub(super) fn of(timelines: &Timelines, grouping: &Grouping, periods: &Periods) -> Result<Self, MetricsError> {
        let with_unknown = |names: &[String]| names.iter().cloned().chain([UNKNOWN.to_owned()]).collect();
        Ok(match grouping {
            Grouping::None => Self { names: vec!["all".to_owned()], by: By::Nothing },
            Grouping::Cohort => {
                Self { names: periods.iter().map(|period| period.name.clone()).collect(), by: By::Cohort }
            }
            Grouping::Product if !timelines.products.is_empty() => {
                Self { names: with_unknown(&timelines.products), by: By::Product }
            }
            Grouping::Category if !timelines.categories.is_empty() => {
                Self { names: with_unknown(&timelines.categories), by: By::Category }
            }
            wanted => {
                let found = wanted.to_string();
                let place = timelines.attributes.iter().position(|attribute| attribute.name == found);
                match place.map(|place| (place, &timelines.attributes[place].values)) {
                    Some((place, AttributeValues::Category { levels, .. })) => {
                        Self { names: with_unknown(levels), by: By::Attribute(place) }
                    }
                    _ => return Err(MetricsError::UnknownGrouping { found, expected: possible(timelines).join(", ") }),
                }
            }
        })
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Calls `count` with each group that the customer comes into and what of the customer's life belongs to it.
    pub(super) fn each(
        &self,
        timelines: &Timelines,
        request: &MetricsRequest,
        periods: &Periods,
        customer: usize,
        life: &Life,
        mut count: impl FnMut(usize, &Life),
    ) {
        let unknown = self.names.len() - 1;
        let group_of_code = |code: u32| if code == NO_CODE { unknown } else { code as usize };
        match self.by {
            By::Nothing => count(0, life),
            By::Cohort => {
                if let Some(period) = life.spans.first().and_then(|span| periods.place_of(span.start)) {
                    count(period, life);
                }
            }
            By::Attribute(place) => {
                if let AttributeValues::Category { codes, .. } = &timelines.attributes[place].values {
                    count(group_of_code(timelines.timeline(customer).before(request.as_of).code(codes)), life);
                }
            }
            By::Product | By::Category => {
                let is_product = matches!(self.by, By::Product);
                let code_of_line = |product: u32, category: u32| if is_product { product } else { category };
                // Subscriptions have a product and no category.
                let code_of_subscription = |product: u32| if is_product { product } else { NO_CODE };
                let mut codes: Vec<u32> = life
                    .purchases
                    .iter()
                    .map(|line| code_of_line(line.product, line.category))
                    .chain(life.subscriptions.iter().map(|one| code_of_subscription(one.product)))
                    .collect();
                codes.sort_unstable();
                codes.dedup();
                for code in codes {
                    let part = life.only(
                        request.active_within_days,
                        |line| code_of_line(line.product, line.category) == code,
                        |one| code_of_subscription(one.product) == code,
                    );
                    count(group_of_code(code), &part);
                }
            }
        }
    }
}

/// Everything that these timelines can be grouped by.
fn possible(timelines: &Timelines) -> Vec<String> {
    let lines = [("product", &timelines.products), ("category", &timelines.categories)];
    let of_lines = lines.into_iter().filter(|(_, names)| !names.is_empty()).map(|(name, _)| name.to_owned());
    let is_category = |values: &AttributeValues| matches!(values, AttributeValues::Category { .. });
    let attributes = timelines.attributes.iter().filter(|attribute| is_category(&attribute.values));
    let attributes = attributes.map(|attribute| attribute.name.clone());
    ["none".to_owned(), "cohort".to_owned()].into_iter().chain(of_lines).chain(attributes).collect()
}
