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

#[cfg(test)]
mod tests {
    use bitrix_client::{HistoryPage, HistoryRecord};

    use super::*;

    fn page(ids: std::ops::RangeInclusive<i64>, more: bool) -> HistoryPage {
        let record = |id| HistoryRecord {
            id,
            type_id: None,
            owner_id: 1,
            created_time: "2026-01-01T00:00:00+00:00".parse().unwrap(),
            category_id: 0,
            stage_semantic_id: None,
            stage_id: "NEW".into(),
        };
        HistoryPage {
            records: ids.map(record).collect(),
            more,
        }
    }

    fn opening(pages: Vec<HistoryPage>, highest: i64) -> (i64, Vec<usize>) {
        let chain = ChainPages {
            pages,
            strayed: false,
        };
        let opening = Opening::new(chain, 9, 1, highest);
        assert_eq!(opening.window.after, 0);
        let sizes = opening.chain.pages.iter().map(|page| page.records.len());
        (opening.window.up_to, sizes.collect())
    }

    #[test]
    fn what_goes_on_ends_with_its_last_row_and_what_does_not_with_the_history() {
        assert_eq!(
            opening(vec![page(1..=50, true), page(51..=100, true)], 1000),
            (100, vec![50, 50])
        );
        assert_eq!(
            opening(vec![page(1..=50, true), page(51..=70, false)], 75),
            (75, vec![50, 20])
        );
    }

    #[test]
    fn rows_that_came_to_be_after_the_bounds_were_read_do_not_belong_to_it() {
        let pages = vec![page(1..=50, true), page(51..=100, true), page(101..=150, true)];
        assert_eq!(opening(pages.clone(), 70), (70, vec![50, 20]));
        assert_eq!(opening(pages, 100), (100, vec![50, 50, 0]));
    }
}
