//! Forms, addresses and cookies that mean harm: the panel answers each with a page or a redirect of its own, shows nothing of them but as
//! text, and changes nothing without its token.

use std::sync::LazyLock;

use proptest::prelude::*;
use secrecy::SecretString;

use super::panel::{Program, Served, serve, token};
use super::{Answer, Client};
use crate::panel::PanelOptions;
use crate::panel::auth::password;

/// What would be a tag, an attribute or a header if it were let through as it is.
const TAG: &str = "<qzjx>";
const ATTRIBUTE: &str = "x\"qzjx=\"";
const HEADER: &str = "\r\nqzjx: 1\r\n\r\n";

/// A form of more bytes is refused whole.
const LARGEST_FORM: usize = 16 << 10;

/// A form of more bytes may be answered before it was read, and its sender cut off: an answer can be lost on the way then.
const HEARD_OUT: usize = 4 << 10;

/// One hash for all cases: making one is slow on purpose.
static HASH: LazyLock<SecretString> = LazyLock::new(|| password::hash(&"long enough".into()).unwrap());

/// Every address that takes a form; what stands in braces is made up.
const FORMS: [&str; 8] = [
    "/switches/{}",
    "/uploads/{}",
    "/agents/{}/run",
    "/agents/{}/pause",
    "/agents/x/{}",
    "/tables/{}/verify",
    "/sign-in",
    "/language",
];

/// Every page, with what it may be asked.
const PAGES: [&str; 8] = [
    "/?said={}",
    "/switches?said={}",
    "/agents?{}",
    "/agents/{}",
    "/tables?said={}",
    "/stages?{}={}",
    "/sign-in?next={}",
    "/{}",
];

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let text = |text: &str| Just(text.as_bytes().to_vec());
    let piece = prop_oneof![
        text(TAG),
        text(ATTRIBUTE),
        text(HEADER),
        prop::sample::select(vec![
            "/",
            "&lt;",
            "javascript:",
            "//evil.example",
            "/\\evil.example",
            "../..",
            "on",
            "off",
            "yes",
            "'",
            "\0",
            "\u{202e}",
            "💥",
            "x",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..12),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// The value of a field; now and then a very long one.
fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        12 => bytes(),
        1 => (1..30_000_usize).prop_map(|length| vec![b'x'; length]),
    ]
}

/// Fields by name; now and then a great many.
fn fields() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
    let known = prop::sample::select(vec![
        "token",
        "to",
        "confirmed",
        "next",
        "back",
        "password",
        "username",
    ]);
    let name = prop_oneof![4 => known.prop_map(|name| name.as_bytes().to_vec()), 1 => bytes()];
    prop_oneof![
        12 => prop::collection::vec((name, value()), 0..8),
        1 => (1..6_000_usize).prop_map(|count| vec![(b"to".to_vec(), Vec::new()); count]),
    ]
}

/// The bytes as a part of a form or an address.
fn encoded(bytes: &[u8]) -> String {
    url::form_urlencoded::byte_serialize(bytes)
        .collect::<String>()
        .replace('+', "%20")
}

/// The body with the fields, encoded or as they are.
fn body(fields: &[(Vec<u8>, Vec<u8>)], raw: bool) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        for (bytes, end) in [(name, b'='), (value, b'&')] {
            if raw {
                body.extend_from_slice(bytes);
            } else {
                body.extend_from_slice(encoded(bytes).as_bytes());
            }
            body.push(end);
        }
    }
    body
}

/// A panel, with a password or open to this machine.
async fn panel(locked: bool) -> Served {
    let mut program = Program::default();
    program.password = locked.then(|| HASH.clone());
    serve(program, PanelOptions::default()).await
}

/// The head of a request with this cookie, which may have any bytes but those that make it no header at all.
fn head(served: &Served, first: &str, cookie: &[u8], length: usize) -> Vec<u8> {
    let mut head = format!(
        "{first} HTTP/1.1\r\nHost: {}\r\nContent-Length: {length}\r\nCookie: ",
        served.address
    )
    .into_bytes();
    head.extend(cookie.iter().filter(|byte| !byte.is_ascii_control()));
    head.extend_from_slice(b"\r\n\r\n");
    head
}

fn contains(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|found| found == part.as_bytes())
}

/// An answer that harms nobody.
fn is_harmless(answer: &Answer) {
    assert!(answer.status < 500, "{answer:?}");
    for wrong in [TAG, ATTRIBUTE] {
        assert!(!answer.body.contains(wrong), "{wrong} in {answer:?}");
    }
    assert_eq!(answer.header("qzjx"), None, "{}", answer.head);
    if let Some(to) = answer.header("location") {
        let own = to.starts_with('/') && !to.starts_with("//") && !to.starts_with("/\\");
        assert!(own, "{to}");
    }
    if answer.body.contains("<html") {
        let policy = answer.header("content-security-policy");
        assert!(policy.is_some_and(|policy| policy.starts_with("default-src 'none'")));
    }
}

/// A form's token and the cookie that goes with it, for one who may send it.
async fn permit(served: &Served, path: &str) -> (String, String) {
    let page = served.ask(&format!("GET {path}"), &[], "").await;
    let cookie = page.header("set-cookie").unwrap().split(';').next().unwrap();
    (token(&page.body).to_owned(), cookie.to_owned())
}

async fn goes_on(served: &Served) {
    let status = served.ask("GET /sign-in", &[], "").await.status;
    assert!(matches!(status, 200 | 303), "{status}");
}

fn run(case: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(case);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn whatever_form_is_sent_with_whatever_cookie_it_is_answered_and_changes_nothing_without_the_token(
        path in prop::sample::select(FORMS.to_vec()),
        made_up in bytes(),
        fields in fields(),
        (raw, locked) in any::<(bool, bool)>(),
        cookie in prop_oneof![
            bytes(),
            bytes().prop_map(|bytes| [b"stage_exchange_token=".as_slice(), &bytes].concat()),
            bytes().prop_map(|bytes| [b"a=b; stage_exchange_session=".as_slice(), &bytes].concat()),
            bytes().prop_map(|bytes| [b"stage_exchange_language=".as_slice(), &bytes].concat()),
        ],
    ) {
        run(async {
            let served = panel(locked).await;
            let first = format!("POST {}", path.replace("{}", &encoded(&made_up)));
            let body = body(&fields, raw);
            let mut client = Client::to(served.address).await;
            let request = [head(&served, &first, &cookie, body.len()), body.clone()].concat();
            match client.ask(request).await {
                Ok(answer) => {
                    is_harmless(&answer);
                    assert!((300..500).contains(&answer.status), "{answer:?}");
                }
                Err(error) => assert!(body.len() > HEARD_OUT, "no answer to {} bytes: {error}", body.len()),
            }
            assert!(served.program.asked.lock().unwrap().is_empty());
            goes_on(&served).await;
        });
    }

    #[test]
    fn whatever_stands_in_a_form_that_may_be_sent_is_done_or_refused_and_shown_as_text(
        path in prop::sample::select(FORMS.to_vec()),
        made_up in bytes(),
        fields in fields(),
        (raw, locked) in any::<(bool, bool)>(),
    ) {
        run(async {
            let served = panel(locked).await;
            // With a password only the forms of strangers may be sent without a session.
            let path = if locked { ["/sign-in", "/language"][path.len() % 2] } else { path };
            let (token, cookie) = permit(&served, if locked { "/sign-in" } else { "/switches" }).await;
            let first = format!("POST {}", path.replace("{}", &encoded(&made_up)));
            let body = [format!("token={token}&").into_bytes(), body(&fields, raw)].concat();
            let mut client = Client::to(served.address).await;
            let request = [head(&served, &first, cookie.as_bytes(), body.len()), body.clone()].concat();
            match client.ask(request).await {
                Ok(answer) => {
                    is_harmless(&answer);
                    let too_large = body.len() > LARGEST_FORM;
                    assert!(!too_large || [400, 403, 404].contains(&answer.status), "{answer:?}");
                    assert!(!too_large || served.program.asked.lock().unwrap().is_empty());
                }
                Err(error) => assert!(body.len() > HEARD_OUT, "no answer to {} bytes: {error}", body.len()),
            }
            goes_on(&served).await;
        });
    }

    #[test]
    fn whatever_a_page_is_asked_its_answer_has_it_as_text_alone(
        path in prop::sample::select(PAGES.to_vec()),
        made_up in bytes(),
        language in bytes(),
        locked in any::<bool>(),
    ) {
        run(async {
            let served = panel(locked).await;
            let first = format!("GET {}", path.replace("{}", &encoded(&made_up)));
            let cookie = [b"stage_exchange_language=".as_slice(), &language].concat();
            let answer = Client::to(served.address).await.ask(head(&served, &first, &cookie, 0)).await.unwrap();
            is_harmless(&answer);
            // It is there, and as text.
            if path == "/agents/{}" && answer.status == 200 && contains(&made_up, TAG) {
                assert!(answer.body.contains("&lt;qzjx&gt;"), "{answer:?}");
            }
            assert!(served.program.asked.lock().unwrap().is_empty());
        });
    }
}

#[tokio::test]
async fn a_form_of_many_megabytes_is_cut_off_and_changes_nothing() {
    let served = panel(false).await;
    let (token, cookie) = permit(&served, "/switches").await;
    for field in ["to=on&", "x", "%", "&", "="] {
        let body = format!("token={token}&{}", field.repeat((8 << 20) / field.len()));
        let first = "POST /switches/uploader.paused";
        let request = [
            head(&served, first, cookie.as_bytes(), body.len()),
            body.into_bytes(),
        ]
        .concat();
        // It may be cut off before the whole of it is sent, and then there may be no answer.
        if let Ok(answer) = Client::to(served.address).await.ask(request).await {
            assert_eq!(answer.status, 403, "{answer:?}");
        }
        assert!(served.program.asked.lock().unwrap().is_empty());
        goes_on(&served).await;
    }
}
