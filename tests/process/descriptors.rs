//! What happens when the system has no descriptor left for a connection.

use std::{net::TcpStream, time::Duration};

use group_import_gateway::proto::ImportGroupRequest;

use crate::binary::{Running, binary, group, stand_in, write_config};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accept_that_fails_does_not_end_the_gateway() {
    let sandbox = stand_in().await;
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), &sandbox.base_url(), "");
    let limited = binary();
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "ulimit -n 40; exec \"$0\" \"$@\""]).arg(limited.get_program());
    command.args(["serve", "--config", &config]).env_remove("RUST_LOG").env_remove("GATEWAY_CONFIG");
    let gateway = Running::start(command);
    let address = gateway.value("listening for gRPC", "address");
    let mut client = gateway.client().await;
    let mut import = async |id: &str| {
        let request = ImportGroupRequest { group: Some(group(id)), ..Default::default() };
        client.import_group(request).await
    };
    import("before").await.unwrap();
    let held: Vec<_> = (0..60).map(|_| TcpStream::connect(&address).unwrap()).collect();
    gateway.value("no connection can be accepted", "times");
    import("while").await.unwrap(); // the connections that there are go on
    drop(held);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut client = gateway.client().await;
    let request = ImportGroupRequest { group: Some(group("after")), ..Default::default() };
    client.import_group(request).await.unwrap();
}
