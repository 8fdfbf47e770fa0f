// Streams the smallest items as fast as it can, and sees each answered once and the gateway's memory stay flat.
//
// usage: node flood.js HOST:PORT PID PROTO [SECONDS]
// PID: the gateway's; PROTO: folders with the protos, colons between; SECONDS: when to stop sending, else after 100,000

const assert = require("node:assert");
const { readFileSync } = require("node:fs");
const { Readable } = require("node:stream");
const grpc = require("@grpc/grpc-js");
const protoLoader = require("@grpc/proto-loader");

const ITEMS = 100_000;
// At full speed some thousand calls to Chat are under way, each on a connection, and take most of this.
const MOST_KIB = 128 * 1024;
// By how much the gateway may grow in the second half, when those connections are open.
const GROWTH_KIB = 16 * 1024;

const memoryKib = (pid) => Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]);

async function main(target, pid, proto, seconds) {
  const options = { includeDirs: proto.split(":"), oneofs: true };
  const definition = protoLoader.loadSync("groupimport/v1/group_import.proto", options);
  const { GroupImport } = grpc.loadPackageDefinition(definition).groupimport.v1;
  // grpc-js takes a mebibyte of items before it holds the sender back, retries or not: minutes at 200 a second.
  const client = new GroupImport(target, grpc.credentials.createInsecure(), {
    "grpc.per_rpc_retry_buffer_size": 4096,
  });
  const request = { group: { type: "GROUP_TYPE_PUBLIC", name: "g" } };

  const start = performance.now();
  let sent = 0;
  function* items() {
    while (sent < ITEMS && !(seconds && performance.now() - start > seconds * 1000)) {
      sent++;
      yield { itemId: String(sent), request };
    }
  }

  const memory = [];
  const watch = setInterval(() => memory.push(memoryKib(pid)), 250);
  const answered = new Set();
  const call = client.importGroups();
  Readable.from(items()).pipe(call);
  // An error here is a stream that did not end well: a closed connection, say.
  for await (const answer of call) {
    assert.equal(answer.outcome, "imported", JSON.stringify(answer));
    assert(!answered.has(answer.itemId), `${answer.itemId} answered twice`);
    answered.add(answer.itemId);
  }
  const took = (performance.now() - start) / 1000;
  clearInterval(watch);
  client.close();

  const half = memory.length / 2;
  const [first, second] = [Math.max(...memory.slice(0, half)), Math.max(...memory.slice(half))];
  console.log(
    `node: ${answered.size} of ${sent} items answered once, in ${took.toFixed(1)} s (${Math.round(answered.size / took)}/s); ` +
      `the gateway's memory in MiB: ${memory[0] >> 10} at first, ` +
      `at most ${first >> 10} in the first half and ${second >> 10} in the second`,
  );
  assert.equal(answered.size, sent, "items without an answer");
  assert(seconds || sent === ITEMS, "not all was sent");
  assert(Math.max(first, second) < MOST_KIB && second - first < GROWTH_KIB, `the gateway's memory grew: ${memory}`);
}

main(...process.argv.slice(2));
