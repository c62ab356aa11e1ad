//! The vector indexes of an Oracle database (the stand-in's), as servers build them and as commands ask for them.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use oracle_standin::testing::Database;
use tempfile::TempDir;

use super::processes::{command, shared};
use crate::server::{Server, TIMEOUT, mitsuke};

/// Runs `mitsuke index` with these arguments, and returns whether it succeeded and what it printed.
fn run(command: &mut Command, arguments: &[&str]) -> (bool, String) {
    let output = command.args(arguments).env_remove("RUST_LOG").stdout(Stdio::piped()).output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(printed).unwrap())
}

/// Returns the kinds of the vector indexes in the database.
fn indexes(shared: &TempDir) -> Vec<String> {
    let connection = Database::below(shared.path()).connect();
    let sql = "SELECT index_subtype FROM user_indexes WHERE index_type = 'VECTOR' AND status = 'VALID'";
    connection.query_as::<String>(sql, &[]).unwrap().map(Result::unwrap).collect()
}

async fn start(shared: &TempDir, index_after: &str) -> Server {
    Server::start(command("serve", shared).env("MITSUKE_DB_INDEX_AFTER", index_after)).ready().await
}

#[tokio::test]
async fn a_server_builds_the_index_and_a_command_changes_it() {
    let shared = shared();
    let mut server = start(&shared, "1000").await;
    for seed in 0..3 {
        assert_eq!(server.upload(seed).await.0, 201);
    }
    assert_eq!(indexes(&shared), Vec::<String>::new());
    server.interrupt();
    assert!(server.wait_for_end().success());

    // A server looks after the indexes as soon as it is ready.
    let server = start(&shared, "3").await;
    let started = Instant::now();
    while indexes(&shared) != ["NEIGHBOR_PARTITIONS_IVF"] {
        assert!(started.elapsed() < TIMEOUT, "{:?}", indexes(&shared));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let (done, printed) = run(&mut command("index", &shared), &["build", "--organization", "hnsw"]);
    assert!(done && printed.contains("is ready after"), "{printed}");
    assert_eq!(indexes(&shared), ["INMEMORY_NEIGHBOR_GRAPH_HNSW"]);
    assert_eq!(server.upload(9).await.0, 201);
    let (done, printed) = run(&mut command("index", &shared), &["build", "--partitions", "4"]);
    assert!(!done && printed.contains("--partitions is not for the organization hnsw"), "{printed}");
    let (done, printed) = run(&mut command("index", &shared), &["build", "--neighbors", "40"]);
    assert!(!done && printed.contains("--efconstruction"), "{printed}");
    let (done, printed) = run(&mut command("index", &shared), &["build", "--organization", "none"]);
    assert!(done && printed.contains("is dropped"), "{printed}");
    assert_eq!(indexes(&shared), Vec::<String>::new());
}

#[test]
fn the_embedded_store_needs_no_command_for_its_indexes() {
    let data = tempfile::tempdir().unwrap();
    let (done, printed) = run(&mut mitsuke("index", data.path()), &["build"]);
    assert!(done && printed.contains("needs no such command"), "{printed}");
}

/// The plan is arithmetic, so the page shows what the command prints.
#[test]
fn the_documentation_shows_the_plans_that_the_command_prints() {
    let page = include_str!("../../../docs/oracle-indexes.md");
    for images in ["1000000", "10000000", "100000000"] {
        let data = tempfile::tempdir().unwrap();
        let (done, printed) =
            run(&mut mitsuke("index", data.path()), &["plan", "--images", images, "--dimension", "768"]);
        assert!(done && page.contains(&printed), "docs/oracle-indexes.md lacks:\n{printed}");
    }
}
