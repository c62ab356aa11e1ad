//! The list of all documented routes. Each resource states its own in its `routes` function: the handler, whose
//! `#[utoipa::path]` attribute holds the path, the method and the description, and the errors that are its own.
//!
//! | Method | Path | Operation |
//! |---|---|---|

use super::route::Route;
use super::{health, images, metrics, models, search};

/// All routes of the OpenAPI document.
pub fn documented() -> Vec<Route> {
    [images::routes(), search::routes(), models::routes(), health::routes(), metrics::routes()]
        .into_iter()
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_above_lists_every_route() {
        let mut rows: Vec<_> = documented().iter().map(Route::row).collect();
        rows.sort();
        let rows = rows.iter().map(|row| format!("//! | {} | `{}` | `{}` |\n", row.method, row.path, row.operation));
        let table: String = rows.collect();
        let written: String = include_str!("routes.rs")
            .lines()
            .filter(|line| line.starts_with("//! | "))
            .skip(1)
            .map(|line| format!("{line}\n"))
            .collect();
        assert!(written == table, "write this table into the head of routes.rs:\n{table}");
    }
}
