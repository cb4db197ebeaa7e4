use fantoccini::key::Key;
use serde_json::json;

use crate::console::Console;

#[tokio::test]
async fn the_keyboard_alone_creates_an_order_with_items() {
    let console = Console::open("/app/").await;
    let browser = &console.browser;
    browser.sees("#main", "There are no orders yet").await;
    browser.keys("n").await;
    browser.sees("h1", "New order").await;
    tab_to(&console, "#customer").await;
    browser.keys("customer-7").await;
    tab_to(&console, "#product-0").await;
    browser.keys("lap").await;
    browser.sees("[role=listbox]:not([hidden])", "LAPTOP123").await;
    browser.key(Key::Down).await;
    browser.key(Key::Enter).await;
    tab_to(&console, "#quantity-0").await;
    browser.key(Key::Up).await;
    browser.sees("#total", "1,999.98 EUR").await;
    tab_to(&console, "#add-item").await;
    browser.key(Key::Enter).await;
    browser.keys("mouse").await;
    browser.key(Key::Enter).await;
    browser.sees("#total", "2,029.97 EUR").await;
    tab_to(&console, "#create").await;
    browser.key(Key::Enter).await;

    browser.sees("h1", "Order for customer-7").await;
    browser.sees("#order-total", "2,029.97 EUR").await;
    browser.sees("#toasts", "Order created").await;
    let orders = console.orders().await;
    assert_eq!(orders.len(), 1);
    assert_eq!((&orders[0]["customer_id"], &orders[0]["units_count"]), (&json!("customer-7"), &json!(3)));
    assert_eq!(browser.path().await, format!("/app/orders/{}", orders[0]["order_id"].as_str().unwrap()));
    console.browser.finish(&[]).await;
}

/// Presses the tab key until this element has the focus.
async fn tab_to(console: &Console, id: &str) {
    for _ in 0..30 {
        if console.browser.focused().await == id {
            return;
        }
        console.browser.key(Key::Tab).await;
    }
    panic!("the tab key does not reach {id}");
}

#[tokio::test]
async fn each_error_is_shown_beside_its_field() {
    let console = Console::open("/app/new").await;
    let browser = &console.browser;
    browser.fill("#product-0", "nonsense").await;
    browser.fill("#quantity-0", "1000").await;
    browser.click("#create").await;
    browser.sees("#customer-error", "A customer id is not empty.").await;
    browser.sees("#quantity-0-error", "A quantity is a whole number from 1 to 999.").await;
    assert_eq!(browser.focused().await, "#customer");
    let customer = browser.find("#customer").await;
    assert_eq!(customer.attr("aria-invalid").await.unwrap().as_deref(), Some("true"));
    assert!(customer.attr("aria-describedby").await.unwrap().unwrap().contains("customer-error"));
    assert!(console.orders().await.is_empty());

    browser.fill("#customer", "customer-7").await;
    browser.fill("#quantity-0", "2").await;
    browser.click("#create").await;
    browser.sees("#product-0-error", "There is no product").await;
    // A click chooses the product.
    browser.fill("#product-0", "webcam").await;
    browser.click("[role=option]").await;
    browser.click("#create").await;
    browser.sees("#order-total", "159.98 EUR").await;
    console.browser.finish(&["422"]).await;
}

#[tokio::test]
async fn a_double_click_and_a_retry_after_a_lost_response_create_one_order() {
    let console = Console::open("/app/new").await;
    let browser = &console.browser;
    browser.fill("#customer", "customer-7").await;
    browser.click("#remove-0").await;
    // The page does not receive the response to the first request.
    let lose_a_response = "const real = window.fetch; let lost = false;
        window.fetch = async (path, options) => {
            const response = await real(path, options);
            if (options?.method === 'POST' && !lost) { lost = true; window.keys = [options.headers['Idempotency-Key']]; throw new TypeError('lost'); }
            if (options?.method === 'POST') window.keys.push(options.headers['Idempotency-Key']);
            return response;
        };";
    browser.script(lose_a_response, vec![]).await;
    browser.script("const b = document.getElementById('create'); b.click(); b.click();", vec![]).await;
    browser.sees("h1", "Order for customer-7").await;
    assert_eq!(console.orders().await.len(), 1);
    let keys = browser.script("return window.keys", vec![]).await;
    assert!(keys[0].is_string() && keys[0] == keys[1], "{keys}");
    console.browser.finish(&[]).await;
}

#[tokio::test]
async fn a_customer_id_with_markup_is_shown_as_text() {
    let console = Console::open("/app/new").await;
    let browser = &console.browser;
    let customer = "<img src=x onerror=document.title='broken'>";
    browser.fill("#customer", customer).await;
    browser.click("#remove-0").await;
    browser.click("#create").await;
    browser.sees("h1", &format!("Order for {customer}")).await;
    browser.open("/app/").await;
    browser.sees(".orders", customer).await;
    assert!(browser.find_all("main img").await.is_empty());
    assert!(!browser.client.title().await.unwrap().contains("broken"));
    console.browser.finish(&[]).await;
}
