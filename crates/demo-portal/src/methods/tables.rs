//! The portal's rows as the methods show them: names and kinds of fields, what may be seen, what is indexed.

use crate::model::{Data, Date, Deal, Row, Semantics, Status, View};
use crate::query::{Condition, Field, Kind, Names, Operand, Operator, Table, Value};

macro_rules! fields {
    ($key:ident: $($variant:ident $name:literal $kind:ident),+ $(,)?) => {
        &[$(Field { key: $key::$variant, name: $name, kind: Kind::$kind }),+]
    };
}

/// A field of the stage history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HistoryKey {
    Id,
    Type,
    Owner,
    Created,
    Category,
    Semantic,
    Stage,
}

const HISTORY: &[Field<HistoryKey>] = fields![HistoryKey:
    Id "ID" Integer,
    Type "TYPE_ID" Integer,
    Owner "OWNER_ID" Integer,
    Created "CREATED_TIME" Moment,
    Category "CATEGORY_ID" Integer,
    Semantic "STAGE_SEMANTIC_ID" Text,
    Stage "STAGE_ID" Text,
];

/// The stage history of deals.
#[derive(Debug, Clone, Copy)]
pub(crate) struct History<'a>(pub(crate) View<'a>);

impl<'a> Table<'a> for History<'a> {
    type Key = HistoryKey;
    type Row = Row;
    const ID: HistoryKey = HistoryKey::Id;
    const NAMES: Names = Names::ExactOrUnknown;

    fn fields(self) -> &'static [Field<HistoryKey>] {
        HISTORY
    }

    fn rows(self) -> &'a [Row] {
        &self.0.data.rows
    }

    fn id(row: &Row) -> u32 {
        row.id
    }

    fn visible(self, row: &Row) -> bool {
        self.0.sees_row(row)
    }

    fn value(self, row: &'a Row, key: HistoryKey) -> Value<'a> {
        match key {
            HistoryKey::Id => Value::Integer(row.id.into()),
            HistoryKey::Type => Value::Integer(row.kind as i64),
            HistoryKey::Owner => Value::Integer(row.owner.into()),
            HistoryKey::Created => Value::Moment(row.moment),
            HistoryKey::Category => Value::Integer(row.pipeline.into()),
            HistoryKey::Semantic => Value::Text(row.semantics.letter()),
            HistoryKey::Stage => Value::Text(self.0.data.code(row.stage)),
        }
    }

    fn index(self, condition: &Condition<HistoryKey>) -> Option<Vec<usize>> {
        if condition.key != HistoryKey::Owner || condition.operator != Operator::In {
            return None;
        }
        let data: &Data = self.0.data;
        let owners = condition.operands.iter().filter_map(|operand| match operand {
            Operand::Number(id) => data.deal(u32::try_from(*id).ok()?),
            _ => None,
        });
        Some(
            owners
                .flat_map(|deal| &deal.rows)
                .filter_map(|id| data.row_at(*id))
                .collect(),
        )
    }
}

/// A field of a deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DealKey {
    Id,
    Title,
    Type,
    Stage,
    Semantic,
    Category,
    Opportunity,
    Currency,
    ManualOpportunity,
    AssignedBy,
    CreatedBy,
    UpdatedBy,
    MovedBy,
    CreatedTime,
    UpdatedTime,
    MovedTime,
    BeginDate,
    CloseDate,
    Opened,
    Closed,
    Comments,
    Company,
    Contact,
    Source,
    EntityType,
}

const ITEM: &[Field<DealKey>] = fields![DealKey:
    Id "id" Integer,
    Title "title" Text,
    Type "typeId" Text,
    Stage "stageId" Text,
    Semantic "stageSemanticId" Text,
    Category "categoryId" Integer,
    Opportunity "opportunity" Integer,
    Currency "currencyId" Text,
    ManualOpportunity "isManualOpportunity" Text,
    AssignedBy "assignedById" Integer,
    CreatedBy "createdBy" Integer,
    UpdatedBy "updatedBy" Integer,
    MovedBy "movedBy" Integer,
    CreatedTime "createdTime" Moment,
    UpdatedTime "updatedTime" Moment,
    MovedTime "movedTime" Moment,
    BeginDate "begindate" Day,
    CloseDate "closedate" Day,
    Opened "opened" Text,
    Closed "closed" Text,
    Comments "comments" Text,
    Company "companyId" Integer,
    Contact "contactId" Integer,
    Source "sourceId" Text,
    EntityType "entityTypeId" Integer,
];

const DEAL: &[Field<DealKey>] = fields![DealKey:
    Id "ID" Integer,
    Title "TITLE" Text,
    Type "TYPE_ID" Text,
    Stage "STAGE_ID" Text,
    Semantic "STAGE_SEMANTIC_ID" Text,
    Category "CATEGORY_ID" Integer,
    Opportunity "OPPORTUNITY" Integer,
    Currency "CURRENCY_ID" Text,
    ManualOpportunity "IS_MANUAL_OPPORTUNITY" Text,
    AssignedBy "ASSIGNED_BY_ID" Integer,
    CreatedBy "CREATED_BY_ID" Integer,
    UpdatedBy "MODIFY_BY_ID" Integer,
    MovedBy "MOVED_BY_ID" Integer,
    CreatedTime "DATE_CREATE" Moment,
    UpdatedTime "DATE_MODIFY" Moment,
    MovedTime "MOVED_TIME" Moment,
    BeginDate "BEGINDATE" Day,
    CloseDate "CLOSEDATE" Day,
    Opened "OPENED" Text,
    Closed "CLOSED" Text,
    Comments "COMMENTS" Text,
    Company "COMPANY_ID" Integer,
    Contact "CONTACT_ID" Integer,
    Source "SOURCE_ID" Text,
];

fn deal_value<'a>(data: &'a Data, deal: &'a Deal, key: DealKey) -> Value<'a> {
    let flag = |set: bool| Value::Text(if set { "Y" } else { "N" });
    match key {
        DealKey::Id => Value::Integer(deal.id.into()),
        DealKey::Title => Value::Text(&deal.title),
        DealKey::Type => Value::Text("SALE"),
        DealKey::Stage => Value::Text(data.code(deal.stage)),
        DealKey::Semantic => Value::Text(deal.semantics.letter()),
        DealKey::Category => Value::Integer(deal.pipeline.into()),
        DealKey::Opportunity => Value::Money(i64::from(deal.id % 97) * 500),
        DealKey::Currency => Value::Text("EUR"),
        DealKey::ManualOpportunity | DealKey::Opened => flag(true),
        DealKey::AssignedBy => Value::Integer(deal.assigned.into()),
        DealKey::CreatedBy => Value::Integer(deal.creator.into()),
        DealKey::UpdatedBy | DealKey::MovedBy => Value::Integer(deal.mover.into()),
        DealKey::CreatedTime => Value::Moment(deal.created),
        DealKey::UpdatedTime => Value::Moment(deal.updated),
        DealKey::MovedTime => Value::Moment(deal.moved),
        DealKey::BeginDate => date(deal.begin),
        DealKey::CloseDate => date(deal.close),
        DealKey::Closed => flag(deal.semantics.is_final()),
        DealKey::Comments | DealKey::Company | DealKey::Contact => Value::Null,
        DealKey::Source => Value::Text("WEB"),
        DealKey::EntityType => Value::Integer(2),
    }
}

fn date(date: Date) -> Value<'static> {
    match date {
        Date::Null => Value::Null,
        Date::Empty => Value::Empty,
        Date::Day(day) => Value::Day(day),
    }
}

macro_rules! deals {
    ($(#[$docs:meta])* $name:ident, $fields:ident, $names:ident) => {
        $(#[$docs])*
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct $name<'a>(pub(crate) View<'a>);

        impl<'a> Table<'a> for $name<'a> {
            type Key = DealKey;
            type Row = Deal;
            const ID: DealKey = DealKey::Id;
            const NAMES: Names = Names::$names;

            fn fields(self) -> &'static [Field<DealKey>] {
                $fields
            }

            fn rows(self) -> &'a [Deal] {
                &self.0.data.deals
            }

            fn id(row: &Deal) -> u32 {
                row.id
            }

            fn visible(self, row: &Deal) -> bool {
                self.0.sees_deal(row)
            }

            fn value(self, row: &'a Deal, key: DealKey) -> Value<'a> {
                deal_value(self.0.data, row, key)
            }
        }
    };
}

deals!(
    /// Deals as `crm.item` shows them.
    Items, ITEM, AnyCaseOrRefused
);
deals!(
    /// Deals as `crm.deal` shows them.
    Deals, DEAL, ExactOrIgnored
);

/// A field of the directory of statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatusKey {
    Id,
    Entity,
    Status,
    Name,
    NameInit,
    Sort,
    System,
    Category,
    Color,
    Semantics,
    Extra,
}

const STATUS: &[Field<StatusKey>] = fields![StatusKey:
    Id "ID" Integer,
    Entity "ENTITY_ID" Text,
    Status "STATUS_ID" Text,
    Name "NAME" Text,
    NameInit "NAME_INIT" Text,
    Sort "SORT" Integer,
    System "SYSTEM" Text,
    Category "CATEGORY_ID" Integer,
    Color "COLOR" Text,
    Semantics "SEMANTICS" Text,
    Extra "EXTRA" Text,
];

/// The directory of statuses, which holds the stages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Statuses<'a>(pub(crate) View<'a>);

impl<'a> Table<'a> for Statuses<'a> {
    type Key = StatusKey;
    type Row = Status;
    const ID: StatusKey = StatusKey::Id;
    const NAMES: Names = Names::ExactOrIgnored;

    fn fields(self) -> &'static [Field<StatusKey>] {
        STATUS
    }

    fn rows(self) -> &'a [Status] {
        &self.0.data.statuses
    }

    fn id(row: &Status) -> u32 {
        row.id
    }

    fn visible(self, row: &Status) -> bool {
        self.0.sees_status(row)
    }

    fn value(self, row: &'a Status, key: StatusKey) -> Value<'a> {
        match key {
            StatusKey::Id => Value::Integer(row.id.into()),
            StatusKey::Entity => Value::Text(&row.entity),
            StatusKey::Status => Value::Text(self.0.data.code(row.code)),
            StatusKey::Name => Value::Text(&row.name),
            StatusKey::NameInit => Value::Text(&row.name_init),
            StatusKey::Sort => Value::Integer(row.sort),
            StatusKey::System => Value::Text(if row.system { "Y" } else { "N" }),
            // The default pipeline's stages carry no pipeline at all.
            StatusKey::Category => row
                .pipeline
                .filter(|id| *id != 0)
                .map_or(Value::Null, |id| Value::Integer(id.into())),
            StatusKey::Color if row.color.is_empty() => Value::Null,
            StatusKey::Color => Value::Text(row.color),
            StatusKey::Semantics => match (row.semantics, row.pipeline) {
                // Both ways of saying "in progress" are real.
                (Semantics::InProgress, Some(3)) => Value::Empty,
                (Semantics::InProgress, _) => Value::Null,
                (semantics, _) => Value::Text(semantics.letter()),
            },
            StatusKey::Extra => extra(row),
        }
    }
}

fn extra(row: &Status) -> Value<'static> {
    match (row.pipeline, row.semantics, row.system) {
        (None, ..) => Value::Json("[]"),
        (_, Semantics::InProgress, _) => Value::Json(r#"{"SEMANTICS":"process"}"#),
        (_, Semantics::Won, _) => Value::Json(r#"{"SEMANTICS":"success"}"#),
        (_, Semantics::Lost, true) => Value::Json(r#"{"SEMANTICS":"failure"}"#),
        (_, Semantics::Lost, false) => Value::Json(r#"{"SEMANTICS":"apology"}"#),
    }
}
