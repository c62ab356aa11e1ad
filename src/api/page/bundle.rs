//! Puts the modules of the page into one script. A browser asks for a few files at once and waits a round trip for each
//! batch, so dozens of small modules keep a phone on a slow network waiting for seconds.
//!
//! Each module becomes a function that returns what the module exports, and an import reads from what the function has
//! returned. This holds while each import and export is a line of its own, modules do not import each other in a circle,
//! and no export changes its value; anything else is refused.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Returns one script that does what the module `entry` does. `text_of` returns the text of the module with a path.
///
/// # Errors
/// When a module does not exist, when modules import each other in a circle, or when a line imports or exports in a way
/// that the script cannot hold.
pub fn script<'a>(entry: &str, text_of: &dyn Fn(&str) -> Option<&'a str>) -> Result<String, String> {
    let mut bundle = Bundle { text_of, open: Vec::new(), done: BTreeSet::new(), script: String::new() };
    bundle.add(entry)?;
    Ok(bundle.script)
}

struct Bundle<'f, 'a> {
    text_of: &'f dyn Fn(&str) -> Option<&'a str>,
    /// The modules whose imports are being added, each imported by the one before.
    open: Vec<String>,
    done: BTreeSet<String>,
    script: String,
}

impl Bundle<'_, '_> {
    /// Adds a module after the modules that it imports.
    fn add(&mut self, path: &str) -> Result<(), String> {
        if self.done.contains(path) {
            return Ok(());
        }
        if self.open.iter().any(|open| open == path) {
            return Err(format!("{} and {path} import each other", self.open.join(", ")));
        }
        let text = (self.text_of)(path).ok_or_else(|| format!("{path} does not exist"))?;
        self.open.push(path.to_owned());
        let (mut body, mut exports) = (String::new(), Vec::new());
        for line in text.lines() {
            let refuse = || format!("{path} has a line that the script cannot hold: {line}");
            let line = if let Some(import) = line.strip_prefix("import ") {
                let (names, from) = parse_import(import).ok_or_else(refuse)?;
                let target = beside(path, from).ok_or_else(refuse)?;
                self.add(&target)?;
                format!("const {names} = {};", variable(&target))
            } else if let Some(value) = line.strip_prefix("export default ") {
                exports.push("default: $default");
                format!("const $default = {value}")
            } else if let Some(declaration) = line.strip_prefix("export ") {
                exports.push(declared(declaration).ok_or_else(refuse)?);
                declaration.to_owned()
            } else if line.starts_with("import") || line.starts_with("export") {
                return Err(refuse());
            } else {
                line.to_owned()
            };
            body.push_str(&line);
            body.push('\n');
        }
        self.open.pop();
        self.done.insert(path.to_owned());
        let exports = exports.join(", ");
        write!(self.script, "const {} = (() => {{\n{body}return {{ {exports} }};\n}})();\n", variable(path))
            .map_err(|error| error.to_string())
    }
}

/// Splits `NAMES from "PATH";` into a pattern of the names and the path.
fn parse_import(import: &str) -> Option<(String, &str)> {
    let (names, from) = import.split_once(" from \"")?;
    let pattern = match names.strip_prefix("* as ") {
        Some(all) => all.to_owned(),
        None if names.starts_with('{') => names.replace(" as ", ": "),
        None => format!("{{ default: {names} }}"),
    };
    Some((pattern, from.strip_suffix("\";")?))
}

/// Returns the path of a module that another one names from its own folder.
fn beside(path: &str, from: &str) -> Option<String> {
    let folder = path.rfind('/').map_or("", |end| &path[..=end]);
    Some(format!("{folder}{}", from.strip_prefix("./")?))
}

/// Returns the names that a declaration declares, with commas between them.
fn declared(declaration: &str) -> Option<&str> {
    let mut words = declaration.splitn(2, ' ');
    let (kind, rest) = (words.next()?, words.next()?);
    if kind == "async" {
        return declared(rest);
    }
    if let (true, Some(several)) = (kind == "const", rest.strip_prefix("{ ")) {
        return Some(several.split_once(" } =")?.0).filter(|names| !names.contains([':', '=', '.']));
    }
    let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').next()?;
    (["function", "const", "class"].contains(&kind) && !name.is_empty()).then_some(name)
}

/// Returns the name of the variable that holds what a module exports.
fn variable(path: &str) -> String {
    let plain = path.trim_end_matches(".js").replace(|c: char| !c.is_alphanumeric(), "_");
    format!("${plain}")
}

#[cfg(test)]
mod tests {
    use super::script;

    fn bundle(modules: &[(&str, &'static str)]) -> Result<String, String> {
        script("app.js", &|path| modules.iter().find(|(name, _)| *name == path).map(|(_, text)| *text))
    }

    #[test]
    fn modules_become_one_script_in_the_order_of_their_imports() {
        let modules = [
            (
                "app.js",
                "import { a, b as c } from \"./parts/one.js\";\nimport * as two from \"./two.js\";\na(c, two);\n",
            ),
            (
                "parts/one.js",
                "import words from \"./words.js\";\nexport const a = (b) => words[b];\nexport async function b() {\n}\n",
            ),
            ("parts/words.js", "export default {\n  key: 1,\n};\n"),
            ("two.js", "import { a } from \"./parts/one.js\";\nexport const { d, e } = a;\nexport class F {}\n"),
        ];
        let expected = "const $parts_words = (() => {\nconst $default = {\n  key: 1,\n};\nreturn { default: $default };\n})();\n\
            const $parts_one = (() => {\nconst { default: words } = $parts_words;\nconst a = (b) => words[b];\nasync function b() {\n}\n\
            return { a, b };\n})();\n\
            const $two = (() => {\nconst { a } = $parts_one;\nconst { d, e } = a;\nclass F {}\nreturn { d, e, F };\n})();\n\
            const $app = (() => {\nconst { a, b: c } = $parts_one;\nconst two = $two;\na(c, two);\nreturn {  };\n})();\n";
        assert_eq!(bundle(&modules).unwrap(), expected);
    }

    #[test]
    fn what_a_script_cannot_hold_is_refused() {
        let circle = [("app.js", "import { b } from \"./b.js\";\n"), ("b.js", "import { a } from \"./app.js\";\n")];
        assert_eq!(bundle(&circle).unwrap_err(), "app.js, b.js and app.js import each other");
        assert_eq!(
            bundle(&[("app.js", "import \"./b.js\";")]).unwrap_err(),
            "app.js has a line that the script cannot hold: import \"./b.js\";"
        );
        for line in [
            "import { a } from \"../b.js\";",
            "import {",
            "export { a };",
            "export * from \"./b.js\";",
            "export let a = 1;",
            "export const { a: b } = c;",
            "export function* a() {",
        ] {
            assert!(bundle(&[("app.js", line)]).is_err(), "{line}");
        }
        assert_eq!(bundle(&[("app.js", "import { b } from \"./b.js\";")]).unwrap_err(), "b.js does not exist");
    }
}
