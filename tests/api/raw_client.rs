//! A client that sends whatever bytes a test wants, and reads responses as HTTP/1.1 frames them (RFC 9112, section 6).

use std::time::Duration;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{helpers::Api, support::PATIENCE};

/// A connection to the service.
pub(crate) struct RawClient {
    stream: TcpStream,
    received: Vec<u8>,
}

/// A response as it came.
#[derive(Debug)]
pub(crate) struct RawResponse {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl RawClient {
    pub(crate) async fn connect(api: &Api) -> Self {
        Self::connect_to(&api.url).await
    }

    pub(crate) async fn connect_to(url: &str) -> Self {
        let stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, received: Vec::new() }
    }

    /// Sends, and does not mind a service that does not read any more.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Sends a request without a body.
    pub(crate) async fn get(&mut self, path: &str) -> RawResponse {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
        self.response().await
    }

    /// No more requests from here; responses may still come.
    pub(crate) async fn close_writing(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Hangs up with a reset.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    /// The next response, interim ones included.
    pub(crate) async fn response(&mut self) -> RawResponse {
        self.response_to("GET").await
    }

    /// The next response: that to HEAD has no body.
    pub(crate) async fn response_to(&mut self, method: &str) -> RawResponse {
        let head = self.response_head().await;
        let mut response = RawResponse { status: head[9..12].parse().unwrap(), head, body: Vec::new() };
        let length = response.header("content-length").map(|length| length.parse::<usize>().unwrap());
        if method == "HEAD" || matches!(response.status, 100..=199 | 204 | 304) {
            return response;
        }
        if response.header("transfer-encoding") == Some("chunked") {
            loop {
                let line = self.line().await;
                let length = usize::from_str_radix(&line, 16).unwrap();
                let chunk = self.take(length).await;
                assert_eq!(self.line().await, "");
                if length == 0 {
                    return response;
                }
                response.body.extend(chunk);
            }
        }
        response.body = match length {
            Some(length) => self.take(length).await,
            None => self.rest().await,
        };
        response
    }

    /// The head of the next response, up to the empty line.
    pub(crate) async fn response_head(&mut self) -> String {
        let mut head = String::new();
        loop {
            let line = self.line().await;
            if line.is_empty() {
                assert!(head.starts_with("HTTP/1."), "{head:?}");
                return head;
            }
            head.push_str(&line);
            head.push('\n');
        }
    }

    /// All that comes until the service closes the connection in order.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.read().await.expect("the connection ends without a reset") > 0 {}
        std::mem::take(&mut self.received)
    }

    /// Asserts that nothing more comes before the service closes the connection.
    pub(crate) async fn assert_end(&mut self) {
        let rest = self.rest().await;
        assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    }

    /// Whether the service says nothing for so long, and keeps the connection.
    pub(crate) async fn is_quiet_for(&mut self, period: Duration) -> bool {
        self.received.is_empty() && tokio::time::timeout(period, self.stream.readable()).await.is_err()
    }

    /// The next line, without its end.
    pub(crate) async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.received.iter().position(|byte| *byte == b'\n') {
                let line = self.received.drain(..=end).collect();
                let line = String::from_utf8(line).unwrap();
                return line.trim_end_matches(['\r', '\n']).to_owned();
            }
            assert!(
                self.read().await.unwrap() > 0,
                "the connection ended: {}",
                String::from_utf8_lossy(&self.received)
            );
        }
    }

    async fn take(&mut self, length: usize) -> Vec<u8> {
        while self.received.len() < length {
            assert!(self.read().await.unwrap() > 0, "the connection ended within a body");
        }
        self.received.drain(..length).collect()
    }

    async fn read(&mut self) -> std::io::Result<usize> {
        let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.received));
        read.await.expect("the service answers or closes in time")
    }
}

impl RawResponse {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.into_iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Asserts that this is a problem of the kind.
    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!((problem["code"].as_str(), problem["status"].as_u64()), (Some(code), Some(status.into())));
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"));
    }
}
