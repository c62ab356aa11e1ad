//! The text of the Oracle store's SQL: a parser of Oracle's dialect accepts it, and nothing in it belongs to another
//! database.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use mitsuke_image::{Generation, Lora};
use mitsuke_index::UnitVector;
use mitsuke_store::oracle::{IndexKind, OracleSettings, OracleStore, OrganizationChange, TextMaintenance};
use mitsuke_store::{
    Cursor, Facet, Filter, HybridSearch, ImageChange, ImagePatch, ImageStore as _, Inserted, KeywordSearch,
    ModelStore as _, NewImage, NewModel, Occasion, Origin, Page, Reading, SearchStore as _, Sha256, Sort, SortKey,
    Store, SuggestionKind, TakenAt, VectorSearch, Weights,
};
use oracle_standin::testing::{Database, Failure};
use sqlparser::dialect::OracleDialect;
use sqlparser::parser::Parser;
use time::OffsetDateTime;
use time::macros::datetime;

use crate::{open, settings};

/// Returns the files with an extension in a folder of this crate and in the folders below it.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), extension, &mut files);
    files.sort();
    assert!(!files.is_empty(), "{folder} holds no .{extension}");
    files
}

fn collect(folder: &Path, extension: &str, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, extension, files);
        } else if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
}

/// Returns the string literals of a Rust file, with `\` at the end of a line as Rust reads it. Tests and comments are
/// left out.
fn literals(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut out = Vec::new();
    let mut chars = source.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '/' if chars.peek() == Some(&'/') => while chars.next().is_some_and(|c| c != '\n') {},
            '\'' => {
                // The quote begins a character literal, or a lifetime.
                let mut ahead = chars.clone();
                if ahead.next() == Some('\\') {
                    chars.next();
                    chars.next();
                    chars.next();
                } else if ahead.next() == Some('\'') {
                    chars.next();
                    chars.next();
                }
            }
            '"' => {
                let mut text = String::new();
                while let Some(c) = chars.next() {
                    match c {
                        '"' => break,
                        '\\' => match chars.next() {
                            Some('n') => text.push('\n'),
                            Some('\n') => while chars.next_if(|c| c.is_whitespace()).is_some() {},
                            Some(other) => text.push(other),
                            None => {}
                        },
                        c => text.push(c),
                    }
                }
                out.push(text);
            }
            _ => {}
        }
    }
    out
}

fn squeezed(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase()
}

fn is_sql(text: &str) -> bool {
    let verbs = [
        "SELECT ",
        "INSERT INTO ",
        "UPDATE ",
        "DELETE FROM ",
        "MERGE ",
        "CREATE ",
        "ALTER ",
        "DROP ",
        "WITH ",
        "LOCK ",
    ];
    // A sentence for people has only its first letter in upper case.
    verbs.iter().any(|verb| text.trim_start().starts_with(verb))
}

/// Returns the SQL literals of the store, as written.
fn sql_of_the_store() -> Vec<(String, String)> {
    let mut out = Vec::new();
    for path in files("src/oracle", "rs") {
        let name = path.display().to_string();
        for literal in literals(&fs::read_to_string(&path).unwrap()) {
            if is_sql(&literal) {
                out.push((name.clone(), squeezed(&literal)));
            }
        }
    }
    assert!(out.len() > 40, "{} statements were found", out.len());
    out
}

/// Returns whether a line is no SQL: a comment, or a command of SQL*Plus.
fn is_command_of_sqlplus(line: &str) -> bool {
    line.trim_start().starts_with("--") || ["DEFINE ", "COLUMN "].iter().any(|command| line.starts_with(command))
}

/// Returns the statements of a migration, without comments.
fn statements(file: &str) -> Vec<String> {
    let lines = file.lines().filter(|line| !is_command_of_sqlplus(line));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    let mut out = Vec::new();
    let mut current = String::new();
    for line in text.lines() {
        let in_block = current.trim_start().starts_with("BEGIN") || line.trim_start().starts_with("BEGIN");
        if line.trim() == "/" || (!in_block && line.trim_end().ends_with(';')) {
            current.push_str(line.trim_end().trim_end_matches([';', '/']));
            out.push(std::mem::take(&mut current));
        } else {
            current.push_str(line);
            current.push('\n');
        }
    }
    out.retain(|statement| !statement.trim().is_empty());
    out
}

/// Words and signs of other databases, or of releases that Mitsuke does not require, each between blanks.
const FOREIGN: [&str; 26] = [
    " LIMIT ",
    "::",
    " ILIKE ",
    " ON CONFLICT",
    " AUTOINCREMENT",
    " AUTO_INCREMENT",
    " SERIAL ",
    " IFNULL(",
    " NOW()",
    " CURRENT_TIMESTAMP()",
    " DATETIME(",
    " STRFTIME(",
    " REPLACE INTO ",
    " INSERT OR ",
    " INSERT IGNORE",
    " TOP ",
    " TEXT ",
    " TEXT,",
    " VARCHAR(",
    " BIGINT",
    " BYTEA",
    " RETURNING *",
    " JSON_EACH(",
    " TRUE ",
    " FALSE ",
    "`",
];

fn assert_oracle_only(place: &str, sql: &str) {
    let sql = format!(" {} ", squeezed(sql));
    for foreign in FOREIGN {
        assert!(
            !sql.contains(foreign),
            "{place}: {foreign:?} is not Oracle's, or not in the releases before 23ai: {sql}"
        );
    }
    // Oracle accepts no AS before the alias of a table.
    for word in [" FROM ", " JOIN "] {
        for rest in sql.split(word).skip(1) {
            let mut words = rest.split_whitespace();
            let (table, next) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            assert!(
                table.starts_with('(') || table.ends_with(')') || next != "AS",
                "{place}: AS before the alias of {table}: {sql}"
            );
        }
    }
}

#[test]
fn no_sql_belongs_to_another_database() {
    for (place, sql) in sql_of_the_store() {
        assert_oracle_only(&place, &sql);
        assert!(!sql.ends_with(';'), "{place}: a semicolon is no part of a statement: {sql}");
    }
    for path in files("../../sql/oracle", "sql") {
        for statement in statements(&fs::read_to_string(&path).unwrap()) {
            assert_oracle_only(&path.display().to_string(), &statement);
        }
    }
}

/// Removes the clauses that the parser does not know: row limits of vector searches, RETURNING … INTO, lock clauses.
fn normalised(sql: &str) -> String {
    let mut sql =
        squeezed(sql).replace(" FETCH APPROX ", " FETCH ").replace(" FETCH EXACT ", " FETCH ").replace(" <#> ", " * ");
    for clause in [" WITH TARGET ACCURACY ", " FOR UPDATE WAIT "] {
        while let Some(at) = sql.find(clause) {
            let rest = sql[at + clause.len()..].trim_start_matches(|c: char| c.is_ascii_digit()).to_owned();
            sql = format!("{}{rest}", &sql[..at]);
        }
    }
    if let Some(at) = sql.find(" RETURNING ").filter(|at| sql[*at..].contains(" INTO :")) {
        sql.truncate(at);
    }
    for returning in [" RETURNING CLOB)", " RETURNING CLOB )"] {
        sql = sql.replace(returning, ")");
    }
    sql.replace(", *, *)", ")")
}

/// Returns whether a statement is of a kind that the parser does not know: indexes of vectors and texts, and ALTER
/// TABLE by Oracle's rules.
fn beyond_the_parser(sql: &str) -> bool {
    let sql = squeezed(sql);
    ["CREATE VECTOR INDEX ", "ALTER SESSION ", "ALTER TABLE ", "ALTER INDEX ", "BEGIN ", "CREATE USER ", "GRANT "].iter().any(|head| sql.starts_with(head))
        || sql.contains(" INDEXTYPE IS ")
        // The parser does not know types with lists of arguments, identity columns, and lengths in characters.
        || sql.starts_with("CREATE TABLE ")
}

fn assert_parses(place: &str, sql: &str) {
    let normalised = normalised(sql);
    if let Err(error) = Parser::parse_sql(&OracleDialect {}, &normalised) {
        panic!("{place}: {error}\n{normalised}");
    }
}

/// The readable parts of the prompt of [`image`].
static GENERATION: LazyLock<Generation> = LazyLock::new(|| Generation {
    prompt: Some("a cat".to_owned()),
    seed: Some(7),
    model: Some("m".to_owned()),
    sampler: Some("s".to_owned()),
    loras: vec![ink()],
    ..Generation::default()
});

fn ink() -> Lora {
    Lora { name: "ink".to_owned(), weight: Some(0.5) }
}

fn image<'a>(name: &'a str, embeddings: &'a [(i64, UnitVector)]) -> NewImage<'a> {
    NewImage {
        bytes: name.as_bytes(),
        sha256: Sha256::of(name.as_bytes()),
        file_name: name,
        file_type: "image/png",
        width: 10,
        height: 20,
        upload_date: OffsetDateTime::UNIX_EPOCH,
        generation_prompt: Some("a cat\nSteps: 20"),
        generation: Some(&GENERATION),
        generation_prompt_origin: Origin::Found,
        caption: Some("白い猫"),
        caption_origin: Origin::Found,
        tags: &[],
        added_tags: &[],
        listed_tags: None,
        taken: None,
        taken_origin: Origin::Found,
        camera: None,
        source_path: None,
        reader_version: 1,
        embeddings,
        linked: None,
    }
}

fn vector(x: f32) -> UnitVector {
    UnitVector::normalize(vec![x, 1.0 - x, 0.5]).expect("not zero")
}

fn id_of(inserted: Inserted) -> i64 {
    match inserted {
        Inserted::Created(image_id) | Inserted::Known(image_id) => image_id,
    }
}

/// Calls every method of the store, with and without filters.
fn ask_for_everything(store: &dyn Store) {
    let new = |name: &str| NewModel { model_name: name.into(), model_version: "1".into(), vector_dimension: 3 };
    let a = store.register_model(&new("a")).unwrap();
    let b = store.register_model(&new("b")).unwrap();
    let embeddings = [(a.model_id, vector(0.1))];
    let first = id_of(store.insert_image(&image("one.png", &embeddings)).unwrap());
    store.insert_image(&image("one.png", &embeddings)).unwrap();
    let second = id_of(store.insert_image(&image("two.png", &[])).unwrap());
    let filter = Filter {
        file_types: vec!["image/png".into()],
        uploaded_from: Some(OffsetDateTime::UNIX_EPOCH),
        uploaded_before: Some(OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1)),
        min_width: Some(1),
        min_height: Some(1),
        max_width: Some(99),
        max_height: Some(99),
        min_bytes: Some(1),
        max_bytes: Some(99),
        has_generation_prompt: Some(true),
        has_caption: Some(true),
        checkpoints: vec!["m".into()],
        samplers: vec!["s".into()],
        seed: Some(7),
        file_name_contains: Some("one".into()),
        file_name_pattern: Some("*.png".into()),
        ..Filter::default()
    };
    let without = Filter { has_generation_prompt: Some(false), has_caption: Some(false), ..Filter::default() };
    let cursor = Cursor { upload_date: OffsetDateTime::UNIX_EPOCH, image_id: second };
    let (terms, none, query) = (["cat".to_owned(), "白い".to_owned()], [], vector(0.2));
    // Both images have the same score, so this page takes the statement for ties.
    store
        .search_keyword(&KeywordSearch { terms: &terms, least: usize::MAX, exclude: &[], page: &Page::first(1) })
        .unwrap();
    for filter in [&Filter::default(), &filter, &without] {
        for (exclude, exact) in [(&[][..], false), (&[second][..], false), (&[second][..], true)] {
            store.newest(filter, Some(cursor), 5).unwrap();
            store.newest(filter, None, 5).unwrap();
            let page = &Page { filter: filter.clone(), exact, ..Page::first(5) };
            store.newest_page(&Page { offset: 1, ..page.clone() }).unwrap();
            let vector = VectorSearch { model_id: a.model_id, query: &query, exclude, page };
            store.search_vector(&vector).unwrap();
            assert!(store.count_matches(&terms, 10).is_ok());
            store.search_keyword(&KeywordSearch { terms: &terms, least: usize::MAX, exclude, page }).unwrap();
            for terms in [&terms[..], &none[..]] {
                let hybrid = HybridSearch {
                    model_id: a.model_id,
                    query: &query,
                    terms,
                    least: usize::MAX,
                    exclude,
                    depth: 10,
                    weights: Weights::default(),
                    min_similarity: None,
                    page,
                };
                store.search_hybrid(&hybrid).unwrap();
            }
        }
    }
    for _ in 0..2 {
        store.put_thumbnail(first, 256, b"jpeg").unwrap();
    }
    store.thumbnail(first, 256).unwrap();
    store.models().unwrap();
    store.current_model().unwrap();
    store.coverage(b.model_id).unwrap();
    assert!(store.set_current_model(b.model_id, false).is_err());
    store.set_current_model(b.model_id, true).unwrap();
    store.set_maintained(a.model_id, false).unwrap();
    store.claim_backfill(a.model_id, "me", Duration::from_secs(9)).unwrap();
    store.release_backfill(a.model_id, "me").unwrap();
    store.put_embedding(a.model_id, second, &vector(0.3)).unwrap();
    store.put_embedding(a.model_id, second, &vector(0.4)).unwrap();
    store.put_embedding_failure(b.model_id, second, "broken").unwrap();
    store.put_embedding_failure(b.model_id, second, "still broken").unwrap();
    store.embedding_failures(b.model_id, None, 5).unwrap();
    store.images_without_embedding(b.model_id, None, true, 5).unwrap();
    store.images_without_embedding(b.model_id, Some(0), false, 5).unwrap();
    store.embeddings(a.model_id, None, 5).unwrap();
    store.embedding(a.model_id, first).unwrap();
    store.embeddings_of(a.model_id, &[first, second]).unwrap();
    store.put_embedding(b.model_id, second, &vector(0.3)).unwrap();
    store.image(first).unwrap();
    store.images(&[first, second]).unwrap();
    store.content(first).unwrap();
    store.image_by_sha256(&Sha256::of(b"one.png")).unwrap();
    store.images_by_sha256(&[Sha256::of(b"one.png")]).unwrap();
    list_and_count(store);
    let prompt = Some(Some(("a dog".to_owned(), Some(Generation::default()))));
    store
        .update_image(
            first,
            &ImagePatch { caption: Some(Some("犬".into())), generation_prompt: prompt, ..ImagePatch::default() },
        )
        .unwrap();
    store
        .update_image(
            first,
            &ImagePatch { caption: Some(None), generation_prompt: Some(None), ..ImagePatch::default() },
        )
        .unwrap();
    let tags: Vec<String> = (0..150).map(|n| format!("a tag that is longer than most tags are, {n}")).collect();
    let tagged = ImagePatch { tags: Some(tags.clone()), ..ImagePatch::default() };
    store.update_image(first, &tagged).unwrap();
    store.images(&[first]).unwrap();
    store.update_image(first, &ImagePatch { tags: Some(vec!["b".into()]), ..ImagePatch::default() }).unwrap();
    let tagged = Filter { tags: vec!["b".into()], any_tags: vec!["b".into(), "c".into()], ..Filter::default() };
    let filter = Filter { loras: vec!["ink".into()], any_loras: vec!["ink".into()], ..tagged };
    let page = Page { filter: filter.clone(), ..Page::first(5) };
    let query = vector(0.5);
    let search = VectorSearch { model_id: a.model_id, query: &query, exclude: &[], page: &page };
    store.search_vector(&search).unwrap();
    store.newest(&filter, None, 5).unwrap();
    store.images_read_before(2, Some((0, first)), 5).unwrap();
    store.count_images_read_before(2).unwrap();
    let taken = Some(TakenAt { local: datetime!(2024-05-01 12:00), offset: None });
    let reading = Reading { caption: Some("c"), generation_prompt: Some("p"), tags: &tags, ..Reading::default() };
    let reading = Reading { taken, camera: Some("X100V"), ..reading };
    store.put_reading(second, 2, Some(&reading)).unwrap().unwrap();
    let words: Vec<String> = (0..1_100).map(|n| format!("word{n}")).collect();
    let generation = Generation { prompt: Some(words.join(" ")), loras: vec![ink()], ..Generation::default() };
    let patch = ImagePatch {
        generation_prompt: Some(Some(("long".to_owned(), Some(generation)))),
        file_name: Some("third.png".to_owned()),
        source_path: Some(Some("a/third.png".to_owned())),
        taken: Some(taken),
        add_tags: vec!["d".into()],
        ..ImagePatch::default()
    };
    let third = id_of(store.insert_image(&image("three.png", &[])).unwrap());
    store.change_images(&[third], &ImageChange::Patch(patch)).unwrap();
    store.change_images(&[third], &ImageChange::Delete).unwrap();
    store.check().unwrap();
    store.count_images().unwrap();
    store.delete_image(first).unwrap();
    store.delete_embeddings(a.model_id).unwrap();
}

/// Lists images in every order, and counts them and the values of their facts.
fn list_and_count(store: &dyn Store) {
    let at = datetime!(2024-05-01 12:00);
    let filter = Filter {
        taken_from: Some(at),
        taken_before: Some(at),
        has_taken: Some(true),
        cameras: vec!["c".into()],
        folders: vec!["/a".into(), "b".into()],
        terms: vec!["cat".into()],
        ..Filter::default()
    };
    let none_of = vec![filter.clone(), Filter { tags: vec!["b".into()], ..Filter::default() }];
    let narrow = Filter { none_of, ..filter };
    let keys = [SortKey::Uploaded, SortKey::Taken, SortKey::Name, SortKey::Bytes, SortKey::Random { seed: 7 }];
    for filter in [&Filter::default(), &narrow] {
        for (key, descending) in keys.into_iter().flat_map(|key| [(key, false), (key, true)]) {
            let sort = Sort { key, descending };
            let page = store.list(filter, sort, None, 1).unwrap();
            store.list(filter, sort, page.first().map(|listed| &listed.at), 1).unwrap();
            store.shapes(filter, sort, page.first().map(|listed| &listed.at), 1).unwrap();
            store.list_page(&Page { offset: 9, filter: filter.clone(), ..Page::first(5) }, sort).unwrap();
        }
        store.count(filter).unwrap();
        store.image_ids(filter, Some(0), 5).unwrap();
        store.facets(filter, &Facet::ALL, 5).unwrap();
    }
    store.suggestions("c", &SuggestionKind::ALL, 5).unwrap();
}

/// Does the upkeep, builds an index, rebuilds it, fails to build another one, and builds it at last.
fn look_after_indexes(store: &OracleStore, database: &Database) {
    store.maintain(Occasion::Regular, &mut |_| {}).unwrap();
    let build = |change: &OrganizationChange| store.build_index(None, change, &mut |_| {});
    build(&OrganizationChange { kind: Some(IndexKind::Ivf), ..OrganizationChange::default() }).unwrap();
    build(&OrganizationChange::default()).unwrap();
    database.fail(&Failure::error("execute", 12954, "the database is full").when("CREATE VECTOR INDEX").times(1));
    assert!(build(&OrganizationChange { kind: Some(IndexKind::Hnsw), ..OrganizationChange::default() }).is_err());
    build(&OrganizationChange { kind: Some(IndexKind::None), ..OrganizationChange::default() }).unwrap();
    build(&OrganizationChange { kind: Some(IndexKind::Hnsw), ..OrganizationChange::default() }).unwrap();
}

/// Finds an original that another program has changed, and repairs it.
fn find_damage(store: &dyn Store, database: &Database) {
    let image = image("rotten.png", &[]);
    let image_id = id_of(store.insert_image(&image).unwrap());
    let other = database.connect();
    other.execute("UPDATE images SET image_data = HEXTORAW('78') WHERE image_id = :1", &[&image_id]).unwrap();
    other.commit().unwrap();
    assert!(store.content(image_id).is_err());
    assert_eq!(store.damaged_images(None, 5).unwrap().len(), 1);
    assert_eq!(store.condition().unwrap().damaged_images, 1);
    assert!(store.repair_content(image_id, image.bytes).unwrap());
    store.verify_image(image_id).unwrap();
    store.delete_image(image_id).unwrap();
}

#[test]
fn a_parser_of_oracles_dialect_takes_all_sql() {
    let database = Database::temporary();
    database.start_log();
    for (target_accuracy, text_maintenance) in [(95, TextMaintenance::Commit), (100, TextMaintenance::Auto)] {
        let original_text_indexes = text_maintenance == TextMaintenance::Auto;
        let settings = OracleSettings {
            target_accuracy,
            text_maintenance,
            original_text_indexes,
            index_after: 1,
            ..settings(&database)
        };
        let store = open(settings);
        ask_for_everything(&store);
        look_after_indexes(&store, &database);
        find_damage(&store, &database);
        let findings = store.diagnose();
        assert!(!findings.is_empty());
    }
    let sent: BTreeSet<String> = database.logged("").into_iter().collect();
    let mut parsed = 0;
    for sql in sent.iter().filter(|sql| !beyond_the_parser(sql)) {
        assert_parses("a statement that was sent", sql);
        assert_oracle_only("a statement that was sent", sql);
        parsed += 1;
    }
    assert!(parsed > 60, "{parsed} statements were parsed");

    // Every statement in the sources was sent, up to the place where a value is put in.
    let unsent: Vec<_> = sql_of_the_store()
        .into_iter()
        .filter(|(place, sql)| {
            // The doctor's advice looks like SQL. The doctor's own queries are parsed above.
            if place.contains("/doctor/") {
                return false;
            }
            let start = sql.split('{').next().unwrap_or_default().trim_end();
            !ONLY_ELSEWHERE.iter().any(|part| sql.contains(part)) && !sent.iter().any(|sent| sent.contains(start))
        })
        .collect();
    assert!(unsent.is_empty(), "never sent, so never parsed: {unsent:#?}");
}

/// Statements that run only where a database of the original application or of an earlier version is taken over, or where an
/// index was left half built; the tests of these cases run them.
const ONLY_ELSEWHERE: [&str; 11] = [
    "SET FILE_NAME_FOLDED = :FILE_NAME_FOLDED, FILE_NAME_KEY",
    "SET CAPTION_SET = :CAPTION_SET, GENERATION_PROMPT_SET",
    "FILE_NAME_FOLDED = :FILE_NAME_FOLDED WHERE",
    "DROP INDEX {NAME} FORCE",
    "IMAGE_EMBEDDINGS_ARTICLE",
    "SELECT MAX(B.IMAGE_ID) FROM",
    "SET FACTS_VERSION",
    "SET VECTOR_DIMENSION",
    "AND SHA256 IS NULL",
    "SELECT I.IMAGE_DATA, I.FILE_NAME",
    "SELECT D.DESCRIPTION FROM",
];

#[test]
fn a_parser_of_oracles_dialect_takes_the_migrations() {
    let mut parsed = 0;
    for path in files("../../sql/oracle", "sql") {
        for statement in statements(&fs::read_to_string(&path).unwrap()) {
            if !beyond_the_parser(&statement) {
                assert_parses(&path.display().to_string(), &statement);
                parsed += 1;
            }
        }
    }
    assert!(parsed > 10, "{parsed} statements were parsed");
}

#[test]
fn the_parser_and_the_list_notice_what_is_wrong() {
    assert!(
        Parser::parse_sql(&OracleDialect {}, &normalised("SELECT a FROM t WHERE b = :c FETCH 2 ROWS FIRST")).is_err()
    );
    let limit = std::panic::catch_unwind(|| assert_oracle_only("here", "SELECT a FROM t LIMIT 1"));
    let alias = std::panic::catch_unwind(|| assert_oracle_only("here", "SELECT a FROM t AS x"));
    assert!(limit.is_err() && alias.is_err());
}

/// The bound before the OR is a range of the index by which a page is read; an OR alone is no such range.
#[test]
fn a_page_after_a_cursor_starts_at_its_date() {
    let database = Database::temporary();
    let store = open(settings(&database));
    database.start_log();
    let cursor = Cursor { upload_date: OffsetDateTime::UNIX_EPOCH, image_id: 7 };
    store.newest(&Filter::default(), Some(cursor), 5).unwrap();
    let sent = database.logged("ORDER BY I.UPLOAD_DATE DESC");
    assert!(sent[0].contains("I.UPLOAD_DATE <= :EDGE AND ("), "{sent:?}");
}

/// The statement names EXACT or APPROX. Otherwise the edition of the database decides, and an Autonomous Database tries
/// an approximate search.
#[test]
fn rows_by_distance_are_asked_for_exactly_or_approximately() {
    let database = Database::temporary();
    for (target_accuracy, exact) in [(95, false), (95, true), (100, false)] {
        let store = open(OracleSettings { target_accuracy, ..settings(&database) });
        let new = NewModel { model_name: "a".into(), model_version: "1".into(), vector_dimension: 3 };
        let model_id = store.register_model(&new).unwrap().model_id;
        let (query, wide) = (vector(0.2), Filter { min_width: Some(1), ..Filter::default() });
        database.start_log();
        for filter in [Filter::default(), wide] {
            let page = Page { filter, exact, ..Page::first(5) };
            let search = VectorSearch { model_id, query: &query, exclude: &[], page: &page };
            store.search_vector(&search).unwrap();
        }
        let sent = database.logged("VECTOR_DISTANCE");
        let first = if exact || target_accuracy == 100 { "FETCH EXACT FIRST" } else { "FETCH APPROX FIRST" };
        assert!(sent[0].contains(first), "{sent:#?}");
        for sql in &sent {
            assert!(sql.contains("FETCH EXACT FIRST") || sql.contains("FETCH APPROX FIRST"), "{sql}");
        }
        // The table is empty, so the approximate search is followed by the exact one.
        assert!(sent.iter().any(|sql| sql.contains("FETCH EXACT FIRST")), "{sent:#?}");
    }
}
