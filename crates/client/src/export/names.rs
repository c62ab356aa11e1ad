//! The names of exported pictures: safe on every file system, and different for every picture.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization as _;

/// The longest name of a file or folder, in bytes. File systems take 255; the rest is for what makes a name unique.
const MAX_PART_BYTES: usize = 200;

/// The names that Windows keeps for devices.
const RESERVED: [&str; 22] = [
    "aux", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "con", "lpt1", "lpt2", "lpt3",
    "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9", "nul", "prn",
];

/// The names that pictures of an export have. Names that differ in case or in the form of accents only are one, because
/// they are on the file systems of Windows and macOS.
#[derive(Debug, Default)]
pub struct Names {
    files: HashSet<String>,
    folders: HashSet<String>,
}

impl Names {
    /// Returns a name that no picture had before, with `/` between its parts: the path in the folder that was uploaded,
    /// else the file name. Where another picture has that name, the id is added in front of the extension. The same
    /// pictures in the same order have the same names.
    pub fn name(&mut self, image_id: i64, source_path: Option<&str>, file_name: &str) -> String {
        let path = source_path.map(clean).filter(|path| !path.is_empty()).unwrap_or_else(|| clean(file_name));
        let path = if path.is_empty() { "picture".to_owned() } else { path };
        let file_name = path.rsplit('/').next().unwrap_or_default();
        let numbered = (0..).map(|number: u32| match number {
            0 => format!(" ~{image_id}"),
            number => format!(" ~{image_id}-{number}"),
        });
        // A picture whose folder has the name of another picture goes to the top.
        let candidates = std::iter::once(path.clone())
            .chain(std::iter::once(with_suffix(&path, &format!(" ~{image_id}"))))
            .chain(numbered.map(|suffix| with_suffix(file_name, &suffix)));
        for name in candidates {
            if self.take(&name) {
                return name;
            }
        }
        path
    }

    /// Takes a name. Returns whether it was free.
    fn take(&mut self, name: &str) -> bool {
        let name = folded(name);
        let folders: Vec<String> = name.match_indices('/').map(|(end, _)| name[..end].to_owned()).collect();
        let is_free = !self.files.contains(&name)
            && !self.folders.contains(&name)
            && !folders.iter().any(|folder| self.files.contains(folder));
        if is_free {
            self.folders.extend(folders);
            self.files.insert(name);
        }
        is_free
    }
}

fn folded(name: &str) -> String {
    name.nfc().flat_map(char::to_lowercase).nfc().collect()
}

/// Adds a text in front of the extension of a name.
fn with_suffix(name: &str, suffix: &str) -> String {
    let (stem, extension) = split(name);
    format!("{stem}{suffix}{extension}")
}

/// Splits a name in front of its extension, which begins with a dot and is short.
fn split(name: &str) -> (&str, &str) {
    let begin = name.rfind('/').map_or(0, |end| end + 1);
    match name.rfind('.') {
        Some(dot) if dot > begin && name.len() - dot <= 10 => name.split_at(dot),
        _ => (name, ""),
    }
}

/// Returns a path without anything that leads out of a folder or that a file system refuses; empty if nothing is left.
fn clean(path: &str) -> String {
    let parts: Vec<String> = path.split(['/', '\\']).map(clean_part).filter(|part| !part.is_empty()).collect();
    parts.join("/")
}

fn clean_part(part: &str) -> String {
    let is_refused = |c: char| c.is_control() || matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*');
    let part: String = part.chars().map(|c| if is_refused(c) { '_' } else { c }).collect();
    // Windows drops dots and spaces at the end; `.` and `..` become nothing.
    let part = part.trim().trim_end_matches(['.', ' ']).trim_start();
    let stem = part.split('.').next().unwrap_or_default().trim_end();
    let part =
        if RESERVED.iter().any(|name| stem.eq_ignore_ascii_case(name)) { format!("_{part}") } else { part.to_owned() };
    shortened(&part)
}

/// Cuts the end of the stem of a name that is too long.
fn shortened(part: &str) -> String {
    if part.len() <= MAX_PART_BYTES {
        return part.to_owned();
    }
    let (stem, extension) = split(part);
    let stem = &stem[..stem.floor_char_boundary(MAX_PART_BYTES - extension.len())];
    format!("{}{extension}", stem.trim_end_matches(['.', ' ']))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_picture_keeps_its_path_or_else_its_file_name() {
        let mut names = Names::default();
        assert_eq!(names.name(1, Some("2024/Kyoto/a.jpg"), "a.jpg"), "2024/Kyoto/a.jpg");
        assert_eq!(names.name(2, None, "海 の写真.png"), "海 の写真.png");
    }

    #[test]
    fn equal_names_get_the_id_also_where_only_case_or_accents_differ() {
        let mut names = Names::default();
        assert_eq!(names.name(1, None, "が.jpg"), "が.jpg");
        assert_eq!(names.name(2, None, "か\u{3099}.JPG"), "か\u{3099} ~2.JPG");
        assert_eq!(names.name(3, Some("x/no extension"), "y"), "x/no extension");
        assert_eq!(names.name(4, Some("X/No extension"), "y"), "X/No extension ~4");
        assert_eq!(names.name(5, None, "が ~6.jpg"), "が ~6.jpg");
        assert_eq!(names.name(6, None, "が.jpg"), "が ~6-1.jpg", "somebody has called a picture so");
    }

    #[test]
    fn a_folder_and_a_picture_never_have_one_name() {
        let mut names = Names::default();
        assert_eq!(names.name(1, None, "a"), "a");
        assert_eq!(names.name(2, Some("A/b.jpg"), "b.jpg"), "b ~2.jpg");
        assert_eq!(names.name(3, Some("c/d.jpg"), "d.jpg"), "c/d.jpg");
        assert_eq!(names.name(4, None, "C"), "C ~4");
    }

    #[test]
    fn nothing_leads_out_of_the_folder_or_is_refused_by_a_file_system() {
        for (path, want) in [
            ("../../etc/passwd", "etc/passwd"),
            ("/etc/./passwd", "etc/passwd"),
            (r"C:\Users\me\a.jpg", "C_/Users/me/a.jpg"),
            ("a\nb\u{1b}.jpg", "a_b_.jpg"),
            ("what? *.jpg", "what_ _.jpg"),
            ("con.jpg", "_con.jpg"),
            ("NUL", "_NUL"),
            (" a. /b .jpg ", "a/b .jpg"),
            ("...", ""),
        ] {
            assert_eq!(clean(path), want, "{path}");
        }
        assert_eq!(Names::default().name(1, Some(".."), "/"), "picture");
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let name = clean(&format!("{}.jpeg", "写真".repeat(100)));
        assert!(name.len() <= MAX_PART_BYTES && name.ends_with("写.jpeg"), "{name}");
    }

    proptest! {
        #[test]
        fn any_pictures_get_different_names_that_stay_below_the_folder(
            pictures in proptest::collection::vec((proptest::option::of("[a-bA-B./\\\\ ~0-9]{0,8}"), "[a-bA-B. ~0-9]{0,4}"), 0..20),
        ) {
            let mut names = Names::default();
            let mut all = HashSet::new();
            for (image_id, (path, file_name)) in (1..).zip(&pictures) {
                let name = names.name(image_id, path.as_deref(), file_name);
                prop_assert!(!name.starts_with('/') && name.split('/').all(|part| !part.is_empty() && part != ".." && part != "."));
                prop_assert!(all.insert(folded(&name)), "{name} twice");
            }
            for name in &all {
                prop_assert!(!all.iter().any(|other| other.starts_with(&format!("{name}/"))), "{name} is a folder too");
            }
        }
    }
}
