//! Views made beside the tables. Nothing depends on them: what cannot be made is told and left.

use std::sync::atomic::{AtomicBool, Ordering};

use store::{ErrorKind, Store, ViewPlan, views};
use table_map::ViewMap;

/// What is to be done about a view.
///
/// # Errors
/// When something that is not ours has the view's name, or the target does not answer.
pub async fn plan_view(store: &dyn Store, view: &ViewMap) -> Result<ViewPlan, store::Error> {
    let found = store.inspect_view(view).await?;
    views::plan_view(view, &found).map_err(|clash| store::Error::new(ErrorKind::Operator, clash.to_string()))
}

/// Makes views once in the life of a process, when their tables are there.
#[derive(Debug, Default)]
pub struct ViewsOnce {
    done: AtomicBool,
}

impl ViewsOnce {
    /// Makes the views that are missing or old, unless that was tried already. What is in the way is told in the log and not tried
    /// again: a person has to act, and then migrates or starts anew. While the target is away, or a table is not there as yet, the
    /// next call tries again.
    pub async fn ensure(&self, store: &dyn Store, views: &[ViewMap]) {
        if self.done.load(Ordering::Relaxed) {
            return;
        }
        let mut again = false;
        for view in views {
            if let Err(error) = make(store, view).await {
                if matches!(error.kind(), ErrorKind::Passing { .. } | ErrorKind::Schema) {
                    tracing::debug!(view = view.name(), %error, "not made as yet");
                    again = true;
                } else {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(view = view.name(), %error, cause, "a view could not be made; the tables work without it");
                }
            }
        }
        if !again {
            self.done.store(true, Ordering::Relaxed);
        }
    }
}

async fn make(store: &dyn Store, view: &ViewMap) -> Result<(), store::Error> {
    let plan = plan_view(store, view).await?;
    store.apply_view(&plan).await
}
