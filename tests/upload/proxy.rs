//! A proxy before the real app that does to each request what a test tells it to.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happens to a request.
pub enum Act {
    /// The app answers.
    Pass,
    /// The app never hears of it: status line, headers and body.
    Answer(String),
    /// The connection ends without an answer.
    Drop,
    /// The app does it, and the connection ends before its answer arrives.
    DropAnswer,
    /// Nothing ever comes.
    Hang,
}

/// An answer with a JSON body.
pub fn json(status: &str, body: &str) -> Act {
    answer(status, "", body)
}

/// An answer with more headers, each ended by a line break.
pub fn answer(status: &str, headers: &str, body: &str) -> Act {
    let length = body.len();
    Act::Answer(format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\
         {headers}\r\n{body}"
    ))
}

/// A request, as a test looks at it.
pub struct Seen {
    /// `POST /images`
    pub line: String,
    /// All bytes of the body.
    pub body: Vec<u8>,
}

/// A running proxy. Its threads end with the test process.
pub struct Proxy {
    pub url: String,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts before an app. `decide` gets each request and how many with the same line came before it.
    pub fn before(app: &str, decide: impl Fn(&Seen, usize) -> Act + Send + Sync + 'static) -> Self {
        let app: SocketAddr = app.trim_start_matches("http://").parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (decide, seen) = (Arc::new(decide), Arc::clone(&lines));
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let (decide, seen) = (Arc::clone(&decide), Arc::clone(&seen));
                std::thread::spawn(move || {
                    // A client that goes away is none of the proxy's business.
                    drop(serve(connection.unwrap(), app, decide.as_ref(), &seen));
                });
            }
        });
        Self { url, lines }
    }

    /// How many requests with this line came.
    pub fn count(&self, line: &str) -> usize {
        self.lines.lock().unwrap().iter().filter(|seen| *seen == line).count()
    }
}

fn serve(
    mut client: TcpStream,
    app: SocketAddr,
    decide: &(dyn Fn(&Seen, usize) -> Act + Send + Sync),
    lines: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let (head, body) = read_request(&mut client)?;
    let line = head.split(" HTTP/").next().unwrap().split('?').next().unwrap().to_owned();
    let before = {
        let mut lines = lines.lock().unwrap();
        lines.push(line.clone());
        lines.iter().filter(|seen| **seen == line).count() - 1
    };
    let seen = Seen { line, body };
    match decide(&seen, before) {
        Act::Pass => client.write_all(&pass(app, &head, &seen.body)?),
        Act::Answer(text) => client.write_all(text.as_bytes()),
        Act::Drop => Ok(()),
        Act::DropAnswer => pass(app, &head, &seen.body).map(drop),
        Act::Hang => {
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

/// One request on a connection of its own, and all that comes back.
fn pass(app: SocketAddr, head: &str, body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(app)?;
    let (line, headers) = head.split_once("\r\n").unwrap();
    server.write_all(format!("{line}\r\nconnection: close\r\n{headers}").as_bytes())?;
    server.write_all(body)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    Ok(answer)
}
