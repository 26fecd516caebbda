//! Windows: `OVER (PARTITION BY … ORDER BY … ROWS BETWEEN … AND …)`.

use sea_query::{Frame, SqlWriter, WindowStatement};

use crate::error::{Error, Written};
use crate::parts::WindowParts;
use crate::writer::Writer;

impl<W: SqlWriter> Writer<'_, W> {
    pub(crate) fn over(&mut self, window: &WindowStatement) -> Written {
        self.push(" OVER (")?;
        self.window_body(window)?;
        self.push(")")
    }

    pub(crate) fn window_body(&mut self, window: &WindowStatement) -> Written {
        let parts = WindowParts::of(window);
        if !parts.partitions.is_empty() {
            self.push("PARTITION BY ")?;
            self.list(&parts.partitions, |w, partition| w.value_expr(partition))?;
        }
        if !parts.orders.is_empty() {
            self.push(if parts.partitions.is_empty() {
                "ORDER BY "
            } else {
                " ORDER BY "
            })?;
            self.list(&parts.orders, |w, order| w.order_term(order))?;
        }
        match parts.frame.as_slice() {
            [] => return Ok(()),
            _ if parts.orders.is_empty() => {
                return Err(Error::incomplete(
                    "a window frame",
                    "T-SQL frames need an ORDER BY in the window",
                ));
            }
            frame
                if !parts.rows
                    && frame
                        .iter()
                        .any(|end| matches!(end, Frame::Preceding(_) | Frame::Following(_))) =>
            {
                return Err(Error::unsupported(
                    "RANGE with a distance",
                    "use ROWS, or UNBOUNDED and CURRENT ROW",
                ));
            }
            [start, rest @ ..] => {
                self.push(if parts.rows { " ROWS " } else { " RANGE " })?;
                match rest {
                    [] if matches!(start, Frame::Following(_) | Frame::UnboundedFollowing) => {
                        return Err(Error::incomplete(
                            "a window frame",
                            "a frame that starts later needs an end",
                        ));
                    }
                    [] => self.frame(start)?,
                    [end, ..] => {
                        self.push("BETWEEN ")?;
                        self.frame(start)?;
                        self.push(" AND ")?;
                        self.frame(end)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The distance is a literal: T-SQL takes no parameter here.
    pub(crate) fn frame(&mut self, frame: &Frame) -> Written {
        match frame {
            Frame::UnboundedPreceding => self.push("UNBOUNDED PRECEDING"),
            Frame::Preceding(rows) => self.push(&format!("{rows} PRECEDING")),
            Frame::CurrentRow => self.push("CURRENT ROW"),
            Frame::Following(rows) => self.push(&format!("{rows} FOLLOWING")),
            Frame::UnboundedFollowing => self.push("UNBOUNDED FOLLOWING"),
        }
    }
}
