//! Both legs of a hybrid search, a statement each.
//!
//! The vector leg is the statement of a vector search, so the optimizer uses the vector index for it as it does there.
//! The keyword leg brings the distances of its hits. The code that also serves the embedded store ranks and fuses the
//! hits. Fusion in SQL would state a second time, in another language, how ties are ordered and what a weight of zero
//! means.

use std::collections::HashMap;

use super::MAX_OFFSET;
use super::keyword;
use super::vector::{self, Form};
use crate::fusion::{LegHit, fuse_hits};
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::Session;
use crate::oracle::rows::models::VectorTable;
use crate::{HybridSearch, ImageId, KeywordHit, RankedImage};

/// Returns a page of the fused ranking.
pub(crate) fn search(
    session: &Session<'_>,
    table: &VectorTable,
    search: &HybridSearch<'_>,
    form: Form,
) -> Result<Vec<RankedImage>, OracleError> {
    let page = search.leg_page();
    // The keyword leg comes first, because it may refuse its terms.
    let found = match search.keyword_leg(&page) {
        Some(leg) => keyword::search_with_distances(session, &leg, table, search.query)?,
        None => Vec::new(),
    };
    if search.depth == 0 || search.page.limit == 0 || search.page.offset > MAX_OFFSET {
        return Ok(Vec::new());
    }
    let vector_hits: Vec<LegHit> = match search.vector_leg(&page) {
        Some(leg) => vector::search(session, table, &leg, form)?.into_iter().map(LegHit::from).collect(),
        None => Vec::new(),
    };
    let distances: HashMap<ImageId, f32> =
        found.iter().filter_map(|(hit, distance)| Some((hit.image_id, (*distance)?))).collect();
    let keyword_hits: Vec<KeywordHit> = found.into_iter().map(|(hit, _)| hit).collect();
    Ok(fuse_hits(search, &vector_hits, &keyword_hits, |image_id| Ok(distances.get(&image_id).copied()))?)
}
