//! Dictionary views: rows made from the catalog.

use serde_json::{Value, json};

use super::catalog::{Catalog, Column, Constraint, Job, Table};
use super::transaction::Facts;
use super::types::{NUMBER, Ty};
use crate::sql::ast::{ConstraintKind, IndexKind, OnDelete};

const TEXT: Ty = Ty::Varchar2(4000);

/// The privileges of a database user with DB_DEVELOPER_ROLE.
const PRIVILEGES: [&str; 9] = [
    "CREATE SESSION",
    "CREATE TABLE",
    "CREATE VIEW",
    "CREATE SEQUENCE",
    "CREATE PROCEDURE",
    "CREATE TYPE",
    "CREATE TRIGGER",
    "CREATE SYNONYM",
    "CREATE JOB",
];
const ROLES: [&str; 3] = ["DB_DEVELOPER_ROLE", "CTXAPP", "SODA_APP"];

fn texts(names: &[&'static str]) -> Vec<(&'static str, Ty)> {
    const NUMBERS: [&str; 19] = [
        "BYTES",
        "MAX_BYTES",
        "NUM_ROWS",
        "DATA_LENGTH",
        "DATA_PRECISION",
        "DATA_SCALE",
        "CHAR_LENGTH",
        "COLUMN_ID",
        "COLUMN_POSITION",
        "POSITION",
        "ALLOC_BYTES",
        "USED_BYTES",
        "CON_ID",
        "SESSION_ID",
        "LAST_NUMBER",
        "FAILURE_COUNT",
        "RUN_COUNT",
        "LOG_ID",
        "TIMES",
    ];
    names.iter().map(|name| (*name, if NUMBERS.contains(name) { NUMBER } else { TEXT })).collect()
}

/// The columns and rows (JSON arrays in a JSON array) of a view; None when there is no such view.
pub fn view(name: &str, facts: &Facts<'_>) -> Option<(Vec<(&'static str, Ty)>, String)> {
    let catalog = facts.catalog;
    let (columns, rows): (&[&'static str], Vec<Value>) = match name {
        "USER_TABLES" => (
            &["TABLE_NAME", "NUM_ROWS", "STATUS"],
            catalog.tables.values().map(|table| json!([table.name, table.num_rows, "VALID"])).collect(),
        ),
        "USER_TAB_COLUMNS" | "USER_TAB_COLS" => (
            &[
                "TABLE_NAME",
                "COLUMN_NAME",
                "DATA_TYPE",
                "DATA_LENGTH",
                "DATA_PRECISION",
                "DATA_SCALE",
                "NULLABLE",
                "COLUMN_ID",
                "CHAR_LENGTH",
                "CHAR_USED",
                "IDENTITY_COLUMN",
            ],
            catalog.tables.values().flat_map(columns_of).collect(),
        ),
        "USER_INDEXES" => (
            &[
                "INDEX_NAME",
                "INDEX_TYPE",
                "TABLE_NAME",
                "UNIQUENESS",
                "STATUS",
                "DOMIDX_STATUS",
                "DOMIDX_OPSTATUS",
                "ITYP_OWNER",
                "ITYP_NAME",
                "PARAMETERS",
                "INDEX_SUBTYPE",
            ],
            catalog.tables.values().flat_map(indexes_of).collect(),
        ),
        "USER_IND_COLUMNS" => (
            &["INDEX_NAME", "TABLE_NAME", "COLUMN_NAME", "COLUMN_POSITION"],
            catalog.tables.values().flat_map(index_columns_of).collect(),
        ),
        "USER_CONSTRAINTS" => (
            &[
                "CONSTRAINT_NAME",
                "CONSTRAINT_TYPE",
                "TABLE_NAME",
                "DELETE_RULE",
                "STATUS",
                "VALIDATED",
                "SEARCH_CONDITION_VC",
            ],
            catalog.tables.values().flat_map(constraints_of).collect(),
        ),
        "USER_CONS_COLUMNS" => (
            &["CONSTRAINT_NAME", "TABLE_NAME", "COLUMN_NAME", "POSITION"],
            catalog.tables.values().flat_map(constraint_columns_of).collect(),
        ),
        "USER_VIEWS" => {
            (&["VIEW_NAME", "TEXT_VC"], catalog.views.values().map(|view| json!([view.name, view.text])).collect())
        }
        "USER_SEQUENCES" => (&["SEQUENCE_NAME", "LAST_NUMBER"], sequences_of(facts)),
        "USER_TAB_IDENTITY_COLS" => (
            &["TABLE_NAME", "COLUMN_NAME", "GENERATION_TYPE", "SEQUENCE_NAME"],
            identities(catalog)
                .map(|(table, column)| {
                    let always = column.identity.is_some_and(|(always, _)| always);
                    let kind = if always { "ALWAYS" } else { "BY DEFAULT" };
                    json!([table.name, column.name, kind, identity_sequence(table)])
                })
                .collect(),
        ),
        "USER_SCHEDULER_JOBS" => (
            &["JOB_NAME", "JOB_ACTION", "REPEAT_INTERVAL", "ENABLED", "STATE", "RUN_COUNT", "FAILURE_COUNT"],
            catalog
                .jobs
                .iter()
                .map(|(name, job)| {
                    let (enabled, state) = if job.enabled { ("TRUE", "SCHEDULED") } else { ("FALSE", "DISABLED") };
                    let failures = job.runs.iter().flatten().count();
                    json!([name, job.action, job.repeat_interval, enabled, state, job.runs.len(), failures])
                })
                .collect(),
        ),
        "USER_SCHEDULER_JOB_RUN_DETAILS" => {
            (&["LOG_ID", "JOB_NAME", "STATUS", "ADDITIONAL_INFO"], catalog.jobs.iter().flat_map(runs_of).collect())
        }
        "USER_OBJECTS" => (&["OBJECT_NAME", "OBJECT_TYPE", "STATUS"], objects(catalog)),
        "ALL_OBJECTS" => {
            let denied = facts.side.denied().unwrap_or_default();
            let mut rows: Vec<Value> = objects(catalog)
                .into_iter()
                .filter_map(|row| match row {
                    Value::Array(cells) => Some(Value::Array([vec![json!(facts.user)], cells].concat())),
                    _ => None,
                })
                .collect();
            if !denied.iter().any(|role| role == "CTXAPP") {
                rows.push(json!(["CTXSYS", "CTX_DDL", "PACKAGE", "VALID"]));
            }
            (&["OWNER", "OBJECT_NAME", "OBJECT_TYPE", "STATUS"], rows)
        }
        "SESSION_PRIVS" => {
            let denied = facts.side.denied().unwrap_or_default();
            let held = PRIVILEGES.iter().filter(|privilege| !denied.iter().any(|other| other == *privilege));
            (&["PRIVILEGE"], held.map(|privilege| json!([privilege])).collect())
        }
        "SESSION_ROLES" => {
            let denied = facts.side.denied().unwrap_or_default();
            let held = ROLES.iter().filter(|role| !denied.iter().any(|other| other == *role));
            (&["ROLE"], held.map(|role| json!([role])).collect())
        }
        "USER_TS_QUOTAS" => (&["TABLESPACE_NAME", "BYTES", "MAX_BYTES"], vec![json!(["USERS", 0, -1])]),
        "PRODUCT_COMPONENT_VERSION" => (
            &["PRODUCT", "VERSION", "VERSION_FULL", "STATUS"],
            vec![json!(["Mitsuke's stand-in for Oracle AI Database 26ai", "23.0.0.0.0", "23.26.0.0.0", "Test"])],
        ),
        "V$VERSION" => (
            &["BANNER", "BANNER_FULL"],
            vec![json!(["Mitsuke's stand-in client library, no Oracle Database", crate::BANNER])],
        ),
        "V$VECTOR_MEMORY_POOL" => {
            (&["POOL", "ALLOC_BYTES", "USED_BYTES", "POPULATE_STATUS"], vec![json!(["1MB POOL", 0, 0, "DONE"])])
        }
        "NLS_DATABASE_PARAMETERS" => (
            &["PARAMETER", "VALUE"],
            vec![json!(["NLS_CHARACTERSET", "AL32UTF8"]), json!(["NLS_NCHAR_CHARACTERSET", "AL16UTF16"])],
        ),
        "CTX_USER_PREFERENCES" => (
            &["PRE_NAME", "PRE_CLASS", "PRE_OBJECT"],
            catalog.preferences.iter().map(|(name, preference)| json!([name, "LEXER", preference.object])).collect(),
        ),
        "CTX_USER_PREFERENCE_VALUES" => (
            &["PRV_PREFERENCE", "PRV_ATTRIBUTE", "PRV_VALUE"],
            catalog
                .preferences
                .iter()
                .flat_map(|(name, preference)| {
                    preference.attributes.iter().map(move |(attribute, value)| json!([name, attribute, value]))
                })
                .collect(),
        ),
        "CTX_USER_INDEXES" => (
            &["IDX_NAME", "IDX_TABLE", "IDX_TEXT_NAME", "IDX_STATUS", "IDX_SYNC_TYPE", "IDX_MAINTENANCE_TYPE"],
            catalog.tables.values().flat_map(text_indexes_of).collect(),
        ),
        "CTX_USER_INDEX_ERRORS" => (&["ERR_INDEX_NAME", "ERR_TEXT"], Vec::new()),
        "CTX_USER_PENDING" => (&["PND_INDEX_NAME", "PND_ROWID"], pending(facts)),
        "STANDIN_OPTIMIZED" => (
            &["INDEX_NAME", "TIMES"],
            catalog
                .tables
                .values()
                .flat_map(|table| &table.indexes)
                .filter(|index| index.optimized > 0)
                .map(|index| json!([index.name, index.optimized]))
                .collect(),
        ),
        "STANDIN_CALLS" => (
            &["SESSION_ID", "SQL_TEXT"],
            facts.side.calls().unwrap_or_default().into_iter().map(|(session, sql)| json!([session, sql])).collect(),
        ),
        "STANDIN_TRIPS" => (
            &["KIND", "COUNT_"],
            facts
                .side
                .trips()
                .unwrap_or_default()
                .into_iter()
                .map(|(kind, count)| json!([kind, count.to_string()]))
                .collect(),
        ),
        _ => return None,
    };
    Some((texts(columns), Value::Array(rows).to_string()))
}

fn identities(catalog: &Catalog) -> impl Iterator<Item = (&Table, &Column)> {
    catalog.tables.values().flat_map(|table| {
        table.columns.iter().filter(|column| column.identity.is_some()).map(move |column| (table, column))
    })
}

/// The name that Oracle gives to the sequence of an identity column.
fn identity_sequence(table: &Table) -> String {
    format!("ISEQ$$_{}", table.id)
}

fn sequences_of(facts: &Facts<'_>) -> Vec<Value> {
    let named = facts.catalog.sequences.keys().map(|name| json!([name, null]));
    let of_columns = identities(facts.catalog).map(|(table, column)| {
        let next = facts.side.next(&format!("identity {}.{}", table.id, column.name)).unwrap_or_default();
        json!([identity_sequence(table), next])
    });
    named.chain(of_columns).collect()
}

/// The finished runs of a job in the background.
fn runs_of((name, job): (&String, &Job)) -> Vec<Value> {
    let run = |(n, error): (usize, &Option<String>)| {
        let status = if error.is_some() { "FAILED" } else { "SUCCEEDED" };
        json!([n, name, status, error])
    };
    job.runs.iter().enumerate().map(run).collect()
}

/// One row for each text that waits for a text index.
fn pending(facts: &Facts<'_>) -> Vec<Value> {
    let names = facts.catalog.tables.values().flat_map(|table| table.indexes.iter().map(|index| &index.name));
    names
        .flat_map(|name| {
            let count = facts.side.pending(name).unwrap_or_default();
            (0..count).map(move |n| json!([name, n.to_string()]))
        })
        .collect()
}

fn columns_of(table: &Table) -> Vec<Value> {
    table
        .columns
        .iter()
        .enumerate()
        .map(|(i, column)| {
            let (precision, scale) = match column.ty {
                Ty::Number { precision: 0, .. } => (Value::Null, Value::Null),
                Ty::Number { precision, scale } => (json!(precision), json!(scale)),
                _ => (Value::Null, Value::Null),
            };
            let length = match column.ty {
                Ty::Raw(n) => n,
                Ty::Vector(_) => 8200,
                _ if column.ty.is_text() => column.ty.text_length(),
                _ => 22,
            };
            let is_text = matches!(column.ty, Ty::Varchar2(_) | Ty::Char(_));
            let chars = if is_text { json!(column.chars.unwrap_or(length)) } else { json!(0) };
            let used = match (is_text, column.chars) {
                (false, _) => Value::Null,
                (true, Some(_)) => json!("C"),
                (true, None) => json!("B"),
            };
            let yes = |flag: bool, yes: &str, no: &str| json!(if flag { yes } else { no });
            json!([
                table.name,
                column.name,
                column.ty.dictionary_name(),
                length,
                precision,
                scale,
                yes(column.nullable, "Y", "N"),
                i + 1,
                chars,
                used,
                yes(column.identity.is_some(), "YES", "NO")
            ])
        })
        .collect()
}

fn indexes_of(table: &Table) -> Vec<Value> {
    let of_keys = table
        .constraints
        .iter()
        .filter(|constraint| matches!(constraint.kind, ConstraintKind::PrimaryKey(_) | ConstraintKind::Unique(_)));
    let mut all: Vec<Value> = of_keys
        .map(|constraint| {
            json!([constraint.name, "NORMAL", table.name, "UNIQUE", "VALID", null, null, null, null, null, null])
        })
        .collect();
    for index in &table.indexes {
        all.push(match &index.kind {
            IndexKind::Normal { unique } => {
                let is_function = index.keys.iter().any(|key| key.contains(['(', ' ']));
                let kind = if is_function { "FUNCTION-BASED NORMAL" } else { "NORMAL" };
                json!([
                    index.name,
                    kind,
                    table.name,
                    if *unique { "UNIQUE" } else { "NONUNIQUE" },
                    index.status,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null
                ])
            }
            IndexKind::Vector(vector) => {
                let subtype = if vector.in_memory { "INMEMORY_NEIGHBOR_GRAPH_HNSW" } else { "NEIGHBOR_PARTITIONS_IVF" };
                json!([
                    index.name,
                    "VECTOR",
                    table.name,
                    "NONUNIQUE",
                    index.status,
                    null,
                    null,
                    null,
                    null,
                    null,
                    subtype
                ])
            }
            IndexKind::Context { parameters } => json!([
                index.name,
                "DOMAIN",
                table.name,
                "NONUNIQUE",
                if index.status == "INPROGRS" { "INPROGRS" } else { "VALID" },
                "VALID",
                if index.status == "FAILED" { "FAILED" } else { "VALID" },
                "CTXSYS",
                "CONTEXT",
                parameters,
                null
            ]),
        });
    }
    all
}

fn index_columns_of(table: &Table) -> Vec<Value> {
    let of_keys = table.unique_keys().into_iter().map(|key| (key.name, key.keys));
    let of_indexes = table.indexes.iter().map(|index| (index.name.clone(), index.keys.clone()));
    of_keys
        .chain(of_indexes)
        .flat_map(|(name, keys)| {
            keys.into_iter()
                .enumerate()
                .map(|(i, key)| json!([name, table.name, key.to_uppercase().replace('"', ""), i + 1]))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn constraints_of(table: &Table) -> Vec<Value> {
    table
        .constraints
        .iter()
        .map(|constraint| {
            let (kind, rule, condition) = match &constraint.kind {
                ConstraintKind::PrimaryKey(_) => ("P", Value::Null, Value::Null),
                ConstraintKind::Unique(_) => ("U", Value::Null, Value::Null),
                ConstraintKind::Check(text) => ("C", Value::Null, json!(text)),
                ConstraintKind::ForeignKey { on_delete, .. } => {
                    let rule = match on_delete {
                        OnDelete::Refuse => "NO ACTION",
                        OnDelete::Cascade => "CASCADE",
                        OnDelete::SetNull => "SET NULL",
                    };
                    ("R", json!(rule), Value::Null)
                }
            };
            let status = if constraint.disabled { "DISABLED" } else { "ENABLED" };
            let validated = if constraint.not_validated { "NOT VALIDATED" } else { "VALIDATED" };
            json!([constraint.name, kind, table.name, rule, status, validated, condition])
        })
        .collect()
}

fn constraint_columns_of(table: &Table) -> Vec<Value> {
    let columns = |constraint: &Constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey(columns)
        | ConstraintKind::Unique(columns)
        | ConstraintKind::ForeignKey { columns, .. } => columns.clone(),
        ConstraintKind::Check(_) => Vec::new(),
    };
    table
        .constraints
        .iter()
        .flat_map(|constraint| {
            let places = columns(constraint).into_iter().enumerate();
            places.map(|(i, column)| json!([constraint.name, table.name, column, i + 1])).collect::<Vec<_>>()
        })
        .collect()
}

fn text_indexes_of(table: &Table) -> Vec<Value> {
    table
        .indexes
        .iter()
        .filter_map(|index| match &index.kind {
            IndexKind::Context { parameters } => {
                let squeezed = parameters.to_uppercase().replace(' ', "");
                let synced = squeezed.contains("SYNC(ONCOMMIT)");
                let maintenance = if squeezed.contains("MAINTENANCEMANUAL") { "MANUAL" } else { "AUTO" };
                let sync = if synced { "ON COMMIT" } else { "MANUAL" };
                let status = if index.status == "VALID" { "INDEXED" } else { "INDEXING" };
                Some(json!([index.name, table.name, index.keys[0].to_uppercase(), status, sync, maintenance]))
            }
            _ => None,
        })
        .collect()
}

fn objects(catalog: &Catalog) -> Vec<Value> {
    let tables = catalog.tables.keys().map(|name| json!([name, "TABLE", "VALID"]));
    let views = catalog.views.keys().map(|name| json!([name, "VIEW", "VALID"]));
    let sequences = catalog.sequences.keys().map(|name| json!([name, "SEQUENCE", "VALID"]));
    let indexes = catalog
        .tables
        .values()
        .flat_map(|table| table.indexes.iter().map(|index| json!([index.name, "INDEX", "VALID"])));
    tables.chain(views).chain(sequences).chain(indexes).collect()
}
