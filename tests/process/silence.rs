//! The service while its connections to the database are silent, and afterwards.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::{Database, eventually, network::Network, program::Program, service::client};

/// The service promises 2 s, and a busy machine needs longer. What waits for a silent connection takes 11 s.
const RECOVERY: Duration = Duration::from_secs(8);

/// Within this time every request ends whose connection is silent. The database cancels a statement after 10 s.
const DEADLINE: Duration = Duration::from_secs(20);

/// A request of each kind.
fn requests(service: &str, order: &str) -> Vec<RequestBuilder> {
    let order = format!("/orders/{order}");
    let reads = [
        "/orders".to_owned(),
        "/orders?total=true&limit=1".to_owned(),
        order.clone(),
        format!("{order}?as_of=1"),
        format!("{order}/events"),
        "/events".to_owned(),
        "/health/ready".to_owned(),
    ];
    let write = |path: &str, body: Value| client().post(format!("{service}{path}")).json(&body);
    let item = json!({"sku": "LAPTOP123", "quantity": 1});
    let new = json!({"customer_id": "c", "items": [item]});
    let reads = reads.iter().map(|path| client().request(Method::GET, format!("{service}{path}")));
    let writes = [
        write("/orders", new.clone()),
        write("/orders", new.clone()).header("idempotency-key", "silence"),
        write(&format!("{order}/items"), item),
        write("/orders/batch", json!({"orders": [new]})),
    ];
    reads.chain(writes).collect()
}

/// The status of the response, and the request for the messages.
async fn send(request: RequestBuilder) -> (u16, String) {
    let (client, request) = request.build_split();
    let request = request.unwrap();
    let name = format!("{} {}", request.method(), request.url().path());
    (client.execute(request).await.unwrap().status().as_u16(), name)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_request_works_soon_after_the_network_is_back_and_none_waits_for_ever() {
    let database = Database::new().await;
    let network = Network::to(&database).await;
    let service = Program::new().database_url(&network.url()).start();
    let order = service.create_order().await["order_id"].as_str().unwrap().to_owned();
    for (status, request) in join_all(requests(&service.url, &order).into_iter().map(send)).await {
        assert!((200..300).contains(&status), "{request}: {status}");
    }

    network.fall_silent();
    let waiting = requests(&service.url, &order).into_iter().map(|request| tokio::spawn(send(request)));
    let waiting: Vec<_> = waiting.collect();
    eventually("the service is not ready", async || {
        let ready = client().get(format!("{}/health/ready", service.url)).send().await.unwrap();
        (ready.status() == 503).then_some(())
    })
    .await;
    let live = client().get(format!("{}/health/live", service.url)).send().await.unwrap();
    assert_eq!(live.status(), 200);

    network.come_back();
    let recovering = requests(&service.url, &order).into_iter().map(async |request| {
        let works = eventually("the request works", async || {
            let (status, _) = send(request.try_clone().unwrap()).await;
            (status < 300).then_some(())
        });
        let name = format!("{request:?}");
        tokio::time::timeout(RECOVERY, works).await.unwrap_or_else(|_| panic!("not within {RECOVERY:?}: {name}"));
    });
    join_all(recovering).await;
    for waited in waiting {
        let (status, request) = tokio::time::timeout(DEADLINE, waited).await.unwrap().unwrap();
        assert!(status < 300 || status == 503, "{request}: {status}");
    }
    let verified = Program::new().verify().database(&database).run();
    assert!(verified.status.success(), "{verified:?}");
    service.stop();
}
