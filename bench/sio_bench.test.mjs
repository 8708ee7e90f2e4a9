// `sio bench` against real servers: that it counts what it should, whatever the transport, and refuses nonsense. Numbers of
// messages instead of durations wherever possible; nothing here asserts a time.
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { freePort, here, launch, quoted, startServer, stop } from "./servers.mjs";

const bin = process.env.SIO_BIN_DIR ?? join(here, "../build/dev/bin");
const servers = {};

before(async () => {
  const bench = { name: "bench-server", folder: here, command: `${quoted(`${bin}/bench-server`)} --port {port} --mode {mode}` };
  const bare = { name: "conformance-server", folder: here, command: `${quoted(`${bin}/conformance-server`)} --suite {mode} --port {port}` };
  for (const mode of ["echo", "broadcast", "rooms:3"]) servers[mode] = await startServer(bench, mode, {});
  servers.raw = await startServer(bare, "ws", {});
});
after(async () => {
  for (const server of Object.values(servers)) await stop(server);
});

async function sio(args) {
  const child = launch(`${quoted(`${bin}/sio`)} ${args}`);
  return { code: await child.ended, output: child.output, errors: child.errors };
}

/** A run that must succeed: its JSON. */
async function bench(server, args) {
  const { port, pid } = servers[server];
  const { code, output, errors } = await sio(`bench --quiet --json --port ${port} --pid ${pid} ${args}`);
  assert.equal(code, 0, errors);
  assert.equal(errors, "");
  assert.equal(output.trim().split("\n").length, 1);
  const result = JSON.parse(output);
  assert.deepEqual(Object.keys(result), [
    "scenario", "transport", "clients", "operations", "messages", "seconds", "per_second", "rate", "offered_per_second", "kept_up",
    "late_p99_us", "cpu_us", "cpu_us_user", "server_cpu", "own_cpu_us", "own_cpu", "bottleneck", "p50_us", "p90_us", "p99_us",
    "p999_us", "max_us", "rss", "rss_per_client", "histogram",
  ]);
  result.counted = result.histogram.reduce((sum, [, count]) => sum + count, 0);
  const quantiles = ["p50_us", "p90_us", "p99_us", "p999_us", "max_us"].map((key) => result[key]);
  assert.deepEqual([...quantiles].sort((a, b) => a - b), quantiles);
  assert.equal(result.bottleneck, args.includes("--spin") ? result.late_p99_us > result.p99_us / 4 : result.own_cpu >= 0.9);
  return result;
}

/** That a number of messages is sent, delivered and counted, to the last one. */
function exactly(name, server, args, messages, deliveries) {
  test(name, async () => {
    const result = await bench(server, `--messages ${messages} ${args}`);
    assert.equal(result.messages, messages);
    assert.equal(result.operations, deliveries);
    assert.equal(result.counted, deliveries);
    assert(result.cpu_us > 0 && result.own_cpu_us > 0 && result.rss > 0);
  });
}

for (const transport of ["websocket", "polling"]) {
  const by = `--transport ${transport}`;
  exactly(`${transport}: echo`, "echo", `${by} -c 10`, 1000, 1000);
  exactly(`${transport}: echo, several in flight`, "echo", `${by} -c 5 -i 20`, 1000, 1000);
  exactly(`${transport}: acknowledgements`, "echo", `${by} -c 5 --ack`, 500, 500);
  exactly(`${transport}: attachments`, "echo", `${by} -c 5 --binary 1000`, 300, 300);
  exactly(`${transport}: large attachments`, "echo", `${by} -c 2 -i 3 --binary 200000`, 20, 20);
  exactly(`${transport}: acknowledged attachments`, "echo", `${by} -c 5 --ack --binary 10`, 300, 300);
  exactly(`${transport}: large text`, "echo", `${by} -c 3 --payload 300000`, 20, 20);
  exactly(`${transport}: fewer messages than clients`, "echo", `${by} -c 20`, 7, 7);
  exactly(`${transport}: broadcast`, "broadcast", `${by} --scenario broadcast -c 30 -i 2`, 50, 1500);
  exactly(`${transport}: rooms`, "rooms:3", `${by} --scenario rooms:3 -c 30`, 60, 600);
  exactly(`${transport}: open loop`, "echo", `${by} -c 10 --rate 2000`, 400, 400);
  exactly(`${transport}: open loop into rooms`, "rooms:3", `${by} --scenario rooms:3 -c 9 --rate 500`, 90, 270);

  test(`${transport}: connecting and leaving`, async () => {
    const result = await bench("echo", `${by} --scenario connect -c 8 --messages 100`);
    assert.equal(result.operations, 100);
    assert.equal(result.counted, 100);
  });
}

exactly("an open loop that spins", "echo", "-c 10 --rate 2000 --spin", 400, 400);
exactly("raw: echo", "raw", "--raw -c 10 -i 3", 1000, 1000);
exactly("raw: binary", "raw", "--raw -c 3 --binary 70000", 30, 30);

test("a duration is measured after the warm-up", async () => {
  const result = await bench("echo", "-c 5 --warm-up 0.1 --duration 0.3");
  assert(result.seconds >= 0.3 && result.operations > 0 && result.operations === result.counted);
  assert.equal(result.rate, 0);
  assert.equal(result.kept_up, true);
});

test("an open loop offers its rate and says whether the server kept up", async () => {
  const result = await bench("broadcast", "--scenario broadcast -c 10 --rate 50 --warm-up 0 --duration 0.5");
  assert.equal(result.rate, 50);
  assert.equal(result.offered_per_second, 500);
  assert.equal(result.kept_up, result.per_second >= 490);
});

test("idle connections are counted in bytes", async () => {
  const result = await bench("echo", "--scenario idle -c 50 --burst 100000 --duration 0");
  assert.equal(result.operations, 0);
  assert(result.rss > 0);
});

// A server that upgrades and then says nothing.
async function silent() {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (head) => {
      const key = /Sec-WebSocket-Key: (.*)\r\n/.exec(head.toString("latin1"))[1];
      const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    });
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return server;
}

test("what never comes back counts with the age it reached", async () => {
  const server = await silent();
  const { code, output } = await sio(`bench -q --json --raw --port ${server.address().port} -c 4 --rate 200 --warm-up 0 --duration 0.5`);
  server.close();
  assert.equal(code, 0);
  const result = JSON.parse(output);
  assert.equal(result.operations, 0);
  assert.equal(result.kept_up, false);
  assert.equal(result.histogram.reduce((sum, [, count]) => sum + count, 0), result.messages);
  assert(result.messages > 0 && result.p99_us > result.p50_us);
});

test("text for people, progress on standard error unless quiet", async () => {
  const { port, pid } = servers.echo;
  const loud = await sio(`bench --port ${port} --pid ${pid} -c 5 --warm-up 0 --duration 1.3`);
  assert.equal(loud.code, 0);
  assert.match(loud.output, /deliveries\/s.*\nlatency +p50 .* p99\.9 .* max .*\nserver .*us of CPU each.*\ngenerator .*us of CPU each/);
  assert.match(loud.errors, /^ *\d+ \/s +p50 .* p99 .* generator +\d+ % busy\n/);
  assert(!loud.errors.includes("\r"), "not a terminal: plain lines");
  const quiet = await sio(`bench -q --port ${port} -c 5 --messages 10`);
  assert.equal(quiet.errors, "");
});

test("a server that is not there, or is another one, is an error", async () => {
  const port = await freePort();
  for (const transport of ["websocket", "polling"]) {
    const gone = await sio(`bench -q --port ${port} -c 2 --messages 1 --transport ${transport}`);
    assert.equal(gone.code, 1);
    assert.match(gone.errors, /sio: a connection was lost: Connection refused/);
  }
  const other = await sio(`bench -q --port ${servers.raw.port} -c 2 --messages 1 --transport polling`);
  assert.equal(other.code, 1);
  assert.notEqual(other.errors, "");
});

for (const [args, reason] of [
  ["--scenario talk", /no scenario "talk"/], ["--scenario rooms:", /rooms:K needs a number/], ["--scenario rooms:0", /rooms:K needs a number/],
  ["--scenario rooms:2x", /rooms:K needs a number/], ["--scenario rooms:99999999999", /rooms:K needs a number/],
  ["--scenario rooms:11 -c 10", /more rooms than clients/],
  ["--transport pigeon", /no transport "pigeon"/], ["--raw --transport polling", /it has no polling/], ["--raw --ack", /not with --raw/],
  ["--ack --scenario broadcast", /--ack needs the scenario echo/], ["--rate 10 --scenario idle", /--rate is of messages/],
  ["--rate 10 -i 2", /not with --in-flight/], ["--spin", /--spin needs --rate/], ["--rate 0", /--rate/], ["--rate 1e9", /--rate/], ["--binary 5 --scenario connect", /--binary is of messages/],
  ["--binary 16000001", /--binary/], ["--payload 16000001", /--payload/], ["--payload -1", /--payload/], ["--burst 10", /--burst belongs/],
  ["--messages 5 --scenario idle", /idle sends none/], ["--messages 5 --duration 1", /excludes/], ["--messages 0", /--messages/],
  ["--pid 2147483646", /no process 2147483646/], ["--host nowhere", /must be an address/], ["--port 0", /--port/], ["--port 65536", /--port/],
  ["-c 0", /--clients/], ["-c 1000001", /--clients/], ["-c 1000000", /descriptors/], ["-i 0", /--in-flight/],
  ["-c 100000 -i 100000", /too many messages in flight/], ["--duration -1", /--duration/], ["--duration nan", /numbers/],
  ["--rate nan", /numbers/], ["--warm-up nan", /numbers/], ["--scenario idle", /needs --pid/], ["--warm-up x", /--warm-up/], ["--frobnicate", /--frobnicate/],
]) {
  test(`refused: ${args}`, async () => {
    const { code, output, errors } = await sio(`bench ${args}`);
    assert.notEqual(code, 0);
    assert.match(errors, reason);
    assert.equal(output, "");
  });
}

test("the help names every option", async () => {
  const { code, output } = await sio("bench --help");
  assert.equal(code, 0);
  for (const name of ["host", "port", "pid", "scenario", "transport", "clients", "in-flight", "rate", "spin", "payload", "binary", "burst", "ack",
    "raw", "browser", "warm-up", "duration", "messages", "json", "quiet"]) assert(output.includes(`--${name}`), name);
});
