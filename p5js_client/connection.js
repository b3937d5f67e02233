/*
  The page around the sketch: its fields, its connection, and the numbers in a message.
  You can skip this file: the drawing is in sketch.js, and the connection is the one that you
  build in js_client/README.md, with the same names.

  sketch.js calls start and numbersIn, and can call sendMessage. This file calls two functions
  in sketch.js: messageReceived(message) and, if it exists, clearPressed().

  After Tom Igoe's p5jsClient in websocket-examples (MIT)
*/

/* exported start, numbersIn */
/* global messageReceived */

// In milliseconds: the shortest pause before the next try, how long one try may take, and how
// long a server that sends heartbeats may be silent. It sends one every ten seconds.
const PAUSE = 1000;
const LONGEST_TRY = 8000;
const LONGEST_SILENCE = 25000;

// The elements of index.html.
const connectionForm = document.querySelector("#connection");
const addressField = document.querySelector("#address");
const connectButton = document.querySelector("#connect");
const noteLine = document.querySelector("#note");
const speakForm = document.querySelector("#speak");
const messageField = document.querySelector("#outgoing");
const latestLine = document.querySelector("#latest");
const drawingPlace = document.querySelector("main");

// What the page says about each state.
const NOTES = {
  "Connecting …": (address) => `Trying ${address}`,
  "Connected": (address) => address,
  "No answer": (address) => `No answer from ${address}. Is server.py running? Did it `
    + "refuse this page? (Its terminal says so.) Is there a proxy in between? Still trying.",
  "Connection lost": (address, reason) => `${reason}. Trying again until you press Disconnect.`,
  "Disconnecting …": () => "Waiting for the server to say goodbye.",
  "Disconnected": () => "Press Connect to reconnect.",
};
const BLOCKED = "This page was loaded over https, so the browser lets it open ws://localhost, "
  + "but not this address. Open the page from your disk instead.";

let socket = null;          // the one connection, or the last one there was
let server = "";            // its address
let wanted = false;         // true from Connect until Disconnect
let answered = false;       // true once the server has answered since Connect
let beating = false;        // true once a heartbeat has come from this socket
let timer;                  // waits for an answer, for the next message, or for the next try
let lastSent = "";          // up arrow brings it back

// ---- The connection, as in js_client/script.js --------------------------------------------

// Called by Connect, and by Enter in the address field.
function connect(address) {
  server = address;
  wanted = true;
  answered = false;
  show("Connecting …", server);
  openSocket();
}

// Starts a connection and doesn't wait for it: the browser calls these functions later.
// There's a fourth event, error. It doesn't say what went wrong, and close always follows.
function openSocket() {
  if (socket) socket.close(1000);
  socket = new WebSocket(withHeartbeat(server));
  socket.binaryType = "arraybuffer";
  socket.onopen = connectionOpened;
  socket.onmessage = dataReceived;
  socket.onclose = connectionClosed;
  beating = false;
  // If nobody answers, not even with a refusal, a browser would wait for minutes.
  after(LONGEST_TRY, connectionSilent);
}

// Asks for heartbeats. Servers that aren't from this course ignore the word and send none.
function withHeartbeat(address) {
  return `${address}${address.includes("?") ? "&" : "?"}heartbeat`;
}

function connectionOpened() {
  clearTimeout(timer);
  answered = true;
  show("Connected", server);
}

function dataReceived(event) {
  // Ignore what still comes from an earlier socket, or after Disconnect.
  if (event.target !== socket || !wanted) return;
  // A heartbeat is an empty message.
  if (event.data === "") beating = true;
  // Without heartbeats, silence means nothing: there may just be nothing to say.
  if (beating) after(LONGEST_SILENCE, connectionSilent);
  if (event.data !== "") pass(event.data);
}

// Nothing has come for too long. The browser would take minutes to notice, so don't wait.
function connectionSilent() {
  show(answered ? "Connection lost" : "No answer", server, "Nothing came for 25 seconds");
  openSocket();
}

// The connection has ended, or could not be made.
function connectionClosed(event) {
  // Ignore the close event of an earlier socket.
  if (event.target !== socket) return;
  if (!wanted) show("Disconnected", server);
  else show(answered ? "Connection lost" : "No answer", server, reasonOf(event));
  // The random part is for a class: thirty pages lose their server at the same moment, and
  // shouldn't all come back at the same moment.
  if (wanted) after(PAUSE * (1 + Math.random()), openSocket);
}

// Called when the network is back, and when someone looks at this page again. A network that
// is back may be another one, on which the old connection is dead.
function tryAtOnce(event) {
  if (wanted && (event.type === "online" || !isOpen())) openSocket();
}

function disconnect() {
  wanted = false;
  clearTimeout(timer);
  // The server has to agree, and a frozen one may take a minute, so tell the user now.
  show(isOpen() ? "Disconnecting …" : "Disconnected", server);
  socket.close(1000);
}

function sendMessage(message) {
  if (!isOpen()) return;
  socket.send(message);
  showSent(message);
}

// Before a socket is open, send() throws an error; once it is closed, nobody would hear it.
function isOpen() {
  return socket !== null && socket.readyState === WebSocket.OPEN;
}

// There's only one timer: whatever it waited for before, it now waits for this.
function after(milliseconds, action) {
  clearTimeout(timer);
  timer = setTimeout(action, milliseconds);
}

// ---- The page -------------------------------------------------------------------------------

/* Makes the canvas fill its place, makes the buttons work, and connects. */
async function start() {
  const fit = () => resizeCanvas(drawingPlace.clientWidth, drawingPlace.clientHeight);
  new ResizeObserver(fit).observe(drawingPlace);
  connectionForm.addEventListener("submit", connectToAddress);
  connectButton.addEventListener("click", buttonPressed);
  speakForm.addEventListener("submit", (event) => {
    event.preventDefault();
    if (messageField.value !== "") sendMessage(messageField.value);
  });
  addressField.addEventListener("input", nameButton);
  messageField.addEventListener("keydown", bringBack);
  document.querySelector("#clear").addEventListener("click", emptyDrawing);
  window.addEventListener("online", tryAtOnce);
  document.addEventListener("visibilitychange", tryAtOnce);
  addressField.value = history.state?.address || await ownServer() || addressField.value;
  connectionForm.requestSubmit();
}

// Returns the address of the server that sent this page, if it's one from this course: they
// say so in a header. Others, such as VS Code's Live Server, only send pages: "".
async function ownServer() {
  if (!location.protocol.startsWith("http")) return "";
  try {
    const answer = await fetch(location.href, { method: "HEAD" });
    return answer.headers.has("WebSocket-Server") ? `ws${location.origin.slice(4)}/` : "";
  } catch {
    return "";
  }
}

// Enter in the address field always connects. The button can also disconnect.
function buttonPressed() {
  if (connectButton.textContent === "Disconnect") disconnect();
  else connectionForm.requestSubmit();
}

// A link can read an address, in older browsers too.
function connectToAddress(event) {
  event.preventDefault();
  // A server also prints its address for browsers, http://localhost:8080/: it's the same place.
  const address = addressField.value.trim().replace(/^http/, "ws");
  addressField.value = address;
  const url = Object.assign(document.createElement("a"), { href: address });
  if (!/^wss?:$/.test(url.protocol) || address.includes("#")) {
    noteLine.textContent = `"${address}" isn't a WebSocket address like ws://localhost:8080/`;
    addressField.select();
    return;
  }
  if (address !== server) emptyDrawing();
  try {
    connect(address);
  } catch {
    wanted = false;
    show("Disconnected", address);
    noteLine.textContent = BLOCKED;
  }
}

/* Shows the state: as a word, as the color of the dot, in the tab. */
function show(state, address, reason) {
  const before = document.body.dataset.state;
  // Another failed try is no news: what the page said about the first one stays.
  if (state === before && state !== "Connecting …") return;
  // This survives a reload.
  if (state === "Connecting …") history.replaceState({ address }, "");
  const isBack = state === "Connected" && before === "Connection lost";
  noteLine.textContent = isBack ? `The server is back: ${address}` : NOTES[state](address, reason);
  document.querySelector("#state").textContent = state;
  document.body.dataset.state = state;
  document.title = `${state === "Connected" ? "●" : "○"} ${state} - WebSocket client in p5.js`;
  // Not disabled: a disabled button can't keep the keyboard's focus.
  document.querySelector("#send").ariaDisabled = state !== "Connected";
  nameButton();
}

// There's only one button: it disconnects, unless there is another address in the field.
function nameButton() {
  const isSame = addressField.value.trim() === server;
  connectButton.textContent = wanted && isSame ? "Disconnect" : "Connect";
}

// A browser tells a page no more: refused, cut off, wrong path are all 1006.
function reasonOf(event) {
  const meanings = { 1001: "the server is shutting down", 1006: "the connection just broke" };
  return `Code ${event.code}, ${event.reason || meanings[event.code] || "the server ended it"}`;
}

/* Empties the field for the next message, if this one was typed there. */
function showSent(message) {
  if (message !== messageField.value) return;
  lastSent = message;
  messageField.value = "";
}

// Up arrow in the empty field: brings back the last message, to change it or send it again.
function bringBack(event) {
  if (event.key !== "ArrowUp" || messageField.value !== "") return;
  event.preventDefault();
  messageField.value = lastSent;
}

function emptyDrawing() {
  latestLine.textContent = "Nothing yet.";
  if (window.clearPressed) window.clearPressed();
}

// ---- What a message says ----------------------------------------------------------------------

// Shows a message and passes it on to sketch.js.
function pass(data) {
  const words = typeof data === "string" ? data : `${data.byteLength}-byte message`;
  // textContent only shows the message; p5's html() would treat it as HTML.
  latestLine.textContent = words.slice(0, 200);
  messageReceived(withoutSender(words));
}

// ws_server_example sends JSON strings with the sender in front: "127.0.0.1: hello".
function withoutSender(data) {
  try {
    return JSON.parse(data).replace(/^[0-9a-f]*[.:][0-9a-f.:]*(%\w+)?: /, "");
  } catch {
    // Not a JSON string.
    return data;
  }
}

/*
  Returns the numbers in a message, as a Map from names to values.
  512 has the name "", {"acc": {"x": 1}} has "acc.x". Arduino's Serial Plotter reads
  light:512,heat:21.5 and 512,300.
*/
function numbersIn(message) {
  const numbers = new Map();
  try {
    addNumbers(numbers, "", JSON.parse(message));
  } catch {
    // Not JSON.
    addPlotterLine(numbers, message);
  }
  return numbers;
}

function addNumbers(numbers, name, data) {
  // Eight digits are enough, and with eight digits 0.1 + 0.2 is 0.3.
  if (Number.isFinite(data)) numbers.set(name, Number(data.toPrecision(8)));
  if (typeof data !== "object" || data === null) return;
  for (const entry of Object.keys(data)) {
    addNumbers(numbers, name ? `${name}.${entry}` : entry, data[entry]);
  }
}

// All parts have to be numbers. If not, it's a sentence with a number in it. A label can't be
// a number: 12:30 is a time. The pattern checks that first, with (?=…). If it tried all ways to
// divide a label, one very long word would freeze an older browser for seconds.
function addPlotterLine(numbers, message) {
  const parts = message.replaceAll(": ", ":").split(/[,;\s]+/).filter((part) => part !== "");
  const pairs = parts.map((part) => /^(?:(?=[^:]*[^:\d.])([^:]+):)?([^:]+)$/.exec(part) || []);
  if (!pairs.every(([, , value]) => Number.isFinite(Number(value)))) return;
  pairs.forEach(([, label, value], i) => {
    addNumbers(numbers, label || (pairs.length > 1 ? String(i + 1) : ""), Number(value));
  });
}
