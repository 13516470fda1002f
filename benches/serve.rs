//! What a request costs: decisions kept durably at 64 connections, and scores of inline rows against a bare echo.
//!
//! `cargo bench --bench serve -- FOLDER` with the folder of a trained project; see `benches/serve/README.md`.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tend_models::features::{FeaturePlan, SnapshotMaker};
use tend_models::predict::FeatureKind;
use tend_models::registry::Registry;
use tend_models::scorecard::Task;
use tend_models::timeline::{NEVER, Timelines, open_timelines};

const WARM_UP: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(8);
/// Ticks a second in which the system counts processor time.
const TICKS: f64 = 100.0;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.as_slice() {
        [echo] if echo == "--echo" => serve_echo(),
        [folder] => measure(Path::new(folder)),
        _ => eprintln!("give the folder of a trained project: cargo bench --bench serve -- FOLDER"),
    }
}

fn measure(folder: &Path) {
    let timelines = open_timelines(&folder.join("timelines.tend")).expect("a timelines file");
    let registry = Registry::new(folder.join("registry"));
    let (_, churn) = registry.load_champion(Task::Churn).expect("a registry").expect("a churn model");
    let store = std::env::temp_dir().join(format!("tend-bench-{}", std::process::id()));
    let project = project_with_a_store_of_its_own(folder, &store);
    println!(
        "{} customers, {} features; figures of the server alone are of its processor time",
        timelines.len(),
        churn.plan().width()
    );
    println!(
        "{:<44} {:>10} {:>9} {:>9} {:>9} {:>12} {:>9}",
        "", "requests/s", "p50 ms", "p99 ms", "worst ms", "us CPU each", "RSS MB"
    );

    let start = Instant::now();
    let server = Server::tend(&project);
    println!("start until it answers: {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
    let places: Vec<usize> = (0..timelines.len()).step_by((timelines.len() / 2_000).max(1)).collect();
    let by_id: Vec<String> =
        places.iter().map(|&place| json!({"customer_ids": [timelines.ids.get(place)]}).to_string()).collect();
    let histories: Vec<String> = places.iter().map(|&place| history(&timelines, place)).collect();
    let rows: Vec<String> = places.iter().map(|&place| feature_row(&timelines, churn.plan(), place)).collect();
    server.measure("decisions by id, kept, 64 connections", "/v1/decisions", &by_id, 64);
    server.measure("scores by id, 16 connections", "/v1/scores", &by_id, 16);
    server.measure("scores of an inline history, 16 connections", "/v1/scores", &histories, 16);
    let inline = server.measure("scores of inline features, 16 connections", "/invocations", &rows, 16);
    drop(server);
    let echo = Server::echo();
    echo.measure("bare axum: the same histories parsed, echoed", "/", &histories, 16);
    let bare = echo.measure("bare axum: the same features parsed, echoed", "/", &rows, 16);
    println!(
        "inline features: {:.0} % of the bare echo's requests per second of processor time",
        100.0 * bare / inline
    );
    let _ = fs::remove_dir_all(store);
}

/// Links to the project's files, with a store in another place, so that the project stays as it is.
fn project_with_a_store_of_its_own(folder: &Path, to: &Path) -> PathBuf {
    fs::create_dir_all(to).expect("a writable folder");
    let folder = fs::canonicalize(folder).expect("a folder");
    for name in ["registry", "timelines.tend", "policy.toml"] {
        std::os::unix::fs::symlink(folder.join(name), to.join(name)).expect("a link");
    }
    to.to_owned()
}

/// The history of a customer as a request of scores has it.
fn history(timelines: &Timelines, place: usize) -> String {
    let history = timelines.timeline(place).before(timelines.known_until().expect("rows"));
    let time = |seconds: i64| tend_models::quantities::Moment::from_seconds(seconds).to_string();
    let lines: Vec<Value> =
        history.purchases().map(|line| json!({"event_time": time(line.at), "amount": line.amount})).collect();
    let running = history.subscriptions().filter(|one| one.end == NEVER);
    let subscriptions: Vec<Value> = running.map(|one| json!({"start_date": time(one.start), "mrr": one.mrr})).collect();
    let created_at = history.created_at().to_string();
    let id = timelines.ids.get(place);
    json!({"customers": [{"customer_id": id, "created_at": created_at, "transactions": lines,
        "subscriptions": subscriptions}]})
    .to_string()
}

/// One row of the model's features.
fn feature_row(timelines: &Timelines, plan: &FeaturePlan, place: usize) -> String {
    let history = timelines.timeline(place).before(timelines.known_until().expect("rows"));
    let mut row = vec![0.0; plan.width()];
    SnapshotMaker::new(plan, timelines).fill(&history, &mut row);
    let values: Vec<Value> = plan
        .features
        .iter()
        .zip(&row)
        .map(|(feature, &value)| match &feature.kind {
            _ if value.is_nan() => Value::Null,
            FeatureKind::Number => json!(value),
            FeatureKind::Category { levels } => json!(levels.get(value as usize)),
        })
        .collect();
    json!({"dataframe_split": {"columns": plan.names(), "data": [values]}, "params": {"task": "churn"}}).to_string()
}

/// A server in a process of its own.
struct Server {
    process: Child,
    addr: String,
}

impl Server {
    fn tend(project: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tend"));
        command.args(["serve", "--addr", "127.0.0.1:0", "--project"]).arg(project);
        Self::start(command)
    }

    fn echo() -> Self {
        let mut command = Command::new(std::env::current_exe().expect("a path"));
        command.arg("--echo");
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        let mut process = command.stderr(Stdio::piped()).spawn().expect("it runs");
        let mut lines = BufReader::new(process.stderr.take().expect("a pipe")).lines();
        let heard = lines.find_map(|line| {
            let line = line.expect("UTF-8");
            line.split_once("http://").map(|(_, rest)| rest.split(';').next().unwrap_or(rest).to_owned())
        });
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, addr: heard.expect("it says where it listens") }
    }

    /// Keeps connections busy with the bodies in turn; prints the figures and returns microseconds of processor time
    /// a request.
    fn measure(&self, name: &str, path: &str, bodies: &[String], connections: usize) -> f64 {
        self.load(path, bodies, connections, WARM_UP);
        let (cpu, start) = (self.cpu_seconds(), Instant::now());
        let mut times = self.load(path, bodies, connections, MEASURED);
        let (cpu, elapsed) = (self.cpu_seconds() - cpu, start.elapsed().as_secs_f64());
        times.sort_unstable();
        let milliseconds = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        let each = cpu / times.len() as f64 * 1e6;
        println!(
            "{name:<44} {:>10.0} {:>9.2} {:>9.2} {:>9.2} {each:>12.1} {:>9.0}",
            times.len() as f64 / elapsed,
            milliseconds(0.5),
            milliseconds(0.99),
            milliseconds(1.0),
            self.resident_megabytes()
        );
        each
    }

    fn load(&self, path: &str, bodies: &[String], connections: usize, during: Duration) -> Vec<Duration> {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..connections)
                .map(|client| {
                    let (addr, is_over) = (&self.addr, &is_over);
                    scope.spawn(move || converse(addr, path, bodies, client * bodies.len() / connections, is_over))
                })
                .collect();
            std::thread::sleep(during);
            is_over.store(true, Ordering::Relaxed);
            clients.into_iter().flat_map(|client| client.join().expect("a client")).collect()
        })
    }

    fn cpu_seconds(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).expect("a process");
        let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
        let ticks = |place: usize| fields[place].parse::<f64>().expect("ticks");
        // User and system time are fields 14 and 15, the first after the name being field 3.
        (ticks(11) + ticks(12)) / TICKS
    }

    fn resident_megabytes(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        line.trim().trim_end_matches(" kB").parse::<f64>().expect("kB") / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One connection, kept alive; how long each request took.
fn converse(addr: &str, path: &str, bodies: &[String], from: usize, is_over: &AtomicBool) -> Vec<Duration> {
    let mut stream = TcpStream::connect(addr).expect("a server");
    stream.set_nodelay(true).expect("a socket");
    let mut times = Vec::new();
    let mut answer = vec![0; 1 << 20];
    for body in bodies.iter().cycle().skip(from) {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let start = Instant::now();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {addr}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + body).as_bytes()).expect("a server that reads");
        let status = read_answer(&mut stream, &mut answer);
        assert_eq!(status, 200, "{path} {body}");
        times.push(start.elapsed());
    }
    times
}

/// Reads one whole answer and returns its status.
fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> u16 {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).expect("an answer");
        assert!(read > 0, "the server closed the connection");
        filled += read;
        let Some(end) = buffer[..filled].windows(4).position(|part| part == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&buffer[..end]).expect("a head of ASCII");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        if filled == end + 4 + length.parse::<usize>().expect("a number") {
            return head[9..12].parse().expect("a status");
        }
    }
}

/// An axum server that only parses and echoes JSON.
fn serve_echo() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let app = Router::new().route("/", post(|Json(body): Json<Value>| async { Json(body) }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        eprintln!("listening on http://{}", listener.local_addr().expect("an address"));
        axum::serve(listener, app).await.expect("serving");
    });
}
