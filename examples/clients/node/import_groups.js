// Imports groups through the gateway: one with a unary call, then many over a stream.
//
// usage: [TOKEN=...] node import_groups.js HOST:PORT [ITEMS]

import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";

const definition = protoLoader.loadSync(
  ["groupimport/v1/group_import.proto", "google/rpc/status.proto", "google/rpc/error_details.proto"],
  {
    includeDirs: ["../../../proto", "node_modules/google-proto-files"].map((folder) =>
      fileURLToPath(new URL(folder, import.meta.url)),
    ),
    enums: String,
    longs: Number,
    defaults: true,
    oneofs: true,
    json: true, // unpacks the details of errors
  },
);
const { GroupImport } = grpc.loadPackageDefinition(definition).groupimport.v1;

// gRPC itself sends a call again on these two, and heeds the gateway's pushback trailer. Safe only because every request
// here has a key: gRPC says UNAVAILABLE by itself too, where a connection breaks and the group may have been made.
// Not for the stream: that is gone on with below.
const serviceConfig = {
  methodConfig: [
    {
      name: [{ service: "groupimport.v1.GroupImport", method: "ImportGroup" }],
      retryPolicy: {
        maxAttempts: 5,
        initialBackoff: "0.2s",
        maxBackoff: "5s",
        backoffMultiplier: 2,
        retryableStatusCodes: ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
      },
    },
  ],
};

const ATTEMPTS = 5;
const metadata = new grpc.Metadata();
if (process.env.TOKEN) metadata.set("authorization", `Bearer ${process.env.TOKEN}`);

// The google.rpc.Status that a failed call carries, or undefined.
function statusOf(error) {
  const [bytes] = error.metadata?.get("grpc-status-details-bin") ?? [];
  return bytes && definition["google.rpc.Status"].deserialize(bytes);
}

function detail(status, name) {
  return status?.details.find((any) => any["@type"] === `type.googleapis.com/google.rpc.${name}`);
}

// Milliseconds until a request with a key may be sent again, or undefined where that would not help.
function waitBeforeRetry(code, status) {
  const info = detail(status, "ErrorInfo");
  if (!info) {
    // Not from the gateway: the connection broke, or our own deadline came. A key makes it safe.
    return [grpc.status.UNAVAILABLE, grpc.status.DEADLINE_EXCEEDED].includes(code) ? 1000 : undefined;
  }
  if (info.metadata.retry === "after") {
    const delay = detail(status, "RetryInfo")?.retryDelay;
    return delay ? delay.seconds * 1000 + delay.nanos / 1e6 : 1000;
  }
  // "unread": a group of this ID stands, and the gateway could not see whose it is. A repeat looks again.
  return info.metadata.retry === "yes" || info.metadata.existing === "unread" ? 1000 : undefined;
}

// What to tell a human about an error that no repeat cures.
function explain(status) {
  const info = detail(status, "ErrorInfo");
  if (!info) return status?.message ?? "no details";
  const lines = [`${info.reason}: ${status.message}`];
  for (const { field, description } of detail(status, "BadRequest")?.fieldViolations ?? []) {
    lines.push(`  ${field}: ${description}`);
  }
  if (info.metadata.applied === "unknown") {
    lines.push("  it may have been imported all the same: look before anything else is done about it");
  }
  return lines.join("\n");
}

// Imports one group with a key. What it throws, no repeat cures.
async function importOne(client, request) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await new Promise((resolve, reject) =>
        client.importGroup(request, metadata, { deadline: Date.now() + 10_000 }, (error, reply) =>
          error ? reject(error) : resolve(reply),
        ),
      );
    } catch (error) {
      const wait = waitBeforeRetry(error.code, statusOf(error));
      if (wait === undefined || attempt === ATTEMPTS) throw error;
      await sleep(wait);
    }
  }
}

// Imports requests with keys over a stream, and over another if it breaks.
// Gives the answers and the errors by item ID; what no answer came for is in neither.
async function importMany(client, requests) {
  const [todo, imported, failed] = [new Map(requests), new Map(), new Map()];
  for (let attempt = 1; attempt <= ATTEMPTS && todo.size > 0; attempt++) {
    let wait = 1000;
    try {
      const call = client.importGroups(metadata);
      const items = [...todo].map(([itemId, request]) => ({ itemId, request }));
      // A pipe waits while HTTP/2 has no room: this is the back-pressure.
      Readable.from(items).pipe(call);
      for await (const answer of call) {
        if (answer.outcome === "imported") {
          imported.set(answer.itemId, answer.imported);
        } else {
          const itemWait = waitBeforeRetry(undefined, answer.error);
          if (itemWait !== undefined) {
            wait = Math.max(wait, itemWait); // It stays among what is to do.
            continue;
          }
          failed.set(answer.itemId, answer.error);
        }
        todo.delete(answer.itemId);
      }
    } catch (error) {
      wait = waitBeforeRetry(error.code, statusOf(error));
      if (wait === undefined) break;
    }
    if (todo.size > 0) await sleep(wait);
  }
  return { imported, failed };
}

// A request whose key was made once, and goes along with every repeat.
function request(name) {
  return { group: { type: "GROUP_TYPE_PUBLIC", name }, requestId: randomUUID() };
}

const [target, count = 300] = process.argv.slice(2);
const client = new GroupImport(target, grpc.credentials.createInsecure(), {
  "grpc.service_config": JSON.stringify(serviceConfig),
});

const first = request("From Node");
const reply = await importOne(client, first);
console.log("imported", reply.groupId, reply.reconciled ? "(it stood already)" : "");
const again = await importOne(client, first);
console.log("imported again:", again.groupId, again.reconciled ? "(it stood already)" : "");

const refusal = await importOne(client, request("A name of more than thirty bytes")).catch((error) => error);
console.log("refused with", grpc.status[refusal.code], explain(statusOf(refusal)));

const requests = new Map([["bad", request("")]]);
for (let n = 0; n < count; n++) requests.set(`item ${n}`, request(`Group ${n}`));
const { imported, failed } = await importMany(client, requests);
console.log(imported.size, "of", requests.size, "items imported");
for (const [itemId, status] of failed) console.log(itemId, "refused with", explain(status));
client.close();

const asItShouldBe =
  again.reconciled && again.groupId === reply.groupId && refusal.code === grpc.status.INVALID_ARGUMENT &&
  imported.size === Number(count) && failed.size === 1 && failed.has("bad");
if (!asItShouldBe) throw new Error("not all is as it should be");
