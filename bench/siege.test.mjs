// What bench/siege does when something is wrong: nobody answers, or there is no such attack.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import test from "node:test";
import { Chat } from "./chat.mjs";
import { here, launch, quoted } from "./servers.mjs";

test("what is not answered counts with the age it has reached", async (t) => {
  const server = createServer((socket) => socket.on("error", () => {})).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const chat = new Chat(server.address().port);
  t.after(() => chat.leave());
  chat.say();
  const [first] = chat.take();
  const [second] = chat.take();
  assert(first >= 0 && second >= first);
});

test("an attack that there is not is refused", async () => {
  const child = launch(`${quoted(process.execPath)} ${quoted(`${here}/siege.mjs`)} --attack typo`);
  assert.notEqual(await child.ended, 0);
  assert.match(child.errors, /no attack typo; there are /);
});
