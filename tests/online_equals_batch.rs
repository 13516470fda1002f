//! The service answers what the batch writes, byte for byte.

#[path = "front_door/folder.rs"]
mod folder;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use folder::Folder;

const CUSTOMERS: usize = 10_000;
const CUSTOMERS_PER_REQUEST: usize = 500;

/// `tend serve` on a port of its own choice; stopped when dropped.
struct Server {
    process: Child,
    addr: String,
}

impl Server {
    fn start(folder: &Folder) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_tend"))
            .args(["serve", "--addr", "127.0.0.1:0", "--project"])
            .arg(folder.path(""))
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut lines = BufReader::new(process.stderr.take().expect("a pipe")).lines();
        let heard = lines.find_map(|line| {
            let line = line.expect("UTF-8");
            line.split_once("http://").map(|(_, rest)| rest.split(';').next().unwrap_or(rest).to_owned())
        });
        // The rest is read, so that the server never waits for a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, addr: heard.expect("the server says where it listens") }
    }

    /// Status and body.
    fn post(&self, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.addr).expect("the server listens");
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.addr,
            body.len()
        )
        .expect("the server reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the server answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.expect("a status"), body.to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().expect("the server runs");
        self.process.wait().expect("the server ends");
    }
}

#[test]
fn batch_decisions_equal_http_decisions_byte_for_byte() {
    let folder = Folder::new();
    folder.succeed(&["simulate", "--customers", &CUSTOMERS.to_string(), "--seed", "3", "--out", "data"]);
    folder.succeed(&["init", "--data", "data"]);
    // Two moments are enough of a model for this.
    let recipe = folder.read("tend.toml");
    folder.write("tend.toml", format!("{recipe}\n[training]\nmoments = 2\n"));
    folder.succeed(&["train"]);
    folder.succeed(&["decide", "--all", "--out", "decisions.jsonl"]);
    let decisions = folder.read("decisions.jsonl");
    let decisions: Vec<&str> = decisions.lines().collect();
    assert_eq!(decisions.len(), CUSTOMERS);

    let server = Server::start(&folder);
    for decisions in decisions.chunks(CUSTOMERS_PER_REQUEST) {
        let ids: Vec<String> = decisions
            .iter()
            .map(|decision| {
                let decision: serde_json::Value = serde_json::from_str(decision).expect("JSON");
                decision["customer_id"].as_str().expect("an id").to_owned()
            })
            .collect();
        let (status, body) = server.post("/v1/decisions", &serde_json::json!({"customer_ids": ids}).to_string());
        assert_eq!(status, 200, "{body}");
        let expected = format!("{{\"decisions\":[{}]}}", decisions.join(","));
        if body != expected {
            let at = body.bytes().zip(expected.bytes()).take_while(|(one, other)| one == other).count();
            let part = |text: &str| text.get(at.saturating_sub(80)..(at + 80).min(text.len())).map(str::to_owned);
            panic!("at byte {at}: the service says {:?}, the batch {:?}", part(&body), part(&expected));
        }
    }
}
