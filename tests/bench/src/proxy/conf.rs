//! Configurations that make others do what `sealtrail serve` does for a request: an id that is taken or made,
//! sent on as X-Correlation-ID and X-Request-ID and echoed, a traceparent, and X-Forwarded-For.

use std::path::Path;

const NGINX: &str = "daemon off; master_process off; worker_processes 1; pid nginx.pid;\n\
    events { worker_connections 4096; }\n";

/// An address, `127.0.0.1:1234` or the path of a socket.
#[derive(Clone)]
pub enum Address {
    Port(u16),
    Socket(String),
}

pub fn nginx_upstream(port: u16, socket: &Path) -> String {
    let body =
        |bytes: usize| format!("location = /{bytes} {{ return 200 \"{}\"; }}", "x".repeat(bytes));
    // nginx bounds one parameter to its buffer, so a long body is made of parts.
    let long = format!("location = /10240 {{ return 200 \"{}\"; }}", "$part".repeat(10));
    format!(
        "{NGINX}http {{ access_log off; keepalive_requests 1000000000; \
         map $uri $part {{ default \"{}\"; }} \
         server {{ listen 127.0.0.1:{port}; listen unix:{}; {} {long} }} }}\n",
        "y".repeat(1024),
        socket.display(),
        body(200),
    )
}

pub fn nginx(port: u16, http2_port: u16, upstream: &Address) -> String {
    let upstream = match upstream {
        Address::Port(port) => format!("127.0.0.1:{port}"),
        Address::Socket(path) => format!("unix:{path}"),
    };
    format!(
        "{NGINX}http {{ access_log off; keepalive_requests 1000000000; \
         map $http_x_request_id $id {{ default $http_x_request_id; '' $request_id; }} \
         map $http_traceparent $trace {{ default $http_traceparent; '' 00-$request_id-b7ad6b7169203331-01; }} \
         upstream u {{ server {upstream}; keepalive 1024; keepalive_requests 1000000000; }} \
         server {{ listen 127.0.0.1:{port}; listen 127.0.0.1:{http2_port} http2; \
         location / {{ proxy_pass http://u; proxy_http_version 1.1; \
         proxy_set_header Connection ''; proxy_set_header Host $host; \
         proxy_set_header X-Correlation-ID $id; proxy_set_header X-Request-ID $id; \
         proxy_set_header traceparent $trace; proxy_set_header X-Forwarded-For $remote_addr; \
         add_header X-Correlation-ID $id; }} }} }}\n"
    )
}

pub fn haproxy(port: u16, http2_port: u16, upstream: &Address) -> String {
    let upstream = match upstream {
        Address::Port(port) => format!("127.0.0.1:{port}"),
        Address::Socket(path) => format!("unix@{path}"),
    };
    format!(
        "global\n nbthread 1\n maxconn 8192\n\
         defaults\n mode http\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n\
         \u{20}option http-keep-alive\n http-reuse always\n\
         frontend f\n bind 127.0.0.1:{port}\n bind 127.0.0.1:{http2_port} proto h2\n\
         \u{20}http-request set-var(txn.id) req.hdr(x-request-id)\n\
         \u{20}http-request set-var(txn.id) uuid() unless {{ var(txn.id) -m found }}\n\
         \u{20}http-request set-header X-Correlation-ID %[var(txn.id)]\n\
         \u{20}http-request set-header X-Request-ID %[var(txn.id)]\n\
         \u{20}http-request set-header traceparent 00-%[rand,hex]%[rand,hex]-%[rand,hex]-01 unless {{ req.hdr(traceparent) -m found }}\n\
         \u{20}http-request set-header X-Forwarded-For %[src]\n\
         \u{20}http-response set-header X-Correlation-ID %[var(txn.id)]\n\
         \u{20}default_backend b\n\
         backend b\n server u {upstream} pool-max-conn 1024\n"
    )
}
