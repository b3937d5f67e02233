/*
  WebSocket client in p5.js

  Draws the numbers that a WebSocket server sends: 512, or {"light": 512, "heat": 21.5}.

  Run it with:     open index.html in a browser, while a server of this course is running
  You should see:  "Connected"; send 5, then 9, then 2, and a line goes up and down
  Needs:           a browser, index.html next to this file, and p5.js 1.x or 2.x

  After Tom Igoe's p5jsClient in websocket-examples (MIT)
*/

// How many values a line has. Each line has its color, so there are six at most.
const MAX_VALUES = 300;
const COLORS = ["#4d68f0", "#0f8a6d", "#d9480f", "#b04ad0", "#0b7fb3", "#a06a00"];
const MARGIN = 28;
// In milliseconds: the pause before the next try to connect.
const PAUSE = 2000;
const NO_ADDRESS = "That is no address. One looks like this: ws://localhost:8080/";
const BLOCKED = "This page came by https: it may open ws://localhost, but not this address.";

const page = {};            // the elements of index.html, by their id
const graphs = new Map();   // the last values under each name
let words = "";             // the last message without a number
let socket = null;          // the one connection, or the last one there was
let server;                 // its address
let wanted = false;         // true from Connect until Disconnect
let answered = false;       // true once the server has answered
let timer;                  // what waits for the next try

function setup() {
  createCanvas(400, 300);
  describe("A graph of the numbers that arrive, the newest ones written large");
  windowResized();
  for (const element of document.querySelectorAll("[id]")) page[element.id] = element;
  // A form is submitted by its button and by Enter, on phones as well.
  page.connection.addEventListener("submit", connect);
  page.disconnect.addEventListener("click", disconnect);
  page.speak.addEventListener("submit", sendMessage);
  page.connection.requestSubmit();
}

// Messages only change what is drawn: drawing keeps its pace, however many arrive.
function draw() {
  const ink = getComputedStyle(document.body).color;
  const foot = words ? 80 : 0;
  const room = (height - MARGIN - foot) / max(graphs.size, 1);
  clear();
  [...graphs].forEach(([name, values], i) => {
    drawGraph(name, values, MARGIN + i * room, room - MARGIN, COLORS[i], ink);
  });
  write(words, graphs.size ? height - foot : MARGIN, graphs.size ? 22 : 40, ink);
}

// Draws one line from y down, with its own scale, and its newest value large above it.
function drawGraph(name, values, y, room, paint, ink) {
  const low = min(values);
  const high = max(values);
  const newest = values[values.length - 1];
  const size = constrain(min(room / 4, width / 10), 16, 96);
  write(`${name} ${low} to ${high}`.trim(), y, 16, ink);
  write(newest, y + 20, size, paint);
  const toX = (i) => map(i - values.length, -MAX_VALUES, -1, MARGIN, width - MARGIN);
  const toY = (value) => map(value, low, high > low ? high : low + 1, y + room, y + size + 32);
  noFill();
  stroke(paint);
  strokeWeight(3);
  beginShape();
  values.forEach((value, i) => vertex(toX(i), toY(value)));
  endShape();
  fill(paint);
  circle(toX(values.length - 1), toY(newest), 12);
}

function write(sentence, y, size, paint) {
  noStroke();
  fill(paint);
  textAlign(LEFT, TOP);
  textStyle(BOLD);
  textSize(size);
  text(sentence, MARGIN, y, width - 2 * MARGIN);
}

function windowResized() {
  const place = select("main").elt;
  resizeCanvas(max(place.clientWidth, 280), max(place.clientHeight, 300));
}

function connect(event) {
  event.preventDefault();
  // Pressed again, while it is connected or on the way: one connection is enough.
  if (wanted && page.address.value === server) return;
  if (socket) socket.close(1000);
  socket = null;
  server = page.address.value;
  wanted = true;
  answered = false;
  show("Connecting …", `Asking ${server}`);
  openSocket();
}

function openSocket() {
  clearTimeout(timer);
  try {
    socket = new WebSocket(new URL(server));
  } catch (error) {
    wanted = false;
    show("Disconnected", error.name === "SecurityError" ? BLOCKED : NO_ADDRESS);
    return;
  }
  socket.onopen = connectionOpened;
  socket.onmessage = messageReceived;
  socket.onclose = connectionClosed;
}

function connectionOpened() {
  show("Connected", answered ? "The server is back." : `You are talking to ${server}`);
  answered = true;
}

function messageReceived(event) {
  const message = typeof event.data === "string" ? event.data : `${event.data.size}-byte message`;
  // textContent shows what has arrived; p5's html() would run it.
  page.latest.textContent = message.slice(0, 200);
  const numbers = numbersIn(message);
  if (numbers.length === 0) words = message.slice(0, 200);
  for (const [name, value] of numbers) {
    if (!graphs.has(name) && graphs.size < COLORS.length) graphs.set(name, []);
    const values = graphs.get(name) || [];
    values.push(value);
    if (values.length > MAX_VALUES) values.shift();
  }
}

// The connection has ended, or could not be made: a browser does not tell pages which.
// One from before that ends late is no news.
function connectionClosed(event) {
  if (event.target !== socket) return;
  if (!wanted) show("Disconnected", "Press Connect to come back.");
  else if (!answered) show("No answer", `Is server.py running? Nobody answers at ${server}`);
  else show("Connection lost", `Code ${event.code}. Trying again until you press Disconnect.`);
  if (wanted) timer = setTimeout(openSocket, PAUSE);
}

function disconnect() {
  wanted = false;
  clearTimeout(timer);
  // The server has to agree, and a frozen one may take a minute: say so at once.
  const over = socket.readyState === WebSocket.CLOSED;
  show(over ? "Disconnected" : "Disconnecting …", "Press Connect to come back.");
  socket.close(1000);
}

function sendMessage(event) {
  event.preventDefault();
  if (page.outgoing.value === "" || socket.readyState !== WebSocket.OPEN) return;
  socket.send(page.outgoing.value);
  page.outgoing.value = "";
}

// Shows the state, in words and as the color of the dot, and what there is to say about it.
function show(state, note) {
  document.body.dataset.state = page.state.textContent = state;
  page.note.textContent = note;
  page.send.disabled = state !== "Connected";
  page.disconnect.disabled = !wanted;
}

// Returns the numbers in a message with their names: [["light", 512], ["heat", 21.5]].
function numbersIn(message) {
  try {
    return collect(JSON.parse(message));
  } catch {
    // Not JSON: words, or a number that JSON writes in another way, such as 007.
    return message.trim() === "" ? [] : collect(Number(message));
  }
}

function collect(data, name = "") {
  // Eight digits are enough for everybody, and 0.1 + 0.2 is 0.3 then.
  if (Number.isFinite(data)) return [[name, Number(data.toPrecision(8))]];
  // ws_server_example sends a JSON string, with the sender's address in front.
  if (typeof data === "string") return name ? [] : numbersIn(data.replace(/^[0-9a-f.:]+: /, ""));
  return Object.entries(data || {}).flatMap(([entry, inner]) => collect(inner, entry));
}
