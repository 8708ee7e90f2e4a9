// Monitoring: the metrics as a scraper sees them, health and readiness, and the log's lines.
import test, { describe } from "node:test";
import assert from "node:assert/strict";
import { io } from "socket.io-client";
import { lab } from "./support/lab.mjs";
import { parse } from "./support/prometheus.mjs";
import { Raw, http, response } from "./support/raw.mjs";
import { until } from "./support/wire.mjs";

const kTimeout = { timeout: 120_000 };

/** A connected client that is closed when the test is over. */
async function connect(server, t, options = {}) {
  const socket = io(server.url, { reconnection: false, forceNew: true, transports: ["websocket"], ...options });
  t.after(() => socket.close());
  await new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
  });
  return socket;
}

const metrics = async (server) => parse(await (await fetch(`${server.url}/metrics`)).text());

/** Scrapes until `done`: a text may be up to a second old. */
const scraped = (server, done) => until(() => metrics(server), done, "metrics that say so");

describe("metrics", kTimeout, () => {
  test("the text is valid, and what happened is in it", async (t) => {
    const server = await lab({}, t);
    const response = await fetch(`${server.url}/metrics`);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert.equal(response.headers.get("cache-control"), "no-store");
    const before = parse(await response.text());
    assert.equal(before.value("socketio_sockets"), 0);
    assert.equal(before.families.socketio_turn_seconds.type, "histogram");

    const upgraded = await connect(server, t, { transports: ["polling", "websocket"] });
    const polling = await connect(server, t, { transports: ["polling"] });
    const websocket = await connect(server, t);
    const answered = new Promise((resolve) => websocket.once("answer", resolve));
    websocket.emit("ask nobody", 1);  // nobody answers
    assert.equal(await answered, "operation has timed out");
    await websocket.emitWithAck("join", "a");
    await polling.emitWithAck("join", "a");
    const received = new Promise((resolve) => polling.once("hi", resolve));
    websocket.emit("to", "a", "hi");
    await received;
    websocket.emit("throw", "secret text");
    websocket.emit("mismatch", "no number");
    assert.equal((await fetch(`${server.url}/socket.io/?EIO=4&transport=x`)).status, 400);

    const now = await scraped(server, (m) => m.value("socketio_upgrades_total") === 1 &&
      m.value("socketio_payload_mismatches_total") === 1 &&
      m.value("socketio_rejected_requests_total", { reason: "unknown_transport" }) === 1);
    assert.equal(upgraded.connected, true);
    assert.equal(now.value("socketio_clients", { transport: "websocket" }), 2);
    assert.equal(now.value("socketio_clients", { transport: "polling" }), 1);
    assert.equal(now.value("socketio_clients_opened_total", { transport: "websocket" }), 1);
    assert.equal(now.value("socketio_clients_opened_total", { transport: "polling" }), 2);
    assert.equal(now.value("socketio_sockets"), 3);
    assert.equal(now.value("socketio_acks_timed_out_total"), 1);
    assert.equal(now.value("socketio_acks_pending"), 0);
    assert.equal(now.value("socketio_handler_errors_total"), 1);
    assert.equal(now.value("socketio_events_received_total"), 6);
    assert(now.value("socketio_rooms") >= 1);
    assert(now.value("socketio_turn_seconds_count") > 0);
    assert(now.value("socketio_received_bytes_total") > before.value("socketio_received_bytes_total"));
    const [info] = now.families.socketio_build_info.samples;
    assert.match(info.labels.backend, /^(epoll|io_uring)$/);
    assert.match(info.labels.version, /^\d+\.\d+\.\d+$/);

    for (const socket of [upgraded, polling, websocket]) socket.disconnect();
    const after = await scraped(server, (m) => m.value("socketio_sockets") === 0);
    assert.equal(after.value("socketio_disconnects_total", { reason: "client namespace disconnect" }), 3);
    assert.equal(after.value("socketio_rooms"), 0);
    assert(!JSON.stringify(after.families).includes("secret"));
  });

  // reliability: A02, A15
  test("other methods and other paths are refused", async (t) => {
    const server = await lab({}, t);
    for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
      const response = await fetch(`${server.url}/metrics`, { method, body: "x" });
      assert.equal(response.status, 405, method);
      assert.equal(response.headers.get("allow"), "GET, HEAD");
    }
    const head = await fetch(`${server.url}/metrics`, { method: "HEAD" });
    assert.equal(head.status, 200);
    assert.equal(await head.text(), "");
    for (const path of ["/metrics/..;/", "/metrics/", "/metrics/x", "/metrics%2f", "/Metrics", "/metrics;x", "/metrics%00"])
      assert.equal((await fetch(server.url + path)).status, 404, path);
    // As they stand: fetch() would take the dots away.
    const asked = async (path) => {
      const raw = await Raw.connect(server);
      await raw.send(http(`GET ${path} HTTP/1.1`, ["Connection: close"]));
      return (await response(raw)).status;
    };
    for (const path of ["/metrics/%2e", "/metrics/%2E%2e/", "/metrics%2e", "//metrics", "/metrics%252e", "/x/..%2fmetrics"])
      assert.equal(await asked(path), 404, path);
    // A route has the normal form of a path, whatever the spelling: who hides it in front of us has to compare that.
    for (const path of ["/%2e/metrics", "/x/%2e%2e/metrics", "/x/../metrics", "/%6detrics"])
      assert.equal(await asked(path), 200, path);
  });

  // reliability: A16. Each scrape is a request and would change the text, were it made each time.
  test("a crowd of scrapers is answered from one text a second", async (t) => {
    const server = await lab({}, t);
    const crowd = await Promise.all(Array.from({ length: 1_000 }, () => Raw.connect(server)));
    const began = Date.now();
    const texts = await Promise.all(crowd.map(async (raw) => {
      await raw.send(http("GET /metrics HTTP/1.1"));
      return (await response(raw)).body;
    }));
    const seconds = Math.ceil((Date.now() - began) / 1000) + 1;
    assert(new Set(texts).size <= seconds, `${new Set(texts).size} texts in ${seconds} s`);
  });
});

describe("health", kTimeout, () => {
  // reliability: A10
  test("alive, and ready until told otherwise", async (t) => {
    const server = await lab({}, t);
    const get = async (path) => {
      const response = await fetch(server.url + path);
      assert.equal(response.headers.get("cache-control"), path.startsWith("/ready/") ? null : "no-store");
      return [response.status, await response.text()];
    };
    assert.deepEqual(await get("/healthz"), [200, "ok\n"]);
    assert.deepEqual(await get("/readyz"), [200, "ready\n"]);
    await get("/ready/no");
    assert.deepEqual(await get("/readyz"), [503, "not ready\n"]);
    assert.deepEqual(await get("/healthz"), [200, "ok\n"]);
    await get("/ready/yes");
    assert.deepEqual(await get("/readyz"), [200, "ready\n"]);
  });
});

describe("log lines", kTimeout, () => {
  const lines = async (server) => (await fetch(`${server.url}/__lines`)).json();

  // reliability: A13
  test("are structured, and nothing a client sends can forge one", async (t) => {
    const server = await lab({ log_lines: true }, t);
    await lines(server);  // what the start said
    const socket = await connect(server, t);
    const huge = "x".repeat(100_000);
    socket.emit("throw", "a\r\nforged\u001b[31m");
    socket.emit("throw", huge);
    await socket.emitWithAck("echo");
    const [first, second] = (await lines(server)).filter((line) => line.kind === "handler");
    assert.equal(first.text, "a\\r\\nforged\\x1b[31m");
    assert.equal(first.level, "warn");
    assert.deepEqual(first.fields, { event: "throw" });
    assert(Math.abs(Date.parse(first.time) - Date.now()) < 120_000);
    assert.equal(second.text, `${huge.slice(0, 256)}...`);
  });

  test("a flood becomes ten a second, and the rest is counted", async (t) => {
    const server = await lab({ log_lines: true }, t);
    await lines(server);
    const socket = await connect(server, t);
    const kFlood = 2_000;
    const began = Date.now();
    for (let i = 0; i < kFlood; ++i) socket.emit("throw", "again");
    await socket.emitWithAck("echo");
    const flooded = (await lines(server)).filter((line) => line.kind === "handler");
    const seconds = Math.ceil((Date.now() - began) / 1000) + 1;
    assert(flooded.length >= 10 && flooded.length <= 10 * seconds, `${flooded.length} lines in ${seconds} s`);
    const now = await scraped(server, (m) => m.value("socketio_handler_errors_total") === kFlood);
    assert.equal(flooded.length + now.value("socketio_log_lines_suppressed_total"), kFlood);
    // A later line of the kind says how many are missing.
    await until(async () => {
      socket.emit("throw", "later");
      await socket.emitWithAck("echo");
      return lines(server);
    }, (later) => later.some((line) => line.suppressed > 0), "a line that says how many were suppressed");
  });
});
