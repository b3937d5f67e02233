/*
  Picks the Wi-Fi library of your board

  You may skip this tab. Every board's software defines a name of its own, and #if asks for
  it. Each part includes the library and has prepareWiFi(): WiFi.begin() of most boards
  waits until the board has joined the network, and setTimeout() makes it return soon. The
  radio goes on joining by itself, except on the MKR1000: there begin() waits up to 60 s.

  WiFiSSLClient is the client for TLS (wss://), under the name that most libraries use.
*/
#pragma once
#include <Arduino.h>

#if defined(ARDUINO_SAMD_MKR1000)
// MKR1000. Checks who the server is by root certificates in the radio's memory.
#include <WiFi101.h>
void prepareWiFi() {}
#define NOT_FOUND WL_DISCONNECTED

#elif defined(ARDUINO_SAMD_MKRWIFI1010) || defined(ARDUINO_SAMD_NANO_33_IOT) || \
    defined(ARDUINO_NANO_RP2040_CONNECT) || defined(ARDUINO_SAMD_MKRVIDOR4000) || \
    defined(ARDUINO_AVR_UNO_WIFI_REV2)
// MKR WiFi 1010, Nano 33 IoT, Nano RP2040 Connect, MKR Vidor 4000, Uno WiFi Rev2. Checks
// who the server is by root certificates in the radio's memory.
#include <WiFiNINA.h>
void prepareWiFi() { WiFi.setTimeout(500); }
#define NOT_FOUND WL_CONNECT_FAILED
#define MAY_HAVE_FAILED WL_DISCONNECTED

#elif defined(ARDUINO_UNOR4_WIFI)
// UNO R4 WiFi. Checks who the server is by root certificates in the radio's memory.
#include <WiFiS3.h>
void prepareWiFi() { WiFi.setTimeout(500); }

#elif defined(ARDUINO_PORTENTA_H7_M7) || defined(ARDUINO_GIGA) || defined(ARDUINO_OPTA)
// Portenta H7, GIGA R1 WiFi, Opta WiFi. Checks who the server is by root certificates in
// the board's memory.
#include <WiFi.h>
#include <WiFiSSLClient.h>
void prepareWiFi() {}

#elif defined(ARDUINO_ARCH_ESP32)
// Nano ESP32 and other ESP32 boards. Checks who the server is if arduino_secrets.h has its
// root certificate. Without one the connection is encrypted, but may end at anybody.
#include <WiFi.h>
#include <WiFiClientSecure.h>
void prepareWiFi() {}
struct WiFiSSLClient : WiFiClientSecure {
  WiFiSSLClient() {
#ifdef SECRET_ROOT_CERTIFICATE
    setCACert(SECRET_ROOT_CERTIFICATE);
#else
    setInsecure();
#endif
  }
};

#elif defined(ARDUINO_ARCH_ESP8266)
// NodeMCU, D1 mini and other ESP8266 boards. Does not check who the server is: for that it
// would have to know the time of day.
#include <ESP8266WiFi.h>
void prepareWiFi() { WiFi.mode(WIFI_STA); }
struct WiFiSSLClient : WiFiClientSecure {
  WiFiSSLClient() { setInsecure(); }
};

#elif defined(ARDUINO_RASPBERRY_PI_PICO_W) || defined(ARDUINO_RASPBERRY_PI_PICO_2W)
// Raspberry Pi Pico W and Pico 2 W. Does not check who the server is, as ESP8266 boards.
#include <WiFi.h>
#include <WiFiClientSecure.h>
void prepareWiFi() {}
struct WiFiSSLClient : WiFiClientSecure {
  WiFiSSLClient() { setInsecure(); }
};

#else
#error "board.h knows MKR1000, MKR WiFi 1010, Nano 33 IoT, Nano RP2040 Connect, Uno WiFi Rev2, \
UNO R4 WiFi, Portenta H7, GIGA R1, Opta, ESP32, ESP8266 and Pico W. Choose one of them in the \
menu Tools > Board, or add yours there."
#endif

// The state of the radio when there is no network of this name.
#ifndef NOT_FOUND
#define NOT_FOUND WL_NO_SSID_AVAIL
#endif

// Tells whether the board is in the network. The UNO R4 WiFi says that it is connected some
// seconds before it has an address, and until then it can't reach anybody.
bool isJoined() {
  return WiFi.status() == WL_CONNECTED && (uint32_t)IPAddress(WiFi.localIP()) != 0;
}

// Returns how long a try to join is left alone, in milliseconds. A radio that has given up
// gets a new try soon. With WiFiNINA one state can mean either, so slow networks get 20 s.
const unsigned long joinTime = 60000;
unsigned long joinLimit() {
  int status = WiFi.status();
  if (status == WL_CONNECT_FAILED || status == NOT_FOUND) {
    return 10000;
  }
#ifdef MAY_HAVE_FAILED
  if (status == MAY_HAVE_FAILED) {
    return 25000;
  }
#endif
  return joinTime;
}

// Many ESP32 boards have their LED on pin 2, and don't say so.
#ifndef LED_BUILTIN
#define LED_BUILTIN 2
#endif

// On some boards the LED is between the pin and the supply: LOW switches it on.
#if defined(ARDUINO_ARCH_ESP8266) || defined(ARDUINO_PORTENTA_H7_M7) || defined(ARDUINO_GIGA)
#define LED_ON LOW
#define LED_OFF HIGH
#else
#define LED_ON HIGH
#define LED_OFF LOW
#endif

// Bytes kept of a message. An AVR board has 6 KB of memory, the others 32 KB or more.
#ifdef __AVR__
const unsigned int longestMessage = 1000;
#else
const unsigned int longestMessage = 4000;
#endif
