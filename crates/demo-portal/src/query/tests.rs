//! Lists against a plain scan of the same data.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::{Query, Table};
use crate::clock::Zone;
use crate::error_answer::ApiError;
use crate::methods::tables::{Deals, History, Items, Statuses};
use crate::model::{Data, Deal, Row, Semantics, View, generate};
use crate::options::PortalOptions;
use crate::params::Param;

static DATA: LazyLock<Data> = LazyLock::new(|| {
    let mut data = generate(&PortalOptions {
        deals: 300,
        ..PortalOptions::default()
    });
    for row in data.rows.iter_mut().skip(7).step_by(41) {
        row.hidden = true;
    }
    data
});

fn view() -> View<'static> {
    View {
        data: &DATA,
        admin: true,
    }
}

fn zone() -> Zone {
    Zone::new(&PortalOptions::default())
}

/// The IDs of a page, its total and its next start.
type Found = (Vec<u32>, Option<usize>, Option<usize>);

fn list<T: Table<'static>>(table: T, form: &str) -> Result<Found, ApiError> {
    let query = Query::parse(table, &Param::from_form(form), zone())?;
    let page = query.run(table);
    Ok((
        page.rows
            .iter()
            .map(|place| T::id(&table.rows()[*place]))
            .collect(),
        page.total,
        page.next,
    ))
}

/// All IDs a filter finds, page by page.
fn all<T: Table<'static>>(table: T, form: &str) -> Vec<u32> {
    let mut found = Vec::new();
    let mut start = Some(0);
    while let Some(from) = start {
        let (ids, _, next) = list(table, &format!("{form}&start={from}")).unwrap();
        found.extend(ids);
        start = next;
    }
    found
}

fn rows_where(test: impl Fn(&Row) -> bool) -> Vec<u32> {
    DATA.rows
        .iter()
        .filter(|row| !row.hidden && test(row))
        .map(|row| row.id)
        .collect()
}

fn deals_where(test: impl Fn(&Deal) -> bool) -> Vec<u32> {
    DATA.deals
        .iter()
        .filter(|deal| deal.readable && test(deal))
        .map(|deal| deal.id)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_window_of_ids_gives_what_a_full_scan_gives(
        low in 10_600_i64..12_600,
        width in 0_i64..400,
        down: bool,
        page in 0_usize..4,
    ) {
        let high = low + width;
        let order = if down { "desc" } else { "ASC" };
        let form = format!("filter[%3EID]={low}&filter[%3C%3DID]={high}&order[ID]={order}&start={}", page * 50);
        let mut expected = rows_where(|row| (low + 1..=high).contains(&row.id.into()));
        if down {
            expected.reverse();
        }
        let (ids, total, next) = list(History(view()), &form).unwrap();
        let on_page: Vec<u32> = expected.iter().skip(page * 50).take(50).copied().collect();
        prop_assert_eq!(ids, on_page);
        prop_assert_eq!(total, Some(expected.len()));
        prop_assert_eq!(next, (page * 50 + 50 < expected.len()).then_some(page * 50 + 50));
    }

    #[test]
    fn lists_of_owners_and_ids_give_what_a_full_scan_gives(
        owners in prop::collection::vec(110_u32..460, 0..12),
        ids in prop::collection::vec(10_600_u32..12_600, 1..80),
        low in 10_600_u32..12_600,
    ) {
        let mut form = format!("filter[>ID]={low}");
        for owner in &owners {
            form += &format!("&filter[@OWNER_ID][]={owner}");
        }
        let expected = rows_where(|row| row.id > low && (owners.is_empty() || owners.contains(&row.owner)));
        prop_assert_eq!(all(History(view()), &form), expected);

        let form: String = ids.iter().map(|id| format!("filter[ID][]={id}&")).collect();
        prop_assert_eq!(all(History(view()), &form), rows_where(|row| ids.contains(&row.id)));
    }

    #[test]
    fn any_filter_order_and_start_is_answered_or_refused(key in ".{0,12}", value in ".{0,12}", start in ".{0,6}") {
        let entry = |key: &str| Param::Map(vec![(key.to_owned(), Param::Text(value.clone()))]);
        for key in [key.as_str(), ">ID", "@CREATED_TIME", "%STAGE_ID", "=%STAGE_ID"] {
            let params = Param::Map(vec![
                ("filter".to_owned(), entry(key)),
                ("order".to_owned(), entry("CREATED_TIME")),
                ("start".to_owned(), Param::Text(start.clone())),
            ]);
            if let Ok(query) = Query::parse(History(view()), &params, zone()) {
                prop_assert!(query.run(History(view())).rows.len() <= 50);
            }
        }
    }
}

#[test]
fn walking_upward_without_counting_meets_every_visible_row_once() {
    let (mut last, mut walked) = (0, Vec::new());
    loop {
        let (ids, total, next) = list(History(view()), &format!("filter[>ID]={last}&start=-1")).unwrap();
        assert_eq!((total, next), (None, None));
        let Some(highest) = ids.last() else { break };
        last = *highest;
        walked.extend(ids);
    }
    assert_eq!(walked, rows_where(|_| true));
}

#[test]
fn every_prefix_means_on_every_kind_of_field_what_the_vendor_says() {
    let history = |form: &str, test: &dyn Fn(&Row) -> bool| {
        assert_eq!(all(History(view()), form), rows_where(test), "{form}");
    };
    let stage = |row: &Row| DATA.code(row.stage).to_owned();
    history("filter[TYPE_ID]=2", &|row| row.kind as u8 == 2);
    history("filter[%3DTYPE_ID][]=2&filter[%3DTYPE_ID][]=5", &|row| {
        matches!(row.kind as u8, 2 | 5)
    });
    history("filter[!TYPE_ID]=2", &|row| row.kind as u8 != 2);
    history("filter[!%3DTYPE_ID]=2", &|row| row.kind as u8 != 2);
    history("filter[!@TYPE_ID][0]=2&filter[!@TYPE_ID][1]=3", &|row| {
        !matches!(row.kind as u8, 2 | 3)
    });
    history("filter[>%3DCATEGORY_ID]=3", &|row| row.pipeline >= 3);
    history("filter[<CATEGORY_ID]=3", &|row| row.pipeline < 3);
    history(
        "filter[%3E%3CCATEGORY_ID][]=1&filter[%3E%3CCATEGORY_ID][]=3",
        &|row| (1..=3).contains(&row.pipeline),
    );
    history("filter[STAGE_ID]=c3:new", &|row| stage(row) == "C3:NEW");
    history("filter[%25STAGE_ID]=gift", &|row| stage(row).contains("GIFT"));
    history("filter[!%25STAGE_ID]=C3", &|row| !stage(row).contains("C3"));
    history("filter[%3D%25STAGE_ID]=C3:%25N%25", &|row| {
        stage(row)
            .strip_prefix("C3:")
            .is_some_and(|rest| rest.contains('N'))
    });
    history(
        "filter[STAGE_SEMANTIC_ID][]=S&filter[STAGE_SEMANTIC_ID][]=F",
        &|row| row.semantics != Semantics::InProgress,
    );
    history("filter[>ID]=", &|_| true);
    history("filter[<%3DID]=", &|_| false);
    history("filter[@ID]=", &|_| false);
    history("filter[>CREATED_TIME]=", &|_| true);
    history(
        "filter[logic]=OR&filter[0][CATEGORY_ID]=5&filter[1][TYPE_ID]=1&filter[1][CATEGORY_ID]=0",
        &|row| row.pipeline == 5 || (row.kind as u8 == 1 && row.pipeline == 0),
    );
}

#[test]
fn moments_compare_as_moments_whatever_their_offset() {
    let middle = DATA.rows[DATA.rows.len() / 2].moment;
    let expected = rows_where(|row| row.moment >= middle);
    let utc = chrono::DateTime::from_timestamp(middle, 0).unwrap();
    let local = utc + chrono::TimeDelta::hours(3);
    for text in [
        utc.format("%Y-%m-%dT%H:%M:%S%%2B00:00").to_string(),
        local.format("%Y-%m-%dT%H:%M:%S%%2B03:00").to_string(),
        local.format("%Y-%m-%d %H:%M:%S").to_string(),
        local.format("%d.%m.%Y %H:%M:%S").to_string(),
    ] {
        assert_eq!(
            all(History(view()), &format!("filter[>%3DCREATED_TIME]={text}")),
            expected,
            "{text}"
        );
    }
}

#[test]
fn deals_are_found_by_either_method_and_unreadable_ones_by_none() {
    let expected = deals_where(|deal| deal.assigned == 1 && deal.semantics == Semantics::Won);
    assert!(!expected.is_empty());
    assert!(DATA.deals.iter().any(|deal| !deal.readable));
    for form in [
        "assignedById]=1&filter[stageSemanticId]=S",
        "ASSIGNED_BY_ID]=1&filter[STAGE_SEMANTIC_ID]=S",
    ] {
        assert_eq!(all(Items(view()), &format!("filter[{form}")), expected);
    }
    assert_eq!(
        all(
            Deals(view()),
            "filter[ASSIGNED_BY_ID]=1&filter[STAGE_SEMANTIC_ID]=S"
        ),
        expected
    );
    assert_eq!(all(Items(view()), "filter[closedate]=").len(), {
        use crate::model::Date;
        deals_where(|deal| !matches!(deal.close, Date::Day(_))).len()
    });
}

#[test]
fn unknown_fields_are_passed_over_or_refused_as_the_method_does() {
    assert_eq!(
        all(Deals(view()), "filter[id]=117&filter[NONE]=1&order[none]=desc"),
        deals_where(|_| true)
    );
    for form in ["filter[nope]=1", "order[nope]=ASC"] {
        assert_eq!(list(Items(view()), form).unwrap_err().status, 400);
        assert_eq!(list(History(view()), form).unwrap_err().status, 400);
    }
}

#[test]
fn lists_are_sorted_by_several_fields_and_then_by_id() {
    let mut expected: Vec<&Row> = DATA.rows.iter().filter(|row| !row.hidden).collect();
    expected.sort_by_key(|row| (std::cmp::Reverse(row.pipeline), row.moment, row.id));
    let expected: Vec<u32> = expected.iter().map(|row| row.id).collect();
    assert_eq!(
        all(History(view()), "order[CATEGORY_ID]=Desc&order[CREATED_TIME]=asc"),
        expected
    );
}

#[test]
fn a_start_within_a_page_gives_that_page_and_one_behind_the_end_gives_nothing() {
    let page = |start: &str| list(History(view()), &format!("start={start}")).unwrap();
    assert_eq!(page("73"), page("50"));
    assert_eq!(page(""), page("0"));
    let total = rows_where(|_| true).len();
    assert_eq!(page("99999999999999999999"), (Vec::new(), Some(total), None));
}

#[test]
fn directories_are_filtered_by_their_entity() {
    let found = all(Statuses(view()), "filter[ENTITY_ID]=DEAL_STAGE_3&order[SORT]=ASC");
    assert_eq!(found.len(), 10);
    let empty = all(
        Statuses(view()),
        "filter[ENTITY_ID]=DEAL_STAGE&filter[SEMANTICS]=",
    );
    assert_eq!(empty.len(), 5);
}
