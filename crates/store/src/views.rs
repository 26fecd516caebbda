//! Views: what a migration does about them.
//!
//! A view that we made carries a mark with a fingerprint of its definition. So a view that is as it should be is left alone, one
//! of an older definition is made anew, and one that someone else made is never touched.
//!
//! Views are extras: whoever cannot make one says so and goes on with the tables.

use std::fmt;

use table_map::ViewMap;

/// What the database has under a view's name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FoundView {
    /// Nothing.
    Nothing,
    /// A view with our mark.
    Ours {
        /// Whether its fingerprint is that of today's definition.
        current: bool,
    },
    /// A view whose definition we may not see, so that we may not change it either. Whoever made it looks after it.
    Hidden,
    /// Something that is not ours, in words for people: `a table`.
    Other(String),
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ViewStep {
    /// To make the view.
    Create,
    /// To give it today's definition.
    Replace,
}

/// What a migration of one view would do.
#[derive(Debug, Clone)]
pub struct ViewPlan {
    view: ViewMap,
    step: Option<ViewStep>,
}

impl ViewPlan {
    /// The view.
    pub fn view(&self) -> &ViewMap {
        &self.view
    }

    /// What to do; `None` when the view is as it should be.
    pub fn step(&self) -> Option<ViewStep> {
        self.step
    }
}

/// Something else has the name of a view.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "view {view} cannot be made: {what} has this name already; rename that to have the view. The tables need no view and work \
     without it"
)]
pub struct ViewClash {
    view: String,
    what: String,
}

impl ViewClash {
    /// The view's name.
    pub fn view(&self) -> &str {
        &self.view
    }
}

/// Compares a view with what the database has under its name.
///
/// # Errors
/// When what is there is not ours.
pub fn plan_view(view: &ViewMap, found: &FoundView) -> Result<ViewPlan, ViewClash> {
    let step = match found {
        FoundView::Nothing => Some(ViewStep::Create),
        FoundView::Ours { current: true } | FoundView::Hidden => None,
        FoundView::Ours { current: false } => Some(ViewStep::Replace),
        FoundView::Other(what) => {
            return Err(ViewClash {
                view: view.name().to_owned(),
                what: what.clone(),
            });
        }
    };
    Ok(ViewPlan {
        view: view.clone(),
        step,
    })
}

/// A comment that says who made a view and from what, for its definition. Every database keeps a definition as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark(u64);

impl Mark {
    const BEGINS: &str = "/* made by stage-exchange, ";

    /// The mark of a definition.
    pub fn of(definition: &str) -> Self {
        // FNV-1a: it only has to notice that a definition is another one, and to be the same in every version of this program.
        let hash = definition.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self(hash)
    }

    /// What a view is whose definition is stored like this.
    pub fn judge(&self, stored: &str) -> FoundView {
        if stored.contains(Self::BEGINS) {
            FoundView::Ours {
                current: stored.contains(&self.to_string()),
            }
        } else {
            FoundView::Other("a view that this program did not make".to_owned())
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:016x} */", Self::BEGINS, self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sea_query::Query as Select;
    use table_map::{Column, Query};

    fn view() -> ViewMap {
        let query = Query::new("nothing", [Column::integer("A")], |_| {
            Select::select().expr(1).to_owned()
        });
        ViewMap::new("SUMS", query)
    }

    #[test]
    fn a_view_is_made_once_and_made_anew_only_when_its_definition_changed() {
        let step = |found| plan_view(&view(), &found).unwrap().step();
        assert_eq!(step(FoundView::Nothing), Some(ViewStep::Create));
        let mark = Mark::of("SELECT 1");
        let stored = format!("CREATE VIEW SUMS AS {mark} SELECT 1");
        assert_eq!(step(mark.judge(&stored)), None);
        assert_eq!(step(FoundView::Hidden), None);
        assert_eq!(step(Mark::of("SELECT 2").judge(&stored)), Some(ViewStep::Replace));
    }

    #[test]
    fn what_is_not_ours_is_named_and_left_alone() {
        let clash = plan_view(&view(), &FoundView::Other("a table".to_owned())).unwrap_err();
        assert_eq!(clash.view(), "SUMS");
        assert!(
            clash.to_string().contains("SUMS cannot be made: a table"),
            "{clash}"
        );
        let theirs = Mark::of("SELECT 1").judge("CREATE VIEW SUMS AS SELECT 1");
        assert!(plan_view(&view(), &theirs).is_err());
    }

    #[test]
    fn a_mark_stays_the_same_in_every_version() {
        assert_eq!(
            Mark::of("SELECT 1").to_string(),
            "/* made by stage-exchange, 199e7bca63ea84f2 */"
        );
    }
}
