//! `migrations!`: embeds the files of a directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::LitStr;

/// Endings of the files of a migration, each with the method that sets its SQL. An ending precedes
/// the endings that it ends with.
const ENDINGS: [(&str, &str); 6] = [
    (".sqlite.down.sql", "down_sqlite"),
    (".postgres.down.sql", "down_postgres"),
    (".down.sql", "down"),
    (".sqlite.sql", "up_sqlite"),
    (".postgres.sql", "up_postgres"),
    (".sql", "up"),
];

/// Runs the macro: reads the directory and generates an expression of the type `Migrations`.
pub(crate) fn migrations(tokens: TokenStream) -> TokenStream {
    let directory = match syn::parse2::<LitStr>(tokens) {
        Ok(directory) => directory,
        Err(error) => {
            let message = "`migrations!` takes a directory, as in `migrations!(\"migrations\")`";
            return syn::Error::new(error.span(), message).into_compile_error();
        }
    };
    let root = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let root = Path::new(&root).join(directory.value());
    match read(&root, &directory.value()) {
        Ok(files) => expand(&root, &files),
        Err(message) => syn::Error::new(directory.span(), message).into_compile_error(),
    }
}

/// Files of the migrations by name, each with its method.
type Files = BTreeMap<String, Vec<(&'static str, PathBuf)>>;

fn read(root: &Path, given: &str) -> Result<Files, String> {
    let unreadable = |error| {
        format!(
            "failed to read the directory `{given}`, which is relative to `Cargo.toml`: {error}"
        )
    };
    let mut files = Files::new();
    for entry in std::fs::read_dir(root).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if !name.ends_with(".sql") {
            continue;
        }
        let ending = ENDINGS
            .iter()
            .find_map(|(ending, method)| Some((name.strip_suffix(ending)?, *method)));
        let Some((base, method)) = ending.filter(|(base, _)| is_migration_name(base)) else {
            return Err(format!(
                "`{given}/{name}` is not the name of a migration; use a number, `_` and a word, as in `0001_customers.sql`, and `.sqlite.sql`, `.postgres.sql` or `.down.sql` as the ending"
            ));
        };
        files
            .entry(base.to_owned())
            .or_default()
            .push((method, path.clone()));
    }
    Ok(files)
}

/// Returns `true` for a number, `_` and a word.
fn is_migration_name(name: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    name.split_once('_').is_some_and(|(number, word)| {
        number.parse::<i64>().is_ok_and(|it| it > 0)
            && !word.is_empty()
            && word.bytes().all(is_word)
    })
}

fn expand(root: &Path, files: &Files) -> TokenStream {
    let text = |path: &Path| LitStr::new(&path.to_string_lossy(), Span::call_site());
    let migrations = files.iter().map(|(name, files)| {
        // The method for both databases precedes those that replace its SQL for one database.
        let mut files = files.clone();
        files.sort_by_key(|(method, _)| method.len());
        let calls = files.iter().map(|(method, path)| {
            let (method, path) = (format_ident!("{method}"), text(path));
            quote!(.#method(::core::include_str!(#path)))
        });
        quote!(.with(::portal_core::store::Migration::new(#name)#(#calls)*))
    });
    let directory = text(root);
    quote! {{
        let migrations = ::portal_core::store::Migrations::new(::core::env!("CARGO_PKG_NAME"))#(#migrations)*;
        if ::core::cfg!(debug_assertions) { migrations.directory(#directory) } else { migrations }
    }}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migration_names_have_a_number_and_a_word() {
        for (name, is_valid) in [
            ("0001_customers", true),
            ("20261201_a_b2", true),
            ("customers", false),
            ("0001", false),
            ("0001_", false),
            ("0000_a", false),
            ("1_A", false),
            ("1_a.b", false),
        ] {
            assert_eq!(is_migration_name(name), is_valid, "{name}");
        }
    }
}
