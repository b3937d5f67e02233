/*
  WebSocket client in p5.js

  Draws the numbers that a WebSocket server sends: 512, or {"light": 512, "heat": 21.5}.

  Run it with:     open index.html in a browser, while a server of this course is running
  You should see:  "Connected"; send 5, then 9, then 2, and a line goes up and down
  Needs:           a browser, p5.js 1.x or 2.x, and index.html, graph.js and style.css
                   next to this file

  After Tom Igoe's p5jsClient in websocket-examples (MIT)
*/

// These come from graph.js, which knows how the page looks, and how long it waits.
/* global start, show, reasonOf, showSent, showLatest, showWords, isOpen */
/* global numbersIn, addValue, drawGraphs, FIRST_PAUSE, LONGEST_PAUSE, LONGEST_TRY */

let socket = null;          // the one connection, or the last one there was
let server = "";            // its address
let wanted = false;         // true from Connect until Disconnect
let answered = false;       // true once the server has answered this socket
let pause = FIRST_PAUSE;    // how long until the next try
let timer;                  // waits for the next try, or for an answer

function setup() {
  createCanvas(400, 300);
  // From now on, the buttons call these three. It begins with connect.
  start(connect, disconnect, sendMessage);
}

// Messages only change what is drawn: drawing keeps its pace, however many arrive.
function draw() {
  drawGraphs();
}

// Called by Connect, and by Enter in the address field.
function connect(address) {
  server = address;
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
  showLatest(event.data);
  const numbers = numbersIn(event.data);
  if (numbers.size === 0) showWords(event.data);
  for (const [name, value] of numbers) addValue(name, value);
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
