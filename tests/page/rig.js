// Stand-in, gateway and load: the real programs, on ports that the system chose.
"use strict";
const { spawn } = require("node:child_process");
const { createHash } = require("node:crypto");
const { once } = require("node:events");
const { writeFileSync } = require("node:fs");
const { createServer } = require("node:net");
const { join } = require("node:path");

const { BINARY, LOAD, WORK } = process.env;
const CALLERS = { migration: "token-of-migration", billing: "token-of-billing", signup: "token-of-signup" };

/** A program, whose log can be waited for. */
class Program {
  constructor(command, args, env = {}) {
    this.log = "";
    this.child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on("data", (text) => { this.log += text; });
    this.ended = once(this.child, "exit");
  }

  /** What a pattern finds in the log, once it is there. */
  async says(pattern) {
    for (let tries = 0; tries < 300; tries++) {
      const found = pattern.exec(this.log);
      if (found) return found[1];
      if (this.child.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`${this.child.spawnfile} never said ${pattern}:\n${this.log}`);
  }

  async stop(signal = "SIGTERM") {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    await this.ended;
  }
}

/** One that the system chose; Redis can't say which one it would. */
async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Everything that runs; `stop` ends it. */
class Rig {
  programs = [];

  async start() {
    writeFileSync(join(WORK, "key"), "a-key-that-only-this-stand-in-knows");
    this.chat = await this.standIn(1400000000, "--fault", "close_before=0.005");
    this.slowChat = await this.standIn(1400000001, "--calls-per-second", "20");
    this.listen = this.admin = "127.0.0.1:0";
    await this.startGateway();
  }

  /** A gateway that shares the rate of one app through a Redis of its own. */
  async startShared() {
    writeFileSync(join(WORK, "key"), "a-key-that-only-this-stand-in-knows");
    const chat = await this.standIn(1400000000);
    const port = await freePort();
    this.redis = this.run("redis-server", ["--bind", "127.0.0.1", "--port", String(port), "--save", "", "--appendonly", "no"]);
    await this.redis.says(/(ready to accept connections)/i);
    writeFileSync(join(WORK, "shared.toml"), `
      [server]
      listen = "127.0.0.1:0"
      admin_listen = "127.0.0.1:0"
      [rate_limit]
      backend = "redis"
      redis_url = "redis://127.0.0.1:${port}"
      ${this.app("prod", 1400000000, chat)}`);
    this.gateway = this.run(BINARY, ["serve", "--config", join(WORK, "shared.toml")], { RUST_LOG: "info" });
    this.admin = await this.gateway.says(/listening for probes and metrics.*?address=([0-9.:]+)/);
  }

  /** A Chat stand-in with one app; where it listens. */
  async standIn(app, ...args) {
    const known = ["--app", `${app}:${join(WORK, "key")}:administrator`];
    return this.run(BINARY, ["sandbox", "--listen", "127.0.0.1:0", ...known, ...args]).says(/(http:\/\/127\.0\.0\.1:\d+)/);
  }

  /** On the same ports as before, if there was one. */
  async startGateway() {
    writeFileSync(join(WORK, "gateway.toml"), this.config());
    this.gateway = this.run(BINARY, ["serve", "--config", join(WORK, "gateway.toml")], { RUST_LOG: "info" });
    this.listen = await this.gateway.says(/listening for gRPC.*?address=([0-9.:]+)/);
    this.admin = await this.gateway.says(/listening for probes and metrics.*?address=([0-9.:]+)/);
  }

  get url() { return `http://${this.admin}/`; }

  /** Three apps: one that works, one whose Chat takes less than it should, and one whose Chat can't be reached. */
  config() {
    const callers = Object.entries(CALLERS).map(([name, token]) => `
      [[callers]]
      name = "${name}"
      token_sha256 = ["${createHash("sha256").update(token).digest("hex")}"]
      apps = ["prod", "staging", "trial"]`);
    return `
      [server]
      listen = "${this.listen}"
      admin_listen = "${this.admin}"
      ${this.app("prod", 1400000000, this.chat)}
      ${this.app("staging", 1400000001, this.slowChat, 40)}
      ${this.app("trial", 1400000002, "http://127.0.0.1:1")}
      ${callers.join("\n")}`;
  }

  app(name, id, url, rate = 200) {
    return `
      [[apps]]
      name = "${name}"
      sdk_app_id = ${id}
      identifier = "administrator"
      secret_key_file = "${join(WORK, "key")}"
      calls_per_second = ${rate}
      base_url = "${url}"`;
  }

  /** A load that ends by itself. */
  load(caller, rate, ...args) {
    const token = CALLERS[caller] ?? "no such token";
    const fixed = ["--token", token, "--calls-per-second", String(rate), "--seconds", "600"];
    return this.run(LOAD, [...fixed, ...args, `http://${this.listen}`]);
  }

  /** More than the rate, on both lanes, with failures of several kinds. */
  loadAll() {
    return [
      this.load("migration", 400, "--app", "prod", "--stream", "--bad", "2"),
      this.load("billing", 30, "--app", "prod", "--bad", "20"),
      this.load("signup", 5, "--app", "prod"),
      this.load("signup", 30, "--app", "staging"),
      this.load("signup", 1, "--app", "trial"),
      this.load("signup", 1, "--app", "<b>prod</b>"),
      this.load("nobody", 1, "--app", "prod"),
    ];
  }

  run(...program) {
    const running = new Program(...program);
    this.programs.push(running);
    return running;
  }

  async stop() {
    await Promise.all(this.programs.map((program) => program.stop("SIGKILL")));
  }
}

module.exports = { Rig };
