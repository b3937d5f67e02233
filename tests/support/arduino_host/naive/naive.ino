// A sketch that trusts ArduinoHttpClient, as most do. The tests use it to see that their own
// headers have the traps of the real library; it is no example to follow.
#include <ArduinoHttpClient.h>
#include <WiFiNINA.h>
#include "arduino_secrets.h"

WiFiClient wifi;
WebSocketClient client(wifi, SECRET_SERVER, SECRET_PORT);
uint32_t lastSend;

void setup() {
  while (WiFi.status() != WL_CONNECTED) WiFi.begin(SECRET_SSID, SECRET_PASS);
  client.begin(SECRET_PATH);
}

void loop() {
  if (!client.connected()) {
    client.begin();
    delay(1000);
    return;
  }
  if (millis() - lastSend > 5000) {
    String message = "{\"sensor\": " + String(analogRead(A0)) + "}";
    // From 1000 on the message is longer than the library's buffer.
    if (analogRead(A0) >= 1000) while (message.length() < 200) message += " ";
    client.beginMessage(TYPE_TEXT);
    client.print(message);
    client.endMessage();
    Serial.println("sending");
    lastSend = millis();
  }
  if (client.parseMessage() > 0) Serial.println("got " + client.readString());
}
