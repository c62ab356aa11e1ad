//! The JSON shapes of the layout of a list.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::list::{OrderBody, SortBody, TotalBody};

/// The part of a layout that is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LayoutParams {
    /// Number of images, from 1 to 20,000. The default is 20,000.
    #[param(minimum = 1, maximum = 20000)]
    pub limit: Option<u32>,
    /// `next_cursor` of the part before. It belongs to its `sort` and `order`.
    pub cursor: Option<String>,
    /// The value that orders the list, as in `GET /images`. The default is `uploaded`.
    #[param(inline)]
    pub sort: Option<SortBody>,
    /// The direction, as in `GET /images`.
    #[param(inline)]
    pub order: Option<OrderBody>,
    /// The number that chooses the order of `random`. Without it, one is drawn, which the answer states.
    pub random_seed: Option<u64>,
    /// A query line, as in `GET /search`. Images are listed when its fields let them pass and their texts hold all of its
    /// words and phrases.
    pub q: Option<String>,
}

/// The shapes of images in the order of a list. The lists have one item for each image.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Layout)]
pub struct LayoutBody {
    /// The images.
    #[schema(example = json!([9, 7, 4]))]
    pub image_ids: Vec<i64>,
    /// Widths in pixels, after the orientation is applied; 0 while the store does not know it.
    #[schema(example = json!([4000, 512, 1024]))]
    pub widths: Vec<u32>,
    /// Heights in pixels, after the orientation is applied; 0 while the store does not know it.
    #[schema(example = json!([3000, 768, 1024]))]
    pub heights: Vec<u32>,
    /// Days since 1970-01-01: of `uploaded_at` by UTC, or with `sort=taken` of `taken_at` by the clock of the camera, with
    /// null where that is not known. Null in other orders.
    #[schema(example = json!([20454, 20454, 20453]))]
    pub days: Option<Vec<Option<i64>>>,
    /// The number of images of the whole list.
    pub total: TotalBody,
    /// The number that has chosen the order of `random`; null in other orders.
    #[schema(example = 42)]
    pub random_seed: Option<u64>,
    /// The `cursor` of the next part; null on the last part.
    #[schema(example = "MXx1cGxvYWRlZHxkZXNjfDB8MTc2NzMyMzA0NTY3ODkwMXwx")]
    pub next_cursor: Option<String>,
}
