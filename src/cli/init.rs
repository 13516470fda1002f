//! `tend init` and `tend check`: a recipe for the tables found, and what is wrong with them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tend::decision::{Policy, PolicyKind};
use tend_training::evaluate::Campaign;
use tend_training::ingest::{Mapped, find_cancelled_prefix, known_columns, proposed_column};
use tend_training::recipe::Source;
use tend_training::run::{TableChecked, TableToJudge, Target, check_table};
use tend_training::tables::{TableFile, TextFormat};

use super::project::{Project, account};

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

/// What to check; without a table, the project's.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// A customer table: one row a customer.
    #[arg(long, requires = "target")]
    table: Option<PathBuf>,
    /// The target column of the customer table.
    #[arg(long, requires = "table")]
    target: Option<String>,
    /// The value of the target that counts as positive.
    #[arg(long, requires = "table")]
    positive: Option<String>,
    /// The column with the customers' ids.
    #[arg(long, requires = "table")]
    id: Option<String>,
    /// Columns that are no features.
    #[arg(long, value_delimiter = ',', requires = "table")]
    exclude: Vec<String>,
    /// Features that are kept although they tell the target almost alone.
    #[arg(long, value_delimiter = ',', requires = "table")]
    keep: Vec<String>,
}

const TABLES: [&str; 7] = ["customers", "transactions", "subscriptions", "events", "products", "contacts", "consents"];

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
    if project.json {
        let tables: Vec<&str> = tables.iter().map(|(table, _)| *table).collect();
        return project
            .print_json(&serde_json::json!({"recipe": recipe_path, "policy": policy_path, "tables": tables}));
    }
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

fn describe(recipe: &mut String, table: &'static str, file: &TableFile, project: &Path) -> anyhow::Result<()> {
    let path = std::path::absolute(file.path())?;
    let base = std::path::absolute(project)?;
    let shown = path.strip_prefix(&base).unwrap_or(&path);
    writeln!(recipe, "\n[tables.{table}]\nfile = {:?}", shown.display().to_string())?;
    let (required, optional) = known_columns(table);
    let mut source = Source { file: path, columns: BTreeMap::new(), cancelled_prefix: None, ignore: Vec::new() };
    let mut unknown = Vec::new();
    for column in required.iter().chain(optional).copied().filter(|column| !file.has(column)) {
        match proposed_column(file.columns(), column) {
            Some(theirs) => drop(source.columns.insert(column.to_owned(), theirs.to_owned())),
            None if required.contains(&column) && column != "amount" => unknown.push(column),
            None => {}
        }
    }
    if table == "transactions"
        && let Ok(mapped) = Mapped::new(table, file.clone(), &source)
        && let Some(prefix) = find_cancelled_prefix(&mapped, &TextFormat::default())?
    {
        writeln!(
            recipe,
            "# Orders whose id begins so are cancelled: their lines are netted.\ncancelled_prefix = {prefix:?}"
        )?;
    }
    if !source.columns.is_empty() || !unknown.is_empty() {
        writeln!(recipe, "[tables.{table}.columns]")?;
    }
    for (column, theirs) in &source.columns {
        writeln!(recipe, "{column} = {theirs:?}")?;
    }
    for column in unknown {
        writeln!(recipe, "# {column} = \"\"  # required: name the file's column")?;
    }
    writeln!(recipe, "# columns of the file: {}", file.columns().join(", "))?;
    Ok(())
}

/// Reads everything and says what was found.
pub fn check(project: &Project, args: &CheckArgs) -> anyhow::Result<()> {
    if let (Some(file), Some(column)) = (&args.table, &args.target) {
        let target = Target { column: column.clone(), positive: args.positive.clone() };
        let table = TableToJudge { file, id: args.id.as_deref(), target, campaign: Campaign::default() };
        let checked = check_table(&table, &args.exclude, &args.keep)?;
        if project.json {
            return project.print_json(&checked);
        }
        describe_table(&checked);
        return Ok(());
    }
    let recipe = project.recipe()?;
    project.policy()?;
    let ingested = project.read_tables(&recipe)?;
    let timelines = &ingested.timelines;
    let first = timelines.first_event().map(|first| first.date().to_string());
    let until = timelines.known_until().map(|until| until.to_string());
    if project.json {
        return project.print_json(&serde_json::json!({
            "customers": timelines.len(), "from": first, "until": until, "tables": ingested.received,
        }));
    }
    ingested.received.iter().for_each(|table| print!("{}", account(table)));
    println!(
        "{} customers, {} purchase lines, {} subscriptions, {} events, {} contacts, {} consents",
        timelines.len(),
        timelines.purchases.len(),
        timelines.subscriptions.len(),
        timelines.events.len(),
        timelines.contacts.len(),
        timelines.consents.len()
    );
    if let (Some(first), Some(until)) = (first, until) {
        println!("from {first} to before {until}");
    }
    let rejected: usize = ingested.received.iter().map(|table| table.rows - table.kept()).sum();
    println!("{rejected} rows rejected{}", if rejected > 0 { "; each is in rejects.csv" } else { "" });
    Ok(())
}

fn describe_table(checked: &TableChecked) {
    let share = 100.0 * checked.positives as f64 / checked.rows as f64;
    println!("{} rows, {} columns to learn from", checked.rows, checked.features);
    println!("target `{}`: {} rows are {:?} ({share:.1} %)", checked.target, checked.positives, checked.positive);
    for left_out in &checked.left_out {
        println!("left out {left_out}");
    }
    for suspect in &checked.suspects {
        println!("look at {suspect}");
    }
    for column in &checked.constant {
        println!("{column}: the same in every row, so it tells nothing");
    }
    for missing in &checked.missing {
        println!("{}: nothing is given in {:.1} % of the rows", missing.column, 100.0 * missing.share);
    }
    let faults = checked.left_out.len() + checked.suspects.len() + checked.constant.len() + checked.missing.len();
    if faults == 0 {
        println!("nothing is wrong with it");
    }
}
