//! `tend models`: the registry.

use anyhow::Context;
use clap::Subcommand;
use tend_models::artifact::read_header;
use tend_models::scorecard::Task;

#[cfg(feature = "serve")]
use super::evidence::{EvidenceArgs, of_model};
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
        #[arg(value_parser = parse_task)]
        task: Task,
        /// The version.
        version: Option<String>,
    },
    /// Makes a version the champion, unless the decisions that the service has kept speak against it.
    Promote {
        /// The task.
        #[arg(value_parser = parse_task)]
        task: Task,
        /// The version.
        version: String,
        #[cfg(feature = "serve")]
        #[command(flatten)]
        evidence: EvidenceArgs,
    },
    /// Makes the champion before the present one the champion again.
    Rollback {
        /// The task.
        #[arg(value_parser = parse_task)]
        task: Task,
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
            let version = match version {
                Some(version) => version.clone(),
                None => registry.champion(*task)?.context("no version is the champion")?.version,
            };
            let path = registry.folder(*task, &version).join("card.md");
            let card = std::fs::read_to_string(&path)
                .with_context(|| format!("{}: no such version; see `tend models list`", path.display()))?;
            if project.json {
                return project.print_json(&serde_json::json!({"task": task, "version": version, "card": card}));
            }
            print!("{card}");
            Ok(())
        }
        Action::Promote {
            task,
            version,
            #[cfg(feature = "serve")]
            evidence,
        } => {
            #[cfg(feature = "serve")]
            let said = of_model(project, *task, version, evidence)?;
            #[cfg(not(feature = "serve"))]
            let said = "no evidence from decisions: this build keeps none";
            registry.promote(*task, version)?;
            if project.json {
                return project.print_json(&serde_json::json!({"task": task, "champion": version, "evidence": said}));
            }
            eprintln!("{said}");
            tell_champion(project, *task, version)
        }
        Action::Rollback { task } => tell_champion(project, *task, &registry.rollback(*task)?),
        Action::Verify => verify(project),
    }
}

fn tell_champion(project: &Project, task: Task, version: &str) -> anyhow::Result<()> {
    if project.json {
        return project.print_json(&serde_json::json!({"task": task, "champion": version}));
    }
    println!("{task}: version {version} is the champion");
    Ok(())
}

fn parse_task(name: &str) -> Result<Task, String> {
    Task::ALL.into_iter().find(|task| task.name() == name).ok_or_else(|| {
        let known: Vec<&str> = Task::ALL.iter().map(|task| task.name()).collect();
        format!("expected one of {}", known.join(", "))
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
        return project.print_json(&serde_json::json!({"models": rows}));
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
    let mut checked = Vec::new();
    for task in Task::ALL {
        for version in registry.versions(task)? {
            let fault = registry.load(task, &version).err().map(|error| error.to_string());
            checked.push((task, version, fault));
        }
    }
    let faulty = checked.iter().filter(|(_, _, fault)| fault.is_some()).count();
    if project.json {
        let one = |(task, version, fault): &(Task, String, Option<String>)| serde_json::json!({"task": task, "version": version, "is_whole": fault.is_none(), "fault": fault});
        let models: Vec<_> = checked.iter().map(one).collect();
        project.print_json(&serde_json::json!({"models": models}))?;
    } else {
        for (task, version, fault) in &checked {
            println!("{task} {version}: {}", fault.as_deref().unwrap_or("whole"));
        }
    }
    anyhow::ensure!(faulty == 0, "{faulty} versions are not usable; train them again or remove their folders");
    Ok(())
}
