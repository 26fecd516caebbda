//! The views beside the tables: what people make reports of.

use analysis::Tables;
use exchange::{Context, ViewsOnce};
use table_map::ViewMap;

/// The views, made once the tables that they read are there.
#[derive(Debug)]
pub(crate) struct Views {
    maps: Vec<ViewMap>,
    once: ViewsOnce,
}

impl Views {
    pub(crate) fn new(context: &Context, history: &str, stages: &str) -> Self {
        let name = |base| context.environment.table(base);
        let tables = Tables::new(history, stages);
        Self {
            maps: vec![
                analysis::views::duration(name("CRM_STAGE_DURATION"), &tables, context.timezone),
                analysis::views::funnel(name("CRM_STAGE_FUNNEL"), &tables, context.timezone),
            ],
            once: ViewsOnce::default(),
        }
    }

    pub(crate) fn maps(&self) -> Vec<ViewMap> {
        self.maps.clone()
    }

    /// Nothing depends on the views, so that nothing fails with them.
    pub(crate) async fn ensure(&self, context: &Context) {
        self.once.ensure(context.store.as_ref(), &self.maps).await;
    }
}
