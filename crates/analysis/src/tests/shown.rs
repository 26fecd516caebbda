//! The views show the figures.

use chrono::{NaiveDateTime, TimeDelta};
use sea_query::{Order, Query as Select};
use table_map::{Answer, Query, ViewMap};

use super::bench::{Stage, Target, asked, begin, moved, stage, tables, targets};
use crate::{Basis, views};

fn list() -> Vec<Stage> {
    vec![
        stage(3, "NEW", 10),
        stage(3, "TALK", 20),
        stage(3, "WON", 30),
        stage(3, "LOSE", 40),
        Stage {
            active: false,
            ..stage(3, "UNUSED", 5)
        },
        stage(0, "NEW", 10),
    ]
}

async fn shown(target: &Target, view: &ViewMap, order: [&'static str; 2]) -> Answer {
    target.make(view).await;
    let (name, columns) = (view.name().to_owned(), view.query().columns().to_vec());
    let query = Query::new("a view", columns.clone(), move |dialect| {
        Select::select()
            .columns(columns.iter().map(|column| column.name()))
            .from(dialect.table(&name))
            .order_by(order[0], Order::Asc)
            .order_by(order[1], Order::Asc)
            .to_owned()
    });
    match target.store.ask(&query).await {
        Ok(answer) => answer,
        Err(error) => panic!("{}: {error:?}", target.name),
    }
}

#[tokio::test]
async fn the_view_of_durations_has_a_row_for_each_visit() {
    let moves = [
        moved(1, 7, 3, "NEW", 0),
        moved(2, 7, 3, "TALK", 120),
        moved(3, 7, 0, "NEW", 180),
        moved(4, 7, 3, "UNHEARD_OF", 240),
    ];
    let at = |minutes| begin() + TimeDelta::minutes(minutes);
    for target in targets(&moves, &list()).await {
        let view = views::duration("CRM_STAGE_DURATION_TEST", &tables(), chrono_tz::UTC);
        let rows = shown(&target, &view, ["EXTERNAL_ID", "OWNER_ID"]).await;
        let wanted = |key: i64,
                      pipeline: i32,
                      passage: i32,
                      started,
                      id: &str,
                      name: &str,
                      sort: Option<i32>,
                      entered,
                      left: i64| {
            vec![
                key.into(),
                7_i64.into(),
                pipeline.into(),
                passage.into(),
                at(started).into(),
                id.into(),
                name.into(),
                sort.into(),
                "P".into(),
                at(entered).into(),
                Some(at(left)).into(),
                ((left - entered) * 60).into(),
                "N".into(),
            ]
        };
        assert_eq!(rows[0], wanted(1, 3, 1, 0, "NEW", "Стадия NEW", Some(10), 0, 120));
        assert_eq!(
            rows[1],
            wanted(2, 3, 1, 0, "TALK", "Стадия TALK", Some(20), 120, 180)
        );
        assert_eq!(
            rows[2],
            wanted(3, 0, 2, 180, "NEW", "Стадия NEW", Some(10), 180, 240)
        );
        let open = &rows[3];
        assert_eq!(open[3], 3.into(), "its third passage");
        assert_eq!(open[6], "имя UNHEARD_OF".into());
        assert_eq!(open[7], None::<i32>.into());
        assert_eq!(open[10], None::<NaiveDateTime>.into(), "it is open");
        assert_eq!(open[12], "Y".into());
        // Years have gone by since; how many depends on the day of the test.
        assert!(
            matches!(open[11], table_map::Value::BigInteger(Some(seconds)) if seconds > 31_536_000),
            "{open:?}"
        );
        assert_eq!(rows.len(), 4);
    }
}

#[tokio::test]
async fn the_view_of_the_funnel_has_the_figures_of_all_time() {
    let moves = [
        moved(1, 1, 3, "NEW", 0),
        moved(2, 1, 3, "TALK", 60),
        moved(3, 1, 3, "WON", 100),
        moved(4, 1, 0, "NEW", 200),
        moved(5, 2, 3, "NEW", 10),
        moved(6, 2, 3, "LOSE", 40),
        moved(7, 2, 0, "NEW", 50),
        moved(8, 3, 3, "TALK", 0),
        moved(9, 3, 3, "NEW", 5),
        moved(10, 3, 3, "TALK", 7),
        moved(11, 3, 0, "NEW", 30),
    ];
    for target in targets(&moves, &list()).await {
        let view = views::funnel("CRM_STAGE_FUNNEL_TEST", &tables(), chrono_tz::Europe::Berlin);
        let rows = shown(&target, &view, ["CATEGORY_ID", "STAGE_ORDER"]).await;
        let figures = target
            .figures(asked(3, "2024-01-01", "2024-01-01", Basis::Entered), begin())
            .await;
        let of_three: Vec<_> = rows.iter().filter(|row| row[0] == 3.into()).collect();
        assert_eq!(of_three.len(), figures.stages.len());
        let first = figures.stages[0].deals;
        for (place, (row, stage)) in of_three.iter().zip(&figures.stages).enumerate() {
            let count = |number: u64| table_map::Value::from(i32::try_from(number).unwrap());
            let next = figures.stages.get(place + 1).filter(|_| stage.to_next.is_some());
            let next = next.map(|next| i32::try_from(next.deals).unwrap());
            let wanted = vec![
                3.into(),
                i32::try_from(place + 1).unwrap().into(),
                stage.id.clone().into(),
                stage.name.clone().into(),
                stage.sort.into(),
                row[5].clone(),
                "Y".into(),
                count(stage.deals),
                count(stage.visits),
                count(stage.deals_now),
                stage.median.into(),
                stage.p90.into(),
                count(first),
                next.into(),
            ];
            assert_eq!(**row, wanted, "{} {}", target.name, stage.id);
        }
        let none_is_unused = rows.iter().all(|row| row[2] != "UNUSED".into());
        assert!(none_is_unused, "a removed stage that nobody was in is not shown");
    }
}

#[tokio::test]
async fn a_view_in_a_zone_counts_open_visits_by_the_clocks_of_that_zone() {
    // An open visit that began in the year 2000 is 3 hours longer where clocks show 3 hours more.
    let moves = [moved(1, 1, 3, "NEW", 0)];
    for target in targets(&moves, &list()).await {
        let mut lengths = Vec::new();
        for zone in [chrono_tz::UTC, chrono_tz::Europe::Moscow] {
            let view = views::duration("CRM_STAGE_DURATION_TEST", &tables(), zone);
            let rows = shown(&target, &view, ["EXTERNAL_ID", "OWNER_ID"]).await;
            match rows[0][11] {
                table_map::Value::BigInteger(Some(seconds)) => lengths.push(seconds),
                ref other => panic!("{other:?}"),
            }
        }
        let more = lengths[1] - lengths[0];
        assert!(
            (3 * 3600..3 * 3600 + 120).contains(&more),
            "{}: {more}",
            target.name
        );
    }
}
