//! The texts of the page: every language has the same keys under the same headings.

use std::collections::BTreeSet;

use super::FILES;

/// One line of a language's file: a heading, or a key with its text.
#[derive(Debug, PartialEq)]
enum Line {
    Heading(&'static str),
    Text(&'static str, String),
}

impl Line {
    fn parse(line: &'static str) -> Option<Self> {
        let line = line.strip_prefix("  ")?;
        if let Some(heading) = line.strip_prefix("// ") {
            return Some(Self::Heading(heading));
        }
        let (key, text) = line.strip_suffix(',')?.split_once(": ")?;
        Some(Self::Text(key, serde_json::from_str(text).ok()?))
    }

    /// The heading or the key, which does not depend on the language.
    fn name(&self) -> &'static str {
        match self {
            Self::Heading(name) | Self::Text(name, _) => name,
        }
    }
}

/// The text of a file of the page.
fn text(name: &str) -> &'static str {
    let (.., bytes) = FILES.iter().find(|(known, ..)| *known == name).expect("the page has the file");
    std::str::from_utf8(bytes).expect("the file is text")
}

/// The lines of the language with this code.
fn lines(code: &str) -> Vec<Line> {
    let path = format!("words/{code}.js");
    let file = text(&path);
    let (_, object) = file.split_once("export default {\n").expect("the file exports an object");
    let object = object.strip_suffix("};\n").expect("the object ends with the file");
    let parse =
        |line| Line::parse(line).unwrap_or_else(|| panic!("{path} has neither heading nor key and text: {line}"));
    object.lines().filter(|line| !line.is_empty()).map(parse).collect()
}

/// The codes of all languages that have a file.
fn languages() -> Vec<&'static str> {
    let code = |path: &'static str| path.strip_prefix("words/")?.strip_suffix(".js");
    FILES.iter().filter_map(|(path, _, _)| code(path)).collect()
}

fn keys(lines: &[Line]) -> BTreeSet<&'static str> {
    lines.iter().filter(|line| matches!(line, Line::Text(..))).map(Line::name).collect()
}

/// The {names} in a text that the page fills in, sorted.
fn holes(text: &str) -> Vec<&str> {
    let mut holes: Vec<_> = text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect();
    holes.sort_unstable();
    holes
}

#[test]
fn every_language_has_every_key_and_no_other() {
    let english = keys(&lines("en"));
    assert!(english.contains("search"));
    for language in languages() {
        let keys = keys(&lines(language));
        let missing: Vec<_> = english.difference(&keys).collect();
        let surplus: Vec<_> = keys.difference(&english).collect();
        assert!(missing.is_empty() && surplus.is_empty(), "{language} lacks {missing:?} and alone has {surplus:?}");
    }
}

#[test]
fn the_files_of_all_languages_have_the_same_headings_and_order() {
    let names = |language| lines(language).iter().map(Line::name).collect::<Vec<_>>();
    let english = names("en");
    assert_eq!(english.iter().collect::<BTreeSet<_>>().len(), english.len(), "a key or heading occurs twice");
    for language in languages() {
        let names = names(language);
        let differing = english.iter().zip(&names).find(|(expected, found)| expected != found);
        assert!(differing.is_none(), "{language}: (expected, found) = {differing:?}");
        assert_eq!(names.len(), english.len(), "{language}");
    }
}

#[test]
fn every_text_says_something_and_has_the_same_values_to_fill_in() {
    let english = lines("en");
    for language in languages() {
        for line in lines(language) {
            let Line::Text(key, text) = &line else { continue };
            assert!(!text.trim().is_empty(), "{language}: {key}");
            let Some(Line::Text(_, english)) =
                english.iter().find(|other| matches!(other, Line::Text(k, _) if k == key))
            else {
                continue;
            };
            assert_eq!(holes(text), holes(english), "{language}: {key}");
        }
    }
}

#[test]
fn the_page_lists_every_language_that_has_a_file() {
    let list = text("languages.js");
    assert_eq!(list.matches("{ code: \"").count(), languages().len());
    for language in languages() {
        for part in [format!("from \"./words/{language}.js\""), format!("{{ code: \"{language}\", name: ")] {
            assert!(list.contains(&part), "languages.js has no {part}");
        }
    }
}
