//! The path of a file in the folder that was uploaded, and the folders in it. Paths are data only: nothing opens them.

use unicode_normalization::UnicodeNormalization as _;

use crate::text::folded;

/// The largest number of characters of a source path.
pub const MAX_SOURCE_PATH_CHARS: usize = 1_000;

/// Returns a path as it is stored: its parts with `/` between them, relative to the folder that was uploaded, in Unicode's
/// form NFC. Both `/` and `\` separate parts. Empty parts, `.` and `..` are left out, and so are control characters.
/// `None` when nothing is left, or the path has more than [`MAX_SOURCE_PATH_CHARS`] characters.
#[must_use]
pub fn clean_source_path(path: &str) -> Option<String> {
    let visible: String = path.chars().filter(|c| !c.is_control()).nfc().collect();
    let parts: Vec<&str> =
        visible.split(['/', '\\']).map(str::trim).filter(|part| !matches!(*part, "" | "." | "..")).collect();
    let path = parts.join("/");
    (!path.is_empty() && path.chars().nth(MAX_SOURCE_PATH_CHARS).is_none()).then_some(path)
}

/// Returns the folder of a clean path: `/Photos/2024` for `Photos/2024/a.jpg`, and `/` for `a.jpg`.
#[must_use]
pub fn folder_of(source_path: &str) -> String {
    format!("/{}", source_path.rsplit_once('/').map_or("", |(folder, _)| folder))
}

/// Returns the form in which folders are compared: folded, with a `/` at both ends.
pub(crate) fn folded_folder(folder: &str) -> String {
    let folded = folded(folder);
    let parts: Vec<&str> = folded.split(['/', '\\']).map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "/".to_owned() } else { format!("/{}/", parts.join("/")) }
}

/// A folder of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FolderCondition {
    /// The folders whose compared form begins with this.
    Below(String),
    /// The folders whose compared form holds this.
    Anywhere(String),
}

impl FolderCondition {
    /// Reads a folder of [`Filter::folders`](crate::Filter::folders); `None` for a text without a part, which no folder
    /// meets. A lone `/` is every folder.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let compared = folded_folder(text);
        match (text.starts_with(['/', '\\']), compared.as_str()) {
            (true, _) => Some(Self::Below(compared)),
            (false, "/") => None,
            (false, _) => Some(Self::Anywhere(compared)),
        }
    }

    /// Returns whether a folder, in its compared form, meets the condition.
    pub(crate) fn holds(&self, compared: &str) -> bool {
        match self {
            Self::Below(start) => compared.starts_with(start),
            Self::Anywhere(part) => compared.contains(part),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_is_relative_and_has_named_parts_only() {
        for (path, clean) in [
            ("Photos/2024/a.jpg", Some("Photos/2024/a.jpg")),
            ("/Photos//2024/./../a.jpg", Some("Photos/2024/a.jpg")),
            ("C:\\Photos\\a.jpg", Some("C:/Photos/a.jpg")),
            ("か\u{3099}\n/a.jpg", Some("が/a.jpg")),
            ("..", None),
            (" / ", None),
        ] {
            assert_eq!(clean_source_path(path).as_deref(), clean, "{path}");
        }
        assert!(clean_source_path(&"猫".repeat(1_000)).is_some());
        assert_eq!(clean_source_path(&"猫".repeat(1_001)), None);
    }

    #[test]
    fn a_folder_is_found_from_the_top_or_by_whole_parts_anywhere() {
        let meets = |text: &str, folder: &str| {
            FolderCondition::new(text).is_some_and(|condition| condition.holds(&folded_folder(folder)))
        };
        assert_eq!(folder_of("Photos/2024/a.jpg"), "/Photos/2024");
        assert_eq!(folder_of("a.jpg"), "/");
        for text in ["/photos", "/Photos/2024/", "/", "2024", "ＰＨＯＴＯＳ／2024", "photos"] {
            assert!(meets(text, "/Photos/2024"), "{text}");
        }
        for text in ["/2024", "/Photos/20", "20", "", " ", "photos/2024/05"] {
            assert!(!meets(text, "/Photos/2024"), "{text}");
        }
        assert!(meets("/", "/") && !meets("photos", "/"));
    }

    proptest! {
        #[test]
        fn a_clean_path_is_clean(path in "[a./\\\\ \u{3000}\u{0}-\u{1f}がか\u{3099}]{0,20}") {
            if let Some(clean) = clean_source_path(&path) {
                prop_assert_eq!(clean_source_path(&clean), Some(clean.clone()));
                prop_assert!(!clean.starts_with('/') && !clean.contains("//") && !clean.contains(char::is_control));
                prop_assert!(clean.split('/').all(|part| !matches!(part, "" | "." | "..")));
            }
        }
    }
}
