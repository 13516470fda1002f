//! `tend train`: from tables to published models.

mod telling;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use clap::ValueEnum;
use tend_models::features::FeaturePlan;
use tend_models::quantities::Moment;
use tend_models::scorecard::Task;
use tend_training::champion::Effort;
use tend_training::evaluate::Campaign;
use tend_training::ingest::ingest;
use tend_training::recipe::{Clv, ClvFamily, Recipe, Source, Training};
use tend_training::run::{
    ClvRun, ContractTableRun, ExperimentTable, Figures, ProjectRun, TableRun, Target, Trained, train_clv,
    train_contract_table, train_experiment, train_project, train_table,
};
use tend_training::tables::TableFile;

use super::contracts::ContractColumnArgs;
use super::project::{Project, account, currency, now};
use super::unit::Unit;
use super::usage_error;

use telling::describe;
pub use telling::{describe_held_out, describe_hold_out, describe_product};

/// What to train.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The task; without it all that the project's tables allow.
    #[arg(long)]
    task: Option<TaskName>,
    /// Uses only what was known before this date.
    #[arg(long)]
    as_of: Option<Moment>,
    /// A customer table: one row a customer.
    #[arg(long, requires = "task", conflicts_with = "transactions")]
    table: Option<PathBuf>,
    /// The target column of the customer table.
    #[arg(long)]
    target: Option<String>,
    #[command(flatten)]
    experiment: ExperimentArgs,
    /// The value of the target, or of the outcome, that counts as positive.
    #[arg(long)]
    positive: Option<String>,
    /// Columns of the customer table that are no features.
    #[arg(long, value_delimiter = ',')]
    exclude: Vec<String>,
    /// Features that are kept although they tell the target almost alone.
    #[arg(long, value_delimiter = ',')]
    keep: Vec<String>,
    /// Folds of the cross-validation on a customer table.
    #[arg(long, conflicts_with = "test")]
    folds: Option<usize>,
    /// Held-out rows of a customer table of your own: the figures are theirs.
    #[arg(long, requires = "table")]
    test: Option<PathBuf>,
    /// The real rate of positives, if the customer table was re-sampled to another: probabilities and figures are
    /// brought to it.
    #[arg(long, requires = "table", value_parser = parse_rate)]
    base_rate: Option<f64>,
    #[command(flatten)]
    campaign: CampaignArgs,
    /// How much work goes into the choice of a model; without it that of tend.toml, or standard.
    #[arg(long)]
    effort: Option<EffortName>,
    /// The seed of every random choice; without it that of tend.toml.
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    log: TransactionLog,
    #[command(flatten)]
    contracts: ContractColumnArgs,
    /// The lifetime value family; without it that of tend.toml, or BG/NBD for purchases, and for contracts the better of
    /// sbg and bdw.
    #[arg(long)]
    family: Option<FamilyName>,
    /// What draws the parameters of the purchase model to 1, in customers; 0 is maximum likelihood.
    #[arg(long, value_parser = parse_penalty)]
    penalty: Option<f64>,
    /// The time unit of the parameters, with --family bg-bb that of one opportunity; without it a day. Of a table of
    /// contracts the time between renewals; without it a month.
    #[arg(long)]
    unit: Option<Unit>,
}

/// The columns of an experiment: a customer table with who was treated and what happened.
#[derive(Debug, clap::Args)]
pub struct ExperimentArgs {
    /// Of an experiment table: the column that says how each customer was treated.
    #[arg(long, requires_all = ["table", "outcome"], conflicts_with = "target")]
    treatment: Option<String>,
    /// Of an experiment table: the column with what happened, yes or no or an amount.
    #[arg(long, requires = "treatment")]
    outcome: Option<String>,
    /// The value of the treatment for those not treated; without it 0, no, control or the like.
    #[arg(long, requires = "treatment")]
    control: Option<String>,
    /// The column with each customer's chance of being treated, if it was logged.
    #[arg(long, requires = "treatment")]
    propensity: Option<String>,
}

/// What a campaign to keep leavers costs and brings, for the profit that is told of a churn model.
#[derive(Debug, clap::Args)]
pub struct CampaignArgs {
    /// What a customer who stays is worth, in money.
    #[arg(long)]
    customer_value: Option<f64>,
    /// What an offer costs that is taken, in money.
    #[arg(long)]
    offer_cost: Option<f64>,
    /// What a contact costs, in money.
    #[arg(long)]
    contact_cost: Option<f64>,
}

impl CampaignArgs {
    /// The campaign with what was given.
    pub fn over(&self, campaign: Campaign) -> anyhow::Result<Campaign> {
        let campaign = Campaign {
            customer_value: self.customer_value.unwrap_or(campaign.customer_value),
            offer_cost: self.offer_cost.unwrap_or(campaign.offer_cost),
            contact_cost: self.contact_cost.unwrap_or(campaign.contact_cost),
            ..campaign
        };
        campaign.check().map_err(|fault| usage_error(&fault.replace('_', "-")))?;
        Ok(campaign)
    }
}

impl Args {
    /// The choices for lifetime value with what was given.
    fn lifetime_value(&self, clv: Clv) -> Clv {
        Clv {
            family: self.family.map_or(clv.family, ClvFamily::from),
            penalty: self.penalty.unwrap_or(clv.penalty),
            ..clv
        }
    }
}

fn parse_penalty(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(penalty) if penalty >= 0.0 && penalty.is_finite() => Ok(penalty),
        _ => Err("expected a number of at least 0".to_owned()),
    }
}

/// A rate strictly between 0 and 1.
fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate < 1.0 => Ok(rate),
        _ => Err("expected a number between 0 and 1, such as 0.04".to_owned()),
    }
}

/// A bare transaction log.
#[derive(Debug, clap::Args)]
pub struct TransactionLog {
    /// A transaction log: one row a purchase.
    #[arg(long, requires_all = ["time", "amount"])]
    pub transactions: Option<PathBuf>,
    /// The column with the customers' ids.
    #[arg(long)]
    pub id: Option<String>,
    /// The log's column with the time.
    #[arg(long)]
    pub time: Option<String>,
    /// The log's column with the amount.
    #[arg(long)]
    pub amount: Option<String>,
    /// The last day of the log to learn from; later rows are the hold-out.
    #[arg(long)]
    pub until: Option<Moment>,
}

/// A task by its name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum TaskName {
    /// Who leaves.
    Churn,
    /// Who takes the next product.
    Upsell,
    /// What customers are worth.
    Clv,
    /// Kinds of customers.
    Segments,
    /// What contacts change.
    Uplift,
}

impl From<TaskName> for Task {
    fn from(name: TaskName) -> Self {
        match name {
            TaskName::Churn => Self::Churn,
            TaskName::Upsell => Self::Upsell,
            TaskName::Clv => Self::Clv,
            TaskName::Segments => Self::Segments,
            TaskName::Uplift => Self::Uplift,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum EffortName {
    /// Fewer rows and trees, for a first look.
    Quick,
    /// The usual settings of every family.
    Standard,
    /// Settings are searched for; takes several times as long.
    Thorough,
}

impl From<EffortName> for Effort {
    fn from(name: EffortName) -> Self {
        match name {
            EffortName::Quick => Self::Quick,
            EffortName::Standard => Self::Standard,
            EffortName::Thorough => Self::Thorough,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FamilyName {
    BgNbd,
    MbgNbd,
    ParetoNbd,
    BgBb,
    Auto,
    Sbg,
    Bdw,
    BetaGeometric,
}

impl From<FamilyName> for ClvFamily {
    fn from(name: FamilyName) -> Self {
        match name {
            FamilyName::BgNbd => Self::BgNbd,
            FamilyName::MbgNbd => Self::MbgNbd,
            FamilyName::ParetoNbd => Self::ParetoNbd,
            FamilyName::BgBb => Self::BgBb,
            FamilyName::Auto => Self::Auto,
            FamilyName::Sbg => Self::Sbg,
            FamilyName::Bdw => Self::Bdw,
            FamilyName::BetaGeometric => Self::BetaGeometric,
        }
    }
}

/// Trains and publishes.
pub fn run(project: &Project, args: &Args) -> anyhow::Result<()> {
    if let (Some(TaskName::Uplift), Some(table)) = (args.task, &args.table) {
        return publish_one(project, train_experiment_table(args, table)?, "money units");
    }
    if let Some(table) = &args.table {
        return publish_one(project, train_customer_table(args, table)?, "money units");
    }
    if args.log.transactions.is_some() {
        return publish_one(project, train_transactions(args)?, "money units");
    }
    let mut recipe = project.recipe()?;
    recipe.training.seed = args.seed.unwrap_or(recipe.training.seed);
    recipe.training.effort = args.effort.map_or(recipe.training.effort, Effort::from);
    recipe.campaign = args.campaign.over(recipe.campaign)?;
    recipe.clv = args.lifetime_value(recipe.clv);
    let ingested = project.ingest(&recipe)?;
    let as_of = args.as_of.or_else(|| ingested.timelines.known_until()).context("found no rows to learn from")?;
    eprintln!("training on what was known before {as_of}");
    let run = ProjectRun { recipe: &recipe, timelines: &ingested.timelines, as_of };
    if let Some(task) = args.task {
        return publish_one(project, train_project(&run, task.into())?, currency(&recipe));
    }
    let mut trained = train_all(&run)?;
    for model in &mut trained {
        model.publish(&project.registry(), currency(&recipe))?;
    }
    let figures: Vec<&Figures> = trained.iter().map(|model| &model.figures).collect();
    if project.json {
        return project.print_json(&serde_json::json!({"models": figures}));
    }
    figures.into_iter().for_each(|figures| describe(project, figures));
    Ok(())
}

/// Trains every task that the tables allow, and tells why another is left out.
pub fn train_all(run: &ProjectRun<'_>) -> anyhow::Result<Vec<Trained>> {
    let mut trained = Vec::new();
    for task in Task::ALL {
        eprintln!("training {task}");
        match train_project(run, task) {
            Ok(model) => trained.push(model),
            Err(error) => eprintln!("  left out: {error}"),
        }
    }
    anyhow::ensure!(!trained.is_empty(), "no model can be trained on these tables; see above what each lacks");
    Ok(trained)
}

fn train_experiment_table(args: &Args, table: &std::path::Path) -> anyhow::Result<Trained> {
    let (Some(treatment), Some(outcome)) = (&args.experiment.treatment, &args.experiment.outcome) else {
        return Err(usage_error("--task uplift --table needs --treatment COLUMN and --outcome COLUMN"));
    };
    let run = ExperimentTable {
        file: table.to_owned(),
        id: args.log.id.clone(),
        treatment: treatment.clone(),
        control: args.experiment.control.clone(),
        outcome: outcome.clone(),
        positive: args.positive.clone(),
        propensity: args.experiment.propensity.clone(),
        exclude: args.exclude.clone(),
        keep: args.keep.clone(),
        folds: args.folds,
        // Nobody said what an outcome is worth: then profit is told in outcomes.
        worth: args.campaign.customer_value.unwrap_or(1.0),
        cost: args.campaign.contact_cost.unwrap_or(0.0),
        seed: args.seed.unwrap_or(Training::default().seed),
    };
    Ok(train_experiment(&run)?)
}

fn train_customer_table(args: &Args, table: &std::path::Path) -> anyhow::Result<Trained> {
    if matches!(args.task, Some(TaskName::Clv)) {
        return train_contracts(args, table);
    }
    let task = match args.task {
        Some(TaskName::Churn) => Task::Churn,
        Some(TaskName::Upsell) => Task::Upsell,
        _ => return Err(usage_error("a customer table trains --task churn, upsell, clv or uplift")),
    };
    let run = TableRun {
        task,
        file: table.to_owned(),
        id: args.log.id.clone(),
        target: Target {
            column: args.target.clone().ok_or_else(|| usage_error("--table needs --target COLUMN"))?,
            positive: args.positive.clone(),
        },
        exclude: args.exclude.clone(),
        keep: args.keep.clone(),
        folds: args.folds,
        test: args.test.clone(),
        base_rate: args.base_rate,
        campaign: args.campaign.over(Campaign::default())?,
        effort: args.effort.map_or(Training::default().effort, Effort::from),
        seed: args.seed.unwrap_or(Training::default().seed),
    };
    Ok(train_table(&run)?)
}

fn train_contracts(args: &Args, table: &std::path::Path) -> anyhow::Result<Trained> {
    if matches!(args.family, Some(FamilyName::BgNbd)) {
        return Err(usage_error("a table of contracts trains --family sbg, bdw or beta-geometric"));
    }
    let left = args.target.as_ref().map(|column| Target { column: column.clone(), positive: args.positive.clone() });
    Ok(train_contract_table(&ContractTableRun {
        file: table.to_owned(),
        columns: args.contracts.columns(left)?,
        period_months: args.unit.unwrap_or(Unit::Month).months(),
        clv: Clv { family: args.family.map(ClvFamily::from).unwrap_or_default(), ..Clv::default() },
        seed: args.seed.unwrap_or(Training::default().seed),
    })?)
}

fn train_transactions(args: &Args) -> anyhow::Result<Trained> {
    if !matches!(args.task, None | Some(TaskName::Clv)) {
        return Err(usage_error("--transactions trains lifetime value only; expected --task clv"));
    }
    let timelines = args.log.read()?;
    let data_until = timelines.known_until().context("found no rows to learn from")?;
    let run = ClvRun {
        timelines: &timelines,
        plan: FeaturePlan::default(),
        as_of: args.log.until.map_or(data_until, |last_day| last_day.plus_days(1)),
        unit_days: args.unit.unwrap_or(Unit::Day).days(),
        // The parameters of the literature are on the plain clock.
        clv: args.lifetime_value(Clv { season: false, ..Clv::default() }),
        data_until,
        seed: args.seed.unwrap_or(Training::default().seed),
    };
    Ok(train_clv(&run)?)
}

impl TransactionLog {
    /// Reads the log into timelines; tells what was rejected.
    pub fn read(&self) -> anyhow::Result<tend_models::timeline::Timelines> {
        let file = self.transactions.clone().context("expected --transactions FILE")?;
        let named = [("customer_id", &self.id), ("event_time", &self.time), ("amount", &self.amount)];
        let columns: BTreeMap<String, String> =
            named.iter().filter_map(|(column, theirs)| Some(((*column).to_owned(), (*theirs).clone()?))).collect();
        let table = TableFile::open(&file)?;
        for (_, theirs) in &named {
            theirs.iter().try_for_each(|theirs| table.require(theirs))?;
        }
        let mut recipe = Recipe::default();
        recipe.tables.transactions = Some(Source { file, columns, cancelled_prefix: None, ignore: Vec::new() });
        let ingested = ingest(&recipe, now()?, None)?;
        ingested.received.iter().for_each(|table| eprint!("{}", account(table)));
        Ok(ingested.timelines)
    }
}

fn publish_one(project: &Project, mut trained: Trained, currency: &str) -> anyhow::Result<()> {
    trained.publish(&project.registry(), currency)?;
    if project.json {
        return project.print_json(&trained.figures);
    }
    describe(project, &trained.figures);
    Ok(())
}
