//! Names and literals in T-SQL, for the statements that are put together here. All others are written by the dialect.

/// A name in brackets.
pub(crate) fn name(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

/// A table's name with its schema.
pub(crate) fn table(schema: &str, table: &str) -> String {
    format!("{}.{}", name(schema), name(table))
}

/// A Unicode literal. Only for our own constants and names: values are parameters.
pub(crate) fn literal(text: &str) -> String {
    format!("N'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_name_or_a_literal_is_doubled() {
        assert_eq!(table("d]bo", "a.b"), "[d]]bo].[a.b]");
        assert_eq!(literal("it's"), "N'it''s'");
    }
}
