use serde_json::{Value, json};

use crate::{browser::Browser, console::Console};

/// The requests of the current page and the bytes that they transferred, as the browser measures them.
const TRANSFERRED: &str = "
    const entries = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
    return {
        requests: entries.length,
        bytes: entries.reduce((sum, entry) => sum + entry.transferSize, 0),
        names: entries.map(entry => entry.name.replace(location.origin, '') + ' ' + entry.transferSize),
    };";

/// The largest contentful paint, in milliseconds since the navigation began.
const PAINTED: &str = "
    const done = arguments[arguments.length - 1];
    new PerformanceObserver(list => done(list.getEntries().at(-1).startTime))
        .observe({ type: 'largest-contentful-paint', buffered: true });";

/// Clicks a link and measures the time until the page paints the target element, in milliseconds.
const OPENED: &str = "
    const [link, target, done] = arguments;
    performance.mark('click');
    document.querySelector(link).click();
    const check = () => requestAnimationFrame(() => document.querySelector(target)
        ? setTimeout(() => done(performance.measure('opened', 'click').duration)) : check());
    check();";

#[tokio::test]
async fn the_first_view_is_small_and_takes_few_requests() {
    let console = Console::start().await;
    for n in 0..50 {
        console.create_order(&format!("customer-{n}")).await;
    }
    let browser = &console.browser;
    browser.open("/app/").await;
    browser.sees("#count", "50 orders shown").await;
    browser.sees("#connection", "Live").await;
    let first: Value = browser.script(TRANSFERRED, vec![]).await;
    // The browser lists the stream only when it ends, so the stream is at most the twelfth request.
    assert!(first["requests"].as_u64().unwrap() < 12 && first["bytes"].as_u64().unwrap() <= 100 * 1024, "{first:#}");
    assert_ne!(first["bytes"], json!(0));

    // For docs/BENCHMARKS.md. The times depend on the load of the machine, so the test does not check them.
    println!("first view: {} requests and the stream, {} bytes", first["requests"], first["bytes"]);
    println!("list of 50: first paint after {} ms", milliseconds(browser, PAINTED, &json!([])).await);
    let (order, list) = (json!(["a.row-link", "#action-place"]), json!(["a.back", ".orders .row:nth-child(50)"]));
    let mut rounds = Vec::new();
    for _ in 0..5 {
        browser.open("/app/").await;
        browser.sees("#count", "50 orders shown").await;
        let loaded = milliseconds(browser, PAINTED, &json!([])).await;
        let order = milliseconds(browser, OPENED, &order).await;
        rounds.push((loaded, order, milliseconds(browser, OPENED, &list).await));
    }
    println!("list of 50 reloaded, order opened, back to the list, in ms: {rounds:?}");
    console.browser.finish(&[]).await;
}

async fn milliseconds(browser: &Browser, script: &str, arguments: &Value) -> u64 {
    let arguments = arguments.as_array().unwrap().clone();
    let measured = browser.client.execute_async(script, arguments).await.unwrap().as_f64().unwrap();
    std::time::Duration::from_secs_f64(measured / 1000.0).as_millis().try_into().unwrap()
}
