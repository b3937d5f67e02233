/*
  What the page looks like: its buttons, the state in words, the log of messages.
  You may skip this file: what it shows about WebSockets is in script.js.

  In a classroom, addresses are mistyped, messages are long, and keys are pressed twice.
  This file is the same in js_client and in http_ws_server_example/public. script.js calls
  start, show, reasonOf, addLine and showSent; the rest is for these five.

  After Tom Igoe's jsClient in websocket-examples (MIT)
*/

/* exported start, show, reasonOf, addLine, showSent */

// How many messages the page keeps, and how many characters of one it shows.
const MAX_MESSAGES = 500;
const MAX_LENGTH = 2000;

// The elements of index.html. The page that a server sends has no address field: null.
const connectionForm = document.querySelector("#connection");
const addressField = document.querySelector("#address");
const connectButton = document.querySelector("#connect");
const disconnectButton = document.querySelector("#disconnect");
const stateLine = document.querySelector("#state");
const noteLine = document.querySelector("#note");
const messageList = document.querySelector("#messages");
const emptyHint = document.querySelector("#empty");
const lastTime = document.querySelector("#last");
const copyButton = document.querySelector("#copy");
const clearButton = document.querySelector("#clear");
const speakForm = document.querySelector("#speak");
const messageField = document.querySelector("#outgoing");
const sendButton = document.querySelector("#send");

// What there is to say about each state. `about` is the server's address or, where the
// connection was lost, the reason.
const NOTES = {
  "Connecting …": (about) => `Asking ${about}`,
  "Connected": (about) => `${lostBecause ? "The server is back:" : "You are talking to"} ${about}`,
  "No answer": (about) => `Is server.py running? Nobody answers at ${about}${portMissing(about)}, `
    + "so this page keeps trying.",
  "Connection lost": (about) => `Code ${about}. Trying again until you press Disconnect.`,
  "Disconnecting …": () => "Waiting for the server to agree.",
  "Disconnected": () => "Press Connect to come back.",
};
const BLOCKED = "This page came by https, so the browser lets it open ws://localhost, "
  + "but not this address. Open the page from your disk instead.";
const NOT_SERVED = "This page needs its server: start server.py, open http://localhost:3000/";
// What the codes that end a connection mean (RFC 6455, section 7.4.1).
const CLOSE_CODES = {
  1000: "the server said goodbye",
  1001: "the server is shutting down",
  1002: "the server found a fault in the protocol",
  1003: "the server can't use this kind of data",
  1005: "the server gave no reason",
  1006: "it broke off without a goodbye",
  1007: "a text was not valid UTF-8",
  1008: "the server doesn't allow this",
  1009: "a message was too big for the server",
  1011: "the server's program made a mistake",
  1012: "the server is restarting",
  1013: "the server is busy, try again later",
};

let shownState = "Disconnected";
let shownAbout = "";        // the address or the reason in its note
let askedServer = "";       // the address that Connect was pressed for
let addressProblem = "";    // what is wrong with the address that was typed
let talkingTo = "";         // the server of the connection there is: the log tells its end
let lostBecause = "";       // why a connection was lost, until it is back or given up

// ---- What script.js calls --------------------------------------------------------------

/*
  Lets the buttons call the three functions of script.js, and presses Connect.
  connect gets an address that a browser can open; sendMessage a text that isn't empty.
*/
function start(connect, disconnect, sendMessage) {
  // A form is submitted by its button and by Enter, on phones as well.
  connectionForm.addEventListener("submit", (event) => {
    event.preventDefault();
    if (isAddress()) connect(addressField ? addressField.value : "");
  });
  connectionForm.addEventListener("keydown", ignoreHeldEnter);
  disconnectButton.addEventListener("click", disconnect);
  speakForm.addEventListener("submit", (event) => {
    event.preventDefault();
    if (messageField.value !== "") sendMessage(messageField.value);
  });
  copyButton.addEventListener("click", copyLog);
  clearButton.addEventListener("click", clearLog);
  if (addressField) addressField.addEventListener("input", addressChanged);
  if (addressField) addressField.value = firstAddress();
  connectionForm.requestSubmit();
}

/*
  Shows the state: as a word, as the color of the dot, in the tab, in the log.
  about is the server's address or, for "Connection lost", what reasonOf() returned.
*/
function show(state, about) {
  // While a connection is lost, a try that fails is no news: its reason stays in view.
  if (state === "No answer" && lostBecause) {
    show("Connection lost", lostBecause);
    return;
  }
  if (state === "Connecting …") remember(about);
  logChange(state, about);
  shownState = state;
  stateLine.textContent = state;
  // What is wrong with an address stays in view, too, while the old one is tried again.
  if (state !== "No answer" && state !== "Connection lost") addressProblem = "";
  noteLine.textContent = addressProblem || NOTES[state](about);
  shownAbout = about;
  document.body.dataset.state = state;
  document.title = `${state === "Connected" ? "●" : "○"} ${state} - WebSocket client`;
  dimButtons();
  if (state === "Connection lost") lostBecause = about;
  if (state === "Connected" || state === "Disconnected") lostBecause = "";
}

/*
  Returns why a connection ended: the close event's code, and the server's reason or what the
  code means. A browser tells pages no more: refused, cut and wrong path are all 1006.
*/
function reasonOf(event) {
  const meaning = event.reason || CLOSE_CODES[event.code] || "a code of the server's own";
  return `${event.code}, ${meaning}`;
}

/*
  Adds a line to the log. kind is "sent", "received" or "event"; data a text or an ArrayBuffer.
*/
function addLine(kind, data) {
  const words = typeof data === "string" ? data : hex(data);
  const rest = words.length > MAX_LENGTH ? ` … (${words.length} characters)` : "";
  const time = new Date().toTimeString().slice(0, 8);
  const line = document.createElement("li");
  line.className = kind;
  line.append(cell("time", time), cell("b", kind), cell("span", words.slice(0, MAX_LENGTH) + rest));
  messageList.append(line);
  if (messageList.children.length > MAX_MESSAGES) messageList.firstElementChild.remove();
  if (kind !== "event") emptyHint.hidden = true;
  if (kind === "received") lastTime.textContent = `Last: ${time}`;
}

/* Adds what was sent to the log, and empties the field for the next message. */
function showSent(message) {
  addLine("sent", message);
  messageField.value = "";
}

// ---- The address ------------------------------------------------------------------------

// The one from before a reload; else the host that sent the page; else the one in index.html.
function firstAddress() {
  if (history.state && history.state.address) return history.state.address;
  return location.protocol === "http:" ? `ws://${location.host}/` : addressField.value;
}

function remember(address) {
  if (address !== askedServer) lostBecause = "";
  askedServer = String(address);
  history.replaceState({ address: askedServer }, "");
}

// Tells whether a browser can open what is in the address field; if it can't, says why.
function isAddress() {
  if (!addressField) {
    if (location.protocol === "file:") noteLine.textContent = NOT_SERVED;
    return location.protocol !== "file:";
  }
  // http://localhost:8080/ is what a server prints for browsers: the same place.
  addressField.value = addressField.value.trim().replace(/^http/, "ws");
  addressProblem = problemWith(addressField.value);
  if (!addressProblem) return true;
  // In the log, too: the note would look the same if the same address is tried once more.
  noteLine.textContent = addressProblem;
  addLine("event", addressProblem);
  addressField.select();
  return false;
}

// Returns what is wrong with an address, or "".
function problemWith(address) {
  const url = parsed(address);
  if (!url || !/^wss?:$/.test(url.protocol) || address.includes("#")) {
    return `"${address}" isn't a WebSocket address. One looks like this: ws://localhost:8080/`;
  }
  const here = /^(localhost|127\.[0-9.]+|\[::1\])$/.test(url.hostname);
  const doubtful = location.protocol === "https:" && url.protocol === "ws:" && !here;
  return doubtful && isBlocked(address) ? BLOCKED : "";
}

// Browsers differ in which ws:// addresses a page from https may open: only trying tells.
function isBlocked(address) {
  try {
    new WebSocket(address).close();
    return false;
  } catch {
    return true;
  }
}

// What was wrong with an address is not wrong with what is typed now.
function addressChanged() {
  if (addressProblem) noteLine.textContent = NOTES[shownState](shownAbout);
  addressProblem = "";
  dimButtons();
}

// URL is stricter than WebSocket: it takes no address that is only half there.
function parsed(address) {
  try {
    return new URL(address);
  } catch {
    return null;
  }
}

function portMissing(address) {
  const hasPort = /^wss:|:[0-9]+([/?]|$)/.test(address);
  return addressField && !hasPort ? ", without a port such as :8080" : "";
}

// ---- The buttons ------------------------------------------------------------------------

// A button is dimmed while there is nothing for it to do. Connect has something to do
// whenever the address field holds another address.
function dimButtons() {
  const busy = shownState === "Connected" || shownState === "Connecting …";
  const sameAddress = !addressField || addressField.value.trim() === askedServer;
  dim(disconnectButton, shownState.startsWith("Disconnect"), connectButton);
  dim(connectButton, busy && sameAddress, disconnectButton);
  dim(sendButton, shownState !== "Connected", messageField);
}

// A key that is held would press Connect and Disconnect in turn.
function ignoreHeldEnter(event) {
  if (event.repeat && event.key === "Enter") event.preventDefault();
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

// ---- The log ----------------------------------------------------------------------------

// The log tells when a connection began and ended, and with whom.
function logChange(state, about) {
  if (state === "Connected") {
    addLine("event", `connected ${lostBecause ? "again " : ""}to ${about}`);
    talkingTo = about;
  } else if (talkingTo && state === "Connection lost") {
    addLine("event", `connection lost: ${about}`);
    talkingTo = "";
  } else if (talkingTo && state !== "Disconnecting …") {
    addLine("event", `disconnected from ${talkingTo}`);
    talkingTo = "";
  }
}

function cell(name, text) {
  const element = document.createElement(name);
  // textContent shows what has arrived; innerHTML would run it.
  element.textContent = text;
  return element;
}

// Returns the size of binary data and its first bytes, in hexadecimal.
function hex(buffer) {
  const bytes = Array.from(new Uint8Array(buffer, 0, Math.min(buffer.byteLength, 16)));
  const first = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return `${buffer.byteLength}-byte message: ${first}${buffer.byteLength > 16 ? " …" : ""}`;
}

function clearLog() {
  messageList.replaceChildren();
  lastTime.textContent = "";
  emptyHint.hidden = false;
}

// By a text field of its own: browsers give their clipboard only to pages from https or disk.
function copyLog() {
  const lines = Array.from(messageList.children, (line) =>
    Array.from(line.children, (part) => part.textContent).join("  "));
  const field = document.createElement("textarea");
  field.value = lines.join("\n");
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  copyButton.focus();
  copyButton.textContent = copied ? "Done" : "No";
  setTimeout(() => { copyButton.textContent = "Copy"; }, 2000);
}
