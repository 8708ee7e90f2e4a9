// JSONP as it was used: the client of Socket.IO 2 in a browser, which polls by scripts and posts by forms.
import test, { after, before } from "node:test";
import assert from "node:assert/strict";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { launch } from "./support/browser.mjs";
import { lab } from "./support/lab.mjs";
import { kTimeout } from "./support/suites.mjs";

const kClient = fileURLToPath(new URL("node_modules/socket.io-client-v2/dist", import.meta.url));

let server;
let browser;

before(async () => {
  server = await lab({ allow_eio3: true, client_dist: path.resolve(kClient) });
  browser = await launch();
}, kTimeout);

after(async () => {
  await browser?.close();
  await server?.stop();
}, kTimeout);

/** What the page says after `script(io, resolve)` has run in it, and the requests it made. */
async function inPage(script, argument) {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  const requests = [];
  const problems = [];
  page.on("request", (request) => requests.push({ kind: request.resourceType(), method: request.method(), url: request.url() }));
  page.on("pageerror", (error) => problems.push(error.message));
  await page.goto(`${server.url}/__log`);
  await page.addScriptTag({ url: "/socket.io/socket.io.js" });
  const result = await page.evaluate(script, argument);
  await page.close();
  assert.deepEqual(problems, []);
  return { result, requests };
}

test("events, acknowledgements and binary by scripts and forms", kTimeout, async () => {
  const kNasty = 'a"b\\c\n\\n\\\\n\r\n\u2028\u2029</script>\u0000€ 🚀 + % &d=';
  const { result, requests } = await inPage((text) => new Promise((resolve, reject) => {
    const socket = window.io(location.origin, { transports: ["polling"], forceJSONP: true, reconnection: false });
    for (const event of ["connect_error", "error"]) socket.on(event, (error) => reject(new Error(`${event}: ${error}`)));
    socket.on("connect", () => {
      const bytes = new Uint8Array([0, 1, 4, 255]).buffer;
      socket.emit("echo", text, (answer) => {
        socket.emit("echo", { deep: [bytes] }, ({ deep: [back] }) => {
          socket.once("echo", (name) => {
            const said = { answer, name, bytes: [...new Uint8Array(back)], ids: [socket.id, socket.io.engine.id] };
            socket.close();
            resolve(said);
          });
          socket.emit("echo", "by event");
        });
      });
    });
  }), kNasty);
  assert.equal(result.answer, kNasty);
  assert.equal(result.name, "by event");
  assert.deepEqual(result.bytes, [0, 1, 4, 255]);
  assert.equal(result.ids[0], result.ids[1]);
  const engine = requests.filter(({ url }) => url.includes("transport=polling"));
  assert(engine.some(({ kind, method }) => kind === "script" && method === "GET"), "polls are scripts");
  assert(engine.some(({ method }) => method === "POST"), "forms were sent");
  assert(engine.every(({ kind, url }) => kind !== "xhr" && kind !== "fetch" && url.includes("&j=")), JSON.stringify(engine));
});

test("from scripts to a WebSocket, nothing lost and in order", kTimeout, async () => {
  const { result } = await inPage(() => new Promise((resolve, reject) => {
    const socket = window.io(location.origin, { forceJSONP: true, reconnection: false });
    for (const event of ["connect_error", "error"]) socket.on(event, (error) => reject(new Error(`${event}: ${error}`)));
    const got = [];
    socket.on("echo", (i) => {
      got.push(i);
      if (got.length < 100) return;
      const end = () => { socket.close(); resolve(got); };
      socket.io.engine.transport.name === "websocket" ? end() : socket.io.engine.once("upgrade", end);
    });
    for (let i = 0; i < 50; ++i) socket.emit("echo", i);
    socket.on("connect", () => { for (let i = 50; i < 100; ++i) socket.emit("echo", i); });
  }));
  assert.deepEqual(result, Array.from({ length: 100 }, (_, i) => i));
});
