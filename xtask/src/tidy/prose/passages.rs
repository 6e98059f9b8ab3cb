//! Extracts the prose in a file, line by line.

use std::path::Path;

use anyhow::Result;
use regex::Regex;

use super::super::lexer::{self, PieceKind};
use super::super::sources::Source;

/// Kind of a passage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PassageKind {
    /// The first line of a doc comment.
    Summary,
    /// Another line of a doc comment.
    Doc,
    /// A line of any other comment.
    Comment,
    /// A string literal that contains a space.
    Message,
    /// A line of a document.
    Markdown,
    /// The name of a test function.
    TestName,
}

/// A line of prose.
#[derive(Debug)]
pub(super) struct Passage {
    pub(super) kind: PassageKind,
    /// Line number; the first line is 1.
    pub(super) line: usize,
    pub(super) text: String,
}

/// Extracts passages; holds the compiled expressions.
pub(super) struct Extractor {
    /// Matches the comment in a line of JavaScript.
    comment: Regex,
    /// Matches a JavaScript string that contains a space.
    literal: Regex,
    /// Matches a test function with its attributes.
    test: Regex,
    /// Matches a list of tests that run on both databases.
    test_list: Regex,
    word: Regex,
}

impl Extractor {
    pub(super) fn compile() -> Result<Self> {
        Ok(Self {
            comment: Regex::new(r"(?:^|\s)//\s?(.*)$|^\s*/?\*+/?(.*)$")?,
            literal: Regex::new(r#""[^"\n]* [^"\n]*""#)?,
            test: Regex::new(
                r"#\[(?:\w+::)?test\b[^\n]*\n(?:\s*#\[[^\n]*\n)*\s*(?:async )?fn (\w+)",
            )?,
            test_list: Regex::new(r"\bon_both!\s*[({]([^)}]*)[)}]")?,
            word: Regex::new(r"\w+")?,
        })
    }

    /// Returns the prose in a Rust file, except literals in tests.
    pub(super) fn of_rust(&self, source: &Source) -> Vec<Passage> {
        let mut passages = Vec::new();
        let tests_start = if is_test_file(&source.path) {
            0
        } else {
            source.code.find("#[cfg(test)]\nmod ").unwrap_or(usize::MAX)
        };
        let mut doc = DocComment::default();
        let (mut line, mut counted) = (1, 0);
        for piece in lexer::split(&source.text) {
            line += line_breaks(source.text.get(counted..piece.start).unwrap_or_default());
            counted = piece.start;
            match piece.kind {
                PieceKind::Comment => match doc_text(piece.text) {
                    Some(text) => passages.extend(doc.line(line, text)),
                    None => {
                        let text = piece.text.trim_start_matches(['/', '*']);
                        let lines = text.trim_end_matches("*/").lines().enumerate();
                        passages.extend(lines.map(|(index, text)| Passage {
                            kind: PassageKind::Comment,
                            line: line + index,
                            text: text.trim().to_owned(),
                        }));
                    }
                },
                PieceKind::Literal => {
                    if piece.start < tests_start && piece.text.contains(' ') {
                        passages.push(Passage {
                            kind: PassageKind::Message,
                            line,
                            text: message(piece.text),
                        });
                    }
                }
                // Consecutive lines of a doc comment are separated by a single line break.
                PieceKind::Code => {
                    if piece.text.trim().is_empty() && line_breaks(piece.text) <= 1 {
                        continue;
                    }
                    doc = DocComment::default();
                }
            }
        }
        passages.extend(self.test_names(&source.code));
        passages
    }

    /// Returns the prose in a JavaScript file.
    pub(super) fn of_javascript(&self, text: &str) -> Vec<Passage> {
        let lines = text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line));
        let of_line = |(number, line): (usize, &str)| {
            let comment = self.comment.captures(line).and_then(|captures| {
                let text = captures.get(1).or_else(|| captures.get(2))?;
                Some((PassageKind::Comment, text.as_str()))
            });
            let code = match comment {
                Some((_, text)) => line.get(..line.len() - text.len()).unwrap_or_default(),
                None => line,
            };
            let literals = self
                .literal
                .find_iter(code)
                .map(|text| (PassageKind::Message, text.as_str().trim_matches('"')));
            let passages = comment.into_iter().chain(literals);
            passages
                .map(|(kind, text)| Passage {
                    kind,
                    line: number,
                    text: text.trim().to_owned(),
                })
                .collect::<Vec<_>>()
        };
        lines.flat_map(of_line).collect()
    }

    fn test_names(&self, code: &str) -> Vec<Passage> {
        let functions = self
            .test
            .captures_iter(code)
            .filter_map(|found| found.get(1));
        let functions = functions.map(|name| (name.start(), name.as_str()));
        let lists = self
            .test_list
            .captures_iter(code)
            .filter_map(|found| found.get(1));
        let listed = lists.flat_map(|list| {
            let names = self.word.find_iter(list.as_str());
            names.map(move |name| (list.start() + name.start(), name.as_str()))
        });
        let passage = |(start, name): (usize, &str)| Passage {
            kind: PassageKind::TestName,
            line: 1 + line_breaks(code.get(..start).unwrap_or_default()),
            text: name.to_owned(),
        };
        functions.chain(listed).map(passage).collect()
    }
}

/// Returns the lines of a Markdown document that are outside code blocks.
pub(super) fn of_markdown(text: &str) -> Vec<Passage> {
    let mut is_code = false;
    let lines = text.lines().enumerate().filter_map(|(index, line)| {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
            return None;
        }
        let passage = Passage {
            kind: PassageKind::Markdown,
            line: index + 1,
            text: line.trim().to_owned(),
        };
        (!is_code).then_some(passage)
    });
    lines.collect()
}

/// The lines of a doc comment.
#[derive(Default)]
struct DocComment {
    has_summary: bool,
    is_code: bool,
}

impl DocComment {
    fn line(&mut self, line: usize, text: &str) -> Option<Passage> {
        let text = text.trim();
        if text.starts_with("```") {
            self.is_code = !self.is_code;
            return None;
        }
        if self.is_code || text.is_empty() {
            return None;
        }
        let kind = if self.has_summary {
            PassageKind::Doc
        } else {
            PassageKind::Summary
        };
        self.has_summary = true;
        Some(Passage {
            kind,
            line,
            text: text.to_owned(),
        })
    }
}

fn doc_text(comment: &str) -> Option<&str> {
    let is_doc = comment.starts_with("///") && !comment.starts_with("////");
    (is_doc || comment.starts_with("//!")).then(|| comment.get(3..))?
}

/// Returns the text in a literal as one line.
fn message(literal: &str) -> String {
    let inner = literal.trim_start_matches(['b', 'c', 'r', '#']);
    let inner = inner.trim_end_matches('#').trim_matches('"');
    inner
        .replace("\\\n", " ")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn line_breaks(text: &str) -> usize {
    text.matches('\n').count()
}

fn is_test_file(path: &Path) -> bool {
    let mut parts = path.components().map(|part| part.as_os_str());
    parts.any(|part| part == "tests" || part == "tests.rs")
}
