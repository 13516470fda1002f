//! The accept loop: connections are limited in number, in how long they may be slow, and end in good order.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::patience::Impatient;
use super::{Service, router};

/// Connections at a time; more wait in the backlog of the socket.
const MOST_CONNECTIONS: usize = 1_024;
/// How long a client may take to send the head of a request, and how long a connection may idle.
const HEAD_DEADLINE: Duration = Duration::from_secs(5);
/// Bytes of the head of a request.
const MOST_HEAD_BYTES: usize = 64 << 10;
/// How long requests that are under way may take after the stop.
const DRAIN_DEADLINE: Duration = Duration::from_secs(30);
/// How long connections still take requests after the stop.
const STOP_PAUSE: Duration = Duration::from_millis(100);
/// How long to wait after the system had no socket to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown` completes, then answers what is under way, for at most 30 s.
///
/// # Errors
/// None: what goes wrong on one connection ends that connection alone, and a refusal to accept is waited out.
pub async fn serve(listener: TcpListener, service: Arc<Service>, shutdown: impl Future) -> io::Result<()> {
    let app = TowerToHyperService::new(router(Arc::clone(&service)));
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            _ = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MOST_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, app.clone(), stopped.clone()));
                }
                // Without a pause, a process that is out of descriptors would spin.
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
        }
    }
    service.is_stopping.store(true, Ordering::Relaxed);
    // Connections that wait in the backlog have been accepted as far as their clients know.
    while let Ok(Ok((stream, _))) = timeout(Duration::ZERO, listener.accept()).await {
        connections.spawn(converse(stream, app.clone(), stopped.clone()));
    }
    drop(listener);
    // A request on its way over an open connection still arrives.
    sleep(STOP_PAUSE).await;
    stop.send_replace(true);
    let drained = async { while connections.join_next().await.is_some() {} };
    // Connections that are still open after the deadline end when the set is dropped.
    let _ = timeout(DRAIN_DEADLINE, drained).await;
    Ok(())
}

/// Serves one connection; what goes wrong on it is the client's to see.
async fn converse(stream: TcpStream, app: TowerToHyperService<Router>, mut stopped: watch::Receiver<bool>) {
    // Only latency is at stake.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .max_buf_size(MOST_HEAD_BYTES)
        .keep_alive(true)
        .serve_connection(Impatient::new(TokioIo::new(stream)), app);
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}
