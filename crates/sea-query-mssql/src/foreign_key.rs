//! Foreign keys.

use sea_query::{
    Alias, DynIden, ForeignKeyAction, ForeignKeyCreateStatement, IntoIden, SqlWriter, TableForeignKey,
};

use crate::error::{Error, Written};
use crate::statement::statements;
use crate::writer::Writer;

statements! {
    ForeignKeyCreateStatement => |create, w| {
        let foreign_key = create.get_foreign_key();
        let Some(table) = foreign_key.get_table() else {
            return Err(Error::incomplete("a foreign key", "it names no table of its own"));
        };
        w.push("ALTER TABLE ")?;
        w.plain_table(table)?;
        w.push(" ADD ")?;
        w.foreign_key(foreign_key)
    };
}

impl<W: SqlWriter> Writer<'_, W> {
    /// Writes `CONSTRAINT [fk] FOREIGN KEY ([a]) REFERENCES [t] ([b]) ON DELETE … ON UPDATE …`.
    pub(crate) fn foreign_key(&mut self, foreign_key: &TableForeignKey) -> Written {
        let columns = idens(foreign_key.get_columns());
        let referenced = idens(foreign_key.get_ref_columns());
        let Some(table) = foreign_key.get_ref_table() else {
            return Err(Error::incomplete("a foreign key", "it references no table"));
        };
        if columns.is_empty() || columns.len() != referenced.len() {
            return Err(Error::incomplete(
                "a foreign key",
                "it needs as many columns as it references",
            ));
        }
        if let Some(name) = foreign_key.get_name() {
            self.constraint_name(name)?;
        }
        self.push("FOREIGN KEY")?;
        self.column_list(&columns)?;
        self.push(" REFERENCES ")?;
        self.plain_table(table)?;
        self.column_list(&referenced)?;
        if let Some(action) = foreign_key.get_on_delete() {
            self.push(" ON DELETE ")?;
            self.push(action_text(action)?)?;
        }
        if let Some(action) = foreign_key.get_on_update() {
            self.push(" ON UPDATE ")?;
            self.push(action_text(action)?)?;
        }
        Ok(())
    }
}

fn idens(names: Vec<String>) -> Vec<DynIden> {
    names
        .into_iter()
        .map(|name| Alias::new(name).into_iden())
        .collect()
}

pub(crate) fn action_text(action: ForeignKeyAction) -> Result<&'static str, Error> {
    Ok(match action {
        ForeignKeyAction::Cascade => "CASCADE",
        ForeignKeyAction::SetNull => "SET NULL",
        ForeignKeyAction::NoAction => "NO ACTION",
        ForeignKeyAction::SetDefault => "SET DEFAULT",
        _ => {
            return Err(Error::unsupported(
                "RESTRICT on a foreign key",
                "NO ACTION does the same in SQL Server",
            ));
        }
    })
}
