//! The JSON shapes of lists.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::image::ImageBody;
use mitsuke_store::Total;

/// The value that orders a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Sort)]
pub enum SortBody {
    /// The time of the upload; the newest first unless `order` says otherwise.
    #[default]
    Uploaded,
    /// The time at which the picture was taken, by the clock of the camera; the latest first. Images without that time
    /// come last in both orders.
    Taken,
    /// The file name, in its natural order (`a2` before `a10`); ascending.
    Name,
    /// The size of the file; the largest first.
    Bytes,
    /// A shuffled order, which `random_seed` chooses.
    Random,
}

/// The direction of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Order)]
pub enum OrderBody {
    /// The smallest value first.
    Asc,
    /// The largest value first.
    Desc,
}

/// The page of images that is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListParams {
    /// Number of images on the page. The default is 16.
    #[param(minimum = 1)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before. It belongs to its `sort` and `order`.
    pub cursor: Option<String>,
    /// The value that orders the list. The default is `uploaded`.
    #[param(inline)]
    pub sort: Option<SortBody>,
    /// The direction. The default depends on `sort`: `desc` for `uploaded`, `taken` and `bytes`, else `asc`.
    #[param(inline)]
    pub order: Option<OrderBody>,
    /// The number that chooses the order of `random`. Without it, each list has an order of its own, which `next_cursor`
    /// keeps.
    pub random_seed: Option<u64>,
}

/// A number of images.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[schema(as = Total)]
pub struct TotalBody {
    /// The number, or a number that there are at least.
    #[schema(example = 66)]
    pub count: u64,
    /// Whether `count` is the exact number. It always is up to 10,000.
    #[schema(example = true)]
    pub exact: bool,
}

impl From<Total> for TotalBody {
    fn from(Total { count, exact }: Total) -> Self {
        Self { count, exact }
    }
}

/// A page of images.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ImagePage {
    /// The images.
    pub images: Vec<ImageBody>,
    /// The number of images on all pages.
    pub total: TotalBody,
    /// The `cursor` of the next page; null on the last page.
    #[schema(example = "MXx1cGxvYWRlZHxkZXNjfDB8MTc2NzMyMzA0NTY3ODkwMXwx")]
    pub next_cursor: Option<String>,
}
