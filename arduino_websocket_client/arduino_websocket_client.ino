/*
  WebSocket client for a board with Wi-Fi

  Joins a Wi-Fi network, connects to a WebSocket server, sends a sensor reading every
  five seconds, and prints every message that comes in. The messages on and off switch
  the LED. When the network or the server goes away, the sketch keeps trying until it's
  back.

  Run it with:     fill in your network and server in arduino_secrets.h, press Upload,
                   then open the Serial Monitor at 115200 baud
  You should see:  Connected.
                   Sent: {"sensor": 512}
  Needs:           the library ArduinoHttpClient (0.6.1) and your board's Wi-Fi library
  Circuit:         a potentiometer: outer pins to 3.3 V and GND, middle pin to A0
  Other tabs:      arduino_secrets.h for your network; board.h and frames.ino, which
                   you can skip

  After Tom Igoe's ArduinoWebsocketClient,
  https://github.com/tigoe/websocket-examples
*/
#include "arduino_secrets.h"
#include "board.h"
#include <ArduinoHttpClient.h>

// The connection to the server. For a server with TLS (wss://) write: WiFiSSLClient wifi;
WiFiClient wifi;
// Makes the handshake that turns this connection into a WebSocket.
WebSocketClient client(wifi, SECRET_SERVER, SECRET_PORT);

// All times are in milliseconds, like those that millis() returns.
const unsigned long readingPause = 5000;  // from one reading to the next
const unsigned long connectPause = 3000;  // from one attempt to connect to the next

// When each of these was last done.
unsigned long lastJoin = 0;
unsigned long lastConnect = 0;
unsigned long lastReading = 0;
unsigned long lastMessage = 0;

bool online = false;  // true while the WebSocket is open
bool isQuiet = false;  // true when messages come too fast to print them
bool ledOn = false;   // true after the message on, false after off

void setup() {
  Serial.begin(115200);
  pinMode(LED_BUILTIN, OUTPUT);
  // Give the Serial Monitor time to open, but run without it too.
  if (!Serial) {
    delay(3000);
  }
  prepareWiFi();
  // As if the last attempts were one pause ago, so the first ones start now.
  lastJoin = millis() - joinTime;
  lastConnect = millis() - connectPause;
}

// Each time through, it checks what is missing and does one thing about it.
void loop() {
  bool joined = isJoined();
  showState(joined);
  if (!joined) {
    joinNetwork();
  } else if (online) {
    readFrames();
    talk();
    checkConnection();
  } else if (isTime(lastConnect, connectPause)) {
    connectToServer();
  }
}

// Starts to join the network; loop() finds out if it worked. Some networks are slow, and
// each new attempt starts from the beginning, so the sketch waits before it tries again.
void joinNetwork() {
  hangUp("The Wi-Fi is lost.");
  if (isTime(lastJoin, joinLimit())) {
    adviseOnSecrets();
    Serial.println(String("Joining the network ") + SECRET_SSID + ", status " + WiFi.status());
    WiFi.begin(SECRET_SSID, SECRET_PASS);
  }
}

// Connects to the server, or says why it couldn't.
void connectToServer() {
  Serial.print(IPAddress(WiFi.localIP()));
  Serial.println(String(" connects to ") + SECRET_SERVER + ":" + SECRET_PORT + SECRET_PATH);
  prepareFrames();
  int status = client.begin(SECRET_PATH);
  online = isAccepted(status);
  Serial.println(meaning(status));
  lastConnect = millis();
  // Send the first reading at once. If the network is lost, join it again at once.
  lastReading = millis() - readingPause;
  lastJoin = millis() - joinTime;
}

// Sends a reading as JSON when it's time, and what you type into the Serial Monitor.
void talk() {
  if (isTime(lastReading, readingPause)) {
    sendText("{\"sensor\": " + String(analogRead(A0)) + "}");
  }
  sendTyped();
}

// Called for every message that arrives.
void messageReceived(const String &message) {
  String command = commandIn(message);
  if (command == "on" || command == "off") {
    ledOn = command == "on";
  }
  // When messages come too fast, the board only obeys on and off (see frames.ino). The LED
  // comes before the print, because printing is slow.
  if (!isQuiet) {
    lastMessage = millis();
    showState(true);
    Serial.print("Received: ");
    Serial.println(message);
  }
}

// The LED blinks while the board joins the network, flashes every two seconds while there
// is no server, and lights up for a moment at each message.
void showState(bool joined) {
  bool lit = ledOn || millis() - lastMessage < 100;
  if (!joined) {
    lit = millis() % 500 < 250;
  } else if (!online) {
    lit = millis() % 2000 < 100;
  }
  digitalWrite(LED_BUILTIN, lit ? LED_ON : LED_OFF);
}

// Returns true once per pause. The subtraction still works when millis() goes back to 0
// after 49 days.
bool isTime(unsigned long &last, unsigned long pause) {
  if (millis() - last < pause) {
    return false;
  }
  last = millis();
  return true;
}
