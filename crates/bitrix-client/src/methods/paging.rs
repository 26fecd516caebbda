//! Where to read on in a list that pages by row numbers.

use serde_json::Value;

use crate::error::Error;

/// More pages than this is no list of pipelines or stages, but a portal that never ends.
const MOST_PAGES: u32 = 100;

/// The place in a list up to which its rows were read.
#[derive(Debug)]
pub(super) struct Place {
    /// The number of rows to skip, or `None` at the end.
    next: Option<u64>,
    pages: u32,
}

impl Place {
    /// The beginning of a list.
    pub(super) fn beginning() -> Self {
        Self {
            next: Some(0),
            pages: 0,
        }
    }

    pub(super) fn is_end(&self) -> bool {
        self.next.is_none()
    }

    /// These parameters, for the page at this place. The first page is asked for without a number, as for a list
    /// that does not page.
    pub(super) fn applied_to(&self, mut params: Value) -> Value {
        if let Some(start) = self.next.filter(|start| *start > 0) {
            params["start"] = start.into();
        }
        params
    }

    /// Goes on to where the answer says that the list does.
    ///
    /// # Errors
    /// When that is not further on, or the list never ends.
    pub(super) fn go_on(&mut self, method: &str, next: Option<u64>) -> Result<(), Error> {
        if next.is_some() && next <= self.next {
            let detail = "the list goes on at a row that was already read (next does not grow)";
            return Err(Error::unexpected(method, detail));
        }
        self.pages += 1;
        if next.is_some() && self.pages >= MOST_PAGES {
            let detail = format!("the list goes on after {MOST_PAGES} pages");
            return Err(Error::unexpected(method, detail));
        }
        self.next = next;
        Ok(())
    }
}
