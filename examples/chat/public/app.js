// The chat page: one Socket.IO connection, one room at a time, and an outbox that survives a lost connection.
//
// A message the user sends goes through these states: pending (no connection, or the room not joined again yet) → sent
// (given to the connection) → acked. The outbox is our own and not the client library's buffer, because after a
// reconnection the room must be joined before anything may be sent.
import * as view from "./view.js";
import { prepare } from "./image.js";
import { cut } from "./text.js";

const $ = (id) => document.getElementById(id);
const kMaxRoom = 40;  // characters of a room's name, as in the server
const kAckTimeoutMs = 30_000;
const kTypingRepeatMs = 2_000;  // while keys are pressed, tell the others this often
const kTypingShownMs = 5_000;   // and forget a typist we hear nothing more of

const store = {
  get(key) { try { return localStorage.getItem(key); } catch { return null; } },
  set(key, value) { try { localStorage.setItem(key, value); } catch { /* private mode: lasts for this page */ } },
};

const state = {
  name: store.get("chat.name") ?? "",
  room: roomFromAddress() ?? store.get("chat.room") ?? "lobby",
  shownRoom: null,   // the room whose messages are on screen; differs from `room` while a join is under way
  me: null,          // {id, name} while we are in a room, else null
  lastId: null,      // our id before the connection was lost
  rooms: [],
  people: new Map(),
  typists: new Map(),
  known: new Set(),  // keys of the messages on screen
  outbox: [],        // {event, body, node, state, room} in order, until acknowledged
  attempt: 0,
};

function roomFromAddress() {
  try { return cut(decodeURIComponent(location.hash.slice(1)).trim(), kMaxRoom) || null; } catch { return null; }
}

const keyOf = (message) => `${message.id}|${message.at}`;

// --- connection ----------------------------------------------------------------------------------------------------

const transports = new URLSearchParams(location.search).get("transports")?.split(",").filter((t) => t === "polling" || t === "websocket");
const socket = window.io?.({
  autoConnect: false,
  reconnectionDelay: 500,
  reconnectionDelayMax: 5000,
  ...(transports?.length ? { transports } : {}),
});

function wireConnection() {
  socket.io.on("open", () => {
    view.showTransport(socket.io.engine.transport.name);
    socket.io.engine.on("upgrade", (transport) => view.showTransport(transport.name));
  });
  socket.io.on("reconnect_attempt", (attempt) => { state.attempt = attempt; refreshBanner(); });
  socket.io.on("error", refreshBanner);
  socket.on("connect", () => { state.attempt = 0; join(state.room); });
  socket.on("connect_error", refreshBanner);
  socket.on("disconnect", (reason) => {
    if (state.me) state.lastId = state.me.id;
    state.me = null;
    for (const item of state.outbox) setItem(item, "pending");
    state.typists.clear();
    refreshTyping();
    view.showTransport(null);
    refreshBanner();
    // The library does not come back by itself after the server has asked us to leave.
    if (reason === "io server disconnect") setTimeout(() => socket.connect(), 1000);
  });
  window.addEventListener("online", retryNow);
}

function retryNow() {
  if (!socket.connected) socket.disconnect().connect();
}

function refreshBanner() {
  if (!state.name || (socket.connected && state.me)) return view.showBanner(null);
  const waiting = state.outbox.length;
  const queue = waiting === 0 ? "" : waiting === 1 ? " · 1 message waiting" : ` · ${waiting} messages waiting`;
  const what = socket.connected ? "Joining the room…"
    : !navigator.onLine ? "You are offline"
    : state.attempt > 0 ? `Connection lost, reconnecting (attempt ${state.attempt})`
    : state.lastId ? "Connection lost, reconnecting…" : "Connecting…";
  view.showBanner(what + queue);
}

// --- rooms -----------------------------------------------------------------------------------------------------------

let joinNumber = 0;

function join(room) {
  const number = ++joinNumber;
  const wanted = cut(room.trim(), kMaxRoom);
  if (!wanted || !socket.connected) return;
  if (!state.me) refreshBanner();
  socket.timeout(kAckTimeoutMs).emit("join", { name: state.name, room: wanted }, (error, answer) => {
    if (number !== joinNumber) return;  // a newer join is under way
    if (error) { if (socket.connected) socket.disconnect().connect(); return; }
    if (!answer?.ok) return joinRefused(answer?.error ?? "the room cannot be joined");
    joined(answer);
  });
}

function joinRefused(reason) {
  if (state.me) {
    state.room = state.shownRoom;
    return view.toast(reason);
  }
  askName(reason);
}

function joined({ room, you, users, history, rooms }) {
  const changed = room !== state.shownRoom;
  if (changed) {
    view.clearLog();
    state.known.clear();
    state.shownRoom = room;
  }
  state.room = room;
  store.set("chat.room", room);
  if (location.hash !== `#${encodeURIComponent(room)}`) window.history.replaceState(null, "", `#${encodeURIComponent(room)}`);
  state.me = you;
  state.name = you.name;
  state.people = new Map(users.map((user) => [user.id, user]));
  state.people.set(you.id, you);
  for (const message of history) showHistory(message);
  state.lastId = null;
  state.typists.clear();
  refreshTyping();
  view.showRoom(room);
  view.showMe(you.name);
  refreshPeople();
  refreshRooms(rooms);
  if (changed) {
    for (const item of state.outbox) if (item.room === room) item.node = showOwn(item);
    view.toEnd();
  }
  refreshBanner();
  flush();
}

function showHistory(message) {
  if (state.known.has(keyOf(message))) return;
  // The connection broke between our message and its acknowledgement: the history tells that it had arrived.
  const mine = message.from.id === state.lastId &&
    state.outbox.find((item) => item.given && item.room === state.room && sameBody(item, message));
  if (mine) return acknowledged(mine, message);
  state.known.add(keyOf(message));
  const own = message.from.id === state.me.id;
  const node = view.addMessage(message, own);
  if (own) view.setState(node, "acked");
}

function sameBody(item, message) {
  if (item.event === "message") return item.body.text === message.text;
  return message.image?.name === item.body.name && message.image.data.byteLength === item.body.data.byteLength;
}

function switchRoom(room) {
  closePanels();
  $("text").focus();
  if (room === state.room && state.me) return;
  setTyping(false);
  state.room = room;
  join(room);
}

function stepRoom(step) {
  const at = state.rooms.findIndex(({ name }) => name === state.room);
  const next = state.rooms[(at + step + state.rooms.length) % state.rooms.length];
  if (next) switchRoom(next.name);
}

const refreshRooms = (rooms) => {
  state.rooms = [...rooms].sort((a, b) => a.name.localeCompare(b.name));
  view.showRooms(state.rooms, state.room, switchRoom);
};
const refreshPeople = () => view.showPeople([...state.people.values()], state.me?.id);
const refreshTyping = () => view.showTyping([...state.typists.values()].map(({ name }) => name));

// --- what the others do --------------------------------------------------------------------------------------------

function wireEvents() {
  socket.on("message", (message) => {
    if (!state.me || state.known.has(keyOf(message))) return;
    state.known.add(keyOf(message));
    stoppedTyping(message.from.id);
    view.addMessage(message, false);
    if (document.hidden) view.countUnread();
  });
  socket.on("joined", (user) => {
    if (!state.me || state.people.has(user.id)) return;
    state.people.set(user.id, user);
    refreshPeople();
    view.addNote(`${user.name} joined`);
  });
  socket.on("left", (user) => {
    if (!state.people.delete(user.id)) return;
    stoppedTyping(user.id);
    refreshPeople();
    view.addNote(`${user.name} left`);
  });
  socket.on("renamed", (user) => {
    const before = state.people.get(user.id);
    if (!before) return;
    state.people.set(user.id, user);
    refreshPeople();
    view.addNote(`${before.name} is now ${user.name}`);
  });
  socket.on("typing", ({ id, name, typing }) => {
    stoppedTyping(id);
    if (typing && state.people.has(id)) {
      state.typists.set(id, { name, timer: setTimeout(() => stoppedTyping(id), kTypingShownMs) });
    }
    refreshTyping();
  });
  socket.on("rooms", refreshRooms);
}

function stoppedTyping(id) {
  clearTimeout(state.typists.get(id)?.timer);
  if (state.typists.delete(id)) refreshTyping();
}

// --- the outbox ------------------------------------------------------------------------------------------------------

function post(event, body) {
  const item = { event, body, room: state.room, at: Date.now(), state: "pending" };
  item.node = showOwn(item);
  state.outbox.push(item);
  flush();
  refreshBanner();
}

function showOwn(item) {
  const from = { id: state.me?.id ?? state.lastId ?? "me", name: state.name };
  const content = item.event === "image" ? { image: item.body } : item.body;
  const node = view.addMessage({ at: item.at, from, ...content }, true);
  view.setState(node, item.state, () => again(item));
  return node;
}

function setItem(item, next) {
  if (item.state === "failed" && next === "pending") return;
  item.state = next;
  view.setState(item.node, next, () => again(item));
}

function again(item) {
  item.state = "pending";
  setItem(item, "pending");
  flush();
}

/** Gives everything that waits for this room to the connection, in order. */
function flush() {
  if (!socket.connected || !state.me || state.room !== state.shownRoom) return;
  for (const item of state.outbox) {
    if (item.state !== "pending" || item.room !== state.room) continue;
    item.given = true;
    setItem(item, "sent");
    socket.timeout(kAckTimeoutMs).emit(item.event, item.body, (error, answer) => {
      if (error) return setItem(item, socket.connected ? "failed" : "pending");
      if (!answer?.ok) {
        setItem(item, "failed");
        return view.toast(answer?.error ?? "The server refused the message");
      }
      acknowledged(item, answer);
    });
  }
}

function acknowledged(item, { id, at }) {
  state.known.add(keyOf({ id, at }));
  setItem(item, "acked");
  state.outbox = state.outbox.filter((other) => other !== item);
  refreshBanner();
}

async function sendPicture(file) {
  if (!file) return;
  try {
    post("image", await prepare(file));
  } catch {
    view.toast("That file is not a picture this browser can read");
  }
}

// --- typing ----------------------------------------------------------------------------------------------------------

let typingSince = 0;
let typingTimer;

function setTyping(typing) {
  clearTimeout(typingTimer);
  if (typing) typingTimer = setTimeout(() => setTyping(false), 2 * kTypingRepeatMs);
  const now = Date.now();
  if (typing === Boolean(typingSince) && (!typing || now - typingSince < kTypingRepeatMs)) return;
  typingSince = typing ? now : 0;
  if (state.me) socket.volatile.emit("typing", typing);
}

// --- the user --------------------------------------------------------------------------------------------------------

function askName(error) {
  $("nick-error").textContent = error ?? "";
  $("nick-name").value = state.name;
  $("nick-go").textContent = state.me ? "Save" : "Start chatting";
  if (!$("nick").open) $("nick").showModal();
  $("nick-name").select();
}

function gotName(name) {
  if (!name) return;
  if (state.me) {
    socket.timeout(kAckTimeoutMs).emit("rename", { name }, (error, answer) => {
      if (error || !answer?.ok) return askName(answer?.error ?? "The name could not be changed");
      useName(name);
      state.me.name = name;
      state.people.set(state.me.id, { ...state.me });
      refreshPeople();
    });
  } else {
    useName(name);
    if (socket.connected) join(state.room);
    else socket.connect();
  }
}

function useName(name) {
  state.name = name;
  store.set("chat.name", name);
  view.showMe(name);
  $("nick").close();
  $("text").focus();
  refreshBanner();
}

function submit() {
  const text = $("text").value.trim();
  if (!text) return;
  setTyping(false);
  post("message", { text });
  $("text").value = "";
  fitComposer();
}

function fitComposer() {
  const box = $("text");
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight}px`;
  $("send").disabled = !box.value.trim();
}

// --- panels, keys, files ---------------------------------------------------------------------------------------------

const narrow = matchMedia("(max-width: 1020px)");

function openPanel(which) {
  $("app").dataset.open = which;
  $(which === "rooms" ? "rooms-open" : "people-toggle").setAttribute("aria-expanded", "true");
  $(`${which}-panel`).querySelector("button")?.focus();
}

function closePanels() {
  delete $("app").dataset.open;
  $("rooms-open").setAttribute("aria-expanded", "false");
  $("people-toggle").setAttribute("aria-expanded", String(!narrow.matches && $("app").dataset.people !== "off"));
}

function togglePeople() {
  if (narrow.matches) return $("app").dataset.open === "people" ? closePanels() : openPanel("people");
  $("app").dataset.people = $("app").dataset.people === "off" ? "on" : "off";
  closePanels();
}

function newRoom() {
  if (getComputedStyle($("rooms-open")).display !== "none") openPanel("rooms");
  $("new-room-name").focus();
}

// By position of the key, since Alt with a letter writes other characters on some keyboards.
const shortcuts = {
  ArrowUp: () => stepRoom(-1),
  ArrowDown: () => stepRoom(1),
  KeyN: newRoom,
  KeyI: () => $("file").click(),
  KeyP: togglePeople,
  KeyT: () => window.toggleTheme(),
  KeyH: () => ($("help").open ? $("help").close() : $("help").showModal()),
};

function onKey(event) {
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
    closePanels();
    $("text").focus();
  } else if (event.altKey && !event.ctrlKey && !event.metaKey && shortcuts[event.code] && !$("nick").open) {
    event.preventDefault();
    shortcuts[event.code]();
  }
}

function wireComposer() {
  $("composer").addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  $("text").addEventListener("input", () => { fitComposer(); setTyping($("text").value !== ""); });
  $("text").addEventListener("blur", () => setTyping(false));
  $("text").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
  $("attach").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => { sendPicture($("file").files[0]); $("file").value = ""; });
  document.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"));
    if (!file || $("nick").open) return;
    event.preventDefault();
    sendPicture(file);
  });
  const carriesFile = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => { if (carriesFile(event)) { event.preventDefault(); $("drop").hidden = false; } });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) $("drop").hidden = true; });
  document.addEventListener("drop", (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    $("drop").hidden = true;
    if (state.name) sendPicture(event.dataTransfer.files[0]);
  });
}

function wirePage() {
  $("nick-form").addEventListener("submit", (event) => { event.preventDefault(); gotName($("nick-name").value.trim()); });
  $("nick").addEventListener("cancel", (event) => { if (!state.me) event.preventDefault(); });
  $("new-room").addEventListener("submit", (event) => {
    event.preventDefault();
    const room = $("new-room-name").value.trim();
    $("new-room-name").value = "";
    if (room) switchRoom(room);
  });
  $("rename").addEventListener("click", () => askName());
  $("theme").addEventListener("click", () => window.toggleTheme());
  $("help-open").addEventListener("click", () => $("help").showModal());
  $("help-close").addEventListener("click", () => $("help").close());
  $("lightbox").addEventListener("click", () => $("lightbox").close());
  $("rooms-open").addEventListener("click", () => openPanel("rooms"));
  $("people-toggle").addEventListener("click", togglePeople);
  for (const button of document.querySelectorAll(".close-panel")) button.addEventListener("click", closePanels);
  $("scrim").addEventListener("click", closePanels);
  $("jump").addEventListener("click", () => { view.toEnd(); $("text").focus(); });
  $("retry-now").addEventListener("click", retryNow);
  narrow.addEventListener("change", closePanels);
  document.addEventListener("keydown", onKey);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) view.countUnread(true); });
  window.addEventListener("hashchange", () => { const room = roomFromAddress(); if (room) switchRoom(room); });
}

function start() {
  if (!socket) return view.showBanner("The Socket.IO client could not be loaded from /socket.io/socket.io.js");
  wireConnection();
  wireEvents();
  wireComposer();
  wirePage();
  fitComposer();
  closePanels();
  view.showRoom(state.room);
  if (!state.name) return askName();
  view.showMe(state.name);
  refreshBanner();
  socket.connect();
}

start();
