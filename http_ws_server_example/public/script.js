/*
  WebSocket client, served

  Keeps one connection to the server that this page came from, and shows what comes
  in and what goes out. It's the page of ../../js_client without its address field.

  Run it with:     start ../server.py, then open the address that it prints
  You should see:  a green dot and "Connected", then each message with its time
  Needs:           a browser, and index.html, page.js and styles.css next to this file

  After Tom Igoe's ExpressWsServer in websocket-examples (MIT)
*/

// These come from page.js, which takes care of the looks.
/* global start, show, reasonOf, addLine, showSent */

// The server's address is where this page came from: http becomes ws, and https wss.
const server = new URL(".", location.href).href.replace("http", "ws");

// In milliseconds: the shortest pause before the next try, how long one try may take, and how
// long a server that sends heartbeats may be silent. It sends one every ten seconds.
const PAUSE = 1000;
const LONGEST_TRY = 8000;
const LONGEST_SILENCE = 25000;

let socket = null;          // the one connection, or the last one there was
let wanted = false;         // true from Connect until Disconnect
let answered = false;       // true once the server has answered since Connect
let beating = false;        // true once a heartbeat has come from this socket
let timer;                  // waits for an answer, for the next message, or for the next try

// Called by Connect.
function connect() {
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
  socket.onmessage = messageReceived;
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

function messageReceived(event) {
  // Ignore what still comes from an earlier socket, or after Disconnect.
  if (event.target !== socket || !wanted) return;
  // A heartbeat is an empty message.
  if (event.data === "") beating = true;
  else addLine("received", event.data);
  // Without heartbeats, silence means nothing: there may just be nothing to say.
  if (beating) after(LONGEST_SILENCE, connectionSilent);
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

// Calls connect. From now on, the buttons call the first three functions, and the browser
// calls the fourth.
start(connect, disconnect, sendMessage, tryAtOnce);
