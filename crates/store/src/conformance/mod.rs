//! The tests that every store must pass, whatever its database.
//!
//! A store's own test suite names a function that makes a fresh [`Subject`], and gets one test for each case:
//!
//! ```text
//! mod in_a_file {
//!     async fn fresh(case: &str) -> store::conformance::Subject { /* a database, or a prefix of its own */ }
//!     store::conformance_tests!(crate::in_a_file::fresh);
//! }
//! ```
//!
//! The function may also give `Option<Subject>`: `None` when the server to test against was not asked for.
//!
//! The suite reaches around the store in a few places, through a [`Backdoor`]: to read the times that the store sets, and to put
//! rows into a table that a store would never write. Its SQL there is plain: unquoted names, ASCII literals, one statement.

#![allow(clippy::unwrap_used, reason = "a test suite fails by panicking")]

pub mod concurrency;
pub mod reading;
pub mod schema;
pub mod support;
pub mod upserts;
pub mod values;
pub mod views;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDateTime;

use crate::Store;

/// A way past the store to its database. Failures are panics.
#[async_trait]
pub trait Backdoor: Send + Sync {
    /// Runs one statement of plain SQL and commits it.
    async fn execute(&self, sql: &str);

    /// The one value that a query of plain SQL gives, a date with a time; `None` when it is null.
    async fn date_time(&self, sql: &str) -> Option<NaiveDateTime>;
}

/// A store to test.
#[derive(Clone)]
pub struct Subject {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The way past it.
    pub backdoor: Arc<dyn Backdoor>,
    /// What the names of the tables begin with: ASCII letters, digits and underscores, at most 40 of them, and no other test uses
    /// the same in this database at any time.
    pub prefix: String,
}

/// Makes one `#[tokio::test]` for each case of the suite, in a module for each group. The argument is the path, from `crate`, of
/// an `async fn(case: &str) -> Subject` or `-> Option<Subject>` (or a plain one that returns such a future). The calling crate needs tokio.
#[macro_export]
macro_rules! conformance_tests {
    ($make:path) => {
        $crate::conformance_tests! { @groups $make;
            schema {
                a_table_that_is_not_there_is_made_whole
                applying_a_plan_again_does_nothing
                two_runners_that_migrate_at_once_make_one_table
                a_column_that_is_missing_is_added_and_filled_by_the_next_write
                an_index_that_is_missing_is_added
                a_table_that_is_missing_is_an_error_that_asks_for_a_migration
                duplicates_are_told_before_and_merged_only_on_demand
                a_table_that_is_not_there_has_no_duplicates
                it_tells_its_version_and_its_name
            }
            upserts {
                new_rows_are_inserted_and_stamped
                only_rows_that_differ_are_changed_and_stamped
                of_two_rows_with_one_key_the_later_one_counts
                no_rows_are_no_work
                what_is_known_better_is_kept
                writing_is_merging
                twenty_thousand_rows_are_one_step
            }
            values {
                texts_that_differ_in_anything_are_changes
                every_text_comes_back_as_it_was
                the_longest_text_fits
                times_keep_their_microseconds_and_dates_their_limits
                numbers_keep_their_limits
                null_is_a_value_of_its_own_in_every_column
                a_null_of_a_row_that_ranks_lowest_wipes_no_value
                a_text_of_any_characters_survives
            }
            reading {
                keys_without_a_row_are_left_out_and_the_others_are_in_order
                ten_thousand_keys_are_read_at_once
                rows_that_are_as_they_were_written_are_verified_and_others_told
                what_a_rule_has_kept_is_right_only_where_a_row_was_there_before
                a_table_is_walked_page_by_page
                the_highest_row_is_found_however_far_apart_keys_are
                rows_are_counted
                deactivating_touches_only_what_is_active
                a_row_that_is_written_again_is_active_again
                thousands_of_rows_are_deactivated_at_once
                a_table_without_a_flag_cannot_be_deactivated
            }
            views {
                a_view_is_made_and_shows_what_it_asks
                a_view_that_is_there_is_left_alone
                a_view_is_made_anew_when_its_definition_changed
                a_table_in_the_way_is_named_and_left_alone
                a_view_of_somebody_else_is_left_alone
                two_runners_that_make_a_view_at_once_make_one
                a_question_is_answered_in_the_types_of_its_columns
                windows_see_the_rows_around_a_row
                times_are_reckoned_alike_everywhere
                a_question_about_a_missing_table_asks_for_a_migration
                text_of_any_characters_survives_in_a_question
            }
            concurrency {
                writers_of_the_same_keys_leave_one_row_for_each
                a_reader_sees_none_or_all_of_a_step
                a_call_that_is_dropped_midway_leaves_the_store_usable
                a_migration_that_is_dropped_midway_can_be_made_again
            }
        }
    };
    (@groups $make:path; $($group:ident { $($case:ident)* })*) => {
        $(mod $group {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let subject: Option<$crate::conformance::Subject> = $make(stringify!($case)).await.into();
                    if let Some(subject) = subject {
                        $crate::conformance::$group::$case(subject).await;
                    }
                }
            )*
        })*
    };
}
