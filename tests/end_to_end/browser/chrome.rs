//! Chromium and its driver, started for one test and gone after it.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use thirtyfour::prelude::*;
use thirtyfour::{ChromiumLikeCapabilities, LoggingPrefsLogLevel, WebElement};
use tokio::sync::Semaphore;

use super::until;
use crate::harness::Process;

/// A browser takes a processor and half a gigabyte: one at a time.
static ONE: Semaphore = Semaphore::const_new(1);

/// What the browser is like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// Its languages, as `Accept-Language` has them.
    pub(crate) languages: &'static str,
    /// Whether pages may run scripts.
    pub(crate) scripts: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            languages: "en-US,en",
            scripts: true,
        }
    }
}

/// A browser.
pub(crate) struct Browser {
    driver: WebDriver,
}

/// Runs a test in a browser whose user reads English.
pub(crate) async fn browse(test: impl AsyncFnOnce(&Browser)) {
    browse_as(Look::default(), test).await;
}

/// Runs a test in a browser that looks so. The browser is ended in any case.
pub(crate) async fn browse_as(look: Look, test: impl AsyncFnOnce(&Browser)) {
    let _place = ONE.acquire().await.expect("never closed");
    let profile = tempfile::tempdir().expect("a temporary folder");
    let (_driver_process, driver) = start(look, profile.path()).await;
    let browser = Browser {
        driver: driver.clone(),
    };
    let outcome = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(test(&browser))).await;
    drop(browser);
    driver.quit().await.expect("the browser ends when it is asked to");
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

async fn start(look: Look, profile: &std::path::Path) -> (Process, WebDriver) {
    let missing = "Chromium and its driver are needed (Debian: apt-get install chromium chromium-driver; `cargo xtask test` does it as root)";
    let chromedriver =
        std::env::var_os("STAGE_EXCHANGE_TEST_CHROMEDRIVER").unwrap_or_else(|| "chromedriver".into());
    assert!(
        Command::new(&chromedriver).arg("--version").output().is_ok(),
        "{missing}"
    );
    // The driver takes the number of a free port of IPv6 for IPv4, too, where somebody else may have it.
    let (process, port) = (0..10)
        .find_map(|_| {
            let mut command = Command::new(&chromedriver);
            command.arg("--port=0");
            let mut process = Process::start(command);
            let port = process.line_on_stdout("the driver's port", |line| {
                if line.contains("port not available") {
                    return Some(None);
                }
                let (_, port) = line.split_once("started successfully on port ")?;
                Some(Some(port.trim_end_matches('.').to_owned()))
            });
            Some((process, port?))
        })
        .expect("a port for the driver");
    let mut wanted = DesiredCapabilities::chrome();
    for argument in [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1280,900",
    ] {
        wanted.add_arg(argument).expect("an argument");
    }
    let folder = format!("--user-data-dir={}", profile.display());
    wanted.add_arg(&folder).expect("an argument");
    let mut preferences = json!({ "intl.accept_languages": look.languages });
    if !look.scripts {
        preferences["profile.managed_default_content_settings.javascript"] = json!(2);
    }
    wanted
        .add_experimental_option("prefs", preferences)
        .expect("an option");
    wanted
        .set_browser_log_level(LoggingPrefsLogLevel::All)
        .expect("an option");
    let driver = WebDriver::builder(format!("http://127.0.0.1:{port}"), wanted)
        .request_timeout(Duration::from_secs(60))
        .connect()
        .await
        .unwrap_or_else(|error| panic!("{missing}: {error}"));
    (process, driver)
}

impl Browser {
    pub(crate) async fn open(&self, url: &str) {
        self.driver
            .goto(url)
            .await
            .expect("the browser does what it is told");
    }

    /// The path of the page that is open, with its query.
    pub(crate) async fn path(&self) -> String {
        let url = self
            .driver
            .current_url()
            .await
            .expect("the browser does what it is told");
        match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        }
    }

    /// The element that a selector finds, waited for.
    pub(crate) async fn find(&self, selector: &str) -> WebElement {
        until(selector, async || self.driver.find(By::Css(selector)).await.ok()).await
    }

    pub(crate) async fn count(&self, selector: &str) -> usize {
        self.driver
            .find_all(By::Css(selector))
            .await
            .expect("the browser does what it is told")
            .len()
    }

    /// The text of an element, as a person sees it.
    pub(crate) async fn text(&self, selector: &str) -> String {
        let script = "const found = document.querySelector(arguments[0]); return found && found.innerText";
        until(selector, async || {
            self.script(script, vec![json!(selector)])
                .await
                .as_str()
                .map(|text| text.replace('\u{a0}', " "))
        })
        .await
    }

    /// Waits until an element's text has these words.
    pub(crate) async fn reads(&self, selector: &str, words: &str) -> String {
        until(&format!("{selector} reads {words:?}"), async || {
            let text = self.text(selector).await;
            text.contains(words).then_some(text)
        })
        .await
    }

    pub(crate) async fn click(&self, selector: &str) {
        self.find(selector)
            .await
            .click()
            .await
            .expect("the browser does what it is told");
    }

    /// Clicks and waits until another document has taken the page's place.
    pub(crate) async fn follow(&self, selector: &str) {
        self.script("document.documentElement.dataset.before = 'yes'", Vec::new())
            .await;
        self.click(selector).await;
        self.another_document(selector).await;
    }

    async fn another_document(&self, what: &str) {
        until(&format!("the page after {what}"), async || {
            let script =
                "return document.readyState === 'complete' && !document.documentElement.dataset.before";
            // While one document takes the place of another there is none to ask.
            let there = self.driver.execute(script, Vec::new()).await.ok()?;
            there.json().as_bool().filter(|there| *there)
        })
        .await;
    }

    /// Runs a script in the page.
    pub(crate) async fn script(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.driver
            .execute(script, arguments)
            .await
            .expect("the browser does what it is told")
            .json()
            .clone()
    }

    /// A command of the browser's own protocol.
    pub(crate) async fn command(&self, method: &str, parameters: Value) -> Value {
        self.driver
            .cdp()
            .send_raw(method, parameters)
            .await
            .expect("the browser does what it is told")
    }

    /// Makes the window as wide as a phone, or as a desk's screen, in light or dark.
    pub(crate) async fn screen(&self, width: u32, height: u32, dark: bool) {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700 });
        self.command("Emulation.setDeviceMetricsOverride", metrics).await;
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.command("Emulation.setEmulatedMedia", media).await;
    }

    /// A cookie as the browser keeps it.
    pub(crate) async fn cookie(&self, name: &str) -> Option<Value> {
        let cookies = self.command("Network.getCookies", json!({})).await;
        let found = cookies["cookies"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|cookie| cookie["name"] == name);
        found.cloned()
    }

    /// Asserts that no page has complained in the console so far, but for these words.
    pub(crate) async fn no_complaints(&self, but: &[&str]) {
        let complaints: Vec<String> = self
            .driver
            .browser_log()
            .await
            .expect("the browser does what it is told")
            .into_iter()
            .filter(|entry| entry.level == "SEVERE" || entry.level == "WARNING")
            .map(|entry| entry.message)
            .filter(|message| !but.iter().any(|words| message.contains(words)))
            .collect();
        assert_eq!(complaints, Vec::<String>::new());
    }

    /// Types the password and sends the form.
    pub(crate) async fn sign_in(&self, password: &str) {
        let field = self.find("input[type=password]").await;
        field.clear().await.expect("the browser does what it is told");
        field
            .send_keys(password)
            .await
            .expect("the browser does what it is told");
        self.follow("form[action='/sign-in'] button").await;
    }
}
