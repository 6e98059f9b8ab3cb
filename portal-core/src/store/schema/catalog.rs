//! Present tables: columns, indexes and foreign keys, as the catalog of the database lists them.

use super::{ColumnSpec, IndexSpec, RawStatement};
use crate::store::{Dialect, RawSql, Row, Store, StoreError, Transaction};

/// An existing table; it has no columns if it does not exist.
#[derive(Debug, Clone, Default)]
pub(crate) struct FoundTable {
    pub(crate) columns: Vec<FoundColumn>,
    pub(crate) indexes: Vec<FoundIndex>,
    pub(crate) foreign_keys: Vec<FoundForeignKey>,
}

/// Column of an existing table.
#[derive(Debug, Clone)]
pub(crate) struct FoundColumn {
    pub(crate) name: String,
    /// Type in lower case.
    pub(crate) column_type: String,
    pub(crate) not_null: bool,
    pub(crate) is_key: bool,
    /// `true` if the database computes the value of new rows.
    pub(crate) is_generated: bool,
    /// Default as SQL.
    pub(crate) default: Option<String>,
}

/// Index of an existing table.
#[derive(Debug, Clone)]
pub(crate) struct FoundIndex {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
    pub(crate) unique: bool,
    /// `true` if the index covers only some rows, or an expression.
    pub(crate) is_partial: bool,
}

/// Foreign key of an existing table that consists of one column.
#[derive(Debug, Clone)]
pub(crate) struct FoundForeignKey {
    /// Name of the constraint; empty in SQLite.
    pub(crate) name: String,
    pub(crate) column: String,
    pub(crate) table: String,
    pub(crate) target: String,
}

impl FoundTable {
    pub(crate) fn exists(&self) -> bool {
        !self.columns.is_empty()
    }

    pub(crate) fn column(&self, name: &str) -> Option<&FoundColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Returns `true` if an index does what the expected index is for, whatever its name.
    pub(crate) fn has_index(&self, expected: &IndexSpec) -> bool {
        self.indexes
            .iter()
            .filter(|found| !found.is_partial)
            .any(|found| match expected.unique {
                true => found.unique && is_same_set(&found.columns, &expected.columns),
                false => is_prefix(&expected.columns, &found.columns),
            })
    }

    /// Returns the foreign key of a column.
    pub(crate) fn foreign_key(&self, column: &str) -> Option<&FoundForeignKey> {
        self.foreign_keys.iter().find(|key| key.column == column)
    }

    /// Returns `true` if the column refers to the table that the specification names.
    pub(crate) fn refers_as(&self, column: &ColumnSpec) -> bool {
        let Some((table, _)) = column.references else {
            return true;
        };
        let mut keys = self.foreign_keys.iter();
        keys.any(|key| key.column == column.name && key.table == table)
    }
}

fn is_same_set(found: &[String], expected: &[&str]) -> bool {
    found.len() == expected.len()
        && expected
            .iter()
            .all(|name| found.iter().any(|it| it == name))
}

fn is_prefix(expected: &[&str], found: &[String]) -> bool {
    found.len() >= expected.len() && expected.iter().zip(found).all(|(a, b)| a == b)
}

/// Connection that the catalog is read through.
pub(crate) enum CatalogReader<'a> {
    Store(&'a Store),
    Transaction(&'a mut Transaction),
}

impl CatalogReader<'_> {
    async fn fetch_all(&mut self, sql: String) -> Result<Vec<Row>, StoreError> {
        let select = RawStatement::<false>(sql);
        match self {
            Self::Store(store) => store.fetch_all(&select).await,
            Self::Transaction(transaction) => transaction.fetch_all(&select).await,
        }
    }

    /// Reads a table. Its name must consist of the characters `a-z`, `0-9` and `_`.
    pub(crate) async fn table(
        &mut self,
        dialect: Dialect,
        table: &str,
    ) -> Result<FoundTable, StoreError> {
        let columns = self.fetch_all(columns_query(dialect, table)).await?;
        let columns: Vec<FoundColumn> =
            columns.iter().map(read_column).collect::<Result<_, _>>()?;
        if columns.is_empty() {
            return Ok(FoundTable::default());
        }
        let mut indexes: Vec<FoundIndex> = Vec::new();
        for row in self.fetch_all(indexes_query(dialect, table)).await? {
            let name: String = row.get("name")?;
            let column: Option<String> = row.get("column_name")?;
            if indexes.last().is_none_or(|index| index.name != name) {
                indexes.push(FoundIndex {
                    name,
                    columns: Vec::new(),
                    unique: row.get("is_unique")?,
                    is_partial: row.get("is_partial")?,
                });
            }
            if let Some(index) = indexes.last_mut() {
                index.is_partial |= column.is_none();
                index.columns.extend(column);
            }
        }
        let keys = self.fetch_all(foreign_keys_query(dialect, table)).await?;
        let foreign_keys = keys.iter().map(|row| {
            Ok(FoundForeignKey {
                name: row.get("name")?,
                column: row.get("column_name")?,
                table: row.get("table_name")?,
                target: row.get("target")?,
            })
        });
        Ok(FoundTable {
            columns,
            indexes,
            foreign_keys: foreign_keys.collect::<Result<_, StoreError>>()?,
        })
    }
}

impl Store {
    /// Returns the columns of the unique constraint that a statement has violated.
    pub(crate) async fn violated_columns(
        &self,
        error: &StoreError,
    ) -> Result<Vec<String>, StoreError> {
        let StoreError::UniqueViolation { constraint } = error else {
            return Ok(Vec::new());
        };
        if self.dialect() == Dialect::Sqlite {
            // "UNIQUE constraint failed: plan.company_id, plan.name"
            let (_, columns) = constraint.rsplit_once(": ").unwrap_or_default();
            let names = columns.split(", ").filter_map(|it| it.rsplit_once('.'));
            return Ok(names.map(|(_, column)| column.to_owned()).collect());
        }
        let select = RawSql::<false> {
            sql: "SELECT attname::text AS name FROM pg_index JOIN pg_attribute \
                  ON attrelid = indrelid AND attnum = ANY (indkey) \
                  WHERE indexrelid = to_regclass(quote_ident($1)) ORDER BY attnum"
                .into(),
            values: vec![constraint.as_str().into()],
        };
        let rows = self.fetch_all(&select).await?;
        rows.iter().map(|row| row.get("name")).collect()
    }
}

fn read_column(row: &Row) -> Result<FoundColumn, StoreError> {
    Ok(FoundColumn {
        name: row.get("name")?,
        column_type: row.get::<String>("column_type")?.to_lowercase(),
        not_null: row.get("not_null")?,
        is_key: row.get("is_key")?,
        is_generated: row.get("is_generated")?,
        default: row.get("default_sql")?,
    })
}

fn columns_query(dialect: Dialect, table: &str) -> String {
    match dialect {
        Dialect::Sqlite => format!(
            "SELECT name, type AS column_type, \"notnull\" <> 0 OR pk <> 0 AS not_null, \
             pk <> 0 AS is_key, hidden <> 0 AS is_generated, dflt_value AS default_sql \
             FROM pragma_table_xinfo('{table}')"
        ),
        Dialect::Postgres => format!(
            "SELECT attname::text AS name, format_type(atttypid, atttypmod)::text AS column_type, \
             attnotnull AS not_null, EXISTS (SELECT 1 FROM pg_index WHERE indrelid = attrelid AND \
             indisprimary AND attnum = ANY (indkey)) AS is_key, \
             (attidentity <> '' OR attgenerated <> '') AS is_generated, \
             pg_get_expr(adbin, adrelid)::text AS default_sql \
             FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum \
             WHERE attrelid = to_regclass('\"{table}\"') AND attnum > 0 AND NOT attisdropped \
             ORDER BY attnum"
        ),
    }
}

fn indexes_query(dialect: Dialect, table: &str) -> String {
    match dialect {
        Dialect::Sqlite => format!(
            "SELECT list.name AS name, list.\"unique\" <> 0 AS is_unique, \
             list.partial <> 0 AS is_partial, info.name AS column_name \
             FROM pragma_index_list('{table}') AS list, pragma_index_info(list.name) AS info \
             ORDER BY list.name, info.seqno"
        ),
        Dialect::Postgres => format!(
            "SELECT relname::text AS name, indisunique AS is_unique, \
             indpred IS NOT NULL AS is_partial, attname::text AS column_name \
             FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid \
             CROSS JOIN LATERAL unnest(indkey::int2[]) WITH ORDINALITY AS part (number, position) \
             LEFT JOIN pg_attribute ON attrelid = indrelid AND attnum = part.number \
             WHERE indrelid = to_regclass('\"{table}\"') AND indisvalid AND position <= indnkeyatts \
             ORDER BY relname, position"
        ),
    }
}

fn foreign_keys_query(dialect: Dialect, table: &str) -> String {
    match dialect {
        Dialect::Sqlite => format!(
            "SELECT '' AS name, \"from\" AS column_name, \"table\" AS table_name, \
             coalesce(\"to\", '') AS target FROM pragma_foreign_key_list('{table}') \
             GROUP BY id HAVING count(*) = 1"
        ),
        Dialect::Postgres => format!(
            "SELECT conname::text AS name, own.attname::text AS column_name, \
             relname::text AS table_name, other.attname::text AS target \
             FROM pg_constraint JOIN pg_class ON pg_class.oid = confrelid \
             JOIN pg_attribute AS own ON own.attrelid = conrelid AND own.attnum = conkey[1] \
             JOIN pg_attribute AS other ON other.attrelid = confrelid AND other.attnum = confkey[1] \
             WHERE conrelid = to_regclass('\"{table}\"') AND contype = 'f' \
             AND array_length(conkey, 1) = 1 ORDER BY conname"
        ),
    }
}
