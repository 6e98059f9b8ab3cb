//! Tables described as data: the tables, columns and indexes that models require.
//!
//! The portal's own tables have migrations. This module is for the tables of admin models, whose
//! columns are known only at run time.

pub(crate) mod additions;
pub(crate) mod catalog;
mod conversion;
pub(crate) mod diff;
mod drift;
mod postgres_diff;
mod sqlite_diff;
mod state;

use sea_query::Values;
use sea_query_sqlx::SqlxValues;
use sha2::{Digest, Sha256};

use super::decimal::DECIMAL_COLLATION;
use super::{Dialect, Statement};
use catalog::{FoundIndex, FoundTable};

/// Maximum length of a name; PostgreSQL truncates longer names.
const NAME_LENGTH: usize = 63;

/// Data type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnType {
    Text,
    Boolean,
    SmallInt,
    Integer,
    BigInt,
    Double,
    /// Exact decimal number. SQLite stores the text and compares it with a collation.
    Decimal,
    Timestamp,
    Date,
    Uuid,
    Json,
}

/// Role of a column in the primary key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PrimaryKey {
    None,
    /// The writer assigns the key.
    Assigned,
    /// The database generates the key by counting up.
    Generated,
}

/// Expected table. All names consist of the characters `a-z`, `0-9` and `_`.
#[derive(Debug, Clone)]
pub(crate) struct TableSpec {
    pub(crate) name: String,
    pub(crate) columns: Vec<ColumnSpec>,
    pub(crate) indexes: Vec<IndexSpec>,
    /// Former name of the table.
    pub(crate) renamed_from: Option<String>,
    /// `true` if the portal creates and extends the table.
    pub(crate) is_managed: bool,
}

/// Expected index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexSpec {
    pub(crate) columns: Vec<&'static str>,
    pub(crate) unique: bool,
}

/// Expected column.
#[derive(Debug, Clone)]
pub(crate) struct ColumnSpec {
    pub(crate) name: &'static str,
    pub(crate) column_type: ColumnType,
    pub(crate) nullable: bool,
    pub(crate) key: PrimaryKey,
    /// Text form of the default; quoted when it is written.
    pub(crate) default: Option<String>,
    /// Table and column that the column refers to.
    pub(crate) references: Option<(&'static str, &'static str)>,
    /// Former name of the column.
    pub(crate) renamed_from: Option<&'static str>,
}

impl TableSpec {
    /// Returns the unique indexes with names of the portal that the specification does not have.
    /// They reject rows that the model allows.
    fn undeclared_indexes<'a>(&self, found: &'a FoundTable) -> Vec<&'a FoundIndex> {
        let is_declared = |index: &FoundIndex| {
            let mut declared = self.indexes.iter();
            declared.any(|it| it.unique && index_name(&self.name, &it.columns, true) == index.name)
        };
        let is_undeclared = |index: &&FoundIndex| {
            let columns: Vec<&str> = index.columns.iter().map(String::as_str).collect();
            self.is_managed
                && index.unique
                && index.name == index_name(&self.name, &columns, true)
                && !is_declared(index)
        };
        found.indexes.iter().filter(is_undeclared).collect()
    }
}

impl IndexSpec {
    /// Returns the statement that creates the index.
    pub(crate) fn sql(&self, table: &str) -> String {
        let name = index_name(table, &self.columns, self.unique);
        let unique = if self.unique { "UNIQUE " } else { "" };
        let columns: Vec<String> = self.columns.iter().map(|it| format!("\"{it}\"")).collect();
        format!(
            "CREATE {unique}INDEX IF NOT EXISTS \"{name}\" ON \"{table}\" ({})",
            columns.join(", ")
        )
    }
}

/// Returns the name of an index. A name that is too long ends with a hash of the whole name.
pub(crate) fn index_name(table: &str, columns: &[&str], unique: bool) -> String {
    let ending = if unique { "key" } else { "idx" };
    let name = format!("{table}_{}_{ending}", columns.join("_"));
    if name.len() <= NAME_LENGTH {
        return name;
    }
    let hash = Sha256::digest(name.as_bytes());
    let hash: String = hash
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let kept = NAME_LENGTH - hash.len() - ending.len() - 2;
    format!("{}_{hash}_{ending}", &name[..kept])
}

impl ColumnType {
    /// Types that a catalog is compared with, those that models use most often first.
    const ALL: [Self; 11] = [
        Self::Text,
        Self::BigInt,
        Self::Integer,
        Self::SmallInt,
        Self::Boolean,
        Self::Double,
        Self::Decimal,
        Self::Timestamp,
        Self::Date,
        Self::Uuid,
        Self::Json,
    ];

    /// Returns the type that the catalog of a database calls by this name.
    pub(crate) fn from_catalog(dialect: Dialect, name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.sql(dialect) == name)
    }

    /// Returns the type and the collation as written in the declaration of a column.
    pub(crate) fn declaration(self, dialect: Dialect) -> String {
        let sql = self.sql(dialect);
        match (self, dialect) {
            (Self::Decimal, Dialect::Sqlite) => format!("{sql} COLLATE {DECIMAL_COLLATION}"),
            _ => sql.to_owned(),
        }
    }

    pub(crate) fn sql(self, dialect: Dialect) -> &'static str {
        let sqlite = dialect == Dialect::Sqlite;
        match self {
            Self::Text => "text",
            Self::Boolean => "boolean",
            Self::SmallInt => "smallint",
            Self::Integer => "integer",
            Self::BigInt => "bigint",
            Self::Double => "double precision",
            // The catalog must distinguish it from other texts; the affinity is that of `text`.
            Self::Decimal if sqlite => "decimal_text",
            Self::Decimal => "numeric",
            Self::Timestamp if sqlite => "datetime",
            Self::Timestamp => "timestamp with time zone",
            Self::Date => "date",
            Self::Uuid if sqlite => "blob",
            Self::Uuid => "uuid",
            Self::Json if sqlite => "text",
            Self::Json => "jsonb",
        }
    }
}

impl ColumnSpec {
    /// Returns the column as written in `CREATE TABLE` and `ADD COLUMN`.
    pub(crate) fn sql(&self, dialect: Dialect) -> String {
        let name = self.name;
        if self.key == PrimaryKey::Generated {
            let column_type = self.column_type.sql(dialect);
            return match dialect {
                // SQLite generates keys only for this exact type.
                Dialect::Sqlite => format!("\"{name}\" integer PRIMARY KEY AUTOINCREMENT NOT NULL"),
                Dialect::Postgres => {
                    format!("\"{name}\" {column_type} GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY")
                }
            };
        }
        let mut sql = format!("\"{name}\" {}", self.column_type.declaration(dialect));
        if self.key == PrimaryKey::Assigned {
            sql.push_str(" PRIMARY KEY");
        }
        if !self.nullable {
            sql.push_str(" NOT NULL");
        }
        if let Some(default) = &self.default {
            sql.push_str(&format!(" DEFAULT {}", self.literal(default)));
        }
        if let Some((table, column)) = self.references {
            // `ON DELETE RESTRICT` is omitted. Both databases reject the deletion anyway, but with
            // this clause, SQLite and PostgreSQL 18 would report an error other than a foreign key
            // violation.
            sql.push_str(&format!(" REFERENCES \"{table}\" (\"{column}\")"));
        }
        sql
    }

    pub(crate) fn literal(&self, text: &str) -> String {
        let is_plain = |text: &str| {
            text.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        };
        match self.column_type {
            ColumnType::Boolean
            | ColumnType::SmallInt
            | ColumnType::Integer
            | ColumnType::BigInt
            | ColumnType::Double
                if is_plain(text) =>
            {
                text.to_owned()
            }
            _ => format!("'{}'", text.replace('\'', "''")),
        }
    }

    /// Returns the type as it appears in the catalog of a database.
    pub(crate) fn catalog_type(&self, dialect: Dialect) -> &'static str {
        match (self.key, dialect) {
            (PrimaryKey::Generated, Dialect::Sqlite) => "integer",
            _ => self.column_type.sql(dialect),
        }
    }
}

/// A statement as SQL text that contains only names from this program and quoted defaults.
pub(crate) struct RawStatement<const WRITES: bool>(pub(crate) String);

impl<const WRITES: bool> Statement for RawStatement<WRITES> {
    const WRITES: bool = WRITES;

    fn render(&self, _: Dialect) -> (String, SqlxValues) {
        (self.0.clone(), SqlxValues(Values(Vec::new())))
    }
}
