//! A Chat that says yes to everything, and costs next to nothing: `mock LISTEN [LATENCY_MS]`.
//!
//! The stand-in (`group-import-gateway sandbox`) checks what it is asked; this only finds where a request ends, so that
//! a measurement is of what stands in front of it.

use std::{error::Error, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

/// One answer for both commands that a gateway sends.
const BODY: &str = concat!(
    r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0,"GroupId":"a-group-of-the-mock","#,
    r#""GroupInfo":[{"ErrorCode":10010,"GroupId":"group-import-gateway.probe"}]}"#
);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().ok_or("LISTEN [LATENCY_MS]")?.parse()?;
    let latency = Duration::from_millis(arguments.next().map_or(Ok(0), |latency| latency.parse())?);
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    // A thousand calls at once come over as many connections.
    let listener = socket.listen(4096)?;
    loop {
        let (connection, _) = listener.accept().await?;
        connection.set_nodelay(true)?;
        tokio::spawn(serve(connection, latency));
    }
}

/// Answers one request after the other, until the client goes.
async fn serve(mut connection: TcpStream, latency: Duration) -> std::io::Result<()> {
    let answer =
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{BODY}", BODY.len());
    let mut unread = Vec::with_capacity(2048);
    while connection.read_buf(&mut unread).await? > 0 {
        while let Some(length) = request(&unread) {
            unread.drain(..length);
            if !latency.is_zero() {
                tokio::time::sleep(latency).await;
            }
            connection.write_all(answer.as_bytes()).await?;
        }
    }
    Ok(())
}

/// The length of the first request, if all of it is there.
fn request(unread: &[u8]) -> Option<usize> {
    let head = unread.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&unread[..head]).ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let whole = head + length.unwrap_or(0);
    (unread.len() >= whole).then_some(whole)
}
