//! Small tables whose figures one can count by hand.

use chrono::TimeDelta;

use super::bench::{Stage, asked, begin, day, moved, stage, targets};
use crate::{Basis, Kind, Week};

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

fn list() -> Vec<Stage> {
    vec![
        stage(3, "NEW", 10),
        stage(3, "TALK", 20),
        stage(3, "WON", 30),
        stage(3, "LOSE", 40),
        stage(5, "OTHER", 10),
    ]
}

#[tokio::test]
async fn empty_tables_give_stages_without_deals_and_all_days() {
    for target in targets(&[], &list()).await {
        let figures = target
            .figures(asked(3, "2024-01-01", "2024-01-08", Basis::Entered), begin())
            .await;
        assert_eq!(figures.passages, 0);
        let ids: Vec<&str> = figures.stages.iter().map(|stage| stage.id.as_str()).collect();
        assert_eq!(ids, ["NEW", "TALK", "WON", "LOSE"]);
        for stage in &figures.stages {
            assert_eq!((stage.deals, stage.visits, stage.deals_now), (0, 0, 0));
            assert_eq!((stage.median, stage.p90), (None, None));
            assert_eq!(
                (stage.to_next, stage.from_first),
                (None, None),
                "nothing is divided by 0"
            );
        }
        assert_eq!(figures.days.len(), 8);
        assert_eq!(figures.weeks.len(), 2);
    }
}

#[tokio::test]
async fn visits_add_up_and_an_open_one_runs_to_now() {
    let moves = [
        moved(1, 7, 3, "NEW", 0),
        moved(2, 7, 3, "TALK", 2 * HOUR),
        moved(3, 7, 3, "NEW", 3 * HOUR),
        moved(4, 7, 3, "TALK", 7 * HOUR),
    ];
    let now = begin() + TimeDelta::hours(17);
    for target in targets(&moves, &list()).await {
        let figures = target
            .figures(asked(3, "2024-01-01", "2024-01-01", Basis::Entered), now)
            .await;
        let [new, talk, ..] = figures.stages.as_slice() else {
            panic!("{figures:?}")
        };
        assert_eq!((new.deals, new.visits, new.deals_now), (1, 2, 0));
        assert_eq!(new.median, Some(6 * 3600), "2 h and 4 h");
        assert_eq!((talk.deals, talk.visits, talk.deals_now), (1, 2, 1));
        assert_eq!(talk.p90, Some(11 * 3600), "1 h, and 10 h to now");
        assert_eq!((new.to_next, talk.from_first), (Some(1.0), Some(1.0)));
        assert_eq!(figures.days[0].moves, 4);
        assert_eq!(new.name, "Стадия NEW");
    }
}

#[tokio::test]
async fn a_visit_that_begins_later_than_now_has_lasted_no_time() {
    let moves = [moved(1, 7, 3, "NEW", 10)];
    for target in targets(&moves, &list()).await {
        let figures = target
            .figures(asked(3, "2024-01-01", "2024-01-01", Basis::Entered), begin())
            .await;
        assert_eq!(figures.stages[0].median, Some(0));
    }
}

#[tokio::test]
async fn a_move_to_another_pipeline_ends_the_funnel_of_the_first_and_a_return_begins_anew() {
    let moves = [
        moved(1, 7, 3, "NEW", 0),
        moved(2, 7, 5, "OTHER", 2 * HOUR),
        moved(3, 7, 3, "TALK", 10 * DAY),
        moved(4, 7, 3, "WON", 11 * DAY),
    ];
    let now = begin() + TimeDelta::days(20);
    for target in targets(&moves, &list()).await {
        let first = target
            .figures(asked(3, "2024-01-01", "2024-01-05", Basis::Entered), now)
            .await;
        assert_eq!(first.passages, 1);
        let deals: Vec<u64> = first.stages.iter().map(|stage| stage.deals).collect();
        assert_eq!(
            deals,
            [1, 0, 0, 0],
            "what came after the return is of another passage"
        );
        assert_eq!(
            first.stages[0].median,
            Some(2 * 3600),
            "until it left for the other pipeline"
        );
        let later = target
            .figures(asked(3, "2024-01-11", "2024-01-11", Basis::Entered), now)
            .await;
        let deals: Vec<u64> = later.stages.iter().map(|stage| stage.deals).collect();
        assert_eq!(deals, [0, 1, 1, 0], "with all that the passage did since");
        let visited = target
            .figures(asked(3, "2024-01-11", "2024-01-11", Basis::Visited), now)
            .await;
        let deals: Vec<u64> = visited.stages.iter().map(|stage| stage.deals).collect();
        assert_eq!(deals, [0, 1, 0, 0], "only what began on that day");
        let other = target
            .figures(asked(5, "2024-01-01", "2024-01-31", Basis::Entered), now)
            .await;
        assert_eq!(other.stages[0].median, Some((10 * DAY - 2 * HOUR) * 60));
    }
}

#[tokio::test]
async fn rows_of_the_same_second_follow_their_ids() {
    let moves = [
        moved(12, 7, 3, "WON", 5),
        moved(11, 7, 3, "TALK", 5),
        moved(10, 7, 3, "NEW", 5),
    ];
    let now = begin() + TimeDelta::minutes(65);
    for target in targets(&moves, &list()).await {
        let figures = target
            .figures(asked(3, "2024-01-01", "2024-01-01", Basis::Entered), now)
            .await;
        let spent: Vec<Option<i64>> = figures.stages.iter().map(|stage| stage.median).collect();
        assert_eq!(spent, [Some(0), Some(0), Some(3600), None]);
    }
}

#[tokio::test]
async fn percentiles_are_by_nearest_rank() {
    // Ten deals that stay 1 to 10 hours.
    let moves: Vec<_> = (1..=10)
        .flat_map(|deal| {
            [
                moved(deal * 10, deal, 3, "NEW", 0),
                moved(deal * 10 + 1, deal, 3, "WON", deal * HOUR),
            ]
        })
        .collect();
    for target in targets(&moves, &list()).await {
        let figures = target
            .figures(
                asked(3, "2024-01-01", "2024-01-01", Basis::Entered),
                begin() + TimeDelta::days(1),
            )
            .await;
        assert_eq!(figures.stages[0].median, Some(5 * 3600));
        assert_eq!(figures.stages[0].p90, Some(9 * 3600));
    }
}

#[tokio::test]
async fn results_are_counted_once_a_deal_and_week_and_weeks_begin_on_monday() {
    let moves = [
        moved(1, 1, 3, "LOSE", 6 * DAY + 23 * HOUR),
        moved(2, 1, 3, "LOSE2", 6 * DAY + 23 * HOUR + 1),
        moved(3, 1, 3, "WON", 7 * DAY),
        moved(4, 2, 3, "WON", 8 * DAY),
        moved(5, 3, 5, "WON", 8 * DAY),
        moved(6, 4, 3, "WON", 30 * DAY),
    ];
    for target in targets(&moves, &list()).await {
        let figures = target
            .figures(asked(3, "2024-01-03", "2024-01-16", Basis::Entered), begin())
            .await;
        let week = |monday, won, lost| Week {
            monday: day(monday),
            won,
            lost,
        };
        assert_eq!(
            figures.weeks,
            [
                week("2024-01-01", 0, 1),
                week("2024-01-08", 2, 0),
                week("2024-01-15", 0, 0)
            ]
        );
        let moves: Vec<u64> = figures.days.iter().map(|day| day.moves).collect();
        assert_eq!(moves, [0, 0, 0, 0, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
    }
}

#[tokio::test]
async fn stages_come_in_their_order_also_those_that_only_the_history_knows() {
    let mut stages = list();
    stages.push(Stage {
        active: false,
        ..stage(3, "GONE", 15)
    });
    stages.push(Stage {
        active: false,
        ..stage(3, "UNUSED", 16)
    });
    // A code that was removed and made again has two rows.
    stages.push(Stage {
        active: false,
        name: "Старая".to_owned(),
        sort: 5,
        ..stage(3, "TALK", 5)
    });
    let moves = [
        moved(1, 1, 3, "GONE", 0),
        moved(2, 1, 3, "UNHEARD_OF", 1),
        moved(3, 1, 3, "LOSE_UNHEARD_OF", 2),
    ];
    for target in targets(&moves, &stages).await {
        let figures = target
            .figures(asked(3, "2024-01-01", "2024-01-01", Basis::Entered), begin())
            .await;
        let shown: Vec<(&str, Kind, bool)> = figures
            .stages
            .iter()
            .map(|stage| (stage.id.as_str(), stage.kind, stage.active))
            .collect();
        assert_eq!(
            shown,
            [
                ("NEW", Kind::InProgress, true),
                ("GONE", Kind::InProgress, false),
                ("TALK", Kind::InProgress, true),
                ("WON", Kind::Won, true),
                ("UNHEARD_OF", Kind::InProgress, false),
                ("LOSE", Kind::Lost, true),
                ("LOSE_UNHEARD_OF", Kind::Lost, false),
            ]
        );
        assert_eq!(figures.stages[2].name, "Стадия TALK");
        assert_eq!(figures.stages[4].name, "имя UNHEARD_OF", "the history's own name");
        assert_eq!(
            figures.stages[4].to_next, None,
            "what is lost comes after nothing"
        );
    }
}

#[tokio::test]
async fn pipelines_are_those_of_both_tables() {
    let moves = [
        moved(1, 1, 0, "NEW", 0),
        moved(2, 1, 3, "NEW", 90),
        moved(3, 2, 3, "NEW", 30),
    ];
    for target in targets(&moves, &list()).await {
        let found = crate::pipelines(target.store.as_ref(), &super::bench::tables())
            .await
            .unwrap();
        let ids: Vec<i32> = found.iter().map(|pipeline| pipeline.id).collect();
        assert_eq!(ids, [0, 3, 5]);
        assert_eq!(found[1].first, Some(begin() + TimeDelta::minutes(30)));
        assert_eq!(found[1].last, Some(begin() + TimeDelta::minutes(90)));
        assert_eq!((found[2].first, found[2].last), (None, None));
    }
}

#[tokio::test]
async fn tables_that_are_not_there_ask_for_a_migration() {
    let target = super::bench::sqlite();
    let error = crate::pipelines(target.store.as_ref(), &super::bench::tables())
        .await
        .unwrap_err();
    let crate::Error::Store(error) = error else {
        panic!("{error:?}")
    };
    assert_eq!(error.kind(), store::ErrorKind::Schema);
}
