//! What maps, rows and merging promise.

use chrono::NaiveDate;
use proptest::prelude::*;

use super::*;

fn map() -> TableMap {
    const RESPONSIBLE: Ranking = Ranking {
        by: "SOURCE",
        ranks: &[&["assigned_by"], &["moved_by"]],
    };
    const READABLE: Ranking = Ranking {
        by: "SOURCE",
        ranks: &[&["assigned_by", "moved_by"]],
    };
    TableMap::builder("HISTORY")
        .column(Column::identity("ID"))
        .column(Column::key("EXTERNAL_ID"))
        .column(Column::inserted_at("DATE_INSERT"))
        .column(Column::text("NAME", 5).nullable().rule(UpdateRule::FirstKnown))
        .column(
            Column::big_integer("WHO")
                .nullable()
                .rule(UpdateRule::Ranked(RESPONSIBLE)),
        )
        .column(
            Column::text("SOURCE", 20)
                .nullable()
                .rule(UpdateRule::Ranked(RESPONSIBLE)),
        )
        .column(
            Column::date("END_DATE")
                .nullable()
                .rule(UpdateRule::Ranked(READABLE)),
        )
        .column(Column::date_time("CREATED"))
        .column(Column::updated_at("DATE_UPDATE"))
        .index(Index::unique(["EXTERNAL_ID"]))
        .build()
        .unwrap()
}

type Parts = (
    Option<String>,
    Option<i64>,
    Option<&'static str>,
    Option<NaiveDate>,
);

fn row(key: i64, (name, who, source, end): Parts) -> Row {
    let created = NaiveDate::from_ymd_opt(2024, 5, 1)
        .unwrap()
        .and_hms_opt(9, 0, 0)
        .unwrap();
    Row::new(
        &map(),
        vec![
            key.into(),
            name.into(),
            who.into(),
            source.map(str::to_owned).into(),
            end.into(),
            created.into(),
        ],
    )
    .unwrap()
}

fn parts() -> impl Strategy<Value = Parts> {
    (
        proptest::option::of("[a-c]{1,2}"),
        proptest::option::of(1_i64..4),
        proptest::option::of(prop_oneof![Just("moved_by"), Just("assigned_by"), Just("other")]),
        proptest::option::of((1_u32..4).prop_map(|day| NaiveDate::from_ymd_opt(2024, 1, day).unwrap())),
    )
}

proptest! {
    #[test]
    fn writing_the_same_row_again_changes_nothing(stored in parts(), incoming in parts()) {
        let (map, stored, incoming) = (map(), row(1, stored), row(1, incoming));
        let after = merge(&map, &stored, &incoming).unwrap_or(stored);
        prop_assert_eq!(merge(&map, &after, &incoming), None);
        prop_assert_eq!(difference(&map, &incoming, &after, Strictness::Merged), vec![]);
    }

    #[test]
    fn who_moved_a_deal_is_never_overwritten_by_who_is_responsible(
        stored in parts(), incoming in proptest::collection::vec(parts(), 1..6)
    ) {
        let map = map();
        let mut now = row(1, (stored.0, Some(7), Some("moved_by"), stored.3));
        for next in incoming.into_iter().filter(|next| next.2 != Some("moved_by")) {
            now = merge(&map, &now, &row(1, next)).unwrap_or(now);
        }
        prop_assert_eq!(now.integer(&map, "WHO"), Some(7));
        prop_assert_eq!(now.text(&map, "SOURCE"), Some("moved_by"));
    }

    #[test]
    fn a_row_that_was_inserted_is_verified_by_itself_alone(one in parts(), other in parts()) {
        let (map, one, other) = (map(), row(1, one), row(1, other));
        let differs = !difference(&map, &one, &other, Strictness::Inserted).is_empty();
        prop_assert_eq!(differs, one != other);
    }
}

#[test]
fn of_rows_with_one_key_the_last_one_counts() {
    let named = |key, name: &str| row(key, (Some(name.to_owned()), None, None, None));
    let rows = [named(7, "a"), named(3, "b"), named(7, "c"), named(5, "d")];
    let by_key = Row::by_key(&rows);
    assert_eq!(by_key, [&rows[1], &rows[3], &rows[2]]);
}

#[test]
fn the_first_known_name_stays_and_a_missing_one_is_filled() {
    let map = map();
    let name = |name: Option<&str>| row(1, (name.map(str::to_owned), None, None, None));
    assert_eq!(merge(&map, &name(Some("Old")), &name(Some("New"))), None);
    let filled = merge(&map, &name(None), &name(Some("New"))).unwrap();
    assert_eq!(filled.text(&map, "NAME"), Some("New"));
}

#[test]
fn what_was_known_of_a_deal_survives_when_it_can_no_longer_be_read() {
    let map = map();
    let end = NaiveDate::from_ymd_opt(2024, 1, 2);
    let known = row(1, (None, Some(3), Some("assigned_by"), end));
    assert_eq!(merge(&map, &known, &row(1, (None, None, None, None))), None);
    let cleared = merge(&map, &known, &row(1, (None, Some(3), Some("assigned_by"), None))).unwrap();
    assert_eq!(
        cleared.get(&map, "END_DATE"),
        Some(&Value::Date(None)),
        "a readable deal without a date"
    );
}

#[test]
fn a_null_of_a_row_of_which_nothing_is_known_wipes_no_value() {
    let map = map();
    // A row of another program: a value, and no word on where it comes from.
    let taken_over = row(1, (None, Some(42), None, NaiveDate::from_ymd_opt(2024, 1, 2)));
    assert_eq!(merge(&map, &taken_over, &row(1, (None, None, None, None))), None);
    let known = merge(
        &map,
        &taken_over,
        &row(1, (None, Some(7), Some("assigned_by"), None)),
    )
    .unwrap();
    assert_eq!(
        (known.integer(&map, "WHO"), known.get(&map, "END_DATE")),
        (Some(7), Some(&Value::Date(None)))
    );
}

#[test]
fn a_text_is_measured_in_utf16_units_as_nvarchar_is() {
    let ok = row(1, (Some("😀😀x".to_owned()), None, None, None));
    assert_eq!(ok.text(&map(), "NAME"), Some("😀😀x"));
    let created = ok.get(&map(), "CREATED").unwrap().clone();
    let error = Row::new(
        &map(),
        vec![
            8_i64.into(),
            "😀😀😀".into(),
            None::<i64>.into(),
            None::<String>.into(),
            None::<NaiveDate>.into(),
            created,
        ],
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "row 8 of table HISTORY: the text for column NAME has 6 characters, the column holds 5"
    );
    assert_eq!(error.kind(), ErrorKind::Row);
}

#[test]
fn dates_that_no_date_type_holds_are_refused_with_the_rows_key() {
    for year in [1752, 10_000] {
        let mut values = row(9, (None, None, None, None)).values().to_vec();
        values[4] = NaiveDate::from_ymd_opt(year, 1, 1).unwrap().into();
        let error = Row::new(&map(), values).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("row 9 of table HISTORY: the date for column END_DATE"),
            "{error}"
        );
    }
}

#[test]
fn a_row_names_what_does_not_fit() {
    let good = row(9, (None, None, None, None)).values().to_vec();
    let with = |place: usize, value: Value| {
        let mut values = good.clone();
        values[place] = value;
        Row::new(&map(), values).unwrap_err()
    };
    assert!(
        matches!(with(0, Value::BigInteger(None)), Error::Null { column, .. } if column == "EXTERNAL_ID")
    );
    assert!(matches!(with(0, 1_i32.into()), Error::WrongType { column, .. } if column == "EXTERNAL_ID"));
    assert!(matches!(with(5, Value::DateTime(None)), Error::Null { column, .. } if column == "CREATED"));
    assert!(matches!(
        Row::new(&map(), vec![1_i64.into()]),
        Err(Error::RowLength {
            got: 1,
            expected: 6,
            ..
        })
    ));
}

#[test]
fn a_row_that_a_table_has_may_hold_what_a_new_one_may_not() {
    let map = map();
    let mut values = row(9, (Some("name".to_owned()), None, None, None))
        .values()
        .to_vec();
    values[1] = "a name that is too long".into();
    values[5] = Value::DateTime(None);
    assert!(Row::new(&map, values.clone()).is_err());
    let stored = Row::stored(&map, values.clone()).unwrap();
    assert_eq!((stored.key(), stored.values()), (9, values.as_slice()));
    let healed = merge(&map, &stored, &row(9, (None, None, None, None))).unwrap();
    assert_ne!(healed.get(&map, "CREATED"), Some(&Value::DateTime(None)));

    values[5] = 1_i32.into();
    assert!(
        matches!(Row::stored(&map, values.clone()), Err(Error::WrongType { column, .. }) if column == "CREATED")
    );
    values[0] = Value::BigInteger(None);
    values[5] = Value::DateTime(None);
    assert!(matches!(Row::stored(&map, values), Err(Error::Null { column, .. }) if column == "EXTERNAL_ID"));
    assert!(matches!(
        Row::stored(&map, Vec::new()),
        Err(Error::RowLength { got: 0, .. })
    ));
}

#[test]
fn a_map_that_contradicts_itself_is_refused() {
    let base = || {
        TableMap::builder("T")
            .column(Column::identity("ID"))
            .column(Column::key("K"))
    };
    assert!(base().build().is_ok());
    assert!(matches!(
        TableMap::builder("T").column(Column::key("K")).build(),
        Err(Error::Roles {
            role: "identity",
            count: 0,
            ..
        })
    ));
    assert!(matches!(
        base().column(Column::key("K2")).build(),
        Err(Error::Roles {
            role: "key",
            count: 2,
            ..
        })
    ));
    assert!(matches!(
        base().column(Column::integer("id")).build(),
        Err(Error::DuplicateColumn { .. })
    ));
    assert!(matches!(
        base().index(Index::on(["X"])).build(),
        Err(Error::UnknownColumn { .. })
    ));
    assert!(matches!(
        base().active("K").build(),
        Err(Error::UnknownColumn { .. })
    ));
}

#[test]
fn an_index_name_never_exceeds_an_identifier() {
    let name = Index::unique(["EXTERNAL_ID"]).name_on(&"T".repeat(200));
    assert_eq!(name.len(), 128);
}

#[test]
fn an_index_name_needs_no_quoting() {
    let name = Index::on(["OWNER_ID"]).name_on("it's \"x\" [Ы]");
    assert_eq!(name, "IX_it_s__x___Ы__OWNER_ID");
}
