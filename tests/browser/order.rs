use serde_json::json;

use crate::console::Console;

#[tokio::test]
async fn the_order_page_adds_changes_and_removes_items() {
    let console = Console::start().await;
    let path = console.create_order("anna").await;
    let browser = &console.browser;
    browser.open(&format!("/app{path}")).await;
    browser.sees("#order-total", "1,059.97 EUR").await;
    browser.fill("#product", "MONITOR147").await;
    browser.click("[role=option]").await;
    browser.fill("#quantity", "2").await;
    browser.click("#add-item").await;
    browser.sees("#order-total", "1,559.95 EUR").await;
    browser.sees("#line-3", "499.98").await;

    browser.fill("#quantity-2", "5").await;
    browser.click("#save-2").await;
    browser.sees("#order-total", "1,649.92 EUR").await;
    browser.fill("#quantity-2", "1000").await;
    browser.click("#save-2").await;
    browser.sees("#quantity-2-error", "A quantity is a whole number from 1 to 999.").await;

    browser.click("#remove-1").await;
    browser.gone("#line-1").await;
    browser.sees("#toasts", "1 unit of Laptop removed.").await;
    let order = console.service.get(&path).await;
    assert_eq!((&order["version"], &order["total_amount"]), (&json!(6), &json!("649.93")));
    console.browser.finish(&["422"]).await;
}

#[tokio::test]
async fn the_order_page_places_and_fulfils_and_explains_disabled_actions() {
    let console = Console::start().await;
    let path = console.create_order("anna").await;
    let browser = &console.browser;
    browser.open(&format!("/app{path}")).await;
    browser.sees("#why-not-fulfil", "it can be fulfilled only while it is placed").await;
    browser.click("#action-place").await;
    browser.sees(".order-status", "Placed").await;
    browser.sees("#why-not-place", "The order is placed").await;
    browser.gone("#save-1").await;
    browser.click("#action-fulfil").await;
    browser.sees(".order-status", "Fulfilled").await;
    browser.sees("#why-not-cancel", "it can be cancelled only while it is open or placed").await;
    // A disabled button takes a click and does nothing.
    browser.click("#action-cancel").await;
    assert!(browser.find_all("dialog").await.is_empty());
    assert_eq!(console.service.get(&path).await["status"], "fulfilled");
    console.browser.finish(&[]).await;
}

#[tokio::test]
async fn cancelling_asks_for_a_reason_and_the_history_shows_it() {
    let console = Console::start().await;
    let path = console.create_order("anna").await;
    let browser = &console.browser;
    browser.open(&format!("/app{path}")).await;
    browser.click("#action-cancel").await;
    browser.click("#cancel-keep").await;
    browser.gone("dialog").await;
    assert_eq!(console.service.get(&path).await["status"], "open");

    browser.click("#action-cancel").await;
    browser.fill("#cancel-reason", "Ordered twice").await;
    browser.click("#cancel-confirm").await;
    browser.sees(".order-status", "Cancelled").await;
    browser.sees("#history", "Cancelled: Ordered twice").await;
    let events = console.service.get(&format!("{path}/events")).await;
    assert_eq!(events["events"][3]["data"], json!({"reason": "Ordered twice"}));
    console.browser.finish(&[]).await;
}

#[tokio::test]
async fn a_conflict_shows_what_somebody_else_changed() {
    let console = Console::start().await;
    let path = console.create_order("anna").await;
    let browser = &console.browser;
    browser.open(&format!("/app{path}")).await;
    // The page keeps what the user typed, and announces the change.
    browser.fill("#quantity-2", "5").await;
    console.api("PATCH", &format!("{path}/items/2"), &json!({"quantity": 7})).await;
    browser.sees(".order", "Somebody else changed this order. You see version 3; the current version is 4.").await;
    browser.click("#save-2").await;
    browser.sees("#conflict", "Your change was not saved. You see version 3; the current version is 4.").await;
    browser.sees("#conflict", "Mouse: quantity changed from 2 to 7").await;
    browser.click("#conflict-reload").await;
    browser.sees("#order-total", "1,209.92 EUR").await;
    assert_eq!(browser.find("#quantity-2").await.prop("value").await.unwrap().as_deref(), Some("7"));
    assert_eq!(console.service.get(&path).await["version"], 4);
    console.browser.finish(&["412"]).await;
}

#[tokio::test]
async fn every_past_version_has_an_address_that_shows_it() {
    let console = Console::start().await;
    let path = console.create_closed_order("anna", "fulfil").await;
    let browser = &console.browser;
    browser.open(&format!("/app{path}")).await;
    browser.sees("#history", "2 × Mouse added at 29.99 EUR").await;
    browser.sees("#history", "Mouse: quantity changed from 2 to 3").await;
    browser.sees("#history", "1 × Laptop removed").await;
    browser.click(&format!("a[href='/app{path}?as_of=3']")).await;
    browser.sees("#historical-banner", "You see version 3 of 8").await;
    browser.sees("#order-total", "1,059.97 EUR").await;
    assert!(browser.find_all("#action-place, #save-1, #add-item").await.is_empty());
    browser.client.refresh().await.unwrap();
    browser.sees("#historical-banner", "You see version 3 of 8").await;
    browser.click("#back-to-now").await;
    browser.sees(".order-status", "Fulfilled").await;
    assert_eq!(browser.path().await, format!("/app{path}"));
    console.browser.finish(&[]).await;
}
