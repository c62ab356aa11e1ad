//! The names of files in an archive.

use std::collections::HashSet;

/// The name of a picture whose own name has no character that a file may have.
const NAMELESS: &str = "picture";

/// Gives each file a name of its own.
#[derive(Debug, Default)]
pub struct Names {
    /// The names that are taken, in lower case, because some systems tell no difference.
    taken: HashSet<String>,
}

impl Names {
    /// Returns `name` as a file in one folder may be called, with a number where another file has the name.
    pub fn of(&mut self, name: &str) -> String {
        let name = cleaned(name);
        if self.taken.insert(name.to_lowercase()) {
            return name;
        }
        // A dot at the beginning makes a file hidden and begins no extension.
        let (stem, extension) = match name.rfind('.') {
            Some(at) if at > 0 => name.split_at(at),
            _ => (name.as_str(), ""),
        };
        let mut number = 2_u64;
        loop {
            let numbered = format!("{stem} ({number}){extension}");
            if self.taken.insert(numbered.to_lowercase()) {
                return numbered;
            }
            number += 1;
        }
    }
}

/// Returns a name without the characters that separate folders or that Windows refuses.
fn cleaned(name: &str) -> String {
    let refused = |c: char| c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|');
    let name: String = name.chars().map(|c| if refused(c) { '_' } else { c }).collect();
    let name = name.trim().trim_end_matches('.');
    if name.is_empty() { NAMELESS.to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_a_name_of_its_own() {
        let mut names = Names::default();
        let given =
            ["a.jpg", "A.JPG", "a.jpg", "a (2).jpg", "海.png", "海.png", "noext", "noext", ".hidden", ".hidden"];
        let expected = [
            "a.jpg",
            "A (2).JPG",
            "a (3).jpg",
            "a (2) (2).jpg",
            "海.png",
            "海 (2).png",
            "noext",
            "noext (2)",
            ".hidden",
            ".hidden (2)",
        ];
        assert_eq!(given.map(|name| names.of(name)), expected);
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        for (given, expected) in [
            ("../../etc/passwd", ".._.._etc_passwd"),
            ("..", "picture"),
            ("", "picture"),
            (" . ", "picture"),
            ("a\\b:c\n.png", "a_b_c_.png"),
        ] {
            assert_eq!(Names::default().of(given), expected);
        }
    }
}
