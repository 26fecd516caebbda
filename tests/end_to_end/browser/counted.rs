//! Moves of a made-up half year in the target's tables, and their figures by plain SQL that knows nothing of the program: it numbers
//! each deal's rows by counting, and looks at a row's neighbours by that number.

use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rusqlite::{Connection, params};

/// The pipelines that have moves.
pub(crate) const PIPELINES: [i64; 2] = [3, 4];
/// A name that must be text wherever it is shown.
pub(crate) const HOSTILE: &str = "<b>Разговор</b>";
/// A name that a calculating program would take for a formula.
pub(crate) const FORMULA: &str = "=1+1";

/// Pipeline, code, name, place, meaning, whether the portal still has it.
type Stage = (i64, &'static str, &'static str, i64, Option<&'static str>, bool);

const STAGES: [Stage; 11] = [
    (3, "C3:NEW", "Новая", 10, None, true),
    (3, "C3:TALK", HOSTILE, 20, None, true),
    (3, "C3:GONE", "Removed with deals", 25, None, false),
    (3, "C3:UNUSED", "Removed without deals", 27, None, false),
    (3, "C3:OFFER", FORMULA, 30, None, true),
    (3, "C3:WON", "Success", 40, Some("S"), true),
    (3, "C3:LOSE", "Failure", 50, Some("F"), true),
    (3, "C3:SPAM", "Spam", 60, Some("F"), true),
    (4, "C4:NEW", "New", 10, None, true),
    (4, "C4:WON", "Success", 40, Some("S"), true),
    (4, "C4:LOSE", "Failure", 50, Some("F"), true),
];

/// Where deals go; `OLD` is a stage that only the history knows.
const WAYS: [&[&str]; 2] = [
    &["NEW", "TALK", "GONE", "OFFER", "WON", "LOSE", "SPAM", "OLD"],
    &["NEW", "WON", "LOSE"],
];

/// Minutes between two moves of a deal: none, a few, hours, days, weeks.
const GAPS: [i64; 5] = [0, 1, 90, 3000, 20_000];

/// Fills the empty tables of environment TEST, and tells how many moves there are.
pub(crate) fn fill(file: &Path) -> usize {
    let mut connection = Connection::open(file).expect("the target opens");
    let transaction = connection.transaction().expect("a transaction");
    for (key, (pipeline, code, name, sort, semantics, active)) in (1_i64..).zip(STAGES) {
        transaction
            .execute(
                "INSERT INTO CRM_STAGE_LIST_TEST (ACTIVE, DATE_INSERT, DATE_UPDATE, ENTITY_ID, STATUS_ID, EXTERNAL_ID, NAME, SORT, \
                 SYSTEM, SEMANTICS, CATEGORY_ID) VALUES (?1, '2024-01-01 00:00:00', '2024-01-01 00:00:00', ?2, ?3, ?4, ?5, ?6, 'N', \
                 ?7, ?8)",
                params![
                    if active { "Y" } else { "N" },
                    format!("DEAL_STAGE_{pipeline}"),
                    code,
                    key,
                    name,
                    sort,
                    semantics,
                    pipeline
                ],
            )
            .expect("a stage is written");
    }
    let mut random = StdRng::seed_from_u64(5);
    let mut moves = 0;
    for deal in 1..=400 {
        let mut minute = random.random_range(0..90 * 24 * 60);
        let mut at = usize::from(random.random_ratio(1, 4));
        for _ in 0..random.random_range(1..8) {
            let code = WAYS[at][random.random_range(0..WAYS[at].len())];
            let semantics = match code {
                "WON" => "S",
                "LOSE" | "SPAM" => "F",
                _ => "P",
            };
            transaction
                .execute(
                    "INSERT INTO CRM_STAGE_HISTORY_TEST (EXTERNAL_ID, TYPE_ID, OWNER_ID, DATE_INSERT, CREATED_TIME, NAME, \
                     CATEGORY_ID, STAGE_SEMANTIC_ID, STAGE_ID, IS_LOST, DATE_UPDATE) VALUES (?1, 2, ?2, '2024-01-01 00:00:00', \
                     datetime('2024-01-01', ?3), 'as it was', ?4, ?5, ?6, ?7, '2024-01-01 00:00:00')",
                    params![
                        // Not in the order of time: that goes first.
                        100_000 - moves * 7 % 9_973,
                        deal,
                        format!("+{minute} minutes"),
                        PIPELINES[at],
                        semantics,
                        format!("C{}:{code}", PIPELINES[at]),
                        if semantics == "F" { "Y" } else { "N" },
                    ],
                )
                .expect("a move is written");
            moves += 1;
            minute += GAPS[random.random_range(0..GAPS.len())];
            if random.random_ratio(1, 6) {
                at = 1 - at;
            }
        }
    }
    transaction.commit().expect("the moves are kept");
    usize::try_from(moves).expect("a count")
}

/// What a visitor of the page chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) pipeline: i64,
    pub(crate) from: String,
    pub(crate) until: String,
    /// `entered` or `visited`.
    pub(crate) deals: &'static str,
}

/// A stage in the funnel. Lengths in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) gone: bool,
    pub(crate) lost: bool,
    pub(crate) deals: i64,
    pub(crate) visits: i64,
    pub(crate) there: i64,
    pub(crate) median: Option<i64>,
    pub(crate) p90: Option<i64>,
}

/// What SQL says of a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) passages: i64,
    pub(crate) stages: Vec<Counted>,
    /// Day and moves.
    pub(crate) days: Vec<(String, i64)>,
    /// Monday, won, lost.
    pub(crate) weeks: Vec<(String, i64, i64)>,
}

const VISITS: &str = "
CREATE TEMP TABLE way AS
SELECT h.OWNER_ID AS deal, h.CATEGORY_ID AS pipeline, h.STAGE_ID AS stage, h.NAME AS name, h.STAGE_SEMANTIC_ID AS semantics,
    h.CREATED_TIME AS came,
    (SELECT count(*) FROM CRM_STAGE_HISTORY_TEST b
        WHERE b.OWNER_ID = h.OWNER_ID AND (b.CREATED_TIME, b.EXTERNAL_ID) <= (h.CREATED_TIME, h.EXTERNAL_ID)) AS place
FROM CRM_STAGE_HISTORY_TEST h;
CREATE UNIQUE INDEX temp.by_place ON way (deal, place);
CREATE TEMP TABLE start AS
SELECT w.deal, w.place, w.came FROM way w LEFT JOIN way b ON b.deal = w.deal AND b.place = w.place - 1
WHERE b.deal IS NULL OR b.pipeline <> w.pipeline;
CREATE TEMP TABLE visit AS
SELECT w.*, n.came AS gone, (SELECT max(s.place) FROM start s WHERE s.deal = w.deal AND s.place <= w.place) AS passage
FROM way w LEFT JOIN way n ON n.deal = w.deal AND n.place = w.place + 1;
";

const STAYS: &str = "
CREATE TEMP TABLE stay AS
SELECT v.deal, v.passage, v.stage, count(*) AS visits, max(v.gone IS NULL) AS there,
    sum(unixepoch(coalesce(v.gone, datetime('now'))) - unixepoch(v.came)) AS seconds
FROM visit v JOIN start s ON s.deal = v.deal AND s.place = v.passage
WHERE v.pipeline = ?1 AND date(CASE ?4 WHEN 'entered' THEN s.came ELSE v.came END) BETWEEN ?2 AND ?3
GROUP BY v.deal, v.passage, v.stage";

const SHOWN: &str = "
SELECT code, name, gone, lost FROM (
    SELECT STATUS_ID AS code, NAME AS name, ACTIVE = 'N' AS gone, coalesce(SEMANTICS, '') = 'F' AS lost, SORT AS sort
        FROM CRM_STAGE_LIST_TEST
        WHERE CATEGORY_ID = ?1 AND (ACTIVE = 'Y' OR STATUS_ID IN (SELECT stage FROM stay))
    UNION ALL
    SELECT stage, max(name), 1, max(semantics) = 'F', 1000000 FROM visit
        WHERE stage IN (SELECT stage FROM stay) AND stage NOT IN (SELECT STATUS_ID FROM CRM_STAGE_LIST_TEST) GROUP BY stage)
ORDER BY lost, sort, code";

const STAGE: &str = "
SELECT count(*), coalesce(sum(visits), 0), coalesce(sum(there), 0),
    (SELECT seconds FROM stay WHERE stage = ?1 ORDER BY seconds LIMIT 1
        OFFSET ((SELECT 5 * count(*) FROM stay WHERE stage = ?1) + 9) / 10 - 1),
    (SELECT seconds FROM stay WHERE stage = ?1 ORDER BY seconds LIMIT 1
        OFFSET ((SELECT 9 * count(*) FROM stay WHERE stage = ?1) + 9) / 10 - 1)
FROM stay WHERE stage = ?1";

const DAYS: &str = "
WITH RECURSIVE day(d) AS (VALUES (?2) UNION ALL SELECT date(d, '+1 day') FROM day WHERE d < ?3)
SELECT d, (SELECT count(*) FROM way WHERE pipeline = ?1 AND date(came) = d) FROM day";

const WEEKS: &str = "
WITH RECURSIVE day(d) AS (VALUES (?2) UNION ALL SELECT date(d, '+1 day') FROM day WHERE d < ?3),
week(m) AS (SELECT DISTINCT date(d, 'weekday 0', '-6 days') FROM day)
SELECT m, (SELECT count(DISTINCT deal) FROM way WHERE pipeline = ?1 AND semantics = 'S' AND date(came) BETWEEN max(m, ?2)
        AND min(date(m, '+6 days'), ?3)),
    (SELECT count(DISTINCT deal) FROM way WHERE pipeline = ?1 AND semantics = 'F' AND date(came) BETWEEN max(m, ?2)
        AND min(date(m, '+6 days'), ?3))
FROM week";

/// A second client of the target.
pub(crate) struct Counter(Connection);

impl Counter {
    pub(crate) fn of(file: &Path) -> Self {
        let connection = Connection::open(file).expect("the target opens");
        connection.execute_batch(VISITS).expect("the moves are numbered");
        Self(connection)
    }

    /// The day of a pipeline's first move.
    pub(crate) fn first_day(&self, pipeline: i64) -> String {
        let sql = "SELECT date(min(came)) FROM way WHERE pipeline = ?1";
        let first = self.0.query_row(sql, [pipeline], |row| row.get(0));
        first.expect("the pipeline has moves")
    }

    /// The pipeline of the latest move.
    pub(crate) fn latest_pipeline(&self) -> i64 {
        let sql = "SELECT pipeline FROM way ORDER BY came DESC LIMIT 1";
        let latest = self.0.query_row(sql, [], |row| row.get(0));
        latest.expect("there are moves")
    }

    /// The figures of a choice; open visits run until now.
    pub(crate) fn figures(&self, choice: &Choice) -> Figures {
        let Choice {
            pipeline,
            from,
            until,
            deals,
        } = choice;
        self.0
            .execute_batch("DROP TABLE IF EXISTS temp.stay")
            .expect("what was asked before is gone");
        self.0
            .execute(STAYS, params![pipeline, from, until, deals])
            .expect("the stays are summed up");
        let sql = "SELECT count(*) FROM (SELECT DISTINCT deal, passage FROM stay)";
        let passages = self.0.query_row(sql, [], |row| row.get(0));
        Figures {
            passages: passages.expect("a count"),
            stages: self.stages(*pipeline),
            days: self.rows(DAYS, choice, |row| Ok((row.get(0)?, row.get(1)?))),
            weeks: self.rows(WEEKS, choice, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))),
        }
    }

    fn stages(&self, pipeline: i64) -> Vec<Counted> {
        let mut shown = self.0.prepare(SHOWN).expect("the stages can be listed");
        let stages = shown.query_map([pipeline], |row| {
            let code: String = row.get(0)?;
            let (name, gone, lost) = (row.get(1)?, row.get(2)?, row.get(3)?);
            self.0.query_row(STAGE, [&code], |row| {
                Ok(Counted {
                    code: code.clone(),
                    name,
                    gone,
                    lost,
                    deals: row.get(0)?,
                    visits: row.get(1)?,
                    there: row.get(2)?,
                    median: row.get(3)?,
                    p90: row.get(4)?,
                })
            })
        });
        let stages = stages.expect("the stages are counted");
        stages.collect::<Result<_, _>>().expect("every stage is counted")
    }

    fn rows<T>(
        &self,
        sql: &str,
        choice: &Choice,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Vec<T> {
        let mut statement = self.0.prepare(sql).expect("the days can be counted");
        let rows = statement.query_map(params![choice.pipeline, choice.from, choice.until], read);
        rows.expect("the days are counted")
            .collect::<Result<_, _>>()
            .expect("every row is counted")
    }
}
