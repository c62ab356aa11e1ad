//! Numbers of the Oracle Call Interface (oci.h, ocidfn.h), as far as ODPI-C uses them.

pub const SUCCESS: i32 = 0;
pub const SUCCESS_WITH_INFO: i32 = 1;
pub const NO_DATA: i32 = 100;
pub const ERROR: i32 = -1;
pub const INVALID_HANDLE: i32 = -2;
/// The answer of a callback, OCI_CONTINUE.
pub const CONTINUE: i32 = -24200;

pub const HTYPE_ENV: u32 = 1;
pub const HTYPE_ERROR: u32 = 2;
pub const HTYPE_SVCCTX: u32 = 3;
pub const HTYPE_SERVER: u32 = 8;
pub const HTYPE_SESSION: u32 = 9;
pub const HTYPE_TRANS: u32 = 10;
pub const DTYPE_LOB: u32 = 50;
pub const DTYPE_TIMESTAMP: u32 = 68;
pub const DTYPE_TIMESTAMP_TZ: u32 = 69;
pub const DTYPE_TIMESTAMP_LTZ: u32 = 70;

pub const ATTR_DATA_SIZE: u32 = 1;
pub const ATTR_DATA_TYPE: u32 = 2;
pub const ATTR_NAME: u32 = 4;
pub const ATTR_PRECISION: u32 = 5;
pub const ATTR_SCALE: u32 = 6;
pub const ATTR_SERVER: u32 = 6;
pub const ATTR_SESSION: u32 = 7;
pub const ATTR_IS_NULL: u32 = 7;
pub const ATTR_ROW_COUNT: u32 = 9;
/// The kind of a statement, in more detail than its type.
pub const ATTR_SQLFNCODE: u32 = 10;
pub const ATTR_PREFETCH_ROWS: u32 = 11;
pub const ATTR_PARAM_COUNT: u32 = 18;
pub const ATTR_USERNAME: u32 = 22;
pub const ATTR_PASSWORD: u32 = 23;
pub const ATTR_STMT_TYPE: u32 = 24;
pub const ATTR_CHARSET_ID: u32 = 31;
pub const ATTR_CHARSET_FORM: u32 = 32;
pub const ATTR_ROWS_RETURNED: u32 = 42;
pub const ATTR_NUM_DML_ERRORS: u32 = 73;
pub const ATTR_DML_ROW_OFFSET: u32 = 74;
pub const ATTR_PARSE_ERROR_OFFSET: u32 = 129;
pub const ATTR_SERVER_STATUS: u32 = 143;
pub const ATTR_STATEMENT: u32 = 144;
pub const ATTR_STMTCACHESIZE: u32 = 176;
pub const ATTR_BIND_COUNT: u32 = 190;
pub const ATTR_ROWS_FETCHED: u32 = 197;
pub const ATTR_STMT_IS_RETURNING: u32 = 218;
pub const ATTR_NCHARSET_ID: u32 = 262;
pub const ATTR_CHAR_SIZE: u32 = 286;
pub const ATTR_UB8_ROW_COUNT: u32 = 457;
pub const ATTR_ERROR_IS_RECOVERABLE: u32 = 472;
pub const ATTR_TRANSACTION_IN_PROGRESS: u32 = 484;
pub const ATTR_MAX_OPEN_CURSORS: u32 = 471;
pub const ATTR_MAX_IDENTIFIER_LEN: u32 = 500;
pub const ATTR_CALL_TIMEOUT: u32 = 531;
pub const ATTR_JSON_COL: u32 = 534;

/// Character set AL32UTF8.
pub const AL32UTF8: u16 = 873;
/// NCHAR data, SQLCS_NCHAR.
pub const CSFORM_NCHAR: u8 = 2;

pub const SQLT_CHR: u16 = 1;
pub const SQLT_NUM: u16 = 2;
pub const SQLT_INT: u16 = 3;
pub const SQLT_VNU: u16 = 6;
pub const SQLT_BFLOAT: u16 = 21;
pub const SQLT_BDOUBLE: u16 = 22;
pub const SQLT_BIN: u16 = 23;
pub const SQLT_UIN: u16 = 68;
pub const SQLT_AFC: u16 = 96;
pub const SQLT_IBFLOAT: u16 = 100;
pub const SQLT_IBDOUBLE: u16 = 101;
pub const SQLT_CLOB: u16 = 112;
pub const SQLT_BLOB: u16 = 113;
pub const SQLT_ODT: u16 = 156;
pub const SQLT_DAT: u16 = 12;
pub const SQLT_TIMESTAMP: u16 = 187;
pub const SQLT_TIMESTAMP_TZ: u16 = 188;
pub const SQLT_TIMESTAMP_LTZ: u16 = 232;
pub const SQLT_RDD: u16 = 104;

pub const MODE_COMMIT_ON_SUCCESS: u32 = 0x20;
pub const MODE_BATCH_ERRORS: u32 = 0x80;
