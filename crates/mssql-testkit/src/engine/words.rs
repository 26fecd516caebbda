//! Words of T-SQL: which start a statement, and which are reserved.

use sqlparser::keywords::Keyword;

/// Whether a word starts a statement, so that it cannot go on with the one before.
pub(super) fn starts_statement(word: &str) -> bool {
    matches!(
        word,
        "SELECT"
            | "WITH"
            | "INSERT"
            | "UPDATE"
            | "DELETE"
            | "BEGIN"
            | "IF"
            | "WHILE"
            | "BREAK"
            | "CONTINUE"
            | "RETURN"
            | "DECLARE"
            | "SET"
            | "PRINT"
            | "RAISERROR"
            | "THROW"
            | "COMMIT"
            | "ROLLBACK"
            | "SAVE"
            | "USE"
            | "WAITFOR"
            | "EXEC"
            | "EXECUTE"
            | "TRUNCATE"
            | "CREATE"
            | "ALTER"
            | "DROP"
            | "MERGE"
            | "END"
            | "ELSE"
    )
}

/// Words T-SQL reserves, as far as they matter here: they need quoting as a name.
pub(super) fn is_reserved(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::ADD
            | Keyword::ALL
            | Keyword::ALTER
            | Keyword::AND
            | Keyword::AS
            | Keyword::ASC
            | Keyword::BEGIN
            | Keyword::BETWEEN
            | Keyword::BY
            | Keyword::CASE
            | Keyword::CHECK
            | Keyword::COLUMN
            | Keyword::COMMIT
            | Keyword::CONSTRAINT
            | Keyword::CREATE
            | Keyword::CROSS
            | Keyword::CURRENT
            | Keyword::DATABASE
            | Keyword::DECLARE
            | Keyword::DEFAULT
            | Keyword::DELETE
            | Keyword::DESC
            | Keyword::DISTINCT
            | Keyword::DROP
            | Keyword::ELSE
            | Keyword::END
            | Keyword::EXCEPT
            | Keyword::EXEC
            | Keyword::EXISTS
            | Keyword::FETCH
            | Keyword::FOR
            | Keyword::FOREIGN
            | Keyword::FROM
            | Keyword::FULL
            | Keyword::FUNCTION
            | Keyword::GRANT
            | Keyword::GROUP
            | Keyword::HAVING
            | Keyword::IDENTITY
            | Keyword::IF
            | Keyword::IN
            | Keyword::INDEX
            | Keyword::INNER
            | Keyword::INSERT
            | Keyword::INTERSECT
            | Keyword::INTO
            | Keyword::IS
            | Keyword::JOIN
            | Keyword::KEY
            | Keyword::LEFT
            | Keyword::LIKE
            | Keyword::MERGE
            | Keyword::NOT
            | Keyword::NULL
            | Keyword::OF
            | Keyword::ON
            | Keyword::OPEN
            | Keyword::OR
            | Keyword::ORDER
            | Keyword::OUTER
            | Keyword::OVER
            | Keyword::PRIMARY
            | Keyword::PRINT
            | Keyword::PROCEDURE
            | Keyword::REFERENCES
            | Keyword::RETURN
            | Keyword::RIGHT
            | Keyword::ROLLBACK
            | Keyword::SELECT
            | Keyword::SET
            | Keyword::TABLE
            | Keyword::THEN
            | Keyword::TO
            | Keyword::TOP
            | Keyword::TRANSACTION
            | Keyword::TRIGGER
            | Keyword::TRUNCATE
            | Keyword::UNION
            | Keyword::UNIQUE
            | Keyword::UPDATE
            | Keyword::USE
            | Keyword::USER
            | Keyword::VALUES
            | Keyword::VIEW
            | Keyword::WHEN
            | Keyword::WHERE
            | Keyword::WHILE
            | Keyword::WITH
    )
}
