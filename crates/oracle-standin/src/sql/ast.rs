//! The tree of a statement, which the parser makes.

use serde::{Deserialize, Serialize};

/// A value or a condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// `[qualifier.]name`: a column, a pseudo-column, a PL/SQL variable or a function without arguments.
    Name(Option<String>, String),
    /// A placeholder: its name, and its place among all placeholders of the text, from 0.
    Bind(String, usize),
    /// A number as written.
    Num(String),
    /// A string literal. The empty one is NULL.
    Str(String),
    Null,
    /// TRUE or FALSE of PL/SQL.
    Bool(bool),
    /// A day-second interval in microseconds.
    Interval(i64),
    /// `TIMESTAMP '…'` or `DATE '…'`, as microseconds since 1970, and whether it names a time zone.
    Timestamp(i64, bool),
    Negate(Box<Expr>),
    /// `+ - * / || <#> <=> <->`
    Binary(&'static str, Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    /// `= <> < > <= >=`
    Compare(&'static str, Box<Expr>, Box<Expr>),
    IsNull(Box<Expr>, bool),
    IsJson(Box<Expr>, bool),
    Like {
        value: Box<Expr>,
        pattern: Box<Expr>,
        escape: Option<Box<Expr>>,
        negated: bool,
    },
    InList(Box<Expr>, Vec<Expr>, bool),
    InQuery(Box<Expr>, Box<Query>, bool),
    Between(Box<Expr>, Box<Expr>, Box<Expr>, bool),
    Exists(Box<Query>),
    Case {
        operand: Option<Box<Expr>>,
        whens: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    Cast(Box<Expr>, TypeName),
    Extract(String, Box<Expr>),
    Call(Call),
    Scalar(Box<Query>),
    Tuple(Vec<Expr>),
    /// `*` where a function takes one.
    Star,
}

/// A function call with what may stand around its arguments.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Call {
    /// Upper case, with dots: `DBMS_LOB.GETLENGTH`.
    pub name: String,
    pub args: Vec<Expr>,
    pub distinct: bool,
    pub over: Option<Window>,
    /// `WITHIN GROUP (ORDER BY …)` or an ORDER BY among the arguments.
    pub within: Vec<OrderItem>,
    pub returning: Option<TypeName>,
    /// `ERROR ON ERROR` was written.
    pub error_on_error: bool,
    /// `ERROR ON EMPTY` was written.
    pub error_on_empty: bool,
    /// `ABSENT ON NULL` was written (or is the default).
    pub absent_on_null: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Window {
    pub partition_by: Vec<Expr>,
    pub order_by: Vec<OrderItem>,
    /// The text of a ROWS or RANGE clause.
    pub frame: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct OrderItem {
    pub expr: Expr,
    pub descending: bool,
    pub nulls_first: Option<bool>,
}

/// A data type as written: `VARCHAR2(255 CHAR)` is VARCHAR2, \[255\], char semantics.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeName {
    pub name: String,
    pub args: Vec<String>,
    pub in_chars: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub with: Vec<Cte>,
    pub body: SetExpr,
    pub order_by: Vec<OrderItem>,
    pub offset: Option<Expr>,
    pub fetch: Option<Fetch>,
    pub for_update: Option<ForUpdate>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Cte {
    pub name: String,
    pub columns: Vec<String>,
    pub query: Query,
}

#[derive(Debug, Clone, PartialEq)]
pub enum SetExpr {
    Select(Box<Select>),
    /// `UNION`, `UNION ALL`, `INTERSECT`, `EXCEPT` (for MINUS).
    Set(&'static str, Box<SetExpr>, Box<SetExpr>),
    Query(Box<Query>),
}

/// The word before FIRST or NEXT, which decides whether a vector index may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accuracy {
    Approximate,
    Exact,
    /// Neither word. Then the edition of the database decides.
    Unsaid,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Fetch {
    pub accuracy: Accuracy,
    pub count: Expr,
    pub with_ties: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Wait {
    Forever,
    Not,
    Seconds(u64),
    SkipLocked,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ForUpdate {
    pub of: Vec<(Option<String>, String)>,
    pub wait: Wait,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Select {
    pub distinct: bool,
    pub items: Vec<Item>,
    pub from: Vec<TableRef>,
    pub condition: Option<Expr>,
    /// The number of `WHERE ROWNUM <= number`.
    pub most_rows: Option<Expr>,
    pub group_by: Vec<Expr>,
    pub having: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a tree of a test tool; most items are expressions")]
pub enum Item {
    Star,
    QualifiedStar(String),
    /// The text is what Oracle names the column after when there is no alias.
    Expr {
        expr: Expr,
        alias: Option<String>,
        text: String,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum TableRef {
    Named { name: String, alias: Option<String> },
    Query { query: Box<Query>, alias: Option<String> },
    JsonTable(JsonTable),
    Join { left: Box<TableRef>, right: Box<TableRef>, kind: &'static str, on: Option<Expr>, using: Vec<String> },
}

#[derive(Debug, Clone, PartialEq)]
pub struct JsonTable {
    pub document: Expr,
    pub path: String,
    pub columns: Vec<JsonColumn>,
    pub alias: Option<String>,
    pub error_on_error: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct JsonColumn {
    pub name: String,
    /// None: `FOR ORDINALITY`.
    pub kind: Option<TypeName>,
    pub path: String,
    /// `FORMAT JSON`: the value as JSON text.
    pub as_json: bool,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Returning {
    pub exprs: Vec<Expr>,
    /// Placeholders (or PL/SQL variables) that take the values.
    pub into: Vec<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum InsertSource {
    Values(Vec<Vec<Expr>>),
    Query(Box<Query>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Insert {
    pub table: String,
    pub columns: Vec<String>,
    pub source: InsertSource,
    pub returning: Option<Returning>,
}

/// `column = expression`, or `(columns) = (query)`. `DEFAULT` is the name DEFAULT.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    pub columns: Vec<String>,
    pub value: Expr,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    pub table: String,
    pub alias: Option<String>,
    pub sets: Vec<Assignment>,
    pub condition: Option<Expr>,
    pub returning: Option<Returning>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Delete {
    pub table: String,
    pub alias: Option<String>,
    pub condition: Option<Expr>,
    pub returning: Option<Returning>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Merge {
    pub table: String,
    pub alias: Option<String>,
    pub source: TableRef,
    pub on: Expr,
    /// SET clause, WHERE, DELETE WHERE.
    pub matched: Option<(Vec<Assignment>, Option<Expr>, Option<Expr>)>,
    /// Columns, values, WHERE.
    pub unmatched: Option<(Vec<String>, Vec<Expr>, Option<Expr>)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ColumnDef {
    pub name: String,
    pub kind: Option<TypeName>,
    /// The text of the default.
    pub default: Option<String>,
    pub default_on_null: bool,
    /// `GENERATED … AS IDENTITY`: whether ALWAYS, and whether ON NULL too.
    pub identity: Option<(bool, bool)>,
    /// START WITH of an identity column.
    pub identity_start: Option<IdentityStart>,
    /// The text of `AS (…) VIRTUAL`.
    pub computed: Option<String>,
    pub nullable: Option<bool>,
    pub constraints: Vec<Constraint>,
}

/// The next number of an identity column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityStart {
    Number(i64),
    /// LIMIT VALUE: the number after the largest in the table.
    LimitValue,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Constraint {
    pub name: Option<String>,
    pub kind: ConstraintKind,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ConstraintKind {
    PrimaryKey(Vec<String>),
    Unique(Vec<String>),
    /// The text of the condition.
    Check(String),
    ForeignKey {
        columns: Vec<String>,
        table: String,
        referenced: Vec<String>,
        on_delete: OnDelete,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnDelete {
    Refuse,
    Cascade,
    SetNull,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum IndexKind {
    Normal { unique: bool },
    Vector(VectorIndex),
    Context { parameters: String },
}

/// The clauses of a vector index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VectorIndex {
    pub in_memory: bool,
    pub distance: String,
    /// NEIGHBOR PARTITIONS, where given.
    pub partitions: Option<i64>,
    pub included: Vec<String>,
    pub quantized: bool,
    pub online: bool,
}

impl Default for VectorIndex {
    fn default() -> Self {
        Self {
            in_memory: false,
            distance: "COSINE".to_owned(),
            partitions: None,
            included: Vec::new(),
            quantized: false,
            online: false,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum AlterTable {
    AddColumn(ColumnDef),
    AddConstraint(Constraint),
    Modify(ColumnDef),
    DropColumn(String),
    DropConstraint(String),
    /// ENABLE or DISABLE CONSTRAINT: the name, whether it is enabled, and whether the rows are checked.
    SetConstraint(String, bool, bool),
    DropPrimaryKey,
    RenameColumn(String, String),
    RenameConstraint(String, String),
    RenameTo(String),
    /// Physical attributes, row movement and the like: accepted, nothing to do.
    Nothing,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Ddl {
    CreateTable {
        name: String,
        if_not_exists: bool,
        columns: Vec<ColumnDef>,
        constraints: Vec<Constraint>,
        query: Option<Box<Query>>,
    },
    CreateIndex {
        name: String,
        if_not_exists: bool,
        table: String,
        keys: Vec<(Expr, String)>,
        kind: IndexKind,
    },
    CreateView {
        name: String,
        or_replace: bool,
        if_not_exists: bool,
        columns: Vec<String>,
        text: String,
    },
    CreateSequence {
        name: String,
        if_not_exists: bool,
        start: i64,
        increment: i64,
    },
    AlterTable {
        name: String,
        actions: Vec<AlterTable>,
    },
    /// `ALTER INDEX … REBUILD` or the like.
    AlterIndex {
        name: String,
        rest: String,
    },
    /// TABLE, INDEX, VIEW, SEQUENCE.
    Drop {
        kind: &'static str,
        name: String,
        if_exists: bool,
        cascade: bool,
        /// FORCE, which drops an index whose creation is not over.
        force: bool,
    },
    Truncate(String),
    Rename(String, String),
    Comment {
        table: String,
        column: Option<String>,
        text: String,
    },
    /// GRANT, REVOKE, ANALYZE and others that change no data here.
    Nothing,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    Query(Box<Query>),
    Insert(Box<Insert>),
    Update(Box<Update>),
    Delete(Box<Delete>),
    Merge(Box<Merge>),
    Ddl(Box<Ddl>),
    Block(Box<Block>),
    LockTable {
        tables: Vec<String>,
        exclusive: bool,
        wait: Wait,
    },
    AlterSession {
        name: String,
        value: String,
    },
    Commit,
    Rollback(Option<String>),
    Savepoint(String),
    /// SET TRANSACTION and the like.
    Nothing,
}

/// An anonymous PL/SQL block.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Block {
    pub declarations: Vec<Declaration>,
    pub body: Vec<Step>,
    /// Names of exceptions (`OTHERS` among them) and what to do.
    pub handlers: Vec<(Vec<String>, Vec<Step>)>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Declaration {
    Variable { name: String, kind: TypeName, initial: Option<Expr> },
    Exception(String),
    ExceptionInit(String, i32),
    Procedure { name: String, parameters: Vec<(String, TypeName)>, block: Block },
}

/// A PL/SQL statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Null,
    Assign(Expr, Expr),
    If(Vec<(Expr, Vec<Step>)>, Vec<Step>),
    While(Option<Expr>, Vec<Step>),
    ForRange { variable: String, from: Expr, to: Expr, body: Vec<Step> },
    ForQuery { variable: String, query: Box<Query>, body: Vec<Step> },
    Exit(Option<Expr>),
    Return,
    Raise(Option<String>),
    Execute { sql: Expr, into: Vec<Expr>, using: Vec<Expr> },
    SelectInto { query: Box<Query>, into: Vec<Expr> },
    Sql(Statement),
    Call { name: String, args: Vec<(Option<String>, Expr)> },
    Block(Block),
}
