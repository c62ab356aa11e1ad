//! Plans: whether the optimizer uses the indexes that the statements are written for.

use mitsuke_store::oracle::OrganizationChange;
use mitsuke_store::{Filter, KeywordSearch, Page, SearchStore as _};
use oracle::Connection;

use super::searches::Collection;
use super::{Answer, Live, is_ora, recorded, texts};

/// The name under which the steps of a plan are kept.
const NAME: &str = "MITSUKE";

/// A step of a plan: the operation with its options, and the object.
type Step = (String, String);

/// Returns the plan of a statement, from PLAN_TABLE, which every account has.
fn explain(connection: &Connection, sql: &str) -> Result<Vec<Step>, oracle::Error> {
    connection.execute(&format!("EXPLAIN PLAN SET STATEMENT_ID = '{NAME}' FOR {sql}"), &[])?;
    let steps = format!(
        "SELECT operation || ' ' || options, object_name FROM plan_table WHERE statement_id = '{NAME}' ORDER BY id"
    );
    let plan = connection
        .query_as::<(Option<String>, Option<String>)>(&steps, &[])?
        .map(|row| row.map(|(operation, object)| (operation.unwrap_or_default(), object.unwrap_or_default())))
        .collect();
    connection.rollback()?;
    plan
}

/// Returns the reason why plans cannot be read here, if there is one.
fn unexplained(connection: &Connection) -> Option<Answer> {
    let error = explain(connection, "SELECT 1 FROM dual").err()?;
    Some(if is_ora(&error, 900) || is_ora(&error, 942) {
        Answer::NotTried("this database explains no plans".to_owned())
    } else {
        Answer::Refuted(error.to_string())
    })
}

fn shown(plan: &[Step]) -> String {
    plan.iter().map(|(operation, object)| format!("{} {object}", operation.trim())).collect::<Vec<_>>().join("; ")
}

/// Returns whether a plan goes through a vector index. The parts of an index by neighbour partitions are tables named
/// after it, VECTOR$name$… (AI Vector Search User's Guide, "Optimizer Plans for IVF Vector Indexes"); an in-memory graph
/// is named itself.
fn uses_vector_index(plan: &[Step], index: &str) -> bool {
    let part = format!("VECTOR${index}$");
    plan.iter().any(|(_, object)| object == index || object.starts_with(&part))
}

/// Returns whether a plan takes the matches in the order of Oracle Text and sorts nothing.
fn takes_the_order_of_the_text_index(plan: &[Step]) -> bool {
    let operations = || plan.iter().map(|(operation, _)| operation.trim());
    operations().any(|operation| operation.starts_with("DOMAIN INDEX"))
        && !operations().any(|operation| operation.starts_with("SORT") || operation.starts_with("WINDOW SORT"))
}

/// Explains the first statement of a search with this text, and judges its plan.
fn judge(
    live: &Live,
    part: &str,
    search: impl Fn(&Collection),
    good: impl Fn(&Connection, &Collection, &[Step]) -> bool,
) -> Answer {
    let connection = live.connect();
    if let Some(answer) = unexplained(&connection) {
        return answer;
    }
    let collection = Collection::new(live);
    let table = format!("IMAGE_EMBEDDINGS_{}", collection.model.model_id);
    let by_number_of_rows = OrganizationChange::default();
    if let Err(error) = collection.store.build_index(None, &by_number_of_rows, &mut |_| ()) {
        return Answer::Refuted(format!("there is no index to plan for: {error}"));
    }
    for table in ["IMAGES", &table] {
        connection.execute(&format!("BEGIN DBMS_STATS.GATHER_TABLE_STATS(USER, '{table}'); END;"), &[]).unwrap();
    }
    let (statements, _) = recorded(|| search(&collection));
    let Some(sql) = statements.iter().find(|sql| sql.contains(part)) else {
        return Answer::Refuted(format!("no statement with {part} was sent: {statements:?}"));
    };
    match explain(&connection, sql) {
        Ok(plan) if good(&connection, &collection, &plan) => Answer::Confirmed(shown(&plan)),
        Ok(plan) => Answer::Refuted(shown(&plan)),
        Err(error) => Answer::Refuted(error.to_string()),
    }
}

fn vector_indexes(connection: &Connection, table: &str) -> Vec<String> {
    let sql = format!("SELECT index_name FROM user_indexes WHERE table_name = '{table}' AND index_type = 'VECTOR'");
    texts(connection, &sql)
}

fn names_its_vector_index(connection: &Connection, collection: &Collection, plan: &[Step]) -> bool {
    let table = format!("IMAGE_EMBEDDINGS_{}", collection.model.model_id);
    vector_indexes(connection, &table).iter().any(|index| uses_vector_index(plan, index))
}

/// The plan of a search of all embeddings, whose query vector is joined from pieces.
pub fn approximate(live: &Live) -> Answer {
    let search = |collection: &Collection| _ = collection.found(&Collection::query(), &Page::first(16));
    judge(live, "FETCH APPROX", search, names_its_vector_index)
}

/// The plan of a search among the images that pass a filter.
pub fn filtered(live: &Live) -> Answer {
    let search = |collection: &Collection| {
        let filter = Filter { min_width: Some(1_000), ..Filter::default() };
        collection.found(&Collection::query(), &Page { filter, ..Page::first(16) });
    };
    judge(live, "FETCH APPROX", search, names_its_vector_index)
}

/// The plan of the best matches of a word that every image has.
pub fn keywords(live: &Live) -> Answer {
    let search = |collection: &Collection| {
        let terms = ["cat".to_owned()];
        let page = Page::first(16);
        let search = KeywordSearch { terms: &terms, least: usize::MAX, exclude: &[], page: &page };
        collection.store.search_keyword(&search).unwrap();
    };
    judge(live, "ROWNUM", search, |_, _, plan| takes_the_order_of_the_text_index(plan))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(steps: &[(&str, &str)]) -> Vec<Step> {
        steps.iter().map(|(operation, object)| ((*operation).to_owned(), (*object).to_owned())).collect()
    }

    #[test]
    fn a_vector_index_is_known_by_its_name_or_by_the_tables_of_its_partitions() {
        let graph = plan(&[("SORT ORDER BY STOPKEY", ""), ("VECTOR INDEX HNSW SCAN", "DOCS_VEC")]);
        let partitions = plan(&[("TABLE ACCESS FULL", "VECTOR$DOCS_VEC$81357_83045_0$IVF_FLAT_CENTROIDS")]);
        let neither = plan(&[("TABLE ACCESS FULL", "DOCS"), ("INDEX FULL SCAN", "DOCS_VEC_2")]);
        let found: Vec<bool> = [&graph, &partitions, &neither].map(|plan| uses_vector_index(plan, "DOCS_VEC")).to_vec();
        assert_eq!(found, [true, true, false]);
    }

    #[test]
    fn a_sort_above_the_text_index_is_noticed() {
        let own = [("COUNT STOPKEY", ""), ("VIEW ", ""), ("DOMAIN INDEX ", "IMAGES_SEARCH_TEXT")];
        assert!(takes_the_order_of_the_text_index(&plan(&own)));
        assert!(!takes_the_order_of_the_text_index(&plan(&[own[0], ("SORT ORDER BY STOPKEY", ""), own[2]])));
        assert!(!takes_the_order_of_the_text_index(&plan(&[("TABLE ACCESS FULL", "IMAGES")])));
    }
}
