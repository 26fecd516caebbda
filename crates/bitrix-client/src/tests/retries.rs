use super::*;
use crate::{Class, ErrorKind, RetryPolicy};

#[tokio::test(start_paused = true)]
async fn what_passes_is_tried_again_with_growing_delays() {
    let portal = Scripted::new(|seen| match seen.index {
        0 => error(500, "INTERNAL_SERVER_ERROR"),
        1 => text(200, ""),
        2 => text(200, r#"{"result":{"ID":"#),
        3 => text(502, "<html>Bad Gateway</html>"),
        4 => (Duration::ZERO, Err(TransportErrorKind::Broken)),
        _ => ok(&json!({"ID": "7", "ADMIN": true})),
    });
    let client = client(&portal);

    let profile = client.profile().await.expect("the sixth answer is good");

    assert_eq!((profile.id, profile.admin), (7, true));
    let times: Vec<Instant> = portal.seen().iter().map(|seen| seen.at).collect();
    for (pair, least) in times.windows(2).zip([0.5, 1.0, 2.0, 4.0, 8.0]) {
        let delay = (pair[1] - pair[0]).as_secs_f64();
        assert!(
            (least..=2.0 * least + 0.01).contains(&delay),
            "{delay} after a least of {least}"
        );
    }
    assert_eq!(
        (
            client.stats().requests,
            client.stats().retried,
            client.stats().refused
        ),
        (6, 5, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn attempts_are_bounded_and_the_last_error_counts_them() {
    let portal = Scripted::new(|_| text(200, "<!DOCTYPE html><p>maintenance</p>"));
    let mut config = config();
    config.retry = RetryPolicy {
        max_attempts: 3,
        ..RetryPolicy::default()
    };

    let error = client_with(&portal, config)
        .server_time()
        .await
        .expect_err("never an answer");

    assert_eq!(
        (error.kind(), error.attempts(), portal.seen().len()),
        (ErrorKind::NotAnAnswer, 3, 3)
    );
    assert_eq!(
        error.to_string(),
        "server.time failed with HTTP 200: the answer is a web page, not JSON (after 3 attempts); it may pass, try again \
         later"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_permanent_is_asked_once_and_says_what_to_do() {
    for (reply, kind, advice) in [
        (401, "NO_AUTH_FOUND", ErrorKind::Credentials),
        (403, "insufficient_scope", ErrorKind::NotAllowed),
        (400, "INVALID_ARG_VALUE", ErrorKind::BadCall),
        (500, "PORTAL_DELETED", ErrorKind::PortalGone),
    ]
    .map(|(status, code, kind)| (error(status, code), kind, "; "))
    .into_iter()
    .chain([
        (text(302, ""), ErrorKind::WrongAddress, "redirect"),
        (
            text(404, "<h1>Not Found</h1>"),
            ErrorKind::WrongAddress,
            "check the webhook URL",
        ),
    ]) {
        let reply = Mutex::new(Some(reply));
        let portal = Scripted::new(move |_| lock(&reply).take().expect("asked once"));
        let error = client(&portal).server_time().await.expect_err("permanent");
        assert_eq!(error.kind(), kind);
        assert!(matches!(error.class(), Class::Permanent { .. }), "{error}");
        assert!(error.to_string().contains(advice), "{error}");
        assert_eq!(error.attempts(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_the_least_delay() {
    let portal = Scripted::new(|seen| {
        let mut response = TransportResponse::new(503, "busy");
        response.retry_after = Some("30".to_owned());
        if seen.index == 0 {
            (Duration::ZERO, Ok(response))
        } else {
            ok(&json!("2024-01-01T00:00:00+03:00"))
        }
    });
    let began = Instant::now();

    client(&portal).server_time().await.expect("the second answer");

    assert!(
        began.elapsed() >= Duration::from_secs(30),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn codes_may_be_numbers_or_empty_and_the_status_decides() {
    for (status, code, kind) in [
        (400, json!(0), ErrorKind::BadCall),
        (400, json!(""), ErrorKind::BadCall),
        (500, json!(0), ErrorKind::ServerFault),
        (403, json!(null), ErrorKind::NotAllowed),
    ] {
        let portal =
            Scripted::new(move |_| answer(status, &json!({"error": code, "error_description": "no"})));
        let mut config = config();
        config.retry.max_attempts = 1;
        let error = client_with(&portal, config)
            .server_time()
            .await
            .expect_err("refused");
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_vendors_block_nothing_is_sent_until_it_is_over() {
    let portal = Scripted::new(|seen| match seen.index {
        0 => error(503, "OVERLOAD_LIMIT"),
        _ => ok(&json!("2024-01-01T00:00:00+03:00")),
    });
    let client = client(&portal);

    let first = client.server_time().await.expect_err("blocked");
    let second = client.server_time().await.expect_err("still blocked");
    let sent_meanwhile = portal.seen().len();
    tokio::time::sleep(Duration::from_secs(301)).await;
    client.server_time().await.expect("the block is over");

    assert!(matches!(first.class(), Class::Blocked { .. }));
    assert_eq!((second.kind(), second.attempts()), (ErrorKind::Blocked, 0));
    assert_eq!(sent_meanwhile, 1);
}

#[tokio::test(start_paused = true)]
async fn a_profile_that_is_not_allowed_is_asked_of_the_user_methods() {
    let portal = Scripted::new(|seen| match seen.method.as_str() {
        "profile" => error(403, "ACCESS_DENIED"),
        "user.current" => ok(&json!({"ID": "27", "NAME": "Мария", "LAST_NAME": ""})),
        "user.admin" => ok(&json!(true)),
        other => panic!("unexpected {other}"),
    });

    let profile = client(&portal).profile().await.expect("by the other way");

    assert_eq!(
        (
            profile.id,
            profile.admin,
            profile.name.as_deref(),
            profile.last_name
        ),
        (27, true, Some("Мария"), None)
    );
}

#[tokio::test(start_paused = true)]
async fn names_that_are_no_methods_are_never_sent() {
    let portal = Scripted::new(|_| ok(&json!(null)));
    for name in ["", "a/b", "a..b", "../x", "a?b", "profile ", "a#b"] {
        let error = client(&portal)
            .call::<Value>(name, &json!({}))
            .await
            .expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::BadInput);
    }
    let error = client(&portal)
        .call::<Value>("profile", &json!([1]))
        .await
        .expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::BadInput);
    assert!(portal.seen().is_empty());
}

#[tokio::test]
async fn settings_out_of_range_are_refused_by_name() {
    let portal = Scripted::new(|_| ok(&json!(null)));
    type Change = fn(&mut ClientConfig);
    let wrong: [(&str, Change); 9] = [
        ("requests_per_second", |c| c.requests_per_second = -1.0),
        ("requests_per_second", |c| c.requests_per_second = f64::NAN),
        ("requests_per_second", |c| c.requests_per_second = f64::INFINITY),
        ("requests_per_second", |c| c.requests_per_second = 1e-9),
        ("burst", |c| c.burst = 0),
        ("burst", |c| c.burst = u32::MAX),
        ("operating_limit_seconds", |c| {
            c.operating_limit_seconds = Some(-5.0)
        }),
        ("operating_limit_seconds", |c| {
            c.operating_limit_seconds = Some(f64::NAN)
        }),
        ("max_in_flight", |c| c.max_in_flight = Some(0)),
    ];
    for (name, change) in wrong {
        let mut config = config();
        change(&mut config);
        let error =
            Client::with_transport(config, Arc::clone(&portal) as Arc<dyn Transport>).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::BadInput);
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_on_run_time_for_a_whole_batch_holds_back_every_method_in_it() {
    let portal = Scripted::new(|seen| match seen.index {
        0 => error(429, "OPERATION_TIME_LIMIT"),
        _ => ok(&json!({"result": {"c00": 1, "c01": 2}})),
    });
    let began = Instant::now();

    let calls = ["one", "two"].map(|method| crate::Call::new(method, json!({})));
    client(&portal).batch(&calls).await.expect("after the rest");

    assert!(
        began.elapsed() >= Duration::from_secs(60),
        "{:?}",
        began.elapsed()
    );
}
