//! The stand-in client library itself, through the real driver: what every other Oracle test rests on.

use oracle::sql_type::{OracleType, Timestamp};
use oracle::{Connection, Error};
use oracle_standin::testing::{Database, Failure, PASSWORD, USER};

fn code(error: &Error) -> Option<i32> {
    error.oci_code()
}

#[track_caller]
fn refused<T>(result: oracle::Result<T>, expected: i32) {
    match result {
        Ok(_) => panic!("ORA-{expected:05} was expected"),
        Err(error) => assert_eq!(code(&error), Some(expected), "{error}"),
    }
}

fn run(conn: &Connection, sql: &str) {
    conn.execute(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn number(conn: &Connection, sql: &str) -> i64 {
    conn.query_row_as(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

const TABLE: &str = "CREATE TABLE things (
    id NUMBER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name VARCHAR2(10 CHAR) NOT NULL,
    size_ NUMBER(5) DEFAULT 7,
    hash RAW(4),
    made TIMESTAMP(6),
    body CLOB,
    image BLOB,
    vec VECTOR(3, FLOAT32)
)";

#[test]
fn values_of_every_type_come_back_as_they_went() {
    let db = Database::temporary();
    let conn = db.connect();
    run(&conn, TABLE);
    let (long, bytes) = ("猫😀x".repeat(20_000), (0..300_000_u32).map(|i| i as u8).collect::<Vec<_>>());
    let made = Timestamp::new(2024, 2, 29, 23, 59, 58, 123_456_000).unwrap();
    let mut statement = conn
        .statement(
            "INSERT INTO things (name, hash, made, body, image, vec)
             VALUES (:name, :hash, :made, :body, :image, TO_VECTOR(:vec, 3, FLOAT32)) RETURNING id INTO :id",
        )
        .build()
        .unwrap();
    let vector = "[0.25, -1, 3e-2]";
    statement
        .execute_named(&[
            ("name", &(&"白い猫", &OracleType::Varchar2(10))),
            ("hash", &(&[1_u8, 2, 3, 4].as_slice(), &OracleType::Raw(4))),
            ("made", &made),
            ("id", &None::<i64>),
            ("body", &(&long.as_str(), &OracleType::CLOB)),
            ("image", &(&bytes.as_slice(), &OracleType::BLOB)),
            ("vec", &(&vector, &OracleType::CLOB)),
        ])
        .unwrap();
    assert_eq!(statement.returned_values::<_, i64>("id").unwrap(), [1]);
    assert_eq!(statement.row_count().unwrap(), 1);
    conn.commit().unwrap();

    let other = db.connect();
    let row = other
        .query_row(
            "SELECT id, name, size_, hash, made, body, image, FROM_VECTOR(vec RETURNING CLOB),
                    VECTOR_DISTANCE(vec, TO_VECTOR('[1,1,1]', 3, FLOAT32), DOT) FROM things",
            &[],
        )
        .unwrap();
    assert_eq!(row.get::<_, i64>(0).unwrap(), 1);
    assert_eq!(row.get::<_, String>(1).unwrap(), "白い猫");
    assert_eq!(row.get::<_, i64>(2).unwrap(), 7);
    assert_eq!(row.get::<_, Vec<u8>>(3).unwrap(), [1, 2, 3, 4]);
    assert_eq!(row.get::<_, Timestamp>(4).unwrap(), made);
    assert_eq!(row.get::<_, String>(5).unwrap(), long);
    assert_eq!(row.get::<_, Vec<u8>>(6).unwrap(), bytes);
    assert_eq!(row.get::<_, String>(7).unwrap(), "[2.5E-001,-1.0E+000,2.99999993E-002]");
    assert!((row.get::<_, f64>(8).unwrap() - 0.72).abs() < 1e-6);
    let info: Vec<String> = row.column_info().iter().map(|c| format!("{} {}", c.name(), c.oracle_type())).collect();
    assert_eq!(info[..4], ["ID NUMBER", "NAME VARCHAR2(40)", "SIZE_ NUMBER(5)", "HASH RAW(4)"]);
}

#[test]
fn numbers_keep_their_digits() {
    let db = Database::temporary();
    let conn = db.connect();
    for n in [0_i64, 1, -1, 99, 100, 12_345, i64::MAX, i64::MIN] {
        assert_eq!(conn.query_row_as_named::<i64>("SELECT :n FROM dual", &[("n", &n)]).unwrap(), n);
    }
    for n in [0.5_f64, -0.25, 1e-9, 123.456] {
        assert_eq!(conn.query_row_as_named::<f64>("SELECT :n FROM dual", &[("n", &n)]).unwrap(), n);
    }
    assert!(conn.query_row_as::<Option<i64>>("SELECT NULL FROM dual", &[]).unwrap().is_none());
}

#[test]
fn many_rows_are_fetched_in_batches() {
    let db = Database::temporary();
    let conn = db.connect();
    run(&conn, "CREATE TABLE t (n NUMBER(10), body CLOB)");
    let mut batch = conn.batch("INSERT INTO t (n, body) VALUES (:1, :2)", 100).build().unwrap();
    for n in 0..250_i32 {
        batch.append_row(&[&n, &format!("text {n}")]).unwrap();
    }
    batch.execute().unwrap();
    let mut statement =
        conn.statement("SELECT n, body FROM t ORDER BY n").fetch_array_size(32).prefetch_rows(33).build().unwrap();
    let rows: Vec<(i64, String)> = statement.query_as(&[]).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 250);
    assert_eq!(rows[249], (249, "text 249".to_owned()));
}

#[test]
fn a_batch_says_which_of_its_rows_failed() {
    let db = Database::temporary();
    let conn = db.connect();
    run(&conn, "CREATE TABLE t (n NUMBER(1) CONSTRAINT t_pk PRIMARY KEY)");
    let mut batch = conn.batch("INSERT INTO t (n) VALUES (:1)", 10).with_batch_errors().build().unwrap();
    for n in [1_i32, 2, 1, 10, 3] {
        batch.append_row(&[&n]).unwrap();
    }
    let error = batch.execute().unwrap_err();
    let failed: Vec<(u32, i32)> = error.batch_errors().unwrap().iter().map(|e| (e.offset(), e.code())).collect();
    assert_eq!(failed, [(2, 1), (3, 1438)]);
    assert_eq!(number(&conn, "SELECT COUNT(*) FROM t"), 3);
}

#[test]
fn what_sqlite_would_let_pass_is_refused_as_oracle_refuses_it() {
    let db = Database::temporary();
    let conn = db.connect();
    run(&conn, TABLE);
    let long = "x".repeat(40_000);
    // Too long for an expression; fine for a LOB column.
    refused(conn.query_row_as_named::<i64>("SELECT LENGTH(:t) FROM dual", &[("t", &long)]), 1461);
    conn.execute_named("INSERT INTO things (name, body) VALUES ('a', :t)", &[("t", &long)]).unwrap();
    // Long text after a LOB.
    let text = "y".repeat(1001);
    refused(
        conn.execute_named(
            "INSERT INTO things (body, name) VALUES (:b, SUBSTR(:n, 1, 1))",
            &[("b", &(&"z", &OracleType::CLOB)), ("n", &(&text.as_str(), &OracleType::Varchar2(1001)))],
        ),
        24816,
    );
    // NVARCHAR2, which is how the driver binds plain text, against VARCHAR2.
    refused(conn.query_row_as_named::<i64>("SELECT id FROM things WHERE name = :n", &[("n", &"a")]), 12704);
    refused(conn.execute("INSERT INTO things (name) VALUES ('12345678901')", &[]), 12899);
    refused(conn.execute("INSERT INTO things (name) VALUES ('')", &[]), 1400);
    refused(conn.execute("UPDATE things SET name = ''", &[]), 1407);
    refused(conn.execute("INSERT INTO things (id, name) VALUES (9, 'a')", &[]), 32795);
    refused(conn.execute("INSERT INTO things (name, size_) VALUES ('a', 123456)", &[]), 1438);
    refused(conn.execute("INSERT INTO things (name, vec) VALUES ('a', TO_VECTOR('[1,2]'))", &[]), 51803);
    refused(conn.execute("INSERT INTO things (name, vec) VALUES ('a', TO_VECTOR('[1,2]', 3, FLOAT32))", &[]), 51803);
    refused(conn.query("SELECT vec FROM things", &[]), 3115);
    refused(conn.query("SELECT id FROM things ORDER BY body", &[]), 22848);
    refused(conn.query("SELECT id FROM things WHERE body = 'a'", &[]), 22848);
    refused(conn.query("SELECT id FROM things LIMIT 1", &[]), 933);
    refused(conn.query("SELECT id AS size FROM things", &[]), 904);
    refused(conn.query("SELECT nothing FROM things", &[]), 904);
    refused(conn.query("SELECT id FROM nothing", &[]), 942);
    refused(conn.query("SELECT name, COUNT(*) FROM things", &[]), 937);
    refused(conn.query("SELECT name, COUNT(*) FROM things GROUP BY size_", &[]), 979);
    refused(conn.query("SELECT 1 AS one FROM things WHERE one = 1", &[]), 904);
    refused(conn.query("SELECT id FROM things;", &[]), 911);
    refused(conn.execute("DELETE FROM things AS t", &[]), 933);
    refused(conn.query("SELECT id FROM things WHERE CONTAINS(body, 'a', 1) > 0", &[]), 20000);
}

#[test]
fn an_empty_text_is_null_and_an_empty_clob_is_none() {
    let db = Database::temporary();
    let conn = db.connect();
    run(&conn, "CREATE TABLE t (a VARCHAR2(10), b CLOB)");
    conn.execute_named("INSERT INTO t VALUES (:a, :b)", &[("a", &""), ("b", &(&"", &OracleType::CLOB))]).unwrap();
    let row =
        conn.query_row("SELECT a, b, a || 'x', NVL(a, 'none') FROM t WHERE a IS NULL AND b IS NOT NULL", &[]).unwrap();
    assert_eq!(row.get::<_, Option<String>>(0).unwrap(), None);
    assert_eq!(row.get::<_, String>(1).unwrap(), "");
    assert_eq!(row.get::<_, String>(2).unwrap(), "x");
    assert_eq!(row.get::<_, String>(3).unwrap(), "none");
}

#[test]
fn constraints_are_checked_at_the_end_of_the_statement() {
    let db = Database::temporary();
    let conn = db.connect();
    run(&conn, "CREATE TABLE p (id NUMBER PRIMARY KEY, flag CHAR(1) CHECK (flag IN ('Y', 'N')))");
    run(&conn, "CREATE UNIQUE INDEX p_one ON p (CASE WHEN flag = 'Y' THEN 'Y' END)");
    run(&conn, "CREATE TABLE c (p NUMBER, CONSTRAINT c_p FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)");
    run(&conn, "CREATE TABLE d (p NUMBER REFERENCES p (id))");
    for n in 1..=3 {
        run(&conn, &format!("INSERT INTO p VALUES ({n}, '{}')", if n == 1 { 'Y' } else { 'N' }));
    }
    // A swap in one statement passes through no state with two of them.
    run(&conn, "UPDATE p SET flag = CASE WHEN id = 2 THEN 'Y' ELSE 'N' END");
    refused(conn.execute("UPDATE p SET flag = 'Y' WHERE id = 3", &[]), 1);
    refused(conn.execute("UPDATE p SET flag = 'X' WHERE id = 3", &[]), 2290);
    refused(conn.execute("INSERT INTO p VALUES (1, 'N')", &[]), 1);
    refused(conn.execute("INSERT INTO c VALUES (4)", &[]), 2291);
    run(&conn, "INSERT INTO c VALUES (1)");
    run(&conn, "INSERT INTO d VALUES (2)");
    run(&conn, "DELETE FROM p WHERE id = 1");
    assert_eq!(number(&conn, "SELECT COUNT(*) FROM c"), 0);
    refused(conn.execute("DELETE FROM p WHERE id = 2", &[]), 2292);
}

#[test]
fn nothing_is_seen_by_others_before_commit_and_ddl_commits() {
    let db = Database::temporary();
    let (a, b) = (db.connect(), db.connect());
    run(&a, "CREATE TABLE t (n NUMBER)");
    run(&a, "INSERT INTO t VALUES (1)");
    assert_eq!((number(&a, "SELECT COUNT(*) FROM t"), number(&b, "SELECT COUNT(*) FROM t")), (1, 0));
    a.rollback().unwrap();
    assert_eq!(number(&a, "SELECT COUNT(*) FROM t"), 0);
    run(&a, "INSERT INTO t VALUES (2)");
    run(&b, "INSERT INTO t VALUES (3)");
    run(&a, "CREATE TABLE u (n NUMBER)");
    assert_eq!(number(&b, "SELECT SUM(n) FROM t"), 5);
    a.rollback().unwrap();
    drop(b);
    assert_eq!(number(&a, "SELECT SUM(n) FROM t"), 2);
}

#[test]
fn a_writer_waits_for_the_row_and_then_sees_what_became_of_it() {
    let db = Database::temporary();
    let a = db.connect();
    run(&a, "CREATE TABLE t (id NUMBER PRIMARY KEY, n NUMBER)");
    run(&a, "INSERT INTO t VALUES (1, 1)");
    a.commit().unwrap();
    run(&a, "UPDATE t SET n = n + 1 WHERE id = 1");
    run(&a, "INSERT INTO t VALUES (2, 0)");
    let (b, c) = (db.connect(), db.connect());
    let adds = std::thread::spawn(move || {
        run(&b, "UPDATE t SET n = n + 10 WHERE id = 1");
        b.commit().unwrap();
    });
    let collides = std::thread::spawn(move || code(&c.execute("INSERT INTO t VALUES (2, 0)", &[]).unwrap_err()));
    refused(db.connect().query("SELECT n FROM t WHERE id = 1 FOR UPDATE NOWAIT", &[]), 54);
    assert_eq!(number(&db.connect(), "SELECT n FROM t WHERE id = 1"), 1, "readers wait for nobody");
    std::thread::sleep(std::time::Duration::from_millis(50));
    a.commit().unwrap();
    adds.join().unwrap();
    assert_eq!(collides.join().unwrap(), Some(1));
    assert_eq!(number(&a, "SELECT n FROM t WHERE id = 1"), 12);
}

#[test]
fn a_row_lock_lets_others_change_everything_else() {
    let db = Database::temporary();
    let (a, b) = (db.connect(), db.connect());
    run(&a, "CREATE TABLE locks (name VARCHAR2(10) PRIMARY KEY)");
    run(&a, "INSERT INTO locks VALUES ('ONE')");
    a.commit().unwrap();
    let name: String = a.query_row_as("SELECT name FROM locks WHERE name = 'ONE' FOR UPDATE WAIT 60", &[]).unwrap();
    assert_eq!(name, "ONE");
    run(&b, "CREATE TABLE other (n NUMBER)");
    run(&b, "INSERT INTO other VALUES (1)");
    b.commit().unwrap();
    refused(b.query("SELECT name FROM locks WHERE name = 'ONE' FOR UPDATE WAIT 0", &[]), 30006);
    // DDL on a table with an open transaction does not wait.
    refused(b.execute("ALTER TABLE locks ADD (n NUMBER)", &[]), 54);
    drop(a);
    b.query("SELECT name FROM locks WHERE name = 'ONE' FOR UPDATE NOWAIT", &[]).unwrap();
}

#[test]
fn two_sessions_that_wait_for_each_other_are_a_deadlock() {
    let db = Database::temporary();
    let (a, b) = (db.connect(), db.connect());
    run(&a, "CREATE TABLE t (id NUMBER PRIMARY KEY, n NUMBER)");
    run(&a, "INSERT INTO t VALUES (1, 0)");
    run(&a, "INSERT INTO t VALUES (2, 0)");
    a.commit().unwrap();
    run(&a, "UPDATE t SET n = 1 WHERE id = 1");
    run(&b, "UPDATE t SET n = 1 WHERE id = 2");
    let thread = std::thread::spawn(move || {
        let first = b.execute("UPDATE t SET n = 2 WHERE id = 1", &[]).map(|_| ());
        b.rollback().unwrap();
        first
    });
    let own = a.execute("UPDATE t SET n = 2 WHERE id = 2", &[]).map(|_| ());
    a.rollback().unwrap();
    let codes: Vec<_> = [own, thread.join().unwrap()].iter().filter_map(|r| r.as_ref().err().and_then(code)).collect();
    assert_eq!(codes, [60]);
}

#[test]
fn text_search_needs_an_index_and_scores_by_occurrences() {
    let db = Database::temporary();
    let conn = db.connect();
    run(&conn, "CREATE TABLE t (id NUMBER PRIMARY KEY, body CLOB)");
    run(&conn, "BEGIN ctx_ddl.create_preference('lex', 'JAPANESE_VGRAM_LEXER'); END;");
    let again = conn.execute("BEGIN ctx_ddl.create_preference('lex', 'JAPANESE_VGRAM_LEXER'); END;", &[]).unwrap_err();
    assert!(again.to_string().contains("DRG-10701"), "{again}");
    refused(
        conn.execute("CREATE INDEX i ON t (body) INDEXTYPE IS CTXSYS.CONTEXT PARAMETERS ('LEXER none')", &[]),
        29855,
    );
    // What ODCIIndexCreate refuses leaves its name behind, and a table that takes no rows.
    refused(conn.execute("CREATE INDEX i ON t (body) INDEXTYPE IS CTXSYS.CONTEXT", &[]), 955);
    refused(conn.execute("INSERT INTO t VALUES (1, 'x')", &[]), 29861);
    run(&conn, "DROP INDEX i FORCE");
    run(
        &conn,
        "CREATE INDEX i ON t (body) INDEXTYPE IS CTXSYS.CONTEXT
         PARAMETERS ('LEXER lex MAINTENANCE MANUAL SYNC (ON COMMIT)')",
    );
    refused(conn.execute("CREATE INDEX i ON t (id)", &[]), 955);
    for (id, body) in [(1, "a cat"), (2, "cat and cat"), (3, "a dog")] {
        run(&conn, &format!("INSERT INTO t VALUES ({id}, '{body}')"));
    }
    let sql = "SELECT id, SCORE(1) AS s FROM t WHERE CONTAINS(body, :q, 1) > 0 ORDER BY s DESC, id DESC
               OFFSET 0 ROWS FETCH NEXT 5 ROWS ONLY";
    let query = |q: &str| -> oracle::Result<Vec<i64>> {
        let rows = conn.query_as_named::<(i64, i64)>(sql, &[("q", &(&q, &OracleType::Varchar2(100)))])?;
        rows.map(|row| row.map(|(id, _)| id)).collect()
    };
    assert_eq!(query("{cat}").unwrap(), [2, 1]);
    assert_eq!(query("{cat} AND {dog}").unwrap(), [0_i64; 0]);
    let error = query("{cat} AND").unwrap_err();
    assert_eq!(code(&error), Some(29902));
    assert!(error.to_string().contains("DRG-50901"), "{error}");
}

#[test]
fn a_block_runs_ddl_and_handles_exceptions() {
    let db = Database::temporary();
    let conn = db.connect();
    run(
        &conn,
        "DECLARE
            taken EXCEPTION; PRAGMA EXCEPTION_INIT(taken, -955);
            n NUMBER := 0;
         BEGIN
            FOR i IN 1..2 LOOP
                BEGIN EXECUTE IMMEDIATE 'CREATE TABLE t (n NUMBER)';
                EXCEPTION WHEN taken THEN n := n + 1; END;
            END LOOP;
            SELECT COUNT(*) + n INTO n FROM user_tables WHERE table_name = 'T';
            INSERT INTO t VALUES (n);
            IF n <> 2 THEN raise_application_error(-20001, 'n is ' || n); END IF;
         END;",
    );
    assert_eq!(number(&conn, "SELECT n FROM t"), 2);
    let error = conn.execute("BEGIN raise_application_error(-20001, 'no'); END;", &[]).unwrap_err();
    assert_eq!(code(&error), Some(20001));
    assert!(error.to_string().contains("ORA-20001: no"), "{error}");
}

#[test]
fn injected_failures_strike_where_they_are_set_up() {
    let db = Database::temporary();
    let conn = db.connect();
    run(&conn, "CREATE TABLE t (n NUMBER)");
    db.fail(&Failure::error("execute", 1653, "unable to extend table T").when("INSERT INTO t").times(1));
    refused(conn.execute("INSERT INTO t VALUES (1)", &[]), 1653);
    run(&conn, "INSERT INTO t VALUES (1)");

    db.fail(&Failure::kill_after("commit").times(1));
    let error = conn.commit().unwrap_err();
    assert_eq!((code(&error), error.dpi_code()), (None, Some(1080)), "{error}");
    let error = conn.execute("INSERT INTO t VALUES (2)", &[]).unwrap_err();
    assert_eq!(error.dpi_code(), Some(1010), "{error}");
    let conn = db.connect();
    assert_eq!(number(&conn, "SELECT COUNT(*) FROM t"), 1, "it was committed all the same");

    db.fail(&Failure::hang("execute").when("SELECT"));
    conn.set_call_timeout(Some(std::time::Duration::from_millis(50))).unwrap();
    let error = conn.query("SELECT n FROM t", &[]).unwrap_err();
    assert_eq!(error.dpi_code(), Some(1067), "{error}");
    db.clear();
    assert_eq!(number(&conn, "SELECT COUNT(*) FROM t"), 1, "the session lives on");

    db.kill_sessions();
    assert_eq!(conn.ping().unwrap_err().dpi_code(), Some(1080));

    refused(Connection::connect(USER, "another", db.dsn()), 1017);
    refused(Connection::connect(USER, PASSWORD, "db.example:1521/FREEPDB1"), 12541);
    refused(Connection::connect(USER, PASSWORD, "no_such_alias"), 12154);
    db.fail(&Failure::error("attach", 12541, "no listener").times(1));
    refused(Connection::connect(USER, PASSWORD, db.dsn()), 12541);
    db.fail(&Failure::hang("attach").times(1));
    refused(Connection::connect(USER, PASSWORD, format!("{}?connect_timeout=1", db.dsn())), 12170);
    db.deny("CREATE VIEW");
    refused(db.connect().execute("CREATE VIEW v AS SELECT n FROM t", &[]), 1031);
}

#[test]
fn queries_of_the_kinds_that_stores_ask_are_answered() {
    let db = Database::temporary();
    let conn = db.connect();
    run(&conn, "CREATE TABLE i (id NUMBER PRIMARY KEY, name VARCHAR2(20), at TIMESTAMP(6))");
    run(&conn, "CREATE TABLE e (id NUMBER PRIMARY KEY, v VECTOR(2, FLOAT32) NOT NULL)");
    run(
        &conn,
        "CREATE VECTOR INDEX e_v ON e (v) ORGANIZATION NEIGHBOR PARTITIONS DISTANCE DOT WITH TARGET ACCURACY 95",
    );
    for n in 1..=4 {
        run(&conn, &format!("INSERT INTO i VALUES ({n}, 'Name_{n}', TIMESTAMP '2024-01-0{n} 00:00:00')"));
        run(&conn, &format!("INSERT INTO e VALUES ({n}, TO_VECTOR('[{n}, 0]'))"));
    }
    let ids = |sql: &str| -> Vec<i64> { conn.query_as::<i64>(sql, &[]).unwrap().map(Result::unwrap).collect() };
    assert_eq!(
        ids("SELECT n.id FROM (SELECT e.id, VECTOR_DISTANCE(e.v, TO_VECTOR('[1,0]', 2, FLOAT32), DOT) AS distance FROM e
             ORDER BY distance FETCH APPROX FIRST 3 ROWS ONLY WITH TARGET ACCURACY 95) n
             JOIN i ON i.id = n.id WHERE i.name LIKE 'Name\\_%' ESCAPE '\\' AND i.id NOT IN (3) ORDER BY n.distance"),
        [4, 2]
    );
    assert_eq!(ids("SELECT id FROM i ORDER BY at DESC, id DESC OFFSET 1 ROWS FETCH NEXT 2 ROWS ONLY"), [3, 2]);
    assert_eq!(ids("SELECT i.id FROM i WHERE NOT EXISTS (SELECT 1 FROM e WHERE e.id = i.id + 1)"), [4]);
    assert_eq!(
        ids("WITH a AS (SELECT id, ROW_NUMBER() OVER (ORDER BY id DESC) AS r FROM i), b AS (SELECT id, ROW_NUMBER() OVER
             (ORDER BY id) AS r FROM i WHERE id > 2) SELECT COALESCE(a.id, b.id) FROM a FULL OUTER JOIN b ON a.id = b.id
             ORDER BY 1 / (60 + a.r) + NVL(1 / (60 + b.r), 0) DESC, 1 DESC"),
        [4, 3, 2, 1]
    );
    assert_eq!(
        ids("SELECT j.id FROM JSON_TABLE('[{\"id\":3},{\"id\":1}]', '$[*]' COLUMNS (id NUMBER PATH '$.id')) j
             JOIN i ON i.id = j.id ORDER BY j.id"),
        [1, 3]
    );
    run(
        &conn,
        "MERGE INTO i USING (SELECT 4 AS id, 'new' AS name FROM dual UNION ALL SELECT 5, 'five' FROM dual) s ON (i.id = s.id)
         WHEN MATCHED THEN UPDATE SET i.name = s.name WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, s.name)",
    );
    assert_eq!(number(&conn, "SELECT COUNT(*) FROM i WHERE name IN ('new', 'five')"), 2);
    run(
        &conn,
        "CREATE OR REPLACE VIEW w AS SELECT e.id AS key_, TO_VECTOR(e.v, *, *) AS v FROM e UNION ALL SELECT 0, TO_VECTOR('[0]') FROM dual",
    );
    assert_eq!(number(&conn, "SELECT MAX(VECTOR_DIMENSION_COUNT(v)) FROM w"), 2);
}

#[test]
fn rows_by_distance_are_asked_for_exactly_or_approximately() {
    let db = Database::temporary();
    let conn = db.connect();
    run(&conn, "CREATE TABLE v (id NUMBER PRIMARY KEY, e VECTOR(2, FLOAT32))");
    run(&conn, "INSERT INTO v VALUES (1, TO_VECTOR('[1,0]', 2, FLOAT32))");
    let by_distance = "SELECT id, VECTOR_DISTANCE(e, TO_VECTOR('[0,1]', 2, FLOAT32), DOT) AS d FROM v ORDER BY d FETCH";
    assert_eq!(number(&conn, &format!("{by_distance} EXACT FIRST 1 ROWS ONLY")), 1);
    assert_eq!(number(&conn, &format!("{by_distance} APPROX FIRST 1 ROWS ONLY")), 1);
    refused(conn.query(&format!("{by_distance} FIRST 1 ROWS ONLY"), &[]), 900);
    assert_eq!(number(&conn, "SELECT id FROM v ORDER BY id FETCH FIRST 1 ROWS ONLY"), 1);
    refused(conn.query("SELECT id FROM v ORDER BY id FETCH EXACT FIRST 1 ROWS ONLY", &[]), 900);
    refused(conn.query("SELECT id FROM v ORDER BY id FETCH APPROX FIRST 1 ROWS ONLY", &[]), 900);
}

/// The clauses are those of the AI Vector Search User's Guide; src/sql/vector_index.rs names its sections.
#[test]
fn vector_indexes_have_the_clauses_of_their_organization_and_release() {
    let db = Database::temporary();
    let conn = db.connect();
    run(&conn, "CREATE TABLE v (id NUMBER PRIMARY KEY, width NUMBER, e VECTOR(2, FLOAT32))");
    run(&conn, "INSERT INTO v VALUES (1, 2, TO_VECTOR('[1,0]', 2, FLOAT32))");
    let ivf = "ORGANIZATION NEIGHBOR PARTITIONS DISTANCE DOT WITH TARGET ACCURACY 95 PARAMETERS (TYPE IVF, NEIGHBOR PARTITIONS 1)";
    let hnsw = "ORGANIZATION INMEMORY NEIGHBOR GRAPH DISTANCE DOT WITH TARGET ACCURACY 95";
    for clauses in [
        "INCLUDE (height) ORGANIZATION NEIGHBOR PARTITIONS".to_owned(),
        format!("INCLUDE (width) {ivf} ONLINE"),
        format!("{hnsw} ONLINE"),
        format!("{hnsw} PARAMETERS (TYPE IVF, NEIGHBOR PARTITIONS 1)"),
        format!("{hnsw} PARAMETERS (TYPE HNSW, NEIGHBORS 1, EFCONSTRUCTION 9)"),
        format!("{hnsw} QUANTIZATION SCALAR COMPRESSION RATIO 8"),
        ivf.replace("PARTITIONS 1)", "PARTITIONS 0)"),
    ] {
        let refused = conn.execute(&format!("CREATE VECTOR INDEX i ON v (e) {clauses}"), &[]);
        assert!(refused.is_err(), "{clauses}");
    }
    let newer = [
        format!("{ivf} PARALLEL 2 ONLINE"),
        format!(
            "INCLUDE (width) {hnsw} QUANTIZATION SCALAR COMPRESSION RATIO 4 PARAMETERS (TYPE HNSW, NEIGHBORS 2, EFCONSTRUCTION 9)"
        ),
    ];
    for (release, works) in [("23.26", true), ("23.9", false)] {
        db.set_release(release);
        assert_eq!(db.connect().server_version().unwrap().0.minor(), if works { 26 } else { 9 });
        for clauses in &newer {
            let made = conn.execute(&format!("CREATE VECTOR INDEX i ON v (e) {clauses}"), &[]);
            assert_eq!(made.is_ok(), works, "{release}: {clauses}");
            if works {
                run(&conn, "DROP INDEX i");
            }
        }
        run(&conn, &format!("CREATE VECTOR INDEX i ON v (e) INCLUDE (width) {ivf}"));
        assert_eq!(conn.execute("ALTER INDEX i REBUILD ONLINE PARALLEL 2", &[]).is_ok(), works);
        refused(conn.execute("ALTER INDEX i REBUILD", &[]), 900);
        let rebuild = "BEGIN DBMS_VECTOR.REBUILD_INDEX(idx_name => 'I', table_name => 'V', idx_vector_col => 'E', \
                       idx_include_cols => NULL, idx_organization => 'NEIGHBOR PARTITIONS', idx_distance_metric => 'DOT', \
                       idx_accuracy => 95, idx_parameters => '{\"type\" : \"IVF\", \"partitions\" : 3}'); END;";
        run(&conn, rebuild);
        refused(conn.execute("BEGIN DBMS_VECTOR.REBUILD_INDEX(idx_name => 'I'); END;", &[]), 900);
        let report = "SELECT DBMS_VECTOR.INDEX_ACCURACY_QUERY(USER, 'I', v.e, 10, 95) FROM v";
        let report = conn.query_row_as::<String>(report, &[]).unwrap();
        assert_eq!(report, "Accuracy achieved (100%) is 5% higher than the Target Accuracy requested (95%)");
        run(&conn, "DROP INDEX i");
        run(&conn, &format!("CREATE VECTOR INDEX i ON v (e) {hnsw}"));
        let changed = conn.execute("UPDATE v SET width = 3", &[]);
        assert_eq!(changed.is_ok(), works, "a graph and changes of its table, release {release}");
        conn.rollback().unwrap();
        run(&conn, "DROP INDEX i");
    }
    assert_eq!(number(&conn, "SELECT COUNT(*) FROM user_tables WHERE num_rows IS NULL"), 1);
    run(&conn, "BEGIN DBMS_STATS.GATHER_TABLE_STATS(ownname => USER, tabname => 'V'); END;");
    assert_eq!(number(&conn, "SELECT num_rows FROM user_tables"), 1);
    refused(conn.execute("BEGIN DBMS_STATS.GATHER_TABLE_STATS('SYS', 'V'); END;", &[]), 20000);
}

/// The table "Effect of prefetchrows and arraysize on the number of round-trips" of python-oracledb's user guide, "Tuning
/// python-oracledb".
#[test]
fn the_round_trips_of_a_query_are_those_of_the_drivers_documentation() {
    let db = Database::temporary();
    let conn = db.connect();
    run(&conn, "CREATE TABLE digits (n NUMBER(10))");
    (0..100).for_each(|n| run(&conn, &format!("INSERT INTO digits VALUES ({n})")));
    let cases = [
        (1, 2, 100, 1),
        (100, 2, 100, 2),
        (1_000, 2, 100, 11),
        (10_000, 2, 100, 101),
        (10_000, 2, 1_000, 11),
        (10_000, 1_000, 1_000, 11),
        (20, 20, 20, 2),
        (20, 21, 20, 1),
    ];
    for (rows, prefetch, array, expected) in cases {
        db.start_count();
        let mut statement = conn
            .statement("SELECT a.n, b.n FROM digits a CROSS JOIN digits b WHERE 100 * a.n + b.n < :n")
            .prefetch_rows(prefetch)
            .fetch_array_size(array)
            .build()
            .unwrap();
        assert_eq!(statement.query(&[&rows]).unwrap().count(), rows as usize);
        assert_eq!(db.round_trips().total(), expected, "{rows} rows, {prefetch} prefetched, arrays of {array}");
    }
}

/// "Queries that return LOBs and similar types will never prefetch rows" (the same page).
#[test]
fn rows_with_a_lob_are_never_prefetched() {
    let db = Database::temporary();
    let conn = db.connect();
    run(&conn, "CREATE TABLE t (n NUMBER(10), body CLOB)");
    (1..=16).for_each(|n| run(&conn, &format!("INSERT INTO t VALUES ({n}, 'x')")));
    for (array, expected) in [(17, 2), (16, 3), (5, 5)] {
        db.start_count();
        let mut statement =
            conn.statement("SELECT n, body FROM t").prefetch_rows(100).fetch_array_size(array).build().unwrap();
        assert_eq!(statement.query(&[]).unwrap().count(), 16);
        assert_eq!(db.round_trips().total(), expected, "arrays of {array}");
    }
}

#[test]
fn a_lob_that_is_bound_costs_three_round_trips_and_a_long_none() {
    let db = Database::temporary();
    let conn = db.connect();
    run(&conn, "CREATE TABLE t (body CLOB, image BLOB)");
    let (text, bytes) = ("猫".repeat(40_000), vec![7_u8; 100_000]);
    let trips = |text_type: OracleType, bytes_type: OracleType| {
        db.start_count();
        conn.execute(
            "INSERT INTO t VALUES (:1, :2)",
            &[&(&text.as_str(), &text_type), &(&bytes.as_slice(), &bytes_type)],
        )
        .unwrap();
        db.round_trips().to_string()
    };
    assert_eq!(trips(OracleType::CLOB, OracleType::BLOB), "7: 1 execute, 6 lob");
    assert_eq!(trips(OracleType::Long, OracleType::LongRaw), "1: 1 execute");
    db.start_count();
    conn.commit().unwrap();
    conn.ping().unwrap();
    conn.rollback().unwrap();
    assert_eq!(db.round_trips().to_string(), "3: 1 commit, 1 rollback, 1 ping");
    let stored: (String, Vec<u8>) =
        conn.query_row_as("SELECT body, image FROM t FETCH FIRST 1 ROWS ONLY", &[]).unwrap();
    assert_eq!(stored, (text.clone(), bytes.clone()));
}

#[test]
fn a_clob_becomes_varchar2_only_while_it_is_short() {
    let db = Database::temporary();
    let conn = db.connect();
    run(&conn, "CREATE TABLE t (body CLOB)");
    let text = |sql: &str| conn.query_row_as::<Option<String>>(sql, &[]);
    for (body, fits) in [("猫".repeat(1_333), true), ("猫".repeat(1_334), false)] {
        run(&conn, "DELETE FROM t");
        conn.execute("INSERT INTO t VALUES (:1)", &[&(&body.as_str(), &OracleType::Long)]).unwrap();
        let guarded = "SELECT CASE WHEN LENGTH(body) <= 1333 THEN CAST(TO_CHAR(body) AS VARCHAR2(4000)) END FROM t";
        assert_eq!(text(guarded).unwrap(), fits.then(|| body.clone()));
        match text("SELECT TO_CHAR(body) FROM t") {
            Ok(read) => assert!(fits && read == Some(body)),
            Err(error) => assert!(!fits && code(&error) == Some(22835), "{error}"),
        }
    }
}

#[test]
fn texts_are_joined_up_to_4000_bytes_and_clobs_without_a_limit() {
    let db = Database::temporary();
    let conn = db.connect();
    let half = "x".repeat(2_001);
    let join = |sql: &str| conn.query_row_as::<String>(sql, &[&half, &half]);
    assert_eq!(join("SELECT TO_CLOB(:1) || :2 FROM dual").unwrap().len(), 4_002);
    refused(join("SELECT :1 || :2 FROM dual"), 1489);
}
