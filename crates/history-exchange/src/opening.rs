//! The first rows of a history, which come with its bounds. Pure.

use bitrix_client::ChainPages;

use crate::windows::Window;

/// The first rows of the history, page by page.
#[derive(Debug)]
pub(crate) struct Opening {
    /// What was read: no row in it is missing.
    pub(crate) window: Window,
    /// How many pages were asked for.
    pub(crate) asked: usize,
    /// The pages. None of their rows is beyond the window.
    pub(crate) chain: ChainPages,
}

impl Opening {
    /// What a chain of `asked` pages gave from `lowest` on. What came to be beyond `highest` meanwhile does not belong to it.
    pub(crate) fn new(mut chain: ChainPages, asked: usize, lowest: i64, highest: i64) -> Self {
        let after = lowest.saturating_sub(1);
        let mut up_to = after;
        let mut ended = false;
        chain.pages.retain_mut(|page| {
            if ended {
                return false;
            }
            let rows = page.records.len();
            page.records.retain(|record| record.id <= highest);
            ended = !page.more || page.records.len() < rows;
            page.more = !ended;
            up_to = match page.records.last() {
                Some(last) if !ended => last.id,
                _ => highest,
            };
            true
        });
        Self {
            window: Window { after, up_to },
            asked,
            chain,
        }
    }
}
