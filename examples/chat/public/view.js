// What the page shows. Every text from a peer enters the document through textContent; nothing here parses markup.
import { kShown } from "./image.js";

const $ = (id) => document.getElementById(id);
const log = $("log");
const kMaxShown = 500;          // messages kept in the page; older ones leave it
const kGroupMs = 5 * 60_000;    // messages of one person within this time stand together
const clock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit" });
const calendar = new Intl.DateTimeFormat([], { weekday: "long", day: "numeric", month: "long" });
const kTickNames = { pending: "waiting", sent: "sent", acked: "acknowledged", failed: "not accepted" };

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

export function initials(name) {
  const words = name.trim().split(/\s+/u);
  const first = [...(words[0] ?? "?")][0] ?? "?";
  const second = words.length > 1 ? [...words[words.length - 1]][0] : "";
  return (first + second).toUpperCase();
}

export function paintAvatar(node, name) {
  let hash = 7;
  for (const unit of name) hash = (hash * 31 + unit.codePointAt(0)) >>> 0;
  node.style.setProperty("--hue", String((hash * 47) % 360));
  node.textContent = initials(name);
}

function avatar(name) {
  const node = element("span", "avatar");
  node.setAttribute("aria-hidden", "true");
  paintAvatar(node, name);
  return node;
}

// --- rooms and people --------------------------------------------------------------------------------------------

export function showRooms(rooms, current, onPick) {
  const focused = document.activeElement?.dataset?.room;
  $("room-list").replaceChildren(...rooms.map(({ name, count }) => {
    const item = element("li");
    const button = element("button");
    button.type = "button";
    button.dataset.room = name;
    const number = element("span", "room-count", String(count));
    number.setAttribute("aria-label", count === 1 ? "1 person" : `${count} people`);
    button.append(element("span", "room-name", name), number);
    if (name === current) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => onPick(name));
    item.append(button);
    return item;
  }));
  if (focused) [...$("room-list").querySelectorAll("button")].find((b) => b.dataset.room === focused)?.focus();
}

export function showPeople(people, myId) {
  const sorted = [...people].sort((a, b) => (b.id === myId) - (a.id === myId) || a.name.localeCompare(b.name));
  $("people-list").replaceChildren(...sorted.map(({ id, name }) => {
    const item = element("li");
    item.append(avatar(name), element("span", "person", name));
    if (id === myId) item.append(element("span", "you", "you"));
    return item;
  }));
  $("room-sub").textContent = people.length === 1 ? "only you here" : `${people.length} online`;
}

export function showMe(name) {
  $("my-name").textContent = name;
  paintAvatar($("my-avatar"), name);
}

export function showRoom(room) {
  $("room-title").textContent = `# ${room}`;
  $("text").placeholder = `Message #${room}`;
}

// --- messages ----------------------------------------------------------------------------------------------------

/** Text with its web addresses made into links; only http and https become one. */
function linked(text) {
  const span = element("span", "text");
  let from = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]]/gu)) {
    span.append(text.slice(from, match.index));
    const link = element("a", "", match[0]);
    link.href = match[0];
    link.rel = "noopener noreferrer";
    link.target = "_blank";
    span.append(link);
    from = match.index + match[0].length;
  }
  span.append(text.slice(from));
  return span;
}

function picture(image, by) {
  if (!kShown.has(image.type)) return element("span", "text", `picture “${image.name}” (${image.type || "unknown type"})`);
  const button = element("button");
  button.type = "button";
  button.setAttribute("aria-label", `Enlarge ${image.name}`);
  const img = element("img");
  img.alt = `${image.name}, sent by ${by}`;
  img.src = URL.createObjectURL(new Blob([image.data], { type: image.type }));
  img.addEventListener("load", () => {
    const scale = Math.min(1, 380 / img.naturalWidth, 320 / img.naturalHeight);
    img.width = Math.round(img.naturalWidth * scale);
    if (followsEnd) toEnd();
  });
  button.append(img);
  button.addEventListener("click", () => {
    $("lightbox-image").src = img.src;
    $("lightbox-image").alt = img.alt;
    $("lightbox").showModal();
  });
  return button;
}

function bubble(message) {
  const box = element("div", "bubble");
  if (message.image) {
    box.append(picture(message.image, message.from.name));
    box.classList.toggle("picture", kShown.has(message.image.type));
  } else {
    box.append(linked(message.text));
    box.classList.toggle("huge", /^(?:\p{Extended_Pictographic}[\u200d\ufe0f]*){1,4}$/u.test(message.text));
  }
  const meta = element("span", "meta");
  const time = element("time", "", clock.format(message.at));
  time.dateTime = new Date(message.at).toISOString();
  meta.append(time);
  box.append(meta);
  return box;
}

/** Adds a message at the end. `own` ones carry a state; see setState. Returns its node. */
export function addMessage(message, own) {
  const stay = followsEnd;
  addDayIfNew(message.at);
  const node = element("article", own ? "msg own" : "msg");
  node.dataset.from = message.from.id;
  node.dataset.at = String(message.at);
  const previous = log.lastElementChild;
  if (previous?.dataset.from === message.from.id && message.at - Number(previous.dataset.at) < kGroupMs &&
      previous.classList.contains("own") === own) {
    previous.classList.add("followed");
    node.classList.add("follows");
  }
  node.append(avatar(message.from.name), element("span", "by", own ? "You" : message.from.name), bubble(message));
  log.append(node);
  trim();
  if (stay || own) toEnd();
  else showJump(1);
  return node;
}

export function setState(node, state, onRetry) {
  node.dataset.state = state;
  const meta = node.querySelector(".meta");
  meta.querySelector(".tick")?.remove();
  meta.querySelector("button")?.remove();
  const tick = element("i", `tick ${state}`);
  tick.setAttribute("role", "img");
  tick.setAttribute("aria-label", kTickNames[state]);
  meta.append(tick);
  if (state === "failed" && onRetry) {
    const again = element("button", "", "try again");
    again.type = "button";
    again.addEventListener("click", onRetry);
    meta.append(again);
  }
}

export function addNote(text) {
  const stay = followsEnd;
  log.append(element("p", "note", text));
  trim();
  if (stay) toEnd();
}

let lastDay = "";
function addDayIfNew(at) {
  const day = new Date(at).toDateString();
  if (day === lastDay) return;
  lastDay = day;
  log.append(element("div", "day", day === new Date().toDateString() ? "Today" : calendar.format(at)));
}

function forget(node) {
  for (const img of node.querySelectorAll("img")) URL.revokeObjectURL(img.src);
  node.remove();
}

function trim() {
  while (log.childElementCount > kMaxShown) forget(log.firstElementChild);
}

export function clearLog() {
  while (log.firstElementChild) forget(log.firstElementChild);
  lastDay = "";
  toEnd();
}

// --- staying at the newest message ---------------------------------------------------------------------------------

let followsEnd = true;
let unseen = 0;

export function toEnd() {
  log.scrollTop = log.scrollHeight;
  followsEnd = true;
  showJump(-unseen);
}

function showJump(change) {
  unseen += change;
  $("jump").hidden = followsEnd;
  $("jump-text").textContent = unseen > 0 ? `${unseen} new` : "Newest";
}

log.addEventListener("scroll", () => {
  followsEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
  showJump(followsEnd ? -unseen : 0);
});
new ResizeObserver(() => { if (followsEnd) toEnd(); }).observe(log);

// --- the rest of the furniture -------------------------------------------------------------------------------------

export function showTyping(names) {
  const line = $("typing");
  line.replaceChildren();
  if (names.length === 0) return;
  const dots = element("span", "dots");
  dots.append(element("i"), element("i"), element("i"));
  const who = names.length === 1 ? `${names[0]} is typing…`
    : names.length === 2 ? `${names[0]} and ${names[1]} are typing…` : `${names.length} people are typing…`;
  line.append(dots, who);
}

export function showTransport(name) {
  $("transport").dataset.state = name ?? "down";
  $("transport-name").textContent = name ?? "offline";
}

export function showBanner(text) {
  $("banner").hidden = !text;
  if ($("banner-text").textContent !== (text ?? "")) $("banner-text").textContent = text ?? "";
}

let toastTimer;
export function toast(text) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { $("toast").hidden = true; }, 5000);
}

let unread = 0;
export function countUnread(reset) {
  unread = reset ? 0 : unread + 1;
  document.title = unread ? `(${unread}) Chat` : "Chat";
}
