//! What the planner promises.

use proptest::prelude::*;
use table_map::{Column, ColumnType, Index, Role, TableMap, UpdateRule};

use super::*;

fn map() -> TableMap {
    TableMap::builder("HISTORY")
        .column(Column::identity("ID"))
        .column(Column::key("EXTERNAL_ID"))
        .column(Column::inserted_at("DATE_INSERT"))
        .column(Column::integer("CATEGORY_ID"))
        .column(Column::big_integer("OWNER_ID"))
        .column(Column::text("NAME", 255).nullable().rule(UpdateRule::FirstKnown))
        .column(Column::flag("IS_LOST"))
        .column(Column::date("END_DATE").nullable())
        .column(Column::date_time("CREATED_TIME"))
        .index(Index::unique(["EXTERNAL_ID"]))
        .index(Index::on(["OWNER_ID", "CREATED_TIME"]))
        .build()
        .unwrap()
}

const BIGINT: TypeShape = TypeShape::Integer { bits: 64 };
const INT: TypeShape = TypeShape::Integer { bits: 32 };
const SMALLINT: TypeShape = TypeShape::Integer { bits: 16 };
const DATETIME2: TypeShape = TypeShape::DateTime { digits: 7 };
const DATETIME: TypeShape = TypeShape::DateTime { digits: 2 };
const NVARCHAR: TypeShape = text_shape(Some(255), true);

const fn text_shape(length: Option<u32>, unicode: bool) -> TypeShape {
    TypeShape::Text { length, unicode }
}

/// The shape of a column that was made by the map.
fn own(column: &Column) -> ColumnShape {
    let (type_shape, type_name) = match column.column_type() {
        ColumnType::Integer => (INT, "int"),
        ColumnType::BigInteger => (BIGINT, "bigint"),
        ColumnType::Date => (TypeShape::Date, "date"),
        ColumnType::DateTime => (DATETIME2, "datetime2"),
        _ => (text_shape(column.text_limit(), true), "nvarchar"),
    };
    let identity = matches!(column.role(), Role::Identity);
    ColumnShape {
        name: column.name().to_owned(),
        type_shape,
        type_name: type_name.to_owned(),
        nullable: column.is_nullable(),
        identity,
        optional: column.is_nullable(),
    }
}

fn index(name: &str, columns: &[&str], unique: bool) -> IndexShape {
    IndexShape {
        name: name.to_owned(),
        columns: columns.iter().map(|&column| column.to_owned()).collect(),
        unique,
        partial: false,
    }
}

fn own_index(wanted: &Index) -> IndexShape {
    index("any", wanted.columns(), wanted.is_unique())
}

/// The shape of the table as the map makes it.
fn whole() -> TableShape {
    TableShape {
        columns: map().columns().iter().map(own).collect(),
        indexes: map().indexes().iter().map(own_index).collect(),
    }
}

/// The whole table with one column changed.
fn with(name: &str, change: impl FnOnce(&mut ColumnShape)) -> TableShape {
    let mut shape = whole();
    let column = shape
        .columns
        .iter_mut()
        .find(|column| column.name == name)
        .unwrap();
    change(column);
    shape
}

/// The whole table with one column of another type.
fn of_type(name: &str, type_shape: TypeShape, type_name: &str) -> TableShape {
    with(name, |column| {
        column.type_shape = type_shape;
        column.type_name = type_name.to_owned();
    })
}

fn accepted(shape: &TableShape) -> Plan {
    planner::plan(&map(), Some(shape)).unwrap()
}

/// The notes of a table that needs no steps.
fn notes(shape: &TableShape) -> Vec<String> {
    let plan = accepted(shape);
    assert_eq!(plan.steps(), []);
    plan.notes()
        .iter()
        .map(|note| format!("{} {}", note.column, note.text))
        .collect()
}

/// The columns of the clashes, and the whole message.
fn clashes(shape: &TableShape) -> (Vec<String>, String) {
    let clashes = planner::plan(&map(), Some(shape)).unwrap_err();
    let columns = clashes.clashes().iter().map(|clash| clash.column.clone());
    (columns.collect(), clashes.to_string())
}

fn refused(shape: &TableShape, column: &str, words: &str) {
    let (columns, message) = clashes(shape);
    assert_eq!(columns, [column], "{message}");
    assert!(message.contains(words), "{message}");
}

#[test]
fn a_table_that_is_not_there_is_made_with_its_indexes() {
    let plan = planner::plan(&map(), None).unwrap();
    let indexes = map().indexes().to_vec();
    let wanted: Vec<_> = std::iter::once(Step::CreateTable)
        .chain(indexes.into_iter().map(Step::CreateIndex))
        .collect();
    assert_eq!(plan.steps(), wanted);
    assert_eq!(plan.map(), &map());
}

#[test]
fn a_table_that_is_as_it_should_be_needs_nothing() {
    let plan = accepted(&whole());
    assert!(plan.is_empty());
    assert_eq!(plan.notes(), []);
}

#[test]
fn columns_that_are_missing_are_added_before_the_indexes_on_them() {
    let mut shape = whole();
    shape
        .columns
        .retain(|column| !["OWNER_ID", "NAME"].contains(&column.name.as_str()));
    shape.indexes.truncate(1);
    let steps = accepted(&shape).steps().to_vec();
    let [
        Step::AddColumn(one),
        Step::AddColumn(two),
        Step::CreateIndex(index),
    ] = steps.as_slice()
    else {
        panic!("{steps:?}");
    };
    assert_eq!((one.name(), two.name()), ("OWNER_ID", "NAME"));
    assert_eq!(index.columns(), ["OWNER_ID", "CREATED_TIME"]);
}

#[test]
fn names_are_compared_without_case() {
    let mut shape = whole();
    for column in &mut shape.columns {
        column.name = column.name.to_lowercase();
    }
    for index in &mut shape.indexes {
        index.columns = index.columns.iter().map(|name| name.to_lowercase()).collect();
    }
    assert!(accepted(&shape).is_empty());
}

/// The steps that a table needs whose indexes are these, as `(columns, unique)`.
fn missing(indexes: Vec<IndexShape>) -> Vec<(Vec<&'static str>, bool)> {
    let plan = accepted(&TableShape { indexes, ..whole() });
    let steps = plan.steps().iter().map(|step| match step {
        Step::CreateIndex(index) => (index.columns().to_vec(), index.is_unique()),
        other => panic!("{other:?}"),
    });
    steps.collect()
}

#[test]
fn an_index_is_known_by_its_columns_not_by_its_name() {
    let key = index("made by hand", &["EXTERNAL_ID"], true);
    let owner = index("ix_1", &["OWNER_ID", "CREATED_TIME"], false);
    assert_eq!(missing(vec![owner, key.clone()]), []);
    let reversed = index("ix_1", &["CREATED_TIME", "OWNER_ID"], false);
    assert_eq!(
        missing(vec![key, reversed]),
        [(vec!["OWNER_ID", "CREATED_TIME"], false)]
    );
}

#[test]
fn a_longer_index_serves_for_reading_but_not_for_keeping_keys_unique() {
    let longer = |unique| {
        vec![
            index("a", &["EXTERNAL_ID", "OWNER_ID"], unique),
            index("b", &["OWNER_ID", "CREATED_TIME", "NAME"], unique),
        ]
    };
    for unique in [false, true] {
        assert_eq!(missing(longer(unique)), [(vec!["EXTERNAL_ID"], true)]);
    }
    assert_eq!(
        missing(vec![
            index("a", &["EXTERNAL_ID"], false),
            index("b", &["OWNER_ID"], false)
        ]),
        [
            (vec!["EXTERNAL_ID"], true),
            (vec!["OWNER_ID", "CREATED_TIME"], false)
        ],
        "neither one that is not unique nor a shorter one"
    );
}

#[test]
fn an_index_on_some_rows_only_is_no_equal() {
    let partial = whole().indexes.into_iter().map(|index| IndexShape {
        partial: true,
        ..index
    });
    assert_eq!(missing(partial.collect()).len(), 2);
}

#[test]
fn a_table_of_the_old_module_is_taken_over_with_notes() {
    let mut shape = whole();
    for column in &mut shape.columns {
        (column.type_shape, column.type_name) = match column.type_shape {
            TypeShape::Integer { .. } => (INT, "int".to_owned()),
            TypeShape::Text { length, .. } => (text_shape(length, false), "varchar".to_owned()),
            _ => (DATETIME, "datetime".to_owned()),
        };
        if !column.identity {
            (column.nullable, column.optional) = (true, true);
        }
    }
    shape.indexes = vec![index("PK", &["ID"], true), index("IX", &["EXTERNAL_ID"], false)];
    shape.columns.push(ColumnShape {
        name: "REMARK".to_owned(),
        type_shape: NVARCHAR,
        type_name: "nvarchar(255)".to_owned(),
        nullable: true,
        identity: false,
        optional: true,
    });

    let plan = accepted(&shape);

    let steps: Vec<_> = map().indexes().iter().cloned().map(Step::CreateIndex).collect();
    assert_eq!(plan.steps(), steps, "only indexes are added");
    let noted: Vec<_> = plan.notes().iter().map(|note| note.column).collect();
    assert_eq!(
        noted,
        ["EXTERNAL_ID", "DATE_INSERT", "OWNER_ID", "NAME", "CREATED_TIME"]
    );
}

#[test]
fn an_accepted_difference_says_what_follows() {
    assert_eq!(
        notes(&of_type("OWNER_ID", INT, "int")),
        ["OWNER_ID it is int: a value above 2,147,483,647 will be refused when it comes"]
    );
    assert_eq!(
        notes(&of_type("NAME", text_shape(Some(50), true), "nvarchar(50)")),
        ["NAME it is nvarchar(50): a longer text will be refused when it comes"]
    );
    assert_eq!(
        notes(&of_type("NAME", text_shape(Some(255), false), "varchar(255)")),
        [
            "NAME it is varchar(255): text outside its code page, or longer, will be refused when it comes; alter it to \
             nvarchar(255) to keep every name"
        ]
    );
    assert_eq!(
        notes(&of_type("CREATED_TIME", DATETIME, "datetime")),
        ["CREATED_TIME it is datetime: times are rounded to what it keeps"]
    );
    assert_eq!(
        notes(&with("EXTERNAL_ID", |column| column.nullable = true)),
        ["EXTERNAL_ID it may be null; rows without a key are left alone"]
    );
}

#[test]
fn a_column_that_holds_more_than_it_must_needs_no_note() {
    for shape in [
        of_type("CATEGORY_ID", BIGINT, "bigint"),
        of_type("ID", BIGINT, "bigint"),
        of_type("NAME", text_shape(None, true), "nvarchar(max)"),
        of_type("IS_LOST", text_shape(Some(1), false), "char(1)"),
        of_type("END_DATE", DATETIME, "datetime"),
        of_type("CREATED_TIME", TypeShape::Any, "anything"),
        with("OWNER_ID", |column| column.nullable = true),
    ] {
        assert_eq!(notes(&shape), [""; 0]);
    }
}

#[test]
fn a_column_that_cannot_hold_our_values_is_refused() {
    refused(
        &of_type("EXTERNAL_ID", SMALLINT, "smallint"),
        "EXTERNAL_ID",
        "it is smallint, which cannot hold numbers of this size",
    );
    refused(
        &of_type("CATEGORY_ID", NVARCHAR, "nvarchar(9)"),
        "CATEGORY_ID",
        "cannot hold whole numbers",
    );
    refused(&of_type("NAME", INT, "int"), "NAME", "cannot hold text");
    refused(
        &of_type("NAME", TypeShape::Other, "xml"),
        "NAME",
        "it is xml, which cannot hold text",
    );
    refused(
        &of_type("IS_LOST", text_shape(Some(0), true), "nvarchar(0)"),
        "IS_LOST",
        "cannot hold text",
    );
    refused(
        &of_type("END_DATE", NVARCHAR, "nvarchar(9)"),
        "END_DATE",
        "cannot hold calendar days",
    );
    refused(
        &of_type("CREATED_TIME", TypeShape::Date, "date"),
        "CREATED_TIME",
        "cannot hold dates with times",
    );
    refused(
        &with("NAME", |column| column.nullable = false),
        "NAME",
        "let it be null",
    );
    refused(
        &with("EXTERNAL_ID", |column| column.identity = true),
        "EXTERNAL_ID",
        "numbers it itself",
    );
}

#[test]
fn the_identity_must_be_counted_by_the_database_and_have_room() {
    refused(
        &with("ID", |column| column.identity = false),
        "ID",
        "counts up itself",
    );
    refused(&of_type("ID", NVARCHAR, "nvarchar(9)"), "ID", "counts up itself");
    refused(&of_type("ID", SMALLINT, "smallint"), "ID", "it is smallint");
    let mut shape = whole();
    shape.columns.remove(0);
    refused(&shape, "ID", "add it by hand");
}

#[test]
fn a_column_we_do_not_know_must_not_need_a_value() {
    let unknown = |optional, identity| {
        let mut shape = whole();
        shape.columns.push(ColumnShape {
            name: "Region".to_owned(),
            type_shape: INT,
            type_name: "int".to_owned(),
            nullable: false,
            identity,
            optional,
        });
        shape
    };
    assert!(accepted(&unknown(true, false)).is_empty());
    assert!(
        accepted(&unknown(false, true)).is_empty(),
        "the database fills it"
    );
    refused(
        &unknown(false, false),
        "Region",
        "it is int NOT NULL without a default",
    );
}

#[test]
fn all_clashes_are_told_at_once_and_then_nothing_is_planned() {
    let mut shape = of_type("NAME", INT, "int");
    shape.columns.retain(|column| column.name != "OWNER_ID");
    shape.columns[0].identity = false;
    shape.columns.push(ColumnShape {
        name: "Region".to_owned(),
        optional: false,
        ..own(&Column::integer("X"))
    });
    let (columns, message) = clashes(&shape);
    assert_eq!(columns, ["ID", "NAME", "Region"]);
    assert!(
        message.starts_with("table HISTORY cannot be used as it is; column ID: "),
        "{message}"
    );
    assert_eq!(message.lines().count(), 1);
}

/// What carrying out a step leaves. There is no step that takes anything away; should one be added, this must be told of it.
fn after(step: &Step, shape: Option<TableShape>) -> Option<TableShape> {
    let mut shape = match step {
        Step::CreateTable => {
            assert_eq!(shape, None, "a table that is there is not made");
            return Some(TableShape {
                columns: map().columns().iter().map(own).collect(),
                indexes: Vec::new(),
            });
        }
        Step::AddColumn(_) | Step::CreateIndex(_) => shape?,
    };
    match step {
        Step::CreateTable => {}
        Step::AddColumn(column) => {
            assert!(
                shape.column(column.name()).is_none(),
                "a column that is there is not added"
            );
            // Rows that are there have no value for it, so it may be null.
            shape.columns.push(ColumnShape {
                nullable: true,
                optional: true,
                ..own(column)
            });
        }
        Step::CreateIndex(index) => {
            for column in index.columns() {
                assert!(shape.column(column).is_some(), "an index needs its columns");
            }
            shape.indexes.push(own_index(index));
        }
    }
    Some(shape)
}

fn any_type() -> impl Strategy<Value = TypeShape> {
    prop_oneof![
        prop_oneof![Just(8), Just(16), Just(32), Just(64)].prop_map(|bits| TypeShape::Integer { bits }),
        (proptest::option::of(0_u32..300), any::<bool>())
            .prop_map(|(length, unicode)| text_shape(length, unicode)),
        Just(TypeShape::Date),
        (0_u8..8).prop_map(|digits| TypeShape::DateTime { digits }),
        Just(TypeShape::Any),
        Just(TypeShape::Other),
    ]
}

/// A table that has some of the map's columns, most of them as they should be, and perhaps others.
fn any_shape() -> impl Strategy<Value = TableShape> {
    let count = map().columns().len();
    let change = (0_u8..20, any_type(), any::<[bool; 3]>());
    let any_index = (
        proptest::sample::subsequence(vec!["EXTERNAL_ID", "OWNER_ID", "CREATED_TIME", "NAME"], 1..4)
            .prop_shuffle(),
        any::<[bool; 2]>(),
    );
    (
        proptest::collection::vec(change, count),
        proptest::collection::vec(any_index, 0..4),
        proptest::option::of((any_type(), any::<bool>())),
    )
        .prop_map(|(changes, indexes, other)| {
            let mut shape = TableShape::default();
            for (column, (change, type_shape, [nullable, identity, optional])) in
                map().columns().iter().zip(changes)
            {
                let own = own(column);
                match change {
                    0..3 => {}
                    3 => shape.columns.push(ColumnShape {
                        type_shape,
                        nullable,
                        identity,
                        optional,
                        ..own
                    }),
                    4 => shape.columns.push(ColumnShape { nullable, ..own }),
                    _ => shape.columns.push(own),
                }
            }
            shape
                .columns
                .extend(other.map(|(type_shape, optional)| ColumnShape {
                    name: "REGION".to_owned(),
                    type_shape,
                    optional,
                    ..own(&Column::integer("X"))
                }));
            shape.indexes.extend(
                indexes
                    .into_iter()
                    .map(|(columns, [unique, partial])| IndexShape {
                        partial,
                        ..index(&columns.join("_"), &columns, unique)
                    }),
            );
            shape
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn after_a_plan_was_carried_out_there_is_nothing_left_to_plan(before in proptest::option::weighted(0.98, any_shape())) {
        let map = map();
        match planner::plan(&map, before.as_ref()) {
            Ok(plan) => {
                let now = plan.steps().iter().fold(before.clone(), |shape, step| after(step, shape)).unwrap();
                let second = planner::plan(&map, Some(&now)).unwrap();
                prop_assert_eq!(second.steps(), &[][..]);
                let kept = before.unwrap_or_default();
                prop_assert_eq!(&now.columns[..kept.columns.len()], &kept.columns[..]);
                prop_assert_eq!(&now.indexes[..kept.indexes.len()], &kept.indexes[..]);
            }
            Err(clashes) => {
                prop_assert!(!clashes.clashes().is_empty());
                let before = before.unwrap();
                for clash in clashes.clashes() {
                    let known = before.column(&clash.column).is_some() || map.column(&clash.column).is_some();
                    prop_assert!(known, "{} is a column", clash.column);
                }
            }
        }
    }

    #[test]
    fn each_step_that_is_done_shortens_the_next_plan(before in any_shape()) {
        let map = map();
        if let Ok(plan) = planner::plan(&map, Some(&before)) {
            let mut shape = Some(before);
            for (done, step) in plan.steps().iter().enumerate() {
                shape = after(step, shape);
                let rest = planner::plan(&map, shape.as_ref()).unwrap();
                prop_assert_eq!(rest.steps(), &plan.steps()[done + 1..]);
            }
        }
    }
}
