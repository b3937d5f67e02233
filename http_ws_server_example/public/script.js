/*
  WebSocket client, served

  Keeps one connection to the server that this page came from, and shows what comes
  and what goes. It is the page of ../../js_client without its address field.

  Run it with:     start ../server.py, then open the address that it prints
  You should see:  a green dot and "Connected", then each message with its time
  Needs:           a browser, and index.html, page.js and styles.css next to this file

  After Tom Igoe's ExpressWsServer in websocket-examples (MIT)
*/

// These come from page.js, which knows how the page looks.
/* global start, show, reasonOf, addLine, showSent */

// In milliseconds: the pauses before the next try, and how long one try may take.
// After several refusals, Firefox itself holds a try back for up to five seconds.
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 5000;
const LONGEST_TRY = 8000;

// The server's address is where this page came from: http becomes ws, and https wss.
const server = new URL(".", location.href).href.replace("http", "ws");

let socket = null;          // the one connection, or the last one there was
let wanted = false;         // true from Connect until Disconnect
let answered = false;       // true once the server has answered this socket
let pause = FIRST_PAUSE;    // how long until the next try
let timer;                  // waits for the next try, or for an answer

// Called by Connect.
function connect() {
  wanted = true;
  pause = FIRST_PAUSE;
  show("Connecting …", server);
  openSocket();
}

// Begins a connection and doesn't wait for it: the browser calls the functions named here.
// There is a fourth event, error. It doesn't say what went wrong, and close follows it.
function openSocket() {
  clearTimeout(timer);
  if (socket) socket.close(1000);
  socket = new WebSocket(server);
  socket.binaryType = "arraybuffer";
  socket.onopen = connectionOpened;
  socket.onmessage = messageReceived;
  socket.onclose = connectionClosed;
  answered = false;
  // Where nobody answers, not even with a refusal, a browser would wait for minutes.
  timer = setTimeout(() => socket.close(), LONGEST_TRY);
}

function connectionOpened() {
  clearTimeout(timer);
  answered = true;
  pause = FIRST_PAUSE;
  show("Connected", server);
}

function messageReceived(event) {
  // Ignore what still comes from an earlier socket.
  if (event.target !== socket) return;
  addLine("received", event.data);
}

// The connection has ended, or could not be made.
function connectionClosed(event) {
  // Ignore the close event of an earlier socket.
  if (event.target !== socket) return;
  clearTimeout(timer);
  if (!wanted) show("Disconnected", server);
  else if (answered) show("Connection lost", reasonOf(event));
  else show("No answer", server);
  // The part by chance is for a class: thirty pages lose their server at the same moment,
  // and should not all knock at the same moment when it is back.
  if (wanted) timer = setTimeout(openSocket, pause * (0.5 + Math.random() / 2));
  pause = Math.min(pause * 2, LONGEST_PAUSE);
}

function disconnect() {
  wanted = false;
  clearTimeout(timer);
  // The server has to agree, and a frozen one may take a minute: say so at once.
  show(isOpen() ? "Disconnecting …" : "Disconnected", server);
  socket.close(1000);
}

function sendMessage(message) {
  if (!isOpen()) return;
  socket.send(message);
  showSent(message);
}

// Before a socket is open, send() throws; after its end, nobody would hear it.
function isOpen() {
  return socket !== null && socket.readyState === WebSocket.OPEN;
}

// From now on, the buttons call these three. It begins with connect.
start(connect, disconnect, sendMessage);
