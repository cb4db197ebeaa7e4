//! The console has a text for every event type, status and action of the API.

use std::collections::BTreeSet;

use orders::{
    app::EVENT_TYPES,
    domain::{Action, Status},
};
use serde_json::{Value, json};

use crate::{browser::Browser, console::Console};

/// Whether a status has an icon in the page and a style in app.css.
const CHIP: &str = "
    const style = (name) => {
        const chip = document.createElement('span');
        chip.className = name;
        document.body.append(chip);
        const { color, backgroundColor, borderColor } = getComputedStyle(chip);
        chip.remove();
        return [color, backgroundColor, borderColor].join();
    };
    const [status] = arguments;
    return {
        has_icon: document.querySelector(`.orders .chip.${status} use`).href.baseVal === `#i-${status}`
            && document.getElementById(`i-${status}`) !== null,
        has_style: style('chip') !== style(`chip ${status}`),
    };";

/// The actions that the page offers. The button that saves a quantity keeps its place while it is invisible.
const OFFERED: &str = "
    return [...document.querySelectorAll('[data-action]')]
        .filter((button) => button.offsetParent && button.getAttribute('aria-disabled') !== 'true')
        .map((button) => button.dataset.action)";

#[tokio::test]
async fn the_history_has_a_text_for_every_event_type() {
    let console = Console::start().await;
    let types = BTreeSet::from(EVENT_TYPES.map(str::to_owned));
    let browser = &console.browser;
    browser.open("/app/").await;
    assert_eq!(keys(browser, "history.js", "EVENT_TEXTS").await, types);
    let mut shown = BTreeSet::new();
    for end in ["fulfil", "cancel"] {
        let path = console.create_closed_order("anna", end).await;
        browser.open(&format!("/app{path}")).await;
        let events = console.service.get(&format!("{path}/events")).await["events"].as_array().unwrap().len();
        browser.find(&format!("#history li:nth-child({events})")).await;
        for r#type in &types {
            let text = browser.text(&format!("#history li[data-type='{type}'] .what")).await;
            assert!(!text.contains(&**r#type), "the history shows {type} without a text of its own");
            if !text.is_empty() {
                shown.insert(r#type.clone());
            }
        }
    }
    assert_eq!(shown, types, "create_closed_order makes every type of event, and the history shows a text for it");
    console.browser.finish(&[]).await;
}

#[tokio::test]
async fn the_list_has_a_filter_and_a_chip_for_every_status() {
    let console = Console::start().await;
    let statuses = BTreeSet::from(Status::ALL.map(|status| status.to_string()));
    let placed = console.create_order("anna").await;
    console.api("POST", &format!("{placed}/place"), &json!({})).await;
    console.create_order("ben").await;
    console.create_closed_order("carla", "fulfil").await;
    console.create_closed_order("dora", "cancel").await;
    let browser = &console.browser;
    browser.open("/app/").await;
    browser.sees("#count", "4 orders shown").await;
    assert_eq!(keys(browser, "dom.js", "STATUSES").await, statuses);
    for status in &statuses {
        browser.click(&format!("#status-{status}")).await;
        let label = browser.text(&format!("#status-{status}")).await;
        browser.sees(&format!(".orders .chip.{status}"), &label).await;
        browser.sees("#count", "1 order shown").await;
        let look = browser.script(CHIP, vec![json!(status)]).await;
        assert_eq!(look, json!({"has_icon": true, "has_style": true}), "the chip of {status}");
    }
    console.browser.finish(&[]).await;
}

#[tokio::test]
async fn an_order_has_a_button_for_every_action_that_it_allows() {
    let console = Console::start().await;
    let actions = BTreeSet::from(Action::ALL.map(|action| action.to_string()));
    let empty = console.api("POST", "/orders", &json!({"customer_id": "anna"})).await;
    let placed = console.create_order("ben").await;
    console.api("POST", &format!("{placed}/place"), &json!({})).await;
    let orders = [
        format!("/orders/{}", empty["order_id"].as_str().unwrap()),
        console.create_order("carla").await,
        placed,
        console.create_closed_order("dora", "fulfil").await,
    ];
    let browser = &console.browser;
    browser.open("/app/").await;
    assert_eq!(keys(browser, "order-parts.js", "ACTIONS").await, actions);
    let mut offered = BTreeSet::new();
    for path in orders {
        let allowed = strings(&console.service.get(&path).await["allowed_actions"]);
        browser.open(&format!("/app{path}")).await;
        browser.find("#history").await;
        assert_eq!(strings(&browser.script(OFFERED, vec![]).await), allowed);
        offered.extend(allowed);
    }
    assert_eq!(offered, actions, "the orders of this test allow every action of the API");
    console.browser.finish(&[]).await;
}

/// The keys of an object that a module of the console exports.
async fn keys(browser: &Browser, module: &str, export: &str) -> BTreeSet<String> {
    let import = "const [module, name, done] = arguments;
        import('/app/' + module).then(exports => done(Object.keys(exports[name])), error => done([String(error)]))";
    strings(&browser.client.execute_async(import, vec![json!(module), json!(export)]).await.unwrap())
}

fn strings(values: &Value) -> BTreeSet<String> {
    values.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
