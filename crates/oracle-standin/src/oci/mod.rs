//! The Oracle Call Interface: the functions that ODPI-C looks up in a client library. All of them are `extern "C"`;
//! what they ask of their callers is what OCI's documentation asks.

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
