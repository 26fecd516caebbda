//! A marked secret that must show nowhere: not in errors, not in `Debug`, not in logs.

use std::fmt::Write as _;

use super::log::Log;
use super::*;
use crate::{Call, TransportRequest};

const SECRET: &str = "marked1secret2key";

fn spoken(secret_in: &str) -> Value {
    json!({"error": format!("CODE_{secret_in}"), "error_description":
        format!("no <b>access</b> to https://portal.example/rest/1/{secret_in}/x with {}", secret_in.to_uppercase())})
}

#[tokio::test(start_paused = true)]
async fn the_secret_shows_nowhere() {
    let log = Log::default();
    let guard = tracing::subscriber::set_default(log.clone());
    // Given a portal that repeats the secret in whatever it says.
    let portal = Scripted::new(|seen| match seen.index {
        0 => answer(500, &spoken(SECRET)),
        1 => answer(403, &spoken(SECRET)),
        2 => text(200, "<html>/rest/1/marked1secret2key/</html>"),
        3 => answer(
            200,
            &json!({"result": {"result": [], "result_error": {"c00": spoken(SECRET)}}}),
        ),
        _ => ok(&json!({"ID": SECRET, "ADMIN": SECRET})),
    });
    let mut config = config();
    config.webhook = format!("https://portal.example/rest/1/{SECRET}/")
        .parse()
        .expect("valid");
    config.retry.max_attempts = 2;
    let request = TransportRequest {
        webhook: config.webhook.clone(),
        method: "profile".to_owned(),
        body: bytes::Bytes::from(json!({"auth": SECRET}).to_string()),
    };
    let client = client_with(&portal, config.clone());
    let mut shown = format!(
        "{request:?} {:?} {config:?} {client:?} {} ",
        request.url(),
        config.webhook
    );

    // When calls fail in every way.
    let denied = client.server_time().await.expect_err("denied");
    let page = client
        .batch(&[Call::new("profile", json!({}))])
        .await
        .expect("the retry answers");
    let garbled = client
        .call::<crate::tests::Never>("profile", &json!({}))
        .await
        .expect_err("not a number");
    let profile = client.profile().await.expect_err("not an ID");

    // Then neither errors nor logs hold it, and the rest of the portal's words is there.
    write!(
        shown,
        "{denied} {denied:?} {page:?} {garbled} {garbled:?} {profile} {profile:?}"
    )
    .expect("text");
    drop(guard);
    let logged = log.text();
    assert!(logged.contains("portal answered"), "{logged}");
    shown.push_str(&logged);
    assert!(!shown.to_ascii_lowercase().contains(SECRET), "{shown}");
    assert_eq!(
        denied.to_string(),
        "server.time failed with HTTP 403 CODE_***: the portal says \"no access to https://portal.example/rest/1/***/x \
         with ***\" (after 2 attempts); give the user of the webhook the right to read this (an administrator has it), \
         or use another user's webhook"
    );
}
