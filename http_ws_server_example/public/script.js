/*
  WebSocket client, served

  Keeps one connection to the server that this page came from, and shows what comes
  and what goes. It is the page of ../../js_client without its address field.

  Run it with:     start ../server.py, then open the address that it prints
  You should see:  a green dot and "Connected", then each message with its time
  Needs:           a browser, and index.html and styles.css next to this file

  After Tom Igoe's ExpressWsServer in websocket-examples (MIT)
*/

// How many messages the page keeps, and how many characters of one it shows.
const MAX_MESSAGES = 500;
const MAX_LENGTH = 2000;
// In milliseconds: the pauses before the next try, and how long one try may take.
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 5000;
const LONGEST_TRY = 8000;
const NOT_SERVED = "This page needs its server: start server.py, open http://localhost:3000/";
// What the codes that end a connection mean (RFC 6455, section 7.4.1).
const CLOSE_CODES = {
  1000: "the server said goodbye",
  1001: "the server is shutting down",
  1005: "the server gave no reason",
  1006: "it broke off without a goodbye",
  1009: "a message was too big for the server",
  1011: "the server's program made a mistake",
};

// The server's address is where this page came from: http becomes ws, and https wss.
const server = new URL(".", location.href);
server.protocol = location.protocol.replace("http", "ws");

const page = {};            // the elements of the page, by their id
let socket = null;          // the one connection, or the last one there was
let wanted = false;         // true from Connect until Disconnect
let answered = false;       // true once the server has answered
let pause, timer;           // how long until the next try, and what waits for it

function connect(event) {
  event.preventDefault();
  // Pressed again while it is under way: one connection is enough.
  if (wanted && socket.readyState <= WebSocket.OPEN) return;
  if (socket) socket.close(1000);
  socket = null;
  wanted = true;
  answered = false;
  pause = FIRST_PAUSE;
  show("Connecting …", `Asking ${server}`);
  openSocket();
}

function openSocket() {
  clearTimeout(timer);
  try {
    socket = new WebSocket(server);
  } catch {
    // Opened from disk, this page has no server to ask.
    wanted = false;
    show("Disconnected", NOT_SERVED);
    return;
  }
  socket.binaryType = "arraybuffer";
  socket.onopen = connectionOpened;
  socket.onmessage = messageReceived;
  socket.onclose = connectionClosed;
  // Where nobody answers, not even with a refusal, a browser would wait for minutes.
  timer = setTimeout(() => socket.close(), LONGEST_TRY);
}

function connectionOpened() {
  clearTimeout(timer);
  show("Connected", answered ? "The server is back." : `You are talking to ${server}`);
  addLine("event", answered ? "connected again" : "connected");
  answered = true;
  pause = FIRST_PAUSE;
}

function messageReceived(event) {
  addLine("received", typeof event.data === "string" ? event.data : hex(event.data));
}

// The connection has ended, or could not be made: a browser does not tell pages which.
// One from before that ends late is no news.
function connectionClosed(event) {
  if (event.target !== socket) return;
  clearTimeout(timer);
  if (!wanted) {
    show("Disconnected", "Press Connect to come back.");
    addLine("event", "disconnected");
    return;
  }
  timer = setTimeout(openSocket, pause);
  pause = Math.min(pause * 2, LONGEST_PAUSE);
  if (document.body.dataset.state === "Connected") {
    const why = `${event.code}, ${event.reason || CLOSE_CODES[event.code] || "no code we know"}`;
    show("Connection lost", `Code ${why}. Trying again until you press Disconnect.`);
    addLine("event", `connection lost: ${why}`);
  } else if (!answered) {
    show("No answer", `Is server.py running? Nobody answers at ${server}`);
  }
}

function disconnect() {
  wanted = false;
  clearTimeout(timer);
  // The server has to agree, and a frozen one may take a minute: say so at once.
  const over = socket.readyState === WebSocket.CLOSED;
  show(over ? "Disconnected" : "Disconnecting …", "Press Connect to come back.");
  socket.close(1000);
  page.connect.focus();
}

function sendMessage(event) {
  event.preventDefault();
  const message = page.outgoing.value;
  if (message === "" || socket.readyState !== WebSocket.OPEN) return;
  socket.send(message);
  addLine("sent", message);
  page.outgoing.value = "";
}

function start() {
  for (const element of document.querySelectorAll("[id]")) page[element.id] = element;
  // A form is submitted by its button and by Enter, on phones as well.
  page.connection.addEventListener("submit", connect);
  page.disconnect.addEventListener("click", disconnect);
  page.speak.addEventListener("submit", sendMessage);
  page.connection.requestSubmit();
}

// Shows the state, in words and as the colour of the dot, and what there is to say about it.
function show(state, note) {
  document.body.dataset.state = page.state.textContent = state;
  page.note.textContent = note;
  page.send.disabled = state !== "Connected";
  page.disconnect.disabled = !wanted;
}

// Adds a line to the log. The kind is "sent", "received" or "event".
function addLine(kind, words) {
  const line = document.createElement("li");
  line.className = kind;
  const time = new Date().toTimeString().slice(0, 8);
  const rest = words.length > MAX_LENGTH ? ` … (${words.length} characters)` : "";
  const text = words.slice(0, MAX_LENGTH) + rest;
  for (const [name, content] of [["time", time], ["b", kind], ["span", text]]) {
    // textContent shows what has arrived; innerHTML would run it.
    line.appendChild(document.createElement(name)).textContent = content;
  }
  page.messages.append(line);
  if (page.messages.children.length > MAX_MESSAGES) page.messages.firstElementChild.remove();
}

// Returns the size of binary data and its first bytes, in hexadecimal.
function hex(buffer) {
  const bytes = Array.from(new Uint8Array(buffer, 0, Math.min(buffer.byteLength, 16)));
  const first = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return `${buffer.byteLength}-byte message: ${first}${buffer.byteLength > 16 ? " …" : ""}`;
}

start();
