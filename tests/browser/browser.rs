//! A headless Chromium for each test. Its methods do what a user does: open a page, click, type, read.

use std::{
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    time::Duration,
};

use fantoccini::{
    Client, ClientBuilder, Locator,
    elements::Element,
    key::Key,
    wd::{TimeoutConfiguration, WebDriverCompatibleCommand},
};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::{Method, Url};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{PATIENCE, eventually};

/// The parse error of reqwest's `Url`.
type ParseError = <Url as std::str::FromStr>::Err;

/// The device that shows the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Device {
    Desktop,
    /// 360 px wide.
    Phone,
}

pub(crate) struct Browser {
    pub(crate) client: Client,
    service: String,
    driver: Child,
    _profile: TempDir,
}

impl Browser {
    pub(crate) async fn start(service: &str, device: Device) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("chromedriver");
        // The driver leads a process group. A signal to the group ends the browser too.
        command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut driver = command.spawn().expect("chromedriver is installed; scripts/test installs it");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines
            .find_map(|line| Some(line.ok()?.split_once("successfully on port ")?.1.trim_end_matches('.').to_owned()))
            .expect("chromedriver prints its port");
        // Reads the rest, so that the driver never waits for a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities(device, &profile).as_object().unwrap().clone());
        let client = builder.connect(&format!("http://127.0.0.1:{port}")).await.unwrap();
        client.update_timeouts(TimeoutConfiguration::new(Some(Duration::from_mins(1)), None, None)).await.unwrap();
        Self { client, service: service.to_owned(), driver, _profile: profile }
    }

    /// Opens a page of the service.
    pub(crate) async fn open(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.service)).await.unwrap();
    }

    pub(crate) async fn path(&self) -> String {
        let url = self.client.current_url().await.unwrap();
        url.query().map_or(url.path().to_owned(), |query| format!("{}?{query}", url.path()))
    }

    /// Waits for the first element that matches.
    pub(crate) async fn find(&self, css: &str) -> Element {
        eventually(&format!("{css} exists"), async || self.client.find(Locator::Css(css)).await.ok()).await
    }

    pub(crate) async fn find_all(&self, css: &str) -> Vec<Element> {
        self.client.find_all(Locator::Css(css)).await.unwrap()
    }

    /// Waits until the element exists and can be clicked, and clicks it.
    pub(crate) async fn click(&self, css: &str) {
        eventually(&format!("{css} can be clicked"), async || {
            let element = self.client.find(Locator::Css(css)).await.ok()?;
            if element.is_enabled().await.ok()? { element.click().await.ok() } else { None }
        })
        .await;
    }

    /// Waits for a visible button or link with this label, and clicks it.
    pub(crate) async fn press_button(&self, label: &str) {
        let labelled = format!(
            "//*[self::button or self::a][not(@disabled)][normalize-space(.)='{label}' or @aria-label='{label}']"
        );
        eventually(&format!("the button {label:?} is visible"), async || {
            for element in self.client.find_all(Locator::XPath(&labelled)).await.ok()? {
                if element.is_displayed().await.ok()? {
                    return element.click().await.ok();
                }
            }
            None
        })
        .await;
    }

    /// Replaces the text of the field.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Types these keys into the element that has the focus.
    pub(crate) async fn keys(&self, keys: &str) {
        self.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    pub(crate) async fn key(&self, key: Key) {
        self.keys(&char::from(key).to_string()).await;
    }

    /// Waits until a matching element shows the text.
    pub(crate) async fn sees(&self, css: &str, text: &str) {
        let mut shown = String::new();
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                shown = self.text(css).await;
                if shown.contains(text) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        assert!(found.is_ok(), "{css} shows {shown:?} instead of {text:?}");
    }

    /// Waits until no element matches.
    pub(crate) async fn gone(&self, css: &str) {
        eventually(&format!("{css} is gone"), async || self.find_all(css).await.is_empty().then_some(())).await;
    }

    /// The visible text of the elements that match now.
    pub(crate) async fn text(&self, css: &str) -> String {
        let script = "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText).join('\\n')";
        self.script(script, vec![json!(css)]).await.as_str().unwrap_or_default().to_owned()
    }

    /// The element that has the focus: its id, or else its label.
    pub(crate) async fn focused(&self) -> String {
        let script =
            "const e = document.activeElement; return e.id ? '#' + e.id : e.getAttribute('aria-label') ?? e.innerText";
        self.script(script, vec![]).await.as_str().unwrap_or_default().to_owned()
    }

    /// The names of the console's scripts that the current page has loaded.
    pub(crate) async fn scripts(&self) -> Vec<String> {
        let script = "return performance.getEntriesByType('resource').map(entry => new URL(entry.name).pathname)
            .filter(path => path.endsWith('.js')).map(path => path.split('/').pop())";
        serde_json::from_value(self.script(script, vec![]).await).unwrap()
    }

    pub(crate) async fn script(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.unwrap()
    }

    /// The violations that axe-core finds in the current page.
    pub(crate) async fn axe(&self) -> Vec<String> {
        let source =
            std::fs::read_to_string(crate::support::project().join("target/browser/node_modules/axe-core/axe.min.js"))
                .expect("axe-core is in target/browser; scripts/test installs it");
        self.script(&source, vec![]).await;
        let run = "const done = arguments[arguments.length - 1];
            axe.run().then(result => done(result.violations.map(v => v.id + ': ' + v.nodes.map(n => n.target + ' ' + n.failureSummary).join('; '))))";
        let violations = self.client.execute_async(run, vec![]).await.unwrap();
        serde_json::from_value(violations).unwrap()
    }

    /// Writes a screenshot to `target/screenshots`.
    pub(crate) async fn screenshot(&self, name: &str) {
        let folder = crate::support::project().join("target/screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), self.client.screenshot().await.unwrap()).unwrap();
    }

    /// Closes the browser. Asserts that it reported no error except those that contain an expected text.
    pub(crate) async fn finish(self, expected: &[&str]) {
        let log = self.client.issue_cmd(BrowserLog).await.unwrap();
        let unexpected: Vec<&str> = log
            .as_array()
            .unwrap()
            .iter()
            .filter(|entry| entry["level"] == "SEVERE")
            .map(|entry| entry["message"].as_str().unwrap())
            .filter(|message| !expected.iter().any(|text| message.contains(text)))
            .collect();
        assert!(unexpected.is_empty(), "the browser reported errors: {unexpected:#?}");
        self.client.clone().close().await.unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let group = format!("-{}", self.driver.id());
        let _ = Command::new("kill").args(["-s", "KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.driver.wait();
    }
}

fn capabilities(device: Device, profile: &TempDir) -> Value {
    let profile = format!("--user-data-dir={}", profile.path().display());
    let mut options = json!({
        "args": [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--no-first-run", "--window-size=1280,900", profile,
        ],
    });
    if device == Device::Phone {
        let metrics = json!({"width": 360, "height": 780, "pixelRatio": 2.0, "touch": true});
        options["mobileEmulation"] = json!({"deviceMetrics": metrics});
    }
    json!({"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}})
}

/// The messages that the page and the browser wrote to the developer console.
#[derive(Debug)]
struct BrowserLog;

impl WebDriverCompatibleCommand for BrowserLog {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({"type": "browser"}).to_string()))
    }
}

/// Sets a preference of the system, such as `prefers-color-scheme`, to a value.
#[derive(Debug)]
pub(crate) struct Prefer(pub(crate) &'static str, pub(crate) &'static str);

impl WebDriverCompatibleCommand for Prefer {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let params = json!({"features": [{"name": self.0, "value": self.1}]});
        (Method::POST, Some(json!({"cmd": "Emulation.setEmulatedMedia", "params": params}).to_string()))
    }
}

/// Shows the page as printed.
#[derive(Debug)]
pub(crate) struct OnPaper;

impl WebDriverCompatibleCommand for OnPaper {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        Prefer("", "").endpoint(base, session)
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let command = json!({"cmd": "Emulation.setEmulatedMedia", "params": {"media": "print"}});
        (Method::POST, Some(command.to_string()))
    }
}
