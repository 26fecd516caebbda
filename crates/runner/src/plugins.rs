//! The exchanges that this program has: a new one is one line here.

use exchange::Plugin;

/// The exchanges, in the order in which they bring their data over.
pub fn plugins() -> Vec<Box<dyn Plugin>> {
    vec![
        Box::new(stage_list_exchange::StageListPlugin),
        Box::new(history_exchange::HistoryPlugin),
    ]
}
