//! Names of stages, for whoever writes rows that carry one.

use rustc_hash::FxHashMap;
use table_map::{Row, SmolStr, TableMap};

/// The stages that the table knows, by their `STATUS_ID`. Those that the portal has no more are among them: old moves went
/// through them, too.
#[derive(Debug, Clone, Default)]
pub struct StageNames {
    names: FxHashMap<SmolStr, (bool, SmolStr)>,
}

impl StageNames {
    pub(crate) fn from_rows<'a>(map: &TableMap, rows: impl IntoIterator<Item = &'a Row>) -> Self {
        let mut names: FxHashMap<SmolStr, (bool, SmolStr)> = FxHashMap::default();
        for row in rows {
            let (Some(status), Some(name)) = (row.text(map, "STATUS_ID"), row.text(map, "NAME")) else {
                continue;
            };
            let active = row.text(map, "ACTIVE") == Some("Y");
            // A stage that was removed and made anew stands there twice: what the portal has now goes first, then
            // what it had last (rows come in ascending order of the portal's ID).
            match names.get(status) {
                Some((true, _)) if !active => {}
                _ => {
                    names.insert(status.into(), (active, name.into()));
                }
            }
        }
        Self { names }
    }

    /// The name of a stage. Cloning it copies no text.
    pub fn get(&self, status_id: &str) -> Option<&SmolStr> {
        self.names.get(status_id).map(|(_, name)| name)
    }

    /// How many stages are known.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}
