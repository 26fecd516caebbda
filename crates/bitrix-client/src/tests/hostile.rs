//! Answers no documentation promises: the client may refuse them, never panic over them.

use proptest::prelude::*;

use super::*;
use crate::ErrorKind;

fn one_attempt(portal: &Arc<Scripted>) -> Client {
    let mut config = config();
    config.retry.max_attempts = 1;
    (config.requests_per_second, config.operating_limit_seconds) = (0.0, None);
    client_with(portal, config)
}

fn run(status: u16, body: Vec<u8>) {
    let portal = Scripted::new(move |_| (Duration::ZERO, Ok(TransportResponse::new(status, body.clone()))));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("runtime");
    runtime.block_on(async {
        let client = one_attempt(&portal);
        let queries = [crate::HistoryQuery::default()];
        let chains = [
            crate::HistoryChain {
                query: queries[0].clone(),
                pages: 3,
            },
            crate::HistoryChain::page(queries[0].clone()),
        ];
        // What comes of it is not looked at: the test is that it comes, and can be shown.
        let outcomes = [
            format!("{:?}", client.profile().await),
            format!("{:?}", client.server_time().await),
            format!("{:?}", client.categories().await),
            format!("{:?}", client.stage_history_page(&queries[0]).await),
            format!("{:?}", client.read(&chains, &[1, 2]).await),
            format!("{:?}", client.statuses(&["DEAL_STAGE".to_owned()]).await),
        ];
        assert!(
            outcomes
                .iter()
                .all(|outcome| outcome.starts_with("Ok") || outcome.starts_with("Err"))
        );
    });
}

const GOOD: &str = r#"{"result":{"items":[{"ID":35,"TYPE_ID":1,"OWNER_ID":21,"CREATED_TIME":"2024-04-25T14:59:11+00:00",
    "CATEGORY_ID":0,"STAGE_SEMANTIC_ID":"P","STAGE_ID":"NEW"}]},"total":1,"time":{"operating":0.1}}"#;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_bytes_are_an_answer_or_an_error(status in 100_u16..600, body in prop::collection::vec(any::<u8>(), 0..200)) {
        run(status, body);
    }

    #[test]
    fn json_of_any_shape_is_an_answer_or_an_error(status in 100_u16..600, body in json_text()) {
        run(status, body.into_bytes());
    }

    #[test]
    fn one_wrong_byte_is_an_answer_or_an_error(at in 0..GOOD.len(), byte in any::<u8>()) {
        let mut body = GOOD.as_bytes().to_vec();
        body[at] = byte;
        run(200, body);
    }
}

/// JSON that uses the words of real answers in the wrong places.
fn json_text() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "result",
        "error",
        "error_description",
        "time",
        "items",
        "categories",
        "result_error",
        "result_time",
        "c00",
        "ID",
        "CREATED_TIME",
        "operating",
        "operating_reset_at",
        "finish",
        "duration",
        "0",
        "total",
        "next",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((word.clone(), inner), 0..6).prop_map(|entries| {
                Value::Object(
                    entries
                        .into_iter()
                        .map(|(key, value)| (key.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
    .prop_map(|value| value.to_string())
}

#[tokio::test(start_paused = true)]
async fn an_answer_cut_off_anywhere_may_pass_and_says_so() {
    for end in 0..GOOD.len() {
        let body = GOOD.as_bytes()[..end].to_vec();
        let portal = Scripted::new(move |_| (Duration::ZERO, Ok(TransportResponse::new(200, body.clone()))));
        let client = one_attempt(&portal);
        let error = client
            .stage_history_page(&crate::HistoryQuery::default())
            .await
            .expect_err("cut off");
        assert_eq!(
            (error.kind(), error.method()),
            (ErrorKind::NotAnAnswer, "crm.stagehistory.list")
        );
        assert!(error.is_passing());
    }
}

#[tokio::test(start_paused = true)]
async fn nesting_without_end_is_an_error() {
    let portal = Scripted::new(|_| {
        let deep = format!("{{\"result\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        (Duration::ZERO, Ok(TransportResponse::new(200, deep)))
    });
    one_attempt(&portal).server_time().await.expect_err("no time");
}

/// Numbers and texts at the edge of every type, in each place where a number may be.
#[test]
fn gigantic_numbers_are_an_answer_or_an_error() {
    let digits = "9".repeat(100_000);
    for number in [
        "1e400",
        "-1e400",
        "1e-400",
        "18446744073709551616",
        "-9223372036854775809",
        "1e308",
        "\"1e308\"",
        "\"-0\"",
        "0.1e-99999999999",
        "\"\\ud800\"",
        digits.as_str(),
    ] {
        for shape in [
            r#"{"result":{"items":[{"ID":N,"TYPE_ID":N,"OWNER_ID":N,"CREATED_TIME":"2024-04-25T14:59:11+00:00","CATEGORY_ID":N,"STAGE_ID":"NEW"}]}}"#,
            r#"{"result":{"items":[]},"total":N,"next":N,"time":{"operating":N,"operating_reset_at":N,"finish":N,"start":N,"duration":N}}"#,
            r#"{"result":{"categories":[{"id":N,"name":"x","sort":N}]}}"#,
            r#"{"result":"N"}"#,
            r#"{"error":N,"error_description":N}"#,
            "N",
        ] {
            run(200, shape.replace('N', number).into_bytes());
            run(429, shape.replace('N', number).into_bytes());
        }
    }
}

/// A rest that a portal names is a rest of a day at most: an instant beyond what the clock can tell must not be asked for.
#[tokio::test(start_paused = true)]
async fn a_rest_without_end_that_the_portal_names_is_a_day() {
    for (status, code) in [
        (503, "OVERLOAD_LIMIT"),
        (429, "OPERATION_TIME_LIMIT"),
        (503, "QUERY_LIMIT_EXCEEDED"),
        (500, "INTERNAL_SERVER_ERROR"),
    ] {
        let portal = Scripted::new(move |_| {
            let body = format!("{{\"error\":\"{code}\"}}");
            let mut response = TransportResponse::new(status, body);
            response.retry_after = Some(u64::MAX.to_string());
            (Duration::ZERO, Ok(response))
        });
        let client = one_attempt(&portal);
        let error = client.server_time().await.expect_err("refused");
        let day = Duration::from_secs(24 * 60 * 60);
        match error.class() {
            crate::Class::Retry { after } => assert_eq!(*after, Some(day), "{code}"),
            crate::Class::WaitForMethod { wait, .. } | crate::Class::Blocked { wait } => {
                assert!(*wait <= day, "{code}: {wait:?}");
            }
            crate::Class::Permanent { .. } => panic!("{code} passes"),
        }
    }
}
