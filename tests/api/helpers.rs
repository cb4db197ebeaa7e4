use std::{future::IntoFuture, time::Duration};

use orders::{
    app::{Adapters, FollowLog, Ports, PricingService, Store},
    http::{AppState, HttpLimits, HttpMetrics, HttpSettings, MetricsRenderer, serve},
    infra::{InProcessBus, MemoryStore, Metrics, StaticCatalogue, SystemClock, UuidV7},
};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    document,
    support::{Database, project},
};

const PATIENT: Duration = Duration::from_mins(1);
const HEARTBEAT: Duration = Duration::from_millis(200);
/// How many may wait for events.
pub(crate) const WAITING: usize = 95;

/// A service that listens on a free port, and a client of it.
pub(crate) struct Api {
    pub(crate) url: String,
    client: reqwest::Client,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: header::HeaderMap,
    pub(crate) body: Value,
}

/// Each test runs on memory and on PostgreSQL.
macro_rules! on_each_store {
    ($($test:ident),+ $(,)?) => {
        mod in_memory {
            $(#[tokio::test] async fn $test() { super::$test(crate::helpers::Api::in_memory()).await })+
        }
        mod on_postgres {
            $(#[tokio::test] async fn $test() { super::$test(crate::helpers::Api::on_postgres().await).await })+
        }
    };
}
pub(crate) use on_each_store;

impl Api {
    pub(crate) fn in_memory() -> Self {
        Self::start(MemoryStore::default())
    }

    pub(crate) async fn on_postgres() -> Self {
        Self::start(Database::new().await.store())
    }

    pub(crate) fn start<S: Store>(store: S) -> Self {
        Self::serve(store, StaticCatalogue::built_in().unwrap(), PATIENT, PATIENT)
    }

    /// With other bounds on how long the head and the body of a request may take to arrive.
    pub(crate) fn with_arrival_within(head: Duration, body: Duration) -> Self {
        Self::serve(MemoryStore::default(), StaticCatalogue::built_in().unwrap(), head, body)
    }

    pub(crate) fn with_pricing(pricing: impl PricingService) -> Self {
        Self::serve(MemoryStore::default(), pricing, PATIENT, PATIENT)
    }

    /// On a bus of the test's own, with a bound on how long a client may leave unread what was sent to it.
    pub(crate) fn with_bus(bus: InProcessBus, send_timeout: Duration) -> Self {
        let pricing = StaticCatalogue::built_in().unwrap();
        Self::serve_with(MemoryStore::default(), pricing, bus, send_timeout, PATIENT, PATIENT)
    }

    /// With the metrics that the store has, too.
    pub(crate) fn with_metrics(store: impl Store, telemetry: Metrics) -> Self {
        let bus = InProcessBus::new(InProcessBus::DEFAULT_CAPACITY);
        let ports = Adapters {
            store,
            pricing: StaticCatalogue::built_in().unwrap(),
            clock: SystemClock,
            ids: UuidV7,
            bus,
            telemetry,
        };
        Self::serve_ports(ports, PATIENT, PATIENT, PATIENT)
    }

    fn serve(store: impl Store, pricing: impl PricingService, head_timeout: Duration, arrival: Duration) -> Self {
        let bus = InProcessBus::new(InProcessBus::DEFAULT_CAPACITY);
        Self::serve_with(store, pricing, bus, PATIENT, head_timeout, arrival)
    }

    fn serve_with(
        store: impl Store,
        pricing: impl PricingService,
        bus: InProcessBus,
        send_timeout: Duration,
        head_timeout: Duration,
        arrival: Duration,
    ) -> Self {
        let telemetry = Metrics::new("0", "test");
        let ports = Adapters { store, pricing, clock: SystemClock, ids: UuidV7, bus, telemetry };
        Self::serve_ports(ports, send_timeout, head_timeout, arrival)
    }

    fn serve_ports(
        ports: impl Ports<Telemetry = Metrics>,
        send_timeout: Duration,
        head_timeout: Duration,
        arrival: Duration,
    ) -> Self {
        let bounds =
            HttpLimits { body: 64 * 1024, headers: 16 * 1024, arrival, heartbeat: HEARTBEAT, waiting: WAITING };
        let (http_metrics, metrics) = (HttpMetrics::default(), ports.telemetry().clone());
        metrics.register(|registry| http_metrics.register(registry));
        let render = MetricsRenderer::new(move || metrics.render());
        let app = AppState::new(ports.clone(), bounds, http_metrics, render);
        tokio::spawn(async move { FollowLog(&ports).run().await });
        let settings = HttpSettings {
            bind: "127.0.0.1:0".parse().unwrap(),
            static_dir: project().join("static"),
            cors_origins: vec!["https://shop.example.com".to_owned()],
            max_connections: 100,
            keep_alive: Duration::from_secs(75),
            head_timeout,
            send_timeout,
            drain_timeout: Duration::from_secs(5),
        };
        let serving = serve(app, settings).unwrap();
        tokio::spawn(serving.server.into_future());
        Self { url: format!("http://{}", serving.address), client: client() }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::PATCH, path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path)).await
    }

    /// Posts nothing at all.
    pub(crate) async fn post_nothing(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::POST, path)).await
    }

    /// Posts bytes that need not be JSON.
    pub(crate) async fn post_bytes(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.request(Method::POST, path).header(header::CONTENT_TYPE, "application/json");
        Answer::of(request.body(body)).await
    }

    /// A live stream of events.
    pub(crate) async fn follow(&self, path: &str) -> Follower {
        self.resume(path, "").await
    }

    /// A live stream of events, from where an earlier one was.
    pub(crate) async fn resume(&self, path: &str, last_event_id: &str) -> Follower {
        let request = self.request(Method::GET, path).header("last-event-id", last_event_id);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        Follower { response, rest: String::new() }
    }

    /// A new order of a laptop and two mice.
    pub(crate) async fn order(&self) -> Value {
        let items = json!([{"sku": "LAPTOP123", "quantity": 1}, {"sku": "MOUSE456", "quantity": 2}]);
        let created = self.post("/orders", &json!({"customer_id": "customer-1", "items": items})).await;
        assert_eq!(created.status, 201, "{created:?}");
        created.body
    }

    /// The path of a new order of a laptop and two mice.
    pub(crate) async fn order_path(&self) -> String {
        format!("/orders/{}", self.order().await["order_id"].as_str().unwrap())
    }

    pub(crate) async fn orders_count(&self) -> usize {
        self.get("/orders?limit=200").await.body["orders"].as_array().unwrap().len()
    }
}

/// A client of server-sent events.
#[derive(Debug)]
pub(crate) struct Follower {
    response: Response,
    rest: String,
}

/// What stands between two empty lines of a stream: its fields, and its comments under an empty name.
pub(crate) type Block = Vec<(String, String)>;

impl Follower {
    /// The next block, whatever it is. `None` at the end of the stream.
    pub(crate) async fn block(&mut self) -> Option<Block> {
        loop {
            if let Some((block, rest)) = self.rest.split_once("\n\n") {
                let fields = block.lines().map(|line| line.split_once(": ").expect("a field or a comment"));
                let block = fields.map(|(name, value)| (name.trim_matches(':').to_owned(), value.to_owned())).collect();
                self.rest = rest.into();
                return Some(block);
            }
            let chunk = tokio::time::timeout(Duration::from_secs(30), self.response.chunk()).await;
            let chunk = chunk.expect("something comes within 30 s").ok()??;
            self.rest.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event: its id, its type and its data. `None` at the end of the stream.
    pub(crate) async fn event(&mut self) -> Option<(u64, String, Value)> {
        loop {
            let block = self.block().await?;
            let [(id, position), (event, kind), (data, json)] = block.as_slice() else { continue };
            if [id, event, data] == ["id", "event", "data"] {
                return Some((position.parse().unwrap(), kind.clone(), serde_json::from_str(json).unwrap()));
            }
        }
    }
}

impl Answer {
    /// What came back; asserts that it is as the OpenAPI document of the service has it.
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let (client, request) = request.build_split();
        let request = request.unwrap();
        let (method, url) = (request.method().clone(), request.url().clone());
        let answer = Self::read(client.execute(request).await.unwrap()).await;
        document::assert_documented(&method, &url, &answer).await;
        answer
    }

    async fn read(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.unwrap();
        let is_json = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.to_str().unwrap().contains("json"));
        let text = || String::from_utf8_lossy(&bytes).into_owned().into();
        let body = if bytes.is_empty() || !is_json { text() } else { serde_json::from_slice(&bytes).unwrap() };
        Self { status, headers, body }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts that this is a problem of the kind, complete as RFC 9457 and the API's own conventions have it.
    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16, code: &str) -> &Self {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["type"], format!("/problems/{code}"));
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["request_id"], self.header("x-request-id"));
        assert!(!self.body["title"].as_str().unwrap().is_empty());
        assert!(!self.body["detail"].as_str().unwrap().is_empty());
        assert!(self.body["instance"].as_str().unwrap().starts_with('/'));
        self
    }

    /// Pointer or parameter, and code, of each field error.
    pub(crate) fn errors(&self) -> Vec<(&str, &str)> {
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors
            .iter()
            .map(|error| {
                let place = error["pointer"].as_str().or(error["parameter"].as_str());
                (place.expect("an error has a place"), error["code"].as_str().expect("an error has a code"))
            })
            .collect()
    }
}

fn client() -> reqwest::Client {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    client.no_proxy().tls_certs_only([]).build().unwrap()
}
