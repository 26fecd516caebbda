//! mssql-testkit
