//! A running service, as its clients see it.

// Each test file uses a part of it.
#![allow(dead_code)]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// `tend serve` on a port of its own choice; killed when dropped.
pub struct Server {
    process: Child,
    pub addr: String,
}

impl Server {
    pub fn start(project: &str) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_tend"))
            .args(["serve", "--addr", "127.0.0.1:0", "--project", project])
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut lines = BufReader::new(process.stderr.take().expect("a pipe")).lines();
        let mut said = Vec::new();
        let heard = lines.find_map(|line| {
            let line = line.expect("UTF-8");
            let addr = line.split_once("http://").map(|(_, rest)| rest.split(';').next().unwrap_or(rest).to_owned());
            said.push(line);
            addr
        });
        let addr = heard.unwrap_or_else(|| panic!("the server does not say where it listens: {said:?}"));
        // The rest is read, so that the server never waits for a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, addr }
    }

    /// Status and body; an error if the server ends before the whole answer is here.
    pub fn try_request(addr: &str, method: &str, path: &str, body: &str) -> io::Result<(u16, String)> {
        let mut stream = TcpStream::connect(addr)?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {addr}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let whole = answer.split_once("\r\n\r\n").and_then(|(head, body)| {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
            let status = head.split(' ').nth(1)?.parse().ok()?;
            (length.parse() == Ok(body.len())).then(|| (status, body.to_owned()))
        });
        whole.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    pub fn get(&self, path: &str) -> (u16, String) {
        Self::try_request(&self.addr, "GET", path, "").expect("the server answers")
    }

    pub fn post(&self, path: &str, body: &str) -> (u16, String) {
        Self::try_request(&self.addr, "POST", path, body).expect("the server answers")
    }

    /// Ends it as a loss of power to the process would: at once, in the middle of anything.
    pub fn kill(&mut self) {
        self.process.kill().expect("the server runs");
        self.process.wait().expect("the server ends");
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) -> bool {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
        self.process.wait().expect("the server ends").success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
