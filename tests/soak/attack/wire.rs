//! Requests written byte by byte, for callers that do not behave.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::harness::Server;

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(150);

/// The boundary of the forms.
const BOUNDARY: &str = "attack";

/// Opens a connection to a server.
pub fn connect(server: &Server) -> TcpStream {
    let address = server.url();
    let stream = TcpStream::connect(address.trim_start_matches("http://")).expect("the server accepts connections");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket takes a time limit");
    stream.set_write_timeout(Some(PATIENCE)).expect("a socket takes a time limit");
    stream
}

/// Returns the head of a request without a body; `headers` are whole lines.
pub fn head(method: &str, path: &str, headers: &[&str]) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\n");
    if !headers.iter().any(|header| header.to_ascii_lowercase().starts_with("host:")) {
        head.push_str("host: 127.0.0.1\r\n");
    }
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    head + "\r\n"
}

/// Returns the head of a request whose body is a form of so many bytes, and the beginning of that form: one file, up to
/// its first byte.
pub fn form_head(path: &str, length: usize, headers: &[&str]) -> String {
    let own = [format!("content-type: multipart/form-data; boundary={BOUNDARY}"), format!("content-length: {length}")];
    let headers: Vec<&str> = own.iter().map(String::as_str).chain(headers.iter().copied()).collect();
    head("POST", path, &headers) + &file_head()
}

/// Returns the beginning of a form with one file.
pub fn file_head() -> String {
    format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n")
}

/// Sends a whole request and returns the status of the answer; 0 when the connection is closed without one.
pub fn status_of(server: &Server, request: &[u8]) -> u16 {
    let mut stream = connect(server);
    // The server may answer and close before it has read everything.
    drop(stream.write_all(request));
    status(&mut stream)
}

/// Reads the status of an answer; 0 when the connection is closed without one.
pub fn status(stream: &mut TcpStream) -> u16 {
    let mut line = [0; 12];
    match stream.read_exact(&mut line) {
        Ok(()) => String::from_utf8_lossy(&line[9..]).parse().unwrap_or_default(),
        Err(_) => 0,
    }
}

/// Sends `total` bytes until the server stops taking them, and returns how many it took.
pub fn pour(stream: &mut TcpStream, total: usize) -> usize {
    let piece = vec![b'x'; 1 << 16];
    let mut sent = 0;
    while sent < total {
        match stream.write(&piece[..piece.len().min(total - sent)]) {
            Ok(taken) => sent += taken,
            Err(_) => break,
        }
    }
    sent
}
