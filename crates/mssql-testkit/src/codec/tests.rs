use bytes::BytesMut;
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime};
use proptest::prelude::*;

use super::prelogin::{self, Encryption};
use super::reader::Reader;
use super::types::{self};
use super::{bulk, login, rpc, values};
use crate::value::{Collation, Decimal, Length, SqlType, Value};

/// Writes a value with its type and reads both again.
fn there_and_back(value: &Value, ty: SqlType) -> Value {
    let mut out = BytesMut::new();
    types::encode(&mut out, ty, true, Collation::CaseInsensitive);
    values::encode(&mut out, value, ty, true);
    let mut from = Reader::new(&out);
    let wire = types::decode(&mut from).expect("the type is read");
    assert_eq!(wire.ty, ty);
    let value = values::decode(&mut from, wire).expect("the value is read");
    assert!(from.is_empty(), "nothing is left over");
    value
}

fn moment(days: i32, nanos: u64) -> chrono::NaiveDateTime {
    let date = NaiveDate::from_num_days_from_ce_opt(days).expect("a day");
    let seconds = u32::try_from(nanos / 1_000_000_000).expect("a second of a day");
    let rest = u32::try_from(nanos % 1_000_000_000).expect("a part of a second");
    date.and_time(NaiveTime::from_num_seconds_from_midnight_opt(seconds, rest).expect("a time"))
}

/// A type and a value it holds exactly.
fn typed() -> impl Strategy<Value = (SqlType, Value)> {
    let ticks = |scale: u8| 10u64.pow(9 - u32::from(scale));
    prop_oneof![
        any::<bool>().prop_map(|b| (SqlType::Bit, Value::Bit(b))),
        any::<u8>().prop_map(|n| (SqlType::TinyInt, Value::Int(n.into()))),
        any::<i16>().prop_map(|n| (SqlType::SmallInt, Value::Int(n.into()))),
        any::<i32>().prop_map(|n| (SqlType::Int, Value::Int(n.into()))),
        any::<i64>().prop_map(|n| (SqlType::BigInt, Value::Int(n))),
        any::<i64>().prop_map(|n| (
            SqlType::Money,
            Value::Decimal(Decimal {
                mantissa: n.into(),
                scale: 4
            })
        )),
        (-1e300..1e300f64).prop_map(|f| (SqlType::Float, Value::Float(f))),
        (-1e30..1e30f32).prop_map(|f| (SqlType::Real, Value::Float(f.into()))),
        (1u8..=38, 0u8..=38, any::<i64>()).prop_map(|(precision, scale, n)| {
            let scale = scale.min(precision);
            let limit = 10i128.pow(precision.into());
            let mantissa = i128::from(n) % limit;
            (
                SqlType::Decimal { precision, scale },
                Value::Decimal(Decimal { mantissa, scale }),
            )
        }),
        "\\PC{0,50}".prop_map(|t| (SqlType::nvarchar(100), Value::text(t))),
        "\\PC{0,50}".prop_map(|t| (SqlType::NVarChar(Length::Max), Value::text(t))),
        "[ -~é€]{0,50}".prop_map(|t| (SqlType::varchar(50), Value::text(t))),
        proptest::collection::vec(any::<u8>(), 0..60)
            .prop_map(|b| (SqlType::VarBinary(Length::Max), Value::Bytes(b.into()))),
        any::<[u8; 16]>().prop_map(|g| (SqlType::UniqueIdentifier, Value::Guid(g))),
        (1i32..=3_652_059).prop_map(|d| (SqlType::Date, Value::Date(moment(d, 0).date()))),
        (0u8..=7, 0u64..86_400).prop_map(move |(s, t)| (
            SqlType::Time(s),
            Value::Time(moment(1, t * 1_000_000_000 + ticks(s) % 1_000_000_000).time())
        )),
        (0u8..=7, 1i32..=3_652_059, 0u64..86_400).prop_map(move |(s, d, t)| {
            (
                SqlType::DateTime2(s),
                Value::DateTime(moment(d, t * 1_000_000_000 + ticks(s) % 1_000_000_000)),
            )
        }),
        (0u8..=7, 2i32..=3_652_058, 0u64..86_400, -840i32..=840).prop_map(|(s, d, t, o)| {
            let offset = FixedOffset::east_opt(o * 60).expect("an offset");
            (
                SqlType::DateTimeOffset(s),
                Value::Offset(DateTime::from_naive_utc_and_offset(
                    moment(d, t * 1_000_000_000),
                    offset,
                )),
            )
        }),
        (0u32..=65_535, 0u64..1440).prop_map(|(d, m)| {
            let day = 693_596 + i32::try_from(d).expect("a day");
            (
                SqlType::SmallDateTime,
                Value::DateTime(moment(day, m * 60_000_000_000)),
            )
        }),
    ]
}

proptest! {
    #[test]
    fn every_value_survives_the_wire((ty, value) in typed()) {
        prop_assert_eq!(there_and_back(&value, ty), value);
    }

    #[test]
    fn null_survives_the_wire_in_every_type((ty, _) in typed()) {
        prop_assert_eq!(there_and_back(&Value::Null, ty), Value::Null);
    }

    #[test]
    fn no_message_makes_a_decoder_panic(data in proptest::collection::vec(any::<u8>(), 0..200)) {
        let outcomes = [
            login::decode(&data).is_ok(),
            rpc::decode(&data).is_ok(),
            bulk::decode(&data).is_ok(),
            prelogin::client_encryption(&data).is_ok(),
        ];
        // Which of them are errors does not matter here, only that they come back.
        prop_assert_eq!(outcomes.len(), 4);
    }
}

#[test]
fn a_datetime_keeps_its_three_hundredths_of_a_second() {
    for millis in [0, 3, 7, 10, 997] {
        let value = Value::DateTime(moment(738_000, millis * 1_000_000));
        assert_eq!(there_and_back(&value, SqlType::DateTime), value, "{millis} ms");
    }
}

#[test]
fn a_prelogin_answer_says_what_it_was_told_to() {
    let answer = prelogin::answer((13, 0, 5026), Encryption::Required);
    assert_eq!(prelogin::client_encryption(&answer), Ok(Encryption::Required));
    assert_eq!(
        answer.get(answer.len() - 9..answer.len() - 3),
        Some(&[13, 0, 0x13, 0xa2, 0, 0][..])
    );
}

#[test]
fn a_call_by_number_and_one_by_name_are_read_in_one_request() {
    // ALL_HEADERS of 4 bytes; sp_executesql by number with one int; then a named call without parameters.
    let mut data = vec![4, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 0];
    data.extend([2, b'@', 0, b'a', 0, 1, 0x26, 4, 4, 42, 0, 0, 0]);
    data.extend([0xff, 2, 0, b's', 0, b'p', 0, 0, 0]);
    let calls = rpc::decode(&data).expect("both are read");
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].procedure, rpc::Procedure::Numbered(10));
    assert_eq!(calls[0].parameters[0].value, Value::Int(42));
    assert!(calls[0].parameters[0].output);
    assert_eq!(calls[1].procedure, rpc::Procedure::Named("sp".into()));
}
