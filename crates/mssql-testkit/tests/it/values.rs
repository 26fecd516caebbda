use tiberius::Query;
use tiberius::numeric::Numeric;

use crate::support::{connect, error, int, rows, run, server, text};

#[tokio::test]
async fn every_type_comes_back_as_it_was_sent() {
    let server = server();
    let mut sql = connect(&server).await;
    run(
        &mut sql,
        "CREATE TABLE v (a tinyint, b smallint, c int, d bigint, e bit, f real, g float, h decimal(20,4), i nvarchar(50), \
         j varchar(50), k varbinary(10), l date, m time(3), n datetime2(6), o datetimeoffset(3), p uniqueidentifier, \
         q nchar(4), r char(4), s datetime, t smalldatetime, u money)",
    )
    .await;
    let day = chrono::NaiveDate::from_ymd_opt(2024, 2, 29).expect("a day");
    let moment = day.and_hms_micro_opt(23, 59, 58, 123_456).expect("a moment");
    let offset = chrono::FixedOffset::east_opt(3 * 3600).expect("an offset");
    let zoned = day
        .and_hms_milli_opt(10, 0, 0, 500)
        .expect("a moment")
        .and_local_timezone(offset)
        .unwrap();
    let guid = tiberius::Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
    let mut insert = Query::new(
        "INSERT INTO v VALUES (@P1,@P2,@P3,@P4,@P5,@P6,@P7,@P8,@P9,@P10,@P11,@P12,@P13,@P14,@P15,@P16,@P17,@P18,@P19,@P20,@P21)",
    );
    insert.bind(255u8);
    insert.bind(-32_768i16);
    insert.bind(i32::MIN);
    insert.bind(i64::MAX);
    insert.bind(true);
    insert.bind(1.5f32);
    insert.bind(-2.25f64);
    insert.bind(Numeric::new_with_scale(-1_234_567_890_123, 4));
    insert.bind("Привет, мир 😀");
    insert.bind("Grüße");
    insert.bind(&[0u8, 255, 16][..]);
    insert.bind(day);
    insert.bind(moment.time());
    insert.bind(moment);
    insert.bind(zoned);
    insert.bind(guid);
    insert.bind("ab");
    insert.bind("cd");
    insert.bind("2024-02-29T23:59:58.123");
    insert.bind("2024-02-29 23:59:31");
    insert.bind("12.3456");
    insert.execute(&mut sql).await.expect("the row is stored");

    let all = rows(&mut sql, "SELECT *, CAST(u AS decimal(10,4)) FROM v")
        .await
        .expect("the row is read");
    let row = &all[0];
    assert_eq!(row.get::<u8, _>(0), Some(255));
    assert_eq!(row.get::<i16, _>(1), Some(-32_768));
    assert_eq!(row.get::<i32, _>(2), Some(i32::MIN));
    assert_eq!(row.get::<i64, _>(3), Some(i64::MAX));
    assert_eq!(row.get::<bool, _>(4), Some(true));
    assert_eq!(row.get::<f32, _>(5), Some(1.5));
    assert_eq!(row.get::<f64, _>(6), Some(-2.25));
    assert_eq!(
        row.get::<Numeric, _>(7),
        Some(Numeric::new_with_scale(-1_234_567_890_123, 4))
    );
    assert_eq!(row.get::<&str, _>(8), Some("Привет, мир 😀"));
    assert_eq!(row.get::<&str, _>(9), Some("Grüße"));
    assert_eq!(row.get::<&[u8], _>(10), Some(&[0u8, 255, 16][..]));
    assert_eq!(row.get::<chrono::NaiveDate, _>(11), Some(day));
    assert_eq!(
        row.get::<chrono::NaiveTime, _>(12),
        chrono::NaiveTime::from_hms_milli_opt(23, 59, 58, 123)
    );
    assert_eq!(row.get::<chrono::NaiveDateTime, _>(13), Some(moment));
    assert_eq!(
        row.get::<chrono::DateTime<chrono::FixedOffset>, _>(14),
        Some(zoned)
    );
    assert_eq!(row.get::<tiberius::Uuid, _>(15), Some(guid));
    assert_eq!(row.get::<&str, _>(16), Some("ab  "));
    assert_eq!(row.get::<&str, _>(17), Some("cd  "));
    let stored = row.get::<chrono::NaiveDateTime, _>(18).expect("not NULL");
    assert_eq!(stored.format("%F %T%.3f").to_string(), "2024-02-29 23:59:58.123");
    assert_eq!(
        row.get::<chrono::NaiveDateTime, _>(19),
        day.succ_opt().and_then(|d| d.and_hms_opt(0, 0, 0))
    );
    assert_eq!(
        row.get::<Numeric, _>(21),
        Some(Numeric::new_with_scale(123_456, 4))
    );
}

#[tokio::test]
async fn nulls_of_every_type_stay_null() {
    let server = server();
    let mut sql = connect(&server).await;
    run(&mut sql, "CREATE TABLE n (a int, b nvarchar(max), c decimal(5,1), d datetime2, e varbinary(max), f bit, g float)").await;
    run(
        &mut sql,
        "INSERT INTO n DEFAULT VALUES; INSERT INTO n (a) VALUES (7)",
    )
    .await;
    let all = rows(&mut sql, "SELECT a, b, c, d, e, f, g FROM n ORDER BY a")
        .await
        .expect("they are read");
    assert_eq!(all[0].get::<i32, _>(0), None);
    assert_eq!(all[1].get::<i32, _>(0), Some(7));
    for row in &all {
        assert_eq!(row.get::<&str, _>(1), None);
        assert_eq!(row.get::<Numeric, _>(2), None);
        assert_eq!(row.get::<chrono::NaiveDateTime, _>(3), None);
        assert_eq!(row.get::<&[u8], _>(4), None);
        assert_eq!(row.get::<bool, _>(5), None);
        assert_eq!(row.get::<f64, _>(6), None);
    }
}

#[tokio::test]
async fn a_text_of_a_hundred_thousand_characters_passes_both_ways() {
    let server = server();
    let mut sql = connect(&server).await;
    run(&mut sql, "CREATE TABLE l (t nvarchar(max) NOT NULL)").await;
    let long: String = "Ж😀x".chars().cycle().take(100_000).collect();
    sql.execute("INSERT INTO l VALUES (@P1)", &[&long.as_str()])
        .await
        .expect("it is stored");
    assert_eq!(text(&mut sql, "SELECT t FROM l").await, long);
    let units = long.encode_utf16().count();
    let length = rows(&mut sql, "SELECT LEN(t) FROM l")
        .await
        .expect("it is measured");
    assert_eq!(length[0].get::<i64, _>(0), i64::try_from(units).ok());
}

#[tokio::test]
async fn cyrillic_in_a_varchar_becomes_question_marks() {
    let server = server();
    let mut sql = connect(&server).await;
    run(
        &mut sql,
        "CREATE TABLE c (t varchar(20)); INSERT INTO c VALUES (N'Ёж – €'), ('Ёж')",
    )
    .await;
    let all = rows(&mut sql, "SELECT t FROM c").await.expect("they are read");
    assert_eq!(all[0].get::<&str, _>(0), Some("?? – €"));
    assert_eq!(all[1].get::<&str, _>(0), Some("??"));
}

#[tokio::test]
async fn the_default_collation_ignores_case_trailing_spaces_and_emoji() {
    let server = server();
    let mut sql = connect(&server).await;
    for (a, b, equal) in [
        ("N'abc'", "N'ABC'", 1),
        ("N'abc'", "N'abc  '", 1),
        ("N'a😀'", "N'a😎'", 1),
        ("N'é'", "N'e'", 0),
        ("N'abc' COLLATE Latin1_General_BIN2", "N'ABC'", 0),
        ("N'a😀' COLLATE Latin1_General_BIN2", "N'a😎'", 0),
    ] {
        let found = int(&mut sql, &format!("SELECT CASE WHEN {a} = {b} THEN 1 ELSE 0 END")).await;
        assert_eq!(found, equal, "{a} = {b}");
    }
}

#[tokio::test]
async fn what_does_not_convert_is_an_error_with_its_number() {
    let server = server();
    let mut sql = connect(&server).await;
    for (expression, number) in [
        ("CAST('abc' AS int)", 245),
        ("CAST('abc' AS bigint)", 8114),
        ("CAST(N'2024-02-30' AS datetime2)", 241),
        ("CAST('1600-01-01' AS datetime)", 242),
        ("CAST(300 AS tinyint)", 220),
        ("CAST(3000000000 AS int)", 8115),
        ("CAST(12345.6 AS decimal(4,1))", 8115),
        ("CAST('x' AS uniqueidentifier)", 8169),
        ("2147483647 + 1", 8115),
        ("1 / 0", 8134),
        ("CAST(CAST('2024-01-01' AS date) AS int)", 529),
    ] {
        assert_eq!(
            error(&mut sql, &format!("SELECT {expression}")).await,
            number,
            "{expression}"
        );
    }
}

#[tokio::test]
async fn datetime_has_steps_of_a_three_hundredth_second() {
    let server = server();
    let mut sql = connect(&server).await;
    let shown = text(
        &mut sql,
        "SELECT CONVERT(varchar(30), CAST('2024-01-01T00:00:00.998' AS datetime), 121)",
    )
    .await;
    assert_eq!(shown, "2024-01-01 00:00:00.997");
    let shown = text(
        &mut sql,
        "SELECT CONVERT(varchar(30), CAST('2024-01-01T23:59:59.999' AS datetime), 121)",
    )
    .await;
    assert_eq!(shown, "2024-01-02 00:00:00.000");
}
