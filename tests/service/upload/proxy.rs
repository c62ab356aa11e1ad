//! A proxy in front of the real app that handles each request as a test decides.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The handling of a request.
pub enum Action {
    /// Forwards the request to the app, and its answer back.
    Forward,
    /// Answers in place of the app, with a status line, headers and a body.
    Answer(String),
    /// Closes the connection without an answer.
    Drop,
    /// Forwards the request to the app, and closes the connection instead of sending the answer back.
    DropAnswer,
    /// Forwards the request to the app, and sends back this many bytes of the answer's body.
    Cut(usize),
    /// Keeps the connection open and never answers.
    Hang,
}

/// Returns an answer with a JSON body.
pub fn json(status: &str, body: &str) -> Action {
    answer(status, "", body)
}

/// Returns an answer with a JSON body and more headers, each ended by a line break.
pub fn answer(status: &str, headers: &str, body: &str) -> Action {
    let length = body.len();
    Action::Answer(format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\
         {headers}\r\n{body}"
    ))
}

/// A request that arrived at the proxy.
pub struct Request {
    /// Method and path without the query: `POST /images`.
    pub line: String,
    /// The line and the headers as they arrived.
    pub head: String,
    /// All bytes of the body.
    pub body: Vec<u8>,
}

/// A running proxy. Its threads end with the test process.
pub struct Proxy {
    pub url: String,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts a proxy in front of an app. `decide` gets each request and the number of earlier ones with the same line.
    pub fn before(app: &str, decide: impl Fn(&Request, usize) -> Action + Send + Sync + 'static) -> Self {
        let app: SocketAddr = app.trim_start_matches("http://").parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (decide, all_lines) = (Arc::new(decide), Arc::clone(&lines));
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let (decide, lines) = (Arc::clone(&decide), Arc::clone(&all_lines));
                std::thread::spawn(move || {
                    // A client that closes its connection is a part of some tests.
                    drop(serve(connection.unwrap(), app, decide.as_ref(), &lines));
                });
            }
        });
        Self { url, lines }
    }

    /// Returns the number of requests with this line.
    pub fn count(&self, line: &str) -> usize {
        self.lines.lock().unwrap().iter().filter(|other| *other == line).count()
    }
}

fn serve(
    mut client: TcpStream,
    app: SocketAddr,
    decide: &(dyn Fn(&Request, usize) -> Action + Send + Sync),
    lines: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let (head, body) = read_request(&mut client)?;
    let line = head.split(" HTTP/").next().unwrap().split('?').next().unwrap().to_owned();
    let before = {
        let mut lines = lines.lock().unwrap();
        lines.push(line.clone());
        lines.iter().filter(|other| **other == line).count() - 1
    };
    let request = Request { line, head, body };
    match decide(&request, before) {
        Action::Forward => client.write_all(&forward(app, &request)?),
        Action::Answer(text) => client.write_all(text.as_bytes()),
        Action::Drop => Ok(()),
        Action::DropAnswer => forward(app, &request).map(drop),
        Action::Cut(length) => {
            let answer = forward(app, &request)?;
            let body = answer.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |end| end + 4);
            client.write_all(&answer[..answer.len().min(body + length)])
        }
        Action::Hang => {
            std::thread::sleep(Duration::from_secs(3_600));
            Ok(())
        }
    }
}

fn read_request(client: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 16 << 10]);
    let mut more = |bytes: &mut Vec<u8>| {
        let read = client.read(&mut chunk)?;
        bytes.extend_from_slice(&chunk[..read]);
        if read == 0 { Err(std::io::ErrorKind::UnexpectedEof.into()) } else { Ok::<_, std::io::Error>(()) }
    };
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        more(&mut bytes)?;
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let length = head
        .to_lowercase()
        .split_once("content-length:")
        .map_or(0, |(_, rest)| rest.lines().next().unwrap().trim().parse().unwrap());
    while bytes.len() < end + length {
        more(&mut bytes)?;
    }
    Ok((head, bytes.split_off(end)))
}

/// Sends one request on a connection of its own. Returns the whole answer.
fn forward(app: SocketAddr, request: &Request) -> std::io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(app)?;
    let (line, headers) = request.head.split_once("\r\n").unwrap();
    server.write_all(format!("{line}\r\nconnection: close\r\n{headers}").as_bytes())?;
    server.write_all(&request.body)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    Ok(answer)
}
