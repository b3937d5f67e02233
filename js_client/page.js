/*
  What the page looks like: its buttons, the state in words, the log of messages.
  You can skip this file: everything about WebSockets is in script.js.

  This file is the same in js_client and in http_ws_server_example/public. script.js calls
  start, show, reasonOf, addLine and showSent; the rest helps these five.

  After Tom Igoe's jsClient in websocket-examples (MIT)
*/

/* exported start, show, reasonOf, addLine, showSent */

// How many messages the page keeps, and how many characters of one it shows.
const MAX_MESSAGES = 500;
const MAX_LENGTH = 2000;

// The elements of index.html. A page from a server has no address field: null.
const connectionForm = document.querySelector("#connection");
const addressField = document.querySelector("#address");
const connectButton = document.querySelector("#connect");
const disconnectButton = document.querySelector("#disconnect");
const stateLine = document.querySelector("#state");
const noteLine = document.querySelector("#note");
const logBox = document.querySelector("#log");
const messageList = document.querySelector("#messages");
const countLine = document.querySelector("#count");
const newestButton = document.querySelector("#newest");
const copyButton = document.querySelector("#copy");
const clearButton = document.querySelector("#clear");
const speakForm = document.querySelector("#speak");
const messageField = document.querySelector("#outgoing");
const sendButton = document.querySelector("#send");

// What the page says about each state. The server's address follows "Connected".
const NOTES = {
  "Connecting …": (server) => `Trying ${server}`,
  "Connected": () => (isBack ? "The server is back: " : "You're talking to "),
  "No answer": (server) => `No answer from ${server}${portMissing(server)}. Is server.py running? `
    + "Did it refuse this page? (Its terminal says so.) Is there a proxy in between? "
    + "Still trying.",
  "Connection lost": (server, reason) => `${reason}. Trying again until you press Disconnect.`,
  "Disconnecting …": () => "Waiting for the server to say goodbye.",
  "Disconnected": () => "Press Connect to reconnect.",
};
const BLOCKED = "This page was loaded over https, so the browser lets it open ws://localhost, "
  + "but not this address. Open the page from your disk instead.";
const NOT_SERVED = "This page needs its server: start server.py, then open http://localhost:3000/";
// What the close codes mean (RFC 6455, section 7.4.1).
const CLOSE_CODES = {
  1000: "the server said goodbye",
  1001: "the server is shutting down",
  1002: "the server found a protocol error",
  1006: "the connection just broke",
  1007: "some text was not valid UTF-8",
  1009: "a message was too big for the server",
  1011: "an error in the server's program",
};

let shownState = "Disconnected";
let shownNote = [];         // the words for it, and the address if connected
let isBack = false;         // true if the state before was Connection lost
let askedServer = "";       // the address that Connect was pressed for
let addressProblem = "";    // what is wrong with the address that was typed
let talkingTo = "";         // the server at the other end, for the log
let received = 0;           // how many messages have come
let lastSent = "";          // up arrow brings it back
let scrolledUp = false;     // true while the end of the log is out of view

// ---- What script.js calls --------------------------------------------------------------

/*
  Lets the buttons call the first three functions of script.js, and presses Connect.
  connect gets an address that a browser can open; sendMessage a text that isn't empty.
  The fourth is called when the network is back and when the page comes into view.
*/
async function start(connect, disconnect, sendMessage, tryAtOnce) {
  // A form is submitted by its button and by Enter, on phones as well.
  connectionForm.addEventListener("submit", (event) => {
    event.preventDefault();
    if (isAddress()) connect(addressField ? addressField.value : "");
  });
  disconnectButton.addEventListener("click", disconnect);
  speakForm.addEventListener("submit", (event) => {
    event.preventDefault();
    if (messageField.value !== "") sendMessage(messageField.value);
  });
  window.addEventListener("online", tryAtOnce);
  document.addEventListener("visibilitychange", tryAtOnce);
  listenToTheRest();
  const home = await ownServer();
  if (addressField) addressField.value = history.state?.address || home || addressField.value;
  if (addressField || home) connectionForm.requestSubmit();
  else showNote(NOT_SERVED);
}

/*
  Shows the state: as a word, as the color of the dot, in the tab, in the log.
  reason is why a connection was lost.
*/
function show(state, server, reason) {
  // Another failed try is no news: what the page said about the first one stays.
  if (state === shownState && state !== "Connecting …") return;
  if (state === "Connecting …") {
    askedServer = server;
    // This survives a reload.
    history.replaceState({ address: server }, "");
  }
  isBack = shownState === "Connection lost";
  logChange(state, server, reason);
  addressProblem = "";
  showNote(NOTES[state](server, reason), state === "Connected" ? server : "");
  shownState = state;
  stateLine.textContent = state;
  document.body.dataset.state = state;
  document.title = `${state === "Connected" ? "●" : "○"} ${state} - WebSocket client`;
  dimButtons();
}

/*
  Returns why a connection ended: the close event's code, and the server's reason or what the
  code means. A browser tells a page no more: refused, cut off, wrong path are all 1006.
*/
function reasonOf(event) {
  const meaning = event.reason || CLOSE_CODES[event.code] || "one of the server's own codes";
  return `Code ${event.code}, ${meaning}`;
}

/*
  Adds a line to the log. kind is "sent", "received" or "event"; data is text or an ArrayBuffer.
*/
function addLine(kind, data) {
  const words = typeof data === "string" ? data : hex(data);
  const time = new Date().toTimeString().slice(0, 8);
  const line = document.createElement("li");
  line.className = kind;
  line.append(cell("time", time), cell("b", kind), cell("span", shortened(words)));
  if (kind === "received") addUnfolding(line, words);
  messageList.append(line);
  if (messageList.children.length > MAX_MESSAGES) messageList.firstElementChild.remove();
  if (kind !== "received") return;
  received += 1;
  countLine.textContent = `${received} received, last ${time}`;
  newestButton.hidden = !scrolledUp;
}

/* Adds what was sent to the log, and empties the field for the next message. */
function showSent(message) {
  addLine("sent", message);
  goToNewest();
  lastSent = message;
  messageField.value = "";
}

// ---- The address ------------------------------------------------------------------------

// Returns the address of the server that sent this page, if it's one from this course: they
// say so in a header. Others, such as VS Code's Live Server, only send pages: "".
async function ownServer() {
  if (!location.protocol.startsWith("http")) return "";
  try {
    const answer = await fetch(location.href, { method: "HEAD" });
    const isOurs = answer.headers.has("WebSocket-Server");
    return isOurs ? `${location.origin}/`.replace("http", "ws") : "";
  } catch {
    return "";
  }
}

// Tells whether a browser can open what is in the address field. If it can't, says why.
function isAddress() {
  if (!addressField) return location.protocol !== "file:";
  // http://localhost:8080/ is what a server prints for browsers: the same place.
  addressField.value = addressField.value.trim().replace(/^http/, "ws");
  addressProblem = problemWith(addressField.value);
  if (!addressProblem) return true;
  // In the log, too: if you try the same address again, the note looks the same.
  noteLine.textContent = addressProblem;
  addLine("event", addressProblem);
  addressField.select();
  return false;
}

// Returns what is wrong with an address, or "". A link can read one, in older browsers too.
function problemWith(address) {
  const url = Object.assign(document.createElement("a"), { href: address });
  if (!/^wss?:$/.test(url.protocol) || address.includes("#")) {
    return `"${address}" isn't a WebSocket address. One looks like this: ws://localhost:8080/`;
  }
  const here = /^(localhost|127\.[0-9.]+|\[::1\])$/.test(url.hostname);
  const doubtful = location.protocol === "https:" && url.protocol === "ws:" && !here;
  return doubtful && isBlocked(address) ? BLOCKED : "";
}

// Browsers differ in which ws:// addresses a page from https may open, so try it.
function isBlocked(address) {
  try {
    new WebSocket(address).close();
    return false;
  } catch {
    return true;
  }
}

// The problem was with the old address, not with the one you're typing now.
function addressChanged() {
  if (addressProblem) showNote(...shownNote);
  addressProblem = "";
  dimButtons();
}

function portMissing(address) {
  const hasPort = /^wss:|:[0-9]+([/?]|$)/.test(address);
  return addressField && !hasPort ? ", without a port such as :8080" : "";
}

// ---- The state and the buttons ------------------------------------------------------------

function showNote(words, address = "") {
  shownNote = [words, address];
  noteLine.replaceChildren(cell("span", words), cell("b", address));
}

function listenToTheRest() {
  // Holding down Enter would press Connect and Disconnect in turn.
  connectionForm.addEventListener("keydown", (event) => {
    if (event.repeat && event.key === "Enter") event.preventDefault();
  });
  if (addressField) addressField.addEventListener("input", addressChanged);
  messageField.addEventListener("keydown", bringBack);
  logBox.addEventListener("scroll", logScrolled);
  newestButton.addEventListener("click", goToNewest);
  newestButton.addEventListener("click", () => logBox.focus());
  copyButton.addEventListener("click", copyLog);
  clearButton.addEventListener("click", clearLog);
}

// A button is dimmed while it has nothing to do. Connect has something to do whenever there
// is another address in the field.
function dimButtons() {
  const busy = shownState === "Connected" || shownState === "Connecting …";
  const sameAddress = !addressField || addressField.value.trim() === askedServer;
  dim(disconnectButton, shownState.startsWith("Disconnect"), connectButton);
  dim(connectButton, busy && sameAddress, disconnectButton);
  dim(sendButton, shownState !== "Connected", messageField);
}

// A dimmed button can't keep the keyboard's focus: its neighbor gets it.
function dim(button, dimmed, neighbor) {
  const focused = document.activeElement === button;
  button.disabled = dimmed;
  if (focused && dimmed) {
    neighbor.disabled = false;
    neighbor.focus();
  }
}

// Up arrow in the empty field: brings back the last message, to change it or send it again.
function bringBack(event) {
  if (event.key !== "ArrowUp" || messageField.value !== "") return;
  event.preventDefault();
  messageField.value = lastSent;
}

// ---- The log ----------------------------------------------------------------------------

// The log says when a connection began and ended, and with which server.
function logChange(state, server, reason) {
  if (talkingTo && state !== "Disconnecting …") {
    const lost = state === "Connection lost";
    addLine("event", lost ? `connection lost. ${reason}` : `disconnected from ${talkingTo}`);
    talkingTo = "";
  }
  if (state !== "Connected") return;
  addLine("event", `connected ${isBack ? "again " : ""}to ${server}`);
  talkingTo = server;
}

function cell(name, text) {
  const element = document.createElement(name);
  // textContent shows what has arrived; innerHTML would run it.
  element.textContent = text;
  return element;
}

function shortened(words) {
  const rest = words.length > MAX_LENGTH ? ` … (${words.length} characters)` : "";
  return words.slice(0, MAX_LENGTH) + rest;
}

// Returns the size of binary data and its first bytes, in hexadecimal.
function hex(buffer) {
  const bytes = Array.from(new Uint8Array(buffer, 0, Math.min(buffer.byteLength, 16)));
  const first = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return `${buffer.byteLength}-byte message: ${first}${buffer.byteLength > 16 ? " …" : ""}`;
}

// A message in JSON can be unfolded: the same below it, line by line.
function addUnfolding(line, words) {
  if (!/^\s*[[{]/.test(words)) return;
  try {
    const details = cell("details", shortened(JSON.stringify(JSON.parse(words), null, 2)));
    details.prepend(cell("summary", "JSON"));
    // The log grows upward: what was just unfolded would move out of view.
    details.addEventListener("toggle", () => details.scrollIntoView({ block: "nearest" }));
    line.append(details);
  } catch {
    // Not JSON.
  }
}

// The log fills from the bottom: at its end, scrollTop is 0. Farther up, it's negative.
function logScrolled() {
  scrolledUp = logBox.scrollTop < -20;
  if (!scrolledUp) newestButton.hidden = true;
}

function goToNewest() {
  logBox.scrollTop = 0;
}

function clearLog() {
  messageList.replaceChildren();
  received = 0;
  countLine.textContent = "";
}

// Through a text field: browsers let only pages from https or disk use the clipboard itself.
function copyLog() {
  const lines = Array.from(messageList.children, (line) =>
    Array.from(line.children, (part) => part.textContent).slice(0, 3).join("  "));
  const field = document.createElement("textarea");
  field.value = lines.join("\n");
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  copyButton.focus();
  copyButton.textContent = copied ? "Done" : "Failed";
  setTimeout(() => { copyButton.textContent = "Copy"; }, 2000);
}
