// The suite of tests/rfc6455 on other peers than websocket.test.mjs has: our WebSocket machine as a client (`--suite ws-client`),
// a route of the library behind TLS, and `ws`, whose known differences it must find, and no others.
import test from "node:test";
import assert from "node:assert/strict";
import { once } from "node:events";
import path from "node:path";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { WebSocket, WebSocketServer } from "ws";
import { testClient } from "../rfc6455/client_role.mjs";
import { testServer } from "../rfc6455/server_role.mjs";
import { secureLab } from "./support/tls.mjs";

const kHere = path.dirname(fileURLToPath(import.meta.url));
const kBin = path.resolve(process.env.SIO_BIN_DIR ?? path.join(kHere, "../../build/dev/bin"));
const kTimeout = { timeout: 240_000 };
const kPatience = { patience: 60_000, haste: 60_000 };

for (const [name, args] of [["plain", []], ["with permessage-deflate", ["--deflate"]]]) {
  test(`our client, ${name}`, kTimeout, async () => {
    let output = "";
    let exited;
    const results = await testClient({
      ...kPatience, maxMessage: 64 * 1024 * 1024, maxFragments: 131_072, deflate: args.length > 0, dismiss: true,
      ...(args.length && { only: ["D", "R", "12", "13", "1", "5"] }),
      listening(port) {
        const child = spawn(path.join(kBin, "conformance-server"), ["--suite", "ws-client", "--port", `${port}`, ...args], { stdio: ["ignore", "pipe", "pipe"] });
        for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => { output += part; });
        exited = once(child, "exit");
      },
    });
    assert.deepEqual(results.filter(({ verdict }) => verdict !== "OK"), []);
    const [code, signal] = await exited;
    assert.equal(code, 0, `${signal} ${output}`);
  });
}

test("our route, over TLS", kTimeout, async (t) => {
  const server = await secureLab({}, t, { per_message_deflate: { threshold: 0, client_no_context_takeover: false } });
  const results = await testServer(`${server.ws}/feed/a`, { ...kPatience, maxFragments: 131_072, only: ["W", "1", "2", "5", "6.4", "7.3", "F", "D", "S.3", "S.6"] });
  assert.deepEqual(results.filter(({ verdict }) => verdict !== "OK"), []);
});

// --- ws -----------------------------------------------------------------------------------------------------------------

const kSettings = { perMessageDeflate: { threshold: 0 }, maxPayload: 64 * 1024 * 1024 };
/** What is not OK, by verdict. F45 is left out: how many unread pings ws takes depends on the kernel's buffers. */
function differences(results) {
  const by = {};
  for (const { id, verdict } of results) if (verdict !== "OK" && id !== "F45") (by[verdict] ??= []).push(id);
  return by;
}
const kOfBoth = {
  "NON-STRICT": ["F22", "F47", "F47.b", "6.4.1", "6.4.1.b", "6.4.2", "6.4.3", "6.4.4", "6.4.5"],  // 1009 for 1002; text is looked at when it is whole
  INFORMATIONAL: ["F43", "D07"],  // a limit of fragments; what is left of a block that was cut off
};
// ws never refuses text before its frame is complete, so there is nothing to wait for.
const kHaste = { ...kPatience, haste: 20 };

/** A server of ws that answers with what `answer` makes of a message; resolves with its URL. */
async function wsServer(t, answer = (data) => data) {
  const server = new WebSocketServer({ ...kSettings, host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  t.after(() => { for (const socket of server.clients) socket.terminate(); server.close(); });
  server.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => socket.send(answer(data), { binary: isBinary }));
    socket.on("error", () => {});
  });
  return `ws://127.0.0.1:${server.address().port}/`;
}

test("ws as a server", kTimeout, async (t) => {
  const results = await testServer(await wsServer(t), kHaste);
  assert.deepEqual(differences(results), { ...kOfBoth, "NON-STRICT": ["W14", ...kOfBoth["NON-STRICT"]] });
});

test("ws as a client that was written for Autobahn's server", kTimeout, async () => {
  const visit = (url, echo = true) => new Promise((resolve) => {
    const socket = new WebSocket(url, kSettings);
    let first;
    socket.on("message", (data, isBinary) => {
      first ??= data;
      if (echo) socket.send(data, { binary: isBinary });
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(first));
  });
  let visiting;
  const results = await testClient({
    ...kHaste,
    listening(port) {
      const url = `ws://127.0.0.1:${port}`;
      visiting = (async () => {
        const count = Number(await visit(`${url}/getCaseCount`, false));
        for (let i = 1; i <= count; ++i) await visit(`${url}/runCase?case=${i}&agent=ws`);
      })();
    },
  });
  await visiting;
  assert.deepEqual(differences(results), kOfBoth);
});

// --- the program --------------------------------------------------------------------------------------------------------

function program(...args) {
  const child = spawn(process.execPath, [path.join(kHere, "../rfc6455/rfc6455.mjs"), ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => { output += part; });
  return once(child, "close").then(([code]) => ({ code, output }));
}

test("the program judges a server, and tells a wrong one by its exit code", kTimeout, async (t) => {
  const kCases = ["--cases", "1.1.1,1.1.2,2.1,6.4.1", "--patience", "60000"];
  const right = await program("server", await wsServer(t), ...kCases, "--json");
  const { total, passed, counts, cases } = JSON.parse(right.output);
  assert.deepEqual([right.code, total, passed, counts.OK, counts["NON-STRICT"]], [0, 5, 5, 3, 2]);
  assert.equal(cases.find(({ id }) => id === "6.4.1").detail, "refused only when the message was complete");

  const wrong = await program("server", await wsServer(t, (data) => data.subarray(1)), ...kCases);
  assert.equal(wrong.code, 1);
  assert.match(wrong.output, /^FAILED +1\.1\.2 .*wanted text of 125.*got text of 124/m);
  assert.match(wrong.output, /^4 of 5: 2 OK, 2 NON-STRICT, 1 FAILED$/m);
});

test("the program starts a client and judges it", kTimeout, async () => {
  const command = `${JSON.stringify(path.join(kBin, "conformance-server"))} --suite ws-client --port $(echo {url} | sed 's/.*://')`;
  const { code, output } = await program("client", "--port", "0", "--command", command, "--cases", "R00,1.1.1,7.3.1", "--verbose", "--patience", "60000");
  assert.match(output, /^3 of 3: 3 OK$/m);
  assert.equal(code, 0);
});

test("the program shows what it has, and how it is called", kTimeout, async () => {
  const list = await program("list", "client", "--cases", "R");
  assert.match(list.output, /^R02 +another key's accept$/m);
  const bad = await program("server", "http://localhost/");
  assert.equal(bad.code, 2);
  assert.match(bad.output, /usage: rfc6455\.mjs server URL/);
});
