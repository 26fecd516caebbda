//! When the cursor of an upload is made durable.

use std::sync::Arc;
use std::time::Duration;

use ::agent::{Activation, CancellationToken, SystemClock};
use exchange::WriteCounts;
use serde_json::{Value, json};

use super::bench::Durable;
use crate::state::UploadState;
use crate::uploading::Saving;

#[tokio::test(start_paused = true)]
async fn the_cursor_is_saved_at_once_where_nothing_is_written_meanwhile_and_now_and_then_where_something_is()
{
    let saved = Arc::new(Durable::default());
    let activation = Activation::new(
        "history.upload",
        "",
        Value::Null,
        1,
        Arc::new(SystemClock),
        saved.clone(),
        CancellationToken::new(),
    );
    let state = json!({
        "scope": {"portal": "", "target": "", "environment": "TEST", "timezone": "UTC", "pipelines": []},
        "from": 0, "cursor": 0, "until": 100, "written": WriteCounts::default(), "started_at": "2026-05-01T09:00:00Z",
    });
    let mut state: UploadState = serde_json::from_value(state).unwrap();
    let mut saving = Saving::new(&activation, &state);
    let now = || std::mem::take(&mut *saved.cursors.lock().unwrap());
    saving.save(&state).await.unwrap();
    assert_eq!(now(), Vec::<i64>::new(), "it has not moved");
    for (cursor, busy, milliseconds, expected) in [
        (1, false, 0, Some(1)),
        (2, true, 0, None),
        (3, true, 99, None),
        (4, true, 1, Some(4)),
        (5, true, 50, None),
        (6, false, 0, Some(6)),
        (7, true, 99, None),
    ] {
        tokio::time::advance(Duration::from_millis(milliseconds)).await;
        state.cursor = cursor;
        saving.moved(&state, busy).await.unwrap();
        assert_eq!(now(), Vec::from_iter(expected), "after {cursor}");
    }
    saving.save(&state).await.unwrap();
    assert_eq!(now(), [7], "nothing stays unsaved");
    saving.save(&state).await.unwrap();
    assert_eq!(now(), Vec::<i64>::new());
}
