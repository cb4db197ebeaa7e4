use serde_json::json;

use crate::{console::Console, support::program::Program};

#[tokio::test]
async fn changes_by_other_clients_appear_automatically() {
    let console = Console::open("/app/").await;
    let browser = &console.browser;
    browser.sees("#connection", "Live").await;
    let path = console.create_order("anna").await;
    browser.sees(".orders", "anna").await;
    browser.sees(".orders", "1,059.97 EUR").await;
    console.api("POST", &format!("{path}/place"), &json!({})).await;
    browser.sees(".orders", "Placed").await;
    browser.click(".row-link").await;
    browser.sees("h1", "Order for anna").await;
    console.api("POST", &format!("{path}/fulfil"), &json!({})).await;
    browser.sees(".order-status", "Fulfilled").await;
    browser.sees("#history", "Fulfilled").await;
    console.browser.finish(&[]).await;
}

#[tokio::test]
async fn tabs_share_one_stream_and_another_tab_takes_it_over() {
    let console = Console::open("/app/").await;
    let browser = &console.browser;
    browser.sees("#connection", "Live").await;
    let first = browser.client.window().await.unwrap();
    let second = browser.client.new_window(true).await.unwrap().handle;
    browser.client.switch_to_window(second.clone()).await.unwrap();
    browser.open("/app/").await;
    browser.sees("#connection", "Live").await;
    console.create_order("anna").await;
    browser.sees(".orders", "anna").await;
    let streams =
        "return performance.getEntriesByType('resource').filter(e => e.name.includes('/events/stream')).length";
    assert_eq!(browser.script(streams, vec![]).await, json!(0));

    // The tab that reads the stream closes.
    browser.client.switch_to_window(first).await.unwrap();
    browser.sees(".orders", "anna").await;
    browser.client.close_window().await.unwrap();
    browser.client.switch_to_window(second).await.unwrap();
    console.create_order("ben").await;
    browser.sees(".orders", "ben").await;
    browser.sees("#connection", "Live").await;
    console.browser.finish(&[]).await;
}

#[tokio::test]
async fn after_a_restart_of_the_service_the_page_loads_every_missed_change() {
    let Console { service, browser, database } = Console::start().await;
    let address = service.address().to_owned();
    service.create_order().await;
    browser.open("/app/").await;
    browser.sees("#count", "1 order shown").await;
    browser.sees("#connection", "Live").await;
    service.stop();
    browser.sees("#connection", "Reconnecting").await;

    // In the meantime another instance creates an order.
    let program = Program::new().database(&database);
    let other = program.start();
    other.create_order().await;
    let service = program.bind(&address).start();
    browser.sees("#connection", "Live").await;
    browser.sees("#toasts", "Connected again. 3 changes loaded.").await;
    browser.sees("#count", "2 orders shown").await;
    service.create_order().await;
    browser.sees("#count", "3 orders shown").await;
    browser
        .finish(&[
            "ERR_CONNECTION_REFUSED",
            "ERR_INCOMPLETE_CHUNKED_ENCODING",
            "ERR_EMPTY_RESPONSE",
            "ERR_CONNECTION_RESET",
            // The service listens before it is ready for requests.
            "503 (Service Unavailable)",
        ])
        .await;
}
