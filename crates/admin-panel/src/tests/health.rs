//! Health, readiness, metrics.

use std::sync::atomic::Ordering;

use super::prometheus::Page;
use super::*;
use crate::metrics::{self, Kind, describe, recorder};

#[tokio::test]
async fn a_process_that_answers_is_healthy() {
    let running = start(options()).await;
    let answer = get(running.address, "/healthz").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let mut client = Client::to(running.address).await;
    client
        .send("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    client.half_close().await;
    assert!(client.answer().await.is_err(), "HEAD is answered without a body");
}

#[tokio::test]
async fn readiness_tells_what_is_well_and_the_reasons_for_what_is_not() {
    let health = Health::default();
    *health.checks.lock().unwrap() = vec![
        Check::well("state"),
        Check::wrong(
            "target",
            "SQL Server does not answer; agents repeat \"by themselves\"",
        ),
    ];
    let running = start_with(options(), Sink::default(), health, |server| server).await;
    let answer = get(running.address, "/readyz").await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (503, Some("application/json"))
    );
    let json: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        json,
        serde_json::json!({"ready": false, "checks": [
            {"name": "state", "ok": true, "reason": ""},
            {"name": "target", "ok": false, "reason": "SQL Server does not answer; agents repeat \"by themselves\""},
        ]})
    );
}

#[tokio::test]
async fn readiness_with_all_well_is_200() {
    for checks in [vec![], vec![Check::well("state"), Check::well("target")]] {
        let health = Health::default();
        *health.checks.lock().unwrap() = checks;
        let running = start_with(options(), Sink::default(), health, |server| server).await;
        assert_eq!(get(running.address, "/readyz").await.status, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn the_source_is_asked_once_in_a_while_and_its_answer_does_not_outlive_that() {
    let health = Arc::new(Health::default());
    let port: Arc<dyn HealthSource> = Arc::<Health>::clone(&health);
    let state = axum::extract::State(Arc::new(crate::health::Health::new(port)));
    let ask = async || crate::health::readyz(state.clone()).await.status().as_u16();
    for _ in 0..10 {
        assert_eq!(ask().await, 200);
    }
    assert_eq!(health.asked.load(Ordering::SeqCst), 1);
    *health.checks.lock().unwrap() = vec![Check::wrong("state", "away")];
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(ask().await, 503);
    assert_eq!(health.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_is_not_ready() {
    let port: Arc<dyn HealthSource> = Arc::new(Health {
        hangs: true,
        ..Health::default()
    });
    let state = axum::extract::State(Arc::new(crate::health::Health::new(port)));
    let answer = crate::health::readyz(state).await;
    assert_eq!(answer.status().as_u16(), 503);
}

#[tokio::test]
async fn metrics_are_a_page_that_a_scraper_reads() {
    let (recorder, recorded) = recorder();
    let _local = ::metrics::set_default_local_recorder(&recorder);
    describe();
    let running = start_with(options(), Sink::default(), Health::default(), |server| {
        server.with_metrics(recorded)
    })
    .await;
    ::metrics::counter!(metrics::ROWS_WRITTEN, "table" => "CRM_STAGE_HISTORY_PROD", "kind" => "inserted")
        .increment(5);
    ::metrics::histogram!(metrics::STEP_SECONDS, "agent" => "history.follow").record(0.07);
    assert_eq!(
        post(running.address, event("ONCRMDEALADD", 1, TOKEN))
            .await
            .status,
        200
    );

    let answer = get(running.address, "/metrics").await;
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let page = Page::read(&answer.body);
    let rows = [("table", "CRM_STAGE_HISTORY_PROD"), ("kind", "inserted")];
    assert_eq!(page.value(metrics::ROWS_WRITTEN, &rows), Some(5.0));
    assert_eq!(
        page.value(metrics::EVENTS_PENDING, &[]),
        Some(3.0),
        "refreshed for this page"
    );
    let bucket = format!("{}_bucket", metrics::STEP_SECONDS);
    let below = |bound| page.value(&bucket, &[("agent", "history.follow"), ("le", bound)]);
    assert_eq!(
        (below("0.05"), below("0.1"), below("+Inf")),
        (Some(0.0), Some(1.0), Some(1.0))
    );
    assert_eq!(running.health.refreshed.load(Ordering::SeqCst), 1);
    assert!(!answer.body.contains(TOKEN));
}

#[test]
fn every_metric_has_the_type_and_labels_of_the_list() {
    let (recorder, recorded) = recorder();
    ::metrics::with_local_recorder(&recorder, || {
        describe();
        for metric in metrics::ALL {
            let labels: Vec<::metrics::Label> = metric
                .labels
                .iter()
                .map(|label| ::metrics::Label::new(*label, "x"))
                .collect();
            match metric.kind {
                Kind::Counter => ::metrics::counter!(metric.name, labels).increment(1),
                Kind::Gauge => ::metrics::gauge!(metric.name, labels).set(1.0),
                Kind::Histogram => ::metrics::histogram!(metric.name, labels).record(1.0),
            }
        }
    });
    let page = Page::read(&recorded.render());
    for metric in metrics::ALL {
        assert_eq!(
            page.kinds.get(metric.name).map(String::as_str),
            Some(metric.kind.as_str()),
            "{}",
            metric.name
        );
        assert!(
            metric.name.ends_with("_total") == (metric.kind == Kind::Counter),
            "{}",
            metric.name
        );
    }
    assert_eq!(page.kinds.len(), metrics::ALL.len());
    let known: Vec<&str> = metrics::ALL
        .iter()
        .flat_map(|metric| metric.labels)
        .copied()
        .chain(["le"])
        .collect();
    for sample in &page.samples {
        assert!(
            sample.labels.keys().all(|label| known.contains(&label.as_str())),
            "{sample:?}"
        );
    }
}

#[tokio::test]
async fn metrics_are_only_where_they_may_be() {
    let (recorder, recorded) = recorder();
    let _local = ::metrics::set_default_local_recorder(&recorder);
    let serve = async |listen: [u8; 4], own: bool| {
        let mut options = options();
        options.listen = (listen, 0).into();
        options.metrics_listen = own.then(|| ([127, 0, 0, 1], 0).into());
        let recorded = recorded.clone();
        start_with(options, Sink::default(), Health::default(), |server| {
            server.with_metrics(recorded)
        })
        .await
    };
    let loopback = serve([127, 0, 0, 1], false).await;
    assert_eq!(get(loopback.address, "/metrics").await.status, 200);

    let mut open = serve([0, 0, 0, 0], false).await;
    open.address.set_ip([127, 0, 0, 1].into());
    assert_eq!(get(open.address, "/metrics").await.status, 404);
    assert_eq!(get(open.address, "/healthz").await.status, 200);
    assert_eq!(get(open.address, "/readyz").await.status, 200);
    assert_eq!(
        post(open.address, event("ONCRMDEALADD", 1, TOKEN)).await.status,
        200
    );

    let apart = serve([127, 0, 0, 1], true).await;
    let own = apart.metrics_address.unwrap();
    assert_eq!(get(apart.address, "/metrics").await.status, 404);
    assert_eq!(get(own, "/metrics").await.status, 200);
    assert_eq!(
        post(own, event("ONCRMDEALADD", 1, TOKEN)).await.status,
        404,
        "no events there"
    );

    let none = start(options()).await;
    assert_eq!(
        get(none.address, "/metrics").await.status,
        404,
        "nothing is recorded"
    );
}

#[test]
fn the_recorder_is_installed_once_and_given_to_all() {
    let first = metrics::install_recorder().unwrap();
    let second = metrics::install_recorder().unwrap();
    assert!(
        Page::read(&first.render())
            .value(metrics::EVENTS_UNKNOWN, &[])
            .is_some()
    );
    assert_eq!(first.render().lines().count(), second.render().lines().count());
}
