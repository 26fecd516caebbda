//! The figures against SQL that another hand could have written: no windows, no views, another way to each number.

use chrono::{NaiveDateTime, TimeDelta};
use rusqlite::{Connection, params};

use super::bench::{Move, Stage, Target, asked, begin, moved, sqlite, stage};
use crate::{Asked, Basis};

const CODES: [&str; 5] = ["NEW", "TALK", "OFFER", "WON", "LOSE"];

/// Some 200 deals with ways of all kinds: returns, repeated visits, moves in the same minute, changes of the pipeline.
fn many() -> Vec<Move> {
    let mut state = 7_u64;
    let mut next = |below: i64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(state >> 33).unwrap() % below
    };
    let mut moves = Vec::new();
    for deal in 1..=200 {
        let mut at = next(60 * 24 * 60);
        let mut pipeline = if next(5) == 0 { 4 } else { 3 };
        for _ in 0..1 + next(8) {
            let code = CODES[usize::try_from(next(5)).unwrap()];
            moves.push(moved(
                100_000 - i64::try_from(moves.len()).unwrap(),
                deal,
                pipeline,
                code,
                at,
            ));
            at += [0, 1, 90, 3000, 20_000][usize::try_from(next(5)).unwrap()];
            if next(6) == 0 {
                pipeline = 7 - pipeline;
            }
        }
    }
    moves
}

fn list() -> Vec<Stage> {
    [3, 4]
        .into_iter()
        .flat_map(|pipeline| {
            (1..)
                .zip(CODES)
                .map(move |(place, id)| stage(pipeline, id, place * 10))
        })
        .collect()
}

/// A visit's end is the least of the later rows of its deal; a passage is numbered by counting the rows before it that changed the
/// pipeline.
const VISITS: &str = "
WITH visit AS (
    SELECT h.OWNER_ID AS deal, h.STAGE_ID AS stage, h.CATEGORY_ID AS pipeline, h.CREATED_TIME AS entered,
        (SELECT n.CREATED_TIME FROM CRM_STAGE_HISTORY_TEST n WHERE n.OWNER_ID = h.OWNER_ID
            AND (n.CREATED_TIME > h.CREATED_TIME OR (n.CREATED_TIME = h.CREATED_TIME AND n.EXTERNAL_ID > h.EXTERNAL_ID))
            ORDER BY n.CREATED_TIME, n.EXTERNAL_ID LIMIT 1) AS ended,
        (SELECT s.EXTERNAL_ID FROM CRM_STAGE_HISTORY_TEST s WHERE s.OWNER_ID = h.OWNER_ID
            AND (s.CREATED_TIME < h.CREATED_TIME OR (s.CREATED_TIME = h.CREATED_TIME AND s.EXTERNAL_ID <= h.EXTERNAL_ID))
            AND coalesce((SELECT b.CATEGORY_ID FROM CRM_STAGE_HISTORY_TEST b WHERE b.OWNER_ID = s.OWNER_ID
                AND (b.CREATED_TIME < s.CREATED_TIME OR (b.CREATED_TIME = s.CREATED_TIME AND b.EXTERNAL_ID < s.EXTERNAL_ID))
                ORDER BY b.CREATED_TIME DESC, b.EXTERNAL_ID DESC LIMIT 1), -1) <> s.CATEGORY_ID
            ORDER BY s.CREATED_TIME DESC, s.EXTERNAL_ID DESC LIMIT 1) AS passage
    FROM CRM_STAGE_HISTORY_TEST h
), chosen AS (
    SELECT v.*, round((julianday(coalesce(v.ended, max(?4, v.entered))) - julianday(v.entered)) * 86400) AS seconds
    FROM visit v JOIN CRM_STAGE_HISTORY_TEST first ON first.EXTERNAL_ID = v.passage
    WHERE v.pipeline = ?1 AND date(CASE ?5 WHEN 'entered' THEN first.CREATED_TIME ELSE v.entered END) BETWEEN ?2 AND ?3
), stay AS (
    SELECT deal, passage, stage, sum(seconds) AS seconds FROM chosen GROUP BY deal, passage, stage
)";

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap()
}

fn text(time: NaiveDateTime) -> String {
    time.format("%Y-%m-%d %H:%M:%S").to_string()
}

async fn compare(target: &Target, asked: Asked, now: NaiveDateTime) {
    let found = target.figures(asked, now).await;
    let other = Connection::open(target.file.as_ref().unwrap()).unwrap();
    let (from, until) = (asked.period.from().to_string(), asked.period.until().to_string());
    let basis = if asked.basis == Basis::Entered {
        "entered"
    } else {
        "visited"
    };

    let passages: i64 = other
        .query_row(
            &format!("{VISITS} SELECT count(DISTINCT passage) FROM chosen"),
            params![asked.pipeline, from, until, text(now), basis],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(whole(found.passages), passages);
    for stage in &found.stages {
        // A percentile: the least length that so many of the stays do not exceed.
        let percentile = |of_ten: i32| {
            format!(
                "(SELECT min(a.seconds) FROM stay a WHERE a.stage = ?6 AND 10 * (SELECT count(*) FROM stay b WHERE b.stage = ?6 \
                 AND b.seconds <= a.seconds) >= {of_ten} * (SELECT count(*) FROM stay c WHERE c.stage = ?6))"
            )
        };
        let sql = format!(
            "{VISITS} SELECT (SELECT count(*) FROM stay WHERE stage = ?6), (SELECT count(*) FROM chosen WHERE stage = ?6), \
             (SELECT count(*) FROM chosen WHERE stage = ?6 AND ended IS NULL), {}, {}",
            percentile(5),
            percentile(9)
        );
        let counted: (i64, i64, i64, Option<f64>, Option<f64>) = other
            .query_row(
                &sql,
                params![asked.pipeline, from, until, text(now), basis, stage.id],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
            )
            .unwrap();
        let shown = |seconds: Option<i64>| seconds.map(|seconds| seconds as f64);
        assert_eq!(
            (
                whole(stage.deals),
                whole(stage.visits),
                whole(stage.deals_now),
                shown(stage.median),
                shown(stage.p90)
            ),
            counted,
            "{asked:?} {}",
            stage.id
        );
    }
    let first = found.stages[0].deals;
    for pair in found.stages.windows(2).filter(|pair| pair[1].id != "LOSE") {
        let to_next = (pair[0].deals > 0).then(|| pair[1].deals as f64 / pair[0].deals as f64);
        assert_eq!(pair[0].to_next, to_next);
        assert_eq!(
            pair[1].from_first,
            (first > 0).then(|| pair[1].deals as f64 / first as f64)
        );
    }

    let mut days = other
        .prepare(
            "WITH RECURSIVE day(d) AS (VALUES (?2) UNION ALL SELECT date(d, '+1 day') FROM day WHERE d < ?3) \
             SELECT d, count(h.ID) FROM day LEFT JOIN CRM_STAGE_HISTORY_TEST h \
             ON h.CATEGORY_ID = ?1 AND substr(h.CREATED_TIME, 1, 10) = d GROUP BY d ORDER BY d",
        )
        .unwrap();
    let counted: Vec<(String, i64)> = days
        .query_map(params![asked.pipeline, from, until], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let shown: Vec<(String, i64)> = found
        .days
        .iter()
        .map(|day| (day.day.to_string(), whole(day.moves)))
        .collect();
    assert_eq!(shown, counted);

    // Weeks by their ISO number, which SQLite knows as %G-%V.
    let mut weeks = other
        .prepare(
            "SELECT strftime('%G-%V', CREATED_TIME) AS week, count(DISTINCT CASE STAGE_SEMANTIC_ID WHEN 'S' THEN OWNER_ID END), \
             count(DISTINCT CASE STAGE_SEMANTIC_ID WHEN 'F' THEN OWNER_ID END) FROM CRM_STAGE_HISTORY_TEST \
             WHERE CATEGORY_ID = ?1 AND date(CREATED_TIME) BETWEEN ?2 AND ?3 GROUP BY week ORDER BY week",
        )
        .unwrap();
    let counted: Vec<(String, i64, i64)> = weeks
        .query_map(params![asked.pipeline, from, until], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap()
        .map(Result::unwrap)
        .filter(|(_, won, lost)| won + lost > 0)
        .collect();
    let shown: Vec<(String, i64, i64)> = found
        .weeks
        .iter()
        .filter(|week| week.won + week.lost > 0)
        .map(|week| {
            (
                week.monday.format("%G-%V").to_string(),
                whole(week.won),
                whole(week.lost),
            )
        })
        .collect();
    assert_eq!(shown, counted);
}

#[tokio::test]
async fn the_figures_equal_those_of_independent_sql_over_the_same_tables() {
    let target = sqlite();
    target.fill(&many(), &list()).await;
    let now = begin() + TimeDelta::days(90);
    for basis in [Basis::Entered, Basis::Visited] {
        for (pipeline, from, until) in [
            (3, "2024-01-01", "2024-03-31"),
            (3, "2024-01-15", "2024-02-10"),
            (4, "2024-01-03", "2024-01-31"),
        ] {
            let asked = asked(pipeline, from, until, basis);
            assert!(
                target.figures(asked, now).await.passages > 5,
                "there is something to count"
            );
            compare(&target, asked, now).await;
        }
    }
}
