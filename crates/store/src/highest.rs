//! The row with the highest key, found by the walk that every store has.

use table_map::{Row, TableMap};

use crate::{Error, Store};

/// The row with the highest key, or `None` when the table has no row with one.
///
/// `hint` is a key that was the highest lately: with it, and few new rows above it, this takes a few reads of one row. Without it,
/// it takes about twice as many as the range of keys has bits. Rows that come meanwhile may be left out.
///
/// # Errors
/// Those of [`Store::scan`].
pub async fn highest(store: &dyn Store, map: &TableMap, hint: Option<i64>) -> Result<Option<Row>, Error> {
    let first_after = async |after: Option<i64>| {
        let page = store.scan(map, after, 1).await?;
        Ok::<_, Error>(page.into_iter().next())
    };
    let mut found = match hint.and_then(|hint| hint.checked_sub(1)) {
        Some(below) => first_after(Some(below)).await?,
        None => None,
    };
    if found.is_none() {
        found = first_after(None).await?;
    }
    let Some(mut row) = found else {
        return Ok(None);
    };
    // Upwards in growing steps, until there is no key above.
    let mut step: i64 = 1;
    let mut none_above = loop {
        let above = row.key().saturating_add(step - 1);
        match first_after(Some(above)).await? {
            Some(higher) => row = higher,
            None => break above,
        }
        step = step.saturating_mul(2);
    };
    // The highest is between the row and that key.
    while row.key() < none_above {
        let middle = row.key().midpoint(none_above);
        match first_after(Some(middle)).await? {
            Some(higher) => row = higher,
            None => none_above = middle,
        }
    }
    Ok(Some(row))
}
