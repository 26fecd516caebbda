//! The ledger alone, in paused time.

use super::*;

fn time(finish: f64, operating: f64, reset_at: f64) -> Time {
    Time {
        start: None,
        finish: Some(finish),
        duration: Some(0.5),
        operating: Some(operating),
        operating_reset_at: Some(reset_at),
    }
}

fn used(ledger: &Ledger) -> f64 {
    ledger.state()[0].used
}

#[tokio::test(start_paused = true)]
async fn the_portals_sum_is_taken_over_and_leaves_with_its_window() {
    let ledger = Ledger::new(Some(480.0));
    ledger.learn("m", &time(1000.0, 300.0, 1030.0));
    assert!((used(&ledger) - 300.0).abs() < 0.01);

    tokio::time::advance(Duration::from_secs(31)).await;
    let left = used(&ledger);
    assert!(
        left < 300.0 && left > 250.0,
        "only the oldest basket has left: {left}"
    );

    tokio::time::advance(Duration::from_secs(600)).await;
    assert!(used(&ledger).abs() < 0.01);
}

#[tokio::test(start_paused = true)]
async fn an_older_answer_that_comes_late_changes_nothing() {
    let ledger = Ledger::new(Some(480.0));
    ledger.learn("m", &time(1010.0, 20.0, 1600.0));
    ledger.learn("m", &time(1005.0, 10.0, 1600.0));
    assert!((used(&ledger) - 20.0).abs() < 0.01);
}

#[tokio::test(start_paused = true)]
async fn what_a_request_whose_answer_is_lost_may_have_taken_counts_until_an_answer_tells_the_sum() {
    let ledger = Ledger::new(Some(100.0));
    ledger.learn("m", &time(1000.0, 10.0, 1600.0));
    let ask = [Demand {
        method: "m",
        calls: 40,
    }];
    drop(ledger.reserve(&ask).await);
    assert!((used(&ledger) - 30.0).abs() < 0.01, "half a second a call");
    let probe = ledger.reserve(&ask).await;
    assert!(
        ledger.try_reserve(&ask, Instant::now()).is_err(),
        "one request at a time until an answer comes"
    );
    ledger.learn("m", &time(1001.0, 12.0, 1600.0));
    probe.settle();
    drop(probe);
    assert!((used(&ledger) - 12.0).abs() < 0.01, "the portal had not run it");
}

#[tokio::test(start_paused = true)]
async fn near_the_limit_a_lost_request_counts_in_full_and_single_calls_ask_after_it() {
    let ledger = Ledger::new(Some(100.0));
    ledger.learn("m", &time(1000.0, 60.0, 1590.0));
    let ask = [Demand {
        method: "m",
        calls: 40,
    }];
    let began = Instant::now();
    drop(ledger.reserve(&ask).await);
    assert!((used(&ledger) - 80.0).abs() < 0.01);

    // Another 20 s would be within the limit, but not what the portal may have run for both.
    for nth in 0..40 {
        let probe = ledger.reserve(&ask).await;
        assert!(probe.asks(), "{nth}");
        drop(probe);
        assert!((used(&ledger) - 80.5 - 0.5 * f64::from(nth)).abs() < 0.01);
    }
    assert_eq!(Instant::now(), began);

    // When no answer comes at all, even single calls end at the limit: the oldest part has to leave first.
    assert!(!ledger.reserve(&ask).await.asks());
    assert!(
        began.elapsed() >= Duration::from_secs(589),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn when_the_reset_comes_a_call_alone_asks_how_much_has_left() {
    // Given 30 calls of a second, and 60 more 8 s later, in the next of the portal's baskets: one entry of the ledger.
    let ledger = Ledger::new(Some(100.0));
    let call = |finish: f64, sum: f64| Time {
        duration: Some(1.0),
        ..time(finish, sum, 1595.0)
    };
    for sum in 1..=30 {
        ledger.learn("m", &call(1000.0, f64::from(sum)));
    }
    tokio::time::advance(Duration::from_secs(8)).await;
    for sum in 31..=90 {
        ledger.learn("m", &call(1008.0, f64::from(sum)));
    }
    let began = Instant::now();

    // When a request that has no room waits for the reset at 595 s,
    let ask = [Demand {
        method: "m",
        calls: 40,
    }];
    let probe = ledger.reserve(&ask).await;

    // then all of it still counts, as the portal has not said how much is gone.
    let waited = began.elapsed().as_secs_f64();
    assert!((waited - 587.0).abs() < 0.1, "{waited}");
    assert!(probe.asks());
    assert!((used(&ledger) - 90.0).abs() < 0.01);
    assert!(matches!(
        ledger.try_reserve(&ask, Instant::now()),
        Err(("m", Gate::Change))
    ));
    ledger.learn(
        "m",
        &Time {
            operating_reset_at: Some(1655.0),
            ..call(1596.0, 61.0)
        },
    );
    probe.settle();
    drop(probe);
    assert!((used(&ledger) - 61.0).abs() < 0.01);
    assert!(
        !ledger
            .reserve(&[Demand {
                method: "m",
                calls: 30
            }])
            .await
            .asks()
    );
    assert_eq!(began.elapsed().as_secs(), 587);
}

#[tokio::test(start_paused = true)]
async fn a_portal_that_names_no_reset_is_not_asked_call_by_call() {
    let ledger = Ledger::new(Some(100.0));
    ledger.learn("m", &time(1000.0, 80.0, 1030.0));
    tokio::time::advance(Duration::from_secs(40)).await;
    // Its clock is behind: the reset was before the answer.
    ledger.learn("m", &time(1040.0, 80.5, 1030.0));
    let ask = [Demand {
        method: "m",
        calls: 40,
    }];
    assert!(matches!(
        ledger.try_reserve(&ask, Instant::now()),
        Err(("m", Gate::Until(_)))
    ));
    assert!(!ledger.reserve(&ask).await.asks());
}

#[tokio::test(start_paused = true)]
async fn a_request_of_two_methods_asks_with_one_call_of_each_and_not_at_all_while_one_of_them_has_to_wait() {
    let ledger = Ledger::new(Some(100.0));
    let both = [("doubtful", 40), ("known", 3)].map(|(method, calls)| Demand { method, calls });
    ledger.learn("doubtful", &time(1000.0, 60.0, 1590.0));
    ledger.learn("known", &time(1000.0, 10.0, 1590.0));
    drop(ledger.reserve(&both[..1]).await);

    let probe = ledger.reserve(&both).await;
    assert!(probe.asks());
    let held: Vec<f64> = probe.held.iter().map(|(_, seconds)| *seconds).collect();
    assert_eq!(held, [0.5, 0.5]);
    probe.settle();
    drop(probe);

    ledger.learn("known", &time(1001.0, 94.0, 1590.0));
    assert!(matches!(
        ledger.try_reserve(&both, Instant::now()),
        Err(("known", Gate::Until(_)))
    ));
}

#[tokio::test(start_paused = true)]
async fn years_of_answers_keep_the_list_short() {
    // Given others who use the same webhook, so that every answer brings run time of unknown age.
    let ledger = Ledger::new(Some(480.0));
    for second in 0..5_000_u32 {
        let finish = 1000.0 + f64::from(second);
        ledger.learn(
            "m",
            &time(
                finish,
                100.0 + f64::from(second % 50) * 3.0,
                finish + f64::from(second % 60),
            ),
        );
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let entries = lock(&ledger.methods)["m"].spent.len();
    assert!(entries <= 70, "{entries} entries for a window of 600 s");
}
