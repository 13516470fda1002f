//! `tend models`: the registry.

use anyhow::Context;
use clap::Subcommand;
use tend_models::artifact::read_header;
use tend_models::scorecard::Task;

use super::project::Project;

/// What to do with published models.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists all versions; a star marks the champion.
    List,
    /// Shows the model card of a version; without one, of the champion.
    Show {
        /// The task.
        task: String,
        /// The version.
        version: Option<String>,
    },
    /// Makes a version the champion.
    Promote {
        /// The task.
        task: String,
        /// The version.
        version: String,
    },
    /// Makes the champion before the present one the champion again.
    Rollback {
        /// The task.
        task: String,
    },
    /// Loads every version and checks it whole.
    Verify,
}

/// Runs one of the registry commands.
pub fn run(project: &Project, args: &Args) -> anyhow::Result<()> {
    let registry = project.registry();
    match &args.action {
        Action::List => list(project),
        Action::Show { task, version } => {
            let task = parse_task(task)?;
            let version = match version {
                Some(version) => version.clone(),
                None => registry.champion(task)?.context("no version is the champion")?.version,
            };
            let path = registry.folder(task, &version).join("card.md");
            let card = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            print!("{card}");
            Ok(())
        }
        Action::Promote { task, version } => {
            let task = parse_task(task)?;
            registry.promote(task, version)?;
            println!("{task}: version {version} is the champion");
            Ok(())
        }
        Action::Rollback { task } => {
            let task = parse_task(task)?;
            let version = registry.rollback(task)?;
            println!("{task}: version {version} is the champion again");
            Ok(())
        }
        Action::Verify => verify(project),
    }
}

fn parse_task(name: &str) -> anyhow::Result<Task> {
    Task::ALL.into_iter().find(|task| task.name() == name).with_context(|| {
        let known: Vec<&str> = Task::ALL.iter().map(|task| task.name()).collect();
        format!("found task {name:?}; expected one of {}", known.join(", "))
    })
}

fn list(project: &Project) -> anyhow::Result<()> {
    let registry = project.registry();
    let mut rows = Vec::new();
    for task in Task::ALL {
        let champion = registry.champion(task)?.map(|champion| champion.version);
        for version in registry.versions(task)? {
            let header = read_header(&registry.folder(task, &version).join("model.tend"))?;
            let is_champion = champion.as_ref() == Some(&version);
            rows.push((header, is_champion));
        }
    }
    if project.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|(header, is_champion)| serde_json::json!({"header": header, "is_champion": is_champion}))
            .collect();
        return project.print_json(&rows);
    }
    for (header, is_champion) in rows {
        let star = if is_champion { '*' } else { ' ' };
        let as_of = header.as_of.map_or_else(|| "customer table".to_owned(), |moment| moment.to_string());
        println!(
            "{star} {:<9} {:>4}  {:<12} {as_of}  {} rows",
            header.task.name(),
            header.version,
            header.family,
            header.rows
        );
    }
    Ok(())
}

fn verify(project: &Project) -> anyhow::Result<()> {
    let registry = project.registry();
    let mut faulty = 0;
    for task in Task::ALL {
        for version in registry.versions(task)? {
            match registry.load(task, &version) {
                Ok(_) => println!("{task} {version}: whole"),
                Err(error) => {
                    faulty += 1;
                    println!("{task} {version}: {error}");
                }
            }
        }
    }
    anyhow::ensure!(faulty == 0, "{faulty} versions are not usable");
    Ok(())
}
