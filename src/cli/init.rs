//! `tend init` and `tend check`: a recipe for the tables found, and what is wrong with them.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tend::decision::{Policy, PolicyKind};
use tend_training::ingest::known_columns;
use tend_training::run::data_until;
use tend_training::tables::TableFile;

use super::project::Project;

/// Where the tables are.
#[derive(Debug, clap::Args)]
pub struct InitArgs {
    /// The folder with the tables.
    #[arg(long, default_value = "data")]
    data: PathBuf,
    /// Overwrites tend.toml and policy.toml.
    #[arg(long)]
    force: bool,
}

/// Nothing to choose.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {}

const TABLES: [&str; 6] = ["customers", "transactions", "subscriptions", "events", "products", "contacts"];

/// Other names that companies give to columns of the contract, without case and punctuation.
const ALIASES: [(&str, &[&str]); 16] = [
    ("customer_id", &["customerid", "accountid", "userid", "clientid", "memberid", "masterid", "custid", "customer"]),
    (
        "event_time",
        &["invoicedate", "orderdate", "date", "timestamp", "purchasedate", "orderedat", "time", "createdat"],
    ),
    ("amount", &["spend", "revenue", "total", "ordertotal", "sales", "amountpaid", "totalprice"]),
    ("unit_price", &["unitprice", "price", "itemprice"]),
    ("order_id", &["invoice", "invoiceno", "orderid", "ordernumber", "transactionid"]),
    ("product_id", &["stockcode", "sku", "productid", "itemid", "plan", "product"]),
    ("category", &["productcategory", "department", "categoryname"]),
    ("quantity", &["qty", "units", "quantity", "pieces"]),
    ("is_return", &["iscancellation", "isrefund", "returned", "isreturn"]),
    ("created_at", &["signupdate", "registeredat", "joined", "createddate", "joindate", "createdat"]),
    ("start_date", &["startdate", "startedat", "begin", "validfrom"]),
    ("end_date", &["enddate", "endedat", "canceledat", "cancelledat", "validto"]),
    ("mrr", &["monthlyrevenue", "monthlycharges", "monthlyprice", "monthlyamount"]),
    ("event_type", &["type", "eventname", "event", "eventtype"]),
    ("sent_at", &["sentat", "contactdate", "senddate"]),
    ("action_id", &["campaign", "campaignid", "actionid", "offer"]),
];

/// Writes tend.toml and policy.toml.
pub fn init(project: &Project, args: &InitArgs) -> anyhow::Result<()> {
    std::fs::create_dir_all(&project.folder)?;
    let recipe_path = project.folder.join("tend.toml");
    let policy_path = project.folder.join("policy.toml");
    if !args.force && (recipe_path.exists() || policy_path.exists()) {
        bail!("{} or policy.toml is there already; overwrite them with --force", recipe_path.display());
    }
    let tables = find_tables(&args.data)?;
    let mut recipe =
        String::from("# What tend reads and learns. Every setting that is not here has its default; see the README.\n");
    for (table, file) in &tables {
        describe(&mut recipe, table, file, &project.folder)?;
    }
    let kind = if tables.iter().any(|(table, _)| *table == "transactions") {
        PolicyKind::Shop
    } else {
        PolicyKind::Subscription
    };
    std::fs::write(&recipe_path, recipe)?;
    std::fs::write(&policy_path, Policy::default_toml(kind))?;
    println!("wrote {} for {} tables, and {}", recipe_path.display(), tables.len(), policy_path.display());
    println!("next: look at the column mapping, then run `tend check --project {}`", project.folder.display());
    Ok(())
}

/// Tables by their names; a single file with another name is taken for the transactions.
fn find_tables(folder: &Path) -> anyhow::Result<Vec<(&'static str, TableFile)>> {
    let entries = std::fs::read_dir(folder).with_context(|| {
        format!("{}: cannot be listed; name the folder of your tables with --data", folder.display())
    })?;
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.to_string_lossy().to_lowercase();
        if [".csv", ".csv.gz", ".parquet"].iter().any(|ending| name.ends_with(ending)) {
            files.push(path);
        }
    }
    files.sort();
    let stem = |path: &Path| {
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        name.split('.').next().unwrap_or_default().to_owned()
    };
    let mut tables = Vec::new();
    for table in TABLES {
        if let Some(path) = files.iter().find(|path| stem(path) == table) {
            tables.push((table, TableFile::open(path)?));
        }
    }
    if tables.is_empty() {
        match &files[..] {
            [one] => tables.push(("transactions", TableFile::open(one)?)),
            [] => bail!("{}: found no .csv, .csv.gz or .parquet file", folder.display()),
            several => bail!(
                "{}: found {} files, none named after a table; name them {} (.csv or .parquet), or leave only the transactions",
                folder.display(),
                several.len(),
                TABLES.join(", ")
            ),
        }
    }
    Ok(tables)
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).flat_map(char::to_lowercase).collect()
}

/// The file's column that stands for a column of the contract under another name.
fn proposal<'a>(file: &'a TableFile, column: &str) -> Option<&'a String> {
    let aliases = ALIASES.iter().find(|(known, _)| *known == column).map_or(&[][..], |(_, aliases)| *aliases);
    let own = plain(column);
    let candidates = std::iter::once(own.as_str()).chain(aliases.iter().copied());
    candidates.into_iter().find_map(|alias| file.columns().iter().find(|name| plain(name) == alias))
}

fn describe(recipe: &mut String, table: &str, file: &TableFile, project: &Path) -> anyhow::Result<()> {
    let path = std::path::absolute(file.path())?;
    let base = std::path::absolute(project)?;
    let shown = path.strip_prefix(&base).unwrap_or(&path);
    writeln!(recipe, "\n[tables.{table}]\nfile = {:?}", shown.display().to_string())?;
    let (required, optional) = known_columns(table);
    let mut mapping = String::new();
    for column in required.iter().chain(optional) {
        if file.has(column) {
            continue;
        }
        match proposal(file, column) {
            Some(theirs) => writeln!(mapping, "{column} = {theirs:?}")?,
            None if required.contains(column) && *column != "amount" => {
                writeln!(mapping, "# {column} = \"\"  # required: name the file's column")?;
            }
            None => {}
        }
    }
    if !mapping.is_empty() {
        writeln!(recipe, "[tables.{table}.columns]\n{mapping}")?;
    }
    writeln!(recipe, "# columns of the file: {}", file.columns().join(", "))?;
    Ok(())
}

/// Reads everything and says what was found.
pub fn check(project: &Project, _args: &CheckArgs) -> anyhow::Result<()> {
    let recipe = project.recipe()?;
    project.policy()?;
    let ingested = project.ingest(&recipe)?;
    if project.json {
        return project.print_json(&ingested.received);
    }
    let timelines = &ingested.timelines;
    println!(
        "{} customers, {} purchase lines, {} subscriptions, {} events, {} contacts",
        timelines.len(),
        timelines.purchases.len(),
        timelines.subscriptions.len(),
        timelines.events.len(),
        timelines.contacts.len()
    );
    if let (Some(first), Some(until)) = (timelines.first_event(), data_until(timelines)) {
        println!("from {} to before {until}", first.date());
    }
    let rejected: usize = ingested.received.iter().map(|table| table.rows - table.kept()).sum();
    println!("{rejected} rows rejected{}", if rejected > 0 { "; each is in rejects.csv" } else { "" });
    Ok(())
}
