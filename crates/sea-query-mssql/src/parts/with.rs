//! The parts of a WITH clause.

use sea_query::{
    CommonTableExpression, Cycle, DynIden, QueryBuilder, Search, SqlWriter, SubQueryStatement, Values,
    WithClause, WithQuery,
};

use super::{Part, Recorded, Recorder, debug_ends_with, keep_hooks, required_hooks};

/// A WITH clause, taken apart.
#[derive(Debug)]
pub(crate) struct WithParts {
    pub(crate) ctes: Vec<CommonTableExpression>,
    /// Has it a SEARCH or CYCLE clause?
    pub(crate) search_or_cycle: bool,
}

/// A common table expression, taken apart.
#[derive(Debug)]
pub(crate) struct CteParts {
    pub(crate) name: Option<DynIden>,
    pub(crate) columns: Vec<DynIden>,
    pub(crate) body: CteBody,
    /// Is it marked MATERIALIZED or NOT MATERIALIZED?
    pub(crate) materialization: bool,
}

/// What a common table expression stands for.
#[derive(Debug)]
pub(crate) enum CteBody {
    Rows(Vec<Values>),
    Statement(Box<SubQueryStatement>),
}

/// A statement with a WITH clause before it, taken apart.
#[derive(Debug, Default)]
pub(crate) struct WithQueryParts {
    pub(crate) with: Option<WithClause>,
    pub(crate) statement: Option<SubQueryStatement>,
}

enum With {}

impl QueryBuilder for Recorder<With> {
    required_hooks!();

    keep_hooks! {
        prepare_with_clause(WithClause) => With;
        prepare_with_query_clause_common_table(CommonTableExpression) => Cte;
    }
}

enum Cte {}

impl QueryBuilder for Recorder<Cte> {
    required_hooks!();

    fn prepare_values_rows(&self, rows: &[Values], sql: &mut impl SqlWriter) {
        self.keep(Part::Rows(rows.to_vec()), sql);
    }
}

impl WithParts {
    pub(crate) fn of(with: &WithClause) -> Self {
        // sea-query panics on a WITH clause without tables. It is one if, all else set alike, it equals an empty one.
        if fully_set(with.clone()) == fully_set(WithClause::new()) {
            return Self {
                ctes: Vec::new(),
                search_or_cycle: false,
            };
        }
        let recording = Recorder::<With>::record(|recorder, trace| {
            recorder.prepare_with_clause_common_tables(with, trace)
        });
        let ctes: Vec<_> = recording
            .parts
            .into_iter()
            .filter_map(|Recorded { part, .. }| {
                if let Part::Cte(cte) = part {
                    Some(cte)
                } else {
                    None
                }
            })
            .collect();
        let mut plain = WithClause::new();
        for cte in &ctes {
            plain.cte(cte.clone());
        }
        let search_or_cycle = plain != *with && *plain.recursive(true) != *with;
        Self {
            ctes,
            search_or_cycle,
        }
    }
}

fn fully_set(mut with: WithClause) -> WithClause {
    with.recursive(true).search(Search::new()).cycle(Cycle::new());
    with
}

impl CteParts {
    pub(crate) fn of(cte: &CommonTableExpression) -> Self {
        let mut named = cte.clone();
        // sea-query unwraps the name. Its absence shows in nothing but the derived Debug text.
        let unnamed = format!("{cte:?}").starts_with("CommonTableExpression { table_name: None");
        if unnamed {
            named.table_name("unnamed");
        }
        let recording = Recorder::<Cte>::record(|recorder, trace| {
            recorder.prepare_with_query_clause_common_table(&named, trace);
        });
        let mut names = Vec::new();
        let mut body = CteBody::Rows(Vec::new());
        for Recorded { part, .. } in recording.parts {
            match part {
                Part::Iden(name) => names.push(name),
                Part::Rows(rows) => body = CteBody::Rows(rows),
                Part::Statement(statement) => body = CteBody::Statement(Box::new(statement)),
                _ => {}
            }
        }
        let mut names = names.into_iter();
        let name = names.next().filter(|_| !unnamed);
        Self {
            name,
            columns: names.collect(),
            body,
            materialization: recording.text.contains("MATERIALIZED"),
        }
    }
}

impl WithQueryParts {
    pub(crate) fn of(query: &WithQuery) -> Self {
        // sea-query unwraps the statement. Its absence shows in nothing but the derived Debug text.
        if debug_ends_with(query, "query: None }") {
            return Self::default();
        }
        let recording = Recorder::<With>::record(|recorder, trace| recorder.prepare_with_query(query, trace));
        let mut parts = Self::default();
        for Recorded { part, .. } in recording.parts {
            match part {
                Part::With(with) => parts.with = Some(with),
                Part::Statement(statement) => parts.statement = Some(statement),
                _ => {}
            }
        }
        parts
    }
}
