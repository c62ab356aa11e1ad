//! Values that are written by name in settings and flags.

/// Returns the value whose name, according to `name_of`, is `text`.
///
/// # Errors
/// A sentence that lists all names, when none of `values` has the name `text`.
pub(crate) fn parse<T: Copy>(text: &str, values: &[T], name_of: impl Fn(T) -> &'static str) -> Result<T, String> {
    let found = values.iter().copied().find(|value| name_of(*value) == text);
    found.ok_or_else(|| {
        let names: Vec<String> = values.iter().map(|value| format!("`{}`", name_of(*value))).collect();
        let (last, others) = names.split_last().map_or(("", &[][..]), |(last, others)| (last.as_str(), others));
        format!("it is `{text}`, and may be {} or {last}", others.join(", "))
    })
}
