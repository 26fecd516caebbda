//! What can be wrong with the portal's history.

/// An answer of the portal that cannot be right. Taking it as it is would lose rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A row came that was not asked for: the portal ignores the filter.
    #[error(
        "the portal answered history row {id} when asked for IDs above {after} up to {up_to}; \
         does something between us and the portal change the request?"
    )]
    OutsideWindow {
        /// The row that came.
        id: i64,
        /// The window's exclusive lower end.
        after: i64,
        /// The window's inclusive upper end.
        up_to: i64,
    },
    /// A row's number is too large for its column.
    #[error("history row {id}: {field} is {value}, too large to be one")]
    NumberTooLarge {
        /// The row.
        id: i64,
        /// The portal's field.
        field: &'static str,
        /// What it holds.
        value: i64,
    },
    /// The portal's first and last rows do not come first and last: it ignores the order asked for.
    #[error(
        "the portal ignores the order by ID that was asked for; does something between us and the portal change the request?"
    )]
    Unordered,
    /// Reading ended before the last row, without a word.
    #[error(
        "reading the stage history ended early; its task may have been stopped by a mistake in the program"
    )]
    EndedEarly,
}
