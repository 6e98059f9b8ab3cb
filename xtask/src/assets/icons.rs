//! Lucide icons, stored without the attributes that they all have in common.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Returns the names of the existing icons and those to add.
pub(super) fn wanted(directory: &Path, new: &[String]) -> Result<BTreeSet<String>> {
    let mut names: BTreeSet<String> = new.iter().cloned().collect();
    for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if let Some(name) = name.strip_suffix(".svg") {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}

/// Puts an icon on one line and removes its comment, class and size; the latter two are set on
/// rendering.
pub(super) fn shortened(svg: &str) -> String {
    let start = svg.find("<svg").unwrap_or_default();
    let svg = svg.get(start..).unwrap_or_default();
    let mut words = Vec::new();
    for line in svg.lines().map(str::trim) {
        let is_left_out = ["class=\"", "width=\"24\"", "height=\"24\""]
            .iter()
            .any(|attribute| line.starts_with(attribute));
        if !is_left_out && !line.is_empty() {
            words.push(line);
        }
    }
    let joined = words.join(" ");
    let joined = joined.replace(" />", "/>").replace("> <", "><");
    joined.replace(" >", ">") + "\n"
}

/// Hashes all icons and their names.
pub(super) fn hash(directory: &Path) -> Result<String> {
    let mut all = String::new();
    for name in wanted(directory, &[])? {
        let text = super::read(&directory.join(format!("{name}.svg")))?;
        all.push_str(&format!("{name}\n{}\n", text.trim()));
    }
    Ok(super::hash(all.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn shortened_icon_keeps_shapes_only() {
        let svg = "<!-- license -->\n<svg\n  class=\"lucide\"\n  xmlns=\"x\"\n  width=\"24\"\n  height=\"24\"\n  \
                   fill=\"none\"\n>\n  <path d=\"M1 2\" />\n  <rect width=\"4\" />\n</svg>\n";
        let short = "<svg xmlns=\"x\" fill=\"none\"><path d=\"M1 2\"/><rect width=\"4\"/></svg>\n";
        assert_eq!(shortened(svg), short);
    }
}
