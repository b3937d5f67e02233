/*
  Frames: how messages travel in a WebSocket (RFC 6455, section 5)

  You can skip this tab. The main tab calls sendText(), readFrames(), and checkConnection();
  this tab calls messageReceived() there.

  A frame is its type, its length, a mask if a client sends it, and the payload. The library
  ArduinoHttpClient can stop receiving when a read ends one byte into a frame, and hangs when
  a connection breaks inside a message. Here, readFrames() never waits.
*/
const uint64_t longestFrame = 16777216;  // 16 MiB, the limit of the servers of this course
const unsigned long answerTime = 2000;   // ms the server may be silent during the handshake
const unsigned long pingPause = 4000;    // ms from one ping to the next
const unsigned long silenceLimit = 12000;  // ms without a byte: the server is gone

unsigned long lastPing = 0;
unsigned long lastHeard = 0;  // when the last byte came
String incoming;           // the message so far: it can come in several frames
String control;            // the payload of a ping or close: they can come in between
byte header[10];           // the first bytes of the frame that is coming in
byte headerSize = 0;       // how many of them have come
uint64_t payloadLeft = 0;  // bytes of its payload that have not come yet
bool inHeader = true;      // false while the payload comes
bool inMessage = false;    // true from a message's first frame to its last
bool cut = false;          // true if the message is longer than longestMessage
bool isBroken = false;     // true if nothing can be sent anymore
unsigned long lastRest = 0;  // when the board last had nothing left to read

// Clears what is left of an old connection. Full-size Strings now keep memory in one piece.
void prepareFrames() {
  incoming.reserve(longestMessage);
  control.reserve(125);
  headerSize = 0;
  inHeader = true;
  inMessage = false;
  isBroken = false;
  isQuiet = false;
  lastRest = millis();
  client.stop();
  // stop() has set this time to 30 s.
  client.setHttpResponseTimeout(answerTime);
  // Without a seed, random() makes the same key and masks after every start.
  randomSeed(micros());
}

// Returns whether begin() made a WebSocket. begin() also returns 0 for half an answer, and it
// keeps the connection when a web server answers 404.
bool isAccepted(int status) {
  bool isComplete = status == 0 && client.endOfHeadersReached();
  if (!isComplete) {
    client.stop();
  }
  lastHeard = millis();
  return isComplete;
}

// Sends a text message and prints it.
void sendText(const String &text) {
  if (sendFrame(TYPE_TEXT, text)) {
    Serial.print("Sent: ");
    Serial.println(text);
  }
}

// Sends a line that was typed into the Serial Monitor.
void sendTyped() {
  if (!Serial.available()) {
    return;
  }
  String line = Serial.readStringUntil('\n');
  line.trim();
  if (line.length() > 0) {
    sendText(line);
  }
}

// Puts the beginning of a frame into the buffer: type, length, and a client's four random mask
// bytes. Returns how many bytes that is, at most 8.
byte beginFrame(byte *buffer, byte *mask, byte type, unsigned long length) {
  byte used = 0;
  buffer[used++] = 0x80 | type;
  if (length < 126) {
    buffer[used++] = 0x80 | length;
  } else {
    buffer[used++] = 0x80 | 126;
    buffer[used++] = length >> 8;
    buffer[used++] = length & 0xFF;
  }
  for (byte index = 0; index < 4; index++) {
    mask[index] = random(256);
    buffer[used++] = mask[index];
  }
  return used;
}

// Sends one frame; type is TYPE_TEXT, TYPE_PING … from ArduinoHttpClient. Returns true if that
// worked. If not, checkConnection() ends the connection. Up to 128 bytes make one packet.
bool sendFrame(byte type, const String &payload) {
  unsigned long length = payload.length();
  if (!online || isBroken || length > 65535) {
    return false;
  }
  byte buffer[128];
  byte mask[4];
  byte used = beginFrame(buffer, mask, type, length);
  for (unsigned int index = 0; index < length; index++) {
    if (used == sizeof(buffer)) {
      isBroken = isBroken || wifi.write(buffer, used) != used;
      used = 0;
    }
    buffer[used++] = payload[index] ^ mask[index % 4];
  }
  isBroken = isBroken || wifi.write(buffer, used) != used;
  return !isBroken;
}

// Reads what has come, with a limit. Printing takes the most time, so a slow board stops it.
void readFrames() {
  for (int count = 0; count < 1000 && online && wifi.available(); count++) {
    lastHeard = millis();
    takeByte(wifi.read());
  }
  if (!wifi.available()) {
    lastRest = millis();
  } else if (!isQuiet && millis() - lastRest > 5000) {
    isQuiet = true;
    Serial.println("Too much to print. From now on, the board only obeys on and off.");
  }
}

// Adds one byte to the header or to the payload.
void takeByte(byte next) {
  if (inHeader) {
    header[headerSize++] = next;
    if (headerSize < headerLength()) {
      return;
    }
    inHeader = false;
    startPayload();
  } else {
    addToPayload(next);
    payloadLeft--;
  }
  if (online && payloadLeft == 0) {
    inHeader = true;
    headerSize = 0;
    endFrame();
  }
}

// Returns how many bytes this header has: 126 and 127 mean that the length follows.
byte headerLength() {
  if (headerSize < 2 || (header[1] & 0x7F) < 126) {
    return 2;
  }
  return (header[1] & 0x7F) == 126 ? 4 : 10;
}

// Reads the complete header. If the server breaks the rules, sends it code 1002 (0x03EA).
void startPayload() {
  payloadLeft = headerSize == 2 ? header[1] : 0;
  for (byte index = 2; index < headerSize; index++) {
    payloadLeft = payloadLeft << 8 | header[index];
  }
  if (!isValid()) {
    sendFrame(TYPE_CONNECTION_CLOSE, "\x03\xEA");
    hangUp("The server sent something that isn't a WebSocket frame.");
  } else if (frameType() >= TYPE_CONNECTION_CLOSE) {
    control = "";
  } else if (frameType() != TYPE_CONTINUATION) {
    incoming = "";
    cut = false;
  }
}

byte frameType() {
  return header[0] & 0x0F;
}

// Returns whether a server may send this frame now. It must have no mask and no extensions. A
// control frame is short and in one piece. In a message, only the first frame has a type.
bool isValid() {
  byte type = frameType();
  if ((header[0] & 0x70) || (header[1] & 0x80)) {
    return false;
  }
  if (type >= TYPE_CONNECTION_CLOSE) {
    bool isHalfCode = type == TYPE_CONNECTION_CLOSE && payloadLeft == 1;
    return type <= TYPE_PONG && (header[0] & 0x80) && payloadLeft <= 125 && !isHalfCode;
  }
  bool isContinuation = type == TYPE_CONTINUATION;
  return type <= TYPE_BINARY && isContinuation == inMessage && payloadLeft <= longestFrame;
}

void addToPayload(byte next) {
  if (frameType() >= TYPE_CONNECTION_CLOSE) {
    control += (char)next;
  } else if (incoming.length() < longestMessage) {
    incoming += (char)next;
  } else {
    cut = true;
  }
}

// Does what a complete frame asks for.
void endFrame() {
  byte type = frameType();
  if (type == TYPE_CONNECTION_CLOSE) {
    sendFrame(TYPE_CONNECTION_CLOSE, control.substring(0, 2));
    hangUp("The server ended the connection.");
  } else if (type == TYPE_PING) {
    sendFrame(TYPE_PONG, control);
  } else if (type != TYPE_PONG) {
    inMessage = !(header[0] & 0x80);
    if (!inMessage) {
      messageReceived(incoming);
      if (cut && !isQuiet) {
        Serial.println("(That was only the beginning.)");
      }
    }
  }
}

// A lost connection can look alive for hours, so the board pings the server. When a connection
// ends, the board first reads what has already come.
void checkConnection() {
  if (isTime(lastPing, pingPause)) {
    sendFrame(TYPE_PING, "Still there?");
  }
  if (millis() - lastHeard > silenceLimit) {
    hangUp("The server has gone silent.");
  } else if (isBroken && !wifi.available()) {
    hangUp("Couldn't send: the connection is lost.");
  } else if (!client.connected() && !wifi.available()) {
    hangUp("The connection is lost.");
  }
}

// Ends the connection, if there is one, and says why.
void hangUp(const char *reason) {
  if (online) {
    online = false;
    client.stop();
    Serial.println(reason);
  }
}

// Returns what begin()'s result means. Above 0, it's an HTTP status.
String meaning(int status) {
  if (online) {
    return "Connected.";
  }
  if (status > 0) {
    return "The server refused, with HTTP status " + String(status);
  }
  if (status == 0 || status == HTTP_ERROR_TIMED_OUT) {
    return "The server did not answer in time.";
  }
  if (status == HTTP_ERROR_INVALID_RESPONSE) {
    return "Something answered, but it isn't a WebSocket server.";
  }
  return "Nobody answered. Is the server running, and is this its address?";
}

// Returns the text of a message in lower case. ws_server_example puts an address before the
// text and quotation marks around it: "192.168.1.5: on".
String commandIn(const String &text) {
  if (text.length() > 100) {
    return "";
  }
  String command = text;
  command.trim();
  if (command.startsWith("\"") && command.endsWith("\"")) {
    command = command.substring(command.indexOf(": ") + 2, command.length() - 1);
    command.replace("\\n", "");
    command.trim();
  }
  command.toLowerCase();
  return command;
}

void adviseOnSecrets() {
  if (SECRET_SSID[0] == '<' || SECRET_SERVER[0] == '<') {
    Serial.println("Fill in your network and server in arduino_secrets.h, then upload again.");
  }
}
