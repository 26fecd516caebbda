//! The methods of the REST interface, one function each: parameters in, JSON and counts out.

mod account;
mod crm;
pub(crate) mod tables;

use crate::clock::Zone;
use crate::error_answer::ApiError;
use crate::json::Json;
use crate::model::View;
use crate::options::NumberStyle;
use crate::params::Param;

/// What a call may look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) view: View<'a>,
    pub(crate) params: &'a Param,
    pub(crate) zone: Zone,
    pub(crate) user_id: u32,
    pub(crate) history_numbers: NumberStyle,
    /// The portal's time, Unix seconds.
    pub(crate) now: i64,
}

/// The counts beside a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) total: Option<usize>,
    pub(crate) next: Option<usize>,
    /// Rows of a list in the result itself; for counting, not for the answer.
    pub(crate) rows: usize,
}

/// A method: writes its result and gives the counts beside it. What it wrote before an error is thrown away.
pub(crate) type Method = fn(Call<'_>, &mut Json) -> Result<Counts, ApiError>;

/// All methods except `batch`, which calls them. Names are in lower case: the portal takes any.
const METHODS: &[(&str, Method)] = &[
    ("crm.stagehistory.list", crm::history_list),
    ("crm.item.list", crm::item_list),
    ("crm.item.get", crm::item_get),
    ("crm.deal.list", crm::deal_list),
    ("crm.deal.get", crm::deal_get),
    ("crm.status.list", crm::status_list),
    ("crm.category.list", crm::category_list),
    ("profile", account::profile),
    ("user.current", account::user_current),
    ("user.admin", account::user_admin),
    ("server.time", account::server_time),
    ("scope", account::scope),
    ("methods", account::methods),
];

/// The method of a name, with the name as the ledger of run times knows it.
pub(crate) fn find(name: &str) -> Option<(&'static str, Method)> {
    METHODS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .copied()
}
