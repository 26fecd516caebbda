//! How pages look: on a phone, to a keyboard, to a screen reader; and that nothing complains.

use serde_json::{Value, json};

use super::{Browser, Look, Running, brought_over, browse_as};
use crate::harness::SqliteFile;

const PAGES: [&str; 8] = [
    "/",
    "/switches",
    "/agents",
    "/agents/stage-list.follow",
    "/tables",
    "/stages",
    "/analysis",
    "/agents/nobody",
];

/// What is wrong with a page for those who do not see it, in words.
const FAULTS: &str = r#"
const faults = [];
const shown = element => element.getClientRects().length > 0;
const named = element => (element.getAttribute('aria-label') || element.innerText || element.title || '').trim();
for (const element of document.querySelectorAll('button, a')) if (shown(element) && !named(element)) faults.push('no name: ' + element.outerHTML);
for (const field of document.querySelectorAll('input:not([type=hidden]), select')) {
  if (shown(field) && !field.labels.length && !field.getAttribute('aria-label')) faults.push('no label: ' + field.outerHTML);
}
if (document.querySelectorAll('h1').length !== 1) faults.push('not one h1');
if (!document.documentElement.lang) faults.push('no language');
if (document.querySelectorAll('main').length !== 1) faults.push('not one main');
const ids = [...document.querySelectorAll('[id]')].map(element => element.id);
for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push('twice: ' + id);
for (const element of document.querySelectorAll('[aria-labelledby], [aria-describedby]')) {
  for (const id of ((element.getAttribute('aria-labelledby') || '') + ' ' + (element.getAttribute('aria-describedby') || '')).split(' ')) {
    if (id && !document.getElementById(id)) faults.push('nothing is called ' + id);
  }
}
if (document.querySelector('[style], style, script:not([src])')) faults.push('a style or script stands in the page');
// WCAG AA: text against the nearest ground that is painted.
const channel = value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
const parse = color => (color.match(/[\d.]+/g) || []).map(Number);
const light = ([r, g, b]) => 0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255);
const ground = element => {
  for (let at = element; at; at = at.parentElement) {
    const color = parse(getComputedStyle(at).backgroundColor);
    if (color.length < 4 || color[3] > 0) return color;
  }
  return [255, 255, 255];
};
for (const element of document.querySelectorAll('body *')) {
  const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
  if (!own || !shown(element) || element.disabled || element.closest('[hidden], .skip')) continue;
  const [one, other] = [light(parse(getComputedStyle(element).color)), light(ground(element))].sort((a, b) => b - a);
  const contrast = (one + 0.05) / (other + 0.05);
  if (contrast < 4.5) faults.push('contrast ' + contrast.toFixed(2) + ': ' + element.outerHTML.slice(0, 120));
}
return faults;
"#;

pub(super) async fn faults(browser: &Browser) -> Vec<String> {
    let faults = browser.script(FAULTS, Vec::new()).await;
    let faults = faults.as_array().expect("a list").iter();
    faults
        .map(|fault| fault.as_str().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_a_phone_is_named_has_contrast_and_does_not_complain() {
    let database = SqliteFile::new();
    let (_portal, place) = brought_over("60", &database);
    let run = Running::start(&place);
    for languages in ["ru", "en"] {
        let look = Look {
            languages,
            ..Look::default()
        };
        browse_as(look, async |browser| {
            for (width, dark) in [(360, false), (360, true), (1280, true), (1280, false)] {
                browser.screen(width, 800, dark).await;
                for page in PAGES {
                    browser.open(&run.url(page)).await;
                    let wide = browser
                        .script("return document.documentElement.scrollWidth", Vec::new())
                        .await;
                    assert!(
                        wide.as_u64() <= Some(width.into()),
                        "{page} is {wide} wide on {width}"
                    );
                    assert_eq!(
                        faults(browser).await,
                        Vec::<String>::new(),
                        "{page}, {width}, dark: {dark}"
                    );
                }
            }
            browser.no_complaints(&["status of 404"]).await;
        })
        .await;
    }
    run.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_reaches_the_content_first_and_focus_is_seen() {
    let database = SqliteFile::new();
    let (_portal, place) = brought_over("20", &database);
    let run = Running::start(&place.with("WEB__ADMIN_PASSWORD", "long enough"));
    browse_as(Look::default(), async |browser| {
        browser.open(&run.url("/switches")).await;
        assert_eq!(faults(browser).await, Vec::<String>::new());
        let focused = browser.script("return document.activeElement.id", Vec::new()).await;
        assert_eq!(focused, "password", "one can type at once");
        browser.sign_in("long enough").await;
        let press = async |key: &str| {
            for kind in ["keyDown", "keyUp"] {
                let text = if kind == "keyDown" && key == "Enter" { "\r" } else { "" };
                let event = json!({ "type": kind, "key": key, "code": key, "text": text,
                    "windowsVirtualKeyCode": if key == "Tab" { 9 } else { 13 } });
                browser.command("Input.dispatchKeyEvent", event).await;
            }
        };
        press("Tab").await;
        let skip = "const at = document.activeElement; return [at.className, at.getBoundingClientRect().left >= 0, \
                    getComputedStyle(at).outlineStyle]";
        let skip = browser.script(skip, Vec::new()).await;
        assert_eq!(skip, json!(["skip", true, "solid"]));
        press("Enter").await;
        super::until("the content", async || {
            let at = browser.script("return document.activeElement.id", Vec::new()).await;
            (at == "main").then_some(())
        })
        .await;
    })
    .await;
    run.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_from_elsewhere_and_what_does_not_change_is_kept() {
    let database = SqliteFile::new();
    let (_portal, place) = brought_over("20", &database);
    let run = Running::start(&place);
    browse_as(Look::default(), async |browser| {
        browser.open(&run.url("/")).await;
        let loaded = "return performance.getEntriesByType('resource').map(entry => entry.name)";
        let loaded = browser.script(loaded, Vec::new()).await;
        let names: Vec<&str> = loaded.as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(names.iter().any(|name| name.contains("/static/style-")), "{names:?}");
        assert!(names.iter().all(|name| name.starts_with(&run.url("/"))), "{names:?}");
        let script = "return (async () => { const names = ['content-security-policy', 'x-content-type-options', 'referrer-policy', 'cache-control'];
            const heads = [];
            for (const path of ['/', document.querySelector('link[rel=stylesheet]').href]) {
              const answer = await fetch(path);
              heads.push(names.map(name => answer.headers.get(name)));
            }
            return heads; })()";
        let heads = browser.script(script, Vec::new()).await;
        let policy = heads[0][0].as_str().unwrap();
        for part in ["default-src 'none'", "style-src 'self'", "script-src 'self'", "form-action 'self'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"));
        assert_eq!(heads[0][1], "nosniff");
        assert_eq!(heads[0][2], "same-origin");
        assert_eq!(heads[0][3], "no-store");
        assert!(heads[1][3].as_str().unwrap().contains("immutable"));
        // A script that somebody writes into the page does not run.
        let inline = "const evil = document.createElement('script'); evil.textContent = 'window.evil = 1'; \
                      document.body.append(evil); return window.evil ?? null";
        assert!(browser.script(inline, Vec::new()).await.is_null());
    })
    .await;
    run.stop();
}
