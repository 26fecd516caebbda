//! CREATE TABLE and its kin.

use sea_query::{
    Check, ColumnDef, ColumnType, Expr, ExprTrait, ForeignKey, ForeignKeyAction, Index, IndexOrder, Table,
    TableCreateStatement,
};
use sea_query_mssql::{AlterTable, MssqlStatement, MssqlType, Rename};

fn stage() -> TableCreateStatement {
    Table::create()
        .table(("dbo", "STAGE"))
        .col(ColumnDef::new("ID").integer().auto_increment().primary_key())
        .col(ColumnDef::new("NAME").string_len(255).not_null())
        .col(ColumnDef::new("ACTIVE").boolean().not_null().default(true))
        .col(ColumnDef::new("MOVED").date_time())
        .to_owned()
}

/// The type of a column, as it is written.
fn type_of(column_type: ColumnType) -> String {
    let table = Table::create()
        .table("t")
        .col(ColumnDef::new_with_type("c", column_type))
        .to_owned();
    let sql = crate::check::accepted(&table, &[]);
    sql.trim_start_matches("CREATE TABLE [t] ([c] ")
        .trim_end_matches(" NULL)")
        .to_owned()
}

#[test]
fn create_table_says_null_or_not_null_always() {
    check!(stage(), @"CREATE TABLE [dbo].[STAGE] ([ID] int IDENTITY(1,1) NOT NULL PRIMARY KEY, [NAME] nvarchar(255) NOT NULL, [ACTIVE] bit NOT NULL DEFAULT 1, [MOVED] datetime2(7) NULL)");
}

#[test]
fn create_table_unless_it_exists_asks_first() {
    check!(stage().if_not_exists().to_owned(), @"IF OBJECT_ID(N'[dbo].[STAGE]', N'U') IS NULL CREATE TABLE [dbo].[STAGE] ([ID] int IDENTITY(1,1) NOT NULL PRIMARY KEY, [NAME] nvarchar(255) NOT NULL, [ACTIVE] bit NOT NULL DEFAULT 1, [MOVED] datetime2(7) NULL)");
    check!(
        Table::create().table("#o'ne").if_not_exists().col(ColumnDef::new("a").integer()).to_owned(),
        @"IF OBJECT_ID(N'tempdb..[#o''ne]', N'U') IS NULL CREATE TABLE [#o'ne] ([a] int NULL)"
    );
}

#[test]
fn constraints_of_columns() {
    let table = Table::create()
        .table("t")
        .col(
            ColumnDef::new("a")
                .integer()
                .not_null()
                .unique_key()
                .check(Expr::col("a").gt(0)),
        )
        .col(ColumnDef::new("b").string_len(1).null().default("N"))
        .col(
            ColumnDef::new("c")
                .date_time()
                .not_null()
                .default(Expr::current_timestamp()),
        )
        .col(
            ColumnDef::new("d")
                .integer()
                .default(-1)
                .check(Check::named("ck_d", Expr::col("d").is_in([-1, 1]))),
        )
        .col(
            ColumnDef::new("e")
                .custom("uniqueidentifier")
                .default(Expr::cust("NEWID()")),
        )
        .col(
            ColumnDef::new("f")
                .custom("nvarchar(9) COLLATE Latin1_General_BIN2")
                .extra("CONSTRAINT uq_f UNIQUE"),
        )
        .to_owned();
    check!(table, @"CREATE TABLE [t] ([a] int NOT NULL UNIQUE CHECK ([a] > 0), [b] nvarchar(1) NULL DEFAULT N'N', [c] datetime2(7) NOT NULL DEFAULT (SYSDATETIME()), [d] int NULL DEFAULT -1 CONSTRAINT [ck_d] CHECK ([d] IN (-1, 1)), [e] uniqueidentifier NULL DEFAULT (NEWID()), [f] nvarchar(9) COLLATE Latin1_General_BIN2 NULL CONSTRAINT uq_f UNIQUE)");
}

#[test]
fn computed_columns() {
    let table = Table::create()
        .table("t")
        .col(ColumnDef::new("a").integer().not_null())
        .col(
            ColumnDef::new("b")
                .big_integer()
                .generated(Expr::col("a").mul(2), true)
                .not_null(),
        )
        .to_owned();
    check!(table, gap("[b] AS (" => "[b] bigint DEFAULT ("), gap(" PERSISTED" => ""), @"CREATE TABLE [t] ([a] int NOT NULL, [b] AS (CAST([a] * 2 AS bigint)) PERSISTED NOT NULL)");
    let untyped = Table::create()
        .table("t")
        .col(ColumnDef::new("a").integer())
        .col(ColumnDef::new("c").generated(Expr::col("a").mul(2), false))
        .to_owned();
    check!(untyped, gap("[c] AS (" => "[c] int DEFAULT ("), @"CREATE TABLE [t] ([a] int NULL, [c] AS ([a] * 2))");
}

#[test]
fn constraints_of_the_table() {
    let table = Table::create()
        .table("t")
        .col(ColumnDef::new("a").integer().not_null())
        .col(ColumnDef::new("b").integer().not_null())
        .primary_key(Index::create().name("pk_t").col("a").col(("b", IndexOrder::Desc)))
        .index(Index::create().unique().name("uq_t").col("b"))
        .foreign_key(
            ForeignKey::create()
                .name("fk_t")
                .from("t", "b")
                .to(("dbo", "u"), "id")
                .on_delete(ForeignKeyAction::Cascade)
                .on_update(ForeignKeyAction::NoAction),
        )
        .check(Check::named("ck_t", Expr::col("a").lt(Expr::col("b"))))
        .to_owned();
    check!(table, @"CREATE TABLE [t] ([a] int NOT NULL, [b] int NOT NULL, CONSTRAINT [pk_t] PRIMARY KEY ([a], [b] DESC), CONSTRAINT [uq_t] UNIQUE ([b]), CONSTRAINT [fk_t] FOREIGN KEY ([b]) REFERENCES [dbo].[u] ([id]) ON DELETE CASCADE ON UPDATE NO ACTION, CONSTRAINT [ck_t] CHECK ([a] < [b]))");
}

#[test]
fn keys_without_a_name_and_plain_indexes() {
    let table = Table::create()
        .table("t")
        .col(ColumnDef::new("a").integer().not_null())
        .col(ColumnDef::new("b").integer())
        .primary_key(Index::create().col("a"))
        .index(Index::create().name("ix_b").col("b").col("a"))
        .extra("WITH (DATA_COMPRESSION = PAGE)")
        .to_owned();
    check!(table, @"CREATE TABLE [t] ([a] int NOT NULL, [b] int NULL, PRIMARY KEY ([a]), INDEX [ix_b] ([b], [a])) WITH (DATA_COMPRESSION = PAGE)");
}

#[test]
fn types() {
    let written = [
        ("char(9)", ColumnType::Char(Some(9))),
        ("string", ColumnType::string(None)),
        ("string(255)", ColumnType::string(Some(255))),
        ("text", ColumnType::Text),
        ("tiny", ColumnType::TinyInteger),
        ("small", ColumnType::SmallInteger),
        ("integer", ColumnType::Integer),
        ("big", ColumnType::BigInteger),
        ("tiny unsigned", ColumnType::TinyUnsigned),
        ("small unsigned", ColumnType::SmallUnsigned),
        ("unsigned", ColumnType::Unsigned),
        ("big unsigned", ColumnType::BigUnsigned),
        ("float", ColumnType::Float),
        ("double", ColumnType::Double),
        ("decimal", ColumnType::Decimal(Some((19, 4)))),
        ("money", ColumnType::Money(None)),
        ("money(10, 2)", ColumnType::Money(Some((10, 2)))),
        ("date_time", ColumnType::DateTime),
        ("timestamp", ColumnType::Timestamp),
        ("with zone", ColumnType::TimestampWithTimeZone),
        ("time", ColumnType::Time),
        ("date", ColumnType::Date),
        ("binary", ColumnType::Binary(16)),
        ("var_binary", ColumnType::var_binary(100)),
        ("blob", ColumnType::Blob),
        ("boolean", ColumnType::Boolean),
        ("bit", ColumnType::Bit(None)),
        ("uuid", ColumnType::Uuid),
        ("json", ColumnType::Json),
        (
            "datetime2(3)",
            MssqlType::DateTime2(3).into_column_type().unwrap(),
        ),
        (
            "datetimeoffset(0)",
            MssqlType::DateTimeOffset(0).into_column_type().unwrap(),
        ),
        ("time(0)", MssqlType::Time(0).into_column_type().unwrap()),
        ("datetime", MssqlType::DateTime.into_column_type().unwrap()),
        ("varchar(50)", MssqlType::VarChar(50).into_column_type().unwrap()),
        ("varchar(max)", MssqlType::VarCharMax.into_column_type().unwrap()),
        ("char(2)", MssqlType::Char(2).into_column_type().unwrap()),
    ]
    .map(|(name, column_type)| format!("{name}: {}", type_of(column_type)))
    .join("\n");
    insta::assert_snapshot!(written, @r#"
char(9): nchar(9)
string: nvarchar(max)
string(255): nvarchar(255)
text: nvarchar(max)
tiny: smallint
small: smallint
integer: int
big: bigint
tiny unsigned: tinyint
small unsigned: int
unsigned: bigint
big unsigned: decimal(20, 0)
float: real
double: float
decimal: decimal(19, 4)
money: money
money(10, 2): decimal(10, 2)
date_time: datetime2(7)
timestamp: datetime2(7)
with zone: datetimeoffset(7)
time: time(7)
date: date
binary: binary(16)
var_binary: varbinary(100)
blob: varbinary(max)
boolean: bit
bit: bit
uuid: uniqueidentifier
json: nvarchar(max)
datetime2(3): datetime2(3)
datetimeoffset(0): datetimeoffset(0)
time(0): time(0)
datetime: datetime
varchar(50): varchar(50)
varchar(max): varchar(max)
char(2): char(2)
"#);
}

#[test]
fn alter_table_adds() {
    let column = || ColumnDef::new("SORT").integer().not_null().default(0).to_owned();
    check!(AlterTable::add_column("STAGE", column()), @"ALTER TABLE [STAGE] ADD [SORT] int NOT NULL DEFAULT 0");
    check!(AlterTable::add_column_if_not_exists(("dbo", "STAGE"), column()), @"IF COL_LENGTH(N'[dbo].[STAGE]', N'SORT') IS NULL ALTER TABLE [dbo].[STAGE] ADD [SORT] int NOT NULL DEFAULT 0");
    check!(AlterTable::add_default("STAGE", "SORT", 5), gap("DEFAULT 5 FOR [SORT]" => "CHECK ([SORT] = 5)"), @"ALTER TABLE [STAGE] ADD DEFAULT 5 FOR [SORT]");
    check!(AlterTable::add_default("STAGE", "MOVED", Expr::current_timestamp()).named("DF_MOVED"), gap("DEFAULT (SYSDATETIME()) FOR [MOVED]" => "CHECK ([MOVED] = SYSDATETIME())"), @"ALTER TABLE [STAGE] ADD CONSTRAINT [DF_MOVED] DEFAULT (SYSDATETIME()) FOR [MOVED]");
    check!(AlterTable::add_primary_key("STAGE", "PK_STAGE", ["ID"]), @"ALTER TABLE [STAGE] ADD CONSTRAINT [PK_STAGE] PRIMARY KEY ([ID])");
    check!(AlterTable::add_unique("STAGE", "UQ_STAGE", ["A", "B"]), @"ALTER TABLE [STAGE] ADD CONSTRAINT [UQ_STAGE] UNIQUE ([A], [B])");
    check!(AlterTable::add_check("STAGE", Check::named("CK", Expr::col("SORT").gte(0))), @"ALTER TABLE [STAGE] ADD CONSTRAINT [CK] CHECK ([SORT] >= 0)");
}

#[test]
fn alter_table_changes_and_drops() {
    check!(AlterTable::alter_column("STAGE", ColumnDef::new("NAME").string_len(400).null()), gap("nvarchar(400) NULL" => "SET DATA TYPE nvarchar(400)"), @"ALTER TABLE [STAGE] ALTER COLUMN [NAME] nvarchar(400) NULL");
    check!(AlterTable::drop_column("STAGE", "NAME"), @"ALTER TABLE [STAGE] DROP COLUMN [NAME]");
    check!(AlterTable::drop_column_if_exists("STAGE", "NAME"), @"ALTER TABLE [STAGE] DROP COLUMN IF EXISTS [NAME]");
    check!(AlterTable::drop_constraint("STAGE", "PK"), @"ALTER TABLE [STAGE] DROP CONSTRAINT [PK]");
    check!(AlterTable::drop_constraint_if_exists("STAGE", "PK"), @"ALTER TABLE [STAGE] DROP CONSTRAINT IF EXISTS [PK]");
}

#[test]
fn foreign_keys() {
    let key = ForeignKey::create()
        .name("FK")
        .from("a", ("x", "y"))
        .to("b", ("p", "q"))
        .on_delete(ForeignKeyAction::SetNull)
        .on_update(ForeignKeyAction::SetDefault)
        .to_owned();
    check!(key, @"ALTER TABLE [a] ADD CONSTRAINT [FK] FOREIGN KEY ([x], [y]) REFERENCES [b] ([p], [q]) ON DELETE SET NULL ON UPDATE SET DEFAULT");
    check!(AlterTable::add_foreign_key("c", key.get_foreign_key()), @"ALTER TABLE [c] ADD CONSTRAINT [FK] FOREIGN KEY ([x], [y]) REFERENCES [b] ([p], [q]) ON DELETE SET NULL ON UPDATE SET DEFAULT");
}

#[test]
fn drop_and_truncate() {
    check!(Table::drop().table(("dbo", "a")).table("b").to_owned(), @"DROP TABLE [dbo].[a], [b]");
    check!(Table::drop().table("a").if_exists().to_owned(), @"DROP TABLE IF EXISTS [a]");
    check!(Table::truncate().table(("dbo", "a")).to_owned(), @"TRUNCATE TABLE [dbo].[a]");
}

#[test]
fn renaming_passes_the_new_name_as_it_is() {
    check!(Rename::table(("dbo", "it's"), "ne]w"), @"EXEC sp_rename N'[dbo].[it''s]', N'ne]w', N'OBJECT'");
    check!(Rename::column("t", "a", "b"), @"EXEC sp_rename N'[t].[a]', N'b', N'COLUMN'");
    check!(Rename::index("t", "ix", "ix2"), @"EXEC sp_rename N'[t].[ix]', N'ix2', N'INDEX'");
}

#[test]
fn ddl_has_no_parameters() {
    let (_, values) = stage().build_mssql().unwrap();
    assert!(values.0.is_empty());
}
