//! AWS KMS and IAM as moto's server plays them, in an environment of Python that is made below the target folder.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use super::python::python;
use super::wire::{exchange, post};

/// What is installed: the server without the extras of services that are not asked.
const PACKAGES: [&str; 3] = ["moto==5.2.5", "flask==3.1.3", "flask-cors==6.0.5"];

pub const REGION: &str = "eu-central-1";

pub struct Moto {
    pub address: SocketAddr,
    /// The server ends when this is closed, however the test ends.
    _alive: ChildStdin,
}

impl Moto {
    /// One for all tests that only have keys of their own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Moto> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    pub fn start() -> Self {
        const SERVE: &str = "\
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
sys.argv = ['moto_server', '-H', '127.0.0.1', '-p', '0']
from moto.server import main
main()";
        let mut child = Command::new(python(&PACKAGES))
            .args(["-c", SERVE])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = said.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, address) = line.split_once("Running on http://")?;
            address.trim().parse().ok()
        });
        let address = line.expect("moto's server did not start");
        // What it says of each request goes nowhere, and must go somewhere.
        let alive = child.stdin.take().unwrap();
        std::thread::spawn(move || {
            said.for_each(drop);
            child.wait()
        });
        Self { address, _alive: alive }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A new key; its ARN.
    pub fn key(&self) -> String {
        let created = self.kms("CreateKey", "{}");
        created["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
    }

    pub fn kms(&self, action: &str, body: &str) -> Value {
        let headers = format!(
            "x-amz-target: TrentService.{action}\r\ncontent-type: application/x-amz-json-1.1\r\n"
        );
        let answer = self.ask("kms", &headers, body);
        serde_json::from_str(&answer).unwrap_or_else(|e| panic!("{e}: {answer}"))
    }

    /// What IAM answers.
    pub fn iam(&self, action: &str, parameters: &str) -> String {
        let headers = "content-type: application/x-www-form-urlencoded\r\n";
        self.ask("iam", headers, &format!("Action={action}&Version=2010-05-08&{parameters}"))
    }

    /// From now on every call needs a signature and a policy that allows it.
    pub fn check_from_now_on(&self) {
        let reset = post(self.address, "/moto-api/reset-auth", "text/plain", "0");
        assert_eq!(reset.status, 200, "{}", reset.text());
    }

    fn ask(&self, service: &str, headers: &str, body: &str) -> String {
        let (address, length) = (self.address, body.len());
        let scope = format!("test/20261122/{REGION}/{service}/aws4_request");
        let response = exchange(
            address,
            &format!(
                "POST / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nauthorization: AWS4-HMAC-SHA256 \
                 Credential={scope}, SignedHeaders=host, Signature=0\r\n{headers}content-length: {length}\r\n\r\n{body}"
            ),
        );
        assert_eq!(response.status, 200, "{}", response.text());
        response.text()
    }
}
