use serde_json::{Value, json};

use crate::{
    browser::{Browser, Device},
    console::Console,
};

/// What the browser itself says of the page that is shown: requests and bytes over the wire.
const TRANSFERRED: &str = "
    const entries = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
    return {
        requests: entries.length,
        bytes: entries.reduce((sum, entry) => sum + entry.transferSize, 0),
        names: entries.map(entry => entry.name.replace(location.origin, '') + ' ' + entry.transferSize),
    };";

/// When the largest part of the view was painted, in milliseconds since the navigation began.
const PAINTED: &str = "
    const done = arguments[arguments.length - 1];
    new PerformanceObserver(list => done(list.getEntries().at(-1).startTime))
        .observe({ type: 'largest-contentful-paint', buffered: true });";

/// Clicks a link and measures until what it leads to is painted, in milliseconds.
const OPENED: &str = "
    const [link, there, done] = arguments;
    performance.mark('click');
    document.querySelector(link).click();
    const look = () => requestAnimationFrame(() => document.querySelector(there)
        ? setTimeout(() => done(performance.measure('opened', 'click').duration)) : look());
    look();";

#[tokio::test]
async fn the_first_view_is_small_and_takes_few_requests() {
    let console = Console::start(Device::Desktop).await;
    for n in 0..50 {
        console.order_of(&format!("customer-{n}")).await;
    }
    let browser = &console.browser;
    browser.open("/app/").await;
    browser.sees("#count", "50 orders shown").await;
    browser.sees("#connection", "Live").await;
    let first: Value = browser.script(TRANSFERRED, vec![]).await;
    // The stream is an entry only when it ends: it is the twelfth request at the most.
    assert!(first["requests"].as_u64().unwrap() < 12 && first["bytes"].as_u64().unwrap() <= 100 * 1024, "{first:#}");
    assert_ne!(first["bytes"], json!(0));

    // For docs/BENCHMARKS.md; how long it takes here depends on what else the machine does.
    println!("first view: {} requests and the stream, {} bytes", first["requests"], first["bytes"]);
    println!("list of 50, painted after {} ms at first", milliseconds(browser, PAINTED, &json!([])).await);
    let (order, list) = (json!(["a.row-link", "#action-place"]), json!(["a.back", ".orders .row:nth-child(50)"]));
    let mut rounds = Vec::new();
    for _ in 0..5 {
        browser.open("/app/").await;
        browser.sees("#count", "50 orders shown").await;
        let loaded = milliseconds(browser, PAINTED, &json!([])).await;
        let order = milliseconds(browser, OPENED, &order).await;
        rounds.push((loaded, order, milliseconds(browser, OPENED, &list).await));
    }
    println!("page with a list of 50 loaded again, an order opened, back to the list, in ms: {rounds:?}");
    console.browser.finish(&[]).await;
}

async fn milliseconds(browser: &Browser, script: &str, arguments: &Value) -> u64 {
    let arguments = arguments.as_array().unwrap().clone();
    let measured = browser.client.execute_async(script, arguments).await.unwrap().as_f64().unwrap();
    std::time::Duration::from_secs_f64(measured / 1000.0).as_millis().try_into().unwrap()
}
