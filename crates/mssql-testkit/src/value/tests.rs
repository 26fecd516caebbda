use proptest::prelude::*;

use super::{
    Collation, Conversion, Decimal, Length, SqlType, Value, coerce_for_column, convert, decode_cp1252,
    encode_cp1252, key, parse_date_time, utf16_len,
};

fn text(value: &Value, from: SqlType, style: i64) -> String {
    let to = SqlType::VarChar(Length::Limited(100));
    match convert(value, from, to, Conversion::Explicit(style)).expect("it converts") {
        Value::Text(text) => text.to_string(),
        other => panic!("a text, not {other:?}"),
    }
}

#[test]
fn decimals_round_half_away_from_zero() {
    for (given, scale, expected) in [
        ("1.005", 2, "1.01"),
        ("-1.005", 2, "-1.01"),
        ("2.5", 0, "3"),
        ("0.04", 1, "0.0"),
    ] {
        let decimal = Decimal::parse(given)
            .and_then(|d| d.rescale(scale))
            .expect("it fits");
        assert_eq!(decimal.to_string(), expected, "{given}");
    }
}

#[test]
fn a_decimal_holds_38_digits_and_not_39() {
    let most = "9".repeat(38);
    assert_eq!(Decimal::parse(&most).map(|d| d.to_string()), Some(most.clone()));
    assert_eq!(Decimal::parse(&format!("{most}9")), None);
}

#[test]
fn equal_decimals_have_equal_keys_whatever_their_scale() {
    let of = |text: &str| {
        key(
            &Value::Decimal(Decimal::parse(text).expect("a number")),
            Collation::Binary,
        )
    };
    assert_eq!(of("1.50"), of("1.5000"));
    assert_eq!(of("2.0"), key(&Value::Int(2), Collation::Binary));
    assert_ne!(of("1.5"), of("1.51"));
}

#[test]
fn dates_are_read_in_the_forms_clients_write() {
    for (given, date, time) in [
        ("2024-02-29", Some("2024-02-29"), None),
        ("20240229", Some("2024-02-29"), None),
        ("02/29/2024", Some("2024-02-29"), None),
        ("2024-02-29T01:02:03.5", Some("2024-02-29"), Some("01:02:03.500")),
        ("2024-02-29 01:02", Some("2024-02-29"), Some("01:02:00")),
        ("12:13:14", None, Some("12:13:14")),
    ] {
        let parsed = parse_date_time(given).unwrap_or_else(|| panic!("{given} is a date or a time"));
        assert_eq!(parsed.date.map(|d| d.to_string()).as_deref(), date, "{given}");
        assert_eq!(parsed.time.map(|t| t.to_string()).as_deref(), time, "{given}");
    }
    for given in [
        "2024-02-30",
        "0000-01-01",
        "24:00:00",
        "yesterday",
        "2024-1",
        "2024-01-01 1:2:3:4",
    ] {
        assert_eq!(parse_date_time(given), None, "{given}");
    }
}

#[test]
fn moments_are_written_in_the_style_that_was_asked_for() {
    let ty = SqlType::DateTime2(3);
    let moment = convert(
        &Value::text("2024-02-09T13:04:05.678"),
        SqlType::varchar(30),
        ty,
        Conversion::Implicit,
    )
    .expect("a moment");
    for (style, expected) in [
        (0, "2024-02-09 13:04:05.678"),
        (120, "2024-02-09 13:04:05"),
        (121, "2024-02-09 13:04:05.678"),
        (126, "2024-02-09T13:04:05.678"),
        (112, "20240209"),
        (104, "09.02.2024"),
    ] {
        assert_eq!(text(&moment, ty, style), expected, "style {style}");
    }
    let old = convert(&moment, ty, SqlType::DateTime, Conversion::Implicit).expect("a datetime");
    assert_eq!(text(&old, SqlType::DateTime, 0), "Feb  9 2024  1:04PM");
}

#[test]
fn what_is_too_long_for_a_column_is_told_and_spaces_at_the_end_are_not_counted() {
    let column = SqlType::nvarchar(3);
    let fits = |text: &str| {
        coerce_for_column(&Value::text(text), SqlType::nvarchar(50), column).expect("text to text")
    };
    assert_eq!(fits("abc"), Some(Value::text("abc")));
    assert_eq!(fits("abc  "), Some(Value::text("abc")));
    assert_eq!(fits("abcd"), None);
    assert_eq!(fits("a😀"), Some(Value::text("a😀")));
    assert_eq!(fits("ab😀"), None);
}

#[test]
fn floats_are_written_with_six_digits() {
    for (float, expected) in [
        (1.0, "1"),
        (0.1, "0.1"),
        (123_456.789, "123457"),
        (1e10, "1e+010"),
        (-1.5e-7, "-1.5e-007"),
    ] {
        assert_eq!(text(&Value::Float(float), SqlType::Float, 0), expected);
    }
}

#[test]
fn the_common_type_follows_the_precedence() {
    let decimal = |precision, scale| SqlType::Decimal { precision, scale };
    for (a, b, common) in [
        (SqlType::Int, SqlType::BigInt, SqlType::BigInt),
        (SqlType::varchar(5), SqlType::Int, SqlType::Int),
        (SqlType::varchar(5), SqlType::nvarchar(3), SqlType::nvarchar(5)),
        (
            SqlType::nvarchar(3),
            SqlType::NVarChar(Length::Max),
            SqlType::NVarChar(Length::Max),
        ),
        (SqlType::Int, decimal(5, 2), decimal(12, 2)),
        (decimal(10, 0), decimal(5, 4), decimal(14, 4)),
        (SqlType::Date, SqlType::DateTime2(3), SqlType::DateTime2(3)),
        (SqlType::DateTime, SqlType::nvarchar(30), SqlType::DateTime),
    ] {
        assert_eq!(a.common(b), common, "{a} and {b}");
        assert_eq!(b.common(a), common, "{b} and {a}");
    }
}

proptest! {
    #[test]
    fn code_page_1252_keeps_what_it_has_and_marks_what_it_lacks(text in "\\PC{0,40}") {
        let back = decode_cp1252(&encode_cp1252(&text));
        let questions = |t: &str| t.chars().filter(|c| *c == '?').count();
        prop_assert!(questions(&back) >= questions(&text));
        prop_assert_eq!(back.chars().count(), text.chars().map(|c| if encode_cp1252(&c.to_string()) == b"??" { 2 } else { 1 }).sum::<usize>());
        prop_assert_eq!(encode_cp1252(&back), encode_cp1252(&text));
    }

    #[test]
    fn texts_are_equal_exactly_when_their_keys_are(a in "[aAéЖж😀 ]{0,4}", b in "[aAéЖж😀 ]{0,4}") {
        for collation in [Collation::CaseInsensitive, Collation::CaseSensitive, Collation::Binary] {
            let equal = collation.compare(&a, &b).is_eq();
            let same_key = key(&Value::text(a.as_str()), collation) == key(&Value::text(b.as_str()), collation);
            prop_assert_eq!(equal, same_key);
        }
    }

    #[test]
    fn a_decimal_survives_its_own_text(mantissa in -(10i128.pow(30))..10i128.pow(30), scale in 0u8..=30) {
        let decimal = Decimal::new(mantissa, scale).expect("it fits");
        prop_assert_eq!(Decimal::parse(&decimal.to_string()), Some(decimal));
    }

    #[test]
    fn a_cut_text_never_has_more_units_than_its_type(text in "[aЖ😀]{0,12}", length in 1u16..10) {
        let cut = convert(&Value::text(text), SqlType::nvarchar(50), SqlType::nvarchar(length), Conversion::Explicit(0));
        let Ok(Value::Text(cut)) = cut else { panic!("text stays text") };
        prop_assert!(utf16_len(&cut) <= usize::from(length));
    }
}
