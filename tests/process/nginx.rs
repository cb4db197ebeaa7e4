//! The service behind a real nginx, with the lines that are usual for WebSocket, a path prefix, and its default buffers.

use std::{
    fs,
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use futures_util::{StreamExt, future::join_all};
use reqwest::{RequestBuilder, header};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Database, eventually,
    program::Program,
    service::{Service, client_builder},
};

/// An nginx that passes `/shop/` to the service without that prefix. The end of the test kills it.
struct Nginx {
    process: Child,
    socket: PathBuf,
    _dir: TempDir,
}

impl Nginx {
    /// `None` without nginx on this machine.
    async fn before(service: &Service) -> Option<Self> {
        if Command::new("nginx").arg("-v").stderr(Stdio::null()).status().is_err() {
            eprintln!("NOT TESTED: nginx is not installed (Debian package nginx-light)");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        let (root, address, listen) = (dir.path().display(), service.address(), socket.display());
        let configuration = format!(
            "pid {root}/pid;
            error_log {root}/error.log;
            events {{ worker_connections 1024; }}
            http {{
                access_log off;
                client_body_temp_path {root}/body;
                proxy_temp_path {root}/proxy;
                fastcgi_temp_path {root}/fastcgi;
                uwsgi_temp_path {root}/uwsgi;
                scgi_temp_path {root}/scgi;
                map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
                upstream orders {{ server {address}; keepalive 16; }}
                server {{
                    listen unix:{listen};
                    location /shop/ {{
                        proxy_pass http://orders/;
                        proxy_http_version 1.1;
                        proxy_set_header Host localhost;
                        proxy_set_header Upgrade $http_upgrade;
                        proxy_set_header Connection $connection_upgrade;
                    }}
                }}
            }}"
        );
        let file = dir.path().join("nginx.conf");
        fs::write(&file, configuration).unwrap();
        let process = Command::new("nginx")
            .args(["-g", "daemon off; master_process off;", "-e", "stderr", "-c"])
            .arg(&file)
            .spawn()
            .unwrap();
        let nginx = Self { process, socket, _dir: dir };
        eventually("nginx listens", async || UnixStream::connect(&nginx.socket).ok()).await;
        Some(nginx)
    }

    fn client(&self) -> reqwest::Client {
        client_builder().redirect(reqwest::redirect::Policy::none()).unix_socket(self.socket.as_path()).build().unwrap()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn url(path: &str) -> String {
    format!("http://localhost/shop{path}")
}

/// What browsers and the HTTP client of the JDK offer.
fn with_offer(request: RequestBuilder, n: usize) -> RequestBuilder {
    match n % 3 {
        0 => request,
        1 => request.header(header::UPGRADE, "h2c").header(header::CONNECTION, "Upgrade"),
        _ => request.header(header::UPGRADE, "websocket").header(header::CONNECTION, "keep-alive, Upgrade"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_nginx_every_request_is_answered_whatever_its_client_offers() {
    let service = Program::new().database(&Database::new().await).start();
    let Some(nginx) = Nginx::before(&service).await else { return };
    let client = nginx.client();
    let clients = (0..8).map(async |_| {
        for n in 0..60 {
            let created = client.post(url("/orders")).json(&json!({"customer_id": "c"}));
            let created = with_offer(created, n).send().await.unwrap();
            assert_eq!(created.status(), 201);
            let order: Value = created.json().await.unwrap();
            let path = format!("/orders/{}", order["order_id"].as_str().unwrap());
            let read = with_offer(client.get(url(&path)), n).send().await.unwrap();
            assert_eq!(read.status(), 200);
        }
    });
    join_all(clients).await;
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_nginx_paths_keep_the_prefix_that_it_removes() {
    let service = Program::new().database(&Database::new().await).option("--base-path", "/shop").start();
    let Some(nginx) = Nginx::before(&service).await else { return };
    let client = nginx.client();
    let created = client.post(url("/orders")).json(&json!({"customer_id": "c"})).send().await.unwrap();
    let location = created.headers()["location"].to_str().unwrap().to_owned();
    assert!(location.starts_with("/shop/orders/"), "{location}");
    assert_eq!(client.get(format!("http://localhost{location}")).send().await.unwrap().status(), 200);
    let console = client.get(url("/app/")).send().await.unwrap().text().await.unwrap();
    let script = console.split('"').find(|text| text.contains("/app/api.js")).unwrap();
    assert_eq!(client.get(format!("http://localhost{script}")).send().await.unwrap().status(), 200);
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_passes_the_buffers_of_nginx_at_once() {
    let service = Program::new().database(&Database::new().await).start();
    let Some(nginx) = Nginx::before(&service).await else { return };
    let mut stream = nginx.client().get(url("/events/stream")).send().await.unwrap().bytes_stream();
    let order = service.create_order().await;
    let mut received = String::new();
    // The stream stays open, so nothing but the event itself ends this loop.
    while !received.contains("order.created") {
        received += std::str::from_utf8(&stream.next().await.unwrap().unwrap()).unwrap();
    }
    assert!(received.contains(order["order_id"].as_str().unwrap()), "{received}");
    drop(stream);
    service.stop();
}
