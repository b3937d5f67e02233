/*
  WebSocket client in p5.js

  Draws the numbers that a WebSocket server sends: 512, or {"light": 512, "heat": 21.5}.

  Run it with:     open index.html in a browser while a server of this course is running
  You should see:  "Connected"; send 5, then 9, then 2, and a line goes up and down
  Needs:           a browser, p5.js 1.x or 2.x, and index.html, connection.js and style.css
                   next to this file

  After Tom Igoe's p5jsClient in websocket-examples (MIT)
*/

// These come from connection.js, which calls messageReceived and clearPressed.
/* global start, numbersIn */

// In pixels: the space around everything, and the height of the words below the lines.
const MARGIN = 10;
const FOOT = 60;
// One color for each name, readable on a light or a dark background.
const LIGHT = ["#3346d3", "#0b7a4f", "#b93a07", "#8d35ad", "#0a6a94", "#7d5200"];
const DARK = ["#9dabff", "#4cd69b", "#ff9d6c", "#dd9bf2", "#6cc4f0", "#f0b456"];
const darkScheme = matchMedia("(prefers-color-scheme: dark)");

const series = new Map();   // the last values of each name
let words = "";             // the last message without a number

function setup() {
  createCanvas(400, 300);
  describe("A line for each name, with its newest value");
  textAlign(LEFT, TOP);
  textSize(16);
  strokeWeight(3);
  start();
}

// A message only changes the data. Drawing keeps its own speed, however many messages come.
function messageReceived(message) {
  const numbers = numbersIn(message);
  if (numbers.size === 0) words = message;
  for (const [name, value] of numbers) {
    const values = series.get(name) || [];
    // Keep the last 300.
    series.set(name, [...values, value].slice(-300));
  }
}

// Called by the Clear button, and when you connect to another server.
function clearPressed() {
  series.clear();
  words = "";
}

// The words go below the lines. Without lines, they go to the top.
function draw() {
  const colors = darkScheme.matches ? DARK : LIGHT;
  const names = Array.from(series.keys());
  const leftOut = names.splice(colors.length).join(", ");
  const below = leftOut ? `No color left for ${leftOut}. ${words}` : words;
  background(darkScheme.matches ? "#161b25" : "white");
  fill(darkScheme.matches ? "white" : "black");
  textWrap(below.includes(" ") ? WORD : CHAR);
  text(below.slice(0, 200), MARGIN, names.length > 0 ? height - FOOT : MARGIN, width - 2 * MARGIN);
  // Use two columns if the rows would be too low in one.
  const columns = height / names.length < 120 ? 2 : 1;
  const wide = width / columns;
  const high = (height - FOOT) / ceil(names.length / columns);
  names.forEach((name, i) => {
    push();
    translate((i % columns) * wide, floor(i / columns) * high);
    drawLine(name, series.get(name), wide, high, colors[i]);
    pop();
  });
}

// Draws into one part of the canvas: draw() has moved its corner to 0, 0. The lowest value is
// at the bottom, the highest at the top, and the newest on the right. If all are equal, map()
// returns NaN, and the line goes through the middle. A long name loses its beginning. There
// are 90 pixels for the numbers on the left, and up to 70 for the name and the value on top.
function drawLine(name, values, wide, high, paint) {
  const lowest = min(values);
  const highest = max(values);
  const toX = (i) => map(i, min(0, values.length - 30), values.length - 1, 90, wide - MARGIN);
  const toY = (value) => map(value, lowest, highest, high - 16, min(high / 2, 70)) || high / 2;
  fill(paint);
  text(highest, MARGIN, toY(highest) - 6);
  text(lowest, MARGIN, toY(lowest) - 6);
  text(name.slice(-wide / 20), MARGIN, MARGIN);
  textAlign(RIGHT, TOP);
  textSize(constrain(min(high / 4, wide / 10), 16, 40));
  text(values.at(-1), wide - MARGIN, MARGIN);
  stroke(paint);
  circle(wide - MARGIN, toY(values.at(-1)), 6);
  noFill();
  beginShape();
  values.forEach((value, i) => vertex(toX(i), toY(value)));
  endShape();
}
