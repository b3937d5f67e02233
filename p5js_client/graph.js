/*
  The graph: reading numbers, drawing them, and the page around them.
  You may skip this file: what it shows about WebSockets is in sketch.js.

  In a classroom, addresses are mistyped, windows are small, and data comes in many forms.
  sketch.js calls start, show, reasonOf, showSent, isOpen, showLatest, showWords, numbersIn,
  addValue and drawGraphs; the rest is for these ten.

  After Tom Igoe's p5jsClient in websocket-examples (MIT)
*/

/* exported start, show, reasonOf, showSent, showLatest, showWords, isOpen, numbersIn, addValue */
/* exported drawGraphs, FIRST_PAUSE, LONGEST_PAUSE, LONGEST_TRY */
/* global socket, textWidth, line */

// In milliseconds: the pauses before the next try, and how long one try may take.
// After several refusals, Firefox itself holds a try back for up to five seconds.
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 5000;
const LONGEST_TRY = 8000;

// How many values a graph keeps, and for how many its width has room from the beginning.
const MAX_VALUES = 300;
const LEAST_VALUES = 30;
// How many characters of one message are shown.
const MAX_LENGTH = 200;
// In pixels.
const MARGIN = 16;
const SMALL = 13;
// Each graph has its color, so there are six at most. All can be read as text, too.
const LIGHT = {
  ink: "#151a24",
  soft: "#566074",
  edge: "#d5dbe6",
  colors: ["#3346d3", "#0b7a4f", "#b93a07", "#8d35ad", "#0a6a94", "#7d5200"],
};
const DARK = {
  ink: "#eef1f7",
  soft: "#9ca7bb",
  edge: "#2a3241",
  colors: ["#9dabff", "#4cd69b", "#ff9d6c", "#dd9bf2", "#6cc4f0", "#f0b456"],
};
const EMPTY = 'Send 5, or\n{"light": 512}';

// The elements of index.html.
const connectionForm = document.querySelector("#connection");
const addressField = document.querySelector("#address");
const connectButton = document.querySelector("#connect");
const disconnectButton = document.querySelector("#disconnect");
const stateLine = document.querySelector("#state");
const noteLine = document.querySelector("#note");
const speakForm = document.querySelector("#speak");
const messageField = document.querySelector("#outgoing");
const sendButton = document.querySelector("#send");
const latestLine = document.querySelector("#latest");
const drawingPlace = document.querySelector("main");
const darkScheme = matchMedia("(prefers-color-scheme: dark)");

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
// What the codes that end a connection mean (RFC 6455, section 7.4.1).
const CLOSE_CODES = {
  1000: "the server said goodbye",
  1001: "the server is shutting down",
  1002: "the server found a fault in the protocol",
  1005: "the server gave no reason",
  1006: "it broke off without a goodbye",
  1008: "the server doesn't allow this",
  1009: "a message was too big for the server",
  1011: "the server's program made a mistake",
};

const graphs = new Map();   // the last values under each name
let lastWords = "";         // the last message without a number
let latest = "";            // the last message, until it is shown with the next frame
let shownState = "Disconnected";
let shownAbout = "";        // the address or the reason in its note
let askedServer = "";       // the address that Connect was pressed for
let addressProblem = "";    // what is wrong with the address that was typed
let lostBecause = "";       // why a connection was lost, until it is back or given up

// ---- Reading numbers ---------------------------------------------------------------------

/*
  Returns the numbers in a message, a Map from their names to their values.
  512 has the name "", {"acc": {"x": 1}} has "acc.x"; light:512,heat:21.5 and 512,300 are
  what Arduino's Serial Plotter reads. Data that isn't text has no numbers.
*/
function numbersIn(data) {
  const numbers = new Map();
  if (typeof data !== "string") return numbers;
  const message = withoutSender(readable(data)).trim();
  try {
    addNumbers(numbers, "", JSON.parse(message));
  } catch {
    // Not JSON.
    addPlotterLine(numbers, message);
  }
  return numbers;
}

// ws_server_example sends a JSON string: "127.0.0.1: hello", with the quotation marks.
function readable(message) {
  if (!message.startsWith('"')) return message;
  try {
    return JSON.parse(message);
  } catch {
    return message;
  }
}

// The same server puts the sender's address in front: 127.0.0.1 or ::1, then a colon and a space.
function withoutSender(message) {
  const end = message.indexOf(": ");
  const sender = message.slice(0, Math.max(end, 0));
  const fromServer = /^[0-9a-f.:]+(%\w+)?$/.test(sender) && /[.:]/.test(sender);
  return fromServer ? message.slice(end + 2) : message;
}

function addNumbers(numbers, name, data) {
  // Eight digits are enough for everybody, and 0.1 + 0.2 is 0.3 then.
  if (Number.isFinite(data)) numbers.set(name, Number(data.toPrecision(8)));
  if (typeof data !== "object" || data === null) return;
  for (const entry of Object.keys(data)) {
    addNumbers(numbers, name ? `${name}.${entry}` : entry, data[entry]);
  }
}

// All parts have to be numbers, else it is a sentence with a number in it.
function addPlotterLine(numbers, message) {
  const parts = message.replaceAll(": ", ":").split(/[,;\s]+/).filter((part) => part !== "");
  const found = new Map();
  for (const part of parts) {
    const colon = part.indexOf(":");
    const label = part.slice(0, Math.max(colon, 0));
    const value = part.slice(colon + 1);
    // A label is not a number: 12:30 is the time.
    const isLabel = colon === -1 || Number.isNaN(Number(label));
    if (!isLabel || value === "" || !Number.isFinite(Number(value))) return;
    found.set(label || (parts.length > 1 ? String(found.size) : ""), Number(value));
  }
  found.forEach((value, name) => addNumbers(numbers, name, value));
}

/* Adds a value to the graph of that name, as long as there is a color for it. */
function addValue(name, value) {
  if (!graphs.has(name) && graphs.size === LIGHT.colors.length) return;
  if (!graphs.has(name)) graphs.set(name, []);
  const values = graphs.get(name);
  values.push(value);
  if (values.length > MAX_VALUES) values.shift();
}

/* Keeps a message without a number for the next drawing. */
function showWords(data) {
  if (typeof data === "string") lastWords = readable(data).slice(0, MAX_LENGTH);
}

/* Keeps the last message for the line above the drawing, or its size if it isn't text. */
function showLatest(data) {
  latest = typeof data === "string" ? data.slice(0, MAX_LENGTH) : `${data.byteLength}-byte message`;
}

// ---- Drawing -----------------------------------------------------------------------------

/* Draws everything anew: the graphs, in two columns where the room is low, and the words. */
function drawGraphs() {
  const paints = darkScheme.matches ? DARK : LIGHT;
  // textContent shows what has arrived; p5's html() would run it.
  if (latestLine.textContent !== latest && latest) latestLine.textContent = latest;
  clear();
  if (graphs.size === 0) {
    writeLarge(lastWords || EMPTY, lastWords ? paints.ink : paints.soft);
    return;
  }
  const foot = lastWords ? 28 : 0;
  const high = height - MARGIN - foot;
  const columns = high / graphs.size < 110 && graphs.size > 1 && width > 240 ? 2 : 1;
  const wide = (width - MARGIN) / columns;
  const room = high / Math.ceil(graphs.size / columns);
  Array.from(graphs).forEach(([name, values], i) => {
    const place = { x: MARGIN + (i % columns) * wide, y: MARGIN + Math.floor(i / columns) * room };
    drawGraph(name, values, { ...place, wide: wide - MARGIN, high: room - MARGIN }, paints, i);
  });
  write(lastWords, MARGIN, height - foot - 2, width - 2 * MARGIN, 18, paints.ink);
}

// Draws one graph with its own scale; its name and its newest value stand above it.
function drawGraph(name, values, place, paints, number) {
  const size = constrain(min(place.high / 4, place.wide / 8), 16, 56);
  const newest = String(values[values.length - 1]);
  textSize(size);
  const newestWide = min(textWidth(newest), place.wide);
  const right = place.x + place.wide;
  write(newest, right - newestWide, place.y, newestWide + 1, size, paints.colors[number]);
  write(name, place.x, place.y, place.wide - newestWide - 8, min(size, 20), paints.ink);
  const bottom = place.y + place.high - 8;
  // However low the room is, the top stays above the bottom.
  const top = min(place.y + size * 1.2 + 8, bottom - 4);
  const left = drawAxis(values, place, top, bottom, paints);
  drawLine(values, { left, right: right - 6, top, bottom }, paints.colors[number]);
}

// Writes the highest and the lowest value at the left, and returns where the graph begins.
function drawAxis(values, place, top, bottom, paints) {
  const highest = String(max(values));
  const lowest = String(min(values));
  textSize(SMALL);
  const wide = min(max(textWidth(highest), textWidth(lowest)), place.wide / 2);
  const left = place.x + wide + 10;
  if (bottom - top > 2 * SMALL && highest !== lowest) {
    write(highest, place.x, top - SMALL / 2, wide + 1, SMALL, paints.soft);
    write(lowest, place.x, bottom - SMALL / 2, wide + 1, SMALL, paints.soft);
  }
  stroke(paints.edge);
  strokeWeight(1);
  line(left, top, place.x + place.wide, top);
  line(left, bottom, place.x + place.wide, bottom);
  return left;
}

// Draws the values as a line, the newest at the right.
function drawLine(values, area, paint) {
  const low = min(values);
  const high = max(values);
  // Where all are the same, the line is in the middle.
  const spare = high > low ? 0 : 1;
  const count = max(values.length, LEAST_VALUES);
  const toX = (i) => map(i + count - values.length, 0, count - 1, area.left, area.right);
  const toY = (value) => map(value, low - spare, high + spare, area.bottom, area.top);
  noFill();
  stroke(paint);
  strokeWeight(3);
  beginShape();
  values.forEach((value, i) => vertex(toX(i), toY(value)));
  endShape();
  fill(paint);
  circle(area.right, toY(values[values.length - 1]), 10);
}

// Writes one line; what is too long for it ends with three dots.
function write(sentence, x, y, wide, size, paint) {
  noStroke();
  fill(paint);
  textAlign(LEFT, TOP);
  textStyle(BOLD);
  textSize(size);
  let shown = sentence.replaceAll("\n", " ");
  while (shown.length > 1 && textWidth(shown) > wide) shown = `${shown.slice(0, -2)}…`;
  text(shown, x, y);
}

// Writes over the whole canvas. A word that is too long for a line is cut in pieces.
function writeLarge(sentence, paint) {
  noStroke();
  fill(paint);
  textAlign(LEFT, TOP);
  textStyle(BOLD);
  textSize(min(36, width / 14));
  text(sentence.replace(/\S{16}/g, "$& "), MARGIN, MARGIN, width - 2 * MARGIN, height - MARGIN);
}

function fitCanvas() {
  resizeCanvas(drawingPlace.clientWidth, drawingPlace.clientHeight);
}

// ---- The page ----------------------------------------------------------------------------

/*
  Lets the buttons call the three functions of sketch.js, and presses Connect.
  connect gets an address that a browser can open; sendMessage a text that isn't empty.
*/
function start(connect, disconnect, sendMessage) {
  describe("A graph of the numbers that arrive, with the newest value of each");
  new ResizeObserver(fitCanvas).observe(drawingPlace);
  // A form is submitted by its button and by Enter, on phones as well.
  connectionForm.addEventListener("submit", (event) => {
    event.preventDefault();
    if (isAddress()) connect(addressField.value);
  });
  connectionForm.addEventListener("keydown", ignoreHeldEnter);
  disconnectButton.addEventListener("click", disconnect);
  speakForm.addEventListener("submit", (event) => {
    event.preventDefault();
    if (messageField.value !== "") sendMessage(messageField.value);
  });
  addressField.addEventListener("input", addressChanged);
  connectionForm.requestSubmit();
}

/*
  Shows the state: as a word, as the color of the dot, in the tab.
  about is the server's address or, for "Connection lost", what reasonOf() returned.
*/
function show(state, about) {
  // While a connection is lost, a try that fails is no news: its reason stays in view.
  if (state === "No answer" && lostBecause) {
    show("Connection lost", lostBecause);
    return;
  }
  if (state === "Connecting …" && about !== askedServer) forgetServer(about);
  shownState = state;
  stateLine.textContent = state;
  // What is wrong with an address stays in view, too, while the old one is tried again.
  if (state !== "No answer" && state !== "Connection lost") addressProblem = "";
  noteLine.textContent = addressProblem || NOTES[state](about);
  shownAbout = about;
  document.body.dataset.state = state;
  document.title = `${state === "Connected" ? "●" : "○"} ${state} - WebSocket client in p5.js`;
  dimButtons();
  if (state === "Connection lost") lostBecause = about;
  if (state === "Connected" || state === "Disconnected") lostBecause = "";
}

// Another server sends other numbers: begin with an empty drawing.
function forgetServer(address) {
  askedServer = address;
  lostBecause = "";
  graphs.clear();
  lastWords = "";
  latest = "";
  latestLine.textContent = "Nothing yet";
}

/*
  Returns why a connection ended: the close event's code, and the server's reason or what the
  code means. A browser tells pages no more: refused, cut and wrong path are all 1006.
*/
function reasonOf(event) {
  const meaning = CLOSE_CODES[event.code] || "a code of the server's own";
  return `${event.code}, ${event.reason || meaning}`;
}

/* Empties the field for the next message. */
function showSent() {
  messageField.value = "";
}

/* Tells whether a message can be sent: before, send() throws; after, nobody would hear it. */
function isOpen() {
  return socket !== null && socket.readyState === WebSocket.OPEN;
}

// Tells whether a browser can open what is in the address field; if it can't, says why.
function isAddress() {
  // http://localhost:8080/ is what a server prints for browsers: the same place.
  addressField.value = addressField.value.trim().replace(/^http/, "ws");
  addressProblem = problemWith(addressField.value);
  if (!addressProblem) return true;
  noteLine.textContent = addressProblem;
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
  return hasPort ? "" : ", without a port such as :8080";
}

// A button is dimmed while there is nothing for it to do. Connect has something to do
// whenever the address field holds another address.
function dimButtons() {
  const busy = shownState === "Connected" || shownState === "Connecting …";
  const sameAddress = addressField.value.trim() === askedServer;
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
  const hadFocus = document.activeElement === button;
  button.disabled = dimmed;
  if (hadFocus && dimmed) {
    neighbor.disabled = false;
    neighbor.focus();
  }
}
