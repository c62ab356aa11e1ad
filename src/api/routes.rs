//! The list of all documented routes. Each resource states its own in its `routes` function: the handler, whose
//! `#[utoipa::path]` attribute holds the path, the method and the description, and the errors that are its own.
//!
//! | Method | Path | Operation |
//! |---|---|---|
//! | GET | `/backups` | `get_backups` |
//! | POST | `/backups` | `start_backup` |
//! | GET | `/check` | `get_check` |
//! | POST | `/check` | `start_check` |
//! | GET | `/facets` | `facets` |
//! | GET | `/healthz` | `healthz` |
//! | GET | `/images` | `list_images` |
//! | POST | `/images` | `upload_images` |
//! | POST | `/images/archive` | `archive_images` |
//! | POST | `/images/delete` | `delete_images` |
//! | GET | `/images/duplicates` | `duplicate_images` |
//! | POST | `/images/get` | `get_images` |
//! | POST | `/images/known` | `known_images` |
//! | GET | `/images/layout` | `images_layout` |
//! | POST | `/images/update` | `update_images` |
//! | DELETE | `/images/{image_id}` | `delete_image` |
//! | GET | `/images/{image_id}` | `get_image` |
//! | PATCH | `/images/{image_id}` | `update_image` |
//! | GET | `/images/{image_id}/content` | `get_image_content` |
//! | GET | `/images/{image_id}/similar` | `similar_images` |
//! | GET | `/images/{image_id}/thumbnail` | `get_image_thumbnail` |
//! | GET | `/metrics` | `metrics` |
//! | GET | `/models` | `list_models` |
//! | GET | `/models/current` | `get_current_model` |
//! | PUT | `/models/current` | `set_current_model` |
//! | POST | `/models/refresh` | `refresh_models` |
//! | GET | `/models/{model_id}` | `get_model` |
//! | DELETE | `/models/{model_id}/backfill` | `stop_backfill` |
//! | POST | `/models/{model_id}/backfill` | `start_backfill` |
//! | POST | `/models/{model_id}/compare` | `compare_models` |
//! | DELETE | `/models/{model_id}/embeddings` | `retire_model` |
//! | GET | `/models/{model_id}/embeddings` | `get_embeddings` |
//! | GET | `/models/{model_id}/failures` | `list_failures` |
//! | GET | `/readyz` | `readyz` |
//! | DELETE | `/reindex` | `stop_reindex` |
//! | GET | `/reindex` | `get_reindex` |
//! | POST | `/reindex` | `start_reindex` |
//! | GET | `/search` | `search` |
//! | POST | `/search/image` | `search_by_image` |
//! | POST | `/search/text` | `search_by_text` |
//! | GET | `/suggestions` | `suggestions` |

use super::route::Route;
use super::{backups, check, facets, health, images, metrics, models, reindex, search, suggestions};

/// All routes of the OpenAPI document.
pub fn documented() -> Vec<Route> {
    [
        images::routes(),
        reindex::routes(),
        search::routes(),
        facets::routes(),
        suggestions::routes(),
        models::routes(),
        health::routes(),
        metrics::routes(),
        check::routes(),
        backups::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Scope;

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

    #[test]
    fn nothing_changes_by_get_or_by_a_key_that_may_only_read() {
        // These have a body and change nothing.
        const READING: [&str; 6] =
            ["archive_images", "compare_models", "get_images", "known_images", "search_by_image", "search_by_text"];
        // Operators alone see these.
        const OPERATING: [&str; 2] = ["get_backups", "get_check"];
        for row in documented().iter().map(Route::row) {
            let reads = row.method == "GET" || READING.contains(&row.operation.as_str());
            let reads = reads && !OPERATING.contains(&row.operation.as_str());
            assert_eq!(row.scope <= Scope::Read, reads, "{} {} needs {}", row.method, row.path, row.scope);
        }
    }
}
