use fantoccini::key::Key;
use serde_json::json;

use crate::console::Console;

#[tokio::test]
async fn the_list_filters_by_status_and_customer_and_the_address_keeps_the_filters() {
    let console = Console::open("/app/").await;
    let browser = &console.browser;
    console.create_order("anna").await;
    console.create_closed_order("anna", "fulfil").await;
    console.create_closed_order("ben", "cancel").await;
    browser.sees("#count", "3 orders shown").await;
    browser.click("#status-fulfilled").await;
    browser.sees("#count", "1 order shown").await;
    assert_eq!(browser.path().await, "/app/?status=fulfilled");
    browser.client.refresh().await.unwrap();
    browser.sees("#count", "1 order shown").await;
    browser.sees(".orders", "anna").await;
    browser.click("#status-all").await;
    browser.sees("#count", "3 orders shown").await;
    browser.fill("#search", "ben").await;
    browser.key(Key::Enter).await;
    browser.sees("#count", "1 order shown").await;
    browser.sees(".orders", "Cancelled").await;
    browser.click("#status-open").await;
    browser.sees("#main", "No orders match").await;
    browser.click("#clear-customer").await;
    browser.sees(".orders", "anna").await;
    console.browser.finish(&[]).await;
}

#[tokio::test]
async fn the_search_finds_an_order_by_its_id() {
    let console = Console::open("/app/").await;
    let path = console.create_order("anna").await;
    console.create_order("ben").await;
    let browser = &console.browser;
    browser.fill("#search", path.strip_prefix("/orders/").unwrap()).await;
    browser.key(Key::Enter).await;
    browser.sees("h1", "Order for anna").await;
    assert_eq!(browser.path().await, format!("/app{path}"));
    console.browser.finish(&[]).await;
}

#[tokio::test]
async fn a_long_list_loads_page_by_page() {
    let console = Console::start().await;
    for batch in 0..2 {
        let orders: Vec<_> = (0..40).map(|n| json!({"customer_id": format!("customer-{batch}-{n}")})).collect();
        let body = json!({"orders": orders});
        let request = crate::support::service::client().post(format!("{}/orders/batch", console.service.url));
        assert_eq!(request.json(&body).send().await.unwrap().status(), 207);
    }
    let browser = &console.browser;
    browser.open("/app/").await;
    browser.sees("#count", "50 orders shown").await;
    browser.sees(".orders [role=row]:nth-child(1) .cell-customer", "customer-1-39").await;
    browser.click("#more").await;
    browser.sees("#count", "80 orders shown").await;
    browser.sees(".orders [role=row]:nth-child(80) .cell-customer", "customer-0-0").await;
    console.browser.finish(&[]).await;
}

#[tokio::test]
async fn keyboard_shortcuts_lead_to_the_list_an_order_and_the_search() {
    let console = Console::open("/app/").await;
    console.create_order("anna").await;
    console.create_order("ben").await;
    let browser = &console.browser;
    browser.sees("#count", "2 orders shown").await;
    browser.keys("?").await;
    browser.sees("dialog", "Keyboard shortcuts").await;
    // Shortcuts do not work while a dialog is open.
    browser.keys("n").await;
    browser.key(Key::Escape).await;
    browser.gone("dialog").await;
    assert_eq!(browser.path().await, "/app/");
    browser.keys("jj").await;
    browser.key(Key::Enter).await;
    browser.sees("h1", "Order for anna").await;
    browser.keys("gl").await;
    browser.sees("#count", "2 orders shown").await;
    browser.keys("/").await;
    assert_eq!(browser.focused().await, "#search");
    // Shortcuts do not work in a text field.
    browser.keys("n?").await;
    assert_eq!(browser.path().await, "/app/");
    console.browser.finish(&[]).await;
}

#[tokio::test]
async fn an_unknown_path_shows_an_error_page_that_links_to_the_list() {
    let console = Console::open("/app/nowhere").await;
    let browser = &console.browser;
    browser.sees("h1", "Page not found").await;
    browser.press_button("All orders").await;
    browser.sees("h1", "Orders").await;
    browser.open("/app/orders/01890a5d-ac96-774b-bcce-b302099a8057").await;
    browser.sees("h1", "Order not found").await;
    console.browser.finish(&["404"]).await;
}
