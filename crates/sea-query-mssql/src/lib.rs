//! sea-query-mssql
