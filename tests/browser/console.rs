use serde_json::{Value, json};

use crate::{
    browser::{Browser, Device},
    support::{
        Database,
        program::Program,
        service::{Service, client},
    },
};

/// A service on PostgreSQL, and a browser that shows its console.
pub(crate) struct Console {
    pub(crate) service: Service,
    pub(crate) browser: Browser,
    pub(crate) database: Database,
}

impl Console {
    /// Starts the service and the browser, and opens this page.
    pub(crate) async fn open(path: &str) -> Self {
        let console = Self::start().await;
        console.browser.open(path).await;
        console
    }

    /// Starts the service and a browser without a page.
    pub(crate) async fn start() -> Self {
        Self::start_on(Device::Desktop).await
    }

    pub(crate) async fn start_on(device: Device) -> Self {
        let database = Database::new().await;
        let service = Program::new().database(&database).start();
        let browser = Browser::start(&service.url, device).await;
        Self { service, browser, database }
    }

    /// Sends a request to the API, as another client does, and returns the body of the response.
    pub(crate) async fn api(&self, method: &str, path: &str, body: &Value) -> Value {
        let request = client().request(method.parse().unwrap(), format!("{}{path}", self.service.url));
        let response = request.json(body).send().await.unwrap();
        assert!(response.status().is_success(), "{method} {path}: {}", response.status());
        response.json().await.unwrap()
    }

    /// Creates an order of a laptop and two mice, and returns its path in the API.
    pub(crate) async fn create_order(&self, customer: &str) -> String {
        let items = json!([{"sku": "LAPTOP123", "quantity": 1}, {"sku": "MOUSE456", "quantity": 2}]);
        let order = self.api("POST", "/orders", &json!({"customer_id": customer, "items": items})).await;
        format!("/orders/{}", order["order_id"].as_str().unwrap())
    }

    /// Creates an order, makes an event of every type that an open order can have, places it, and ends it by this action:
    /// `fulfil` or `cancel`. Returns its path in the API.
    pub(crate) async fn create_closed_order(&self, customer: &str, last_action: &str) -> String {
        let path = self.create_order(customer).await;
        self.api("PATCH", &format!("{path}/items/2"), &json!({"quantity": 3})).await;
        self.api("POST", &format!("{path}/items"), &json!({"sku": "MONITOR147", "quantity": 1})).await;
        self.api("DELETE", &format!("{path}/items/1"), &json!({})).await;
        self.api("POST", &format!("{path}/place"), &json!({})).await;
        self.api("POST", &format!("{path}/{last_action}"), &json!({})).await;
        path
    }

    /// All orders of the service.
    pub(crate) async fn orders(&self) -> Vec<Value> {
        self.service.get("/orders?limit=200").await["orders"].as_array().unwrap().clone()
    }
}
