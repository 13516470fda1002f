//! Every choice of a training run: `tend.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use tend_models::quantities::{Positive, Probability};

use crate::champion::Effort;
use crate::evaluate::Campaign;
use crate::fit::boosting::Direction;
use crate::tables::TextFormat;

/// Why a recipe cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// The file cannot be read.
    #[error("{path}: cannot be read: {error}; write one with `tend init`")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// The file is not a recipe.
    #[error("{path}: {error}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line.
        error: String,
    },
}

/// Every choice of a training run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// The company.
    pub company: Company,
    /// How texts in the tables are written.
    pub format: Format,
    /// The tables by their canonical names.
    pub tables: Tables,
    /// What counts as leaving.
    pub churn: Churn,
    /// What a campaign to keep leavers costs and brings.
    pub campaign: Campaign,
    /// What can be sold.
    pub upsell: Upsell,
    /// What a customer is worth.
    pub clv: Clv,
    /// What contacts change.
    pub uplift: Uplift,
    /// How models are trained.
    pub training: Training,
    /// What lifecycle metrics count as what.
    pub metrics: Metrics,
    /// Where the service keeps what it must not forget; read by the service alone.
    #[serde(skip_serializing)]
    pub store: IgnoredAny,
}

/// The company.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Company {
    /// Shown with amounts; transactions in another currency are rejected and counted.
    pub currency: Option<String>,
}

/// How texts in the tables are written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Format {
    /// The decimal mark: `.` or `,`.
    pub decimal: char,
    /// How dates are written, in strftime form; without it ISO 8601.
    pub date_format: Option<String>,
    /// The zone of times that do not say theirs.
    pub time_zone: String,
}

impl Default for Format {
    fn default() -> Self {
        Self { decimal: '.', date_format: None, time_zone: "UTC".to_owned() }
    }
}

/// The tables by their canonical names.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tables {
    /// Profiles.
    pub customers: Option<Source>,
    /// Purchase lines.
    pub transactions: Option<Source>,
    /// Subscriptions.
    pub subscriptions: Option<Source>,
    /// Events.
    pub events: Option<Source>,
    /// Products.
    pub products: Option<Source>,
    /// Campaign contacts.
    pub contacts: Option<Source>,
    /// Consents to be contacted.
    pub consents: Option<Source>,
}

/// Where a table is and what its columns are called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The file, relative to the recipe.
    pub file: PathBuf,
    /// The file's name for each canonical column that has another name.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
    /// Of transactions: how the ids of cancelled orders begin, if not as the others do.
    pub cancelled_prefix: Option<String>,
    /// Columns of the file that are not to be read, such as attributes that tell of the future.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
}

/// What counts as leaving.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Churn {
    /// Days ahead.
    pub horizon_days: u32,
    /// `purchases`: no purchase in the window; `subscription`: no subscription left at its end. Without it,
    /// purchases if there are transactions.
    pub by: Option<ChurnBy>,
    /// Without a purchase for this many days, a customer has left already.
    pub active_within_days: u32,
}

/// What leaving is seen by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChurnBy {
    /// No purchase in the window.
    Purchases,
    /// No subscription left at the end of the window.
    Subscription,
}

impl Default for Churn {
    fn default() -> Self {
        Self { horizon_days: 90, by: None, active_within_days: 365 }
    }
}

/// What can be sold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Upsell {
    /// Days ahead.
    pub horizon_days: u32,
    /// What an offer is. Without it, categories if the transactions have them, else products, else plan upgrades.
    pub by: Option<UpsellBy>,
    /// Offers with fewer buyers in training get no model of their own.
    pub min_positives: usize,
    /// At most this many offers with a model of their own, those with the most buyers.
    pub most_offers: usize,
    /// At most this many further offers, which share the models of pools.
    pub most_rare_offers: usize,
}

/// What an offer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpsellBy {
    /// A category of products not bought before.
    Category,
    /// A product not bought before.
    Product,
    /// A dearer subscription than now.
    PlanUpgrade,
}

impl Default for Upsell {
    fn default() -> Self {
        Self { horizon_days: 90, by: None, min_positives: 50, most_offers: 12, most_rare_offers: 24 }
    }
}

/// What a customer is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Clv {
    /// Days ahead.
    pub horizon_days: Positive,
    /// Share of spend that is margin.
    pub margin: Probability,
    /// Discount a year.
    pub annual_discount_rate: f64,
    /// Whether purchase rates follow the month, where two years of data show how.
    pub season: bool,
    /// The family of the purchase model.
    pub family: ClvFamily,
    /// What draws the parameters of the purchase model to 1, in customers; 0 is maximum likelihood.
    pub penalty: f64,
}

/// A family of lifetime value models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClvFamily {
    /// Customers may drop out after a repeat purchase.
    #[default]
    BgNbd,
    /// Customers may drop out after any purchase.
    MbgNbd,
    /// Customers may drop out at any time.
    ParetoNbd,
    /// Customers buy or not at each of a row of opportunities.
    BgBb,
    /// Whichever of BG/NBD, MBG/NBD and Pareto/NBD does best on a window that none was fitted on.
    Auto,
    /// Contracts: shifted beta-geometric.
    Sbg,
    /// Contracts: beta discrete Weibull.
    Bdw,
    /// Contracts: beta-geometric.
    BetaGeometric,
}

impl Default for Clv {
    fn default() -> Self {
        Self {
            horizon_days: Positive::new(365.0).expect("above 0"),
            margin: Probability::new(0.3).expect("from 0 to 1"),
            annual_discount_rate: 0.1,
            season: true,
            family: ClvFamily::default(),
            penalty: 0.0,
        }
    }
}

/// What contacts change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Uplift {
    /// Days after a contact in which it is seen what it changed.
    pub horizon_days: u32,
    /// What contacts are meant to change.
    pub outcome: UpliftOutcome,
    /// The same of single actions, by their ids, where it is another.
    pub outcomes: BTreeMap<String, UpliftOutcome>,
    /// Actions with fewer controls get no model.
    pub min_controls: usize,
    /// Folds of the cross-fitting.
    pub folds: usize,
}

/// What contacts are meant to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpliftOutcome {
    /// That customers stay, by the definition of churn: they buy in the window, or still have a subscription at its end.
    Retention,
    /// What customers spend in the window.
    Spend,
}

impl Default for Uplift {
    fn default() -> Self {
        Self {
            horizon_days: 90,
            outcome: UpliftOutcome::Retention,
            outcomes: BTreeMap::new(),
            min_controls: 200,
            folds: 3,
        }
    }
}

/// How models are trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Training {
    /// The seed of every random choice.
    pub seed: u64,
    /// How much work goes into the choice of a model: `quick`, `standard` or `thorough`.
    pub effort: Effort,
    /// At most this many training moments before the tune moment.
    pub moments: usize,
    /// Days between the history and the label window.
    pub gap_days: u32,
    /// Features that are kept although they tell the label almost alone.
    pub keep: Vec<String>,
    /// Features that the risk of churn may only rise with, or only fall with: `tickets = "increasing"`. What cannot
    /// promise that takes no part: boosting alone is fitted.
    pub monotone: BTreeMap<String, Direction>,
}

impl Default for Training {
    fn default() -> Self {
        let (keep, monotone) = (Vec::new(), BTreeMap::new());
        Self { seed: 42, effort: Effort::default(), moments: 12, gap_days: 0, keep, monotone }
    }
}

/// Which events tell what customers think, for lifecycle metrics.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Answers from 0 to 10 to "would you recommend us?"; without it `nps`.
    pub nps_event: Option<String>,
    /// Answers from 1 to 5 to "how satisfied were you?"; without it `csat`.
    pub csat_event: Option<String>,
    /// Complaints; without it `complaint` and `support_ticket`.
    pub complaint_events: Option<Vec<String>>,
}

impl Recipe {
    /// Reads a recipe; paths in it are relative to its folder and come back absolute or relative to the caller.
    ///
    /// # Errors
    /// [`RecipeError`] if the file cannot be read, or says something that is not a choice.
    pub fn read(path: &Path) -> Result<Self, RecipeError> {
        let text =
            std::fs::read_to_string(path).map_err(|error| RecipeError::Unreadable { path: path.to_owned(), error })?;
        let invalid = |error: String| RecipeError::Invalid { path: path.to_owned(), error };
        let mut recipe: Self =
            toml::from_str(&text).map_err(|error| invalid(error.to_string().trim_end().to_owned()))?;
        recipe.check().map_err(invalid)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for (table, source) in recipe.tables.named_mut() {
            source.file = folder.join(&source.file);
            match source.cancelled_prefix.as_deref() {
                Some("") => {
                    return Err(invalid(format!(
                        "[tables.{table}] cancelled_prefix is empty; expected letters, or no such line"
                    )));
                }
                Some(_) if table != "transactions" => {
                    return Err(invalid(format!(
                        "[tables.{table}] has a cancelled_prefix; expected it of transactions alone"
                    )));
                }
                _ => {}
            }
        }
        Ok(recipe)
    }

    fn check(&self) -> Result<(), String> {
        self.text_format()?;
        for (name, days) in [
            ("churn", self.churn.horizon_days),
            ("upsell", self.upsell.horizon_days),
            ("uplift", self.uplift.horizon_days),
        ] {
            if days == 0 {
                return Err(format!("[{name}] horizon_days is 0; expected at least 1 day"));
            }
        }
        if !(0.0..10.0).contains(&self.clv.annual_discount_rate) {
            return Err(format!(
                "[clv] annual_discount_rate is {}; expected 0 to 10, such as 0.1 for 10 %",
                self.clv.annual_discount_rate
            ));
        }
        if !(self.clv.penalty >= 0.0 && self.clv.penalty.is_finite()) {
            return Err(format!("[clv] penalty is {}; expected a number of at least 0", self.clv.penalty));
        }
        self.campaign.check().map_err(|fault| format!("[campaign] {fault}"))?;
        if self.uplift.folds < 2 {
            return Err(format!("[uplift] folds is {}; expected at least 2", self.uplift.folds));
        }
        if self.training.moments == 0 {
            return Err("[training] moments is 0; expected at least 1".to_owned());
        }
        Ok(())
    }

    /// How texts are to be read.
    ///
    /// # Errors
    /// A sentence, if the decimal mark or the time zone is unknown.
    pub fn text_format(&self) -> Result<TextFormat, String> {
        let Format { decimal, date_format, time_zone } = &self.format;
        if !matches!(decimal, '.' | ',') {
            return Err(format!("[format] decimal is {decimal:?}; expected \".\" or \",\""));
        }
        let time_zone = TimeZone::get(time_zone).map_err(|_| {
            format!(
                "[format] time_zone is {time_zone:?}, which is not known; expected a name such as \"Europe/Berlin\""
            )
        })?;
        Ok(TextFormat { decimal: *decimal, date_format: date_format.clone(), time_zone })
    }
}

impl Tables {
    fn named_mut(&mut self) -> impl Iterator<Item = (&'static str, &mut Source)> {
        [
            ("customers", &mut self.customers),
            ("transactions", &mut self.transactions),
            ("subscriptions", &mut self.subscriptions),
            ("events", &mut self.events),
            ("products", &mut self.products),
            ("contacts", &mut self.contacts),
            ("consents", &mut self.consents),
        ]
        .into_iter()
        .filter_map(|(name, source)| source.as_mut().map(|source| (name, source)))
    }
}
