//! The rules of the prose lint, each with its regular expression and allowed number of matches.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use regex::Regex;

use super::super::Finding;
use super::passages::{Passage, PassageKind};

/// Texts to which a rule applies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// First lines of doc comments.
    Summaries,
    /// Comments, messages and documents.
    Prose,
    /// Names of test functions.
    TestNames,
}

pub(super) struct Rule {
    pub(super) id: &'static str,
    /// Number of allowed matches, because some expressions also match correct English. It may only
    /// be lowered.
    pub(super) limit: usize,
    scope: Scope,
    expression: &'static str,
    advice: &'static str,
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "P1",
        limit: 0,
        scope: Scope::Summaries,
        expression: r"^(What|Who|Whom|Whose|Whoever|Whomever|How|Whether|That|Where|Which|When|Why)\b",
        advice: "start with a noun phrase or a verb",
    },
    Rule {
        id: "P2",
        limit: 0,
        scope: Scope::Prose,
        expression: r"(^|[.!] |\| |[-*] )(What|Who|Whom|Whose|Whoever|Whomever) [^?]*$",
        advice: "use a noun phrase instead of a relative clause",
    },
    Rule {
        id: "P3",
        limit: 0,
        scope: Scope::Prose,
        expression: r"\b([Hh]e|[Hh]im|[Hh]is|[Hh]imself|[Ss]he|[Hh]ers?|[Hh]erself)\b",
        advice: "name the person, or use *they*",
    },
    Rule {
        id: "P4",
        limit: 0,
        scope: Scope::Prose,
        expression: r"\b([Nn]obody|[Ss]omebody|[Ee]verybody|[Ww]hoever|[Ww]homever|[Ww]hence)\b",
        advice: "name the user, the caller or the client",
    },
    Rule {
        id: "P5",
        limit: 3,
        scope: Scope::Prose,
        expression: r"\b([Tt]old|[Tt]ells?|[Tt]elling|[Hh]ears?|[Hh]eard|[Hh]earing|[Uu]nheard|[Aa]sks|[Aa]sked|[Aa]sking|[Kk]nows|[Oo]wes|[Oo]wed)\b",
        advice: "machines send, receive, request and store",
    },
    Rule {
        id: "P6",
        limit: 0,
        scope: Scope::Prose,
        expression: r"\b(is|are|was|were|be) none\b",
        advice: "negate the verb: \"is not a …\"",
    },
    Rule {
        id: "P7",
        limit: 0,
        scope: Scope::Prose,
        expression: r"\b([Aa]new|any more|exactly if|at the (most|least|earliest|latest)|[Mm]eanwhile|so (many|long)|in the place of|[Bb]eside)\b",
        advice: "use the usual word: again, no longer, at most, besides",
    },
    Rule {
        id: "P8",
        limit: 1,
        scope: Scope::Prose,
        expression: r"\b([Gg]o|[Gg]oes|[Ww]ent|[Gg]oing) on\b|\b[Ll](et|ets|etting) (\w+ ){0,2}in\b|\b([Ss]tands?|[Ss]tood)\b|\bshut out\b|\b(is|are|was|were) away\b|\b([Tt]akes?|[Tt]ook|[Tt]aken) over\b|\bcomes? again\b",
        advice: "use a plain verb: continue, allow, is, disable, retry",
    },
    Rule {
        id: "P9",
        limit: 3,
        scope: Scope::Prose,
        expression: r"\b([Gg]ives|[Gg]ave)\b|\bof (its|his|her|their|one's|our|your|the \w+'s|an? \w+'s) own\b",
        advice: "use *returns* or *provides*; *its own*, *custom*, *separate*",
    },
    Rule {
        id: "P10",
        limit: 0,
        scope: Scope::Prose,
        expression: r"\b([Cc]olour|[Ll]icence|[Cc]entre|[Bb]ehaviour|[Cc]atalogue|[Hh]onour|[Ff]avour|[Gg]rey)(d|s|ed|ing|less)?\b",
        advice: "use the American spelling",
    },
    Rule {
        id: "P11",
        limit: 3,
        scope: Scope::Prose,
        expression: r"\b[Kk]inds? of tasks?\b|\b[Ff]aults?\b|\b[Rr]eaders?\b|\b[Aa]nswer(s|ed)?\b",
        advice: "use the term of the glossary: task type, error, user, response",
    },
    Rule {
        id: "T1",
        limit: 0,
        scope: Scope::TestNames,
        expression: r"^(who|whom|whoever|what|whatever|nobody|somebody|everybody|how|whether|that|where|when)_",
        advice: "start with the subject, not with a relative clause",
    },
    Rule {
        id: "T2",
        limit: 0,
        scope: Scope::TestNames,
        expression: r"(^|_)(told|tells?|hears?|heard|anew|he|him|his|himself|none|nobody|somebody|everybody|whoever|goes_on|go_on|lets?_in|stands?|beside|asked|asks|knows)(_|$)",
        advice: "use the words of the glossary",
    },
    Rule {
        id: "T3",
        limit: 0,
        scope: Scope::TestNames,
        expression: r"^.{61,}$",
        advice: "use at most 60 characters",
    },
];

/// A match of a rule.
pub(super) struct Hit {
    pub(super) rule: &'static str,
    pub(super) path: PathBuf,
    pub(super) text: String,
    line: usize,
    advice: &'static str,
}

impl Hit {
    pub(super) fn to_finding(&self) -> Finding {
        Finding {
            path: self.path.clone(),
            line: self.line,
            message: format!("{} ({}): {}", self.rule, self.advice, self.text),
        }
    }
}

/// The rules with their compiled expressions.
pub(super) struct Rules {
    rules: Vec<(&'static Rule, Regex)>,
    /// Matches text that is removed before the rules are applied.
    ignored: Regex,
}

impl Rules {
    pub(super) fn compile() -> Result<Self> {
        let compile = |expression: &str| Regex::new(expression).context(expression.to_owned());
        let rules = RULES
            .iter()
            .map(|rule| Ok((rule, compile(rule.expression)?)));
        Ok(Self {
            rules: rules.collect::<Result<_>>()?,
            ignored: compile(r"`[^`]*`|[Ss]creen[ -]readers?")?,
        })
    }

    /// Adds all rules' matches in these passages to `hits`.
    pub(super) fn check(&self, path: &Path, passages: &[Passage], hits: &mut Vec<Hit>) {
        for passage in passages {
            let text = self.ignored.replace_all(&passage.text, "");
            for (rule, expression) in &self.rules {
                let applies = match rule.scope {
                    Scope::Summaries => passage.kind == PassageKind::Summary,
                    Scope::Prose => passage.kind != PassageKind::TestName,
                    Scope::TestNames => passage.kind == PassageKind::TestName,
                };
                if applies && expression.is_match(&text) {
                    hits.push(Hit {
                        rule: rule.id,
                        path: path.to_owned(),
                        text: passage.text.clone(),
                        line: passage.line,
                        advice: rule.advice,
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::super::sources::Source;
    use super::super::passages::Extractor;
    use super::Rules;

    fn rules_hit_by(text: &str) -> Vec<&'static str> {
        let source = Source::new("a.rs", text);
        let mut hits = Vec::new();
        let rules = Rules::compile().expect("the expressions are valid");
        let passages = Extractor::compile()
            .expect("the expressions are valid")
            .of_rust(&source);
        rules.check(Path::new("a.rs"), &passages, &mut hits);
        hits.iter().map(|hit| hit.rule).collect()
    }

    #[test]
    fn summary_must_not_be_a_relative_clause() {
        assert_eq!(rules_hit_by("/// Whether it is on.\n"), ["P1"]);
        assert_eq!(
            rules_hit_by("/// Mode.\n///\n/// Whether it is on.\n"),
            [""; 0]
        );
    }

    #[test]
    fn names_in_backticks_are_not_prose() {
        assert_eq!(
            rules_hit_by("// The `fault` of a screen reader.\n"),
            [""; 0]
        );
        assert_eq!(rules_hit_by("// The fault of a reader.\n"), ["P11"]);
    }

    #[test]
    fn messages_are_checked_outside_of_tests_only() {
        let message = "fn f() { g(\"nobody is here\"); }\n";
        assert_eq!(rules_hit_by(message), ["P4"]);
        let in_test = format!("#[cfg(test)]\nmod tests {{\n{message}}}\n");
        assert_eq!(rules_hit_by(&in_test), [""; 0]);
    }

    #[test]
    fn test_names_have_a_subject() {
        assert_eq!(rules_hit_by("#[test]\nfn who_is_out() {}\n"), ["T1"]);
        assert_eq!(rules_hit_by("#[test]\nfn token_is_out() {}\n"), [""; 0]);
        assert_eq!(
            rules_hit_by("on_both!(\n    a,\n    he_is_out,\n);\n"),
            ["T2"]
        );
    }
}
