//! A model on disk: one immutable, versioned, checksummed file, checked whole before anything is scored with it.
//!
//! Layout: magic (8 bytes), format version (u32), header length (u32), BLAKE3 of the header (32), the header as JSON,
//! the payload. Numbers are little-endian. The header tells what the model is and holds the payload's length and
//! BLAKE3, so it can be read without the payload. The payload is bincode; this module alone knows that.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::families::classifier::Classifier;
use crate::families::purchases::{PurchaseHistory, PurchaseModel};
use crate::families::renewal::RenewalEstimate;
use crate::families::season::Season;
use crate::families::segments::Segments;
use crate::families::spend::SpendModel;
use crate::families::uplift::EffectModel;
use crate::features::{FeaturePlan, PurchaseRhythm};
use crate::files::write_atomically;
use crate::quantities::{Moment, Positive, Probability};
use crate::scorecard::{EffectOutcome, Task};
use crate::scorer::{in_opportunities, on_the_clock};

const MAGIC: &[u8; 8] = b"tendmodl";
const FORMAT_VERSION: u32 = 1;
const PREAMBLE: usize = 48;
const LONGEST_HEADER: usize = 16 << 20;

/// What a model is, readable without the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// What it answers.
    pub task: Task,
    /// Its version within the task.
    pub version: String,
    /// The winning family, such as `logistic`.
    pub family: String,
    /// The history before this moment was used in training. Absent for a customer table, which has no time.
    pub as_of: Option<Moment>,
    /// Rows of the training table or customers at the training moments.
    pub rows: usize,
    /// The seed of every random choice in training.
    pub seed: u64,
    /// The program that made it.
    pub made_by: String,
    /// Bytes of the payload.
    pub payload_bytes: usize,
    /// BLAKE3 of the payload, in hexadecimal.
    pub payload_blake3: String,
}

/// A fitted model with all that scoring needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Model {
    /// Who leaves.
    Churn(ChurnModel),
    /// Who takes which product.
    Upsell(UpsellModel),
    /// What customers are worth.
    Clv(ClvModel),
    /// Which kinds of customers there are.
    Segments(SegmentsModel),
    /// What customers with a contract are worth.
    Contracts(ContractsModel),
    /// What contacts change.
    Uplift(UpliftModel),
}

/// When a customer counts as lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChurnDefinition {
    /// No purchase within the horizon; asked of customers with a purchase in the days before.
    NoPurchase {
        /// A customer without a purchase for this long has left already.
        active_within_days: u32,
    },
    /// No subscription left at the end of the horizon; asked of customers with a running one.
    SubscriptionEnds,
    /// As the target column of a customer table says.
    TargetColumn,
}

/// Who leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChurnModel {
    /// The features.
    pub plan: FeaturePlan,
    /// Scores a row.
    pub classifier: Classifier,
    /// What was learned.
    pub definition: ChurnDefinition,
    /// Days ahead; 0 for a customer table, which does not say.
    pub horizon_days: u32,
}

/// What an upsell model's products are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Offer {
    /// Products of purchase lines or subscriptions.
    Product,
    /// Categories of purchase lines.
    Category,
    /// A dearer subscription than now: one offer named `plan upgrade`.
    PlanUpgrade,
    /// The target column of a customer table.
    TargetColumn,
}

/// Who takes which product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpsellModel {
    /// The features.
    pub plan: FeaturePlan,
    /// What the products are.
    pub offer: Offer,
    /// One classifier a product.
    pub products: Vec<(String, Classifier)>,
    /// Days ahead; 0 for a customer table.
    pub horizon_days: u32,
}

/// What customers are worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClvModel {
    /// The features that stages and lists show; empty for a bare transaction log.
    pub plan: FeaturePlan,
    /// Purchases, in time units.
    pub purchases: PurchaseModel,
    /// Spend of a purchase; absent where nobody spent anything.
    pub spend: Option<SpendModel>,
    /// How sure the parameters are; absent where the data leave one of the purchase model open.
    pub covariance: Option<Covariance>,
    /// Days in a time unit.
    pub unit_days: Positive,
    /// The clock on which the purchase rates are constant.
    pub season: Season,
    /// Days ahead.
    pub horizon_days: Positive,
    /// Share of spend that is margin.
    pub margin: Probability,
    /// Discount a year: .1 makes 110 of next year worth 100 now.
    pub annual_discount_rate: f64,
}

/// The covariances of the logarithms of fitted parameters, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Covariance {
    /// Of the purchase model.
    pub purchases: [[f64; 4]; 4],
    /// Of Gamma-Gamma; absent with another model of spend, or where the data leave a parameter open.
    pub spend: Option<[[f64; 3]; 3]>,
}

impl ClvModel {
    /// What counts as one purchase: all within so many days.
    #[must_use]
    pub fn days_of_a_purchase(&self) -> f64 {
        if self.purchases.is_discrete() { self.unit_days.get() } else { 1.0 }
    }

    /// A rhythm as the purchase model reads it; purchases are those of [`Self::days_of_a_purchase`].
    #[must_use]
    pub fn history(&self, rhythm: &PurchaseRhythm) -> PurchaseHistory {
        if self.purchases.is_discrete() {
            in_opportunities(rhythm, self.unit_days.get())
        } else {
            on_the_clock(rhythm, &self.season, self.unit_days.get())
        }
    }
}

/// What customers with a contract are worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContractsModel {
    /// The features that stages and lists show; empty for a table.
    pub plan: FeaturePlan,
    /// One model a bill period, the one with the most contracts first.
    pub periods: Vec<PeriodModel>,
    /// Days ahead.
    pub horizon_days: Positive,
    /// Share of revenue that is margin.
    pub margin: Probability,
    /// Discount a year.
    pub annual_discount_rate: f64,
}

/// Contracts of one bill period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeriodModel {
    /// Months between bills: the renewal period.
    pub period_months: Positive,
    /// Who renews.
    pub renewal: RenewalEstimate,
    /// What a year makes of the price of a contract that goes on: 1.03 where it grows by 3 %.
    pub annual_price_factor: Positive,
    /// Who leaves at the next renewal, by the features of the plan; absent where it was no better than the age alone.
    pub hazard: Option<RenewalHazard>,
}

/// Who leaves at the next renewal, by what is known of the customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RenewalHazard {
    /// The probability to leave, from the features of the plan.
    pub classifier: Classifier,
    /// What is left, after each renewal, of a customer's difference in log-odds from all contracts as old.
    pub memory: Probability,
}

/// Which kinds of customers there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentsModel {
    /// The features.
    pub plan: FeaturePlan,
    /// The kinds.
    pub segments: Segments,
}

/// What contacts change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpliftModel {
    /// The features.
    pub plan: FeaturePlan,
    /// One model an action, by action.
    pub actions: Vec<ActionUplift>,
    /// Days ahead; 0 for an experiment table, which does not say.
    pub horizon_days: u32,
}

/// What one action changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionUplift {
    /// The action; the value of the treatment column for an experiment table.
    pub action: String,
    /// What it changes.
    pub outcome: EffectOutcome,
    /// By how much.
    pub model: EffectModel,
}

impl Model {
    /// The task it answers.
    #[must_use]
    pub fn task(&self) -> Task {
        match self {
            Self::Churn(_) => Task::Churn,
            Self::Upsell(_) => Task::Upsell,
            Self::Clv(_) | Self::Contracts(_) => Task::Clv,
            Self::Segments(_) => Task::Segments,
            Self::Uplift(_) => Task::Uplift,
        }
    }

    /// The features it reads.
    #[must_use]
    pub fn plan(&self) -> &FeaturePlan {
        match self {
            Self::Churn(model) => &model.plan,
            Self::Upsell(model) => &model.plan,
            Self::Clv(model) => &model.plan,
            Self::Segments(model) => &model.plan,
            Self::Contracts(model) => &model.plan,
            Self::Uplift(model) => &model.plan,
        }
    }

    /// What a checksum cannot tell: that the parts fit together and every number makes sense.
    fn check(&self) -> Result<(), String> {
        let kinds = self.plan().kinds();
        match self {
            Self::Churn(model) => model.classifier.check(&kinds).map_err(|error| error.to_string()),
            Self::Upsell(model) => model
                .products
                .iter()
                .try_for_each(|(_, classifier)| classifier.check(&kinds))
                .map_err(|error| error.to_string()),
            Self::Clv(model) => {
                check_discount(model.annual_discount_rate)?;
                model.season.check().map_err(|error| error.to_string())
            }
            Self::Contracts(model) => {
                check_discount(model.annual_discount_rate)?;
                let check = |period: &PeriodModel| {
                    period.renewal.check()?;
                    period.hazard.iter().try_for_each(|hazard| hazard.classifier.check(&kinds))
                };
                model.periods.iter().try_for_each(check).map_err(|error| error.to_string())
            }
            Self::Segments(model) => model.segments.check(&kinds).map_err(|error| error.to_string()),
            Self::Uplift(model) => model
                .actions
                .iter()
                .try_for_each(|action| action.model.check(&kinds))
                .map_err(|error| error.to_string()),
        }
    }
}

fn check_discount(annual_rate: f64) -> Result<(), String> {
    if (0.0..10.0).contains(&annual_rate) {
        Ok(())
    } else {
        Err(format!("found a discount rate of {annual_rate} a year, expected 0 to 10"))
    }
}

/// Why an artifact cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The operating system refused.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// Not a whole, valid model of a version this program reads.
    #[error("{path}: {found}; expected a model as published by `tend train`; train again or take another version")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        found: String,
    },
}

/// The bytes of an artifact; the payload's length and checksum in `header` are filled in.
#[must_use]
pub fn encode(mut header: Header, model: &Model) -> Vec<u8> {
    let payload = bincode::serde::encode_to_vec(model, bincode::config::standard()).expect("a model is plain data");
    header.payload_bytes = payload.len();
    header.payload_blake3 = blake3::hash(&payload).to_hex().to_string();
    let header = serde_json::to_vec(&header).expect("a header is plain data");
    let length = u32::try_from(header.len()).expect("a header is short");
    let mut bytes = Vec::with_capacity(PREAMBLE + header.len() + payload.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(blake3::hash(&header).as_bytes());
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(&payload);
    bytes
}

/// Writes an artifact atomically.
///
/// # Errors
/// [`ArtifactError::Io`] if the operating system refuses.
pub fn save(path: &Path, header: Header, model: &Model) -> Result<(), ArtifactError> {
    let bytes = encode(header, model);
    write_atomically(path, |writer| writer.write_all(&bytes))
        .map_err(|error| ArtifactError::Io { path: path.to_owned(), error })
}

/// Reads what a model is, without the model.
///
/// # Errors
/// [`ArtifactError`] if the file cannot be read or its header is not whole.
pub fn read_header(path: &Path) -> Result<Header, ArtifactError> {
    let bytes = read(path)?;
    split(&bytes).map(|(header, _)| header).map_err(|found| ArtifactError::Invalid { path: path.to_owned(), found })
}

/// Reads a model and checks it whole: checksums, then that its parts fit together.
///
/// # Errors
/// [`ArtifactError`] if the file cannot be read or any check fails.
pub fn load(path: &Path) -> Result<(Header, Model), ArtifactError> {
    decode(&read(path)?).map_err(|found| ArtifactError::Invalid { path: path.to_owned(), found })
}

/// Reads a model from the bytes of an artifact.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn decode(bytes: &[u8]) -> Result<(Header, Model), String> {
    let (header, payload) = split(bytes)?;
    if payload.len() != header.payload_bytes {
        return Err(format!("found {} bytes of model, the header says {}", payload.len(), header.payload_bytes));
    }
    if blake3::hash(payload).to_hex().as_str() != header.payload_blake3 {
        return Err("found a model that does not match its checksum".to_owned());
    }
    // The limit keeps a crafted length from reserving memory; 1 GiB is far above any model of ours.
    let config = bincode::config::standard().with_limit::<{ 1 << 30 }>();
    let (model, read): (Model, usize) = bincode::serde::decode_from_slice(payload, config)
        .map_err(|error| format!("found an unreadable model: {error}"))?;
    if read != payload.len() {
        return Err(format!("found {} bytes behind the model", payload.len() - read));
    }
    if model.task() != header.task {
        return Err(format!("found a {} model under a {} header", model.task(), header.task));
    }
    model.check()?;
    Ok((header, model))
}

fn read(path: &Path) -> Result<Vec<u8>, ArtifactError> {
    fs::read(path).map_err(|error| ArtifactError::Io { path: path.to_owned(), error })
}

fn split(bytes: &[u8]) -> Result<(Header, &[u8]), String> {
    if bytes.len() < PREAMBLE || &bytes[..8] != MAGIC {
        return Err("found no model".to_owned());
    }
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    let version = number(8);
    if version != FORMAT_VERSION {
        return Err(format!("found format version {version}, this program reads version {FORMAT_VERSION}"));
    }
    let length = number(12) as usize;
    if length > LONGEST_HEADER {
        return Err(format!("found a header of {length} bytes, at most {LONGEST_HEADER} are allowed"));
    }
    let header = bytes.get(PREAMBLE..PREAMBLE + length).ok_or("found a file that ends inside its header")?;
    if blake3::hash(header).as_bytes() != &bytes[16..PREAMBLE] {
        return Err("found a header that does not match its checksum".to_owned());
    }
    let header = serde_json::from_slice(header).map_err(|error| format!("found an unreadable header: {error}"))?;
    Ok((header, &bytes[PREAMBLE + length..]))
}
