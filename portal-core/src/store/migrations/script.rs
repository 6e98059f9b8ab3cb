//! Scripts of migrations: statements, and the directives that guard them.
//!
//! A directive is a comment line before a statement:
//!
//! - `-- portal: if plan(name)`: the following statements run only if the table has the columns;
//! - `-- portal: unless plan(name)`: they run only if the table lacks the columns; without columns,
//!   only if the table does not exist;
//! - `-- portal: rebuild plan(id, name)`: they replace the table, which must have exactly these
//!   columns, and SQLite checks foreign keys only at the end;
//! - `-- portal: always`: the following statements always run;
//! - `-- portal: expect none`: the next statement is a query that must not return rows.

use std::collections::BTreeSet;

/// Start of a directive.
const DIRECTIVE: &str = "portal:";

/// Statements that would end the transaction of the migration, or have no effect in it.
const FORBIDDEN: [&str; 8] = [
    "begin",
    "commit",
    "end",
    "rollback",
    "start",
    "savepoint",
    "release",
    "abort",
];

/// A parsed script.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Script<'a> {
    pub(super) sections: Vec<Section<'a>>,
}

/// Statements with a common condition.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section<'a> {
    pub(super) condition: Condition,
    pub(super) statements: Vec<SqlText<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    Always,
    If(TableRef),
    Unless(TableRef),
    Rebuild(TableRef),
}

/// Table with columns, as written in a directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableRef {
    pub(super) table: String,
    pub(super) columns: Vec<String>,
}

/// One statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SqlText<'a> {
    pub(super) sql: &'a str,
    /// Line of its first word, starting at 1.
    pub(super) line: usize,
    pub(super) expects_no_rows: bool,
}

impl Condition {
    /// Returns the table that the condition concerns.
    pub(super) fn table(&self) -> Option<&TableRef> {
        match self {
            Self::Always => None,
            Self::If(table) | Self::Unless(table) | Self::Rebuild(table) => Some(table),
        }
    }
}

impl<'a> Script<'a> {
    /// Parses a script; the error is a sentence with the line.
    pub(super) fn parse(text: &'a str) -> Result<Self, String> {
        let mut parser = Parser {
            text,
            at: 0,
            start: None,
            is_create: false,
            depth: 0,
            word: 0,
            expects_no_rows: false,
            sections: vec![Section {
                condition: Condition::Always,
                statements: Vec::new(),
            }],
        };
        parser.run()?;
        let mut sections = parser.sections;
        sections.retain(|section| !section.statements.is_empty());
        Ok(Self { sections })
    }

    /// Returns the tables that conditions concern.
    pub(super) fn tables(&self) -> BTreeSet<String> {
        let tables = self.sections.iter().filter_map(|it| it.condition.table());
        tables.map(|it| it.table.clone()).collect()
    }

    /// Returns `true` if the script replaces tables.
    pub(super) fn rebuilds(&self) -> bool {
        let mut sections = self.sections.iter();
        sections.any(|it| matches!(it.condition, Condition::Rebuild(_)))
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// Start of the present statement.
    start: Option<usize>,
    /// `true` if the statement starts with `CREATE`; it may then contain `BEGIN … END`.
    is_create: bool,
    depth: usize,
    /// Number of words in the statement so far.
    word: usize,
    expects_no_rows: bool,
    sections: Vec<Section<'a>>,
}

impl<'a> Parser<'a> {
    fn run(&mut self) -> Result<(), String> {
        while let Some(next) = self.rest().chars().next() {
            let rest = self.rest();
            if rest.starts_with("--") {
                let line = rest.lines().next().unwrap_or_default();
                self.directive(line)?;
                self.at += line.len();
            } else if rest.starts_with("/*") {
                self.at += comment_length(rest);
            } else if next == ';' && self.depth == 0 {
                self.finish()?;
                self.at += 1;
            } else if next.is_whitespace() {
                self.at += next.len_utf8();
            } else {
                self.token(next)?;
            }
        }
        self.finish()?;
        match self.expects_no_rows {
            true => Err(self.located("`expect none` is not followed by a query")),
            false => Ok(()),
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn located(&self, problem: &str) -> String {
        format!("line {}: {problem}", line_of(self.text, self.at))
    }

    fn token(&mut self, next: char) -> Result<(), String> {
        let rest = self.rest();
        let start = *self.start.get_or_insert(self.at);
        let length = match next {
            '\'' => quoted_length(rest, '\'', is_escape_string(self.text, start, self.at)),
            '"' | '`' => quoted_length(rest, next, false),
            '$' => dollar_length(rest),
            first if first.is_alphabetic() || first == '_' => return self.read_word(),
            other => other.len_utf8(),
        };
        self.at += length;
        Ok(())
    }

    fn read_word(&mut self) -> Result<(), String> {
        let rest = self.rest();
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let word = rest[..length].to_ascii_lowercase();
        self.word += 1;
        if self.word == 1 {
            self.is_create = word == "create";
            if FORBIDDEN.contains(&word.as_str()) {
                return Err(self.located(&format!(
                    "`{}` is not allowed, because a migration runs in a transaction",
                    word.to_uppercase()
                )));
            }
        }
        if self.word == 1 && word == "pragma" {
            let pragma = rest
                .split(';')
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase();
            if pragma.contains("foreign_keys") && !pragma.contains("defer_foreign_keys") {
                return Err(self.located(
                    "`PRAGMA foreign_keys` has no effect in a transaction; use `-- portal: rebuild`",
                ));
            }
        }
        if self.is_create {
            match word.as_str() {
                "begin" | "case" => self.depth += 1,
                "end" => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        self.at += length;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), String> {
        let Some(start) = self.start.take() else {
            return Ok(());
        };
        let statement = SqlText {
            sql: self.text[start..self.at].trim_end(),
            line: line_of(self.text, start),
            expects_no_rows: std::mem::take(&mut self.expects_no_rows),
        };
        (self.word, self.depth, self.is_create) = (0, 0, false);
        if let Some(section) = self.sections.last_mut() {
            section.statements.push(statement);
        }
        Ok(())
    }

    fn directive(&mut self, comment: &str) -> Result<(), String> {
        let Some(text) = comment
            .trim_start_matches('-')
            .trim()
            .strip_prefix(DIRECTIVE)
        else {
            return Ok(());
        };
        if self.start.is_some() {
            return Err(self.located(
                "a directive must precede a statement; end the statement before it with `;`",
            ));
        }
        let text = text.trim();
        if text == "expect none" {
            self.expects_no_rows = true;
            return Ok(());
        }
        let (word, table) = text.split_once(' ').unwrap_or((text, ""));
        let condition = match (word, table_ref(table)) {
            ("always", _) if table.is_empty() => Condition::Always,
            ("if", Some(table)) => Condition::If(table),
            ("unless", Some(table)) => Condition::Unless(table),
            ("rebuild", Some(table)) if !table.columns.is_empty() => Condition::Rebuild(table),
            _ => {
                return Err(self.located(&format!(
                    "invalid directive `{text}`; use `if table(column)`, `unless table(column)`, `rebuild table(column, ..)`, `expect none` or `always`"
                )));
            }
        };
        self.sections.push(Section {
            condition,
            statements: Vec::new(),
        });
        Ok(())
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Reads `table` or `table(a, b)`.
fn table_ref(text: &str) -> Option<TableRef> {
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let (table, columns) = match text.trim().split_once('(') {
        Some((table, columns)) => (table.trim(), columns.strip_suffix(')')?),
        None => (text.trim(), ""),
    };
    let columns: Vec<String> = columns
        .split(',')
        .map(|column| column.trim().to_owned())
        .filter(|column| !column.is_empty())
        .collect();
    is_name(table).then(|| TableRef {
        table: table.to_owned(),
        columns,
    })
}

/// Returns the length of a quoted text, whose quotes are doubled inside.
fn quoted_length(text: &str, quote: char, has_escapes: bool) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character == '\\' && has_escapes {
            characters.next();
        } else if character == quote {
            match characters.peek() {
                Some((_, next)) if *next == quote => {
                    characters.next();
                }
                _ => return at + quote.len_utf8(),
            }
        }
    }
    text.len()
}

/// Returns `true` if the quote at a position starts an escape string of PostgreSQL (`E'..'`).
fn is_escape_string(text: &str, start: usize, at: usize) -> bool {
    let before = &text.as_bytes()[start..at];
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    matches!(before, [.., b'e' | b'E'])
        && before
            .len()
            .checked_sub(2)
            .and_then(|at| before.get(at))
            .is_none_or(|b| !is_word(b))
}

/// Returns the length of a dollar-quoted text (`$tag$ .. $tag$`), or 1.
fn dollar_length(text: &str) -> usize {
    let is_tag = |c: char| c.is_alphanumeric() || c == '_';
    let after = &text[1..];
    let Some(end) = after
        .find(|c| !is_tag(c))
        .filter(|end| after[*end..].starts_with('$'))
    else {
        return 1;
    };
    let tag = &text[..end + 2];
    let body = &text[tag.len()..];
    body.find(tag)
        .map_or(text.len(), |at| tag.len() + at + tag.len())
}

/// Returns the length of a block comment, which can be nested.
fn comment_length(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(text: &str) -> Vec<(usize, String)> {
        let script = Script::parse(text).unwrap();
        let all = script.sections.iter().flat_map(|it| &it.statements);
        all.map(|it| (it.line, it.sql.to_owned())).collect()
    }

    #[test]
    fn statements_are_split_outside_of_texts_and_comments() {
        let text = "-- a; b\nINSERT INTO a VALUES ('x;''y', \"c;d\");\n\n/* e; /* f; */ g; */\nSELECT $$h;$$, $i$;$$;$i$, E'j\\';';SELECT 1";
        let found = statements(text);
        let lines: Vec<usize> = found.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 5, 5], "{found:#?}");
        assert_eq!(found[2].1, "SELECT 1");
    }

    #[test]
    fn bodies_of_triggers_and_functions_are_kept_together() {
        let trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET b = CASE WHEN c THEN 1 END; DELETE FROM d; END";
        let found = statements(&format!("{trigger};\nSELECT 1;"));
        assert_eq!(found.len(), 2, "{found:#?}");
        assert_eq!(found[0].1, trigger);
    }

    #[test]
    fn directives_guard_statements() {
        let text = "SELECT 1;\n-- portal: rebuild plan(id, name)\n-- portal: expect none\nSELECT 2; SELECT 3;\n-- portal: always\nSELECT 4;\n-- portal: unless plan\nSELECT 5";
        let script = Script::parse(text).unwrap();
        assert_eq!(script.sections.len(), 4, "{script:#?}");
        assert!(script.rebuilds());
        let rebuilt = &script.sections[1];
        let expects: Vec<bool> = rebuilt
            .statements
            .iter()
            .map(|it| it.expects_no_rows)
            .collect();
        assert_eq!(expects, [true, false]);
        assert_eq!(script.tables().len(), 1);
    }

    #[test]
    fn mistakes_are_reported_with_their_line() {
        for (text, expected) in [
            ("SELECT 1;\n\nCOMMIT;", "line 3: `COMMIT` is not allowed"),
            (
                "\n-- portal: iff plan\nSELECT 1",
                "line 2: invalid directive `iff plan`",
            ),
            (
                "-- portal: rebuild plan\nSELECT 1",
                "line 1: invalid directive",
            ),
            (
                "SELECT\n-- portal: always\n1",
                "line 2: a directive must precede",
            ),
            (
                "PRAGMA foreign_keys = OFF",
                "line 1: `PRAGMA foreign_keys` has no effect",
            ),
            ("-- portal: expect none\n", "line 2: `expect none`"),
        ] {
            let problem = Script::parse(text).unwrap_err();
            assert!(problem.starts_with(expected), "{problem}");
        }
        assert_eq!(statements("PRAGMA defer_foreign_keys = ON").len(), 1);
    }
}
