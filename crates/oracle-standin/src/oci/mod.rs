//! The Oracle Call Interface: the functions that ODPI-C looks up in a client library. All of them are `extern "C"`,
//! with the requirements on callers that OCI's documentation states.

mod attributes;
mod bind;
mod connect;
mod consts;
mod datetime;
mod define;
mod environment;
mod handle;
mod lob;
mod number;
mod statement;
