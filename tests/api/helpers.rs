use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    builder::ApiBuilder,
    document,
    follower::Follower,
    support::{Database, service::client_builder},
};

/// A client of a service that listens on a free port.
pub(crate) struct Api {
    pub(crate) url: String,
    client: reqwest::Client,
}

/// A response.
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

/// The same of a service that accepts API keys.
macro_rules! on_each_store_guarded {
    ($($test:ident),+ $(,)?) => {
        mod in_memory {
            $(#[tokio::test] async fn $test() { super::$test(crate::access::Guarded::start()).await })+
        }
        mod on_postgres {
            $(#[tokio::test] async fn $test() { super::$test(crate::access::Guarded::on_postgres().await).await })+
        }
    };
}
pub(crate) use on_each_store_guarded;

impl Api {
    /// A client of the service at this address.
    pub(crate) fn new(url: String) -> Self {
        Self { url, client: client_builder().redirect(reqwest::redirect::Policy::none()).build().unwrap() }
    }

    /// The same service for a caller with this credential.
    pub(crate) fn with_credential(&self, credential: &str) -> Self {
        let value = header::HeaderValue::try_from(format!("Bearer {credential}")).unwrap();
        let headers = [(header::AUTHORIZATION, value)].into_iter().collect();
        let client = client_builder().redirect(reqwest::redirect::Policy::none()).default_headers(headers);
        Self { url: self.url.clone(), client: client.build().unwrap() }
    }

    pub(crate) fn in_memory() -> Self {
        Self::builder().start()
    }

    pub(crate) async fn on_postgres() -> Self {
        Self::builder().start_on(Database::new().await.store())
    }

    pub(crate) fn builder() -> ApiBuilder {
        ApiBuilder::default()
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::receive(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::receive(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        Answer::receive(self.request(Method::PATCH, path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        Answer::receive(self.request(Method::DELETE, path)).await
    }

    /// Sends a POST without a body.
    pub(crate) async fn post_nothing(&self, path: &str) -> Answer {
        Answer::receive(self.request(Method::POST, path)).await
    }

    /// Posts bytes that are declared as JSON.
    pub(crate) async fn post_bytes(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.request(Method::POST, path).header(header::CONTENT_TYPE, "application/json");
        Answer::receive(request.body(body)).await
    }

    /// Opens an event stream.
    pub(crate) async fn follow(&self, path: &str) -> Follower {
        self.resume(path, "").await
    }

    /// Opens an event stream behind the last event of an earlier one.
    pub(crate) async fn resume(&self, path: &str, last_event_id: &str) -> Follower {
        let request = self.request(Method::GET, path).header("last-event-id", last_event_id);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        Follower::new(response)
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

impl Answer {
    /// Sends the request. Asserts that the OpenAPI document describes the response.
    pub(crate) async fn receive(request: RequestBuilder) -> Self {
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

    /// Asserts that this is a problem with this code, and has every member of RFC 9457 and of the API.
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

    /// The pointer or parameter of each error, and its code.
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
