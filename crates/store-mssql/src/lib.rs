//! store-mssql
