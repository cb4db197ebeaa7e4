use fantoccini::key::Key;
use serde_json::json;

use crate::console::Console;

#[tokio::test]
async fn the_list_is_filtered_by_status_and_customer_and_the_filters_can_be_bookmarked() {
    let console = Console::open("/app/").await;
    let browser = &console.browser;
    console.order_of("anna").await;
    console.life_of("anna", "fulfil").await;
    console.life_of("ben", "cancel").await;
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
async fn an_order_is_found_by_its_id() {
    let console = Console::open("/app/").await;
    let path = console.order_of("anna").await;
    console.order_of("ben").await;
    let browser = &console.browser;
    browser.fill("#search", path.strip_prefix("/orders/").unwrap()).await;
    browser.key(Key::Enter).await;
    browser.sees("h1", "Order for anna").await;
    assert_eq!(browser.path().await, format!("/app{path}"));
    console.browser.finish(&[]).await;
}

#[tokio::test]
async fn a_long_list_is_loaded_page_by_page() {
    let console = Console::start(crate::browser::Device::Desktop).await;
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
async fn keys_lead_through_the_console() {
    let console = Console::open("/app/").await;
    console.order_of("anna").await;
    console.order_of("ben").await;
    let browser = &console.browser;
    browser.sees("#count", "2 orders shown").await;
    browser.keys("?").await;
    browser.sees("dialog", "Keyboard shortcuts").await;
    // In a dialog the keys are the dialog's.
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
    // What is typed into a field is text.
    browser.keys("n?").await;
    assert_eq!(browser.path().await, "/app/");
    console.browser.finish(&[]).await;
}

#[tokio::test]
async fn a_path_that_is_none_says_so_and_leads_back() {
    let console = Console::open("/app/nowhere").await;
    let browser = &console.browser;
    browser.sees("h1", "Page not found").await;
    browser.press_button("All orders").await;
    browser.sees("h1", "Orders").await;
    browser.open("/app/orders/01890a5d-ac96-774b-bcce-b302099a8057").await;
    browser.sees("h1", "Order not found").await;
    console.browser.finish(&["404"]).await;
}
