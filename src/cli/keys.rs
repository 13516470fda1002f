//! `tend keys`: the API keys of the service.

use anyhow::ensure;
use clap::Subcommand;
use tend::store::{Scope, Store};

use super::project::Project;

/// What to do with API keys.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Makes a key and prints it, once: it is kept as a hash alone.
    Create {
        /// A name to revoke it by.
        name: String,
        /// What it allows: read, decide, ingest, admin.
        #[arg(long, value_delimiter = ',', required = true, value_parser = parse_scope)]
        scopes: Vec<Scope>,
    },
    /// Lists the keys.
    List,
    /// Removes a key; a running service refuses it within seconds.
    Revoke {
        /// The key's name.
        name: String,
    },
}

/// Runs one of the commands; the service may be running.
pub fn run(project: &Project, args: &Args) -> anyhow::Result<()> {
    let path = project.store_path()?;
    match &args.action {
        Action::Create { name, scopes } => {
            let key = Store::create_key(&path, name, scopes)?;
            if project.json {
                return project.print_json(&serde_json::json!({"name": name, "scopes": scopes, "key": key}));
            }
            println!("{key}");
            eprintln!("keep it now; send it as `Authorization: Bearer {}...`", &key[..9]);
        }
        Action::List => {
            let keys = Store::list_keys(&path)?;
            if project.json {
                return project.print_json(&serde_json::json!({"keys": keys}));
            }
            for key in keys {
                let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.name()).collect();
                println!("{}  {}", key.name, scopes.join(","));
            }
        }
        Action::Revoke { name } => {
            ensure!(Store::revoke_key(&path, name)?, "there is no key named {name:?}; see `tend keys list`");
            if project.json {
                return project.print_json(&serde_json::json!({"revoked": name}));
            }
            println!("{name} is revoked");
        }
    }
    Ok(())
}

fn parse_scope(name: &str) -> Result<Scope, String> {
    let found = Scope::ALL.into_iter().find(|scope| scope.name() == name);
    found.ok_or_else(|| "expected read, decide, ingest or admin".to_owned())
}
