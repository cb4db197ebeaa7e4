use std::{collections::BTreeSet, fs};

use serde_json::json;

use crate::{
    browser::{Browser, Device, OnPaper, Prefer},
    console::Console,
    support::project,
};

/// Creates orders that strain a layout: long and short ids, many items and none. Returns the paths of an open order
/// and of a fulfilled one.
async fn create_orders(console: &Console) -> (String, String) {
    let open = console.create_order("northwind-clinic").await;
    console.api("POST", &format!("{open}/items"), &json!({"sku": "GRAPHICS987", "quantity": 12})).await;
    let done = console.create_closed_order("st-mary-hospital", "fulfil").await;
    console.create_closed_order("a-customer-whose-id-is-as-long-as-an-id-can-be-which-is-64-chars", "cancel").await;
    console.api("POST", "/orders", &json!({"customer_id": "lakeside-practice", "currency": "JPY"})).await;
    let placed = console.create_order("harbour-pharmacy").await;
    console.api("POST", &format!("{placed}/place"), &json!({})).await;
    (open, done)
}

/// Each view: its name, its path, and an element that exists once the view is complete.
async fn views(console: &Console) -> Vec<(&'static str, String, &'static str)> {
    let (open, done) = create_orders(console).await;
    vec![
        ("list", "/app/".to_owned(), "#count:not(:empty)"),
        ("list-empty", "/app/?customer_id=nobody".to_owned(), ".empty"),
        ("new", "/app/new".to_owned(), "#create"),
        ("order-open", format!("/app{open}"), "#action-place"),
        ("order-fulfilled", format!("/app{done}"), "#history"),
        ("order-past", format!("/app{done}?as_of=3"), "#back-to-now"),
        ("missing", "/app/nowhere".to_owned(), "h1"),
    ]
}

/// The names of all scripts of the console.
fn scripts() -> BTreeSet<String> {
    let files = fs::read_dir(project().join("static")).unwrap().map(|file| file.unwrap().path());
    let scripts = files.filter(|file| file.extension().is_some_and(|extension| extension == "js"));
    scripts.map(|file| file.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

async fn assert_accessible_and_within_the_screen(browser: &Browser, name: &str) {
    let violations = browser.axe().await;
    assert!(violations.is_empty(), "{name}: {violations:#?}");
    let overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(browser.script(overflow, vec![]).await, json!(0), "{name} is wider than the screen");
}

/// Checks every view in this theme on this device, and takes a screenshot of each.
async fn check_every_view(device: Device, theme: &'static str) {
    let console = Console::start_on(device).await;
    let browser = &console.browser;
    browser.client.issue_cmd(Prefer("prefers-color-scheme", theme)).await.unwrap();
    let mut loaded = BTreeSet::new();
    for (view, path, ready) in views(&console).await {
        let name = format!("{view}-{}-{theme}", if device == Device::Phone { "phone" } else { "desktop" });
        browser.open(&path).await;
        browser.find(ready).await;
        browser.sees("#connection", "Live").await;
        assert_eq!(browser.script("return document.documentElement.dataset.theme", vec![]).await, theme);
        browser.screenshot(&name).await;
        assert_accessible_and_within_the_screen(browser, &name).await;
        loaded.extend(browser.scripts().await);
        let dialogs = [("order-open", "#action-cancel", "cancel"), ("list", "#help", "help")];
        for (_, opener, dialog) in dialogs.into_iter().filter(|(on, ..)| *on == view) {
            browser.click(opener).await;
            browser.find("dialog[open]").await;
            browser.screenshot(&format!("{dialog}-{}", name.split_once('-').unwrap().1)).await;
            assert_accessible_and_within_the_screen(browser, dialog).await;
        }
    }
    // Where the service wants a credential: who is signed in, and the question when the credential has ended.
    browser.script("sessionStorage.setItem('orders.credential', 'x')", vec![]).await;
    browser.open("/app/").await;
    browser.find("#sign-out:not([hidden])").await;
    browser.sees("#connection", "Live").await;
    assert_accessible_and_within_the_screen(browser, "signed in").await;
    browser.script("void import('/app/sign-in.js').then(module => module.signIn('x'))", vec![]).await;
    browser.find("#sign-in-dialog[open]").await;
    browser.screenshot(&format!("sign-in-{theme}")).await;
    assert_accessible_and_within_the_screen(browser, "sign in").await;
    loaded.extend(browser.scripts().await);
    assert_eq!(loaded, scripts(), "`views` has every view of the console");
    console.browser.finish(&[]).await;
}

#[tokio::test]
async fn every_view_is_accessible_in_the_light_theme() {
    check_every_view(Device::Desktop, "light").await;
}

#[tokio::test]
async fn every_view_is_accessible_in_the_dark_theme() {
    check_every_view(Device::Desktop, "dark").await;
}

#[tokio::test]
async fn every_view_fits_a_phone_in_the_light_theme() {
    check_every_view(Device::Phone, "light").await;
}

#[tokio::test]
async fn every_view_fits_a_phone_in_the_dark_theme() {
    check_every_view(Device::Phone, "dark").await;
}

#[tokio::test]
async fn the_chosen_theme_stays() {
    let console = Console::open("/app/").await;
    let browser = &console.browser;
    let theme = async || browser.script("return document.documentElement.dataset.theme", vec![]).await;
    assert_eq!(theme().await, "light");
    browser.click("#theme").await;
    assert_eq!(theme().await, "dark");
    browser.open("/app/new").await;
    browser.find("#create").await;
    assert_eq!(theme().await, "dark");
    console.browser.finish(&[]).await;
}

#[tokio::test]
async fn a_printed_order_has_no_controls() {
    let console = Console::start().await;
    let path = console.create_order("anna").await;
    let browser = &console.browser;
    browser.open(&format!("/app{path}")).await;
    browser.find("#action-place").await;
    browser.client.issue_cmd(OnPaper).await.unwrap();
    for control in [".bar", "#action-place", "#add-item"] {
        let element = browser.find(control).await;
        assert!(!element.is_displayed().await.unwrap(), "{control} is printed");
    }
    browser.sees("main", "Order for anna").await;
    browser.sees("main", "1,059.97 EUR").await;
    console.browser.finish(&[]).await;
}
