//! `tend serve`: answers over HTTP from the published models and the timelines file.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use tend::http::{Service, serve};
use tend_models::quantities::Moment;
use tend_models::timeline::open_timelines;

use super::project::Project;

/// Where to listen.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The address.
    #[arg(long, default_value = "127.0.0.1:8080")]
    addr: SocketAddr,
}

/// Serves until the process is told to stop; at most `threads` threads answer, if given.
pub fn run(project: &Project, args: &Args, threads: Option<usize>) -> anyhow::Result<()> {
    let timelines = open_timelines(&project.timelines_path())?;
    let moment = timelines.known_until().unwrap_or(Moment::from_day(0));
    let book = project.book(timelines)?;
    let service = Arc::new(Service { book, moment });
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = threads {
        runtime.worker_threads(threads);
    }
    let runtime = runtime.enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(args.addr)
            .await
            .with_context(|| format!("cannot listen on {}; choose another address with --addr", args.addr))?;
        let addr = listener.local_addr()?;
        eprintln!("listening on http://{addr}; answers are as of {moment}");
        eprintln!("try: curl http://{addr}/health/ready");
        serve(listener, service, stop_signal()).await.context("serving")
    })
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
