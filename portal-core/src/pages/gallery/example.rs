//! One example: the rendered component, and the code that renders it.

use maud::{Markup, Render};

/// Examples of one component.
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// Advice on when to use the component.
    pub(super) when: &'static str,
    pub(super) examples: Vec<Example>,
}

impl Section {
    pub(super) const fn new(
        id: &'static str,
        title: &'static str,
        when: &'static str,
        examples: Vec<Example>,
    ) -> Self {
        Self {
            id,
            title,
            when,
            examples,
        }
    }
}

/// One state of a component.
pub(super) struct Example {
    pub(super) name: &'static str,
    pub(super) code: String,
    pub(super) view: Markup,
    /// `true` if the example reaches from edge to edge.
    pub(super) wide: bool,
}

impl Example {
    pub(super) fn new(name: &'static str, code: &str, view: impl Render) -> Self {
        Self {
            name,
            code: laid_out(code),
            view: view.render(),
            wide: false,
        }
    }

    /// Replaces the displayed code, without formatting it.
    pub(super) fn with_code(mut self, code: &str) -> Self {
        code.clone_into(&mut self.code);
        self
    }

    pub(super) const fn wide(mut self) -> Self {
        self.wide = true;
        self
    }
}

/// Creates an example that displays the code it runs.
macro_rules! example {
    ($name:literal, $shown:expr $(,)?) => {
        $crate::pages::gallery::example::Example::new($name, stringify!($shown), $shown)
    };
}
pub(super) use example;

/// Formats code from `stringify!`, with one line for each call in a long chain.
fn laid_out(code: &str) -> String {
    const WIDE: usize = 64;
    let mut flat = String::new();
    let mut is_text = false;
    let mut before = ' ';
    for character in code.chars() {
        if character == '"' && before != '\\' {
            is_text = !is_text;
        }
        match character {
            ' ' | '\n' if !is_text => {
                if !flat.ends_with([' ', '(', '[']) {
                    flat.push(' ');
                }
            }
            _ => {
                if !is_text && flat.ends_with(' ') && [')', ',', ']', '.', ';'].contains(&character)
                {
                    flat.pop();
                }
                flat.push(character);
            }
        }
        before = character;
    }
    if flat.len() <= WIDE {
        return flat;
    }
    let mut lines = String::new();
    let (mut depth, mut is_text, mut before) = (0_i32, false, ' ');
    for character in flat.chars() {
        match character {
            '"' if before != '\\' => is_text = !is_text,
            '(' | '[' | '{' if !is_text => depth += 1,
            ')' | ']' | '}' if !is_text => depth -= 1,
            '.' if !is_text && depth == 0 && before == ')' => lines.push_str("\n    "),
            _ => {}
        }
        lines.push(character);
        before = character;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_chain_has_one_line_per_call() {
        assert_eq!(
            laid_out("Button::new(\"a . b\").solid()"),
            "Button::new(\"a . b\").solid()"
        );
        let long = "Button::new(\"Something with a long name\").icon(\"plus\")\n        .attribute(\"x\", f(1.5).to_string())";
        let expected = "Button::new(\"Something with a long name\")\n    .icon(\"plus\")\n    .attribute(\"x\", f(1.5).to_string())";
        assert_eq!(laid_out(long), expected);
    }
}
