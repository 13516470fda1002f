//! `tend serve`: answers over HTTP from the published models, the timelines file and what was streamed.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, ensure};
use tend::http::{Conditions, Service, Sources, serve, watch};
use tend::store::Store;

use super::project::Project;

/// Where and how to listen.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The address; one beyond this machine needs API keys, see `tend keys`.
    #[arg(long, default_value = "127.0.0.1:8080")]
    addr: SocketAddr,
    /// Requests need an API key on this machine too.
    #[arg(long)]
    require_keys: bool,
    /// Writes a line for every request on stderr.
    #[arg(long)]
    log_requests: bool,
    /// Loads and checks everything, says what would answer, and ends.
    #[arg(long)]
    check: bool,
}

/// Serves until the process is told to stop; at most `threads` threads answer, if given.
pub fn run(project: &Project, args: &Args, threads: Option<usize>) -> anyhow::Result<()> {
    let service = Arc::new(service(project, args)?);
    if args.check {
        return tell(project, &service);
    }
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = threads {
        runtime.worker_threads(threads);
    }
    let runtime = runtime.enable_all().build()?;
    let served = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(args.addr)
            .await
            .with_context(|| format!("cannot listen on {}; choose another address with --addr", args.addr))?;
        let addr = listener.local_addr()?;
        eprintln!("listening on http://{addr}; answers are as of {}", service.moment());
        eprintln!("try: curl http://{addr}/health/ready");
        let watcher = tokio::spawn(watch(Arc::clone(&service)));
        let served = serve(listener, service, stop_signal()).await.context("serving");
        watcher.abort();
        served
    });
    // The store commits what it has taken when the last holder of the service lets go of it.
    drop(runtime);
    served
}

fn service(project: &Project, args: &Args) -> anyhow::Result<Service> {
    let sources = Sources::new(project.registry(), project.folder.join("policy.toml"), project.timelines_path());
    let answering = sources.load().with_context(|| project.folder.display().to_string())?;
    let store = Store::open(&project.store_path()?)?;
    let needs_keys = args.require_keys || !args.addr.ip().is_loopback();
    if needs_keys {
        ensure!(
            !store.keys()?.is_empty(),
            "found no API key, and {} needs one; make one with `tend keys create`, or listen on 127.0.0.1",
            args.addr
        );
    }
    let conditions = Conditions { needs_keys, logs_requests: args.log_requests, voice: project.voice()? };
    Ok(Service::new(answering, sources, store, conditions)?)
}

fn tell(project: &Project, service: &Service) -> anyhow::Result<()> {
    let (versions, moment) = (service.versions(), service.moment());
    if project.json {
        return project.print_json(&serde_json::json!({"models": versions, "moment": moment.to_string()}));
    }
    for (task, version) in versions {
        println!("{task}: version {version}");
    }
    println!("answers would be as of {moment}");
    Ok(())
}

async fn stop_signal() {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(signal) => signal,
        Err(error) => {
            eprintln!("cannot listen for SIGTERM: {error}");
            return std::future::pending().await;
        }
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
