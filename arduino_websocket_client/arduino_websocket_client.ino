/*
  WebSocket client for a board with Wi-Fi

  Joins a Wi-Fi network, connects to a WebSocket server, sends a reading of a sensor
  every five seconds and prints what comes back. The messages on and off switch the
  LED. When the network or the server goes away, the sketch tries again until it is
  back, for weeks if need be.

  Run it with:     your network and server in arduino_secrets.h, then Upload,
                   then the Serial Monitor at 9600 baud
  You should see:  Connected.
                   Sent: {"sensor": 512}
  Needs:           the library ArduinoHttpClient (0.6.1) and your board's Wi-Fi library
  Circuit:         a potentiometer: outer pins to 3.3 V and GND, middle pin to A0

  After Tom Igoe's ArduinoWebsocketClient,
  https://github.com/tigoe/websocket-examples
*/
#include <ArduinoHttpClient.h>

// Every board has its own Wi-Fi library. WiFi.begin() of most boards waits until the
// board has joined the network: limitWaiting() makes it return soon. The radio goes on
// joining by itself; only the MKR1000 starts anew each time, so it gets longer.
#if defined(ARDUINO_SAMD_MKR1000)  // MKR1000
#include <WiFi101.h>
void limitWaiting() { WiFi.setTimeout(15000); }
#elif defined(ARDUINO_UNOR4_WIFI)  // UNO R4 WiFi
#include <WiFiS3.h>
void limitWaiting() { WiFi.setTimeout(500); }
#elif defined(ARDUINO_ARCH_ESP32)  // ESP32, Nano ESP32
#include <WiFi.h>
#include <WiFiClientSecure.h>
void limitWaiting() {}
// ESP32 boards call it otherwise. It encrypts, but does not ask who the server is.
struct WiFiSSLClient : WiFiClientSecure { WiFiSSLClient() { setInsecure(); } };
#ifndef LED_BUILTIN
#define LED_BUILTIN 2
#endif
#else  // MKR WiFi 1010, Nano 33 IoT, Nano RP2040 Connect, Uno WiFi Rev2
#include <WiFiNINA.h>
void limitWaiting() { WiFi.setTimeout(500); }
#endif

// Your network, its password and the address of your server go in this file.
#include "arduino_secrets.h"

// For a server with TLS (wss://, port 443) change this line to: WiFiSSLClient wifi;
WiFiClient wifi;
WebSocketClient client(wifi, SECRET_SERVER, SECRET_PORT);

// All times are in ms, in a type of 32 bits like that of millis().
const uint32_t interval = 5000;       // from one reading to the next
const uint32_t networkPause = 10000;  // from one try to join the network to the next
const uint32_t serverPause = 3000;    // from one try to connect to the next
const uint32_t answerTime = 2000;     // for the server's answer to a try
const uint32_t messageTime = 3000;    // for a message, from its first byte to its last
const uint32_t silence = 12000;       // without a byte from the server: it is gone
const unsigned int longest = 4000;    // characters kept of a message

uint32_t lastJoin, lastConnect, lastSend, lastPing, lastHeard, lastMessage, messageStart;
String message;      // what came in, maybe in several pieces
bool ledOn = false;  // what the messages on and off have made of the LED

void setup() {
  Serial.begin(9600);
  pinMode(LED_BUILTIN, OUTPUT);
  // Give the Serial Monitor time to open, but run without one too.
  if (!Serial) delay(3000);
  limitWaiting();
}

// Every step is tried again at its pause until it works, so that nothing is lost for ever.
void loop() {
  bool joined = WiFi.status() == WL_CONNECTED;
  showState(joined);
  if (!joined) {
    if (isTime(lastJoin, networkPause)) joinNetwork();
  } else if (!client.connected()) {
    if (isTime(lastConnect, serverPause)) connectToServer();
  } else {
    if (isTime(lastSend, interval)) sendReading();
    if (wifi.available()) readFrame();
    // A lost connection can look alive for hours. A ping asks: a living server answers.
    if (isTime(lastPing, silence / 3)) sendFrame(TYPE_PING, "Still there?");
    if (millis() - lastHeard > silence) hangUp("No word from the server any more.");
  }
}

// Reads the sensor and sends it as JSON text.
void sendReading() {
  String reading = "{\"sensor\": " + String(analogRead(A0)) + "}";
  if (sendFrame(TYPE_TEXT, reading)) Serial.println("Sent: " + reading);
}

// Prints a message. ws_server_example sends "192.168.1.5: on", quotation marks and all,
// http_ws_server_example just on: so what counts for the LED is how the message ends.
void messageReceived() {
  lastMessage = millis();
  Serial.print("Received: ");
  Serial.println(message);
  if (message.length() >= longest) Serial.println("(That was only its beginning.)");
  message.replace("\"", "");
  if (message == "on" || message.endsWith(": on")) ledOn = true;
  if (message == "off" || message.endsWith(": off")) ledOn = false;
}

// Without a Serial Monitor the LED tells the state: it blinks while the board joins the
// network, and is on for a moment at each message.
void showState(bool joined) {
  bool lit = ledOn || millis() - lastMessage < 100;
  if (!joined) lit = millis() / 250 % 2;
  digitalWrite(LED_BUILTIN, lit ? HIGH : LOW);
}

// Starts to join the network. loop() sees when it is done, or calls this again.
void joinNetwork() {
  client.stop();
  if (SECRET_SSID[0] == '<' || SECRET_SERVER[0] == '<') {
    Serial.println("Put your network and server into arduino_secrets.h, then upload again.");
  }
  Serial.println(String("Joining the network ") + SECRET_SSID + ", status " + WiFi.status());
  WiFi.begin(SECRET_SSID, SECRET_PASS);
}

// Connects to the server, or says why not.
void connectToServer() {
  Serial.print(IPAddress(WiFi.localIP()));
  Serial.println(String(" connects to ") + SECRET_SERVER + ":" + SECRET_PORT + SECRET_PATH);
  // stop() clears what is left of an old connection, but also sets the time limit to 30 s.
  client.stop();
  client.setHttpResponseTimeout(answerTime);
  // The library makes its keys with random(): without a seed they are always the same.
  randomSeed(micros());
  int status = client.begin(SECRET_PATH);
  // For the library it is a success too when only the answer's first line came.
  if (status == 0 && !client.endOfHeadersReached()) status = HTTP_ERROR_TIMED_OUT;
  if (status != 0) client.stop();
  Serial.println(meaning(status));
  lastConnect = lastHeard = millis();
  lastSend = 0;
}

// Returns in words what begin() returned: over 0 it is an HTTP status.
String meaning(int status) {
  if (status == 0) return "Connected.";
  if (status > 0) return "The server refused, with HTTP status " + String(status);
  if (status == HTTP_ERROR_TIMED_OUT) return "The server did not answer in time.";
  if (status == HTTP_ERROR_INVALID_RESPONSE) return "What answered is no WebSocket server.";
  return "Nobody answered. Is the server running, and is this its address?";
}

// Sends text or a control frame. Returns true if it went out.
bool sendFrame(int type, const String &payload) {
  // Of a message that does not fit its buffer of 128 bytes the library would send 8.
  if (payload.length() > WS_TX_BUFFER_SIZE) {
    Serial.println("Not sent: a message may have 128 bytes.");
    return false;
  }
  client.beginMessage(type);
  client.print(payload);
  if (client.endMessage() == 0) return true;
  hangUp("Not sent, the connection is lost.");
  return false;
}

// Reads one frame (RFC 6455, section 5.2) and does what it asks for. The library's own
// parseMessage() and readString() do not wait for bytes that are late.
void readFrame() {
  messageStart = lastHeard = millis();
  int first = readByte();
  int second = readByte();
  int type = first & 0x0F;
  // Pings and closes may come between the pieces of a message: they are kept apart from it.
  bool isControl = type & 0x08;
  String control;
  if (type == TYPE_TEXT || type == TYPE_BINARY) message = "";
  // A server does not mask, and nobody agreed on extensions: these bits have to be 0.
  bool isValid = !(first & 0x70) && !(second & 0x80);
  if (!isValid || !readPayload(isControl ? control : message, readLength(second & 0x7F))) {
    hangUp("The connection broke inside a message.");
  } else if (type == TYPE_CONNECTION_CLOSE) {
    // 0x03E8 is 1000, the code of a normal end.
    sendFrame(TYPE_CONNECTION_CLOSE, "\x03\xE8");
    hangUp("The server ended the connection.");
  } else if (type == TYPE_PING) {
    sendFrame(TYPE_PONG, control);
  } else if (!isControl && (first & 0x80)) {
    messageReceived();
  }
}

// Returns the length of a frame. Up to 125 it is in the frame's second byte; 126 and 127
// there say that it follows in 2 or 8 bytes.
uint64_t readLength(int code) {
  if (code < 126) return code;
  uint64_t length = 0;
  for (int bytes = code == 126 ? 2 : 8; bytes > 0; bytes--) {
    length = length << 8 | (readByte() & 0xFF);
  }
  return length;
}

// Adds length bytes to the payload. Returns false if they did not all come.
bool readPayload(String &payload, uint64_t length) {
  for (; length > 0; length--) {
    int incoming = readByte();
    if (incoming < 0) return false;
    if (payload.length() < longest) payload += (char)incoming;
  }
  return true;
}

// Returns the next byte from the server, or -1 when the connection or the time is over.
int readByte() {
  while (millis() - messageStart < messageTime) {
    if (wifi.available()) return wifi.read();
    if (!wifi.connected()) return -1;
  }
  return -1;
}

// Ends the connection; loop() makes a new one.
void hangUp(const char *reason) {
  Serial.println(reason);
  client.stop();
}

// Returns true the first time and then once per pause. The difference stays right when
// millis() begins at 0 again, after 49 days.
bool isTime(uint32_t &last, uint32_t pause) {
  if (last != 0 && millis() - last < pause) return false;
  last = millis();
  return true;
}
