use std::sync::LazyLock;

use chrono::{Datelike, NaiveDate};
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// The fields of deal 7.
static FIELDS: LazyLock<Fields<'static>> = LazyLock::new(|| {
    let mut fields = Fields::new("crm.item.list", "deal");
    fields.row_id("id", &Scalar::Integer(7)).expect("an ID");
    fields
});

fn scalar(value: &serde_json::Value) -> Scalar<'static> {
    #[derive(Deserialize)]
    struct Holder<'a> {
        #[serde(borrow)]
        field: Scalar<'a>,
    }
    let text = Box::leak(json!({ "field": value }).to_string().into_boxed_str());
    serde_json::from_str::<Holder<'_>>(text).expect("any value").field
}

#[test]
fn the_same_number_comes_in_many_spellings() {
    for value in [json!(35), json!("35"), json!(" 35 "), json!(35.0), json!("0035")] {
        assert_eq!(FIELDS.id("id", &scalar(&value)).expect("a number"), 35, "{value}");
    }
}

#[test]
fn what_is_no_identifier_is_an_error_that_names_method_row_and_field_and_no_value() {
    for value in [
        json!(-1),
        json!("-1"),
        json!("9223372036854775808"),
        json!(9_223_372_036_854_775_808_u64),
        json!(1.5),
        json!("12abc"),
        json!(true),
        json!([1]),
        json!({"a": 1}),
        json!("1e3"),
    ] {
        let error = FIELDS.id("movedBy", &scalar(&value)).expect_err("no identifier");
        assert_eq!(
            error.to_string(),
            "crm.item.list failed: deal 7: field movedBy is not a whole number from 0 to 9223372036854775807; compare \
             the portal's answer with the documentation of the method and report the difference",
            "{value}"
        );
    }
}

#[test]
fn a_row_that_cannot_be_named_is_an_error_without_a_value() {
    for value in [Scalar::Missing, Scalar::Text("secret-ish".into())] {
        let error = Fields::new("crm.item.list", "deal")
            .row_id("id", &value)
            .expect_err("no ID");
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("field id of a deal is "), "{shown}");
        assert!(!shown.contains("secret-ish"), "{shown}");
    }
}

#[test]
fn nobody_comes_in_many_spellings() {
    for value in [
        json!(0),
        json!("0"),
        json!(-1),
        json!("-1"),
        json!(""),
        json!(null),
        json!([]),
    ] {
        let nobody = FIELDS
            .optional_reference("movedBy", &scalar(&value))
            .expect("nobody");
        assert_eq!(nobody, None, "{value}");
    }
    assert_eq!(
        FIELDS
            .optional_reference("movedBy", &scalar(&json!("6")))
            .expect("a user"),
        Some(6)
    );
    FIELDS
        .optional_reference("movedBy", &scalar(&json!("user_6")))
        .expect_err("no reference");
}

#[test]
fn nothing_comes_in_many_spellings() {
    for value in [
        Scalar::Missing,
        scalar(&json!(null)),
        scalar(&json!("")),
        scalar(&json!("  ")),
        scalar(&json!([])),
        scalar(&json!({})),
        scalar(&json!(false)),
    ] {
        assert_eq!(FIELDS.optional_id("id", &value).expect("nothing"), None);
        assert_eq!(FIELDS.optional_date("closedate", &value).expect("nothing"), None);
        assert_eq!(
            FIELDS.optional_date_time("movedTime", &value).expect("nothing"),
            None
        );
        let error = FIELDS.id("OWNER_ID", &value).expect_err("needed");
        assert!(
            error
                .to_string()
                .contains("deal 7: field OWNER_ID is missing or empty"),
            "{error}"
        );
    }
}

#[test]
fn flags_come_in_many_spellings() {
    for (value, expected) in [
        (json!("Y"), Some(true)),
        (json!("N"), Some(false)),
        (json!(true), Some(true)),
        (json!(false), Some(false)),
        (json!(1), Some(true)),
        (json!("0"), Some(false)),
        (json!(""), None),
        (json!(null), None),
    ] {
        assert_eq!(
            FIELDS.optional_flag("SYSTEM", &scalar(&value)).expect("a flag"),
            expected,
            "{value}"
        );
    }
    FIELDS
        .optional_flag("SYSTEM", &scalar(&json!("maybe")))
        .expect_err("no flag");
}

#[test]
fn points_in_time_need_an_offset() {
    for (text, expected) in [
        ("2022-11-01T09:39:06+03:00", "2022-11-01T09:39:06+03:00"),
        ("2022-11-01T09:39:06+0300", "2022-11-01T09:39:06+03:00"),
        ("2022-11-01T09:39:06+03", "2022-11-01T09:39:06+03:00"),
        ("2022-11-01T09:39:06Z", "2022-11-01T09:39:06+00:00"),
        ("2022-11-01T09:39:06.250-11:30", "2022-11-01T09:39:06.250-11:30"),
    ] {
        let time = FIELDS
            .date_time("CREATED_TIME", &scalar(&json!(text)))
            .expect(text);
        assert_eq!(time.to_rfc3339(), expected);
    }
    for text in [
        "2022-11-01T09:39:06",
        "2022-11-01",
        "01.11.2022",
        "2022-13-01T00:00:00Z",
        "yesterday",
    ] {
        FIELDS
            .date_time("CREATED_TIME", &scalar(&json!(text)))
            .expect_err(text);
    }
    for zero in [
        "0000-00-00T00:00:00+03:00",
        "0000-00-00 00:00:00",
        "-0001-11-30T00:00:00+02:00",
    ] {
        assert_eq!(
            FIELDS
                .optional_date_time("movedTime", &scalar(&json!(zero)))
                .expect(zero),
            None
        );
    }
}

#[test]
fn days_are_read_as_written_whatever_the_offset() {
    for text in [
        "2024-01-31",
        "2024-01-31T00:00:00+03:00",
        "2024-01-31T23:59:59-12:00",
        "2024-01-31 00:00:00",
    ] {
        let date = FIELDS
            .optional_date("begindate", &scalar(&json!(text)))
            .expect(text);
        assert_eq!(date, NaiveDate::from_ymd_opt(2024, 1, 31), "{text}");
    }
    for text in ["31.01.2024", "2024-1-31", "2024-02-30", "2024-01-31x", "20240131"] {
        FIELDS
            .optional_date("begindate", &scalar(&json!(text)))
            .expect_err(text);
    }
    assert_eq!(
        FIELDS
            .optional_date("begindate", &scalar(&json!("0000-00-00")))
            .expect("zero"),
        None
    );
}

#[test]
fn rows_come_as_a_list_a_map_or_nothing() {
    for (text, expected) in [
        (r#"{"items":[1,2]}"#, Some(vec![1, 2])),
        (r#"{"items":{"0":1,"7":2}}"#, Some(vec![1, 2])),
        (r#"{"items":[]}"#, Some(vec![])),
        (r#"{"items":{}}"#, Some(vec![])),
        (r#"{"items":null}"#, None),
        ("[]", Some(vec![])),
        ("[ ]", Some(vec![])),
        ("{}", Some(vec![])),
        (r#"{"total":0}"#, None),
        (r#"{"items":5}"#, None),
        ("null", None),
        (r#"[[1]]"#, None),
    ] {
        let raw: Box<RawValue> = serde_json::from_str(text).expect("JSON");
        assert_eq!(items::<i64>("m", "items", &raw).ok(), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn every_identifier_is_read_from_number_and_text(id in 0..=i64::MAX) {
        prop_assert_eq!(FIELDS.id("id", &scalar(&json!(id))).ok(), Some(id));
        prop_assert_eq!(FIELDS.id("id", &scalar(&json!(id.to_string()))).ok(), Some(id));
    }

    #[test]
    fn any_text_is_a_value_or_an_error_that_does_not_repeat_it(text in "[а-я0-9T:+-]{6,30}") {
        let value = scalar(&json!(text));
        let errors = [
            FIELDS.optional_id("f", &value).err(),
            FIELDS.optional_date("f", &value).err(),
            FIELDS.optional_date_time("f", &value).err(),
            FIELDS.optional_flag("f", &value).err(),
        ];
        for error in errors.into_iter().flatten() {
            let shown = format!("{error} {error:?}");
            prop_assert!(!shown.contains(&text), "{}", shown);
        }
    }

    #[test]
    fn a_day_is_the_same_whatever_is_written_behind_it(days in 1..3_600_000_i32, behind in "(T[0-9:+Z-]{0,20})?") {
        let day = NaiveDate::from_num_days_from_ce_opt(days).filter(|day| day.year() <= 9999);
        prop_assume!(day.is_some());
        let text = format!("{}{behind}", day.expect("assumed").format("%Y-%m-%d"));
        prop_assert_eq!(FIELDS.optional_date("f", &scalar(&json!(text))).ok(), Some(day));
    }
}
