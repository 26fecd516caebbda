//! The page over real tables in memory, asked as a browser asks.

use std::sync::Arc;

use ::analysis::{Analyst, Tables};
use agent::Failure;
use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use secrecy::SecretString;
use store::{Store, planner};
use store_sqlite::SqliteStore;
use table_map::{Column, Index, Row, TableMap};

use crate::panel::facts::{About, AgentDetail, AgentFacts, Database, Overview, StageFacts, Switchboard};
use crate::panel::{NotChanged, Panel, PanelOptions, PanelSource, Steering};

/// Knows the figures and nothing else.
struct Source {
    analyst: Option<Analyst>,
}

fn nothing<T>() -> Result<T, Failure> {
    Err(Failure::permanent("this test asks for figures only"))
}

#[async_trait]
impl PanelSource for Source {
    fn about(&self) -> About {
        About {
            portal: "portal".to_owned(),
            target: "target".to_owned(),
            environment: "TEST".to_owned(),
            timezone: chrono_tz::UTC,
            version: "0".to_owned(),
        }
    }
    fn now(&self) -> DateTime<Utc> {
        begin().and_utc()
    }
    async fn password(&self) -> Result<Option<SecretString>, Failure> {
        Ok(None)
    }
    async fn overview(&self) -> Result<Overview, Failure> {
        nothing()
    }
    async fn switchboard(&self) -> Result<Switchboard, Failure> {
        nothing()
    }
    async fn agents(&self) -> Result<Vec<AgentFacts>, Failure> {
        nothing()
    }
    async fn agent(&self, _: &str) -> Result<Option<AgentDetail>, Failure> {
        nothing()
    }
    async fn database(&self) -> Result<Database, Failure> {
        nothing()
    }
    async fn stages(&self) -> Result<Result<Vec<StageFacts>, String>, Failure> {
        nothing()
    }
    fn analyst(&self) -> Option<Analyst> {
        self.analyst.clone()
    }
}

/// Does nothing.
struct Hands;

#[async_trait]
impl Steering for Hands {
    async fn set_switch(&self, _: &str, _: Option<&str>) -> Result<(), NotChanged> {
        Err(NotChanged::Unknown)
    }
    async fn start_upload(&self, _: &str) -> Result<(), NotChanged> {
        Err(NotChanged::Unknown)
    }
    async fn run_agent(&self, _: &str) -> Result<(), NotChanged> {
        Err(NotChanged::Unknown)
    }
    async fn pause_agent(&self, _: &str) -> Result<(), NotChanged> {
        Err(NotChanged::Unknown)
    }
    async fn resume_agent(&self, _: &str) -> Result<(), NotChanged> {
        Err(NotChanged::Unknown)
    }
    async fn start_verification(&self, _: &str) -> Result<(), NotChanged> {
        Err(NotChanged::Unknown)
    }
}

fn begin() -> NaiveDateTime {
    let day: NaiveDate = "2024-01-01".parse().unwrap();
    day.and_hms_opt(0, 0, 0).unwrap()
}

const HOSTILE: &str = "<script>alert(1)</script>";

/// Moves of pipeline 3: deal, code, hours.
const MOVES: [(i64, &str, &str, i64); 5] = [
    (1, "C3:NEW", "P", 0),
    (1, "C3:TALK", "P", 26),
    (1, "C3:WON", "S", 50),
    (2, "C3:NEW", "P", 30),
    (2, "C3:LOSE", "F", 33),
];

async fn filled() -> Analyst {
    let history = TableMap::builder("HISTORY")
        .column(Column::identity("ID"))
        .column(Column::key("EXTERNAL_ID"))
        .column(Column::big_integer("OWNER_ID"))
        .column(Column::date_time("CREATED_TIME"))
        .column(Column::text("NAME", 255).nullable())
        .column(Column::integer("CATEGORY_ID"))
        .column(Column::text("STAGE_SEMANTIC_ID", 10).nullable())
        .column(Column::text("STAGE_ID", 50))
        .index(Index::unique(["EXTERNAL_ID"]))
        .build()
        .unwrap();
    let list = TableMap::builder("STAGES")
        .column(Column::identity("ID"))
        .column(Column::flag("ACTIVE"))
        .column(Column::text("ENTITY_ID", 50))
        .column(Column::text("STATUS_ID", 50))
        .column(Column::key("EXTERNAL_ID"))
        .column(Column::text("NAME", 255))
        .column(Column::integer("SORT"))
        .column(Column::text("SEMANTICS", 10).nullable())
        .column(Column::integer("CATEGORY_ID"))
        .index(Index::unique(["EXTERNAL_ID"]))
        .build()
        .unwrap();
    let store = SqliteStore::in_memory().unwrap();
    for map in [&history, &list] {
        store.apply(&planner::plan(map, None).unwrap()).await.unwrap();
    }
    let moves: Vec<Row> = (1_i64..)
        .zip(MOVES)
        .map(|(key, (deal, stage, semantics, hours))| {
            let time = begin() + TimeDelta::hours(hours);
            let values = vec![
                key.into(),
                deal.into(),
                time.into(),
                None::<String>.into(),
                3.into(),
                semantics.into(),
                stage.into(),
            ];
            Row::new(&history, values).unwrap()
        })
        .collect();
    store.upsert(&history, &moves, begin()).await.unwrap();
    let stages = [
        ("C3:NEW", "Новая", None, 10),
        ("C3:TALK", HOSTILE, None, 20),
        ("C3:WON", "=cmd()", Some("S"), 30),
        ("C3:LOSE", "Провал", Some("F"), 40),
    ];
    let stages: Vec<Row> = (1_i64..)
        .zip(stages)
        .map(|(key, (id, name, semantics, sort))| {
            let values = vec![
                "Y".into(),
                "DEAL_STAGE_3".into(),
                id.into(),
                key.into(),
                name.into(),
                sort.into(),
                semantics.map(str::to_owned).into(),
                3.into(),
            ];
            Row::new(&list, values).unwrap()
        })
        .collect();
    store.upsert(&list, &stages, begin()).await.unwrap();
    analyst(store)
}

fn analyst(store: SqliteStore) -> Analyst {
    let now = || begin() + TimeDelta::days(10);
    Analyst::new(Arc::new(store), Tables::new("HISTORY", "STAGES"), now)
}

async fn get(analyst: Option<&Analyst>, path: &str, language: &str) -> Response {
    let panel = Panel {
        options: PanelOptions::default(),
        source: Arc::new(Source {
            analyst: analyst.cloned(),
        }),
        steering: Arc::new(Hands),
    };
    let request = Request::builder()
        .uri(path)
        .header(header::HOST, "localhost")
        .header(header::ACCEPT_LANGUAGE, language)
        .body(Body::empty())
        .unwrap();
    TowerToHyperService::new(crate::panel::routes(panel, true))
        .call(request)
        .await
        .unwrap()
}

async fn bytes(response: Response) -> Vec<u8> {
    axum::body::to_bytes(response.into_body(), 1 << 22)
        .await
        .unwrap()
        .to_vec()
}

async fn page(analyst: &Analyst, query: &str, language: &str) -> (StatusCode, String) {
    let response = get(Some(analyst), &format!("/analysis{query}"), language).await;
    let status = response.status();
    (status, String::from_utf8(bytes(response).await).unwrap())
}

const JANUARY: &str = "?pipeline=3&from=2024-01-01&until=2024-01-31&deals=entered";

/// The cells of the row of a stage in a table of the page.
fn row(page: &str, table: &str, stage: &str) -> Vec<String> {
    let table = page.split(&format!("id=\"{table}\"")).nth(1).unwrap();
    let row = table.split(&format!("data-stage=\"{stage}\"")).nth(1).unwrap();
    let row = row.split("</tr>").next().unwrap();
    row.split("<td>")
        .skip(1)
        .map(|cell| cell.split('<').next().unwrap().replace('\u{a0}', " "))
        .collect()
}

#[tokio::test]
async fn the_page_shows_the_figures_in_both_languages() {
    let analyst = filled().await;
    let (status, english) = page(&analyst, JANUARY, "en").await;
    assert_eq!(status, StatusCode::OK, "{english}");
    assert_eq!(
        row(&english, "funnel-numbers", "C3:NEW"),
        ["2", "50.0 %", "100.0 %", "0"]
    );
    assert_eq!(
        row(&english, "funnel-numbers", "C3:TALK"),
        ["1", "100.0 %", "50.0 %", "0"]
    );
    assert_eq!(
        row(&english, "funnel-numbers", "C3:LOSE"),
        ["1", "–", "50.0 %", "1"]
    );
    assert_eq!(
        row(&english, "times-numbers", "C3:NEW"),
        ["3 hours", "1 day 2 hours", "2"]
    );
    assert_eq!(english.matches("<svg").count(), 4);
    assert!(english.contains("Won: 1, lost: 1"), "{english}");
    let (_, russian) = page(&analyst, JANUARY, "ru").await;
    assert_eq!(
        row(&russian, "times-numbers", "C3:NEW"),
        ["3 часа", "1 день 2 часа", "2"]
    );
    assert!(russian.contains("Успешных: 1, проваленных: 1"), "{russian}");
    assert!(
        russian.contains("завершает путь по первой"),
        "what is counted is said beside the figures"
    );
}

#[tokio::test]
async fn moves_of_a_long_period_are_drawn_by_weeks_and_listed_by_days() {
    let analyst = filled().await;
    let (_, year) = page(&analyst, "?pipeline=3&from=2023-07-05&until=2024-06-30", "en").await;
    assert!(
        year.contains("<title id=\"moves-title\">Moves per week</title>"),
        "{year}"
    );
    assert!(
        year.contains("<title>week of 2024-01-01: 5\u{a0}moves</title>"),
        "{year}"
    );
    let days = year.split("id=\"moves-numbers\"").nth(1).unwrap();
    let days = days.split("</table>").next().unwrap();
    assert!(days.contains("2024-01-02</th><td>3</td>"), "{days}");
    assert_eq!(
        days.matches("<tr>").count(),
        1 + 362,
        "every day from July to June"
    );
    let (_, month) = page(&analyst, JANUARY, "en").await;
    assert!(
        month.contains("<title id=\"moves-title\">Moves per day</title>"),
        "{month}"
    );
    assert!(!month.contains("drawn by weeks"), "{month}");
}

#[tokio::test]
async fn a_hostile_name_is_text_on_the_page_and_nothing_has_a_style_of_its_own() {
    let (_, page) = page(&filled().await, JANUARY, "en").await;
    assert!(!page.contains(HOSTILE), "{page}");
    assert!(page.contains("&lt;script&gt;"));
    assert!(!page.contains("style=\""));
}

#[tokio::test]
async fn without_a_choice_the_latest_pipeline_and_all_its_time_are_shown() {
    let (status, page) = page(&filled().await, "", "en").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("<option value=\"3\" selected>"), "{page}");
    assert!(
        page.contains("value=\"2024-01-01\"") && page.contains("value=\"2024-01-11\""),
        "{page}"
    );
    assert_eq!(row(&page, "funnel-numbers", "C3:NEW")[0], "2");
    let month = "/analysis?pipeline=3&amp;from=2023-12-13&amp;until=2024-01-11&amp;deals=entered";
    assert!(page.contains(month), "usual periods are one step away: {page}");
}

#[tokio::test]
async fn what_is_no_choice_is_told_and_stays_in_the_form() {
    let analyst = filled().await;
    for (query, said) in [
        (
            "?pipeline=3&from=2024-02-01&until=2024-01-01",
            "ends before it begins",
        ),
        ("?pipeline=3&from=%3Cb%3E&until=2024-01-01", "is no date"),
        ("?pipeline=x&from=2024-01-01&until=2024-01-01", "no such pipeline"),
        (
            "?pipeline=3&from=1990-01-01&until=2024-01-01",
            "longer than ten years",
        ),
        (
            "?pipeline=3&from=%2B200000-01-01&until=%2B200000-01-01",
            "outside of the years",
        ),
    ] {
        let (status, page) = page(&analyst, query, "en").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        assert!(page.contains(said), "{query}: {page}");
        assert!(!page.contains("<b>"), "{query}");
        assert_eq!(page.matches("<svg").count(), 0);
    }
}

#[tokio::test]
async fn files_hold_the_figures_and_are_saved_under_a_name_of_their_own() {
    let analyst = filled().await;
    let response = get(Some(&analyst), &format!("/analysis/funnel.csv{JANUARY}"), "ru").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "text/csv; charset=utf-8"
    );
    assert_eq!(
        response.headers()[header::CONTENT_DISPOSITION],
        "attachment; filename=\"funnel-3-2024-01-01-2024-01-31.csv\""
    );
    let text = String::from_utf8(bytes(response).await).unwrap();
    let mut lines = text.split("\r\n");
    assert!(lines.next().unwrap().starts_with("\u{feff}Стадия,Код,"), "{text}");
    assert_eq!(
        lines.next().unwrap(),
        "Новая,C3:NEW,в работе,2,0.5000,1.0000,0,2,0.1250,1.0833,10800,93600"
    );
    assert!(text.contains("\r\n'=cmd(),C3:WON,"), "{text}");
    let days = get(Some(&analyst), &format!("/analysis/days.csv{JANUARY}"), "en").await;
    let days = String::from_utf8(bytes(days).await).unwrap();
    assert_eq!(days.lines().count(), 32);
    assert!(days.contains("2024-01-02,3\r\n"), "{days}");
    let weeks = get(Some(&analyst), &format!("/analysis/weeks.csv{JANUARY}"), "en").await;
    assert!(
        String::from_utf8(bytes(weeks).await)
            .unwrap()
            .contains("2024-01-01,1,1\r\n")
    );
    let book = get(Some(&analyst), &format!("/analysis/figures.xlsx{JANUARY}"), "ru").await;
    assert_eq!(book.status(), StatusCode::OK);
    assert!(bytes(book).await.starts_with(b"PK"));
    let unknown = get(Some(&analyst), "/analysis/secrets.csv", "en").await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    let wrong = get(
        Some(&analyst),
        "/analysis/days.csv?pipeline=3&from=x&until=y",
        "en",
    )
    .await;
    assert_eq!(wrong.status(), StatusCode::SEE_OTHER);
    assert_eq!(
        wrong.headers()[header::LOCATION],
        "/analysis?pipeline=3&from=x&until=y"
    );
}

#[tokio::test]
async fn without_tables_the_page_says_what_the_target_said() {
    let empty = analyst(SqliteStore::in_memory().unwrap());
    let (status, page) = page(&empty, "", "ru").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(page.contains("База данных не отдала цифры"), "{page}");
    assert!(page.contains("migrate first"), "{page}");
}

#[tokio::test]
async fn a_program_without_figures_has_no_such_page() {
    let response = get(None, "/analysis", "en").await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    let text = String::from_utf8(bytes(response).await).unwrap();
    assert!(!text.contains("href=\"/analysis\""), "{text}");
}
