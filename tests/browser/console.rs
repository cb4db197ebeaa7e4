use serde_json::{Value, json};

use crate::{
    browser::{Browser, Device},
    support::{
        Database,
        program::Program,
        service::{Service, client},
    },
};

/// The service with its console, and a browser.
pub(crate) struct Console {
    pub(crate) service: Service,
    pub(crate) browser: Browser,
    pub(crate) database: Database,
}

impl Console {
    pub(crate) async fn open(path: &str) -> Self {
        Self::open_on(Device::Desktop, path).await
    }

    pub(crate) async fn open_on(device: Device, path: &str) -> Self {
        let console = Self::start(device).await;
        console.browser.open(path).await;
        console
    }

    /// Without a page yet.
    pub(crate) async fn start(device: Device) -> Self {
        let database = Database::new().await;
        let service = Program::new().database(&database).start();
        let browser = Browser::start(&service.url, device).await;
        Self { service, browser, database }
    }

    /// What somebody else asks of the service meanwhile; the answer.
    pub(crate) async fn elsewhere(&self, method: &str, path: &str, body: &Value) -> Value {
        let request = client().request(method.parse().unwrap(), format!("{}{path}", self.service.url));
        let answer = request.json(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{method} {path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    /// An order of a laptop and two mice, taken elsewhere; its path in the API.
    pub(crate) async fn order_of(&self, customer: &str) -> String {
        let items = json!([{"sku": "LAPTOP123", "quantity": 1}, {"sku": "MOUSE456", "quantity": 2}]);
        let order = self.elsewhere("POST", "/orders", &json!({"customer_id": customer, "items": items})).await;
        format!("/orders/{}", order["order_id"].as_str().unwrap())
    }

    /// An order with every kind of event: placed, and fulfilled or cancelled.
    pub(crate) async fn life_of(&self, customer: &str, end: &str) -> String {
        let path = self.order_of(customer).await;
        self.elsewhere("PATCH", &format!("{path}/items/2"), &json!({"quantity": 3})).await;
        self.elsewhere("POST", &format!("{path}/items"), &json!({"sku": "MONITOR147", "quantity": 1})).await;
        self.elsewhere("DELETE", &format!("{path}/items/1"), &json!({})).await;
        self.elsewhere("POST", &format!("{path}/place"), &json!({})).await;
        self.elsewhere("POST", &format!("{path}/{end}"), &json!({})).await;
        path
    }

    /// All orders, as the service has them.
    pub(crate) async fn orders(&self) -> Vec<Value> {
        self.service.get("/orders?limit=200").await["orders"].as_array().unwrap().clone()
    }
}
