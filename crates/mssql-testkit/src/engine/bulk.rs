//! The rows of a bulk load.

use super::binder::Binder;
use super::dml::full_row;
use super::eval::Env;
use super::locks::{Mode, Resource};
use super::run::{Attempt, Executor, Stop, acquire};
use super::syntax::BulkTarget;
use crate::codec::bulk::BulkData;
use crate::errors::{SqlError, SqlResult};
use crate::value::{SqlType, Value};

impl Executor<'_, '_> {
    /// Stores the rows that came after an INSERT BULK: all of them or none.
    pub(crate) async fn bulk_load(&mut self, target: &BulkTarget, data: &BulkData) -> Result<(), Stop> {
        let text = format!("INSERT BULK {}", target.table);
        if let Some(error) = self.world.take_injection(&text, self.session.id) {
            return Err(Stop::Error(error));
        }
        let count = self
            .locked(|world, state, session| {
                let mut binder = Binder::new(state, session);
                let key = binder.table_key(&target.table)?;
                let mut table = binder.table(&key, &target.table)?.clone();
                binder.touch(&key, Mode::Exclusive, true);
                let positions = positions(target, &table)?;
                if positions.len() != data.columns.len() {
                    return Err(SqlError::new(4819, "Cannot bulk load. The bulk data stream was incorrectly specified as sorted or the data violates its column list."));
                }
                let mut defaults = binder.defaults(&table)?;
                if target.keep_nulls {
                    defaults.fill(None);
                }
                let accesses = binder.accesses;
                if !acquire(state, session, &accesses)? {
                    return Ok(Attempt::Wait);
                }
                debug_assert!(accesses.iter().all(|a| matches!(a.resource, Resource::Table(_))));
                let types: Vec<SqlType> = data.columns.iter().map(|(_, wire)| wire.ty).collect();
                let env = Env::new(state, session, &world.options, world.now());
                for values in &data.rows {
                    // Without KEEP_NULLS a NULL takes the default of its column.
                    let given: Vec<usize> = (0..positions.len())
                        .filter(|i| !values[*i].is_null() || defaults[positions[*i]].is_none())
                        .collect();
                    let at: Vec<usize> = given.iter().map(|i| positions[*i]).collect();
                    let types: Vec<SqlType> = given.iter().map(|i| types[*i]).collect();
                    let values: Vec<Value> = given.iter().map(|i| values[*i].clone()).collect();
                    let row = full_row(&env, &mut table, &at, &types, &values, &defaults)?;
                    table.insert(row.into())?;
                }
                super::statements::apply(state, session, vec![(key, Some(table))]);
                Ok(Attempt::Done(data.rows.len()))
            })
            .await?;
        self.session.row_count = i64::try_from(count).unwrap_or(i64::MAX);
        self.done(0xf0, count).await
    }
}

/// The columns the data are for: those INSERT BULK listed, or all but the identity column.
fn positions(target: &BulkTarget, table: &super::catalog::Table) -> SqlResult<Vec<usize>> {
    if target.columns.is_empty() {
        return Ok((0..table.columns.len())
            .filter(|at| table.columns[*at].identity.is_none())
            .collect());
    }
    target
        .columns
        .iter()
        .map(|name| {
            table
                .column(&name.value)
                .ok_or_else(|| crate::errors::invalid_column(&name.value))
        })
        .collect()
}
